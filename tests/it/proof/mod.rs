//! Proofs by fault: whole matrices, each with its row in the table that `tests/run` shows.

mod asked;
mod disk;
pub(crate) mod figure;
mod kill;
mod network;
mod paper;
pub(crate) mod record;
mod twice;
