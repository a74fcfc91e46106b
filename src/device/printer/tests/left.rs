//! What a job left open in its printer, and what ends it.

use super::{BY_NUMBER, BY_STATUS, Desk, config, paper_of, soon, within};
use crate::book::Code;
use crate::config::devices::{At, Kind};
use crate::device::Hub;
use crate::device::far_end::FarPrinter;
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
    let printer = FarPrinter::on_tcp().await;
    let kind = Kind::EscPosTcp {
        address: printer.address.clone(),
    };
    let roles = ["receipt".to_owned()].into();
    let hub = Hub::start_with(vec![config(kind, "epson-tm-80")], 1, &roles);
    let desk = Desk { hub, printer };
    // Nothing shows that the printer has seen it until it answers.
    desk.printer.far().answers_status = false;
    let missing = PrintOutcome::NotPrinted {
        code: Code::PrinterMissing,
    };
    assert_eq!(desk.print().await, missing);
    desk.printer.far().answers_status = true;
    assert_eq!(desk.print().await, BY_NUMBER);
    let paper = desk.printer.far().paper.clone();
    assert!(paper.starts_with(NULS));
    assert!(paper.ends_with(&paper_of("epson-tm-80")));
    // Before the fence, and once.
    assert_eq!((times(NULS, &paper), times(CUT, &paper)), (2, 2));
    // From here on nothing is open.
    assert_eq!(desk.print().await, BY_NUMBER);
    let paper = desk.printer.far().paper.clone();
    assert_eq!((times(NULS, &paper), times(CUT, &paper)), (2, 3));
}

#[tokio::test]
async fn bytes_of_a_callers_own_prove_nothing_by_what_they_ask() {
    let raw = Content::Raw(b"raw\n\x1dr\x01".to_vec());
    let print_raw = async |desk: &Desk| {
        let never = std::future::pending();
        (desk.hub)
            .print_content("receipt", "raw", &raw, soon(), never)
            .await
    };
    let desk = Desk::on_tcp("generic-80").await;
    let outcome = print_raw(&desk).await;
    let code = Code::PrintNotProven;
    assert!(
        matches!(outcome, PrintOutcome::Unknown { code: it, .. } if it == code),
        "{outcome:?}"
    );
    // What they may have left open is ended; no paper is spent for it, and the next proof is the next paper's own.
    assert_eq!(desk.print().await, BY_STATUS);
    let paper = desk.printer.far().paper.clone();
    assert_eq!((times(NULS, &paper), times(CUT, &paper)), (1, 1));
    assert!(paper.ends_with(&paper_of("generic-80")));

    let desk = Desk::on_tcp("epson-tm-80").await;
    assert_eq!(print_raw(&desk).await, BY_NUMBER);
    desk.printer.far().answers_process = false;
    let within = within(4_000);
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
    };
    let ninety_kb_s = place.byte_ns() * 90_000 / 1_000_000_000;
    assert!((94..200).contains(&ninety_kb_s), "{ninety_kb_s}");
}
