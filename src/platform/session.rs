//! Who is signed in: one sign_no per operator and civil day, never asked for twice at once.
//!
//! It does not know how to sign in; the client does that while it holds the operator's lock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Mutex as AsyncMutex;

/// Operators that are remembered; a hospital's desk has a few.
const OPERATORS_MAX: usize = 512;

/// A sign-in that the platform gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SignedIn {
    /// 签到编号.
    pub(super) sign_no: String,
    /// The civil day it is good for, `yyyy-MM-dd`.
    pub(super) day: String,
}

/// One operator's place. Whoever holds the lock may sign in.
pub(super) type Place = Arc<AsyncMutex<Option<SignedIn>>>;

/// All operators of this process.
#[derive(Default)]
pub(super) struct Sessions {
    places: Mutex<BTreeMap<String, Place>>,
}

impl Sessions {
    /// This operator's place.
    pub(super) fn place(&self, operator: &str) -> Place {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= OPERATORS_MAX && !places.contains_key(operator) {
            // Places that nobody holds and that are forgotten cost a sign-in, nothing else.
            places.retain(|_, place| Arc::strong_count(place) > 1);
        }
        Arc::clone(places.entry(operator.to_owned()).or_default())
    }

    /// The platform says that this sign_no is over. A newer one stays.
    pub(super) async fn forget(&self, operator: &str, sign_no: &str) {
        let place = self.place(operator);
        let mut signed_in = place.lock().await;
        if signed_in.as_ref().is_some_and(|s| s.sign_no == sign_no) {
            *signed_in = None;
        }
    }

    /// All places, with their operators, and none is remembered any more.
    pub(super) fn drain(&self) -> Vec<(String, Place)> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *places).into_iter().collect()
    }
}
