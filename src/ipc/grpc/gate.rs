//! How much one caller may have open at once. A greedy caller hurts only itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use http::HeaderMap;
use tonic::{Request, Status};

use crate::book::Code;
use crate::ipc::access::{Caller, Operation, Policy};
use crate::ipc::convert::error;
use crate::ipc::tcp::{Peer, Tokens};
use crate::observe::metrics::{Level, PROCESS};
use crate::operation::{CallerId, Failure};

/// Requests of one caller that are read beyond the calls it may have open, so that it is told what is wrong.
const REQUESTS_MORE: u32 = 16;
/// A caller that asked for more than it may is slowed down until it was quiet for so long.
const SLOWED_S: u64 = 1;
/// Its requests are then taken one by one, so far apart, so that a flood takes little from others.
const SLOWED_APART_MS: u64 = 10;
/// None of them waits longer.
const SLOWED_WAIT_S_MAX: u64 = 2;
/// Connections of one caller.
const CONNECTIONS_PER_CALLER_MAX: u32 = 64;
/// Connections of all callers.
const CONNECTIONS_MAX: u32 = 256;
/// Of these, kept for root and the owner of the socket: whoever looks after a desk gets in when it is full.
const CONNECTIONS_KEPT: u32 = 16;
/// Connections over these that are told why they cannot stay, all callers together; others are closed without a word.
const REFUSALS_MAX: u32 = 64;
/// The place of one of them is free again after so long, however soon it went: who connects again and again is slow.
const REFUSAL_MS_MIN: u64 = 250;

/// The entrance: counts connections and calls, and asks the policy. One for all connections of a door.
#[derive(Clone)]
pub(in crate::ipc) struct Gate {
    rights: Rights,
    open: Arc<Mutex<Open>>,
}

/// Who may do what and how much at once, as it is now; shared by all who ask it.
#[derive(Clone)]
pub struct Rights {
    now: Arc<ArcSwap<Said>>,
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
}

impl Rights {
    /// What is asked after this is decided by that, also on connections that are open.
    pub fn change(&self, said: Said) {
        PROCESS.calls_per_caller_max.set(said.calls_per_caller_max);
        self.now.store(Arc::new(said));
    }
}

