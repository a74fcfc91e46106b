//! PURE. What can be put on paper: the document model, receipts made from a finished state, and the life of a print job.

pub mod bar_code;
pub mod font;
pub mod job;
pub mod model;
pub mod pdf;
pub mod picture;
pub mod receipt;
pub mod refunding;
pub mod sheet;
pub mod ticket;
pub mod typeset;

pub use model::{Align, BarCodeKind, Bitmap, Block, Cell, Content, Document, Rule, Style};
pub use pdf::Pdf;
