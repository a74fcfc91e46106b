//! The watchdog is fed while the loops that matter turn: each is asked for a turn, and one that owes it for half the
//! interval stops the feeding and is named. A thread of its own does the asking, since a timer of the runtime would
//! only prove the runtime.
//!
//! | loop | its turn |
//! |---|---|
//! | runner | a task is carried by the runtime, and sees the table of what runs; each settlement is a task of its own |
//! | worker N | the thread that carries tasks parked or finished a batch, so that no task holds it |
//! | journal | the writer's thread answers in its queue |
//! | devices | every board says how its device is. Each device has a loop of its own, which its device may hold in the kernel: it is looked for again and shown as it is, and must not end a desk that settles. What all wait for is the boards |
//! | door | a connection to the socket is accepted and greeted; a socket that is gone has no turn |
//! | bus | its loop comes round; also while it looks for a bus, or the bus takes nothing from it |
//! | tcp | somebody listens at its port, once it could be had. It is not knocked at: whoever floods it must not end the daemon |
//!
//! Doors that end are not a matter of turns: [`super::doors`] ends the process.
//!
//! It runs without systemd too: what hangs is then at least in the log.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::{Error, systemd};
use crate::ipc::dbus::Turns;
use crate::journal::Journal;
use crate::operation::Operations;
use crate::runner::Runner;

/// What is taken for the interval when nobody supervises.
const INTERVAL_MS_DEFAULT: u64 = 30_000;
/// Of the interval: how often is asked and fed.
const TICKS_PER_INTERVAL: u32 = 4;
/// Of the interval: a turn owed for longer is a hang.
const HANGS_PER_INTERVAL: u32 = 2;
/// What an HTTP/2 caller says first, with empty settings.
const GREETING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Runs until it is dropped.
pub(super) struct Watchdog {
    /// Only ever dropped; that is the word to end.
    _end: mpsc::Sender<()>,
}

/// What is watched.
pub(super) struct Watched {
    pub(super) journal: Journal,
    pub(super) runner: Runner,
    pub(super) operations: Operations,
    /// The loop of the door on the bus, where it is wanted.
    pub(super) bus: Option<Turns>,
    pub(super) socket: PathBuf,
    /// Where TCP is listened for.
    pub(super) tcp: Option<SocketAddr>,
    /// Whether the doors shall close: then nobody is at them.
    pub(super) is_stopping: watch::Receiver<bool>,
}

impl Watchdog {
    /// Begins. Must be called in the runtime that is watched.
    ///
    /// # Errors
    /// There is no thread.
    pub(super) fn start(watched: Watched) -> Result<Self, Error> {
        let interval = systemd::watchdog();
        let is_fed = interval.is_some();
        let interval = interval.unwrap_or(Duration::from_millis(INTERVAL_MS_DEFAULT));
        let runtime = Handle::current();
        let (end, ended) = mpsc::channel::<()>();
        let mut table = table(runtime.clone(), watched);
        let mut workers = Workers::new(runtime);
        let watch = move || {
            let mut hung = Vec::new();
            while ended.recv_timeout(interval / TICKS_PER_INTERVAL)
                == Err(mpsc::RecvTimeoutError::Timeout)
            {
                let (now, owed_max) = (Instant::now(), interval / HANGS_PER_INTERVAL);
                let owing = table.iter_mut().filter_map(|it| it.look(now, owed_max));
                let owing: Vec<String> = owing.chain(workers.look(now, owed_max)).collect();
                tell(&hung, &owing);
                if is_fed && owing.is_empty() {
                    systemd::alive();
                }
                hung = owing;
            }
        };
        std::thread::Builder::new()
            .name("watchdog".to_owned())
            .spawn(watch)
            .map_err(|source| Error::System {
                what: "a thread cannot start".to_owned(),
                source,
            })?;
        Ok(Self { _end: end })
    }
}

/// Says what began to hang and what turns again.
fn tell(before: &[String], owing: &[String]) {
    for name in owing.iter().filter(|name| !before.contains(name)) {
        tracing::error!(hung = %name, "a loop does not turn: the watchdog is not fed");
        systemd::status(&format!("hung: {name}; the watchdog is not fed"));
    }
    for name in before.iter().filter(|name| !owing.contains(name)) {
        tracing::warn!(hung = %name, "the loop turns again");
    }
}

/// One loop.
struct Beat {
    name: &'static str,
    ask: Box<dyn FnMut(Turn) + Send>,
    asked: u64,
    asked_at: Instant,
    turned: Arc<AtomicU64>,
}

