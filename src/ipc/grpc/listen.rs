//! The local socket: one owner, its mode, and who is at the other end of each connection.

use std::fs::{DirBuilder, File, Permissions, TryLockError};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::{
    DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _,
    PermissionsExt as _,
};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, Stream};
use interprocess::local_socket::tokio::{Listener, Stream as Line};
use interprocess::local_socket::traits::StreamCommon as _;
use interprocess::local_socket::traits::tokio::Listener as _;
use interprocess::local_socket::{GenericFilePath, ListenerOptions, ToFsName as _};
use interprocess::os::unix::local_socket::ListenerOptionsExt as _;
use interprocess::os::unix::uds_local_socket::tokio::Listener as ActivatedListener;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::server::Connected;

use super::authority::Mender;
use super::gate::{Gate, Pass};
use super::groups;
use crate::book::Code;
use crate::ipc::access::Caller;
use crate::ipc::half::{Far, Half, Running};
use crate::ipc::stall::{Begun, Cut};
use crate::operation::Failure;

/// After a failed `accept` – no more file descriptors, mostly – the door looks again this much later.
const ACCEPT_PAUSE_MS: u64 = 100;
/// How often it is looked whether a caller that sends nothing more is gone.
const GONE_LOOK_MS: u64 = 100;
/// Bytes read from a connection at once.
const READ_LENGTH: usize = 8_192;
/// Mode of the socket until, and unless, it belongs to its group.
const MODE_OWNER: u32 = 0o600;
/// Mode of the socket that belongs to its group.
const MODE_GROUP: u32 = 0o660;

