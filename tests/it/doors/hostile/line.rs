//! The way in: the local socket, TCP on loopback, and TCP within TLS.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use crate::doors::authority::Authority;

/// How long an answer is waited for, and how long there may be no more of it before it is taken to be over. Over TCP the
/// daemon first looks whose the connection is.
const ANSWER_MS: u64 = 50;
const ANSWER_OVER_TCP_MS: u64 = 300;
const ANSWER_SURE_MS: u64 = 10_000;
const MORE_MS: u64 = 20;
/// How long the other end may take to read it all, or to say no.
const SEND_S_MAX: u64 = 10;
/// Bytes of an answer that are kept.
const KEPT: usize = 64 * 1_024;

pub(super) enum Line {
    Socket(PathBuf),
    Tcp(SocketAddr),
    Tls(SocketAddr, TlsConnector),
}

impl Line {
    /// With the certificate of this name.
    pub(super) fn tls(address: SocketAddr, authority: &Authority, name: &str) -> Self {
        let config = Arc::new(client(authority, name));
        Self::Tls(address, TlsConnector::from(config))
    }

    /// Sends it and takes what comes. Nothing: it was not let in.
    pub(super) async fn send(&self, bytes: &[u8]) -> Vec<u8> {
        let answer_ms = match self {
            Line::Socket(_) | Line::Tls(..) => ANSWER_MS,
            Line::Tcp(_) => ANSWER_OVER_TCP_MS,
        };
        self.send_within(bytes, answer_ms).await
    }

    /// The same of what is answered for certain, also on a machine that has much else to do.
    pub(super) async fn asks(&self, bytes: &[u8]) -> Vec<u8> {
        self.send_within(bytes, ANSWER_SURE_MS).await
    }

    async fn send_within(&self, bytes: &[u8], answer_ms: u64) -> Vec<u8> {
        let address = match self {
            Line::Socket(path) => {
                let line = UnixStream::connect(path).await;
                return give(line.expect("its door is open"), bytes, answer_ms).await;
            }
            Line::Tcp(address) | Line::Tls(address, _) => address,
        };
        let line = TcpStream::connect(address).await.expect("it listens");
        let Line::Tls(_, connector) = self else {
            return give(line, bytes, answer_ms).await;
        };
        let name = ServerName::try_from("localhost").expect("a name");
        match connector.connect(name, line).await {
            Ok(line) => give(line, bytes, answer_ms).await,
            Err(_) => Vec::new(),
        }
    }
}

/// Shows this certificate, and wants the authority's on the other side.
pub(super) fn client(authority: &Authority, name: &str) -> ClientConfig {
    let read = |path: PathBuf| CertificateDer::from_pem_file(path).expect("a certificate");
    let mut roots = RootCertStore::empty();
    roots
        .add(read(authority.certificate("authority")))
        .expect("it is one");
    let key = PrivateKeyDer::from_pem_file(authority.key(name)).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![read(authority.certificate(name))], key)
        .expect("its key fits")
}

/// The first words of such a client, as they come on the wire.
pub(super) fn hello(authority: &Authority, name: &str) -> Vec<u8> {
    let config = Arc::new(client(authority, name));
    let name = ServerName::try_from("localhost").expect("a name");
    let mut client = rustls::ClientConnection::new(config, name).expect("a client");
    let mut bytes = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut bytes).expect("room");
    }
    bytes
}

async fn give<S>(line: S, bytes: &[u8], answer_ms: u64) -> Vec<u8>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut from, mut to) = tokio::io::split(line);
    let (mut kept, mut got) = (Vec::new(), vec![0; 8_192]);
    let within = Duration::from_secs(SEND_S_MAX);
    let sending = async {
        // It may close before all is sent.
        let sent = tokio::time::timeout(within, to.write_all(bytes)).await;
        sent.expect("it is read, or refused").ok();
        to.flush().await.ok();
    };
    tokio::pin!(sending);
    let mut is_sent = false;
    loop {
        let silent_ms = if kept.is_empty() { answer_ms } else { MORE_MS };
        tokio::select! {
            () = &mut sending, if !is_sent => is_sent = true,
            read = from.read(&mut got) => match read {
                Ok(0) | Err(_) => return kept,
                Ok(length) if kept.len() < KEPT => kept.extend(&got[..length]),
                Ok(_) => {}
            },
            () = tokio::time::sleep(Duration::from_millis(silent_ms)), if is_sent => return kept,
        }
    }
}
