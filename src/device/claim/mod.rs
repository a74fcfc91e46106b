//! Claims: the sole right to a scanner or a card reader for as long as its holder lives and says so.
//!
//! One task holds one claim, and with it the place in the queue. It ends when the holder hangs up, gives the claim
//! back or lets its lease run out, and the device is free in that moment: there is no other owner of the place.
//! Printers are not claimed: their jobs wait for one another.

mod hold;
mod lease;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use self::lease::Reader;
use super::card::{Medium, ShownCard};
use super::error::DeviceError;
use super::event::now_ms;
use super::hub::Hub;
use super::scanner::Scan;
use crate::book::Code;

/// News that wait for a slow holder, codes apart.
const NEWS_MAX: usize = 16;
/// Orders to one claim that wait.
const ORDERS_MAX: usize = 8;

/// Who claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimant {
    /// Whose claim it is: no other one reads under it.
    pub id: String,
    /// The same as its door knows it, for those who look at who holds what.
    pub shown: String,
}

impl From<&str> for Claimant {
    fn from(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            shown: id.to_owned(),
        }
    }
}

/// What a caller of `Claim` wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimWish {
    /// Which scanner or card reader.
    pub role: String,
    /// Longest wait in the queue.
    pub wait: Duration,
    /// The claim ends when nothing is heard for so long.
    pub lease: Duration,
    /// Every code is news; of a scanner only.
    pub codes: bool,
    /// What for.
    pub purpose: String,
}

/// What its holder is told.
#[derive(Debug)]
pub enum ClaimNews {
    /// So many are before it.
    Waiting(usize),
    /// It holds the device.
    Granted {
        /// The claim's id.
        claim_id: String,
        /// The desk's name for the device.
        device: String,
        /// The lease in force.
        lease: Duration,
    },
    /// A code.
    Code {
        /// The bytes.
        scan: Scan,
        /// Its number under the claim, from 1.
        seq: u64,
    },
    /// The device went away, or came back.
    Present(bool),
    /// It is over.
    Ended(ClaimEnd),
    /// It never began.
    Failed(DeviceError),
    /// It cannot be asked for so.
    Wrong {
        /// The field of the wish.
        field: &'static str,
        /// Why.
        why: &'static str,
    },
}

/// What a device is to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Scanner,
    CardReader,
    /// Not to be claimed.
    Printer,
}

/// How a claim ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimEnd {
    /// Given back by its holder.
    Released,
    /// Given back by an admin.
    TakenAway,
    /// Nothing was heard of its holder.
    LeaseOver,
    /// The daemon stops.
    Stopping,
}

/// A code that was read under a claim.
#[derive(Debug)]
pub struct ClaimedScan {
    /// The bytes.
    pub scan: Scan,
    /// The desk's name for the scanner.
    pub device: String,
    /// Its number under the claim, from 1.
    pub seq: u64,
}

/// An order to a claim.
enum Order {
    Renew(oneshot::Sender<Duration>),
    End(ClaimEnd, oneshot::Sender<()>),
    Read(Reader),
}

/// All claims that are held.
pub(crate) struct Claims {
    held: Mutex<BTreeMap<String, Entry>>,
    /// Part of each id: one of an earlier run must never name a claim of this one.
    started_ms: u64,
    last_number: AtomicU64,
}

impl Default for Claims {
    fn default() -> Self {
        Self {
            held: Mutex::default(),
            started_ms: now_ms(),
            last_number: AtomicU64::new(0),
        }
    }
}

struct Entry {
    caller: String,
    orders: mpsc::Sender<Order>,
}

/// Stands in the list while its claim is held.
struct Listed {
    claims: Arc<Claims>,
    claim_id: String,
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.claims.lock().remove(&self.claim_id);
    }
}

impl Claims {
    /// An id that no other claim has, also of an earlier run.
    pub(crate) fn new_id(&self) -> String {
        let number = self.last_number.fetch_add(1, Ordering::Relaxed) + 1;
        format!("claim-{:x}-{number}", self.started_ms)
    }

    fn list(self: &Arc<Self>, claim_id: &str, caller: &str) -> (Listed, mpsc::Receiver<Order>) {
        let (orders, inbox) = mpsc::channel(ORDERS_MAX);
        let caller = caller.to_owned();
        self.lock()
            .insert(claim_id.to_owned(), Entry { caller, orders });
        let listed = Listed {
            claims: Arc::clone(self),
            claim_id: claim_id.to_owned(),
        };
        (listed, inbox)
    }

