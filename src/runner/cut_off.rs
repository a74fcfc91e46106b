//! Which receipt printers the last process left in the middle of a paper, as the journal tells.
//!
//! It is asked before the printers are opened: even a question would become part of what a printer waits for.

use std::collections::BTreeSet;

use super::print::job_of;
use super::rows::{RowError, STREAM_KIND, state_of};
use crate::device::ROLE_RECEIPT;
use crate::document::job::{self, End, Phase};
use crate::journal::{Filter, Journal, StreamRow};
use crate::settlement::answer::Paper;
use crate::settlement::state::PaperState;

/// Streams that are looked at, newest first, for the last paper of each printer.
const LOOKED_AT_MAX: u32 = 64;

/// The roles of the printers whose last paper may not have come out whole: bytes may have been leaving when the process
/// ended, or it ended unproven, and buffers that end with the process may have held the rest.
///
/// # Errors
/// The journal cannot be read.
pub async fn left_printing(journal: &Journal) -> Result<BTreeSet<String>, crate::journal::Error> {
    let mut roles = BTreeSet::new();
    for row in journal.open_streams().await? {
        if let Some((role, Last::Leaving)) = said(&row, last_paper(journal, &row).await) {
            roles.insert(role);
        }
    }
    let newest = Filter {
        limit: LOOKED_AT_MAX,
        ..Filter::default()
    };
    let mut known = BTreeSet::new();
    for row in journal.list(newest).await? {
        if let Some((role, last)) = said(&row, last_paper(journal, &row).await)
            && known.insert(role.clone())
            && last != Last::Proven
        {
            roles.insert(role);
        }
    }
    Ok(roles)
}

/// What is known of the last paper that had bytes sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Leaving,
    Unproven,
    Proven,
}

type Found = Option<(String, Last)>;

/// What cannot be read is said when it is to be carried on.
fn said(row: &StreamRow, found: Result<Found, RowError>) -> Found {
    found.unwrap_or_else(|error| {
        tracing::debug!(stream = %row.stream, %error, "not known whether it printed");
        None
    })
}

async fn last_paper(journal: &Journal, row: &StreamRow) -> Result<Found, RowError> {
    if row.kind == job::KIND {
        let job = job_of(&row.stream, &journal.load(&row.stream).await?)?;
        // What a queue has, it carries on by itself.
        if job.order.report.is_some() {
            return Ok(None);
        }
        let last = match job.phase {
            Phase::Printing | Phase::Lost => Last::Leaving,
            Phase::Over(End::Unknown(_)) => Last::Unproven,
            Phase::Over(End::Printed(_)) => Last::Proven,
            Phase::Waiting
            | Phase::Queued(_)
            | Phase::Over(End::NotPrinted(_) | End::Cancelled) => return Ok(None),
        };
        return Ok(Some((job.order.role, last)));
    }
    if row.kind == STREAM_KIND {
        let state = state_of(&row.stream, &journal.load(&row.stream).await?)?;
        let last = match state.paper {
            PaperState::Printing(_) => Last::Leaving,
            PaperState::Ended(Paper::Unknown(_)) => Last::Unproven,
            PaperState::Ended(Paper::Printed(_)) => Last::Proven,
            PaperState::NotAsked
            | PaperState::Wanted(_)
            | PaperState::Ended(Paper::NotAsked | Paper::Queued | Paper::NotPrinted(_)) => {
                return Ok(None);
            }
        };
        return Ok(Some((ROLE_RECEIPT.to_owned(), last)));
    }
    Ok(None)
}
