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

use super::carry::Carry;
use super::encode::{REPORT_CHANGES, separation};
use super::proof::ASK_QUEUED;
use super::status::{Parser, Question, Reply, after_answer, after_port, after_report};
use crate::book::Code;
use crate::device::board::Board;
use crate::device::error::DeviceError;
use crate::device::link::{Link, Moved};
use crate::device::printer::{PrintOptions, PrintOutcome, PrinterState};
use crate::device::quirks::Profile;

/// Longest wait for an answer to one `DLE EOT`.
const ANSWER_MS_MAX: u64 = 500;
/// How often timers are looked at while a job is on its way.
const TICK_MS: u64 = 50;
/// Silence after which no answer to an earlier job is expected any more.
const STALE_QUIET_MS: u64 = 1_000;
/// Unanswered questions that are remembered.
const OWED_MAX: u32 = 8;
/// Read at once, in bytes.
const READ_BYTES: usize = 64;
/// Reads that empty the line; more is a line that never falls silent.
const DRAIN_READS_MAX: usize = 64;
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
}

impl Past {
    pub(in crate::device::printer) fn of(left: Left) -> Self {
        Self { left, owed: 0 }
    }
}

/// A printer on an open link.
pub(in crate::device::printer) struct Conversation {
    link: Link,
    parser: Parser,
    profile: Profile,
    round: Round,
    known: PrinterState,
    /// Queued answers heard and not yet counted.
    queued_heard: u32,
    /// Changes are reported unasked on this link.
    reports: bool,
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
        let profile = if link.is_one_way() {
            profile.without_answers()
        } else {
            *profile
        };
        let (parser, round) = (Parser::default(), Round::default());
        Self {
            link,
            parser,
            profile,
            round,
            known,
            queued_heard: 0,
            reports: false,
            lost: false,
        }
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

