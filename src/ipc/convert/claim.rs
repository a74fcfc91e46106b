//! `Scan`, `Claim` and `CheckHealth`: wire → ours, and what came of it → wire.

use std::time::Duration;

use super::device::device;
use super::fields::Fields;
use crate::api as wire;
use crate::book::Code;
use crate::operation::{
    Check, ClaimEnd, ClaimTold, ClaimWish, CodeRead, DeviceInfo, Failure, HealthVerdict, ScanWish,
};
use crate::settlement::code_kind::{Charset, CodeKind};

/// The scanner that is meant when none is named.
const ROLE_DEFAULT: &str = "scanner";
/// Longest wait that can be asked for, and the usual one.
const WAIT_MS: (u32, u32) = (300_000, 30_000);
/// Shortest and longest lease, and the usual one.
const LEASE_MS: (u32, u32, u32) = (1_000, 600_000, 60_000);
/// Characters of a purpose, and of a name.
const TEXT_LENGTH_MAX: usize = 64;

/// The checked wish for a code.
///
/// # Errors
/// Each wrong field by its wire path.
pub fn scan(request: wire::ScanRequest) -> Result<ScanWish, Failure> {
    let mut f = Fields::default();
    let wish = ScanWish {
        role: role(&mut f, request.role),
        wait: wait(&mut f, request.wait_ms),
        claim_id: Some(f.optional("claim_id", request.claim_id, TEXT_LENGTH_MAX))
            .filter(|id| !id.is_empty()),
        purpose: purpose(&mut f, request.purpose, "scan"),
    };
    f.finish(wish)
}

/// The checked wish for a claim.
///
/// # Errors
/// Each wrong field by its wire path.
pub fn claim(request: wire::ClaimRequest) -> Result<ClaimWish, Failure> {
    let mut f = Fields::default();
    let (least, most, usual) = LEASE_MS;
    let lease_ms = match request.lease_ms {
        0 => usual,
        ms if (least..=most).contains(&ms) => ms,
        _ => {
            let why = format!("must be 0 or {least}-{most}");
            f.wrong(Code::RequestInvalid, "lease_ms", why);
            usual
        }
    };
    let wish = ClaimWish {
        role: role(&mut f, request.role),
        wait: wait(&mut f, request.wait_ms),
        lease: Duration::from_millis(lease_ms.into()),
        codes: request.codes,
        purpose: purpose(&mut f, request.purpose, "claim"),
    };
    f.finish(wish)
}

fn role(f: &mut Fields, role: String) -> String {
    match f.optional("role", role, TEXT_LENGTH_MAX) {
        role if role.is_empty() => ROLE_DEFAULT.to_owned(),
        role => role,
    }
}

fn purpose(f: &mut Fields, purpose: String, otherwise: &str) -> String {
    match f.optional("purpose", purpose, TEXT_LENGTH_MAX) {
        purpose if purpose.is_empty() => otherwise.to_owned(),
        purpose => purpose,
    }
}

fn wait(f: &mut Fields, ms: u32) -> Duration {
    let (most, usual) = WAIT_MS;
    if ms > most {
        f.wrong(
            Code::RequestInvalid,
            "wait_ms",
            format!("is more than {most}"),
        );
    }
    Duration::from_millis(if ms == 0 { usual } else { ms }.into())
}

/// A code as it was read.
#[must_use]
pub fn code(read: CodeRead) -> wire::ScannedCode {
    let site_kind = match &read.code.kind {
        CodeKind::Site(name) => name.clone(),
        CodeKind::Unknown
        | CodeKind::Evoucher
        | CodeKind::IdNumber
        | CodeKind::WeChatPay
        | CodeKind::Alipay
        | CodeKind::UnionPay
        | CodeKind::DrugTrace
        | CodeKind::HealthCode
        | CodeKind::Web
        | CodeKind::Incomplete
        | CodeKind::Glued => String::new(),
    };
    wire::ScannedCode {
        payload: read.code.payload.to_vec(),
        text: read.code.text.to_string(),
        charset: charset(read.code.charset).into(),
        kind: kind(&read.code.kind).into(),
        symbology: read.code.symbology,
        site_kind,
        device: read.device,
        seq: read.seq,
    }
}

fn charset(charset: Charset) -> wire::CodeCharset {
    match charset {
        Charset::Utf8 => wire::CodeCharset::Utf8,
        Charset::Gb18030 => wire::CodeCharset::Gb18030,
        Charset::Binary => wire::CodeCharset::Binary,
    }
}

