//! Carries print jobs: waits its turn, writes the intent down, lets the bytes leave once, writes the outcome down.
//!
//! Jobs of one printer go in the order in which they came to be on disk: one that waits for paper holds up those
//! behind it. A receipt of a settlement does not queue here.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::crash::{CRASHES_MAX, STREAM};
use super::errand::{Out, to_its_end};
use super::live::{Carried, Registry, Reservation, Slot};
use super::measure;
use super::refunds::said_at_last;
use super::report::QueueView;
use super::rows::{RowError, written_or_end};
use super::start::{Parts, Runner};
use super::turn::{Ticket, Turns};
use crate::book::Code;
use crate::device::{Hub, JobOf, PrintOptions, PrintOutcome, Proof as PaperProof};
use crate::document::Content;
use crate::document::job::{self, End, Event, Job, Phase, Step};
use crate::journal::{Append, Appended, NewEvent, Sealed, Stored, StreamHead};
use crate::settlement::answer::Proof;

/// How often a printer that is not ready is looked at.
const LOOK_AGAIN_MS: u64 = 1_000;
/// A job that has begun is given up after this, or when it need not be waited for any more, whichever is later; its
/// bytes' time on the line is added.
const PRINT_MS_MAX: i64 = 60_000;

/// All running print jobs. Cheap to clone.
#[derive(Clone)]
pub struct Prints {
    pub(super) parts: Arc<Parts>,
    registry: Arc<Registry<JobFollow>>,
    turns: Arc<Turns>,
}

/// A running job, as others see it.
#[derive(Clone)]
pub struct JobFollow {
    id: String,
    view: watch::Receiver<JobView>,
    cancel: watch::Sender<Option<String>>,
}

/// A job by now.
#[derive(Clone)]
pub struct JobView {
    /// What is on disk.
    pub job: Arc<Job>,
    /// Jobs of the same printer before it.
    pub before: usize,
    /// The process is ending: the next one goes on.
    pub parked: bool,
    /// What its print queue says, while it has it.
    pub queue: Option<QueueView>,
    /// What keeps its printer from going on, while it prints.
    pub stopped_for: Option<Code>,
}

impl JobFollow {
    /// What is on disk by now, and what will be.
    #[must_use]
    pub fn view(&self) -> watch::Receiver<JobView> {
        self.view.clone()
    }

    /// Asks to call it off. The view tells whether that could still be done.
    pub fn cancel(&self, by: String) {
        self.cancel
            .send_if_modified(|wish| wish.is_none().then(|| *wish = Some(by)).is_some());
    }
}

impl Carried for JobFollow {
    fn id(&self) -> &str {
        &self.id
    }

    fn is_parked(&self) -> bool {
        self.view.borrow().parked
    }
}

impl Prints {
    /// With what the runner carries with.
    #[must_use]
    pub fn new(runner: &Runner) -> Self {
        Self {
            parts: Arc::clone(runner.parts()),
            registry: Arc::default(),
            turns: Arc::default(),
        }
    }

    /// Reserves the request, or says who has it.
    #[must_use]
    pub fn reserve(&self, caller: &str, request_id: &str) -> Slot<JobFollow> {
        self.registry.reserve(caller, request_id)
    }

    /// What runs.
    #[must_use]
    pub fn registry(&self) -> &Registry<JobFollow> {
        &self.registry
    }

    /// How many jobs of this printer are not over, and how many of this caller.
    #[must_use]
    pub fn waiting(&self, role: &str, caller: &str) -> (usize, usize) {
        (self.turns.count(role), self.registry.reserved_by(caller))
    }

