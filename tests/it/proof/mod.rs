//! Proofs by fault: whole matrices, each with its row in the table that `tests/run` shows.

mod kill;
pub(crate) mod record;
mod twice;
