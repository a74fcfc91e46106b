//! Paper: dots on a roll, and the pieces that were cut off it. Pure.

use super::commands::{Align, Cut};
use super::line::Line;
use super::text;

/// Dots across: 72 mm of print on 80 mm paper at 203 dots per inch.
pub const PAPER_DOTS: usize = 576;
/// Rows of one piece: five metres. A job that feeds more has run off the roll.
pub(super) const PAPER_ROWS_MAX: usize = 40_000;
/// Rows of one line of text at the default line spacing.
const LINE_ROWS: usize = 30;
/// Blank lines shown for a long feed in the text dump.
const BLANK_LINES_MAX: usize = 8;

/// Where lines go on the paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) left: usize,
    pub(super) width: usize,
    pub(super) align: Align,
}

impl Area {
    /// First dot of something so wide.
    pub(super) fn start(self, width: usize) -> usize {
        let free = self.width.saturating_sub(width);
        let inside = match self.align {
            Align::Left => 0,
            Align::Centre => free / 2,
            Align::Right => free,
        };
        self.left + inside
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    top: usize,
    end: usize,
    text: String,
}

/// A piece of printed paper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paper {
    dots: Vec<bool>,
    rows: Vec<Row>,
    cut: Option<Cut>,
}

impl Paper {
    /// Rows of dots, top to bottom.
    #[must_use]
    pub fn height(&self) -> usize {
        self.dots.len() / PAPER_DOTS
    }

    /// Whether the dot is black. Beyond the paper nothing is.
    #[must_use]
    pub fn dot(&self, x: usize, y: usize) -> bool {
        x < PAPER_DOTS && self.dots.get(y * PAPER_DOTS + x).copied().unwrap_or(false)
    }

    /// How it was cut; `None`: it still hangs in the printer.
    #[must_use]
    pub fn cut(&self) -> Option<Cut> {
        self.cut
    }

    /// Whether there is nothing on it.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        !self.dots.iter().any(|dot| *dot)
    }

    /// The printed text, 48 columns, lines ended by LF. See the `text` module for how sizes and
    /// pictures show.
    #[must_use]
    pub fn text(&self) -> String {
        let mut shown = String::new();
        let mut end = self.rows.first().map_or(0, |row| row.top);
        for row in &self.rows {
            let blank = row.top.saturating_sub(end) / LINE_ROWS;
            shown.push_str(&"\n".repeat(blank.min(BLANK_LINES_MAX)));
            shown.push_str(&row.text);
            shown.push('\n');
            end = row.end;
        }
        shown
    }

    /// A picture of the paper, PNG.
    #[must_use]
    pub fn png(&self) -> Vec<u8> {
        super::png::draw(self)
    }
}

/// The paper in the printer, from the knife to the head and beyond.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Roll {
    dots: Vec<bool>,
    rows: Vec<Row>,
    head: usize,
    knife: usize,
}

impl Roll {
    /// A roll with its beginning at the knife, `knife` dots beyond the head.
    pub(super) fn new(knife: usize) -> Self {
        Self {
            dots: Vec::new(),
            rows: Vec::new(),
            head: knife,
            knife,
        }
    }

    /// Whether the piece is as long as a roll.
    pub(super) fn is_used_up(&self) -> bool {
        self.head >= PAPER_ROWS_MAX
    }

    fn ink(&mut self, x: usize, y: usize) {
        if x >= PAPER_DOTS || y >= PAPER_ROWS_MAX {
            return;
        }
        if self.dots.len() < (y + 1) * PAPER_DOTS {
            self.dots.resize((y + 1) * PAPER_DOTS, false);
        }
        if let Some(dot) = self.dots.get_mut(y * PAPER_DOTS + x) {
            *dot = true;
        }
    }

    /// Moves the paper on.
    pub(super) fn feed(&mut self, rows: usize) {
        self.head = (self.head + rows).min(PAPER_ROWS_MAX);
    }

    /// Prints a line and feeds by the larger of its height and `spacing`.
    pub(super) fn print(&mut self, line: &Line, area: Area, spacing: usize) {
        let (height, start) = (line.height(), area.start(line.width()));
        for item in line.items() {
            let (wide, high) = item.ink.size();
            // Different heights share the base line.
            let top = self.head + height - high;
            for (at, _) in item.ink.dots().iter().enumerate().filter(|(_, dot)| **dot) {
                let x = item.x + at % wide;
                if x < area.width {
                    self.ink(start + x, top + at / wide);
                }
            }
        }
        let fed = height.max(spacing);
        let text = text::line(line.items(), start);
        self.rows.push(Row {
            top: self.head,
            end: self.head + fed,
            text,
        });
        self.feed(fed);
    }

    /// Names a picture that begins here and is `rows` high.
    pub(super) fn begin_picture(&mut self, label: &str, start: usize, rows: usize) {
        let text = text::picture(label, start);
        self.rows.push(Row {
            top: self.head,
            end: self.head + rows,
            text,
        });
    }

    /// Prints rows of dots, each `times` rows high, and moves the paper below them.
    pub(super) fn print_rows(&mut self, start: usize, dots: &[bool], times: (usize, usize)) {
        let (wide, high) = times;
        for (at, _) in dots.iter().enumerate().filter(|(_, dot)| **dot) {
            for (x, y) in (0..high).flat_map(|y| (0..wide).map(move |x| (x, y))) {
                self.ink(start + at * wide + x, self.head + y);
            }
        }
        self.feed(high);
    }

    /// Feeds until what was printed last has passed the knife, and `rows` more.
    pub(super) fn feed_to_knife(&mut self, rows: usize) {
        self.feed(self.knife + rows);
    }

    /// Cuts at the knife; what lies between knife and head is the beginning of the next piece.
    pub(super) fn cut(&mut self, how: Cut) -> Paper {
        let at = self.head.saturating_sub(self.knife);
        let rest = self.dots.split_off((at * PAPER_DOTS).min(self.dots.len()));
        let mut dots = std::mem::replace(&mut self.dots, rest);
        dots.resize(at * PAPER_DOTS, false);
        let kept = self.rows.partition_point(|row| row.top < at);
        let mut rest = self.rows.split_off(kept);
        for row in &mut rest {
            row.top -= at;
            row.end -= at;
        }
        let rows = std::mem::replace(&mut self.rows, rest);
        self.head -= at;
        Paper {
            dots,
            rows,
            cut: Some(how),
        }
    }

    /// What hangs in the printer, as a person would see it.
    pub(super) fn hanging(&self) -> Paper {
        let mut dots = self.dots.clone();
        dots.resize(self.head * PAPER_DOTS, false);
        Paper {
            dots,
            rows: self.rows.clone(),
            cut: None,
        }
    }
}
