//! How much one caller may have open at once. A greedy caller hurts only itself.

mod streams;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use http::HeaderMap;
use tonic::body::Body;
use tonic::{Request, Status};

use super::bodies::{self, Bodies, Weight as BodyWeight};
use super::pace::Pace;
use super::refusals::{Refusals, Refused, Weight};
use crate::book::Code;
use crate::ipc::access::{Caller, Operation, Policy};
use crate::ipc::convert::error;
use crate::ipc::tcp::{Peer, Tokens};
use crate::observe::metrics::{Level, PROCESS};
use crate::operation::{CallerId, Failure};
pub(super) use streams::Followed;
use streams::Streams;

/// Requests of one caller that are read beyond the calls it may have open, so that it is told what is wrong.
const REQUESTS_MORE: u32 = 16;
/// A caller that asked for more than it may is slowed down until it was quiet for so long.
const SLOWED_S: u64 = 1;
/// Its requests are then taken one by one, so far apart, so that a flood takes little from others.
const SLOWED_APART_MS: u64 = 10;
/// None of them waits longer.
const SLOWED_WAIT_S_MAX: u64 = 2;
/// Calls within a second that its rights forbid, before a caller is slowed down too: a program may be wrong now and
/// then.
const REFUSALS_FREE: u32 = 10;
/// Connections of one caller.
const CONNECTIONS_PER_CALLER_MAX: u32 = 64;
/// Connections of all callers.
const CONNECTIONS_MAX: u32 = 256;
/// Of these, kept for root and the owner of the socket: whoever looks after a desk gets in when it is full.
const CONNECTIONS_KEPT: u32 = 16;
/// Connections over TCP, of all callers: those of this machine's own socket have places that nobody takes from them.
const CONNECTIONS_TCP_MAX: u32 = 128;
/// Of these, those that showed no token that is known: of all, and of one user or address.
const UNPROVEN_MAX: u32 = 96;
const UNPROVEN_OF_ONE_MAX: u32 = 32;
/// What is told in place of a name in a certificate that the configuration does not know: it may be a person's.
const UNNAMED: &str = "(unnamed)";
/// Connections over these that are told why they cannot stay, all callers together; others are closed without a word.
const REFUSALS_MAX: u32 = 64;
/// The place of one of them is free again after so long, however soon it went: who connects again and again is slow.
const REFUSAL_MS_MIN: u64 = 250;

/// The entrance: counts connections and calls, and asks the policy. One for all connections of a door.
#[derive(Clone)]
pub(in crate::ipc) struct Gate {
    rights: Rights,
    open: Arc<Mutex<Open>>,
    refusals: Arc<Refusals>,
    bodies: Bodies,
    pace: Pace,
}

/// Who may do what and how much at once, as it is now; shared by all who ask it.
#[derive(Clone)]
pub struct Rights {
    now: Arc<ArcSwap<Said>>,
    streams: Streams,
}

/// What the configuration said of it: who the callers over TCP are as well, so that a token never has the role of
/// another of its name.
pub struct Said {
    policy: Policy,
    calls_per_caller_max: u32,
    tokens: Tokens,
}

impl Said {
    pub(in crate::ipc) fn new(policy: Policy, calls_per_caller_max: u32) -> Self {
        Self {
            policy,
            calls_per_caller_max,
            tokens: Tokens::default(),
        }
    }

    /// The same with tokens that may call.
    pub(in crate::ipc) fn with_tokens(self, tokens: Tokens) -> Self {
        Self { tokens, ..self }
    }

    /// The same, in use: its tokens are looked at while somebody holds it, and the log is told of those that cannot be
    /// used.
    ///
    /// # Errors
    /// There is no thread for it.
    pub fn followed(self) -> io::Result<Self> {
        self.tell_unused_tokens();
        let tokens = self.tokens.followed()?;
        Ok(Self { tokens, ..self })
    }

