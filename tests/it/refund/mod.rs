//! Giving settled bills back: once, to the fen, whoever asks and whatever gets lost.

mod elsewhere;
mod killed;
mod lost;
mod twice;

use yibaod::api::refund_settlement_request::Key;
use yibaod::api::{
    Money, Operator, OperatorKind, PlatformNumbers, Refund, RefundMoney, RefundSettlementRequest,
    Settlement,
};
use yibaod::sandbox::platform::Settlement as Row;

use crate::desk::{Desk, Setup, Shows, bill, eventually};

/// A refund by the request_id of the settlement.
pub(crate) fn of_request(request_id: &str, settlement: &str) -> RefundSettlementRequest {
    with_key(request_id, Key::SettlementRequestId(settlement.to_owned()))
}

fn with_key(request_id: &str, key: Key) -> RefundSettlementRequest {
    RefundSettlementRequest {
        request_id: request_id.to_owned(),
        operator: Some(Operator {
            id: "T0001".to_owned(),
            name: "退费员".to_owned(),
            kind: OperatorKind::Staff.into(),
        }),
        key: Some(key),
        ..RefundSettlementRequest::default()
    }
}

/// By the platform's numbers of this settlement.
pub(crate) fn by_numbers(request_id: &str, settlement: &Settlement) -> RefundSettlementRequest {
    let numbers = PlatformNumbers {
        psn_no: settlement.psn_no.clone(),
        mdtrt_id: settlement.mdtrt_id.clone(),
        setl_id: settlement.setl_id.clone(),
        ..PlatformNumbers::default()
    };
    with_key(request_id, Key::Platform(numbers))
}

async fn refund(desk: &Desk, request: RefundSettlementRequest) -> Result<Refund, tonic::Status> {
    let mut client = desk.settlements().await;
    let answer = client.refund_settlement(request).await?.into_inner();
    Ok(answer.refund.expect("an answer has its refund"))
}

/// The refund when its money is final, or only a person can go on; asked with the same request again.
pub(crate) async fn ended(desk: &Desk, request: RefundSettlementRequest) -> Refund {
    let is_over = |refund: &Refund| {
        refund.stuck || matches!(refund.money(), RefundMoney::Refunded | RefundMoney::Refused)
    };
    let over = eventually(async || {
        let refund = refund(desk, request.clone()).await.ok()?;
        Some(refund).filter(is_over)
    });
    over.await.expect("it comes to an end")
}

/// A desk with a bill settled under this request_id.
async fn settled(setup: Setup, request_id: &str) -> (Desk, Settlement) {
    let desk = Desk::start(setup).await;
    let settlement = settle(&desk, request_id).await;
    (desk, settlement)
}

async fn settle(desk: &Desk, request_id: &str) -> Settlement {
    let shows = [Shows::fresh("employee")];
    let settlement = desk.pay(bill(desk, request_id), &shows).await;
    assert_eq!(settlement.money(), Money::Settled, "{settlement:?}");
    settlement
}

/// The rows of the platform's ledger that give this settlement back.
fn rows_of(desk: &Desk, settlement: &Settlement) -> Vec<Row> {
    let is_it =
        |row: &Row| row.refund_of.as_deref() == Some(settlement.setl_id.as_str()) && !row.reversed;
    let rows = desk
        .platform
        .ledger(yibaod::sandbox::platform::Ledger::settlements);
    rows.into_iter().filter(is_it).collect()
}

/// What the answer says is what the platform's ledger says, to the fen.
pub(crate) fn assert_truth(desk: &Desk, settlement: &Settlement, refund: &Refund) {
    let rows = rows_of(desk, settlement);
    match refund.money() {
        RefundMoney::Refunded => {
            assert_eq!(rows.len(), 1, "{refund:?} {rows:?}");
            let charged = settlement.amounts.as_ref().expect("it was charged");
            let given = refund.given_back.as_ref().expect("it was given back");
            assert_eq!(given.total_fen, charged.medfee_sumamt_fen);
            assert_eq!(given.to_patient_fen, charged.psn_cash_pay_fen);
            assert_eq!(given.to_account_fen, charged.acct_pay_fen);
            assert_eq!(given.to_funds_fen, charged.fund_pay_sumamt_fen);
            assert_eq!(-rows[0].amounts.cash.0, given.to_patient_fen);
            assert_eq!(-rows[0].amounts.account.0, given.to_account_fen);
            if let Some(amounts) = &refund.amounts {
                assert_eq!(amounts.medfee_sumamt_fen, -given.total_fen);
                assert_eq!(amounts.psn_cash_pay_fen, -given.to_patient_fen);
                assert_eq!(refund.refund_setl_id, rows[0].setl_id);
                assert_eq!(refund.refund_time, rows[0].setl_time);
            }
            let net = (desk.platform).ledger(|ledger| ledger.net_charged(&settlement.psn_no));
            assert_eq!((net.0.0, net.1.0), (0, 0), "funds and account have it back");
        }
        RefundMoney::Refused => assert!(rows.is_empty(), "{refund:?} {rows:?}"),
        RefundMoney::Unknown => assert!(refund.stuck, "{refund:?}"),
        RefundMoney::Pending | RefundMoney::Unspecified => panic!("no end: {refund:?}"),
    }
}

/// Told of a refund that another request made: the same one, and a word that nothing is to be handed back again.
pub fn assert_told_of(told: &Refund, first: &Refund) {
    let same = Refund {
        error: first.error.clone(),
        ..told.clone()
    };
    assert_eq!(&same, first);
    if first.error.is_none() && first.money() == yibaod::api::RefundMoney::Refunded {
        assert_eq!(code_of(told), "REFUNDED_BEFORE");
    }
}

fn code_of(refund: &Refund) -> &str {
    refund
        .error
        .as_ref()
        .map_or("", |error| error.name.as_str())
}
