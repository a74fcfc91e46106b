//! SIGTERM: what is past the point of no return comes to its end, the rest is carried on by the next process.

use std::time::Duration;

use tokio::time::Instant;
use yibaod::api::{Money, Stage};

use super::{answer_of, calling, patient_desk, show_when_asked, until_stage};
use crate::desk::{Desk, Setup, Stalls, bill, error_name, eventually, refusal};

/// SIGTERM without waiting for the end.
fn terminate(desk: &Desk) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(desk.pid()).expect("a pid"));
    let pid = pid.expect("a pid is not 0");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
}

/// It ends by itself, in time, and says that all was well.
async fn ends_well(desk: &mut Desk) {
    let until = Instant::now() + Duration::from_secs(30);
    let status = loop {
        if let Some(status) = desk.daemon_ended() {
            break status;
        }
        assert!(Instant::now() < until, "it does not end: {}", desk.log());
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert!(status.success(), "{status}: {}", desk.log());
    desk.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_daemon_ends_well() {
    let mut desk = Desk::start(Setup::default()).await;
    let (begun, stalls) = (Instant::now(), Stalls::watch());
    terminate(&desk);
    ends_well(&mut desk).await;
    assert!(begun.elapsed() < Duration::from_secs(10) + stalls.lost());
    assert!(!desk.socket().exists(), "the socket goes with it");
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_while_a_code_is_awaited() {
    let mut desk = Desk::start(patient_desk()).await;
    let mut events = desk.watch("waiting").await;
    let call = calling(&desk, bill(&desk, "waiting")).await;
    until_stage(&mut events, Stage::WaitingScan).await;
    terminate(&desk);
    ends_well(&mut desk).await;
    let told = answer_of(call).await;
    assert_eq!(
        told.money(),
        Money::Pending,
        "its caller is not left waiting: {told:?}"
    );
    desk.start_daemon().await;

    let mut events = desk.watch("waiting").await;
    let call = calling(&desk, bill(&desk, "waiting")).await;
    show_when_asked(&desk, &mut events, "employee").await;
    desk.assert_charged_once(&answer_of(call).await);
    assert_eq!((desk.received("2201"), desk.received("2207")), (1, 1));
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_after_registration_and_nobody_comes_back() {
    let mut desk = Desk::start(Setup {
        rejoin_s: 0,
        ..Setup::default()
    })
    .await;
    desk.platform.arm("F3@2203:4000").expect("a fault");
    let mut events = desk.watch("registered").await;
    let call = calling(&desk, bill(&desk, "registered")).await;
    show_when_asked(&desk, &mut events, "employee").await;
    until_stage(&mut events, Stage::Visit).await;
    terminate(&desk);
    ends_well(&mut desk).await;
    assert_eq!(answer_of(call).await.money(), Money::Pending);
    assert_eq!(
        (desk.received("2203A"), desk.received("2204")),
        (1, 0),
        "it rests at its next step"
    );
    desk.start_daemon().await;
    let ended = desk.truth("registered").await.expect("it was taken");
    assert_eq!(
        (ended.money(), error_name(&ended)),
        (Money::Cancelled, "CALLER_GONE")
    );
    desk.assert_nothing_charged();
    assert_eq!(desk.received("2207"), 0);
    assert_eq!(desk.papers_in_the_end().await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_while_being_settled() {
    let mut desk = Desk::start(Setup {
        money_call_ms: 10_000,
        ..Setup::default()
    })
    .await;
    desk.platform.arm("F3@2207:8000").expect("a fault");
    let mut events = desk.watch("settling").await;
    let call = calling(&desk, bill(&desk, "settling")).await;
    show_when_asked(&desk, &mut events, "employee").await;
    desk.until_received("2207", 1).await;
    terminate(&desk);

    // While it drains nothing new is taken, and that is said. What came before the signal was heard is told as pending.
    let mut tries = 0_u32;
    let refused = eventually(async || {
        tries += 1;
        let new = bill(&desk, &format!("new-{tries}"));
        let status = desk.scan_and_pay(new).await.err()?;
        let told = !matches!(status.code(), tonic::Code::Unknown | tonic::Code::Cancelled);
        told.then(|| refusal(&status).name)
    });
    assert_eq!(refused.await.as_deref(), Some("SHUTTING_DOWN"));
    let answer = answer_of(call).await;
    desk.assert_charged_once(&answer);
    ends_well(&mut desk).await;
    desk.start_daemon().await;
    let again = desk
        .scan_and_pay(bill(&desk, "settling"))
        .await
        .expect("repeated");
    assert_eq!(again, answer);
    assert_eq!(
        (desk.received("2207"), desk.received("5203")),
        (1, 0),
        "nothing was in doubt"
    );
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}
