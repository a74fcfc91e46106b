//! `print --pdf`: a report, put in pieces where it is large, then followed to its end.

use std::io::Read as _;
use std::path::Path;

use yibaod::api::print_request::Content;
use yibaod::api::{
    PrintJob, PrintJobState, PrintRequest, PutDocumentRequest, WatchJobRequest, watch_job_request,
};

use super::{new_id, tell};
use crate::args::PrintArgs;
use crate::connect::Door;
use crate::exit::Exit;
use crate::out::Out;
use crate::trouble::Trouble;

/// Longest report.
const PDF_BYTES_MAX: u64 = 32 * 1_024 * 1_024;
/// Longest one that goes in the request itself, and longest piece.
const INLINE_BYTES_MAX: usize = 2_097_152;
const PIECE_BYTES_MAX: usize = 1_048_576;
/// Characters of a title.
pub(super) const TITLE_LENGTH_MAX: usize = 50;

/// Prints it.
pub(super) async fn print(
    door: &mut Door,
    path: &Path,
    args: &PrintArgs,
    out: &Out,
) -> Result<Exit, Trouble> {
    let pdf = read(path)?;
    let request_id = match &args.request_id {
        Some(id) => id.clone(),
        None => new_id(out),
    };
    let content = if pdf.len() <= INLINE_BYTES_MAX {
        Content::Pdf(pdf)
    } else {
        let put = put(door, &request_id, &pdf, out).await;
        put.map_err(|trouble| of_file(trouble, path))?;
        Content::StoredDocument(request_id.clone())
    };
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let request = PrintRequest {
        request_id: request_id.clone(),
        role: args.role.clone().unwrap_or_default(),
        content: Some(content),
        document_id: args.document_id.first().cloned().unwrap_or_default(),
        title: name.chars().take(TITLE_LENGTH_MAX).collect(),
        ..PrintRequest::default()
    };
    let answer = door.prints.print(request).await;
    let answer = answer.map_err(|status| of_file(Trouble::of_status(status), path))?;
    let told = answer.into_inner().job;
    let told = follow(door, told.unwrap_or_default(), out).await?;
    if told.request_id != request_id {
        out.notes(&[
            format!(
                "此文档编号此前已提交（请求 {}，{}），本次没有再打印；确需再打请用 print reprint。",
                told.request_id, told.accepted_at
            ),
            "This document id was asked for before: nothing was printed anew; for another paper use print reprint."
                .to_owned(),
        ]);
    }
    Ok(tell(&told, out))
}

/// The book's word about a file, with the name of the file.
pub(super) fn of_file(trouble: Trouble, path: &Path) -> Trouble {
    match trouble {
        Trouble::Told {
            code,
            what,
            fields,
            known,
        } => Trouble::Told {
            code,
            what: format!("{}: {what}", path.display()),
            fields,
            known,
        },
        Trouble::Usage(_)
        | Trouble::Bill { .. }
        | Trouble::Unreachable { .. }
        | Trouble::Foreign(_)
        | Trouble::Lost { .. }
        | Trouble::Failed(_) => trouble,
    }
}

pub(super) async fn put(
    door: &mut Door,
    upload_id: &str,
    pdf: &[u8],
    out: &Out,
) -> Result<(), Trouble> {
    let mut sent = 0_usize;
    for piece in pdf.chunks(PIECE_BYTES_MAX) {
        let offset = sent;
        sent += piece.len();
        let request = PutDocumentRequest {
            upload_id: upload_id.to_owned(),
            offset: u32::try_from(offset).unwrap_or(u32::MAX),
            data: piece.to_vec(),
            last: sent == pdf.len(),
        };
        let answer = door.prints.put_document(request).await;
        answer.map_err(Trouble::of_status)?;
        out.notes(&[format!("上传 {sent} / {} 字节 bytes", pdf.len())]);
    }
    Ok(())
}

/// Each change, to the end.
pub(crate) async fn follow(
    door: &mut Door,
    first: PrintJob,
    out: &Out,
) -> Result<PrintJob, Trouble> {
    let key = watch_job_request::Key::JobId(first.job_id.clone());
    let watched = door.prints.watch_job(WatchJobRequest { key: Some(key) });
    let mut watched = watched.await.map_err(Trouble::of_status)?.into_inner();
    let (mut told, mut shown) = (first, String::new());
    while let Some(change) = watched.message().await.map_err(Trouble::of_status)? {
        told = change.job.unwrap_or_default();
        let now = line(&told);
        if now != shown && !now.is_empty() {
            out.notes(std::slice::from_ref(&now));
            shown = now;
        }
    }
    Ok(told)
}

/// Where it stands, in a line; empty once it is over.
pub(super) fn line(told: &PrintJob) -> String {
    let state = match told.state() {
        PrintJobState::Waiting => "等待 waiting",
        PrintJobState::Printing => "正在打印 printing",
        PrintJobState::Printed
        | PrintJobState::NotPrinted
        | PrintJobState::Unknown
        | PrintJobState::Cancelled
        | PrintJobState::Unspecified => return String::new(),
    };
    let pages = match (told.pages_done, told.pages) {
        (0, _) => String::new(),
        (done, 0) => format!("  第 {done} 页 page"),
        (done, pages) => format!("  第 {done} / {pages} 页 page"),
    };
    let before = match told.before {
        0 => String::new(),
        before => format!("  前面还有 {before} 个 before it"),
    };
    let why = told.error.as_ref();
    let why = why.map(|error| format!("  {} {}", error.code, error.meaning_zh));
    format!("{state}{pages}{before}{}", why.unwrap_or_default())
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, Trouble> {
    let failed = |error: std::io::Error| Trouble::Usage(format!("{}: {error}", path.display()));
    let mut pdf = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    let read = file.take(PDF_BYTES_MAX + 1).read_to_end(&mut pdf);
    let bytes = u64::try_from(read.map_err(failed)?).unwrap_or(u64::MAX);
    if bytes > PDF_BYTES_MAX {
        let what = format!("{}: more than {PDF_BYTES_MAX} bytes", path.display());
        return Err(Trouble::Usage(what));
    }
    Ok(pdf)
}

#[cfg(test)]
mod tests {
    use yibaod::book::Code;

    use super::*;

    #[test]
    fn what_is_wrong_with_a_file_names_it() {
        let told = Trouble::told(Code::RequestInvalid, "pdf: is no PDF");
        let detail = of_file(told, Path::new("/srv/report.pdf")).entry().detail;
        assert_eq!(detail, "/srv/report.pdf: pdf: is no PDF");
    }
}
