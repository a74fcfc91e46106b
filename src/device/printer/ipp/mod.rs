//! Report printers: a queue of CUPS, or a printer that speaks IPP itself.
//!
//! Each call is one request with a deadline. A job is made empty (Create-Job), seen to be ours, then given its document
//! (Send-Document): whoever loses the answer of the first has printed nothing, and whoever loses the answer of the
//! second knows whom to ask. It must not know what is printed, nor repeat a request by itself.

mod http;
mod message;
mod redact;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;

use self::http::{Answered, Upload, exchange, refused};
use self::message::{Answer, Ask, refusal, request};
use super::{JobOf, PrinterState, Shown};
use crate::book::Code;
use crate::config::devices::QueuePlace;
use crate::device::board::{Board, Holder};
use crate::device::error::DeviceError;
use crate::device::record::Tapped;

pub(crate) use redact::QueueTalk;

/// Between two looks at an idle queue, and at one that does not answer.
const HEARTBEAT_MS: u64 = 10_000;
const AWAY_MS: u64 = 1_000;
/// Longest wait for an answer without a document.
const ANSWER_MS_MAX: u64 = 5_000;
/// And for one to a document: 32 MiB over a slow network, to a queue that reads it whole before it answers.
const DOCUMENT_MS_MAX: u64 = 120_000;
/// Whoever the jobs belong to when this process's user has no name.
const USER_DEFAULT: &str = "yibaod";

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There was no answer: it may have been carried out.
    NoAnswer(DeviceError),
    /// It was not, says the answer.
    Refused(DeviceError),
}

impl Refusal {
    /// What is wrong.
    #[must_use]
    pub fn error(&self) -> &DeviceError {
        match self {
            Refusal::NoAnswer(error) | Refusal::Refused(error) => error,
        }
    }
}

/// A job as its queue tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobSeen {
    /// Its number there.
    pub id: i32,
    /// Its name there; `None`: we are not shown it.
    pub name: Option<String>,
    /// How far it came.
    pub stage: JobStage,
    /// The queue has no document of it, or not the whole of it.
    pub awaits_document: bool,
    /// When it was begun.
    pub began: JobBegan,
    /// Sheets, or pages, that came out.
    pub sheets: u32,
}

/// When a job was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobBegan {
    /// Never, says the queue.
    Never,
    /// The last time, by the queue's clock.
    At(i32),
    /// The queue does not say.
    Untold,
}

/// How far a job came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobStage {
    /// It waits for its turn, its document or its printer.
    Pending,
    /// Somebody holds it.
    Held,
    /// It is being printed.
    Processing,
    /// It was being printed and the printer stopped.
    Stopped,
    /// It ended because somebody wanted it to.
    Cancelled,
    /// It ended because it could not be done, or not rightly.
    Aborted,
    /// It ended well.
    Completed,
}

impl JobStage {
    /// Whether nothing more will happen to it.
    #[must_use]
    pub fn is_over(self) -> bool {
        match self {
            JobStage::Cancelled | JobStage::Aborted | JobStage::Completed => true,
            JobStage::Pending | JobStage::Held | JobStage::Processing | JobStage::Stopped => false,
        }
    }
}

/// A document on its way to a queue.
pub struct PdfUpload {
    /// Its length.
    pub bytes: u64,
    /// Its bytes.
    pub pieces: mpsc::Receiver<io::Result<Bytes>>,
}

/// A queue. Cheap to clone; its watcher ends with the last handle.
#[derive(Clone)]
pub struct ReportQueue {
    inner: Arc<Inner>,
    _alive: Arc<watch::Sender<()>>,
}

struct Inner {
    place: QueuePlace,
    user: String,
    board: Arc<Board>,
    holder: Mutex<Option<Holder>>,
    /// Somebody looked in vain.
    is_away: Notify,
    /// One exchange is told behind the other: looks go on while a document is on its way.
    telling: Mutex<()>,
}

impl ReportQueue {
    /// Begins to watch a queue. Must be called in a runtime.
    pub(crate) fn start(place: QueuePlace, board: Arc<Board>) -> Self {
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let inner = Arc::new(Inner {
            place,
            user: user_name(&passwd, rustix::process::geteuid().as_raw()),
            board,
            holder: Mutex::default(),
            is_away: Notify::new(),
            telling: Mutex::default(),
        });
        let (alive, gone) = watch::channel(());
        tokio::spawn(watch_over(Arc::clone(&inner), gone));
        Self {
            inner,
            _alive: Arc::new(alive),
        }
    }

