//! A small HTTP/1.1 server that leaves every byte of the answer to its handler.
//!
//! The simulated platform must cut, delay, garble and swallow answers, and tell tests the exact
//! moments of a request, so it stands on the socket itself. It knows nothing of insurance: a
//! [`Handler`] says what a request is about and what happens to it.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::RecvFlags;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Longest request line and headers.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Longest body.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Most headers of one request.
const HEADERS_MAX: usize = 64;
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
    },
    /// Nothing at all: the connection ends.
    Nothing,
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
    /// Listens on `addr` and answers by `handler` until dropped.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn start<H: Handler>(addr: SocketAddr, handler: Arc<H>) -> io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let task = tokio::spawn(accept(listener, handler));
        Ok(Self { addr, task })
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

async fn accept<H: Handler>(listener: TcpListener, handler: Arc<H>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= CONNECTIONS_MAX {
            connections.join_next().await;
        }
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(converse(stream, Arc::clone(&handler)));
            }
            Err(error) => {
                tracing::warn!(%error, "sandbox: accept failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
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
    let Some((request, keep)) = read_request(stream, handler, unread).await? else {
        return Ok(false);
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
    let whole = matches!(reply, Reply::Whole { .. });
    let written = write_reply(stream, reply, keep, &handler.date()).await;
    let delivery = match (&written, whole) {
        (Ok(()), true) if !gone => Delivery::Sent,
        (Ok(()), false) => Delivery::Withheld,
        (Ok(()), true) | (Err(_), _) => Delivery::PeerGone,
    };
    if let Some(ticket) = ticket {
        handler.delivered(ticket, delivery);
    }
    tell(Edge::AfterAnswer);
    written.map(|()| keep && whole)
}

async fn write_reply(
    stream: &mut TcpStream,
    reply: Reply,
    keep: bool,
    date: &str,
) -> io::Result<()> {
    let (head, body) = match reply {
        Reply::Nothing => return Ok(()),
        Reply::Whole { status, kind, body } => (head(status, kind, body.len(), keep, date), body),
        Reply::Cut { mut body, sent } => {
            let head = head(
                200,
                "application/json;charset=UTF-8",
                body.len(),
                false,
                date,
            );
            body.truncate(sent);
            (head, body)
        }
    };
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(&body);
    stream.write_all(&bytes).await?;
    stream.flush().await
}

fn head(status: u16, kind: &str, length: usize, keep: bool, date: &str) -> String {
    let reason = match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        502 => "Bad Gateway",
        504 => "Gateway Time-out",
        _ => "Status",
    };
    let connection = if keep { "keep-alive" } else { "close" };
    format!(
        "HTTP/1.1 {status} {reason}\r\nDate: {date}\r\nContent-Type: {kind}\r\n\
         Content-Length: {length}\r\n\
         Connection: {connection}\r\n\r\n"
    )
}

struct Head {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    bytes: usize,
    body_bytes: usize,
    chunked: bool,
    keep: bool,
}

async fn read_request<H: Handler>(
    stream: &mut TcpStream,
    handler: &Arc<H>,
    unread: &mut Vec<u8>,
) -> io::Result<Option<(Request, bool)>> {
    let head = loop {
        if let Some(head) = parse_head(unread)? {
            break head;
        }
        if !read_more(stream, unread).await? {
            return Ok(None);
        }
    };
    unread.drain(..head.bytes);
    let mut told = false;
    let mut tell = |body: &[u8]| {
        if let Some(subject) = (!told)
            .then(|| handler.subject(&head.target, body, false))
            .flatten()
        {
            told = true;
            handler.moment(&Moment {
                infno: subject.infno,
                msgid: String::new(),
                edge: Edge::FirstByte,
            });
        }
    };
    tell(&unread[..unread.len().min(head.body_bytes)]);
    let expects = head.headers.iter().any(|(key, _)| key == "expect");
    if expects {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let body = loop {
        if let Some(body) = take_body(&head, unread)? {
            break body;
        }
        if !read_more(stream, unread).await? {
            return Ok(None);
        }
        tell(unread);
    };
    let Head {
        method,
        target,
        headers,
        keep,
        ..
    } = head;
    Ok(Some((
        Request {
            method,
            target,
            headers,
            body,
        },
        keep,
    )))
}

async fn read_more(stream: &mut TcpStream, unread: &mut Vec<u8>) -> io::Result<bool> {
    loop {
        stream.readable().await?;
        match stream.try_read_buf(unread) {
            Ok(read) => return Ok(read > 0),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

fn parse_head(unread: &[u8]) -> io::Result<Option<Head>> {
    let mut slots = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut slots);
    let status = parsed
        .parse(unread)
        .map_err(|_| invalid("not an HTTP request"))?;
    let httparse::Status::Complete(bytes) = status else {
        if unread.len() > HEAD_BYTES_MAX {
            return Err(invalid("head too long"));
        }
        return Ok(None);
    };
    let headers: Vec<(String, String)> = parsed
        .headers
        .iter()
        .map(|h| {
            (
                h.name.to_ascii_lowercase(),
                String::from_utf8_lossy(h.value).trim().to_owned(),
            )
        })
        .collect();
    let value = |name: &str| {
        headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, v)| v.as_str())
    };
    let body_bytes: usize = match value("content-length") {
        Some(text) => text.parse().map_err(|_| invalid("bad Content-Length"))?,
        None => 0,
    };
    if body_bytes > BODY_BYTES_MAX {
        return Err(invalid("body too long"));
    }
    let chunked = value("transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked"));
    let keep = !value("connection").is_some_and(|v| v.eq_ignore_ascii_case("close"));
    Ok(Some(Head {
        method: parsed.method.unwrap_or_default().to_owned(),
        target: parsed.path.unwrap_or_default().to_owned(),
        headers,
        bytes,
        body_bytes,
        chunked,
        keep,
    }))
}

fn take_body(head: &Head, unread: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    if head.chunked {
        return take_chunks(unread);
    }
    if unread.len() < head.body_bytes {
        return Ok(None);
    }
    Ok(Some(unread.drain(..head.body_bytes).collect()))
}

fn take_chunks(unread: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    let mut at = 0;
    loop {
        let size = httparse::parse_chunk_size(&unread[at..]).map_err(|_| invalid("bad chunk"))?;
        let httparse::Status::Complete((line, size)) = size else {
            return Ok(None);
        };
        let size = usize::try_from(size).map_err(|_| invalid("chunk too long"))?;
        if body.len().saturating_add(size) > BODY_BYTES_MAX {
            return Err(invalid("body too long"));
        }
        let start = at + line;
        let end = start + size + 2;
        if unread.len() < end {
            return Ok(None);
        }
        body.extend_from_slice(&unread[start..end - 2]);
        at = end;
        if size == 0 {
            unread.drain(..at);
            return Ok(Some(body));
        }
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
