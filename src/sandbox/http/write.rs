//! Writing one answer, or what a fault leaves of it.

use std::io;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::Reply;

/// Content type of an answer whose form a fault decides.
const JSON: &str = "application/json;charset=UTF-8";

/// Writes it. A reset reply leaves the socket so that dropping it resets the connection.
pub(super) async fn reply(
    stream: &mut TcpStream,
    reply: Reply,
    keep: bool,
    date: &str,
) -> io::Result<()> {
    let (head, body) = match reply {
        Reply::Nothing => return Ok(()),
        Reply::Reset => return stream.set_zero_linger(),
        Reply::Whole { status, kind, body } => (head(status, kind, body.len(), keep, date), body),
        Reply::Cut {
            mut body,
            sent,
            reset,
        } => {
            let head = head(200, JSON, body.len(), false, date);
            body.truncate(sent);
            write(stream, head, &body).await?;
            // A peer of the same machine has what was written; the reset comes behind it.
            return if reset {
                stream.set_zero_linger()
            } else {
                Ok(())
            };
        }
        Reply::Drip { status, body, byte } => {
            let head = head(status, JSON, body.len(), false, date);
            return drip(stream, head, &body, byte).await;
        }
    };
    write(stream, head, &body).await
}

async fn write(stream: &mut TcpStream, head: String, body: &[u8]) -> io::Result<()> {
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    stream.write_all(&bytes).await?;
    stream.flush().await
}

/// Writes the head at once, then the body a byte at a time; ends when the peer has gone.
async fn drip(stream: &mut TcpStream, head: String, body: &[u8], byte: Duration) -> io::Result<()> {
    write(stream, head, &[]).await?;
    for one in body {
        if !byte.is_zero() {
            tokio::time::sleep(byte).await;
        }
        stream.write_all(std::slice::from_ref(one)).await?;
    }
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
