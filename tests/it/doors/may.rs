//! `yibaoctl may`: what is said of a caller, by the words, by JSON and by the exit code.

use std::process::{Command, Output};
use std::sync::Arc;

use serde_json::Value;
use yibaod::sandbox::platform::{Options, Platform};

use crate::desk::{Desk, Setup};

#[tokio::test(flavor = "multi_thread")]
async fn every_caller_that_the_configuration_takes_can_be_asked_about() {
    let platform = Platform::start(Options::default()).await;
    let config_more = "[access]\ncashier = [\"gid:71\", \"uid:72\"]\nkiosk = [\"group:root\"]\n";
    let setup = Setup {
        config_more: config_more.to_owned(),
        ..Setup::default()
    };
    let desk = Desk::prepare(Arc::new(platform.expect("a free port")), setup);
    for (caller, roles, refunds) in [
        ("uid:0", &["admin"][..], true),
        ("uid:72", &["cashier"], true),
        ("uid:73", &["monitor"], false),
        ("gid:71", &["cashier"], true),
        ("group:root", &["kiosk"], false),
        ("bus:gid:71", &["cashier"], true),
        ("bus:uid:72", &["cashier"], true),
        ("bus:uid:73", &[], false),
        ("token:hall", &[], false),
        ("certificate:room-7", &[], false),
    ] {
        let told = may(&desk, &["--json"], &[caller]);
        assert_eq!(
            told.status.code(),
            Some(0),
            "a list is no refusal: {told:?}"
        );
        let told = json(&told);
        assert_eq!(told["roles"], serde_json::json!(roles), "{caller}: {told}");
        let refund = &told["operations"]["RefundSettlement"];
        assert_eq!(refund["may"], refunds, "{caller}: {told}");
        assert_eq!(refund["why"].is_null(), refunds, "{caller}: {told}");
        let by_polkit = caller.starts_with("bus:") && !refunds;
        let action = &refund["polkit"];
        assert_eq!(action == "org.yibaod.bridge1.refund", by_polkit, "{told}");
        assert_eq!(action.is_null(), !by_polkit, "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_says_whether_it_may() {
    let platform = Platform::start(Options::default()).await;
    let desk = Desk::prepare(Arc::new(platform.expect("a free port")), Setup::default());
    for (caller, operation, code) in [
        ("uid:0", "Reload", 0),
        ("token:hall", "GetStatus", 3),
        // By its role it might; the socket is closed to it.
        ("uid:987654", "GetStatus", 3),
        ("group:nobody-has-this-name", "GetStatus", 2),
        ("bus:token:hall", "GetStatus", 2),
        ("uid:0", "Steal", 2),
    ] {
        let told = may(&desk, &[], &[caller, operation]);
        assert_eq!(told.status.code(), Some(code), "{caller}: {told:?}");
        let with_json = may(&desk, &["--json"], &[caller, operation]);
        assert_eq!(with_json.status.code(), Some(code), "{caller}");
        let with_json = json(&with_json);
        assert_eq!(with_json.get("error").is_some(), code == 2, "{with_json}");
    }
    let told = may(&desk, &[], &["bus:uid:987654", "Reload"]);
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(
        told.contains("the bus is closed to it") && told.contains("org.yibaod.bridge1.configure"),
        "{told}"
    );
}

fn may(desk: &Desk, before: &[&str], words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_yibaoctl"));
    command.args(before).arg("may").args(words);
    command.arg("--config").arg(desk.config());
    command.output().expect("it runs")
}

fn json(told: &Output) -> Value {
    serde_json::from_slice(&told.stdout).unwrap_or_else(|_| panic!("{told:?}"))
}
