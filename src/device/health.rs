//! Looking at one device on request, with evidence. Nothing is printed, nothing is read from a scanner.

use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::board::{DeviceInfo, Heard};
use super::card::look::{Card, Seen};
use super::holder::{self, Holders};
use super::printer::{Paper, PrinterState};
use super::{DeviceError, DeviceState};

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Stable name.
    pub name: &'static str,
    /// What came out.
    pub verdict: Verdict,
    /// What was seen, in Chinese.
    pub zh: String,
    /// What was seen, in English.
    pub en: String,
}

/// What came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// In order.
    Fine,
    /// Works, but somebody should look.
    Care,
    /// Could not be looked at.
    NotKnown,
    /// Does not work.
    Bad,
}

impl Check {
    fn new(
        name: &'static str,
        verdict: Verdict,
        zh: impl Into<String>,
        en: impl Into<String>,
    ) -> Self {
        let (zh, en) = (zh.into(), en.into());
        Self {
            name,
            verdict,
            zh,
            en,
        }
    }
}

/// What can be seen of a device file. Reads the file system: not for the threads that carry tasks.
/// `is_ours`: we have it open, so another program that has it open too takes bytes of ours.
pub(crate) fn of_path(path: &Path, is_ours: bool) -> Vec<Check> {
    let shown = path.display();
    let found = std::fs::metadata(path);
    let real = path.canonicalize().unwrap_or_else(|_| PathBuf::from(path));
    let meta = match found {
        Ok(meta) => meta,
        Err(error) => {
            let (zh, en) = (format!("{shown} 不存在"), format!("{shown}: {error}"));
            return vec![Check::new("path", Verdict::Bad, zh, en)];
        }
    };
    if !meta.file_type().is_char_device() {
        let (zh, en) = (
            format!("{shown} 不是设备文件"),
            format!("{shown} is no device file"),
        );
        return vec![Check::new("path", Verdict::Bad, zh, en)];
    }
    let real_shown = real.display();
    let there = Check::new(
        "path",
        Verdict::Fine,
        format!("{shown} 即 {real_shown}"),
        format!("{shown} is {real_shown}"),
    );
    vec![
        there,
        permission(path, &meta),
        held_elsewhere(&holder::of(&real), is_ours),
    ]
}

/// A device that was not found, or not told from others.
pub(crate) fn of_search(error: &DeviceError) -> Vec<Check> {
    let zh = format!("{}（{}）", error.code.entry().meaning_zh, error.detail);
    vec![Check::new("path", Verdict::Bad, zh, error.detail.clone())]
}

fn permission(path: &Path, meta: &std::fs::Metadata) -> Check {
    use rustix::fs::Access;
    let (mode, uid, gid) = (meta.mode() & 0o777, meta.uid(), meta.gid());
    let seen = format!("mode {mode:03o}, uid {uid}, gid {gid}");
    match rustix::fs::access(path, Access::READ_OK | Access::WRITE_OK) {
        Ok(()) => Check::new(
            "permission",
            Verdict::Fine,
            format!("可读写（{seen}）"),
            seen,
        ),
        Err(error) => Check::new(
            "permission",
            Verdict::Bad,
            format!("守护进程无权读写（{seen}）"),
            format!("{error} ({seen})"),
        ),
    }
}

/// Other programs at a device; nobody is said to be at it only when everybody could be seen.
fn held_elsewhere(found: &Holders, is_ours: bool) -> Check {
    let named: Vec<String> = found.programs.iter().map(ToString::to_string).collect();
    let (verdict, zh, en) = match (named.is_empty(), found.saw_all) {
        (true, true) => (
            Verdict::Fine,
            "没有其他程序占用".to_owned(),
            "no other program has it open".to_owned(),
        ),
        (true, false) => (
            Verdict::NotKnown,
            "看不到其他用户的程序是否占用；请以管理员身份运行 yibaoctl doctor".to_owned(),
            "programs of other users are not seen: run yibaoctl doctor as root".to_owned(),
        ),
        (false, _) => {
            let named = named.join(", ");
            let (verdict, zh) = if is_ours {
                (
                    Verdict::Care,
                    format!("其他程序也打开了它，可能丢码：{named}"),
                )
            } else {
                (Verdict::Bad, format!("被其他程序占用：{named}"))
            };
            (verdict, zh, format!("open in {named}"))
        }
    };
    Check::new("holder", verdict, zh, en)
}

