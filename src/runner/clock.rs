//! The time that waits are counted in: it never jumps while the daemon runs.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

/// 2020-01-01T00:00:00Z.
const PLAUSIBLE_FROM_MS: i64 = 1_577_836_800_000;

/// The wall clock at the start of the process, and what has passed since by the monotonic clock.
///
/// Setting the machine's clock neither shortens a quiet time nor lengthens it.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall_at_start_ms: i64,
    start: Instant,
}

impl Clock {
    /// Starts now.
    #[must_use]
    pub fn start() -> Self {
        Self {
            wall_at_start_ms: wall_ms(),
            start: Instant::now(),
        }
    }

    /// Milliseconds: Unix time as it was at the start, plus what has passed.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        let passed = i64::try_from(self.start.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.wall_at_start_ms.saturating_add(passed)
    }

    /// The moment of the runtime's clock that is `at_ms` of this clock.
    #[must_use]
    pub fn instant(&self, at_ms: i64) -> tokio::time::Instant {
        let left_ms = u64::try_from(at_ms - self.now_ms()).unwrap_or(0);
        tokio::time::Instant::now() + std::time::Duration::from_millis(left_ms)
    }

    /// Whether the machine's clock was set at all: a board without a battery begins in 1970.
    #[must_use]
    pub fn is_plausible(&self) -> bool {
        wall_ms() >= PLAUSIBLE_FROM_MS
    }

    /// Since when the process runs, Unix milliseconds.
    #[must_use]
    pub fn started_at_ms(&self) -> i64 {
        self.wall_at_start_ms
    }
}

/// The machine's clock, Unix milliseconds.
#[must_use]
pub fn wall_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or(0)
}

/// What has passed since the machine was started, its sleep included: other clocks stand still in that.
#[must_use]
pub(super) fn since_boot() -> Duration {
    // Never before the start.
    Duration::try_from(clock_gettime(ClockId::Boottime)).unwrap_or_default()
}

/// Civil time at +08:00, whatever the machine's zone: `yyyy-MM-dd HH:mm:ss`.
#[must_use]
pub fn civil(at_ms: i64) -> String {
    zoned(at_ms).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Civil time at +08:00 as a msgid has it: `yyyyMMddHHmmss`.
#[must_use]
pub(super) fn civil_digits(at_s: i64) -> String {
    zoned(at_s.saturating_mul(1_000))
        .strftime("%Y%m%d%H%M%S")
        .to_string()
}

fn zoned(at_ms: i64) -> jiff::Zoned {
    jiff::Timestamp::from_millisecond(at_ms)
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH)
        .to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(8)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wire_is_at_plus_eight() {
        assert_eq!(civil(0), "1970-01-01 08:00:00");
        assert_eq!(civil_digits(1_735_689_599), "20250101075959");
    }
}
