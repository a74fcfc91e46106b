//! The handle that the rest of the daemon holds, and how the journal is opened.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};

use super::event::{Append, Appended, Desk, Filter, NewEvent, Stored, StreamRow};
use super::forget::Forgotten;
use super::high_water::HighWater;
use super::identity::{self, Identity};
use super::key::{Keys, SiteKey};
use super::reader::{self, Readers};
use super::space::{Health, Hindrance, Lock, Space, prepare_dir, prepare_file};
use super::writer::{Command, Queued, Reply, Writer, is_full};
use super::{Error, append, index, schema, stored};

/// Appends that wait at once; further ones wait to be queued.
const APPENDS_WAITING_MAX: usize = 1024;
const STARTED: &str = "process_started";
const STOPPED: &str = "process_stopped";

/// Called with the reason when a commit or a sync failed. It should not return.
pub type OnFatal = Arc<dyn Fn(&str) + Send + Sync>;

/// Called with how long each commit took, its sync included. It must not wait for anything.
pub type OnCommit = Arc<dyn Fn(Duration) + Send + Sync>;

/// How a journal is opened.
#[derive(Clone)]
pub struct Options {
    /// Its directory; made with mode 0700 when missing.
    pub dir: PathBuf,
    /// This desk.
    pub desk: Desk,
    /// The site's secret.
    pub site_key: SiteKey,
    /// With less room than this, [`Journal::health`] asks to begin nothing new.
    pub min_free_bytes: u64,
    /// Room kept for bringing to an end what runs when the disk is full.
    pub ballast_bytes: u64,
    /// Take a directory on overlayfs (containers), which a volume is better for.
    pub allow_overlay: bool,
    /// What ends the process. The default writes a line to standard error and aborts.
    pub on_fatal: OnFatal,
    /// What measures. The default does not.
    pub on_commit: OnCommit,
}

impl Options {
    /// The usual limits: 64 MiB must be free, 16 MiB of ballast, no overlay, abort when a write
    /// fails.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>, desk: Desk, site_key: SiteKey) -> Options {
        Options {
            dir: dir.into(),
            desk,
            site_key,
            min_free_bytes: 64 * 1024 * 1024,
            ballast_bytes: 16 * 1024 * 1024,
            allow_overlay: false,
            on_fatal: Arc::new(|reason| {
                // The log may be written by another thread, which gets no time any more.
                eprintln!("yibaod: the journal cannot be written: {reason}");
                std::process::abort();
            }),
            on_commit: Arc::new(|_| {}),
        }
    }
}

/// What was found when the journal was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Whose journal it is. When foreign, every append is refused until it is adopted.
    pub identity: Identity,
    /// `seq` of the last event.
    pub last_seq: i64,
}

/// The start of a process, as the journal saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessStart {
    /// `seq` of this start.
    pub seq: i64,
    /// `seq` of the start before, if there was one.
    pub previous_seq: Option<i64>,
    /// Did the process before say that it stops? False for a crash, a kill, a power cut.
    pub previous_ended: bool,
}

/// What the handle, the writer and the health answer share.
pub(super) struct Shared {
    pub(super) keys: Arc<Keys>,
    pub(super) space: Space,
    pub(super) closed: AtomicBool,
    pub(super) commits: AtomicU64,
    identity: Mutex<Identity>,
}

impl Shared {
    pub(super) fn set_identity(&self, identity: Identity) {
        *self.identity.lock().unwrap_or_else(PoisonError::into_inner) = identity;
    }

    /// What of the identity forbids something new.
    fn hindrance(&self) -> Option<Hindrance> {
        match *self.identity.lock().unwrap_or_else(PoisonError::into_inner) {
            Identity::Fresh | Identity::Ours => None,
            Identity::Foreign { .. } => Some(Hindrance::NotAdopted),
            Identity::RolledBack { had_seq, last_seq } => {
                Some(Hindrance::RolledBack { had_seq, last_seq })
            }
        }
    }

    pub(super) fn check_adopted(&self) -> Result<(), Error> {
        match self
            .identity
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
        {
            Identity::Fresh | Identity::Ours => Ok(()),
            Identity::Foreign {
                name,
                number,
                other_machine,
            } => Err(Error::NotAdopted {
                name,
                number,
                other_machine,
            }),
            Identity::RolledBack { had_seq, last_seq } => {
                Err(Error::RolledBack { had_seq, last_seq })
            }
        }
    }
}

/// A cheap handle on the open journal. When the last one is dropped the writer ends; [`close`]
/// waits for that.
///
/// [`close`]: Journal::close
#[derive(Clone)]
pub struct Journal {
    inner: Arc<Inner>,
}

struct Inner {
    commands: Sender<Queued>,
    room: Arc<Semaphore>,
    readers: Readers,
    shared: Arc<Shared>,
}