/// Why the socket is not there.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Another daemon has it.
    #[error("another daemon holds {}", .0.display())]
    Held(PathBuf),
    /// A file of another kind lies where the socket should be. It is left alone.
    #[error("{} is there and is no socket", .0.display())]
    NoSocket(PathBuf),
    /// The system says no.
    #[error("cannot {what} {}", path.display())]
    Io {
        /// Doing what.
        what: &'static str,
        /// To what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A socket that listens. The lock file beside it says that its owner lives; the kernel lets go of it in a crash.
pub(super) struct Socket {
    // Dropped in this order: the socket's file goes while the lock is still held.
    listener: Listener,
    _lock: File,
}

impl Socket {
    /// Binds the socket. One that a crash left behind is replaced. It is open to `gid` when it can be given to it,
    /// else to its owner only. Must be called in a runtime.
    pub(super) fn bind(path: &Path, gid: Option<u32>) -> Result<Self, ListenError> {
        if let Some(dir) = path.parent() {
            let made = DirBuilder::new().recursive(true).mode(0o755).create(dir);
            made.map_err(said("make the directory", dir))?;
        }
        let lock = lock(path)?;
        match std::fs::symlink_metadata(path) {
            Ok(found) if !found.file_type().is_socket() => {
                return Err(ListenError::NoSocket(path.to_owned()));
            }
            Ok(_) => std::fs::remove_file(path).map_err(said("remove the stale socket", path))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(said("look at", path)(error)),
        }
        let name = path
            .to_fs_name::<GenericFilePath>()
            .map_err(said("name", path))?;
        let options = ListenerOptions::new().name(name).mode(MODE_OWNER);
        let listener = options.create_tokio().map_err(said("listen on", path))?;
        if let Some(gid) = gid {
            open_to(path, gid);
        }
        Ok(Self {
            listener,
            _lock: lock,
        })
    }

    /// Takes a socket that systemd listens on for us; its file, mode and group are systemd's. Must be called in a
    /// runtime.
    pub(super) fn adopt(path: &Path, passed: OwnedFd) -> Result<Self, ListenError> {
        let lock = lock(path)?;
        rustix::io::ioctl_fionbio(&passed, true)
            .map_err(|error| said("serve", path)(error.into()))?;
        let listener = ActivatedListener::try_from(passed).map_err(said("serve", path))?;
        Ok(Self {
            listener: listener.into(),
            _lock: lock,
        })
    }

    /// The connections, each with its caller. Those over the gate's limits are told so and closed.
    pub(super) fn connections(self, gate: Gate) -> impl Stream<Item = io::Result<Connection>> {
        stream::unfold((self, gate), |(socket, gate)| async move {
            loop {
                match socket.listener.accept().await {
                    Ok(line) => {
                        if let Some(connection) = Connection::new(line, &gate) {
                            return Some((Ok(connection), (socket, gate)));
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
                    }
                }
            }
        })
    }
}

fn said(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ListenError {
    let path = path.to_owned();
    move |source| ListenError::Io { what, path, source }
}

/// Locks the file beside the socket; what is told is the socket.
fn lock(socket_path: &Path) -> Result<File, ListenError> {
    let path = &socket_path.with_extension("lock");
    let opened = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        // A link somebody laid there would have us make or lock a file of theirs.
        .custom_flags(no_follow())
        .open(path);
    let file = opened.map_err(said("open", path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ListenError::Held(socket_path.to_owned())),
        Err(TryLockError::Error(error)) => Err(said("lock", path)(error)),
    }
}

fn no_follow() -> i32 {
    i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or_default()
}

/// Gives the socket to its group and only then opens it to that group.
fn open_to(path: &Path, gid: u32) {
    // Nothing is to be given where the daemon's own group is that one; there chown may be forbidden.
    let is_theirs = std::fs::symlink_metadata(path).is_ok_and(|socket| socket.gid() == gid);
    let given = match is_theirs {
        true => Ok(()),
        false => std::os::unix::fs::lchown(path, None, Some(gid)),
    };
    let given =
        given.and_then(|()| std::fs::set_permissions(path, Permissions::from_mode(MODE_GROUP)));
    if let Err(error) = given {
        tracing::warn!(%error, gid, "the socket stays with its owner: its group cannot have it");
    }
}

/// Who is at the other end, as the kernel says.
#[derive(Clone, Debug)]
pub(in crate::ipc) struct Local {
    /// Who.
    pub(in crate::ipc) caller: Caller,
    /// It is one too many, and only told so.
    pub(in crate::ipc) is_refused: bool,
    /// Where it is told that it made a request, or began HTTP/2: an eager client calls later.
    pub(in crate::ipc) begun: Begun,
    /// Where its calls on HTTP/1.1 are told.
    pub(in crate::ipc) running: Running,
}

/// One connection and who is at its other end.
pub(super) struct Connection {
    line: Half<Cut<Line>>,
    mender: Mender,
    local: Local,
    _pass: Arc<Pass>,
}

impl Connection {
    fn new(line: Line, gate: &Gate) -> Option<Self> {
        let credentials = line.peer_creds().ok()?;
        let (Some(uid), Some(gid)) = (credentials.euid(), credentials.egid()) else {
            let detail = "a connection without credentials was closed";
            gate.closed("nobody", None, &Failure::new(Code::NotAllowed, detail));
            return None;
        };
        let Line::UdSocket(socket) = &line;
        let caller = Caller::Uid {
            uid,
            gid,
            groups: groups::of_peer(socket.as_fd()),
            pid: credentials.pid(),
        };
        let (line, pass, is_refused) = match gate.connect(&caller) {
            Some(pass) => (Cut::new(line), Arc::new(pass), false),
            None => {
                let pass = gate.refuse_connection(&caller.to_string(), Some(&caller))?;
                (Cut::refused(line), pass, true)
            }
        };
        let begun = line.begun();
        let line = Half::new(line);
        let local = Local {
            caller,
            is_refused,
            begun,
            running: line.running(),
        };
        Some(Self {
            line,
            mender: Mender::default(),
            local,
            _pass: pass,
        })
    }

    fn line(self: Pin<&mut Self>) -> Pin<&mut Half<Cut<Line>>> {
        Pin::new(&mut self.get_mut().line)
    }
}

/// A caller that closes its socket hangs up; one that only sends nothing more does not.
impl Far for Line {
    fn gone(&self) -> Option<BoxFuture<'static, ()>> {
        let Line::UdSocket(socket) = self;
        // Its own, as the look outlives this borrow. It goes with the connection.
        let socket = socket.as_fd().try_clone_to_owned().ok()?;
        Some(Box::pin(async move {
            while !has_hung_up(&socket) {
                tokio::time::sleep(Duration::from_millis(GONE_LOOK_MS)).await;
            }
        }))
    }
}

fn has_hung_up(socket: &OwnedFd) -> bool {
    let mut look = [PollFd::new(socket, PollFlags::empty())];
    let looked = poll(&mut look, Some(&Timespec::default()));
    looked.is_err() || look.iter().any(|it| it.revents().contains(PollFlags::HUP))
}

impl Connected for Connection {
    type ConnectInfo = Local;

    fn connect_info(&self) -> Local {
        self.local.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let connection = self.get_mut();
        while !connection.mender.is_ready() {
            let mut bytes = [0; READ_LENGTH];
            let mut read = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut connection.line).poll_read(cx, &mut read))?;
            if read.filled().is_empty() {
                connection.mender.end();
                break;
            }
            connection.mender.put(read.filled());
            if connection.mender.is_http2() {
                connection.local.begun.tell();
            }
        }
        buf.put_slice(connection.mender.take(buf.remaining()));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.line().poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.line().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.line.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.line().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.line().poll_shutdown(cx)
    }
}
