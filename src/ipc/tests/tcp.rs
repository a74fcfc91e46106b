//! TCP: tokens on loopback, certificates elsewhere.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::hand::send;
use super::*;
use crate::config::access::{Access, Caller, Role};
use crate::config::doors::TlsFiles;
use crate::ipc::grpc::tests::played::Desk;

const STATUS: &str = "DaemonService/GetStatus";
const REFUND: &str = "SettlementService/RefundSettlement";
const LIST: &str = "SettlementService/ListSettlements";

fn access(role: Role, caller: Caller) -> Access {
    Access {
        roles: vec![(role, caller)],
        ..Access::default()
    }
}

#[tokio::test]
async fn a_token_opens_what_its_role_may_and_no_money_unless_configured() {
    let (desk, _asked) = Desk::new();
    let access = access(Role::Cashier, Caller::Token("his".into()));
    let doors = Doors::open(&desk, &access, None);
    let bearer = format!("Bearer {TOKEN}");
    let good = [("authorization", bearer.as_str())];
    for (method, headers, status, code) in [
        (STATUS, &good[..], 200, ""),
        (LIST, &good[..], 200, ""),
        (REFUND, &good[..], 403, "E7004"),
        (STATUS, &[][..], 401, "E7012"),
        (
            STATUS,
            &[("authorization", "Bearer wrong")][..],
            401,
            "E7012",
        ),
    ] {
        let got = doors.by_tcp(post(method, "{}", headers)).await;
        assert_eq!(got.status, status, "{method} {headers:?}");
        assert_eq!(got.code(), code);
    }
    std::fs::remove_file(doors.dir.path().join("his")).unwrap();
    let got = doors.by_tcp(post(STATUS, "{}", &good)).await;
    assert_eq!(
        (got.status.as_u16(), got.code().as_str()),
        (401, "E7012"),
        "removed"
    );
    doors.close().await;
}

#[tokio::test]
async fn with_tls_only_a_signed_certificate_gets_in_and_it_is_the_caller() {
    let keys = tempfile::tempdir().unwrap();
    let (desk, _asked) = Desk::new();
    let access = access(Role::Monitor, Caller::Certificate("room-7".into()));
    let doors = Doors::open(&desk, &access, Some(files(keys.path())));
    let signed = connect(&doors, Some(CLIENT)).await.unwrap();
    let got = send(signed, post(STATUS, "{}", &[("host", "desk.example")])).await;
    assert_eq!(got.status, 200);
    let signed = connect(&doors, Some(CLIENT)).await.unwrap();
    let bearer = format!("Bearer {TOKEN}");
    let token = [("host", "desk.example"), ("authorization", bearer.as_str())];
    let got = send(signed, post(LIST, "{}", &token)).await;
    assert_eq!(got.code(), "E7004", "a token adds nothing to a certificate");
    for shown in [Some(FORGED), None] {
        // In TLS 1.3 the client learns only afterwards that its certificate was refused.
        if let Ok(mut line) = connect(&doors, shown).await {
            use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
            let sent = line.write_all(b"GET / HTTP/1.1\r\n\r\n").await;
            let mut got = Vec::new();
            let read = line.read_to_end(&mut got).await;
            assert!(
                (sent.is_err() || read.is_err()) && got.is_empty(),
                "{shown:?}"
            );
        }
    }
    let plain = TcpStream::connect(doors.tcp).await.unwrap();
    let mut request = tokio::io::join(tokio::io::empty(), plain);
    use tokio::io::AsyncWriteExt as _;
    request
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    doors.close().await;
}

/// What the authority signed: `room-7`.
pub(super) const CLIENT: (&str, &str) = (
    include_str!("../tcp/tests/client.pem"),
    include_str!("../tcp/tests/client.key"),
);
const FORGED: (&str, &str) = (
    include_str!("../tcp/tests/forged.pem"),
    include_str!("../tcp/tests/forged.key"),
);
const AUTHORITY: &str = include_str!("../tcp/tests/authority.pem");

pub(super) fn files(dir: &Path) -> TlsFiles {
    let write = |name: &str, text: &str| {
        let path = dir.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path
    };
    TlsFiles {
        certificate: write("server.pem", include_str!("../tcp/tests/server.pem")),
        key: write("server.key", include_str!("../tcp/tests/server.key")),
        client_ca: write("authority.pem", AUTHORITY),
    }
}

pub(super) async fn connect(
    doors: &Doors,
    shown: Option<(&str, &str)>,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let read = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(read(AUTHORITY)).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match shown {
        Some((certificate, key)) => {
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            config
                .with_client_auth_cert(vec![read(certificate)], key)
                .unwrap()
        }
        None => config.with_no_client_auth(),
    };
    let line = TcpStream::connect(doors.tcp).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, line)
        .await
}
