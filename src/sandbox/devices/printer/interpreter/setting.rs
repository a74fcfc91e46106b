//! Commands that only change how later ones print.

use super::super::commands::{Place, Style};
use super::super::glyphs::Cell;
use super::super::paper::{Area, PAPER_DOTS};
use super::{Face, Interpreter, LINE_SPACING_DOTS, Oddity};

impl Interpreter {
    pub(super) fn set_style(&mut self, style: Style) {
        let modes = &mut self.modes;
        match style {
            Style::PrintMode(n) => {
                modes.font_b = n & 0x01 != 0;
                modes.bold = n & 0x08 != 0;
                modes.letters = face(n & 0x20 != 0, n & 0x10 != 0, n & 0x80 != 0);
            }
            Style::HanPrintMode(n) => {
                modes.han = face(n & 0x04 != 0, n & 0x08 != 0, n & 0x80 != 0);
            }
            Style::HanQuadruple(on) => modes.han.times = if on { (2, 2) } else { (1, 1) },
            Style::Size(n) => {
                let times = (usize::from(n >> 4) + 1, usize::from(n & 0x0F) + 1);
                if times.0 > 8 || times.1 > 8 {
                    self.odd(Oddity::Ignored("GS ! beyond 8"));
                } else {
                    modes.letters.times = times;
                    modes.han.times = times;
                }
            }
            Style::Emphasis(on) => modes.bold = on,
            Style::Reverse(on) => modes.reverse = on,
            Style::FontB(on) => modes.font_b = on,
            Style::Underline(n) => match underline_rows(n) {
                Some(rows) => modes.letters.underline = rows,
                None => self.odd(Oddity::Ignored("ESC - beyond 2")),
            },
            Style::HanUnderline(n) => match underline_rows(n) {
                Some(rows) => modes.han.underline = rows,
                None => self.odd(Oddity::Ignored("FS - beyond 2")),
            },
            Style::HanMode(on) => self.reading.han = on,
            Style::Language(0) => modes.yuan = false,
            Style::Language(15) => modes.yuan = true,
            Style::Language(_) => self.odd(Oddity::Ignored("ESC R: only 0 (USA) and 15 (China)")),
            Style::CodeTable(0) => {}
            Style::CodeTable(_) => self.odd(Oddity::Ignored("ESC t: only 0 (PC437)")),
        }
    }

    pub(super) fn set_place(&mut self, place: Place) {
        let modes = &mut self.modes;
        match place {
            Place::LineSpacing(n) => modes.spacing = n.map_or(LINE_SPACING_DOTS, usize::from),
            Place::LetterSpacing(n) => modes.letter_gap = usize::from(n),
            Place::HanSpacing(before, after) => {
                modes.han_gaps = (usize::from(before), usize::from(after));
            }
            Place::TabStops(stops) if stops.is_sorted() => {
                let (width, _) = Cell::A.size();
                modes.tabs = stops.iter().map(|n| usize::from(*n) * width).collect();
            }
            Place::TabStops(_) => self.odd(Oddity::Ignored("ESC D: stops not in order")),
            Place::MoveTo(x) => self.move_to(Some(usize::from(x))),
            Place::MoveBy(by) => {
                self.move_to(self.line.cursor().checked_add_signed(isize::from(by)));
            }
            Place::AlignTo(align) => {
                self.set_area("ESC a inside a line", |area| area.align = align)
            }
            Place::LeftMargin(n) => self.set_area("GS L inside a line", |area| {
                area.left = usize::from(n).min(PAPER_DOTS);
                area.width = area.width.min(PAPER_DOTS - area.left);
            }),
            Place::AreaWidth(n) => self.set_area("GS W inside a line", |area| {
                area.width = usize::from(n).min(PAPER_DOTS - area.left);
            }),
        }
    }

    /// The place of lines is heard at the beginning of a line only.
    fn set_area(&mut self, command: &'static str, change: impl FnOnce(&mut Area)) {
        if self.line.is_at_start() {
            change(&mut self.modes.area);
        } else {
            self.odd(Oddity::Ignored(command));
        }
    }
}

fn face(wide: bool, high: bool, underlined: bool) -> Face {
    let times = |double: bool| if double { 2 } else { 1 };
    Face {
        times: (times(wide), times(high)),
        underline: usize::from(underlined),
    }
}

fn underline_rows(n: u8) -> Option<usize> {
    match n {
        0..=2 => Some(usize::from(n)),
        48..=50 => Some(usize::from(n - 48)),
        _ => None,
    }
}
