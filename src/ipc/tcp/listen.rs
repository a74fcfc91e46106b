//! The listener: counts, asks whose socket it is, shakes hands.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::Stream;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;

use super::connection::{Connection, Line, Peer};
use super::tls::{self, TlsError};
use super::{owner, subject};
use crate::book::Code;
use crate::config::doors;
use crate::ipc::grpc::{Gate, Pass};
use crate::observe::metrics::PROCESS;
use crate::operation::Failure;

/// After a failed `accept` – no more file descriptors, mostly – the door looks again this much later.
const ACCEPT_PAUSE_MS: u64 = 100;
/// Connections of one address that are looked up or shake hands at once; its others wait for their turn, so that who
/// says nothing delays nobody else.
const BEGINNINGS_PER_ADDRESS_MAX: usize = 8;
/// Connections that begin or wait for it, of all and of one address.
const HELD_MAX: usize = 256;
const HELD_PER_ADDRESS_MAX: usize = 32;
/// A connection over the limit that is told nothing is closed only after so long: a caller that connects again and again
/// is slowed down.
const REFUSED_HOLD_MS: u64 = 1_000;
/// So many are held; more are closed at once.
const REFUSED_MAX: usize = 64;
/// Longest beginning, from accepted to shaken hands.
const HANDSHAKE_S_MAX: u64 = 10;

/// Why there is no listener.
#[derive(Debug, thiserror::Error)]
pub enum TcpError {
    /// The system says no.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The certificates are wrong.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A listener; callers that connect wait until it is served.
pub(in crate::ipc) struct Tcp {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
}

impl Tcp {
    /// Listens where the configuration says; nowhere when it says nothing. Must be called in a runtime.
    pub(in crate::ipc) fn bind(
        config: &doors::Tcp,
        credentials_dir: Option<&Path>,
    ) -> Result<Option<Self>, TcpError> {
        let Some(address) = config.listen else {
            return Ok(None);
        };
        let tls = acceptor(config, credentials_dir)?;
        let bound = std::net::TcpListener::bind(address).and_then(|listener| {
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)
        });
        let listener = bound.map_err(|source| TcpError::Listen { address, source })?;
        Ok(Some(Self { listener, tls }))
    }

    /// Whether the certificates fit, where it would listen.
    pub(in crate::ipc) fn check(
        config: &doors::Tcp,
        credentials_dir: Option<&Path>,
    ) -> Result<(), TcpError> {
        match config.listen {
            Some(_) => acceptor(config, credentials_dir).map(drop),
            None => Ok(()),
        }
    }

    /// Where it listens.
    pub(in crate::ipc) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The connections. Those over the gate's limits are told so or closed; those that do not shake hands are closed.
    pub(in crate::ipc) fn connections(
        self,
        gate: Gate,
    ) -> impl Stream<Item = io::Result<Connection>> {
        let (ready, connections) = mpsc::channel(1);
        tokio::spawn(async move {
            tokio::select! {
                () = accept(self, gate, ready.clone()) => {}
                () = ready.closed() => {}
            }
        });
        ReceiverStream::new(connections).map(Ok)
    }
}

fn acceptor(
    config: &doors::Tcp,
    credentials_dir: Option<&Path>,
) -> Result<Option<TlsAcceptor>, TcpError> {
    let files = config.tls.as_ref();
    let tls = files.map(|files| tls::acceptor(files, credentials_dir));
    Ok(tls.transpose()?)
}

async fn accept(tcp: Tcp, gate: Gate, ready: mpsc::Sender<Connection>) {
    let places = Arc::new(Semaphore::new(HELD_MAX));
    let beginnings = Beginnings::default();
    let refused = Arc::new(Semaphore::new(REFUSED_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let (line, peer) = match tcp.listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
                continue;
            }
        };
        let Some(held) = beginnings.hold(peer.ip(), place) else {
            PROCESS.connections_refused.count([]);
            let detail = "too many connections that begin; one was closed";
            let failure = Failure::new(Code::TooManyCalls, detail);
            gate.closed(&address_of(peer), None, &failure);
            continue;
        };
        let (gate, ready, tls) = (gate.clone(), ready.clone(), tcp.tls.clone());
        let refused = Arc::clone(&refused);
        tokio::spawn(async move {
            let within = Duration::from_secs(HANDSHAKE_S_MAX);
            let begun = begin(line, peer, &held, &gate, tls);
            let begun = tokio::time::timeout(within, begun).await;
            drop(held);
            match begun {
                Ok(Begun::Ready(connection)) => {
                    if ready.send(*connection).await.is_err() {
                        tracing::debug!("a connection came when the door closed");
                    }
                }
                Ok(Begun::TooMany(line)) => {
                    if let Ok(_kept) = refused.try_acquire_owned() {
                        tokio::time::sleep(Duration::from_millis(REFUSED_HOLD_MS)).await;
                    }
                    drop(line);
                }
                Ok(Begun::Nothing) => {}
                Err(_) => {
                    let detail = "a connection did not begin in time";
                    let failure = Failure::new(Code::NotAllowed, detail);
                    gate.closed(&address_of(peer), None, &failure);
                }
            }
        });
    }
}

/// What became of an accepted connection.
enum Begun {
    Ready(Box<Connection>),
    /// One over the gate's limits.
    TooMany(TcpStream),
    Nothing,
}

