//! How long to wait before a line is opened again.

use std::time::Duration;

use tokio::time::sleep;

use super::hint::Hint;
use crate::config::devices::At;

/// First wait after a line went away.
const PAUSE_MS_MIN: u64 = 50;
/// A path that is not there is looked for this often at least.
const LOOK_MS_MAX: u64 = 250;
/// A path that is there but does not open is tried this often at least.
const PAUSE_MS_MAX: u64 = 2_000;
/// A desk's devices come in many words at once: no more than one look for each so long.
const HINT_MS_MIN: u64 = 10;

/// Grows with each failure.
pub(crate) struct Pause {
    ms: u64,
    hint: Option<Hint>,
}

impl Pause {
    pub(crate) fn new() -> Self {
        Self {
            ms: PAUSE_MS_MIN,
            hint: None,
        }
    }

    /// One that is over early when something is plugged in.
    pub(crate) fn hinted(hint: Hint) -> Self {
        Self {
            hint: Some(hint),
            ..Self::new()
        }
    }

    pub(crate) fn reset(&mut self) {
        self.ms = PAUSE_MS_MIN;
    }

    /// The wait before the next try at `at`. What is found by rule is looked for as often as what is missing.
    pub(crate) fn next(&mut self, at: &At) -> Duration {
        let max = match at {
            At::Path(path) if path.exists() => PAUSE_MS_MAX,
            At::Path(_) | At::Usb(_) => LOOK_MS_MAX,
        };
        let ms = self.ms.min(max);
        self.ms = (self.ms * 2).min(max);
        Duration::from_millis(ms)
    }

    /// Waits until the next try at `at`.
    pub(crate) async fn over(&mut self, at: &At) {
        let longest = self.next(at);
        let Some(hint) = &mut self.hint else {
            return sleep(longest).await;
        };
        let hinted = async {
            sleep(Duration::from_millis(HINT_MS_MIN)).await;
            hint.heard().await;
        };
        tokio::select! {
            () = sleep(longest) => {}
            // What has just come may not be ready yet: the pauses begin anew.
            () = hinted => self.ms = PAUSE_MS_MIN,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[test]
    fn pauses_grow_to_a_limit() {
        let mut pause = Pause::new();
        let there = At::Path("/dev/null".into());
        let pauses: Vec<u128> = (0..8).map(|_| pause.next(&there).as_millis()).collect();
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1_600, 2_000, 2_000]);
        let missing = At::Path("/nowhere/x".into());
        assert_eq!(pause.next(&missing).as_millis(), 250);
    }

    #[tokio::test]
    async fn a_word_ends_a_pause_and_without_one_it_ends_too() {
        let at = At::Path("/dev/null".into());
        let (hint, word) = Hint::played();
        let mut pause = Pause::hinted(hint);
        let began = Instant::now();
        pause.over(&at).await;
        assert!(began.elapsed() >= Duration::from_millis(PAUSE_MS_MIN));
        pause.ms = PAUSE_MS_MAX;
        word.send_modify(|count| *count += 1);
        let began = Instant::now();
        pause.over(&at).await;
        assert!(began.elapsed() < Duration::from_millis(PAUSE_MS_MAX));
        assert_eq!(pause.ms, PAUSE_MS_MIN);
    }
}
