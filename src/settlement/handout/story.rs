//! What happened to a hand-out or take-back, and what comes next.

use zeroize::Zeroizing;

use super::state::{Dispense, Ending, Order, Phase, RowResult, What};
use crate::book::Code;
use crate::settlement::bill::Count;
use crate::settlement::call::{Found, Outcome};
use crate::settlement::errand::{Ask, Errand};
use crate::settlement::rules::Rules;
use crate::settlement::steps::{TRIES_MAX, UNDO_TRIES_MAX, pause_ms};
use crate::settlement::story::{Act, Got, Head, Sent, Story};

/// One thing that happened. Variants are only added.
#[derive(Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "a few at a time; boxes would stand between the words"
)]
pub enum Event {
    /// It was checked and taken.
    Accepted {
        /// The caller's id.
        request_id: String,
        /// Who asked.
        caller: String,
        /// Which of the two.
        what: What,
        /// A take-back's hand-out.
        of: String,
        /// The rows by their place in the hand-out, with their counts.
        lines: Vec<(u32, Count)>,
        /// What is told, sealed.
        #[serde(skip)]
        order: Option<Box<Order>>,
    },
    /// A message is about to leave.
    Intent {
        /// Its transaction number.
        infno: String,
        /// Its msgid.
        msgid: String,
        /// The message whole, sealed.
        #[serde(skip)]
        request: Option<String>,
    },
    /// What became of it.
    Answered {
        /// What became of it.
        result: Outcome,
        /// The sign-in had expired: it may be told again.
        sign_in_expired: bool,
        /// Which rows were taken; what was said of them stands in the sealed half.
        rows: Vec<RowResult>,
        /// The answer whole, sealed.
        #[serde(skip)]
        answer: Option<String>,
    },
    /// The daemon started anew with this open.
    Restarted,
    /// It was not sent, and is tried no more.
    GivenUp,
    /// Only a person can go on.
    Stuck {
        /// Why.
        code: Code,
    },
    /// A person stated what the platform recorded.
    Resolved {
        /// Who.
        by: String,
        /// Whether any of it is recorded.
        ending: Ending,
        /// The rows that are, by their place in the hand-out.
        lines: Vec<u32>,
        /// Why it is known, sealed: people write names.
        #[serde(skip)]
        reason: String,
    },
}

#[derive(Default, serde::Serialize, serde::Deserialize)]
struct Private {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<Box<Order>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    found: Option<Found>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    text: String,
}

impl std::fmt::Debug for Event {
    /// The readable half: what is sealed is not shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&serde_json::to_string(self).unwrap_or_default())
    }
}

impl Dispense {
    fn ask(&self, order: &Order) -> Act<Event> {
        let goods = Box::new(order.goods.clone());
        Act::Ask(Errand {
            operator: order.operator.clone(),
            insuplc_admdvs: order.goods.insuplc_admdvs.clone(),
            ask: match self.what {
                What::HandOut => Ask::HandOut(goods),
                What::TakeBack => Ask::TakeBack(goods),
            },
        })
    }

    fn again(&self, order: &Order, now_ms: i64) -> Act<Event> {
        let (failed, last_ms) = self.tries;
        let until_ms = last_ms + pause_ms(failed);
        if failed > 0 && now_ms < until_ms {
            Act::Wait { until_ms }
        } else {
            self.ask(order)
        }
    }
}

impl Story for Dispense {
    type Event = Event;

    const KIND: &'static str = "hand_out";
    const VERSION: u16 = 1;

