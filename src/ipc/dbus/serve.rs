//! One call from the bus: unpack, call, pack. What is answered often goes to the caller alone, as signals.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use prost::Message as _;
use prost_reflect::DynamicMessage;
use tokio::sync::watch;
use tonic::Status;
use zbus::message::{Flags, Header, Message};
use zbus::{Connection, Dict, Variant};

use super::callers::{Peer, Watch};
use super::catalogue::{Catalogue, Method, ROOT, ROOT_PATH};
use super::desk::Snapshot;
use super::error::{Refusal, is_not_allowed};
use super::places::Places;
use super::polkit::{self, Verdict};
use super::shape::{self, Fields};
use super::standard;
use super::words::Words;
use crate::book::Code;
use crate::ipc::access::{Caller, Operation};
use crate::ipc::call::Calls;
use crate::operation::Failure;

/// Bytes of one request. A hundred times a full bill; files come as descriptors.
const REQUEST_BYTES_MAX: usize = 1_024 * 1_024;
/// When the caller does not say how long it waits. Most libraries give up after 25 s.
const DEADLINE_MS: u32 = 20_000;
/// A longer wait is a mistake.
const DEADLINE_MS_MAX: u32 = 600_000;
/// How long the files of a request may take to be read.
const READING_MS_MAX: u64 = 10_000;
/// Keys of a request that are the door's, not the message's.
const DEADLINE_KEY: &str = "deadline_ms";
const SUBSCRIPTION_KEY: &str = "subscription";
const DETAILS_KEY: &str = "error_details";
const RESERVED: [&str; 3] = [DEADLINE_KEY, SUBSCRIPTION_KEY, DETAILS_KEY];

/// Everything that a call needs. One for a connection to the bus.
pub(super) struct Server {
    pub(super) bus: Connection,
    pub(super) calls: Calls,
    pub(super) desk: watch::Receiver<Snapshot>,
    reading: Arc<Places>,
}

/// What a caller wants besides its message.
struct Wants {
    deadline: Option<Duration>,
    subscription: Option<String>,
}

impl Server {
    pub(super) fn new(bus: Connection, calls: Calls, desk: watch::Receiver<Snapshot>) -> Self {
        Self {
            bus,
            calls,
            desk,
            reading: Arc::default(),
        }
    }

    /// Answers one call. Dropped when the caller leaves.
    pub(super) async fn serve(&self, peer: &Arc<Peer>, call: &Message) {
        let header = call.header();
        let method = method_of(&header);
        match method {
            Some(method) if method.streams => self.follow(peer, call, method).await,
            Some(method) => {
                let answered = self.unary(peer, call, method).await;
                let answered = answered.and_then(|dict| {
                    let reply = Message::method_return(&header).build(&dict);
                    reply.map_err(|error| broken(&error))
                });
                self.reply(call, answered).await;
            }
            None => {
                let answered = self.own(peer, &header, call);
                self.reply(call, answered).await;
            }
        }
    }

