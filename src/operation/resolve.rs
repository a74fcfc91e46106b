//! A person with the right to it states what became of a settlement that the daemon cannot find out.

use super::ask::{CallerId, Failure, Stated};
use super::look::{Scope, for_caller};
use super::operations::Operations;
use super::settle::{SETTLEMENT, unreadable};
use crate::book::Code;
use crate::runner::ResolveError;
use crate::settlement::answer::Answer;
use crate::settlement::resolve::Statement;

impl Operations {
    /// Records what is stated; nothing else happens to the money. The same statement again has the same answer.
    ///
    /// # Errors
    /// `NOT_FOUND`, `NOT_STUCK`, `RESOLVED_OTHERWISE`, `RESOLVE_CONTRADICTS`, `STREAM_UNREADABLE`.
    pub async fn resolve(&self, caller: CallerId, stated: Stated) -> Result<Answer, Failure> {
        let stream = self.stream_of(&caller, &stated.key, Scope::All).await?;
        let found = self.parts().journal.find(&stream).await;
        let found = found.map_err(|error| unreadable(&error))?;
        if found.is_none_or(|row| row.kind != SETTLEMENT) {
            return Err(Failure::new(Code::NotFound, "no settlement has this id"));
        }
        if self.parts().registry.by_id(&stream).is_some_and(|handle| {
            let view = handle.view();
            let view = view.borrow();
            !view.state.is_over()
        }) {
            return Err(Failure::new(Code::NotStuck, "it is being carried on"));
        }
        let statement = Statement {
            by: caller.id.clone(),
            verdict: stated.verdict,
            reason: stated.reason,
            setl_id: stated.setl_id,
        };
        match self.inner.runner.resolve(&stream, &statement).await {
            Ok(state) => Ok(for_caller(&caller, &state)),
            Err(ResolveError::Refused(code)) => Err(Failure::new(code, "")),
            Err(ResolveError::Row(error)) => {
                Err(Failure::new(Code::StreamUnreadable, error.to_string()))
            }
        }
    }
}
