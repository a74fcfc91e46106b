//! The task that holds one claim. It hears orders, the lease and the holder's end whatever the scanner does.

mod codes;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};

use self::codes::Codes;
use super::{ClaimEnd, ClaimNews, ClaimWish, ClaimedScan, Order};
use crate::book::Code;
use crate::device::error::DeviceError;
use crate::device::hub::Hub;
use crate::device::scanner::{Asker, Scan, ScannerLease};

/// The last word to a holder that does not listen is waited for so long; the device is free by then.
const FAREWELL_MS_MAX: u64 = 1_000;

type Read = Result<Scan, DeviceError>;

/// One claim, while it is held.
struct Held<'a> {
    news: &'a mpsc::Sender<ClaimNews>,
    lease: ScannerLease,
    lease_time: Duration,
    lease_end: Instant,
    codes: bool,
    seq: u64,
}

/// A wish for the next code.
struct Reader {
    deadline: Instant,
    reply: oneshot::Sender<Result<ClaimedScan, DeviceError>>,
}

/// Waits for the device, holds it, and says how that ended.
pub(super) async fn hold(
    hub: Hub,
    caller: String,
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
            false => Err(DeviceError::new(Code::ShuttingDown, "the daemon is stopping")),
        },
    };
    // The scanner is free by now.
    let last = match end {
        Ok(end) => ClaimNews::Ended(end),
        Err(error) => ClaimNews::Failed(error),
    };
    let said = timeout(Duration::from_millis(FAREWELL_MS_MAX), news.send(last)).await;
    if said.is_err() {
        tracing::info!(caller, "the holder of a claim did not listen to its end");
    }
}

async fn wait_and_hold(
    hub: &Hub,
    caller: &str,
    wish: ClaimWish,
    news: &mpsc::Sender<ClaimNews>,
    is_granted: &AtomicBool,
) -> Result<ClaimEnd, DeviceError> {
    let claim_id = hub.claims().new_id();
    let asker = Asker {
        stream: claim_id.clone(),
        what: wish.purpose.clone(),
    };
    let lease = wait_for_turn(hub, asker, &wish, news).await?;
    is_granted.store(true, Ordering::Relaxed);
    let (_listed, mut inbox) = hub.claims().list(&claim_id, caller);
    let mut held = Held {
        news,
        lease_time: wish.lease,
        lease_end: Instant::now() + wish.lease,
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

/// The queue, telling the place whenever it changes.
async fn wait_for_turn(
    hub: &Hub,
    asker: Asker,
    wish: &ClaimWish,
    news: &mpsc::Sender<ClaimNews>,
) -> Result<ScannerLease, DeviceError> {
    let (place, mut places) = watch::channel(0);
    let turn = hub.claim_scanner(&wish.role, asker, Instant::now() + wish.wait, place);
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
                    Some(Order::Scan { deadline, reply }) => {
                        reader = self.take_reader(reader, Reader { deadline, reply });
                    }
                    None => return (ClaimEnd::Released, None),
                },
                room = self.news.reserve(), if began && untold.is_some() => {
                    // A holder that hung up is noticed by whoever waits for that.
                    if let (Ok(room), Some(news)) = (room, untold.take()) {
                        room.send(news);
                    }
                }
                // Who waits for a code is alive.
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
                read = read_for(&mut self.lease, &mut reader) => self.answer(read, &mut reader),
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

    fn renew(&mut self, reply: oneshot::Sender<Duration>) {
        self.lease_end = Instant::now() + self.lease_time;
        if reply.send(self.lease_time).is_err() {
            tracing::debug!("nobody waits for the renewal");
        }
    }

    /// One reader at a time; with `codes` none, since the codes are on the stream.
    fn take_reader(&self, before: Option<Reader>, new: Reader) -> Option<Reader> {
        let before = before.filter(|reader| !reader.reply.is_closed());
        if !self.codes && before.is_none() {
            return Some(new);
        }
        let detail = "the claim gives its codes on its stream, or another Scan waits under it";
        drop(
            new.reply
                .send(Err(DeviceError::new(Code::ScannerBusy, detail))),
        );
        before
    }

    fn answer(&mut self, read: Option<Read>, reader: &mut Option<Reader>) {
        let Some(waiting) = reader.take() else { return };
        self.lease_end = Instant::now() + self.lease_time;
        let Some(read) = read else {
            self.lease.disarm();
            return;
        };
        let answer = read.map(|scan| {
            self.seq += 1;
            ClaimedScan {
                scan,
                device: self.lease.device().to_owned(),
                seq: self.seq,
            }
        });
        if waiting.reply.send(answer).is_err() {
            tracing::info!("the caller of a scan is gone");
        }
    }
}

/// The next code for who waits; `None` when nobody does any more.
async fn read_for(lease: &mut ScannerLease, reader: &mut Option<Reader>) -> Option<Read> {
    match reader {
        Some(reader) => tokio::select! {
            read = lease.read_on(reader.deadline) => Some(read),
            () = reader.reply.closed() => None,
        },
        None => std::future::pending().await,
    }
}