    /// The log is told of tokens that cannot be used.
    pub fn tell_unused_tokens(&self) {
        self.tokens.tell_unused();
    }

    /// Whether this caller may do that as it is now, and as whom.
    fn admits(&self, caller: Option<&Caller>, operation: Operation) -> Result<CallerId, Failure> {
        let nobody = || Failure::new(Code::NotAllowed, "the connection has no credentials");
        let caller = caller.ok_or_else(nobody)?;
        // Between its head and its body a request may wait for longer than a token or a configuration lasts.
        if !self.tokens.still_know(caller) {
            let detail = "the token by which this was called is none of this desk's any more";
            return Err(Failure::new(Code::TokenRefused, detail));
        }
        self.policy.admit(caller, operation)
    }
}

impl Rights {
    /// What is asked after this is decided by that, also on connections that are open; streams that it forbids end.
    pub fn change(&self, said: Said) {
        PROCESS.calls_per_caller_max.set(said.calls_per_caller_max);
        self.now.store(Arc::new(said));
        self.look_again();
    }
}

#[derive(Default)]
struct Open {
    connections: BTreeMap<String, u32>,
    unproven: BTreeMap<String, u32>,
    refusals: BTreeMap<String, u32>,
    requests: BTreeMap<String, u32>,
    calls: BTreeMap<String, u32>,
    /// Who asked for more than it may, and until when it is slowed down.
    slowed: BTreeMap<String, Slowed>,
    /// How often somebody asked for what it has no right to, within the second that began then.
    forbidden: BTreeMap<String, (Instant, u32)>,
}

struct Slowed {
    until: Instant,
    /// When its last request that waits is taken.
    last: Instant,
}

/// What is counted while it lives.
pub(in crate::ipc) struct Pass {
    open: Arc<Mutex<Open>>,
    kind: Kind,
    who: String,
}

/// The place of a connection over TCP, until it is dropped.
pub(in crate::ipc) struct Place {
    _pass: Arc<Pass>,
    /// Until it showed a token that is known.
    unproven: Mutex<Option<Pass>>,
}

impl Place {
    /// Of one that is only told why it cannot stay, or that proved who it is.
    pub(in crate::ipc) fn of(pass: Arc<Pass>) -> Self {
        Self {
            _pass: pass,
            unproven: Mutex::default(),
        }
    }

    /// It showed a token that is known.
    pub(in crate::ipc) fn prove(&self) {
        let mut unproven = self.unproven.lock().unwrap_or_else(PoisonError::into_inner);
        drop(unproven.take());
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Place")
    }
}

/// The source of a status of which the log was told here, or is told when polkit has had its say.
#[derive(Debug, thiserror::Error)]
#[error("the gate refused it")]
pub(in crate::ipc) struct Heard;

#[derive(Clone, Copy)]
enum Kind {
    Connection,
    Unproven,
    Refusal,
    Request,
    Call,
}

impl Gate {
    pub(super) fn new(said: Said) -> Self {
        PROCESS.calls_per_caller_max.set(said.calls_per_caller_max);
        PROCESS.connections_max.set(CONNECTIONS_MAX);
        let of_one = &PROCESS.connections_per_caller_max;
        of_one.set(CONNECTIONS_PER_CALLER_MAX);
        Self {
            rights: Rights {
                now: Arc::new(ArcSwap::from_pointee(said)),
                streams: Streams::default(),
            },
            open: Arc::default(),
            refusals: Arc::default(),
            bodies: Bodies::default(),
            pace: Pace::default(),
        }
    }

    /// What it decides by.
    pub(super) fn rights(&self) -> Rights {
        self.rights.clone()
    }

