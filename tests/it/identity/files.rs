//! Wrong files: the daemon does not start, and says which file and which key.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{assert_does_not_start, desk_without_daemon};
use crate::desk::{Desk, Setup};

fn change(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).expect("its file");
    assert!(text.contains(from), "no {from:?} in {text}");
    std::fs::write(path, text.replacen(from, to, 1)).expect("its file");
}

async fn desk() -> Desk {
    desk_without_daemon(Setup::default()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_site_key_is_missing() {
    let desk = desk().await;
    std::fs::remove_file(desk.dir().join("site.key")).expect("it is there");
    assert_does_not_start(&desk, &["site.key", "No such file"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_site_key_can_be_read_by_others() {
    let desk = desk().await;
    let key = desk.dir().join("site.key");
    std::fs::set_permissions(key, PermissionsExt::from_mode(0o644)).expect("its mode");
    assert_does_not_start(&desk, &["site.key", "readable by others", "0600"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_site_key_is_no_key() {
    let desk = desk().await;
    std::fs::write(desk.dir().join("site.key"), "not a key\n").expect("its file");
    assert_does_not_start(&desk, &["site.key", "64 hex digits"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_site_key_is_another_journals() {
    let mut desk = Desk::start(Setup::default()).await;
    desk.stop().await;
    std::fs::write(desk.dir().join("site.key"), "a5".repeat(32)).expect("its file");
    assert_does_not_start(&desk, &["key"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_site_profile_is_missing() {
    let desk = desk().await;
    std::fs::remove_file(desk.dir().join("site.toml")).expect("it is there");
    assert_does_not_start(&desk, &["site.toml", "No such file"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_site_profile_is_wrong() {
    for (from, to, words) in [
        (
            "fixmedins_code = ",
            "fixmedins_code = 1 #",
            "fixmedins_code",
        ),
        ("settle_quiet_s = ", "settle_quiet_s = -", "settle_quiet_s"),
        (
            "settle_quiet_s = ",
            "settle_quiet_seconds = ",
            "settle_quiet_seconds",
        ),
    ] {
        let desk = desk().await;
        change(&desk.dir().join("site.toml"), from, to);
        assert_does_not_start(&desk, &["site.toml", words]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_the_configuration_is_unknown_or_wrong() {
    for (from, to, words) in [
        (
            "rejoin_s = ",
            "rejoin_seconds = ",
            "times.rejoin_seconds: unknown key",
        ),
        (
            "number = 7",
            "number = 1000",
            "desk.number: must be 0 to 999, is 1000",
        ),
        ("number = 7", "", "desk.number: is missing"),
        (
            "kind = \"serial-scanner\"",
            "kind = \"telepathy\"",
            "device[0]",
        ),
        (
            "model = \"epson-tm-80\"",
            "model = \"typewriter\"",
            "typewriter",
        ),
        ("[limits]", "[limits", "yibaod.toml"),
        (
            "[limits]",
            "[access]\nsettle = [\"user:nobody-of-that-name\"]\n[limits]",
            "nobody-of-that-name",
        ),
    ] {
        let desk = desk().await;
        change(&desk.config(), from, to);
        assert_does_not_start(&desk, &[words]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_wrong_is_said_at_once() {
    let desk = desk().await;
    change(&desk.config(), "number = 7", "number = 1000");
    change(&desk.config(), "rejoin_s = ", "rejoin_seconds = ");
    assert_does_not_start(
        &desk,
        &["yibaod.toml", "desk.number", "times.rejoin_seconds"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_directory_can_be_read_by_others() {
    let desk = desk().await;
    let journal = desk.state_dir().join("journal");
    std::fs::create_dir_all(&journal).expect("its folder");
    std::fs::set_permissions(&journal, PermissionsExt::from_mode(0o755)).expect("its mode");
    assert_does_not_start(&desk, &["journal", "others can read it"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_is_not_there() {
    let desk = desk().await;
    std::fs::remove_file(desk.config()).expect("it is there");
    assert_does_not_start(&desk, &["yibaod.toml", "No such file"]).await;
}
