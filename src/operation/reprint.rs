//! Reprint: a copy of what was printed, with the mark 补打.

use std::sync::Arc;

use super::ask::{CallerId, Failure};
use super::jobs::{JobKey, JobTold};
use super::look::Scope;
use super::operations::Operations;
use super::print::{Paperwork, ReprintOf, ReprintRights, ReprintWish};
use super::report::{file_of, may_be_out, report_of};
use super::settle::{SETTLEMENT, unreadable};
use super::sheet::{For, SheetOf};
use crate::book::Code;
use crate::device::ROLE_RECEIPT;
use crate::document::job::{self, Order, Private, Reprint};
use crate::document::refunding::Said;
use crate::document::{Content, receipt};
use crate::journal::{Filter, StreamRow};
use crate::runner::{civil, state_of, wall_ms};
use crate::settlement::state::Phase as SettlementPhase;

impl Operations {
    /// Takes a copy to be printed. One copy of a desk is counted at a time.
    ///
    /// # Errors
    /// Nothing is printed: among others because the first print is not over.
    pub async fn reprint(&self, caller: CallerId, wish: ReprintWish) -> Result<JobTold, Failure> {
        // Given back once this copy is in the journal, where the next one counts it.
        let turn = Arc::clone(&self.inner.reprint_turn).lock_owned().await;
        let (of, role, title, content) = match &wish.of {
            ReprintOf::Job(key) => self.first_print(&caller, key, wish.rights).await?,
            ReprintOf::Settlement(key) => {
                let id = self.stream_of(&caller, key, Scope::Own).await?;
                ((id, true), ROLE_RECEIPT.to_owned(), String::new(), None)
            }
        };
        // Made anew, also when a copy is copied: what became of the settlement since stands on it.
        let (title, content, said) = match content {
            Some(content) => (title, content, None),
            None => self.receipt_of(&of.0).await?,
        };
        let count = self.copies(&of.0, &caller, &wish.request_id).await?;
        let mut order = Order {
            role,
            wait_ms: wish.wait_ms,
            reprint: Some(Reprint {
                of: of.0,
                of_settlement: of.1,
                count,
                operator_id: wish.operator.id,
                said: said.map(Box::new),
            }),
            report: None,
        };
        let mut private = Private {
            title,
            content,
            operator_name: wish.operator.name,
            reason: wish.reason,
            at: civil(wall_ms()),
        };
        let made = self.marked_sheet(&caller, &wish.request_id, &order, &private);
        let made = made.await?;
        if let Some(content) = &made {
            private.content.clone_from(content);
        }
        order.report = report_of(&private.content, None);
        let paperwork = Paperwork { order, private };
        let begun = self.begun(&caller, wish.request_id, paperwork, Some(turn));
        let begun = begun.await;
        if let Some(file) = made.as_ref().and_then(file_of) {
            self.remove_unless_used(file, &begun).await;
        }
        Ok(self.told_in_time(&caller, begun?, wish.answer_wait).await)
    }

    /// The sheet with the mark on it, if it is one that is copied: we made it, so we may write into it. A request that
    /// is known keeps its own.
    async fn marked_sheet(
        &self,
        caller: &CallerId,
        request_id: &str,
        order: &Order,
        private: &Private,
    ) -> Result<Option<Content>, Failure> {
        let Some(copy) = order.reprint.as_ref().filter(|copy| !copy.of_settlement) else {
            return Ok(None);
        };
        let first = self.loaded(&copy.of).await?;
        let document_id = first.order.report.and_then(|report| report.document_id);
        let Some(sheet) = document_id.as_deref().and_then(SheetOf::parse) else {
            return Ok(None);
        };
        let known = JobKey::RequestId(request_id.to_owned());
        if self.job_id(caller, &known).await.is_ok() {
            return Ok(None);
        }
        let row = self.parts().journal.find(&copy.of).await;
        let row = row.map_err(|error| unreadable(&error))?;
        let purpose = For::Copy {
            mark: copy,
            private,
            first_seq: row.map_or(0, |row| row.first_seq),
        };
        let made = self.typeset(&self.parts().ways(), &sheet, purpose).await?;
        Ok(Some(self.kept_sheet(made).await?))
    }

