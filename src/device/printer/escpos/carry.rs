//! PURE. A job on its way: what is to be written next, what was heard, what that means.
//!
//! Time and bytes come in as values; the driver moves them.

use std::time::Duration;

use tokio::time::Instant;

use super::proof::{ASK_QUEUED, ask_process};
use super::status::{Question, Reply, queued_paper};
use crate::book::Code;
use crate::device::printer::{Paper, PrintOptions, PrintOutcome, PrinterState, Proof};
use crate::device::quirks::Profile;

/// Between two status questions while the proof is waited for.
const POLL_MS: u64 = 500;
/// Silence after which the second way of proof is tried.
const PROCESS_WAIT_MS: u64 = 2_000;
/// After the second way answered, the first way may still.
const PROCESS_GRACE_MS: u64 = 500;
/// A printer that has the whole job, is well and proves nothing is given up after this,
const PROOF_MS_MAX: u64 = 30_000;
/// and so much more for each byte, since it may hold them all while it prints.
const PROOF_BYTE_MS: u64 = 2;
/// Written at once, in bytes.
const CHUNK_BYTES: usize = 1_024;

/// A job on its way.
pub(super) struct Carry {
    job: Vec<u8>,
    sent: usize,
    /// Questions behind the job, and how much of them left.
    asked: Vec<u8>,
    asked_sent: usize,
    number: [u8; 4],
    trust_queued: bool,
    options: PrintOptions,
    profile: Profile,
    all_sent_at: Option<Instant>,
    poll_at: Option<Instant>,
    queued_asked: bool,
    queued_answer: Option<(u8, Instant)>,
    process_answered: bool,
    /// Since when all is with the printer and it knows of no trouble.
    calm_since: Option<Instant>,
    /// Queued questions that left.
    pub(super) questions: u32,
}

impl Carry {
    /// A job with the question for proof that its printer understands.
    pub(super) fn new(
        job: &[u8],
        number: [u8; 4],
        trust_queued: bool,
        options: PrintOptions,
        profile: Profile,
    ) -> Self {
        let mut job = job.to_vec();
        let mut queued_asked = false;
        if options.want_proof && profile.has_process_id {
            job.extend_from_slice(&ask_process(number));
        } else if options.want_proof && profile.has_queued_status {
            job.extend_from_slice(&ASK_QUEUED);
            queued_asked = true;
        }
        Self {
            job,
            sent: 0,
            asked: Vec::new(),
            asked_sent: 0,
            number,
            trust_queued,
            options,
            profile,
            all_sent_at: None,
            poll_at: None,
            queued_asked,
            queued_answer: None,
            process_answered: false,
            calm_since: None,
            questions: 0,
        }
    }

    /// What is to be written next; nothing: only listen.
    pub(super) fn outgoing(&self) -> &[u8] {
        if self.sent < self.job.len() {
            &self.job[self.sent..self.job.len().min(self.sent + CHUNK_BYTES)]
        } else {
            &self.asked[self.asked_sent..]
        }
    }

    /// So many of those bytes left.
    pub(super) fn wrote(&mut self, count: usize, now: Instant) {
        if self.sent < self.job.len() {
            self.sent += count;
            if self.sent == self.job.len() {
                self.all_sent_at = Some(now);
                self.poll_at = Some(now + Duration::from_millis(POLL_MS));
                self.questions += u32::from(self.queued_asked);
            }
        } else {
            self.asked_sent += count;
        }
    }

    /// The printer said something.
    pub(super) fn heard(&mut self, reply: Reply, now: Instant) {
        // Whatever comes before the questions left is an echo of something else.
        if self.all_sent_at.is_none() {
            return;
        }
        match reply {
            Reply::Process(number) if number == self.number => self.process_answered = true,
            Reply::Queued(byte) if self.queued_asked && self.trust_queued => {
                self.queued_answer.get_or_insert((byte, now));
            }
            Reply::Process(_) | Reply::Queued(_) | Reply::RealTime(_) | Reply::Automatic(_) => {}
        }
    }

    /// Asks again how the printer is, and by the second way of proof when the first stays silent. `unsent`: bytes that
    /// this machine still holds.
    pub(super) fn tick(
        &mut self,
        now: Instant,
        known: PrinterState,
        next: Question,
        unsent: usize,
    ) {
        let is_calm = self.all_sent_at.is_some() && unsent == 0 && known.trouble().is_none();
        self.calm_since = self.calm_since.filter(|_| is_calm);
        if is_calm {
            self.calm_since.get_or_insert(now);
        }
        let (Some(since), Some(poll_at)) = (self.all_sent_at, self.poll_at) else {
            return;
        };
        if self.asked_sent < self.asked.len() {
            return;
        }
        self.asked.clear();
        self.asked_sent = 0;
        let silent = now.duration_since(since) >= Duration::from_millis(PROCESS_WAIT_MS);
        let second_way = self.profile.has_queued_status && !self.queued_asked;
        if self.options.want_proof && second_way && silent && known.trouble().is_none() {
            self.asked.extend_from_slice(&ASK_QUEUED);
            self.queued_asked = true;
            self.questions += 1;
        }
        if self.profile.has_status && now >= poll_at {
            self.asked.extend_from_slice(next.bytes());
            self.poll_at = Some(now + Duration::from_millis(POLL_MS));
        }
    }