    /// Writes the first event down and begins to carry. `held` is let go of once that is on disk, or surely is not.
    /// Dropping the future changes nothing.
    ///
    /// # Errors
    /// The journal does not take it: nothing has begun.
    pub async fn accept(
        &self,
        reservation: Reservation<JobFollow>,
        id: String,
        first: Event,
        held: impl Send + 'static,
    ) -> Result<JobFollow, crate::journal::Error> {
        let prints = self.clone();
        let task = async move {
            let (mut carrier, follow) = prints.carrier(Job::new(&id), 0);
            carrier.record(first);
            let first_seq = carrier
                .write()
                .await?
                .map_or(0, |written| written.first_seq);
            let ticket = prints.turns.take(&carrier.job.order.role, first_seq);
            reservation.fill(follow.clone());
            tokio::spawn(STREAM.scope(id, carrier.carry(ticket)));
            Ok(follow)
        };
        // A task of its own: a caller that goes while the journal syncs must not leave a stream that nobody
        // carries.
        to_its_end(task, held).await
    }

    /// Carries on every job that was open, in their order. Gives how many.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn resume(&self) -> Result<usize, RowError> {
        let mut rows = self.parts.journal.open_streams().await?;
        rows.retain(|row| row.kind == job::KIND);
        rows.sort_by_key(|row| row.first_seq);
        let mut resumed = Vec::new();
        for row in rows {
            let job = match self.load(&row.stream).await {
                Ok(job) => job,
                Err(error) => {
                    // The others go on; this one stays open in the index for a person to see.
                    tracing::error!(stream = %row.stream, %error, "it cannot be carried on");
                    self.parts.note_unreadable(row.stream);
                    continue;
                }
            };
            if job.ended().is_some() {
                continue;
            }
            let Slot::Yours(reservation) = self.reserve(&job.caller, &job.request_id) else {
                tracing::error!(stream = %row.stream, "two open streams have its request_id");
                continue;
            };
            let (mut carrier, follow) = self.carrier(job, row.last_stream_seq);
            let poisonous = self.parts.crashes.count(&row.stream) >= CRASHES_MAX;
            carrier.record(if poisonous {
                Event::GivenUp
            } else {
                Event::Restarted
            });
            resumed.push((row.first_seq, carrier, follow, reservation));
        }
        // Together: the journal writes them in a few transactions.
        let flushes = resumed.iter_mut().map(|(_, carrier, ..)| carrier.flush());
        futures_util::future::join_all(flushes).await;
        let count = resumed.len();
        for (first_seq, carrier, follow, reservation) in resumed {
            let ticket = self.turns.take(&carrier.job.order.role, first_seq);
            reservation.fill(follow);
            tokio::spawn(STREAM.scope(carrier.job.id.clone(), carrier.carry(ticket)));
        }
        Ok(count)
    }

    /// A job as it is in the journal.
    ///
    /// # Errors
    /// A row that this program cannot read.
    pub async fn load(&self, stream: &str) -> Result<Job, RowError> {
        let stored = self.parts.journal.load(stream).await?;
        job_of(stream, &stored)
    }

    fn carrier(&self, job: Job, after: i64) -> (Carrier, JobFollow) {
        let id = job.id.clone();
        let (sender, view) = watch::channel(JobView {
            job: Arc::new(job.clone()),
            before: 0,
            parked: false,
            queue: None,
            stopped_for: None,
        });
        let (cancel, wish) = watch::channel(None);
        let carrier = Carrier {
            prints: self.clone(),
            job,
            pending: Vec::new(),
            after,
            view: sender,
            wish,
        };
        (carrier, JobFollow { id, view, cancel })
    }
}

/// Folds a whole stream.
///
/// # Errors
/// A row that this program cannot read.
pub fn job_of(stream: &str, stored: &[Stored]) -> Result<Job, RowError> {
    let mut job = Job::new(stream);
    for row in stored {
        let (seq, version) = (row.seq, row.version);
        if version != job::VERSION {
            return Err(RowError::Version { seq, version });
        }
        let json = |source| RowError::Json { seq, source };
        let event: Event = serde_json::from_str(&row.body).map_err(json)?;
        let event = match &row.sealed {
            Sealed::Open(plain) => event.with_private(plain).map_err(json)?,
            Sealed::None | Sealed::Forgotten => event,
        };
        job.apply(&event, row.at_utc_ms);
    }
    Ok(job)
}

