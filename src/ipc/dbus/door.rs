//! The connection to the system bus: kept, and found again when it is lost. Nothing else waits for it.
//!
//! One loop reads everything that comes and never waits; each call runs in a task of its own, counted.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::StreamExt as _;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use zbus::connection::Builder;
use zbus::message::{Flags, Header, Message, Type};
use zbus::names::OwnedUniqueName;
use zbus::{Connection, MessageStream};

use super::callers::Callers;
use super::catalogue::{BUS, ROOT, ROOT_PATH};
use super::desk::{Changes, DEVICE, Snapshot, fields};
use super::error::Refusal;
use super::serve::{Inside, Server};
use super::standard::{OBJECTS, PROPERTIES};
use super::turns::{Asked, Turns};
use crate::book::Code;
use crate::ipc::{convert, grpc};
use crate::observe::metrics::PROCESS;
use crate::operation::{BusState, Failure, Operations};

/// Calls of all callers at once.
pub(super) const CALLS_MAX: usize = 4_096;
/// Bytes of one request. A hundred times a full bill; files come as descriptors.
const REQUEST_BYTES_MAX: usize = 1_024 * 1_024;
/// Messages that came and are not looked at yet. Each may be as large as the bus lets it be.
const QUEUED_MAX: usize = 16;
/// How long the bus may take to let us in.
const JOIN_MS_MAX: u64 = 10_000;
/// Pauses between attempts to join: the first, doubled up to the last.
const PAUSE_MS_MIN: u64 = 500;
const PAUSE_MS_MAX: u64 = 60_000;
/// A connection that held so long was a good one: the pauses begin anew.
const GOOD_MS_MIN: u64 = 60_000;
/// After the word to stop, calls that run may still be answered so long.
const DRAIN_MS_MAX: u64 = 3_000;
/// Refusals that are on their way to the bus, and how long the loop waits for a place among them. A bus that takes
/// nothing from us must not stop the loop.
const REFUSALS_MAX: usize = 16;
const REFUSAL_MS_MAX: u64 = 1_000;
/// How long the bus may take to let the name go.
const RELEASE_MS_MAX: u64 = 1_000;
/// How often it is seen whether the desk changed.
const LOOK_MS: u64 = 1_000;
/// Looks after which the desk is asked even if nothing seems to have happened.
const LOOKS_IDLE_MAX: u32 = 10;
/// Take the name, or be told that somebody has it.
const DO_NOT_QUEUE: u32 = 4;
const PRIMARY_OWNER: u32 = 1;
/// Whoever leaves the bus.
const LEAVING: &str = "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',\
                       member='NameOwnerChanged',arg2=''";

/// The door, not yet on the bus.
pub struct Door {
    inside: Inside,
    turns: Turns,
    asked: Asked,
}

/// Why it is not on the bus.
#[derive(Debug, thiserror::Error)]
enum JoinError {
    #[error(transparent)]
    Bus(#[from] zbus::Error),
    #[error("the bus did not answer in time")]
    Late,
    #[error("somebody else has the name {ROOT}")]
    NameTaken,
}

/// What the end of a connection means.
enum Ended {
    Stopped,
    Lost,
}

impl Door {
    /// Calls as every caller of that door does, and counts its callers with those; looks at the desk by itself.
    #[must_use]
    pub fn new(beside: &grpc::Door, operations: Operations) -> Self {
        let inside = Inside {
            calls: beside.calls(),
            gate: beside.gate(),
            operations,
        };
        let (turns, asked) = Turns::new();
        Self {
            inside,
            turns,
            asked,
        }
    }

    /// Asks whether it turns while it is served.
    #[must_use]
    pub fn turns(&self) -> Turns {
        self.turns.clone()
    }

    /// Serves until told to stop, then lets running calls end for a short time. A bus that is not there, or goes, is
    /// looked for again.
    pub async fn serve(mut self, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        self.inside.operations.bus_is(BusState::Away);
        let (mut pause_ms, mut is_missed) = (PAUSE_MS_MIN, false);
        loop {
            let joined = tokio::select! {
                joined = self.asked.giving(join()) => joined,
                () = &mut stop => return,
            };
            match joined {
                Ok((bus, messages)) => {
                    tracing::info!(name = ROOT, "on the system bus");
                    self.inside.operations.bus_is(BusState::On);
                    is_missed = false;
                    let since = Instant::now();
                    let ended = self.serve_on(bus, messages, &mut stop).await;
                    self.inside.operations.bus_is(BusState::Away);
                    match ended {
                        Ended::Stopped => return,
                        Ended::Lost => tracing::warn!("the system bus went away; looking for it"),
                    }
                    if since.elapsed() > Duration::from_millis(GOOD_MS_MIN) {
                        pause_ms = PAUSE_MS_MIN;
                    }
                }
                // Said once: a desk may have no bus.
                Err(error) if is_missed => tracing::debug!(%error, "still not on the system bus"),
                Err(error) => {
                    tracing::warn!(%error, "not on the system bus; the other doors are open");
                    is_missed = true;
                }
            }
            let pause = tokio::time::sleep(Duration::from_millis(pause_ms));
            tokio::select! {
                () = self.asked.giving(pause) => {}
                () = &mut stop => return,
            }
            pause_ms = (pause_ms * 2).min(PAUSE_MS_MAX);
        }
    }

