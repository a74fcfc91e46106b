//! `PrintRequest`, `ReprintRequest` → ours, and what became of a job → wire.

use std::time::Duration;

use super::error;
use super::fields::Fields;
use super::order::{operator, request_id_into};
use super::print_batch::sheet_of;
use super::print_document::document;
use super::time::{rfc3339, rfc3339_or_empty};
use crate::api as wire;
use crate::book::Code;
use crate::document::job::{End, Phase};
use crate::document::{Content, Document};
use crate::operation::{
    Failure, JobCancel, JobKey, JobTold, PaperPreview, PrintPaper, PrintWish, PutTold, PutWish,
    ReprintOf, ReprintRights, ReprintWish, SettlementKey,
};
use crate::settlement::answer::Proof;

/// The printer that is meant when none is named.
const ROLE_DEFAULT: &str = "receipt";
/// And when it is a PDF.
pub(super) const ROLE_REPORT: &str = "report";
/// Bytes of a PDF in the request itself, and of a piece.
pub(super) const PDF_BYTES_MAX: usize = 2_097_152;
const PIECE_BYTES_MAX: usize = 1_048_576;
/// Characters of a title.
pub(super) const TITLE_LENGTH_MAX: usize = 50;
/// Characters of a role.
pub(super) const ROLE_LENGTH_MAX: usize = 64;
/// Bytes of the caller's own.
const RAW_BYTES_MAX: usize = 262_144;
/// Longest wait for a printer that can be asked for, and the usual one.
const WAIT_MS: (u32, u32) = (86_400_000, 600_000);
/// Longest wait for the end of a job.
const ANSWER_WAIT_MS_MAX: u32 = 300_000;
/// Characters of a reason.
const REASON_LENGTH_MAX: usize = 200;
/// Characters of an id.
pub(super) const ID_LENGTH_MAX: usize = 64;

/// The checked request, as far as its form goes.
///
/// # Errors
/// Everything that is wrong with the form, each field by its wire path.
pub fn print(request: wire::PrintRequest) -> Result<PrintWish, Failure> {
    use wire::print_request::Content as Given;
    let mut f = Fields::default();
    request_id_into(&mut f, &request.request_id);
    let is_sheet = matches!(request.content, Some(Given::SettlementSheet(_)));
    let is_report = matches!(
        request.content,
        Some(Given::Pdf(_) | Given::StoredDocument(_))
    );
    let usual = match is_report || is_sheet {
        true => ROLE_REPORT,
        false => ROLE_DEFAULT,
    };
    let role = role_or(&mut f, request.role, usual);
    let document_id = document_id(&mut f, request.document_id, is_report);
    let given_title = f.optional("title", request.title, TITLE_LENGTH_MAX);
    let nothing = PrintPaper::Content(Content::Raw(Vec::new()));
    let (title, paper) = match request.content {
        None => {
            f.wrong(Code::RequestInvalid, "content", "is required");
            (String::new(), nothing)
        }
        Some(Given::Document(given)) => {
            let document = document(&mut f, given);
            (
                document.title.clone(),
                PrintPaper::Content(Content::Document(document)),
            )
        }
        Some(Given::Raw(raw)) if raw.is_empty() || raw.len() > RAW_BYTES_MAX => {
            let why = format!("has 1–{RAW_BYTES_MAX} bytes");
            f.wrong(Code::RequestInvalid, "raw", why);
            (String::new(), nothing)
        }
        Some(Given::Raw(raw)) => ("raw".to_owned(), PrintPaper::Content(Content::Raw(raw))),
        Some(Given::Pdf(pdf)) if pdf.len() > PDF_BYTES_MAX => {
            let why = format!("has at most {PDF_BYTES_MAX} bytes; put longer ones");
            f.wrong(Code::DocumentTooLarge, "pdf", why);
            (String::new(), nothing)
        }
        Some(Given::Pdf(pdf)) => (given_title, PrintPaper::Pdf(pdf.into())),
        Some(Given::StoredDocument(id)) => {
            let id = plain_id(&mut f, "stored_document", id);
            (given_title, PrintPaper::Upload(id))
        }
        Some(Given::SettlementSheet(given)) => {
            let (key, paper) = sheet_of(&mut f, "settlement_sheet", given);
            (String::new(), PrintPaper::Sheet(key, paper))
        }
    };
    let (wait_ms, answer_wait) = waits(&mut f, request.wait_ms, request.answer_wait_ms);
    f.finish(PrintWish {
        request_id: request.request_id,
        role,
        title,
        paper,
        document_id,
        wait_ms,
        answer_wait,
    })
}

