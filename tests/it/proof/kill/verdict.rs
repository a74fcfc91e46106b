//! What must hold when a killed settlement has come to its end: the daemon's word against the sandbox's books.

use yibaod::api::{Money, Settlement};
use yibaod::sandbox::http::Delivery;
use yibaod::sandbox::platform::Received;

use super::cell::{Cell, REQUEST};
use super::place::Place;
use crate::desk::{Desk, Shows, bill, error_name, without_paper};

/// Calls that move money.
const MONEY: [&str; 4] = ["2207", "2208", "2102", "2103"];
/// Calls that find out what became of one.
const ENQUIRIES: [&str; 3] = ["5203", "5201", "2601"];
/// What a second receipt of one settlement must bear.
const REPRINT: &str = "补打";

/// How it ended, in words for the table.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) end: String,
    pub(super) received: String,
}

/// Whether the money is final, or only a person can go on.
pub(super) fn is_over(settlement: &Settlement) -> bool {
    settlement.stuck || !matches!(settlement.money(), Money::Pending | Money::Unknown)
}

/// Looks at everything. Panics with what is wrong.
pub(super) async fn of(cell: Cell, desk: &Desk, unheard: &[String]) -> Verdict {
    let settlement = match desk.truth(REQUEST).await {
        Some(settlement) => settlement,
        // Killed before it was on disk: nothing has happened, and the same request begins it.
        None => {
            assert_eq!(desk.received("2201"), 0, "something was done for nobody");
            let shows = [const { Shows::fresh("employee") }; 3];
            desk.pay(bill(desk, REQUEST), &shows).await;
            desk.truth(REQUEST).await.expect("it was accepted")
        }
    };
    same_answer_twice(desk, &settlement).await;
    to_the_fen(desk, &settlement);
    let received = desk.platform.ledger(|ledger| ledger.requests().to_vec());
    asked_between(&received, unheard);
    one_receipt(desk, &settlement).await;
    where_it_was_killed(cell, desk, &settlement);
    let name = error_name(&settlement);
    let stuck = if settlement.stuck { " stuck" } else { "" };
    Verdict {
        end: format!("{:?} {name}{stuck}", settlement.money()),
        received: counted(&received),
    }
}

/// The request repeated says the same, and says it again.
async fn same_answer_twice(desk: &Desk, settlement: &Settlement) {
    for _ in 0..2 {
        let again = desk.scan_and_pay(bill(desk, REQUEST)).await;
        let again = again.expect("a repeated request is answered");
        assert_eq!(without_paper(&again), without_paper(settlement));
    }
}

/// What fund, account and person paid in the end is what the daemon says, and nobody paid twice.
fn to_the_fen(desk: &Desk, settlement: &Settlement) {
    let person = desk.platform.person("employee").expect("a person");
    let (rows, net, visits, lines) = desk.platform.ledger(|ledger| {
        (
            ledger.charges_of(&person.psn_no),
            ledger.net_charged(&person.psn_no),
            ledger.visits_open().len(),
            ledger.lines_open().len(),
        )
    });
    let charges = rows.iter().filter(|row| row.refund_of.is_none()).count();
    assert!(charges <= 1, "{charges} charges: {rows:?}");
    let refunds = rows.len() - charges;
    assert!(refunds <= 1, "{refunds} refunds: {rows:?}");
    if settlement.money() == Money::Settled {
        desk.assert_charged_once(settlement);
        let amounts = settlement.amounts.as_ref().expect("settled");
        let fund_and_account = amounts.fund_pay_sumamt_fen + amounts.acct_pay_fen;
        assert_eq!(net.0.0 + net.1.0, fund_and_account, "{rows:?}");
    }
    if settlement.stuck {
        return;
    }
    if settlement.money() != Money::Settled {
        assert_eq!((net.0.0, net.1.0), (0, 0), "{rows:?}");
        let taken = settlement.self_pay.as_ref().map_or(0, |pay| pay.amount_fen);
        assert_eq!(taken, 0, "nothing is to be taken: {settlement:?}");
    }
    assert_eq!(
        (visits, lines),
        (0, 0),
        "open visits, open lines: {settlement:?}"
    );
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

/// At most one receipt without the mark of a second one, and none where nothing was settled.
async fn one_receipt(desk: &Desk, settlement: &Settlement) {
    let papers = desk.papers_in_the_end().await;
    let unmarked = papers
        .iter()
        .filter(|paper| !paper.text().contains(REPRINT));
    let allowed = usize::from(settlement.money() == Money::Settled);
    let unmarked = unmarked.count();
    assert!(unmarked <= allowed, "{unmarked} receipts: {settlement:?}");
}

/// What must be so because of where it was killed.
fn where_it_was_killed(cell: Cell, desk: &Desk, settlement: &Settlement) {
    let before_the_money = match cell.place {
        Place::Call(infno, _, _) => cell.way.from.is_none() && infno != "2207",
        Place::Scan(_) => true,
        Place::Write(_) | Place::Sync(_) | Place::Paper(_) | Place::Cut => false,
    };
    if before_the_money && !cell.back {
        assert_eq!(desk.received("2207"), 0, "nobody wanted it any more");
        assert_eq!(settlement.money(), Money::Cancelled, "{settlement:?}");
    }
    if matches!(cell.place, Place::Paper(_) | Place::Cut) {
        assert_eq!(settlement.money(), Money::Settled, "{settlement:?}");
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
