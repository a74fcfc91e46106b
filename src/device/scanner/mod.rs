//! Code scanners: who may listen, how codes are told apart. Bytes out; what they mean is not known here.
//!
//! A code goes to exactly one asker, and only to one that was armed when its first byte came.

mod framing;
pub(crate) mod hid;
pub(crate) mod keyboard;
pub(crate) mod owner;
mod redact;
mod source;
mod sparse;

#[cfg(test)]
mod opened;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use super::board::Board;
use super::error::DeviceError;
use super::queue::{Queue, Ticket};
use super::succession::takes_over;
use crate::book::Code;
use crate::config::devices::DeviceConfig;
use owner::{Arm, Read, Sink};
pub(crate) use redact::Codes;
pub(crate) use source::Wire;

/// A scanner that was just plugged in, or whose daemon just started, is waited for so long.
const ARRIVAL_MS_MAX: u64 = 2_000;
/// Orders to the owner that may wait; a lease has one at a time.
const ORDERS_MAX: usize = 4;
/// Codes that may wait for who listens to each one.
pub const CODES_WAITING_MAX: usize = 1_024;

/// Who asks for a device, for lists and events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The stream that asks.
    pub stream: String,
    /// What it wants to do.
    pub what: String,
    /// Whose stream it is, as its door knows the caller; empty: nobody's.
    pub by: String,
}

/// The bytes of one code, without its terminator. `Debug` shows the length only; wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Scan {
    /// As they came from the line, not decoded.
    pub bytes: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scan({} bytes)", self.bytes.len())
    }
}

/// The hub's side of one scanner.
#[derive(Clone)]
pub(crate) struct Scanner {
    pub(crate) board: Arc<Board>,
    pub(crate) queue: Arc<Queue>,
    orders: mpsc::Sender<Arm>,
}

impl Scanner {
    /// Starts the owner of a scanner. It ends when nobody holds a handle any more.
    pub(crate) fn start(
        config: &DeviceConfig,
        line: owner::Line,
        board: Arc<Board>,
        queue: Arc<Queue>,
    ) -> Self {
        tracing::debug!(device = %config.name, "scanner owned");
        let (scanner, mut inbox) = Self::over(Arc::clone(&board), queue);
        tokio::spawn(async move {
            if takes_over(&board, &mut inbox, |error| board.failed(error)).await {
                owner::own(line, board, inbox).await;
            }
        });
        scanner
    }

    /// The hub's side, and what whoever owns the line listens to.
    pub(crate) fn over(board: Arc<Board>, queue: Arc<Queue>) -> (Self, mpsc::Receiver<Arm>) {
        let (orders, inbox) = mpsc::channel(ORDERS_MAX);
        let scanner = Self {
            queue,
            board,
            orders,
        };
        (scanner, inbox)
    }

    pub(crate) async fn claim(
        &self,
        asker: Asker,
        deadline: Instant,
        place: watch::Sender<usize>,
    ) -> Result<ScannerLease, DeviceError> {
        let busy = |what: &str| {
            DeviceError::new(Code::ScannerBusy, format!("{}: {what}", self.board.name()))
        };
        let Some(mut ticket) = self.queue.join(asker, place) else {
            return Err(busy("too many wait already"));
        };
        if timeout_at(deadline, ticket.first()).await.is_err() {
            return Err(busy("not free in time"));
        }
        let reach = Reach {
            board: Arc::clone(&self.board),
            orders: self.orders.clone(),
        };
        let lease = ScannerLease {
            reach,
            armed: None,
            ticket,
        };
        lease.reach.wait_until_present(deadline).await?;
        Ok(lease)
    }
}

/// The right to one scanner. Dropping it disarms and frees the scanner at once.
pub struct ScannerLease {
    reach: Reach,
    armed: Option<oneshot::Receiver<Read>>,
    ticket: Ticket,
}

impl ScannerLease {
    /// Says until when at the latest it is held, for whoever looks.
    pub fn holds_until(&self, until: Instant) {
        self.ticket.holds_until(until);
    }

    /// Makes the scanner listen: what came before is dropped, the next code is kept for [`Self::read`].
    /// Returns when it listens, so that the patient is asked only then. Already armed: nothing changes.
    ///
    /// # Errors
    /// `SCANNER_MISSING`, or why it cannot be opened, when it is not there and does not come within two seconds.
    pub async fn arm(&mut self, deadline: Instant) -> Result<(), DeviceError> {
        if self.armed.is_some() {
            return Ok(());
        }
        self.reach.wait_until_present(deadline).await?;
        let (code, armed) = oneshot::channel();
        self.reach.order(Sink::Next(code), deadline).await?;
        self.armed = Some(armed);
        Ok(())
    }