fn kind(kind: &CodeKind) -> wire::CodeKind {
    match kind {
        CodeKind::Unknown => wire::CodeKind::Unknown,
        CodeKind::Evoucher => wire::CodeKind::Evoucher,
        CodeKind::IdNumber => wire::CodeKind::IdNumber,
        CodeKind::WeChatPay => wire::CodeKind::WechatPay,
        CodeKind::Alipay => wire::CodeKind::Alipay,
        CodeKind::UnionPay => wire::CodeKind::UnionPay,
        CodeKind::DrugTrace => wire::CodeKind::DrugTrace,
        CodeKind::HealthCode => wire::CodeKind::HealthCode,
        CodeKind::Web => wire::CodeKind::Web,
        CodeKind::Site(_) => wire::CodeKind::Site,
        CodeKind::Incomplete => wire::CodeKind::Incomplete,
        CodeKind::Glued => wire::CodeKind::Glued,
    }
}

/// What the holder of a claim is told.
///
/// # Errors
/// The claim never began.
pub fn news(news: ClaimTold) -> Result<wire::ClaimResponse, Failure> {
    use wire::claim_response::Update;
    let update = match news {
        ClaimTold::Waiting(ahead) => Update::Waiting(wire::ClaimWaiting {
            ahead: u32::try_from(ahead).unwrap_or(u32::MAX),
        }),
        ClaimTold::Granted {
            claim_id,
            device,
            lease,
        } => Update::Granted(wire::ClaimGranted {
            claim_id,
            device,
            lease_ms: lease_ms(lease),
        }),
        ClaimTold::Code(read) => Update::Code(code(read)),
        ClaimTold::Present(present) => Update::Presence(wire::ClaimPresence { present }),
        ClaimTold::Ended(end) => Update::Ended(wire::ClaimEnded {
            why: ended(end).into(),
        }),
        ClaimTold::Failed(failure) => return Err(failure),
    };
    let update = Some(update);
    Ok(wire::ClaimResponse { update })
}

/// A lease on the wire.
#[must_use]
pub fn lease_ms(lease: Duration) -> u32 {
    u32::try_from(lease.as_millis()).unwrap_or(u32::MAX)
}

fn ended(end: ClaimEnd) -> wire::ClaimEnd {
    match end {
        ClaimEnd::Released => wire::ClaimEnd::Released,
        ClaimEnd::TakenAway => wire::ClaimEnd::TakenAway,
        ClaimEnd::LeaseOver => wire::ClaimEnd::LeaseOver,
        ClaimEnd::Stopping => wire::ClaimEnd::Stopping,
    }
}

/// What was seen of a device.
#[must_use]
pub fn health(info: DeviceInfo, checks: Vec<Check>) -> wire::CheckHealthResponse {
    let healthy = checks
        .iter()
        .all(|check| check.verdict != HealthVerdict::Bad);
    let checks = checks
        .into_iter()
        .map(|check| wire::HealthCheck {
            name: check.name.to_owned(),
            verdict: match check.verdict {
                HealthVerdict::Fine => wire::HealthVerdict::Fine,
                HealthVerdict::Care => wire::HealthVerdict::Care,
                HealthVerdict::NotKnown => wire::HealthVerdict::NotKnown,
                HealthVerdict::Bad => wire::HealthVerdict::Bad,
            }
            .into(),
            evidence_zh: check.zh,
            evidence_en: check.en,
        })
        .collect();
    wire::CheckHealthResponse {
        device: Some(device(info)),
        checks,
        healthy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_has_its_defaults_and_its_limits() {
        let wish = claim(wire::ClaimRequest::default()).unwrap();
        assert_eq!(wish.role, "scanner");
        assert_eq!(wish.wait, Duration::from_secs(30));
        assert_eq!(wish.lease, Duration::from_secs(60));
        let wrong = claim(wire::ClaimRequest {
            wait_ms: 300_001,
            lease_ms: 999,
            purpose: "长".repeat(65),
            ..wire::ClaimRequest::default()
        });
        let wrong = wrong.unwrap_err();
        assert_eq!(wrong.fields, ["lease_ms", "wait_ms", "purpose"]);
        let scanned = scan(wire::ScanRequest {
            wait_ms: 1,
            claim_id: "claim-7".into(),
            ..wire::ScanRequest::default()
        });
        let scanned = scanned.unwrap();
        assert_eq!(scanned.claim_id.as_deref(), Some("claim-7"));
        assert_eq!(scanned.wait, Duration::from_millis(1));
    }
}