    /// Methods that are no operation.
    fn own(&self, peer: &Peer, header: &Header<'_>, call: &Message) -> Result<Message, Refusal> {
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
            _ => standard::answer(&self.desk.borrow(), header, call),
        }
    }

    async fn unary(
        &self,
        peer: &Arc<Peer>,
        call: &Message,
        method: &Method,
    ) -> Result<Fields, Refusal> {
        let (message, wants) = self.request(peer, call, method).await?;
        let deadline = wants
            .deadline
            .unwrap_or(Duration::from_millis(DEADLINE_MS.into()));
        let over = tokio::time::Instant::now() + deadline;
        let caller = self.caller(peer).await?;
        let asked = |caller, deadline| {
            let (message, path) = (message.clone(), &method.grpc_path);
            self.calls.unary(caller, path, message, Some(deadline))
        };
        let mut answered = asked(caller.clone(), deadline).await;
        if let Err(status) = &answered
            && let Some(granted) = self.granted(peer, call, method, status, deadline).await?
        {
            let left = over.saturating_duration_since(tokio::time::Instant::now());
            answered = asked(with(caller, granted), left).await;
        }
        let answer = answered.map_err(|status| Refusal::from(&status))?;
        given(method, answer)
    }

    /// Follows what the method tells to its end.
    async fn follow(&self, peer: &Arc<Peer>, call: &Message, method: &Method) {
        let header = call.header();
        let begun = self.begin(peer, call, method).await;
        let (watch, mut answers) = match begun {
            Ok(begun) => begun,
            Err(refusal) => return self.reply(call, Err(refusal)).await,
        };
        let reply = Message::method_return(&header).build(&watch.subscription);
        self.reply(call, reply.map_err(|error| broken(&error)))
            .await;
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
    ) -> Result<(Watch, BoxStream<'static, Result<Bytes, Status>>), Refusal> {
        let (message, wants) = self.request(peer, call, method).await?;
        let watch = subscribe(peer, wants.subscription)?;
        let caller = self.caller(peer).await?;
        let asked = |caller| {
            let (message, path) = (message.clone(), &method.grpc_path);
            self.calls.stream(caller, path, message, wants.deadline)
        };
        let mut begun = asked(caller.clone()).await;
        if let Err(status) = &begun {
            let at_most = wants.deadline.unwrap_or(Duration::MAX);
            if let Some(granted) = self.granted(peer, call, method, status, at_most).await? {
                begun = asked(with(caller, granted)).await;
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
        peer: &Peer,
        call: &Message,
        method: &Method,
    ) -> Result<(Bytes, Wants), Refusal> {
        let body = call.body();
        if body.len() > REQUEST_BYTES_MAX {
            let detail =
                format!("a request has at most {REQUEST_BYTES_MAX} bytes; send files as h");
            return Err(Failure::new(Code::RequestInvalid, detail).into());
        }
        if call.data().fds().is_empty() {
            return read(call, method);
        }
        let uid = self.uid(peer).await?;
        // Files may lie on a disk that takes its time.
        let (call, method) = (call.clone(), method.clone());
        let Some(place) = self.reading.take(uid) else {
            let detail = "too many files are being read";
            return Err(Failure::new(Code::TooManyCalls, detail).into());
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

    async fn uid(&self, peer: &Peer) -> Result<u32, Refusal> {
        peer.uid(&self.bus).await.ok_or_else(|| {
            let detail = "the bus does not say whose the connection is";
            Failure::new(Code::NotAllowed, detail).into()
        })
    }

    async fn caller(&self, peer: &Peer) -> Result<Caller, Refusal> {
        Ok(Caller::Bus {
            uid: self.uid(peer).await?,
            name: peer.name.to_string(),
            granted: &[],
        })
    }

    /// What polkit adds for this call, when the table of rights said no to a dangerous operation.
    async fn granted(
        &self,
        peer: &Peer,
        call: &Message,
        method: &Method,
        status: &Status,
        at_most: Duration,
    ) -> Result<Option<&'static [Operation]>, Refusal> {
        let Some(action) = polkit::action(&method.name).filter(|_| is_not_allowed(status)) else {
            return Ok(None);
        };
        let flags = call.primary_header().flags();
        let may_ask_person = flags.contains(Flags::ALLOW_INTERACTIVE_AUTH);
        let name = peer.name.as_str();
        let verdict = polkit::ask(&self.bus, name, action, may_ask_person, at_most).await;
        tracing::info!(
            caller = name,
            action = action.id,
            ?verdict,
            "polkit was asked"
        );
        match verdict {
            Verdict::Yes => Ok(Some(action.grants)),
            Verdict::No | Verdict::WouldAsk | Verdict::Nothing => {
                let detail = format!(
                    "the table of rights does not allow it; {} ({})",
                    verdict.words(),
                    action.id
                );
                Err(Failure::new(Code::NotAllowed, detail).into())
            }
        }
    }

    async fn reply(&self, call: &Message, answered: Result<Message, Refusal>) {
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

fn read(call: &Message, method: &Method) -> Result<(Bytes, Wants), Refusal> {
    let body = call.body();
    let fields = match body.signature().to_string().as_str() {
        "" => BTreeMap::new(),
        _ => {
            let fields: Result<BTreeMap<&str, Variant<'_>>, _> = body.deserialize();
            fields.map_err(|_| not_these_arguments("a{sv}"))?
        }
    };
    let dict = Dict::from(fields);
    let wants = wants(&dict)?;
    let message = shape::take(&method.input, &dict, &RESERVED)?;
    Ok((message.encode_to_vec().into(), wants))
}

fn wants(dict: &Dict<'_, '_>) -> Result<Wants, Refusal> {
    let mut wants = Wants {
        deadline: None,
        subscription: None,
    };
    for (key, value) in dict.iter() {
        let Variant::Str(key) = key else {
            continue;
        };
        let value = shape::bare(value);
        if key.as_str() == DEADLINE_KEY {
            let ms: Option<u32> =
                shape::integer(value).filter(|ms| (1..=DEADLINE_MS_MAX).contains(ms));
            let ms =
                ms.ok_or_else(|| of_key(DEADLINE_KEY, &format!("must be 1 to {DEADLINE_MS_MAX}")))?;
            wants.deadline = Some(Duration::from_millis(ms.into()));
        } else if key.as_str() == SUBSCRIPTION_KEY {
            let name = shape::text(value).filter(|name| is_name(name));
            let wrong = "must be 1 to 64 of A-Z a-z 0-9 . _ -";
            let name = name.ok_or_else(|| of_key(SUBSCRIPTION_KEY, wrong))?;
            wants.subscription = Some(name.to_owned());
        }
    }
    Ok(wants)
}

/// Whether an error may have more arguments than GLib shows.
fn wants_details(call: &Message) -> bool {
    let body = call.body();
    let fields: Result<BTreeMap<&str, Variant<'_>>, _> = body.deserialize();
    fields.is_ok_and(|fields| fields.get(DETAILS_KEY) == Some(&Variant::Bool(true)))
}

fn is_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    (1..=64).contains(&name.len()) && name.bytes().all(fits)
}

fn subscribe(peer: &Arc<Peer>, name: Option<String>) -> Result<Watch, Refusal> {
    static MADE: AtomicU64 = AtomicU64::new(1);
    let name = name.unwrap_or_else(|| format!("watch-{}", MADE.fetch_add(1, Ordering::Relaxed)));
    let taken = || of_key(SUBSCRIPTION_KEY, "is the name of one that you have already");
    peer.watch(&name).ok_or_else(taken)
}

fn with(caller: Caller, more: &'static [Operation]) -> Caller {
    match caller {
        Caller::Bus { uid, name, .. } => Caller::Bus {
            uid,
            name,
            granted: more,
        },
        other @ (Caller::Uid { .. } | Caller::Token { .. } | Caller::Certificate { .. }) => other,
    }
}

fn given(method: &Method, answer: Bytes) -> Result<Fields, Refusal> {
    let unreadable = |_| Refusal::from(Failure::new(Code::Internal, "the answer is no message"));
    let answer = DynamicMessage::decode(method.output.clone(), answer).map_err(unreadable)?;
    shape::give(&answer).map_err(|error| broken(&error))
}

fn argument<T>(call: &Message) -> Result<T, Refusal>
where
    T: serde::de::DeserializeOwned + zbus::Type,
{
    call.body()
        .deserialize()
        .map_err(|_| not_these_arguments(&T::SIGNATURE.to_string()))
}

pub(super) fn not_these_arguments(signature: &str) -> Refusal {
    Refusal::standard(
        "InvalidArgs",
        format!("the arguments must be ({signature})"),
    )
}

fn of_key(key: &str, what: &str) -> Refusal {
    let failure = Failure {
        fields: vec![key.to_owned()],
        ..Failure::new(Code::RequestInvalid, format!("{key}: {what}"))
    };
    failure.into()
}

/// The bus cannot carry it.
pub(super) fn broken(error: &zbus::Error) -> Refusal {
    Failure::new(
        Code::Internal,
        format!("the answer cannot be sent: {error}"),
    )
    .into()
}

impl From<shape::Wrong> for Refusal {
    fn from(wrong: shape::Wrong) -> Self {
        let code = match wrong.unknown {
            true => Code::UnknownField,
            false => Code::RequestInvalid,
        };
        let failure = Failure {
            detail: format!("{}: {}", wrong.path, wrong.what),
            fields: vec![wrong.path],
            code,
        };
        failure.into()
    }
}
