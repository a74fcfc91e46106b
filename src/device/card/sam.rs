//! The frames of 居民身份证 readers and what a 居民身份证 says, as their makers publish it.
//!
//! ```text
//! AA AA AA 96 69 │ length (2, the highest byte first) │ command and parameter, or a status of three bytes and data │ check
//! ```
//!
//! The check makes the exclusive or of everything from the length on zero. Text is UTF-16 with the lowest byte
//! first, filled with blanks. It must not know how bytes travel.

use zeroize::Zeroizing;

use super::fields::day_of;
use super::shown::{Medium, Photo, Resident, ShownCard};
use super::trouble::Failure;
use crate::book::Code;
use crate::person::{CardNo, IdNo, Name, Particular, resident_id_is_valid};

/// How every frame begins.
pub(super) const HEAD: [u8; 5] = [0xaa, 0xaa, 0xaa, 0x96, 0x69];
/// Longest frame behind its length, in bytes: text, photo and fingerprints leave room.
pub(super) const BODY_BYTES_MAX: usize = 4_096;
/// Bytes kept while a frame is looked for.
const KEPT_BYTES_MAX: usize = 2 * BODY_BYTES_MAX;
/// Bytes of all text.
const TEXT_BYTES: usize = 256;
/// Where the text says which kind of document it is: blank for residents.
const DOCUMENT_AT: usize = 248;

/// What a reader is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Does its security module work?
    Status,
    /// Is there a document?
    Find,
    /// Take the one that was found.
    Select,
    /// Text and photo.
    Read,
}

impl Command {
    /// Its frame.
    pub(crate) fn frame(self) -> [u8; 10] {
        let (command, parameter) = match self {
            Self::Status => (0x11, 0xff),
            Self::Find => (0x20, 0x01),
            Self::Select => (0x20, 0x02),
            Self::Read => (0x30, 0x01),
        };
        let check = 0x03 ^ command ^ parameter;
        let [a, b, c, d, e] = HEAD;
        [a, b, c, d, e, 0x00, 0x03, command, parameter, check]
    }
}

/// What a reader answered.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The third byte of its status; the first two are zero in all that are known.
    pub(crate) status: u8,
    /// What stands behind it.
    pub(crate) data: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answer({:02X}, {} bytes)", self.status, self.data.len())
    }
}

impl Answer {
    /// Done.
    pub(crate) const DONE: u8 = 0x90;
    /// A document was found.
    pub(crate) const FOUND: u8 = 0x9f;
    /// No document was found.
    pub(crate) const NONE_FOUND: u8 = 0x80;
    /// The document could not be selected.
    pub(crate) const NOT_SELECTED: u8 = 0x81;
    /// The document could not be read.
    pub(crate) const NOT_READ: u8 = 0x41;
}

/// Finds frames among bytes.
#[derive(Default)]
pub(crate) struct Framer {
    kept: Zeroizing<Vec<u8>>,
}

impl Framer {
    /// Takes what came. The next whole frame, if there is one; an error: one whose check is wrong.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Option<Result<Answer, Failure>> {
        self.kept.extend_from_slice(bytes);
        let found = self.next();
        let excess = self.kept.len().saturating_sub(KEPT_BYTES_MAX);
        self.kept.drain(..excess);
        found
    }

    /// Whether something came that is no whole frame.
    pub(crate) fn is_torn(&self) -> bool {
        !self.kept.is_empty()
    }

    fn next(&mut self) -> Option<Result<Answer, Failure>> {
        let at = self
            .kept
            .windows(HEAD.len())
            .position(|bytes| bytes == HEAD)?;
        let rest = &self.kept[at + HEAD.len()..];
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let body = usize::from(u16::from_be_bytes(*length));
        if !(4..=BODY_BYTES_MAX).contains(&body) {
            self.kept.drain(..at + HEAD.len());
            return Some(Err(garbled("a frame of an impossible length")));
        }
        let frame = Zeroizing::new(rest.get(..body)?.to_vec());
        let sum = length
            .iter()
            .chain(frame.iter())
            .fold(0, |sum, byte| sum ^ byte);
        self.kept.drain(..at + HEAD.len() + 2 + body);
        if sum != 0 {
            return Some(Err(garbled("a frame whose check is wrong")));
        }
        let (data, status) = (&frame[3..body - 1], frame[2]);
        Some(Ok(Answer {
            status,
            data: Zeroizing::new(data.to_vec()),
        }))
    }
}

