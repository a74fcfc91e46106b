//! Proofs by fault: whole matrices, each with its row in the table that `tests/run` shows.

#[allow(dead_code, reason = "each proof uses what it needs")]
pub(crate) mod record;
