//! Several reports in one call: each printed once, each with its own end, and told as it goes.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use yibaod::api::print_batch_document::Content;
use yibaod::api::{
    PrintBatchDocument, PrintBatchRequest, PrintBatchResponse, PrintJobState as State,
    PutDocumentRequest, WatchBatchRequest,
};
use yibaod::sandbox::devices::report::ReportPrinter;

use super::super::ANSWER_WAIT_MS;
use super::client;
use crate::desk::{Desk, Setup, eventually, refusal};

async fn desk() -> (Desk, ReportPrinter) {
    let reports = ReportPrinter::start().expect("a free port");
    let config_more = format!(
        "[[device]]\nname = \"reports\"\nrole = \"report\"\nkind = \"ipp-printer\"\nuri = \"{}\"\n",
        reports.uri()
    );
    let setup = Setup {
        config_more,
        ..Setup::default()
    };
    (Desk::start(setup).await, reports)
}

fn pdf(pages: usize, text: &str) -> Vec<u8> {
    super::pdf(pages, text, 0)
}

fn document(id: &str, pdf: Vec<u8>) -> PrintBatchDocument {
    PrintBatchDocument {
        content: Some(Content::Pdf(pdf)),
        document_id: id.to_owned(),
        title: "检验报告".to_owned(),
    }
}

/// Three reports of one page each.
fn three(request_id: &str) -> PrintBatchRequest {
    let ids = ["LIS-1", "LIS-2", "LIS-3"];
    PrintBatchRequest {
        request_id: request_id.to_owned(),
        documents: ids.map(|id| document(id, pdf(1, id))).into(),
        answer_wait_ms: ANSWER_WAIT_MS,
        ..PrintBatchRequest::default()
    }
}

async fn batch(desk: &Desk, request: PrintBatchRequest) -> PrintBatchResponse {
    let answer = client(desk).await.print_batch(request).await;
    answer.expect("it is taken").into_inner()
}

fn states(told: &PrintBatchResponse) -> Vec<State> {
    let jobs = told.items.iter().filter_map(|item| item.job.as_ref());
    jobs.map(|job| job.state()).collect()
}

