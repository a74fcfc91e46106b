//! A person states what became of a settlement that is stuck: whether that may be stated, and what to record.

use super::event::{Ending, Event, Verdict};
use super::state::{Phase, State};
use crate::book::Code;

/// What a person states.
#[derive(Clone, PartialEq, Eq)]
pub struct Statement {
    /// Who.
    pub by: String,
    /// What is true.
    pub verdict: Verdict,
    /// Why it is known, at most [`REASON_CHARS_MAX`].
    pub reason: String,
    /// 结算ID as that person found it; may be empty.
    pub setl_id: String,
}

impl std::fmt::Debug for Statement {
    /// Without the reason: people write names.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Statement")
            .field("by", &self.by)
            .field("verdict", &self.verdict)
            .finish_non_exhaustive()
    }
}

/// Longest reason, characters.
pub const REASON_CHARS_MAX: usize = 200;

/// What may be stated of it as it stands; nothing unless it is stuck.
#[must_use]
pub fn allowed(state: &State) -> Vec<Verdict> {
    match state.phase {
        // Its money is known already; what is confirmed is that the rest was cleared away.
        Phase::Stuck(Some(Ending::Reversed)) => vec![Verdict::Reversed],
        Phase::Stuck(Some(Ending::Refused | Ending::Cancelled)) => vec![Verdict::NotCharged],
        // It was seen charged.
        Phase::Stuck(None) if state.trail.charge_seen => vec![Verdict::Reversed, Verdict::Settled],
        Phase::Stuck(None) => vec![Verdict::Settled, Verdict::NotCharged, Verdict::Reversed],
        Phase::Forward
        | Phase::Finding(_)
        | Phase::GivingUp(_)
        | Phase::Standing
        | Phase::Over(_) => Vec::new(),
    }
}

/// The event to record; absent: the same was stated before.
///
/// # Errors
/// [`Code::NotStuck`], [`Code::ResolvedOtherwise`], [`Code::ResolveContradicts`],
/// [`Code::ResolveNumberMissing`].
pub fn check(state: &State, statement: &Statement) -> Result<Option<Event>, Code> {
    if let Some(first) = &state.resolved {
        let setl_id = &statement.setl_id;
        let same_number =
            setl_id.is_empty() || *setl_id == first.setl_id || is_seen(state, setl_id);
        // A number that only a person named may have been mistyped; the verdict stays.
        let mends_number = first.verdict == Verdict::Settled && state.known.settled.is_none();
        return match (first.verdict == statement.verdict, same_number) {
            (true, true) => Ok(None),
            (true, false) if mends_number => Ok(Some(event(statement))),
            (true, false) | (false, _) => Err(Code::ResolvedOtherwise),
        };
    }
    if !matches!(state.phase, Phase::Stuck(_)) {
        return Err(Code::NotStuck);
    }
    let other_number = state.known.settled.is_some()
        && !statement.setl_id.is_empty()
        && !is_seen(state, &statement.setl_id);
    if other_number || !allowed(state).contains(&statement.verdict) {
        return Err(Code::ResolveContradicts);
    }
    let is_settled = statement.verdict == Verdict::Settled;
    let is_nameless = state.known.settled.is_none() && statement.setl_id.is_empty();
    if is_settled && is_nameless && !state.trail.charge_seen {
        // Who saw it at the platform saw its number too.
        return Err(Code::ResolveNumberMissing);
    }
    Ok(Some(event(statement)))
}

fn event(statement: &Statement) -> Event {
    Event::Resolved {
        by: statement.by.clone(),
        verdict: statement.verdict,
        setl_id: statement.setl_id.clone(),
        reason: statement.reason.clone(),
    }
}

/// Whether the platform itself named this number.
fn is_seen(state: &State, setl_id: &str) -> bool {
    (state.known.settled.as_ref()).is_some_and(|settled| settled.setl_id == setl_id)
}
