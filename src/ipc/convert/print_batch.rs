//! `PrintBatchRequest`, `SettlementSheet` → ours, and what became of them → wire.

use std::collections::BTreeSet;

use super::error;
use super::fields::Fields;
use super::print::{
    ID_LENGTH_MAX, PDF_BYTES_MAX, ROLE_REPORT, TITLE_LENGTH_MAX, job, plain_id, role_or, waits,
};
use crate::api as wire;
use crate::book::Code;
use crate::document::Content;
use crate::document::job::{End, Phase};
use crate::document::sheet::Paper;
use crate::operation::{
    BATCH_MAX, BatchTold, BatchWish, Failure, JobKey, PrintPaper, PrintWish, SettlementKey,
    SheetTold, SheetWish,
};

/// Characters of a batch's id: the jobs have their place behind it.
const BATCH_ID_LENGTH_MAX: usize = 61;

/// The checked request, as far as its form goes.
///
/// # Errors
/// Everything that is wrong with the form, each field by its wire path.
pub fn batch(request: wire::PrintBatchRequest) -> Result<BatchWish, Failure> {
    let mut f = Fields::default();
    let batch_id = plain_id(&mut f, "request_id", request.request_id);
    if batch_id.len() > BATCH_ID_LENGTH_MAX {
        let why = format!("has at most {BATCH_ID_LENGTH_MAX}");
        f.wrong(Code::RequestIdInvalid, "request_id", why);
    }
    let role = role_or(&mut f, request.role, ROLE_REPORT);
    if !(1..=BATCH_MAX).contains(&request.documents.len()) {
        let why = format!("are 1-{BATCH_MAX}");
        f.wrong(Code::RequestInvalid, "documents", why);
    }
    let (wait_ms, answer_wait) = waits(&mut f, request.wait_ms, request.answer_wait_ms);
    let mut wishes = Vec::new();
    let mut bytes = 0_usize;
    for (place, given) in request.documents.into_iter().take(BATCH_MAX).enumerate() {
        let path = format!("documents[{place}]");
        let (paper, document_id, title) = one(&mut f, &path, given);
        if let PrintPaper::Pdf(pdf) = &paper {
            bytes = bytes.saturating_add(pdf.len());
        }
        wishes.push(PrintWish {
            request_id: format!("{batch_id}.{}", place + 1),
            role: role.clone(),
            title,
            paper,
            document_id,
            wait_ms,
            answer_wait: std::time::Duration::ZERO,
        });
    }
    if bytes > PDF_BYTES_MAX {
        let why = format!("have together at most {PDF_BYTES_MAX} bytes of pdf; put longer ones");
        f.wrong(Code::DocumentTooLarge, "documents", why);
    }
    f.finish(BatchWish {
        wishes,
        answer_wait,
    })
}

fn one(
    f: &mut Fields,
    path: &str,
    given: wire::PrintBatchDocument,
) -> (PrintPaper, Option<String>, String) {
    use wire::print_batch_document::Content as Given;
    let title = f.optional(&format!("{path}.title"), given.title, TITLE_LENGTH_MAX);
    let id_path = format!("{path}.document_id");
    let paper = match given.content {
        None => {
            f.wrong(
                Code::RequestInvalid,
                format!("{path}.content"),
                "is required",
            );
            return (PrintPaper::Content(Content::Raw(Vec::new())), None, title);
        }
        Some(Given::SettlementSheet(sheet)) => {
            if !given.document_id.is_empty() {
                f.wrong(Code::RequestInvalid, id_path, "a sheet has its own");
            }
            let (key, paper) = sheet_of(f, &format!("{path}.settlement_sheet"), sheet);
            return (PrintPaper::Sheet(key, paper), None, String::new());
        }
        Some(Given::Pdf(pdf)) => PrintPaper::Pdf(pdf.into()),
        Some(Given::StoredDocument(id)) => {
            PrintPaper::Upload(plain_id(f, &format!("{path}.stored_document"), id))
        }
    };
    let document_id = plain_id(f, &id_path, given.document_id);
    (paper, Some(document_id), title)
}

