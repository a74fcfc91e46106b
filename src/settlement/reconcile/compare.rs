//! What a journal and the platform say in, differences out.

use std::collections::{BTreeMap, BTreeSet};

use super::difference::{Difference, TOTAL};
use super::gather::is_cleared;
use super::plus;
use super::row::{Looked, Row, Standing, StatementRow, There};
use crate::book::Code;
use crate::settlement::bill::Fen;

/// Characters of a msgid as this daemon makes them, and where the desk's number stands in it.
const MSGID_CHARS: usize = 30;
const MSGID_DESK: std::ops::Range<usize> = 26..29;

/// What differs between a row and what 5203 says of it.
#[must_use]
pub fn with_platform(row: &Row, looked: &Looked) -> Vec<Difference> {
    match looked {
        Looked::There(there) => with_there(row, there),
        Looked::Nothing => match row.standing {
            Standing::Settled | Standing::Refunded | Standing::Refund => {
                vec![Difference::of(Code::NotAtPlatform, row)]
            }
            Standing::Open => vec![Difference::of(Code::OpenHere, row)],
            Standing::Gone => Vec::new(),
        },
        Looked::Unclear => vec![Difference::of(Code::NotCompared, row)],
    }
}

fn with_there(row: &Row, there: &There) -> Vec<Difference> {
    let found = |code: Code| Difference::of(code, row).and_there(there);
    let mut differences = Vec::new();
    match row.standing {
        Standing::Open => return vec![found(Code::OpenHereFoundThere)],
        Standing::Gone if there.refunded => return Vec::new(),
        Standing::Gone => return vec![found(Code::GoneHereStandsThere)],
        Standing::Settled if there.refunded => {
            differences.push(found(Code::RefundedThereOnly));
        }
        Standing::Refunded if !there.refunded => {
            differences.push(found(Code::RefundedHereOnly));
        }
        Standing::Settled | Standing::Refunded | Standing::Refund => {}
    }
    if !row.msgid.is_empty() && !there.msgid.is_empty() && row.msgid != there.msgid {
        differences.push(found(Code::MsgidDiffers).noting(&there.msgid));
    }
    let amounts = [
        (TOTAL, row.total, there.total),
        ("fund_pay_sumamt", row.fund, there.fund),
        ("acct_pay", row.account, there.account),
        ("psn_cash_pay", row.cash, there.cash),
    ];
    differences.extend(differing(row, &amounts));
    differences
}

/// Given back because the parts that the platform answered did not make up its total: nothing is charged, and
/// such parts are no amounts that anything could be settled by.
pub(super) fn is_given_back_for_its_parts(row: &Row) -> bool {
    row.standing.is_flagged_refunded() && row.parts_are_broken
}

/// Marks the rows of a set that was recorded before rows said it themselves, by what it was then carried by:
/// three amounts that do not make up the fourth.
pub(super) fn mark_broken_parts(rows: &mut [Row]) {
    for row in rows {
        row.parts_are_broken = plus(plus(row.fund, row.account), row.cash) != row.total;
    }
}

fn differing(row: &Row, amounts: &[(&str, Fen, Fen)]) -> Vec<Difference> {
    let total_only = is_given_back_for_its_parts(row);
    let compared = amounts
        .iter()
        .filter(|(field, ..)| !total_only || *field == TOTAL);
    let differ = compared.filter(|(_, here, there)| here != there);
    differ
        .map(|(field, here, there)| {
            Difference::of(Code::AmountDiffers, row).amount(field, *here, *there)
        })
        .collect()
}

/// What 3202 listed, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// What is clear by the list alone.
    pub differences: Vec<Difference>,
    /// Rows of ours that are listed, by their place, and the line: 5203 says what is the matter.
    pub ask: Vec<(usize, StatementRow)>,
    /// Places of rows of ours that the centre has: by their number, or by all else where they have none.
    pub found: BTreeSet<usize>,
}

/// Takes the lines of a 3202 result apart that are not balanced.
#[must_use]
pub fn with_statement(rows: &[Row], listed: &[StatementRow], balanced: &[String]) -> Listed {
    let sets = Sets::of(rows);
    let lines: Vec<&StatementRow> = listed
        .iter()
        .filter(|line| !balanced.contains(&line.stmt_rslt))
        .collect();
    let mut taken = Listed::default();
    let by_number = |line: &StatementRow| {
        let at = sets.by_setl_id.get(line.setl_id.as_str()).copied();
        at.filter(|at| is_of_centre(&rows[*at], line))
    };
    taken.found.extend(listed.iter().filter_map(by_number));
    let mut asked = BTreeSet::new();
    for line in &lines {
        match sets.place(line, &lines) {
            Place::Agrees(at) => taken.found.extend(at),
            Place::Differs(difference) => taken.differences.push(*difference),
            Place::Ask(at) => {
                taken.found.insert(at);
                if asked.insert(at) {
                    taken.ask.push((at, (*line).clone()));
                }
            }
        }
    }
    taken
}

