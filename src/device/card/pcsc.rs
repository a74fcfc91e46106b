//! The task that owns a reader of pcscd: starts `yibao-card`, follows the reader, reads cards, and begins anew
//! when the program ends or hangs. That the program begins anew says nothing of the reader: it counts as plugged in,
//! and its card as lying there, until the new program says otherwise.

mod way;

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use self::way::{Entry, Way, endless_entry, until};
use super::frame::{Ask, Fault, Seen, Told};
use super::host::Host;
use super::kinds::{self, Layout};
use super::look;
use super::shown::{Medium, ShownCard};
use super::social;
use super::trouble::{Failure, code_of};
use super::{Bench, Order, READ_MS_MAX, disarmed};
use crate::book::Code;
use crate::config::devices::At;
use crate::config::keypad::Keypad;
use crate::device::error::DeviceError;
use crate::device::pause::Pause;

/// A program that lived so long is started again without a longer pause.
const LIVED_MS_MIN: u64 = 10_000;
/// After garbage: how long the card service may take to say that the card was taken away.
const PULLED_MS_MAX: u64 = 600;
/// Longest wait for the end of an exclusive use.
const END_MS_MAX: u64 = 500;
/// A program that was started again says so soon which readers there are; else they cannot be used.
const LIST_MS_MAX: u64 = 5_000;

/// Which reader it is and how its cards are read.
pub(crate) struct Place {
    /// The program that talks to pcscd.
    pub(crate) program: PathBuf,
    /// A part of the reader's name; none: the only one there is.
    pub(crate) reader: Option<String>,
    /// How the files of a 社保卡 are read.
    pub(crate) layout: Layout,
    /// Where a PIN is entered; none: nowhere.
    pub(crate) keypad: Option<Keypad>,
}

impl Place {
    /// The reader of this name, by the program beside the daemon.
    pub(crate) fn beside(reader: Option<String>, layout: Layout, keypad: Option<Keypad>) -> Self {
        let program = super::host::program();
        Self {
            program,
            reader,
            layout,
            keypad,
        }
    }
}

enum Ended {
    HubGone,
    /// The reader cannot be used.
    Way(DeviceError),
    /// The program is of no use any more; nothing is known against the reader.
    Program(DeviceError),
}

