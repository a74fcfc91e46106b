//! Who stands there: a person is identified by what he or she shows, and no money moves.
//!
//! ```text
//!   Reading ─► code in hand ─► decoded ─┐
//!      ▲   └── a document ──────────────┴─► 1101 ─► Identified
//!      └── a code that is no good                └► Ended(Refused | Cancelled)
//! ```
//!
//! It ends with the process: what was shown before a restart is never used. It must not know devices or wires.

mod event;
mod flow;
mod next;
mod state;
mod tell;

pub use event::{Ending, Event, Private, VERSION, Wish};
pub use flow::{BUSINESS_TYPES, Flow, Prompt, ask};
pub use next::{Effect, next};
pub use state::{Identification, Phase};
pub use tell::{Pays, Progress, in_force, pays, progress, stage, waiting_prompt};

#[cfg(test)]
mod tests;