/// Where a line of a statement belongs.
enum Place {
    /// With this row of ours, where there is one.
    Agrees(Option<usize>),
    Differs(Box<Difference>),
    Ask(usize),
}

/// Rows by their numbers.
struct Sets<'a> {
    rows: &'a [Row],
    by_setl_id: BTreeMap<&'a str, usize>,
    by_msgid: BTreeMap<&'a str, usize>,
    by_visit: BTreeMap<&'a str, Vec<usize>>,
    by_person: BTreeMap<&'a str, Vec<usize>>,
    desks: BTreeSet<u16>,
}

impl<'a> Sets<'a> {
    fn of(rows: &'a [Row]) -> Self {
        let index = |key: fn(&Row) -> &str| {
            let keyed = rows.iter().enumerate().map(|(at, row)| (key(row), at));
            keyed.filter(|(key, _)| !key.is_empty()).collect()
        };
        let several = |key: fn(&Row) -> &str| {
            let mut places: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
            for (at, row) in rows.iter().enumerate() {
                places.entry(key(row)).or_default().push(at);
            }
            places
        };
        Sets {
            rows,
            by_setl_id: index(|row| &row.setl_id),
            by_msgid: index(|row| &row.msgid),
            by_visit: several(|row| &row.mdtrt_id),
            by_person: several(|row| &row.psn_no),
            desks: rows.iter().map(|row| row.desk).collect(),
        }
    }

    fn place(&self, line: &StatementRow, lines: &[&StatementRow]) -> Place {
        if let Some(at) = self.by_setl_id.get(line.setl_id.as_str()) {
            return Place::Ask(*at);
        }
        if let Some(at) = self.by_msgid.get(line.msgid.as_str()) {
            let row = &self.rows[*at];
            let code = match row.standing {
                Standing::Open => Code::OpenHereFoundThere,
                Standing::Gone if line.refunded => return Place::Agrees(None),
                Standing::Gone => Code::GoneHereStandsThere,
                Standing::Settled | Standing::Refunded | Standing::Refund => {
                    return Place::Ask(*at);
                }
            };
            return Place::Differs(Box::new(in_statement(code, row, line)));
        }
        if line.refunded
            && line.total < Fen::ZERO
            && let Some(place) = self.place_refund(line, lines)
        {
            return place;
        }
        if line.setl_id.is_empty()
            && let Some(at) = self.by_person(line)
        {
            return Place::Ask(at);
        }
        let desk = desk_of(&line.msgid);
        let code = match desk {
            Some(desk) if !self.desks.contains(&desk) => Code::OtherDesk,
            Some(_) | None => Code::NotInJournals,
        };
        Place::Differs(Box::new(Difference::of_statement(code, line, desk)))
    }

    /// A refund that no journal knows by its number.
    fn place_refund(&self, line: &StatementRow, lines: &[&StatementRow]) -> Option<Place> {
        if let Some(place) = self.place_nameless(line, lines) {
            return Some(place);
        }
        let mut of_visit = self.of_visit(line).map(|at| &self.rows[at]);
        let original = of_visit.find(|row| {
            row.standing == Standing::Settled && row.total.checked_add(line.total) == Some(Fen(0))
        })?;
        let difference = in_statement(Code::RefundedThereOnly, original, line);
        Some(Place::Differs(Box::new(difference.noting(&line.setl_id))))
    }

    /// A refund of ours whose own number was never learned: its answer was lost. Its visit and its amount tell
    /// it; a line that has its msgid is not asked about here.
    fn place_nameless(&self, line: &StatementRow, lines: &[&StatementRow]) -> Option<Place> {
        let is_alike = |other: &StatementRow| {
            other.mdtrt_id == line.mdtrt_id && other.total == line.total && !is_echo(other)
        };
        let is_nameless = |at: &usize| {
            let row = &self.rows[*at];
            let back = row.standing == Standing::Refund && row.total == line.total;
            back && row.setl_id.is_empty()
        };
        let nameless: Vec<usize> = self.of_visit(line).filter(is_nameless).collect();
        let first = *nameless.first()?;
        if is_echo(line) {
            let at_centre = lines.iter().any(|other| is_alike(other));
            let missing = || in_statement(Code::NotAtPlatform, &self.rows[first], line);
            return Some(match at_centre {
                true => Place::Agrees(None),
                false => Place::Differs(Box::new(missing())),
            });
        }
        // Those that a line names by their msgid are taken; each of the others takes one line.
        let named = |at: &usize| {
            let msgid = &self.rows[*at].msgid;
            !msgid.is_empty() && lines.iter().any(|other| other.msgid == *msgid)
        };
        let left: Vec<usize> = nameless.into_iter().filter(|at| !named(at)).collect();
        let unnamed = lines.iter().filter(|other| {
            is_alike(other)
                && !self.by_setl_id.contains_key(other.setl_id.as_str())
                && !self.by_msgid.contains_key(other.msgid.as_str())
        });
        let place = unnamed.take_while(|other| **other != line).count();
        let at = *left.get(place)?;
        let row = &self.rows[at];
        let agrees = row.fund == line.fund && row.account == line.account;
        Some(match agrees || is_given_back_for_its_parts(row) {
            true => Place::Agrees(Some(at)),
            false => Place::Ask(at),
        })
    }

