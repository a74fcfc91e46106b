//! What a settlement holds while somebody shows something: the scanner, the card readers, all armed at once. The
//! first complete one wins.
//!
//! Each device is queued for by itself and armed as soon as it is held: none is kept unarmed while another is
//! waited for, and whoever holds one waits for the others no longer than for what is shown. A device that goes away
//! is done without while another listens or may still come, and joined again when it is back.
//!
//! ```text
//! Away ─► Joining ─► Held ─► armed ─► shown
//!   ▲        │         ▲──┬───┘ lost, or a card that cannot be read
//!   └────────┴────────────┘ not there, not free in time
//! ```

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::select_all;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use zeroize::Zeroizing;

use crate::book::Code;
use crate::device::{
    Asker, CardFailure, CardLease, DeviceError, Hub, Medium, ROLE_SCANNER, ScannerLease, ShownCard,
};
use crate::person::{EcToken, IdNo};
use crate::settlement::known::{Document, Voucher};
use crate::settlement::order::CredentialKind;

/// 证件类型 of a 居民身份证.
const CERT_TYPE_RESIDENT: &str = "01";
/// 证件类型 of a 外国人永久居留证.
const CERT_TYPE_FOREIGN_RESIDENT: &str = "07";
/// 证件类型 of any other document.
const CERT_TYPE_OTHER: &str = "99";
/// Longest wait for a device's turn.
const QUEUE_WAIT_MS_MAX: u64 = 300_000;
/// A device that was lost is asked for again after so long.
const AGAIN_MS: u64 = 500;

/// The devices that somebody may show something to.
pub(super) struct Readers {
    sources: Vec<Source>,
    asks: Asks,
    place: watch::Sender<usize>,
    /// No card reader of this desk reads what may be shown.
    unread: Option<DeviceError>,
}

/// What was shown.
pub(super) enum Shown {
    /// A code, as it came from the scanner.
    Code(Zeroizing<Vec<u8>>),
    /// A card.
    Card(Box<ShownCard>),
    /// It could not be read, or is of no use here; another may be shown. Whatever else is armed stays so.
    Unread(Code),
}

/// Who asks for the devices, and what for.
struct Asks {
    hub: Hub,
    asker: Asker,
    media: Vec<Medium>,
}

/// One device.
struct Source {
    index: usize,
    role: String,
    slot: Slot,
    place: watch::Receiver<usize>,
    /// It listens, or may in a moment: nothing was heard yet of why not.
    is_hoped: bool,
    not_before: Instant,
}

enum Slot {
    Away,
    /// A place in the queue. Behind a lock only so that it can be shared; nobody but its source touches it.
    Joining(Mutex<Claim>),
    Held(Lease),
    Armed(Lease),
}

type Claim = Pin<Box<dyn Future<Output = Result<Lease, DeviceError>> + Send>>;

enum Lease {
    Scanner(ScannerLease),
    Card(Box<CardLease>),
}

/// How long what is shown is waited for.
#[derive(Clone, Copy)]
enum Span {
    /// So long from arming on.
    From(Duration),
    /// Until then.
    Until(Instant),
}

/// What a device says.
enum Heard {
    /// So many are before us.
    Place(usize),
    /// It listens, until then.
    Armed(Instant),
    Shown(Shown),
    Lost(DeviceError),
}

impl Readers {
    /// What reads these credentials. `place` is told how many are before this asker while nothing is armed.
    pub(super) fn new(
        hub: Hub,
        wanted: &[CredentialKind],
        asker: Asker,
        place: watch::Sender<usize>,
    ) -> Self {
        let media = media(wanted);
        let mut roles = hub.card_roles(&media);
        let none = "no card reader reads what may be shown";
        let unread = (roles.is_empty() && !media.is_empty())
            .then(|| DeviceError::new(Code::CardReaderNotConfigured, none));
        if wanted.contains(&CredentialKind::EVoucher) {
            roles.insert(0, ROLE_SCANNER.to_owned());
        }
        let sources = roles.into_iter().enumerate();
        Self {
            sources: sources.map(|(i, role)| Source::new(i, role)).collect(),
            asks: Asks { hub, asker, media },
            place,
            unread,
        }
    }

