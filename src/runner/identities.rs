//! Who was identified and may be named once by the call that follows. In memory only: it is gone with the process.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::clock::since_boot;
use crate::book::Code;
use crate::person::ScannedCode;
use crate::settlement::known::{Person, Voucher};
use crate::settlement::order::CredentialKind;

/// References that are remembered, used ones too; the oldest makes room.
const REFS_MAX: usize = 256;
/// Codes that are remembered.
const CODES_MAX: usize = 64;
/// How long a code is remembered: far longer than any is good for.
const CODES_MS: u64 = 600_000;
/// Random bytes of a reference.
const RANDOM_BYTES: usize = 16;
/// Between the identification's id and the random part.
const SEPARATOR: char = '.';

/// A person who was identified.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The identification.
    pub identification: String,
    /// Whose it is: nobody else may use it.
    pub caller: String,
    /// 用码业务类型 that it is good for.
    pub business_type: String,
    /// What was shown.
    pub credential: CredentialKind,
    /// Whose credential it was.
    pub voucher: Voucher,
    /// What 1101 said.
    pub person: Option<Person>,
    /// When it was decoded, Unix milliseconds.
    pub decoded_at_ms: i64,
}

/// A reference that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefTold {
    /// The reference.
    pub reference: String,
    /// Until when, Unix milliseconds.
    pub until_ms: i64,
}

/// All who were identified by this process.
#[derive(Debug, Default)]
pub struct Identities {
    refs: Mutex<BTreeMap<String, Slot>>,
    codes: Mutex<VecDeque<(Instant, ScannedCode)>>,
}

#[derive(Debug)]
enum Slot {
    Held {
        identity: Box<Identity>,
        until_ms: i64,
        /// The same moment since boot: a machine that slept has used its time up.
        until_boot: Duration,
    },
    Used {
        caller: String,
    },
    Expired {
        caller: String,
    },
}

impl Slot {
    fn caller(&self) -> &str {
        match self {
            Slot::Held { identity, .. } => &identity.caller,
            Slot::Used { caller } | Slot::Expired { caller } => caller,
        }
    }
}

impl Identities {
    /// A reference to this person that can be used once, for so long. `None`: there are no random numbers.
    pub(super) fn hold(
        self: &Arc<Self>,
        identity: Identity,
        now_ms: i64,
        hold_ms: i64,
    ) -> Option<RefTold> {
        let mut random = [0_u8; RANDOM_BYTES];
        getrandom::fill(&mut random).ok()?;
        let id = &identity.identification;
        let reference = format!("{id}{SEPARATOR}{}", hex::encode(random));
        let until_ms = now_ms + hold_ms;
        let wait = Duration::from_millis(u64::try_from(hold_ms).unwrap_or(0));
        let until_boot = since_boot() + wait;
        let mut refs = lock(&self.refs);
        while refs.len() >= REFS_MAX {
            // An id begins with its time.
            refs.pop_first();
        }
        let identity = Box::new(identity);
        let slot = Slot::Held {
            identity,
            until_ms,
            until_boot,
        };
        refs.insert(reference.clone(), slot);
        drop(refs);
        let (held, forgets) = (Arc::clone(self), reference.clone());
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            held.expire(&forgets);
        });
        Some(RefTold {
            reference,
            until_ms,
        })
    }

    /// The reference of this identification, while it can be used.
    #[must_use]
    pub fn reference_of(&self, identification: &str) -> Option<RefTold> {
        let refs = lock(&self.refs);
        let now = since_boot();
        refs.iter().find_map(|(reference, slot)| match slot {
            Slot::Held {
                identity,
                until_ms,
                until_boot,
            } if identity.identification == identification && now < *until_boot => Some(RefTold {
                reference: reference.clone(),
                until_ms: *until_ms,
            }),
            Slot::Held { .. } | Slot::Used { .. } | Slot::Expired { .. } => None,
        })
    }

    /// The person, once. `None`: this process knows no such reference.
    ///
    /// # Errors
    /// [`Code::IdentityUnknown`] for another caller's, [`Code::IdentityUsed`], [`Code::IdentityExpired`],
    /// [`Code::IdentityOtherPurpose`]: then it can still be used for its own.
    pub fn take(
        &self,
        caller: &str,
        reference: &str,
        business_types: &[&str],
    ) -> Option<Result<Identity, Code>> {
        self.take_at(caller, reference, business_types, since_boot())
    }

    fn take_at(
        &self,
        caller: &str,
        reference: &str,
        business_types: &[&str],
        now: Duration,
    ) -> Option<Result<Identity, Code>> {
        let mut refs = lock(&self.refs);
        let slot = refs.get_mut(reference)?;
        if slot.caller() != caller {
            return Some(Err(Code::IdentityUnknown));
        }
        let used = Slot::Used {
            caller: caller.to_owned(),
        };
        Some(match slot {
            Slot::Used { .. } => Err(Code::IdentityUsed),
            Slot::Expired { .. } => Err(Code::IdentityExpired),
            Slot::Held { until_boot, .. } if now >= *until_boot => {
                let caller = caller.to_owned();
                *slot = Slot::Expired { caller };
                Err(Code::IdentityExpired)
            }
            Slot::Held { identity, .. } => {
                if business_types.contains(&identity.business_type.as_str()) {
                    let identity = (**identity).clone();
                    *slot = used;
                    Ok(identity)
                } else {
                    Err(Code::IdentityOtherPurpose)
                }
            }
        })
    }

    /// Whether this code was shown for an identification before.
    pub(super) fn knows_code(&self, code: &ScannedCode) -> bool {
        let mut codes = lock(&self.codes);
        let age = Duration::from_millis(CODES_MS);
        codes.retain(|(at, _)| at.elapsed() < age);
        codes.iter().any(|(_, known)| known == code)
    }

    /// A code that was decoded for an identification.
    pub(super) fn note_code(&self, code: ScannedCode) {
        let mut codes = lock(&self.codes);
        while codes.len() >= CODES_MAX {
            codes.pop_front();
        }
        codes.push_back((Instant::now(), code));
    }

    /// Forgets the person; that there was one stays known for a while.
    fn expire(&self, reference: &str) {
        if let Some(slot) = lock(&self.refs).get_mut(reference)
            && let Slot::Held { identity, .. } = slot
        {
            let caller = identity.caller.clone();
            *slot = Slot::Expired { caller };
        }
    }
}