    /// Who calls by TCP.
    ///
    /// # Errors
    /// `TOKEN_REFUSED`.
    pub(in crate::ipc) fn caller(
        &self,
        peer: &Peer,
        headers: &HeaderMap,
    ) -> Result<Caller, Failure> {
        let said = self.rights.now.load();
        let Some(subject) = &peer.certificate else {
            return said.tokens.caller(peer, headers);
        };
        let subject = match said.policy.names_certificate(subject) {
            true => subject.clone(),
            false => UNNAMED.to_owned(),
        };
        Ok(Caller::Certificate { subject })
    }

    /// Counts a connection; none: the caller, or everybody, has too many.
    pub(super) fn connect(&self, caller: &Caller) -> Option<Pass> {
        let kept = match self.rights.now.load().policy.is_own(caller) {
            true => 0,
            false => CONNECTIONS_KEPT,
        };
        self.count_connection(caller.to_string(), kept)
    }

    /// Counts a connection over TCP of somebody who shows a token with each call, and none yet.
    pub(in crate::ipc) fn connect_unproven(&self, who: String) -> Option<Place> {
        let all: u32 = lock(&self.open).unproven.values().sum();
        if all >= UNPROVEN_MAX {
            return None;
        }
        let unproven = self.count(Kind::Unproven, who.clone(), UNPROVEN_OF_ONE_MAX)?;
        Some(Place {
            unproven: Mutex::new(Some(unproven)),
            ..self.connect_remote(who)?
        })
    }

    /// Counts a connection over TCP.
    pub(in crate::ipc) fn connect_remote(&self, who: String) -> Option<Place> {
        let open = lock(&self.open);
        let over_tcp = open.connections.iter().filter(|(who, _)| is_over_tcp(who));
        let over_tcp: u32 = over_tcp.map(|(_, count)| count).sum();
        drop(open);
        if over_tcp >= CONNECTIONS_TCP_MAX {
            return None;
        }
        let pass = self.count_connection(who, CONNECTIONS_KEPT)?;
        Some(Place::of(Arc::new(pass)))
    }

    fn count_connection(&self, who: String, kept: u32) -> Option<Pass> {
        let total: u32 = lock(&self.open).connections.values().sum();
        if total >= CONNECTIONS_MAX - kept {
            return None;
        }
        self.count(Kind::Connection, who, CONNECTIONS_PER_CALLER_MAX)
    }

    /// The body of a request, counted as it comes. What weighs it is dropped when nothing of it is held any more.
    pub(in crate::ipc) fn weigh(
        &self,
        caller: &Caller,
        path: &str,
        body: Body,
    ) -> (Body, BodyWeight) {
        let said = self.rights.now.load();
        let may = |operation| said.policy.may(caller, operation);
        let most = bodies::length_max(path, may);
        self.bodies.weigh(caller.to_string(), path, most, body)
    }

