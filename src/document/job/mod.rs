//! A print job: from the moment it is on disk to the moment it is known what became of the paper.
//!
//! ```text
//!  accepted ─► waiting ─ intent ─► printing ─► over: printed (proof) │ not printed (why) │ unknown (why) │ cancelled
//!                 ▲  │ not able: parked      │
//!                 │  └─► until wait_ms       │ no byte left
//!                 └──────────────────────────┘
//!
//!  to a print queue:  waiting ─ intent ─► printing ─ created(job) ─► queued ─► over
//!                        ▲                    │ no number known        │ the queue never had the document
//!                        └────────────────────┴────────────────────────┘
//! ```
//!
//! The intent is on disk before the first byte leaves. A job that was printing when the process ended is unknown: it
//! never prints again by itself. Recovery is a replay of the same events.

mod event;
mod mark;
mod state;
#[cfg(test)]
mod tests;

pub use event::{End, Event, Order, Private, Report, Reprint, VERSION};
pub use mark::marked;
pub use state::{Job, Phase, Step, Summary, asked};

/// The `kind` of the streams of print jobs in the journal.
pub const KIND: &str = "print_job";

/// What the index has the jobs of a caller's document under. The caller cannot hold a line feed. An id with a colon is
/// none that a caller can give: it is a paper of ours, which is printed once whoever asks.
#[must_use]
pub fn jobs_of_document(caller: &str, document_id: &str) -> String {
    let whose = if document_id.contains(':') {
        ""
    } else {
        caller
    };
    format!("document:{whose}\n{document_id}")
}

/// What the index has copies of this stream under.
#[must_use]
pub fn copies_of(stream: &str) -> String {
    format!("copy_of:{stream}")
}
