//! Who says too little for too long is ended, and who only waits is not.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http_body_util::StreamBody;
use hyper::body::Frame;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tonic::Status;
use tonic::body::Body;
use tower::Service as _;

use super::{TOKEN, tcp};
use crate::desk::{Desk, Setup, channel};

/// All are ended after 30 s; what the machine stood still comes on top.
const ENDED_S_MAX: u64 = 60;
/// Longer than that.
const LATER_S: u64 = 33;
/// The beginning of HTTP/2: its preface, and settings without any.
const HTTP2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";
/// A ping of HTTP/2, and how its answer begins.
const PING: &[u8] = b"\x00\x00\x08\x06\x00\x00\x00\x00\x00yibaoyib";
const PONG: &[u8] = b"\x00\x00\x08\x06\x01\x00\x00\x00\x00yibaoyib";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_proves_nothing_or_never_ends_a_request_is_ended_and_who_waits_is_not() {
    let dir = tempfile::tempdir().expect("a folder");
    let (config_more, address) = tcp(dir.path(), "kiosk");
    let setup = Setup {
        config_more,
        ..Setup::default()
    };
    let desk = Desk::start(setup).await;
    let mut stranger = TcpStream::connect(address).await.expect("it listens");
    let mut his = TcpStream::connect(address).await.expect("it listens");
    let mut silent = UnixStream::connect(desk.socket()).await.expect("it is");
    let mut eager = UnixStream::connect(desk.socket()).await.expect("it is");
    ask(
        &mut stranger,
        "tests-that-nobody-has-given-to-anybody",
        "401",
    )
    .await;
    ask(&mut his, TOKEN, "200").await;
    eager.write_all(HTTP2).await.expect("it takes it");
    // HTTP/1 itself is closed after 30 s without a request.
    let later = async {
        tokio::time::sleep(Duration::from_secs(LATER_S / 2)).await;
        ask(&mut his, TOKEN, "200").await;
        tokio::time::sleep(Duration::from_secs(LATER_S - LATER_S / 2)).await;
    };
    let ended = async {
        tokio::join!(
            ended(&mut stranger),
            ended(&mut silent),
            a_grpc_request_that_never_ends(&desk),
            later
        )
    };
    let within = Duration::from_secs(ENDED_S_MAX);
    let ended = tokio::time::timeout(within, ended).await;
    ended.expect("all of them are ended");
    ask(&mut his, TOKEN, "200").await;
    eager.write_all(PING).await.expect("it is there");
    let mut heard = Vec::new();
    while !heard.windows(PONG.len()).any(|said| said == PONG) {
        let length = eager.read_buf(&mut heard).await.expect("it is there");
        assert!(length > 0, "the eager one was cut");
    }
}

/// Asks for the status and keeps the connection.
async fn ask(line: &mut TcpStream, token: &str, status: &str) {
    let request = format!(
        "POST /yibao.v1.DaemonService/GetStatus HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
    );
    line.write_all(request.as_bytes())
        .await
        .expect("it is there");
    let mut told = vec![0; 64 * 1_024];
    let length = line.read(&mut told).await.expect("an answer");
    let told = String::from_utf8_lossy(&told[..length]);
    assert!(told.starts_with(&format!("HTTP/1.1 {status} ")), "{told}");
}

/// Reads until it is closed or cut.
async fn ended(line: &mut (impl tokio::io::AsyncRead + Unpin)) {
    let mut heard = Vec::new();
    // However it ends.
    drop(line.read_to_end(&mut heard).await);
}

async fn a_grpc_request_that_never_ends(desk: &Desk) {
    let mut line = channel(&desk.socket()).await.expect("its door is open");
    // A message of 1 MiB, of which less comes.
    let mut message = vec![0, 0, 0x10, 0, 0];
    message.resize(128 * 1_024, 0);
    let first = Frame::data(Bytes::from(message));
    let frames = stream::iter([Ok::<_, Status>(first)]).chain(stream::pending());
    let request = http::Request::post("http://desk/yibao.v1.PrintService/PutDocument")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Body::new(StreamBody::new(frames)));
    let ready = std::future::poll_fn(|cx| line.poll_ready(cx)).await;
    ready.expect("it is there");
    let answered = line.call(request.expect("a request")).await;
    let answered = answered.expect("an answer");
    let status = answered.headers().get("grpc-status");
    assert_eq!(status.map(|status| status.as_bytes()), Some(&b"3"[..]));
    let said = answered.headers().get("grpc-message");
    let said = String::from_utf8_lossy(said.expect("it says why").as_bytes());
    assert!(said.contains("longer"), "{said}");
}
