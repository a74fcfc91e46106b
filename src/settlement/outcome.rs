//! The fold of what became of a call: what was learned by it, and what its failure means.

use super::call::{Enquiry, Found, Outcome, Reversal, Settled, Step};
use super::state::{Doubt, Phase, State};
use crate::book::Code;

impl State {
    pub(super) fn answered(
        &mut self,
        step: Step,
        outcome: &Outcome,
        sign_in_expired: bool,
        at_ms: i64,
    ) {
        self.taking_back(step);
        match outcome {
            Outcome::Done { found: Some(found) } if answers(step, found) => {
                self.trail.tries.remove(&step);
                self.learn(step, found, at_ms);
            }
            // It says yes to something else: what became of the step is not known.
            Outcome::Done { found: Some(_) } => {
                let unknown = Outcome::Unknown {
                    code: Code::Internal,
                    why: "an answer to another step".to_owned(),
                };
                self.not_done(step, &unknown, sign_in_expired, at_ms);
            }
            // The key of that day is gone, and with it what the answer said.
            Outcome::Done { found: None } => {
                self.trail.tries.remove(&step);
                self.succeeded(step);
                if step == Step::Settle {
                    self.doubt(at_ms);
                }
            }
            Outcome::Refused { .. } | Outcome::NotSent { .. } | Outcome::Unknown { .. } => {
                self.not_done(step, outcome, sign_in_expired, at_ms);
            }
        }
    }

    fn not_done(&mut self, step: Step, outcome: &Outcome, sign_in_expired: bool, at_ms: i64) {
        let tries = self.trail.tries.entry(step).or_default();
        tries.fail(outcome, sign_in_expired, at_ms);
        self.failed(step, outcome, sign_in_expired, at_ms);
    }

    /// The settling call may have charged.
    fn doubt(&mut self, at_ms: i64) {
        self.phase = Phase::Finding(Doubt {
            since_ms: at_ms,
            ..Doubt::default()
        });
    }

    fn failed(&mut self, step: Step, outcome: &Outcome, sign_in_expired: bool, at_ms: i64) {
        let unknown = matches!(outcome, Outcome::Unknown { .. });
        // While the platform cannot be reached nothing is used up: an outage makes nothing stuck.
        let counts = !matches!(outcome, Outcome::NotSent { .. });
        match step {
            Step::Settle if unknown => self.doubt(at_ms),
            // Surely not processed: the way back is open again.
            Step::Settle => self.trail.settle_sent = false,
            Step::Fees if unknown => self.trail.fees_lost = true,
            Step::Fees => {
                self.trail.fees_maybe = self.trail.fees_lost || !self.known.lines.is_empty();
            }
            Step::UndoSettle if unknown => self.trail.refund_maybe = true,
            Step::Decode if unknown => self.reject_code(Code::PlatformNoAnswer),
            Step::Decode => {
                // What a gateway or a sign-in refuses is not the code's fault: another one would fare no better.
                if let Outcome::Refused { code, .. } = outcome
                    && !matches!(code, Code::GatewayRefused | Code::SignInFailed)
                {
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
                    doubt.enquiry_failures_ms.extend(counts.then_some(at_ms));
                }
            }
            Step::Reverse => {
                if let Phase::Finding(doubt) = &mut self.phase {
                    doubt.reversals += u32::from(counts);
                    doubt.reversed_at_ms = Some(at_ms);
                    doubt.reversal_maybe |= unknown;
                }
            }
            Step::Person
            | Step::Register
            | Step::VisitInfo
            | Step::PreSettle
            | Step::UndoSettle
            | Step::UndoFees
            | Step::UndoRegister
            | Step::FindVisit => {}
        }
    }

