//! A byte pipe to a device: a serial line, a TCP connection or a printer's endpoints on USB.
//!
//! Reading nothing means the far end is gone. Nothing here waits without a limit, and nothing flushes: on a
//! serial line that waits for the far end in the kernel, for ever when the printer stopped reading. It must
//! not know what the bytes mean.

use std::ffi::c_int;
use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::ioctl::{Getter, Opcode, ioctl};
use rustix::termios::{ControlModes, InputModes, OptionalActions, tcgetattr, tcsetattr};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_serial::{ClearBuffer, SerialPort as _, SerialPortBuilderExt as _, SerialStream};

use super::error::DeviceError;
use super::find::{self, Class};
use super::opening::{aside, close_aside};
use super::record::{Tap, Tapped};
use super::usb_line::{Turn, UsbLine};
use crate::book::Code;
use crate::config::devices::{At, Flow};

/// Longest wait for a TCP connection.
const TCP_CONNECT_MS_MAX: u64 = 3_000;
/// Longest wait for a serial line to open.
const SERIAL_OPEN_MS_MAX: u64 = 2_000;

/// The kernel's question for what a socket has not had confirmed, SIOCOUTQ, as most processors number it.
const UNCONFIRMED: Opcode = 0x5411;
#[cfg(any(
    target_arch = "mips64",
    target_arch = "powerpc64",
    target_arch = "sparc64"
))]
compile_error!("SIOCOUTQ has another number on this processor");

/// An open pipe.
pub(crate) struct Link {
    pipe: Pipe,
    /// Where it is listened to.
    tapped: Option<Tapped>,
    /// The far end cannot say that it can take no more.
    may_overrun: bool,
}

enum Pipe {
    Serial(SerialLine),
    Tcp(TcpStream),
    Usb(Box<UsbLine>),
}

/// A serial line, closed aside.
struct SerialLine {
    /// None while it is closed.
    stream: Option<SerialStream>,
    at: At,
}

/// What [`Link::exchange`] moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moved {
    /// So many bytes came; none: the far end is gone.
    Read(usize),
    /// So many bytes left.
    Wrote(usize),
}

impl Link {
    /// Opens a serial line, 8N1, raw, for ourselves alone. `missing` is the code when it is not there.
    pub(crate) async fn serial(
        at: &At,
        baud: u32,
        flow: Flow,
        missing: Code,
    ) -> Result<Self, DeviceError> {
        let wait_max = Duration::from_millis(SERIAL_OPEN_MS_MAX);
        let open = move |at: &At| open_serial(at, baud, flow, missing);
        let stream = aside(at, wait_max, missing, open).await?;
        Ok(Self {
            pipe: Pipe::Serial(SerialLine {
                stream: Some(stream),
                at: at.clone(),
            }),
            tapped: None,
            may_overrun: flow == Flow::None,
        })
    }

    /// Connects to `host:port`, at the latest by `deadline`.
    pub(crate) async fn tcp(address: &str, deadline: Instant) -> Result<Self, DeviceError> {
        let wrong = |what: &dyn std::fmt::Display| {
            DeviceError::new(Code::PrinterMissing, format!("{address}: {what}"))
        };
        let latest = Instant::now() + Duration::from_millis(TCP_CONNECT_MS_MAX);
        let connected = timeout_at(latest.min(deadline), TcpStream::connect(address)).await;
        let stream = connected
            .map_err(|_| wrong(&"no connection in time"))?
            .map_err(|e| wrong(&e))?;
        stream.set_nodelay(true).map_err(|e| wrong(&e))?;
        Ok(Self {
            pipe: Pipe::Tcp(stream),
            tapped: None,
            may_overrun: false,
        })
    }

    /// Opens the bulk endpoints of an interface of this class. `missing` is the code when it is not there.
    pub(crate) async fn usb(
        at: &At,
        class: Class,
        turn: &Turn,
        missing: Code,
    ) -> Result<Self, DeviceError> {
        let line = UsbLine::open(at, class, turn, missing).await?;
        Ok(Self {
            pipe: Pipe::Usb(Box::new(line)),
            tapped: None,
            may_overrun: false,
        })
    }

