//! A greedy caller and one that takes nothing, beside one that works.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use yibaod::api::GetStatusRequest;
use yibaod::api::daemon_service_client::DaemonServiceClient;

use super::{TOKEN, tcp};
use crate::bus::world::{OWNER, World};
use crate::desk::{Desk, Setup, channel};
use crate::proof::figure;
use crate::proof::record::{Found, Proof};

/// Calls of the one that works in each round, alone and then beside: what else the machine does meets both.
const CALLS: usize = 100;
const ROUNDS: usize = 15;
/// Calls of one caller, as shipped.
const CALLS_PER_CALLER: u32 = 32;
/// Calls of the greedy one at once.
const GREEDY: usize = 64;
/// Calls of the greedy one on one of its connections: all of them are fewer than one caller may have.
const ON_ONE_CONNECTION: usize = 4;
/// Connections that send requests and read nothing.
const STALLED: usize = 16;
/// How much longer the one that works may wait: the goal is 2.
const GOAL: u128 = 2;
/// On a shared machine it must hold at ten times the goal.
const LEEWAY: u128 = 10;

/// Beside whom.
struct Neighbour {
    id: &'static str,
    en: &'static str,
    zh: &'static str,
    /// Says when it may begin and when it must rest.
    go: watch::Sender<bool>,
    /// Each answers how often it asked.
    greedy: Vec<JoinHandle<u64>>,
    /// Connections over TCP that send and take nothing, anew in each round.
    stalled: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_greedy_caller_and_a_stalled_one_leave_others_alone() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (config_more, address) = tcp(dir.path(), "monitor");
    let desk = Desk::start(shipped(config_more)).await;
    let (go, going) = watch::channel(false);
    let mut greedy = Vec::new();
    for _ in 0..GREEDY / ON_ONE_CONNECTION {
        let line = over_tcp(address).await;
        greedy.extend((0..ON_ONE_CONNECTION).map(|_| {
            let client = DaemonServiceClient::new(line.clone());
            tokio::spawn(flood(client, Some(TOKEN), going.clone()))
        }));
    }
    let honest = Honest::Socket(&desk);
    let neighbour = Neighbour {
        id: "greedy",
        en: "p99 of a caller beside a flooding and a stalled one",
        zh: "有调用方泛滥或停滞时其他调用方的 p99",
        go,
        greedy,
        stalled: STALLED,
    };
    beside(&honest, address, neighbour).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_just_below_its_limit_leaves_others_alone() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (config_more, address) = tcp(dir.path(), "monitor");
    let desk = Desk::start(shipped(config_more)).await;
    let (go, going) = watch::channel(false);
    let mut greedy = Vec::new();
    for _ in 1..CALLS_PER_CALLER {
        let line = channel(&desk.socket()).await.expect("its door is open");
        let client = DaemonServiceClient::new(line);
        greedy.push(tokio::spawn(flood(client, None, going.clone())));
    }
    let neighbour = Neighbour {
        id: "greedy-legal",
        en: "p99 of a caller beside one with 31 calls open all the time, one below its limit",
        zh: "有调用方一直占用 31 个调用（比限额少一个）时其他调用方的 p99",
        go,
        greedy,
        stalled: 0,
    };
    beside(&Honest::Tcp(address), address, neighbour).await;
    let page = desk.metrics().await;
    assert!(
        page.contains("yibaod_calls_refused_total{code=\"E7005\"} 0\n"),
        "it keeps to its limit: {page}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_greedy_caller_on_the_bus_leaves_others_alone() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (config_more, address) = tcp(dir.path(), "monitor");
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).expect("its mode");
    let token = dir.path().join("hall.token");
    std::os::unix::fs::chown(&token, Some(OWNER), None).expect("root may");
    let world = World::start_with(shipped(config_more)).await;
    let (go, going) = watch::channel(false);
    let mut greedy = Vec::new();
    for _ in 0..GREEDY / ON_ONE_CONNECTION {
        let bus = zbus::connection::Builder::address(world.address().as_str());
        let bus = bus.build().await.expect("a bus");
        greedy.extend(
            (0..ON_ONE_CONNECTION).map(|_| tokio::spawn(flood_bus(bus.clone(), going.clone()))),
        );
    }
    let neighbour = Neighbour {
        id: "greedy-bus",
        en: "p99 of a caller beside one that floods the system bus",
        zh: "有调用方在系统总线上泛滥时其他调用方的 p99",
        go,
        greedy,
        stalled: 0,
    };
    beside(&Honest::Tcp(address), address, neighbour).await;
}

