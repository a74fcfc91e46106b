//! Commands that put something into the line or onto the paper.

use super::super::commands::{Cut, Inside, Qr};
use super::super::glyphs::{self, Cell};
use super::super::line::{Ink, Letter};
use super::{Interpreter, Oddity, Output, Raster};

impl Interpreter {
    pub(super) fn letter(&mut self, byte: u8) {
        self.put_letter(glyphs::letter(byte, self.modes.yuan));
    }

    pub(super) fn put_letter(&mut self, ch: char) {
        let cell = if self.modes.font_b { Cell::B } else { Cell::A };
        let gap = self.modes.letter_gap * self.modes.letters.times.0;
        self.put(self.dressed(ch, cell), 0, gap);
    }

    /// A character that the font lacks leaves its place empty, as with most printers.
    pub(super) fn han(&mut self, bytes: &[u8]) {
        let ch = glyphs::han(bytes, self.options.charset).unwrap_or_else(|| {
            self.odd(Oddity::NoGlyph(hex::encode_upper(bytes)));
            '\u{3000}'
        });
        let wide = self.modes.han.times.0;
        let (before, after) = self.modes.han_gaps;
        self.put(self.dressed(ch, Cell::Han), before * wide, after * wide);
    }

    fn dressed(&self, ch: char, cell: Cell) -> Ink {
        let face = if cell == Cell::Han {
            self.modes.han
        } else {
            self.modes.letters
        };
        Ink::Letter(Letter {
            ch,
            cell,
            times: face.times,
            bold: self.modes.bold,
            underline: face.underline,
            reverse: self.modes.reverse,
        })
    }

    /// What does not fit any more begins the next line.
    fn put(&mut self, ink: Ink, before: usize, after: usize) {
        let (width, _) = ink.size();
        let end = self.line.cursor() + before + width;
        if end > self.modes.area.width && !self.line.is_at_start() {
            self.print_line();
        }
        self.line.put(ink, before, after);
    }

    pub(super) fn tab(&mut self) {
        let cursor = self.line.cursor();
        match self.modes.tabs.iter().copied().find(|stop| *stop > cursor) {
            Some(stop) => self.move_to(Some(stop)),
            None => self.odd(Oddity::Ignored("HT beyond the last stop")),
        }
    }

    pub(super) fn move_to(&mut self, x: Option<usize>) {
        match x.filter(|x| *x <= self.modes.area.width) {
            Some(x) => self.line.move_to(x),
            None => self.odd(Oddity::Ignored("a move beyond the printing area")),
        }
    }

    /// Prints the line, also an empty one.
    pub(super) fn print_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        self.roll.print(&line, self.modes.area, self.modes.spacing);
        self.answer_ids();
    }

    /// `ESC d`: the line, and so many lines' feed from its top.
    pub(super) fn feed_lines(&mut self, lines: usize) {
        if self.line.is_empty() {
            self.roll.feed(self.modes.spacing * lines);
        } else {
            self.print_line();
            self.roll.feed(self.modes.spacing * lines.saturating_sub(1));
        }
    }

    /// `ESC J`: the line, and so many dots from its top.
    pub(super) fn print_and_feed(&mut self, dots: usize) {
        if self.line.is_empty() {
            self.roll.feed(dots);
            return;
        }
        let line = std::mem::take(&mut self.line);
        self.roll.print(&line, self.modes.area, dots);
        self.answer_ids();
    }

    /// `ESC *`: columns of 8 or 24 dots, coarse ones drawn larger.
    pub(super) fn bit_image(&mut self, mode: u8, columns: &[u8]) {
        let (column_bytes, wide, high) = match mode {
            0 => (1, 2, 3),
            1 => (1, 1, 3),
            32 => (3, 2, 1),
            _ => (3, 1, 1),
        };
        let width = columns.len() / column_bytes * wide;
        let height = column_bytes * 8 * high;
        let black = |x: usize, y: usize| {
            let (column, row) = (x / wide, y / high);
            let byte = columns
                .get(column * column_bytes + row / 8)
                .copied()
                .unwrap_or(0);
            byte & (0x80 >> (row % 8)) != 0
        };
        let dots = (0..width * height)
            .map(|at| black(at % width, at / width))
            .collect();
        self.put(
            Ink::Image {
                width,
                height,
                dots,
            },
            0,
            0,
        );
    }

    /// Pictures stand on lines of their own.
    fn begin_block(&mut self, command: &'static str) {
        if !self.line.is_at_start() {
            self.odd(Oddity::Ignored(command));
            self.print_line();
        }
    }

    pub(super) fn raster(&mut self, mode: u8, row_bytes: u16, rows: u16) {
        self.begin_block("GS v 0 inside a line");
        let times = (usize::from(mode & 1) + 1, usize::from(mode >> 1 & 1) + 1);
        let row_bytes = usize::from(row_bytes);
        let (width, height) = (row_bytes * 8 * times.0, usize::from(rows) * times.1);
        if width > self.modes.area.width {
            self.odd(Oddity::Ignored("GS v 0 wider than the printing area"));
        }
        let start = self.modes.area.start(width);
        self.roll
            .begin_picture(&format!("picture {width}x{height}"), start, height);
        self.raster = Some(Raster {
            rows_left: rows,
            start,
            times,
        });
        self.reading.inside = Inside::RasterRow(row_bytes);
    }

    pub(super) fn raster_row(&mut self, row: &[u8]) {
        let Some(mut raster) = self.raster.take() else {
            self.reading.inside = Inside::Nothing;
            return;
        };
        let bits = row
            .iter()
            .flat_map(|byte| (0..8).map(move |bit| byte & (0x80 >> bit) != 0));
        let dots: Vec<bool> = bits.collect();
        self.roll.print_rows(raster.start, &dots, raster.times);
        raster.rows_left -= 1;
        if raster.rows_left == 0 {
            self.reading.inside = Inside::Nothing;
        } else {
            self.raster = Some(raster);
        }
    }

    pub(super) fn symbol(&mut self, function: Qr) {
        if function == Qr::Print {
            self.begin_block("GS ( k 181 inside a line");
        }
        let drawn = match self.modes.symbol.take(function) {
            Ok(Some(drawn)) => drawn,
            Ok(None) => return,
            Err(why) => return self.odd(Oddity::Ignored(why)),
        };
        let dots = drawn.side * drawn.module_dots;
        if dots > self.modes.area.width {
            return self.odd(Oddity::Ignored("GS ( k 181: wider than the printing area"));
        }
        let start = self.modes.area.start(dots);
        self.roll
            .begin_picture(&format!("QR {}", drawn.text), start, dots);
        for row in drawn.modules.chunks(drawn.side) {
            self.roll
                .print_rows(start, row, (drawn.module_dots, drawn.module_dots));
        }
    }

    /// Cuts; `fed`: after feeding what was printed past the knife, and so many dots.
    pub(super) fn cut(&mut self, how: Cut, fed: Option<usize>) {
        self.begin_block("GS V inside a line");
        if let Some(dots) = fed {
            self.roll.feed_to_knife(dots);
        }
        self.output.push(Output::Cut(self.roll.cut(how)));
    }
}
