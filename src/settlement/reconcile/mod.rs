//! PURE. Whether the journals and the platform agree, settlement by settlement.
//!
//! Sets go in – the rows of this journal, exports of other desks, the list of the HIS, what the platform
//! says – and differences come out, each a code of the book, which holds its cause and what to do. Nothing
//! here changes a settlement.
//!
//! * [`row`] what a journal, the platform and the HIS say of one settlement; totals
//! * [`span`] days, by the platform's setl_time
//! * [`own`] rows out of the events of a stream
//! * [`export`] the text form in which a desk gives its rows to another
//! * [`his`] the list of the HIS
//! * [`gather`] the set to be compared, or why it is not the set that was named
//! * [`compare`] what a journal and the platform say in, differences out
//! * [`compare_his`] the same with the list of the HIS
//! * [`story`] what is asked of the platform, and in which order

pub mod compare;
pub mod compare_his;
pub mod difference;
pub mod export;
pub mod gather;
pub mod his;
pub mod own;
pub mod row;
pub mod span;
pub mod story;

#[cfg(test)]
mod tests;

use super::bill::Fen;
use crate::book::Code;

/// Most rows of one reconciliation, all journals together. They are recorded sealed in one event.
pub const ROWS_MAX: usize = 16_000;
/// Most settlements that are asked for one by one: each leaves two events in the stream.
pub const ENQUIRIES_MAX: usize = 4_000;
/// Most differences that are kept; beyond them the table says so.
pub const DIFFERENCES_MAX: usize = 4_000;

/// Why a set cannot be reconciled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} {}: {detail}", code.id(), code.name())]
pub struct Fault {
    /// The book's code.
    pub code: Code,
    /// What exactly, without personal data.
    pub detail: String,
}

impl Fault {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
        }
    }

    /// Of which export, counted from 1 in the order in which they were given.
    pub(crate) fn of_export(self, place: usize) -> Self {
        let detail = format!("export {}: {}", place.saturating_add(1), self.detail);
        Self { detail, ..self }
    }
}

/// Adds, and stays at the end of the field instead of leaving it: a sum is for the eye and for 3201, where
/// a sum beyond 14 digits cannot be sent at all.
fn plus(one: Fen, other: Fen) -> Fen {
    Fen(one.0.saturating_add(other.0))
}
