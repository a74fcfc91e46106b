//! Whose 医保码 it is: `ec.query` by the e-voucher service's `localQrCodeQuery`, which has an envelope of its own,
//! or 1162 through the platform.

use zeroize::Zeroizing;

use super::json::{Node, Object, Unreadable};
use super::person::{self, BY_VOUCHER};
use super::request::{EC_QUERY, Expect, Message, Missing, need};
use crate::config::Profile;
use crate::person::{EcToken, IdNo, Name, ScannedCode};
use crate::settlement::call::Call;
use crate::settlement::known::{Insurance, Voucher};
use crate::settlement::order::OperatorKind;

/// What stands in the record where the scanned code stood.
pub(in crate::platform) const BLOTTED: &str = "***";

/// Asks whose code it is. The scanned code is sent and not recorded.
pub(super) fn query(profile: &Profile, call: &Call<'_>) -> Result<Message, Missing> {
    let code = need(call.code, "no code was scanned")?;
    let message = |code: &str| Zeroizing::new(message(profile, call, code));
    Ok(Message {
        infno: EC_QUERY.to_owned(),
        body: message(BLOTTED),
        wire_body: Some(message(code.expose())),
        expect: Expect::default(),
    })
}

fn message(profile: &Profile, call: &Call<'_>, code: &str) -> String {
    Object::new()
        .text("orgId", &profile.fixmedins_code)
        .text("transType", EC_QUERY)
        .object("data", data(profile, call).text("ecQrCode", code))
        .finish()
}

/// Who asks, and what the code is used for.
fn data(profile: &Profile, call: &Call<'_>) -> Object {
    let (operator, office) = (&call.order.operator, &call.order.office);
    let data = Object::new()
        .text("orgId", &profile.fixmedins_code)
        .text("businessType", call.order.business_type())
        .text("operatorId", &operator.id)
        .text("operatorName", &operator.name)
        .text("officeId", &office.id)
        .text("officeName", &office.name);
    // Left out where a person works the terminal.
    if operator.kind == OperatorKind::Kiosk {
        data.text("deviceType", "SelfService")
    } else {
        data
    }
}

/// 1162: the platform asks the voucher service itself.
pub(super) fn transaction(profile: &Profile, call: &Call<'_>) -> Result<Object, Missing> {
    let code = need(call.code, "no code was scanned")?;
    let data = data(profile, call)
        .text("ecQrCode", code.expose())
        .text("mdtrt_cert_type", BY_VOUCHER);
    Ok(Object::new().object("data", data))
}

/// What is recorded of a message with a code in it, and what is sent.
pub(super) fn blotted(
    body: String,
    code: &ScannedCode,
) -> (Zeroizing<String>, Option<Zeroizing<String>>) {
    let body = Zeroizing::new(body);
    if code.is_empty() {
        return (body, None);
    }
    let recorded = body.replace(code.expose(), BLOTTED);
    (Zeroizing::new(recorded), Some(body))
}

/// The service's answer.
pub(super) struct Answer {
    /// `0` is success.
    pub(super) code: String,
    /// Its words.
    pub(super) message: String,
    node: Node,
}

/// Takes the answer's envelope apart.
pub(super) fn open(body: &str) -> Option<Answer> {
    let node = Node::parse(body.trim_start_matches('\u{feff}').trim())?;
    let code = node.text("code").ok().filter(|code| !code.is_empty())?;
    let message = node.text("message").unwrap_or_default();
    Some(Answer {
        code,
        message,
        node,
    })
}

/// Whose code it is.
pub(super) fn read(answer: &Answer) -> Result<Voucher, Unreadable> {
    let data = answer.node.object("data")?;
    let data = data.ok_or_else(|| Unreadable::at("data", "is missing"))?;
    let cert_type = data.short("idType")?;
    Ok(Voucher {
        ec_token: EcToken::new(data.token_required("ecToken")?),
        certno: IdNo::new(data.short_required("idNo")?),
        name: Name::new(data.name_required("userName")?),
        cert_type: if cert_type.is_empty() {
            "01".to_owned()
        } else {
            cert_type
        },
        insu_org: data.short("insuOrg")?,
        document: None,
    })
}

/// Whose code it is, from 1162's answer: all that 1101 says, and a token.
pub(super) fn read_transaction(output: &Node) -> Result<Voucher, Unreadable> {
    let person = person::read(output)?;
    let base = output.object("baseinfo")?;
    let base = base.ok_or_else(|| Unreadable::at("baseinfo", "is missing"))?;
    // Beside the person's own fields, or above them.
    let ec_token = match base.text("ecToken")? {
        token if token.is_empty() => output.token_required("ecToken")?,
        _ => base.token_required("ecToken")?,
    };
    Ok(Voucher {
        ec_token: EcToken::new(ec_token),
        certno: person.certno,
        name: person.psn_name,
        cert_type: if person.psn_cert_type.is_empty() {
            "01".to_owned()
        } else {
            person.psn_cert_type
        },
        insu_org: one_place(&person.insuinfo),
        document: None,
    })
}

/// Where all insurances are, when that is one place: only 1101 tells which of several pays.
fn one_place(rows: &[Insurance]) -> String {
    match rows {
        [first, rest @ ..]
            if rest
                .iter()
                .all(|row| row.insuplc_admdvs == first.insuplc_admdvs) =>
        {
            first.insuplc_admdvs.clone()
        }
        _ => String::new(),
    }
}
