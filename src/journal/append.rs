//! One append, inside the writer's transaction: checks first, then rows, then the index.

use rusqlite::Connection;

use super::chain::{Link, Row, link};
use super::event::{Append, Appended, NewEvent};
use super::index::{Indexed, find, find_open_visit, find_request, raise_mark};
use super::key::Keys;
use super::seal::{DataKey, Place, day_of, key_of_day};
use super::{
    BODY_BYTES_MAX, EVENTS_PER_APPEND_MAX, Error, MARKS_PER_APPEND_MAX, NAME_BYTES_MAX,
    SEALED_BYTES_MAX, SUMMARY_BYTES_MAX,
};

/// Where the chain ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tail {
    pub(super) seq: i64,
    pub(super) link: Link,
}

/// What every append of a desk needs.
pub(super) struct Pen<'a> {
    pub(super) conn: &'a Connection,
    pub(super) keys: &'a Keys,
    pub(super) desk: &'a str,
    /// The data key used last, by day. Cleared by the caller when its transaction is rolled back.
    pub(super) day_key: &'a mut Option<(i64, i64, DataKey)>,
}

/// Limits that need no look at the disk. Called before the append is queued.
pub(super) fn check(append: &Append) -> Result<(), Error> {
    let limit = |bytes: usize, max: usize, what: &str| {
        if bytes <= max {
            return Ok(());
        }
        Err(Error::Refused {
            why: format!("{what} has {bytes}, the limit is {max}"),
        })
    };
    let name = |text: &str, what: &str| {
        if text.is_empty() {
            return Err(Error::Refused {
                why: format!("{what} is empty"),
            });
        }
        limit(text.len(), NAME_BYTES_MAX, what)
    };
    let head = &append.head;
    name(&append.stream, "the stream's name")?;
    name(&head.kind, "the stream's kind")?;
    name(&head.caller, "the caller's name")?;
    for (text, what) in [(&head.request_id, "request_id"), (&head.visit, "the visit")] {
        if let Some(text) = text {
            name(text, what)?;
        }
    }
    limit(head.body_digest.len(), NAME_BYTES_MAX, "the digest")?;
    limit(head.summary.len(), SUMMARY_BYTES_MAX, "the summary")?;
    limit(
        append.events.len(),
        EVENTS_PER_APPEND_MAX,
        "the list of events",
    )?;
    limit(
        append.marks.len(),
        MARKS_PER_APPEND_MAX,
        "the list of marks",
    )?;
    for (mark, _) in &append.marks {
        name(mark, "a mark's name")?;
    }
    for event in &append.events {
        name(&event.kind, "an event's kind")?;
        name(event.by.as_deref().unwrap_or("-"), "an event's caller")?;
        limit(event.body.len(), BODY_BYTES_MAX, "a body")?;
        let sealed = event.sealed.as_ref().map_or(0, |plain| plain.len());
        limit(sealed, SEALED_BYTES_MAX, "a sealed part")?;
    }
    Ok(())
}

/// Writes one append. On an error the caller rolls back to where it stood, `tail` included.
pub(super) fn write(
    pen: &mut Pen<'_>,
    tail: &mut Tail,
    append: &Append,
) -> Result<Appended, Error> {
    let mut indexed = match find(pen.conn, &append.stream)? {
        Some(indexed) => indexed,
        None => begin(pen.conn, append)?,
    };
    let stands = indexed.row.last_stream_seq;
    if let Some(expected) = append.after
        && expected != stands
    {
        return Err(Error::Moved {
            stream: append.stream.clone(),
            expected,
            found: stands,
        });
    }
    let before = tail.seq;
    for event in &append.events {
        write_event(pen, tail, &indexed, event)?;
        indexed.count(tail.seq, event);
    }
    indexed.take(pen.keys, &append.head);
    indexed.write(pen.conn, pen.keys)?;
    for (name, value) in &append.marks {
        raise_mark(pen.conn, pen.keys, name, *value)?;
    }
    let row = &indexed.row;
    let first_seq = if append.events.is_empty() {
        row.last_seq
    } else {
        before + 1
    };
    Ok(Appended {
        first_seq,
        last_seq: row.last_seq,
        last_stream_seq: row.last_stream_seq,
    })
}

/// The rules for a stream that is not there yet.
fn begin(conn: &Connection, append: &Append) -> Result<Indexed, Error> {
    let head = &append.head;
    if append.events.is_empty() {
        return Err(Error::Refused {
            why: "a new stream needs an event".to_owned(),
        });
    }
    if let Some(request_id) = &head.request_id
        && let Some(taken) = find_request(conn, &head.caller, request_id)?
    {
        return Err(Error::RequestTaken {
            stream: taken.stream,
        });
    }
    if let Some(visit) = &head.visit
        && !head.visit_is_shared
        && let Some(first) = find_open_visit(conn, &head.kind, visit)?
    {
        return Err(Error::VisitOpen {
            stream: first.stream,
        });
    }
    Ok(Indexed::new(&append.stream, head))
}

fn write_event(
    pen: &mut Pen<'_>,
    tail: &mut Tail,
    indexed: &Indexed,
    event: &NewEvent,
) -> Result<(), Error> {
    let stream = &indexed.row.stream;
    let stream_seq = indexed.row.last_stream_seq + 1;
    let seq = tail.seq + 1;
    let caller = event.by.as_ref().unwrap_or(&indexed.row.caller);
    let mut sealed = None;
    let mut key_id = None;
    if let Some(plain) = &event.sealed {
        let place = Place {
            desk: pen.desk,
            stream,
            stream_seq,
            kind: &event.kind,
        };
        let (id, key) = day_key(pen, day_of(event.at_utc_ms))?;
        sealed = Some(key.seal(&place, plain)?);
        key_id = Some(id);
    }
    let row = Row {
        seq,
        desk: pen.desk.as_bytes(),
        stream: stream.as_bytes(),
        stream_seq,
        kind: event.kind.as_bytes(),
        version: i64::from(event.version),
        at_utc_ms: event.at_utc_ms,
        caller: caller.as_bytes(),
        body: event.body.as_bytes(),
        sealed: sealed.as_deref(),
        key_id,
    };
    let link = link(&pen.keys.chain, &tail.link, &row);
    pen.conn
        .prepare_cached(
            "INSERT INTO event (seq, desk, stream, stream_seq, kind, version, at_utc_ms, caller,
               body, sealed, key_id, link)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(rusqlite::params![
            seq,
            pen.desk,
            stream,
            stream_seq,
            event.kind,
            event.version,
            event.at_utc_ms,
            caller,
            event.body,
            sealed,
            key_id,
            link,
        ])?;
    *tail = Tail { seq, link };
    Ok(())
}

fn day_key(pen: &mut Pen<'_>, day: i64) -> Result<(i64, DataKey), Error> {
    if let Some((cached, id, key)) = &*pen.day_key
        && *cached == day
    {
        return Ok((*id, key.clone()));
    }
    let (id, key) = key_of_day(pen.conn, pen.keys, day)?;
    *pen.day_key = Some((day, id, key.clone()));
    Ok((id, key))
}
