//! Where the persons are in what a scanner on a serial line says: everywhere but in the ends of codes.

use crate::device::Way;
use crate::device::record::redact::Stream;
use crate::device::record::text;

/// What ends a code, or stands around it: CR, LF, tab, STX, ETX.
const ENDS: [u8; 5] = [b'\r', b'\n', b'\t', 0x02, 0x03];

/// The shape of codes on a line. One that no terminator ends is whole when nothing more comes.
pub(crate) struct Codes;

impl Stream for Codes {
    fn first(&mut self, way: Way, raw: &[u8]) -> Option<Vec<u8>> {
        match way {
            Way::FromDevice => {
                let end = raw.iter().position(|byte| ENDS.contains(byte))?;
                let mut told = text::code(&raw[..end]);
                told.push(raw[end]);
                Some(told)
            }
            Way::ToDevice => Some(vec![0; raw.len()]),
        }
    }

    fn rest(&mut self, way: Way, raw: &[u8]) -> Vec<u8> {
        match way {
            Way::FromDevice => text::code(raw),
            Way::ToDevice => vec![0; raw.len()],
        }
    }
}
