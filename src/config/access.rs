//! Who may do what: the callers that the configuration names, and their roles.

use std::fmt;

use super::keys::Keys;

/// What a caller is to this desk. One caller may have several roles; it may do what any of them may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// States what the daemon could not find out, and all else: root, the daemon's own user, who is named.
    Admin,
    /// Runs settlements, refunds and hand-outs: the HIS at a window.
    Cashier,
    /// A machine that patients use: identifies, takes payment, prints; undoes nothing, sees nobody else's.
    Kiosk,
    /// The doctor's desk: identifies, settles, prints; gives nothing back.
    Doctor,
    /// The pharmacy: sells, hands out, takes back.
    Pharmacist,
    /// Looks after the desk: sees devices and status, no settlement.
    Monitor,
}

impl Role {
    /// All of them, as documents list them.
    pub const ALL: [Role; 6] = [
        Role::Admin,
        Role::Cashier,
        Role::Kiosk,
        Role::Doctor,
        Role::Pharmacist,
        Role::Monitor,
    ];

    /// Its name in the configuration.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::Cashier => "cashier",
            Role::Kiosk => "kiosk",
            Role::Doctor => "doctor",
            Role::Pharmacist => "pharmacist",
            Role::Monitor => "monitor",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn of(word: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.word() == word)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A caller, as the configuration names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// `uid:1000`.
    Uid(u32),
    /// `user:cashier`.
    User(String),
    /// `gid:1000`.
    Gid(u32),
    /// `group:yibao`.
    Group(String),
    /// `token:his`: who shows that token over TCP.
    Token(String),
    /// `certificate:his.example`: who shows a certificate of that common name over TLS.
    Certificate(String),
}

/// Who may do what beyond the socket's mode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Who has which role. No cashier: everybody without a role who can open the socket is one.
    pub roles: Vec<(Role, Caller)>,
    /// Who may settle a bill that names nobody. Empty: nobody.
    pub unnamed_bill: Vec<Caller>,
    /// Who may be told names and numbers whole, besides admins. Empty: nobody.
    pub unmasked: Vec<Caller>,
}

pub(super) fn access(mut keys: Keys) -> Access {
    let mut roles = Vec::new();
    for role in Role::ALL {
        let named = callers(&mut keys, role.word());
        roles.extend(named.into_iter().map(|caller| (role, caller)));
    }
    // The name of the list before there were others.
    let cashiers = callers(&mut keys, "settle");
    roles.extend(cashiers.into_iter().map(|caller| (Role::Cashier, caller)));
    Access {
        roles,
        unnamed_bill: callers(&mut keys, "unnamed_bill"),
        unmasked: callers(&mut keys, "unmasked"),
    }
}

fn callers(keys: &mut Keys, key: &'static str) -> Vec<Caller> {
    let mut callers = Vec::new();
    for text in keys.list(key, &[]) {
        match caller(&text) {
            Some(caller) => callers.push(caller),
            None => {
                let known = "uid:N, user:NAME, gid:N, group:NAME, token:NAME, certificate:NAME";
                let en = format!("{text:?} is none of {known}");
                keys.problem(key, (en, format!("{text:?} 不是可用的写法，可用：{known}")));
            }
        }
    }
    callers
}

fn caller(text: &str) -> Option<Caller> {
    let (kind, who) = text.split_once(':')?;
    if who.is_empty() {
        return None;
    }
    match kind {
        "uid" => who.parse().ok().map(Caller::Uid),
        "gid" => who.parse().ok().map(Caller::Gid),
        "user" => Some(Caller::User(who.to_owned())),
        "group" => Some(Caller::Group(who.to_owned())),
        "token" => Some(Caller::Token(who.to_owned())),
        "certificate" => Some(Caller::Certificate(who.to_owned())),
        _ => None,
    }
}
