//! Groups that 3201 says do not balance, and what accounts for that.
//!
//! 3201 names no amount and 3202 no insurance, so that a line of a settlement that no journal has can account for
//! any group of its kind of clearing, and for one of them only. A group that nothing accounts for is told as such:
//! the statement listed all it had, and the totals differ.

use std::collections::{BTreeMap, BTreeSet};

use super::{Reconciliation, is_in_detail};
use crate::book::Code;
use crate::settlement::reconcile::compare;
use crate::settlement::reconcile::difference::Difference;
use crate::settlement::reconcile::gather;
use crate::settlement::reconcile::row::{Group, Row};

/// What is known of them by now.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Unbalanced {
    /// Their places.
    groups: BTreeSet<usize>,
    /// Of which something was told, or known to count otherwise there. An empty field: not known, so any.
    accounted: BTreeSet<Group>,
    /// Lines of no journal, by the place of the group that they were listed for.
    strangers: BTreeMap<usize, usize>,
}

impl Reconciliation {
    pub(super) fn does_not_balance(&mut self, place: usize) {
        self.unbalanced.groups.insert(place);
    }

    /// Something was told of the whole group.
    pub(super) fn accounts_for_group(&mut self, place: usize) {
        self.unbalanced
            .accounted
            .extend(self.groups.get(place).cloned());
    }

    /// Something was told of this row, or it was in no total of ours and is in the platform's.
    pub(super) fn accounts_by(&mut self, at: usize) {
        let group = self.row(at).map(whatever_is_known);
        self.unbalanced.accounted.extend(group);
    }

    /// A listed row of which nothing differs. Its line accounts for totals only where ours are known to be wrong.
    pub(super) fn accounts_by_agreeing(&mut self, at: usize) {
        let is_otherwise_there = self.row(at).is_some_and(|row| {
            compare::is_given_back_for_its_parts(row) || !gather::is_cleared(row)
        });
        if is_otherwise_there {
            self.accounts_by(at);
        }
    }

    /// What is clear by the lines of a statement alone.
    pub(super) fn accounts_by_lines(&mut self, place: usize, differences: &[Difference]) {
        let Some(plan) = self.plan.clone().filter(|_| !differences.is_empty()) else {
            return;
        };
        let rows = plan.rows.iter();
        let by_id: BTreeMap<&str, &Row> =
            rows.map(|row| (row.settlement_id.as_str(), row)).collect();
        for difference in differences {
            match by_id.get(difference.settlement_id.as_str()) {
                Some(row) => {
                    self.unbalanced.accounted.insert(whatever_is_known(row));
                }
                None => *self.unbalanced.strangers.entry(place).or_default() += 1,
            }
        }
    }

    /// Tells the groups that nothing accounts for.
    pub(super) fn still_unbalanced(&mut self) {
        let unbalanced = std::mem::take(&mut self.unbalanced);
        let is_accounted = |group: &Group| {
            let mut accounted = unbalanced.accounted.iter();
            accounted.any(|known| is_perhaps(known, group))
        };
        let groups = unbalanced.groups.iter().filter_map(|place| {
            let group = self.groups.get(*place)?;
            (!is_accounted(group)).then_some((*place, group))
        });
        let left: Vec<(usize, &Group)> = groups.collect();
        let of_detail = |group: &Group| {
            let strangers = unbalanced.strangers.iter().filter(|(place, _)| {
                let listed_for = self.groups.get(**place);
                listed_for.is_some_and(|listed_for| is_in_detail(listed_for, group))
            });
            let alike = left.iter().filter(|(_, other)| is_in_detail(other, group));
            (
                strangers.map(|(_, count)| *count).sum::<usize>(),
                alike.count(),
            )
        };
        let untold = left.iter().filter(|(_, group)| {
            let (strangers, alike) = of_detail(group);
            strangers < alike
        });
        let names: Vec<String> = untold.map(|(place, _)| self.group_name(*place)).collect();
        let told = names
            .iter()
            .map(|name| Difference::general(Code::TotalsDiffer, name));
        self.differs(told);
    }
}

/// Under what a row is counted, as far as that is known: an office alone is only what the site has.
fn whatever_is_known(row: &Row) -> Group {
    let group = row.group();
    match row.clr_type.is_empty() {
        true => Group {
            insutype: group.insutype,
            ..Group::default()
        },
        false => group,
    }
}

fn is_perhaps(known: &Group, group: &Group) -> bool {
    let fits = |known: &str, field: &str| known.is_empty() || known == field;
    fits(&known.insutype, &group.insutype)
        && fits(&known.clr_type, &group.clr_type)
        && fits(&known.setl_optins, &group.setl_optins)
}
