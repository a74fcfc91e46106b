//! The fold: what is true after all events so far. Applying an event cannot fail.

use std::sync::Arc;

use super::answer::{Paper, Reason};
use super::call::{Found, Outcome, Step};
use super::event::{Ending, Event, Verdict};
use super::order::PrintWish;
use super::state::{PaperState, Phase, Resolution, State};
use crate::book::Code;

impl State {
    /// Folds one event that happened at `at_ms`.
    pub fn apply(&mut self, event: &Event, at_ms: i64) {
        self.at_ms = at_ms;
        self.events += 1;
        match event {
            Event::Accepted { .. } => self.accepted(event, at_ms),
            Event::Joined => self.trail.alone_since_ms = None,
            Event::CallerGone => self.trail.alone_since_ms = Some(at_ms),
            Event::Restarted => self.restarted(at_ms),
            Event::CancelAsked { by: _ } => self.trail.cancel_asked = true,
            Event::PrinterLooked { fault } => self.printer_looked(*fault, at_ms),
            Event::CodeRead => self.code_read(),
            Event::DocumentRead { found, .. } | Event::IdentityShown { found, .. } => {
                self.document_read(found.as_ref());
            }
            Event::CodeRejected { code } => self.reject_code(*code),
            Event::ReadFailed { code } => self.trail.read_failed = Some(*code),
            Event::InsuranceChosen { index } => self.choose_insurance(*index),
            Event::InsuranceRecalled { insutype } => {
                self.trail.recalled = Some(insutype.clone());
            }
            Event::Shown { point, token } => {
                let shown = (token.clone(), at_ms);
                self.trail.shown.insert((*point).into(), shown);
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
            } => self.sent(*step, infno, msgid.as_deref()),
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
            Event::Stands => self.stands(at_ms),
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
            Event::Resolved { .. } => self.resolve(event, at_ms),
        }
    }

    fn code_read(&mut self) {
        self.trail.code_in_hand = true;
        self.trail.last_rejection = None;
        self.trail.tries.remove(&Step::Decode);
    }

    /// What is sealed with a key that is gone is not there: it is read again.
    fn document_read(&mut self, found: Option<&Found>) {
        self.trail.last_rejection = None;
        if let Some(Found::Voucher(voucher)) = found {
            self.known.voucher = Some(voucher.clone());
        }
    }

    fn accepted(&mut self, event: &Event, at_ms: i64) {
        let Event::Accepted {
            request_id,
            caller,
            total,
            ids,
            mdtrt_id,
            order,
            kind: _,
        } = event
        else {
            return;
        };
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

    fn printer_looked(&mut self, fault: Option<Code>, at_ms: i64) {
        self.trail.printer_seen = fault.is_none();
        self.trail.printer_fault = fault;
        if let (PaperState::Printing(since_ms), Some(_)) = (&self.paper, fault) {
            // Not a byte of it left: it may be tried again.
            self.paper = PaperState::Wanted(Some(*since_ms));
            self.trail.print_failures = (self.trail.print_failures.0 + 1, at_ms);
        }
    }

    fn choose_insurance(&mut self, index: usize) {
        let person = self.known.person.as_ref();
        self.known.insurance = person.and_then(|person| person.insuinfo.get(index).cloned());
    }

    fn stands(&mut self, at_ms: i64) {
        self.phase = Phase::Standing;
        self.ended_at_ms = Some(at_ms);
        if self.paper == PaperState::Wanted(None) {
            self.paper = PaperState::Wanted(Some(at_ms));
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
            if let Phase::Finding(doubt) = &mut self.phase {
                doubt.broken += u32::from(matches!(step, Step::FindSettlement | Step::Reverse));
            }
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
        self.trail.refund_enquiries.1 = at_ms;
        self.trail.print_failures.1 = at_ms;
        if let Phase::Finding(doubt) = &mut self.phase {
            for then_ms in [&mut doubt.enquired_at_ms, &mut doubt.reversed_at_ms] {
                *then_ms = then_ms.map(|_| at_ms);
            }
            doubt.enquiry_failures_ms.clear();
            doubt.nothing_ms = None;
        }
    }

    pub(super) fn reject_code(&mut self, code: Code) {
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
            Step::UndoSettle | Step::UndoFees | Step::UndoRegister => self.taking_back(step),
            Step::Decode
            | Step::Person
            | Step::Register
            | Step::VisitInfo
            | Step::PreSettle
            | Step::Reverse
            | Step::FindVisit
            | Step::FindSettlement => {}
        }
    }

    /// What is taken back tells what was found before, also when the answers are forgotten: only what was
    /// charged is given back, and the rest follows only when nothing is charged.
    pub(super) fn taking_back(&mut self, step: Step) {
        match step {
            Step::UndoSettle => self.trail.charge_seen = true,
            Step::UndoFees | Step::UndoRegister if matches!(self.phase, Phase::GivingUp(_)) => {
                self.trail.refunded |= self.trail.charge_seen;
            }
            Step::Decode
            | Step::Person
            | Step::Register
            | Step::VisitInfo
            | Step::Fees
            | Step::PreSettle
            | Step::Settle
            | Step::UndoFees
            | Step::UndoRegister
            | Step::Reverse
            | Step::FindVisit
            | Step::FindSettlement => {}
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
        self.stuck_at_ms = Some(at_ms);
        self.phase = Phase::Stuck(ending);
    }

    /// What a person states is what the money is; what was known before stays.
    fn resolve(&mut self, event: &Event, at_ms: i64) {
        let Event::Resolved {
            by,
            verdict,
            setl_id,
            reason,
        } = event
        else {
            return;
        };
        let Phase::Stuck(ending) = self.phase else {
            // Stated before: only a mistyped number is mended.
            if let Some(first) = self.resolved.as_mut().filter(|r| r.verdict == *verdict) {
                first.setl_id.clone_from(setl_id);
                first.reason.clone_from(reason);
                first.by.clone_from(by);
                first.at_ms = at_ms;
            }
            return;
        };
        self.phase = match (ending, *verdict) {
            (Some(ending), _) => Phase::Over(ending),
            (None, Verdict::Settled) => Phase::Standing,
            (None, Verdict::NotCharged) => Phase::Over(Ending::Cancelled),
            (None, Verdict::Reversed) => Phase::Over(Ending::Reversed),
        };
        if ending.is_none() {
            self.ended_at_ms = Some(at_ms);
            self.reason = Some(Reason {
                code: Code::ResolvedByPerson,
                text: String::new(),
            });
        }
        // Nobody waits for a receipt any more, and of some charges only the preview is known.
        if !matches!(self.paper, PaperState::Ended(_)) {
            self.paper = PaperState::NotAsked;
        }
        self.resolved = Some(Resolution {
            by: by.clone(),
            at_ms,
            verdict: *verdict,
            setl_id: setl_id.clone(),
            reason: reason.clone(),
        });
    }

    fn paper_since_ms(&self, at_ms: i64) -> i64 {
        match self.paper {
            PaperState::Wanted(since_ms) => since_ms.unwrap_or(at_ms),
            PaperState::Printing(since_ms) => since_ms,
            PaperState::NotAsked | PaperState::Ended(_) => at_ms,
        }
    }
}
