//! What is told of the talk with a print service: requests and answers whole, documents only by their length.
//!
//! Of attributes those are told that a driver writes or reads; all others are left out. Numbers and keywords stay;
//! names and texts keep their shape, users and addresses become one that is nobody's. PURE.

use super::message::{OF_JOB, OF_PRINTER};
use crate::device::Way;
use crate::device::record::redact::Messages;
use crate::device::record::text;

/// What else stands in requests and answers.
const OTHERS: [&str; 13] = [
    "attributes-charset",
    "attributes-natural-language",
    "document-format",
    "document-name",
    "job-uri",
    "last-document",
    "limit",
    "printer-uri",
    "requested-attributes",
    "requesting-user-name",
    "status-message",
    "which-jobs",
    "detailed-status-message",
];
/// Version, operation or status, number of the request.
const HEADER_BYTES: usize = 8;
/// Longest record of a recording.
const TOLD_BYTES_MAX: usize = 65_536;
/// Tags of RFC 8010.
const END_OF_ATTRIBUTES: u8 = 0x03;
const DELIMITER_MAX: u8 = 0x0f;
const OUT_OF_BAND_MAX: u8 = 0x1f;
const INTEGER: u8 = 0x21;
const BOOLEAN: u8 = 0x22;
const ENUM: u8 = 0x23;
const TEXT: u8 = 0x41;
const NAME: u8 = 0x42;
const KEYWORD: u8 = 0x44;
const URI: u8 = 0x45;
const CHARSET: u8 = 0x47;
const LANGUAGE: u8 = 0x48;
const MEDIA_TYPE: u8 = 0x49;
/// In place of an address, and of a user.
const ADDRESS: &[u8] = b"ipp://localhost/";
const USER: &[u8] = b"user";
/// Digits that a word of IPP has at most, such as `utf-8` or `iso-8859`.
const WORD_DIGITS_MAX: usize = 4;
/// What stands for a message that is none.
const BLANK: &[u8] = &[0; 16];

/// A status of HTTP that says that there was no answer of IPP.
pub(super) fn status_line(status: u16) -> Vec<u8> {
    format!("HTTP {status:03}").into_bytes()
}

/// A document went behind its request.
pub(super) fn document_line(bytes: u64) -> Vec<u8> {
    format!("document of {bytes} bytes").into_bytes()
}

/// The shape of requests and answers.
#[derive(Default)]
pub(crate) struct QueueTalk;

impl Messages for QueueTalk {
    fn message(&mut self, _way: Way, raw: &[u8]) -> Vec<u8> {
        if is_line(raw) {
            return raw.to_vec();
        }
        hidden(raw).unwrap_or_else(|| BLANK.to_vec())
    }

    fn about(&mut self, _raw: &[u8]) -> Vec<u8> {
        Vec::new()
    }
}

/// Whether it is one of our own lines, with nothing else in it.
fn is_line(raw: &[u8]) -> bool {
    let number = |digits: &[u8], longest: usize| {
        (1..=longest).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit)
    };
    let document = raw.strip_prefix(b"document of ");
    let document = document.and_then(|it| it.strip_suffix(b" bytes"));
    raw.strip_prefix(b"HTTP ").is_some_and(|it| number(it, 3))
        || document.is_some_and(|it| number(it, 12))
}

/// A message without what is not told; `None`: it is no message of IPP.
fn hidden(raw: &[u8]) -> Option<Vec<u8>> {
    let (header, mut rest) = raw.split_at_checked(HEADER_BYTES)?;
    let [major @ 1..=2, minor @ 0..=9, high, low, ..] = *header else {
        return None;
    };
    // The number of the request is not told: every answer stands behind its own.
    let mut told = vec![major, minor, high, low, 0, 0, 0, 1];
    let mut known: Option<&str> = None;
    // Half a list of jobs is a message still.
    let mut is_full = false;
    loop {
        let (tag, behind) = rest.split_first()?;
        rest = behind;
        if *tag <= DELIMITER_MAX {
            known = None;
            if *tag == END_OF_ATTRIBUTES {
                told.push(*tag);
                return Some(told);
            }
            is_full |= told.len() + 1 >= TOLD_BYTES_MAX;
            told.extend((!is_full).then_some(*tag));
            continue;
        }
        let name = field(&mut rest)?;
        let value = field(&mut rest)?;
        if !name.is_empty() {
            let mut names = OF_PRINTER.iter().chain(&OF_JOB).chain(&OTHERS);
            known = names.find(|it| it.as_bytes() == name).copied();
        }
        let Some(value) = known.and_then(|known| value_of(known, *tag, value)) else {
            // What stands within it goes with it.
            known = None;
            continue;
        };
        let mut attribute = vec![*tag];
        for part in [name, &value] {
            attribute.extend(u16::try_from(part.len()).ok()?.to_be_bytes());
            attribute.extend(part);
        }
        is_full |= told.len() + attribute.len() >= TOLD_BYTES_MAX;
        if !is_full {
            told.extend(attribute);
        }
    }
}

/// The next bytes behind their length.
fn field<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, behind) = rest.split_first_chunk::<2>()?;
    let length = usize::from(u16::from_be_bytes(*length));
    let (field, behind) = behind.split_at_checked(length)?;
    *rest = behind;
    Some(field)
}

/// What is told of a value; `None`: nothing.
fn value_of(name: &str, tag: u8, value: &[u8]) -> Option<Vec<u8>> {
    if name == "requesting-user-name" {
        return Some(USER.to_vec());
    }
    match tag {
        ..=OUT_OF_BAND_MAX if value.is_empty() => Some(Vec::new()),
        INTEGER | ENUM if value.len() == 4 => Some(value.to_vec()),
        BOOLEAN if value.len() == 1 => Some(value.to_vec()),
        KEYWORD | CHARSET | LANGUAGE | MEDIA_TYPE => Some(match is_word(value) {
            true => value.to_vec(),
            false => text::code(value),
        }),
        TEXT | NAME => Some(text::code(value)),
        URI => Some(ADDRESS.to_vec()),
        _ => None,
    }
}

/// A word as the registry of IPP has them: nobody is called so.
fn is_word(value: &[u8]) -> bool {
    let is_plain =
        |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' | b'+');
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    value.iter().all(is_plain) && digits <= WORD_DIGITS_MAX
}
