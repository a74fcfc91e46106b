//! The conversation with one printer over one open link.
//!
//! ```text
//! look (DLE EOT 1, 2, 4) ─ trouble ─► not printed, no byte left
//!   │ fine
//! send ── reports come meanwhile; a printer without paper stops reading and goes on when there is paper
//!   │ last byte
//! prove: GS ( H answer ─► printed │ queued GS r answer ─► printed │ link lost, deadline ─► unknown
//! ```
//!
//! An answer counts only on the link that its question left by.

use std::io;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use super::proof::{ASK_QUEUED, ask_process};
use super::status::{Parser, Question, Reply, after_answer, after_report, queued_paper};
use crate::book::Code;
use crate::device::board::Board;
use crate::device::error::DeviceError;
use crate::device::link::{Link, Moved};
use crate::device::printer::{Paper, PrintOptions, PrintOutcome, PrinterState, Proof};
use crate::device::quirks::Profile;

/// Longest wait for an answer to one `DLE EOT`.
const ANSWER_MS_MAX: u64 = 500;
/// Between two status questions while the proof is waited for.
const POLL_MS: u64 = 500;
/// How often timers are looked at while a job is on its way.
const TICK_MS: u64 = 50;
/// Silence after which the second way of proof is tried.
const PROCESS_WAIT_MS: u64 = 2_000;
/// After the second way answered, the first way may still.
const PROCESS_GRACE_MS: u64 = 500;
/// Wait for answers that an earlier job may still bring.
const STALE_WAIT_MS: u64 = 1_000;
/// Silence that says that no more of them come.
const STALE_QUIET_MS: u64 = 200;
/// Written at once, in bytes.
const CHUNK_BYTES: usize = 1_024;
/// Read at once, in bytes.
const READ_BYTES: usize = 64;
/// Reads that empty the line; more is a line that never falls silent.
const DRAIN_READS_MAX: usize = 64;
/// Outlasts what a job that was cut off may have left open, a stored QR code at most; a printer that waits
/// for nothing ignores NULs.
const RESYNC_BYTES: usize = 1_024;

/// What a printer's past means for its next job. Outlives links.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::device::printer) struct Past {
    /// A job was cut off in the middle.
    cut_off: bool,
    /// A queued question was never answered; the answer may come at any time.
    owes_answer: bool,
}

/// A printer on an open link.
pub(in crate::device::printer) struct Conversation {
    link: Link,
    parser: Parser,
    profile: &'static Profile,
    round: Round,
    known: PrinterState,
    lost: bool,
}

/// One round of status questions; the state it gives counts when the round is complete.
#[derive(Clone, Copy, Default)]
struct Round {
    at: usize,
    found: PrinterState,
}

impl Round {
    const QUESTIONS: [Question; 3] = [Question::Printer, Question::OffLine, Question::Paper];

    fn question(self) -> Question {
        Self::QUESTIONS[self.at % Self::QUESTIONS.len()]
    }

    /// Takes the answer to the question; the state when the round is complete.
    fn answer(&mut self, byte: u8) -> Option<PrinterState> {
        self.found = after_answer(self.found, self.question(), byte);
        self.at += 1;
        (self.at == Self::QUESTIONS.len()).then(|| std::mem::take(self).found)
    }
}

impl Conversation {
    pub(in crate::device::printer) fn new(link: Link, profile: &'static Profile) -> Self {
        let known = PrinterState::default();
        let (parser, round) = (Parser::default(), Round::default());
        Self { link, parser, profile, round, known, lost: false }
    }

    /// The link is of no more use.
    pub(in crate::device::printer) fn is_lost(&self) -> bool {
        self.lost
    }

    /// Listens while there is no job. Returns when something was heard.
    pub(in crate::device::printer) async fn hear(&mut self, board: &Board) {
        let mut buffer = [0; READ_BYTES];
        match self.link.read(&mut buffer).await {
            Ok(count) if count > 0 => {
                self.absorb(&buffer[..count], board);
            }
            Ok(_) | Err(_) => self.lost = true,
        }
    }

