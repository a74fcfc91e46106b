//! A TLS front before a plain port, for gateways that are reached by https.
//!
//! It decrypts and passes on; it knows nothing of HTTP. The folder `tls` holds a throw-away authority, the key of
//! a gateway that it signed, and that of a stranger which nobody signed. All are made for the sandbox.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::door::take_one;

/// The certificate of the authority that signed the gateway's, PEM: what a client must trust.
pub const AUTHORITY_PEM: &str = include_str!("tls/authority.pem");
/// Longest handshake.
const HANDSHAKE_MS_MAX: u64 = 10_000;
/// Bytes of a handshake that are read before it is broken.
const HELLO_BYTES: usize = 16;

/// What is wrong with the next handshakes.
#[derive(Debug, Default)]
pub struct Handshakes {
    broken: AtomicU64,
    strange: AtomicU64,
}

impl Handshakes {
    /// The next so many are answered by bytes that are no TLS, then the connection ends.
    pub fn break_next(&self, count: u64) {
        self.broken.store(count, Ordering::SeqCst);
    }

    /// The next so many show a certificate that no authority signed.
    pub fn strange_next(&self, count: u64) {
        self.strange.store(count, Ordering::SeqCst);
    }
}

/// A running front; stops when dropped.
#[derive(Debug)]
pub struct Front {
    addr: SocketAddr,
    task: JoinHandle<()>,
}

impl Front {
    /// Listens on a free port of 127.0.0.1 and passes on to `plain`.
    ///
    /// # Errors
    /// When no port is free, or TLS cannot be set up.
    pub async fn start(plain: SocketAddr, handshakes: Arc<Handshakes>) -> io::Result<Self> {
        let gateway = acceptor(
            include_str!("tls/gateway.pem"),
            include_str!("tls/gateway.key"),
        )?;
        let stranger = acceptor(
            include_str!("tls/stranger.pem"),
            include_str!("tls/stranger.key"),
        )?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                while connections.try_join_next().is_some() {}
                let Ok((stream, _)) = listener.accept().await else {
                    continue;
                };
                if take_one(&handshakes.broken) {
                    connections.spawn(break_off(stream));
                    continue;
                }
                let acceptor = if take_one(&handshakes.strange) {
                    stranger.clone()
                } else {
                    gateway.clone()
                };
                connections.spawn(pass_on(stream, acceptor, plain));
            }
        });
        Ok(Self { addr, task })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass_on(stream: TcpStream, acceptor: TlsAcceptor, plain: SocketAddr) {
    let limit = Duration::from_millis(HANDSHAKE_MS_MAX);
    let Ok(Ok(mut inside)) = tokio::time::timeout(limit, acceptor.accept(stream)).await else {
        return;
    };
    let Ok(mut outside) = TcpStream::connect(plain).await else {
        return;
    };
    // Either side may end the other; what is left is theirs to notice.
    drop(tokio::io::copy_bidirectional(&mut inside, &mut outside).await);
}

/// Reads the beginning of the greeting, answers nonsense and resets.
async fn break_off(mut stream: TcpStream) {
    let mut hello = [0_u8; HELLO_BYTES];
    let greeted = stream.read_exact(&mut hello).await;
    if greeted.is_ok()
        && stream
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .is_ok()
    {
        stream.shutdown().await.ok();
    }
}

fn acceptor(certificate: &str, key: &str) -> io::Result<TlsAcceptor> {
    let invalid = |error: rustls::pki_types::pem::Error| {
        io::Error::new(io::ErrorKind::InvalidData, error.to_string())
    };
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).map_err(invalid)?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(invalid)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .map_err(io::Error::other)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
