//! 2208 and 2103: take a settlement back by a second row with negative amounts.

use serde_json::{Value, json};

use super::{rows, settle};
use crate::sandbox::platform::clock;
use crate::sandbox::platform::envelope::{Call, Refusal};
use crate::sandbox::platform::faults::{Hits, Kind};
use crate::sandbox::platform::ledger::Settlement;
use crate::sandbox::platform::world::World;

pub(super) fn refund(world: &mut World, call: &Call<'_>, hits: &Hits) -> Result<Value, Refusal> {
    let setl_id = call.data("setl_id");
    let found = world.ledger.of_setl_id.get(setl_id).copied();
    let Some(index) = found.filter(|index| !world.ledger.settlements[*index].reversed) else {
        return Err(Refusal::new("结算信息不存在[setl_id]"));
    };
    let original = world.ledger.settlements[index].clone();
    if original.psn_no != call.data("psn_no") || original.mdtrt_id != call.data("mdtrt_id") {
        return Err(Refusal::new("结算ID与就诊ID、人员编号不一致[setl_id]"));
    }
    if (original.infno == "2102") != (call.infno == "2103") {
        return Err(Refusal::new("结算类型与撤销交易不一致[setl_id]"));
    }
    if original.refunded || original.refund_of.is_some() {
        return Err(Refusal::new("该结算已退费，不允许重复退费[setl_id]"));
    }
    let person = world
        .person_of(&original.psn_no)
        .cloned()
        .expect("only known persons are charged");
    let own = (original.psn_no.clone(), original.insutype.clone());
    let account = original.account_of.clone().unwrap_or(own);
    let balance = world.balance_of(&account) + original.amounts.account;
    let row = Settlement {
        setl_id: settle::next_setl_id(world, call),
        medins_setl_id: call.msgid.to_owned(),
        infno: call.infno.to_owned(),
        amounts: original.amounts.negated(balance),
        setl_time: clock::spaced(call.now),
        refunded: true,
        refund_of: Some(original.setl_id.clone()),
        ..original
    };
    world.ledger.settlements[index].refunded = true;
    let inside = world.switches.fund_includes_account || hits.has(Kind::FundWithAccount);
    let mut info = rows::setlinfo(world, &person, &row, inside, call.now);
    if world.switches.refund_nulls || hits.has(Kind::AmountsText) {
        info.insert("psn_part_amt".to_owned(), Value::Null);
        info.insert("hosp_part_amt".to_owned(), Value::Null);
    }
    if hits.has(Kind::ClrOptinsNull) {
        info.insert("clr_optins".to_owned(), Value::Null);
    }
    let detail = rows::setldetail(&row);
    world.ledger.book(row);
    Ok(json!({ "setlinfo": info, "setldetail": detail }))
}
