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
    /// Who lets others go first, and comes back.
    aside: BTreeMap<String, usize>,
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
        // From behind: one that came back stands before some that are older.
        let before = waiting.iter().rposition(|other| *other < number);
        let place = before.map_or(0, |place| place + 1);
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
        let inner = self.lock();
        let aside = inner.aside.get(role).copied().unwrap_or(0);
        inner.waiting.get(role).map_or(0, VecDeque::len) + aside
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn leave(&mut self, role: &str, number: i64) {
        let Some(waiting) = self.waiting.get_mut(role) else {
            return;
        };
        let was_first = waiting.front() == Some(&number);
        waiting.retain(|other| *other != number);
        if waiting.is_empty() {
            self.waiting.remove(role);
        }
        if was_first {
            self.parked_for.remove(role);
        }
    }
}

impl Ticket {
    /// Lets others go first until what is given back is dropped. It is behind the one then that is at the printer,
    /// and before all others.
    pub(super) fn aside(&self) -> Aside<'_> {
        let mut inner = self.turns.lock();
        inner.leave(&self.role, self.number);
        *inner.aside.entry(self.role.clone()).or_default() += 1;
        drop(inner);
        self.turns.places.send_modify(|count| *count += 1);
        Aside(self)
    }

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
        inner.leave(&self.role, self.number);
        drop(inner);
        self.turns.places.send_modify(|count| *count += 1);
    }
}

/// A ticket that lets others go first.
#[derive(Debug)]
pub(super) struct Aside<'a>(&'a Ticket);

impl Drop for Aside<'_> {
    fn drop(&mut self) {
        let Ticket {
            turns,
            role,
            number,
        } = self.0;
        let mut inner = turns.lock();
        if let Some(aside) = inner.aside.get_mut(role) {
            *aside -= 1;
            if *aside == 0 {
                inner.aside.remove(role);
            }
        }
        let waiting = inner.waiting.entry(role.clone()).or_default();
        let place = waiting.len().min(1);
        waiting.insert(place, *number);
        drop(inner);
        turns.places.send_modify(|count| *count += 1);
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

    #[test]
    fn who_steps_aside_comes_back_behind_the_one_that_prints() {
        let turns = Arc::new(Turns::default());
        let (turned_away, next, last) =
            (turns.take("a", 1), turns.take("a", 2), turns.take("a", 3));
        let aside = turned_away.aside();
        assert_eq!((next.before(), last.before(), turns.count("a")), (0, 1, 3));
        drop(aside);
        let places = [&next, &turned_away, &last].map(Ticket::before);
        assert_eq!((places, turns.count("a")), ([0, 1, 2], 3));
        let newer = turns.take("a", 4);
        assert_eq!(newer.before(), 3);
        // Alone it comes back as the first.
        drop((next, last, newer));
        drop(turned_away.aside());
        assert_eq!(turned_away.before(), 0);
        drop(turned_away);
        let inner = turns.lock();
        assert!(inner.waiting.is_empty() && inner.aside.is_empty());
    }
}
