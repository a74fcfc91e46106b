//! CancelSettlement at every stage: three answers, never silence.

use yibaod::api::{
    CancelSettlementRequest, CancelSettlementResponse, CancelVerdict, ConfirmPoint, Money, Stage,
};

use super::{answer_of, calling, show_when_asked, until_stage};
use crate::desk::{Desk, Setup, Shows, bill, error_name, refusal};

async fn cancel(desk: &Desk, request_id: &str) -> CancelSettlementResponse {
    let request = CancelSettlementRequest {
        request_id: request_id.to_owned(),
    };
    let answer = desk.settlements().await.cancel_settlement(request).await;
    answer.expect("an answer").into_inner()
}

/// Cancelled, the caller is told the same, and nothing is left.
async fn cancelled_at(slow: &[&str], stage: Stage, confirm: &[ConfirmPoint]) {
    let desk = Desk::start(Setup::default()).await;
    for fault in slow {
        desk.platform.arm(fault).expect("a fault");
    }
    let mut request = bill(&desk, "cancel");
    request.confirm = confirm.iter().map(|point| i32::from(*point)).collect();
    let mut events = desk.watch("cancel").await;
    let call = calling(&desk, request.clone()).await;
    if stage != Stage::WaitingScan {
        show_when_asked(&desk, &mut events, "employee").await;
    }
    until_stage(&mut events, stage).await;
    let told = cancel(&desk, "cancel").await;
    assert_eq!(
        told.verdict(),
        CancelVerdict::Cancelled,
        "{stage:?}: {told:?}"
    );
    let ended = told.settlement.expect("what is true now");
    let answer = answer_of(call).await;
    assert_eq!(answer, ended, "{stage:?}");
    assert_eq!(
        (ended.money(), error_name(&ended)),
        (Money::Cancelled, "CANCELLED_BY_CALLER")
    );
    desk.truth("cancel").await;
    desk.assert_nothing_charged();
    assert_eq!(desk.received("2207"), 0);

    let again = cancel(&desk, "cancel").await;
    assert_eq!(again.verdict(), CancelVerdict::Cancelled);
    assert_eq!(again.settlement.as_ref(), Some(&ended));
    assert_eq!(desk.scan_and_pay(request).await.expect("repeated"), ended);
    assert_eq!(desk.papers_in_the_end().await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_code_is_awaited() {
    cancelled_at(&[], Stage::WaitingScan, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_code_is_decoded() {
    cancelled_at(&["F3@ec.query:3000"], Stage::Decoding, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_person_is_to_be_confirmed() {
    cancelled_at(&[], Stage::WaitingPerson, &[ConfirmPoint::Person]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_registering() {
    cancelled_at(&["F3@2201:3000"], Stage::Registering, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_registered() {
    cancelled_at(&["F3@2203:3000"], Stage::Visit, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_fees_are_sent() {
    cancelled_at(&["F3@2204:3000"], Stage::Fees, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_amounts_are_to_be_confirmed() {
    cancelled_at(&[], Stage::WaitingAmounts, &[ConfirmPoint::Amounts]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_late_while_being_settled_and_when_settled() {
    let desk = Desk::start(Setup {
        money_call_ms: 10_000,
        ..Setup::default()
    })
    .await;
    desk.platform.arm("F3@2207:5000").expect("a fault");
    let mut events = desk.watch("late").await;
    let call = calling(&desk, bill(&desk, "late")).await;
    show_when_asked(&desk, &mut events, "employee").await;
    desk.until_received("2207", 1).await;
    let told = cancel(&desk, "late").await;
    assert_eq!(
        told.verdict(),
        CancelVerdict::TooLateBeingSettled,
        "{told:?}"
    );
    let answer = answer_of(call).await;
    desk.assert_charged_once(&answer);

    let told = cancel(&desk, "late").await;
    assert_eq!(told.verdict(), CancelVerdict::TooLateSettled, "{told:?}");
    assert_eq!(told.settlement.as_ref(), Some(&answer));
    assert_eq!((desk.received("2207"), desk.received("2208")), (1, 0));
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_late_while_the_answer_is_being_found_out() {
    let desk = Desk::start(Setup::default()).await;
    desk.platform.arm("F1@2207").expect("a fault");
    desk.platform.arm("F1@5203").expect("a fault");
    let mut events = desk.watch("lost").await;
    let call = calling(&desk, bill(&desk, "lost")).await;
    show_when_asked(&desk, &mut events, "employee").await;
    until_stage(&mut events, Stage::FindingOut).await;
    let told = cancel(&desk, "lost").await;
    assert_eq!(
        told.verdict(),
        CancelVerdict::TooLateBeingSettled,
        "{told:?}"
    );
    let answer = answer_of(call).await;
    desk.assert_charged_once(&answer);
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_late_while_the_receipt_waits() {
    let desk = Desk::start(Setup {
        print_wait_ms: 200,
        ..Setup::default()
    })
    .await;
    desk.printer.paper_out_after(0);
    let answer = desk
        .pay(bill(&desk, "queued"), &[Shows::fresh("employee")])
        .await;
    let told = cancel(&desk, "queued").await;
    assert_eq!(told.verdict(), CancelVerdict::TooLateSettled, "{told:?}");
    desk.assert_charged_once(&answer);
    desk.printer.refill();
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ended_and_an_unknown_one() {
    let desk = Desk::start(Setup::default()).await;
    let refused = desk
        .pay(bill(&desk, "refused"), &[Shows::fresh("resident")])
        .await;
    assert_eq!(refused.money(), Money::Refused);
    let told = cancel(&desk, "refused").await;
    assert_eq!(
        told.verdict(),
        CancelVerdict::Cancelled,
        "it ended without money"
    );
    assert_eq!(told.settlement, Some(refused));

    let request = CancelSettlementRequest {
        request_id: "never-heard-of".to_owned(),
    };
    let status = desk
        .settlements()
        .await
        .cancel_settlement(request)
        .await
        .expect_err("unknown");
    assert_eq!(status.code(), tonic::Code::NotFound);
    assert_eq!(refusal(&status).name, "NOT_FOUND");
}
