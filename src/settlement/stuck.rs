//! What only a person can resolve, with every fact that the person needs. Made from the rows of a stream and from
//! what the index kept of it; either may be all there is.

use super::answer::{Money, Summary};
use super::bill::Fen;
use super::call::{Enquiry, Found, Outcome, Reversal, Step};
use super::event::{Event, Verdict};
use super::handout::{self, Dispense, What};
use super::state::{Phase, State};
use super::steps::TABLE;
use super::{refund, resolve, tell};
use crate::book::Code;

/// What a stream is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A scan-and-pay.
    Settlement,
    /// The giving back of a settled bill.
    Refund,
    /// A hand-out or take-back.
    Dispense,
    /// Another kind of stream.
    Other,
}

/// What kind of trouble it is: it decides what to look up and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The settling call may have charged.
    ChargeUnknown,
    /// It charged what may not stand, and giving it back failed.
    ChargeStands,
    /// Nothing is charged; a visit or lines may be left at the platform.
    LeftOpen,
    /// A refund may have given the money back.
    RefundUnknown,
    /// The platform may have recorded a hand-out or take-back.
    DispenseUnknown,
    /// Its record cannot be read.
    Unreadable,
}

/// What a person may state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// Of a settlement.
    Settlement(Verdict),
    /// Of a refund.
    Refund(refund::End),
    /// Of a hand-out or take-back.
    Dispense(handout::Ending),
}

/// One row of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The stream's own id.
    pub id: String,
    /// What it is about.
    pub subject: Subject,
    /// What kind of trouble.
    pub trouble: Trouble,
    /// The caller's id.
    pub request_id: String,
    /// Who asked (`uid:1000`).
    pub caller: String,
    /// When it was accepted, Unix milliseconds.
    pub accepted_at_ms: i64,
    /// Since when only a person can go on, Unix milliseconds.
    pub stuck_at_ms: i64,
    /// Why.
    pub code: Code,
    /// What is known of the money.
    pub money: Money,
    /// 医疗费总额.
    pub amount: Fen,
    /// 经办人编号, empty when forgotten.
    pub operator_id: String,
    /// 经办人姓名, empty when forgotten.
    pub operator_name: String,
    /// 科室编号, empty when forgotten.
    pub office_id: String,
    /// 科室名称, empty when forgotten.
    pub office_name: String,
    /// 姓名, masked; empty when unknown or forgotten.
    pub psn_name_masked: String,
    /// 人员编号.
    pub psn_no: String,
    /// 就诊ID.
    pub mdtrt_id: String,
    /// 收费批次号.
    pub chrg_bchno: String,
    /// 结算ID.
    pub setl_id: String,
    /// msgid of the money call.
    pub msgid: String,
    /// Transaction number of the money call.
    pub infno: String,
    /// What was tried since the point of no return, in the order of the steps.
    pub tried: Vec<Tried>,
    /// 零售单据号 of a hand-out or take-back, else empty.
    pub rtal_docno: String,
    /// 销售/退货时间 of a hand-out or take-back, else empty.
    pub sel_retn_time: String,
    /// What a person may state of it.
    pub may_state: Vec<Truth>,
}

/// One step that was tried, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// Transaction number as sent.
    pub infno: String,
    /// How many messages were meant to leave.
    pub times: u32,
    /// When the last one ended, Unix milliseconds.
    pub last_at_ms: i64,
    /// How it ended.
    pub end: End,
    /// The book's code, where it did not go well.
    pub code: Option<Code>,
    /// The answer's own code (`-1`, `401`), empty when there was none.
    pub infcode: String,
}

/// How a message ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The platform did it.
    Done,
    /// The platform or its gateway said no.
    Refused,
    /// It never left this machine.
    NotSent,
    /// Nothing that counts came back.
    Unknown,
    /// An enquiry: it is there and stands.
    Found,
    /// It was given back.
    GivenBack,
    /// Nothing is there.
    NothingThere,
    /// It cannot be told from the answer.
    Unclear,
}

