//! One real TLS handshake, so that a missing or second provider is found here and not at the first patient.
//!
//! The folder `tls` holds a throw-away authority and a gateway's key made for this test.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::fixtures::{Case, platform, profile_at, stamp, whole};
use crate::config::Profile;
use crate::platform::{Received, install_tls_provider};
use crate::settlement::call::{Outcome, Step};

#[tokio::test]
async fn a_gateway_with_the_right_authority_is_spoken_to() {
    let received = send(|profile| profile.url.ca_path = Some(here("authority.pem"))).await;
    assert!(
        matches!(received.outcome, Outcome::Done { .. }),
        "{received:?}"
    );
}

#[tokio::test]
async fn a_gateway_of_another_authority_gets_nothing() {
    // No authority signed its own key here.
    let received = send(|profile| profile.url.ca_path = Some(here("gateway.pem"))).await;
    assert!(
        matches!(received.outcome, Outcome::NotSent { .. }),
        "{received:?}"
    );
    assert_eq!(received.answer, None);
}

async fn send(change: impl FnOnce(&mut Profile)) -> Received {
    install_tls_provider();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let server = std::thread::spawn(move || answer_once(&listener));
    let platform = platform(profile_at(&addr, |profile| {
        profile.url.base = profile.url.base.replace("http://", "https://");
        change(profile);
    }));
    let case = Case::new();
    let prepared = platform
        .prepare(case.call(Step::VisitInfo), &stamp())
        .await
        .unwrap();
    let received = platform.send(prepared).await;
    server.join().unwrap();
    received
}

/// A gateway for one connection; a client that does not trust it ends the handshake.
fn answer_once(listener: &TcpListener) {
    let certificate = CertificateDer::from_pem_file(here("gateway.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(here("gateway.key")).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let (stream, _) = listener.accept().unwrap();
    let connection = ServerConnection::new(Arc::new(config)).unwrap();
    let mut stream = StreamOwned::new(connection, stream);
    let mut request = [0_u8; 16 * 1024];
    let mut length = 0;
    while !request[..length].ends_with(b"}}") {
        match stream.read(&mut request[length..]) {
            Ok(0) | Err(_) => return,
            Ok(n) => length += n,
        }
    }
    let body = whole(200, r#"{"infcode":0,"output":null}"#);
    stream.write_all(body.as_bytes()).unwrap();
    stream.conn.send_close_notify();
    stream.flush().unwrap();
}

pub(super) fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/platform/tests/tls")
        .join(name)
}