    /// The same, telling another one.
    pub(super) fn telling(self, place: watch::Sender<usize>) -> Self {
        Self { place, ..self }
    }

    /// Waits until one of them listens; gives back until when it does. Dropping the future keeps the places in the
    /// queues.
    pub(super) async fn arm(&mut self, wait: Duration) -> Result<Instant, DeviceError> {
        for source in &mut self.sources {
            source.is_hoped = true;
        }
        if self.sources.iter().any(Source::is_armed) {
            return Ok(Instant::now() + wait);
        }
        loop {
            if let Heard::Armed(until) = self.hear(Span::From(wait)).await? {
                return Ok(until);
            }
        }
    }

    /// What is shown first; the devices that do not listen yet join meanwhile. Dropping the future loses nothing.
    pub(super) async fn read(&mut self, deadline: Instant) -> Result<Shown, DeviceError> {
        loop {
            if let Heard::Shown(shown) = self.hear(Span::Until(deadline)).await? {
                if !matches!(shown, Shown::Unread(_)) {
                    self.rest();
                }
                return Ok(shown);
            }
        }
    }

    /// Others held them to the end.
    pub(super) fn none_listened(&self) -> DeviceError {
        let first = self.sources.first();
        let role = first.map_or(ROLE_SCANNER, |source| source.role.as_str());
        self.asks.busy(role)
    }

    /// Nothing listens, and nobody stands in a queue, while what was shown is looked at.
    pub(super) fn rest(&mut self) {
        for source in &mut self.sources {
            source.rest();
        }
    }

    /// Goes on with all of them until one listens or something was shown; an error: nothing is left to hope for.
    async fn hear(&mut self, span: Span) -> Result<Heard, DeviceError> {
        let (asks, place) = (&self.asks, &self.place);
        let mut lost = self.unread.clone();
        let mut hoped = self.sources.iter().filter(|it| it.is_hoped).count();
        let mut places = vec![None; self.sources.len()];
        let step = |source| Source::step(source, asks, span);
        let mut steps: Vec<Step<'_>> = self.sources.iter_mut().map(step).collect();
        while hoped > 0 {
            let ((source, heard), _, others) = select_all(steps).await;
            steps = others;
            places[source.index] = None;
            match heard {
                Heard::Place(ahead) => {
                    places[source.index] = Some(ahead);
                    let least = places.iter().flatten().min().copied().unwrap_or(ahead);
                    place.send_if_modified(|told| std::mem::replace(told, least) != least);
                }
                Heard::Lost(error) => {
                    tracing::info!(role = source.role, %error, "done without");
                    hoped -= usize::from(std::mem::take(&mut source.is_hoped));
                    lost = Some(worse(lost, error));
                }
                heard @ (Heard::Armed(_) | Heard::Shown(_)) => {
                    source.is_hoped = true;
                    return Ok(heard);
                }
            }
            steps.push(step(source));
        }
        Err(lost.unwrap_or_else(|| DeviceError::new(Code::Internal, "nothing was to be armed")))
    }
}

type Step<'a> = Pin<Box<dyn Future<Output = (&'a mut Source, Heard)> + Send + 'a>>;

impl Source {
    fn new(index: usize, role: String) -> Self {
        Self {
            index,
            role,
            slot: Slot::Away,
            place: watch::channel(0).1,
            is_hoped: true,
            not_before: Instant::now(),
        }
    }

    fn is_armed(&self) -> bool {
        matches!(self.slot, Slot::Armed(_))
    }

    fn step<'a>(source: &'a mut Self, asks: &'a Asks, span: Span) -> Step<'a> {
        Box::pin(async move {
            let heard = source.hear(asks, span).await;
            (source, heard)
        })
    }