/// The row of a settlement. `kept` is what the index shows: it remembers numbers whose rows are forgotten.
#[must_use]
pub fn settlement(state: &State, events: &[(Event, i64)], kept: Option<&Summary>) -> Item {
    let answer = tell::answer(state);
    let order = state.order.as_ref();
    let else_kept = |text: String, field: fn(&Summary) -> &String| match kept {
        Some(kept) if text.is_empty() => field(kept).clone(),
        Some(_) | None => text,
    };
    let operator = order.map(|order| order.operator.clone());
    let office = order.map(|order| order.office.clone());
    let named = |pair: Option<(String, String)>| pair.unwrap_or_default();
    let (operator_id, operator_name) = named(operator.map(|it| (it.id, it.name)));
    let (office_id, office_name) = named(office.map(|it| (it.id, it.name)));
    let trouble = match state.phase {
        Phase::Stuck(Some(_)) => Trouble::LeftOpen,
        Phase::Stuck(None) if state.is_charged() => Trouble::ChargeStands,
        Phase::Forward
        | Phase::Finding(_)
        | Phase::GivingUp(_)
        | Phase::Standing
        | Phase::Over(_)
        | Phase::Stuck(None) => Trouble::ChargeUnknown,
    };
    Item {
        id: state.settlement_id.clone(),
        subject: Subject::Settlement,
        trouble,
        request_id: answer.request_id,
        caller: state.caller.clone(),
        accepted_at_ms: state.accepted_at_ms,
        stuck_at_ms: state.stuck_at_ms.unwrap_or(state.at_ms),
        code: answer.reason.map_or(Code::Stuck, |reason| reason.code),
        money: answer.money,
        amount: state.total,
        operator_id: else_kept(operator_id, |kept| &kept.operator_id),
        operator_name,
        office_id: else_kept(office_id, |kept| &kept.office_id),
        office_name,
        psn_name_masked: answer.psn_name_masked,
        psn_no: else_kept(answer.psn_no, |kept| &kept.psn_no),
        mdtrt_id: else_kept(answer.mdtrt_id, |kept| &kept.mdtrt_id),
        chrg_bchno: answer.chrg_bchno,
        setl_id: else_kept(answer.setl_id, |kept| &kept.setl_id),
        msgid: else_kept(answer.msgid, |kept| &kept.msgid),
        infno: state.known.settle_infno.clone().unwrap_or_default(),
        tried: tried(events),
        rtal_docno: String::new(),
        sel_retn_time: String::new(),
        may_state: (resolve::allowed(state).into_iter())
            .map(Truth::Settlement)
            .collect(),
    }
}

/// The row of a stream whose record cannot be read: what the index kept of it.
#[must_use]
pub fn unreadable(id: &str, subject: Subject, at_ms: i64, kept: Option<&Summary>) -> Item {
    let text = |field: fn(&Summary) -> &String| kept.map(|kept| field(kept).clone());
    let text = |field| text(field).unwrap_or_default();
    Item {
        id: id.to_owned(),
        subject,
        trouble: Trouble::Unreadable,
        request_id: text(|kept| &kept.request_id),
        caller: text(|kept| &kept.caller),
        accepted_at_ms: kept.map_or(at_ms, |kept| kept.accepted_at_ms),
        stuck_at_ms: at_ms,
        code: Code::StreamUnreadable,
        money: Money::Unknown,
        amount: kept.map_or(Fen::ZERO, |kept| kept.total),
        operator_id: text(|kept| &kept.operator_id),
        operator_name: String::new(),
        office_id: text(|kept| &kept.office_id),
        office_name: String::new(),
        psn_name_masked: String::new(),
        psn_no: text(|kept| &kept.psn_no),
        mdtrt_id: text(|kept| &kept.mdtrt_id),
        chrg_bchno: String::new(),
        setl_id: text(|kept| &kept.setl_id),
        msgid: text(|kept| &kept.msgid),
        infno: String::new(),
        tried: Vec::new(),
        rtal_docno: String::new(),
        sel_retn_time: String::new(),
        may_state: Vec::new(),
    }
}