    fn succeeded(&mut self, step: Step) {
        match step {
            Step::VisitInfo => self.trail.visit_sent = true,
            Step::Fees => self.trail.fees_maybe = true,
            Step::UndoFees if matches!(self.phase, Phase::GivingUp(_)) => {
                self.trail.fees_undone = true;
            }
            Step::UndoFees => {
                self.trail.fees_maybe = self.trail.fees_lost;
                self.known.lines.clear();
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
            Found::Nothing | Found::Dispensed(_) => {}
            Found::Voucher(voucher) => {
                self.trail.code_in_hand = false;
                self.known.voucher = Some(voucher.clone());
            }
            Found::Person(person) => self.known.person = Some(person.clone()),
            Found::Registered { mdtrt_id } => {
                self.trail.registered_here = true;
                self.known.mdtrt_id = Some(mdtrt_id.clone());
            }
            Found::Lines(lines) => {
                self.known.lines.extend_from_slice(lines);
                let wanted = self.known.ids.feedetl_sn.len();
                self.trail.fees_sent = self.known.lines.len() >= wanted;
            }
            Found::Preview(amounts) => self.known.preview = Some(amounts.clone()),
            Found::DrugPreview { amounts, lines } => {
                self.known.preview = Some(amounts.clone());
                self.known.lines.clone_from(lines);
            }
            Found::Settled(settled) => self.charged(settled),
            Found::Refunded { .. } => self.trail.refunded = true,
            Found::Reversal(reversal) => self.learn_reversal(*reversal, at_ms),
            Found::Visits(visits) => {
                let number_is_ours =
                    (self.order.as_ref()).is_some_and(|order| order.visit.ipt_otp_no.is_empty());
                let ours = &self.known.ids.ipt_otp_no;
                if let Some(visit) = visits.iter().find(|visit| visit.ipt_otp_no == *ours) {
                    // A number that the caller brought may be an older visit's: that one is never taken back.
                    self.trail.registered_here = number_is_ours;
                    self.known.mdtrt_id = Some(visit.mdtrt_id.clone());
                }
                if let Some(tries) = self.trail.tries.get_mut(&Step::Register) {
                    // Asked and looked up: what is not there was not registered.
                    tries.maybe = false;
                }
            }
            Found::Enquiry(enquiry) => self.learn_enquiry(enquiry, at_ms),
            // No step of a settlement finds these.
            Found::Looked(_)
            | Found::Compared(_)
            | Found::Totals { .. }
            | Found::File { .. }
            | Found::Statement(_)
            | Found::YearToDate(_) => {}
        }
    }

    fn charged(&mut self, settled: &Settled) {
        self.trail.charge_seen = true;
        if self.known.mdtrt_id.is_none() && !settled.mdtrt_id.is_empty() {
            // A pharmacy's visit is made by the settling call itself.
            self.known.mdtrt_id = Some(settled.mdtrt_id.clone());
        }
        self.known.settled = Some(settled.clone());
    }

    fn learn_reversal(&mut self, reversal: Reversal, at_ms: i64) {
        let Phase::Finding(doubt) = &mut self.phase else {
            return;
        };
        doubt.reversals += 1;
        doubt.reversed_at_ms = Some(at_ms);
        doubt.reversal_maybe = false;
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
        doubt.enquiry_failures_ms.clear();
        match enquiry {
            Enquiry::Found(settled) => {
                self.charged(settled);
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
}

/// Whether this can be what the step found. What does not fit would be asked again for ever.
fn answers(step: Step, found: &Found) -> bool {
    match step {
        Step::Decode => matches!(found, Found::Voucher(_)),
        Step::Person => matches!(found, Found::Person(_)),
        Step::Register => matches!(found, Found::Registered { .. }),
        Step::VisitInfo | Step::UndoFees | Step::UndoRegister => matches!(found, Found::Nothing),
        Step::Fees => matches!(found, Found::Lines(_)),
        Step::PreSettle => matches!(found, Found::Preview(_) | Found::DrugPreview { .. }),
        Step::Settle => matches!(found, Found::Settled(_)),
        // That it was given back already is said without amounts.
        Step::UndoSettle => matches!(found, Found::Refunded { .. } | Found::Nothing),
        Step::Reverse => matches!(found, Found::Reversal(_)),
        Step::FindVisit => matches!(found, Found::Visits(_)),
        Step::FindSettlement => matches!(found, Found::Enquiry(_)),
    }
}
