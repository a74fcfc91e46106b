//! What was found by chance or by reading, each kept under its own name.

use super::desk::Desk;
use super::journal::through_json;
use super::model;
use super::stories::check;
use super::teller::{Teller, tell_story};
use crate::book::Code;
use crate::settlement::answer::Money;
use crate::settlement::call::{Found, Outcome, Step};
use crate::settlement::event::{Ending, Event};
use crate::settlement::next::{Effect, next};
use crate::settlement::state::{Phase, State};
use crate::settlement::steps::{BROKEN_MAX, UNREACHED_MAX};
use crate::settlement::tell;

/// An outage used up the tries of 2208 within 82 seconds, and 5203 and 2601 went out again and again without
/// pause.
#[test]
fn an_outage_makes_nothing_stuck_for_a_week() {
    for (troubles, step) in [
        ("2207 lost done; 5203* not sent", Step::FindSettlement),
        (
            "2207 lost done; 5203* unclear; 2601* not sent",
            Step::Reverse,
        ),
        ("2207 differs; 2208* not sent", Step::UndoSettle),
    ] {
        let mut teller = Teller::begin(troubles);
        let weeks_effects = usize::try_from(UNREACHED_MAX).unwrap() * 3;
        teller.carry_within(weeks_effects);
        assert_eq!(teller.state.phase, Phase::Stuck(None), "{troubles}");
        assert_eq!(teller.state.trail.tries[&step].unreached, UNREACHED_MAX);
        assert!(teller.now_ms() > 6 * 86_400_000, "{troubles}");
    }
}

/// The clock set back by a day between two enquiries after a 2208: the wait was a day longer.
#[test]
fn a_clock_set_back_lengthens_no_wait() {
    let mut teller = Teller::begin("2207 differs; 2208 lost; 5203#3 killed; 5203* unclear");
    teller.set_back_ms = 86_400_000;
    let began_ms = teller.now_ms();
    teller.carry();
    assert!(teller.now_ms() < began_ms, "the day was waited for");
    assert_eq!(teller.state.phase, Phase::Stuck(None));
}

/// Each restart while 5203 was out began the quiet time anew: a poisonous answer was asked for for ever.
#[test]
fn what_ends_the_process_again_and_again_is_stuck() {
    let mut teller = Teller::begin("2207 lost done; 5203* killed");
    teller.carry();
    assert_eq!(teller.state.phase, Phase::Stuck(None));
    assert_eq!(teller.state.trail.restarts, BROKEN_MAX);
}

/// After enquiries that failed while it was quiet, 2601 went out without asking once more.
#[test]
fn enquiries_that_failed_while_quiet_do_not_bring_the_reversal() {
    check(
        "2207 lost done; 5203#1-9 lost",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 ×10 = SETTLED",
    );
}

/// 9001 refused, the 2205 never left, and a 2205 lost before: that was read as `nothing there`.
#[test]
fn a_gateways_no_does_not_say_that_nothing_is_there() {
    check(
        "2206 refused; 2205 lost; 2205#2 gateway",
        "scan ec.query 1101 2201 2203 2204 2206 2205 ×3 2202 = REFUSED PLATFORM_REFUSED",
    );
    check(
        "2204 lost done; 2205 signed out",
        "scan ec.query 1101 2201 2203 2204 2205 ×2 2204 2206 2207 = SETTLED",
    );
}

/// A 2204 that comes after its 2205 left its lines behind.
#[test]
fn lines_that_come_late_are_taken_back_at_the_end() {
    let mut teller = Teller::begin("2204 lost late; 2204#2-3 lost; caller* stays away");
    teller.late_ms = 1;
    teller.carry();
    assert_eq!(teller.ledger.lines, []);
}

/// A yes that taught nothing was asked again at once, for ever; for 2207 that is a second charge.
#[test]
fn a_yes_to_another_question_is_unknown() {
    for step in [Step::Settle, Step::Person, Step::Register, Step::UndoSettle] {
        let mut state = State::new("settlement-1");
        let answered = Event::Answered {
            step,
            result: Outcome::Done {
                found: Some(Found::Visits(Vec::new())),
            },
            sign_in_expired: false,
            skew_ms: None,
            answer: None,
        };
        state.apply(&answered, 1);
        assert!(state.trail.tries[&step].maybe, "{step:?}");
        let is_doubted = matches!(state.phase, Phase::Finding(_));
        assert_eq!(is_doubted, step == Step::Settle);
    }
}

/// With the key of its day gone, a refund that is stuck was told as REVERSED.
#[test]
fn a_stuck_refund_stays_unknown_without_its_key() {
    let mut events = Teller::begin("2207 differs; 2208 refused");
    events.carry();
    let told = through_json("settlement-1", &events.events, false);
    assert_eq!(told.phase, Phase::Stuck(None));
    assert_eq!(tell::money(&told), Money::Unknown);
}

/// Without its order nothing can be asked; in these phases nothing was recorded either, again and again.
#[test]
fn without_its_order_it_is_stuck_in_every_phase() {
    let rules = super::sample::rules();
    let stuck = Effect::Record(Event::Stuck { code: Code::Stuck });
    let mut state = State::new("settlement-1");
    assert_eq!(next(&state, 1, &rules), stuck);
    state.phase = Phase::GivingUp(Ending::Cancelled);
    assert_eq!(next(&state, 1, &rules), stuck);
    state.phase = Phase::Finding(crate::settlement::state::Doubt::default());
    assert_eq!(next(&state, 1, &rules), stuck);
}

/// 1101 named somebody else: the patient was asked to scan again and again, and was told to be another person.
#[test]
fn another_person_of_1101_is_a_mismatch_at_once() {
    assert_eq!(
        tell_story("1101 other"),
        "scan ec.query 1101 = REFUSED PERSON_MISMATCH"
    );
}

/// Tapes that failed once.
#[test]
fn tapes_that_failed_once_hold() {
    let carried: [&[u8]; 3] = [
        // 2205 lost, then refused by the sign-in.
        &[
            229, 172, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 162, 0, 0, 231, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            0, 0, 0, 0, 252, 0, 0, 0, 0, 0, 78, 0, 0, 0, 0, 0, 0, 0, 0, 248, 77, 0, 0, 0, 0, 0, 0,
            0, 61, 0, 0, 0,
        ],
        // The last refund enquiry at a time that the clock was set back from.
        &[
            164, 61, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 60, 0, 158, 0, 170,
        ],
        &[],
    ];
    for tape in carried {
        let desk: Desk = model::run(tape, true);
        assert!(desk.state.is_over());
    }
}

/// 5203 finds the charge while the 2601 is still on its way: it was told as SETTLED, and given back after.
#[test]
fn a_2601_without_an_answer_is_not_overtaken_by_5203() {
    check(
        "2207 lost done; 5203#1-10 unclear; 2601 killed late",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 ×10 2601 | … 5203 2205 2202 = \
         REVERSED REVERSED_AFTER_LOST_ANSWER",
    );
    check(
        "2207 lost done; 5203#1-10 unclear; 2601 lost late",
        "scan ec.query 1101 2201 2203 2204 2206 2207 5203 ×10 2601 ×2 2205 2202 = REVERSED \
         REVERSED_AFTER_LOST_ANSWER",
    );
}