    /// Whether the far end can say nothing: questions are of no use.
    pub(crate) fn is_one_way(&self) -> bool {
        match &self.pipe {
            Pipe::Usb(line) => line.is_one_way(),
            Pipe::Serial(_) | Pipe::Tcp(_) => false,
        }
    }

    /// Whether bytes may be lost at a far end that cannot hold them: nothing stops them on their way.
    pub(crate) fn may_overrun(&self) -> bool {
        self.may_overrun
    }

    /// What a printer's port says beside the bytes; `None`: there is no such word.
    pub(crate) async fn port_status(&self) -> io::Result<Option<u8>> {
        match &self.pipe {
            Pipe::Usb(line) => line.port_status().await,
            Pipe::Serial(_) | Pipe::Tcp(_) => Ok(None),
        }
    }

    /// Lets it be listened to.
    pub(crate) fn tapped(mut self, tap: &Arc<Tap>) -> Self {
        self.tapped = Some(Tapped::open(tap, &[]));
        self
    }

    /// Waits for bytes. Zero: the far end is gone. Dropping the future loses nothing.
    pub(crate) async fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| self.poll_read(cx, into)).await
    }

    /// What is there already; `None`: nothing.
    pub(crate) fn read_now(&mut self, into: &mut [u8]) -> io::Result<Option<usize>> {
        let read = match &mut self.pipe {
            Pipe::Serial(line) => line.stream()?.try_read(into),
            Pipe::Tcp(stream) => stream.try_read(into),
            Pipe::Usb(line) => line
                .read_now(into)
                .and_then(|count| count.ok_or_else(|| io::ErrorKind::WouldBlock.into())),
        };
        match read {
            Ok(count) => {
                if let Some(tapped) = &self.tapped {
                    tapped.came(&into[..count]);
                }
                Ok(Some(count))
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Moves bytes in whichever direction goes first, reading before writing. With nothing to write it only
    /// reads. Dropping the future loses nothing.
    pub(crate) async fn exchange(&mut self, into: &mut [u8], from: &[u8]) -> io::Result<Moved> {
        poll_fn(|cx| {
            if let Poll::Ready(read) = self.poll_read(cx, into) {
                return Poll::Ready(read.map(Moved::Read));
            }
            if from.is_empty() {
                return Poll::Pending;
            }
            self.poll_write(cx, from)
                .map(|wrote| wrote.map(Moved::Wrote))
        })
        .await
    }

    /// Bytes that left us and still wait in this machine. TCP does not say: none.
    pub(crate) fn unsent(&self) -> usize {
        match &self.pipe {
            Pipe::Serial(line) => (line.stream.as_ref())
                .and_then(|stream| stream.bytes_to_write().ok())
                .and_then(|n| usize::try_from(n).ok())
                .unwrap_or(0),
            Pipe::Tcp(_) => 0,
            Pipe::Usb(line) => line.unsent(),
        }
    }

    /// Bytes that left us on TCP and that the far end's kernel has not confirmed; 0 for other pipes. What a connection
    /// that is gone was still owed stays: reading from it tells that it is gone.
    pub(crate) fn unacknowledged(&self) -> u64 {
        let Pipe::Tcp(stream) = &self.pipe else {
            return 0;
        };
        let count = unconfirmed(stream).unwrap_or(0);
        u64::try_from(count).unwrap_or(0)
    }

    /// Bytes that left us, the last ones, and that the far end cannot have. What is in the middle of a transfer on USB it
    /// may have. Serial lines of cdc-acm count each transfer as a whole buffer: only none is certain of them.
    pub(crate) fn beyond_its_reach(&self) -> usize {
        match &self.pipe {
            Pipe::Serial(_) => self.unsent(),
            Pipe::Tcp(_) => usize::try_from(self.unacknowledged()).unwrap_or(usize::MAX),
            Pipe::Usb(_) => 0,
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let read = match &mut self.pipe {
            Pipe::Serial(line) => poll_stream(Pin::new(line.stream()?), cx, into),
            Pipe::Tcp(stream) => poll_stream(Pin::new(stream), cx, into),
            Pipe::Usb(line) => line.poll_read(cx, into),
        };
        read.map_ok(|count| {
            if let Some(tapped) = &self.tapped {
                tapped.came(&into[..count]);
            }
            count
        })
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = match &mut self.pipe {
            Pipe::Serial(line) => Pin::new(line.stream()?).poll_write(cx, from),
            Pipe::Tcp(stream) => Pin::new(stream).poll_write(cx, from),
            Pipe::Usb(line) => line.poll_write(cx, from),
        };
        wrote.map_ok(|count| {
            if let Some(tapped) = &self.tapped {
                tapped.left(&from[..count]);
            }
            count
        })
    }
}

/// One answer of the kernel, without a wait.
fn unconfirmed(socket: &TcpStream) -> rustix::io::Result<c_int> {
    #[expect(
        unsafe_code,
        reason = "the kernel answers this question in no other way but its tables of all sockets"
    )]
    // SAFETY: asked of a socket of TCP, the kernel writes one int and nothing else.
    unsafe {
        ioctl(socket, Getter::<UNCONFIRMED, c_int>::new())
    }
}

fn poll_stream(
    stream: Pin<&mut impl AsyncRead>,
    cx: &mut Context<'_>,
    into: &mut [u8],
) -> Poll<io::Result<usize>> {
    let mut buffer = ReadBuf::new(into);
    let read = stream.poll_read(cx, &mut buffer);
    read.map_ok(|()| buffer.filled().len())
}

impl SerialLine {
    fn stream(&mut self) -> io::Result<&mut SerialStream> {
        let closed = || io::Error::from(io::ErrorKind::NotConnected);
        self.stream.as_mut().ok_or_else(closed)
    }
}

impl Drop for SerialLine {
    /// Closing waits in the kernel for unsent bytes, up to 30 s. They are thrown away, which adapters between USB and
    /// serial lines do not heed.
    fn drop(&mut self) {
        let Some(stream) = self.stream.take() else {
            return;
        };
        // Of a line that is gone nothing is waited for, and the kernel answers no question about it.
        if stream.bytes_to_write().is_err() {
            return;
        }
        close_aside(&self.at, move || {
            if let Err(error) = stream.clear(ClearBuffer::Output) {
                tracing::debug!(%error, "unsent bytes could not be thrown away");
            }
            stream
        });
    }
}

/// Finds and opens a line. Waits in the kernel: not for the threads that carry tasks.
fn open_serial(at: &At, baud: u32, flow: Flow, missing: Code) -> Result<SerialStream, DeviceError> {
    let path = find::find(at, Class::Tty, missing)?;
    refuse_console(&path, missing)?;
    let settings = line_settings(&path);
    let builder = tokio_serial::new(path.to_string_lossy(), baud);
    let stream = builder.open_native_async().map_err(|error| {
        let detail = format!("{}: {error}", path.display());
        DeviceError::new(why_not(&error, missing), detail)
    })?;
    let settings = settings.and_then(|line| set(&line, flow));
    settings.map_err(|error| {
        let detail = format!("{}: {error}", path.display());
        DeviceError::new(missing, detail)
    })?;
    Ok(stream)
}

/// A second way to a line's settings, opened before the line is taken for ourselves alone.
fn line_settings(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?)
}

