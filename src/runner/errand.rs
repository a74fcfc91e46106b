//! Carries streams that only talk to the platform: one loop for all their stories.
//!
//! An intent is on disk before its message leaves, an outcome before anybody is told. An outcome that moved
//! money is on disk before anything else is begun; any other shares its sync with the next intent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use super::crash::{CRASHES_MAX, STREAM};
use super::live::{Carried, Registry, Reservation, Slot};
use super::resolve::{RESOLVE_TRIES_MAX, ResolveError};
use super::rows::{RowError, written_or_end};
use super::start::{Parts, Runner};
use super::ways::Ways;
use crate::book::Code;
use crate::journal::{Append, NewEvent, PersonKeyInput, Sealed, Stored, StreamHead};
use crate::observe::metrics::PROCESS;
use crate::platform::Received;
use crate::settlement::call::Outcome;
use crate::settlement::errand::Errand;
use crate::settlement::story::{Act, Got, Sent, Story};

/// The `kind` of an event that says that only a person can go on.
const STUCK: &str = "stuck";
/// Why a question with a time of its own came to nothing.
const LATE: &str = "not within the time that this question has";

/// All running stories of one kind. Cheap to clone.
pub struct Errands<S: Story> {
    parts: Arc<Parts>,
    registry: Arc<Registry<Follow<S>>>,
}

impl<S: Story> Clone for Errands<S> {
    fn clone(&self) -> Self {
        Self {
            parts: Arc::clone(&self.parts),
            registry: Arc::clone(&self.registry),
        }
    }
}

/// A running story, as others see it: what is on disk of it.
#[derive(Clone)]
pub struct Follow<S> {
    id: String,
    view: watch::Receiver<Seen<S>>,
}

/// A story by now.
#[derive(Clone)]
pub struct Seen<S> {
    /// What is on disk.
    pub story: Arc<S>,
    /// The process is ending: the next one goes on.
    pub parked: bool,
}

impl<S: Story> Follow<S> {
    /// What is on disk by now, and what will be.
    #[must_use]
    pub fn view(&self) -> watch::Receiver<Seen<S>> {
        self.view.clone()
    }
}

impl<S: Story> Carried for Follow<S> {
    fn id(&self) -> &str {
        &self.id
    }

    fn is_parked(&self) -> bool {
        self.view.borrow().parked
    }
}

impl<S: Story> Errands<S> {
    /// With what the runner carries with.
    #[must_use]
    pub fn new(runner: &Runner) -> Self {
        Self {
            parts: Arc::clone(runner.parts()),
            registry: Arc::default(),
        }
    }

    /// Reserves the request, or says who has it.
    #[must_use]
    pub fn reserve(&self, caller: &str, request_id: &str) -> Slot<Follow<S>> {
        self.registry.reserve(caller, request_id)
    }

    /// What runs.
    #[must_use]
    pub fn registry(&self) -> &Registry<Follow<S>> {
        &self.registry
    }

    /// Writes the first event down and begins to carry. `held` is let go of once that is on disk, or surely is not.
    ///
    /// Dropping the future changes nothing: what is on disk is carried.
    ///
    /// # Errors
    /// The journal does not take it: nothing has begun.
    pub async fn accept(
        &self,
        reservation: Reservation<Follow<S>>,
        id: String,
        first: S::Event,
        held: impl Send + 'static,
    ) -> Result<Follow<S>, crate::journal::Error> {
        let (mut carrier, follow) = self.carrier(S::new(&id), 0);
        let task = async move {
            carrier.record(first);
            carrier.write().await?;
            reservation.fill(follow.clone());
            tokio::spawn(STREAM.scope(id, carrier.carry()));
            Ok(follow)
        };
        // A caller that goes while the journal syncs must not leave a stream that nobody carries.
        to_its_end(task, held).await
    }

