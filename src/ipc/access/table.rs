//! The table: each operation with the roles that may do it, besides the admin, who may do everything.

use crate::config::access::Role;

/// Makes the enum, the list of all, the names and the rights from one table.
macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident: $($role:ident)*;)*) => {
        /// What can be asked at a door.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Operation {
            $($(#[$doc])* $name,)*
        }

        impl Operation {
            /// All of them, in the order of the table.
            pub const ALL: &[Operation] = &[$(Operation::$name),*];

            /// Its name, as `yibaoctl may` takes it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Operation::$name => stringify!($name),)*
                }
            }

            /// Who may do it, besides the admin.
            #[must_use]
            pub fn roles(self) -> &'static [Role] {
                match self {
                    $(Operation::$name => &[$(Role::$role),*],)*
                }
            }
        }
    };
}

operations! {
    // Money.
    /// `ScanAndPay` of all but a retail pharmacy's sale.
    ScanAndPay: Cashier Kiosk Doctor;
    /// `ScanAndPay` of a retail pharmacy's sale.
    ScanAndPayPharmacy: Cashier Pharmacist;
    /// `WatchSettlement` of the caller's own.
    WatchSettlement: Cashier Kiosk Doctor Pharmacist;
    /// `ConfirmSettlement` of the caller's own.
    ConfirmSettlement: Cashier Kiosk Doctor Pharmacist;
    /// `CancelSettlement` of the caller's own.
    CancelSettlement: Cashier Kiosk Doctor Pharmacist;
    /// `GetSettlement` of the caller's own, by its `request_id`.
    GetSettlement: Cashier Kiosk Doctor Pharmacist;
    /// `GetSettlement` of anybody's at this desk, by another id.
    GetAnySettlement: Cashier Pharmacist;
    /// `ListSettlements`.
    ListSettlements: Cashier;
    /// `ListStuck`.
    ListStuck: Cashier;
    /// `RefundSettlement`.
    RefundSettlement: Cashier;
    /// `GetRefund`.
    GetRefund: Cashier;
    /// `Reconcile` of this journal alone.
    Reconcile: Cashier;
    /// `Reconcile` with `whole_hospital`.
    ReconcileHospital:;
    /// `ResolveSettlement`.
    ResolveSettlement:;

    // Goods.
    /// `HandOut`.
    HandOut: Cashier Pharmacist;
    /// `TakeBack`.
    TakeBack: Cashier Pharmacist;
    /// `GetDispense`.
    GetDispense: Cashier Pharmacist;

    // Persons.
    /// `Identify`.
    Identify: Cashier Kiosk Doctor Pharmacist;
    /// `WatchIdentification` of the caller's own.
    WatchIdentification: Cashier Kiosk Doctor Pharmacist;
    /// `CancelIdentify` of the caller's own.
    CancelIdentify: Cashier Kiosk Doctor Pharmacist;
    /// `ReadCard`.
    ReadCard: Cashier Kiosk Doctor Pharmacist;

    // Paper.
    /// `Print` of a document, `PrintBatch`, `PutDocument`.
    Print: Cashier Kiosk Doctor Pharmacist;
    /// `Print` of bytes.
    PrintRaw:;
    /// `GetJob`, `WatchJob`, `WatchBatch`.
    GetJob: Cashier Kiosk Doctor Pharmacist;
    /// `ListJobs` of the caller's own.
    ListJobs: Cashier Kiosk Doctor Pharmacist;
    /// `ListJobs` with `all_callers`.
    ListAnyJobs: Cashier;
    /// `Reprint` of the caller's own.
    Reprint: Cashier Kiosk Doctor Pharmacist;
    /// `Reprint` of anybody's job.
    ReprintAnyJob:;
    /// `CancelJob` of the caller's own.
    CancelJob: Cashier Kiosk Doctor Pharmacist;
    /// `CancelJob` of anybody's.
    CancelAnyJob:;
    /// `Preview`.
    PreviewPrint: Cashier Kiosk Doctor Pharmacist;
    /// `GetSettlementSheet` of the caller's own, or of one who may see persons.
    GetSettlementSheet: Cashier Kiosk Doctor Pharmacist;

    // Devices.
    /// `Scan`.
    Scan: Cashier Kiosk Doctor Pharmacist;
    /// `Claim`.
    Claim: Cashier Kiosk Doctor Pharmacist;
    /// `RenewClaim`.
    RenewClaim: Cashier Kiosk Doctor Pharmacist;
    /// `ReleaseClaim` of the caller's own.
    ReleaseClaim: Cashier Kiosk Doctor Pharmacist;
    /// `ReleaseClaim` of anybody's.
    ReleaseAnyClaim:;
    /// `RecordDevice`.
    RecordDevice:;
    /// `ListDevices`.
    ListDevices: Cashier Kiosk Doctor Pharmacist Monitor;
    /// Which caller holds a device: `held_by_caller`.
    SeeHolders: Cashier;
    /// `WatchDevices`.
    WatchDevices: Cashier Kiosk Doctor Pharmacist Monitor;
    /// `CheckHealth`.
    CheckHealth: Cashier Kiosk Doctor Pharmacist Monitor;
    /// `ExplainDevice`.
    ExplainDevice: Cashier Kiosk Doctor Pharmacist Monitor;

    // The daemon.
    /// `GetStatus`.
    GetStatus: Cashier Kiosk Doctor Pharmacist Monitor;
    /// `Reload`.
    Reload:;
    /// `SetLogLevel`.
    SetLogLevel:;
    /// `GetMetrics`.
    GetMetrics: Cashier Kiosk Doctor Pharmacist Monitor;
    /// `Check` and `Watch` of the standard health service of gRPC.
    AskHealth: Cashier Kiosk Doctor Pharmacist Monitor;
    /// Reflection of gRPC, v1 and v1alpha.
    Reflect: Cashier Kiosk Doctor Pharmacist Monitor;
}

impl Operation {
    /// The operation of that name.
    #[must_use]
    pub fn of(name: &str) -> Option<Operation> {
        let mut all = Operation::ALL.iter();
        all.find(|operation| operation.name() == name).copied()
    }
}

/// What moves money or goods, or states that they moved.
const MOVING: [Operation; 8] = [
    Operation::ScanAndPay,
    Operation::ScanAndPayPharmacy,
    Operation::ConfirmSettlement,
    Operation::CancelSettlement,
    Operation::RefundSettlement,
    Operation::ResolveSettlement,
    Operation::HandOut,
    Operation::TakeBack,
];

impl Operation {
    /// Whether it moves money or goods, or states that they moved.
    #[must_use]
    pub fn moves(self) -> bool {
        MOVING.contains(&self)
    }
}

impl Role {
    /// The table, asked.
    #[must_use]
    pub fn may(self, operation: Operation) -> bool {
        self == Role::Admin || operation.roles().contains(&self)
    }
}
