//! Append-only events in SQLite: what happened, in order, for streams of events.
//!
//! The journal takes events of a stream together with the entry its index is to show, writes them
//! in one transaction and answers when they are on disk. It does not know what an event means; it
//! must not know a settlement, a bill or a step
//! (but for `export`, which hands streams over to be read as rows). Bodies are JSON with a version; what is personal
//! is given apart and is sealed.
//!
//! ```text
//!  append ──► queue ──► writer thread ──► BEGIN · rows · index · COMMIT (one sync) ──► answers
//!  load, list, find ──► reader threads (read-only connections)
//! ```
//!
//! * [`Journal`] the handle; [`Options`], [`Health`], [`adopt`], [`look`], [`verify()`],
//!   [`rebuild()`]
//! * `schema` the tables and the settings durability rests on; `writer` group commit, full disk
//! * `chain`, `seal`, `key` what makes a changed byte show and a deleted key forget
//! * `identity` whose journal it is; `high_water` whether it is as old as it must be; `space` directory,
//!   lock, ballast

mod append;
mod chain;
pub mod documents;
mod error;
mod event;
mod export;
mod forget;
mod handle;
mod high_water;
mod identity;
mod index;
mod key;
mod reader;
mod rebuild;
mod schema;
mod seal;
mod space;
mod stored;
#[cfg(test)]
pub(crate) mod tests;
mod verify;
mod writer;

pub use error::Error;
pub use event::{
    Append, Appended, Desk, Filter, NewEvent, PersonKeyInput, Sealed, Stored, StreamHead, StreamRow,
};
pub use export::{ExportError, Exported, export, own_rows, refund_row, refunded_stream};
pub use forget::Forgotten;
pub use handle::{Journal, OnCommit, OnFatal, Opened, Options, ProcessStart};
pub use identity::{Identity, adopt};
pub use key::SiteKey;
pub use rebuild::rebuild;
pub use schema::look;
pub use space::{Health, Hindrance};
pub use verify::{Fault, Report, verify};

/// The stream of the desk itself: whose journal it is, when processes started.
pub const DESK_STREAM: &str = "desk";
/// Longest name, id, caller or digest, bytes.
pub const NAME_BYTES_MAX: usize = 256;
/// Longest body of an event, bytes.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Longest sealed part of an event, bytes in the clear.
pub const SEALED_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Longest summary of a stream, bytes.
pub const SUMMARY_BYTES_MAX: usize = 16 * 1024;
/// Most events in one append.
pub const EVENTS_PER_APPEND_MAX: usize = 64;
/// Most marks in one append.
pub const MARKS_PER_APPEND_MAX: usize = 16;
/// Most rows of one list.
pub const LIST_MAX: u32 = 1000;
/// Most streams that may be open at once.
pub const OPEN_STREAMS_MAX: u32 = 10_000;
