//! Reconciliations: what is asked for, how far it is, the table.

use std::collections::BTreeSet;

use super::error::entry;
use super::fields::Fields;
use super::order::{operator, request_id};
use super::time::{rfc3339, rfc3339_or_empty};
use crate::api as wire;
use crate::book::Code;
use crate::operation::{Failure, Reconcile, Reconciled};
use crate::settlement::reconcile::difference::Difference;
use crate::settlement::reconcile::row::Group;
use crate::settlement::reconcile::story::{Progress, Table};

/// Characters of a date, and some: what is wrong with one is the operation's to say.
const DATE_LENGTH_MAX: usize = 20;
const DESK_MAX: u32 = 999;
const BESIDES_MAX: usize = 50;
/// Characters of a kind of insurance, of clearing, of an area.
const GROUP_LENGTH_MAX: usize = 6;

/// What is to be reconciled.
///
/// # Errors
/// `REQUEST_INVALID` and others, naming the fields.
pub fn wanted(request: wire::ReconcileRequest) -> Result<Reconcile, Failure> {
    let request_id = request_id(request.request_id)?;
    let mut fields = Fields::default();
    let f = &mut fields;
    let operator = operator(f, request.operator.unwrap_or_default());
    let mut desks = BTreeSet::new();
    for (at, desk) in request.desks.iter().enumerate() {
        match u16::try_from(*desk).ok().filter(|_| *desk <= DESK_MAX) {
            Some(desk) => {
                desks.insert(desk);
            }
            None => f.wrong(
                Code::RequestInvalid,
                format!("desks[{at}]"),
                "must be 0 to 999",
            ),
        }
    }
    if request.besides.len() > BESIDES_MAX {
        let why = format!("has more than {BESIDES_MAX}");
        f.wrong(Code::RequestInvalid, "besides", why);
    }
    let mut besides = Vec::new();
    for (at, group) in request.besides.into_iter().enumerate().take(BESIDES_MAX) {
        let path = |field: &str| format!("besides[{at}].{field}");
        besides.push(Group {
            insutype: f.required(&path("insutype"), group.insutype, GROUP_LENGTH_MAX),
            clr_type: f.required(&path("clr_type"), group.clr_type, GROUP_LENGTH_MAX),
            setl_optins: f.required(&path("setl_optins"), group.setl_optins, GROUP_LENGTH_MAX),
        });
    }
    let wanted = Reconcile {
        request_id,
        operator,
        from: f.optional("from", request.from, DATE_LENGTH_MAX),
        to: f.optional("to", request.to, DATE_LENGTH_MAX),
        whole_hospital: request.whole_hospital,
        desks,
        exports: request.exports,
        his_list: request.his_list,
        besides,
    };
    fields.finish(wanted)
}

/// How far it is, or the table.
#[must_use]
pub fn told(told: Reconciled) -> wire::ReconcileResponse {
    use wire::reconcile_response::Told;
    let told = match told {
        Reconciled::Progress(progress) => Told::Progress(self::progress(progress)),
        Reconciled::Table(table) => Told::Reconciliation(self::table(table)),
    };
    wire::ReconcileResponse { told: Some(told) }
}

fn progress(progress: Progress) -> wire::ReconcileProgress {
    wire::ReconcileProgress {
        done: progress.done,
        of: progress.of,
        infno: progress.infno.to_owned(),
        differences: progress.differences,
    }
}

fn table(table: Table) -> wire::Reconciliation {
    let codes: BTreeSet<Code> = table.differences.iter().map(|line| line.code).collect();
    wire::Reconciliation {
        reconciliation_id: table.reconciliation_id,
        request_id: table.request_id,
        from: table.from,
        to: table.to,
        whole_hospital: table.whole_hospital,
        desks: table.desks.into_iter().map(u32::from).collect(),
        settlements: table.totals.settlements,
        refunds: table.totals.refunds,
        medfee_sumamt_fen: table.totals.total.0,
        fund_pay_sumamt_fen: table.totals.fund.0,
        acct_pay_fen: table.totals.account.0,
        psn_cash_pay_fen: table.totals.cash.0,
        differences: table.differences.into_iter().map(difference).collect(),
        further_differences: table.further,
        explanations: codes.into_iter().map(entry).collect(),
        error: table.incomplete.map(entry),
        asked: table.asked,
        accepted_at: rfc3339(table.accepted_at_ms),
        ended_at: rfc3339_or_empty(table.ended_at_ms),
    }
}

fn difference(difference: Difference) -> wire::Difference {
    wire::Difference {
        code: difference.code.id().to_owned(),
        name: difference.code.name().to_owned(),
        settlement_id: difference.settlement_id,
        desk: difference.desk.map(u32::from),
        setl_id: difference.setl_id,
        mdtrt_id: difference.mdtrt_id,
        psn_no: difference.psn_no,
        msgid: difference.msgid,
        setl_time: difference.setl_time,
        field: difference.field,
        here_fen: difference.here.map(|fen| fen.0),
        there_fen: difference.there.map(|fen| fen.0),
        note: difference.note,
    }
}
