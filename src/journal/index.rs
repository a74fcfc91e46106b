//! The index: one row a stream, and the marks. Each row carries a code of the chain key over its
//! values, so that a changed row is found. All of it but the marks can be rebuilt from the events.

use rusqlite::{Connection, OptionalExtension, Row};

use super::chain::Code;
use super::event::{StreamHead, StreamRow};
use super::key::Keys;
use super::{Error, NewEvent};

/// The columns of [`StreamRow`], in the order [`read`] takes them.
pub(super) const COLUMNS: &str =
    "stream, kind, request_id, caller, body_digest, open, stuck, visit,
    summary, first_seq, last_seq, last_stream_seq, started_utc_ms, changed_utc_ms";

/// A row of `stream_state` with the columns nobody outside sees.
pub(super) struct Indexed {
    pub(super) row: StreamRow,
    pub(super) person_key: Option<Vec<u8>>,
}

/// Reads the columns of [`COLUMNS`].
pub(super) fn read(row: &Row<'_>) -> Result<StreamRow, rusqlite::Error> {
    Ok(StreamRow {
        stream: row.get(0)?,
        kind: row.get(1)?,
        request_id: row.get(2)?,
        caller: row.get(3)?,
        body_digest: row.get(4)?,
        open: row.get(5)?,
        stuck: row.get(6)?,
        visit: row.get(7)?,
        summary: row.get(8)?,
        first_seq: row.get(9)?,
        last_seq: row.get(10)?,
        last_stream_seq: row.get(11)?,
        started_utc_ms: row.get(12)?,
        changed_utc_ms: row.get(13)?,
    })
}

/// The row of a stream.
pub(super) fn find(conn: &Connection, stream: &str) -> Result<Option<Indexed>, Error> {
    let sql = format!("SELECT {COLUMNS}, person_key FROM stream_state WHERE stream = ?1");
    let found = conn
        .prepare_cached(&sql)?
        .query_row([stream], |row| {
            Ok(Indexed {
                row: read(row)?,
                person_key: row.get(14)?,
            })
        })
        .optional()?;
    Ok(found)
}

/// The stream that has this caller's `request_id`.
pub(super) fn find_request(
    conn: &Connection,
    caller: &str,
    request_id: &str,
) -> Result<Option<StreamRow>, Error> {
    let sql = format!("SELECT {COLUMNS} FROM stream_state WHERE caller = ?1 AND request_id = ?2");
    Ok(conn
        .prepare_cached(&sql)?
        .query_row([caller, request_id], read)
        .optional()?)
}

/// The oldest open stream of a kind that works on a visit.
pub(super) fn find_open_visit(
    conn: &Connection,
    kind: &str,
    visit: &str,
) -> Result<Option<StreamRow>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM stream_state WHERE visit = ?1 AND open = 1 AND kind = ?2
         ORDER BY first_seq LIMIT 1"
    );
    Ok(conn
        .prepare_cached(&sql)?
        .query_row([visit, kind], read)
        .optional()?)
}

impl Indexed {
    /// A row before its stream's first event.
    pub(super) fn new(stream: &str, head: &StreamHead) -> Indexed {
        Indexed {
            row: StreamRow {
                stream: stream.to_owned(),
                kind: head.kind.clone(),
                request_id: head.request_id.clone(),
                caller: head.caller.clone(),
                body_digest: head.body_digest.clone(),
                open: head.open,
                stuck: head.stuck,
                visit: None,
                summary: String::new(),
                first_seq: 0,
                last_seq: 0,
                last_stream_seq: 0,
                started_utc_ms: 0,
                changed_utc_ms: 0,
            },
            person_key: None,
        }
    }

