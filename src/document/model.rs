//! The document model: what shall stand on the paper, not how a printer is told so.
//!
//! Widths are in *columns*: one Latin character of the printer's normal font is one column, one Chinese
//! character two. A receipt printer of 80 mm has 48 columns, one of 58 mm has 32; the printer's driver
//! knows, breaks lines and cuts cells.

/// One paper from its first line to its cut.
#[derive(Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Document {
    /// What the document is, for job lists: `receipt`.
    pub title: String,
    /// The content from top to bottom.
    pub blocks: Vec<Block>,
}

impl std::fmt::Debug for Document {
    /// What it is and its size: papers name persons.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Document({}, {} blocks)", self.title, self.blocks.len())
    }
}

/// One thing on the paper.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Block {
    /// A paragraph, broken at the paper's width.
    Text {
        /// The text; a line feed starts a new line.
        text: String,
        /// How it looks.
        style: Style,
        /// Where it stands.
        align: Align,
    },
    /// A row of cells. Cells that do not fit are broken within their own width.
    Columns {
        /// From left to right.
        cells: Vec<Cell>,
        /// How the row looks.
        style: Style,
    },
    /// A line across the paper.
    Rule(Rule),
    /// A QR code.
    Qr {
        /// Its content, at most 700 bytes.
        data: String,
        /// Dots per module, 3–8.
        module_dots: u8,
    },
    /// A bar code with its content in letters below.
    BarCode {
        /// Which kind.
        kind: BarCodeKind,
        /// Its content.
        data: String,
        /// Dots of its height, 24–255.
        height_dots: u8,
        /// Dots of its narrowest bar, 1–6.
        module_dots: u8,
    },
    /// A picture in black and white, in the middle of the paper.
    Image(Bitmap),
    /// Empty lines.
    Feed {
        /// How many.
        lines: u8,
    },
    /// The end of the paper: feed to the knife and cut.
    Cut,
    /// A pulse to the money drawer.
    Drawer {
        /// Which of the two plugs, 1 or 2.
        pin: u8,
    },
}

impl std::fmt::Debug for Block {
    /// Which kind and its size: papers name persons, also in their codes and pictures.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Block::Text { text, .. } => write!(f, "Text({} bytes)", text.len()),
            Block::Columns { cells, .. } => write!(f, "Columns({} cells)", cells.len()),
            Block::Rule(rule) => write!(f, "Rule({rule:?})"),
            Block::Qr { data, .. } => write!(f, "Qr({} bytes)", data.len()),
            Block::BarCode { kind, data, .. } => {
                write!(f, "BarCode({kind:?}, {} bytes)", data.len())
            }
            Block::Image(bitmap) => write!(f, "Image({bitmap:?})"),
            Block::Feed { lines } => write!(f, "Feed({lines})"),
            Block::Cut => f.write_str("Cut"),
            Block::Drawer { pin } => write!(f, "Drawer({pin})"),
        }
    }
}

/// What can be put on paper: laid out by the driver, or bytes of the caller's own.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Laid out for the printer that is there.
    Document(Document),
    /// Sent as they are, behind a reset of the printer.
    Raw(#[serde(with = "hex")] Vec<u8>),
    /// The same with the mark of a copy before them.
    MarkedRaw {
        /// What stands before them.
        mark: Vec<Block>,
        /// The bytes.
        #[serde(with = "hex")]
        raw: Vec<u8>,
    },
    /// A PDF that lies sealed beside the journal.
    Pdf(super::Pdf),
}

impl std::fmt::Debug for Content {
    /// Its size only: papers name persons.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Content::Document(document) => write!(f, "Document({} blocks)", document.blocks.len()),
            Content::Raw(raw) | Content::MarkedRaw { raw, .. } => {
                write!(f, "Raw({} bytes)", raw.len())
            }
            Content::Pdf(pdf) => write!(f, "Pdf({} bytes)", pdf.bytes),
        }
    }
}

/// The kinds of bar codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BarCodeKind {
    /// Code 128, set B: printable ASCII.
    Code128,
    /// EAN-13: 12 digits, or 13 with the check digit.
    Ean13,
}

/// Dots, row by row, each row in whole bytes, the first dot in the highest bit; 1 is black.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Bitmap {
    /// Dots of a row.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// The rows.
    #[serde(with = "hex")]
    pub rows: Vec<u8>,
}

impl std::fmt::Debug for Bitmap {
    /// Its size only.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bitmap({} × {})", self.width, self.height)
    }
}

impl Bitmap {
    /// All white.
    #[must_use]
    pub fn new(width: u16, height: u16) -> Self {
        let rows = vec![0; usize::from(width).div_ceil(8) * usize::from(height)];
        Self {
            width,
            height,
            rows,
        }
    }

    /// Bytes of a row.
    #[must_use]
    pub fn row_bytes(&self) -> usize {
        usize::from(self.width).div_ceil(8)
    }

    /// Whether the dot is black; outside of it nothing is.
    #[must_use]
    pub fn dot(&self, x: usize, y: usize) -> bool {
        let byte = self.rows.get(y * self.row_bytes() + x / 8);
        x < usize::from(self.width) && byte.is_some_and(|byte| byte & (0x80 >> (x % 8)) != 0)
    }

    /// Blackens a dot; outside of it nothing happens.
    pub fn blacken(&mut self, x: usize, y: usize) {
        let at = y * self.row_bytes() + x / 8;
        if x < usize::from(self.width)
            && let Some(byte) = self.rows.get_mut(at)
        {
            *byte |= 0x80 >> (x % 8);
        }
    }
}

/// A cell of a row.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Cell {
    /// The text.
    pub text: String,
    /// Its share of the paper's width; the shares of a row are added up.
    pub share: u8,
    /// Where the text stands in the cell.
    pub align: Align,
}

impl std::fmt::Debug for Cell {
    /// Its size only.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cell({} bytes)", self.text.len())
    }
}

/// How text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Style {
    /// Emphasised.
    pub bold: bool,
    /// Twice as wide.
    pub wide: bool,
    /// Twice as high.
    pub high: bool,
    /// Underlined.
    pub underline: bool,
}

/// Where text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum Align {
    /// At the left edge.
    #[default]
    Left,
    /// In the middle.
    Center,
    /// At the right edge.
    Right,
}

/// A line across the paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Rule {
    /// Dashes.
    Thin,
    /// Double dashes.
    Thick,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_on_a_paper_is_not_shown() {
        let text = || "测试甲 110101190001011009".to_owned();
        let (style, align) = (Style::default(), Align::default());
        let cell = Cell {
            text: text(),
            share: 1,
            align,
        };
        let blocks = vec![
            Block::Text {
                text: text(),
                style,
                align,
            },
            Block::Columns {
                cells: vec![cell.clone()],
                style,
            },
            Block::Qr {
                data: text(),
                module_dots: 4,
            },
            Block::BarCode {
                kind: BarCodeKind::Code128,
                data: text(),
                height_dots: 60,
                module_dots: 2,
            },
            Block::Image(Bitmap {
                width: 8,
                height: 1,
                rows: b"110101190001011009".to_vec(),
            }),
        ];
        let document = Document {
            title: "receipt".to_owned(),
            blocks: blocks.clone(),
        };
        let shown = format!("{cell:?} {blocks:?} {document:?}");
        for hidden in ["测试甲", "1101011900", "49, 49, 48"] {
            assert!(!shown.contains(hidden), "{shown}");
        }
        assert!(shown.contains("Document(receipt, 5 blocks)"), "{shown}");
    }
}
