//! The life of a report with its queue, and what befalls the two.

use yibaod::api::print_request::Content;
use yibaod::api::{
    CancelJobRequest, DeviceState, GetJobRequest, PaperProof, PrintCancelVerdict as Verdict,
    PrintJobState as State, PrintRequest, ReprintRequest, cancel_job_request, get_job_request,
    reprint_request,
};
use yibaod::api::{Operator, OperatorKind};

use super::cups::QUEUE;
use super::{
    Cups, client, desk, device, hasty, job, pdf, print, report, until, until_device, until_state,
    why,
};
use crate::desk::{Desk, Setup, eventually, refusal};

async fn cancel(desk: &Desk, id: &str) -> (Verdict, State) {
    let key = cancel_job_request::Key::RequestId(id.to_owned());
    let mut client = client(desk).await;
    let answer = client.cancel_job(CancelJobRequest { key: Some(key) }).await;
    let answer = answer.expect("a verdict").into_inner();
    (answer.verdict(), answer.job.expect("what is true").state())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_arrives_byte_for_byte_and_once() {
    let (desk, cups) = desk().await;
    let ready = until_device(&desk, DeviceState::Ready).await;
    assert_eq!(ready.kind, "cups-queue");
    let paper = pdf(3, "Report", 0);
    let told = print(&desk, report("r", &paper))
        .await
        .expect("it is taken");
    assert_eq!(
        (told.state(), told.proof()),
        (State::Printed, PaperProof::QueueFinished),
        "{told:?}"
    );
    assert_eq!((told.role.as_str(), told.pages), ("report", 3));
    let again = print(&desk, report("r", &paper)).await.expect("repeated");
    assert_eq!(again, told);
    let other = print(&desk, report("r", &pdf(1, "Other", 0))).await;
    assert_eq!(
        refusal(&other.expect_err("another body")).name,
        "REQUEST_ID_OTHER_BODY"
    );
    assert_eq!(cups.papers(), [paper]);
    assert_eq!(
        device(&desk).await.counters.expect("counted").jobs_proven,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_printer_that_speaks_ipp_itself_needs_no_cups() {
    let cups = Cups::start();
    let setup = Setup {
        config_more: cups.printer_device(),
        ..Setup::default()
    };
    let desk = Desk::start(setup).await;
    let paper = pdf(2, "Direct", 0);
    let told = print(&desk, report("r", &paper))
        .await
        .expect("it is taken");
    assert_eq!(told.state(), State::Printed, "{told:?}");
    assert_eq!(cups.papers(), [paper]);
    assert_eq!(device(&desk).await.kind, "ipp-printer");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_document_is_one_paper_however_often_the_button_is_pressed() {
    let (mut desk, cups) = desk().await;
    let paper = pdf(1, "Once", 0);
    let press = |n: usize| PrintRequest {
        document_id: "LIS-20261122-0007.v1".to_owned(),
        ..report(&format!("press-{n}"), &paper)
    };
    let first = PrintRequest {
        document_id: "LIS-20261122-0007.v1".to_owned(),
        ..report("press-first", &paper)
    };
    let calls = (0..10).map(|n| print(&desk, press(n)));
    let answers = futures_util::future::join_all(calls).await;
    let told: Vec<_> = answers
        .into_iter()
        .map(|it| it.expect("answered"))
        .collect();
    assert!(told.iter().all(|it| it == &told[0]), "{told:?}");
    assert_eq!(told[0].state(), State::Printed);
    assert_eq!(told[0].document_id, "LIS-20261122-0007.v1");
    // Nor after a restart.
    desk.kill();
    desk.start_daemon().await;
    let later = print(&desk, first).await.expect("answered");
    assert_eq!(later, told[0]);
    assert_eq!(cups.papers(), [paper]);
    // Whoever knows the document finds its job.
    let key = get_job_request::Key::DocumentId("LIS-20261122-0007.v1".to_owned());
    let asked = GetJobRequest { key: Some(key) };
    let found = client(&desk).await.get_job(asked).await;
    let found = found.expect("it is known").into_inner().job;
    assert_eq!(found.as_ref(), Some(&told[0]));
    // Only who says why gets another.
    let copy = ReprintRequest {
        request_id: "copy".to_owned(),
        of: Some(reprint_request::Of::JobId(later.job_id.clone())),
        operator: Some(Operator {
            id: "007".to_owned(),
            name: "甲".to_owned(),
            kind: OperatorKind::Staff.into(),
        }),
        reason: "卡纸".to_owned(),
        wait_ms: None,
        answer_wait_ms: super::ANSWER_WAIT_MS,
    };
    let copy = client(&desk).await.reprint(copy).await.expect("taken");
    let copy = copy.into_inner().job.expect("what is true");
    assert_eq!((copy.state(), copy.copy), (State::Printed, 1), "{copy:?}");
    let papers = cups.papers();
    assert_eq!(papers.len(), 2);
    assert_eq!(papers[0], papers[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_content_under_the_same_document_id_is_refused() {
    let (mut desk, cups) = desk().await;
    let named = |request_id: &str, pdf: &[u8]| PrintRequest {
        document_id: "LIS-7".to_owned(),
        ..report(request_id, pdf)
    };
    let (paper, other) = (pdf(1, "First", 0), pdf(1, "Other", 0));
    cups.hold();
    let running = PrintRequest {
        answer_wait_ms: 0,
        ..named("first", &paper)
    };
    let first = print(&desk, running).await.expect("taken");
    let check = async |desk: &Desk, when: &str| {
        let id = |what: &str| format!("{what}-{when}");
        let refused = print(desk, named(&id("other"), &other)).await;
        let refused = refusal(&refused.expect_err("it differs"));
        assert_eq!(refused.name, "DOCUMENT_DIFFERS", "{when}");
        assert_eq!(refused.fields, "document_id");
        // Put before, or as one of several, it is no less another one.
        let put = yibaod::api::PutDocumentRequest {
            upload_id: id("up"),
            offset: 0,
            data: other.clone(),
            last: true,
        };
        client(desk).await.put_document(put).await.expect("taken");
        let stored = PrintRequest {
            content: Some(Content::StoredDocument(id("up"))),
            ..named(&id("stored"), b"")
        };
        let refused = print(desk, stored).await.expect_err("it differs");
        assert_eq!(refusal(&refused).name, "DOCUMENT_DIFFERS", "{when}");
        let batch = yibaod::api::PrintBatchRequest {
            request_id: id("batch"),
            documents: vec![yibaod::api::PrintBatchDocument {
                content: Some(yibaod::api::print_batch_document::Content::Pdf(
                    other.clone(),
                )),
                document_id: "LIS-7".to_owned(),
                title: String::new(),
            }],
            answer_wait_ms: 0,
            ..yibaod::api::PrintBatchRequest::default()
        };
        let batch = client(desk).await.print_batch(batch).await;
        let item = batch.expect("answered").into_inner().items.remove(0);
        assert_eq!(item.error.expect("why").name, "DOCUMENT_DIFFERS", "{when}");
        // The same one is answered.
        let again = PrintRequest {
            answer_wait_ms: 0,
            ..named(&id("again"), &paper)
        };
        let again = print(desk, again).await.expect("answered");
        assert_eq!(again.job_id, first.job_id, "{when}");
    };
    check(&desk, "running").await;
    cups.release();
    until_state(&desk, "first", State::Printed).await;
    check(&desk, "printed").await;
    desk.kill();
    desk.start_daemon().await;
    check(&desk, "restarted").await;
    assert_eq!(cups.papers(), [paper]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_printed_may_be_mended_under_its_document_id() {
    let (desk, cups) = desk().await;
    let other = pdf(1, "Other", 0);
    cups.run("cupsreject", &[QUEUE]);
    let lost = PrintRequest {
        document_id: "LIS-8".to_owned(),
        wait_ms: Some(0),
        ..report("lost", &other)
    };
    let told = print(&desk, lost).await.expect("taken");
    assert_eq!(told.state(), State::NotPrinted);
    cups.run("cupsaccept", &[QUEUE]);
    let mended = PrintRequest {
        document_id: "LIS-8".to_owned(),
        ..report("mended", &pdf(1, "Mended", 0))
    };
    let told = print(&desk, mended).await.expect("taken");
    assert_eq!(told.state(), State::Printed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_queue_is_waited_for() {
    let (desk, cups) = desk().await;
    cups.run("cupsdisable", &[QUEUE]);
    print(&desk, hasty("a", &pdf(1, "A", 0)))
        .await
        .expect("taken");
    print(&desk, hasty("b", &pdf(1, "B", 0)))
        .await
        .expect("taken");
    let waits = until(&desk, "a", |job| why(job) == "QUEUE_STOPPED").await;
    assert_eq!(waits.state(), State::Waiting);
    until(&desk, "b", |job| job.before == 1).await;
    let shown = until_device(&desk, DeviceState::Fault).await;
    assert_eq!(shown.problem.expect("why").name, "QUEUE_STOPPED");
    assert_eq!(
        cups.open_jobs(),
        Vec::<String>::new(),
        "nothing is given to a queue that is stopped"
    );
    assert_eq!(
        cancel(&desk, "b").await,
        (Verdict::Cancelled, State::Cancelled)
    );
    cups.run("cupsenable", &[QUEUE]);
    until_state(&desk, "a", State::Printed).await;
    cups.run("cupsreject", &[QUEUE]);
    let now = PrintRequest {
        wait_ms: Some(0),
        ..report("now", &pdf(1, "C", 0))
    };
    let now = print(&desk, now).await.expect("taken");
    assert_eq!(
        (now.state(), why(&now)),
        (State::NotPrinted, "QUEUE_NOT_ACCEPTING")
    );
    assert_eq!(cups.papers().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_printer_out_of_paper_says_so_and_goes_on() {
    let (desk, cups) = desk().await;
    cups.hold();
    print(&desk, hasty("out", &pdf(2, "Out", 0)))
        .await
        .expect("taken");
    let at_work = until_state(&desk, "out", State::Printing).await;
    assert!(at_work.queue_job > 0);
    cups.says("+media-empty-error");
    let out = until(&desk, "out", |job| why(job) == "PAPER_OUT").await;
    assert_eq!(out.state(), State::Printing);
    let error = out.error.expect("why");
    assert!(error.meaning_zh.contains('纸') && !error.action_en.is_empty());
    cups.says("-media-empty-error,media-empty-warning");
    until(&desk, "out", |job| why(job) != "PAPER_OUT").await;
    cups.release();
    let done = until_state(&desk, "out", State::Printed).await;
    assert_eq!(done.proof(), PaperProof::QueueFinished);
    assert_eq!(cups.papers().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cancelled_is_cancelled_in_the_queue_too() {
    let (desk, cups) = desk().await;
    cups.hold();
    print(&desk, hasty("begun", &pdf(1, "A", 0)))
        .await
        .expect("taken");
    print(&desk, hasty("next", &pdf(1, "B", 0)))
        .await
        .expect("taken");
    until_state(&desk, "begun", State::Printing).await;
    assert_eq!(
        cancel(&desk, "next").await,
        (Verdict::Cancelled, State::Cancelled)
    );
    // A part of it may be out.
    cancel(&desk, "begun").await;
    let begun = until_state(&desk, "begun", State::Unknown).await;
    assert_eq!(why(&begun), "QUEUE_CANCELLED");
    assert_eq!(cups.open_jobs(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_others_hold_or_cancel_is_told() {
    let (desk, cups) = desk().await;
    // Somebody else's job is at the printer: ours waits in the queue.
    cups.hold();
    let own = cups.path("own.pdf");
    std::fs::write(&own, pdf(1, "Own", 0)).expect("its folder");
    cups.run("lp", &["-d", QUEUE, &own.display().to_string()]);
    print(&desk, hasty("ours", &pdf(1, "Ours", 0)))
        .await
        .expect("taken");
    let queued = until(&desk, "ours", |job| job.queue_job > 0).await;
    assert_eq!(queued.state(), State::Waiting);
    let number = format!("{QUEUE}-{}", queued.queue_job);
    cups.run("lp", &["-i", &number, "-H", "hold"]);
    let held = until(&desk, "ours", |job| why(job) == "QUEUE_HELD").await;
    assert_eq!(held.state(), State::Waiting);
    cups.run("cancel", &[&number]);
    let gone = until_state(&desk, "ours", State::NotPrinted).await;
    assert_eq!(why(&gone), "QUEUE_CANCELLED");
    cups.release();
    // What was not printed may be asked for anew.
    let anew = print(&desk, report("anew", &pdf(1, "Ours", 0))).await;
    assert_eq!(anew.expect("taken").state(), State::Printed);
    assert_eq!(cups.papers().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_the_queue_forgot_is_unknown() {
    let (desk, cups) = desk().await;
    cups.hold();
    print(&desk, hasty("gone", &pdf(1, "A", 0)))
        .await
        .expect("taken");
    until_state(&desk, "gone", State::Printing).await;
    cups.run("cancel", &["-a", "-x", QUEUE]);
    let gone = until(&desk, "gone", |job| job.state() == State::Unknown).await;
    assert!(
        matches!(why(&gone), "QUEUE_LOST" | "QUEUE_CANCELLED"),
        "{gone:?}"
    );
    cups.release();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_pdf_or_for_another_printer_is_refused() {
    let (desk, _cups) = desk().await;
    let refused = async |request: PrintRequest| {
        let told = print(&desk, request).await;
        refusal(&told.expect_err("it is refused")).name
    };
    assert_eq!(refused(report("a", b"<html>")).await, "DOCUMENT_NOT_PDF");
    let whole = pdf(1, "A", 0);
    assert_eq!(
        refused(report("a", &whole[..whole.len() - 8])).await,
        "DOCUMENT_NOT_PDF"
    );
    let to_receipt = PrintRequest {
        role: "receipt".to_owned(),
        ..report("a", &whole)
    };
    assert_eq!(refused(to_receipt).await, "PRINTER_OTHER_KIND");
    let to_report = PrintRequest {
        role: "report".to_owned(),
        ..super::super::request("a", &["一张"])
    };
    assert_eq!(refused(to_report).await, "PRINTER_OTHER_KIND");
    let long = pdf(1, "A", 2_097_153);
    assert_eq!(refused(report("a", &long)).await, "DOCUMENT_TOO_LARGE");
    assert_eq!(job_count(&desk), 0, "nothing of it is kept");
}

/// Documents that are kept.
fn job_count(desk: &Desk) -> usize {
    std::fs::read_dir(desk.state_dir().join("documents"))
        .expect("its folder")
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_print_service_that_dies_and_comes_back_is_survived() {
    let (desk, mut cups) = desk().await;
    until_device(&desk, DeviceState::Ready).await;
    // Behind somebody else's job, so that ours has not begun.
    cups.run("lp", &["-d", QUEUE, "-H", "hold", "/etc/hostname"]);
    cups.kill_cupsd();
    let gone = until_device(&desk, DeviceState::Missing).await;
    assert_eq!(gone.problem.expect("why").name, "PRINT_SERVICE_MISSING");
    let paper = pdf(1, "Later", 0);
    print(&desk, hasty("later", &paper)).await.expect("taken");
    until(&desk, "later", |job| why(job) == "PRINT_SERVICE_MISSING").await;
    cups.start_cupsd();
    until_state(&desk, "later", State::Printed).await;
    // In the middle: CUPS would begin it anew.
    cups.hold();
    print(&desk, hasty("middle", &pdf(1, "Middle", 0)))
        .await
        .expect("taken");
    until_state(&desk, "middle", State::Printing).await;
    // CUPS says by the second when it began a job.
    let second = || {
        std::time::UNIX_EPOCH
            .elapsed()
            .expect("after 1970")
            .as_secs()
    };
    let began = second();
    eventually(async || (second() > began).then_some(()))
        .await
        .expect("time goes on");
    cups.kill_cupsd();
    until(&desk, "middle", |job| why(job) == "PRINT_SERVICE_MISSING").await;
    assert_eq!(job(&desk, "middle").await.state(), State::Printing);
    cups.start_cupsd();
    let middle = until(&desk, "middle", |job| !job.ended_at.is_empty()).await;
    assert_eq!(middle.state(), State::Unknown, "{middle:?}");
    cups.release();
    assert_eq!(cups.papers()[0], paper);
}
