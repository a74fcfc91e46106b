//! The document model: what shall stand on the paper, not how a printer is told so.
//!
//! Widths are in *columns*: one Latin character of the printer's normal font is one column, one Chinese
//! character two. A receipt printer of 80 mm has 48 columns, one of 58 mm has 32; the printer's driver
//! knows, breaks lines and cuts cells.

/// One paper from its first line to its cut.
#[derive(Clone, Debug, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Document {
    /// What the document is, for job lists: `receipt`.
    pub title: String,
    /// The content from top to bottom.
    pub blocks: Vec<Block>,
}

/// One thing on the paper.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
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
    /// Empty lines.
    Feed {
        /// How many.
        lines: u8,
    },
    /// The end of the paper: feed to the knife and cut.
    Cut,
}

/// A cell of a row.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Cell {
    /// The text.
    pub text: String,
    /// Its share of the paper's width; the shares of a row are added up.
    pub share: u8,
    /// Where the text stands in the cell.
    pub align: Align,
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
