//! The journals and the list of the HIS in, differences out. Both may have as many rows as one reconciliation
//! takes: everything is found by its number.

use std::collections::{BTreeMap, BTreeSet};

use super::difference::{Difference, TOTAL};
use super::his::HisRow;
use super::row::Row;
use crate::book::Code;
use crate::settlement::bill::Fen;

/// What differs between the journals and the list of the HIS.
#[must_use]
pub fn with_his(rows: &[Row], his: &[HisRow]) -> Vec<Difference> {
    let mut left = Left::of(rows);
    let mut differences = Vec::new();
    let mut unmatched: Vec<&HisRow> = Vec::new();
    for entry in his {
        match left.by_number(entry) {
            Some(row) => differences.extend(amount_of_his(row, entry)),
            None => unmatched.push(entry),
        }
    }
    let times = times(his);
    for entry in unmatched {
        let is_repeated = times.get(&alike(entry)).is_some_and(|times| *times > 1);
        match left.by_visit(entry) {
            Some(row) => differences.extend(amount_of_his(row, entry)),
            None if is_repeated => differences.push(only_in_his(Code::HisListsTwice, entry)),
            None => differences.push(only_in_his(Code::OnlyInHisList, entry)),
        }
    }
    let missing = left.all.into_iter().map(|at| &rows[at]);
    differences.extend(missing.map(|row| Difference::of(Code::NotInHisList, row)));
    differences
}

/// Rows that no entry has taken, by place, by their own number and by their visit's.
struct Left<'a> {
    rows: &'a [Row],
    all: BTreeSet<usize>,
    numbers: BTreeMap<&'a str, BTreeSet<usize>>,
    visits: BTreeMap<&'a str, BTreeSet<usize>>,
}

impl<'a> Left<'a> {
    fn of(rows: &'a [Row]) -> Self {
        let mut left = Left {
            rows,
            all: BTreeSet::new(),
            numbers: BTreeMap::new(),
            visits: BTreeMap::new(),
        };
        let counting = rows.iter().enumerate();
        for (at, row) in counting.filter(|(_, row)| row.standing.counts()) {
            left.all.insert(at);
            left.numbers.entry(&row.setl_id).or_default().insert(at);
            left.visits.entry(&row.mdtrt_id).or_default().insert(at);
        }
        left
    }

    /// The first row of the number that an entry names.
    fn by_number(&mut self, entry: &HisRow) -> Option<&'a Row> {
        let setl_id = Some(entry.setl_id.as_str()).filter(|setl_id| !setl_id.is_empty());
        let at = *self.numbers.get(setl_id?)?.first()?;
        Some(self.take(at))
    }

    /// A row of the visit that an entry names without a number of its own; the one of the same amount first,
    /// else the one of the same sign. An entry with a number of its own fits only a row that has none.
    fn by_visit(&mut self, entry: &HisRow) -> Option<&'a Row> {
        let mdtrt_id = Some(entry.mdtrt_id.as_str()).filter(|mdtrt_id| !mdtrt_id.is_empty());
        let of_visit = self.visits.get(mdtrt_id?)?;
        let rows = self.rows;
        let is_fit = |at: &usize| entry.setl_id.is_empty() || rows[*at].setl_id.is_empty();
        let fit = || of_visit.iter().copied().filter(is_fit);
        let is_refund = entry.amount < Fen::ZERO;
        let at = fit()
            .find(|at| rows[*at].total == entry.amount)
            .or_else(|| fit().find(|at| (rows[*at].total < Fen::ZERO) == is_refund))?;
        Some(self.take(at))
    }

    fn take(&mut self, at: usize) -> &'a Row {
        let row = &self.rows[at];
        self.all.remove(&at);
        for (by, key) in [
            (&mut self.numbers, &row.setl_id),
            (&mut self.visits, &row.mdtrt_id),
        ] {
            if let Some(places) = by.get_mut(key.as_str()) {
                places.remove(&at);
            }
        }
        row
    }
}

fn amount_of_his(row: &Row, entry: &HisRow) -> Option<Difference> {
    let differs = row.total != entry.amount;
    differs
        .then(|| Difference::of(Code::HisAmountDiffers, row).amount(TOTAL, row.total, entry.amount))
}

/// How often the list has each entry.
fn times(his: &[HisRow]) -> BTreeMap<Alike<'_>, usize> {
    let mut times = BTreeMap::new();
    for entry in his {
        *times.entry(alike(entry)).or_default() += 1;
    }
    times
}

/// What two entries have in common that say the same: their number and the sign of their amounts, or without a
/// number their visit and their amount.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Alike<'a> {
    Number(&'a str, bool),
    Visit(&'a str, Fen),
}

fn alike(entry: &HisRow) -> Alike<'_> {
    match entry.setl_id.is_empty() {
        true => Alike::Visit(&entry.mdtrt_id, entry.amount),
        false => Alike::Number(&entry.setl_id, entry.amount < Fen::ZERO),
    }
}

fn only_in_his(code: Code, entry: &HisRow) -> Difference {
    let mut difference = Difference::general(code, "");
    difference.setl_id.clone_from(&entry.setl_id);
    difference.mdtrt_id.clone_from(&entry.mdtrt_id);
    TOTAL.clone_into(&mut difference.field);
    difference.there = Some(entry.amount);
    difference
}
