//! Who may have a device: one, the others behind in order of arrival.
//!
//! A [`Ticket`] is a place in the queue; place 0 has the device. Dropping the ticket leaves the queue or frees
//! the device at once, whoever drops it and why. It must not know what the device is.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::time::Instant;

use super::board::{Board, Holder};
use super::event::{What, now_ms};
use super::scanner::Asker;

/// Streams that may wait for one device, its holder included.
pub(crate) const WAITING_MAX: usize = 64;

/// The queue of one device.
pub(crate) struct Queue {
    waiting_max: usize,
    line: Mutex<Line>,
}

struct Line {
    /// The device as it is configured last.
    board: Arc<Board>,
    next_number: u64,
    entries: VecDeque<Entry>,
}

struct Entry {
    number: u64,
    asker: Asker,
    since_ms: u64,
    until_ms: Option<u64>,
    place: watch::Sender<usize>,
}

/// A place in the queue.
pub(crate) struct Ticket {
    queue: Arc<Queue>,
    number: u64,
    place: watch::Receiver<usize>,
}

impl Queue {
    pub(crate) fn new(board: Arc<Board>, waiting_max: usize) -> Arc<Self> {
        let line = Mutex::new(Line {
            board,
            next_number: 0,
            entries: VecDeque::new(),
        });
        Arc::new(Self { waiting_max, line })
    }

    /// The queue of a device: that of its predecessor in the same place, if it had one.
    pub(crate) fn behind(
        before: Option<Arc<Self>>,
        board: &Arc<Board>,
        waiting_max: usize,
    ) -> Arc<Self> {
        let Some(queue) = before else {
            return Self::new(Arc::clone(board), waiting_max);
        };
        let mut line = queue.lock();
        let before = std::mem::replace(&mut line.board, Arc::clone(board));
        if before.name() != board.name()
            && let Some(first) = line.entries.front()
        {
            before.say(What::Released);
            board.say(What::Claimed {
                by: first.asker.stream.clone(),
            });
        }
        drop(line);
        queue
    }

    /// Joins at the end. `None`: the queue is full.
    pub(crate) fn join(
        self: &Arc<Self>,
        asker: Asker,
        place: watch::Sender<usize>,
    ) -> Option<Ticket> {
        let mut line = self.lock();
        if line.entries.len() >= self.waiting_max {
            return None;
        }
        let number = line.next_number;
        line.next_number += 1;
        let ahead = line.entries.len();
        place.send_replace(ahead);
        let watched = place.subscribe();
        if ahead == 0 {
            line.board.say(What::Claimed {
                by: asker.stream.clone(),
            });
        }
        line.entries.push_back(Entry {
            number,
            asker,
            since_ms: now_ms(),
            until_ms: None,
            place,
        });
        Some(Ticket {
            queue: Arc::clone(self),
            number,
            place: watched,
        })
    }

    /// Who has the device, and how many wait behind.
    pub(crate) fn holder(&self) -> (Option<Holder>, usize) {
        let line = self.lock();
        let holder = line.entries.front().map(|entry| Holder {
            stream: entry.asker.stream.clone(),
            what: entry.asker.what.clone(),
            by: entry.asker.by.clone(),
            since_ms: entry.since_ms,
            until_ms: entry.until_ms,
        });
        (holder, line.entries.len().saturating_sub(1))
    }

    fn holds_until(&self, number: u64, until: Instant) {
        let left = until.saturating_duration_since(Instant::now());
        let left_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        let mut line = self.lock();
        if let Some(entry) = line.entries.iter_mut().find(|entry| entry.number == number) {
            entry.until_ms = Some(now_ms().saturating_add(left_ms));
        }
    }

    fn leave(&self, number: u64) {
        let mut line = self.lock();
        let Some(index) = line.entries.iter().position(|entry| entry.number == number) else {
            return;
        };
        line.entries.remove(index);
        if index == 0 {
            line.board.say(What::Released);
            let Line { board, entries, .. } = &mut *line;
            if let Some(next) = entries.front_mut() {
                next.since_ms = now_ms();
                board.say(What::Claimed {
                    by: next.asker.stream.clone(),
                });
            }
        }
        for (place, entry) in line.entries.iter().enumerate().skip(index) {
            entry.place.send_replace(place);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// Waits until this place is the first.
    pub(crate) async fn first(&mut self) {
        let first = self.place.wait_for(|place| *place == 0).await;
        // The queue keeps the sender as long as this ticket stands in it.
        drop(first);
    }

    /// Says until when at the latest it is held, for whoever looks.
    pub(crate) fn holds_until(&self, until: Instant) {
        self.queue.holds_until(self.number, until);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.queue.leave(self.number);
    }
}