fn garbled(what: &str) -> Failure {
    Failure::card(Code::CardUnreadable, what)
}

/// What the answer to [`Command::Read`] says: text, then photo, behind the lengths of both.
pub(crate) fn document(data: &[u8]) -> Result<ShownCard, Failure> {
    let head = data.split_first_chunk::<4>();
    let Some(([text_high, text_low, photo_high, photo_low], rest)) = head else {
        return Err(garbled("no lengths"));
    };
    let text_bytes = usize::from(u16::from_be_bytes([*text_high, *text_low]));
    let photo_bytes = usize::from(u16::from_be_bytes([*photo_high, *photo_low]));
    if text_bytes != TEXT_BYTES || rest.len() != text_bytes + photo_bytes {
        return Err(garbled("lengths that do not fit"));
    }
    let (text, photo) = rest.split_at(TEXT_BYTES);
    let mut fields = Fields { left: text };
    let name = Name::new(fields.take(30)?.as_str());
    let sex = fields.take(2)?.to_string();
    let nation = fields.take(4)?.to_string();
    let birth = fields.take(16)?;
    let address = Particular::new(fields.take(70)?.as_str());
    let certno = IdNo::new(fields.take(36)?.as_str());
    let issuer = fields.take(30)?.to_string();
    let (from, until) = (fields.take(16)?, fields.take(16)?);
    match text.get(DOCUMENT_AT..DOCUMENT_AT + 2) {
        Some([0x20 | 0x00, 0x00]) => {}
        // `I`: 外国人永久居留身份证, laid out in another way; `J`: 港澳台居民居住证.
        Some(_) | None => return Err(Failure::card(Code::CardUnknownKind, "another document")),
    }
    if name.is_empty() || !resident_id_is_valid(certno.expose()) {
        return Err(garbled("no name, or a number whose check is wrong"));
    }
    let birth = day_of(&birth).ok_or_else(|| garbled("no day of birth"))?;
    let valid_until = match until.as_str() {
        "长期" => "long".to_owned(),
        digits => day_of(digits).ok_or_else(|| garbled("no last day"))?,
    };
    Ok(ShownCard {
        medium: Medium::ResidentId,
        kind: "resident-id",
        name,
        certno,
        card_no: CardNo::default(),
        card_sn: CardNo::default(),
        region: String::new(),
        version: String::new(),
        valid_from: day_of(&from).ok_or_else(|| garbled("no first day"))?,
        valid_until,
        resident: Some(Resident {
            sex,
            nation,
            birth: Particular::new(birth),
            address,
            issuer,
            photo: Photo::new(photo),
        }),
        atr: Vec::new(),
    })
}

struct Fields<'a> {
    left: &'a [u8],
}

