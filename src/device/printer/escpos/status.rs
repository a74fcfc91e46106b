//! PURE. The bytes a printer sends back → what they are.
//!
//! The families are told apart by their fixed bits (makers' manuals of ESC/POS): `DLE EOT` answers
//! `0xx1xx10`, automatic status `0xx1xx00` with three bytes `0xx0xxxx` after it, queued answers `0xx0xxxx`,
//! process ids `37h 22h` + 4 characters + NUL. What fits none is foreign and dropped. XON and XOFF are never part of
//! any of them.

use crate::device::printer::{Paper, PrinterState};

/// Bytes by which a printer without wires for it says that it can take more, or no more.
const XON: u8 = 0x11;
pub(super) const XOFF: u8 = 0x13;

/// One thing a printer said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// To `DLE EOT n`; it does not say which n.
    RealTime(u8),
    /// By itself, after `GS a`.
    Automatic([u8; 4]),
    /// To `GS r 1`, in its turn.
    Queued(u8),
    /// To `GS ( H` 48: everything before it is printed.
    Process([u8; 4]),
}

/// Which question a `DLE EOT` answer belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    Printer,
    OffLine,
    Error,
    Paper,
}

impl Question {
    /// The bytes that ask it.
    pub(super) fn bytes(self) -> &'static [u8; 3] {
        match self {
            Self::Printer => &[0x10, 0x04, 1],
            Self::OffLine => &[0x10, 0x04, 2],
            Self::Error => &[0x10, 0x04, 3],
            Self::Paper => &[0x10, 0x04, 4],
        }
    }
}

/// Puts replies together byte by byte.
#[derive(Default)]
pub(super) struct Parser {
    open: Open,
}

#[derive(Default)]
enum Open {
    #[default]
    Nothing,
    Automatic {
        bytes: [u8; 4],
        length: usize,
    },
    Process {
        bytes: [u8; 7],
        length: usize,
    },
}

impl Parser {
    pub(super) fn push(&mut self, byte: u8) -> Option<Reply> {
        if matches!(byte, XON | XOFF) {
            return None;
        }
        match std::mem::take(&mut self.open) {
            Open::Nothing => self.begin(byte),
            Open::Automatic { bytes, length } => self.go_on_automatic(bytes, length, byte),
            Open::Process { bytes, length } => self.go_on_process(bytes, length, byte),
        }
    }

    fn begin(&mut self, byte: u8) -> Option<Reply> {
        if byte == 0x37 {
            self.open = Open::Process {
                bytes: [byte, 0, 0, 0, 0, 0, 0],
                length: 1,
            };
            return None;
        }
        if byte & 0x93 == 0x10 {
            self.open = Open::Automatic {
                bytes: [byte, 0, 0, 0],
                length: 1,
            };
            return None;
        }
        if byte & 0x93 == 0x12 {
            return Some(Reply::RealTime(byte));
        }
        (byte & 0x90 == 0).then_some(Reply::Queued(byte))
    }

    fn go_on_automatic(&mut self, mut bytes: [u8; 4], length: usize, byte: u8) -> Option<Reply> {
        if byte & 0x93 == 0x12 {
            // A real-time answer overtakes everything, also the middle of a report.
            self.open = Open::Automatic { bytes, length };
            return Some(Reply::RealTime(byte));
        }
        if byte & 0x90 != 0 {
            return self.begin(byte);
        }
        bytes[length] = byte;
        if length + 1 == bytes.len() {
            return Some(Reply::Automatic(bytes));
        }
        self.open = Open::Automatic {
            bytes,
            length: length + 1,
        };
        None
    }

    fn go_on_process(&mut self, mut bytes: [u8; 7], length: usize, byte: u8) -> Option<Reply> {
        let fits = match length {
            1 => byte == 0x22,
            2..=5 => (0x20..=0x7e).contains(&byte),
            _ => byte == 0,
        };
        if !fits {
            return self.begin(byte);
        }
        bytes[length] = byte;
        if length + 1 == bytes.len() {
            return Some(Reply::Process([bytes[2], bytes[3], bytes[4], bytes[5]]));
        }
        self.open = Open::Process {
            bytes,
            length: length + 1,
        };
        None
    }
}

/// What is known after an answer.
pub(super) fn after_answer(known: PrinterState, question: Question, byte: u8) -> PrinterState {
    match question {
        Question::Printer => PrinterState {
            online: byte & 0x08 == 0,
            ..known
        },
        Question::OffLine => {
            let paper = if byte & 0x20 == 0 {
                known.paper
            } else {
                Paper::Out
            };
            PrinterState {
                cover_open: byte & 0x04 != 0,
                error: byte & 0x40 != 0,
                paper,
                ..known
            }
        }
        Question::Error => PrinterState {
            error: byte & 0x68 != 0,
            ..known
        },
        // A printer that stopped for lack of paper may see some again; it is out until it goes on.
        Question::Paper => {
            let seen = paper(byte & 0x60 != 0, byte & 0x0c != 0);
            PrinterState {
                paper: known.paper.max(seen),
                ..known
            }
        }
    }
}