    /// Who has it.
    pub(crate) fn holder(&self) -> Option<Holder> {
        let holder = self.inner.holder.lock();
        holder.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shows a job as the holder until the guard is dropped.
    #[must_use]
    pub fn hold(&self, job: JobOf<'_>) -> QueueHold<'_> {
        self.inner.board.busy();
        QueueHold {
            _shown: Shown::new(&self.inner.holder, job),
            board: &self.inner.board,
        }
    }

    /// Notes that a job is finished, as far as the queue knows.
    pub fn finished(&self) {
        self.inner.board.count(|counters| counters.jobs_proven += 1);
    }

    /// How printer and queue are.
    ///
    /// # Errors
    /// `PRINT_SERVICE_MISSING`, or what the print service refuses it for.
    pub async fn look(&self) -> Result<PrinterState, DeviceError> {
        let looked = self.inner.look().await;
        if looked.is_err() {
            self.inner.is_away.notify_one();
        }
        looked
    }

    /// Makes an empty job and gives its number.
    ///
    /// # Errors
    /// Without an answer there may be an empty job of this name: [`ReportQueue::empty_jobs`] finds it.
    pub async fn create(&self, name: &str) -> Result<i32, Refusal> {
        let answer = self.inner.ask(Ask::Create { name }).await?;
        self.inner.accepted(&answer, false)?;
        answer.job_id().ok_or_else(|| garbled("no job-id"))
    }

    /// Gives a job its document.
    ///
    /// # Errors
    /// Without an answer the queue may have it.
    pub async fn send(&self, job: i32, name: &str, pdf: PdfUpload) -> Result<(), Refusal> {
        let inner = &self.inner;
        let head = inner.request(Ask::Send { job, name })?;
        let upload = Upload::with(head, pdf.bytes, Some(pdf.pieces));
        let bytes = pdf.bytes;
        let answer = inner.exchange(upload, DOCUMENT_MS_MAX).await?;
        inner.board.count(|counters| counters.bytes_out += bytes);
        inner.accepted(&answer, false)
    }

    /// What became of a job; `None`: the queue knows none of this number and one of these names.
    ///
    /// # Errors
    /// The queue does not tell.
    pub async fn job(
        &self,
        job: i32,
        names: &[impl AsRef<str> + Sync],
    ) -> Result<Option<JobSeen>, Refusal> {
        let answer = self.inner.ask(Ask::Look { job }).await?;
        if !answer.is_success() && refusal(answer.status, true).is_none() {
            return Ok(None);
        }
        self.inner.accepted(&answer, true)?;
        let is_ours = |seen: &JobSeen| is_among(seen, names);
        // After a lost history numbers begin anew: the number alone may be another's.
        Ok(answer.jobs().next().filter(is_ours))
    }

    /// The numbers of the unfinished jobs of one of these names that have no document.
    ///
    /// # Errors
    /// The queue does not tell.
    pub async fn empty_jobs(&self, names: &[impl AsRef<str> + Sync]) -> Result<Vec<i32>, Refusal> {
        let answer = self.inner.ask(Ask::List).await?;
        self.inner.accepted(&answer, false)?;
        let is_meant = |seen: &JobSeen| is_among(seen, names) && seen.awaits_document;
        Ok(answer.jobs().filter(is_meant).map(|seen| seen.id).collect())
    }

    /// Asks to end a job. Whether it did is for [`ReportQueue::job`] to tell.
    ///
    /// # Errors
    /// There is no answer. That the job cannot be ended any more is none.
    pub async fn cancel(&self, job: i32) -> Result<(), Refusal> {
        let answer = self.inner.ask(Ask::Cancel { job }).await?;
        tracing::info!(
            device = self.inner.board.name(),
            job,
            status = answer.status,
            "asked the queue to end a job"
        );
        Ok(())
    }
}

/// A job holds the queue.
pub struct QueueHold<'a> {
    _shown: Shown<'a>,
    board: &'a Board,
}

impl Drop for QueueHold<'_> {
    fn drop(&mut self) {
        self.board.job_over();
    }
}

