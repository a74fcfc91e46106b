//! What many of something cost: settlements at once, devices, calls, years of events.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use yibaod::api::claim_response::Update;
use yibaod::api::device_service_client::DeviceServiceClient;
use yibaod::api::{AccountUse, ClaimRequest, Money};
use yibaod::sandbox::devices::scanner::Scanner;

use super::desk::{Desk, Setup, Shows, bill, channel};
use super::table::{Spread, Table, row, tenths, us};
use super::{STARTS, metric, until};

const TOGETHER: usize = 32;
/// Besides the scanner and the printer that every desk has.
const SCANNERS_MORE: usize = 6;
/// Connections of the load.
const AT_ONCE: usize = 8;
/// The longest lease that there is; a claim that is not renewed is given anew long before.
const LEASE_MS: u32 = 600_000;
const CYCLES_OF_A_CLAIM: usize = 250;

/// Settlements at once share their syncs.
pub(super) async fn together(table: &mut Table) {
    let desk = Desk::start(Setup::default()).await;
    // One person's settlements at once: without the account, and with the deductible reached, none changes what
    // another was shown.
    let paid = async |id: &str| {
        let mut request = bill(&desk, id);
        request.account_use = AccountUse::No.into();
        desk.pay(request, &[Shows::fresh("employee")]).await
    };
    paid("first").await;
    let syncs = "yibaod_journal_syncs_total";
    let calls = "yibaod_platform_calls_total";
    let before = [metric(&desk, syncs).await, metric(&desk, calls).await];
    let ids: Vec<String> = (0..TOGETHER).map(|n| format!("together-{n}")).collect();
    for told in join_all(ids.iter().map(|id| paid(id))).await {
        assert_eq!(told.money(), Money::Settled);
    }
    let after = [metric(&desk, syncs).await, metric(&desk, calls).await];
    let count = u64::try_from(TOGETHER).expect("a small number");
    let each = |n: usize| tenths((after[n] - before[n]) * 10 / count);
    table.push(row(
        &format!("syncs of each of {TOGETHER} settlements at once · 并发落盘"),
        &each(0),
        &format!("{} calls", each(1)),
        "–",
        "< alone",
    ));
}

/// From the start after a `kill -9` to the answer that tells of the settlement that was open.
pub(super) async fn killed(table: &mut Table) {
    let mut desk = Desk::start(Setup::default()).await;
    let patient = desk.patient("open", &[]).await;
    let call = tokio::spawn({
        let (request, channel) = (bill(&desk, "open"), desk.settlements().await);
        let mut channel = channel;
        async move { channel.scan_and_pay(request).await.is_ok() }
    });
    while desk.get("open").await.is_none() {
        tokio::task::yield_now().await;
    }
    desk.kill();
    patient.abort();
    call.abort();
    let began = Instant::now();
    desk.start_daemon().await;
    let told = desk.get("open").await;
    let took = began.elapsed();
    assert!(told.is_some(), "what was open is told");
    table.push(row(
        "kill -9 → open settlement told · 强杀后找回",
        &us(took),
        "–",
        "–",
        "≤ 1 s",
    ));
}

/// A scanner that is pulled and plugged in again, many times.
pub(super) async fn replugs(table: &mut Table, cycles: usize) {
    let desk = Desk::start(Setup::default()).await;
    let name = "process_anonymous_memory_bytes";
    let (mut before, mut times) = (0, Vec::with_capacity(cycles));
    while times.len() < cycles {
        replug(
            &desk,
            cycles.min(times.len() + CYCLES_OF_A_CLAIM),
            &mut times,
        )
        .await;
        if before == 0 {
            before = metric(&desk, name).await;
        }
    }
    let after = metric(&desk, name).await;
    let grown = format!("{} MB", tenths(after.saturating_sub(before) / 100_000));
    let what = format!("growth after {cycles} replugs · 拔插后内存增长");
    table.push(row(&what, &grown, "–", "–", "≤ 1 MB"));
    let shown = Spread::of(times).shown();
    table.push(row(
        "scanner plugged in → told · 插上到告知",
        &shown,
        "–",
        "–",
        "–",
    ));
}

