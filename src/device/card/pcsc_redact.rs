//! Where the persons are in what the daemon and `yibao-card` say to each other: in the card's records, in what a card
//! tells of itself on reset, and in the names of readers, which carry serial numbers.

use super::frame::{self, Ask, Bytes, Seen, Told};
use super::kinds;
use crate::device::Way;
use crate::device::record::redact::Messages;
use crate::device::record::text::{self, NOBODYS_NUMBER};
use crate::person::resident_id_is_valid;

/// Instructions whose commands hold nothing of a person: SELECT, READ RECORD, GET RESPONSE.
const SELECT: u8 = 0xa4;
const READ_RECORD: u8 = 0xb2;
const GET_RESPONSE: u8 = 0xc0;
/// Readers and cards that are told apart.
const TOLD_APART_MAX: usize = 16;
/// What a card with contacts to pcscd's shape of a memory card begins its history with.
const STORAGE_CARD: [u8; 8] = [0x80, 0x4f, 0x0c, 0xa0, 0x00, 0x00, 0x03, 0x06];

/// The shape of messages.
#[derive(Default)]
pub(crate) struct CardTalk {
    /// Names of readers, in the order in which they came.
    readers: Vec<String>,
    /// Identification codes of cards, in the order in which they came: a card that was swapped stays another one.
    cards: Vec<Bytes>,
    /// The answers are to the reading of a record.
    reads_record: bool,
}

impl Messages for CardTalk {
    fn message(&mut self, way: Way, raw: &[u8]) -> Vec<u8> {
        let told = match way {
            Way::ToDevice => serde_json::from_slice(raw).map(|ask| json(&self.asked(ask))),
            Way::FromDevice => serde_json::from_slice(raw).map(|told| json(&self.told(told))),
        };
        told.unwrap_or_else(|_| b"{}".to_vec())
    }

    fn about(&mut self, raw: &[u8]) -> Vec<u8> {
        self.message(Way::FromDevice, raw)
    }
}

impl CardTalk {
    fn asked(&mut self, ask: Ask) -> Ask {
        match ask {
            Ask::Begin { id, reader } => Ask::Begin {
                id,
                reader: self.reader(&reader),
            },
            Ask::Apdu { id, command } => Ask::Apdu {
                id,
                command: self.command(&command),
            },
            // A template; whatever is filled in, is filled in by the reader.
            Ask::Pin { id, entry } => {
                self.reads_record = false;
                Ask::Pin { id, entry }
            }
            Ask::End { id } => Ask::End { id },
        }
    }

    fn told(&mut self, told: Told) -> Told {
        match told {
            Told::Readers { readers } => Told::Readers {
                readers: readers.into_iter().map(|seen| self.seen(seen)).collect(),
            },
            Told::Reply { id, reply } => Told::Reply {
                id,
                reply: self.reply(&reply),
            },
            Told::Hello { .. }
            | Told::Trouble { .. }
            | Told::Begun { .. }
            | Told::Ended { .. }
            | Told::Failed { .. } => told,
        }
    }

    fn seen(&mut self, seen: Seen) -> Seen {
        Seen {
            name: self.reader(&seen.name),
            changes: seen.changes,
            atr: seen.atr.map(|atr| Bytes::new(reset(atr.expose()))),
            is_mute: seen.is_mute,
            is_unknown: seen.is_unknown,
        }
    }

    fn reader(&mut self, name: &str) -> String {
        let place = place_of(&mut self.readers, name.to_owned());
        format!("Reader {place}")
    }

    fn command(&mut self, command: &Bytes) -> Bytes {
        let bytes = command.expose();
        let instruction = bytes.get(1).copied().unwrap_or_default();
        if instruction != GET_RESPONSE {
            self.reads_record = instruction == READ_RECORD;
        }
        if matches!(instruction, SELECT | READ_RECORD | GET_RESPONSE) {
            return command.clone();
        }
        // The instruction stays; whatever is given with it does not.
        let kept = bytes.iter().take(2).copied();
        let blank = std::iter::repeat_n(0, bytes.len().saturating_sub(2));
        Bytes::new(kept.chain(blank).collect::<Vec<u8>>())
    }

