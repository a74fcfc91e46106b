//! Whose turn it is at a printer: tickets in the order in which their jobs came to be on disk.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::book::Code;

/// The queues of all printers, by role.
#[derive(Debug, Default)]
pub(super) struct Turns {
    inner: Mutex<Inner>,
    /// Changes with each ticket that is given back.
    places: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Inner {
    waiting: BTreeMap<String, VecDeque<i64>>,
    /// What the first one waits for.
    parked_for: BTreeMap<String, Code>,
}

/// A place in one of them, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Ticket {
    turns: Arc<Turns>,
    role: String,
    /// The place of its first row on disk.
    number: i64,
}

impl Turns {
    /// The place behind all whose first rows are before this one.
    pub(super) fn take(self: &Arc<Self>, role: &str, number: i64) -> Ticket {
        let mut inner = self.lock();
        let waiting = inner.waiting.entry(role.to_owned()).or_default();
        let place = waiting.partition_point(|other| *other < number);
        waiting.insert(place, number);
        let moves_others = place + 1 < waiting.len();
        drop(inner);
        if moves_others {
            self.places.send_modify(|count| *count += 1);
        }
        Ticket {
            turns: Arc::clone(self),
            role: role.to_owned(),
            number,
        }
    }

    /// How many wait there, the one that prints included.
    pub(super) fn count(&self, role: &str) -> usize {
        self.lock().waiting.get(role).map_or(0, VecDeque::len)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// How many are before it; 0: it is its turn.
    pub(super) fn before(&self) -> usize {
        let inner = self.turns.lock();
        let waiting = inner.waiting.get(&self.role);
        let place = waiting.and_then(|it| it.iter().position(|number| *number == self.number));
        place.unwrap_or(0)
    }

    /// Says what the first one waits for, or that it prints.
    pub(super) fn tell(&self, code: Option<Code>) {
        let mut inner = self.turns.lock();
        match code {
            Some(code) => drop(inner.parked_for.insert(self.role.clone(), code)),
            None => drop(inner.parked_for.remove(&self.role)),
        }
    }

    /// What the first one waits for.
    pub(super) fn first_waits_for(&self) -> Option<Code> {
        self.turns.lock().parked_for.get(&self.role).copied()
    }

    /// Changes whenever somebody goes. Take it before looking at the place.
    pub(super) fn places(&self) -> watch::Receiver<u64> {
        self.turns.places.subscribe()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut inner = self.turns.lock();
        if let Some(waiting) = inner.waiting.get_mut(&self.role) {
            let was_first = waiting.front() == Some(&self.number);
            waiting.retain(|number| *number != self.number);
            if waiting.is_empty() {
                inner.waiting.remove(&self.role);
            }
            if was_first {
                inner.parked_for.remove(&self.role);
            }
        }
        drop(inner);
        self.turns.places.send_modify(|count| *count += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_by_role_and_in_order() {
        let turns = Arc::new(Turns::default());
        // The second one wakes before the first: one commit wrote both.
        let (second, first, other) = (turns.take("a", 8), turns.take("a", 7), turns.take("b", 9));
        assert_eq!((first.before(), second.before(), other.before()), (0, 1, 0));
        first.tell(Some(Code::PaperOut));
        assert_eq!(second.first_waits_for(), Some(Code::PaperOut));
        assert_eq!((other.first_waits_for(), turns.count("a")), (None, 2));
        let places = second.places();
        drop(first);
        assert!(places.has_changed().unwrap());
        assert_eq!(second.first_waits_for(), None);
        assert_eq!((second.before(), turns.take("a", 10).before()), (0, 1));
        drop((second, other));
        assert!(turns.lock().waiting.is_empty());
    }
}
