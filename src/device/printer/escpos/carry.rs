//! PURE. A job on its way: what is to be written next, what was heard, what that means.
//!
//! Time and bytes come in as values; the driver moves them.

use std::time::Duration;

use tokio::time::Instant;

use super::challenge::Challenge;
use super::pace::{Pace, Room};
use super::proof::ask_process;
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

/// What goes out, and whether it is bytes of a caller's own.
pub(in crate::device::printer) struct Bytes<'a> {
    pub(in crate::device::printer) bytes: &'a [u8],
    /// Where no command and no line is open, ascending.
    pub(in crate::device::printer) seams: &'a [usize],
    pub(in crate::device::printer) is_raw: bool,
}

/// A job on its way.
pub(super) struct Carry {
    job: Vec<u8>,
    /// Where the questions for proof begin.
    paper_end: usize,
    pace: Pace,
    sent: usize,
    /// Questions behind the job, and how much of them left.
    asked: Vec<u8>,
    asked_sent: usize,
    /// They are of the challenge.
    asks_queued: bool,
    /// Bytes that left behind the last question that is answered in its turn.
    behind: usize,
    /// That question was seen to have left this machine. Some lines count what they hold by whole buffers, so that a few
    /// bytes behind it look like many.
    has_left: bool,
    number: [u8; 4],
    options: PrintOptions,
    profile: Profile,
    all_sent_at: Option<Instant>,
    poll_at: Option<Instant>,
    challenge: Challenge,
    process_answered: bool,
    /// Since when all is with the printer and it knows of no trouble.
    calm_since: Option<Instant>,
}

impl Carry {
    /// A job with the question for proof that its printer understands. `may_overrun`: nothing stops it on its way.
    pub(super) fn new(
        job: &Bytes<'_>,
        number: [u8; 4],
        trust_queued: bool,
        options: PrintOptions,
        profile: Profile,
        may_overrun: bool,
    ) -> Self {
        let room = Room {
            buffer_bytes: profile.buffer_bytes,
            is_empty: trust_queued,
            answers: profile.has_queued_status && profile.has_status,
        };
        let (mut job, pace) = if may_overrun {
            Pace::laid(job.bytes, job.seams, room)
        } else {
            (job.bytes.to_vec(), Pace::free())
        };
        let mut challenge = Challenge::new(number, trust_queued);
        let paper_end = job.len();
        if options.want_proof && profile.has_process_id {
            job.extend_from_slice(&ask_process(number));
        } else if options.want_proof && profile.has_queued_status {
            job.extend(challenge.first().unwrap_or_default());
        }
        Self {
            job,
            paper_end,
            pace,
            sent: 0,
            asked: Vec::new(),
            asked_sent: 0,
            asks_queued: false,
            behind: 0,
            has_left: false,
            number,
            options,
            profile,
            all_sent_at: None,
            poll_at: None,
            challenge,
            process_answered: false,
            calm_since: None,
        }
    }

    /// What is to be written next; nothing: only listen.
    pub(super) fn outgoing(&self) -> &[u8] {
        if self.asked_sent < self.asked.len() {
            return &self.asked[self.asked_sent..];
        }
        let chunk_end = self.job.len().min(self.sent + CHUNK_BYTES);
        &self.job[self.sent..chunk_end.min(self.pace.until())]
    }

    /// So many of those bytes left.
    pub(super) fn wrote(&mut self, count: usize, now: Instant) {
        if self.asked_sent < self.asked.len() {
            self.asked_sent += count;
            self.behind = if self.asks_queued {
                0
            } else {
                self.behind + count
            };
            self.has_left &= !self.asks_queued;
            return;
        }
        self.sent += count;
        (self.behind, self.has_left) = (0, false);
        self.pace.wrote(self.sent, now);
        if self.sent == self.job.len() {
            self.all_sent_at = Some(now);
            self.poll_at = Some(now + Duration::from_millis(POLL_MS));
        }
    }

    /// The printer cannot have so many bytes yet.
    pub(super) fn observe(&mut self, unsent: usize) {
        self.has_left |= unsent <= self.behind;
    }

