//! The fold: what is true after all events so far. Applying an event cannot fail.
//!
//! ```text
//!   Forward ──Stands──────────────► Standing ──paper──► over
//!      │ └─ settling call unknown ─► Finding ──found───► Forward (charged) ─► Standing | GivingUp
//!      │                               └──reversed, nothing there──► GivingUp
//!      └──GivenUp──► GivingUp ──Undone──► Over(ending)
//!   any of Finding, GivingUp ──Stuck──► Stuck
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use super::answer::{Paper, Point, Reason};
use super::bill::Fen;
use super::call::{Enquiry, Found, Outcome, Reversal, Step};
use super::event::{Ending, Event};
use super::known::Known;
use super::order::{Order, PrintWish};
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
    /// When it was accepted, milliseconds.
    pub accepted_at_ms: i64,
    /// When the money became final.
    pub ended_at_ms: Option<i64>,
    /// When the last event happened.
    pub at_ms: i64,
    /// How many events were applied.
    pub events: u64,
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
    /// When 5203 was last answered.
    pub enquired_at_ms: Option<i64>,
    /// When 5203 or 2601 first and last said that nothing is there.
    pub nothing_ms: Option<(i64, i64)>,
    /// Times 2601 was asked.
    pub reversals: u32,
    /// When 2601 was last answered.
    pub reversed_at_ms: Option<i64>,
    /// The platform said that it was given back: by 2601, or 5203 saw a refund.
    pub is_reversed: bool,
}