    /// Asks how the printer is. A model that never answers counts as fine.
    pub(in crate::device::printer) async fn look(
        &mut self,
        board: &Board,
        deadline: Instant,
    ) -> Result<PrinterState, DeviceError> {
        self.drain(board).map_err(|e| self.gone(board, &e))?;
        if !self.profile.has_status {
            board.observed(self.known);
            return Ok(self.known);
        }
        self.round = Round::default();
        let state = loop {
            let answer = self.ask(self.round.question(), board, deadline).await?;
            if let Some(state) = self.round.answer(answer) {
                break state;
            }
        };
        if state.error {
            let detail = self.ask(Question::Error, board, deadline).await?;
            tracing::warn!(device = board.name(), bits = detail, "the printer reports an error");
        }
        self.known = state;
        board.observed(state);
        Ok(state)
    }

    /// Clears what an earlier job may have left on the line. `false`: a queued answer proves nothing now.
    pub(in crate::device::printer) async fn settle_past(
        &mut self,
        past: &mut Past,
        board: &Board,
        deadline: Instant,
    ) -> Result<bool, DeviceError> {
        if past.cut_off {
            self.write(&[0; RESYNC_BYTES], board, deadline).await?;
            past.cut_off = false;
        }
        if !past.owes_answer {
            return Ok(true);
        }
        // The printer answers in order: when this answer is there, no older one is behind it.
        self.write(&ASK_QUEUED, board, deadline).await?;
        let mut until = deadline.min(after(STALE_WAIT_MS));
        let mut buffer = [0; READ_BYTES];
        while let Ok(read) = timeout_at(until, self.link.read(&mut buffer)).await {
            let count = self.arrived(read).map_err(|e| self.gone(board, &e))?;
            let replies = self.absorb(&buffer[..count], board);
            if replies.iter().any(|reply| matches!(reply, Reply::Queued(_))) {
                past.owes_answer = false;
                until = deadline.min(after(STALE_QUIET_MS));
            }
        }
        Ok(!past.owes_answer)
    }

    /// Sends a job and finds out what became of it. Answers by the deadline.
    pub(in crate::device::printer) async fn print(
        &mut self,
        job: &[u8],
        number: [u8; 4],
        trust_queued: bool,
        options: PrintOptions,
        past: &mut Past,
        board: &Board,
    ) -> PrintOutcome {
        let mut carry = Carry::new(job, number, trust_queued, options, self.profile);
        self.round = Round::default();
        let mut buffer = [0; READ_BYTES];
        let mut tick = after(TICK_MS);
        let outcome = loop {
            let now = Instant::now();
            if now >= options.deadline {
                break carry.late(self.known);
            }
            if let Some(outcome) = carry.done(now, self.link.unsent()) {
                break outcome;
            }
            let next = tokio::select! {
                biased;
                moved = self.link.exchange(&mut buffer, carry.outgoing()) => Some(moved),
                () = sleep_until(tick.min(options.deadline)) => None,
            };
            match next {
                Some(Ok(Moved::Wrote(count))) if count > 0 => {
                    board.count(|c| c.bytes_out += u64::try_from(count).unwrap_or(0));
                    carry.wrote(count, Instant::now());
                }
                Some(Ok(Moved::Read(count))) if count > 0 => {
                    for reply in self.absorb(&buffer[..count], board) {
                        carry.heard(reply, Instant::now());
                    }
                }
                Some(_) => {
                    self.lost = true;
                    break carry.lost();
                }
                None => {
                    tick = after(TICK_MS);
                    carry.tick(Instant::now(), self.known, self.round.question());
                }
            }
        };
        past.owes_answer = carry.owes_answer;
        past.cut_off = carry.is_cut_off();
        self.lost |= past.cut_off;
        outcome
    }