/// The identification that a reference names, whatever became of it.
#[must_use]
pub fn identification_of(reference: &str) -> Option<&str> {
    reference.split_once(SEPARATOR).map(|(id, _)| id)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::person::{EcToken, IdNo, Name};

    fn identity(identification: &str) -> Identity {
        Identity {
            identification: identification.to_owned(),
            caller: "uid:1".to_owned(),
            business_type: "01301".to_owned(),
            credential: CredentialKind::EVoucher,
            voucher: Voucher {
                ec_token: EcToken::new("t"),
                certno: IdNo::new("110101190001011009"),
                name: Name::new("测试甲"),
                cert_type: "01".to_owned(),
                insu_org: String::new(),
                document: None,
            },
            person: None,
            decoded_at_ms: 0,
        }
    }

    #[tokio::test]
    async fn a_reference_is_good_once_for_its_caller_purpose_and_time() {
        let all = Arc::new(Identities::default());
        let one = all.hold(identity("a"), 1_000, 5_000).expect("randomness");
        assert_eq!(
            (one.until_ms, all.reference_of("a")),
            (6_000, Some(one.clone()))
        );
        let take = |caller: &str, reference: &str, types: &[&str]| {
            let taken = all.take(caller, reference, types);
            taken.map(|taken| taken.map(|identity| identity.identification))
        };
        assert_eq!(take("uid:1", "a.00", &["01301"]), None);
        let reference = one.reference.as_str();
        assert_eq!(identification_of(reference), Some("a"));
        let unknown = Some(Err(Code::IdentityUnknown));
        assert_eq!(take("uid:2", reference, &["01301"]), unknown);
        let other = Some(Err(Code::IdentityOtherPurpose));
        assert_eq!(take("uid:1", reference, &["01101"]), other);
        let taken = Some(Ok("a".to_owned()));
        assert_eq!(take("uid:1", reference, &["01302", "01301"]), taken);
        let used = Some(Err(Code::IdentityUsed));
        assert_eq!(take("uid:1", reference, &["01301"]), used);
        assert_eq!(all.reference_of("a"), None);
        let late = all.hold(identity("b"), 0, 5_000).expect("randomness");
        all.expire(&late.reference);
        let expired = Some(Err(Code::IdentityExpired));
        assert_eq!(take("uid:1", &late.reference, &["01301"]), expired);
        assert_eq!(take("uid:2", &late.reference, &["01301"]), unknown);
    }

    #[tokio::test]
    async fn a_machine_that_slept_has_used_the_time_up() {
        let all = Arc::new(Identities::default());
        let held = all.hold(identity("a"), 0, 5_000).expect("randomness");
        let woke = since_boot() + Duration::from_secs(5);
        let late = all.take_at("uid:1", &held.reference, &["01301"], woke);
        assert_eq!(late.map(Result::err), Some(Some(Code::IdentityExpired)));
        // The person is forgotten with it.
        let again = all.take("uid:1", &held.reference, &["01301"]);
        assert_eq!(again.map(Result::err), Some(Some(Code::IdentityExpired)));
    }

    #[tokio::test]
    async fn the_oldest_makes_room_and_a_code_is_known_again() {
        let all = Arc::new(Identities::default());
        let first = all.hold(identity("0000"), 0, 5_000).expect("randomness");
        for n in 1..=REFS_MAX {
            all.hold(identity(&format!("{n:04}")), 0, 5_000);
        }
        assert!(all.take("uid:1", &first.reference, &["01301"]).is_none());
        let code = ScannedCode::new("4241234567890123456789430000");
        assert!(!all.knows_code(&code));
        all.note_code(code.clone());
        assert!(all.knows_code(&code));
    }
}
