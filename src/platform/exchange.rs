//! One exchange with the outside: what is sent and what came back.

use std::fmt;

use zeroize::Zeroizing;

use super::wire::Expect;
use crate::settlement::call::{Outcome, Step};
use crate::settlement::errand::Ask;

/// The number and time of one message. Every message has its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// 发送方报文ID, 30 characters.
    pub msgid: String,
    /// 交易时间, civil +08:00, `yyyy-MM-dd HH:mm:ss`.
    pub inf_time: String,
}

/// Gives stamps for the messages that the client sends on its own (9001, 9002).
#[async_trait::async_trait]
pub trait Stamps: Send + Sync {
    /// A stamp that was never given before, nor will be after a restart. May wait for the next second.
    ///
    /// # Errors
    /// That cannot be warranted, and why: nothing may be sent.
    async fn stamp(&self) -> Result<Stamp, String>;
}

/// What a message asks.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    /// A step of a settlement.
    Step(Step),
    /// Something outside of one.
    Errand(Box<Ask>),
}

/// A message that is ready to be recorded, then sent once.
pub struct Prepared {
    /// What is asked: it says how the answer is read.
    pub(super) asked: Asked,
    /// 交易编号 as sent (`2207A`), or `ec.query`.
    pub infno: String,
    /// Its msgid; the voucher service has none.
    pub msgid: Option<String>,
    /// The whole request, JSON, to be recorded sealed. A scanned code in it is blotted out.
    pub body: Zeroizing<String>,
    /// What goes onto the wire where it differs from what is recorded.
    pub(super) wire_body: Option<Zeroizing<String>>,
    /// What an answer to it must name.
    pub(super) expect: Expect,
    /// Where it goes.
    pub(super) url: String,
    /// Under whose sign-in it goes: operator and sign_no.
    pub(super) signed_in: Option<(String, String)>,
    /// The scanned code, blotted out of the answer too.
    pub(super) code: Option<crate::person::ScannedCode>,
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared")
            .field("infno", &self.infno)
            .field("msgid", &self.msgid)
            .finish_non_exhaustive()
    }
}

/// What became of a message.
#[derive(Clone, PartialEq, Eq)]
pub struct Received {
    /// What it means.
    pub outcome: Outcome,
    /// The whole answer as received, also a cut one; to be recorded sealed. Bytes that are no UTF-8 are
    /// replaced. `None`: nothing came.
    pub answer: Option<String>,
    /// The platform's clock minus ours, milliseconds, when the answer tells.
    pub skew_ms: Option<i64>,
    /// The sign-in is over: nothing was processed, and the next [`super::Platform::prepare`] signs in again.
    pub sign_in_expired: bool,
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answer = self.answer.as_ref().map(String::len);
        f.debug_struct("Received")
            .field("outcome", &OutcomeKind(&self.outcome))
            .field("answer_bytes", &answer)
            .field("skew_ms", &self.skew_ms)
            .field("sign_in_expired", &self.sign_in_expired)
            .finish()
    }
}

/// An outcome without what it found or was told: those may name a person.
struct OutcomeKind<'a>(&'a Outcome);

impl fmt::Debug for OutcomeKind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Outcome::Done { .. } => f.write_str("Done"),
            Outcome::Refused { code, infcode, .. } => write!(f, "Refused({code:?}, {infcode})"),
            Outcome::NotSent { code, why } => write!(f, "NotSent({code:?}, {why})"),
            Outcome::Unknown { code, why } => write!(f, "Unknown({code:?}, {why})"),
        }
    }
}
