//! Who is on the bus: known by what the bus itself says of a unique name, forgotten when that name leaves.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use zbus::names::OwnedUniqueName;
use zbus::{Connection, OwnedVariant};

use super::catalogue::BUS;

/// Calls of one connection that are looked at, before it is known whose it is. The bus itself holds no more than 128
/// by default.
const CALLS_PER_CONNECTION_MAX: u32 = 128;
/// How long the bus may take to say who somebody is.
const CREDENTIALS_MS_MAX: u64 = 5_000;

/// One connection to the bus that has called.
pub(super) struct Peer {
    /// Its unique name.
    pub(super) name: OwnedUniqueName,
    /// It left the bus, or we did.
    pub(super) gone: CancellationToken,
    uid: OnceCell<u32>,
    calls: AtomicU32,
    watches: Mutex<HashMap<String, CancellationToken>>,
}

/// A call of a peer, counted while it lives.
pub(super) struct Counted(pub(super) Arc<Peer>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Peer {
    /// Whose it is; nothing: it has left, or the bus does not say.
    pub(super) async fn uid(&self, bus: &Connection) -> Option<u32> {
        let asked = self.uid.get_or_try_init(|| async {
            let asked = ask_uid(bus, self.name.as_str());
            match timeout(Duration::from_millis(CREDENTIALS_MS_MAX), asked).await {
                Ok(uid) => uid.ok_or(()),
                Err(_) => Err(()),
            }
        });
        asked.await.ok().copied()
    }

    /// Begins a subscription of this name; nothing: it has one already.
    pub(super) fn watch(self: &Arc<Self>, subscription: &str) -> Option<Watch> {
        let mut watches = lock(&self.watches);
        if watches.contains_key(subscription) {
            return None;
        }
        let stop = self.gone.child_token();
        watches.insert(subscription.to_owned(), stop.clone());
        Some(Watch {
            peer: Arc::clone(self),
            subscription: subscription.to_owned(),
            stop,
        })
    }

    /// Ends it; whether there was one.
    pub(super) fn stop_watching(&self, subscription: &str) -> bool {
        let found = lock(&self.watches).get(subscription).cloned();
        found.inspect(CancellationToken::cancel).is_some()
    }
}

/// A subscription, until it is dropped.
pub(super) struct Watch {
    peer: Arc<Peer>,
    /// Its name.
    pub(super) subscription: String,
    /// Nobody wants it any more.
    pub(super) stop: CancellationToken,
}

impl Drop for Watch {
    fn drop(&mut self) {
        lock(&self.peer.watches).remove(&self.subscription);
    }
}

/// All who have called and are still there.
pub(super) struct Callers {
    by_name: HashMap<OwnedUniqueName, Arc<Peer>>,
    closing: CancellationToken,
}

impl Callers {
    /// Nobody yet. All go when the bus does.
    pub(super) fn new(closing: CancellationToken) -> Self {
        Self {
            by_name: HashMap::new(),
            closing,
        }
    }

    /// One more call of this name; nothing: it has too many.
    pub(super) fn enter(&mut self, name: OwnedUniqueName) -> Option<Counted> {
        let peer = self.by_name.entry(name).or_insert_with_key(|name| {
            Arc::new(Peer {
                name: name.clone(),
                gone: self.closing.child_token(),
                uid: OnceCell::new(),
                calls: AtomicU32::new(0),
                watches: Mutex::default(),
            })
        });
        if peer.calls.fetch_add(1, Ordering::Relaxed) < CALLS_PER_CONNECTION_MAX {
            return Some(Counted(Arc::clone(peer)));
        }
        peer.calls.fetch_sub(1, Ordering::Relaxed);
        None
    }

    /// It left the bus: what it waited for is not waited for any more.
    pub(super) fn leave(&mut self, name: &str) {
        if let Ok(name) = OwnedUniqueName::try_from(name)
            && let Some(peer) = self.by_name.remove(&name)
        {
            peer.gone.cancel();
        }
    }
}

async fn ask_uid(bus: &Connection, name: &str) -> Option<u32> {
    let asked = bus.call_method(
        Some(BUS),
        "/org/freedesktop/DBus",
        Some(BUS),
        "GetConnectionCredentials",
        &name,
    );
    let reply = asked.await.ok()?;
    let credentials: HashMap<String, OwnedVariant> = reply.body().deserialize().ok()?;
    credentials
        .get("UnixUserID")
        .and_then(|uid| u32::try_from(&**uid).ok())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_a_connection_are_counted_and_end_with_it() {
        let mut callers = Callers::new(CancellationToken::new());
        let name = OwnedUniqueName::try_from(":1.7").unwrap();
        let calls: Vec<_> = (0..CALLS_PER_CONNECTION_MAX)
            .map(|_| callers.enter(name.clone()).unwrap())
            .collect();
        assert!(callers.enter(name.clone()).is_none());
        let other = callers
            .enter(OwnedUniqueName::try_from(":1.8").unwrap())
            .unwrap();
        callers.leave(":1.7");
        callers.leave("org.freedesktop.Nobody");
        assert!(calls.iter().all(|call| call.0.gone.is_cancelled()));
        assert!(!other.0.gone.is_cancelled());
        drop(calls);
        assert!(
            callers.enter(name).is_some(),
            "a name that is used again is another"
        );
    }

    #[test]
    fn a_subscription_has_one_owner_and_can_be_stopped() {
        let closing = CancellationToken::new();
        let mut callers = Callers::new(closing.clone());
        let name = OwnedUniqueName::try_from(":1.7").unwrap();
        let peer = Arc::clone(&callers.enter(name).unwrap().0);
        let watch = peer.watch("w1").unwrap();
        assert!(peer.watch("w1").is_none(), "one of a name");
        assert!(!peer.stop_watching("w2"));
        assert!(peer.stop_watching("w1") && watch.stop.is_cancelled());
        drop(watch);
        let again = peer.watch("w1").unwrap();
        closing.cancel();
        assert!(again.stop.is_cancelled(), "the bus is gone");
    }
}
