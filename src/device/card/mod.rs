//! Card readers: 社保卡 by pcscd through the program `yibao-card`, 居民身份证 readers on serial lines. One shape of
//! answer whatever the medium.
//!
//! A card is read only for an asker that is armed, and goes to exactly one. A card that lies in the reader already
//! counts: it is the state of the reader that is asked, not a moment. A card that could not be read is not tried
//! again for the same asker until it was taken out.
//!
//! What is read wants no PIN of most cards. One that wants it is given it by the reader's own keypad (`pin`), when
//! the configuration says so; no PIN passes through here.
//!
//! ```text
//! CardLease ── Order ─► pcsc::own ── host ─► yibao-card ─► pcscd      (frame: what both sides say)
//!                       resident::own ── link ─► the line             (sam: the readers' frames)
//! ```

mod fields;
pub mod frame;
mod host;
pub(crate) mod kinds;
pub(crate) mod look;
pub(crate) mod pcsc;
mod pcsc_redact;
mod pin;
pub(crate) mod resident;
mod sam;
mod sam_redact;
mod shown;
mod social;
#[cfg(test)]
mod tests;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout_at};

use self::resident::{Line, Wire};
use super::board::Board;
use super::error::DeviceError;
use super::queue::{Queue, Ticket};
use super::scanner::Asker;
use super::succession::takes_over;
use super::usb_line::Turn;
use crate::book::Code;
use crate::config::devices::{At, DeviceConfig, Kind};

pub(crate) use pcsc_redact::CardTalk;
pub(crate) use sam_redact::Frames;
pub use shown::{Medium, Photo, Resident, ShownCard};
pub use trouble::Failure;

/// A reader that was just plugged in, or whose daemon just started, is waited for so long.
const ARRIVAL_MS_MAX: u64 = 2_000;
/// Orders to the owner that may wait; a lease has one at a time.
const ORDERS_MAX: usize = 4;
/// An owner that reads answers by the deadline; this is what it may be late.
const LATE_MS_MAX: u64 = 700;
/// Longest reading of one card.
const READ_MS_MAX: u64 = 8_000;

/// Reads what frames of a 居民身份证 reader say, for tests of what is told of them.
#[cfg(test)]
pub(crate) fn test_framer() -> impl FnMut(&[u8]) -> Option<ShownCard> {
    let mut framer = sam::Framer::default();
    move |bytes| sam::document(&framer.push(bytes)?.ok()?.data).ok()
}

/// A reader of pcscd behind this program, for tests that play its part.
#[cfg(test)]
pub(crate) fn start_with(
    program: std::path::PathBuf,
    reader: Option<String>,
    keypad: Option<crate::config::keypad::Keypad>,
    board: Arc<Board>,
) -> CardReader {
    let queue = Queue::new(Arc::clone(&board), 4);
    let (card_reader, bench, orders) = CardReader::new(board, &[Medium::SocialCard], queue);
    let layout = kinds::layout(None).expect("there is a first one");
    let place = pcsc::Place {
        program,
        reader,
        layout,
        keypad,
    };
    tokio::spawn(pcsc::own(place, bench, orders));
    card_reader
}

/// An order to read the next card.
pub(crate) struct Order {
    /// What may be shown.
    pub(crate) wanted: Vec<Medium>,
    /// The asker had a card before that could not be read: that one must be taken out first.
    pub(crate) is_again: bool,
    /// When the answer must be there.
    pub(crate) deadline: Instant,
    /// Where the card goes; closed: nobody is armed.
    pub(crate) answer: oneshot::Sender<Result<ShownCard, Failure>>,
    /// Told when cards are read.
    pub(crate) ready: oneshot::Sender<()>,
}

/// Starts the owner of a card reader. It ends when nobody holds a handle any more.
pub(crate) fn start(config: &DeviceConfig, board: Arc<Board>, queue: Arc<Queue>) -> CardReader {
    match &config.kind {
        Kind::IdCardSerial { at, baud } => resident_reader(at, Wire::Serial(*baud), board, queue),
        Kind::IdCardUsb { at } => resident_reader(at, Wire::Usb(Turn::new()), board, queue),
        Kind::PcscReader {
            reader: wanted,
            keypad,
        } => {
            let (reader, bench, mut orders) = CardReader::new(board, &[Medium::SocialCard], queue);
            // The configuration was checked before; see quirks.
            if let Some(layout) = kinds::layout(config.model.as_deref()) {
                let place = pcsc::Place::beside(wanted.clone(), layout, keypad.clone());
                tokio::spawn(async move {
                    if bench.takes_over(&mut orders).await {
                        pcsc::own(place, bench, orders).await;
                    }
                });
            }
            reader
        }
        // Nobody owns it: every claim is told that there is no reader.
        Kind::SerialScanner { .. }
        | Kind::HidScanner { .. }
        | Kind::KeyboardScanner { .. }
        | Kind::EscPosTcp { .. }
        | Kind::EscPosSerial { .. }
        | Kind::EscPosUsb { .. }
        | Kind::Queue(_) => CardReader::new(board, &[], queue).0,
    }
}

