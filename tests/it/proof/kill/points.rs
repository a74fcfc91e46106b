//! A dry run of a way under a tracer: which writes and syncs of the journal it has, and which calls.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use yibaod::sandbox::http::Edge;

use super::cell::{Cell, prepare};
use super::place::Place;
use super::ways::Way;
use crate::desk::eventually;
use crate::proof::asked::Told;

/// The journal's log, as the tracer names it.
const LOG: &str = "journal.sqlite-wal";

/// What a dry run found.
#[derive(Debug)]
pub(super) struct Points {
    /// Middles of transactions and syncs, in order, from where the way is its own.
    pub(super) places: Vec<Place>,
    /// Every call that came in.
    pub(super) calls: Vec<String>,
    /// How it ended.
    pub(super) told: Told,
}

/// Carries the way to its end once.
pub(super) async fn of(way: &'static Way) -> Points {
    let cell = Cell {
        way,
        place: Place::Cut,
        back: false,
        second: None,
    };
    let (mut desk, _, before) = prepare(cell).await;
    let seen: Arc<Mutex<Vec<(String, Duration)>>> = Arc::default();
    let noted = Arc::clone(&seen);
    desk.platform.on_moment(move |moment| {
        if moment.edge == Edge::LastByte {
            let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
            noted.push((moment.infno.clone(), now()));
        }
    });
    let path = desk.dir().join("trace.txt");
    let path_text = path.display().to_string();
    let tracer = ["strace", "-f", "--seccomp-bpf", "-ttt", "-y", "-s", "0"];
    let tracer = [
        &tracer[..],
        &["-e", "trace=fdatasync,pwrite64", "-o", &path_text],
    ]
    .concat();
    desk.start_daemon_under(&tracer).await;
    let over = eventually(async || {
        let told = way.asked.ask(&desk, &before).await.expect("it is taken");
        told.is_over().then_some(told)
    });
    let told = over.await.expect("it comes to an end");
    desk.papers_in_the_end().await;
    if way.stops {
        desk.ask_to_stop();
        assert!(desk.wait_until_ended(Duration::from_secs(20)).await);
    }
    desk.kill();
    let trace = std::fs::read_to_string(path).expect("the tracer wrote it");
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let since = way.from.map_or(Duration::ZERO, |(infno, nth)| {
        let mut calls = seen.iter().filter(|(name, _)| name == infno);
        let (_, at) = calls.nth(nth - 1).expect("the way has this call");
        *at
    });
    Points {
        places: places(&trace, since),
        calls: seen.into_iter().map(|(infno, _)| infno).collect(),
        told,
    }
}

/// The tracer counts calls of each thread for itself; the journal writes on one.
fn places(trace: &str, since: Duration) -> Vec<Place> {
    let mut writer = None;
    let (mut writes, mut syncs) = (0, 0);
    let mut of_this: Vec<usize> = Vec::new();
    let mut places = Vec::new();
    for line in trace.lines() {
        let mut words = line.split_whitespace();
        let (Some(thread), Some(at)) = (words.next(), words.next()) else {
            continue;
        };
        let Some(call) = words.next() else { continue };
        let (is_write, is_sync) = (
            call.starts_with("pwrite64("),
            call.starts_with("fdatasync("),
        );
        if !is_write && !is_sync {
            continue;
        }
        let first = *writer.get_or_insert(thread);
        assert_eq!(first, thread, "a second thread writes: {line}");
        writes += usize::from(is_write);
        syncs += usize::from(is_sync);
        let is_due = Duration::from_secs_f64(at.parse().expect("a time")) >= since;
        if is_write && call.contains(LOG) {
            of_this.push(writes);
        }
        if is_sync {
            if let (Some(middle), true) = (of_this.get(of_this.len() / 2), is_due) {
                places.push(Place::Write(*middle));
            }
            of_this.clear();
            if is_due {
                places.push(Place::Sync(syncs));
            }
        }
    }
    places
}

fn now() -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("it is after 1970")
}
