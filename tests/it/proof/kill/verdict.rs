//! What must hold when what was killed has come to its end: the daemon's word against the sandbox's books.

use yibaod::api::{DispenseState, Money, RefundMoney};
use yibaod::sandbox::http::Delivery;
use yibaod::sandbox::platform::Received;

use super::cell::Cell;
use super::place::Place;
use crate::desk::{Desk, eventually};
use crate::proof::asked::{Asked, Before, Look, Paid, Told};

/// Calls that move money.
const MONEY: [&str; 4] = ["2207", "2208", "2102", "2103"];
/// Calls that begin to change something.
const WRITES: [&str; 6] = ["2201", "2102", "2208", "2103", "3505A", "3506A"];
/// Calls that find out what became of one.
const ENQUIRIES: [&str; 3] = ["5203", "5201", "2601"];

/// How it ended, in words for the table.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) end: String,
    pub(super) received: String,
}

/// Looks at everything. Panics with what is wrong.
pub(super) async fn of(cell: Cell, desk: &Desk, before: &Before, unheard: &[String]) -> Verdict {
    let told = ended(cell, desk, before).await;
    same_answer_twice(cell, desk, before, &told).await;
    let received = desk.platform.ledger(|ledger| {
        let duplicates = ledger.duplicates();
        assert_eq!(duplicates.msgids, Vec::<String>::new());
        ledger.requests()[before.received..].to_vec()
    });
    asked_between(&received, unheard);
    cell.way.asked.check(desk, before, &told).await;
    where_it_was_killed(cell, desk, &told);
    Verdict {
        end: told.end(),
        received: counted(&received),
    }
}

/// The request again: what was killed before it was on disk is begun by it, what runs is joined.
async fn ended(cell: Cell, desk: &Desk, before: &Before) -> Told {
    let asked = cell.way.asked;
    if asked.look(desk).await.expect("it runs") == Look::Nothing {
        let received = desk.platform.ledger(|ledger| {
            let requests = &ledger.requests()[before.received..];
            requests
                .iter()
                .filter(|row| WRITES.contains(&row.infno.as_str()))
                .count()
        });
        assert_eq!(received, 0, "something was done for nobody");
    }
    let over = eventually(async || {
        let told = asked.ask(desk, before).await.expect("it runs");
        told.is_over().then_some(told)
    });
    over.await.expect("it comes to an end")
}

/// The request repeated says the same, and says it again.
async fn same_answer_twice(cell: Cell, desk: &Desk, before: &Before, told: &Told) {
    for _ in 0..2 {
        let again = cell.way.asked.ask(desk, before).await;
        let again = again.expect("a repeated request is answered");
        assert_eq!(again.lasting(), told.lasting());
    }
}

/// A money call whose answer was not heard is followed by a question, never by another one.
fn asked_between(received: &[Received], unheard: &[String]) {
    let is = |row: &Received, kinds: &[&str]| kinds.iter().any(|kind| row.infno.starts_with(kind));
    let mut open: Option<&Received> = None;
    for row in received {
        let heard = row.delivery == Some(Delivery::Sent) && !unheard.contains(&row.msgid);
        if is(row, &MONEY) {
            assert!(
                open.is_none(),
                "{} after {open:?} without a question",
                row.infno
            );
            open = (!heard).then_some(row);
        } else if is(row, &ENQUIRIES) && heard {
            open = None;
        }
    }
}

/// What must be so because nothing else goes wrong, and because of where it was killed.
fn where_it_was_killed(cell: Cell, desk: &Desk, told: &Told) {
    match told {
        Told::Settlement(it) => {
            if is_before_the_money(cell) && !cell.back {
                let charge = charge_of(cell.way.asked);
                assert_eq!(desk.received(charge), 0, "nobody wanted it any more");
                assert_eq!(it.money(), Money::Cancelled, "{it:?}");
            }
            if matches!(cell.place, Place::Paper(_) | Place::Cut) {
                assert_eq!(it.money(), Money::Settled, "{it:?}");
            }
        }
        Told::Refund(it) => assert_eq!(it.money(), RefundMoney::Refunded, "{it:?}"),
        Told::Dispense(it) => {
            let infno = if cell.way.asked == Asked::TakeBack {
                "3506A"
            } else {
                "3505A"
            };
            if cell.way.is_plain() {
                assert_ne!(it.state(), DispenseState::Refused, "{it:?}");
                assert!(desk.received(infno) <= 1, "it was told again");
            } else {
                assert_eq!(it.state(), DispenseState::Recorded, "it may be told again");
            }
        }
        Told::Table(_) => assert!(told.is_whole(), "{told:?}"),
    }
}

fn is_before_the_money(cell: Cell) -> bool {
    match cell.place {
        Place::Call(infno, _, _) => cell.way.is_plain() && infno != charge_of(cell.way.asked),
        Place::Scan(_) => true,
        Place::Write(_) | Place::Sync(_) | Place::Paper(_) | Place::Cut => false,
    }
}

fn charge_of(asked: Asked) -> &'static str {
    match asked.paid() {
        Paid::Visit => "2207",
        Paid::Sale => "2102",
    }
}

/// `2207 ×1, 5203 ×2`, in the order of the first one.
fn counted(received: &[Received]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for row in received {
        match counts.iter_mut().find(|(infno, _)| *infno == row.infno) {
            Some((_, count)) => *count += 1,
            None => counts.push((&row.infno, 1)),
        }
    }
    let words = counts.iter().map(|(infno, count)| match count {
        1 => (*infno).to_owned(),
        count => format!("{infno} ×{count}"),
    });
    words.collect::<Vec<_>>().join(", ")
}

/// A request of this kind whose answer arrived, or not.
fn row(infno: &str, is_heard: bool) -> Received {
    Received {
        infno: infno.to_owned(),
        msgid: String::new(),
        at: jiff::Timestamp::UNIX_EPOCH,
        outcome: yibaod::sandbox::platform::Outcome::Done,
        delivery: is_heard.then_some(Delivery::Sent),
        faults: Vec::new(),
        body: serde_json::Value::Null,
    }
}

#[test]
fn what_is_asked_between_money_calls() {
    let check = |rows: &[(&str, bool)]| {
        let rows: Vec<Received> = rows
            .iter()
            .map(|(infno, heard)| row(infno, *heard))
            .collect();
        std::panic::catch_unwind(|| asked_between(&rows, &[])).is_ok()
    };
    assert!(check(&[("2207", true), ("2208", true)]));
    assert!(check(&[
        ("2207", false),
        ("5203", true),
        ("2208", false),
        ("5203", true)
    ]));
    assert!(!check(&[("2207", false), ("2207A", true)]));
    assert!(!check(&[("2207", false), ("5203", false), ("2208", true)]));
    assert!(!check(&[
        ("2207", true),
        ("2208", false),
        ("1101", true),
        ("2208", true)
    ]));
}