    /// Carries on every stream of this kind that was open. Gives how many.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn resume(&self) -> Result<usize, RowError> {
        let mut resumed = 0;
        for row in self.parts.journal.open_streams().await? {
            if row.kind != S::KIND {
                continue;
            }
            let story = match self.load(&row.stream).await {
                Ok(story) => story,
                Err(error) => {
                    // The others go on; this one stays open in the index for a person to see.
                    tracing::error!(stream = %row.stream, %error, "it cannot be carried on");
                    self.parts.note_unreadable(row.stream);
                    continue;
                }
            };
            if story.is_over() {
                continue;
            }
            let head = story.head();
            let Slot::Yours(reservation) = self.registry.reserve(&head.caller, &head.request_id)
            else {
                tracing::error!(stream = %row.stream, "two open streams have its request_id");
                continue;
            };
            let (mut carrier, follow) = self.carrier(story, row.last_stream_seq);
            let poisonous = self.parts.crashes.count(&row.stream) >= CRASHES_MAX;
            carrier.record(if poisonous {
                S::stuck(Code::Stuck)
            } else {
                S::restarted()
            });
            carrier.flush().await;
            reservation.fill(follow);
            tokio::spawn(STREAM.scope(row.stream, carrier.carry()));
            resumed += 1;
        }
        Ok(resumed)
    }

    /// A stream as it is in the journal.
    ///
    /// # Errors
    /// A row that this program cannot read.
    pub async fn load(&self, stream: &str) -> Result<S, RowError> {
        let stored = self.parts.journal.load(stream).await?;
        story_of(stream, &stored)
    }

    /// Appends what a person states to a stream that nobody carries. `decide` says what to record; nothing, when
    /// the same was stated before. The story afterwards.
    ///
    /// # Errors
    /// It may not be stated, or the journal does not take it.
    pub async fn resolve(
        &self,
        stream: &str,
        by: &str,
        decide: impl Fn(&S) -> Result<Option<S::Event>, Code>,
    ) -> Result<S, ResolveError> {
        let journal = &self.parts.journal;
        let mut tries = 1;
        loop {
            let stored = journal.load(stream).await?;
            let mut story: S = story_of(stream, &stored)?;
            let Some(event) = decide(&story).map_err(ResolveError::Refused)? else {
                return Ok(story);
            };
            let at_ms = self.parts.clock.now_ms();
            story.apply(&event, at_ms);
            let mut new = to_new::<S>(&event, at_ms);
            new.by = Some(by.to_owned());
            let appended = journal.append(Append {
                stream: stream.to_owned(),
                after: stored.last().map(|last| last.stream_seq),
                events: vec![new],
                head: head(&self.parts, &story),
                marks: self.parts.numbers.marks(),
            });
            match appended.await {
                Ok(_) => {
                    tracing::warn!(stream, by, "resolved by a person");
                    return Ok(story);
                }
                Err(crate::journal::Error::Moved { .. }) if tries < RESOLVE_TRIES_MAX => tries += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn carrier(&self, story: S, after: i64) -> (Carrier<S>, Follow<S>) {
        let id = story.id().to_owned();
        let (sender, view) = watch::channel(Seen {
            story: Arc::new(story.clone()),
            parked: false,
        });
        let carrier = Carrier {
            errands: self.clone(),
            ways: self.parts.ways(),
            story,
            pending: Vec::new(),
            after,
            view: sender,
        };
        (carrier, Follow { id, view })
    }
}

/// Folds a whole stream.
///
/// # Errors
/// A row that this program cannot read.
pub fn story_of<S: Story>(stream: &str, stored: &[Stored]) -> Result<S, RowError> {
    let mut story = S::new(stream);
    for row in stored {
        let (seq, version) = (row.seq, row.version);
        if version != S::VERSION {
            return Err(RowError::Version { seq, version });
        }
        let json = |source| RowError::Json { seq, source };
        let event: S::Event = serde_json::from_str(&row.body).map_err(json)?;
        let event = match &row.sealed {
            Sealed::Open(plain) => S::with_private(event, plain).map_err(json)?,
            Sealed::None | Sealed::Forgotten => event,
        };
        story.apply(&event, row.at_utc_ms);
    }
    Ok(story)
}

/// Does it in a task of its own, whatever becomes of who waits for it, and lets go of `held` only then.
pub(super) async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
    held: impl Send + 'static,
) -> T {
    let task = async move {
        let done = work.await;
        drop(held);
        done
    };
    tokio::spawn(task)
        .await
        .expect("nobody aborts this task, and a panic ends the process")
}

/// One story being carried.
struct Carrier<S: Story> {
    errands: Errands<S>,
    /// As they were when it began.
    ways: Arc<Ways>,
    story: S,
    /// Folded, not on disk yet.
    pending: Vec<NewEvent>,
    /// The stream's last row on disk.
    after: i64,
    view: watch::Sender<Seen<S>>,
}

impl<S: Story> Carrier<S> {
    async fn carry(mut self) {
        loop {
            let parts = Arc::clone(&self.errands.parts);
            match self.story.next(parts.clock.now_ms(), &self.ways.rules) {
                Act::Record(event) => self.record(event),
                Act::Finished => break,
                // While the process is ending nothing new leaves.
                Act::Ask(_) | Act::Wait { .. } if parts.is_stopping() => self.park().await,
                Act::Wait { until_ms } => {
                    self.flush().await;
                    tokio::select! {
                        () = tokio::time::sleep_until(parts.clock.instant(until_ms)) => {}
                        () = parts.stopped() => {}
                    }
                }
                Act::Ask(errand) => self.ask(&errand).await,
            }
        }
        self.flush().await;
        PROCESS.errands.count([S::KIND, self.story.outcome()]);
        let head = self.story.head();
        self.errands.parts.crashes.forget(self.story.id());
        (self.errands.registry).remove(self.story.id(), &head.caller, &head.request_id);
    }

    /// Rests until the process ends. The next one carries it on.
    async fn park(&mut self) {
        self.flush().await;
        self.view.send_modify(|seen| seen.parked = true);
        tracing::info!(stream = self.story.id(), "left to the next process");
        std::future::pending::<()>().await;
    }

    /// One message: stamped, recorded, sent once, its outcome recorded.
    async fn ask(&mut self, errand: &Errand) {
        let parts = Arc::clone(&self.errands.parts);
        let _out = Out::new(&parts.errands_out);
        let wait_ms = errand.ask.wait_ms();
        let until = wait_ms.map(|ms| Instant::now() + Duration::from_millis(ms.into()));
        let preparing = async {
            let stamp = parts.numbers.stamp().await;
            self.ways.platform.prepare_errand(errand, &stamp).await
        };
        let prepared = match in_time(until, preparing).await {
            Some(Ok(prepared)) => prepared,
            Some(Err(outcome)) => return self.unsent(outcome),
            None => {
                return self.unsent(Outcome::NotSent {
                    code: Code::PlatformUnreachable,
                    why: LATE.to_owned(),
                });
            }
        };
        self.record(S::intent(Sent {
            infno: prepared.infno.clone(),
            msgid: prepared.msgid.clone().unwrap_or_default(),
            request: prepared.body.to_string(),
        }));
        self.flush().await;
        let Received {
            outcome,
            answer,
            skew_ms,
            sign_in_expired,
        } = self.ways.platform.send_within(prepared, left(until)).await;
        parts.note_answer(&outcome, answer.is_some(), skew_ms);
        self.record(S::answered(Got {
            outcome,
            sign_in_expired,
            answer,
        }));
        if errand.ask.moves_money() {
            self.flush().await;
        }
    }

    fn unsent(&mut self, outcome: Outcome) {
        self.record(S::answered(Got {
            outcome,
            sign_in_expired: false,
            answer: None,
        }));
    }

    /// Folds what happened. It is on disk only after [`Carrier::flush`].
    fn record(&mut self, event: S::Event) {
        let at_ms = self.errands.parts.clock.now_ms();
        let kind = S::kind(&event);
        tracing::debug!(stream = self.story.id(), event = kind, "recorded");
        self.story.apply(&event, at_ms);
        if kind == STUCK {
            let (stream, what) = (self.story.id(), S::KIND);
            tracing::error!(stream, what, "a person must resolve it: yibaoctl stuck");
        }
        self.pending.push(to_new::<S>(&event, at_ms));
    }

    async fn flush(&mut self) {
        let written = self.write().await;
        written_or_end(written).await;
    }

    /// Writes what is pending in one transaction, then tells the watchers.
    async fn write(&mut self) -> Result<(), crate::journal::Error> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let parts = &self.errands.parts;
        let appended = parts.journal.append(Append {
            stream: self.story.id().to_owned(),
            after: Some(self.after),
            events: std::mem::take(&mut self.pending),
            head: head(parts, &self.story),
            marks: parts.numbers.marks(),
        });
        self.after = appended.await?.last_stream_seq;
        let story = Arc::new(self.story.clone());
        self.view.send_modify(|seen| seen.story = story);
        Ok(())
    }
}

