//! The far ends of lines, for this folder's tests: a pty whose other side is ours, and a small printer.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};

use super::printer::{Paper, PrinterState};
use super::{DeviceInfo, Hub};

/// Longest wait of any test for something that must happen.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// How often conditions are looked at.
const GLANCE: Duration = Duration::from_millis(2);
/// Questions that come within this stand side by side.
const SIDE_BY_SIDE: Duration = Duration::from_millis(50);

/// Waits until the device called `name` is as wanted.
pub(super) async fn until(hub: &Hub, name: &str, wanted: impl Fn(&DeviceInfo) -> bool) {
    let latest = Instant::now() + PATIENCE;
    loop {
        let device = hub
            .list()
            .into_iter()
            .find(|device| device.name == name)
            .unwrap();
        if wanted(&device) {
            return;
        }
        assert!(Instant::now() < latest, "in vain: {device:?}");
        sleep(GLANCE).await;
    }
}

/// A line. Dropping it pulls the cable.
///
/// Its name is its own and goes first: the kernel gives the number of a line that is gone to the next one, and a driver
/// that looks for the old one would take that for itself.
pub(super) struct Pty {
    path: PathBuf,
    _dir: tempfile::TempDir,
    master: OwnedFd,
}

impl Pty {
    pub(super) fn open() -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let path = PathBuf::from(name.into_string().unwrap());
        // Raw before anybody opens it, so that nothing is echoed back to us.
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = rustix::fs::open(&path, flags, rustix::fs::Mode::empty()).unwrap();
        let mut settings = rustix::termios::tcgetattr(&slave).unwrap();
        settings.make_raw();
        let now = rustix::termios::OptionalActions::Now;
        rustix::termios::tcsetattr(&slave, now, &settings).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("line");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        Self {
            path: link,
            _dir: dir,
            master,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a break reads as nothing on the other side.
    pub(super) fn ignores_breaks(&self) -> bool {
        let settings = rustix::termios::tcgetattr(&self.master).unwrap();
        let ignored = rustix::termios::InputModes::IGNBRK;
        settings.input_modes.contains(ignored)
    }

    /// What came; nothing: not yet, or nobody has the other side open.
    pub(super) fn hear(&self, into: &mut [u8]) -> usize {
        rustix::io::ioctl_fionbio(&self.master, true).unwrap();
        rustix::io::read(&self.master, into).unwrap_or(0)
    }

    pub(super) fn send(&mut self, bytes: &[u8]) {
        let mut left = bytes;
        while !left.is_empty() {
            left = &left[rustix::io::write(&self.master, left).unwrap()..];
        }
    }
}

/// What a small printer does with bytes. Real-time questions are answered at once, all else in order.
pub(super) struct Far {
    pub(super) state: PrinterState,
    /// Bytes that were printed: all but questions.
    pub(super) paper: Vec<u8>,
    pub(super) answers_status: bool,
    pub(super) answers_queued: bool,
    pub(super) answers_process: bool,
    /// Of queued questions that stand side by side it answers every second one.
    pub(super) skips_queued: bool,
    /// It answers such a question so long after the one before.
    pub(super) queued_pause: Duration,
    /// The roll ends after so many bytes.
    pub(super) paper_ends_after: Option<usize>,
    /// The cable is cut after so many bytes.
    pub(super) cut_after: Option<usize>,
    /// It reads nothing.
    pub(super) deaf: bool,
    pub(super) outbox: Vec<u8>,
    pub(super) reports: bool,
    inbox: Vec<u8>,
    /// When the last queued question was answered, or will be.
    queued_at: Option<Instant>,
    /// Queued answers that come later.
    late: VecDeque<(Instant, u8)>,
}

impl Far {
    pub(super) fn new() -> Self {
        Self {
            state: PrinterState::default(),
            paper: Vec::new(),
            answers_status: true,
            answers_queued: true,
            answers_process: true,
            skips_queued: false,
            queued_pause: Duration::ZERO,
            paper_ends_after: None,
            cut_after: None,
            deaf: false,
            outbox: Vec::new(),
            reports: false,
            inbox: Vec::new(),
            queued_at: None,
            late: VecDeque::new(),
        }
    }

    pub(super) fn set(&mut self, state: PrinterState) {
        self.state = state;
        if self.reports {
            let report = self.report();
            self.outbox.extend(report);
        }
        self.work();
    }

    fn hear(&mut self, bytes: &[u8]) {
        if self.is_cut() {
            return;
        }
        self.inbox.extend_from_slice(bytes);
        while let Some(at) = self
            .inbox
            .windows(3)
            .position(|w| w[0] == 0x10 && w[1] == 0x04)
        {
            let question = self.inbox[at + 2];
            self.inbox.drain(at..at + 3);
            if self.answers_status {
                let answer = self.answer(question);
                self.outbox.push(answer);
            }
        }
        self.work();
        let now = Instant::now();
        let ripe = self.late.partition_point(|(at, _)| *at <= now);
        let ripe = self.late.drain(..ripe).map(|(_, answer)| answer);
        self.outbox.extend(ripe);
    }

    fn answer_queued(&mut self) {
        let now = Instant::now();
        let before = self.queued_at.take();
        if self.skips_queued && before.is_some_and(|at| now < at + SIDE_BY_SIDE) {
            return;
        }
        let paper = if self.state.paper == Paper::Low { 3 } else { 0 };
        let at = before.map_or(now, |at| now.max(at)) + self.queued_pause;
        self.queued_at = Some(at);
        self.late.push_back((at, paper));
    }

