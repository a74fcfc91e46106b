//! The one owner of all devices, as its callers see it.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

use super::board::{Board, DeviceInfo};
use super::card::{self, CardLease, CardReader, Medium};
use super::claim::Claims;
use super::error::DeviceError;
use super::event::{EventLog, Watcher, now_ms};
use super::find::{self, Why};
use super::health::{self, Check};
use super::hint::Hint;
use super::printer::escpos::{PaperPreview, preview};
use super::printer::ipp::ReportQueue;
use super::printer::{Place, PrintOptions, PrintOutcome, Printer, PrinterState};
use super::quirks;
use super::record::{self, Recording, recorder};
use super::scanner::owner::Line;
use super::scanner::{Asker, Scanner, ScannerLease, Wire};
use super::usb_line::Turn;
use crate::book::Code;
use crate::config::devices::{DeviceConfig, Kind};
use crate::document::{Content, Document};

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
/// The readers that patients show cards to. All others are used only by their names.
const PATIENT_CARD_ROLES: [&str; 2] = [ROLE_CARD, ROLE_ID_CARD];

/// A handle to all devices. The owners end when the last handle and lease is dropped.
#[derive(Clone)]
pub struct Hub {
    inner: Arc<Inner>,
}

struct Inner {
    events: Arc<EventLog>,
    devices: Vec<Device>,
    claims: Arc<Claims>,
}

struct Device {
    role: String,
    board: Arc<Board>,
    family: Family,
}

