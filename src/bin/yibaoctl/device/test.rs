//! `device test`: whether a device does its work, tried with a person at the desk: a code, a test page, a card. What
//! nobody showed anything to was not tried, and says nothing of the device.

use std::time::{Duration, Instant};

use yibaod::api::print_request::Content;
use yibaod::api::record_device_response::Update;
use yibaod::api::{
    CheckHealthRequest, Device, DeviceRecordKind, ErrorEntry, HealthVerdict, ListDevicesRequest,
    PaperProof, PrintJob, PrintJobState, PrintRequest, ReadCardRequest, RecordDeviceRequest,
    ScanRequest, ShownCard,
};
use yibaod::book::Code;

use super::page;
use crate::args::DeviceTestArgs;
use crate::connect::Door;
use crate::draw::table::{Column, Table};
use crate::draw::{clean, words, wrapped};
use crate::exit::Exit;
use crate::out::Out;
use crate::trouble::Trouble;

/// What others at the desk see.
const PURPOSE: &str = "yibaoctl device test";
/// What a queue lists the test page as.
const PAGE_TITLE: &str = "测试页 test page";
/// How long the end of the test page is waited for.
const PAGE_WAIT_MS: u32 = 60_000;
/// The record of a code that nothing ends comes so late.
const RECORD_LATE_MS: u64 = 1_500;
/// A recording must not outlive the test that it is for.
const RECORD_MORE_S: u32 = 5;

/// Runs it. Without a name: all devices, one after the other.
pub(super) async fn run(
    door: &mut Door,
    wanted: &DeviceTestArgs,
    out: &Out,
) -> Result<Exit, Trouble> {
    let answer = door.devices.list_devices(ListDevicesRequest {}).await;
    let mut devices = answer.map_err(Trouble::of_status)?.into_inner().devices;
    if let Some(name) = &wanted.device {
        devices.retain(|device| device.name == *name || device.role == *name);
        devices.truncate(1);
    }
    if devices.is_empty() {
        let what = "no such device: see yibaoctl device list".to_owned();
        return Err(Trouble::Usage(what));
    }
    let mut all = Vec::new();
    for device in devices {
        note(
            out,
            &format!("{}（{}）", clean(&device.name), clean(&device.kind)),
        );
        let began = Instant::now();
        let found = tried(door, &device, wanted.wait_s, out).await;
        let tried = Tried {
            device,
            found,
            ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        };
        tell(&tried, out);
        all.push(tried);
    }
    if wanted.device.is_none() && !out.is_json() {
        out.lines(&table(&all).lines(out.width_of_table(), out.paint()));
    }
    Ok(exit_of(all.iter().map(|it| it.found.verdict)))
}

/// What did not work decides; then what a person must look at. What was not tried counts only when nothing was.
fn exit_of(verdicts: impl Iterator<Item = Verdict>) -> Exit {
    let verdicts: Vec<Verdict> = verdicts.collect();
    let any = |wanted: Verdict| verdicts.contains(&wanted);
    if any(Verdict::Fails) {
        Exit::Failed
    } else if any(Verdict::Look) || !any(Verdict::Works) {
        Exit::Open
    } else {
        Exit::Fine
    }
}

/// One device after its test.
struct Tried {
    device: Device,
    found: Found,
    ms: u64,
}

/// What came of it.
struct Found {
    verdict: Verdict,
    /// What was seen, a line each.
    seen: Vec<String>,
    /// What to do.
    action: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Works,
    /// It did something; a person must look whether it is right.
    Look,
    /// Nobody showed a code or a card.
    NotTried,
    Fails,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Verdict::Works => "works",
            Verdict::Look => "look",
            Verdict::NotTried => "not_tried",
            Verdict::Fails => "fails",
        }
    }

    fn drawn(self) -> &'static str {
        match self {
            Verdict::Works => "可用 works",
            Verdict::Look => "请查看 look",
            Verdict::NotTried => "未试 not tried",
            Verdict::Fails => "不可用 does not work",
        }
    }
}

impl Found {
    fn works(seen: Vec<String>) -> Self {
        Self {
            verdict: Verdict::Works,
            seen,
            action: String::new(),
        }
    }

    fn look(seen: Vec<String>, action: &str) -> Self {
        Self {
            verdict: Verdict::Look,
            seen,
            action: action.to_owned(),
        }
    }

    /// What an error says. That nobody showed anything is none of the device's.
    fn failed(seen: Vec<String>, error: &ErrorEntry) -> Self {
        let nobody = [Code::NobodyScanned, Code::NobodyShowedCard];
        let verdict = match nobody.iter().any(|code| code.id() == error.code) {
            true => Verdict::NotTried,
            false => Verdict::Fails,
        };
        Self {
            verdict,
            ..Self::fails(seen, error)
        }
    }

