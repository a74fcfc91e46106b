//! Which proof is told for which printer; no proof, no claim.

use yibaod::api::{PaperProof, PaperState};
use yibaod::sandbox::devices::printer::Options;

use super::{assert_told, desk_with, pay};
use crate::desk::{Desk, Setup};

#[tokio::test(flavor = "multi_thread")]
async fn printer_without_process_ids_proves_by_status() {
    let options = Options {
        process_ids: false,
        ..Options::default()
    };
    let desk = desk_with("generic-80", options, Setup::default()).await;
    let answer = pay(&desk, "status").await;
    assert_told(&desk, &answer, PaperState::Printed, PaperProof::Status, "");
    assert_eq!(
        desk.printer.counters().process_ids,
        0,
        "it is not asked for what it cannot"
    );
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
    assert_eq!(desk.printer.errors(), vec![]);
}

#[tokio::test(flavor = "multi_thread")]
async fn mute_printer_proves_nothing() {
    let desk = desk_with("mute-80", Options::default(), Setup::default()).await;
    desk.printer.mute();
    let answer = pay(&desk, "mute").await;
    let why = "PRINT_NOT_PROVEN";
    assert_told(
        &desk,
        &answer,
        PaperState::Unknown,
        PaperProof::Unspecified,
        why,
    );
    let papers = desk.papers_in_the_end().await;
    assert_eq!(papers.len(), 1);
    assert!(papers[0].text().contains(&answer.setl_id));
    let again = desk
        .scan_and_pay(super::bill(&desk, "mute"))
        .await
        .expect("repeated");
    assert_eq!(again, answer);
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_process_ids_fall_back_to_status() {
    let desk = Desk::start(Setup::default()).await;
    desk.printer.mute_process_ids();
    let answer = pay(&desk, "silent").await;
    assert_told(&desk, &answer, PaperState::Printed, PaperProof::Status, "");
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn stale_process_ids_prove_nothing() {
    let desk = Desk::start(Setup::default()).await;
    let first = pay(&desk, "honest").await;
    assert_told(
        &desk,
        &first,
        PaperState::Printed,
        PaperProof::ProcessId,
        "",
    );
    desk.printer.stale_process_ids();
    let second = pay(&desk, "stale").await;
    assert_told(&desk, &second, PaperState::Printed, PaperProof::Status, "");
    assert_eq!(desk.papers_in_the_end().await.len(), 2);
}
