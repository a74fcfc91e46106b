//! Events to systemd's journal, by a thread that alone waits for it.
//!
//! A journal that stands still fills the queue, and then events are dropped and counted; the last places are kept for
//! warnings and errors. What was dropped is said as soon as the journal takes anything again. At the end of the process
//! the queue is given a moment, and what is left in it is counted on standard error.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use systemd_journal_logger::JournalLog;
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use super::record::{self, Record, Values};

/// Events that wait for the journal.
const WAITING_MAX: usize = 4_096;
/// Of these, kept for warnings and errors.
const WAITING_KEPT: usize = 512;
/// Bytes of the events that wait, and of these what is kept for warnings and errors.
const WAITING_BYTES_MAX: usize = 4 * 1_024 * 1_024;
const WAITING_BYTES_KEPT: usize = 512 * 1_024;

/// How long the end waits for the journal to take what is queued, and how often it looks.
const FLUSH_MS_MAX: u64 = 500;
const FLUSH_LOOK_MS: u64 = 2;
/// How long the start waits for the word that there is no journal.
const OPEN_MS_MAX: u64 = 200;

/// Events of this process that nobody will read, and how many of these the journal was told of.
static DROPPED: AtomicU64 = AtomicU64::new(0);
static TOLD: AtomicU64 = AtomicU64::new(0);
/// What waits for the journal of this process.
static WAITING: OnceLock<Arc<Waiting>> = OnceLock::new();

/// How many events were dropped since the start, because the journal did not take them.
#[must_use]
pub fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// Waits a moment for the journal to take what was logged, and counts what it did not on standard error. The last of a
/// process; nothing when it does not log there.
pub fn flush() {
    let Some(waiting) = WAITING.get() else {
        return;
    };
    let lost = waiting.left_after(Duration::from_millis(FLUSH_MS_MAX));
    if let Some(said) = about_lost(lost, dropped() - TOLD.load(Ordering::Relaxed)) {
        eprintln!("{said}");
    }
}

fn about_lost(left: usize, dropped: u64) -> Option<String> {
    let lost = u64::try_from(left).unwrap_or(u64::MAX);
    let lost = lost.saturating_add(dropped);
    (lost > 0).then(|| {
        format!(
            "yibaod: {lost} lines of the log are lost: systemd's journal did not take them {lost} 行日志未被系统日志接收"
        )
    })
}

/// Begins to send.
pub(super) fn start() -> std::io::Result<Journald> {
    let (journald, records) = Journald::new();
    let waiting = Arc::clone(&journald.waiting);
    WAITING.get_or_init(|| Arc::clone(&waiting));
    let (open, opened) = sync_channel(1);
    std::thread::Builder::new()
        .name("journald".to_owned())
        .spawn(move || match JournalLog::new() {
            Ok(log) => {
                open.send(Ok(())).ok();
                let log = log.with_extra_fields([("VERSION", env!("CARGO_PKG_VERSION"))]);
                carry(&records, &waiting, &mut |record| send(&log, record));
            }
            Err(error) => drop(open.send(Err(error))),
        })?;
    // Opening it sends a first word, which waits where journald stands still: the daemon does not.
    match opened.recv_timeout(Duration::from_millis(OPEN_MS_MAX)) {
        Ok(Err(error)) => Err(error),
        Ok(Ok(())) | Err(_) => Ok(journald),
    }
}

/// The layer: turns an event into a record and queues it. Never waits.
pub(super) struct Journald {
    records: SyncSender<Record>,
    waiting: Arc<Waiting>,
}

/// What waits for the journal.
#[derive(Default)]
struct Waiting {
    events: AtomicUsize,
    bytes: AtomicUsize,
}

impl Waiting {
    /// Counts one, if there is room for it.
    fn add(&self, level: Level, bytes: usize) -> bool {
        let (events_max, bytes_max) = match level {
            Level::ERROR | Level::WARN => (WAITING_MAX, WAITING_BYTES_MAX),
            _ => (
                WAITING_MAX - WAITING_KEPT,
                WAITING_BYTES_MAX - WAITING_BYTES_KEPT,
            ),
        };
        let events = self.events.fetch_add(1, Ordering::AcqRel);
        let before = self.bytes.fetch_add(bytes, Ordering::AcqRel);
        let has_room = events < events_max && before.saturating_add(bytes) <= bytes_max;
        if !has_room {
            self.take(bytes);
        }
        has_room
    }