/// The checked request, as far as its form goes.
///
/// # Errors
/// Everything that is wrong with the form, each field by its wire path.
pub fn reprint(
    request: wire::ReprintRequest,
    rights: ReprintRights,
) -> Result<ReprintWish, Failure> {
    use wire::reprint_request::Of;
    let mut f = Fields::default();
    request_id_into(&mut f, &request.request_id);
    let of = match request.of {
        None => {
            f.wrong(Code::RequestInvalid, "of", "is required");
            ReprintOf::Job(JobKey::Id(String::new()))
        }
        Some(Of::JobId(id)) => ReprintOf::Job(JobKey::Id(f.required("job_id", id, ID_LENGTH_MAX))),
        Some(Of::JobRequestId(id)) => {
            let id = f.required("job_request_id", id, ID_LENGTH_MAX);
            ReprintOf::Job(JobKey::RequestId(id))
        }
        Some(Of::SettlementId(id)) => {
            let id = f.required("settlement_id", id, ID_LENGTH_MAX);
            ReprintOf::Settlement(SettlementKey::SettlementId(id))
        }
        Some(Of::SettlementRequestId(id)) => {
            let id = f.required("settlement_request_id", id, ID_LENGTH_MAX);
            ReprintOf::Settlement(SettlementKey::RequestId(id))
        }
    };
    let operator = operator(&mut f, request.operator.unwrap_or_default());
    let reason = f.required("reason", request.reason, REASON_LENGTH_MAX);
    let (wait_ms, answer_wait) = waits(&mut f, request.wait_ms, request.answer_wait_ms);
    f.finish(ReprintWish {
        request_id: request.request_id,
        of,
        operator,
        reason,
        wait_ms,
        answer_wait,
        rights,
    })
}

/// The checked request, as far as its form goes.
///
/// # Errors
/// Everything that is wrong with the form, each field by its wire path.
pub fn preview(request: wire::PreviewRequest) -> Result<(String, Document), Failure> {
    let mut f = Fields::default();
    let role = role(&mut f, request.role);
    let document = document(&mut f, request.document.unwrap_or_default());
    f.finish((role, document))
}

/// By our id.
///
/// # Errors
/// It is empty or too long.
pub fn by_id(id: String) -> Result<JobKey, Failure> {
    let mut f = Fields::default();
    let id = f.required("job_id", id, ID_LENGTH_MAX);
    f.finish(JobKey::Id(id))
}

/// By the caller's id.
///
/// # Errors
/// It has another form.
pub fn by_request_id(id: String) -> Result<JobKey, Failure> {
    let mut f = Fields::default();
    request_id_into(&mut f, &id);
    f.finish(JobKey::RequestId(id))
}

/// By the caller's id of the document.
///
/// # Errors
/// It has another form.
pub fn by_document_id(id: String) -> Result<JobKey, Failure> {
    let mut f = Fields::default();
    let id = plain_id(&mut f, "document_id", id);
    f.finish(JobKey::DocumentId(id))
}

/// By nothing.
///
/// # Errors
/// Always.
pub fn no_key() -> Result<JobKey, Failure> {
    let mut f = Fields::default();
    f.wrong(Code::RequestInvalid, "key", "is required");
    f.finish(JobKey::Id(String::new()))
}

fn role(f: &mut Fields, role: String) -> String {
    role_or(f, role, ROLE_DEFAULT)
}

pub(super) fn role_or(f: &mut Fields, role: String, usual: &str) -> String {
    match f.optional("role", role, ROLE_LENGTH_MAX) {
        role if role.is_empty() => usual.to_owned(),
        role => role,
    }
}

/// The checked piece, as far as its form goes.
///
/// # Errors
/// Everything that is wrong with the form, each field by its wire path.
pub fn put_document(request: wire::PutDocumentRequest) -> Result<PutWish, Failure> {
    let mut f = Fields::default();
    let upload_id = plain_id(&mut f, "upload_id", request.upload_id);
    if request.data.len() > PIECE_BYTES_MAX {
        let why = format!("has at most {PIECE_BYTES_MAX} bytes");
        f.wrong(Code::DocumentTooLarge, "data", why);
    }
    if request.data.is_empty() && !request.last {
        f.wrong(Code::RequestInvalid, "data", "is empty and not the last");
    }
    f.finish(PutWish {
        upload_id,
        offset: request.offset.into(),
        piece: request.data.into(),
        is_last: request.last,
    })
}

/// How a document stands.
#[must_use]
pub fn put(told: PutTold) -> wire::PutDocumentResponse {
    wire::PutDocumentResponse {
        received: u32::try_from(told.received).unwrap_or(u32::MAX),
        complete: told.whole.is_some(),
        pages: told.whole.unwrap_or(0),
        expires_at: rfc3339(told.expires_at_ms),
    }
}

fn document_id(f: &mut Fields, id: String, is_report: bool) -> Option<String> {
    if id.is_empty() {
        return None;
    }
    if !is_report {
        f.wrong(Code::RequestInvalid, "document_id", "belongs to a PDF");
    }
    Some(plain_id(f, "document_id", id))
}

