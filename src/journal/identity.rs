//! Whose journal this is. The newest `desk_identity` event of the stream `desk` ties the desk's
//! name and number to a machine; on another machine or under another number the journal is
//! *foreign* and takes nothing until a person adopts it: a copied directory must not settle
//! anything twice.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::Connection;

use super::append::{Pen, Tail, write};
use super::event::{Append, Desk, NewEvent, StreamHead};
use super::high_water::{Behind, HighWater};
use super::index::raise_mark;
use super::key::{Keys, SiteKey};
use super::space::{Lock, check_dir};
use super::stored::{check_site_key, last_of_desk, tail};
use super::{DESK_STREAM, Error, schema};

/// The kind of the event that ties the journal to a desk. Only this module writes it.
pub(super) const KIND: &str = "desk_identity";
const DESK_NUMBER_MAX: u16 = 999;

/// Whose journal was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// It was empty and has been tied to this desk.
    Fresh,
    /// It is this desk's.
    Ours,
    /// It is another's: reading works, every append is refused until it is adopted.
    Foreign {
        /// The recorded desk name.
        name: String,
        /// The recorded desk number.
        number: u16,
        /// True when the machine differs, false when only the number does.
        other_machine: bool,
    },
    /// It lacks events that this desk had written: an old copy was put back, or the disk lost what it had
    /// confirmed. Reading works, every append is refused until it is adopted.
    RolledBack {
        /// The last event that it held.
        had_seq: i64,
        /// The last event that it holds.
        last_seq: i64,
    },
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Body {
    /// `first`, `renamed`, `adopted` or `rolled_back`.
    why: String,
    name: String,
    number: u16,
    machine: String,
}

/// The number of the desk whose journal it is.
pub(super) fn number(conn: &Connection, keys: &Keys) -> Result<u16, Error> {
    let Some(event) = last_of_desk(conn, keys, KIND)? else {
        return Err(Error::Format {
            why: "no record says whose it is".to_owned(),
        });
    };
    let body: Body = serde_json::from_str(&event.body).map_err(|_| Error::Damaged {
        seq: event.seq,
        what: "the desk's identity cannot be read",
    })?;
    Ok(body.number)
}

/// Compares the recorded desk with this one; ties an empty journal to it.
fn settle(conn: &Connection, keys: &Keys, desk: &Desk, tail: &mut Tail) -> Result<Identity, Error> {
    if desk.number > DESK_NUMBER_MAX || desk.name.is_empty() || desk.machine_id.trim().is_empty() {
        let why = "a desk needs a name, a number 0–999 and a machine id".to_owned();
        return Err(Error::Refused { why });
    }
    let Some(event) = last_of_desk(conn, keys, KIND)? else {
        if tail.seq != 0 {
            return Err(Error::Format {
                why: "no record says whose it is".to_owned(),
            });
        }
        record(conn, keys, desk, tail, "first")?;
        return Ok(Identity::Fresh);
    };
    let body: Body = serde_json::from_str(&event.body).map_err(|_| Error::Damaged {
        seq: event.seq,
        what: "the desk's identity cannot be read",
    })?;
    let other_machine = body.machine != keys.machine_digest(&desk.machine_id);
    if other_machine || body.number != desk.number {
        return Ok(Identity::Foreign {
            name: body.name,
            number: body.number,
            other_machine,
        });
    }
    if body.name != desk.name {
        record(conn, keys, desk, tail, "renamed")?;
    }
    Ok(Identity::Ours)
}

/// [`settle`], unless the journal lacks what it held: then nothing is written.
pub(super) fn find(
    conn: &Connection,
    keys: &Keys,
    desk: &Desk,
    tail: &mut Tail,
    high_water: &HighWater,
) -> Result<Identity, Error> {
    match high_water.compare(conn, tail)? {
        None => settle(conn, keys, desk, tail),
        Some(Behind { had_seq, last_seq }) => Ok(Identity::RolledBack { had_seq, last_seq }),
    }
}

/// Ties to this desk whatever was found, and takes what is left for the whole.
pub(super) fn take_over(
    conn: &Connection,
    keys: &Keys,
    desk: &Desk,
    tail: &mut Tail,
    high_water: &mut HighWater,
) -> Result<Identity, Error> {
    let found = find(conn, keys, desk, tail, high_water)?;
    match found {
        Identity::Fresh | Identity::Ours => {}
        Identity::Foreign { .. } => record(conn, keys, desk, tail, "adopted")?,
        Identity::RolledBack { .. } => {
            for (name, value) in high_water.noted_marks() {
                raise_mark(conn, keys, &name, value)?;
            }
            record(conn, keys, desk, tail, "rolled_back")?;
        }
    }
    high_water.take_marks(conn)?;
    high_water.note(tail, []);
    Ok(found)
}

/// Ties the journal to this desk, in a transaction of its own.
fn record(
    conn: &Connection,
    keys: &Keys,
    desk: &Desk,
    tail: &mut Tail,
    why: &str,
) -> Result<(), Error> {
    let body = Body {
        why: why.to_owned(),
        name: desk.name.clone(),
        number: desk.number,
        machine: keys.machine_digest(&desk.machine_id),
    };
    let body = serde_json::to_string(&body).expect("texts and a number are JSON");
    let append = desk_append(vec![NewEvent::new(KIND, 1, now_utc_ms(), body)]);
    let mut after = *tail;
    let transaction = conn.unchecked_transaction()?;
    let mut pen = Pen {
        conn,
        keys,
        desk: &desk.name,
        day_key: &mut None,
    };
    write(&mut pen, &mut after, &append)?;
    transaction.commit()?;
    *tail = after;
    Ok(())
}

/// An append to the desk's own stream.
pub(super) fn desk_append(events: Vec<NewEvent>) -> Append {
    Append {
        stream: DESK_STREAM.to_owned(),
        after: None,
        events,
        head: StreamHead::closed(DESK_STREAM, "yibaod"),
        marks: Vec::new(),
    }
}

/// Ties a journal that no process has open to this desk. For `yibaoctl desk adopt`, run by a person
/// who knows that the journal moved here for good and that no other desk goes on with the original; or, of
/// one that was rolled back, who has compared with the platform what the missing events may have been.
pub fn adopt(dir: &Path, desk: &Desk, site_key: &SiteKey) -> Result<Identity, Error> {
    let path = schema::path_in(dir);
    if !path.exists() {
        return Err(Error::Absent {
            path: dir.to_owned(),
        });
    }
    check_dir(dir)?;
    let _lock = Lock::take(dir)?;
    let conn = schema::open_writer(&path)?;
    let keys = Keys::derive(site_key);
    check_site_key(&conn, &keys)?;
    let mut tail = tail(&conn)?;
    let mut high_water = HighWater::beside(dir);
    take_over(&conn, &keys, desk, &mut tail, &mut high_water)
}

/// The wall clock, for the desk's own events.
pub(super) fn now_utc_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
