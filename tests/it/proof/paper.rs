//! Paper that ends, a line that breaks and a printer that loses power at every byte of a short receipt and at every
//! 97th of a long one: what is told is held against the paper.

use std::time::{Duration, Instant};

use yibaod::api::{PrintJob, PrintJobState as State, PrintRequest};
use yibaod::sandbox::devices::printer::{Full, Options, Paper, Printer};

use super::record::{Found, Proof, is_long};
use crate::desk::{Desk, Setup};
use crate::paper::{desk_on_line, desk_with};
use crate::print::{hasty, print, request, until, until_state, why};

/// Between two places in a long receipt.
const LONG_STEP_BYTES: u64 = 97;
/// Lines of it.
const LONG_LINES: usize = 120;
/// A printer does what it does within this.
const SEEN_S_MAX: u64 = 20;

/// What happens at a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Paper ends and is refilled.
    Refilled,
    /// Paper ends, and then the power goes: what the printer held is lost.
    PowerLost,
    /// The line breaks.
    Cut,
    /// Paper ends, and then the cable of a serial line is pulled and the power goes.
    Pulled,
    /// It hangs, and says that it is well; its line has stray bytes that look like answers; then the power goes.
    Noise,
}

/// A disturbed line, so often: one for an answer that is waited for, two, and all that are.
const STRAYS: [usize; 3] = [1, 2, 11];
/// In which a driver that takes them for answers has told so: status is answered at once.
const STRAY_MS: u64 = 400;
/// `GS r 1`, which it holds when the whole job has come.
const ASKED: &[u8] = b"\x1dr\x01";

