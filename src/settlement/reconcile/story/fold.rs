//! What an answer comes to.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::event::{Event, Plan};
use super::{At, GroupStep, Reconciliation, is_in_detail};
use crate::book::Code;
use crate::settlement::call::{Found, Outcome};
use crate::settlement::reconcile::difference::Difference;
use crate::settlement::reconcile::row::{Looked, Row, Standing, StatementRow, Totals};
use crate::settlement::reconcile::{compare, compare_his, gather};

/// Times one question is asked.
const TRIES_MAX: u32 = 3;
/// Pauses after the first and each further question without an answer, in paces of the site: 2 s and 10 s where
/// nothing else is set.
const PAUSES_PACES: [i64; 2] = [10, 50];
/// Questions in a row that came to nothing, after which the platform is taken for down.
const FAILURES_MAX: u32 = 3;

impl Reconciliation {
    pub(super) fn fold(&mut self, event: &Event, at_ms: i64) {
        self.at_ms = at_ms;
        match event {
            Event::Accepted {
                request_id,
                caller,
                span,
                whole_hospital,
                desks,
                digest,
                plan,
            } => {
                self.request_id.clone_from(request_id);
                self.caller.clone_from(caller);
                self.span = Some(span.clone());
                self.whole_hospital = *whole_hospital;
                self.desks.clone_from(desks);
                self.digest.clone_from(digest);
                self.accepted_at_ms = at_ms;
                match plan {
                    Some(plan) => self.begin((**plan).clone()),
                    // Its key was deleted: what it came to is forgotten with it.
                    None => self.incomplete = Some(Code::Forgotten),
                }
            }
            Event::Intent { .. } => self.asked = self.asked.saturating_add(1),
            Event::Answered {
                result,
                sign_in_expired,
                answer: _,
            } => self.answered(result, *sign_in_expired),
            // What was out only read: it is asked again.
            Event::Restarted => {}
            Event::Stuck { code: _ } => {
                self.incomplete = Some(Code::ReconciliationIncomplete);
                self.at = At::Over;
            }
        }
        if self.at == At::Over && self.ended_at_ms.is_none() {
            self.ended_at_ms = Some(at_ms);
        }
    }

    fn begin(&mut self, mut plan: Plan) {
        if !plan.marks_broken_parts {
            compare::mark_broken_parts(&mut plan.rows);
        }
        self.totals = Totals::of(&plan.rows);
        if plan.forgotten > 0 {
            let note = format!("{} settlements", plan.forgotten);
            self.differs([Difference::general(Code::Forgotten, &note)]);
        }
        if let Some(his) = &plan.his {
            self.differs(compare_his::with_his(&plan.rows, his));
        }
        let plan = Arc::new(plan);
        self.plan = Some(Arc::clone(&plan));
        if self.whole_hospital {
            self.groups = Arc::new(gather::groups(&plan.rows, &plan.besides));
            self.begin_unplaced(&plan);
        } else {
            let (todo, silent): (Vec<usize>, Vec<usize>) =
                (0..plan.rows.len()).partition(|at| is_askable(&plan, &plan.rows[*at]));
            self.todo = Arc::new(todo);
            let silent = silent.into_iter().map(|at| &plan.rows[at]);
            self.differs(silent.filter_map(not_askable));
            self.at = At::Row(0);
        }
        self.settle();
    }

    fn answered(&mut self, outcome: &Outcome, sign_in_expired: bool) {
        self.not_before_ms = self.at_ms.saturating_add(self.pace_ms());
        match outcome {
            Outcome::Done { found: Some(found) } => {
                (self.tries, self.failures) = (0, 0);
                self.learn(found.clone());
            }
            Outcome::Refused { text, .. } if !sign_in_expired => {
                // An answer, though a no: the platform is there.
                (self.tries, self.failures) = (0, 0);
                self.give_up(text);
            }
            Outcome::Done { found: None }
            | Outcome::Refused { .. }
            | Outcome::NotSent { .. }
            | Outcome::Unknown { .. } => self.try_again(outcome),
        }
        self.settle();
    }

    fn pace_ms(&self) -> i64 {
        self.plan.as_ref().map_or(0, |plan| plan.rules.pace_ms)
    }

    fn try_again(&mut self, outcome: &Outcome) {
        self.tries += 1;
        if self.tries < TRIES_MAX {
            let place = usize::try_from(self.tries).unwrap_or(1) - 1;
            let paces = PAUSES_PACES.get(place).copied().unwrap_or(1);
            let pause_ms = self.pace_ms().saturating_mul(paces);
            self.not_before_ms = self.at_ms.saturating_add(pause_ms);
            return;
        }
        self.tries = 0;
        self.failures += 1;
        let note = match outcome {
            Outcome::NotSent { code, why } | Outcome::Unknown { code, why } => {
                format!("{} {}: {why}", code.id(), code.name())
            }
            Outcome::Refused { code, .. } => format!("{} {}", code.id(), code.name()),
            Outcome::Done { .. } => String::new(),
        };
        self.give_up(&note);
        if self.failures >= FAILURES_MAX {
            self.incomplete = Some(Code::ReconciliationIncomplete);
            self.at = At::Over;
        }
    }