/// Which sheet.
pub(super) fn sheet_of(
    f: &mut Fields,
    path: &str,
    given: wire::SettlementSheet,
) -> (SettlementKey, Paper) {
    use wire::settlement_sheet::Key;
    let mut text =
        |name: &str, id: String| f.required(&format!("{path}.{name}"), id, ID_LENGTH_MAX);
    let key = match given.key {
        Some(Key::SettlementId(id)) => SettlementKey::SettlementId(text("settlement_id", id)),
        Some(Key::RequestId(id)) => SettlementKey::RequestId(text("request_id", id)),
        Some(Key::SetlId(id)) => SettlementKey::SetlId(text("setl_id", id)),
        Some(Key::Msgid(id)) => SettlementKey::Msgid(text("msgid", id)),
        None => {
            let why = "one of settlement_id, request_id, setl_id, msgid is required";
            f.wrong(Code::RequestInvalid, format!("{path}.key"), why);
            SettlementKey::SettlementId(String::new())
        }
    };
    let paper = f.known(
        &format!("{path}.paper"),
        given.paper,
        Some(Paper::A4),
        |wire| match wire {
            wire::SheetPaper::Unspecified => None,
            wire::SheetPaper::A4 => Some(Paper::A4),
            wire::SheetPaper::A5 => Some(Paper::A5),
        },
    );
    (key, paper.unwrap_or(Paper::A4))
}

/// The checked request, as far as its form goes.
///
/// # Errors
/// Everything that is wrong with the form, each field by its wire path.
pub fn get_sheet(request: wire::GetSettlementSheetRequest) -> Result<SheetWish, Failure> {
    let mut f = Fields::default();
    let (key, paper) = sheet_of(&mut f, "sheet", request.sheet.unwrap_or_default());
    f.finish(SheetWish { key, paper })
}

/// The sheet.
#[must_use]
pub fn sheet(told: SheetTold) -> wire::GetSettlementSheetResponse {
    wire::GetSettlementSheetResponse {
        settlement_id: told.settlement_id,
        pdf: told.bytes,
        pages: told.pages,
    }
}

/// What became of all.
#[must_use]
pub fn told(told: &BatchTold) -> wire::PrintBatchResponse {
    let jobs = || told.items.iter().flatten();
    let is_printed = |phase: Phase| matches!(phase, Phase::Over(End::Printed(_)));
    let printed = jobs().filter(|told| is_printed(told.job.phase));
    // A document that was named twice is one paper.
    let printed: BTreeSet<&str> = printed.map(|told| told.job.id.as_str()).collect();
    wire::PrintBatchResponse {
        over: jobs().all(|told| told.job.ended().is_some()),
        printed: u32::try_from(printed.len()).unwrap_or(u32::MAX),
        items: told.items.iter().map(item).collect(),
    }
}

fn item(told: &Result<crate::operation::JobTold, Failure>) -> wire::PrintBatchItem {
    match told {
        Ok(told) => wire::PrintBatchItem {
            job: Some(job(told)),
            error: None,
        },
        Err(failure) => wire::PrintBatchItem {
            job: None,
            error: Some(error::entry_of_failure(failure)),
        },
    }
}

/// The jobs that are watched together.
///
/// # Errors
/// Everything that is wrong with the form, each field by its wire path.
pub fn watched(request: wire::WatchBatchRequest) -> Result<Vec<JobKey>, Failure> {
    let mut f = Fields::default();
    if !(1..=BATCH_MAX).contains(&request.job_ids.len()) {
        f.wrong(
            Code::RequestInvalid,
            "job_ids",
            format!("are 1-{BATCH_MAX}"),
        );
    }
    let ids = request.job_ids.into_iter().take(BATCH_MAX).enumerate();
    let keys = ids
        .map(|(place, id)| JobKey::Id(f.required(&format!("job_ids[{place}]"), id, ID_LENGTH_MAX)))
        .collect();
    f.finish(keys)
}
