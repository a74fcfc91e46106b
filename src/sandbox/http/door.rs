//! The listening port, which can be shut for a while and can turn away who comes.
//!
//! What a connection is about is not known before it is accepted. So these faults strike the connections that
//! come next; who wants them at a chosen call arms them when the call before it is answered.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::net::Shutdown;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::Instant;

/// Connections the kernel queues.
const BACKLOG: u32 = 1024;
/// How long before a port that could not be taken, or a failed accept, is tried again.
const AGAIN_MS: u64 = 20;

/// A port of 127.0.0.1.
#[derive(Debug)]
pub struct Door {
    addr: SocketAddr,
    /// Bound and never listening: while the door is shut nobody else gets the port, and who calls is refused.
    _holder: TcpSocket,
    listener: Mutex<Option<Arc<TcpListener>>>,
    shut_until: Mutex<Option<Instant>>,
    resets: AtomicU64,
    refused: AtomicU64,
}

impl Door {
    /// Takes the port, 0 for a free one, and listens.
    ///
    /// # Errors
    /// When the port is taken.
    pub fn open(addr: SocketAddr) -> io::Result<Arc<Self>> {
        let holder = socket(addr)?;
        let addr = holder.local_addr()?;
        let listener = socket(addr)?.listen(BACKLOG)?;
        Ok(Arc::new(Self {
            addr,
            _holder: holder,
            listener: Mutex::new(Some(Arc::new(listener))),
            shut_until: Mutex::new(None),
            resets: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }))
    }

    /// Where it is.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// From this moment on nothing listens, for so long. Connections that are open stay.
    pub fn shut(&self, wait: Duration) {
        *locked(&self.shut_until) = Some(Instant::now() + wait);
        let listener = locked(&self.listener).take();
        if let Some(listener) = listener {
            self.refused.fetch_add(1, Ordering::Relaxed);
            // Whoever waits in accept is woken by it and comes to see that the door is shut.
            if let Err(error) = rustix::net::shutdown(&*listener, Shutdown::Both) {
                tracing::warn!(%error, "sandbox: the port could not be shut");
            }
        }
    }

    /// The next so many connections are reset as soon as they are accepted.
    pub fn reset_next(&self, count: u64) {
        self.resets.store(count, Ordering::SeqCst);
    }

    /// How often it was shut.
    #[must_use]
    pub fn times_shut(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// The next connection that is not turned away.
    pub(super) async fn accept(&self) -> TcpStream {
        loop {
            let Some(listener) = self.listening().await else {
                tokio::time::sleep(Duration::from_millis(AGAIN_MS)).await;
                continue;
            };
            match listener.accept().await {
                Ok((stream, _)) if take_one(&self.resets) => {
                    if let Err(error) = stream.set_zero_linger() {
                        tracing::debug!(%error, "sandbox: no reset");
                    }
                }
                Ok((stream, _)) => return stream,
                Err(error) => {
                    tracing::debug!(%error, "sandbox: accept ended");
                    tokio::time::sleep(Duration::from_millis(AGAIN_MS)).await;
                }
            }
        }
    }

    /// The listener, a new one when the door was shut and the time is over.
    async fn listening(&self) -> Option<Arc<TcpListener>> {
        loop {
            let shut_until = *locked(&self.shut_until);
            if let Some(until) = shut_until.filter(|until| *until > Instant::now()) {
                tokio::time::sleep_until(until).await;
                continue;
            }
            let mut listener = locked(&self.listener);
            if listener.is_none() {
                // An earlier shut may have come between: then it counts again.
                let is_shut = locked(&self.shut_until).is_some_and(|until| until > Instant::now());
                if is_shut {
                    continue;
                }
                let opened = socket(self.addr).and_then(|socket| socket.listen(BACKLOG));
                *listener = opened.map(Arc::new).ok();
            }
            return listener.clone();
        }
    }
}

/// Takes one off the count; false when there was none.
pub(super) fn take_one(count: &AtomicU64) -> bool {
    count
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            left.checked_sub(1)
        })
        .is_ok()
}

fn socket(addr: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    Ok(socket)
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
