//! 2101 药店预结算, 2102 药店结算, 2103 its undoing. The lines travel inside the call.

use super::fees;
use super::json::{Node, Object, Unreadable};
use super::person::{insurance, psn_no, shown};
use super::request::{Expect, Missing, need};
use super::setlinfo;
use super::settle::{acct_used_flag, extension, sum_of_lines};
use super::visit::{begntime, or};
use crate::config::Profile;
use crate::settlement::bill::{DRUG_EXTRAS, Line, TraceCode};
use crate::settlement::call::{Call, Found, LineSplit, Step};
use crate::settlement::order::Order;

/// What would be charged? Nothing is written by it.
pub(super) fn pre_settle(profile: &Profile, call: &Call<'_>) -> Result<Object, Missing> {
    input(profile, call)
}

/// The money call: the same lines, with their trace codes.
pub(super) fn settle(profile: &Profile, call: &Call<'_>) -> Result<Object, Missing> {
    need(call.known.preview.as_ref(), "the amounts of 2101")?;
    input(profile, call)
}

fn input(profile: &Profile, call: &Call<'_>) -> Result<Object, Missing> {
    let known = call.known;
    let mut numbers = known.ids.feedetl_sn.iter();
    let mut rows = Vec::new();
    for line in call.order.bills.iter().flat_map(|bill| &bill.lines) {
        let row = Row {
            feedetl_sn: need(numbers.next(), "feedetl_sn of every line")?,
            begntime: begntime(call),
            is_settling: call.step == Step::Settle,
        };
        rows.push(row.write(profile, call.order, line)?);
    }
    Ok(Object::new()
        .object("druginfo", druginfo(profile, call)?)
        .list("drugdetail", rows))
}

fn druginfo(profile: &Profile, call: &Call<'_>) -> Result<Object, Missing> {
    let (known, order) = (call.known, call.order);
    let insurance = insurance(known)?;
    let bill = need(order.bills.first(), "a bill")?;
    let info = Object::new().text("psn_no", psn_no(known)?);
    let mut info = shown(profile, call)?.put(info);
    if profile.envelope.identity_fields {
        let person = need(known.person.as_ref(), "the person")?;
        info = info
            .text("psn_cert_type", &person.psn_cert_type)
            .text("certno", person.certno.expose())
            .text("psn_type", &insurance.psn_type)
            .text("psn_name", person.psn_name.expose());
    }
    info = info
        .text("begntime", begntime(call))
        .number("medfee_sumamt", sum_of_lines(call)?);
    if call.step == Step::Settle {
        info = info.text("invono", "");
    }
    Ok(info
        .text("insutype", &insurance.insutype)
        .text("dise_codg", &bill.dise_codg)
        .text("dise_name", &bill.dise_name)
        .text("acct_used_flag", acct_used_flag(order.account_use))
        .text("med_type", &order.visit.med_type)
        .text(&profile.envelope.extension_field, &extension(call)))
}

/// What all lines of a call share, and the line's own number.
pub(super) struct Row<'a> {
    pub(super) feedetl_sn: &'a str,
    pub(super) begntime: &'a str,
    /// 2102 takes the trace codes too.
    pub(super) is_settling: bool,
}

impl Row<'_> {
    pub(super) fn write(
        &self,
        profile: &Profile,
        order: &Order,
        line: &Line,
    ) -> Result<Object, Missing> {
        let visit = &order.visit;
        let row = Object::new()
            .text("feedetl_sn", self.feedetl_sn)
            .text("rxno", &line.rxno)
            .text("rx_circ_flag", or(&line.rx_circ_flag, "0"))
            .text("fee_ocur_time", or(&line.fee_ocur_time, self.begntime))
            .text("med_list_codg", &line.med_list_codg)
            .text("medins_list_codg", &line.medins_list_codg)
            .number("det_item_fee_sumamt", line.det_item_fee_sumamt)
            .number("cnt", line.cnt)
            .number("pric", line.pric);
        let row = fees::extras(row, line, &DRUG_EXTRAS[..2]);
        let row = row.number(DRUG_EXTRAS[2], fees::prd_days(line)?);
        let row = fees::extras(row, line, &DRUG_EXTRAS[3..4])
            .text("bilg_dr_codg", or(&line.bilg_dr_codg, &visit.atddr_no))
            .text("bilg_dr_name", or(&line.bilg_dr_name, &visit.dr_name));
        let row = fees::extras(row, line, &DRUG_EXTRAS[4..5]);
        let given = line.more.get(DRUG_EXTRAS[5]).map_or("", |value| value);
        let row = row.text(&profile.envelope.extension_field, given);
        if !self.is_settling || line.trace_codes.is_empty() {
            return Ok(row);
        }
        let codes = line.trace_codes.iter().map(|code| self.trace(code));
        Ok(row.list(&profile.transactions.trace_node, codes.collect()))
    }

    fn trace(&self, code: &TraceCode) -> Object {
        Object::new()
            .text("feedetl_sn", self.feedetl_sn)
            .text("drug_trac_codg", &code.drug_trac_codg)
            .text("trdn_flag", code.trdn_flag())
    }
}

/// 2101's amounts and its split. A site that splits at all splits the lines that were sent, and no other.
pub(super) fn preview(
    profile: &Profile,
    output: &Node,
    expect: &Expect,
) -> Result<Found, Unreadable> {
    let rows = output.rows("detlcutinfo")?;
    let lines: Result<Vec<LineSplit>, Unreadable> = rows.iter().map(fees::line).collect();
    let lines = lines?;
    if !lines.is_empty() {
        fees::are_those_sent("detlcutinfo", &lines, expect)?;
    }
    Ok(Found::DrugPreview {
        amounts: setlinfo::preview(profile, output, expect)?,
        lines,
    })
}
