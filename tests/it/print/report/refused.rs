//! Reports that a print service or printer turns away: told why, tried again only where that can help, and never in
//! the way of others.

use yibaod::api::print_request::Content;
use yibaod::api::{PrintJobState as State, PrintRequest, PutDocumentRequest};
use yibaod::sandbox::devices::report::{ReportPrinter, TurnAway};

use super::{Cups, client, hasty, job, pdf, print, report, setup, until, until_state, why};
use crate::desk::{Desk, Setup};

const PIECE: usize = 1_048_576;
/// Only documents so long are turned away where others are to be taken.
const LONG: usize = 1_000_000;

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

/// Puts it in pieces; a request for it, as `large`.
async fn put_in_pieces(desk: &Desk, pdf: &[u8]) -> PrintRequest {
    let mut offset = 0;
    for piece in pdf.chunks(PIECE) {
        let request = PutDocumentRequest {
            upload_id: "large".to_owned(),
            offset: u32::try_from(offset).expect("it is below"),
            data: piece.to_vec(),
            last: offset + piece.len() == pdf.len(),
        };
        let put = client(desk).await.put_document(request).await;
        put.expect("it is taken");
        offset += piece.len();
    }
    PrintRequest {
        content: Some(Content::StoredDocument("large".to_owned())),
        answer_wait_ms: 120_000,
        ..report("large", b"")
    }
}

/// The longest that is taken, but for some bytes.
fn nearly_32_mib() -> Vec<u8> {
    let paper = pdf(3, "Long", 32 * PIECE - 4_096);
    assert!((32 * PIECE - 4_096..=32 * PIECE).contains(&paper.len()));
    paper
}

#[tokio::test(flavor = "multi_thread")]
async fn nearly_32_mib_come_in_pieces_and_out_whole() {
    let (desk, reports) = desk().await;
    let paper = nearly_32_mib();
    let request = put_in_pieces(&desk, &paper).await;
    let told = print(&desk, request).await.expect("it is taken");
    assert_eq!((told.state(), told.pages), (State::Printed, 3), "{told:?}");
    assert!(reports.papers() == [paper], "it came out changed");
    assert_eq!(reports.jobs().len(), 1, "sent once");
}

