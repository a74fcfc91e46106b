//! A person with the right to it states what became of a settlement, a refund, a hand-out or a take-back that the
//! daemon cannot find out.

use super::ask::{CallerId, Failure, Stated};
use super::look::{Scope, for_caller};
use super::operations::Operations;
use super::refund::told;
use super::settle::{SETTLEMENT, unreadable};
use crate::book::Code;
use crate::runner::ResolveError;
use crate::settlement::answer::Answer;
use crate::settlement::handout::{self, Dispense};
use crate::settlement::refund::{self, Refund};
use crate::settlement::resolve::Statement;
use crate::settlement::story::Story;
use crate::settlement::stuck::Truth;

/// What is true from here on.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time, on its way to the caller"
)]
pub enum Resolved {
    /// Of a settlement.
    Settlement(Answer),
    /// Of a refund.
    Refund(refund::Answer),
    /// Of this hand-out or take-back.
    Dispense(String),
}

impl Operations {
    /// Records what is stated; nothing else happens to the money or the goods. The same statement again has the same answer.
    ///
    /// # Errors
    /// `NOT_FOUND`, `NOT_STUCK`, `RESOLVED_OTHERWISE`, `RESOLVE_CONTRADICTS`, `STREAM_UNREADABLE`.
    pub async fn resolve(&self, caller: CallerId, stated: Stated) -> Result<Resolved, Failure> {
        if let Some(refusing) = self.journal_refuses() {
            return Err(refusing);
        }
        let stream = self.stream_of(&caller, &stated.key, Scope::All).await?;
        let found = self.parts().journal.find(&stream).await;
        let kind = found
            .map_err(|error| unreadable(&error))?
            .map(|row| row.kind);
        let contradicts = Failure::new(Code::ResolveContradicts, "it is of another kind");
        let resolved = match (kind.as_deref(), stated.verdict) {
            (Some(SETTLEMENT), Truth::Settlement(verdict)) => {
                let statement = Statement {
                    by: caller.id.clone(),
                    verdict,
                    reason: stated.reason,
                    setl_id: stated.setl_id,
                };
                self.refuse_running(&stream)?;
                let resolved = self.inner.runner.resolve(&stream, &statement).await;
                resolved.map(|state| Resolved::Settlement(for_caller(&caller, &state)))
            }
            (Some(kind), Truth::Refund(end)) if kind == Refund::KIND => {
                let by = &caller.id;
                let decide = |refund: &Refund| {
                    refund::check_stated(refund, by, end, &stated.setl_id, &stated.reason)
                };
                let resolved = self.inner.refunds.resolve(&stream, by, decide).await;
                resolved.map(|refund| Resolved::Refund(told(&caller, &refund)))
            }
            (Some(kind), Truth::Dispense(ending)) if kind == Dispense::KIND => {
                let by = &caller.id;
                let lines = stated.lines;
                let statement = handout::Statement { ending, lines };
                let decide =
                    |story: &Dispense| handout::check_stated(story, by, &statement, &stated.reason);
                let resolved = self.inner.hand_outs.resolve(&stream, by, decide).await;
                resolved.map(|story| Resolved::Dispense(story.id))
            }
            (Some(SETTLEMENT | Refund::KIND | Dispense::KIND), _) => return Err(contradicts),
            (Some(_) | None, _) => return Err(self.not_found("nothing has this id")),
        };
        resolved.map_err(|error| match error {
            ResolveError::Refused(code) => Failure::new(code, why_refused(code)),
            ResolveError::Row(error) => Failure::new(Code::StreamUnreadable, error.to_string()),
        })
    }

    fn refuse_running(&self, stream: &str) -> Result<(), Failure> {
        let handle = self.parts().registry.by_id(stream);
        match handle.is_some_and(|handle| !handle.view().borrow().state.is_over()) {
            true => Err(Failure::new(Code::NotStuck, "it is being carried on")),
            false => Ok(()),
        }
    }
}

/// What the book does not say of it.
fn why_refused(code: Code) -> &'static str {
    let found = WHY_REFUSED.iter().find(|(refused, _)| *refused == code);
    found.map_or("", |(_, why)| why)
}

const WHY_REFUSED: [(Code, &str); 4] = [
    (
        Code::NotStuck,
        "it runs, or has its end; yibaoctl show tells",
    ),
    (
        Code::ResolvedOtherwise,
        "yibaoctl show tells what was stated, by whom and why",
    ),
    (
        Code::ResolveContradicts,
        "what is recorded of it excludes that; yibaoctl stuck lists what can be stated",
    ),
    (Code::ResolveNumberMissing, "setl_id is empty"),
];
