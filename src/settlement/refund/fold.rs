//! The fold: what is true after all events so far. Applying an event cannot fail.

use super::event::Event;
use super::state::{End, Given, Look, Phase, Refund, Resolution};
use crate::book::Code;
use crate::settlement::answer::Reason;
use crate::settlement::bill::Fen;
use crate::settlement::call::{Enquiry, Found, Looked, Outcome};
use crate::settlement::state::Tries;
use crate::settlement::stuck::{self, Tried};

/// 结算信息查询.
const ENQUIRY: &str = "5203";

impl Refund {
    pub(super) fn fold(&mut self, event: &Event, at_ms: i64) {
        self.at_ms = at_ms;
        match event {
            Event::Accepted { .. } => self.accepted(event, at_ms),
            Event::Restarted => self.restarted(at_ms),
            Event::Intent { infno, msgid, .. } => self.leaves(infno, msgid, at_ms),
            Event::Answered {
                result,
                sign_in_expired,
                ..
            } => self.answered(result, *sign_in_expired, at_ms),
            Event::Ended { end, code, text } => {
                self.phase = Phase::Over(*end);
                self.ended_at_ms = Some(at_ms);
                self.reason = code.map(|code| Reason {
                    code,
                    text: text.clone(),
                });
            }
            Event::Stuck { code } => {
                self.phase = Phase::Stuck;
                self.reason = Some(Reason {
                    code: *code,
                    text: String::new(),
                });
            }
            Event::Resolved {
                by,
                end,
                setl_id,
                reason,
            } => self.resolve(Resolution {
                by: by.clone(),
                at_ms,
                end: *end,
                setl_id: setl_id.clone(),
                reason: reason.clone(),
            }),
        }
    }

    fn accepted(&mut self, event: &Event, at_ms: i64) {
        let Event::Accepted {
            request_id,
            caller,
            settlement_id,
            numbers,
            insuplc_admdvs,
            fixmedins_code,
            account_in_funds,
            charged,
            expected,
            order,
        } = event
        else {
            return;
        };
        self.request_id.clone_from(request_id);
        self.caller.clone_from(caller);
        self.settlement_id.clone_from(settlement_id);
        self.numbers = numbers.clone();
        self.insuplc_admdvs.clone_from(insuplc_admdvs);
        self.fixmedins_code.clone_from(fixmedins_code);
        self.account_in_funds = *account_in_funds;
        self.charged.clone_from(charged);
        self.expected = *expected;
        self.order.clone_from(order);
        self.accepted_at_ms = at_ms;
        if charged.is_some() {
            self.phase = Phase::Giving;
        }
    }

    /// A message that was out is lost, and waits count in the running daemon's time.
    fn restarted(&mut self, at_ms: i64) {
        if self.in_flight.is_some() {
            let lost = Outcome::Unknown {
                code: Code::PlatformNoAnswer,
                why: "the daemon ended while the message was out".to_owned(),
            };
            self.answered(&lost, false, at_ms);
        }
        for tries in [&mut self.sends, &mut self.asks].into_iter().flatten() {
            tries.last_ms = at_ms;
        }
        self.unclear.1 = at_ms;
    }

    fn leaves(&mut self, infno: &str, msgid: &str, at_ms: i64) {
        self.in_flight = Some(infno.to_owned());
        if infno != ENQUIRY {
            self.sent = Some((msgid.to_owned(), infno.to_owned()));
        }
        let tried = self.tried_of(infno, at_ms);
        tried.times += 1;
        tried.last_at_ms = at_ms;
    }

    fn tried_of(&mut self, infno: &str, at_ms: i64) -> &mut Tried {
        let found = self.tried.iter().position(|tried| tried.infno == infno);
        let at = found.unwrap_or(self.tried.len());
        if found.is_none() {
            self.tried.push(Tried {
                infno: infno.to_owned(),
                times: 0,
                last_at_ms: at_ms,
                end: stuck::End::Unknown,
                code: None,
                infcode: String::new(),
            });
        }
        &mut self.tried[at]
    }

    fn answered(&mut self, result: &Outcome, sign_in_expired: bool, at_ms: i64) {
        let out = self.in_flight.take();
        if let Some(infno) = &out {
            let (end, code, infcode) = stuck::end_of(result);
            let tried = self.tried_of(infno, at_ms);
            (tried.end, tried.code, tried.infcode) = (end, code, infcode);
            tried.last_at_ms = at_ms;
        }
        if self.phase == Phase::Giving {
            self.gave(result, sign_in_expired, at_ms);
        } else {
            self.looked(result, sign_in_expired, at_ms);
        }
    }

