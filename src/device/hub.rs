//! The one owner of all devices, as its callers see it.

mod inspect;

use std::collections::BTreeSet;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::sync::watch;
use tokio::time::Instant;

use super::board::{DeviceInfo, DeviceState};
use super::card::{CardLease, Medium};
use super::claim::{Claims, Sort};
use super::error::DeviceError;
use super::event::{EventLog, Watcher, What, now_ms};
use super::hint::Hint;
use super::local::Local;
use super::owned::{Device, Family, PATIENT_CARD_ROLES};
use super::printer::escpos::{PaperPreview, preview};
use super::printer::ipp::ReportQueue;
use super::printer::{JobOf, PrintOptions, PrintOutcome, Printer, PrinterState, SharedPast};
use super::quirks;
use super::record::{self, Recording, recorder};
use super::scanner::{Asker, ScannerLease};
use super::succession::{Before, Leaving};
use crate::book::Code;
use crate::config::devices::DeviceConfig;
use crate::document::{Content, Document};

/// A failed attempt that is older says nothing about what a job waits for.
const RECENT_MS_MAX: u64 = 15_000;

/// The role of the scanner that patients show codes to.
pub const ROLE_SCANNER: &str = "scanner";
/// The role of the printer that prints receipts.
pub const ROLE_RECEIPT: &str = "receipt";
/// The role of the printer that prints reports.
pub const ROLE_REPORT: &str = "report";
/// The role of the reader that patients show cards to.
pub const ROLE_CARD: &str = "card";
/// The role of a second reader, for 居民身份证 beside the 社保卡.
pub const ROLE_ID_CARD: &str = "id-card";
/// A handle to all devices. The owners end when the last handle and lease is dropped.
#[derive(Clone)]
pub struct Hub {
    inner: Arc<Inner>,
}

struct Inner {
    events: Arc<EventLog>,
    devices: ArcSwap<Vec<Arc<Device>>>,
    leaving: Leaving,
    claims: Arc<Claims>,
    hint: Hint,
    local: Local,
    waiting_max: usize,
}

impl Hub {
    /// Starts an owner for each device; devices come and go from here on. Must be called in a runtime. The
    /// configuration is checked before ([`crate::config::devices::check_all`], [`quirks::check_models`]).
    #[must_use]
    pub fn start(devices: Vec<DeviceConfig>) -> Self {
        Self::start_with(devices, super::queue::WAITING_MAX, &BTreeSet::new())
    }

    /// [`Hub::start`], with so many streams that may wait for one scanner, its holder included, and the roles of the
    /// receipt printers that an earlier process left in the middle of a job.
    #[must_use]
    pub fn start_with(
        devices: Vec<DeviceConfig>,
        waiting_max: usize,
        cut_off: &BTreeSet<String>,
    ) -> Self {
        let events = Arc::new(EventLog::new());
        let hint = Hint::start();
        let devices = devices
            .into_iter()
            .map(|config| {
                let past = SharedPast::of(cut_off.contains(&config.role));
                let before = Before::default();
                let device = Device::start(config, &events, &hint, waiting_max, past, before);
                Arc::new(device)
            })
            .collect();
        Self {
            inner: Arc::new(Inner {
                events,
                devices: ArcSwap::from_pointee(devices),
                leaving: Leaving::default(),
                claims: Arc::default(),
                hint,
                local: Local::new(),
                waiting_max,
            }),
        }
    }

