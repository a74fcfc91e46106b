//! The database file: its tables, and connections with the settings durability rests on.
//!
//! The file is format 1 (`user_version`). When a format 2 comes, format 1 gets one frozen file here
//! that turns it into the next and imports no live type; a file of a newer format is refused.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::Error;

/// The database's name in the journal's directory.
const FILE_NAME: &str = "journal.sqlite";
/// Format of the file, in `user_version`.
const FORMAT: i64 = 1;
/// "yibj", in `application_id`: `file` and we know the journal by it.
const APPLICATION_ID: i64 = 0x7969_626a;
/// The first SQLite without the WAL-reset bug (3.51.3).
const SQLITE_VERSION_MIN: i32 = 3_051_003;
/// How long a lock of another process (a sysadmin's `sqlite3`) is waited for.
const BUSY_WAIT: Duration = Duration::from_secs(5);
/// A log that grew beyond this is cut back at its next restart.
const WAL_KEPT_BYTES: i64 = 64 * 1024 * 1024;

const TABLES: &str = "
CREATE TABLE event (
  seq INTEGER PRIMARY KEY,
  desk TEXT NOT NULL,
  stream TEXT NOT NULL,
  stream_seq INTEGER NOT NULL,
  kind TEXT NOT NULL,
  version INTEGER NOT NULL,
  at_utc_ms INTEGER NOT NULL,
  caller TEXT NOT NULL,
  body TEXT NOT NULL,
  sealed BLOB,
  key_id INTEGER,
  link BLOB NOT NULL,
  UNIQUE (stream, stream_seq),
  CHECK ((sealed IS NULL) = (key_id IS NULL)),
  CHECK (length(link) = 32)
) STRICT;
CREATE INDEX event_desk ON event (kind, seq) WHERE stream = 'desk';
CREATE TRIGGER event_refuses_update BEFORE UPDATE ON event
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER event_refuses_delete BEFORE DELETE ON event
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER event_refuses_replace BEFORE INSERT ON event
WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM event)
  OR EXISTS (SELECT 1 FROM event WHERE stream = NEW.stream AND stream_seq = NEW.stream_seq)
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;

CREATE TABLE stream_state (
  stream TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  request_id TEXT,
  caller TEXT NOT NULL,
  body_digest TEXT NOT NULL,
  open INTEGER NOT NULL CHECK (open IN (0, 1)),
  stuck INTEGER NOT NULL CHECK (stuck IN (0, 1)),
  visit TEXT,
  person_key BLOB,
  summary TEXT NOT NULL,
  first_seq INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  last_stream_seq INTEGER NOT NULL,
  started_utc_ms INTEGER NOT NULL,
  changed_utc_ms INTEGER NOT NULL,
  code BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX stream_request ON stream_state (caller, request_id)
  WHERE request_id IS NOT NULL;
CREATE INDEX stream_request_any ON stream_state (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX stream_order ON stream_state (first_seq);
CREATE INDEX stream_open ON stream_state (first_seq) WHERE open = 1;
CREATE INDEX stream_stuck ON stream_state (first_seq) WHERE stuck = 1;
CREATE INDEX stream_visit ON stream_state (visit) WHERE visit IS NOT NULL;
CREATE INDEX stream_person ON stream_state (person_key) WHERE person_key IS NOT NULL;
CREATE INDEX stream_person_age ON stream_state (changed_utc_ms) WHERE person_key IS NOT NULL;

CREATE TABLE mark (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL,
  code BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE data_key (
  key_id INTEGER PRIMARY KEY AUTOINCREMENT,
  day INTEGER NOT NULL,
  wrapped BLOB NOT NULL
) STRICT;
CREATE INDEX data_key_day ON data_key (day);
";

/// Where the database of a journal stands.
pub(super) fn path_in(dir: &Path) -> PathBuf {
    dir.join(FILE_NAME)
}

/// Opens the database for the one writer, making its tables when the file is empty.
pub(super) fn open_writer(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let conn = open(path, flags)?;
    // Before anything is set: some of it stays in the file.
    let is_new = is_new(&conn)?;
    if !is_new {
        check_format(&conn)?;
    }
    set(&conn, "journal_mode", "wal")?;
    set(&conn, "synchronous", "2")?;
    set(&conn, "wal_autocheckpoint", "0")?;
    set(&conn, "secure_delete", "1")?;
    set(&conn, "journal_size_limit", &WAL_KEPT_BYTES.to_string())?;
    if is_new {
        conn.execute_batch(&format!(
            "BEGIN IMMEDIATE; {TABLES}
             PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FORMAT}; COMMIT;"
        ))?;
        check_format(&conn)?;
    }
    Ok(conn)
}

/// Looks whether a start would take the journal in this directory; none, or one without a table, it
/// would begin.
///
/// # Errors
/// The database is of another program or of a newer version, or cannot be read.
pub fn look(dir: &Path) -> Result<(), Error> {
    let path = path_in(dir);
    if !path
        .try_exists()
        .map_err(|source| Error::io(&path, source))?
    {
        return Ok(());
    }
    let conn = open_unchecked(&path)?;
    if is_new(&conn)? {
        return Ok(());
    }
    check_format(&conn)
}

/// Opens the database for reading only.
pub(super) fn open_reader(path: &Path) -> Result<Connection, Error> {
    let conn = open_unchecked(path)?;
    check_format(&conn)?;
    Ok(conn)
}

fn open_unchecked(path: &Path) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let conn = open(path, flags)?;
    set(&conn, "query_only", "1")?;
    Ok(conn)
}

/// Whether nothing was ever put into it.
fn is_new(conn: &Connection) -> Result<bool, Error> {
    let is_empty: bool = conn.query_row(
        "SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)",
        [],
        |row| row.get(0),
    )?;
    Ok(is_empty && pragma_integer(conn, "user_version")? == 0)
}

fn open(path: &Path, flags: OpenFlags) -> Result<Connection, Error> {
    if rusqlite::version_number() < SQLITE_VERSION_MIN {
        let why = format!("SQLite {} can lose a write-ahead log", rusqlite::version());
        return Err(Error::Format { why });
    }
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY_WAIT)?;
    conn.set_prepared_statement_cache_capacity(64);
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    set(&conn, "trusted_schema", "0")?;
    set(&conn, "cell_size_check", "1")?;
    set(&conn, "foreign_keys", "1")?;
    set(&conn, "mmap_size", "0")?;
    set(&conn, "temp_store", "2")?;
    Ok(conn)
}

