//! Callers on HTTP/1.1 that close their sending side after the request, and those of them that go.

use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

use super::*;
use crate::config::access::{Access, Caller, Role};
use crate::ipc::convert::order;
use crate::ipc::grpc::tests::played::Desk;
use crate::ipc::json::{all, print};

const STATUS: &str = "DaemonService/GetStatus";
const PAY: &str = "SettlementService/ScanAndPay";

fn open(desk: &Desk) -> Doors {
    let access = Access {
        roles: vec![(Role::Cashier, Caller::Token("his".into()))],
        ..Access::default()
    };
    let own_uid = std::fs::metadata("/proc/self").unwrap().uid();
    Doors::open_to(desk, &access, None, true, own_uid)
}

/// Says this, and that nothing more comes.
async fn say<S: AsyncWrite + Unpin>(mut line: S, said: &str) -> S {
    line.write_all(said.as_bytes()).await.unwrap();
    line.shutdown().await.unwrap();
    line
}

fn request(method: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST /yibao.v1.{method} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

/// All that comes before the line ends.
async fn heard<S: AsyncRead + Unpin>(mut line: S) -> String {
    let mut said = Vec::new();
    // A line may end with what was not read of it.
    drop(line.read_to_end(&mut said).await);
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_nothing_more_is_answered_and_let_go() {
    let (desk, _asked) = Desk::new();
    let doors = open(&desk);
    let asks = request(STATUS, "{}");
    let by_socket = UnixStream::connect(&doors.socket).await.unwrap();
    let by_tcp = TcpStream::connect(doors.tcp).await.unwrap();
    for said in [
        heard(say(by_socket, &asks).await).await,
        heard(say(by_tcp, &asks).await).await,
    ] {
        assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
        assert!(said.contains("\"number\":\"007\""), "{said}");
    }
    // Half a head asks for nothing, and is let go at once.
    let line = UnixStream::connect(&doors.socket).await.unwrap();
    let said = heard(say(line, "POST /yibao.v1.").await).await;
    assert!(!said.contains("200"), "{said}");
    doors.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_nothing_more_is_waited_for_until_it_goes() {
    let input = all().unwrap()[&format!("/yibao.v1.{PAY}")].input.clone();
    let body = prost::Message::encode_to_vec(&order::tests::request());
    let asks = request(PAY, &print(&body, input).unwrap());
    for is_tcp in [false, true] {
        let (mut desk, mut asked) = Desk::new();
        let (gone, mut is_gone) = tokio::sync::oneshot::channel::<()>();
        desk.hang = Some(std::sync::Arc::new(std::sync::Mutex::new(Some(gone))));
        let doors = open(&desk);
        let line: Box<dyn Line> = match is_tcp {
            true => Box::new(TcpStream::connect(doors.tcp).await.unwrap()),
            false => Box::new(UnixStream::connect(&doors.socket).await.unwrap()),
        };
        let line = say(line, &asks).await;
        assert!(asked.recv().await.is_some(), "it runs");
        let stays = tokio::time::timeout(Duration::from_secs(2), &mut is_gone).await;
        assert!(stays.is_err(), "tcp {is_tcp}: it was given up");
        drop(line);
        let goes = tokio::time::timeout(Duration::from_secs(60), is_gone).await;
        assert!(goes.is_ok_and(|it| it.is_err()), "tcp {is_tcp}: it goes on");
        doors.close().await;
    }
}

trait Line: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Line for T {}