    /// Takes from a later head what may change.
    pub(super) fn take(&mut self, keys: &Keys, head: &StreamHead) {
        self.row.open = head.open;
        self.row.stuck = head.stuck;
        self.row.summary.clone_from(&head.summary);
        if head.visit.is_some() {
            self.row.visit.clone_from(&head.visit);
        }
        if let Some(person) = &head.person {
            self.person_key = Some(keys.person_key(person.id_number()).to_vec());
        }
    }

    /// Counts an event that was written at `seq`.
    pub(super) fn count(&mut self, seq: i64, event: &NewEvent) {
        self.count_at(seq, event.at_utc_ms);
    }

    pub(super) fn count_at(&mut self, seq: i64, at_utc_ms: i64) {
        if self.row.last_stream_seq == 0 {
            self.row.first_seq = seq;
            self.row.started_utc_ms = at_utc_ms;
        }
        self.row.last_seq = seq;
        self.row.last_stream_seq += 1;
        self.row.changed_utc_ms = at_utc_ms;
    }

    /// Writes the row, new or over the one that stands.
    pub(super) fn write(&self, conn: &Connection, keys: &Keys) -> Result<(), Error> {
        let row = &self.row;
        let sql = format!(
            "INSERT INTO stream_state ({COLUMNS}, person_key, code)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
             ON CONFLICT (stream) DO UPDATE SET open = ?6, stuck = ?7, visit = ?8, summary = ?9,
               last_seq = ?11, last_stream_seq = ?12, changed_utc_ms = ?14, person_key = ?15,
               code = ?16"
        );
        conn.prepare_cached(&sql)?.execute(rusqlite::params![
            row.stream,
            row.kind,
            row.request_id,
            row.caller,
            row.body_digest,
            row.open,
            row.stuck,
            row.visit,
            row.summary,
            row.first_seq,
            row.last_seq,
            row.last_stream_seq,
            row.started_utc_ms,
            row.changed_utc_ms,
            self.person_key,
            self.code(keys),
        ])?;
        Ok(())
    }

    /// The code that shows a change of the row.
    pub(super) fn code(&self, keys: &Keys) -> [u8; 32] {
        let row = &self.row;
        Code::new(&keys.chain, b"stream_state 1")
            .bytes(row.stream.as_bytes())
            .bytes(row.kind.as_bytes())
            .maybe_bytes(row.request_id.as_deref().map(str::as_bytes))
            .bytes(row.caller.as_bytes())
            .bytes(row.body_digest.as_bytes())
            .integer(i64::from(row.open))
            .integer(i64::from(row.stuck))
            .maybe_bytes(row.visit.as_deref().map(str::as_bytes))
            .bytes(row.summary.as_bytes())
            .integer(row.first_seq)
            .integer(row.last_seq)
            .integer(row.last_stream_seq)
            .integer(row.started_utc_ms)
            .integer(row.changed_utc_ms)
            .maybe_bytes(self.person_key.as_deref())
            .finish()
    }
}

/// A counter that only rises.
pub(super) fn mark(conn: &Connection, name: &str) -> Result<Option<i64>, Error> {
    let value = conn
        .prepare_cached("SELECT value FROM mark WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    Ok(value)
}

/// Raises a counter; a smaller value leaves it as it is.
pub(super) fn raise_mark(
    conn: &Connection,
    keys: &Keys,
    name: &str,
    value: i64,
) -> Result<(), Error> {
    if mark(conn, name)?.is_some_and(|stands| stands >= value) {
        return Ok(());
    }
    conn.prepare_cached(
        "INSERT INTO mark (name, value, code) VALUES (?1, ?2, ?3)
         ON CONFLICT (name) DO UPDATE SET value = ?2, code = ?3",
    )?
    .execute((name, value, mark_code(keys, name, value)))?;
    Ok(())
}

/// The code that shows a change of a mark.
pub(super) fn mark_code(keys: &Keys, name: &str, value: i64) -> [u8; 32] {
    Code::new(&keys.chain, b"mark 1")
        .bytes(name.as_bytes())
        .integer(value)
        .finish()
}
