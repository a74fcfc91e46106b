//! A 社会保障卡 as ISO 7816 sees it: 社会保障系统环境 with two files of records, nothing else.

use crate::sandbox::persons::Person;

/// Its answer to reset: direct convention, T=0, historical bytes that belong to nobody.
const ATR: [u8; 9] = [0x3b, 0x65, 0x00, 0x00, b'S', b'A', b'N', b'D', b'B'];
/// The name of 社会保障系统环境.
const SSSE: &[u8] = &[
    0x73, 0x78, 0x31, 0x2e, 0x73, 0x68, 0x2e, 0xc9, 0xe7, 0xbb, 0xe1, 0xb1, 0xa3, 0xd5, 0xcf,
];

/// The status words it uses.
const FINE: [u8; 2] = [0x90, 0x00];
const NO_FILE: [u8; 2] = [0x6a, 0x82];
const NO_RECORD: [u8; 2] = [0x6a, 0x83];
const WRONG_PLACE: [u8; 2] = [0x6a, 0x86];
const NOT_NOW: [u8; 2] = [0x69, 0x86];
const WANTS_PIN: [u8; 2] = [0x69, 0x82];
const UNKNOWN: [u8; 2] = [0x6d, 0x00];

/// See the module docs.
#[derive(Clone)]
pub struct SocialCard {
    issuer: Vec<(u8, Vec<u8>)>,
    holder: Vec<(u8, Vec<u8>)>,
    is_locked: bool,
    is_bank_card: bool,
    at: Place,
}

/// What was selected last.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Nowhere,
    Ssse,
    Issuer,
    Holder,
}

impl std::fmt::Debug for SocialCard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SocialCard(..)")
    }
}

impl SocialCard {
    /// The card of this person.
    #[must_use]
    pub fn of(person: &Person) -> Self {
        let (name, _, _) = encoding_rs::GB18030.encode(&person.name);
        let sn = hex::decode(&person.card_sn).unwrap_or_default();
        let digits = person.born.replace('-', "");
        let born = hex::decode(digits).unwrap_or_default();
        Self {
            issuer: vec![
                (0x01, sn),
                (0x02, b"3".to_vec()),
                (0x03, b"2.00".to_vec()),
                (0x04, vec![0x43, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
                (0x05, vec![0x20, 0x21, 0x03, 0x15]),
                (0x06, vec![0x20, 0x31, 0x03, 0x14]),
                (0x07, filled(person.card_no.as_bytes(), 9)),
            ],
            holder: vec![
                (0x08, filled(person.idno.as_bytes(), 18)),
                (0x09, filled(&name, 30)),
                (0x4e, vec![0; 20]),
                (0x0a, person.gend.as_bytes().to_vec()),
                (0x0b, vec![0x01]),
                (0x0c, vec![0x43, 0x01, 0x00]),
                (0x0d, born),
            ],
            is_locked: false,
            is_bank_card: false,
            at: Place::Nowhere,
        }
    }

    /// One that gives what it holds only after its PIN.
    #[must_use]
    pub fn locked(self) -> Self {
        Self {
            is_locked: true,
            ..self
        }
    }

    /// A card of another kind: it knows no 社会保障系统环境.
    #[must_use]
    pub fn bank_card(self) -> Self {
        Self {
            is_bank_card: true,
            ..self
        }
    }

    /// One that stands, when it gets power, where it is usually first led to. Two such cards, one after the other
    /// between two commands, would answer as one.
    #[must_use]
    pub fn forward(self) -> Self {
        Self {
            at: Place::Holder,
            ..self
        }
    }

    /// What it says when it gets power.
    #[must_use]
    pub fn atr(&self) -> &'static [u8] {
        &ATR
    }

    /// Its answer to a command.
    pub fn answer(&mut self, command: &[u8]) -> Vec<u8> {
        match command {
            [0x00, 0xa4, 0x04, 0x00, 15, name @ ..] if name == SSSE && !self.is_bank_card => {
                self.at = Place::Ssse;
                FINE.to_vec()
            }
            [0x00, 0xa4, 0x00 | 0x02, 0x00, 2, file @ ..] if self.at != Place::Nowhere => {
                self.at = match file {
                    [0xef, 0x05] => Place::Issuer,
                    [0xef, 0x06] => Place::Holder,
                    _ => return NO_FILE.to_vec(),
                };
                FINE.to_vec()
            }
            [0x00, 0xa4, ..] => NO_FILE.to_vec(),
            [0x00, 0xb2, which, how, ..] => self.record(*which, *how),
            _ => UNKNOWN.to_vec(),
        }
    }

    fn record(&self, which: u8, how: u8) -> Vec<u8> {
        let records = match self.at {
            Place::Nowhere | Place::Ssse => return NOT_NOW.to_vec(),
            Place::Issuer => &self.issuer,
            Place::Holder => &self.holder,
        };
        if self.is_locked {
            return WANTS_PIN.to_vec();
        }
        let found = match how {
            0x00 => records.iter().find(|(tag, _)| *tag == which),
            0x04 => usize::from(which)
                .checked_sub(1)
                .and_then(|at| records.get(at)),
            _ => return WRONG_PLACE.to_vec(),
        };
        let Some((tag, value)) = found else {
            return NO_RECORD.to_vec();
        };
        let length = u8::try_from(value.len()).unwrap_or(u8::MAX);
        [&[*tag, length], value.as_slice(), &FINE].concat()
    }
}

fn filled(text: &[u8], length: usize) -> Vec<u8> {
    let mut bytes = text.to_vec();
    bytes.resize(length, 0);
    bytes
}