#[derive(Default)]
struct Open {
    connections: BTreeMap<String, u32>,
    refusals: BTreeMap<String, u32>,
    requests: BTreeMap<String, u32>,
    calls: BTreeMap<String, u32>,
    /// Who asked for more than it may, and until when it is slowed down.
    slowed: BTreeMap<String, Slowed>,
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

#[derive(Clone, Copy)]
enum Kind {
    Connection,
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
            },
            open: Arc::default(),
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
        self.rights.now.load().tokens.caller(peer, headers)
    }

    /// Counts a connection; none: the caller, or everybody, has too many.
    pub(super) fn connect(&self, caller: &Caller) -> Option<Pass> {
        let kept = match self.rights.now.load().policy.is_own(caller) {
            true => 0,
            false => CONNECTIONS_KEPT,
        };
        self.count_connection(caller.to_string(), kept)
    }

    /// Counts a connection of somebody who has not said yet who it is.
    pub(in crate::ipc) fn connect_unknown(&self, who: String) -> Option<Pass> {
        self.count_connection(who, CONNECTIONS_KEPT)
    }

    fn count_connection(&self, who: String, kept: u32) -> Option<Pass> {
        let total: u32 = lock(&self.open).connections.values().sum();
        if total >= CONNECTIONS_MAX - kept {
            return None;
        }
        self.count(Kind::Connection, who, CONNECTIONS_PER_CALLER_MAX)
    }

    /// Counts a connection that is one too many; a place for it to be told so, none: too many are told already.
    pub(in crate::ipc) fn refuse_connection(&self, who: &str) -> Option<Arc<Pass>> {
        PROCESS.connections_refused.count([]);
        // A flood is told once, when it begins.
        match self.slow(format!("connections of {who}")) {
            true => tracing::debug!(who, "too many connections; one was refused"),
            false => tracing::warn!(who, "too many connections; one was refused"),
        }
        let pass = self.count(Kind::Refusal, String::new(), REFUSALS_MAX)?;
        let pass = Arc::new(pass);
        let held = Arc::clone(&pass);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(REFUSAL_MS_MIN)).await;
            drop(held);
        });
        Some(pass)
    }

    /// Counts a request before it is read: what is not counted takes no memory.
    pub(in crate::ipc) fn enter(&self, caller: &Caller) -> Result<Pass, Failure> {
        let most = self.rights.now.load().calls_per_caller_max;
        let most = most.saturating_add(REQUESTS_MORE);
        let pass = self.count(Kind::Request, caller.to_string(), most);
        pass.ok_or_else(|| {
            self.slow(caller.to_string());
            let detail = format!("{caller} has {most} requests open");
            Failure::new(Code::TooManyCalls, detail)
        })
    }

    /// How long a request of this caller waits before anything is done for it.
    pub(in crate::ipc) fn pause(&self, caller: &Caller) -> Option<Duration> {
        self.pause_of(&caller.to_string())
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
        let admitted = self.decide(request.extensions().get::<Caller>(), operation);
        admitted.map_err(|failure| {
            let (code, detail) = (failure.code.id(), &failure.detail);
            // A flood is told once, when it begins.
            match failure.code == Code::TooManyCalls {
                true => tracing::debug!(code, %detail, "call refused"),
                false => tracing::warn!(code, %detail, "call refused"),
            }
            PROCESS.calls_refused.count([failure.code.id()]);
            error::status(&failure)
        })
    }

    /// Whether the caller might do that too. Counts and logs nothing.
    pub(super) fn may<T>(&self, request: &Request<T>, operation: Operation) -> bool {
        let caller = request.extensions().get::<Caller>();
        caller.is_some_and(|caller| self.rights.now.load().policy.may(caller, operation))
    }

    fn decide(
        &self,
        caller: Option<&Caller>,
        operation: Operation,
    ) -> Result<(CallerId, Pass), Failure> {
        let nobody = || Failure::new(Code::NotAllowed, "the connection has no credentials");
        let caller = caller.ok_or_else(nobody)?;
        let said = self.rights.now.load();
        let id = said.policy.admit(caller, operation)?;
        let (pid, door) = (caller.pid(), caller.door());
        tracing::debug!(caller = id.id, pid, door, ?operation, "call");
        match self.count(Kind::Call, id.id.clone(), said.calls_per_caller_max) {
            Some(pass) => Ok((id, pass)),
            None => {
                let detail = format!("{caller} has {} calls open", said.calls_per_caller_max);
                if !self.slow(caller.to_string()) {
                    tracing::warn!(%caller, detail, "a caller is slowed down");
                }
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
            Kind::Refusal | Kind::Request => None,
            Kind::Call => Some(&PROCESS.calls_open),
        }
    }
}

