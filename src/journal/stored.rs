//! Events read back: each is checked against its link before anybody acts on it.

use rusqlite::{Connection, OptionalExtension, Row as SqlRow};

use super::Error;
use super::append::Tail;
use super::chain::{Link, NO_LINK, Row, link};
use super::event::{Sealed, Stored};
use super::key::Keys;
use super::seal::{Place, key_by_id};

/// Columns of an event and, last, the link of the one before it.
pub(super) const COLUMNS: &str = "e.seq, e.desk, e.stream, e.stream_seq, e.kind, e.version,
    e.at_utc_ms, e.caller, e.body, e.sealed, e.key_id, e.link,
    (SELECT p.link FROM event p WHERE p.seq = e.seq - 1)";

/// Most events of one stream that are read at once.
pub(super) const EVENTS_PER_STREAM_MAX: i64 = 10_000;

/// The columns the link covers, as they stand in the file.
pub(super) fn row<'a>(sql: &'a SqlRow<'_>) -> Result<Row<'a>, rusqlite::Error> {
    let text = |at: usize| Ok::<_, rusqlite::Error>(sql.get_ref(at)?.as_bytes()?);
    Ok(Row {
        seq: sql.get(0)?,
        desk: text(1)?,
        stream: text(2)?,
        stream_seq: sql.get(3)?,
        kind: text(4)?,
        version: sql.get(5)?,
        at_utc_ms: sql.get(6)?,
        caller: text(7)?,
        body: text(8)?,
        sealed: sql.get_ref(9)?.as_blob_or_null()?,
        key_id: sql.get(10)?,
    })
}

/// Reads, checks and opens the row of [`COLUMNS`].
fn stored(conn: &Connection, keys: &Keys, sql: &SqlRow<'_>) -> Result<Stored, Error> {
    let row = row(sql)?;
    let seq = row.seq;
    let previous: Option<Link> = sql.get(12)?;
    let previous = match previous {
        Some(previous) => previous,
        None if seq == 1 => NO_LINK,
        None => {
            return Err(Error::Damaged {
                seq,
                what: "the record before it is missing",
            });
        }
    };
    if link(&keys.chain, &previous, &row) != sql.get::<_, Link>(11)? {
        return Err(Error::Damaged {
            seq,
            what: "its link does not fit",
        });
    }
    Ok(Stored {
        seq,
        stream_seq: row.stream_seq,
        kind: sql.get(4)?,
        version: sql.get(5)?,
        at_utc_ms: row.at_utc_ms,
        caller: sql.get(7)?,
        body: sql.get(8)?,
        sealed: unseal(conn, keys, sql, &row)?,
    })
}

fn unseal(
    conn: &Connection,
    keys: &Keys,
    sql: &SqlRow<'_>,
    row: &Row<'_>,
) -> Result<Sealed, Error> {
    let (Some(sealed), Some(key_id)) = (row.sealed, row.key_id) else {
        return Ok(Sealed::None);
    };
    let Some(key) = key_by_id(conn, keys, key_id)? else {
        return Ok(Sealed::Forgotten);
    };
    let (desk, stream, kind): (String, String, String) = (sql.get(1)?, sql.get(2)?, sql.get(4)?);
    let place = Place {
        desk: &desk,
        stream: &stream,
        stream_seq: row.stream_seq,
        kind: &kind,
    };
    key.and_then(|key| key.open(&place, sealed))
        .map(Sealed::Open)
        .ok_or(Error::Damaged {
            seq: row.seq,
            what: "its sealed part does not open, or the day's key was changed",
        })
}

/// All events of a stream, in order.
pub(super) fn load(conn: &Connection, keys: &Keys, stream: &str) -> Result<Vec<Stored>, Error> {
    let sql =
        format!("SELECT {COLUMNS} FROM event e WHERE e.stream = ?1 ORDER BY e.stream_seq LIMIT ?2");
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query((stream, EVENTS_PER_STREAM_MAX + 1))?;
    let mut events = Vec::new();
    while let Some(sql) = rows.next()? {
        let event = stored(conn, keys, sql)?;
        let expected = i64::try_from(events.len()).map_or(i64::MAX, |read| read + 1);
        if event.stream_seq != expected {
            return Err(Error::Damaged {
                seq: event.seq,
                what: "one of its stream is missing",
            });
        }
        if expected > EVENTS_PER_STREAM_MAX {
            let why = format!("a stream has more than {EVENTS_PER_STREAM_MAX} events");
            return Err(Error::Refused { why });
        }
        events.push(event);
    }
    Ok(events)
}

/// The newest event of a kind in the desk's own stream.
pub(super) fn last_of_desk(
    conn: &Connection,
    keys: &Keys,
    kind: &str,
) -> Result<Option<Stored>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM event e WHERE e.stream = 'desk' AND e.kind = ?1
         ORDER BY e.seq DESC LIMIT 1"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query([kind])?;
    rows.next()?.map(|sql| stored(conn, keys, sql)).transpose()
}

/// Was this journal written with this site key? Its first record says.
pub(super) fn check_site_key(conn: &Connection, keys: &Keys) -> Result<(), Error> {
    let sql = format!("SELECT {COLUMNS} FROM event e WHERE e.seq = 1");
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query([])?;
    match rows.next()?.map(|sql| stored(conn, keys, sql)).transpose() {
        Ok(_) => Ok(()),
        Err(Error::Damaged { .. }) => Err(Error::WrongSiteKey),
        Err(other) => Err(other),
    }
}

/// The end of the chain, from where it goes on.
pub(super) fn tail(conn: &Connection) -> Result<Tail, Error> {
    let found = conn
        .prepare_cached("SELECT seq, link FROM event ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| {
            Ok(Tail {
                seq: row.get(0)?,
                link: row.get(1)?,
            })
        })
        .optional()?;
    Ok(found.unwrap_or(Tail {
        seq: 0,
        link: NO_LINK,
    }))
}