    /// Counts a connection that is one too many; a place for it to be told so, none: too many are told already.
    pub(in crate::ipc) fn refuse_connection(
        &self,
        who: &str,
        caller: Option<&Caller>,
    ) -> Option<Arc<Pass>> {
        PROCESS.connections_refused.count([]);
        let detail = "too many connections; one was refused";
        self.closed(who, caller, &Failure::new(Code::TooManyCalls, detail));
        let pass = self.count(Kind::Refusal, String::new(), REFUSALS_MAX)?;
        let pass = Arc::new(pass);
        let held = Arc::clone(&pass);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(REFUSAL_MS_MIN)).await;
            drop(held);
        });
        Some(pass)
    }

    /// Waits for the caller's turn and counts its request before that is read.
    ///
    /// # Errors
    /// `TOO_MANY_CALLS`, of which [`Gate::refused`] is to be told.
    pub(in crate::ipc) async fn enter(&self, caller: &Caller) -> Result<Pass, Failure> {
        if let Some(pause) = self.pause_of(&caller.to_string()) {
            tokio::time::sleep(pause).await;
        }
        let most = self.rights.now.load().calls_per_caller_max;
        let most = most.saturating_add(REQUESTS_MORE);
        let pass = self.count(Kind::Request, caller.to_string(), most);
        pass.ok_or_else(|| {
            let detail = format!("{caller} has {most} requests open");
            Failure::new(Code::TooManyCalls, detail)
        })
    }

    /// Answers a request in its caller's turn.
    pub(in crate::ipc) async fn in_turn<T>(
        &self,
        caller: &Caller,
        answer: impl Future<Output = T>,
    ) -> T {
        self.pace.take(caller.to_string(), answer).await
    }

    /// A call was refused for good: the log is told, it is counted, and who asks for more than it may, or again and
    /// again for what it has no right to, is slowed down.
    pub(in crate::ipc) fn refused(&self, refused: &Refused<'_>) {
        let code = refused.failure.code;
        // Who is turned away at the door waits there: others may share its line.
        let is_known = refused.caller.is_some() && refused.operation.is_some();
        let is_forbidden = code == Code::NotAllowed && is_known;
        let is_greedy =
            code == Code::TooManyCalls || is_forbidden && self.is_forbidden_often(refused.who);
        if is_greedy {
            self.slow(refused.who.to_owned());
        }
        self.refusals.tell(refused, Weight::Rights);
        PROCESS.calls_refused.count([refused.failure.code.id()]);
    }

    /// A call that was wrong, or came to nothing, was answered: the log is told.
    pub(in crate::ipc) fn answered(&self, refused: &Refused<'_>) {
        self.refusals.tell(refused, Weight::Answer);
    }

    /// A connection was closed at once: the log is told, as of calls.
    pub(in crate::ipc) fn closed(&self, who: &str, caller: Option<&Caller>, failure: &Failure) {
        let refused = Refused {
            who,
            caller,
            operation: None,
            failure,
        };
        self.refusals.tell(&refused, Weight::Rights);
    }

    /// Tells the log what was refused since it was last told. To be called now and then.
    pub(super) fn tell_refusals(&self) {
        self.refusals.tell_counts();
    }

    fn is_forbidden_often(&self, who: &str) -> bool {
        let now = Instant::now();
        let second = Duration::from_secs(1);
        let mut open = lock(&self.open);
        (open.forbidden).retain(|_, (since, _)| now.duration_since(*since) < second);
        let (_, times) = open.forbidden.entry(who.to_owned()).or_insert((now, 0));
        *times += 1;
        *times > REFUSALS_FREE
    }

    /// Somebody was turned away at the door, before it was known who calls. How long the answer to that waits when it
    /// is not the first: nobody else's calls do, whoever shares the line.
    pub(in crate::ipc) fn turned_away(&self, from: &str) -> Option<Duration> {
        let who = format!("turned away: {from}");
        self.slow(who.clone())
            .then(|| self.pause_of(&who).unwrap_or_default())
    }

    fn pause_of(&self, who: &str) -> Option<Duration> {
        let now = Instant::now();
        let mut open = lock(&self.open);
        open.slowed.retain(|_, slowed| slowed.until > now);
        let slowed = open.slowed.get_mut(who)?;
        let next = slowed.last.max(now) + Duration::from_millis(SLOWED_APART_MS);
        slowed.last = next.min(now + Duration::from_secs(SLOWED_WAIT_S_MAX));
        // While its requests queue up it is not quiet.
        if slowed.last > now + Duration::from_millis(2 * SLOWED_APART_MS) {
            slowed.until = slowed.last + Duration::from_secs(SLOWED_S);
        }
        Some(slowed.last - now)
    }

    /// Slows somebody down; whether it was slow already.
    fn slow(&self, who: String) -> bool {
        let now = Instant::now();
        let until = now + Duration::from_secs(SLOWED_S);
        let mut open = lock(&self.open);
        open.slowed.retain(|_, slowed| slowed.until > now);
        let last = open.slowed.get(&who).map_or(now, |slowed| slowed.last);
        let slowed = Slowed { until, last };
        open.slowed.insert(who, slowed).is_some()
    }

    /// Says who calls and counts the call, or why it may not be.
    pub(super) fn admit<T>(
        &self,
        request: &Request<T>,
        operation: Operation,
    ) -> Result<(CallerId, Pass), Status> {
        self.admit_as(request.extensions().get::<Caller>(), operation)
    }

    fn admit_as(
        &self,
        caller: Option<&Caller>,
        operation: Operation,
    ) -> Result<(CallerId, Pass), Status> {
        self.decide(caller, operation).map_err(|failure| {
            let is_last_word =
                failure.code != Code::NotAllowed || !caller.is_some_and(Caller::asks_polkit);
            if is_last_word {
                let who = caller.map_or_else(|| "nobody".to_owned(), Caller::to_string);
                self.refused(&Refused {
                    who: &who,
                    caller,
                    operation: Some(operation.name()),
                    failure: &failure,
                });
            }
            let mut status = error::status(&failure);
            status.set_source(Arc::new(Heard));
            status
        })
    }

    /// Whether the caller might do that too. Counts and logs nothing.
    pub(super) fn may<T>(&self, request: &Request<T>, operation: Operation) -> bool {
        let caller = request.extensions().get::<Caller>();
        self.rights.now.load().admits(caller, operation).is_ok()
    }

    /// Whether the caller may see at once what that operation would tell. Counts nothing.
    pub(in crate::ipc) fn may_see(
        &self,
        caller: &Caller,
        operation: Operation,
    ) -> Result<(), Failure> {
        let policy = &self.rights.now.load().policy;
        policy.admit(caller, operation).map(drop)
    }

    fn decide(
        &self,
        caller: Option<&Caller>,
        operation: Operation,
    ) -> Result<(CallerId, Pass), Failure> {
        let said = self.rights.now.load();
        let id = said.admits(caller, operation)?;
        let (pid, token_uid) = (caller.and_then(Caller::pid), id.uid);
        tracing::debug!(
            caller = id.id,
            pid,
            door = id.door,
            token_uid,
            ?operation,
            "call"
        );
        match self.count(Kind::Call, id.id.clone(), said.calls_per_caller_max) {
            Some(pass) => Ok((id, pass)),
            None => {
                let most = said.calls_per_caller_max;
                let who = caller.map(Caller::to_string).unwrap_or_default();
                let detail = format!("{who} has {most} calls open");
                Err(Failure::new(Code::TooManyCalls, detail))
            }
        }
    }

    fn count(&self, kind: Kind, who: String, most: u32) -> Option<Pass> {
        let mut open = lock(&self.open);
        let count = open.of(kind).entry(who.clone()).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        drop(open);
        if let Some(level) = kind.level() {
            level.up();
        }
        Some(Pass {
            open: Arc::clone(&self.open),
            kind,
            who,
        })
    }
}

impl Kind {
    /// What it is told as; a request becomes a call.
    fn level(self) -> Option<&'static Level> {
        match self {
            Kind::Connection => Some(&PROCESS.connections_open),
            Kind::Unproven | Kind::Refusal | Kind::Request => None,
            Kind::Call => Some(&PROCESS.calls_open),
        }
    }
}

impl Open {
    fn of(&mut self, kind: Kind) -> &mut BTreeMap<String, u32> {
        match kind {
            Kind::Connection => &mut self.connections,
            Kind::Unproven => &mut self.unproven,
            Kind::Refusal => &mut self.refusals,
            Kind::Request => &mut self.requests,
            Kind::Call => &mut self.calls,
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let Some(level) = self.kind.level() {
            level.down();
        }
        let mut open = lock(&self.open);
        let counts = open.of(self.kind);
        if let Some(count) = counts.get_mut(&self.who) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.who);
            }
        }
    }
}

fn is_over_tcp(who: &str) -> bool {
    who.starts_with("tcp:")
}

fn lock(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