/// A turn that is owed. It is given by [`Turn::done`], and not by being dropped.
struct Turn {
    number: u64,
    turned: Arc<AtomicU64>,
}

impl Turn {
    fn done(self) {
        self.turned.fetch_max(self.number, Ordering::Release);
    }
}

impl Beat {
    fn new(name: &'static str, ask: impl FnMut(Turn) + Send + 'static) -> Self {
        Self {
            name,
            ask: Box::new(ask),
            asked: 0,
            asked_at: Instant::now(),
            turned: Arc::default(),
        }
    }

    /// Asks for the next turn when the last was given; the name when it is owed for too long.
    fn look(&mut self, now: Instant, owed_max: Duration) -> Option<String> {
        if self.turned.load(Ordering::Acquire) == self.asked {
            self.asked += 1;
            self.asked_at = now;
            (self.ask)(Turn {
                number: self.asked,
                turned: Arc::clone(&self.turned),
            });
            return None;
        }
        (now.duration_since(self.asked_at) >= owed_max).then(|| self.name.to_owned())
    }
}

fn table(runtime: Handle, watched: Watched) -> Vec<Beat> {
    let Watched {
        journal,
        runner,
        operations,
        bus,
        socket,
        tcp,
        is_stopping,
    } = watched;
    let (on_runner, on_journal, on_devices, on_door, on_bus) = (
        runtime.clone(),
        runtime.clone(),
        runtime.clone(),
        runtime.clone(),
        runtime,
    );
    let desk = operations.clone();
    let mut table = vec![
        Beat::new("runner", move |turn| {
            let runner = runner.clone();
            on_runner.spawn(async move {
                runner.parts().turn();
                turn.done();
            });
        }),
        Beat::new("journal", move |turn| {
            let journal = journal.clone();
            on_journal.spawn(async move {
                // A journal that is closed has no loop any more.
                drop(journal.turn().await);
                turn.done();
            });
        }),
        Beat::new("devices", move |turn| {
            let operations = operations.clone();
            on_devices.spawn_blocking(move || {
                drop(operations.devices());
                turn.done();
            });
        }),
        Beat::new("door", {
            let is_stopping = is_stopping.clone();
            move |turn| {
                let (socket, is_stopping) = (socket.clone(), is_stopping.clone());
                on_door.spawn(async move {
                    let knocked = knock(&socket).await;
                    if *is_stopping.borrow() || is_served(&knocked) {
                        turn.done();
                    }
                });
            }
        }),
    ];
    table.extend(bus.map(|bus| of_bus(on_bus, bus)));
    // A port that the system chooses cannot be asked for.
    if let Some(address) = tcp.filter(|address| address.port() != 0) {
        table.push(Beat::new("tcp", move |turn| {
            if *is_stopping.borrow() || !desk.has_port() || is_listened_at(address) {
                turn.done();
            }
        }));
    }
    table
}

fn of_bus(runtime: Handle, bus: Turns) -> Beat {
    Beat::new("bus", move |turn| {
        let bus = bus.clone();
        runtime.spawn(async move {
            bus.turn().await;
            turn.done();
        });
    })
}

/// Whether there is a loop behind the door. Who is turned away by it, or lacks descriptors, has not shown otherwise.
fn is_served(knocked: &std::io::Result<()>) -> bool {
    let Err(error) = knocked else {
        return true;
    };
    tracing::debug!(%error, "the door turned the watchdog away");
    let none = [
        // Nobody takes callers out of a queue that is full.
        ErrorKind::WouldBlock,
        // The socket is gone, or nobody listens at it: no caller can come.
        ErrorKind::NotFound,
        ErrorKind::ConnectionRefused,
    ];
    !none.contains(&error.kind())
}

/// Whether a listener has this port: then nobody else can.
fn is_listened_at(address: SocketAddr) -> bool {
    TcpListener::bind(address).is_err()
}

/// Connects, says what a client says first, and waits for a byte of an answer or the end of the line.
async fn knock(socket: &Path) -> std::io::Result<()> {
    let mut line = UnixStream::connect(socket).await?;
    line.write_all(GREETING).await?;
    line.read(&mut [0; 1]).await.map(drop)
}

/// The threads that carry tasks, by what the runtime counts: one that neither parks nor finishes a batch is held by a
/// task that does not give it back.
struct Workers {
    runtime: Handle,
    seen: Vec<(Count, Instant)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Count {
    parks: u64,
    busy: Duration,
}

impl Workers {
    fn new(runtime: Handle) -> Self {
        let mut workers = Self {
            runtime,
            seen: Vec::new(),
        };
        let now = Instant::now();
        workers.seen = workers.counts().map(|count| (count, now)).collect();
        workers
    }