    /// What became of the job, as far as that is certain.
    pub(super) fn done(&self, now: Instant, unsent: usize) -> Option<PrintOutcome> {
        self.all_sent_at?;
        if self.process_answered {
            return Some(PrintOutcome::Printed {
                proof: Proof::ProcessId,
            });
        }
        if let Some((byte, at)) = self.queued_answer {
            let grace = Duration::from_millis(PROCESS_GRACE_MS);
            if self.profile.has_process_id && now < at + grace {
                return None;
            }
            return Some(match queued_paper(byte) {
                // It may have answered because it will print no more.
                Paper::Out => self.unknown(Code::PaperOut),
                Paper::Ok | Paper::Low => PrintOutcome::Printed {
                    proof: Proof::StatusAfter,
                },
            });
        }
        let provable = self.profile.has_process_id || self.profile.has_queued_status;
        let wants = self.options.want_proof && provable;
        let is_given_up = self
            .calm_since
            .is_some_and(|since| now.duration_since(since) >= self.patience());
        (unsent == 0 && (!wants || is_given_up)).then(|| self.unknown(Code::PrintNotProven))
    }

    /// How long a printer that is well may take to prove what it has.
    fn patience(&self) -> Duration {
        let bytes = u64::try_from(self.job.len()).unwrap_or(u64::MAX);
        Duration::from_millis(PROOF_MS_MAX.saturating_add(bytes.saturating_mul(PROOF_BYTE_MS)))
    }

    /// The deadline is here.
    pub(super) fn late(&self, known: PrinterState) -> PrintOutcome {
        if self.sent == 0 {
            PrintOutcome::NotPrinted {
                code: known.trouble().unwrap_or(Code::PrinterError),
            }
        } else {
            self.unknown(known.trouble().unwrap_or(Code::PrintNotProven))
        }
    }

    /// The link is gone.
    pub(super) fn lost(&self) -> PrintOutcome {
        if self.sent == 0 {
            PrintOutcome::NotPrinted {
                code: Code::PrinterMissing,
            }
        } else {
            self.unknown(Code::PrinterMissing)
        }
    }

    fn unknown(&self, code: Code) -> PrintOutcome {
        PrintOutcome::Unknown {
            code,
            bytes_sent: self.sent,
        }
    }

    /// Whether the printer was left in the middle of something.
    pub(super) fn is_cut_off(&self) -> bool {
        let in_job = self.sent > 0 && self.sent < self.job.len();
        in_job || (self.asked_sent > 0 && self.asked_sent < self.asked.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::quirks;

    /// A job of five bytes that left whole, to a printer that proves by status.
    fn sent(now: Instant) -> Carry {
        let options = PrintOptions {
            deadline: now + Duration::from_secs(600),
            want_proof: true,
            plus_line_time: false,
        };
        let profile = *quirks::profile("generic-80").expect("a row");
        let mut carry = Carry::new(b"paper", *b"0000", true, options, profile);
        let count = carry.outgoing().len();
        carry.wrote(count, now);
        carry
    }

    #[test]
    fn a_printer_that_is_well_and_proves_nothing_is_given_up() {
        let began = Instant::now();
        let fine = PrinterState::default();
        let out = PrinterState {
            paper: Paper::Out,
            ..fine
        };
        let mut carry = sent(began);
        let question = Question::Printer;
        let after = |ms| began + Duration::from_millis(ms);
        carry.tick(after(50), fine, question, 0);
        let patience = carry.patience().as_millis().try_into().expect("short");
        assert_eq!(carry.done(after(patience), 0), None);
        // Without paper it is waited for; the time begins anew when there is paper.
        carry.tick(after(patience), out, question, 0);
        assert_eq!(carry.done(after(9 * patience), 0), None);
        carry.tick(after(9 * patience), fine, question, 0);
        assert_eq!(carry.done(after(9 * patience + 50), 0), None);
        // What this machine still holds, the printer cannot prove.
        carry.tick(after(9 * patience + 100), fine, question, 7);
        carry.tick(after(9 * patience + 150), fine, question, 0);
        assert_eq!(carry.done(after(10 * patience + 149), 0), None);
        let given_up = carry.done(after(10 * patience + 150), 0);
        assert_eq!(given_up, Some(carry.unknown(Code::PrintNotProven)));
    }
}
