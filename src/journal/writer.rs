//! The one writer: a thread that owns the only connection that can write.
//!
//! It takes every append that waits (up to [`APPENDS_PER_COMMIT_MAX`]), writes them in one
//! transaction with one COMMIT and so one sync, and only then answers them. A COMMIT or a sync
//! that fails ends the process: what the kernel dropped after a failed sync cannot be told, and a
//! restart recovers from what is on disk. A full disk is no such failure. SQLite meets it when it
//! *writes* the log, before the frame that commits and before the sync; the transaction is rolled
//! back, its half-written frames are never valid, and the next one overwrites them. So the writer
//! drops the ballast and writes the same appends again, once.
//!
//! Moving the log into the database (a checkpoint) waits until nothing has been written for
//! [`IDLE_BEFORE_CHECKPOINT`], or until the log is large.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, ffi};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::append::{Pen, Tail, write};
use super::event::{Append, Appended, Desk};
use super::forget::{Forgotten, forget_before};
use super::handle::{OnCommit, OnFatal, Shared};
use super::high_water::HighWater;
use super::identity::Identity;
use super::seal::DataKey;
use super::space::Lock;
use super::{Error, identity};

/// Appends that share one commit at most.
const APPENDS_PER_COMMIT_MAX: usize = 256;
/// Silence after which the log is moved into the database.
const IDLE_BEFORE_CHECKPOINT: Duration = Duration::from_secs(2);
/// How often a writer with nothing to do looks after the ballast.
const IDLE_LOOK: Duration = Duration::from_secs(60);
/// A log that grew by about so much is moved without waiting for silence.
const WAL_BYTES_BEFORE_CHECKPOINT: usize = 16 * 1024 * 1024;
/// What an append is reckoned to add to the log beside its own bytes: touched pages.
const WAL_BYTES_PER_APPEND: usize = 12 * 4096;

pub(super) type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// What the writer can be asked.
pub(super) enum Command {
    Append(Box<Append>, Reply<Appended>),
    Adopt(Reply<Identity>),
    ForgetBefore(i64, Reply<Forgotten>),
    /// Answered when it is its turn: the thread lives.
    Turn(Reply<()>),
    Close(oneshot::Sender<()>),
}

/// A command with its place in the queue, given back when it is answered.
pub(super) struct Queued {
    pub(super) command: Command,
    pub(super) _room: OwnedSemaphorePermit,
}

pub(super) struct Writer {
    pub(super) conn: Connection,
    pub(super) shared: Arc<Shared>,
    pub(super) desk: Desk,
    pub(super) tail: Tail,
    pub(super) high_water: HighWater,
    pub(super) day_key: Option<(i64, i64, DataKey)>,
    pub(super) wal_bytes: usize,
    pub(super) on_fatal: OnFatal,
    pub(super) on_commit: OnCommit,
    /// Last, so that it is let go when the connection is closed.
    pub(super) _lock: Lock,
}

/// An append and who waits for it.
struct Waiting {
    append: Box<Append>,
    reply: Reply<Appended>,
    _room: OwnedSemaphorePermit,
}

/// Why a transaction as a whole came to nothing.
enum Failure {
    Full,
    Busy,
    Fatal(Error),
}

/// What the thread does next.
enum Next {
    Go,
    Close(oneshot::Sender<()>),
    Die(String),
}

impl Writer {
    /// Serves the queue until the last handle is gone, `close` is asked, or a write failed.
    pub(super) fn run(mut self, queue: &Receiver<Queued>) {
        loop {
            let wait = if self.wal_bytes > 0 {
                IDLE_BEFORE_CHECKPOINT
            } else {
                IDLE_LOOK
            };
            let next = match queue.recv_timeout(wait) {
                Ok(first) => self.serve(first, queue),
                Err(RecvTimeoutError::Timeout) => self.idle(),
                Err(RecvTimeoutError::Disconnected) => return,
            };
            match next {
                Next::Go => {}
                Next::Close(reply) => {
                    self.shared.closed.store(true, Ordering::Release);
                    drop(self);
                    reply.send(()).ok();
                    return;
                }
                Next::Die(reason) => {
                    self.shared.closed.store(true, Ordering::Release);
                    tracing::error!(reason, "the journal cannot be written: the process ends");
                    (self.on_fatal)(&reason);
                    return;
                }
            }
        }
    }

