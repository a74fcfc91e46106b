//! A printer on the USB printer class, or another device with two bulk endpoints, as a byte pipe: bytes out by one
//! endpoint, bytes back by the other, where there is one. It must not know what the bytes mean.
//!
//! The kernel's own driver for printers (`usblp`) is sent away for as long as the line is open and gets the printer
//! back afterwards. Opening and closing wait in the kernel and are done on threads that may wait; one printer's next
//! opening waits for its last closing.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use nusb::transfer::{Buffer, Bulk, ControlIn, ControlType, In, Out, Recipient, TransferError};
use nusb::{Device, Endpoint, ErrorKind, Interface, MaybeFuture as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep, timeout};

use super::error::DeviceError;
use super::find::{self, Class};
use super::holder;
use crate::book::Code;
use crate::config::devices::At;

/// Longest wait for an opening, the last closing before it included; a broken device can hang in the kernel.
const OPEN_MS_MAX: u64 = 5_000;
/// Given to the kernel at once, in bytes.
const CHUNK_BYTES: usize = 1_024;
/// Asked for at once, rounded up to whole packets, in bytes.
const READ_BYTES: usize = 512;
/// What a printer still wanted to say before it was opened comes within this.
const STALE_MS: u64 = 20;
/// Answers that are thrown away at opening; more is a printer that never falls silent.
const STALE_READS_MAX: usize = 64;
/// After an empty answer, before the next is asked for: some printers give nothing as fast as they are asked.
const EMPTY_PAUSE_MS: u64 = 10;
/// Longest wait for the port status.
const PORT_STATUS_MS_MAX: u64 = 500;
/// Longest wait for transfers that were called back.
const CALL_BACK_MS_MAX: u64 = 1_000;
/// The request of the printer class, and its interface protocol that carries IPP and no plain bytes.
const GET_PORT_STATUS: u8 = 1;
const IPP_OVER_USB: u8 = 4;

/// One printer's turn at being open: held from opening to the end of closing.
#[derive(Clone, Debug)]
pub(crate) struct Turn(Arc<Semaphore>);

impl Turn {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

/// An open printer.
pub(crate) struct UsbLine {
    /// `None` only while it is dropped.
    ends: Option<Ends>,
    received: Vec<u8>,
    taken: usize,
    unsent: usize,
    pause: Option<Pin<Box<Sleep>>>,
}

struct Ends {
    out: Endpoint<Bulk, Out>,
    back: Option<Endpoint<Bulk, In>>,
    interface: Interface,
    stalled: bool,
    turn: OwnedSemaphorePermit,
}

impl UsbLine {
    /// Finds the device and takes it for ourselves alone. `missing` is the code when it is not there.
    pub(crate) async fn open(
        at: &At,
        class: Class,
        turn: &Turn,
        missing: Code,
    ) -> Result<Self, DeviceError> {
        let wrong = |what: &str| DeviceError::new(missing, format!("{at}: {what}"));
        let place = at.clone();
        let opening = async {
            let turn = Arc::clone(&turn.0).acquire_owned().await.ok()?;
            let opening = tokio::task::spawn_blocking(move || {
                // A line that nobody waits for any more is closed as any other.
                Ends::open(&place, class, turn, missing).map(Self::of)
            });
            opening.await.ok()
        };
        let opened = timeout(Duration::from_millis(OPEN_MS_MAX), opening).await;
        opened
            .map_err(|_| wrong("opening hangs"))?
            .ok_or_else(|| wrong("opening failed"))?
    }

    fn of(ends: Ends) -> Self {
        Self {
            ends: Some(ends),
            received: Vec::new(),
            taken: 0,
            unsent: 0,
            pause: None,
        }
    }

    /// Whether the printer can say nothing on this line.
    pub(crate) fn is_one_way(&self) -> bool {
        self.ends.as_ref().is_some_and(|ends| ends.back.is_none())
    }

    /// Bytes that left us and that the printer has not taken yet.
    pub(crate) fn unsent(&self) -> usize {
        self.unsent
    }

    /// The byte by which the class says whether there is paper. A printer need not know it: `None`.
    pub(crate) async fn port_status(&self) -> io::Result<Option<u8>> {
        let Some(ends) = &self.ends else {
            return Err(closed());
        };
        let question = ControlIn {
            control_type: ControlType::Class,
            recipient: Recipient::Interface,
            request: GET_PORT_STATUS,
            value: 0,
            index: u16::from(ends.interface.interface_number()),
            length: 1,
        };
        let longest = Duration::from_millis(PORT_STATUS_MS_MAX);
        match ends.interface.control_in(question, longest).await {
            Ok(answer) => Ok(answer.first().copied()),
            Err(TransferError::Disconnected) => Err(TransferError::Disconnected.into()),
            Err(error) => {
                tracing::debug!(%error, "no port status");
                Ok(None)
            }
        }
    }

