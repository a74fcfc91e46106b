//! Who was given a code, by which scanner and what for: rows of the journal, written within a tenth of a second.
//! Never what the code was.
//!
//! A scan is not held up for its row. Rows that cannot be written – a full disk, a journal that stands still – are
//! counted, and the count stands in the next row that can.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::journal::{Append, Journal, NewEvent, StreamHead};
use crate::runner::civil;
use crate::settlement::code_kind::CodeKind;

/// The `kind` of the stream of a day.
const STREAM_KIND: &str = "scans";
/// The `kind` of a row.
const ROW_KIND: &str = "code_read";
/// Version of its rows.
const VERSION: u16 = 1;
/// Rows that wait for the journal; more are counted only.
const WAITING_MAX: usize = 8_192;
/// How long rows are gathered for one write, unless it is full before.
const GATHER_MS: u64 = 50;
/// Rows of one write; the journal takes 64 and one more may say how many are missing.
const ROWS_MAX: usize = 48;
/// How long the daemon's stop waits for the last write.
const FLUSH_MS_MAX: u64 = 1_000;

/// Takes rows from anywhere. Cheap to clone.
#[derive(Clone)]
pub(super) struct Audit {
    rows: mpsc::Sender<Item>,
    lost: Arc<AtomicU64>,
}

/// A code that somebody was given.
#[derive(Debug)]
pub(super) struct Given {
    /// When, ms since 1970-01-01 UTC.
    pub at_ms: i64,
    /// Who.
    pub caller: String,
    /// By which door.
    pub door: &'static str,
    /// The desk's name for the scanner.
    pub device: String,
    /// What the code seemed to be.
    pub kind: CodeKind,
    /// Whether under a claim.
    pub claimed: bool,
}

enum Item {
    Given(Given),
    Flush(oneshot::Sender<()>),
}

impl Audit {
    /// Writes into this journal for as long as a handle is left.
    pub(super) fn new(journal: Journal) -> Self {
        let (rows, taken) = mpsc::channel(WAITING_MAX);
        let lost = Arc::new(AtomicU64::new(0));
        tokio::spawn(write(journal, taken, lost.clone()));
        Self { rows, lost }
    }

    /// Notes it; never waits.
    pub(super) fn given(&self, given: Given) {
        if self.rows.try_send(Item::Given(given)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns when all that was noted before is written, or after a second.
    pub(super) async fn flush(&self) {
        let (done, written) = oneshot::channel();
        let flushed = async {
            if self.rows.send(Item::Flush(done)).await.is_ok() {
                drop(written.await);
            }
        };
        let within = Duration::from_millis(FLUSH_MS_MAX);
        if tokio::time::timeout(within, flushed).await.is_err() {
            tracing::warn!("who was given the last codes may not be recorded");
        }
    }
}

async fn write(journal: Journal, mut taken: mpsc::Receiver<Item>, lost: Arc<AtomicU64>) {
    while let Some(first) = taken.recv().await {
        let (mut rows, mut flushed) = (Vec::new(), None);
        let until = Instant::now() + Duration::from_millis(GATHER_MS);
        let mut next = Some(first);
        while let Some(item) = next.take() {
            match item {
                Item::Given(given) => rows.push(given),
                Item::Flush(done) => flushed = Some(done),
            }
            if rows.len() < ROWS_MAX && flushed.is_none() {
                next = timeout_at(until, taken.recv()).await.ok().flatten();
            }
        }
        if let Some(last) = rows.last() {
            let (day, count) = (last.at_ms, rows.len());
            let missing = lost.swap(0, Ordering::Relaxed);
            if let Err(error) = journal.append(append(day, &rows, missing)).await {
                let missing = missing + u64::try_from(count).unwrap_or(u64::MAX);
                lost.fetch_add(missing, Ordering::Relaxed);
                tracing::error!(%error, missing, "who was given codes cannot be recorded");
            }
        }
        if let Some(done) = flushed
            && done.send(()).is_err()
        {
            tracing::debug!("nobody waits for the last rows any more");
        }
    }
}

/// The rows of one write, in the stream of the day on which the last of them was given.
fn append(at_ms: i64, rows: &[Given], missing: u64) -> Append {
    let mut events: Vec<NewEvent> = rows.iter().map(event).collect();
    if missing > 0 {
        let body = serde_json::json!({ "rows": missing }).to_string();
        events.push(NewEvent::new("rows_missing", VERSION, at_ms, body));
    }
    let day: String = (civil(at_ms).chars().take(10)).collect();
    Append {
        stream: format!("scans-{day}"),
        after: None,
        events,
        head: StreamHead::closed(STREAM_KIND, "desk"),
        marks: Vec::new(),
    }
}

fn event(given: &Given) -> NewEvent {
    let body = serde_json::json!({
        "device": given.device,
        "door": given.door,
        "kind": given.kind.word(),
        "claimed": given.claimed,
    });
    NewEvent {
        by: Some(given.caller.clone()),
        ..NewEvent::new(ROW_KIND, VERSION, given.at_ms, body.to_string())
    }
}
