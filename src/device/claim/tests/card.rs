//! Claims of a card reader, step by step: who reads under them, when they end, who comes next.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, advance};

use super::super::*;
use super::far;
use crate::device::card::{self, Bench, CardLease, CardReader, Failure};
use crate::device::owned::Family;
use crate::device::{Asker, ROLE_CARD};

const LEASE: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(30);
const SOCIAL: [Medium; 1] = [Medium::SocialCard];

/// A reader that is there, its claim by "me", and the claim's id.
struct Held {
    hub: Hub,
    bench: Bench,
    orders: mpsc::Receiver<card::Order>,
    news: mpsc::Receiver<ClaimNews>,
    claim_id: String,
}

impl Held {
    async fn new() -> Self {
        let (hub, bench, orders) = Hub::of_far_card_reader(ROLE_CARD);
        bench.is_there();
        let mut news = hub.claim("me", wish(false), std::future::pending());
        let claim_id = super::granted(&mut news).await.expect("it is free");
        Self {
            hub,
            bench,
            orders,
            news,
            claim_id,
        }
    }

    /// A reading under the claim, by this caller.
    fn read(&self, caller: &'static str, media: &[Medium], wait: Duration) -> Reading {
        let (hub, claim_id, media) = (self.hub.clone(), self.claim_id.clone(), media.to_vec());
        let deadline = Instant::now() + wait;
        tokio::spawn(async move {
            let read = hub.read_card_claimed(caller, &claim_id, &media, deadline);
            read.await.map_err(|error| error.code)
        })
    }

    /// The next order that somebody waits for; its asker is told that the reader reads.
    async fn armed(&mut self) -> card::Order {
        loop {
            let mut order = self.orders.recv().await.expect("the hub lives");
            let (nobody, _) = oneshot::channel();
            let ready = std::mem::replace(&mut order.ready, nobody);
            if ready.send(()).is_ok() {
                return order;
            }
        }
    }

    /// Somebody who waits for the reader itself.
    fn next(&self) -> tokio::task::JoinHandle<CardLease> {
        let hub = self.hub.clone();
        let asker = Asker {
            stream: "next".into(),
            what: "read_card".into(),
            by: String::new(),
        };
        tokio::spawn(async move {
            let (latest, place) = (Instant::now() + PATIENCE, watch::Sender::new(0));
            let lease = hub.claim_card(None, &SOCIAL, asker, latest, place).await;
            lease.expect("it becomes free")
        })
    }

    fn holder(&self) -> Option<String> {
        self.hub.list()[0]
            .holder
            .clone()
            .map(|holder| holder.stream)
    }
}

type Reading = tokio::task::JoinHandle<Result<ShownCard, Code>>;

fn wish(codes: bool) -> ClaimWish {
    ClaimWish {
        role: ROLE_CARD.into(),
        wait: PATIENCE,
        lease: LEASE,
        codes,
        purpose: "test".into(),
    }
}

/// Lets all that can go on do so.
async fn settle() {
    advance(Duration::from_millis(1)).await;
    tokio::task::yield_now().await;
}

#[tokio::test(start_paused = true)]
async fn a_card_is_read_under_its_claim_by_one_at_a_time() {
    let mut held = Held::new().await;
    let first = held.read("me", &SOCIAL, PATIENCE);
    let order = held.armed().await;
    let second = held.read("me", &SOCIAL, PATIENCE).await.unwrap();
    assert_eq!(second.unwrap_err(), Code::CardReaderBusy);
    let others = held.read("another", &SOCIAL, PATIENCE).await.unwrap();
    assert_eq!(others.unwrap_err(), Code::ClaimUnknown);
    let latest = Instant::now() + PATIENCE;
    let code = held.hub.scan_claimed("me", &held.claim_id, latest).await;
    assert_eq!(code.unwrap_err().code, Code::RequestInvalid);
    assert!(order.answer.send(Ok(far::card("7"))).is_ok());
    let card = first.await.unwrap().unwrap();
    assert_eq!(card.card_no.expose(), "7");
    assert_eq!(held.holder().as_ref(), Some(&held.claim_id));
}