    fn counts(&self) -> impl Iterator<Item = Count> {
        let metrics = self.runtime.metrics();
        (0..metrics.num_workers()).map(move |worker| Count {
            parks: metrics.worker_park_unpark_count(worker),
            busy: metrics.worker_total_busy_duration(worker),
        })
    }

    fn look(&mut self, now: Instant, owed_max: Duration) -> Vec<String> {
        let counts: Vec<Count> = self.counts().collect();
        let mut owing = Vec::new();
        for (worker, (count, seen)) in counts.into_iter().zip(&mut self.seen).enumerate() {
            // An odd number of parks and wake-ups: it rests.
            if seen.0 != count || count.parks % 2 == 1 {
                *seen = (count, now);
            } else if now.duration_since(seen.1) >= owed_max {
                owing.push(format!("worker {worker}"));
            }
        }
        owing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWED: Duration = Duration::from_secs(10);

    #[test]
    fn a_turn_that_is_owed_too_long_is_named_until_it_is_given() {
        let (hand, turns) = mpsc::channel();
        let mut beat = Beat::new("loop", move |turn| hand.send(turn).unwrap());
        let start = Instant::now();
        assert_eq!(beat.look(start, OWED), None);
        let first = turns.try_recv().unwrap();
        assert_eq!(beat.look(start + OWED / 2, OWED), None, "not yet");
        assert!(turns.try_recv().is_err(), "one turn is asked for at a time");
        assert_eq!(beat.look(start + OWED, OWED).as_deref(), Some("loop"));
        first.done();
        assert_eq!(beat.look(start + OWED * 2, OWED), None, "asked anew");
        // A task that was thrown away gave no turn.
        drop(turns.try_recv().unwrap());
        assert_eq!(beat.look(start + OWED * 3, OWED).as_deref(), Some("loop"));
    }

    #[test]
    fn a_worker_that_a_task_holds_is_named_and_one_that_rests_is_not() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .unwrap();
        let mut workers = Workers::new(runtime.handle().clone());
        let (release, held) = mpsc::channel::<()>();
        let (begin, begun) = mpsc::channel();
        runtime.spawn(async move {
            begin.send(()).unwrap();
            held.recv().ok();
        });
        begun.recv().unwrap();
        // Until the other worker rests.
        let until = Instant::now() + OWED;
        while workers
            .counts()
            .filter(|count| count.parks % 2 == 1)
            .count()
            != 1
        {
            assert!(Instant::now() < until);
            std::thread::yield_now();
        }
        let now = Instant::now();
        assert!(workers.look(now, OWED).is_empty());
        assert_eq!(workers.look(now + OWED, OWED).len(), 1);
        drop(release);
        while workers.counts().any(|count| count.parks % 2 == 0) {
            assert!(Instant::now() < until);
            std::thread::yield_now();
        }
        assert!(workers.look(now + OWED * 2, OWED).is_empty());
    }

    #[test]
    fn a_port_is_listened_at_while_its_listener_lives() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let caller = std::net::TcpStream::connect(address).unwrap();
        assert!(is_listened_at(address));
        drop(listener);
        assert!(!is_listened_at(address));
        drop(caller);
    }

    #[tokio::test]
    async fn a_door_that_nobody_can_reach_gives_no_turn() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("door.sock");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let shut = async { drop(listener.accept().await.unwrap()) };
        let (knocked, ()) = tokio::join!(knock(&path), shut);
        assert!(is_served(&knocked), "turned away: {knocked:?}");
        drop(listener);
        let refused = knock(&path).await;
        assert!(!is_served(&refused), "{refused:?}");
        std::fs::remove_file(&path).unwrap();
        let gone = knock(&path).await;
        assert!(!is_served(&gone), "{gone:?}");
    }

    #[tokio::test]
    async fn a_door_that_does_not_answer_gives_no_turn() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("door.sock");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        // The kernel takes the connection; nobody accepts it.
        let waiting = Duration::from_millis(200);
        assert!(tokio::time::timeout(waiting, knock(&path)).await.is_err());
        drop(listener.accept().await.unwrap());
        let greet = async {
            let (mut line, _) = listener.accept().await.unwrap();
            line.write_all(b"\0").await.unwrap();
            line
        };
        // Open until then: a line that is shut with words unread is reset.
        let (knocked, _line) = tokio::join!(knock(&path), greet);
        knocked.unwrap();
    }
}
