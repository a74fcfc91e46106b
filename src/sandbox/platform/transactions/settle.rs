//! 2206, which writes nothing, and 2207, which charges.

use serde_json::{Value, json};

use super::{person, rows, visit};
use crate::sandbox::persons::Person;
use crate::sandbox::platform::clock;
use crate::sandbox::platform::envelope::{Call, Refusal};
use crate::sandbox::platform::faults::{Hits, Kind};
use crate::sandbox::platform::ledger::Settlement;
use crate::sandbox::platform::money::{Fen, text_of};
use crate::sandbox::platform::split::{Parts, Standing, settle as split};
use crate::sandbox::platform::world::World;

pub(super) fn trial(world: &mut World, call: &Call<'_>, hits: &Hits) -> Result<Value, Refusal> {
    let (person, row) = compute(world, call, hits)?;
    let inside = world.switches.fund_includes_account || hits.has(Kind::FundWithAccount);
    let mut info = rows::setlinfo(world, &person, &row, inside, call.now);
    info.shift_remove("setl_id");
    info.insert("clr_optins".to_owned(), Value::Null);
    Ok(json!({ "setlinfo": info, "setldetail": rows::setldetail(&row) }))
}

pub(super) fn settle(world: &mut World, call: &Call<'_>, hits: &Hits) -> Result<Value, Refusal> {
    let (person, mut row) = compute(world, call, hits)?;
    check_buckets(call, row.amounts.parts)?;
    if hits.has(Kind::OneFenOff) {
        row.amounts = row.amounts.one_fen_off();
    }
    row.setl_id = next_setl_id(world, call);
    let inside = world.switches.fund_includes_account || hits.has(Kind::FundWithAccount);
    let mut info = rows::setlinfo(world, &person, &row, inside, call.now);
    if hits.has(Kind::ClrOptinsNull) {
        info.insert("clr_optins".to_owned(), Value::Null);
    }
    let detail = rows::setldetail(&row);
    world.ledger.book(row);
    Ok(json!({ "setlinfo": info, "setldetail": detail }))
}

pub(super) fn next_setl_id(world: &mut World, call: &Call<'_>) -> String {
    let serial = world.next_serial();
    format!(
        "{}{}{serial:08}",
        &world.options.area[..2],
        clock::compact(call.now)
    )
}

/// All that 2206 and 2207 check alike, and the row they come to.
fn compute(
    world: &mut World,
    call: &Call<'_>,
    hits: &Hits,
) -> Result<(Person, Settlement), Refusal> {
    let person = person::entitled(world, call, hits)?;
    let (mdtrt_id, batch) = (call.data("mdtrt_id"), call.data("chrg_bchno"));
    let visit = visit::open_visit(world, mdtrt_id, &person.psn_no)?;
    let med_type = call.data("med_type");
    if visit.med_type.is_none() && world.switches.visit_info_required {
        return Err(Refusal::new("未上传门诊就诊信息，不允许结算[mdtrt_id]"));
    }
    if visit
        .med_type
        .as_deref()
        .is_some_and(|known| known != med_type)
    {
        return Err(Refusal::new("医疗类别与就诊信息不一致[med_type]"));
    }
    if visit.insutype != call.data("insutype") {
        return Err(Refusal::new("险种类型与挂号登记不一致[insutype]"));
    }
    if world.ledger.live_of_batch(mdtrt_id, batch).is_some() {
        return Err(Refusal::new("该就诊批次已结算，不允许重复结算[chrg_bchno]"));
    }
    let mut parts = Parts::default();
    let mut sum = Fen::ZERO;
    for line in world.ledger.batch(mdtrt_id, batch) {
        parts = parts.plus(line.parts);
        sum += line.amount;
    }
    if sum == Fen::ZERO {
        return Err(Refusal::new("未查询到待结算的费用明细[chrg_bchno]"));
    }
    if amount(call, "medfee_sumamt") != sum {
        return Err(Refusal::new(
            "医疗费总额与费用明细合计不一致[medfee_sumamt]",
        ));
    }
    let (standing, account_of) = standing(world, call, &person, &visit.insutype)?;
    let row = Settlement {
        setl_id: String::new(),
        mdtrt_id: mdtrt_id.to_owned(),
        psn_no: person.psn_no.clone(),
        chrg_bchno: batch.to_owned(),
        medins_setl_id: call.msgid.to_owned(),
        infno: call.infno.to_owned(),
        insutype: visit.insutype,
        med_type: med_type.to_owned(),
        mdtrt_cert_type: call.data("mdtrt_cert_type").to_owned(),
        amounts: split(parts, &standing),
        setl_time: clock::spaced(call.now),
        invono: call.data("invono").to_owned(),
        refunded: false,
        refund_of: None,
        reversed: false,
        trace_codes: Vec::new(),
        account_of,
    };
    Ok((person, row))
}

/// What the person has left, with the account that shall be used: the own one, or a family member's.
pub(super) fn standing(
    world: &World,
    call: &Call<'_>,
    person: &Person,
    insutype: &str,
) -> Result<(Standing, Option<(String, String)>), Refusal> {
    let (use_account, is_shared) = match call.data("acct_used_flag") {
        "0" => (false, false),
        "1" => (true, false),
        _ => (true, true),
    };
    let mut standing = world
        .standing(person, insutype, use_account)
        .ok_or_else(|| Refusal::new("人员未参加该险种[insutype]"))?;
    if !is_shared {
        return Ok((standing, None));
    }
    let account = world
        .family_account(person)
        .ok_or_else(|| Refusal::new("未建立个人账户共济关系[acct_used_flag]"))?;
    standing.balance = world.balance_of(&account);
    Ok((standing, Some(account)))
}

/// 2207 must carry the four buckets of 2206.
fn check_buckets(call: &Call<'_>, parts: Parts) -> Result<(), Refusal> {
    let due = [
        ("fulamt_ownpay_amt", "全自费金额", parts.own),
        ("overlmt_selfpay", "超限价金额", parts.over),
        ("preselfpay_amt", "先行自付金额", parts.first),
        ("inscp_scp_amt", "符合政策范围金额", parts.inside),
    ];
    for (name, label, expected) in due {
        if amount(call, name) != expected {
            return Err(Refusal::new(format!("{label}与预结算不一致[{name}]")));
        }
    }
    Ok(())
}

fn amount(call: &Call<'_>, name: &str) -> Fen {
    let value = call.input.get("data").and_then(|data| data.get(name));
    let text = value.and_then(text_of).expect("checked to be a number");
    Fen::parse(&text).expect("checked to be an amount")
}