    /// The printer said something. `unsent`: bytes that the printer cannot have yet. `true`: a whole round of status
    /// questions that begins now is to confirm it.
    pub(super) fn heard(&mut self, reply: Reply, now: Instant, unsent: usize) -> bool {
        self.observe(unsent);
        if matches!(reply, Reply::Queued(_)) && !self.has_left {
            // What it would answer has not left.
            return false;
        }
        // Whatever comes before the questions for proof left proves nothing.
        if self.all_sent_at.is_none() {
            self.pace.heard(reply);
            return false;
        }
        match reply {
            Reply::Process(number) => {
                self.process_answered |= number == self.number;
                false
            }
            Reply::Queued(_) if self.challenge.is_idle() => {
                self.pace.stray();
                false
            }
            Reply::Queued(byte) => self.challenge.heard(byte, now),
            Reply::RealTime(_) | Reply::Automatic(_) => false,
        }
    }

    /// Something is to be asked without a pause.
    pub(super) fn is_urgent(&self) -> bool {
        self.challenge.is_urgent()
    }

    /// A whole round of status questions was answered.
    pub(super) fn round_over(&mut self, state: PrinterState) {
        self.challenge.round_over(state.trouble().is_none());
    }

    /// The printer said that it can take no more, on a line that does not wait.
    pub(super) fn overrun(&mut self) {
        self.pace.stray();
    }

    /// A status question was not answered: the printer may have been off in between, and have lost what it held.
    pub(super) fn unanswered(&mut self) {
        self.pace.fell_silent();
        self.challenge.unanswered();
    }

    /// Asks again how the printer is, and by the second way of proof when the first stays silent. `unsent`: bytes that
    /// this machine still holds. `next`: the question whose turn it is; none while an answer is waited for. `true`: it
    /// goes out.
    pub(super) fn tick(
        &mut self,
        now: Instant,
        known: PrinterState,
        next: Option<Question>,
        unsent: usize,
    ) -> bool {
        let is_calm = self.all_sent_at.is_some() && unsent == 0 && known.trouble().is_none();
        self.calm_since = self.calm_since.filter(|_| is_calm);
        if is_calm {
            self.calm_since.get_or_insert(now);
        }
        let may_ask = self.pace.tick(now, known, unsent);
        if self.asked_sent < self.asked.len() {
            return false;
        }
        self.asked.clear();
        self.asked_sent = 0;
        let (Some(since), Some(poll_at)) = (self.all_sent_at, self.poll_at) else {
            let next = next.filter(|_| may_ask);
            if let Some(next) = next {
                self.asked.extend_from_slice(next.bytes());
                self.pace.polled(now);
            }
            return next.is_some();
        };
        let silent = now.duration_since(since) >= Duration::from_millis(PROCESS_WAIT_MS);
        let is_well = known.trouble().is_none();
        if self.options.want_proof && self.profile.has_queued_status && silent && is_well {
            self.challenge.begin();
        }
        self.asks_queued = false;
        if is_calm {
            self.challenge.tick(now);
        }
        if let Some(set) = is_well.then(|| self.challenge.ask(now)).flatten() {
            self.asked = set;
            self.asks_queued = true;
            return false;
        }
        let is_time = now >= poll_at || self.challenge.is_confirming();
        let Some(next) = next.filter(|_| self.profile.has_status && is_time) else {
            return false;
        };
        self.asked.extend_from_slice(next.bytes());
        self.poll_at = Some(now + Duration::from_millis(POLL_MS));
        true
    }

