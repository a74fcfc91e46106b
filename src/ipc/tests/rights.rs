//! Every method by every kind of caller, as a table. The rows come from the descriptors, so that no method is forgotten.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::Request;
use http_body_util::Full;
use tokio::net::TcpStream;

use super::hand::{GONE, PAGE, begin, send};
use super::tcp::{CLIENT, connect, files};
use super::*;
use crate::config::access::{Access, Caller as Named, Role};
use crate::ipc::access::{Caller, Grant, action};
use crate::ipc::grpc::tests::played::Desk;
use crate::ipc::json::{all, parse};

/// What the table is; a method that is added shows here.
const TABLE: &str = include_str!("rights.txt");
/// Requests for which a method asks another right than for an empty one.
const MORE: [(&str, &str, &str); 8] = [
    (
        "SettlementService/ScanAndPay",
        "a pharmacy's",
        r#"{"kind":"ORDER_KIND_PHARMACY"}"#,
    ),
    (
        "SettlementService/GetSettlement",
        "another's",
        r#"{"setlId":"S1"}"#,
    ),
    (
        "SettlementService/Reconcile",
        "the hospital",
        r#"{"wholeHospital":true}"#,
    ),
    ("PrintService/Print", "bytes", r#"{"raw":"AA=="}"#),
    ("PrintService/ListJobs", "of all", r#"{"allCallers":true}"#),
    (
        "PrintService/Reprint",
        OF_ANOTHER,
        r#"{"requestId":"r","jobId":"others","reason":"卡纸","operator":{"id":"1","name":"甲","kind":"OPERATOR_KIND_STAFF"}}"#,
    ),
    (
        "PrintService/CancelJob",
        OF_ANOTHER,
        r#"{"jobId":"others"}"#,
    ),
    (
        "DeviceService/ReleaseClaim",
        OF_ANOTHER,
        r#"{"claimId":"others"}"#,
    ),
];
/// Methods of others' services, by gRPC alone.
const OF_GRPC: [&str; 4] = [
    "grpc.health.v1.Health/Check",
    "grpc.health.v1.Health/Watch",
    "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];
/// Rows about what is another caller's.
const OF_ANOTHER: &str = "of another";
const WAIT: Duration = Duration::from_secs(5);
/// The socket's owner, as a desk has one: neither root nor who runs the tests.
const OWNER: u32 = 990;

#[tokio::test]
async fn every_method_by_every_caller_is_as_the_table_says() {
    let (desk, _asked) = Desk::new();
    let roles = [
        (Role::Cashier, 7),
        (Role::Kiosk, 8),
        (Role::Doctor, 9),
        (Role::Pharmacist, 10),
        (Role::Admin, 11),
    ];
    let mut roles: Vec<_> = roles.map(|(role, uid)| (role, Named::Uid(uid))).into();
    for name in ["his", "gone"] {
        roles.push((Role::Cashier, Named::Token(name.into())));
    }
    roles.push((Role::Cashier, Named::Certificate("room-7".into())));
    let access = Access {
        roles,
        ..Access::default()
    };
    let outside = Outside::open(&desk, &access).await;
    let doors = &outside.closed;
    let mut rows = Vec::new();
    for path in all().unwrap().keys() {
        rows.push((path.trim_start_matches("/yibao.v1.").to_owned(), "", "{}"));
    }
    rows.extend(MORE.map(|(method, what, body)| (method.to_owned(), what, body)));
    rows.extend(OF_GRPC.map(|method| (method.to_owned(), "", "")));
    rows.sort();
    let mut table = String::new();
    let head = "owner root admin cashier kiosk doctor pharm. other bus polkit | token none stale gone page \
                settle cert. c.settle";
    writeln!(table, "{:<61} {head}", "").unwrap();
    for (method, what, body) in rows {
        let mut columns = Vec::new();
        for (width, caller) in callers(&method) {
            let told = inner(doors, &method, what, body, caller).await;
            columns.push(format!("{told:<width$}"));
        }
        columns.push("|".to_owned());
        for (width, who) in outer() {
            let told = outside.told(&method, what, body, who).await;
            columns.push(format!("{told:<width$}"));
        }
        let name = format!("{method} {what}");
        writeln!(
            table,
            "{:<61} {}",
            name.trim(),
            columns.join(" ").trim_end()
        )
        .unwrap();
    }
    println!("{table}");
    assert!(
        table == TABLE,
        "src/ipc/tests/rights.txt says otherwise; this is so:\n{table}"
    );
    outside.close().await;
}

/// The doors to those who come over TCP.
struct Outside {
    /// Where money is not moved.
    closed: Doors,
    settling: Doors,
    /// The same within TLS.
    tls: Doors,
    tls_settling: Doors,
    _keys: tempfile::TempDir,
}

/// Who comes over TCP, with which headers.
enum Who {
    Plain(Vec<(&'static str, String)>),
    Settling(Vec<(&'static str, String)>),
    Certificate,
    SettlingCertificate,
}

impl Outside {
    /// The token `gone` opens them, and is taken back.
    async fn open(desk: &Desk, access: &Access) -> Self {
        let keys = tempfile::tempdir().unwrap();
        let tls = || Some(files(keys.path()));
        let outside = Self {
            closed: Doors::open_to(desk, access, None, false, OWNER),
            settling: Doors::open_to(desk, access, None, true, OWNER),
            tls: Doors::open_to(desk, access, tls(), false, OWNER),
            tls_settling: Doors::open_to(desk, access, tls(), true, OWNER),
            _keys: keys,
        };
        let gone = || Who::Plain(vec![bearer(GONE)]);
        let status = "DaemonService/GetStatus";
        assert_eq!(outside.told(status, "", "{}", gone()).await, "x");
        std::fs::remove_file(outside.closed.dir.path().join("gone")).unwrap();
        // Its file is looked at once a second.
        let until = Instant::now() + WAIT;
        while outside.told(status, "", "{}", gone()).await == "x" {
            assert!(Instant::now() < until, "it still counts");
            tokio::time::sleep(WAIT / 100).await;
        }
        outside
    }

    async fn told(&self, method: &str, what: &str, body: &str, who: Who) -> &'static str {
        let (doors, headers) = match who {
            Who::Plain(headers) => (&self.closed, headers),
            Who::Settling(headers) => (&self.settling, headers),
            Who::Certificate => (&self.tls, Vec::new()),
            Who::SettlingCertificate => (&self.tls_settling, Vec::new()),
        };
        match OF_GRPC.contains(&method) {
            true => grpc_by_tcp(doors, method, &headers).await,
            false => by_tcp(doors, method, what, body, &headers).await,
        }
    }

    async fn close(self) {
        for doors in [self.closed, self.settling, self.tls, self.tls_settling] {
            doors.close().await;
        }
    }
}

/// The callers of this machine, by the column's width. On the bus it is nobody to the desk, to whom polkit says no or
/// nothing, and to whom it says yes to this method.
fn callers(method: &str) -> Vec<(usize, Caller)> {
    let method = method.rsplit('/').next().unwrap_or_default();
    let bus = |granted| Caller::Bus {
        uid: 99,
        groups: None,
        name: ":1.1".into(),
        grant: Grant::Given(granted),
    };
    let uid = |uid| Caller::Uid {
        uid,
        gid: uid,
        groups: None,
        pid: None,
    };
    vec![
        (5, uid(OWNER)),
        (4, uid(0)),
        (5, uid(11)),
        (7, uid(7)),
        (5, uid(8)),
        (6, uid(9)),
        (6, uid(10)),
        (5, uid(99)),
        (3, bus(&[])),
        (6, bus(action(method).map_or(&[], |action| action.grants))),
    ]
}

/// The callers over TCP: a good token, none, a stale one, one that was taken back, a good one from a page of a stranger,
/// a good one where money is moved; a certificate, and one where money is moved.
fn outer() -> Vec<(usize, Who)> {
    let page = ("origin", PAGE.replace("his", "evil"));
    vec![
        (5, Who::Plain(vec![bearer(TOKEN)])),
        (4, Who::Plain(vec![])),
        (5, Who::Plain(vec![bearer(&TOKEN.replace('0', "1"))])),
        (4, Who::Plain(vec![bearer(GONE)])),
        (4, Who::Plain(vec![bearer(TOKEN), page])),
        (6, Who::Settling(vec![bearer(TOKEN)])),
        (5, Who::Certificate),
        (8, Who::SettlingCertificate),
    ]
}

fn bearer(token: &str) -> (&'static str, String) {
    ("authorization", format!("Bearer {token}"))
}

/// `x` may, `.` may not. One who may scan and does not waits in vain, which is no refusal; one who asks for another's
/// claim is told that there is none.
async fn inner(
    doors: &Doors,
    method: &str,
    what: &str,
    body: &str,
    caller: Caller,
) -> &'static str {
    let is_of_grpc = OF_GRPC.contains(&method);
    let path = match is_of_grpc {
        true => format!("/{method}"),
        false => format!("/yibao.v1.{method}"),
    };
    let known = all().unwrap().remove(&path);
    let input = known.as_ref().map(|known| known.input.clone());
    let message = input.map(|input| parse(body, input).unwrap());
    let message = message.unwrap_or_default().into();
    let status = if is_of_grpc || known.is_some_and(|known| known.streams) {
        let stream = doors.calls.stream(caller, &path, message, Some(WAIT)).await;
        match stream {
            Ok(mut stream) => stream.next().await.and_then(Result::err),
            Err(status) => Some(status),
        }
    } else {
        doors
            .calls
            .unary(caller, &path, message, Some(WAIT))
            .await
            .err()
    };
    let hides = what == OF_ANOTHER;
    match status {
        Some(status) if status.code() == tonic::Code::PermissionDenied => ".",
        Some(status) if hides && status.message().contains("CLAIM_UNKNOWN") => ".",
        Some(_) | None => "x",
    }
}

/// The head of the answer says whether it is refused.
async fn grpc_by_tcp(doors: &Doors, method: &str, headers: &[(&str, String)]) -> &'static str {
    let mut request = Request::post(format!("/{method}"))
        .header("host", "localhost")
        .header("content-type", "application/grpc");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    // A message of no bytes.
    let request = request
        .body(Full::new(Bytes::from_static(&[0; 5])))
        .unwrap();
    let (response, running) = match doors.has_tls {
        true => begin(connect(doors, Some(CLIENT)).await.unwrap(), request).await,
        false => begin(TcpStream::connect(doors.tcp).await.unwrap(), request).await,
    };
    running.abort();
    assert_eq!(response.status(), 200, "{method}");
    let status = response.headers().get("grpc-status");
    match status.is_some_and(|status| status == "7" || status == "16") {
        true => ".",
        false => "x",
    }
}

async fn by_tcp(
    doors: &Doors,
    method: &str,
    what: &str,
    body: &str,
    headers: &[(&str, String)],
) -> &'static str {
    let streams = all().unwrap()[&format!("/yibao.v1.{method}")].streams;
    let mut headers: Vec<_> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let mut body = body.as_bytes().to_vec();
    if streams {
        headers.push(("content-type", "application/connect+json"));
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        body = [&[0], &length[..], &body].concat();
    }
    let wait = WAIT.as_millis().to_string();
    headers.push(("connect-timeout-ms", &wait));
    let request = post(method, body, &headers);
    let got = match doors.has_tls {
        true => send(connect(doors, Some(CLIENT)).await.unwrap(), request).await,
        false => doors.by_tcp(request).await,
    };
    let text = String::from_utf8_lossy(&got.body).into_owned();
    let is_hidden = what == OF_ANOTHER && text.contains("CLAIM_UNKNOWN");
    if text.contains("permission_denied") || text.contains("unauthenticated") || is_hidden {
        return ".";
    }
    "x"
}
