//! PURE. Giving a settled bill back, whole: 2208 门诊结算撤销, or 2103 for a pharmacy's.
//!
//! ```text
//!  Looking ──found──► Giving ──given──────────────► Over(Refunded)
//!     │                │  ▲ └─ refused ───────────► Over(Refused)
//!     │                │  └─ not refunded ─┐
//!     │                └─ answer lost ─► Finding ──refunded──► Over(Refunded)
//!     │                └─ given back before ─► Comparing ────► Over(Refunded)
//!     └─ refunded before ► Over(Refunded)    └ nothing there ► Over(Refused)
//!   any of Finding, Comparing ──Stuck──► Stuck ──Resolved──► Over
//! ```
//!
//! Looking is left out where the journal knows what was charged. A 2208 goes out once per recorded intent; after
//! a lost answer only 5203, asked after the quiet time, says whether a new one may be sent.

mod event;
mod fold;
mod next;
mod order;
mod state;
mod story;
mod tell;
#[cfg(test)]
mod tests;

pub use event::{Event, VERSION};
pub use order::{Key, Named, Order, REASON_CHARS_MAX};
pub use state::{End, Given, Phase, Refund, Resolution};
pub use story::SUBJECT;
pub use tell::{
    Answer, GivenBack, Money, Summary, answer, check_stated, given_back, stuck, summary,
};
