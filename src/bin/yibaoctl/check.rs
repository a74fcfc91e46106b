//! `status --check`: one line and one of four exit codes, as Nagios, Icinga and Zabbix read them.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;
use yibaod::api::{BusState, DeviceState, GetStatusRequest, GetStatusResponse, TcpState};

use crate::connect::Door;
use crate::draw::clean;
use crate::out::Out;
use crate::trouble::Trouble;

/// A daemon that says nothing for so long is taken for hung.
const ANSWER_WAIT_MS_MAX: u64 = 10_000;
/// Clock differences from here on are a warning, milliseconds (design: over 60 s shown).
const SKEW_WARN_MS_MIN: u64 = 60_000;
/// From so many unanswered calls in a row on nobody is settled.
const SILENT_CALLS_CRITICAL: u32 = 3;

/// What monitors know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Fine,
    Warning,
    Critical,
    Unknown,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Level::Fine => "OK",
            Level::Warning => "WARNING",
            Level::Critical => "CRITICAL",
            Level::Unknown => "UNKNOWN",
        }
    }

    fn code(self) -> u8 {
        match self {
            Level::Fine => 0,
            Level::Warning => 1,
            Level::Critical => 2,
            Level::Unknown => 3,
        }
    }
}

/// Runs it.
pub(crate) async fn run(socket: &Path, out: &Out) -> ExitCode {
    let wait = Duration::from_millis(ANSWER_WAIT_MS_MAX);
    let (level, words, figures) = match tokio::time::timeout(wait, ask(socket)).await {
        Ok(Ok(status)) => judge(&status),
        Ok(Err(trouble)) => (of_trouble(&trouble), said(&trouble), String::new()),
        Err(_) => {
            let words = format!("no answer within {ANSWER_WAIT_MS_MAX} ms");
            (Level::Critical, words, String::new())
        }
    };
    match out.is_json() {
        true => out.object(
            &json!({ "level": level.word(), "said": words, "figures": figures }).to_string(),
        ),
        false => {
            let bar = if figures.is_empty() { "" } else { " | " };
            out.lines(&[format!("YIBAOD {} - {words}{bar}{figures}", level.word())]);
        }
    }
    ExitCode::from(level.code())
}

async fn ask(socket: &Path) -> Result<GetStatusResponse, Trouble> {
    let mut door = Door::open(socket).await?;
    let answer = door.daemon.get_status(GetStatusRequest {}).await;
    Ok(answer.map_err(Trouble::of_status)?.into_inner())
}

/// Who may not ask does not know; a daemon that is not there cannot settle.
fn of_trouble(trouble: &Trouble) -> Level {
    match trouble {
        Trouble::Unreachable { why, .. } if why.contains("ermission denied") => Level::Unknown,
        Trouble::Unreachable { .. } | Trouble::Lost { .. } => Level::Critical,
        Trouble::Foreign(status) if status.code() == tonic::Code::Unavailable => Level::Critical,
        Trouble::Foreign(_)
        | Trouble::Usage(_)
        | Trouble::Bill { .. }
        | Trouble::Told { .. }
        | Trouble::Failed(_) => Level::Unknown,
    }
}

fn said(trouble: &Trouble) -> String {
    let entry = trouble.entry();
    plain(&format!("{} {}", entry.meaning_en, entry.detail))
}

/// In one line, without what separates the figures.
fn plain(text: &str) -> String {
    clean(text).replace('|', "/").trim().to_owned()
}

