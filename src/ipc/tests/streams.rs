//! What is followed ends when the right to it does, and when the daemon stops; it is counted at every door.

use std::future::ready;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::{FutureExt as _, StreamExt as _};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status, Streaming};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};
use tonic_types::StatusExt as _;

use super::hand::{CALLS_MAX, send};
use super::tcp::{CLIENT, connect, files};
use super::*;
use crate::api::WatchIdentificationRequest;
use crate::api::identity_service_client::IdentityServiceClient;
use crate::api::settlement_service_client::SettlementServiceClient;
use crate::config::access::{Access, Caller, Role};
use crate::config::doors::Token;
use crate::ipc::access::{Accounts, Policy};
use crate::ipc::convert::order;
use crate::ipc::grpc::Said;
use crate::ipc::grpc::tests::played::{Asked, Desk};
use crate::ipc::tcp::Tokens;

/// From the word of an operator to the end of a stream: the files are looked at once a second.
const ENDS_MS_MAX: u64 = 2_000;
/// A wait longer than this is a failed test.
const WAIT: Duration = Duration::from_secs(10);
/// One at each door, and one of each service.
const STREAMS: usize = 4;

#[tokio::test]
async fn a_token_that_is_taken_back_ends_its_streams_and_tears_no_settlement() {
    let (mut desk, mut asked) = Desk::new();
    let (gone, mut is_gone) = oneshot::channel();
    desk.hang = Some(Arc::new(Mutex::new(Some(gone))));
    let own_uid = rustix::process::geteuid().as_raw();
    let doors = Doors::open_to(&desk, &cashier(), None, true, own_uid);
    let pays = {
        let mut client = SettlementServiceClient::new(over_tcp(&doors).await);
        let request = with_token(order::tests::request());
        tokio::spawn(async move { client.scan_and_pay(request).await })
    };
    assert!(matches!(asked.recv().await, Some(Asked::ScanAndPay { .. })));
    let streams = follow(&doors).await;
    std::fs::remove_file(doors.dir.path().join("his")).unwrap();
    all_end(streams, "E7012", "TOKEN_REFUSED").await;
    assert_eq!(doors.rights.streams_open(), 0);
    // The settlement goes on, and its caller hears the end of it.
    let still = is_gone.try_recv();
    assert_eq!(still, Err(oneshot::error::TryRecvError::Empty));
    assert!(!pays.is_finished());
    pays.abort();
    assert!(is_gone.await.is_err(), "who goes away is noticed");
    doors.close().await;
}

#[tokio::test]
async fn a_role_that_is_taken_away_ends_what_it_let_follow() {
    let (desk, _asked) = Desk::new();
    let doors = Doors::open(&desk, &cashier(), None);
    let said = |access: &Access| {
        let own_uid = rustix::process::geteuid().as_raw();
        let policy = Policy::new(access, own_uid, &Accounts::default());
        let row = Token {
            name: "his".into(),
            file: "his".into(),
            any_uid: false,
        };
        let tokens = Tokens::new(&[row], Some(doors.dir.path()));
        Said::new(policy.unwrap(), CALLS_MAX).with_tokens(tokens)
    };
    let streams = follow(&doors).await;
    // What changes nothing for them ends none of them.
    doors.rights.change(said(&cashier()));
    assert_eq!(doors.rights.streams_open(), STREAMS);
    doors.rights.change(said(&Access::default()));
    assert_eq!(doors.rights.streams_open(), 0, "at once");
    all_end(streams, "E7004", "NOT_ALLOWED").await;
    // A monitor may look after the daemon and follows no patient.
    let monitor = access(Role::Monitor);
    doors.rights.change(said(&cashier()));
    let mut streams = follow(&doors).await;
    doors.rights.change(said(&monitor));
    let mut ended = Vec::new();
    for _ in 0..2 {
        ended.push(streams.join_next().await.unwrap().unwrap().0);
    }
    ended.sort_unstable();
    assert_eq!(ended, ["grpc", "json"]);
    assert_eq!(doors.rights.streams_open(), STREAMS - 2);
    drop(streams);
    doors.close().await;
}

