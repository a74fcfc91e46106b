//! Questions: a small pool of threads, each with a read-only connection of its own.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use rusqlite::types::Value;
use tokio::sync::{Semaphore, oneshot};

use super::event::{Filter, StreamRow};
use super::key::Keys;
use super::{Error, LIST_MAX, OPEN_STREAMS_MAX, index, schema};

/// Threads that read.
const READERS: usize = 2;
/// Questions that wait at once; further ones wait to be queued.
const QUESTIONS_WAITING_MAX: usize = 256;

type Question = Box<dyn FnOnce(&Connection, &Keys) + Send>;

enum Job {
    Ask(Question),
    Stop(oneshot::Sender<()>),
}

/// The pool's handle.
pub(super) struct Readers {
    jobs: Sender<Job>,
    room: Semaphore,
}

impl Readers {
    pub(super) fn start(db: &Path, keys: &Arc<Keys>) -> Result<Readers, Error> {
        let (jobs, queue) = channel();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..READERS {
            let conn = schema::open_reader(db)?;
            let (queue, keys) = (Arc::clone(&queue), Arc::clone(keys));
            std::thread::Builder::new()
                .name("journal-reader".to_owned())
                .spawn(move || {
                    let asked_to_stop = answer(&conn, &keys, &queue);
                    // Closed before it is said: the writer's connection must be the last one.
                    drop(conn);
                    if let Some(reply) = asked_to_stop {
                        reply.send(()).ok();
                    }
                })
                .map_err(|source| Error::io(db, source))?;
        }
        Ok(Readers {
            jobs,
            room: Semaphore::new(QUESTIONS_WAITING_MAX),
        })
    }

    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection, &Keys) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let _room = self.room.acquire().await.map_err(|_| Error::Closed)?;
        let (reply, answer) = oneshot::channel();
        let job = Job::Ask(Box::new(move |conn, keys| {
            // Whoever asked may be gone; then nobody wants the answer.
            reply.send(question(conn, keys)).ok();
        }));
        self.jobs.send(job).map_err(|_| Error::Closed)?;
        answer.await.map_err(|_| Error::Closed)?
    }

    /// Ends the threads, so that the database can be closed for good.
    pub(super) async fn stop(&self) {
        for _ in 0..READERS {
            let (reply, stopped) = oneshot::channel();
            if self.jobs.send(Job::Stop(reply)).is_ok() {
                stopped.await.ok();
            }
        }
    }
}

/// Answers until the handle is gone or somebody asks to stop, who is returned.
fn answer(
    conn: &Connection,
    keys: &Keys,
    queue: &Mutex<Receiver<Job>>,
) -> Option<oneshot::Sender<()>> {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(Job::Ask(question)) => question(conn, keys),
            Ok(Job::Stop(reply)) => return Some(reply),
            Err(_) => return None,
        }
    }
}

/// The open streams, oldest first, from the index alone.
pub(super) fn open_streams(conn: &Connection) -> Result<Vec<StreamRow>, Error> {
    let columns = index::COLUMNS;
    let sql =
        format!("SELECT {columns} FROM stream_state WHERE open = 1 ORDER BY first_seq LIMIT ?1");
    let mut statement = conn.prepare_cached(&sql)?;
    let rows = statement.query_map([i64::from(OPEN_STREAMS_MAX) + 1], index::read)?;
    let rows: Vec<StreamRow> = rows.collect::<Result<_, _>>()?;
    if u32::try_from(rows.len()).is_ok_and(|found| found <= OPEN_STREAMS_MAX) {
        Ok(rows)
    } else {
        let why = format!("more than {OPEN_STREAMS_MAX} streams are open");
        Err(Error::Refused { why })
    }
}

/// The streams a filter lets through, newest first.
pub(super) fn list(
    conn: &Connection,
    keys: &Keys,
    filter: &Filter,
) -> Result<Vec<StreamRow>, Error> {
    let (conditions, mut values) = conditions(keys, filter);
    let limit = if filter.limit == 0 {
        LIST_MAX
    } else {
        filter.limit.min(LIST_MAX)
    };
    values.push(Value::from(i64::from(limit)));
    let columns = index::COLUMNS;
    let sql = format!(
        "SELECT {columns} FROM stream_state WHERE {conditions} ORDER BY first_seq DESC LIMIT ?"
    );
    let mut statement = conn.prepare_cached(&sql)?;
    let rows = statement.query_map(rusqlite::params_from_iter(values), index::read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn conditions(keys: &Keys, filter: &Filter) -> (String, Vec<Value>) {
    let text = |value: &Option<String>| value.clone().map(Value::from);
    let number = |value: Option<i64>| value.map(Value::from);
    let person = filter
        .person
        .as_ref()
        .map(|person| keys.person_key(person.id_number()).to_vec());
    let wanted = [
        ("first_seq < ?", number(filter.before_seq)),
        ("started_utc_ms >= ?", number(filter.from_utc_ms)),
        ("started_utc_ms < ?", number(filter.to_utc_ms)),
        ("kind = ?", text(&filter.kind)),
        ("caller = ?", text(&filter.caller)),
        ("request_id = ?", text(&filter.request_id)),
        ("visit = ?", text(&filter.visit)),
        ("person_key = ?", person.map(Value::from)),
        ("instr(summary, ?) > 0", text(&filter.text)),
    ];
    let mut parts = Vec::new();
    let mut values = Vec::new();
    for (condition, value) in wanted {
        if let Some(value) = value {
            parts.push(condition);
            values.push(value);
        }
    }
    // Written out, not bound, so that the partial indexes serve.
    if filter.open_only {
        parts.push("open = 1");
    }
    if filter.stuck_only {
        parts.push("stuck = 1");
    }
    let all = if parts.is_empty() {
        "TRUE".to_owned()
    } else {
        parts.join(" AND ")
    };
    (all, values)
}
