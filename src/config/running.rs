//! Where the daemon that runs has its socket: it leaves a word of it in the folder that systemd makes for it, for a reload
//! that reads a configuration which says another already.

use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// What systemd calls the folder (RuntimeDirectory=), for the service and for its reload.
const DIR: &str = "RUNTIME_DIRECTORY";
const NAME: &str = "socket-path";
/// For everybody to read: whoever reloads may be another user.
const MODE: u32 = 0o644;

/// Leaves the word; none without such a folder.
///
/// # Errors
/// It cannot be written there.
pub fn leave(socket: &Path) -> io::Result<()> {
    let Some(dir) = dir() else {
        return Ok(());
    };
    let (path, fresh) = (dir.join(NAME), dir.join(format!("{NAME}.new")));
    let mut options = std::fs::File::options();
    options.write(true).create(true).truncate(true).mode(MODE);
    let mut file = options.open(&fresh)?;
    file.set_permissions(std::fs::Permissions::from_mode(MODE))?;
    file.write_all(socket.as_os_str().as_encoded_bytes())?;
    std::fs::rename(fresh, path)
}

/// The socket that the word names.
#[must_use]
pub fn socket() -> Option<PathBuf> {
    let said = std::fs::read_to_string(dir()?.join(NAME)).ok()?;
    let path = PathBuf::from(said);
    path.is_absolute().then_some(path)
}

/// Of several, the first is the one that is named first in the unit.
fn dir() -> Option<PathBuf> {
    let dirs = std::env::var(DIR).ok()?;
    let first = dirs.split(':').next().filter(|dir| !dir.is_empty());
    first.map(PathBuf::from)
}
