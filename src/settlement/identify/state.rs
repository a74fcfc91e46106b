//! All that is true of one identification, and the fold of what happened into it. Applying cannot fail.

use std::sync::Arc;

use super::event::{Ending, Event, Wish};
use super::flow::Flow;
use crate::book::Code;
use crate::settlement::answer::Reason;
use crate::settlement::call::{Found, Outcome, Step};
use crate::settlement::known::{Person, Voucher};
use crate::settlement::order::CredentialKind;
use crate::settlement::state::Tries;

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// On its way.
    Running,
    /// The person is known.
    Identified,
    /// Nobody was identified.
    Ended(Ending),
}

/// All that is true of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Identification {
    /// Its own id.
    pub id: String,
    /// The caller's id.
    pub request_id: String,
    /// Who asked.
    pub caller: String,
    /// By which door.
    pub door: String,
    /// What for.
    pub flow: Flow,
    /// 用码业务类型.
    pub business_type: String,
    /// The request; absent once the key of its day was deleted.
    pub wish: Option<Arc<Wish>>,
    /// Where it stands.
    pub phase: Phase,
    /// A code was read and is not decoded yet.
    pub code_in_hand: bool,
    /// Things shown that could not be used.
    pub codes_rejected: u32,
    /// Why the last one could not.
    pub last_rejection: Option<Code>,
    /// Reading ended without anything.
    pub read_failed: Option<Code>,
    /// What was shown; absent too once the key of its day was deleted.
    pub credential: Option<CredentialKind>,
    /// Whose it is.
    pub voucher: Option<Voucher>,
    /// When that was learned.
    pub decoded_at_ms: Option<i64>,
    /// What 1101 says.
    pub person: Option<Person>,
    /// The last try of the present step, when it ended nothing.
    pub tries: Option<(Step, Tries)>,
    /// Why nobody was identified, or why nothing is known of the insurance.
    pub reason: Option<Reason>,
    /// When it was accepted.
    pub accepted_at_ms: i64,
    /// When it ended.
    pub ended_at_ms: Option<i64>,
    /// When something last happened.
    pub at_ms: i64,
}

