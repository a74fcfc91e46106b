//! Neighbours that ask again and again without a pause. Several requests are written at once, so that the daemon has the
//! next one of each line at hand whenever it looks, however seldom the neighbour's own thread runs.

use std::net::SocketAddr;
use std::path::PathBuf;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

use super::super::TOKEN;
use super::neighbour::{Lane, Neighbour};

/// Requests that are written at once by who keeps to its limit, and by who does not: those are answered 10 ms apart.
const AT_ONCE: usize = 16;
const AT_ONCE_GREEDY: usize = 2;
/// What stands before the length of an answer.
const LENGTH: &str = "content-length: ";

/// A line in JSON.
struct Line<S> {
    line: S,
    request: String,
    heard: Vec<u8>,
}

/// Over TCP with the token on so many connections, one call at once on each.
pub(super) fn over_tcp(address: SocketAddr, lines: usize) -> Neighbour {
    let make = move |lanes: Vec<Lane>| {
        let made = async move {
            let mut asking: Vec<BoxFuture<'static, ()>> = Vec::new();
            for lane in lanes {
                let line = TcpStream::connect(address).await.expect("it listens");
                let mut line = Line::new(line, &format!("Authorization: Bearer {TOKEN}\r\n"));
                // Who showed its token makes room for another that has not.
                line.ask(1).await;
                assert!(line.is_taken().await, "it is the first");
                asking.push(flood(line, AT_ONCE_GREEDY, lane).boxed());
            }
            asking
        };
        made.boxed()
    };
    Neighbour::new(lines, make)
}

/// At the socket on so many connections, one call at once on each; it is never refused.
pub(super) fn at_socket(path: PathBuf, lines: usize) -> Neighbour {
    let make = move |lanes: Vec<Lane>| {
        let made = async move {
            let mut asking: Vec<BoxFuture<'static, ()>> = Vec::new();
            for lane in lanes {
                let line = UnixStream::connect(&path).await.expect("it is open");
                asking.push(flood(Line::new(line, ""), AT_ONCE, lane).boxed());
            }
            asking
        };
        made.boxed()
    };
    Neighbour::new(lines, make)
}

async fn flood<S>(mut line: Line<S>, at_once: usize, mut lane: Lane)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while lane.may_go().await.is_some() {
        line.ask(at_once).await;
        for _ in 0..at_once {
            // Whether it is taken or refused.
            line.is_taken().await;
            lane.did();
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Line<S> {
    fn new(line: S, header: &str) -> Self {
        let request = format!(
            "POST /yibao.v1.DaemonService/GetStatus HTTP/1.1\r\nHost: localhost\r\n{header}\
             Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
        );
        Self {
            line,
            request,
            heard: Vec::new(),
        }
    }

    async fn ask(&mut self, times: usize) {
        let requests = self.request.repeat(times);
        let asked = self.line.write_all(requests.as_bytes()).await;
        asked.expect("it is read");
    }

    /// Reads one answer.
    async fn is_taken(&mut self) -> bool {
        let end = loop {
            match length(&self.heard) {
                Some(end) if end <= self.heard.len() => break end,
                Some(_) | None => {}
            }
            let some = self.line.read_buf(&mut self.heard).await;
            assert!(some.expect("it is answered") > 0, "it was cut");
        };
        let is_taken = self.heard.starts_with(b"HTTP/1.1 200 ");
        self.heard.drain(..end).for_each(drop);
        is_taken
    }
}

/// Of the answer that begins so, its head included; none while that is not known.
fn length(heard: &[u8]) -> Option<usize> {
    let end = heard.windows(4).position(|end| end == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&heard[..end]).to_ascii_lowercase();
    let at = head.find(LENGTH);
    let at = at.unwrap_or_else(|| panic!("it says not how long it is: {head}"));
    let digits = head[at + LENGTH.len()..].chars();
    let digits: String = digits.take_while(char::is_ascii_digit).collect();
    Some(end + 4 + digits.parse::<usize>().expect("a number"))
}

/// On so many connections to the bus with so many calls at once each.
pub(super) fn on_the_bus(address: String, lines: usize, on_one: usize) -> Neighbour {
    let (name, path) = ("org.yibaod.Bridge1", "/org/yibaod/Bridge1");
    let interface = Some("org.yibaod.Bridge1.Daemon");
    let make = move |lanes: Vec<Lane>| {
        let made = async move {
            let mut buses = Vec::new();
            for _ in 0..lines {
                let bus = zbus::connection::Builder::address(address.as_str());
                buses.push(bus.build().await.expect("a bus"));
            }
            let lanes = lanes.into_iter().enumerate().map(|(n, mut lane)| {
                let bus = buses[n / on_one].clone();
                let asks = async move {
                    while lane.may_go().await.is_some() {
                        let told = bus.call_method(Some(name), path, interface, "GetStatus", &());
                        told.await.ok();
                        lane.did();
                    }
                };
                asks.boxed()
            });
            lanes.collect::<Vec<BoxFuture<'static, ()>>>()
        };
        made.boxed()
    };
    Neighbour::new(lines * on_one, make)
}
