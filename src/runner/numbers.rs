//! Numbers that are never given twice in one hospital: msgids, and serial numbers for batches and lines.
//!
//! A msgid is fixmedins_code(12) + time(14, +08:00) + desk(3) + n(1). The time is the larger of now and the
//! last used; when the ten of a second are used up the next second is taken, at most [`AHEAD_S_MAX`] ahead.
//! A serial number is seconds since 2020 (9 digits) + desk(3) + n(3): digits only, not 0, at most 15, as the
//! strictest province wants `feedetl_sn`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::clock::{self, Clock};
use crate::journal::Journal;
use crate::platform::{Stamp, Stamps};

/// How far the seconds in use may be ahead of the clock.
const AHEAD_S_MAX: i64 = 60;
/// 2020-01-01T00:00:00Z, where serial numbers begin to count.
const SERIAL_EPOCH_S: i64 = 1_577_836_800;
/// How often a waiting msgid looks at the clock.
const LOOK_AGAIN_MS: u64 = 100;

/// The journal's mark for the last second used by msgids: `second × 10 + n`.
pub const MARK_MSGID: &str = "msgid";
/// The journal's mark for the last serial number: `second × 1000 + n`.
pub const MARK_SERIAL: &str = "serial";

/// The source of numbers of one desk.
#[derive(Debug)]
pub struct Numbers {
    fixmedins_code: String,
    desk_number: u16,
    clock: Clock,
    /// What the last process used is never used again, even when the clock was set back since.
    ahead_of_clock_s: i64,
    last: Mutex<Last>,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    msgid: Counter,
    serial: Counter,
}

/// A second, and how many numbers of it were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counter {
    second: i64,
    n: i64,
    per_second: i64,
}

impl Counter {
    fn from_mark(mark: Option<i64>, per_second: i64) -> Self {
        let mark = mark.unwrap_or(0);
        Self {
            second: mark / per_second,
            n: mark % per_second,
            per_second,
        }
    }

    fn mark(self) -> i64 {
        self.second * self.per_second + self.n
    }

    /// The next number, unless it were too far ahead of `now_s`.
    fn next(self, now_s: i64) -> Option<Self> {
        let next = if now_s > self.second {
            Self {
                second: now_s,
                n: 0,
                ..self
            }
        } else if self.n + 1 < self.per_second {
            Self {
                n: self.n + 1,
                ..self
            }
        } else {
            Self {
                second: self.second + 1,
                n: 0,
                ..self
            }
        };
        (next.second <= now_s + AHEAD_S_MAX).then_some(next)
    }
}

impl Numbers {
    /// Goes on behind the marks that the journal kept: each number is marked there before it leaves the machine.
    #[must_use]
    pub fn new(
        fixmedins_code: impl Into<String>,
        desk_number: u16,
        clock: Clock,
        msgid_mark: Option<i64>,
        serial_mark: Option<i64>,
    ) -> Self {
        let now_s = clock.now_ms() / 1_000;
        let last = Last {
            msgid: Counter::from_mark(msgid_mark, 10),
            serial: Counter::from_mark(serial_mark, 1_000),
        };
        Self {
            fixmedins_code: fixmedins_code.into(),
            desk_number,
            clock,
            ahead_of_clock_s: (last.msgid.second.max(last.serial.second) - now_s).max(0),
            last: Mutex::new(last),
        }
    }

    /// A msgid nobody has, waiting where seconds are used up.
    pub async fn msgid(&self) -> String {
        loop {
            if let Some(counter) = self.take(|last| &mut last.msgid) {
                let time = clock::civil_digits(counter.second);
                let (code, desk) = (&self.fixmedins_code, self.desk_number);
                return format!("{code}{time}{desk:03}{n}", n = counter.n);
            }
            tokio::time::sleep(Duration::from_millis(LOOK_AGAIN_MS)).await;
        }
    }

    /// A serial number nobody has, waiting where seconds are used up.
    pub async fn serial(&self) -> String {
        loop {
            if let Some(counter) = self.take(|last| &mut last.serial) {
                let second = counter.second - SERIAL_EPOCH_S;
                return format!(
                    "{second:09}{desk:03}{n:03}",
                    desk = self.desk_number,
                    n = counter.n
                );
            }
            tokio::time::sleep(Duration::from_millis(LOOK_AGAIN_MS)).await;
        }
    }

