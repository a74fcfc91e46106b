//! What happened to a job: the rows of its stream. Variants are only added.
//!
//! What stands on the paper, and what people wrote, is in the sealed half ([`Private`]).

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::book::Code;
use crate::document::model::Content;
use crate::document::refunding::Said;
use crate::settlement::answer::Proof;

/// The version written today.
pub const VERSION: u16 = 1;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It is on disk: from here on it has an end.
    Accepted {
        /// The caller's id for it.
        request_id: String,
        /// Who asked.
        caller: String,
        /// What was asked, but for what is private.
        order: Order,
        /// What is private.
        #[serde(skip)]
        private: Option<Arc<Private>>,
    },
    /// The printer cannot print.
    Parked {
        /// Why.
        code: Code,
    },
    /// Characters of it have no glyph, neither here nor in the printer: their code points are about to be printed.
    Substituted {
        /// How many.
        characters: u32,
    },
    /// Bytes are about to leave.
    Intent,
    /// None left. Of a job of a queue: nothing of it was printed nor will be.
    NotStarted {
        /// Why.
        code: Code,
    },
    /// The print queue has an empty job of ours; its document is about to leave.
    Created {
        /// The job's number there.
        job: i32,
    },
    /// It is over.
    Ended {
        /// How.
        end: End,
    },
    /// Somebody called it off before its first byte.
    Cancelled {
        /// Who.
        by: String,
    },
    /// Somebody wants it called off while bytes may be leaving: if none does after all, it is.
    CancelAsked {
        /// Who.
        by: String,
    },
    /// The process began anew with this open.
    Restarted,
    /// It ended the process again and again: it is not carried any more.
    GivenUp,
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The paper came out.
    Printed(Proof),
    /// Certainly not: no byte left.
    NotPrinted(Code),
    /// Bytes left, and nothing proves what became of them.
    Unknown(Code),
    /// Called off; no byte left.
    Cancelled,
}

/// What was asked, without what is private.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Order {
    /// Of which printer.
    pub role: String,
    /// How long a printer that cannot print is waited for.
    pub wait_ms: i64,
    /// What it is a copy of, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reprint: Option<Reprint>,
    /// What a print queue gets, if it goes to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
}

/// What a print queue gets, without what is private.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Report {
    /// The caller's id of the document: it is printed once, whatever request asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_id: Option<String>,
    /// Its pages; 0: not known.
    pub pages: u32,
    /// Its length.
    pub bytes: u64,
}

/// What a job is a copy of.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Reprint {
    /// The stream of the first print: a job or a settlement.
    pub of: String,
    /// Whether that is a settlement.
    pub of_settlement: bool,
    /// The how manieth copy, from 1.
    pub count: u32,
    /// Who asked for it, by the operator's number.
    pub operator_id: String,
    /// Of a receipt: what it says of the refund.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<Box<Said>>,
}

/// The sealed half.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Private {
    /// What the paper is, for lists.
    pub title: String,
    /// What stands on it, without the mark of a copy.
    pub content: Content,
    /// Who asked for a copy.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub operator_name: String,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// When, civil time, as the mark says.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub at: String,
}

impl std::fmt::Debug for Private {
    /// Nothing of it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Private(..)")
    }
}

impl Event {
    /// The word for the row's `kind` column.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Event::Accepted { .. } => "accepted",
            Event::Parked { .. } => "parked",
            Event::Substituted { .. } => "substituted",
            Event::Intent => "intent",
            Event::NotStarted { .. } => "not_started",
            Event::Created { .. } => "created",
            Event::Ended { .. } => "ended",
            Event::Cancelled { .. } => "cancelled",
            Event::CancelAsked { .. } => "cancel_asked",
            Event::Restarted => "restarted",
            Event::GivenUp => "given_up",
        }
    }

    /// Who did it, when that was not the job's caller.
    #[must_use]
    pub fn by(&self) -> Option<&str> {
        match self {
            Event::Cancelled { by } | Event::CancelAsked { by } => Some(by),
            Event::Accepted { .. }
            | Event::Parked { .. }
            | Event::Substituted { .. }
            | Event::Intent
            | Event::NotStarted { .. }
            | Event::Created { .. }
            | Event::Ended { .. }
            | Event::Restarted
            | Event::GivenUp => None,
        }
    }

    /// The sealed half, JSON.
    ///
    /// # Errors
    /// Never in fact: it has text keys only.
    pub fn private(&self) -> Result<Option<Zeroizing<Vec<u8>>>, serde_json::Error> {
        match self {
            Event::Accepted {
                private: Some(private),
                ..
            } => Ok(Some(Zeroizing::new(serde_json::to_vec(&**private)?))),
            Event::Accepted { private: None, .. }
            | Event::Parked { .. }
            | Event::Substituted { .. }
            | Event::Intent
            | Event::NotStarted { .. }
            | Event::Created { .. }
            | Event::Ended { .. }
            | Event::Cancelled { .. }
            | Event::CancelAsked { .. }
            | Event::Restarted
            | Event::GivenUp => Ok(None),
        }
    }

    /// Puts the sealed half back.
    ///
    /// # Errors
    /// It is not what [`Event::private`] gave.
    pub fn with_private(self, plain: &[u8]) -> Result<Self, serde_json::Error> {
        match self {
            Event::Accepted {
                request_id,
                caller,
                order,
                private: _,
            } => Ok(Event::Accepted {
                request_id,
                caller,
                order,
                private: Some(Arc::new(serde_json::from_slice(plain)?)),
            }),
            other @ (Event::Parked { .. }
            | Event::Substituted { .. }
            | Event::Intent
            | Event::NotStarted { .. }
            | Event::Created { .. }
            | Event::Ended { .. }
            | Event::Cancelled { .. }
            | Event::CancelAsked { .. }
            | Event::Restarted
            | Event::GivenUp) => Ok(other),
        }
    }
}
