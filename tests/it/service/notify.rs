//! What systemd is told, and when.

use yibaod::api::{Money, Stage};

use super::{Ear, ctl, heard, heard_desk, signal, told};
use crate::callers::{answer_of, calling, next};
use crate::desk::{Desk, Shows, bill};

#[tokio::test(flavor = "multi_thread")]
async fn ready_is_said_when_it_serves_and_stopping_when_it_ends() {
    let ear = Ear::new();
    let mut desk = heard_desk(&ear, &[]).await;
    let ready = heard(&ear, "READY=1").await;
    assert!(
        ready.contains("STATUS=desk 007 测试窗口: takes settlements"),
        "{ready}"
    );
    desk.stop().await;
    let stopping = heard(&ear, "STOPPING=1").await;
    assert!(stopping.contains("STATUS="), "{stopping}");
}

/// The settlement that was open is carried on before anybody is told that the daemon is ready.
#[tokio::test(flavor = "multi_thread")]
async fn ready_is_said_after_what_was_open_is_carried_on() {
    let ear = Ear::new();
    let mut desk = heard_desk(&ear, &[]).await;
    heard(&ear, "READY=1").await;
    let mut events = desk.watch("open").await;
    let call = calling(&desk, bill(&desk, "open")).await;
    while next(&mut events).await.expect("it runs").stage() != Stage::WaitingScan {}
    desk.kill();
    drop(call);
    let command = desk.command(&[]);
    let starting = desk.try_start_daemon_by(command);
    let (ready, served) = tokio::join!(heard(&ear, "READY=1"), starting);
    assert!(served && ready.contains("1 open"), "{ready}");
    let log = desk.log();
    let place = |words: &str| {
        log.rfind(words)
            .unwrap_or_else(|| panic!("no {words}: {log}"))
    };
    assert!(place("open settlements are carried on") < place("yibaod::daemon: ready"));
}

#[tokio::test(flavor = "multi_thread")]
async fn reloading_is_said_with_its_time_and_then_ready() {
    let ear = Ear::new();
    let desk = heard_desk(&ear, &[]).await;
    heard(&ear, "READY=1").await;
    signal(&desk, rustix::process::Signal::HUP);
    let reloading = heard(&ear, "RELOADING=1").await;
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    heard(&ear, "READY=1").await;
    assert!(
        desk.log().contains("the configuration was read again"),
        "{}",
        desk.log()
    );
    // A wrong one is said too, and stays said until it is right.
    let right = std::fs::read_to_string(desk.config()).expect("its file");
    std::fs::write(desk.config(), format!("{right}\n[nonsense]\nkey = 1\n")).expect("its folder");
    signal(&desk, rustix::process::Signal::HUP);
    let ready = heard(&ear, "READY=1").await;
    assert!(
        ready.contains("the new configuration is wrong, the old one stays"),
        "{ready}"
    );
    assert!(desk.log().contains("nonsense"), "{}", desk.log());
    pay(&desk, "after").await;
    std::fs::write(desk.config(), right).expect("its folder");
    told(&ctl(&desk, &["reload"]));
    let ready = heard(&ear, "READY=1").await;
    assert!(!ready.contains("wrong"), "{ready}");
}

async fn pay(desk: &Desk, request_id: &str) {
    let request = bill(desk, request_id);
    let patient = desk.patient(request_id, &[Shows::fresh("employee")]).await;
    let answer = answer_of(calling(desk, request).await).await;
    patient.abort();
    assert_eq!(answer.money(), Money::Settled);
}
