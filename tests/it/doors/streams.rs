//! Somebody with the smallest right there is opens as many streams as the line carries: it is counted and told, and the
//! daemon's memory stays what it was.

use std::future::ready;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use tokio::sync::oneshot;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status, Streaming};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

use super::{TOKEN, rss_anon_kib, tcp};
use crate::desk::{Desk, Setup, eventually, refusal};
use crate::proof::figure;
use crate::proof::record::is_long;

/// As shipped.
const CALLS_PER_CALLER: u32 = 32;
/// Streams on one connection.
const ON_ONE_CONNECTION: usize = 250;
/// What one flood may cost the daemon, refused or not: what a request holds until it is refused, of those that came at
/// once. The allocator keeps it for the next ones.
const MORE_KIB_MAX: u64 = 64 * 1_024;
/// What further floods may cost beside the first: how many requests meet at once differs from one to the next, and with it
/// what is held (eight floods took from 45 to 61 MiB, up and down).
const FURTHER_KIB_MAX: u64 = 16 * 1_024;
const FLOODS: usize = 3;
/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// What one of them got.
enum Open {
    Health(Streaming<HealthCheckResponse>),
    /// And what asks no more when it is dropped.
    Reflection(
        Streaming<ServerReflectionResponse>,
        oneshot::Sender<ServerReflectionRequest>,
    ),
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monitor_has_no_more_streams_than_calls_and_costs_no_memory() {
    let many = if is_long() { 10_000 } else { 2_000 };
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (config_more, address) = tcp(dir.path(), "monitor");
    let desk = Desk::start(Setup {
        calls_per_caller: CALLS_PER_CALLER,
        config_more,
        ..Setup::default()
    })
    .await;
    let idle_kib = rss_anon_kib(desk.pid());
    let mut floods = Vec::new();
    for _ in 0..FLOODS {
        floods.push(flood(&desk, address, many).await);
    }
    let (first, last) = (floods[0], floods[FLOODS - 1]);
    let figure = format!(
        "{idle_kib} KiB idle; {floods:?} KiB with {CALLS_PER_CALLER} of {many} streams open, the others refused, {FLOODS} times"
    );
    println!("{figure}");
    figure::leave(
        "streams",
        &format!("memory (RssAnon) under floods of health and reflection streams: {figure}"),
    );
    assert!(first.saturating_sub(idle_kib) <= MORE_KIB_MAX, "{figure}");
    assert!(last.saturating_sub(first) <= FURTHER_KIB_MAX, "{figure}");
    let one = open(over_tcp(address).await, 0).await;
    assert!(one.is_ok(), "who keeps to its limit is served again");
}

/// So many streams at once, until all are gone again. Gives the daemon's memory while they are there.
async fn flood(desk: &Desk, address: SocketAddr, many: usize) -> u64 {
    let mut asked = Vec::new();
    for first in (0..many).step_by(ON_ONE_CONNECTION) {
        let line = over_tcp(address).await;
        asked.extend((first..many.min(first + ON_ONE_CONNECTION)).map(|n| open(line.clone(), n)));
    }
    let told: Vec<_> = futures_util::stream::iter(asked)
        .buffer_unordered(many)
        .collect()
        .await;
    let (mut held, mut refused) = (Vec::new(), 0_usize);
    for told in told {
        match told {
            Ok(open) => held.push(open),
            Err(status) => {
                let told = refusal(&status);
                assert_eq!(told.name, "TOO_MANY_CALLS", "{told:?}");
                refused += 1;
            }
        }
    }
    let most = usize::try_from(CALLS_PER_CALLER).expect("small");
    assert_eq!((held.len(), refused), (most, many - most));
    for open in &mut held {
        answered(open).await;
    }
    let full_kib = rss_anon_kib(desk.pid());
    let page = desk.metrics().await;
    // And the call that asks.
    let counted = format!("yibaod_calls_open {}\n", CALLS_PER_CALLER + 1);
    assert!(page.contains(&counted), "{page}");
    drop(held);
    let freed = eventually(async || {
        let page = desk.metrics().await;
        page.contains("yibaod_calls_open 1\n").then_some(())
    });
    freed.await.expect("the places are free again");
    full_kib
}

async fn over_tcp(address: SocketAddr) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
    endpoint.connect().await.expect("it listens")
}

/// Health and reflection in turns.
async fn open(line: Channel, n: usize) -> Result<Open, Status> {
    if n.is_multiple_of(2) {
        let request = with_token(HealthCheckRequest::default());
        let answers = HealthClient::new(line).watch(request).await?;
        return Ok(Open::Health(answers.into_inner()));
    }
    // It asks nothing and waits.
    let (asks, asked) = oneshot::channel();
    let asked = asked.into_stream();
    let request = with_token(asked.filter_map(|asked| ready(asked.ok())));
    let mut client = ServerReflectionClient::new(line);
    let answers = client.server_reflection_info(request).await?;
    Ok(Open::Reflection(answers.into_inner(), asks))
}

async fn answered(open: &mut Open) {
    match open {
        Open::Health(answers) => {
            let first = tokio::time::timeout(PATIENCE, answers.message()).await;
            let first = first.expect("in time").expect("it goes on");
            assert!(first.is_some(), "how it is");
        }
        Open::Reflection(answers, asks) => {
            assert!(!asks.is_closed(), "it still asks");
            let none = tokio::time::timeout(Duration::ZERO, answers.message()).await;
            assert!(none.is_err(), "nothing was asked");
        }
    }
}

fn with_token<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    let bearer: MetadataValue<_> = format!("Bearer {TOKEN}").parse().expect("a token");
    request.metadata_mut().insert("authorization", bearer);
    request
}
