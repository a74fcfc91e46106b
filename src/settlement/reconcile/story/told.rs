//! The differences of a reconciliation, each once, in the order in which they were found.

use std::collections::BTreeSet;

use crate::book::Code;
use crate::settlement::reconcile::DIFFERENCES_MAX;
use crate::settlement::reconcile::difference::Difference;

/// What was told by now.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Told {
    list: Vec<Difference>,
    /// The same, to be found in.
    known: BTreeSet<Difference>,
    /// Number of our settlement and of the platform's, of those that only the platform gave back. Each is told by
    /// its own line and by its original's: once is enough.
    given_back: BTreeSet<(String, String)>,
    /// Differences beyond those that are kept.
    further: u32,
}

impl Told {
    pub(super) fn list(&self) -> &[Difference] {
        &self.list
    }

    pub(super) fn further(&self) -> u32 {
        self.further
    }

    pub(super) fn add(&mut self, difference: Difference) {
        if self.knows(&difference) {
            return;
        }
        if self.list.len() >= DIFFERENCES_MAX {
            self.further = self.further.saturating_add(1);
            return;
        }
        if difference.code == Code::RefundedThereOnly {
            self.given_back.insert(numbers(&difference));
        }
        self.known.insert(difference.clone());
        self.list.push(difference);
    }

    fn knows(&self, difference: &Difference) -> bool {
        match difference.code == Code::RefundedThereOnly {
            true => self.given_back.contains(&numbers(difference)),
            false => self.known.contains(difference),
        }
    }
}

fn numbers(difference: &Difference) -> (String, String) {
    let Difference {
        settlement_id,
        setl_id,
        ..
    } = difference;
    (settlement_id.clone(), setl_id.clone())
}
