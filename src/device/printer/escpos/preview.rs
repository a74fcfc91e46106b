//! PURE. What the printer will show, as a picture and as letters, made of the same pieces as its bytes.

use super::plan::{Piece, plan};
use super::raster::{LINE_ROWS, line, qr};
use crate::device::quirks::Profile;
use crate::document::{Align, Bitmap, Document, picture};

/// Rows of a preview; what comes after them is not shown.
const ROWS_MAX: usize = 60_000;

/// What the printer will show.
#[derive(Clone, PartialEq, Eq)]
pub struct PaperPreview {
    /// A PNG, a dot a pixel.
    pub png: Vec<u8>,
    /// The same in letters.
    pub text: String,
    /// Latin characters of a line.
    pub columns: u16,
    /// Characters that are written as code points.
    pub unprintable: usize,
    /// Lines that are drawn.
    pub drawn_lines: usize,
}

impl std::fmt::Debug for PaperPreview {
    /// Its size only: papers name persons.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PaperPreview({} bytes)", self.png.len())
    }
}

/// What a document becomes on a printer.
#[must_use]
pub fn preview(document: &Document, profile: &Profile) -> PaperPreview {
    let plan = plan(document, profile);
    let mut sheet = Sheet::new(profile.dots());
    for piece in &plan.pieces {
        sheet.put(piece, profile);
    }
    let (unprintable, drawn_lines) = (plan.unprintable, plan.drawn_lines);
    let (png, text) = sheet.finish();
    PaperPreview {
        png,
        text,
        columns: profile.columns,
        unprintable,
        drawn_lines,
    }
}

struct Sheet {
    dots: u16,
    rows: Vec<u8>,
    text: String,
}

impl Sheet {
    fn new(dots: u16) -> Self {
        let (rows, text) = (Vec::new(), String::new());
        Self { dots, rows, text }
    }

    fn put(&mut self, piece: &Piece, profile: &Profile) {
        match piece {
            Piece::Line {
                signs,
                style,
                align,
            } => {
                self.paste(&line(signs, *style, *align, self.dots));
                let times = if style.wide { 2 } else { 1 };
                let taken: u16 = signs.iter().map(|sign| sign.columns * times).sum();
                let free = profile.columns.saturating_sub(taken);
                let before = match align {
                    Align::Left => 0,
                    Align::Center => free / 2,
                    Align::Right => free,
                };
                let letters: String = signs.iter().map(|sign| sign.character).collect();
                self.write(&format!("{}{letters}", " ".repeat(before.into())));
            }
            Piece::Picture { bitmap, text } => {
                self.paste(bitmap);
                match text.is_empty() {
                    true => self.write(&format!("[{}×{}]", bitmap.width, bitmap.height)),
                    false => self.write(text),
                }
            }
            Piece::QrDots { bitmap, data } => {
                self.paste(&super::raster::centered(bitmap, self.dots));
                self.write(&format!("[QR {data}]"));
            }
            Piece::Qr { data, module_dots } => {
                if let Some(bitmap) = qr(data, (*module_dots).into()) {
                    self.paste(&super::raster::centered(&bitmap, self.dots));
                }
                self.write(&format!("[QR {data}]"));
            }
            Piece::Feed(lines) => {
                for _ in 0..*lines {
                    self.feed();
                    self.write("");
                }
            }
            Piece::Cut => {
                for _ in 0..profile.lines_before_cut {
                    self.feed();
                }
                self.paste(&scissors(self.dots));
                self.write(&"- ".repeat(usize::from(profile.columns) / 2));
            }
            Piece::Drawer(pin) => self.write(&format!("[drawer {pin}]")),
        }
    }

    fn feed(&mut self) {
        let rows = u16::try_from(LINE_ROWS).unwrap_or(u16::MAX);
        self.paste(&Bitmap::new(self.dots, rows));
    }

    fn write(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn paste(&mut self, bitmap: &Bitmap) {
        let row_bytes = usize::from(self.dots).div_ceil(8);
        for row in bitmap.rows.chunks(bitmap.row_bytes().max(1)) {
            if self.rows.len() >= row_bytes * ROWS_MAX {
                return;
            }
            let kept = row.len().min(row_bytes);
            self.rows.extend_from_slice(&row[..kept]);
            self.rows.resize(self.rows.len() + row_bytes - kept, 0);
        }
    }

    fn finish(mut self) -> (Vec<u8>, String) {
        if self.rows.is_empty() {
            self.feed();
        }
        let height = self.rows.len() / usize::from(self.dots).div_ceil(8);
        let bitmap = Bitmap {
            width: self.dots,
            height: u16::try_from(height).unwrap_or(u16::MAX),
            rows: self.rows,
        };
        (picture::png_of(&bitmap), self.text)
    }
}

/// A dashed line where the paper ends.
fn scissors(dots: u16) -> Bitmap {
    let mut bitmap = Bitmap::new(dots, 3);
    for x in (0..usize::from(dots)).filter(|x| x % 16 < 8) {
        bitmap.blacken(x, 1);
    }
    bitmap
}
