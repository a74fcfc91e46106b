//! One call from the bus: unpack, call, pack. What is answered often goes to the caller alone, as signals.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use prost_reflect::DynamicMessage;
use tokio::sync::watch;
use tonic::Status;
use zbus::Connection;
use zbus::message::{Flags, Header, Message};

use super::callers::{Credentials, Peer, Watch};
use super::catalogue::{Catalogue, Method, ROOT, ROOT_PATH};
use super::desk::Snapshot;
use super::door::CALLS_MAX;
use super::error::{Refusal, is_not_allowed};
use super::heavy::{Heavy, Weight};
use super::places::{Place, Places};
use super::polkit::{self, Verdict};
use super::request::{SUBSCRIPTION_KEY, Wants, argument, of_key, read, wants_details};
use super::shape::{self, Fields};
use super::standard;
use super::words::Words;
use crate::book::Code;
use crate::ipc::access::{self, Caller, Grant};
use crate::ipc::call::Calls;
use crate::ipc::grpc::{Gate, Pass, Refused};
use crate::operation::{Failure, Operations};

/// When the caller does not say how long it waits. Most libraries give up after 25 s.
const DEADLINE_MS: u64 = 20_000;
/// How long the files of a request may take to be read.
const READING_MS_MAX: u64 = 10_000;
/// Calls of one user that are begun, of those that the door has room for; more are refused at once. Of these only so
/// many as at any door are read, the others wait for a short time.
const CALLS_PER_USER_MAX: usize = 512;
/// Requests whose files are read at once. A disk that hangs holds its own place only.
const READING_MAX: usize = 8;
const READING_PER_USER_MAX: usize = 2;
/// Questions to polkit at once. It may be silent for as long as it is waited for.
const QUESTIONS_MAX: usize = 64;
const QUESTIONS_PER_USER_MAX: usize = 2;
/// Of these, such as put a dialog before a person.
const PERSONS_PER_USER_MAX: usize = 1;

/// Methods of ours that are no operation.
const OWN: [&str; 2] = ["StopWatching", "Describe"];

/// Everything that a call needs. One for a connection to the bus.
pub(super) struct Server {
    pub(super) bus: Connection,
    pub(super) desk: watch::Receiver<Snapshot>,
    pub(super) inside: Inside,
    pub(super) heavy: Heavy,
    begun: Arc<Places>,
    reading: Arc<Places>,
    questions: Arc<Places>,
    persons: Arc<Places>,
}

/// What the door leads to.
#[derive(Clone)]
pub(super) struct Inside {
    /// The methods.
    pub(super) calls: Calls,
    /// What counts callers, as at every door.
    pub(super) gate: Gate,
    /// The desk itself.
    pub(super) operations: Operations,
}

/// Who calls, counted.
struct Entered {
    caller: Caller,
    /// Until the request is taken whole and its answer begins.
    request: Pass,
    _begun: Place,
}

/// A call that polkit may be asked about.
struct Asking<'a> {
    peer: &'a Peer,
    caller: &'a Caller,
    call: &'a Message,
    method: &'a Method,
}

impl Server {
    pub(super) fn new(bus: Connection, inside: Inside, desk: watch::Receiver<Snapshot>) -> Self {
        Self {
            bus,
            desk,
            inside,
            heavy: Heavy::new(),
            begun: Places::new(CALLS_MAX, CALLS_PER_USER_MAX),
            reading: Places::new(READING_MAX, READING_PER_USER_MAX),
            questions: Places::new(QUESTIONS_MAX, QUESTIONS_PER_USER_MAX),
            persons: Places::new(QUESTIONS_MAX, PERSONS_PER_USER_MAX),
        }
    }

    /// Answers one call. Dropped when the caller leaves.
    pub(super) async fn serve(&self, peer: &Arc<Peer>, call: &Message, weight: &Weight) {
        let header = call.header();
        let method = method_of(&header);
        let entered = match self.enter(peer, method, weight).await {
            Ok(entered) => entered,
            Err(refusal) => return self.reply(None, call, Err(refusal)).await,
        };
        match method {
            Some(method) if method.streams => self.follow(peer, call, method, entered).await,
            Some(method) => {
                let answered = self.unary(peer, call, method, &entered.caller).await;
                let answered = answered.and_then(|dict| {
                    let reply = Message::method_return(&header).build(&dict);
                    reply.map_err(|error| broken(&error))
                });
                self.reply(Some(&entered.caller), call, answered).await;
            }
            None => {
                let caller = &entered.caller;
                let answered = self.own(peer, caller, &header, call);
                self.reply(Some(caller), call, answered).await;
            }
        }
    }

