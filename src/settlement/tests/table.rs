//! The table of steps against the machine: after a lost answer the next message is the one that the row names.

use super::teller::Teller;
use crate::settlement::call::{Outcome, Step};
use crate::settlement::event::Event;
use crate::settlement::steps::{Repeat, Row, TABLE};
use crate::settlement::tell;

/// What must go wrong before, so that this step is reached at all.
fn way_to(step: Step) -> &'static str {
    match step {
        Step::Decode
        | Step::Person
        | Step::Register
        | Step::VisitInfo
        | Step::Fees
        | Step::PreSettle
        | Step::Settle => "",
        Step::UndoSettle => "2207 differs; ",
        Step::UndoFees | Step::UndoRegister => "2206 refused; ",
        Step::Reverse => "2207 lost done; 5203* unclear; ",
        Step::FindVisit => "2201 lost; ",
        Step::FindSettlement => "2207 lost done; ",
    }
}

/// The messages after the first lost answer of this step.
fn after_the_loss(step: Step, how: &str) -> Vec<Step> {
    let name = tell::step_name(step);
    let mut teller = Teller::begin(&format!("{}{name}#1 {how}", way_to(step)));
    teller.carry();
    let is_lost = |event: &Event| {
        matches!(event, Event::Answered { step: answered, result: Outcome::Unknown { .. }, .. }
            if *answered == step)
    };
    let lost = teller.events.iter().position(|(event, _)| is_lost(event));
    let lost = lost.unwrap_or_else(|| panic!("{name} was never lost"));
    let intents = teller.events[lost..].iter();
    let sent = |event: &Event| {
        if let Event::Intent { step, .. } = event {
            Some(*step)
        } else {
            None
        }
    };
    intents.filter_map(|(event, _)| sent(event)).collect()
}

fn expected(row: Row) -> Step {
    match row.repeat {
        Repeat::Harmless => row.step,
        Repeat::AfterUndo => row.undo.unwrap(),
        // Another code is read and decoded: the lost one is not used again.
        Repeat::Never if row.enquiry.is_none() => row.step,
        Repeat::AfterEnquiry | Repeat::Never => row.enquiry.unwrap(),
    }
}

#[test]
fn a_lost_answer_is_followed_by_what_its_row_names() {
    for row in TABLE {
        for how in ["lost", "lost done"] {
            let next = after_the_loss(row.step, how);
            assert_eq!(next.first(), Some(&expected(row)), "{row:?} {how}");
        }
    }
}

#[test]
fn a_money_call_is_never_sent_again_without_an_enquiry_between() {
    for row in TABLE.into_iter().filter(|row| row.step.moves_money()) {
        if row.repeat == Repeat::Harmless {
            // 2601 says the same again.
            continue;
        }
        for how in ["lost", "lost done", "lost late"] {
            let next = after_the_loss(row.step, how);
            let again = next.iter().position(|step| *step == row.step);
            let asked = next.iter().position(|step| Some(*step) == row.enquiry);
            assert!(again.is_none() || asked < again, "{row:?} {how}: {next:?}");
            assert!(asked.is_some(), "{row:?} {how}");
            if row.repeat == Repeat::Never {
                assert_eq!(again, None, "{row:?} {how}: {next:?}");
            }
        }
    }
}

#[test]
fn what_an_enquiry_does_not_tell_is_reversed_where_the_row_names_how() {
    for row in TABLE {
        let Some(reversal) = row.reversal else {
            continue;
        };
        let name = tell::step_name(row.step);
        let enquiry = tell::step_name(row.enquiry.unwrap());
        let mut teller = Teller::begin(&format!("{name} lost done; {enquiry}* unclear"));
        teller.carry();
        let reversed = teller
            .events
            .iter()
            .any(|(event, _)| matches!(event, Event::Intent { step, .. } if *step == reversal));
        assert!(reversed, "{row:?}");
    }
}
