//! The task that owns a printer: opens and reopens its link, looks at it, carries one job after the other.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedMutexGuard, mpsc};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::escpos::{Bytes, Conversation, JobNumbers, Past};
use super::{Job, Order, Place, PrintOutcome, PrinterState, SharedPast, Shown};
use crate::book::Code;
use crate::device::board::Board;
use crate::device::error::DeviceError;
use crate::device::find::Class;
use crate::device::link::Link;
use crate::device::pause::Pause;
use crate::device::quirks::Profile;

/// Between two looks at an idle printer.
const HEARTBEAT_MS: u64 = 10_000;
/// A TCP printer that could not be looked at is tried again after this, then after twice as long, and so on to the
/// other: it may belong to others too.
const RETRY_MS_MIN: u64 = 1_000;
const RETRY_MS_MAX: u64 = 60_000;
/// A TCP printer without a job is let go after this, so that others can print.
const IDLE_MS_MAX: u64 = 30_000;
/// Longest wait for a look that is not part of a job.
const LOOK_MS_MAX: u64 = 2_500;

/// Owns the printer until no handle is left.
pub(crate) async fn own(
    place: Place,
    profile: &'static Profile,
    board: Arc<Board>,
    mut orders: mpsc::Receiver<Order>,
    past: SharedPast,
) {
    let mut owner = Owner::new(place, profile, board, past);
    loop {
        let wake_at = owner.wake_at;
        tokio::select! {
            biased;
            order = orders.recv() => match order {
                Some(Order::Print(job)) => owner.print(job).await,
                Some(Order::Look(reply)) => {
                    let state = owner.look(after(LOOK_MS_MAX)).await;
                    if reply.send(state).is_err() {
                        tracing::debug!("nobody waits for the look");
                    }
                }
                None => return,
            },
            () = owner.hear() => {}
            () = sleep_until(wake_at) => owner.wake().await,
        }
        owner.let_go_of_lost();
    }
}

struct Owner {
    place: Place,
    profile: &'static Profile,
    board: Arc<Board>,
    conversation: Option<Conversation>,
    numbers: JobNumbers,
    past: SharedPast,
    pause: Pause,
    /// The next pause of a TCP printer that is missing.
    retry_ms: Option<u64>,
    wake_at: Instant,
    used_at: Instant,
}

impl Owner {
    fn new(place: Place, profile: &'static Profile, board: Arc<Board>, past: SharedPast) -> Self {
        let now = Instant::now();
        Self {
            place,
            profile,
            board,
            conversation: None,
            numbers: JobNumbers::new(),
            past,
            pause: Pause::new(),
            retry_ms: None,
            wake_at: now,
            used_at: now,
        }
    }

    /// What the printer says by itself.
    async fn hear(&mut self) {
        match &mut self.conversation {
            Some(conversation) => conversation.hear(&self.board).await,
            None => std::future::pending().await,
        }
    }

    /// Time to look after the link. A TCP printer is called only when there is something to say.
    async fn wake(&mut self) {
        let on_tcp = matches!(self.place, Place::Tcp { .. });
        if on_tcp && self.is_idle() {
            if let Ok(mut past) = self.past(after(LOOK_MS_MAX)).await {
                past.let_go(self.profile);
            }
            self.conversation = None;
            self.board.closed();
        }
        self.wake_at = after(HEARTBEAT_MS);
        if on_tcp && self.conversation.is_none() && self.retry_ms.is_none() {
            return;
        }
        if let Err(error) = self.look(after(LOOK_MS_MAX)).await {
            tracing::debug!(device = self.board.name(), %error, "heartbeat");
        }
    }

    async fn look(&mut self, deadline: Instant) -> Result<PrinterState, DeviceError> {
        let looked = self.open_and_look(deadline).await;
        match &looked {
            Ok(_) => self.retry_ms = None,
            Err(error) => {
                self.board.failed(error);
                self.board.unplugged();
                self.try_again_later();
            }
        }
        looked
    }

    /// A TCP printer is looked at again by itself, so that who watches hears of its return.
    fn try_again_later(&mut self) {
        if let Place::Tcp { .. } = self.place {
            // A short visit: the printer may be another desk's meanwhile, and has one connection.
            if self
                .conversation
                .as_ref()
                .is_some_and(|it| !it.is_sending())
            {
                self.conversation = None;
            }
            let retry_ms = self.retry_ms.unwrap_or(RETRY_MS_MIN);
            self.wake_at = after(retry_ms);
            self.retry_ms = Some((2 * retry_ms).min(RETRY_MS_MAX));
        }
    }

    /// A TCP printer that nobody needs. Not while this machine holds bytes of a paper: closing may lose them.
    fn is_idle(&self) -> bool {
        let is_idle = self.used_at.elapsed() >= idle();
        let conversation = self.conversation.as_ref().filter(|_| is_idle);
        conversation.is_some_and(|it| !it.is_sending())
    }

    /// Looks at the printer; a link that died unnoticed is opened once more.
    async fn open_and_look(&mut self, deadline: Instant) -> Result<PrinterState, DeviceError> {
        let was_open = self.conversation.is_some();
        let first = self.look_once(deadline).await;
        let died = self
            .conversation
            .as_ref()
            .is_some_and(Conversation::is_lost);
        if first.is_err() && was_open && died {
            self.conversation = None;
            return self.look_once(deadline).await;
        }
        first
    }

