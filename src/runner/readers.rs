//! What a settlement holds while somebody shows something: the scanner, the card readers, all armed at once. The
//! first complete one wins.
//!
//! They are claimed in one order, the scanner first, so that two settlements never wait for each other.

use std::future::Future;
use std::pin::Pin;

use futures_util::future::select_all;
use tokio::sync::watch;
use tokio::time::Instant;
use zeroize::Zeroizing;

use crate::book::Code;
use crate::device::{
    Asker, CardLease, DeviceError, Hub, Medium, ROLE_SCANNER, ScannerLease, ShownCard,
};
use crate::settlement::known::{Document, Voucher};
use crate::settlement::order::CredentialKind;

/// 证件类型 of a 居民身份证; a 社保卡's number is one.
const CERT_TYPE_RESIDENT: &str = "01";

/// The devices that somebody may show something to.
pub(super) struct Readers {
    scanner: Option<ScannerLease>,
    cards: Vec<CardLease>,
    media: Vec<Medium>,
}

/// What was shown.
pub(super) enum Shown {
    /// A code, as it came from the scanner.
    Code(Zeroizing<Vec<u8>>),
    /// A card.
    Card(Box<ShownCard>),
}

impl Readers {
    /// Claims what reads these credentials. What is missing is done without while something else is there.
    pub(super) async fn claim(
        hub: &Hub,
        wanted: &[CredentialKind],
        asker: Asker,
        deadline: Instant,
        place: watch::Sender<usize>,
    ) -> Result<Self, DeviceError> {
        let mut readers = Self {
            scanner: None,
            cards: Vec::new(),
            media: media(wanted),
        };
        let mut missing = None;
        if wanted.contains(&CredentialKind::EVoucher) {
            match hub
                .claim_scanner(ROLE_SCANNER, asker.clone(), deadline, place.clone())
                .await
            {
                Ok(lease) => readers.scanner = Some(lease),
                Err(error) => missing = Some(error),
            }
        }
        let roles = hub.card_roles(&readers.media);
        if roles.is_empty() && !readers.media.is_empty() {
            let none = "no card reader reads what may be shown";
            missing.get_or_insert(DeviceError {
                code: Code::CardReaderMissing,
                detail: none.to_owned(),
            });
        }
        for role in roles {
            let role = Some(role.as_str());
            let (asker, place) = (asker.clone(), place.clone());
            let claimed = hub
                .claim_card(role, &readers.media, asker, deadline, place)
                .await;
            match claimed {
                Ok(lease) => readers.cards.push(lease),
                Err(error) => drop(missing.get_or_insert(error)),
            }
        }
        match missing {
            Some(error) if readers.is_empty() => Err(error),
            Some(error) => {
                tracing::info!(%error, "done without");
                Ok(readers)
            }
            None => Ok(readers),
        }
    }

    fn is_empty(&self) -> bool {
        self.scanner.is_none() && self.cards.is_empty()
    }

    /// Makes all of them listen; what cannot is done without.
    pub(super) async fn arm(&mut self, deadline: Instant) -> Result<(), DeviceError> {
        let mut failed = None;
        let mut is_armed = false;
        if let Some(scanner) = &mut self.scanner {
            match scanner.arm(deadline).await {
                Ok(()) => is_armed = true,
                Err(error) => failed = Some(error),
            }
        }
        for card in &mut self.cards {
            match card.arm(&self.media, deadline).await {
                Ok(()) => is_armed = true,
                Err(error) => drop(failed.get_or_insert(error)),
            }
        }
        match failed {
            Some(error) if !is_armed => Err(error),
            Some(_) | None => Ok(()),
        }
    }

    /// What is shown first. Dropping the future disarms all.
    pub(super) async fn read(&mut self, deadline: Instant) -> Result<Shown, DeviceError> {
        type Reading<'a> = Pin<Box<dyn Future<Output = Result<Shown, DeviceError>> + Send + 'a>>;
        let mut readings: Vec<Reading<'_>> = Vec::new();
        if let Some(scanner) = &mut self.scanner {
            readings.push(Box::pin(async move {
                let scan = scanner.read(deadline).await;
                scan.map(|scan| Shown::Code(scan.bytes))
            }));
        }
        for card in &mut self.cards {
            readings.push(Box::pin(async move {
                card.read().await.map(|card| Shown::Card(Box::new(card)))
            }));
        }
        let mut lost: Option<DeviceError> = None;
        while !readings.is_empty() {
            let (read, _, others) = select_all(readings).await;
            match read {
                Err(error) if !is_about_what_was_shown(error.code) => {
                    // A device that went away is told of only when nothing else is left.
                    if lost.as_ref().is_none_or(|lost| is_nobody(lost.code)) {
                        lost = Some(error);
                    }
                    readings = others;
                }
                read => return read,
            }
        }
        Err(lost.unwrap_or_else(|| DeviceError {
            code: Code::Internal,
            detail: "nothing was armed".to_owned(),
        }))
    }
}

/// What card readers may be shown.
fn media(wanted: &[CredentialKind]) -> Vec<Medium> {
    let medium = |kind: &CredentialKind| match kind {
        CredentialKind::EVoucher => None,
        CredentialKind::SocialCard => Some(Medium::SocialCard),
        CredentialKind::ResidentId => Some(Medium::ResidentId),
    };
    wanted.iter().filter_map(medium).collect()
}

/// Whether it is said of what was shown, and another may be shown.
pub(super) fn is_about_what_was_shown(code: Code) -> bool {
    matches!(
        code,
        Code::CardPulled
            | Code::CardUnreadable
            | Code::CardUnknownKind
            | Code::CardWantsPin
            | Code::CardOfOtherKind
            | Code::CardReaderSilent
    )
}

fn is_nobody(code: Code) -> bool {
    matches!(code, Code::NobodyScanned | Code::NobodyShowedCard)
}

/// What a card says of its holder, as the platform is told.
pub(super) fn voucher(card: ShownCard) -> (CredentialKind, Voucher) {
    let kind = match card.medium {
        Medium::SocialCard => CredentialKind::SocialCard,
        Medium::ResidentId => CredentialKind::ResidentId,
    };
    let document = Document {
        kind,
        card_no: card.card_no,
        card_sn: card.card_sn,
    };
    let voucher = Voucher {
        ec_token: crate::person::EcToken::default(),
        certno: card.certno,
        name: card.name,
        cert_type: CERT_TYPE_RESIDENT.to_owned(),
        // Where a card was issued is not where its holder is insured.
        insu_org: String::new(),
        document: Some(document),
    };
    (kind, voucher)
}
