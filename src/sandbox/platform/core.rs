//! One request at the platform's core, faults of the wire aside.

use serde_json::{Value, json};

use super::envelope::{self, Refusal};
use super::faults::{Hits, Kind};
use super::ledger::Outcome;
use super::voucher::CodeError;
use super::world::World;
use super::{fields, garble, gateway, transactions};
use crate::sandbox::http::Request;

/// What the core made of a request.
pub(super) struct Worked {
    pub(super) outcome: Outcome,
    pub(super) status: u16,
    pub(super) answer: Value,
}

/// One kind of request done.
pub(super) type Work = fn(&mut World, &Request, &Value, &Hits) -> Worked;

/// A transaction: gateway, envelope, input, msgid, then the work itself.
pub(super) fn transact(world: &mut World, request: &Request, body: &Value, hits: &Hits) -> Worked {
    let infno = body.get("infno").and_then(Value::as_str).unwrap_or("");
    if let Err((status, message)) = gateway::check(world, request, infno) {
        return refused_by_gateway(status, message);
    }
    let Some(map) = body.as_object() else {
        return turned_away(400, "请求报文不是合法的JSON对象!");
    };
    let habits = world.options.habits.clone();
    let common = habits.common(map).and_then(|map| {
        habits.verify(&request.body)?;
        Ok(map)
    });
    let received_at = world.now();
    let mut stored = None;
    let result = (|| -> Result<Value, Refusal> {
        let map = common.as_ref().map_err(Refusal::check)?;
        let call = envelope::check(world, map, hits)?;
        if let Some(answer) = envelope::claim_msgid(world, &call, hits)? {
            stored = Some(answer);
            return Ok(Value::Null);
        }
        transactions::perform(world, &call, hits)
    })();
    let outcome = match &result {
        Ok(_) => Outcome::Done,
        Err(refusal) => Outcome::Refused(refusal.text.clone()),
    };
    let answer = stored.unwrap_or_else(|| envelope::answer(world, received_at, &result));
    if envelope::charges(infno) && result.is_ok() {
        let msgid = body.get("msgid").and_then(Value::as_str).unwrap_or("");
        if let Some(entry) = world.answered.get_mut(msgid) {
            entry.1 = Some(answer.clone());
        }
    }
    Worked {
        outcome,
        status: 200,
        answer: garble::answer(world, infno, answer, hits),
    }
}

/// A transaction that stands in the wrong place.
pub(super) fn misrouted(world: &mut World, request: &Request, body: &Value, _: &Hits) -> Worked {
    let infno = body.get("infno").and_then(Value::as_str).unwrap_or("");
    match gateway::check(world, request, infno) {
        Err((status, message)) => refused_by_gateway(status, message),
        Ok(()) => turned_away(400, "交易编号与服务地址不一致!"),
    }
}

/// The e-voucher centre (ecode.md 1.2 to 1.4).
pub(super) fn decode(world: &mut World, _: &Request, body: &Value, hits: &Hits) -> Worked {
    let org = body
        .get("orgId")
        .and_then(Value::as_str)
        .unwrap_or("")
        .to_owned();
    let result = decode_checked(world, body, &org, hits);
    let (outcome, answer) = match result {
        Ok(data) => (
            Outcome::Done,
            json!({ "code": 0, "message": "成功", "data": data, "orgId": org }),
        ),
        Err((code, message)) => (
            Outcome::Refused(message.clone()),
            json!({ "code": code, "message": message, "data": null, "orgId": org }),
        ),
    };
    Worked {
        outcome,
        status: 200,
        answer: garble::voucher(answer, hits),
    }
}

fn decode_checked(
    world: &mut World,
    body: &Value,
    org: &str,
    hits: &Hits,
) -> Result<Value, (i64, String)> {
    let malformed = |what: &str| (500_001, what.to_owned());
    if org != world.options.fixmedins_code {
        return Err(malformed("机构不存在[orgId]"));
    }
    if body.get("transType").and_then(Value::as_str) != Some("ec.query") {
        return Err(malformed("交易类型不正确[transType]"));
    }
    let data = body.get("data").and_then(Value::as_object);
    let data = data.ok_or_else(|| malformed("交易数据不能为空[data]"))?;
    let noted = fields::check_voucher(data).map_err(|finding| malformed(&finding.0))?;
    for name in noted {
        world.ledger.warn(format!("未知字段 ec.query.{name}"));
    }
    if data.get("orgId").and_then(Value::as_str) != Some(org) {
        return Err(malformed("机构ID不一致[orgId]"));
    }
    let code_error = |error: CodeError| {
        let (code, text) = error.answer();
        (code, text.to_owned())
    };
    if hits.has(Kind::TokenInvalid) {
        return Err(code_error(CodeError::Expired));
    }
    let (now, switches) = (world.now(), world.switches.clone());
    let scanned = data.get("ecQrCode").and_then(Value::as_str).unwrap_or("");
    let (psn_no, token) = world
        .voucher
        .decode(scanned, now, &switches)
        .map_err(code_error)?;
    let person = world
        .person_of(&psn_no)
        .expect("codes are made for known persons");
    Ok(json!({
        "userName": person.name,
        "idNo": person.idno,
        "idType": "01",
        "ecToken": token,
        "insuOrg": person.main_insurance().insuplc,
        "authNo": "",
        "ecIndexNo": format!("{:0>32}", person.psn_no),
        "gender": person.gend,
        "birthday": person.born,
        "nationality": "",
        "email": "",
        "chnlId": "sandbox",
        "extra": "{}",
    }))
}

/// A gateway says 401 in the body, whatever its status.
fn refused_by_gateway(status: u16, message: &str) -> Worked {
    Worked {
        status,
        ..turned_away(401, message)
    }
}

fn turned_away(status: u16, message: &str) -> Worked {
    let answer = json!({ "code": status, "message": message });
    Worked {
        outcome: Outcome::TurnedAway(status),
        status,
        answer,
    }
}