    /// Makes the scanner listen for every code: what came before is dropped. The channel ends when the scanner
    /// goes away; its last word is `SCANNER_UNPLUGGED`. Arming or listening again ends it too. While it is full the
    /// scanner is not read. The lease can be used while this is waited for; it must be dropped with the lease.
    ///
    /// # Errors
    /// `SCANNER_MISSING` when it is not there and does not come within two seconds.
    pub fn listen(
        &mut self,
        deadline: Instant,
    ) -> impl Future<Output = Result<mpsc::Receiver<Read>, DeviceError>> + Send + use<> {
        self.armed = None;
        let reach = self.reach.clone();
        async move {
            reach.wait_until_present(deadline).await?;
            let (each, codes) = mpsc::channel(CODES_WAITING_MAX);
            reach.order(Sink::Each(each), deadline).await?;
            Ok(codes)
        }
    }

    /// Whether the scanner is there, and when that changes.
    #[must_use]
    pub fn presence(&self) -> watch::Receiver<bool> {
        self.reach.board.presence()
    }

    /// The desk's name for the scanner.
    #[must_use]
    pub fn device(&self) -> &str {
        self.reach.board.name()
    }

    /// The next code. Arms first unless armed. Dropping the future disarms.
    ///
    /// # Errors
    /// `NOBODY_SCANNED` at the deadline, `SCANNER_UNPLUGGED` when it goes away meanwhile, `SCANNER_MISSING`
    /// when it was not there, `CODE_UNKNOWN_KIND` for a code longer than the scanner's limit, `CODE_INCOMPLETE` for one
    /// that broke off, `CODE_LENGTH_DIFFERS` where all codes have one length and this one another.
    pub async fn read(&mut self, deadline: Instant) -> Result<Scan, DeviceError> {
        self.arm(deadline).await?;
        let Some(armed) = self.armed.take() else {
            return Err(self.reach.missing());
        };
        let read = timeout_at(deadline, armed).await;
        self.read_of(read)
    }

    /// [`Self::read`], but dropping the future loses nothing: the scanner stays armed, and what it reads is given
    /// to the next call. [`Self::disarm`] ends that.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn read_on(&mut self, deadline: Instant) -> Result<Scan, DeviceError> {
        self.arm(deadline).await?;
        let Some(armed) = &mut self.armed else {
            return Err(self.reach.missing());
        };
        let read = timeout_at(deadline, armed).await;
        self.armed = None;
        self.read_of(read)
    }

    /// Stops listening.
    pub fn disarm(&mut self) {
        self.armed = None;
    }

    fn read_of(
        &self,
        read: Result<Result<Read, oneshot::error::RecvError>, tokio::time::error::Elapsed>,
    ) -> Read {
        match read {
            Ok(Ok(code)) => code,
            Ok(Err(_)) => Err(self.reach.missing()),
            Err(_) => Err(DeviceError::new(
                Code::NobodyScanned,
                format!("{}: no code in time", self.device()),
            )),
        }
    }
}

/// The way to the task that owns the scanner's line.
#[derive(Clone)]
struct Reach {
    board: Arc<Board>,
    orders: mpsc::Sender<Arm>,
}

impl Reach {
    async fn order(&self, sink: Sink, deadline: Instant) -> Result<(), DeviceError> {
        let (ready, listening) = oneshot::channel();
        let asked = async {
            self.orders.send(Arm { sink, ready }).await.ok()?;
            listening.await.ok()
        };
        match timeout_at(deadline, asked).await {
            Ok(Some(())) => Ok(()),
            Ok(None) | Err(_) => Err(self.missing()),
        }
    }

    async fn wait_until_present(&self, deadline: Instant) -> Result<(), DeviceError> {
        let mut presence = self.board.presence();
        let latest = Instant::now() + Duration::from_millis(ARRIVAL_MS_MAX);
        let present = timeout_at(latest.min(deadline), presence.wait_for(|there| *there)).await;
        match present {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(self.missing()),
        }
    }

    /// Not there, or why it cannot be opened: plugging it in again does not help then.
    fn missing(&self) -> DeviceError {
        let (device, why) = (self.board.name(), self.board.why_missing());
        let detail = match why {
            Some(_) => format!("{device}: cannot be opened"),
            None => format!("{device}: not there"),
        };
        DeviceError::new(why.unwrap_or(Code::ScannerMissing), detail)
    }
}
