//! Answers, progress, lists and the small requests about settlements.

use super::error::{entry, entry_of_settlement, entry_of_shown};
use super::fields::Fields;
use super::order::request_id;
use super::prompt::prompt;
use super::time::{parse_rfc3339, rfc3339, rfc3339_or_empty};
use crate::api as wire;
use crate::book::Code;
use crate::operation::{Failure, ListFilter, SettlementKey};
use crate::settlement::amounts::{Amounts, FundPart};
use crate::settlement::answer::{
    Answer, CancelVerdict, Money, Paper, Point, Progress, Proof, Reason, Shown, Stage, Summary,
};

/// Rows of a page that a caller may ask for.
const LIST_ROWS_MAX: u32 = 500;
/// Rows of a page when the caller does not say.
const LIST_ROWS_DEFAULT: u32 = 50;
/// Characters of an id or token that a caller hands back.
pub(super) const ID_LENGTH_MAX: usize = 64;

/// What is true of a settlement, whole.
#[must_use]
pub fn settlement(answer: Answer) -> wire::Settlement {
    let self_pay = (answer.money == Money::Settled).then(|| wire::SelfPay {
        amount_fen: answer.self_pay.0,
        taken_by: wire::TakenBy::Caller.into(),
    });
    wire::Settlement {
        settlement_id: answer.settlement_id,
        request_id: answer.request_id,
        money: money(answer.money).into(),
        paper: Some(wire::Paper {
            reason: paper_reason(answer.paper, answer.paper_waits_for),
            ..paper(answer.paper)
        }),
        self_pay,
        amounts: answer.amounts.map(amounts),
        psn_no: answer.psn_no,
        masked_name: answer.psn_name_masked,
        masked_certno: answer.certno_masked,
        mdtrt_id: answer.mdtrt_id,
        chrg_bchno: answer.chrg_bchno,
        msgid: answer.msgid,
        setl_id: answer.setl_id,
        setl_time: answer.setl_time,
        insutype: answer.insutype,
        insutype_is_remembered: answer.insutype_is_remembered,
        clr_type: answer.clr_type,
        clr_way: answer.clr_way,
        clr_optins: answer.clr_optins,
        setlinfo: answer.setlinfo,
        setldetail: answer.setldetail,
        ipt_otp_no: answer.ipt_otp_no,
        error: answer
            .reason
            .map(|reason| entry_of_settlement(&reason, answer.money)),
        stage: stage(answer.stage).into(),
        stuck: answer.stuck,
        accepted_at: rfc3339(answer.accepted_at_ms),
        ended_at: rfc3339_or_empty(answer.ended_at_ms),
        warnings: answer.warnings,
        resolved: answer.resolved.map(super::stuck::resolution),
        refund: answer.refund.map(super::refund::brief),
    }
}

/// A step on the way. The whole answer goes with it when nothing more happens by itself.
#[must_use]
pub fn event(progress: Progress) -> wire::SettlementEvent {
    let answer = &progress.answer;
    let (prompt_zh, prompt_en) = prompt(progress.stage, &progress.asks);
    let error = match progress.rejected_code {
        Some(code) => Some(entry_of_shown(code)),
        // That it runs on is no trouble.
        None => (answer.reason.as_ref())
            .filter(|reason| reason.code != Code::Pending)
            .map(|reason| entry_of_settlement(reason, answer.money)),
    };
    let is_last = match progress.stage {
        Stage::Ended | Stage::Stuck => true,
        Stage::Queued
        | Stage::WaitingScan
        | Stage::Decoding
        | Stage::Person
        | Stage::WaitingPerson
        | Stage::Registering
        | Stage::VisitInfo
        | Stage::Fees
        | Stage::PreSettling
        | Stage::WaitingAmounts
        | Stage::WaitingFreshScan
        | Stage::Settling
        | Stage::FindingOut
        | Stage::Undoing
        | Stage::Printing
        | Stage::WaitingCaller => false,
    };
    wire::SettlementEvent {
        seq: progress.seq,
        at: rfc3339(progress.at_ms),
        stage: stage(progress.stage).into(),
        queue_place: progress
            .queue_place
            .map_or(0, |n| u32::try_from(n).unwrap_or(u32::MAX)),
        prompt_zh,
        prompt_en,
        error,
        settlement_id: answer.settlement_id.clone(),
        psn_no: answer.psn_no.clone(),
        mdtrt_id: answer.mdtrt_id.clone(),
        chrg_bchno: answer.chrg_bchno.clone(),
        msgid: answer.msgid.clone(),
        shown: progress.shown.map(shown),
        settlement: is_last.then(|| settlement(progress.answer)),
    }
}

