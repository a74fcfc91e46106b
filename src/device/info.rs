//! PURE. One row of the list of devices, as it was at a moment.

use super::event::What;
use super::printer::PrinterState;
use crate::book::Code;

/// One row of the list of devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceInfo {
    /// The desk's name for it.
    pub name: String,
    /// What it is for.
    pub role: String,
    /// `serial-scanner`, `hid-scanner`, `keyboard-scanner`, `escpos-tcp`, `escpos-serial`, `escpos-usb`, `pcsc-reader`,
    /// `id-card-serial`, `cups-queue` or `ipp-printer`.
    pub kind: &'static str,
    /// Its path, or host and port.
    pub address: String,
    /// The row of the quirks table that was asked for.
    pub model: Option<String>,
    /// How it is.
    pub state: DeviceState,
    /// What it did since the start.
    pub counters: Counters,
    /// Who has it.
    pub holder: Option<Holder>,
    /// How many wait for it.
    pub waiting: usize,
    /// The last trouble and when it was, in milliseconds of the civil clock.
    pub last_error: Option<(Code, u64)>,
    /// What the printer said last; scanners say nothing.
    pub printer: Option<PrinterState>,
    /// Whether a card lies in the reader; what is no card reader has none.
    pub has_card: bool,
}

/// Who has a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The stream.
    pub stream: String,
    /// What it does with it.
    pub what: String,
    /// Whose stream it is, as its door knows the caller.
    pub by: String,
    /// Since when, in milliseconds of the civil clock.
    pub since_ms: u64,
    /// Until when at the latest, unless the holder renews; absent: no time is set.
    pub until_ms: Option<u64>,
}

/// How a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceState {
    /// Not looked at: a printer on TCP that has no job.
    Closed,
    /// Not there, or it does not answer.
    Missing,
    /// It can be used.
    Ready,
    /// A job is on its way.
    Busy,
    /// No paper.
    PaperOut,
    /// The cover is open.
    CoverOpen,
    /// Another trouble that the printer reports.
    Fault,
}

/// What a device did since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Counters {
    /// How often its line was opened.
    pub opened: u64,
    /// Bytes from it.
    pub bytes_in: u64,
    /// Bytes to it.
    pub bytes_out: u64,
    /// Codes that were given to an asker.
    pub codes: u64,
    /// Codes that came while nobody was armed.
    pub codes_ignored: u64,
    /// Jobs that began.
    pub jobs: u64,
    /// Jobs whose paper is proven.
    pub jobs_proven: u64,
    /// Cards that were given to an asker.
    pub cards: u64,
    /// Readings of cards that failed.
    pub cards_failed: u64,
    /// How often the kernel had, or may have had, no room for all that a scanner sent: a code was lost.
    pub losses: u64,
}

impl DeviceInfo {
    /// Why it is missing, when the last try to open it found more than that nothing is there.
    #[must_use]
    pub fn why_missing(&self) -> Option<Code> {
        why_missing(self.state, self.last_error)
    }
}

/// What keeps a device closed that is plugged in; what is lost once it was open has another code.
pub(super) fn why_missing(state: DeviceState, last_error: Option<(Code, u64)>) -> Option<Code> {
    let (code, _) = last_error.filter(|_| state == DeviceState::Missing)?;
    kept_closed(code).map(|_| code)
}

/// What a watcher is told when this keeps a device closed that is plugged in.
pub(super) fn kept_closed(code: Code) -> Option<What> {
    const KEEP_CLOSED: [(Code, What); 3] = [
        (Code::DevicePermission, What::NotPermitted),
        (Code::DeviceAmbiguous, What::Ambiguous),
        (Code::DeviceHeldElsewhere, What::HeldElsewhere),
    ];
    let mut all = KEEP_CLOSED.into_iter();
    all.find_map(|(keeps, what)| (keeps == code).then_some(what))
}
