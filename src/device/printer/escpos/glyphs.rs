//! PURE. Characters as dots, for lines that the printer has no glyphs for, and for previews.
//!
//! The glyphs are 8×16 and 16×16 dots. A cell of a printer is half as high again: a dot of the paper is black when any
//! dot of the glyph that it covers is.

use crate::document::font::{self, Glyph};

/// Rows of a line of letters.
pub(super) const ROWS: usize = 24;
/// Dots of a column.
pub(super) const COLUMN: usize = 12;

/// Whether there is a glyph, and of how many columns. A box is none.
pub(super) fn columns(character: char) -> Option<u16> {
    let glyph = font::glyph(character).filter(|glyph| !glyph.is_box())?;
    Some(if glyph.is_wide() { 2 } else { 1 })
}

/// A character in a cell of so many columns.
pub(super) struct Cell {
    glyph: Option<&'static Glyph>,
    width: usize,
    /// White before a narrow glyph in a wide cell.
    before: usize,
}

impl Cell {
    pub(super) fn new(character: char, columns: u16) -> Self {
        let glyph = font::glyph(character);
        let width = usize::from(columns) * COLUMN;
        let narrow = glyph.is_some_and(|glyph| !glyph.is_wide());
        let before = if narrow && columns > 1 { COLUMN / 2 } else { 0 };
        Self {
            glyph,
            width,
            before,
        }
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Whether a dot of the cell is black.
    pub(super) fn dot(&self, x: usize, y: usize) -> bool {
        let (Some(glyph), Some(x)) = (self.glyph, x.checked_sub(self.before)) else {
            return false;
        };
        let covered = |at: usize| at * 2 / 3..=(at * 2 + 1) / 3;
        covered(y).any(|row| covered(x).any(|column| glyph.dot(column, row)))
    }
}
