//! What the log is told of refusals: the first of a kind at once, all that follow as a count, now and then. Whoever
//! calls again and again fills no disk.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::ipc::access::{Caller, Operation};
use crate::operation::Failure;

/// How often the log is told of refusals of one kind.
const TELL_S: u64 = 60;
/// Kinds that are remembered: callers × operations × codes. Of others the log is told at its lowest level only.
const KINDS_MAX: usize = 1_024;

/// A refusal, as the log is told of it.
#[derive(Clone, Copy)]
pub(in crate::ipc) struct Refused<'a> {
    /// `uid:1000`, `token:his`; before it is known who calls, whose line it is.
    pub(in crate::ipc) who: &'a str,
    /// What more is known of who calls.
    pub(in crate::ipc) caller: Option<&'a Caller>,
    /// What was asked for, where that is known.
    pub(in crate::ipc) operation: Option<Operation>,
    /// Why not. Its detail names fields, never values.
    pub(in crate::ipc) failure: &'a Failure,
}

/// What has been refused of late.
#[derive(Default)]
pub(super) struct Refusals {
    kinds: Mutex<BTreeMap<Kind, Row>>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    who: String,
    operation: Option<&'static str>,
    code: &'static str,
}

struct Row {
    /// When the log was told of it.
    told: Instant,
    /// How many there were since.
    more: u64,
}

impl Refusals {
    /// Tells the log, unless it was told of one like it within the minute.
    pub(super) fn tell(&self, refused: &Refused<'_>) {
        let (code, detail) = (refused.failure.code.id(), &refused.failure.detail);
        let operation = refused.operation.map(Operation::name);
        let kind = Kind {
            who: refused.who.to_owned(),
            operation,
            code,
        };
        let (caller, of) = (refused.who, refused.caller);
        let door = of.map(Caller::door);
        let bus_name = of.and_then(Caller::bus_name);
        let pid = of.and_then(Caller::pid);
        let token_uid = of.and_then(Caller::token_uid);
        match self.is_first(kind, Instant::now()) {
            true => tracing::warn!(
                caller, code, operation, door, bus_name, pid, token_uid, %detail, "call refused"
            ),
            false => tracing::debug!(
                caller, code, operation, door, bus_name, pid, token_uid, %detail, "call refused again"
            ),
        }
    }

    /// Tells the log how many more there were of what it was told a minute ago. To be called now and then.
    pub(super) fn tell_counts(&self) {
        for (kind, times) in self.due(Instant::now()) {
            let Kind {
                who,
                operation,
                code,
            } = kind;
            tracing::warn!(
                caller = who,
                code,
                operation,
                times,
                within_s = TELL_S,
                "call refused again and again"
            );
        }
    }

    fn is_first(&self, kind: Kind, now: Instant) -> bool {
        let mut kinds = self.lock();
        if let Some(row) = kinds.get_mut(&kind) {
            row.more += 1;
            return false;
        }
        let has_room = kinds.len() < KINDS_MAX;
        if has_room {
            kinds.insert(kind, Row { told: now, more: 0 });
        }
        has_room
    }

    /// Those that the log is to be told of by now. What was quiet since is forgotten.
    fn due(&self, now: Instant) -> Vec<(Kind, u64)> {
        let mut due = Vec::new();
        self.lock().retain(|kind, row| {
            if now.duration_since(row.told) < Duration::from_secs(TELL_S) {
                return true;
            }
            if row.more == 0 {
                return false;
            }
            due.push((kind.clone(), row.more));
            *row = Row { told: now, more: 0 };
            true
        });
        due
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Kind, Row>> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(who: &str, code: &'static str) -> Kind {
        Kind {
            who: who.to_owned(),
            operation: Some("Reload"),
            code,
        }
    }

    #[test]
    fn the_first_is_told_and_the_rest_are_counted() {
        let refusals = Refusals::default();
        let began = Instant::now();
        let at = |s| began + Duration::from_secs(s);
        assert!(refusals.is_first(kind("uid:7", "E7004"), at(0)));
        for _ in 0..1_000 {
            assert!(!refusals.is_first(kind("uid:7", "E7004"), at(1)));
        }
        assert!(refusals.is_first(kind("uid:8", "E7004"), at(1)), "another");
        assert!(
            refusals.is_first(kind("uid:7", "E7005"), at(1)),
            "for another reason"
        );
        assert_eq!(refusals.due(at(TELL_S - 1)), []);
        assert_eq!(refusals.due(at(TELL_S)), [(kind("uid:7", "E7004"), 1_000)]);
        assert!(!refusals.is_first(kind("uid:7", "E7004"), at(TELL_S + 1)));
        assert_eq!(refusals.due(at(2 * TELL_S)), [(kind("uid:7", "E7004"), 1)]);
        assert_eq!(refusals.due(at(4 * TELL_S)), []);
        assert!(refusals.lock().is_empty(), "who was quiet is forgotten");
        assert!(refusals.is_first(kind("uid:7", "E7004"), at(4 * TELL_S)));
    }

    #[test]
    fn what_is_remembered_has_a_limit() {
        let refusals = Refusals::default();
        let now = Instant::now();
        let told =
            (0..2 * KINDS_MAX).filter(|n| refusals.is_first(kind(&n.to_string(), "E7012"), now));
        assert_eq!(told.count(), KINDS_MAX);
        assert_eq!(refusals.lock().len(), KINDS_MAX);
    }
}