/// A break, as a device that loses its power leaves one on its line, is no byte; the kernel would deliver a NUL.
///
/// The kernel heeds XOFF and XON and sends none: among the bytes of a picture they would be dots.
fn set(line: &OwnedFd, flow: Flow) -> io::Result<()> {
    let mut settings = tcgetattr(line)?;
    settings.input_modes |= InputModes::IGNBRK;
    settings.input_modes -= InputModes::BRKINT | InputModes::PARMRK;
    settings.input_modes -= InputModes::IXON | InputModes::IXOFF | InputModes::IXANY;
    settings.control_modes -= ControlModes::CRTSCTS;
    // An XOFF that an earlier owner left behind ends here.
    tcsetattr(line, OptionalActions::Now, &settings)?;
    match flow {
        Flow::None => return Ok(()),
        Flow::RtsCts => settings.control_modes |= ControlModes::CRTSCTS,
        Flow::XonXoff => settings.input_modes |= InputModes::IXON,
    }
    Ok(tcsetattr(line, OptionalActions::Now, &settings)?)
}

/// No permission and another owner are not the same as nothing there.
fn why_not(error: &tokio_serial::Error, missing: Code) -> Code {
    match error.kind() {
        tokio_serial::ErrorKind::Io(io::ErrorKind::PermissionDenied) => Code::DevicePermission,
        tokio_serial::ErrorKind::Io(io::ErrorKind::ResourceBusy) => Code::DeviceHeldElsewhere,
        tokio_serial::ErrorKind::NoDevice if error.description.contains("exclusive lock") => {
            Code::DeviceHeldElsewhere
        }
        tokio_serial::ErrorKind::NoDevice
        | tokio_serial::ErrorKind::InvalidInput
        | tokio_serial::ErrorKind::Unknown
        | tokio_serial::ErrorKind::Io(_) => missing,
    }
}