#[tokio::test]
async fn a_stop_ends_every_stream_and_waits_for_none() {
    let (desk, _asked) = Desk::new();
    let doors = Doors::open(&desk, &cashier(), None);
    let mut streams = follow(&doors).await;
    let own = by_socket(&doors).await;
    streams.spawn(async move { ("socket", ended(identification(own).await).await) });
    until(|| doors.rights.streams_open() == STREAMS + 1).await;
    let since = Instant::now();
    doors.close().await;
    let took = since.elapsed();
    println!("the door closed in {} ms", took.as_millis());
    assert!(took < Duration::from_millis(2_500), "{took:?}");
    all_end(streams, "E7006", "SHUTTING_DOWN").await;
}

#[tokio::test]
async fn health_and_reflection_are_counted_as_calls() {
    let (desk, _asked) = Desk::new();
    let doors = Doors::open(&desk, &access(Role::Monitor), None);
    let line = over_tcp(&doors).await;
    let mut held = Vec::new();
    for n in 0..CALLS_MAX {
        held.push(match n % 2 {
            0 => Held::Health(health(line.clone()).await.unwrap()),
            _ => {
                let (asks, asked) = oneshot::channel();
                let answers = reflection(line.clone(), asked).await.unwrap();
                Held::Reflection(answers, asks)
            }
        });
    }
    let open = usize::try_from(CALLS_MAX).unwrap();
    assert_eq!(doors.rights.streams_open(), open);
    let (_asks, asked) = oneshot::channel();
    let refused = [
        health(line.clone()).await.err(),
        reflection(line.clone(), asked).await.err(),
    ];
    for status in refused {
        let status = status.expect("it is one too many");
        assert_eq!(code(&status), "E7005", "{status:?}");
    }
    drop(held);
    until(|| doors.rights.streams_open() == 0).await;
    let mut client = HealthClient::new(line);
    let one = with_token(HealthCheckRequest::default());
    assert!(client.check(one).await.is_ok(), "the places are free");
    until(|| doors.rights.streams_open() == 0).await;
    doors.close().await;
}

#[tokio::test]
async fn a_certificate_that_the_configuration_does_not_name_asks_neither() {
    let keys = tempfile::tempdir().unwrap();
    let (desk, _asked) = Desk::new();
    let doors = Doors::open(&desk, &cashier(), Some(files(keys.path())));
    for method in [
        "grpc.health.v1.Health/Check",
        "grpc.health.v1.Health/Watch",
        "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ] {
        let request = http::Request::post(format!("/{method}"))
            .header("host", "desk.example")
            .header("content-type", "application/grpc")
            .body(http_body_util::Full::new(bytes::Bytes::from_static(
                &[0; 5],
            )));
        let signed = connect(&doors, Some(CLIENT)).await.unwrap();
        let got = send(signed, request.unwrap()).await;
        assert_eq!(got.headers["grpc-status"], "7", "{method}");
    }
    doors.close().await;
}

/// Kept for its place.
#[expect(dead_code, reason = "what is in it is dropped")]
enum Held {
    Health(Streaming<tonic_health::pb::HealthCheckResponse>),
    /// And what asks no more when it is dropped.
    Reflection(Streaming<ServerReflectionResponse>, Asks),
}

type Asks = oneshot::Sender<ServerReflectionRequest>;

fn cashier() -> Access {
    access(Role::Cashier)
}

fn access(role: Role) -> Access {
    Access {
        roles: vec![(role, Caller::Token("his".into()))],
        ..Access::default()
    }
}

