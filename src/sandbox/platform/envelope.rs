//! What stands before every transaction: the common envelope, sign-in, uniqueness of msgid.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::clock;
use super::faults::{Hits, Kind};
use super::fields;
use super::world::World;

/// How far inf_time may be before it is noted.
const INF_TIME_SKEW_S_NOTED: i64 = 300;
/// Longest `input`, in characters.
const INPUT_CHARS_MAX: usize = 40_000;

/// A refusal by the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Without the trace at the end.
    pub text: String,
    /// Refused by the first checks, before the platform gave the message a number of its own.
    pub unnumbered: bool,
}

impl Refusal {
    /// A business refusal.
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            unnumbered: false,
        }
    }

    pub(super) fn check(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            unnumbered: true,
        }
    }
}

/// A request that passed all checks.
#[derive(Debug)]
pub struct Call<'a> {
    /// Transaction number.
    pub infno: &'a str,
    /// The sender's message id.
    pub msgid: &'a str,
    /// Operator.
    pub opter: &'a str,
    /// `input`.
    pub input: &'a Map<String, Value>,
    /// Platform time.
    pub now: Timestamp,
}

impl Call<'_> {
    /// A text field of an input node that is one object; empty when absent.
    #[must_use]
    pub fn text(&self, node: &str, field: &str) -> &str {
        self.input
            .get(node)
            .and_then(|node| node.get(field))
            .and_then(Value::as_str)
            .unwrap_or("")
    }

    /// A text field of `input.data`, which 2101 and 2102 call `druginfo`.
    #[must_use]
    pub fn data(&self, field: &str) -> &str {
        let node = if self.input.contains_key("druginfo") {
            "druginfo"
        } else {
            "data"
        };
        self.text(node, field)
    }
}

/// Checks envelope and input; answers the call when all is right.
///
/// # Errors
/// The first thing wrong.
pub fn check<'a>(
    world: &mut World,
    body: &'a Map<String, Value>,
    hits: &Hits,
) -> Result<Call<'a>, Refusal> {
    let noted = fields::check_envelope(body).map_err(|finding| Refusal::check(finding.0))?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or("");
    let call = Call {
        infno: text("infno"),
        msgid: text("msgid"),
        opter: text("opter"),
        input: body
            .get("input")
            .and_then(Value::as_object)
            .expect("checked to be an object"),
        now: world.now(),
    };
    for name in noted {
        world.ledger.warn(format!("未知字段 {name}"));
    }
    check_values(world, &call, &text)?;
    let hunan = world.switches.hunan;
    let noted = fields::check_input(call.infno, call.input, hunan);
    for name in noted.map_err(|finding| Refusal::check(finding.0))? {
        world.ledger.warn(format!("未知字段 {}.{name}", call.infno));
    }
    check_receiver(world, &call, text("recer_sys_code"))?;
    check_area(world, &call, text("insuplc_admdvs"))?;
    check_sign_in(world, &call, text("sign_no"), hits)?;
    Ok(call)
}

fn check_values<'a>(
    world: &mut World,
    call: &Call<'_>,
    text: &dyn Fn(&str) -> &'a str,
) -> Result<(), Refusal> {
    let options = &world.options;
    let msgid = call.msgid;
    // Plain text first: the parts below are cut out of it by place.
    let is_plain = msgid.len() == 30 && msgid.is_ascii();
    if !is_plain || !msgid.starts_with(&options.fixmedins_code) {
        return Err(Refusal::check("发送方报文ID格式不正确[msgid]"));
    }
    if clock::parse_compact(&msgid[12..26]).is_none() {
        return Err(Refusal::check("发送方报文ID时间不正确[msgid]"));
    }
    if text("fixmedins_code") != options.fixmedins_code {
        return Err(Refusal::check("定点医药机构编号不存在[fixmedins_code]"));
    }
    if text("mdtrtarea_admvs") != options.area {
        return Err(Refusal::check("就医地医保区划不正确[mdtrtarea_admvs]"));
    }
    if !["1.0.0", "V1.0", "1.0"].contains(&text("infver")) {
        return Err(Refusal::check("接口版本号不正确[infver]"));
    }
    // A file is no ordinary input.
    let is_file = call.infno == "9101";
    if !is_file
        && Value::Object(call.input.clone())
            .to_string()
            .chars()
            .count()
            > INPUT_CHARS_MAX
    {
        return Err(Refusal::check("交易输入超过长度限制40000[input]"));
    }
    let told = clock::parse_spaced(text("inf_time")).unwrap_or(call.now);
    if told.duration_since(call.now).as_secs().abs() > INF_TIME_SKEW_S_NOTED {
        world
            .ledger
            .warn("交易时间与平台时间相差过大 inf_time".to_owned());
    }
    Ok(())
}

