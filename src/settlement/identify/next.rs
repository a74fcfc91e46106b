//! What comes next: the first thing that is missing.

use super::event::{Ending, Event};
use super::state::{Identification, Phase};
use crate::book::Code;
use crate::settlement::answer::Reason;
use crate::settlement::call::{Outcome, Step};
use crate::settlement::checks;
use crate::settlement::rules::Rules;
use crate::settlement::state::Tries;
use crate::settlement::steps::{CODES_REJECTED_MAX, TRIES_MAX, pause_ms};

/// The one thing to do.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time; a box would stand between the words"
)]
pub enum Effect {
    /// Write this down and ask again.
    Record(Event),
    /// Arm what may be shown something, and say what was.
    Read {
        /// How long, milliseconds, counted from the arming.
        wait_ms: i64,
    },
    /// Ask the outside: decode, or 1101.
    Call(Step),
    /// Nothing before then, unless it is called off.
    Wait {
        /// When to ask again.
        until_ms: i64,
    },
    /// Nothing more, ever.
    Finished,
}

/// What comes next.
#[must_use]
pub fn next(state: &Identification, now_ms: i64, rules: &Rules) -> Effect {
    match state.phase {
        Phase::Identified | Phase::Ended(_) => return Effect::Finished,
        Phase::Running => {}
    }
    let Some(wish) = state.wish.as_deref() else {
        return end(Ending::Cancelled, Code::IdentifyInterrupted);
    };
    if let Some(code) = state.read_failed {
        return match code.is_nobody() {
            true => Effect::Record(Event::Ended {
                ending: Ending::Cancelled,
                code,
                text: checks::person::shown_before(state.last_rejection),
            }),
            false => end(Ending::Refused, code),
        };
    }
    if state.codes_rejected >= CODES_REJECTED_MAX {
        let code = state.last_rejection.unwrap_or(Code::CodeUnknownKind);
        return end(Ending::Refused, code);
    }
    let Some(voucher) = &state.voucher else {
        if state.code_in_hand {
            return ask(state, Step::Decode, now_ms);
        }
        let wait_ms = match wish.wait_ms {
            0 => rules.scan_wait_ms,
            wait_ms => i64::from(wait_ms),
        };
        return Effect::Read { wait_ms };
    };
    if let Err(code) = checks::person::billed(&wish.patient, &voucher.certno, &voucher.name) {
        return end(Ending::Refused, code);
    }
    let Some(person) = &state.person else {
        let effect = ask(state, Step::Person, now_ms);
        if matches!(effect, Effect::Record(_)) && !state.flow.needs_insurance() {
            // Who it is suffices: what was wrong with 1101 is told beside it.
            return Effect::Record(Event::Identified);
        }
        return effect;
    };
    if !person.certno.same_as(&voucher.certno) {
        return end(Ending::Refused, Code::PersonMismatch);
    }
    Effect::Record(Event::Identified)
}

fn end(ending: Ending, code: Code) -> Effect {
    let text = String::new();
    Effect::Record(Event::Ended { ending, code, text })
}

/// Asks the step, after a pause when it failed, or ends when it was refused or asked often enough.
fn ask(state: &Identification, step: Step, now_ms: i64) -> Effect {
    let tries = state.tries.as_ref().filter(|(of, _)| *of == step);
    let Some((_, tries)) = tries else {
        return Effect::Call(step);
    };
    if may_repeat(tries) && tries.count < TRIES_MAX {
        let until_ms = tries.last_ms + pause_ms(tries.count);
        return if now_ms < until_ms {
            Effect::Wait { until_ms }
        } else {
            Effect::Call(step)
        };
    }
    let Reason { code, text } = state.last_try().unwrap_or(Reason {
        code: Code::Internal,
        text: String::new(),
    });
    Effect::Record(Event::Ended {
        ending: Ending::Refused,
        code,
        text,
    })
}

fn may_repeat(tries: &Tries) -> bool {
    match &tries.last {
        Some(Outcome::Refused { .. }) => tries.sign_in_expired,
        Some(Outcome::NotSent { .. } | Outcome::Unknown { .. } | Outcome::Done { .. }) | None => {
            true
        }
    }
}
