//! What a person states of a stuck settlement: what may be stated, what it makes of the money, and that nothing
//! else happens.

use super::journal::through_json;
use super::teller::Teller;
use crate::book::Code;
use crate::settlement::answer::Money;
use crate::settlement::call::Step;
use crate::settlement::event::{Event, Verdict};
use crate::settlement::next::{Effect, next};
use crate::settlement::resolve::{Statement, allowed, check};
use crate::settlement::state::State;
use crate::settlement::stuck::{self, End, Trouble, Truth};
use crate::settlement::tell;

const ALL: [Verdict; 3] = [Verdict::Settled, Verdict::NotCharged, Verdict::Reversed];

/// Stories that end stuck, what kind of trouble each is, and what may be stated of it.
const STUCK: [(&str, Trouble, &[Verdict]); 4] = [
    (
        "2207 lost; 5203* unclear; 2601* unclear",
        Trouble::ChargeUnknown,
        &ALL,
    ),
    (
        "2207 differs; 2208 refused",
        Trouble::ChargeStands,
        &[Verdict::Reversed, Verdict::Settled],
    ),
    (
        "2206 refused; 2202 refused",
        Trouble::LeftOpen,
        &[Verdict::NotCharged],
    ),
    (
        "2206 refused; 2205 refused",
        Trouble::LeftOpen,
        &[Verdict::NotCharged],
    ),
];

fn statement(verdict: Verdict) -> Statement {
    Statement {
        by: "uid:0".to_owned(),
        verdict,
        reason: "门户已核对".to_owned(),
        setl_id: String::new(),
    }
}

fn told(troubles: &str) -> Teller {
    let mut teller = Teller::begin(troubles);
    teller.carry();
    teller
}

fn money_of(verdict: Verdict) -> Money {
    match verdict {
        Verdict::Settled => Money::Settled,
        Verdict::NotCharged => Money::Cancelled,
        Verdict::Reversed => Money::Reversed,
    }
}

/// States it; the state afterwards and the rows.
fn stated(teller: &Teller, statement: &Statement) -> (State, Vec<(Event, i64)>) {
    let mut statement = statement.clone();
    let is_settled = statement.verdict == Verdict::Settled;
    if is_settled && !teller.state.trail.charge_seen && statement.setl_id.is_empty() {
        let nameless = check(&teller.state, &statement);
        assert_eq!(nameless, Err(Code::ResolveNumberMissing));
        statement.setl_id = "S1".to_owned();
    }
    let event = check(&teller.state, &statement).unwrap().unwrap();
    let (mut state, mut events) = (teller.state.clone(), teller.events.clone());
    state.apply(&event, teller.now_ms() + 5);
    events.push((event, teller.now_ms() + 5));
    (state, events)
}

#[test]
fn what_is_stated_is_what_is_told_and_nothing_else_happens() {
    for (troubles, _, may) in STUCK {
        let teller = told(troubles);
        let known = tell::money(&teller.state);
        assert_eq!(allowed(&teller.state), may, "{troubles}");
        for verdict in ALL {
            if !may.contains(&verdict) {
                let refused = check(&teller.state, &statement(verdict)).unwrap_err();
                assert_eq!(refused, Code::ResolveContradicts, "{troubles} {verdict:?}");
                continue;
            }
            let (state, events) = stated(&teller, &statement(verdict));
            let answer = tell::answer(&state);
            let expected = if known.is_final() {
                known
            } else {
                money_of(verdict)
            };
            assert_eq!(answer.money, expected, "{troubles} {verdict:?}");
            assert!(!answer.stuck && state.is_over(), "{troubles}");
            let resolved = answer.resolved.clone().unwrap();
            assert_eq!((resolved.by.as_str(), resolved.verdict), ("uid:0", verdict));
            assert_eq!(resolved.reason, "门户已核对");
            // Also after years, and after a restart: nothing is asked, nothing is printed.
            for now_ms in [0, teller.now_ms(), i64::MAX / 4] {
                assert_eq!(
                    next(&state, now_ms, &teller.rules),
                    Effect::Finished,
                    "{troubles}"
                );
            }
            assert_eq!(
                tell::answer(&through_json("settlement-1", &events, true)),
                answer
            );
            let forgotten = tell::answer(&through_json("settlement-1", &events, false));
            assert_eq!(forgotten.money, answer.money, "{troubles} {verdict:?}");
            assert_eq!(forgotten.resolved.unwrap().reason, "");
        }
    }
}

#[test]
fn the_same_again_is_the_same_and_another_is_refused() {
    let teller = told(STUCK[0].0);
    for first in ALL {
        let (state, _) = stated(&teller, &statement(first));
        for second in ALL {
            let again = check(&state, &statement(second));
            let expected = if first == second {
                Ok(None)
            } else {
                Err(Code::ResolvedOtherwise)
            };
            assert_eq!(again, expected, "{first:?} {second:?}");
        }
        let other_number = Statement {
            setl_id: "S9".to_owned(),
            ..statement(first)
        };
        let mended = check(&state, &other_number);
        assert_eq!(mended.is_ok(), first == Verdict::Settled, "{first:?}");
    }
}

