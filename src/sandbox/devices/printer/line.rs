//! The line being built: cells and small images side by side, not yet on paper. Pure.

use std::borrow::Cow;

use super::glyphs::{self, Cell};

/// Columns of text dumps: twelve dots each.
pub(super) const COLUMN_DOTS: usize = 12;

/// One character as it will be printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) ch: char,
    pub(super) cell: Cell,
    /// Width and height multiples, 1–8.
    pub(super) times: (usize, usize),
    pub(super) bold: bool,
    /// Rows of underline, 0–2.
    pub(super) underline: usize,
    pub(super) reverse: bool,
}

/// What stands at a place of the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ink {
    Letter(Letter),
    /// Row-major dots.
    Image {
        width: usize,
        height: usize,
        dots: Vec<bool>,
    },
}

/// An [`Ink`] and where it begins, in dots from the left of the printing area.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) x: usize,
    pub(super) ink: Ink,
}

impl Ink {
    pub(super) fn size(&self) -> (usize, usize) {
        match self {
            Self::Letter(letter) => {
                let (width, height) = letter.cell.size();
                (width * letter.times.0, height * letter.times.1)
            }
            Self::Image { width, height, .. } => (*width, *height),
        }
    }

    /// Its dots, row by row.
    pub(super) fn dots(&self) -> Cow<'_, [bool]> {
        match self {
            Self::Letter(letter) => Cow::Owned(letter.dots()),
            Self::Image { dots, .. } => Cow::Borrowed(dots),
        }
    }
}

impl Letter {
    fn dots(&self) -> Vec<bool> {
        let cell = glyphs::dots(self.ch, self.cell);
        let ((width, height), (wide, high)) = (self.cell.size(), self.times);
        let glyph = |x: usize, y: usize| cell[y / high * width + x / wide];
        let dot = |x: usize, y: usize| {
            let bold = self.bold && x > 0 && glyph(x - 1, y);
            let under = y + self.underline >= height * high;
            (glyph(x, y) || bold || under) != self.reverse
        };
        (0..height * high)
            .flat_map(|y| (0..width * wide).map(move |x| (x, y)))
            .map(|(x, y)| dot(x, y))
            .collect()
    }
}

/// The line buffer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Line {
    items: Vec<Item>,
    cursor: usize,
}

impl Line {
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether anything, also an empty move, stands before the next character.
    pub(super) fn is_at_start(&self) -> bool {
        self.items.is_empty() && self.cursor == 0
    }

    pub(super) fn cursor(&self) -> usize {
        self.cursor
    }

    pub(super) fn move_to(&mut self, x: usize) {
        self.cursor = x;
    }

    /// Puts `ink` at the cursor, with so much space before and after it.
    pub(super) fn put(&mut self, ink: Ink, before: usize, after: usize) {
        let (width, _) = ink.size();
        let x = self.cursor + before;
        self.cursor = x + width + after;
        self.items.push(Item { x, ink });
    }

    pub(super) fn items(&self) -> &[Item] {
        &self.items
    }

    /// Dots from the left of the area to the end of the last ink.
    pub(super) fn width(&self) -> usize {
        self.items
            .iter()
            .map(|item| item.x + item.ink.size().0)
            .max()
            .unwrap_or(0)
    }

    /// Dots of the highest ink.
    pub(super) fn height(&self) -> usize {
        self.items
            .iter()
            .map(|item| item.ink.size().1)
            .max()
            .unwrap_or(0)
    }
}
