//! The real daemon as a child process: started by its command line, asked by its health service, ended by SIGTERM.
//! Or the installed service, which systemd starts and ends: then it is only asked.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::Instant;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use yibaod::sandbox::lifeline::Tie;

use crate::Trouble;
use crate::desk::channel;
use crate::draw::Say;
use crate::files::Place;
use crate::programs::Programs;

/// How long it may take to serve.
const READY_WAIT_MS_MAX: u64 = 20_000;
/// How often its door is tried.
const READY_LOOK_MS: u64 = 20;
/// How long it may take to end before it is killed.
const STOP_WAIT_MS_MAX: u64 = 30_000;
/// What a person types for the service.
const RESTART: &str = "sudo systemctl restart yibaod";
const KILL: &str = "sudo systemctl kill --signal=KILL yibaod";
/// Last bytes of its log that are shown when it does not start.
const LOG_BYTES_SHOWN: usize = 2_000;

/// A running daemon.
pub(crate) struct Daemon {
    child: Option<Child>,
    /// systemd starts it.
    is_service: bool,
    /// It ends with the sandbox, however that ends.
    tie: Option<Tie>,
    program: PathBuf,
    place: Place,
    ready_after: Duration,
}

impl Daemon {
    /// Has the daemon make the site key of a new desk, starts it and waits until it serves.
    pub(crate) async fn start(programs: &Programs, place: &Place) -> Result<Self, Trouble> {
        let mut daemon = Self::away(programs, place);
        if !place.site_key().exists() {
            let mut command = daemon.command()?;
            let made = command.arg("--create-site-key").status().await?;
            if !made.success() {
                return Err(format!("yibaod could not make the site key: {}", daemon.log()).into());
            }
        }
        daemon.begin().await?;
        Ok(daemon)
    }

    /// The installed service, which is waited for by [`Daemon::served`].
    pub(crate) fn of_systemd(programs: &Programs, place: &Place) -> Self {
        Self {
            is_service: true,
            ..Self::away(programs, place)
        }
    }

    fn away(programs: &Programs, place: &Place) -> Self {
        Self {
            child: None,
            is_service: false,
            tie: None,
            program: programs.daemon.clone(),
            place: place.clone(),
            ready_after: Duration::ZERO,
        }
    }

    /// Waits, as long as it takes, until the service serves; a child does already.
    pub(crate) async fn served(&mut self, say: &Say) -> Result<(), Trouble> {
        if self.is_service {
            let config = self.place.config();
            say.line(&format!("  its configuration is in {}", config.display()));
            say.line(&format!("  start it: {RESTART}  请启动服务"));
        }
        let begun = Instant::now();
        while !self.is_serving().await {
            tokio::time::sleep(Duration::from_millis(READY_LOOK_MS)).await;
        }
        if self.is_service {
            self.ready_after = begun.elapsed();
        }
        Ok(())
    }

    /// Starts it (again) and waits until it serves.
    pub(crate) async fn begin(&mut self) -> Result<(), Trouble> {
        if self.is_service {
            return Err(format!("the service is systemd's: {RESTART}").into());
        }
        if self.child.is_some() {
            return Err("the daemon runs already".into());
        }
        let begun = Instant::now();
        let child = self.command()?.spawn()?;
        self.tie = child.id().map(Tie::process).transpose()?;
        self.child = Some(child);
        while !self.is_serving().await {
            let ended = self
                .child
                .as_mut()
                .and_then(|child| child.try_wait().ok().flatten());
            if let Some(status) = ended {
                return Err(format!("yibaod ended, {status}: {}", self.log()).into());
            }
            if begun.elapsed() > Duration::from_millis(READY_WAIT_MS_MAX) {
                return Err(format!("yibaod does not open its door: {}", self.log()).into());
            }
            tokio::time::sleep(Duration::from_millis(READY_LOOK_MS)).await;
        }
        self.ready_after = begun.elapsed();
        Ok(())
    }

    /// What was started, for people.
    pub(crate) fn tell(&self, say: &Say) {
        let socket = self.place.socket();
        let ready = self.ready_after.as_millis();
        let which = match self.child.as_ref().and_then(Child::id) {
            Some(pid) => format!("pid {pid}, ready in {ready} ms"),
            None => "the installed service".to_owned(),
        };
        let what = format!("unix:{}  ({which})", socket.display());
        say.done("yibaod", "守护进程", &what);
    }

    /// `kill -9`, and waits until it is gone.
    pub(crate) async fn kill(&mut self) -> Result<(), Trouble> {
        if self.is_service {
            return Err(format!("the service is systemd's: {KILL}").into());
        }
        let mut child = self.child.take().ok_or("the daemon does not run")?;
        child.kill().await?;
        self.tie = None;
        Ok(())
    }

    /// SIGTERM, and waits until it is gone.
    pub(crate) async fn stop(&mut self) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        let pid = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It may have ended by itself.
            kill_process(pid, Signal::TERM).ok();
        }
        let wait = Duration::from_millis(STOP_WAIT_MS_MAX);
        if tokio::time::timeout(wait, child.wait()).await.is_err() {
            child.kill().await.ok();
        }
        self.tie = None;
    }

    fn command(&self) -> Result<Command, Trouble> {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.place.log())?;
        let mut command = Command::new(&self.program);
        command.arg("--config").arg(self.place.config());
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true);
        Ok(command)
    }

    async fn is_serving(&self) -> bool {
        let Ok(channel) = channel(&self.place.socket()).await else {
            return false;
        };
        let asked = HealthCheckRequest {
            service: String::new(),
        };
        let answer = HealthClient::new(channel).check(asked).await;
        answer.is_ok_and(|answer| answer.into_inner().status() == ServingStatus::Serving)
    }

    fn log(&self) -> String {
        let log = std::fs::read(self.place.log()).unwrap_or_default();
        let from = log.len().saturating_sub(LOG_BYTES_SHOWN);
        String::from_utf8_lossy(&log[from..]).into_owned()
    }
}
