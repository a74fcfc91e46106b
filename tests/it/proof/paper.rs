//! Paper that ends, a line that breaks and a printer that loses power at every byte of a short receipt and at every
//! 97th of a long one: what is told is held against the paper.

use std::time::{Duration, Instant};

use yibaod::api::{PrintJob, PrintJobState as State};
use yibaod::sandbox::devices::printer::{Paper, Printer};

use super::record::{Found, Proof, is_long};
use crate::desk::{Desk, Setup};
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
}

const FAULTS: [Fault; 3] = [Fault::Refilled, Fault::PowerLost, Fault::Cut];

#[tokio::test(flavor = "multi_thread")]
async fn faults_at_every_byte_of_a_receipt() {
    let mut proof = Proof::begin(
        "paper",
        "Paper out, power lost, line cut at every byte of a receipt: told as the paper is",
        "小票逐字节缺纸、断电、断线：如实告知",
    );
    let mut found = Found {
        count: 0,
        failures: 0,
        seeds: None,
    };
    let mut wrong = Vec::new();
    let long_step = if is_long() { 7 } else { LONG_STEP_BYTES };
    for (lines, step) in [(1, 1), (LONG_LINES, long_step)] {
        for fault in FAULTS {
            let desk = Desk::start(Setup::default()).await;
            let bytes = length(&desk, lines).await;
            let mut at = 0;
            while at <= bytes {
                let began = Instant::now();
                let id = format!("{fault:?}-{lines}-{at}");
                let told = cell(&desk, &id, lines, fault, at).await;
                let faults = check(&desk, &id, lines, &told).await;
                found.count += 1;
                found.failures += u64::from(faults.is_some());
                let end = format!("{:?} {}", told.state(), why(&told));
                proof.cell(&id, &end, faults.as_deref().unwrap_or(""), began.elapsed());
                wrong.extend(faults.map(|what| format!("{id}: {what} ({end})")));
                at += step;
            }
        }
    }
    proof.end(&found);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The lines of a job: the first and the last name it.
fn lines_of(id: &str, lines: usize) -> Vec<String> {
    let middle = (1..lines).map(|line| format!("第{line}行 阿莫西林胶囊 12.50"));
    let first = format!("始<{id}>");
    let last = format!("终<{id}>");
    [first].into_iter().chain(middle).chain([last]).collect()
}

/// Bytes that one job takes on the wire, questions included.
async fn length(desk: &Desk, lines: usize) -> u64 {
    let text = lines_of("dry-run-000", lines);
    let text: Vec<&str> = text.iter().map(String::as_str).collect();
    let one = print(desk, request("dry-0", &text)).await.expect("taken");
    assert_eq!(one.state(), State::Printed);
    let before = desk.printer.counters().bytes;
    let two = print(desk, request("dry-1", &text)).await.expect("taken");
    assert_eq!(two.state(), State::Printed);
    desk.printer.counters().bytes - before
}

/// One job with its fault; how it ended.
async fn cell(desk: &Desk, id: &str, lines: usize, fault: Fault, at: u64) -> PrintJob {
    let text = lines_of(id, lines);
    let text: Vec<&str> = text.iter().map(String::as_str).collect();
    match fault {
        Fault::Refilled | Fault::PowerLost => desk.printer.paper_out_after(at),
        Fault::Cut => {
            let bytes = usize::try_from(at).expect("a receipt is short");
            desk.printer.drop_after(bytes);
        }
    }
    print(desk, hasty(id, &text)).await.expect("it is taken");
    if fault != Fault::Cut {
        // Over before the paper ended, or waiting for paper.
        let stopped = until(desk, id, |job| {
            let is_over = !matches!(job.state(), State::Waiting | State::Printing);
            is_over || why(job) == "PAPER_OUT" || is_stuck(&desk.printer)
        });
        stopped.await;
        if fault == Fault::PowerLost {
            desk.printer.off();
            desk.printer.on();
        }
        desk.printer.refill();
    }
    until(desk, id, |job| {
        !matches!(job.state(), State::Waiting | State::Printing)
    })
    .await
}

/// The printer holds bytes that it cannot print.
fn is_stuck(printer: &Printer) -> bool {
    printer.held_bytes() > 0
}

/// What is wrong with what was told, held against the paper.
async fn check(desk: &Desk, id: &str, lines: usize, told: &PrintJob) -> Option<String> {
    // A job of its own behind it: whatever of the one before is to come has come then.
    let fence = format!("fence-{id}");
    let fenced = print(desk, request(&fence, &[&fence]))
        .await
        .expect("taken");
    if fenced.state() != State::Printed {
        until_state(desk, &fence, State::Unknown).await;
        return Some(format!("the job behind it is {:?}", fenced.state()));
    }
    let last = lines_of(id, lines).pop().expect("it has lines");
    let begins = |paper: &Paper| paper.text().contains(&format!("始<{id}>"));
    let ends = |paper: &Paper| paper.text().contains(&last);
    let cut_by = tokio::time::Instant::now() + Duration::from_secs(SEEN_S_MAX);
    let fence_is_out = |printer: &Printer| {
        let mut papers = printer.papers().into_iter().rev();
        papers.any(|paper| paper.text().contains(&fence))
    };
    if !desk.printer.wait_until(cut_by, fence_is_out).await {
        return Some("the paper behind it did not come".to_owned());
    }
    let papers = desk.printer.papers();
    let recent = papers.iter().rev().take(8);
    let (mut copies, mut begun) = (0, 0);
    for paper in recent {
        begun += usize::from(begins(paper));
        copies += usize::from(begins(paper) && ends(paper));
    }
    match told.state() {
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
