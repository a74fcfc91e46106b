//! Who has which role, by the configuration and the accounts of this machine.

use std::io;
use std::sync::Arc;

use super::accounts::{self, Accounts, Callers, UnknownName};
use super::caller::Caller;
use super::members::Members;
use super::table::Operation;
use crate::book::Code;
use crate::config::access::{self as named, Access, Role};
use crate::operation::{CallerId, Failure};

/// The group whose members may open the socket and call over the bus. Made by the package.
pub const GROUP: &str = "yibao";

/// Who has which role.
#[derive(Clone, Debug)]
pub struct Policy {
    owner_uid: u32,
    /// A row for each role.
    roles: Vec<(Role, Callers)>,
    /// Whether somebody is named as cashier; else everybody whom the socket's mode lets in is one.
    cashiers_are_named: bool,
    /// Whom the socket's mode lets in, for callers that come another way.
    group: Callers,
    unnamed_bill: Callers,
    unmasked: Callers,
    /// Who is in which group, where nobody says it of the caller.
    members: Arc<Members>,
    /// Whether money and goods may be moved over TCP.
    tcp_settles: bool,
}

impl Policy {
    /// Checks the configured names against the accounts of this machine. Root and the owner of the socket may
    /// always do everything.
    ///
    /// # Errors
    /// A name that is no account: it would give a right to nobody, which nobody can have meant.
    pub fn new(access: &Access, owner_uid: u32, accounts: &Accounts) -> Result<Self, UnknownName> {
        let named = |role: Role| -> Vec<named::Caller> {
            let of_role = access.roles.iter().filter(|(named, _)| *named == role);
            of_role.map(|(_, caller)| caller.clone()).collect()
        };
        let mut roles = Vec::new();
        for role in Role::ALL {
            roles.push((role, accounts.callers(&named(role))?));
        }
        let group = accounts.gid(GROUP).map(named::Caller::Gid);
        Ok(Self {
            owner_uid,
            roles,
            // A token or certificate says nothing of who may use the socket.
            cashiers_are_named: named(Role::Cashier).iter().any(is_local),
            group: accounts.callers(group.as_slice())?,
            unnamed_bill: accounts.callers(&access.unnamed_bill)?,
            unmasked: accounts.callers(&access.unmasked)?,
            members: Arc::new(Members::of(accounts)),
            tcp_settles: false,
        })
    }

    /// The same, and who is in which group is read again from the files of this machine within a second of a change.
    ///
    /// # Errors
    /// There is no thread that could look at them.
    pub fn with_files(self, accounts: &Accounts) -> io::Result<Self> {
        let (passwd, group) = (accounts::PASSWD.into(), accounts::GROUP.into());
        Ok(Self {
            members: Members::in_files(accounts, passwd, group)?,
            ..self
        })
    }

    /// The same, and whether money and goods may be moved over TCP.
    #[must_use]
    pub fn with_tcp(self, settles: bool) -> Self {
        Self {
            tcp_settles: settles,
            ..self
        }
    }

    /// Whether this is root or the owner of the socket, who can always get in.
    #[must_use]
    pub fn is_own(&self, caller: &Caller) -> bool {
        let uid = caller.local_uid();
        uid.is_some_and(|uid| uid == 0 || uid == self.owner_uid)
    }

    /// What this caller is; nothing: a stranger.
    #[must_use]
    pub fn roles(&self, caller: &Caller) -> Vec<Role> {
        if self.is_own(caller) {
            return vec![Role::Admin];
        }
        let named = self.roles.iter().filter(|(_, who)| self.are(who, caller));
        let named: Vec<Role> = named.map(|(role, _)| *role).collect();
        let unnamed = match self.cashiers_are_named {
            true => Role::Monitor,
            false => Role::Cashier,
        };
        match caller {
            _ if !named.is_empty() => named,
            Caller::Uid { .. } => vec![unnamed],
            Caller::Bus { .. } if self.are(&self.group, caller) => vec![unnamed],
            Caller::Bus { .. } | Caller::Token { .. } | Caller::Certificate { .. } => Vec::new(),
        }
    }

    /// Whether the configuration names a certificate of this common name. No other name is told to anybody.
    #[must_use]
    pub fn names_certificate(&self, subject: &str) -> bool {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let caller = Caller::Certificate {
            subject: subject.to_owned(),
        };
        let rows = self.roles.iter().map(|(_, who)| who);
        let mut rows = rows.chain([&self.unnamed_bill, &self.unmasked]);
        subject.chars().all(is_plain) && rows.any(|who| self.are(who, &caller))
    }

    fn are(&self, who: &Callers, caller: &Caller) -> bool {
        who.contains(caller, &self.members)
    }

    /// Whether the socket's mode lets this user in, as far as the files of accounts tell; true for callers that need
    /// no socket.
    #[must_use]
    pub fn opens_socket(&self, caller: &Caller) -> bool {
        caller.is_remote() || self.is_own(caller) || self.are(&self.group, caller)
    }

    /// Whether this caller may do that.
    #[must_use]
    pub fn may(&self, caller: &Caller, operation: Operation) -> bool {
        self.objection(caller, operation).is_none()
    }

    /// Why this caller may not do that; absent: it may.
    #[must_use]
    pub fn objection(&self, caller: &Caller, operation: Operation) -> Option<String> {
        let mut roles = self.roles(caller).into_iter();
        let is_granted = caller.granted().contains(&operation);
        if !is_granted && !roles.any(|role| role.may(operation)) {
            return Some(format!("{caller} may not do {operation:?}"));
        }
        if caller.is_remote() && operation.moves() && !self.tcp_settles {
            let name = operation.name();
            return Some(format!("{name} over TCP is not switched on (tcp.settle)"));
        }
        None
    }

    /// Whether this caller may do that, and as whom.
    ///
    /// # Errors
    /// `NOT_ALLOWED`.
    pub fn admit(&self, caller: &Caller, operation: Operation) -> Result<CallerId, Failure> {
        if let Some(detail) = self.objection(caller, operation) {
            return Err(Failure::new(Code::NotAllowed, detail));
        }
        let roles = self.roles(caller);
        Ok(CallerId {
            id: caller.to_string(),
            shown: caller.shown(),
            door: caller.door(),
            may_bill_unnamed: self.are(&self.unnamed_bill, caller),
            may_see_persons: roles.contains(&Role::Admin) || self.are(&self.unmasked, caller),
            uid: caller.token_uid(),
        })
    }
}

/// Whether a named caller is somebody of this machine.
fn is_local(caller: &named::Caller) -> bool {
    match caller {
        named::Caller::Uid(_)
        | named::Caller::User(_)
        | named::Caller::Gid(_)
        | named::Caller::Group(_) => true,
        named::Caller::Token(_) | named::Caller::Certificate(_) => false,
    }
}
