//! What goes around the input of every transaction, and what comes around its output.

use super::json::{Node, Object, quoted};
use super::request::Missing;
use crate::config::Profile;
use crate::platform::sign::Signer;
use crate::settlement::order::{Operator, OperatorKind};

/// The parts of an envelope that differ from message to message.
pub(in crate::platform) struct Head<'a> {
    /// 交易编号.
    pub(in crate::platform) infno: &'a str,
    /// 发送方报文ID.
    pub(in crate::platform) msgid: &'a str,
    /// 交易时间.
    pub(in crate::platform) inf_time: &'a str,
    /// 参保地医保区划, empty when not known yet.
    pub(in crate::platform) insuplc_admdvs: &'a str,
    /// 险种类型 that pays, empty when not known yet.
    pub(in crate::platform) insutype: &'a str,
    /// 交易签到流水号, empty where none is wanted.
    pub(in crate::platform) sign_no: &'a str,
    /// Who works the terminal.
    pub(in crate::platform) operator: &'a Operator,
    /// What makes `cainfo`; `None`: it stays empty.
    pub(in crate::platform) signer: Option<&'a Signer>,
}

/// The whole message.
///
/// # Errors
/// It cannot be signed.
pub(super) fn wrap(profile: &Profile, head: &Head<'_>, input: Object) -> Result<String, Missing> {
    let input = input.finish();
    let unsigned = message(profile, head, &input, "");
    let Some(signer) = head.signer else {
        return Ok(unsigned);
    };
    let cainfo = signer.sign(&input, &unsigned);
    let cainfo = cainfo.ok_or(Missing("a signature: the key cannot sign this"))?;
    Ok(message(profile, head, &input, &cainfo))
}

fn message(profile: &Profile, head: &Head<'_>, input: &str, cainfo: &str) -> String {
    let envelope = &profile.envelope;
    let recer_sys_code = envelope.recer_sys_code_of.get(head.insutype);
    let mut message = Object::new()
        .text("infno", head.infno)
        .text("msgid", head.msgid)
        .text("mdtrtarea_admvs", &profile.mdtrtarea_admvs)
        .text("insuplc_admdvs", head.insuplc_admdvs)
        .text(
            "recer_sys_code",
            recer_sys_code.unwrap_or(&envelope.recer_sys_code),
        )
        .text("dev_no", &envelope.dev_no)
        .text("dev_safe_info", &envelope.dev_safe_info)
        .text("cainfo", cainfo)
        .text("signtype", &envelope.signtype)
        .text("infver", &envelope.infver)
        .text("opter_type", opter_type(head.operator.kind))
        .text("opter", &head.operator.id)
        .text("opter_name", &head.operator.name)
        .text("inf_time", head.inf_time)
        .text("fixmedins_code", &profile.fixmedins_code)
        .text("fixmedins_name", &profile.fixmedins_name)
        .text("sign_no", head.sign_no);
    for (key, value) in &envelope.extra {
        message = message.text(key, value);
    }
    if envelope.input_as_text {
        message.text("input", input).finish()
    } else {
        message.json("input", input).finish()
    }
}

/// Characters that the envelope spends on `input`, which the specification limits.
pub(super) fn input_chars(profile: &Profile, input: &Object) -> usize {
    let json = input.written();
    if profile.envelope.input_as_text {
        quoted(&json).chars().count()
    } else {
        json.chars().count()
    }
}

/// 经办人类别.
fn opter_type(kind: OperatorKind) -> &'static str {
    match kind {
        OperatorKind::Staff => "1",
        OperatorKind::Kiosk => "2",
        OperatorKind::Mobile => "3",
    }
}

/// An answer's envelope.
pub(in crate::platform) struct Answer {
    /// 交易状态码 as text: `0` is success.
    pub(super) infcode: String,
    /// 错误信息.
    pub(super) err_msg: String,
    /// Whether it has what only the platform puts there: its number for the message, or when it took it.
    pub(super) is_marked: bool,
    /// The whole of it.
    pub(super) node: Node,
}

/// What a body without infcode says.
pub(super) enum NoAnswer {
    /// It is no JSON object, or none that anybody knows.
    Unreadable(&'static str),
    /// A gateway's own words.
    Gateway {
        /// Its code.
        code: String,
        /// Its text.
        message: String,
    },
}

/// Takes an answer's envelope apart. The byte order mark that some gateways send is dropped.
pub(super) fn open(body: &str) -> Result<Answer, NoAnswer> {
    let body = body.trim_start_matches('\u{feff}').trim();
    let Some(node) = Node::parse(body) else {
        return Err(NoAnswer::Unreadable(if body.is_empty() {
            "an empty body"
        } else if body.starts_with('<') {
            "HTML"
        } else {
            "no JSON object"
        }));
    };
    let field = |key: &str| node.text(key).unwrap_or_default();
    let infcode = field("infcode");
    if infcode.is_empty() {
        let code = field("code");
        if code.is_empty() {
            return Err(NoAnswer::Unreadable("JSON without infcode"));
        }
        let message = field("message");
        return Err(NoAnswer::Gateway { code, message });
    }
    Ok(Answer {
        err_msg: field("err_msg"),
        is_marked: ["inf_refmsgid", "refmsg_time"]
            .iter()
            .any(|key| !field(key).is_empty()),
        infcode,
        node,
    })
}

/// Whether an infcode says success: `0`, `"0"`, `0.0`, also `00`.
pub(super) fn is_success(infcode: &str) -> bool {
    let mut parts = infcode.splitn(2, '.');
    let zeros = |part: &str| !part.is_empty() && part.bytes().all(|b| b == b'0');
    parts.next().is_some_and(zeros) && parts.next().is_none_or(zeros)
}

/// The platform's clock in this answer: `(refmsg_time, respond_time)`, `yyyyMMddHHmmssSSS`.
pub(in crate::platform) fn times(body: &str) -> Option<(String, String)> {
    let node = Node::parse(body.trim_start_matches('\u{feff}').trim())?;
    let field = |key: &str| node.text(key).unwrap_or_default();
    Some((field("refmsg_time"), field("respond_time")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn success_is_zero_in_any_writing_and_nothing_else() {
        for code in ["0", "0.0", "00"] {
            assert!(is_success(code), "{code}");
        }
        for code in ["", "-1", "1", "0.1", "0x", ".", "0."] {
            assert!(!is_success(code), "{code}");
        }
    }
}
