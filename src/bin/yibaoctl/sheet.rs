//! `sheet`: the settlement sheet, saved or printed.

use std::path::Path;

use yibaod::api::print_request::Content;
use yibaod::api::settlement_sheet::Key;
use yibaod::api::{GetSettlementSheetRequest, PrintRequest, SettlementSheet, SheetPaper};

use crate::args::SheetArgs;
use crate::connect::Door;
use crate::exit::Exit;
use crate::out::Out;
use crate::print::{follow, new_id, tell};
use crate::show::settlement_id;
use crate::trouble::Trouble;

/// Runs it.
pub(crate) async fn run(door: &mut Door, args: &SheetArgs, out: &Out) -> Result<Exit, Trouble> {
    let sheet = SettlementSheet {
        key: Some(Key::SettlementId(
            settlement_id(door, args.by, &args.id).await?,
        )),
        paper: match args.a5 {
            true => SheetPaper::A5.into(),
            false => SheetPaper::A4.into(),
        },
    };
    if let Some(path) = &args.pdf {
        let pages = save(door, &sheet, path, out).await?;
        // With --print the one object is the job.
        if out.is_json() && !args.print {
            out.object(&saved(path, pages).to_string());
        }
    }
    match args.print {
        true => print(door, sheet, args, out).await,
        false => Ok(Exit::Fine),
    }
}

async fn save(
    door: &mut Door,
    sheet: &SettlementSheet,
    path: &Path,
    out: &Out,
) -> Result<u32, Trouble> {
    let request = GetSettlementSheetRequest {
        sheet: Some(sheet.clone()),
    };
    let answer = door.prints.get_settlement_sheet(request).await;
    let told = answer.map_err(Trouble::of_status)?.into_inner();
    let failed = |error: std::io::Error| Trouble::Usage(format!("{}: {error}", path.display()));
    std::fs::write(path, &told.pdf).map_err(failed)?;
    let pages = told.pages;
    out.notes(&[format!("结算单 {pages} 页 sheet: {}", path.display())]);
    Ok(pages)
}

fn saved(path: &Path, pages: u32) -> serde_json::Value {
    serde_json::json!({ "pdf": path, "pages": pages })
}

async fn print(
    door: &mut Door,
    sheet: SettlementSheet,
    args: &SheetArgs,
    out: &Out,
) -> Result<Exit, Trouble> {
    let request_id = match &args.request_id {
        Some(id) => id.clone(),
        None => new_id(out),
    };
    let request = PrintRequest {
        request_id: request_id.clone(),
        role: args.role.clone(),
        content: Some(Content::SettlementSheet(sheet)),
        ..PrintRequest::default()
    };
    let answer = door.prints.print(request).await;
    let told = answer.map_err(Trouble::of_status)?.into_inner().job;
    let told = follow(door, told.unwrap_or_default(), out).await?;
    if told.request_id != request_id {
        out.notes(&[
            format!(
                "这份结算单此前已提交打印（{}），本次没有再打印；确需再打请用 print reprint {}。",
                told.accepted_at, told.job_id
            ),
            "This sheet was asked for before: nothing was printed anew; for a copy use print reprint."
                .to_owned(),
        ]);
    }
    Ok(tell(&told, out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_told_which_file_was_written() {
        let told = saved(Path::new("/srv/sheet.pdf"), 2).to_string();
        assert_eq!(told, r#"{"pdf":"/srv/sheet.pdf","pages":2}"#);
    }
}
