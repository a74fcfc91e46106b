//! The PIN of a 社保卡, entered on the keypad of its reader: what the reader is told to do, what its answer means.
//!
//! The reader puts the digits into VERIFY and gives back the card's status word only; a PIN never comes here. It is
//! asked for once a reading: a card counts wrong ones. Sources: PC/SC part 10, 2.5 (PIN_VERIFY_STRUCTURE); CCID 1.1,
//! 6.1.11; ISO 7816-4, VERIFY.

use std::time::Duration;

use super::trouble::Failure;
use crate::book::Code;
use crate::config::keypad::{Coding, Keypad};

/// Longest time for the entry, from the first moment.
pub(crate) const ENTRY_S_MAX: u64 = 30;
/// Less than this is no time to enter a PIN in.
const ENTRY_S_MIN: u64 = 5;
/// Units of the place in the block are bytes.
const IN_BYTES: u8 = 0x80;
/// The entry ends when the holder confirms it.
const ENDS_BY_KEY: u8 = 0x02;
/// The reader shows its own first message, in Chinese where it has one.
const MESSAGES: u8 = 1;
const CHINESE: u16 = 0x0804;
const FILLED: u8 = 0xff;

/// Whole seconds that the entry may take; none: there is no time for one.
pub(crate) fn entry_s(left: Duration) -> Option<u8> {
    let left = left.as_secs().min(ENTRY_S_MAX);
    u8::try_from(left).ok().filter(|_| left >= ENTRY_S_MIN)
}

/// PIN_VERIFY_STRUCTURE, its numbers in the machine's own order.
pub(crate) fn structure(keypad: &Keypad, entry_s: u8) -> Vec<u8> {
    let coding = match keypad.coding {
        Coding::Bcd => 0x01,
        Coding::Ascii => 0x02,
    };
    let [least, most] = keypad.digits;
    let mut verify = keypad.command.to_vec();
    verify.push(keypad.bytes);
    verify.resize(verify.len() + usize::from(keypad.bytes), FILLED);
    let length = u32::try_from(verify.len()).unwrap_or_default();
    // Time to the first digit and time between two are the same to us.
    let mut told = vec![entry_s, entry_s, IN_BYTES | coding, keypad.bytes, 0];
    told.extend(u16::from_be_bytes([least, most]).to_ne_bytes());
    told.extend([ENDS_BY_KEY, MESSAGES]);
    told.extend(CHINESE.to_ne_bytes());
    // Which message, and a prologue that only T=1 has, filled in by the reader's driver.
    told.extend([0, 0, 0, 0]);
    told.extend(length.to_ne_bytes());
    told.extend(verify);
    told
}

/// What the card, or the reader for it, answered to VERIFY.
pub(crate) fn judge(word: u16) -> Result<(), Failure> {
    let (code, detail) = match word {
        0x9000 => return Ok(()),
        0x6300 => (Code::CardPinWrong, "tries left: not told".to_owned()),
        0x63c0 => (Code::CardPinBlocked, "that was its last try".to_owned()),
        0x63c1..=0x63cf => (Code::CardPinWrong, format!("tries left: {}", word & 0x0f)),
        0x6983 => (Code::CardPinBlocked, "VERIFY answers 6983".to_owned()),
        0x6400 => (Code::CardPinNotEntered, "not in time".to_owned()),
        0x6401 => (
            Code::CardPinNotEntered,
            "called off on the keypad".to_owned(),
        ),
        0x6403 => (
            Code::CardPinNotEntered,
            "too few or too many digits".to_owned(),
        ),
        _ => (Code::CardUnreadable, format!("VERIFY answers {word:04X}")),
    };
    Err(Failure::card(code, detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keypad::When;

    fn keypad(coding: Coding, digits: [u8; 2], bytes: u8) -> Keypad {
        Keypad {
            when: When::Wanted,
            command: [0x00, 0x20, 0x00, 0x81],
            coding,
            digits,
            bytes,
        }
    }

    #[test]
    fn the_structure_is_that_of_the_specification() {
        let told = structure(&keypad(Coding::Bcd, [6, 6], 3), 30);
        let head = [
            30, 30, 0x81, 3, 0, 6, 6, 2, 1, 0x04, 0x08, 0, 0, 0, 0, 8, 0, 0, 0,
        ];
        assert_eq!(told[..19], head);
        assert_eq!(told[19..], [0, 0x20, 0, 0x81, 3, 0xff, 0xff, 0xff]);
        let told = structure(&keypad(Coding::Ascii, [4, 8], 8), 5);
        assert_eq!(told[..7], [5, 5, 0x82, 8, 0, 8, 4]);
        assert_eq!(told.len(), 19 + 5 + 8);
    }

    #[test]
    fn each_answer_is_named() {
        assert!(judge(0x9000).is_ok());
        for (word, code, detail) in [
            (0x63c2, Code::CardPinWrong, "left: 2"),
            (0x63c0, Code::CardPinBlocked, "last"),
            (0x6300, Code::CardPinWrong, "not told"),
            (0x6983, Code::CardPinBlocked, "6983"),
            (0x6400, Code::CardPinNotEntered, "in time"),
            (0x6401, Code::CardPinNotEntered, "called off"),
            (0x6403, Code::CardPinNotEntered, "digits"),
            (0x6a86, Code::CardUnreadable, "6A86"),
        ] {
            let error = judge(word).unwrap_err().error();
            assert_eq!(error.code, code, "{word:04x}");
            assert!(error.detail.contains(detail), "{error:?}");
        }
    }

    #[test]
    fn the_entry_ends_before_the_asker_is_gone() {
        assert_eq!(entry_s(Duration::from_secs(300)), Some(30));
        assert_eq!(entry_s(Duration::from_millis(9_900)), Some(9));
        assert_eq!(entry_s(Duration::from_millis(4_900)), None);
    }
}
