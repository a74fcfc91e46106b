//! Every refusal in the log says who asked, for what, and by which code – whichever door it came by, and whether it was
//! the call's form, its content or the desk that said no.

use std::path::Path;

use yibaod::book::Code;

use super::journald::{Journal, field};
use crate::doors::{TOKEN, tcp};

/// What a caller may write where a field is named.
const WORD: &str = "某某某";
const JSON: &str = "application/json";

/// A call that is refused, and what the log says of it.
struct Row {
    /// Words of curl's.
    call: &'static [&'static str],
    path: &'static str,
    body: &'static [u8],
    operation: Option<&'static str>,
    code: Code,
}

const ROWS: [Row; 11] = [
    row(
        &[],
        "SettlementService/GetSettlement",
        b"{",
        Some("GetSettlement"),
        Code::RequestInvalid,
    ),
    row(
        &[],
        "SettlementService/ListStuck",
        b"\xff{}",
        Some("ListStuck"),
        Code::RequestInvalid,
    ),
    row(
        &[],
        "PrintService/Print",
        b"{\"\xe6\x9f\x90\xe6\x9f\x90\xe6\x9f\x90\":1}",
        Some("Print"),
        Code::UnknownField,
    ),
    row(
        &[],
        "SettlementService/GetRefund",
        b"{}",
        Some("GetRefund"),
        Code::RequestInvalid,
    ),
    row(
        &[],
        "PrintService/GetJob",
        b"{\"job_id\":\"none\"}",
        Some("GetJob"),
        Code::NotFound,
    ),
    row(
        &[],
        "SettlementService/Scan",
        b"{}",
        None,
        Code::MethodUnknown,
    ),
    row(
        &["--request", "PUT"],
        "DeviceService/Scan",
        b"{}",
        Some("Scan"),
        Code::HttpMethodWrong,
    ),
    row(
        &["--header", "connect-timeout-ms: x"],
        "PrintService/ListJobs",
        b"{}",
        Some("ListJobs"),
        Code::RequestInvalid,
    ),
    row(
        &["--header", "content-encoding: br"],
        "DeviceService/Claim",
        b"{}",
        Some("Claim"),
        Code::ContentTypeUnknown,
    ),
    // A frame whose message is no protobuf, one whose length is not its own, and a method that is none.
    row(
        GRPC,
        "PrintService/Reprint",
        b"\0\0\0\0\x02\xff\xff",
        Some("Reprint"),
        Code::RequestInvalid,
    ),
    row(
        GRPC,
        "PrintService/Burn",
        b"\0\0\0\0\0",
        None,
        Code::MethodUnknown,
    ),
];

const GRPC: &[&str] = &[
    "--http2-prior-knowledge",
    "--header",
    "content-type: application/grpc",
    "--header",
    "te: trailers",
];

const fn row(
    call: &'static [&'static str],
    path: &'static str,
    body: &'static [u8],
    operation: Option<&'static str>,
    code: Code,
) -> Row {
    Row {
        call,
        path,
        body,
        operation,
        code,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_says_who_what_and_why_at_the_socket_and_over_tcp() {
    let journal = Journal::new();
    let dir = tempfile::tempdir().expect("a folder");
    let (config_more, address) = tcp(dir.path(), "admin");
    let desk = journal.desk_with("yibaod=info,warn", config_more).await;
    let reader = journal.follow();
    let socket = desk.socket();
    for row in &ROWS {
        ask(row, Some(&socket), "localhost").await;
        ask(row, None, &address.to_string()).await;
    }
    let all = reader.end();
    journal.keep(&desk, &all);
    let own = format!("uid:{}", rustix::process::geteuid().as_raw());
    for (caller, door) in [(own.as_str(), "socket"), ("token:hall", "tcp")] {
        for row in &ROWS {
            let is_it = |entry: &&Vec<u8>| {
                let has = |name, value| field(entry, name).as_deref() == value;
                has("CALLER", Some(caller))
                    && has("DOOR", Some(door))
                    && has("OPERATION", row.operation)
                    && has("CODE", Some(row.code.id()))
            };
            let what = format!("{caller} {} {}", row.path, row.code.id());
            assert!(all.iter().any(|entry| is_it(&entry)), "{what}");
        }
    }
    let told = String::from_utf8_lossy(&all.concat()).into_owned();
    assert!(!told.contains(WORD), "a caller's own word is in the log");
}

async fn ask(row: &Row, socket: Option<&Path>, host: &str) {
    let mut curl = tokio::process::Command::new("curl");
    curl.args(["--silent", "--show-error", "--data-binary", "@-"]);
    let has_kind = row.call.iter().any(|word| word.starts_with("content-type"));
    if !has_kind {
        curl.args(["--header", &format!("content-type: {JSON}")]);
    }
    match socket {
        Some(socket) => curl.arg("--unix-socket").arg(socket),
        None => curl.args(["--header", &format!("authorization: Bearer {TOKEN}")]),
    };
    curl.args(row.call);
    curl.arg(format!("http://{host}/yibao.v1.{}", row.path));
    curl.stdin(std::process::Stdio::piped());
    let mut curl = curl.spawn().expect("curl");
    let mut stdin = curl.stdin.take().expect("it is piped");
    let sent = tokio::io::AsyncWriteExt::write_all(&mut stdin, row.body).await;
    sent.expect("curl reads it");
    drop(stdin);
    let ended = curl.wait().await.expect("curl");
    // 92: the answer came before the body was read, and the rest of the stream was called off.
    assert!(matches!(ended.code(), Some(0 | 92)), "{} {ended}", row.path);
}
