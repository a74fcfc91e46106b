//! The real pcscd, away from the machine's own: its socket in a folder of ours, its reader a virtual one.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::desk::free_port;

/// Longest wait for its socket.
const READY_S_MAX: u64 = 30;
/// How often it is looked for.
const LOOK_MS: u64 = 5;
/// The driver of the virtual reader, of Debian's vsmartcard-vpcd.
const DRIVER: &str = "/usr/lib/pcsc/drivers/serial/libifdvpcd.so";

/// A pcscd of its own. It ends when it is dropped.
pub struct Pcscd {
    dir: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Pcscd {
    pub fn start() -> Self {
        let dir = tempfile::Builder::new()
            .prefix("pcscd")
            .tempdir()
            .expect("a folder");
        let port = free_port();
        let config = format!(
            "FRIENDLYNAME \"Virtual PCD\"\nDEVICENAME /dev/null:0x{port:X}\n\
             LIBPATH {DRIVER}\nCHANNELID 0x{port:X}\n"
        );
        for folder in ["run", "conf"] {
            std::fs::create_dir(dir.path().join(folder)).expect("a folder");
        }
        std::fs::write(dir.path().join("conf/vpcd"), config).expect("its folder");
        let mut pcscd = Self {
            dir,
            port,
            child: None,
        };
        pcscd.restart();
        pcscd
    }

    /// Where the virtual reader's first slot listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What leads its clients to it.
    pub fn env(&self) -> (String, String) {
        let socket = self.socket().display().to_string();
        ("PCSCLITE_CSOCK_NAME".to_owned(), socket)
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("run/pcscd.comm")
    }

    /// Starts it (again); returns when it can be reached.
    pub fn restart(&mut self) {
        self.kill();
        let dir = self.dir.path().display();
        let script = format!(
            "mount -t tmpfs none /run && mkdir /run/pcscd && mount --bind {dir}/run /run/pcscd && \
             exec pcscd --foreground --config {dir}/conf"
        );
        let log = std::fs::File::create(self.dir.path().join("log")).expect("its folder");
        // Its socket's place cannot be given to it: it gets a /run of its own.
        let mut unshare = Command::new("unshare");
        if !rustix::process::geteuid().is_root() {
            unshare.args(["--user", "--map-root-user"]);
        }
        let child = unshare
            .args(["--mount", "sh", "-c", &script])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn();
        self.child = Some(child.expect("tests/run installs pcscd"));
        let until = Instant::now() + Duration::from_secs(READY_S_MAX);
        while std::os::unix::net::UnixStream::connect(self.socket()).is_err() {
            assert!(Instant::now() < until, "pcscd: {}", self.log());
            std::thread::sleep(Duration::from_millis(LOOK_MS));
        }
    }

    /// kill -9, and what it leaves behind is swept away.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().expect("its child");
        }
        for left in ["run/pcscd.comm", "run/pcscd.pid"] {
            std::fs::remove_file(self.dir.path().join(left)).ok();
        }
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Pcscd {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- pcscd's log ---\n{}", self.log());
        }
    }
}
