//! What is particular to the Print of a PDF: its file, and the one job of a document.

use bytes::Bytes;
use sm3::{Digest as _, Sm3};

use super::ask::{CallerId, Failure};
use super::operations::Operations;
use super::print::PrintPaper;
use super::settle::unreadable;
use crate::book::Code;
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
            PrintPaper::Made(sheet) => self.kept_sheet(*sheet).await,
            PrintPaper::Sheet(..) => Err(Failure::new(Code::Internal, "a sheet is made before")),
        }
    }

    /// A request that was repeated or refused brought its document for nothing.
    pub(super) async fn remove_unless_used(
        &self,
        file: &str,
        begun: &Result<Result<JobFollow, Job>, Failure>,
    ) {
        if !uses(begun, file) {
            self.parts().documents.remove(file).await;
        }
    }

    /// That a document is the one that this job prints or printed: another one under its id is not answered with
    /// it. What is no longer known of either is taken for the same.
    ///
    /// # Errors
    /// `DOCUMENT_DIFFERS`.
    pub(super) async fn is_the_same(
        &self,
        caller: &CallerId,
        job_id: &str,
        paper: &PrintPaper,
    ) -> Result<(), Failure> {
        let first = match self.running_or_ended(job_id).await? {
            Ok(follow) => follow.view().borrow().job.private.clone(),
            Err(job) => job.private,
        };
        let digest = match paper {
            PrintPaper::Pdf(bytes) => Some(digest_of(bytes.clone()).await),
            PrintPaper::Upload(id) => self.digest_of_upload(&caller.id, id).await,
            PrintPaper::Content(_) | PrintPaper::Made(_) | PrintPaper::Sheet(..) => None,
        };
        let (Some(Content::Pdf(pdf)), Some(digest)) =
            (first.as_deref().map(|first| &first.content), digest)
        else {
            return Ok(());
        };
        if pdf.digest == digest {
            return Ok(());
        }
        Err(Failure {
            code: Code::DocumentDiffers,
            detail: format!("job {job_id} has this document_id and another content"),
            fields: vec!["document_id".to_owned()],
        })
    }

    /// The job that prints, printed or may have printed this document, and the request that asked for it.
    pub(super) async fn job_of_document(
        &self,
        caller: &CallerId,
        document_id: &str,
    ) -> Result<Option<(String, String)>, Failure> {
        let rows = self.rows_of_document(caller, document_id).await?;
        let found = rows.into_iter().find(may_be_out);
        Ok(found.map(|row| (row.stream, row.request_id.unwrap_or_default())))
    }

    /// All jobs of this document, the newest first.
    pub(super) async fn rows_of_document(
        &self,
        caller: &CallerId,
        document_id: &str,
    ) -> Result<Vec<StreamRow>, Failure> {
        let filter = Filter {
            kind: Some(job::KIND.to_owned()),
            visit: Some(job::jobs_of_document(&caller.id, document_id)),
            ..Filter::default()
        };
        let rows = self.parts().journal.list(filter).await;
        rows.map_err(|error| unreadable(&error))
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

/// Whether what was begun has this file.
pub(super) fn uses(begun: &Result<Result<JobFollow, Job>, Failure>, file: &str) -> bool {
    let is_its = |job: &Job| {
        let private = job.private.as_deref();
        private.and_then(|it| file_of(&it.content)) == Some(file)
    };
    match begun {
        Ok(Ok(follow)) => is_its(&follow.view().borrow().job),
        Ok(Err(job)) => is_its(job),
        Err(_) => false,
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

/// That a job is of this request, as far as that can be seen: the document of the request is gone.
///
/// # Errors
/// `REQUEST_ID_OTHER_BODY`.
pub(super) fn is_of_request(
    found: &Result<JobFollow, Job>,
    role: &str,
    title: &str,
    document_id: Option<&str>,
) -> Result<(), Failure> {
    let is_it = |job: &Job| {
        let report = job.order.report.as_ref();
        let is_of_document = report.is_some_and(|it| it.document_id.as_deref() == document_id);
        let private = job.private.as_deref();
        job.order.role == role && is_of_document && private.is_none_or(|it| it.title == title)
    };
    let is_same = match found {
        Ok(follow) => is_it(&follow.view().borrow().job),
        Err(job) => is_it(job),
    };
    match is_same {
        true => Ok(()),
        false => Err(Failure::new(Code::RequestIdOtherBody, "content")),
    }
}

pub(super) fn file_of(content: &Content) -> Option<&str> {
    match content {
        Content::Pdf(pdf) => Some(&pdf.file),
        Content::Document(_) | Content::Raw(_) | Content::MarkedRaw { .. } => None,
    }
}

/// As documents that are kept have it.
async fn digest_of(bytes: Bytes) -> String {
    let digesting = tokio::task::spawn_blocking(move || hex::encode(Sm3::digest(&bytes)));
    digesting.await.expect("nobody calls a digest off")
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
