//! A socket that systemd holds: served, left alone at the end, and refused when it is another than configured.

use std::os::unix::net::{UnixListener, UnixStream};

use yibaod::api::Money;

use super::{Held, ctl, told};
use crate::callers::{answer_of, calling};
use crate::desk::{Desk, Setup, Shows, bill};

async fn prepared() -> Desk {
    let platform = yibaod::sandbox::platform::Platform::start(Default::default()).await;
    Desk::prepare(
        std::sync::Arc::new(platform.expect("a free port")),
        Setup::default(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_is_held_outlives_the_daemon_and_no_caller_is_turned_away() {
    let mut desk = prepared().await;
    let held = Held::of(&desk);
    // Somebody calls before there is a daemon at all.
    let early = tokio::spawn({
        let socket = desk.socket();
        async move { crate::desk::channel(&socket).await.map(drop) }
    });
    assert!(
        desk.try_start_daemon_by(held.command(&desk)).await,
        "{}",
        desk.log()
    );
    early.await.expect("no panic").expect("it was taken");
    desk.stop().await;
    assert!(
        desk.socket().exists(),
        "the socket is not the daemon's to take away"
    );

    // The gap: a caller connects, nobody accepts, and the next daemon does.
    let calling_in_the_gap = tokio::spawn({
        let (socket, request) = (desk.socket(), bill(&desk, "gap"));
        async move {
            let channel = crate::desk::channel(&socket)
                .await
                .expect("the queue takes it");
            let mut client =
                yibaod::api::settlement_service_client::SettlementServiceClient::new(channel);
            client.scan_and_pay(request).await
        }
    });
    assert!(
        desk.try_start_daemon_by(held.command(&desk)).await,
        "{}",
        desk.log()
    );
    let patient = desk.patient("gap", &[Shows::fresh("employee")]).await;
    let answer = calling_in_the_gap
        .await
        .expect("no panic")
        .expect("it was taken");
    patient.abort();
    assert_eq!(
        answer.into_inner().settlement.expect("one").money(),
        Money::Settled
    );

    // A crash leaves it as it is, too.
    desk.kill();
    assert!(
        desk.try_start_daemon_by(held.command(&desk)).await,
        "{}",
        desk.log()
    );
    let again = answer_of(calling(&desk, bill(&desk, "gap")).await).await;
    assert_eq!(again.money(), Money::Settled);
    assert_eq!(desk.received("2207"), 1);
    assert!(told(&ctl(&desk, &["status"])).contains("#007"));
}

#[tokio::test(flavor = "multi_thread")]
async fn systemds_own_activation_serves() {
    let mut desk = prepared().await;
    let socket = desk.socket().display().to_string();
    let words = [
        "systemd-socket-activate",
        "-E",
        "YIBAO_LOG",
        "--fdname=local",
        "-l",
        &socket,
    ];
    assert!(desk.try_start_daemon_under(&words).await, "{}", desk.log());
    assert!(told(&ctl(&desk, &["status"])).contains("#007"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_calls_while_the_configuration_is_wrong_is_told_and_leaves_no_queue_behind() {
    use std::io::{Read as _, Write as _};
    let desk = prepared().await;
    let held = Held::of(&desk);
    std::fs::write(desk.config(), "[desk]\nname = 7\n").expect("its folder");
    let mut caller = UnixStream::connect(desk.socket()).expect("the queue takes it");
    let call = b"GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n";
    caller.write_all(call).expect("the queue takes it");
    let mut child = held.command(&desk).spawn().expect("it starts");
    let mut said = String::new();
    tokio::task::block_in_place(|| caller.read_to_string(&mut said)).ok();
    assert!(said.starts_with("HTTP/1.1 503 "), "{said}");
    assert!(said.contains("this desk cannot start"), "{said}");
    let status = tokio::task::block_in_place(|| child.wait()).expect("its child");
    assert_eq!(status.code(), Some(78), "{}", desk.log());
    assert!(
        desk.log().contains("systemctl reset-failed"),
        "{}",
        desk.log()
    );
    held.listener.set_nonblocking(true).expect("a socket");
    let waiting = held.listener.accept().expect_err("nobody waits");
    assert_eq!(waiting.kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_elsewhere_or_of_another_kind_is_a_wrong_configuration() {
    let mut desk = prepared().await;
    let elsewhere = desk.dir().join("elsewhere.sock");
    let other = Held {
        listener: UnixListener::bind(&elsewhere).expect("a socket"),
    };
    let mut child = other.command(&desk).spawn().expect("it starts");
    let status = tokio::task::block_in_place(|| child.wait()).expect("its child");
    assert_eq!(
        status.code(),
        Some(78),
        "the unit must not start it again: {}",
        desk.log()
    );
    assert!(
        desk.log().contains("elsewhere.sock") && desk.log().contains("yibaod.sock"),
        "{}",
        desk.log()
    );
    assert!(
        desk.try_start_daemon_under(&[]).await,
        "without one it makes its own"
    );
}
