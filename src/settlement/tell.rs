//! From the state to what is told. The same state always tells the same.

use super::answer::{Answer, Money, Paper, Point, Progress, Reason, Shown, Stage, Summary};
use super::bill::Fen;
use super::call::Step;
use super::event::Ending;
use super::known::Known;
use super::order::{Order, PrintWish};
use super::state::{PaperState, Phase, PointKey, State};
use crate::book::Code;

/// What became of the money by now.
#[must_use]
pub fn money(state: &State) -> Money {
    match state.phase {
        Phase::Forward => Money::Pending,
        Phase::Finding(_) => Money::Unknown,
        // Money that is still out there is not known to be back.
        Phase::GivingUp(_) if state.is_charged() => Money::Unknown,
        Phase::GivingUp(_) => Money::Pending,
        Phase::Standing => Money::Settled,
        Phase::Over(ending) | Phase::Stuck(Some(ending)) => ended(ending),
        Phase::Stuck(None) => Money::Unknown,
    }
}

fn ended(ending: Ending) -> Money {
    match ending {
        Ending::Refused => Money::Refused,
        Ending::Cancelled => Money::Cancelled,
        Ending::Reversed => Money::Reversed,
    }
}

/// What became of the paper by now.
#[must_use]
pub fn paper(state: &State) -> Paper {
    match (&state.phase, &state.paper) {
        (_, PaperState::Ended(paper)) => *paper,
        (Phase::Standing, PaperState::Wanted(_) | PaperState::Printing(_)) => Paper::Queued,
        (_, PaperState::NotAsked | PaperState::Wanted(_) | PaperState::Printing(_)) => {
            Paper::NotAsked
        }
    }
}

/// Where it stands.
#[must_use]
pub fn stage(state: &State) -> Stage {
    match &state.phase {
        Phase::Forward => forward_stage(state),
        Phase::Finding(_) => Stage::FindingOut,
        Phase::GivingUp(_) => Stage::Undoing,
        Phase::Standing if state.is_over() => Stage::Ended,
        Phase::Standing => Stage::Printing,
        Phase::Over(_) => Stage::Ended,
        Phase::Stuck(_) => Stage::Stuck,
    }
}

fn forward_stage(state: &State) -> Stage {
    let known = &state.known;
    let trail = &state.trail;
    if trail.settle_sent || known.settled.is_some() {
        return Stage::Settling;
    }
    if trail.alone_since_ms.is_some() {
        return Stage::WaitingCaller;
    }
    if known.voucher.is_none() {
        return match (trail.code_in_hand, known.preview.is_some()) {
            (true, _) => Stage::Decoding,
            (false, true) => Stage::WaitingFreshScan,
            (false, false) => Stage::WaitingScan,
        };
    }
    let waits = |key: PointKey, point: Point| {
        trail.shown.contains_key(&key) && !trail.confirmed.contains(&point)
    };
    if known.person.is_none() || known.insurance.is_none() {
        Stage::Person
    } else if waits(PointKey::Person, Point::Person) {
        Stage::WaitingPerson
    } else if !state.is_pharmacy() && known.mdtrt_id.is_none() {
        Stage::Registering
    } else if !state.is_pharmacy() && !trail.visit_sent {
        Stage::VisitInfo
    } else if !state.is_pharmacy() && !trail.fees_sent {
        Stage::Fees
    } else if known.preview.is_none() {
        Stage::PreSettling
    } else if waits(PointKey::Amounts, Point::Amounts) {
        Stage::WaitingAmounts
    } else {
        Stage::Settling
    }
}

/// The reason that goes with the money.
fn reason(state: &State) -> Option<Reason> {
    let given = |code: Code| {
        Some(Reason {
            code,
            text: String::new(),
        })
    };
    match state.phase {
        // One that a person stated says so; else all is well.
        Phase::Standing => state.reason.clone().filter(|_| state.resolved.is_some()),
        Phase::Finding(_) => given(Code::SettleUnknown),
        Phase::Forward => given(Code::Pending),
        Phase::GivingUp(_) if state.is_charged() => given(Code::SettleUnknown),
        Phase::GivingUp(_) | Phase::Over(_) | Phase::Stuck(_) => state.reason.clone(),
    }
}