    /// What a job printed first: its stream and whether that is a settlement, the role, and what stood on it; nothing
    /// of a receipt.
    async fn first_print(
        &self,
        caller: &CallerId,
        key: &JobKey,
        rights: ReprintRights,
    ) -> Result<((String, bool), String, String, Option<Content>), Failure> {
        let id = self.job_id(caller, key).await?;
        let job = self.loaded(&id).await?;
        if job.caller != caller.id && !rights.any {
            let detail = "it is another caller's job";
            return Err(Failure::new(Code::NotAllowed, detail));
        }
        if job.ended().is_none() {
            return Err(Failure::new(Code::PrintRunning, ""));
        }
        let of = match &job.order.reprint {
            Some(copy) => (copy.of.clone(), copy.of_settlement),
            None => (id, false),
        };
        let private = job.private.ok_or(Failure::new(Code::PrintGone, ""))?;
        match private.content {
            Content::Raw(_) | Content::MarkedRaw { .. } if !rights.raw => {
                let detail = "it is bytes for the printer";
                return Err(Failure::new(Code::NotAllowed, detail));
            }
            Content::Raw(_)
            | Content::MarkedRaw { .. }
            | Content::Document(_)
            | Content::Pdf(_) => {}
        }
        let Private { title, content, .. } = Arc::unwrap_or_clone(private);
        let content = Some(content).filter(|_| !of.1);
        Ok((of, job.order.role, title, content))
    }

    /// The receipt of a settlement that stands and whose own paper is over.
    async fn receipt_of(&self, id: &str) -> Result<(String, Content, Option<Said>), Failure> {
        let found = self.parts().journal.find(id).await;
        let row = found.map_err(|error| unreadable(&error))?;
        if row.is_none_or(|row| row.kind != SETTLEMENT) {
            return Err(self.not_found("no settlement has this id"));
        }
        let stored = self.parts().journal.load(id).await;
        let stored = stored.map_err(|error| unreadable(&error))?;
        let state = state_of(id, &stored);
        let state =
            state.map_err(|error| Failure::new(Code::StreamUnreadable, error.to_string()))?;
        if state.phase != SettlementPhase::Standing {
            return Err(self.not_found("the settlement does not stand: it has no receipt"));
        }
        if !state.is_over() {
            let detail = "the settlement's own receipt is still to come";
            return Err(Failure::new(Code::PrintRunning, detail));
        }
        let said = self.said_of_refund(&state).await?;
        let surround = &self.parts().ways().receipt;
        let document = receipt::of(&state, surround, said.refund.as_ref());
        if document.blocks.is_empty() {
            return Err(Failure::new(Code::PrintGone, ""));
        }
        let title = document.title.clone();
        let content = Content::Document(document);
        Ok((title, content, Some(said)))
    }

    /// The number of the next copy. One that certainly was not printed is none; a request that is known keeps its own.
    async fn copies(&self, of: &str, caller: &CallerId, request_id: &str) -> Result<u32, Failure> {
        let filter = Filter {
            kind: Some(job::KIND.to_owned()),
            visit: Some(job::copies_of(of)),
            ..Filter::default()
        };
        let rows = self.parts().journal.list(filter).await;
        let rows = rows.map_err(|error| unreadable(&error))?;
        let is_other = |row: &&StreamRow| {
            row.caller != caller.id || row.request_id.as_deref() != Some(request_id)
        };
        let others = rows.iter().filter(is_other).filter(|row| may_be_out(row));
        Ok(u32::try_from(others.count() + 1).unwrap_or(u32::MAX))
    }
}
