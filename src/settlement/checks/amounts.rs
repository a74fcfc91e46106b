//! The equations of `setlinfo`, in whole fen.
//!
//! E1, E2, E3 and the sum of the lines are hard, E4 over the site's reading of the funds too; E5–E9 warn
//! until the site hardens them. Source: the platform's own rule texts for 2206 and 2207.

use crate::book::Code;
use crate::settlement::amounts::Amounts;
use crate::settlement::bill::Fen;
use crate::settlement::rules::{FundReading, Rules};

/// Account rows of `setldetail` (310200, local children of it) and the hospital's share.
const ACCOUNT_FUND: &str = "3102";
const HOSPITAL_SHARE: &str = "999996";

/// Whether what 2206 previews may be shown and settled.
///
/// # Errors
/// [`Code::AmountsImbalanced`].
pub fn preview(amounts: &Amounts, bill_total: Fen, rules: &Rules) -> Result<Vec<String>, Code> {
    if amounts.medfee_sumamt != bill_total || !hard(amounts, rules) {
        return Err(Code::AmountsImbalanced);
    }
    soft(amounts, rules).map_err(|()| Code::AmountsImbalanced)
}

/// Whether what was charged is what was previewed. Names the soft checks that do not hold.
///
/// # Errors
/// [`Code::ReversedAmountsDiffer`]: it must be given back.
pub fn settled(charged: &Amounts, preview: &Amounts, rules: &Rules) -> Result<Vec<String>, Code> {
    let pairs = [
        (charged.medfee_sumamt, preview.medfee_sumamt),
        (charged.fulamt_ownpay_amt, preview.fulamt_ownpay_amt),
        (charged.overlmt_selfpay, preview.overlmt_selfpay),
        (charged.preselfpay_amt, preview.preselfpay_amt),
        (charged.inscp_scp_amt, preview.inscp_scp_amt),
        (charged.fund_pay_sumamt, preview.fund_pay_sumamt),
        (charged.acct_pay, preview.acct_pay),
        (charged.psn_cash_pay, preview.psn_cash_pay),
        (charged.hosp_part_amt, preview.hosp_part_amt),
    ];
    let as_shown = pairs
        .iter()
        .all(|(charged, shown)| charged.distance(*shown) <= rules.accept_difference.0);
    if !as_shown || !hard(charged, rules) {
        return Err(Code::ReversedAmountsDiffer);
    }
    soft(charged, rules).map_err(|()| Code::ReversedAmountsDiffer)
}

/// E2 and E3: whether who pays what makes up the total. What is given back is negative, and may.
#[must_use]
pub fn payers_add_up(a: &Amounts, reading: FundReading) -> bool {
    let Some(funds) = funds(a, reading) else {
        return false;
    };
    let payers = Fen::sum([funds, a.psn_part_amt, a.hosp_part_amt]);
    let patient = Fen::sum([a.acct_pay, a.psn_cash_pay]);
    payers == Some(a.medfee_sumamt) && patient == Some(a.psn_part_amt)
}

/// What the funds pay beside the personal account.
fn funds(a: &Amounts, reading: FundReading) -> Option<Fen> {
    match reading {
        FundReading::FundsOnly => Some(a.fund_pay_sumamt),
        FundReading::WithAccount => a.fund_pay_sumamt.checked_sub(a.acct_pay),
    }
}

/// E1 to E4.
fn hard(a: &Amounts, rules: &Rules) -> bool {
    let buckets = Fen::sum([
        a.fulamt_ownpay_amt,
        a.overlmt_selfpay,
        a.preselfpay_amt,
        a.inscp_scp_amt,
    ]);
    let Some(funds) = funds(a, rules.fund_reading) else {
        return false;
    };
    let disabled = if rules.hifdm_beside_oth {
        a.hifdm_pay
    } else {
        Fen::ZERO
    };
    let parts = Fen::sum([
        a.hifp_pay,
        a.cvlserv_pay,
        a.hifes_pay,
        a.hifmi_pay,
        a.hifob_pay,
        a.maf_pay,
        a.oth_pay,
        disabled,
    ]);
    // Nobody is paid by a settlement: who pays what is never below nothing.
    let nobody_is_paid = [funds, a.acct_pay, a.psn_cash_pay, a.hosp_part_amt]
        .into_iter()
        .all(|amount| amount >= Fen::ZERO);
    nobody_is_paid
        && buckets == Some(a.medfee_sumamt)
        && payers_add_up(a, rules.fund_reading)
        && parts == Some(funds)
}

/// E5, E6 and the sum of `setldetail`: the names of those that do not hold, or an error where the site
/// hardened one.
fn soft(a: &Amounts, rules: &Rules) -> Result<Vec<String>, ()> {
    let mut broken = Vec::new();
    if a.acct_mulaid_pay > a.acct_pay {
        broken.push("E5".to_owned());
    }
    if a.act_pay_dedc > a.inscp_scp_amt {
        broken.push("E6".to_owned());
    }
    if !a.setldetail.is_empty() && !details_add_up(a, rules) {
        broken.push("E9".to_owned());
    }
    if broken.iter().any(|name| rules.hardened.contains(name)) {
        Err(())
    } else {
        Ok(broken)
    }
}

fn details_add_up(a: &Amounts, rules: &Rules) -> bool {
    let is_fund = |kind: &str| !kind.starts_with(ACCOUNT_FUND) && kind != HOSPITAL_SHARE;
    let rows = a
        .setldetail
        .iter()
        .filter(|row| is_fund(&row.fund_pay_type));
    Fen::sum(rows.map(|row| row.fund_payamt)) == funds(a, rules.fund_reading)
}