/// The whole answer.
#[must_use]
pub fn answer(state: &State) -> Answer {
    let known = &state.known;
    let money = money(state);
    let settled = known.settled.as_ref();
    let amounts = settled
        .map(|settled| &settled.amounts)
        .or(known.preview.as_ref());
    let self_pay = match (money, amounts) {
        (Money::Settled, Some(amounts)) => amounts.psn_cash_pay,
        (_, _) => Fen::ZERO,
    };
    let stated = |text: String| match &state.resolved {
        Some(resolved) if text.is_empty() => resolved.setl_id.clone(),
        Some(_) | None => text,
    };
    let of_settled = |field: fn(&super::call::Settled) -> &String| {
        settled
            .map(|settled| field(settled).clone())
            .unwrap_or_default()
    };
    Answer {
        settlement_id: state.settlement_id.clone(),
        request_id: state.request_id.clone(),
        money,
        paper: paper(state),
        paper_waits_for: None,
        stage: stage(state),
        reason: reason(state),
        warnings: state.warnings.clone(),
        stuck: matches!(state.phase, Phase::Stuck(_)),
        self_pay,
        amounts: amounts.cloned(),
        psn_no: known
            .person
            .as_ref()
            .map(|person| person.psn_no.clone())
            .unwrap_or_default(),
        psn_name_masked: name_masked(known),
        certno_masked: certno_masked(known),
        ipt_otp_no: known.ids.ipt_otp_no.clone(),
        mdtrt_id: known.mdtrt_id.clone().unwrap_or_default(),
        chrg_bchno: known.ids.chrg_bchno.clone(),
        msgid: known.settle_msgid.clone().unwrap_or_default(),
        setl_id: stated(of_settled(|settled| &settled.setl_id)),
        setl_time: of_settled(|settled| &settled.setl_time),
        insutype: known
            .insurance
            .as_ref()
            .map(|row| row.insutype.clone())
            .unwrap_or_default(),
        insutype_is_remembered: is_remembered(state),
        clr_type: of_settled(|settled| &settled.clr_type),
        clr_way: of_settled(|settled| &settled.clr_way),
        clr_optins: of_settled(|settled| &settled.clr_optins),
        setlinfo: of_settled(|settled| &settled.setlinfo),
        setldetail: of_settled(|settled| &settled.setldetail),
        accepted_at_ms: state.accepted_at_ms,
        ended_at_ms: state.ended_at_ms,
        resolved: state.resolved.clone(),
        refund: None,
    }
}

/// Whether the insurance is the one that this person was settled with last time, since nobody named one.
fn is_remembered(state: &State) -> bool {
    let recalled = state.trail.recalled.as_deref();
    let chosen = state.known.insurance.as_ref();
    chosen.is_some_and(|row| recalled == Some(row.insutype.as_str()))
}

fn name_masked(known: &Known) -> String {
    known
        .person
        .as_ref()
        .map(|person| person.psn_name.masked())
        .unwrap_or_default()
}

fn certno_masked(known: &Known) -> String {
    known
        .person
        .as_ref()
        .map(|person| person.certno.masked())
        .unwrap_or_default()
}

/// The stage, to whoever looks now. A code is asked for only while the scanner listens (`armed`): one that is shown
/// before is refused.
#[must_use]
pub fn stage_now(state: &State, armed: bool) -> Stage {
    let stage = stage(state);
    let waits_for_scan = matches!(stage, Stage::WaitingScan | Stage::WaitingFreshScan);
    if waits_for_scan && !armed {
        Stage::Queued
    } else {
        stage
    }
}

/// What a watcher is told now.
#[must_use]
pub fn progress(state: &State, seq: u64, queue_place: Option<usize>, armed: bool) -> Progress {
    let stage = stage_now(state, armed);
    Progress {
        seq,
        at_ms: state.at_ms,
        stage,
        queue_place,
        asks: (state.order.as_ref()).map_or_else(Vec::new, |order| order.credentials.clone()),
        rejected_code: match stage {
            Stage::WaitingScan | Stage::WaitingFreshScan => state.trail.last_rejection,
            Stage::Queued
            | Stage::Decoding
            | Stage::Person
            | Stage::WaitingPerson
            | Stage::Registering
            | Stage::VisitInfo
            | Stage::Fees
            | Stage::PreSettling
            | Stage::WaitingAmounts
            | Stage::Settling
            | Stage::FindingOut
            | Stage::Undoing
            | Stage::Printing
            | Stage::WaitingCaller
            | Stage::Stuck
            | Stage::Ended => None,
        },
        shown: shown(state, stage),
        answer: Answer {
            stage,
            ..answer(state)
        },
    }
}

