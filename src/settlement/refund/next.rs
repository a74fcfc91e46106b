//! What comes next.

use super::event::Event;
use super::state::{End, Look, Phase, Refund};
use crate::book::Code;
use crate::settlement::amounts::Amounts;
use crate::settlement::answer::Reason;
use crate::settlement::bill::Fen;
use crate::settlement::call::Outcome;
use crate::settlement::errand::{Ask, Errand};
use crate::settlement::next::{Lost, after_lost_refund, pause_until};
use crate::settlement::rules::Rules;
use crate::settlement::state::Tries;
use crate::settlement::steps::{TRIES_MAX, UNDO_TRIES_MAX};
use crate::settlement::story::Act;

impl Refund {
    pub(super) fn decide(&self, now_ms: i64, rules: &Rules) -> Act<Event> {
        if matches!(self.phase, Phase::Over(_) | Phase::Stuck) {
            return Act::Finished;
        }
        if self.order.is_none() {
            // Sealed with a key that is gone: nothing may be done in its name.
            return self.forgotten();
        }
        match self.phase {
            Phase::Looking(look) => self.looking(look, now_ms),
            Phase::Giving => self.giving(now_ms),
            Phase::Finding => self.finding(now_ms, rules),
            Phase::Comparing => self.comparing(now_ms),
            Phase::Given => ended(End::Refunded, self.given_code(), ""),
            Phase::Over(_) | Phase::Stuck => Act::Finished,
        }
    }

    /// Before a 2208 went out nothing was given back; after it only a person knows.
    fn forgotten(&self) -> Act<Event> {
        match self.phase {
            Phase::Given => ended(End::Refunded, self.given_code(), ""),
            Phase::Looking(_) | Phase::Giving if self.sent.is_none() => {
                ended(End::Refused, Some(Code::RefundRefused), "")
            }
            Phase::Looking(_)
            | Phase::Giving
            | Phase::Finding
            | Phase::Comparing
            | Phase::Over(_)
            | Phase::Stuck => stuck(),
        }
    }

    /// Nothing was sent yet that moves money: whatever does not work ends it.
    fn looking(&self, look: Look, now_ms: i64) -> Act<Event> {
        match look {
            Look::Nothing | Look::NoCharge => ended(End::Refused, Some(Code::RefundNotFound), ""),
            Look::Elsewhere => ended(End::Refused, Some(Code::RefundElsewhere), ""),
            Look::Refunded => ended(End::Refunded, Some(Code::RefundedBefore), ""),
            Look::Asking if self.unclear.0 > 0 => {
                ended(End::Refused, Some(Code::RefundNotFound), "")
            }
            Look::Asking => match &self.asks {
                Some(asks) if asks.count >= TRIES_MAX => refused(asks),
                asks => self.after_pause(asks.as_ref(), now_ms, Ask::Look(self.numbers.clone())),
            },
        }
    }

    fn giving(&self, now_ms: i64) -> Act<Event> {
        if let Some(Reason { code, text }) = &self.refused {
            return ended(End::Refused, Some(refund_code(*code)), text);
        }
        if self.sent.is_none()
            && let (Some(expected), Some(charged)) = (self.expected, &self.charged)
            && expected != charged.medfee_sumamt
        {
            return ended(End::Refused, Some(Code::RefundAmountDiffers), "");
        }
        let ask = Ask::Refund(self.numbers.clone());
        let Some(sends) = &self.sends else {
            return self.now(ask);
        };
        let give_up = match &sends.last {
            // 5203 said after the quiet time that it was not given back: a new message may go out.
            Some(Outcome::Unknown { .. }) if sends.used_up() >= UNDO_TRIES_MAX => return stuck(),
            Some(Outcome::Unknown { .. }) => false,
            Some(Outcome::NotSent { .. }) => sends.unreached >= TRIES_MAX,
            Some(Outcome::Refused { .. }) => !sends.sign_in_expired || sends.count >= TRIES_MAX,
            Some(Outcome::Done { .. }) | None => false,
        };
        if give_up {
            return refused(sends);
        }
        self.after_pause(Some(sends), now_ms, ask)
    }

