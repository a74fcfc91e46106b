//! Whether the journals and the platform agree: planted differences are found, all of them and no others.

mod alone;
mod hospital;
mod other;
mod unnamed;

use yibaod::api::reconcile_response::Told;
use yibaod::api::{
    Operator, OperatorKind, ReconcileRequest, Reconciliation, Settlement, StatementGroup,
};

use crate::desk::{Desk, Shows, bill_for, today};

pub(crate) fn request(request_id: &str) -> ReconcileRequest {
    ReconcileRequest {
        request_id: request_id.to_owned(),
        operator: Some(Operator {
            id: "001".to_owned(),
            name: "对账员".to_owned(),
            kind: OperatorKind::Staff.into(),
        }),
        from: today(),
        ..ReconcileRequest::default()
    }
}

pub(crate) fn group(insutype: &str) -> StatementGroup {
    StatementGroup {
        insutype: insutype.to_owned(),
        clr_type: "11".to_owned(),
        setl_optins: "430100".to_owned(),
    }
}

async fn settle(desk: &Desk, person: &'static str, request_id: &str) -> Settlement {
    let mut bill = bill_for(&desk.platform, person, request_id);
    bill.print = yibaod::api::PrintWish::No.into();
    let shows = [Shows::fresh(person), Shows::fresh(person)];
    desk.pay(bill, &shows).await
}

/// The table; progress on the way only grows.
async fn reconcile(
    desk: &Desk,
    request: ReconcileRequest,
) -> Result<Reconciliation, tonic::Status> {
    let mut client = desk.settlements().await;
    let mut steps = client.reconcile(request).await?.into_inner();
    let mut done = 0;
    loop {
        let step = steps
            .message()
            .await?
            .expect("the table is the last message");
        match step.told.expect("something is told") {
            Told::Progress(progress) => {
                assert!(
                    progress.done >= done && progress.done <= progress.of,
                    "{progress:?}"
                );
                done = progress.done;
            }
            Told::Reconciliation(table) => {
                assert!(steps.message().await?.is_none(), "nothing comes behind it");
                return Ok(table);
            }
        }
    }
}

/// Name and 结算ID of each difference, sorted.
pub(crate) fn told(table: &Reconciliation) -> Vec<(&str, String)> {
    let mut told: Vec<(&str, String)> = table
        .differences
        .iter()
        .map(|line| (line.name.as_str(), line.setl_id.clone()))
        .collect();
    told.sort();
    told
}
