//! Confirming what was shown, and calling off.

use std::time::Duration;

use tokio::time::Instant;

use super::ask::{CallerId, Failure};
use super::look::Found;
use super::operations::Operations;
use crate::book::Code;
use crate::runner::Handle;
use crate::settlement::answer::{Answer, CancelVerdict, Money, Point};
use crate::settlement::tell;

/// How long a cancellation waits for the end of what it cancels.
const CANCEL_WAIT_MS_MAX: u64 = 20_000;

impl Operations {
    /// Confirms what was shown.
    ///
    /// # Errors
    /// `CONFIRM_STALE` when something else is shown by now, `NOT_CONFIRMABLE` when nothing is.
    pub async fn confirm(
        &self,
        caller: CallerId,
        request_id: String,
        point: Point,
        shown: String,
    ) -> Result<(), Failure> {
        let handle = self.running(&caller, &request_id).await?;
        let Some(handle) = handle else {
            return Err(Failure::new(
                Code::NotConfirmable,
                "it does not run any more",
            ));
        };
        handle
            .confirm(point, shown)
            .await
            .map_err(|code| Failure::new(code, "the confirmation was not taken"))
    }

    /// Calls it off if that can still be done, and says how it ended; before the caller's deadline in any case.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub async fn cancel(
        &self,
        caller: CallerId,
        request_id: String,
        deadline: Option<Duration>,
    ) -> Result<(CancelVerdict, Answer), Failure> {
        let longest = Instant::now() + Duration::from_millis(CANCEL_WAIT_MS_MAX);
        let until = self.answer_by(deadline).min(longest);
        let Some(handle) = self.running(&caller, &request_id).await? else {
            let answer = self.get_by_request(&caller, &request_id).await?;
            return Ok((verdict(&answer, false), self.with_wait(answer)));
        };
        let taken = handle.cancel(caller.id.clone()).await;
        let answer = if taken {
            ended(&handle, until).await
        } else {
            now(&handle)
        };
        if !taken && answer.money == Money::Pending && self.is_stopping() {
            let detail = "the daemon is stopping; the next one can cancel it";
            return Err(Failure::new(Code::ShuttingDown, detail));
        }
        Ok((verdict(&answer, taken), self.with_wait(answer)))
    }

    async fn running(
        &self,
        caller: &CallerId,
        request_id: &str,
    ) -> Result<Option<Handle>, Failure> {
        match self.find(caller, request_id).await? {
            Found::Running(handle) => Ok(Some(handle)),
            Found::Stored(_) => Ok(None),
            Found::Nothing => Err(self.not_found("no settlement has this request_id")),
        }
    }
}

fn now(handle: &Handle) -> Answer {
    tell::answer(&super::settle::seen(&handle.view()).state)
}

async fn ended(handle: &Handle, until: Instant) -> Answer {
    let mut view = handle.view();
    let is_final = |view: &crate::runner::View| {
        let money = tell::money(&view.state);
        money.is_final() || matches!(view.state.phase, crate::settlement::state::Phase::Stuck(_))
    };
    // At the limit, or when the task ended, the view says what is true.
    drop(tokio::time::timeout_at(until, view.wait_for(is_final)).await);
    now(handle)
}

fn verdict(answer: &Answer, taken: bool) -> CancelVerdict {
    match answer.money {
        Money::Settled => CancelVerdict::TooLateSettled,
        Money::Refused | Money::Cancelled | Money::Reversed => CancelVerdict::Cancelled,
        Money::Pending if taken => CancelVerdict::Cancelled,
        Money::Pending | Money::Unknown => CancelVerdict::TooLateBeingSettled,
    }
}
