//! PURE. The font inside the program: GNU Unifont's glyphs of 8×16 and 16×16 dots, and what of the 通用规范汉字表 lies in
//! plane 2 – names have it – drawn from Noto Sans CJK by `plane2/draw.py`.
//!
//! Both are licensed under the SIL Open Font License 1.1 (Unifont also under GNU GPL 2 with the font embedding
//! exception), which allows them to be part of a program. `build.rs` packs them by pages; a page is unpacked when the
//! first of its characters is drawn, and stays.

use std::sync::OnceLock;

use miniz_oxide::inflate::decompress_slice_iter_to_slice;

const PAGE: usize = 512;
const ROWS: usize = 16;
/// The dots of a glyph, as they are packed: its left half, its right one.
const DOTS_BYTES: usize = 2 * ROWS;

static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/font.bin"));
/// Where each page ends in it.
static ENDS: &[usize] = &include!(concat!(env!("OUT_DIR"), "/font.rs"));
static PAGES: [OnceLock<Box<[Option<Glyph>]>>; ENDS.len()] =
    [const { OnceLock::new() }; ENDS.len()];

/// The dots of one character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glyph {
    is_wide: bool,
    /// The leftmost dot is the highest bit.
    rows: [u16; ROWS],
}

impl Glyph {
    /// Whether it is 16 dots wide, not 8.
    #[must_use]
    pub fn is_wide(&self) -> bool {
        self.is_wide
    }

    /// Whether it only says that there is none: the digits of a code point that is nobody's, white in a black box, or a
    /// mark that takes no room, in a dotted one.
    #[must_use]
    pub fn is_box(&self) -> bool {
        const DIGITS: u16 = 0x7ffe;
        const NONCHARACTER: u16 = 0xffff;
        let framed = |first: usize, frame: u16| {
            let last = ROWS - 1 - first;
            let bars = [first, ROWS / 2 - 1, ROWS / 2, last];
            let sides = frame & !(frame << 1) | frame & !(frame >> 1);
            let is_shut = bars.iter().all(|row| self.rows[*row] == frame)
                && self.rows[first..=last]
                    .iter()
                    .all(|row| row & sides == sides);
            // A square that is black all over is one.
            is_shut && self.rows[first..=last].iter().any(|row| *row != frame)
        };
        let is_dotted = self.rows[0] == 0xaaaa && self.rows[ROWS - 1] == 0x5555;
        is_dotted || framed(1, DIGITS) || framed(0, NONCHARACTER)
    }

    /// Whether a dot is black; there is nothing beside the glyph.
    #[must_use]
    pub fn dot(&self, x: usize, y: usize) -> bool {
        let row = self.rows.get(y).copied().unwrap_or(0);
        x < ROWS && row & (0x8000 >> x) != 0
    }
}

/// Of this character; `None`: the font has none.
#[must_use]
pub fn glyph(character: char) -> Option<&'static Glyph> {
    let code_point = usize::try_from(u32::from(character)).ok()?;
    let number = code_point / PAGE;
    let page = PAGES.get(number)?.get_or_init(|| unpack(number));
    page.get(code_point % PAGE)?.as_ref()
}

fn unpack(number: usize) -> Box<[Option<Glyph>]> {
    let start = number.checked_sub(1).map_or(0, |before| ENDS[before]);
    let mut raw = [0; PAGE * (1 + DOTS_BYTES)];
    let packed = &PACKED[start..ENDS[number]];
    if packed.is_empty() {
        return Box::default();
    }
    let length = decompress_slice_iter_to_slice(&mut raw, std::iter::once(packed), false, false);
    debug_assert_eq!(length, Ok(raw.len()), "as build.rs packed it");
    let (widths, dots) = raw.split_at(PAGE);
    let glyphs = widths.iter().zip(dots.chunks_exact(DOTS_BYTES));
    glyphs.map(|(columns, dots)| read(*columns, dots)).collect()
}

fn read(columns: u8, dots: &[u8]) -> Option<Glyph> {
    let mut glyph = Glyph {
        is_wide: columns == 2,
        rows: [0; ROWS],
    };
    let (left, right) = dots.split_at(ROWS);
    let halves = left.iter().zip(right);
    for (row, (left, right)) in glyph.rows.iter_mut().zip(halves) {
        *row = u16::from_be_bytes([*left, *right]);
    }
    (columns > 0).then_some(glyph)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_told_from_characters() {
        for nobodys in ['\u{378}', '\u{FDD0}', '\u{180B}', '\u{FFFC}'] {
            assert!(glyph(nobodys).unwrap().is_box(), "{nobodys:?}");
        }
        for drawn in "口囗回田国囲■□▣⬛█▓⿰⿴龥鿯㐀䶵Ａ".chars() {
            assert!(!glyph(drawn).unwrap().is_box(), "{drawn}");
        }
        // The digits' boxes: all that the font has of what Unicode 15.1 gave to nobody.
        let boxes = ('\0'..=char::MAX)
            .filter_map(glyph)
            .filter(|it| it.is_box());
        assert_eq!(boxes.count(), 1_577);
    }

    #[test]
    fn every_glyph_is_as_its_makers_drew_it() {
        let mut count = 0;
        for character in '\0'..='\u{FFFF}' {
            let (ours, theirs) = (glyph(character), unifont::get_glyph(character));
            assert_eq!(ours.is_some(), theirs.is_some(), "{character:?}");
            let (Some(ours), Some(theirs)) = (ours, theirs) else {
                continue;
            };
            count += 1;
            assert_eq!(ours.is_wide(), theirs.is_fullwidth(), "{character:?}");
            for y in 0..=ROWS {
                for x in 0..=ROWS {
                    assert_eq!(ours.dot(x, y), theirs.get_pixel(x, y), "{character:?}");
                }
            }
        }
        assert!(count > 50_000, "{count}");
    }

    #[test]
    fn all_of_the_standard_table_s_plane_2_is_there() {
        let table = include_str!("plane2/glyphs.hex");
        let mut beyond = ('\u{10000}'..=char::MAX).filter(|it| glyph(*it).is_some());
        for line in table.lines() {
            let character = beyond.next().unwrap();
            let dots: String = (0..ROWS * ROWS)
                .map(|at| glyph(character).unwrap().dot(at % ROWS, at / ROWS))
                .map(|dot| if dot { '1' } else { '0' })
                .collect();
            let dots: String = (0..ROWS * ROWS / 4)
                .map(|at| u8::from_str_radix(&dots[at * 4..at * 4 + 4], 2).unwrap())
                .map(|digit| format!("{digit:X}"))
                .collect();
            assert_eq!(line, format!("{:05X}:{dots}", u32::from(character)));
            let glyph = glyph(character).unwrap();
            assert!(glyph.is_wide() && !glyph.is_box(), "{character}");
        }
        assert_eq!(beyond.next(), None);
        assert_eq!(table.lines().count(), 196);
    }
}