#[test]
fn a_mistyped_number_is_mended_and_the_verdict_stays() {
    let with = |setl_id: &str| Statement {
        setl_id: setl_id.to_owned(),
        ..statement(Verdict::Settled)
    };
    let (mut state, _) = stated(&told(STUCK[0].0), &with("S8"));
    let ended_at_ms = state.ended_at_ms;
    let event = check(&state, &with("S9")).unwrap().unwrap();
    state.apply(&event, 99_000_000);
    let answer = tell::answer(&state);
    assert_eq!(
        (answer.setl_id.as_str(), answer.money),
        ("S9", Money::Settled)
    );
    assert_eq!(state.ended_at_ms, ended_at_ms);
    assert_eq!(check(&state, &with("S9")), Ok(None));
    let seen = told(STUCK[1].0);
    let setl_id = tell::answer(&seen.state).setl_id;
    let (state, _) = stated(&seen, &with(&setl_id));
    assert_eq!(check(&state, &with("S9")), Err(Code::ResolvedOtherwise));
}

#[test]
fn a_stated_number_is_told_and_may_not_contradict() {
    let unknown = told(STUCK[0].0);
    let with = |setl_id: &str| Statement {
        setl_id: setl_id.to_owned(),
        ..statement(Verdict::Settled)
    };
    let (state, _) = stated(&unknown, &with("S9"));
    let answer = tell::answer(&state);
    assert_eq!(
        (answer.setl_id.as_str(), answer.money),
        ("S9", Money::Settled)
    );
    assert_eq!(answer.reason.unwrap().code, Code::ResolvedByPerson);
    let seen = told(STUCK[1].0);
    let setl_id = tell::answer(&seen.state).setl_id;
    assert!(!setl_id.is_empty());
    let contradicted = check(&seen.state, &with("S9"));
    assert_eq!(contradicted, Err(Code::ResolveContradicts));
    assert!(check(&seen.state, &with(&setl_id)).unwrap().is_some());
}

#[test]
fn what_is_not_stuck_cannot_be_stated() {
    for troubles in ["", "2206 refused", "2207 lost", "scan nobody"] {
        let teller = told(troubles);
        for verdict in ALL {
            let refused = check(&teller.state, &statement(verdict));
            assert_eq!(refused, Err(Code::NotStuck), "{troubles} {verdict:?}");
        }
        // On the way too.
        let mut state = State::new("settlement-1");
        for (event, at_ms) in &teller.events {
            state.apply(event, *at_ms);
            let refused = check(&state, &statement(Verdict::Settled));
            assert_eq!(refused, Err(Code::NotStuck), "{troubles}");
        }
    }
}

#[test]
fn a_forgotten_order_is_stuck_and_can_be_stated() {
    let teller = told("2207 lost; 5203* unclear; 2601* unclear");
    let is_money_call = |event: &Event| {
        let settle = Step::Settle;
        matches!(event, Event::Intent { step, .. } if *step == settle)
    };
    let sent = teller
        .events
        .iter()
        .position(|(event, _)| is_money_call(event));
    let events = &teller.events[..=sent.unwrap()];
    let summary = tell::summary(&through_json("settlement-1", events, true));
    let mut state = through_json("settlement-1", events, false);
    let at_ms = teller.now_ms();
    state.apply(&Event::Restarted, at_ms);
    let Effect::Record(event) = next(&state, at_ms, &teller.rules) else {
        panic!("nothing may be done in its name");
    };
    assert_eq!(event, Event::Stuck { code: Code::Stuck });
    state.apply(&event, at_ms);
    let item = stuck::settlement(&state, events, Some(&summary));
    for (fact, value) in [
        ("psn_no", &item.psn_no),
        ("mdtrt_id", &item.mdtrt_id),
        ("operator", &item.operator_id),
        ("office", &item.office_id),
        ("msgid", &item.msgid),
        ("infno", &item.infno),
    ] {
        assert!(!value.is_empty(), "{fact}");
    }
    assert_eq!(
        tell::summary(&state).remembering(Some(&summary)).mdtrt_id,
        item.mdtrt_id
    );
    for verdict in ALL {
        let named = Statement {
            setl_id: "S1".to_owned(),
            ..statement(verdict)
        };
        let event = check(&state, &named).unwrap().unwrap();
        let mut state = state.clone();
        state.apply(&event, at_ms);
        assert_eq!(tell::money(&state), money_of(verdict));
    }
}

#[test]
fn the_list_says_what_was_tried_and_what_came_of_it() {
    for (troubles, trouble, may) in STUCK {
        let teller = told(troubles);
        let item = stuck::settlement(&teller.state, &teller.events, None);
        assert_eq!(item.trouble, trouble, "{troubles}");
        let may: Vec<Truth> = may.iter().copied().map(Truth::Settlement).collect();
        assert_eq!(item.may_state, may, "{troubles}");
        assert!(!item.tried.is_empty(), "{troubles}");
        assert_eq!(item.operator_id, "0001");
        assert!(item.stuck_at_ms >= item.accepted_at_ms);
    }
    let teller = told(STUCK[0].0);
    let item = stuck::settlement(&teller.state, &teller.events, None);
    let tried: Vec<(&str, End)> = (item.tried.iter())
        .map(|tried| (tried.infno.as_str(), tried.end))
        .collect();
    assert_eq!(
        tried,
        [
            ("2207", End::Unknown),
            ("2601", End::Unclear),
            ("5203", End::Unclear)
        ]
    );
    assert!(item.tried[2].times > 1);
    let teller = told(STUCK[1].0);
    let item = stuck::settlement(&teller.state, &teller.events, None);
    let refund = item
        .tried
        .iter()
        .find(|tried| tried.infno == "2208")
        .unwrap();
    assert_eq!((refund.end, refund.times), (End::Refused, 1));
    assert!(refund.code.is_some() && !refund.infcode.is_empty());
}
