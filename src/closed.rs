//! A file with a secret in it: closed to everybody but its owner. What counts as closed is said here alone.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

/// Group and others.
const MODE_OTHERS: u32 = 0o077;
/// All that a mode says of rights, without the group's read bit.
const MODE_BUT_GROUP_READ: u32 = 0o7737;

/// Why a secret is not read.
#[derive(Debug, thiserror::Error)]
pub enum NotClosed {
    /// The system says no.
    #[error("cannot be read: {0}")]
    Unread(#[from] io::Error),
    /// A folder, a pipe, a device.
    #[error("not a plain file")]
    NotPlain,
    /// Others may read it.
    #[error("mode {mode:03o}: readable by others; set its mode to 0600")]
    Open {
        /// What it has.
        mode: u32,
    },
}

/// Opens a secret without ever waiting for it, as a pipe would have one wait.
///
/// # Errors
/// It cannot be read, is no plain file, or others can read it.
pub fn open(path: &Path) -> Result<File, NotClosed> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(io::Error::from)?;
    let file = File::from(file);
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(NotClosed::NotPlain);
    }
    match is_closed(found.mode(), found.uid(), found.gid()) {
        true => Ok(file),
        false => Err(NotClosed::Open {
            mode: found.mode() & 0o777,
        }),
    }
}

/// No right for group or others; but a credential of systemd, root's and read-only, lets the service in by an ACL, and
/// the mask of that shows as the group's read bit.
fn is_closed(mode: u32, uid: u32, gid: u32) -> bool {
    mode & MODE_OTHERS == 0 || (uid == 0 && gid == 0 && mode & MODE_BUT_GROUP_READ == 0o400)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_credential_of_systemd_is_closed_and_what_a_group_can_read_is_not() {
        for (mode, uid, gid, closed) in [
            (0o100_600, 990, 990, true),
            (0o100_400, 990, 990, true),
            (0o100_440, 0, 0, true),
            (0o100_440, 0, 990, false),
            (0o100_440, 990, 0, false),
            (0o100_640, 0, 0, false),
            (0o100_444, 0, 0, false),
            (0o104_440, 0, 0, false),
        ] {
            assert_eq!(is_closed(mode, uid, gid), closed, "{mode:o} {uid} {gid}");
        }
    }

    #[test]
    fn what_is_no_plain_file_is_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let closed = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&pipe, closed).unwrap();
        // Nobody writes: whoever waits for the pipe waits for ever.
        assert!(matches!(open(&pipe), Err(NotClosed::NotPlain)));
        assert!(matches!(open(dir.path()), Err(NotClosed::NotPlain)));
        let none = open(&dir.path().join("none"));
        assert!(matches!(none, Err(NotClosed::Unread(_))));
    }
}
