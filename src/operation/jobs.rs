//! Which print jobs there are, and what is told of one.

use std::sync::Arc;

use super::ask::{CallerId, Failure};
use super::look::field_text;
use super::operations::Operations;
use super::report::may_be_out;
use super::settle::unreadable;
use crate::book::Code;
use crate::document::job::{self, End, Job, Summary};
use crate::journal::{Filter, StreamRow};
use crate::runner::QueueView;

/// Most rows of one list.
const LIST_MAX: usize = 200;

/// Which job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobKey {
    /// By its own id.
    Id(String),
    /// By the caller's id, scoped to the caller.
    RequestId(String),
    /// By the caller's id of the document: what prints, printed or may have printed it, else the newest that did not.
    DocumentId(String),
}

/// A job as it is told.
#[derive(Clone, Debug)]
pub struct JobTold {
    /// What is on disk.
    pub job: Arc<Job>,
    /// Jobs of the same printer before it.
    pub before: usize,
    /// What its print queue says, while it has it.
    pub queue: Option<QueueView>,
    /// What keeps its printer from going on, while it prints.
    pub stopped_for: Option<Code>,
    /// It is the caller's own.
    pub is_own: bool,
}

/// Which jobs to list, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobsFilter {
    /// Of this printer only.
    pub role: Option<String>,
    /// Only those that are not over.
    pub open_only: bool,
    /// Also other callers'.
    pub all_callers: bool,
    /// At most so many, 1–200.
    pub limit: usize,
    /// Only those accepted before this job.
    pub before: Option<String>,
}

/// A job in short. It names no person and no document.
#[derive(Clone, Debug)]
pub struct JobRow {
    /// Its own id.
    pub id: String,
    /// The caller's id for it.
    pub request_id: String,
    /// Who asked.
    pub caller: String,
    /// Of which printer.
    pub role: String,
    /// What it is a copy of.
    pub copy_of: Option<String>,
    /// When it was accepted, Unix milliseconds.
    pub accepted_at_ms: i64,
    /// When it was over.
    pub ended_at_ms: Option<i64>,
    /// Where it stands.
    pub now: JobNow,
}

/// Where a job of a list stands.
#[derive(Clone, Debug)]
pub enum JobNow {
    /// It is not over.
    Open(JobTold),
    /// It is.
    Over(End),
    /// Its rows cannot be read: nobody can say.
    Unreadable,
}

impl Operations {
    /// Jobs, newest first.
    ///
    /// # Errors
    /// `NOT_FOUND` for an unknown `before`.
    pub async fn jobs(&self, caller: CallerId, filter: JobsFilter) -> Result<Vec<JobRow>, Failure> {
        let journal = &self.parts().journal;
        let before_seq = match &filter.before {
            None => None,
            Some(id) => {
                let found = journal.find(id).await.map_err(|error| unreadable(&error))?;
                let row = found.filter(|row| row.kind == job::KIND);
                let none = || Failure::new(Code::NotFound, "no print job has the id in before");
                Some(row.ok_or_else(none)?.first_seq)
            }
        };
        let limit = filter.limit.clamp(1, LIST_MAX);
        let rows = journal.list(Filter {
            limit: u32::try_from(limit).unwrap_or(u32::MAX),
            before_seq,
            kind: Some(job::KIND.to_owned()),
            caller: (!filter.all_callers).then(|| caller.id.clone()),
            open_only: filter.open_only,
            text: filter.role.map(|role| field_text("role", &role)),
            ..Filter::default()
        });
        let rows = rows.await.map_err(|error| unreadable(&error))?;
        let mut jobs = Vec::with_capacity(rows.len());
        for row in rows {
            jobs.push(self.job_row(&caller, row).await);
        }
        Ok(jobs)
    }

    async fn job_row(&self, caller: &CallerId, row: StreamRow) -> JobRow {
        let summary = serde_json::from_str::<Summary>(&row.summary).ok();
        let end = summary.as_ref().and_then(|summary| summary.end);
        let now = match end {
            Some(end) => JobNow::Over(end),
            None => match self.told_by_id(caller, &row.stream).await {
                Ok(told) => JobNow::Open(told),
                Err(_) => JobNow::Unreadable,
            },
        };
        // It may have ended since the list was read.
        let told_end = match &now {
            JobNow::Open(told) => told.job.ended_at_ms,
            JobNow::Over(_) => Some(row.changed_utc_ms),
            JobNow::Unreadable => None,
        };
        let (role, copy_of) = summary.map_or_else(Default::default, |it| (it.role, it.copy_of));
        JobRow {
            id: row.stream,
            request_id: row.request_id.unwrap_or_default(),
            caller: row.caller,
            role,
            copy_of,
            accepted_at_ms: row.started_utc_ms,
            ended_at_ms: told_end,
            now,
        }
    }

    /// The job of the caller's own document that matters.
    pub(super) async fn id_of_document(
        &self,
        caller: &CallerId,
        document_id: &str,
    ) -> Result<String, Failure> {
        let rows = self.rows_of_document(caller, document_id).await?;
        let found = rows.iter().find(|row| may_be_out(row)).or(rows.first());
        found
            .map(|row| row.stream.clone())
            .ok_or_else(|| self.not_found("no print job has this document_id"))
    }
}
