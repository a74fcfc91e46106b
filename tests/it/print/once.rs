//! The life of a job that nothing befalls, and of those that wait.

use yibaod::api::print_request::Content;
use yibaod::api::{
    CancelJobRequest, PaperProof, PrintCancelVerdict, PrintJobState as State, PrintRequest,
    WatchJobRequest, cancel_job_request, watch_job_request,
};

use super::{client, hasty, job, print, request, until, until_state, why};
use crate::desk::{Desk, Setup, eventually, refusal};

#[tokio::test(flavor = "multi_thread")]
async fn the_same_id_prints_once() {
    let desk = Desk::start(Setup::default()).await;
    let first = print(&desk, request("once", &["合计 12.50"])).await;
    let first = first.expect("it is taken");
    assert_eq!(
        (first.state(), first.proof(), first.title.as_str()),
        (State::Printed, PaperProof::ProcessId, "小票")
    );
    let again = print(&desk, request("once", &["合计 12.50"])).await;
    assert_eq!(again.expect("repeated"), first);
    let other = print(&desk, request("once", &["合计 12.51"])).await;
    let other = refusal(&other.expect_err("another body"));
    assert_eq!(other.name, "REQUEST_ID_OTHER_BODY");
    assert_eq!(other.fields, "content");
    let papers = desk.papers_in_the_end().await;
    assert_eq!(papers.len(), 1);
    assert!(papers[0].text().contains("合计 12.50"));
    assert_eq!(desk.printer.errors(), vec![]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_with_one_id_print_once_and_keep_it_over_a_restart() {
    let mut desk = Desk::start(Setup::default()).await;
    let calls = (0..8).map(|_| print(&desk, request("all", &["一张"])));
    let answers = futures_util::future::join_all(calls).await;
    let first = answers[0].as_ref().expect("it is taken").clone();
    for answer in answers {
        assert_eq!(answer.expect("joined"), first);
    }
    desk.kill();
    desk.start_daemon().await;
    let again = print(&desk, request("all", &["一张"])).await;
    assert_eq!(again.expect("repeated"), first);
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_wait_for_paper_in_their_order() {
    let mut desk = Desk::start(Setup::default()).await;
    desk.printer.paper_out_after(0);
    for id in ["a", "b", "c"] {
        let told = print(&desk, hasty(id, &[&format!("第{id}张")])).await;
        assert_eq!(told.expect("it is taken").state(), State::Waiting);
    }
    until(&desk, "a", |job| why(job) == "PAPER_OUT").await;
    until(&desk, "c", |job| job.before == 2).await;
    // They wait through the death of the daemon too.
    desk.kill();
    desk.start_daemon().await;
    until(&desk, "c", |job| job.before == 2).await;
    desk.printer.refill();
    for id in ["a", "b", "c"] {
        until_state(&desk, id, State::Printed).await;
    }
    let papers = desk.papers_in_the_end().await;
    let texts: Vec<String> = papers.iter().map(|paper| paper.text()).collect();
    assert_eq!(texts.len(), 3);
    for (text, id) in texts.iter().zip(["a", "b", "c"]) {
        assert!(text.contains(&format!("第{id}张")), "{texts:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_waited_for_is_not_printed_later() {
    let desk = Desk::start(Setup::default()).await;
    desk.printer.paper_out_after(0);
    let impatient = PrintRequest {
        wait_ms: Some(0),
        ..request("now", &["一张"])
    };
    let told = print(&desk, impatient).await.expect("it is taken");
    assert_eq!((told.state(), why(&told)), (State::NotPrinted, "PAPER_OUT"));
    desk.printer.refill();
    assert_eq!(desk.papers_in_the_end().await.len(), 0);
}

/// What is answered to a wish to call it off.
async fn cancel(desk: &Desk, id: &str) -> (PrintCancelVerdict, State) {
    let key = cancel_job_request::Key::RequestId(id.to_owned());
    let answer = client(desk)
        .await
        .cancel_job(CancelJobRequest { key: Some(key) })
        .await;
    let answer = answer.expect("a verdict").into_inner();
    (answer.verdict(), answer.job.expect("what is true").state())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_called_off_before_its_first_byte_only() {
    let desk = Desk::start(Setup::default()).await;
    let cancel = async |id: &str| cancel(&desk, id).await;
    desk.printer.paper_out_after(0);
    for id in ["first", "behind"] {
        print(&desk, hasty(id, &["一张"])).await.expect("taken");
    }
    let cancelled = (PrintCancelVerdict::Cancelled, State::Cancelled);
    assert_eq!(cancel("behind").await, cancelled);
    assert_eq!(cancel("first").await, cancelled);
    assert_eq!(cancel("first").await, cancelled, "the same again");
    desk.printer.refill();
    print(&desk, request("printed", &["二张"]))
        .await
        .expect("taken");
    let over = (PrintCancelVerdict::Over, State::Printed);
    assert_eq!(cancel("printed").await, over);
    // In the middle it is too late.
    desk.printer.paper_out_after(40);
    let long = ["长长的一行"; 20];
    print(&desk, hasty("middle", &long)).await.expect("taken");
    until_state(&desk, "middle", State::Printing).await;
    let printing = (PrintCancelVerdict::Printing, State::Printing);
    assert_eq!(cancel("middle").await, printing);
    desk.printer.refill();
    until_state(&desk, "middle", State::Printed).await;
    let papers = desk.papers_in_the_end().await;
    assert_eq!(papers.len(), 2, "what was called off never came");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_sees_it_to_its_end() {
    let desk = Desk::start(Setup::default()).await;
    desk.printer.paper_out_after(0);
    print(&desk, hasty("seen", &["一张"])).await.expect("taken");
    until(&desk, "seen", |job| why(job) == "PAPER_OUT").await;
    let key = watch_job_request::Key::RequestId("seen".to_owned());
    let watched = client(&desk)
        .await
        .watch_job(WatchJobRequest { key: Some(key) })
        .await;
    let mut watched = watched.expect("a stream").into_inner();
    let mut states = Vec::new();
    while let Some(news) = watched.message().await.expect("it goes on") {
        states.push(news.job.expect("what is true").state());
        if states.len() == 1 {
            desk.printer.refill();
        }
    }
    assert_eq!(states.first(), Some(&State::Waiting));
    assert_eq!(states.last(), Some(&State::Printed));
    assert_eq!(job(&desk, "seen").await.state(), State::Printed);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_of_the_callers_own_go_out_as_they_are() {
    let desk = Desk::start(Setup::default()).await;
    let raw = b"\x1c&\xd2\xbd\xb1\xa3 RAW\n\x1dVB\x00".to_vec();
    let wish = PrintRequest {
        content: Some(Content::Raw(raw)),
        ..request("raw", &[])
    };
    let told = print(&desk, wish).await.expect("it is taken");
    assert_eq!(told.state(), State::Printed);
    let papers = desk.papers_in_the_end().await;
    assert_eq!(papers.len(), 1);
    assert!(papers[0].text().contains("医保 RAW"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_request_is_named() {
    let desk = Desk::start(Setup::default()).await;
    let unknown = PrintRequest {
        role: "report".to_owned(),
        ..request("r", &["一张"])
    };
    let refused = print(&desk, unknown).await.expect_err("no such printer");
    assert_eq!(refusal(&refused).name, "DEVICE_UNKNOWN");
    let empty = print(&desk, request("e", &[""])).await;
    let refused = refusal(&empty.expect_err("no text"));
    assert_eq!(refused.fields, "document.blocks[0].text.text");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_called_off_while_the_daemon_stops() {
    let mut desk = Desk::start(Setup::default()).await;
    // One is in the middle of its paper: the daemon waits for it.
    desk.printer.paper_out_after(40);
    let long = ["长长的一行"; 20];
    print(&desk, hasty("middle", &long)).await.expect("taken");
    until(&desk, "middle", |job| job.state() == State::Printing).await;
    print(&desk, hasty("behind", &["一张"]))
        .await
        .expect("taken");
    desk.ask_to_stop();
    let parked = async || (desk.log().contains("left to the next process")).then_some(());
    eventually(parked).await.expect("it rests");
    let cancelled = (PrintCancelVerdict::Cancelled, State::Cancelled);
    assert_eq!(cancel(&desk, "behind").await, cancelled);
    desk.printer.refill();
    assert!(
        desk.wait_until_ended(std::time::Duration::from_secs(30))
            .await
    );
    desk.start_daemon().await;
    assert_eq!(job(&desk, "behind").await.state(), State::Cancelled);
    assert_eq!(job(&desk, "middle").await.state(), State::Printed);
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_its_turn_is_told_why() {
    let desk = Desk::start(Setup::default()).await;
    let now = |id: &str| PrintRequest {
        wait_ms: Some(0),
        ..request(id, &["一张"])
    };
    desk.printer.paper_out_after(0);
    print(&desk, hasty("waits", &["一张"]))
        .await
        .expect("taken");
    until(&desk, "waits", |job| why(job) == "PAPER_OUT").await;
    let told = print(&desk, now("behind")).await.expect("taken");
    assert_eq!((told.state(), why(&told)), (State::NotPrinted, "PAPER_OUT"));
    desk.printer.refill();
    until_state(&desk, "waits", State::Printed).await;
    desk.printer.pace(Some(200));
    print(&desk, hasty("slow", &["长长的一行"; 60]))
        .await
        .expect("taken");
    until_state(&desk, "slow", State::Printing).await;
    let told = print(&desk, now("hurried")).await.expect("taken");
    assert_eq!(
        (told.state(), why(&told)),
        (State::NotPrinted, "PRINTER_BUSY")
    );
    desk.printer.pace(None);
    until_state(&desk, "slow", State::Printed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_jobs_than_are_kept_are_not_taken() {
    let desk = Desk::start(Setup::default()).await;
    desk.printer.paper_out_after(0);
    for count in 0..256 {
        print(&desk, hasty(&format!("job-{count}"), &["一张"]))
            .await
            .expect("taken");
    }
    let refused = print(&desk, hasty("more", &["一张"])).await;
    let refused = refusal(&refused.expect_err("too many"));
    assert_eq!(refused.name, "TOO_MANY_CALLS");
    let known = print(&desk, hasty("job-0", &["一张"])).await;
    assert_eq!(known.expect("joined").state(), State::Waiting);
}
