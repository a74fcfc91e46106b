//! What runs: handles on running settlements, who waits for them, and how they are found.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, oneshot, watch};

use crate::book::Code;
use crate::settlement::answer::Point;
use crate::settlement::state::State;

/// Commands that may wait for one settlement.
pub(super) const COMMANDS_MAX: usize = 16;

/// What is on disk of a settlement, and its place before the scanner.
#[derive(Clone, Debug)]
pub struct View {
    /// The folded state.
    pub state: Arc<State>,
    /// How many are before it at the scanner; absent when it does not queue.
    pub queue_place: Option<usize>,
    /// The scanner listens for it: now a code may be shown.
    pub armed: bool,
    /// The process is ending and it is not past the point of no return: the next process goes on.
    pub parked: bool,
}

/// Something a person, or the caller, wants of a running settlement.
#[derive(Debug)]
pub(super) enum Command {
    Confirm {
        point: Point,
        token: String,
        reply: oneshot::Sender<Result<(), Code>>,
    },
    /// Answered with whether it can still be called off.
    Cancel {
        by: String,
        reply: oneshot::Sender<bool>,
    },
}

/// Who waits for the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Presence {
    pub(super) waiting: usize,
    /// Somebody was answered PENDING: nobody went away, the settlement runs on.
    pub(super) told_pending: bool,
}

impl Presence {
    pub(super) fn is_gone(self) -> bool {
        self.waiting == 0 && !self.told_pending
    }
}

/// A running settlement, as others see it.
#[derive(Clone, Debug)]
pub struct Handle {
    /// Its own id.
    pub settlement_id: String,
    pub(super) view: watch::Receiver<View>,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) presence: watch::Sender<Presence>,
}

impl Handle {
    /// What is on disk by now, and what will be.
    #[must_use]
    pub fn view(&self) -> watch::Receiver<View> {
        self.view.clone()
    }

    /// Waits for the answer from here on; dropping it means that this caller went away.
    #[must_use]
    pub fn attend(&self) -> Attendance {
        attend(&self.presence)
    }

    /// Confirms what was shown.
    ///
    /// # Errors
    /// [`Code::NotConfirmable`], [`Code::ConfirmStale`].
    pub async fn confirm(&self, point: Point, token: String) -> Result<(), Code> {
        let (reply, answer) = oneshot::channel();
        let sent = self
            .commands
            .send(Command::Confirm {
                point,
                token,
                reply,
            })
            .await;
        if sent.is_err() {
            return Err(Code::NotConfirmable);
        }
        answer.await.unwrap_or(Err(Code::NotConfirmable))
    }

    /// Asks to call it off. Says whether that can still be done; the end of the view says how it ended.
    pub async fn cancel(&self, by: String) -> bool {
        let (reply, answer) = oneshot::channel();
        let sent = self.commands.send(Command::Cancel { by, reply }).await;
        sent.is_ok() && answer.await.unwrap_or(false)
    }
}

/// One more waits from here on.
pub(super) fn attend(presence: &watch::Sender<Presence>) -> Attendance {
    presence.send_modify(|presence| presence.waiting += 1);
    Attendance {
        presence: presence.clone(),
    }
}

/// One caller that waits for the answer.
#[derive(Debug)]
pub struct Attendance {
    presence: watch::Sender<Presence>,
}

impl Attendance {
    /// The caller was answered PENDING: it did not go away.
    pub fn answered_pending(self) {
        self.presence
            .send_modify(|presence| presence.told_pending = true);
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        self.presence
            .send_modify(|presence| presence.waiting = presence.waiting.saturating_sub(1));
    }
}

/// Caller and request_id.
type RequestKey = (String, String);

/// Something that runs and can be followed.
pub trait Carried: Clone {
    /// Its own id.
    fn id(&self) -> &str;
    /// It rests for the next process.
    fn is_parked(&self) -> bool;
}

impl Carried for Handle {
    fn id(&self) -> &str {
        &self.settlement_id
    }

    fn is_parked(&self) -> bool {
        self.view.borrow().parked
    }
}

/// All that run of one kind: settlements, where nothing else is said.
#[derive(Debug)]
pub struct Registry<H = Handle> {
    inner: Mutex<Inner<H>>,
    /// Grows with each one that begins to run.
    arrivals: watch::Sender<u64>,
}

#[derive(Debug)]
struct Inner<H> {
    by_request: BTreeMap<RequestKey, watch::Receiver<Option<H>>>,
    by_id: BTreeMap<String, H>,
}

