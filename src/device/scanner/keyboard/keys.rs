//! Keys → the bytes that a scanner meant. Where a key stands counts, as on a US keyboard, which is what scanners are
//! set to when they leave the factory; what layout the desk's own keyboard has does not matter, nor caps lock.
//!
//! Control characters come as Ctrl and a key (GS is Ctrl+]) or as Alt and a number on the keypad.

use evdev::KeyCode;

/// What a scanner types with.
#[derive(Clone, Default)]
pub(super) struct Typist {
    shift: Held,
    ctrl: Held,
    alt: Held,
    /// The number that is typed while Alt is held.
    number: Option<u32>,
}

#[derive(Clone, Default)]
struct Held {
    left: bool,
    right: bool,
}

impl Held {
    fn any(&self) -> bool {
        self.left || self.right
    }
}

/// What one key said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Nothing yet, or nothing that belongs to a code.
    Nothing,
    /// One byte.
    Byte(u8),
    /// One character of two bytes, as GBK has it.
    Pair([u8; 2]),
    /// A character that we cannot know: the code is spoilt.
    Unreadable,
}

impl Typist {
    /// With these keys held already.
    pub(super) fn holding(keys: impl Iterator<Item = KeyCode>) -> Self {
        let mut typist = Self::default();
        for key in keys {
            typist.modifier(key, true);
        }
        typist
    }

    /// A key went down, or up. A key that the kernel repeats says nothing: scanners press again.
    pub(super) fn take(&mut self, key: KeyCode, is_down: bool) -> Said {
        if self.modifier(key, is_down) {
            let alt_is_over = !is_down && is_alt(key) && !self.alt.any();
            return match self.number.take_if(|_| alt_is_over) {
                Some(number) => by_number(number),
                None => Said::Nothing,
            };
        }
        if !is_down {
            return Said::Nothing;
        }
        if self.alt.any() {
            return self.with_alt(key);
        }
        if is_foreign(key) {
            return Said::Unreadable;
        }
        let Some((plain, shifted)) = characters(key) else {
            return Said::Nothing;
        };
        if self.ctrl.any() {
            return control(plain).map_or(Said::Unreadable, Said::Byte);
        }
        Said::Byte(if self.shift.any() { shifted } else { plain })
    }

    /// Whether the key is one that changes others.
    fn modifier(&mut self, key: KeyCode, is_down: bool) -> bool {
        let held = match key {
            KeyCode::KEY_LEFTSHIFT => &mut self.shift.left,
            KeyCode::KEY_RIGHTSHIFT => &mut self.shift.right,
            KeyCode::KEY_LEFTCTRL => &mut self.ctrl.left,
            KeyCode::KEY_RIGHTCTRL => &mut self.ctrl.right,
            KeyCode::KEY_LEFTALT => &mut self.alt.left,
            KeyCode::KEY_RIGHTALT => &mut self.alt.right,
            _ => return false,
        };
        *held = is_down;
        true
    }

    fn with_alt(&mut self, key: KeyCode) -> Said {
        let Some(digit) = keypad_digit(key) else {
            self.number = None;
            let types = characters(key).is_some() || is_foreign(key);
            return if types {
                Said::Unreadable
            } else {
                Said::Nothing
            };
        };
        let number = self.number.unwrap_or(0);
        self.number = Some(number.saturating_mul(10).saturating_add(digit));
        Said::Nothing
    }
}

fn is_alt(key: KeyCode) -> bool {
    key == KeyCode::KEY_LEFTALT || key == KeyCode::KEY_RIGHTALT
}

fn by_number(number: u32) -> Said {
    match u16::try_from(number).map(u16::to_be_bytes) {
        Ok([0, byte]) => Said::Byte(byte),
        Ok(pair) => Said::Pair(pair),
        Err(_) => Said::Unreadable,
    }
}

