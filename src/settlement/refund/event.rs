//! What happened: the rows of a refund's stream. Variants are only added, never changed. Fields marked
//! `serde(skip)` stand in the sealed half only.

use super::order::Order;
use super::state::End;
use crate::book::Code;
use crate::settlement::amounts::Amounts;
use crate::settlement::bill::Fen;
use crate::settlement::call::{Found, Outcome};
use crate::settlement::errand::Numbers;

/// The version written today.
pub const VERSION: u16 = 1;

/// One thing that happened.
#[derive(Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The order was checked and taken.
    Accepted {
        /// The caller's id.
        request_id: String,
        /// Who asked.
        caller: String,
        /// Our settlement, empty when it is another desk's or forgotten.
        settlement_id: String,
        /// The platform's numbers of it.
        numbers: Numbers,
        /// 参保地医保区划, may be empty.
        insuplc_admdvs: String,
        /// 定点医药机构编号 of this desk: another hospital's bill is not given back here.
        fixmedins_code: String,
        /// Whether `fund_pay_sumamt` contains the account at this site.
        account_in_funds: bool,
        /// What was charged, where the journal knows it.
        charged: Option<Amounts>,
        /// 医疗费总额 that the caller expects.
        expected: Option<Fen>,
        /// The order itself, sealed.
        #[serde(skip)]
        order: Option<Box<Order>>,
    },
    /// The daemon started anew with this refund open.
    Restarted,
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
    /// What became of it. Without an intent before it, the message never left.
    Answered {
        /// What became of it.
        result: Outcome,
        /// The sign-in had expired.
        sign_in_expired: bool,
        /// The answer whole, sealed.
        #[serde(skip)]
        answer: Option<String>,
    },
    /// It is over.
    Ended {
        /// How.
        end: End,
        /// Why, or what is to be known besides.
        code: Option<Code>,
        /// What the platform said, sealed: it may name a person.
        #[serde(skip)]
        text: String,
    },
    /// Only a person can go on.
    Stuck {
        /// Why.
        code: Code,
    },
    /// A person stated what is true.
    Resolved {
        /// Who.
        by: String,
        /// What is true.
        end: End,
        /// 结算ID of the refund as that person found it; may be empty.
        setl_id: String,
        /// Why it is known, sealed: people write names.
        #[serde(skip)]
        reason: String,
    },
}

/// The sealed half of a row.
#[derive(Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Private {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<Box<Order>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    found: Option<Found>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    text: String,
}

impl std::fmt::Debug for Event {
    /// The readable half.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&serde_json::to_string(self).unwrap_or_default())
    }
}

impl Event {
    /// The word for the row's `kind` column.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Event::Accepted { .. } => "accepted",
            Event::Restarted => "restarted",
            Event::Intent { .. } => "intent",
            Event::Answered { .. } => "answered",
            Event::Ended { .. } => "ended",
            Event::Stuck { .. } => "stuck",
            Event::Resolved { .. } => "resolved",
        }
    }

    /// The sealed half; absent when nothing in the event is private.
    pub(super) fn private(&self) -> Option<Private> {
        match self {
            Event::Accepted { order, .. } => Some(Private {
                order: order.clone(),
                ..Private::default()
            }),
            Event::Intent { request, .. } => Some(Private {
                request: request.clone(),
                ..Private::default()
            }),
            Event::Answered { result, answer, .. } => {
                let (found, text) = match result {
                    Outcome::Done { found } => (found.clone(), String::new()),
                    Outcome::Refused { text, .. } => (None, text.clone()),
                    Outcome::NotSent { .. } | Outcome::Unknown { .. } => (None, String::new()),
                };
                Some(Private {
                    answer: answer.clone(),
                    found,
                    text,
                    ..Private::default()
                })
            }
            Event::Ended { text, .. } | Event::Resolved { reason: text, .. }
                if !text.is_empty() =>
            {
                Some(Private {
                    text: text.clone(),
                    ..Private::default()
                })
            }
            Event::Restarted
            | Event::Ended { .. }
            | Event::Stuck { .. }
            | Event::Resolved { .. } => None,
        }
    }

    /// Puts the sealed half back.
    pub(super) fn with_private(mut self, private: Private) -> Self {
        match &mut self {
            Event::Accepted { order, .. } => *order = private.order,
            Event::Intent { request, .. } => *request = private.request,
            Event::Answered { result, answer, .. } => {
                *answer = private.answer;
                match result {
                    Outcome::Done { found } => *found = private.found,
                    Outcome::Refused { text, .. } => *text = private.text,
                    Outcome::NotSent { .. } | Outcome::Unknown { .. } => {}
                }
            }
            Event::Ended { text, .. } | Event::Resolved { reason: text, .. } => {
                *text = private.text;
            }
            Event::Restarted | Event::Stuck { .. } => {}
        }
        self
    }
}
