//! The daemon dies at each of its syncs and at each of its requests to the print service: one paper, truly told.

use std::time::Duration;

use yibaod::api::{PaperProof, PrintJobState as State};

use super::{Cups, hasty, pdf, print, report, setup, until, until_state};
use crate::desk::{Desk, eventually};

/// Longest wait for a daemon that is to be killed, and for its job.
const DEATH_S_MAX: u64 = 20;
/// More places than a report has.
const PLACES_MAX: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_each_sync_it_is_one_paper() {
    let killed = killed_at_each("fdatasync").await;
    // The document, accepted, intent, the queue's number, the end.
    assert!(killed >= 5, "only {killed} places");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_each_request_it_is_one_paper() {
    let killed = killed_at_each("connect").await;
    // Make it, look at it, give it its document, follow it.
    assert!(killed >= 4, "only {killed} places");
}

/// Kills the daemon at the nth of these calls for every n of a report's life. How many there were.
async fn killed_at_each(call: &str) -> usize {
    let cups = Cups::start();
    let mut killed = 0;
    for place in 1..PLACES_MAX {
        let mut desk = desk(&cups);
        let trace = format!("trace={call}");
        let inject = format!("inject={call}:signal=KILL:when={place}");
        let tracer = [
            "strace",
            "-f",
            "--seccomp-bpf",
            "-o",
            "/dev/null",
            "-e",
            &trace,
            "-e",
            &inject,
        ];
        if !desk.try_start_daemon_under(&tracer).await {
            // Before it could be asked anything.
            desk.kill();
            continue;
        }
        let paper = pdf(1, &format!("{call} {place}"), 0);
        let before = count(&cups, &paper);
        assert_eq!(before, 0, "a paper of its own");
        // The answer may be lost with the daemon.
        let asked =
            tokio::time::timeout(Duration::from_secs(DEATH_S_MAX), print_any(&desk, &paper));
        drop(asked.await);
        let survived = !died(&mut desk).await;
        desk.kill();
        desk.start_daemon().await;
        let told = print(&desk, report("killed", &paper))
            .await
            .expect("it is taken");
        let told = match told.state() {
            State::Waiting | State::Printing => {
                until(&desk, "killed", |job| !job.ended_at.is_empty()).await
            }
            State::Printed
            | State::NotPrinted
            | State::Unknown
            | State::Cancelled
            | State::Unspecified => told,
        };
        assert_eq!(
            (told.state(), told.proof()),
            (State::Printed, PaperProof::QueueFinished),
            "{call} {place}: {told:?}\n{}",
            desk.log()
        );
        assert_eq!(count(&cups, &paper), 1, "{call} {place}: {}", desk.log());
        if survived {
            break;
        }
        killed += 1;
    }
    assert_eq!(
        cups.open_jobs(),
        Vec::<String>::new(),
        "nothing is left in the queue"
    );
    killed
}

fn desk(cups: &Cups) -> Desk {
    use std::sync::{Arc, OnceLock};
    use yibaod::sandbox::platform::{Options, Platform};
    static PLATFORM: OnceLock<Arc<Platform>> = OnceLock::new();
    let platform = PLATFORM.get_or_init(|| {
        let begun = std::thread::spawn(|| {
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            let platform = runtime.block_on(Platform::start(Options::default()));
            // It serves as long as the tests run.
            std::mem::forget(runtime);
            platform.expect("a free port")
        });
        Arc::new(begun.join().expect("it starts"))
    });
    Desk::prepare(Arc::clone(platform), setup(cups))
}

async fn print_any(desk: &Desk, paper: &[u8]) {
    // It may die before, while or after it takes it.
    let Ok(channel) = crate::desk::channel(&desk.socket()).await else {
        return;
    };
    let mut client = super::PrintClient::new(channel);
    client.print(report("killed", paper)).await.ok();
}

/// Whether the tracer killed it; one that lives has done all there was to do.
async fn died(desk: &mut Desk) -> bool {
    desk.wait_until_ended(Duration::from_millis(300)).await
}

/// How often this came out.
fn count(cups: &Cups, paper: &[u8]) -> usize {
    cups.papers().iter().filter(|it| *it == paper).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_the_printer_prints_it_is_followed_on() {
    let (mut desk, cups) = super::desk().await;
    cups.hold();
    let paper = pdf(2, "Killed", 0);
    print(&desk, hasty("k", &paper)).await.expect("taken");
    let printing = until_state(&desk, "k", State::Printing).await;
    desk.kill();
    desk.start_daemon().await;
    let again = until(&desk, "k", |job| job.state() == State::Printing).await;
    assert_eq!(again.queue_job, printing.queue_job);
    desk.stop().await;
    cups.release();
    // It ends while nobody looks.
    eventually(async || (count(&cups, &paper) == 1).then_some(()))
        .await
        .expect("it comes out");
    desk.start_daemon().await;
    let done = until_state(&desk, "k", State::Printed).await;
    assert_eq!(done.proof(), PaperProof::QueueFinished);
    assert_eq!(cups.papers(), [paper]);
}
