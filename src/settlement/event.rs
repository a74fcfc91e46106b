//! What happened: the rows of a settlement's stream.
//!
//! Variants are only added, never changed. A row has a readable half (this enum's JSON) and a sealed half
//! ([`Private`]): fields marked `serde(skip)` stand in the sealed half only.

use super::answer::{Paper, Point};
use super::bill::Fen;
use super::call::{Found, Outcome, Step};
use super::known::Ids;
use super::order::{CredentialKind, Order, OrderKind};
use crate::book::Code;

/// The version written today.
pub const VERSION: u16 = 1;

/// How a settlement that is given up shall end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Somebody said no.
    Refused,
    /// Somebody, or the time, ended it.
    Cancelled,
    /// What was charged, or perhaps charged, is given back.
    Reversed,
}

/// What a person states of a settlement that only a person could resolve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is charged, and it stands.
    Settled,
    /// Nothing was charged.
    NotCharged,
    /// It was charged and is given back.
    Reversed,
}

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
        /// What is paid for.
        kind: OrderKind,
        /// Sum of the bill.
        total: Fen,
        /// Numbers made for it.
        ids: Ids,
        /// 就诊ID if the caller brought one.
        mdtrt_id: String,
        /// The order itself, sealed.
        #[serde(skip)]
        order: Option<Box<Order>>,
    },
    /// The caller, or the same request again, is there.
    Joined,
    /// The last caller went.
    CallerGone,
    /// The daemon started anew with this settlement open.
    Restarted,
    /// Somebody with the right to it asked to cancel.
    CancelAsked {
        /// Who.
        by: String,
    },
    /// The printer was looked at before anything was registered, or before printing.
    PrinterLooked {
        /// What was wrong, if anything.
        fault: Option<Code>,
    },
    /// A complete code of the right kind was read. The code itself is not stored.
    CodeRead,
    /// A document was shown in place of a code.
    DocumentRead {
        /// What it is.
        credential: CredentialKind,
        /// What it says of its holder, sealed.
        #[serde(skip)]
        found: Option<Found>,
    },
    /// Who was identified before pays, without showing anything again.
    IdentityShown {
        /// The identification.
        identification: String,
        /// What was shown then.
        credential: CredentialKind,
        /// How long ago it was decoded, milliseconds.
        age_ms: i64,
        /// Whose it was, sealed.
        #[serde(skip)]
        found: Option<Found>,
    },
    /// What was shown cannot be used; another may be shown.
    CodeRejected {
        /// Why.
        code: Code,
    },
    /// Reading ended without a code.
    ReadFailed {
        /// Why.
        code: Code,
    },
    /// The row of `insuinfo` that pays.
    InsuranceChosen {
        /// Its place in 1101's answer.
        index: usize,
    },
    /// Several insurances are in force and the caller chose none: what this person was settled with last time
    /// was looked up.
    InsuranceRecalled {
        /// 险种类型, empty when nothing is remembered.
        insutype: String,
    },
    /// A person is asked to confirm.
    Shown {
        /// What.
        point: Point,
        /// The token that a confirmation must carry.
        token: String,
    },
    /// A person confirmed.
    Confirmed {
        /// What.
        point: Point,
    },
    /// A fresh code is wanted before the money call.
    FreshCodeWanted,
    /// A message is about to leave.
    Intent {
        /// Which step.
        step: Step,
        /// Its transaction number (`2207A`), or `ec.query`.
        infno: String,
        /// Its msgid; the e-voucher service has none.
        msgid: Option<String>,
        /// The message whole, sealed.
        #[serde(skip)]
        request: Option<String>,
    },
    /// What became of it. Without an intent before it, the message never left.
    Answered {
        /// Which step.
        step: Step,
        /// What became of it.
        result: Outcome,
        /// The sign-in had expired: the step may be asked again.
        sign_in_expired: bool,
        /// The platform's clock minus ours, milliseconds.
        skew_ms: Option<i64>,
        /// The answer whole, sealed.
        #[serde(skip)]
        answer: Option<String>,
    },
    /// The settling call's amounts were checked.
    AmountsChecked {
        /// Names of soft checks that did not hold.
        warnings: Vec<String>,
    },
    /// The money stands. Nothing takes it back but a refund.
    Stands,
    /// It goes on no further; what was done is taken back.
    GivenUp {
        /// Why.
        code: Code,
        /// How it shall end.
        ending: Ending,
        /// What the platform said, sealed: it may name a person.
        #[serde(skip)]
        text: String,
    },
    /// Everything of its own was taken back, or there was nothing.
    Undone,
    /// The document is about to go to the printer.
    PrintIntent {
        /// The print job's id.
        job: String,
    },
    /// What became of the paper.
    PrintEnded {
        /// The end of it.
        paper: Paper,
    },
    /// Only a person can go on.
    Stuck {
        /// Why.
        code: Code,
    },
    /// A person stated what is true. Nothing more happens by itself.
    Resolved {
        /// Who.
        by: String,
        /// What is true.
        verdict: Verdict,
        /// 结算ID as that person found it; empty when not given.
        setl_id: String,
        /// Why it is known, sealed: people write names.
        #[serde(skip)]
        reason: String,
    },
}

