//! What became of it: 5201 就诊信息查询, 5203 结算信息查询, 2601 冲正交易.

use super::json::{Node, Object, Unreadable};
use super::person::psn_no;
use super::request::{Expect, Missing, is_pharmacy, need};
use super::setlinfo;
use super::visit::{begntime, mdtrt_id};
use crate::config::Profile;
use crate::config::profile::Reading;
use crate::settlement::call::{Call, Enquiry, Found, FoundVisit, Looked, Reversal};

/// 退费结算标志: given back.
const REFUNDED: &str = "1";
/// `yyyy-MM-dd`.
const DATE_CHARS: usize = 10;

/// Which visits has this person here on the day of the order?
pub(super) fn visits(call: &Call<'_>) -> Result<Object, Missing> {
    let day = begntime(call)
        .get(..DATE_CHARS)
        .ok_or(Missing("when the visit began"))?;
    let data = Object::new()
        .text("psn_no", psn_no(call.known)?)
        .text("begntime", &format!("{day} 00:00:00"))
        .text("endtime", &format!("{day} 23:59:59"))
        .text("med_type", &call.order.visit.med_type)
        .text("mdtrt_id", "");
    Ok(Object::new().object("data", data))
}

/// The visits that the answer lists.
pub(super) fn read_visits(output: &Node, expect: &Expect) -> Result<Vec<FoundVisit>, Unreadable> {
    let rows = output.rows("mdtrtinfo")?;
    rows.iter()
        .map(|row| {
            super::visit::same(row, "psn_no", &expect.psn_no)?;
            Ok(FoundVisit {
                mdtrt_id: row.short_required("mdtrt_id")?,
                ipt_otp_no: row.short("ipt_otp_no")?,
            })
        })
        .collect()
}

/// Is there a settlement of this visit? By its number when that is known. A pharmacy's visit has a number only
/// once it is settled: before that the person alone is asked about.
pub(super) fn settlement(call: &Call<'_>) -> Result<Object, Missing> {
    let setl_id = call.known.settled.as_ref().map_or("", |s| &s.setl_id);
    let visit_no = match mdtrt_id(call.known) {
        Err(_) if is_pharmacy(call) => "",
        found => found?,
    };
    let data = Object::new()
        .text("psn_no", psn_no(call.known)?)
        .text("setl_id", setl_id)
        .text("mdtrt_id", visit_no);
    Ok(Object::new().object("data", data))
}

/// Looks for our settling call among the rows of 5203.
pub(super) fn read_settlement(
    profile: &Profile,
    output: Option<&Node>,
    expect: &Expect,
) -> Result<Enquiry, Unreadable> {
    let rows = match output {
        Some(output) => output.rows("setlinfo")?,
        None => Vec::new(),
    };
    let Some(output) = output.filter(|_| !rows.is_empty()) else {
        return Ok(enquiry(profile.enquiry.empty_output));
    };
    for row in &rows {
        setlinfo::is_ours(row, expect)?;
    }
    let ours: Result<Vec<bool>, Unreadable> = rows.iter().map(|row| is_it(row, expect)).collect();
    let ours: Vec<&Node> = rows
        .iter()
        .zip(ours?)
        .filter(|(_, is)| *is)
        .map(|(row, _)| row)
        .collect();
    let mut refunded = false;
    for row in &ours {
        refunded |= row.short("refd_setl_flag")? == REFUNDED;
    }
    match ours.first() {
        // A lost 2102 is asked for by the person alone: other rows of a person say nothing of it.
        None if expect.mdtrt_id.is_empty() && expect.setl_id.is_empty() => Ok(Enquiry::Unclear),
        None => Ok(enquiry(profile.enquiry.other_rows)),
        Some(_) if refunded => Ok(Enquiry::Refunded),
        Some(row) => {
            let mut settled = setlinfo::settlement(profile, row, output)?;
            if rows.len() > 1 {
                // The parts of several settlements cannot be told apart.
                settled.amounts.setldetail.clear();
            }
            Ok(Enquiry::Found(settled))
        }
    }
}

/// The settlement that was asked for by its number, given back or not.
pub(super) fn look(
    profile: &Profile,
    output: Option<&Node>,
    expect: &Expect,
) -> Result<Found, Unreadable> {
    let rows = match output {
        Some(output) => output.rows("setlinfo")?,
        None => Vec::new(),
    };
    let Some(output) = output.filter(|_| !rows.is_empty()) else {
        return Ok(Found::Enquiry(enquiry(profile.enquiry.empty_output)));
    };
    for row in &rows {
        setlinfo::is_ours(row, expect)?;
        if row.short("setl_id")? != expect.setl_id {
            continue;
        }
        let mut settled = setlinfo::settlement(profile, row, output)?;
        if rows.len() > 1 {
            // The parts of several settlements cannot be told apart.
            settled.amounts.setldetail.clear();
        }
        return Ok(Found::Looked(Looked {
            settled,
            is_refunded: row.short("refd_setl_flag")? == REFUNDED,
            fixmedins_code: row.short("fixmedins_code")?,
        }));
    }
    Ok(Found::Enquiry(enquiry(profile.enquiry.other_rows)))
}

/// Whether a row is the settlement that is looked for: by our msgid, else by its number.
fn is_it(row: &Node, expect: &Expect) -> Result<bool, Unreadable> {
    let medins_setl_id = row.short("medins_setl_id")?;
    if !medins_setl_id.is_empty() && !expect.settle_msgid.is_empty() {
        return Ok(medins_setl_id == expect.settle_msgid);
    }
    Ok(!expect.setl_id.is_empty() && row.short("setl_id")? == expect.setl_id)
}

/// What a refusal of 5203 means.
pub(super) fn settlement_refused(profile: &Profile, text: &str) -> Enquiry {
    if profile
        .enquiry
        .nothing
        .iter()
        .any(|p| text.contains(p.as_str()))
    {
        Enquiry::NothingThere
    } else {
        Enquiry::Unclear
    }
}

fn enquiry(reading: Reading) -> Enquiry {
    match reading {
        Reading::Nothing => Enquiry::NothingThere,
        // That it was given back is told by a row and its flag only.
        Reading::Reversed | Reading::Unclear => Enquiry::Unclear,
    }
}

/// Takes back a settling call whose answer was lost.
pub(super) fn reverse(call: &Call<'_>) -> Result<Object, Missing> {
    let known = call.known;
    let data = Object::new()
        .text("psn_no", psn_no(known)?)
        .text("omsgid", need(known.settle_msgid.as_deref(), "omsgid")?)
        .text("oinfno", need(known.settle_infno.as_deref(), "oinfno")?);
    Ok(Object::new().object("data", data))
}

/// What success of 2601 means at this site.
pub(super) fn reversed(profile: &Profile) -> Reversal {
    match profile.reversal.success {
        Reading::Reversed => Reversal::Reversed,
        Reading::Nothing | Reading::Unclear => Reversal::Unclear,
    }
}

/// What a refusal of 2601 means.
pub(super) fn reverse_refused(profile: &Profile, text: &str) -> Reversal {
    let has = |patterns: &[String]| patterns.iter().any(|p| text.contains(p.as_str()));
    if has(&profile.reversal.reversed) {
        Reversal::Reversed
    } else if has(&profile.reversal.nothing) {
        Reversal::NothingThere
    } else {
        Reversal::Unclear
    }
}
