//! `PrintDocument` → ours, checked for form: lengths, numbers, pictures.

use super::fields::Fields;
use crate::api as wire;
use crate::book::Code;
use crate::document::{
    Align, BarCodeKind, Bitmap, Block, Cell, Document, Rule, Style, bar_code, picture,
};

/// Blocks of a document.
const BLOCKS_MAX: usize = 1_000;
/// Characters of a title, of a paragraph, of a cell, of all text of a document.
const LENGTHS_MAX: (usize, usize, usize, usize) = (50, 10_000, 1_000, 20_000);
/// Cells of a row.
const CELLS_MAX: usize = 12;
/// Bytes of a QR code's content.
const QR_BYTES_MAX: usize = 700;
/// QR codes of a document.
const QR_CODES_MAX: usize = 20;
/// Rows of dots of all pictures of a document: a metre of paper.
const PICTURE_ROWS_MAX: usize = 8_000;

/// The checked document; what is wrong is noted.
pub(super) fn document(f: &mut Fields, given: wire::PrintDocument) -> Document {
    let title = f.optional("document.title", given.title, LENGTHS_MAX.0);
    if given.blocks.is_empty() || given.blocks.len() > BLOCKS_MAX {
        let why = format!("has 1–{BLOCKS_MAX} blocks");
        f.wrong(Code::RequestInvalid, "document.blocks", why);
    }
    let mut blocks = Vec::new();
    let mut size = Size::default();
    for (index, block) in given.blocks.into_iter().take(BLOCKS_MAX).enumerate() {
        let path = format!("document.blocks[{index}]");
        let Some(block) = self::block(f, &path, block) else {
            continue;
        };
        size.add(&block);
        blocks.push(block);
        // What follows is not even read: a picture unpacks to much more than it was sent as.
        if let Some((most, what)) = size.too_large() {
            let why = format!("has more than {most} {what}");
            f.wrong(Code::RequestInvalid, "document", why);
            break;
        }
    }
    Document { title, blocks }
}

/// What laying a document out costs.
#[derive(Default)]
struct Size {
    characters: usize,
    picture_rows: usize,
    qr_codes: usize,
}

impl Size {
    fn add(&mut self, block: &Block) {
        match block {
            Block::Text { text, .. } => self.characters += text.chars().count(),
            Block::Columns { cells, .. } => {
                let characters = cells.iter().map(|cell| cell.text.chars().count());
                self.characters += characters.sum::<usize>();
            }
            Block::Image(bitmap) => self.picture_rows += usize::from(bitmap.height),
            Block::Qr { .. } => self.qr_codes += 1,
            Block::BarCode { height_dots, .. } => self.picture_rows += usize::from(*height_dots),
            Block::Rule(_) | Block::Feed { .. } | Block::Cut | Block::Drawer { .. } => {}
        }
    }

    fn too_large(&self) -> Option<(usize, &'static str)> {
        [
            (self.characters, LENGTHS_MAX.3, "characters"),
            (
                self.picture_rows,
                PICTURE_ROWS_MAX,
                "rows of pictures and bar codes",
            ),
            (self.qr_codes, QR_CODES_MAX, "QR codes"),
        ]
        .into_iter()
        .find_map(|(is, most, what)| (is > most).then_some((most, what)))
    }
}

fn block(f: &mut Fields, path: &str, block: wire::PrintBlock) -> Option<Block> {
    use wire::print_block::Block as Given;
    let Some(given) = block.block else {
        f.wrong(Code::RequestInvalid, path, "is empty");
        return None;
    };
    match given {
        Given::Text(text) => Some(Block::Text {
            text: prose(f, &format!("{path}.text.text"), text.text, LENGTHS_MAX.1),
            style: style(text.style),
            align: align(f, &format!("{path}.text.align"), text.align),
        }),
        Given::Columns(columns) => columns_of(f, &format!("{path}.columns"), columns),
        Given::Rule(rule) => Some(Block::Rule(match rule.thick {
            true => Rule::Thick,
            false => Rule::Thin,
        })),
        Given::Qr(qr) => {
            let path = format!("{path}.qr");
            if qr.data.is_empty() || qr.data.len() > QR_BYTES_MAX {
                let why = format!("has 1–{QR_BYTES_MAX} bytes");
                f.wrong(Code::RequestInvalid, format!("{path}.data"), why);
            }
            let module_dots = number(f, &format!("{path}.module_dots"), qr.module_dots, (3, 8, 5));
            Some(Block::Qr {
                data: qr.data,
                module_dots,
            })
        }
        Given::BarCode(code) => bar_code_of(f, &format!("{path}.bar_code"), code),
        Given::Image(image) => image_of(f, &format!("{path}.image"), image).map(Block::Image),
        Given::Feed(feed) => Some(Block::Feed {
            lines: number(f, &format!("{path}.feed.lines"), feed.lines, (1, 100, 1)),
        }),
        Given::Cut(wire::PrintCut {}) => Some(Block::Cut),
        Given::Drawer(drawer) => Some(Block::Drawer {
            pin: number(f, &format!("{path}.drawer.pin"), drawer.pin, (1, 2, 1)),
        }),
    }
}

