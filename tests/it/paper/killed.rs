//! The daemon dies around the receipt.

use yibaod::api::{PaperProof, PaperState};

use super::during::{assert_next_is_apart, until_in_the_middle};
use super::{assert_told, impatient, pay};
use crate::desk::{Desk, Setup, without_paper};

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_the_receipt_is_being_printed() {
    let mut desk = Desk::start(impatient()).await;
    desk.printer.paper_out_after(500);
    let answer = pay(&desk, "killed").await;
    assert_told(
        &desk,
        &answer,
        PaperState::Queued,
        PaperProof::Unspecified,
        "",
    );
    until_in_the_middle(&desk).await;
    desk.kill();
    desk.printer.refill();
    desk.start_daemon().await;

    let unknown = desk.until_paper("killed", PaperState::Unknown).await;
    let why = "PRINT_NOT_PROVEN";
    assert_told(
        &desk,
        &unknown,
        PaperState::Unknown,
        PaperProof::Unspecified,
        why,
    );
    assert_eq!(without_paper(&unknown), without_paper(&answer));
    assert_eq!(
        desk.papers_in_the_end().await.len(),
        1,
        "what the printer held, and no second"
    );
    let asked = desk.printer.counters().process_ids;
    assert!(asked <= 1, "the receipt went out {asked} times");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_and_the_next_receipt_is_apart() {
    let mut desk = Desk::start(impatient()).await;
    desk.printer.paper_out_after(500);
    let half = pay(&desk, "half").await;
    until_in_the_middle(&desk).await;
    desk.kill();
    // What the printer held is lost.
    desk.printer.off();
    desk.printer.on();
    desk.printer.refill();
    desk.start_daemon().await;
    desk.until_paper("half", PaperState::Unknown).await;
    pay(&desk, "next").await;
    let next = desk.until_paper("next", PaperState::Printed).await;
    assert_next_is_apart(&desk, &half, &next).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_the_print_intent() {
    let mut desk = Desk::start(impatient()).await;
    desk.printer.paper_out_after(0);
    let answer = pay(&desk, "before").await;
    assert_told(
        &desk,
        &answer,
        PaperState::Queued,
        PaperProof::Unspecified,
        "",
    );
    desk.kill();
    desk.printer.refill();
    desk.start_daemon().await;
    let printed = desk.until_paper("before", PaperState::Printed).await;
    assert_told(
        &desk,
        &printed,
        PaperState::Printed,
        PaperProof::ProcessId,
        "",
    );
    assert_eq!(without_paper(&printed), without_paper(&answer));
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_receipt_prints_nothing_more() {
    let mut desk = Desk::start(Setup::default()).await;
    let answer = pay(&desk, "after").await;
    assert_told(
        &desk,
        &answer,
        PaperState::Printed,
        PaperProof::ProcessId,
        "",
    );
    desk.until_idle().await;
    desk.kill();
    desk.start_daemon().await;
    assert_eq!(desk.get("after").await, Some(answer));
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_while_the_receipt_waits_for_paper() {
    let mut desk = Desk::start(impatient()).await;
    desk.printer.paper_out_after(0);
    let answer = pay(&desk, "stopped").await;
    assert_told(
        &desk,
        &answer,
        PaperState::Queued,
        PaperProof::Unspecified,
        "",
    );
    desk.stop().await;
    desk.printer.refill();
    desk.start_daemon().await;
    let printed = desk.until_paper("stopped", PaperState::Printed).await;
    assert_told(
        &desk,
        &printed,
        PaperState::Printed,
        PaperProof::ProcessId,
        "",
    );
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}