    /// Says who calls, waits for its turn and counts its request, as every door does before it reads one.
    async fn enter(
        &self,
        peer: &Peer,
        method: Option<&Method>,
        weight: &Weight,
    ) -> Result<Entered, Refusal> {
        let operation = method.map(|method| method.name.as_str());
        let Some(Credentials { uid, groups }) = peer.credentials(&self.bus).await else {
            let detail = "the bus does not say whose the connection is";
            let failure = Failure::new(Code::NotAllowed, detail);
            self.inside.gate.closed("bus", None, &failure);
            return Err(Refusal::told(&failure));
        };
        let caller = Caller::Bus {
            uid,
            groups,
            name: peer.name.to_string(),
            grant: Grant::Nothing,
        };
        if !self.heavy.is_in_share(weight, uid) {
            let detail =
                format!("{caller} has too many calls with files or large bodies on the bus");
            return Err(self.too_many(&caller, operation, detail));
        }
        let Some(begun) = self.begun.take(uid) else {
            let most = self.begun.per_user_max();
            let detail = format!("{caller} has {most} calls on the bus");
            return Err(self.too_many(&caller, operation, detail));
        };
        match self.inside.gate.enter(&caller).await {
            Ok(request) => Ok(Entered {
                caller,
                request,
                _begun: begun,
            }),
            Err(failure) => Err(self.refuse(&caller, operation, &failure)),
        }
    }

    fn too_many(&self, caller: &Caller, operation: Option<&str>, detail: String) -> Refusal {
        self.refuse(caller, operation, &Failure::new(Code::TooManyCalls, detail))
    }

    /// A refusal that is the door's own.
    fn refuse(&self, caller: &Caller, operation: Option<&str>, failure: &Failure) -> Refusal {
        self.inside.gate.refused(&Refused {
            who: &caller.to_string(),
            caller: Some(caller),
            operation,
            failure,
        });
        Refusal::told(failure)
    }

    /// Methods that are no operation.
    fn own(
        &self,
        peer: &Peer,
        caller: &Caller,
        header: &Header<'_>,
        call: &Message,
    ) -> Result<Message, Refusal> {
        let path = header.path().map_or("", |path| path.as_str());
        let interface = header.interface().map(|name| name.as_str());
        let member = header.member().map_or("", |name| name.as_str());
        let is_root = path == ROOT_PATH;
        let known = |name: &str| {
            Catalogue::get()
                .interface(name)
                .is_some_and(|i| i.streams())
        };
        match (member, interface) {
            ("StopWatching", interface) if is_root && interface.is_none_or(known) => {
                let subscription: String = argument(call)?;
                if !peer.stop_watching(&subscription) {
                    let detail = "there is no subscription of this name";
                    return Err(Failure::new(Code::NotFound, detail).into());
                }
                let reply = Message::method_return(header).build(&());
                reply.map_err(|error| broken(&error))
            }
            ("Describe", None | Some(ROOT)) if is_root => {
                let name: String = argument(call)?;
                let Some(text) = Words::read().describe(&name) else {
                    let detail = "there is no message or enum of this name";
                    return Err(Failure::new(Code::NotFound, detail).into());
                };
                let reply = Message::method_return(header).build(&text);
                reply.map_err(|error| broken(&error))
            }
            _ => {
                if let Some(operation) = standard::operation(member, path) {
                    let seen = self.inside.gate.may_see(caller, operation);
                    seen.map_err(|no| self.refuse(caller, Some(operation.name()), &no))?;
                }
                standard::answer(&self.desk.borrow(), header, call)
            }
        }
    }

    async fn unary(
        &self,
        peer: &Arc<Peer>,
        call: &Message,
        method: &Method,
        caller: &Caller,
    ) -> Result<Fields, Refusal> {
        let (message, wants) = self.request(caller, call, method).await?;
        let deadline = wants.deadline.unwrap_or(Duration::from_millis(DEADLINE_MS));
        let over = tokio::time::Instant::now() + deadline;
        let asked = |grant, deadline| {
            let (message, path) = (message.clone(), &method.grpc_path);
            let caller = with(caller, grant);
            (self.inside.calls).unary(caller, path, message, Some(deadline))
        };
        let mut answered = asked(first_word(method), deadline).await;
        if let Err(status) = &answered {
            let asking = Asking {
                peer,
                caller,
                call,
                method,
            };
            if let Some(granted) = self.granted(&asking, status, deadline).await? {
                let left = over.saturating_duration_since(tokio::time::Instant::now());
                answered = asked(granted, left).await;
            }
        }
        let answer = answered.map_err(|status| Refusal::from(&status))?;
        given(method, answer)
    }

