//! Whose journal, whose socket, which clock, how much disk: what a desk refuses to begin with.

mod adopted;
mod clock;
mod disk;
mod files;

use std::process::Output;
use std::sync::Arc;

use yibaod::sandbox::platform::{Options, Platform};

use crate::desk::{Desk, Setup};

async fn platform() -> Arc<Platform> {
    Arc::new(
        Platform::start(Options::default())
            .await
            .expect("a free port"),
    )
}

/// A desk whose daemon was not started yet.
async fn desk_without_daemon(setup: Setup) -> Desk {
    Desk::prepare(platform().await, setup)
}

/// Runs a daemon that is expected to end at once. Its log is what it said on standard error.
async fn run_to_its_end(desk: &Desk) -> (Output, String) {
    let mut command = tokio::process::Command::from(desk.command(&[]));
    command
        .stderr(std::process::Stdio::piped())
        .kill_on_drop(true);
    let limit = std::time::Duration::from_secs(20);
    let ended = tokio::time::timeout(limit, command.output()).await;
    let output = ended.expect("it ends by itself").expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, said)
}

/// It does not start, and says all of this.
async fn assert_does_not_start(desk: &Desk, words: &[&str]) {
    let (output, said) = run_to_its_end(desk).await;
    assert!(!output.status.success(), "it started: {said}");
    for words in words {
        assert!(said.contains(words), "no {words:?} in: {said}");
    }
    assert!(!desk.socket().exists(), "no door was opened");
}

/// Words that run the daemon in a mount namespace of its own, after this shell command. Its pid stays the same.
fn in_own_mounts(command: &str) -> Vec<String> {
    let mut words = vec!["unshare".to_owned(), "--mount".to_owned()];
    if !rustix::process::geteuid().is_root() {
        words.push("--map-root-user".to_owned());
    }
    let shell = format!("{command} && exec \"$@\"");
    words.extend(["sh".to_owned(), "-c".to_owned(), shell, "sh".to_owned()]);
    words
}

async fn start_in_own_mounts(desk: &mut Desk, command: &str) {
    let words = in_own_mounts(command);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    desk.start_daemon_under(&words).await;
}