#[tokio::test(start_paused = true)]
async fn what_the_reader_does_not_read_is_refused_at_once() {
    let mut held = Held::new().await;
    let resident = held.read("me", &[Medium::ResidentId], PATIENCE);
    let resident = resident.await.unwrap();
    assert_eq!(resident.unwrap_err(), Code::CardReaderNotConfigured);
    let latest = Instant::now() + PATIENCE;
    let code = held.hub.scan_claimed("me", &held.claim_id, latest).await;
    assert_eq!(code.unwrap_err().code, Code::RequestInvalid);
    assert!(held.orders.try_recv().is_err(), "armed for nobody");
    let codes = held.hub.claim("me", wish(true), std::future::pending());
    let told = { codes }.recv().await;
    assert!(
        matches!(told, Some(ClaimNews::Wrong { field: "codes", .. })),
        "{told:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_scanners_claim_reads_no_card() {
    let (hub, board, _far_end) = Hub::of_far_scanner("scanner");
    board.ready();
    let wish = ClaimWish {
        role: "scanner".into(),
        ..wish(false)
    };
    let mut news = hub.claim("me", wish, std::future::pending());
    let claim_id = super::granted(&mut news).await.unwrap();
    let latest = Instant::now() + PATIENCE;
    let read = hub.read_card_claimed("me", &claim_id, &SOCIAL, latest);
    assert_eq!(read.await.unwrap_err().code, Code::RequestInvalid);
}

#[tokio::test(start_paused = true)]
async fn each_reading_under_a_claim_tries_the_card_anew() {
    let mut held = Held::new().await;
    for _ in 0..2 {
        let reading = held.read("me", &SOCIAL, PATIENCE);
        let order = held.armed().await;
        assert!(!order.is_again, "the caller asks for this very card");
        let bad = Failure::card(Code::CardUnreadable, "test");
        assert!(order.answer.send(Err(bad)).is_ok());
        assert_eq!(reading.await.unwrap().unwrap_err(), Code::CardUnreadable);
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_card_keeps_its_claim_and_who_is_silent_loses_it() {
    let mut held = Held::new().await;
    let next = held.next();
    let reading = held.read("me", &SOCIAL, 5 * LEASE);
    let _order = held.armed().await;
    assert_eq!(reading.await.unwrap().unwrap_err(), Code::NobodyShowedCard);
    assert_eq!(held.holder().as_ref(), Some(&held.claim_id));
    // The lease begins anew with the answer.
    let silent_since = Instant::now();
    let told = held.news.recv().await;
    assert!(
        matches!(told, Some(ClaimNews::Ended(ClaimEnd::LeaseOver))),
        "{told:?}"
    );
    assert_eq!(silent_since.elapsed(), LEASE);
    let lease = next.await.unwrap();
    assert_eq!(held.holder().as_deref(), Some("next"));
    drop(lease);
    assert_eq!(held.holder(), None);
    let over = held.read("me", &SOCIAL, PATIENCE).await.unwrap();
    assert_eq!(over.unwrap_err(), Code::ClaimUnknown);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_hangs_up_disarms_and_keeps_its_claim() {
    let mut held = Held::new().await;
    let reading = held.read("me", &SOCIAL, PATIENCE);
    let order = held.armed().await;
    reading.abort();
    settle().await;
    assert!(order.answer.is_closed(), "still armed for nobody");
    assert_eq!(held.holder().as_ref(), Some(&held.claim_id));
    let reading = held.read("me", &SOCIAL, PATIENCE);
    let order = held.armed().await;
    assert!(order.answer.send(Ok(far::card("8"))).is_ok());
    assert_eq!(reading.await.unwrap().unwrap().card_no.expose(), "8");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_claim_disarms_and_the_next_has_the_reader() {
    type End = fn(&mut Held) -> Option<ClaimEnd>;
    let ends: [End; 3] = [
        |_| Some(ClaimEnd::TakenAway),
        |_| Some(ClaimEnd::Released),
        |held| {
            // Killed.
            held.news.close();
            None
        },
    ];
    for end in ends {
        let mut held = Held::new().await;
        let reading = held.read("me", &SOCIAL, PATIENCE);
        let order = held.armed().await;
        let next = held.next();
        settle().await;
        assert_eq!(held.hub.list()[0].waiting, 1);
        let expected = end(&mut held);
        if let Some(expected) = expected {
            let admin = if expected == ClaimEnd::TakenAway {
                "an admin"
            } else {
                "me"
            };
            let released = held.hub.release_claim(admin, &held.claim_id, true).await;
            released.unwrap();
            assert_eq!(held.holder().as_deref(), Some("next"));
            let told = held.news.recv().await;
            assert!(
                matches!(told, Some(ClaimNews::Ended(end)) if end == expected),
                "{told:?}"
            );
        }
        let _lease = next.await.unwrap();
        assert!(order.answer.is_closed(), "armed for who holds it no more");
        assert_eq!(reading.await.unwrap().unwrap_err(), Code::ClaimUnknown);
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_reload_the_reader_has_one_owner_and_it_is_named() {
    let held = Held::new().await;
    let mut comes = None;
    held.hub.exchange(|board, queue| {
        let (reader, bench, orders) = CardReader::new(board, &SOCIAL, queue);
        comes = Some((bench, orders));
        Family::Card(reader)
    });
    let (bench, _orders) = comes.unwrap();
    bench.is_there();
    let mut news = held.hub.claim("next", wish(false), std::future::pending());
    let told = news.recv().await;
    assert!(matches!(told, Some(ClaimNews::Waiting(1))), "{told:?}");
    assert_eq!(held.holder().as_ref(), Some(&held.claim_id));
    // Its id is good for giving it back, also for an admin.
    let released = held.hub.release_claim("an admin", &held.claim_id, true);
    released.await.unwrap();
    let next = super::granted(&mut news).await.expect("it is free");
    assert_eq!(held.holder(), Some(next));
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_goes_is_told_and_keeps_its_claim() {
    let mut held = Held::new().await;
    for _ in 0..2 {
        let gone = DeviceError::new(Code::CardReaderUnplugged, "test");
        held.bench.is_gone(&gone);
        let told = held.news.recv().await;
        assert!(matches!(told, Some(ClaimNews::Present(false))), "{told:?}");
        held.bench.is_there();
        let told = held.news.recv().await;
        assert!(matches!(told, Some(ClaimNews::Present(true))), "{told:?}");
    }
    held.hub.renew_claim("me", &held.claim_id).await.unwrap();
    let reading = held.read("me", &SOCIAL, PATIENCE);
    let order = held.armed().await;
    assert!(order.answer.send(Ok(far::card("9"))).is_ok());
    assert!(reading.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_waits_for_the_reader_is_granted_without_news_of_presence() {
    let (hub, bench, _orders) = Hub::of_far_card_reader(ROLE_CARD);
    let mut news = hub.claim("me", wish(false), std::future::pending());
    settle().await;
    bench.is_there();
    super::granted(&mut news).await.expect("it came in time");
    let told = news.recv().await;
    assert!(
        matches!(told, Some(ClaimNews::Ended(ClaimEnd::LeaseOver))),
        "{told:?}"
    );
}
