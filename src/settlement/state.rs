//! All that is true of one settlement, and its phases. The fold of events into it is `super::fold`.
//!
//! ```text
//!   Forward ──Stands──────────────► Standing ──paper──► over
//!      │ └─ settling call unknown ─► Finding ──found───► Forward (charged) ─► Standing | GivingUp
//!      │                               └──reversed, nothing there──► GivingUp
//!      └──GivenUp──► GivingUp ──Undone──► Over(ending)
//!   any of Finding, GivingUp ──Stuck──► Stuck ──Resolved──► Standing | Over(ending)
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use super::answer::{Paper, Point, Reason};
use super::bill::Fen;
use super::call::{Outcome, Step};
use super::event::{Ending, Verdict};
use super::known::Known;
use super::order::{Order, OrderKind};
use crate::book::Code;

/// All that is true of one settlement.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The settlement's own id.
    pub settlement_id: String,
    /// The caller's id.
    pub request_id: String,
    /// Who asked.
    pub caller: String,
    /// The order; absent once the key of its day was deleted.
    pub order: Option<Arc<Order>>,
    /// Sum of the bill.
    pub total: Fen,
    /// The facts.
    pub known: Known,
    /// Where it stands.
    pub phase: Phase,
    /// What has been done, and how often each step was tried.
    pub trail: Trail,
    /// The message that is out: its intent is recorded, its outcome not.
    pub in_flight: Option<Step>,
    /// The paper.
    pub paper: PaperState,
    /// Why it does not end SETTLED, or what is to be known besides.
    pub reason: Option<Reason>,
    /// Names of soft checks that did not hold.
    pub warnings: Vec<String>,
    /// When only a person could go on, milliseconds.
    pub stuck_at_ms: Option<i64>,
    /// What a person stated of it.
    pub resolved: Option<Resolution>,
    /// When it was accepted, milliseconds.
    pub accepted_at_ms: i64,
    /// When the money became final.
    pub ended_at_ms: Option<i64>,
    /// When the last event happened.
    pub at_ms: i64,
    /// How many events were applied.
    pub events: u64,
}

/// What a person stated.
#[derive(Clone, PartialEq, Eq)]
pub struct Resolution {
    /// Who.
    pub by: String,
    /// When, milliseconds.
    pub at_ms: i64,
    /// What is true.
    pub verdict: Verdict,
    /// 结算ID as that person found it; empty when not given.
    pub setl_id: String,
    /// Why it is known; empty once the key of its day was deleted. It may name a person.
    pub reason: String,
}

impl std::fmt::Debug for Resolution {
    /// Without the reason.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolution")
            .field("by", &self.by)
            .field("verdict", &self.verdict)
            .field("setl_id", &self.setl_id)
            .finish_non_exhaustive()
    }
}

/// Where it stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// On the way to the money call, or its answer is there and being checked.
    Forward,
    /// The settling call may have charged; finding out.
    Finding(Doubt),
    /// What was done is being taken back; then it ends like this.
    GivingUp(Ending),
    /// The money stands.
    Standing,
    /// Nothing is charged and nothing is left to take back.
    Over(Ending),
    /// Only a person can go on. What was known of the ending before, if anything.
    Stuck(Option<Ending>),
}

/// What is being found out about a settling call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Doubt {
    /// Since then the call can have left no further byte.
    pub since_ms: i64,
    /// Times 5203 was asked.
    pub enquiries: u32,
    /// When 5203 was last asked and what became of it was known.
    pub enquired_at_ms: Option<i64>,
    /// When 5203 failed, since it was last answered. Failures to reach the platform are none.
    pub enquiry_failures_ms: Vec<i64>,
    /// When 5203 or 2601 first and last said that nothing is there.
    pub nothing_ms: Option<(i64, i64)>,
    /// Times 2601 was asked.
    pub reversals: u32,
    /// When 2601 was last asked and what became of it was known.
    pub reversed_at_ms: Option<i64>,
    /// The last 2601 got no answer: it may still take the charge back.
    pub reversal_maybe: bool,
    /// Restarts while 5203 or 2601 was out: their answers may be what ends the process.
    pub broken: u32,
    /// The platform said that it was given back: by 2601, or 5203 saw a refund.
    pub is_reversed: bool,
}

impl Doubt {
    pub(super) fn says_nothing(&mut self, at_ms: i64) {
        let first_ms = self.nothing_ms.map_or(at_ms, |(first_ms, _)| first_ms);
        self.nothing_ms = Some((first_ms, at_ms));
    }
}

