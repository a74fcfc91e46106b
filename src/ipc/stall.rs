//! Cuts a connection whose other end takes nothing for too long, so that a slow reader costs a bounded time and memory,
//! or never makes a request of somebody's, so that it does not keep the place of one who would; and one that was refused,
//! soon.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::half::Far;

/// How long the other end may take not a byte.
const STALLED_S_MAX: u64 = 30;
/// How long it may take to its first request: over TCP to the head of one that says who calls, on the socket, where that
/// is known, to that of any or to the beginning of HTTP/2, which clients send at once and call later.
const SILENT_S_MAX: u64 = 30;
/// How long one is there that is only told why it cannot stay.
const REFUSED_MS_MAX: u64 = 1_000;

/// Whether a connection made a request that counts, as those say who see requests. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Begun(Arc<AtomicBool>);

impl Begun {
    /// It made one.
    pub(super) fn tell(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_told(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A connection that is cut when its writes stall, or when it makes no request.
pub(super) struct Cut<T> {
    line: T,
    /// So long a write may wait.
    most: Duration,
    /// Runs while a write waits.
    until: Option<Pin<Box<Sleep>>>,
    /// Runs until a request was made.
    silent: Option<Pin<Box<Sleep>>>,
    begun: Begun,
    /// Ends it, whatever was read.
    refused: Option<Pin<Box<Sleep>>>,
}

impl<T: Unpin> Cut<T> {
    pub(super) fn new(line: T) -> Self {
        Self {
            line,
            most: Duration::from_secs(STALLED_S_MAX),
            until: None,
            silent: Some(Box::pin(tokio::time::sleep(Duration::from_secs(
                SILENT_S_MAX,
            )))),
            begun: Begun::default(),
            refused: None,
        }
    }

    /// Where it is told that a request was made.
    pub(super) fn begun(&self) -> Begun {
        self.begun.clone()
    }

    /// One that is only told why it cannot stay.
    pub(super) fn refused(line: T) -> Self {
        let most = Duration::from_millis(REFUSED_MS_MAX);
        Self {
            refused: Some(Box::pin(tokio::time::sleep(most))),
            ..Self::new(line)
        }
    }

    /// Passes on what a write said, or says that it took too long.
    fn judged<V>(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<V>>,
    ) -> Poll<io::Result<V>> {
        if polled.is_ready() {
            self.until = None;
            return polled;
        }
        let most = self.most;
        let until = self
            .until
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(most)));
        match until.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<T: Far> Far for Cut<T> {
    fn gone(&self) -> Option<BoxFuture<'static, ()>> {
        self.line.gone()
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Cut<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let cut = self.get_mut();
        if let Some(refused) = &mut cut.refused
            && refused.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if cut.begun.is_told() {
            cut.silent = None;
        }
        // Also while bytes come: a head may be sent one byte a minute.
        if let Some(silent) = &mut cut.silent
            && silent.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Pin::new(&mut cut.line).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Cut<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let cut = self.get_mut();
        let polled = Pin::new(&mut cut.line).poll_write(cx, bytes);
        cut.judged(cx, polled)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let cut = self.get_mut();
        let polled = Pin::new(&mut cut.line).poll_write_vectored(cx, bytes);
        cut.judged(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.line.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let cut = self.get_mut();
        let polled = Pin::new(&mut cut.line).poll_flush(cx);
        cut.judged(cx, polled)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let cut = self.get_mut();
        let polled = Pin::new(&mut cut.line).poll_shutdown(cx);
        cut.judged(cx, polled)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_makes_no_request_is_cut_and_who_made_one_may_be_silent() {
        let (line, _other) = tokio::io::duplex(4);
        let error = Cut::new(line).read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        // One byte, then nothing.
        let (line, mut other) = tokio::io::duplex(4);
        let mut cut = Cut::new(line);
        other.write_u8(7).await.unwrap();
        assert_eq!(cut.read_u8().await.unwrap(), 7);
        let error = cut.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        // A byte now and then.
        let (line, mut other) = tokio::io::duplex(4);
        let mut cut = Cut::new(line);
        let drips = tokio::spawn(async move {
            while other.write_u8(7).await.is_ok() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        let began = tokio::time::Instant::now();
        let error = loop {
            if let Err(error) = cut.read_u8().await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() <= Duration::from_secs(SILENT_S_MAX + 1));
        drop(cut);
        drips.await.unwrap();
        let (line, mut other) = tokio::io::duplex(4);
        let mut cut = Cut::new(line);
        other.write_u8(7).await.unwrap();
        assert_eq!(cut.read_u8().await.unwrap(), 7);
        cut.begun().tell();
        let later = tokio::spawn(async move { cut.read_u8().await.unwrap() });
        tokio::time::sleep(Duration::from_secs(10 * SILENT_S_MAX)).await;
        other.write_u8(8).await.unwrap();
        assert_eq!(later.await.unwrap(), 8);
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_refused_is_cut_whatever_it_says() {
        let (line, mut other) = tokio::io::duplex(4);
        let mut cut = Cut::refused(line);
        let talks = tokio::spawn(async move { while other.write_u8(7).await.is_ok() {} });
        let (began, mut heard) = (tokio::time::Instant::now(), 0_u32);
        let error = loop {
            match cut.read_u8().await {
                Ok(_) => heard += 1,
                Err(error) => break error,
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(heard > 0);
        assert_eq!(began.elapsed(), Duration::from_millis(REFUSED_MS_MAX));
        drop(cut);
        talks.await.unwrap();
    }

    #[tokio::test]
    async fn who_takes_nothing_is_cut_and_who_takes_a_little_is_not() {
        let (line, mut other) = tokio::io::duplex(4);
        let mut cut = Cut::new(line);
        cut.most = Duration::from_millis(50);
        cut.write_all(&[1; 4]).await.unwrap();
        let began = tokio::time::Instant::now();
        let error = cut.write_all(&[1; 4]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() >= cut.most);
        let (line, next) = tokio::io::duplex(4);
        let mut cut = Cut::new(line);
        cut.most = Duration::from_secs(60);
        drop(std::mem::replace(&mut other, next));
        let writing = tokio::spawn(async move { cut.write_all(&[1; 16]).await });
        let mut bytes = [0; 16];
        other.read_exact(&mut bytes).await.unwrap();
        writing.await.unwrap().unwrap();
    }
}
