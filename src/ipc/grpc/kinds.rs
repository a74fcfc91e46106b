//! Refusals counted by caller and kind, in bounded memory. Whoever finds no place is counted among the others, so that
//! nothing is refused of which the log is never told.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// How often the log is told of refusals of one kind, seconds.
pub(super) const TELL_S: u64 = 60;
/// Callers that are remembered each by itself.
pub(super) const CALLERS_MAX: usize = 256;
/// Kinds of one caller: operations × codes.
pub(super) const KINDS_PER_CALLER_MAX: usize = 64;
/// Kinds of all callers together.
const KINDS_MAX: usize = 2_048;

/// What was refused. Both are absent where it stands for all that found no place.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct What {
    pub(super) operation: Option<String>,
    pub(super) code: Option<&'static str>,
}

/// What was refused again since the log was told.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Again {
    pub(super) who: String,
    pub(super) what: What,
    pub(super) times: u64,
    pub(super) is_warning: bool,
}

/// What was refused of late.
#[derive(Default)]
pub(super) struct Kinds {
    callers: BTreeMap<String, BTreeMap<What, Row>>,
    /// Rows of all callers.
    held: usize,
    /// Of callers that found no place.
    others: Option<Row>,
}

struct Row {
    /// When the log was told of it.
    told: Instant,
    /// How many there were since.
    more: u64,
    is_warning: bool,
}

impl Kinds {
    /// Counts one; whether the log is to be told of it at once.
    pub(super) fn count(&mut self, who: &str, what: What, is_warning: bool, now: Instant) -> bool {
        let has_room = self.held < KINDS_MAX;
        let is_full = self.callers.len() >= CALLERS_MAX || !has_room;
        let who = neighbourhood(who);
        let rows = match self.callers.get_mut(&who) {
            Some(rows) => rows,
            None if is_full => return self.count_other(is_warning, now),
            None => self.callers.entry(who).or_default(),
        };
        let has_place = has_room && rows.len() < KINDS_PER_CALLER_MAX;
        let what = match has_place || rows.contains_key(&what) {
            true => what,
            false => What::default(),
        };
        match rows.entry(what) {
            Entry::Occupied(row) => row.into_mut().again(is_warning),
            Entry::Vacant(place) => {
                place.insert(Row::new(is_warning, now));
                self.held += 1;
                true
            }
        }
    }

    fn count_other(&mut self, is_warning: bool, now: Instant) -> bool {
        match &mut self.others {
            Some(row) => row.again(is_warning),
            none => {
                *none = Some(Row::new(is_warning, now));
                true
            }
        }
    }

    /// Those that the log is to be told of by now. What was quiet since is forgotten.
    pub(super) fn take_due(&mut self, others: &str, now: Instant, due: &mut Vec<Again>) {
        self.callers.retain(|who, rows| {
            rows.retain(|what, row| row.stays(who, what, now, due));
            !rows.is_empty()
        });
        self.held = self.callers.values().map(BTreeMap::len).sum();
        let what = What::default();
        self.others = (self.others.take())
            .and_then(|mut row| row.stays(others, &what, now, due).then_some(row));
    }
}

impl Row {
    fn new(is_warning: bool, now: Instant) -> Self {
        Self {
            told: now,
            more: 0,
            is_warning,
        }
    }

    /// Counts one that is not the first.
    fn again(&mut self, is_warning: bool) -> bool {
        self.more += 1;
        self.is_warning |= is_warning;
        false
    }

    /// Whether it was told of within the minute, or is to be told of; then it begins anew.
    fn stays(&mut self, who: &str, what: &What, now: Instant, due: &mut Vec<Again>) -> bool {
        if now.duration_since(self.told) < Duration::from_secs(TELL_S) {
            return true;
        }
        if self.more == 0 {
            return false;
        }
        due.push(Again {
            who: who.to_owned(),
            what: what.clone(),
            times: self.more,
            is_warning: self.is_warning,
        });
        (self.told, self.more) = (now, 0);
        true
    }
}

