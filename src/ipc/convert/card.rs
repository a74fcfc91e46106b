//! The card that a caller wants to see, and what was shown.

use super::fields::Fields;
use crate::api as wire;
use crate::book::Code;
use crate::operation::{CARD_WAIT_MS_MAX, CardWish, Failure, Medium, ShownCard};

/// Characters of a claim's id, as for Scan.
const CLAIM_LENGTH_MAX: usize = 64;

/// What the caller wants.
///
/// # Errors
/// What is wrong with it, by field.
pub fn wish(request: wire::ReadCardRequest) -> Result<CardWish, Failure> {
    let mut f = Fields::default();
    let role = match request.role.trim() {
        "" => None,
        role => Some(role.to_owned()),
    };
    let kinds = request.media.iter().enumerate();
    let mut media: Vec<Medium> = kinds
        .filter_map(|(i, kind)| f.known(&format!("media[{i}]"), *kind, None, medium))
        .collect();
    media.dedup();
    if request.media.is_empty() {
        media = vec![Medium::SocialCard, Medium::ResidentId];
    }
    if request.wait_ms > CARD_WAIT_MS_MAX {
        let most = format!("must be at most {CARD_WAIT_MS_MAX}");
        f.wrong(Code::RequestInvalid, "wait_ms", most);
    }
    let claim_id = f.optional("claim_id", request.claim_id, CLAIM_LENGTH_MAX);
    f.finish(CardWish {
        role,
        media,
        wait_ms: request.wait_ms,
        claim_id: Some(claim_id).filter(|id| !id.is_empty()),
    })
}

fn medium(medium: wire::CardMedium) -> Option<Medium> {
    match medium {
        wire::CardMedium::Unspecified => None,
        wire::CardMedium::SocialCard => Some(Medium::SocialCard),
        wire::CardMedium::ResidentId => Some(Medium::ResidentId),
    }
}

/// What was shown.
#[must_use]
pub fn shown(card: &ShownCard) -> wire::ShownCard {
    let medium = match card.medium {
        Medium::SocialCard => wire::CardMedium::SocialCard,
        Medium::ResidentId => wire::CardMedium::ResidentId,
    };
    let resident = card.resident.as_ref().map(|resident| wire::ResidentCard {
        sex: resident.sex.clone(),
        nation: resident.nation.clone(),
        birth: resident.birth.expose().to_owned(),
        address: resident.address.expose().to_owned(),
        issuer: resident.issuer.clone(),
        photo: resident.photo.expose().to_vec(),
    });
    wire::ShownCard {
        medium: medium.into(),
        kind: card.kind.to_owned(),
        name: card.name.expose().to_owned(),
        certno: card.certno.expose().to_owned(),
        card_no: card.card_no.expose().to_owned(),
        card_sn: card.card_sn.expose().to_owned(),
        region: card.region.clone(),
        version: card.version.clone(),
        valid_from: card.valid_from.clone(),
        valid_until: card.valid_until.clone(),
        atr: hex::encode(&card.atr),
        resident,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(role: &str, media: &[i32], wait_ms: u32) -> Result<CardWish, Vec<String>> {
        let request = wire::ReadCardRequest {
            role: role.into(),
            media: media.to_vec(),
            wait_ms,
            claim_id: String::new(),
        };
        wish(request).map_err(|failure| failure.fields)
    }

    #[test]
    fn a_wish_is_checked_whole() {
        let any = asked("", &[], 0).unwrap();
        assert_eq!(any.media, [Medium::SocialCard, Medium::ResidentId]);
        assert_eq!((any.role, any.wait_ms), (None, 0));
        let one = asked(" id-card ", &[2, 2], 5_000).unwrap();
        assert_eq!(one.media, [Medium::ResidentId]);
        assert_eq!(one.role.as_deref(), Some("id-card"));
        let second = asked("card-2", &[], 0).unwrap();
        assert_eq!(second.role.as_deref(), Some("card-2"));
        let wrong = asked("", &[0, 1, 77], CARD_WAIT_MS_MAX + 1).unwrap_err();
        assert_eq!(wrong, ["media[0]", "media[2]", "wait_ms"]);
        assert_eq!(any.claim_id, None);
        let under = |claim_id: &str| {
            wish(wire::ReadCardRequest {
                claim_id: claim_id.into(),
                ..wire::ReadCardRequest::default()
            })
        };
        let claimed = under("claim-7").unwrap();
        assert_eq!(claimed.claim_id.as_deref(), Some("claim-7"));
        let long = under(&"7".repeat(65)).unwrap_err();
        assert_eq!(long.fields, ["claim_id"]);
    }
}