impl Journal {
    /// Opens the journal of a directory, making it when there is none, and ties a new one to the
    /// desk. Reads the index and a few events, whatever the journal's size.
    pub async fn open(options: Options) -> Result<(Journal, Opened), Error> {
        let (reply, opened) = oneshot::channel();
        let path = options.dir.clone();
        std::thread::Builder::new()
            .name("journal-writer".to_owned())
            .spawn(move || write_until_closed(options, reply))
            .map_err(|source| Error::io(&path, source))?;
        opened.await.map_err(|_| Error::Closed)?
    }

    /// Writes events and the index entry they lead to. Answers when they are on disk. A caller that
    /// stops waiting does not stop the append.
    pub async fn append(&self, append: Append) -> Result<Appended, Error> {
        append::check(&append)?;
        if append
            .events
            .iter()
            .any(|event| event.kind == identity::KIND)
        {
            let why = format!("only the journal writes {}", identity::KIND);
            return Err(Error::Refused { why });
        }
        self.command(|reply| Command::Append(Box::new(append), reply))
            .await
    }

    /// All open streams, oldest first, without reading an event.
    pub async fn open_streams(&self) -> Result<Vec<StreamRow>, Error> {
        self.inner
            .readers
            .ask(|conn, _| reader::open_streams(conn))
            .await
    }

    /// All events of a stream, in order, each checked against its link; none for an unknown stream.
    pub async fn load(&self, stream: &str) -> Result<Vec<Stored>, Error> {
        let stream = stream.to_owned();
        self.inner
            .readers
            .ask(move |conn, keys| stored::load(conn, keys, &stream))
            .await
    }

    /// The index entry of a stream.
    pub async fn find(&self, stream: &str) -> Result<Option<StreamRow>, Error> {
        let stream = stream.to_owned();
        let find = move |conn: &_, _: &_| Ok(index::find(conn, &stream)?.map(|found| found.row));
        self.inner.readers.ask(find).await
    }

    /// The stream that this caller began with this `request_id`.
    pub async fn find_request(
        &self,
        caller: &str,
        request_id: &str,
    ) -> Result<Option<StreamRow>, Error> {
        let (caller, request_id) = (caller.to_owned(), request_id.to_owned());
        let find = move |conn: &_, _: &_| index::find_request(conn, &caller, &request_id);
        self.inner.readers.ask(find).await
    }

    /// The oldest open stream of a kind on a visit.
    pub async fn find_open_visit(
        &self,
        kind: &str,
        visit: &str,
    ) -> Result<Option<StreamRow>, Error> {
        let (kind, visit) = (kind.to_owned(), visit.to_owned());
        let find = move |conn: &_, _: &_| index::find_open_visit(conn, &kind, &visit);
        self.inner.readers.ask(find).await
    }

    /// A page of streams, newest first.
    pub async fn list(&self, filter: Filter) -> Result<Vec<StreamRow>, Error> {
        self.inner
            .readers
            .ask(move |conn, keys| reader::list(conn, keys, &filter))
            .await
    }

    /// A counter kept with [`Append::marks`].
    pub async fn mark(&self, name: &str) -> Result<Option<i64>, Error> {
        let name = name.to_owned();
        self.inner
            .readers
            .ask(move |conn, _| index::mark(conn, &name))
            .await
    }

