//! PURE. A job on its way: what is to be written next, what was heard, what that means.
//!
//! Time and bytes come in as values; the driver moves them.

use std::time::Duration;

use tokio::time::Instant;

use super::pace::{Pace, Room};
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
    pace: Pace,
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
    /// Queued answers that came behind the job.
    answers: u32,
    /// The printer went through a whole round of real-time questions after that answer, and was well.
    is_confirmed: bool,
    process_answered: bool,
    /// Since when all is with the printer and it knows of no trouble.
    calm_since: Option<Instant>,
    /// Queued questions that left.
    pub(super) questions: u32,
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
        let mut queued_asked = false;
        if options.want_proof && profile.has_process_id {
            job.extend_from_slice(&ask_process(number));
        } else if options.want_proof && profile.has_queued_status {
            job.extend_from_slice(&ASK_QUEUED);
            queued_asked = true;
        }
        Self {
            job,
            pace,
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
            answers: 0,
            is_confirmed: false,
            process_answered: false,
            calm_since: None,
            questions: 0,
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
            return;
        }
        self.sent += count;
        self.pace.wrote(self.sent, now);
        if self.sent == self.job.len() {
            self.all_sent_at = Some(now);
            self.poll_at = Some(now + Duration::from_millis(POLL_MS));
            self.questions += u32::from(self.queued_asked);
        }
    }

    /// The printer said something. `true`: a whole round of status questions that begins now is to confirm it.
    pub(super) fn heard(&mut self, reply: Reply, now: Instant) -> bool {
        // Whatever comes before the questions for proof left proves nothing.
        if self.all_sent_at.is_none() {
            self.pace.heard(reply);
            return false;
        }
        match reply {
            Reply::Process(number) if number == self.number => self.process_answered = true,
            Reply::Queued(byte) if self.queued_asked && self.trust_queued => {
                self.answers += 1;
                self.is_confirmed = false;
                if self.answers > self.questions {
                    // One of them is noise, and nothing shows which.
                    self.trust_queued = false;
                    self.queued_answer = None;
                    return false;
                }
                self.queued_answer = Some((byte, now));
                return true;
            }
            Reply::Queued(_) if !self.queued_asked => self.pace.stray(),
            Reply::Process(_) | Reply::Queued(_) | Reply::RealTime(_) | Reply::Automatic(_) => {}
        }
        false
    }

    /// An answer is there and waits for a round behind it: almost any stray byte reads as one, also the last one of a
    /// printer that lost its power, and only a printer that lives answers the round.
    pub(super) fn is_confirming(&self) -> bool {
        self.queued_answer.is_some() && !self.is_confirmed
    }

    /// A whole round of status questions was answered.
    pub(super) fn round_over(&mut self, state: PrinterState) {
        if !self.is_confirming() {
            return;
        }
        if state.trouble().is_none() {
            self.is_confirmed = true;
        } else {
            // A printer that is in trouble does not get to what stands behind the job.
            self.trust_queued = false;
            self.queued_answer = None;
        }
    }

    /// The printer said that it can take no more, on a line that does not wait.
    pub(super) fn overrun(&mut self) {
        self.pace.stray();
    }

    /// A status question was not answered: the printer may have been off in between, and have lost what it held.
    pub(super) fn unanswered(&mut self) {
        self.pace.fell_silent();
        if self.is_confirming() {
            self.trust_queued = false;
            self.queued_answer = None;
        }
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
        let second_way = self.profile.has_queued_status && !self.queued_asked;
        if self.options.want_proof && second_way && silent && known.trouble().is_none() {
            self.asked.extend_from_slice(&ASK_QUEUED);
            self.queued_asked = true;
            self.questions += 1;
        }
        let is_time = now >= poll_at || self.is_confirming();
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
        if self.process_answered {
            return Some(self.proven(Proof::ProcessId));
        }
        if let Some((byte, at)) = self.queued_answer.filter(|_| self.is_confirmed) {
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

    #[test]
    fn a_queued_answer_proves_nothing_until_a_round_behind_it() {
        let now = Instant::now();
        let mut carry = sent(now);
        // A round that was over before is of no use.
        carry.round_over(FINE);
        // The NUL that a printer without power leaves on its line.
        assert!(carry.heard(Reply::Queued(0), now));
        assert_eq!(carry.done(now + Duration::from_secs(5), 0), None);
        // The questions of the round go out without a pause between.
        assert!(carry.tick(now, FINE, Some(Question::Printer), 0));
        carry.wrote(3, now);
        assert!(!carry.tick(now, FINE, None, 0));
        carry.round_over(FINE);
        let proof = Proof::StatusAfter;
        assert_eq!(carry.done(now, 0), Some(PrintOutcome::Printed { proof }));
    }

    #[test]
    fn noise_beside_an_answer_and_an_answer_in_trouble_prove_nothing() {
        let now = Instant::now();
        let mut carry = sent(now);
        assert!(carry.heard(Reply::Queued(0), now));
        assert!(!carry.heard(Reply::Queued(0), now));
        carry.round_over(FINE);
        assert_eq!(carry.done(now, 0), None);

        let mut carry = sent(now);
        assert!(carry.heard(Reply::Queued(0), now));
        let cover_open = true;
        carry.round_over(PrinterState { cover_open, ..FINE });
        carry.round_over(FINE);
        assert_eq!(carry.done(now, 0), None);
    }

    /// A printer that was switched off and on behind a stray byte answers the next questions.
    #[test]
    fn one_that_was_silent_behind_an_answer_proves_nothing_when_it_is_back() {
        let now = Instant::now();
        let mut carry = sent(now);
        // While it works off the job it may be slow.
        carry.unanswered();
        assert!(carry.heard(Reply::Queued(0), now));
        carry.unanswered();
        carry.round_over(FINE);
        assert_eq!(carry.done(now, 0), None);
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
