//! What each transaction does once its request is in order.

mod fees;
mod goods;
mod person;
mod pharmacy;
mod query;
mod refund;
mod reverse;
mod rows;
mod settle;
mod sign;
mod statement;
mod visit;
mod year;

use serde_json::Value;

use super::envelope::{Call, Refusal};
use super::faults::Hits;
use super::world::World;

/// Does the transaction and answers its `output`.
///
/// # Errors
/// A business refusal; nothing is written then.
pub(super) fn perform(world: &mut World, call: &Call<'_>, hits: &Hits) -> Result<Value, Refusal> {
    if let Some(text) = world.switches.closed.clone().filter(|_| writes(call.infno)) {
        return Err(Refusal::new(text));
    }
    match call.infno {
        "9001" => Ok(sign::sign_in(world, call)),
        "9002" => sign::sign_out(world, call),
        "1101" => person::find(world, call, hits),
        "1162" => person::decode(world, call, hits),
        "2101" => pharmacy::trial(world, call, hits),
        "2102" => pharmacy::settle(world, call, hits),
        "2103" => pharmacy::refund(world, call, hits),
        "2201" => visit::register(world, call, hits),
        "2202" => visit::unregister(world, call),
        "2203" | "2203A" => visit::describe(world, call),
        "2204" => fees::upload(world, call),
        "2205" => fees::revoke(world, call),
        "2206" | "2206A" => settle::trial(world, call, hits),
        "2207" | "2207A" => settle::settle(world, call, hits),
        "2208" => refund::refund(world, call, hits),
        "2601" => reverse::reverse(world, call, hits),
        "3201" => statement::totals(world, call),
        "3202" => statement::details(world, call),
        "9101" => statement::upload(world, call),
        "9102" => statement::download(world, call, hits),
        "3505A" => goods::out(world, call),
        "3506A" => goods::back(world, call),
        "5201" => query::visits(world, call),
        "5203" => query::settlements(world, call, hits),
        "5206" => year::cumulated(world, call),
        other => Err(Refusal::new(format!("不支持的交易编号{other}[infno]"))),
    }
}

fn writes(infno: &str) -> bool {
    let trial = ["2101", "2206"]
        .iter()
        .any(|trial| infno.starts_with(trial));
    let money = ["21", "22", "35"]
        .iter()
        .any(|kind| infno.starts_with(kind));
    money && !trial
}
