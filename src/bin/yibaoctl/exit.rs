//! What the exit code says. The words stand in the help, [`crate::args`].

use std::process::ExitCode;

use yibaod::api::{CancelVerdict, Money, RefundMoney};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Settled, or the command did what was asked.
    Fine,
    /// Looked and found something wrong, or failed on this side.
    Failed,
    /// Usage, or the call never started.
    NotStarted,
    /// Nothing was charged.
    Refused,
    /// Nothing is charged any more.
    Undone,
    /// Not known, or not over.
    Open,
    /// Nobody answers at the socket.
    Unreachable,
    /// It is settled and cannot be cancelled.
    TooLate,
}

impl Exit {
    /// All, in the order of their codes.
    #[cfg(test)]
    pub(crate) const ALL: [Exit; 8] = [
        Exit::Fine,
        Exit::Failed,
        Exit::NotStarted,
        Exit::Refused,
        Exit::Undone,
        Exit::Open,
        Exit::Unreachable,
        Exit::TooLate,
    ];

    /// The number.
    pub(crate) fn code(self) -> u8 {
        match self {
            Exit::Fine => 0,
            Exit::Failed => 1,
            Exit::NotStarted => 2,
            Exit::Refused => 3,
            Exit::Undone => 4,
            Exit::Open => 5,
            Exit::Unreachable => 6,
            Exit::TooLate => 7,
        }
    }

    /// What the money says. A value that this program does not know is not known to be settled.
    pub(crate) fn of_money(money: Money) -> Self {
        match money {
            Money::Settled => Exit::Fine,
            Money::Refused => Exit::Refused,
            Money::Cancelled | Money::Reversed => Exit::Undone,
            Money::Unknown | Money::Pending | Money::Unspecified => Exit::Open,
        }
    }

    /// What the money of a refund says.
    pub(crate) fn of_refund(money: RefundMoney) -> Self {
        match money {
            RefundMoney::Refunded => Exit::Fine,
            RefundMoney::Refused => Exit::Refused,
            RefundMoney::Unknown | RefundMoney::Pending | RefundMoney::Unspecified => Exit::Open,
        }
    }

    /// What became of the wish to cancel: never 0 when money stays with the insurance.
    pub(crate) fn of_verdict(verdict: CancelVerdict) -> Self {
        match verdict {
            CancelVerdict::Cancelled => Exit::Fine,
            CancelVerdict::TooLateSettled => Exit::TooLate,
            CancelVerdict::TooLateBeingSettled | CancelVerdict::Unspecified => Exit::Open,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_settled_money_is_zero() {
        let expected = [
            (0, Exit::Open),
            (1, Exit::Fine),
            (2, Exit::Refused),
            (3, Exit::Undone),
            (4, Exit::Undone),
            (5, Exit::Open),
            (6, Exit::Open),
        ];
        for (wire, exit) in expected {
            let money = Money::try_from(wire).unwrap();
            assert_eq!(Exit::of_money(money), exit, "{money:?}");
        }
        assert!(
            Money::try_from(7).is_err(),
            "a new outcome needs an exit code"
        );
    }

    #[test]
    fn only_what_is_given_back_is_zero() {
        for (wire, exit) in [
            (0, Exit::Open),
            (1, Exit::Fine),
            (2, Exit::Refused),
            (3, Exit::Open),
            (4, Exit::Open),
        ] {
            let money = RefundMoney::try_from(wire).unwrap();
            assert_eq!(Exit::of_refund(money), exit, "{money:?}");
        }
        assert!(RefundMoney::try_from(5).is_err(), "a new one needs an exit");
    }

    #[test]
    fn a_cancel_that_came_too_late_is_not_zero() {
        assert_eq!(Exit::of_verdict(CancelVerdict::Cancelled).code(), 0);
        assert_eq!(Exit::of_verdict(CancelVerdict::TooLateSettled).code(), 7);
        assert_eq!(
            Exit::of_verdict(CancelVerdict::TooLateBeingSettled).code(),
            5
        );
    }

    #[test]
    fn codes_are_distinct() {
        for (place, exit) in Exit::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(exit.code()), place);
        }
    }
}
