//! `print --pdf A --pdf B …`: several reports in one call, followed together to their ends.

use std::path::PathBuf;

use yibaod::api::print_batch_document::Content;
use yibaod::api::{
    PrintBatchDocument, PrintBatchRequest, PrintBatchResponse, PrintJob, PrintJobState,
    WatchBatchRequest,
};

use super::report::{TITLE_LENGTH_MAX, line, of_file, put, read};
use super::{lines, new_id, state_exit};
use crate::args::PrintArgs;
use crate::connect::Door;
use crate::draw::clean;
use crate::exit::Exit;
use crate::json;
use crate::out::Out;
use crate::trouble::Trouble;

/// Prints them.
pub(super) async fn print(
    door: &mut Door,
    paths: &[PathBuf],
    args: &PrintArgs,
    out: &Out,
) -> Result<Exit, Trouble> {
    if !args.document_id.is_empty() && args.document_id.len() != paths.len() {
        let what = "give one --document-id for each --pdf, or none".to_owned();
        return Err(Trouble::Usage(what));
    }
    let request_id = match &args.request_id {
        Some(id) => id.clone(),
        None => new_id(out),
    };
    let mut documents = Vec::new();
    for (place, path) in paths.iter().enumerate() {
        let upload_id = format!("{request_id}.{}", place + 1);
        // Together they are longer than a call may be: each is put before.
        let put = put(door, &upload_id, &read(path)?, out).await;
        put.map_err(|trouble| of_file(trouble, path))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let own = args.document_id.get(place).cloned();
        documents.push(PrintBatchDocument {
            document_id: own.unwrap_or_else(|| upload_id.clone()),
            content: Some(Content::StoredDocument(upload_id)),
            title: name.chars().take(TITLE_LENGTH_MAX).collect(),
        });
    }
    let request = PrintBatchRequest {
        request_id,
        role: args.role.clone().unwrap_or_default(),
        documents,
        ..PrintBatchRequest::default()
    };
    let answer = door.prints.print_batch(request).await;
    let mut told = answer.map_err(Trouble::of_status)?.into_inner();
    let ids: Vec<String> = (told.items.iter().filter_map(|item| item.job.as_ref()))
        .map(|job| job.job_id.clone())
        .collect();
    let ended = follow(door, ids, out).await?;
    for job in told.items.iter_mut().filter_map(|item| item.job.as_mut()) {
        if let Some(now) = ended.iter().find(|now| now.job_id == job.job_id) {
            job.clone_from(now);
        }
    }
    count(&mut told);
    Ok(tell(&told, paths, out))
}

/// Its sums are of the jobs as they are in it.
fn count(told: &mut PrintBatchResponse) {
    let jobs = || told.items.iter().filter_map(|item| item.job.as_ref());
    let printed = jobs().filter(|job| job.state() == PrintJobState::Printed);
    let printed = u32::try_from(printed.count()).unwrap_or(u32::MAX);
    let over = jobs().all(|job| match job.state() {
        PrintJobState::Printed
        | PrintJobState::NotPrinted
        | PrintJobState::Cancelled
        | PrintJobState::Unknown => true,
        PrintJobState::Waiting | PrintJobState::Printing | PrintJobState::Unspecified => false,
    });
    (told.printed, told.over) = (printed, over);
}

/// Each change of any, to the end of all.
async fn follow(door: &mut Door, ids: Vec<String>, out: &Out) -> Result<Vec<PrintJob>, Trouble> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut jobs: Vec<PrintJob> = Vec::new();
    let request = WatchBatchRequest {
        job_ids: ids.clone(),
    };
    let watched = door.prints.watch_batch(request).await;
    let mut watched = watched.map_err(Trouble::of_status)?.into_inner();
    let mut shown = String::new();
    while let Some(change) = watched.message().await.map_err(Trouble::of_status)? {
        let job = change.job.unwrap_or_default();
        let place = ids.iter().position(|id| *id == job.job_id).unwrap_or(0) + 1;
        // What is out is told at once: others may wait long for paper.
        let said = match job.state() {
            PrintJobState::Printed => "已打印 printed".to_owned(),
            PrintJobState::NotPrinted
            | PrintJobState::Cancelled
            | PrintJobState::Unknown
            | PrintJobState::Waiting
            | PrintJobState::Printing
            | PrintJobState::Unspecified => line(&job),
        };
        let now = format!("{place}/{}  {said}", ids.len());
        if now != shown && !said.is_empty() {
            out.notes(std::slice::from_ref(&now));
            shown = now;
        }
        jobs.retain(|before| before.job_id != job.job_id);
        jobs.push(job);
    }
    Ok(jobs)
}

/// The worst of the ends is the exit.
fn tell(told: &PrintBatchResponse, paths: &[PathBuf], out: &Out) -> Exit {
    if out.is_json() {
        out.object(&json::text(told));
    }
    let mut exits = Vec::new();
    for (place, item) in told.items.iter().enumerate() {
        let path = paths.get(place).map(|path| path.display().to_string());
        let path = clean(&path.unwrap_or_default());
        let mut said = vec![format!("— {} / {}  {path}", place + 1, told.items.len())];
        match (&item.job, &item.error) {
            (Some(job), _) => {
                said.extend(lines(job));
                exits.push(state_exit(job));
            }
            (None, error) => {
                let error = error.clone().unwrap_or_default();
                said.push(format!("{} {}", error.code, error.meaning_zh));
                said.push(format!("  {} {}", error.meaning_en, error.detail));
                exits.push(Exit::Failed);
            }
        }
        if !out.is_json() {
            out.lines(&said);
        }
    }
    let worst = [Exit::Open, Exit::Failed, Exit::Undone];
    let found = worst.into_iter().find(|exit| exits.contains(exit));
    found.unwrap_or(Exit::Fine)
}

#[cfg(test)]
mod tests {
    use yibaod::api::PrintBatchItem;

    use super::*;

    fn batch(states: &[Option<PrintJobState>]) -> PrintBatchResponse {
        let item = |state: &Option<PrintJobState>| PrintBatchItem {
            job: state.map(|state| PrintJob {
                state: state.into(),
                ..PrintJob::default()
            }),
            error: None,
        };
        PrintBatchResponse {
            items: states.iter().map(item).collect(),
            ..PrintBatchResponse::default()
        }
    }

    #[test]
    fn the_sums_are_of_what_is_told() {
        use PrintJobState::{NotPrinted, Printed, Printing, Unknown};
        for (states, printed, over) in [
            (vec![Some(Printed), Some(Printed), None], 2, true),
            (
                vec![Some(Printed), Some(Unknown), Some(NotPrinted)],
                1,
                true,
            ),
            (vec![Some(Printed), Some(Printing)], 1, false),
        ] {
            let mut told = batch(&states);
            count(&mut told);
            assert_eq!((told.printed, told.over), (printed, over), "{states:?}");
        }
    }
}
