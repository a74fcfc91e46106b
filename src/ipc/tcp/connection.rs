//! One connection, plain or within TLS, and what is known of its other end before it says anything.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use super::owner;
use crate::ipc::grpc::Place;
use crate::ipc::half::{Far, Half, Running};
use crate::ipc::stall::{Begun, Cut};

/// How often it is looked whether a caller that sends nothing more is gone: the kernel's table may be long.
const GONE_LOOK_MS: u64 = 500;

/// Who is at the other end, as far as the connection says.
#[derive(Clone, Debug, Default)]
pub(in crate::ipc) struct Peer {
    /// Whose socket it is, as the kernel says.
    pub(in crate::ipc) uid: Option<u32>,
    /// The name in its certificate; absent without TLS.
    pub(in crate::ipc) certificate: Option<String>,
    /// The connection is one too many, and its caller is only told so.
    pub(in crate::ipc) is_refused: bool,
    /// Where it is told that it made a request of somebody who is known.
    pub(in crate::ipc) begun: Begun,
    /// Where its calls on HTTP/1.1 are told.
    pub(in crate::ipc) running: Running,
    /// What it is counted by.
    pub(in crate::ipc) place: Option<Arc<Place>>,
}

/// The bytes.
pub(super) enum Line {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// One connection. Counted while it lives.
pub(in crate::ipc) struct Connection {
    line: Half<Cut<Line>>,
    peer: Peer,
}

impl Connection {
    pub(super) fn new(line: Line, peer: Peer) -> Self {
        let line = match peer.is_refused {
            true => Cut::refused(line),
            false => Cut::new(line),
        };
        let begun = line.begun();
        let line = Half::new(line);
        let running = line.running();
        Self {
            line,
            peer: Peer {
                begun,
                running,
                ..peer
            },
        }
    }
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

/// A caller within this machine that is gone leaves a socket that is nobody's; of others nobody can say, and within TLS
/// the end is said.
impl Far for Line {
    fn gone(&self) -> Option<BoxFuture<'static, ()>> {
        let Self::Plain(line) = self else {
            return None;
        };
        let (peer, own) = (line.peer_addr().ok()?, line.local_addr().ok()?);
        peer.ip().to_canonical().is_loopback().then(|| {
            let gone: BoxFuture<'static, ()> = Box::pin(async move {
                // The kernel's list may miss a row while others come and go: twice in a row it does not.
                let mut missed = 0;
                while missed < 2 {
                    let look = tokio::task::spawn_blocking(move || owner::uid(peer, own)).await;
                    missed = match look {
                        Ok(Some(_)) => 0,
                        Ok(None) | Err(_) => missed + 1,
                    };
                    tokio::time::sleep(Duration::from_millis(GONE_LOOK_MS)).await;
                }
            });
            gone
        })
    }
}

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Line::Plain(line) => Pin::new(line).poll_read(cx, buf),
            Line::Tls(line) => Pin::new(line).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Line::Plain(line) => Pin::new(line).poll_write(cx, bytes),
            Line::Tls(line) => Pin::new(line).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Line::Plain(line) => Pin::new(line).poll_flush(cx),
            Line::Tls(line) => Pin::new(line).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Line::Plain(line) => Pin::new(line).poll_shutdown(cx),
            Line::Tls(line) => Pin::new(line).poll_shutdown(cx),
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().line).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().line).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().line).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().line).poll_shutdown(cx)
    }
}
