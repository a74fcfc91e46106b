//! After a lost answer of the settling call: find out, then reverse, then ask a person.
//!
//! Until the quiet time is over only a *positive* enquiry decides. Then 5203 is asked, then 2601. That
//! nothing is there counts only when it was said twice, the quiet time apart.

use super::{Effect, give_up};
use crate::book::Code;
use crate::settlement::call::Step;
use crate::settlement::event::{Ending, Event};
use crate::settlement::rules::Rules;
use crate::settlement::state::{Doubt, State};
use crate::settlement::steps::{BROKEN_MAX, FINDING_ROUNDS_MAX, pause_ms};

/// Pauses between enquiries while it is quiet, milliseconds; the last one repeats.
const QUIET_PAUSES_MS: [i64; 5] = [0, 1_000, 3_000, 10_000, 30_000];

/// Failed enquiries after the quiet time before 2601 is sent without one.
const ENQUIRY_FAILURES_MAX: usize = 3;

pub(super) fn next(state: &State, doubt: &Doubt, now_ms: i64, rules: &Rules) -> Effect {
    if doubt.is_reversed {
        return give_up(Code::ReversedAfterLostAnswer, Ending::Reversed);
    }
    let asked = [Step::FindSettlement, Step::Reverse];
    if doubt.broken >= BROKEN_MAX || asked.iter().any(|step| super::is_unreachable(state, *step)) {
        return Effect::Record(Event::Stuck { code: Code::Stuck });
    }
    let quiet_until_ms = doubt.since_ms + rules.settle_quiet_ms;
    let said_twice = doubt.nothing_ms.is_some_and(|(first_ms, last_ms)| {
        last_ms - first_ms >= rules.settle_quiet_ms && last_ms >= quiet_until_ms
    });
    if said_twice {
        return give_up(Code::NothingCharged, Ending::Cancelled);
    }
    // A 2601 whose answer was lost may take back later what 5203 finds now.
    let reversal_until_ms = doubt.reversed_at_ms.unwrap_or(now_ms) + rules.settle_quiet_ms;
    if doubt.reversal_maybe && now_ms < reversal_until_ms {
        return Effect::Wait {
            until_ms: reversal_until_ms,
        };
    }
    if now_ms < quiet_until_ms {
        return while_quiet(state, doubt, now_ms, quiet_until_ms);
    }
    // Reversing what could have been found is the worse end: a few failed enquiries come first.
    let asked_since = doubt.enquired_at_ms >= Some(quiet_until_ms);
    let is_answered = super::tries(state, Step::FindSettlement).is_none();
    let failures = doubt.enquiry_failures_ms.iter();
    let failed = failures.filter(|at_ms| **at_ms >= quiet_until_ms).count();
    if !(asked_since && is_answered) && failed < ENQUIRY_FAILURES_MAX {
        return super::call_after_pause(state, Step::FindSettlement, now_ms);
    }
    let round = doubt.reversals + 1;
    let is_reversible = if state.is_pharmacy() {
        rules.pharmacy_is_reversible
    } else {
        rules.settle_is_reversible
    };
    if is_reversible && round <= FINDING_ROUNDS_MAX {
        let pause_ms = if doubt.reversals == 0 {
            failure_pause_ms(state, Step::Reverse)
        } else {
            rules.settle_quiet_ms
        };
        return spaced(Step::Reverse, doubt.reversed_at_ms, pause_ms, now_ms);
    }
    let asked_enough = doubt.enquiries >= FINDING_ROUNDS_MAX * 3;
    let nothing_pending = doubt.nothing_ms.is_some();
    if asked_enough && !nothing_pending {
        return Effect::Record(Event::Stuck { code: Code::Stuck });
    }
    if doubt.enquiries >= FINDING_ROUNDS_MAX * 6 {
        return Effect::Record(Event::Stuck { code: Code::Stuck });
    }
    spaced(
        Step::FindSettlement,
        doubt.enquired_at_ms,
        rules.settle_quiet_ms,
        now_ms,
    )
}

fn while_quiet(state: &State, doubt: &Doubt, now_ms: i64, quiet_until_ms: i64) -> Effect {
    let asked = usize::try_from(doubt.enquiries).unwrap_or(usize::MAX);
    let pause_ms = QUIET_PAUSES_MS[asked.min(QUIET_PAUSES_MS.len() - 1)]
        .max(failure_pause_ms(state, Step::FindSettlement));
    let until_ms = doubt
        .enquired_at_ms
        .map_or(now_ms, |at_ms| at_ms + pause_ms);
    if until_ms <= now_ms {
        Effect::Call(Step::FindSettlement)
    } else {
        Effect::Wait {
            until_ms: until_ms.min(quiet_until_ms),
        }
    }
}

/// The pause after failed tries: also one that never left the machine is not repeated at once.
fn failure_pause_ms(state: &State, step: Step) -> i64 {
    super::tries(state, step).map_or(0, |tries| pause_ms(tries.count))
}

fn spaced(step: Step, last_ms: Option<i64>, pause_ms: i64, now_ms: i64) -> Effect {
    match last_ms.map(|last_ms| last_ms + pause_ms) {
        Some(until_ms) if until_ms > now_ms => Effect::Wait { until_ms },
        Some(_) | None => Effect::Call(step),
    }
}
