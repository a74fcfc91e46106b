//! Looking for changed bytes: the chain, the index and its marks, the data keys, the file itself.
//! Read-only; works beside a running daemon and without one.

use std::fmt;
use std::path::Path;

use rusqlite::Connection;

use super::chain::{Link, NO_LINK, link};
use super::index::{self, Indexed, mark_code};
use super::key::{Keys, SiteKey};
use super::seal::DataKey;
use super::{Error, schema, stored};

/// Events looked at in one read transaction: a long one would keep the log from being cut back.
const EVENTS_PER_LOOK: i64 = 2000;
/// Faults that are listed; beyond that the file is lost anyway.
const FAULTS_MAX: usize = 50;

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The record was changed, or the link of the one before it.
    Changed {
        /// Its `seq`.
        seq: i64,
    },
    /// No record has this `seq`.
    Missing {
        /// The `seq`.
        seq: i64,
    },
    /// A stream's index entry was changed, or does not fit the stream's records.
    Index {
        /// The stream.
        stream: String,
    },
    /// A counter was changed.
    Mark {
        /// Its name.
        name: String,
    },
    /// A data key was changed: what was sealed under it cannot be opened.
    DataKey {
        /// Its number.
        key_id: i64,
    },
    /// The file is damaged; SQLite's own words.
    File {
        /// What SQLite says.
        what: String,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Changed { seq } => write!(f, "record {seq} was changed"),
            Fault::Missing { seq } => write!(f, "record {seq} is missing"),
            Fault::Index { stream } => write!(f, "the index entry of {stream} is wrong"),
            Fault::Mark { name } => write!(f, "the counter {name} was changed"),
            Fault::DataKey { key_id } => write!(f, "data key {key_id} was changed"),
            Fault::File { what } => write!(f, "the file is damaged: {what}"),
        }
    }
}

/// What a look through the journal found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Records looked at.
    pub events: u64,
    /// Streams looked at.
    pub streams: u64,
    /// Records whose sealed part nobody can open any more, by deletion of their day's key.
    pub forgotten: u64,
    /// What is wrong, at most 50; empty when all is as it was written.
    pub faults: Vec<Fault>,
}

/// Goes through the whole journal. An error means that it could not be looked at; what is wrong in
/// it stands in [`Report::faults`]. Takes seconds for a million records: call it off the runtime.
pub fn verify(dir: &Path, site_key: &SiteKey) -> Result<Report, Error> {
    let path = schema::path_in(dir);
    if !path.exists() {
        return Err(Error::Absent {
            path: dir.to_owned(),
        });
    }
    let conn = schema::open_reader(&path)?;
    let keys = Keys::derive(site_key);
    let mut report = Report::default();
    let looked = look(&conn, &keys, &mut report);
    // Damage that SQLite meets is a finding, not a failure to look.
    if let Err(Error::Sqlite(error)) = looked {
        report.fault(Fault::File {
            what: error.to_string(),
        });
    } else {
        looked?;
    }
    Ok(report)
}

fn look(conn: &Connection, keys: &Keys, report: &mut Report) -> Result<(), Error> {
    check_file(conn, report)?;
    check_events(conn, keys, report)?;
    check_index(conn, keys, report)?;
    check_marks(conn, keys, report)?;
    check_data_keys(conn, keys, report)
}

impl Report {
    fn fault(&mut self, fault: Fault) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        }
    }
}

fn check_file(conn: &Connection, report: &mut Report) -> Result<(), Error> {
    let mut check = conn.prepare("PRAGMA integrity_check(10)")?;
    let lines = check.query_map([], |row| row.get::<_, String>(0))?;
    for line in lines {
        let what = line?;
        if what != "ok" {
            report.fault(Fault::File { what });
        }
    }
    Ok(())
}

