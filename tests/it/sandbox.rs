//! The first command of the README, and its scenarios, as they ship.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::desk::eventually;

/// Runs the sandbox's program with the daemon beside it.
fn sandbox(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_yibao-sandbox"))
        .arg("--no-build")
        .args(arguments)
        .env_remove("CARGO")
        .output()
        .expect("the program starts")
}

#[track_caller]
fn check(arguments: &[&str]) -> String {
    let output = sandbox(arguments);
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{arguments:?}: {}\n{shown}\n{errors}",
        output.status
    );
    shown
}

#[test]
fn one_settlement_and_out() {
    let shown = check(&["--once"]);
    for word in ["190.20", "结算ID", "仅供核对，不作报销凭证"] {
        assert!(shown.contains(word), "no {word} in\n{shown}");
    }
}

#[test]
fn every_flow_is_acted_to_its_end() {
    let words = [
        (&["1"][..], "支付成功，挂号成功"),
        (&["1", "--appointment"], "支付成功，预约挂号成功"),
        (&["2"], "缴费成功，请取走小票"),
        (&["3"], "已打印 2 份，请取走您的报告"),
        (&["4"], "结算完成，结算单已显示"),
        (&["4", "--by", "id-card"], "请将您的身份证放在读卡区。"),
        (&["5"], "取药完成，追溯码已上报"),
        (
            &["5", "--by", "id-card"],
            "请将您的身份证放在读卡区，取药。",
        ),
    ];
    for (flow, words) in words {
        let more = ["--once", "--patient-delay-ms", "1"];
        let shown = check(&[&["flow"][..], flow, &more].concat());
        assert!(shown.contains(words), "no {words} in\n{shown}");
        let papers = shown.lines().filter_map(|line| {
            let path = line.split_whitespace().last()?;
            let is_paper = path.ends_with(".png") || path.ends_with(".pdf");
            is_paper.then(|| std::path::PathBuf::from(path))
        });
        let papers: Vec<std::path::PathBuf> = papers.collect();
        assert!(!papers.is_empty(), "no paper in\n{shown}");
        for paper in papers {
            let saved = std::fs::read(&paper).expect("it was told where it is");
            assert!(saved.starts_with(b"\x89PNG") || saved.starts_with(b"%PDF"));
            std::fs::remove_file(paper).expect("it is ours");
        }
    }
}

#[test]
fn every_scenario_that_ships_holds() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/examples");
    let mut ran = 0;
    for entry in std::fs::read_dir(dir).expect("they ship").flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|ending| ending == "json") {
            continue;
        }
        check(&["--scenario", &path.display().to_string()]);
        ran += 1;
    }
    assert!(ran >= 3, "{ran} scenarios");
}

#[tokio::test]
async fn a_sandbox_that_is_killed_leaves_no_daemon() {
    let mut sandbox = Command::new(env!("CARGO_BIN_EXE_yibao-sandbox"))
        .args(["--no-build", "--no-patient"])
        .env_remove("CARGO")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let shown = BufReader::new(sandbox.stdout.take().expect("a pipe"));
    let pid = shown.lines().find_map(|line| {
        let line = line.expect("it is text");
        let (pid, _) = line.split_once("(pid ")?.1.split_once(',')?;
        Some(pid.to_owned())
    });
    // Also there while the dead one waits for its new parent, but then it leads nowhere.
    let program = format!("/proc/{}/exe", pid.expect("it says so"));
    std::fs::read_link(&program).expect("it runs");
    sandbox.kill().expect("our child");
    sandbox.wait().expect("our child");
    let gone = async || std::fs::read_link(&program).err();
    assert!(eventually(gone).await.is_some(), "the daemon lives on");
}
