//! The scanner: one asker at a time, no code from before, and what happens when it is not there.

use std::sync::Arc;

use yibaod::api::{Money, Settlement, Stage};
use yibaod::sandbox::devices::scanner::Terminator;
use yibaod::sandbox::platform::{Options, Platform};

use super::{answer_of, calling, show, show_when_asked, until_stage};
use crate::desk::{Desk, Setup, Shows, bill, bill_for, error_name, eventually, refusal};

#[tokio::test(flavor = "multi_thread")]
async fn two_callers_are_served_in_order_of_arrival() {
    let desk = Desk::start(Setup::default()).await;
    let persons = ["employee", "resident", "civil_servant"];
    let mut waiting = Vec::new();
    for (place, person) in (0_u32..).zip(persons) {
        let mut events = desk.watch(person).await;
        let call = calling(&desk, bill_for(&desk.platform, person, person)).await;
        if place == 0 {
            until_stage(&mut events, Stage::WaitingScan).await;
        } else {
            let queued = loop {
                let event = super::next(&mut events).await.expect("it runs");
                if event.queue_place > 0 {
                    break event;
                }
            };
            assert_eq!((queued.stage(), queued.queue_place), (Stage::Queued, place));
        }
        waiting.push((person, call, events));
    }
    let mut answers: Vec<Settlement> = Vec::new();
    for (person, call, mut events) in waiting {
        if person == "employee" {
            show(&desk, person).await;
        } else {
            show_when_asked(&desk, &mut events, person).await;
        }
        answers.push(answer_of(call).await);
    }
    for (person, answer) in persons.iter().zip(&answers) {
        let person = desk
            .platform
            .person(person)
            .expect("a person of the sandbox");
        assert_eq!(
            answer.psn_no, person.psn_no,
            "each code went to its own asker"
        );
        desk.assert_charged_once(answer);
    }
    assert_eq!(desk.received("ec.query"), 3);
    assert_eq!(desk.papers_in_the_end().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_caller_that_goes_leaves_the_queue() {
    let desk = Desk::start(Setup {
        rejoin_s: 0,
        ..Setup::default()
    })
    .await;
    let mut first_events = desk.watch("first").await;
    let first = calling(&desk, bill(&desk, "first")).await;
    until_stage(&mut first_events, Stage::WaitingScan).await;
    let second = calling(&desk, bill_for(&desk.platform, "resident", "second")).await;
    let queued = async || {
        desk.get("second")
            .await
            .filter(|seen| seen.stage() != Stage::Ended)
    };
    assert!(eventually(queued).await.is_some());
    super::hang_up(second).await;
    let gone = desk.truth("second").await.expect("it was taken");
    assert_eq!(
        (gone.money(), error_name(&gone)),
        (Money::Cancelled, "CALLER_GONE")
    );
    show(&desk, "employee").await;
    desk.assert_charged_once(&answer_of(first).await);
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn unplugged_while_armed_and_plugged_in_again() {
    let desk = Desk::start(Setup::default()).await;
    let mut events = desk.watch("unplugged").await;
    let call = calling(&desk, bill(&desk, "unplugged")).await;
    until_stage(&mut events, Stage::WaitingScan).await;
    desk.scanner.unplug();
    let answer = answer_of(call).await;
    assert_eq!(
        (answer.money(), error_name(&answer)),
        (Money::Refused, "SCANNER_UNPLUGGED")
    );
    desk.assert_nothing_charged();
    desk.scanner.replug().expect("a pty");
    let next = desk
        .pay(bill(&desk, "next"), &[Shows::fresh("employee")])
        .await;
    desk.assert_charged_once(&next);
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_scanner_is_there() {
    let platform = Platform::start(Options::default())
        .await
        .expect("a free port");
    let mut desk = Desk::prepare(Arc::new(platform), Setup::default());
    desk.scanner.unplug();
    desk.start_daemon().await;
    let answer = desk
        .scan_and_pay(bill(&desk, "missing"))
        .await
        .expect("taken");
    assert_eq!(
        (answer.money(), error_name(&answer)),
        (Money::Refused, "SCANNER_MISSING")
    );
    assert_eq!(desk.received("ec.query"), 0);
    desk.assert_nothing_charged();
    desk.scanner.replug().expect("a pty");
    let next = desk
        .pay(bill(&desk, "next"), &[Shows::fresh("employee")])
        .await;
    desk.assert_charged_once(&next);
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_from_before_is_not_used() {
    let desk = Desk::start(Setup::default()).await;
    let old = desk
        .platform
        .fresh_code("employee")
        .expect("a person of the sandbox");
    desk.scanner
        .scan(old.as_bytes(), Terminator::Cr)
        .await
        .expect("the pty takes it");
    let mut events = desk.watch("before").await;
    let call = calling(&desk, bill(&desk, "before")).await;
    show_when_asked(&desk, &mut events, "employee").await;
    desk.assert_charged_once(&answer_of(call).await);
    let decoded = desk.platform.ledger(|ledger| ledger.received("ec.query"));
    assert_eq!(decoded.len(), 1, "{decoded:?}");
    assert!(
        !decoded[0].body.to_string().contains(&old),
        "the old code was sent"
    );
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_scans() {
    let desk = Desk::start(Setup::default()).await;
    let mut request = bill(&desk, "nobody");
    request.scan_wait_ms = 1_000;
    let answer = desk.scan_and_pay(request).await.expect("taken");
    assert_eq!(
        (answer.money(), error_name(&answer)),
        (Money::Cancelled, "NOBODY_SCANNED")
    );
    desk.assert_nothing_charged();
    assert_eq!(desk.papers_in_the_end().await.len(), 0);
}

/// A second settlement of an open visit is refused, naming the first; afterwards the visit is free.
async fn visit_is_busy(set: fn(&mut yibaod::api::Visit)) {
    let desk = Desk::start(Setup::default()).await;
    let mut first = bill(&desk, "first");
    set(first.visit.as_mut().expect("it has one"));
    let mut second = first.clone();
    second.request_id = "second".to_owned();
    let mut events = desk.watch("first").await;
    let call = calling(&desk, first).await;
    until_stage(&mut events, Stage::WaitingScan).await;
    let running = desk.get("first").await.expect("it runs").settlement_id;
    let refused = refusal(
        &desk
            .scan_and_pay(second)
            .await
            .expect_err("the visit is open"),
    );
    assert_eq!(refused.name, "VISIT_BUSY");
    assert!(refused.detail.contains(&running), "{refused:?}");
    assert_eq!(desk.get("second").await, None, "nothing was begun");
    show(&desk, "employee").await;
    drop(answer_of(call).await);
    desk.truth("first").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_visit_is_busy_by_its_number() {
    visit_is_busy(|visit| visit.ipt_otp_no = "MZ20261122000001".to_owned()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_visit_is_busy_by_its_platform_id() {
    visit_is_busy(|visit| visit.mdtrt_id = "430100990001".to_owned()).await;
}