/// A row of the list.
#[must_use]
pub fn summary(row: Summary) -> wire::SettlementSummary {
    let reason = row.code.map(|code| Reason {
        code,
        text: String::new(),
    });
    wire::SettlementSummary {
        settlement_id: row.settlement_id,
        request_id: row.request_id,
        caller: row.caller,
        money: money(row.money).into(),
        paper: paper_state(row.paper).into(),
        stage: stage(row.stage).into(),
        stuck: row.stuck,
        error: reason.map(|reason| entry_of_settlement(&reason, row.money)),
        total_fen: row.total.0,
        self_pay_fen: row.self_pay.0,
        mdtrt_id: row.mdtrt_id,
        setl_id: row.setl_id,
        msgid: row.msgid,
        accepted_at: rfc3339(row.accepted_at_ms),
        ended_at: rfc3339_or_empty(row.ended_at_ms),
        refund: (row.refund)
            .map_or(wire::RefundMoney::Unspecified, super::refund::money)
            .into(),
    }
}

/// A page of the list. It is the last when it is not full.
#[must_use]
pub fn page(rows: Vec<Summary>, limit: usize) -> wire::ListSettlementsResponse {
    let settlements: Vec<_> = rows.into_iter().map(summary).collect();
    let last = settlements.last().filter(|_| settlements.len() >= limit);
    let next = last
        .map(|row| row.settlement_id.clone())
        .unwrap_or_default();
    wire::ListSettlementsResponse { settlements, next }
}

/// Which settlements to list.
///
/// # Errors
/// `REQUEST_INVALID`, naming the fields.
pub fn list_filter(request: wire::ListSettlementsRequest) -> Result<ListFilter, Failure> {
    let mut fields = Fields::default();
    let from_ms = point_in_time(&mut fields, "from", &request.from);
    let to_ms = point_in_time(&mut fields, "to", &request.to);
    let rows = if request.limit == 0 {
        LIST_ROWS_DEFAULT
    } else {
        request.limit
    };
    if rows > LIST_ROWS_MAX {
        let why = format!("is more than {LIST_ROWS_MAX}");
        fields.wrong(Code::RequestInvalid, "limit", why);
    }
    let before = fields.optional("before", request.before, ID_LENGTH_MAX);
    fields.finish(ListFilter {
        from_ms,
        to_ms,
        open_only: request.open_only,
        stuck_only: request.stuck_only,
        limit: usize::try_from(rows.min(LIST_ROWS_MAX)).unwrap_or_default(),
        before: Some(before).filter(|before| !before.is_empty()),
    })
}

/// Which settlement.
///
/// # Errors
/// `REQUEST_INVALID` without a key, `REQUEST_ID_INVALID`.
pub fn key(request: wire::GetSettlementRequest) -> Result<SettlementKey, Failure> {
    use wire::get_settlement_request::Key;
    let mut fields = Fields::default();
    let key = match request.key {
        Some(Key::RequestId(id)) => SettlementKey::RequestId(request_id(id)?),
        Some(Key::SettlementId(id)) => {
            SettlementKey::SettlementId(fields.required("settlement_id", id, ID_LENGTH_MAX))
        }
        Some(Key::SetlId(id)) => {
            SettlementKey::SetlId(fields.required("setl_id", id, ID_LENGTH_MAX))
        }
        Some(Key::Msgid(id)) => SettlementKey::Msgid(fields.required("msgid", id, ID_LENGTH_MAX)),
        None => {
            let detail = "one of settlement_id, request_id, setl_id, msgid is required".to_owned();
            let fields = vec!["key".to_owned()];
            return Err(Failure {
                code: Code::RequestInvalid,
                detail,
                fields,
            });
        }
    };
    fields.finish(key)
}

