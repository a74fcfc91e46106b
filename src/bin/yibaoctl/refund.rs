//! `refund`: a settled bill is given back, whole.

use yibaod::api::refund_settlement_request::Key;
use yibaod::api::{Operator, OperatorKind, PlatformNumbers, Refund, RefundSettlementRequest};
use yibaod::book::Code;

use crate::args;
use crate::connect::Door;
use crate::draw;
use crate::exit::Exit;
use crate::json;
use crate::out::Out;
use crate::pay::new_request_id;
use crate::trouble::Trouble;

/// Runs it.
pub(crate) async fn run(
    door: &mut Door,
    refund: &args::Refund,
    out: &Out,
) -> Result<Exit, Trouble> {
    let request_id = match &refund.request_id {
        Some(id) => id.clone(),
        None => {
            let id = new_request_id();
            out.notes(&[format!("  退费请求编号 request_id: {id}")]);
            id
        }
    };
    let mut last = Trouble::Usage("no id".to_owned());
    for key in keys(refund) {
        let request = RefundSettlementRequest {
            request_id: request_id.clone(),
            operator: Some(Operator {
                id: refund.operator_id.clone(),
                name: refund.operator_name.clone(),
                kind: OperatorKind::Staff.into(),
            }),
            reason: refund.reason.clone(),
            key: Some(key),
            expected_amount_fen: refund.amount_fen,
        };
        match door.settlements.refund_settlement(request).await {
            Ok(answer) => {
                let refund = answer.into_inner().refund.unwrap_or_default();
                told(&refund, out);
                return Ok(Exit::of_refund(refund.money()));
            }
            Err(status) => last = Trouble::of_pay(status, &request_id),
        }
        // Another kind of id is tried only where nothing has this one.
        let is_unknown = matches!(
            last,
            Trouble::Told {
                code: Code::NotFound,
                ..
            }
        );
        if !is_unknown {
            break;
        }
    }
    Err(last)
}

/// What the id may be, in the order it is tried.
fn keys(refund: &args::Refund) -> Vec<Key> {
    match (&refund.id, &refund.setl_id) {
        (Some(id), _) => vec![
            Key::SettlementRequestId(id.clone()),
            Key::SettlementId(id.clone()),
        ],
        (None, Some(setl_id)) => vec![Key::Platform(PlatformNumbers {
            psn_no: refund.psn_no.clone(),
            mdtrt_id: refund.mdtrt_id.clone(),
            setl_id: setl_id.clone(),
            insuplc_admdvs: refund.insuplc_admdvs.clone(),
            pharmacy: refund.pharmacy,
            insutype: refund.insutype.clone(),
        })],
        (None, None) => Vec::new(),
    }
}

/// Says what is true of it.
pub(crate) fn told(refund: &Refund, out: &Out) {
    if out.is_json() {
        out.object(&json::text(refund));
    } else {
        out.lines(&draw::refund::refund(refund, out.paint(), out.width()));
    }
}
