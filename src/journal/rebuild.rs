//! Making the index anew from the events, for when it was damaged.

use std::path::Path;

use super::event::{Stored, StreamHead};
use super::identity::desk_append;
use super::index::Indexed;
use super::key::{Keys, SiteKey};
use super::space::{Lock, check_dir};
use super::{DESK_STREAM, Error, schema, stored};

/// Replaces the index of a journal that no process has open. `fold` turns the events of a stream
/// into the entry they lead to, the same as was given with the last append; `None` leaves the
/// stream out; the desk's own stream is not asked for. Answers with the number of streams.
/// Persons whose keys were forgotten stay forgotten. Marks are kept as they stand.
pub fn rebuild(
    dir: &Path,
    site_key: &SiteKey,
    mut fold: impl FnMut(&str, &[Stored]) -> Option<StreamHead>,
) -> Result<u64, Error> {
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
    stored::check_site_key(&conn, &keys)?;
    let transaction = conn.unchecked_transaction()?;
    conn.execute("DELETE FROM stream_state", [])?;
    let mut all = conn.prepare("SELECT stream FROM event WHERE stream_seq = 1 ORDER BY seq")?;
    let streams = all.query_map([], |row| row.get::<_, String>(0))?;
    let mut made = 0;
    for stream in streams {
        let stream = stream?;
        let events = stored::load(&conn, &keys, &stream)?;
        let head = match stream.as_str() {
            DESK_STREAM => Some(desk_append(Vec::new()).head),
            other => fold(other, &events),
        };
        if let Some(head) = head {
            let mut indexed = Indexed::new(&stream, &head);
            for event in &events {
                indexed.count_at(event.seq, event.at_utc_ms);
            }
            indexed.take(&keys, &head);
            indexed.write(&conn, &keys)?;
            made += 1;
        }
    }
    drop(all);
    transaction.commit()?;
    Ok(made)
}
