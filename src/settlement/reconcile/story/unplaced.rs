//! Rows of a whole hospital of which it is not known under what 3201 counts them: a person stated that they are
//! settled, or another desk's settlement was given back. 5203 tells each by its number, else the statements do;
//! what neither has is not at the platform.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::event::Plan;
use super::fold::is_askable;
use super::{At, GroupStep, Reconciliation};
use crate::book::Code;
use crate::settlement::reconcile::difference::Difference;
use crate::settlement::reconcile::row::{Looked, Row, Standing, StatementRow};
use crate::settlement::reconcile::{ENQUIRIES_MAX, compare, gather};

impl Reconciliation {
    pub(super) fn begin_unplaced(&mut self, plan: &Plan) {
        let is_unplaced = |row: &Row| row.standing.counts() && !gather::is_cleared(row);
        let places = (0..plan.rows.len()).filter(|at| is_unplaced(&plan.rows[*at]));
        if !plan.asks_unplaced {
            let rows = places.map(|at| &plan.rows[at]);
            self.differs(rows.map(|row| Difference::of(Code::NotCompared, row)));
            self.at = At::Group(0, GroupStep::Totals);
            return;
        }
        self.unplaced = Arc::new(places.map(|at| (at, false)).collect());
        let askable = self.unplaced.keys().copied();
        let askable = askable.filter(|at| is_askable(plan, &plan.rows[*at]));
        self.todo = Arc::new(askable.take(ENQUIRIES_MAX).collect());
        self.at = At::Row(0);
    }

    /// What 5203 says of one.
    pub(super) fn learn_unplaced(&mut self, place: usize, looked: &Looked) {
        let Some(at) = self.todo.get(place).copied() else {
            return;
        };
        match looked {
            Looked::There(_) => {
                self.accounts_by(at);
                let row = self.row(at);
                let differences = row.map(|row| compare::with_platform(row, looked));
                self.differs(differences.unwrap_or_default());
                Arc::make_mut(&mut self.unplaced).remove(&at);
            }
            Looked::Nothing => {
                Arc::make_mut(&mut self.unplaced).insert(at, true);
            }
            Looked::Unclear => {}
        }
    }

    /// Takes out what a statement has. Of those that 5203 told, a line only says that the centre was not told
    /// of them; the others are judged by it.
    pub(super) fn placed_by_lines(
        &mut self,
        ask: Vec<(usize, StatementRow)>,
        found: &BTreeSet<usize>,
    ) -> Vec<(usize, StatementRow)> {
        let Some(plan) = self.plan.clone().filter(|plan| plan.asks_unplaced) else {
            return ask;
        };
        let (mut asked, mut by_line) = (Vec::new(), Vec::new());
        for (at, line) in ask {
            match (gather::is_cleared(&plan.rows[at]), self.unplaced.get(&at)) {
                (true, _) => asked.push((at, line)),
                (false, Some(_)) => by_line.extend(compare::by_line(&plan.rows[at], &line)),
                (false, None) => {}
            }
        }
        self.differs(by_line);
        for at in found {
            if Arc::make_mut(&mut self.unplaced).remove(at).is_some() {
                self.accounts_by(*at);
            }
        }
        asked
    }

    /// What is in none of the statements: said at the end.
    pub(super) fn still_unplaced(&mut self) {
        let Some(plan) = self.plan.clone() else {
            return;
        };
        let unplaced = std::mem::take(&mut self.unplaced);
        let numbers: BTreeSet<&str> = plan.rows.iter().map(|row| row.setl_id.as_str()).collect();
        let differences = unplaced.iter().filter_map(|(at, is_absent)| {
            let row = &plan.rows[*at];
            let is_told_by_original = row.standing == Standing::Refund
                && row.setl_id.is_empty()
                && numbers.contains(row.refund_of.as_str());
            let all_asked = self.incomplete.is_none() && self.has_asked_all(row);
            match (is_told_by_original, *is_absent || all_asked) {
                (true, _) => None,
                (false, true) => Some(Difference::of(Code::NotAtPlatform, row)),
                (false, false) => Some(Difference::of(Code::NotCompared, row)),
            }
        });
        let differences: Vec<Difference> = differences.collect();
        self.differs(differences);
    }

    /// Whether some group was asked for under which this row could be counted.
    fn has_asked_all(&self, row: &Row) -> bool {
        let mut groups = self.groups.iter();
        groups.any(|group| row.insutype.is_empty() || group.insutype == row.insutype)
    }
}
