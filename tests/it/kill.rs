//! kill -9 at every edge: after the restart each settlement ends as the platform's own ledger says.
//!
//! The points come from outside the shipped binary: a tracer kills it at the n-th sync of the journal, the
//! simulated platform kills it at first byte, last byte and answer of each call.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use yibaod::api::Money;
use yibaod::sandbox::http::Edge;
use yibaod::sandbox::platform::{Options, Platform};

use crate::desk::{Desk, Setup, Shows, bill};

/// Longest time for one settlement under a tracer to end, or to be killed.
const RUN_S_MAX: u64 = 60;
const EDGES: [Edge; 4] = [
    Edge::FirstByte,
    Edge::LastByte,
    Edge::BeforeAnswer,
    Edge::AfterAnswer,
];

/// The daemon is killed at these edges of one call, restarted, and must tell the truth.
async fn killed_at(infno: &'static str) {
    killed_at_under(infno, "", &[]).await;
}

/// [`killed_at`] with these lines in the profile and under these faults.
async fn killed_at_under(infno: &'static str, profile_more: &str, faults: &[&str]) {
    for edge in EDGES {
        let profile_more = profile_more.to_owned();
        let mut desk = Desk::start(Setup {
            profile_more,
            ..Setup::default()
        })
        .await;
        for fault in faults {
            desk.platform.arm(fault).expect("a fault of the sandbox");
        }
        let pid = i32::try_from(desk.pid()).expect("a pid");
        let fired = Arc::new(AtomicBool::new(false));
        let once = Arc::clone(&fired);
        desk.platform.on_moment(move |moment| {
            if moment.infno == infno && moment.edge == edge && !once.swap(true, Ordering::SeqCst) {
                let pid = rustix::process::Pid::from_raw(pid).expect("a pid is not 0");
                rustix::process::kill_process(pid, rustix::process::Signal::KILL).ok();
            }
        });
        let request_id = format!("kill-{infno}-{edge:?}");
        let patient = desk.patient(&request_id, &[Shows::fresh("employee")]).await;
        let call = desk.scan_and_pay(bill(&desk, &request_id));
        let gone = call.await;
        assert!(gone.is_err(), "{infno} {edge:?}: {gone:?}");
        assert!(
            fired.load(Ordering::SeqCst),
            "{infno} {edge:?}: never reached"
        );
        drop(patient.await);
        assert!(desk.wait_until_ended(Duration::from_secs(5)).await);

        desk.start_daemon().await;
        let settlement = desk.truth(&request_id).await.expect("it was accepted");
        let sent = desk.platform.ledger(|ledger| ledger.received("2207").len());
        assert!(sent <= 1, "{infno} {edge:?}: {sent} settling calls");
        if faults.is_empty() && infno != "2207" {
            assert_eq!(
                sent, 0,
                "{infno} {edge:?}: killed before the intent of the money call"
            );
            assert_eq!(
                settlement.money(),
                Money::Cancelled,
                "{infno} {edge:?}: {settlement:?}"
            );
        }
    }
}

macro_rules! killed_at_each_edge_of {
    ($($name:ident: $infno:literal;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                killed_at($infno).await;
            }
        )*
    };
}

killed_at_each_edge_of! {
    killed_while_decoding: "ec.query";
    killed_while_asking_who_it_is: "1101";
    killed_while_registering: "2201";
    killed_while_sending_the_visit: "2203A";
    killed_while_sending_the_fees: "2204";
    killed_while_previewing: "2206";
    killed_while_settling: "2207";
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_signing_in() {
    killed_at("9001").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_giving_back() {
    killed_at_under("2208", "", &["F12@2207"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_asking_what_became_of_it() {
    killed_at_under("5203", "", &["F1@2207"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_reversing() {
    let profile = "[enquiry]\nwithout_setl_id = false\n";
    killed_at_under("2601", profile, &["F1@2207"]).await;
}

/// Syncs of the journal from the start of the daemon to the end of one settlement.
async fn syncs_of_one_settlement() -> usize {
    let mut desk = desk_without_daemon().await;
    let trace = desk.dir().join("syncs.txt");
    let trace_path = trace.display().to_string();
    desk.start_daemon_under(&["strace", "-f", "-e", "trace=fdatasync", "-o", &trace_path])
        .await;
    let answer = desk
        .pay(bill(&desk, "dry-run"), &[Shows::fresh("employee")])
        .await;
    assert_eq!(answer.money(), Money::Settled);
    desk.kill();
    let trace = std::fs::read_to_string(trace).expect("the tracer wrote it");
    trace
        .lines()
        .filter(|line| line.contains("fdatasync("))
        .count()
}

async fn desk_without_daemon() -> Desk {
    let platform = Platform::start(Options::default())
        .await
        .expect("a free port");
    Desk::prepare(Arc::new(platform), Setup::default())
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_sync_of_the_journal() {
    let syncs = syncs_of_one_settlement().await;
    assert!(syncs > 8, "a settlement has more syncs than {syncs}");
    let mut reached = 0;
    for n in 1..=syncs {
        let mut desk = desk_without_daemon().await;
        let inject = format!("inject=fdatasync:signal=KILL:when={n}");
        let tracer = [
            "strace",
            "-f",
            "-qq",
            "-e",
            "trace=fdatasync",
            "-e",
            &inject,
            "-o",
            "/dev/null",
        ];
        if desk.try_start_daemon_under(&tracer).await {
            let request_id = "killed";
            let patient = desk.patient(request_id, &[Shows::fresh("employee")]).await;
            let call = desk.scan_and_pay(bill(&desk, request_id));
            // Killed before, during or after its answer: whatever the caller saw, the ledger decides.
            drop(tokio::time::timeout(Duration::from_secs(RUN_S_MAX), call).await);
            patient.abort();
        }
        if !desk.wait_until_ended(Duration::from_secs(5)).await {
            // The receipt's last sync may come after the answer; then there was nothing left to kill.
            desk.kill();
        } else {
            reached += 1;
        }
        desk.start_daemon().await;
        desk.truth("killed").await;
        let sent = desk.platform.ledger(|ledger| ledger.received("2207").len());
        assert!(sent <= 1, "sync {n}: {sent} settling calls");
    }
    println!("killed at {reached} of {syncs} syncs: 0 double charges, 0 lost outcomes");
    assert!(
        reached * 10 >= syncs * 8,
        "only {reached} of {syncs} points were reached"
    );
}
