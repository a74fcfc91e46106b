//! `print`: a document on paper, a test page, and what became of a job.

mod batch;
mod list;
mod report;

pub(crate) use report::follow;

use yibaod::api::print_block::Block;
use yibaod::api::print_request::Content;
use yibaod::api::{
    CancelJobRequest, GetJobRequest, Operator, OperatorKind, PaperProof, PreviewRequest,
    PreviewResponse, PrintAlign, PrintBarCode, PrintBarCodeKind, PrintBlock, PrintCancelVerdict,
    PrintCut, PrintDocument, PrintJob, PrintJobState, PrintQr, PrintRequest, PrintRule, PrintStyle,
    PrintText, ReprintRequest, cancel_job_request, get_job_request, reprint_request,
};

use crate::args::{PrintArgs, PrintCommand, ReprintArgs};
use crate::connect::Door;
use crate::draw::words;
use crate::exit::Exit;
use crate::json;
use crate::out::Out;
use crate::pay::read;
use crate::show::settlement_id;
use crate::trouble::Trouble;

/// How long the end of a job is waited for.
const ANSWER_WAIT_MS: u32 = 60_000;
/// Columns of the ruler of a test page: what does not fit is broken, which is what it is for.
const RULER_COLUMNS: usize = 48;

/// Runs it.
pub(crate) async fn run(door: &mut Door, args: &PrintArgs, out: &Out) -> Result<Exit, Trouble> {
    match &args.command {
        None => print(door, args, out).await,
        Some(PrintCommand::Show(which)) => {
            let told = show(door, &which.id).await?;
            Ok(tell(&told, out))
        }
        Some(PrintCommand::List(wanted)) => list::run(door, wanted, out).await,
        Some(PrintCommand::Find(wanted)) => {
            let told = find(door, &wanted.document_id).await?;
            Ok(tell(&told, out))
        }
        Some(PrintCommand::Cancel(which)) => cancel(door, &which.id, out).await,
        Some(PrintCommand::Reprint(wanted)) => reprint(door, wanted, out).await,
    }
}

async fn print(door: &mut Door, args: &PrintArgs, out: &Out) -> Result<Exit, Trouble> {
    if let [path, more @ ..] = args.pdf.as_slice() {
        if args.file.is_some() || args.test || args.preview.is_some() {
            let what = "--pdf goes with no FILE.json, --test or --preview".to_owned();
            return Err(Trouble::Usage(what));
        }
        return match more {
            [] => report::print(door, path, args, out).await,
            _ => batch::print(door, &args.pdf, args, out).await,
        };
    }
    let mut request = match (&args.file, args.test) {
        (Some(path), false) => json::read(&read(path, out)?)?,
        (None, true) => PrintRequest {
            content: Some(Content::Document(test_page())),
            ..PrintRequest::default()
        },
        (Some(_), true) | (None, false) => {
            let what = "FILE.json or --test is needed, not both".to_owned();
            return Err(Trouble::Usage(what));
        }
    };
    if let Some(role) = &args.role {
        request.role.clone_from(role);
    }
    if let Some(path) = &args.preview {
        return preview(door, request, path, out).await;
    }
    if let Some(id) = &args.request_id {
        request.request_id.clone_from(id);
    }
    if request.request_id.is_empty() {
        request.request_id = new_id(out);
    }
    request.answer_wait_ms = 0;
    let answer = door.prints.print(request).await;
    let told = answer.map_err(Trouble::of_status)?.into_inner().job;
    let told = follow(door, told.unwrap_or_default(), out).await?;
    Ok(tell(&told, out))
}

async fn preview(
    door: &mut Door,
    request: PrintRequest,
    path: &std::path::Path,
    out: &Out,
) -> Result<Exit, Trouble> {
    let Some(Content::Document(document)) = request.content else {
        let what = "only a document has a preview".to_owned();
        return Err(Trouble::Usage(what));
    };
    let wish = PreviewRequest {
        role: request.role,
        document: Some(document),
    };
    let answer = door.prints.preview(wish).await;
    let shown = answer.map_err(Trouble::of_status)?.into_inner();
    let failed = |error: std::io::Error| Trouble::Usage(format!("{}: {error}", path.display()));
    std::fs::write(path, &shown.png).map_err(failed)?;
    if out.is_json() {
        out.object(&previewed(path, &shown).to_string());
        return Ok(Exit::Fine);
    }
    out.notes(&[format!("图像 picture: {}", path.display())]);
    if shown.unprintable > 0 {
        out.notes(&[format!(
            "{} 个字没有字形，将印为 [U+XXXX] characters without a glyph",
            shown.unprintable
        )]);
    }
    out.lines(&[shown.text]);
    Ok(Exit::Fine)
}

