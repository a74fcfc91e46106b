//! Unplugged and plugged in again, many times: the scanner comes back, and nothing grows.

use std::time::Duration;

use yibaod::api::claim_response::Update;
use yibaod::api::{ClaimRequest, ClaimResponse, PrintJob, PrintJobState as State};
use yibaod::sandbox::devices::printer::{Options, Printer};
use yibaod::sandbox::devices::scanner::{Scanner, Terminator};

use super::devices;
use crate::desk::{Desk, Setup};
use crate::paper::desk_on_line;
use crate::print::{hasty, print, request, until};
use crate::proof::record::{Found, Proof, is_long};

const CYCLES: u32 = 300;
/// The same with devices in use.
const CYCLES_IN_USE: u32 = 60;
const WARM_IN_USE: u32 = 20;
const CYCLES_LONG: u32 = 10_000;
/// Cycles after which everything that grows once has grown.
const WARM: u32 = 50;
/// Memory that may come and go with the allocator, KiB. The bar is 1 MiB.
const GROWTH_KIB_MAX: u64 = 1_024;
/// An idle thread of the runtime's pool ends after ten seconds.
const REST_S_MAX: u64 = 30;
const LOOK_MS: u64 = 100;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_grows_while_a_scanner_comes_and_goes() {
    let proof = Proof::begin(
        "replug",
        "Unplug and replug, no descriptor, thread or memory growth",
        "反复拔插，句柄、线程与内存不增长",
    );
    let cycles = if is_long() { CYCLES_LONG } else { CYCLES };
    let desk = Desk::start(Setup::default()).await;
    let mut client = devices(&desk).await;
    let request = ClaimRequest {
        lease_ms: 600_000,
        ..ClaimRequest::default()
    };
    let mut news = client.claim(request).await.expect("a stream").into_inner();
    let mut next = async || {
        let message = tokio::time::timeout(Duration::from_secs(20), news.message()).await;
        message
            .expect("in time")
            .expect("no error")
            .and_then(|it| it.update)
    };
    assert!(matches!(next().await, Some(Update::Granted(_))));
    let mut failures = 0;
    let mut warm = Held::of(desk.pid());
    for cycle in 0..cycles {
        desk.scanner.unplug();
        let gone = next().await;
        desk.scanner.replug().expect("a pty");
        let back = next().await;
        let told = |update: &Option<Update>| match update {
            Some(Update::Presence(presence)) => Some(presence.present),
            Some(Update::Waiting(_) | Update::Granted(_) | Update::Code(_) | Update::Ended(_))
            | None => None,
        };
        failures += u64::from((told(&gone), told(&back)) != (Some(false), Some(true)));
        if cycle == WARM {
            warm = Held::of(desk.pid());
        }
    }
    let grown = grown(&desk, &warm).await;
    failures += u64::from(grown.is_some());
    let count = u64::from(cycles);
    proof.end(&Found {
        count,
        failures,
        seeds: None,
    });
    assert_eq!(failures, 0, "{grown:?}");
}

/// Two scanners of one make and a printer, all in use, pulled together and put back in another order, so that the
/// kernel's names for them change: each has its own role as before.
#[tokio::test(flavor = "multi_thread")]
async fn devices_in_use_come_back_to_their_own_roles() {
    let proof = Proof::begin(
        "replug-in-use",
        "Scanners and a printer pulled in use, swapped: roles kept, papers told truly",
        "使用中拔插并对调：角色不混、凭条如实",
    );
    let cycles = if is_long() {
        CYCLES_LONG
    } else {
        CYCLES_IN_USE
    };
    let dir = tempfile::tempdir().expect("a folder");
    let other = Scanner::start(dir.path()).expect("a pty");
    let second = format!(
        "[[device]]\nname = \"second\"\nrole = \"scanner-2\"\nkind = \"serial-scanner\"\npath = \"{}\"\n",
        other.path().display()
    );
    let setup = Setup {
        config_more: second,
        ..Setup::default()
    };
    let desk = desk_on_line("epson-tm-80", Options::default(), "", setup).await;
    let mut claims = [
        claimed(&desk, "scanner").await,
        claimed(&desk, "scanner-2").await,
    ];
    let (mut wrong, mut warm) = (Vec::new(), Held::of(desk.pid()));
    for cycle in 0..cycles {
        let id = format!("pulled-{cycle}");
        pull(&desk, &other, &id).await;
        presence(&mut claims, false, &mut wrong).await;
        put_back(&desk, &other, cycle % 2 == 0);
        presence(&mut claims, true, &mut wrong).await;
        codes(&desk, &other, &mut claims, cycle, &mut wrong).await;
        papers(&desk, &id, cycle, &mut wrong).await;
        if cycle == WARM_IN_USE {
            warm = Held::of(desk.pid());
        }
    }
    wrong.extend(grown(&desk, &warm).await);
    proof.end(&Found {
        count: u64::from(cycles),
        failures: wrong.len() as u64,
        seeds: None,
    });
    assert_eq!(wrong, [""; 0]);
}

