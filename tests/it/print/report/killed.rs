//! The daemon dies at each of its syncs and at each of its requests to the print service: one paper, truly told.

use std::time::Duration;

use yibaod::api::{PaperProof, PrintJobState as State};

use super::{Cups, PrintClient, hasty, pdf, print, report, setup, until, until_state};
use crate::desk::{Desk, eventually};

/// Longest wait for a tracer whose daemon is dead.
const DEATH_S_MAX: u64 = 20;
/// More places than a report has.
const PLACES_MAX: usize = 60;

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_each_sync_it_is_one_paper() {
    let killed = killed_at_each("fdatasync").await;
    // Accepted, intent, the queue's number, the end.
    assert!(killed >= 4, "only {killed} places");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_each_request_it_is_one_paper() {
    let killed = killed_at_each("connect").await;
    // The tracer counts by thread: how many requests of a job it meets differs, one is met always.
    assert!(killed >= 1, "only {killed} places");
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
            "-qq",
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
        let survived = ends(&desk, &paper).await;
        if !survived {
            let died = desk
                .wait_until_ended(Duration::from_secs(DEATH_S_MAX))
                .await;
            assert!(died, "{call} {place}: {}", desk.log());
        }
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

/// Whether it lives to tell the end of the job.
async fn ends(desk: &Desk, paper: &[u8]) -> bool {
    // It may die before, while or after it takes it.
    let Ok(channel) = crate::desk::channel(&desk.socket()).await else {
        return false;
    };
    let answer = PrintClient::new(channel)
        .print(report("killed", paper))
        .await;
    answer.is_ok_and(|it| {
        it.into_inner()
            .job
            .is_some_and(|job| !job.ended_at.is_empty())
    })
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