    /// Has these devices from here on. One that is configured as it was goes on untouched; another ends when its last
    /// user is through with it, and then its successor can open the line. Must be called in a runtime.
    pub fn change_devices(&self, wanted: Vec<DeviceConfig>) {
        let inner = &self.inner;
        let before = inner.devices.load_full();
        let kept = |config: &DeviceConfig| {
            let mut same = before.iter().filter(|it| it.board.config() == config);
            same.next().map(Arc::clone)
        };
        // What is let go is let go first: two owners of one line would be in each other's way.
        let staying = wanted.iter().filter_map(kept).collect();
        inner.devices.store(Arc::new(staying));
        let gone = |it: &&Arc<Device>| !wanted.contains(it.board.config());
        let gone = before.iter().filter(gone);
        gone.clone().for_each(|it| it.board.say(What::Removed));
        inner.leaving.add(gone);
        let devices = wanted.into_iter().map(|config| {
            kept(&config).unwrap_or_else(|| {
                inner.events.say(&config.name, What::Added);
                let (events, hint) = (&inner.events, &inner.hint);
                let printers = before.iter().filter_map(|it| it.printer());
                let past = SharedPast::behind(printers, &config);
                let (before, waiting_max) = (inner.leaving.before(&config.kind), inner.waiting_max);
                Arc::new(Device::start(
                    config,
                    events,
                    hint,
                    waiting_max,
                    past,
                    before,
                ))
            })
        });
        inner.devices.store(Arc::new(devices.collect()));
    }

    /// Callers at one scanner or card reader, the one that has it included.
    #[must_use]
    pub fn waiting_max(&self) -> usize {
        self.inner.waiting_max
    }

    fn find(&self, is_meant: impl Fn(&Device) -> bool) -> Option<Arc<Device>> {
        let devices = self.inner.devices.load();
        devices
            .iter()
            .find(|device| is_meant(device))
            .map(Arc::clone)
    }

    pub(crate) fn claims(&self) -> &Arc<Claims> {
        &self.inner.claims
    }

    /// A name for a holder that no other one of this run has.
    #[must_use]
    pub fn new_holder_id(&self) -> String {
        self.inner.claims.new_id()
    }

    /// All devices, in the order of the configuration; behind them those that were taken out of it and that somebody
    /// still has. Never waits.
    #[must_use]
    pub fn list(&self) -> Vec<DeviceInfo> {
        self.inner.leaving.listed_with(&self.inner.devices.load())
    }

    /// Follows what happens, from event `from_seq` on; none: from here on.
    #[must_use]
    pub fn watch(&self, from_seq: Option<u64>) -> Watcher {
        self.inner.events.watch(from_seq)
    }

    /// Waits for the scanner of a role in order of arrival. `place` is told how many are before this asker, and
    /// again whenever that changes; 0: it is his. Dropping the future leaves the queue.
    ///
    /// # Errors
    /// `SCANNER_NOT_CONFIGURED` without a scanner; `SCANNER_MISSING` when it is not there two seconds after it fell to
    /// the asker, or `DEVICE_PERMISSION`, `DEVICE_AMBIGUOUS`, `DEVICE_HELD_ELSEWHERE` when that keeps it from being
    /// opened; `SCANNER_BUSY` at the deadline or with too many waiting.
    pub async fn claim_scanner(
        &self,
        role: &str,
        asker: Asker,
        deadline: Instant,
        place: watch::Sender<usize>,
    ) -> Result<ScannerLease, DeviceError> {
        let devices = self.inner.devices.load_full();
        let scanner = devices.iter().find_map(|device| match &device.family {
            Family::Scanner(scanner) if device.role == role => Some(scanner.clone()),
            Family::Scanner(_) | Family::Printer(_) | Family::Card(_) | Family::Queue(_) => None,
        });
        // Who waits for one that is taken out of the configuration is not who keeps it.
        drop(devices);
        let Some(scanner) = scanner else {
            let code = if role == ROLE_SCANNER {
                Code::ScannerNotConfigured
            } else {
                Code::DeviceUnknown
            };
            let none = format!("no scanner has the role {role:?}");
            return Err(DeviceError::new(code, none));
        };
        scanner.claim(asker, deadline, place).await
    }