impl Doubt {
    fn says_nothing(&mut self, at_ms: i64) {
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
    /// The lines are there, whole.
    pub fees_sent: bool,
    /// Token shown and when, per point.
    pub shown: BTreeMap<PointKey, (String, i64)>,
    /// Points that were confirmed.
    pub confirmed: Vec<Point>,
    /// A fresh code was asked for.
    pub fresh_asked: bool,
    /// The settling call's intent was recorded: the point of no return.
    pub settle_sent: bool,
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
    /// When the last.
    pub last_ms: i64,
    /// How the last one ended, if it did not succeed.
    pub last: Option<Outcome>,
    /// Whether any of them may have been processed.
    pub maybe: bool,
    /// Any of them failed for an expired sign-in.
    pub sign_in_expired: bool,
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
            accepted_at_ms: 0,
            ended_at_ms: None,
            at_ms: 0,
            events: 0,
        }
    }

    /// Folds one event that happened at `at_ms`.
    pub fn apply(&mut self, event: &Event, at_ms: i64) {
        self.at_ms = at_ms;
        self.events += 1;
        match event {
            Event::Accepted {
                request_id,
                caller,
                total,
                ids,
                mdtrt_id,
                order,
                kind: _,
            } => {
                self.request_id.clone_from(request_id);
                self.caller.clone_from(caller);
                self.total = *total;
                self.known.ids = ids.clone();
                self.known.mdtrt_id = (!mdtrt_id.is_empty()).then(|| mdtrt_id.clone());
                self.accepted_at_ms = at_ms;
                let wish = order.as_ref().map_or(PrintWish::No, |order| order.print);
                if wish != PrintWish::No {
                    self.paper = PaperState::Wanted(None);
                }
                self.order = order.as_ref().map(|order| Arc::new((**order).clone()));
            }
            Event::Joined => self.trail.alone_since_ms = None,
            Event::CallerGone => self.trail.alone_since_ms = Some(at_ms),
            Event::Restarted => self.restarted(at_ms),
            Event::CancelAsked { by: _ } => self.trail.cancel_asked = true,
            Event::PrinterLooked { fault } => {
                self.trail.printer_seen = fault.is_none();
                self.trail.printer_fault = *fault;
                if let (PaperState::Printing(since_ms), Some(_)) = (&self.paper, fault) {
                    // Not a byte of it left: it may be tried again.
                    self.paper = PaperState::Wanted(Some(*since_ms));
                }
            }
            Event::CodeRead => {
                self.trail.code_in_hand = true;
                self.trail.last_rejection = None;
                self.trail.tries.remove(&Step::Decode);
            }
            Event::CodeRejected { code } => self.reject_code(*code),
            Event::ReadFailed { code } => self.trail.read_failed = Some(*code),
            Event::InsuranceChosen { index } => {
                self.known.insurance = self
                    .known
                    .person
                    .as_ref()
                    .and_then(|p| p.insuinfo.get(*index).cloned());
            }
            Event::Shown { point, token } => {
                self.trail
                    .shown
                    .insert((*point).into(), (token.clone(), at_ms));
            }
            Event::Confirmed { point } => self.trail.confirmed.push(*point),
            Event::FreshCodeWanted => {
                self.trail.fresh_asked = true;
                self.known.voucher = None;
            }
            Event::Intent {
                step,
                infno,
                msgid,
                request: _,
            } => {
                self.sent(*step, infno, msgid.as_deref());
            }
            Event::Answered {
                step,
                result,
                sign_in_expired,
                skew_ms: _,
                answer: _,
            } => {
                self.in_flight = None;
                self.answered(*step, result, *sign_in_expired, at_ms);
            }
            Event::AmountsChecked { warnings } => {
                self.trail.amounts_right = true;
                self.warnings.clone_from(warnings);
            }
            Event::Stands => {
                self.phase = Phase::Standing;
                self.ended_at_ms = Some(at_ms);
                if self.paper == PaperState::Wanted(None) {
                    self.paper = PaperState::Wanted(Some(at_ms));
                }
            }
            Event::GivenUp { code, ending, text } => {
                self.phase = Phase::GivingUp(*ending);
                self.reason = Some(Reason {
                    code: *code,
                    text: text.clone(),
                });
            }
            Event::Undone => self.undone(at_ms),
            Event::PrintIntent { job: _ } => {
                self.paper = PaperState::Printing(self.paper_since_ms(at_ms));
            }
            Event::PrintEnded { paper } => self.paper = PaperState::Ended(*paper),
            Event::Stuck { code } => self.stuck(*code, at_ms),
        }
    }

    /// What was being waited for when the daemon ended is unknown; a code read before is never used.
    fn restarted(&mut self, at_ms: i64) {
        if let Some(step) = self.in_flight.take() {
            let lost = Outcome::Unknown {
                code: Code::PlatformNoAnswer,
                why: "the daemon ended while the message was out".to_owned(),
            };
            self.answered(step, &lost, false, at_ms);
        }
        if matches!(self.paper, PaperState::Printing(_)) {
            self.paper = PaperState::Ended(Paper::Unknown(Code::PrintNotProven));
        }
        if let PaperState::Wanted(Some(since_ms)) = &mut self.paper {
            *since_ms = at_ms;
        }
        if let Phase::Finding(doubt) = &mut self.phase {
            doubt.since_ms = at_ms;
        }
        self.known.voucher = None;
        self.trail.code_in_hand = false;
        self.trail.alone_since_ms = Some(at_ms);
        self.trail.restarts += 1;
        self.rebase_waits(at_ms);
    }

    /// Waits count in the running daemon's time: the clock may have been set in between.
    fn rebase_waits(&mut self, at_ms: i64) {
        for (_, shown_at_ms) in self.trail.shown.values_mut() {
            *shown_at_ms = at_ms;
        }
        for tries in self.trail.tries.values_mut() {
            tries.last_ms = at_ms;
        }
        if let Phase::Finding(doubt) = &mut self.phase {
            for then_ms in [&mut doubt.enquired_at_ms, &mut doubt.reversed_at_ms] {
                *then_ms = then_ms.map(|_| at_ms);
            }
            doubt.nothing_ms = None;
        }
    }

    fn reject_code(&mut self, code: Code) {
        self.trail.code_in_hand = false;
        self.trail.codes_rejected += 1;
        self.trail.last_rejection = Some(code);
        self.known.voucher = None;
    }

    fn sent(&mut self, step: Step, infno: &str, msgid: Option<&str>) {
        self.in_flight = Some(step);
        match step {
            Step::Settle => {
                self.trail.settle_sent = true;
                self.known.settle_msgid = msgid.map(str::to_owned);
                self.known.settle_infno = Some(infno.to_owned());
            }
            Step::Fees => {
                self.trail.fees_maybe = true;
                self.trail.tries.remove(&Step::UndoFees);
            }
            Step::Decode
            | Step::Person
            | Step::Register
            | Step::VisitInfo
            | Step::PreSettle
            | Step::UndoSettle
            | Step::UndoFees
            | Step::UndoRegister
            | Step::Reverse
            | Step::FindVisit
            | Step::FindSettlement => {}
        }
    }

    fn answered(&mut self, step: Step, outcome: &Outcome, sign_in_expired: bool, at_ms: i64) {
        if let Outcome::Done { found } = outcome {
            self.trail.tries.remove(&step);
            match found {
                Some(found) => self.learn(step, found, at_ms),
                // The key of that day is gone, and with it what the answer said. Only ended streams are
                // read without their keys, so nothing is decided by this.
                None => self.succeeded(step),
            }
            return;
        }
        let tries = self.trail.tries.entry(step).or_default();
        tries.count += 1;
        tries.last_ms = at_ms;
        tries.last = Some(outcome.clone());
        tries.sign_in_expired = sign_in_expired;
        tries.maybe |= matches!(outcome, Outcome::Unknown { .. });
        self.failed(step, outcome, sign_in_expired, at_ms);
    }

    fn failed(&mut self, step: Step, outcome: &Outcome, sign_in_expired: bool, at_ms: i64) {
        let unknown = matches!(outcome, Outcome::Unknown { .. });
        // While the platform cannot be reached nothing is used up: an outage makes nothing stuck.
        let counts = !matches!(outcome, Outcome::NotSent { .. });
        match step {
            Step::Settle if unknown => {
                self.phase = Phase::Finding(Doubt {
                    since_ms: at_ms,
                    ..Doubt::default()
                });
            }
            // Surely not processed: the way back is open again.
            Step::Settle => self.trail.settle_sent = false,
            Step::Fees if !unknown => self.trail.fees_maybe = self.maybe(Step::Fees),
            Step::UndoSettle if unknown => self.trail.refund_maybe = true,
            Step::Decode if unknown => self.reject_code(Code::PlatformNoAnswer),
            Step::Decode => {
                if let Outcome::Refused { code, .. } = outcome {
                    self.reject_code(*code);
                }
            }
            Step::Person | Step::Register | Step::PreSettle if !sign_in_expired => {
                if let Outcome::Refused {
                    code: Code::CodeExpired,
                    ..
                } = outcome
                {
                    self.trail.tries.remove(&step);
                    self.reject_code(Code::CodeExpired);
                }
            }
            Step::FindSettlement => {
                if let Phase::Finding(doubt) = &mut self.phase {
                    doubt.enquiries += u32::from(counts);
                    doubt.enquired_at_ms = Some(at_ms);
                }
            }
            Step::Reverse => {
                if let Phase::Finding(doubt) = &mut self.phase {
                    doubt.reversals += u32::from(counts);
                    doubt.reversed_at_ms = Some(at_ms);
                }
            }
            Step::Person
            | Step::Register
            | Step::VisitInfo
            | Step::Fees
            | Step::PreSettle
            | Step::UndoSettle
            | Step::UndoFees
            | Step::UndoRegister
            | Step::FindVisit => {}
        }
    }

    /// Whether an earlier try of this step may have been processed.
    fn maybe(&self, step: Step) -> bool {
        self.trail.tries.get(&step).is_some_and(|tries| tries.maybe)
    }

    fn succeeded(&mut self, step: Step) {
        match step {
            Step::VisitInfo => self.trail.visit_sent = true,
            Step::Fees => {
                self.trail.fees_sent = true;
                self.trail.fees_maybe = true;
            }
            Step::UndoFees if matches!(self.phase, Phase::GivingUp(_)) => {
                self.trail.fees_undone = true;
            }
            Step::UndoFees => {
                self.trail.fees_maybe = false;
                if let Some(tries) = self.trail.tries.get_mut(&Step::Fees) {
                    tries.maybe = false;
                }
            }
            Step::UndoRegister => self.trail.visit_undone = true,
            Step::UndoSettle => self.trail.refunded = true,
            Step::Decode
            | Step::Person
            | Step::Register
            | Step::PreSettle
            | Step::Settle
            | Step::Reverse
            | Step::FindVisit
            | Step::FindSettlement => {}
        }
    }

    fn learn(&mut self, step: Step, found: &Found, at_ms: i64) {
        self.succeeded(step);
        match found {
            Found::Nothing => {}
            Found::Voucher(voucher) => {
                self.trail.code_in_hand = false;
                self.known.voucher = Some(voucher.clone());
            }
            Found::Person(person) => self.known.person = Some(person.clone()),
            Found::Registered { mdtrt_id } => {
                self.trail.registered_here = true;
                self.known.mdtrt_id = Some(mdtrt_id.clone());
            }
            Found::Lines(lines) => self.known.lines.clone_from(lines),
            Found::Preview(amounts) => self.known.preview = Some(amounts.clone()),
            Found::Settled(settled) => self.known.settled = Some(settled.clone()),
            Found::Refunded { .. } => self.trail.refunded = true,
            Found::Reversal(reversal) => self.learn_reversal(*reversal, at_ms),
            Found::Visits(visits) => {
                let ours = &self.known.ids.ipt_otp_no;
                if let Some(visit) = visits.iter().find(|visit| visit.ipt_otp_no == *ours) {
                    self.trail.registered_here = true;
                    self.known.mdtrt_id = Some(visit.mdtrt_id.clone());
                }
                if let Some(tries) = self.trail.tries.get_mut(&Step::Register) {
                    // Asked and looked up: what is not there was not registered.
                    tries.maybe = false;
                }
            }
            Found::Enquiry(enquiry) => self.learn_enquiry(enquiry, at_ms),
        }
    }

    fn learn_reversal(&mut self, reversal: Reversal, at_ms: i64) {
        let Phase::Finding(doubt) = &mut self.phase else {
            return;
        };
        doubt.reversals += 1;
        doubt.reversed_at_ms = Some(at_ms);
        match reversal {
            Reversal::Reversed => doubt.is_reversed = true,
            Reversal::NothingThere => doubt.says_nothing(at_ms),
            Reversal::Unclear => {}
        }
    }

    fn learn_enquiry(&mut self, enquiry: &Enquiry, at_ms: i64) {
        let Phase::Finding(doubt) = &mut self.phase else {
            return self.learn_refund_enquiry(enquiry, at_ms);
        };
        doubt.enquiries += 1;
        doubt.enquired_at_ms = Some(at_ms);
        match enquiry {
            Enquiry::Found(settled) => {
                self.known.settled = Some(settled.clone());
                self.phase = Phase::Forward;
            }
            Enquiry::Refunded => doubt.is_reversed = true,
            Enquiry::NothingThere => doubt.says_nothing(at_ms),
            Enquiry::Unclear => {}
        }
    }

    /// 5203 asked for what a 2208 did.
    fn learn_refund_enquiry(&mut self, enquiry: &Enquiry, at_ms: i64) {
        match enquiry {
            Enquiry::Refunded => self.trail.refunded = true,
            Enquiry::Found(_) => self.trail.refund_maybe = false,
            Enquiry::NothingThere | Enquiry::Unclear => {
                self.trail.refund_enquiries = (self.trail.refund_enquiries.0 + 1, at_ms);
            }
        }
    }

    fn undone(&mut self, at_ms: i64) {
        if let Phase::GivingUp(ending) = self.phase {
            self.phase = Phase::Over(ending);
        }
        self.ended_at_ms = Some(at_ms);
        self.paper = PaperState::NotAsked;
    }

    fn stuck(&mut self, code: Code, at_ms: i64) {
        let ending = match self.phase {
            Phase::GivingUp(ending) if !self.is_charged() => Some(ending),
            Phase::Forward
            | Phase::Finding(_)
            | Phase::GivingUp(_)
            | Phase::Standing
            | Phase::Over(_)
            | Phase::Stuck(_) => None,
        };
        if ending.is_some() {
            self.ended_at_ms = Some(at_ms);
        } else {
            self.reason = Some(Reason {
                code,
                text: String::new(),
            });
        }
        self.warnings.push(code.id().to_owned());
        self.phase = Phase::Stuck(ending);
    }

    fn paper_since_ms(&self, at_ms: i64) -> i64 {
        match self.paper {
            PaperState::Wanted(since_ms) => since_ms.unwrap_or(at_ms),
            PaperState::Printing(since_ms) => since_ms,
            PaperState::NotAsked | PaperState::Ended(_) => at_ms,
        }
    }

    /// Whether the platform holds a charge of this settlement that was not given back.
    #[must_use]
    pub fn is_charged(&self) -> bool {
        self.known.settled.is_some() && !self.trail.refunded
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
            Phase::GivingUp(_) | Phase::Over(_) => false,
        }
    }
}