fn previewed(path: &std::path::Path, shown: &PreviewResponse) -> serde_json::Value {
    serde_json::json!({
        "picture": path,
        "bytes": shown.png.len(),
        "unprintable": shown.unprintable,
        "text": shown.text,
    })
}

async fn reprint(door: &mut Door, wanted: &ReprintArgs, out: &Out) -> Result<Exit, Trouble> {
    use reprint_request::Of;
    let of = match wanted.settlement {
        true => Of::SettlementId(settlement_id(door, None, &wanted.id).await?),
        false => Of::JobId(show(door, &wanted.id).await?.job_id),
    };
    let request = ReprintRequest {
        request_id: match &wanted.request_id {
            Some(id) => id.clone(),
            None => new_id(out),
        },
        of: Some(of),
        operator: Some(Operator {
            id: wanted.operator_id.clone(),
            name: wanted.operator_name.clone(),
            kind: OperatorKind::Staff.into(),
        }),
        reason: wanted.reason.clone(),
        wait_ms: None,
        answer_wait_ms: ANSWER_WAIT_MS,
    };
    let answer = door.prints.reprint(request).await;
    let answer = answer.map_err(Trouble::of_status)?.into_inner();
    Ok(tell(&answer.job.unwrap_or_default(), out))
}

async fn cancel(door: &mut Door, id: &str, out: &Out) -> Result<Exit, Trouble> {
    let job_id = show(door, id).await?.job_id;
    let request = CancelJobRequest {
        key: Some(cancel_job_request::Key::JobId(job_id)),
    };
    let answer = door.prints.cancel_job(request).await;
    let answer = answer.map_err(Trouble::of_status)?.into_inner();
    let verdict = answer.verdict();
    tell(&answer.job.unwrap_or_default(), out);
    Ok(match verdict {
        PrintCancelVerdict::Cancelled => Exit::Fine,
        PrintCancelVerdict::Printing | PrintCancelVerdict::Unspecified => Exit::Open,
        PrintCancelVerdict::Over => Exit::TooLate,
    })
}

/// By its own id, else by the request's.
async fn show(door: &mut Door, id: &str) -> Result<PrintJob, Trouble> {
    use get_job_request::Key;
    let by = |key: Key| GetJobRequest { key: Some(key) };
    let answer = match door.prints.get_job(by(Key::JobId(id.to_owned()))).await {
        Ok(answer) => answer,
        Err(_) => {
            let second = door.prints.get_job(by(Key::RequestId(id.to_owned())));
            second.await.map_err(Trouble::of_status)?
        }
    };
    Ok(answer.into_inner().job.unwrap_or_default())
}

/// The job of a document.
async fn find(door: &mut Door, document_id: &str) -> Result<PrintJob, Trouble> {
    let key = get_job_request::Key::DocumentId(document_id.to_owned());
    let answer = door.prints.get_job(GetJobRequest { key: Some(key) }).await;
    let answer = answer.map_err(Trouble::of_status)?.into_inner();
    Ok(answer.job.unwrap_or_default())
}

/// A new request_id, shown so that the call can be repeated.
pub(crate) fn new_id(out: &Out) -> String {
    let id = format!("ctl-{}", uuid::Uuid::now_v7());
    out.notes(&[format!("request_id {id}")]);
    id
}

pub(crate) fn tell(told: &PrintJob, out: &Out) -> Exit {
    if out.is_json() {
        out.object(&json::text(told));
    } else {
        out.lines(&lines(told));
    }
    state_exit(told)
}

fn state_exit(told: &PrintJob) -> Exit {
    match told.state() {
        PrintJobState::Printed => Exit::Fine,
        PrintJobState::NotPrinted => Exit::Failed,
        PrintJobState::Cancelled => Exit::Undone,
        PrintJobState::Waiting
        | PrintJobState::Printing
        | PrintJobState::Unknown
        | PrintJobState::Unspecified => Exit::Open,
    }
}

