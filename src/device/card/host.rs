//! The process `yibao-card` as the daemon sees it: started from beside the daemon, heard, asked, killed.
//!
//! Dropping it kills it. It must not know what is asked.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::frame::{self, Ask, FRAME_BYTES_MAX, Told, VERSION};
use crate::book::Code;
use crate::device::error::DeviceError;
use crate::device::record::{Tap, Tapped};

/// The program's file name.
const PROGRAM: &str = "yibao-card";
/// Longest wait for its first word.
const HELLO_MS_MAX: u64 = 5_000;
/// Longest wait until it takes a question.
const TAKE_MS_MAX: u64 = 1_000;
/// Things told that may wait to be heard.
const TOLD_MAX: usize = 16;

/// Where the program lies: beside the daemon.
pub(crate) fn program() -> PathBuf {
    let daemon = std::env::current_exe().unwrap_or_default();
    daemon.with_file_name(PROGRAM)
}

/// The running program.
pub(crate) struct Host {
    child: Child,
    input: ChildStdin,
    told: mpsc::Receiver<Told>,
    asked: u64,
    /// A question was left half asked: no other one is understood.
    is_torn: bool,
    tapped: Tapped,
}

impl Host {
    /// Starts the program and waits for its first word.
    pub(crate) async fn start(program: &Path, tap: &Arc<Tap>) -> Result<Self, DeviceError> {
        let wrong = |what: &dyn std::fmt::Display| {
            let detail = format!("{}: {what}", program.display());
            DeviceError::new(Code::CardHostFailed, detail)
        };
        let mut child = Command::new(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| wrong(&error))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(wrong(&"has no pipes"));
        };
        let (tell, mut told) = mpsc::channel(TOLD_MAX);
        tokio::spawn(hear(output, tell));
        let hello = timeout(Duration::from_millis(HELLO_MS_MAX), told.recv()).await;
        match hello {
            Ok(Some(Told::Hello { version: VERSION })) => {}
            Ok(Some(_)) => return Err(wrong(&"is of another version")),
            Ok(None) => return Err(wrong(&"ended at once")),
            Err(_) => return Err(wrong(&"says nothing")),
        }
        Ok(Self {
            child,
            input,
            told,
            asked: 0,
            is_torn: false,
            tapped: Tapped::open(tap, &[]),
        })
    }

    /// What it tells next; `None`: it is gone. Dropping the future loses nothing.
    pub(crate) async fn told(&mut self) -> Option<Told> {
        let told = self.told.recv().await?;
        let is_state = matches!(told, Told::Readers { .. });
        if self.tapped.is_on() || is_state {
            let text = Zeroizing::new(serde_json::to_vec(&told).unwrap_or_default());
            self.tapped.came(&text);
            if is_state {
                self.tapped.about(&text);
            }
        }
        Some(told)
    }

    /// Asks; the answer comes by [`Host::told`] with the number that is given back. After its future was dropped in
    /// the middle of a question nothing more can be asked.
    pub(crate) async fn ask(&mut self, ask: impl FnOnce(u64) -> Ask) -> Result<u64, DeviceError> {
        self.asked += 1;
        let wrong = |what: &dyn std::fmt::Display| {
            DeviceError::new(Code::CardHostFailed, format!("{PROGRAM}: {what}"))
        };
        let whole = frame::encode(&ask(self.asked)).map_err(|error| wrong(&error))?;
        // Behind the length.
        self.tapped.left(whole.get(4..).unwrap_or_default());
        if std::mem::replace(&mut self.is_torn, true) {
            return Err(wrong(&"was left with half a question"));
        }
        let written = self.input.write_all(&whole);
        let written = timeout(Duration::from_millis(TAKE_MS_MAX), written).await;
        let written = written.map_err(|_| wrong(&"takes nothing"))?;
        written.map_err(|error| wrong(&error))?;
        self.is_torn = false;
        Ok(self.asked)
    }

    /// Its process id, while it runs.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }
}

/// Passes on what the program tells. Ends with it, or when nobody hears.
async fn hear(mut output: ChildStdout, tell: mpsc::Sender<Told>) {
    let mut body = Zeroizing::new(Vec::with_capacity(FRAME_BYTES_MAX));
    loop {
        let told = match next(&mut output, &mut body).await {
            Ok(told) => told,
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return,
            Err(error) => {
                tracing::warn!(%error, "{PROGRAM} tells what is no message");
                return;
            }
        };
        if tell.send(told).await.is_err() {
            return;
        }
    }
}

async fn next(output: &mut ChildStdout, body: &mut Vec<u8>) -> std::io::Result<Told> {
    let mut head = [0; 4];
    output.read_exact(&mut head).await?;
    body.clear();
    body.resize(frame::announced(head)?, 0);
    output.read_exact(body).await?;
    frame::decode(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    /// What comes of a program that is this shell script.
    async fn started(script: &str) -> Result<Host, DeviceError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("card");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        Host::start(&path, &Arc::default()).await
    }

    #[tokio::test]
    async fn a_program_that_is_none_is_named() {
        let missing = Host::start(Path::new("/nowhere/yibao-card"), &Arc::default()).await;
        let missing = missing.err().unwrap();
        assert_eq!(missing.code, Code::CardHostFailed);
        assert!(missing.detail.contains("/nowhere/yibao-card"));
        for script in [
            "exit 0",
            "echo nonsense that is long enough",
            "printf '\\0\\0\\0\\2{}'",
        ] {
            let error = started(script).await.err().unwrap();
            assert_eq!(error.code, Code::CardHostFailed, "{script}: {error}");
        }
    }

    #[tokio::test]
    async fn another_version_is_not_talked_to() {
        let hello = |version| {
            let text = format!(r#"{{"told":"hello","version":{version}}}"#);
            format!(
                "printf '\\0\\0\\0\\{:o}%s' '{text}'; exec sleep 60",
                text.len()
            )
        };
        let host = started(&hello(VERSION)).await;
        assert!(host.is_ok(), "{:?}", host.err());
        let other = started(&hello(9)).await.err().unwrap();
        assert!(other.detail.contains("another version"), "{other:?}");
    }
}
