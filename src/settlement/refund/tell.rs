//! What is told of a refund, and what a person may state of it.

use super::event::Event;
use super::state::{End, Phase, Refund, Resolution};
use crate::book::Code;
use crate::settlement::amounts::Amounts;
use crate::settlement::answer::{self, Reason};
use crate::settlement::bill::Fen;
use crate::settlement::stuck::{Item, Subject, Trouble, Truth};

/// What became of the money of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Money {
    /// It is given back.
    Refunded,
    /// Nothing was given back: what was charged stands as it was.
    Refused,
    /// Perhaps given back. Being found out, or on the stuck list.
    Unknown,
    /// Still running.
    Pending,
}

/// What was given back to whom, in words that are positive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GivenBack {
    /// 医疗费总额.
    pub total: Fen,
    /// 个人现金支出: what the hospital must hand back to the patient.
    pub to_patient: Fen,
    /// 个人账户支出: goes back to the account by itself.
    pub to_account: Fen,
    /// 基金支付总额 without the account: goes back to the funds by itself.
    pub to_funds: Fen,
    /// 医院负担金额: what the hospital bore.
    pub by_hospital: Fen,
}

/// The whole answer. Equal for every repetition once the money is final.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The refund's own id.
    pub refund_id: String,
    /// The caller's id.
    pub request_id: String,
    /// What became of the money.
    pub money: Money,
    /// Only a person can go on.
    pub stuck: bool,
    /// Why it is not REFUNDED, or what is to be known besides.
    pub reason: Option<Reason>,
    /// Our settlement, empty when it is another desk's.
    pub settlement_id: String,
    /// 人员编号.
    pub psn_no: String,
    /// 就诊ID.
    pub mdtrt_id: String,
    /// 结算ID of the settlement.
    pub setl_id: String,
    /// 结算ID of the refund, empty when its answer was lost.
    pub refund_setl_id: String,
    /// 结算时间 of the refund, the platform's; empty when its answer was lost.
    pub refund_time: String,
    /// msgid of the last 2208, empty before its intent.
    pub msgid: String,
    /// Its transaction number.
    pub infno: String,
    /// What was given back to whom; absent unless REFUNDED and known.
    pub given_back: Option<GivenBack>,
    /// The platform's amounts of the refund, negative as it says them; absent when its answer was lost.
    pub amounts: Option<Amounts>,
    /// What a person stated.
    pub resolved: Option<Resolution>,
    /// When it was accepted, Unix milliseconds.
    pub accepted_at_ms: i64,
    /// When it ended, Unix milliseconds.
    pub ended_at_ms: Option<i64>,
}

impl std::fmt::Debug for Answer {
    /// What it says of the money, and its numbers.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer")
            .field("refund_id", &self.refund_id)
            .field("request_id", &self.request_id)
            .field("money", &self.money)
            .field("reason", &self.reason)
            .field("setl_id", &self.setl_id)
            .field("refund_setl_id", &self.refund_setl_id)
            .finish_non_exhaustive()
    }
}

/// What the journal's index keeps of a refund. It names no person.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Summary {
    /// The refund's own id.
    pub refund_id: String,
    /// The caller's id.
    pub request_id: String,
    /// Who asked.
    pub caller: String,
    /// What became of the money.
    pub money: Money,
    /// Only a person can go on.
    pub stuck: bool,
    /// Why.
    pub code: Option<Code>,
    /// Our settlement, may be empty.
    pub settlement_id: String,
    /// 人员编号.
    pub psn_no: String,
    /// 就诊ID.
    pub mdtrt_id: String,
    /// 结算ID of the settlement.
    pub setl_id: String,
    /// 结算ID of the refund, may be empty.
    pub refund_setl_id: String,
    /// 结算时间 of the refund, may be empty.
    pub refund_time: String,
    /// When it ended, Unix milliseconds.
    pub ended_at_ms: Option<i64>,
}

fn money(refund: &Refund) -> Money {
    match refund.phase {
        Phase::Looking(_) | Phase::Giving | Phase::Given => Money::Pending,
        Phase::Finding | Phase::Comparing | Phase::Stuck => Money::Unknown,
        Phase::Over(End::Refunded) => Money::Refunded,
        Phase::Over(End::Refused) => Money::Refused,
    }
}

fn reason(refund: &Refund) -> Option<Reason> {
    let given = |code| {
        Some(Reason {
            code,
            text: String::new(),
        })
    };
    match refund.phase {
        Phase::Looking(_) | Phase::Giving | Phase::Given => given(Code::RefundPending),
        Phase::Finding | Phase::Comparing => given(Code::RefundUnknown),
        Phase::Over(_) | Phase::Stuck => refund.reason.clone(),
    }
}

