//! Where a job stands, and the one thing to do next. PURE.

use std::sync::Arc;

use super::event::{End, Event, Order, Private};
use crate::book::Code;
use crate::document::model::Content;
use crate::document::refunding::Said;

/// How long a report rests that its queue did not take: after the first try, doubled with each, and at most.
const REST_MS_FIRST: i64 = 1_000;
const REST_MS_MAX: i64 = 60_000;

/// A job, as its events have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its own id.
    pub id: String,
    /// The caller's id for it.
    pub request_id: String,
    /// Who asked.
    pub caller: String,
    /// What was asked.
    pub order: Order,
    /// What stands on it; absent once its key is deleted.
    pub private: Option<Arc<Private>>,
    /// Where it stands.
    pub phase: Phase,
    /// What the printer waits for, as last seen.
    pub parked_for: Option<Code>,
    /// When it was accepted, Unix milliseconds.
    pub accepted_at_ms: i64,
    /// When it was over.
    pub ended_at_ms: Option<i64>,
    /// Characters of it that are printed as their code points, as far as it was about to be printed.
    pub substituted: u32,
    /// How often something was about to leave.
    pub intents: u32,
    /// Who wants it called off.
    pub cancel_by: Option<String>,
    /// From when until when it is not tried, for its queue did not take it.
    pub rests: Option<(i64, i64)>,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// No byte of it left.
    Waiting,
    /// Bytes leave, or left.
    Printing,
    /// It was printing when the process ended.
    Lost,
    /// A print queue has a job of ours with this number; perhaps its document too.
    Queued(i32),
    /// It ended.
    Over(End),
}

/// The one thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Write this down and ask again.
    Record(Event),
    /// Look at the printer; when it can: [`Event::Intent`], the bytes, [`Event::Ended`].
    Try {
        /// Until when a printer that cannot print is waited for.
        until_ms: i64,
    },
    /// Leave the queue to others, then ask again.
    Rest {
        /// Until when.
        again_ms: i64,
    },
    /// Ask the print queue what becomes of its job; then [`Event::Ended`], or [`Event::NotStarted`] when it is
    /// certain that the queue never had the document.
    Follow {
        /// The job's number there.
        job: i32,
        /// Until when a printer that cannot print is waited for.
        until_ms: i64,
    },
    /// Nothing more, ever.
    Finished,
}

/// What the journal's index shows of a job. No personal data.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Summary {
    /// Of which printer.
    pub role: String,
    /// How it ended, if it did.
    pub end: Option<End>,
    /// What it is a copy of.
    pub copy_of: Option<String>,
}

