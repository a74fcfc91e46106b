//! Looking at one device on request, with evidence. Nothing is printed, nothing is read from a scanner.

use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::board::DeviceInfo;
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
