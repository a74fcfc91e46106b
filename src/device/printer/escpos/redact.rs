//! Where the persons are on a receipt: in everything that is printed. Commands stay.
//!
//! Only commands that are known are told from print. From the first one that is not, until the line is opened anew,
//! everything is blank: what would be taken for a command may be somebody's name.

use crate::device::Way;
use crate::device::record::redact::Stream;
use crate::device::record::text;

const DLE: u8 = 0x10;
const ESC: u8 = 0x1b;
const FS: u8 = 0x1c;
const GS: u8 = 0x1d;

/// What nobody takes for an answer of a printer.
const FOREIGN: u8 = 0xff;
/// In place of what is stored in a symbol.
const SYMBOL: u8 = b'0';
/// Answer to `GS ( H`.
const PROCESS_ANSWER_BYTES: usize = 7;

/// The shape of a receipt.
#[derive(Default)]
pub(crate) struct Receipt {
    /// A command came that is not known.
    is_lost: bool,
    /// So much data of a command is on its way, and what is told in its place.
    data: (usize, u8),
}

/// What a command is.
enum Command {
    /// Not whole yet.
    Short,
    /// Not known.
    Unknown,
    /// So many bytes that stay.
    Fixed(usize),
    /// So many bytes that stay, then so many of data, and what is told in place of each.
    Data(usize, usize, u8),
    /// Bytes that stay, and data up to a NUL.
    UntilNul(usize),
}

impl Stream for Receipt {
    fn first(&mut self, way: Way, raw: &[u8]) -> Option<Vec<u8>> {
        if raw.is_empty() {
            return None;
        }
        match way {
            Way::FromDevice => self.answer(raw),
            Way::ToDevice => self.printed(raw),
        }
    }

    fn rest(&mut self, way: Way, raw: &[u8]) -> Vec<u8> {
        match way {
            Way::FromDevice => vec![FOREIGN; raw.len()],
            Way::ToDevice => {
                self.is_lost |= raw.first().is_some_and(|byte| is_lead(*byte));
                vec![0; raw.len()]
            }
        }
    }

    fn begin(&mut self) {
        *self = Self::default();
    }
}

impl Receipt {
    fn printed(&mut self, raw: &[u8]) -> Option<Vec<u8>> {
        if self.is_lost {
            return Some(vec![0; raw.len()]);
        }
        let (left, by) = self.data;
        if left > 0 {
            let count = left.min(raw.len());
            self.data.0 -= count;
            return Some(vec![by; count]);
        }
        if !is_lead(raw[0]) {
            return text::first_of_receipt(raw);
        }
        match command(raw) {
            Command::Short => None,
            Command::Unknown => {
                self.is_lost = true;
                Some(vec![0; raw.len()])
            }
            Command::Fixed(length) => raw.get(..length).map(<[u8]>::to_vec),
            Command::Data(head, data, by) => {
                let head = raw.get(..head)?.to_vec();
                self.data = (data, by);
                Some(head)
            }
            Command::UntilNul(head) => {
                let data = raw.get(head..)?.iter().position(|byte| *byte == 0)?;
                let mut told = raw[..head].to_vec();
                told.extend(vec![SYMBOL; data]);
                told.push(0);
                Some(told)
            }
        }
    }

    /// Answers are known by their fixed bits; text, such as a printer's own serial number, is not among them.
    fn answer(&mut self, raw: &[u8]) -> Option<Vec<u8>> {
        if self.is_lost {
            return Some(vec![FOREIGN; raw.len()]);
        }
        if raw[0] == 0x37 {
            return match raw.get(..PROCESS_ANSWER_BYTES) {
                Some([0x37, 0x22, .., 0]) => Some(raw[..PROCESS_ANSWER_BYTES].to_vec()),
                Some(_) => Some(vec![FOREIGN]),
                None => None,
            };
        }
        let is_status = raw[0] & 0x93 == 0x12 || raw[0] & 0x93 == 0x10 || raw[0] & 0x90 == 0;
        Some(vec![if is_status { raw[0] } else { FOREIGN }])
    }
}

