//! From the state to what is told. The same state always tells the same.

use super::{At, GroupStep, Reconciliation};
use crate::book::Code;
use crate::settlement::reconcile::difference::Difference;
use crate::settlement::reconcile::row::Totals;

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Rows, or groups, that were dealt with.
    pub done: u32,
    /// Of so many.
    pub of: u32,
    /// The transaction that is asked now (`5203`); empty at the end.
    pub infno: &'static str,
    /// Differences by now.
    pub differences: u32,
}

/// The table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its own id.
    pub reconciliation_id: String,
    /// The caller's id.
    pub request_id: String,
    /// The first day.
    pub from: String,
    /// The last day.
    pub to: String,
    /// Against 3201 and 3202, not row by row.
    pub whole_hospital: bool,
    /// The desks whose journals were compared.
    pub desks: Vec<u16>,
    /// What the journals come to.
    pub totals: Totals,
    /// What differs, in the order in which it was found.
    pub differences: Vec<Difference>,
    /// Differences beyond those.
    pub further: u32,
    /// Questions that were asked.
    pub asked: u32,
    /// Why not everything was compared, if so.
    pub incomplete: Option<Code>,
    /// When it was accepted, Unix milliseconds.
    pub accepted_at_ms: i64,
    /// When it ended, Unix milliseconds; absent while it runs.
    pub ended_at_ms: Option<i64>,
}

impl Reconciliation {
    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let (rows, groups) = (self.todo.len(), self.groups.len());
        // A whole hospital's rows come before its groups.
        let of = rows.saturating_add(groups);
        let (done, of, infno) = match &self.at {
            At::Row(place) => (*place, of, "5203"),
            At::Listed(group, _) => (rows.saturating_add(*group), of, "5203"),
            At::Group(place, step) => {
                let infno = match step {
                    GroupStep::Totals => "3201",
                    GroupStep::Upload => "9101",
                    GroupStep::Details { .. } => "3202",
                    GroupStep::Download { .. } => "9102",
                };
                (rows.saturating_add(*place), of, infno)
            }
            At::Over => (of, of, ""),
        };
        Progress {
            done: number(done),
            of: number(of),
            infno,
            differences: number(self.told.list().len()).saturating_add(self.told.further()),
        }
    }

    /// The table; whole once it is over.
    #[must_use]
    pub fn table(&self) -> Table {
        let day = |pick: fn(&super::Span) -> &str| {
            let span = self.span.as_ref();
            span.map(|span| pick(span).to_owned()).unwrap_or_default()
        };
        Table {
            reconciliation_id: self.id.clone(),
            request_id: self.request_id.clone(),
            from: day(super::Span::from),
            to: day(super::Span::to),
            whole_hospital: self.whole_hospital,
            desks: self.desks.clone(),
            totals: self.totals,
            differences: self.told.list().to_vec(),
            further: self.told.further(),
            asked: self.asked,
            incomplete: self.incomplete,
            accepted_at_ms: self.accepted_at_ms,
            ended_at_ms: self.ended_at_ms,
        }
    }

    /// Small readable JSON for lists.
    pub(super) fn summary(&self) -> String {
        let span = self.span.as_ref();
        serde_json::json!({
            "reconciliation_id": self.id,
            "request_id": self.request_id,
            "caller": self.caller,
            "from": span.map(super::Span::from),
            "to": span.map(super::Span::to),
            "whole_hospital": self.whole_hospital,
            "asked": self.asked,
            "differences": self.told.list().len(),
            "incomplete": self.incomplete,
            "ended": self.ended_at_ms.is_some(),
        })
        .to_string()
    }
}
