//! The watchdog is fed while all loops turn. Here a tracer holds one of them, and the shipped daemon stops the feeding
//! and names it; let go, it feeds again.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{Ear, ctl, heard, heard_desk};
use crate::desk::{Desk, eventually};

/// The interval that systemd is said to want.
const INTERVAL_US: &str = "2000000";
/// Holds the next of these system calls of the daemon for so long.
const HELD_US: &str = "120000000";

#[tokio::test(flavor = "multi_thread")]
async fn it_is_fed_while_the_loops_turn() {
    let ear = Ear::new();
    let _desk = heard_desk(&ear, &[("WATCHDOG_USEC", INTERVAL_US)]).await;
    heard(&ear, "READY=1").await;
    // What it said until now is still to be heard.
    let fed = tokio::task::block_in_place(|| {
        ear.count("WATCHDOG=1", Duration::from_millis(1));
        ear.count("WATCHDOG=1", Duration::from_secs(4))
    });
    assert!(
        (4..=10).contains(&fed),
        "four times an interval, {fed} in two intervals"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_hangs_in_its_sync_stops_the_feeding_and_is_named() {
    let ear = Ear::new();
    let desk = heard_desk(&ear, &[("WATCHDOG_USEC", INTERVAL_US)]).await;
    heard(&ear, "WATCHDOG=1").await;
    let tracer = Tracer::hold(&desk, "fdatasync").await;
    // Its row in the journal is what is synced.
    let asking = Command::new(env!("CARGO_BIN_EXE_yibaoctl"))
        .arg("--socket")
        .arg(desk.socket())
        .args(["log", "debug"])
        .stdout(Stdio::null())
        .spawn()
        .expect("it runs");
    hangs(&ear, &desk, "journal").await;
    drop(tracer);
    turns_again(&ear, &desk).await;
    assert!(
        asking
            .wait_with_output()
            .expect("its child")
            .status
            .success()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_that_hangs_in_accept_stops_the_feeding_and_is_named() {
    let ear = Ear::new();
    let desk = heard_desk(&ear, &[("WATCHDOG_USEC", INTERVAL_US)]).await;
    heard(&ear, "WATCHDOG=1").await;
    // The next caller is the watchdog itself.
    let tracer = Tracer::hold(&desk, "accept4").await;
    hangs(&ear, &desk, "door").await;
    assert!(
        desk.log().contains("hung=worker"),
        "the thread is named too: {}",
        desk.log()
    );
    drop(tracer);
    turns_again(&ear, &desk).await;
    assert!(ctl(&desk, &["status"]).status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_is_gone_stops_the_feeding_and_is_named() {
    let ear = Ear::new();
    let desk = heard_desk(&ear, &[("WATCHDOG_USEC", INTERVAL_US)]).await;
    heard(&ear, "WATCHDOG=1").await;
    std::fs::remove_file(desk.socket()).expect("the socket");
    hangs(&ear, &desk, "door").await;
}

/// It is named, and from then on nothing is fed for longer than the interval.
async fn hangs(ear: &Ear, desk: &Desk, name: &str) {
    let status = heard(ear, "STATUS=hung: ").await;
    assert!(status.contains("the watchdog is not fed"), "{status}");
    let named = format!("hung={name}");
    let logged = eventually(async || desk.log().contains(&named).then_some(())).await;
    assert!(logged.is_some(), "no {named}: {}", desk.log());
    let fed = tokio::task::block_in_place(|| ear.count("WATCHDOG=1", Duration::from_secs(3)));
    assert_eq!(fed, 0, "{}", desk.log());
}

async fn turns_again(ear: &Ear, desk: &Desk) {
    heard(ear, "WATCHDOG=1").await;
    assert!(
        desk.log().contains("the loop turns again"),
        "{}",
        desk.log()
    );
}

fn is_traced(thread: &Path) -> bool {
    let status = std::fs::read_to_string(thread.join("status")).unwrap_or_default();
    let mut lines = status.lines();
    lines.any(|it| it.starts_with("TracerPid:") && !it.ends_with("\t0"))
}

/// strace over a running daemon; it lets go when it is dropped.
struct Tracer {
    child: Child,
}

impl Tracer {
    async fn hold(desk: &Desk, call: &str) -> Self {
        let inject = format!("inject={call}:delay_enter={HELD_US}");
        let child = Command::new("strace")
            .args(["-f", "-qq", "-e", &format!("trace={call}"), "-e", &inject])
            .args(["-o", "/dev/null", "-p", &desk.pid().to_string()])
            .spawn()
            .expect("strace");
        let threads = format!("/proc/{}/task", desk.pid());
        let traced = eventually(async || {
            let mut threads = std::fs::read_dir(&threads).ok()?;
            threads
                .all(|thread| thread.is_ok_and(|thread| is_traced(&thread.path())))
                .then_some(())
        });
        assert!(traced.await.is_some(), "strace does not hold it");
        Self { child }
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