/// Sets a PRAGMA and believes it only when it reads back the same.
fn set(conn: &Connection, name: &'static str, wanted: &str) -> Result<(), Error> {
    conn.pragma_update(None, name, wanted)?;
    let found = conn.pragma_query_value(None, name, |row| {
        use rusqlite::types::ValueRef;
        Ok(match row.get_ref(0)? {
            ValueRef::Integer(value) => value.to_string(),
            ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
            ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => String::new(),
        })
    })?;
    if found == wanted {
        Ok(())
    } else {
        Err(Error::Setting {
            name,
            wanted: wanted.to_owned(),
            found,
        })
    }
}

fn pragma_integer(conn: &Connection, name: &str) -> Result<i64, Error> {
    Ok(conn.pragma_query_value(None, name, |row| row.get(0))?)
}

fn check_format(conn: &Connection) -> Result<(), Error> {
    let wrong = |why: String| Err(Error::Format { why });
    let id = pragma_integer(conn, "application_id")?;
    let format = pragma_integer(conn, "user_version")?;
    if id != APPLICATION_ID {
        return wrong("it is another program's database, or empty".to_owned());
    }
    if format > FORMAT {
        return wrong(format!(
            "its format is {format}, this version knows {FORMAT}: install the version that wrote it again; nothing was \
             changed 流水由更新的版本写成，请装回该版本，流水未被改动"
        ));
    }
    if format != FORMAT {
        return wrong(format!("its format is {format}, it must be {FORMAT}"));
    }
    let fresh = Connection::open_in_memory()?;
    fresh.execute_batch(TABLES)?;
    if shape(conn)? != shape(&fresh)? {
        return wrong("its tables, indexes or triggers were changed".to_owned());
    }
    Ok(())
}