enum Family {
    Scanner(Scanner),
    Printer(Printer),
    Card(CardReader),
    Queue(ReportQueue),
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
                let was_cut_off = cut_off.contains(&config.role);
                Device::start(config, &events, &hint, waiting_max, was_cut_off)
            })
            .collect();
        Self {
            inner: Arc::new(Inner {
                events,
                devices,
                claims: Arc::default(),
            }),
        }
    }

    pub(crate) fn claims(&self) -> &Arc<Claims> {
        &self.inner.claims
    }

    /// A name for a holder that no other one of this run has.
    #[must_use]
    pub fn new_holder_id(&self) -> String {
        self.inner.claims.new_id()
    }

    /// All devices, in the order of the configuration. Never waits.
    #[must_use]
    pub fn list(&self) -> Vec<DeviceInfo> {
        self.inner.devices.iter().map(Device::info).collect()
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
    /// `SCANNER_MISSING` without a scanner, or when it is not there two seconds after it fell to the asker;
    /// `SCANNER_BUSY` at the deadline or with too many waiting.
    pub async fn claim_scanner(
        &self,
        role: &str,
        asker: Asker,
        deadline: Instant,
        place: watch::Sender<usize>,
    ) -> Result<ScannerLease, DeviceError> {
        let scanner = self
            .inner
            .devices
            .iter()
            .find_map(|device| match &device.family {
                Family::Scanner(scanner) if device.role == role => Some(scanner),
                Family::Scanner(_) | Family::Printer(_) | Family::Card(_) | Family::Queue(_) => {
                    None
                }
            });
        let Some(scanner) = scanner else {
            // To a desk, a scanner that was never configured is one that is missing.
            let code = if role == ROLE_SCANNER {
                Code::ScannerMissing
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
    /// `CARD_READER_MISSING` without one that reads them, `DEVICE_UNKNOWN` for a role that no card reader has; `CARD_READER_BUSY` at the deadline or with too many waiting; why it
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
        let Some(Family::Card(reader)) = device.map(|device| &device.family) else {
            let none = "no card reader reads what is asked for";
            return Err(DeviceError::new(Code::CardReaderMissing, none));
        };
        reader.claim(asker, deadline, place).await
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

    fn card_readers(&self) -> impl Iterator<Item = &Device> {
        let devices = self.inner.devices.iter();
        devices.filter(|device| matches!(device.family, Family::Card(_)))
    }

    /// Prints one document on the printer of a role, behind the jobs that came before. Answers by the
    /// deadline. Dropping the future withdraws the job unless it has begun.
    pub async fn print(
        &self,
        role: &str,
        job: &str,
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
        job: &str,
        content: &Content,
        options: PrintOptions,
        withdraw: impl Future<Output = ()> + Send,
    ) -> PrintOutcome {
        match self.printer(role) {
            Some(_) if matches!(content, Content::Pdf(_)) => PrintOutcome::NotPrinted {
                code: Code::PrinterOtherKind,
            },
            Some(printer) => printer.print(job, content, options, withdraw).await,
            None => PrintOutcome::NotPrinted {
                code: Code::PrinterMissing,
            },
        }
    }

    /// What the printer of a role is taken for; `None`: no printer has it.
    #[must_use]
    pub fn printer_profile(&self, role: &str) -> Option<&'static quirks::Profile> {
        self.printer(role).map(Printer::profile)
    }

    /// Why a job does not print that its printer was not given: as last heard, never waits.
    #[must_use]
    pub fn why_busy(&self, role: &str) -> Code {
        self.printer(role)
            .map_or(Code::PrinterBusy, Printer::why_busy)
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
    /// `PRINTER_MISSING` when there is none or it does not answer.
    pub async fn printer_state(&self, role: &str) -> Result<PrinterState, DeviceError> {
        if let Some(queue) = self.report_queue(role) {
            return queue.look().await;
        }
        match self.printer(role) {
            Some(printer) => printer.look().await,
            None => Err(DeviceError::new(
                Code::PrinterMissing,
                format!("no printer has the role {role:?}"),
            )),
        }
    }

    /// Looks at the device with this role or name; six seconds at most. `None`: there is none.
    pub async fn check(&self, role_or_name: &str) -> Option<(DeviceInfo, Vec<Check>)> {
        let device = self.inner.devices.iter().find(|it| it.is(role_or_name))?;
        let mut checks = match find::place(&device.board.config().kind) {
            Some((at, class)) => {
                let (at, missing) = (at.clone(), device.missing());
                let is_ours = device.board.is_open();
                let looking =
                    tokio::task::spawn_blocking(move || match find::find(&at, class, missing) {
                        Ok(path) => health::of_path(&path, is_ours),
                        Err(error) => health::of_search(&error),
                    });
                looking.await.unwrap_or_default()
            }
            None => Vec::new(),
        };
        let began = std::time::Instant::now();
        let answer = match &device.family {
            Family::Printer(printer) => health::of_answer(&printer.look().await, began),
            Family::Queue(queue) => health::of_answer(&queue.look().await, began),
            Family::Scanner(_) | Family::Card(_) => Vec::new(),
        };
        let info = device.info();
        checks.push(health::of_line(&info));
        checks.extend(answer);
        checks.extend(health::of_last_error(&info, now_ms()));
        Some((info, checks))
    }

    /// Why the device with this role or name is found or not, and which row of the quirks table it uses.
    pub async fn why(&self, role_or_name: &str) -> Option<(DeviceInfo, Why)> {
        let device = self.inner.devices.iter().find(|it| it.is(role_or_name))?;
        let config = device.board.config().clone();
        let looking = tokio::task::spawn_blocking(move || Why::of(&config));
        Some((device.info(), looking.await.ok()?))
    }

    /// The print queue of a role; `None`: no report printer has it.
    #[must_use]
    pub fn report_queue(&self, role: &str) -> Option<&ReportQueue> {
        let mut devices = self.inner.devices.iter();
        devices.find_map(|device| match &device.family {
            Family::Queue(queue) if device.role == role => Some(queue),
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
        let device = self.inner.devices.iter().find(|it| it.is(role_or_name))?;
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

    fn printer(&self, role: &str) -> Option<&Printer> {
        self.inner
            .devices
            .iter()
            .find_map(|device| match &device.family {
                Family::Printer(printer) if device.role == role => Some(printer),
                Family::Scanner(_) | Family::Printer(_) | Family::Card(_) | Family::Queue(_) => {
                    None
                }
            })
    }
}

impl Family {
    /// What it reads, if it is a card reader.
    fn media(&self) -> &'static [Medium] {
        match self {
            Family::Card(reader) => reader.media,
            Family::Scanner(_) | Family::Printer(_) | Family::Queue(_) => &[],
        }
    }
}

impl Device {
    fn start(
        config: DeviceConfig,
        events: &Arc<EventLog>,
        hint: &Hint,
        waiting_max: usize,
        was_cut_off: bool,
    ) -> Self {
        let board = Arc::new(Board::new(config.clone(), Arc::clone(events)));
        let profile = quirks::profile_of(&config);
        let printer = |place| {
            let board = Arc::clone(&board);
            Family::Printer(Printer::start(&config, place, profile, board, was_cut_off))
        };
        let scanner = |at, wire, framing| {
            let line = Line {
                at,
                wire,
                framing,
                hint: hint.clone(),
            };
            let board = Arc::clone(&board);
            Family::Scanner(Scanner::start(&config, line, board, waiting_max))
        };
        let family = match config.kind.clone() {
            Kind::SerialScanner { at, baud, framing } => {
                scanner(at, Wire::Serial { baud }, framing)
            }
            Kind::HidScanner { at, framing } => scanner(at, Wire::Hid, framing),
            Kind::KeyboardScanner { at, framing } => scanner(at, Wire::Keyboard, framing),
            Kind::EscPosTcp { address } => printer(Place::Tcp { address }),
            Kind::EscPosSerial { at, baud } => printer(Place::Serial { at, baud }),
            Kind::EscPosUsb { at } => {
                let turn = Turn::new();
                printer(Place::Usb { at, turn })
            }
            Kind::PcscReader { .. } | Kind::IdCardSerial { .. } => {
                Family::Card(card::start(&config, Arc::clone(&board), waiting_max))
            }
            Kind::Queue(place) => Family::Queue(ReportQueue::start(place, Arc::clone(&board))),
        };
        Self {
            role: config.role,
            board,
            family,
        }
    }

    /// The row of the table of models that it uses; empty for what has none.
    fn model(&self) -> &str {
        match &self.family {
            Family::Printer(printer) => printer.profile().name,
            Family::Scanner(_) | Family::Card(_) | Family::Queue(_) => {
                self.board.config().model.as_deref().unwrap_or_default()
            }
        }
    }

    fn is_for_patients_cards(&self) -> bool {
        PATIENT_CARD_ROLES.contains(&self.role.as_str())
    }

    fn reads(&self, wanted: &[Medium]) -> bool {
        self.family.media().iter().any(|it| wanted.contains(it))
    }

    fn is(&self, role_or_name: &str) -> bool {
        self.role == role_or_name || self.board.name() == role_or_name
    }

    /// What is said when it is not there.
    fn missing(&self) -> Code {
        match self.family {
            Family::Scanner(_) => Code::ScannerMissing,
            Family::Printer(_) | Family::Queue(_) => Code::PrinterMissing,
            Family::Card(_) => Code::CardReaderMissing,
        }
    }

    fn info(&self) -> DeviceInfo {
        let (holder, waiting) = match &self.family {
            Family::Scanner(scanner) => scanner.queue.holder(),
            Family::Printer(printer) => printer.holder(),
            Family::Card(reader) => reader.queue.holder(),
            Family::Queue(queue) => (queue.holder(), 0),
        };
        self.board.info(holder, waiting)
    }
}

#[cfg(test)]
impl Hub {
    /// A hub of one scanner whose line the test plays.
    pub(crate) fn of_scanner(role: &str, scanner: Scanner, events: Arc<EventLog>) -> Self {
        let board = Arc::clone(&scanner.board);
        let family = Family::Scanner(scanner);
        let role = role.to_owned();
        let devices = vec![Device {
            role,
            board,
            family,
        }];
        let claims = Arc::default();
        Self {
            inner: Arc::new(Inner {
                events,
                devices,
                claims,
            }),
        }
    }
}
