//! The table of steps, in the order of the story: what each one does, how it is asked again, taken back, and
//! how its lost answer is found out.

use super::call::Step;

/// One row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The step.
    pub step: Step,
    /// What a repetition does.
    pub repeat: Repeat,
    /// The step that takes it back.
    pub undo: Option<Step>,
    /// The step that finds out what became of it.
    pub enquiry: Option<Step>,
    /// The step that takes it back by its msgid when the enquiry does not tell.
    pub reversal: Option<Step>,
}

/// What asking a step again does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Nothing: it only reads, or writes the same again.
    Harmless,
    /// It writes a second one: ask first what became of the first.
    AfterEnquiry,
    /// It writes a second one: take the first back before.
    AfterUndo,
    /// Never. It moves money: one intent, one message.
    Never,
}

/// All steps. Sources: the platform's transaction tables and what is known of lost answers.
pub const TABLE: [Row; 13] = [
    row(Step::Decode, Repeat::Never, None, None),
    row(Step::Person, Repeat::Harmless, None, None),
    row(
        Step::Register,
        Repeat::AfterEnquiry,
        Some(Step::UndoRegister),
        Some(Step::FindVisit),
    ),
    row(
        Step::VisitInfo,
        Repeat::Harmless,
        Some(Step::UndoRegister),
        None,
    ),
    row(Step::Fees, Repeat::AfterUndo, Some(Step::UndoFees), None),
    row(Step::PreSettle, Repeat::Harmless, None, None),
    Row {
        reversal: Some(Step::Reverse),
        ..row(
            Step::Settle,
            Repeat::Never,
            Some(Step::UndoSettle),
            Some(Step::FindSettlement),
        )
    },
    row(
        Step::UndoSettle,
        Repeat::AfterEnquiry,
        None,
        Some(Step::FindSettlement),
    ),
    row(Step::UndoFees, Repeat::Harmless, None, None),
    row(Step::UndoRegister, Repeat::Harmless, None, None),
    row(Step::Reverse, Repeat::Harmless, None, None),
    row(Step::FindVisit, Repeat::Harmless, None, None),
    row(Step::FindSettlement, Repeat::Harmless, None, None),
];

const fn row(step: Step, repeat: Repeat, undo: Option<Step>, enquiry: Option<Step>) -> Row {
    Row {
        step,
        repeat,
        undo,
        enquiry,
        reversal: None,
    }
}

impl Step {
    /// Its row.
    #[must_use]
    pub fn row(self) -> Row {
        TABLE
            .into_iter()
            .find(|row| row.step == self)
            .expect("the table has every step: a test reads it")
    }

    /// Whether it moves money.
    #[must_use]
    pub fn moves_money(self) -> bool {
        matches!(self, Step::Settle | Step::UndoSettle | Step::Reverse)
    }
}

/// How often a step is asked before it counts as failed.
pub const TRIES_MAX: u32 = 3;
/// How often something is taken back, or asked after, before only a person can go on.
pub const UNDO_TRIES_MAX: u32 = 6;
/// How often something that must be known or taken back is tried in vain to be sent before only a person can
/// go on: a week of minutes.
pub const UNREACHED_MAX: u32 = 10_080;
/// Restarts of the daemon while a lost answer was being asked after, before only a person can go on: what it
/// is answered may be what ends it.
pub const BROKEN_MAX: u32 = 5;
/// Rounds of enquiry and reversal after the quiet time before only a person can go on.
pub const FINDING_ROUNDS_MAX: u32 = 4;
/// Codes that may be shown in vain.
pub const CODES_REJECTED_MAX: u32 = 3;

/// How long to wait before the try after `failed` failed ones, milliseconds.
#[must_use]
pub fn pause_ms(failed: u32) -> i64 {
    const PAUSES_MS: [i64; 6] = [0, 500, 2_000, 5_000, 15_000, 60_000];
    let index = usize::try_from(failed)
        .unwrap_or(usize::MAX)
        .min(PAUSES_MS.len() - 1);
    PAUSES_MS[index]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The list is a promise to the journals out there: it is only added to.
    #[test]
    fn the_steps_are_these_in_this_order() {
        let names: Vec<String> = TABLE
            .iter()
            .map(|row| serde_json::to_string(&row.step).unwrap())
            .collect();
        assert_eq!(
            names.join(" "),
            r#""decode" "person" "register" "visit_info" "fees" "pre_settle" "settle" "undo_settle" "undo_fees" "undo_register" "reverse" "find_visit" "find_settlement""#
        );
        for row in TABLE {
            assert_eq!(row.step.row(), row);
        }
    }

    #[test]
    fn what_writes_is_taken_back_or_asked_after() {
        for row in TABLE {
            if row.repeat == Repeat::AfterUndo {
                assert!(row.undo.is_some(), "{row:?}");
            }
            if row.repeat == Repeat::AfterEnquiry {
                assert!(row.enquiry.is_some(), "{row:?}");
            }
        }
        assert_eq!(Step::Settle.row().repeat, Repeat::Never);
    }
}