    /// Goes on until there is something to say. What was reached is kept when the future is dropped.
    async fn hear(&mut self, asks: &Asks, span: Span) -> Heard {
        loop {
            match &mut self.slot {
                Slot::Away => {
                    sleep_until(self.not_before).await;
                    let (told, place) = watch::channel(0);
                    self.place = place;
                    self.slot = Slot::Joining(Mutex::new(asks.claim(&self.role, told)));
                }
                Slot::Joining(claim) => {
                    let claim = claim.get_mut().unwrap_or_else(PoisonError::into_inner);
                    let claimed = tokio::select! {
                        biased;
                        claimed = claim => claimed,
                        Ok(()) = self.place.changed() => {
                            return Heard::Place(*self.place.borrow_and_update());
                        }
                        () = span.over() => Err(asks.busy(&self.role)),
                    };
                    match claimed {
                        Ok(lease) => self.slot = Slot::Held(lease),
                        Err(error) => return self.lost(error, false),
                    }
                }
                Slot::Held(lease) => {
                    sleep_until(self.not_before).await;
                    let until = span.later();
                    match lease.arm(&asks.media, until).await {
                        Ok(()) => {
                            self.swap(Slot::Armed);
                            // Somebody is asked to show something now, not when arming began.
                            return Heard::Armed(span.later());
                        }
                        Err(error) => return self.lost(error, false),
                    }
                }
                Slot::Armed(lease) => {
                    let read = lease.read(span.later()).await;
                    self.swap(Slot::Held);
                    match read {
                        Ok(shown) => return Heard::Shown(shown),
                        // It was armed for an earlier deadline.
                        Err(error) if error.code.is_nobody() && !span.is_over() => {}
                        Err(error) => return self.lost(error, true),
                    }
                }
            }
        }
    }

    fn lost(&mut self, error: DeviceError, keeps_its_place: bool) -> Heard {
        if !keeps_its_place {
            self.slot = Slot::Away;
        }
        self.not_before = Instant::now() + Duration::from_millis(AGAIN_MS);
        Heard::Lost(error)
    }

    fn rest(&mut self) {
        match std::mem::replace(&mut self.slot, Slot::Away) {
            Slot::Away | Slot::Joining(_) => {}
            Slot::Held(mut lease) | Slot::Armed(mut lease) => {
                lease.disarm();
                self.slot = Slot::Held(lease);
            }
        }
    }

    /// Puts the lease, if there is one, into this slot.
    fn swap(&mut self, slot: impl FnOnce(Lease) -> Slot) {
        self.slot = match std::mem::replace(&mut self.slot, Slot::Away) {
            Slot::Held(lease) | Slot::Armed(lease) => slot(lease),
            other @ (Slot::Away | Slot::Joining(_)) => other,
        };
    }
}

impl Asks {
    fn claim(&self, role: &str, place: watch::Sender<usize>) -> Claim {
        let (hub, asker, media) = (self.hub.clone(), self.asker.clone(), self.media.clone());
        let role = role.to_owned();
        let deadline = Instant::now() + Duration::from_millis(QUEUE_WAIT_MS_MAX);
        Box::pin(async move {
            if role == ROLE_SCANNER {
                let claimed = hub.claim_scanner(&role, asker, deadline, place).await;
                return claimed.map(Lease::Scanner);
            }
            let claimed = hub.claim_card(Some(&role), &media, asker, deadline, place);
            claimed.await.map(|lease| Lease::Card(Box::new(lease)))
        })
    }

    fn busy(&self, role: &str) -> DeviceError {
        let code = if role == ROLE_SCANNER {
            Code::ScannerBusy
        } else {
            Code::CardReaderBusy
        };
        let stream = &self.asker.stream;
        DeviceError::new(code, format!("{role}: not free in time for {stream}"))
    }
}

impl Lease {
    async fn arm(&mut self, media: &[Medium], deadline: Instant) -> Result<(), DeviceError> {
        match self {
            Self::Scanner(scanner) => scanner.arm(deadline).await,
            Self::Card(card) => card.arm(media, deadline).await,
        }
    }

