//! Who may call what: one table, role × operation.
//!
//! A caller on the local socket is known by the credentials that the kernel noted at `connect`. The process id is
//! for the log only, since numbers are used again. Strangers do not get this far: the socket's mode keeps them out,
//! and it is open to its group only when that group is ours. This file must not know any wire.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::book::Code;
use crate::config::settings::{self, Access};
use crate::operation::{CallerId, Failure};

/// Who is at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A process of this machine, on the local socket.
    Uid {
        /// Its effective user.
        uid: u32,
        /// Its effective group.
        gid: u32,
        /// Its process, for the log.
        pid: Option<i32>,
    },
}

impl fmt::Display for Caller {
    /// The identity that a `request_id` is scoped to.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Caller::Uid { uid, .. } => write!(f, "uid:{uid}"),
        }
    }
}

/// What can be asked at a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `ScanAndPay`.
    ScanAndPay,
    /// `WatchSettlement`.
    WatchSettlement,
    /// `ConfirmSettlement`.
    ConfirmSettlement,
    /// `CancelSettlement`.
    CancelSettlement,
    /// `GetSettlement`.
    GetSettlement,
    /// `ListSettlements`.
    ListSettlements,
    /// `HandOut`.
    HandOut,
    /// `TakeBack`.
    TakeBack,
    /// `GetDispense`.
    GetDispense,
    /// `ListDevices`.
    ListDevices,
    /// `WatchDevices`.
    WatchDevices,
    /// `Scan`.
    Scan,
    /// `Claim`.
    Claim,
    /// `RenewClaim`.
    RenewClaim,
    /// `ReleaseClaim` of the caller's own.
    ReleaseClaim,
    /// `ReleaseClaim` of anybody's.
    ReleaseAnyClaim,
    /// `CheckHealth`.
    CheckHealth,
    /// `ExplainDevice`.
    ExplainDevice,
    /// `ReadCard`.
    ReadCard,
    /// `Identify`.
    Identify,
    /// `WatchIdentification`.
    WatchIdentification,
    /// `CancelIdentify`.
    CancelIdentify,
    /// `GetStatus`.
    GetStatus,
    /// `ListStuck`.
    ListStuck,
    /// `RefundSettlement`.
    RefundSettlement,
    /// `GetRefund`.
    GetRefund,
    /// `ResolveSettlement`.
    ResolveSettlement,
    /// `Reconcile` of this journal alone.
    Reconcile,
    /// `Print` of a document.
    Print,
    /// `Print` of bytes.
    PrintRaw,
    /// `GetJob`, `WatchJob`.
    GetJob,
    /// `Reprint` of the caller's own.
    Reprint,
    /// `Reprint` of anybody's job.
    ReprintAnyJob,
    /// `CancelJob` of the caller's own.
    CancelJob,
    /// `CancelJob` of anybody's.
    CancelAnyJob,
    /// `Preview`.
    PreviewPrint,
    /// `Reconcile` with `whole_hospital`.
    ReconcileHospital,
    /// `RecordDevice`.
    RecordDevice,
}

/// What a caller is to this desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// States what the daemon could not find out, and all else: root, the daemon's own user, who is named.
    Admin,
    /// Runs settlements and refunds: the HIS's user.
    Cashier,
    /// Looks after the desk: sees devices and status, no settlement.
    Monitor,
}

impl Role {
    /// The table.
    #[must_use]
    pub fn may(self, operation: Operation) -> bool {
        let least = match operation {
            Operation::ResolveSettlement
            | Operation::PrintRaw
            | Operation::CancelAnyJob
            | Operation::ReprintAnyJob
            | Operation::ReconcileHospital
            | Operation::RecordDevice
            | Operation::ReleaseAnyClaim => Role::Admin,
            Operation::ScanAndPay
            | Operation::WatchSettlement
            | Operation::ConfirmSettlement
            | Operation::CancelSettlement
            | Operation::GetSettlement
            | Operation::ListSettlements
            | Operation::HandOut
            | Operation::TakeBack
            | Operation::GetDispense
            | Operation::ListStuck
            | Operation::RefundSettlement
            | Operation::ReadCard
            | Operation::Identify
            | Operation::WatchIdentification
            | Operation::CancelIdentify
            | Operation::GetRefund
            | Operation::Reconcile
            | Operation::Print
            | Operation::GetJob
            | Operation::Reprint
            | Operation::CancelJob
            | Operation::PreviewPrint
            | Operation::Scan
            | Operation::Claim
            | Operation::RenewClaim
            | Operation::ReleaseClaim => Role::Cashier,
            Operation::ListDevices
            | Operation::WatchDevices
            | Operation::CheckHealth
            | Operation::ExplainDevice
            | Operation::GetStatus => Role::Monitor,
        };
        match self {
            Role::Admin => true,
            Role::Cashier => least != Role::Admin,
            Role::Monitor => least == Role::Monitor,
        }
    }
}

