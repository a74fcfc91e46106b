//! PURE. What stands in a code, on a receipt or in a record, with other characters of the same kind and length.

use encoding_rs::GB18030;

use crate::person::resident_id_is_valid;

/// A number with a right check digit that is nobody's: born on the first day of 1900.
pub(crate) const NOBODYS_NUMBER: &[u8; 18] = b"110101190001011009";
/// 某, in two bytes of GB18030 and in three of UTF-8.
const SOMEBODY_GB: [u8; 2] = [0xc4, 0xb3];
const SOMEBODY_UTF8: [u8; 3] = [0xe6, 0x9f, 0x90];
/// U+20000, in four bytes of each.
const RARE_GB: [u8; 4] = [0x95, 0x32, 0x82, 0x36];
const RARE_UTF8: [u8; 4] = [0xf0, 0xa0, 0x80, 0x80];
/// é in UTF-8.
const TWO_UTF8: [u8; 2] = [0xc3, 0xa9];
/// Characters of a 医保码, and what it begins with.
const EVOUCHER_CHARACTERS: usize = 28;
const EVOUCHER_PREFIXES: [&str; 2] = ["424", "opc"];
/// What a web address begins with.
const SCHEMES: [&str; 2] = ["https://", "http://"];

/// A character of ASCII by one of its class.
pub(crate) fn ascii(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => b'0',
        b'A'..=b'Z' => b'A',
        b'a'..=b'z' => b'a',
        other => other,
    }
}

/// One whole code, without its terminator. What it seems to be is still seen: its symbology, the first characters of
/// a 医保码 or a payment code, a valid number.
pub(crate) fn code(code: &[u8]) -> Vec<u8> {
    let (symbology, rest) = match code {
        [b']', kind, detail, ..]
            if kind.is_ascii_alphabetic() && detail.is_ascii_alphanumeric() =>
        {
            code.split_at(3)
        }
        _ => (&[][..], code),
    };
    let hidden = match std::str::from_utf8(rest) {
        Ok(text) if text.is_ascii() => ascii_code(text),
        Ok(text) => text.chars().flat_map(utf8).collect(),
        Err(_) => gb18030(rest).unwrap_or_else(|| vec![0; rest.len()]),
    };
    [symbology, &hidden].concat()
}

fn ascii_code(text: &str) -> Vec<u8> {
    if resident_id_is_valid(text) {
        return NOBODYS_NUMBER.to_vec();
    }
    let kept = kept_characters(text);
    let (kept, rest) = text.as_bytes().split_at(kept);
    kept.iter()
        .copied()
        .chain(rest.iter().map(|byte| ascii(*byte)))
        .collect()
}

/// How many characters at the start say what it is and nothing of whose it is.
fn kept_characters(text: &str) -> usize {
    let (length, is_digits) = (text.len(), text.bytes().all(|b| b.is_ascii_digit()));
    let is_plain = text.bytes().all(|b| b.is_ascii_alphanumeric());
    let begins = |prefixes: &[&str]| {
        let mut prefixes = prefixes.iter();
        let found = prefixes.find(|prefix| text.starts_with(**prefix));
        found.map_or(0, |prefix| prefix.len())
    };
    if length == EVOUCHER_CHARACTERS && is_plain {
        return begins(&EVOUCHER_PREFIXES);
    }
    let first_two = text.get(..2).and_then(|two| two.parse::<u8>().ok());
    match (first_two, length) {
        (Some(10..=15), 18) | (Some(25..=30), 16..=24) | (Some(62), 19) | (Some(80..=89), 20)
            if is_digits =>
        {
            2
        }
        _ => begins(&SCHEMES),
    }
}

fn utf8(character: char) -> Vec<u8> {
    match character.len_utf8() {
        1 => vec![u8::try_from(character).map_or(0, ascii)],
        2 => TWO_UTF8.to_vec(),
        3 => SOMEBODY_UTF8.to_vec(),
        _ => RARE_UTF8.to_vec(),
    }
}

/// Text of GB18030; `None`: it is none.
pub(crate) fn gb18030(text: &[u8]) -> Option<Vec<u8>> {
    let (_, has_errors) = GB18030.decode_without_bom_handling(text);
    if has_errors {
        return None;
    }
    let mut hidden = Vec::with_capacity(text.len());
    while let Some(character) = text.get(hidden.len()..).and_then(first_of_receipt) {
        hidden.extend(character);
    }
    (hidden.len() == text.len()).then_some(hidden)
}

/// The first character of text as printers take it; `None`: it is not whole yet.
pub(crate) fn first_of_receipt(text: &[u8]) -> Option<Vec<u8>> {
    match text {
        [] => None,
        [byte @ 0..=0x7f, ..] => Some(vec![ascii(*byte)]),
        [0x81..=0xfe] => None,
        [0x81..=0xfe, 0x30..=0x39, rest @ ..] => match rest {
            [] | [0x81..=0xfe] => None,
            [0x81..=0xfe, 0x30..=0x39, ..] => Some(RARE_GB.to_vec()),
            [_, ..] => Some(vec![0]),
        },
        [lead @ 0x81..=0xfe, trail @ (0x40..=0x7e | 0x80..=0xfe), ..] => {
            Some(if is_sign(*lead, *trail) {
                vec![*lead, *trail]
            } else {
                SOMEBODY_GB.to_vec()
            })
        }
        [_, ..] => Some(vec![0]),
    }
}

/// Punctuation, ￥ and lines of tables: nobody is called so.
fn is_sign(lead: u8, trail: u8) -> bool {
    matches!(
        (lead, trail),
        (0xa1, _) | (0xa9, 0xa4..) | (0xa3, 0xa4 | 0xba | 0xac)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_keep_their_shape() {
        for (code, hidden) in [
            (
                "4241234567890123456789430000",
                "4240000000000000000000000000",
            ),
            (
                "opcAb34567890123456789430000",
                "opcAa00000000000000000000000",
            ),
            ("440524188001010014", "110101190001011009"),
            ("134567890123456789", "130000000000000000"),
            ("6212345678901234567", "6200000000000000000"),
            ("]Q1https://h.cn/p?x=Zz9", "]Q1https://a.aa/a?a=Aa0"),
            ("424123", "000000"),
            ("JZ12345678", "AA00000000"),
            ("(01)069\x1d10A", "(00)000\x1d00A"),
            ("张三12", "某某00"),
        ] {
            assert_eq!(
                String::from_utf8(super::code(code.as_bytes())).unwrap(),
                hidden
            );
        }
        assert_eq!(code(b"\xd5\xc5\xc8\xfd1"), b"\xc4\xb3\xc4\xb30", "GBK");
        assert_eq!(code(b"\xff\xfe12\x00"), [0; 5], "nothing is known of it");
    }

    #[test]
    fn signs_stay_on_a_receipt_and_characters_do_not() {
        let (text, _, _) = GB18030.encode("合计：￥4.52，沈𠮷");
        let hidden = gb18030(&text).unwrap();
        let (told, _) = GB18030.decode_without_bom_handling(&hidden);
        assert_eq!(told, "某某：￥0.00，某𠀀");
        assert_eq!(hidden.len(), text.len());
        assert_eq!(gb18030(b"\xd5"), None);
    }
}
