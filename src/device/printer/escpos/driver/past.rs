//! What a printer's past means for its next job, and how it is put behind.
//!
//! A job that was cut off leaves a command open, an unproven one bytes in a buffer, and both questions that may be
//! answered at any time. It must not know why the job ended so.

use tokio::time::Instant;

use super::{Conversation, READ_BYTES, after};
use crate::device::board::Board;
use crate::device::error::DeviceError;
use crate::device::printer::escpos::carry::{Bytes, Carry};
use crate::device::printer::escpos::encode::separation;
use crate::device::printer::escpos::proof::ASK_QUEUED;
use crate::device::printer::{PrintOutcome, PrinterState, Proof};
use crate::device::quirks::Profile;

/// Silence after which no answer to an earlier job is expected any more.
const STALE_QUIET_MS: u64 = 1_000;
/// Silence after which one that has nothing to print has answered all it was asked.
const BACK_TO_BACK_MS: u64 = 250;
/// Unanswered questions that are remembered.
const OWED_MAX: u32 = 64;
/// Taken to be owed by a printer that an earlier process left unproven: a set for a job, and others may stand
/// before it.
const OWED_AT_START: u32 = 16;
/// Answers beyond those that are owed: one to know that all of these came, and one that may be noise.
const SPARE: u32 = 2;
/// Outlasts what a job that was cut off may have left open, a stored QR code or a band of a picture at most; a printer
/// that waits for nothing ignores NULs. Bytes of a caller's own may leave more open than this.
const RESYNC_BYTES: usize = 1_024;

/// How the last job left the printer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::device::printer) enum Left {
    /// Where a command begins.
    #[default]
    Whole,
    /// Bytes of a caller's own went out whole and nothing proves that they end where a command ends.
    Open,
    /// In the middle: what hangs there is another patient's.
    CutOff,
}

/// What a printer's past means for its next job. Outlives links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::device::printer) struct Past {
    /// How the last job left it. Taken back once the printer answered behind what mends it.
    left: Left,
    /// Queued questions that were not answered; the answers may come at any time.
    owed: u32,
    /// Nothing proves that the last job's end is out of the buffers of this machine and of the printer. As long as its
    /// link lives the rest may still come out by itself.
    is_unproven: bool,
}

impl Past {
    pub(in crate::device::printer) fn of(left: Left) -> Self {
        Self {
            left,
            // The process that knew is gone.
            owed: if left == Left::Whole {
                0
            } else {
                OWED_AT_START
            },
            is_unproven: false,
        }
    }

    /// A link opens: what buffers may have held ended with the one before, perhaps in the middle of a command.
    /// `may_overrun`: a printer keeps its buffer while our end of its line is closed, and the room in it counts.
    pub(in crate::device::printer) fn link_opens(&mut self, may_overrun: bool) {
        if std::mem::take(&mut self.is_unproven) {
            self.left = Left::CutOff;
            if may_overrun {
                // One answer in its turn says that it is through with what it held.
                self.owed = self.owed.max(1);
            }
        }
    }

    /// A link is let go on purpose. What a printer that never answers has of a paper is taken for the whole: each of
    /// its papers would be followed by an empty one.
    pub(in crate::device::printer) fn let_go(&mut self, profile: &Profile) {
        self.is_unproven &= profile.has_status;
    }
}

impl Conversation {
    /// Brings a printer that was left in the middle back to where a command begins, then looks at it. Only an answer
    /// shows that it has seen what was written: without one this is done again.
    pub(in crate::device::printer) async fn look_behind(
        &mut self,
        past: &mut Past,
        board: &Board,
        deadline: Instant,
    ) -> Result<PrinterState, DeviceError> {
        if past.left != Left::Whole {
            // Before any question: it would become part of the command that was left open, perhaps its length.
            self.write(&[0; RESYNC_BYTES], board, deadline).await?;
        }
        let mut state = self.look(board, deadline).await?;
        if past.left == Left::CutOff {
            // What hangs there must not come out on top of the next receipt.
            self.write(&separation(&self.profile), board, deadline)
                .await?;
            state = self.look(board, deadline).await?;
        }
        past.left = Left::Whole;
        Ok(state)
    }

