//! The answer and the platform's books after a cell.

use yibaod::api::{Money, Settlement};
use yibaod::sandbox::http::Delivery;
use yibaod::sandbox::platform::{Ledger, Outcome, Received};

/// Seen on a message that the relay delivered, not the daemon.
const SECOND_DELIVERY: &str = "F23 second delivery";
/// What moves money and is never repeated without an enquiry.
const MONEY_CALLS: [&str; 4] = ["2207", "2208", "2102", "2103"];
/// What counts as an enquiry.
const ENQUIRIES: [&str; 2] = ["5203", "2601"];

/// In what the answer and the ledger differ, and what the daemon did that it must never do.
pub(super) fn differences(ledger: &Ledger, ended: &Settlement) -> Vec<String> {
    let mut amiss = Vec::new();
    let rows = ledger.settlements();
    let live: Vec<_> = rows.iter().filter(|row| row.is_live()).collect();
    if live.len() > 1 {
        amiss.push(format!("charged {} times", live.len()));
    }
    match ended.money() {
        Money::Settled => match live.as_slice() {
            [row] => {
                let said = ended.amounts.clone().unwrap_or_default();
                let told = [
                    said.medfee_sumamt_fen,
                    said.fund_pay_sumamt_fen,
                    said.acct_pay_fen,
                    said.psn_cash_pay_fen,
                ];
                let booked = [
                    row.amounts.total.0,
                    row.amounts.fund().0,
                    row.amounts.account.0,
                    row.amounts.cash.0,
                ];
                if told != booked || row.setl_id != ended.setl_id {
                    amiss.push(format!("told {told:?}, booked {booked:?}"));
                }
            }
            _ => amiss.push(format!("SETTLED, {} rows stand", live.len())),
        },
        Money::Refused | Money::Cancelled | Money::Reversed => {
            if !live.is_empty() {
                amiss.push("charged for nothing".to_owned());
            }
            let open = ledger.visits_open().len();
            if open > 0 && !ended.stuck {
                amiss.push(format!("{open} visits are left open"));
            }
        }
        Money::Unknown if ended.stuck => {}
        Money::Unknown | Money::Pending | Money::Unspecified => amiss.push("no end".to_owned()),
    }
    amiss.extend(rules_broken(ledger, 0));
    amiss
}

/// Numbers used twice, and money calls repeated without an enquiry, from this request on.
pub(super) fn rules_broken(ledger: &Ledger, since: usize) -> Vec<String> {
    let mut amiss = Vec::new();
    let duplicates = ledger.duplicates();
    if !duplicates.msgids.is_empty() || !duplicates.batches.is_empty() {
        amiss.push(format!("{duplicates:?}"));
    }
    let twice = MONEY_CALLS
        .iter()
        .filter(|infno| repeated(&ledger.requests()[since..], infno));
    amiss.extend(twice.map(|infno| format!("{infno} was repeated without an enquiry")));
    amiss
}

/// Whether this call went out again before it was asked what became of the one before. One that was surely
/// refused, and whose refusal arrived, needs no enquiry.
fn repeated(requests: &[Received], infno: &str) -> bool {
    let mut open = false;
    for row in requests.iter().filter(|row| is_ours(row)) {
        if ENQUIRIES.contains(&row.infno.as_str()) {
            open = false;
        } else if row.infno.trim_end_matches('A') == infno {
            if open {
                return true;
            }
            let refused = matches!(row.outcome, Outcome::Refused(_) | Outcome::TurnedAway(_));
            open = !(refused && row.delivery == Some(Delivery::Sent));
        }
    }
    false
}

pub(super) fn is_ours(row: &Received) -> bool {
    row.faults.iter().all(|fault| fault != SECOND_DELIVERY)
}
