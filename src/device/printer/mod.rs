//! Receipt printers: a document goes in, what became of the paper comes out.
//!
//! A job ends in one of three ways and says how it is known: proven, certainly not printed (no byte of it
//! left), or unknown. It must not know what a receipt is for, nor repeat a job by itself.

pub mod escpos;
pub mod ipp;
mod owner;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::board::{Board, Holder};
use super::error::DeviceError;
use super::event::now_ms;
use super::health::{self, Check};
use super::quirks::Profile;
use super::usb_line::Turn;
use crate::book::Code;
use crate::config::devices::{At, DeviceConfig, Flow};
use crate::document::Content;

/// Jobs and looks that may wait for one printer.
const ORDERS_MAX: usize = 32;
/// Longest wait for a look at a printer, its connection included.
const LOOK_MS_MAX: u64 = 6_000;
/// How slow a line behind a network or a USB plug may be.
const LINE_BAUD_LEAST: u64 = 9_600;
/// An owner that has a job answers by the job's deadline; this is what it may be late.
const LATE_MS_MAX: u64 = 2_000;

/// How a job shall be done.
#[derive(Clone, Copy, Debug)]
pub struct PrintOptions {
    /// When the answer must be there. A printer out of paper is waited for until then.
    pub deadline: Instant,
    /// Wait for the proof. Without it a job that left whole is `Unknown(PRINT_NOT_PROVEN)`.
    pub want_proof: bool,
    /// The time that the job's bytes take on the line is added to the deadline.
    pub plus_line_time: bool,
}

/// Which job, for logs and for whoever looks who has the printer.
#[derive(Clone, Copy, Debug)]
pub struct JobOf<'a> {
    /// Its id.
    pub id: &'a str,
    /// Whose it is, as the journal knows the caller; empty: nobody's.
    pub by: &'a str,
}

impl<'a> From<&'a str> for JobOf<'a> {
    fn from(id: &'a str) -> Self {
        Self { id, by: "" }
    }
}

/// What became of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrintOutcome {
    /// The paper came out.
    Printed {
        /// How that is known.
        proof: Proof,
    },
    /// No byte of the job left: it may be printed again without a mark.
    NotPrinted {
        /// Why.
        code: Code,
    },
    /// Bytes left and nothing proves what became of them: reprint only with a mark.
    Unknown {
        /// What is in the way.
        code: Code,
        /// Bytes of the job that left.
        bytes_sent: usize,
    },
}

/// How it is known that paper came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The printer gave back the job's own number after the last line.
    ProcessId,
    /// The printer answered a status question that stood behind the last line, and had paper.
    StatusAfter,
}

/// What a printer says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrinterState {
    /// It accepts data.
    pub online: bool,
    /// Its paper.
    pub paper: Paper,
    /// Its cover is open.
    pub cover_open: bool,
    /// Its knife or head is in trouble.
    pub error: bool,
    /// What its print queue says is wrong with itself; what has no queue says nothing.
    pub queue: Option<Code>,
}

/// The roll.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Paper {
    /// Enough.
    #[default]
    Ok,
    /// Near its end.
    Low,
    /// None.
    Out,
}

impl Default for PrinterState {
    fn default() -> Self {
        Self {
            online: true,
            paper: Paper::Ok,
            cover_open: false,
            error: false,
            queue: None,
        }
    }
}

impl PrinterState {
    /// Why it cannot print; `None`: it can.
    #[must_use]
    pub fn trouble(&self) -> Option<Code> {
        if self.cover_open {
            Some(Code::CoverOpen)
        } else if self.paper == Paper::Out {
            Some(Code::PaperOut)
        } else if self.queue.is_some() {
            self.queue
        } else if self.error || !self.online {
            Some(Code::PrinterError)
        } else {
            None
        }
    }
}

/// Where a printer is.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Tcp { address: String },
    Serial { at: At, baud: u32, flow: Flow },
    Usb { at: At, turn: Turn },
}

