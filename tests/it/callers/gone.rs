//! The caller goes away, before and after the point of no return.

use std::sync::Arc;

use yibaod::api::{Money, Stage};
use yibaod::sandbox::platform::{Options, Platform};

use super::{answer_of, calling, hang_up, next, patient_desk, show_when_asked, until_stage};
use crate::desk::{Desk, Setup, Shows, bill, error_name, eventually};

/// A disk that takes a second for each sync, in microseconds.
const SLOW_DISK: &str = "inject=fdatasync:delay_enter=1000000";

#[tokio::test(flavor = "multi_thread")]
async fn gone_while_a_code_is_awaited_and_back_in_time() {
    let desk = Desk::start(patient_desk()).await;
    let mut events = desk.watch("back").await;
    let call = calling(&desk, bill(&desk, "back")).await;
    until_stage(&mut events, Stage::WaitingScan).await;
    hang_up(call).await;
    until_stage(&mut events, Stage::WaitingCaller).await;

    let call = calling(&desk, bill(&desk, "back")).await;
    show_when_asked(&desk, &mut events, "employee").await;
    let answer = answer_of(call).await;
    desk.assert_charged_once(&answer);
    assert_eq!((desk.received("2201"), desk.received("2207")), (1, 1));
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn gone_after_registration_and_back_in_time() {
    let desk = Desk::start(patient_desk()).await;
    desk.platform.arm("F3@2203:4000").expect("a fault");
    let mut events = desk.watch("back").await;
    let call = calling(&desk, bill(&desk, "back")).await;
    show_when_asked(&desk, &mut events, "employee").await;
    until_stage(&mut events, Stage::Visit).await;
    hang_up(call).await;
    until_stage(&mut events, Stage::WaitingCaller).await;

    let answer = answer_of(calling(&desk, bill(&desk, "back")).await).await;
    desk.assert_charged_once(&answer);
    assert_eq!(
        (
            desk.received("2201"),
            desk.received("2202"),
            desk.received("2207")
        ),
        (1, 0, 1)
    );
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn gone_while_a_code_is_awaited_and_not_back() {
    let desk = Desk::start(Setup {
        rejoin_s: 0,
        ..Setup::default()
    })
    .await;
    let mut events = desk.watch("gone").await;
    let call = calling(&desk, bill(&desk, "gone")).await;
    until_stage(&mut events, Stage::WaitingScan).await;
    hang_up(call).await;
    let last = until_stage(&mut events, Stage::Ended).await;
    let ended = last.settlement.expect("the last event has the answer");
    assert_eq!(
        (ended.money(), error_name(&ended)),
        (Money::Cancelled, "CALLER_GONE")
    );
    assert_eq!(next(&mut events).await, None);
    assert_eq!(desk.received("ec.query"), 0);
    desk.assert_nothing_charged();
    assert_eq!(
        desk.scan_and_pay(bill(&desk, "gone"))
            .await
            .expect("repeated"),
        ended
    );
    assert_eq!(desk.papers_in_the_end().await.len(), 0);
}

/// Hangs up at this stage, which this slow transaction stretches; everything is undone.
async fn undone_after(slow: &str, stage: Stage, undone: &[(&str, usize)]) {
    let desk = Desk::start(Setup {
        rejoin_s: 0,
        ..Setup::default()
    })
    .await;
    desk.platform.arm(slow).expect("a fault");
    let mut events = desk.watch("gone").await;
    let call = calling(&desk, bill(&desk, "gone")).await;
    show_when_asked(&desk, &mut events, "employee").await;
    until_stage(&mut events, stage).await;
    hang_up(call).await;
    let ended = desk.truth("gone").await.expect("it was taken");
    assert_eq!(
        (ended.money(), error_name(&ended)),
        (Money::Cancelled, "CALLER_GONE")
    );
    desk.assert_nothing_charged();
    for (infno, count) in undone {
        assert_eq!(desk.received(infno), *count, "{infno} at {stage:?}");
    }
    assert_eq!(desk.received("2207"), 0);
    assert_eq!(desk.papers_in_the_end().await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn gone_after_registration_and_not_back() {
    undone_after("F3@2203:4000", Stage::Visit, &[("2202", 1), ("2205", 0)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gone_after_the_fees_and_not_back() {
    undone_after(
        "F3@2206:4000",
        Stage::PreSettling,
        &[("2202", 1), ("2205", 1)],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gone_after_the_point_of_no_return() {
    let setup = Setup {
        rejoin_s: 0,
        money_call_ms: 10_000,
        ..Setup::default()
    };
    let desk = Desk::start(setup).await;
    desk.platform.arm("F3@2207:1200").expect("a fault");
    let mut events = desk.watch("late").await;
    let call = calling(&desk, bill(&desk, "late")).await;
    show_when_asked(&desk, &mut events, "employee").await;
    desk.until_received("2207", 1).await;
    hang_up(call).await;
    let settled = desk.until_settled("late").await;
    desk.assert_charged_once(&settled);
    let asked = desk
        .scan_and_pay(bill(&desk, "late"))
        .await
        .expect("asked again");
    desk.assert_charged_once(&asked);
    assert_eq!(asked.setl_id, settled.setl_id);
    assert_eq!(desk.received("2207"), 1);
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_callers_goes_and_the_other_is_served() {
    let desk = Desk::start(patient_desk()).await;
    let mut events = desk.watch("pair").await;
    let first = calling(&desk, bill(&desk, "pair")).await;
    until_stage(&mut events, Stage::WaitingScan).await;
    let second = calling(&desk, bill(&desk, "pair")).await;
    // Whether the second joins before or after the first is gone, it is the one that is answered.
    hang_up(first).await;
    let patient = desk
        .patient(
            "pair",
            &[Shows::fresh("employee"), Shows::fresh("employee")],
        )
        .await;
    let answer = answer_of(second).await;
    patient.abort();
    desk.assert_charged_once(&answer);
    assert_eq!((desk.received("2201"), desk.received("2207")), (1, 1));
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_the_point_of_no_return_and_joined_again() {
    let mut desk = Desk::start(patient_desk()).await;
    desk.platform.arm("F3@2206:3000").expect("a fault");
    let mut events = desk.watch("joined").await;
    let call = calling(&desk, bill(&desk, "joined")).await;
    show_when_asked(&desk, &mut events, "employee").await;
    desk.until_received("2206", 1).await;
    desk.kill();
    assert!(call.await.expect("not aborted").is_err());
    desk.start_daemon().await;

    // A code read before the restart is never used: a new one is asked for.
    let mut events = desk.watch("joined").await;
    let call = calling(&desk, bill(&desk, "joined")).await;
    show_when_asked(&desk, &mut events, "employee").await;
    let answer = answer_of(call).await;
    desk.assert_charged_once(&answer);
    assert_eq!(desk.received("ec.query"), 2);
    assert_eq!(
        (desk.received("2201"), desk.received("2207")),
        (1, 1),
        "it goes on where it was"
    );
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}

/// A desk on a slow disk whose first caller hangs up while its order is being synced.
async fn gone_while_it_is_accepted(setup: Setup) -> Desk {
    let platform = Platform::start(Options::default()).await;
    let mut desk = Desk::prepare(Arc::new(platform.expect("a free port")), setup);
    let tracer = [
        "strace",
        "-f",
        "-qq",
        "-e",
        "trace=fdatasync",
        "-e",
        SLOW_DISK,
    ];
    desk.start_daemon_under(&[&tracer[..], &["-o", "/dev/null"]].concat())
        .await;
    let call = calling(&desk, bill(&desk, "early")).await;
    let is_written = async || desk.log().contains("event=\"accepted\"").then_some(());
    eventually(is_written).await.expect("it is being written");
    hang_up(call).await;
    assert!(
        !desk.log().contains("event=\"caller_gone\""),
        "the disk was faster than the caller"
    );
    desk
}

#[tokio::test(flavor = "multi_thread")]
async fn gone_while_the_order_is_being_synced_and_not_back() {
    let desk = gone_while_it_is_accepted(Setup {
        rejoin_s: 0,
        ..Setup::default()
    })
    .await;
    let ended = desk.ended("early").await.expect("it is on disk");
    assert_eq!(
        (ended.money(), error_name(&ended)),
        (Money::Cancelled, "CALLER_GONE")
    );
    let again = desk.scan_and_pay(bill(&desk, "early")).await;
    assert_eq!(again.expect("repeated"), ended);
    desk.until_idle().await;
    assert_eq!(desk.received("ec.query"), 0);
    desk.assert_nothing_charged();
}

#[tokio::test(flavor = "multi_thread")]
async fn gone_while_the_order_is_being_synced_and_back_in_time() {
    let desk = gone_while_it_is_accepted(patient_desk()).await;
    let answer = desk
        .pay(bill(&desk, "early"), &[Shows::fresh("employee")])
        .await;
    desk.assert_charged_once(&answer);
    assert_eq!((desk.received("2201"), desk.received("2207")), (1, 1));
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}
