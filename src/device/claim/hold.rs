//! The task that holds one claim. It hears orders, the lease and the holder's end whatever the device does.

mod codes;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};

use self::codes::Codes;
use super::lease::{Lease, Read, Reader};
use super::{ClaimEnd, ClaimNews, ClaimWish, Claimant, ClaimedScan, Order, Sort};
use crate::book::Code;
use crate::device::error::DeviceError;
use crate::device::hub::Hub;
use crate::device::scanner::{Asker, Scan};

/// The last word to a holder that does not listen is waited for so long; the device is free by then.
const FAREWELL_MS_MAX: u64 = 1_000;

/// One claim, while it is held.
struct Held<'a> {
    news: &'a mpsc::Sender<ClaimNews>,
    lease: Lease,
    lease_time: Duration,
    lease_end: Instant,
    /// The end that others are told.
    end_told: Option<Instant>,
    codes: bool,
    seq: u64,
}

/// Waits for the device, holds it, and says how that ended.
pub(super) async fn hold(
    hub: Hub,
    caller: Claimant,
    wish: ClaimWish,
    news: mpsc::Sender<ClaimNews>,
    stop: impl Future<Output = ()> + Send,
) {
    let granted = AtomicBool::new(false);
    let end = tokio::select! {
        end = wait_and_hold(&hub, &caller, wish, &news, &granted) => end,
        () = news.closed() => return,
        () = stop => match granted.load(Ordering::Relaxed) {
            true => Ok(ClaimEnd::Stopping),
            false => {
                let stopping = "the daemon is stopping";
                Err(ClaimNews::Failed(DeviceError::new(Code::ShuttingDown, stopping)))
            }
        },
    };
    // The device is free by now.
    let last = end.map_or_else(|never_began| never_began, ClaimNews::Ended);
    let said = timeout(Duration::from_millis(FAREWELL_MS_MAX), news.send(last)).await;
    if said.is_err() {
        let caller = caller.id;
        tracing::info!(caller, "the holder of a claim did not listen to its end");
    }
}

async fn wait_and_hold(
    hub: &Hub,
    caller: &Claimant,
    wish: ClaimWish,
    news: &mpsc::Sender<ClaimNews>,
    is_granted: &AtomicBool,
) -> Result<ClaimEnd, ClaimNews> {
    is_possible(hub, &wish)?;
    let claim_id = hub.claims().new_id();
    let asker = Asker {
        stream: claim_id.clone(),
        what: wish.purpose.clone(),
        by: caller.shown.clone(),
    };
    let turn = wait_for_turn(hub, asker, &wish, news).await;
    let lease = turn.map_err(ClaimNews::Failed)?;
    is_granted.store(true, Ordering::Relaxed);
    let (_listed, mut inbox) = hub.claims().list(&claim_id, &caller.id);
    let mut held = Held {
        news,
        lease_time: wish.lease,
        lease_end: Instant::now() + wish.lease,
        end_told: None,
        lease,
        codes: wish.codes,
        seq: 0,
    };
    let granted = ClaimNews::Granted {
        claim_id,
        device: held.lease.device().to_owned(),
        lease: wish.lease,
    };
    let (end, done) = held.run(granted, &mut inbox).await;
    drop(held);
    if let Some(done) = done
        && done.send(()).is_err()
    {
        tracing::debug!("nobody waits for the release");
    }
    Ok(end)
}

/// Whether what has this role is claimed at all, and so.
fn is_possible(hub: &Hub, wish: &ClaimWish) -> Result<(), ClaimNews> {
    let wrong = |field, why| Err(ClaimNews::Wrong { field, why });
    match hub.sort_of(&wish.role) {
        Some(Sort::Printer) => {
            let why = "a printer is not claimed: its jobs wait for one another; call Print";
            wrong("role", why)
        }
        Some(Sort::CardReader) if wish.codes => {
            let why = "a card reader gives no codes: call ReadCard with the claim_id";
            wrong("codes", why)
        }
        Some(Sort::Scanner | Sort::CardReader) | None => Ok(()),
    }
}

/// The queue, telling the place whenever it changes.
async fn wait_for_turn(
    hub: &Hub,
    asker: Asker,
    wish: &ClaimWish,
    news: &mpsc::Sender<ClaimNews>,
) -> Result<Lease, DeviceError> {
    let (place, mut places) = watch::channel(0);
    let latest = Instant::now() + wish.wait;
    let turn = Lease::queue(hub, &wish.role, asker, latest, place);
    tokio::pin!(turn);
    loop {
        let ahead = *places.borrow_and_update();
        tokio::select! {
            biased;
            lease = &mut turn => return lease,
            changed = tell_place(news, ahead, &mut places) => if changed.is_err() {
                // The queue has forgotten this place: the turn has come, or the wait is over.
                return turn.await;
            },
        }
    }
}

/// Tells the place, then waits until it changes.
async fn tell_place(
    news: &mpsc::Sender<ClaimNews>,
    ahead: usize,
    places: &mut watch::Receiver<usize>,
) -> Result<(), watch::error::RecvError> {
    if ahead > 0 && news.send(ClaimNews::Waiting(ahead)).await.is_err() {
        return std::future::pending().await;
    }
    places.changed().await
}

