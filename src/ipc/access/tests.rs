//! The table as a table, and who has which role.

use super::*;
use crate::book::Code;
use crate::config::access::{Access, Caller as Named};

const PASSWD: &str = "root:x:0:0::/root:/bin/sh\nhis:x:1000:1000:::\nkiosk:x:1001:1001:::\n\
                      late:x:1003:500:::\nodd\n";
const GROUPS: &str = "yibao:x:500:his,gone\nnobody:x:oops:\nempty:x:501:\n";
const OWNER: u32 = 990;

/// The table, seen by its columns: `A`dmin, `C`ashier, `K`iosk, `D`octor, `P`harmacist, `M`onitor.
const TABLE: &str = "
    ScanAndPay           A C K D . .
    ScanAndPayPharmacy   A C . . P .
    WatchSettlement      A C K D P .
    ConfirmSettlement    A C K D P .
    CancelSettlement     A C K D P .
    GetSettlement        A C K D P .
    GetAnySettlement     A C . . P .
    ListSettlements      A C . . . .
    ListStuck            A C . . . .
    RefundSettlement     A C . . . .
    GetRefund            A C . . . .
    Reconcile            A C . . . .
    ReconcileHospital    A . . . . .
    ResolveSettlement    A . . . . .
    HandOut              A C . . P .
    TakeBack             A C . . P .
    GetDispense          A C . . P .
    Identify             A C K D P .
    WatchIdentification  A C K D P .
    CancelIdentify       A C K D P .
    ReadCard             A C K D P .
    Print                A C K D P .
    PrintRaw             A . . . . .
    GetJob               A C K D P .
    ListJobs             A C K D P .
    ListAnyJobs          A C . . . .
    Reprint              A C K D P .
    ReprintAnyJob        A . . . . .
    CancelJob            A C K D P .
    CancelAnyJob         A . . . . .
    PreviewPrint         A C K D P .
    GetSettlementSheet   A C K D P .
    Scan                 A C K D P .
    Claim                A C K D P .
    RenewClaim           A C K D P .
    ReleaseClaim         A C K D P .
    ReleaseAnyClaim      A . . . . .
    RecordDevice         A . . . . .
    ListDevices          A C K D P M
    SeeHolders           A C . . . .
    WatchDevices         A C K D P M
    CheckHealth          A C K D P M
    ExplainDevice        A C K D P M
    GetStatus            A C K D P M
    Reload               A . . . . .
    SetLogLevel          A . . . . .
    GetMetrics           A C K D P M
    AskHealth            A C K D P M
    Reflect              A C K D P M
";

#[test]
fn the_table_is_what_it_is() {
    let letter = |role: Role| role.word()[..1].to_uppercase();
    let rows = Operation::ALL.iter().map(|operation| {
        let columns = Role::ALL.map(|role| match role.may(*operation) {
            true => letter(role),
            false => ".".to_owned(),
        });
        format!("    {:<20} {}", operation.name(), columns.join(" "))
    });
    let rows: Vec<String> = rows.collect();
    assert_eq!(rows.join("\n"), TABLE.trim_matches('\n').trim_end());
    for operation in Operation::ALL {
        assert_eq!(Operation::of(operation.name()), Some(*operation));
    }
    for role in Role::ALL {
        assert_eq!(Role::of(role.word()), Some(role));
    }
}

#[test]
fn only_who_is_named_settles() {
    let policy = policy(&[(Role::Cashier, Named::Group("yibao".into()))]);
    let role = |uid, gid| policy.roles(&caller(uid, gid));
    assert_eq!(role(0, 0), [Role::Admin], "root");
    assert_eq!(role(OWNER, OWNER), [Role::Admin], "the owner of the socket");
    assert_eq!(role(1000, 1000), [Role::Cashier], "a listed member");
    assert_eq!(role(1002, 500), [Role::Cashier], "by primary group");
    assert_eq!(role(1001, 1001), [Role::Monitor]);
    let by_number = [
        (Role::Cashier, Named::Uid(7)),
        (Role::Cashier, Named::Gid(500)),
    ];
    let policy = super::tests::policy(&by_number);
    for (uid, expected) in [
        (7, Role::Cashier),
        (1000, Role::Cashier),
        (8, Role::Monitor),
    ] {
        assert_eq!(policy.roles(&caller(uid, 1)), [expected]);
    }
}

