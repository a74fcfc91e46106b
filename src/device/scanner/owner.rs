//! The task that owns a scanner's line: opens, reads, reopens, and gives a code to who is armed.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use zeroize::{Zeroize as _, Zeroizing};

use super::Scan;
use super::framing::{Frame, Framer};
use super::source::{End, Got, Missing, Source, Wire};
use super::sparse::Sparse;
use crate::book::Code;
use crate::config::devices::{At, Framing};
use crate::device::board::Board;
use crate::device::error::DeviceError;
use crate::device::event::What;
use crate::device::find::Known;
use crate::device::hint::Hint;
use crate::device::pause::Pause;

/// Most codes that one read can end: one byte each.
const CODES_A_READ_MAX: usize = 256;
/// Bytes that one read can give; a vector that never grows leaves no copies behind.
const READ_BYTES_MAX: usize = 8 * 1_024;
/// Reads that empty the line before arming; more is a line that never falls silent.
const DRAIN_READS_MAX: usize = 256;

/// Where the scanner is.
pub(crate) struct Line {
    pub(crate) at: At,
    pub(crate) wire: Wire,
    pub(crate) framing: Framing,
    /// Says when to look again.
    pub(crate) hint: Hint,
}

/// An order to listen.
pub(crate) struct Arm {
    /// Where codes go; closed: nobody is armed.
    pub(crate) sink: Sink,
    /// Told when the scanner listens.
    pub(crate) ready: oneshot::Sender<()>,
}

/// Where codes go.
pub(crate) enum Sink {
    /// The next one only.
    Next(oneshot::Sender<Read>),
    /// Each one, until the line goes away. While the channel is full the line is not read: what the scanner sends
    /// waits in the kernel.
    Each(mpsc::Sender<Read>),
}

/// What came of listening.
pub(crate) type Read = Result<Scan, DeviceError>;

impl Sink {
    fn is_closed(&self) -> bool {
        match self {
            Sink::Next(sender) => sender.is_closed(),
            Sink::Each(sender) => sender.is_closed(),
        }
    }

    async fn closed(&mut self) {
        match self {
            Sink::Next(sender) => sender.closed().await,
            Sink::Each(sender) => sender.closed().await,
        }
    }

    /// Whether all codes of one read can be given.
    fn has_room(&self) -> bool {
        match self {
            Sink::Next(_) => true,
            Sink::Each(sender) => sender.capacity() >= CODES_A_READ_MAX,
        }
    }

    /// Waits until they can.
    async fn room(&self) {
        if let Sink::Each(sender) = self {
            // An error says that nobody listens any more.
            drop(sender.reserve_many(CODES_A_READ_MAX).await);
        }
    }

    /// Whether somebody got it, and the sink for what comes after it.
    pub(crate) fn give(self, read: Read) -> (bool, Option<Sink>) {
        match self {
            Sink::Next(sender) => (sender.send(read).is_ok(), None),
            Sink::Each(sender) => match sender.try_send(read) {
                Ok(()) => (true, Some(Sink::Each(sender))),
                Err(_) => (false, None),
            },
        }
    }
}

enum Ended {
    HubGone,
    LineGone,
}

/// Owns the line until no handle is left.
pub(crate) async fn own(line: Line, board: Arc<Board>, mut orders: mpsc::Receiver<Arm>) {
    let mut pause = Pause::hinted(line.hint.clone());
    let mut known = Known::new(&line.at, line.wire.class());
    loop {
        let opened = match known.may_open().await {
            Ok(()) => Source::open(&line.at, line.wire, board.tap()).await,
            Err(error) => Err(error),
        };
        match opened {
            Ok(source) => {
                pause.reset();
                board.arrived();
                board.ready();
                let mut listener = Listener::new(source, &line, &board);
                let ended = tokio::select! {
                    ended = listener.listen(&mut orders) => ended,
                    never = known.watch(line.hint.clone(), &board) => match never {},
                };
                drop(listener);
                board.unplugged();
                if matches!(ended, Ended::HubGone) {
                    return;
                }
            }
            Err(error) => board.failed(&error),
        }
        let over = pause.over(&line.at);
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = &mut over => break,
                // Dropping the order tells its asker that nobody listens.
                order = orders.recv() => if order.is_none() { return },
            }
        }
    }
}

