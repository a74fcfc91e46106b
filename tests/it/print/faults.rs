//! The printer or the daemon dies around a job.

use yibaod::api::PrintJobState as State;
use yibaod::sandbox::devices::printer::Printer;

use super::{hasty, job, print, request, until_state, why};
use crate::desk::{Desk, Setup};

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_is_unknown_and_prints_no_more() {
    let mut desk = Desk::start(Setup::default()).await;
    desk.printer.paper_out_after(60);
    let lines = ["长长的一行"; 20];
    print(&desk, hasty("killed", &lines)).await.expect("taken");
    until_state(&desk, "killed", State::Printing).await;
    desk.kill();
    desk.printer.refill();
    desk.start_daemon().await;
    let told = until_state(&desk, "killed", State::Unknown).await;
    assert_eq!(why(&told), "PRINT_NOT_PROVEN");
    let again = print(&desk, request("killed", &lines)).await;
    assert_eq!(again.expect("repeated"), told);
    let asked = desk.printer.counters().process_ids;
    assert!(asked <= 1, "it went out {asked} times");
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_while_it_waits_is_carried_on() {
    let mut desk = Desk::start(Setup::default()).await;
    desk.printer.paper_out_after(0);
    print(&desk, hasty("stopped", &["一张"]))
        .await
        .expect("taken");
    desk.stop().await;
    desk.printer.refill();
    desk.start_daemon().await;
    until_state(&desk, "stopped", State::Printed).await;
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_printer_that_is_away_is_waited_for() {
    let desk = Desk::start(Setup::default()).await;
    desk.printer.off();
    print(&desk, hasty("away", &["一张"])).await.expect("taken");
    let seen = crate::desk::eventually(async || {
        Some(job(&desk, "away").await).filter(|it| why(it) == "PRINTER_MISSING")
    });
    assert_eq!(seen.await.expect("it is told").state(), State::Waiting);
    desk.printer.on();
    until_state(&desk, "away", State::Printed).await;
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mute_printer_proves_nothing() {
    let desk = Desk::start(Setup::default()).await;
    print(&desk, request("speaks", &["一"]))
        .await
        .expect("taken");
    desk.printer.mute_process_ids();
    let told = print(&desk, request("status", &["二"]))
        .await
        .expect("taken");
    assert_eq!(told.state(), State::Printed);
    assert_eq!(told.proof(), yibaod::api::PaperProof::Status);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_hangs_from_a_killed_process_is_cut_off_before_the_next_paper() {
    let mut desk = Desk::start(Setup::default()).await;
    desk.printer.paper_out_after(60);
    let lines = ["别人的一行"; 20];
    print(&desk, hasty("killed", &lines)).await.expect("taken");
    let soon = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    let begun = |printer: &Printer| !printer.hanging().is_blank() && printer.held_bytes() > 0;
    assert!(desk.printer.wait_until(soon, begun).await, "it begins");
    desk.kill();
    // What it held is lost: the paper ends in the middle.
    desk.printer.off();
    desk.printer.on();
    desk.printer.refill();
    desk.start_daemon().await;
    until_state(&desk, "killed", State::Unknown).await;
    let next = print(&desk, request("next", &["自己的一行"])).await;
    assert_eq!(next.expect("taken").state(), State::Printed);
    let papers = desk.papers_in_the_end().await;
    let texts: Vec<String> = papers.iter().map(|paper| paper.text()).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(texts[0].contains("别人的一行"), "{texts:?}");
    assert_eq!(texts[1].trim(), "自己的一行");
}
