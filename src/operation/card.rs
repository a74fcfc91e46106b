//! Reading a card for a caller. Who read whose card is in the journal before the caller has it.

use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::ask::{CallerId, Failure};
use super::operations::Operations;
use super::scan::under_claim;
use crate::book::Code;
use crate::device::{Asker, CardFailure, DeviceError, Hub, Medium, ShownCard};
use crate::journal::{Append, NewEvent, PersonKeyInput, StreamHead};

/// The `kind` of the stream of one reading.
const STREAM_KIND: &str = "card_reading";
/// Version of its rows.
const VERSION: u16 = 1;
/// How long a card is waited for when the caller does not say.
const WAIT_MS_DEFAULT: u32 = 30_000;
/// How long it can be waited for.
pub const CARD_WAIT_MS_MAX: u32 = 300_000;
/// The answer must reach a caller that set a deadline before it.
const ANSWER_MS: u64 = 50;

/// A card that a caller wants to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardWish {
    /// The reader's role; none: all of those that patients show cards to, as far as they read what is wanted.
    pub role: Option<String>,
    /// What may be shown; at least one.
    pub media: Vec<Medium>,
    /// How long to wait for it; 0: as usual.
    pub wait_ms: u32,
    /// Under this claim of the caller's; the role is not looked at then.
    pub claim_id: Option<String>,
}

impl Operations {
    /// Reads the card that lies in the reader, or the next one. Dropping the future frees the reader.
    ///
    /// # Errors
    /// Why no card was read; `CLAIM_UNKNOWN` for a claim that is not the caller's or is over; `JOURNAL_REFUSES` when
    /// the reading cannot be recorded.
    pub async fn read_card(
        &self,
        caller: CallerId,
        wish: CardWish,
        deadline: Option<Duration>,
    ) -> Result<ShownCard, Failure> {
        if let Some(refuses) = self.journal_refuses() {
            return Err(refuses);
        }
        let wait_ms = match wish.wait_ms {
            0 => WAIT_MS_DEFAULT,
            wait_ms => wait_ms.min(CARD_WAIT_MS_MAX),
        };
        let wait = Duration::from_millis(u64::from(wait_ms));
        let answer = Duration::from_millis(ANSWER_MS);
        let wait = deadline.map_or(wait, |deadline| wait.min(deadline.saturating_sub(answer)));
        let latest = Instant::now() + wait;
        let stream = format!("card-{}", uuid::Uuid::now_v7());
        let hub = &self.parts().hub;
        if let Some(claim_id) = &wish.claim_id {
            let read = hub.read_card_claimed(&caller.id, claim_id, &wish.media, latest);
            let shown = read.await.map_err(under_claim)?;
            self.record(stream, &caller, &shown, true).await?;
            return Ok(shown);
        }
        let asker = Asker {
            stream: stream.clone(),
            what: "read_card".to_owned(),
            by: caller.shown.clone(),
        };
        let shown = read_at_any(hub, &wish, &asker, latest);
        let shown = shown.await.map_err(failed)?;
        self.record(stream, &caller, &shown, false).await?;
        Ok(shown)
    }

    /// Who read whose card, and whether under a claim.
    async fn record(
        &self,
        stream: String,
        caller: &CallerId,
        shown: &ShownCard,
        claimed: bool,
    ) -> Result<(), Failure> {
        let medium = match shown.medium {
            Medium::SocialCard => "social_card",
            Medium::ResidentId => "resident_id",
        };
        let summary = serde_json::json!({ "medium": medium, "kind": shown.kind });
        let mut body = summary.clone();
        body["door"] = caller.door.into();
        body["claimed"] = claimed.into();
        let sealed = serde_json::json!({
            "name": shown.name.expose(),
            "certno": shown.certno.expose(),
            "card_no": shown.card_no.expose(),
        });
        let at_ms = self.parts().clock.now_ms();
        let event = NewEvent::new("card_read", VERSION, at_ms, body.to_string())
            .sealing(Zeroizing::new(sealed.to_string().into_bytes()));
        let head = StreamHead {
            person: Some(PersonKeyInput::new(shown.certno.expose())),
            summary: summary.to_string(),
            ..StreamHead::closed(STREAM_KIND, &caller.id)
        };
        let append = Append {
            stream,
            after: Some(0),
            events: vec![event],
            head,
            marks: Vec::new(),
        };
        let written = self.parts().journal.append(append).await;
        written.map(drop).map_err(|error| {
            tracing::error!(%error, "the reading of a card cannot be recorded");
            Failure::new(Code::JournalRefuses, "the reading cannot be recorded")
        })
    }
}

/// The card that is shown first, at whichever reader; the others are free then. A reader that cannot be used is done
/// without while another listens.
async fn read_at_any(
    hub: &Hub,
    wish: &CardWish,
    asker: &Asker,
    latest: Instant,
) -> Result<ShownCard, DeviceError> {
    let mut roles: Vec<Option<String>> = match &wish.role {
        Some(role) => vec![Some(role.clone())],
        None => hub.card_roles(&wish.media).into_iter().map(Some).collect(),
    };
    if roles.is_empty() {
        // Said by who looks for one.
        roles.push(None);
    }
    let readings = roles.iter();
    let mut readings: FuturesUnordered<_> = readings
        .map(|role| read_at(hub, role.as_deref(), &wish.media, asker.clone(), latest))
        .collect();
    let mut lost: Option<DeviceError> = None;
    while let Some(read) = readings.next().await {
        let error = match read {
            Ok(shown) => return Ok(shown),
            Err(CardFailure::Card(error)) => return Err(error),
            Err(CardFailure::Reader(error) | CardFailure::Way(error)) => error,
        };
        lost = match lost {
            // That nobody showed anything says more than what was wrong with another reader.
            Some(known) if known.code.is_nobody() || !error.code.is_nobody() => Some(known),
            Some(_) | None => Some(error),
        };
    }
    Err(lost.unwrap_or_else(|| DeviceError::new(Code::Internal, "nothing was to be armed")))
}

async fn read_at(
    hub: &Hub,
    role: Option<&str>,
    media: &[Medium],
    asker: Asker,
    latest: Instant,
) -> Result<ShownCard, CardFailure> {
    let (place, _) = tokio::sync::watch::channel(0);
    let claimed = hub.claim_card(role, media, asker, latest, place).await;
    let mut lease = claimed.map_err(CardFailure::Reader)?;
    lease.holds_until(latest);
    let armed = lease.arm(media, latest).await;
    armed.map_err(CardFailure::Reader)?;
    lease.read().await
}

fn failed(error: DeviceError) -> Failure {
    Failure::new(error.code, error.detail)
}
