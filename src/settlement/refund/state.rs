//! All that is true of one refund.

use super::order::Order;
use crate::settlement::amounts::Amounts;
use crate::settlement::answer::Reason;
use crate::settlement::bill::Fen;
use crate::settlement::errand::Numbers;
use crate::settlement::state::Tries;
use crate::settlement::stuck::Tried;

/// How a refund ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The money is given back.
    Refunded,
    /// Nothing was given back: the settlement stands as it was, or there is none.
    Refused,
}

/// All that is true of one refund.
#[derive(Clone, Debug, PartialEq)]
pub struct Refund {
    /// Its own id.
    pub id: String,
    /// The caller's id.
    pub request_id: String,
    /// Who asked.
    pub caller: String,
    /// The order; absent once the key of its day was deleted.
    pub order: Option<Box<Order>>,
    /// Our settlement, empty when it is another desk's.
    pub settlement_id: String,
    /// The platform's numbers of the settlement.
    pub numbers: Numbers,
    /// 参保地医保区划, may be empty.
    pub insuplc_admdvs: String,
    /// 定点医药机构编号 of this desk.
    pub fixmedins_code: String,
    /// Whether `fund_pay_sumamt` contains the account.
    pub account_in_funds: bool,
    /// What was charged, once known.
    pub charged: Option<Amounts>,
    /// 医疗费总额 that the caller expects.
    pub expected: Option<Fen>,
    /// Where it stands.
    pub phase: Phase,
    /// What 2208 gave back, as it said.
    pub given: Option<Given>,
    /// The outcomes of 2208 that ended nothing.
    pub sends: Option<Tries>,
    /// The outcomes of 5203 that ended nothing.
    pub asks: Option<Tries>,
    /// A 2208 of ours was answered as done.
    pub done: bool,
    /// A 2208 of ours ended unknown at some time.
    pub was_maybe: bool,
    /// Times 5203 gave no clear answer, and when last.
    pub unclear: (u32, i64),
    /// 2208 was refused after an earlier one whose outcome is unknown: 5203 decides, nothing is sent again.
    pub refused: Option<Reason>,
    /// The transaction that is out.
    pub in_flight: Option<String>,
    /// msgid and number of the last 2208.
    pub sent: Option<(String, String)>,
    /// What was tried, for a person.
    pub tried: Vec<Tried>,
    /// Why it is not REFUNDED, or what is to be known besides.
    pub reason: Option<Reason>,
    /// What a person stated.
    pub resolved: Option<Resolution>,
    /// When it was accepted, milliseconds.
    pub accepted_at_ms: i64,
    /// When it ended, milliseconds.
    pub ended_at_ms: Option<i64>,
    /// When the last event happened.
    pub at_ms: i64,
}

/// Where it stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// What was charged is not known here: 5203 is asked first.
    Looking(Look),
    /// 2208 is to be sent, or out.
    Giving,
    /// The answer of a 2208 was lost: finding out.
    Finding,
    /// 2208 said that it was given back before: 5203 tells what.
    Comparing,
    /// 2208 or 5203 told of the end: the amounts are to be compared.
    Given,
    /// It is over.
    Over(End),
    /// Only a person can go on.
    Stuck,
}

/// What 5203 said before anything was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Nothing yet.
    Asking,
    /// Nothing is there.
    Nothing,
    /// It was given back before.
    Refunded,
    /// It is itself a refund, or nothing.
    NoCharge,
    /// It is another hospital's.
    Elsewhere,
}

/// What 2208 gave back, as it said: amounts are negative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// 结算ID of the refund.
    pub setl_id: String,
    /// 结算时间.
    pub setl_time: String,
    /// Negative amounts.
    pub amounts: Amounts,
}

/// What a person stated.
#[derive(Clone, PartialEq, Eq)]
pub struct Resolution {
    /// Who.
    pub by: String,
    /// When, milliseconds.
    pub at_ms: i64,
    /// What is true.
    pub end: End,
    /// 结算ID of the refund as found; may be empty.
    pub setl_id: String,
    /// Why it is known; empty once the key of its day was deleted.
    pub reason: String,
}

impl std::fmt::Debug for Resolution {
    /// Without the reason.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolution")
            .field("by", &self.by)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

impl Refund {
    /// Before any event.
    #[must_use]
    pub fn begin(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            request_id: String::new(),
            caller: String::new(),
            order: None,
            settlement_id: String::new(),
            numbers: Numbers::default(),
            insuplc_admdvs: String::new(),
            fixmedins_code: String::new(),
            account_in_funds: false,
            charged: None,
            expected: None,
            phase: Phase::Looking(Look::Asking),
            given: None,
            sends: None,
            asks: None,
            done: false,
            was_maybe: false,
            unclear: (0, 0),
            refused: None,
            in_flight: None,
            sent: None,
            tried: Vec::new(),
            reason: None,
            resolved: None,
            accepted_at_ms: 0,
            ended_at_ms: None,
            at_ms: 0,
        }
    }
}