fn resident_reader(at: &At, wire: Wire, board: Arc<Board>, queue: Arc<Queue>) -> CardReader {
    let (reader, bench, mut orders) = CardReader::new(board, &[Medium::ResidentId], queue);
    let line = Line {
        at: at.clone(),
        wire,
    };
    tokio::spawn(async move {
        if bench.takes_over(&mut orders).await {
            resident::own(line, bench, orders).await;
        }
    });
    reader
}

/// What an owner tells of its reader.
pub(crate) struct Bench {
    pub(crate) board: Arc<Board>,
    presence: watch::Sender<Result<(), Code>>,
    /// Who wants to look at the reader itself.
    pub(crate) looks: look::Looks,
}

impl Bench {
    /// Waits until those that were in this place before are through. `false`: nobody wants the reader any more.
    async fn takes_over(&self, orders: &mut mpsc::Receiver<Order>) -> bool {
        takes_over(&self.board, orders, |error| self.is_gone(error)).await
    }

    /// The reader can be used.
    pub(crate) fn is_there(&self) {
        if !self.is_present() {
            // The board first: whoever gets the reader then is not told once more that it came.
            self.board.arrived();
            self.board.ready();
            self.presence.send_modify(|presence| *presence = Ok(()));
        }
    }

    /// Whether it can be used, as far as is known.
    pub(crate) fn is_present(&self) -> bool {
        self.presence.borrow().is_ok()
    }

    /// The reader cannot be used, and why.
    pub(crate) fn is_gone(&self, error: &DeviceError) {
        self.presence
            .send_modify(|presence| *presence = Err(error.code));
        self.board.card(false);
        self.board.unplugged();
        self.board.failed(error);
    }

    /// Gives an asker what became of a card.
    pub(crate) fn answer(&self, order: Order, read: Result<ShownCard, Failure>) {
        match &read {
            Ok(shown) => {
                tracing::debug!(device = self.board.name(), kind = shown.kind, "card read");
                self.board.count(|c| c.cards += 1);
            }
            Err(failure) => {
                self.board.failed(failure.as_error());
                self.board.count(|c| c.cards_failed += 1);
            }
        }
        if order.answer.send(read).is_err() {
            tracing::debug!(
                device = self.board.name(),
                "nobody waits for the card any more"
            );
        }
    }
}

/// Whether nobody waits for this order any more; waits until then.
pub(crate) async fn disarmed(armed: &mut Option<Order>) {
    match armed {
        Some(order) => order.answer.closed().await,
        None => std::future::pending().await,
    }
}

/// The hub's side of one card reader.
#[derive(Clone)]
pub(crate) struct CardReader {
    pub(crate) queue: Arc<Queue>,
    pub(crate) media: &'static [Medium],
    board: Arc<Board>,
    presence: watch::Receiver<Result<(), Code>>,
    orders: mpsc::Sender<Order>,
    looks: mpsc::Sender<look::Reply>,
}

impl CardReader {
    /// A reader whose owner is started with what this gives back.
    pub(crate) fn new(
        board: Arc<Board>,
        media: &'static [Medium],
        queue: Arc<Queue>,
    ) -> (Self, Bench, mpsc::Receiver<Order>) {
        let (orders, inbox) = mpsc::channel(ORDERS_MAX);
        let (presence, present) = watch::channel(Err(Code::CardReaderMissing));
        let (asks, looks) = look::pair();
        let bench = Bench {
            board: Arc::clone(&board),
            presence,
            looks,
        };
        let reader = Self {
            queue,
            media,
            board,
            presence: present,
            orders,
            looks: asks,
        };
        (reader, bench, inbox)
    }

