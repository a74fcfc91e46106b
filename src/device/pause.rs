//! How long to wait before a line is opened again.

use std::time::Duration;

use crate::config::devices::At;

/// First wait after a line went away.
const PAUSE_MS_MIN: u64 = 50;
/// A path that is not there is looked for this often at least.
const LOOK_MS_MAX: u64 = 250;
/// A path that is there but does not open is tried this often at least.
const PAUSE_MS_MAX: u64 = 2_000;

/// Grows with each failure.
pub(crate) struct Pause {
    ms: u64,
}

impl Pause {
    pub(crate) fn new() -> Self {
        Self { ms: PAUSE_MS_MIN }
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
}
