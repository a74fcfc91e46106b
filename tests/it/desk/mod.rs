//! A desk: the shipped `yibaod` as a child process, with simulated far ends on its wires.

mod caller;
mod check;
mod day;
mod files;
mod kill;
mod past;
mod port;
mod privacy;
mod stall;
mod truth;

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;
use tonic::transport::Channel;
use yibaod::api::settlement_service_client::SettlementServiceClient;
use yibaod::sandbox::devices::printer::{Options as PrinterOptions, Printer};
use yibaod::sandbox::devices::scanner::Scanner;
use yibaod::sandbox::lifeline::Tie;
use yibaod::sandbox::platform::{Options as PlatformOptions, Platform};

pub(crate) use caller::wait_for;
pub use caller::{Shows, bill, bill_for, channel, request_from};
pub(crate) use check::{Refusal, error_name, eventually, paper_of, refusal, without_paper};
pub(crate) use day::today;
pub use files::{Setup, copy_program};
pub(crate) use kill::kill_at_edge;
pub(crate) use port::free_port;
pub(crate) use stall::Stalls;

/// Longest wait for a daemon to open its door.
const READY_S_MAX: u64 = 60;
/// How often a condition is looked at.
const LOOK_MS: u64 = 5;

/// One desk and everything at the far ends of its wires.
pub struct Desk {
    dir: TempDir,
    pub platform: Arc<Platform>,
    pub scanner: Arc<Scanner>,
    pub printer: Printer,
    daemon: Option<Child>,
    /// The daemon ends with this process, however that ends.
    tie: Option<Tie>,
    setup: Setup,
    /// What patients showed: none of it may stand in the log.
    shown: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Desk {
    /// A desk of a hospital of its own, running.
    pub async fn start(setup: Setup) -> Self {
        let platform = Platform::start(PlatformOptions::default())
            .await
            .expect("a free port");
        Self::start_at(Arc::new(platform), setup).await
    }

    /// A desk of the hospital that this platform serves, running.
    pub async fn start_at(platform: Arc<Platform>, setup: Setup) -> Self {
        let mut desk = Self::prepare(platform, setup);
        desk.start_daemon().await;
        desk
    }

    /// Everything but the daemon.
    pub fn prepare(platform: Arc<Platform>, setup: Setup) -> Self {
        day::wait_for_room_in_the_day();
        let dir = tempfile::Builder::new()
            .prefix("yibao")
            .tempdir()
            .expect("a temporary folder");
        let scanner = Arc::new(Scanner::start(dir.path()).expect("a pty"));
        let printer = Printer::start_tcp(PrinterOptions::default()).expect("a free port");
        let shown = Arc::default();
        let desk = Self {
            dir,
            platform,
            scanner,
            printer,
            daemon: None,
            tie: None,
            setup,
            shown,
        };
        files::write(&desk);
        desk
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("yibaod.sock")
    }

    pub fn config(&self) -> PathBuf {
        self.dir.path().join("yibaod.toml")
    }

    pub fn state_dir(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// The command that runs the daemon; tests that need a tracer put it before.
    pub fn command(&self, before: &[&str]) -> Command {
        let other = self.setup.daemon.as_deref().and_then(Path::to_str);
        let daemon = other.unwrap_or(env!("CARGO_BIN_EXE_yibaod"));
        let mut words = before.to_vec();
        words.push(daemon);
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg("--config").arg(self.config());
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.dir.path().join("daemon.log"))
            .expect("a log file");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        command.env("YIBAO_LOG", "yibaod=debug,warn");
        command.envs(self.setup.env.iter().cloned());
        command.process_group(0);
        command
    }

    pub async fn start_daemon(&mut self) {
        self.start_daemon_under(&[]).await;
    }

    pub async fn start_daemon_under(&mut self, before: &[&str]) {
        let serves = self.try_start_daemon_under(before).await;
        assert!(serves, "the daemon ended: {}", self.log());
    }

    /// Whether the daemon lives to open its door.
    pub async fn try_start_daemon_under(&mut self, before: &[&str]) -> bool {
        let command = self.command(before);
        self.try_start_daemon_by(command).await
    }

    /// [`Desk::try_start_daemon_under`] by a command of the test's own.
    pub async fn try_start_daemon_by(&mut self, mut command: Command) -> bool {
        assert!(self.daemon.is_none(), "it runs already");
        let daemon = command.spawn().expect("the daemon starts");
        self.tie = Some(Tie::group(daemon.id()).expect("a shell"));
        self.daemon = Some(daemon);
        let until = Instant::now() + Duration::from_secs(READY_S_MAX);
        while !self.is_serving().await {
            assert!(Instant::now() < until, "no door: {}", self.log());
            if self.daemon_ended().is_some() {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
        }
        true
    }

    async fn is_serving(&self) -> bool {
        let Ok(channel) = channel(&self.socket()).await else {
            return false;
        };
        let mut health = tonic_health::pb::health_client::HealthClient::new(channel);
        let asked = tonic_health::pb::HealthCheckRequest {
            service: String::new(),
        };
        health
            .check(asked)
            .await
            .is_ok_and(|answer| answer.into_inner().status == 1)
    }

    /// The daemon's exit, if it ended.
    pub fn daemon_ended(&mut self) -> Option<std::process::ExitStatus> {
        self.daemon
            .as_mut()
            .and_then(|child| child.try_wait().expect("its child"))
    }

    pub fn pid(&self) -> u32 {
        self.daemon.as_ref().expect("it runs").id()
    }

    /// kill -9, and wait until it is gone.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.daemon.take() {
            // Its whole group: under a tracer the daemon is the tracer's child and would live on.
            let group = i32::try_from(child.id()).expect("a pid");
            let group = rustix::process::Pid::from_raw(group).expect("a pid is not 0");
            rustix::process::kill_process_group(group, rustix::process::Signal::KILL).ok();
            child.kill().ok();
            child.wait().expect("its child");
            // A tracer may be gone before its daemon is.
            while rustix::process::test_kill_process_group(group).is_ok() {
                std::thread::sleep(Duration::from_millis(LOOK_MS));
            }
            self.tie = None;
        }
    }

