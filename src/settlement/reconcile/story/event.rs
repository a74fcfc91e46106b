//! What happened in a reconciliation: the rows of its stream. Variants are only added.

use zeroize::Zeroizing;

use super::super::his::HisRow;
use super::super::row::{Group, Row};
use super::super::span::Span;
use crate::book::Code;
use crate::settlement::call::{Found, Outcome};
use crate::settlement::order::Operator;

/// The version written today.
pub const VERSION: u16 = 1;

/// What is reconciled, as it was accepted. Sealed: the operator has a name.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Plan {
    /// Who works the terminal.
    pub operator: Operator,
    /// All rows of the set, in order.
    pub rows: Vec<Row>,
    /// The list of the HIS, where there is one.
    pub his: Option<Vec<HisRow>>,
    /// Further insurances, clearings and offices to ask for.
    pub besides: Vec<Group>,
    /// Settlements in the journals whose details were forgotten by rule.
    pub forgotten: u32,
    /// What differs by site.
    pub rules: Rules,
    /// Rows whose group is not known are asked for one by one first. A recorded set that does not say so is
    /// told again as it was carried: without those questions.
    #[serde(default)]
    pub asks_unplaced: bool,
    /// Rows say themselves whether their parts are broken. A recorded set that does not say so is told again as
    /// it was carried: by the amounts of its rows.
    #[serde(default)]
    pub marks_broken_parts: bool,
}

/// What differs by site, as it was when the reconciliation was accepted.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Rules {
    /// What stmt_rslt says when it is balanced.
    pub balanced: Vec<String>,
    /// Whether 5203 may be asked without a 结算ID.
    pub without_setl_id: bool,
    /// The shortest time between two questions, milliseconds.
    pub pace_ms: i64,
}

/// One thing that happened.
#[derive(Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "a few at a time; boxes would stand between the words"
)]
pub enum Event {
    /// The set was checked and taken.
    Accepted {
        /// The caller's id.
        request_id: String,
        /// Who asked.
        caller: String,
        /// Which days.
        span: Span,
        /// Against 3201 and 3202, not row by row.
        whole_hospital: bool,
        /// The desks of the set.
        desks: Vec<u16>,
        /// Digest of the request, to tell a repeat from another.
        digest: String,
        /// The set, sealed.
        #[serde(skip)]
        plan: Option<Box<Plan>>,
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
    /// What became of it. Without an intent before it, the message never left.
    Answered {
        /// What became of it.
        result: Outcome,
        /// The sign-in had expired: it may be asked again.
        sign_in_expired: bool,
        /// The answer whole, sealed.
        #[serde(skip)]
        answer: Option<String>,
    },
    /// The daemon started anew in the middle of it.
    Restarted,
    /// It is not carried on: it ended the process too often.
    Stuck {
        /// Why.
        code: Code,
    },
}

/// The sealed half of a row.
#[derive(Default, PartialEq, serde::Serialize, serde::Deserialize)]
struct Private {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    plan: Option<Box<Plan>>,
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
    /// The readable half: what is sealed is not shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&serde_json::to_string(self).unwrap_or_default())
    }
}

impl Event {
    /// The word for the row's `kind` column.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Event::Accepted { .. } => "accepted",
            Event::Intent { .. } => "intent",
            Event::Answered { .. } => "answered",
            Event::Restarted => "restarted",
            Event::Stuck { .. } => "stuck",
        }
    }

    /// The sealed half, JSON.
    #[must_use]
    pub fn private(&self) -> Option<Zeroizing<Vec<u8>>> {
        let private = match self {
            Event::Accepted { plan, .. } => Private {
                plan: plan.clone(),
                ..Private::default()
            },
            Event::Intent { request, .. } => Private {
                request: request.clone(),
                ..Private::default()
            },
            Event::Answered { result, answer, .. } => {
                let (found, text) = match result {
                    Outcome::Done { found } => (found.clone(), String::new()),
                    Outcome::Refused { text, .. } => (None, text.clone()),
                    Outcome::NotSent { .. } | Outcome::Unknown { .. } => (None, String::new()),
                };
                Private {
                    answer: answer.clone(),
                    found,
                    text,
                    ..Private::default()
                }
            }
            Event::Restarted | Event::Stuck { .. } => Private::default(),
        };
        (private != Private::default()).then(|| {
            Zeroizing::new(serde_json::to_vec(&private).expect("texts and numbers are JSON"))
        })
    }

    /// Puts the sealed half back.
    ///
    /// # Errors
    /// It is not what [`Event::private`] gave.
    pub fn with_private(mut self, plain: &[u8]) -> Result<Self, serde_json::Error> {
        let private: Private = serde_json::from_slice(plain)?;
        match &mut self {
            Event::Accepted { plan, .. } => *plan = private.plan,
            Event::Intent { request, .. } => *request = private.request,
            Event::Answered { result, answer, .. } => {
                *answer = private.answer;
                match result {
                    Outcome::Done { found } => *found = private.found,
                    Outcome::Refused { text, .. } => *text = private.text,
                    Outcome::NotSent { .. } | Outcome::Unknown { .. } => {}
                }
            }
            Event::Restarted | Event::Stuck { .. } => {}
        }
        Ok(self)
    }
}
