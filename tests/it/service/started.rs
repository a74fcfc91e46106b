//! How fast it is there, with an empty journal and a large one, and what it takes of memory: printed, and one held
//! against the other where the clock is the machine's.

use std::time::{Duration, Instant};

use yibaod::sandbox::platform::{Options, Platform};

use super::{Ear, ctl, heard, told};
use crate::desk::{Desk, Setup, Shows, bill};
use crate::proof::figure;

/// The goal, on a quiet machine and optimised.
const READY_MS: u64 = 50;
/// What the wall clock is held to at least: the goal, so many times.
const READY_TIMES: u64 = 10;
/// How many times longer a large journal may take, and the goal on top of it.
const TIMES: u32 = 2;
/// Events of the large journal, and with `--long`.
const EVENTS: usize = 50_000;
const EVENTS_LONG: usize = 1_000_000;
/// Starts that are measured; the quickest one counts.
const STARTS: usize = 5;
/// Calls of the load, and how many at once, each on a connection of its own.
const CALLS: usize = 480;
const CALLS_AT_ONCE: usize = 32;
/// How often its memory is looked at under load.
const LOOK_MS: u64 = 5;
/// The goal for an idle daemon; what is built for tests may take twice of it.
const RSS_KB_MAX: u64 = 2 * 12 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn ready_at_once_also_with_a_large_journal() {
    let events = match std::env::var_os("YIBAO_LONG") {
        Some(long) if long == "1" => EVENTS_LONG,
        _ => EVENTS,
    };
    let ear = Ear::new();
    let platform = Platform::start(Options::default())
        .await
        .expect("a free port");
    let setup = Setup {
        env: vec![
            ear.environment(),
            ("YIBAO_LOG".to_owned(), "warn".to_owned()),
        ],
        ..Setup::default()
    };
    let mut desk = Desk::prepare(std::sync::Arc::new(platform), setup);
    let empty = starts(&mut desk, &ear).await;
    desk.fill_journal(events).await;
    let large = starts(&mut desk, &ear).await;
    figure::leave(
        "started-ready",
        &format!(
            "start to ready: {empty:.1?} with an empty journal, {large:.1?} with {events} events"
        ),
    );
    let slowest = Duration::from_millis(READY_MS * READY_TIMES);
    assert!(empty < slowest && large < slowest, "{empty:?}, {large:?}");
    // What else the machine does meets both.
    assert!(
        large < empty * TIMES + Duration::from_millis(READY_MS),
        "{empty:?}, {large:?}"
    );
}

/// The quickest of some starts, from the program's start to its word that it is ready.
async fn starts(desk: &mut Desk, ear: &Ear) -> Duration {
    let mut took = Vec::new();
    for _ in 0..STARTS {
        let begun = Instant::now();
        let command = desk.command(&[]);
        let (ready, served) = tokio::join!(
            async {
                heard(ear, "READY=1").await;
                begun.elapsed()
            },
            desk.try_start_daemon_by(command)
        );
        assert!(served, "{}", desk.log());
        took.push(ready);
        desk.stop().await;
    }
    took.into_iter().min().expect("some")
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_idle_and_under_load_is_bounded() {
    let desk = Desk::start(Setup::default()).await;
    let idle = rss_anon_kb(&desk);
    let loaded = most_while(&desk, load(&desk)).await;
    let after = rss_anon_kb(&desk);
    figure::leave(
        "started-memory",
        &format!(
            "memory (RssAnon): {idle} kB idle, at most {loaded} kB during 5 settlements and {CALLS} calls, \
             {CALLS_AT_ONCE} at once, {after} kB after them"
        ),
    );
    assert!(
        idle < RSS_KB_MAX && loaded < 2 * RSS_KB_MAX,
        "{idle} kB, {loaded} kB"
    );
    assert!(told(&ctl(&desk, &["status"])).contains("#007"));
}

async fn load(desk: &Desk) {
    for n in 0..5 {
        let id = format!("load-{n}");
        let patient = desk.patient(&id, &[Shows::fresh("employee")]).await;
        desk.scan_and_pay(bill(desk, &id))
            .await
            .expect("it is taken");
        patient.abort();
    }
    for _ in 0..CALLS / CALLS_AT_ONCE {
        let calls = (0..CALLS_AT_ONCE).map(|_| desk.status());
        futures_util::future::join_all(calls).await;
    }
}

/// The most memory that the daemon was seen to have meanwhile.
async fn most_while(desk: &Desk, load: impl Future<Output = ()>) -> u64 {
    let mut look = tokio::time::interval(Duration::from_millis(LOOK_MS));
    let mut most = 0;
    tokio::pin!(load);
    loop {
        tokio::select! {
            () = &mut load => return most,
            _ = look.tick() => most = most.max(rss_anon_kb(desk)),
        }
    }
}

fn rss_anon_kb(desk: &Desk) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", desk.pid()));
    let status = status.expect("it runs");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let kb = line
        .expect("the kernel says it")
        .trim()
        .trim_end_matches(" kB");
    kb.parse().expect("a number")
}