    /// Dropping the future loses nothing. An error: nothing is said of what was shown.
    async fn read(&mut self, deadline: Instant) -> Result<Shown, DeviceError> {
        match self {
            Self::Scanner(scanner) => match scanner.read_on(deadline).await {
                Ok(scan) => Ok(Shown::Code(scan.bytes)),
                // Longer than any code, a part of one, or one of another length: it can be shown again.
                Err(error)
                    if matches!(
                        error.code,
                        Code::CodeUnknownKind | Code::CodeIncomplete | Code::CodeLengthDiffers
                    ) =>
                {
                    Ok(Shown::Unread(error.code))
                }
                Err(error) => Err(error),
            },
            Self::Card(card) => match card.read().await {
                Ok(card) => Ok(Shown::Card(Box::new(card))),
                Err(CardFailure::Card(error)) => Ok(Shown::Unread(error.code)),
                Err(CardFailure::Reader(error) | CardFailure::Way(error)) => Err(error),
            },
        }
    }

    fn disarm(&mut self) {
        match self {
            Self::Scanner(scanner) => scanner.disarm(),
            Self::Card(card) => card.disarm(),
        }
    }
}

impl Span {
    fn later(self) -> Instant {
        match self {
            Self::From(wait) => Instant::now() + wait,
            Self::Until(deadline) => deadline,
        }
    }

    fn is_over(self) -> bool {
        self.later() <= Instant::now()
    }

    async fn over(self) {
        match self {
            // Each claim has its own end.
            Self::From(_) => std::future::pending().await,
            Self::Until(deadline) => sleep_until(deadline).await,
        }
    }
}

/// What is told when nothing is left: that nobody showed anything to a device that listened to the end, else what
/// was wrong first.
fn worse(known: Option<DeviceError>, error: DeviceError) -> DeviceError {
    match known {
        Some(known) if known.code.is_nobody() || !error.code.is_nobody() => known,
        Some(_) | None => error,
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
        ec_token: EcToken::default(),
        cert_type: cert_type(&card.certno).to_owned(),
        certno: card.certno,
        name: card.name,
        // Where a card was issued is not where its holder is insured.
        insu_org: String::new(),
        document: Some(document),
    };
    (kind, voucher)
}

/// 证件类型 by the form of the number: a 社保卡 has its holder's and does not say what document that is. The
/// 外国人永久居留证 has three letters and twelve digits, or, since 2023, eighteen digits that begin with 9.
fn cert_type(certno: &IdNo) -> &'static str {
    let no = certno.expose().as_bytes();
    let letters_then_digits = no.len() == 15
        && no[..3].iter().all(u8::is_ascii_alphabetic)
        && no[3..].iter().all(u8::is_ascii_digit);
    match no.first() {
        Some(b'9') if certno.is_resident_id() => CERT_TYPE_FOREIGN_RESIDENT,
        _ if certno.is_resident_id() => CERT_TYPE_RESIDENT,
        _ if letters_then_digits => CERT_TYPE_FOREIGN_RESIDENT,
        _ => CERT_TYPE_OTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_wait_begins_when_a_scanner_listens() {
        let (hub, board, mut far_end) = Hub::of_far_scanner(ROLE_SCANNER);
        board.ready();
        let asker = Asker {
            stream: "s".to_owned(),
            what: "test".to_owned(),
            by: String::new(),
        };
        let place = watch::channel(0).0;
        let mut readers = Readers::new(hub, &[CredentialKind::EVoucher], asker, place);
        let wait = Duration::from_secs(60);
        let listens = async {
            let order = far_end.recv().await.expect("it is armed");
            let at = Instant::now();
            order.ready.send(()).expect("it is waited for");
            at
        };
        let (until, listens_at) = tokio::join!(readers.arm(wait), listens);
        assert!(until.expect("it listens") >= listens_at + wait);
    }

    #[test]
    fn a_number_says_what_document_it_is_of() {
        // Invented; the check characters are right.
        for (no, expected) in [
            ("110101199003070011", "01"),
            ("911156199001010010", "07"),
            ("ABC123456789012", "07"),
            ("E12345678", "99"),
            ("", "99"),
        ] {
            let no = IdNo::new(no);
            assert_eq!(cert_type(&no), expected);
        }
    }
}
