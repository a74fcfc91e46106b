//! Carries an identification: arms what may be shown something, asks whose it is, writes all of it down.
//!
//! An intent is on disk before its message leaves, an outcome before anybody is told. It ends with its caller, with
//! the word to stop, and with the process.

mod read;
mod rows;

use std::future::Future;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

use self::rows::{head, identification_of, nothing_ordered, to_new};
use super::crash::STREAM;
use super::errand::Out;
use super::identities::{Identities, Identity, RefTold};
use super::live::{Attendance, Carried, Presence, Registry, Reservation, Slot, attend};
use super::measure;
use super::readers::Readers;
use super::rows::{RowError, written_or_end};
use super::start::{Parts, Runner};
use super::ways::Ways;
use crate::book::Code;
use crate::journal::{Append, Error, NewEvent};
use crate::person::ScannedCode;
use crate::platform::{Prepared, Received};
use crate::settlement::call::{Call, Outcome, Step};
use crate::settlement::identify::{Effect, Ending, Event, Identification, Phase, Wish, next};
use crate::settlement::known::Known;

/// The `kind` of its streams in the journal.
pub const IDENTIFICATION: &str = "identification";
/// Audit rows that find the stream moved on are tried so often.
const AUDIT_TRIES_MAX: u32 = 5;

/// All running identifications. Cheap to clone.
#[derive(Clone)]
pub struct Identifies {
    parts: Arc<Parts>,
    registry: Arc<Registry<IdentifyFollow>>,
}

/// What is on disk of one, and what its devices do.
#[derive(Clone, Debug)]
pub struct IdentifyView {
    /// The folded state.
    pub state: Arc<Identification>,
    /// How many are before it; absent when it does not queue.
    pub queue_place: Option<usize>,
    /// Something may be shown now.
    pub armed: bool,
    /// What may name the person once.
    pub reference: Option<RefTold>,
}

/// A running identification, as others see it.
#[derive(Clone, Debug)]
pub struct IdentifyFollow {
    id: String,
    view: watch::Receiver<IdentifyView>,
    presence: watch::Sender<Presence>,
    stop: watch::Sender<bool>,
}

impl IdentifyFollow {
    /// What is on disk by now, and what will be.
    #[must_use]
    pub fn view(&self) -> watch::Receiver<IdentifyView> {
        self.view.clone()
    }

    /// Waits for the answer from here on; dropping it means that this caller went away.
    #[must_use]
    pub fn attend(&self) -> Attendance {
        attend(&self.presence)
    }

    /// Calls it off.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }
}

impl Carried for IdentifyFollow {
    fn id(&self) -> &str {
        &self.id
    }

    fn is_parked(&self) -> bool {
        false
    }
}

impl Identifies {
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
    pub fn reserve(&self, caller: &str, request_id: &str) -> Slot<IdentifyFollow> {
        self.registry.reserve(caller, request_id)
    }

    /// What runs.
    #[must_use]
    pub fn registry(&self) -> &Registry<IdentifyFollow> {
        &self.registry
    }

    /// Writes the request down and begins to carry it. The first caller attends from the beginning; nothing is read
    /// after `read_until`.
    ///
    /// # Errors
    /// The journal does not take it: nothing has begun.
    pub async fn accept(
        &self,
        reservation: Reservation<IdentifyFollow>,
        id: String,
        (caller, door): (&str, &str),
        wish: Wish,
        read_until: Instant,
    ) -> Result<(IdentifyFollow, Attendance), Error> {
        let accepted = Event::Accepted {
            request_id: wish.request_id.clone(),
            caller: caller.to_owned(),
            door: door.to_owned(),
            flow: wish.flow,
            business_type: wish.business_type.clone(),
            wish: Some(Box::new(wish)),
        };
        let (mut carrier, follow) = self.carrier(&id, read_until);
        let attendance = follow.attend();
        let begin = async move {
            carrier.record(accepted);
            carrier.write().await?;
            reservation.fill(follow.clone());
            tokio::spawn(STREAM.scope(id, carrier.carry()));
            Ok((follow, attendance))
        };
        // A caller that goes while the journal syncs must not leave a stream that nobody carries.
        let begun = tokio::spawn(begin).await;
        begun.expect("nobody aborts this task, and a panic ends the process")
    }