/// What was given back to whom: by what 2208 said, else by what had been charged.
#[must_use]
pub fn given_back(refund: &Refund) -> Option<GivenBack> {
    let negated = |amount: Fen| Fen::ZERO.checked_sub(amount);
    let of = |amounts: &Amounts, turned: &dyn Fn(Fen) -> Option<Fen>| {
        let account_inside = if refund.account_in_funds {
            amounts.acct_pay
        } else {
            Fen::ZERO
        };
        Some(GivenBack {
            total: turned(amounts.medfee_sumamt)?,
            to_patient: turned(amounts.psn_cash_pay)?,
            to_account: turned(amounts.acct_pay)?,
            to_funds: turned(amounts.fund_pay_sumamt.checked_sub(account_inside)?)?,
            by_hospital: turned(amounts.hosp_part_amt)?,
        })
    };
    if refund.phase != Phase::Over(End::Refunded) {
        return None;
    }
    match (&refund.given, &refund.charged) {
        (Some(given), _) => of(&given.amounts, &negated),
        (None, Some(charged)) => of(charged, &Some),
        (None, None) => None,
    }
}

/// The whole answer.
#[must_use]
pub fn answer(refund: &Refund) -> Answer {
    let given = refund.given.as_ref();
    let stated = (refund.resolved.as_ref()).map_or("", |resolved| &resolved.setl_id);
    let (msgid, infno) = refund.sent.clone().unwrap_or_default();
    Answer {
        refund_id: refund.id.clone(),
        request_id: refund.request_id.clone(),
        money: money(refund),
        stuck: refund.phase == Phase::Stuck,
        reason: reason(refund),
        settlement_id: refund.settlement_id.clone(),
        psn_no: refund.numbers.psn_no.clone(),
        mdtrt_id: refund.numbers.mdtrt_id.clone(),
        setl_id: refund.numbers.setl_id.clone(),
        refund_setl_id: given.map_or(stated.to_owned(), |given| given.setl_id.clone()),
        refund_time: given.map_or(String::new(), |given| given.setl_time.clone()),
        msgid,
        infno,
        given_back: given_back(refund),
        amounts: given.map(|given| given.amounts.clone()),
        resolved: refund.resolved.clone(),
        accepted_at_ms: refund.accepted_at_ms,
        ended_at_ms: refund.ended_at_ms,
    }
}

/// What the index keeps.
#[must_use]
pub fn summary(refund: &Refund) -> Summary {
    let answer = answer(refund);
    Summary {
        refund_id: answer.refund_id,
        request_id: answer.request_id,
        caller: refund.caller.clone(),
        money: answer.money,
        stuck: answer.stuck,
        code: answer.reason.map(|reason| reason.code),
        settlement_id: answer.settlement_id,
        psn_no: answer.psn_no,
        mdtrt_id: answer.mdtrt_id,
        setl_id: answer.setl_id,
        refund_setl_id: answer.refund_setl_id,
        refund_time: answer.refund_time,
        ended_at_ms: answer.ended_at_ms,
    }
}

/// Its row in the list of what only a person can resolve.
#[must_use]
pub fn stuck(refund: &Refund) -> Item {
    let answer = answer(refund);
    let operator = refund.order.as_ref().map(|order| &order.operator);
    Item {
        id: answer.refund_id,
        subject: Subject::Refund,
        trouble: Trouble::RefundUnknown,
        request_id: answer.request_id,
        caller: refund.caller.clone(),
        accepted_at_ms: refund.accepted_at_ms,
        stuck_at_ms: refund.at_ms,
        code: answer
            .reason
            .map_or(Code::RefundStuck, |reason| reason.code),
        money: answer::Money::Unknown,
        amount: (refund.charged.as_ref()).map_or(Fen::ZERO, |charged| charged.medfee_sumamt),
        operator_id: operator.map(|it| it.id.clone()).unwrap_or_default(),
        operator_name: operator.map(|it| it.name.clone()).unwrap_or_default(),
        office_id: String::new(),
        office_name: String::new(),
        psn_name_masked: String::new(),
        psn_no: answer.psn_no,
        mdtrt_id: answer.mdtrt_id,
        chrg_bchno: String::new(),
        setl_id: answer.setl_id,
        msgid: answer.msgid,
        infno: answer.infno,
        tried: refund.tried.clone(),
        rtal_docno: String::new(),
        sel_retn_time: String::new(),
        may_state: vec![Truth::Refund(End::Refunded), Truth::Refund(End::Refused)],
    }
}

/// The event to record when a person states this; absent: the same was stated before.
///
/// # Errors
/// [`Code::NotStuck`], [`Code::ResolvedOtherwise`].
pub fn check_stated(
    refund: &Refund,
    by: &str,
    end: End,
    setl_id: &str,
    reason: &str,
) -> Result<Option<Event>, Code> {
    if let Some(first) = &refund.resolved {
        let same = first.end == end && (setl_id.is_empty() || setl_id == first.setl_id);
        return if same {
            Ok(None)
        } else {
            Err(Code::ResolvedOtherwise)
        };
    }
    if refund.phase != Phase::Stuck {
        return Err(Code::NotStuck);
    }
    Ok(Some(Event::Resolved {
        by: by.to_owned(),
        end,
        setl_id: setl_id.to_owned(),
        reason: reason.to_owned(),
    }))
}