    /// Places of the rows of the visit that a line names.
    fn of_visit(&self, line: &StatementRow) -> impl Iterator<Item = usize> {
        let named = (!line.mdtrt_id.is_empty()).then_some(line.mdtrt_id.as_str());
        let places = named.and_then(|mdtrt_id| self.by_visit.get(mdtrt_id));
        places.into_iter().flatten().copied()
    }

    /// Several rows of the centre match one of ours: only the person and the amounts are told.
    fn by_person(&self, line: &StatementRow) -> Option<usize> {
        let of_person = self.by_person.get(line.psn_no.as_str());
        of_person.into_iter().flatten().copied().find(|at| {
            let row = &self.rows[*at];
            row.standing.counts()
                && row.total == line.total
                && row.fund == line.fund
                && row.account == line.account
                && (line.mdtrt_id.is_empty() || row.mdtrt_id == line.mdtrt_id)
        })
    }
}

fn in_statement(code: Code, row: &Row, line: &StatementRow) -> Difference {
    let mut difference = Difference::of(code, row).noting(&line.memo);
    difference.there = Some(line.total);
    if difference.setl_id.is_empty() {
        difference.setl_id.clone_from(&line.setl_id);
    }
    difference
}

/// What differs by the line of the statement alone, where 5203 could not say more.
#[must_use]
pub fn by_line(row: &Row, line: &StatementRow) -> Vec<Difference> {
    let mut differences = Vec::new();
    match row.standing {
        Standing::Settled if line.refunded => {
            differences.push(in_statement(Code::RefundedThereOnly, row, line));
        }
        Standing::Refunded if !line.refunded => {
            differences.push(in_statement(Code::RefundedHereOnly, row, line));
        }
        Standing::Settled
        | Standing::Refunded
        | Standing::Refund
        | Standing::Open
        | Standing::Gone => {}
    }
    let amounts = [
        (TOTAL, row.total, line.total),
        ("fund_pay_sumamt", row.fund, line.fund),
        ("acct_pay", row.account, line.account),
    ];
    differences.extend(differing(row, &amounts));
    if differences.is_empty() && !explains_itself(row, line) {
        differences.push(in_statement(Code::NotCompared, row, line));
    }
    differences
}

/// Whether a line that agrees is listed only for what the centre was not told of the row: the number of a
/// refund whose answer was lost, or the row at all where its group is not known.
fn explains_itself(row: &Row, line: &StatementRow) -> bool {
    let is_back = row.standing == Standing::Refund && row.setl_id.is_empty() && line.refunded;
    let lost = is_back && !row.msgid.is_empty() && row.msgid == line.msgid;
    let by_number = !row.setl_id.is_empty() && row.setl_id == line.setl_id;
    let unplaced = by_number && !is_cleared(row) && is_of_centre(row, line);
    let same_visit = line.mdtrt_id.is_empty() || line.mdtrt_id == row.mdtrt_id;
    same_visit && (lost || unplaced || is_given_back_for_its_parts(row))
}

/// Whether a line with a row's number is the centre's own, not our row said back: that has no msgid, and only a
/// row whose kind of clearing is known was sent.
fn is_of_centre(row: &Row, line: &StatementRow) -> bool {
    row.clr_type.is_empty() || !line.msgid.is_empty()
}

/// A row of ours without a number, said back: the centre knows no such row.
fn is_echo(line: &StatementRow) -> bool {
    line.setl_id.is_empty() && line.msgid.is_empty()
}

/// The desk in a msgid of the daemon's form.
#[must_use]
pub fn desk_of(msgid: &str) -> Option<u16> {
    if msgid.len() != MSGID_CHARS {
        return None;
    }
    let digits = msgid.get(MSGID_DESK)?;
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| digits.parse().ok()).flatten()
}
