//! Forgetting: the data keys of old days are deleted, and with them what was sealed under them.

use rusqlite::Connection;

use super::Error;
use super::append::{Pen, Tail, write};
use super::event::NewEvent;
use super::identity::{desk_append, now_utc_ms};
use super::index::{self, Indexed};
use super::key::Keys;
use super::seal::{day_of, day_start_ms};

/// The kind of the event that says what was forgotten.
const KIND: &str = "keys_forgotten";

/// What was forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten {
    /// Everything sealed before this time is gone. Earlier than asked when an open stream began
    /// earlier: what is not finished is not forgotten.
    pub before_utc_ms: i64,
    /// Days whose keys were deleted.
    pub keys: usize,
    /// Streams that can no longer be found by their person.
    pub persons: usize,
}

/// Deletes the keys of all days that ended before `utc_ms`, says so in the desk's stream, and
/// clears the log so that no copy of a key stays in it.
pub(super) fn forget_before(
    conn: &Connection,
    keys: &Keys,
    desk: &str,
    tail: &mut Tail,
    utc_ms: i64,
) -> Result<Forgotten, Error> {
    let mut after = *tail;
    let transaction = conn.unchecked_transaction()?;
    let oldest_open: Option<i64> = conn.query_row(
        "SELECT min(min(started_utc_ms, changed_utc_ms)) FROM stream_state WHERE open = 1",
        [],
        |row| row.get(0),
    )?;
    let before = utc_ms
        .min(now_utc_ms())
        .min(oldest_open.unwrap_or(i64::MAX));
    let before_utc_ms = day_start_ms(day_of(before));
    let deleted = conn.execute("DELETE FROM data_key WHERE day < ?1", [day_of(before)])?;
    let persons = forget_persons(conn, keys, before_utc_ms)?;
    let forgotten = Forgotten {
        before_utc_ms,
        keys: deleted,
        persons,
    };
    if deleted == 0 && persons == 0 {
        return Ok(forgotten);
    }
    let body =
        format!(r#"{{"before_utc_ms":{before_utc_ms},"keys":{deleted},"persons":{persons}}}"#);
    let append = desk_append(vec![NewEvent::new(KIND, 1, now_utc_ms(), body)]);
    write(
        &mut Pen {
            conn,
            keys,
            desk,
            day_key: &mut None,
        },
        &mut after,
        &append,
    )?;
    transaction.commit()?;
    *tail = after;
    let busy: bool = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy {
        tracing::warn!("a reader kept the log from being cleared; deleted keys stay in it a while");
    }
    Ok(forgotten)
}

fn forget_persons(conn: &Connection, keys: &Keys, before_utc_ms: i64) -> Result<usize, Error> {
    let columns = index::COLUMNS;
    let sql = format!(
        "SELECT {columns} FROM stream_state
         WHERE person_key IS NOT NULL AND changed_utc_ms < ?1"
    );
    let mut statement = conn.prepare(&sql)?;
    let rows = statement.query_map([before_utc_ms], index::read)?;
    let rows: Vec<_> = rows.collect::<Result<_, _>>()?;
    let persons = rows.len();
    for row in rows {
        Indexed {
            row,
            person_key: None,
        }
        .write(conn, keys)?;
    }
    Ok(persons)
}
