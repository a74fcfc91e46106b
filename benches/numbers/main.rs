//! The numbers to hold, ours beside their floor, measured in one run on one machine:
//!
//! ```text
//! cargo bench --features card --bench numbers [-- --n 2000] [--settlements 50] [--events 1000000] [--load 1000000]
//!     [--replugs 10000] [--only settlements,papers] [--write]
//! ```
//!
//! The floor is what the same work costs with nothing of ours in it: a bare tonic server with the standard health
//! service, a bare echo of zbus, a bare pty, a bare write and sync. `--only` measures the named parts: calls, codes,
//! settlements, prompt, papers, kill, flood, replugs, memory, starts. `--write` puts the table into
//! `benches/numbers.md`. Figures are worth something on an otherwise idle machine only.

mod bus;
mod crowd;
#[path = "../../tests/it/desk/mod.rs"]
#[expect(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "the desk of the tests, of which a part is used"
)]
mod desk;
mod floor;
mod judge;
mod load;
mod paper;
mod prompt;
mod settle;
mod table;

use std::sync::Arc;
use std::time::{Duration, Instant};

use floor::Bare;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use yibaod::api::claim_response::Update;
use yibaod::api::daemon_service_client::DaemonServiceClient;
use yibaod::api::device_service_client::DeviceServiceClient;
use yibaod::api::{ClaimRequest, ClaimResponse, GetMetricsRequest};
use yibaod::sandbox::devices::scanner::Terminator;
use yibaod::sandbox::platform::{Options, Platform};

use desk::{Desk, Setup, channel};
use table::{Spread, Table, compared, drawn, row, tenths, times, us};

const CALLS: usize = 2_000;
const SETTLEMENTS: usize = 50;
/// Events of the large journal, and calls that may leave nothing in memory.
const EVENTS: usize = 1_000_000;
const LOAD: usize = 1_000_000;
const REPLUGS: usize = 10_000;
const STARTS: usize = 10;
/// In which ours and its floor change places.
const ROUNDS: usize = 10;
/// Of each loop, left out: caches, first allocations.
const WARM_UP: usize = 50;
/// A code that is none of ours.
const CODE: &[u8] = b"6901234567892";

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let number = |name: &str, usual: usize| {
        let at = words.iter().position(|word| word == name);
        at.and_then(|at| words.get(at + 1)?.parse().ok())
            .unwrap_or(usual)
    };
    let (calls, settlements) = (number("--n", CALLS), number("--settlements", SETTLEMENTS));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let (events, load) = (number("--events", EVENTS), number("--load", LOAD));
    let replugs = number("--replugs", REPLUGS);
    let only = words.iter().position(|word| word == "--only");
    let only = only.and_then(|at| words.get(at + 1)).map(String::as_str);
    let parts = Parts::of(only);
    let table = runtime.block_on(measure(
        &parts,
        (calls, settlements),
        (events, load, replugs),
    ));
    let text = drawn(&table, calls, settlements);
    println!("{text}");
    if words.iter().any(|word| word == "--write") {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/numbers.md");
        std::fs::write(path, text).expect("the checkout can be written");
        println!("written to {path}");
    }
}

/// Which parts are measured, and since when.
struct Parts<'a> {
    only: Option<Vec<&'a str>>,
    began: Instant,
}

impl<'a> Parts<'a> {
    fn of(only: Option<&'a str>) -> Self {
        Self {
            only: only.map(|only| only.split(',').collect()),
            began: Instant::now(),
        }
    }

    /// Whether this part is measured. Says that it begins.
    fn has(&self, part: &str) -> bool {
        let has = self.only.as_ref().is_none_or(|only| only.contains(&part));
        if has {
            eprintln!("[{:4} s] {part}", self.began.elapsed().as_secs());
        }
        has
    }
}

