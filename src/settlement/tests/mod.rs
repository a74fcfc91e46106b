//! The core against a fake world: a model run by chance, stories, and the table of steps.
//!
//! Everything here is pure too: time is a number and chance is a tape of bytes.

mod credential;
mod desk;
mod encoding;
mod fixtures;
mod giving;
mod history;
mod journal;
mod ledger;
mod model;
#[path = "../../../tests/it/proof/record.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    reason = "the integration tests use it too, and more of it"
)]
mod record;
mod resolve;
mod saga_forward;
mod saga_undo;
pub(crate) mod sample;
mod search;
mod stories;
mod table;
mod tape;
mod teller;
mod twice;
mod world;