fn shown(state: &State, stage: Stage) -> Option<Shown> {
    let token = |key: PointKey| state.trail.shown.get(&key).map(|(token, _)| token.clone());
    let known = &state.known;
    if stage == Stage::WaitingPerson {
        let insurance = known.insurance.as_ref()?;
        return Some(Shown::Person {
            token: token(PointKey::Person)?,
            psn_name_masked: name_masked(known),
            certno_masked: certno_masked(known),
            insutype: insurance.insutype.clone(),
            balc: insurance.balc,
        });
    }
    if stage == Stage::WaitingAmounts {
        let amounts = Box::new(known.preview.clone()?);
        return Some(Shown::Amounts {
            token: token(PointKey::Amounts)?,
            amounts,
        });
    }
    None
}

/// The row in a list.
#[must_use]
pub fn summary(state: &State) -> Summary {
    let answer = answer(state);
    let insurance = state.known.insurance.as_ref();
    let chosen = insurance.map(|insurance| insurance.insutype.clone());
    Summary {
        settlement_id: answer.settlement_id,
        request_id: answer.request_id,
        caller: state.caller.clone(),
        money: answer.money,
        paper: answer.paper,
        stage: answer.stage,
        stuck: answer.stuck,
        code: answer.reason.map(|reason| reason.code),
        total: state.total,
        self_pay: answer.self_pay,
        mdtrt_id: answer.mdtrt_id,
        insutype: chosen.unwrap_or_default(),
        setl_id: answer.setl_id,
        msgid: answer.msgid,
        accepted_at_ms: answer.accepted_at_ms,
        ended_at_ms: answer.ended_at_ms,
        psn_no: answer.psn_no,
        operator_id: (state.order.as_ref())
            .map(|order| order.operator.id.clone())
            .unwrap_or_default(),
        office_id: (state.order.as_ref())
            .map(|order| order.office.id.clone())
            .unwrap_or_default(),
        // Whoever writes it down has the key.
        bill_marks: Vec::new(),
        refund: None,
    }
}

/// Whether the scanner may be needed again: it is kept until then.
#[must_use]
pub fn keeps_scanner(state: &State, fresh_code_by_rule: bool) -> bool {
    let Phase::Forward = state.phase else {
        return false;
    };
    let fresh = fresh_code_by_rule || state.order.as_ref().is_some_and(|order| order.fresh_code);
    let identified = state.known.person.is_some() && state.known.voucher.is_some();
    let fresh_is_read = state.trail.fresh_asked && state.known.voucher.is_some();
    !identified || (fresh && !fresh_is_read)
}

/// Whether the order is repeated: the same request but for its deadlines and print wishes.
#[must_use]
pub fn same_request(one: &Order, other: &Order) -> bool {
    bare(one) == bare(other)
}

/// What a digest of the request is made of. It names persons.
#[must_use]
pub fn bare_request(order: &Order) -> zeroize::Zeroizing<Vec<u8>> {
    let json = serde_json::to_vec(&bare(order)).expect("an order has a JSON form");
    zeroize::Zeroizing::new(json)
}

fn bare(order: &Order) -> Order {
    let mut order = order.clone();
    order.scan_wait_ms = 0;
    order.print = PrintWish::No;
    order
}

/// The fields in which two orders differ, by their first path element.
#[must_use]
pub fn differing_fields(one: &Order, other: &Order) -> Vec<String> {
    let fields: [(&str, bool); 15] = [
        ("kind", one.kind != other.kind),
        ("operator", one.operator != other.operator),
        ("office", one.office != other.office),
        ("patient", one.patient != other.patient),
        ("visit", one.visit != other.visit),
        ("bills", one.bills != other.bills),
        ("insutype", one.insutype != other.insutype),
        ("account_use", one.account_use != other.account_use),
        ("credentials", one.credentials != other.credentials),
        ("fresh_code", one.fresh_code != other.fresh_code),
        ("confirm", one.confirm_person != other.confirm_person),
        ("confirm", one.confirm_amounts != other.confirm_amounts),
        ("extension", one.extension != other.extension),
        ("identity_ref", one.identity_ref != other.identity_ref),
        ("request_id", one.request_id != other.request_id),
    ];
    let mut names: Vec<String> = fields
        .into_iter()
        .filter(|(_, differs)| *differs)
        .map(|(name, _)| name.to_owned())
        .collect();
    names.dedup();
    names
}

/// The step whose name an operator knows, for the log.
#[must_use]
pub fn step_name(step: Step) -> &'static str {
    match step {
        Step::Decode => "ec.query",
        Step::Person => "1101",
        Step::Register => "2201",
        Step::VisitInfo => "2203",
        Step::Fees => "2204",
        Step::PreSettle => "2206",
        Step::Settle => "2207",
        Step::UndoSettle => "2208",
        Step::UndoFees => "2205",
        Step::UndoRegister => "2202",
        Step::Reverse => "2601",
        Step::FindVisit => "5201",
        Step::FindSettlement => "5203",
    }
}
