//! What is told, or free, within 50 ms: measured from its cause at the far end of a wire to the program it is for.
//!
//! A thread that only naps tells how long the machine had no processor for anybody; nothing else is taken off.

use std::fmt::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tonic::Streaming;
use yibaod::api::claim_response::Update;
use yibaod::api::watch_devices_response::Update as Seen;
use yibaod::api::{
    ClaimRequest, ClaimResponse, DeviceChange, DeviceState, PrintJobState, ReleaseClaimRequest,
    WatchDevicesRequest, WatchDevicesResponse,
};
use yibaod::sandbox::devices::card::IdCardReader;
use yibaod::sandbox::devices::printer::{Options, Printer};

use super::{device, devices, until_state};
use crate::desk::{Desk, Setup, Stalls, eventually};
use crate::paper::{desk_on_line, desk_with};
use crate::print::{hasty, print, request, until, until_state as until_job, why};
use crate::proof::figure;
use crate::proof::record::{Found, Proof, is_long};

/// The promise.
const WITHIN: Duration = Duration::from_millis(50);
/// How often each thing is done, in the short form and in the long one.
const TURNS: usize = 50;
const TURNS_LONG: usize = 1_000;
/// Longest wait for what will come; ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(20);
/// Changes of a printer in a job, and the questions that it is asked between two of them; three are a round.
const CHANGES: usize = 4;
const QUESTIONS: u64 = 4;
const QUESTION_BYTES: u64 = 3;
/// So much of a receipt comes out before its paper ends.
const BEGUN_BYTES: u64 = 60;

/// What is done to a printer, and all that is told of it, in this order.
type Step = (&'static str, fn(&Printer), &'static [DeviceChange]);

const IDLE: [Step; 6] = [
    ("near end", Printer::near_end, &[DeviceChange::PaperLow]),
    ("new roll", Printer::refill, &[DeviceChange::PaperOk]),
    ("paper out", end_paper, &[DeviceChange::PaperOut]),
    ("paper again", Printer::refill, &[DeviceChange::PaperOk]),
    (
        "cover open",
        Printer::open_cover,
        &[DeviceChange::CoverOpen],
    ),
    (
        "cover shut",
        Printer::close_cover,
        &[DeviceChange::CoverClosed],
    ),
];
/// An open cover over what is to be printed is an error.
const IN_A_JOB: [Step; 2] = [
    (
        "error",
        Printer::open_cover,
        &[DeviceChange::CoverOpen, DeviceChange::Fault],
    ),
    (
        "error over",
        Printer::close_cover,
        &[DeviceChange::CoverClosed, DeviceChange::FaultCleared],
    ),
];

