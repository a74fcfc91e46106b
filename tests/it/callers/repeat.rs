//! The same request again: at once, later, after a restart, changed.

use std::time::Duration;

use tonic::Request;
use yibaod::api::{Money, PaperState, PrintWish, ScanAndPayRequest};

use super::{answer_of, calling, show_when_asked};
use crate::desk::{Desk, Setup, Shows, bill, paper_of, refusal};

#[tokio::test(flavor = "multi_thread")]
async fn twice_at_once_is_one_settlement() {
    let desk = Desk::start(Setup::default()).await;
    let mut events = desk.watch("twice").await;
    let mut calls = Vec::new();
    for _ in 0..4 {
        calls.push(calling(&desk, bill(&desk, "twice")).await);
    }
    show_when_asked(&desk, &mut events, "employee").await;
    let mut answers = Vec::new();
    for call in calls {
        answers.push(answer_of(call).await);
    }
    desk.assert_charged_once(&answers[0]);
    assert_eq!(paper_of(&answers[0]).0, PaperState::Printed);
    for answer in &answers {
        assert_eq!(answer, &answers[0]);
    }
    assert_eq!(desk.received("2207"), 1);
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn later_and_after_a_restart_it_is_repeated_field_for_field() {
    let mut desk = Desk::start(Setup::default()).await;
    let request = bill(&desk, "again");
    let first = desk.pay(request.clone(), &[Shows::fresh("employee")]).await;
    desk.assert_charged_once(&first);
    desk.until_idle().await;
    for stop in [None, Some(false), Some(true)] {
        match stop {
            None => {}
            Some(false) => desk.kill(),
            Some(true) => desk.stop().await,
        }
        if stop.is_some() {
            desk.start_daemon().await;
        }
        let again = desk.scan_and_pay(request.clone()).await.expect("repeated");
        assert_eq!(again, first, "{stop:?}");
        assert_eq!(desk.get("again").await.as_ref(), Some(&first), "{stop:?}");
    }
    assert_eq!((desk.received("2207"), desk.received("ec.query")), (1, 1));
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_repeated_too() {
    let mut desk = Desk::start(Setup::default()).await;
    let request = bill(&desk, "refused");
    let first = desk.pay(request.clone(), &[Shows::fresh("resident")]).await;
    assert_eq!(first.money(), Money::Refused, "{first:?}");
    assert_eq!(crate::desk::error_name(&first), "PERSON_MISMATCH");
    desk.assert_nothing_charged();
    desk.until_idle().await;
    desk.kill();
    desk.start_daemon().await;
    assert_eq!(desk.scan_and_pay(request).await.expect("repeated"), first);
    assert_eq!(desk.received("ec.query"), 1);
    assert_eq!(desk.papers_in_the_end().await.len(), 0);
}

type Change = fn(&mut ScanAndPayRequest);

/// What another body is, and the field that is named for it.
const OTHER_BODIES: [(&str, Change); 10] = [
    ("bills", |request| {
        request.bills[0].lines.pop();
    }),
    ("patient", |request| {
        patient(request).name = "别人".to_owned()
    }),
    ("operator", |request| {
        request.operator.as_mut().expect("it has one").id = "0108".to_owned();
    }),
    ("visit", |request| {
        request.visit.as_mut().expect("it has one").dept_name = "外科门诊".to_owned();
    }),
    ("insutype", |request| request.insutype = "390".to_owned()),
    ("fresh_code", |request| request.fresh_code = true),
    ("confirm", |request| request.confirm = vec![2]),
    // Bodies that could not be read at all: nobody may take from it that the first was not charged.
    ("account_use", |request| request.account_use = 99),
    ("scan_wait_ms", |request| request.scan_wait_ms = u32::MAX),
    ("bills", |request| request.bills.clear()),
];

fn patient(request: &mut ScanAndPayRequest) -> &mut yibaod::api::Patient {
    request.patient.as_mut().expect("it has one")
}

#[tokio::test(flavor = "multi_thread")]
async fn another_body_is_refused_and_its_field_named() {
    let mut desk = Desk::start(Setup::default()).await;
    let mut events = desk.watch("other").await;
    let call = calling(&desk, bill(&desk, "other")).await;
    super::until_stage(&mut events, yibaod::api::Stage::WaitingScan).await;
    // While it runs, when it has ended, and from another process.
    other_bodies_are_refused(&desk, "running").await;
    assert_eq!(desk.received("ec.query"), 0, "nothing was sent");
    super::show(&desk, "employee").await;
    let answer = answer_of(call).await;
    desk.assert_charged_once(&answer);
    other_bodies_are_refused(&desk, "ended").await;
    desk.until_idle().await;
    desk.kill();
    desk.start_daemon().await;
    other_bodies_are_refused(&desk, "restarted").await;
    assert_eq!((desk.received("2207"), desk.received("ec.query")), (1, 1));
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}

async fn other_bodies_are_refused(desk: &Desk, when: &str) {
    for (field, change) in OTHER_BODIES {
        let mut request = bill(desk, "other");
        change(&mut request);
        let status = desk.scan_and_pay(request).await.expect_err(field);
        let refusal = refusal(&status);
        assert_eq!(
            refusal.name, "REQUEST_ID_OTHER_BODY",
            "{when} {field}: {refusal:?}"
        );
        assert_eq!(refusal.fields, field, "{when}");
        assert_eq!(status.code(), tonic::Code::AlreadyExists);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_print_wishes_and_waits_are_the_same_request() {
    let desk = Desk::start(Setup::default()).await;
    let first = desk
        .pay(bill(&desk, "wish"), &[Shows::fresh("employee")])
        .await;
    for wish in [PrintWish::No, PrintWish::Receipt, PrintWish::Required] {
        let mut request = bill(&desk, "wish");
        request.print = wish.into();
        request.scan_wait_ms = 5_000;
        assert_eq!(
            desk.scan_and_pay(request).await.expect("the same"),
            first,
            "{wish:?}"
        );
    }
    assert_eq!(desk.received("2207"), 1);
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn just_before_the_deadline_it_is_pending() {
    let desk = Desk::start(Setup {
        money_call_ms: 10_000,
        ..Setup::default()
    })
    .await;
    desk.platform.arm("F3@2207:8000").expect("a fault");
    let patient = desk.patient("pending", &[Shows::fresh("employee")]).await;
    let mut request = Request::new(bill(&desk, "pending"));
    request.set_timeout(Duration::from_secs(5));
    let answer = desk
        .settlements()
        .await
        .scan_and_pay(request)
        .await
        .expect("before it");
    let pending = answer.into_inner().settlement.expect("an answer");
    assert!(
        matches!(pending.money(), Money::Pending | Money::Unknown),
        "{pending:?}"
    );

    let settled = desk
        .scan_and_pay(bill(&desk, "pending"))
        .await
        .expect("joined");
    patient.abort();
    desk.assert_charged_once(&settled);
    assert_eq!(settled.settlement_id, pending.settlement_id);
    assert_eq!(desk.received("2207"), 1);
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn pending_before_the_code_still_takes_the_code() {
    let desk = Desk::start(Setup::default()).await;
    let mut request = Request::new(bill(&desk, "slow-patient"));
    request.set_timeout(Duration::from_secs(4));
    let answer = desk
        .settlements()
        .await
        .scan_and_pay(request)
        .await
        .expect("before it");
    let pending = answer.into_inner().settlement.expect("an answer");
    assert_eq!(pending.money(), Money::Pending, "{pending:?}");
    // Nobody waits, but nobody went away either.
    let mut events = desk.watch("slow-patient").await;
    show_when_asked(&desk, &mut events, "employee").await;
    let settled = desk.until_settled("slow-patient").await;
    desk.assert_charged_once(&settled);
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}
