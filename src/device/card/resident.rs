//! The task that owns a 居民身份证 reader on a serial line or on USB: opens, asks whether it works, looks for a document while
//! somebody is armed, reads it, reopens.
//!
//! A document that was read is not found again until it was lifted: the readers' own rule. One that could not be read
//! is found again; it is left alone until it was lifted, unless somebody else asks.

use std::io;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use zeroize::Zeroizing;

use super::look;
use super::sam::{self, Answer, Command, Framer};
use super::shown::{Medium, ShownCard};
use super::trouble::Failure;
use super::{Bench, Order, READ_MS_MAX, disarmed};
use crate::book::Code;
use crate::config::devices::{At, Flow};
use crate::device::error::DeviceError;
use crate::device::find::Class;
use crate::device::link::{Link, Moved};
use crate::device::pause::Pause;
use crate::device::usb_line::Turn;

/// Longest wait for a short answer.
const ANSWER_MS_MAX: u64 = 1_000;
/// Longest wait for text and photo: 1 295 bytes take 1.4 s at 9 600 bits.
const DOCUMENT_MS_MAX: u64 = 3_000;
/// Between two looks for a document; the makers ask for 300 ms.
const LOOK_MS: u64 = 320;
/// A working reader is asked so often whether it still works while nobody needs it.
const STATUS_MS: u64 = 20_000;
/// What was found is looked for so often while nobody needs it: it may be lifted.
const PRESENCE_MS: u64 = 1_000;
/// A look that began before its deadline may end so late.
const LATE_MS_MAX: u64 = 500;
/// A document that is being laid down is found before it can be selected: it is tried for so long.
const SETTLE_MS: u64 = 800;
/// How often a question is put when its answer is torn.
const TRIES_MAX: usize = 2;
/// Read at once, in bytes.
const CHUNK_BYTES: usize = 2_048;

/// Where the reader is.
pub(crate) struct Line {
    pub(crate) at: At,
    pub(crate) wire: Wire,
}

/// How its frames travel.
pub(crate) enum Wire {
    /// On a serial line, so many bits a second.
    Serial(u32),
    /// By two bulk endpoints.
    Usb(Turn),
}

impl Line {
    async fn open(&self) -> Result<Link, DeviceError> {
        let missing = Code::CardReaderMissing;
        match &self.wire {
            Wire::Serial(baud) => Link::serial(&self.at, *baud, Flow::None, missing).await,
            Wire::Usb(turn) => Link::usb(&self.at, Class::UsbOwn, turn, missing).await,
        }
    }
}

enum Ended {
    HubGone,
    LineGone(DeviceError),
}

/// Owns the line until no handle is left.
pub(crate) async fn own(line: Line, bench: Bench, mut orders: mpsc::Receiver<Order>) {
    let mut pause = Pause::new();
    loop {
        let error = match line.open().await {
            Ok(link) => {
                let mut reader = Reader {
                    link: link.tapped(bench.board.tap()),
                    framer: Framer::default(),
                    owed_until: None,
                    unsent: Vec::new(),
                    begun_ms: ANSWER_MS_MAX,
                    bench: &bench,
                    armed: None,
                    failing: None,
                    is_tried: false,
                    is_found: false,
                    answered_at: None,
                };
                match reader.serve(&mut orders, &mut pause).await {
                    Ended::HubGone => return,
                    Ended::LineGone(error) => error,
                }
            }
            Err(error) => error,
        };
        bench.is_gone(&error);
        let over = sleep(pause.next(&line.at));
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = &mut over => break,
                // Dropping the order tells its asker that nobody reads.
                order = orders.recv() => if order.is_none() { return },
            }
        }
    }
}

struct Reader<'a> {
    link: Link,
    framer: Framer,
    /// Until when the answer to a question may come that nobody waits for any more.
    owed_until: Option<Instant>,
    /// The rest of a question that is half on the line: nothing may be put before it.
    unsent: Vec<u8>,
    /// How long the answer to the question that was begun last may take, milliseconds.
    begun_ms: u64,
    bench: &'a Bench,
    armed: Option<Order>,
    /// Since when the document cannot be read, and why.
    failing: Option<(Instant, DeviceError)>,
    /// What lies there could not be read and was told of.
    is_tried: bool,
    /// Something lay there when it was looked at last.
    is_found: bool,
    /// When it answered last.
    answered_at: Option<Instant>,
}

