//! What is known of one device, for lists and watchers. Owners write, everybody reads; nobody waits here.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::error::DeviceError;
use super::event::{EventLog, What, now_ms};
pub use super::info::{Counters, DeviceInfo, DeviceState, Holder};
use super::info::{kept_closed, why_missing};
use super::printer::{Paper, PrinterState};
use super::record::Tap;
use crate::book::Code;
use crate::config::devices::{DeviceConfig, Kind};

/// The kernel tells of a device before udev has set who may open it: a refusal that is over by then is none.
const REFUSED_MS_MIN: u64 = 1_000;

/// One device's row, shared by its owner and the hub.
pub(crate) struct Board {
    config: DeviceConfig,
    /// Those that were in its place before the configuration changed.
    before: Vec<Weak<Board>>,
    events: Arc<EventLog>,
    inside: Mutex<Inside>,
    present: watch::Sender<bool>,
    tap: Arc<Tap>,
}

struct Inside {
    state: DeviceState,
    counters: Counters,
    last_error: Option<(Code, u64)>,
    /// Since when we are not permitted to open it.
    refused_at: Option<Instant>,
    printer: Option<PrinterState>,
    heard_at: Option<Instant>,
    is_silent: bool,
    has_card: bool,
    readers: Option<Vec<String>>,
}

/// What is known of a device that cannot be asked, since a job is on its way to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    /// How long ago the last byte of it came; `None`: none ever did.
    pub(crate) ago: Option<Duration>,
    /// It did not answer a question of this job, and nothing came since.
    pub(crate) is_silent: bool,
    /// What it said last.
    pub(crate) state: Option<PrinterState>,
}

impl Board {
    #[cfg(test)]
    pub(crate) fn new(config: DeviceConfig, events: Arc<EventLog>) -> Self {
        Self::behind(config, events, Vec::new())
    }