fn keypad_digit(key: KeyCode) -> Option<u32> {
    Some(match key {
        KeyCode::KEY_KP0 => 0,
        KeyCode::KEY_KP1 => 1,
        KeyCode::KEY_KP2 => 2,
        KeyCode::KEY_KP3 => 3,
        KeyCode::KEY_KP4 => 4,
        KeyCode::KEY_KP5 => 5,
        KeyCode::KEY_KP6 => 6,
        KeyCode::KEY_KP7 => 7,
        KeyCode::KEY_KP8 => 8,
        KeyCode::KEY_KP9 => 9,
        _ => return None,
    })
}

/// Keys that a US keyboard lacks: what they type depends on a layout that we do not know.
fn is_foreign(key: KeyCode) -> bool {
    matches!(
        key,
        KeyCode::KEY_102ND
            | KeyCode::KEY_RO
            | KeyCode::KEY_YEN
            | KeyCode::KEY_KPJPCOMMA
            | KeyCode::KEY_KPPLUSMINUS
    )
}

/// Ctrl and this key.
fn control(plain: u8) -> Option<u8> {
    match plain {
        b'a'..=b'z' | b'[' | b'\\' | b']' => Some(plain & 0x1f),
        b'6' => Some(0x1e),
        b'-' => Some(0x1f),
        b'2' | b' ' => Some(0),
        b'\r' | b'\t' => Some(plain),
        _ => None,
    }
}

/// What a key types alone.
pub(super) fn plain_of(key: KeyCode) -> Option<u8> {
    characters(key).map(|(plain, _)| plain)
}

/// Whether a key types a digit on the keypad.
pub(super) fn is_on_keypad(key: KeyCode) -> bool {
    keypad_digit(key).is_some()
}

/// The key that types this letter, whatever its case, or digit.
pub(super) fn key_of(byte: u8) -> Option<KeyCode> {
    let plain = byte.to_ascii_lowercase();
    let letter = LETTERS.iter().find(|(_, letter)| *letter == plain);
    let other = || OTHERS.iter().find(|(_, digit, _)| *digit == plain);
    let key = letter.map(|(key, _)| *key);
    key.or_else(|| other().map(|(key, _, _)| *key))
        .filter(|_| byte.is_ascii_alphanumeric())
}

/// What a key types alone, and with shift.
fn characters(key: KeyCode) -> Option<(u8, u8)> {
    let letter = LETTERS.iter().find(|(it, _)| *it == key);
    if let Some((_, letter)) = letter {
        return Some((*letter, letter.to_ascii_uppercase()));
    }
    let other = OTHERS.iter().find(|(it, _, _)| *it == key);
    other.map(|(_, plain, shifted)| (*plain, *shifted))
}

const LETTERS: [(KeyCode, u8); 26] = [
    (KeyCode::KEY_A, b'a'),
    (KeyCode::KEY_B, b'b'),
    (KeyCode::KEY_C, b'c'),
    (KeyCode::KEY_D, b'd'),
    (KeyCode::KEY_E, b'e'),
    (KeyCode::KEY_F, b'f'),
    (KeyCode::KEY_G, b'g'),
    (KeyCode::KEY_H, b'h'),
    (KeyCode::KEY_I, b'i'),
    (KeyCode::KEY_J, b'j'),
    (KeyCode::KEY_K, b'k'),
    (KeyCode::KEY_L, b'l'),
    (KeyCode::KEY_M, b'm'),
    (KeyCode::KEY_N, b'n'),
    (KeyCode::KEY_O, b'o'),
    (KeyCode::KEY_P, b'p'),
    (KeyCode::KEY_Q, b'q'),
    (KeyCode::KEY_R, b'r'),
    (KeyCode::KEY_S, b's'),
    (KeyCode::KEY_T, b't'),
    (KeyCode::KEY_U, b'u'),
    (KeyCode::KEY_V, b'v'),
    (KeyCode::KEY_W, b'w'),
    (KeyCode::KEY_X, b'x'),
    (KeyCode::KEY_Y, b'y'),
    (KeyCode::KEY_Z, b'z'),
];

