//! The first command of the README, and its scenarios, as they ship.

use std::path::Path;
use std::process::{Command, Output};

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
