//! `yibaoctl doctor` and `yibaoctl support` on a real desk.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use yibaod::api::Money;

use crate::desk::{Desk, Setup, Shows, bill};

fn yibaoctl(desk: &Desk, words: &[&str]) -> Output {
    // Without a terminal of its own: whoever runs the tests is not asked.
    let mut command = Command::new("setsid");
    command.arg("--wait").arg(env!("CARGO_BIN_EXE_yibaoctl"));
    command.arg("--socket").arg(desk.socket());
    let output = command.args(words).arg("--config").arg(desk.config());
    output.output().expect("the program starts")
}

/// What `doctor` found: subject and level.
struct Found(Vec<Value>);

impl Found {
    fn of(desk: &Desk, words: &[&str]) -> Self {
        let words = [&["--json", "doctor"], words].concat();
        let output = yibaoctl(desk, &words);
        let told: Value = serde_json::from_slice(&output.stdout).expect("one object");
        let bad = told["bad"].as_u64().expect("a count");
        assert_eq!(output.status.code(), Some(i32::from(bad > 0)), "{told}");
        Self(told["findings"].as_array().expect("a list").clone())
    }

    #[track_caller]
    fn check(&self, subject: &str, level: &str) -> String {
        let mut found = self.0.iter().filter(|it| it["subject"] == subject);
        let is_it = found.find(|it| it["level"] == level);
        let Some(it) = is_it else {
            panic!("{subject} is not {level}: {:#?}", self.0);
        };
        for word in ["seenZh", "seenEn"] {
            assert_ne!(it[word], "", "{it}");
        }
        if level == "bad" || level == "warn" {
            assert!(it["adviceZh"] != "" && it["adviceEn"] != "", "{it}");
        }
        it["seenEn"].to_string()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doctor_finds_what_was_broken_and_mends_what_is_safe() {
    let mut desk = Desk::start(Setup::default()).await;
    let sound = Found::of(&desk, &[]);
    for subject in [
        "service.settles",
        "service.version",
        "rights.configuration",
        "rights.site_key",
        "rights.state",
        "rights.journal",
        "profile",
        "platform",
        "disk.free",
    ] {
        sound.check(subject, "ok");
    }

    let key = desk.dir().join("site.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).expect("it is ours");
    Found::of(&desk, &[]).check("rights.site_key", "bad");
    let held = std::fs::File::open(desk.scanner.path()).expect("it is plugged in");
    let seen = Found::of(&desk, &[]).check("device.scanner.holder", "bad");
    assert!(seen.contains(&std::process::id().to_string()), "{seen}");
    drop(held);
    let mended = Found::of(&desk, &["--fix"]);
    mended.check("rights.site_key", "ok");
    let mode = std::fs::metadata(&key).expect("it is there").permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);

    desk.stop().await;
    desk.scanner.unplug();
    let alone = Found::of(&desk, &[]);
    alone.check("service.socket", "bad");
    alone.check("device.scanner", "bad");
    alone.check("rights.configuration", "ok");
    alone.check("platform", "ok");
    let config = std::fs::read_to_string(desk.config()).expect("its configuration");
    std::fs::write(desk.config(), format!("{config}\n[unknown]\nkey = 1\n")).expect("room");
    Found::of(&desk, &[]).check("rights.configuration", "bad");
    std::fs::write(desk.config(), config).expect("room");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_holds_no_person_and_no_secret() {
    let desk = Desk::start(Setup::default()).await;
    let answer = desk
        .pay(bill(&desk, "bundle-1"), &[Shows::fresh("employee")])
        .await;
    assert_eq!(answer.money(), Money::Settled);
    let bundle = desk.dir().join("bundle.tar.gz");
    let path = bundle.display().to_string();
    let refused = yibaoctl(&desk, &["support", "--out", &path]);
    assert_eq!(refused.status.code(), Some(2), "nobody said yes");
    assert!(!bundle.exists());
    let written = yibaoctl(&desk, &["support", "--yes", "--out", &path]);
    let shown = String::from_utf8_lossy(&written.stderr).into_owned();
    assert!(written.status.success(), "{shown}");
    for name in [
        "doctor.json",
        "status.json",
        "metrics.txt",
        "log.txt",
        "configuration/site.toml",
    ] {
        assert!(shown.contains(name), "{name} is shown before: {shown}");
    }
    let text = unpacked(&bundle, desk.dir());
    assert!(text.contains("yibaod_settlements_total"), "{text}");
    let person = desk.platform.person("employee").expect("of the sandbox");
    let secret = yibaod::sandbox::platform::Options::default().secret;
    let key = "5a".repeat(32);
    for planted in [
        &person.name,
        &person.idno,
        &person.psn_no,
        &person.card_no,
        &secret,
        &key,
    ] {
        assert!(
            !text.contains(planted.as_str()),
            "{planted} is in the bundle"
        );
    }
}

/// All texts of a bundle, by the system's own tar.
fn unpacked(bundle: &Path, dir: &Path) -> String {
    let into = dir.join("unpacked");
    std::fs::create_dir(&into).expect("room");
    let mut tar = Command::new("tar");
    let opened = tar.arg("-xzf").arg(bundle).arg("-C").arg(&into).status();
    assert!(opened.expect("tar is there").success());
    let mut folders = vec![into];
    let mut text = String::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("it is there").flatten() {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path => text += &std::fs::read_to_string(path).expect("it is text"),
            }
        }
    }
    text
}