async fn measure(
    parts: &Parts<'_>,
    (calls, settlements): (usize, usize),
    (events, load, replugs): (usize, usize, usize),
) -> Table {
    let mut table = Table::new();
    let desk = Desk::start(Setup::default()).await;
    let bare = Bare::start(desk.dir()).await;
    if parts.has("calls") {
        unary(&mut table, &desk, &bare, calls).await;
        bus::compare(&mut table, calls).await;
    }
    if parts.has("codes") {
        scan(&mut table, &desk, &bare, calls.min(500)).await;
    }
    if parts.has("settlements") {
        settle::alone(&mut table, &desk, settlements).await;
        sync(&mut table, &desk, calls.min(500)).await;
    }
    if parts.has("prompt") {
        prompt::printer(&mut table, calls.min(500)).await;
        prompt::killed_holder(&mut table, &desk, calls.min(50)).await;
    }
    drop(desk);
    if parts.has("settlements") {
        load::together(&mut table).await;
    }
    if parts.has("papers") {
        paper::format(&mut table, calls.min(500));
        paper::first_byte(&mut table, calls.min(200)).await;
    }
    if parts.has("kill") {
        load::killed(&mut table).await;
    }
    if parts.has("flood") {
        crowd::beside_a_flood(&mut table, calls).await;
    }
    if parts.has("replugs") {
        load::replugs(&mut table, replugs).await;
    }
    if parts.has("memory") {
        load::memory(&mut table, load).await;
    }
    if parts.has("starts") {
        load::start(&mut table, events).await;
        size(&mut table);
        exposure(&mut table);
    }
    table
}

/// A platform for a desk whose far ends stand before it does.
async fn platform() -> Arc<Platform> {
    let started = Platform::start(Options::default()).await;
    Arc::new(started.expect("a free port"))
}

/// An empty call on the local socket: the standard health check.
async fn unary(table: &mut Table, desk: &Desk, bare: &Bare, calls: usize) {
    let ours = channel(&desk.socket()).await.expect("it listens");
    let floor = channel(&bare.socket()).await.expect("it listens");
    let mut clients = [ours, floor].map(HealthClient::new);
    let spreads = by_turns(calls, async |which| {
        let asked = HealthCheckRequest::default();
        clients[which].check(asked).await.expect("it answers");
    });
    compared(
        table,
        "empty unary call · 空调用",
        &spreads.await,
        "p50 ≤ 1.3 ×, p99 ≤ 1.5 ×",
    );
}

/// The same done to ours (0) and to the floor (1), in rounds that change places: what else the machine does meets
/// both.
async fn by_turns(calls: usize, mut one: impl AsyncFnMut(usize)) -> [Spread; 2] {
    let mut times = [const { Vec::new() }; 2];
    for round in 0..ROUNDS {
        for which in [round % 2, 1 - round % 2] {
            for turn in 0..calls.div_ceil(ROUNDS) + WARM_UP {
                let began = Instant::now();
                one(which).await;
                if turn >= WARM_UP {
                    times[which].push(began.elapsed());
                }
            }
        }
    }
    times.map(Spread::of)
}

/// From the last byte on the scanner's wire to the client that waits for it.
async fn scan(table: &mut Table, desk: &Desk, bare: &Bare, codes: usize) {
    let channel = channel(&desk.socket()).await.expect("it listens");
    let mut client = DeviceServiceClient::new(channel);
    let claim = ClaimRequest {
        role: "scanner".to_owned(),
        purpose: "benchmark".to_owned(),
        lease_ms: 60_000,
        codes: true,
        ..ClaimRequest::default()
    };
    let claimed = client.claim(claim).await.expect("it is free");
    let mut news = claimed.into_inner();
    until(&mut news, |update| matches!(update, Update::Granted(_))).await;
    let mut times = Vec::with_capacity(codes);
    for turn in 0..codes + WARM_UP {
        let (last, first) = CODE.split_last().expect("a code");
        desk.scanner
            .scan_raw(first)
            .await
            .expect("it is plugged in");
        let began = Instant::now();
        let end = [&[*last], Terminator::Cr.bytes()].concat();
        desk.scanner.scan_raw(&end).await.expect("it is plugged in");
        until(&mut news, |update| matches!(update, Update::Code(_))).await;
        if turn >= WARM_UP {
            times.push(began.elapsed());
        }
    }
    let floor = Spread::of(bare.codes(codes, WARM_UP).await);
    compared(
        table,
        "scanner → client · 扫码送达",
        &[Spread::of(times), floor],
        "p50 ≤ 2.5 ×",
    );
}

