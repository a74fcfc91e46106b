//! Every method by every kind of caller, as a table. The rows come from the descriptors, so that no method is forgotten.

use std::fmt::Write as _;
use std::time::Duration;

use futures_util::StreamExt as _;

use super::hand::PAGE;
use super::*;
use crate::config::access::{Access, Caller as Named, Role};
use crate::ipc::access::{Caller, Grant, action};
use crate::ipc::grpc::tests::played::Desk;
use crate::ipc::json::{all, parse};

/// What the table is; a method that is added shows here.
const TABLE: &str = include_str!("rights.txt");
/// Requests for which a method asks another right than for an empty one.
const MORE: [(&str, &str, &str); 5] = [
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
];
const WAIT: Duration = Duration::from_secs(5);

#[tokio::test]
async fn every_method_by_every_caller_is_as_the_table_says() {
    let (desk, _asked) = Desk::new();
    let roles = [
        (Role::Cashier, 7),
        (Role::Kiosk, 8),
        (Role::Doctor, 9),
        (Role::Pharmacist, 10),
    ];
    let mut roles: Vec<_> = roles.map(|(role, uid)| (role, Named::Uid(uid))).into();
    roles.push((Role::Cashier, Named::Token("his".into())));
    let access = Access {
        roles,
        ..Access::default()
    };
    let doors = Doors::open(&desk, &access, None);
    let mut rows = Vec::new();
    for path in all().unwrap().keys() {
        rows.push((path.trim_start_matches("/yibao.v1.").to_owned(), "", "{}"));
    }
    rows.extend(MORE.map(|(method, what, body)| (method.to_owned(), what, body)));
    rows.sort();
    let mut table = String::new();
    let head = "owner root cashier kiosk doctor pharm. other bus polkit | token none stale page";
    writeln!(table, "{:<50} {head}", "").unwrap();
    for (method, what, body) in rows {
        let mut columns = Vec::new();
        for (width, caller) in callers(&method) {
            let told = inner(&doors, &method, body, caller).await;
            columns.push(format!("{told:<width$}"));
        }
        columns.push("|".to_owned());
        for (width, headers) in outer() {
            let told = by_tcp(&doors, &method, body, &headers).await;
            columns.push(format!("{told:<width$}"));
        }
        let name = format!("{method} {what}");
        writeln!(
            table,
            "{:<50} {}",
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
    doors.close().await;
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
    let own_uid = rustix::process::geteuid().as_raw();
    let uid = |uid| Caller::Uid {
        uid,
        gid: uid,
        groups: None,
        pid: None,
    };
    vec![
        (5, uid(own_uid)),
        (4, uid(0)),
        (7, uid(7)),
        (5, uid(8)),
        (6, uid(9)),
        (6, uid(10)),
        (5, uid(99)),
        (3, bus(&[])),
        (6, bus(action(method).map_or(&[], |action| action.grants))),
    ]
}

/// The callers over TCP: a good token, none, a stale one, a good one from a page of a stranger.
fn outer() -> Vec<(usize, Vec<(&'static str, String)>)> {
    let bearer = |token: &str| ("authorization", format!("Bearer {token}"));
    let page = ("origin", PAGE.replace("his", "evil"));
    vec![
        (5, vec![bearer(TOKEN)]),
        (4, vec![]),
        (5, vec![bearer(&TOKEN.replace('0', "1"))]),
        (4, vec![bearer(TOKEN), page]),
    ]
}

/// `x` may, `.` may not. One who may scan and does not waits in vain, which is no refusal.
async fn inner(doors: &Doors, method: &str, body: &str, caller: Caller) -> &'static str {
    let path = format!("/yibao.v1.{method}");
    let known = &all().unwrap()[&path];
    let message = parse(body, known.input.clone()).unwrap().into();
    let status = if known.streams {
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
    match status.map(|status| status.code()) {
        Some(tonic::Code::PermissionDenied) => ".",
        Some(_) | None => "x",
    }
}

async fn by_tcp(
    doors: &Doors,
    method: &str,
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
    let got = doors.by_tcp(post(method, body, &headers)).await;
    let text = String::from_utf8_lossy(&got.body).into_owned();
    if text.contains("permission_denied") || text.contains("unauthenticated") {
        return ".";
    }
    "x"
}