impl Job {
    /// Before any event.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            request_id: String::new(),
            caller: String::new(),
            order: Order {
                role: String::new(),
                wait_ms: 0,
                reprint: None,
                report: None,
            },
            private: None,
            phase: Phase::Waiting,
            parked_for: None,
            accepted_at_ms: 0,
            ended_at_ms: None,
            substituted: 0,
            intents: 0,
            cancel_by: None,
            rests: None,
        }
    }

    /// Folds what happened. Applying cannot fail.
    pub fn apply(&mut self, event: &Event, at_ms: i64) {
        match event {
            Event::Accepted {
                request_id,
                caller,
                order,
                private,
            } => {
                self.request_id.clone_from(request_id);
                self.caller.clone_from(caller);
                self.order = order.clone();
                self.private.clone_from(private);
                self.accepted_at_ms = at_ms;
            }
            Event::Parked { code } => self.parked_for = Some(*code),
            Event::Substituted { characters } => self.substituted = *characters,
            Event::Intent => {
                self.phase = Phase::Printing;
                self.intents = self.intents.saturating_add(1);
            }
            Event::Created { job } => self.phase = Phase::Queued(*job),
            Event::NotStarted { code } => {
                self.phase = Phase::Waiting;
                self.parked_for = Some(*code);
                let rest_ms = self.order.report.as_ref().map(|_| rest_ms(self.intents));
                self.rests = rest_ms.map(|rest_ms| (at_ms, at_ms.saturating_add(rest_ms)));
            }
            Event::Ended { end } => self.end(*end, at_ms),
            Event::Cancelled { .. } => self.end(End::Cancelled, at_ms),
            Event::CancelAsked { by } => self.cancel_by = Some(by.clone()),
            Event::Restarted => {
                if self.phase == Phase::Printing {
                    // Before a queue told its number it had an empty job at most, which prints nothing.
                    let is_lost = self.order.report.is_none();
                    self.phase = if is_lost { Phase::Lost } else { Phase::Waiting };
                }
            }
            Event::GivenUp => {
                let end = match self.phase {
                    Phase::Waiting => End::NotPrinted(Code::Stuck),
                    Phase::Printing | Phase::Lost | Phase::Queued(_) => End::Unknown(Code::Stuck),
                    Phase::Over(end) => end,
                };
                self.end(end, at_ms);
            }
        }
    }

    fn end(&mut self, end: End, at_ms: i64) {
        self.phase = Phase::Over(end);
        self.parked_for = None;
        self.ended_at_ms = Some(at_ms);
    }

    /// What comes next.
    #[must_use]
    pub fn next(&self, now_ms: i64) -> Step {
        let ended = |end| Step::Record(Event::Ended { end });
        let until_ms = self.accepted_at_ms.saturating_add(self.order.wait_ms);
        if let (Phase::Waiting, Some(by)) = (self.phase, &self.cancel_by) {
            return Step::Record(Event::Cancelled { by: by.clone() });
        }
        match (self.phase, self.parked_for) {
            (Phase::Over(_), _) => Step::Finished,
            (Phase::Queued(job), _) => Step::Follow { job, until_ms },
            (Phase::Printing | Phase::Lost, _) => ended(End::Unknown(Code::PrintNotProven)),
            (Phase::Waiting, _) if self.private.is_none() => {
                ended(End::NotPrinted(Code::PrintGone))
            }
            // At least one look at the printer, however little it was to be waited for.
            (Phase::Waiting, Some(code)) if now_ms >= until_ms => ended(End::NotPrinted(code)),
            (Phase::Waiting, _) => match self.rests {
                // A clock that was set back must not make it rest for longer.
                Some((since_ms, again_ms)) if (since_ms..again_ms).contains(&now_ms) => {
                    let again_ms = again_ms.min(until_ms);
                    Step::Rest { again_ms }
                }
                Some(_) | None => Step::Try { until_ms },
            },
        }
    }

    /// What it says of a refund, where it is a sheet or a receipt of ours.
    #[must_use]
    pub fn said(&self) -> Option<&Said> {
        let of_receipt = self
            .order
            .reprint
            .as_ref()
            .and_then(|copy| copy.said.as_deref());
        match self.private.as_deref().map(|private| &private.content) {
            Some(Content::Pdf(pdf)) => pdf.said.as_deref(),
            Some(Content::Document(_) | Content::Raw(_) | Content::MarkedRaw { .. }) | None => {
                of_receipt
            }
        }
    }

    /// How it ended.
    #[must_use]
    pub fn ended(&self) -> Option<End> {
        match self.phase {
            Phase::Over(end) => Some(end),
            Phase::Waiting | Phase::Printing | Phase::Lost | Phase::Queued(_) => None,
        }
    }

    /// What was asked, JSON: the same request has the same one. Empty once its key is deleted.
    #[must_use]
    pub fn asked(&self) -> Vec<u8> {
        let Some(private) = &self.private else {
            return Vec::new();
        };
        asked(&self.order, private)
    }

    /// What the index has it under, if the caller's document has an id. A copy stands under what it is a copy of.
    #[must_use]
    pub fn document_key(&self) -> Option<String> {
        let id = self.order.report.as_ref()?.document_id.as_ref()?;
        Some(super::jobs_of_document(&self.caller, id))
    }

    /// What the index shows.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary {
            role: self.order.role.clone(),
            end: self.ended(),
            copy_of: self.order.reprint.as_ref().map(|copy| copy.of.clone()),
        }
    }
}

/// The rest after so many tries.
fn rest_ms(tries: u32) -> i64 {
    let doubled = tries.saturating_sub(1).min(16);
    REST_MS_FIRST.saturating_mul(1 << doubled).min(REST_MS_MAX)
}

/// What makes two requests the same, JSON. Of a copy: what it is a copy of, not which one it became.
#[must_use]
pub fn asked(order: &Order, private: &Private) -> Vec<u8> {
    let asked = match (&order.reprint, &private.content) {
        // Where a document lies and what it is sealed with differs from call to call.
        (None, Content::Pdf(pdf)) => serde_json::json!({
            "role": order.role,
            "title": private.title,
            "pdf": pdf.digest,
            "document_id": order.report.as_ref().and_then(|report| report.document_id.as_ref()),
        }),
        (None, _) => serde_json::json!({
            "role": order.role,
            "title": private.title,
            "content": private.content,
        }),
        (Some(copy), _) => serde_json::json!({
            "of": copy.of,
            "role": order.role,
            "operator": [copy.operator_id, private.operator_name],
            "reason": private.reason,
        }),
    };
    asked.to_string().into_bytes()
}
