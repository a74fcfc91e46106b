//! `yibaoctl device test` of a report printer, and of what nobody shows anything to.

use serde_json::Value;
use tokio::process::Command;
use yibaod::api::DeviceState;

use super::{desk, until_device};
use crate::desk::Desk;

/// Runs `yibaoctl` to its end: its exit code, and its stdout.
async fn ctl(desk: &Desk, words: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_yibaoctl"));
    command.arg("--socket").arg(desk.socket()).args(words);
    let output = command.kill_on_drop(true).output().await.expect("it runs");
    let said = String::from_utf8(output.stdout).expect("text");
    (output.status.code(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_printer_is_tried_by_a_page_of_rulers() {
    let (desk, cups) = desk().await;
    until_device(&desk, DeviceState::Ready).await;
    let (exit, said) = ctl(&desk, &["device", "test", "report"]).await;
    assert_eq!(exit, Some(0), "{said}");
    for seen in ["可用 works", "the queue says finished", "look at the page"] {
        assert!(said.contains(seen), "{seen}: {said}");
    }
    let papers = cups.papers();
    let page = String::from_utf8_lossy(&papers[0]);
    assert_eq!(papers.len(), 1);
    assert!(page.starts_with("%PDF-") && page.contains("/MediaBox [0 0 595.28 841.89]"));

    let (exit, said) = ctl(
        &desk,
        &["--json", "device", "test", "scanner", "--wait-s", "1"],
    )
    .await;
    let told: Value = serde_json::from_str(&said).expect("one object");
    assert_eq!((exit, &told["verdict"]), (Some(5), &"not_tried".into()));
}