const OTHERS: &[(KeyCode, u8, u8)] = &[
    (KeyCode::KEY_1, b'1', b'!'),
    (KeyCode::KEY_2, b'2', b'@'),
    (KeyCode::KEY_3, b'3', b'#'),
    (KeyCode::KEY_4, b'4', b'$'),
    (KeyCode::KEY_5, b'5', b'%'),
    (KeyCode::KEY_6, b'6', b'^'),
    (KeyCode::KEY_7, b'7', b'&'),
    (KeyCode::KEY_8, b'8', b'*'),
    (KeyCode::KEY_9, b'9', b'('),
    (KeyCode::KEY_0, b'0', b')'),
    (KeyCode::KEY_MINUS, b'-', b'_'),
    (KeyCode::KEY_EQUAL, b'=', b'+'),
    (KeyCode::KEY_LEFTBRACE, b'[', b'{'),
    (KeyCode::KEY_RIGHTBRACE, b']', b'}'),
    (KeyCode::KEY_BACKSLASH, b'\\', b'|'),
    (KeyCode::KEY_SEMICOLON, b';', b':'),
    (KeyCode::KEY_APOSTROPHE, b'\'', b'"'),
    (KeyCode::KEY_GRAVE, b'`', b'~'),
    (KeyCode::KEY_COMMA, b',', b'<'),
    (KeyCode::KEY_DOT, b'.', b'>'),
    (KeyCode::KEY_SLASH, b'/', b'?'),
    (KeyCode::KEY_SPACE, b' ', b' '),
    (KeyCode::KEY_TAB, b'\t', b'\t'),
    (KeyCode::KEY_ENTER, b'\r', b'\r'),
    (KeyCode::KEY_ESC, 0x1b, 0x1b),
    (KeyCode::KEY_BACKSPACE, 0x08, 0x08),
    (KeyCode::KEY_DELETE, 0x7f, 0x7f),
    (KeyCode::KEY_KPENTER, b'\r', b'\r'),
    (KeyCode::KEY_KP0, b'0', b'0'),
    (KeyCode::KEY_KP1, b'1', b'1'),
    (KeyCode::KEY_KP2, b'2', b'2'),
    (KeyCode::KEY_KP3, b'3', b'3'),
    (KeyCode::KEY_KP4, b'4', b'4'),
    (KeyCode::KEY_KP5, b'5', b'5'),
    (KeyCode::KEY_KP6, b'6', b'6'),
    (KeyCode::KEY_KP7, b'7', b'7'),
    (KeyCode::KEY_KP8, b'8', b'8'),
    (KeyCode::KEY_KP9, b'9', b'9'),
    (KeyCode::KEY_KPDOT, b'.', b'.'),
    (KeyCode::KEY_KPMINUS, b'-', b'-'),
    (KeyCode::KEY_KPPLUS, b'+', b'+'),
    (KeyCode::KEY_KPASTERISK, b'*', b'*'),
    (KeyCode::KEY_KPSLASH, b'/', b'/'),
    (KeyCode::KEY_KPEQUAL, b'=', b'='),
    (KeyCode::KEY_KPCOMMA, b',', b','),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Keys held one in another, the last one pressed and let go.
    fn chord(typist: &mut Typist, keys: &[KeyCode]) -> Vec<Said> {
        let downs = keys.iter().map(|key| (*key, true));
        let ups = keys.iter().rev().map(|key| (*key, false));
        let said: Vec<Said> = downs.chain(ups).map(|(k, d)| typist.take(k, d)).collect();
        said.into_iter().filter(|it| *it != Said::Nothing).collect()
    }

    fn alt_number(digits: &str) -> Vec<Said> {
        let mut typist = Typist::default();
        let mut said = vec![typist.take(KeyCode::KEY_LEFTALT, true)];
        for digit in digits.bytes() {
            let key = OTHERS
                .iter()
                .find(|(key, plain, _)| keypad_digit(*key).is_some() && *plain == digit);
            said.extend(chord(&mut typist, &[key.unwrap().0]));
        }
        said.push(typist.take(KeyCode::KEY_LEFTALT, false));
        said.into_iter().filter(|it| *it != Said::Nothing).collect()
    }

    #[test]
    fn every_printable_character_is_typed_by_some_key() {
        let mut typed = Vec::new();
        for key in LETTERS
            .map(|(key, _)| key)
            .iter()
            .copied()
            .chain(OTHERS.iter().map(|(key, _, _)| *key))
        {
            for shift in [&[][..], &[KeyCode::KEY_RIGHTSHIFT]] {
                let keys: Vec<KeyCode> = shift.iter().copied().chain([key]).collect();
                typed.extend(chord(&mut Typist::default(), &keys));
            }
        }
        for byte in b' '..=b'~' {
            assert!(typed.contains(&Said::Byte(byte)), "{byte:#x}");
        }
    }

    #[test]
    fn shift_counts_and_caps_lock_does_not() {
        let mut typist = Typist::default();
        assert_eq!(chord(&mut typist, &[KeyCode::KEY_CAPSLOCK]), []);
        assert_eq!(chord(&mut typist, &[KeyCode::KEY_A]), [Said::Byte(b'a')]);
        let shifted = [KeyCode::KEY_LEFTSHIFT, KeyCode::KEY_A];
        assert_eq!(chord(&mut typist, &shifted), [Said::Byte(b'A')]);
        assert_eq!(chord(&mut typist, &[KeyCode::KEY_A]), [Said::Byte(b'a')]);
        let mut held = Typist::holding([KeyCode::KEY_LEFTSHIFT].into_iter());
        assert_eq!(chord(&mut held, &[KeyCode::KEY_2]), [Said::Byte(b'@')]);
    }

    #[test]
    fn separators_are_kept() {
        for (key, byte) in [
            (KeyCode::KEY_RIGHTBRACE, 0x1d),
            (KeyCode::KEY_6, 0x1e),
            (KeyCode::KEY_D, 0x04),
            (KeyCode::KEY_BACKSLASH, 0x1c),
            (KeyCode::KEY_MINUS, 0x1f),
            (KeyCode::KEY_M, b'\r'),
        ] {
            let said = chord(&mut Typist::default(), &[KeyCode::KEY_LEFTCTRL, key]);
            assert_eq!(said, [Said::Byte(byte)], "{key:?}");
        }
    }

    #[test]
    fn numbers_on_the_keypad() {
        assert_eq!(alt_number("029"), [Said::Byte(0x1d)]);
        assert_eq!(alt_number("65"), [Said::Byte(b'A')]);
        assert_eq!(alt_number("45217"), [Said::Pair([0xb0, 0xa1])]);
        assert_eq!(alt_number("99999999999999"), [Said::Unreadable]);
        assert_eq!(alt_number(""), []);
    }

    #[test]
    fn what_depends_on_a_layout_spoils_the_code() {
        for keys in [
            &[KeyCode::KEY_102ND][..],
            &[KeyCode::KEY_RIGHTALT, KeyCode::KEY_Q],
            &[KeyCode::KEY_LEFTCTRL, KeyCode::KEY_1],
        ] {
            let said = chord(&mut Typist::default(), keys);
            assert_eq!(said, [Said::Unreadable], "{keys:?}");
        }
        for key in [KeyCode::KEY_F8, KeyCode::KEY_NUMLOCK, KeyCode::BTN_LEFT] {
            assert_eq!(chord(&mut Typist::default(), &[key]), [], "{key:?}");
        }
    }

    proptest! {
        #[test]
        fn garbage_never_panics(keys in proptest::collection::vec((any::<u16>(), any::<bool>()), 0..400)) {
            let mut typist = Typist::default();
            for (key, is_down) in keys {
                let said = typist.take(KeyCode(key), is_down);
                prop_assert!(is_down || !matches!(said, Said::Unreadable) || is_alt(KeyCode(key)));
            }
        }
    }
}
