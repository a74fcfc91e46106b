//! 2206 门诊预结算, 2207 门诊结算, 2208 its undoing; the A forms have the same fields, and 2103 those of 2208.

use super::json::Object;
use super::person::{insurance, psn_no, shown};
use super::request::{Missing, need};
use super::visit::mdtrt_id;
use crate::config::Profile;
use crate::settlement::bill::Fen;
use crate::settlement::call::Call;
use crate::settlement::order::AccountUse;

/// What would be charged?
pub(super) fn pre_settle(profile: &Profile, call: &Call<'_>) -> Result<Object, Missing> {
    let known = call.known;
    let insurance = insurance(known)?;
    let data = Object::new().text("psn_no", psn_no(known)?);
    let mut data = shown(profile, call)?.put(data);
    if profile.envelope.identity_fields {
        let person = need(known.person.as_ref(), "the person")?;
        data = data
            .text("psn_cert_type", &person.psn_cert_type)
            .text("certno", person.certno.expose())
            .text("psn_type", &insurance.psn_type)
            .text("psn_name", person.psn_name.expose());
    }
    let data = data
        .text("med_type", &call.order.visit.med_type)
        .number("medfee_sumamt", sum_of_lines(call)?)
        .text("psn_setlway", &profile.transactions.psn_setlway)
        .text("mdtrt_id", mdtrt_id(known)?)
        .text("chrg_bchno", &known.ids.chrg_bchno)
        .text("acct_used_flag", acct_used_flag(call.order.account_use))
        .text("insutype", &insurance.insutype)
        .text(&profile.envelope.extension_field, &extension(call));
    Ok(Object::new().object("data", data))
}

/// The money call. What 2206 answered goes back unchanged.
pub(super) fn settle(profile: &Profile, call: &Call<'_>) -> Result<Object, Missing> {
    let known = call.known;
    let preview = need(known.preview.as_ref(), "the amounts of 2206")?;
    let data = Object::new().text("psn_no", psn_no(known)?);
    let mut data = shown(profile, call)?.put(data);
    if profile.envelope.identity_fields {
        let person = need(known.person.as_ref(), "the person")?;
        data = data
            .text("psn_cert_type", &person.psn_cert_type)
            .text("certno", person.certno.expose());
    }
    let data = data
        .text("med_type", &call.order.visit.med_type)
        .number("medfee_sumamt", sum_of_lines(call)?)
        .text("psn_setlway", &profile.transactions.psn_setlway)
        .text("mdtrt_id", mdtrt_id(known)?)
        .text("chrg_bchno", &known.ids.chrg_bchno)
        .text("insutype", &insurance(known)?.insutype)
        .text("acct_used_flag", acct_used_flag(call.order.account_use))
        .text("invono", "")
        .number("fulamt_ownpay_amt", preview.fulamt_ownpay_amt)
        .number("overlmt_selfpay", preview.overlmt_selfpay)
        .number("preselfpay_amt", preview.preselfpay_amt)
        .number("inscp_scp_amt", preview.inscp_scp_amt)
        .text(&profile.envelope.extension_field, &extension(call));
    Ok(Object::new().object("data", data))
}

/// Gives back what was charged.
pub(super) fn undo(profile: &Profile, call: &Call<'_>) -> Result<Object, Missing> {
    let settled = need(call.known.settled.as_ref(), "the settlement")?;
    if settled.setl_id.is_empty() {
        return Err(Missing("setl_id"));
    }
    let data = Object::new()
        .text("setl_id", &settled.setl_id)
        .text("mdtrt_id", mdtrt_id(call.known)?)
        .text("psn_no", psn_no(call.known)?)
        .text(&profile.envelope.extension_field, "");
    Ok(Object::new().object("data", data))
}

/// 医疗费总额: the lines of all bills.
pub(super) fn sum_of_lines(call: &Call<'_>) -> Result<Fen, Missing> {
    let lines = call.order.bills.iter().flat_map(|bill| &bill.lines);
    Fen::sum(lines.map(|line| line.det_item_fee_sumamt)).ok_or(Missing("a sum that fits"))
}

/// 个人账户使用标志.
pub(super) fn acct_used_flag(account_use: AccountUse) -> &'static str {
    match account_use {
        AccountUse::No => "0",
        AccountUse::Own => "1",
        AccountUse::Shared => "2",
    }
}

/// The caller's fields as JSON text; 2206 gets the same as 2207, so that it previews the same.
pub(super) fn extension(call: &Call<'_>) -> String {
    let fields = &call.order.extension;
    if fields.is_empty() {
        return String::new();
    }
    fields
        .iter()
        .fold(Object::new(), |object, (key, value)| {
            object.text(key, value)
        })
        .finish()
}
