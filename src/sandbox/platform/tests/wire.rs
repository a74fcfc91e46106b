//! Faults of the connection, seen from the caller's socket.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::desk::{Desk, done};
use crate::sandbox::http::Delivery;
use crate::sandbox::http::tls::AUTHORITY_PEM;
use crate::sandbox::platform::faults::LIST;
use crate::sandbox::platform::{Options, Outcome, Platform};

/// A visit ready for 2207, and the request.
async fn ready() -> (Desk, Value) {
    let desk = Desk::with_fees("employee").await;
    let trial = desk.call("2206", desk.trial()).await;
    let request = desk.envelope("2207", desk.settlement(&trial));
    (desk, request)
}

/// Sends the whole request on a connection of its own; what came until the end, and how it ended.
async fn raw(desk: &Desk, body: &Value) -> (Vec<u8>, Option<ErrorKind>) {
    let mut stream = match TcpStream::connect(desk.platform.addr()).await {
        Ok(stream) => stream,
        Err(error) => return (Vec::new(), Some(error.kind())),
    };
    let body = body.to_string();
    let head = format!(
        "POST /fsi/api/2207 HTTP/1.1\r\nHost: s\r\nConnection: close\r\nContent-Length: {}\r\n{}\r\n",
        body.len(),
        desk.headers()
    );
    let mut answer = Vec::new();
    if let Err(error) = stream.write_all((head + &body).as_bytes()).await {
        return (answer, Some(error.kind()));
    }
    match stream.read_to_end(&mut answer).await {
        Ok(_) => (answer, None),
        Err(error) => (answer, Some(error.kind())),
    }
}

fn charged(desk: &Desk) -> usize {
    desk.platform
        .ledger(|ledger| ledger.charges_of(&desk.person.psn_no).len())
}

#[tokio::test]
async fn n1_nothing_listens_for_a_while_and_then_again() {
    let (desk, request) = ready().await;
    desk.platform.arm("N1@2206:3000").unwrap();
    let begun = Instant::now();
    done(&desk.call("2206", desk.trial()).await);
    let (_, ended) = raw(&desk, &request).await;
    assert_eq!(ended, Some(ErrorKind::ConnectionRefused));
    while raw(&desk, &request).await.1 == Some(ErrorKind::ConnectionRefused) {
        assert!(begun.elapsed() < Duration::from_secs(10), "it never opens");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(begun.elapsed() >= Duration::from_secs(3));
    assert_eq!(
        charged(&desk),
        1,
        "the same message was not processed before"
    );
    desk.platform.arm("N1@now:60000").unwrap();
    let (_, ended) = raw(&desk, &request).await;
    assert_eq!(ended, Some(ErrorKind::ConnectionRefused));
}

#[tokio::test]
async fn n2_the_next_connections_are_reset_unread() {
    let (desk, request) = ready().await;
    desk.platform.arm("N2@2206:2").unwrap();
    done(&desk.call("2206", desk.trial()).await);
    for _ in 0..2 {
        let (answer, ended) = raw(&desk, &request).await;
        assert!(answer.is_empty() && ended.is_some(), "{ended:?}");
        assert_ne!(ended, Some(ErrorKind::ConnectionRefused));
    }
    assert_eq!(charged(&desk), 0);
    done(&desk.send(&request).await);
}

#[tokio::test]
async fn n3_cuts_a_request_that_it_read_in_part() {
    let (desk, request) = ready().await;
    desk.platform.arm("N3@2207").unwrap();
    let (answer, ended) = raw(&desk, &request).await;
    assert!(answer.is_empty());
    assert_eq!(ended, Some(ErrorKind::ConnectionReset));
    let seen = desk.platform.ledger(|ledger| ledger.received("2207"));
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].outcome, Outcome::Lost);
    assert_eq!(seen[0].delivery, Some(Delivery::Withheld));
    done(&desk.send(&request).await);
}

#[tokio::test]
async fn n4_n5_reset_what_is_done() {
    for (fault, some) in [("N4@2207", false), ("N5@2207", true)] {
        let (desk, request) = ready().await;
        desk.platform.arm(fault).unwrap();
        let (answer, ended) = raw(&desk, &request).await;
        assert_eq!(ended, Some(ErrorKind::ConnectionReset), "{fault}");
        assert_eq!((!answer.is_empty(), charged(&desk)), (some, 1), "{fault}");
    }
}

#[tokio::test]
async fn n6_is_no_answer() {
    for (fault, count) in [("N6@2207", 1), ("N6@2207:0", 0)] {
        let (desk, request) = ready().await;
        desk.platform.arm(fault).unwrap();
        let (answer, ended) = raw(&desk, &request).await;
        assert_eq!((ended, charged(&desk)), (None, count), "{fault}");
        assert!(answer.starts_with(b"HTTP/1.1 200 "), "{fault}");
        assert!(std::str::from_utf8(&answer).is_err(), "{fault}");
    }
}

#[tokio::test]
async fn n11_comes_a_byte_at_a_time() {
    let (desk, request) = ready().await;
    desk.platform.arm("N11@2207:1").unwrap();
    let begun = Instant::now();
    let answer = desk.send(&request).await;
    done(&answer);
    let bytes = u64::try_from(answer.to_string().len()).unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(bytes), "{bytes}");
}

#[tokio::test]
async fn n12_n13_break_the_handshake() {
    let platform = Platform::start(Options {
        tls: true,
        ..Options::default()
    })
    .await
    .unwrap();
    assert_eq!(hello(&platform).await, Ok(()));
    for fault in ["N12@now", "N13@now:1"] {
        platform.arm(fault).unwrap();
        assert!(hello(&platform).await.is_err(), "{fault}");
        assert_eq!(hello(&platform).await, Ok(()), "only one: {fault}");
    }
}

/// A handshake as a client that trusts the sandbox's authority does it.
async fn hello(platform: &Platform) -> Result<(), ErrorKind> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(AUTHORITY_PEM.as_bytes()).unwrap();
    roots.add(authority).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let base = platform.base_url();
    let host = base.strip_prefix("https://").unwrap();
    let (host, _) = host.split_once('/').unwrap();
    let stream = TcpStream::connect(host).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let connected = connector.connect(name, stream).await;
    connected.map(drop).map_err(|error| error.kind())
}

#[tokio::test]
async fn the_control_port_lists_faults_and_charges() {
    let (desk, request) = ready().await;
    done(&desk.send(&request).await);
    let (status, listed) = desk
        .request("GET", "/sandbox/faults/list", "", "")
        .await
        .unwrap();
    assert_eq!(status, 200);
    for row in &LIST {
        assert!(listed.contains(row.zh) && listed.contains(row.en));
    }
    let (_, statement) = desk
        .request("GET", "/sandbox/statement", "", "")
        .await
        .unwrap();
    let row = statement.lines().find(|line| line.ends_with("  live"));
    let row = row.unwrap_or_else(|| panic!("{statement}"));
    let msgid = request["msgid"].as_str().unwrap();
    for word in [msgid, &desk.mdtrt_id, "employee 沈**", "142.00", "50.00"] {
        assert!(row.contains(word), "no {word} in {row}");
    }
    assert!(!statement.contains(&desk.person.name));
}