#[test]
fn what_the_kernel_or_the_bus_says_of_groups_counts_and_so_do_the_files() {
    let policy = policy(&[(Role::Kiosk, Named::Group("empty".into()))]);
    let kernel = |uid, groups: &[u32]| Caller::Uid {
        uid,
        gid: uid,
        groups: Some(groups.into()),
        pid: None,
    };
    let bus = |uid, groups: &[u32]| Caller::Bus {
        uid,
        groups: Some(groups.into()),
        name: ":1.9".into(),
        grant: Grant::Nothing,
    };
    assert_eq!(policy.roles(&kernel(77, &[3, 501])), [Role::Kiosk]);
    assert_eq!(policy.roles(&bus(77, &[3, 501])), [Role::Kiosk]);
    assert_eq!(
        policy.roles(&bus(77, &[500])),
        [Role::Cashier],
        "in yibao, though no file lists it"
    );
    // `his` is listed in yibao since it connected: a new member counts at once.
    assert_eq!(policy.roles(&bus(1000, &[1000])), [Role::Cashier]);
    assert!(policy.opens_socket(&kernel(1000, &[1000])));
    assert!(!policy.opens_socket(&kernel(78, &[1000])));
    assert!(policy.opens_socket(&kernel(78, &[500])));
}

#[test]
fn with_no_cashier_named_the_sockets_mode_decides() {
    let stranger = caller(1001, 1001);
    assert_eq!(policy(&[]).roles(&stranger), [Role::Cashier]);
    let by_token = [(Role::Cashier, Named::Token("his".into()))];
    assert_eq!(policy(&by_token).roles(&stranger), [Role::Cashier]);
}

#[test]
fn who_has_a_role_has_no_other_right_and_may_have_two() {
    let policy = policy(&[
        (Role::Kiosk, Named::User("kiosk".into())),
        (Role::Doctor, Named::User("his".into())),
        (Role::Pharmacist, Named::Uid(1000)),
    ]);
    assert_eq!(policy.roles(&caller(1001, 1)), [Role::Kiosk]);
    assert_eq!(
        policy.roles(&caller(1000, 1)),
        [Role::Doctor, Role::Pharmacist]
    );
    for (uid, operation, may) in [
        (1001, Operation::ScanAndPay, true),
        (1001, Operation::RefundSettlement, false),
        (1001, Operation::ListSettlements, false),
        (1000, Operation::ScanAndPay, true),
        (1000, Operation::HandOut, true),
        (1000, Operation::RefundSettlement, false),
    ] {
        assert_eq!(policy.may(&caller(uid, 1), operation), may, "{operation:?}");
    }
}

#[test]
fn a_token_or_certificate_is_what_it_is_named_and_else_nothing() {
    let token = |name: &str| Caller::Token {
        name: name.into(),
        uid: Some(0),
        shown: None,
    };
    let certificate = |subject: &str| Caller::Certificate {
        subject: subject.into(),
    };
    let policy = policy(&[
        (Role::Kiosk, Named::Token("hall".into())),
        (Role::Doctor, Named::Certificate("room-7".into())),
    ]);
    assert_eq!(policy.roles(&token("hall")), [Role::Kiosk]);
    assert_eq!(policy.roles(&certificate("room-7")), [Role::Doctor]);
    for stranger in [token("room-7"), certificate("hall")] {
        assert_eq!(policy.roles(&stranger), []);
        let refused = policy.admit(&stranger, Operation::GetStatus).unwrap_err();
        assert_eq!(refused.code, Code::NotAllowed);
        assert!(!policy.is_own(&stranger), "whatever its user is");
    }
    for operation in Operation::ALL {
        let may = Role::Kiosk.may(*operation) && !operation.moves();
        assert_eq!(policy.may(&token("hall"), *operation), may, "{operation:?}");
    }
    let policy = policy.with_tcp(true);
    let id = policy.admit(&token("hall"), Operation::ScanAndPay).unwrap();
    assert_eq!(id.id, "token:hall");
}