    fn new(id: &str) -> Self {
        Self::before(id)
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn next(&self, now_ms: i64, rules: &Rules) -> Act<Event> {
        let (failed, _) = self.tries;
        match (self.phase, self.order.as_deref()) {
            (Phase::Ended(_) | Phase::Stuck, _) => Act::Finished,
            // The goods are sealed with a key that is gone.
            (Phase::Telling | Phase::InDoubt, None) => {
                Act::Record(Self::stuck(Code::DispenseUnknown))
            }
            (Phase::Telling, Some(order)) if failed < TRIES_MAX => self.again(order, now_ms),
            (Phase::Telling, Some(_)) => Act::Record(Event::GivenUp),
            (Phase::InDoubt, Some(order))
                if rules.dispense_repeat_is_harmless && failed < UNDO_TRIES_MAX =>
            {
                self.again(order, now_ms)
            }
            (Phase::InDoubt, Some(_)) => Act::Record(Self::stuck(Code::DispenseUnknown)),
        }
    }

    fn apply(&mut self, event: &Event, at_ms: i64) {
        self.fold(event, at_ms);
    }

    fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Ended(_) | Phase::Stuck)
    }

    fn is_answered(&self) -> bool {
        self.is_over()
    }

    fn head(&self) -> Head {
        let order = self.order.as_deref();
        let asked = order.map_or("", |order| order.asked.as_str());
        let subject = (!self.of.is_empty()).then(|| subject_of(&self.of));
        let summary = serde_json::json!({
            "dispense_id": self.id,
            "what": self.what,
            "of": self.of,
            "setl_id": order.map_or("", |order| order.goods.setl_id.as_str()),
            "mdtrt_sn": order.map_or("", |order| order.goods.mdtrt_sn.as_str()),
            "rows": self.lines.len(),
            "rows_taken": self.rows.iter().filter(|row| row.is_taken).count(),
            "msgid": self.msgid,
            "code": self.reason.as_ref().map(|reason| reason.code),
        });
        Head {
            request_id: self.request_id.clone(),
            caller: self.caller.clone(),
            request: Zeroizing::new(asked.as_bytes().to_vec()),
            stuck: self.phase == Phase::Stuck,
            subject,
            // Each counts the others, also those on their way.
            subject_is_shared: true,
            // What is in doubt counts as brought back: others of the same hand-out may go on.
            blocks_when_stuck: false,
            person: order.map(|order| order.goods.certno.clone()),
            summary: summary.to_string(),
        }
    }

    fn outcome(&self) -> &'static str {
        match self.phase {
            Phase::Ended(Ending::Recorded) => "recorded",
            Phase::Ended(Ending::Refused) => "refused",
            Phase::Stuck => "stuck",
            Phase::Telling | Phase::InDoubt => "open",
        }
    }

    fn intent(sent: Sent) -> Event {
        Event::Intent {
            infno: sent.infno,
            msgid: sent.msgid,
            request: Some(sent.request),
        }
    }

    fn answered(got: Got) -> Event {
        let rows = match &got.outcome {
            Outcome::Done {
                found: Some(Found::Dispensed(rows)),
            } => rows.clone(),
            Outcome::Done { .. }
            | Outcome::Refused { .. }
            | Outcome::NotSent { .. }
            | Outcome::Unknown { .. } => Vec::new(),
        };
        let bare = |row: RowResult| RowResult {
            message: String::new(),
            ..row
        };
        Event::Answered {
            rows: rows.into_iter().map(bare).collect(),
            result: got.outcome,
            sign_in_expired: got.sign_in_expired,
            answer: got.answer,
        }
    }

    fn restarted() -> Event {
        Event::Restarted
    }

    /// Whatever the cause: what is not known is what the platform recorded; no money is in it.
    fn stuck(_: Code) -> Event {
        Event::Stuck {
            code: Code::DispenseUnknown,
        }
    }

    fn kind(event: &Event) -> &'static str {
        match event {
            Event::Accepted { .. } => "accepted",
            Event::Intent { .. } => "intent",
            Event::Answered { .. } => "answered",
            Event::Restarted => "restarted",
            Event::GivenUp => "given_up",
            Event::Stuck { .. } => "stuck",
            Event::Resolved { .. } => "resolved",
        }
    }

    fn private(event: &Event) -> Option<Zeroizing<Vec<u8>>> {
        let private = match event {
            Event::Accepted { order, .. } => Private {
                order: order.clone(),
                ..Private::default()
            },
            Event::Intent { request, .. } => Private {
                message: request.clone(),
                ..Private::default()
            },
            Event::Answered { result, answer, .. } => {
                let (found, text) = match result {
                    Outcome::Done { found } => (found.clone(), String::new()),
                    Outcome::Refused { text, .. } => (None, text.clone()),
                    Outcome::NotSent { .. } | Outcome::Unknown { .. } => (None, String::new()),
                };
                Private {
                    message: answer.clone(),
                    found,
                    text,
                    ..Private::default()
                }
            }
            Event::Resolved { reason, .. } => Private {
                text: reason.clone(),
                ..Private::default()
            },
            Event::Restarted | Event::GivenUp | Event::Stuck { .. } => return None,
        };
        let json = serde_json::to_vec(&private).expect("it has text keys");
        Some(Zeroizing::new(json))
    }

    fn with_private(mut event: Event, plain: &[u8]) -> Result<Event, serde_json::Error> {
        let private: Private = serde_json::from_slice(plain)?;
        match &mut event {
            Event::Accepted { order, .. } => *order = private.order,
            Event::Intent { request, .. } => *request = private.message,
            Event::Answered { result, answer, .. } => {
                *answer = private.message;
                match result {
                    Outcome::Done { found } => *found = private.found,
                    Outcome::Refused { text, .. } => *text = private.text,
                    Outcome::NotSent { .. } | Outcome::Unknown { .. } => {}
                }
            }
            Event::Resolved { reason, .. } => *reason = private.text,
            Event::Restarted | Event::GivenUp | Event::Stuck { .. } => {}
        }
        Ok(event)
    }
}

/// What the index calls the hand-out that take-backs work on.
#[must_use]
pub fn subject_of(hand_out: &str) -> String {
    format!("hand_out:{hand_out}")
}