    fn take(&self, bytes: usize) {
        self.events.fetch_sub(1, Ordering::AcqRel);
        self.bytes.fetch_sub(bytes, Ordering::AcqRel);
    }

    /// How many events are left when this time is over; at once back when none is.
    fn left_after(&self, most: Duration) -> usize {
        let until = Instant::now() + most;
        loop {
            let left = self.events.load(Ordering::Acquire);
            if left == 0 || Instant::now() >= until {
                return left;
            }
            std::thread::sleep(Duration::from_millis(FLUSH_LOOK_MS));
        }
    }
}

/// Bytes of an event, with what it costs to keep it.
fn weight(record: &Record) -> usize {
    let fields = record.fields.iter();
    let fields = fields.map(|(_, value)| value.len() + size_of::<(&str, String)>());
    size_of::<Record>() + record.target.len() + record.text.len() + fields.sum::<usize>()
}

impl Journald {
    fn new() -> (Self, Receiver<Record>) {
        let (records, taken) = sync_channel(WAITING_MAX);
        let waiting = Arc::default();
        (Self { records, waiting }, taken)
    }

    fn queue(&self, record: Record) {
        let bytes = weight(&record);
        if !self.waiting.add(record.level, bytes) {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        } else if self.records.try_send(record).is_err() {
            self.waiting.take(bytes);
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl<S> Layer<S> for Journald
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut values = Values::default();
        attributes.record(&mut values);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(values);
        }
    }