    async fn ask(
        &mut self,
        question: Question,
        board: &Board,
        deadline: Instant,
    ) -> Result<u8, DeviceError> {
        let until = deadline.min(after(ANSWER_MS_MAX));
        self.write(question.bytes(), board, until).await?;
        let mut buffer = [0; READ_BYTES];
        loop {
            let Ok(read) = timeout_at(until, self.link.read(&mut buffer)).await else {
                return Err(DeviceError::new(
                    Code::PrinterMissing,
                    format!("{}: no answer to a status question", board.name()),
                ));
            };
            let count = self.arrived(read).map_err(|e| self.gone(board, &e))?;
            let answer = self.absorb(&buffer[..count], board).into_iter().find_map(real_time);
            if let Some(byte) = answer {
                return Ok(byte);
            }
        }
    }

    async fn write(
        &mut self,
        mut bytes: &[u8],
        board: &Board,
        deadline: Instant,
    ) -> Result<(), DeviceError> {
        let mut buffer = [0; READ_BYTES];
        while !bytes.is_empty() {
            let Ok(moved) = timeout_at(deadline, self.link.exchange(&mut buffer, bytes)).await else {
                // Half a command left: whatever comes next on this link would be misread.
                self.lost = true;
                return Err(DeviceError::new(
                    Code::PrinterMissing,
                    format!("{}: it does not take bytes", board.name()),
                ));
            };
            match moved {
                Ok(Moved::Wrote(count)) if count > 0 => bytes = &bytes[count..],
                Ok(Moved::Read(count)) if count > 0 => {
                    self.absorb(&buffer[..count], board);
                }
                Ok(_) => return Err(self.gone(board, &ended())),
                Err(e) => return Err(self.gone(board, &e)),
            }
        }
        Ok(())
    }

    /// Takes in what came before anything was asked.
    fn drain(&mut self, board: &Board) -> io::Result<()> {
        let mut buffer = [0; READ_BYTES];
        for _ in 0..DRAIN_READS_MAX {
            match self.link.read_now(&mut buffer)? {
                Some(0) => return Err(ended()),
                Some(count) => {
                    self.absorb(&buffer[..count], board);
                }
                None => break,
            }
        }
        Ok(())
    }

    /// Parses what came; reports go to the board at once.
    fn absorb(&mut self, bytes: &[u8], board: &Board) -> Vec<Reply> {
        board.count(|c| c.bytes_in += u64::try_from(bytes.len()).unwrap_or(0));
        let replies: Vec<Reply> = bytes.iter().filter_map(|byte| self.parser.push(*byte)).collect();
        for reply in &replies {
            let state = match *reply {
                Reply::Automatic(report) => Some(after_report(report)),
                Reply::RealTime(byte) if board.is_busy() => self.round.answer(byte),
                Reply::RealTime(_) | Reply::Queued(_) | Reply::Process(_) => None,
            };
            if let Some(state) = state {
                self.known = state;
                board.observed(state);
            }
        }
        replies
    }

    fn arrived(&mut self, read: io::Result<usize>) -> io::Result<usize> {
        read.and_then(|count| if count > 0 { Ok(count) } else { Err(ended()) })
    }

    fn gone(&mut self, board: &Board, error: &io::Error) -> DeviceError {
        self.lost = true;
        DeviceError::new(Code::PrinterMissing, format!("{}: {error}", board.name()))
    }
}

/// A job on its way: what is to be written next, what was heard, what that means. Does no I/O.
struct Carry {
    job: Vec<u8>,
    sent: usize,
    /// Questions behind the job, and how much of them left.
    asked: Vec<u8>,
    asked_sent: usize,
    number: [u8; 4],
    trust_queued: bool,
    options: PrintOptions,
    profile: &'static Profile,
    all_sent_at: Option<Instant>,
    poll_at: Option<Instant>,
    queued_asked: bool,
    queued_answer: Option<(u8, Instant)>,
    process_answered: bool,
    owes_answer: bool,
}