    /// The present question cannot be answered: it is said, and the next one is asked.
    fn give_up(&mut self, note: &str) {
        match self.at.clone() {
            At::Over => {}
            // A statement may still have it.
            At::Row(place) if self.whole_hospital => self.at = At::Row(place + 1),
            At::Row(place) => {
                let row = self.todo.get(place).and_then(|at| self.row(*at));
                let difference = row.map(|row| Difference::of(Code::NotCompared, row).noting(note));
                self.differs(difference);
                self.at = At::Row(place + 1);
            }
            At::Listed(group, place) => {
                let differences = self.listed.get(place).and_then(|(at, line)| {
                    let row = self.row(*at)?;
                    Some(compare::by_line(row, line))
                });
                self.tell_listed(place, differences.unwrap_or_default());
                self.at = At::Listed(group, place + 1);
            }
            At::Group(place, _) => {
                let name = self.group_name(place);
                let note = format!("{name}: {note}");
                self.differs([Difference::general(Code::NotCompared, &note)]);
                self.accounts_for_group(place);
                self.incomplete = Some(Code::ReconciliationIncomplete);
                self.at = At::Group(place + 1, GroupStep::Totals);
            }
        }
    }

    fn learn(&mut self, found: Found) {
        match (self.at.clone(), found) {
            (At::Row(place), Found::Compared(looked)) if self.whole_hospital => {
                self.learn_unplaced(place, &looked);
                self.at = At::Row(place + 1);
            }
            (At::Row(place), Found::Compared(looked)) => {
                let row = self.todo.get(place).and_then(|at| self.row(*at));
                let was_sent_anew = row.is_some_and(|row| self.was_sent_anew(row));
                let differences = row.map(|row| compare::with_platform(row, &looked));
                if looked != Looked::Unclear || !was_sent_anew {
                    self.differs(differences.unwrap_or_default());
                }
                self.at = At::Row(place + 1);
            }
            (At::Listed(group, place), Found::Compared(looked)) => {
                let differences = self.explained(place, &looked);
                self.tell_listed(place, differences);
                self.at = At::Listed(group, place + 1);
            }
            (At::Group(place, step), found) => self.learn_of_group(place, &step, found),
            // An answer of another kind than the question: it says nothing.
            (At::Row(_) | At::Listed(..), _) => self.give_up("an answer of another kind"),
            (At::Over, _) => {}
        }
    }

    /// What 5203 says of a row that the statement listed; where it sees no difference, what the line says.
    fn explained(&self, place: usize, looked: &Looked) -> Vec<Difference> {
        let Some((at, line)) = self.listed.get(place) else {
            return Vec::new();
        };
        let Some(row) = self.row(*at) else {
            return Vec::new();
        };
        match looked {
            Looked::Unclear => compare::by_line(row, line),
            Looked::There(_) | Looked::Nothing => {
                let differences = compare::with_platform(row, looked);
                // A row that should not be there, and is not: the line is the centre's own account of that.
                match differences.is_empty() && row.standing.counts() {
                    true => compare::by_line(row, line),
                    false => differences,
                }
            }
        }
    }

    /// Whether the same settlement was sent again after this surely refused call, and charged. 5203 then shows
    /// the other one: that says nothing of a charge of this one.
    fn was_sent_anew(&self, row: &Row) -> bool {
        let mut rows = self.plan.iter().flat_map(|plan| plan.rows.iter());
        row.standing == Standing::Gone
            && rows.any(|other| {
                let same = other.desk == row.desk && other.settlement_id == row.settlement_id;
                same && other.standing.counts()
            })
    }

