//! Refunds: the request, the answer, and what is shown of one beside its settlement.

use super::error::{entry, with_case};
use super::fields::Fields;
use super::order::{operator, request_id, request_id_into};
use super::settlement::{ID_LENGTH_MAX, amounts, settlement};
use super::stuck::refund_resolution;
use super::time::{rfc3339, rfc3339_or_empty};
use crate::api as wire;
use crate::book::Code;
use crate::operation::{Failure, RefundKey, Resolved};
use crate::settlement::answer::Reason;
use crate::settlement::bill::Fen;
use crate::settlement::refund::{
    Answer, GivenBack, Key, Money, Named, Order, REASON_CHARS_MAX, Summary,
};

/// Characters of a platform's number.
const NUMBER_LENGTH_MAX: usize = 30;
/// Characters of an area.
const AREA_LENGTH_MAX: usize = 6;
/// Characters of a kind of insurance.
const INSUTYPE_LENGTH_MAX: usize = 6;
/// Characters of the platform's own words that go on.
const DETAIL_LENGTH_MAX: usize = 200;

/// The checked request.
///
/// # Errors
/// What is wrong with it, by field.
pub fn order(request: wire::RefundSettlementRequest) -> Result<Order, Failure> {
    use wire::refund_settlement_request::Key as Wire;
    let mut fields = Fields::default();
    request_id_into(&mut fields, &request.request_id);
    let operator = operator(&mut fields, request.operator.unwrap_or_default());
    let reason = fields.optional("reason", request.reason, REASON_CHARS_MAX);
    let key = match request.key {
        Some(Wire::SettlementId(id)) => {
            Key::SettlementId(fields.required("settlement_id", id, ID_LENGTH_MAX))
        }
        Some(Wire::SettlementRequestId(id)) => Key::RequestId(request_id(id)?),
        Some(Wire::Platform(numbers)) => Key::Named(named(&mut fields, numbers)),
        None => {
            let why = "one of settlement_id, settlement_request_id, platform is required";
            fields.wrong(Code::RequestInvalid, "key", why);
            Key::SettlementId(String::new())
        }
    };
    let expected = match request.expected_amount_fen {
        0 => None,
        fen => Some(fields.fen("expected_amount_fen", fen)),
    };
    fields.finish(Order {
        request_id: request.request_id,
        operator,
        reason,
        key,
        expected,
    })
}

fn named(fields: &mut Fields, numbers: wire::PlatformNumbers) -> Named {
    let most = NUMBER_LENGTH_MAX;
    Named {
        psn_no: fields.required("platform.psn_no", numbers.psn_no, most),
        mdtrt_id: fields.required("platform.mdtrt_id", numbers.mdtrt_id, most),
        setl_id: fields.required("platform.setl_id", numbers.setl_id, most),
        insuplc_admdvs: fields.optional(
            "platform.insuplc_admdvs",
            numbers.insuplc_admdvs,
            AREA_LENGTH_MAX,
        ),
        is_pharmacy: numbers.pharmacy,
        insutype: fields.optional("platform.insutype", numbers.insutype, INSUTYPE_LENGTH_MAX),
    }
}

/// Which refund is asked for.
///
/// # Errors
/// No key, or one of another form.
pub fn key(request: wire::GetRefundRequest) -> Result<RefundKey, Failure> {
    use wire::get_refund_request::Key;
    let mut fields = Fields::default();
    let key = match request.key {
        Some(Key::RefundId(id)) => RefundKey::Id(fields.required("refund_id", id, ID_LENGTH_MAX)),
        Some(Key::RequestId(id)) => RefundKey::RequestId(request_id(id)?),
        Some(Key::RefundSetlId(id)) => {
            RefundKey::SetlId(fields.required("refund_setl_id", id, ID_LENGTH_MAX))
        }
        None => {
            let why = "one of refund_id, request_id, refund_setl_id is required";
            fields.wrong(Code::RequestInvalid, "key", why);
            RefundKey::Id(String::new())
        }
    };
    fields.finish(key)
}

/// What is true of a refund, whole.
#[must_use]
pub fn refund(answer: Answer) -> wire::Refund {
    wire::Refund {
        refund_id: answer.refund_id,
        request_id: answer.request_id,
        money: money(answer.money).into(),
        stuck: answer.stuck,
        error: answer.reason.map(|reason| error(&reason, answer.money)),
        settlement_id: answer.settlement_id,
        psn_no: answer.psn_no,
        mdtrt_id: answer.mdtrt_id,
        setl_id: answer.setl_id,
        refund_setl_id: answer.refund_setl_id,
        refund_time: answer.refund_time,
        msgid: answer.msgid,
        infno: answer.infno,
        given_back: answer.given_back.map(given_back),
        amounts: answer.amounts.map(amounts),
        resolved: answer.resolved.map(refund_resolution),
        accepted_at: rfc3339(answer.accepted_at_ms),
        ended_at: rfc3339_or_empty(answer.ended_at_ms),
    }
}