    /// One that goes on behind these.
    pub(crate) fn behind(
        config: DeviceConfig,
        events: Arc<EventLog>,
        before: Vec<Weak<Board>>,
    ) -> Self {
        let state = match config.kind {
            Kind::EscPosTcp { .. } => DeviceState::Closed,
            Kind::SerialScanner { .. }
            | Kind::HidScanner { .. }
            | Kind::KeyboardScanner { .. }
            | Kind::EscPosSerial { .. }
            | Kind::EscPosUsb { .. }
            | Kind::PcscReader { .. }
            | Kind::IdCardSerial { .. }
            | Kind::IdCardUsb { .. }
            | Kind::Queue(_) => DeviceState::Missing,
        };
        let counters = Counters::default();
        let inside = Inside {
            state,
            counters,
            last_error: None,
            refused_at: None,
            printer: None,
            heard_at: None,
            is_silent: false,
            has_card: false,
            readers: None,
        };
        Self {
            config,
            before,
            events,
            inside: Mutex::new(inside),
            present: watch::Sender::new(false),
            tap: Arc::default(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.config.name
    }

    /// Where its lines are listened to.
    pub(crate) fn tap(&self) -> &Arc<Tap> {
        &self.tap
    }

    /// How the configuration says it is.
    pub(crate) fn config(&self) -> &DeviceConfig {
        &self.config
    }

    pub(crate) fn say(&self, what: What) {
        self.events.say(&self.config.name, what);
    }

    pub(crate) fn count(&self, change: impl FnOnce(&mut Counters)) {
        change(&mut self.lock().counters);
    }

    /// So many bytes came from it.
    pub(crate) fn came(&self, bytes: usize) {
        let mut inside = self.lock();
        inside.counters.bytes_in += u64::try_from(bytes).unwrap_or(0);
        inside.heard_at = Some(Instant::now());
        inside.is_silent = false;
    }

    /// A question of a job was not answered in its time.
    pub(crate) fn unanswered(&self) {
        self.lock().is_silent = true;
    }

    pub(crate) fn heard(&self) -> Heard {
        let inside = self.lock();
        Heard {
            ago: inside.heard_at.map(|at| at.elapsed()),
            is_silent: inside.is_silent,
            state: inside.printer,
        }
    }

    /// Whether the line is open. A scanner's askers wait on it.
    pub(crate) fn presence(&self) -> watch::Receiver<bool> {
        self.present.subscribe()
    }

    pub(crate) fn arrived(&self) {
        self.count(|c| c.opened += 1);
        self.say(What::Arrived);
        tracing::info!(device = self.name(), "line opened");
    }

    pub(crate) fn ready(&self) {
        let mut inside = self.lock();
        inside.refused_at = None;
        let before = std::mem::replace(&mut inside.state, DeviceState::Ready);
        drop(inside);
        if before != DeviceState::Ready {
            self.say(What::Ready);
        }
        self.present.send_replace(true);
    }

    pub(crate) fn busy(&self) {
        let mut inside = self.lock();
        inside.state = DeviceState::Busy;
        inside.is_silent = false;
        inside.counters.jobs += 1;
        drop(inside);
        self.say(What::Busy);
    }

    /// The device is not looked at from here on: the line was closed on purpose.
    pub(crate) fn closed(&self) {
        let before = std::mem::replace(&mut self.lock().state, DeviceState::Closed);
        if before != DeviceState::Closed {
            self.say(What::Closed);
        }
    }

    pub(crate) fn unplugged(&self) {
        self.present.send_replace(false);
        let before = std::mem::replace(&mut self.lock().state, DeviceState::Missing);
        if before != DeviceState::Missing {
            self.say(What::Unplugged);
            tracing::warn!(device = self.name(), "line went away");
        }
    }

    /// It is in trouble. What udev may be about to mend is told when it lasts.
    pub(crate) fn failed(&self, error: &DeviceError) {
        if error.code == Code::DeviceHeldElsewhere && self.is_held_before() {
            return self.told(&self.still_used());
        }
        let is_refused = error.code == Code::DevicePermission;
        let now = Instant::now();
        let mut inside = self.lock();
        let since = inside.refused_at.filter(|_| is_refused).unwrap_or(now);
        inside.refused_at = is_refused.then_some(since);
        drop(inside);
        if is_refused && now - since < Duration::from_millis(REFUSED_MS_MIN) {
            tracing::debug!(device = self.name(), detail = %error.detail, "not permitted yet");
            return;
        }
        self.told(error);
    }

    fn told(&self, error: &DeviceError) {
        self.tap.failed(error.code);
        let before = self.lock().last_error.replace((error.code, now_ms()));
        if before.is_none_or(|(code, _)| code != error.code) {
            if let Some(what) = kept_closed(error.code) {
                self.say(what);
            }
            tracing::warn!(device = self.name(), code = error.code.id(), detail = %error.detail, "trouble");
        } else {
            tracing::debug!(device = self.name(), code = error.code.id(), detail = %error.detail, "trouble");
        }
    }

    /// Takes what a printer says of itself; changes become events.
    pub(crate) fn observed(&self, now: PrinterState) {
        let mut inside = self.lock();
        let before = inside.printer.replace(now).unwrap_or_default();
        let busy = inside.state == DeviceState::Busy;
        let state = match now.trouble() {
            Some(Code::PaperOut) => DeviceState::PaperOut,
            Some(Code::CoverOpen) => DeviceState::CoverOpen,
            Some(_) => DeviceState::Fault,
            None => DeviceState::Ready,
        };
        let was_usable = matches!(inside.state, DeviceState::Ready | DeviceState::Busy);
        if !busy {
            inside.state = state;
        }
        drop(inside);
        if let Some(code) = now.trouble().filter(|_| before.trouble() != now.trouble()) {
            self.failed(&DeviceError::new(code, "the printer says so"));
        }
        for what in changes(before, now) {
            self.say(what);
        }
        if !busy && state == DeviceState::Ready && !was_usable {
            self.say(What::Ready);
        }
    }

    /// [`DeviceInfo::why_missing`], for who asks in this moment.
    pub(crate) fn why_missing(&self) -> Option<Code> {
        if self.is_held_before() {
            return Some(self.still_used().code);
        }
        let inside = self.lock();
        let refused = inside.refused_at.map(|_| Code::DevicePermission);
        refused.or_else(|| why_missing(inside.state, inside.last_error))
    }

    /// Whether one that was in its place before the configuration changed has the line still.
    pub(crate) fn is_held_before(&self) -> bool {
        let mut before = self.before.iter().filter_map(Weak::upgrade);
        before.any(|before| before.is_open())
    }

    /// Waits until the last user of those that were in its place before is through.
    pub(crate) async fn alone(&self) {
        for before in &self.before {
            let Some(mut present) = before.upgrade().map(|before| before.presence()) else {
                continue;
            };
            // It ends with its board, which ends with the last user.
            while present.changed().await.is_ok() {}
        }
    }

    /// What is told while they are not.
    pub(crate) fn still_used(&self) -> DeviceError {
        let code = match self.config.kind {
            Kind::SerialScanner { .. } | Kind::HidScanner { .. } | Kind::KeyboardScanner { .. } => {
                Code::ScannerBusy
            }
            Kind::PcscReader { .. } | Kind::IdCardSerial { .. } | Kind::IdCardUsb { .. } => {
                Code::CardReaderBusy
            }
            Kind::EscPosTcp { .. }
            | Kind::EscPosSerial { .. }
            | Kind::EscPosUsb { .. }
            | Kind::Queue(_) => Code::PrinterBusy,
        };
        let still = "who had it before the configuration changed is not through with it";
        DeviceError::new(code, format!("{}: {still}", self.name()))
    }

    pub(crate) fn printer(&self) -> Option<PrinterState> {
        self.lock().printer
    }

    /// Whether its line is open.
    pub(crate) fn is_open(&self) -> bool {
        !matches!(
            self.lock().state,
            DeviceState::Missing | DeviceState::Closed
        )
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.lock().state == DeviceState::Busy
    }

    /// Whether a card lies in the reader; a change becomes an event.
    pub(crate) fn card(&self, has_card: bool) {
        let had_card = std::mem::replace(&mut self.lock().has_card, has_card);
        if had_card != has_card {
            self.say(if has_card {
                What::CardIn
            } else {
                What::CardOut
            });
        }
    }

    /// The PIN of a card is awaited on the reader's keypad.
    pub(crate) fn pin_is_asked(&self) {
        self.say(What::PinAsked);
    }

    /// It is awaited no longer, whatever came of it.
    pub(crate) fn pin_is_over(&self) {
        self.say(What::PinOver);
    }

    /// What the card service lists; none: that is not known.
    pub(crate) fn list_readers(&self, readers: Option<Vec<String>>) {
        self.lock().readers = readers;
    }

    pub(crate) fn readers(&self) -> Option<Vec<String>> {
        self.lock().readers.clone()
    }

    /// The job is over; the state is what the printer said last.
    pub(crate) fn job_over(&self) {
        let mut inside = self.lock();
        if inside.state != DeviceState::Busy {
            return;
        }
        inside.state = DeviceState::Closed;
        let printer = inside.printer.unwrap_or_default();
        drop(inside);
        self.observed(printer);
    }

    pub(crate) fn info(&self, holder: Option<Holder>, waiting: usize) -> DeviceInfo {
        let (kind, address) = match &self.config.kind {
            Kind::SerialScanner { at, .. } => ("serial-scanner", at.to_string()),
            Kind::HidScanner { at, .. } => ("hid-scanner", at.to_string()),
            Kind::KeyboardScanner { at, .. } => ("keyboard-scanner", at.to_string()),
            Kind::EscPosSerial { at, .. } => ("escpos-serial", at.to_string()),
            Kind::EscPosUsb { at } => ("escpos-usb", at.to_string()),
            Kind::EscPosTcp { address } => ("escpos-tcp", address.clone()),
            Kind::IdCardSerial { at, .. } => ("id-card-serial", at.to_string()),
            Kind::IdCardUsb { at } => ("id-card-usb", at.to_string()),
            Kind::PcscReader { reader, .. } => ("pcsc-reader", reader.clone().unwrap_or_default()),
            Kind::Queue(place) if place.is_cups => ("cups-queue", place.shown()),
            Kind::Queue(place) => ("ipp-printer", place.shown()),
        };
        let inside = self.lock();
        DeviceInfo {
            name: self.config.name.clone(),
            role: self.config.role.clone(),
            kind,
            address,
            model: self.config.model.clone(),
            state: inside.state,
            counters: inside.counters,
            holder,
            waiting,
            last_error: inside.last_error,
            printer: inside.printer,
            has_card: inside.has_card,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a watcher is told when a printer's word changes.
fn changes(before: PrinterState, now: PrinterState) -> Vec<What> {
    let mut changes = Vec::new();
    if before.paper != now.paper {
        changes.push(match now.paper {
            Paper::Out => What::PaperOut,
            Paper::Low => What::PaperLow,
            Paper::Ok => What::PaperOk,
        });
    }
    if before.cover_open != now.cover_open {
        changes.push(if now.cover_open {
            What::CoverOpen
        } else {
            What::CoverClosed
        });
    }
    if before.error != now.error {
        changes.push(if now.error {
            What::Fault
        } else {
            What::FaultCleared
        });
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::event::{Watched, Watcher};

    #[test]
    fn a_printers_word_becomes_events_once() {
        let events = Arc::new(EventLog::new());
        let config = DeviceConfig {
            name: "slip".into(),
            role: "receipt".into(),
            kind: Kind::EscPosTcp {
                address: "h:1".into(),
            },
            model: None,
        };
        let board = Board::new(config, Arc::clone(&events));
        let mut watcher = events.watch(None);
        let fine = PrinterState::default();
        let out = PrinterState {
            paper: Paper::Out,
            online: false,
            ..fine
        };
        board.observed(fine);
        board.observed(out);
        board.observed(out);
        assert_eq!(board.info(None, 0).state, DeviceState::PaperOut);
        assert_eq!(board.info(None, 0).last_error.unwrap().0, Code::PaperOut);
        board.observed(fine);
        assert_eq!(
            told(&mut watcher),
            [What::Ready, What::PaperOut, What::PaperOk, What::Ready]
        );
        // Let go: who watches knows no more than the list does.
        board.observed(out);
        board.closed();
        board.closed();
        assert_eq!(board.info(None, 0).state, DeviceState::Closed);
        board.observed(fine);
        assert_eq!(
            told(&mut watcher),
            [What::PaperOut, What::Closed, What::PaperOk, What::Ready]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_told_when_it_lasts() {
        let events = Arc::new(EventLog::new());
        let config = DeviceConfig {
            name: "gun".into(),
            role: "scanner".into(),
            kind: Kind::HidScanner {
                at: crate::config::devices::At::Path("/nowhere".into()),
                framing: crate::config::devices::Framing::default(),
            },
            model: None,
        };
        let board = Board::new(config, Arc::clone(&events));
        let mut watcher = events.watch(None);
        let refused = DeviceError::new(Code::DevicePermission, "EACCES");
        let missing = DeviceError::new(Code::ScannerMissing, "not there");
        let moment = Duration::from_millis(REFUSED_MS_MIN - 1);
        // As at each plug: refused until udev has been there.
        for _ in 0..3 {
            board.failed(&refused);
            tokio::time::advance(moment).await;
            board.failed(&refused);
            // Who asks meanwhile is told.
            assert_eq!(board.why_missing(), Some(Code::DevicePermission));
            assert_eq!(board.info(None, 0).last_error, None);
            board.ready();
            board.unplugged();
            assert_eq!(board.why_missing(), None);
            assert_eq!(told(&mut watcher), [What::Ready, What::Unplugged]);
        }
        board.failed(&refused);
        tokio::time::advance(moment).await;
        board.failed(&missing);
        board.failed(&refused);
        assert_eq!(told(&mut watcher), []);
        tokio::time::advance(Duration::from_millis(REFUSED_MS_MIN)).await;
        board.failed(&refused);
        board.failed(&refused);
        assert_eq!(told(&mut watcher), [What::NotPermitted]);
        let last = board.info(None, 0).last_error;
        assert_eq!(last.unwrap().0, Code::DevicePermission);
    }

    fn told(watcher: &mut Watcher) -> Vec<What> {
        std::iter::from_fn(|| match watcher.try_next()? {
            Watched::Event(event) => Some(event.what),
            Watched::Lagged(_) => None,
        })
        .collect()
    }
}