    async fn look_once(&mut self, deadline: Instant) -> Result<PrinterState, DeviceError> {
        let mut past = self.past(deadline).await?;
        let conversation = match &mut self.conversation {
            Some(conversation) => conversation,
            none => {
                let opening = Self::open(&self.place, self.profile, &self.board, deadline);
                // A thread that hangs in the kernel closes by itself what it opens too late.
                let opened = timeout_at(deadline, opening).await.map_err(|_| {
                    let detail = format!("{}: does not open in time", self.board.name());
                    DeviceError::new(Code::PrinterMissing, detail)
                })??;
                past.link_opens(opened.may_overrun());
                none.insert(opened)
            }
        };
        conversation
            .look_behind(&mut past, &self.board, deadline)
            .await
    }

    /// The printer's past, for as long as it is written about; it may be a predecessor's that is still in a job.
    async fn past(&self, deadline: Instant) -> Result<OwnedMutexGuard<Past>, DeviceError> {
        let held = timeout_at(deadline, self.past.lock()).await;
        held.map_err(|_| {
            let detail = format!("{}: in a job of its old configuration", self.board.name());
            DeviceError::new(Code::PrinterBusy, detail)
        })
    }

    async fn open(
        place: &Place,
        profile: &'static Profile,
        board: &Board,
        deadline: Instant,
    ) -> Result<Conversation, DeviceError> {
        let link = match place {
            Place::Tcp { address } => Link::tcp(address, deadline).await?,
            Place::Serial { at, baud, flow } => {
                Link::serial(at, *baud, *flow, Code::PrinterMissing).await?
            }
            Place::Usb { at, turn } => {
                Link::usb(at, Class::UsbPrinter, turn, Code::PrinterMissing).await?
            }
        };
        board.arrived();
        Ok(Conversation::new(link.tapped(board.tap()), profile))
    }

    async fn print(&mut self, job: Job) {
        if !job.take() {
            tracing::debug!(
                device = self.board.name(),
                job = job.id,
                "withdrawn before it began"
            );
            return;
        }
        let shown = Shown::new(&job.holder, job.of());
        let outcome = self.print_now(&job).await;
        self.used_at = Instant::now();
        // A printer whose link the job lost is not ready first and missing then.
        self.drop_lost();
        self.board.job_over();
        drop(shown);
        self.report(&job, outcome);
        if job.reply.send(outcome).is_err() {
            tracing::info!(device = self.board.name(), "the job's caller is gone");
        }
    }

    async fn print_now(&mut self, job: &Job) -> PrintOutcome {
        let deadline = job.options.deadline;
        let state = match self.look(deadline).await {
            Ok(state) => state,
            Err(error) => return PrintOutcome::NotPrinted { code: error.code },
        };
        if let Some(code) = state.trouble() {
            return PrintOutcome::NotPrinted { code };
        }
        let mut past = match self.past(deadline).await {
            Ok(past) => past,
            Err(error) => return PrintOutcome::NotPrinted { code: error.code },
        };
        let Some(conversation) = &mut self.conversation else {
            return PrintOutcome::NotPrinted {
                code: Code::PrinterMissing,
            };
        };
        let settled = conversation
            .settle_past(&mut past, &self.board, deadline)
            .await;
        let trust_queued = match settled {
            Ok(trust) => trust,
            Err(error) => {
                self.board.failed(&error);
                return PrintOutcome::NotPrinted { code: error.code };
            }
        };
        if !job.begin() {
            let code = Code::PrinterMissing;
            return PrintOutcome::NotPrinted { code };
        }
        self.board.busy();
        let number = self.numbers.next();
        conversation
            .print(
                &Bytes {
                    bytes: &job.bytes,
                    seams: &job.seams,
                    is_raw: job.is_raw,
                },
                number,
                trust_queued,
                job.options,
                &mut past,
                &self.board,
            )
            .await
    }

    fn report(&self, job: &Job, outcome: PrintOutcome) {
        let (device, job, bytes) = (self.board.name(), job.id.as_str(), job.bytes.len());
        match outcome {
            PrintOutcome::Printed { proof } => {
                self.board.count(|c| c.jobs_proven += 1);
                tracing::info!(device, job, bytes, ?proof, "printed");
            }
            PrintOutcome::NotPrinted { code } => {
                tracing::warn!(device, job, bytes, code = code.id(), "not printed");
            }
            PrintOutcome::Unknown { code, bytes_sent } => {
                let code = code.id();
                tracing::warn!(
                    device,
                    job,
                    bytes,
                    bytes_sent,
                    code,
                    "not known whether printed"
                );
            }
        }
    }

    /// Drops a link that is of no more use.
    fn drop_lost(&mut self) {
        if self
            .conversation
            .as_ref()
            .is_some_and(Conversation::is_lost)
        {
            self.conversation = None;
            self.board.unplugged();
        }
    }

    /// Drops a link that is of no more use and plans the next opening.
    fn let_go_of_lost(&mut self) {
        self.drop_lost();
        match (&self.place, &self.conversation) {
            (Place::Serial { at, .. } | Place::Usb { at, .. }, None) => {
                let next = Instant::now() + self.pause.next(at);
                self.wake_at = self.wake_at.min(next);
            }
            (Place::Serial { .. } | Place::Usb { .. } | Place::Tcp { .. }, _) => self.pause.reset(),
        }
    }
}

fn idle() -> Duration {
    Duration::from_millis(IDLE_MS_MAX)
}

fn after(ms: u64) -> Instant {
    Instant::now() + Duration::from_millis(ms)
}
