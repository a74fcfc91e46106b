//! The watchdog is fed while all loops turn. Here a tracer holds one of them, and the shipped daemon stops the feeding
//! and names it; let go, it feeds again.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{Ear, ctl, heard, heard_desk};
use crate::bus::world::{CASHIER, World};
use crate::desk::{Desk, Setup, eventually};

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

/// The bus is another program: that it hangs must not end a desk that settles.
#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_hangs_is_not_held_against_the_daemon() {
    let ear = Ear::new();
    ear.open_to_all();
    let interval = ("WATCHDOG_USEC".to_owned(), INTERVAL_US.to_owned());
    let setup = Setup {
        env: vec![ear.environment(), interval],
        ..Setup::default()
    };
    let world = World::start_with(setup).await;
    heard(&ear, "WATCHDOG=1").await;
    world.signal_bus(rustix::process::Signal::STOP);
    let fed = tokio::task::block_in_place(|| {
        ear.count("WATCHDOG=1", Duration::from_millis(1));
        ear.count("WATCHDOG=1", Duration::from_secs(6))
    });
    assert!(!world.desk.log().contains("hung="), "{}", world.desk.log());
    assert!(fed >= 6, "{fed} in three intervals");
    world.signal_bus(rustix::process::Signal::CONT);
    world.on_bus().await;
}

/// What reads from the bus hangs in the kernel: neither its loop nor its thread comes round.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_the_bus_that_hangs_stops_the_feeding_and_is_named() {
    let ear = Ear::new();
    ear.open_to_all();
    let interval = ("WATCHDOG_USEC".to_owned(), INTERVAL_US.to_owned());
    let setup = Setup {
        env: vec![ear.environment(), interval],
        ..Setup::default()
    };
    let world = World::start_with(setup).await;
    heard(&ear, "WATCHDOG=1").await;
    let tracer = Tracer::hold(&world.desk, "recvmsg").await;
    // Somebody's word is what is read.
    let asking = world.call(CASHIER, "Device", "ListDevices", &[]);
    let hanging = async {
        hangs(&ear, &world.desk, "worker").await;
        drop(tracer);
        turns_again(&ear, &world.desk).await;
    };
    let (asked, ()) = tokio::join!(asking, hanging);
    assert!(asked.status.success(), "{asked:?}");
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
