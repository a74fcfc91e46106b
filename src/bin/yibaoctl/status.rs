//! `status`: what an operator asks about first, on one screen.

use yibaod::api::{BusState, GetStatusRequest, GetStatusResponse, TcpState, TcpStatus};

use crate::connect::Door;
use crate::device;
use crate::draw::{Paint, clean, left, receipt, time_of_day};
use crate::exit::Exit;
use crate::json;
use crate::out::Out;
use crate::trouble::Trouble;

/// Clock differences above this are pointed out, milliseconds (design: over 60 s shown).
const SKEW_SHOWN_MS_MIN: i64 = 60_000;
/// Columns of a label.
const LABEL_COLUMNS: usize = 26;

/// Runs it.
pub(crate) async fn run(door: &mut Door, out: &Out) -> Result<Exit, Trouble> {
    let answer = door.daemon.get_status(GetStatusRequest {}).await;
    let status = answer.map_err(Trouble::of_status)?.into_inner();
    if out.is_json() {
        out.object(&json::text(&status));
    } else {
        out.lines(&drawn(&status, out.paint(), out.width()));
    }
    Ok(Exit::Fine)
}

fn drawn(it: &GetStatusResponse, paint: Paint, width: usize) -> Vec<String> {
    let desk = it.desk.clone().unwrap_or_default();
    let accepting = match it.accepting {
        true => paint.good("✓ 受理结算 accepting"),
        false => paint.bad("✗ 不受理 not accepting"),
    };
    let stuck = match it.stuck_settlements {
        0 => "0".to_owned(),
        stuck => paint.bad(&format!("{stuck}  → yibaoctl list --stuck")),
    };
    let journal = it.journal.unwrap_or_default();
    let adopted = if desk.adopted {
        ""
    } else {
        "  (yibaoctl desk adopt)"
    };
    let rows = [
        (
            "窗口 desk",
            format!("{} #{}{adopted}", clean(&desk.name), clean(&desk.number)),
        ),
        ("状态 state", accepting),
        ("版本 version", clean(&it.version)),
        ("已运行 up", span(it.uptime_ms)),
        ("进行中 open", it.open_settlements.to_string()),
        ("须人工处理 stuck", stuck),
        ("医保平台 platform", platform(it, paint)),
        (
            "流水 journal",
            format!("{} events, {} syncs", journal.events, journal.syncs),
        ),
        ("系统总线 bus", bus(it.bus(), paint)),
        ("TCP 端口 port", tcp(it.tcp.as_ref(), paint)),
    ];
    let line = |(label, value): (&str, String)| {
        format!("  {}{value}", paint.dim(&left(label, LABEL_COLUMNS)))
    };
    let mut lines: Vec<String> = rows.into_iter().map(line).collect();
    if let Some(why) = &it.not_accepting {
        lines.extend(receipt::error(why, paint, width));
    }
    lines.push(String::new());
    lines.extend(device::drawn(&it.devices, paint, width));
    lines
}

fn platform(it: &GetStatusResponse, paint: Paint) -> String {
    let platform = it.platform.clone().unwrap_or_default();
    let answered = match platform.last_answer_at.as_str() {
        "" => "尚未应答 no answer yet".to_owned(),
        at => format!("最近应答 last answer {}", clean(at)),
    };
    let answered = match platform.silent_calls {
        0 => answered,
        calls => {
            let since = time_of_day(&platform.silent_since);
            let silent = format!("✗ {calls} 次调用无应答 calls unanswered since {since}");
            format!("{answered}  {}", paint.bad(&silent))
        }
    };
    match platform.clock_skew_ms {
        Some(skew) if skew.abs() >= SKEW_SHOWN_MS_MIN => {
            let skew = format!("时钟相差 clock skew {} s", skew / 1_000);
            format!("{answered}  {}", paint.bad(&skew))
        }
        Some(_) | None => answered,
    }
}

fn bus(state: BusState, paint: Paint) -> String {
    match state {
        // Of an older daemon.
        BusState::Unspecified => "-".to_owned(),
        BusState::Off => "已关闭 off".to_owned(),
        BusState::Away => {
            paint.bad("✗ 未接入 not there: is dbus running, is the policy installed?")
        }
        BusState::On => "已接入 on".to_owned(),
    }
}

fn tcp(tcp: Option<&TcpStatus>, paint: Paint) -> String {
    let Some(tcp) = tcp else {
        // Of an older daemon.
        return "-".to_owned();
    };
    match tcp.state() {
        TcpState::Unspecified => "-".to_owned(),
        TcpState::Off => "未配置 off".to_owned(),
        TcpState::Away => {
            let holder = tcp
                .held_by_uid
                .map(|uid| format!("（uid {uid} 占用 has it）"));
            let holder = holder.unwrap_or_default();
            paint.bad(&format!("✗ 未监听 not there{holder}: {}", clean(&tcp.why)))
        }
        TcpState::On => "正在监听 on".to_owned(),
    }
}

fn span(ms: u64) -> String {
    let s = ms / 1_000;
    let (days, hours, minutes) = (s / 86_400, s / 3_600 % 24, s / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{s} s"),
        (0, 0, _) => format!("{minutes} min {} s", s % 60),
        (0, _, _) => format!("{hours} h {minutes} min"),
        (_, _, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use yibaod::api::{DeskStatus, PlatformStatus};

    use super::*;

    #[test]
    fn a_foreign_journal_and_a_wrong_clock_are_pointed_out() {
        let status = GetStatusResponse {
            desk: Some(DeskStatus {
                name: "窗口七".into(),
                number: "007".into(),
                adopted: false,
            }),
            not_accepting: Some(crate::trouble::of_book(yibaod::book::Code::DeskNotAdopted)),
            platform: Some(PlatformStatus {
                last_answer_at: String::new(),
                silent_since: String::new(),
                silent_calls: 0,
                clock_skew_ms: Some(-400_000),
            }),
            bus: BusState::Away.into(),
            tcp: Some(TcpStatus {
                state: TcpState::Away.into(),
                why: "cannot listen on 127.0.0.1:8610".into(),
                held_by_uid: Some(65_534),
            }),
            ..GetStatusResponse::default()
        };
        let all = drawn(&status, Paint::new(false), 80).join("\n");
        for word in [
            "窗口七 #007",
            "desk adopt",
            "E7002",
            "clock skew -400 s",
            "no answer yet",
            "未接入 not there",
            "not there（uid 65534 占用 has it）: cannot listen on 127.0.0.1:8610",
        ] {
            assert!(all.contains(word), "{word}: {all}");
        }
    }

    #[test]
    fn spans_are_short() {
        for (ms, text) in [
            (900, "0 s"),
            (61_000, "1 min 1 s"),
            (3_660_000, "1 h 1 min"),
            (90_000_000, "1 d 1 h"),
        ] {
            assert_eq!(span(ms), text);
        }
    }
}
