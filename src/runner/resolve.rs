//! What a person states is written down like anything else that happens: checked against the stream as it is on
//! disk, appended behind exactly that, folded.

use super::carry::head;
use super::rows::{Row, RowError, rows_of, to_new};
use super::start::Runner;
use crate::book::Code;
use crate::journal::{Append, Error as JournalError};
use crate::settlement::answer::Summary;
use crate::settlement::resolve::{Statement, check};
use crate::settlement::state::State;

/// Times that another writer may come between reading and writing.
pub(super) const RESOLVE_TRIES_MAX: u32 = 3;

/// Why nothing was stated.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// It may not be stated of this settlement.
    #[error("{}", .0.name())]
    Refused(Code),
    /// Its rows cannot be read, or nothing can be written.
    #[error(transparent)]
    Row(#[from] RowError),
}

impl From<JournalError> for ResolveError {
    fn from(error: JournalError) -> Self {
        ResolveError::Row(error.into())
    }
}

impl Runner {
    /// Records what a person states of a stuck settlement. The state afterwards; the same statement again changes
    /// nothing.
    ///
    /// # Errors
    /// It may not be stated, or the journal does not take it.
    pub async fn resolve(
        &self,
        settlement_id: &str,
        statement: &Statement,
    ) -> Result<State, ResolveError> {
        let journal = &self.parts().journal;
        let mut tries = 1;
        loop {
            let stored = journal.load(settlement_id).await?;
            let rows = rows_of(&stored)?;
            let mut state = State::new(settlement_id);
            for row in &rows {
                state.apply(&row.event, row.at_ms);
            }
            let Some(event) = check(&state, statement).map_err(ResolveError::Refused)? else {
                return Ok(state);
            };
            let kept = journal.find(settlement_id).await?;
            let kept = kept.and_then(|row| serde_json::from_str::<Summary>(&row.summary).ok());
            let at_ms = self.parts().clock.now_ms();
            state.apply(&event, at_ms);
            let row = Row { event, at_ms };
            let appended = journal
                .append(Append {
                    stream: settlement_id.to_owned(),
                    after: stored.last().map(|last| last.stream_seq),
                    events: vec![
                        to_new(&row)
                            .expect("events are maps with text keys: they have a JSON form"),
                    ],
                    head: head(journal, &state, kept.as_ref(), String::new()),
                    marks: self.parts().numbers.marks(),
                })
                .await;
            match appended {
                Ok(_) => {
                    tracing::warn!(settlement = %settlement_id, by = %statement.by,
                        verdict = ?statement.verdict, "resolved by a person");
                    return Ok(state);
                }
                Err(JournalError::Moved { .. }) if tries < RESOLVE_TRIES_MAX => tries += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }
}