    /// What became of a 2208.
    fn gave(&mut self, result: &Outcome, sign_in_expired: bool, at_ms: i64) {
        match result {
            Outcome::Done {
                found:
                    Some(Found::Refunded {
                        setl_id,
                        setl_time,
                        amounts,
                    }),
            } => {
                self.given = Some(Given {
                    setl_id: setl_id.clone(),
                    setl_time: setl_time.clone(),
                    amounts: amounts.clone(),
                });
                self.done = true;
                self.phase = Phase::Given;
            }
            // What it said is forgotten with the key of its day; that it was done is not.
            Outcome::Done { found: None } => {
                self.done = true;
                self.phase = Phase::Given;
            }
            Outcome::Done {
                found: Some(Found::Nothing),
            } => {
                self.sends = None;
                self.asks = None;
                self.unclear = (0, at_ms);
                self.phase = Phase::Comparing;
            }
            Outcome::Done { found: Some(_) } => {
                let unknown = Outcome::Unknown {
                    code: Code::Internal,
                    why: "an answer to another question".to_owned(),
                };
                self.gave(&unknown, sign_in_expired, at_ms);
            }
            Outcome::Refused { .. } | Outcome::NotSent { .. } => {
                let sends = self.sends.get_or_insert_with(Tries::default);
                sends.fail(result, sign_in_expired, at_ms);
                if let (Outcome::Refused { code, text, .. }, true) = (result, self.was_maybe)
                    && !sign_in_expired
                {
                    self.refused = Some(Reason {
                        code: *code,
                        text: text.clone(),
                    });
                    self.is_doubtful(at_ms);
                }
            }
            Outcome::Unknown { .. } => {
                let sends = self.sends.get_or_insert_with(Tries::default);
                sends.fail(result, sign_in_expired, at_ms);
                self.was_maybe = true;
                self.is_doubtful(at_ms);
            }
        }
    }

    fn is_doubtful(&mut self, at_ms: i64) {
        self.asks = None;
        self.unclear = (0, at_ms);
        self.phase = Phase::Finding;
    }

    /// What 5203 said, and what it means where the refund stands.
    fn looked(&mut self, result: &Outcome, sign_in_expired: bool, at_ms: i64) {
        let Outcome::Done { found } = result else {
            let asks = self.asks.get_or_insert_with(Tries::default);
            asks.fail(result, sign_in_expired, at_ms);
            return;
        };
        self.asks = None;
        match found {
            Some(Found::Looked(looked)) => self.found(looked),
            Some(Found::Enquiry(Enquiry::NothingThere))
                if matches!(self.phase, Phase::Looking(_)) =>
            {
                self.phase = Phase::Looking(Look::Nothing);
            }
            // Nothing there is no answer to whether what was there was given back.
            Some(_) | None => self.unclear = (self.unclear.0 + 1, at_ms),
        }
    }

    fn found(&mut self, looked: &Looked) {
        let amounts = &looked.settled.amounts;
        let is_charge = amounts.medfee_sumamt > Fen::ZERO;
        if is_charge && self.charged.is_none() {
            self.charged = Some(amounts.clone());
        }
        let code = &looked.fixmedins_code;
        let elsewhere = !code.is_empty() && *code != self.fixmedins_code;
        self.phase = match (&self.phase, looked.is_refunded) {
            (Phase::Looking(_), _) if elsewhere => Phase::Looking(Look::Elsewhere),
            (Phase::Looking(_), _) if !is_charge => Phase::Looking(Look::NoCharge),
            (Phase::Looking(_), true) => Phase::Looking(Look::Refunded),
            (Phase::Looking(_), false) => Phase::Giving,
            (Phase::Finding | Phase::Comparing, true) => Phase::Given,
            // Surely not done: a new one may go out.
            (Phase::Finding, false) => Phase::Giving,
            (Phase::Comparing, false) => Phase::Comparing,
            (Phase::Giving | Phase::Given | Phase::Over(_) | Phase::Stuck, _) => self.phase.clone(),
        };
        if self.phase == Phase::Comparing {
            // It says that it was given back, and that it was not.
            self.refused = Some(Reason {
                code: Code::RefundStuck,
                text: String::new(),
            });
        }
    }

    fn resolve(&mut self, resolution: Resolution) {
        if self.phase != Phase::Stuck {
            return;
        }
        self.phase = Phase::Over(resolution.end);
        self.ended_at_ms = Some(resolution.at_ms);
        self.reason = Some(Reason {
            code: Code::ResolvedByPerson,
            text: String::new(),
        });
        self.resolved = Some(resolution);
    }

    /// Ended so that nothing was given back; another refund of the same settlement may begin.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.phase == Phase::Over(End::Refused)
    }
}
