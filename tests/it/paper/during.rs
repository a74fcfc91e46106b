//! The printer fails in the middle of the receipt, or right behind it.

use std::time::Duration;

use tokio::time::Instant;
use yibaod::api::{PaperProof, PaperState, Settlement};
use yibaod::sandbox::devices::printer::{Options, Paper, Printer};

use super::{assert_told, desk_with_serial_printer, impatient, pay};
use crate::desk::{Desk, Setup};

/// Inside the lines of the bill; the whole receipt is longer.
const IN_THE_MIDDLE_BYTES: u64 = 500;
/// The receipt is given up so long after its first byte, and a little later.
const GIVEN_UP_S: u64 = 60 + 5;

/// Paper ends in the middle of the receipt: it hangs there, the rest waits in the printer.
async fn stopped_in_the_middle(desk: &Desk) {
    desk.printer.paper_out_after(IN_THE_MIDDLE_BYTES);
    let answer = pay(desk, "middle").await;
    assert_told(
        desk,
        &answer,
        PaperState::Queued,
        PaperProof::Unspecified,
        "",
    );
    until_in_the_middle(desk).await;
}

/// Waits until the receipt has begun and the rest of it waits in the printer.
pub(super) async fn until_in_the_middle(desk: &Desk) {
    let until = Instant::now() + Duration::from_secs(20);
    let begun = |printer: &Printer| !printer.hanging().is_blank() && printer.held_bytes() > 0;
    assert!(
        desk.printer.wait_until(until, begun).await,
        "it begins and does not end"
    );
    assert_eq!(desk.printer.papers().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn paper_out_in_the_middle_and_refilled() {
    let desk = Desk::start(impatient()).await;
    stopped_in_the_middle(&desk).await;
    desk.printer.refill();
    let printed = desk.until_paper("middle", PaperState::Printed).await;
    assert_told(
        &desk,
        &printed,
        PaperState::Printed,
        PaperProof::ProcessId,
        "",
    );
    let papers = desk.papers_in_the_end().await;
    assert_eq!(papers.len(), 1, "the same paper ends");
    let text = papers[0].text();
    assert!(
        text.contains("医保结算凭条") && text.contains(&printed.setl_id),
        "{text}"
    );
    assert_eq!(desk.printer.errors(), vec![]);
}

#[tokio::test(flavor = "multi_thread")]
async fn paper_out_in_the_middle_and_the_printer_switched_off() {
    let desk = Desk::start(impatient()).await;
    stopped_in_the_middle(&desk).await;
    desk.printer.off();
    let unknown = desk.until_paper("middle", PaperState::Unknown).await;
    let why = "PRINTER_MISSING";
    assert_told(
        &desk,
        &unknown,
        PaperState::Unknown,
        PaperProof::Unspecified,
        why,
    );
    desk.until_idle().await;
    desk.printer.refill();
    desk.printer.on();

    // Never a second copy; the next receipt is whole.
    pay(&desk, "next").await;
    let next = desk.until_paper("next", PaperState::Printed).await;
    assert_told(&desk, &next, PaperState::Printed, PaperProof::ProcessId, "");
    assert_next_is_apart(&desk, &unknown, &next).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paper_out_in_the_middle_and_nobody_refills() {
    let desk = Desk::start(impatient()).await;
    stopped_in_the_middle(&desk).await;
    let until = Instant::now() + Duration::from_secs(GIVEN_UP_S);
    let unknown = loop {
        let now = desk.get("middle").await.expect("it is there");
        if super::paper_of(&now).0 == PaperState::Unknown {
            break now;
        }
        assert!(Instant::now() < until, "{now:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert_told(
        &desk,
        &unknown,
        PaperState::Unknown,
        PaperProof::Unspecified,
        "PAPER_OUT",
    );
    desk.until_idle().await;
    // What the printer held comes out when somebody refills it at last; nothing is sent again.
    let sent = desk.printer.counters().process_ids;
    desk.printer.refill();
    let papers = desk.papers_in_the_end().await;
    assert!(papers.len() <= 1, "{} papers", papers.len());
    assert!(desk.printer.counters().process_ids <= sent + 1);
    assert_eq!(desk.get("middle").await.as_ref(), Some(&unknown));
}

#[tokio::test(flavor = "multi_thread")]
async fn cover_opened_in_the_middle_and_shut() {
    let desk = Desk::start(impatient()).await;
    desk.printer.pace(Some(400));
    let answer = pay(&desk, "cover").await;
    assert_told(
        &desk,
        &answer,
        PaperState::Queued,
        PaperProof::Unspecified,
        "",
    );
    until_in_the_middle(&desk).await;
    desk.printer.open_cover();
    assert_eq!(desk.printer.papers().len(), 0);
    desk.printer.pace(None);
    desk.printer.close_cover();
    let printed = desk.until_paper("cover", PaperState::Printed).await;
    assert_told(
        &desk,
        &printed,
        PaperState::Printed,
        PaperProof::ProcessId,
        "",
    );
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
    assert_eq!(desk.printer.errors(), vec![]);
}

#[tokio::test(flavor = "multi_thread")]
async fn line_dropped_in_the_middle() {
    let desk = Desk::start(Setup::default()).await;
    desk.printer.drop_after(700);
    let answer = pay(&desk, "dropped").await;
    let why = "PRINTER_MISSING";
    assert_told(
        &desk,
        &answer,
        PaperState::Unknown,
        PaperProof::Unspecified,
        why,
    );
    desk.until_idle().await;
    assert_eq!(desk.printer.papers().len(), 0);
    assert!(!desk.printer.hanging().is_blank(), "bytes had left");

    let again = desk
        .scan_and_pay(super::bill(&desk, "dropped"))
        .await
        .expect("repeated");
    assert_eq!(again, answer);
    let next = pay(&desk, "next").await;
    assert_told(&desk, &next, PaperState::Printed, PaperProof::ProcessId, "");
    assert_next_is_apart(&desk, &answer, &next).await;
}

/// The half receipt is cut off before the next one begins: no patient carries home another's.
pub(super) async fn assert_next_is_apart(desk: &Desk, half: &Settlement, next: &Settlement) {
    let papers: Vec<String> = desk
        .papers_in_the_end()
        .await
        .iter()
        .map(Paper::text)
        .collect();
    assert_eq!(papers.len(), 2, "{papers:#?}");
    assert!(
        papers[0].contains("医保结算凭条") && !papers[0].contains("账户余额"),
        "{papers:#?}"
    );
    assert!(
        papers.iter().all(|text| !text.contains(&half.setl_id)),
        "never a second copy"
    );
    assert!(papers[1].contains(&next.setl_id), "{papers:#?}");
    assert_eq!(papers[1].matches("医保结算凭条").count(), 1, "{papers:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn paper_out_right_behind_the_receipt() {
    // How long it is: the same bill at another desk, with the same numbers of digits.
    let dry = super::desk_with("epson-tm-80", Options::default(), Setup::default()).await;
    pay(&dry, "behind").await;
    dry.until_idle().await;
    let status_bytes = 3 * 3 + 3;
    let whole = dry.printer.counters().bytes - status_bytes;

    let desk = Desk::start(Setup::default()).await;
    // The question for proof stands behind the cut and needs no paper: only it and what follows is left.
    desk.printer.paper_out_after(whole);
    let answer = pay(&desk, "behind").await;
    assert_told(
        &desk,
        &answer,
        PaperState::Printed,
        PaperProof::ProcessId,
        "",
    );
    desk.printer.paper_out_after(0);
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
    let again = desk
        .scan_and_pay(super::bill(&desk, "behind"))
        .await
        .expect("repeated");
    assert_eq!(again, answer);

    // The next one waits for paper.
    let next = pay_impatiently(&desk, "next").await;
    assert_eq!(super::paper_of(&next).0, PaperState::Queued, "{next:?}");
    desk.printer.refill();
    desk.until_paper("next", PaperState::Printed).await;
    assert_eq!(desk.papers_in_the_end().await.len(), 2);
}

/// Asks what is there as soon as the money stands, without waiting for paper.
async fn pay_impatiently(desk: &Desk, request_id: &str) -> Settlement {
    let patient = desk
        .patient(request_id, &[crate::desk::Shows::fresh("employee")])
        .await;
    let call = desk.scan_and_pay(super::bill(desk, request_id));
    let settled = desk.until_settled(request_id);
    let settled = tokio::select! {
        answer = call => answer.expect("taken"),
        settled = settled => settled,
    };
    patient.abort();
    settled
}

#[tokio::test(flavor = "multi_thread")]
async fn serial_printer_prints_and_proves() {
    let desk = desk_with_serial_printer(Setup::default()).await;
    let answer = pay(&desk, "serial").await;
    assert_told(
        &desk,
        &answer,
        PaperState::Printed,
        PaperProof::ProcessId,
        "",
    );
    let papers = desk.papers_in_the_end().await;
    assert_eq!(papers.len(), 1);
    assert!(papers[0].text().contains(&answer.setl_id));
    assert_eq!(desk.printer.errors(), vec![]);
}

#[tokio::test(flavor = "multi_thread")]
async fn serial_printer_unplugged_before_and_plugged_in_again() {
    let desk = desk_with_serial_printer(impatient()).await;
    desk.printer.unplug();
    let answer = pay(&desk, "serial").await;
    assert_told(
        &desk,
        &answer,
        PaperState::Queued,
        PaperProof::Unspecified,
        "",
    );
    desk.printer.replug().expect("a pty");
    let printed = desk.until_paper("serial", PaperState::Printed).await;
    assert_told(
        &desk,
        &printed,
        PaperState::Printed,
        PaperProof::ProcessId,
        "",
    );
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn serial_printer_unplugged_in_the_middle() {
    let desk = desk_with_serial_printer(impatient()).await;
    stopped_in_the_middle(&desk).await;
    desk.printer.unplug();
    let unknown = desk.until_paper("middle", PaperState::Unknown).await;
    let why = "PRINTER_MISSING";
    assert_told(
        &desk,
        &unknown,
        PaperState::Unknown,
        PaperProof::Unspecified,
        why,
    );
    desk.printer.refill();
    desk.printer.replug().expect("a pty");
    // What the printer held comes out, and nothing of it twice.
    let papers = desk.papers_in_the_end().await;
    assert!(
        desk.printer.counters().process_ids <= 1,
        "the receipt went out once"
    );
    let copies = papers
        .iter()
        .filter(|paper| paper.text().contains(&unknown.setl_id))
        .count();
    assert!(copies <= 1, "{copies} copies");
}
