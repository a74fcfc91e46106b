//! The accounts of this machine, and sets of callers.

use std::collections::{BTreeMap, BTreeSet};

use super::caller::Caller;
use crate::config::access as named;

/// A configured name that is no account of this machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("access: there is no {kind} {name:?} on this machine")]
pub struct UnknownName {
    kind: &'static str,
    name: String,
}

/// Some callers. Groups stand for their members as `/etc/group` lists them and for those whose primary group they
/// are; the kernel does not say which other groups a peer is in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Callers {
    uids: BTreeSet<u32>,
    gids: BTreeSet<u32>,
    tokens: BTreeSet<String>,
    certificates: BTreeSet<String>,
}

impl Callers {
    pub(super) fn contains(&self, caller: &Caller) -> bool {
        match caller {
            Caller::Uid { uid, gid, .. } => self.uids.contains(uid) || self.gids.contains(gid),
            Caller::Bus { uid, .. } => self.uids.contains(uid),
            Caller::Token { name, .. } => self.tokens.contains(name),
            Caller::Certificate { subject } => self.certificates.contains(subject),
        }
    }
}

/// The accounts of this machine, from `/etc/passwd` and `/etc/group`. Directory services are not asked: the users of
/// a desk's own service are local.
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
        let passwd = std::fs::read_to_string("/etc/passwd")?;
        let group = std::fs::read_to_string("/etc/group")?;
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
                named::Caller::Gid(gid) => self.add_group(&mut callers, *gid),
                named::Caller::User(name) => {
                    let user = self.users.get(name);
                    let user = user.ok_or_else(|| unknown("user", name))?;
                    callers.uids.insert(user.uid);
                }
                named::Caller::Group(name) => {
                    let gid = self.gid(name).ok_or_else(|| unknown("group", name))?;
                    self.add_group(&mut callers, gid);
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

    fn add_group(&self, callers: &mut Callers, gid: u32) {
        callers.gids.insert(gid);
        let groups = self.groups.values().filter(|group| group.gid == gid);
        let listed = groups.flat_map(|group| &group.members);
        let listed = listed.filter_map(|name| self.users.get(name));
        let primary = self.users.values().filter(|user| user.gid == gid);
        callers
            .uids
            .extend(listed.chain(primary).map(|user| user.uid));
    }
}

fn unknown(kind: &'static str, name: &str) -> UnknownName {
    UnknownName {
        kind,
        name: name.to_owned(),
    }
}