    /// Waits for the card reader of a role, in order of arrival; without a role for the first of those that patients
    /// show cards to that reads one of these media.
    ///
    /// # Errors
    /// `CARD_READER_NOT_CONFIGURED` without one that reads them, `DEVICE_UNKNOWN` for a role that no card reader has; `CARD_READER_BUSY` at the deadline or with too many waiting; why it
    /// cannot be used when it does not come back within two seconds.
    pub async fn claim_card(
        &self,
        role: Option<&str>,
        wanted: &[Medium],
        asker: Asker,
        deadline: Instant,
        place: watch::Sender<usize>,
    ) -> Result<CardLease, DeviceError> {
        if let Some(role) = role
            && !PATIENT_CARD_ROLES.contains(&role)
            && !self.card_readers().any(|device| device.role == role)
        {
            let none = format!("no card reader has the role {role:?}");
            return Err(DeviceError::new(Code::DeviceUnknown, none));
        }
        let is_meant = |device: &Device| match role {
            Some(role) => device.role == role,
            None => device.is_for_patients_cards(),
        };
        let mut readers = self.card_readers();
        let device = readers.find(|device| is_meant(device) && device.reads(wanted));
        let reader = device.and_then(|device| match &device.family {
            Family::Card(reader) => Some(reader.clone()),
            Family::Scanner(_) | Family::Printer(_) | Family::Queue(_) => None,
        });
        let Some(reader) = reader else {
            let none = "no card reader reads what is asked for";
            return Err(DeviceError::new(Code::CardReaderNotConfigured, none));
        };
        reader.claim(asker, deadline, place).await
    }

    /// What the device of a role is to a claim; `None`: no device has it.
    pub(super) fn sort_of(&self, role: &str) -> Option<Sort> {
        let device = self.find(|it| it.role == role)?;
        Some(match device.family {
            Family::Scanner(_) => Sort::Scanner,
            Family::Card(_) => Sort::CardReader,
            Family::Printer(_) | Family::Queue(_) => Sort::Printer,
        })
    }

    /// The roles of the readers that patients show cards to, as far as they read one of these media, in the order
    /// of the configuration.
    #[must_use]
    pub fn card_roles(&self, wanted: &[Medium]) -> Vec<String> {
        self.card_readers()
            .filter(|device| device.is_for_patients_cards() && device.reads(wanted))
            .map(|device| device.role.clone())
            .collect()
    }

    fn card_readers(&self) -> impl Iterator<Item = Arc<Device>> {
        let devices = self.inner.devices.load();
        let readers = devices
            .iter()
            .filter(|it| matches!(it.family, Family::Card(_)));
        let readers: Vec<_> = readers.map(Arc::clone).collect();
        readers.into_iter()
    }

    /// Prints one document on the printer of a role, behind the jobs that came before. Answers by the
    /// deadline. Dropping the future withdraws the job unless it has begun.
    pub async fn print(
        &self,
        role: &str,
        job: impl Into<JobOf<'_>>,
        document: &Document,
        options: PrintOptions,
    ) -> PrintOutcome {
        let content = Content::Document(document.clone());
        self.print_content(role, job, &content, options, std::future::pending())
            .await
    }

    /// [`Hub::print`] of a document or bytes. Once `withdraw` resolves, a job that the printer was not given yet is
    /// taken back: not printed. One that it has ends as it does.
    pub async fn print_content(
        &self,
        role: &str,
        job: impl Into<JobOf<'_>>,
        content: &Content,
        options: PrintOptions,
        withdraw: impl Future<Output = ()> + Send,
    ) -> PrintOutcome {
        match self.printer(role) {
            Some(_) if matches!(content, Content::Pdf(_)) => PrintOutcome::NotPrinted {
                code: Code::PrinterOtherKind,
            },
            Some(printer) => printer.print(job.into(), content, options, withdraw).await,
            None => PrintOutcome::NotPrinted {
                code: Code::PrinterNotConfigured,
            },
        }
    }