/// Owns lines that are opened elsewhere, one after the other.
#[cfg(test)]
pub(super) async fn listen_to(
    mut sources: mpsc::Receiver<Source>,
    line: Line,
    board: Arc<Board>,
    mut orders: mpsc::Receiver<Arm>,
) {
    loop {
        let source = tokio::select! {
            source = sources.recv() => source,
            order = orders.recv() => if order.is_some() { continue } else { return },
        };
        let Some(source) = source else { return };
        board.arrived();
        board.ready();
        let mut listener = Listener::new(source, &line, &board);
        let ended = listener.listen(&mut orders).await;
        drop(listener);
        board.unplugged();
        if matches!(ended, Ended::HubGone) {
            return;
        }
    }
}

struct Listener<'a> {
    source: Source,
    framer: Framer,
    board: &'a Board,
    framing: Framing,
    armed: Option<Sink>,
    ignored: Sparse,
    /// Codes that were not whole, for the log.
    spoilt: Sparse,
    buffer: Zeroizing<Vec<u8>>,
}

impl<'a> Listener<'a> {
    fn new(source: Source, line: &Line, board: &'a Board) -> Self {
        Self {
            source,
            framer: Framer::new(line.framing),
            board,
            framing: line.framing,
            armed: None,
            ignored: Sparse::default(),
            spoilt: Sparse::default(),
            buffer: Zeroizing::new(Vec::with_capacity(READ_BYTES_MAX)),
        }
    }

