//! PURE. Document + profile → pieces: lines, pictures, symbols. The printer's bytes and the preview are both made of
//! them, so that one shows what the other prints.

use qrcode::bits::Bits;
use qrcode::{EcLevel, Version};

use super::layout;
use super::raster;
use super::text::{Sign, signs};
use crate::device::quirks::Profile;
use crate::document::bar_code;
use crate::document::{Align, Bitmap, Block, Document, Rule, Style};

/// Longest content of a QR code on 80 mm paper, in bytes.
pub(super) const QR_BYTES_MAX: usize = 700;

/// Smallest module that scanners read on thermal paper, dots.
const QR_DOTS_MIN: u8 = 2;

/// One thing on the paper, ready for the printer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A line of the printer's own letters.
    Line {
        signs: Vec<Sign>,
        style: Style,
        align: Align,
    },
    /// Dots, as wide as the paper or narrower, with the text that they show, if any.
    Picture { bitmap: Bitmap, text: String },
    /// The dots of a QR code, without the white beside them: on a slow line that would be most of its bytes. In the
    /// middle where the printer's alignment moves pictures, else at the left edge, where it is read as well.
    QrDots { bitmap: Bitmap, data: String },
    /// A QR code of the printer's own, in the middle.
    Qr { data: String, module_dots: u8 },
    /// Empty lines.
    Feed(u8),
    /// The end of a paper.
    Cut,
    /// A pulse to the drawer: which plug.
    Drawer(u8),
}

/// A whole document.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct Plan {
    pub(super) pieces: Vec<Piece>,
    /// Characters without any glyph.
    pub(super) unprintable: usize,
    /// Lines that are drawn.
    pub(super) drawn_lines: usize,
}

/// Lays a document out.
pub(super) fn plan(document: &Document, profile: &Profile) -> Plan {
    blocks(&document.blocks, profile)
}

/// The same of blocks.
pub(super) fn blocks(blocks: &[Block], profile: &Profile) -> Plan {
    let mut planner = Planner {
        profile,
        plan: Plan::default(),
    };
    for block in blocks {
        planner.block(block);
    }
    planner.plan
}

/// Modules of a side of the code that holds so many bytes at correction M (ISO/IEC 18004: a header of 4 bits, a length
/// of 8 or 16). A printer that finds a shorter form draws a smaller one.
fn qr_modules(bytes: usize) -> Option<u16> {
    (1..=40_i16)
        .find(|version| {
            let length_bits = if *version < 10 { 8 } else { 16 };
            let room = Bits::new(Version::Normal(*version)).max_len(EcLevel::M);
            room.is_ok_and(|room| room >= 4 + length_bits + 8 * bytes)
        })
        .and_then(|version| u16::try_from(17 + 4 * version).ok())
}

struct Planner<'a> {
    profile: &'a Profile,
    plan: Plan,
}

impl Planner<'_> {
    fn block(&mut self, block: &Block) {
        match block {
            Block::Text { text, style, align } => self.text(text, *style, *align),
            Block::Columns { cells, style } => {
                let cells: Vec<_> = cells
                    .iter()
                    .map(|cell| (self.signs(&cell.text), cell.share, cell.align))
                    .collect();
                for line in layout::row(&cells, self.width(*style)) {
                    self.line(&line, *style, Align::Left);
                }
            }
            Block::Rule(rule) => {
                let mark = match rule {
                    Rule::Thin => "-",
                    Rule::Thick => "=",
                };
                let line = self.signs(&mark.repeat(self.profile.columns.into()));
                self.line(&line, Style::default(), Align::Left);
            }
            Block::Qr { data, module_dots } => self.qr(data, *module_dots),
            Block::BarCode {
                kind,
                data,
                height_dots,
                module_dots,
            } => {
                // Drawn by us, so that it looks the same on every printer. Its content stands below in letters, to be
                // typed when no scanner reads it; what has no bars is written only.
                let drawn = bar_code::modules(*kind, data).and_then(|modules| {
                    bar_code::drawn(&modules, *height_dots, *module_dots, self.profile.dots())
                });
                if let Some(bitmap) = drawn {
                    self.picture(&bitmap, String::new());
                }
                self.text(data, Style::default(), Align::Center);
            }
            Block::Image(bitmap) => self.picture(bitmap, String::new()),
            Block::Feed { lines } => self.plan.pieces.push(Piece::Feed(*lines)),
            Block::Cut => self.plan.pieces.push(Piece::Cut),
            Block::Drawer { pin } => self.plan.pieces.push(Piece::Drawer(*pin)),
        }
    }

    fn text(&mut self, text: &str, style: Style, align: Align) {
        let signs = self.signs(text);
        for line in layout::wrap(&signs, self.width(style)) {
            self.line(line, style, align);
        }
    }

    /// Made smaller where the paper is too narrow. Drawn by us where the printer may not know the command: it would
    /// print the content as letters. What does not fit is written out: it must not vanish, and a printer leaves out
    /// what is wider than its paper without a word.
    fn qr(&mut self, data: &str, module_dots: u8) {
        let fits = qr_modules(data.len()).map_or(0, |modules| self.profile.dots() / modules);
        let module_dots = u16::from(module_dots.clamp(3, 8)).min(fits);
        let module_dots = u8::try_from(module_dots).unwrap_or(u8::MAX);
        let is_drawn = !data.is_empty() && data.len() <= QR_BYTES_MAX;
        if !is_drawn || module_dots < QR_DOTS_MIN {
            return self.text(data, Style::default(), Align::Left);
        }
        if !self.profile.has_qr {
            return match raster::qr(data, module_dots.into()) {
                Some(mut bitmap) => {
                    // A printer puts whole bytes in the middle; the preview shows them there.
                    bitmap.width = bitmap.width.next_multiple_of(8);
                    let data = data.to_owned();
                    self.plan.pieces.push(Piece::QrDots { bitmap, data });
                }
                None => self.text(data, Style::default(), Align::Left),
            };
        }
        self.plan.pieces.push(Piece::Qr {
            data: data.to_owned(),
            module_dots,
        });
    }

    /// In the middle of the paper; printers do not agree on whether their alignment moves pictures.
    fn picture(&mut self, bitmap: &Bitmap, text: String) {
        let bitmap = raster::centered(bitmap, self.profile.dots());
        self.plan.pieces.push(Piece::Picture { bitmap, text });
    }

    fn line(&mut self, signs: &[Sign], style: Style, align: Align) {
        let columns: u16 = signs.iter().map(|sign| sign.columns).sum();
        debug_assert!(columns <= self.width(style), "{columns} columns");
        if signs.iter().any(Sign::is_drawn) {
            let bitmap = raster::line(signs, style, align, self.profile.dots());
            let text = signs.iter().map(|sign| sign.character).collect();
            self.plan.drawn_lines += 1;
            self.plan.pieces.push(Piece::Picture { bitmap, text });
            return;
        }
        let signs = signs.to_vec();
        let line = Piece::Line {
            signs,
            style,
            align,
        };
        self.plan.pieces.push(line);
    }

    fn signs(&mut self, text: &str) -> Vec<Sign> {
        let (signs, unprintable) = signs(text, self.profile.charset);
        self.plan.unprintable += unprintable;
        signs
    }

    fn width(&self, style: Style) -> u16 {
        if style.wide {
            self.profile.columns / 2
        } else {
            self.profile.columns
        }
    }
}