#[test]
fn on_the_bus_one_is_who_one_is_on_the_socket() {
    let bus = |uid| Caller::Bus {
        uid,
        groups: None,
        name: ":1.9".into(),
        grant: Grant::Nothing,
    };
    let policy = policy(&[(Role::Kiosk, Named::User("kiosk".into()))]);
    for (uid, expected) in [
        (0, vec![Role::Admin]),
        (OWNER, vec![Role::Admin]),
        (1000, vec![Role::Cashier]),
        (1003, vec![Role::Cashier]),
        (1001, vec![Role::Kiosk]),
        (1002, vec![]),
    ] {
        assert_eq!(policy.roles(&bus(uid)), expected, "{uid}");
    }
    let id = policy.admit(&bus(1000), Operation::ScanAndPay).unwrap();
    assert_eq!(id.id, "uid:1000");
}

#[test]
fn an_admin_is_named_and_needs_no_other_right() {
    let policy = policy(&[
        (Role::Cashier, Named::User("kiosk".into())),
        (Role::Admin, Named::User("his".into())),
    ]);
    for (uid, role) in [
        (0, Role::Admin),
        (OWNER, Role::Admin),
        (1000, Role::Admin),
        (1001, Role::Cashier),
        (1002, Role::Monitor),
    ] {
        assert_eq!(policy.roles(&caller(uid, uid)), [role], "{uid}");
        let may = policy.admit(&caller(uid, uid), Operation::ResolveSettlement);
        assert_eq!(may.is_ok(), role == Role::Admin, "{uid}");
    }
}

#[test]
fn unnamed_bills_and_whole_names_are_rights_of_their_own() {
    let access = Access {
        roles: vec![(Role::Admin, Named::Uid(7))],
        unnamed_bill: vec![Named::User("kiosk".into())],
        unmasked: vec![Named::User("kiosk".into())],
    };
    let policy = Policy::new(&access, OWNER, &accounts()).unwrap();
    for (uid, bills, sees) in [
        (0, false, true),
        (OWNER, false, true),
        (7, false, true),
        (1001, true, true),
        (1000, false, false),
    ] {
        let id = policy.admit(&caller(uid, uid), Operation::Identify);
        let id = id.unwrap();
        assert_eq!(
            (id.may_bill_unnamed, id.may_see_persons),
            (bills, sees),
            "{uid}"
        );
        assert_eq!(id.id, format!("uid:{uid}"));
    }
}

#[test]
fn a_name_that_is_no_account_is_an_error() {
    let made = |named: Named| {
        let access = Access {
            roles: vec![(Role::Doctor, named)],
            ..Access::default()
        };
        Policy::new(&access, OWNER, &accounts())
    };
    assert_eq!(
        made(Named::User("cashire".into())).unwrap_err().to_string(),
        "access: there is no user \"cashire\" on this machine"
    );
    assert!(made(Named::Group("nobody".into())).is_err());
    assert_eq!(accounts().gid("empty"), Some(501));
    assert_eq!(accounts().user("late"), Some((1003, 500)));
    assert_eq!(accounts().gid_of_uid(1001), Some(1001));
}

fn accounts() -> Accounts {
    Accounts::parse(PASSWD, GROUPS)
}

fn policy(roles: &[(Role, Named)]) -> Policy {
    let access = Access {
        roles: roles.to_vec(),
        ..Access::default()
    };
    Policy::new(&access, OWNER, &accounts()).unwrap()
}

fn caller(uid: u32, gid: u32) -> Caller {
    Caller::Uid {
        uid,
        gid,
        groups: None,
        pid: None,
    }
}