async fn begin(
    line: TcpStream,
    peer: SocketAddr,
    held: &Held,
    gate: &Gate,
    tls: Option<TlsAcceptor>,
) -> Begun {
    let Ok(_turn) = held.turns.acquire().await else {
        return Begun::Nothing;
    };
    let Some(Looked { line, uid, who }) = look(line, peer).await else {
        return Begun::Nothing;
    };
    let Some(pass) = gate.connect_unknown(who.clone()) else {
        return match (gate.refuse_connection(&who, None), tls) {
            (Some(pass), None) => Begun::Ready(Box::new(Connection::refused(line, uid, pass))),
            // It is not worth a handshake to say so.
            (Some(_), Some(_)) | (None, _) => Begun::TooMany(line),
        };
    };
    match shake_hands(line, uid, tls, pass).await {
        Ok(connection) => Begun::Ready(Box::new(connection)),
        Err(why) => {
            gate.closed(&who, None, &Failure::new(Code::NotAllowed, why));
            Begun::Nothing
        }
    }
}

/// Who is beginning, by address.
#[derive(Clone, Default)]
struct Beginnings(Arc<Mutex<BTreeMap<IpAddr, Share>>>);

/// What one address has.
struct Share {
    held: usize,
    turns: Arc<Semaphore>,
}

/// One that begins or waits for it, until it is dropped.
struct Held {
    all: Beginnings,
    address: IpAddr,
    turns: Arc<Semaphore>,
    _place: OwnedSemaphorePermit,
}

impl Beginnings {
    /// None: this address has its share of places.
    fn hold(&self, address: IpAddr, place: OwnedSemaphorePermit) -> Option<Held> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let share = all.entry(address).or_insert_with(|| Share {
            held: 0,
            turns: Arc::new(Semaphore::new(BEGINNINGS_PER_ADDRESS_MAX)),
        });
        if share.held >= HELD_PER_ADDRESS_MAX {
            return None;
        }
        share.held += 1;
        Some(Held {
            all: self.clone(),
            address,
            turns: Arc::clone(&share.turns),
            _place: place,
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = all.get_mut(&self.address) {
            share.held -= 1;
            if share.held == 0 {
                all.remove(&self.address);
            }
        }
    }
}

/// A connection, and whose it is as far as the kernel says.
struct Looked {
    line: TcpStream,
    uid: Option<u32>,
    /// By what it is counted.
    who: String,
}

/// Whose line it is while nothing but its address is known.
fn address_of(peer: SocketAddr) -> String {
    format!("tcp:{}", peer.ip())
}

/// Looks whose it is.
async fn look(line: TcpStream, address: SocketAddr) -> Option<Looked> {
    line.set_nodelay(true).ok()?;
    let own = line.local_addr().ok()?;
    let uid = match address.ip().to_canonical().is_loopback() {
        true => {
            let asked = tokio::task::spawn_blocking(move || owner::uid(address, own));
            asked.await.ok().flatten()
        }
        false => None,
    };
    let who = match uid {
        Some(uid) => format!("tcp:uid:{uid}"),
        None => address_of(address),
    };
    Some(Looked { line, uid, who })
}

/// An error says why not.
async fn shake_hands(
    line: TcpStream,
    uid: Option<u32>,
    tls: Option<TlsAcceptor>,
    pass: Pass,
) -> Result<Connection, String> {
    let pass = Arc::new(pass);
    let Some(tls) = tls else {
        let peer = Peer {
            uid,
            certificate: None,
            is_refused: false,
        };
        return Ok(Connection::new(Line::Plain(line), peer, pass));
    };
    let line = tls.accept(line).await;
    let line = line.map_err(|error| format!("a caller did not shake hands: {error}"))?;
    let shown = line.get_ref().1.peer_certificates().unwrap_or_default();
    let name = shown.first().and_then(|shown| subject::common_name(shown));
    let name = name.ok_or("a caller's certificate has no one common name")?;
    let peer = Peer {
        uid,
        certificate: Some(name),
        is_refused: false,
    };
    Ok(Connection::new(Line::Tls(Box::new(line)), peer, pass))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(all: &Beginnings, places: &Arc<Semaphore>, address: &str) -> Option<Held> {
        let place = Arc::clone(places).try_acquire_owned().unwrap();
        all.hold(address.parse().unwrap(), place)
    }

    #[test]
    fn who_says_nothing_keeps_its_own_places_only() {
        let places = Arc::new(Semaphore::new(HELD_MAX));
        let all = Beginnings::default();
        let silent: Vec<_> = (0..HELD_PER_ADDRESS_MAX)
            .map(|_| hold(&all, &places, "10.0.0.9").unwrap())
            .collect();
        assert!(hold(&all, &places, "10.0.0.9").is_none());
        assert!(hold(&all, &places, "10.0.0.8").is_some());
        drop(silent);
        assert!(hold(&all, &places, "10.0.0.9").is_some());
        assert_eq!(places.available_permits(), HELD_MAX);
        assert!(all.0.lock().unwrap().is_empty());
    }

    #[test]
    fn many_at_once_of_one_address_take_turns() {
        let places = Arc::new(Semaphore::new(HELD_MAX));
        let all = Beginnings::default();
        let held: Vec<_> = (0..=BEGINNINGS_PER_ADDRESS_MAX)
            .map(|_| hold(&all, &places, "10.0.0.9").unwrap())
            .collect();
        let (last, first) = held.split_last().unwrap();
        let turns: Vec<_> = first.iter().map(|one| one.turns.try_acquire()).collect();
        assert!(turns.iter().all(Result::is_ok));
        assert!(last.turns.try_acquire().is_err(), "it waits");
        drop(turns);
        assert!(last.turns.try_acquire().is_ok());
    }
}
