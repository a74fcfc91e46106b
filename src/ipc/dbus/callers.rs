//! Who is on the bus: known by what the bus itself says of a unique name, forgotten when that name leaves.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use zbus::names::OwnedUniqueName;
use zbus::{Connection, OwnedVariant, Variant};

use super::catalogue::BUS;
use crate::ipc::access::Groups;

/// Calls of one connection that are looked at, before it is known whose it is. The bus itself holds no more than 128
/// by default.
const CALLS_PER_CONNECTION_MAX: u32 = 128;
/// How long the bus may take to say who somebody is.
const CREDENTIALS_MS_MAX: u64 = 5_000;

/// Who has a connection, as the bus noted when it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Credentials {
    /// Its user.
    pub(super) uid: u32,
    /// The groups it is in; absent where the bus does not say.
    pub(super) groups: Option<Groups>,
}

/// One connection to the bus that has called.
pub(super) struct Peer {
    /// Its unique name.
    pub(super) name: OwnedUniqueName,
    /// It left the bus, or we did.
    pub(super) gone: CancellationToken,
    credentials: OnceCell<Credentials>,
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
    pub(super) async fn credentials(&self, bus: &Connection) -> Option<Credentials> {
        let asked = self.credentials.get_or_try_init(|| async {
            let asked = ask_credentials(bus, self.name.as_str());
            match timeout(Duration::from_millis(CREDENTIALS_MS_MAX), asked).await {
                Ok(told) => told.ok_or(()),
                Err(_) => Err(()),
            }
        });
        asked.await.ok().cloned()
    }

    /// Its user, where the bus has said already whose it is.
    pub(super) fn known_uid(&self) -> Option<u32> {
        self.credentials.get().map(|credentials| credentials.uid)
    }

    /// How many of its calls are open.
    pub(super) fn open_calls(&self) -> usize {
        usize::try_from(self.calls.load(Ordering::Relaxed)).unwrap_or(usize::MAX)
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
                credentials: OnceCell::new(),
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

async fn ask_credentials(bus: &Connection, name: &str) -> Option<Credentials> {
    let asked = bus.call_method(
        Some(BUS),
        "/org/freedesktop/DBus",
        Some(BUS),
        "GetConnectionCredentials",
        &name,
    );
    let reply = asked.await.ok()?;
    read(&reply.body().deserialize().ok()?)
}

fn read(told: &HashMap<String, OwnedVariant>) -> Option<Credentials> {
    let uid = u32::try_from(&**told.get("UnixUserID")?).ok()?;
    let groups = told.get("UnixGroupIDs").and_then(|groups| {
        let Variant::Array(groups) = &**groups else {
            return None;
        };
        groups.iter().map(|gid| u32::try_from(gid).ok()).collect()
    });
    Some(Credentials { uid, groups })
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
    fn the_bus_says_whose_a_connection_is_and_maybe_its_groups() {
        let owned = |value: Variant<'_>| OwnedVariant::try_from(value).unwrap();
        let mut told = HashMap::from([("UnixUserID".to_owned(), owned(Variant::U32(7)))]);
        let known = read(&told).unwrap();
        assert_eq!((known.uid, known.groups), (7, None));
        let groups = zbus::Array::from(vec![7_u32, 500]);
        told.insert("UnixGroupIDs".to_owned(), owned(Variant::Array(groups)));
        let groups = read(&told).unwrap().groups;
        assert_eq!(groups.as_deref(), Some(&[7, 500][..]));
        told.remove("UnixUserID");
        assert!(read(&told).is_none(), "nobody's");
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