impl<H> Default for Registry<H> {
    fn default() -> Self {
        Self {
            inner: Mutex::new(Inner {
                by_request: BTreeMap::new(),
                by_id: BTreeMap::new(),
            }),
            arrivals: watch::Sender::default(),
        }
    }
}

/// The answer to "may I begin this request?".
#[derive(Debug)]
pub enum Slot<H: Carried = Handle> {
    /// Nobody has it: it is yours until you fill it or drop it.
    Yours(Reservation<H>),
    /// It begins or runs: wait for its handle.
    Taken(watch::Receiver<Option<H>>),
}

/// The right to begin one request.
#[derive(Debug)]
pub struct Reservation<H: Carried = Handle> {
    registry: Arc<Registry<H>>,
    key: RequestKey,
    sender: watch::Sender<Option<H>>,
    filled: bool,
}

impl<H: Carried> Registry<H> {
    /// Reserves the request, or says who has it.
    #[must_use]
    pub fn reserve(self: &Arc<Self>, caller: &str, request_id: &str) -> Slot<H> {
        let key = (caller.to_owned(), request_id.to_owned());
        let mut inner = self.lock();
        if let Some(taken) = inner.by_request.get(&key) {
            return Slot::Taken(taken.clone());
        }
        let (sender, receiver) = watch::channel(None);
        inner.by_request.insert(key.clone(), receiver);
        drop(inner);
        Slot::Yours(Reservation {
            registry: Arc::clone(self),
            key,
            sender,
            filled: false,
        })
    }

    /// What runs for this request. One that is just being written down is waited for: it is in
    /// the journal before it runs, and must not look ended.
    pub async fn by_request(&self, caller: &str, request_id: &str) -> Option<H> {
        let key = (caller.to_owned(), request_id.to_owned());
        let mut taken = self.lock().by_request.get(&key).cloned()?;
        taken
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|begun| begun.clone())
    }

    /// What runs under this id.
    #[must_use]
    pub fn by_id(&self, id: &str) -> Option<H> {
        self.lock().by_id.get(id).cloned()
    }

    /// How many run.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().by_id.len()
    }

    /// How many are neither ended nor parked: a stopping process waits for them.
    #[must_use]
    pub fn busy(&self) -> usize {
        let busy = |carried: &&H| !carried.is_parked();
        self.lock().by_id.values().filter(busy).count()
    }

    /// How many run or are being begun.
    #[must_use]
    pub fn reserved(&self) -> usize {
        self.lock().by_request.len()
    }

    /// How many of this caller run or are being begun.
    #[must_use]
    pub fn reserved_by(&self, caller: &str) -> usize {
        let is_theirs = |key: &&RequestKey| key.0 == caller;
        self.lock().by_request.keys().filter(is_theirs).count()
    }

    /// Changes with each settlement that begins to run.
    #[must_use]
    pub fn arrivals(&self) -> watch::Receiver<u64> {
        self.arrivals.subscribe()
    }

    /// Forgets what ended.
    pub(super) fn remove(&self, id: &str, caller: &str, request_id: &str) {
        let mut inner = self.lock();
        inner.by_id.remove(id);
        inner
            .by_request
            .remove(&(caller.to_owned(), request_id.to_owned()));
    }

    /// Returns when nobody holds what runs.
    pub fn turn(&self) {
        drop(self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, Inner<H>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registry {
    /// The running settlement that has registered this visit, or was given it.
    #[must_use]
    pub fn holder_of_visit(&self, mdtrt_id: &str) -> Option<String> {
        if mdtrt_id.is_empty() {
            return None;
        }
        let inner = self.lock();
        let has = |handle: &&Handle| {
            handle.view.borrow().state.known.mdtrt_id.as_deref() == Some(mdtrt_id)
        };
        inner
            .by_id
            .values()
            .find(has)
            .map(|handle| handle.settlement_id.clone())
    }
}

impl<H: Carried> Reservation<H> {
    /// It runs.
    pub(super) fn fill(mut self, handle: H) {
        self.registry
            .lock()
            .by_id
            .insert(handle.id().to_owned(), handle.clone());
        self.sender.send_replace(Some(handle));
        self.registry.arrivals.send_modify(|count| *count += 1);
        self.filled = true;
    }
}

impl<H: Carried> Drop for Reservation<H> {
    fn drop(&mut self) {
        if !self.filled {
            self.registry.lock().by_request.remove(&self.key);
        }
    }
}
