//! Each row of the table of steps done twice: delivered twice, its answer lost, the daemon ended behind it. The
//! platform's books end as with once.

use super::ledger::Ledger;
use super::record::{Found, Proof};
use super::teller::Teller;
use crate::settlement::answer::Money;
use crate::settlement::call::Step;
use crate::settlement::steps::TABLE;
use crate::settlement::tell;

/// What makes it happen twice: a relay, answered by the first or by the second; nobody hears that it is done.
const TWICE: [&str; 5] = [
    "twice",
    "twice second",
    "lost done",
    "killed done",
    "killed after",
];

/// What there is in the end.
#[derive(Debug, PartialEq, Eq)]
struct Books {
    money: Money,
    /// Only a person can go on.
    stuck: bool,
    charges: usize,
    standing: usize,
    given_back: u32,
    lines: bool,
    visits: usize,
}

/// What leads to the step.
fn way_to(step: Step) -> &'static str {
    match step {
        Step::Decode
        | Step::Person
        | Step::Register
        | Step::VisitInfo
        | Step::Fees
        | Step::PreSettle
        | Step::Settle => "",
        Step::UndoSettle => "2207 differs",
        Step::UndoFees | Step::UndoRegister => "2206 refused",
        Step::Reverse => "2207 lost done; 5203* unclear",
        Step::FindVisit => "2201 lost done",
        Step::FindSettlement => "2207 lost done",
    }
}

fn books(troubles: &str) -> Books {
    let mut teller = Teller::begin(troubles);
    teller.carry();
    let answer = tell::answer(&teller.state);
    let Ledger {
        visits,
        lines,
        charges,
        ..
    } = &teller.ledger;
    Books {
        money: answer.money,
        stuck: answer.stuck,
        charges: charges.len(),
        standing: teller.ledger.standing(),
        given_back: charges.iter().map(|charge| charge.given_back).sum(),
        lines: !lines.is_empty(),
        visits: visits.iter().filter(|it| it.ours && it.open).count(),
    }
}

/// What doing it twice may change, and nothing else.
fn expected(step: Step, twice: &str, once: Books) -> Books {
    match (step, twice) {
        // The relay made a second visit, of which nobody is told.
        (Step::Register, "twice" | "twice second") => Books {
            visits: once.visits + 1,
            ..once
        },
        // Of what moves no money a no is a no, and here it comes from the second delivery: nothing is charged,
        // and a person is told of what cannot be taken back.
        (Step::Fees, "twice second") => Books {
            money: Money::Refused,
            stuck: true,
            charges: 0,
            standing: 0,
            ..once
        },
        (Step::UndoFees, "twice second") => Books {
            stuck: true,
            visits: 1,
            ..once
        },
        (Step::UndoRegister, "twice second") => Books {
            stuck: true,
            ..once
        },
        (_, _) => once,
    }
}

#[test]
fn each_step_done_twice_is_as_once() {
    let proof = Proof::begin(
        "twice-model",
        "Each step and undo done twice, model",
        "每一步及其撤销做两遍（模型）",
    );
    let mut amiss = Vec::new();
    let mut count = 0;
    for row in TABLE {
        let (way, name) = (way_to(row.step), tell::step_name(row.step));
        for twice in TWICE {
            count += 1;
            let troubles = format!("{name} {twice}; {way}");
            let expected = expected(row.step, twice, books(way));
            let seen = books(&troubles);
            if seen != expected {
                amiss.push(format!("{troubles}\n  saw {seen:?}\n  not {expected:?}"));
            }
        }
    }
    let failures = u64::try_from(amiss.len()).unwrap();
    proof.end(&Found {
        count,
        failures,
        seeds: None,
    });
    assert!(amiss.is_empty(), "{}", amiss.join("\n"));
}
