//! A full disk, and a disk that fails.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use yibaod::api::Stage;

use super::{desk_without_daemon, start_in_own_mounts};
use crate::desk::{Desk, Setup, Shows, bill, refusal};

/// Room of the small disk: the journal's limit, its ballast, and some.
const DISK_MB: u64 = 96;
/// Syncs of the log after the start of a new journal: an early one, one before the money, one behind it, the
/// last. (The sixth is that of the directory, which the database does without.)
const FAILING_SYNCS: [usize; 4] = [7, 10, 14, 18];
/// The disk is filled by so much at a time.
const FILL_PIECE_BYTES: usize = 4_096;

/// A desk whose state lies on a small disk of its own, which only its daemon has mounted.
async fn desk_on_a_small_disk(setup: Setup) -> Desk {
    let mut desk = desk_without_daemon(setup).await;
    let mount = format!(
        "mount -t tmpfs -o size={DISK_MB}m,mode=0700 tmpfs {}",
        desk.state_dir().display()
    );
    start_in_own_mounts(&mut desk, &mount).await;
    desk
}

/// The state directory as the daemon sees it.
fn seen_by_daemon(desk: &Desk) -> PathBuf {
    let dir = desk.state_dir();
    let relative = dir.strip_prefix("/").expect("it is absolute");
    PathBuf::from(format!("/proc/{}/root", desk.pid())).join(relative)
}

/// Takes all that is left of the disk.
fn fill(desk: &Desk) {
    let dir = seen_by_daemon(desk);
    let mut filler = std::fs::File::create(dir.join("filler")).expect("it is mounted");
    let piece = vec![0_u8; FILL_PIECE_BYTES];
    for _ in 0..DISK_MB * 1024 * 1024 / 4096 {
        match filler.write_all(&piece) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull => return,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("it is larger than {DISK_MB} MB");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_new_settlements_while_a_running_one_ends() {
    let desk = desk_on_a_small_disk(Setup::default()).await;
    let mut events = desk.watch("running").await;
    let patient = desk.patient("running", &[]).await;
    let request = bill(&desk, "running");
    let running = desk.scan_and_pay(request);
    let filled = async {
        while let Ok(Some(event)) = events.message().await {
            if event
                .event
                .is_some_and(|event| event.stage() == Stage::WaitingScan)
            {
                break;
            }
        }
        fill(&desk);
        let refused = crate::desk::eventually(async || {
            let status = desk
                .scan_and_pay(bill_of_resident(&desk))
                .await
                .expect_err("full");
            Some(refusal(&status))
        });
        assert_eq!(
            refused.await.map(|refused| refused.name).as_deref(),
            Some("JOURNAL_REFUSES")
        );
        let status = desk.status().await;
        assert_eq!(
            status.not_accepting.map(|why| why.name).as_deref(),
            Some("JOURNAL_REFUSES")
        );
        let code = desk
            .platform
            .fresh_code("employee")
            .expect("a person of the sandbox");
        let cr = yibaod::sandbox::devices::scanner::Terminator::Cr;
        desk.scanner
            .scan(code.as_bytes(), cr)
            .await
            .expect("the pty takes it");
    };
    let (answer, ()) = tokio::join!(running, filled);
    patient.abort();
    desk.assert_charged_once(&answer.expect("it was taken before"));
    assert_eq!(desk.papers_in_the_end().await.len(), 1);

    // With room again it takes new ones, without a restart.
    std::fs::remove_file(seen_by_daemon(&desk).join("filler")).expect("it is there");
    let accepts = async || desk.status().await.accepting.then_some(());
    assert!(
        crate::desk::eventually(accepts).await.is_some(),
        "{:?}",
        desk.status().await
    );
    let next = desk
        .pay(bill_of_resident(&desk), &[Shows::fresh("resident")])
        .await;
    desk.assert_charged_once(&next);
}

fn bill_of_resident(desk: &Desk) -> yibaod::api::ScanAndPayRequest {
    crate::desk::bill_for(&desk.platform, "resident", "next")
}

/// Each sync that fails ends the process at once; the next one tells the truth.
#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_fails_ends_the_process_and_the_truth_survives() {
    for n in FAILING_SYNCS {
        let mut desk = desk_without_daemon(Setup::default()).await;
        let inject = format!("inject=fdatasync:error=EIO:when={n}");
        let trace = desk.dir().join("syncs.txt");
        let trace_path = trace.display().to_string();
        let tracer = [
            "strace",
            "-f",
            "-qq",
            "-e",
            "trace=fdatasync",
            "-e",
            &inject,
            "-o",
            &trace_path,
        ];
        if desk.try_start_daemon_under(&tracer).await {
            let patient = desk.patient("eio", &[Shows::fresh("employee")]).await;
            let call = desk.scan_and_pay(bill(&desk, "eio"));
            let answer = tokio::time::timeout(Duration::from_secs(60), call).await;
            patient.abort();
            let told = answer.expect("an answer or its end");
            let syncs = std::fs::read_to_string(&trace).unwrap_or_default();
            assert!(told.is_err(), "sync {n}: {told:?}\n{syncs}");
        }
        assert!(
            desk.wait_until_ended(Duration::from_secs(10)).await,
            "sync {n}: it goes on"
        );
        let unsynced = desk.received("2207");
        desk.start_daemon().await;
        let ended = desk.truth("eio").await;
        let sent = desk.received("2207");
        assert!(
            sent <= 1 && unsynced <= sent,
            "sync {n}: {sent} settling calls"
        );
        let papers = desk.papers_in_the_end().await.len();
        assert!(papers <= 1, "sync {n}: {papers} papers of {ended:?}");
    }
}