/// What is known of this refund stands above what the code alone can say.
fn error(reason: &Reason, of: Money) -> wire::ErrorEntry {
    let (money, repeat) = match of {
        Money::Refunded => (wire::ErrorMoney::NotCharged, wire::Repeat::SameId),
        Money::Refused => (wire::ErrorMoney::NotConcerned, wire::Repeat::NewId),
        Money::Unknown => (wire::ErrorMoney::Unknown, wire::Repeat::AskOnly),
        Money::Pending => (wire::ErrorMoney::Unknown, wire::Repeat::SameId),
    };
    let of_case = wire::ErrorEntry {
        money: money.into(),
        repeat: repeat.into(),
        detail: reason.text.chars().take(DETAIL_LENGTH_MAX).collect(),
        ..entry(reason.code)
    };
    with_case(reason.code, of_case)
}

/// What is shown beside the settlement.
#[must_use]
pub fn brief(summary: Summary) -> wire::RefundBrief {
    wire::RefundBrief {
        refund_id: summary.refund_id,
        money: money(summary.money).into(),
        refund_setl_id: summary.refund_setl_id,
        refund_time: summary.refund_time,
        ended_at: rfc3339_or_empty(summary.ended_at_ms),
    }
}

/// What a person stated, and what is true from here on.
#[must_use]
pub fn resolved(resolved: Resolved) -> wire::ResolveSettlementResponse {
    match resolved {
        Resolved::Settlement(answer) => wire::ResolveSettlementResponse {
            settlement: Some(settlement(answer)),
            ..wire::ResolveSettlementResponse::default()
        },
        Resolved::Refund(answer) => wire::ResolveSettlementResponse {
            refund: Some(refund(answer)),
            ..wire::ResolveSettlementResponse::default()
        },
        Resolved::Dispense(dispense_id) => wire::ResolveSettlementResponse {
            dispense_id,
            ..wire::ResolveSettlementResponse::default()
        },
    }
}

/// The money.
#[must_use]
pub fn money(money: Money) -> wire::RefundMoney {
    match money {
        Money::Refunded => wire::RefundMoney::Refunded,
        Money::Refused => wire::RefundMoney::Refused,
        Money::Unknown => wire::RefundMoney::Unknown,
        Money::Pending => wire::RefundMoney::Pending,
    }
}

fn given_back(given: GivenBack) -> wire::GivenBack {
    let Fen(total_fen) = given.total;
    wire::GivenBack {
        total_fen,
        to_patient_fen: given.to_patient.0,
        to_account_fen: given.to_account.0,
        to_funds_fen: given.to_funds.0,
        by_hospital_fen: given.by_hospital.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> wire::RefundSettlementRequest {
        wire::RefundSettlementRequest {
            request_id: "RF-1".into(),
            operator: Some(wire::Operator {
                id: "0001".into(),
                name: "收费员".into(),
                kind: wire::OperatorKind::Staff.into(),
            }),
            reason: "开错药".into(),
            key: Some(wire::refund_settlement_request::Key::Platform(
                wire::PlatformNumbers {
                    psn_no: "P1".into(),
                    mdtrt_id: "M1".into(),
                    setl_id: "S1".into(),
                    ..wire::PlatformNumbers::default()
                },
            )),
            expected_amount_fen: 0,
        }
    }

    #[test]
    fn a_whole_request_is_read() {
        let order = order(request()).unwrap();
        let Key::Named(named) = order.key else {
            panic!("the platform's numbers");
        };
        assert_eq!(
            (named.psn_no.as_str(), named.setl_id.as_str()),
            ("P1", "S1")
        );
        assert_eq!(order.expected, None);
        let priced = wire::RefundSettlementRequest {
            expected_amount_fen: 5,
            ..request()
        };
        assert_eq!(super::order(priced).unwrap().expected, Some(Fen(5)));
    }

    #[test]
    fn what_is_missing_is_named() {
        let nothing = wire::RefundSettlementRequest {
            expected_amount_fen: -1,
            ..wire::RefundSettlementRequest::default()
        };
        let failure = order(nothing).unwrap_err();
        assert_eq!(
            failure.fields,
            [
                "request_id",
                "operator.kind",
                "operator.id",
                "operator.name",
                "key",
                "expected_amount_fen"
            ]
        );
        let numberless = wire::RefundSettlementRequest {
            key: Some(wire::refund_settlement_request::Key::Platform(
                wire::PlatformNumbers::default(),
            )),
            ..request()
        };
        let failure = order(numberless).unwrap_err();
        assert_eq!(
            failure.fields,
            ["platform.psn_no", "platform.mdtrt_id", "platform.setl_id"]
        );
    }
}