/// Some users, by number. Groups stand for their members as `/etc/group` lists them and for those whose primary
/// group they are; the kernel does not say which other groups a peer is in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Users {
    uids: BTreeSet<u32>,
    gids: BTreeSet<u32>,
}

impl Users {
    fn contains(&self, caller: &Caller) -> bool {
        match caller {
            Caller::Uid { uid, gid, .. } => self.uids.contains(uid) || self.gids.contains(gid),
        }
    }
}

/// Who has which role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    owner_uid: u32,
    /// Absent: everybody whom the socket's mode lets in.
    settle: Option<Users>,
    unnamed_bill: Users,
    admin: Users,
    unmasked: Users,
}

impl Policy {
    /// Checks the configured names against the accounts of this machine. Root and the owner of the socket may
    /// always do everything.
    ///
    /// # Errors
    /// A name that is no account: it would give a right to nobody, which nobody can have meant.
    pub fn new(access: &Access, owner_uid: u32, accounts: &Accounts) -> Result<Self, UnknownName> {
        let settle = accounts.users(&access.settle)?;
        let unnamed_bill = accounts.users(&access.unnamed_bill)?;
        let admin = accounts.users(&access.admin)?;
        let unmasked = accounts.users(&access.unmasked)?;
        let settle = (!access.settle.is_empty()).then_some(settle);
        Ok(Self {
            owner_uid,
            settle,
            unnamed_bill,
            admin,
            unmasked,
        })
    }

    /// Whether this is root or the owner of the socket, who can always get in.
    #[must_use]
    pub fn is_own(&self, caller: &Caller) -> bool {
        let Caller::Uid { uid, .. } = caller;
        *uid == 0 || *uid == self.owner_uid
    }

    /// What this caller is.
    #[must_use]
    pub fn role(&self, caller: &Caller) -> Role {
        let may_settle = self
            .settle
            .as_ref()
            .is_none_or(|users| users.contains(caller));
        if self.is_own(caller) || self.admin.contains(caller) {
            Role::Admin
        } else if may_settle {
            Role::Cashier
        } else {
            Role::Monitor
        }
    }

    /// Whether this caller may do that, and as whom.
    ///
    /// # Errors
    /// `NOT_ALLOWED`.
    pub fn admit(&self, caller: &Caller, operation: Operation) -> Result<CallerId, Failure> {
        if self.role(caller).may(operation) {
            let may_bill_unnamed = self.unnamed_bill.contains(caller);
            let is_admin = self.role(caller) == Role::Admin;
            let may_see_persons = is_admin || self.unmasked.contains(caller);
            Ok(CallerId {
                id: caller.to_string(),
                may_bill_unnamed,
                may_see_persons,
            })
        } else {
            let detail = format!("{caller} may not do {operation:?}");
            Err(Failure::new(Code::NotAllowed, detail))
        }
    }
}

/// A configured name that is no account of this machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("access: there is no {kind} {name:?} on this machine")]
pub struct UnknownName {
    kind: &'static str,
    name: String,
}