    /// Follows what the method tells to its end.
    async fn follow(&self, peer: &Arc<Peer>, call: &Message, method: &Method, entered: Entered) {
        let header = call.header();
        let begun = self.begin(peer, call, method, &entered.caller).await;
        drop(entered.request);
        let caller = Some(&entered.caller);
        let (watch, mut answers) = match begun {
            Ok(begun) => begun,
            Err(refusal) => return self.reply(caller, call, Err(refusal)).await,
        };
        let reply = Message::method_return(&header).build(&watch.subscription);
        let reply = reply.map_err(|error| broken(&error));
        self.reply(caller, call, reply).await;
        let interface = interface_of(method);
        let ended = loop {
            let answer = tokio::select! {
                () = watch.stop.cancelled() => break Ok(()),
                answer = answers.next() => answer,
            };
            let told = match answer {
                None => break Ok(()),
                Some(Err(status)) => break Err(Refusal::from(&status)),
                Some(Ok(answer)) => given(method, answer),
            };
            match told {
                Ok(answer) => {
                    let body = (&watch.subscription, answer);
                    self.signal(peer, &interface, "Progress", &body).await;
                }
                Err(refusal) => break Err(refusal),
            }
        };
        let end = match ended {
            Ok(()) => (String::new(), String::new(), Fields::new()),
            Err(refusal) => (refusal.name, refusal.text, refusal.details),
        };
        let body = (&watch.subscription, end.0, end.1, end.2);
        self.signal(peer, &interface, "Ended", &body).await;
    }

    async fn begin(
        &self,
        peer: &Arc<Peer>,
        call: &Message,
        method: &Method,
        caller: &Caller,
    ) -> Result<(Watch, BoxStream<'static, Result<Bytes, Status>>), Refusal> {
        let (message, wants) = self.request(caller, call, method).await?;
        let watch = subscribe(peer, wants.subscription)?;
        let asked = |grant| {
            let (message, path) = (message.clone(), &method.grpc_path);
            let caller = with(caller, grant);
            (self.inside.calls).stream(caller, path, message, wants.deadline)
        };
        let mut begun = asked(first_word(method)).await;
        if let Err(status) = &begun {
            let at_most = wants.deadline.unwrap_or(Duration::MAX);
            let asking = Asking {
                peer,
                caller,
                call,
                method,
            };
            if let Some(granted) = self.granted(&asking, status, at_most).await? {
                begun = asked(granted).await;
            }
        }
        match begun {
            Ok(answers) => Ok((watch, answers)),
            Err(status) => Err(Refusal::from(&status)),
        }
    }

    /// The message in protobuf, and what stands beside it.
    async fn request(
        &self,
        caller: &Caller,
        call: &Message,
        method: &Method,
    ) -> Result<(Bytes, Wants), Refusal> {
        if call.data().fds().is_empty() {
            return read(call, method);
        }
        // Files may lie on a disk that takes its time.
        let (call, method) = (call.clone(), method.clone());
        let place = caller.local_uid().and_then(|uid| self.reading.take(uid));
        let Some(place) = place else {
            let detail = "too many files are being read".to_owned();
            return Err(self.too_many(caller, None, detail));
        };
        let reading = tokio::task::spawn_blocking(move || {
            let _held = place;
            read(&call, &method)
        });
        match tokio::time::timeout(Duration::from_millis(READING_MS_MAX), reading).await {
            Ok(Ok(taken)) => taken,
            Ok(Err(_)) | Err(_) => {
                let detail = "the files of the request could not be read in time";
                Err(Failure::new(Code::RequestInvalid, detail).into())
            }
        }
    }

    /// What polkit adds for this call, when the table of rights said no to a dangerous operation.
    async fn granted(
        &self,
        asking: &Asking<'_>,
        status: &Status,
        at_most: Duration,
    ) -> Result<Option<Grant>, Refusal> {
        let Asking { caller, method, .. } = asking;
        let Some(action) = access::action(&method.name).filter(|_| is_not_allowed(status)) else {
            return Ok(None);
        };
        let operation = action.grants.first().map(|operation| operation.name());
        let flags = asking.call.primary_header().flags();
        let may_ask_person = flags.contains(Flags::ALLOW_INTERACTIVE_AUTH);
        let places = match may_ask_person {
            true => vec![&self.questions, &self.persons],
            false => vec![&self.questions],
        };
        let uid = caller.local_uid().unwrap_or(u32::MAX);
        let held: Result<Vec<Place>, usize> = places
            .into_iter()
            .map(|places| places.take(uid).ok_or_else(|| places.per_user_max()))
            .collect();
        let _held = held.map_err(|most| {
            let detail = format!("polkit is being asked about {most} of this user's calls already");
            self.too_many(caller, operation, detail)
        })?;
        let name = asking.peer.name.as_str();
        let verdict = polkit::ask(&self.bus, name, action, may_ask_person, at_most).await;
        tracing::debug!(%caller, bus_name = name, action = action.id, ?verdict, "polkit was asked");
        match verdict {
            Verdict::Yes => {
                let who = caller.to_string();
                tracing::info!(
                    caller = who,
                    bus_name = name,
                    operation = method.name,
                    action = action.id,
                    "polkit allows it"
                );
                let operations = &self.inside.operations;
                (operations.note_grant(&who, name, action.id, &method.name)).await;
                Ok(Some(Grant::Given(action.grants)))
            }
            Verdict::No | Verdict::WouldAsk | Verdict::Nothing => {
                let detail = format!(
                    "the table of rights does not allow it; {} ({})",
                    verdict.words(),
                    action.id
                );
                let failure = Failure::new(Code::NotAllowed, detail);
                Err(self.refuse(caller, operation, &failure))
            }
        }
    }

