//! The accounts of this machine, and sets of callers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::caller::{Caller, Groups};
use super::members::Members;
use crate::config::access as named;

/// A configured name that is no account of this machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("access: there is no {kind} {name:?} on this machine")]
pub struct UnknownName {
    kind: &'static str,
    name: String,
}

/// Where the accounts of a machine stand.
pub(super) const PASSWD: &str = "/etc/passwd";
pub(super) const GROUP: &str = "/etc/group";

/// Some callers. Who is in a group is what the kernel, or the bus, says of the caller, as for any file that a group may
/// read: it holds from a login until the session ends, whichever directory the accounts come from. And whom the files of
/// accounts name is in it at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Callers {
    uids: BTreeSet<u32>,
    gids: BTreeSet<u32>,
    tokens: BTreeSet<String>,
    certificates: BTreeSet<String>,
}

impl Callers {
    pub(super) fn contains(&self, caller: &Caller, members: &Members) -> bool {
        match caller {
            Caller::Uid {
                uid, gid, groups, ..
            } => {
                let is_named = self.uids.contains(uid) || self.gids.contains(gid);
                is_named || self.has_group(*uid, groups.as_ref(), members)
            }
            Caller::Bus { uid, groups, .. } => {
                self.uids.contains(uid) || self.has_group(*uid, groups.as_ref(), members)
            }
            Caller::Token { name, .. } => self.tokens.contains(name),
            Caller::Certificate { subject } => self.certificates.contains(subject),
        }
    }

    fn has_group(&self, uid: u32, groups: Option<&Groups>, members: &Members) -> bool {
        match groups {
            Some(groups) if groups.iter().any(|gid| self.gids.contains(gid)) => true,
            // Whom the files name since counts at once: a role may take rights away from who would be unnamed.
            Some(_) | None => members.is_in(uid, &self.gids),
        }
    }
}

/// The accounts of this machine, from `/etc/passwd` and `/etc/group`. Directory services are not asked: names in the
/// configuration are local, and what groups a caller is in the kernel says.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    users: BTreeMap<String, User>,
    groups: BTreeMap<String, Group>,
}

#[derive(Clone, Copy, Debug)]
struct User {
    uid: u32,
    gid: u32,
}

#[derive(Clone, Debug)]
struct Group {
    gid: u32,
    members: Vec<String>,
}

impl Accounts {
    /// Reads the two files.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn read() -> std::io::Result<Self> {
        Self::read_from(Path::new(PASSWD), Path::new(GROUP))
    }

    /// [`Accounts::read`] from elsewhere.
    pub(super) fn read_from(passwd: &Path, group: &Path) -> std::io::Result<Self> {
        let passwd = std::fs::read_to_string(passwd)?;
        let group = std::fs::read_to_string(group)?;
        Ok(Self::parse(&passwd, &group))
    }

    /// Takes the texts of the two files. Lines in another form are passed over.
    #[must_use]
    pub fn parse(passwd: &str, group: &str) -> Self {
        let users = passwd.lines().filter_map(|line| {
            let mut columns = line.split(':');
            let name = columns.next()?;
            let uid = columns.nth(1)?.parse().ok()?;
            let gid = columns.next()?.parse().ok()?;
            Some((name.to_owned(), User { uid, gid }))
        });
        let groups = group.lines().filter_map(|line| {
            let mut columns = line.split(':');
            let name = columns.next()?;
            let gid = columns.nth(1)?.parse().ok()?;
            let members = columns
                .next()?
                .split(',')
                .filter(|member| !member.is_empty());
            let members = members.map(str::to_owned).collect();
            Some((name.to_owned(), Group { gid, members }))
        });
        Self {
            users: users.collect(),
            groups: groups.collect(),
        }
    }

    /// The number of a group.
    #[must_use]
    pub fn gid(&self, group: &str) -> Option<u32> {
        self.groups.get(group).map(|group| group.gid)
    }

    /// The number of a user and of its primary group.
    #[must_use]
    pub fn user(&self, name: &str) -> Option<(u32, u32)> {
        self.users.get(name).map(|user| (user.uid, user.gid))
    }

    /// The primary group of a user's number.
    #[must_use]
    pub fn gid_of_uid(&self, uid: u32) -> Option<u32> {
        let mut users = self.users.values();
        users.find(|user| user.uid == uid).map(|user| user.gid)
    }

    pub(super) fn callers(&self, named: &[named::Caller]) -> Result<Callers, UnknownName> {
        let mut callers = Callers::default();
        for caller in named {
            match caller {
                named::Caller::Uid(uid) => {
                    callers.uids.insert(*uid);
                }
                named::Caller::Gid(gid) => {
                    callers.gids.insert(*gid);
                }
                named::Caller::User(name) => {
                    let user = self.users.get(name);
                    let user = user.ok_or_else(|| unknown("user", name))?;
                    callers.uids.insert(user.uid);
                }
                named::Caller::Group(name) => {
                    let gid = self.gid(name).ok_or_else(|| unknown("group", name))?;
                    callers.gids.insert(gid);
                }
                named::Caller::Token(name) => {
                    callers.tokens.insert(name.clone());
                }
                named::Caller::Certificate(name) => {
                    callers.certificates.insert(name.clone());
                }
            }
        }
        Ok(callers)
    }

    /// Whether this user is in any of these groups: listed, or by its primary group.
    pub(super) fn is_member(&self, uid: u32, gids: &BTreeSet<u32>) -> bool {
        let of_uid = |(_, user): &(&String, &User)| user.uid == uid;
        // A number may have several names.
        self.users.iter().filter(of_uid).any(|(name, user)| {
            let mut groups = self.groups.values();
            gids.contains(&user.gid)
                || groups.any(|group| gids.contains(&group.gid) && group.members.contains(name))
        })
    }
}

fn unknown(kind: &'static str, name: &str) -> UnknownName {
    UnknownName {
        kind,
        name: name.to_owned(),
    }
}
