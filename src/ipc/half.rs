//! A caller on HTTP/1.1 that closes its sending side after its request – `shutdown(SD_SEND)`, `nc -N` – waits for its
//! answer; one that closes its socket is gone. Whoever reads sees the end of the line in both, and hyper takes either for
//! gone: so the end is kept back here while a call runs, until its answer is out or the other end is gone altogether.
//!
//! | the end comes | it is passed on |
//! |---|---|
//! | between calls, on HTTP/2, within TLS | at once |
//! | while a call runs | when its answer is out, or the other end is gone: at once, if it is already |
//!
//! Whether it is gone the kernel says: of a local socket by hanging up, of a line within this machine by listing a socket
//! at its other end that is nobody's. Of all others nobody can say, and they are gone.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::Status;
use tonic::body::Body;

/// What HTTP/2 begins with.
const HTTP2: &[u8] = b"PRI";

/// A line of which it may be known whether its other end is gone.
pub(super) trait Far {
    /// Comes back once it is gone: at once, if it is already. `None`: nobody can say.
    fn gone(&self) -> Option<BoxFuture<'static, ()>>;
}

/// The calls that run on a connection of HTTP/1.1, as those say who see them. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Running(Arc<AtomicUsize>);

/// A call that runs, until it is dropped.
#[derive(Debug)]
pub(super) struct Run(Running);

impl Running {
    /// One begins.
    pub(super) fn begin(&self) -> Run {
        self.0.fetch_add(1, Ordering::AcqRel);
        Run(self.clone())
    }

    fn is_idle(&self) -> bool {
        self.0.load(Ordering::Acquire) == 0
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// An answer's body; the call runs until it is given out whole.
pub(super) fn answered(body: Body, run: Run) -> Body {
    Body::new(Answered { body, _run: run })
}

struct Answered {
    body: Body,
    _run: Run,
}

impl hyper::body::Body for Answered {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A connection whose end is kept back while a call runs.
pub(super) struct Half<T> {
    line: T,
    running: Running,
    /// How much of what HTTP/2 begins with was read; more is another protocol, and `None`.
    preface: Option<usize>,
    /// Bytes came since the last answer was out.
    is_asked: bool,
    end: End,
    /// Who reads, while the end is kept back.
    reader: Option<Waker>,
}

/// The end of what the other end sends.
enum End {
    NotYet,
    /// It came, and is kept back until this comes back.
    Kept(BoxFuture<'static, ()>),
    /// It is passed on.
    Told,
}

impl<T: Far + Unpin> Half<T> {
    pub(super) fn new(line: T) -> Self {
        Self {
            line,
            running: Running::default(),
            preface: Some(0),
            is_asked: false,
            end: End::NotYet,
            reader: None,
        }
    }

    /// Where the calls on it are told.
    pub(super) fn running(&self) -> Running {
        self.running.clone()
    }

    fn saw(&mut self, bytes: &[u8]) {
        self.is_asked = true;
        if let Some(seen) = self.preface.filter(|seen| *seen < HTTP2.len()) {
            let wanted = HTTP2.iter().skip(seen);
            let same = wanted.zip(bytes).take_while(|(a, b)| a == b).count();
            let is_it = same == bytes.len().min(HTTP2.len() - seen);
            self.preface = is_it.then_some(seen + same);
        }
    }

    fn is_http2(&self) -> bool {
        self.preface == Some(HTTP2.len())
    }

    /// The end came: whether it is told.
    fn is_told(&mut self, cx: &mut Context<'_>) -> bool {
        if matches!(self.end, End::NotYet) {
            let is_kept = self.is_asked && !self.is_http2();
            let gone = self.line.gone().filter(|_| is_kept);
            self.end = gone.map_or(End::Told, End::Kept);
        }
        if let End::Kept(gone) = &mut self.end {
            if gone.as_mut().poll(cx).is_pending() {
                self.reader = Some(cx.waker().clone());
                return false;
            }
            self.end = End::Told;
        }
        true
    }

    /// All that was to be said is out.
    fn is_out(&mut self) {
        if !self.running.is_idle() {
            return;
        }
        self.is_asked = false;
        if matches!(self.end, End::Kept(_)) {
            self.end = End::Told;
            if let Some(reader) = self.reader.take() {
                reader.wake();
            }
        }
    }
}

impl<T: AsyncRead + Far + Unpin> AsyncRead for Half<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let half = self.get_mut();
        let before = buf.filled().len();
        // Also when its end is known: whoever says nothing is cut beneath.
        ready!(Pin::new(&mut half.line).poll_read(cx, buf))?;
        let read = buf.filled().get(before..).unwrap_or_default();
        if !read.is_empty() {
            half.saw(read);
            return Poll::Ready(Ok(()));
        }
        match buf.remaining() == 0 || half.is_told(cx) {
            true => Poll::Ready(Ok(())),
            false => Poll::Pending,
        }
    }
}

impl<T: AsyncWrite + Far + Unpin> AsyncWrite for Half<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().line).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().line).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.line.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let half = self.get_mut();
        ready!(Pin::new(&mut half.line).poll_flush(cx))?;
        // hyper flushes only what it has written whole, and has begun every call of which it has read the head.
        half.is_out();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().line).poll_shutdown(cx)
    }
}