    /// What became of the job, as far as that is certain.
    pub(super) fn done(&self, now: Instant, unsent: usize) -> Option<PrintOutcome> {
        self.all_sent_at?;
        if self.process_answered && unsent <= self.behind {
            return Some(self.proven(Proof::ProcessId));
        }
        if let Some((byte, at)) = self.challenge.answer(now) {
            let grace = Duration::from_millis(PROCESS_GRACE_MS);
            if self.profile.has_process_id && now < at + grace {
                return None;
            }
            return Some(match queued_paper(byte) {
                // It may have answered because it will print no more.
                Paper::Out => self.unknown(Code::PaperOut),
                Paper::Ok | Paper::Low => self.proven(Proof::StatusAfter),
            });
        }
        let is_confirmable = self.profile.has_queued_status && self.profile.has_status;
        let provable = self.pace.is_kept() && (self.profile.has_process_id || is_confirmable);
        let wants = self.options.want_proof && provable;
        let is_given_up = self
            .calm_since
            .is_some_and(|since| now.duration_since(since) >= self.patience());
        (unsent == 0 && (!wants || is_given_up)).then(|| self.unknown(Code::PrintNotProven))
    }

    /// The end of the job is out, and the whole of it where nothing before can be missing.
    fn proven(&self, proof: Proof) -> PrintOutcome {
        if self.pace.is_kept() {
            PrintOutcome::Printed { proof }
        } else {
            self.unknown(Code::PrintNotProven)
        }
    }

    /// Queued questions within the job that left.
    pub(super) fn paced_questions(&self) -> u32 {
        self.pace.questions
    }

