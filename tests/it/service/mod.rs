//! The daemon as a service: what it tells systemd, the socket that is held for it, its configuration read again, its
//! log, its units.

mod asked;
mod journald;
mod notify;
mod passed;
mod polkit;
mod purge;
mod refused;
mod reload;
mod started;
mod units;
mod upgrade;
mod watchdog;

use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::desk::{Desk, Setup};

/// Longest wait for a word.
const WORD_S_MAX: u64 = 30;
/// Longest datagram.
const WORD_BYTES_MAX: usize = 8_192;

/// The end of the notify socket where systemd listens.
struct Ear {
    socket: Arc<UnixDatagram>,
    dir: TempDir,
}

impl Ear {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let socket = UnixDatagram::bind(dir.path().join("notify")).expect("a socket");
        let socket = Arc::new(socket);
        Self { socket, dir }
    }

    /// Also to a daemon of another user.
    fn open_to_all(&self) {
        for (path, mode) in [("", 0o755), ("notify", 0o777)] {
            let path = self.dir.path().join(path);
            std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("ours");
        }
    }

    /// What the daemon is started with.
    fn environment(&self) -> (String, String) {
        let path = self.dir.path().join("notify").display().to_string();
        ("NOTIFY_SOCKET".to_owned(), path)
    }

    /// How many of these come in this time.
    fn count(&self, word: &str, time: Duration) -> usize {
        let until = Instant::now() + time;
        let mut count = 0;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            let message = next(&self.socket, left);
            count += usize::from(message.is_some_and(|message| message.contains(word)));
        }
        count
    }
}

/// The next message within this time.
fn next(socket: &UnixDatagram, wait: Duration) -> Option<String> {
    let wait = wait.max(Duration::from_millis(1));
    socket.set_read_timeout(Some(wait)).expect("a socket");
    let mut bytes = [0; WORD_BYTES_MAX];
    let length = socket.recv(&mut bytes).ok()?;
    Some(String::from_utf8(bytes[..length].to_vec()).expect("words"))
}

/// The first message with this word.
fn until(socket: &UnixDatagram, word: &str) -> String {
    let until = Instant::now() + Duration::from_secs(WORD_S_MAX);
    let mut heard = Vec::new();
    while let Some(message) = next(socket, until.saturating_duration_since(Instant::now())) {
        if message.lines().any(|line| line.starts_with(word)) {
            return message;
        }
        heard.push(message);
    }
    panic!("no {word}: {heard:?}");
}

/// The first message with this word, while everything else goes on.
async fn heard(ear: &Ear, word: &str) -> String {
    let (socket, word) = (Arc::clone(&ear.socket), word.to_owned());
    let listening = tokio::task::spawn_blocking(move || until(&socket, &word));
    listening.await.expect("it is said")
}

/// The socket of a desk, held as systemd holds it while no daemon runs.
struct Held {
    listener: UnixListener,
}

impl Held {
    fn of(desk: &Desk) -> Self {
        let listener = UnixListener::bind(desk.socket()).expect("a socket");
        Self { listener }
    }

    /// The command that hands it to a daemon as descriptor 3.
    fn command(&self, desk: &Desk) -> Command {
        let script =
            "exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=local exec \"$@\"";
        let mut command = desk.command(&["sh", "-c", script, "sh"]);
        let copy = self.listener.try_clone().expect("a descriptor");
        command.stdin(Stdio::from(OwnedFd::from(copy)));
        command
    }
}

/// `yibaoctl` with these words.
fn ctl(desk: &Desk, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_yibaoctl"))
        .arg("--socket")
        .arg(desk.socket())
        .args(words)
        .output()
        .expect("it runs")
}

/// What it printed; it must have ended well.
fn told(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    let both = format!(
        "{}{}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(err)
    );
    assert!(output.status.success(), "{}: {both}", output.status);
    both
}

/// A signal to the daemon itself.
fn signal(desk: &Desk, signal: rustix::process::Signal) {
    let pid = i32::try_from(desk.pid()).expect("a pid");
    let pid = rustix::process::Pid::from_raw(pid).expect("a pid is not 0");
    rustix::process::kill_process(pid, signal).expect("it runs");
}

/// A desk whose daemon speaks to this ear.
async fn heard_desk(ear: &Ear, more: &[(&str, &str)]) -> Desk {
    let more = more
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Desk::start(Setup {
        env: std::iter::once(ear.environment()).chain(more).collect(),
        ..Setup::default()
    })
    .await
}
