//! Taking back what was done, last thing first; only what this settlement made itself.

use super::{Effect, call_after_pause, is_unreachable, pause_until, tries};
use crate::book::Code;
use crate::settlement::call::{Outcome, Step};
use crate::settlement::event::Event;
use crate::settlement::rules::Rules;
use crate::settlement::state::{State, Tries};
use crate::settlement::steps::{UNDO_TRIES_MAX, UNREACHED_MAX};

pub(super) fn next(state: &State, now_ms: i64, rules: &Rules) -> Effect {
    if state.is_charged() {
        return charge(state, now_ms, rules);
    }
    fees(state, now_ms)
        .or_else(|| visit(state, now_ms))
        .unwrap_or(Effect::Record(Event::Undone))
}

/// 2208. Its lost answer is asked after before it is sent again.
fn charge(state: &State, now_ms: i64, rules: &Rules) -> Effect {
    let Some(undo) = tries(state, Step::UndoSettle) else {
        return Effect::Call(Step::UndoSettle);
    };
    let asked = [Step::UndoSettle, Step::FindSettlement];
    let is_unreachable = asked.iter().any(|step| is_unreachable(state, *step));
    if undo.used_up() >= UNDO_TRIES_MAX || is_unreachable {
        return stuck(Code::UndoFailed);
    }
    if undo.is_refused() {
        return stuck(Code::UndoFailed);
    }
    // What cannot be written will not be writable later.
    if let Some(Outcome::NotSent {
        code: Code::Internal,
        ..
    }) = &undo.last
    {
        return stuck(Code::UndoFailed);
    }
    if !state.trail.refund_maybe {
        return call_after_pause(state, Step::UndoSettle, now_ms);
    }
    let asked = tries(state, Step::FindSettlement);
    match after_lost_refund(undo, asked, state.trail.refund_enquiries, now_ms, rules) {
        Lost::Ask => Effect::Call(Step::FindSettlement),
        Lost::Wait { until_ms } => Effect::Wait { until_ms },
        Lost::Stuck => stuck(Code::UndoFailed),
    }
}

/// What comes after a 2208 whose answer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::settlement) enum Lost {
    /// 5203.
    Ask,
    /// Nothing before then.
    Wait {
        /// When to ask again.
        until_ms: i64,
    },
    /// Only a person can go on.
    Stuck,
}

/// When 5203 is asked what became of a 2208, and when it is of no use to ask on. `unclear`: how often it did not
/// tell, and when last.
pub(in crate::settlement) fn after_lost_refund(
    sent: &Tries,
    asked: Option<&Tries>,
    unclear: (u32, i64),
    now_ms: i64,
    rules: &Rules,
) -> Lost {
    let (unclear, asked_at_ms) = unclear;
    let failed = asked.map_or(0, Tries::used_up);
    let unreached = asked.map_or(0, |asked| asked.unreached);
    if failed >= UNDO_TRIES_MAX || unclear >= UNDO_TRIES_MAX || unreached >= UNREACHED_MAX {
        return Lost::Stuck;
    }
    // Only after the quiet time does "not refunded" mean that it was not.
    let quiet_until_ms = sent.last_ms.max(asked_at_ms) + rules.settle_quiet_ms;
    if now_ms < quiet_until_ms {
        return Lost::Wait {
            until_ms: quiet_until_ms,
        };
    }
    match pause_until(asked, now_ms) {
        Some(until_ms) => Lost::Wait { until_ms },
        None => Lost::Ask,
    }
}

/// 2205 with our own chrg_bchno.
fn fees(state: &State, now_ms: i64) -> Option<Effect> {
    if !state.trail.fees_maybe || state.trail.fees_undone {
        return None;
    }
    // What was answered is there; only what was sent without an answer may not be.
    let unsure = state.known.lines.is_empty();
    take_back(state, Step::UndoFees, unsure, now_ms)
}

/// 2202 of the visit that our own 2201 made.
fn visit(state: &State, now_ms: i64) -> Option<Effect> {
    if state.trail.visit_undone {
        return None;
    }
    if state.known.mdtrt_id.is_none() {
        // A 2201 whose answer was lost may have made one.
        let unsure = tries(state, Step::Register).is_some_and(|tries| tries.maybe);
        let asked = tries(state, Step::FindVisit).map_or(0, |tries| tries.count);
        if !unsure || asked >= UNDO_TRIES_MAX {
            return None;
        }
        return Some(call_after_pause(state, Step::FindVisit, now_ms));
    }
    if !state.trail.registered_here {
        return None;
    }
    take_back(state, Step::UndoRegister, false, now_ms)
}

/// Takes one thing back. Refused counts as gone where it may never have been there, or an earlier try may
/// have taken it back; otherwise only a person can go on.
fn take_back(state: &State, step: Step, unsure: bool, now_ms: i64) -> Option<Effect> {
    let Some(undo) = tries(state, step) else {
        return Some(Effect::Call(step));
    };
    if undo.is_refused() {
        return if unsure || undo.maybe {
            None
        } else {
            Some(stuck(Code::UndoFailed))
        };
    }
    if undo.count >= UNDO_TRIES_MAX {
        return Some(stuck(Code::UndoFailed));
    }
    Some(match pause_until(Some(undo), now_ms) {
        Some(until_ms) => Effect::Wait { until_ms },
        None => Effect::Call(step),
    })
}

fn stuck(code: Code) -> Effect {
    Effect::Record(Event::Stuck { code })
}