    fn serve(&mut self, first: Queued, queue: &Receiver<Queued>) -> Next {
        let mut appends = Vec::new();
        let mut taken = Some(first);
        while let Some(queued) = taken.take() {
            match queued.command {
                Command::Append(append, reply) => {
                    appends.push(Waiting {
                        append,
                        reply,
                        _room: queued._room,
                    });
                    if appends.len() < APPENDS_PER_COMMIT_MAX {
                        taken = queue.try_recv().ok();
                    }
                }
                other @ (Command::Adopt(_)
                | Command::ForgetBefore(..)
                | Command::Turn(_)
                | Command::Close(_)) => {
                    // In order: what was asked before it is written before it.
                    if let Some(reason) = self.commit_all(appends) {
                        return Next::Die(reason);
                    }
                    return self.command(other);
                }
            }
        }
        match self.commit_all(appends) {
            Some(reason) => Next::Die(reason),
            None if self.wal_bytes > WAL_BYTES_BEFORE_CHECKPOINT => self.checkpoint(),
            None => Next::Go,
        }
    }

    fn command(&mut self, command: Command) -> Next {
        match command {
            Command::Append(..) => Next::Go,
            Command::Adopt(reply) => {
                let adopted = self.adopt();
                self.answer_alone(adopted, reply)
            }
            Command::ForgetBefore(utc_ms, reply) => {
                let forgotten = self.forget(utc_ms);
                self.answer_alone(forgotten, reply)
            }
            Command::Turn(reply) => {
                reply.send(Ok(())).ok();
                Next::Go
            }
            Command::Close(reply) => Next::Close(reply),
        }
    }

    /// Answers a command that had a transaction of its own.
    fn answer_alone<T>(&mut self, done: Result<T, Error>, reply: Reply<T>) -> Next {
        let answer = match done.map_err(|error| self.roll_back(error)) {
            Ok(value) => Ok(value),
            Err(Failure::Full) => Err(Error::DiskFull),
            Err(Failure::Busy) => Err(Error::Busy),
            Err(Failure::Fatal(error @ Error::Sqlite(_))) => return Next::Die(chain(&error)),
            Err(Failure::Fatal(error)) => Err(error),
        };
        reply.send(answer).ok();
        Next::Go
    }

    fn adopt(&mut self) -> Result<Identity, Error> {
        let shared = Arc::clone(&self.shared);
        let keys = &shared.keys;
        let found = identity::take_over(
            &self.conn,
            keys,
            &self.desk,
            &mut self.tail,
            &mut self.high_water,
        )?;
        self.shared.set_identity(Identity::Ours);
        Ok(found)
    }

    fn forget(&mut self, utc_ms: i64) -> Result<Forgotten, Error> {
        self.shared.check_adopted()?;
        self.day_key = None;
        let shared = Arc::clone(&self.shared);
        let forgotten = forget_before(
            &self.conn,
            &shared.keys,
            &self.desk.name,
            &mut self.tail,
            utc_ms,
        )?;
        self.high_water.note(&self.tail, []);
        Ok(forgotten)
    }

    /// Writes and answers a batch. Returns the reason when the process must end.
    fn commit_all(&mut self, batch: Vec<Waiting>) -> Option<String> {
        if batch.is_empty() {
            return None;
        }
        let appends: Vec<&Append> = batch.iter().map(|waiting| &*waiting.append).collect();
        let mut done = self.commit(&appends);
        if matches!(done, Err(Failure::Full)) && self.shared.space.spend_ballast() {
            done = self.commit(&appends);
        }
        let answers: Vec<Result<Appended, Error>> = match done {
            Ok(answers) => answers,
            Err(Failure::Full) => appends.iter().map(|_| Err(Error::DiskFull)).collect(),
            Err(Failure::Busy) => appends.iter().map(|_| Err(Error::Busy)).collect(),
            Err(Failure::Fatal(error)) => return Some(chain(&error)),
        };
        for (waiting, answer) in batch.into_iter().zip(answers) {
            // Whoever asked may be gone; the append stands all the same.
            waiting.reply.send(answer).ok();
        }
        None
    }

    fn commit(&mut self, appends: &[&Append]) -> Result<Vec<Result<Appended, Error>>, Failure> {
        let mut tail = self.tail;
        let answers = self
            .write_batch(appends, &mut tail)
            .map_err(|error| self.roll_back(error))?;
        self.tail = tail;
        // What was refused is not in the journal: noting it would hide that the journal was rolled back.
        let written = appends.iter().zip(&answers);
        let written = written.filter(|(_, answer)| answer.is_ok());
        let marks: Vec<_> = written.flat_map(|(append, _)| &append.marks).collect();
        if answers.iter().any(Result::is_ok) {
            self.high_water.note(&tail, marks);
        }
        Ok(answers)
    }

