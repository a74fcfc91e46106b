//! What is particular to the Print of a PDF: its file, and the one job of a document.

use super::ask::{CallerId, Failure};
use super::operations::Operations;
use super::print::PrintPaper;
use super::settle::unreadable;
use crate::document::Content;
use crate::document::job::{self, Job, Report};
use crate::journal::{Filter, StreamRow};
use crate::runner::JobFollow;

impl Operations {
    /// What is to be printed, on disk if it is a PDF.
    pub(super) async fn content_of(
        &self,
        caller: &CallerId,
        paper: PrintPaper,
    ) -> Result<Content, Failure> {
        match paper {
            PrintPaper::Content(content) => Ok(content),
            PrintPaper::Pdf(bytes) => Ok(Content::Pdf(self.kept_pdf(bytes).await?)),
            PrintPaper::Upload(id) => Ok(Content::Pdf(self.put_before(&caller.id, &id).await?)),
        }
    }

    /// A request that was repeated or refused brought its document for nothing.
    pub(super) async fn remove_unless_used(
        &self,
        file: &str,
        begun: &Result<Result<JobFollow, Job>, Failure>,
    ) {
        let uses = |job: &Job| {
            let private = job.private.as_deref();
            private.and_then(|it| file_of(&it.content)) == Some(file)
        };
        let is_used = match begun {
            Ok(Ok(follow)) => uses(&follow.view().borrow().job),
            Ok(Err(job)) => uses(job),
            Err(_) => false,
        };
        if !is_used {
            self.parts().documents.remove(file).await;
        }
    }

    /// The job that prints, printed or may have printed this document, and the request that asked for it.
    pub(super) async fn job_of_document(
        &self,
        caller: &CallerId,
        document_id: &str,
    ) -> Result<Option<(String, String)>, Failure> {
        let filter = Filter {
            kind: Some(job::KIND.to_owned()),
            visit: Some(job::jobs_of_document(&caller.id, document_id)),
            ..Filter::default()
        };
        let rows = self.parts().journal.list(filter).await;
        let rows = rows.map_err(|error| unreadable(&error))?;
        let found = rows.into_iter().find(may_be_out);
        Ok(found.map(|row| (row.stream, row.request_id.unwrap_or_default())))
    }

    pub(super) async fn running_or_ended(
        &self,
        id: &str,
    ) -> Result<Result<JobFollow, Job>, Failure> {
        match self.inner.prints.registry().by_id(id) {
            Some(follow) => Ok(Ok(follow)),
            None => Ok(Err(self.loaded(id).await?)),
        }
    }
}

/// Whether a job prints, printed or may have printed. What cannot be read may have.
pub(super) fn may_be_out(row: &StreamRow) -> bool {
    let summary = serde_json::from_str::<job::Summary>(&row.summary);
    !matches!(
        summary.map(|summary| summary.end),
        Ok(Some(job::End::NotPrinted(_) | job::End::Cancelled))
    )
}

pub(super) fn file_of(content: &Content) -> Option<&str> {
    match content {
        Content::Pdf(pdf) => Some(&pdf.file),
        Content::Document(_) | Content::Raw(_) | Content::MarkedRaw { .. } => None,
    }
}

/// What a print queue gets.
pub(super) fn report_of(content: &Content, document_id: Option<String>) -> Option<Report> {
    match content {
        Content::Pdf(pdf) => Some(Report {
            document_id,
            pages: pdf.pages,
            bytes: pdf.bytes,
        }),
        Content::Document(_) | Content::Raw(_) | Content::MarkedRaw { .. } => None,
    }
}