/// Name and text of everything in the schema.
fn shape(conn: &Connection) -> Result<Vec<(String, Option<String>)>, Error> {
    let mut all = conn.prepare(
        "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%' ORDER BY name",
    )?;
    let rows = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = path_in(dir.path());
        std::fs::write(&path, "").unwrap();
        open_writer(&path).unwrap();
        (dir, path)
    }

    #[test]
    fn an_event_can_be_neither_changed_nor_deleted_nor_replaced() {
        let (_dir, path) = made();
        let conn = Connection::open(&path).unwrap();
        let insert = |verb: &str, seq: i64, stream_seq: i64| {
            let sql = format!(
                "{verb} INTO event VALUES ({seq}, 'd', 's', {stream_seq}, 'k', 1, 1, 'c', '{{}}',
                 NULL, NULL, zeroblob(32))"
            );
            conn.execute(&sql, [])
        };
        insert("INSERT", 1, 1).unwrap();
        insert("INSERT", 2, 2).unwrap();
        for sql in [
            "UPDATE event SET body = '[]'",
            "UPDATE event SET seq = 9 WHERE seq = 1",
            "DELETE FROM event",
            "DELETE FROM event WHERE seq = 2",
        ] {
            let refused = conn.execute(sql, []).unwrap_err().to_string();
            assert!(refused.contains("append-only"), "{sql}: {refused}");
        }
        for (seq, stream_seq) in [(1, 1), (2, 3), (3, 1), (4, 3), (0, 3)] {
            let refused = insert("REPLACE", seq, stream_seq).unwrap_err().to_string();
            assert!(
                refused.contains("append-only"),
                "{seq} {stream_seq}: {refused}"
            );
        }
        let left: i64 = conn
            .query_row("SELECT count(*) FROM event", [], |r| r.get(0))
            .unwrap();
        assert_eq!(left, 2);
    }

    #[test]
    fn columns_keep_their_types() {
        let (_dir, path) = made();
        let conn = Connection::open(&path).unwrap();
        let sql = "INSERT INTO event VALUES (1, 'd', 's', 'one', 'k', 1, 1, 'c', '{}', NULL, NULL,
                   zeroblob(32))";
        assert!(conn.execute(sql, []).is_err());
    }

    #[test]
    fn a_journal_without_its_triggers_is_refused() {
        let (_dir, path) = made();
        let conn = Connection::open(&path).unwrap();
        conn.execute_batch("DROP TRIGGER event_refuses_delete")
            .unwrap();
        assert!(matches!(open_writer(&path), Err(Error::Format { .. })));
        assert!(matches!(open_reader(&path), Err(Error::Format { .. })));
    }

    #[test]
    fn files_of_others_and_of_newer_versions_are_refused_and_left_alone() {
        for sql in [
            "CREATE TABLE t (a)",
            "PRAGMA user_version = 2",
            "PRAGMA application_id = 7",
        ] {
            let (_dir, path) = made();
            Connection::open(&path).unwrap().execute_batch(sql).unwrap();
            is_refused_and_stays(&path, sql);
        }
        // Not even how it is written changes.
        let dir = tempfile::tempdir().unwrap();
        let path = path_in(dir.path());
        Connection::open(&path)
            .unwrap()
            .execute_batch("CREATE TABLE t (a)")
            .unwrap();
        is_refused_and_stays(&path, "another program's");
    }

    fn is_refused_and_stays(path: &Path, what: &str) {
        let before = std::fs::read(path).unwrap();
        let refused = |done: Result<(), Error>| matches!(done, Err(Error::Format { .. }));
        assert!(refused(open_writer(path).map(drop)), "{what}");
        assert!(refused(look(path.parent().unwrap())), "{what}");
        assert_eq!(before, std::fs::read(path).unwrap(), "{what}");
    }

    #[test]
    fn a_look_takes_what_a_start_takes() {
        let dir = tempfile::tempdir().unwrap();
        look(dir.path()).unwrap();
        assert!(!path_in(dir.path()).exists());
        let path = path_in(dir.path());
        std::fs::write(&path, "").unwrap();
        look(dir.path()).unwrap();
        let writer = open_writer(&path).unwrap();
        look(dir.path()).unwrap();
        drop(writer);
        look(dir.path()).unwrap();
    }

    #[test]
    fn a_setting_that_does_not_take_is_refused() {
        let conn = Connection::open_in_memory().unwrap();
        // A database in memory has no write-ahead log, whatever is asked.
        assert!(conn.pragma_update(None, "journal_mode", "wal").is_ok());
        let refused = set(&conn, "journal_mode", "wal").unwrap_err();
        assert!(matches!(
            refused,
            Error::Setting {
                name: "journal_mode",
                ..
            }
        ));
    }
}
