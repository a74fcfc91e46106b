//! Where the persons are in what a keyboard types: in every key that is a character.
//!
//! A key is three bytes: its number, the highest byte first, and 1 for down, 0 for up, 2 for repeated. Three bytes of
//! FF: the kernel had no room for all.

use evdev::KeyCode;

use super::keys::{Said, Typist, key_of};
use crate::device::Way;
use crate::device::record::redact::Stream;
use crate::device::record::text;

/// Bytes of one key.
pub(super) const KEY_BYTES: usize = 3;
/// What the kernel had no room for.
pub(super) const DROPPED: [u8; KEY_BYTES] = [0xff; KEY_BYTES];
/// Keys that somebody can hold at once.
const HELD_MAX: usize = 32;
/// Ends of a code.
const ENDS: [u8; 3] = [b'\r', b'\n', b'\t'];

/// The shape of keys.
#[derive(Default)]
pub(crate) struct Keys {
    typist: Typist,
    /// Keys that are held: which, and which one is told in its place.
    held: Vec<(u16, u16)>,
}

/// One key in the bytes of a recording.
pub(super) fn key_bytes(code: u16, value: i32) -> [u8; KEY_BYTES] {
    let [high, low] = code.to_be_bytes();
    [high, low, u8::try_from(value).unwrap_or(u8::MAX)]
}

impl Stream for Keys {
    fn first(&mut self, way: Way, raw: &[u8]) -> Option<Vec<u8>> {
        if way == Way::ToDevice {
            return Some(vec![0; raw.len()]);
        }
        // Tried on a copy: keys of a code that is not whole are looked at again.
        let mut typist = self.typist.clone();
        for (at, key) in raw.chunks_exact(KEY_BYTES).enumerate() {
            if matches!(press(&mut typist, key), Said::Byte(byte) if ENDS.contains(&byte)) {
                return Some(self.keys(&raw[..(at + 1) * KEY_BYTES]));
            }
        }
        None
    }

    fn rest(&mut self, _way: Way, raw: &[u8]) -> Vec<u8> {
        let mut told = self.keys(raw);
        told.resize(raw.len(), 0);
        told
    }

    fn begin(&mut self) {
        *self = Self::default();
    }
}

impl Keys {
    /// The keys of one code, its end included.
    fn keys(&mut self, raw: &[u8]) -> Vec<u8> {
        let keys: Vec<&[u8]> = raw.chunks_exact(KEY_BYTES).collect();
        let said: Vec<Said> = keys
            .iter()
            .map(|key| press(&mut self.typist, key))
            .collect();
        let mut hidden = hidden(&said).into_iter();
        let mut told = Vec::with_capacity(raw.len());
        for (key, said) in keys.iter().zip(said) {
            let by = byte(said).and_then(|byte| {
                let hidden = hidden.next().unwrap_or(text::ascii(byte));
                // Signs and control characters stay what they are.
                let typed = KeyCode(u16::from_be_bytes([key[0], key[1]]));
                if byte.is_ascii_alphanumeric() {
                    key_of(hidden)
                } else {
                    Some(typed)
                }
            });
            told.extend(self.told(key, by));
        }
        told
    }

    /// The key that is told in place of this one; none: one that says nothing.
    fn told(&mut self, key: &[u8], by: Option<KeyCode>) -> [u8; KEY_BYTES] {
        let [high, low, value] = [key[0], key[1], key[2]];
        if key == DROPPED {
            return DROPPED;
        }
        let code = u16::from_be_bytes([high, low]);
        let place = self.held.iter().position(|(held, _)| *held == code);
        let told = match (value, place) {
            (1, _) => {
                let told = by.unwrap_or_else(|| blank(KeyCode(code))).code();
                self.held.retain(|(held, _)| *held != code);
                if self.held.len() == HELD_MAX {
                    self.held.remove(0);
                }
                self.held.push((code, told));
                told
            }
            (0, Some(place)) => self.held.swap_remove(place).1,
            (_, Some(place)) => self.held[place].1,
            (_, None) => blank(KeyCode(code)).code(),
        };
        let [high, low] = told.to_be_bytes();
        [high, low, value]
    }
}