/// The sealed half of a row: what names a person, or holds a whole message.
#[derive(Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Private {
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
    /// The readable half: what is sealed is not shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&serde_json::to_string(self).unwrap_or_default())
    }
}

impl std::fmt::Debug for Private {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Private(***)")
    }
}

impl Event {
    /// The word for the row's `kind` column.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Event::Accepted { .. } => "accepted",
            Event::Joined => "joined",
            Event::CallerGone => "caller_gone",
            Event::Restarted => "restarted",
            Event::CancelAsked { .. } => "cancel_asked",
            Event::PrinterLooked { .. } => "printer_looked",
            Event::CodeRead => "code_read",
            Event::DocumentRead { .. } => "document_read",
            Event::IdentityShown { .. } => "identity_shown",
            Event::CodeRejected { .. } => "code_rejected",
            Event::ReadFailed { .. } => "read_failed",
            Event::InsuranceChosen { .. } => "insurance_chosen",
            Event::InsuranceRecalled { .. } => "insurance_recalled",
            Event::Shown { .. } => "shown",
            Event::Confirmed { .. } => "confirmed",
            Event::FreshCodeWanted => "fresh_code_wanted",
            Event::Intent { .. } => "intent",
            Event::Answered { .. } => "answered",
            Event::AmountsChecked { .. } => "amounts_checked",
            Event::Stands => "stands",
            Event::GivenUp { .. } => "given_up",
            Event::Undone => "undone",
            Event::PrintIntent { .. } => "print_intent",
            Event::PrintEnded { .. } => "print_ended",
            Event::Stuck { .. } => "stuck",
            Event::Resolved { .. } => "resolved",
        }
    }

    /// Who did it, where that is not the stream's own caller.
    #[must_use]
    pub fn by(&self) -> Option<&str> {
        if let Event::CancelAsked { by } | Event::Resolved { by, .. } = self {
            Some(by)
        } else {
            None
        }
    }

    /// The sealed half; absent when nothing in the event is private.
    #[must_use]
    pub fn private(&self) -> Option<Private> {
        let private = match self {
            Event::Accepted { order, .. } => Private {
                order: order.clone(),
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
            Event::DocumentRead { found, .. } | Event::IdentityShown { found, .. } => Private {
                found: found.clone(),
                ..Private::default()
            },
            Event::GivenUp { text, .. } | Event::Resolved { reason: text, .. } => Private {
                text: text.clone(),
                ..Private::default()
            },
            Event::Joined
            | Event::CallerGone
            | Event::Restarted
            | Event::CancelAsked { .. }
            | Event::PrinterLooked { .. }
            | Event::CodeRead
            | Event::CodeRejected { .. }
            | Event::ReadFailed { .. }
            | Event::InsuranceChosen { .. }
            | Event::InsuranceRecalled { .. }
            | Event::Shown { .. }
            | Event::Confirmed { .. }
            | Event::FreshCodeWanted
            | Event::AmountsChecked { .. }
            | Event::Stands
            | Event::Undone
            | Event::PrintIntent { .. }
            | Event::PrintEnded { .. }
            | Event::Stuck { .. } => Private::default(),
        };
        (private != Private::default()).then_some(private)
    }

    /// Puts the sealed half back.
    #[must_use]
    pub fn with_private(mut self, private: Private) -> Self {
        match &mut self {
            Event::Accepted { order, .. } => *order = private.order,
            Event::Intent { request, .. } => *request = private.request,
            Event::DocumentRead { found, .. } | Event::IdentityShown { found, .. } => {
                *found = private.found;
            }
            Event::Answered { result, answer, .. } => {
                *answer = private.answer;
                match result {
                    Outcome::Done { found } => *found = private.found,
                    Outcome::Refused { text, .. } => *text = private.text,
                    Outcome::NotSent { .. } | Outcome::Unknown { .. } => {}
                }
            }
            Event::GivenUp { text, .. } | Event::Resolved { reason: text, .. } => {
                *text = private.text;
            }
            Event::Joined
            | Event::CallerGone
            | Event::Restarted
            | Event::CancelAsked { .. }
            | Event::PrinterLooked { .. }
            | Event::CodeRead
            | Event::CodeRejected { .. }
            | Event::ReadFailed { .. }
            | Event::InsuranceChosen { .. }
            | Event::InsuranceRecalled { .. }
            | Event::Shown { .. }
            | Event::Confirmed { .. }
            | Event::FreshCodeWanted
            | Event::AmountsChecked { .. }
            | Event::Stands
            | Event::Undone
            | Event::PrintIntent { .. }
            | Event::PrintEnded { .. }
            | Event::Stuck { .. } => {}
        }
        self
    }
}