    /// Queued questions behind the job that left, or are about to.
    pub(super) fn questions(&self) -> u32 {
        let has_left = self.all_sent_at.is_some() || self.sent > self.paper_end;
        if has_left {
            self.challenge.questions
        } else {
            0
        }
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
            bytes_sent: self.sent.min(self.paper_end),
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
    use crate::device::printer::escpos::proof::ASK_QUEUED;
    use crate::device::quirks;

    /// A job of five bytes that left whole, to a printer that proves by status.
    fn sent(now: Instant) -> Carry {
        let options = PrintOptions {
            deadline: now + Duration::from_secs(600),
            want_proof: true,
            plus_line_time: false,
        };
        let profile = *quirks::profile("generic-80").expect("a row");
        let job = Bytes {
            bytes: b"paper",
            seams: &[5],
            is_raw: false,
        };
        let mut carry = Carry::new(&job, *b"0000", true, options, profile, false);
        let count = carry.outgoing().len();
        carry.wrote(count, now);
        carry
    }

    const FINE: PrinterState = PrinterState {
        online: true,
        paper: Paper::Ok,
        cover_open: false,
        error: false,
        queue: None,
    };

    /// The printer answers all that it was asked in its turn.
    fn answers_queued(carry: &mut Carry, now: Instant) {
        let mut asked = carry.outgoing().len() / ASK_QUEUED.len();
        carry.wrote(asked * ASK_QUEUED.len(), now);
        if asked == 0 {
            asked = (carry.sent - carry.paper_end) / ASK_QUEUED.len();
        }
        answers_queued_of(carry, asked, now);
    }

    #[test]
    fn queued_answers_prove_nothing_until_a_round_behind_the_second_set() {
        let now = Instant::now();
        let mut carry = sent(now);
        answers_queued(&mut carry, now);
        assert!(carry.is_urgent());
        // A round that was over before is of no use.
        carry.round_over(FINE);
        assert!(!carry.tick(now, FINE, Some(Question::Printer), 0));
        answers_queued(&mut carry, now);
        assert!(carry.is_urgent());
        assert_eq!(carry.done(now + Duration::from_secs(5), 0), None);
        // The questions of the round go out without a pause between.
        assert!(carry.tick(now, FINE, Some(Question::Printer), 0));
        carry.wrote(3, now);
        assert!(!carry.tick(now, FINE, None, 0));
        carry.round_over(FINE);
        let proof = Proof::StatusAfter;
        assert_eq!(carry.done(now, 0), None);
        let later = now + Duration::from_secs(1);
        assert_eq!(carry.done(later, 0), Some(PrintOutcome::Printed { proof }));
    }

    #[test]
    fn what_comes_while_its_question_is_in_this_machine_is_no_answer() {
        let now = Instant::now();
        let mut carry = sent(now);
        for _ in 0..20 {
            carry.heard(Reply::Queued(0), now, 1);
        }
        assert!(!carry.is_urgent() && carry.challenge.answer(now).is_none());
        // Behind the questions stands one for its status, which may wait.
        carry.tick(
            now + Duration::from_secs(1),
            FINE,
            Some(Question::Printer),
            15,
        );
        carry.wrote(3, now);
        for _ in 0..(carry.sent - carry.paper_end) / ASK_QUEUED.len() {
            assert!(!carry.is_urgent());
            carry.heard(Reply::Queued(0), now, 3);
        }
        assert!(carry.is_urgent());
        // The job's own number, too, is no proof as long as that number is here.
        carry.heard(Reply::Process(*b"0000"), now, 15);
        assert_eq!(carry.done(now, 15), None);
        let proof = Proof::ProcessId;
        assert_eq!(carry.done(now, 0), Some(PrintOutcome::Printed { proof }));
    }

    /// As cdc-acm tells of its line: by whole buffers.
    #[test]
    fn a_line_that_counts_by_buffers_takes_no_answer_away() {
        const BUFFER_BYTES: usize = 1_280;
        let now = Instant::now();
        let mut carry = sent(now);
        let size = (carry.sent - carry.paper_end) / ASK_QUEUED.len();
        // All is here still: nothing can be an answer.
        carry.observe(BUFFER_BYTES);
        carry.heard(Reply::Queued(0), now, BUFFER_BYTES);
        assert!(!carry.is_urgent());
        // Then the questions have left, and one for its status is on its way.
        carry.observe(0);
        carry.tick(
            now + Duration::from_secs(1),
            FINE,
            Some(Question::Printer),
            0,
        );
        carry.wrote(3, now);
        for _ in 0..size {
            assert!(!carry.is_urgent());
            carry.heard(Reply::Queued(0), now, BUFFER_BYTES);
        }
        assert!(carry.is_urgent());
        // The next set is in such a buffer itself.
        carry.tick(now + Duration::from_secs(1), FINE, None, 0);
        let count = carry.outgoing().len();
        carry.wrote(count, now);
        for _ in 0..20 {
            carry.heard(Reply::Queued(0), now, BUFFER_BYTES);
        }
        assert!(!carry.is_urgent() && carry.challenge.answer(now).is_none());
        answers_queued_of(&mut carry, count / ASK_QUEUED.len(), now);
        assert!(carry.is_urgent());
    }

    fn answers_queued_of(carry: &mut Carry, count: usize, now: Instant) {
        for _ in 0..count {
            carry.heard(Reply::Queued(0), now, 0);
        }
    }

    /// It lets the rest go, and the answer that the stop gets later stands behind nothing.
    #[test]
    fn a_stray_byte_at_the_last_stop_proves_nothing() {
        let now = Instant::now();
        let options = PrintOptions {
            deadline: now + Duration::from_secs(600),
            want_proof: true,
            plus_line_time: false,
        };
        let profile = Profile {
            buffer_bytes: 16,
            ..*quirks::profile("generic-80").expect("a row")
        };
        let job = Bytes {
            bytes: b"paper paper",
            seams: &[6, 11],
            is_raw: false,
        };
        let mut carry = Carry::new(&job, *b"0000", true, options, profile, true);
        let count = carry.outgoing().len();
        assert_eq!(count, 6 + ASK_QUEUED.len());
        carry.wrote(count, now);
        // The stop's question is still here: nothing is let go.
        carry.heard(Reply::Queued(0), now, 1);
        assert_eq!(carry.outgoing(), b"");
        carry.heard(Reply::Queued(0), now, 0);
        let count = carry.outgoing().len();
        carry.wrote(count, now);
        carry.heard(Reply::Queued(0), now, 0);
        assert!(!carry.is_urgent());
        carry.round_over(FINE);
        assert_eq!(carry.done(now + Duration::from_secs(5), 0), None);
        // What it was asked behind the job then is one answer too many.
        for _ in 0..20 {
            answers_queued(&mut carry, now);
            carry.round_over(FINE);
            carry.tick(now, FINE, None, 0);
        }
        assert_eq!(carry.done(now + Duration::from_secs(5), 0), None);
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
        let question = Some(Question::Printer);
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