fn check_events(conn: &Connection, keys: &Keys, report: &mut Report) -> Result<(), Error> {
    let columns = stored::COLUMNS;
    let sql = format!(
        "SELECT {columns}, e.key_id NOT NULL AND NOT EXISTS
           (SELECT 1 FROM data_key k WHERE k.key_id = e.key_id)
         FROM event e WHERE e.seq > ?1 ORDER BY e.seq LIMIT ?2"
    );
    let mut previous = (0_i64, NO_LINK);
    loop {
        let begun = previous.0;
        let mut statement = conn.prepare_cached(&sql)?;
        let mut rows = statement.query([begun, EVENTS_PER_LOOK])?;
        while let Some(sql) = rows.next()? {
            let row = stored::row(sql)?;
            if row.seq != previous.0 + 1 {
                report.fault(Fault::Missing {
                    seq: previous.0 + 1,
                });
            }
            let stands: Option<Link> = sql.get(11).ok();
            if stands != Some(link(&keys.chain, &previous.1, &row)) {
                report.fault(Fault::Changed { seq: row.seq });
            }
            // One changed record is one fault: the chain is followed on from what stands.
            previous = (row.seq, stands.unwrap_or(NO_LINK));
            report.events += 1;
            report.forgotten += u64::from(sql.get::<_, bool>(13)?);
        }
        if previous.0 == begun {
            return Ok(());
        }
    }
}

fn check_index(conn: &Connection, keys: &Keys, report: &mut Report) -> Result<(), Error> {
    let columns = index::COLUMNS;
    // Beside a running writer the index may be newer than what was looked at: it is compared with
    // the events as they stand in the same transaction.
    let sql = format!(
        "SELECT {columns}, person_key, code,
           (SELECT e.stream_seq FROM event e WHERE e.seq = s.last_seq AND e.stream = s.stream),
           (SELECT max(e.stream_seq) FROM event e WHERE e.stream = s.stream),
           (SELECT count(*) FROM event e WHERE e.stream = s.stream)
         FROM stream_state s"
    );
    let mut statement = conn.prepare(&sql)?;
    let mut rows = statement.query([])?;
    while let Some(sql) = rows.next()? {
        report.streams += 1;
        let stream = String::from_utf8_lossy(sql.get_ref(0)?.as_bytes().unwrap_or(b"?"));
        let fits = || -> Result<bool, rusqlite::Error> {
            let indexed = Indexed {
                row: index::read(sql)?,
                person_key: sql.get(14)?,
            };
            let counted = Some(indexed.row.last_stream_seq);
            Ok(
                sql.get::<_, Option<Vec<u8>>>(15)?.as_deref() == Some(&indexed.code(keys)[..])
                    && sql.get::<_, Option<i64>>(16)? == counted
                    && sql.get::<_, Option<i64>>(17)? == counted
                    && sql.get::<_, Option<i64>>(18)? == counted,
            )
        };
        if !fits().unwrap_or(false) {
            report.fault(Fault::Index {
                stream: stream.into_owned(),
            });
        }
    }
    let mut without = conn.prepare(
        "SELECT e.stream FROM event e WHERE e.stream_seq = 1
           AND NOT EXISTS (SELECT 1 FROM stream_state s WHERE s.stream = e.stream) LIMIT 50",
    )?;
    let missing = without.query_map([], |row| row.get::<_, String>(0))?;
    for stream in missing {
        report.fault(Fault::Index { stream: stream? });
    }
    Ok(())
}

fn check_marks(conn: &Connection, keys: &Keys, report: &mut Report) -> Result<(), Error> {
    let mut statement = conn.prepare("SELECT name, value, code FROM mark")?;
    let mut rows = statement.query([])?;
    while let Some(sql) = rows.next()? {
        let name = String::from_utf8_lossy(sql.get_ref(0)?.as_bytes().unwrap_or(b"?")).into_owned();
        let code: Vec<u8> = sql.get(2)?;
        if code != mark_code(keys, &name, sql.get(1)?) {
            report.fault(Fault::Mark { name });
        }
    }
    Ok(())
}

fn check_data_keys(conn: &Connection, keys: &Keys, report: &mut Report) -> Result<(), Error> {
    let mut statement = conn.prepare("SELECT key_id, day, wrapped FROM data_key")?;
    let mut rows = statement.query([])?;
    while let Some(sql) = rows.next()? {
        let key_id = sql.get(0)?;
        let wrapped: Vec<u8> = sql.get(2)?;
        if DataKey::unwrap_from(keys, key_id, sql.get(1)?, &wrapped).is_none() {
            report.fault(Fault::DataKey { key_id });
        }
    }
    Ok(())
}
