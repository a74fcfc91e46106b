//! `ListJobsRequest` → ours, and rows of jobs → wire.

use super::error;
use super::fields::Fields;
use super::print::{self, ROLE_LENGTH_MAX};
use super::time::{rfc3339, rfc3339_or_empty};
use crate::api as wire;
use crate::book::Code;
use crate::operation::{Failure, JobNow, JobRow, JobsFilter};

/// Rows of a page.
const ROWS_MAX: u32 = 200;
const ROWS_DEFAULT: u32 = 50;
/// Characters of a cursor.
const CURSOR_LENGTH_MAX: usize = 64;

/// Which jobs to list.
///
/// # Errors
/// `REQUEST_INVALID`, naming the fields.
pub fn filter(request: wire::ListJobsRequest) -> Result<JobsFilter, Failure> {
    let mut f = Fields::default();
    let rows = match request.limit {
        0 => ROWS_DEFAULT,
        rows => rows,
    };
    if rows > ROWS_MAX {
        let why = format!("is more than {ROWS_MAX}");
        f.wrong(Code::RequestInvalid, "limit", why);
    }
    let role = f.optional("role", request.role, ROLE_LENGTH_MAX);
    let before = f.optional("before", request.before, CURSOR_LENGTH_MAX);
    f.finish(JobsFilter {
        role: Some(role).filter(|role| !role.is_empty()),
        open_only: request.open_only,
        all_callers: request.all_callers,
        limit: usize::try_from(rows.min(ROWS_MAX)).unwrap_or_default(),
        before: Some(before).filter(|before| !before.is_empty()),
    })
}

/// A page of the list. It is the last when it is not full.
#[must_use]
pub fn page(rows: Vec<JobRow>, limit: usize) -> wire::ListJobsResponse {
    let jobs: Vec<_> = rows.into_iter().map(summary).collect();
    let last = jobs.last().filter(|_| jobs.len() >= limit);
    let next = last.map(|row| row.job_id.clone()).unwrap_or_default();
    wire::ListJobsResponse { jobs, next }
}

fn summary(row: JobRow) -> wire::PrintJobSummary {
    let (state, proof, error) = match &row.now {
        JobNow::Open(told) => {
            let told = print::job(told);
            (told.state, told.proof, told.error)
        }
        JobNow::Over(end) => {
            let (state, proof, code) = print::ended(*end);
            (state.into(), proof.into(), code.map(error::entry))
        }
        JobNow::Unreadable => (
            wire::PrintJobState::Unknown.into(),
            wire::PaperProof::Unspecified.into(),
            Some(error::entry(Code::StreamUnreadable)),
        ),
    };
    wire::PrintJobSummary {
        job_id: row.id,
        request_id: row.request_id,
        caller: row.caller,
        role: row.role,
        state,
        proof,
        error,
        accepted_at: rfc3339(row.accepted_at_ms),
        ended_at: rfc3339_or_empty(row.ended_at_ms),
        copy_of: row.copy_of.unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::job::End;
    use crate::settlement::answer::Proof;

    #[test]
    fn a_page_has_limits() {
        let filter_of = |limit| {
            filter(wire::ListJobsRequest {
                limit,
                ..wire::ListJobsRequest::default()
            })
        };
        assert_eq!(filter_of(0).expect("the usual").limit, 50);
        assert_eq!(filter_of(200).expect("the most").limit, 200);
        assert_eq!(filter_of(201).expect_err("too many").fields, ["limit"]);
        let role = "r".repeat(65);
        let wrong = filter(wire::ListJobsRequest {
            role,
            before: "b".repeat(65),
            ..wire::ListJobsRequest::default()
        });
        assert_eq!(wrong.expect_err("too long").fields, ["role", "before"]);
    }

    #[test]
    fn a_row_tells_how_it_stands() {
        let row = |now| JobRow {
            id: "j1".into(),
            request_id: "r1".into(),
            caller: "uid:1000".into(),
            role: "receipt".into(),
            copy_of: None,
            accepted_at_ms: 1_000,
            ended_at_ms: Some(2_000),
            now,
        };
        let printed = row(JobNow::Over(End::Printed(Proof::ProcessId)));
        let lost = row(JobNow::Over(End::Unknown(Code::PaperOut)));
        let page = page(vec![printed, lost, row(JobNow::Unreadable)], 3);
        assert_eq!(page.next, "j1");
        let [printed, lost, unreadable] = &page.jobs[..] else {
            panic!("{page:?}");
        };
        assert_eq!(printed.state(), wire::PrintJobState::Printed);
        assert_eq!(printed.proof(), wire::PaperProof::ProcessId);
        assert_eq!(printed.error, None);
        let why = |row: &wire::PrintJobSummary| row.error.as_ref().map(|it| it.name.clone());
        assert_eq!(lost.state(), wire::PrintJobState::Unknown);
        assert_eq!(why(lost).as_deref(), Some("PAPER_OUT"));
        assert_eq!(unreadable.state(), wire::PrintJobState::Unknown);
        assert_eq!(why(unreadable).as_deref(), Some("STREAM_UNREADABLE"));
    }
}