    /// Dropping the future loses nothing.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Err(error)) = self.poll_sent(cx) {
            return Poll::Ready(Err(error));
        }
        let Some(ends) = &mut self.ends else {
            return Poll::Ready(Err(closed()));
        };
        let Some(back) = &mut ends.back else {
            return Poll::Pending;
        };
        while self.taken == self.received.len() {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            if back.pending() == 0 {
                back.submit(buffer_for(back));
            }
            let done = ready!(back.poll_next_complete(cx));
            if let Err(error) = done.status {
                ends.stalled |= error == TransferError::Stall;
                return Poll::Ready(Err(error.into()));
            }
            self.taken = 0;
            self.received.clear();
            self.received.extend_from_slice(&done.buffer);
            if self.received.is_empty() {
                self.pause = Some(Box::pin(sleep(Duration::from_millis(EMPTY_PAUSE_MS))));
            }
        }
        let count = into.len().min(self.received.len() - self.taken);
        into[..count].copy_from_slice(&self.received[self.taken..self.taken + count]);
        self.taken += count;
        Poll::Ready(Ok(count))
    }

    /// What is there already; `None`: nothing.
    pub(crate) fn read_now(&mut self, into: &mut [u8]) -> io::Result<Option<usize>> {
        // Whoever waits next tells its own waker.
        match self.poll_read(&mut Context::from_waker(Waker::noop()), into) {
            Poll::Ready(read) => read.map(Some),
            Poll::Pending => Ok(None),
        }
    }

    /// Bytes count as written when the kernel has them; the printer has taken them when none is [`Self::unsent`].
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_sent(cx))?;
        let Some(ends) = &mut self.ends else {
            return Poll::Ready(Err(closed()));
        };
        let count = from.len().min(CHUNK_BYTES);
        ends.out.submit(Buffer::from(from[..count].to_vec()));
        self.unsent = count;
        Poll::Ready(Ok(count))
    }

    /// Whether the last bytes were taken.
    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(ends) = &mut self.ends else {
            return Poll::Ready(Err(closed()));
        };
        if ends.out.pending() == 0 {
            return Poll::Ready(Ok(()));
        }
        let done = ready!(ends.out.poll_next_complete(cx));
        if let Err(error) = done.status {
            // How much of it was taken is not known for sure; the rest is not sent again.
            ends.stalled |= error == TransferError::Stall;
            return Poll::Ready(Err(error.into()));
        }
        self.unsent = 0;
        Poll::Ready(Ok(()))
    }
}

impl Drop for UsbLine {
    /// Unsent bytes are thrown away.
    fn drop(&mut self) {
        let Some(ends) = self.ends.take() else { return };
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || ends.close())),
            Err(_) => ends.close(),
        }
    }
}

impl Ends {
    fn open(
        at: &At,
        class: Class,
        turn: OwnedSemaphorePermit,
        missing: Code,
    ) -> Result<Self, DeviceError> {
        let device = find::usb_interface(at, class, missing)?;
        let path = device.node.as_path();
        let wrong = |code, what: &dyn std::fmt::Display| {
            DeviceError::new(code, format!("{}: {what}", path.display()))
        };
        let file = OpenOptions::new().read(true).write(true).open(path);
        let file = file.map_err(|error| {
            let not_permitted = error.kind() == io::ErrorKind::PermissionDenied;
            let code = if not_permitted {
                Code::DevicePermission
            } else {
                missing
            };
            wrong(code, &error)
        })?;
        if let Some(node) = find::kernel_printer(&device) {
            refuse_if_in_use(&node)?;
        }
        let not_ours = |error: nusb::Error| {
            if error.kind() == ErrorKind::Busy {
                let holder = held_by(path);
                return wrong(Code::DeviceHeldElsewhere, &format_args!("{error}{holder}"));
            }
            wrong(missing, &error)
        };
        let opened = Device::from_fd(OwnedFd::from(file))
            .wait()
            .map_err(not_ours)?;
        let claimed = opened.detach_and_claim_interface(device.interface).wait();
        let interface = claimed.map_err(not_ours)?;
        let (setting, out, back) =
            endpoints(&interface).ok_or_else(|| wrong(missing, &"it takes no bytes"))?;
        if setting != interface.get_alt_setting() {
            interface
                .set_alt_setting(setting)
                .wait()
                .map_err(not_ours)?;
        }
        let out = interface.endpoint(out).map_err(not_ours)?;
        let back = back.map(|back| interface.endpoint(back)).transpose();
        let mut ends = Self {
            out,
            back: back.map_err(not_ours)?,
            interface,
            stalled: false,
            turn,
        };
        ends.drop_stale();
        Ok(ends)
    }

