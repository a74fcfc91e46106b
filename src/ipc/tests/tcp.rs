//! TCP: tokens on loopback, certificates elsewhere.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::hand::{CALLS_MAX, send};
use super::*;
use crate::config::access::{Access, Caller, Role};
use crate::config::doors::{TlsFiles, Token};
use crate::ipc::access::{Accounts, Policy};
use crate::ipc::grpc::Said;
use crate::ipc::grpc::tests::played::Desk;
use crate::ipc::tcp::Tokens;

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
    let until = std::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        let got = doors.by_tcp(post(STATUS, "{}", &good)).await;
        if got.status == 401 {
            assert_eq!(got.code(), "E7012", "removed");
            break;
        }
        assert!(std::time::Instant::now() < until, "it still counts");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    doors.close().await;
}

#[tokio::test]
async fn who_may_not_see_the_metrics_is_told_by_the_book() {
    let (desk, _asked) = Desk::new();
    // A token without a role.
    let doors = Doors::open(&desk, &Access::default(), None);
    let bearer = format!("Bearer {TOKEN}");
    for (method, status, code, word) in [
        (http::Method::GET, 403, "E7004 NOT_ALLOWED", "没有权限"),
        (
            http::Method::POST,
            405,
            "E7015 HTTP_METHOD_WRONG",
            "HTTP 方法不对",
        ),
    ] {
        let mut request = post("", "", &[("authorization", bearer.as_str())]);
        *request.uri_mut() = http::Uri::from_static("/metrics");
        *request.method_mut() = method;
        let got = doors.by_tcp(request).await;
        let text = String::from_utf8(got.body.to_vec()).unwrap();
        assert_eq!(got.status, status, "{text}");
        assert!(text.starts_with(code) && text.contains(word), "{text}");
    }
    doors.close().await;
}

#[tokio::test]
async fn a_body_that_comes_after_a_reload_is_not_judged_by_another_tokens_role() {
    let (desk, _asked) = Desk::new();
    let role_of_his = |role| access(role, Caller::Token("his".into()));
    let doors = Doors::open(&desk, &role_of_his(Role::Monitor), None);
    let said = |role, file: &str| {
        let own_uid = rustix::process::geteuid().as_raw();
        let policy = Policy::new(&role_of_his(role), own_uid, &Accounts::default());
        let row = Token {
            name: "his".into(),
            file: file.into(),
            any_uid: false,
        };
        let tokens = Tokens::new(&[row], Some(doors.dir.path()));
        Said::new(policy.unwrap(), CALLS_MAX).with_tokens(tokens)
    };
    let other = doors.dir.path().join("other");
    std::fs::write(&other, TOKEN.replace('0', "1")).unwrap();
    std::fs::set_permissions(&other, std::fs::Permissions::from_mode(0o600)).unwrap();

    // The name goes to the token of another, who may list: whoever was let in by the old one is nobody now.
    let slow = begin(&doors, LIST).await;
    doors.rights.change(said(Role::Cashier, "other"));
    let got = finish(slow).await;
    assert!(
        got.starts_with("HTTP/1.1 401 ") && got.contains("E7012"),
        "{got}"
    );
    // It is the same token with another role: all of it is as it is now.
    doors.rights.change(said(Role::Monitor, "his"));
    let slow = begin(&doors, LIST).await;
    doors.rights.change(said(Role::Cashier, "his"));
    let got = finish(slow).await;
    assert!(got.starts_with("HTTP/1.1 200 "), "{got}");
    let slow = begin(&doors, LIST).await;
    doors.rights.change(said(Role::Monitor, "his"));
    let got = finish(slow).await;
    assert!(
        got.starts_with("HTTP/1.1 403 ") && got.contains("E7004"),
        "{got}"
    );
    doors.close().await;
}

/// The head of a call, until the other end waits for its body.
async fn begin(doors: &Doors, method: &str) -> TcpStream {
    let mut line = TcpStream::connect(doors.tcp).await.unwrap();
    let head = format!(
        "POST /yibao.v1.{method} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\
         Content-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\
         Connection: close\r\n\r\n"
    );
    line.write_all(head.as_bytes()).await.unwrap();
    let mut told = [0; 25];
    line.read_exact(&mut told).await.unwrap();
    assert_eq!(&told, b"HTTP/1.1 100 Continue\r\n\r\n");
    line
}

/// Its body, and the answer.
async fn finish(mut line: TcpStream) -> String {
    line.write_all(b"{}").await.unwrap();
    let mut told = Vec::new();
    line.read_to_end(&mut told).await.unwrap();
    String::from_utf8(told).unwrap()
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
    request
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    doors.close().await;
}

#[tokio::test]
async fn hosts_that_shake_no_hands_lock_nobody_out() {
    let keys = tempfile::tempdir().unwrap();
    let (desk, _asked) = Desk::new();
    let access = access(Role::Monitor, Caller::Certificate("room-7".into()));
    let doors = Doors::open(&desk, &access, Some(files(keys.path())));
    // More than there are places at all doors; each is taken, and says nothing.
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(TcpStream::connect(doors.tcp).await.unwrap());
    }
    let by_socket = doors.by_socket(post(STATUS, "{}", &[])).await;
    assert_eq!(by_socket.status, 200);
    let signed = connect(&doors, Some(CLIENT)).await.unwrap();
    let got = send(signed, post(STATUS, "{}", &[("host", "desk.example")])).await;
    assert_eq!(got.status, 200);
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