    /// Writes into the desk's stream that a process of this version starts. Once, after opening.
    pub async fn begin_process(&self, version: &str) -> Result<ProcessStart, Error> {
        let seq_of = |kind: &'static str| {
            self.inner.readers.ask(move |conn, keys| {
                Ok(stored::last_of_desk(conn, keys, kind)?.map(|event| event.seq))
            })
        };
        let (started, stopped) = (seq_of(STARTED).await?, seq_of(STOPPED).await?);
        let body = serde_json::json!({ "version": version }).to_string();
        let seq = self.append_desk(STARTED, body).await?.last_seq;
        Ok(ProcessStart {
            seq,
            previous_seq: started,
            previous_ended: stopped > started,
        })
    }

    /// Writes into the desk's stream that this process stops of its own will.
    pub async fn end_process(&self) -> Result<(), Error> {
        self.append_desk(STOPPED, "{}".to_owned()).await.map(|_| ())
    }

    /// Raises marks that go with no event.
    ///
    /// # Errors
    /// They are not on disk.
    pub async fn keep_marks(&self, marks: Vec<(String, i64)>) -> Result<(), Error> {
        let append = Append {
            marks,
            ..identity::desk_append(Vec::new())
        };
        self.append(append).await.map(|_| ())
    }

    async fn append_desk(&self, kind: &str, body: String) -> Result<Appended, Error> {
        let event = NewEvent::new(kind, 1, identity::now_utc_ms(), body);
        self.append(identity::desk_append(vec![event])).await
    }

    /// Ties a foreign journal to this desk, as [`super::adopt`] does for a closed one. Answers with
    /// what it was before.
    pub async fn adopt(&self) -> Result<Identity, Error> {
        self.command(Command::Adopt).await
    }

    /// Deletes the data keys of the days before a time: what was sealed then is forgotten.
    pub async fn forget_before(&self, utc_ms: i64) -> Result<Forgotten, Error> {
        self.command(|reply| Command::ForgetBefore(utc_ms, reply))
            .await
    }

    /// Returns when the writer's thread comes to it, behind what was asked before.
    pub async fn turn(&self) -> Result<(), Error> {
        self.command(Command::Turn).await
    }

    /// The keyed digest of a request, for [`StreamHead::body_digest`].
    ///
    /// [`StreamHead::body_digest`]: super::StreamHead::body_digest
    #[must_use]
    pub fn request_digest(&self, request: &[u8]) -> String {
        self.inner.shared.keys.request_digest(request)
    }

    /// May something new begin? Asks the file system for its room.
    #[must_use]
    pub fn health(&self) -> Health {
        let shared = &self.inner.shared;
        let (disk, free_bytes) = shared.space.look();
        let why = if shared.closed.load(Ordering::Acquire) {
            Some(Hindrance::Closed)
        } else if let Some(identity) = shared.hindrance() {
            Some(identity)
        } else {
            disk
        };
        Health {
            accepts_new: why.is_none(),
            why,
            free_bytes,
        }
    }

    /// Commits since it was opened; each is one sync of the log.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.inner.shared.commits.load(Ordering::Relaxed)
    }

    /// Appends that wait for the disk at this moment.
    #[must_use]
    pub fn waiting(&self) -> usize {
        APPENDS_WAITING_MAX.saturating_sub(self.inner.room.available_permits())
    }

    /// Bytes of its files, ballast not counted.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.inner.shared.space.used_bytes()
    }

    /// Ends the threads and closes the files; answers when another process may open them. What
    /// other handles ask afterwards is refused.
    pub async fn close(self) {
        self.inner.readers.stop().await;
        let (reply, closed) = oneshot::channel();
        if self.send(Command::Close(reply)).await.is_ok() {
            closed.await.ok();
        }
    }

    async fn command<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.send(command(reply)).await?;
        answer.await.map_err(|_| Error::Closed)?
    }

    async fn send(&self, command: Command) -> Result<(), Error> {
        let room = Arc::clone(&self.inner.room);
        let room = room.acquire_owned().await.map_err(|_| Error::Closed)?;
        self.inner
            .commands
            .send(Queued {
                command,
                _room: room,
            })
            .map_err(|_| Error::Closed)
    }
}

/// The writer's thread.
fn write_until_closed(options: Options, reply: oneshot::Sender<Result<(Journal, Opened), Error>>) {
    let (writer, readers, opened) = match open(options) {
        Ok(parts) => parts,
        Err(error) => {
            reply.send(Err(error)).ok();
            return;
        }
    };
    let (commands, queue) = channel();
    let inner = Inner {
        commands,
        room: Arc::new(Semaphore::new(APPENDS_WAITING_MAX)),
        readers,
        shared: Arc::clone(&writer.shared),
    };
    reply
        .send(Ok((
            Journal {
                inner: Arc::new(inner),
            },
            opened,
        )))
        .ok();
    writer.run(&queue);
}

fn open(options: Options) -> Result<(Writer, Readers, Opened), Error> {
    prepare_dir(&options.dir, options.allow_overlay)?;
    let lock = Lock::take(&options.dir)?;
    let path = schema::path_in(&options.dir);
    prepare_file(&path)?;
    let space = Space::new(&options.dir, options.min_free_bytes, options.ballast_bytes);
    let conn = match schema::open_writer(&path) {
        // Even opening wants a little room: for the index of the log.
        Err(Error::Sqlite(error)) if is_full(&error) && space.spend_ballast() => {
            schema::open_writer(&path)?
        }
        other => other?,
    };
    let keys = Arc::new(Keys::derive(&options.site_key));
    stored::check_site_key(&conn, &keys)?;
    let mut tail = stored::tail(&conn)?;
    let mut high_water = HighWater::beside(&options.dir);
    let identity = identity::find(&conn, &keys, &options.desk, &mut tail, &high_water)?;
    if matches!(identity, Identity::Fresh | Identity::Ours) {
        high_water.take_marks(&conn)?;
        high_water.note(&tail, []);
    }
    let readers = Readers::start(&path, &keys)?;
    let opened = Opened {
        identity: identity.clone(),
        last_seq: tail.seq,
    };
    let shared = Shared {
        keys,
        space,
        closed: AtomicBool::new(false),
        commits: AtomicU64::new(0),
        identity: Mutex::new(identity),
    };
    let writer = Writer {
        conn,
        shared: Arc::new(shared),
        desk: options.desk,
        tail,
        high_water,
        day_key: None,
        wal_bytes: 1,
        on_fatal: options.on_fatal,
        on_commit: options.on_commit,
        _lock: lock,
    };
    Ok((writer, readers, opened))
}
