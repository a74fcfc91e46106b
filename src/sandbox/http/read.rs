//! Reading one request, and cutting it off where a fault says so.

use std::io;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{Edge, Handler, Moment, Request};

/// Longest request line and headers.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Longest body: a report as long as the daemon takes, behind the request that brings it.
const BODY_BYTES_MAX: usize = 33 * 1024 * 1024;
/// Most headers of one request.
const HEADERS_MAX: usize = 64;

/// What came of reading.
pub(super) enum Read {
    /// A whole request; whether the connection may carry another.
    Whole(Request, bool),
    /// The peer is gone.
    Gone,
    /// A fault ends the connection here.
    Cut,
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

/// Reads one request. The moment it is known what is asked for is told, and the handler may cut it there.
pub(super) async fn request<H: Handler>(
    stream: &mut TcpStream,
    handler: &H,
    unread: &mut Vec<u8>,
) -> io::Result<Read> {
    let head = loop {
        if let Some(head) = parse_head(unread)? {
            break head;
        }
        if !read_more(stream, unread).await? {
            return Ok(Read::Gone);
        }
    };
    unread.drain(..head.bytes);
    let mut told = false;
    // True where a fault cuts the request here.
    let mut tell = |body: &[u8]| {
        let subject = (!told)
            .then(|| handler.subject(&head.target, body, false))
            .flatten();
        let Some(subject) = subject else {
            return false;
        };
        told = true;
        handler.moment(&Moment {
            infno: subject.infno.clone(),
            msgid: String::new(),
            edge: Edge::FirstByte,
        });
        handler.cuts(&subject)
    };
    if tell(&unread[..unread.len().min(head.body_bytes)]) {
        return Ok(Read::Cut);
    }
    let expects = head.headers.iter().any(|(key, _)| key == "expect");
    if expects {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let body = loop {
        if let Some(body) = take_body(&head, unread)? {
            break body;
        }
        if !read_more(stream, unread).await? {
            return Ok(Read::Gone);
        }
        if tell(unread) {
            return Ok(Read::Cut);
        }
    };
    let Head {
        method,
        target,
        headers,
        keep,
        ..
    } = head;
    let request = Request {
        method,
        target,
        headers,
        body,
    };
    Ok(Read::Whole(request, keep))
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
