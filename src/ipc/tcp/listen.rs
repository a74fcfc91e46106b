//! The listener: counts, asks whose socket it is, shakes hands.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::Stream;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use super::connection::{Connection, Line, Peer};
use super::port::Port;
use super::tls::{self, TlsError};
use super::{owner, subject};
use crate::book::Code;
use crate::config::doors;
use crate::ipc::grpc::{Gate, Place};
use crate::observe::metrics::PROCESS;
use crate::operation::{Failure, TcpState};

/// After a failed `accept` – no more file descriptors, mostly – the door looks again this much later.
const ACCEPT_PAUSE_MS: u64 = 100;
/// Connections that begin, of all and of one address; of more the oldest is closed. A caller shakes hands within a moment,
/// and who says nothing keeps nobody waiting. They take none of the places of those that began.
const BEGINNINGS_MAX: usize = 256;
const BEGINNINGS_PER_ADDRESS_MAX: usize = 32;
/// Owners that are looked up at once: the kernel's tables may be long.
const LOOKS_MAX: usize = 8;
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
    /// The certificates are wrong.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A listener, or the wish to listen; callers that connect wait until it is served.
pub(in crate::ipc) struct Tcp {
    port: Port,
    tls: Option<TlsAcceptor>,
}

impl Tcp {
    /// Listens where the configuration says, or will as soon as that can be; nowhere when it says nothing. Must be called
    /// in a runtime.
    pub(in crate::ipc) fn bind(
        config: &doors::Tcp,
        credentials_dir: Option<&Path>,
    ) -> Result<Option<Self>, TcpError> {
        let Some(address) = config.listen else {
            return Ok(None);
        };
        let tls = acceptor(config, credentials_dir)?;
        // A port that another has is no reason to serve nobody: it is told, and tried again.
        let port = Port::new(address);
        Ok(Some(Self { port, tls }))
    }

    /// Says how the port is from here on.
    pub(in crate::ipc) fn telling(self, tell: impl Fn(TcpState) + Send + Sync + 'static) -> Self {
        let port = self.port.telling(tell);
        Self { port, ..self }
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
    #[cfg(test)]
    pub(in crate::ipc) fn address(&self) -> io::Result<SocketAddr> {
        self.port.address()
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
    let listener = match tcp.port.listener().await {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "the port for TCP is not tried again");
            // The stream ends with its sender, and the door with the stream: that would be a start for nothing.
            return std::future::pending().await;
        }
    };
    let beginnings = Beginnings::default();
    let looks = Arc::new(Semaphore::new(LOOKS_MAX));
    let refused = Arc::new(Semaphore::new(REFUSED_MAX));
    loop {
        let (line, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
                continue;
            }
        };
        let held = beginnings.hold(peer.ip());
        let (gate, ready, tls) = (gate.clone(), ready.clone(), tcp.tls.clone());
        let (refused, looks) = (Arc::clone(&refused), Arc::clone(&looks));
        tokio::spawn(async move {
            let within = Duration::from_secs(HANDSHAKE_S_MAX);
            let begun = begin(line, peer, &looks, &gate, tls);
            let begun = tokio::select! {
                begun = tokio::time::timeout(within, begun) => begun.unwrap_or(Begun::TooLate),
                () = held.crowded_out.cancelled() => Begun::CrowdedOut,
            };
            drop(held);
            end(begun, peer, &gate, &ready, &refused).await;
        });
    }
}

/// Hands on what began, and tells of what did not.
async fn end(
    begun: Begun,
    peer: SocketAddr,
    gate: &Gate,
    ready: &mpsc::Sender<Connection>,
    refused: &Semaphore,
) {
    let closed = |code, detail| {
        let failure = Failure::new(code, detail);
        gate.closed(&address_of(peer), None, &failure);
    };
    match begun {
        Begun::Ready(connection) => {
            if ready.send(*connection).await.is_err() {
                tracing::debug!("a connection came when the door closed");
            }
        }
        Begun::TooMany(line) => {
            if let Ok(_kept) = refused.try_acquire() {
                tokio::time::sleep(Duration::from_millis(REFUSED_HOLD_MS)).await;
            }
            drop(line);
        }
        Begun::Nothing => {}
        Begun::CrowdedOut => {
            PROCESS.connections_refused.count([]);
            let detail = "too many connections that begin; the oldest was closed";
            closed(Code::TooManyCalls, detail);
        }
        Begun::TooLate => closed(Code::NotAllowed, "a connection did not begin in time"),
    }
}

/// What became of an accepted connection.
enum Begun {
    Ready(Box<Connection>),
    /// One over the gate's limits.
    TooMany(TcpStream),
    Nothing,
    /// Others that begin took its place.
    CrowdedOut,
    TooLate,
}

async fn begin(
    line: TcpStream,
    peer: SocketAddr,
    looks: &Semaphore,
    gate: &Gate,
    tls: Option<TlsAcceptor>,
) -> Begun {
    let Some(Looked { line, uid, who }) = look(line, peer, looks).await else {
        return Begun::Nothing;
    };
    let peer = Peer {
        uid,
        ..Peer::default()
    };
    let Some(tls) = tls else {
        return plain(line, peer, who, gate);
    };
    let (line, certificate) = match shake_hands(line, &tls).await {
        Ok(shaken) => shaken,
        Err(why) => {
            gate.closed(&who, None, &Failure::new(Code::NotAllowed, why));
            return Begun::Nothing;
        }
    };
    // Counted only when it is somebody's.
    let Some(place) = gate.connect_remote(who.clone()) else {
        // It is not worth an answer.
        drop(gate.refuse_connection(&who, None));
        return Begun::TooMany(line.into_inner().0);
    };
    let peer = Peer {
        certificate: Some(certificate),
        place: Some(Arc::new(place)),
        ..peer
    };
    Begun::Ready(Box::new(Connection::new(Line::Tls(Box::new(line)), peer)))
}