    fn fails(mut seen: Vec<String>, error: &ErrorEntry) -> Self {
        seen.push(format!(
            "{} {}  {}",
            clean(&error.code),
            clean(&error.meaning_zh),
            clean(&error.meaning_en)
        ));
        Self {
            verdict: Verdict::Fails,
            seen,
            action: format!("{}  {}", clean(&error.action_zh), clean(&error.action_en)),
        }
    }
}

async fn tried(door: &mut Door, device: &Device, wait_s: u32, out: &Out) -> Found {
    let kind = device.kind.as_str();
    let is_missing = device.problem.as_ref();
    if kind.contains("scanner") {
        match is_missing {
            Some(problem) => Found::fails(Vec::new(), problem),
            None => scanner(door, device, wait_s, out).await,
        }
    } else if kind.starts_with("escpos") {
        let content = Content::Document(crate::print::test_page());
        printer(door, device, content, out).await
    } else if kind == "cups-queue" || kind == "ipp-printer" {
        printer(door, device, Content::Pdf(page::pdf()), out).await
    } else if kind == "pcsc-reader" || kind.starts_with("id-card") {
        match is_missing {
            Some(problem) => Found::fails(Vec::new(), problem),
            None => card(door, device, wait_s, out).await,
        }
    } else {
        let what = "本程序不会试用此类设备  this program does not know how to try this kind";
        Found {
            verdict: Verdict::NotTried,
            ..Found::look(Vec::new(), what)
        }
    }
}

async fn scanner(door: &mut Door, device: &Device, wait_s: u32, out: &Out) -> Found {
    let line = Line::listen(door, device, wait_s).await;
    note(
        out,
        &format!("请扫任意一个码，{wait_s} 秒内…  show any code to the scanner"),
    );
    let request = ScanRequest {
        role: device.role.clone(),
        wait_ms: wait_s.saturating_mul(1_000),
        claim_id: String::new(),
        purpose: PURPOSE.into(),
    };
    let code = match door.devices.scan(request).await {
        Ok(answer) => answer.into_inner().code.unwrap_or_default(),
        Err(status) => {
            let mut found = Found::failed(Vec::new(), &Trouble::of_status(status).entry());
            found.seen.push(line.seen().await);
            return found;
        }
    };
    let (zh, en) = words::code_kind(code.kind());
    let text = match code.text.as_str() {
        "" => format!("{} 字节 bytes", code.payload.len()),
        text => super::scan::masked(text),
    };
    let mut seen = vec![format!("{zh} {en}  {text}  {}", clean(&code.symbology))];
    seen.push(line.seen().await);
    Found::works(seen)
}

/// What is seen on a scanner's line while a code comes, by recording it: that wants an admin.
struct Line(tokio::task::JoinHandle<String>);

impl Line {
    /// Returns when it listens.
    async fn listen(door: &mut Door, device: &Device, wait_s: u32) -> Self {
        let request = RecordDeviceRequest {
            device: device.name.clone(),
            length_s: wait_s.saturating_add(RECORD_MORE_S),
        };
        let stream = door.devices.record_device(request).await;
        let kind = device.kind.clone();
        Self(tokio::spawn(async move {
            let Ok(stream) = stream else {
                return "线路：管理员方可查看  the line: for an admin only".to_owned();
            };
            let mut stream = stream.into_inner();
            let (mut first, mut last, mut bytes) = (None, 0, Vec::new());
            while let Ok(Some(message)) = stream.message().await {
                let Some(Update::Record(record)) = message.update else {
                    continue;
                };
                if record.kind() != DeviceRecordKind::FromDevice {
                    continue;
                }
                first.get_or_insert(record.after_ms);
                last = record.after_ms;
                bytes.extend(record.data);
                if ends(&kind, &bytes) {
                    break;
                }
            }
            let Some(first) = first else {
                return "线路：没有收到任何字节  the line: not one byte came".to_owned();
            };
            let framing = framing(&kind, &bytes);
            format!(
                "线路：{} 字节 bytes，{} ms，{framing}",
                bytes.len(),
                last - first
            )
        }))
    }

    /// What it saw; half a line is whole when it is silent.
    async fn seen(mut self) -> String {
        let late = Duration::from_millis(RECORD_LATE_MS);
        match tokio::time::timeout(late, &mut self.0).await {
            Ok(Ok(seen)) => seen,
            Ok(Err(_)) | Err(_) => {
                self.0.abort();
                "线路：没有结束符，靠停顿分隔  the line: no terminator, codes end by silence"
                    .to_owned()
            }
        }
    }
}

