//! A refund and its repetitions, by whom and under whichever id.

use yibaod::api::refund_settlement_request::Key;
use yibaod::api::{
    GetRefundRequest, ListSettlementsRequest, Money, RefundMoney, RefundSettlementRequest,
    get_refund_request,
};

use super::{
    assert_told_of, assert_truth, by_numbers, code_of, of_request, refund, settle, settled,
    with_key,
};
use crate::desk::{Desk, Setup, Shows, bill, refusal, without_paper};
use crate::resolve::yibaoctl;

/// Refunds of one settlement at once.
const AT_ONCE: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn a_settled_bill_is_given_back_once_and_told_ever_after() {
    let (mut desk, settlement) = settled(Setup::default(), "bill-1").await;
    let request = RefundSettlementRequest {
        reason: "开错药".to_owned(),
        expected_amount_fen: 19_020,
        ..of_request("back-1", "bill-1")
    };
    let first = refund(&desk, request.clone()).await.expect("it is taken");
    assert_eq!(first.money(), RefundMoney::Refunded, "{first:?}");
    assert_eq!((code_of(&first), first.infno.as_str()), ("", "2208"));
    assert_eq!(first.settlement_id, settlement.settlement_id);
    assert_truth(&desk, &settlement, &first);

    // The same again, field for field; also after a restart.
    assert_eq!(refund(&desk, request.clone()).await.expect("again"), first);
    desk.stop().await;
    desk.start_daemon().await;
    assert_eq!(refund(&desk, request.clone()).await.expect("again"), first);
    // Another id, another key: told of the first refund.
    let keys = [
        of_request("back-2", "bill-1"),
        with_key(
            "back-3",
            Key::SettlementId(settlement.settlement_id.clone()),
        ),
        by_numbers("back-4", &settlement),
    ];
    for other in keys {
        assert_told_of(&refund(&desk, other).await.expect("told"), &first);
    }
    assert_eq!(desk.received("2208"), 1);
    // The same id with another body.
    let other = RefundSettlementRequest {
        reason: "另一个原因".to_owned(),
        ..request
    };
    let refused = refusal(&refund(&desk, other).await.expect_err("another body"));
    assert_eq!(refused.name, "REQUEST_ID_OTHER_BODY");
    assert_eq!(refused.fields, "reason");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_settlement_shows_its_refund_and_its_own_answer_stays() {
    let (desk, settlement) = settled(Setup::default(), "bill-1").await;
    assert_eq!(desk.get("bill-1").await.expect("it is there").refund, None);
    let given = refund(&desk, of_request("back-1", "bill-1")).await;
    let given = given.expect("it is taken");
    let shown = desk.get("bill-1").await.expect("it is there");
    assert_eq!(shown.money(), Money::Settled, "it was settled");
    let brief = shown.refund.expect("it shows");
    assert_eq!(brief.money(), RefundMoney::Refunded);
    assert_eq!(
        (&brief.refund_id, &brief.refund_setl_id),
        (&given.refund_id, &given.refund_setl_id)
    );
    let mut client = desk.settlements().await;
    for key in [
        get_refund_request::Key::RefundId(given.refund_id.clone()),
        get_refund_request::Key::RequestId(given.request_id.clone()),
        get_refund_request::Key::RefundSetlId(given.refund_setl_id.clone()),
    ] {
        let request = GetRefundRequest { key: Some(key) };
        let found = client.get_refund(request).await.expect("it is there");
        assert_eq!(found.into_inner().refund.as_ref(), Some(&given));
    }
    for key in [
        get_refund_request::Key::RefundId(settlement.settlement_id.clone()),
        get_refund_request::Key::RequestId("bill-1".to_owned()),
        get_refund_request::Key::RefundSetlId(settlement.setl_id.clone()),
    ] {
        let request = GetRefundRequest { key: Some(key) };
        let status = client
            .get_refund(request)
            .await
            .expect_err("it is no refund");
        assert_eq!(refusal(&status).name, "NOT_FOUND");
    }
    let by_ids = [&given.refund_id, &given.request_id, &given.refund_setl_id];
    for id in by_ids {
        let (printed, exit) = yibaoctl(&desk, &["show", id]);
        assert_eq!(exit, 0, "{printed}");
        assert!(printed.contains("REFUNDED"), "{printed}");
    }
    let list = client.list_settlements(ListSettlementsRequest::default());
    let list = list.await.expect("a list").into_inner().settlements;
    assert_eq!(list.len(), 1, "refunds are no settlements: {list:?}");
    assert_eq!(list[0].refund(), RefundMoney::Refunded);
    // Repeated, the answer of the settlement is what it was.
    let again = desk.scan_and_pay(bill(&desk, "bill-1")).await;
    assert_eq!(
        without_paper(&again.expect("it is repeated")),
        without_paper(&settlement)
    );
    // And the bill may be settled anew.
    let anew = settle(&desk, "bill-2").await;
    assert_ne!(anew.setl_id, settlement.setl_id);
    assert_eq!(anew.refund, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn refunds_of_one_settlement_at_once_send_one_2208() {
    let (desk, settlement) = settled(Setup::default(), "bill-1").await;
    desk.platform.arm("F3@2208:300").expect("a fault");
    let calls = (0..AT_ONCE).map(|i| refund(&desk, of_request(&format!("back-{i}"), "bill-1")));
    let answers = futures_util::future::join_all(calls).await;
    let answers: Vec<_> = answers
        .into_iter()
        .map(|it| it.expect("it is told"))
        .collect();
    let mut began = answers.iter().filter(|answer| answer.error.is_none());
    let first = began.next().expect("one of them began it");
    assert_eq!(began.next(), None, "and one only");
    for answer in answers.iter().filter(|answer| answer.error.is_some()) {
        assert_told_of(answer, first);
    }
    assert_truth(&desk, &settlement, first);
    assert_eq!(desk.received("2208"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_stand_is_not_given_back() {
    let desk = Desk::start(Setup::default()).await;
    desk.platform.arm("F2@1101!").expect("a fault");
    let refused = desk
        .pay(bill(&desk, "bill-0"), &[Shows::fresh("employee")])
        .await;
    assert_eq!(refused.money(), Money::Refused, "{refused:?}");
    desk.platform.disarm();
    let settlement = settle(&desk, "bill-1").await;
    let other_total = RefundSettlementRequest {
        expected_amount_fen: 1,
        ..of_request("back-1", "bill-1")
    };
    for (request, name) in [
        (of_request("back-2", "bill-0"), "REFUND_NOT_SETTLED"),
        (of_request("back-3", "bill-9"), "NOT_FOUND"),
        (other_total, "REFUND_AMOUNT_DIFFERS"),
        (of_request("bill-1", "bill-1"), "REQUEST_ID_OTHER_BODY"),
        (of_request("a b", "bill-1"), "REQUEST_ID_INVALID"),
    ] {
        let status = refund(&desk, request.clone()).await.expect_err("refused");
        assert_eq!(refusal(&status).name, name, "{request:?}");
    }
    assert_eq!(desk.received("2208"), 0);
    desk.assert_charged_once(&settlement);
    // And a refund's id names no settlement.
    refund(&desk, of_request("back-4", "bill-1"))
        .await
        .expect("it is taken");
    let status = desk.scan_and_pay(bill(&desk, "back-4")).await;
    let taken = refusal(&status.expect_err("the id is taken"));
    assert_eq!(taken.name, "REQUEST_ID_OTHER_BODY");
}

#[tokio::test(flavor = "multi_thread")]
async fn amounts_that_do_not_mirror_are_refunded_with_a_loud_word() {
    let (desk, settlement) = settled(Setup::default(), "bill-1").await;
    // The refund's funds are told with the account in them, the settlement's were not.
    desk.platform.arm("F9@2208").expect("a fault");
    let given = refund(&desk, of_request("back-1", "bill-1")).await;
    let given = given.expect("it is taken");
    assert_eq!(given.money(), RefundMoney::Refunded);
    assert_eq!(code_of(&given), "REFUND_COMPARE");
    assert_eq!(super::rows_of(&desk, &settlement).len(), 1);
    // Text for numbers and nulls for what can be rebuilt are no difference.
    let settlement = settle(&desk, "bill-2").await;
    desk.platform.arm("F8@2208").expect("a fault");
    let given = refund(&desk, of_request("back-2", "bill-2")).await;
    let given = given.expect("it is taken");
    assert_eq!(code_of(&given), "", "{given:?}");
    assert_truth(&desk, &settlement, &given);
}
