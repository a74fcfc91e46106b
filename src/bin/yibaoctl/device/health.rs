//! `device health`: one device, looked at with evidence.

use yibaod::api::{CheckHealthRequest, CheckHealthResponse, HealthVerdict};

use super::list::drawn;
use crate::connect::Door;
use crate::draw::{Paint, clean, wrapped};
use crate::exit::Exit;
use crate::json;
use crate::out::Out;
use crate::trouble::Trouble;

/// Runs it; 1 when something is wrong.
pub(super) async fn run(door: &mut Door, device: &str, out: &Out) -> Result<Exit, Trouble> {
    let device = device.to_owned();
    let answer = door
        .devices
        .check_health(CheckHealthRequest { device })
        .await;
    let answer = answer.map_err(Trouble::of_status)?.into_inner();
    if out.is_json() {
        out.object(&json::text(&answer));
    } else {
        out.lines(&lines(&answer, out.paint(), out.width()));
    }
    Ok(if answer.healthy {
        Exit::Fine
    } else {
        Exit::Failed
    })
}

fn lines(answer: &CheckHealthResponse, paint: Paint, width: usize) -> Vec<String> {
    let mut lines = drawn(answer.device.as_slice(), paint, width);
    lines.push(String::new());
    for check in &answer.checks {
        let mark = match check.verdict() {
            HealthVerdict::Fine => "好",
            HealthVerdict::Care => "注意",
            HealthVerdict::Bad => "异常",
            HealthVerdict::NotKnown | HealthVerdict::Unspecified => "不明",
        };
        let told = format!(
            "{:<10}  {mark}  {}  {}",
            clean(&check.name),
            clean(&check.evidence_zh),
            clean(&check.evidence_en)
        );
        let painted = |line: String| match check.verdict() {
            HealthVerdict::Bad => paint.bad(&line),
            HealthVerdict::Care => paint.care(&line),
            HealthVerdict::Fine | HealthVerdict::NotKnown | HealthVerdict::Unspecified => line,
        };
        let told = wrapped(&told, width.saturating_sub(4));
        lines.extend(told.into_iter().map(|line| format!("  {}", painted(line))));
    }
    lines
}

#[cfg(test)]
mod tests {
    use yibaod::api::{Device, HealthCheck};

    use super::*;
    use crate::draw::columns;

    #[test]
    fn evidence_fits_a_terminal_of_80_columns() {
        let check = |name: &str, verdict: HealthVerdict| {
            HealthCheck {
            name: name.to_owned(),
            verdict: verdict.into(),
            evidence_zh: "其他程序也打开了它，可能丢码：".repeat(4),
            evidence_en: "/dev/serial/by-id/usb-Newland_Auto-ID_NLS-FM430_of_a_very_long_name_indeed_0000000001-if00-port0 is /dev/ttyACM0; ".repeat(2),
        }
        };
        let answer = CheckHealthResponse {
            device: Some(Device {
                name: "gun".into(),
                role: "scanner".into(),
                kind: "keyboard-scanner".into(),
                address: "/dev/input/by-id/usb-a-very-long-name-of-a-scanner-event-kbd".into(),
                ..Device::default()
            }),
            checks: vec![
                check("permission", HealthVerdict::Fine),
                check("holder", HealthVerdict::Care),
            ],
            ..CheckHealthResponse::default()
        };
        let lines = lines(&answer, Paint::new(false), 80);
        assert!(lines.iter().all(|line| columns(line) <= 80), "{lines:#?}");
    }
}
