//! ESC/POS: documents to bytes (pure), and the conversation with a printer about them.

mod carry;
mod challenge;
mod driver;
mod encode;
mod glyphs;
mod layout;
mod pace;
mod plan;
mod preview;
mod proof;
mod raster;
mod redact;
mod round;
mod status;
mod text;

pub(super) use carry::Bytes;
pub(super) use driver::{Conversation, Left, Past};
pub use encode::{Encoded, encode, encode_content};
pub use preview::{PaperPreview, preview};
pub(super) use proof::JobNumbers;
pub(crate) use redact::Receipt;
