//! The money stands: the receipt, once.

use super::Effect;
use crate::book::Code;
use crate::settlement::answer::Paper;
use crate::settlement::event::Event;
use crate::settlement::rules::Rules;
use crate::settlement::state::{PaperState, State};
use crate::settlement::steps::pause_ms;

pub(super) fn next(state: &State, now_ms: i64, rules: &Rules) -> Effect {
    match &state.paper {
        PaperState::NotAsked | PaperState::Ended(_) => Effect::Finished,
        PaperState::Wanted(since_ms) => {
            let until_ms = since_ms.unwrap_or(now_ms) + rules.print_give_up_ms;
            let (failures, failed_at_ms) = state.trail.print_failures;
            let again_at_ms = failed_at_ms + pause_ms(failures);
            if failures > 0 && now_ms < again_at_ms {
                return Effect::Wait {
                    until_ms: again_at_ms,
                };
            }
            if state.trail.printer_seen && state.trail.printer_fault.is_none() {
                return Effect::Print;
            }
            if now_ms < until_ms {
                return Effect::LookAtPrinter { until_ms };
            }
            let code = state.trail.printer_fault.unwrap_or(Code::PrinterMissing);
            Effect::Record(Event::PrintEnded {
                paper: Paper::NotPrinted(code),
            })
        }
        // A restart folds an unfinished print into an unknown one; a running one is awaited by its runner.
        PaperState::Printing(_) => Effect::Record(Event::PrintEnded {
            paper: Paper::Unknown(Code::PrintNotProven),
        }),
    }
}
