//! PrintBatch: several documents on one printer, each once, each with its own end.
//!
//! The batch itself is nothing on disk: each document is a job of its own under an id made of the batch's. Repeating
//! the batch finds the jobs that are there and begins those that are not.

use std::time::Duration;

use tokio::time::Instant;

use super::ask::{CallerId, Failure};
use super::jobs::JobTold;
use super::operations::Operations;
use super::print::PrintWish;

/// Most documents of one call.
pub const BATCH_MAX: usize = 32;

/// A checked PrintBatch.
#[derive(Clone, Debug)]
pub struct BatchWish {
    /// Each document, in the order of printing.
    pub wishes: Vec<PrintWish>,
    /// How long the end of all is waited for.
    pub answer_wait: Duration,
}

/// What became of each document, in the same order.
#[derive(Clone, Debug)]
pub struct BatchTold {
    /// Its job, or why there is none.
    pub items: Vec<Result<JobTold, Failure>>,
}

impl Operations {
    /// Takes each document to be printed, joins who prints it, or repeats what is true of it.
    pub async fn print_batch(&self, caller: CallerId, wish: BatchWish) -> BatchTold {
        let until = Instant::now() + wish.answer_wait;
        let mut items = Vec::with_capacity(wish.wishes.len());
        // One after the other: that is the order of the paper.
        for wish in wish.wishes {
            items.push(self.print(caller.clone(), wish).await);
        }
        for item in items.iter_mut().flatten() {
            let known = self.running_or_ended(&item.job.id).await;
            let left = until.saturating_duration_since(Instant::now());
            if let Ok(found) = known {
                *item = self.told_in_time(&caller, found, left).await;
            }
        }
        BatchTold { items }
    }
}
