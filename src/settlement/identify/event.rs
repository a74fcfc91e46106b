//! What happened: the rows of an identification's stream.
//!
//! Variants are only added. A row has a readable half (this enum's JSON) and a sealed half ([`Private`]).

use super::flow::Flow;
use crate::book::Code;
use crate::settlement::call::{Found, Outcome, Step};
use crate::settlement::order::{CredentialKind, Office, Operator, Patient};

/// The version written today.
pub const VERSION: u16 = 1;

/// A checked request.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Wish {
    /// The caller's id.
    pub request_id: String,
    /// What for.
    pub flow: Flow,
    /// 用码业务类型.
    pub business_type: String,
    /// Who works the terminal.
    pub operator: Operator,
    /// The office that uses the code.
    pub office: Office,
    /// What may be shown; at least one.
    pub credentials: Vec<CredentialKind>,
    /// Who it must be; empty: anybody.
    pub patient: Patient,
    /// The caller wants name and number whole.
    pub unmasked: bool,
    /// How long to wait for what is shown, milliseconds; 0: as the desk is set.
    pub wait_ms: u32,
}

impl std::fmt::Debug for Wish {
    /// Its purpose: the rest may name a person.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wish")
            .field("request_id", &self.request_id)
            .field("flow", &self.flow)
            .finish_non_exhaustive()
    }
}

impl Wish {
    /// What a repeated call is compared by, JSON. It may name a person.
    #[must_use]
    pub fn bare(&self) -> zeroize::Zeroizing<Vec<u8>> {
        let bare = Self {
            unmasked: false,
            wait_ms: 0,
            ..self.clone()
        };
        let json = serde_json::to_vec(&bare).expect("a wish has a JSON form");
        zeroize::Zeroizing::new(json)
    }
}

/// How an identification ends that identified nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// What was shown does not do, or the platform said no.
    Refused,
    /// Nobody showed anything, somebody called it off, or the process ended.
    Cancelled,
}

/// One thing that happened.
#[derive(Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// It was checked and taken.
    Accepted {
        /// The caller's id.
        request_id: String,
        /// Who asked.
        caller: String,
        /// By which door; empty in rows of the first version.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        door: String,
        /// What for.
        flow: Flow,
        /// 用码业务类型.
        business_type: String,
        /// The request itself, sealed.
        #[serde(skip)]
        wish: Option<Box<Wish>>,
    },
    /// A complete code of the right kind was read. The code itself is not stored.
    CodeRead,
    /// A document was read.
    DocumentRead {
        /// What it is.
        credential: CredentialKind,
        /// What it says of its holder, sealed.
        #[serde(skip)]
        found: Option<Found>,
    },
    /// What was shown cannot be used; another may be shown.
    CodeRejected {
        /// Why.
        code: Code,
    },
    /// Reading ended without anything.
    ReadFailed {
        /// Why.
        code: Code,
    },
    /// A message is about to leave.
    Intent {
        /// Which step.
        step: Step,
        /// Its transaction number.
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
    /// The person is known.
    Identified,
    /// Nobody was identified.
    Ended {
        /// How it ends.
        ending: Ending,
        /// Why.
        code: Code,
        /// What the platform said, sealed: it may name a person.
        #[serde(skip)]
        text: String,
    },
    /// Name and number were told whole.
    UnmaskedRead {
        /// To whom.
        by: String,
        /// By which door; empty in rows of the first version.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        door: String,
    },
}

/// The sealed half of a row.
#[derive(Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Private {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wish: Option<Box<Wish>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
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
            Event::CodeRead => "code_read",
            Event::DocumentRead { .. } => "document_read",
            Event::CodeRejected { .. } => "code_rejected",
            Event::ReadFailed { .. } => "read_failed",
            Event::Intent { .. } => "intent",
            Event::Answered { .. } => "answered",
            Event::Identified => "identified",
            Event::Ended { .. } => "ended",
            Event::UnmaskedRead { .. } => "unmasked_read",
        }
    }

    /// The sealed half; absent when nothing in the event is private.
    #[must_use]
    pub fn private(&self) -> Option<Private> {
        let mut private = Private::default();
        match self {
            Event::Accepted { wish, .. } => private.wish.clone_from(wish),
            Event::Intent { request, .. } => private.message.clone_from(request),
            Event::DocumentRead { found, .. } => private.found.clone_from(found),
            Event::Answered { result, answer, .. } => {
                private.message.clone_from(answer);
                match result {
                    Outcome::Done { found } => private.found.clone_from(found),
                    Outcome::Refused { text, .. } => private.text.clone_from(text),
                    Outcome::NotSent { .. } | Outcome::Unknown { .. } => {}
                }
            }
            Event::Ended { text, .. } => private.text.clone_from(text),
            Event::CodeRead
            | Event::CodeRejected { .. }
            | Event::ReadFailed { .. }
            | Event::Identified
            | Event::UnmaskedRead { .. } => {}
        }
        (private != Private::default()).then_some(private)
    }

    /// Puts the sealed half back.
    #[must_use]
    pub fn with_private(mut self, private: Private) -> Self {
        match &mut self {
            Event::Accepted { wish, .. } => *wish = private.wish,
            Event::Intent { request, .. } => *request = private.message,
            Event::DocumentRead { found, .. } => *found = private.found,
            Event::Answered { result, answer, .. } => {
                *answer = private.message;
                match result {
                    Outcome::Done { found } => *found = private.found,
                    Outcome::Refused { text, .. } => *text = private.text,
                    Outcome::NotSent { .. } | Outcome::Unknown { .. } => {}
                }
            }
            Event::Ended { text, .. } => *text = private.text,
            Event::CodeRead
            | Event::CodeRejected { .. }
            | Event::ReadFailed { .. }
            | Event::Identified
            | Event::UnmaskedRead { .. } => {}
        }
        self
    }
}