    fn write_batch(
        &mut self,
        appends: &[&Append],
        tail: &mut Tail,
    ) -> Result<Vec<Result<Appended, Error>>, Error> {
        self.conn.execute_batch("BEGIN IMMEDIATE")?;
        let mut answers = Vec::with_capacity(appends.len());
        let mut bytes = 0;
        for append in appends {
            let answer = self.write_one(append, tail)?;
            if answer.is_ok() {
                bytes += WAL_BYTES_PER_APPEND + weight(append);
            }
            answers.push(answer);
        }
        let written = answers.iter().filter(|answer| answer.is_ok()).count();
        if written == 0 {
            self.conn.execute_batch("ROLLBACK")?;
            return Ok(answers);
        }
        let began = Instant::now();
        self.conn.execute_batch("COMMIT")?;
        (self.on_commit)(began.elapsed());
        self.wal_bytes += bytes;
        self.shared.commits.fetch_add(1, Ordering::Relaxed);
        Ok(answers)
    }

    /// One append in a savepoint, so that a refused one takes nothing of the others with it. The
    /// outer error is one that spoils the transaction.
    fn write_one(
        &mut self,
        append: &Append,
        tail: &mut Tail,
    ) -> Result<Result<Appended, Error>, Error> {
        if let Err(foreign) = self.shared.check_adopted() {
            return Ok(Err(foreign));
        }
        self.conn.prepare_cached("SAVEPOINT one")?.execute([])?;
        let before = *tail;
        let mut pen = Pen {
            conn: &self.conn,
            keys: &self.shared.keys,
            desk: &self.desk.name,
            day_key: &mut self.day_key,
        };
        let answer = write(&mut pen, tail, append);
        match answer {
            Err(Error::Sqlite(error)) if !is_constraint(&error) => return Err(error.into()),
            Err(_) => {
                *tail = before;
                self.day_key = None;
                self.conn.prepare_cached("ROLLBACK TO one")?.execute([])?;
            }
            Ok(_) => {}
        }
        self.conn.prepare_cached("RELEASE one")?.execute([])?;
        Ok(answer)
    }

    /// Brings the connection back to where it stood and says what the failure means.
    fn roll_back(&mut self, error: Error) -> Failure {
        self.day_key = None;
        if !self.conn.is_autocommit()
            && let Err(error) = self.conn.execute_batch("ROLLBACK")
        {
            return Failure::Fatal(error.into());
        }
        if let Error::Sqlite(sqlite) = &error {
            if is_full(sqlite) {
                return Failure::Full;
            }
            if is_busy(sqlite) {
                return Failure::Busy;
            }
        }
        Failure::Fatal(error)
    }

    fn idle(&mut self) -> Next {
        self.shared.space.restore_ballast();
        if self.wal_bytes > 0 {
            self.checkpoint()
        } else {
            Next::Go
        }
    }

    /// Moves the log into the database. A full disk only puts it off: all is safe in the log.
    fn checkpoint(&mut self) -> Next {
        let moved = self
            .conn
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
                Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
            });
        match moved {
            Ok((in_log, moved)) => {
                // A reader may hold back the last pages; the next silence tries again.
                self.wal_bytes = usize::from(moved < in_log);
                Next::Go
            }
            Err(error) if is_full(&error) || is_busy(&error) => {
                tracing::warn!(%error, "the journal's log could not be moved into the database");
                self.wal_bytes = 1;
                Next::Go
            }
            Err(error) => Next::Die(chain(&error)),
        }
    }
}

fn weight(append: &Append) -> usize {
    let sealed = |plain: &zeroize::Zeroizing<Vec<u8>>| plain.len();
    append
        .events
        .iter()
        .map(|e| e.body.len() + e.sealed.as_ref().map_or(0, sealed))
        .sum()
}

/// An error with its sources, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn extended(error: &rusqlite::Error) -> Option<i32> {
    error.sqlite_error().map(|error| error.extended_code)
}

/// No room: to write the log, the database, or the log's index in shared memory.
pub(super) fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
        || extended(error) == Some(ffi::SQLITE_IOERR_SHMSIZE)
}

fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
        || error.sqlite_error_code() == Some(ErrorCode::DatabaseLocked)
}

fn is_constraint(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
}