fn judge(it: &GetStatusResponse) -> (Level, String, String) {
    let mut found: Vec<(Level, String)> = Vec::new();
    if !it.accepting {
        let why = it.not_accepting.clone().unwrap_or_default();
        let words = format!("settles nothing: {} {}", why.code, why.meaning_en);
        found.push((Level::Critical, words));
    }
    if it.stuck_settlements > 0 {
        let words = format!("{} wait for a person", it.stuck_settlements);
        found.push((Level::Warning, words));
    }
    let skew_ms = (it.platform.as_ref()).and_then(|platform| platform.clock_skew_ms);
    if let Some(skew_ms) = skew_ms.filter(|ms| ms.unsigned_abs() >= SKEW_WARN_MS_MIN) {
        found.push((
            Level::Warning,
            format!("clock off by {} s", skew_ms / 1_000),
        ));
    }
    found.extend(silent(it));
    if it.bus() == BusState::Away {
        found.push((Level::Warning, "D-Bus is not there".to_owned()));
    }
    let down: Vec<String> = (it.devices.iter())
        .filter_map(|device| Some(format!("{} {}", device.name, down(device.state())?)))
        .collect();
    found.extend(down.iter().map(|words| (Level::Warning, words.clone())));
    if let Some(tcp) = it.tcp.as_ref().filter(|tcp| tcp.state() == TcpState::Away) {
        found.push((Level::Warning, tcp.why.clone()));
    }
    let level = found.iter().map(|(level, _)| *level).max();
    let words: Vec<String> = found.into_iter().map(|(_, words)| words).collect();
    let words = match words.is_empty() {
        true => format!("settles, {} open", it.open_settlements),
        false => words.join("; "),
    };
    let journal = it.journal.unwrap_or_default();
    let figures = format!(
        "open={} stuck={};0 devices_down={};0 skew_ms={} journal_events={} journal_syncs={}c up_s={}",
        it.open_settlements,
        it.stuck_settlements,
        down.len(),
        skew_ms.map_or_else(|| "U".to_owned(), |ms| ms.to_string()),
        journal.events,
        journal.syncs,
        it.uptime_ms / 1_000,
    );
    (level.unwrap_or(Level::Fine), plain(&words), figures)
}

/// One call may be lost at any time; who loses every one settles nothing, whatever it accepts.
fn silent(it: &GetStatusResponse) -> Option<(Level, String)> {
    let platform = it.platform.as_ref()?;
    let words = format!(
        "the platform did not answer the last {} calls, since {}",
        platform.silent_calls, platform.silent_since
    );
    match platform.silent_calls {
        0 => None,
        1..SILENT_CALLS_CRITICAL => Some((Level::Warning, words)),
        SILENT_CALLS_CRITICAL.. => Some((Level::Critical, words)),
    }
}

/// What is wrong with a device, if so. A printer on the network that nobody has used is not looked at.
fn down(state: DeviceState) -> Option<&'static str> {
    match state {
        DeviceState::Missing => Some("is missing"),
        DeviceState::PaperOut => Some("has no paper"),
        DeviceState::CoverOpen => Some("has its cover open"),
        DeviceState::Fault => Some("reports a fault"),
        DeviceState::Closed | DeviceState::Ready | DeviceState::Busy | DeviceState::Unspecified => {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use yibaod::api::{Device, PlatformStatus, TcpStatus};
    use yibaod::book::Code;

    use super::*;

    #[test]
    fn what_keeps_from_settling_is_critical_and_what_needs_a_person_is_a_warning() {
        let fine = GetStatusResponse {
            accepting: true,
            ..GetStatusResponse::default()
        };
        let (level, words, figures) = judge(&fine);
        assert_eq!((level, words.as_str()), (Level::Fine, "settles, 0 open"));
        assert!(
            figures.starts_with("open=0 stuck=0;0 devices_down=0;0 skew_ms=U "),
            "{figures}"
        );
        let printer = Device {
            name: "slip|1".into(),
            state: DeviceState::PaperOut.into(),
            ..Device::default()
        };
        let worse = GetStatusResponse {
            stuck_settlements: 2,
            devices: vec![printer],
            tcp: Some(TcpStatus {
                state: TcpState::Away.into(),
                why: "cannot listen".into(),
                held_by_uid: None,
            }),
            platform: Some(PlatformStatus {
                clock_skew_ms: Some(-61_000),
                ..PlatformStatus::default()
            }),
            ..fine.clone()
        };
        let (level, words, _) = judge(&worse);
        assert_eq!(level, Level::Warning);
        assert_eq!(
            words,
            "2 wait for a person; clock off by -61 s; slip/1 has no paper; cannot listen"
        );
        let refusing = GetStatusResponse {
            accepting: false,
            not_accepting: Some(crate::trouble::of_book(Code::DeskNotAdopted)),
            ..worse
        };
        let (level, words, _) = judge(&refusing);
        assert_eq!(level, Level::Critical);
        assert!(words.starts_with("settles nothing: E7002 "), "{words}");
    }

    #[test]
    fn who_may_not_ask_does_not_know() {
        let closed = |why: &str| Trouble::Unreachable {
            socket: "/s".into(),
            why: why.into(),
        };
        assert_eq!(
            of_trouble(&closed("Permission denied (os error 13)")),
            Level::Unknown
        );
        assert_eq!(
            of_trouble(&closed("No such file or directory (os error 2)")),
            Level::Critical
        );
        let told = Trouble::of_status(tonic::Status::unavailable("gone"));
        assert_eq!(of_trouble(&told), Level::Critical);
    }
}
