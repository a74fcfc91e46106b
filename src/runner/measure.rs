//! Counts what becomes of settlements and papers. It changes nothing and must not be asked anything.

use crate::document::job::{End, Job};
use crate::observe::metrics::PROCESS;
use crate::settlement::answer::{Money, Paper, Stage};
use crate::settlement::identify::{Ending, Phase};
use crate::settlement::order::OrderKind;
use crate::settlement::state::State;
use crate::settlement::tell;

/// What of one settlement was counted.
pub(super) struct Measure {
    stage: (Stage, i64),
    is_counted: bool,
}

impl Measure {
    /// As it stands: what ended in an earlier process is not counted again.
    pub(super) fn new(state: &State, now_ms: i64) -> Self {
        let is_begun = state.order.is_some();
        Self {
            stage: (tell::stage_now(state, false), now_ms),
            is_counted: is_begun && outcome(state).is_some(),
        }
    }

    /// It is in this stage since then.
    pub(super) fn stage(&mut self, stage: Stage, at_ms: i64) {
        let (before, since_ms) = self.stage;
        if before != stage {
            let took_ms = at_ms.saturating_sub(since_ms);
            PROCESS.stage_times.took_ms([stage_word(before)], took_ms);
            self.stage = (stage, at_ms);
        }
    }

    /// What is on disk is so: once its money is known, or a person must say, it is counted.
    pub(super) fn money(&mut self, state: &State, now_ms: i64) {
        let Some(outcome) = outcome(state).filter(|_| !self.is_counted) else {
            return;
        };
        self.is_counted = true;
        PROCESS.settlements.count([kind(state), outcome]);
        let took_ms = now_ms.saturating_sub(state.accepted_at_ms);
        PROCESS.settlement_times.took_ms([outcome], took_ms);
    }
}

/// An identification that is over, on disk.
pub(super) fn identification(phase: Phase) {
    let outcome = match phase {
        Phase::Identified => "identified",
        Phase::Ended(Ending::Refused) => "refused",
        Phase::Ended(Ending::Cancelled) => "cancelled",
        Phase::Running => return,
    };
    PROCESS.identifications.count([outcome]);
}

/// A money call went out and no answer came.
pub(super) fn answer_lost(state: &State) {
    PROCESS.answers_lost.count([kind(state)]);
}

/// The receipt of a settlement.
pub(super) fn receipt(paper: Paper) {
    let outcome = match paper {
        Paper::Printed(_) => "printed",
        Paper::NotPrinted(_) => "not_printed",
        Paper::Unknown(_) => "unknown",
        Paper::NotAsked | Paper::Queued => return,
    };
    PROCESS.prints.count(["receipt", outcome]);
}

/// A print job that is over.
pub(super) fn job(job: &Job) {
    let document = match (&job.order.reprint, &job.order.report) {
        (Some(_), _) => "copy",
        (None, Some(_)) => "report",
        (None, None) => "document",
    };
    let outcome = match job.ended() {
        Some(End::Printed(_)) => "printed",
        Some(End::NotPrinted(_)) => "not_printed",
        Some(End::Unknown(_)) => "unknown",
        Some(End::Cancelled) => "cancelled",
        None => return,
    };
    PROCESS.prints.count([document, outcome]);
}

fn kind(state: &State) -> &'static str {
    match state.order.as_ref().map(|order| order.kind) {
        Some(OrderKind::Pharmacy) => "pharmacy",
        Some(OrderKind::Registration | OrderKind::Outpatient | OrderKind::DoctorDesk) => {
            "outpatient"
        }
        // The order is sealed with a key that is gone.
        None => "forgotten",
    }
}

fn outcome(state: &State) -> Option<&'static str> {
    match tell::money(state) {
        Money::Settled => Some("settled"),
        Money::Refused => Some("refused"),
        Money::Cancelled => Some("cancelled"),
        Money::Reversed => Some("reversed"),
        Money::Unknown if tell::stage(state) == Stage::Stuck => Some("unknown"),
        Money::Unknown | Money::Pending => None,
    }
}

fn stage_word(stage: Stage) -> &'static str {
    match stage {
        Stage::Queued => "queued",
        Stage::WaitingScan => "waiting_scan",
        Stage::Decoding => "decoding",
        Stage::Person => "person",
        Stage::WaitingPerson => "waiting_person",
        Stage::Registering => "registering",
        Stage::VisitInfo => "visit_info",
        Stage::Fees => "fees",
        Stage::PreSettling => "pre_settling",
        Stage::WaitingAmounts => "waiting_amounts",
        Stage::WaitingFreshScan => "waiting_fresh_scan",
        Stage::Settling => "settling",
        Stage::FindingOut => "finding_out",
        Stage::Undoing => "undoing",
        Stage::Printing => "printing",
        Stage::WaitingCaller => "waiting_caller",
        Stage::Stuck => "stuck",
        Stage::Ended => "ended",
    }
}