/// Whether a line has said how it ends codes.
fn ends(kind: &str, bytes: &[u8]) -> bool {
    kind != "serial-scanner" || matches!(bytes.last(), Some(b'\n' | b'\t')) || {
        // A CR may have its LF behind it; both come in one read.
        bytes.last() == Some(&b'\r')
    }
}

fn framing(kind: &str, bytes: &[u8]) -> &'static str {
    match (kind, bytes) {
        ("hid-scanner", _) => "HID 报告 reports",
        ("keyboard-scanner", _) => "按键 keys",
        (_, [.., b'\r', b'\n']) => "CR LF",
        (_, [.., b'\r']) => "CR",
        (_, [.., b'\n']) => "LF",
        (_, [.., b'\t']) => "TAB",
        _ => "无结束符 no terminator",
    }
}

async fn printer(door: &mut Door, device: &Device, content: Content, out: &Out) -> Found {
    let asked = CheckHealthRequest {
        device: device.name.clone(),
    };
    let mut seen = Vec::new();
    if let Ok(answer) = door.devices.check_health(asked).await {
        let answer = answer.into_inner();
        let said = |verdict: HealthVerdict| verdict == HealthVerdict::Fine;
        for check in answer
            .checks
            .iter()
            .filter(|it| it.name == "answer" || it.name == "paper")
        {
            let mark = if said(check.verdict()) { "" } else { "！" };
            let (zh, en) = (clean(&check.evidence_zh), clean(&check.evidence_en));
            seen.push(format!("{mark}{zh}  {en}"));
        }
        // A page for a printer that cannot print would lie in wait for whoever puts paper in.
        if let Some(problem) = answer.device.and_then(|device| device.problem) {
            return Found::fails(seen, &problem);
        }
    }
    note(out, "正在打印测试页…  printing the test page");
    let request = PrintRequest {
        request_id: format!("ctl-{}", uuid::Uuid::now_v7()),
        role: device.role.clone(),
        content: Some(content),
        title: PAGE_TITLE.to_owned(),
        answer_wait_ms: PAGE_WAIT_MS,
        ..PrintRequest::default()
    };
    match door.prints.print(request).await {
        Ok(answer) => of_job(&answer.into_inner().job.unwrap_or_default(), seen),
        Err(status) => Found::fails(seen, &Trouble::of_status(status).entry()),
    }
}

fn of_job(job: &PrintJob, mut seen: Vec<String>) -> Found {
    let look = "请看测试页是否完整：标尺、汉字、线条  look at the page: rulers, Chinese, lines";
    match (job.state(), &job.error) {
        (PrintJobState::Printed, _) => {
            seen.push(match job.proof() {
                PaperProof::ProcessId => "已出纸，打印机回报编号  proven by process id".to_owned(),
                PaperProof::Status => "已出纸，状态应答  proven by the status behind".to_owned(),
                PaperProof::QueueFinished => "打印队列报告完成  the queue says finished".to_owned(),
                PaperProof::Unspecified => "已出纸  printed".to_owned(),
            });
            seen.push(look.to_owned());
            Found::works(seen)
        }
        (PrintJobState::NotPrinted, Some(error)) => Found::fails(seen, error),
        (_, Some(error)) => {
            seen.push(format!(
                "{} {}",
                clean(&error.code),
                clean(&error.meaning_zh)
            ));
            Found::look(seen, look)
        }
        (_, None) => {
            seen.push("任务尚未结束  the job is not over yet".to_owned());
            Found::look(seen, look)
        }
    }
}

async fn card(door: &mut Door, device: &Device, wait_s: u32, out: &Out) -> Found {
    note(
        out,
        &format!("请放卡，{wait_s} 秒内…  show a card to the reader"),
    );
    let request = ReadCardRequest {
        role: device.role.clone(),
        media: Vec::new(),
        wait_ms: wait_s.saturating_mul(1_000),
        claim_id: String::new(),
    };
    match door.devices.read_card(request).await {
        Ok(answer) => {
            let mut card: ShownCard = answer.into_inner().card.unwrap_or_default();
            crate::card::mask(&mut card);
            let rows = crate::card::drawn(&card).into_iter();
            Found::works(rows.map(|row| row.trim().to_owned()).collect())
        }
        Err(status) => Found::failed(Vec::new(), &Trouble::of_status(status).entry()),
    }
}

