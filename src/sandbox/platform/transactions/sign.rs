//! 9001 and 9002.

use serde_json::{Value, json};

use crate::sandbox::platform::clock;
use crate::sandbox::platform::envelope::{Call, Refusal};
use crate::sandbox::platform::ledger::SignIn;
use crate::sandbox::platform::world::World;

pub(super) fn sign_in(world: &mut World, call: &Call<'_>) -> Value {
    let sign_no = format!("{}{:08}", clock::compact(call.now), world.next_serial());
    let sign_in = SignIn {
        sign_no: sign_no.clone(),
        opter_no: call.text("signIn", "opter_no").to_owned(),
        at: call.now,
        ended: false,
    };
    world.ledger.sign_ins.insert(sign_no.clone(), sign_in);
    json!({ "signinoutb": { "sign_time": clock::spaced(call.now), "sign_no": sign_no } })
}

/// Only with a sign-in of the same day and operator.
pub(super) fn sign_out(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let sign_no = call.text("signOut", "sign_no");
    let sign_in = world
        .ledger
        .sign_ins
        .get_mut(sign_no)
        .filter(|sign_in| !sign_in.ended);
    let Some(sign_in) = sign_in.filter(|row| clock::day(row.at) == clock::day(call.now)) else {
        return Err(Refusal::new("当日无有效签到，不能签退[sign_no]"));
    };
    if sign_in.opter_no != call.text("signOut", "opter_no") {
        return Err(Refusal::new("操作员与签到操作员不一致[opter_no]"));
    }
    sign_in.ended = true;
    Ok(json!({ "signinoutb": { "sign_time": clock::spaced(call.now) } }))
}