fn columns_of(f: &mut Fields, path: &str, columns: wire::PrintColumns) -> Option<Block> {
    if columns.cells.is_empty() || columns.cells.len() > CELLS_MAX {
        let why = format!("has 1–{CELLS_MAX} cells");
        f.wrong(Code::RequestInvalid, format!("{path}.cells"), why);
        return None;
    }
    let style = style(columns.style);
    let cells = columns.cells.into_iter().enumerate();
    let cells = cells.map(|(index, cell)| {
        let path = format!("{path}.cells[{index}]");
        if cell.text.chars().count() > LENGTHS_MAX.2 {
            let why = format!("has more than {} characters", LENGTHS_MAX.2);
            f.wrong(Code::RequestInvalid, format!("{path}.text"), why);
        }
        Cell {
            text: cell.text,
            share: number(f, &format!("{path}.share"), cell.share, (1, 100, 1)),
            align: align(f, &format!("{path}.align"), cell.align),
        }
    });
    let cells = cells.collect();
    Some(Block::Columns { cells, style })
}

fn bar_code_of(f: &mut Fields, path: &str, code: wire::PrintBarCode) -> Option<Block> {
    let kind = match code.kind() {
        wire::PrintBarCodeKind::Unspecified => {
            f.wrong(Code::RequestInvalid, format!("{path}.kind"), "is required");
            return None;
        }
        wire::PrintBarCodeKind::Code128 => BarCodeKind::Code128,
        wire::PrintBarCodeKind::Ean13 => BarCodeKind::Ean13,
    };
    if bar_code::modules(kind, &code.data).is_none() {
        let why = "is no content of this kind";
        f.wrong(Code::RequestInvalid, format!("{path}.data"), why);
    }
    Some(Block::BarCode {
        kind,
        height_dots: number(
            f,
            &format!("{path}.height_dots"),
            code.height_dots,
            (24, 255, 80),
        ),
        module_dots: number(
            f,
            &format!("{path}.module_dots"),
            code.module_dots,
            (1, 6, 2),
        ),
        data: code.data,
    })
}

fn image_of(f: &mut Fields, path: &str, image: wire::PrintImage) -> Option<Bitmap> {
    use wire::print_image::Data;
    let read = match image.data {
        None => Err("is required".to_owned()),
        Some(Data::Png(png)) => super::picture::read(&png),
        Some(Data::Bitmap(given)) => picture::of_rows(given.width, given.height, given.rows),
    };
    match read {
        Ok(bitmap) => Some(bitmap),
        Err(why) => {
            f.wrong(Code::RequestInvalid, path, why);
            None
        }
    }
}

/// Text as it is: blanks and line feeds of a paper are meant.
fn prose(f: &mut Fields, path: &str, text: String, length_max: usize) -> String {
    if text.is_empty() || text.chars().count() > length_max {
        let why = format!("has 1–{length_max} characters");
        f.wrong(Code::RequestInvalid, path, why);
    }
    text
}

/// A number within its limits; 0 is the usual one.
fn number(f: &mut Fields, path: &str, given: u32, limits: (u8, u8, u8)) -> u8 {
    let (least, most, usual) = limits;
    match u8::try_from(given) {
        Ok(0) => usual,
        Ok(number) if (least..=most).contains(&number) => number,
        Ok(_) | Err(_) => {
            let why = format!("is {least}–{most}");
            f.wrong(Code::RequestInvalid, path, why);
            usual
        }
    }
}

fn style(style: Option<wire::PrintStyle>) -> Style {
    let style = style.unwrap_or_default();
    Style {
        bold: style.bold,
        wide: style.wide,
        high: style.high,
        underline: style.underline,
    }
}

fn align(f: &mut Fields, path: &str, align: i32) -> Align {
    match wire::PrintAlign::try_from(align) {
        Ok(wire::PrintAlign::Unspecified | wire::PrintAlign::Left) => Align::Left,
        Ok(wire::PrintAlign::Center) => Align::Center,
        Ok(wire::PrintAlign::Right) => Align::Right,
        Err(_) => {
            f.wrong(Code::RequestInvalid, path, "is not known");
            Align::Left
        }
    }
}
