//! What happens to devices, with a bounded history for those who watch.
//!
//! Numbers grow by one and start at the time the daemon started, so that a watcher that comes back after a
//! restart with an old number is told that it missed something. It must not know who watches.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

/// Events kept for replay.
const HISTORY_MAX: usize = 1_024;

/// One thing that happened to one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceEvent {
    /// Its number; the next one is one more.
    pub seq: u64,
    /// When, in milliseconds of the civil clock since 1970 UTC.
    pub at_ms: u64,
    /// The device's name.
    pub device: String,
    /// What happened.
    pub what: What,
}

/// What can happen to a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Its line was opened.
    Arrived,
    /// It can be used.
    Ready,
    /// A stream holds it.
    Claimed {
        /// The stream.
        by: String,
    },
    /// Nobody holds it.
    Released,
    /// A job is on its way.
    Busy,
    /// Its line was let go because nobody needs it: what was told of it before may be over.
    Closed,
    /// No paper.
    PaperOut,
    /// Little paper.
    PaperLow,
    /// Paper again.
    PaperOk,
    /// The cover is open.
    CoverOpen,
    /// The cover is shut again.
    CoverClosed,
    /// The knife or the head is in trouble, or it does not answer.
    Fault,
    /// The trouble is over.
    FaultCleared,
    /// Its line went away.
    Unplugged,
    /// Codes came while nobody was armed. They were dropped unread.
    CodeIgnored {
        /// How many since the last such event; a device has one a second at most.
        count: u64,
    },
    /// A new configuration has it, or has it otherwise than before.
    Added,
    /// The new configuration does not have it, or has it otherwise; its last user may still be at it.
    Removed,
    /// More than one device fits its rule: none was opened, or another one came beside the one that is open.
    Ambiguous,
    /// It is there and may not be opened.
    NotPermitted,
    /// It is there and somebody else has it open.
    HeldElsewhere,
    /// A card lies in the reader.
    CardIn,
    /// The card was taken out.
    CardOut,
    /// A card's PIN is awaited on the reader's keypad.
    PinAsked,
    /// The PIN is awaited no longer.
    PinOver,
}

/// The history and the bell.
pub(crate) struct EventLog {
    history: Mutex<History>,
    bell: watch::Sender<u64>,
}

struct History {
    first_seq: u64,
    next_seq: u64,
    events: VecDeque<DeviceEvent>,
}

impl EventLog {
    pub(crate) fn new() -> Self {
        let next_seq = now_ms();
        let history = History {
            first_seq: next_seq,
            next_seq,
            events: VecDeque::with_capacity(HISTORY_MAX),
        };
        Self {
            history: Mutex::new(history),
            bell: watch::Sender::new(next_seq),
        }
    }

    pub(crate) fn say(&self, device: &str, what: What) {
        let mut history = self.lock();
        let seq = history.next_seq;
        history.next_seq += 1;
        if history.events.len() == HISTORY_MAX {
            history.events.pop_front();
        }
        let event = DeviceEvent {
            seq,
            at_ms: now_ms(),
            device: device.to_owned(),
            what,
        };
        history.events.push_back(event);
        drop(history);
        self.bell.send_replace(seq + 1);
    }

    pub(crate) fn watch(self: &Arc<Self>, from_seq: Option<u64>) -> Watcher {
        let bell = self.bell.subscribe();
        let next = from_seq.unwrap_or_else(|| self.lock().next_seq);
        Watcher {
            log: Arc::clone(self),
            bell,
            next,
        }
    }

    fn lock(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl History {
    /// The oldest event that is still known.
    fn oldest(&self) -> u64 {
        self.events.front().map_or(self.next_seq, |event| event.seq)
    }

    /// Where a watcher stands that is to get `next`; what is not kept is passed over.
    fn point(&self, next: &mut u64) -> WatchPoint {
        let oldest = self.oldest();
        let missed = !(oldest..=self.next_seq).contains(next);
        if missed {
            *next = oldest;
        }
        WatchPoint {
            next_seq: *next,
            first_seq: self.first_seq,
            missed,
        }
    }
}

/// What a watcher gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watched {
    /// The next event.
    Event(DeviceEvent),
    /// The watcher was too slow: it goes on here, with the oldest event that is still known.
    Lagged(WatchPoint),
}

/// Where a watcher stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WatchPoint {
    /// The event that it gets next.
    pub next_seq: u64,
    /// The first event since the daemon started; what has a smaller number was of a life before.
    pub first_seq: u64,
    /// It asked for events that are not kept, or never were.
    pub missed: bool,
}

