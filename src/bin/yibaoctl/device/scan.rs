//! `device scan`: the next code, or every code, to try a scanner.

use yibaod::api::claim_response::Update;
use yibaod::api::{ClaimRequest, ScanRequest, ScannedCode};

use crate::args::DeviceScan;
use crate::connect::Door;
use crate::draw::{clean, words};
use crate::exit::Exit;
use crate::json;
use crate::out::Out;
use crate::renewal::Renewal;
use crate::trouble::Trouble;

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
    note(out, "请扫码…  show a code to the scanner");
    let request = ScanRequest {
        role: wanted.role.clone(),
        wait_ms,
        claim_id: String::new(),
        purpose: PURPOSE.into(),
    };
    let answer = door.devices.scan(request).await;
    let answer = answer.map_err(Trouble::of_status)?.into_inner();
    tell(&answer.code.unwrap_or_default(), wanted.show, out);
    Ok(Exit::Fine)
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
                let request = yibaod::api::RenewClaimRequest { claim_id };
                door.devices.renew_claim(request).await.map_err(Trouble::of_status)?;
                continue;
            }
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Fine),
        };
        match message.and_then(|message| message.update) {
            Some(Update::Waiting(waiting)) => note(
                out,
                &format!("前面还有 {0} 个等候  {0} are before us", waiting.ahead),
            ),
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