/// What comes of it, at most until then; what comes later is not looked at.
async fn in_time<T>(until: Option<Instant>, doing: impl Future<Output = T>) -> Option<T> {
    match until {
        Some(until) => timeout_at(until, doing).await.ok(),
        None => Some(doing.await),
    }
}

fn left(until: Option<Instant>) -> Duration {
    until.map_or(Duration::MAX, |until| until - Instant::now())
}

fn to_new<S: Story>(event: &S::Event, at_ms: i64) -> NewEvent {
    let body = serde_json::to_string(event).expect("events are maps with text keys");
    let new = NewEvent::new(S::kind(event), S::VERSION, at_ms, body);
    match S::private(event) {
        Some(private) => new.sealing(private),
        None => new,
    }
}

/// What the journal's index shows of a story.
fn head<S: Story>(parts: &Parts, story: &S) -> StreamHead {
    let head = story.head();
    let request: &Zeroizing<Vec<u8>> = &head.request;
    let person = head.person.as_ref().map(|number| number.expose());
    StreamHead {
        kind: S::KIND.to_owned(),
        request_id: Some(head.request_id),
        caller: head.caller,
        body_digest: parts.journal.request_digest(request),
        open: !story.is_over() || (head.stuck && head.blocks_when_stuck),
        stuck: head.stuck,
        visit: head.subject,
        visit_is_shared: head.subject_is_shared,
        person: person
            .filter(|number| !number.is_empty())
            .map(PersonKeyInput::new),
        summary: head.summary,
    }
}

/// Counts one message that is out: a stopping process waits for it.
pub(super) struct Out<'a>(&'a AtomicUsize);

impl<'a> Out<'a> {
    pub(super) fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Out<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::{Mutex, oneshot};

    use super::*;

    #[tokio::test]
    async fn a_caller_that_goes_lets_nobody_pass_what_is_being_written() {
        let turn = Arc::new(Mutex::new(()));
        let held = Arc::clone(&turn).lock_owned().await;
        let (sync, synced) = oneshot::channel();
        let mut waiting = Box::pin(to_its_end(synced, held));
        tokio::select! {
            biased;
            _ = &mut waiting => panic!("it is not on disk"),
            () = std::future::ready(()) => {}
        }
        drop(waiting);
        // The task has every chance to let go too early.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert!(turn.try_lock().is_err(), "it is not on disk");
        sync.send(()).expect("it is being written still");
        drop(turn.lock().await);
    }
}