    /// Waits for what an earlier job may still answer. `false`: a queued answer proves nothing now.
    pub(in crate::device::printer) async fn settle_past(
        &mut self,
        past: &mut Past,
        board: &Board,
        deadline: Instant,
    ) -> Result<bool, DeviceError> {
        if !self.profile.has_queued_status {
            past.owed = 0;
        }
        // What may still be in its buffer takes room that the next job would be sent for.
        let may_hold = past.is_unproven && self.link.may_overrun();
        if past.owed == 0 && !(may_hold && self.profile.has_queued_status) {
            return Ok(!may_hold);
        }
        // The printer answers in order, so that behind the first of these answers no older one is left. More of them
        // than it owes: so many answers cannot all be old ones, however many old ones are lost. And one more, which a
        // stray byte may be. What came unasked before counts for nothing: it may be noise.
        let enough = past.owed.saturating_add(SPARE);
        let all = past.owed.saturating_add(enough);
        past.owed = all.min(OWED_MAX);
        self.queued_heard = 0;
        for _ in 0..enough {
            self.write(&ASK_QUEUED, board, deadline).await?;
        }
        let mut buffer = [0; READ_BYTES];
        while self.queued_heard < all {
            let quiet = if self.queued_heard >= enough {
                BACK_TO_BACK_MS
            } else {
                STALE_QUIET_MS
            };
            let until = deadline.min(after(quiet));
            let Some(moved) = self.step(&[], &mut buffer, board, until).await? else {
                break;
            };
            self.absorb_moved(moved, &buffer, board);
        }
        let is_settled = self.queued_heard >= enough;
        past.is_unproven &= !is_settled;
        past.owed = if is_settled {
            0
        } else {
            (all - self.queued_heard).min(OWED_MAX)
        };
        Ok(is_settled)
    }

    /// What the job means for the next one.
    pub(super) fn note_past(
        &mut self,
        job: &Bytes<'_>,
        carry: &Carry,
        outcome: PrintOutcome,
        past: &mut Past,
    ) {
        past.owed = match outcome {
            PrintOutcome::Printed {
                proof: Proof::StatusAfter,
            } => 0,
            // What came may be an older answer or noise: it settles nothing.
            PrintOutcome::Printed {
                proof: Proof::ProcessId,
            } => (past.owed + carry.questions()).min(OWED_MAX),
            PrintOutcome::NotPrinted { .. } | PrintOutcome::Unknown { .. } => {
                let within = carry.paced_questions();
                (past.owed + carry.questions() + within).min(OWED_MAX)
            }
        };
        let is_unknown = matches!(outcome, PrintOutcome::Unknown { .. });
        past.is_unproven = match outcome {
            PrintOutcome::Printed { .. } => false,
            PrintOutcome::NotPrinted { .. } => past.is_unproven,
            PrintOutcome::Unknown { .. } => true,
        };
        // What a lost link had taken may have arrived or not.
        let is_cut_off = carry.is_cut_off() || (self.lost && is_unknown);
        self.lost |= is_cut_off;
        if is_cut_off {
            past.left = Left::CutOff;
        } else if job.is_raw && is_unknown {
            past.left = Left::Open;
        }
        if job.is_raw && is_unknown && self.profile.has_queued_status {
            // It may answer what the caller's bytes asked, and perhaps more than they did.
            past.owed = past.owed.saturating_add(1 + questions_in(job.bytes));
        }
    }
}

/// Queued questions that these bytes may hold.
fn questions_in(bytes: &[u8]) -> u32 {
    let asks = |pair: &&[u8]| pair[..] == ASK_QUEUED[..2];
    u32::try_from(bytes.windows(2).filter(asks).count()).unwrap_or(u32::MAX)
}