    /// Asks how the printer is. A model that never answers counts as fine, unless its port says otherwise.
    pub(in crate::device::printer) async fn look(
        &mut self,
        board: &Board,
        deadline: Instant,
    ) -> Result<PrinterState, DeviceError> {
        self.drain(board).map_err(|e| self.gone(board, &e))?;
        if !self.profile.has_status {
            let said = self.link.port_status().await;
            if let Some(port) = said.map_err(|e| self.gone(board, &e))? {
                self.known = after_port(port);
            }
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
            tracing::warn!(
                device = board.name(),
                bits = detail,
                "the printer reports an error"
            );
        }
        self.known = state;
        board.observed(state);
        if self.profile.has_asb && !self.reports {
            self.write(&REPORT_CHANGES, board, deadline).await?;
            self.reports = true;
        }
        Ok(state)
    }

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
        past.owed = past
            .owed
            .saturating_sub(std::mem::take(&mut self.queued_heard));
        if past.owed == 0 {
            return Ok(true);
        }
        // The printer answers in order: the answer to this question has no older one behind it.
        self.write(&ASK_QUEUED, board, deadline).await?;
        let expected = past.owed + 1;
        let mut buffer = [0; READ_BYTES];
        while self.queued_heard < expected {
            let until = deadline.min(after(STALE_QUIET_MS));
            let Some(moved) = self.step(&[], &mut buffer, board, until).await? else {
                break;
            };
            self.absorb_moved(moved, &buffer, board);
        }
        let heard = std::mem::take(&mut self.queued_heard);
        past.owed = if heard > 0 { 0 } else { expected.min(OWED_MAX) };
        if heard == 0 || heard >= expected {
            return Ok(heard > 0);
        }
        // Some but not all: the others were lost with their link. A printer that was silent for so long and
        // is well has nothing left to answer.
        let state = self.look(board, deadline).await?;
        Ok(state.trouble().is_none())
    }

    /// Sends a job and finds out what became of it. Answers by the deadline.
    pub(in crate::device::printer) async fn print(
        &mut self,
        job: &Bytes<'_>,
        number: [u8; 4],
        trust_queued: bool,
        options: PrintOptions,
        past: &mut Past,
        board: &Board,
    ) -> PrintOutcome {
        // An answer to a question within bytes of the caller's own would be taken for the one behind them.
        let profile = if job.is_raw {
            self.profile.without_queued_status()
        } else {
            self.profile
        };
        let mut carry = Carry::new(job.bytes, number, trust_queued, options, profile);
        let outcome = self.carry(&mut carry, options, board).await;
        self.note_past(job, &carry, outcome, past);
        outcome
    }

    /// Moves bytes until it is certain what became of the job, or the deadline is here.
    async fn carry(
        &mut self,
        carry: &mut Carry,
        options: PrintOptions,
        board: &Board,
    ) -> PrintOutcome {
        self.round = Round::default();
        let mut buffer = [0; READ_BYTES];
        let mut tick = after(TICK_MS);
        loop {
            let now = Instant::now();
            if now >= options.deadline {
                // A printer that answers nothing may still say that it has no paper.
                if !self.profile.has_status
                    && let Ok(Some(port)) = self.link.port_status().await
                {
                    self.known = after_port(port);
                    board.observed(self.known);
                }
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
                    let unsent = self.link.unsent();
                    carry.tick(Instant::now(), self.known, self.round.question(), unsent);
                }
            }
        }
    }

    /// What the job means for the next one.
    fn note_past(
        &mut self,
        job: &Bytes<'_>,
        carry: &Carry,
        outcome: PrintOutcome,
        past: &mut Past,
    ) {
        let heard = std::mem::take(&mut self.queued_heard);
        past.owed = (past.owed + carry.questions)
            .saturating_sub(heard)
            .min(OWED_MAX);
        let is_unknown = matches!(outcome, PrintOutcome::Unknown { .. });
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
            let Some(moved) = self.step(&[], &mut buffer, board, until).await? else {
                return Err(DeviceError::new(
                    Code::PrinterMissing,
                    format!("{}: no answer to a status question", board.name()),
                ));
            };
            let replies = self.absorb_moved(moved, &buffer, board);
            if let Some(byte) = replies.into_iter().find_map(real_time) {
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
            let Some(moved) = self.step(bytes, &mut buffer, board, deadline).await? else {
                // Half a command left: whatever comes next on this link would be misread.
                self.lost = true;
                return Err(DeviceError::new(
                    Code::PrinterMissing,
                    format!("{}: it does not take bytes", board.name()),
                ));
            };
            self.absorb_moved(moved, &buffer, board);
            if let Moved::Wrote(count) = moved {
                bytes = &bytes[count..];
            }
        }
        Ok(())
    }

    /// The next bytes in either direction. `None`: the time is over, also with a printer that never falls
    /// silent.
    async fn step(
        &mut self,
        from: &[u8],
        into: &mut [u8],
        board: &Board,
        deadline: Instant,
    ) -> Result<Option<Moved>, DeviceError> {
        if Instant::now() >= deadline {
            return Ok(None);
        }
        match timeout_at(deadline, self.link.exchange(into, from)).await {
            Err(_) => Ok(None),
            Ok(Ok(Moved::Read(0) | Moved::Wrote(0))) => Err(self.gone(board, &ended())),
            Ok(Ok(moved)) => Ok(Some(moved)),
            Ok(Err(error)) => Err(self.gone(board, &error)),
        }
    }

    fn absorb_moved(&mut self, moved: Moved, buffer: &[u8], board: &Board) -> Vec<Reply> {
        match moved {
            Moved::Read(count) => self.absorb(&buffer[..count], board),
            Moved::Wrote(_) => Vec::new(),
        }
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
        let replies: Vec<Reply> = bytes
            .iter()
            .filter_map(|byte| self.parser.push(*byte))
            .collect();
        for reply in &replies {
            let state = match *reply {
                Reply::Automatic(report) => Some(after_report(report)),
                Reply::RealTime(byte) if board.is_busy() => self.round.answer(byte),
                Reply::Queued(_) => {
                    self.queued_heard = self.queued_heard.saturating_add(1);
                    None
                }
                Reply::RealTime(_) | Reply::Process(_) => None,
            };
            if let Some(state) = state {
                self.known = state;
                board.observed(state);
            }
        }
        replies
    }

    fn gone(&mut self, board: &Board, error: &io::Error) -> DeviceError {
        self.lost = true;
        DeviceError::new(Code::PrinterMissing, format!("{}: {error}", board.name()))
    }
}

/// What goes out, and whether it is bytes of a caller's own.
pub(in crate::device::printer) struct Bytes<'a> {
    pub(in crate::device::printer) bytes: &'a [u8],
    pub(in crate::device::printer) is_raw: bool,
}

/// Queued questions that these bytes may hold.
fn questions_in(bytes: &[u8]) -> u32 {
    let asks = |pair: &&[u8]| pair[..] == ASK_QUEUED[..2];
    u32::try_from(bytes.windows(2).filter(asks).count()).unwrap_or(u32::MAX)
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
