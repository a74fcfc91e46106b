//! 3201 对总账, 3202 对明细账, and 5203 as it stands: what a reconciliation asks.

use super::json::{Node, Object, Unreadable};
use super::request::{Expect, Missing, need};
use super::setlinfo;
use crate::config::Profile;
use crate::config::profile::{Reading, StatementCount};
use crate::settlement::call::Found;
use crate::settlement::errand::{Numbers, Statement};
use crate::settlement::reconcile::row::{Looked, RefundCount, There};

/// 退费结算标志: given back, or the giving back itself.
const REFUNDED: &str = "1";
/// Characters of `stmt_rslt_dscr` that go on.
const DSCR_CHARS_MAX: usize = 200;

/// 3201.
pub(super) fn totals(profile: &Profile, statement: &Statement) -> Object {
    let totals = &statement.totals;
    let data = Object::new()
        .text("insutype", &statement.group.insutype)
        .text("clr_type", &statement.group.clr_type)
        .text("setl_optins", &statement.group.setl_optins)
        .text("stmt_begndate", statement.span.from())
        .text("stmt_enddate", statement.span.to())
        .number("medfee_sumamt", totals.total)
        .number("fund_pay_sumamt", totals.fund)
        .number("acct_pay", totals.account)
        .number("fixmedins_setl_cnt", count(profile, statement));
    Object::new().object("data", flagged(profile, data))
}

/// 3202.
pub(super) fn details(
    profile: &Profile,
    statement: &Statement,
    file_qury_no: &str,
) -> Result<Object, Missing> {
    let file_qury_no = need(
        Some(file_qury_no).filter(|number| !number.is_empty()),
        "file_qury_no",
    )?;
    let totals = &statement.totals;
    let data = Object::new()
        .text("setl_optins", &statement.group.setl_optins)
        .text("file_qury_no", file_qury_no)
        .text("stmt_begndate", statement.span.from())
        .text("stmt_enddate", statement.span.to())
        .number("medfee_sumamt", totals.total)
        .number("fund_pay_sumamt", totals.fund)
        .number("cash_payamt", totals.cash)
        .number("fixmedins_setl_cnt", count(profile, statement))
        .text("clr_type", &statement.group.clr_type);
    Ok(Object::new().object("data", flagged(profile, data)))
}

fn flagged(profile: &Profile, data: Object) -> Object {
    match profile.reconciliation.refund_flag.as_str() {
        "" => data,
        flag => data.text("fixmedins_refd_setl_flag", flag),
    }
}

fn count(profile: &Profile, statement: &Statement) -> i64 {
    statement
        .totals
        .count(match profile.reconciliation.refund_count {
            StatementCount::Add => RefundCount::Add,
            StatementCount::Skip => RefundCount::Skip,
            StatementCount::Subtract => RefundCount::Subtract,
        })
}

/// 3201's result.
pub(super) fn read_totals(output: &Node) -> Result<Found, Unreadable> {
    let missing = || Unreadable::at("stmtinfo", "is missing");
    let info = output.object("stmtinfo")?.ok_or_else(missing)?;
    let dscr = info.text("stmt_rslt_dscr")?;
    Ok(Found::Totals {
        stmt_rslt: info.short_required("stmt_rslt")?,
        dscr: dscr.chars().take(DSCR_CHARS_MAX).collect(),
    })
}

/// 3202's file.
pub(super) fn read_file(output: &Node) -> Result<Found, Unreadable> {
    let missing = || Unreadable::at("fileinfo", "is missing");
    let info = output.object("fileinfo")?.ok_or_else(missing)?;
    Ok(Found::File {
        file_qury_no: info.short_required("file_qury_no")?,
        filename: info.name("filename")?,
    })
}

/// 5203, also without a 结算ID.
pub(super) fn look(numbers: &Numbers) -> Result<Object, Missing> {
    let there = |text: &str| !text.is_empty();
    need(Some(&numbers.psn_no).filter(|n| there(n)), "psn_no")?;
    need(Some(&numbers.mdtrt_id).filter(|n| there(n)), "mdtrt_id")?;
    let data = Object::new()
        .text("psn_no", &numbers.psn_no)
        .text("setl_id", &numbers.setl_id)
        .text("mdtrt_id", &numbers.mdtrt_id);
    Ok(Object::new().object("data", data))
}

/// The row that was asked for: by its 结算ID, else by its msgid.
pub(super) fn read_look(
    profile: &Profile,
    output: Option<&Node>,
    expect: &Expect,
) -> Result<Looked, Unreadable> {
    let rows = match output {
        Some(output) => output.rows("setlinfo")?,
        None => Vec::new(),
    };
    let Some(output) = output.filter(|_| !rows.is_empty()) else {
        return Ok(looked(profile.enquiry.empty_output));
    };
    for row in &rows {
        setlinfo::is_ours(row, expect)?;
        let (key, wanted) = match expect.setl_id.is_empty() {
            false => ("setl_id", &expect.setl_id),
            true => ("medins_setl_id", &expect.settle_msgid),
        };
        if row.short(key)? == *wanted {
            return there(profile, row, output).map(Looked::There);
        }
    }
    Ok(looked(profile.enquiry.other_rows))
}

fn there(profile: &Profile, row: &Node, output: &Node) -> Result<There, Unreadable> {
    let settled = setlinfo::settlement(profile, row, output)?;
    let amounts = settled.amounts;
    Ok(There {
        setl_id: settled.setl_id,
        msgid: settled.medins_setl_id,
        setl_time: settled.setl_time,
        refunded: row.short("refd_setl_flag")? == REFUNDED,
        total: amounts.medfee_sumamt,
        fund: amounts.fund_pay_sumamt,
        account: amounts.acct_pay,
        cash: amounts.psn_cash_pay,
    })
}

/// What a refusal of 5203 means.
pub(super) fn look_refused(profile: &Profile, text: &str) -> Option<Looked> {
    let says_nothing = &profile.enquiry.nothing;
    let nothing = says_nothing.iter().any(|part| text.contains(part.as_str()));
    nothing.then_some(Looked::Nothing)
}

fn looked(reading: Reading) -> Looked {
    match reading {
        Reading::Nothing => Looked::Nothing,
        Reading::Reversed | Reading::Unclear => Looked::Unclear,
    }
}
