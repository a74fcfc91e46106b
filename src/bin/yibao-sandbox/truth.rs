//! Whether the daemon's answer and the platform's own ledger agree, to the fen.

use yibaod::api::{Money, PaperState, Settlement};
use yibaod::sandbox::platform::{Ledger, Settlement as Row};

use crate::desk::Desk;

/// A sentence and whether it holds.
pub(crate) type Check = (bool, String);

/// The settlement is settled and printed, and the ledger has the same.
pub(crate) fn settled_and_printed(desk: &Desk, settlement: &Settlement) -> Vec<Check> {
    let money = settlement.money();
    let paper = settlement.paper.clone().unwrap_or_default();
    let mut checks = vec![
        (
            money == Money::Settled,
            format!("资金 money {}", money.as_str_name()),
        ),
        (
            paper.state() == PaperState::Printed,
            format!(
                "票据 paper {} ({})",
                paper.state().as_str_name(),
                paper.proof().as_str_name()
            ),
        ),
    ];
    checks.extend(agrees(desk, settlement));
    checks
}

/// What the answer says of the money is what the ledger has; nothing was charged or numbered twice.
pub(crate) fn agrees(desk: &Desk, settlement: &Settlement) -> Vec<Check> {
    desk.platform.ledger(|ledger| {
        let rows = ledger.settlements();
        let ours = rows
            .iter()
            .filter(|row| row.is_live() && row.medins_setl_id == settlement.msgid);
        let ours: Vec<&Row> = ours.collect();
        let mut checks = match settlement.money() {
            Money::Settled => vec![stands(&ours, settlement)],
            Money::Refused | Money::Cancelled | Money::Reversed => vec![(
                ours.is_empty(),
                "账本中无此笔扣费  the ledger charges nobody for it".to_owned(),
            )],
            Money::Unknown | Money::Pending | Money::Unspecified => Vec::new(),
        };
        checks.push(unique(ledger));
        checks
    })
}

fn stands(ours: &[&Row], settlement: &Settlement) -> Check {
    let [row] = ours else {
        return (
            false,
            format!(
                "账本中有 {} 笔  the ledger has {} such rows",
                ours.len(),
                ours.len()
            ),
        );
    };
    let said = settlement.amounts.clone().unwrap_or_default();
    let booked = &row.amounts;
    let pairs = [
        (said.medfee_sumamt_fen, booked.total.0),
        (said.fund_pay_sumamt_fen, booked.fund().0),
        (said.acct_pay_fen, booked.account.0),
        (said.psn_cash_pay_fen, booked.cash.0),
        (said.balc_fen, booked.balance.0),
    ];
    let agree = pairs.iter().all(|(said, booked)| said == booked)
        && settlement.setl_id == row.setl_id
        && settlement.self_pay.as_ref().map(|pay| pay.amount_fen) == Some(booked.cash.0);
    let what = format!(
        "平台账本一致，分毫不差  the platform's ledger agrees to the fen: {} = {} + {} + {}",
        booked.total,
        booked.fund(),
        booked.account,
        booked.cash
    );
    match agree {
        true => (true, what),
        false => (
            false,
            format!(
                "answer and ledger differ: {pairs:?}, {} {}",
                settlement.setl_id, row.setl_id
            ),
        ),
    }
}

fn unique(ledger: &Ledger) -> Check {
    let duplicates = ledger.duplicates();
    let none = duplicates.msgids.is_empty()
        && duplicates.batches.is_empty()
        && duplicates.lines.is_empty()
        && duplicates.visit_numbers.is_empty();
    match none {
        true => (true, "没有重复编号  no number was used twice".to_owned()),
        false => (false, format!("numbers were used twice: {duplicates:?}")),
    }
}
