//! A person states what the platform recorded of a hand-out or take-back that is stuck: whether that may be
//! stated, and what to record.
//!
//! What was stated counts like an answer: rows that the platform has can come back, rows that it does not have
//! went nowhere, and what a take-back did not bring back is out still.

use std::collections::BTreeSet;

use super::state::{Dispense, Ending, Phase, RowResult};
use super::story::Event;
use crate::book::Code;
use crate::settlement::answer::Reason;

/// What a person states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Whether the platform recorded any of it.
    pub ending: Ending,
    /// Which rows the platform has, by their place in the hand-out; empty: all of them.
    pub lines: Vec<u32>,
}

/// What a person stated.
#[derive(Clone, PartialEq, Eq)]
pub struct Resolution {
    /// Who.
    pub by: String,
    /// When, milliseconds.
    pub at_ms: i64,
    /// What is true.
    pub ending: Ending,
    /// Why it is known; empty once the key of its day was deleted.
    pub reason: String,
}

impl std::fmt::Debug for Resolution {
    /// Without the reason: people write names.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolution")
            .field("by", &self.by)
            .field("ending", &self.ending)
            .finish_non_exhaustive()
    }
}

/// The event to record; absent: the same was stated before.
///
/// # Errors
/// [`Code::NotStuck`], [`Code::ResolvedOtherwise`], [`Code::ResolveContradicts`] where it names a row that is
/// not of it, or rows of what was not recorded.
pub fn check_stated(
    story: &Dispense,
    by: &str,
    statement: &Statement,
    reason: &str,
) -> Result<Option<Event>, Code> {
    if story.resolved.is_none() && story.phase != Phase::Stuck {
        return Err(Code::NotStuck);
    }
    let Some(lines) = recorded(story, statement) else {
        return Err(Code::ResolveContradicts);
    };
    if let Some(first) = &story.resolved {
        let there: BTreeSet<u32> = taken(story).collect();
        return match first.ending == statement.ending && there == lines {
            true => Ok(None),
            false => Err(Code::ResolvedOtherwise),
        };
    }
    Ok(Some(Event::Resolved {
        by: by.to_owned(),
        ending: statement.ending,
        lines: lines.into_iter().collect(),
        reason: reason.to_owned(),
    }))
}

/// The rows that are recorded by what is stated; absent when that cannot be.
fn recorded(story: &Dispense, statement: &Statement) -> Option<BTreeSet<u32>> {
    let all: BTreeSet<u32> = story.lines.iter().map(|(line, _)| *line).collect();
    let named: BTreeSet<u32> = statement.lines.iter().copied().collect();
    match statement.ending {
        Ending::Refused => named.is_empty().then(BTreeSet::new),
        Ending::Recorded if named.is_empty() => Some(all),
        Ending::Recorded => named.is_subset(&all).then_some(named),
    }
}

fn taken(story: &Dispense) -> impl Iterator<Item = u32> {
    let rows = story.lines.iter().zip(&story.rows);
    rows.filter(|(_, row)| row.is_taken)
        .map(|((line, _), _)| *line)
}

impl Dispense {
    /// Folds what was stated. It decides nothing unless it was stuck.
    pub(super) fn resolve(&mut self, resolution: Resolution, lines: &[u32]) {
        if self.phase != Phase::Stuck {
            return;
        }
        let row = |line: &u32| RowResult {
            is_taken: resolution.ending == Ending::Recorded && lines.contains(line),
            ..RowResult::default()
        };
        self.rows = self.lines.iter().map(|(line, _)| row(line)).collect();
        self.phase = Phase::Ended(resolution.ending);
        self.ended_at_ms = Some(resolution.at_ms);
        self.reason = Some(Reason {
            code: Code::ResolvedByPerson,
            text: String::new(),
        });
        self.resolved = Some(resolution);
    }
}