/// A console is where the system talks to its administrator; reading it would steal keys.
fn refuse_console(path: &Path, missing: Code) -> Result<(), DeviceError> {
    let wrong = |what: String| DeviceError::new(missing, format!("{}: {what}", path.display()));
    let real = path.canonicalize().map_err(|e| wrong(e.to_string()))?;
    let name = real
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let virtual_console = name
        .strip_prefix("tty")
        .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
    let active = std::fs::read_to_string("/sys/class/tty/console/active").unwrap_or_default();
    let in_dev = real.parent() == Some(Path::new("/dev"));
    if in_dev
        && (name == "console" || virtual_console || active.split_whitespace().any(|a| a == name))
    {
        return Err(wrong("is a system console".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::far_end::Pty;

    #[tokio::test]
    async fn a_console_is_never_opened() {
        for path in ["/dev/console", "/dev/tty", "/dev/tty0"] {
            let refused = Link::serial(
                &At::Path(path.into()),
                9_600,
                Flow::None,
                Code::ScannerMissing,
            )
            .await;
            assert_eq!(
                refused.err().map(|e| e.code),
                Some(Code::ScannerMissing),
                "{path}"
            );
        }
    }

    #[tokio::test]
    async fn a_break_is_no_byte() {
        let far = Pty::open();
        assert!(!far.ignores_breaks());
        let at = At::Path(far.path().into());
        let _link = Link::serial(&at, 9_600, Flow::None, Code::ScannerMissing)
            .await
            .unwrap();
        assert!(far.ignores_breaks());
    }

    #[tokio::test]
    async fn a_tcp_link_knows_what_the_far_end_has_not_taken() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let soon = Instant::now() + Duration::from_secs(10);
        let mut link = Link::tcp(&address, soon).await.unwrap();
        let (mut far, _) = listener.accept().await.unwrap();
        assert_eq!(link.unacknowledged(), 0);
        // More than both kernels hold for one that reads nothing.
        let much = vec![0; 1 << 20];
        let mut sent = 0;
        let wait = Duration::from_millis(200);
        let mut nothing = [0; 1];
        while let Ok(moved) = tokio::time::timeout(wait, link.exchange(&mut nothing, &much)).await {
            let Moved::Wrote(count) = moved.unwrap() else {
                panic!("nothing was sent");
            };
            sent += count;
        }
        assert!(link.unacknowledged() > 0, "of {sent}");
        let mut taken = vec![0; sent];
        tokio::io::AsyncReadExt::read_exact(&mut far, &mut taken)
            .await
            .unwrap();
        while link.unacknowledged() > 0 {
            assert!(Instant::now() < soon);
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_closed_far_end_reads_as_nothing() {
        let mut far = Pty::open();
        let mut link = Link::serial(
            &At::Path(far.path().into()),
            9_600,
            Flow::None,
            Code::ScannerMissing,
        )
        .await
        .unwrap();
        far.send(b"ab");
        let mut buffer = [0; 8];
        assert_eq!(link.read(&mut buffer).await.unwrap(), 2);
        assert_eq!(link.read_now(&mut buffer).unwrap(), None);
        drop(far);
        assert!(matches!(link.read(&mut buffer).await, Ok(0) | Err(_)));
    }
}
