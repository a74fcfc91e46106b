//! PURE. Characters → the bytes a printer has a glyph for.
//!
//! In Chinese mode (`FS &`) bytes below 80h are Latin characters of one column, all others come as two or
//! four bytes of GB18030 and fill two columns. No control character of a text reaches the wire. A character that the
//! printer lacks is drawn; one that we lack too is written as its code point: a box would hide that a name is wrong.

use encoding_rs::{EncoderResult, GB18030, GBK};

use super::glyphs;
use crate::device::quirks::Charset;

/// One character as it goes over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sign {
    bytes: [u8; 4],
    /// 0: the printer has no glyph, it is drawn.
    length: u8,
    /// What it shows.
    pub(super) character: char,
    /// Columns in the normal font.
    pub(super) columns: u16,
    /// What it means for breaking lines.
    pub(super) kind: Kind,
}

/// What a character means for breaking lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Ends a line.
    LineEnd,
    /// A space; lines break here.
    Space,
    /// A Latin letter, digit or mark; kept together with its like.
    Latin,
    /// A Chinese character; a line may break on both its sides.
    Wide,
    /// A mark that does not begin a line: `，。）`.
    Closing,
    /// A mark that does not end a line: `（《`.
    Opening,
}

impl Sign {
    pub(super) const SPACE: Self = Self {
        bytes: [b' ', 0, 0, 0],
        length: 1,
        character: ' ',
        columns: 1,
        kind: Kind::Space,
    };

    /// The printer has no glyph for it, we have.
    pub(super) fn is_drawn(&self) -> bool {
        self.length == 0
    }

