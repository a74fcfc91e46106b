//! The five flows by the scripts that ship, against the sandbox that ships, with its simulated patient.

use std::path::PathBuf;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::{finished, said, script_at};

/// The sandbox as a person leaves it running, and its daemon's socket.
async fn sandbox() -> (Child, PathBuf) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_yibao-sandbox"))
        .args(["--no-build", "--patient-delay-ms", "50"])
        .env_remove("CARGO")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the program starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut socket = None;
    while let Some(line) = lines.next_line().await.expect("it is text") {
        let word = line.split_whitespace().find(|it| it.starts_with("unix:"));
        socket = socket.or(word.map(|it| PathBuf::from(&it["unix:".len()..])));
        // The last line before it waits for commands.
        if line.contains("自动出示医保码") {
            break;
        }
    }
    // What it says from here on is read and dropped, so that it never waits for a reader.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (child, socket.expect("it says where"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_flow_runs_by_grpcurl_alone() {
    let (mut sandbox, socket) = sandbox().await;
    let ends = [
        "挂号成功",
        "缴费成功",
        "各打印一份",
        "结算单已打印",
        "退药完成",
    ];
    for (number, end) in (1..).zip(ends) {
        let mut command = script_at("flow.sh");
        command.arg(number.to_string()).arg(&socket);
        let output = finished(command, "").await;
        let told = said(&output);
        assert!(output.status.success(), "flow {number}: {told}");
        assert!(told.contains(end), "flow {number}: {told}");
    }
    sandbox.kill().await.expect("our child");
}
