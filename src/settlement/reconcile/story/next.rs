//! The next question.

use std::sync::Arc;

use super::event::Event;
use super::{At, GroupStep, Reconciliation};
use crate::settlement::errand::{Ask, Errand, Numbers, Statement};
use crate::settlement::reconcile::row::{DetailRow, Group, Row, Totals};
use crate::settlement::story::Act;

impl Reconciliation {
    pub(super) fn next_act(&self, now_ms: i64) -> Act<Event> {
        let Some(errand) = self.errand() else {
            return Act::Finished;
        };
        if now_ms < self.not_before_ms {
            return Act::Wait {
                until_ms: self.not_before_ms,
            };
        }
        Act::Ask(errand)
    }

    fn errand(&self) -> Option<Errand> {
        let plan = self.plan.as_ref()?;
        let (insuplc_admdvs, ask) = match &self.at {
            At::Over => return None,
            At::Row(place) => look(self.row(*self.todo.get(*place)?)?),
            At::Listed(_, place) => look(self.row(self.listed.get(*place)?.0)?),
            At::Group(place, step) => {
                let group = self.groups.get(*place)?;
                (String::new(), self.of_group(group, step)?)
            }
        };
        Some(Errand {
            operator: plan.operator.clone(),
            insuplc_admdvs,
            ask,
        })
    }

    fn of_group(&self, group: &Group, step: &GroupStep) -> Option<Ask> {
        let statement = |totals: Totals| {
            Some(Box::new(Statement {
                group: group.clone(),
                span: self.span.clone()?,
                totals,
            }))
        };
        Some(match step {
            GroupStep::Totals => Ask::Totals(statement(Totals::of(self.rows_of(group)))?),
            GroupStep::Upload => {
                let rows = self.rows_in_detail(group).map(DetailRow::from).collect();
                Ask::Upload {
                    name: self.file_name(group)?,
                    rows: Arc::new(rows),
                }
            }
            GroupStep::Details { file_qury_no } => Ask::Details {
                statement: statement(Totals::of(self.rows_in_detail(group)))?,
                file_qury_no: file_qury_no.clone(),
            },
            GroupStep::Download {
                file_qury_no,
                filename,
            } => Ask::Download {
                file_qury_no: file_qury_no.clone(),
                filename: filename.clone(),
            },
        })
    }

    fn file_name(&self, group: &Group) -> Option<String> {
        let span = self.span.as_ref()?;
        let (from, to) = (span.from(), span.to());
        let parts = [&group.clr_type, &group.setl_optins].map(|part| {
            let plain = part.chars().filter(char::is_ascii_alphanumeric);
            plain.collect::<String>()
        });
        Some(format!("stmt-{from}-{to}-{}", parts.join("-")))
    }
}

fn look(row: &Row) -> (String, Ask) {
    let numbers = Numbers {
        psn_no: row.psn_no.clone(),
        mdtrt_id: row.mdtrt_id.clone(),
        setl_id: row.setl_id.clone(),
        settle_msgid: row.msgid.clone(),
        is_pharmacy: false,
        insutype: row.insutype.clone(),
    };
    (row.insuplc_admdvs.clone(), Ask::Compare(numbers))
}
