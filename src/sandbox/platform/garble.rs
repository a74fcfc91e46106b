//! Faults that bend an answer whose work is done.

use serde_json::{Value, json};

use super::faults::{Hits, Kind};
use super::money;
use super::world::World;

/// Keys that hold amounts.
const AMOUNT_ENDINGS: [&str; 9] = [
    "_amt",
    "_sumamt",
    "_pay",
    "_selfpay",
    "_dedc",
    "balc",
    "_payamt",
    "medfee_sumamt",
    "_cash_pay",
];

/// Bends a transaction's answer.
pub(super) fn answer(world: &World, infno: &str, mut answer: Value, hits: &Hits) -> Value {
    if hits.has(Kind::AmountsText) {
        amounts_as_text(&mut answer["output"]);
    }
    if hits.has(Kind::OtherAnswer) {
        let other = Other { world };
        other.walk(&mut answer["output"]);
        answer["inf_refmsgid"] = json!(another(answer["inf_refmsgid"].as_str().unwrap_or("")));
    }
    if hits.has(Kind::RefusedThoughDone) {
        answer["infcode"] = json!(-1);
        answer["err_msg"] = json!(format!(
            "系统异常，请稍后重试-{infno}(00000000ffffffff@127.0.0.1)"
        ));
        answer["output"] = Value::Null;
    }
    if hits.has(Kind::OutputText) && !answer["output"].is_null() {
        answer["output"] = json!(answer["output"].to_string());
    }
    if hits.has(Kind::InfcodeText) {
        answer["infcode"] = json!(answer["infcode"].to_string());
    }
    answer
}

/// Bends an e-voucher answer: `data` and `code` as text.
pub(super) fn voucher(mut answer: Value, hits: &Hits) -> Value {
    if hits.has(Kind::OutputText) && !answer["data"].is_null() {
        answer["data"] = json!(answer["data"].to_string());
    }
    if hits.has(Kind::InfcodeText) {
        answer["code"] = json!(answer["code"].to_string());
    }
    answer
}

fn amounts_as_text(value: &mut Value) {
    match value {
        Value::Array(rows) => rows.iter_mut().for_each(amounts_as_text),
        Value::Object(map) => {
            for (key, value) in map {
                if value.is_number() && AMOUNT_ENDINGS.iter().any(|ending| key.ends_with(ending)) {
                    let fen = money::text_of(value).and_then(|text| money::Fen::parse(&text));
                    *value = fen.map_or(Value::Null, |fen| json!(fen.to_string()));
                } else {
                    amounts_as_text(value);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Turns an output into that of somebody else's request.
struct Other<'a> {
    world: &'a World,
}

impl Other<'_> {
    fn walk(&self, value: &mut Value) {
        match value {
            Value::Array(rows) => rows.iter_mut().for_each(|row| self.walk(row)),
            Value::Object(map) => {
                let stranger = map
                    .get("psn_no")
                    .and_then(Value::as_str)
                    .and_then(|psn_no| {
                        self.world
                            .persons
                            .iter()
                            .find(|person| person.psn_no != psn_no)
                    });
                for (key, value) in map {
                    match (key.as_str(), stranger) {
                        ("psn_no", Some(person)) => *value = json!(person.psn_no),
                        ("psn_name", Some(person)) => *value = json!(person.name),
                        ("certno", Some(person)) => *value = json!(person.idno),
                        (
                            "mdtrt_id" | "setl_id" | "medins_setl_id" | "ipt_otp_no" | "sign_no",
                            _,
                        ) => {
                            *value = json!(another(value.as_str().unwrap_or("")));
                        }
                        _ => self.walk(value),
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

/// A number of the same form that is not this one.
fn another(number: &str) -> String {
    let mut text = number.to_owned();
    match text.pop() {
        Some('7') => text.push('3'),
        Some(_) => text.push('7'),
        None => {}
    }
    text
}
