//! Copies: of jobs and of receipts, marked and counted.

use yibaod::api::reprint_request::Of;
use yibaod::api::{Operator, OperatorKind, PrintJob, PrintJobState as State, ReprintRequest};

use super::{ANSWER_WAIT_MS, client, hasty, print, request, until_state};
use crate::desk::{Desk, Setup, Shows, bill, refusal};
use crate::identify::rights::{as_stranger, open_to_all};

pub(crate) async fn reprint(
    desk: &Desk,
    request_id: &str,
    of: Of,
) -> Result<PrintJob, tonic::Status> {
    reprint_within(desk, request_id, of, None).await
}

async fn reprint_within(
    desk: &Desk,
    request_id: &str,
    of: Of,
    wait_ms: Option<u32>,
) -> Result<PrintJob, tonic::Status> {
    let wish = wish(request_id, of, wait_ms);
    let answer = client(desk).await.reprint(wish).await?;
    Ok(answer.into_inner().job.expect("what is true"))
}

/// A wish whose answer waits for the end.
pub(crate) fn wish(request_id: &str, of: Of, wait_ms: Option<u32>) -> ReprintRequest {
    ReprintRequest {
        request_id: request_id.to_owned(),
        of: Some(of),
        operator: Some(Operator {
            id: "007".to_owned(),
            name: "收费员甲".to_owned(),
            kind: OperatorKind::Staff.into(),
        }),
        reason: "患者遗失".to_owned(),
        wait_ms,
        answer_wait_ms: ANSWER_WAIT_MS,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_of_a_job_are_marked_and_counted() {
    let desk = Desk::start(Setup::default()).await;
    let first = print(&desk, request("first", &["原件"]))
        .await
        .expect("taken");
    let of = || Of::JobRequestId("first".to_owned());
    let one = reprint(&desk, "copy-1", of()).await.expect("taken");
    assert_eq!((one.state(), one.copy), (State::Printed, 1));
    assert_eq!(one.copy_of, first.job_id);
    assert_eq!(reprint(&desk, "copy-1", of()).await.expect("again"), one);
    // A copy of a copy is one more of the first.
    let of_copy = Of::JobId(one.job_id.clone());
    let two = reprint(&desk, "copy-2", of_copy).await.expect("taken");
    assert_eq!((two.copy, &two.copy_of), (2, &first.job_id));
    let papers = desk.papers_in_the_end().await;
    let texts: Vec<String> = papers.iter().map(|paper| paper.text()).collect();
    assert_eq!(texts.len(), 3, "{texts:?}");
    assert!(!texts[0].contains("补打"));
    for (text, count) in texts[1..].iter().zip(["第1次补打", "第2次补打"]) {
        for said in ["补打", count, "收费员甲", "原件"] {
            assert!(text.contains(said), "{said}: {text}");
        }
    }
    assert_eq!(desk.printer.errors(), vec![]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_over_has_no_copy() {
    let desk = Desk::start(Setup::default()).await;
    desk.printer.paper_out_after(0);
    print(&desk, hasty("first", &["原件"]))
        .await
        .expect("taken");
    let of = Of::JobRequestId("first".to_owned());
    let refused = reprint(&desk, "copy", of).await.expect_err("it waits");
    assert_eq!(refusal(&refused).name, "PRINT_RUNNING");
    desk.printer.refill();
    until_state(&desk, "first", State::Printed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receipt_of_a_settlement_is_printed_again_with_its_mark() {
    let desk = Desk::start(Setup::default()).await;
    let settled = desk
        .pay(bill(&desk, "paid"), &[Shows::fresh("employee")])
        .await;
    let of = Of::SettlementRequestId("paid".to_owned());
    let copy = reprint(&desk, "copy", of).await.expect("taken");
    assert_eq!((copy.state(), copy.copy), (State::Printed, 1));
    assert_eq!(copy.copy_of, settled.settlement_id);
    let nothing = Of::SettlementId("nothing".to_owned());
    let refused = reprint(&desk, "none", nothing).await.expect_err("none");
    assert_eq!(refusal(&refused).name, "NOT_FOUND");
    let papers = desk.papers_in_the_end().await;
    assert_eq!(papers.len(), 2);
    let with_number = |text: &str| text.contains(&settled.setl_id);
    assert!(papers.iter().all(|paper| with_number(&paper.text())));
    assert!(!papers[0].text().contains("补打"));
    assert!(papers[1].text().contains("第1次补打"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_was_not_printed_is_not_counted() {
    let desk = Desk::start(Setup::default()).await;
    print(&desk, request("first", &["原件"]))
        .await
        .expect("taken");
    desk.printer.paper_out_after(0);
    for id in ["in-vain-1", "in-vain-2"] {
        let of = Of::JobRequestId("first".to_owned());
        let told = reprint_within(&desk, id, of, Some(0)).await.expect("taken");
        assert_eq!((told.state(), told.copy), (State::NotPrinted, 1));
    }
    desk.printer.refill();
    let of = Of::JobRequestId("first".to_owned());
    let told = reprint(&desk, "copy", of).await.expect("taken");
    assert_eq!((told.state(), told.copy), (State::Printed, 1));
    let papers = desk.papers_in_the_end().await;
    assert!(papers[1].text().contains("第1次补打"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_its_own_papers_are_copied_for_a_caller() {
    let desk = Desk::start(Setup::default()).await;
    let first = print(&desk, request("first", &["原件"]))
        .await
        .expect("taken");
    open_to_all(&desk);
    let words = ["print", "reprint", &first.job_id, "--reason", "好奇"];
    let who = ["--operator-id", "9", "--operator-name", "乙"];
    let (code, told) = as_stranger(&desk, &[&words[..], &who[..]].concat()).await;
    assert_ne!(code, Some(0));
    assert!(told.to_string().contains("NOT_ALLOWED"), "{told}");
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}