/// What is confirmed: the request's id, the point, the token.
///
/// # Errors
/// `REQUEST_INVALID` or `REQUEST_ID_INVALID`, naming the field.
pub fn confirmation(
    request: wire::ConfirmSettlementRequest,
) -> Result<(String, Point, String), Failure> {
    let request_id = request_id(request.request_id)?;
    let mut fields = Fields::default();
    let point = fields.known("point", request.point, None, |point| match point {
        wire::ConfirmPoint::Unspecified => None,
        wire::ConfirmPoint::Person => Some(Point::Person),
        wire::ConfirmPoint::Amounts => Some(Point::Amounts),
    });
    let shown = fields.required("shown", request.shown, ID_LENGTH_MAX);
    // A point that could not be read was noted, so its stand-in leaves in an error only.
    fields.finish((request_id, point.unwrap_or(Point::Person), shown))
}

/// What a cancellation is told.
#[must_use]
pub fn cancelled(verdict: CancelVerdict, answer: Answer) -> wire::CancelSettlementResponse {
    let verdict = match verdict {
        CancelVerdict::Cancelled => wire::CancelVerdict::Cancelled,
        CancelVerdict::TooLateSettled => wire::CancelVerdict::TooLateSettled,
        CancelVerdict::TooLateBeingSettled => wire::CancelVerdict::TooLateBeingSettled,
    };
    wire::CancelSettlementResponse {
        verdict: verdict.into(),
        settlement: Some(settlement(answer)),
    }
}

fn point_in_time(fields: &mut Fields, path: &str, text: &str) -> Option<i64> {
    let at_ms = parse_rfc3339(text);
    if at_ms.is_none() && !text.is_empty() {
        fields.wrong(
            Code::RequestInvalid,
            path,
            "must be RFC 3339 with an offset",
        );
    }
    at_ms
}

pub(super) fn money(money: Money) -> wire::Money {
    match money {
        Money::Settled => wire::Money::Settled,
        Money::Refused => wire::Money::Refused,
        Money::Cancelled => wire::Money::Cancelled,
        Money::Reversed => wire::Money::Reversed,
        Money::Unknown => wire::Money::Unknown,
        Money::Pending => wire::Money::Pending,
    }
}

pub(super) fn paper(paper: Paper) -> wire::Paper {
    let (proof, reason, copies) = match paper {
        Paper::NotAsked | Paper::Queued => (wire::PaperProof::Unspecified, None, 0),
        Paper::Printed(Proof::ProcessId) => (wire::PaperProof::ProcessId, None, 1),
        Paper::Printed(Proof::QueuedStatus) => (wire::PaperProof::Status, None, 1),
        Paper::Printed(Proof::QueueFinished) => (wire::PaperProof::QueueFinished, None, 1),
        Paper::NotPrinted(code) | Paper::Unknown(code) => {
            (wire::PaperProof::Unspecified, Some(entry(code)), 0)
        }
    };
    wire::Paper {
        state: paper_state(paper).into(),
        proof: proof.into(),
        reason,
        copies,
    }
}

/// Why there is no proof; of a queued paper, what it waits for.
fn paper_reason(paper: Paper, waits_for: Option<Code>) -> Option<wire::ErrorEntry> {
    match paper {
        Paper::Queued => waits_for.map(entry),
        Paper::NotAsked | Paper::Printed(_) => None,
        Paper::NotPrinted(code) | Paper::Unknown(code) => Some(entry(code)),
    }
}

fn paper_state(paper: Paper) -> wire::PaperState {
    match paper {
        Paper::NotAsked => wire::PaperState::NotAsked,
        Paper::Queued => wire::PaperState::Queued,
        Paper::Printed(_) => wire::PaperState::Printed,
        Paper::NotPrinted(_) => wire::PaperState::NotPrinted,
        Paper::Unknown(_) => wire::PaperState::Unknown,
    }
}

