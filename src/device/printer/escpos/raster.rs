//! PURE. Lines of letters and QR codes as dots.

use qrcode::{Color, EcLevel, QrCode};

use super::glyphs::{Cell, ROWS};
use super::text::Sign;
use crate::document::{Align, Bitmap, Style};

/// Rows from one line to the next, as printers have it after a reset.
pub(super) const LINE_ROWS: usize = 30;

/// A line as the printer would show it, as wide as the paper.
pub(super) fn line(signs: &[Sign], style: Style, align: Align, dots: u16) -> Bitmap {
    let (wide, high) = (1 + usize::from(style.wide), 1 + usize::from(style.high));
    let cells: Vec<Cell> = signs
        .iter()
        .map(|sign| Cell::new(sign.character, sign.columns))
        .collect();
    let width: usize = cells.iter().map(|cell| cell.width() * wide).sum();
    let free = usize::from(dots).saturating_sub(width);
    let mut left = match align {
        Align::Left => 0,
        Align::Center => free / 2,
        Align::Right => free,
    };
    let rows = LINE_ROWS.max(ROWS * high);
    let mut bitmap = Bitmap::new(dots, u16::try_from(rows).unwrap_or(u16::MAX));
    for cell in &cells {
        draw(&mut bitmap, cell, style, left);
        left += cell.width() * wide;
    }
    bitmap
}

fn draw(bitmap: &mut Bitmap, cell: &Cell, style: Style, left: usize) {
    let (wide, high) = (1 + usize::from(style.wide), 1 + usize::from(style.high));
    let (width, rows) = (cell.width() * wide, ROWS * high);
    for y in 0..rows {
        for x in 0..width {
            let of = |x: usize| cell.dot(x / wide, y / high);
            let bold = style.bold && x > 0 && of(x - 1);
            let under = style.underline && y + 1 == rows;
            if of(x) || bold || under {
                bitmap.blacken(left + x, y);
            }
        }
    }
}

/// A picture in the middle of a paper, cut off at its right edge.
pub(super) fn centered(bitmap: &Bitmap, dots: u16) -> Bitmap {
    let left = dots.saturating_sub(bitmap.width) / 2;
    let width = bitmap.width.min(dots);
    let mut out = Bitmap::new(left + width, bitmap.height);
    for y in 0..usize::from(bitmap.height) {
        for x in (0..usize::from(width)).filter(|x| bitmap.dot(*x, y)) {
            out.blacken(usize::from(left) + x, y);
        }
    }
    out
}

/// As a printer draws it: model 2, correction M; the quiet zone is the paper's white.
pub(super) fn qr(data: &str, module: usize) -> Option<Bitmap> {
    let code = QrCode::with_error_correction_level(data, EcLevel::M).ok()?;
    let side = u16::try_from(code.width() * module).ok()?;
    let mut bitmap = Bitmap::new(side, side);
    for (at, color) in code.to_colors().into_iter().enumerate() {
        if color == Color::Dark {
            let (left, top) = (at % code.width() * module, at / code.width() * module);
            for y in top..top + module {
                for x in left..left + module {
                    bitmap.blacken(x, y);
                }
            }
        }
    }
    Some(bitmap)
}
