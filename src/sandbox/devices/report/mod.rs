//! A report printer that speaks IPP itself: takes jobs, keeps what came out, runs out of paper and comes back.
//!
//! Written from RFC 8010 and 8011; shares nothing with the driver under test. `serve` carries requests, `message` reads
//! and writes them, `machine` is the printer and pure.

mod machine;
mod message;
mod serve;

#[cfg(test)]
mod tests;

pub use machine::{JobState, ReportJob};
pub use serve::{ReportPrinter, TurnAway};