/// An id of the form of a request_id.
pub(super) fn plain_id(f: &mut Fields, field: &str, id: String) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    if !(1..=ID_LENGTH_MAX).contains(&id.len()) || !id.bytes().all(plain) {
        let why = format!("has 1-{ID_LENGTH_MAX} of A-Z a-z 0-9 . _ -");
        f.wrong(Code::RequestInvalid, field, why);
    }
    id
}

pub(super) fn waits(f: &mut Fields, wait_ms: Option<u32>, answer_wait_ms: u32) -> (i64, Duration) {
    let (most, usual) = WAIT_MS;
    let wait_ms = wait_ms.unwrap_or(usual);
    for (field, given, most) in [
        ("wait_ms", wait_ms, most),
        ("answer_wait_ms", answer_wait_ms, ANSWER_WAIT_MS_MAX),
    ] {
        if given > most {
            f.wrong(Code::RequestInvalid, field, format!("is more than {most}"));
        }
    }
    let answer_wait = Duration::from_millis(answer_wait_ms.into());
    (wait_ms.into(), answer_wait)
}

/// What is true of a job.
#[must_use]
pub fn job(told: &JobTold) -> wire::PrintJob {
    use wire::PrintJobState as State;
    let job = &told.job;
    let none = wire::PaperProof::Unspecified;
    let (state, proof, code) = match job.phase {
        Phase::Waiting => (State::Waiting, none, job.parked_for),
        // A queue has no document of it yet.
        Phase::Printing if job.order.report.is_some() => (State::Waiting, none, None),
        Phase::Printing => (State::Printing, none, told.stopped_for),
        Phase::Lost => (State::Printing, none, None),
        Phase::Queued(_) => {
            let begun = told.queue.is_some_and(|queue| queue.begun);
            let state = if begun {
                State::Printing
            } else {
                State::Waiting
            };
            (state, none, told.queue.and_then(|queue| queue.trouble))
        }
        Phase::Over(end) => ended(end),
    };
    let title = job.private.as_ref().filter(|_| told.is_own);
    let copy = job.order.reprint.as_ref();
    let report = job.order.report.as_ref();
    let queued = told.queue.filter(|_| matches!(job.phase, Phase::Queued(_)));
    wire::PrintJob {
        job_id: job.id.clone(),
        request_id: job.request_id.clone(),
        role: job.order.role.clone(),
        title: title.map(|it| it.title.clone()).unwrap_or_default(),
        state: state.into(),
        proof: proof.into(),
        error: code.map(error::entry),
        before: u32::try_from(told.before).unwrap_or(u32::MAX),
        accepted_at: rfc3339(job.accepted_at_ms),
        ended_at: rfc3339_or_empty(job.ended_at_ms),
        copy_of: copy.map(|copy| copy.of.clone()).unwrap_or_default(),
        copy: copy.map_or(0, |copy| copy.count),
        wait_ms: u32::try_from(job.order.wait_ms).unwrap_or(u32::MAX),
        pages: report.map_or(0, |report| report.pages),
        pages_done: queued.map_or(0, |queue| queue.sheets),
        document_id: report
            .and_then(|report| report.document_id.clone())
            .filter(|_| told.is_own)
            .unwrap_or_default(),
        queue_job: match job.phase {
            Phase::Queued(job) => u32::try_from(job).unwrap_or(0),
            Phase::Waiting | Phase::Printing | Phase::Lost | Phase::Over(_) => 0,
        },
        unprintable: job.substituted,
    }
}

/// How a job ended, by what proof, and why.
pub(super) fn ended(end: End) -> (wire::PrintJobState, wire::PaperProof, Option<Code>) {
    use wire::PrintJobState as State;
    let none = wire::PaperProof::Unspecified;
    match end {
        End::Printed(Proof::ProcessId) => (State::Printed, wire::PaperProof::ProcessId, None),
        End::Printed(Proof::QueuedStatus) => (State::Printed, wire::PaperProof::Status, None),
        End::Printed(Proof::QueueFinished) => {
            (State::Printed, wire::PaperProof::QueueFinished, None)
        }
        End::NotPrinted(code) => (State::NotPrinted, none, Some(code)),
        End::Unknown(code) => (State::Unknown, none, Some(code)),
        End::Cancelled => (State::Cancelled, none, None),
    }
}

/// Whether a job was called off.
#[must_use]
pub fn verdict(verdict: JobCancel) -> wire::PrintCancelVerdict {
    match verdict {
        JobCancel::Cancelled => wire::PrintCancelVerdict::Cancelled,
        JobCancel::Printing => wire::PrintCancelVerdict::Printing,
        JobCancel::Over => wire::PrintCancelVerdict::Over,
    }
}

/// What the printer would show.
#[must_use]
pub fn previewed(preview: PaperPreview) -> wire::PreviewResponse {
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    wire::PreviewResponse {
        png: preview.png,
        text: preview.text,
        columns: preview.columns.into(),
        unprintable: count(preview.unprintable),
        drawn_lines: count(preview.drawn_lines),
    }
}
