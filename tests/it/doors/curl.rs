//! The lines of the README, by the curl of this machine.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use yibaod::sandbox::bills;

use crate::desk::{Desk, Setup, Shows};

/// The lines of the README that begin with curl or end in one.
fn lines() -> Vec<String> {
    let readme = include_str!("../../../README.md");
    let section = readme
        .split("<!-- curl -->")
        .nth(1)
        .expect("the README has its lines");
    let lines = section.lines().filter(|line| line.contains("curl "));
    lines.map(str::to_owned).collect()
}

async fn run(line: &str, socket: &Path, bill: &Path) -> Vec<u8> {
    let line = line
        .replace("SOCKET", &socket.display().to_string())
        .replace("BILL.json", &bill.display().to_string());
    let told = tokio::task::spawn_blocking(move || {
        Command::new("bash")
            .arg("-c")
            .arg(&line)
            .output()
            .expect("bash")
    });
    let told = told.await.expect("no panic");
    assert!(
        told.status.success(),
        "{}",
        String::from_utf8_lossy(&told.stderr)
    );
    told.stdout
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lines_of_the_readme_settle_a_bill() {
    let desk = Desk::start(Setup::default()).await;
    let person = desk
        .platform
        .person("employee")
        .expect("a person of the sandbox");
    let mut order = bills::outpatient(&person);
    order["requestId"] = "CURL-1".into();
    let bill = desk.dir().join("bill.json");
    std::fs::write(&bill, order.to_string()).expect("room");
    let lines = lines();
    let [status, pay, show, watch, gb] = lines.as_slice() else {
        panic!("{lines:?}")
    };
    let socket = desk.socket();
    let told: Value = serde_json::from_slice(&run(status, &socket, &bill).await).expect("JSON");
    assert_eq!(told["desk"]["number"], "007", "{told}");
    let patient = desk.patient("CURL-1", &[Shows::fresh("employee")]).await;
    let told: Value = serde_json::from_slice(&run(pay, &socket, &bill).await).expect("JSON");
    assert_eq!(told["settlement"]["money"], "MONEY_SETTLED", "{told}");
    patient.await.expect("no panic");
    let again: Value = serde_json::from_slice(&run(show, &socket, &bill).await).expect("JSON");
    assert_eq!(again["settlement"]["setlId"], told["settlement"]["setlId"]);
    let envelopes = run(watch, &socket, &bill).await;
    let text = String::from_utf8_lossy(&envelopes);
    assert!(
        text.contains("STAGE_ENDED") && text.ends_with("{}"),
        "{text}"
    );
    let told = run(gb, &socket, &bill).await;
    let (text, _, wrong) = encoding_rs::GB18030.decode(&told);
    assert!(!wrong && text.contains("测试窗口"), "{text}");
}
