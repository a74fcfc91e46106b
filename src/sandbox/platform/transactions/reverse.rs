//! 2601: undoes a transaction by the msgid of its request, as if it had never been.

use serde_json::Value;

use super::pharmacy;
use crate::sandbox::platform::envelope::{Call, Refusal};
use crate::sandbox::platform::faults::{Hits, Kind};
use crate::sandbox::platform::ledger::Settlement;
use crate::sandbox::platform::world::World;

pub(super) fn reverse(world: &mut World, call: &Call<'_>, hits: &Hits) -> Result<Value, Refusal> {
    let (oinfno, omsgid) = (call.data("oinfno"), call.data("omsgid"));
    let refund = oinfno == "2208";
    let reversible =
        oinfno == "2102" || oinfno.starts_with("2207") || (refund && world.switches.reverse_refund);
    if !reversible {
        return Err(Refusal::new("该交易不支持冲正[oinfno]"));
    }
    let meant = |row: &Settlement| {
        row.medins_setl_id == omsgid && row.infno == oinfno && row.psn_no == call.data("psn_no")
    };
    let Some(index) = world.ledger.settlements.iter().position(meant) else {
        let said = hits.value(Kind::ReverseUnknown, 1).map(|value| value == 1);
        if said.unwrap_or(world.switches.reverse_unknown_succeeds) {
            return Ok(Value::Null);
        }
        return Err(Refusal::new("未找到原交易[omsgid]"));
    };
    let row = world.ledger.settlements[index].clone();
    if row.reversed {
        return Ok(Value::Null);
    }
    if row.refunded && !refund {
        return Err(Refusal::new("原交易已退费，不允许冲正[omsgid]"));
    }
    world.ledger.unbook(index);
    if oinfno == "2102" {
        pharmacy::forget(world, &row.mdtrt_id);
    }
    if let Some(original) = row.refund_of {
        let taken_back = |other: &&mut Settlement| other.setl_id == original;
        if let Some(original) = world.ledger.settlements.iter_mut().find(taken_back) {
            original.refunded = false;
        }
    }
    Ok(Value::Null)
}
