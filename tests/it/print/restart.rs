//! The daemon dies in the middle of a paper, and the printer keeps what it has: what comes next stands apart, and what
//! the printer still answers proves nothing.

use std::time::Duration;

use yibaod::api::{DeviceState, ListDevicesRequest, PaperProof, PrintJobState as State};
use yibaod::sandbox::devices::printer::{Options, Paper, Printer};

use super::{hasty, print, request, until_state, why};
use crate::desk::{Desk, Setup, eventually};
use crate::device::devices;
use crate::paper::desk_on_line;

/// Fewer bytes than any buffer has.
const LINES: usize = 30;
/// In the middle of them.
const PAPER_ENDS_BYTES: u64 = 300;
/// What outlasts a command that was left open.
const RESYNC_BYTES: u64 = 1_024;
/// A round of questions and what switches reports on.
const LOOK_BYTES_MAX: u64 = 32;
/// What is held before the first old question takes longer at this pace than anybody waits for its answer: whoever hears
/// the old answers in time trusts what comes behind them, and rightly.
const SLOW_BYTES_A_SECOND: u32 = 300;
/// The printer may take so long.
const SEEN_S_MAX: u64 = 30;

async fn seen(desk: &Desk, is: impl Fn(&Printer) -> bool) {
    let latest = tokio::time::Instant::now() + Duration::from_secs(SEEN_S_MAX);
    let was = desk.printer.wait_until(latest, is).await;
    assert!(was, "{:?}\n{}", desk.printer.counters(), desk.log());
}

fn lines_of(id: &str) -> Vec<String> {
    let middle = (1..LINES).map(|line| format!("<{id}> 第{line}行 阿莫西林胶囊 12.50"));
    [format!("始<{id}>")].into_iter().chain(middle).collect()
}

async fn begin(desk: &Desk, id: &str) {
    let text = lines_of(id);
    let text: Vec<&str> = text.iter().map(String::as_str).collect();
    print(desk, hasty(id, &text)).await.expect("taken");
}

/// A printer that proves by status, with a job in the middle, and the daemon killed.
async fn killed_in_the_middle() -> Desk {
    let options = Options {
        process_ids: false,
        ..Options::default()
    };
    let mut desk = desk_on_line("generic-80", options, "", Setup::default()).await;
    desk.printer.paper_out_after(PAPER_ENDS_BYTES);
    begin(&desk, "half").await;
    let is_in_the_middle =
        |printer: &Printer| !printer.hanging().is_blank() && printer.held_bytes() > 600;
    seen(&desk, is_in_the_middle).await;
    desk.kill();
    desk
}

async fn until_device(desk: &Desk, state: DeviceState) {
    let looked = async || {
        let all = devices(desk)
            .await
            .list_devices(ListDevicesRequest {})
            .await;
        let mut all = all.expect("a list").into_inner().devices.into_iter();
        all.find(|it| it.role == "receipt" && it.state() == state)
    };
    eventually(looked).await.expect("the printer is seen so");
}

/// Starts the daemon anew; how many bytes the printer was sent until it was seen to be so.
async fn restarted(desk: &mut Desk, state: DeviceState) -> u64 {
    let before = desk.printer.counters().bytes;
    desk.start_daemon().await;
    until_device(desk, state).await;
    desk.printer.counters().bytes - before
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_daemon_left_is_parted_from_the_next_paper() {
    let mut desk = killed_in_the_middle().await;
    let bytes = restarted(&mut desk, DeviceState::PaperOut).await;
    assert!(bytes >= RESYNC_BYTES, "{bytes}");
    let half = until_state(&desk, "half", State::Unknown).await;
    assert_eq!(why(&half), "PRINT_NOT_PROVEN");
    desk.printer.refill();

    let next = print(&desk, request("next", &["次<next>"])).await;
    let next = next.expect("taken");
    assert_eq!(
        (next.state(), next.proof()),
        (State::Printed, PaperProof::Status)
    );
    let papers = desk.papers_in_the_end().await;
    let texts: Vec<String> = papers.iter().map(Paper::text).collect();
    let of_half = texts
        .iter()
        .filter(|text| text.contains("始<half>"))
        .count();
    assert_eq!(of_half, 1, "{texts:#?}");
    let own = texts.last().expect("a paper");
    assert!(
        own.contains("次<next>") && !own.contains("half"),
        "{texts:#?}"
    );
    assert_eq!(desk.printer.errors(), vec![]);

    // The last paper is proven: nothing is parted from it, neither in this process nor in the next.
    let last = print(&desk, request("last", &["末<last>"])).await;
    assert_eq!(last.expect("taken").state(), State::Printed);
    assert_eq!(desk.papers_in_the_end().await.len(), papers.len() + 1);
    desk.kill();
    let bytes = restarted(&mut desk, DeviceState::Ready).await;
    assert!(bytes <= LOOK_BYTES_MAX, "{bytes}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_answered_late_to_a_killed_daemon_proves_no_other_paper() {
    let mut desk = killed_in_the_middle().await;
    restarted(&mut desk, DeviceState::PaperOut).await;
    begin(&desk, "other").await;
    // The old job comes out slowly, and what it asked is answered.
    desk.printer.pace(Some(SLOW_BYTES_A_SECOND));
    desk.printer.refill();
    seen(&desk, |printer| {
        printer.hanging().text().contains("始<other>")
    })
    .await;
    // Its own question stands behind it: what was answered by now was asked before.
    desk.printer.off();
    desk.printer.on();
    let told = until_state(&desk, "other", State::Unknown).await;
    assert_eq!(why(&told), "PRINT_NOT_PROVEN", "{told:?}");
    let papers = desk.papers_in_the_end().await;
    let whole = papers
        .iter()
        .filter(|it| it.text().contains("<other> 第29行"));
    assert_eq!(whole.count(), 0);
}
