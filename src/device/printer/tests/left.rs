//! What a job left open in its printer, and what ends it.

use std::time::Duration;

use super::OnTcp;
use crate::book::Code;
use crate::config::devices::{At, Flow, Kind};
use crate::device::Hub;
use crate::device::conformance::printer::{
    BY_NUMBER, BY_STATUS, Far as _, UNANSWERED, config, document, paper_of, print, print_within,
    within,
};
use crate::device::far_end::{FarPrinter, PATIENCE};
use crate::device::printer::{Place, PrintOutcome};
use crate::document::Content;

const NULS: &[u8] = &[0; 1_024];
/// The cut of a paper.
const CUT: &[u8] = &[0x1d, b'V', 66, 0];

fn times(what: &[u8], paper: &[u8]) -> usize {
    let mut rest = paper;
    let mut count = 0;
    while let Some(at) = rest.windows(what.len()).position(|it| it == what) {
        rest = &rest[at + what.len()..];
        count += 1;
    }
    count
}

#[tokio::test]
async fn what_an_earlier_process_left_open_is_ended_first() {
    let printer = FarPrinter::on_tcp("127.0.0.1:0").await;
    let address = printer.address.clone();
    let kind = Kind::EscPosTcp {
        address: address.clone(),
    };
    let roles = ["receipt".to_owned()].into();
    let hub = Hub::start_with(vec![config(kind, "epson-tm-80")], 1, &roles);
    let desk = OnTcp {
        hub,
        printer,
        address,
    };
    // Nothing shows that the printer has seen it until it answers.
    desk.printer.far().answers_status = false;
    let missing = PrintOutcome::NotPrinted {
        code: Code::PrinterMissing,
    };
    assert_eq!(print(&desk).await, missing);
    desk.printer.far().answers_status = true;
    assert_eq!(print(&desk).await, BY_NUMBER);
    let paper = desk.printer.far().paper.clone();
    assert!(paper.starts_with(NULS));
    assert!(paper.ends_with(&paper_of("epson-tm-80")));
    // Before the fence, and once.
    assert_eq!((times(NULS, &paper), times(CUT, &paper)), (2, 2));
    // From here on nothing is open.
    assert_eq!(print(&desk).await, BY_NUMBER);
    let paper = desk.printer.far().paper.clone();
    assert_eq!((times(NULS, &paper), times(CUT, &paper)), (2, 3));
}

/// The kernel or the printer may have held its end.
#[tokio::test]
async fn an_unproven_paper_whose_link_ended_is_parted_from_the_next() {
    let mut desk = OnTcp::on("generic-80").await;
    desk.printer.far().answers_queued = false;
    let outcome = print_within(&desk, UNANSWERED).await;
    assert!(matches!(outcome, PrintOutcome::Unknown { .. }));
    desk.off();
    let code = Code::PrinterMissing;
    assert_eq!(print(&desk).await, PrintOutcome::NotPrinted { code });
    desk.on_again().await;
    assert_eq!(print(&desk).await, BY_STATUS);
    let paper = desk.printer.far().paper.clone();
    assert!(paper.starts_with(NULS));
    assert!(paper.ends_with(&paper_of("generic-80")));
    assert_eq!((times(NULS, &paper), times(CUT, &paper)), (1, 2));
}

#[tokio::test]
async fn a_reload_forgets_neither_what_hangs_nor_what_is_owed() {
    let desk = OnTcp::on("generic-80").await;
    desk.printer.far().answers_queued = false;
    let outcome = print_within(&desk, UNANSWERED).await;
    assert!(matches!(outcome, PrintOutcome::Unknown { .. }));
    let first = desk.printer.far().paper.len();

    let kind = Kind::EscPosTcp {
        address: desk.address.clone(),
    };
    desk.hub.change_devices(vec![config(kind, "gbk-80")]);
    let within = within(UNANSWERED);
    let hub = desk.hub.clone();
    let slip = document();
    let printing = tokio::spawn(async move { hub.print("receipt", "b", &slip, within).await });
    let next = paper_of("gbk-80");
    desk.printer
        .until(|far| far.paper.ends_with(&next) && far.paper.len() > first)
        .await;
    // The first job's answer comes now.
    desk.printer.far().outbox.push(0);
    let outcome = printing.await.unwrap();
    assert!(
        matches!(outcome, PrintOutcome::Unknown { .. }),
        "{outcome:?}"
    );
    assert!(desk.printer.far().paper[first..].starts_with(NULS));
}

#[tokio::test]
async fn bytes_of_a_callers_own_prove_nothing_by_what_they_ask() {
    let raw = Content::Raw(b"raw\n\x1dr\x01".to_vec());
    let print_raw = async |desk: &OnTcp| {
        let never = std::future::pending();
        (desk.hub)
            .print_content("receipt", "raw", &raw, within(PATIENCE), never)
            .await
    };
    let desk = OnTcp::on("generic-80").await;
    let outcome = print_raw(&desk).await;
    let code = Code::PrintNotProven;
    assert!(
        matches!(outcome, PrintOutcome::Unknown { code: it, .. } if it == code),
        "{outcome:?}"
    );
    // What they may have left open is ended; no paper is spent for it, and the next proof is the next paper's own.
    assert_eq!(print(&desk).await, BY_STATUS);
    let paper = desk.printer.far().paper.clone();
    assert_eq!((times(NULS, &paper), times(CUT, &paper)), (1, 1));
    assert!(paper.ends_with(&paper_of("generic-80")));

    let desk = OnTcp::on("epson-tm-80").await;
    assert_eq!(print_raw(&desk).await, BY_NUMBER);
    desk.printer.far().answers_process = false;
    let within = within(Duration::from_millis(4_000));
    let never = std::future::pending();
    let outcome = (desk.hub)
        .print_content("receipt", "raw", &raw, within, never)
        .await;
    assert!(
        matches!(outcome, PrintOutcome::Unknown { code: it, .. } if it == code),
        "{outcome:?}"
    );
}

#[test]
fn a_long_paper_has_the_time_that_its_line_takes() {
    let place = Place::Serial {
        at: At::Path("/dev/ttyS0".into()),
        baud: 9_600,
        flow: Flow::None,
    };
    let ninety_kb_s = place.byte_ns() * 90_000 / 1_000_000_000;
    assert!((94..200).contains(&ninety_kb_s), "{ninety_kb_s}");
}