impl Place {
    /// Found by rule.
    pub(crate) fn on_usb(at: At) -> Self {
        let turn = Turn::new();
        Self::Usb { at, turn }
    }

    /// What a byte takes on the line: ten bits, and half as long again. What stands behind a network or a USB plug is
    /// taken for a serial line too.
    fn byte_ns(&self) -> u64 {
        let baud = match self {
            Place::Serial { baud, .. } => u64::from(*baud).max(1),
            Place::Tcp { .. } | Place::Usb { .. } => LINE_BAUD_LEAST,
        };
        15 * 1_000_000_000 / baud
    }
}

/// An order to the owner.
pub(crate) enum Order {
    Print(Job),
    Look(oneshot::Sender<Result<PrinterState, DeviceError>>),
}

/// One paper on its way.
pub(crate) struct Job {
    id: String,
    /// Whose it is.
    by: String,
    bytes: Vec<u8>,
    /// Where no command and no line of them is open.
    seams: Vec<usize>,
    /// They are a caller's own.
    is_raw: bool,
    options: PrintOptions,
    claim: Arc<AtomicU8>,
    holder: Arc<std::sync::Mutex<Option<Holder>>>,
    reply: oneshot::Sender<PrintOutcome>,
}

impl Job {
    fn of(&self) -> JobOf<'_> {
        JobOf {
            id: &self.id,
            by: &self.by,
        }
    }
}

const WAITING: u8 = 0;
const TAKEN: u8 = 1;
const WITHDRAWN: u8 = 2;
/// Bytes of it may be leaving.
const SENDING: u8 = 3;