    pub(crate) async fn claim(
        &self,
        asker: Asker,
        deadline: Instant,
        place: watch::Sender<usize>,
    ) -> Result<CardLease, DeviceError> {
        let busy = |what: &str| {
            let detail = format!("{}: {what}", self.board.name());
            DeviceError::new(Code::CardReaderBusy, detail)
        };
        let Some(mut ticket) = self.queue.join(asker, place) else {
            return Err(busy("too many wait already"));
        };
        if timeout_at(deadline, ticket.first()).await.is_err() {
            return Err(busy("not free in time"));
        }
        let mut lease = CardLease {
            board: Arc::clone(&self.board),
            presence: self.presence.clone(),
            orders: self.orders.clone(),
            media: self.media,
            armed: None,
            has_failed: false,
            ticket,
        };
        lease.wait_until_present(deadline).await?;
        Ok(lease)
    }
}

/// The right to one card reader. Dropping it disarms and frees the reader at once.
pub struct CardLease {
    board: Arc<Board>,
    presence: watch::Receiver<Result<(), Code>>,
    orders: mpsc::Sender<Order>,
    media: &'static [Medium],
    armed: Option<(Instant, oneshot::Receiver<Result<ShownCard, Failure>>)>,
    has_failed: bool,
    ticket: Ticket,
}

impl CardLease {
    /// Says until when at the latest it is held, for whoever looks.
    pub fn holds_until(&self, until: Instant) {
        self.ticket.holds_until(until);
    }

    /// Makes the reader read: the card that lies in it, or the next one. Returns when it does. Already armed:
    /// nothing changes.
    ///
    /// # Errors
    /// Why there is no reader that can be used; it is waited for two seconds.
    pub async fn arm(&mut self, wanted: &[Medium], deadline: Instant) -> Result<(), DeviceError> {
        if self.armed.is_some() {
            return Ok(());
        }
        self.wait_until_present(deadline).await?;
        let (answer, armed) = oneshot::channel();
        let (ready, reading) = oneshot::channel();
        let order = Order {
            wanted: wanted.to_vec(),
            is_again: self.has_failed,
            deadline,
            answer,
            ready,
        };
        let asked = async {
            self.orders.send(order).await.ok()?;
            reading.await.ok()
        };
        match timeout_at(deadline, asked).await {
            Ok(Some(())) => {
                self.armed = Some((deadline, armed));
                Ok(())
            }
            Ok(None) | Err(_) => Err(self.missing()),
        }
    }

    /// The card that was armed for. Dropping the future loses nothing: the reader stays armed, and what it reads is
    /// given to the next call. [`Self::disarm`], or dropping the lease, ends that.
    ///
    /// # Errors
    /// `NOBODY_SHOWED_CARD` at the deadline; else why the card was not read or what became of the reader.
    pub async fn read(&mut self) -> Result<ShownCard, Failure> {
        let Some((deadline, armed)) = &mut self.armed else {
            return Err(Failure::Reader(self.missing()));
        };
        let latest = *deadline + Duration::from_millis(LATE_MS_MAX);
        let read = timeout_at(latest, armed).await;
        self.armed = None;
        let read = match read {
            Ok(Ok(read)) => read,
            Ok(Err(_)) => Err(Failure::Reader(self.missing())),
            Err(_) => Err(Failure::reader(
                Code::NobodyShowedCard,
                format!("{}: no card in time", self.board.name()),
            )),
        };
        self.has_failed |= matches!(read, Err(Failure::Card(_)));
        read
    }

    /// Stops reading.
    pub fn disarm(&mut self) {
        self.armed = None;
    }

    /// Another asker reads under this lease: the card that could not be read before is tried again for it.
    pub(crate) fn begin_anew(&mut self) {
        self.disarm();
        self.has_failed = false;
    }

    /// Whether the reader reads one of these.
    pub(crate) fn reads(&self, wanted: &[Medium]) -> bool {
        self.media.iter().any(|medium| wanted.contains(medium))
    }

    /// Whether the reader is there, and when that changes.
    #[must_use]
    pub fn presence(&self) -> watch::Receiver<bool> {
        self.board.presence()
    }

    /// The desk's name for the reader.
    #[must_use]
    pub fn device(&self) -> &str {
        self.board.name()
    }

    async fn wait_until_present(&mut self, deadline: Instant) -> Result<(), DeviceError> {
        let latest = Instant::now() + Duration::from_millis(ARRIVAL_MS_MAX);
        let there = self.presence.wait_for(Result::is_ok);
        let there = timeout_at(latest.min(deadline), there).await;
        if matches!(there, Ok(Ok(_))) {
            return Ok(());
        }
        drop(there);
        Err(self.missing())
    }

    /// Why it cannot be used. One that is there and takes no order is silent.
    fn missing(&self) -> DeviceError {
        let code = (*self.presence.borrow())
            .err()
            .unwrap_or(Code::CardReaderSilent);
        DeviceError::new(code, format!("{}: cannot be used", self.board.name()))
    }
}