    fn learn_of_group(&mut self, place: usize, step: &GroupStep, found: Found) {
        let balanced = self.plan.as_ref().map(|plan| &plan.rules.balanced);
        match (step, found) {
            (GroupStep::Totals, Found::Totals { stmt_rslt, .. }) => {
                let is_balanced = balanced.is_some_and(|words| words.contains(&stmt_rslt));
                if !is_balanced {
                    self.does_not_balance(place);
                }
                let group = self.groups.get(place);
                let is_done = group.is_some_and(|group| {
                    let mut detailed = self.detailed.iter();
                    detailed.any(|done| is_in_detail(done, group))
                });
                self.at = match is_balanced || is_done {
                    true => At::Group(place + 1, GroupStep::Totals),
                    false => At::Group(place, GroupStep::Upload),
                };
            }
            (GroupStep::Upload, Found::File { file_qury_no, .. }) => {
                self.detailed.extend(self.groups.get(place).cloned());
                self.at = At::Group(place, GroupStep::Details { file_qury_no });
            }
            (
                GroupStep::Details { .. },
                Found::File {
                    file_qury_no,
                    filename,
                },
            ) => {
                let step = GroupStep::Download {
                    file_qury_no,
                    filename,
                };
                self.at = At::Group(place, step);
            }
            (GroupStep::Download { .. }, Found::Statement(lines)) => {
                self.learn_lines(place, &lines);
            }
            (_, _) => self.give_up("an answer of another kind"),
        }
    }

    fn learn_lines(&mut self, place: usize, lines: &[StatementRow]) {
        let Some(plan) = self.plan.clone() else {
            return;
        };
        let listed = compare::with_statement(&plan.rows, lines, &plan.rules.balanced);
        self.accounts_by_lines(place, &listed.differences);
        self.differs(listed.differences);
        let ask = self.placed_by_lines(listed.ask, &listed.found);
        self.listed = Arc::new(ask);
        self.at = At::Listed(place, 0);
    }

    /// Goes on past what has no further question.
    fn settle(&mut self) {
        if let At::Row(place) = self.at
            && place >= self.todo.len()
            && self.whole_hospital
        {
            self.at = At::Group(0, GroupStep::Totals);
        }
        if let At::Listed(group, place) = self.at
            && place >= self.listed.len()
        {
            self.at = At::Group(group + 1, GroupStep::Totals);
        }
        let is_over = match self.at {
            At::Row(place) => place >= self.todo.len(),
            At::Group(place, _) => place >= self.groups.len(),
            At::Listed(..) => false,
            At::Over => true,
        };
        if is_over {
            if self.whole_hospital {
                self.still_unbalanced();
                self.still_open();
                self.still_unplaced();
            }
            self.at = At::Over;
        }
    }

    /// What is open here and no statement had: said at the end.
    fn still_open(&mut self) {
        let Some(plan) = self.plan.clone() else {
            return;
        };
        let told = Arc::clone(&self.told);
        let found = told.list().iter();
        let found = found.filter(|difference| difference.code == Code::OpenHereFoundThere);
        let found: BTreeSet<&str> = found.map(|told| told.settlement_id.as_str()).collect();
        let open = plan.rows.iter().filter(|row| {
            row.standing == Standing::Open && !found.contains(row.settlement_id.as_str())
        });
        self.differs(open.map(|row| Difference::of(Code::OpenHere, row)));
    }

    fn tell_listed(&mut self, place: usize, differences: Vec<Difference>) {
        if let Some((at, _)) = self.listed.get(place) {
            match (*at, differences.is_empty()) {
                (at, true) => self.accounts_by_agreeing(at),
                (at, false) => self.accounts_by(at),
            }
        }
        self.differs(differences);
    }

    pub(super) fn group_name(&self, place: usize) -> String {
        self.groups.get(place).map_or_else(String::new, |group| {
            let (insutype, clr_type) = (&group.insutype, &group.clr_type);
            format!("{insutype}/{clr_type}/{}", group.setl_optins)
        })
    }

    /// Takes differences into the table, each once.
    pub(super) fn differs(&mut self, differences: impl IntoIterator<Item = Difference>) {
        let mut new = differences.into_iter().peekable();
        if new.peek().is_none() {
            return;
        }
        let told = Arc::make_mut(&mut self.told);
        new.for_each(|difference| told.add(difference));
    }
}

/// Whether 5203 can be asked for this row.
pub(super) fn is_askable(plan: &Plan, row: &Row) -> bool {
    if row.psn_no.is_empty() || row.mdtrt_id.is_empty() {
        return false;
    }
    let by_msgid = plan.rules.without_setl_id && !row.msgid.is_empty();
    match row.standing {
        // A refund without a number is told by its original, which is asked for.
        Standing::Refund => !row.setl_id.is_empty(),
        Standing::Settled | Standing::Refunded | Standing::Open => {
            !row.setl_id.is_empty() || by_msgid
        }
        Standing::Gone => by_msgid,
    }
}

/// What is said of a row that 5203 cannot be asked for.
fn not_askable(row: &Row) -> Option<Difference> {
    match row.standing {
        Standing::Settled | Standing::Refunded => Some(Difference::of(Code::NotCompared, row)),
        Standing::Open => Some(Difference::of(Code::OpenHere, row)),
        Standing::Refund | Standing::Gone => None,
    }
}
