//! Places for what takes long and what somebody else decides about: reading files that may lie on a disk that hangs, or
//! on one that its sender made to hang; questions that nobody may answer. Nobody holds all places.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Places of one kind, and who has them, by user id.
pub(super) struct Places {
    all_max: usize,
    per_user_max: usize,
    held: Mutex<BTreeMap<u32, usize>>,
}

/// One place, until it is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    uid: u32,
}

impl Places {
    /// So many, of which one user has so many at most.
    pub(super) fn new(all_max: usize, per_user_max: usize) -> Arc<Self> {
        Arc::new(Self {
            all_max,
            per_user_max,
            held: Mutex::default(),
        })
    }

    /// How many one user has at most.
    pub(super) fn per_user_max(&self) -> usize {
        self.per_user_max
    }

    /// A place for this user; nothing: there is none at present.
    pub(super) fn take(self: &Arc<Self>, uid: u32) -> Option<Place> {
        let mut held = self.lock();
        let own = held.get(&uid).copied().unwrap_or(0);
        if own >= self.per_user_max || held.values().sum::<usize>() >= self.all_max {
            return None;
        }
        held.insert(uid, own + 1);
        Some(Place {
            places: Arc::clone(self),
            uid,
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.places.lock();
        if let Some(own) = held.get_mut(&self.uid) {
            *own -= 1;
            if *own == 0 {
                held.remove(&self.uid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_user_leaves_places_to_others() {
        let places = Places::new(8, 2);
        let mut held: Vec<Place> = (0..2)
            .map(|_| places.take(1).expect("there is room"))
            .collect();
        assert!(places.take(1).is_none(), "it has its share");
        for uid in 2..=4 {
            held.extend((0..2).map(|_| places.take(uid).expect("others go on")));
        }
        assert_eq!(held.len(), 8);
        assert!(places.take(5).is_none(), "all are taken");
        held.remove(0);
        let again = places.take(1).expect("one was given back");
        assert!(places.take(5).is_none());
        held.clear();
        drop(again);
        assert!(places.lock().is_empty(), "nothing is kept");
    }
}
