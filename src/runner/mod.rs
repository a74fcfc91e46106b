//! Carries one stream: next, do, record, fold.
//!
//! ```text
//!  accept ─┐                        ┌─ next(state, now) ─► Effect ─┐
//!          ├─► one task per stream ─┤                              ▼
//!  resume ─┘   (carry)              └─ State ◄─ Event ◄─ journal ◄─ perform: Read, Call, Print, Wait
//! ```
//!
//! It has no opinions: what to do is decided in [`crate::settlement`]. Recovery is this same loop on a
//! replayed state. An intent is on disk before its message leaves; an outcome is on disk before anybody is
//! told; outcome and next intent share a transaction.

mod carry;
mod charge;
mod clock;
mod crash;
mod cut_off;
mod errand;
mod identify;
mod identities;
mod live;
mod measure;
mod numbers;
mod perform;
mod print;
mod reach;
mod readers;
mod refunds;
mod report;
mod resolve;
mod rows;
mod sale;
mod same_bill;
mod start;
mod turn;
mod typesetting;
mod ways;

pub use clock::{Clock, civil, wall_ms};
pub use crash::Crashes;
pub use cut_off::left_printing;
pub use errand::{Errands, Follow, Seen, story_of};
pub use identify::{IDENTIFICATION, Identifies, IdentifyFollow, IdentifyView};
pub use identities::{Identities, Identity, RefTold, identification_of};
pub use live::{Attendance, Carried, Handle, Registry, Reservation, Slot, View};
pub use numbers::{MARK_MSGID, MARK_SERIAL, MarkedNumbers, Numbers};
pub use print::{JobFollow, JobView, Prints, job_of};
pub use reach::Reached;
pub use refunds::{refund_of, said_of};
pub use report::QueueView;
pub use resolve::ResolveError;
pub use rows::{Row, RowError, rows_of, state_of};
pub use start::{Ingredients, Parts, Runner};
pub use typesetting::{NotTypeset, Typeset, Typesetting};
pub use ways::Ways;