/// What the keys typed, redacted: a byte for each byte. A digit stays a digit and a letter a letter, for shift stays
/// as it is.
fn hidden(said: &[Said]) -> Vec<u8> {
    let typed: Vec<u8> = said.iter().filter_map(|it| byte(*it)).collect();
    let plain: Vec<u8> = typed.iter().map(|byte| text::ascii(*byte)).collect();
    let is_known = typed.is_ascii()
        && !said
            .iter()
            .any(|it| matches!(it, Said::Pair(_) | Said::Unreadable));
    let (end, code) = match typed.split_last() {
        Some((end, code)) if ENDS.contains(end) => (Some(*end), code),
        Some(_) | None => (None, typed.as_slice()),
    };
    let mut hidden = text::code(code);
    hidden.extend(end);
    let is_alike = |(one, other): (&u8, &u8)| text::ascii(*one) == text::ascii(*other);
    if is_known && hidden.len() == typed.len() && hidden.iter().zip(&typed).all(is_alike) {
        hidden
    } else {
        plain
    }
}

fn press(typist: &mut Typist, key: &[u8]) -> Said {
    match key {
        [high, low, value @ (0 | 1)] => {
            let code = u16::from_be_bytes([*high, *low]);
            typist.take(KeyCode(code), *value == 1)
        }
        _ => Said::Nothing,
    }
}

fn byte(said: Said) -> Option<u8> {
    match said {
        Said::Byte(byte) => Some(byte),
        Said::Nothing | Said::Pair(_) | Said::Unreadable => None,
    }
}

/// A key that types a letter or a digit, by one that says nothing; all others are what they are.
fn blank(key: KeyCode) -> KeyCode {
    match super::keys::plain_of(key) {
        Some(b'0'..=b'9') if super::keys::is_on_keypad(key) => KeyCode::KEY_KP0,
        Some(b'0'..=b'9') => KeyCode::KEY_0,
        Some(b'a'..=b'z') => KeyCode::KEY_A,
        Some(_) | None => key,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys that type this text, shift held where it is needed.
    fn typed(text: &str) -> Vec<u8> {
        let shift = KeyCode::KEY_LEFTSHIFT.code();
        let mut keys = Vec::new();
        for byte in text.bytes() {
            let key = match byte {
                b'\r' => KeyCode::KEY_ENTER,
                b'/' => KeyCode::KEY_SLASH,
                byte => key_of(byte).unwrap(),
            };
            let shifted = byte.is_ascii_uppercase();
            if shifted {
                keys.extend(key_bytes(shift, 1));
            }
            keys.extend(key_bytes(key.code(), 1));
            keys.extend(key_bytes(key.code(), 0));
            if shifted {
                keys.extend(key_bytes(shift, 0));
            }
        }
        keys
    }

    fn told(keys: &[u8], chunk: usize) -> Vec<u8> {
        let mut shape = Keys::default();
        let (mut waiting, mut told) = (Vec::new(), Vec::new());
        for part in keys.chunks(chunk * KEY_BYTES) {
            waiting.extend_from_slice(part);
            while let Some(unit) = shape.first(Way::FromDevice, &waiting) {
                waiting.drain(..unit.len());
                told.extend(unit);
            }
        }
        told.extend(shape.rest(Way::FromDevice, &waiting));
        told
    }

    #[test]
    fn keys_give_nobody_away_however_they_come() {
        for (code, hidden) in [
            (
                "4243017759283164028817935626\r",
                "4240000000000000000000000000\r",
            ),
            ("430102198503129119\r", "110101190001011009\r"),
            ("JZ1234/ab\r", "AA0000/aa\r"),
            // Shift is held for the X: a digit would become a sign.
            ("11010519491231002X\r", "00000000000000000A\r"),
            ("430102198503129119", "110101190001011009"),
        ] {
            let keys = typed(code);
            for chunk in 1..keys.len() / KEY_BYTES {
                assert_eq!(told(&keys, chunk), typed(hidden), "{code} by {chunk}");
            }
        }
    }

    #[test]
    fn numbers_on_the_keypad_say_nothing() {
        let alt = KeyCode::KEY_LEFTALT.code();
        let digits = [KeyCode::KEY_KP4, KeyCode::KEY_KP9, KeyCode::KEY_KP3];
        let mut keys = key_bytes(alt, 1).to_vec();
        for digit in digits {
            keys.extend(key_bytes(digit.code(), 1));
            keys.extend(key_bytes(digit.code(), 0));
        }
        keys.extend(key_bytes(alt, 0));
        keys.extend(typed("7\r"));
        let told = told(&keys, 1);
        assert_eq!(told.len(), keys.len());
        for digit in [
            KeyCode::KEY_KP4,
            KeyCode::KEY_KP9,
            KeyCode::KEY_KP3,
            KeyCode::KEY_7,
        ] {
            let [high, low] = digit.code().to_be_bytes();
            assert!(
                !told.chunks(KEY_BYTES).any(|key| key[..2] == [high, low]),
                "{digit:?}"
            );
        }
    }
}
