//! The far ends of lines, for this folder's tests: a pty whose other side is ours.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// A line. Dropping it pulls the cable.
pub(super) struct Pty {
    master: OwnedFd,
    path: PathBuf,
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
        let slave = rustix::fs::open(&path, OFlags::RDWR | OFlags::NOCTTY, rustix::fs::Mode::empty());
        let slave = slave.unwrap();
        let mut settings = rustix::termios::tcgetattr(&slave).unwrap();
        settings.make_raw();
        let now = rustix::termios::OptionalActions::Now;
        rustix::termios::tcsetattr(&slave, now, &settings).unwrap();
        Self { master, path }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn send(&mut self, bytes: &[u8]) {
        let mut left = bytes;
        while !left.is_empty() {
            left = &left[rustix::io::write(&self.master, left).unwrap()..];
        }
    }
}
