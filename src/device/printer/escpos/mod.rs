//! ESC/POS: documents to bytes (pure), and the conversation with a printer about them.

mod carry;
mod driver;
mod encode;
mod layout;
mod proof;
mod status;
mod text;

pub(super) use driver::{Conversation, Past};
pub use encode::{Encoded, encode};
pub(super) use proof::JobNumbers;
