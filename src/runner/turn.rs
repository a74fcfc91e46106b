//! Whose turn it is at a printer: tickets in order.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

/// The queues of all printers, by role.
#[derive(Debug, Default)]
pub(super) struct Turns {
    inner: Mutex<Inner>,
    /// Changes with each ticket that is given back.
    places: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Inner {
    last: u64,
    waiting: BTreeMap<String, VecDeque<u64>>,
}

/// A place in one of them, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Ticket {
    turns: Arc<Turns>,
    role: String,
    number: u64,
}

impl Turns {
    /// The place behind all others.
    pub(super) fn take(self: &Arc<Self>, role: &str) -> Ticket {
        let mut inner = self.lock();
        inner.last += 1;
        let number = inner.last;
        inner
            .waiting
            .entry(role.to_owned())
            .or_default()
            .push_back(number);
        drop(inner);
        Ticket {
            turns: Arc::clone(self),
            role: role.to_owned(),
            number,
        }
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

    /// Changes whenever somebody goes. Take it before looking at the place.
    pub(super) fn places(&self) -> watch::Receiver<u64> {
        self.turns.places.subscribe()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut inner = self.turns.lock();
        if let Some(waiting) = inner.waiting.get_mut(&self.role) {
            waiting.retain(|number| *number != self.number);
            if waiting.is_empty() {
                inner.waiting.remove(&self.role);
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
        let (first, second, other) = (turns.take("a"), turns.take("a"), turns.take("b"));
        assert_eq!((first.before(), second.before(), other.before()), (0, 1, 0));
        let places = second.places();
        drop(first);
        assert!(places.has_changed().unwrap());
        assert_eq!((second.before(), turns.take("a").before()), (0, 1));
        drop((second, other));
        assert!(turns.lock().waiting.is_empty());
    }
}
