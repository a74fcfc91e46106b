//! 2201 门诊挂号, 2202 its undoing, 2203 and 2203A 就诊信息上传.

use super::json::{Node, Object, Unreadable};
use super::person::{insurance, psn_no, shown};
use super::request::{Expect, Missing, need};
use crate::config::Profile;
use crate::settlement::call::Call;
use crate::settlement::known::Known;

/// 有效标志: the diagnosis stands.
const VALID: &str = "1";

/// Makes a visit. Each call makes another one.
pub(super) fn register(profile: &Profile, call: &Call<'_>) -> Result<Object, Missing> {
    let (known, visit) = (call.known, &call.order.visit);
    let insurance = insurance(known)?;
    let data = Object::new()
        .text("psn_no", psn_no(known)?)
        .text("insutype", &insurance.insutype)
        .text("begntime", begntime(call));
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
        .text("ipt_otp_no", &known.ids.ipt_otp_no)
        .text("atddr_no", &visit.atddr_no)
        .text("dr_name", &visit.dr_name)
        .text("dept_code", &visit.dept_code)
        .text("dept_name", &visit.dept_name)
        .text("caty", &visit.caty)
        .text(&profile.envelope.extension_field, "");
    Ok(Object::new().object("data", data))
}

/// 就诊ID of the visit that was made.
pub(super) fn read_registered(output: &Node, expect: &Expect) -> Result<String, Unreadable> {
    let data = output.object("data")?;
    let data = data.ok_or_else(|| Unreadable::at("data", "is missing"))?;
    same(&data, "psn_no", &expect.psn_no)?;
    same(&data, "ipt_otp_no", &expect.ipt_otp_no)?;
    data.short_required("mdtrt_id")
}

/// An answer that names another visit or person is not the answer to this message.
pub(super) fn same(node: &Node, key: &str, expected: &str) -> Result<(), Unreadable> {
    let seen = node.text(key)?;
    if seen.is_empty() || expected.is_empty() || seen == expected {
        Ok(())
    } else {
        Err(Unreadable::at(key, "is not that of the request"))
    }
}

/// Takes the visit back.
pub(super) fn undo(profile: &Profile, call: &Call<'_>) -> Result<Object, Missing> {
    let data = Object::new()
        .text("psn_no", psn_no(call.known)?)
        .text("mdtrt_id", mdtrt_id(call.known)?)
        .text("ipt_otp_no", &call.known.ids.ipt_otp_no)
        .text(&profile.envelope.extension_field, "");
    Ok(Object::new().object("data", data))
}

/// 就诊ID.
pub(super) fn mdtrt_id(known: &Known) -> Result<&str, Missing> {
    need(known.mdtrt_id.as_deref(), "mdtrt_id")
}

/// When the visit began.
pub(super) fn begntime<'a>(call: &Call<'a>) -> &'a str {
    or(&call.order.visit.begntime, &call.known.ids.accepted)
}

/// The first that is not empty.
pub(super) fn or<'a>(first: &'a str, second: &'a str) -> &'a str {
    if first.is_empty() { second } else { first }
}

/// The visit and its diagnoses.
pub(super) fn info(profile: &Profile, call: &Call<'_>) -> Result<Object, Missing> {
    let visit = &call.order.visit;
    let bill = need(call.order.bills.first(), "a bill")?;
    let mut mdtrtinfo = Object::new()
        .text("mdtrt_id", mdtrt_id(call.known)?)
        .text("psn_no", psn_no(call.known)?)
        .text("med_type", &visit.med_type)
        .text("begntime", begntime(call))
        .text("main_cond_dscr", &visit.main_cond_dscr)
        .text("dise_type_code", "")
        .text("dise_codg", &bill.dise_codg)
        .text("dise_name", &bill.dise_name)
        .text("birctrl_type", "")
        .text("birctrl_matn_date", "");
    if profile.transactions.visit_info == "2203A" {
        mdtrtinfo = mdtrtinfo.text("matn_type", "").number("geso_val", 0);
    }
    let mdtrtinfo = mdtrtinfo.text(&profile.envelope.extension_field, "");
    let diagnoses = visit.diagnoses.iter().zip(1_u32..);
    let diseinfo = diagnoses
        .map(|(diagnosis, place)| {
            Object::new()
                .text("diag_type", &diagnosis.diag_type)
                .number("diag_srt_no", place)
                .text("diag_code", &diagnosis.diag_code)
                .text("diag_name", &diagnosis.diag_name)
                .text("diag_dept", &visit.dept_code)
                .text("dise_dor_no", &visit.atddr_no)
                .text("dise_dor_name", &visit.dr_name)
                .text("diag_time", or(&diagnosis.diag_time, begntime(call)))
                .text("vali_flag", VALID)
        })
        .collect();
    Ok(Object::new()
        .object("mdtrtinfo", mdtrtinfo)
        .list("diseinfo", diseinfo))
}
