//! PURE. What can be put on paper: the document model, and receipts made from a finished state.

pub mod model;
pub mod receipt;

pub use model::{Align, Block, Cell, Document, Rule, Style};