/// One job being carried.
pub(super) struct Carrier {
    pub(super) prints: Prints,
    pub(super) job: Job,
    /// Folded, not on disk yet.
    pending: Vec<NewEvent>,
    /// The stream's last row on disk.
    after: i64,
    pub(super) view: watch::Sender<JobView>,
    /// Who wants it called off.
    pub(super) wish: watch::Receiver<Option<String>>,
}

impl Carrier {
    async fn carry(mut self, ticket: Ticket) {
        loop {
            let parts = Arc::clone(&self.prints.parts);
            match self.job.next(parts.clock.now_ms()) {
                Step::Record(event) => self.record(event),
                Step::Finished => break,
                Step::Try { .. } if parts.is_stopping() => self.park().await,
                Step::Try { until_ms } => self.attempt(&ticket, until_ms).await,
                Step::Rest { .. } if parts.is_stopping() => self.park().await,
                Step::Rest { again_ms } => self.rest_aside(&ticket, again_ms).await,
                Step::Follow { .. } if parts.is_stopping() => self.park().await,
                Step::Follow { job, until_ms } => self.follow(job, until_ms).await,
            }
        }
        self.flush().await;
        measure::job(&self.job);
        drop(ticket);
        self.prints.parts.crashes.forget(&self.job.id);
        let job = &self.job;
        (self.prints.registry).remove(&job.id, &job.caller, &job.request_id);
    }

    /// Rests until the process ends, or somebody calls it off. The next process carries it on.
    pub(super) async fn park(&mut self) {
        self.flush().await;
        self.view.send_modify(|view| view.parked = true);
        tracing::info!(stream = self.job.id, "left to the next process");
        let by = wished(self.wish.clone()).await;
        if self.job.phase == Phase::Waiting {
            return self.record(Event::Cancelled { by });
        }
        self.note_wish().await;
        std::future::pending::<()>().await;
    }

    /// Writes the wish to call it off down, once.
    pub(super) async fn note_wish(&mut self) {
        let wish = self.wish.borrow().clone();
        if let (Some(by), None) = (wish, &self.job.cancel_by) {
            self.record(Event::CancelAsked { by });
            self.flush().await;
        }
    }

    /// Does it; the wish to call the job off is written down as soon as it is heard.
    pub(super) async fn hearing<T>(&mut self, doing: impl Future<Output = T>) -> T {
        tokio::pin!(doing);
        if self.job.cancel_by.is_none() {
            let wished = wished(self.wish.clone());
            tokio::select! {
                biased;
                done = &mut doing => return done,
                _ = wished => self.note_wish().await,
            }
        }
        doing.await
    }

    /// Waits for its turn and for a printer that can print, at most until then; prints.
    async fn attempt(&mut self, ticket: &Ticket, until_ms: i64) {
        self.flush().await;
        let parts = Arc::clone(&self.prints.parts);
        let wish = self.wish.borrow().clone();
        if let Some(by) = wish {
            return self.record(Event::Cancelled { by });
        }
        let mut places = ticket.places();
        if !self.is_first(ticket) {
            let until = parts.clock.instant(until_ms);
            let mut wish = self.wish.clone();
            tokio::select! {
                _ = places.changed() => {}
                _ = wish.changed() => {}
                () = parts.stopped() => {}
                () = tokio::time::sleep_until(until) => {
                    let role = &self.job.order.role;
                    let code = ticket.first_waits_for();
                    self.parked_for(code.unwrap_or_else(|| parts.hub.why_busy(role)));
                }
            }
            return;
        }
        let role = self.job.order.role.clone();
        let is_report = self.job.order.report.is_some();
        let looked = tokio::select! {
            biased;
            by = wished(self.wish.clone()) => return self.record(Event::Cancelled { by }),
            looked = parts.hub.printer_state(&role) => looked,
        };
        let code = match looked {
            // What a queue says of the printer behind it is as old as its last job: only what keeps the queue
            // itself from taking one keeps ours. A printer without a queue that stopped for want of paper says so.
            Ok(state) if is_report => state.queue.and(state.trouble()),
            Ok(state) => state.trouble(),
            Err(error) => Some(error.code),
        };
        ticket.tell(code);
        match code {
            None if is_report => self.submit(until_ms).await,
            None => self.print(until_ms).await,
            Some(code) => {
                self.parked_for(code);
                self.rest(until_ms).await;
            }
        }
    }

