//! PURE. A round of status questions: which one is next, and which one an answer belongs to.

use std::time::Duration;

use tokio::time::Instant;

use super::status::{Question, after_answer};
use crate::device::printer::PrinterState;

/// Silence after which an answer to a status question within a job is taken for lost.
const SLOW_MS: u64 = 2_000;

/// One round of status questions; the state it gives counts when the round is complete.
///
/// An answer does not say which question it belongs to, and may be slow: the next question goes out when the one
/// before is answered, or when its answer is taken for lost.
#[derive(Clone, Copy, Default)]
pub(super) struct Round {
    at: usize,
    found: PrinterState,
    /// Questions of any round whose answers are still to come.
    pub(super) pending: u32,
    /// How many of them, the last ones, ask what is to be known next.
    current: u32,
    moved_at: Option<Instant>,
    /// An answer was taken for lost.
    has_lost: bool,
    /// How often it began anew.
    pub(super) restarts: u32,
}

impl Round {
    const QUESTIONS: [Question; 3] = [Question::Printer, Question::OffLine, Question::Paper];

    pub(super) fn question(self) -> Question {
        Self::QUESTIONS[self.at % Self::QUESTIONS.len()]
    }

    /// Begins anew: what was asked before counts no more, but is answered first.
    pub(super) fn restart(&mut self) {
        *self = Self {
            pending: self.pending,
            moved_at: self.moved_at,
            restarts: self.restarts.wrapping_add(1),
            ..Self::default()
        };
    }

    /// The question whose turn it is; `None` while an answer may still come.
    pub(super) fn due(&mut self, now: Instant) -> Option<Question> {
        let slow = Duration::from_millis(SLOW_MS);
        if self
            .moved_at
            .is_none_or(|at| now.duration_since(at) >= slow)
        {
            self.has_lost |= self.pending > 0;
            self.pending = self.current;
            return Some(self.question());
        }
        (self.pending == 0).then(|| self.question())
    }

    /// Whether an answer was taken for lost since this was asked last.
    pub(super) fn take_lost(&mut self) -> bool {
        std::mem::take(&mut self.has_lost)
    }

    pub(super) fn asked(&mut self, now: Instant) {
        self.pending += 1;
        self.current += 1;
        self.moved_at = Some(now);
    }

    /// An answer came; whether it is to the question whose turn it is.
    pub(super) fn came(&mut self, now: Instant) -> bool {
        let is_current = self.current > 0 && self.pending <= self.current;
        self.pending = self.pending.saturating_sub(1);
        self.moved_at = Some(now);
        is_current
    }

    /// Takes the answer to the question; the state when the round is complete.
    pub(super) fn take(&mut self, byte: u8) -> Option<PrinterState> {
        self.found = after_answer(self.found, self.question(), byte);
        self.at += 1;
        self.current = 0;
        let found = self.found;
        (self.at == Self::QUESTIONS.len()).then(|| {
            self.restart();
            found
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_answer_belongs_to_its_own_question() {
        let mut now = Instant::now();
        let mut round = Round::default();
        let answer = |round: &mut Round, byte, now| {
            let is_current = round.came(now);
            is_current.then(|| round.take(byte)).flatten()
        };
        assert_eq!(round.due(now), Some(Question::Printer));
        round.asked(now);
        // Nothing more is asked while the answer may come.
        now += Duration::from_millis(SLOW_MS - 1);
        assert_eq!(round.due(now), None);
        now += Duration::from_millis(1);
        assert!(!round.take_lost());
        assert_eq!(round.due(now), Some(Question::Printer));
        assert!(round.take_lost() && !round.take_lost());
        round.asked(now);
        // Both come: the second one is not the answer to what would be next.
        assert_eq!(answer(&mut round, 0x16, now), None);
        assert_eq!(round.due(now), None);
        assert_eq!(answer(&mut round, 0x16, now), None);
        for question in [Question::OffLine, Question::Paper] {
            assert_eq!(round.due(now), Some(question));
            round.asked(now);
            let state = answer(&mut round, 0x12, now);
            let is_last = question == Question::Paper;
            assert_eq!(state, is_last.then(PrinterState::default));
        }
        // What an earlier round asked is answered first.
        round.asked(now);
        round.restart();
        assert_eq!(round.due(now), None);
        assert!(!round.came(now));
        assert_eq!(round.due(now), Some(Question::Printer));
    }
}