impl Job {
    /// Takes the job for printing; `false`: its caller has withdrawn it.
    fn take(&self) -> bool {
        let free = !self.reply.is_closed();
        free && self
            .claim
            .compare_exchange(WAITING, TAKEN, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// Its bytes leave from here on; `false`: its caller has been told that none did.
    fn begin(&self) -> bool {
        (self.claim)
            .compare_exchange(TAKEN, SENDING, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }
}

/// What a printer's past means for its next job. A successor with another configuration goes on with its
/// predecessor's: what the printer holds and still owes does not change with our files.
#[derive(Clone)]
pub(crate) struct SharedPast(Arc<tokio::sync::Mutex<escpos::Past>>);

impl SharedPast {
    /// `was_cut_off`: an earlier process left it without knowing that its last paper came out whole.
    pub(crate) fn of(was_cut_off: bool) -> Self {
        let left = if was_cut_off {
            escpos::Left::CutOff
        } else {
            escpos::Left::default()
        };
        Self(Arc::new(tokio::sync::Mutex::new(escpos::Past::of(left))))
    }

    /// That of the printer which becomes the one of this configuration: the one in the same place, else the one of
    /// the same role.
    pub(crate) fn behind<'a>(
        before: impl Iterator<Item = &'a Printer> + Clone,
        config: &DeviceConfig,
    ) -> Self {
        let is_there = |it: &&Printer| it.board.config().kind.is_same_place(&config.kind);
        let has_role = |it: &&Printer| it.board.config().role == config.role;
        let mut there = before.clone().filter(is_there);
        let mut of_role = before.filter(has_role);
        let found = there.next().or_else(|| of_role.next());
        found.map_or_else(|| Self::of(false), |printer| printer.past.clone())
    }

    fn lock(&self) -> impl Future<Output = tokio::sync::OwnedMutexGuard<escpos::Past>> + use<> {
        Arc::clone(&self.0).lock_owned()
    }
}

/// The hub's side of one printer.
#[derive(Clone)]
pub(crate) struct Printer {
    pub(crate) board: Arc<Board>,
    /// For its successor.
    pub(crate) past: SharedPast,
    byte_ns: u64,
    profile: &'static Profile,
    orders: mpsc::Sender<Order>,
    holder: Arc<std::sync::Mutex<Option<Holder>>>,
}

impl Printer {
    /// Starts the owner of a printer. It ends when nobody holds a handle any more.
    pub(crate) fn start(
        config: &DeviceConfig,
        place: Place,
        profile: &'static Profile,
        board: Arc<Board>,
        past: SharedPast,
    ) -> Self {
        let byte_ns = place.byte_ns();
        let (orders, inbox) = mpsc::channel(ORDERS_MAX);
        tracing::debug!(device = %config.name, model = profile.name, "printer owned");
        let owned = owner::own(place, profile, Arc::clone(&board), inbox, past.clone());
        tokio::spawn(owned);
        Self {
            board,
            past,
            byte_ns,
            profile,
            orders,
            holder: Arc::default(),
        }
    }

    /// Prints behind the jobs that came before. Once `withdraw` resolves, a job that the printer has not been given
    /// is taken back; one that it has ends as it does.
    pub(crate) async fn print(
        &self,
        job: JobOf<'_>,
        content: &Content,
        mut options: PrintOptions,
        withdraw: impl Future<Output = ()> + Send,
    ) -> PrintOutcome {
        let encoded = escpos::encode_content(content, self.profile);
        if options.plus_line_time {
            options.deadline += self.line_time(encoded.bytes.len());
        }
        let id = job.id;
        self.warn_of_code_points(id, encoded.unprintable);
        let (reply, mut answer) = oneshot::channel();
        let claim = Arc::new(AtomicU8::new(WAITING));
        let job = Job {
            id: id.to_owned(),
            by: job.by.to_owned(),
            bytes: encoded.bytes,
            seams: encoded.seams,
            is_raw: matches!(content, Content::Raw(_) | Content::MarkedRaw { .. }),
            options,
            claim: Arc::clone(&claim),
            holder: Arc::clone(&self.holder),
            reply,
        };
        if self.orders.try_send(Order::Print(job)).is_err() {
            tracing::warn!(
                device = self.board.name(),
                job = id,
                "{ORDERS_MAX} jobs wait already"
            );
            let code = self.why_busy();
            return PrintOutcome::NotPrinted { code };
        }
        let not_taken = || {
            let taken_back =
                claim.compare_exchange(WAITING, WITHDRAWN, Ordering::AcqRel, Ordering::Acquire);
            let code = self.why_busy();
            taken_back
                .is_ok()
                .then_some(PrintOutcome::NotPrinted { code })
        };
        tokio::pin!(withdraw);
        let mut withdrawn = false;
        loop {
            tokio::select! {
                biased;
                outcome = &mut answer => return outcome.unwrap_or_else(|_| self.owner_gone(&claim)),
                () = sleep_until(options.deadline) => break,
                () = &mut withdraw, if !withdrawn => {
                    withdrawn = true;
                    if let Some(outcome) = not_taken() {
                        return outcome;
                    }
                }
            }
        }
        if let Some(outcome) = not_taken() {
            return outcome;
        }
        let late = timeout(Duration::from_millis(LATE_MS_MAX), answer).await;
        late.ok()
            .and_then(Result::ok)
            .unwrap_or_else(|| self.owner_gone(&claim))
    }

    /// Characters of this that it has no glyph for, nor have we.
    pub(crate) fn unprintable(&self, content: &Content) -> usize {
        escpos::unprintable(content, self.profile)
    }

    fn warn_of_code_points(&self, job: &str, characters: usize) {
        if characters > 0 {
            let device = self.board.name();
            let what = "characters without a glyph are printed as code points";
            tracing::warn!(device, job, characters, "{what}");
        }
    }

    /// Why a job that it was not given does not print: what it is in trouble with, else the jobs before.
    pub(crate) fn why_busy(&self) -> Code {
        let trouble = self.board.printer().and_then(|state| state.trouble());
        trouble.unwrap_or(Code::PrinterBusy)
    }

    /// How long so many bytes are on their way.
    fn line_time(&self, bytes: usize) -> Duration {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        Duration::from_nanos(bytes.saturating_mul(self.byte_ns))
    }

    /// What the printer is taken for.
    pub(crate) fn profile(&self) -> &'static Profile {
        self.profile
    }

    /// How it is, with evidence: what it answers, or why it is not asked.
    pub(crate) async fn health(&self) -> Vec<Check> {
        if let Some(checks) = self.health_in_job() {
            return checks;
        }
        let began = std::time::Instant::now();
        let looked = self.look().await;
        // A job may have begun before its turn came.
        match self.health_in_job().filter(|_| looked.is_err()) {
            Some(checks) => checks,
            None => health::of_answer(&looked, began),
        }
    }

    fn health_in_job(&self) -> Option<Vec<Check>> {
        let (job, _) = self.holder();
        let since_ms = job.filter(|_| self.board.is_busy())?.since_ms;
        let since = Duration::from_millis(now_ms().saturating_sub(since_ms));
        Some(health::of_job(since, self.board.heard()))
    }

    /// While a job is on its way: what it said last.
    pub(crate) async fn look(&self) -> Result<PrinterState, DeviceError> {
        if self.board.is_busy()
            && let Some(state) = self.board.printer()
        {
            return Ok(state);
        }
        let (reply, answer) = oneshot::channel();
        let failed =
            |code, what: &str| DeviceError::new(code, format!("{}: {what}", self.board.name()));
        let missing = |what: &str| failed(Code::PrinterMissing, what);
        if self.orders.try_send(Order::Look(reply)).is_err() {
            return Err(failed(self.why_busy(), "too many wait for it"));
        }
        let latest = Instant::now() + Duration::from_millis(LOOK_MS_MAX);
        match timeout_at(latest, answer).await {
            Ok(Ok(state)) => state,
            Ok(Err(_)) => Err(missing("its owner ended")),
            Err(_) => Err(missing("no answer in time")),
        }
    }

    /// The job that is on its way, and how many orders wait behind.
    pub(crate) fn holder(&self) -> (Option<Holder>, usize) {
        let holder = self
            .holder
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone();
        (holder, self.orders.max_capacity() - self.orders.capacity())
    }

    /// The same after the printer was taken out of the configuration; it ends with the last job.
    pub(crate) fn holder_to_watch(&self) -> std::sync::Weak<std::sync::Mutex<Option<Holder>>> {
        Arc::downgrade(&self.holder)
    }

    /// The owner hangs, or the runtime is going down. A job that was not begun is taken back; how far another came is
    /// not known.
    fn owner_gone(&self, claim: &AtomicU8) -> PrintOutcome {
        let taken_back =
            claim.compare_exchange(TAKEN, WITHDRAWN, Ordering::AcqRel, Ordering::Acquire);
        if taken_back.is_ok() {
            let code = Code::PrinterMissing;
            return PrintOutcome::NotPrinted { code };
        }
        tracing::error!(
            device = self.board.name(),
            "the printer's owner did not answer"
        );
        PrintOutcome::Unknown {
            code: Code::PrintNotProven,
            bytes_sent: 0,
        }
    }
}

/// Shows a job as the holder for as long as it lives.
struct Shown<'a>(&'a std::sync::Mutex<Option<Holder>>);

impl<'a> Shown<'a> {
    fn new(place: &'a std::sync::Mutex<Option<Holder>>, job: JobOf<'_>) -> Self {
        let holder = Holder {
            stream: job.id.to_owned(),
            what: "print".to_owned(),
            by: job.by.to_owned(),
            since_ms: now_ms(),
            until_ms: None,
        };
        *place
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(holder);
        Self(place)
    }
}

impl Drop for Shown<'_> {
    fn drop(&mut self) {
        *self
            .0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = None;
    }
}