/// What the line is known to be.
pub(crate) fn of_line(info: &DeviceInfo) -> Check {
    let opened = info.counters.opened;
    let (verdict, zh, en) = match info.state {
        DeviceState::Missing => (Verdict::Bad, "线路未打开", "the line is not open"),
        DeviceState::Closed => (
            Verdict::Fine,
            "空闲，需要时连接",
            "closed while there is nothing to do",
        ),
        DeviceState::Ready
        | DeviceState::Busy
        | DeviceState::PaperOut
        | DeviceState::CoverOpen
        | DeviceState::Fault => (Verdict::Fine, "线路已打开", "the line is open"),
    };
    Check::new(
        "line",
        verdict,
        format!("{zh}（启动以来打开 {opened} 次）"),
        format!("{en} (opened {opened} times since the start)"),
    )
}

/// What a card reader itself was found to be.
pub(crate) fn of_reader(looked: &Result<Seen, DeviceError>) -> Check {
    let told = |verdict, zh: String, en: String| Check::new("reader", verdict, zh, en);
    match looked {
        Err(error) => {
            let meaning = error.code.entry().meaning_zh;
            told(Verdict::Bad, meaning.to_owned(), error.detail.clone())
        }
        Ok(Seen::Answered { ms }) => told(
            Verdict::Fine,
            format!("读卡器在 {ms} 毫秒内应答了状态查询"),
            format!("it answered a question about its state in {ms} ms"),
        ),
        Ok(Seen::AtWork { answered_ms }) => {
            let (zh, en) = answered_ms.map_or_else(Default::default, |ms| {
                (
                    format!("，{ms} 毫秒前应答过"),
                    format!(", and answered {ms} ms ago"),
                )
            });
            told(
                Verdict::Fine,
                format!("正在读卡或等待出示{zh}"),
                format!("it reads, or waits for what is shown{en}"),
            )
        }
        Ok(Seen::Listed {
            name,
            card,
            changes,
            twins,
        }) => {
            let (verdict, card_zh, card_en) = match card {
                Card::None => (Verdict::Fine, "无卡", "no card"),
                Card::Answers => (Verdict::Fine, "有卡", "a card"),
                Card::Mute => (Verdict::Care, "有卡但不应答", "a card that does not answer"),
            };
            let zh = format!("pcscd 报告 {name}：{card_zh}（插拔卡 {changes} 次）");
            let en = format!("pcscd says of {name}: {card_en} (changed {changes} times)");
            if twins.is_empty() {
                return told(verdict, zh, en);
            }
            let twins = twins.join(", ");
            told(
                Verdict::Care,
                format!("{zh}；另有同名读卡器 {twins}，仅靠 pcscd 的序号区分，重新插拔后可能互换"),
                format!("{en}; only a number of pcscd, which may change, tells it from {twins}"),
            )
        }
    }
}

/// The line is not open because who had it before a change of the configuration has it still.
pub(crate) fn of_change(still_used: &DeviceError) -> Check {
    let zh = "配置变更前的使用者尚未结束，结束后自动启用；yibaoctl device who 列出占用者";
    Check::new("line", Verdict::Care, zh, still_used.detail.clone())
}

/// What a printer said when it was asked.
pub(crate) fn of_answer(looked: &Result<PrinterState, DeviceError>, began: Instant) -> Vec<Check> {
    let ms = began.elapsed().as_millis();
    let state = match looked {
        Ok(state) => state,
        Err(error) => {
            let entry = error.code.entry();
            let en = format!("{} ({ms} ms)", error.detail);
            let zh = format!("{}（{ms} 毫秒）", entry.meaning_zh);
            return vec![Check::new("answer", Verdict::Bad, zh, en)];
        }
    };
    let answered = Check::new(
        "answer",
        Verdict::Fine,
        format!("{ms} 毫秒内应答"),
        format!("answered in {ms} ms"),
    );
    let paper = match (state.trouble(), state.paper) {
        (Some(code), _) => {
            let entry = code.entry();
            Check::new("paper", Verdict::Bad, entry.meaning_zh, entry.meaning_en)
        }
        (None, Paper::Low) => {
            Check::new("paper", Verdict::Care, "纸将用尽", "little paper is left")
        }
        (None, Paper::Ok | Paper::Out) => Check::new("paper", Verdict::Fine, "有纸", "has paper"),
    };
    vec![answered, paper]
}

