//! PURE. The queued questions behind a job, and what tells their answers from stray bytes.
//!
//! The answer to `GS r 1` is one byte with two fixed bits: a quarter of all bytes reads as one, the NUL of a line that
//! was disturbed too. So it is asked in sets, the first of them right behind the job. A set is answered well by exactly
//! as many bytes as it has questions, all alike and together, as one answers who has nothing else to do. Two sets in a
//! row that are answered well, silence and a round of real-time status speak for the job; a byte too many speaks against
//! it for good. How many a set asks is the job's own and differs from one set to the next.
//!
//! Some printers answer several questions that stand side by side once. One that began to answer a set and did not go
//! on is asked one by one from then on: an answer is what comes soon behind its question and alone. The pauses between
//! are long and short by turns, so that noise that comes steadily misses one of two.
//!
//! ```text
//! idle ─► due ─► asked ─ last one in a row that is answered well ─► answered ─ status, silence ─► proof
//!          ▲       │ one before, or not together, or not alike,       │
//!          └───────┘ or short: one by one then                        ▼ one more; no status; trouble: void
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
/// From one answer of a set to the next one. A printer that sends each in a packet of its own waits for a late
/// acknowledgement between, 200 ms at most.
const BETWEEN_MS_MAX: u64 = 250;
/// Silence behind the last answer, or more: noise that comes steadily gives one byte too many.
const SILENCE_MS: u64 = 100;
/// So many times as long as the longest time between two answers.
const SILENCE_TIMES: u32 = 2;
/// A set of which something came, and then nothing for so long, is short.
const SHORT_MS: u64 = 1_000;
/// One by one: questions in a row that must be answered well,
const ALONE_WELL: u32 = 4;
/// that are asked at most,
const ALONE_MAX: u32 = 12;
/// from a question to its answer,
const ALONE_MS_MAX: u64 = 300;
/// and from an answer to the next question, by turns. They differ by more than an answer may take.
const PAUSES_MS: [u64; 2] = [800, 300];

/// See the module's docs.
pub(super) struct Challenge {
    /// Questions of the first set beyond the least.
    more: u32,
    stage: Stage,
    sets: u32,
    /// How many may still be asked.
    sets_left: u32,
    /// How many of the last sets were answered well.
    well: u32,
    /// The longest time between two answers in them.
    longest: Duration,
    /// Sets are of one question.
    is_alone: bool,
    /// Answers to a short set that may still come.
    late: u32,
    /// When the last set left.
    asked_at: Option<Instant>,
    /// Questions that were given out.
    pub(super) questions: u32,
}

enum Stage {
    Idle,
    /// A set is to be asked, not before this.
    Due(Option<Instant>),
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
    /// The longest time between two of them.
    longest: Duration,
    last_at: Instant,
}

impl Challenge {
    /// `trusted`: no answer of an earlier job may still come.
    pub(super) fn new(number: [u8; 4], trusted: bool) -> Self {
        Self {
            more: u32::from(number[0]) % SET_SIZES,
            stage: if trusted { Stage::Idle } else { Stage::Void },
            sets: 0,
            sets_left: SETS_MAX,
            well: 0,
            longest: Duration::ZERO,
            is_alone: false,
            late: 0,
            asked_at: None,
            questions: 0,
        }
    }

