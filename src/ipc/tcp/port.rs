//! The port: listened at as soon as the system gives it. Whoever else has it takes nothing but this door: it is tried
//! again and again, and the others are open meanwhile.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use tokio::net::TcpListener;

use super::owner;
use crate::operation::TcpState;

/// Until the next try, doubled from one to the next.
const PAUSE_MS_MIN: u64 = 250;
const PAUSE_MS_MAX: u64 = 8_000;
/// Callers that wait to be accepted.
const BACKLOG: i32 = 128;

/// A port that is wanted, tried once so far.
pub(super) struct Port {
    place: Place,
    tried: Result<TcpListener, Trouble>,
    tell: Box<dyn Fn(TcpState) + Send + Sync>,
}

/// Where it is listened. An address that this machine has only later is tried again as a port is that another has: who
/// listened at it before would say so of one that is mistyped.
#[derive(Clone, Copy)]
struct Place {
    address: SocketAddr,
}

/// Why nobody listens.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Trouble {
    why: String,
    /// Who has it, as far as the kernel lists it.
    held_by_uid: Option<u32>,
}

impl Port {
    /// Tries once. Must be called in a runtime.
    pub(super) fn new(address: SocketAddr) -> Self {
        let place = Place { address };
        Self {
            place,
            tried: place.listen(),
            tell: Box::new(drop),
        }
    }

    /// Says how it is from here on.
    pub(super) fn telling(self, tell: impl Fn(TcpState) + Send + Sync + 'static) -> Self {
        let tell = Box::new(tell);
        tell(match &self.tried {
            Ok(_) => TcpState::On,
            Err(trouble) => trouble.state(),
        });
        Self { tell, ..self }
    }

    /// Where it listens, or would.
    #[cfg(test)]
    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        match &self.tried {
            Ok(listener) => listener.local_addr(),
            Err(_) => Ok(self.place.address),
        }
    }

    /// Listens, however long that takes.
    pub(super) async fn listener(self) -> io::Result<TcpListener> {
        let Self { place, tell, .. } = self;
        let (mut tried, mut told) = (self.tried, None);
        let mut pause_ms = PAUSE_MS_MIN;
        loop {
            match tried {
                Ok(listener) => {
                    tracing::info!(address = ?listener.local_addr().ok(), "listening on TCP");
                    tell(TcpState::On);
                    return Ok(listener);
                }
                // Said once, and when it changes.
                Err(trouble) if told.as_ref() != Some(&trouble) => {
                    let Trouble { why, held_by_uid } = &trouble;
                    tracing::warn!(
                        why,
                        held_by_uid,
                        "not listening on TCP; the other doors are open"
                    );
                    tell(trouble.state());
                    told = Some(trouble);
                }
                Err(_) => {}
            }
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            pause_ms = (pause_ms * 2).min(PAUSE_MS_MAX);
            let again = tokio::task::spawn_blocking(move || place.listen());
            tried = again.await.map_err(io::Error::other)?;
        }
    }
}

impl Trouble {
    fn state(&self) -> TcpState {
        TcpState::Away {
            why: self.why.clone(),
            held_by_uid: self.held_by_uid,
        }
    }
}

impl Place {
    fn listen(self) -> Result<TcpListener, Trouble> {
        let bound = self.bind().and_then(TcpListener::from_std);
        bound.map_err(|error| Trouble {
            why: format!("cannot listen on {}: {error}", self.address),
            held_by_uid: (error.kind() == io::ErrorKind::AddrInUse)
                .then(|| owner::holder(self.address))
                .flatten(),
        })
    }

    fn bind(self) -> io::Result<std::net::TcpListener> {
        let family = match self.address {
            SocketAddr::V4(_) => AddressFamily::INET,
            SocketAddr::V6(_) => AddressFamily::INET6,
        };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
        // What a process before this one left to time out does not keep it.
        sockopt::set_socket_reuseaddr(&socket, true)?;
        rustix::net::bind(&socket, &self.address)?;
        rustix::net::listen(&socket, BACKLOG)?;
        Ok(socket.into())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_port_that_another_has_is_told_with_its_holder_and_taken_when_it_is_free() {
        let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = other.local_addr().unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let port = Port::new(address).telling({
            let told = Arc::clone(&told);
            move |state| told.lock().unwrap().push(state)
        });
        let listening = tokio::spawn(port.listener());
        tokio::time::sleep(Duration::from_millis(10 * PAUSE_MS_MAX)).await;
        assert!(!listening.is_finished());
        let own_uid = rustix::process::geteuid().as_raw();
        for state in told.lock().unwrap().iter() {
            let TcpState::Away { why, held_by_uid } = state else {
                panic!("{state:?}");
            };
            assert!(why.contains(&address.to_string()), "{why}");
            assert_eq!(*held_by_uid, Some(own_uid));
        }
        drop(other);
        let listener = listening.await.unwrap().unwrap();
        assert_eq!(listener.local_addr().unwrap(), address);
        assert_eq!(told.lock().unwrap().last(), Some(&TcpState::On));
    }

    #[tokio::test]
    async fn an_address_that_this_machine_has_not_is_told_and_is_nobodys() {
        // Of those that are nobody's (RFC 5737).
        let address: SocketAddr = "192.0.2.7:0".parse().unwrap();
        let tried = Port::new(address).tried;
        let trouble = tried.expect_err("this machine has it not");
        assert_eq!(trouble.held_by_uid, None, "{}", trouble.why);
    }
}
