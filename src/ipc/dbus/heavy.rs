//! Calls that weigh: with files, or with a large body. Each descriptor that somebody sends is one of ours for as long as
//! its message lives, and so is its memory; both are given us in so many. Who could take them all would shut every door.
//! So such a call waits for nothing before its place is sure, and keeps it as long as its message.

use std::sync::{Arc, OnceLock};

use rustix::process::{Resource, getrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zbus::message::Message;

use super::places::{Place, Places};

/// A larger body than most bills have, in bytes.
const LIGHT_BYTES_MAX: usize = 64 * 1_024;
/// Descriptors that the bus lets a message have.
const DESCRIPTORS_MAX: u64 = 16;
/// Such calls of all callers at once: with those that are not looked at yet, half of the descriptors that the unit
/// allows. Fewer where the process may have fewer.
const HEAVY_MAX: usize = 192;
const HEAVY_MIN: usize = 8;
/// Of one user.
const HEAVY_PER_USER_MAX: usize = 8;

/// The places of such calls.
pub(super) struct Heavy {
    all: Arc<Semaphore>,
    of_users: Arc<Places>,
}

/// The place of a call, until it is dropped. A light call needs none.
#[derive(Default)]
pub(super) struct Weight {
    all: Option<OwnedSemaphorePermit>,
    of_user: OnceLock<Place>,
}

impl Heavy {
    pub(super) fn new() -> Self {
        let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        Self::of(descriptors)
    }

    fn of(descriptors: u64) -> Self {
        let third = usize::try_from(descriptors / 3 / DESCRIPTORS_MAX).unwrap_or(usize::MAX);
        let all = third.clamp(HEAVY_MIN, HEAVY_MAX);
        Self {
            all: Arc::new(Semaphore::new(all)),
            of_users: Places::new(all, HEAVY_PER_USER_MAX),
        }
    }

    /// A place for a call from the bus; nothing: there is none at present. `uid`: whose it is, where that is known
    /// already. `open`: calls of its connection, with this one. Of a connection that nobody knows yet only the first ones
    /// may weigh, as many as one user may have.
    pub(super) fn take(&self, call: &Message, uid: Option<u32>, open: usize) -> Option<Weight> {
        if call.data().fds().is_empty() && call.body().len() <= LIGHT_BYTES_MAX {
            return Some(Weight::default());
        }
        if uid.is_none() && open > HEAVY_PER_USER_MAX {
            return None;
        }
        let weight = Weight {
            all: Some(Arc::clone(&self.all).try_acquire_owned().ok()?),
            of_user: OnceLock::new(),
        };
        let has_share = uid.is_none_or(|uid| self.is_in_share(&weight, uid));
        has_share.then_some(weight)
    }

    /// Whether its user has a place for it, once it is known whose it is.
    pub(super) fn is_in_share(&self, weight: &Weight, uid: u32) -> bool {
        if weight.all.is_none() || weight.of_user.get().is_some() {
            return true;
        }
        let Some(place) = self.of_users.take(uid) else {
            return false;
        };
        weight.of_user.set(place).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::OwnedFd;

    use super::*;

    fn call(files: usize) -> Message {
        let null = || OwnedFd::from(std::fs::File::open("/dev/null").expect("it is there"));
        let body: Vec<zbus::OwnedFd> = (0..files).map(|_| null().into()).collect();
        let call = Message::method_call("/org/yibaod/Bridge1", "GetStatus");
        call.build(&body).expect("a message")
    }

    #[test]
    fn nobody_has_the_descriptors_of_all() {
        assert_eq!(
            Heavy::of(1_024).all.available_permits(),
            21,
            "a third of it"
        );
        let heavy = Heavy::of(8_192);
        assert_eq!(heavy.all.available_permits(), 170);
        let (with, without) = (call(2), call(0));
        let large = Message::method_call("/org/yibaod/Bridge1", "GetStatus");
        let large = large
            .build(&vec![0_u8; LIGHT_BYTES_MAX])
            .expect("a message");
        let mut held: Vec<Weight> = (0..HEAVY_PER_USER_MAX)
            .map(|_| heavy.take(&with, Some(1), 2).expect("in its share"))
            .collect();
        assert!(heavy.take(&with, Some(1), 2).is_none(), "it has its share");
        assert!(heavy.take(&large, Some(1), 2).is_none(), "nor a large one");
        assert!(heavy.take(&without, Some(1), 2).is_some(), "without files");
        assert!(heavy.take(&with, Some(2), 2).is_some(), "others go on");
        assert!(
            heavy.take(&with, None, HEAVY_PER_USER_MAX + 1).is_none(),
            "nobody knows whose it is"
        );

        let stranger = heavy.take(&with, None, 1).expect("its first");
        assert!(
            !heavy.is_in_share(&stranger, 1),
            "it was user 1 all the time"
        );
        held.pop();
        assert!(heavy.is_in_share(&stranger, 1) && heavy.is_in_share(&stranger, 1));
        assert!(
            heavy.take(&with, Some(1), 2).is_none(),
            "one place for one call"
        );

        let strangers: Vec<_> = (0..HEAVY_MAX)
            .filter_map(|_| heavy.take(&with, None, 1))
            .collect();
        assert_eq!(strangers.len(), 170 - HEAVY_PER_USER_MAX);
        drop((held, stranger, strangers));
        assert_eq!(heavy.all.available_permits(), 170, "nothing is kept");
    }
}
