//! How the PIN of a 社保卡 is entered on the keypad of its reader: the key `keypad` of a reader of pcscd.
//!
//! The reader puts the digits into the command VERIFY by itself. No PIN is configured, asked for or seen here.

use serde::Deserialize;

/// Longest block that PC/SC part 10 can describe.
const BLOCK_BYTES_MAX: u8 = 15;
/// No card takes a longer PIN.
const DIGITS_MAX: u8 = 15;

/// When the PIN is asked for, and the command that takes it. What sources leave open is a key with a default.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keypad {
    /// Whether every card is asked or only one that wants it.
    pub when: When,
    /// CLA, INS, P1 and P2 of VERIFY.
    #[serde(default = "verify", with = "hex::serde")]
    pub command: [u8; 4],
    /// How digits stand in the block.
    #[serde(default)]
    pub coding: Coding,
    /// The least and the most digits.
    #[serde(default = "six")]
    pub digits: [u8; 2],
    /// Bytes of the block; what the digits leave is filled with FF.
    #[serde(default = "three")]
    pub bytes: u8,
}

/// When the PIN is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// When a card gives a record only after its PIN.
    Wanted,
    /// Of every card, before it is read.
    Always,
}

/// How digits stand in the block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Coding {
    /// Two digits a byte.
    #[default]
    Bcd,
    /// A byte each.
    Ascii,
}

// ISO 7816-4, VERIFY; the reference and the form of the PIN are the card maker's.
fn verify() -> [u8; 4] {
    [0x00, 0x20, 0x00, 0x00]
}

fn six() -> [u8; 2] {
    [6, 6]
}

fn three() -> u8 {
    3
}

impl Keypad {
    pub(super) fn check(&self, say: &mut impl FnMut(String)) {
        let [least, most] = self.digits;
        if least == 0 || least > most || most > DIGITS_MAX {
            say(format!(
                "keypad: digits must be two numbers of 1-{DIGITS_MAX}, the least and the most"
            ));
        }
        if self.bytes == 0 || self.bytes > BLOCK_BYTES_MAX {
            say(format!("keypad: bytes must be 1-{BLOCK_BYTES_MAX}"));
        } else if self.needed(most) > self.bytes {
            say(format!(
                "keypad: {most} digits do not fit into {} bytes",
                self.bytes
            ));
        }
    }

    /// Bytes that so many digits take.
    fn needed(&self, digits: u8) -> u8 {
        match self.coding {
            Coding::Bcd => digits.div_ceil(2),
            Coding::Ascii => digits,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Keypad, toml::de::Error> {
        toml::from_str(text)
    }

    fn wrong(text: &str) -> Vec<String> {
        let mut wrong = Vec::new();
        read(text).unwrap().check(&mut |what| wrong.push(what));
        wrong
    }

    #[test]
    fn only_when_must_be_said() {
        let keypad = read("when = \"wanted\"").unwrap();
        assert_eq!((keypad.command, keypad.bytes), ([0, 0x20, 0, 0], 3));
        assert_eq!((keypad.coding, keypad.digits), (Coding::Bcd, [6, 6]));
        assert!(wrong("when = \"wanted\"").is_empty());
        for text in [
            "",
            "when = \"never\"",
            "when = \"always\"\npin = \"123456\"",
            "when = \"always\"\ncommand = \"0020\"",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_no_reader_could_do_is_refused() {
        let all = "when = \"always\"\ncommand = \"00200081\"\ncoding = \"ascii\"\ndigits = [4, 8]\nbytes = 8";
        assert!(wrong(all).is_empty());
        for (more, says) in [
            ("digits = [0, 6]", "two numbers"),
            ("digits = [6, 4]", "two numbers"),
            ("digits = [6, 8]", "do not fit"),
            ("coding = \"ascii\"", "do not fit"),
            ("bytes = 0", "bytes must"),
            ("bytes = 16", "bytes must"),
        ] {
            let said = wrong(&format!("when = \"wanted\"\n{more}"));
            assert!(
                said.len() == 1 && said[0].contains(says),
                "{more}: {said:?}"
            );
        }
    }
}