/// Owns the reader until no handle is left.
pub(crate) async fn own(place: Place, bench: Bench, mut orders: mpsc::Receiver<Order>) {
    let mut pause = Pause::new();
    loop {
        let began = Instant::now();
        let ended = match Host::start(&place.program, bench.board.tap()).await {
            Ok(host) => {
                tracing::debug!(
                    device = bench.board.name(),
                    pid = host.id(),
                    "card program runs"
                );
                let mut session = Session {
                    host,
                    place: &place,
                    bench: &bench,
                    seen: None,
                    failed_at: None,
                    entry: None,
                    armed: None,
                    twins: Vec::new(),
                };
                session.serve(&mut orders).await
            }
            Err(error) => Ended::Way(error),
        };
        let has_lived = began.elapsed() >= Duration::from_millis(LIVED_MS_MIN);
        // One that hangs on a card is as good as any when it begins anew; one that ends at once is not.
        let is_sound = |error: &DeviceError| has_lived || error.code != Code::CardHostFailed;
        if has_lived || matches!(&ended, Ended::Program(error) if is_sound(error)) {
            pause.reset();
        }
        let over = sleep(pause.next(&At::Path(place.program.clone())));
        match ended {
            Ended::HubGone => return,
            // Who asks meanwhile waits for the new program.
            Ended::Program(error) if is_sound(&error) => {
                bench.board.failed(&error);
                over.await;
                continue;
            }
            Ended::Program(error) | Ended::Way(error) => {
                bench.board.list_readers(None);
                bench.is_gone(&error);
            }
        }
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

/// One life of the program.
struct Session<'a> {
    host: Host,
    place: &'a Place,
    bench: &'a Bench,
    /// Our reader, as it was told last.
    seen: Option<Seen>,
    /// The card that could not be read, by the reader's count of changes.
    failed_at: Option<u32>,
    /// A PIN is awaited on the keypad, maybe for nobody any more: until it is over the reader does nothing else.
    entry: Option<Entry>,
    armed: Option<Order>,
    /// Readers that only a number tells from ours, as they were listed last.
    twins: Vec<String>,
}

impl Session<'_> {
    async fn serve(&mut self, orders: &mut mpsc::Receiver<Order>) -> Ended {
        let listed_by = Instant::now() + Duration::from_millis(LIST_MS_MAX);
        loop {
            if self.is_to_be_read()
                && let Some(order) = self.armed.take()
                && let Some(error) = self.serve_card(order).await
            {
                return self.way_lost(error);
            }
            let entry_until = self.entry.as_ref().map(|entry| entry.until);
            let ordered_until = self.armed.as_ref().map(|order| order.deadline);
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(order) => self.arm(order),
                    None => return Ended::HubGone,
                },
                told = self.host.told() => match told {
                    Some(told) if self.ends_entry(&told) => {
                        if let Err(lost) = self.end().await {
                            return self.way_lost(lost.error());
                        }
                    }
                    Some(told) => self.take(told),
                    None => return self.way_lost(host_gone()),
                },
                () = disarmed(&mut self.armed) => self.armed = None,
                () = until(entry_until) => return self.way_lost(endless_entry().error()),
                () = until(ordered_until), if self.entry.is_some() => {
                    if let Some(order) = self.armed.take() {
                        let busy = "the PIN of the reading before is still awaited on the keypad";
                        self.bench.answer(order, Err(Failure::reader(Code::CardReaderBusy, busy)));
                    }
                }
                reply = self.bench.looks.next() => self.looked_at(reply),
                () = sleep_until(listed_by), if self.seen.is_none() && self.bench.is_present() => {
                    let unlisted = "it does not say which readers there are";
                    return self.way_lost(DeviceError::new(Code::CardReaderSilent, unlisted));
                }
            }
        }
    }

    /// The card service tells each change at once: what it told last is so.
    fn looked_at(&self, reply: look::Reply) {
        let seen = self.seen.as_ref().map(|seen| look::Seen::Listed {
            name: seen.name.clone(),
            card: match (&seen.atr, seen.is_mute) {
                (Some(_), _) => look::Card::Answers,
                (None, true) => look::Card::Mute,
                (None, false) => look::Card::None,
            },
            changes: seen.changes,
            twins: {
                let listed = self.bench.board.readers().unwrap_or_default();
                look::twins(&seen.name, listed.iter().map(String::as_str))
            },
        });
        let unlisted = || {
            let begins = "the card program begins anew";
            DeviceError::new(Code::CardReaderSilent, begins)
        };
        if reply.send(seen.ok_or_else(unlisted)).is_err() {
            tracing::debug!("who looked at the reader is gone");
        }
    }

    fn arm(&mut self, mut order: Order) {
        if !order.is_again {
            self.failed_at = None;
        }
        // An asker that went away meanwhile is noticed by its closed channel.
        let (nobody, _) = tokio::sync::oneshot::channel();
        let ready = std::mem::replace(&mut order.ready, nobody);
        if ready.send(()).is_ok() {
            self.armed = Some(order);
        }
    }

    /// Whether this is the end of an entry that nobody waits for any more; a card that was not given up is then ours still.
    fn ends_entry(&mut self, told: &Told) -> bool {
        let Some(entry) = self
            .entry
            .take_if(|entry| told.answers() == Some(entry.asked))
        else {
            return false;
        };
        drop(entry);
        matches!(told, Told::Reply { .. })
    }

    fn way_lost(&mut self, error: DeviceError) -> Ended {
        if let Some(order) = self.armed.take() {
            self.bench.answer(order, Err(Failure::Way(error.clone())));
        }
        match self.seen {
            Some(_) => Ended::Program(error),
            None => Ended::Way(error),
        }
    }

    /// Whether somebody waits for a card and there is one that was not tried in vain.
    fn is_to_be_read(&self) -> bool {
        let card = self
            .seen
            .as_ref()
            .filter(|seen| seen.atr.is_some() || seen.is_mute);
        let is_tried = card.is_some_and(|seen| self.failed_at == Some(seen.changes));
        self.armed.is_some() && card.is_some() && !is_tried && self.entry.is_none()
    }

    fn take(&mut self, told: Told) {
        let lost = match told {
            Told::Readers { readers } => self.ours(readers).err(),
            Told::Trouble { fault } => {
                self.bench.board.list_readers(None);
                Some(DeviceError::new(code_of(fault), "pcscd"))
            }
            // Late words about a use that is over.
            Told::Hello { .. }
            | Told::Begun { .. }
            | Told::Reply { .. }
            | Told::Ended { .. }
            | Told::Failed { .. } => None,
        };
        if let Some(error) = lost {
            self.seen = None;
            self.bench.is_gone(&error);
            if let Some(order) = self.armed.take() {
                self.bench.answer(order, Err(Failure::Reader(error)));
            }
        }
    }

    /// Finds our reader among all. Two that fit are never guessed between.
    fn ours(&mut self, readers: Vec<Seen>) -> Result<(), DeviceError> {
        let names = readers.iter().map(|seen| seen.name.clone()).collect();
        self.bench.board.list_readers(Some(names));
        let wanted = self.place.reader.as_deref().unwrap_or_default();
        let mut fits = readers
            .into_iter()
            .filter(|seen| seen.name.contains(wanted));
        let was_there = self.bench.is_present();
        match (fits.next(), fits.next()) {
            // Whoever waits would be told that nobody showed a card, which nobody knows.
            (Some(seen), None) if seen.is_unknown => {
                let unknown = "the card service does not know whether a card is in it";
                Err(DeviceError::new(Code::CardReaderSilent, unknown))
            }
            (Some(seen), None) => {
                self.warn_of_twins(&seen.name);
                self.bench.is_there();
                self.bench.board.card(seen.atr.is_some() || seen.is_mute);
                self.seen = Some(seen);
                Ok(())
            }
            (None, _) => {
                let code = if was_there {
                    Code::CardReaderUnplugged
                } else {
                    Code::CardReaderMissing
                };
                Err(DeviceError::new(
                    code,
                    format!("no reader has {wanted:?} in its name"),
                ))
            }
            (Some(one), Some(other)) => {
                let both = format!("{:?} and {:?} both fit", one.name, other.name);
                Err(DeviceError::new(Code::CardReadersAlike, both))
            }
        }
    }

    /// Says it when the reader comes, and when its twin does.
    fn warn_of_twins(&mut self, name: &str) {
        let listed = self.bench.board.readers().unwrap_or_default();
        let twins = look::twins(name, listed.iter().map(String::as_str));
        if !twins.is_empty() && twins != self.twins {
            let device = self.bench.board.name();
            tracing::warn!(
                device,
                reader = name,
                ?twins,
                "only a number of pcscd, which may change when they are plugged again, tells two readers apart"
            );
        }
        self.twins = twins;
    }

    /// Reads the card for the order; an error: the program hangs or is gone.
    async fn serve_card(&mut self, mut order: Order) -> Option<DeviceError> {
        let changes = self.seen.as_ref().map(|seen| seen.changes);
        let read = tokio::select! {
            biased;
            () = order.answer.closed() => None,
            read = self.read(&order.wanted, order.deadline) => Some(read),
        };
        let Some(read) = read else {
            // Nothing more is read for nobody, and whoever is next finds the card free.
            let device = self.bench.board.name();
            tracing::debug!(device, "who waited for the card went away");
            if self.entry.is_some() {
                // Nothing ends an entry but the keypad.
                return None;
            }
            return self.end().await.err().map(Failure::error);
        };
        match read {
            Ok(shown) => {
                self.bench.answer(order, Ok(shown));
                None
            }
            Err(failure) => {
                let lost = match &failure {
                    Failure::Card(_) => {
                        self.failed_at = changes;
                        None
                    }
                    Failure::Reader(_) => None,
                    Failure::Way(error) => Some(error.clone()),
                };
                self.bench.answer(order, Err(failure));
                lost
            }
        }
    }

    /// Dropping the future leaves the exclusive use to be ended.
    async fn read(&mut self, wanted: &[Medium], deadline: Instant) -> Result<ShownCard, Failure> {
        let Some(seen) = self.seen.clone() else {
            return Err(Failure::card(Code::CardPulled, "no reader"));
        };
        let Some(atr) = seen.atr else {
            return Err(Failure::card(
                Code::CardReaderSilent,
                "the card does not answer to reset",
            ));
        };
        if !wanted.contains(&Medium::SocialCard) {
            return Err(Failure::card(
                Code::CardOfOtherKind,
                "a 社保卡 was not asked for",
            ));
        }
        let kind = kinds::of(atr.expose()).filter(|kind| kind.has_files);
        let Some(kind) = kind else {
            return Err(Failure::card(
                Code::CardUnknownKind,
                "its answer to reset says so",
            ));
        };
        let layout = self.place.layout;
        let latest = read_by(deadline);
        self.begin(&seen.name, latest).await?;
        let mut way = Way {
            keypad: self.place.keypad.as_ref(),
            session: self,
            latest,
            deadline,
        };
        let read = social::read(&mut way, kind.name, layout, atr.expose()).await;
        let latest = way.latest;
        match read {
            Err(Failure::Way(error)) => Err(Failure::Way(error)),
            read => {
                self.end().await?;
                self.explained(read, seen.changes, latest).await
            }
        }
    }

    async fn begin(&mut self, reader: &str, latest: Instant) -> Result<(), Failure> {
        let reader = reader.to_owned();
        let asked = self.host.ask(|id| Ask::Begin { id, reader }).await;
        let asked = asked.map_err(Failure::Way)?;
        // A card without power answers at once that it is mute: who waits here waits for another program.
        let busy = || Failure::way(Code::DeviceHeldElsewhere, "another program keeps the card");
        let begun = self.answer(asked, latest, busy).await?;
        if !matches!(begun, Told::Begun { .. }) {
            return Err(unexpected(&begun));
        }
        Ok(())
    }

    async fn end(&mut self) -> Result<(), Failure> {
        let asked = self.host.ask(|id| Ask::End { id }).await;
        let asked = asked.map_err(Failure::Way)?;
        let latest = Instant::now() + Duration::from_millis(END_MS_MAX);
        let silent = || Failure::way(Code::CardReaderSilent, "it is not let go in time");
        match self.answer(asked, latest, silent).await {
            Ok(_) => Ok(()),
            // What was read was read; a card that is pulled at its end is let go of as well.
            Err(Failure::Card(error) | Failure::Reader(error)) => {
                tracing::debug!(%error, "the card was not let go of");
                Ok(())
            }
            Err(lost) => Err(lost),
        }
    }

    /// The answer to what was asked; meanwhile what happens to readers is heard.
    async fn answer(
        &mut self,
        asked: u64,
        latest: Instant,
        late: impl FnOnce() -> Failure,
    ) -> Result<Told, Failure> {
        loop {
            let Ok(told) = timeout_at(latest, self.host.told()).await else {
                return Err(late());
            };
            let Some(told) = told else {
                return Err(Failure::Way(host_gone()));
            };
            if told.answers() != Some(asked) {
                self.take(told);
            } else if let Told::Failed { fault, .. } = told {
                return Err(Failure::of(fault));
            } else {
                return Ok(told);
            }
        }
    }

    /// A card that is pulled may look like garbage first: the card service says a moment later what it was.
    async fn explained(
        &mut self,
        read: Result<ShownCard, Failure>,
        changes: u32,
        latest: Instant,
    ) -> Result<ShownCard, Failure> {
        let is_doubtful = |failure: &Failure| match failure {
            Failure::Card(error) => {
                matches!(error.code, Code::CardUnreadable | Code::CardReaderSilent)
            }
            Failure::Reader(_) | Failure::Way(_) => false,
        };
        if !read.as_ref().is_err_and(is_doubtful) {
            return read;
        }
        let until = latest.min(Instant::now() + Duration::from_millis(PULLED_MS_MAX));
        loop {
            if self
                .seen
                .as_ref()
                .is_some_and(|seen| seen.changes != changes)
            {
                return Err(Failure::card(Code::CardPulled, "it went away meanwhile"));
            }
            match timeout_at(until, self.host.told()).await {
                Ok(Some(Told::Trouble { fault })) if fault == Fault::NoService => {
                    self.take(Told::Trouble { fault });
                    return Err(Failure::reader(
                        Code::CardServiceMissing,
                        "pcscd ended meanwhile",
                    ));
                }
                Ok(Some(told)) => self.take(told),
                Ok(None) => return Err(Failure::Way(host_gone())),
                Err(_) => return read,
            }
        }
    }
}

/// When a reading that begins now must be over.
fn read_by(deadline: Instant) -> Instant {
    deadline.min(Instant::now() + Duration::from_millis(READ_MS_MAX))
}

fn host_gone() -> DeviceError {
    DeviceError::new(Code::CardHostFailed, "the program ended")
}

/// Shows no content: frames hide theirs.
fn unexpected(told: &Told) -> Failure {
    Failure::way(
        Code::CardHostFailed,
        format!("it tells {told:?} out of turn"),
    )
}
