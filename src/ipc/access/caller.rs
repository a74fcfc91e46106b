//! Who is at the other end.

use std::fmt;
use std::sync::Arc;

use super::table::Operation;

/// The groups that somebody is in, as the kernel noted them at `connect`. Cheap to clone.
pub type Groups = Arc<[u32]>;

/// Who is at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A process of this machine, on the local socket.
    Uid {
        /// Its effective user.
        uid: u32,
        /// Its effective group.
        gid: u32,
        /// Its other groups; absent where the kernel does not say.
        groups: Option<Groups>,
        /// Its process, for the log.
        pid: Option<i32>,
    },
    /// Who showed a named token over TCP.
    Token {
        /// Of which name.
        name: String,
        /// Whose socket it is, as the kernel says; absent where it cannot say. For the log and the journal: which
        /// program had the token, when it was shown from elsewhere than where it belongs. It gives no right.
        uid: Option<u32>,
        /// What was shown, so that a name which means another token by then is not taken for this one. Absent: nothing
        /// was, as when it is only asked what a token may do.
        shown: Option<Shown>,
    },
    /// Who showed a certificate over TLS.
    Certificate {
        /// Its subject's common name.
        subject: String,
    },
    /// A process of this machine, on the system bus.
    Bus {
        /// Its user, as the bus says.
        uid: u32,
        /// The groups it is in, as the bus says; absent where it does not.
        groups: Option<Groups>,
        /// Its unique name on the bus, for the log and for polkit.
        name: String,
        /// What polkit has to do with this one call.
        grant: Grant,
    },
}

/// What polkit has to do with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Nothing: it adds nothing to this method.
    Nothing,
    /// It is asked when the table says no, which is not the last word then.
    Asked,
    /// It was asked, and adds these.
    Given(&'static [Operation]),
}

/// The digest of a token that was shown. Says nothing when shown itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Of the token.
    pub(in crate::ipc) digest: [u8; 32],
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shown")
    }
}

impl Caller {
    /// The user of this machine, where one is known by the way in alone.
    #[must_use]
    pub fn local_uid(&self) -> Option<u32> {
        match self {
            Caller::Uid { uid, .. } | Caller::Bus { uid, .. } => Some(*uid),
            Caller::Token { .. } | Caller::Certificate { .. } => None,
        }
    }

    /// Whether it came over TCP.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        match self {
            Caller::Token { .. } | Caller::Certificate { .. } => true,
            Caller::Uid { .. } | Caller::Bus { .. } => false,
        }
    }

    /// Its process, for the log.
    #[must_use]
    pub fn pid(&self) -> Option<i32> {
        match self {
            Caller::Uid { pid, .. } => *pid,
            Caller::Bus { .. } | Caller::Token { .. } | Caller::Certificate { .. } => None,
        }
    }

    /// Who it is with its process or its connection, as far as this door knows them: what tells two callers of one
    /// identity apart for a person.
    #[must_use]
    pub fn shown(&self) -> String {
        let more = match self {
            Caller::Uid { pid, .. } => pid.map(|pid| format!("pid {pid}")),
            Caller::Bus { name, .. } => Some(format!("bus {name}")),
            Caller::Token { uid, .. } => uid.map(|uid| format!("uid:{uid}")),
            Caller::Certificate { .. } => None,
        };
        match more {
            Some(more) => format!("{self} {more}"),
            None => self.to_string(),
        }
    }

    /// What polkit adds to its rights for this one call.
    #[must_use]
    pub fn granted(&self) -> &'static [Operation] {
        match self {
            Caller::Bus {
                grant: Grant::Given(operations),
                ..
            } => operations,
            Caller::Bus { .. }
            | Caller::Uid { .. }
            | Caller::Token { .. }
            | Caller::Certificate { .. } => &[],
        }
    }

    /// Whether polkit is asked when the table says no to this call.
    #[must_use]
    pub fn asks_polkit(&self) -> bool {
        matches!(
            self,
            Caller::Bus {
                grant: Grant::Asked,
                ..
            }
        )
    }

    /// Its name on the bus, for the log.
    #[must_use]
    pub fn bus_name(&self) -> Option<&str> {
        match self {
            Caller::Bus { name, .. } => Some(name),
            Caller::Uid { .. } | Caller::Token { .. } | Caller::Certificate { .. } => None,
        }
    }

    /// Whose socket a token was shown on, for the log and the journal.
    #[must_use]
    pub fn token_uid(&self) -> Option<u32> {
        match self {
            Caller::Token { uid, .. } => *uid,
            Caller::Uid { .. } | Caller::Bus { .. } | Caller::Certificate { .. } => None,
        }
    }

    /// The way in, for the log and the journal: a word on disk stays.
    #[must_use]
    pub fn door(&self) -> &'static str {
        match self {
            Caller::Uid { .. } => "socket",
            Caller::Token { .. } => "tcp",
            Caller::Certificate { .. } => "tls",
            Caller::Bus { .. } => "bus",
        }
    }
}

impl fmt::Display for Caller {
    /// The identity that a `request_id` is scoped to. A person is the same on the socket and on the bus.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Caller::Uid { uid, .. } | Caller::Bus { uid, .. } => write!(f, "uid:{uid}"),
            Caller::Token { name, .. } => write!(f, "token:{name}"),
            Caller::Certificate { subject } => write!(f, "certificate:{subject}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_the_same_by_two_doors_and_a_token_is_itself() {
        let uid = Caller::Uid {
            uid: 1000,
            gid: 5,
            groups: None,
            pid: Some(7),
        };
        let bus = Caller::Bus {
            uid: 1000,
            groups: None,
            name: ":1.7".into(),
            grant: Grant::Nothing,
        };
        let token = Caller::Token {
            name: "his".into(),
            uid: Some(1000),
            shown: None,
        };
        let certificate = Caller::Certificate {
            subject: "his.example".into(),
        };
        assert_eq!(
            (uid.to_string(), bus.to_string()),
            ("uid:1000".into(), "uid:1000".into())
        );
        assert_eq!(
            [&uid, &bus, &token, &certificate].map(Caller::shown),
            [
                "uid:1000 pid 7",
                "uid:1000 bus :1.7",
                "token:his uid:1000",
                "certificate:his.example"
            ]
        );
        assert_eq!(token.to_string(), "token:his");
        assert_eq!(certificate.to_string(), "certificate:his.example");
        assert_eq!((bus.local_uid(), token.local_uid()), (Some(1000), None));
    }
}