/// By which door it was, and its end.
type Ends = JoinSet<(&'static str, Ended)>;

/// The code, and what the status says of the money.
type Ended = (String, String, String);

/// Four streams with the token, all open.
async fn follow(doors: &Doors) -> Ends {
    let mut ends = JoinSet::new();
    let line = over_tcp(doors).await;
    let grpc = identification(line.clone()).await;
    ends.spawn(async move { ("grpc", ended(grpc).await) });
    let health = health(line.clone()).await.unwrap();
    ends.spawn(async move { ("health", ended(health).await) });
    let (asks, asked) = oneshot::channel();
    let reflection = reflection(line, asked).await.unwrap();
    ends.spawn(async move {
        let told = ended(reflection).await;
        // It would have asked on.
        drop(asks);
        ("reflection", told)
    });
    let tcp = doors.tcp;
    ends.spawn(async move {
        let line = TcpStream::connect(tcp).await.unwrap();
        let bearer = format!("Bearer {TOKEN}");
        let headers = [
            ("content-type", "application/connect+json"),
            ("authorization", bearer.as_str()),
        ];
        let body = b"\0\0\0\0\x11{\"requestId\":\"r\"}";
        let watch = "IdentityService/WatchIdentification";
        let got = send(line, post(watch, &body[..], &headers)).await;
        ("json", last(&got.body))
    });
    until(|| doors.rights.streams_open() == STREAMS).await;
    ends
}

async fn all_end(mut ends: Ends, code: &str, name: &str) {
    let until = tokio::time::sleep(Duration::from_millis(ENDS_MS_MAX));
    tokio::pin!(until);
    while !ends.is_empty() {
        let (door, told) = tokio::select! {
            ended = ends.join_next() => ended.unwrap().unwrap(),
            () = &mut until => panic!("{} streams are still open", ends.len()),
        };
        let (told_code, told_name, money) = told;
        assert_eq!(
            (told_code.as_str(), told_name.as_str()),
            (code, name),
            "{door}"
        );
        assert_eq!(money, "NOT_CONCERNED", "{door}");
    }
}

async fn until(is_so: impl Fn() -> bool) {
    let until = Instant::now() + WAIT;
    while !is_so() {
        assert!(Instant::now() < until, "it never is");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn with_token<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    let bearer = format!("Bearer {TOKEN}").parse().unwrap();
    request.metadata_mut().insert("authorization", bearer);
    request
}

async fn over_tcp(doors: &Doors) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{}", doors.tcp)).unwrap();
    endpoint.connect().await.unwrap()
}

async fn by_socket(doors: &Doors) -> Channel {
    let path = doors.socket.clone();
    let connector = tower::service_fn(move |_: http::Uri| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    });
    let endpoint = Endpoint::from_static("http://localhost");
    endpoint.connect_with_connector(connector).await.unwrap()
}

async fn identification(line: Channel) -> Streaming<crate::api::WatchIdentificationResponse> {
    let request_id = "r".to_owned();
    let request = with_token(WatchIdentificationRequest { request_id });
    let mut client = IdentityServiceClient::new(line);
    let answers = client.watch_identification(request).await;
    answers.unwrap().into_inner()
}

async fn health(line: Channel) -> Result<Streaming<tonic_health::pb::HealthCheckResponse>, Status> {
    let request = with_token(HealthCheckRequest::default());
    let answers = HealthClient::new(line).watch(request).await;
    answers.map(tonic::Response::into_inner)
}

/// Asks when it is told to, and stays until then.
async fn reflection(
    line: Channel,
    asked: oneshot::Receiver<ServerReflectionRequest>,
) -> Result<Streaming<ServerReflectionResponse>, Status> {
    let mut client = ServerReflectionClient::new(line);
    let asked = asked.into_stream().filter_map(|asked| ready(asked.ok()));
    let answers = client.server_reflection_info(with_token(asked)).await;
    answers.map(tonic::Response::into_inner)
}

async fn ended<T>(mut answers: Streaming<T>) -> Ended {
    let status = loop {
        match answers.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it ended without a word"),
            Err(status) => break status,
        }
    };
    let info = status.get_details_error_info().expect("a code");
    let money = info.metadata["money"].clone();
    (code(&status), info.reason, money)
}

fn code(status: &Status) -> String {
    let info = status.get_details_error_info().expect("a code");
    info.metadata["code"].clone()
}

/// What the last envelope says.
fn last(mut body: &[u8]) -> Ended {
    let mut told = Value::Null;
    while let Some(([flags, length @ ..], rest)) = body.split_first_chunk::<5>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap();
        let (message, rest) = rest.split_at(length);
        if *flags == 2 {
            told = serde_json::from_slice(message).unwrap();
        }
        body = rest;
    }
    let info = &told["error"]["details"][0]["debug"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (code, money) = (&info["metadata"]["code"], &info["metadata"]["money"]);
    (text(code), text(&info["reason"]), text(money))
}
