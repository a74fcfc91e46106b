//! 5201 and 5203.

use serde_json::{Map, Value, json};

use super::rows;
use crate::sandbox::platform::clock;
use crate::sandbox::platform::envelope::{Call, Refusal};
use crate::sandbox::platform::faults::{Hits, Kind};
use crate::sandbox::platform::ledger::{Settlement, Visit};
use crate::sandbox::platform::world::World;

/// A visit whose kind is not known yet (before 2203) is shown under every med_type.
pub(super) fn visits(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let span = [call.data("begntime"), call.data("endtime")].map(clock::parse_spaced);
    let [Some(from), Some(to)] = span else {
        return Err(Refusal::new("查询时间格式不正确[begntime]"));
    };
    if to < from {
        return Err(Refusal::new("结束时间早于开始时间[endtime]"));
    }
    let (psn_no, med_type, mdtrt_id) = (
        call.data("psn_no"),
        call.data("med_type"),
        call.data("mdtrt_id"),
    );
    let meant = |visit: &&Visit| {
        visit.psn_no == psn_no
            && !visit.cancelled
            && (mdtrt_id.is_empty() || visit.mdtrt_id == mdtrt_id)
            && visit
                .med_type
                .as_deref()
                .is_none_or(|known| known == med_type)
            && clock::parse_spaced(&visit.begntime).is_some_and(|at| from <= at && at <= to)
    };
    let found: Vec<Value> = world
        .ledger
        .visits
        .values()
        .filter(meant)
        .map(|visit| mdtrtinfo(world, visit, med_type, call))
        .collect();
    Ok(json!({ "mdtrtinfo": found }))
}

fn mdtrtinfo(world: &World, visit: &Visit, med_type: &str, call: &Call<'_>) -> Value {
    let person = world
        .person_of(&visit.psn_no)
        .expect("only known persons have visits");
    let insurance = person
        .insurance(&visit.insutype)
        .unwrap_or_else(|| person.main_insurance());
    let diagnoses: Vec<&str> = visit
        .diagnoses
        .values()
        .map(|(_, name)| name.as_str())
        .collect();
    json!({
        "mdtrt_id": visit.mdtrt_id,
        "psn_no": visit.psn_no,
        "psn_cert_type": "01",
        "certno": person.idno,
        "psn_name": person.name,
        "gend": person.gend,
        "naty": "01",
        "brdy": person.born,
        "age": rows::age(person, call.now),
        "insutype": visit.insutype,
        "psn_type": insurance.psn_type,
        "maf_psn_flag": "0",
        "cvlserv_flag": insurance.cvlserv,
        "flxempe_flag": "0",
        "nwb_flag": "0",
        "insu_optins": insurance.insuplc,
        "emp_name": insurance.employer,
        "begntime": visit.begntime,
        "endtime": visit.begntime,
        "mdtrt_cert_type": visit.mdtrt_cert_type,
        "med_type": visit.med_type.as_deref().unwrap_or(med_type),
        "ipt_otp_no": visit.ipt_otp_no,
        "adm_dept_codg": visit.desk[0],
        "adm_dept_name": visit.desk[1],
        "atddr_no": visit.desk[2],
        "chfpdr_name": visit.desk[3],
        "dise_codg": visit.dise_codg,
        "otp_diag_info": diagnoses.join(","),
        "inhosp_stas": null,
        "memo": null,
    })
}

/// With setl_id one settlement; without, where allowed, all of the visit that were not reversed:
/// one as an object, several as a list.
pub(super) fn settlements(
    world: &mut World,
    call: &Call<'_>,
    hits: &Hits,
) -> Result<Value, Refusal> {
    let (psn_no, setl_id, mdtrt_id) = (
        call.data("psn_no"),
        call.data("setl_id"),
        call.data("mdtrt_id"),
    );
    if setl_id.is_empty() {
        let said = hits
            .value(Kind::QueryWithoutSetlId, 0)
            .map(|value| value == 1);
        if !said.unwrap_or(world.switches.query_without_setl_id) {
            return Err(Refusal::new("结算ID不能为空[setl_id]"));
        }
    }
    if mdtrt_id.is_empty() && !world.switches.query_by_person {
        return Err(Refusal::new("就诊ID不能为空[mdtrt_id]"));
    }
    let meant = |row: &&Settlement| {
        row.psn_no == psn_no && !row.reversed && (setl_id.is_empty() || row.setl_id == setl_id)
    };
    let ledger = &world.ledger;
    let found: Vec<&Settlement> = if mdtrt_id.is_empty() {
        ledger.settlements.iter().filter(meant).collect()
    } else {
        ledger.settlements_of(mdtrt_id).filter(meant).collect()
    };
    let inside = world.switches.fund_includes_account || hits.has(Kind::FundWithAccount);
    match found.as_slice() {
        [] if world.switches.query_empty_refused => Err(Refusal::new("未查询到结算信息[setl_id]")),
        [] => Ok(json!({ "setlinfo": null, "setldetail": [] })),
        [row] => Ok(json!({
            "setlinfo": queried(world, row, inside, call),
            "setldetail": rows::setldetail(row),
        })),
        many => {
            let infos: Vec<_> = many
                .iter()
                .map(|row| queried(world, row, inside, call))
                .collect();
            let details: Vec<Value> = many.iter().flat_map(|row| rows::setldetail(row)).collect();
            Ok(json!({ "setlinfo": infos, "setldetail": details }))
        }
    }
}

/// 5203 says psn_pay and cash_payamt where 2207 says psn_part_amt and psn_cash_pay.
fn queried(world: &World, row: &Settlement, inside: bool, call: &Call<'_>) -> Map<String, Value> {
    let person = world
        .person_of(&row.psn_no)
        .expect("only known persons are charged");
    let mut info = rows::setlinfo(world, person, row, inside, call.now);
    for (other, name) in [("psn_part_amt", "psn_pay"), ("psn_cash_pay", "cash_payamt")] {
        if let Some(amount) = info.shift_remove(other) {
            info.insert(name.to_owned(), amount);
        }
    }
    let day = row.setl_time.get(..10).unwrap_or_default();
    let more = json!({
        "pay_loc": "2",
        "fixmedins_code": world.options.fixmedins_code,
        "fixmedins_name": world.options.fixmedins_name,
        "hosp_lv": "2",
        "begndate": day,
        "enddate": day,
        "refd_setl_flag": if row.refunded { "1" } else { "0" },
        "year": day.get(..4),
        "invono": row.invono,
        "flxempe_flag": "0",
        "nwb_flag": "0",
    });
    if let Value::Object(more) = more {
        info.extend(more);
    }
    info
}
