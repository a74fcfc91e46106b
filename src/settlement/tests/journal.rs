//! The rows of a stream in the form in which they are kept, and what is read back from them.

use crate::settlement::event::{Event, Private};
use crate::settlement::state::State;

/// A row: readable half, sealed half, time.
pub(super) struct Row {
    readable: String,
    sealed: Option<Vec<u8>>,
    at_ms: i64,
}

impl Row {
    pub(super) fn write(event: &Event, at_ms: i64) -> Self {
        let sealed = event.private().map(|it| serde_json::to_vec(&it).unwrap());
        Self {
            readable: serde_json::to_string(event).unwrap(),
            sealed,
            at_ms,
        }
    }

    fn read(&self, with_key: bool) -> Event {
        let event: Event = serde_json::from_str(&self.readable).unwrap();
        match &self.sealed {
            Some(sealed) if with_key => {
                let private: Private = serde_json::from_slice(sealed).unwrap();
                event.with_private(private)
            }
            Some(_) | None => event,
        }
    }
}

/// Folds what is kept. Without the key only the readable halves are there.
pub(super) fn replay(settlement_id: &str, rows: &[Row], with_key: bool) -> State {
    let mut state = State::new(settlement_id);
    for row in rows {
        state.apply(&row.read(with_key), row.at_ms);
    }
    state
}

/// Writes all rows down and reads them back.
pub(super) fn through_json(settlement_id: &str, events: &[(Event, i64)], with_key: bool) -> State {
    let rows: Vec<Row> = events
        .iter()
        .map(|(event, at_ms)| Row::write(event, *at_ms))
        .collect();
    replay(settlement_id, &rows, with_key)
}
