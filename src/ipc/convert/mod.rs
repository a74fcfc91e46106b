//! Wire ↔ ours, a file a subject. Each conversion is one function; nothing is turned twice.
//!
//! What comes in is checked for form here: required fields, lengths, known values. What it means – amounts that
//! agree, a patient who is named – is for the settlement's own checks.

pub mod card;
pub mod claim;
pub mod device;
pub mod dispense;
pub mod error;
mod fields;
pub mod identity;
pub mod order;
pub mod picture;
pub mod print;
pub mod print_batch;
mod print_document;
pub mod print_list;
mod prompt;
pub mod reconcile;
pub mod record;
pub mod refund;
pub mod settlement;
pub mod status;
pub mod stuck;
mod time;
