//! PURE. The queued questions behind a job, and what tells their answers from stray bytes.
//!
//! The answer to `GS r 1` is one byte with two fixed bits: a quarter of all bytes reads as one, the NUL of a line that
//! was disturbed too. So it is asked in sets, the first of them right behind the job. A set is answered well by exactly
//! as many bytes as it has questions, all alike and together, as one answers who has nothing else to do. Two sets in a
//! row that are answered well, silence and a round of real-time status speak for the job; a byte too many speaks against
//! it for good. How many a set asks is the job's own and differs from one set to the next.
//!
//! ```text
//! idle ─► due ─► asked ─ second one in a row that is answered well ─► answered ─ status, silence ─► proof
//!          ▲       │ first one, or not together, or not alike           │
//!          └───────┘                                                    ▼ one more; no status; trouble: void
//! ```

use std::time::Duration;

use tokio::time::Instant;

use super::proof::ASK_QUEUED;

/// Questions of a set: so many at least,
const SET_MIN: u32 = 4;
/// and one of so many numbers.
const SET_SIZES: u32 = 4;
/// Sets in a row that must be answered well.
const SETS_WELL: u32 = 2;
/// Sets that are asked at most.
const SETS_MAX: u32 = 5;
/// From the first answer of a set to its last one.
const TOGETHER_MS_MAX: u64 = 250;
/// Silence behind the last answer. Noise that comes steadily, but never so long after the byte before, is too quick for
/// a set: it gives one byte too many.
const SILENCE_MS: u64 = 100;

/// See the module's docs.
pub(super) struct Challenge {
    /// Questions of the first set beyond the least.
    more: u32,
    stage: Stage,
    sets: u32,
    /// How many of the last sets were answered well.
    well: u32,
    /// Questions that were given out.
    pub(super) questions: u32,
}

enum Stage {
    Idle,
    /// A set is to be asked.
    Due,
    Asked(Option<Heard>),
    /// What was answered, and when the last answer came.
    Answered(u8, Instant),
    /// The same, and the printer was well behind it.
    Confirmed(u8, Instant),
    Void,
}

/// Answers to a set.
struct Heard {
    count: u32,
    byte: u8,
    are_alike: bool,
    first_at: Instant,
}

impl Challenge {
    /// `trusted`: no answer of an earlier job may still come.
    pub(super) fn new(number: [u8; 4], trusted: bool) -> Self {
        Self {
            more: u32::from(number[0]) % SET_SIZES,
            stage: if trusted { Stage::Idle } else { Stage::Void },
            sets: 0,
            well: 0,
            questions: 0,
        }
    }

