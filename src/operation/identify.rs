//! Identify: who stands there, what an identification is still good for, and using it once.

use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use tokio::time::Instant;

use super::ask::{CallerId, Failure};
use super::errand::same;
use super::operations::Operations;
use super::settle::{not_taken, running, taken_by, unreadable};
use crate::book::Code;
use crate::runner::{
    IDENTIFICATION, IdentifyFollow, IdentifyView, Identity, RefTold, Slot, identification_of,
};
use crate::settlement::identify::{Identification, Pays, Progress, Wish, pays, progress};
use crate::settlement::order::CredentialKind;

/// Progress that waits for a slow watcher; a slower one misses steps in between, never the end.
const BACKLOG_MAX: usize = 64;
/// Reading ends so long before the answer is due: what nobody showed in time is told with it.
const ANSWER_MS: u64 = 500;
/// How long a cancellation waits for the end of what it cancels.
const CANCEL_WAIT_MS_MAX: u64 = 20_000;

/// One identification, as it is told to a caller.
#[derive(Clone, Debug)]
pub struct Identified {
    /// What is on disk.
    pub state: Arc<Identification>,
    /// Name and number may be told whole: that was written down.
    pub is_unmasked: bool,
    /// What may name the person once.
    pub reference: Option<RefTold>,
    /// Whether what was shown pays.
    pub pays: Pays,
    /// One token may be shown several times at this site.
    pub token_reusable: bool,
    /// How old what was shown is, milliseconds.
    pub age_ms: i64,
}

impl Operations {
    /// Waits for what somebody shows and says who it is, joins who does, or repeats the answer. Dropping the future
    /// frees the devices.
    ///
    /// # Errors
    /// Nothing was begun, or the whole name cannot be written down as told.
    pub async fn identify(
        &self,
        caller: CallerId,
        mut wish: Wish,
        deadline: Option<Duration>,
    ) -> Result<Identified, Failure> {
        if wish.unmasked && !caller.may_see_persons {
            let detail = "unmasked: this caller may not see names and numbers whole";
            return Err(Failure {
                fields: vec!["unmasked".to_owned()],
                ..Failure::new(Code::NotAllowed, detail)
            });
        }
        let answer_by = self.answer_by(deadline);
        let read_until = self.within(&mut wish, answer_by);
        let identifies = &self.inner.identifies;
        loop {
            match identifies.reserve(&caller.id, &wish.request_id) {
                Slot::Taken(taken) => {
                    // The one who had it did not begin: now it may be ours.
                    let Some(follow) = running(taken).await else {
                        continue;
                    };
                    let first = follow.view().borrow().state.wish.clone();
                    first.map_or(Ok(()), |first| same(&first.bare(), &wish.bare()))?;
                    let attendance = follow.attend();
                    let view = ended(&follow, answer_by).await;
                    if !view.state.is_over() {
                        attendance.answered_pending();
                    }
                    return self
                        .told_again(&caller, &wish, view.state, view.reference)
                        .await;
                }
                Slot::Yours(reservation) => {
                    if let Some(stored) = self.ended_identification(&caller, &wish).await? {
                        let reference = self.parts().identities.reference_of(&stored.id);
                        let stored = Arc::new(stored);
                        return self.told_again(&caller, &wish, stored, reference).await;
                    }
                    if let Some(refusing) = self.refusing() {
                        return Err(refusing);
                    }
                    if identifies.registry().reserved() > self.waits().settlements_max {
                        let detail = "too many identifications run";
                        return Err(Failure::new(Code::TooManyCalls, detail));
                    }
                    let is_unmasked = wish.unmasked;
                    let id = format!("id-{}", self.inner.runner.new_id());
                    let by = (caller.id.as_str(), caller.door);
                    let begun = identifies.accept(reservation, id, by, wish, read_until);
                    let (follow, attendance) = begun.await.map_err(|error| not_taken(&error))?;
                    let view = ended(&follow, answer_by).await;
                    if !view.state.is_over() {
                        attendance.answered_pending();
                    }
                    // What the first caller sees whole is written down with what is seen.
                    return Ok(self.identified(view.state, view.reference, is_unmasked));
                }
            }
        }
    }