    /// Nothing was asked, and a stray byte is known for what it is.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.stage, Stage::Idle)
    }

    /// Something is to be asked, or confirmed, without a pause.
    pub(super) fn is_urgent(&self) -> bool {
        matches!(self.stage, Stage::Due(_) | Stage::Answered(..))
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
            self.stage = Stage::Due(None);
        }
    }

    /// The first set, which goes out with the job.
    pub(super) fn first(&mut self) -> Option<Vec<u8>> {
        self.begin();
        matches!(self.stage, Stage::Due(_)).then(|| self.give_out())
    }

    /// The set that is due, which goes out now.
    pub(super) fn ask(&mut self, now: Instant) -> Option<Vec<u8>> {
        let Stage::Due(earliest) = self.stage else {
            return None;
        };
        if earliest.is_some_and(|earliest| now < earliest) {
            return None;
        }
        self.asked_at = Some(now);
        Some(self.give_out())
    }

    fn give_out(&mut self) -> Vec<u8> {
        self.sets += 1;
        self.sets_left = self.sets_left.saturating_sub(1);
        self.stage = Stage::Asked(None);
        self.questions += self.size();
        ASK_QUEUED.repeat(usize::try_from(self.size()).unwrap_or(0))
    }

    /// Questions of the last set. Two in a row are as many for each job, and never alike.
    fn size(&self) -> u32 {
        if self.is_alone {
            return 1;
        }
        let more = if self.sets.is_multiple_of(2) {
            SET_SIZES - 1 - self.more
        } else {
            self.more
        };
        SET_MIN + more
    }

    /// The printer is well and has all that it was asked, and time went by.
    pub(super) fn tick(&mut self, now: Instant) {
        let Stage::Asked(Some(heard)) = &self.stage else {
            return;
        };
        if now.duration_since(heard.last_at) < Duration::from_millis(SHORT_MS) {
            return;
        }
        // What was heard may be noise, and all of the set still come.
        self.late = self.size();
        self.is_alone = true;
        self.sets_left = ALONE_MAX;
        (self.well, self.longest) = (0, Duration::ZERO);
        self.stage = Stage::Due(None);
    }

    /// What may be an answer came, when all questions had left. `true`: the printer is to confirm it from here on.
    pub(super) fn heard(&mut self, byte: u8, now: Instant) -> bool {
        let (size, asked_at) = (self.size(), self.asked_at.filter(|_| self.is_alone));
        let Stage::Asked(heard) = &mut self.stage else {
            self.one_more(now);
            return false;
        };
        let heard = heard.get_or_insert(Heard {
            count: 0,
            byte,
            are_alike: true,
            longest: Duration::ZERO,
            last_at: now,
        });
        heard.count += 1;
        heard.are_alike &= heard.byte == byte;
        heard.longest = heard.longest.max(now.duration_since(heard.last_at));
        heard.last_at = now;
        if heard.count < size {
            return false;
        }
        let soon = Duration::from_millis(ALONE_MS_MAX);
        let is_soon = asked_at.is_none_or(|asked_at| now.duration_since(asked_at) <= soon);
        let are_together = heard.longest <= Duration::from_millis(BETWEEN_MS_MAX);
        let (is_well, longest) = (heard.are_alike && are_together && is_soon, heard.longest);
        self.set_over(is_well.then_some(longest), byte, now)
    }

    /// All of a set was answered; if well, with how long between two answers. Paper may have ended between two of its
    /// questions: another set then.
    fn set_over(&mut self, well: Option<Duration>, byte: u8, now: Instant) -> bool {
        (self.well, self.longest) = match well {
            Some(longest) => (self.well + 1, self.longest.max(longest)),
            None => (0, Duration::ZERO),
        };
        let enough = if self.is_alone { ALONE_WELL } else { SETS_WELL };
        let is_answered = self.well >= enough;
        self.stage = if is_answered {
            Stage::Answered(byte, now)
        } else if self.sets_left > 0 {
            Stage::Due(Some(now + self.pause()))
        } else {
            Stage::Void
        };
        is_answered
    }

    /// A byte that no question waits for.
    fn one_more(&mut self, now: Instant) {
        let is_late = self.late > 0 && matches!(self.stage, Stage::Due(_));
        if !is_late {
            // One of them is noise, and nothing shows which.
            self.stage = Stage::Void;
            return;
        }
        self.late -= 1;
        self.well = 0;
        self.stage = Stage::Due(Some(now + self.pause()));
    }

    /// From the last answer of a set to the next set.
    fn pause(&self) -> Duration {
        match (self.is_alone, self.well.is_multiple_of(2)) {
            (true, true) => Duration::from_millis(PAUSES_MS[0]),
            (true, false) => Duration::from_millis(PAUSES_MS[1]),
            (false, _) => self.longest * SILENCE_TIMES,
        }
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
        let silence = Duration::from_millis(SILENCE_MS).max(self.pause());
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
    fn asked(challenge: &mut Challenge, now: Instant) -> u32 {
        let before = challenge.questions;
        let bytes = challenge.ask(now).expect("it is due");
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
                let size = asked(&mut challenge, now);
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
                asked(&mut challenge, now);
                for _ in 0..count {
                    challenge.heard(0, now);
                    challenge.round_over(true);
                }
                challenge.ask(now);
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
                challenge.ask(after(began, stray * between_ms));
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
                    for _ in 0..asked(&mut challenge, now) {
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
                assert!(challenge.answer(late).is_none() && challenge.ask(late).is_none());
            }
        }
    }

    #[test]
    fn what_is_not_together_or_not_alike_is_asked_again_and_not_for_ever() {
        let now = Instant::now();
        let late = after(now, BETWEEN_MS_MAX + 1);
        for (second, second_at) in [(3, now), (0, late)] {
            let mut challenge = begun(b"0000");
            let mut sets = 0;
            while !challenge.is_void() {
                sets += 1;
                let size = asked(&mut challenge, late);
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
                let size = asked(&mut challenge, late);
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
            for _ in 0..asked(challenge, now) {
                challenge.heard(0, now);
            }
        };
        let is_void = |challenge: &mut Challenge| {
            challenge.round_over(true);
            let late = after(now, 10 * SILENCE_MS);
            challenge.answer(late).is_none() && challenge.ask(late).is_none()
        };
        // While it works off the job it may be slow.
        let mut challenge = begun(b"0000");
        asked(&mut challenge, now);
        challenge.unanswered();
        for _ in 0..challenge.size() {
            challenge.heard(0, now);
        }
        asked(&mut challenge, now);
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

    /// What a printer answers, each after so long, to so many questions that stand side by side; whether that is proof,
    /// and when.
    fn proven_by(number: &[u8; 4], answers: impl Fn(u32) -> u32, each_ms: u64) -> Option<u64> {
        let began = Instant::now();
        let mut challenge = Challenge::new(*number, true);
        let mut due: Vec<u64> = Vec::new();
        let give = |challenge: &mut Challenge, due: &mut Vec<u64>, at_ms: u64| {
            let before = challenge.questions;
            let is_first = challenge.is_idle();
            let now = after(began, at_ms);
            let given = if is_first {
                challenge.first()
            } else {
                challenge.ask(now)
            };
            if given.is_some() {
                let size = challenge.questions - before;
                due.extend((1..=answers(size)).map(|answer| at_ms + u64::from(answer) * each_ms));
            }
        };
        for at_ms in 0..20_000 {
            let now = after(began, at_ms);
            give(&mut challenge, &mut due, at_ms);
            while due.first().is_some_and(|due| *due <= at_ms) {
                due.remove(0);
                challenge.heard(0, now);
            }
            challenge.round_over(true);
            challenge.tick(now);
            if challenge.answer(now).is_some() {
                return Some(at_ms);
            }
        }
        None
    }

    #[test]
    fn one_that_answers_slowly_is_proven() {
        for number in NUMBERS {
            for each_ms in [0, 1, 60, 200, BETWEEN_MS_MAX] {
                // Eleven answers, a pause between the sets and one behind them.
                let proven = proven_by(number, |size| size, each_ms);
                let latest = 11 * each_ms + 4 * each_ms + SILENCE_MS + 2;
                assert!(
                    proven.is_some_and(|at| at <= latest),
                    "{each_ms}: {proven:?}"
                );
            }
        }
    }

    #[test]
    fn one_that_answers_several_questions_once_is_proven() {
        for number in NUMBERS {
            for each_ms in [0, 60, 200] {
                for answers in [|size: u32| size.div_ceil(2), |_: u32| 1] {
                    assert!(proven_by(number, answers, each_ms).is_some_and(|at| at < 6_000));
                }
            }
            assert_eq!(proven_by(number, |_| 0, 0), None);
            // It answers all of a set but one, and nothing that it is asked later.
            assert_eq!(proven_by(number, |size| size - 1, 0), None);
        }
    }

    /// Whatever is asked next: of some noise a set is short, and each question is asked alone.
    #[test]
    fn noise_is_no_proof_when_it_is_asked_one_by_one() {
        for (number, between_ms) in NUMBERS
            .iter()
            .flat_map(|it| (1..300).map(move |ten| (it, 10 * ten)))
        {
            // Up to so many strays at once, then steadily.
            for first in 1..5 {
                let began = Instant::now();
                let mut challenge = Challenge::new(**number, true);
                challenge.first();
                for _ in 0..first {
                    challenge.heard(0, began);
                }
                for at_ms in (0..20_000_u64).step_by(10) {
                    let now = after(began, at_ms);
                    // A round of status takes no time.
                    challenge.round_over(true);
                    assert_eq!(challenge.answer(now), None, "{between_ms} ms");
                    if at_ms > 0 && at_ms.is_multiple_of(between_ms) {
                        challenge.heard(0, now);
                    }
                    challenge.tick(now);
                    challenge.ask(now);
                }
            }
        }
    }

    #[test]
    fn a_stray_byte_does_not_take_the_proof_from_one_that_prints_on() {
        let now = Instant::now();
        let mut challenge = begun(b"0000");
        let size = asked(&mut challenge, now);
        challenge.heard(0, now);
        let mut at_ms = SHORT_MS;
        challenge.tick(after(now, at_ms - 1));
        assert!(challenge.ask(after(now, at_ms - 1)).is_none());
        challenge.tick(after(now, at_ms));
        assert_eq!(asked(&mut challenge, after(now, at_ms)), 1);
        // It gets to what stands behind the job.
        at_ms += 5_000;
        for _ in 0..=size {
            assert!(!challenge.heard(0, after(now, at_ms)));
        }
        for well in 1..=ALONE_WELL {
            at_ms += PAUSES_MS[0];
            assert_eq!(asked(&mut challenge, after(now, at_ms)), 1);
            assert_eq!(challenge.heard(0, after(now, at_ms)), well == ALONE_WELL);
        }
        // One more than it was asked.
        assert!(!challenge.heard(0, after(now, at_ms)) && challenge.is_void());
    }
}