fn ids(told: &PrintBatchResponse) -> Vec<String> {
    let jobs = told.items.iter().filter_map(|item| item.job.as_ref());
    jobs.map(|job| job.job_id.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pressed_ten_times_each_comes_out_once_in_order() {
    let (desk, reports) = desk().await;
    let presses = (0..10).map(|press| batch(&desk, three(&format!("press-{press}"))));
    let answers = futures_util::future::join_all(presses).await;
    for told in &answers {
        assert_eq!(states(told), [State::Printed; 3], "{told:?}");
        assert_eq!((told.over, told.printed), (true, 3));
        assert_eq!(ids(told), ids(&answers[0]));
    }
    let wanted: Vec<Vec<u8>> = ["LIS-1", "LIS-2", "LIS-3"].map(|id| pdf(1, id)).into();
    assert!(
        reports.papers() == wanted,
        "each once, in the order asked for"
    );
    // The same call again, after a restart too.
    let mut desk = desk;
    desk.kill();
    desk.start_daemon().await;
    let again = batch(&desk, three("press-0")).await;
    assert_eq!(ids(&again), ids(&answers[0]));
    assert_eq!(reports.papers().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn paper_that_ends_between_two_leaves_each_with_its_own_state() {
    let (desk, reports) = desk().await;
    reports.paper_out_after(1);
    let mut request = three("press");
    request.answer_wait_ms = 0;
    let told = batch(&desk, request.clone()).await;
    assert!(!told.over, "{told:?}");
    let watching = WatchBatchRequest {
        job_ids: ids(&told),
    };
    let stream = client(&desk).await.watch_batch(watching).await;
    let mut stream = stream.expect("it is followed").into_inner();
    let mut now: BTreeMap<String, (State, String)> = BTreeMap::new();
    let (mut seen_waiting, mut order) = (false, Vec::new());
    while let Some(change) = stream.next().await {
        let job = change.expect("it lasts").job.expect("what is true");
        let error = job.error.as_ref().map_or("", |error| error.name.as_str());
        let is_over = !job.ended_at.is_empty();
        if is_over {
            order.push(job.document_id.clone());
        }
        let told = (job.state(), error.to_owned());
        now.insert(job.document_id.clone(), told);
        let state = |id: &str| now.get(id).map(|(state, _)| *state);
        let waits = now.get("LIS-2").is_some_and(|(_, why)| why == "PAPER_OUT");
        // Each is told once as it is, and the changes of others come in between.
        let last = state("LIS-3");
        if !seen_waiting && waits && last.is_some() && state("LIS-1") == Some(State::Printed) {
            assert_ne!(state("LIS-2"), Some(State::Printed));
            assert_eq!(last, Some(State::Waiting));
            assert_eq!(reports.papers().len(), 1);
            seen_waiting = true;
            reports.refill();
        }
    }
    assert!(seen_waiting, "{now:?}");
    assert_eq!(order, ["LIS-1", "LIS-2", "LIS-3"]);
    let told = batch(&desk, request).await;
    assert_eq!(states(&told), [State::Printed; 3]);
    assert_eq!(reports.papers().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_refused_holds_up_no_other() {
    let (desk, reports) = desk().await;
    let put = PutDocumentRequest {
        upload_id: "large".to_owned(),
        offset: 0,
        data: pdf(2, "large"),
        last: true,
    };
    client(&desk)
        .await
        .put_document(put)
        .await
        .expect("it is put");
    let stored = |id: &str, document_id: &str| PrintBatchDocument {
        content: Some(Content::StoredDocument(id.to_owned())),
        document_id: document_id.to_owned(),
        title: String::new(),
    };
    let request = PrintBatchRequest {
        documents: vec![
            document("LIS-1", b"no pdf".to_vec()),
            stored("large", "LIS-2"),
            stored("never-put", "LIS-3"),
            document("LIS-4", pdf(1, "four")),
        ],
        ..three("mixed")
    };
    let told = batch(&desk, request).await;
    let why = |place: usize| {
        told.items[place]
            .error
            .as_ref()
            .map(|error| error.name.as_str())
    };
    assert_eq!(
        [why(0), why(2)],
        [Some("DOCUMENT_NOT_PDF"), Some("DOCUMENT_UNKNOWN")]
    );
    assert_eq!(states(&told), [State::Printed; 2], "{told:?}");
    assert_eq!((told.over, told.printed, told.items.len()), (true, 2, 4));
    assert!(reports.papers() == [pdf(2, "large"), pdf(1, "four")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_another_form_is_refused_by_its_fields() {
    let (desk, reports) = desk().await;
    let refused = async |request: PrintBatchRequest| {
        let answer = client(&desk).await.print_batch(request).await;
        refusal(&answer.expect_err("it is wrong")).fields
    };
    let mut nothing = three("nothing");
    nothing.documents.clear();
    assert_eq!(refused(nothing).await, "documents");
    let mut nameless = three("nameless");
    nameless.documents[1].document_id.clear();
    assert_eq!(refused(nameless).await, "documents[1].document_id");
    let mut empty = three("empty");
    empty.documents[2].content = None;
    assert_eq!(refused(empty).await, "documents[2].content");
    assert_eq!(refused(three(&"x".repeat(62))).await, "request_id");
    assert!(reports.papers().is_empty());
    // Another report under the same id and place is not what was asked for before.
    batch(&desk, three("same")).await;
    let mut other = three("same");
    other.documents[0] = document("LIS-9", pdf(1, "other"));
    let told = batch(&desk, other).await;
    let error = told.items[0].error.as_ref().expect("it is refused");
    assert_eq!(error.name, "REQUEST_ID_OTHER_BODY");
    let found = eventually(async || (reports.papers().len() == 3).then_some(())).await;
    assert!(found.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_two_reports_each_comes_out_once() {
    let (mut desk, reports) = desk().await;
    // The first is out, the others wait for paper.
    reports.paper_out_after(1);
    let mut request = three("press");
    request.answer_wait_ms = 0;
    let told = batch(&desk, request.clone()).await;
    let is_out = async || (reports.papers().len() == 1).then_some(());
    eventually(is_out).await.expect("the first comes out");
    desk.kill();
    desk.start_daemon().await;
    reports.refill();
    request.answer_wait_ms = ANSWER_WAIT_MS;
    let again = batch(&desk, request.clone()).await;
    assert_eq!(ids(&again), ids(&told), "the jobs of before");
    assert_eq!(states(&again), [State::Printed; 3], "{again:?}");
    // Killed once more, with all of it done, and asked for by another press.
    desk.kill();
    desk.start_daemon().await;
    let pressed = batch(&desk, three("another-press")).await;
    assert_eq!(ids(&pressed), ids(&told));
    let wanted: Vec<Vec<u8>> = ["LIS-1", "LIS-2", "LIS-3"].map(|id| pdf(1, id)).into();
    assert!(reports.papers() == wanted, "each once, in order");
    assert_eq!(reports.jobs().len(), 3, "each was given once");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_of_a_batch_no_report_comes_out_twice() {
    let (mut desk, reports) = desk().await;
    let mut number = 0;
    // At the moment when the printer has so many jobs of the batch; nothing is timed.
    for jobs in 0..=3 {
        number += 1;
        let name = |at: usize| format!("R{number}-{at}");
        let documents = (1..=3).map(|at| document(&name(at), pdf(1, &name(at))));
        let request = PrintBatchRequest {
            request_id: format!("batch-{number}"),
            documents: documents.collect(),
            answer_wait_ms: 0,
            ..PrintBatchRequest::default()
        };
        let before = reports.jobs().len();
        batch(&desk, request.clone()).await;
        let there = async || (reports.jobs().len() >= before + jobs).then_some(());
        eventually(there).await.expect("the printer gets them");
        desk.kill();
        desk.start_daemon().await;
        let asked = PrintBatchRequest {
            answer_wait_ms: ANSWER_WAIT_MS,
            ..request
        };
        let told = batch(&desk, asked).await;
        for (at, state) in (1..).zip(states(&told)) {
            let paper = pdf(1, &name(at));
            let out = reports.papers().iter().filter(|it| **it == paper).count();
            let most = match state == State::Printed {
                true => 1..=1,
                false => 0..=1,
            };
            assert!(matches!(state, State::Printed | State::Unknown), "{told:?}");
            assert!(most.contains(&out), "{jobs}: {out} {told:?}");
        }
    }
}
