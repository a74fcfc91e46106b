//! Claims by schedules of chance: never two owners, never a ghost, nothing that is shown to another's hands.
//!
//! Many run side by side on virtual time: it stands still while anybody can go on, so a busy machine makes a
//! schedule slow and never another one.

#[path = "../../../tests/it/proof/record.rs"]
#[allow(
    clippy::duplicate_mod,
    dead_code,
    unreachable_pub,
    reason = "the integration tests use it too, and more of it"
)]
mod record;

mod card;
mod far;

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use self::far::{Far, Shown};
use self::record::{Found, Proof};
use super::*;
use crate::device::event::{Watched, Watcher, What};

/// Schedules in the short form, and in the long one.
const SCHEDULES: u64 = 100_000;
const SCHEDULES_LONG: u64 = 1_000_000;
/// The same of a card reader: only what is shown to it differs.
const CARD_SCHEDULES: u64 = 20_000;
const CARD_SCHEDULES_LONG: u64 = 200_000;
/// Schedules that run side by side.
const AT_ONCE: u64 = 128;
/// A device that is not free after this never will be.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(start_paused = true)]
async fn claims_of_chance_never_have_two_owners_and_leave_no_ghost() {
    let proof = Proof::begin(
        "claims",
        "Claims of a scanner by chance: never two owners, never a ghost",
        "随机占用扫码枪：绝无双主，绝无残留",
    );
    by_chance(proof, Far::scanner, SCHEDULES, SCHEDULES_LONG).await;
}

#[tokio::test(start_paused = true)]
async fn claims_of_card_readers_by_chance_never_have_two_owners_and_leave_no_ghost() {
    let proof = Proof::begin(
        "claims-cards",
        "Claims of a card reader by chance: never two owners, never a ghost",
        "随机占用读卡器：绝无双主，绝无残留",
    );
    by_chance(proof, Far::card_reader, CARD_SCHEDULES, CARD_SCHEDULES_LONG).await;
}

async fn by_chance(proof: Proof, far: fn() -> Far, short: u64, long: u64) {
    let from = 1_u64;
    let schedules = if record::is_long() { long } else { short };
    let mut told = Told::default();
    let mut running = tokio::task::JoinSet::new();
    for seed in from..from + schedules {
        if u64::try_from(running.len()).unwrap() >= AT_ONCE {
            told.add(&running.join_next().await.unwrap().unwrap());
        }
        running.spawn(Schedule::new(seed, far()).run());
    }
    while let Some(done) = running.join_next().await {
        told.add(&done.unwrap());
    }
    // A wrong one ends the test above: then there is no row.
    proof.end(&Found {
        count: schedules,
        failures: 0,
        seeds: Some((from, from + schedules - 1)),
    });
    println!("{told:?}");
    assert!(told.granted > schedules && told.lease_over > 0 && told.shown > schedules / 20);
}

#[tokio::test]
async fn a_claim_hears_orders_while_its_scanner_is_being_armed() {
    let (hub, board, mut far_end) = Hub::of_far_scanner("scanner");
    board.ready();
    let wish = ClaimWish {
        role: "scanner".into(),
        wait: PATIENCE,
        lease: PATIENCE,
        codes: true,
        purpose: "test".into(),
    };
    let mut news = hub.claim("me", wish, std::future::pending());
    // It is there, and never says that it listens.
    let arm = far_end.recv().await.unwrap();
    let claim_id = hub.list()[0].holder.clone().unwrap().stream;
    hub.renew_claim("me", &claim_id).await.unwrap();
    assert!(!arm.ready.is_closed(), "renewed only when arming was over");
    hub.release_claim("me", &claim_id, false).await.unwrap();
    assert_eq!(hub.list()[0].holder, None);
    assert!(arm.ready.is_closed(), "still being armed for nobody");
    let told = news.recv().await;
    assert!(
        matches!(told, Some(ClaimNews::Ended(ClaimEnd::Released))),
        "{told:?}"
    );
    assert!(far_end.try_recv().is_err(), "armed again for nobody");
}

#[derive(Debug, Default)]
struct Told {
    granted: u64,
    released: u64,
    lease_over: u64,
    killed: u64,
    /// Codes and cards.
    shown: u64,
}

impl Told {
    fn add(&mut self, other: &Told) {
        self.granted += other.granted;
        self.released += other.released;
        self.lease_over += other.lease_over;
        self.killed += other.killed;
        self.shown += other.shown;
    }
}

struct Chance(u64);

impl Chance {
    /// 0 up to, not including, `n`.
    fn below(&mut self, n: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    fn ms(&mut self, n: u64) -> Duration {
        Duration::from_millis(self.below(n) + 1)
    }
}

struct Schedule {
    seed: u64,
    chance: Chance,
    hub: Hub,
    events: Watcher,
    far: Far,
    shown: Shown,
}

impl Schedule {
    fn new(seed: u64, far: Far) -> Self {
        let hub = far.hub().clone();
        Self {
            seed,
            chance: Chance(seed),
            events: hub.watch(None),
            hub,
            far,
            shown: Shown::default(),
        }
    }