impl Open {
    fn of(&mut self, kind: Kind) -> &mut BTreeMap<String, u32> {
        match kind {
            Kind::Connection => &mut self.connections,
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

fn lock(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::access::{Access, Caller as Named};
    use crate::ipc::access::{Accounts, Role};

    const OWNER: u32 = 990;

    #[test]
    fn connections_are_counted_by_caller_and_in_all() {
        let gate = gate();
        let fill = |uid| {
            let most = 0..CONNECTIONS_PER_CALLER_MAX;
            most.map_while(|_| gate.connect(&caller(uid)))
                .collect::<Vec<_>>()
        };
        let mut first = fill(1);
        assert!(gate.connect(&caller(1)).is_none());
        assert!(gate.connect(&caller(2)).is_some());
        first.pop();
        first.extend(gate.connect(&caller(1)));
        let others: Vec<_> = (2..6).flat_map(fill).collect();
        let open = u32::try_from(first.len() + others.len()).unwrap();
        assert_eq!(open, CONNECTIONS_MAX - CONNECTIONS_KEPT);
        assert!(gate.connect(&caller(9)).is_none(), "the door is full");
        let own: Vec<_> = [0, OWNER].into_iter().flat_map(fill).collect();
        assert_eq!(u32::try_from(own.len()).unwrap(), CONNECTIONS_KEPT);
        drop(own);
        assert!(gate.connect(&caller(OWNER)).is_some(), "the owner gets in");
        assert!(gate.connect(&caller(9)).is_none(), "it is full for others");
        drop(others);
        assert!(gate.connect(&caller(9)).is_some());
        drop(first);
        assert!(lock(&gate.open).connections.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_refusals_are_told_and_each_takes_its_time() {
        let gate = gate();
        let refuse = || gate.refuse_connection("uid:7");
        let told: Vec<_> = (0..REFUSALS_MAX).map_while(|_| refuse()).collect();
        assert_eq!(u32::try_from(told.len()).unwrap(), REFUSALS_MAX);
        assert!(refuse().is_none());
        drop(told);
        assert!(refuse().is_none(), "they went at once");
        tokio::time::sleep(Duration::from_millis(REFUSAL_MS_MIN + 1)).await;
        assert!(refuse().is_some());
        assert!(gate.connect(&caller(7)).is_some(), "places are others'");
        assert!(gate.pause_of("uid:7").is_none(), "nor are calls slower");
    }

    #[test]
    fn calls_are_refused_with_a_code() {
        let gate = gate();
        let ask = |who: Option<Caller>, operation| {
            let mut request = Request::new(());
            if let Some(caller) = who {
                request.extensions_mut().insert(caller);
            }
            gate.admit(&request, operation)
                .map_err(|status| status.code())
        };
        let held = [
            ask(Some(caller(7)), Operation::ScanAndPay).ok().unwrap(),
            ask(Some(caller(7)), Operation::GetStatus).ok().unwrap(),
        ];
        let full = Some(tonic::Code::ResourceExhausted);
        assert_eq!(ask(Some(caller(7)), Operation::GetStatus).err(), full);
        drop(held);
        assert!(ask(Some(caller(7)), Operation::GetStatus).is_ok());
        let denied = Some(tonic::Code::PermissionDenied);
        assert_eq!(ask(Some(caller(8)), Operation::ScanAndPay).err(), denied);
        assert_eq!(ask(None, Operation::GetStatus).err(), denied);
    }

    #[test]
    fn who_asks_for_more_than_it_may_is_slowed_down_and_nobody_else() {
        let gate = gate();
        assert!(gate.pause(&caller(7)).is_none());
        let ask = || gate.decide(Some(&caller(7)), Operation::GetStatus);
        let held = [ask(), ask()];
        assert!(held.iter().all(Result::is_ok) && gate.pause(&caller(7)).is_none());
        assert!(ask().is_err());
        let waits: Vec<_> = (0..300).filter_map(|_| gate.pause(&caller(7))).collect();
        assert!(waits.windows(2).take(100).all(|pair| pair[0] < pair[1]));
        assert_eq!(waits.len(), 300);
        assert!(waits.iter().all(|wait| wait.as_secs() <= SLOWED_WAIT_S_MAX));
        assert!(gate.pause(&caller(8)).is_none());
    }

    #[test]
    fn a_flood_at_the_door_waits_and_its_line_may_call() {
        let gate = gate();
        assert!(
            gate.turned_away("uid:7").is_none(),
            "the first is told at once"
        );
        let waits: Vec<_> = (0..50).filter_map(|_| gate.turned_away("uid:7")).collect();
        assert_eq!(waits.len(), 50);
        assert!(waits.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(gate.turned_away("uid:8").is_none());
        assert!(gate.pause(&caller(7)).is_none());
    }

    fn gate() -> Gate {
        let access = Access {
            roles: vec![(Role::Cashier, Named::Uid(7))],
            ..Access::default()
        };
        let policy = Policy::new(&access, OWNER, &Accounts::default());
        Gate::new(Said::new(policy.unwrap(), 2))
    }

    fn caller(uid: u32) -> Caller {
        Caller::Uid {
            uid,
            gid: uid,
            pid: Some(1),
        }
    }
}
