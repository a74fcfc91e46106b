//! What comes next: given the state, the time and the rules, the one thing to do.
//!
//! Decisions are recorded as events ([`Effect::Record`]) so that replay never decides anew.

mod finding;
mod forward;
mod paper;
mod undo;

pub(in crate::settlement) use undo::{Lost, after_lost_refund};

use super::call::Step;
use super::event::{Ending, Event};
use super::rules::Rules;
use super::state::{Phase, State, Tries};
use super::steps::{UNREACHED_MAX, pause_ms};
use crate::book::Code;

/// The one thing to do.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a few at a time; boxes would stand between the words"
)]
pub enum Effect {
    /// Write this down and ask again.
    Record(Event),
    /// Read a code: arm, wait so long, and say [`Event::CodeRead`], [`Event::CodeRejected`] or
    /// [`Event::ReadFailed`].
    Read {
        /// How long, milliseconds, counted from the arming.
        wait_ms: i64,
    },
    /// Ask the outside: [`Event::Intent`], the message, [`Event::Answered`].
    Call(Step),
    /// Look up which insurance this person was settled with last time: [`Event::InsuranceRecalled`].
    RecallInsurance,
    /// Look at the printer until it is ready, at most until then: [`Event::PrinterLooked`].
    LookAtPrinter {
        /// Not later than this.
        until_ms: i64,
    },
    /// Print the receipt: [`Event::PrintIntent`], the paper, [`Event::PrintEnded`].
    Print,
    /// Nothing before then, unless something happens.
    Wait {
        /// When to ask again.
        until_ms: i64,
    },
    /// Nothing more, ever.
    Finished,
}

/// What comes next.
#[must_use]
pub fn next(state: &State, now_ms: i64, rules: &Rules) -> Effect {
    if state.order.is_none() && !state.is_over() {
        // The order is sealed with a key that is gone: nothing may be done in its name.
        return Effect::Record(Event::Stuck { code: Code::Stuck });
    }
    match &state.phase {
        Phase::Forward => forward::next(state, now_ms, rules),
        Phase::Finding(doubt) => finding::next(state, doubt, now_ms, rules),
        Phase::GivingUp(_) => undo::next(state, now_ms, rules),
        Phase::Standing => paper::next(state, now_ms, rules),
        Phase::Over(_) | Phase::Stuck(_) => Effect::Finished,
    }
}

fn give_up(code: Code, ending: Ending) -> Effect {
    Effect::Record(Event::GivenUp {
        code,
        ending,
        text: String::new(),
    })
}

/// The step's earlier tries, none if it was not tried or succeeded.
fn tries(state: &State, step: Step) -> Option<&Tries> {
    state.trail.tries.get(&step)
}

/// Whether the step was tried in vain to be sent for so long that only a person can go on.
fn is_unreachable(state: &State, step: Step) -> bool {
    tries(state, step).is_some_and(|tries| tries.unreached >= UNREACHED_MAX)
}

/// When the step may be tried again; absent when it may be tried now.
pub(in crate::settlement) fn pause_until(tries: Option<&Tries>, now_ms: i64) -> Option<i64> {
    let tries = tries?;
    let until_ms = tries.last_ms + pause_ms(tries.count);
    (until_ms > now_ms).then_some(until_ms)
}

/// The step now, or the rest of the pause before it.
fn call_after_pause(state: &State, step: Step, now_ms: i64) -> Effect {
    match pause_until(tries(state, step), now_ms) {
        Some(until_ms) => Effect::Wait { until_ms },
        None => Effect::Call(step),
    }
}