/// Waits for such an update.
async fn until(news: &mut tonic::Streaming<ClaimResponse>, mut is: impl FnMut(&Update) -> bool) {
    loop {
        let told = news.message().await.expect("it is told").expect("it lives");
        if told.update.as_ref().is_some_and(&mut is) {
            return;
        }
    }
}

/// One commit of the journal beside one bare write and sync in the same folder.
async fn sync(table: &mut Table, desk: &Desk, syncs: usize) {
    let sum_us = metric(desk, "yibaod_journal_commit_seconds_sum").await;
    let count = metric(desk, "yibaod_journal_commit_seconds_count").await;
    let ours = Duration::from_micros(sum_us / count.max(1));
    let floor = floor::syncs(&desk.state_dir(), syncs);
    let ratio = times(ours, floor.middle);
    let name = "journal commit (mean) · 流水提交";
    table.push(row(name, &us(ours), &us(floor.middle), &ratio, "–"));
}

fn size(table: &mut Table) {
    let bytes = std::fs::metadata(env!("CARGO_BIN_EXE_yibaod")).map_or(0, |meta| meta.len());
    let shown = format!("{} MB", tenths(bytes / 100_000));
    table.push(row("daemon's size · 程序大小", &shown, "–", "–", "≤ 12 MB"));
}

/// By systemd, where it is.
fn exposure(table: &mut Table) {
    let unit = concat!(env!("CARGO_MANIFEST_DIR"), "/systemd/yibaod.service");
    let asked = std::process::Command::new("systemd-analyze")
        .args(["security", "--offline=true", unit])
        .output();
    let said = asked.map_or(String::new(), |it| {
        String::from_utf8_lossy(&it.stdout).into()
    });
    let line = said.lines().find(|line| line.contains("exposure level"));
    let shown = line.and_then(|line| line.split(": ").nth(1)).unwrap_or("–");
    let name = "systemd-analyze security";
    table.push(row(name, shown.trim(), "–", "–", "≤ 1.5"));
}

/// What the daemon tells: the sum of all samples of a family, or the one with these labels; seconds as microseconds.
async fn metric(desk: &Desk, name: &str) -> u64 {
    let channel = channel(&desk.socket()).await.expect("it listens");
    let mut client = DaemonServiceClient::new(channel);
    let answer = client.get_metrics(GetMetricsRequest {}).await;
    let text = answer.expect("it answers").into_inner().text;
    let is_it = |sample: &str| {
        let bare = sample.split(['{', ' ']).next().unwrap_or_default();
        bare == name || (name.contains('{') && sample.starts_with(name))
    };
    let found = text.lines().filter(|line| is_it(line));
    let values = found.filter_map(|line| line.rsplit(' ').next());
    values
        .map(|value| whole(value, name.contains("seconds") && !name.ends_with("_count")))
        .sum()
}

/// `1.25` as 1250000, where it is seconds.
fn whole(value: &str, is_seconds: bool) -> u64 {
    let (before, after) = value.split_once('.').unwrap_or((value, ""));
    let before: u64 = before.parse().unwrap_or(0);
    if !is_seconds {
        return before;
    }
    let after: u64 = format!("{after:0<6}").parse().unwrap_or(0);
    before * 1_000_000 + after
}
