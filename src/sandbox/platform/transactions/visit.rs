//! 2201, 2202, 2203.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::person;
use crate::sandbox::platform::clock;
use crate::sandbox::platform::envelope::{Call, Refusal};
use crate::sandbox::platform::faults::Hits;
use crate::sandbox::platform::ledger::{Settlement, Visit};
use crate::sandbox::platform::money::text_of;
use crate::sandbox::platform::world::World;

/// Every call makes another visit.
pub(super) fn register(world: &mut World, call: &Call<'_>, hits: &Hits) -> Result<Value, Refusal> {
    let person = person::entitled(world, call, hits)?;
    let serial = world.next_serial();
    let mdtrt_id = format!(
        "{}{}{serial:06}",
        world.options.area,
        clock::compact(call.now)
    );
    let ipt_otp_no = call.data("ipt_otp_no").to_owned();
    let seen = world
        .ledger
        .visit_numbers_seen
        .entry(ipt_otp_no.clone())
        .or_default();
    *seen += 1;
    if *seen > 1 {
        world
            .ledger
            .warn("住院/门诊号重复登记 ipt_otp_no".to_owned());
    }
    let visit = Visit {
        mdtrt_id: mdtrt_id.clone(),
        psn_no: person.psn_no.clone(),
        ipt_otp_no: ipt_otp_no.clone(),
        insutype: call.data("insutype").to_owned(),
        mdtrt_cert_type: call.data("mdtrt_cert_type").to_owned(),
        begntime: call.data("begntime").to_owned(),
        med_type: None,
        dise_codg: String::new(),
        desk: ["dept_code", "dept_name", "atddr_no", "dr_name"].map(|f| call.data(f).to_owned()),
        diagnoses: BTreeMap::new(),
        cancelled: false,
    };
    world.ledger.visits.insert(mdtrt_id.clone(), visit);
    Ok(json!({
        "data": {
            "mdtrt_id": mdtrt_id,
            "psn_no": person.psn_no,
            "ipt_otp_no": ipt_otp_no,
            "exp_content": null,
        }
    }))
}

pub(super) fn unregister(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let mdtrt_id = call.data("mdtrt_id");
    let visit = open_visit(world, mdtrt_id, call.data("psn_no"))?;
    if visit.ipt_otp_no != call.data("ipt_otp_no") {
        return Err(Refusal::new("住院/门诊号与登记不一致[ipt_otp_no]"));
    }
    if world
        .ledger
        .settlements_of(mdtrt_id)
        .any(Settlement::is_live)
    {
        return Err(Refusal::new(
            "该就诊存在有效结算信息，不允许撤销挂号[mdtrt_id]",
        ));
    }
    if world.ledger.lines_of(mdtrt_id).next().is_some() {
        return Err(Refusal::new(
            "该就诊存在未撤销的费用明细，不允许撤销挂号[mdtrt_id]",
        ));
    }
    if let Some(visit) = world.ledger.visits.get_mut(mdtrt_id) {
        visit.cancelled = true;
    }
    Ok(Value::Null)
}

/// Diagnoses are written over by diag_srt_no, and voided by vali_flag 0.
pub(super) fn describe(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let field = |name: &str| call.text("mdtrtinfo", name);
    let mdtrt_id = field("mdtrt_id");
    open_visit(world, mdtrt_id, field("psn_no"))?;
    let settled = world
        .ledger
        .settlements_of(mdtrt_id)
        .any(Settlement::is_live);
    let visit = world
        .ledger
        .visits
        .get_mut(mdtrt_id)
        .expect("an open visit exists");
    let med_type = field("med_type");
    if settled
        && visit
            .med_type
            .as_deref()
            .is_some_and(|known| known != med_type)
    {
        return Err(Refusal::new("该就诊已结算，不允许变更医疗类别[med_type]"));
    }
    visit.med_type = Some(med_type.to_owned());
    visit.dise_codg = field("dise_codg").to_owned();
    let rows = call
        .input
        .get("diseinfo")
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    for row in rows {
        let text = |name: &str| {
            row.get(name)
                .and_then(Value::as_str)
                .unwrap_or("")
                .to_owned()
        };
        let order = row.get("diag_srt_no").and_then(text_of).unwrap_or_default();
        if text("vali_flag") == "1" {
            visit
                .diagnoses
                .insert(order, (text("diag_code"), text("diag_name")));
        } else {
            visit.diagnoses.remove(&order);
        }
    }
    Ok(Value::Null)
}

/// The visit, if it is this person's and was not taken back.
pub(super) fn open_visit(world: &World, mdtrt_id: &str, psn_no: &str) -> Result<Visit, Refusal> {
    let Some(visit) = world.ledger.visits.get(mdtrt_id) else {
        return Err(Refusal::new("就诊登记信息不存在[mdtrt_id]"));
    };
    if visit.psn_no != psn_no {
        return Err(Refusal::new("就诊ID与人员编号不一致[mdtrt_id]"));
    }
    if visit.cancelled {
        return Err(Refusal::new("就诊登记已撤销[mdtrt_id]"));
    }
    let is_sale = |row: &Settlement| row.infno == "2102";
    if world.ledger.settlements_of(mdtrt_id).any(is_sale) {
        return Err(Refusal::new("药店购药就诊不支持该交易[mdtrt_id]"));
    }
    Ok(visit.clone())
}