#[tokio::test(flavor = "multi_thread")]
async fn nearly_32_mib_go_through_cups_too() {
    let cups = Cups::start();
    let desk = Desk::start(setup(&cups)).await;
    let paper = nearly_32_mib();
    let request = put_in_pieces(&desk, &paper).await;
    let told = print(&desk, request).await.expect("it is taken");
    assert_eq!((told.state(), told.pages), (State::Printed, 3), "{told:?}");
    assert!(cups.papers() == [paper], "it came out changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_over_the_limit_of_cups_ends_at_once_and_the_next_is_printed() {
    let mut cups = Cups::start();
    cups.kill_cupsd();
    let conf = cups.path("cupsd.conf");
    let text = std::fs::read_to_string(&conf).expect("it is written");
    std::fs::write(&conf, format!("LimitRequestBody 1m\n{text}")).expect("its folder");
    cups.start_cupsd();
    let desk = Desk::start(setup(&cups)).await;
    let long = PrintRequest {
        answer_wait_ms: 0,
        ..put_in_pieces(&desk, &pdf(1, "Long", 8 * PIECE)).await
    };
    print(&desk, long).await.expect("taken");
    let next = pdf(1, "Next", 0);
    let told = print(&desk, report("next", &next)).await.expect("taken");
    assert_eq!(told.state(), State::Printed, "{told:?}");
    let long = until_state(&desk, "large", State::NotPrinted).await;
    let error = long.error.as_ref().expect("why");
    assert_eq!(
        (error.code.as_str(), error.name.as_str()),
        ("E3075", "QUEUE_OVER_LIMIT")
    );
    assert!(error.meaning_zh.contains("大小上限") && !error.meaning_zh.contains("没有运行"));
    assert_eq!(cups.papers(), [next]);
    assert_eq!(cups.open_jobs(), Vec::<String>::new(), "nothing is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_for_good_ends_at_once_with_its_reason() {
    let (desk, reports) = desk().await;
    for (at, (how, expected)) in [
        (TurnAway::Http(413), "QUEUE_OVER_LIMIT"),
        (TurnAway::Http(400), "QUEUE_REFUSED"),
        (TurnAway::Http(403), "QUEUE_FORBIDDEN"),
        (TurnAway::Ipp(0x0408), "QUEUE_OVER_LIMIT"),
        (TurnAway::Ipp(0x0400), "QUEUE_REFUSED"),
        (TurnAway::Ipp(0x0411), "QUEUE_REFUSED"),
        (TurnAway::Ipp(0x040A), "QUEUE_UNSUITABLE"),
    ]
    .into_iter()
    .enumerate()
    {
        reports.turn_away(how, 0, 1);
        let id = |what: &str| format!("{what}-{at}");
        // It may wait as long as the default: it does not.
        let told = print(&desk, report(&id("no"), &pdf(1, "No", 0)))
            .await
            .expect("taken");
        assert_eq!(
            (told.state(), why(&told)),
            (State::NotPrinted, expected),
            "{how:?}"
        );
        let next = print(&desk, report(&id("next"), &pdf(1, "Next", 0))).await;
        assert_eq!(next.expect("taken").state(), State::Printed, "{how:?}");
        assert_eq!(reports.papers().len(), at + 1);
    }
    assert_eq!(reports.jobs().len(), 14, "each was tried once");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_pass_is_tried_again_and_lets_others_go_first() {
    let (desk, reports) = desk().await;
    for (at, (how, expected)) in [
        (TurnAway::Http(503), "QUEUE_BUSY"),
        (TurnAway::Ipp(0x0507), "QUEUE_BUSY"),
        (TurnAway::CutOff, "QUEUE_BROKE_OFF"),
    ]
    .into_iter()
    .enumerate()
    {
        reports.turn_away(how, LONG, u32::MAX);
        let (first, other) = (format!("first-{at}"), format!("other-{at}"));
        let paper = pdf(1, &first, LONG);
        print(&desk, hasty(&first, &paper)).await.expect("taken");
        until(&desk, &first, |job| why(job) == expected).await;
        let told = print(&desk, report(&other, &pdf(1, &other, 0))).await;
        assert_eq!(told.expect("taken").state(), State::Printed, "{how:?}");
        until(&desk, &first, |job| why(job) == expected).await;
        reports.take_all();
        until_state(&desk, &first, State::Printed).await;
        let papers = reports.papers();
        assert_eq!(papers.len(), 2 * (at + 1), "{how:?}");
        assert!(papers.last() == Some(&paper), "{how:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_never_passes_ends_in_its_time_and_with_its_reason() {
    let (desk, reports) = desk().await;
    reports.turn_away(TurnAway::Http(503), 0, u32::MAX);
    let busy = PrintRequest {
        wait_ms: Some(2_500),
        ..report("busy", &pdf(1, "Busy", 0))
    };
    let told = print(&desk, busy).await.expect("taken");
    assert_eq!(
        (told.state(), why(&told)),
        (State::NotPrinted, "QUEUE_BUSY"),
        "{told:?}"
    );
    // At 0 and 1 s, and not at 3: each rest is twice the one before.
    let tried = reports.jobs().len();
    assert!((1..=2).contains(&tried), "tried {tried} times");
    assert!(reports.papers().is_empty());
    // Whoever rests can be called off, and nothing is printed of it afterwards.
    print(&desk, hasty("called-off", &pdf(1, "Off", 0)))
        .await
        .expect("taken");
    until(&desk, "called-off", |job| why(job) == "QUEUE_BUSY").await;
    let key = yibaod::api::cancel_job_request::Key::RequestId("called-off".to_owned());
    let request = yibaod::api::CancelJobRequest { key: Some(key) };
    let answer = client(&desk).await.cancel_job(request).await;
    answer.expect("a verdict");
    until_state(&desk, "called-off", State::Cancelled).await;
    reports.take_all();
    let next = print(&desk, report("next", &pdf(1, "Next", 0))).await;
    assert_eq!(next.expect("taken").state(), State::Printed);
    assert_eq!(job(&desk, "called-off").await.state(), State::Cancelled);
    assert_eq!(reports.papers().len(), 1);
}
