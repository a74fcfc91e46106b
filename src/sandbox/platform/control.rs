//! Control of the sandbox over HTTP, for scripts and other languages.
//!
//! | request | what |
//! |---|---|
//! | `POST /sandbox/fault {"fault":"F1@2207"}` | arm; `GET` lists what is armed, `DELETE` disarms all |
//! | `GET /sandbox/faults/list` | every fault there is, a line each, Chinese and English |
//! | `POST /sandbox/switch {"token_single_use":true}` | change habits; `GET` lists |
//! | `POST /sandbox/code {"person":"employee","kind":"fresh"}` | a code to scan |
//! | `GET /sandbox/persons` | who is insured |
//! | `GET /sandbox/bill?person=employee` | a realistic bill with a requestId of its own |
//! | `GET /sandbox/ledger` | the books |
//! | `GET /sandbox/statement` | who was charged what, as a table |

use serde_json::{Value, json};

use super::clock;
use super::faults::{self, Fault};
use super::ledger::{GoodsRow, Outcome, Settlement};
use super::server::Shared;
use super::statement;
use super::voucher::CodeKind;
use super::world::World;
use crate::sandbox::bills;
use crate::sandbox::http::{Reply, Request};

pub(super) fn answer(shared: &Shared, rest: &str, request: &Request) -> Reply {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
    let text = match (request.method.as_str(), rest) {
        ("GET", "statement") => Some(statement::of(&shared.world())),
        ("GET", "faults/list") => Some(faults::listed()),
        _ => None,
    };
    if let Some(text) = text {
        return Reply::Whole {
            status: 200,
            kind: "text/plain;charset=UTF-8",
            body: text.into_bytes(),
        };
    }
    if let ("POST", "fault" | "faults") = (request.method.as_str(), rest) {
        return told(arm(shared, &body));
    }
    let world = &mut *shared.world();
    told(match (request.method.as_str(), rest) {
        ("DELETE", "fault" | "faults") => {
            world.faults.clear();
            Ok(armed(world))
        }
        ("GET", "fault" | "faults") => Ok(armed(world)),
        ("POST", "switch" | "switches") => world.switches.changed_by(&body).map(|switches| {
            world.switches = switches;
            json!(world.switches)
        }),
        ("GET", "switch" | "switches") => Ok(json!(world.switches)),
        ("POST", "code") => code(world, &body),
        ("GET", "persons") => Ok(persons(world)),
        ("GET", "bill") => bill(world, &request.target),
        ("GET", "ledger") => Ok(ledger(world)),
        _ => Err(format!("no such thing: {} /sandbox/{rest}", request.method)),
    })
}

fn told(result: Result<Value, String>) -> Reply {
    let (status, body) = match result {
        Ok(value) => (200, value),
        Err(error) => (400, json!({ "error": error })),
    };
    Reply::Whole {
        status,
        kind: "application/json",
        body: format!("{body}\n").into_bytes(),
    }
}

fn arm(shared: &Shared, body: &Value) -> Result<Value, String> {
    let name = body
        .get("fault")
        .and_then(Value::as_str)
        .ok_or("say {\"fault\":\"F1@2207\"}")?;
    shared.arm(Fault::parse(name)?)?;
    Ok(armed(&shared.world()))
}

fn armed(world: &World) -> Value {
    let names: Vec<String> = world
        .faults
        .armed()
        .iter()
        .map(ToString::to_string)
        .collect();
    json!({ "armed": names })
}

fn code(world: &mut World, body: &Value) -> Result<Value, String> {
    let person = body
        .get("person")
        .and_then(Value::as_str)
        .unwrap_or("employee");
    let kind = body.get("kind").and_then(Value::as_str).unwrap_or("fresh");
    let kind = CodeKind::parse(kind).ok_or_else(|| format!("unknown kind: {kind}"))?;
    let code = world
        .make_code(person, kind)
        .ok_or_else(|| format!("unknown person: {person}"))?;
    Ok(json!({ "code": code }))
}

