//! `device scan`: the next code, or every code, to try a scanner.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::Instant;
use tonic::{Response, Status};
use yibaod::api::claim_response::Update;
use yibaod::api::{ClaimRequest, RenewClaimRequest, ScanRequest, ScanResponse, ScannedCode};

use crate::args::DeviceScan;
use crate::connect::Door;
use crate::draw::{clean, words};
use crate::exit::Exit;
use crate::json;
use crate::out::Out;
use crate::renewal::Renewal;
use crate::trouble::Trouble;

/// How a scan ends.
type Scanned = Result<Response<ScanResponse>, Status>;
/// A scan that runs.
type Scanning = Pin<Box<dyn Future<Output = Scanned> + Send>>;

/// What others at the desk see.
const PURPOSE: &str = "yibaoctl device scan";
/// Characters of a code that are shown at each end.
const SHOWN_CHARACTERS: usize = 4;

/// Runs it. With `--each` it ends with Ctrl-C, which frees the scanner.
pub(super) async fn run(door: &mut Door, wanted: &DeviceScan, out: &Out) -> Result<Exit, Trouble> {
    let wait_ms = u32::try_from(wanted.wait_s.saturating_mul(1_000)).unwrap_or(u32::MAX);
    if wanted.each {
        return each(door, wanted, wait_ms, out).await;
    }
    once(door, wanted, wait_ms, out).await
}

/// One code. Who waits for another's turn to end is told so: whatever is shown before it is ours is the other's.
async fn once(
    door: &mut Door,
    wanted: &DeviceScan,
    wait_ms: u32,
    out: &Out,
) -> Result<Exit, Trouble> {
    let over = Instant::now() + Duration::from_millis(u64::from(wait_ms));
    let request = ClaimRequest {
        role: wanted.role.clone(),
        wait_ms,
        lease_ms: 0,
        codes: false,
        purpose: PURPOSE.into(),
    };
    let stream = door.devices.claim(request).await;
    let mut stream = stream.map_err(Trouble::of_status)?.into_inner();
    let mut renewal = Renewal::new();
    let mut scanning: Option<Scanning> = None;
    loop {
        let message = tokio::select! {
            answer = of(&mut scanning) => {
                return scanned(answer, wanted, out);
            }
            message = stream.message() => message.map_err(Trouble::of_status)?,
            claim_id = renewal.due() => {
                renew(door, claim_id).await?;
                continue;
            }
        };
        match message.and_then(|message| message.update) {
            Some(Update::Waiting(waiting)) => note(out, &before_us(waiting.ahead)),
            Some(Update::Granted(granted)) => {
                note(out, "请扫码…  show a code to the scanner");
                let left = over.saturating_duration_since(Instant::now());
                let request = ScanRequest {
                    role: wanted.role.clone(),
                    wait_ms: u32::try_from(left.as_millis()).unwrap_or(wait_ms).max(1),
                    claim_id: granted.claim_id.clone(),
                    purpose: PURPOSE.into(),
                };
                let mut devices = door.devices.clone();
                scanning = Some(Box::pin(async move { devices.scan(request).await }));
                renewal.begin(granted.claim_id, granted.lease_ms);
            }
            // The scan says what becomes of it.
            Some(Update::Code(_) | Update::Presence(_)) => {}
            Some(Update::Ended(_)) | None if scanning.is_some() => {
                return scanned(of(&mut scanning).await, wanted, out);
            }
            Some(Update::Ended(ended)) => {
                let (zh, en) = words::claim_end(ended.why());
                note(out, &format!("{zh}  {en}"));
                return Ok(Exit::Failed);
            }
            None => return Ok(Exit::Failed),
        }
    }
}

fn scanned(answer: Scanned, wanted: &DeviceScan, out: &Out) -> Result<Exit, Trouble> {
    let answer = answer.map_err(Trouble::of_status)?.into_inner();
    tell(&answer.code.unwrap_or_default(), wanted.show, out);
    Ok(Exit::Fine)
}

