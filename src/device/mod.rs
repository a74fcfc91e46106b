//! The hub (the one owner of devices), byte links, scanners, printers, card readers.
//!
//! One task owns each device and everybody else holds a handle; tasks share nothing, so that a dead printer
//! hangs no scanner. This folder knows bytes, lines and paper. It must not know what a code means, what a
//! settlement is or who called; it never logs the content of a code or of a paper.
//!
//! ```text
//! Hub ── claim_scanner ─► queue ─► ScannerLease ── arm, read ─► scanner::owner ── link ─► the line
//!  │ ── claim ─► claim::hold, a task that holds a lease for a caller
//!  │ ── claim_card ─► queue ─► CardLease ── arm, read ─► card::{pcsc, resident} ─► yibao-card, or the line
//!  │ ── print, printer_state ─────────────────────────────────► printer::owner ── escpos ── link ─► the line
//!  └─── list, watch ◄── board (state, counters), event (bounded history) ◄── both
//! ```

mod board;
pub mod card;
mod claim;
mod error;
mod event;
mod find;
mod health;
mod hint;
mod holder;
mod hub;
mod info;
mod link;
mod local;
mod looked;
mod opening;
mod owned;
mod pause;
pub mod printer;
mod queue;
pub mod quirks;
mod readable;
mod record;
pub mod scanner;
mod succession;
mod usb_line;

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod far_end;
#[cfg(test)]
mod far_service;
#[cfg(test)]
mod replay;

pub use board::{Counters, DeviceInfo, DeviceState, Holder};
pub use card::{CardLease, Failure as CardFailure, Medium, Photo, Resident, ShownCard};
pub use claim::{ClaimEnd, ClaimNews, ClaimWish, Claimant, ClaimedScan};
pub use error::DeviceError;
pub use event::{DeviceEvent, WatchPoint, Watched, Watcher, What};
pub use find::{Candidate, Why};
pub use health::{Check, Verdict};
pub use hub::{Hub, ROLE_CARD, ROLE_ID_CARD, ROLE_RECEIPT, ROLE_REPORT, ROLE_SCANNER};
pub use looked::Looked;
pub use printer::escpos::PaperPreview;
pub use printer::ipp::{JobBegan, JobSeen, JobStage, PdfUpload, Refusal, ReportQueue};
pub use printer::{JobOf, Paper, PrintOptions, PrintOutcome, PrinterState, Proof};
pub use record::{Recorded, RecordedWhat, Recording, RecordingEnd, Way};
pub use scanner::{Asker, Scan, ScannerLease};