/// The accounts of this machine, from `/etc/passwd` and `/etc/group`. Directory services are not asked: the users of
/// a desk's own service are local.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    users: BTreeMap<String, u32>,
    groups: BTreeMap<String, Group>,
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
            Some((name.to_owned(), columns.nth(1)?.parse().ok()?))
        });
        let groups = group.lines().filter_map(|line| {
            let mut columns = line.split(':');
            let name = columns.next()?;
            let gid = columns.nth(1)?.parse().ok()?;
            let members = columns
                .next()?
                .split(',')
                .filter(|member| !member.is_empty());
            Some((
                name.to_owned(),
                Group {
                    gid,
                    members: members.map(str::to_owned).collect(),
                },
            ))
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

    fn users(&self, callers: &[settings::Caller]) -> Result<Users, UnknownName> {
        let mut users = Users::default();
        for caller in callers {
            match caller {
                settings::Caller::Uid(uid) => {
                    users.uids.insert(*uid);
                }
                settings::Caller::Gid(gid) => {
                    users.gids.insert(*gid);
                    let groups = self.groups.values().filter(|group| group.gid == *gid);
                    users
                        .uids
                        .extend(groups.flat_map(|group| self.members(group)));
                }
                settings::Caller::User(name) => {
                    let uid = self.users.get(name);
                    let unknown = || UnknownName {
                        kind: "user",
                        name: name.clone(),
                    };
                    users.uids.insert(*uid.ok_or_else(unknown)?);
                }
                settings::Caller::Group(name) => {
                    let unknown = || UnknownName {
                        kind: "group",
                        name: name.clone(),
                    };
                    let group = self.groups.get(name).ok_or_else(unknown)?;
                    users.gids.insert(group.gid);
                    users.uids.extend(self.members(group));
                }
            }
        }
        Ok(users)
    }

    fn members(&self, group: &Group) -> impl Iterator<Item = u32> {
        group
            .members
            .iter()
            .filter_map(|name| self.users.get(name).copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTLEMENT: [Operation; 26] = [
        Operation::ScanAndPay,
        Operation::WatchSettlement,
        Operation::ConfirmSettlement,
        Operation::CancelSettlement,
        Operation::GetSettlement,
        Operation::ListSettlements,
        Operation::HandOut,
        Operation::TakeBack,
        Operation::GetDispense,
        Operation::ListStuck,
        Operation::RefundSettlement,
        Operation::GetRefund,
        Operation::Reconcile,
        Operation::ReadCard,
        Operation::Identify,
        Operation::WatchIdentification,
        Operation::CancelIdentify,
        Operation::Scan,
        Operation::Claim,
        Operation::RenewClaim,
        Operation::ReleaseClaim,
        Operation::Print,
        Operation::GetJob,
        Operation::Reprint,
        Operation::CancelJob,
        Operation::PreviewPrint,
    ];
    const ADMIN: [Operation; 7] = [
        Operation::RecordDevice,
        Operation::ResolveSettlement,
        Operation::ReconcileHospital,
        Operation::ReleaseAnyClaim,
        Operation::PrintRaw,
        Operation::CancelAnyJob,
        Operation::ReprintAnyJob,
    ];
    const DESK: [Operation; 5] = [
        Operation::ListDevices,
        Operation::WatchDevices,
        Operation::CheckHealth,
        Operation::ExplainDevice,
        Operation::GetStatus,
    ];
    const PASSWD: &str =
        "root:x:0:0::/root:/bin/sh\nhis:x:1000:1000:::\nkiosk:x:1001:1001:::\nodd\n";
    const GROUP: &str = "yibao:x:500:his,gone\nnobody:x:oops:\nempty:x:501:\n";

    #[test]
    fn the_table_is_what_it_is() {
        for (role, admin, settlement, desk) in [
            (Role::Admin, true, true, true),
            (Role::Cashier, false, true, true),
            (Role::Monitor, false, false, true),
        ] {
            assert!(ADMIN.iter().all(|o| role.may(*o) == admin), "{role:?}");
            assert!(
                SETTLEMENT.iter().all(|o| role.may(*o) == settlement),
                "{role:?}"
            );
            assert!(DESK.iter().all(|o| role.may(*o) == desk), "{role:?}");
        }
    }

    #[test]
    fn only_who_is_named_settles() {
        let policy = policy(&[settings::Caller::Group("yibao".into())], &[]).unwrap();
        let role = |uid, gid| policy.role(&caller(uid, gid));
        assert_eq!(role(0, 0), Role::Admin, "root");
        assert_eq!(role(990, 990), Role::Admin, "the owner of the socket");
        assert_eq!(role(1000, 1000), Role::Cashier, "a listed member");
        assert_eq!(role(1002, 500), Role::Cashier, "by primary group");
        assert_eq!(role(1001, 1001), Role::Monitor);
        let by_number = [settings::Caller::Uid(7), settings::Caller::Gid(500)];
        let policy = super::tests::policy(&by_number, &[]).unwrap();
        for (uid, expected) in [
            (7, Role::Cashier),
            (1000, Role::Cashier),
            (8, Role::Monitor),
        ] {
            assert_eq!(policy.role(&caller(uid, 1)), expected);
        }
    }

    #[test]
    fn with_nobody_named_the_sockets_mode_decides() {
        let policy = policy(&[], &[]).unwrap();
        assert_eq!(policy.role(&caller(1001, 1001)), Role::Cashier);
    }

    #[test]
    fn an_admin_is_named_and_needs_no_other_right() {
        let access = Access {
            settle: vec![settings::Caller::User("kiosk".into())],
            admin: vec![settings::Caller::User("his".into())],
            ..Access::default()
        };
        let policy = Policy::new(&access, 990, &Accounts::parse(PASSWD, GROUP)).unwrap();
        for (uid, role) in [
            (0, Role::Admin),
            (990, Role::Admin),
            (1000, Role::Admin),
            (1001, Role::Cashier),
            (1002, Role::Monitor),
        ] {
            assert_eq!(policy.role(&caller(uid, uid)), role, "{uid}");
            let may = policy.admit(&caller(uid, uid), Operation::ResolveSettlement);
            assert_eq!(may.is_ok(), role == Role::Admin, "{uid}");
        }
        let access = Access {
            admin: vec![settings::Caller::User("nobody-here".into())],
            ..Access::default()
        };
        assert!(Policy::new(&access, 990, &Accounts::parse(PASSWD, GROUP)).is_err());
    }

    #[test]
    fn a_caller_is_scoped_by_user_and_unnamed_bills_are_a_right_of_their_own() {
        let named = [settings::Caller::User("kiosk".into())];
        let policy = policy(&named, &named).unwrap();
        let id = policy
            .admit(&caller(1001, 1), Operation::ScanAndPay)
            .unwrap();
        assert_eq!(
            id,
            CallerId {
                id: "uid:1001".into(),
                may_bill_unnamed: true,
                may_see_persons: false
            }
        );
        assert!(
            !policy
                .admit(&caller(0, 0), Operation::ScanAndPay)
                .unwrap()
                .may_bill_unnamed
        );
        let failure = policy
            .admit(&caller(1000, 1), Operation::ScanAndPay)
            .unwrap_err();
        assert_eq!(failure.code, Code::NotAllowed);
        assert!(policy.admit(&caller(1000, 1), Operation::GetStatus).is_ok());
    }

    #[test]
    fn who_sees_persons_whole_is_named_or_an_admin() {
        let access = Access {
            unmasked: vec![settings::Caller::User("kiosk".into())],
            admin: vec![settings::Caller::Uid(7)],
            ..Access::default()
        };
        let policy = Policy::new(&access, 990, &Accounts::parse(PASSWD, GROUP)).unwrap();
        for (uid, sees) in [
            (0, true),
            (990, true),
            (7, true),
            (1001, true),
            (1000, false),
        ] {
            let id = policy.admit(&caller(uid, uid), Operation::Identify);
            assert_eq!(id.unwrap().may_see_persons, sees, "{uid}");
        }
    }

    #[test]
    fn a_name_that_is_no_account_is_an_error() {
        let error = policy(&[settings::Caller::User("cashire".into())], &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "access: there is no user \"cashire\" on this machine"
        );
        assert!(policy(&[], &[settings::Caller::Group("nobody".into())]).is_err());
        assert_eq!(Accounts::parse(PASSWD, GROUP).gid("empty"), Some(501));
    }

    fn policy(
        settle: &[settings::Caller],
        unnamed_bill: &[settings::Caller],
    ) -> Result<Policy, UnknownName> {
        let access = Access {
            settle: settle.into(),
            unnamed_bill: unnamed_bill.into(),
            ..Access::default()
        };
        Policy::new(&access, 990, &Accounts::parse(PASSWD, GROUP))
    }

    fn caller(uid: u32, gid: u32) -> Caller {
        Caller::Uid {
            uid,
            gid,
            pid: None,
        }
    }
}
