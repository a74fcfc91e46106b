//! The e-voucher service: `ec.query` by `localQrCodeQuery`. It has an envelope of its own.

use zeroize::Zeroizing;

use super::json::{Node, Object, Unreadable};
use super::request::{EC_QUERY, Expect, Message, Missing, need};
use crate::config::Profile;
use crate::person::{EcToken, IdNo, Name};
use crate::settlement::call::Call;
use crate::settlement::known::Voucher;
use crate::settlement::order::{OperatorKind, OrderKind};

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
    let (operator, office) = (&call.order.operator, &call.order.office);
    let mut data = Object::new()
        .text("orgId", &profile.fixmedins_code)
        .text("businessType", business_type(call.order.kind))
        .text("operatorId", &operator.id)
        .text("operatorName", &operator.name)
        .text("officeId", &office.id)
        .text("officeName", &office.name);
    // Left out where a person works the terminal.
    if operator.kind == OperatorKind::Kiosk {
        data = data.text("deviceType", "SelfService");
    }
    Object::new()
        .text("orgId", &profile.fixmedins_code)
        .text("transType", EC_QUERY)
        .object("data", data.text("ecQrCode", code))
        .finish()
}

/// 用码业务类型.
fn business_type(kind: OrderKind) -> &'static str {
    match kind {
        OrderKind::Registration => "01101",
        OrderKind::Outpatient | OrderKind::DoctorDesk => "01301",
        OrderKind::Pharmacy => "02121",
    }
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
    })
}