    /// Where a claim takes orders from this caller; `any`: whoever holds it.
    fn orders(&self, caller: &str, claim_id: &str, any: bool) -> Result<Claim, DeviceError> {
        let held = self.lock();
        held.get(claim_id)
            .filter(|entry| any || entry.caller == caller)
            .map(|entry| Claim {
                orders: entry.orders.clone(),
                is_callers: entry.caller == caller,
            })
            .ok_or_else(unknown)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Claim {
    orders: mpsc::Sender<Order>,
    is_callers: bool,
}

impl Claim {
    async fn ask<T>(
        &self,
        order: impl FnOnce(oneshot::Sender<T>) -> Order,
    ) -> Result<T, DeviceError> {
        let (reply, answer) = oneshot::channel();
        self.orders
            .send(order(reply))
            .await
            .map_err(|_| unknown())?;
        answer.await.map_err(|_| unknown())
    }
}

fn unknown() -> DeviceError {
    DeviceError::new(Code::ClaimUnknown, "no such claim is held by this caller")
}

impl Hub {
    /// Waits for a scanner or a card reader and holds it for this caller until the channel is dropped, the lease runs out, it is
    /// given back or `stop` resolves.
    pub fn claim(
        &self,
        caller: impl Into<Claimant>,
        wish: ClaimWish,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> mpsc::Receiver<ClaimNews> {
        let (news, told) = mpsc::channel(NEWS_MAX);
        tokio::spawn(hold::hold(self.clone(), caller.into(), wish, news, stop));
        told
    }

    /// The next code under a claim. Dropping the future stops listening.
    ///
    /// # Errors
    /// What the scanner says; `CLAIM_UNKNOWN` for a claim that is not the caller's or is over, `REQUEST_INVALID` for
    /// one of a card reader, `SCANNER_BUSY` when the codes are on the claim's stream or another waits for one.
    pub async fn scan_claimed(
        &self,
        caller: &str,
        claim_id: &str,
        deadline: Instant,
    ) -> Result<ClaimedScan, DeviceError> {
        let claim = self.claims().orders(caller, claim_id, false)?;
        let read = |reply| Order::Read(Reader::Code { deadline, reply });
        claim.ask(read).await?
    }

    /// The card that lies in a claimed reader, or the next one. Dropping the future stops reading.
    ///
    /// # Errors
    /// Why no card was read; `CLAIM_UNKNOWN` for a claim that is not the caller's or is over, `REQUEST_INVALID` for one
    /// of a scanner, `CARD_READER_NOT_CONFIGURED` when the reader reads nothing of what is wanted,
    /// `CARD_READER_BUSY` while another reads under the claim.
    pub async fn read_card_claimed(
        &self,
        caller: &str,
        claim_id: &str,
        wanted: &[Medium],
        deadline: Instant,
    ) -> Result<ShownCard, DeviceError> {
        let claim = self.claims().orders(caller, claim_id, false)?;
        let media = wanted.to_vec();
        let read = |reply| {
            Order::Read(Reader::Card {
                media,
                deadline,
                reply,
            })
        };
        claim.ask(read).await?
    }

    /// The lease begins anew. Gives the lease in force.
    ///
    /// # Errors
    /// `CLAIM_UNKNOWN`.
    pub async fn renew_claim(&self, caller: &str, claim_id: &str) -> Result<Duration, DeviceError> {
        let claim = self.claims().orders(caller, claim_id, false)?;
        claim.ask(Order::Renew).await
    }

    /// Ends a claim; `any`: also another caller's. When this returns the next in the queue has the device.
    ///
    /// # Errors
    /// `CLAIM_UNKNOWN`.
    pub async fn release_claim(
        &self,
        caller: &str,
        claim_id: &str,
        any: bool,
    ) -> Result<(), DeviceError> {
        let claim = self.claims().orders(caller, claim_id, any)?;
        let end = if claim.is_callers {
            ClaimEnd::Released
        } else {
            ClaimEnd::TakenAway
        };
        claim.ask(|done| Order::End(end, done)).await
    }
}
