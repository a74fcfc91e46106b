//! A printed line as text for tests and terminals: 48 columns, a Chinese character takes two. Pure.
//!
//! A run of double-width characters is written once, between `<` and `>`, in the middle of the
//! columns it took, so that what follows keeps its column. Image dots inside a line show as `#`.

use unicode_width::UnicodeWidthChar;

use super::line::{COLUMN_DOTS, Ink, Item};

/// Columns kept of one line, far beyond the paper.
const COLUMNS_MAX: usize = 200;

/// Characters of one width that follow each other.
struct Run {
    column: usize,
    end: usize,
    text: String,
    wide: bool,
}

/// The text of a line whose first dot stands at `left` dots.
pub(super) fn line(items: &[Item], left: usize) -> String {
    let mut shown = String::new();
    let mut columns = 0;
    for run in runs(items, left) {
        let (text, column) = run.shown();
        while columns < column.min(COLUMNS_MAX) {
            shown.push(' ');
            columns += 1;
        }
        columns += columns_of(&text);
        shown.push_str(&text);
    }
    shown.trim_end().to_owned()
}

/// A line that is one picture, at `left` dots.
pub(super) fn picture(label: &str, left: usize) -> String {
    let indent = (left / COLUMN_DOTS).min(COLUMNS_MAX);
    format!("{}[{label}]", " ".repeat(indent))
}

/// Columns a text takes on a terminal.
pub(super) fn columns_of(text: &str) -> usize {
    text.chars().map(|ch| ch.width().unwrap_or(0)).sum()
}

fn runs(items: &[Item], left: usize) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for item in items {
        let column = (left + item.x) / COLUMN_DOTS;
        let taken = item.ink.size().0.div_ceil(COLUMN_DOTS);
        let (text, wide) = match &item.ink {
            Ink::Letter(letter) => (letter.ch.to_string(), letter.times.0 > 1),
            Ink::Image { .. } => ("#".repeat(taken), false),
        };
        match runs.last_mut() {
            Some(last) if last.wide == wide && last.end == column => {
                last.text.push_str(&text);
                last.end = column + taken;
            }
            _ => runs.push(Run {
                column,
                end: column + taken,
                text,
                wide,
            }),
        }
        // A narrow glyph in a Chinese cell (“, ·, —) leaves its second column to a space.
        if let Some(last) = runs.last_mut().filter(|run| !run.wide) {
            let missing = (last.end - last.column).saturating_sub(columns_of(&last.text));
            last.text.push_str(&" ".repeat(missing));
        }
    }
    runs
}

impl Run {
    /// The text to write and the column where it begins.
    fn shown(&self) -> (String, usize) {
        let taken = self.end - self.column;
        let bare = columns_of(&self.text);
        if !self.wide || taken < bare + 2 || self.text.trim().is_empty() {
            return (self.text.clone(), self.column);
        }
        (
            format!("<{}>", self.text),
            self.column + (taken - bare - 2) / 2,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::glyphs::Cell;
    use super::super::line::{Letter, Line};
    use super::*;

    fn put(to: &mut Line, text: &str, wide: usize) {
        for ch in text.chars() {
            let cell = if ch.is_ascii() { Cell::A } else { Cell::Han };
            let letter = Letter {
                ch,
                cell,
                times: (wide, 1),
                bold: false,
                underline: 0,
                reverse: false,
            };
            to.put(Ink::Letter(letter), 0, 0);
        }
    }

    #[test]
    fn columns_hold_on_a_terminal() {
        let mut chinese = Line::default();
        put(&mut chinese, "阿莫西林“A”·x", 1);
        chinese.move_to(480);
        put(&mut chinese, "12.50", 1);
        let shown = line(chinese.items(), 0);
        assert!(shown.starts_with("阿莫西林"), "{shown}");
        assert_eq!(columns_of(shown.strip_suffix("12.50").unwrap()), 40);
    }

    #[test]
    fn wide_text_is_marked_and_moves_nothing() {
        let mut wide = Line::default();
        put(&mut wide, "收据", 2);
        put(&mut wide, "No", 1);
        assert_eq!(line(wide.items(), 0), " <收据> No");
        assert_eq!(line(wide.items(), 24), "   <收据> No");
    }
}