impl Reader<'_> {
    async fn serve(&mut self, orders: &mut mpsc::Receiver<Order>, pause: &mut Pause) -> Ended {
        if let Err(failure) = self.works().await {
            return Ended::LineGone(failure.error());
        }
        pause.reset();
        self.bench.is_there();
        loop {
            if let Some(order) = self.armed.take()
                && let Some(error) = self.look(order).await
            {
                return self.gone(error);
            }
            let wait = match (&self.armed, self.is_found) {
                (Some(_), _) => LOOK_MS,
                (None, true) => PRESENCE_MS,
                (None, false) => STATUS_MS,
            };
            let next = Instant::now() + Duration::from_millis(wait);
            let next = self
                .armed
                .as_ref()
                .map_or(next, |order| next.min(order.deadline));
            let bench = self.bench;
            // It may be the rest of a document that nobody waits for any more.
            let mut chunk = Zeroizing::new([0; CHUNK_BYTES]);
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(order) => self.arm(order),
                    None => return Ended::HubGone,
                },
                () = disarmed(&mut self.armed) => self.armed = None,
                // Nothing was asked: whatever comes is noise, but for the end.
                read = self.link.read(&mut *chunk) => match read {
                    Ok(count) if count > 0 => self.overhear(&chunk[..count]),
                    Ok(_) | Err(_) => return self.gone(self.unplugged("the line ended")),
                },
                reply = bench.looks.next() => if let Err(failure) = self.looked_at(reply).await {
                    return self.gone(failure.error());
                },
                () = sleep_until(next) => if self.armed.is_none()
                    && let Err(failure) = self.while_idle().await
                {
                    return self.gone(failure.error());
                },
            }
        }
    }

    /// Asks whether it works, for who looks at it; one that looks for documents is not asked in between. An error: the
    /// line is lost.
    async fn looked_at(&mut self, reply: look::Reply) -> Result<(), Failure> {
        let began = Instant::now();
        let worked = match self.armed {
            Some(_) => Ok(()),
            None => self.works().await,
        };
        let seen = match &worked {
            Ok(()) if self.armed.is_some() => Ok(look::Seen::AtWork {
                answered_ms: self.answered_at.map(|at| at.elapsed().as_millis()),
            }),
            Ok(()) => Ok(look::Seen::Answered {
                ms: began.elapsed().as_millis(),
            }),
            Err(failure) => Err(failure.as_error().clone()),
        };
        if reply.send(seen).is_err() {
            tracing::debug!("who looked at the reader is gone");
        }
        worked
    }

    fn arm(&mut self, mut order: Order) {
        self.failing = None;
        if !order.is_again {
            self.is_tried = false;
        }
        let (nobody, _) = tokio::sync::oneshot::channel();
        let ready = std::mem::replace(&mut order.ready, nobody);
        if ready.send(()).is_ok() {
            self.armed = Some(order);
        }
    }

    fn gone(&mut self, error: DeviceError) -> Ended {
        if let Some(order) = self.armed.take() {
            self.bench.answer(order, Err(Failure::Way(error.clone())));
        }
        Ended::LineGone(error)
    }

    /// Looks once; the order stays armed when there is nothing, and for a moment when it cannot be read. An error:
    /// the line is lost.
    async fn look(&mut self, mut order: Order) -> Option<DeviceError> {
        if !order.wanted.contains(&Medium::ResidentId) {
            let failure = Failure::card(Code::CardOfOtherKind, "a 居民身份证 was not asked for");
            self.bench.answer(order, Err(failure));
            return None;
        }
        let began = Instant::now();
        if began >= order.deadline {
            let nobody = || Failure::reader(Code::NobodyShowedCard, "no document in time");
            let failing = self.failing.take();
            let failure = failing.map_or_else(nobody, |(_, error)| Failure::Card(error));
            self.bench.answer(order, Err(failure));
            return None;
        }
        let latest = began + Duration::from_millis(READ_MS_MAX);
        let latest = latest.min(order.deadline + Duration::from_millis(LATE_MS_MAX));
        let looked = tokio::select! {
            biased;
            () = order.answer.closed() => None,
            looked = self.document(latest) => Some(looked),
        };
        // Nothing more is asked for nobody.
        match looked? {
            Ok(None) => self.go_on(order, false),
            Ok(Some(shown)) => self.bench.answer(order, Ok(shown)),
            Err(Failure::Card(error)) => {
                let since = self.failing.as_ref().map_or(began, |(since, _)| *since);
                self.failing = Some((since, error));
                self.go_on(order, true);
            }
            Err(failure @ Failure::Reader(_)) => self.bench.answer(order, Err(failure)),
            Err(Failure::Way(error)) => {
                self.bench.answer(order, Err(Failure::Way(error.clone())));
                return Some(error);
            }
        }
        None
    }

    /// Looks again in a moment, unless the document had time enough to be laid down.
    fn go_on(&mut self, order: Order, lies_there: bool) {
        let settle = Duration::from_millis(SETTLE_MS);
        match self.failing.take_if(|(since, _)| since.elapsed() >= settle) {
            Some((_, error)) => {
                self.is_tried = lies_there;
                self.bench.answer(order, Err(Failure::Card(error)));
            }
            None => self.armed = Some(order),
        }
    }

    /// Dropping the future leaves at most one answer owed.
    async fn document(&mut self, latest: Instant) -> Result<Option<ShownCard>, Failure> {
        let found = self.ask(Command::Find, latest).await?;
        match found.status {
            Answer::FOUND => {}
            Answer::NONE_FOUND => {
                self.found(false);
                return Ok(None);
            }
            status => return Err(odd(Command::Find, status)),
        }
        self.found(true);
        if self.is_tried {
            return Ok(None);
        }
        match self.ask(Command::Select, latest).await?.status {
            Answer::DONE => {}
            Answer::NOT_SELECTED => return Err(pulled("it cannot be selected")),
            status => return Err(odd(Command::Select, status)),
        }
        let read = self.ask(Command::Read, latest).await?;
        match read.status {
            Answer::DONE => sam::document(&read.data).map(Some),
            Answer::NOT_READ => Err(pulled("it cannot be read")),
            status => Err(odd(Command::Read, status)),
        }
    }

    /// Whether what was found lies there yet, or else whether the reader works. One that was read counts as lifted:
    /// that is the readers' own rule.
    async fn while_idle(&mut self) -> Result<(), Failure> {
        if !self.is_found {
            return self.works().await;
        }
        let latest = Instant::now() + Duration::from_millis(2 * ANSWER_MS_MAX);
        match self.ask(Command::Find, latest).await {
            Ok(answer) => {
                self.found(answer.status == Answer::FOUND);
                Ok(())
            }
            Err(Failure::Way(error)) => Err(Failure::Way(error)),
            Err(Failure::Card(_) | Failure::Reader(_)) => self.works().await,
        }
    }

    fn found(&mut self, is_found: bool) {
        self.is_found = is_found;
        self.bench.board.card(is_found);
        self.is_tried &= is_found;
    }

    async fn works(&mut self) -> Result<(), Failure> {
        let latest = Instant::now() + Duration::from_millis(2 * ANSWER_MS_MAX);
        match self.ask(Command::Status, latest).await {
            Ok(answer) if answer.status == Answer::DONE => Ok(()),
            Ok(answer) => Err(odd(Command::Status, answer.status)),
            Err(failure) => Err(Failure::Way(failure.error())),
        }
    }

    /// Asks, and asks again when the answer is torn.
    async fn ask(&mut self, command: Command, latest: Instant) -> Result<Answer, Failure> {
        let mut torn = None;
        for _ in 0..TRIES_MAX {
            match self.ask_once(command, latest).await {
                Err(Failure::Card(error)) if Instant::now() < latest => torn = Some(error),
                answered => return answered,
            }
        }
        let torn = torn.unwrap_or_else(|| self.unplugged("nothing was asked"));
        Err(Failure::Card(torn))
    }

    async fn ask_once(&mut self, command: Command, latest: Instant) -> Result<Answer, Failure> {
        let wait = match command {
            Command::Status | Command::Find | Command::Select => ANSWER_MS_MAX,
            Command::Read => DOCUMENT_MS_MAX,
        };
        self.finish_begun(latest).await?;
        self.settle_owed(latest).await?;
        self.begun_ms = wait;
        let latest = latest.min(Instant::now() + Duration::from_millis(wait));
        self.owed_until = Some(latest);
        let answered = self.put(command, latest).await;
        if answered.is_ok() {
            self.answered_at = Some(Instant::now());
        }
        self.owed_until = None;
        answered
    }

    /// Writes the rest of a question whose asker went away in the middle of it: the reader would take the next one for
    /// that rest. It is answered, then, and the answer is nobody's.
    async fn finish_begun(&mut self, latest: Instant) -> Result<(), Failure> {
        let mut chunk = Zeroizing::new([0; CHUNK_BYTES]);
        while !self.unsent.is_empty() {
            let moved = self.link.exchange(chunk.as_mut_slice(), &self.unsent);
            match timeout_at(latest, moved).await {
                Ok(moved) => {
                    if let Moved::Wrote(count) = self.moved(moved)? {
                        self.unsent.drain(..count);
                        self.owed_until =
                            Some(Instant::now() + Duration::from_millis(self.begun_ms));
                    }
                }
                Err(_) => {
                    let full = "another's question is half on the line";
                    return Err(Failure::reader(Code::CardReaderSilent, full));
                }
            }
        }
        Ok(())
    }

    /// Waits for the answer to the question before, whose asker went away, and drops it.
    async fn settle_owed(&mut self, latest: Instant) -> Result<(), Failure> {
        let mut chunk = Zeroizing::new([0; CHUNK_BYTES]);
        while let Some(until) = self.owed_until.filter(|until| *until > Instant::now()) {
            match timeout_at(until.min(latest), self.link.read(chunk.as_mut_slice())).await {
                Ok(Ok(count)) if count > 0 => self.overhear(&chunk[..count]),
                Ok(Ok(_) | Err(_)) => return Err(Failure::Way(self.unplugged("the line ended"))),
                Err(_) if latest <= until => {
                    let nobody = "another's question was not answered yet";
                    return Err(Failure::reader(Code::CardReaderSilent, nobody));
                }
                Err(_) => {}
            }
        }
        self.owed_until = None;
        Ok(())
    }

    /// Drops what came without having been asked for now.
    fn overhear(&mut self, bytes: &[u8]) {
        if self.owed_until.is_some() && self.framer.push(bytes).is_some() {
            self.owed_until = None;
        }
    }

    async fn put(&mut self, command: Command, latest: Instant) -> Result<Answer, Failure> {
        // What came before the question does not answer it.
        self.framer = Framer::default();
        let mut chunk = Zeroizing::new([0; CHUNK_BYTES]);
        while matches!(self.link.read_now(chunk.as_mut_slice()), Ok(Some(count)) if count > 0) {}
        let frame = command.frame();
        let mut left = frame.as_slice();
        loop {
            let moved = self.link.exchange(chunk.as_mut_slice(), left);
            let moved = match timeout_at(latest, moved).await {
                Ok(moved) => self.moved(moved)?,
                Err(_) => return Err(self.silent(command)),
            };
            match moved {
                Moved::Read(count) => {
                    if let Some(answer) = self.framer.push(&chunk[..count]) {
                        return answer;
                    }
                }
                Moved::Wrote(count) => {
                    left = &left[count..];
                    self.unsent = left.to_vec();
                }
            }
        }
    }

    /// Counts what moved. An error: the line is lost.
    fn moved(&self, moved: io::Result<Moved>) -> Result<Moved, Failure> {
        let board = &self.bench.board;
        let bytes = |count| u64::try_from(count).unwrap_or(0);
        let moved = moved.map_err(|error| Failure::Way(self.unplugged(&error.to_string())))?;
        match moved {
            Moved::Read(0) => return Err(Failure::Way(self.unplugged("the line ended"))),
            Moved::Read(count) => board.count(|c| c.bytes_in += bytes(count)),
            Moved::Wrote(count) => board.count(|c| c.bytes_out += bytes(count)),
        }
        Ok(moved)
    }

    /// Silence is the line's, half an answer is the reader's.
    fn silent(&self, command: Command) -> Failure {
        if self.framer.is_torn() {
            return Failure::card(Code::CardUnreadable, format!("{command:?}: no whole frame"));
        }
        Failure::way(Code::CardReaderSilent, format!("{command:?}: no answer"))
    }

    fn unplugged(&self, why: &str) -> DeviceError {
        let detail = format!("{}: {why}", self.bench.board.name());
        DeviceError::new(Code::CardReaderUnplugged, detail)
    }
}

fn pulled(why: &str) -> Failure {
    Failure::card(Code::CardPulled, why)
}

fn odd(command: Command, status: u8) -> Failure {
    let detail = format!("{command:?} answers {status:02X}");
    Failure::card(Code::CardUnreadable, detail)
}