impl Inner {
    async fn look(&self) -> Result<PrinterState, DeviceError> {
        let looked = self.printer().await;
        match &looked {
            Ok(state) => {
                if !self.board.is_open() {
                    self.board.arrived();
                }
                self.board.observed(*state);
            }
            Err(error) => {
                self.board.failed(error);
                self.board.unplugged();
            }
        }
        looked
    }

    async fn printer(&self) -> Result<PrinterState, DeviceError> {
        let asked = self.ask(Ask::Printer).await;
        let answer = asked.map_err(|refusal| refusal.error().clone())?;
        let accepted = self.accepted(&answer, false);
        accepted.map_err(|refusal| refusal.error().clone())?;
        let state = answer.printer();
        state.ok_or_else(|| garbled("no printer-state").error().clone())
    }

    async fn ask(&self, ask: Ask<'_>) -> Result<Answer, Refusal> {
        let head = self.request(ask)?;
        self.exchange(Upload::of(head), ANSWER_MS_MAX).await
    }

    fn request(&self, ask: Ask<'_>) -> Result<Bytes, Refusal> {
        request(ask, &self.place, &self.user).ok_or_else(|| {
            let detail = "a name is too long for IPP";
            Refusal::Refused(DeviceError::new(Code::QueueUnsuitable, detail))
        })
    }

    async fn exchange(&self, upload: Upload, ms_max: u64) -> Result<Answer, Refusal> {
        let deadline = Instant::now() + Duration::from_millis(ms_max);
        let asked = (upload.head(), upload.document_bytes());
        let answered = exchange(&self.place, &self.user, upload, deadline).await;
        self.tell(asked, answered.as_ref().ok());
        match answered? {
            Answered::Message(bytes) => Answer::open(bytes).ok_or_else(|| garbled("it is no IPP")),
            Answered::Status(status) => Err(refused(&self.place, status)),
        }
    }

    /// Tells who records of an exchange that is over. A document is not told: it is a person's.
    fn tell(&self, (head, document): (Bytes, Option<u64>), answered: Option<&Answered>) {
        let _one = self.telling.lock().unwrap_or_else(PoisonError::into_inner);
        let tapped = Tapped::open(self.board.tap(), &[]);
        if !tapped.is_on() {
            return;
        }
        tapped.left(&head);
        if let Some(bytes) = document {
            tapped.left(&redact::document_line(bytes));
        }
        match answered {
            Some(Answered::Message(bytes)) => tapped.came(bytes),
            Some(Answered::Status(status)) => tapped.came(&redact::status_line(status.as_u16())),
            None => {}
        }
    }

    /// That a request was carried out.
    fn accepted(&self, answer: &Answer, about_job: bool) -> Result<(), Refusal> {
        if answer.is_success() {
            return Ok(());
        }
        let code = refusal(answer.status, about_job).unwrap_or(Code::QueueLost);
        let detail = format!("{} answers 0x{:04x}", self.place.shown(), answer.status);
        Err(Refusal::Refused(DeviceError::new(code, detail)))
    }
}

fn is_among(seen: &JobSeen, names: &[impl AsRef<str>]) -> bool {
    let called = seen.name.as_deref();
    names.iter().any(|name| called == Some(name.as_ref()))
}

/// What cannot be understood says nothing about what was done.
fn garbled(what: &str) -> Refusal {
    let detail = format!("the answer of the print service: {what}");
    Refusal::NoAnswer(DeviceError::new(Code::PrintServiceMissing, detail))
}

/// Looks now and then, so that lists and watchers know; more often while it is away, whoever found that.
async fn watch_over(inner: Arc<Inner>, mut gone: watch::Receiver<()>) {
    loop {
        let looked = inner.look().await;
        let pause_ms = if looked.is_ok() {
            HEARTBEAT_MS
        } else {
            AWAY_MS
        };
        tokio::select! {
            // Nothing is ever sent: it ends.
            _ = gone.changed() => return,
            () = inner.is_away.notified(), if looked.is_ok() => {}
            () = tokio::time::sleep(Duration::from_millis(pause_ms)) => {}
        }
    }
}

/// The name of a user by `/etc/passwd`.
fn user_name(passwd: &str, uid: u32) -> String {
    let uid = uid.to_string();
    let named = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    });
    named.unwrap_or_else(|| USER_DEFAULT.to_owned())
}
