//! What is said to systemd and what it hands over. Without systemd every word here is said to nobody.

use std::os::fd::{AsFd, FromRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::sockopt::{socket_acceptconn, socket_domain, socket_type};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, getsockname};
use sd_notify::NotifyState;

use super::Error;

/// Whether somebody supervises this process.
pub(super) fn is_supervised() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some()
}

/// How often it wants to hear that the loops turn; `None`: it does not.
pub(super) fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

/// Everything is replayed and the doors are open.
pub(super) fn ready(status: &str) {
    say(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// One line for a person who asks `systemctl status`.
pub(super) fn status(status: &str) {
    say(&[NotifyState::Status(status)]);
}

/// The configuration is read again; [`ready`] says that this is over.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => say(&[NotifyState::Reloading, now]),
        Err(_) => say(&[NotifyState::Reloading]),
    }
}

/// The end begins.
pub(super) fn stopping(status: &str) {
    say(&[NotifyState::Stopping, NotifyState::Status(status)]);
}

/// The loops turn.
pub(super) fn alive() {
    say(&[NotifyState::Watchdog]);
}

fn say(words: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(words) {
        tracing::debug!(%error, "the service manager does not hear");
    }
}

/// The sockets that systemd listens on for us.
#[derive(Debug, Default)]
pub(super) struct Passed {
    local: Option<(PathBuf, OwnedFd)>,
    /// One that is none of our doors, and its name.
    foreign: Option<(String, OwnedFd)>,
}

impl Passed {
    /// Takes what was handed over. Once, before anything else opens a file.
    ///
    /// # Errors
    /// What the environment says of it cannot be.
    pub(super) fn take() -> Result<Self, Error> {
        let failed = |source| Error::System {
            what: "what systemd handed over".to_owned(),
            source,
        };
        let mut passed = Self::default();
        for (fd, name) in sd_notify::listen_fds_with_names().map_err(failed)? {
            #[expect(
                unsafe_code,
                reason = "systemd opened it for this process, and nobody else takes it"
            )]
            // SAFETY: the protocol says that these numbers are open and ours; this is called once.
            let fd = unsafe { OwnedFd::from_raw_fd(fd) };
            match path_of(fd.as_fd()) {
                Some(path) if passed.local.is_none() => passed.local = Some((path, fd)),
                Some(_) | None => passed.foreign = Some((name, fd)),
            }
        }
        Ok(passed)
    }

    /// All that listen, once more: for callers who wait there if nobody is to serve them.
    pub(super) fn doors(&self) -> Vec<OwnedFd> {
        let local = self.local.iter().map(|(_, fd)| fd);
        let foreign = self.foreign.iter().map(|(_, fd)| fd);
        let doors = local.chain(foreign.filter(|fd| socket_acceptconn(*fd) == Ok(true)));
        doors.filter_map(|fd| fd.try_clone().ok()).collect()
    }

    /// The local socket, if it was handed over and callers can find it.
    ///
    /// # Errors
    /// It lies elsewhere than the configuration says, or there is one that is none of our doors: nobody would serve it,
    /// and who connects would wait for ever.
    pub(super) fn local(self, wanted: &Path) -> Result<Option<OwnedFd>, Error> {
        if let Some((name, _)) = self.foreign {
            let what = format!("the socket {name:?} is for no door of ours");
            return Err(Error::Passed(what));
        }
        let Some((path, fd)) = self.local else {
            return Ok(None);
        };
        if path == wanted {
            // Without its file nobody can come to it, however often this process starts.
            if path.exists() {
                return Ok(Some(fd));
            }
            tracing::warn!(path = %path.display(), "the socket of yibaod.socket is gone; here is another");
            return Ok(None);
        }
        let what = format!(
            "yibaod.socket listens on {} and [paths] socket is {}: make them the same, or disable yibaod.socket",
            path.display(),
            wanted.display()
        );
        Err(Error::Passed(what))
    }
}

/// Where a stream socket of this machine listens; `None`: it is something else.
fn path_of(fd: impl AsFd + Copy) -> Option<PathBuf> {
    let listens = socket_domain(fd).ok()? == AddressFamily::UNIX
        && socket_type(fd).ok()? == SocketType::STREAM
        && socket_acceptconn(fd).ok()?;
    if !listens {
        return None;
    }
    let address = SocketAddrUnix::try_from(getsockname(fd).ok()?).ok()?;
    let path = address.path()?;
    Some(PathBuf::from(path.to_string_lossy().into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_listening_stream_socket_is_a_door() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("door.sock");
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert_eq!(path_of(&listener), Some(path.clone()));
        let caller = std::os::unix::net::UnixStream::connect(&path).unwrap();
        assert_eq!(path_of(&caller), None);
        let datagrams = std::os::unix::net::UnixDatagram::unbound().unwrap();
        assert_eq!(path_of(&datagrams), None);
        let tcp = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        assert_eq!(path_of(&tcp), None);
        assert_eq!(path_of(&std::fs::File::open("/dev/null").unwrap()), None);
    }

    #[test]
    fn a_socket_elsewhere_is_an_error_that_names_both() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("door.sock");
        let passed = || Passed {
            foreign: None,
            local: Some((
                path.clone(),
                std::os::unix::net::UnixListener::bind(&path)
                    .unwrap()
                    .into(),
            )),
        };
        assert!(passed().local(&path).unwrap().is_some());
        std::fs::remove_file(&path).unwrap();
        let gone = passed();
        std::fs::remove_file(&path).unwrap();
        assert!(
            gone.local(&path).unwrap().is_none(),
            "the daemon makes its own"
        );
        let error = passed().local(Path::new("/run/other.sock")).unwrap_err();
        let told = error.to_string();
        assert!(
            told.contains("door.sock") && told.contains("/run/other.sock"),
            "{told}"
        );
        assert!(Passed::default().local(&path).unwrap().is_none());
    }
}