    /// A stamp for a message whose intent is written with [`Numbers::marks`] before it is sent.
    pub async fn stamp(&self) -> Stamp {
        Stamp {
            msgid: self.msgid().await,
            inf_time: clock::civil(clock::wall_ms()),
        }
    }

    fn take(&self, which: impl FnOnce(&mut Last) -> &mut Counter) -> Option<Counter> {
        // A clock that is set forward while the daemon runs is followed; one that is set back is not.
        let now_s = self.clock.now_ms().max(clock::wall_ms()) / 1_000 + self.ahead_of_clock_s;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let counter = which(&mut last);
        *counter = counter.next(now_s)?;
        Some(*counter)
    }

    /// What the journal must keep so that nothing given so far is ever given again.
    #[must_use]
    pub fn marks(&self) -> Vec<(String, i64)> {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        vec![
            (MARK_MSGID.to_owned(), last.msgid.mark()),
            (MARK_SERIAL.to_owned(), last.serial.mark()),
        ]
    }
}

/// Numbers for messages that belong to no stream: a sign-in has no intent whose transaction would keep the mark.
pub struct MarkedNumbers {
    numbers: Arc<Numbers>,
    journal: Journal,
}

impl MarkedNumbers {
    /// Marks the numbers in this journal.
    #[must_use]
    pub fn new(numbers: Arc<Numbers>, journal: Journal) -> Self {
        Self { numbers, journal }
    }
}

#[async_trait::async_trait]
impl Stamps for MarkedNumbers {
    async fn stamp(&self) -> Result<Stamp, String> {
        let stamp = self.numbers.stamp().await;
        let marked = self.journal.keep_marks(self.numbers.marks()).await;
        marked.map_err(|error| format!("the msgid cannot be marked in the journal: {error}"))?;
        Ok(stamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_ten_and_then_the_next_is_taken() {
        let mut counter = Counter::from_mark(None, 10);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..610 {
            counter = counter.next(1_000).unwrap();
            assert!(seen.insert(counter.mark()), "{counter:?} twice");
        }
        assert_eq!(counter.second, 1_000 + AHEAD_S_MAX);
        assert_eq!(counter.next(1_000), None, "61 s ahead: wait");
        assert!(counter.next(1_001).is_some());
    }

    #[test]
    fn a_clock_set_back_gives_nothing_twice() {
        let counter = Counter::from_mark(Some(5_000 * 10 + 3), 10);
        let next = counter.next(4_990).unwrap();
        assert_eq!((next.second, next.n), (5_000, 4));
    }

    #[tokio::test]
    async fn numbers_have_their_form() {
        let numbers = Numbers::new("H43010200001", 7, Clock::start(), None, None);
        let msgid = numbers.msgid().await;
        assert_eq!(msgid.len(), 30, "{msgid}");
        assert!(msgid.starts_with("H43010200001") && &msgid[26..29] == "007");
        let serial = numbers.serial().await;
        assert_eq!(serial.len(), 15, "{serial}");
        assert!(serial.bytes().all(|b| b.is_ascii_digit()));
        // A day ahead, as after a clock that was set back: goes on behind what was used, without waiting.
        let ahead_s = Clock::start().now_ms() / 1_000 + 86_400;
        let numbers = Numbers::new(
            "H43010200001",
            7,
            Clock::start(),
            Some(ahead_s * 10 + 9),
            None,
        );
        assert!(
            numbers
                .msgid()
                .await
                .contains(&clock::civil_digits(ahead_s + 1))
        );
    }

    #[tokio::test]
    async fn a_sign_in_is_marked_before_it_is_sent() {
        let dir = tempfile::tempdir().unwrap();
        let journal = crate::journal::tests::open(&dir.path().join("journal")).await;
        let code = "H43010200001";
        let numbers = Arc::new(Numbers::new(code, 7, Clock::start(), None, None));
        let marked = MarkedNumbers::new(Arc::clone(&numbers), journal.clone());
        let sent = marked.stamp().await.unwrap().msgid;
        // The process is killed here, and the clock is set back meanwhile.
        let mark = journal.mark(MARK_MSGID).await.unwrap();
        let (second, n) = (mark.unwrap() / 10, mark.unwrap() % 10);
        assert_eq!(sent, format!("{code}{}007{n}", clock::civil_digits(second)));
        let next = Numbers::new(code, 7, Clock::start(), mark, None);
        assert!(next.msgid().await > sent);
        // What cannot be marked is not given out.
        journal.close().await;
        assert!(marked.stamp().await.is_err());
    }
}
