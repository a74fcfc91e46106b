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
