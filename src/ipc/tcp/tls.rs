//! TLS in which both ends show a certificate.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use super::tokens::place;
use crate::closed;
use crate::config::doors::TlsFiles;

/// The protocols that callers may choose.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is missing, open to others or not PEM.
    #[error("{}: {what}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The files do not fit one another.
    #[error("the certificates do not fit: {0}")]
    Unfit(String),
}

/// Takes TLS from callers whose certificate the configured authority signed.
pub(super) fn acceptor(
    files: &TlsFiles,
    credentials_dir: Option<&Path>,
) -> Result<TlsAcceptor, TlsError> {
    let chain = certificates(&files.certificate)?;
    let key_path = place(&files.key, credentials_dir);
    let wrong = |what: &str| TlsError::File {
        path: key_path.clone(),
        what: what.to_owned(),
    };
    let file = closed::open(&key_path).map_err(|refusal| wrong(&refusal.to_string()))?;
    let key = PrivateKeyDer::from_pem_reader(file).map_err(|_| wrong("it is no key in PEM"))?;
    let mut roots = RootCertStore::empty();
    for root in certificates(&files.client_ca)? {
        roots.add(root).map_err(|error| unfit(&error))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
    let verifier = verifier.build().map_err(|error| unfit(&error))?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unfit(&error))?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key);
    let mut config = config.map_err(|error| unfit(&error))?;
    // Nothing is remembered of a caller: few come and they stay, each shows its certificate anew, and no session
    // outlives one that is taken out of the configuration.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn unfit(error: &dyn std::error::Error) -> TlsError {
    TlsError::Unfit(error.to_string())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |what: String| TlsError::File {
        path: path.to_owned(),
        what,
    };
    let read = CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))?;
    let read: Result<Vec<_>, _> = read.collect();
    match read {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) | Err(_) => Err(wrong("it has no certificate in PEM".to_owned())),
    }
}