    /// Whether it is its turn. Tells watchers how many are before it.
    fn is_first(&self, ticket: &Ticket) -> bool {
        let before = ticket.before();
        self.view.send_if_modified(|view| {
            let is_news = view.before != before;
            view.before = before;
            is_news
        });
        before == 0
    }

    pub(super) fn parked_for(&mut self, code: Code) {
        if self.job.parked_for != Some(code) {
            self.record(Event::Parked { code });
        }
    }

    /// A while, and no longer than it is to be waited.
    async fn rest(&mut self, until_ms: i64) {
        let parts = Arc::clone(&self.prints.parts);
        let again = Instant::now() + Duration::from_millis(LOOK_AGAIN_MS);
        self.sleep_until(again.min(parts.clock.instant(until_ms)))
            .await;
    }

    /// Until then others have the printer: that it did not take this one says nothing of theirs.
    async fn rest_aside(&mut self, ticket: &Ticket, again_ms: i64) {
        let wish = self.wish.borrow().clone();
        if let Some(by) = wish {
            return self.record(Event::Cancelled { by });
        }
        let _aside = ticket.aside();
        let again = self.prints.parts.clock.instant(again_ms);
        self.sleep_until(again).await;
    }

    async fn sleep_until(&mut self, again: Instant) {
        self.flush().await;
        let parts = Arc::clone(&self.prints.parts);
        let mut wish = self.wish.clone();
        tokio::select! {
            _ = wish.changed() => {}
            () = parts.stopped() => {}
            () = tokio::time::sleep_until(again) => {}
        }
    }

    /// The bytes, once.
    async fn print(&mut self, until_ms: i64) {
        let Some(content) = self.content() else {
            return self.record(Event::Ended {
                end: End::NotPrinted(Code::PrintGone),
            });
        };
        if let Some(code) = self.outdated().await {
            let end = End::NotPrinted(code);
            return self.record(Event::Ended { end });
        }
        let parts = Arc::clone(&self.prints.parts);
        let unprintable = parts.hub.unprintable(&self.job.order.role, &content);
        let characters = u32::try_from(unprintable).unwrap_or(u32::MAX);
        if characters != self.job.substituted {
            self.record(Event::Substituted { characters });
        }
        self.record(Event::Intent);
        self.flush().await;
        let _out = Out::new(&parts.errands_out);
        let latest_ms = until_ms.max(parts.clock.now_ms().saturating_add(PRINT_MS_MAX));
        let options = PrintOptions {
            deadline: parts.clock.instant(latest_ms),
            want_proof: true,
            plus_line_time: true,
        };
        let wish = self.wish.clone();
        let withdraw = async move { drop(wished(wish).await) };
        let (role, id) = (self.job.order.role.clone(), self.job.id.clone());
        let by = self.job.caller.clone();
        let of = JobOf { id: &id, by: &by };
        let printing = (parts.hub).print_content(&role, of, &content, options, withdraw);
        let telling = tell_stops(self.view.clone(), parts.hub.clone(), role.clone());
        let outcome = tokio::select! {
            biased;
            outcome = self.hearing(printing) => outcome,
            never = telling => match never {},
        };
        match outcome {
            PrintOutcome::Printed { proof } => {
                let end = End::Printed(match proof {
                    PaperProof::ProcessId => Proof::ProcessId,
                    PaperProof::StatusAfter => Proof::QueuedStatus,
                });
                self.record(Event::Ended { end });
            }
            PrintOutcome::Unknown { code, .. } => {
                let end = End::Unknown(code);
                self.record(Event::Ended { end });
            }
            PrintOutcome::NotPrinted { code } => {
                self.record(Event::NotStarted { code });
                if self.wish.borrow().is_none() {
                    self.rest(until_ms).await;
                }
            }
        }
    }

