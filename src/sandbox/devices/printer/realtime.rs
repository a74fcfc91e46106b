//! Real-time commands: found in the bytes as they arrive, before they wait in the buffer.
//!
//! The makers look for them byte by byte, without regard to what command they stand in: three
//! bytes `10 04 01` inside a picture are answered too. A driver must live with that, so it is the
//! same here. Pure.

const DLE: u8 = 0x10;
const EOT: u8 = 0x04;
const ENQ: u8 = 0x05;
const DC4: u8 = 0x14;

/// What was asked for at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgent {
    /// `DLE EOT n`
    Status(u8),
    /// `DLE ENQ n`: go on after an error (1) or throw the buffer away (2).
    Recover(u8),
    /// `DLE DC4 n`: drawer, power off, clear. Not done by this printer.
    Other(u8),
}

/// Remembers the last two bytes, so that a command may arrive in pieces.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Watch {
    seen: [u8; 2],
}

impl Watch {
    /// Takes the next byte.
    pub(super) fn byte(&mut self, byte: u8) -> Option<Urgent> {
        let found = match self.seen {
            [DLE, EOT] => Some(Urgent::Status(byte)),
            [DLE, ENQ] => Some(Urgent::Recover(byte)),
            [DLE, DC4] => Some(Urgent::Other(byte)),
            _ => None,
        };
        self.seen = if found.is_some() {
            [0, 0]
        } else {
            [self.seen[1], byte]
        };
        found
    }
}
