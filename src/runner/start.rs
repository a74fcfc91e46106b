//! Beginning to carry: a new order, or what was open when the last process ended.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, watch};

use super::carry::Carrier;
use super::clock::{Clock, civil, wall_ms};
use super::crash::{CRASHES_MAX, Crashes, STREAM};
use super::identities::{Identities, Identity};
use super::live::{COMMANDS_MAX, Handle, Presence, Registry, Reservation, View};
use super::measure::Measure;
use super::numbers::Numbers;
use super::reach::{Reach, Reached};
use super::rows::{RowError, STREAM_KIND, state_of};
use super::ways::Ways;
use crate::book::Code;
use crate::device::Hub;
use crate::journal::Journal;
use crate::journal::documents::Documents;
use crate::settlement::bill::Fen;
use crate::settlement::call::{Found, Outcome};
use crate::settlement::event::Event;
use crate::settlement::known::Ids;
use crate::settlement::order::{Order, OrderKind};
use crate::settlement::state::State;

/// A measurement of the platform's clock is believed so long: then somebody may try again.
const SKEW_FORGOTTEN_MS: i64 = 300_000;

/// Everything a settlement is carried with.
pub struct Parts {
    /// Where it is written down.
    pub journal: Journal,
    /// What is too large for it.
    pub documents: Documents,
    /// The devices.
    pub hub: Hub,
    /// msgids and serial numbers.
    pub numbers: Arc<Numbers>,
    /// The time.
    pub clock: Clock,
    /// What runs.
    pub registry: Arc<Registry>,
    /// Which streams ended the process.
    pub crashes: Crashes,
    /// Who was identified by this process.
    pub identities: Arc<Identities>,
    /// Open streams that could not be read at the start.
    unreadable: Mutex<BTreeSet<String>>,
    /// The process is ending: what is not past the point of no return is parked.
    pub(super) stopping: watch::Sender<bool>,
    /// Whoever writes the intent of a money call holds that of the person.
    pub(super) charge_turns: super::charge::ChargeTurns,
    /// Messages of errands that are out.
    pub(super) errands_out: AtomicUsize,
    reach: Reach,
    platform_offset: Mutex<Offset>,
    ways: ArcSwap<Ways>,
}

/// The platform's clock minus the clock of this process, as last measured.
#[derive(Clone, Copy, Debug, Default)]
struct Offset {
    last_ms: Option<i64>,
    /// Of the measurement before: one garbled answer is not believed.
    before_ms: Option<i64>,
    measured_at_ms: i64,
}

/// What [`Parts`] is made of.
#[expect(missing_docs, reason = "the same fields as in Parts")]
pub struct Ingredients {
    pub journal: Journal,
    pub documents: Documents,
    pub hub: Hub,
    pub numbers: Arc<Numbers>,
    pub clock: Clock,
    pub crashes: Crashes,
    pub ways: Ways,
}

impl Parts {
    /// How it is done from here on. What runs holds on to what it got.
    #[must_use]
    pub fn ways(&self) -> Arc<Ways> {
        self.ways.load_full()
    }

    /// What begins after this is done like that.
    pub fn change_ways(&self, ways: Ways) {
        self.ways.store(Arc::new(ways));
    }

    /// Whether the platform answers.
    #[must_use]
    pub fn platform_reached(&self) -> Reached {
        self.reach.now()
    }

    /// The platform's clock minus ours, as last seen.
    #[must_use]
    pub fn platform_skew_ms(&self) -> Option<i64> {
        let offset = *self
            .platform_offset
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Some(offset.last_ms? + self.clock.now_ms() - wall_ms())
    }

    /// Whether two answers of the last minutes agree that the platform's clock is off by more than this.
    /// Our own clock counts as it is now: once it was set right, it is right.
    #[must_use]
    pub fn platform_is_off_by(&self, limit_ms: i64) -> bool {
        let offset = *self
            .platform_offset
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (Some(last_ms), Some(before_ms)) = (offset.last_ms, offset.before_ms) else {
            return false;
        };
        let now_ms = self.clock.now_ms();
        let is_recent = now_ms - offset.measured_at_ms <= SKEW_FORGOTTEN_MS;
        let is_off = |offset_ms: i64| (offset_ms + now_ms - wall_ms()).saturating_abs() > limit_ms;
        is_recent && is_off(last_ms) && is_off(before_ms)
    }

    /// What must come to its end before the process may: settlements past the point of no return, and
    /// messages that are out.
    #[must_use]
    pub fn busy(&self) -> usize {
        self.registry.busy() + self.errands_out.load(Ordering::Relaxed)
    }

