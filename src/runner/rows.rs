//! Events to journal rows and back.

use zeroize::Zeroizing;

use crate::journal::{NewEvent, Sealed, Stored};
use crate::settlement::event::{Event, Private, VERSION};
use crate::settlement::state::State;

/// The `kind` of a settlement's stream.
pub(super) const STREAM_KIND: &str = "settlement";

/// Why a stored row is no event of today.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// A later program wrote it.
    #[error("row {seq} has version {version}, this program reads {VERSION}")]
    Version {
        /// Which row.
        seq: i64,
        /// Its version.
        version: u16,
    },
    /// It is not what was written.
    #[error("row {seq} cannot be read")]
    Json {
        /// Which row.
        seq: i64,
        /// Why.
        source: serde_json::Error,
    },
    /// The journal could not be read.
    #[error("the journal could not be read")]
    Journal(#[from] crate::journal::Error),
}

/// An event and when it happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What.
    pub event: Event,
    /// When, Unix milliseconds of the process that wrote it.
    pub at_ms: i64,
}

/// The row to be written.
pub(super) fn to_new(row: &Row) -> Result<NewEvent, serde_json::Error> {
    let body = serde_json::to_string(&row.event)?;
    let mut new = NewEvent::new(row.event.kind(), VERSION, row.at_ms, body);
    new.by = row.event.by().map(str::to_owned);
    Ok(match row.event.private() {
        Some(private) => new.sealing(Zeroizing::new(serde_json::to_vec(&private)?)),
        None => new,
    })
}

/// The event that was written. Without its key only the readable half comes back.
fn from_stored(stored: &Stored) -> Result<Row, RowError> {
    let seq = stored.seq;
    if stored.version != VERSION {
        return Err(RowError::Version {
            seq,
            version: stored.version,
        });
    }
    let json = |source| RowError::Json { seq, source };
    let event: Event = serde_json::from_str(&stored.body).map_err(json)?;
    let event = match &stored.sealed {
        Sealed::Open(plain) => {
            let private: Private = serde_json::from_slice(plain).map_err(json)?;
            event.with_private(private)
        }
        Sealed::None | Sealed::Forgotten => event,
    };
    Ok(Row {
        event,
        at_ms: stored.at_utc_ms,
    })
}

/// The rows of a whole stream.
///
/// # Errors
/// A row that this program cannot read.
pub fn rows_of(stored: &[Stored]) -> Result<Vec<Row>, RowError> {
    stored.iter().map(from_stored).collect()
}

/// Folds a whole stream.
///
/// # Errors
/// A row that this program cannot read.
pub fn state_of(settlement_id: &str, stored: &[Stored]) -> Result<State, RowError> {
    let mut state = State::new(settlement_id);
    for stored in stored {
        let row = from_stored(stored)?;
        state.apply(&row.event, row.at_ms);
    }
    Ok(state)
}

/// What the journal gave, or the end of the process: what is not on disk must not be acted upon.
pub(super) async fn written_or_end<T>(written: Result<T, crate::journal::Error>) -> T {
    match written {
        Ok(written) => written,
        // The process is ending in good order: the next one goes on.
        Err(crate::journal::Error::Closed) => std::future::pending().await,
        Err(error) => {
            tracing::error!(%error, "the journal does not take events: the process ends");
            std::process::abort();
        }
    }
}
