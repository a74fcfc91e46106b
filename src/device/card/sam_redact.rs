//! Where the persons are in the frames of a 居民身份证 reader: in all that it says behind a status.

use super::sam::{BODY_BYTES_MAX, HEAD};
use crate::device::Way;
use crate::device::record::redact::Stream;
use crate::device::record::text::{self, NOBODYS_NUMBER};

/// Bytes before the data: head, length, status.
const BEFORE_BYTES: usize = HEAD.len() + 2 + 3;
/// Bytes of a command.
const COMMAND_BYTES: usize = 10;
/// Fields of the text and their bytes: name, sex, nation, birth, address, number, issuer, from, until.
const FIELDS: [usize; 9] = [30, 2, 4, 16, 70, 36, 30, 16, 16];
/// Bytes of all text.
const TEXT_BYTES: usize = 256;
/// Where the text says which kind of document it is.
const DOCUMENT: std::ops::Range<usize> = 248..250;

/// The shape of frames.
pub(crate) struct Frames;

impl Stream for Frames {
    fn first(&mut self, way: Way, raw: &[u8]) -> Option<Vec<u8>> {
        let noise = raw
            .windows(HEAD.len())
            .position(|bytes| bytes == HEAD)
            .unwrap_or_else(|| raw.len() - begun(raw));
        if noise > 0 {
            return Some(vec![0; noise]);
        }
        let length = raw.get(HEAD.len()..HEAD.len() + 2)?;
        let body = usize::from(u16::from_be_bytes([length[0], length[1]]));
        if !(3..=BODY_BYTES_MAX).contains(&body) {
            // No frame: its head is as good as noise.
            return Some(vec![0; HEAD.len()]);
        }
        let frame = raw.get(..HEAD.len() + 2 + body)?;
        Some(match way {
            Way::ToDevice if frame.len() == COMMAND_BYTES => frame.to_vec(),
            Way::ToDevice => vec![0; frame.len()],
            Way::FromDevice => answer(frame),
        })
    }
}

/// Bytes at the end that may be the beginning of a head.
fn begun(raw: &[u8]) -> usize {
    let most = raw.len().min(HEAD.len() - 1);
    let begins = |count: &usize| raw.ends_with(&HEAD[..*count]);
    (1..=most).rev().find(begins).unwrap_or(0)
}

fn answer(frame: &[u8]) -> Vec<u8> {
    let checked = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum ^ byte);
    // A check that is wrong stays wrong.
    let wrong = checked(&frame[HEAD.len()..]);
    let mut told = vec![0; frame.len()];
    let before = BEFORE_BYTES.min(frame.len() - 1);
    told[..before].copy_from_slice(&frame[..before]);
    if wrong == 0
        && let Some(data) = frame.get(BEFORE_BYTES..frame.len() - 1)
    {
        told[BEFORE_BYTES..frame.len() - 1].copy_from_slice(&document(data));
    }
    let check = wrong ^ checked(&told[HEAD.len()..]);
    if let Some(last) = told.last_mut() {
        *last = check;
    }
    told
}

/// Lengths, text and photo; anything else is blank.
fn document(data: &[u8]) -> Vec<u8> {
    let mut told = vec![0; data.len()];
    let [a, b, c, d, rest @ ..] = data else {
        return told;
    };
    let text_bytes = usize::from(u16::from_be_bytes([*a, *b]));
    let photo_bytes = usize::from(u16::from_be_bytes([*c, *d]));
    if text_bytes != TEXT_BYTES || rest.len() != TEXT_BYTES + photo_bytes {
        return told;
    }
    told[..4].copy_from_slice(&data[..4]);
    told[4..4 + TEXT_BYTES].copy_from_slice(&particulars(&rest[..TEXT_BYTES]));
    told
}

fn particulars(raw: &[u8]) -> Vec<u8> {
    let blank = [0x20, 0x00].repeat(TEXT_BYTES / 2);
    let mut told = blank;
    let mut at = 0;
    for (index, bytes) in FIELDS.into_iter().enumerate() {
        let field = &raw[at..at + bytes];
        let hidden = match index {
            1 => utf16("1"),
            2 => utf16("01"),
            3 => utf16("19000101"),
            5 if is_number(field) => utf16(&String::from_utf8_lossy(NOBODYS_NUMBER)),
            7 => utf16("20200131"),
            8 if field.starts_with(&utf16("长期")) => utf16("长期"),
            8 => utf16("20400131"),
            _ => characters(field),
        };
        let count = hidden.len().min(bytes);
        told[at..at + count].copy_from_slice(&hidden[..count]);
        at += bytes;
    }
    told[DOCUMENT].copy_from_slice(match raw[DOCUMENT] {
        // Residents, foreigners, residents of 港澳台.
        [b' ' | b'I' | b'J' | 0, 0] => &raw[DOCUMENT],
        _ => &[0x20, 0x00],
    });
    told
}

fn is_number(field: &[u8]) -> bool {
    let text: String = field
        .chunks_exact(2)
        .map(|pair| char::from(if pair[1] == 0 { pair[0] } else { 0 }))
        .collect();
    crate::person::resident_id_is_valid(&text)
}

/// A unit by a unit; the filling stays.
fn characters(field: &[u8]) -> Vec<u8> {
    let units = field.chunks_exact(2).map(|pair| match pair {
        [low @ (0 | 0x20..=0x7e), 0] => [text::ascii(*low), 0],
        _ => [0xd0, 0x67],
    });
    units.flatten().collect()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}
