//! How much one caller may have open at once. A greedy caller hurts only itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tonic::{Request, Status};

use crate::book::Code;
use crate::ipc::access::{Caller, Operation, Policy};
use crate::ipc::convert::error;
use crate::operation::{CallerId, Failure};

/// Connections of one caller.
const CONNECTIONS_PER_CALLER_MAX: u32 = 64;
/// Connections of all callers.
const CONNECTIONS_MAX: u32 = 256;
/// Of these, kept for root and the owner of the socket: whoever looks after a desk gets in when it is full.
const CONNECTIONS_KEPT: u32 = 16;

/// The entrance: counts connections and calls, and asks the policy. One for all connections of a door.
#[derive(Clone)]
pub(super) struct Gate {
    policy: Arc<Policy>,
    calls_per_caller_max: u32,
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    connections: BTreeMap<String, u32>,
    calls: BTreeMap<String, u32>,
}

/// What is counted while it lives.
pub(super) struct Pass {
    open: Arc<Mutex<Open>>,
    kind: Kind,
    who: String,
}

#[derive(Clone, Copy)]
enum Kind {
    Connection,
    Call,
}

impl Gate {
    pub(super) fn new(policy: Policy, calls_per_caller_max: u32) -> Self {
        Self {
            policy: Arc::new(policy),
            calls_per_caller_max,
            open: Arc::default(),
        }
    }

    /// Counts a connection; none: the caller, or everybody, has too many.
    pub(super) fn connect(&self, caller: &Caller) -> Option<Pass> {
        let total: u32 = lock(&self.open).connections.values().sum();
        let kept = if self.policy.is_own(caller) {
            0
        } else {
            CONNECTIONS_KEPT
        };
        if total >= CONNECTIONS_MAX - kept {
            return None;
        }
        self.count(
            Kind::Connection,
            caller.to_string(),
            CONNECTIONS_PER_CALLER_MAX,
        )
    }

    /// Says who calls and counts the call, or why it may not be.
    pub(super) fn admit<T>(
        &self,
        request: &Request<T>,
        operation: Operation,
    ) -> Result<(CallerId, Pass), Status> {
        let admitted = self.decide(request.extensions().get::<Caller>(), operation);
        admitted.map_err(|failure| {
            tracing::warn!(code = failure.code.id(), detail = %failure.detail, "call refused");
            error::status(&failure)
        })
    }

    /// Whether the caller might do that too. Counts and logs nothing.
    pub(super) fn may<T>(&self, request: &Request<T>, operation: Operation) -> bool {
        let caller = request.extensions().get::<Caller>();
        caller.is_some_and(|caller| self.policy.role(caller).may(operation))
    }

    fn decide(
        &self,
        caller: Option<&Caller>,
        operation: Operation,
    ) -> Result<(CallerId, Pass), Failure> {
        let nobody = || Failure::new(Code::NotAllowed, "the connection has no credentials");
        let caller = caller.ok_or_else(nobody)?;
        let id = self.policy.admit(caller, operation)?;
        let Caller::Uid { pid, .. } = caller;
        tracing::debug!(caller = id.id, pid, ?operation, "call");
        match self.count(Kind::Call, id.id.clone(), self.calls_per_caller_max) {
            Some(pass) => Ok((id, pass)),
            None => {
                let detail = format!("{caller} has {} calls open", self.calls_per_caller_max);
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
        Some(Pass {
            open: Arc::clone(&self.open),
            kind,
            who,
        })
    }
}

impl Open {
    fn of(&mut self, kind: Kind) -> &mut BTreeMap<String, u32> {
        match kind {
            Kind::Connection => &mut self.connections,
            Kind::Call => &mut self.calls,
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
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
    use crate::config::settings::{Access, Caller as Named};
    use crate::ipc::access::Accounts;

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

    fn gate() -> Gate {
        let access = Access {
            settle: vec![Named::Uid(7)],
            ..Access::default()
        };
        let policy = Policy::new(&access, OWNER, &Accounts::default());
        Gate::new(policy.unwrap(), 2)
    }

    fn caller(uid: u32) -> Caller {
        Caller::Uid {
            uid,
            gid: uid,
            pid: Some(1),
        }
    }
}