/// A hand-out or take-back that the platform may have recorded. It moves no money.
#[must_use]
pub fn dispense(story: &Dispense) -> Item {
    let order = story.order.as_deref();
    let goods = order.map(|order| &order.goods);
    let operator = order.map(|order| &order.operator);
    let infno = match story.what {
        What::HandOut => "3505A",
        What::TakeBack => "3506A",
    };
    Item {
        subject: Subject::Dispense,
        trouble: Trouble::DispenseUnknown,
        request_id: story.request_id.clone(),
        caller: story.caller.clone(),
        accepted_at_ms: story.accepted_at_ms,
        code: Code::DispenseUnknown,
        operator_id: operator.map_or_else(String::new, |it| it.id.clone()),
        operator_name: operator.map_or_else(String::new, |it| it.name.clone()),
        psn_name_masked: goods.map_or_else(String::new, |it| it.psn_name.masked()),
        psn_no: goods.map_or_else(String::new, |it| it.psn_no.clone()),
        mdtrt_id: goods.map_or_else(String::new, |it| it.mdtrt_sn.clone()),
        setl_id: goods.map_or_else(String::new, |it| it.setl_id.clone()),
        msgid: story.msgid.clone(),
        infno: infno.to_owned(),
        rtal_docno: goods.map_or_else(String::new, |it| it.rtal_docno.clone()),
        sel_retn_time: goods.map_or_else(String::new, |it| it.sel_retn_time.clone()),
        may_state: vec![
            Truth::Dispense(handout::Ending::Recorded),
            Truth::Dispense(handout::Ending::Refused),
        ],
        ..unreadable(&story.id, Subject::Dispense, story.tries.1, None)
    }
}

/// What was tried of the steps that write or find out. Only the last end of each counts.
fn tried(events: &[(Event, i64)]) -> Vec<Tried> {
    let rows = TABLE.into_iter().filter(|row| matters(row.step));
    rows.filter_map(|row| tried_of(row.step, events)).collect()
}

/// Whether a person who looks into it wants to know of this step.
fn matters(step: Step) -> bool {
    match step {
        Step::Settle
        | Step::UndoSettle
        | Step::UndoFees
        | Step::UndoRegister
        | Step::Reverse
        | Step::FindVisit
        | Step::FindSettlement => true,
        Step::Decode
        | Step::Person
        | Step::Register
        | Step::VisitInfo
        | Step::Fees
        | Step::PreSettle => false,
    }
}

fn tried_of(wanted: Step, events: &[(Event, i64)]) -> Option<Tried> {
    let mut tried: Option<Tried> = None;
    for (event, at_ms) in events {
        if let Event::Intent { step, infno, .. } = event
            && *step == wanted
        {
            // Without its answer it is what the next process takes it for.
            tried = Some(Tried {
                infno: infno.clone(),
                times: tried.map_or(0, |tried| tried.times) + 1,
                last_at_ms: *at_ms,
                end: End::Unknown,
                code: Some(Code::PlatformNoAnswer),
                infcode: String::new(),
            });
        } else if let Event::Answered { step, result, .. } = event
            && *step == wanted
        {
            let (end, code, infcode) = end_of(result);
            let sent = tried.map(|tried| (tried.infno, tried.times));
            let (infno, times) = sent.unwrap_or_else(|| (tell::step_name(wanted).to_owned(), 0));
            tried = Some(Tried {
                infno,
                times,
                last_at_ms: *at_ms,
                end,
                code,
                infcode,
            });
        }
    }
    tried
}

/// How an outcome is told.
#[must_use]
pub fn end_of(outcome: &Outcome) -> (End, Option<Code>, String) {
    match outcome {
        Outcome::Done { found } => (found.as_ref().map_or(End::Done, said), None, "0".to_owned()),
        Outcome::Refused { code, infcode, .. } => (End::Refused, Some(*code), infcode.clone()),
        Outcome::NotSent { code, .. } => (End::NotSent, Some(*code), String::new()),
        Outcome::Unknown { code, .. } => (End::Unknown, Some(*code), String::new()),
    }
}

fn said(found: &Found) -> End {
    match found {
        Found::Enquiry(Enquiry::Found(_)) => End::Found,
        Found::Looked(looked) if looked.is_refunded => End::GivenBack,
        Found::Looked(_) => End::Found,
        Found::Enquiry(Enquiry::Refunded) | Found::Reversal(Reversal::Reversed) => End::GivenBack,
        Found::Enquiry(Enquiry::NothingThere) | Found::Reversal(Reversal::NothingThere) => {
            End::NothingThere
        }
        Found::Enquiry(Enquiry::Unclear) | Found::Reversal(Reversal::Unclear) => End::Unclear,
        Found::Nothing
        | Found::Voucher(_)
        | Found::Person(_)
        | Found::Registered { .. }
        | Found::Lines(_)
        | Found::Preview(_)
        | Found::DrugPreview { .. }
        | Found::Dispensed(_)
        | Found::Settled(_)
        | Found::Refunded { .. }
        | Found::Visits(_)
        | Found::Compared(_)
        | Found::Totals { .. }
        | Found::File { .. }
        | Found::Statement(_)
        | Found::YearToDate(_) => End::Done,
    }
}