    /// What the printer of a role is taken for; `None`: no printer has it.
    #[must_use]
    pub fn printer_profile(&self, role: &str) -> Option<&'static quirks::Profile> {
        self.printer(role).map(|printer| printer.profile())
    }

    /// Characters of this that the printer of a role prints as their code points: it has no glyph for them, nor have we.
    #[must_use]
    pub fn unprintable(&self, role: &str, content: &Content) -> usize {
        self.printer(role)
            .map_or(0, |printer| printer.unprintable(content))
    }

    /// Why a job does not print that its printer was not given: as last heard, never waits.
    #[must_use]
    pub fn why_busy(&self, role: &str) -> Code {
        self.printer(role)
            .map_or(Code::PrinterBusy, |printer| printer.why_busy())
    }

    /// What the printer of a role says now that keeps it from printing; nothing that is over.
    #[must_use]
    pub fn stands_for(&self, role: &str) -> Option<Code> {
        said_by(&self.list().into_iter().find(|it| it.role == role)?)
    }

    /// What keeps the printer of a role from printing, as it said last.
    #[must_use]
    pub fn waits_for(&self, role: &str) -> Option<Code> {
        let printer = self.list().into_iter().find(|it| it.role == role)?;
        // A printer that fell silent said nothing new: what ended the last attempt, if that was just now.
        let recent = |(_, at_ms): &(Code, u64)| now_ms().saturating_sub(*at_ms) < RECENT_MS_MAX;
        let failed = printer.last_error.filter(recent);
        said_by(&printer).or(failed.map(|(code, _)| code))
    }

    /// What the printer of a role would show; `None`: no printer has it.
    #[must_use]
    pub fn preview(&self, role: &str, document: &Document) -> Option<PaperPreview> {
        let profile = self.printer_profile(role)?;
        Some(preview(document, profile))
    }

    /// Asks the printer of a role how it is; six seconds at most. While it prints: what it said last.
    ///
    /// # Errors
    /// `PRINTER_NOT_CONFIGURED` when there is none, `PRINTER_MISSING` when it does not answer.
    pub async fn printer_state(&self, role: &str) -> Result<PrinterState, DeviceError> {
        if let Some(queue) = self.report_queue(role) {
            return queue.look().await;
        }
        match self.printer(role) {
            Some(printer) => printer.look().await,
            None => Err(DeviceError::new(
                Code::PrinterNotConfigured,
                format!("no printer has the role {role:?}"),
            )),
        }
    }

    /// The print queue of a role; `None`: no report printer has it.
    #[must_use]
    pub fn report_queue(&self, role: &str) -> Option<ReportQueue> {
        let devices = self.inner.devices.load();
        devices.iter().find_map(|device| match &device.family {
            Family::Queue(queue) if device.role == role => Some(queue.clone()),
            Family::Scanner(_) | Family::Printer(_) | Family::Card(_) | Family::Queue(_) => None,
        })
    }

    /// Records what the device with this role or name and its driver say to each other, redacted, for so long or
    /// until `stop` resolves. `None`: there is no such device.
    ///
    /// # Errors
    /// `TOO_MANY_CALLS` while somebody else records it.
    pub fn record(
        &self,
        role_or_name: &str,
        length: std::time::Duration,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Option<Result<Recording, DeviceError>> {
        let device = self.find(|it| it.is(role_or_name))?;
        let (board, info) = (&device.board, device.info());
        let config = board.config();
        let shape = record::shape_of(&config.kind);
        let records = recorder::start(board.tap(), shape, length, stop);
        Some(match records {
            Some(records) => Ok(Recording {
                model: device.model().to_owned(),
                device: info.name,
                kind: info.kind,
                records,
            }),
            None => Err(recorder::busy(&info.name)),
        })
    }

    fn printer(&self, role: &str) -> Option<Printer> {
        let devices = self.inner.devices.load();
        let mut of_role = devices.iter().filter(|device| device.role == role);
        of_role.find_map(|device| device.printer().cloned())
    }
}

/// What keeps a printer from printing, by its own words.
fn said_by(printer: &DeviceInfo) -> Option<Code> {
    let is_missing = printer.state == DeviceState::Missing;
    let missing = is_missing.then(|| printer.why_missing().unwrap_or(Code::PrinterMissing));
    missing.or(printer.printer.and_then(|said| said.trouble()))
}