/// Who has one address of IPv6 has all of its network, and is counted as one.
fn neighbourhood(who: &str) -> String {
    let address = who.strip_prefix("tcp:").and_then(|it| it.parse().ok());
    match address.map(|address: IpAddr| address.to_canonical()) {
        Some(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("tcp:{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        Some(IpAddr::V4(address)) => format!("tcp:{address}"),
        None => who.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(code: &'static str) -> What {
        What {
            operation: Some("Reload".to_owned()),
            code: Some(code),
        }
    }

    fn due(kinds: &mut Kinds, now: Instant) -> Vec<(String, What, u64)> {
        let mut due = Vec::new();
        kinds.take_due("others", now, &mut due);
        let due = due.into_iter();
        due.map(|it| (it.who, it.what, it.times)).collect()
    }

    #[test]
    fn the_first_is_told_and_the_rest_are_counted() {
        let mut kinds = Kinds::default();
        let began = Instant::now();
        let at = |s| began + Duration::from_secs(s);
        let counted = |times| vec![("uid:7".to_owned(), what("E7004"), times)];
        assert!(kinds.count("uid:7", what("E7004"), true, at(0)));
        for _ in 0..1_000 {
            assert!(!kinds.count("uid:7", what("E7004"), true, at(1)));
        }
        assert!(kinds.count("uid:8", what("E7004"), true, at(1)), "another");
        assert!(kinds.count("uid:7", what("E7005"), true, at(1)), "another");
        assert_eq!(due(&mut kinds, at(TELL_S - 1)), []);
        assert_eq!(due(&mut kinds, at(TELL_S)), counted(1_000));
        assert!(!kinds.count("uid:7", what("E7004"), true, at(TELL_S + 1)));
        assert_eq!(due(&mut kinds, at(2 * TELL_S)), counted(1));
        assert_eq!(due(&mut kinds, at(4 * TELL_S)), []);
        assert!(kinds.callers.is_empty(), "who was quiet is forgotten");
        assert_eq!(kinds.held, 0);
        assert!(kinds.count("uid:7", what("E7004"), true, at(4 * TELL_S)));
    }

    #[test]
    fn what_is_remembered_has_a_limit_and_the_others_are_counted() {
        let mut kinds = Kinds::default();
        let began = Instant::now();
        // More callers than have a place, each with more kinds than it may have.
        let (callers, kinds_of_each) = (CALLERS_MAX + 7, KINDS_PER_CALLER_MAX + 3);
        let mut told = 0;
        for n in 0..callers {
            for kind in 0..kinds_of_each {
                let what = What {
                    operation: Some(kind.to_string()),
                    code: Some("E7012"),
                };
                told += usize::from(kinds.count(&format!("uid:{n}"), what, true, began));
            }
        }
        assert!(kinds.callers.len() <= CALLERS_MAX);
        assert!(kinds.held <= KINDS_MAX + CALLERS_MAX, "{}", kinds.held);
        assert_eq!(told, kinds.held + 1, "each row, and the one of the others");
        let due = due(&mut kinds, began + Duration::from_secs(TELL_S));
        let counted: u64 = due.iter().map(|(_, _, times)| times).sum();
        let all = u64::try_from(callers * kinds_of_each - told).unwrap();
        assert_eq!(counted, all, "the log hears of every one");
        assert!(due.iter().any(|(who, ..)| who == "others"));
    }

    #[test]
    fn a_network_of_ipv6_is_one_caller() {
        for (who, counted) in [
            ("tcp:2001:db8:1:2:3:4:5:6", "tcp:2001:db8:1:2::/64"),
            ("tcp:2001:db8:1:2::9", "tcp:2001:db8:1:2::/64"),
            ("tcp:::ffff:192.0.2.1", "tcp:192.0.2.1"),
            ("tcp:192.0.2.1", "tcp:192.0.2.1"),
            ("tcp:uid:7", "tcp:uid:7"),
            ("tcp", "tcp"),
        ] {
            assert_eq!(neighbourhood(who), counted);
        }
    }
}