fn lines(told: &PrintJob) -> Vec<String> {
    let proof = match told.proof() {
        PaperProof::ProcessId => "（打印机回报编号 process id）",
        PaperProof::Status => "（状态应答 status）",
        PaperProof::QueueFinished => "（打印队列报告完成 queue）",
        PaperProof::Unspecified => "",
    };
    let (state_zh, state_en) = words::job(told.state());
    let mut lines = vec![
        format!("{state_zh} {state_en}{proof}  {}", told.job_id),
        format!("request_id {}  {}", told.request_id, told.role),
    ];
    if told.copy > 0 {
        lines.push(format!("第{}次补打 copy of {}", told.copy, told.copy_of));
    }
    if told.pages > 0 && told.pages_done > 0 {
        lines.push(format!(
            "已出 {} / {} 页 pages",
            told.pages_done, told.pages
        ));
    }
    if told.queue_job > 0 {
        lines.push(format!("打印队列任务号 {} in the queue", told.queue_job));
    }
    if told.unprintable > 0 {
        let (zh, en) = ("个字没有字形，印为 [U+XXXX]", "printed as code points");
        lines.push(format!("{} {zh} {en}", told.unprintable));
    }
    if told.before > 0 {
        lines.push(format!("前面还有 {} 个任务 before it", told.before));
    }
    if let Some(error) = &told.error {
        lines.push(format!("{} {}", error.code, error.meaning_zh));
        lines.push(format!("  {}", error.meaning_en));
        lines.push(error.action_zh.clone());
        lines.push(format!("  {}", error.action_en));
    }
    lines
}

/// Rulers, every look, Chinese that old printers lack, codes.
pub(crate) fn test_page() -> PrintDocument {
    let plain = |text: &str| styled(text, [false; 4], PrintAlign::Left);
    let tens: String = (1..=RULER_COLUMNS / 10)
        .map(|ten| format!("{:>10}", ten * 10))
        .collect();
    let ones: String = "1234567890".chars().cycle().take(RULER_COLUMNS).collect();
    let blocks = [
        styled("打印测试页", [true, true, true, false], PrintAlign::Center),
        Block::Rule(PrintRule { thick: true }),
        plain(&tens),
        plain(&ones),
        plain("常用字：医疗保障电子凭证 门诊结算"),
        plain("生僻字：镕 喆 堃 祎 㛃 䶮 犇 翀"),
        plain("符号：￥ € ① ℃ ± × ÷ — …"),
        styled("加粗 bold", [true, false, false, false], PrintAlign::Left),
        styled("倍宽 wide", [false, true, false, false], PrintAlign::Left),
        styled("倍高 high", [false, false, true, false], PrintAlign::Left),
        styled(
            "下划线 underline",
            [false, false, false, true],
            PrintAlign::Left,
        ),
        styled("居右 right", [false; 4], PrintAlign::Right),
        Block::Rule(PrintRule { thick: false }),
        Block::Qr(PrintQr {
            data: "yibao test page 测试".to_owned(),
            module_dots: 0,
        }),
        Block::BarCode(PrintBarCode {
            kind: PrintBarCodeKind::Code128.into(),
            data: "YIBAO-0123456".to_owned(),
            ..PrintBarCode::default()
        }),
        Block::Cut(PrintCut {}),
    ];
    let blocks = blocks.map(|block| PrintBlock { block: Some(block) });
    PrintDocument {
        title: "测试页".to_owned(),
        blocks: blocks.into(),
    }
}

/// A line; its looks are bold, wide, high, underline.
fn styled(text: &str, [bold, wide, high, underline]: [bool; 4], align: PrintAlign) -> Block {
    let style = PrintStyle {
        bold,
        wide,
        high,
        underline,
    };
    Block::Text(PrintText {
        text: text.to_owned(),
        style: Some(style),
        align: align.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_told_where_the_picture_is() {
        let shown = PreviewResponse {
            png: vec![1, 2],
            text: "x".to_owned(),
            ..PreviewResponse::default()
        };
        let told = previewed(std::path::Path::new("/srv/x.png"), &shown);
        assert_eq!(told["picture"], "/srv/x.png");
        assert_eq!((&told["bytes"], &told["text"]), (&2.into(), &"x".into()));
    }
}
