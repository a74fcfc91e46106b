//! The set to be compared: this journal's rows and the exports that were named, or why they are not that set.

use std::collections::{BTreeMap, BTreeSet};

use super::export::Export;
use super::row::{Group, Row, Standing};
use super::span::Span;
use super::{Fault, ROWS_MAX};
use crate::book::Code;

/// What the set is checked against.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// 定点医药机构编号 of this site.
    pub fixmedins_code: &'a str,
    /// This desk.
    pub desk: u16,
    /// The days.
    pub span: &'a Span,
    /// All desks that belong to the set; this one is always of them.
    pub desks: &'a BTreeSet<u16>,
}

/// Whether these exports are exactly those of the other desks that were named.
///
/// # Errors
/// The first that is not, or a desk that has none.
pub fn check(named: &Named<'_>, exports: &[Export]) -> Result<(), Fault> {
    let mut seen = BTreeSet::from([named.desk]);
    for (at, export) in exports.iter().enumerate() {
        let desk = format!("export {}, desk {:03}", at + 1, export.desk);
        if export.fixmedins_code != named.fixmedins_code {
            let detail = format!("{desk}: of {}", export.fixmedins_code);
            return Err(Fault::new(Code::ExportOtherHospital, detail));
        }
        if export.span != *named.span {
            let (from, to) = (export.span.from(), export.span.to());
            let detail = format!("{desk}: of {from} to {to}");
            return Err(Fault::new(Code::ExportOtherSpan, detail));
        }
        if !seen.insert(export.desk) {
            return Err(Fault::new(Code::ExportDeskTwice, desk));
        }
        if !named.desks.contains(&export.desk) {
            return Err(Fault::new(Code::ExportDeskNotNamed, desk));
        }
    }
    let missing: Vec<String> = named
        .desks
        .difference(&seen)
        .map(|desk| format!("{desk:03}"))
        .collect();
    if missing.is_empty() {
        Ok(())
    } else {
        let detail = format!("no export of {}", missing.join(", "));
        Err(Fault::new(Code::ExportDeskMissing, detail))
    }
}

/// All rows of the set, in order of desk and time. A refund at one desk counts for the original at another; a
/// row without an office of clearing is cleared by `optins`.
///
/// # Errors
/// More than one reconciliation takes.
pub fn merge(sets: impl IntoIterator<Item = Vec<Row>>, optins: &str) -> Result<Vec<Row>, Fault> {
    let mut rows: Vec<Row> = sets.into_iter().flatten().collect();
    if rows.len() > ROWS_MAX {
        let detail = format!("{} rows, {ROWS_MAX} at most", rows.len());
        return Err(Fault::new(Code::TooManySettlements, detail));
    }
    let refunded: BTreeSet<String> = rows
        .iter()
        .filter(|row| row.standing == Standing::Refund && !row.refund_of.is_empty())
        .map(|row| row.refund_of.clone())
        .collect();
    let cleared: BTreeMap<String, Group> = rows
        .iter()
        .filter(|row| !row.setl_id.is_empty() && !row.insutype.is_empty())
        .map(|row| (row.setl_id.clone(), row.group()))
        .collect();
    for row in &mut rows {
        // A refund of another desk's settlement is cleared as that one was.
        if row.insutype.is_empty()
            && let Some(group) = cleared.get(&row.refund_of)
        {
            row.insutype.clone_from(&group.insutype);
            row.clr_type.clone_from(&group.clr_type);
            row.clr_optins.clone_from(&group.setl_optins);
        }
        if row.clr_optins.is_empty() {
            optins.clone_into(&mut row.clr_optins);
        }
        if row.standing == Standing::Settled && refunded.contains(&row.setl_id) {
            row.standing = Standing::Refunded;
        }
    }
    rows.sort_by(|one, other| {
        let key = |row: &Row| (row.desk, row.setl_time.clone(), row.settlement_id.clone());
        key(one).cmp(&key(other))
    });
    Ok(rows)
}

/// What 3201 is called for: once for each kind of insurance, clearing and office that the rows have, and those
/// that were named besides.
#[must_use]
pub fn groups(rows: &[Row], besides: &[Group]) -> Vec<Group> {
    let of_rows = rows
        .iter()
        .filter(|row| row.standing.counts() && is_cleared(row))
        .map(Row::group);
    let all: BTreeSet<Group> = of_rows.chain(besides.iter().cloned()).collect();
    all.into_iter().collect()
}

/// Whether it is known under what 3201 counts it. Of a refund of another desk's settlement it is not, where that
/// desk's rows of the day are not in the set.
#[must_use]
pub fn is_cleared(row: &Row) -> bool {
    !row.insutype.is_empty() && !row.clr_type.is_empty()
}
