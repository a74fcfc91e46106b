//! One device of the hub: which owner it has, by the kind that was configured.

use std::sync::Arc;

use super::board::{Board, DeviceInfo};
use super::card::{self, CardReader, Medium};
use super::event::EventLog;
use super::hint::Hint;
use super::hub::{ROLE_CARD, ROLE_ID_CARD};
use super::printer::ipp::ReportQueue;
use super::printer::{Place, Printer, SharedPast};
use super::queue::Queue;
use super::quirks;
use super::scanner::owner::Line;
use super::scanner::{Scanner, Wire};
use super::succession::Before;
use crate::book::Code;
use crate::config::devices::{DeviceConfig, Kind};

/// The readers that patients show cards to. All others are used only by their names.
pub(super) const PATIENT_CARD_ROLES: [&str; 2] = [ROLE_CARD, ROLE_ID_CARD];

/// A device, its board and who owns it.
pub(super) struct Device {
    pub(super) role: String,
    pub(super) board: Arc<Board>,
    pub(super) family: Family,
}

/// The owner, by what it owns.
pub(super) enum Family {
    Scanner(Scanner),
    Printer(Printer),
    Card(CardReader),
    Queue(ReportQueue),
}

impl Family {
    /// What it reads, if it is a card reader.
    pub(super) fn media(&self) -> &'static [Medium] {
        match self {
            Family::Card(reader) => reader.media,
            Family::Scanner(_) | Family::Printer(_) | Family::Queue(_) => &[],
        }
    }
}

impl Device {
    pub(super) fn start(
        config: DeviceConfig,
        events: &Arc<EventLog>,
        hint: &Hint,
        waiting_max: usize,
        past: SharedPast,
        before: Before,
    ) -> Self {
        let board = Board::behind(config.clone(), Arc::clone(events), before.boards);
        let board = Arc::new(board);
        let queue = || Queue::behind(before.queue.clone(), &board, waiting_max);
        let profile = quirks::profile_of(&config);
        let printer = |place| {
            let board = Arc::clone(&board);
            Family::Printer(Printer::start(&config, place, profile, board, past.clone()))
        };
        let scanner = |at, wire, framing| {
            let line = Line {
                at,
                wire,
                framing,
                hint: hint.clone(),
            };
            let board = Arc::clone(&board);
            Family::Scanner(Scanner::start(&config, line, board, queue()))
        };
        let family = match config.kind.clone() {
            Kind::SerialScanner { at, baud, framing } => {
                scanner(at, Wire::Serial { baud }, framing)
            }
            Kind::HidScanner { at, framing } => scanner(at, Wire::Hid, framing),
            Kind::KeyboardScanner { at, framing } => scanner(at, Wire::Keyboard, framing),
            Kind::EscPosTcp { address } => printer(Place::Tcp { address }),
            Kind::EscPosSerial { at, baud, flow } => printer(Place::Serial { at, baud, flow }),
            Kind::EscPosUsb { at } => printer(Place::on_usb(at)),
            Kind::PcscReader { .. } | Kind::IdCardSerial { .. } | Kind::IdCardUsb { .. } => {
                Family::Card(card::start(&config, Arc::clone(&board), queue()))
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
    pub(super) fn model(&self) -> &str {
        match &self.family {
            Family::Printer(printer) => printer.profile().name,
            Family::Scanner(_) | Family::Card(_) | Family::Queue(_) => {
                self.board.config().model.as_deref().unwrap_or_default()
            }
        }
    }

    pub(super) fn printer(&self) -> Option<&Printer> {
        match &self.family {
            Family::Printer(printer) => Some(printer),
            Family::Scanner(_) | Family::Card(_) | Family::Queue(_) => None,
        }
    }

    pub(super) fn is_for_patients_cards(&self) -> bool {
        PATIENT_CARD_ROLES.contains(&self.role.as_str())
    }

    pub(super) fn reads(&self, wanted: &[Medium]) -> bool {
        self.family.media().iter().any(|it| wanted.contains(it))
    }

    pub(super) fn is(&self, role_or_name: &str) -> bool {
        self.role == role_or_name || self.board.name() == role_or_name
    }

    /// What is said when it is not there.
    pub(super) fn missing(&self) -> Code {
        match self.family {
            Family::Scanner(_) => Code::ScannerMissing,
            Family::Printer(_) | Family::Queue(_) => Code::PrinterMissing,
            Family::Card(_) => Code::CardReaderMissing,
        }
    }

    pub(super) fn info(&self) -> DeviceInfo {
        let (holder, waiting) = match &self.family {
            Family::Scanner(scanner) => scanner.queue.holder(),
            Family::Printer(printer) => printer.holder(),
            Family::Card(reader) => reader.queue.holder(),
            Family::Queue(queue) => (queue.holder(), 0),
        };
        self.board.info(holder, waiting)
    }
}
