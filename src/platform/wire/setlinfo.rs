//! `setlinfo` and `setldetail` of 2206, 2207, 2208 and 5203.

use super::json::{Node, Unreadable};
use super::request::Expect;
use super::visit::same;
use crate::config::Profile;
use crate::settlement::amounts::{Amounts, FundPart};
use crate::settlement::bill::Fen;
use crate::settlement::call::{Found, Settled};

/// 2206's amounts.
pub(super) fn preview(
    profile: &Profile,
    output: &Node,
    expect: &Expect,
) -> Result<Amounts, Unreadable> {
    let info = setlinfo(output)?;
    is_ours(&info, expect)?;
    amounts(profile, &info, output, Null::IsNothing)
}

/// What 2207 charged. It must not name another settling call.
pub(super) fn settled(
    profile: &Profile,
    output: &Node,
    expect: &Expect,
) -> Result<Settled, Unreadable> {
    let info = setlinfo(output)?;
    is_ours(&info, expect)?;
    same(&info, "medins_setl_id", &expect.msgid)?;
    settlement(profile, &info, output)
}

/// A `setlinfo` that stands.
pub(super) fn settlement(
    profile: &Profile,
    info: &Node,
    output: &Node,
) -> Result<Settled, Unreadable> {
    Ok(Settled {
        setl_id: info.short_required("setl_id")?,
        mdtrt_id: info.short("mdtrt_id")?,
        medins_setl_id: info.short("medins_setl_id")?,
        setl_time: info.short("setl_time")?,
        insutype: info.short("insutype")?,
        clr_type: info.short("clr_type")?,
        clr_way: info.short("clr_way")?,
        clr_optins: info.short("clr_optins")?,
        amounts: amounts(profile, info, output, Null::IsNothing)?,
        setlinfo: output.raw("setlinfo").unwrap_or_default().to_owned(),
        setldetail: output.raw("setldetail").unwrap_or_default().to_owned(),
    })
}

/// What 2208 gave back: a settlement of its own with negative amounts.
pub(super) fn refunded(
    profile: &Profile,
    output: &Node,
    expect: &Expect,
) -> Result<Found, Unreadable> {
    let info = setlinfo(output)?;
    is_ours(&info, expect)?;
    Ok(Found::Refunded {
        setl_id: info.short_required("setl_id")?,
        setl_time: info.short("setl_time")?,
        amounts: amounts(profile, &info, output, Null::IsRebuilt)?,
    })
}

fn setlinfo(output: &Node) -> Result<Node, Unreadable> {
    output
        .object("setlinfo")?
        .ok_or_else(|| Unreadable::at("setlinfo", "is missing"))
}

/// Person and visit must be those of the request.
pub(super) fn is_ours(info: &Node, expect: &Expect) -> Result<(), Unreadable> {
    same(info, "psn_no", &expect.psn_no)?;
    same(info, "mdtrt_id", &expect.mdtrt_id)
}

/// What an absent `psn_part_amt` or `hosp_part_amt` means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Null {
    /// Nothing: the equations are checked with it.
    IsNothing,
    /// It was left out, as 2208 does, and follows from E2 and E3.
    IsRebuilt,
}

/// The amounts, whatever the transaction calls them.
pub(super) fn amounts(
    profile: &Profile,
    info: &Node,
    output: &Node,
    null: Null,
) -> Result<Amounts, Unreadable> {
    let fen = |key: &str| info.fen(key);
    let medfee_sumamt = info.fen_required("medfee_sumamt")?;
    let fund_pay_sumamt = fen("fund_pay_sumamt")?;
    let acct_pay = fen("acct_pay")?;
    // 2208's table misprints the cash field, 5203 has names of its own.
    let psn_cash_pay = first(info, &["psn_cash_pay", "pdn_cash_pay", "cash_payamt"])?;
    let psn_cash_pay = psn_cash_pay.unwrap_or(Fen::ZERO);
    let psn_part_amt = match first(info, &["psn_part_amt", "psn_pay"])? {
        Some(amount) => amount,
        None => total(&[acct_pay, psn_cash_pay], &[])?,
    };
    let hosp_part_amt = match (info.fen_option("hosp_part_amt")?, null) {
        (Some(amount), _) => amount,
        (None, Null::IsNothing) => Fen::ZERO,
        // Where the funds contain the account, the patient's own part is the cash alone.
        (None, Null::IsRebuilt) if profile.amounts.fund_contains_account => {
            total(&[medfee_sumamt], &[fund_pay_sumamt, psn_cash_pay])?
        }
        (None, Null::IsRebuilt) => total(&[medfee_sumamt], &[fund_pay_sumamt, psn_part_amt])?,
    };
    Ok(Amounts {
        medfee_sumamt,
        fulamt_ownpay_amt: fen("fulamt_ownpay_amt")?,
        overlmt_selfpay: fen("overlmt_selfpay")?,
        preselfpay_amt: fen("preselfpay_amt")?,
        inscp_scp_amt: fen("inscp_scp_amt")?,
        act_pay_dedc: fen("act_pay_dedc")?,
        hifp_pay: fen("hifp_pay")?,
        cvlserv_pay: fen("cvlserv_pay")?,
        hifes_pay: fen("hifes_pay")?,
        hifmi_pay: fen("hifmi_pay")?,
        hifob_pay: fen("hifob_pay")?,
        maf_pay: fen("maf_pay")?,
        hifdm_pay: fen("hifdm_pay")?,
        oth_pay: fen("oth_pay")?,
        fund_pay_sumamt,
        psn_part_amt,
        acct_pay,
        acct_mulaid_pay: fen("acct_mulaid_pay")?,
        psn_cash_pay,
        hosp_part_amt,
        balc: fen("balc")?,
        setldetail: setldetail(output)?,
    })
}

/// The first of these fields that has a value.
fn first(info: &Node, keys: &[&str]) -> Result<Option<Fen>, Unreadable> {
    for key in keys {
        if let Some(amount) = info.fen_option(key)? {
            return Ok(Some(amount));
        }
    }
    Ok(None)
}

fn total(plus: &[Fen], minus: &[Fen]) -> Result<Fen, Unreadable> {
    let sum = Fen::sum(plus.iter().copied()).and_then(|sum| {
        minus
            .iter()
            .try_fold(sum, |sum, amount| sum.checked_sub(*amount))
    });
    sum.ok_or_else(|| Unreadable::at("setlinfo", "has amounts too large"))
}

fn setldetail(output: &Node) -> Result<Vec<FundPart>, Unreadable> {
    let rows = output.rows("setldetail")?;
    rows.iter()
        .map(|row| {
            Ok(FundPart {
                fund_pay_type: row.short("fund_pay_type")?,
                fund_pay_type_name: row.name("fund_pay_type_name")?,
                fund_payamt: row.fen("fund_payamt")?,
            })
        })
        .collect()
}