impl Carry {
    fn new(
        job: &[u8],
        number: [u8; 4],
        trust_queued: bool,
        options: PrintOptions,
        profile: &'static Profile,
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
            owes_answer: !trust_queued,
        }
    }

    fn outgoing(&self) -> &[u8] {
        if self.sent < self.job.len() {
            &self.job[self.sent..self.job.len().min(self.sent + CHUNK_BYTES)]
        } else {
            &self.asked[self.asked_sent..]
        }
    }

    fn wrote(&mut self, count: usize, now: Instant) {
        if self.sent < self.job.len() {
            self.sent += count;
            if self.sent == self.job.len() {
                self.all_sent_at = Some(now);
                self.poll_at = Some(now + Duration::from_millis(POLL_MS));
                self.owes_answer |= self.queued_asked;
            }
        } else {
            self.asked_sent += count;
        }
    }

    fn heard(&mut self, reply: Reply, now: Instant) {
        // Whatever comes before the questions left is an echo of something else.
        if self.all_sent_at.is_none() {
            return;
        }
        match reply {
            Reply::Process(number) if number == self.number => self.process_answered = true,
            Reply::Queued(byte) if self.queued_asked => {
                self.owes_answer = false;
                if self.trust_queued {
                    self.queued_answer.get_or_insert((byte, now));
                }
            }
            Reply::Process(_) | Reply::Queued(_) | Reply::RealTime(_) | Reply::Automatic(_) => {}
        }
    }

    /// Asks again how the printer is, and by the second way of proof when the first stays silent.
    fn tick(&mut self, now: Instant, known: PrinterState, next: Question) {
        let (Some(since), Some(poll_at)) = (self.all_sent_at, self.poll_at) else { return };
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
            self.owes_answer = true;
        }
        if self.profile.has_status && now >= poll_at {
            self.asked.extend_from_slice(next.bytes());
            self.poll_at = Some(now + Duration::from_millis(POLL_MS));
        }
    }

    /// What became of the job, as far as that is certain.
    fn done(&self, now: Instant, unsent: usize) -> Option<PrintOutcome> {
        self.all_sent_at?;
        if self.process_answered {
            return Some(PrintOutcome::Printed { proof: Proof::ProcessId });
        }
        if let Some((byte, at)) = self.queued_answer {
            let grace = Duration::from_millis(PROCESS_GRACE_MS);
            if self.profile.has_process_id && now < at + grace {
                return None;
            }
            return Some(match queued_paper(byte) {
                // It may have answered because it will print no more.
                Paper::Out => self.unknown(Code::PaperOut),
                Paper::Ok | Paper::Low => PrintOutcome::Printed { proof: Proof::StatusAfter },
            });
        }
        let provable = self.profile.has_process_id || self.profile.has_queued_status;
        let wants = self.options.want_proof && provable;
        (!wants && unsent == 0).then(|| self.unknown(Code::PrintNotProven))
    }

    fn late(&self, known: PrinterState) -> PrintOutcome {
        if self.sent == 0 {
            PrintOutcome::NotPrinted { code: known.trouble().unwrap_or(Code::PrinterError) }
        } else {
            self.unknown(known.trouble().unwrap_or(Code::PrintNotProven))
        }
    }

    fn lost(&self) -> PrintOutcome {
        if self.sent == 0 {
            PrintOutcome::NotPrinted { code: Code::PrinterMissing }
        } else {
            self.unknown(Code::PrinterMissing)
        }
    }

    fn unknown(&self, code: Code) -> PrintOutcome {
        PrintOutcome::Unknown { code, bytes_sent: self.sent }
    }

    fn is_cut_off(&self) -> bool {
        let in_job = self.sent > 0 && self.sent < self.job.len();
        in_job || (self.asked_sent > 0 && self.asked_sent < self.asked.len())
    }
}

fn real_time(reply: Reply) -> Option<u8> {
    match reply {
        Reply::RealTime(byte) => Some(byte),
        Reply::Automatic(_) | Reply::Queued(_) | Reply::Process(_) => None,
    }
}

fn ended() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the line ended")
}

fn after(ms: u64) -> Instant {
    Instant::now() + Duration::from_millis(ms)
}
