//! A terminal pair with a stable name: the far end of a serial line.
//!
//! The device under test opens `link`, which points to the slave; this side holds the master. One
//! slave end stays open here, so that the master sees no hang-up while no client has it open and
//! raw mode survives the last close. Dropping it is pulling the plug: the client reads its end,
//! and the name is gone.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Gid, Mode, OFlags};
use rustix::io::Errno;
use rustix::pty::OpenptFlags;
use rustix::termios::OptionalActions;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Of a folder's mode: its group may list it and reach what is in it.
const GROUP_LOOKS: u32 = 0o050;

/// What the client has set on the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineSettings {
    /// Bits per second.
    pub speed: u32,
    /// RTS/CTS flow control.
    pub hardware_flow: bool,
    /// Raw: no echo, no line editing.
    pub raw: bool,
}

/// See the module docs.
#[derive(Debug)]
pub(super) struct Pty {
    master: AsyncFd<OwnedFd>,
    slave: OwnedFd,
    name: PathBuf,
    link: PathBuf,
}

impl Pty {
    /// Opens a pair and points `link` at it. Needs a running tokio runtime.
    pub(super) fn open(link: &Path) -> io::Result<Self> {
        let master =
            rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        rustix::pty::grantpt(&master)?;
        rustix::pty::unlockpt(&master)?;
        let name = rustix::pty::ptsname(&master, Vec::new())?;
        let name = Path::new(OsStr::from_bytes(name.as_bytes()));
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = rustix::fs::open(name, flags, Mode::empty())?;
        let mut settings = rustix::termios::tcgetattr(&slave)?;
        settings.make_raw();
        rustix::termios::tcsetattr(&slave, OptionalActions::Now, &settings)?;
        share(&slave, link)?;
        rustix::fs::fcntl_setfl(&master, OFlags::RDWR | OFlags::NONBLOCK)?;
        #[expect(
            deprecated,
            reason = "the replacement is an unsafe fn; an OwnedFd stays open while registered"
        )]
        let master = AsyncFd::with_interest(master, Interest::READABLE | Interest::WRITABLE)?;
        remove_link(link)?;
        std::os::unix::fs::symlink(name, link)?;
        Ok(Self {
            master,
            slave,
            name: name.to_owned(),
            link: link.to_owned(),
        })
    }

    /// Reads what the client wrote. Cancel-safe.
    pub(super) async fn read(&self, into: &mut [u8]) -> io::Result<usize> {
        self.master
            .async_io(Interest::READABLE, |fd| {
                Ok(rustix::io::read(fd, &mut *into)?)
            })
            .await
    }

    /// What the client wrote, as far as it has arrived; nothing is waited for.
    pub(super) fn read_now(&self, into: &mut [u8]) -> io::Result<usize> {
        match rustix::io::read(self.master.get_ref(), into) {
            Err(rustix::io::Errno::AGAIN) => Ok(0),
            other => Ok(other?),
        }
    }

    /// Writes all of it; waits while the client does not read.
    pub(super) async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = self
                .master
                .async_io(Interest::WRITABLE, |fd| Ok(rustix::io::write(fd, bytes)?))
                .await?;
            bytes = &bytes[written..];
        }
        Ok(())
    }

    pub(super) fn settings(&self) -> io::Result<LineSettings> {
        use rustix::termios::{ControlModes, LocalModes};
        let settings = rustix::termios::tcgetattr(&self.slave)?;
        Ok(LineSettings {
            speed: settings.output_speed(),
            hardware_flow: settings.control_modes.contains(ControlModes::CRTSCTS),
            raw: !settings
                .local_modes
                .intersects(LocalModes::ICANON | LocalModes::ECHO),
        })
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // The name may be another line's by now.
        let own = std::fs::read_link(&self.link).is_ok_and(|name| name == self.name);
        if own && let Err(error) = remove_link(&self.link) {
            tracing::warn!(%error, link = %self.link.display(), "a device link stays behind");
        }
    }
}

/// Who may look into the folder of the name may use the line too: a daemon under its own user.
fn share(slave: &OwnedFd, link: &Path) -> io::Result<()> {
    let Some(dir) = link.parent() else {
        return Ok(());
    };
    let dir = std::fs::metadata(dir)?;
    if dir.mode() & GROUP_LOOKS != GROUP_LOOKS {
        return Ok(());
    }
    match rustix::fs::fchown(slave, None, Some(Gid::from_raw(dir.gid()))) {
        Ok(()) => Ok(rustix::fs::fchmod(slave, Mode::from_raw_mode(0o660))?),
        // Of a group that is not ours: then it stays our own.
        Err(Errno::PERM) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn remove_link(link: &Path) -> io::Result<()> {
    match std::fs::remove_file(link) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
