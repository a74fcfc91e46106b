//! Receipt printers on serial lines that have no room for more: nothing is lost, or it is not called printed.

use std::time::Duration;

use yibaod::api::print_request::Content;
use yibaod::api::{PaperProof, PrintJob, PrintJobState as State, PrintRequest};
use yibaod::sandbox::devices::printer::{Full, Options, Printer};

use super::{hasty, print, request, until, until_state, why};
use crate::desk::{Desk, Setup};
use crate::paper::desk_on_line;

/// What a small printer holds.
const SMALL_BYTES: usize = 4_096;
/// What one holds that stops a host in time: a pty carries up to 20 KiB that left before.
const LARGE_BYTES: usize = 65_536;
/// Lines of a paper that no such buffer holds.
const LINES: usize = 500;
/// A picture that none holds, in bands.
const BANDS: usize = 20;
const ROWS: usize = 100;
const ROW_BYTES: usize = 72;
/// How long the printer may take to be like this.
const SEEN_S_MAX: u64 = 30;

fn options(full: Full, buffer_bytes: usize) -> Options {
    Options {
        full,
        buffer_bytes,
        ..Options::default()
    }
}

fn lines_of(id: &str) -> Vec<String> {
    let line = |line| format!("{id} 第{line:04}行 阿莫西林胶囊 12.50");
    (0..LINES).map(line).collect()
}

async fn seen(desk: &Desk, is: impl Fn(&Printer) -> bool) {
    let latest = tokio::time::Instant::now() + Duration::from_secs(SEEN_S_MAX);
    let was = desk.printer.wait_until(latest, is).await;
    assert!(was, "{:?}", desk.printer.counters());
}