    /// What the printer said to whoever had it before. What was asked for and does not come stays asked for.
    fn drop_stale(&mut self) {
        let Some(back) = &mut self.back else { return };
        for _ in 0..STALE_READS_MAX {
            if back.pending() == 0 {
                back.submit(buffer_for(back));
            }
            match back.wait_next_complete(Duration::from_millis(STALE_MS)) {
                Some(done) if done.status.is_ok() && !done.buffer.is_empty() => {}
                Some(done) => {
                    if done.status == Err(TransferError::Stall) {
                        log_if_wrong(back.clear_halt().wait(), "a stall could not be cleared");
                    }
                    return;
                }
                None => return,
            }
        }
    }

    /// Waits in the kernel: for transfers that are called back, and for the driver that gets the printer again.
    fn close(self) {
        let Self {
            mut out,
            back,
            interface,
            stalled,
            turn,
        } = self;
        let longest = Duration::from_millis(CALL_BACK_MS_MAX);
        out.cancel_all();
        while out.pending() > 0 && out.wait_next_complete(longest).is_some() {}
        if stalled {
            log_if_wrong(out.clear_halt().wait(), "a stall could not be cleared");
        }
        drop(out);
        if let Some(mut back) = back {
            back.cancel_all();
            while back.pending() > 0 && back.wait_next_complete(longest).is_some() {}
            if stalled {
                log_if_wrong(back.clear_halt().wait(), "a stall could not be cleared");
            }
        }
        log_if_wrong(interface.release().wait(), "the printer is given back late");
        drop(turn);
    }
}

/// The setting, and its endpoints, that carry plain bytes; best one with a way back.
fn endpoints(interface: &Interface) -> Option<(u8, u8, Option<u8>)> {
    use nusb::descriptors::TransferType;
    use nusb::transfer::Direction;

    let of = |setting: &nusb::descriptors::InterfaceDescriptor<'_>, direction| {
        let mut endpoints = setting.endpoints();
        let bulk = endpoints.find(|endpoint| {
            endpoint.transfer_type() == TransferType::Bulk && endpoint.direction() == direction
        });
        bulk.map(|endpoint| endpoint.address())
    };
    let usable = interface.descriptors().filter_map(|setting| {
        if setting.protocol() == IPP_OVER_USB {
            return None;
        }
        let out = of(&setting, Direction::Out)?;
        Some((
            setting.alternate_setting(),
            out,
            of(&setting, Direction::In),
        ))
    });
    // The first of the best: a printer is left in the setting that it came up with where that will do.
    usable.reduce(|best, next| {
        if best.2.is_none() && next.2.is_some() {
            next
        } else {
            best
        }
    })
}

/// `usblp` lets one program have a printer: it would lose its paper to us.
fn refuse_if_in_use(node: &Path) -> Result<(), DeviceError> {
    match OpenOptions::new().read(true).write(true).open(node) {
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => Err(DeviceError::new(
            Code::DeviceHeldElsewhere,
            format!("{}: in use{}", node.display(), held_by(node)),
        )),
        // Not permitted to look is no reason to stay away.
        Ok(_) | Err(_) => Ok(()),
    }
}

fn held_by(path: &Path) -> String {
    let programs = holder::of(path).programs;
    let named: Vec<String> = programs.iter().map(ToString::to_string).collect();
    if named.is_empty() {
        String::new()
    } else {
        format!(" by {}", named.join(", "))
    }
}

fn buffer_for(back: &Endpoint<Bulk, In>) -> Buffer {
    let packet = back.max_packet_size().max(1);
    Buffer::new(READ_BYTES.div_ceil(packet) * packet)
}

fn log_if_wrong(done: Result<(), nusb::Error>, what: &str) {
    match done {
        Err(error) if error.kind() != ErrorKind::Disconnected => tracing::debug!(%error, "{what}"),
        Ok(()) | Err(_) => {}
    }
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::NotConnected, "the line is closed")
}