    /// Follows an identification, also one that has not begun.
    pub fn watch_identification(
        &self,
        caller: CallerId,
        request_id: String,
    ) -> impl Stream<Item = (Progress, Identified)> + Send + 'static {
        let (sender, receiver) = tokio::sync::mpsc::channel(BACKLOG_MAX);
        let operations = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = operations.follow_identification(&caller, &request_id, &sender) => {}
                () = sender.closed() => {}
            }
        });
        tokio_stream::wrappers::ReceiverStream::new(receiver)
    }

    /// Calls it off. Whether this call ended it, and how it ended.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub async fn cancel_identify(
        &self,
        caller: CallerId,
        request_id: String,
    ) -> Result<(bool, Identified), Failure> {
        let follow = match self.find_identification(&caller, &request_id).await? {
            Found::Running(follow) => follow,
            Found::Stored(stored) => return Ok((false, self.without_ref(Arc::new(*stored)))),
            Found::Nothing => {
                return Err(self.not_found("no identification has this request_id"));
            }
        };
        let was_over = follow.view().borrow().state.is_over();
        follow.stop();
        let until = Instant::now() + Duration::from_millis(CANCEL_WAIT_MS_MAX);
        let view = ended(&follow, until).await;
        let reason = view.state.reason.as_ref().map(|reason| reason.code);
        let cancelled = !was_over && reason == Some(Code::CancelledByCaller);
        Ok((cancelled, self.without_ref(view.state)))
    }

    /// The person of this reference, used up by this call.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(super) async fn take_identity(
        &self,
        caller: &CallerId,
        reference: &str,
        business_types: &[&str],
    ) -> Result<Identity, Failure> {
        let refused = |code: Code| Failure {
            fields: vec!["identity_ref".to_owned()],
            ..Failure::new(code, "identity_ref")
        };
        let identities = &self.parts().identities;
        if let Some(taken) = identities.take(&caller.id, reference, business_types) {
            return taken.map_err(refused);
        }
        // This process gave no such reference: an earlier one may have.
        let Some(id) = identification_of(reference) else {
            return Err(refused(Code::IdentityUnknown));
        };
        let found = self.parts().journal.find(id).await;
        let row = found.map_err(|error| unreadable(&error))?;
        let is_own = row.is_some_and(|row| row.kind == IDENTIFICATION && row.caller == caller.id);
        Err(refused(if is_own {
            Code::IdentityGone
        } else {
            Code::IdentityUnknown
        }))
    }

    /// Until when is read, however long it queues and however often another code is asked for: the caller is told
    /// that nobody came while it still waits, and what is shown after that is not taken for it.
    fn within(&self, wish: &mut Wish, answer_by: Instant) -> Instant {
        let left = answer_by.saturating_duration_since(Instant::now());
        let left = left - Duration::from_millis(ANSWER_MS).min(left / 2);
        let most_ms = u32::try_from(left.as_millis()).unwrap_or(u32::MAX);
        let wanted_ms = match wish.wait_ms {
            0 => u32::try_from(self.parts().ways().rules.scan_wait_ms).unwrap_or(u32::MAX),
            wait_ms => wait_ms,
        };
        wish.wait_ms = wanted_ms.min(most_ms).max(1);
        Instant::now() + left
    }

    /// To another call than the one that it was identified for: whom it shows whole is written down anew.
    async fn told_again(
        &self,
        caller: &CallerId,
        wish: &Wish,
        state: Arc<Identification>,
        reference: Option<RefTold>,
    ) -> Result<Identified, Failure> {
        let is_unmasked = wish.unmasked && state.voucher.is_some() && state.is_over();
        if is_unmasked {
            let identifies = &self.inner.identifies;
            let written = identifies.audit(&state.id, &caller.id, caller.door);
            written.await.map_err(|error| {
                tracing::error!(%error, "an unmasked read cannot be recorded");
                Failure::new(Code::JournalRefuses, "the reading cannot be recorded")
            })?;
        }
        Ok(self.identified(state, reference, is_unmasked))
    }

    fn identified(
        &self,
        state: Arc<Identification>,
        reference: Option<RefTold>,
        is_unmasked: bool,
    ) -> Identified {
        let is_held = reference.is_some();
        Identified {
            is_unmasked,
            reference,
            ..self.masked(state, is_held)
        }
    }

    /// For whom the reference is not: it is told what Identify tells of it, without the reference itself.
    fn without_ref(&self, state: Arc<Identification>) -> Identified {
        let is_held = self.parts().identities.reference_of(&state.id).is_some();
        self.masked(state, is_held)
    }

    fn masked(&self, state: Arc<Identification>, is_held: bool) -> Identified {
        let ways = self.parts().ways();
        let rules = &ways.rules;
        let by_ref = rules.identity_pays && !rules.fresh_code && is_held;
        let now_ms = self.parts().clock.now_ms();
        let is_code = state.credential == Some(CredentialKind::EVoucher);
        Identified {
            pays: pays(&state, by_ref),
            token_reusable: is_code && ways.platform.token_is_reusable(),
            age_ms: state
                .decoded_at_ms
                .map_or(0, |at_ms| (now_ms - at_ms).max(0)),
            is_unmasked: false,
            reference: None,
            state,
        }
    }

    async fn ended_identification(
        &self,
        caller: &CallerId,
        wish: &Wish,
    ) -> Result<Option<Identification>, Failure> {
        let Some(stored) = self.stored_identification(caller, &wish.request_id).await? else {
            return Ok(None);
        };
        if let Some(first) = &stored.wish {
            same(&first.bare(), &wish.bare())?;
        }
        Ok(Some(stored))
    }

    async fn stored_identification(
        &self,
        caller: &CallerId,
        request_id: &str,
    ) -> Result<Option<Identification>, Failure> {
        let journal = &self.parts().journal;
        let found = journal.find_request(&caller.id, request_id).await;
        let Some(row) = found.map_err(|error| unreadable(&error))? else {
            return Ok(None);
        };
        if row.kind != IDENTIFICATION {
            return Err(taken_by(&row.kind));
        }
        let loaded = self.inner.identifies.load(&row.stream).await;
        let loaded = loaded.map_err(|error| Failure::new(Code::Internal, error.to_string()))?;
        Ok(Some(loaded))
    }

    /// What runs under this request_id, else what is stored.
    async fn find_identification(
        &self,
        caller: &CallerId,
        request_id: &str,
    ) -> Result<Found, Failure> {
        let registry = self.inner.identifies.registry();
        if let Some(follow) = registry.by_request(&caller.id, request_id).await {
            return Ok(Found::Running(follow));
        }
        let mut stored = self.stored_identification(caller, request_id).await?;
        if stored.as_ref().is_some_and(|stored| !stored.is_over()) {
            // It was accepted behind the first look, and may be over by now.
            if let Some(follow) = registry.by_request(&caller.id, request_id).await {
                return Ok(Found::Running(follow));
            }
            stored = self.stored_identification(caller, request_id).await?;
        }
        Ok(stored.map_or(Found::Nothing, |stored| Found::Stored(Box::new(stored))))
    }

    async fn follow_identification(
        &self,
        caller: &CallerId,
        request_id: &str,
        sender: &tokio::sync::mpsc::Sender<(Progress, Identified)>,
    ) {
        let mut arrivals = self.inner.identifies.registry().arrivals();
        loop {
            arrivals.borrow_and_update();
            match self.find_identification(caller, request_id).await {
                Ok(Found::Running(follow)) => {
                    return self.follow_running_identification(&follow, sender).await;
                }
                Ok(Found::Stored(stored)) => {
                    let state = Arc::new(*stored);
                    let told = self.without_ref(Arc::clone(&state));
                    // An error means that nobody listens any more.
                    drop(sender.send((progress(&state, 1, None, false), told)).await);
                    return;
                }
                Ok(Found::Nothing) => {}
                Err(failure) => {
                    tracing::warn!(%failure, "an identification cannot be watched");
                    return;
                }
            }
            if arrivals.changed().await.is_err() {
                return;
            }
        }
    }

    async fn follow_running_identification(
        &self,
        follow: &IdentifyFollow,
        sender: &tokio::sync::mpsc::Sender<(Progress, Identified)>,
    ) {
        let mut view = follow.view();
        let mut seq = 0;
        let mut last = None;
        loop {
            let now = view.borrow_and_update().clone();
            let over = now.state.is_over();
            let news = progress(&now.state, seq + 1, now.queue_place, now.armed);
            let key = (news.stage, news.queue_place, now.state.codes_rejected);
            if last.as_ref() != Some(&key) {
                seq += 1;
                last = Some(key);
                let told = self.without_ref(Arc::clone(&now.state));
                if sender.send((news, told)).await.is_err() {
                    return;
                }
            }
            if over || view.changed().await.is_err() {
                return;
            }
        }
    }
}

/// What a request_id stands for.
enum Found {
    Running(IdentifyFollow),
    Stored(Box<Identification>),
    Nothing,
}

/// What is true once it is over, at most until then.
async fn ended(follow: &IdentifyFollow, until: Instant) -> IdentifyView {
    let mut view = follow.view();
    let over = view.wait_for(|view| view.state.is_over());
    // At the limit, or when the task ended, the view says what is true.
    drop(tokio::time::timeout_at(until, over).await);
    view.borrow().clone()
}