    /// Returns when nobody holds the table of what runs.
    pub fn turn(&self) {
        self.registry.turn();
    }

    /// Tells all carriers that the process is ending.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Resolves when the process is ending.
    pub async fn stopped(&self) {
        let mut stopping = self.stopping.subscribe();
        if stopping.wait_for(|stopping| *stopping).await.is_err() {
            // The sender lives in these parts: they are still borrowed here.
            std::future::pending::<()>().await;
        }
    }

    /// Open streams that could not be read at the start: only a person can go on with them.
    #[must_use]
    pub fn unreadable(&self) -> Vec<String> {
        let unreadable = self.unreadable.lock();
        let unreadable = unreadable.unwrap_or_else(PoisonError::into_inner);
        unreadable.iter().cloned().collect()
    }

    pub(super) fn note_unreadable(&self, stream: String) {
        let unreadable = self.unreadable.lock();
        let mut unreadable = unreadable.unwrap_or_else(PoisonError::into_inner);
        unreadable.insert(stream);
    }

    pub(super) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    pub(super) fn note_answer(&self, outcome: &Outcome, has_answer: bool, skew_ms: Option<i64>) {
        self.reach.note(outcome, has_answer, self.clock.now_ms());
        if let Some(skew_ms) = skew_ms {
            let now_ms = self.clock.now_ms();
            let mut offset = self
                .platform_offset
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *offset = Offset {
                last_ms: Some(skew_ms + wall_ms() - now_ms),
                before_ms: offset.last_ms,
                measured_at_ms: now_ms,
            };
        }
    }
}

/// Begins to carry settlements. Cheap to clone.
#[derive(Clone)]
pub struct Runner {
    parts: Arc<Parts>,
}

impl Runner {
    /// With everything it needs.
    #[must_use]
    pub fn new(from: Ingredients) -> Self {
        Self {
            parts: Arc::new(Parts {
                journal: from.journal,
                documents: from.documents,
                hub: from.hub,
                numbers: from.numbers,
                clock: from.clock,
                registry: Arc::default(),
                crashes: from.crashes,
                identities: Arc::default(),
                unreadable: Mutex::default(),
                charge_turns: super::charge::ChargeTurns::default(),
                errands_out: AtomicUsize::new(0),
                reach: Reach::default(),
                platform_offset: Mutex::default(),
                ways: ArcSwap::from_pointee(from.ways),
                stopping: watch::Sender::new(false),
            }),
        }
    }

    /// What it carries with.
    #[must_use]
    pub fn parts(&self) -> &Arc<Parts> {
        &self.parts
    }

    /// Writes the order down and begins to carry it. The first caller attends from the beginning.
    ///
    /// Dropping the future changes nothing but that this caller is gone: what is on disk is carried.
    ///
    /// # Errors
    /// The journal does not take it: nothing has begun. It knows an open settlement of the visit
    /// ([`crate::journal::Error::VisitOpen`]) and an earlier one of the request.
    pub async fn accept(
        &self,
        reservation: Reservation,
        settlement_id: String,
        caller: &str,
        order: Order,
        total: Fen,
        identity: Option<Identity>,
    ) -> Result<(Handle, super::live::Attendance), crate::journal::Error> {
        let (runner, caller) = (self.clone(), caller.to_owned());
        // A task of its own: a caller that goes while the journal syncs must not leave a stream that nobody
        // carries.
        tokio::spawn(async move {
            runner
                .begin(reservation, settlement_id, caller, order, total, identity)
                .await
        })
        .await
        .expect("nobody aborts this task, and a panic ends the process")
    }

    async fn begin(
        &self,
        reservation: Reservation,
        settlement_id: String,
        caller: String,
        order: Order,
        total: Fen,
        identity: Option<Identity>,
    ) -> Result<(Handle, super::live::Attendance), crate::journal::Error> {
        let ids = self.ids(&order).await;
        let accepted = Event::Accepted {
            request_id: order.request_id.clone(),
            caller,
            kind: order.kind,
            total,
            ids,
            mdtrt_id: order.visit.mdtrt_id.clone(),
            order: Some(Box::new(order)),
        };
        let (mut carrier, handle) = self.carrier(State::new(settlement_id), None);
        let attendance = handle.attend();
        carrier.record(accepted);
        if let Some(identity) = identity {
            carrier.record(Event::IdentityShown {
                age_ms: self.parts.clock.now_ms() - identity.decoded_at_ms,
                identification: identity.identification,
                credential: identity.credential,
                found: Some(Found::Voucher(identity.voucher)),
            });
        }
        carrier.write().await?;
        reservation.fill(handle.clone());
        tokio::spawn(STREAM.scope(handle.settlement_id.clone(), carrier.carry()));
        Ok((handle, attendance))
    }