/// A long paper whose roll ends in the middle and is changed later. `held`: what shows that the daemon is held back.
async fn changed_in_the_middle(desk: &Desk, id: &str, held: impl Fn(&Printer) -> bool) -> PrintJob {
    let text = lines_of(id);
    let text: Vec<&str> = text.iter().map(String::as_str).collect();
    desk.printer.paper_out_after(3_000);
    print(desk, hasty(id, &text)).await.expect("taken");
    until(desk, id, |job| why(job) == "PAPER_OUT").await;
    seen(desk, held).await;
    desk.printer.refill();
    let ended = until(desk, id, |job| {
        !matches!(job.state(), State::Waiting | State::Printing)
    })
    .await;
    if ended.state() == State::Printed {
        let papers = desk.printer.papers();
        let paper = papers.last().expect("a paper").text();
        for line in &text {
            assert!(paper.contains(line), "no {line}: {ended:?}");
        }
    }
    ended
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_without_flow_control_loses_nothing() {
    for (model, process_ids, proof) in [
        ("epson-tm-80", true, PaperProof::ProcessId),
        ("generic-80", false, PaperProof::Status),
    ] {
        let options = Options {
            process_ids,
            ..options(Full::Drops, SMALL_BYTES)
        };
        let desk = desk_on_line(model, options, "", Setup::default()).await;
        let ended = changed_in_the_middle(&desk, "paced", |printer| printer.held_bytes() > 0).await;
        assert_eq!((ended.state(), ended.proof()), (State::Printed, proof));
        let counters = desk.printer.counters();
        assert_eq!((counters.dropped, counters.papers), (0, 1), "{counters:?}");
        assert_eq!(desk.printer.errors(), vec![]);
        // And slowly: the buffer is full at every moment.
        desk.printer.pace(Some(20_000));
        let text = lines_of("slow");
        let text: Vec<&str> = text.iter().take(80).map(String::as_str).collect();
        let ended = print(&desk, request("slow", &text)).await.expect("taken");
        assert_eq!(ended.state(), State::Printed, "{ended:?}");
        assert_eq!(desk.printer.counters().dropped, 0);
    }
}

/// Bytes of a caller's own cannot be parted: nothing tells where a question may stand.
#[tokio::test(flavor = "multi_thread")]
async fn what_lost_its_middle_is_not_called_printed() {
    let options = options(Full::Drops, SMALL_BYTES);
    let desk = desk_on_line("epson-tm-80", options, "", Setup::default()).await;
    desk.printer.paper_out_after(500);
    let raw = |id: &str, lines: usize| PrintRequest {
        content: Some(Content::Raw(
            [lines_of(id)[..lines].join("\n").as_bytes(), b"\n\x1dVB\0"].concat(),
        )),
        answer_wait_ms: 0,
        ..request(id, &[])
    };
    print(&desk, raw("raw", LINES)).await.expect("taken");
    seen(&desk, |printer| printer.counters().dropped > 5_000).await;
    desk.printer.refill();
    let ended = until_state(&desk, "raw", State::Unknown).await;
    assert_eq!(why(&ended), "PRINT_NOT_PROVEN");
    // Few enough for any buffer: proven as ever.
    print(&desk, raw("few", 10)).await.expect("taken");
    let ended = until_state(&desk, "few", State::Printed).await;
    assert_eq!(ended.proof(), PaperProof::ProcessId);
}

/// Bands of `GS v 0` whose dots are the bytes of flow control, and a cut.
fn picture() -> Vec<u8> {
    let row = [0x11_u8, 0x13].repeat(ROW_BYTES / 2);
    let (columns, rows) = (
        u8::try_from(ROW_BYTES).expect("narrow"),
        u8::try_from(ROWS).expect("low"),
    );
    let head = [0x1d, b'v', b'0', 0, columns, 0, rows, 0];
    let band = [head.as_slice(), &row.repeat(ROWS)].concat();
    [band.repeat(BANDS).as_slice(), b"\x1dVB\0"].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn xoff_holds_the_line_until_xon_and_pictures_pass() {
    let options = options(Full::SaysXoff, LARGE_BYTES);
    let keys = "flow = \"xon-xoff\"\n";
    let desk = desk_on_line("epson-tm-80", options, keys, Setup::default()).await;
    desk.printer.paper_out_after(20_000);
    let picture = PrintRequest {
        content: Some(Content::Raw(picture())),
        answer_wait_ms: 0,
        ..request("held", &[])
    };
    print(&desk, picture).await.expect("taken");
    until(&desk, "held", |job| why(job) == "PAPER_OUT").await;
    seen(&desk, |printer| printer.counters().xoffs > 0).await;
    desk.printer.refill();
    let ended = until(&desk, "held", |job| {
        !matches!(job.state(), State::Waiting | State::Printing)
    })
    .await;
    let proof = PaperProof::ProcessId;
    assert_eq!((ended.state(), ended.proof()), (State::Printed, proof));
    let counters = desk.printer.counters();
    assert_eq!((counters.dropped, counters.papers), (0, 1), "{counters:?}");
    assert_eq!(desk.printer.errors(), vec![]);
    let paper = desk.printer.papers().remove(0);
    let wanted: Vec<bool> = (0..16).map(|x| [3, 7, 11, 14, 15].contains(&x)).collect();
    let is_row = |y: &usize| (0..16).map(|x| paper.dot(x, *y)).eq(wanted.iter().copied());
    assert_eq!((0..paper.height()).filter(is_row).count(), BANDS * ROWS);
}

#[tokio::test(flavor = "multi_thread")]
async fn rts_and_cts_are_left_to_the_kernel() {
    for (keys, hardware_flow) in [("flow = \"rts-cts\"\n", true), ("flow = \"none\"\n", false)] {
        let options = options(Full::Holds, LARGE_BYTES);
        let desk = desk_on_line("epson-tm-80", options, keys, Setup::default()).await;
        let ended = print(&desk, request("one", &["甲"])).await.expect("taken");
        assert_eq!(ended.state(), State::Printed);
        let settings = desk.printer.line_settings().expect("a line");
        assert_eq!(settings.hardware_flow, hardware_flow);
    }
}
