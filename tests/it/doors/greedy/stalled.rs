//! Neighbours that ask and take no answer, and such as send half of something and wait.

use std::net::SocketAddr;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};

use super::super::TOKEN;
use super::neighbour::{Lane, Neighbour};

/// What the kernel keeps of answers that nobody reads, bytes: as little as it may.
const KEPT: u32 = 4_096;
/// The beginning of HTTP/2, its settings, and a head of 100 bytes of which six come.
const HALF_A_FRAME: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00\
    \x00\x00\x64\x01\x05\x00\x00\x00\x01\x83\x86\x84\x40\x02t";
const HALF_A_HEAD: &[u8] =
    b"POST /yibao.v1.DaemonService/GetStatus HTTP/1.1\r\nHost: localhost\r\nContent-Ty";

/// So many lines of each kind.
pub(super) fn over_tcp(address: SocketAddr, lines: usize) -> Neighbour {
    let make = move |lanes: Vec<Lane>| {
        let lanes = lanes.into_iter().enumerate();
        let lanes = lanes.map(|(n, lane)| match n % 4 {
            0 => takes_nothing(address, lane).boxed(),
            1 => sends(address, lane, HALF_A_FRAME.to_vec()).boxed(),
            2 => sends(address, lane, HALF_A_HEAD.to_vec()).boxed(),
            _ => sends(address, lane, half_a_body()).boxed(),
        });
        let lanes: Vec<BoxFuture<'static, ()>> = lanes.collect();
        async move { lanes }.boxed()
    };
    Neighbour::new(4 * lines, make)
}

/// Asks for a long page again and again, and reads nothing of what it is answered: until there is no room for more of it
/// it floods, and then it is stuck.
async fn takes_nothing(address: SocketAddr, mut lane: Lane) {
    let asked = format!(
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    );
    let asked = asked.repeat(64);
    while lane.may_go().await.is_some() {
        let mut line = connect(address).await;
        line.write_all(asked.as_bytes()).await.expect("it is there");
        lane.did();
        let more = async { while line.write_all(asked.as_bytes()).await.is_ok() {} };
        tokio::select! {
            () = more => panic!("it was cut"),
            () = lane.must_rest() => {}
        }
    }
}

/// Sends that and waits.
async fn sends(address: SocketAddr, mut lane: Lane, bytes: Vec<u8>) {
    while lane.may_go().await.is_some() {
        let mut line = connect(address).await;
        line.write_all(&bytes).await.expect("it is there");
        lane.did();
        lane.must_rest().await;
    }
}

fn half_a_body() -> Vec<u8> {
    let head = format!(
        "POST /yibao.v1.DaemonService/GetStatus HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\
         Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"
    );
    head.into_bytes()
}

async fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(KEPT).expect("it may be small");
    socket.connect(address).await.expect("it listens")
}
