//! ScanAndPay: one call, one true answer.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::ask::{CallerId, Failure};
use super::operations::Operations;
use crate::book::Code;
use crate::device::ROLE_RECEIPT;
use crate::journal::Error as JournalError;
use crate::runner::{Attendance, Handle, Reservation, Slot, View, state_of};
use crate::settlement::answer::{Answer, Money, Paper};
use crate::settlement::checks;
use crate::settlement::order::{Order, OrderKind};
use crate::settlement::state::State;
use crate::settlement::tell;

/// A caller may wait so long at most.
const DEADLINE_MAX: Duration = Duration::from_secs(3_600);
/// The `kind` of a settlement's stream.
pub(super) const SETTLEMENT: &str = "settlement";
/// The answer leaves so long before the caller's deadline.
const BEFORE_DEADLINE_MS: u64 = 300;

/// How long an answer may wait for a caller with this deadline: it leaves in time.
#[must_use]
pub fn answered_within(deadline: Duration) -> Duration {
    let margin = Duration::from_millis(BEFORE_DEADLINE_MS).min(deadline / 4);
    (deadline - margin).min(DEADLINE_MAX)
}

impl Operations {
    /// Carries the order out, joins the one that runs, or repeats the answer of the one that ended.
    ///
    /// Dropping the future means that the caller went away: before the point of no return the same request
    /// may join again for a while, then what was done is undone.
    ///
    /// # Errors
    /// Nothing was begun: the order is not valid, another one has its id, or nothing new is taken.
    pub async fn scan_and_pay(
        &self,
        caller: CallerId,
        order: Order,
        deadline: Option<Duration>,
    ) -> Result<Answer, Failure> {
        let answer_by = self.answer_by(deadline);
        let registry = self.parts().registry.clone();
        loop {
            match registry.reserve(&caller.id, &order.request_id) {
                Slot::Yours(reservation) => {
                    if let Some(ended) = self.ended(&caller, &order).await? {
                        return Ok(self.with_wait(tell::answer(&ended)));
                    }
                    let (handle, attendance) = self.begin(reservation, &caller, order).await?;
                    let answer = self.await_answer(&handle, attendance, answer_by).await;
                    return Ok(self.with_wait(answer));
                }
                Slot::Taken(taken) => {
                    if let Some(handle) = running(taken).await {
                        same_or_refused(&handle.view().borrow().state, &order)?;
                        let attendance = handle.attend();
                        let answer = self.await_answer(&handle, attendance, answer_by).await;
                        return Ok(self.with_wait(answer));
                    }
                    // The one who had it did not begin: now it may be ours.
                }
            }
        }
    }

    pub(super) fn answer_by(&self, deadline: Option<Duration>) -> Instant {
        let longest = Duration::from_millis(u64::try_from(self.waits().pending_ms).unwrap_or(0));
        Instant::now() + deadline.map_or(longest, answered_within)
    }

    /// The settlement of this request that is in the journal and does not run any more.
    async fn ended(&self, caller: &CallerId, order: &Order) -> Result<Option<State>, Failure> {
        let found = self
            .parts()
            .journal
            .find_request(&caller.id, &order.request_id)
            .await;
        let Some(row) = found.map_err(|error| unreadable(&error))? else {
            return Ok(None);
        };
        if row.kind != SETTLEMENT {
            return Err(taken_by(&row.kind));
        }
        let stored = self.parts().journal.load(&row.stream).await;
        let stored = stored.map_err(|error| unreadable(&error))?;
        let state = state_of(&row.stream, &stored)
            .map_err(|error| Failure::new(Code::Internal, error.to_string()))?;
        if state.order.is_none() {
            // The key of that day was deleted: the digest still tells another body.
            let digest = self
                .parts()
                .journal
                .request_digest(&tell::bare_request(order));
            if digest != row.body_digest {
                let detail = "it was used with another body; which fields is no longer known";
                return Err(Failure::new(Code::RequestIdOtherBody, detail));
            }
        }
        same_or_refused(&state, order)?;
        Ok(Some(state))
    }

    async fn begin(
        &self,
        reservation: Reservation,
        caller: &CallerId,
        order: Order,
    ) -> Result<(Handle, Attendance), Failure> {
        if let Some(refusing) = self.refusing() {
            return Err(refusing);
        }
        let (parts, ways) = (self.parts(), self.parts().ways());
        if parts.registry.reserved() > self.waits().settlements_max {
            let detail = format!("{} settlements run", self.waits().settlements_max);
            return Err(Failure::new(Code::TooManyCalls, detail));
        }
        let total = checks::order::check(&order, caller.may_bill_unnamed, &ways.rules)
            .map_err(|faults| faulty(&faults))?;
        (ways.platform)
            .check_lines(&order)
            .map_err(|fault| faulty(&[fault.into()]))?;
        if let Some(first) = parts.registry.holder_of_visit(&order.visit.mdtrt_id) {
            let detail = format!("settlement {first} has this visit");
            return Err(Failure::new(Code::VisitBusy, detail));
        }
        self.refuse_sale_in_doubt(&order).await?;
        let runner = &self.inner.runner;
        // Last of all: from here on the identification is used up, whatever becomes of the settlement.
        let identity = match order.identity_ref.as_str() {
            "" => None,
            reference => {
                let purposes = [order.business_type()];
                Some(self.take_identity(caller, reference, &purposes).await?)
            }
        };
        let id = runner.new_id();
        let begun = runner
            .accept(reservation, id, &caller.id, order, total, identity)
            .await;
        begun.map_err(|error| not_begun(&error))
    }

