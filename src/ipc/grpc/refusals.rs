//! What the log is told of refusals: the first of a kind at once, all that follow as a count, now and then. Whoever
//! calls again and again fills no disk, and whoever calls under many names hides nobody else.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::kinds::{Again, Kinds, TELL_S, What};
use crate::book::Code;
use crate::ipc::access::Caller;
use crate::operation::Failure;

/// Their details repeat codes of diseases, or a caller's own words.
const REPEATING: [Code; 4] = [
    Code::BillsCannotMerge,
    Code::SpanInvalid,
    Code::DeviceUnknown,
    Code::PrinterOtherKind,
];

/// A refusal, as the log is told of it.
#[derive(Clone, Copy)]
pub(in crate::ipc) struct Refused<'a> {
    /// `uid:1000`, `token:his`; before it is known who calls, whose line it is.
    pub(in crate::ipc) who: &'a str,
    /// What more is known of who calls.
    pub(in crate::ipc) caller: Option<&'a Caller>,
    /// What was asked for, where that is known: an operation, else a method that there is.
    pub(in crate::ipc) operation: Option<&'a str>,
    /// Why not. Its detail names fields, never values.
    pub(in crate::ipc) failure: &'a Failure,
}

/// How much a refusal says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// Somebody asked for what it may not, or for too much: a warning.
    Rights,
    /// The answer to a call that was wrong or came to nothing.
    Answer,
}

/// What has been refused of late, each class of callers apart.
#[derive(Default)]
pub(super) struct Refusals {
    classes: Mutex<BTreeMap<Class, Kinds>>,
}

/// Who cannot become so many that another class is not heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// Users of this machine, whichever way they come.
    User,
    /// Tokens and certificates: somebody made each of them.
    Named,
    /// Lines of which only an address is known, or nothing.
    Line,
}

impl Refusals {
    /// Tells the log, unless it was told of one like it within the minute.
    pub(super) fn tell(&self, refused: &Refused<'_>, weight: Weight) {
        let is_first = self.is_first(refused, weight, Instant::now());
        let (caller, operation, of) = (refused.who, refused.operation, refused.caller);
        let code = refused.failure.code.id();
        let door = of.map(Caller::door);
        let bus_name = of.and_then(Caller::bus_name);
        let pid = of.and_then(Caller::pid);
        let token_uid = of.and_then(Caller::token_uid);
        let detail = detail(refused.failure);
        let detail = detail.as_ref();
        macro_rules! tell {
            ($level:ident, $text:literal) => {
                tracing::$level!(
                    caller, code, operation, door, bus_name, pid, token_uid, detail, $text
                )
            };
        }
        match (is_first, weight) {
            (true, Weight::Rights) => tell!(warn, "call refused"),
            (true, Weight::Answer) => tell!(info, "call refused"),
            (false, Weight::Rights | Weight::Answer) => tell!(debug, "call refused again"),
        }
    }

    /// Tells the log how many more there were of what it was told a minute ago. To be called now and then.
    pub(super) fn tell_counts(&self) {
        for Again {
            who: caller,
            what: What { operation, code },
            times,
            is_warning,
        } in self.due(Instant::now())
        {
            macro_rules! tell {
                ($level:ident) => {
                    tracing::$level!(
                        caller,
                        code,
                        operation,
                        times,
                        within_s = TELL_S,
                        "call refused again and again"
                    )
                };
            }
            match is_warning {
                true => tell!(warn),
                false => tell!(info),
            }
        }
    }

    fn is_first(&self, refused: &Refused<'_>, weight: Weight, now: Instant) -> bool {
        let what = What {
            operation: refused.operation.map(str::to_owned),
            code: Some(refused.failure.code.id()),
        };
        let is_warning = weight == Weight::Rights;
        let mut classes = self.lock();
        let kinds = classes.entry(Class::of(refused.who)).or_default();
        kinds.count(refused.who, what, is_warning, now)
    }

    /// Those that the log is to be told of by now. What was quiet since is forgotten.
    fn due(&self, now: Instant) -> Vec<Again> {
        let mut due = Vec::new();
        for (class, kinds) in self.lock().iter_mut() {
            kinds.take_due(class.others(), now, &mut due);
        }
        due
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Class, Kinds>> {
        self.classes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Class {
    fn of(who: &str) -> Self {
        let begins = |with: &[&str]| with.iter().any(|with| who.starts_with(with));
        match who {
            _ if begins(&["uid:", "tcp:uid:"]) => Class::User,
            _ if begins(&["token:", "certificate:"]) => Class::Named,
            _ => Class::Line,
        }
    }

    /// What its callers beyond those that are remembered are called.
    fn others(self) -> &'static str {
        match self {
            Class::User => "other users",
            Class::Named => "other tokens",
            Class::Line => "other addresses",
        }
    }
}

/// What the log may hold of it: a name that nobody here knows is the caller's own word, and may be somebody's name; of
/// what does not fit, where it stands and not what it is.
fn detail(failure: &Failure) -> Cow<'_, str> {
    if failure.code == Code::UnknownField {
        return "a field that is not known".into();
    }
    if failure.code == Code::MethodUnknown {
        return "a method that is not known".into();
    }
    if REPEATING.contains(&failure.code) {
        return "what was sent does not fit".into();
    }
    match failure.fields.is_empty() {
        true => failure.detail.as_str().into(),
        false => failure.fields.join(", ").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipc::grpc::kinds::{CALLERS_MAX, KINDS_PER_CALLER_MAX};

    fn first(refusals: &Refusals, who: &str, operation: Option<&str>) -> bool {
        let failure = Failure::new(Code::NotAllowed, "");
        let refused = Refused {
            who,
            caller: None,
            operation,
            failure: &failure,
        };
        refusals.is_first(&refused, Weight::Rights, Instant::now())
    }

    #[test]
    fn a_flood_from_many_addresses_hides_no_user_and_no_token() {
        let refusals = Refusals::default();
        let addresses = (0..20 * CALLERS_MAX).map(|n| format!("tcp:10.{}.{}.9", n / 256, n % 256));
        let told = addresses.filter(|who| first(&refusals, who, None)).count();
        assert_eq!(told, CALLERS_MAX + 1, "the one more stands for all others");
        for who in ["uid:1000", "tcp:uid:1000", "token:his", "certificate:his"] {
            assert!(first(&refusals, who, Some("Reload")), "{who}");
            assert!(!first(&refusals, who, Some("Reload")), "{who}");
        }
        assert!(!first(&refusals, "tcp:192.0.2.1", None), "counted");
    }

    #[test]
    fn a_user_that_asks_for_everything_hides_no_other() {
        let refusals = Refusals::default();
        let all = (0..100 * KINDS_PER_CALLER_MAX).map(|n| n.to_string());
        let told = all.filter(|of| first(&refusals, "uid:7", Some(of))).count();
        assert_eq!(told, KINDS_PER_CALLER_MAX + 1);
        assert!(first(&refusals, "uid:8", Some("Reload")));
    }

    #[test]
    fn words_of_the_callers_own_are_not_told() {
        for code in [Code::UnknownField, Code::MethodUnknown] {
            let failure = Failure::new(code, "王小明: no such field");
            assert!(!detail(&failure).contains("王小明"), "{code:?}");
        }
        assert_eq!(detail(&Failure::new(Code::NotFound, "bills")), "bills");
    }
}