pub(super) fn stage(stage: Stage) -> wire::Stage {
    match stage {
        Stage::Queued => wire::Stage::Queued,
        Stage::WaitingScan => wire::Stage::WaitingScan,
        Stage::Decoding => wire::Stage::Decoding,
        Stage::Person => wire::Stage::Person,
        Stage::WaitingPerson => wire::Stage::WaitingPerson,
        Stage::Registering => wire::Stage::Registering,
        Stage::VisitInfo => wire::Stage::Visit,
        Stage::Fees => wire::Stage::Fees,
        Stage::PreSettling => wire::Stage::PreSettling,
        Stage::WaitingAmounts => wire::Stage::WaitingAmounts,
        Stage::WaitingFreshScan => wire::Stage::WaitingFreshScan,
        Stage::Settling => wire::Stage::Settling,
        Stage::FindingOut => wire::Stage::FindingOut,
        Stage::Undoing => wire::Stage::Undoing,
        Stage::Printing => wire::Stage::Printing,
        Stage::WaitingCaller => wire::Stage::WaitingCaller,
        Stage::Stuck => wire::Stage::Stuck,
        Stage::Ended => wire::Stage::Ended,
    }
}

fn shown(shown: Shown) -> wire::settlement_event::Shown {
    match shown {
        Shown::Person {
            token,
            psn_name_masked,
            certno_masked,
            insutype,
            balc,
        } => wire::settlement_event::Shown::Person(wire::PersonShown {
            shown: token,
            masked_name: psn_name_masked,
            masked_certno: certno_masked,
            insutype,
            balance_fen: balc.0,
        }),
        Shown::Amounts {
            token,
            amounts: preview,
        } => wire::settlement_event::Shown::Amounts(wire::AmountsShown {
            shown: token,
            amounts: Some(amounts(*preview)),
        }),
    }
}

pub(super) fn amounts(amounts: Amounts) -> wire::Amounts {
    wire::Amounts {
        medfee_sumamt_fen: amounts.medfee_sumamt.0,
        fulamt_ownpay_amt_fen: amounts.fulamt_ownpay_amt.0,
        overlmt_selfpay_fen: amounts.overlmt_selfpay.0,
        preselfpay_amt_fen: amounts.preselfpay_amt.0,
        inscp_scp_amt_fen: amounts.inscp_scp_amt.0,
        act_pay_dedc_fen: amounts.act_pay_dedc.0,
        hifp_pay_fen: amounts.hifp_pay.0,
        cvlserv_pay_fen: amounts.cvlserv_pay.0,
        hifes_pay_fen: amounts.hifes_pay.0,
        hifmi_pay_fen: amounts.hifmi_pay.0,
        hifob_pay_fen: amounts.hifob_pay.0,
        maf_pay_fen: amounts.maf_pay.0,
        hifdm_pay_fen: amounts.hifdm_pay.0,
        oth_pay_fen: amounts.oth_pay.0,
        fund_pay_sumamt_fen: amounts.fund_pay_sumamt.0,
        psn_part_amt_fen: amounts.psn_part_amt.0,
        acct_pay_fen: amounts.acct_pay.0,
        acct_mulaid_pay_fen: amounts.acct_mulaid_pay.0,
        psn_cash_pay_fen: amounts.psn_cash_pay.0,
        hosp_part_amt_fen: amounts.hosp_part_amt.0,
        balc_fen: amounts.balc.0,
        setldetail: amounts.setldetail.into_iter().map(fund_part).collect(),
    }
}

fn fund_part(part: FundPart) -> wire::FundPart {
    wire::FundPart {
        fund_pay_type: part.fund_pay_type,
        fund_pay_type_name: part.fund_pay_type_name,
        fund_payamt_fen: part.fund_payamt.0,
    }
}

#[cfg(test)]
pub(crate) mod tests;