impl Fields<'_> {
    /// The next text, without its filling.
    fn take(&mut self, bytes: usize) -> Result<Zeroizing<String>, Failure> {
        let Some((field, left)) = self.left.split_at_checked(bytes) else {
            return Err(garbled("the text is short"));
        };
        self.left = left;
        let units = field
            .chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        let text: Result<String, _> = char::decode_utf16(units).collect();
        let text = Zeroizing::new(text.map_err(|_| garbled("no text"))?);
        let trimmed = text.trim_end_matches([' ', '\0']);
        if trimmed.chars().any(char::is_control) {
            return Err(garbled("control characters in the text"));
        }
        Ok(Zeroizing::new(trimmed.to_owned()))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::device::card) fn framed(body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len() + 1).unwrap().to_be_bytes();
        let check = length.iter().chain(body).fold(0, |sum, byte| sum ^ byte);
        [&HEAD[..], &length, body, &[check]].concat()
    }

    fn field(text: &str, bytes: usize) -> Vec<u8> {
        let mut field: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        while field.len() < bytes {
            field.extend([0x20, 0x00]);
        }
        field
    }

    fn text(certno: &str, until: &str, document: &str) -> Vec<u8> {
        text_of("欧阳虚构", certno, until, document)
    }

    fn text_of(name: &str, certno: &str, until: &str, document: &str) -> Vec<u8> {
        [
            field(name, 30),
            field("2", 2),
            field("01", 4),
            field("19000101", 16),
            field("虚构省虚构市虚构路1号", 70),
            field(certno, 36),
            field("虚构市公安局", 30),
            field("20200131", 16),
            field(until, 16),
            field("", 28),
            field(document, 8),
        ]
        .concat()
    }

    fn data(text: &[u8]) -> Vec<u8> {
        [&[0x01, 0x00, 0x04, 0x00], text, &[0x57; 1024]].concat()
    }

    /// What a reader answers to [`Command::Read`] behind its status, of this person's document.
    pub(in crate::device::card) fn document_of(name: &str, certno: &str) -> Vec<u8> {
        data(&text_of(name, certno, "20300131", ""))
    }

    const CERTNO: &str = "110101190001011009";

    #[test]
    fn commands_are_those_that_the_makers_publish() {
        let digits = |command: Command| hex::encode(command.frame());
        assert_eq!(digits(Command::Find), "aaaaaa96690003200122");
        assert_eq!(digits(Command::Select), "aaaaaa96690003200221");
        assert_eq!(digits(Command::Read), "aaaaaa96690003300132");
        assert_eq!(digits(Command::Status), "aaaaaa9669000311ffed");
    }

    #[test]
    fn frames_are_found_however_they_come() {
        // The published answer to a search that found one.
        let found = hex::decode("aaaaaa9669000800009f0000000097").unwrap();
        let noisy = [&[0x00, 0xaa, 0xaa, 0x13], found.as_slice(), &[0xaa]].concat();
        for size in 1..noisy.len() {
            let mut framer = Framer::default();
            let answers: Vec<Answer> = noisy
                .chunks(size)
                .filter_map(|chunk| framer.push(chunk))
                .map(Result::unwrap)
                .collect();
            assert_eq!(answers.len(), 1, "{size}");
            assert_eq!(
                (answers[0].status, answers[0].data.len()),
                (Answer::FOUND, 4)
            );
            assert!(framer.is_torn());
        }
    }

    #[test]
    fn a_wrong_check_is_an_error_and_the_next_frame_is_found() {
        let mut torn = framed(&[0, 0, Answer::FOUND]);
        *torn.last_mut().unwrap() ^= 1;
        let mut framer = Framer::default();
        assert!(framer.push(&torn).unwrap().is_err());
        let next = framer
            .push(&framed(&[0, 0, Answer::NONE_FOUND]))
            .unwrap()
            .unwrap();
        assert_eq!(next.status, Answer::NONE_FOUND);
        assert!(
            framer
                .push(&[&HEAD[..], &[0xff, 0xff]].concat())
                .unwrap()
                .is_err()
        );
        for _ in 0..100 {
            assert!(framer.push(&[0x55; 1_000]).is_none());
        }
        assert!(framer.kept.len() <= KEPT_BYTES_MAX);
    }

    #[test]
    fn a_document_is_read_and_shows_nothing() {
        let shown = document(&data(&text(CERTNO, "20300131", ""))).unwrap();
        assert_eq!(
            (shown.name.expose(), shown.certno.expose()),
            ("欧阳虚构", CERTNO)
        );
        assert_eq!(
            (shown.valid_from.as_str(), shown.valid_until.as_str()),
            ("2020-01-31", "2030-01-31")
        );
        let told = format!("{shown:?}");
        let resident = shown.resident.unwrap();
        assert_eq!(resident.birth.expose(), "1900-01-01");
        assert_eq!(resident.address.expose(), "虚构省虚构市虚构路1号");
        assert_eq!(resident.photo.expose().len(), 1024);
        for hidden in ["欧阳", CERTNO, "1900-01-01", "虚构路"] {
            assert!(!told.contains(hidden), "{told}");
        }
        let long = document(&data(&text(CERTNO, "长期", ""))).unwrap();
        assert_eq!(long.valid_until, "long");
    }

    #[test]
    fn what_is_no_document_is_refused() {
        let code = |data: &[u8]| document(data).unwrap_err().error().code;
        let right = data(&text(CERTNO, "长期", ""));
        assert_eq!(code(&right[..right.len() - 1]), Code::CardUnreadable);
        assert_eq!(code(&[]), Code::CardUnreadable);
        assert_eq!(
            code(&data(&text("110101190001011008", "长期", ""))),
            Code::CardUnreadable
        );
        assert_eq!(
            code(&data(&text(CERTNO, "20301301", ""))),
            Code::CardUnreadable
        );
        assert_eq!(
            code(&data(&text(CERTNO, "长期", "I"))),
            Code::CardUnknownKind
        );
        let mut lone = right;
        // Half of a pair of surrogates.
        lone[4..6].copy_from_slice(&[0x00, 0xd8]);
        assert_eq!(code(&lone), Code::CardUnreadable);
    }
}