/// Follows the events. A slow one costs nothing and is told what it missed.
pub struct Watcher {
    log: Arc<EventLog>,
    bell: watch::Receiver<u64>,
    next: u64,
}

impl Watcher {
    /// The next event, waited for. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Watched {
        loop {
            self.bell.borrow_and_update();
            if let Some(watched) = self.try_next() {
                return watched;
            }
            self.bell
                .changed()
                .await
                .expect("the log that is held here holds the bell");
        }
    }

    /// Where it stands; events that are not kept are passed over.
    pub fn point(&mut self) -> WatchPoint {
        self.log.lock().point(&mut self.next)
    }

    /// The next event if there is one already.
    pub fn try_next(&mut self) -> Option<Watched> {
        // Held over both: between them the event that is to come could be pushed out.
        let history = self.log.lock();
        let point = history.point(&mut self.next);
        if point.missed {
            return Some(Watched::Lagged(point));
        }
        let behind = usize::try_from(self.next - history.oldest()).ok()?;
        let event = history.events.get(behind)?.clone();
        self.next += 1;
        Some(Watched::Event(event))
    }
}

/// The civil clock, in milliseconds.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn watchers_replay_follow_and_lag() {
        let log = Arc::new(EventLog::new());
        log.say("a", What::Arrived);
        let first = log.lock().events[0].seq;
        let mut early = log.watch(Some(first));
        let mut late = log.watch(None);
        assert!(late.try_next().is_none());
        log.say("a", What::Ready);
        let Watched::Event(event) = late.next().await else {
            panic!("an event")
        };
        assert_eq!((event.seq, event.what), (first + 1, What::Ready));
        let Watched::Event(event) = early.next().await else {
            panic!("an event")
        };
        assert_eq!(event.what, What::Arrived);
        for _ in 0..HISTORY_MAX {
            log.say("b", What::Busy);
        }
        let point = WatchPoint {
            next_seq: first + 2,
            first_seq: first,
            missed: true,
        };
        assert_eq!(early.next().await, Watched::Lagged(point));
        let Watched::Event(event) = early.next().await else {
            panic!("an event")
        };
        assert_eq!(event.seq, first + 2);
    }

    /// One that is told of what it would have got next, while it looks, gets it or is told that it missed it.
    #[test]
    fn a_watcher_at_the_very_end_is_never_overtaken_while_it_looks() {
        const EVENTS: usize = 50_000;
        let log = Arc::new(EventLog::new());
        for _ in 0..HISTORY_MAX {
            log.say("a", What::Busy);
        }
        let said = Arc::clone(&log);
        let saying = std::thread::spawn(move || {
            for _ in 0..EVENTS {
                said.say("a", What::Busy);
            }
        });
        // The oldest, which the next event pushes out.
        while !saying.is_finished() {
            let mut watcher = log.watch(Some(log.lock().oldest()));
            let next = watcher.next;
            match watcher.try_next().expect("there is always one") {
                Watched::Event(event) => assert_eq!(event.seq, next),
                Watched::Lagged(point) => assert!(point.next_seq > next),
            }
        }
        saying.join().expect("it says what it has to");
    }

    #[tokio::test]
    async fn a_number_of_another_life_is_told() {
        let log = Arc::new(EventLog::new());
        log.say("a", What::Arrived);
        let first = log.lock().first_seq;
        for odd in [3, first - 1, first + 2, u64::MAX] {
            let mut watcher = log.watch(Some(odd));
            let point = watcher.point();
            assert!(point.missed && point.first_seq == first, "{odd}: {point:?}");
            // Told once; then the oldest that is known.
            assert_eq!((point.next_seq, watcher.point().missed), (first, false));
            assert!(matches!(watcher.next().await, Watched::Event(event) if event.seq == first));
        }
        for (known, next_seq) in [
            (Some(first), first),
            (Some(first + 1), first + 1),
            (None, first + 1),
        ] {
            let point = log.watch(known).point();
            assert_eq!(
                (point.next_seq, point.missed),
                (next_seq, false),
                "{known:?}"
            );
        }
    }
}