/// A printer that is not asked: a job is on its way to it, since so long.
pub(crate) fn of_job(since: Duration, heard: Heard) -> Vec<Check> {
    let since_ms = since.as_millis();
    let (last_zh, last_en) = match heard.ago.map(|ago| ago.as_millis()) {
        Some(ms) => (
            format!("{ms} 毫秒前收到其应答"),
            format!("last heard {ms} ms ago"),
        ),
        None => ("尚未收到其应答".to_owned(), "never heard".to_owned()),
    };
    let (verdict, zh, en) = if heard.is_silent {
        let en = "a job is on its way since";
        (Verdict::Bad, "本次打印中的询问未获应答；打印任务已进行", en)
    } else {
        let en = "not asked: a job is on its way since";
        (Verdict::NotKnown, "未询问：打印任务正在进行，已", en)
    };
    let silent = if heard.is_silent {
        "; a question of it was not answered"
    } else {
        ""
    };
    let answer = Check::new(
        "answer",
        verdict,
        format!("{zh} {since_ms} 毫秒，{last_zh}"),
        format!("{en} {since_ms} ms, {last_en}{silent}"),
    );
    let trouble = heard.state.and_then(|state| state.trouble());
    let paper = trouble.map(|code| {
        let entry = code.entry();
        Check::new("paper", Verdict::Bad, entry.meaning_zh, entry.meaning_en)
    });
    [Some(answer), paper].into_iter().flatten().collect()
}

/// What could not be looked at in time: the kernel does not answer.
pub(crate) fn of_no_look(within: Duration) -> Vec<Check> {
    let ms = within.as_millis();
    vec![Check::new(
        "path",
        Verdict::NotKnown,
        format!("{ms} 毫秒内系统未给出结果，无法检查"),
        format!("this machine did not say within {ms} ms"),
    )]
}

/// Codes that this machine was too busy to read.
pub(crate) fn of_losses(info: &DeviceInfo) -> Option<Check> {
    let losses = info.counters.losses;
    (losses > 0).then(|| {
        Check::new(
            "losses",
            Verdict::Care,
            format!("启动以来 {losses} 次来不及读取扫码器，所扫的码作废；请查看本机负载"),
            format!("codes were lost {losses} times since the start: was this machine too busy?"),
        )
    })
}

/// The last trouble, when the device has recovered from it.
pub(crate) fn of_last_error(info: &DeviceInfo, now_ms: u64) -> Option<Check> {
    let (code, at_ms) = info.last_error?;
    let ago_s = now_ms.saturating_sub(at_ms) / 1_000;
    let entry = code.entry();
    Some(Check::new(
        "last_error",
        Verdict::Care,
        format!("{} 秒前：{} {}", ago_s, code.id(), entry.meaning_zh),
        format!("{ago_s} s ago: {} {}", code.id(), entry.meaning_en),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_not_asked_is_not_said_to_answer() {
        let out = PrinterState {
            paper: Paper::Out,
            ..PrinterState::default()
        };
        for (is_silent, state, verdicts) in [
            (false, PrinterState::default(), &[Verdict::NotKnown][..]),
            (true, PrinterState::default(), &[Verdict::Bad]),
            (false, out, &[Verdict::NotKnown, Verdict::Bad]),
        ] {
            let heard = Heard {
                ago: Some(Duration::from_millis(70)),
                is_silent,
                state: Some(state),
            };
            let checks = of_job(Duration::from_millis(900), heard);
            let told: Vec<Verdict> = checks.iter().map(|check| check.verdict).collect();
            assert_eq!(told, verdicts);
            for seen in [&checks[0].en, &checks[0].zh] {
                assert!(seen.contains("900") && seen.contains("70"), "{seen}");
            }
        }
    }

    #[test]
    fn what_was_not_seen_is_not_called_fine() {
        let nobody = |saw_all| {
            let programs = Vec::new();
            held_elsewhere(&Holders { programs, saw_all }, true)
        };
        assert_eq!(nobody(true).verdict, Verdict::Fine);
        let unseen = nobody(false);
        assert_eq!(unseen.verdict, Verdict::NotKnown);
        assert!(unseen.en.contains("doctor as root"), "{unseen:?}");
    }
}
