//! Reconcile: it only reads, and its table is the same however often it was begun.

use tonic::Status;
use yibaod::api::reconcile_response::Told as Step;
use yibaod::api::{ReconcileRequest, Reconciliation};
use yibaod::sandbox::platform::Ledger;

use super::{Asked, Before, REQUEST, Told};
use crate::desk::Desk;
use crate::reconcile::{group, request, told};

/// What a reconciliation never sends.
const WRITES: [&str; 7] = ["2201", "2204", "2207", "2208", "2601", "2102", "2103"];

/// What could not be found out, and is said so.
const NOT_COMPARED: &str = "NOT_COMPARED";

/// Whether all was compared.
pub(super) fn is_whole(table: &Reconciliation) -> bool {
    let mut lines = table.differences.iter();
    table.error.is_none() && lines.all(|line| line.name != NOT_COMPARED)
}

/// To its table, or to the end of the daemon.
pub(super) async fn ask(desk: &Desk, is_whole: bool) -> Result<Told, Status> {
    let besides = if is_whole { vec![group("310")] } else { vec![] };
    let request = ReconcileRequest {
        whole_hospital: is_whole,
        besides,
        ..request(REQUEST)
    };
    let mut client = desk.try_settlements().await?;
    let mut steps = client.reconcile(request).await?.into_inner();
    loop {
        let Some(step) = steps.message().await? else {
            return Err(Status::unavailable("it ends without a table"));
        };
        match step.told.expect("something is told") {
            Step::Progress(_) => {}
            Step::Reconciliation(table) => return Ok(Told::Table(Box::new(table))),
        }
    }
}

pub(super) fn check(asked: Asked, desk: &Desk, before: &Before, table: &Reconciliation) {
    let mut expected: Vec<(&str, String)> = vec![];
    if asked == Asked::ReconcileAll {
        expected.push(("REFUNDED_THERE_ONLY", before.settlement().setl_id.clone()));
    }
    let found = told(table);
    if is_whole(table) {
        assert_eq!(found, expected, "{table:?}");
    } else {
        let is_known = |line| expected.contains(line) || line.0 == NOT_COMPARED;
        assert!(found.iter().all(is_known), "{table:?}");
    }
    assert_eq!((table.settlements, table.refunds), (1, 0), "{table:?}");
    let amounts = before
        .settlement()
        .amounts
        .as_ref()
        .expect("it was settled");
    let sums = (table.medfee_sumamt_fen, table.psn_cash_pay_fen);
    assert_eq!(sums, (amounts.medfee_sumamt_fen, amounts.psn_cash_pay_fen));
    let books = desk.platform.ledger(Ledger::settlements);
    assert_eq!(format!("{books:?}"), format!("{:?}", before.rows));
    let sent = desk
        .platform
        .ledger(|ledger: &Ledger| ledger.requests()[before.received..].to_vec());
    let writes = sent
        .iter()
        .filter(|row| WRITES.contains(&row.infno.as_str()));
    assert_eq!(writes.count(), 0, "it only reads: {sent:?}");
}