fn bill(world: &mut World, target: &str) -> Result<Value, String> {
    let key = target
        .split_once("person=")
        .map_or("employee", |(_, key)| key);
    let person = world
        .person(key)
        .ok_or_else(|| format!("unknown person: {key}"))?;
    let mut bill = bills::outpatient(person);
    let (now, serial) = (clock::compact_ms(world.now()), world.next_serial());
    bill["requestId"] = json!(format!("sandbox-{now}-{serial}"));
    bill["bills"][0]["billNo"] = json!(format!("B{now}-{serial}"));
    Ok(bill)
}

/// The persons are invented, so their numbers may be shown.
fn persons(world: &World) -> Value {
    let kinds: Vec<&str> = CodeKind::ALL.iter().map(|(name, _)| *name).collect();
    let rows: Vec<Value> = world
        .persons
        .iter()
        .map(|person| {
            let insured: Vec<Value> = person
                .insured
                .iter()
                .map(|row| {
                    let used = world.ledger.used_by(&person.psn_no, row.insutype);
                    json!({
                        "insutype": row.insutype,
                        "stas": row.stas,
                        "insuplc": row.insuplc,
                        "balance": (row.balance - used.account).to_string(),
                    })
                })
                .collect();
            json!({
                "person": person.key,
                "name": person.name,
                "idno": person.idno,
                "psn_no": person.psn_no,
                "card_no": person.card_no,
                "card_sn": person.card_sn,
                "insured": insured,
            })
        })
        .collect();
    json!({ "persons": rows, "code_kinds": kinds })
}

fn ledger(world: &World) -> Value {
    let ledger = &world.ledger;
    let received: Vec<Value> = ledger
        .received
        .iter()
        .map(|row| {
            let outcome = match &row.outcome {
                Outcome::Open => json!("open"),
                Outcome::Done => json!("done"),
                Outcome::Refused(text) => json!({ "refused": text }),
                Outcome::TurnedAway(status) => json!({ "turned_away": status }),
                Outcome::Lost => json!("lost"),
            };
            json!({
                "infno": row.infno,
                "msgid": row.msgid,
                "at": row.at.to_string(),
                "outcome": outcome,
                "delivery": row.delivery.map(|delivery| format!("{delivery:?}").to_lowercase()),
                "faults": row.faults,
            })
        })
        .collect();
    let duplicates = ledger.duplicates();
    let open: Vec<String> = ledger
        .visits_open()
        .into_iter()
        .map(|visit| visit.mdtrt_id)
        .collect();
    json!({
        "received": received,
        "settlements": ledger.settlements.iter().map(settlement).collect::<Vec<_>>(),
        "goods": ledger.goods.iter().map(goods).collect::<Vec<_>>(),
        "visits_open": open,
        "lines_open": ledger.lines_open().len(),
        "duplicates": {
            "msgids": duplicates.msgids,
            "batches": duplicates.batches,
            "lines": duplicates.lines,
            "visit_numbers": duplicates.visit_numbers,
        },
        "warnings": ledger.warnings,
    })
}

fn goods(row: &GoodsRow) -> Value {
    json!({
        "number": row.number,
        "infno": row.infno,
        "msgid": row.msgid,
        "batch": row.batch,
        "document": row.document,
        "count_e4": row.count_e4,
        "by_piece": row.by_piece,
        "trace_codes": row.trace_codes,
    })
}

fn settlement(row: &Settlement) -> Value {
    let amounts = &row.amounts;
    json!({
        "setl_id": row.setl_id,
        "mdtrt_id": row.mdtrt_id,
        "psn_no": row.psn_no,
        "chrg_bchno": row.chrg_bchno,
        "medins_setl_id": row.medins_setl_id,
        "infno": row.infno,
        "setl_time": row.setl_time,
        "total": amounts.total.to_string(),
        "fund": amounts.fund().to_string(),
        "account": amounts.account.to_string(),
        "cash": amounts.cash.to_string(),
        "refunded": row.refunded,
        "refund_of": row.refund_of,
        "reversed": row.reversed,
        "live": row.is_live(),
    })
}