    async fn run(mut self) -> Told {
        let mut told = Told::default();
        self.far.comes();
        let sort = self.far.sort();
        let clients: Vec<_> = (0..2 + self.chance.below(4))
            .map(|_| {
                let chance = Chance(self.chance.below(u64::MAX));
                let shown = Arc::clone(&self.shown);
                tokio::spawn(client(self.hub.clone(), sort, chance, shown))
            })
            .collect();
        let chance = Chance(self.chance.below(u64::MAX));
        let line = tokio::spawn(self.far.play(chance, Arc::clone(&self.shown)));
        for client in clients {
            let done = client.await;
            told.add(&done.unwrap_or_else(|error| panic!("seed {}: {error}", self.seed)));
        }
        free(&self.hub, self.seed).await;
        line.abort();
        let mut owner: Option<String> = None;
        while let Some(Watched::Event(event)) = self.events.try_next() {
            if let What::Claimed { by } = event.what {
                assert_eq!(owner.replace(by), None, "seed {}: two owners", self.seed);
            } else if event.what == What::Released {
                assert!(owner.take().is_some(), "seed {}", self.seed);
            }
        }
        told
    }
}

/// Waits until nobody holds the scanner, waits for it or stands in the list of claims.
async fn free(hub: &Hub, seed: u64) {
    let free = async {
        loop {
            let left = &hub.list()[0];
            if left.holder.is_none() && left.waiting == 0 && hub.claims().lock().is_empty() {
                return;
            }
            sleep(Duration::from_millis(1)).await;
        }
    };
    let freed = timeout(PATIENCE, free).await;
    assert!(freed.is_ok(), "seed {seed}: a ghost: {:?}", hub.list()[0]);
}

async fn free_of(hub: &Hub, claim_id: &str) {
    let held = || hub.list()[0].holder.clone();
    let freed = timeout(PATIENCE, async {
        while held().is_some_and(|holder| holder.stream == claim_id) {
            sleep(Duration::from_millis(1)).await;
        }
    });
    assert!(freed.await.is_ok(), "a ghost: {claim_id}");
}

/// What one client lived through. It renews, scans, gives back, dies or hangs, as chance has it.
async fn client(hub: Hub, sort: Sort, mut chance: Chance, shown: Shown) -> Told {
    let mut told = Told::default();
    let me = format!("uid:{}", chance.below(1_000));
    sleep(chance.ms(30)).await;
    let wish = ClaimWish {
        role: far::role(sort).into(),
        wait: chance.ms(100),
        lease: chance.ms(50),
        codes: chance.below(2) == 0 && sort == Sort::Scanner,
        purpose: "chance".into(),
    };
    let each = wish.codes;
    let mut news = hub.claim(me.as_str(), wish, std::future::pending());
    let Some(claim_id) = granted(&mut news).await else {
        return told;
    };
    told.granted += 1;
    let own = |bytes: &[u8]| {
        let at = shown.lock().unwrap().get(bytes).cloned();
        assert_eq!(at.as_deref(), Some(&*claim_id), "in another's hands");
    };
    for _ in 0..1 + chance.below(7) {
        match chance.below(4) {
            0 => drop(hub.renew_claim(&me, &claim_id).await),
            1 if !each => {
                let deadline = Instant::now() + chance.ms(16);
                if let Some(bytes) = far::read(&hub, sort, &me, &claim_id, deadline).await {
                    own(&bytes);
                    told.shown += 1;
                }
            }
            2 => sleep(chance.ms(12)).await,
            _ => {
                let heard = timeout(chance.ms(12), news.recv()).await;
                if let Ok(Some(ClaimNews::Code { scan, .. })) = &heard {
                    own(&scan.bytes);
                    told.shown += 1;
                }
                if let Ok(Some(ClaimNews::Ended(end))) = heard {
                    assert_eq!(end, ClaimEnd::LeaseOver);
                    told.lease_over += 1;
                    return told;
                }
            }
        }
    }
    match chance.below(3) {
        0 => {
            told.killed += 1;
            drop(news);
        }
        1 => {
            if hub.release_claim(&me, &claim_id, false).await.is_ok() {
                told.released += 1;
                let held = hub.list()[0].holder.clone();
                assert!(
                    held.is_none_or(|holder| holder.stream != claim_id),
                    "given back"
                );
            }
        }
        _ => {
            // It hangs, and does not listen any more: the lease ends the claim.
            let hung = news;
            free_of(&hub, &claim_id).await;
            drop(hung);
        }
    }
    told
}

async fn granted(news: &mut mpsc::Receiver<ClaimNews>) -> Option<String> {
    loop {
        match news.recv().await? {
            ClaimNews::Granted { claim_id, .. } => return Some(claim_id),
            ClaimNews::Failed(error) => {
                assert!(far::WHY_NOT.contains(&error.code), "{error}");
                return None;
            }
            ClaimNews::Waiting(_) => {}
            ClaimNews::Code { .. }
            | ClaimNews::Present(_)
            | ClaimNews::Ended(_)
            | ClaimNews::Wrong { .. } => panic!("before the claim began"),
        }
    }
}