    fn reply(&mut self, reply: &Bytes) -> Bytes {
        let bytes = reply.expose();
        let (data, word) = bytes.split_at(bytes.len().saturating_sub(2));
        let mut told = match data {
            [tag, length, value @ ..]
                if self.reads_record && usize::from(*length) == value.len() =>
            {
                let mut told = vec![*tag, *length];
                told.extend(self.value(*tag, value));
                told
            }
            _ => vec![0; data.len()],
        };
        told.extend(word);
        Bytes::new(told)
    }

    /// A record's value. Sources of the tags: `social`.
    fn value(&mut self, tag: u8, value: &[u8]) -> Vec<u8> {
        let count = value.len();
        match tag {
            0x01 => self.card_sn(value),
            0x03 if value.iter().all(|b| b.is_ascii_digit() || *b == b'.') => value.to_vec(),
            0x05 if count == 4 => vec![0x20, 0x20, 0x01, 0x31],
            0x06 if count == 4 => vec![0x20, 0x40, 0x01, 0x31],
            0x07 => ascii_only(value),
            0x08 if String::from_utf8(value.to_vec()).is_ok_and(|it| resident_id_is_valid(&it)) => {
                NOBODYS_NUMBER.to_vec()
            }
            0x08 => ascii_only(value),
            0x09 | 0x4e => text::gb18030(value).unwrap_or_else(|| vec![0; count]),
            _ => vec![0; count],
        }
    }

    fn card_sn(&mut self, value: &[u8]) -> Vec<u8> {
        let is_blank = value.iter().all(|byte| *byte == 0xff || *byte == 0);
        if is_blank {
            return value.to_vec();
        }
        let place = place_of(&mut self.cards, Bytes::new(value));
        let mut told = vec![0; value.len()];
        for (byte, shown) in told.iter_mut().zip([0x11, 0x01, 0x00]) {
            *byte = shown;
        }
        if let Some(last) = told.last_mut() {
            *last = u8::try_from(place).unwrap_or(u8::MAX);
        }
        told
    }
}

/// Letters by letters and digits by digits; what is neither is blank.
fn ascii_only(value: &[u8]) -> Vec<u8> {
    let plain = value.iter().map(|byte| match byte {
        0 | 0xff | b' ' => *byte,
        byte if byte.is_ascii_alphanumeric() => text::ascii(*byte),
        _ => 0,
    });
    plain.collect()
}

/// Its place among those that were seen, from 1; those behind the last one share it.
fn place_of<T: PartialEq>(seen: &mut Vec<T>, one: T) -> usize {
    if let Some(place) = seen.iter().position(|other| *other == one) {
        return place + 1;
    }
    if seen.len() < TOLD_APART_MAX {
        seen.push(one);
    }
    seen.len()
}

/// An answer to reset says which chip it is, and in its historical bytes whatever its issuer likes: those are blank but
/// where they say that it is a memory card.
fn reset(atr: &[u8]) -> Vec<u8> {
    let mut told = vec![0; atr.len()];
    let (Some(history), true) = (history_of(atr), kinds::of(atr).is_some()) else {
        if let (Some(first), Some(convention)) = (told.first_mut(), atr.first()) {
            *first = *convention;
        }
        return told;
    };
    told[..history.start].copy_from_slice(&atr[..history.start]);
    if atr[history.clone()].starts_with(&STORAGE_CARD) {
        let kept = history.start..history.start + STORAGE_CARD.len();
        told[kept.clone()].copy_from_slice(&atr[kept]);
    }
    if history.end < told.len() {
        // The check byte makes the exclusive or of all from the format on zero.
        let sum = told[1..history.end].iter().fold(0, |sum, byte| sum ^ byte);
        told[history.end] = sum;
    }
    told
}

/// Where the historical bytes of an answer to reset stand (ISO 7816-3); `None`: it is no answer to reset.
fn history_of(atr: &[u8]) -> Option<std::ops::Range<usize>> {
    let format = *atr.get(1)?;
    let (mut at, mut announced) = (2, format >> 4);
    while announced != 0 {
        let count = usize::try_from(announced.count_ones()).ok()?;
        let goes_on = announced & 0x08 != 0;
        at += count;
        announced = if goes_on { *atr.get(at - 1)? >> 4 } else { 0 };
    }
    let end = at + usize::from(format & 0x0f);
    (end <= atr.len()).then_some(at..end)
}

fn json<T: serde::Serialize>(message: &T) -> Vec<u8> {
    let whole = frame::encode(message);
    // Behind the length.
    whole.map_or_else(|_| b"{}".to_vec(), |whole| whole[4..].to_vec())
}
