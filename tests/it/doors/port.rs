//! A port that somebody else has: the desk works by its other doors, says so, and takes the port when it is free.

use std::net::TcpListener;

use yibaod::api::TcpState;

use super::tcp;
use crate::desk::{Desk, Setup, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_another_has_closes_no_other_door_and_is_taken_when_it_is_free() {
    let dir = tempfile::tempdir().expect("a folder");
    let (config_more, address) = tcp(dir.path(), "monitor");
    let other = TcpListener::bind(address).expect("it is free");
    let desk = Desk::start(Setup {
        config_more,
        ..Setup::default()
    })
    .await;
    let status = desk.status().await;
    assert!(status.accepting, "the socket does not care");
    let tcp = status.tcp.expect("it is told");
    assert_eq!(tcp.state(), TcpState::Away);
    assert!(tcp.why.contains(&address.to_string()), "{}", tcp.why);
    let own_uid = rustix::process::geteuid().as_raw();
    assert_eq!(tcp.held_by_uid, Some(own_uid));
    let told = "not listening on TCP";
    let is_told = eventually(async || desk.log().contains(told).then_some(())).await;
    assert!(is_told.is_some(), "{}", desk.log());

    drop(other);
    let becomes = eventually(async || {
        let tcp = desk.status().await.tcp?;
        (tcp.state() == TcpState::On).then_some(tcp)
    });
    let tcp = becomes.await.expect("the port is free");
    assert_eq!((tcp.why.as_str(), tcp.held_by_uid), ("", None));
    assert!(std::net::TcpStream::connect(address).is_ok());
    assert_eq!(desk.log().matches(told).count(), 1, "said once");
}