/// Its end, once it was begun.
async fn of(begun: &mut Option<Scanning>) -> Scanned {
    match begun {
        Some(begun) => begun.await,
        None => std::future::pending().await,
    }
}

async fn renew(door: &mut Door, claim_id: String) -> Result<(), Trouble> {
    let request = RenewClaimRequest { claim_id };
    let renewed = door.devices.renew_claim(request).await;
    renewed.map(drop).map_err(Trouble::of_status)
}

fn before_us(ahead: u32) -> String {
    format!("前面还有 {ahead} 个等候  {ahead} are before us")
}

async fn each(
    door: &mut Door,
    wanted: &DeviceScan,
    wait_ms: u32,
    out: &Out,
) -> Result<Exit, Trouble> {
    let request = ClaimRequest {
        role: wanted.role.clone(),
        wait_ms,
        lease_ms: 0,
        codes: true,
        purpose: PURPOSE.into(),
    };
    let stream = door.devices.claim(request).await;
    let mut stream = stream.map_err(Trouble::of_status)?.into_inner();
    let mut renewal = Renewal::new();
    loop {
        let message = tokio::select! {
            message = stream.message() => message.map_err(Trouble::of_status)?,
            claim_id = renewal.due() => {
                renew(door, claim_id).await?;
                continue;
            }
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Fine),
        };
        match message.and_then(|message| message.update) {
            Some(Update::Waiting(waiting)) => note(out, &before_us(waiting.ahead)),
            Some(Update::Granted(granted)) => {
                note(
                    out,
                    &format!(
                        "已占用 {0}，请扫码，Ctrl-C 结束  {0} is ours",
                        clean(&granted.device)
                    ),
                );
                renewal.begin(granted.claim_id, granted.lease_ms);
            }
            Some(Update::Code(code)) => tell(&code, wanted.show, out),
            Some(Update::Presence(presence)) if presence.present => {
                note(out, "扫码器已恢复  the scanner is back");
            }
            Some(Update::Presence(_)) => note(out, "扫码器断开  the scanner went away"),
            Some(Update::Ended(ended)) => {
                let (zh, en) = words::claim_end(ended.why());
                note(out, &format!("{zh}  {en}"));
                return Ok(Exit::Failed);
            }
            None => return Ok(Exit::Failed),
        }
    }
}

fn note(out: &Out, line: &str) {
    out.notes(&[format!("  {line}")]);
}

/// Codes are persons' secrets: whole only when asked for, or for programs.
fn tell(code: &ScannedCode, show: bool, out: &Out) {
    if out.is_json() {
        out.object(&json::text(code));
        return;
    }
    let (zh, en) = words::code_kind(code.kind());
    let site = match code.site_kind.as_str() {
        "" => String::new(),
        site => format!(" ({})", clean(site)),
    };
    let text = match (code.text.as_str(), show) {
        ("", _) => format!("{} 字节 bytes", code.payload.len()),
        (text, true) => clean(text),
        (text, false) => masked(text),
    };
    let symbology = match code.symbology.as_str() {
        "" => String::new(),
        symbology => format!("  {}", clean(symbology)),
    };
    out.lines(&[format!("  {zh} {en}{site}  {text}{symbology}")]);
}

pub(super) fn masked(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let count = characters.len();
    if count <= 2 * SHOWN_CHARACTERS {
        return "*".repeat(count);
    }
    let head: String = characters[..SHOWN_CHARACTERS].iter().collect();
    let tail: String = characters[count - SHOWN_CHARACTERS..].iter().collect();
    clean(&format!(
        "{head}{}{tail}",
        "*".repeat(count - 2 * SHOWN_CHARACTERS)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_masked() {
        assert_eq!(
            masked("4241234567890123456789430000"),
            "4241********************0000"
        );
        assert_eq!(masked("12345678"), "********");
    }
}
