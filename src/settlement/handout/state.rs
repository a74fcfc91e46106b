//! All that is true of one hand-out or take-back, and the fold of what happened into it.
//!
//! ```text
//!   Telling ──yes──► Ended(Recorded)        a no, or never sent: Ended(Refused)
//!      └──lost──► InDoubt ──told again where that is harmless──► Telling's ends
//!                    └──otherwise──► Stuck ──a person states──► Ended
//! ```

use std::sync::Arc;

use super::goods::Goods;
use super::resolve::Resolution;
use super::story::Event;
use crate::book::Code;
use crate::settlement::answer::Reason;
use crate::settlement::bill::Count;
use crate::settlement::call::{Found, Outcome};
use crate::settlement::order::Operator;

/// Handed out or taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// 3505A.
    HandOut,
    /// 3506A.
    TakeBack,
}

/// What is told, whole. Sealed: it names persons.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Order {
    /// Who works the counter.
    pub operator: Operator,
    /// The goods as they are sent, with their time.
    pub goods: Goods,
    /// The checked request, JSON: what a repetition is compared with.
    pub asked: String,
}

impl std::fmt::Debug for Order {
    /// Its numbers: the rest names persons.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Order")
            .field("operator", &self.operator.id)
            .field("goods", &self.goods)
            .finish_non_exhaustive()
    }
}

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// On its way to the platform.
    Telling,
    /// The platform may have recorded it.
    InDoubt,
    /// Over.
    Ended(Ending),
    /// Only a person can go on.
    Stuck,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The platform answered row by row.
    Recorded,
    /// Nothing was recorded.
    Refused,
}

/// What the platform said of a row.
#[derive(Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RowResult {
    /// retRslt 1.
    pub is_taken: bool,
    /// medins_prod_sel_no, may be empty.
    pub medins_prod_sel_no: String,
    /// msgRslt, may be empty. It may name a person: in the sealed half only.
    #[serde(default)]
    pub message: String,
}

impl std::fmt::Debug for RowResult {
    /// Without the message.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowResult")
            .field("is_taken", &self.is_taken)
            .field("medins_prod_sel_no", &self.medins_prod_sel_no)
            .finish_non_exhaustive()
    }
}

/// All that is true of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Dispense {
    /// Its own id.
    pub id: String,
    /// The caller's id.
    pub request_id: String,
    /// Who asked.
    pub caller: String,
    /// Which of the two.
    pub what: What,
    /// A take-back's hand-out; empty when it is not known here.
    pub of: String,
    /// The rows by their place in the hand-out, with their counts.
    pub lines: Vec<(u32, Count)>,
    /// What is told; absent once the key of its day was deleted.
    pub order: Option<Arc<Order>>,
    /// Where it stands.
    pub phase: Phase,
    /// What the platform said, row by row; empty before.
    pub rows: Vec<RowResult>,
    /// Why it is not recorded.
    pub reason: Option<Reason>,
    /// What a person stated.
    pub resolved: Option<Resolution>,
    /// The last message's msgid.
    pub msgid: String,
    /// The message is out: its intent is recorded, its outcome not.
    pub in_flight: bool,
    /// Tries that failed in a row, and when the last.
    pub tries: (u32, i64),
    /// When it was accepted.
    pub accepted_at_ms: i64,
    /// When its end was known.
    pub ended_at_ms: Option<i64>,
}

impl Dispense {
    /// Whether goods went out.
    #[must_use]
    pub fn is_hand_out(&self) -> bool {
        self.what == What::HandOut
    }

    pub(super) fn before(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            request_id: String::new(),
            caller: String::new(),
            what: What::HandOut,
            of: String::new(),
            lines: Vec::new(),
            order: None,
            phase: Phase::Telling,
            rows: Vec::new(),
            reason: None,
            resolved: None,
            msgid: String::new(),
            in_flight: false,
            tries: (0, 0),
            accepted_at_ms: 0,
            ended_at_ms: None,
        }
    }

    pub(super) fn fold(&mut self, event: &Event, at_ms: i64) {
        match event {
            Event::Accepted {
                request_id,
                caller,
                what,
                of,
                lines,
                order,
            } => {
                self.request_id.clone_from(request_id);
                self.caller.clone_from(caller);
                self.what = *what;
                self.of.clone_from(of);
                self.lines.clone_from(lines);
                self.order = order.as_ref().map(|order| Arc::new((**order).clone()));
                self.accepted_at_ms = at_ms;
            }
            Event::Intent { msgid, .. } => {
                self.msgid.clone_from(msgid);
                self.in_flight = true;
            }
            Event::Answered {
                result,
                sign_in_expired,
                rows,
                ..
            } => {
                self.in_flight = false;
                self.answered(result, *sign_in_expired, rows, at_ms);
            }
            Event::Restarted => {
                if std::mem::take(&mut self.in_flight) {
                    self.doubt(Code::PlatformNoAnswer);
                }
                self.tries.1 = at_ms;
            }
            Event::GivenUp => self.end(Ending::Refused, at_ms),
            Event::Stuck { code } => {
                self.phase = Phase::Stuck;
                self.because(*code, "");
            }
            Event::Resolved {
                by,
                ending,
                lines,
                reason,
            } => {
                let resolution = Resolution {
                    by: by.clone(),
                    at_ms,
                    ending: *ending,
                    reason: reason.clone(),
                };
                self.resolve(resolution, lines);
            }
        }
    }

    fn answered(
        &mut self,
        result: &Outcome,
        sign_in_expired: bool,
        rows: &[RowResult],
        at_ms: i64,
    ) {
        self.tries = (self.tries.0 + 1, at_ms);
        match result {
            Outcome::Done { found } => {
                let told = match found {
                    Some(Found::Dispensed(told)) => told.as_slice(),
                    Some(_) | None => rows,
                };
                if self.phase == Phase::InDoubt && told.iter().any(|row| !row.is_taken) {
                    // What was told before may be why a row is not taken.
                    self.tries.0 = u32::MAX;
                    return;
                }
                self.rows = told.to_vec();
                self.reason = None;
                if let Some(row) = told.iter().find(|row| !row.is_taken) {
                    self.because(Code::RowsRefused, &row.message);
                }
                let any = told.iter().any(|row| row.is_taken);
                self.end(
                    if any {
                        Ending::Recorded
                    } else {
                        Ending::Refused
                    },
                    at_ms,
                );
            }
            // What was told before may be why the platform says no.
            Outcome::Refused { .. } if self.phase == Phase::InDoubt && !sign_in_expired => {
                self.tries.0 = u32::MAX;
            }
            Outcome::Refused { code, text, .. } => {
                self.because(*code, text);
                if self.phase == Phase::Telling && !sign_in_expired {
                    self.end(Ending::Refused, at_ms);
                }
            }
            Outcome::NotSent { code, .. } if self.phase == Phase::Telling => {
                self.because(*code, "");
            }
            Outcome::NotSent { .. } => {}
            Outcome::Unknown { code, .. } => self.doubt(*code),
        }
    }

    fn doubt(&mut self, code: Code) {
        self.phase = Phase::InDoubt;
        self.because(code, "");
    }

    fn because(&mut self, code: Code, text: &str) {
        self.reason = Some(Reason {
            code,
            text: text.to_owned(),
        });
    }

    fn end(&mut self, ending: Ending, at_ms: i64) {
        self.phase = Phase::Ended(ending);
        self.ended_at_ms = Some(at_ms);
    }
}
