//! Picking up: who was identified is the person of the goods, and the ticket that is taken along.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::ask::{CallerId, Failure, SettlementKey};
use super::jobs::{JobKey, JobTold};
use super::operations::Operations;
use super::print::{PrintPaper, PrintWish};
use super::settle::unreadable;
use crate::book::Code;
use crate::device::ROLE_RECEIPT;
use crate::document::job::End;
use crate::document::{Content, ticket};
use crate::person::{IdNo, Name};
use crate::runner::state_of;
use crate::settlement::answer::{Answer, Money, Paper};
use crate::settlement::handout::{Dispense, Goods};
use crate::settlement::state::State;

/// 用码业务类型 of who picks up: at a hospital, and at a retail pharmacy.
const PICK_UP: [&str; 2] = ["01302", "02121"];
/// How long a ticket waits for a printer that cannot print.
const TICKET_WAIT_MS: i64 = 600_000;

/// Jobs that are tried for one ticket.
const TICKETS_MAX: u32 = 16;

/// A hand-out or take-back, and its ticket.
#[derive(Clone, Debug)]
pub struct Dispensed {
    /// What is true of it.
    pub story: Arc<Dispense>,
    /// The ticket, when one was asked for and anything is recorded.
    pub ticket: Option<Ticket>,
}

/// A ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Its print job; empty when there is none.
    pub job_id: String,
    /// What became of it by now.
    pub paper: Paper,
}

/// What prints a ticket.
enum TicketJob {
    /// This does, or did.
    Known(Box<JobTold>),
    /// A job with this request_id would.
    Next(String),
}

impl Operations {
    /// Whether who was identified is the person of these goods, and what the name is. Without a reference nobody is
    /// asked.
    ///
    /// # Errors
    /// Why the identification cannot be used; `PICK_UP_OTHER_PERSON`; `REQUEST_INVALID` when nothing says whose
    /// the goods are; that whose they are cannot be read. Then nobody is used up.
    pub(super) async fn picks_up(
        &self,
        caller: &CallerId,
        reference: &str,
        goods: &Goods,
        settled: Option<&Answer>,
    ) -> Result<Name, Failure> {
        if reference.is_empty() {
            return Ok(Name::default());
        }
        let settled = match settled {
            Some(settled) => Some(self.patient_of(settled).await?),
            None => None,
        };
        if settled.is_none() && goods.certno.is_empty() && goods.psn_no.is_empty() {
            let detail =
                "goods.certno: is required with identity_ref: this desk did not settle setl_id";
            return Err(Failure {
                fields: vec!["goods.certno".to_owned()],
                ..Failure::new(Code::RequestInvalid, detail)
            });
        }
        let identity = self.take_identity(caller, reference, &PICK_UP).await?;
        let certno = &identity.voucher.certno;
        let is_named = goods.certno.is_empty() || goods.certno.same_as(certno);
        let is_settled = settled.is_none_or(|settled| settled.same_as(certno));
        let psn_no = identity.person.as_ref().map(|person| &person.psn_no);
        let is_numbered = goods.psn_no.is_empty() || psn_no == Some(&goods.psn_no);
        if is_named && is_settled && is_numbered {
            let known = identity.person.map(|person| person.psn_name);
            return Ok(known.unwrap_or(identity.voucher.name));
        }
        Err(Failure {
            fields: vec!["identity_ref".to_owned()],
            ..Failure::new(Code::PickUpOtherPerson, "identity_ref")
        })
    }