fn is_lead(byte: u8) -> bool {
    matches!(byte, DLE | ESC | FS | GS)
}

/// The command that these bytes begin with.
fn command(raw: &[u8]) -> Command {
    let Some(second) = raw.get(1) else {
        return Command::Short;
    };
    match raw[0] {
        DLE => match second {
            0x04 | 0x05 => Command::Fixed(3),
            0x14 => Command::Fixed(5),
            _ => Command::Unknown,
        },
        ESC => of_esc(*second, raw),
        FS => match second {
            b'&' | b'.' => Command::Fixed(2),
            b'-' | b'!' | b'W' => Command::Fixed(3),
            b'S' => Command::Fixed(4),
            _ => Command::Unknown,
        },
        _ => of_gs(*second, raw),
    }
}

fn of_esc(second: u8, raw: &[u8]) -> Command {
    match second {
        b'@' | b'2' | b'i' | b'm' | b'L' | b'S' => Command::Fixed(2),
        b'a' | b'd' | b'E' | b'-' | b'!' | b'M' | b'G' | b'J' | b'V' | b't' | b'R' | b'3'
        | b'{' | b' ' | b'r' | b'e' => Command::Fixed(3),
        b'$' | b'\\' | b'c' => Command::Fixed(4),
        b'p' => Command::Fixed(5),
        // A picture of a few lines: mode and columns.
        b'*' => match raw {
            [_, _, mode, low, high, ..] => {
                let rows = if matches!(*mode, 32 | 33) { 3 } else { 1 };
                Command::Data(5, rows * word(*low, *high), 0)
            }
            _ => Command::Short,
        },
        _ => Command::Unknown,
    }
}

fn of_gs(second: u8, raw: &[u8]) -> Command {
    match second {
        b'a' | b'!' | b'r' | b'B' | b'H' | b'h' | b'w' | b'f' | b'b' => Command::Fixed(3),
        b'L' | b'W' | b'P' | b'$' | b'\\' => Command::Fixed(4),
        b'V' => match raw.get(2) {
            None => Command::Short,
            Some(0 | 1 | 48 | 49) => Command::Fixed(3),
            Some(_) => Command::Fixed(4),
        },
        b'v' => match raw {
            [_, _, b'0', _, a, b, c, d, ..] => Command::Data(8, word(*a, *b) * word(*c, *d), 0),
            [_, _, b'0', ..] | [_, _] => Command::Short,
            _ => Command::Unknown,
        },
        b'k' => of_bar_code(raw),
        b'(' => of_long(raw),
        _ => Command::Unknown,
    }
}

fn of_bar_code(raw: &[u8]) -> Command {
    match raw {
        [_, _, 0..=6, ..] => Command::UntilNul(3),
        // CODE128 begins with the name of its set.
        [_, _, 73, length, b'{', _, ..] => {
            Command::Data(6, usize::from(*length).saturating_sub(2), SYMBOL)
        }
        [_, _, 73, _] | [_, _, 73, _, b'{'] => Command::Short,
        [_, _, 65..=79, length, ..] => Command::Data(4, usize::from(*length), SYMBOL),
        [_, _] | [_, _, 65..=79] => Command::Short,
        _ => Command::Unknown,
    }
}

/// `GS (`: kind, length, parameters.
fn of_long(raw: &[u8]) -> Command {
    let [_, _, kind, low, high, rest @ ..] = raw else {
        return Command::Short;
    };
    let length = word(*low, *high);
    match (kind, rest) {
        // A question about the job before it, by number.
        (b'H', _) if length == 6 => Command::Fixed(11),
        // Store in a symbol.
        (b'k', [_, 80, _, ..]) => Command::Data(8, length.saturating_sub(3), SYMBOL),
        (b'k', [_, function, ..]) if *function != 80 && length <= 4 => Command::Fixed(5 + length),
        (b'k', [] | [_] | [_, 80]) => Command::Short,
        _ => Command::Data(5, length, 0),
    }
}

fn word(low: u8, high: u8) -> usize {
    usize::from(u16::from_le_bytes([low, high]))
}
