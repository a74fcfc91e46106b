//! The printer is not ready before the receipt begins.

use yibaod::api::{Money, PaperProof, PaperState, PrintWish};
use yibaod::sandbox::devices::printer::Printer;

use super::{assert_told, impatient, pay, with_required_print};
use crate::desk::{Desk, Setup, Shows, bill, error_name, paper_of, without_paper};

/// Settled at once, queued; printed once when the trouble is over.
async fn queued_until(trouble: fn(&Printer), mended: fn(&Printer), why: &str) {
    let desk = Desk::start(impatient()).await;
    trouble(&desk.printer);
    let answer = pay(&desk, "queued").await;
    // The money's answer may come before the printer's; it says why, or nothing yet, and never anything else.
    let (state, _, told) = paper_of(&answer);
    assert_eq!(state, PaperState::Queued);
    assert!(told == why || told.is_empty(), "{told}");
    let told = desk.until("queued", |it| paper_of(it).2 == why).await;
    assert_told(
        &desk,
        &told,
        PaperState::Queued,
        PaperProof::Unspecified,
        why,
    );
    assert_eq!(desk.printer.papers().len(), 0);

    mended(&desk.printer);
    let printed = desk.until_paper("queued", PaperState::Printed).await;
    assert_told(
        &desk,
        &printed,
        PaperState::Printed,
        PaperProof::ProcessId,
        "",
    );
    assert_eq!(
        without_paper(&printed),
        without_paper(&answer),
        "the money's answer stays"
    );
    let papers = desk.papers_in_the_end().await;
    assert_eq!(papers.len(), 1);
    assert!(papers[0].text().contains(&answer.setl_id));

    let again = desk
        .scan_and_pay(bill(&desk, "queued"))
        .await
        .expect("repeated");
    assert_eq!(again, printed);
    assert_eq!(desk.received("2207"), 1);
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
    assert_eq!(desk.printer.errors(), vec![]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_paper_before_the_receipt() {
    queued_until(
        |printer| printer.paper_out_after(0),
        Printer::refill,
        "PAPER_OUT",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cover_open_before_the_receipt() {
    queued_until(Printer::open_cover, Printer::close_cover, "COVER_OPEN").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn printer_off_before_the_receipt() {
    queued_until(Printer::off, Printer::on, "PRINTER_MISSING").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_printer_before_the_receipt() {
    // Whether it is silent shows after the caller has its answer.
    queued_until(Printer::mute, Printer::speak, "").await;
}

/// Where paper is required, the printer is looked at before the patient is asked for anything.
async fn refused_before_anything(trouble: fn(&Printer), why: &str) {
    let desk = Desk::start(Setup::default()).await;
    trouble(&desk.printer);
    let answer = desk
        .scan_and_pay(with_required_print(&desk, "required"))
        .await
        .expect("taken");
    assert_eq!(answer.money(), Money::Refused, "{answer:?}");
    assert_eq!(error_name(&answer), why);
    assert_eq!(paper_of(&answer).0, PaperState::NotAsked);
    assert_eq!((desk.received("ec.query"), desk.received("2201")), (0, 0));
    desk.assert_nothing_charged();
    desk.until_idle().await;
    assert_eq!(desk.printer.papers().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn required_paper_is_out() {
    refused_before_anything(|printer| printer.paper_out_after(0), "PAPER_OUT").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn required_printer_has_its_cover_open() {
    refused_before_anything(Printer::open_cover, "COVER_OPEN").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn required_printer_is_off() {
    refused_before_anything(Printer::off, "PRINTER_MISSING").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn required_printer_is_not_configured() {
    let desk = Desk::start(Setup {
        no_printer: true,
        ..Setup::default()
    })
    .await;
    let answer = desk
        .scan_and_pay(with_required_print(&desk, "required"))
        .await
        .expect("taken");
    assert_eq!(
        (answer.money(), error_name(&answer)),
        (Money::Refused, "PRINTER_NOT_CONFIGURED")
    );
    assert_eq!(desk.received("2201"), 0);
    desk.assert_nothing_charged();
}

#[tokio::test(flavor = "multi_thread")]
async fn required_paper_that_is_there_is_printed_once() {
    let desk = Desk::start(Setup::default()).await;
    let request = with_required_print(&desk, "required");
    let answer = desk.pay(request, &[Shows::fresh("employee")]).await;
    assert_told(
        &desk,
        &answer,
        PaperState::Printed,
        PaperProof::ProcessId,
        "",
    );
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_printer_configured_is_said_at_once() {
    let setup = Setup {
        no_printer: true,
        print_wait_ms: 60_000,
        ..Setup::default()
    };
    let desk = Desk::start(setup).await;
    let answer = pay(&desk, "none").await;
    let why = "PRINTER_NOT_CONFIGURED";
    assert_told(
        &desk,
        &answer,
        PaperState::NotPrinted,
        PaperProof::Unspecified,
        why,
    );
    desk.until_idle().await;
    assert_eq!(desk.printer.counters().bytes, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_wants_paper() {
    let desk = Desk::start(Setup::default()).await;
    let mut request = bill(&desk, "no-paper");
    request.print = PrintWish::No.into();
    let answer = desk.pay(request, &[Shows::fresh("employee")]).await;
    assert_told(
        &desk,
        &answer,
        PaperState::NotAsked,
        PaperProof::Unspecified,
        "",
    );
    desk.until_idle().await;
    assert_eq!(desk.printer.counters().bytes, 0);
}