    fn on_record(&self, id: &Id, record: &tracing::span::Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(values) = span.extensions_mut().get_mut::<Values>()
        {
            record.record(values);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        self.queue(record::of(event, &context));
    }
}

/// The thread: sends one after the other, as fast as the journal takes them.
fn carry(records: &Receiver<Record>, waiting: &Waiting, send: &mut dyn FnMut(&Record) -> bool) {
    let mut told = 0;
    while let Ok(record) = records.recv() {
        if !send(&record) {
            DROPPED.fetch_add(1, Ordering::Relaxed);
        }
        let dropped = dropped();
        if dropped > told && send(&about_dropped(dropped - told)) {
            told = dropped;
            TOLD.store(told, Ordering::Relaxed);
        }
        // It waited until the journal had it.
        waiting.take(weight(&record));
    }
}

fn about_dropped(count: u64) -> Record {
    Record {
        level: Level::WARN,
        target: module_path!().to_owned(),
        module: Some(module_path!()),
        file: Some(file!()),
        line: Some(line!()),
        text: format!("{count} lines of the log were dropped: the journal did not take them"),
        fields: vec![("dropped", count.to_string())],
    }
}

fn send(log: &JournalLog, record: &Record) -> bool {
    let text = &record.text;
    let sent = log.journal_send(
        &log::Record::builder()
            .args(format_args!("{text}"))
            .level(level(record.level))
            .target(&record.target)
            .module_path_static(record.module)
            .file_static(record.file)
            .line(record.line)
            .key_values(&record.fields.as_slice())
            .build(),
    );
    sent.is_ok()
}

fn level(level: Level) -> log::Level {
    match level {
        Level::ERROR => log::Level::Error,
        Level::WARN => log::Level::Warn,
        Level::INFO => log::Level::Info,
        Level::DEBUG => log::Level::Debug,
        Level::TRACE => log::Level::Trace,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt as _;

    fn records(journald: Journald, events: impl FnOnce()) {
        tracing::subscriber::with_default(tracing_subscriber::registry().with(journald), events);
    }

    #[test]
    fn values_are_fields_and_stand_in_the_text() {
        let (journald, taken) = Journald::new();
        records(journald, || {
            let span =
                tracing::info_span!("carry", settlement = "S-1", more = tracing::field::Empty);
            let _in_span = span.enter();
            span.record("more", 7);
            tracing::warn!(code = "E2001", device = %"scanner", caller = "uid:7", "令牌 refused");
        });
        let record = taken.recv().unwrap();
        assert_eq!(
            record.text,
            "令牌 refused code=E2001 device=scanner caller=uid:7 settlement=S-1 more=7"
        );
        let fields: Vec<_> = record
            .fields
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        assert_eq!(
            fields,
            [
                ("code", "E2001"),
                ("device", "scanner"),
                ("caller", "uid:7"),
                ("settlement", "S-1"),
                ("more", "7")
            ]
        );
        assert_eq!((record.level, record.file), (Level::WARN, Some(file!())));
        assert!(record.line.is_some() && record.module == Some(module_path!()));
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let (journald, taken) = Journald::new();
        records(
            journald,
            || tracing::info!(what = %"药".repeat(4_096), "long"),
        );
        let record = taken.recv().unwrap();
        assert!(record.text.len() <= 4_096 && record.fields[0].1.len() <= 4_096);
        assert!(record.fields[0].1.chars().all(|c| c == '药'));
    }

    #[test]
    fn a_journal_that_stands_still_stops_nobody_and_what_is_dropped_is_counted() {
        let (journald, taken) = Journald::new();
        let (waiting, before) = (Arc::clone(&journald.waiting), dropped());
        let quiet = u64::try_from(WAITING_MAX - WAITING_KEPT).unwrap();
        let most = u64::try_from(WAITING_MAX).unwrap();
        records(journald, || {
            for n in 0..quiet + 3 {
                tracing::info!(n, "said");
            }
            assert_eq!(dropped() - before, 3);
            for n in quiet..most + 2 {
                tracing::error!(n, "said loudly");
            }
        });
        assert_eq!(dropped() - before, 5);
        // It turns again: everything that was queued comes, and the count after the first of it.
        let mut sent = Vec::new();
        carry(&taken, &waiting, &mut |record| {
            sent.push(record.text.clone());
            true
        });
        assert_eq!(sent.len(), WAITING_MAX + 1);
        assert!(
            sent[1].contains("lines of the log were dropped"),
            "{}",
            sent[1]
        );
        assert_eq!(waiting.events.load(Ordering::Relaxed), 0);
        assert_eq!(waiting.bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn the_end_waits_for_the_journal_and_counts_what_is_left() {
        let (journald, taken) = Journald::new();
        let waiting = Arc::clone(&journald.waiting);
        records(journald, || (0..9).for_each(|n| tracing::info!(n, "said")));
        let moment = Duration::from_millis(20);
        assert_eq!(waiting.left_after(moment), 9, "nobody takes them");
        let carried = Arc::clone(&waiting);
        let thread = std::thread::spawn(move || {
            carry(&taken, &carried, &mut |_| {
                std::thread::sleep(moment);
                true
            });
        });
        assert_eq!(waiting.left_after(Duration::from_secs(60)), 0);
        thread.join().unwrap();
        assert_eq!(about_lost(0, 0), None);
        let said = about_lost(4, 3).unwrap();
        assert!(said.contains(" 7 lines of the log are lost"), "{said}");
    }

    #[test]
    fn long_events_that_wait_take_so_many_bytes_only() {
        let waiting = Waiting::default();
        let record = Record {
            text: "x".repeat(8_192),
            ..about_dropped(1)
        };
        let bytes = weight(&record);
        let quiet = (0..WAITING_MAX).take_while(|_| waiting.add(Level::INFO, bytes));
        let quiet = quiet.count();
        assert!(quiet * bytes <= WAITING_BYTES_MAX - WAITING_BYTES_KEPT);
        let loud = (0..WAITING_MAX).take_while(|_| waiting.add(Level::ERROR, bytes));
        let loud = loud.count();
        assert!(loud > 0 && (quiet + loud) * bytes <= WAITING_BYTES_MAX);
        (0..quiet + loud).for_each(|_| waiting.take(bytes));
        assert!(waiting.add(Level::INFO, bytes));
    }
}
