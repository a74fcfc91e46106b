//! The way to the money call: the first thing that is missing is the next thing to do.

use super::{Effect, call_after_pause, give_up, tries};
use crate::book::Code;
use crate::settlement::amounts::Amounts;
use crate::settlement::answer::Point;
use crate::settlement::call::{Outcome, Step};
use crate::settlement::checks;
use crate::settlement::event::{Ending, Event};
use crate::settlement::insurance;
use crate::settlement::known::Person;
use crate::settlement::order::{Order, PrintWish};
use crate::settlement::rules::Rules;
use crate::settlement::state::{PointKey, State, Tries};
use crate::settlement::steps::{CODES_REJECTED_MAX, TRIES_MAX};

pub(super) fn next(state: &State, now_ms: i64, rules: &Rules) -> Effect {
    let Some(order) = state.order.as_deref() else {
        return Effect::Record(Event::Stuck { code: Code::Stuck });
    };
    if state.known.settled.is_some() {
        return charged(state, rules);
    }
    stopped(state, now_ms, rules)
        .or_else(|| printer(state, order, now_ms))
        .or_else(|| credential(state, order, rules, now_ms))
        .or_else(|| person(state, order, now_ms, rules))
        .or_else(|| visit(state, now_ms))
        .or_else(|| fees(state, now_ms))
        .or_else(|| preview(state, order, now_ms, rules))
        .or_else(|| fresh_code(state, order, rules))
        .unwrap_or_else(|| settle(state, now_ms))
}

/// What was charged is checked against what was shown, whoever said that it was charged.
fn charged(state: &State, rules: &Rules) -> Effect {
    if state.trail.amounts_right {
        return Effect::Record(Event::Stands);
    }
    let (Some(settled), Some(preview)) = (&state.known.settled, &state.known.preview) else {
        return give_up(Code::ReversedAmountsDiffer, Ending::Reversed);
    };
    match checks::amounts::settled(&settled.amounts, preview, rules) {
        Ok(mut warnings) => {
            // What was wrong with the split was shown before the money moved; it stops nothing any more.
            warnings.extend(split(state, preview, rules).unwrap_or_default());
            Effect::Record(Event::AmountsChecked { warnings })
        }
        Err(code) => give_up(code, Ending::Reversed),
    }
}

fn stopped(state: &State, now_ms: i64, rules: &Rules) -> Option<Effect> {
    if state.trail.cancel_asked {
        return Some(give_up(Code::CancelledByCaller, Ending::Cancelled));
    }
    let alone_since_ms = state.trail.alone_since_ms?;
    let until_ms = alone_since_ms + rules.rejoin_ms;
    Some(if now_ms >= until_ms {
        give_up(Code::CallerGone, Ending::Cancelled)
    } else {
        Effect::Wait { until_ms }
    })
}

fn printer(state: &State, order: &Order, now_ms: i64) -> Option<Effect> {
    if order.print != PrintWish::Required || state.trail.printer_seen {
        return None;
    }
    Some(match state.trail.printer_fault {
        Some(code) => give_up(code, Ending::Refused),
        None => Effect::LookAtPrinter { until_ms: now_ms },
    })
}