type Ended = (ClaimEnd, Option<oneshot::Sender<()>>);

impl Held<'_> {
    /// Orders and the lease are looked at whatever the holder does; what it is told next waits until it listens.
    async fn run(&mut self, granted: ClaimNews, inbox: &mut mpsc::Receiver<Order>) -> Ended {
        let mut presence = self.lease.presence();
        // Granted says that it is there.
        let mut told_present = true;
        let mut changed = false;
        // The lease begins with the word that it is granted, which waits for the listening.
        let mut began = false;
        let mut untold = Some(granted);
        let mut codes = Codes::new(self.codes);
        let mut reader: Option<Reader> = None;
        loop {
            let here = *presence.borrow_and_update();
            // Before anybody is told that it is granted or there: a code shown upon that word must be heard.
            codes.arm(&mut self.lease, here);
            if !began && !codes.are_being_armed() {
                began = true;
                self.lease_end = Instant::now() + self.lease_time;
            }
            self.tell_end(reader.as_ref());
            let present = here && (codes.are_heard() || !self.codes);
            let is_known = !here || !codes.are_being_armed();
            if untold.is_none() && is_known && (present != told_present || changed && present) {
                untold = Some(ClaimNews::Present(present));
                (told_present, changed) = (present, false);
            }
            let lease_end = self.lease_end;
            tokio::select! {
                biased;
                order = inbox.recv() => match order {
                    Some(Order::End(end, done)) => return (end, Some(done)),
                    Some(Order::Renew(reply)) => self.renew(reply),
                    Some(Order::Read(new)) => reader = self.take_reader(reader, new),
                    None => return (ClaimEnd::Released, None),
                },
                room = self.news.reserve(), if began && untold.is_some() => {
                    // A holder that hung up is noticed by whoever waits for that.
                    if let (Ok(room), Some(news)) = (room, untold.take()) {
                        room.send(news);
                    }
                }
                // Who waits for a code or a card is alive.
                () = sleep_until(lease_end), if began && reader.is_none() => {
                    return (ClaimEnd::LeaseOver, None);
                }
                it = presence.changed() => {
                    changed |= it.is_ok();
                    codes.try_again();
                }
                read = codes.next(here, untold.is_none()) => match read {
                    Some(Ok(scan)) => untold = Some(self.code(scan)),
                    // Too long a code, or half of one: the holder sees that its number is missing.
                    Some(Err(_)) => self.seq += 1,
                    None => {}
                },
                read = self.lease.read_for(&mut reader) => self.answer(read, &mut reader),
            }
        }
    }

    fn code(&mut self, scan: Scan) -> ClaimNews {
        self.seq += 1;
        ClaimNews::Code {
            scan,
            seq: self.seq,
        }
    }

    /// Tells who looks until when it is held at the latest: whoever waits for a code or a card is alive as long, and the
    /// lease begins anew then.
    fn tell_end(&mut self, reader: Option<&Reader>) {
        let end = reader.map_or(self.lease_end, |reader| reader.deadline() + self.lease_time);
        if self.end_told.replace(end) != Some(end) {
            self.lease.holds_until(end);
        }
    }

    fn renew(&mut self, reply: oneshot::Sender<Duration>) {
        self.lease_end = Instant::now() + self.lease_time;
        if reply.send(self.lease_time).is_err() {
            tracing::debug!("nobody waits for the renewal");
        }
    }

    /// One reader at a time; with `codes` none, since the codes are on the stream.
    fn take_reader(&mut self, before: Option<Reader>, new: Reader) -> Option<Reader> {
        let before = before.filter(|reader| !reader.is_gone());
        let why_not = match self.lease.reads_for(&new) {
            Err(error) => Some(error),
            Ok(()) if self.codes || before.is_some() => Some(new.busy()),
            Ok(()) => None,
        };
        if let Some(error) = why_not {
            new.refuse(error);
            return before;
        }
        self.lease.begin_anew();
        Some(new)
    }

    fn answer(&mut self, read: Option<Read>, reader: &mut Option<Reader>) {
        let Some(waiting) = reader.take() else { return };
        self.lease_end = Instant::now() + self.lease_time;
        let is_told = match (read, waiting) {
            (Some(Read::Code(read)), Reader::Code { reply, .. }) => {
                reply.send(read.map(|scan| self.claimed(scan))).is_ok()
            }
            (Some(Read::Card(read)), Reader::Card { reply, .. }) => {
                reply.send(read.map(|card| *card)).is_ok()
            }
            // It hung up.
            (Some(_) | None, Reader::Code { .. } | Reader::Card { .. }) => {
                self.lease.disarm();
                true
            }
        };
        if !is_told {
            tracing::info!("who waited for a code or a card is gone");
        }
    }

    fn claimed(&mut self, scan: Scan) -> ClaimedScan {
        self.seq += 1;
        ClaimedScan {
            scan,
            device: self.lease.device().to_owned(),
            seq: self.seq,
        }
    }
}
