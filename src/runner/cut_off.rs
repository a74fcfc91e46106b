//! Which receipt printers the last process left in the middle of a paper, as the journal tells.
//!
//! It is asked before the printers are opened: even a question would become part of what a printer waits for.

use std::collections::BTreeSet;

use super::print::job_of;
use super::rows::{RowError, STREAM_KIND, state_of};
use crate::device::ROLE_RECEIPT;
use crate::document::job::{self, Phase};
use crate::journal::{Journal, StreamRow};
use crate::settlement::state::PaperState;

/// The roles of the printers that bytes may have been leaving for when the process ended. What is not open is over: its
/// outcome was known.
///
/// # Errors
/// The journal cannot be read.
pub async fn left_printing(journal: &Journal) -> Result<BTreeSet<String>, crate::journal::Error> {
    let mut roles = BTreeSet::new();
    for row in journal.open_streams().await? {
        match role(journal, &row).await {
            Ok(role) => roles.extend(role),
            // Said when it is to be carried on.
            Err(error) => {
                tracing::debug!(stream = %row.stream, %error, "not known whether it printed")
            }
        }
    }
    Ok(roles)
}

async fn role(journal: &Journal, row: &StreamRow) -> Result<Option<String>, RowError> {
    if row.kind == job::KIND {
        let job = job_of(&row.stream, &journal.load(&row.stream).await?)?;
        let was_leaving = matches!(job.phase, Phase::Printing | Phase::Lost);
        // What a queue has, it carries on by itself.
        let is_receipt = job.order.report.is_none();
        return Ok((was_leaving && is_receipt).then_some(job.order.role));
    }
    if row.kind == STREAM_KIND {
        let state = state_of(&row.stream, &journal.load(&row.stream).await?)?;
        let was_leaving = matches!(state.paper, PaperState::Printing(_));
        return Ok(was_leaving.then(|| ROLE_RECEIPT.to_owned()));
    }
    Ok(None)
}
