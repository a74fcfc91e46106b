//! A small HTTP/1.1 server that leaves every byte of the answer to its handler.
//!
//! The simulated platform must cut, delay, garble and swallow answers, and tell tests the exact
//! moments of a request, so it stands on the socket itself. It knows nothing of insurance: a
//! [`Handler`] says what a request is about and what happens to it.

mod door;
mod read;
pub mod tls;
mod write;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::RecvFlags;
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};

pub use door::Door;
use read::Read;

/// Most connections open at once; further ones wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 512;
/// How long one request may take with all faults, and an idle connection may stay.
const REQUEST_WAIT_S_MAX: u64 = 600;

/// A point in the life of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// It is known what is being asked; the body may still be on its way.
    FirstByte,
    /// The whole request has been read, nothing has been done.
    LastByte,
    /// All is done, nothing of the answer has been written.
    BeforeAnswer,
    /// The answer, or what a fault left of it, has been written.
    AfterAnswer,
}

/// What a request is about; `msgid` is empty until the whole body is there, and where a service
/// has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// Transaction number, or the name of another service.
    pub infno: String,
    /// The sender's message id.
    pub msgid: String,
}

/// A moment as told to the hook of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Transaction number, or the name of another service (`ec.query`).
    pub infno: String,
    /// The sender's message id; empty at [`Edge::FirstByte`].
    pub msgid: String,
    /// Which point.
    pub edge: Edge,
}

/// One whole request.
#[derive(Debug)]
pub struct Request {
    /// `POST`, …
    pub method: String,
    /// Path with query.
    pub target: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// As read.
    pub body: Vec<u8>,
}

impl Request {
    /// The first header of this lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// What goes back on the wire.
#[derive(Debug)]
pub enum Reply {
    /// A proper answer.
    Whole {
        /// HTTP status.
        status: u16,
        /// `Content-Type`.
        kind: &'static str,
        /// The body.
        body: Vec<u8>,
    },
    /// A head that promises the whole body, then only `sent` bytes of it, then the connection ends.
    Cut {
        /// The promised body.
        body: Vec<u8>,
        /// How much of it is written.
        sent: usize,
        /// Whether it ends by a reset.
        reset: bool,
    },
    /// A proper answer, its body a byte at a time.
    Drip {
        /// HTTP status.
        status: u16,
        /// The body.
        body: Vec<u8>,
        /// Time before each byte.
        byte: Duration,
    },
    /// Nothing at all: the connection ends.
    Nothing,
    /// Nothing at all: the connection is reset.
    Reset,
}

/// What became of a reply, as far as the server can see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Every byte was taken by the socket while the peer was there.
    Sent,
    /// A fault kept it back, whole or in part.
    Withheld,
    /// The peer had gone.
    PeerGone,
}

/// Who answers.
pub trait Handler: Send + Sync + 'static {
    /// What the request is about, or `None` while too little of it has been read.
    fn subject(&self, target: &str, body_so_far: &[u8], whole: bool) -> Option<Subject>;
    /// Whether the connection is cut here, before the rest of the request is read. Asked once a request.
    fn cuts(&self, subject: &Subject) -> bool;
    /// The `Date` of an answer, as HTTP writes it.
    fn date(&self) -> String;
    /// A moment was reached. Called on the connection's task.
    fn moment(&self, moment: &Moment);
    /// Does the request. The number is handed to [`Handler::delivered`].
    fn answer(
        &self,
        request: Request,
        peer: &Peer<'_>,
    ) -> impl Future<Output = (Reply, Option<usize>)> + Send;
    /// The reply of request `ticket` was written, or not.
    fn delivered(&self, ticket: usize, delivery: Delivery);
}

/// The asking side, to see whether it is still there.
#[derive(Debug)]
pub struct Peer<'a> {
    stream: &'a TcpStream,
}

impl Peer<'_> {
    /// Whether the peer closed its side, asked of the kernel at once.
    fn is_gone(&self) -> bool {
        let mut byte = [0_u8; 1];
        let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
        match rustix::net::recv(self.stream, &mut byte, flags) {
            Ok((_, read)) => read == 0,
            Err(error) => error != rustix::io::Errno::AGAIN,
        }
    }

    /// Waits until the peer closed its side, at most `limit`; true when it did.
    pub async fn gone_within(&self, limit: Duration) -> bool {
        let mut byte = [0_u8; 1];
        match tokio::time::timeout(limit, self.stream.peek(&mut byte)).await {
            Ok(Ok(0) | Err(_)) => true,
            Ok(Ok(_)) | Err(_) => false,
        }
    }
}

/// A running server; stops when dropped.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    /// Answers who comes through `door` by `handler` until dropped.
    #[must_use]
    pub fn start<H: Handler>(door: Arc<Door>, handler: Arc<H>) -> Self {
        let addr = door.addr();
        let task = tokio::spawn(accept(door, handler));
        Self { addr, task }
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept<H: Handler>(door: Arc<Door>, handler: Arc<H>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= CONNECTIONS_MAX {
            connections.join_next().await;
        }
        while connections.try_join_next().is_some() {}
        let stream = door.accept().await;
        connections.spawn(converse(stream, Arc::clone(&handler)));
    }
}

async fn converse<H: Handler>(mut stream: TcpStream, handler: Arc<H>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "sandbox: no TCP_NODELAY");
    }
    let mut unread = Vec::new();
    let wait = Duration::from_secs(REQUEST_WAIT_S_MAX);
    while let Ok(read) =
        tokio::time::timeout(wait, exchange(&mut stream, &handler, &mut unread)).await
    {
        match read {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                tracing::debug!(%error, "sandbox: connection ended");
                break;
            }
        }
    }
}

/// Reads, answers and writes one request; true when the connection may carry another.
async fn exchange<H: Handler>(
    stream: &mut TcpStream,
    handler: &Arc<H>,
    unread: &mut Vec<u8>,
) -> io::Result<bool> {
    let (request, keep) = match read::request(stream, &**handler, unread).await? {
        Read::Whole(request, keep) => (request, keep),
        Read::Gone => return Ok(false),
        Read::Cut => {
            stream.set_zero_linger()?;
            return Ok(false);
        }
    };
    let subject = handler
        .subject(&request.target, &request.body, true)
        .unwrap_or_default();
    let tell = |edge| {
        handler.moment(&Moment {
            infno: subject.infno.clone(),
            msgid: subject.msgid.clone(),
            edge,
        });
    };
    tell(Edge::LastByte);
    let (reply, ticket) = handler.answer(request, &Peer { stream }).await;
    tell(Edge::BeforeAnswer);
    let gone = Peer { stream }.is_gone();
    let whole = matches!(reply, Reply::Whole { .. } | Reply::Drip { .. });
    let dripped = matches!(reply, Reply::Drip { .. });
    let written = write::reply(stream, reply, keep, &handler.date()).await;
    let delivery = match (&written, whole) {
        (Ok(()), true) if !gone => Delivery::Sent,
        (Ok(()), false) => Delivery::Withheld,
        (Ok(()), true) | (Err(_), _) => Delivery::PeerGone,
    };
    if let Some(ticket) = ticket {
        handler.delivered(ticket, delivery);
    }
    tell(Edge::AfterAnswer);
    written.map(|()| keep && whole && !dripped)
}