fn plain(line: TcpStream, peer: Peer, who: String, gate: &Gate) -> Begun {
    let (place, is_refused) = match gate.connect_unproven(who.clone()) {
        Some(place) => (place, false),
        None => match gate.refuse_connection(&who, None) {
            Some(pass) => (Place::of(pass), true),
            None => return Begun::TooMany(line),
        },
    };
    let peer = Peer {
        is_refused,
        place: Some(Arc::new(place)),
        ..peer
    };
    Begun::Ready(Box::new(Connection::new(Line::Plain(line), peer)))
}

/// Who is beginning.
#[derive(Clone, Default)]
struct Beginnings(Arc<Mutex<Running>>);

#[derive(Default)]
struct Running {
    next: u64,
    /// The oldest first.
    held: BTreeMap<u64, (IpAddr, CancellationToken)>,
}

/// One that begins, until it is dropped.
struct Held {
    all: Beginnings,
    id: u64,
    /// When others took its place.
    crowded_out: CancellationToken,
}

impl Beginnings {
    /// A place, which the oldest of the same address, or of all, gives up when there are too many.
    fn hold(&self, address: IpAddr) -> Held {
        let address = network_of(address);
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut of_address = running.held.iter().filter(|(_, (of, _))| *of == address);
        let oldest = match of_address.clone().count() >= BEGINNINGS_PER_ADDRESS_MAX {
            true => of_address.next(),
            false if running.held.len() >= BEGINNINGS_MAX => running.held.iter().next(),
            false => None,
        };
        if let Some(id) = oldest.map(|(id, _)| *id)
            && let Some((_, crowded_out)) = running.held.remove(&id)
        {
            crowded_out.cancel();
        }
        let id = running.next;
        running.next += 1;
        let crowded_out = CancellationToken::new();
        running.held.insert(id, (address, crowded_out.clone()));
        Held {
            all: self.clone(),
            id,
            crowded_out,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut running = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        running.held.remove(&self.id);
    }
}

/// What one host may choose from: of IPv6, 64 bits.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 @ IpAddr::V4(_) => v4,
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
    format!("tcp:{}", peer.ip().to_canonical())
}

/// Looks whose it is.
async fn look(line: TcpStream, address: SocketAddr, looks: &Semaphore) -> Option<Looked> {
    line.set_nodelay(true).ok()?;
    let own = line.local_addr().ok()?;
    let uid = match address.ip().to_canonical().is_loopback() {
        true => {
            let _turn = looks.acquire().await.ok()?;
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

/// The line and the name in its certificate; an error says why not.
async fn shake_hands(
    line: TcpStream,
    tls: &TlsAcceptor,
) -> Result<(TlsStream<TcpStream>, String), String> {
    let line = tls.accept(line).await;
    let line = line.map_err(|error| format!("a caller did not shake hands: {error}"))?;
    let shown = line.get_ref().1.peer_certificates().unwrap_or_default();
    let name = shown.first().and_then(|shown| subject::common_name(shown));
    let name = name.ok_or("a caller's certificate has no one common name")?;
    Ok((line, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(all: &Beginnings, address: &str) -> Held {
        all.hold(address.parse().unwrap())
    }

    #[test]
    fn who_says_nothing_is_crowded_out_by_its_own_address_first() {
        let all = Beginnings::default();
        let other = hold(&all, "10.0.0.8");
        let silent: Vec<_> = (0..2 * BEGINNINGS_PER_ADDRESS_MAX)
            .map(|_| hold(&all, "10.0.0.9"))
            .collect();
        let crowded_out = |one: &Held| one.crowded_out.is_cancelled();
        let (oldest, youngest) = silent.split_at(BEGINNINGS_PER_ADDRESS_MAX);
        assert!(oldest.iter().all(crowded_out));
        assert!(!youngest.iter().any(crowded_out), "there are so many");
        assert!(!crowded_out(&other));
        drop((silent, other));
        assert!(all.0.lock().unwrap().held.is_empty());
    }

    #[test]
    fn whoever_begins_gets_a_place_however_many_addresses_are_silent() {
        let all = Beginnings::default();
        let silent: Vec<_> = (0..BEGINNINGS_MAX)
            .map(|n| hold(&all, &format!("2001:db8:0:{n:x}::1")))
            .collect();
        assert!(!silent.iter().any(|one| one.crowded_out.is_cancelled()));
        let honest = hold(&all, "10.0.0.8");
        assert!(silent[0].crowded_out.is_cancelled(), "the oldest");
        assert!(!honest.crowded_out.is_cancelled());
        assert_eq!(all.0.lock().unwrap().held.len(), BEGINNINGS_MAX);
        // One host has a whole network of these to choose from.
        let same =
            (0..=BEGINNINGS_PER_ADDRESS_MAX).map(|n| hold(&all, &format!("2001:db8:9::{n:x}")));
        let same: Vec<_> = same.collect();
        assert!(same[0].crowded_out.is_cancelled());
    }
}
