//! The core against a fake world: a model run by chance, stories, and the table of steps.
//!
//! Everything here is pure too: time is a number and chance is a tape of bytes.

mod credential;
mod desk;
mod encoding;
mod fixtures;
mod journal;
mod ledger;
mod model;
mod resolve;
mod saga_forward;
mod saga_undo;
pub(in crate::settlement) mod sample;
mod search;
mod stories;
mod table;
mod tape;
mod teller;
mod world;