    /// The settlement with this number that pays for goods; `None`: it was not settled here.
    ///
    /// # Errors
    /// `SETTLEMENT_NOT_STANDING` for one of this desk that came to nothing; what is true of it cannot be read.
    pub(super) async fn standing_here(
        &self,
        caller: &CallerId,
        setl_id: &str,
    ) -> Result<Option<Answer>, Failure> {
        if setl_id.is_empty() {
            return Ok(None);
        }
        let key = SettlementKey::SetlId(setl_id.to_owned());
        match self.get(caller.clone(), key).await {
            Ok(answer) if answer.money == Money::Settled => Ok(Some(answer)),
            Ok(answer) => Err(not_standing(&format!(
                "settlement {}",
                answer.settlement_id
            ))),
            Err(failure) if failure.code == Code::NotFound => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Whether this desk gave the settlement with this number back, or may have: also one of another desk.
    ///
    /// # Errors
    /// `SETTLEMENT_NOT_STANDING`.
    pub(super) async fn not_given_back(&self, setl_id: &str) -> Result<(), Failure> {
        match self.refund_of(setl_id).await? {
            None => Ok(()),
            Some(refund) => Err(not_standing(&format!("refund {}", refund.refund_id))),
        }
    }

    /// Who was settled.
    ///
    /// # Errors
    /// Who it was cannot be read: then nobody may pass for that person.
    async fn patient_of(&self, settled: &Answer) -> Result<IdNo, Failure> {
        let stored = self.parts().journal.load(&settled.settlement_id).await;
        let stored = stored.map_err(|error| unreadable(&error))?;
        let state = state_of(&settled.settlement_id, &stored)
            .map_err(|error| Failure::new(Code::Internal, error.to_string()))?;
        patient_in(state)
    }

    /// With a ticket once anything is recorded. However often it is asked for, one is printed. The answer does not
    /// wait for it longer than the caller does.
    pub(super) async fn with_ticket(
        &self,
        caller: &CallerId,
        story: Arc<Dispense>,
        is_wanted: bool,
        answer_by: Instant,
    ) -> Dispensed {
        let document = ticket::of(&story, &self.parts().ways().receipt);
        let ticket = match document {
            Some(document) if is_wanted => {
                let told = match self.ticket_job(caller, &story.id).await {
                    Ok(TicketJob::Known(told)) => Ok(*told),
                    Ok(TicketJob::Next(request_id)) => {
                        let wish = PrintWish {
                            request_id,
                            role: ROLE_RECEIPT.to_owned(),
                            title: document.title.clone(),
                            paper: PrintPaper::Content(Content::Document(document)),
                            document_id: None,
                            wait_ms: TICKET_WAIT_MS,
                            answer_wait: self.ticket_wait(answer_by),
                        };
                        self.print(caller.clone(), wish).await
                    }
                    Err(failure) => Err(failure),
                };
                Some(printed(told))
            }
            Some(_) | None => None,
        };
        Dispensed { story, ticket }
    }

    /// The job of the ticket. One that was printed, or is being printed, is this one: also when the lines below it
    /// changed since. One that came to nothing is followed by another.
    async fn ticket_job(&self, caller: &CallerId, story: &str) -> Result<TicketJob, Failure> {
        let mut number = 1;
        loop {
            let request_id = match number {
                1 => format!("ticket.{story}"),
                _ => format!("ticket.{story}.{number}"),
            };
            let key = JobKey::RequestId(request_id.clone());
            match self.job(caller.clone(), key).await {
                Ok(told) if number < TICKETS_MAX && came_to_nothing(told.job.ended()) => {
                    number += 1;
                }
                Ok(told) => return Ok(TicketJob::Known(Box::new(told))),
                Err(failure) if failure.code == Code::NotFound => {
                    return Ok(TicketJob::Next(request_id));
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    fn ticket_wait(&self, answer_by: Instant) -> Duration {
        let longest = u64::try_from(self.waits().print_wait_ms).unwrap_or(0);
        let left = answer_by.saturating_duration_since(Instant::now());
        Duration::from_millis(longest).min(left)
    }
}

/// Whether no paper came out, and trying again may bring one: a job that ends the process would end it again.
fn came_to_nothing(end: Option<End>) -> bool {
    match end {
        Some(End::NotPrinted(code)) => code != Code::Stuck,
        Some(End::Cancelled) => true,
        Some(End::Printed(_) | End::Unknown(_)) | None => false,
    }
}

fn not_standing(which: &str) -> Failure {
    Failure {
        fields: vec!["goods.setl_id".to_owned()],
        ..Failure::new(Code::SettlementNotStanding, which)
    }
}

/// The person of a settlement.
fn patient_in(state: State) -> Result<IdNo, Failure> {
    let certno = state.known.person.map(|person| person.certno);
    certno.filter(|certno| !certno.is_empty()).ok_or_else(|| {
        let detail = "whose settlement setl_id is cannot be read: its key is gone";
        Failure::new(Code::Internal, detail)
    })
}

fn printed(told: Result<JobTold, Failure>) -> Ticket {
    let told = match told {
        Ok(told) => told,
        Err(failure) => {
            tracing::warn!(%failure, "a ticket cannot be printed");
            let code = match failure.code == Code::DeviceUnknown {
                true => Code::PrinterNotConfigured,
                false => failure.code,
            };
            return Ticket {
                job_id: String::new(),
                paper: Paper::NotPrinted(code),
            };
        }
    };
    let paper = match told.job.ended() {
        None => Paper::Queued,
        Some(End::Printed(proof)) => Paper::Printed(proof),
        Some(End::NotPrinted(code)) => Paper::NotPrinted(code),
        Some(End::Unknown(code)) => Paper::Unknown(code),
        Some(End::Cancelled) => Paper::NotPrinted(Code::CancelledByCaller),
    };
    Ticket {
        job_id: told.job.id.clone(),
        paper,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_settlement_whose_key_is_gone_is_nobodys() {
        let failure = patient_in(State::new("s-1")).unwrap_err();
        assert_eq!(failure.code, Code::Internal);
    }

    #[test]
    fn a_ticket_that_was_refused_says_why() {
        for (code, said) in [
            (Code::JournalRefuses, Code::JournalRefuses),
            (Code::TooManyCalls, Code::TooManyCalls),
            (Code::DeviceUnknown, Code::PrinterNotConfigured),
        ] {
            let ticket = printed(Err(Failure::new(code, "")));
            assert_eq!(ticket.paper, Paper::NotPrinted(said));
            assert!(ticket.job_id.is_empty());
        }
    }

    #[test]
    fn a_paper_that_may_have_come_out_is_not_tried_again() {
        let gone = End::NotPrinted(Code::PaperOut);
        let stuck = End::NotPrinted(Code::Stuck);
        let unknown = End::Unknown(Code::PaperOut);
        assert!(came_to_nothing(Some(gone)) && came_to_nothing(Some(End::Cancelled)));
        for end in [None, Some(stuck), Some(unknown)] {
            assert!(!came_to_nothing(end), "{end:?}");
        }
    }
}
