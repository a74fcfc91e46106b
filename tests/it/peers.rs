//! Real clients of other makers at the door: grpcurl, buf and Python's gRPC. They know nothing but reflection.
//!
//! `tests/run` installs them and says where they are; a plain `cargo test` without it fails here and says so.

mod flows;
mod metrics;

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use yibaod::sandbox::bills;

use crate::desk::{Desk, Setup, Shows};

/// Longest run of one client.
const CLIENT_S_MAX: u64 = 60;
const PAY: &str = "yibao.v1.SettlementService/ScanAndPay";
/// What differs between two settlements of the same bill.
const OWN_FIELDS: [&str; 10] = [
    "settlementId",
    "mdtrtId",
    "chrgBchno",
    "msgid",
    "setlId",
    "setlTime",
    "iptOtpNo",
    "acceptedAt",
    "endedAt",
    "setlinfo",
];

/// A client that makes one call: request JSON in, answer JSON out.
#[derive(Clone, Copy, Debug)]
enum Client {
    Grpcurl,
    Buf,
    Python,
    PythonAlpha,
}

const CLIENTS: [Client; 4] = [
    Client::Grpcurl,
    Client::Buf,
    Client::Python,
    Client::PythonAlpha,
];

#[tokio::test(flavor = "multi_thread")]
async fn every_client_gets_the_same_answer() {
    let mut answers = Vec::new();
    for client in CLIENTS {
        let desk = Desk::start(Setup::default()).await;
        let request = bill("peer-1");
        let patient = desk.patient("peer-1", &[Shows::fresh("employee")]).await;
        let first = answer(client, &desk, PAY, &request).await;
        patient.abort();
        assert_eq!(
            first["settlement"]["money"], "MONEY_SETTLED",
            "{client:?}: {first}"
        );
        assert_eq!(
            first["settlement"]["paper"]["state"], "PAPER_STATE_PRINTED",
            "{client:?}: {first}"
        );

        // The same call again, by every client, repeats the answer field for field; nobody is asked for a code.
        for other in CLIENTS {
            assert_eq!(
                answer(other, &desk, PAY, &request).await,
                first,
                "{client:?}, then {other:?}"
            );
        }
        let person = desk
            .platform
            .person("employee")
            .expect("a person of the sandbox");
        let charges = desk
            .platform
            .ledger(|ledger| ledger.charges_of(&person.psn_no));
        assert_eq!(charges.len(), 1, "{client:?}");
        answers.push(without_own_fields(first));
    }
    for (client, answer) in CLIENTS.iter().zip(&answers) {
        assert_eq!(answer, &answers[0], "{client:?} on a desk of its own");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_client_is_told_why_not() {
    let desk = Desk::start(Setup::default()).await;
    let mut request = bill("peer-empty");
    request["bills"] = json!([]);
    for client in CLIENTS {
        let output = call(client, &desk, PAY, &request).await;
        assert!(!output.status.success(), "{client:?}");
        let told = said(&output);
        assert!(told.contains("EMPTY_BILL"), "{client:?}: {told}");
    }
    let output = call(Client::Python, &desk, PAY, &request).await;
    let refusal: Value = serde_json::from_slice(&output.stdout).expect("a refusal as JSON");
    assert_eq!(refusal["code"], "INVALID_ARGUMENT", "{refusal}");
    let info = &refusal["details"][0];
    assert_eq!(
        (&info["reason"], &info["domain"]),
        (&json!("EMPTY_BILL"), &json!("yibaod")),
        "{refusal}"
    );
    for key in [
        "code",
        "money",
        "repeat",
        "meaning_zh",
        "meaning_en",
        "action_zh",
        "patient_zh",
        "action_en",
    ] {
        assert!(
            info["metadata"][key]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{key}: {refusal}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_script_scans_confirms_and_pays() {
    let desk = Desk::start(Setup::default()).await;
    let patient = desk.patient("script-1", &[Shows::fresh("employee")]).await;
    let output = script("scan-and-pay.sh", &desk, &["script-1"]).await;
    patient.abort();
    let told = said(&output);
    assert!(output.status.success(), "{told}");
    for words in [
        "promptZh",
        "\"medfeeSumamtFen\": \"19020\"",
        "MONEY_SETTLED",
        "PAPER_STATE_PRINTED",
    ] {
        assert!(told.contains(words), "no {words}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_script_works() {
    let desk = Desk::start(Setup::default()).await;
    let patient = desk.patient("script-2", &[Shows::fresh("employee")]).await;
    let expected: [(&str, &[&str], &str); 9] = [
        ("methods.sh", &[], "ScanAndPay"),
        ("methods.sh", &["yibao.v1.ScanAndPayRequest"], "必填"),
        ("health.sh", &[], "SERVING"),
        ("status.sh", &[], "\"accepting\": true"),
        ("devices.sh", &[], "\"role\": \"receipt\""),
        ("pay.sh", &["script-2"], "MONEY_SETTLED"),
        ("reconcile.sh", &[], "\"settlements\": 1"),
        ("get.sh", &["script-2"], "MONEY_SETTLED"),
        ("list.sh", &["5"], "\"requestId\": \"script-2\""),
    ];
    for (name, more, words) in expected {
        let output = script(name, &desk, more).await;
        let told = said(&output);
        assert!(
            output.status.success() && told.contains(words),
            "{name} {more:?}: {told}"
        );
    }
    patient.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn scripts_follow_and_cancel() {
    let desk = Desk::start(Setup::default()).await;
    let watching = started(script_command("watch.sh", &desk, &["script-3"]));
    let paying = started(script_command("pay.sh", &desk, &["script-3"]));
    until_says(watching, "STAGE_WAITING_SCAN").await;
    let output = script("cancel.sh", &desk, &["script-3"]).await;
    assert!(
        said(&output).contains("CANCEL_VERDICT_CANCELLED"),
        "{}",
        said(&output)
    );
    until_says(paying, "MONEY_CANCELLED").await;
    until_says(
        started(script_command("watch-devices.sh", &desk, &[])),
        "snapshot",
    )
    .await;
}

#[tokio::test]
async fn the_proto_keeps_the_rules_of_its_trade() {
    let mut command = Command::new(tool("YIBAO_BUF"));
    command.arg("lint").arg(here("proto"));
    let output = finished(command, "").await;
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn the_scripts_bill_is_the_sandboxs() {
    let person = bills_person();
    let mut ours = bill("scripts");
    ours["requestId"] = "".into();
    let fields = ours.as_object_mut().expect("an object");
    assert_eq!(
        fields.remove("confirm"),
        Some(json!([])),
        "scan-and-pay.sh puts the confirmation there"
    );
    assert_eq!(ours["bills"][0]["billNo"], "scripts");
    ours["bills"][0]["billNo"] = "B0001".into();
    assert_eq!(ours, bills::outpatient(&person));
}

fn bills_person() -> yibaod::sandbox::persons::Person {
    let everybody = yibaod::sandbox::persons::everybody();
    everybody
        .into_iter()
        .find(|person| person.key == "employee")
        .expect("a person of the sandbox")
}

/// The bill of the scripts.
fn bill(request_id: &str) -> Value {
    let text =
        include_str!("../../proto/grpcurl/outpatient.json").replace("REQUEST_ID", request_id);
    serde_json::from_str(&text).expect("the scripts' bill is JSON")
}

/// What a client answered.
async fn answer(client: Client, desk: &Desk, method: &str, request: &Value) -> Value {
    let output = call(client, desk, method, request).await;
    assert!(output.status.success(), "{client:?}: {}", said(&output));
    serde_json::from_slice(&output.stdout).expect("the answer is JSON")
}

async fn call(client: Client, desk: &Desk, method: &str, request: &Value) -> Output {
    let socket = desk.socket();
    let command = match client {
        Client::Grpcurl => {
            let mut command = Command::new(tool("YIBAO_GRPCURL"));
            command.args(["-plaintext", "-unix", "-d", "@"]);
            command.arg(socket).arg(method);
            command
        }
        Client::Buf => {
            let mut command = Command::new(here("tests/peers/buf-curl.sh"));
            command
                .env("YIBAO_BUF", tool("YIBAO_BUF"))
                .arg(socket)
                .arg(method);
            command
        }
        Client::Python | Client::PythonAlpha => {
            let mut command = Command::new(tool("YIBAO_PYTHON"));
            command
                .arg(here("tests/peers/client.py"))
                .arg(socket)
                .arg(method);
            if matches!(client, Client::PythonAlpha) {
                command.arg("--alpha");
            }
            command
        }
    };
    finished(command, &request.to_string()).await
}

async fn script(name: &str, desk: &Desk, more: &[&str]) -> Output {
    finished(script_command(name, desk, more), "").await
}

/// A script of `proto/grpcurl` as a HIS developer calls it, with the real grpcurl in the PATH.
fn script_command(name: &str, desk: &Desk, more: &[&str]) -> Command {
    let mut command = script_at(name);
    command.arg(desk.socket()).args(more);
    command
}

fn script_at(name: &str) -> Command {
    let grpcurl = tool("YIBAO_GRPCURL");
    let folder = grpcurl
        .parent()
        .expect("a program lies in a folder")
        .to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder).chain(std::env::split_paths(&path));
    let mut command = Command::new(here("proto/grpcurl").join(name));
    command.env("PATH", std::env::join_paths(folders).expect("a PATH"));
    command
}

/// Where `tests/run` put a client.
pub(crate) fn tool(name: &str) -> PathBuf {
    let Some(path) = std::env::var_os(name) else {
        panic!(
            "{name} is not set: real clients are installed by tests/run; try `tests/run --test it peers`"
        );
    };
    path.into()
}

fn here(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn started(mut command: Command) -> tokio::process::Child {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command.spawn().expect("the client starts")
}

async fn finished(command: Command, input: &str) -> Output {
    let mut child = started(command);
    let mut stdin = child.stdin.take().expect("it is piped");
    // A client that refuses its arguments does not read.
    drop(stdin.write_all(input.as_bytes()).await);
    drop(stdin);
    let output =
        tokio::time::timeout(Duration::from_secs(CLIENT_S_MAX), child.wait_with_output()).await;
    output
        .expect("the client ends in time")
        .expect("the client ran")
}

/// Waits until a running client has said this.
async fn until_says(mut child: tokio::process::Child, words: &str) {
    let mut stdout = child.stdout.take().expect("it is piped");
    let mut told = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&told).contains(words) {
            if stdout
                .read_buf(&mut told)
                .await
                .expect("a pipe can be read")
                == 0
            {
                break;
            }
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(CLIENT_S_MAX), reading).await;
    let told = String::from_utf8_lossy(&told);
    assert!(
        in_time.is_ok() && told.contains(words),
        "never said {words}: {told}"
    );
}

/// All that a client said.
fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn without_own_fields(mut answer: Value) -> Value {
    if let Some(settlement) = answer["settlement"].as_object_mut() {
        for field in OWN_FIELDS {
            settlement.remove(field);
        }
    }
    answer
}