fn shipped(config_more: String) -> Setup {
    Setup {
        calls_per_caller: CALLS_PER_CALLER,
        config_more,
        ..Setup::default()
    }
}

/// Alone and beside, in turns.
async fn beside(honest: &Honest<'_>, address: SocketAddr, neighbour: Neighbour) {
    let mut proof = Proof::begin(neighbour.id, neighbour.en, neighbour.zh);
    let began = Instant::now();
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        alone.extend(honest.times().await);
        let mut stalled = Vec::new();
        for _ in 0..neighbour.stalled {
            stalled.push(stall(address).await);
        }
        neighbour.go.send_replace(true);
        beside.extend(honest.times().await);
        neighbour.go.send_replace(false);
    }
    drop(neighbour.go);
    let mut calls = 0;
    for one in neighbour.greedy {
        let asked = one.await.expect("it floods to the end");
        assert!(asked > 0, "each of them asked");
        calls += asked;
    }
    let (alone, beside) = (p99(alone), p99(beside));
    let times = beside.as_micros() * 100 / alone.as_micros().max(1);
    let end = format!(
        "p99 {} µs alone, {} µs beside, {}.{:02} times; the neighbour asked {calls} times",
        alone.as_micros(),
        beside.as_micros(),
        times / 100,
        times % 100
    );
    println!("{}: {end}", neighbour.id);
    figure::leave(neighbour.id, &format!("{}: {end}", neighbour.en));
    proof.cell("GetStatus", &end, "–", began.elapsed());
    let failures = u64::from(times > GOAL * LEEWAY * 100);
    proof.end(&Found {
        count: u64::try_from(CALLS * ROUNDS).expect("a small number"),
        failures,
        seeds: None,
    });
    assert_eq!(failures, 0, "{end}");
}

/// The one that works: another caller than its neighbour.
enum Honest<'a> {
    Socket(&'a Desk),
    /// With the token.
    Tcp(SocketAddr),
}

impl Honest<'_> {
    /// Of calls one after another.
    async fn times(&self) -> Vec<Duration> {
        let (line, token) = match self {
            Honest::Socket(desk) => (channel(&desk.socket()).await.expect("it is open"), None),
            Honest::Tcp(address) => (over_tcp(*address).await, Some(TOKEN)),
        };
        let mut client = DaemonServiceClient::new(line);
        let mut took = Vec::new();
        for _ in 0..CALLS {
            let began = Instant::now();
            client.get_status(request(token)).await.expect("it answers");
            took.push(began.elapsed());
        }
        took
    }
}

async fn over_tcp(address: SocketAddr) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
    endpoint.connect().await.expect("it listens")
}

fn request(token: Option<&str>) -> tonic::Request<GetStatusRequest> {
    let mut request = tonic::Request::new(GetStatusRequest {});
    if let Some(token) = token {
        let bearer: MetadataValue<_> = format!("Bearer {token}").parse().expect("a token");
        request.metadata_mut().insert("authorization", bearer);
    }
    request
}

fn p99(mut took: Vec<Duration>) -> Duration {
    took.sort();
    took[took.len() * 99 / 100]
}

/// Calls without a pause while it may, until nobody says so any more; answers how many.
async fn flood(
    mut client: DaemonServiceClient<Channel>,
    token: Option<&'static str>,
    mut going: watch::Receiver<bool>,
) -> u64 {
    let mut asked = 0;
    while going.wait_for(|&go| go).await.is_ok() {
        // Of one that is greedy most are refused: it has more calls open than it may.
        client.get_status(request(token)).await.ok();
        asked += 1;
    }
    asked
}

/// The same on the bus.
async fn flood_bus(bus: zbus::Connection, mut going: watch::Receiver<bool>) -> u64 {
    let (name, path) = ("org.yibaod.Bridge1", "/org/yibaod/Bridge1");
    let interface = Some("org.yibaod.Bridge1.Daemon");
    let mut asked = 0;
    while going.wait_for(|&go| go).await.is_ok() {
        let told = bus.call_method(Some(name), path, interface, "GetStatus", &());
        told.await.ok();
        asked += 1;
    }
    asked
}

/// Asks again and again and reads nothing.
async fn stall(address: SocketAddr) -> tokio::net::TcpStream {
    let mut line = tokio::net::TcpStream::connect(address)
        .await
        .expect("it listens");
    let request = format!(
        "POST /yibao.v1.DaemonService/GetStatus HTTP/1.1\r\nHost: localhost\r\n\
         Authorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
    );
    for _ in 0..20 {
        line.write_all(request.as_bytes())
            .await
            .expect("it takes it");
    }
    line
}
