//! How much one caller may have open at once. A greedy caller hurts only itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use http::HeaderMap;
use tonic::{Request, Status};

use super::refusals::{Refusals, Refused, Weight};
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
/// Calls within a second that its rights forbid, before a caller is slowed down too: a program may be wrong now and
/// then.
const REFUSALS_FREE: u32 = 10;
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
    refusals: Arc<Refusals>,
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

/// The source of a status of which the log was told here, or is told when polkit has had its say.
#[derive(Debug, thiserror::Error)]
#[error("the gate refused it")]
pub(in crate::ipc) struct Heard;

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
            refusals: Arc::default(),
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
        let caller = request.extensions().get::<Caller>();
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
        let said = self.rights.now.load();
        let may =
            |caller: &Caller| said.tokens.still_know(caller) && said.policy.may(caller, operation);
        request.extensions().get::<Caller>().is_some_and(may)
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
        let nobody = || Failure::new(Code::NotAllowed, "the connection has no credentials");
        let caller = caller.ok_or_else(nobody)?;
        let said = self.rights.now.load();
        // Between its head and its body a request may wait for longer than a configuration lasts.
        if !said.tokens.still_know(caller) {
            let detail = "the tokens of this desk changed while the request came; call again";
            return Err(Failure::new(Code::TokenRefused, detail));
        }
        let id = said.policy.admit(caller, operation)?;
        let (pid, door, token_uid) = (caller.pid(), caller.door(), caller.token_uid());
        tracing::debug!(caller = id.id, pid, door, token_uid, ?operation, "call");
        match self.count(Kind::Call, id.id.clone(), said.calls_per_caller_max) {
            Some(pass) => Ok((id, pass)),
            None => {
                let detail = format!("{caller} has {} calls open", said.calls_per_caller_max);
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
    use crate::ipc::access::{Accounts, Grant, Role};

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
        let refuse = || gate.refuse_connection("uid:7", None);
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
        let asked = |uid, operation| ask(&gate, caller(uid), operation);
        let held = [
            asked(7, Operation::ScanAndPay).ok().unwrap(),
            asked(7, Operation::GetStatus).ok().unwrap(),
        ];
        let full = Some(tonic::Code::ResourceExhausted);
        assert_eq!(asked(7, Operation::GetStatus).err(), full);
        drop(held);
        assert!(asked(7, Operation::GetStatus).is_ok());
        let denied = Some(tonic::Code::PermissionDenied);
        assert_eq!(asked(8, Operation::ScanAndPay).err(), denied);
        let nobody = gate.admit(&Request::new(()), Operation::GetStatus);
        assert_eq!(nobody.err().map(|status| status.code()), denied);
    }

    #[test]
    fn who_asks_for_more_than_it_may_is_slowed_down_and_nobody_else() {
        let gate = gate();
        assert!(gate.pause_of("uid:7").is_none());
        let ask = || ask(&gate, caller(7), Operation::GetStatus);
        let held = [ask(), ask()];
        assert!(held.iter().all(Result::is_ok) && gate.pause_of("uid:7").is_none());
        assert!(ask().is_err());
        let waits: Vec<_> = (0..300).filter_map(|_| gate.pause_of("uid:7")).collect();
        assert!(waits.windows(2).take(100).all(|pair| pair[0] < pair[1]));
        assert_eq!(waits.len(), 300);
        assert!(waits.iter().all(|wait| wait.as_secs() <= SLOWED_WAIT_S_MAX));
        assert!(gate.pause_of("uid:8").is_none());
    }

    #[test]
    fn who_asks_again_and_again_for_what_it_has_no_right_to_is_slowed_down() {
        let gate = gate();
        let forbidden = |caller| ask(&gate, caller, Operation::Reload).err().unwrap();
        for _ in 0..REFUSALS_FREE {
            forbidden(caller(7));
            assert!(gate.pause_of("uid:7").is_none(), "now and then");
        }
        forbidden(caller(7));
        assert!(gate.pause_of("uid:7").is_some());
        assert!(gate.pause_of("uid:8").is_none(), "nobody else");
        // What polkit may still allow is no refusal yet.
        let on_bus = |grant| Caller::Bus {
            uid: 9,
            groups: None,
            name: ":1.9".into(),
            grant,
        };
        for _ in 0..2 * REFUSALS_FREE {
            forbidden(on_bus(Grant::Asked));
        }
        assert!(gate.pause_of("uid:9").is_none());
        for _ in 0..2 * REFUSALS_FREE {
            forbidden(on_bus(Grant::Nothing));
        }
        assert!(gate.pause_of("uid:9").is_some());
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
        assert!(gate.pause_of("uid:7").is_none());
    }

    fn ask(
        gate: &Gate,
        caller: Caller,
        operation: Operation,
    ) -> Result<(CallerId, Pass), tonic::Code> {
        let mut request = Request::new(());
        request.extensions_mut().insert(caller);
        let admitted = gate.admit(&request, operation);
        admitted.map_err(|status| status.code())
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
            groups: None,
            pid: Some(1),
        }
    }
}