/// Up to so many cycles, told by the stream of one claim.
async fn replug(desk: &Desk, cycles: usize, times: &mut Vec<Duration>) {
    let line = channel(&desk.socket()).await.expect("it listens");
    let request = ClaimRequest {
        role: "scanner".to_owned(),
        purpose: "benchmark".to_owned(),
        lease_ms: LEASE_MS,
        ..ClaimRequest::default()
    };
    let claimed = DeviceServiceClient::new(line).claim(request).await;
    let mut news = claimed.expect("it is free").into_inner();
    let is = |update: &Update, present: bool| matches!(update, Update::Presence(now) if now.present == present);
    until(&mut news, |it| matches!(it, Update::Granted(_))).await;
    while times.len() < cycles {
        desk.scanner.unplug();
        until(&mut news, |it| is(it, false)).await;
        let began = Instant::now();
        desk.scanner.replug().expect("a pty");
        until(&mut news, |it| is(it, true)).await;
        times.push(began.elapsed());
    }
}

/// Idle with eight devices, and after very many calls.
pub(super) async fn memory(table: &mut Table, calls: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut scanners = Vec::new();
    let mut config_more = String::new();
    for n in 0..SCANNERS_MORE {
        let place = folder.path().join(n.to_string());
        std::fs::create_dir(&place).expect("room");
        let scanner = Scanner::start(&place).expect("a pty");
        config_more += &format!(
            "[[device]]\nname = \"more-{n}\"\nrole = \"scanner-{}\"\nkind = \"serial-scanner\"\npath = \"{}\"\n",
            n + 2,
            scanner.path().display()
        );
        scanners.push(scanner);
    }
    let desk = Desk::start(Setup {
        config_more,
        ..Setup::default()
    })
    .await;
    let name = "process_anonymous_memory_bytes";
    let megabytes = |bytes: u64| format!("{} MB", tenths(bytes / 100_000));
    // A first few calls make what stays: threads' buffers, the pages of the door.
    let _lines = flood(&desk, AT_ONCE * 1_000).await;
    let idle = metric(&desk, name).await;
    table.push(row(
        "memory idle with 8 devices, RssAnon · 空闲内存",
        &megabytes(idle),
        "–",
        "–",
        "≤ 12 MB",
    ));
    // While they are open: what a connection keeps is kept as long as a HIS runs.
    let lines = flood(&desk, calls).await;
    let after = metric(&desk, name).await;
    table.push(row(
        &format!("growth after {calls} calls · 内存增长"),
        &megabytes(after.saturating_sub(idle)),
        "–",
        "–",
        "≤ 1 MB",
    ));
    drop(lines);
}

/// The connections that they came over, open.
async fn flood(desk: &Desk, calls: usize) -> Vec<HealthClient<Channel>> {
    let flooding = (0..AT_ONCE).map(|_| async {
        let line = channel(&desk.socket()).await.expect("it listens");
        let mut client = HealthClient::new(line);
        for _ in 0..calls / AT_ONCE {
            let asked = client.check(HealthCheckRequest::default()).await;
            asked.expect("it answers");
        }
        client
    });
    join_all(flooding).await
}

/// From the start of the process to the first answer, with an empty journal and a large one.
pub(super) async fn start(table: &mut Table, events: usize) {
    let mut desk = Desk::prepare(super::platform().await, Setup::default());
    let empty = starts(&mut desk).await;
    desk.fill_journal(events).await;
    let large = starts(&mut desk).await;
    for (name, spread) in [
        ("start → ready · 启动".to_owned(), empty),
        (format!("the same with {events} events"), large),
    ] {
        table.push(row(&name, &us(spread.middle), "–", "–", "≤ 50 ms"));
    }
}

async fn starts(desk: &mut Desk) -> Spread {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let began = Instant::now();
        desk.start_daemon().await;
        times.push(began.elapsed());
        desk.stop().await;
    }
    Spread::of(times)
}
