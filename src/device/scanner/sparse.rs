//! What a scanner has to say again and again, said at most once a second: one that is noisy must not push what others
//! have to say out of the history and the log.

use std::time::Duration;

use tokio::time::Instant;

/// Between two words.
const APART_MS: u64 = 1_000;

/// Counts what is not said.
#[derive(Default)]
pub(super) struct Sparse {
    untold: u64,
    next: Option<Instant>,
}

impl Sparse {
    /// One more. How many are to be told of now.
    pub(super) fn one(&mut self, now: Instant) -> Option<u64> {
        self.untold += 1;
        self.due(now)
    }

    /// How many are to be told of now.
    pub(super) fn due(&mut self, now: Instant) -> Option<u64> {
        if self.next.is_some_and(|next| now < next) {
            return None;
        }
        let told = self.rest()?;
        self.next = Some(now + Duration::from_millis(APART_MS));
        Some(told)
    }

    /// How many were not told of yet; whatever the time.
    pub(super) fn rest(&mut self) -> Option<u64> {
        let untold = std::mem::take(&mut self.untold);
        (untold > 0).then_some(untold)
    }

    /// When the next word is due, if there is one.
    pub(super) fn at(&self) -> Option<Instant> {
        self.next.filter(|_| self.untold > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_the_others_together() {
        let mut sparse = Sparse::default();
        let began = Instant::now();
        let after = |ms| began + Duration::from_millis(ms);
        assert_eq!((sparse.due(began), sparse.at()), (None, None));
        assert_eq!(sparse.one(began), Some(1));
        assert_eq!(sparse.at(), None, "nothing more to tell");
        for ms in 1..=500 {
            assert_eq!(sparse.one(after(ms)), None);
        }
        assert_eq!(sparse.at(), Some(after(APART_MS)));
        assert_eq!(sparse.due(after(APART_MS - 1)), None);
        assert_eq!(sparse.due(after(APART_MS)), Some(500));
        assert_eq!(sparse.due(after(9 * APART_MS)), None, "they were told");
        assert_eq!(sparse.one(after(9 * APART_MS)), Some(1));
        assert_eq!(sparse.one(after(9 * APART_MS)), None);
        assert_eq!(sparse.rest(), Some(1), "the line goes away");
    }
}