    async fn serve_on(
        &mut self,
        bus: Connection,
        mut messages: MessageStream,
        stop: &mut (impl Future<Output = ()> + Unpin),
    ) -> Ended {
        let closing = CancellationToken::new();
        // Whatever ends this, nothing of it goes on.
        let _closed = closing.clone().drop_guard();
        let Self { inside, asked, .. } = self;
        let first = look(inside).await;
        let (desk, shown) = watch::channel(first);
        let watching = watch_desk(inside, bus.clone(), desk);
        let server = Arc::new(Server::new(bus.clone(), inside.clone(), shown));
        let places = Arc::new(Semaphore::new(CALLS_MAX));
        let refusals = Arc::new(Semaphore::new(REFUSALS_MAX));
        let mut callers = Callers::new(closing.clone());
        tokio::pin!(watching);
        loop {
            let message = tokio::select! {
                message = messages.next() => message,
                never = &mut watching => match never {},
                () = asked.give() => continue,
                () = &mut *stop => break,
            };
            let Some(Ok(message)) = message else {
                return Ended::Lost;
            };
            match message.message_type() {
                Type::MethodCall => {
                    let refused = take(&server, &mut callers, &places, &message);
                    if let Some(reply) = refused {
                        send_refusal(&server, &refusals, reply).await;
                    }
                }
                Type::Signal => {
                    if let Some(name) = left(&message) {
                        callers.leave(&name);
                    }
                }
                Type::MethodReturn | Type::Error => {}
            }
        }
        // Who calls from here on finds nobody, or has us started again.
        let release = ask_bus(&bus, "ReleaseName", &ROOT);
        drop(timeout(Duration::from_millis(RELEASE_MS_MAX), release).await);
        let all = u32::try_from(CALLS_MAX).unwrap_or(u32::MAX);
        let drained = timeout(Duration::from_millis(DRAIN_MS_MAX), async {
            let drained = places.acquire_many(all);
            tokio::pin!(drained);
            loop {
                tokio::select! {
                    _ = &mut drained => return,
                    // A caller that leaves is not waited for.
                    message = messages.next() => match message {
                        Some(Ok(message)) => {
                            if let Some(name) = left(&message) {
                                callers.leave(&name);
                            }
                        }
                        Some(Err(_)) | None => return,
                    },
                }
            }
        });
        if drained.await.is_err() {
            tracing::info!("calls over the bus were still open when it was left");
        }
        Ended::Stopped
    }
}

/// Tells everybody on the bus what changed at the desk, and remembers it for who asks.
async fn watch_desk(inside: &Inside, bus: Connection, desk: watch::Sender<Snapshot>) -> Infallible {
    let mut devices = inside.operations.watch_devices(None);
    let (mut pulse, mut idle) = (None, 0);
    loop {
        let beats = Some(inside.operations.pulse());
        if beats != pulse || idle >= LOOKS_IDLE_MAX {
            (pulse, idle) = (beats, 0);
            tell(inside, &bus, &desk).await;
        }
        idle += 1;
        tokio::select! {
            _ = devices.next() => idle = LOOKS_IDLE_MAX,
            () = tokio::time::sleep(Duration::from_millis(LOOK_MS)) => {}
        }
    }
}

async fn tell(inside: &Inside, bus: &Connection, desk: &watch::Sender<Snapshot>) {
    let after = look(inside).await;
    let changes = Changes::between(&desk.borrow(), &after);
    // Who hears of a change and asks must be told the new value.
    desk.send_replace(after);
    match signals(&changes) {
        Ok(signals) => {
            if let Err(error) = bus.send_all(&signals).await {
                tracing::debug!(%error, "a change could not be told");
            }
        }
        Err(error) => tracing::warn!(%error, "a change cannot be told"),
    }
}

async fn look(inside: &Inside) -> Snapshot {
    let status = inside.operations.status().await;
    Snapshot::of(convert::status::status(status, now_ms()))
}

async fn join() -> Result<(Connection, MessageStream), JoinError> {
    let joined = timeout(Duration::from_millis(JOIN_MS_MAX), async {
        let queued = NonZeroUsize::new(QUEUED_MAX).unwrap_or(NonZeroUsize::MIN);
        let bus = Builder::system().max_queued(queued).build().await?;
        // Before anybody can call, so that no call is missed.
        let messages = MessageStream::from(&bus);
        ask_bus(&bus, "AddMatch", &LEAVING).await?;
        let reply = ask_bus(&bus, "RequestName", &(ROOT, DO_NOT_QUEUE)).await?;
        let owner: u32 = reply.body().deserialize()?;
        match owner {
            PRIMARY_OWNER => Ok((bus, messages)),
            _ => Err(JoinError::NameTaken),
        }
    });
    joined.await.unwrap_or(Err(JoinError::Late))
}

async fn ask_bus<B>(bus: &Connection, method: &str, body: &B) -> zbus::Result<Message>
where
    B: serde::Serialize + zbus::DynamicType,
{
    bus.call_method(Some(BUS), "/org/freedesktop/DBus", Some(BUS), method, body)
        .await
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(now.unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
}

/// Begins one call, or says what is to be answered to one that is not looked at.
fn take(
    server: &Arc<Server>,
    callers: &mut Callers,
    places: &Arc<Semaphore>,
    call: &Message,
) -> Option<Message> {
    let header = call.header();
    let sender = header.sender()?;
    // Nothing of it is read: that would hold up others.
    if call.body().len() > REQUEST_BYTES_MAX {
        let detail = format!("a request has at most {REQUEST_BYTES_MAX} bytes; send files as h");
        let failure = Failure::new(Code::RequestInvalid, detail);
        return turn_away(server, &header, None, failure);
    }
    let entered = callers.enter(OwnedUniqueName::from(sender.to_owned()));
    let weight = entered
        .as_ref()
        .and_then(|it| server.heavy.take(call, it.0.known_uid(), it.0.open_calls()));
    let uid = entered.as_ref().and_then(|it| it.0.known_uid());
    let place = Arc::clone(places).try_acquire_owned();
    let (Some(entered), Some(weight), Ok(place)) = (entered, weight, place) else {
        let failure = Failure::new(Code::TooManyCalls, "too many calls are open on the bus");
        return turn_away(server, &header, uid, failure);
    };
    let (server, call) = (Arc::clone(server), call.clone());
    tokio::spawn(async move {
        let _counted = place;
        tokio::select! {
            () = entered.0.gone.cancelled() => {}
            () = server.serve(&entered.0, &call, &weight) => {}
        }
        // What it weighs goes before its place does.
        drop(call);
        drop(weight);
    });
    None
}

/// Refuses a call that is not looked at. `uid`: whose it is, where that is known already; the bus is not asked, for that
/// takes a place too.
fn turn_away(
    server: &Server,
    header: &Header<'_>,
    uid: Option<u32>,
    failure: Failure,
) -> Option<Message> {
    PROCESS.calls_refused.count([failure.code.id()]);
    let who = uid.map_or_else(|| "bus".to_owned(), |uid| format!("uid:{uid}"));
    server.inside.gate.closed(&who, None, &failure);
    let wants_none = header.primary().flags().contains(Flags::NO_REPLY_EXPECTED);
    if wants_none {
        return None;
    }
    Refusal::from(failure).reply(header, false).ok()
}

/// By a task of its own, for half a message would break the line. Waits for its place only.
async fn send_refusal(server: &Arc<Server>, refusals: &Arc<Semaphore>, reply: Message) {
    let within = Duration::from_millis(REFUSAL_MS_MAX);
    let place = timeout(within, Arc::clone(refusals).acquire_owned()).await;
    let Ok(Ok(place)) = place else {
        tracing::debug!("the bus takes no refusals");
        return;
    };
    let server = Arc::clone(server);
    tokio::spawn(async move {
        let _place = place;
        if let Err(error) = server.bus.send(&reply).await {
            tracing::debug!(%error, "a refusal could not be sent");
        }
    });
}

/// Who left the bus, when this says so. Nobody but the bus can.
fn left(message: &Message) -> Option<String> {
    let header = message.header();
    let is_bus = header.sender().is_some_and(|sender| sender.as_str() == BUS);
    let is_it = header
        .member()
        .is_some_and(|member| member.as_str() == "NameOwnerChanged");
    if !is_bus || !is_it {
        return None;
    }
    let body = message.body();
    let (name, _, owner): (&str, &str, &str) = body.deserialize().ok()?;
    owner.is_empty().then(|| name.to_owned())
}

fn signals(changes: &Changes) -> zbus::Result<Vec<Message>> {
    let mut signals = Vec::new();
    for (path, values) in &changes.changed {
        let interface = match path.as_str() {
            ROOT_PATH => ROOT,
            _ => DEVICE,
        };
        let none: [&str; 0] = [];
        let signal = Message::signal(path.as_str(), PROPERTIES, "PropertiesChanged");
        signals.push(signal.build(&(interface, fields(values)?, none.as_slice()))?);
    }
    for (path, values) in &changes.added {
        let values = fields(values)?;
        let path = zbus::ObjectPath::try_from(path.as_str())?;
        let signal = Message::signal(ROOT_PATH, OBJECTS, "InterfacesAdded");
        signals.push(signal.build(&(path, BTreeMap::from([(DEVICE, values)])))?);
    }
    for path in &changes.removed {
        let path = zbus::ObjectPath::try_from(path.as_str())?;
        let signal = Message::signal(ROOT_PATH, OBJECTS, "InterfacesRemoved");
        signals.push(signal.build(&(path, [DEVICE].as_slice()))?);
    }
    Ok(signals)
}
