//! The paper that came out: on the terminal as text, in a file as a picture.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;
use unicode_width::UnicodeWidthStr as _;
use yibaod::api::Settlement;
use yibaod::sandbox::acting::insurance_name;
use yibaod::sandbox::devices::printer::Paper;

use crate::Trouble;
use crate::desk::Desk;
use crate::draw::{Say, left, right, yuan};
use crate::files::Place;

/// Columns of the paper's text.
const PAPER_COLUMNS: usize = 48;
/// How long the knife may take after the daemon has its proof.
const CUT_WAIT_MS_MAX: u64 = 3_000;

/// Waits for the paper after the first `before` ones, shows it and saves its picture.
pub(crate) async fn show_next(
    say: &Say,
    desk: &Desk,
    place: &Place,
    before: usize,
) -> Result<bool, Trouble> {
    let until = Instant::now() + Duration::from_millis(CUT_WAIT_MS_MAX);
    let papers = desk.devices.printer.wait_papers(before + 1, until).await;
    let Some(paper) = papers.get(before..).and_then(<[Paper]>::last) else {
        say.line("  (no paper came out  没有出纸)");
        return Ok(false);
    };
    show(say, paper);
    let path = save(place, paper, papers.len())?;
    say.done("picture", "小票图片", &path.display().to_string());
    Ok(!paper.is_blank())
}

/// Shows the last paper.
pub(crate) fn show_last(say: &Say, desk: &Desk, place: &Place) -> Result<(), Trouble> {
    let papers = desk.devices.printer.papers();
    let Some(paper) = papers.last() else {
        say.line("  no paper came out yet  还没有出纸");
        return Ok(());
    };
    show(say, paper);
    let path = save(place, paper, papers.len())?;
    say.done("picture", "小票图片", &path.display().to_string());
    Ok(())
}

/// Saves what came out of the report printer last: a report, a sheet, a copy of one.
pub(crate) fn save_report(say: &Say, desk: &Desk, place: &Place) -> Result<(), Trouble> {
    let papers = desk.reports.papers();
    let Some(paper) = papers.last() else {
        say.line("  nothing came out of the report printer yet  报告打印机还没有出纸");
        return Ok(());
    };
    let path = place.lasting(&format!("report-{}.pdf", papers.len()));
    std::fs::write(&path, paper)?;
    say.done("pdf", "打印的文件", &path.display().to_string());
    if let Some(picture) = picture(&path) {
        say.done("picture", "图片", &picture.display().to_string());
    }
    Ok(())
}

fn save(place: &Place, paper: &Paper, number: usize) -> Result<PathBuf, Trouble> {
    let path = place.picture(number);
    std::fs::write(&path, paper.png())?;
    Ok(path)
}

/// Draws a receipt.
pub(crate) fn show(say: &Say, paper: &Paper) {
    sheet(say, &paper.text());
}

/// Draws a text as paper.
pub(crate) fn sheet(say: &Say, text: &str) {
    let widest = text.lines().map(|line| line.width()).max().unwrap_or(0);
    let inner = widest.max(PAPER_COLUMNS) + 2;
    say.line(&format!("    ┌{}┐", "─".repeat(inner)));
    for line in text.lines() {
        say.line(&format!("    │ {}│", left(line, inner - 1)));
    }
    // Where the knife went.
    say.line(&format!("    └{}┘", "╌".repeat(inner)));
}

/// The main figures of a settlement's sheet, as the answer gave them.
pub(crate) fn summary(settlement: &Settlement) -> String {
    let title = "医疗保险结算单（摘要，全文见文件）";
    let indent = PAPER_COLUMNS.saturating_sub(title.width()) / 2;
    let amounts = settlement.amounts.clone().unwrap_or_default();
    let texts = [
        ("姓名", settlement.masked_name.clone()),
        ("险种", insurance_name(&settlement.insutype).to_owned()),
        ("结算编号", settlement.setl_id.clone()),
        ("结算时间", settlement.setl_time.clone()),
        ("医疗费总额", yuan(amounts.medfee_sumamt_fen)),
        ("基金支付总额", yuan(amounts.fund_pay_sumamt_fen)),
        ("个人账户支付", yuan(amounts.acct_pay_fen)),
        ("个人现金支付", yuan(amounts.psn_cash_pay_fen)),
    ];
    let rows = texts.map(|(name, value)| {
        let rest = PAPER_COLUMNS.saturating_sub(name.width());
        format!("{name}{}", right(&value, rest))
    });
    let title = format!("{}{title}", " ".repeat(indent));
    let note = "A summary; the whole sheet is in the files below.";
    [
        &[title, String::new()],
        rows.as_slice(),
        &[String::new(), note.to_owned()],
    ]
    .concat()
    .join("\n")
}

/// The first page of a PDF as a picture beside it, where poppler's `pdftoppm` is installed.
pub(crate) fn picture(pdf: &Path) -> Option<PathBuf> {
    let status = std::process::Command::new("pdftoppm")
        .args(["-png", "-r", "110", "-singlefile"])
        .args([pdf, &pdf.with_extension("")])
        .status();
    let picture = pdf.with_extension("png");
    (status.is_ok_and(|status| status.success()) && picture.is_file()).then_some(picture)
}