/// What has been done by now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trail {
    /// A code was read and is in hand, not yet decoded.
    pub code_in_hand: bool,
    /// Codes that could not be used.
    pub codes_rejected: u32,
    /// Why the last one could not.
    pub last_rejection: Option<Code>,
    /// Reading ended without a code.
    pub read_failed: Option<Code>,
    /// The printer was looked at before registration and had no fault.
    pub printer_seen: bool,
    /// What the printer's fault was.
    pub printer_fault: Option<Code>,
    /// 2201 was ours.
    pub registered_here: bool,
    /// The visit was sent.
    pub visit_sent: bool,
    /// Lines may be there under our chrg_bchno.
    pub fees_maybe: bool,
    /// The answer of a 2204 was lost once: it may be processed even after a 2205.
    pub fees_lost: bool,
    /// The lines are there, all of them.
    pub fees_sent: bool,
    /// 险种类型 that this person was settled with last time; empty when nothing is remembered, absent before
    /// it was looked up.
    pub recalled: Option<String>,
    /// Token shown and when, per point.
    pub shown: BTreeMap<PointKey, (String, i64)>,
    /// Points that were confirmed.
    pub confirmed: Vec<Point>,
    /// A fresh code was asked for.
    pub fresh_asked: bool,
    /// The settling call's intent was recorded: the point of no return.
    pub settle_sent: bool,
    /// The platform was seen to hold the charge. Stays when what it said of it is forgotten.
    pub charge_seen: bool,
    /// The amounts of what was charged were checked and are right.
    pub amounts_right: bool,
    /// Somebody asked to cancel.
    pub cancel_asked: bool,
    /// Since when nobody waits for the answer.
    pub alone_since_ms: Option<i64>,
    /// It was left alone by a restart of the daemon.
    pub restarts: u32,
    /// What was charged was given back by 2208.
    pub refunded: bool,
    /// A 2208 went out and its outcome is unknown.
    pub refund_maybe: bool,
    /// Times 5203 was asked what became of it, without a clear answer, and when last.
    pub refund_enquiries: (u32, i64),
    /// Print jobs of which not a byte left, and when the last one ended.
    pub print_failures: (u32, i64),
    /// The lines were taken back.
    pub fees_undone: bool,
    /// The visit was taken back.
    pub visit_undone: bool,
    /// Per step: outcomes that ended nothing.
    pub tries: BTreeMap<Step, Tries>,
}

/// [`Point`] as a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PointKey {
    /// [`Point::Person`].
    Person,
    /// [`Point::Amounts`].
    Amounts,
}

impl From<Point> for PointKey {
    fn from(point: Point) -> Self {
        match point {
            Point::Person => PointKey::Person,
            Point::Amounts => PointKey::Amounts,
        }
    }
}

/// Outcomes of one step that ended nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tries {
    /// How many in a row.
    pub count: u32,
    /// How many of them never left this machine.
    pub unreached: u32,
    /// When the last.
    pub last_ms: i64,
    /// How the last one ended, if it did not succeed.
    pub last: Option<Outcome>,
    /// Whether any of them may have been processed.
    pub maybe: bool,
    /// The last one failed for an expired sign-in.
    pub sign_in_expired: bool,
}

impl Tries {
    /// One more that ended nothing.
    pub fn fail(&mut self, outcome: &Outcome, sign_in_expired: bool, at_ms: i64) {
        self.count += 1;
        self.unreached += u32::from(matches!(outcome, Outcome::NotSent { .. }));
        self.last_ms = at_ms;
        self.last = Some(outcome.clone());
        self.sign_in_expired = sign_in_expired;
        self.maybe |= matches!(outcome, Outcome::Unknown { .. });
    }

    /// How many reached the platform, or may have. While it cannot be reached nothing is used up: an outage
    /// makes nothing stuck.
    #[must_use]
    pub fn used_up(&self) -> u32 {
        self.count.saturating_sub(self.unreached)
    }

    /// Whether the platform itself said no to the last one. A gateway's no, or that of a sign-in, says nothing
    /// about what is there.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        let Some(Outcome::Refused { code, .. }) = &self.last else {
            return false;
        };
        let on_the_way = matches!(code, Code::GatewayRefused | Code::SignInFailed);
        !on_the_way && !self.sign_in_expired
    }
}

/// The paper.
#[derive(Clone, Debug, PartialEq)]
pub enum PaperState {
    /// None was wanted.
    NotAsked,
    /// Wanted since then; absent until the money stands.
    Wanted(Option<i64>),
    /// The document is on its way to the printer; wanted since then.
    Printing(i64),
    /// The end of it.
    Ended(Paper),
}

impl State {
    /// The state before any event.
    #[must_use]
    pub fn new(settlement_id: impl Into<String>) -> Self {
        Self {
            settlement_id: settlement_id.into(),
            request_id: String::new(),
            caller: String::new(),
            order: None,
            total: Fen::ZERO,
            known: Known::default(),
            phase: Phase::Forward,
            trail: Trail::default(),
            in_flight: None,
            paper: PaperState::NotAsked,
            reason: None,
            warnings: Vec::new(),
            stuck_at_ms: None,
            resolved: None,
            accepted_at_ms: 0,
            ended_at_ms: None,
            at_ms: 0,
            events: 0,
        }
    }

    /// Whether the platform holds a charge of this settlement that was not given back.
    #[must_use]
    pub fn is_charged(&self) -> bool {
        self.trail.charge_seen && !self.trail.refunded
    }

    /// Whether it is settled by 2101 and 2102: without a visit and an upload before.
    #[must_use]
    pub fn is_pharmacy(&self) -> bool {
        let kind = self.order.as_ref().map(|order| order.kind);
        kind == Some(OrderKind::Pharmacy)
    }

    /// Whether nothing more will happen by itself.
    #[must_use]
    pub fn is_over(&self) -> bool {
        let paper_over = match self.paper {
            PaperState::NotAsked | PaperState::Ended(_) => true,
            PaperState::Wanted(_) | PaperState::Printing(_) => false,
        };
        match self.phase {
            Phase::Standing => paper_over,
            Phase::Over(_) | Phase::Stuck(_) => true,
            Phase::Forward | Phase::Finding(_) | Phase::GivingUp(_) => false,
        }
    }

    /// Whether the settlement can no longer be called off.
    #[must_use]
    pub fn is_past_no_return(&self) -> bool {
        match self.phase {
            Phase::Forward => self.trail.settle_sent || self.known.settled.is_some(),
            Phase::Finding(_) | Phase::Standing => true,
            Phase::Stuck(ending) => ending.is_none(),
            // A charge that is being given back: calling off changes nothing about it.
            Phase::GivingUp(_) => self.is_charged(),
            Phase::Over(_) => false,
        }
    }
}