#[cfg(test)]
impl Hub {
    /// A hub of one scanner whose line the test plays.
    pub(crate) fn of_scanner(
        role: &str,
        scanner: super::scanner::Scanner,
        events: Arc<EventLog>,
    ) -> Self {
        let board = Arc::clone(&scanner.board);
        Self::of(role, board, Family::Scanner(scanner), events)
    }

    /// The same, with a line of which the test hears what is ordered.
    pub(crate) fn of_far_scanner(
        role: &str,
    ) -> (
        Self,
        Arc<super::board::Board>,
        tokio::sync::mpsc::Receiver<super::scanner::owner::Arm>,
    ) {
        let events = Arc::new(EventLog::new());
        let config = DeviceConfig {
            name: "gun".to_owned(),
            role: role.to_owned(),
            kind: crate::config::devices::Kind::SerialScanner {
                at: crate::config::devices::At::Path("/nowhere".into()),
                baud: 9_600,
                framing: crate::config::devices::Framing::default(),
            },
            model: None,
        };
        let board = Arc::new(super::board::Board::new(config, Arc::clone(&events)));
        let waiting_max = super::queue::WAITING_MAX;
        let queue = super::queue::Queue::new(Arc::clone(&board), waiting_max);
        let (scanner, orders) = super::scanner::Scanner::over(Arc::clone(&board), queue);
        (Self::of_scanner(role, scanner, events), board, orders)
    }

    /// A hub of one card reader for 社保卡, whose owner the test plays.
    pub(crate) fn of_far_card_reader(
        role: &str,
    ) -> (
        Self,
        super::card::Bench,
        tokio::sync::mpsc::Receiver<super::card::Order>,
    ) {
        let events = Arc::new(EventLog::new());
        let config = DeviceConfig {
            name: "cards".to_owned(),
            role: role.to_owned(),
            kind: crate::config::devices::Kind::PcscReader {
                reader: None,
                keypad: None,
            },
            model: None,
        };
        let board = Arc::new(super::board::Board::new(config, Arc::clone(&events)));
        let (reader, bench, orders) = super::card::CardReader::new(
            Arc::clone(&board),
            &[Medium::SocialCard],
            super::queue::Queue::new(Arc::clone(&board), super::queue::WAITING_MAX),
        );
        (Self::of_card(role, reader, board, events), bench, orders)
    }

    /// A hub of one card reader whose program the test plays.
    pub(crate) fn of_card(
        role: &str,
        reader: super::card::CardReader,
        board: Arc<super::board::Board>,
        events: Arc<EventLog>,
    ) -> Self {
        Self::of(role, board, Family::Card(reader), events)
    }

    /// The first device is configured anew; the test makes and plays the one that comes.
    pub(super) fn exchange(
        &self,
        make: impl FnOnce(Arc<super::board::Board>, Arc<super::queue::Queue>) -> Family,
    ) {
        use super::{board::Board, queue::Queue};
        let inner = &self.inner;
        let before = inner.devices.load_full();
        inner.leaving.add(before.iter());
        let config = before[0].board.config().clone();
        let behind = inner.leaving.before(&config.kind);
        let board = Board::behind(config, Arc::clone(&inner.events), behind.boards);
        let board = Arc::new(board);
        let queue = Queue::behind(behind.queue, &board, inner.waiting_max);
        let device = Device {
            role: before[0].role.clone(),
            family: make(Arc::clone(&board), queue),
            board,
        };
        inner.devices.store(Arc::new(vec![Arc::new(device)]));
    }

    fn of(
        role: &str,
        board: Arc<super::board::Board>,
        family: Family,
        events: Arc<EventLog>,
    ) -> Self {
        let role = role.to_owned();
        let devices = vec![Arc::new(Device {
            role,
            board,
            family,
        })];
        Self {
            inner: Arc::new(Inner {
                events,
                devices: ArcSwap::from_pointee(devices),
                leaving: Leaving::default(),
                claims: Arc::default(),
                hint: Hint::played().0,
                local: Local::new(),
                waiting_max: super::queue::WAITING_MAX,
            }),
        }
    }
}
