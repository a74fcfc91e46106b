//! The conversation with one printer over one open link.
//!
//! ```text
//! look (DLE EOT 1, 2, 4) ─ trouble ─► not printed, no byte left
//!   │ fine
//! send ── reports come meanwhile; a printer without paper stops reading and goes on when there is paper
//!   │ last byte
//! prove: GS ( H answer ─► printed │ GS r answers to two sets of questions, then DLE EOT 1, 2, 4 ─► printed
//!   │ link lost, deadline ─► unknown
//! ```
//!
//! An answer counts only on the link that its question left by.

mod past;

use std::io;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use super::carry::{Bytes, Carry};
use super::encode::REPORT_CHANGES;
use super::round::Round;
use super::status::{Parser, Question, Reply, XOFF, after_port, after_report};
use crate::book::Code;
use crate::device::board::Board;
use crate::device::error::DeviceError;
use crate::device::link::{Link, Moved};
use crate::device::printer::{PrintOptions, PrintOutcome, PrinterState};
use crate::device::quirks::Profile;

pub(in crate::device::printer) use past::{Left, Past};

/// Longest wait for an answer to one `DLE EOT`.
const ANSWER_MS_MAX: u64 = 500;
/// How often timers are looked at while a job is on its way.
const TICK_MS: u64 = 50;
/// Read at once, in bytes.
const READ_BYTES: usize = 64;
/// Reads that empty the line; more is a line that never falls silent.
const DRAIN_READS_MAX: usize = 64;

/// A printer on an open link.
pub(in crate::device::printer) struct Conversation {
    link: Link,
    parser: Parser,
    profile: Profile,
    round: Round,
    known: PrinterState,
    /// Queued answers heard since the last questions that settle the past.
    queued_heard: u32,
    /// What the last whole round within a job gave.
    round_over: Option<PrinterState>,
    /// Changes are reported unasked on this link.
    reports: bool,
    /// It was said that this printer sends XOFF on a line that does not heed it.
    is_xoff_told: bool,
    /// It said that it can take no more, and nobody has heeded it yet.
    is_full: bool,
    lost: bool,
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
            round_over: None,
            reports: false,
            is_xoff_told: false,
            is_full: false,
            lost: false,
        }
    }

    /// The link is of no more use.
    pub(in crate::device::printer) fn is_lost(&self) -> bool {
        self.lost
    }

    /// Its line can bring it more than it has room for.
    pub(in crate::device::printer) fn may_overrun(&self) -> bool {
        self.link.may_overrun()
    }

    /// Bytes that left are still in this machine.
    pub(in crate::device::printer) fn is_sending(&self) -> bool {
        self.link.unsent() > 0 || self.link.unacknowledged() > 0
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
        self.round.restart();
        let state = loop {
            let begun = self.round.restarts;
            let answer = self.ask(self.round.question(), board, deadline).await?;
            if self.round.restarts != begun {
                // It reported a change meanwhile: the answer is to a question of the round before.
                continue;
            }
            if let Some(state) = self.round.take(answer) {
                break state;
            }
        };
        if state.error {
            let detail = self.ask(Question::Error, board, deadline).await?;
            self.round.restart();
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
        let mut carry = Carry::new(
            job,
            number,
            trust_queued,
            options,
            profile,
            self.link.may_overrun(),
        );
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
        self.round.restart();
        self.round_over = None;
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
                    self.heard(&buffer[..count], carry, board);
                    if carry.is_urgent() {
                        tick = Instant::now();
                    }
                }
                Some(_) => {
                    self.lost = true;
                    break carry.lost();
                }
                None => {
                    tick = after(TICK_MS);
                    let (now, unsent) = (Instant::now(), self.link.unsent());
                    carry.observe(self.link.beyond_its_reach());
                    let question = self.round.due(now);
                    if std::mem::take(&mut self.is_full) {
                        carry.overrun();
                    }
                    if self.round.take_lost() {
                        board.unanswered();
                        carry.unanswered();
                    }
                    if carry.tick(now, self.known, question, unsent) {
                        self.round.asked(now);
                    }
                }
            }
        }
    }

    /// Bytes that came within a job. A round of status questions confirms an answer only if it began behind it.
    fn heard(&mut self, bytes: &[u8], carry: &mut Carry, board: &Board) {
        let unsent = self.link.beyond_its_reach();
        for reply in self.absorb(bytes, board) {
            if carry.heard(reply, Instant::now(), unsent) {
                self.round.restart();
                self.round_over = None;
            }
        }
        if let Some(state) = self.round_over.take() {
            carry.round_over(state);
        }
    }

    async fn ask(
        &mut self,
        question: Question,
        board: &Board,
        deadline: Instant,
    ) -> Result<u8, DeviceError> {
        let mut buffer = [0; READ_BYTES];
        // A late answer to an earlier question would be taken for the answer to this one.
        while self.round.pending > 0 {
            let until = deadline.min(after(ANSWER_MS_MAX));
            let Some(moved) = self.step(&[], &mut buffer, board, until).await? else {
                self.round.pending = 0;
                break;
            };
            self.absorb_moved(moved, &buffer, board);
        }
        let until = deadline.min(after(ANSWER_MS_MAX));
        self.write(question.bytes(), board, until).await?;
        self.round.asked(Instant::now());
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
        board.came(bytes.len());
        let has_xoff = self.link.may_overrun() && bytes.contains(&XOFF);
        self.is_full |= has_xoff;
        if has_xoff && !std::mem::replace(&mut self.is_xoff_told, true) {
            tracing::warn!(
                device = board.name(),
                "sends XOFF: flow = \"xon-xoff\" would be right for it"
            );
        }
        let replies: Vec<Reply> = bytes
            .iter()
            .filter_map(|byte| self.parser.push(*byte))
            .collect();
        for reply in &replies {
            let state = match *reply {
                Reply::Automatic(report) => {
                    let now = after_report(report);
                    if now != self.known {
                        // What the round heard so far is older, and would take this back.
                        self.round.restart();
                        self.round_over = None;
                    }
                    Some(now)
                }
                Reply::RealTime(byte) => {
                    let is_current = self.round.came(Instant::now());
                    let over = (is_current && board.is_busy()).then(|| self.round.take(byte));
                    self.round_over = over.flatten().or(self.round_over);
                    over.flatten()
                }
                Reply::Queued(_) => {
                    self.queued_heard = self.queued_heard.saturating_add(1);
                    None
                }
                Reply::Process(_) => None,
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