/// A printer and what happens to it.
struct Case {
    model: &'static str,
    options: Options,
    on_line: bool,
    /// It proves nothing.
    is_mute: bool,
    faults: &'static [Fault],
    /// Between two places in a short receipt and in a long one, in the short form.
    steps: [u64; 2],
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_at_every_byte_of_a_receipt() {
    let proof = Proof::begin(
        "paper",
        "Paper out, power lost, line cut at every byte of a receipt: told as the paper is",
        "小票逐字节缺纸、断电、断线：如实告知",
    );
    let case = Case {
        model: "epson-tm-80",
        options: Options::default(),
        on_line: false,
        is_mute: false,
        faults: &[Fault::Refilled, Fault::PowerLost, Fault::Cut],
        steps: [1, LONG_STEP_BYTES],
    };
    all_hold(proof, &case).await;
}

/// On a line that loses what has no room, with the smallest buffer.
#[tokio::test(flavor = "multi_thread")]
async fn faults_at_bytes_of_a_receipt_on_a_serial_line() {
    let proof = Proof::begin(
        "paper-serial",
        "The same on a serial line without flow control, proven by status",
        "同上：无流控串口、状态证明",
    );
    let options = Options {
        process_ids: false,
        buffer_bytes: 4_096,
        full: Full::Drops,
        ..Options::default()
    };
    let case = Case {
        model: "generic-80",
        options,
        on_line: true,
        is_mute: false,
        faults: &[Fault::Refilled, Fault::Pulled],
        steps: [3, 3 * LONG_STEP_BYTES],
    };
    all_hold(proof, &case).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_at_bytes_of_a_receipt_proven_by_status() {
    let proof = Proof::begin(
        "paper-status",
        "The same on a printer that proves by status only",
        "同上：仅以状态证明的打印机",
    );
    let options = Options {
        process_ids: false,
        ..Options::default()
    };
    let case = Case {
        model: "generic-80",
        options,
        on_line: false,
        is_mute: false,
        faults: &[Fault::Refilled, Fault::PowerLost, Fault::Cut, Fault::Noise],
        steps: [4, 4 * LONG_STEP_BYTES],
    };
    all_hold(proof, &case).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_at_bytes_of_a_receipt_that_nothing_proves() {
    let proof = Proof::begin(
        "paper-mute",
        "The same on a printer that says nothing: never told as printed",
        "同上：无应答打印机，绝不报已打印",
    );
    let case = Case {
        model: "mute-80",
        options: Options::default(),
        on_line: false,
        is_mute: true,
        faults: &[Fault::Refilled, Fault::PowerLost, Fault::Cut],
        steps: [5, 5 * LONG_STEP_BYTES],
    };
    all_hold(proof, &case).await;
}

impl Case {
    async fn desk(&self) -> Desk {
        let setup = Setup::default();
        let desk = if self.on_line {
            desk_on_line(self.model, self.options, "", setup).await
        } else {
            desk_with(self.model, self.options, setup).await
        };
        if self.is_mute {
            desk.printer.mute();
        }
        desk
    }

    /// How a paper ends to which nothing happens.
    fn fine(&self) -> State {
        if self.is_mute {
            State::Unknown
        } else {
            State::Printed
        }
    }
}

async fn all_hold(mut proof: Proof, case: &Case) {
    let mut found = Found {
        count: 0,
        failures: 0,
        seeds: None,
    };
    let mut wrong = Vec::new();
    let [short_step, long_step] = if is_long() { [1, 7] } else { case.steps };
    for (lines, step) in [(1, short_step), (LONG_LINES, long_step)] {
        for fault in case.faults.iter().copied() {
            let desk = case.desk().await;
            let bytes = length(&desk, case, lines).await;
            let mut ends = Vec::new();
            let mut at = 0;
            while at <= bytes {
                let began = Instant::now();
                let id = format!("{fault:?}-{lines}-{at}");
                let told = cell(&desk, &id, lines, fault, at).await;
                let faults = check(&desk, case, &id, lines, &told).await;
                found.count += 1;
                found.failures += u64::from(faults.is_some());
                let end = format!("{:?} {}", told.state(), why(&told));
                proof.cell(&id, &end, faults.as_deref().unwrap_or(""), began.elapsed());
                wrong.extend(faults.map(|what| format!("{id}: {what} ({end})")));
                ends.push((at, told.state()));
                at += step;
            }
            let is_short = lines == 1;
            let doubts = in_doubt(case, fault, is_short, &ends);
            found.failures += u64::from(doubts.is_some());
            wrong.extend(doubts.map(|what| format!("{fault:?}-{lines}: {what} ({ends:?})")));
            if !case.is_mute {
                assert_eq!(refused(&desk).await, State::NotPrinted);
            }
        }
    }
    proof.end(&found);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What is wrong with how many of a fault's jobs ended in doubt. A driver that doubts always is never false, and of no
/// use.
fn in_doubt(
    case: &Case,
    fault: Fault,
    is_short: bool,
    ends: &[(u64, State)],
) -> Option<&'static str> {
    let is_printed = |(_, state): &&(u64, State)| *state == State::Printed;
    if case.is_mute {
        // What is wrong with one that is told as printed is told of each.
        return None;
    }
    let before = ends.iter().take_while(is_printed).count();
    let behind = ends.iter().rev().take_while(is_printed).count();
    if fault == Fault::Refilled {
        return (before < ends.len()).then_some("paper that came was doubted");
    }
    if before == ends.len() {
        return Some("nothing was hit");
    }
    if before == 0 && fault != Fault::Noise {
        return Some("a job was doubted whose trouble was there before it");
    }
    if behind == 0 && is_short {
        return Some("a job was doubted whose trouble came behind it");
    }
    let hit = &ends[before..ends.len() - behind];
    let is_one_stretch = !hit.iter().any(|end| is_printed(&end));
    (!is_one_stretch).then_some("it is doubted here, and there not")
}

/// How a job ends that does not wait for paper, where there is none.
async fn refused(desk: &Desk) -> State {
    desk.printer.paper_out_after(0);
    let id = "no-paper";
    let refused = PrintRequest {
        wait_ms: Some(0),
        ..request(id, &[id])
    };
    print(desk, refused).await.expect("taken");
    let told = until(desk, id, |job| {
        !matches!(job.state(), State::Waiting | State::Printing)
    });
    let told = told.await;
    desk.printer.refill();
    assert_eq!(why(&told), "PAPER_OUT");
    told.state()
}

/// The lines of a job: the first and the last name it.
fn lines_of(id: &str, lines: usize) -> Vec<String> {
    let middle = (1..lines).map(|line| format!("第{line}行 阿莫西林胶囊 12.50"));
    let first = format!("始<{id}>");
    let last = format!("终<{id}>");
    [first].into_iter().chain(middle).chain([last]).collect()
}

/// Bytes that one job takes on the wire, questions included.
async fn length(desk: &Desk, case: &Case, lines: usize) -> u64 {
    let text = lines_of("dry-run-000", lines);
    let text: Vec<&str> = text.iter().map(String::as_str).collect();
    let mut bytes = Vec::new();
    for papers in 1..=2 {
        let dry = request(&format!("dry-{papers}"), &text);
        let ended = print(desk, dry).await.expect("taken");
        assert_eq!(ended.state(), case.fine());
        let latest = tokio::time::Instant::now() + Duration::from_secs(SEEN_S_MAX);
        let out = desk.printer.wait_papers(papers, latest).await;
        assert_eq!(out.len(), papers);
        bytes.push(desk.printer.counters().bytes);
    }
    bytes[1] - bytes[0]
}

/// One job with its fault; how it ended.
async fn cell(desk: &Desk, id: &str, lines: usize, fault: Fault, at: u64) -> PrintJob {
    let text = lines_of(id, lines);
    let text: Vec<&str> = text.iter().map(String::as_str).collect();
    match fault {
        Fault::Refilled | Fault::PowerLost | Fault::Pulled => desk.printer.paper_out_after(at),
        Fault::Cut => {
            let bytes = usize::try_from(at).expect("a receipt is short");
            desk.printer.drop_after(bytes);
        }
        Fault::Noise => desk.printer.hang_after(at),
    }
    print(desk, hasty(id, &text)).await.expect("it is taken");
    if fault != Fault::Cut {
        // Over before the paper ended, or waiting for paper.
        let stopped = until(desk, id, |job| {
            let is_over = !matches!(job.state(), State::Waiting | State::Printing);
            let is_stuck = match fault {
                Fault::Noise => desk.printer.is_hung() && desk.printer.holds(ASKED),
                Fault::Refilled | Fault::PowerLost | Fault::Cut | Fault::Pulled => {
                    is_stuck(&desk.printer)
                }
            };
            is_over || why(job) == "PAPER_OUT" || is_stuck
        });
        stopped.await;
        if fault == Fault::Noise && desk.printer.is_hung() {
            let at = usize::try_from(at).expect("a receipt is short");
            let count = STRAYS[at / 4 % STRAYS.len()];
            desk.printer.stray(&vec![0; count]);
            let over = until(desk, id, |job| job.state() != State::Printing);
            let in_vain = tokio::time::timeout(Duration::from_millis(STRAY_MS), over).await;
            if let Ok(told) = in_vain {
                assert_eq!(told.state(), State::Printed, "its line lives");
            }
        }
        if fault == Fault::Pulled {
            desk.printer.unplug();
        }
        if fault != Fault::Refilled {
            desk.printer.off();
            desk.printer.on();
        }
        desk.printer.refill();
        if fault == Fault::Pulled {
            desk.printer.replug().expect("a pty");
        }
    }
    until(desk, id, |job| {
        !matches!(job.state(), State::Waiting | State::Printing)
    })
    .await
}

/// The printer holds bytes that it cannot print. What it holds for a moment only, it can.
fn is_stuck(printer: &Printer) -> bool {
    printer.is_out_of_paper() && printer.held_bytes() > 0
}

/// A job of its own behind it: whatever of the one before is to come has come then. Whether it came out.
async fn fenced(desk: &Desk, case: &Case, fence: &str) -> Result<bool, String> {
    let told = print(desk, request(fence, &[fence])).await.expect("taken");
    if told.state() != case.fine() {
        until_state(desk, fence, State::Unknown).await;
        return Err(format!("the job behind it is {:?}", told.state()));
    }
    let wait_s = if case.is_mute { 2 } else { SEEN_S_MAX };
    let latest = tokio::time::Instant::now() + Duration::from_secs(wait_s);
    let is_out = |printer: &Printer| {
        let mut papers = printer.papers().into_iter().rev();
        papers.any(|paper| paper.text().contains(fence))
    };
    Ok(desk.printer.wait_until(latest, is_out).await)
}

/// What is wrong with what was told, held against the paper.
async fn check(
    desk: &Desk,
    case: &Case,
    id: &str,
    lines: usize,
    told: &PrintJob,
) -> Option<String> {
    let mut fence = format!("fence-{id}");
    let mut is_out = match fenced(desk, case, &fence).await {
        Ok(is_out) => is_out,
        Err(fault) => return Some(fault),
    };
    if !is_out && case.is_mute {
        // It left on a line that had ended and nobody knew: told as unknown, and the next one comes.
        fence = format!("second-{fence}");
        is_out = fenced(desk, case, &fence).await == Ok(true);
    }
    if !is_out {
        return Some("the paper behind it did not come".to_owned());
    }
    let last = lines_of(id, lines).pop().expect("it has lines");
    let begins = |paper: &Paper| paper.text().contains(&format!("始<{id}>"));
    let ends = |paper: &Paper| paper.text().contains(&last);
    let papers = desk.printer.papers();
    let recent = papers.iter().rev().take(8);
    let (mut copies, mut begun) = (0, 0);
    for paper in recent {
        begun += usize::from(begins(paper));
        copies += usize::from(begins(paper) && ends(paper));
    }
    // It stands alone: nothing of the one before hangs over it.
    let own = papers
        .iter()
        .rev()
        .find(|paper| paper.text().contains(&fence));
    let is_apart = own.is_some_and(|paper| !begins(paper) && !paper.text().contains(&last));
    if !is_apart {
        return Some("the paper behind it has something of it".to_owned());
    }
    match told.state() {
        State::Printed if case.is_mute => Some("told as printed without a proof".to_owned()),
        State::Printed if copies == 1 && begun == 1 => None,
        State::NotPrinted if begun == 0 => None,
        State::Unknown if begun <= 1 => None,
        State::Printed => Some(format!("told as printed, {begun} begun, {copies} whole")),
        State::NotPrinted => Some(format!("told as not printed, {begun} begun")),
        State::Unknown => Some(format!("{begun} begun")),
        State::Waiting | State::Printing | State::Cancelled | State::Unspecified => {
            Some("it has no end".to_owned())
        }
    }
}