/// Pulls everything while a paper is in the middle.
async fn pull(desk: &Desk, other: &Scanner, job: &str) {
    desk.printer.paper_out_after(5);
    print(desk, hasty(job, &[job])).await.expect("taken");
    let latest = tokio::time::Instant::now() + Duration::from_secs(20);
    let is_held = |printer: &Printer| printer.held_bytes() > 0;
    assert!(desk.printer.wait_until(latest, is_held).await);
    desk.printer.unplug();
    desk.scanner.unplug();
    other.unplug();
}

/// What the printer held is lost with its power. The kernel gives the first free name.
fn put_back(desk: &Desk, other: &Scanner, other_first: bool) {
    desk.printer.off();
    desk.printer.on();
    desk.printer.refill();
    let [first, last] = if other_first {
        [other, &*desk.scanner]
    } else {
        [&*desk.scanner, other]
    };
    first.replug().expect("a pty");
    desk.printer.replug().expect("a pty");
    last.replug().expect("a pty");
}

/// Both claims are told so.
async fn presence(claims: &mut [News; 2], is_there: bool, wrong: &mut Vec<String>) {
    for claim in claims {
        let told = next(claim).await;
        if !matches!(&told, Update::Presence(it) if it.present == is_there) {
            wrong.push(format!("{is_there} was told as {told:?}"));
        }
    }
}

/// Each scanner's code comes to its own claim.
async fn codes(
    desk: &Desk,
    other: &Scanner,
    claims: &mut [News; 2],
    cycle: u32,
    wrong: &mut Vec<String>,
) {
    for (scanner, name) in [(&*desk.scanner, "first"), (other, "second")] {
        let code = format!("{name}{cycle}");
        let shown = scanner.scan(code.as_bytes(), Terminator::Cr).await;
        shown.expect("a line");
    }
    for (claim, name) in claims.iter_mut().zip(["first", "second"]) {
        let text = format!("{name}{cycle}");
        let told = next(claim).await;
        if !matches!(&told, Update::Code(it) if it.text == text) {
            wrong.push(format!("{text} was told as {told:?}"));
        }
    }
}

/// The paper that was pulled is told as it is, and the next one comes out.
async fn papers(desk: &Desk, pulled: &str, cycle: u32, wrong: &mut Vec<String>) {
    let is_over = |job: &PrintJob| !matches!(job.state(), State::Waiting | State::Printing);
    let told = until(desk, pulled, is_over).await;
    let behind = format!("behind-{cycle}");
    let fine = print(desk, request(&behind, &[&behind])).await;
    let fine = fine.expect("taken");
    let papers = desk.printer.papers();
    let has = |text: &str| papers.iter().any(|paper| paper.text().contains(text));
    let is_true = told.state() == State::Unknown || (told.state() == State::Printed) == has(pulled);
    if !is_true {
        wrong.push(format!("{pulled}, out: {}, is {told:?}", has(pulled)));
    }
    if fine.state() != State::Printed || !has(&behind) {
        wrong.push(format!("{behind}, out: {}, is {fine:?}", has(&behind)));
    }
}

type News = tonic::Streaming<ClaimResponse>;

async fn next(news: &mut News) -> Update {
    let message = tokio::time::timeout(Duration::from_secs(20), news.message()).await;
    let message = message.expect("in time").expect("no error");
    message.and_then(|it| it.update).expect("news")
}

/// A claim that takes codes.
async fn claimed(desk: &Desk, role: &str) -> News {
    let request = ClaimRequest {
        role: role.to_owned(),
        lease_ms: 600_000,
        codes: true,
        ..ClaimRequest::default()
    };
    let news = devices(desk).await.claim(request).await;
    let mut news = news.expect("a stream").into_inner();
    assert!(matches!(next(&mut news).await, Update::Granted(_)));
    news
}

/// What the daemon holds more than when it was warm, also after the idle threads of its pool had time to end.
async fn grown(desk: &Desk, warm: &Held) -> Option<String> {
    let until = tokio::time::Instant::now() + Duration::from_secs(REST_S_MAX);
    loop {
        let now = Held::of(desk.pid());
        let grown = now.descriptors > warm.descriptors
            || now.threads > warm.threads
            || now.anonymous_kib > warm.anonymous_kib + GROWTH_KIB_MAX;
        if !grown {
            return None;
        }
        if tokio::time::Instant::now() > until {
            return Some(format!("{warm:?} became {now:?}"));
        }
        tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
    }
}

/// What a process holds.
#[derive(Debug)]
struct Held {
    descriptors: usize,
    threads: usize,
    anonymous_kib: u64,
}

impl Held {
    fn of(pid: u32) -> Self {
        let count = |folder: &str| {
            std::fs::read_dir(format!("/proc/{pid}/{folder}"))
                .expect("it runs")
                .count()
        };
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
        let anonymous = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"));
        let anonymous = anonymous.and_then(|kib| kib.split_whitespace().next()?.parse().ok());
        Self {
            descriptors: count("fd"),
            threads: count("task"),
            anonymous_kib: anonymous.expect("the kernel says"),
        }
    }
}
