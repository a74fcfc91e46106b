//! Many callers at once: none gets another's news, each costs a bounded memory, and one too many is told so.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use tonic::Streaming;
use yibaod::api::daemon_service_client::DaemonServiceClient;
use yibaod::api::settlement_service_client::SettlementServiceClient;
use yibaod::api::{
    CancelSettlementRequest, CancelVerdict, GetSettlementRequest, Money, ReloadRequest, Stage,
    WatchSettlementRequest, WatchSettlementResponse, get_settlement_request,
};

use super::hostile::dice::Dice;
use super::rss_anon_kib;
use crate::desk::{Desk, Setup, Shows, Stalls, bill, channel, refusal};
use crate::proof::figure;
use crate::proof::record::{Found, Proof, is_long};

/// Callers on one connection.
const ON_ONE_CONNECTION: usize = 250;
/// Of the callers, so many have a settlement that settles; the others' are cancelled.
const SETTLED: usize = 4;
/// Settlements at once.
const AT_ONCE: usize = 32;
/// Memory of one waiting caller, KiB.
const EACH_KIB_MAX: u64 = 64;
/// As shipped: connections and calls of one caller.
const CONNECTIONS: usize = 64;
const CALLS: u32 = 32;
/// Calls of one caller while they all wait.
const CALLS_OF_A_CROWD: u32 = 20_000;
/// One connection too many is told so within this; what the machine stood still comes on top.
const TOLD_MS_MAX: u64 = 1_000;
/// So many of them one after the other.
const TOO_MANY: usize = 20;
/// Who was turned away comes again after the first of these, then after twice as long, up to the last.
const PAUSE_MS_MIN: u64 = 250;
const PAUSE_MS_MAX: u64 = 2_000;
/// Longest time for one of them to get its answer.
const PATIENCE_S: u64 = 300;

type Events = Streaming<WatchSettlementResponse>;

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_waits_in_bounded_memory_and_each_hears_its_own() {
    let many = if is_long() { 10_000 } else { 2_000 };
    let setup = Setup {
        calls_per_caller: CALLS_OF_A_CROWD,
        ..Setup::default()
    };
    let desk = Desk::start(setup).await;
    wait_and_hear(&desk, many).await;
    let text = std::fs::read_to_string(desk.config()).expect("its file");
    let [from, to] = [CALLS_OF_A_CROWD, CALLS].map(|calls| format!("calls_per_caller = {calls}\n"));
    std::fs::write(desk.config(), text.replace(&from, &to)).expect("its folder");
    let line = channel(&desk.socket()).await.expect("its door is open");
    let told = DaemonServiceClient::new(line)
        .reload(ReloadRequest {})
        .await;
    assert_eq!(told.expect("it is right").into_inner().changes.len(), 1);
    one_too_many_is_told(&desk).await;
    come_and_ask(desk, many).await;
}

/// All wait at once, as behind an application server that has few connections and was allowed so many calls.
async fn wait_and_hear(desk: &Desk, many: usize) {
    let mut proof = Proof::begin(
        "crowd",
        "callers waiting at once on few connections (calls_per_caller raised): memory bounded, each told its own settlement",
        "少量连接上同时等待的调用方（已调高 calls_per_caller）：内存有界，各得其果",
    );
    let idle_kib = rss_anon_kib(desk.pid());
    let began = Instant::now();
    let mut waiting = Vec::new();
    for first in (0..many).step_by(ON_ONE_CONNECTION) {
        let line = channel(&desk.socket()).await.expect("its door is open");
        let client = SettlementServiceClient::new(line);
        for n in first..many.min(first + ON_ONE_CONNECTION) {
            let request_id = request_id(n);
            let mut client = client.clone();
            let told = client.watch_settlement(WatchSettlementRequest { request_id });
            waiting.push((n, told.await.expect("it waits").into_inner()));
        }
    }
    let waiting_kib = rss_anon_kib(desk.pid());
    let each_kib = waiting_kib.saturating_sub(idle_kib) / u64::try_from(many).expect("small");
    for n in (0..many).step_by(many / SETTLED) {
        let order = bill(desk, &request_id(n));
        desk.pay(order, &[Shows::fresh("employee")]).await;
    }
    // A connection has so many streams, and those who wait have them all.
    let payer = &desk.settlements().await;
    let heard = waiting.into_iter().map(|(n, events)| async move {
        match n % (many / SETTLED) {
            0 => heard(events, Money::Settled).await,
            _ => cancelled(desk, n, payer.clone(), events).await,
        }
    });
    let heard: Vec<_> = futures_util::stream::iter(heard)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let ids: BTreeSet<&String> = heard.iter().flatten().collect();
    let wrong = many - ids.len();
    let end_kib = rss_anon_kib(desk.pid());
    let end = format!(
        "{waiting_kib} KiB while they wait, {each_kib} each; {idle_kib} KiB before and {end_kib} KiB after all were told"
    );
    proof.cell("waiting", &end, "–", began.elapsed());
    let told = format!("memory of {many} waiting callers (RssAnon): {end}");
    figure::leave("crowd", &told);
    proof.end(&Found {
        count: u64::try_from(many).expect("small"),
        failures: u64::try_from(wrong).expect("small"),
        seeds: None,
    });
    assert_eq!(wrong, 0, "who was told nothing, or another's");
    assert!(each_kib <= EACH_KIB_MAX, "{end}");
}

