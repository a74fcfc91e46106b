//! Characters as dots: font A 12×24, font B 9×17, Chinese 24×24.
//!
//! Drawn from GNU Unifont's 8×16 and 16×16 glyphs, built into the `unifont` crate. Unifont's data
//! is dual-licensed: SIL Open Font License 1.1, or GNU GPL 2+ with the font embedding exception.
//! Growing 16 to 24 rows, each source dot covers
//! two of every three: all strokes come out two dots wide and all gaps of one dot stay one dot,
//! which no nearest-neighbour scaling gives.

use encoding_rs::GB18030;
use unifont::Glyph;

use super::profile::Charset;

/// The upper half of code table 0 (PC437).
const PC437: &str = concat!(
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»",
    "░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀",
    "αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{A0}"
);

/// The kinds of cells of this printer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell {
    /// 12×24.
    A,
    /// 9×17.
    B,
    /// 24×24.
    Han,
}

impl Cell {
    /// Width and height in dots.
    pub(super) fn size(self) -> (usize, usize) {
        match self {
            Self::A => (12, 24),
            Self::B => (9, 17),
            Self::Han => (24, 24),
        }
    }
}

/// A character of the one-byte table. `yuan` is international set 15 (China): `$` shows as `¥`.
pub(super) fn letter(byte: u8, yuan: bool) -> char {
    match byte {
        b'$' if yuan => '¥',
        0x80.. => PC437.chars().nth(usize::from(byte) - 0x80).unwrap_or(' '),
        _ => char::from(byte),
    }
}

/// The Chinese character of these bytes, if the printer's font holds it.
pub(super) fn han(bytes: &[u8], charset: Charset) -> Option<char> {
    let in_font = match (charset, bytes) {
        (Charset::Gb18030, _) => true,
        // The last row of the two-byte plane came with GB18030.
        (Charset::Gbk, [lead, trail]) => *lead < 0xFE || *trail < 0x50,
        (Charset::Gbk, _) => false,
        (Charset::Gb2312, [lead, trail]) => (0xA1..=0xF7).contains(lead) && *trail >= 0xA1,
        (Charset::Gb2312, _) => false,
    };
    if !in_font {
        return None;
    }
    let text = GB18030.decode_without_bom_handling_and_without_replacement(bytes)?;
    let mut chars = text.chars();
    let (Some(only), None) = (chars.next(), chars.next()) else {
        return None;
    };
    let private = matches!(only, '\u{E000}'..='\u{F8FF}');
    (!private && unifont::get_glyph(only).is_some()).then_some(only)
}

/// The dots of `ch` in a cell, row by row. A character without a glyph is a frame.
pub(super) fn dots(ch: char, cell: Cell) -> Vec<bool> {
    let (width, height) = cell.size();
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    match unifont::get_glyph(ch) {
        Some(glyph) => places.map(|(x, y)| dot(ch, glyph, cell, x, y)).collect(),
        None => places.map(|(x, y)| frame(cell, x, y)).collect(),
    }
}

fn dot(ch: char, glyph: &Glyph, cell: Cell, x: usize, y: usize) -> bool {
    let (width, height) = cell.size();
    let wide = glyph.is_fullwidth();
    match cell {
        Cell::B => glyph.get_pixel(x * glyph.get_width() / width, y * 16 / height),
        Cell::A if wide => grown(glyph, x * 2, y) || grown(glyph, x * 2 + 1, y),
        Cell::Han if wide => grown(glyph, x, y),
        Cell::A => grown(glyph, x, y),
        // A narrow glyph in a wide cell: lines and dashes are stretched so that they join, others
        // stand in the middle.
        Cell::Han if joins(ch) => grown(glyph, x / 2, y),
        Cell::Han => (6..18).contains(&x) && grown(glyph, x - 6, y),
    }
}

fn joins(ch: char) -> bool {
    matches!(ch, '\u{2013}'..='\u{2015}' | '\u{2025}' | '\u{2026}' | '\u{2500}'..='\u{259F}')
}

/// The 2:3 growth of the module docs: dot 1 of each three is black when either neighbour is.
fn grown(glyph: &Glyph, x: usize, y: usize) -> bool {
    let sources = |at: usize| match at % 3 {
        0 => (at / 3 * 2, at / 3 * 2),
        1 => (at / 3 * 2, at / 3 * 2 + 1),
        _ => (at / 3 * 2 + 1, at / 3 * 2 + 1),
    };
    let ((left, right), (top, bottom)) = (sources(x), sources(y));
    glyph.get_pixel(left, top)
        || glyph.get_pixel(right, top)
        || glyph.get_pixel(left, bottom)
        || glyph.get_pixel(right, bottom)
}

fn frame(cell: Cell, x: usize, y: usize) -> bool {
    let (width, height) = cell.size();
    let inside = (1..width - 1).contains(&x) && (2..height - 2).contains(&y);
    let edge = x <= 2 || x >= width - 3 || y <= 3 || y >= height - 4;
    inside && edge
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_table_is_whole() {
        assert_eq!(PC437.chars().count(), 128);
        assert_eq!(letter(0x9D, false), '¥');
        assert_eq!(letter(0xFE, false), '■');
        assert_eq!(letter(b'$', true), '¥');
        assert_eq!(letter(b'$', false), '$');
    }

    #[test]
    fn fonts_hold_what_their_kind_holds() {
        let of = |text: &str| GB18030.encode(text).0.into_owned();
        assert_eq!(han(&of("医"), Charset::Gb2312), Some('医'));
        assert_eq!(han(&of("镕"), Charset::Gb2312), None, "镕 is beyond GB2312");
        assert_eq!(han(&of("镕"), Charset::Gbk), Some('镕'));
        assert_eq!(of("㛃").len(), 4);
        assert_eq!(han(&of("㛃"), Charset::Gbk), None);
        assert_eq!(han(&of("㛃"), Charset::Gb18030), Some('㛃'));
        assert_eq!(han(&[0xFE, 0xFF], Charset::Gb18030), None);
    }

    #[test]
    fn strokes_are_two_dots_wide() {
        let one = dots('一', Cell::Han);
        let column = one.iter().skip(12).step_by(24);
        assert_eq!(column.filter(|dot| **dot).count(), 2);
    }

    #[test]
    fn every_letter_has_ink() {
        for byte in 0x21..0x7F_u8 {
            for cell in [Cell::A, Cell::B] {
                let ch = letter(byte, false);
                assert!(dots(ch, cell).contains(&true), "{ch}");
            }
        }
        assert!(!dots(' ', Cell::A).contains(&true));
        assert!(!dots('\u{3000}', Cell::Han).contains(&true));
    }
}
