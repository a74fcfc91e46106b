//! Who may call what. Deny by default; one table: role × operation.
//!
//! A caller on the local socket is known by the credentials that the kernel noted at `connect`. The process id is
//! for the log only, since numbers are used again. This file must not know any wire.

use std::collections::BTreeSet;
use std::fmt;

use crate::book::Code;
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
    /// `ListDevices`.
    ListDevices,
    /// `WatchDevices`.
    WatchDevices,
    /// `GetStatus`.
    GetStatus,
}

/// What a caller is to this desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Runs settlements: the HIS's user, the daemon's own user, root.
    Cashier,
    /// Looks after the desk: sees devices and status, no settlement.
    Monitor,
    /// Nobody we know.
    Stranger,
}

impl Role {
    /// The table.
    #[must_use]
    pub fn may(self, operation: Operation) -> bool {
        match (self, operation) {
            (Role::Cashier, _) => true,
            (
                Role::Monitor,
                Operation::ListDevices | Operation::WatchDevices | Operation::GetStatus,
            ) => true,
            (
                Role::Monitor,
                Operation::ScanAndPay
                | Operation::WatchSettlement
                | Operation::ConfirmSettlement
                | Operation::CancelSettlement
                | Operation::GetSettlement
                | Operation::ListSettlements,
            )
            | (Role::Stranger, _) => false,
        }
    }
}

/// Who has which role. Root and the owner of the socket are always cashiers; nobody else is, unless named here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The user that the daemon runs as and the socket belongs to.
    pub owner_uid: u32,
    /// Whether the kernel let in, besides root and the owner, only members of a group that may settle: the
    /// socket is 0660 and belongs to that group. Membership was then checked at `connect`, supplementary groups
    /// included, which the credentials of the peer do not show.
    pub socket_group_may_settle: bool,
    /// Users that may settle.
    pub cashier_uids: BTreeSet<u32>,
    /// Primary groups that may settle.
    pub cashier_gids: BTreeSet<u32>,
    /// Users that may look after the desk only. It takes the right to settle from members of the socket's group.
    pub monitor_uids: BTreeSet<u32>,
    /// Users that may settle a bill that names nobody.
    pub unnamed_bill_uids: BTreeSet<u32>,
    /// Primary groups that may settle a bill that names nobody.
    pub unnamed_bill_gids: BTreeSet<u32>,
}

impl Policy {
    /// What this caller is.
    #[must_use]
    pub fn role(&self, caller: &Caller) -> Role {
        let Caller::Uid { uid, gid, .. } = caller;
        let is_own = *uid == 0 || *uid == self.owner_uid;
        let is_named = self.cashier_uids.contains(uid) || self.cashier_gids.contains(gid);
        if is_own || is_named {
            Role::Cashier
        } else if self.monitor_uids.contains(uid) {
            Role::Monitor
        } else if self.socket_group_may_settle {
            Role::Cashier
        } else {
            Role::Stranger
        }
    }

    /// Whether this caller may do that, and as whom.
    ///
    /// # Errors
    /// `NOT_ALLOWED`.
    pub fn admit(&self, caller: &Caller, operation: Operation) -> Result<CallerId, Failure> {
        if !self.role(caller).may(operation) {
            let detail = format!("{caller} may not do {operation:?}");
            return Err(Failure::new(Code::NotAllowed, detail));
        }
        let Caller::Uid { uid, gid, .. } = caller;
        let may_bill_unnamed =
            self.unnamed_bill_uids.contains(uid) || self.unnamed_bill_gids.contains(gid);
        Ok(CallerId {
            id: caller.to_string(),
            may_bill_unnamed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTLEMENT: [Operation; 6] = [
        Operation::ScanAndPay,
        Operation::WatchSettlement,
        Operation::ConfirmSettlement,
        Operation::CancelSettlement,
        Operation::GetSettlement,
        Operation::ListSettlements,
    ];
    const DESK: [Operation; 3] = [
        Operation::ListDevices,
        Operation::WatchDevices,
        Operation::GetStatus,
    ];

    #[test]
    fn the_table_is_what_it_is() {
        for (role, settlement, desk) in [
            (Role::Cashier, true, true),
            (Role::Monitor, false, true),
            (Role::Stranger, false, false),
        ] {
            assert!(
                SETTLEMENT.iter().all(|o| role.may(*o) == settlement),
                "{role:?}"
            );
            assert!(DESK.iter().all(|o| role.may(*o) == desk), "{role:?}");
        }
    }

    #[test]
    fn nobody_has_a_role_unless_named() {
        let policy = Policy {
            owner_uid: 990,
            cashier_uids: [1000].into(),
            cashier_gids: [500].into(),
            monitor_uids: [1001].into(),
            ..Policy::default()
        };
        let role = |uid, gid| {
            policy.role(&Caller::Uid {
                uid,
                gid,
                pid: None,
            })
        };
        assert_eq!(role(0, 0), Role::Cashier);
        assert_eq!(role(990, 990), Role::Cashier);
        assert_eq!(role(1000, 1000), Role::Cashier);
        assert_eq!(role(1002, 500), Role::Cashier);
        assert_eq!(role(1001, 1001), Role::Monitor);
        assert_eq!(role(1003, 990), Role::Stranger);
        let policy = Policy {
            socket_group_may_settle: true,
            ..policy
        };
        let role = |uid, gid| {
            policy.role(&Caller::Uid {
                uid,
                gid,
                pid: None,
            })
        };
        assert_eq!(role(1003, 990), Role::Cashier);
        assert_eq!(role(1001, 1001), Role::Monitor);
    }

    #[test]
    fn a_caller_is_scoped_by_user_and_a_stranger_is_told() {
        let policy = Policy {
            owner_uid: 990,
            cashier_uids: [1000].into(),
            unnamed_bill_uids: [1000].into(),
            ..Policy::default()
        };
        let caller = Caller::Uid {
            uid: 1000,
            gid: 1,
            pid: Some(7),
        };
        let id = policy.admit(&caller, Operation::ScanAndPay).unwrap();
        assert_eq!(
            id,
            CallerId {
                id: "uid:1000".into(),
                may_bill_unnamed: true
            }
        );
        let root = Caller::Uid {
            uid: 0,
            gid: 0,
            pid: None,
        };
        assert!(
            !policy
                .admit(&root, Operation::ScanAndPay)
                .unwrap()
                .may_bill_unnamed
        );
        let stranger = Caller::Uid {
            uid: 7,
            gid: 7,
            pid: None,
        };
        let failure = policy.admit(&stranger, Operation::GetStatus).unwrap_err();
        assert_eq!(failure.code, Code::NotAllowed);
    }
}