fn request_id(n: usize) -> String {
    format!("CROWD-{n}")
}

/// The settlement of which all of it tells, when it tells of one only and to its end.
async fn heard(mut events: Events, wanted: Money) -> Option<String> {
    let (mut ids, mut last) = (BTreeSet::new(), None);
    while let Some(told) = events.message().await.expect("it goes on") {
        let event = told.event.expect("an event");
        ids.insert(event.settlement_id.clone());
        last = Some(event);
    }
    let ended = last?;
    let is_ended = ended.stage() == Stage::Ended && ended.settlement?.money() == wanted;
    (ids.len() == 1 && is_ended)
        .then(|| ids.pop_first())
        .flatten()
}

/// Begins the settlement that is waited for and takes it back.
async fn cancelled(
    desk: &Desk,
    n: usize,
    mut client: SettlementServiceClient<tonic::transport::Channel>,
    mut events: Events,
) -> Option<String> {
    let mut payer = client.clone();
    let order = bill(desk, &request_id(n));
    let paying = tokio::spawn(async move { payer.scan_and_pay(order).await });
    let first = events.message().await.expect("it goes on")?.event?;
    let cancel = CancelSettlementRequest {
        request_id: request_id(n),
    };
    let told = client.cancel_settlement(cancel).await.expect("its own");
    assert_eq!(told.into_inner().verdict(), CancelVerdict::Cancelled);
    let heard = heard(events, Money::Cancelled).await?;
    let answer = paying.await.expect("no panic").expect("it was taken");
    let own = answer.into_inner().settlement?;
    let is_own = own.request_id == request_id(n) && own.settlement_id == heard;
    (is_own && first.settlement_id == heard).then_some(heard)
}

/// The door is full with one caller's connections: the next is told why, in gRPC and in JSON, and those inside are
/// served.
async fn one_too_many_is_told(desk: &Desk) {
    let mut inside = Vec::new();
    for n in 0..CONNECTIONS {
        let line = channel(&desk.socket()).await.expect("its door is open");
        let mut client = SettlementServiceClient::new(line);
        assert_eq!(ask(&mut client, n).await.ok(), Some(true));
        inside.push(client);
    }
    for n in 0..TOO_MANY {
        let (began, stalls) = (Instant::now(), Stalls::watch());
        if n % 2 == 0 {
            let line = channel(&desk.socket()).await.expect("it is taken");
            let told = ask(&mut SettlementServiceClient::new(line), n).await;
            let told = refusal(&told.expect_err("it is one too many"));
            assert_eq!(told.name, "TOO_MANY_CALLS", "{told:?}");
            assert!(told.detail.contains("connections"), "{told:?}");
        } else {
            let told = in_json(desk, n).await;
            assert!(told.starts_with("HTTP/1.1 429 "), "{told}");
            assert!(
                told.contains("E7005") && told.contains("connections"),
                "{told}"
            );
        }
        let most = Duration::from_millis(TOLD_MS_MAX) + stalls.lost();
        assert!(began.elapsed() <= most, "{:?}", began.elapsed());
    }
    for (n, client) in inside.iter_mut().enumerate() {
        assert_eq!(ask(client, n).await.ok(), Some(true), "it is served on");
    }
}