impl Identification {
    /// Before any event.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            request_id: String::new(),
            caller: String::new(),
            door: String::new(),
            flow: Flow::Report,
            business_type: String::new(),
            wish: None,
            phase: Phase::Running,
            code_in_hand: false,
            codes_rejected: 0,
            last_rejection: None,
            read_failed: None,
            credential: None,
            voucher: None,
            decoded_at_ms: None,
            person: None,
            tries: None,
            reason: None,
            accepted_at_ms: 0,
            ended_at_ms: None,
            at_ms: 0,
        }
    }

    /// Whether nothing more happens.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.phase != Phase::Running
    }

    /// Folds one event that happened at `at_ms`.
    pub fn apply(&mut self, event: &Event, at_ms: i64) {
        self.at_ms = at_ms;
        match event {
            Event::Accepted { .. } => self.accepted(event, at_ms),
            Event::CodeRead => {
                self.code_in_hand = true;
                self.credential = Some(CredentialKind::EVoucher);
                self.last_rejection = None;
                self.tries = None;
            }
            Event::DocumentRead { credential, found } => {
                self.credential = Some(*credential);
                self.last_rejection = None;
                self.decoded_at_ms = Some(at_ms);
                if let Some(Found::Voucher(voucher)) = found {
                    self.voucher = Some(voucher.clone());
                }
            }
            Event::CodeRejected { code } => self.reject(*code),
            Event::ReadFailed { code } => self.read_failed = Some(*code),
            Event::Intent { .. } | Event::UnmaskedRead { .. } => {}
            Event::Answered {
                step,
                result,
                sign_in_expired,
                ..
            } => self.answered(*step, result, *sign_in_expired, at_ms),
            Event::Identified => {
                self.phase = Phase::Identified;
                self.ended_at_ms = Some(at_ms);
                self.reason = self.last_try();
            }
            Event::Ended { ending, code, text } => {
                self.phase = Phase::Ended(*ending);
                self.ended_at_ms = Some(at_ms);
                self.reason = Some(Reason {
                    code: *code,
                    text: text.clone(),
                });
            }
        }
    }

    /// Why the last try ended nothing.
    #[must_use]
    pub fn last_try(&self) -> Option<Reason> {
        let (_, tries) = self.tries.as_ref()?;
        let (code, text) = match tries.last.as_ref()? {
            Outcome::Refused { code, text, .. } => (*code, text.clone()),
            Outcome::NotSent { code, .. } | Outcome::Unknown { code, .. } => (*code, String::new()),
            Outcome::Done { .. } => return None,
        };
        Some(Reason { code, text })
    }

    fn accepted(&mut self, event: &Event, at_ms: i64) {
        let Event::Accepted {
            request_id,
            caller,
            door,
            flow,
            business_type,
            wish,
        } = event
        else {
            return;
        };
        self.request_id.clone_from(request_id);
        self.caller.clone_from(caller);
        self.door.clone_from(door);
        self.flow = *flow;
        self.business_type.clone_from(business_type);
        self.wish = wish.as_ref().map(|wish| Arc::new((**wish).clone()));
        self.accepted_at_ms = at_ms;
    }

    fn reject(&mut self, code: Code) {
        self.code_in_hand = false;
        self.codes_rejected += 1;
        self.last_rejection = Some(code);
        self.voucher = None;
        self.credential = None;
        self.decoded_at_ms = None;
        self.tries = None;
    }

    fn answered(&mut self, step: Step, outcome: &Outcome, sign_in_expired: bool, at_ms: i64) {
        match outcome {
            Outcome::Done {
                found: Some(Found::Voucher(voucher)),
            } if step == Step::Decode => {
                self.voucher = Some(voucher.clone());
                self.decoded(at_ms);
            }
            Outcome::Done {
                found: Some(Found::Person(person)),
            } if step == Step::Person => {
                self.person = Some(person.clone());
                self.tries = None;
            }
            // The key of that day is gone, and with it what the answer said.
            Outcome::Done { found: None } if step == Step::Decode => self.decoded(at_ms),
            Outcome::Done { found: None } => self.tries = None,
            // It says yes to something else: what became of the step is not known.
            Outcome::Done { found: Some(_) } => {
                let unknown = Outcome::Unknown {
                    code: Code::PlatformUnreadable,
                    why: "an answer to another step".to_owned(),
                };
                self.failed(step, &unknown, sign_in_expired, at_ms);
            }
            Outcome::Refused { .. } | Outcome::NotSent { .. } | Outcome::Unknown { .. } => {
                self.failed(step, outcome, sign_in_expired, at_ms);
            }
        }
    }

    fn decoded(&mut self, at_ms: i64) {
        self.code_in_hand = false;
        self.decoded_at_ms = Some(at_ms);
        self.tries = None;
    }

    fn failed(&mut self, step: Step, outcome: &Outcome, sign_in_expired: bool, at_ms: i64) {
        match outcome {
            // The service may have used the code up.
            Outcome::Unknown { code, .. } if step == Step::Decode => return self.reject(*code),
            // What a gateway or a sign-in refuses is not the code's fault: another one would fare no better.
            Outcome::Refused { code, .. }
                if step == Step::Decode
                    && !sign_in_expired
                    && !matches!(code, Code::GatewayRefused | Code::SignInFailed) =>
            {
                return self.reject(*code);
            }
            Outcome::Refused {
                code: Code::CodeExpired,
                ..
            } => return self.reject(Code::CodeExpired),
            Outcome::Refused { .. }
            | Outcome::NotSent { .. }
            | Outcome::Unknown { .. }
            | Outcome::Done { .. } => {}
        }
        let (of, mut tries) = self.tries.take().unwrap_or((step, Tries::default()));
        if of != step {
            tries = Tries::default();
        }
        tries.fail(outcome, sign_in_expired, at_ms);
        self.tries = Some((step, tries));
    }
}
