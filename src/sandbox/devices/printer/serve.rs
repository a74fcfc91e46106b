//! The printer on its wires: TCP (port 9100's way) and a serial line. Carries bytes; knows nothing
//! of their meaning.
//!
//! One task works the machine off, another serves the wire. They meet in [`Shared`]: whoever
//! changes the machine says so, and all look again. Over TCP one host is served at a time; the
//! next one waits, as with real ones.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

use super::super::pty::Pty;
use super::machine::Machine;

/// Bytes worked off, or read, at one go.
const CHUNK_BYTES: usize = 4_096;
/// Hosts that wait for the one that is served.
const WAITING_HOSTS_MAX: u32 = 16;
/// How long a host may leave answers unread.
const ANSWER_WAIT_MS_MAX: u64 = 2_000;
/// Between attempts to get the port back after power on.
const LISTEN_RETRY_MS: u64 = 20;

/// The machine and the news of its changes.
#[derive(Debug)]
pub(super) struct Shared {
    machine: Mutex<Machine>,
    changes: watch::Sender<u64>,
}

impl Shared {
    pub(super) fn new(machine: Machine) -> Self {
        Self {
            machine: Mutex::new(machine),
            changes: watch::Sender::new(0),
        }
    }

    /// A look, or a change nobody needs to hear of.
    pub(super) fn look(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A change, and the news of it.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Machine) -> T) -> T {
        let result = change(&mut self.look());
        self.changes
            .send_modify(|count| *count = count.wrapping_add(1));
        result
    }

    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

/// Works off what was received, for ever.
pub(super) async fn work(shared: &Shared) {
    let mut changes = shared.changes();
    loop {
        changes.borrow_and_update();
        let pace = shared.look().bytes_a_second();
        let chunk = if pace.is_some() { 1 } else { CHUNK_BYTES };
        let done = shared.look().work(chunk);
        if done == 0 {
            // The sender lives in `shared`, so news can always come.
            if changes.changed().await.is_err() {
                return;
            }
            continue;
        }
        shared.change(|_| ());
        match pace {
            None => tokio::task::yield_now().await,
            Some(pace) => {
                let done = u32::try_from(done).unwrap_or(u32::MAX);
                tokio::time::sleep(Duration::from_secs(1) * done / pace.max(1)).await;
            }
        }
    }
}

/// Takes hosts one after the other while the power is on; refuses them while it is off.
pub(super) async fn serve_tcp(shared: &Shared, mut listener: Option<TcpListener>, at: SocketAddr) {
    let mut changes = shared.changes();
    let mut kept_port = None;
    loop {
        changes.borrow_and_update();
        if !shared.look().is_powered() {
            // Bound but not listening: connects are refused and nobody else gets the port.
            listener = None;
            kept_port = kept_port.or_else(|| bind(at).ok());
            if changes.changed().await.is_err() {
                return;
            }
            continue;
        }
        if listener.is_none() {
            let socket = kept_port.take().map_or_else(|| bind(at), Ok);
            match socket.and_then(|socket| socket.listen(WAITING_HOSTS_MAX)) {
                Ok(open) => listener = Some(open),
                Err(error) => {
                    tracing::warn!(%error, %at, "the printer's port is not free yet");
                    tokio::time::sleep(Duration::from_millis(LISTEN_RETRY_MS)).await;
                    continue;
                }
            }
        }
        let Some(open) = &listener else { continue };
        tokio::select! {
            taken = open.accept() => match taken {
                Ok((stream, _)) => serve_host(shared, stream).await,
                Err(error) => tracing::warn!(%error, "a host could not be taken"),
            },
            _ = changes.changed() => {}
        }
    }
}

/// A socket on the printer's own address.
pub(super) fn bind(at: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(at)?;
    Ok(socket)
}

/// A listener there.
pub(super) fn listen(at: SocketAddr) -> io::Result<TcpListener> {
    bind(at)?.listen(WAITING_HOSTS_MAX)
}

async fn serve_host(shared: &Shared, mut stream: TcpStream) {
    let served_at = shared.change(|machine| {
        machine.set_connected(true);
        machine.times_off()
    });
    let ended = talk(shared, &mut stream, served_at).await;
    if let Err(error) = ended {
        tracing::debug!(%error, "the host's connection broke");
    }
    drop(stream);
    shared.change(|machine| machine.set_connected(false));
}

async fn talk(shared: &Shared, stream: &mut TcpStream, served_at: u64) -> io::Result<()> {
    let mut changes = shared.changes();
    let mut bytes = vec![0; CHUNK_BYTES];
    let wait = Duration::from_millis(ANSWER_WAIT_MS_MAX);
    stream.set_nodelay(true)?;
    loop {
        changes.borrow_and_update();
        let (times_off, room, answer) = {
            let mut machine = shared.look();
            let room = machine.room().min(CHUNK_BYTES);
            (machine.times_off(), room, machine.take_outbox())
        };
        if times_off != served_at {
            return Ok(());
        }
        tokio::time::timeout(wait, stream.write_all(&answer)).await??;
        tokio::select! {
            read = stream.read(&mut bytes[..room]), if room > 0 => {
                let read = read?;
                if read == 0 || !shared.change(|machine| machine.receive(&bytes[..read])) {
                    return Ok(());
                }
            }
            _ = changes.changed() => {}
        }
    }
}

/// Serves a serial line; `plugged` is its cable.
pub(super) async fn serve_pty(shared: &Shared, mut plugged: watch::Receiver<Option<Arc<Pty>>>) {
    loop {
        let pty = plugged.borrow_and_update().clone();
        let pulled = match pty {
            None => plugged.changed().await,
            Some(pty) => {
                shared.change(|machine| machine.set_connected(true));
                let pulled = tokio::select! {
                    pulled = plugged.changed() => pulled,
                    error = talk_serial(shared, &pty) => {
                        tracing::warn!(%error, "the serial line broke");
                        plugged.changed().await
                    }
                };
                shared.change(|machine| machine.set_connected(false));
                pulled
            }
        };
        if pulled.is_err() {
            return;
        }
    }
}

/// Talks until the line breaks.
async fn talk_serial(shared: &Shared, pty: &Pty) -> io::Error {
    let mut changes = shared.changes();
    let mut bytes = vec![0; CHUNK_BYTES];
    let wait = Duration::from_millis(ANSWER_WAIT_MS_MAX);
    loop {
        changes.borrow_and_update();
        let (room, answer) = {
            let mut machine = shared.look();
            let mut answer = machine.take_outbox();
            answer.extend(machine.flow_byte());
            (machine.line_room().min(CHUNK_BYTES), answer)
        };
        if tokio::time::timeout(wait, pty.write_all(&answer))
            .await
            .is_err()
        {
            tracing::debug!("nobody reads the printer's answers");
        }
        tokio::select! {
            read = pty.read(&mut bytes[..room]), if room > 0 => {
                let read = match read {
                    Ok(read) => read,
                    Err(error) => return error,
                };
                // Nothing can be dropped on a serial line: what comes after is only lost.
                let _kept: bool = shared.change(|machine| machine.receive(&bytes[..read]));
            }
            _ = changes.changed() => {}
        }
    }
}