    fn finding(&self, now_ms: i64, rules: &Rules) -> Act<Event> {
        let Some(sends) = &self.sends else {
            return stuck();
        };
        match after_lost_refund(sends, self.asks.as_ref(), self.unclear, now_ms, rules) {
            Lost::Ask => self.now(Ask::Look(self.numbers.clone())),
            Lost::Wait { until_ms } => Act::Wait { until_ms },
            Lost::Stuck => stuck(),
        }
    }

    /// The platform's own words say that it is given back; 5203 tells what, and whether it agrees.
    fn comparing(&self, now_ms: i64) -> Act<Event> {
        if self.refused.is_some() {
            return stuck();
        }
        let asked = self.asks.as_ref().map_or(0, |asks| asks.count) + self.unclear.0;
        if asked >= TRIES_MAX {
            return ended(End::Refunded, self.given_code(), "");
        }
        self.after_pause(self.asks.as_ref(), now_ms, Ask::Look(self.numbers.clone()))
    }

    /// What is to be known besides when it is given back.
    fn given_code(&self) -> Option<Code> {
        match (&self.given, &self.charged) {
            (Some(given), Some(charged)) => {
                (!is_negative(&given.amounts, charged)).then_some(Code::RefundCompare)
            }
            (Some(_), None) => None,
            // A 2208 of ours had no answer: it was that one.
            (None, _) if self.was_maybe || self.done => None,
            (None, _) => Some(Code::RefundedBefore),
        }
    }

    fn after_pause(&self, tries: Option<&Tries>, now_ms: i64, ask: Ask) -> Act<Event> {
        match pause_until(tries, now_ms) {
            Some(until_ms) => Act::Wait { until_ms },
            None => self.now(ask),
        }
    }

    fn now(&self, ask: Ask) -> Act<Event> {
        match &self.order {
            Some(order) => Act::Ask(Errand {
                operator: order.operator.clone(),
                insuplc_admdvs: self.insuplc_admdvs.clone(),
                ask,
            }),
            None => stuck(),
        }
    }
}

/// E11: every amount is the negative of the settlement's. The deductible is information only, and the balance is
/// what is left afterwards.
fn is_negative(given: &Amounts, charged: &Amounts) -> bool {
    let pairs: [(Fen, Fen); 18] = [
        (given.medfee_sumamt, charged.medfee_sumamt),
        (given.fulamt_ownpay_amt, charged.fulamt_ownpay_amt),
        (given.overlmt_selfpay, charged.overlmt_selfpay),
        (given.preselfpay_amt, charged.preselfpay_amt),
        (given.inscp_scp_amt, charged.inscp_scp_amt),
        (given.hifp_pay, charged.hifp_pay),
        (given.cvlserv_pay, charged.cvlserv_pay),
        (given.hifes_pay, charged.hifes_pay),
        (given.hifmi_pay, charged.hifmi_pay),
        (given.hifob_pay, charged.hifob_pay),
        (given.maf_pay, charged.maf_pay),
        (given.hifdm_pay, charged.hifdm_pay),
        (given.oth_pay, charged.oth_pay),
        (given.fund_pay_sumamt, charged.fund_pay_sumamt),
        (given.psn_part_amt, charged.psn_part_amt),
        (given.acct_pay, charged.acct_pay),
        (given.psn_cash_pay, charged.psn_cash_pay),
        (given.hosp_part_amt, charged.hosp_part_amt),
    ];
    pairs
        .into_iter()
        .all(|(given, charged)| Fen::ZERO.checked_sub(charged) == Some(given))
}

fn refused(tries: &Tries) -> Act<Event> {
    match &tries.last {
        Some(Outcome::Refused { code, text, .. }) => {
            ended(End::Refused, Some(refund_code(*code)), text)
        }
        Some(Outcome::NotSent { code, .. } | Outcome::Unknown { code, .. }) => {
            ended(End::Refused, Some(*code), "")
        }
        Some(Outcome::Done { .. }) | None => ended(End::Refused, Some(Code::Internal), ""),
    }
}

/// What a refused 2208 means for a refund.
fn refund_code(code: Code) -> Code {
    if code == Code::UndoFailed {
        Code::RefundRefused
    } else {
        code
    }
}

fn ended(end: End, code: Option<Code>, text: &str) -> Act<Event> {
    Act::Record(Event::Ended {
        end,
        code,
        text: text.to_owned(),
    })
}

fn stuck() -> Act<Event> {
    Act::Record(Event::Stuck {
        code: Code::RefundStuck,
    })
}
