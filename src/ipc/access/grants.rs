//! What polkit can add to the table for callers on the bus: dangerous operations, each by an action.

use super::table::Operation;

/// What polkit can add, by method.
pub(in crate::ipc) struct Action {
    method: &'static str,
    /// As the policy file calls it.
    pub(in crate::ipc) id: &'static str,
    /// What a yes adds.
    pub(in crate::ipc) grants: &'static [Operation],
}

const ACTIONS: [Action; 6] = [
    Action {
        method: "RefundSettlement",
        id: "org.yibaod.bridge1.refund",
        grants: &[Operation::RefundSettlement],
    },
    Action {
        method: "ResolveSettlement",
        id: "org.yibaod.bridge1.resolve",
        grants: &[Operation::ResolveSettlement],
    },
    Action {
        method: "Reconcile",
        id: "org.yibaod.bridge1.reconcile",
        grants: &[Operation::Reconcile, Operation::ReconcileHospital],
    },
    Action {
        method: "RecordDevice",
        id: "org.yibaod.bridge1.configure",
        grants: &[Operation::RecordDevice],
    },
    Action {
        method: "Reload",
        id: "org.yibaod.bridge1.configure",
        grants: &[Operation::Reload],
    },
    Action {
        method: "SetLogLevel",
        id: "org.yibaod.bridge1.configure",
        grants: &[Operation::SetLogLevel],
    },
];

/// The action of a method, if it is a dangerous one.
pub(in crate::ipc) fn action(method: &str) -> Option<&'static Action> {
    ACTIONS.iter().find(|action| action.method == method)
}

/// The action by which polkit may allow this operation on the bus, if there is one.
#[must_use]
pub fn action_of(operation: Operation) -> Option<&'static str> {
    let mut actions = ACTIONS.iter();
    actions
        .find(|action| action.grants.contains(&operation))
        .map(|action| action.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_that_polkit_can_add_has_its_action_and_no_other_has_one() {
        let actions = Operation::ALL.iter().filter_map(|operation| {
            let id = action_of(*operation)?;
            let last = id.rsplit('.').next().unwrap_or_default();
            Some(format!("{} {last}", operation.name()))
        });
        let actions: Vec<_> = actions.collect();
        assert_eq!(
            actions,
            [
                "RefundSettlement refund",
                "Reconcile reconcile",
                "ReconcileHospital reconcile",
                "ResolveSettlement resolve",
                "RecordDevice configure",
                "Reload configure",
                "SetLogLevel configure",
            ]
        );
        for known in ACTIONS {
            let found = action(known.method).map(|action| (action.id, action.grants));
            assert_eq!(found, Some((known.id, known.grants)));
        }
        assert!(action("ScanAndPay").is_none());
    }
}