/// A credential of the right person in hand, or what is needed to get one.
fn credential(state: &State, order: &Order, rules: &Rules, now_ms: i64) -> Option<Effect> {
    let trail = &state.trail;
    if let Some(code) = trail.read_failed {
        return Some(Effect::Record(match code.is_nobody() {
            true => Event::GivenUp {
                code,
                ending: Ending::Cancelled,
                text: checks::person::shown_before(trail.last_rejection),
            },
            false => return Some(give_up(code, Ending::Refused)),
        }));
    }
    if trail.codes_rejected >= CODES_REJECTED_MAX {
        let code = trail.last_rejection.unwrap_or(Code::CodeUnknownKind);
        return Some(give_up(code, Ending::Refused));
    }
    let Some(voucher) = &state.known.voucher else {
        if !order.identity_ref.is_empty() {
            // Nothing is read in its place: it is too old for the platform, or was known to an earlier process.
            return Some(match trail.last_rejection {
                Some(code) => give_up(code, Ending::Refused),
                None => give_up(Code::IdentityGone, Ending::Cancelled),
            });
        }
        if trail.code_in_hand {
            return Some(ask(state, Step::Decode, now_ms));
        }
        let wait_ms = match order.scan_wait_ms {
            0 => rules.scan_wait_ms,
            wait_ms => i64::from(wait_ms),
        };
        return Some(Effect::Read { wait_ms });
    };
    // Until 1101's answer is accepted it may be the one that is wrong.
    if let (Some(person), Some(_)) = (&state.known.person, &state.known.insurance) {
        let same = person.certno.same_as(&voucher.certno);
        return (!same).then(|| {
            Effect::Record(Event::CodeRejected {
                code: Code::OtherPersonShown,
            })
        });
    }
    match checks::person::billed(&order.patient, &voucher.certno, &voucher.name) {
        Ok(()) => None,
        Err(code) => Some(give_up(code, Ending::Refused)),
    }
}

fn person(state: &State, order: &Order, now_ms: i64, rules: &Rules) -> Option<Effect> {
    let (Some(person), Some(voucher)) = (&state.known.person, &state.known.voucher) else {
        return Some(ask(state, Step::Person, now_ms));
    };
    if !person.certno.same_as(&voucher.certno) {
        return Some(give_up(Code::PersonMismatch, Ending::Refused));
    }
    if let Err(code) = checks::person::billed(&order.patient, &person.certno, &person.psn_name) {
        return Some(give_up(code, Ending::Refused));
    }
    if state.known.insurance.is_none() {
        return Some(insurance(state, order, person));
    }
    // A name alone never suffices, and an unnamed bill even less: a person must look.
    let must_look = order.confirm_person || order.patient.certno.is_empty();
    if must_look {
        return confirmed(state, Point::Person, now_ms, rules);
    }
    None
}

/// The insurance that pays: the caller's choice, the only one in force, or what this person was settled with
/// last time; else the patient is to choose from what is listed.
fn insurance(state: &State, order: &Order, person: &Person) -> Effect {
    let remembered = state.trail.recalled.as_deref().unwrap_or_default();
    let chosen = checks::person::choose_insurance(person, &order.insutype);
    let chosen = match chosen {
        Err(Code::SeveralInsurances) if !remembered.is_empty() => {
            // What was remembered may have ended since.
            checks::person::choose_insurance(person, remembered)
                .map_err(|_| Code::SeveralInsurances)
        }
        Ok(_) | Err(_) => chosen,
    };
    let in_force = checks::person::insurances_in_force(person);
    let refused = |code, text| {
        Effect::Record(Event::GivenUp {
            code,
            ending: Ending::Refused,
            text,
        })
    };
    match chosen {
        Ok(index) => Effect::Record(Event::InsuranceChosen { index }),
        Err(Code::SeveralInsurances) if state.trail.recalled.is_none() => Effect::RecallInsurance,
        Err(code @ Code::SeveralInsurances) => refused(code, in_force),
        Err(code @ Code::InsuranceNotOfPerson) => refused(
            code,
            format!(
                "所选 chosen {}；有效 in force {in_force}",
                insurance::shown(&order.insutype)
            ),
        ),
        Err(code) => give_up(code, Ending::Refused),
    }
}

fn visit(state: &State, now_ms: i64) -> Option<Effect> {
    if state.is_pharmacy() {
        return None;
    }
    if state.known.mdtrt_id.is_none() {
        let unsure = tries(state, Step::Register).is_some_and(|tries| tries.maybe);
        return Some(ask(
            state,
            if unsure {
                Step::FindVisit
            } else {
                Step::Register
            },
            now_ms,
        ));
    }
    (!state.trail.visit_sent).then(|| ask(state, Step::VisitInfo, now_ms))
}

