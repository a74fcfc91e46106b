//! A greedy caller and one that takes nothing, beside one that works.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;
use tokio::sync::watch;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use yibaod::api::GetStatusRequest;
use yibaod::api::daemon_service_client::DaemonServiceClient;

use super::{TOKEN, tcp};
use crate::desk::{Desk, Setup, channel};
use crate::proof::record::{Found, Proof};

/// Calls of the one that works in each round, alone and then beside: what else the machine does meets both.
const CALLS: usize = 100;
const ROUNDS: usize = 15;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_greedy_caller_and_a_stalled_one_leave_others_alone() {
    let mut proof = Proof::begin(
        "greedy",
        "p99 of a caller beside a flooding and a stalled one",
        "有调用方泛滥或停滞时其他调用方的 p99",
    );
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (config_more, address) = tcp(dir.path(), "monitor");
    // The shipped limit.
    let setup = Setup {
        calls_per_caller: 32,
        config_more,
        ..Setup::default()
    };
    let desk = Desk::start(setup).await;
    let began = Instant::now();
    let (go, going) = watch::channel(false);
    let mut greedy = Vec::new();
    for _ in 0..GREEDY / ON_ONE_CONNECTION {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
        let client = DaemonServiceClient::new(endpoint.connect().await.expect("it listens"));
        greedy.extend(
            (0..ON_ONE_CONNECTION).map(|_| tokio::spawn(flood(client.clone(), going.clone()))),
        );
    }
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        alone.extend(times(&desk).await);
        let mut stalled = Vec::new();
        for _ in 0..STALLED {
            stalled.push(stall(address).await);
        }
        go.send_replace(true);
        beside.extend(times(&desk).await);
        go.send_replace(false);
    }
    drop(go);
    for one in greedy {
        let asked = one.await.expect("it floods to the end");
        assert!(asked > 0, "each of them asked");
    }
    let (alone, beside) = (p99(alone), p99(beside));
    let times = beside.as_micros() * 100 / alone.as_micros().max(1);
    let end = format!(
        "p99 {} µs alone, {} µs beside, {}.{:02} times",
        alone.as_micros(),
        beside.as_micros(),
        times / 100,
        times % 100
    );
    println!("greedy: {end}");
    proof.cell("GetStatus", &end, "–", began.elapsed());
    let failures = u64::from(times > GOAL * LEEWAY * 100);
    proof.end(&Found {
        count: u64::try_from(CALLS * ROUNDS).expect("a small number"),
        failures,
        seeds: None,
    });
    assert_eq!(failures, 0, "{end}");
}

/// Of calls one after another on the local socket.
async fn times(desk: &Desk) -> Vec<Duration> {
    let line = channel(&desk.socket()).await.expect("its door is open");
    let mut client = DaemonServiceClient::new(line);
    let mut took = Vec::new();
    for _ in 0..CALLS {
        let began = Instant::now();
        client
            .get_status(GetStatusRequest {})
            .await
            .expect("it answers");
        took.push(began.elapsed());
    }
    took
}

fn p99(mut took: Vec<Duration>) -> Duration {
    took.sort();
    took[took.len() * 99 / 100]
}

/// Calls without a pause while it may, until nobody says so any more; answers how many.
async fn flood(mut client: DaemonServiceClient<Channel>, mut going: watch::Receiver<bool>) -> u64 {
    let bearer: MetadataValue<_> = format!("Bearer {TOKEN}").parse().expect("a token");
    let mut asked = 0;
    while going.wait_for(|&go| go).await.is_ok() {
        let mut request = tonic::Request::new(GetStatusRequest {});
        request
            .metadata_mut()
            .insert("authorization", bearer.clone());
        // Most are refused: the caller has more calls open than it may.
        client.get_status(request).await.ok();
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