    fn work(&mut self) {
        while self.state.trouble().is_none() && !self.is_cut() && !self.inbox.is_empty() {
            let length = match self.inbox.as_slice() {
                [0x1d, b'(', b'H', ..] => 11,
                [0x1d, b'(', b'k', 4, ..] => 9,
                [0x1d, b'r' | b'a', ..] => 3,
                [0x1d] | [0x1d, b'('] | [0x10] | [0x10, 4] => return,
                _ => 1,
            };
            if self.inbox.len() < length {
                return;
            }
            let command: Vec<u8> = self.inbox.drain(..length).collect();
            match command.as_slice() {
                [0x1d, b'(', b'H', .., a, b, c, d] if self.answers_process => {
                    self.outbox.extend([0x37, 0x22, *a, *b, *c, *d, 0]);
                }
                [0x1d, b'(', b'H', ..] => {}
                [0x1d, b'r', _] if self.answers_queued => self.answer_queued(),
                [0x1d, b'r', _] => {}
                [0x1d, b'a', bits] => {
                    self.reports = *bits != 0;
                    self.set(self.state);
                }
                printed => {
                    self.paper.extend_from_slice(printed);
                    if self
                        .paper_ends_after
                        .is_some_and(|end| self.paper.len() >= end)
                    {
                        self.paper_ends_after = None;
                        let fine = PrinterState::default();
                        self.set(PrinterState {
                            online: false,
                            paper: Paper::Out,
                            ..fine
                        });
                    }
                }
            }
        }
    }

    fn answer(&self, question: u8) -> u8 {
        let bit = |is: bool, bits: u8| if is { bits } else { 0 };
        0x12 | match question {
            1 => bit(!self.state.online, 0x08),
            2 => bit(self.state.cover_open, 0x04) | bit(self.state.error, 0x40),
            3 => bit(self.state.error, 0x08),
            _ => {
                bit(self.state.paper == Paper::Out, 0x6c)
                    | bit(self.state.paper == Paper::Low, 0x0c)
            }
        }
    }

    fn report(&self) -> [u8; 4] {
        let bit = |is: bool, bits: u8| if is { bits } else { 0 };
        [
            0x10 | bit(!self.state.online, 0x08) | bit(self.state.cover_open, 0x20),
            bit(self.state.error, 0x08),
            bit(self.state.paper == Paper::Out, 0x0f) | bit(self.state.paper == Paper::Low, 0x03),
            0x0f,
        ]
    }

    fn is_cut(&self) -> bool {
        self.cut_after
            .is_some_and(|after| self.paper.len() >= after)
    }
}

/// A small printer on TCP or on a pty. Dropping it switches it off.
pub(super) struct FarPrinter {
    far: Arc<Mutex<Far>>,
    pub(super) address: String,
    off: Arc<AtomicBool>,
    server: Option<tokio::task::JoinHandle<()>>,
}

impl FarPrinter {
    /// None at all.
    pub(super) fn nowhere() -> Self {
        Self {
            far: Arc::new(Mutex::new(Far::new())),
            address: String::new(),
            off: Arc::default(),
            server: None,
        }
    }

    /// `address` is where it listens.
    pub(super) async fn on_tcp(address: &str) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let far = Arc::new(Mutex::new(Far::new()));
        let served = Arc::clone(&far);
        let server = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let _ended: io::Result<()> = serve(stream, &served).await;
            }
        });
        Self {
            far,
            address,
            off: Arc::default(),
            server: Some(server),
        }
    }

    /// `address` is the path of the line.
    pub(super) fn on_pty() -> Self {
        let mut pty = Pty::open();
        let address = pty.path().display().to_string();
        let far = Arc::new(Mutex::new(Far::new()));
        let off = Arc::new(AtomicBool::new(false));
        let (served, stop) = (Arc::clone(&far), Arc::clone(&off));
        rustix::io::ioctl_fionbio(&pty.master, true).unwrap();
        std::thread::spawn(move || {
            let mut buffer = [0; 256];
            while !stop.load(Ordering::Acquire) && !served.lock().unwrap().is_cut() {
                let deaf = served.lock().unwrap().deaf;
                // Nobody has the other side open, or there is nothing to read.
                let count = if deaf {
                    0
                } else {
                    rustix::io::read(&pty.master, &mut buffer).unwrap_or(0)
                };
                let mut far = served.lock().unwrap();
                far.hear(&buffer[..count]);
                let answers = std::mem::take(&mut far.outbox);
                drop(far);
                pty.send(&answers);
                if count == 0 {
                    std::thread::sleep(GLANCE);
                }
            }
        });
        Self {
            far,
            address,
            off,
            server: None,
        }
    }

    pub(super) fn far(&self) -> MutexGuard<'_, Far> {
        self.far.lock().unwrap()
    }

    pub(super) async fn until(&self, wanted: impl Fn(&Far) -> bool) {
        let latest = Instant::now() + PATIENCE;
        while !wanted(&self.far()) {
            assert!(Instant::now() < latest, "in vain");
            sleep(GLANCE).await;
        }
    }
}

impl Drop for FarPrinter {
    fn drop(&mut self) {
        self.off.store(true, Ordering::Release);
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

async fn serve(mut stream: TcpStream, far: &Mutex<Far>) -> io::Result<()> {
    let mut buffer = [0; 256];
    loop {
        let deaf = far.lock().unwrap().deaf;
        let reading = async {
            if deaf {
                std::future::pending::<()>().await;
            }
            stream.read(&mut buffer).await
        };
        let read = timeout(GLANCE, reading).await;
        let count = match read {
            Ok(Ok(0)) => return Ok(()),
            Ok(count) => count?,
            Err(_) => 0,
        };
        let (answers, cut) = {
            let mut far = far.lock().unwrap();
            far.hear(&buffer[..count]);
            (std::mem::take(&mut far.outbox), far.is_cut())
        };
        stream.write_all(&answers).await?;
        if cut {
            return Ok(());
        }
    }
}