fn end_paper(printer: &Printer) {
    printer.paper_out_after(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_printer_says_is_told_within_50_ms() {
    let mut times = Times::begin(
        "prompt-printer",
        "A printer's automatic status (paper, near end, cover, error), told to who watches within 50 ms",
        "打印机自动状态（缺纸、将尽、开盖、故障）50 ms 内告知",
    );
    let setup = Setup::default;
    let on_line = desk_on_line("epson-tm-80", Options::default(), "", setup()).await;
    until_state(&on_line, "receipt", DeviceState::Ready).await;
    times.steps(&on_line, "serial", &IDLE).await;
    times.steps_in_a_job(&on_line, "serial").await;
    let on_tcp = desk_with("epson-tm-80", Options::default(), setup()).await;
    // One on TCP is called when there is something to print, and heard for a while behind it.
    let first = print(&on_tcp, request("first", &["一张"])).await;
    assert_eq!(first.expect("taken").state(), PrintJobState::Printed);
    times.steps(&on_tcp, "TCP", &IDLE[2..]).await;
    times.steps_in_a_job(&on_tcp, "TCP").await;
    times.end();
}

/// A job whose end is awaited asks about the printer every half second, three questions for the whole of it: an answer
/// from before a change takes nothing back.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_printer_said_is_not_taken_back_by_an_older_answer() {
    let desk = desk_on_line("epson-tm-80", Options::default(), "", Setup::default()).await;
    until_state(&desk, "receipt", DeviceState::Ready).await;
    hold_a_job(&desk).await;
    let mut events = watch(&desk).await;
    // A question more than a round between two changes: each has another place in its round. What was taken back would
    // be told again by then, and be left over at the end.
    for (what, act, wanted) in IN_A_JOB.iter().cycle().take(CHANGES) {
        act(&desk.printer);
        told_in_order(&mut events, what, wanted).await;
        let heard = desk.printer.counters().bytes + QUESTIONS * QUESTION_BYTES;
        let latest = tokio::time::Instant::now() + PATIENCE;
        let are_asked = |printer: &Printer| printer.counters().bytes >= heard;
        assert!(desk.printer.wait_until(latest, are_asked).await, "{what}");
    }
    desk.printer.refill();
    told_in_order(&mut events, "new roll", &[DeviceChange::PaperOk]).await;
    until_job(&desk, "held", PrintJobState::Printed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_program_held_is_its_followers_within_50_ms() {
    let mut times = Times::begin(
        "prompt-claim",
        "A program that holds a device is killed: the device is the next one's within 50 ms",
        "占用设备的程序被强杀：50 ms 内归下一个等待者",
    );
    let dir = tempfile::tempdir().expect("a folder");
    let reader = IdCardReader::start(dir.path()).expect("a pty");
    let path = reader.path().display();
    let config_more = format!(
        "[[device]]\nname = \"ids\"\nrole = \"id-card\"\nkind = \"id-card-serial\"\npath = \"{path}\"\n"
    );
    let setup = Setup {
        config_more,
        ..Setup::default()
    };
    let desk = Desk::start(setup).await;
    let held: [(&str, &[&str]); 2] = [
        ("scanner", &["device", "scan", "--each"]),
        ("id-card", &["card", "--each"]),
    ];
    for (role, words) in held {
        until_state(&desk, role, DeviceState::Ready).await;
        for _ in 0..turns() {
            times.killed(&desk, role, words).await;
        }
    }
    times.end();
}

fn turns() -> usize {
    if is_long() { TURNS_LONG } else { TURNS }
}

/// What took how long, and what of it was too long.
struct Times {
    proof: Proof,
    figure: &'static str,
    stalls: Stalls,
    took: Vec<(String, Duration)>,
    late: Vec<String>,
}

/// A moment, and what the machine had stood still until then.
struct Cause {
    at: Instant,
    lost: Duration,
}

impl Times {
    fn begin(id: &'static str, en: &'static str, zh: &'static str) -> Self {
        Self {
            proof: Proof::begin(id, en, zh),
            figure: id,
            stalls: Stalls::watch(),
            took: Vec::new(),
            late: Vec::new(),
        }
    }

    fn cause(&self) -> Cause {
        Cause {
            at: Instant::now(),
            lost: self.stalls.lost(),
        }
    }

    fn told(&mut self, what: &str, cause: &Cause) {
        let took = cause.at.elapsed();
        let stalled = self.stalls.lost().saturating_sub(cause.lost);
        if took.saturating_sub(stalled) > WITHIN {
            let how = format!("{what}: {took:?}, {stalled:?} of it without a processor");
            self.late.push(how);
        }
        self.took.push((what.to_owned(), took));
    }

    /// Each of them in turn, over and over. The first time is not measured: a printer that is ready may not have heard
    /// yet that it is to report.
    async fn steps(&mut self, desk: &Desk, wire: &str, steps: &[Step]) {
        let mut events = watch(desk).await;
        for turn in 0..=turns() {
            for (what, act, wanted) in steps {
                let cause = self.cause();
                act(&desk.printer);
                told_in_order(&mut events, what, wanted).await;
                if turn > 0 {
                    self.told(&format!("{what}, {wire}"), &cause);
                }
            }
        }
    }

    /// The same while a job waits in the printer for paper; it comes out whole in the end.
    async fn steps_in_a_job(&mut self, desk: &Desk, wire: &str) {
        hold_a_job(desk).await;
        self.steps(desk, wire, &IN_A_JOB).await;
        desk.printer.refill();
        until_job(desk, "held", PrintJobState::Printed).await;
    }

    /// `yibaoctl` has the device and is killed; another waits behind it.
    async fn killed(&mut self, desk: &Desk, role: &str, words: &[&str]) {
        let mut holder = tokio::process::Command::new(env!("CARGO_BIN_EXE_yibaoctl"));
        let holder = holder.arg("--socket").arg(desk.socket()).args(words);
        let holder = holder.stdout(Stdio::null()).stderr(Stdio::null());
        let mut holder = holder.kill_on_drop(true).spawn().expect("yibaoctl starts");
        let held = async || (!device(desk, role).await.held_by.is_empty()).then_some(());
        eventually(held).await.expect("it has the device");
        let claim = ClaimRequest {
            role: role.to_owned(),
            purpose: "the next window".to_owned(),
            ..ClaimRequest::default()
        };
        let mut client = devices(desk).await;
        let news = client.claim(claim).await.expect("a stream");
        let mut news = news.into_inner();
        assert!(matches!(next(&mut news).await, Update::Waiting(_)));
        let cause = self.cause();
        holder.start_kill().expect("it runs");
        let told = next(&mut news).await;
        self.told(role, &cause);
        let Update::Granted(granted) = told else {
            panic!("not granted: {told:?}")
        };
        let claim_id = granted.claim_id;
        let released = client.release_claim(ReleaseClaimRequest { claim_id }).await;
        released.expect("ours");
        holder.wait().await.expect("it is dead");
    }

    /// Leaves the figures; everything came in time.
    fn end(self) {
        self.proof.end(&Found {
            count: u64::try_from(self.took.len()).expect("a number"),
            failures: u64::try_from(self.late.len()).expect("a number"),
            seeds: None,
        });
        let mut names: Vec<&String> = self.took.iter().map(|(what, _)| what).collect();
        names.sort();
        names.dedup();
        let mut lines = String::new();
        for name in names {
            let of_it = self.took.iter().filter(|(what, _)| what == name);
            let mut times: Vec<u128> = of_it.map(|(_, took)| took.as_micros()).collect();
            times.sort_unstable();
            let (middle, worst) = (times[times.len() / 2], times[times.len() - 1]);
            let of = times.len();
            writeln!(
                lines,
                "{} ({name}): p50 {middle} µs, worst of {of} {worst} µs, the machine's own stalls included; ≤ {} ms",
                self.figure,
                WITHIN.as_millis(),
            )
            .expect("a text grows");
        }
        figure::leave(self.figure, &lines);
        assert!(self.late.is_empty(), "{:#?}", self.late);
    }
}

/// A job that waits in the printer for paper.
async fn hold_a_job(desk: &Desk) {
    desk.printer.paper_out_after(BEGUN_BYTES);
    let taken = print(desk, hasty("held", &["一行字"; 20])).await;
    taken.expect("taken");
    until(desk, "held", |job| why(job) == "PAPER_OUT").await;
}

/// What happens from now on.
async fn watch(desk: &Desk) -> Streaming<WatchDevicesResponse> {
    let request = WatchDevicesRequest::default();
    let told = devices(desk).await.watch_devices(request).await;
    let mut told = told.expect("a stream").into_inner();
    let first = told.message().await.expect("no error").expect("a word");
    assert!(matches!(first.update, Some(Seen::Snapshot(_))), "{first:?}");
    told
}

/// Waits until just these changes of the printer are told. One that is not so is a lie, however short.
async fn told_in_order(
    events: &mut Streaming<WatchDevicesResponse>,
    what: &str,
    wanted: &[DeviceChange],
) {
    let mut told = Vec::new();
    let found = async {
        while told.len() < wanted.len() {
            let update = events.message().await.expect("no error").expect("it runs");
            if let Some(Seen::Event(event)) = update.update
                && event.device == "printer"
                && is_of_the_printer(event.change())
            {
                told.push(event.change());
            }
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, found).await;
    assert_eq!(told, wanted, "{what}: {in_time:?}");
}

/// Whether a printer said it, and not who uses it.
fn is_of_the_printer(change: DeviceChange) -> bool {
    use DeviceChange as Is;
    let said = [
        Is::PaperOut,
        Is::PaperLow,
        Is::PaperOk,
        Is::CoverOpen,
        Is::CoverClosed,
        Is::Fault,
        Is::FaultCleared,
    ];
    said.contains(&change)
}

async fn next(news: &mut Streaming<ClaimResponse>) -> Update {
    let message = tokio::time::timeout(PATIENCE, news.message()).await;
    let message = message.expect("news in time").expect("no error");
    message
        .and_then(|it| it.update)
        .expect("the stream goes on")
}