/// `recer_sys_code` is that of the insurance which the message is about, where it names one or a visit.
fn check_receiver(world: &World, call: &Call<'_>, code: &str) -> Result<(), Refusal> {
    let in_input = |field: &str| {
        let mut nodes = call.input.values();
        nodes.find_map(|node| first_row(node).get(field).and_then(Value::as_str))
    };
    let visit = in_input("mdtrt_id").and_then(|id| world.ledger.visits.get(id));
    let insutype = in_input("insutype").or_else(|| visit.map(|visit| visit.insutype.as_str()));
    if world.options.habits.receives(code, insutype) {
        return Ok(());
    }
    Err(Refusal::check("接收方系统代码不正确[recer_sys_code]"))
}

fn first_row(node: &Value) -> &Value {
    let rows = node.as_array();
    rows.and_then(|rows| rows.first()).unwrap_or(node)
}

/// `insuplc_admdvs` is required as soon as the input carries a psn_no, and must be one of the
/// person's.
fn check_area(world: &World, call: &Call<'_>, insuplc: &str) -> Result<(), Refusal> {
    let psn_no = call.input.values().find_map(first_psn_no).unwrap_or("");
    if psn_no.is_empty() {
        return Ok(());
    }
    if insuplc.is_empty() {
        return Err(Refusal::check("参保地医保区划不能为空[insuplc_admdvs]"));
    }
    let Some(person) = world.person_of(psn_no) else {
        return Err(Refusal::new("本地查询错误:该参保人的基本信息为空null"));
    };
    if person.insured.iter().any(|row| row.insuplc == insuplc) {
        return Ok(());
    }
    Err(Refusal::new(
        "参保地医保区划与人员参保信息不一致[insuplc_admdvs]",
    ))
}

fn first_psn_no(node: &Value) -> Option<&str> {
    first_row(node).get("psn_no").and_then(Value::as_str)
}

fn check_sign_in(
    world: &mut World,
    call: &Call<'_>,
    sign_no: &str,
    hits: &Hits,
) -> Result<(), Refusal> {
    if hits.has(Kind::SignExpired) {
        if let Some(sign_in) = world.ledger.sign_ins.get_mut(sign_no) {
            sign_in.ended = true;
        }
        return Err(Refusal::new("签到编号已失效，请重新签到[sign_no]"));
    }
    if !world.switches.sign_in_required || call.infno == "9001" {
        return Ok(());
    }
    if sign_no.is_empty() {
        return Err(Refusal::check("交易签到流水号不能为空[sign_no]"));
    }
    let Some(sign_in) = world.ledger.sign_ins.get(sign_no) else {
        return Err(Refusal::new("签到编号不存在，请重新签到[sign_no]"));
    };
    if sign_in.ended || clock::day(sign_in.at) != clock::day(call.now) {
        return Err(Refusal::new("签到编号已失效，请重新签到[sign_no]"));
    }
    if sign_in.opter_no != call.opter {
        world.ledger.warn("签到操作员与经办人不同 opter".to_owned());
    }
    Ok(())
}

/// Uses the msgid up. A repeated 2207 may get the stored answer.
///
/// # Errors
/// When it was used before.
pub fn claim_msgid(
    world: &mut World,
    call: &Call<'_>,
    hits: &Hits,
) -> Result<Option<Value>, Refusal> {
    if hits.has(Kind::MsgidRepeated) {
        return Err(Refusal::new("报文ID重复，请勿重复提交[msgid]"));
    }
    let Some((infno, stored)) = world.answered.get(call.msgid) else {
        world
            .answered
            .insert(call.msgid.to_owned(), (call.infno.to_owned(), None));
        return Ok(None);
    };
    let same = infno == call.infno && charges(call.infno);
    match stored {
        Some(answer) if same && world.switches.repeated_msgid_answers_stored => {
            Ok(Some(answer.clone()))
        }
        Some(_) | None => Err(Refusal::new("报文ID重复，请勿重复提交[msgid]")),
    }
}

/// Whether it is a settling call.
#[must_use]
pub fn charges(infno: &str) -> bool {
    infno == "2102" || infno.starts_with("2207")
}

/// The answer's envelope.
pub fn answer(world: &mut World, received_at: Timestamp, result: &Result<Value, Refusal>) -> Value {
    let serial = world.next_serial();
    let now = world.now();
    let number = format!("{}{}{serial:010}", world.options.area, clock::compact(now));
    let (infcode, refmsgid, err_msg, output) = match result {
        Ok(output) => (0, number, Value::Null, output.clone()),
        Err(refusal) => {
            let trace = format!("{}({:016x}@127.0.0.1)", refusal.text, serial);
            let number = if refusal.unnumbered {
                String::new()
            } else {
                number
            };
            (-1, number, Value::String(trace), Value::Null)
        }
    };
    json!({
        "output": output,
        "infcode": infcode,
        "warn_msg": null,
        "cainfo": null,
        "err_msg": err_msg,
        "refmsg_time": clock::compact_ms(received_at),
        "signtype": null,
        "respond_time": clock::compact_ms(now),
        "inf_refmsgid": refmsgid,
    })
}