    /// A new settlement's own id: time-ordered and unique.
    #[must_use]
    pub fn new_id(&self) -> String {
        uuid::Uuid::now_v7().to_string()
    }

    async fn ids(&self, order: &Order) -> Ids {
        let brought = |number: &str| (!number.is_empty()).then(|| number.to_owned());
        let numbers = &self.parts.numbers;
        // A pharmacy has neither visits nor batches.
        let is_pharmacy = order.kind == OrderKind::Pharmacy;
        let ipt_otp_no = match brought(&order.visit.ipt_otp_no) {
            Some(number) => number,
            None if is_pharmacy => String::new(),
            None => numbers.serial().await,
        };
        let chrg_bchno = if is_pharmacy {
            String::new()
        } else {
            numbers.serial().await
        };
        let mut feedetl_sn = Vec::new();
        for line in order.bills.iter().flat_map(|bill| &bill.lines) {
            feedetl_sn.push(match brought(&line.feedetl_sn) {
                Some(number) => number,
                None => numbers.serial().await,
            });
        }
        Ids {
            ipt_otp_no,
            chrg_bchno,
            feedetl_sn,
            accepted: civil(wall_ms()),
        }
    }

    /// Carries on everything that was open. Gives how many.
    ///
    /// # Errors
    /// A stream that this program cannot read: nothing is settled before a person looked.
    pub async fn resume(&self) -> Result<usize, RowError> {
        let mut resumed = 0;
        for row in self.parts.journal.open_streams().await? {
            if row.kind != STREAM_KIND {
                continue;
            }
            let state = match self.parts.journal.load(&row.stream).await {
                Ok(stored) => state_of(&row.stream, &stored),
                Err(error) => Err(error.into()),
            };
            let state = match state {
                Ok(state) => state,
                Err(error) => {
                    // The others go on; this one stays open in the index for a person to see.
                    tracing::error!(settlement = %row.stream, %error, "it cannot be carried on");
                    self.parts.note_unreadable(row.stream);
                    continue;
                }
            };
            if state.is_over() {
                continue;
            }
            let (mut carrier, handle) = self.carrier(state, Some(row.last_stream_seq));
            carrier.kept = serde_json::from_str(&row.summary).ok();
            let poisonous = self.parts.crashes.count(&row.stream) >= CRASHES_MAX;
            carrier.record(if poisonous {
                Event::Stuck { code: Code::Stuck }
            } else {
                Event::Restarted
            });
            carrier.flush().await;
            let reserved = self
                .parts
                .registry
                .reserve(&carrier.state.caller, &carrier.state.request_id);
            let super::live::Slot::Yours(reservation) = reserved else {
                tracing::error!(settlement = %row.stream, "two open streams have its request_id");
                continue;
            };
            reservation.fill(handle);
            tokio::spawn(STREAM.scope(row.stream, carrier.carry()));
            resumed += 1;
        }
        Ok(resumed)
    }

    fn carrier(&self, state: State, after: Option<i64>) -> (Carrier, Handle) {
        let settlement_id = state.settlement_id.clone();
        let first = View {
            state: Arc::new(state.clone()),
            queue_place: None,
            armed: false,
            parked: false,
        };
        let (view_sender, view) = watch::channel(first);
        let (commands, command_receiver) = mpsc::channel(COMMANDS_MAX);
        let (presence, presence_receiver) = watch::channel(Presence::default());
        let measure = Measure::new(&state, self.parts.clock.now_ms());
        let carrier = Carrier {
            parts: Arc::clone(&self.parts),
            ways: self.parts.ways(),
            state,
            pending: Vec::new(),
            after,
            kept: None,
            view: view_sender,
            commands: command_receiver,
            presence: presence_receiver,
            lease: None,
            code: None,
            codes_used: Vec::new(),
            measure,
        };
        (
            carrier,
            Handle {
                settlement_id,
                view,
                commands,
                presence,
            },
        )
    }
}

/// What names the visit of an order, where the caller named it. A pharmacy's order has none.
#[must_use]
pub(super) fn visit_of(order: &Order) -> Option<String> {
    let visit = &order.visit;
    if order.kind == OrderKind::Pharmacy {
        return None;
    }
    if !visit.mdtrt_id.is_empty() {
        return Some(format!("mdtrt_id:{}", visit.mdtrt_id));
    }
    (!visit.ipt_otp_no.is_empty()).then(|| format!("ipt_otp_no:{}", visit.ipt_otp_no))
}
