//! The commands of one reading, and the entry of a PIN that may outlast it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{Session, read_by, unexpected};
use crate::book::Code;
use crate::config::keypad::{Keypad, When};
use crate::device::board::Board;
use crate::device::card::frame::{Ask, Bytes, Told};
use crate::device::card::pin;
use crate::device::card::social::Exchange;
use crate::device::card::trouble::Failure;

/// How late a reader may end an entry.
const ENTRY_LATE_MAX: Duration = Duration::from_secs(2);

/// The exclusive use of the card, for the time of one reading.
pub(super) struct Way<'s, 'a> {
    pub(super) session: &'s mut Session<'a>,
    pub(super) keypad: Option<&'a Keypad>,
    /// When the reading must be over; later by the time that an entry takes.
    pub(super) latest: Instant,
    pub(super) deadline: Instant,
}

impl Exchange for Way<'_, '_> {
    async fn exchange(&mut self, command: &[u8]) -> Result<Bytes, Failure> {
        let command = Bytes::new(command);
        let asked = self.session.host.ask(|id| Ask::Apdu { id, command }).await;
        let asked = asked.map_err(Failure::Way)?;
        let silent = || Failure::way(Code::CardReaderSilent, "no answer to a command in time");
        let told = self.session.answer(asked, self.latest, silent).await?;
        if let Told::Reply { reply, .. } = told {
            return Ok(reply);
        }
        Err(unexpected(&told))
    }

    fn pin_when(&self) -> Option<When> {
        self.keypad.map(|keypad| keypad.when)
    }

    async fn enter_pin(&mut self) -> Result<Bytes, Failure> {
        let none = || Failure::card(Code::CardWantsPin, "no keypad is configured");
        let keypad = self.keypad.ok_or_else(none)?;
        let left = self.deadline.saturating_duration_since(Instant::now());
        let entry_s = pin::entry_s(left).ok_or_else(|| {
            let short = "too little time was left to enter it";
            Failure::card(Code::CardPinNotEntered, short)
        })?;
        let entry = Bytes::new(pin::structure(keypad, entry_s));
        let asked = self.session.host.ask(|id| Ask::Pin { id, entry }).await;
        let asked = asked.map_err(Failure::Way)?;
        let until = Instant::now() + Duration::from_secs(entry_s.into()) + ENTRY_LATE_MAX;
        let board = Arc::clone(&self.session.bench.board);
        self.session.entry = Some(Entry::begin(asked, until, board));
        let told = self.session.answer(asked, until, endless_entry).await;
        self.session.entry = None;
        self.latest = read_by(self.deadline);
        let told = told?;
        if let Told::Reply { reply, .. } = told {
            return Ok(reply);
        }
        Err(unexpected(&told))
    }
}

/// The PIN is awaited on the keypad, and whoever watches is told; dropped: no longer.
pub(super) struct Entry {
    /// The question that its end answers.
    pub(super) asked: u64,
    pub(super) until: Instant,
    board: Arc<Board>,
}

impl Entry {
    fn begin(asked: u64, until: Instant, board: Arc<Board>) -> Self {
        board.pin_is_asked();
        Self {
            asked,
            until,
            board,
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.board.pin_is_over();
    }
}

pub(super) fn endless_entry() -> Failure {
    Failure::way(Code::CardReaderSilent, "the keypad's entry does not end")
}

/// Waits until then; without a time for ever.
pub(super) async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}