    async fn listen(&mut self, orders: &mut mpsc::Receiver<Arm>) -> Ended {
        loop {
            if self.armed.as_ref().is_some_and(|sink| !sink.has_room()) {
                self.wait_for_room(orders).await;
                continue;
            }
            let (gap_end, ignored_due) = (self.framer.gap_end(), self.ignored.at());
            let read = tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(order) => self.arm(order),
                    None => return Ended::HubGone,
                },
                read = self.source.read(&mut self.buffer) => read.map(Some),
                () = until(gap_end) => self.end_by_gap(),
                () = until(ignored_due) => {
                    let told = self.ignored.due(Instant::now());
                    self.say_ignored(told);
                    Ok(None)
                }
                () = disarmed(&mut self.armed) => { self.armed = None; Ok(None) }
            };
            match read {
                Ok(None) => {}
                Ok(Some(Got::Gone)) => return self.gone("the line ended"),
                Ok(Some(got)) => self.take(got),
                Err(error) => return self.gone(&error.to_string()),
            }
        }
    }

    /// The asker is slow: the line waits for it, and for nobody else's order.
    async fn wait_for_room(&mut self, orders: &mut mpsc::Receiver<Arm>) {
        let Some(sink) = &self.armed else { return };
        tokio::select! {
            biased;
            order = orders.recv() => match order.map(|order| self.arm(order)) {
                Some(Ok(_)) => {}
                // The next read says what is wrong with the line; without a hub nobody asks any more.
                Some(Err(_)) | None => self.armed = None,
            },
            () = sink.room() => if sink.is_closed() { self.armed = None },
        }
    }

    /// Whatever is on the line by now came before arming.
    fn arm(&mut self, order: Arm) -> std::io::Result<Option<Got>> {
        self.armed = None;
        for _ in 0..DRAIN_READS_MAX {
            match self.source.read_now(&mut self.buffer)? {
                Some(Got::Gone) => return Ok(Some(Got::Gone)),
                Some(got) => self.take(got),
                None => break,
            }
        }
        self.framer.skip_open();
        // An asker that went away meanwhile is noticed by its closed channel.
        if order.ready.send(()).is_ok() {
            self.armed = Some(order.sink);
        }
        Ok(None)
    }

    /// The timer fired; but a busy machine may have let bytes wait in the kernel, and then there was no gap.
    fn end_by_gap(&mut self) -> std::io::Result<Option<Got>> {
        let late = self.source.read_now(&mut self.buffer)?;
        if late.is_none()
            && let Some(frame) = self.framer.tick(Instant::now())
        {
            self.source.gap();
            self.deliver(frame);
        }
        Ok(late)
    }

    fn take(&mut self, got: Got) {
        let count = u64::try_from(self.buffer.len()).unwrap_or(0);
        self.board.count(|c| c.bytes_in += count);
        let now = Instant::now();
        let mut frames = Vec::new();
        let mut rest = self.buffer.as_slice();
        if let Got::Spoilt(spots) = &got {
            let mut begin = 0;
            for spot in spots {
                self.say_missing(spot.what);
                let (before, after) = rest.split_at(spot.at - begin);
                frames.extend(self.framer.push(before, now));
                self.framer.lost(now);
                (begin, rest) = (spot.at, after);
            }
        }
        frames.extend(self.framer.push(rest, now));
        match got {
            Got::Bytes(End::Here) => frames.extend(self.framer.end()),
            Got::Bytes(End::More) => self.framer.expect_more(now),
            Got::Bytes(End::Framing) | Got::Spoilt(_) | Got::Gone => {}
        }
        self.buffer.zeroize();
        for frame in frames {
            self.deliver(frame);
        }
    }

    fn say_missing(&self, what: Missing) {
        let device = self.board.name();
        match what {
            Missing::Dropped => {
                self.board.count(|c| c.losses += 1);
                tracing::warn!(device, "the scanner was not read in time: a code is lost");
            }
            Missing::MoreDropped => {}
            Missing::Unreadable => tracing::warn!(
                device,
                "a key of a layout that is not known: a code is lost"
            ),
        }
    }

    fn deliver(&mut self, frame: Frame) {
        let asker = match frame {
            Frame::Skipped => None,
            Frame::Code(_)
            | Frame::TooLong
            | Frame::OtherLength(_)
            | Frame::BrokenOff
            | Frame::Rest => self.armed.take(),
        };
        let Some(asker) = asker.filter(|asker| !asker.is_closed()) else {
            self.ignore();
            return;
        };
        let answer = match frame {
            Frame::Code(bytes) => {
                tracing::debug!(device = self.board.name(), bytes = bytes.len(), "code read");
                Ok(Scan { bytes })
            }
            Frame::BrokenOff => Err(self.broken_off()),
            // Whoever tried again too soon would wait for nothing; whoever did not, tries again.
            Frame::Rest => Err(self.rest()),
            Frame::OtherLength(length) => Err(self.other_length(length)),
            Frame::TooLong | Frame::Skipped => Err(DeviceError::new(
                Code::CodeUnknownKind,
                format!(
                    "{}: longer than {} bytes",
                    self.board.name(),
                    self.framing.length_max
                ),
            )),
        };
        // Who is armed is told of one that is too long or not whole; its bytes reach nobody.
        let is_code = answer.is_ok();
        let (given, armed) = asker.give(answer);
        self.armed = armed;
        if given && is_code {
            self.board.count(|c| c.codes += 1);
        } else {
            self.ignore();
        }
    }

    fn ignore(&mut self) {
        self.board.count(|c| c.codes_ignored += 1);
        let told = self.ignored.one(Instant::now());
        self.say_ignored(told);
    }

    fn say_ignored(&self, told: Option<u64>) {
        if let Some(count) = told {
            self.board.say(What::CodeIgnored { count });
        }
    }

    /// The person at the desk must scan again, in a second; whoever sets the desk up must know of a wrong terminator.
    fn broken_off(&mut self) -> DeviceError {
        let (device, gap_ms) = (self.board.name(), self.framing.gap_ms);
        let detail = format!("{device}: a code broke off: its end did not come within {gap_ms} ms");
        if let Some(codes) = self.spoilt.one(Instant::now()) {
            tracing::warn!(
                device,
                gap_ms,
                codes,
                "codes broke off; are terminator and baud rate right?"
            );
        }
        DeviceError::new(Code::CodeIncomplete, detail)
    }

    /// Its code was told as broken off, and the log has it.
    fn rest(&self) -> DeviceError {
        let device = self.board.name();
        let detail = format!(
            "{device}: it came so soon behind a code that broke off that it may be its rest"
        );
        DeviceError::new(Code::CodeIncomplete, detail)
    }

    /// Bytes were lost or won on the way, or it is a code of another kind: nobody knows which.
    fn other_length(&mut self, length: usize) -> DeviceError {
        let (device, wanted) = (self.board.name(), self.framing.length.unwrap_or_default());
        let detail = format!("{device}: a code of {length} bytes where all have {wanted}");
        if let Some(codes) = self.spoilt.one(Instant::now()) {
            tracing::warn!(device, length, wanted, codes, "codes of another length");
        }
        DeviceError::new(Code::CodeLengthDiffers, detail)
    }

    fn gone(&mut self, why: &str) -> Ended {
        let error = DeviceError::new(
            Code::ScannerUnplugged,
            format!("{}: {why}", self.board.name()),
        );
        let untold = self.ignored.rest();
        self.say_ignored(untold);
        self.board.failed(&error);
        self.framer.forget();
        if let Some(asker) = self.armed.take()
            && !asker.give(Err(error)).0
        {
            tracing::debug!("nobody waits for the code that will not come");
        }
        Ended::LineGone
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

async fn disarmed(armed: &mut Option<Sink>) {
    match armed {
        Some(asker) => asker.closed().await,
        None => std::future::pending().await,
    }
}