fn fees(state: &State, now_ms: i64) -> Option<Effect> {
    if state.trail.fees_sent || state.is_pharmacy() {
        return None;
    }
    let failed = tries(state, Step::Fees);
    if failed.is_some_and(|tries| tries.count >= TRIES_MAX) {
        return Some(ask(state, Step::Fees, now_ms));
    }
    // Lines that may be there are taken back before they are sent again.
    let nothing_to_undo = tries(state, Step::UndoFees).is_some_and(Tries::is_refused);
    let unsure = failed.is_some_and(|tries| tries.maybe) && !nothing_to_undo;
    if nothing_to_undo && !state.known.lines.is_empty() {
        // Earlier parts are surely there, and yet the platform does not take the batch back.
        return Some(give_up(Code::PlatformRefused, Ending::Refused));
    }
    Some(ask(
        state,
        if unsure { Step::UndoFees } else { Step::Fees },
        now_ms,
    ))
}

fn preview(state: &State, order: &Order, now_ms: i64, rules: &Rules) -> Option<Effect> {
    let Some(preview) = &state.known.preview else {
        return Some(ask(state, Step::PreSettle, now_ms));
    };
    let right = checks::amounts::preview(preview, state.total, rules)
        .and_then(|_| split(state, preview, rules));
    if let Err(code) = right {
        return Some(give_up(code, Ending::Refused));
    }
    if !order.confirm_amounts {
        return None;
    }
    confirmed(state, Point::Amounts, now_ms, rules)
}

/// The lines as 2101 split them. What 2204 split is the platform's own upload again.
fn split(state: &State, preview: &Amounts, rules: &Rules) -> Result<Vec<String>, Code> {
    match state.order.as_deref() {
        Some(order) if state.is_pharmacy() => {
            let known = &state.known;
            checks::lines::split(order, &known.ids.feedetl_sn, &known.lines, preview, rules)
        }
        Some(_) | None => Ok(Vec::new()),
    }
}

fn fresh_code(state: &State, order: &Order, rules: &Rules) -> Option<Effect> {
    let wanted = order.fresh_code || rules.fresh_code;
    (wanted && !state.trail.fresh_asked).then_some(Effect::Record(Event::FreshCodeWanted))
}

fn settle(state: &State, now_ms: i64) -> Effect {
    ask(state, Step::Settle, now_ms)
}

/// Asks the step, or gives up when it was refused or asked often enough.
fn ask(state: &State, step: Step, now_ms: i64) -> Effect {
    let Some(Tries {
        count,
        last: Some(last),
        sign_in_expired,
        ..
    }) = tries(state, step)
    else {
        return Effect::Call(step);
    };
    let may_repeat = match last {
        Outcome::Refused { .. } => *sign_in_expired,
        // An unknown settling call never comes here: it is being found out.
        Outcome::NotSent { .. } | Outcome::Unknown { .. } => true,
        Outcome::Done { .. } => true,
    };
    if may_repeat && *count < TRIES_MAX {
        return call_after_pause(state, step, now_ms);
    }
    let (code, text) = match last {
        Outcome::Refused { code, text, .. } => (*code, text.clone()),
        Outcome::NotSent { code, .. } | Outcome::Unknown { code, .. } => (*code, String::new()),
        Outcome::Done { .. } => (Code::Internal, String::new()),
    };
    Effect::Record(Event::GivenUp {
        code,
        ending: Ending::Refused,
        text,
    })
}

/// Shows what is to be confirmed, waits for it, and gives up when nobody does.
fn confirmed(state: &State, point: Point, now_ms: i64, rules: &Rules) -> Option<Effect> {
    if state.trail.confirmed.contains(&point) {
        return None;
    }
    let Some((_, shown_at_ms)) = state.trail.shown.get(&PointKey::from(point)) else {
        let token = checks::shown_token(&state.settlement_id, point, state.events);
        return Some(Effect::Record(Event::Shown { point, token }));
    };
    let until_ms = shown_at_ms + rules.confirm_wait_ms;
    Some(if now_ms >= until_ms {
        give_up(Code::ConfirmTimeout, Ending::Cancelled)
    } else {
        Effect::Wait { until_ms }
    })
}
