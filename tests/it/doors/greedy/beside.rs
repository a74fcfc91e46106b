//! Windows of calls in pairs, one alone and one beside a neighbour: what else the machine does meets both of a pair, and
//! of the pairs' ratios the one in the middle counts.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, MutexGuard, oneshot};
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use yibaod::api::GetStatusRequest;
use yibaod::api::daemon_service_client::DaemonServiceClient;

use super::super::TOKEN;
use super::neighbour::Neighbour;
use super::processor;
use crate::desk::{Desk, channel};
use crate::proof::figure;
use crate::proof::record::{Found, Proof};

/// Calls in one window, one after the other: its p99 is the third longest.
const CALLS: usize = 300;
/// Pairs of windows; odd, so that one ratio is in the middle.
const PAIRS: usize = 15;
/// How much longer the one that works may wait, in hundredths: twice as long.
const RATIO_MAX: u128 = 200;

static ALONE: Mutex<()> = Mutex::const_new(());

/// One test at a time: a neighbour of one is none of another's.
pub(super) async fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().await
}

/// What is shown of it.
pub(super) struct Words {
    pub(super) id: &'static str,
    pub(super) en: &'static str,
    pub(super) zh: &'static str,
}

/// The one that works: another caller than its neighbour.
pub(super) enum Honest {
    Socket(PathBuf),
    /// With the token.
    Tcp(SocketAddr),
}

/// A line of the one that works.
struct Line {
    client: DaemonServiceClient<Channel>,
    token: Option<&'static str>,
}

/// What was measured.
struct Measured {
    /// Alone and beside.
    pairs: Vec<(Duration, Duration)>,
    neighbour: Neighbour,
}

/// Measures all pairs and holds the promise.
pub(super) async fn beside(words: Words, desk: &Desk, honest: Honest, neighbour: Neighbour) {
    let mut proof = Proof::begin(words.id, words.en, words.zh);
    let began = Instant::now();
    processor::second(desk.pid());
    let (told, measured) = oneshot::channel();
    // All of it on one thread, so that no other has to get the processor between two windows.
    std::thread::spawn(move || {
        processor::first();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let measured = runtime
            .expect("a runtime")
            .block_on(measure(honest, neighbour));
        told.send(measured).ok();
    });
    let measured = measured.await.expect("all were answered");
    let Measured {
        mut pairs,
        neighbour,
    } = measured;
    let lanes = neighbour.lanes();
    let done = neighbour.end();
    pairs.sort_by_key(|pair| hundredths(*pair));
    let ratios: Vec<u128> = pairs.iter().map(|pair| hundredths(*pair)).collect();
    let middle = ratios[PAIRS / 2];
    let (alone, with) = pairs[PAIRS / 2];
    let end = format!(
        "p99 {}.{:02} times as long beside it (median of {PAIRS} pairs, {} µs and {} µs alone; of all {ratios:?} hundredths); \
         it has {lanes} lanes and had {done} answers",
        middle / 100,
        middle % 100,
        with.as_micros(),
        alone.as_micros(),
    );
    println!("{}: {end}", words.id);
    figure::leave(words.id, &format!("{}: {end}", words.en));
    proof.cell("GetStatus", &end, "–", began.elapsed());
    let failures = u64::from(middle > RATIO_MAX);
    proof.end(&Found {
        count: u64::try_from(2 * CALLS * PAIRS).expect("a small number"),
        failures,
        seeds: None,
    });
    assert_eq!(failures, 0, "{end}");
    let least = u64::try_from(lanes * PAIRS).expect("small");
    assert!(done >= least, "each lane did something each time: {end}");
}

fn hundredths((alone, with): (Duration, Duration)) -> u128 {
    with.as_micros() * 100 / alone.as_micros().max(1)
}

fn p99(mut took: Vec<Duration>) -> Duration {
    took.sort();
    took[took.len() * 99 / 100]
}

async fn measure(honest: Honest, neighbour: Neighbour) -> Measured {
    let mut line = honest.line().await;
    neighbour.rest().await;
    // What is done for the first time is done for nobody's count.
    line.window().await;
    let mut pairs = Vec::new();
    for pair in 0..PAIRS {
        // Each of both comes first in turn.
        let mut alone = Vec::new();
        if pair % 2 == 0 {
            alone = line.window().await;
        }
        neighbour.begin().await;
        let with = line.window().await;
        neighbour.rest().await;
        if alone.is_empty() {
            alone = line.window().await;
        }
        pairs.push((p99(alone), p99(with)));
    }
    Measured { pairs, neighbour }
}

impl Honest {
    async fn line(self) -> Line {
        let (line, token) = match self {
            Honest::Socket(path) => (channel(&path).await.expect("it is open"), None),
            Honest::Tcp(address) => (over_tcp(address).await, Some(TOKEN)),
        };
        Line {
            client: DaemonServiceClient::new(line),
            token,
        }
    }
}

impl Line {
    /// How long calls took, one after another.
    async fn window(&mut self) -> Vec<Duration> {
        let mut took = Vec::with_capacity(CALLS);
        for _ in 0..CALLS {
            let began = Instant::now();
            let told = self.client.get_status(request(self.token)).await;
            told.expect("it answers");
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
