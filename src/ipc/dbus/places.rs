//! Places for reading the files of requests. A file may lie on a disk that hangs, or on one that its sender made to
//! hang: nobody holds all places.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Requests whose files are read at once. A disk that hangs holds its own place only.
const READING_MAX: usize = 8;
/// Of these, for one user.
const READING_PER_USER_MAX: usize = 2;

/// Who reads, by user id.
#[derive(Default)]
pub(super) struct Places {
    held: Mutex<BTreeMap<u32, usize>>,
}

/// One place, until it is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    uid: u32,
}

impl Places {
    /// A place for this user; nothing: there is none at present.
    pub(super) fn take(self: &Arc<Self>, uid: u32) -> Option<Place> {
        let mut held = self.lock();
        let own = held.get(&uid).copied().unwrap_or(0);
        if own >= READING_PER_USER_MAX || held.values().sum::<usize>() >= READING_MAX {
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
        let places = Arc::new(Places::default());
        let mut held: Vec<Place> = (0..READING_PER_USER_MAX)
            .map(|_| places.take(1).expect("there is room"))
            .collect();
        assert!(places.take(1).is_none(), "it has its share");
        for uid in 2..=4 {
            held.extend((0..READING_PER_USER_MAX).map(|_| places.take(uid).expect("others go on")));
        }
        assert_eq!(held.len(), READING_MAX);
        assert!(places.take(5).is_none(), "all are taken");
        held.remove(0);
        let again = places.take(1).expect("one was given back");
        assert!(places.take(5).is_none());
        held.clear();
        drop(again);
        assert!(places.lock().is_empty(), "nothing is kept");
    }
}