/// What the port of the USB printer class says: bit 5 no paper, bit 4 selected, bit 3 no error.
pub(super) fn after_port(byte: u8) -> PrinterState {
    PrinterState {
        online: byte & 0x10 != 0,
        cover_open: false,
        error: byte & 0x08 == 0,
        paper: paper(byte & 0x20 != 0, false),
        queue: None,
    }
}

/// What is known after an automatic report, which tells everything.
pub(super) fn after_report(bytes: [u8; 4]) -> PrinterState {
    PrinterState {
        online: bytes[0] & 0x08 == 0,
        cover_open: bytes[0] & 0x20 != 0,
        error: bytes[1] & 0x68 != 0,
        paper: paper(bytes[2] & 0x0c != 0, bytes[2] & 0x03 != 0),
        queue: None,
    }
}

/// The roll, as a queued answer (`GS r 1`) tells it.
pub(super) fn queued_paper(byte: u8) -> Paper {
    paper(byte & 0x0c != 0, byte & 0x03 != 0)
}

fn paper(out: bool, low: bool) -> Paper {
    match (out, low) {
        (true, _) => Paper::Out,
        (false, true) => Paper::Low,
        (false, false) => Paper::Ok,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_told_apart() {
        let asb = Reply::Automatic([0x14, 0, 0x0c, 0x0f]);
        for (bytes, replies) in [
            (&[0x16][..], &[Reply::RealTime(0x16)][..]),
            (&[0x14, 0, 0x0c, 0x0f], &[asb]),
            (&[0x14, 0, 0x12, 0x0c, 0x0f], &[Reply::RealTime(0x12), asb]),
            (b"\x37\x22A1b2\0", &[Reply::Process(*b"A1b2")]),
            (
                b"\x37\x2299 7\0\0",
                &[Reply::Process(*b"99 7"), Reply::Queued(0)],
            ),
            (&[0x0c, 0x7e], &[Reply::Queued(0x0c), Reply::RealTime(0x7e)]),
            // Flow control within an answer.
            (&[0x14, 0x13, 0, 0x0c, 0x11, 0x0f], &[asb]),
            (b"\x37\x13\x22A1\x11b2\x13\0", &[Reply::Process(*b"A1b2")]),
            // Foreign bytes, flow control, half a report, half a process id.
            (&[0xff, 0x80, 0x11, 0x13], &[]),
            (
                &[0x10, 0, 0x37, 0x22, 0x1e, 0x12],
                &[Reply::RealTime(0x1e), Reply::RealTime(0x12)],
            ),
        ] {
            let mut parser = Parser::default();
            let parsed: Vec<Reply> = bytes.iter().filter_map(|b| parser.push(*b)).collect();
            assert_eq!(parsed, replies, "{bytes:02x?}");
        }
    }

    /// The kernel takes XON and XOFF out of what comes where it heeds them: no answer may have them.
    #[test]
    fn no_answer_has_the_bytes_of_flow_control() {
        for byte in [XON, XOFF] {
            let is_real_time = byte & 0x93 == 0x12;
            let is_report = byte & 0x93 == 0x10 || byte & 0x90 == 0;
            let is_in_number = byte == 0x37 || byte == 0x22 || byte >= 0x20 || byte == 0;
            assert!(!is_real_time && !is_report && !is_in_number, "{byte:02x}");
        }
    }

    #[test]
    fn bits() {
        let fine = PrinterState::default();
        assert_eq!(after_report([0x10, 0, 0, 0]), fine);
        assert_eq!(after_report([0x10, 0, 0x0c, 0]).paper, Paper::Out);
        assert_eq!(after_report([0x10, 0, 0x03, 0]).paper, Paper::Low);
        assert!(after_report([0x38, 0, 0, 0]).cover_open);
        assert!(!after_report([0x38, 0, 0, 0]).online);
        assert!(after_report([0x10, 0x08, 0, 0]).error);
        assert_eq!(after_answer(fine, Question::Paper, 0x7e).paper, Paper::Out);
        assert_eq!(after_answer(fine, Question::Paper, 0x1e).paper, Paper::Low);
        assert!(!after_answer(fine, Question::Printer, 0x1a).online);
        assert!(after_answer(fine, Question::OffLine, 0x16).cover_open);
        assert_eq!(
            after_answer(fine, Question::OffLine, 0x32).paper,
            Paper::Out
        );
        assert!(after_answer(fine, Question::Error, 0x1a).error);
    }
}