    /// A sale has no visit that is open once only: while a charge of this person is in doubt nothing more is
    /// sold to him or her, since it may be the same sale again. Whom the order does not name is looked at once
    /// 1101 has answered.
    async fn refuse_sale_in_doubt(&self, order: &Order) -> Result<(), Failure> {
        if order.kind != OrderKind::Pharmacy || order.patient.certno.is_empty() {
            return Ok(());
        }
        let found = self.inner.runner.sale_in_doubt(&order.patient.certno).await;
        match found.map_err(|error| unreadable(&error))? {
            Some((code, which)) => Err(Failure::new(code, which)),
            None => Ok(()),
        }
    }

    /// The final answer; at the deadline the truth by then, and the settlement runs on.
    pub(super) async fn await_answer(
        &self,
        handle: &Handle,
        attendance: Attendance,
        answer_by: Instant,
    ) -> Answer {
        let mut view = handle.view();
        loop {
            let state = view.borrow_and_update().state.clone();
            let answer = tell::answer(&state);
            let Some(wait_until) = self.wait_until(&answer, answer_by) else {
                return answer;
            };
            tokio::select! {
                changed = view.changed() => {
                    if changed.is_err() {
                        return tell::answer(&view.borrow().state);
                    }
                }
                () = tokio::time::sleep_until(wait_until) => {
                    attendance.answered_pending();
                    return tell::answer(&view.borrow().state);
                }
                // The process is ending: the next one says how it ended.
                () = parked(handle.view()) => {
                    attendance.answered_pending();
                    return tell::answer(&view.borrow().state);
                }
            }
        }
    }

    /// The answer, and what its queued paper waits for.
    pub(super) fn with_wait(&self, answer: Answer) -> Answer {
        let paper_waits_for = match answer.paper {
            Paper::Queued => self.parts().hub.waits_for(ROLE_RECEIPT),
            Paper::NotAsked | Paper::Printed(_) | Paper::NotPrinted(_) | Paper::Unknown(_) => None,
        };
        Answer {
            paper_waits_for,
            ..answer
        }
    }

    /// Until when a better answer is worth waiting for; `None`: this one is good.
    fn wait_until(&self, answer: &Answer, answer_by: Instant) -> Option<Instant> {
        match (answer.money, answer.paper) {
            (Money::Pending, _) => Some(answer_by),
            (Money::Unknown, _) if answer.stuck => None,
            (Money::Unknown, _) => Some(answer_by),
            (Money::Settled, Paper::Queued) => {
                let until_ms = answer.ended_at_ms? + self.waits().print_wait_ms;
                let until = self.parts().clock.instant(until_ms);
                (until > Instant::now()).then_some(until.min(answer_by))
            }
            (Money::Settled | Money::Refused | Money::Cancelled | Money::Reversed, _) => None,
        }
    }
}

/// Resolves when the settlement rests for the next process.
async fn parked(mut view: watch::Receiver<View>) {
    if view.wait_for(|view| view.parked).await.is_err() {
        // It ended instead.
        std::future::pending::<()>().await;
    }
}

/// The handle, once whoever reserved the request has begun it; `None`: it was not begun.
pub(super) async fn running<H: Clone>(mut taken: watch::Receiver<Option<H>>) -> Option<H> {
    let begun = taken.wait_for(Option::is_some).await.ok()?;
    begun.clone()
}

/// The id names something else already.
pub(super) fn taken_by(kind: &str) -> Failure {
    let detail = format!("this request_id was used for a {}", kind.replace('_', " "));
    Failure::new(Code::RequestIdOtherBody, detail)
}

fn same_or_refused(state: &State, order: &Order) -> Result<(), Failure> {
    let Some(first) = &state.order else {
        // The key of that day was deleted: the answer stays, the bodies cannot be compared.
        return Ok(());
    };
    if tell::same_request(first, order) {
        return Ok(());
    }
    let fields = tell::differing_fields(first, order);
    let detail = format!("differs in {}", fields.join(", "));
    Err(Failure {
        code: Code::RequestIdOtherBody,
        detail,
        fields,
    })
}

pub(super) fn faulty(faults: &[checks::order::Fault]) -> Failure {
    let code = faults
        .first()
        .map_or(Code::RequestInvalid, |fault| fault.code);
    let all: Vec<String> = faults
        .iter()
        .map(|fault| format!("{}: {}", fault.field, fault.detail))
        .collect();
    let fields = faults.iter().map(|fault| fault.field.clone()).collect();
    Failure {
        code,
        detail: all.join("; "),
        fields,
    }
}

/// Why the journal did not take a new settlement.
fn not_begun(error: &JournalError) -> Failure {
    if let JournalError::VisitOpen { stream } = error {
        let detail = format!("settlement {stream} has this visit");
        return Failure::new(Code::VisitBusy, detail);
    }
    not_taken(error)
}

/// Why the journal did not take something new.
pub(super) fn not_taken(error: &JournalError) -> Failure {
    let code = if matches!(error, JournalError::NotAdopted { .. }) {
        Code::DeskNotAdopted
    } else if matches!(error, JournalError::VisitOpen { .. }) {
        Code::VisitBusy
    } else if matches!(error, JournalError::RolledBack { .. }) {
        Code::JournalRolledBack
    } else if matches!(error, JournalError::RequestTaken { .. }) {
        // Somebody used it for something else in the same moment.
        Code::RequestIdOtherBody
    } else {
        Code::JournalRefuses
    };
    Failure::new(code, error.to_string())
}

pub(super) fn unreadable(error: &JournalError) -> Failure {
    Failure::new(
        Code::Internal,
        format!("the journal cannot be read: {error}"),
    )
}

/// What a watcher or caller sees of a running settlement now.
pub(super) fn seen(view: &watch::Receiver<View>) -> View {
    view.borrow().clone()
}
