//! From an identification to what is told of it.

use super::flow::Prompt;
use super::state::{Identification, Phase};
use crate::book::Code;
use crate::settlement::answer::{Reason, Stage};
use crate::settlement::checks;
use crate::settlement::known::Insurance;
use crate::settlement::order::CredentialKind;

/// Whether what was shown pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pays {
    /// Without being shown again.
    ByRef,
    /// When it is shown again.
    ShownAgain,
    /// No insurance is in force, or none is known.
    Not,
}

/// What a watcher is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// From 1.
    pub seq: u64,
    /// Where it stands.
    pub stage: Stage,
    /// How many are before it.
    pub queue_place: Option<usize>,
    /// What to show.
    pub prompt: Prompt,
    /// What was wrong with what was shown last, or why it ended.
    pub reason: Option<Reason>,
    /// All that is true of it.
    pub state: std::sync::Arc<Identification>,
}

/// The rows of insurance in force.
pub fn in_force(state: &Identification) -> impl Iterator<Item = &Insurance> {
    let rows = state.person.iter().flat_map(|person| &person.insuinfo);
    rows.filter(|row| checks::person::is_in_force(row))
}

impl Identification {
    /// What is to be said of the insurance though the person is known.
    #[must_use]
    pub fn remarks(&self) -> Vec<Reason> {
        if self.phase != Phase::Identified {
            return Vec::new();
        }
        let Some(person) = &self.person else {
            return self.reason.iter().cloned().collect();
        };
        let (code, text) = match checks::person::choose_insurance(person, "") {
            Ok(_) => return Vec::new(),
            Err(code @ Code::SeveralInsurances) => {
                (code, checks::person::insurances_in_force(person))
            }
            Err(code) => (code, String::new()),
        };
        vec![Reason { code, text }]
    }
}

/// Whether what was shown pays, at a site where an identification may or may not.
#[must_use]
pub fn pays(state: &Identification, by_ref: bool) -> Pays {
    match in_force(state).next() {
        None => Pays::Not,
        Some(_) if by_ref => Pays::ByRef,
        Some(_) => Pays::ShownAgain,
    }
}

/// Where it stands; `armed`: something may be shown now.
#[must_use]
pub fn stage(state: &Identification, armed: bool) -> Stage {
    if state.is_over() {
        Stage::Ended
    } else if state.voucher.is_some() {
        Stage::Person
    } else if state.code_in_hand {
        Stage::Decoding
    } else if armed {
        Stage::WaitingScan
    } else {
        Stage::Queued
    }
}

/// The one text of its flow.
#[must_use]
pub fn waiting_prompt(state: &Identification) -> Prompt {
    let voucher_only = [CredentialKind::EVoucher];
    let wish = state.wish.as_deref();
    let credentials = wish.map_or(&voucher_only[..], |wish| &wish.credentials);
    state.flow.prompt(credentials)
}

/// What a watcher is told now.
#[must_use]
pub fn progress(
    state: &std::sync::Arc<Identification>,
    seq: u64,
    queue_place: Option<usize>,
    armed: bool,
) -> Progress {
    let stage = stage(state, armed);
    let prompt = match stage {
        Stage::Ended => Prompt::default(),
        Stage::Decoding | Stage::Person => Prompt {
            zh: "请稍候，正在核对身份。".to_owned(),
            en: "Please wait.".to_owned(),
        },
        Stage::Queued
        | Stage::WaitingScan
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
        | Stage::WaitingCaller
        | Stage::Stuck => waiting_prompt(state),
    };
    let rejection = state.last_rejection.map(|code| Reason {
        code,
        text: String::new(),
    });
    let reason = match state.phase {
        Phase::Running => rejection,
        Phase::Identified => None,
        Phase::Ended(_) => state.reason.clone(),
    };
    Progress {
        seq,
        stage,
        queue_place,
        prompt,
        reason,
        state: std::sync::Arc::clone(state),
    }
}