    fn drawn(character: char, columns: u16) -> Self {
        Self {
            bytes: [0; 4],
            length: 0,
            character,
            columns,
            kind: if columns == 1 {
                Kind::Latin
            } else {
                kind_of(character)
            },
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    fn ascii(byte: u8) -> Self {
        let kind = match byte {
            b'\n' => Kind::LineEnd,
            b' ' => Kind::Space,
            _ => Kind::Latin,
        };
        Self {
            bytes: [byte, 0, 0, 0],
            length: 1,
            character: char::from(byte),
            columns: 1,
            kind,
        }
    }
}

/// A text in the printer's bytes, and how many of its characters had no glyph.
pub(super) fn signs(text: &str, charset: Charset) -> (Vec<Sign>, usize) {
    let mut signs = Vec::with_capacity(text.len());
    let mut unprintable = 0;
    for character in text.chars() {
        match character {
            '\n' | ' '..='~' => signs.extend(u8::try_from(character).map(Sign::ascii)),
            '\t' | '\u{A0}' => signs.push(Sign::SPACE),
            _ if is_invisible(character) => {}
            _ => {
                let drawn = || Some(Sign::drawn(character, drawable(character)?));
                if let Some(sign) = wide(character, charset).or_else(drawn) {
                    signs.push(sign);
                } else {
                    unprintable += 1;
                    let code_point = format!("[U+{:04X}]", u32::from(character));
                    signs.extend(code_point.bytes().map(Sign::ascii));
                }
            }
        }
    }
    (signs, unprintable)
}

/// Columns of a character that we have a glyph for. What people put into the private use area is theirs.
fn drawable(character: char) -> Option<u16> {
    let in_private_use = ('\u{E000}'..='\u{F8FF}').contains(&character);
    glyphs::columns(character).filter(|_| !in_private_use)
}

/// A character of two columns; `None`: the printer has no glyph for it.
fn wide(character: char, charset: Charset) -> Option<Sign> {
    // U+00A5 is four bytes of GB18030, which printers show as "0 6"; the fullwidth sign is in every font.
    let character = if character == '\u{A5}' {
        '\u{FFE5}'
    } else {
        character
    };
    let in_private_use = ('\u{E000}'..='\u{F8FF}').contains(&character);
    let encoding = match charset {
        Charset::Gb18030 => GB18030,
        Charset::Gbk => GBK,
    };
    let mut text = [0; 4];
    let mut bytes = [0; 4];
    let (result, _, length) = encoding.new_encoder().encode_from_utf8_without_replacement(
        character.encode_utf8(&mut text),
        &mut bytes,
        true,
    );
    let in_extension_a = ('\u{3400}'..='\u{4DB5}').contains(&character);
    let has_glyph = match length {
        // One byte above 7Fh is the euro sign of GBK, which printers do not know.
        2 => !in_private_use && (charset == Charset::Gb18030 || !is_late([bytes[0], bytes[1]])),
        4 => in_extension_a,
        _ => false,
    };
    if result != EncoderResult::InputEmpty || !has_glyph {
        return None;
    }
    let length = u8::try_from(length).ok()?;
    Some(Sign {
        bytes,
        length,
        character,
        columns: 2,
        kind: kind_of(character),
    })
}

/// Two bytes that code page 936 has nothing at, and with it many fonts that are called GBK: vertical marks, `ǹ`, signs
/// that describe characters, and the last row, radicals and rare characters. Such a printer shows a box, or nothing.
fn is_late(code: [u8; 2]) -> bool {
    matches!(
        code,
        [0xa6, 0xd9..=0xdf | 0xec | 0xed | 0xf3]
            | [0xa8, 0xbc | 0xbf]
            | [0xa9, 0x89..=0x95]
            | [0xfe, 0x50..=0xfe]
    )
}

fn kind_of(character: char) -> Kind {
    match character {
        '，' | '。' | '、' | '；' | '：' | '？' | '！' | '）' | '》' | '」' | '』' | '】'
        | '〉' | '”' | '’' | '％' | '…' => Kind::Closing,
        '（' | '《' | '「' | '『' | '【' | '〈' | '“' | '‘' | '￥' => Kind::Opening,
        _ => Kind::Wide,
    }
}

/// Controls, and marks that take no room: nothing is printed for them.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{AD}'
                | '\u{34F}'
                | '\u{61C}'
                | '\u{180B}'..='\u{180F}'
                | '\u{200B}'..='\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{FE00}'..='\u{FE0F}'
                | '\u{FEFF}'
                | '\u{E0100}'..='\u{E01EF}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes() {
        for (text, charset, bytes) in [
            ("医保A", Charset::Gb18030, "D2BDB1A341"),
            ("¥1￥", Charset::Gb18030, "A3A431A3A4"),
            ("¥", Charset::Gbk, "A3A4"),
            ("€", Charset::Gb18030, "A2E3"),
            // Nothing of a character that is drawn goes out as text.
            ("€", Charset::Gbk, ""),
            // Extension A: four bytes where the printer has GB18030.
            ("㐀", Charset::Gb18030, "8139EE39"),
            ("㐀", Charset::Gbk, ""),
            // Private use: nobody knows what is meant.
            ("\u{E000}", Charset::Gb18030, "5B552B453030305D"),
            ("é×·", Charset::Gb18030, "A8A6A1C1A1A4"),
            (
                "a\u{1b}@\r\0\u{7f}\u{9b}b\tc",
                Charset::Gb18030,
                "6140622063",
            ),
            ("\u{FEFF}\u{200B}囍\u{FE0F}", Charset::Gb18030, "87D6"),
        ] {
            let wire: Vec<u8> = signs(text, charset)
                .0
                .iter()
                .flat_map(|s| s.bytes().to_vec())
                .collect();
            assert_eq!(hex::encode_upper(wire), bytes, "{text:?} {charset:?}");
        }
    }