    async fn reply(
        &self,
        caller: Option<&Caller>,
        call: &Message,
        answered: Result<Message, Refusal>,
    ) {
        if let (Some(caller), Err(refusal)) = (caller, &answered) {
            self.tell(caller, &call.header(), refusal);
        }
        if call
            .primary_header()
            .flags()
            .contains(Flags::NO_REPLY_EXPECTED)
        {
            return;
        }
        let reply = match answered {
            Ok(reply) => Ok(reply),
            Err(refusal) => refusal.reply(&call.header(), wants_details(call)),
        };
        let sent = match &reply {
            Ok(reply) => self.bus.send(reply).await,
            Err(error) => Err(error.clone()),
        };
        if let Err(error) = sent {
            tracing::debug!(%error, "a reply could not be sent");
        }
    }

    /// Tells the log of what the door itself refuses.
    fn tell(&self, caller: &Caller, header: &Header<'_>, refusal: &Refusal) {
        let Some(failure) = &refusal.untold else {
            return;
        };
        let member = header.member().map_or("", |name| name.as_str());
        let operation = match method_of(header) {
            Some(method) => Some(method.name.as_str()),
            None => OWN.into_iter().find(|name| *name == member),
        };
        self.inside.gate.answered(&Refused {
            who: &caller.to_string(),
            caller: Some(caller),
            operation: operation.or_else(|| standard::method(member)),
            failure,
        });
    }

    /// To this caller alone.
    async fn signal<B>(&self, peer: &Peer, interface: &str, name: &str, body: &B)
    where
        B: serde::Serialize + zbus::DynamicType + Sync,
    {
        let signal = Message::signal(ROOT_PATH, interface, name).destination(peer.name.as_str());
        let sent = match signal.build(body) {
            Ok(signal) => self.bus.send(&signal).await,
            Err(error) => Err(error),
        };
        if let Err(error) = sent {
            tracing::debug!(%error, "a signal could not be sent");
        }
    }
}

/// The operation that is called, if it is one.
fn method_of(header: &Header<'_>) -> Option<&'static Method> {
    if header.path()?.as_str() != ROOT_PATH {
        return None;
    }
    let interface = header.interface().map(|name| name.as_str());
    Catalogue::get().method(interface, header.member()?.as_str())
}

fn interface_of(method: &Method) -> String {
    let service = method.descriptor.parent_service().name();
    format!(
        "{ROOT}.{}",
        service.strip_suffix("Service").unwrap_or(service)
    )
}

fn subscribe(peer: &Arc<Peer>, name: Option<String>) -> Result<Watch, Refusal> {
    static MADE: AtomicU64 = AtomicU64::new(1);
    let name = name.unwrap_or_else(|| format!("watch-{}", MADE.fetch_add(1, Ordering::Relaxed)));
    let taken = || of_key(SUBSCRIPTION_KEY, "is the name of one that you have already");
    peer.watch(&name).ok_or_else(taken)
}

/// A caller with what polkit has to do with this call.
fn with(caller: &Caller, now: Grant) -> Caller {
    let mut caller = caller.clone();
    if let Caller::Bus { grant, .. } = &mut caller {
        *grant = now;
    }
    caller
}

/// Whether polkit is asked when the table says no.
fn first_word(method: &Method) -> Grant {
    access::action(&method.name).map_or(Grant::Nothing, |_| Grant::Asked)
}

fn given(method: &Method, answer: Bytes) -> Result<Fields, Refusal> {
    let unreadable = |_| Refusal::from(Failure::new(Code::Internal, "the answer is no message"));
    let answer = DynamicMessage::decode(method.output.clone(), answer).map_err(unreadable)?;
    shape::give(&answer).map_err(|error| broken(&error))
}

/// The bus cannot carry it.
pub(super) fn broken(error: &zbus::Error) -> Refusal {
    Failure::new(
        Code::Internal,
        format!("the answer cannot be sent: {error}"),
    )
    .into()
}