/// Whether one is told its own.
async fn ask(
    client: &mut SettlementServiceClient<tonic::transport::Channel>,
    n: usize,
) -> Result<bool, tonic::Status> {
    let key = Some(get_settlement_request::Key::RequestId(request_id(n)));
    let told = client.get_settlement(GetSettlementRequest { key }).await?;
    let told = told.into_inner().settlement;
    Ok(told.is_some_and(|told| told.request_id == request_id(n)))
}

async fn in_json(desk: &Desk, n: usize) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut line = tokio::net::UnixStream::connect(desk.socket())
        .await
        .expect("it is taken");
    let body = format!("{{\"requestId\":\"{}\"}}", request_id(n));
    let asked = format!(
        "POST /yibao.v1.SettlementService/GetSettlement HTTP/1.1\r\nHost: localhost\r\n\
         Content-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    line.write_all(asked.as_bytes()).await.expect("it is read");
    let mut told = String::new();
    line.read_to_string(&mut told).await.expect("it is told");
    told
}

/// How the crowd fared.
#[derive(Default)]
struct Fared {
    /// Told that there are too many connections or calls.
    told: AtomicU64,
    /// Cut off without a word: too many were being told.
    cut: AtomicU64,
}

/// All come at once, each with a connection of its own, as shipped: who is turned away comes again.
async fn come_and_ask(desk: Desk, many: usize) {
    let mut proof = Proof::begin(
        "crowd-shipped",
        "callers coming at once, a connection each, at the shipped limits: the rest refused and back later, each told its own",
        "按出厂限额同时到来、各用一条连接的调用方：超出者被拒后再来，各得其果",
    );
    let (desk, fared) = (Arc::new(desk), Arc::new(Fared::default()));
    let (began, idle_kib) = (Instant::now(), rss_anon_kib(desk.pid()));
    let mut coming = tokio::task::JoinSet::new();
    for n in 0..many {
        coming.spawn(come(Arc::clone(&desk), n, Arc::clone(&fared)));
    }
    let (mut wrong, mut most_kib) = (Vec::new(), idle_kib);
    while let Some(told) = coming.join_next().await {
        wrong.extend(told.expect("no panic").err());
        most_kib = most_kib.max(rss_anon_kib(desk.pid()));
    }
    let [told, cut] = [&fared.told, &fared.cut].map(|count| count.load(Ordering::Relaxed));
    let end = format!(
        "all told within {} s, {told} refusals told, {cut} connections cut, {idle_kib} KiB before and {most_kib} KiB at most",
        began.elapsed().as_secs()
    );
    println!("crowd: {many} callers at the shipped limits, {end}");
    proof.cell("coming", &end, "–", began.elapsed());
    proof.end(&Found {
        count: u64::try_from(many).expect("small"),
        failures: u64::try_from(wrong.len()).expect("small"),
        seeds: None,
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(told > 0, "{end}");
    let grown_kib = most_kib - idle_kib;
    let most = EACH_KIB_MAX * u64::try_from(2 * CONNECTIONS).expect("small");
    assert!(
        grown_kib <= most,
        "more than those inside and those told: {end}"
    );
}

async fn come(desk: Arc<Desk>, n: usize, fared: Arc<Fared>) -> Result<(), String> {
    let mut dice = Dice(u64::try_from(n).expect("small"));
    let (until, mut pause_ms) = (
        Instant::now() + Duration::from_secs(PATIENCE_S),
        PAUSE_MS_MIN,
    );
    while Instant::now() < until {
        let told = match channel(&desk.socket()).await {
            Ok(line) => ask(&mut SettlementServiceClient::new(line), n).await,
            Err(_) => Err(tonic::Status::unavailable("it was cut")),
        };
        match told {
            Ok(true) => return Ok(()),
            Ok(false) => return Err(format!("{n} was told another's")),
            Err(status) if status.code() == tonic::Code::ResourceExhausted => {
                let told = refusal(&status);
                assert_eq!(told.name, "TOO_MANY_CALLS", "{told:?}");
                fared.told.fetch_add(1, Ordering::Relaxed);
            }
            Err(status) if status.details().is_empty() => {
                fared.cut.fetch_add(1, Ordering::Relaxed);
            }
            Err(status) => return Err(format!("{n}: {status:?}")),
        }
        let some = usize::try_from(pause_ms).expect("small");
        let pause_of = u64::try_from(some / 2 + dice.below(some)).expect("small");
        tokio::time::sleep(Duration::from_millis(pause_of)).await;
        pause_ms = (pause_ms * 2).min(PAUSE_MS_MAX);
    }
    Err(format!("{n} was never told"))
}