    /// Why it must not come out any more: it would not say what became of its settlement since it was made.
    pub(super) async fn outdated(&self) -> Option<Code> {
        let said = self.job.said()?;
        let now = said_at_last(&self.prints.parts.journal, &said.setl_id).await;
        (now != *said).then_some(Code::PaperOutdated)
    }

    /// For logs and for whoever looks who has the printer.
    pub(super) fn job_of(&self) -> JobOf<'_> {
        JobOf {
            id: &self.job.id,
            by: &self.job.caller,
        }
    }

    /// What goes to the printer: marked where it is a copy.
    fn content(&self) -> Option<Content> {
        let private = self.job.private.as_deref()?;
        Some(job::marked(
            private.content.clone(),
            self.job.order.reprint.as_ref(),
            private,
        ))
    }

    /// Folds what happened. It is on disk only after [`Carrier::flush`].
    pub(super) fn record(&mut self, event: Event) {
        let at_ms = self.prints.parts.clock.now_ms();
        tracing::debug!(stream = self.job.id, event = event.kind(), "recorded");
        self.job.apply(&event, at_ms);
        self.pending.push(to_new(&event, at_ms));
    }

    pub(super) async fn flush(&mut self) {
        let written = self.write().await;
        written_or_end(written.map(|_| ())).await;
    }

    /// Writes what is pending in one transaction, then tells the watchers.
    async fn write(&mut self) -> Result<Option<Appended>, crate::journal::Error> {
        if self.pending.is_empty() {
            return Ok(None);
        }
        let parts = &self.prints.parts;
        let appended = parts.journal.append(Append {
            stream: self.job.id.clone(),
            after: Some(self.after),
            events: std::mem::take(&mut self.pending),
            head: head(parts, &self.job),
            marks: Vec::new(),
        });
        let written = appended.await?;
        self.after = written.last_stream_seq;
        let job = Arc::new(self.job.clone());
        self.view.send_modify(|view| view.job = job);
        Ok(Some(written))
    }
}

/// Tells watchers what keeps the printer from going on, until it is dropped.
async fn tell_stops(view: watch::Sender<JobView>, hub: Hub, role: String) -> Infallible {
    let mut events = hub.watch(None);
    loop {
        let code = hub.stands_for(&role);
        view.send_if_modified(|view| std::mem::replace(&mut view.stopped_for, code) != code);
        events.next().await;
    }
}

/// Resolves with who wants it called off; never when nobody can wish it any more.
async fn wished(mut wish: watch::Receiver<Option<String>>) -> String {
    let by = match wish.wait_for(Option::is_some).await {
        Ok(by) => by.clone(),
        Err(_) => None,
    };
    match by {
        Some(by) => by,
        None => std::future::pending().await,
    }
}

fn to_new(event: &Event, at_ms: i64) -> NewEvent {
    let body = serde_json::to_string(event).expect("events are maps with text keys");
    let mut new = NewEvent::new(event.kind(), job::VERSION, at_ms, body);
    new.by = event.by().map(str::to_owned);
    match event.private().expect("it is a map with text keys") {
        Some(private) => new.sealing(private),
        None => new,
    }
}

/// What the journal's index shows of a job. Copies of one paper are found by what they are copies of.
fn head(parts: &Parts, job: &Job) -> StreamHead {
    let summary = job.summary();
    StreamHead {
        kind: job::KIND.to_owned(),
        request_id: Some(job.request_id.clone()),
        caller: job.caller.clone(),
        body_digest: parts.journal.request_digest(&job.asked()),
        open: job.ended().is_none(),
        stuck: false,
        visit: (summary.copy_of.as_deref())
            .map(job::copies_of)
            .or_else(|| job.document_key()),
        visit_is_shared: true,
        person: None,
        summary: serde_json::to_string(&summary).expect("a summary has a JSON form"),
    }
}