    /// GB18030-2022, level 1: two bytes, extension A, and the 74 code points of U+9FA6 and behind; all of it must be
    /// printed.
    #[test]
    fn level_1_is_lettered_or_drawn_on_every_printer() {
        let four = |character: char| {
            let text = character.to_string();
            GB18030.encode(&text).0.into_owned()
        };
        assert_eq!(four('\u{9FA6}'), [0x82, 0x35, 0x8f, 0x33]);
        assert_eq!(four('\u{9FEF}'), [0x82, 0x35, 0x96, 0x36]);
        let two_bytes = ('\u{80}'..='\u{FFFF}').filter(|it| four(*it).len() == 2);
        let two_bytes = two_bytes.filter(|it| !('\u{E000}'..='\u{F8FF}').contains(it));
        let ideographs = ('\u{3400}'..='\u{4DB5}').chain('\u{9FA6}'..='\u{9FEF}');
        let all: Vec<char> = two_bytes.chain(ideographs).collect();
        assert!(all.len() > 28_000, "{}", all.len());
        for charset in [Charset::Gb18030, Charset::Gbk] {
            for character in &all {
                let text = character.to_string();
                let (signs, unprintable) = signs(&text, charset);
                assert_eq!(
                    (signs.len(), unprintable),
                    (1, 0),
                    "{character:?} {charset:?}"
                );
                let sign = signs[0];
                if sign.is_drawn() {
                    assert_eq!(sign.character, *character);
                } else {
                    let (read, _, wrong) = GB18030.decode(sign.bytes());
                    assert!(!wrong && read.chars().eq([sign.character]), "{character:?}");
                }
            }
        }
    }

    /// Level 2 adds the 通用规范汉字表, which is drawn whole. Level 3 reaches into planes that no font here has: each is
    /// printed as itself or by its code point, and told; nothing is a box, a question mark or left out.
    #[test]
    fn what_is_beyond_level_1_is_printed_or_told() {
        let all = ('\u{80}'..='\u{323AF}').filter(|it| !is_invisible(*it) && *it != '\u{A0}');
        for character in all {
            for charset in [Charset::Gb18030, Charset::Gbk] {
                let (signs, unprintable) = signs(character.encode_utf8(&mut [0; 4]), charset);
                let shown: String = signs.iter().map(|sign| sign.character).collect();
                if unprintable == 0 {
                    let yen = character == '\u{A5}' && shown == "￥";
                    assert!(yen || shown.chars().eq([character]), "{character:?}");
                    let is_box = signs[0].is_drawn() && glyphs::columns(character).is_none();
                    assert!(!is_box, "{character:?}");
                } else {
                    assert_eq!(shown, format!("[U+{:04X}]", u32::from(character)));
                }
            }
        }
        for line in include_str!("../../../document/plane2/glyphs.hex").lines() {
            let (code_point, _) = line.split_once(':').unwrap();
            let code_point = u32::from_str_radix(code_point, 16).unwrap();
            let character = char::from_u32(code_point).unwrap().to_string();
            let (signs, unprintable) = signs(&character, Charset::Gb18030);
            assert_eq!((signs.len(), unprintable), (1, 0), "{character}");
            assert!(signs[0].is_drawn(), "{character}");
        }
        // Extension B, the first of level 3; a code point that is nobody's.
        for told in ['\u{20000}', '\u{378}'] {
            assert_eq!(signs(&told.to_string(), Charset::Gb18030).1, 1);
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for character in ('\u{0}'..='\u{10FFFF}').filter(|c| *c != '\n' && *c != '\u{A5}') {
            let (signs, unprintable) = signs(character.encode_utf8(&mut [0; 4]), Charset::Gb18030);
            let wire: Vec<u8> = signs.iter().flat_map(|s| s.bytes().to_vec()).collect();
            assert!(
                wire.iter().all(|b| *b >= b' ' && *b != 0x7f),
                "{character:?}"
            );
            let columns: u16 = signs.iter().map(|s| s.columns).sum();
            let (read, wrong) = GB18030.decode_without_bom_handling(&wire);
            assert!(!wrong);
            if unprintable == 0 && !wire.is_empty() && character != '\t' && character != '\u{A0}' {
                assert_eq!(read, character.to_string());
                assert_eq!(columns, if character.is_ascii() { 1 } else { 2 });
            }
        }
    }
}