    /// Ends what was open when the last process ended: what was shown before is never used. Gives how many.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn end_open(&self) -> Result<usize, RowError> {
        let mut ended = 0;
        for row in self.parts.journal.open_streams().await? {
            if row.kind != IDENTIFICATION {
                continue;
            }
            let event = Event::Ended {
                ending: Ending::Cancelled,
                code: Code::IdentifyInterrupted,
                text: String::new(),
            };
            match self.append_to(&row.stream, &event).await {
                Ok(state) => {
                    ended += 1;
                    measure::identification(state.phase);
                }
                Err(error) => {
                    tracing::error!(stream = %row.stream, %error, "it cannot be ended");
                    self.parts.note_unreadable(row.stream);
                }
            }
        }
        Ok(ended)
    }

    /// An identification as it is in the journal.
    ///
    /// # Errors
    /// A row that this program cannot read.
    pub async fn load(&self, stream: &str) -> Result<Identification, RowError> {
        let stored = self.parts.journal.load(stream).await?;
        identification_of(stream, &stored)
    }

    /// Writes down that name and number are told whole, before they are.
    ///
    /// # Errors
    /// The journal does not take it: they must not be told.
    pub async fn audit(&self, stream: &str, by: &str, door: &str) -> Result<(), RowError> {
        let event = Event::UnmaskedRead {
            by: by.to_owned(),
            door: door.to_owned(),
        };
        self.append_to(stream, &event).await.map(drop)
    }

    async fn append_to(&self, stream: &str, event: &Event) -> Result<Identification, RowError> {
        let journal = &self.parts.journal;
        let mut tries = 1;
        loop {
            let stored = journal.load(stream).await?;
            let mut state = identification_of(stream, &stored)?;
            let at_ms = self.parts.clock.now_ms();
            if !(state.is_over() && matches!(event, Event::Ended { .. })) {
                state.apply(event, at_ms);
            }
            let appended = journal.append(Append {
                stream: stream.to_owned(),
                after: stored.last().map(|last| last.stream_seq),
                events: vec![to_new(event, at_ms)],
                head: head(&self.parts, &state),
                marks: self.parts.numbers.marks(),
            });
            match appended.await {
                Ok(_) => return Ok(state),
                Err(Error::Moved { .. }) if tries < AUDIT_TRIES_MAX => tries += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn carrier(&self, id: &str, read_until: Instant) -> (Carrier, IdentifyFollow) {
        let state = Identification::new(id);
        let (sender, view) = watch::channel(IdentifyView {
            state: Arc::new(state.clone()),
            queue_place: None,
            armed: false,
            reference: None,
        });
        let presence = watch::Sender::new(Presence::default());
        let stop = watch::Sender::new(false);
        let carrier = Carrier {
            all: self.clone(),
            ways: self.parts.ways(),
            state,
            pending: Vec::new(),
            after: 0,
            view: sender,
            presence: presence.subscribe(),
            stop: stop.subscribe(),
            read_until,
            readers: None,
            code: None,
        };
        let follow = IdentifyFollow {
            id: id.to_owned(),
            view,
            presence,
            stop,
        };
        (carrier, follow)
    }
}

/// One identification being carried.
struct Carrier {
    all: Identifies,
    /// As they were when it began.
    ways: Arc<Ways>,
    state: Identification,
    /// Folded, not on disk yet.
    pending: Vec<NewEvent>,
    /// The stream's last row on disk.
    after: i64,
    view: watch::Sender<IdentifyView>,
    presence: watch::Receiver<Presence>,
    stop: watch::Receiver<bool>,
    /// What is shown later is meant for somebody else.
    read_until: Instant,
    /// The devices that it holds.
    readers: Option<Readers>,
    /// The code in hand.
    code: Option<ScannedCode>,
}

impl Carrier {
    async fn carry(mut self) {
        let parts = Arc::clone(&self.all.parts);
        loop {
            let effect = next(&self.state, parts.clock.now_ms(), &self.ways.rules);
            if !matches!(effect, Effect::Record(_) | Effect::Finished)
                && let Some(code) = self.interrupted()
            {
                self.end(code);
                continue;
            }
            match effect {
                Effect::Record(event) => self.record_end(event),
                Effect::Finished => break,
                Effect::Read { wait_ms } => self.read(wait_ms).await,
                Effect::Call(step) => self.call(step).await,
                Effect::Wait { until_ms } => {
                    self.readers = None;
                    self.flush().await;
                    let until = parts.clock.instant(until_ms);
                    self.unless_interrupted(tokio::time::sleep_until(until), None)
                        .await;
                }
            }
        }
        self.readers = None;
        self.flush().await;
        measure::identification(self.state.phase);
        let (id, caller, request_id) = (&self.state.id, &self.state.caller, &self.state.request_id);
        self.all.registry.remove(id, caller, request_id);
        parts.crashes.forget(id);
    }

    /// What may name the person once: only who was identified here and now. Nothing is written after that, so there
    /// is one.
    fn reference(&self) -> Option<RefTold> {
        let state = &self.state;
        let parts = &self.all.parts;
        let (Phase::Identified, Some(voucher), Some(credential)) =
            (state.phase, &state.voucher, state.credential)
        else {
            return None;
        };
        let identity = Identity {
            identification: state.id.clone(),
            caller: state.caller.clone(),
            business_type: state.business_type.clone(),
            credential,
            voucher: voucher.clone(),
            person: state.person.clone(),
            decoded_at_ms: state.decoded_at_ms.unwrap_or(state.at_ms),
        };
        let identities: &Arc<Identities> = &parts.identities;
        identities.hold(
            identity,
            parts.clock.now_ms(),
            self.ways.rules.identity_ref_ms,
        )
    }

    /// Why nobody is waited for any more, if so.
    fn interrupted(&self) -> Option<Code> {
        if *self.stop.borrow() {
            Some(Code::CancelledByCaller)
        } else if self.presence.borrow().is_gone() {
            Some(Code::CallerGone)
        } else if self.all.parts.is_stopping() {
            Some(Code::ShuttingDown)
        } else {
            None
        }
    }

    fn end(&mut self, code: Code) {
        self.record(Event::Ended {
            ending: Ending::Cancelled,
            code,
            text: String::new(),
        });
    }

    /// Whom the caller wants to see whole is written down with what is seen.
    fn record_end(&mut self, event: Event) {
        let is_identified = event == Event::Identified;
        self.record(event);
        if is_identified && self.state.wish.as_ref().is_some_and(|wish| wish.unmasked) {
            let (by, door) = (self.state.caller.clone(), self.state.door.clone());
            self.record(Event::UnmaskedRead { by, door });
        }
    }

    /// What comes of it; `None` when nobody wants it any more.
    async fn unless_interrupted<T>(
        &mut self,
        doing: impl Future<Output = T>,
        mut places: Option<watch::Receiver<usize>>,
    ) -> Option<T> {
        tokio::pin!(doing);
        let parts = Arc::clone(&self.all.parts);
        let stopped = parts.stopped();
        tokio::pin!(stopped);
        loop {
            tokio::select! {
                biased;
                done = &mut doing => return Some(done),
                ahead = place_of(&mut places) => {
                    self.view.send_modify(|view| view.queue_place = Some(ahead));
                }
                Ok(()) = self.stop.changed() => {}
                Ok(()) = self.presence.changed() => {}
                () = &mut stopped => {}
            }
            if self.interrupted().is_some() {
                return None;
            }
        }
    }

    /// One message: stamped, recorded, sent once, its outcome recorded.
    async fn call(&mut self, step: Step) {
        let parts = Arc::clone(&self.all.parts);
        let _out = Out::new(&parts.errands_out);
        let prepared = match self.prepare(&parts, step).await {
            Ok(prepared) => prepared,
            Err(outcome) => {
                let nothing = Received {
                    outcome,
                    answer: None,
                    skew_ms: None,
                    sign_in_expired: false,
                };
                return self.answered(step, nothing);
            }
        };
        self.record(Event::Intent {
            step,
            infno: prepared.infno.clone(),
            msgid: prepared.msgid.clone(),
            request: Some(prepared.body.to_string()),
        });
        self.flush().await;
        let received = self.ways.platform.send(prepared).await;
        self.answered(step, received);
    }

    async fn prepare(&self, parts: &Parts, step: Step) -> Result<Prepared, Outcome> {
        let Some(wish) = self.state.wish.as_deref() else {
            return Err(Outcome::NotSent {
                code: Code::Internal,
                why: "the request is sealed with a key that is gone".to_owned(),
            });
        };
        let order = nothing_ordered(wish);
        let known = Known {
            voucher: self.state.voucher.clone(),
            ..Known::default()
        };
        let call = Call {
            step,
            order: &order,
            known: &known,
            code: self.code.as_ref(),
        };
        let stamp = parts.numbers.stamp().await;
        self.ways.platform.prepare(call, &stamp).await
    }

    fn answered(&mut self, step: Step, received: Received) {
        let Received {
            outcome,
            answer,
            skew_ms,
            sign_in_expired,
        } = received;
        if step == Step::Decode
            && let Some(code) = self.code.take()
        {
            // A message that never left, or was not looked at, has not used the code up.
            if matches!(outcome, Outcome::NotSent { .. }) || sign_in_expired {
                self.code = Some(code);
            } else {
                self.all.parts.identities.note_code(code);
            }
        }
        self.all
            .parts
            .note_answer(&outcome, answer.is_some(), skew_ms);
        self.record(Event::Answered {
            step,
            result: outcome,
            sign_in_expired,
            skew_ms,
            answer,
        });
        if self.state.voucher.is_some() {
            // Nothing more is shown: who comes next has the devices.
            self.readers = None;
        }
    }

    /// Folds what happened. It is on disk only after [`Carrier::flush`].
    fn record(&mut self, event: Event) {
        let at_ms = self.all.parts.clock.now_ms();
        tracing::debug!(identification = %self.state.id, event = event.kind(), "recorded");
        self.state.apply(&event, at_ms);
        self.pending.push(to_new(&event, at_ms));
    }

    async fn flush(&mut self) {
        let written = self.write().await;
        written_or_end(written).await;
    }

    /// Writes what is pending in one transaction, then tells the watchers.
    async fn write(&mut self) -> Result<(), Error> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let parts = &self.all.parts;
        let appended = parts.journal.append(Append {
            stream: self.state.id.clone(),
            after: Some(self.after),
            events: std::mem::take(&mut self.pending),
            head: head(parts, &self.state),
            marks: parts.numbers.marks(),
        });
        self.after = appended.await?.last_stream_seq;
        let state = Arc::new(self.state.clone());
        // Told together with the end that is on disk: whoever sees one sees the other.
        let reference = self.reference();
        self.view.send_modify(|view| {
            view.state = state;
            view.reference = reference;
        });
        Ok(())
    }
}

/// The next place in the queue; never without one.
async fn place_of(places: &mut Option<watch::Receiver<usize>>) -> usize {
    if let Some(places) = places
        && places.changed().await.is_ok()
    {
        return *places.borrow_and_update();
    }
    std::future::pending().await
}