fn note(out: &Out, line: &str) {
    let lines = wrapped(line, out.width_notes().saturating_sub(2));
    let lines: Vec<String> = lines.iter().map(|line| format!("  {line}")).collect();
    out.notes(&lines);
}

fn tell(tried: &Tried, out: &Out) {
    let (device, found) = (&tried.device, &tried.found);
    if out.is_json() {
        let object = serde_json::json!({
            "device": device.name,
            "role": device.role,
            "kind": device.kind,
            "verdict": found.verdict.word(),
            "seen": found.seen,
            "action": found.action,
            "ms": tried.ms,
        });
        out.object(&object.to_string());
        return;
    }
    out.lines(&lines(tried, out.width()));
}

/// What was seen, then the verdict and what to do, none wider than that.
fn lines(tried: &Tried, width: usize) -> Vec<String> {
    let found = &tried.found;
    let inner = width.saturating_sub(4);
    let seen = found.seen.iter().flat_map(|seen| wrapped(seen, inner));
    let mut lines: Vec<String> = seen.map(|line| format!("    {line}")).collect();
    let name = clean(&tried.device.name);
    lines.push(format!("  {name}  {}", found.verdict.drawn()));
    if !found.action.is_empty() {
        let action = wrapped(&format!("→ {}", found.action), inner);
        lines.extend(action.into_iter().map(|line| format!("    {line}")));
    }
    lines
}

fn table(all: &[Tried]) -> Table {
    let mut table = Table::new(vec![
        Column::text("角色", 7),
        Column::text("名称", 6),
        Column::text("类别", 8),
        Column::text("结果", 10),
        Column::number("ms"),
    ]);
    for tried in all {
        table.row(vec![
            clean(&tried.device.role),
            clean(&tried.device.name),
            clean(&tried.device.kind),
            tried.found.verdict.drawn().to_owned(),
            tried.ms.to_string(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_a_line_ends_codes_is_seen() {
        for (bytes, seen) in [
            (&b"000\r\n"[..], "CR LF"),
            (b"000\r", "CR"),
            (b"000\t", "TAB"),
            (b"000", "无结束符 no terminator"),
        ] {
            assert_eq!(framing("serial-scanner", bytes), seen);
        }
        assert!(!ends("serial-scanner", b"000") && ends("hid-scanner", b"000"));
    }

    #[test]
    fn what_nobody_tried_is_no_failure() {
        use Verdict::{Fails, Look, NotTried, Works};
        for (verdicts, exit) in [
            (&[Works, NotTried][..], Exit::Fine),
            (&[Works, Look, NotTried], Exit::Open),
            (&[NotTried, NotTried], Exit::Open),
            (&[Works, Look, NotTried, Fails], Exit::Failed),
            (&[Works], Exit::Fine),
        ] {
            assert_eq!(exit_of(verdicts.iter().copied()), exit, "{verdicts:?}");
        }
        let said = |code| Found::failed(Vec::new(), &crate::trouble::of_book(code)).verdict;
        assert_eq!(said(Code::NobodyScanned), NotTried);
        assert_eq!(said(Code::NobodyShowedCard), NotTried);
        assert_eq!(said(Code::ScannerUnplugged), Fails);
    }

    #[test]
    fn everything_fits_a_terminal_of_80_columns() {
        let error = crate::trouble::of_book(Code::PrinterMissing);
        let device = Device {
            name: "keyboard-scanner-of-desk-7".into(),
            role: "scanner-second".into(),
            kind: "keyboard-scanner".into(),
            ..Device::default()
        };
        let tried = [Tried {
            device,
            found: Found::fails(vec!["字".repeat(99)], &error),
            ms: 60_000,
        }];
        let mut all = lines(&tried[0], 80);
        all.extend(table(&tried).lines(80, crate::draw::Paint::new(false)));
        assert!(
            all.iter().all(|line| crate::draw::columns(line) <= 80),
            "{all:#?}"
        );
    }

    #[test]
    fn paper_that_is_not_proven_is_to_be_looked_at() {
        let error = crate::trouble::of_book(yibaod::book::Code::PaperOut);
        let job = |state: PrintJobState| PrintJob {
            state: state.into(),
            error: Some(error.clone()),
            ..PrintJob::default()
        };
        let verdict = |state| of_job(&job(state), Vec::new()).verdict;
        assert_eq!(verdict(PrintJobState::Printed), Verdict::Works);
        assert_eq!(verdict(PrintJobState::NotPrinted), Verdict::Fails);
        assert_eq!(verdict(PrintJobState::Unknown), Verdict::Look);
    }
}
