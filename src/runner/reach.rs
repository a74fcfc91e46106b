//! Whether the platform answers: when it last did, and since when no call of ours came back.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::book::Code;
use crate::settlement::call::Outcome;

/// What is known of it. Times are Unix milliseconds by the clock of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// When it last answered anything.
    pub answered_at_ms: Option<i64>,
    /// When the first call after that came to nothing.
    pub silent_since_ms: Option<i64>,
    /// How many calls came to nothing since.
    pub silent_calls: u32,
}

/// The same, shared by all who call.
#[derive(Debug, Default)]
pub(super) struct Reach {
    now: Mutex<Reached>,
}

impl Reach {
    pub(super) fn now(&self) -> Reached {
        *self.lock()
    }

    /// A call of this outcome ended, and whether anything came back. A refusal is an answer, and so is what nobody can
    /// read; what we could not send by a fault of our own says nothing.
    pub(super) fn note(&self, outcome: &Outcome, has_answer: bool, at_ms: i64) {
        let mut now = self.lock();
        match outcome {
            Outcome::NotSent { code, .. } | Outcome::Unknown { code, .. } if !has_answer => {
                if *code != Code::Internal {
                    now.silent_since_ms.get_or_insert(at_ms);
                    now.silent_calls = now.silent_calls.saturating_add(1);
                }
            }
            Outcome::Done { .. }
            | Outcome::Refused { .. }
            | Outcome::NotSent { .. }
            | Outcome::Unknown { .. } => {
                *now = Reached {
                    answered_at_ms: Some(at_ms),
                    ..Reached::default()
                };
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Reached> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_begins_with_the_first_call_that_comes_to_nothing_and_ends_with_an_answer() {
        let reach = Reach::default();
        let lost = || Outcome::Unknown {
            code: Code::PlatformUnreachable,
            why: String::new(),
        };
        reach.note(&lost(), false, 10);
        reach.note(&lost(), false, 20);
        let silent = Reached {
            answered_at_ms: None,
            silent_since_ms: Some(10),
            silent_calls: 2,
        };
        assert_eq!(reach.now(), silent);
        reach.note(&Outcome::Done { found: None }, true, 30);
        let answered = Reached {
            answered_at_ms: Some(30),
            ..Reached::default()
        };
        assert_eq!(reach.now(), answered);
        reach.note(&lost(), false, 40);
        assert_eq!(reach.now().silent_since_ms, Some(40));
        assert_eq!(reach.now().answered_at_ms, Some(30));
        let ours = Outcome::NotSent {
            code: Code::Internal,
            why: String::new(),
        };
        reach.note(&ours, false, 50);
        assert_eq!(reach.now().silent_calls, 1, "a fault of our own");
        reach.note(&lost(), true, 60);
        assert_eq!(reach.now().silent_calls, 0, "what cannot be read came");
    }
}