    /// Nothing was asked, and a stray byte is known for what it is.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.stage, Stage::Idle)
    }

    /// Something is to be asked, or confirmed, without a pause.
    pub(super) fn is_urgent(&self) -> bool {
        matches!(self.stage, Stage::Due | Stage::Answered(..))
    }

    /// An answer waits for a round of real-time status: a printer that lost its power leaves stray bytes too.
    pub(super) fn is_confirming(&self) -> bool {
        matches!(self.stage, Stage::Answered(..))
    }

    /// Nothing that it answers proves anything.
    #[cfg(test)]
    fn is_void(&self) -> bool {
        matches!(self.stage, Stage::Void)
    }

    /// From here on it is asked.
    pub(super) fn begin(&mut self) {
        if self.is_idle() {
            self.stage = Stage::Due;
        }
    }

    /// The set that is due, which goes out now.
    pub(super) fn ask(&mut self) -> Option<Vec<u8>> {
        if !matches!(self.stage, Stage::Due) {
            return None;
        }
        self.sets += 1;
        self.stage = Stage::Asked(None);
        self.questions += self.size();
        Some(ASK_QUEUED.repeat(usize::try_from(self.size()).unwrap_or(0)))
    }

    /// Questions of the last set. Two in a row are as many for each job, and never alike.
    fn size(&self) -> u32 {
        let more = if self.sets.is_multiple_of(2) {
            SET_SIZES - 1 - self.more
        } else {
            self.more
        };
        SET_MIN + more
    }

    /// What may be an answer came, when all questions had left. `true`: the printer is to confirm it from here on.
    pub(super) fn heard(&mut self, byte: u8, now: Instant) -> bool {
        let Stage::Asked(heard) = &mut self.stage else {
            // One of them is noise, and nothing shows which.
            self.stage = Stage::Void;
            return false;
        };
        let heard = heard.get_or_insert(Heard {
            count: 0,
            byte,
            are_alike: true,
            first_at: now,
        });
        heard.count += 1;
        heard.are_alike &= heard.byte == byte;
        let are_together =
            now.duration_since(heard.first_at) <= Duration::from_millis(TOGETHER_MS_MAX);
        let (count, is_well) = (heard.count, heard.are_alike && are_together);
        if count < self.size() {
            return false;
        }
        // Paper may have ended between two of its questions: another set then.
        self.well = if is_well { self.well + 1 } else { 0 };
        let is_answered = self.well >= SETS_WELL;
        self.stage = if is_answered {
            Stage::Answered(byte, now)
        } else if self.sets < SETS_MAX {
            Stage::Due
        } else {
            Stage::Void
        };
        is_answered
    }

    /// A whole round of status questions was answered, by a printer that is well or not.
    pub(super) fn round_over(&mut self, is_well: bool) {
        if let Stage::Answered(byte, at) = self.stage {
            // A printer that is in trouble does not get to what stands behind the job.
            self.stage = if is_well {
                Stage::Confirmed(byte, at)
            } else {
                Stage::Void
            };
        }
    }

    /// A status question was not answered. One that answered a set has no job that keeps it from answering: it may have
    /// been off, and what spoke before is then not what speaks behind it.
    pub(super) fn unanswered(&mut self) {
        if self.sets > 1 || self.is_confirming() {
            self.stage = Stage::Void;
        }
    }

    /// What the printer answered behind the job, as soon as that is certain.
    pub(super) fn answer(&self, now: Instant) -> Option<(u8, Instant)> {
        let Stage::Confirmed(byte, at) = self.stage else {
            return None;
        };
        let silence = Duration::from_millis(SILENCE_MS);
        (now.duration_since(at) >= silence).then_some((byte, at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBERS: [&[u8; 4]; 4] = [b"0000", b"1000", b"2000", b"3000"];

    fn after(began: Instant, ms: u64) -> Instant {
        began + Duration::from_millis(ms)
    }

    /// A set that has left; its size.
    fn asked(challenge: &mut Challenge) -> u32 {
        let before = challenge.questions;
        let bytes = challenge.ask().expect("it is due");
        let size = challenge.questions - before;
        assert_eq!(bytes, ASK_QUEUED.repeat(usize::try_from(size).unwrap()));
        size
    }

    fn begun(number: &[u8; 4]) -> Challenge {
        let mut challenge = Challenge::new(*number, true);
        challenge.begin();
        challenge
    }

    #[test]
    fn two_sets_answered_well_a_round_and_silence_are_a_proof() {
        for number in NUMBERS {
            let now = Instant::now();
            let mut challenge = begun(number);
            let mut sizes = Vec::new();
            for set in 1..=SETS_WELL {
                let size = asked(&mut challenge);
                for answer in 1..=size {
                    let is_last = set == SETS_WELL && answer == size;
                    assert_eq!(challenge.heard(3, now), is_last);
                }
                sizes.push(size);
            }
            assert!(sizes[0] != sizes[1] && sizes.iter().all(|it| (4..8).contains(it)));
            assert_eq!(challenge.answer(after(now, SILENCE_MS)), None);
            challenge.round_over(true);
            assert_eq!(challenge.answer(after(now, SILENCE_MS - 1)), None);
            assert_eq!(challenge.answer(after(now, SILENCE_MS)), Some((3, now)));
        }
    }

    /// Of a printer that answers status, and that nothing else comes from than this.
    #[test]
    fn stray_bytes_at_once_are_no_proof() {
        let now = Instant::now();
        for number in NUMBERS {
            for count in 1..50 {
                let mut challenge = begun(number);
                asked(&mut challenge);
                for _ in 0..count {
                    challenge.heard(0, now);
                    challenge.round_over(true);
                }
                challenge.ask();
                assert_eq!(challenge.answer(after(now, 10_000)), None, "{count}");
            }
        }
    }

    #[test]
    fn noise_that_comes_steadily_is_no_proof() {
        for (number, between_ms) in NUMBERS
            .iter()
            .flat_map(|it| (1..600).map(move |ms| (it, ms)))
        {
            let began = Instant::now();
            let mut challenge = begun(number);
            for stray in 0..50 {
                // Each set leaves at once, and status is answered at once.
                challenge.ask();
                challenge.heard(0, after(began, stray * between_ms));
                challenge.round_over(true);
                let next = after(began, (stray + 1) * between_ms - 1);
                assert_eq!(challenge.answer(next), None, "{between_ms} ms");
            }
        }
    }

    #[test]
    fn a_byte_too_many_is_never_forgotten() {
        let now = Instant::now();
        let late = after(now, 10 * SILENCE_MS);
        for number in NUMBERS {
            for place in 0..4 {
                let mut challenge = begun(number);
                for set in 0..SETS_WELL {
                    for _ in 0..asked(&mut challenge) {
                        challenge.heard(0, now);
                    }
                    if place == set {
                        challenge.heard(0, now);
                        break;
                    }
                }
                challenge.round_over(true);
                if place >= SETS_WELL {
                    challenge.heard(0, now);
                }
                assert!(challenge.answer(late).is_none() && challenge.ask().is_none());
            }
        }
    }

    #[test]
    fn what_is_not_together_or_not_alike_is_asked_again_and_not_for_ever() {
        let now = Instant::now();
        let late = after(now, TOGETHER_MS_MAX + 1);
        for (second, second_at) in [(3, now), (0, late)] {
            let mut challenge = begun(b"0000");
            let mut sets = 0;
            while !challenge.is_void() {
                sets += 1;
                let size = asked(&mut challenge);
                assert!(!challenge.heard(0, now));
                for _ in 1..size {
                    assert!(!challenge.heard(second, second_at));
                }
            }
            assert_eq!(sets, SETS_MAX);
            // One is not well, two are.
            let mut challenge = begun(b"0000");
            let mut is_answered = false;
            for (second, second_at) in [(second, second_at), (0, now), (0, now)] {
                let size = asked(&mut challenge);
                challenge.heard(0, now);
                for _ in 1..size {
                    is_answered = challenge.heard(second, second_at);
                }
            }
            assert!(is_answered);
        }
    }

    #[test]
    fn one_that_was_silent_or_in_trouble_behind_an_answer_proves_nothing() {
        let now = Instant::now();
        let answered = |challenge: &mut Challenge| {
            for _ in 0..asked(challenge) {
                challenge.heard(0, now);
            }
        };
        let is_void = |challenge: &mut Challenge| {
            challenge.round_over(true);
            let late = after(now, 10 * SILENCE_MS);
            challenge.answer(late).is_none() && challenge.ask().is_none()
        };
        // While it works off the job it may be slow.
        let mut challenge = begun(b"0000");
        asked(&mut challenge);
        challenge.unanswered();
        for _ in 0..challenge.size() {
            challenge.heard(0, now);
        }
        asked(&mut challenge);
        challenge.unanswered();
        assert!(is_void(&mut challenge));
        for trouble in [true, false] {
            let mut challenge = begun(b"0000");
            answered(&mut challenge);
            answered(&mut challenge);
            if trouble {
                challenge.round_over(false);
            } else {
                challenge.unanswered();
            }
            assert!(is_void(&mut challenge));
        }
        let mut untrusted = Challenge::new(*b"0000", false);
        untrusted.begin();
        assert!(is_void(&mut untrusted));
    }
}