    /// Waits until the daemon ended by itself (killed by a tracer or a hook).
    pub async fn wait_until_ended(&mut self, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        while Instant::now() < until {
            if self.daemon_ended().is_some() {
                (self.daemon, self.tie) = (None, None);
                return true;
            }
            tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
        }
        false
    }

    /// SIGTERM, and wait until it is gone.
    pub async fn stop(&mut self) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.pid()).expect("a pid"));
        let pid = pid.expect("a pid is not 0");
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
        assert!(
            self.wait_until_ended(Duration::from_secs(30)).await,
            "{}",
            self.log()
        );
    }

    /// SIGTERM, nothing more. To the whole group: under a tracer the daemon is the tracer's child, which lets
    /// no such signal end itself.
    pub fn ask_to_stop(&self) {
        let group = rustix::process::Pid::from_raw(i32::try_from(self.pid()).expect("a pid"));
        let group = group.expect("a pid is not 0");
        rustix::process::kill_process_group(group, rustix::process::Signal::TERM).ok();
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("daemon.log")).unwrap_or_default()
    }

    pub async fn settlements(&self) -> SettlementServiceClient<Channel> {
        self.try_settlements().await.expect("its door is open")
    }

    /// [`Desk::settlements`] of a daemon that may end at any moment.
    pub async fn try_settlements(&self) -> Result<SettlementServiceClient<Channel>, tonic::Status> {
        let channel = channel(&self.socket()).await;
        let channel = channel.map_err(|error| tonic::Status::unavailable(error.to_string()))?;
        Ok(SettlementServiceClient::new(channel))
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- the daemon's log ---\n{}", self.log());
        } else {
            self.check_names_nobody();
        }
    }
}
