//! What a claim holds, and who waits under it for what is shown: the one place that knows scanners and card readers
//! apart.

use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::{ClaimedScan, Sort};
use crate::book::Code;
use crate::device::card::{CardLease, Failure, Medium, ShownCard};
use crate::device::error::DeviceError;
use crate::device::hub::{Hub, ROLE_CARD, ROLE_ID_CARD};
use crate::device::scanner::{Asker, Scan, ScannerLease};

/// What a card reader is claimed for: whatever it reads.
const MEDIA: [Medium; 2] = [Medium::SocialCard, Medium::ResidentId];

/// The device that is held.
pub(super) enum Lease {
    Scanner(ScannerLease),
    Card(Box<CardLease>),
}

/// A wish for what is shown next.
pub(super) enum Reader {
    Code {
        deadline: Instant,
        reply: oneshot::Sender<Result<ClaimedScan, DeviceError>>,
    },
    Card {
        media: Vec<Medium>,
        deadline: Instant,
        reply: oneshot::Sender<Result<ShownCard, DeviceError>>,
    },
}

/// What was shown, or why nothing was.
pub(super) enum Read {
    Code(Result<Scan, DeviceError>),
    Card(Result<Box<ShownCard>, DeviceError>),
}

impl Lease {
    /// Waits for the device of a role, in order of arrival.
    pub(super) async fn queue(
        hub: &Hub,
        role: &str,
        asker: Asker,
        deadline: Instant,
        place: watch::Sender<usize>,
    ) -> Result<Self, DeviceError> {
        let is_card = match hub.sort_of(role) {
            Some(sort) => sort == Sort::CardReader,
            // Told by the name of the role which of them this desk lacks.
            None => [ROLE_CARD, ROLE_ID_CARD].contains(&role),
        };
        if is_card {
            let lease = hub.claim_card(Some(role), &MEDIA, asker, deadline, place);
            return lease.await.map(|lease| Self::Card(Box::new(lease)));
        }
        let lease = hub.claim_scanner(role, asker, deadline, place);
        lease.await.map(Self::Scanner)
    }

    pub(super) fn device(&self) -> &str {
        match self {
            Self::Scanner(scanner) => scanner.device(),
            Self::Card(card) => card.device(),
        }
    }

    /// Says until when at the latest it is held, for whoever looks.
    pub(super) fn holds_until(&self, until: Instant) {
        match self {
            Self::Scanner(scanner) => scanner.holds_until(until),
            Self::Card(card) => card.holds_until(until),
        }
    }

    pub(super) fn presence(&self) -> watch::Receiver<bool> {
        match self {
            Self::Scanner(scanner) => scanner.presence(),
            Self::Card(card) => card.presence(),
        }
    }

    pub(super) fn disarm(&mut self) {
        match self {
            Self::Scanner(scanner) => scanner.disarm(),
            Self::Card(card) => card.disarm(),
        }
    }

    /// Whether this device reads what is asked for.
    pub(super) fn reads_for(&self, reader: &Reader) -> Result<(), DeviceError> {
        let other = |what| Err(DeviceError::new(Code::RequestInvalid, what));
        match (self, reader) {
            (Self::Scanner(_), Reader::Code { .. }) => Ok(()),
            (Self::Card(card), Reader::Card { media, .. }) if card.reads(media) => Ok(()),
            (Self::Card(_), Reader::Card { .. }) => Err(DeviceError::new(
                Code::CardReaderNotConfigured,
                "the claimed card reader reads nothing of what is asked for",
            )),
            (Self::Scanner(_), Reader::Card { .. }) => other("the claim is of a scanner"),
            (Self::Card(_), Reader::Code { .. }) => other("the claim is of a card reader"),
        }
    }

    /// Makes ready for another reader.
    pub(super) fn begin_anew(&mut self) {
        match self {
            Self::Scanner(scanner) => scanner.disarm(),
            Self::Card(card) => card.begin_anew(),
        }
    }

    /// What is shown for who waits; `None` when nobody does any more. Dropping the future loses nothing.
    pub(super) async fn read_for(&mut self, reader: &mut Option<Reader>) -> Option<Read> {
        match (self, reader) {
            (Self::Scanner(scanner), Some(Reader::Code { deadline, reply })) => tokio::select! {
                read = scanner.read_on(*deadline) => Some(Read::Code(read)),
                () = reply.closed() => None,
            },
            (
                Self::Card(card),
                Some(Reader::Card {
                    media,
                    deadline,
                    reply,
                }),
            ) => tokio::select! {
                read = read_card(card, media, *deadline) => Some(Read::Card(read)),
                () = reply.closed() => None,
            },
            // What does not fit was refused before; see `reads_for`.
            (Self::Scanner(_), Some(Reader::Card { .. }) | None)
            | (Self::Card(_), Some(Reader::Code { .. }) | None) => std::future::pending().await,
        }
    }
}

async fn read_card(
    card: &mut CardLease,
    media: &[Medium],
    deadline: Instant,
) -> Result<Box<ShownCard>, DeviceError> {
    card.arm(media, deadline).await?;
    let read = card.read().await;
    read.map(Box::new).map_err(Failure::error)
}

impl Reader {
    pub(super) fn deadline(&self) -> Instant {
        match self {
            Self::Code { deadline, .. } | Self::Card { deadline, .. } => *deadline,
        }
    }

    pub(super) fn is_gone(&self) -> bool {
        match self {
            Self::Code { reply, .. } => reply.is_closed(),
            Self::Card { reply, .. } => reply.is_closed(),
        }
    }

    pub(super) fn refuse(self, error: DeviceError) {
        let is_told = match self {
            Self::Code { reply, .. } => reply.send(Err(error)).is_ok(),
            Self::Card { reply, .. } => reply.send(Err(error)).is_ok(),
        };
        if !is_told {
            tracing::debug!("who is refused is gone");
        }
    }

    /// Others read before it under the same claim.
    pub(super) fn busy(&self) -> DeviceError {
        match self {
            Self::Code { .. } => DeviceError::new(
                Code::ScannerBusy,
                "the claim gives its codes on its stream, or another Scan waits under it",
            ),
            Self::Card { .. } => DeviceError::new(
                Code::CardReaderBusy,
                "another ReadCard waits under the claim",
            ),
        }
    }
}
