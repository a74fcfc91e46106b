//! A program that stands where `yibao-card` does: it speaks the same frames, and its cards are 社保卡 of a few records.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use crate::config::devices::{DeviceConfig, Kind};
use crate::device::board::Board;
use crate::device::card::frame::Fault as Trouble;
use crate::device::card::frame::{self, Ask, Bytes, Seen, Told, VERSION};
use crate::device::card::social::tests::Card;
use crate::device::card::{Medium, start_with};
use crate::device::conformance::Driver;
use crate::device::conformance::card::{self, Fault, Garbage, Who};
use crate::device::event::EventLog;
use crate::device::{Hub, ROLE_CARD};

/// The reader, as the card service calls it.
const READER: &str = "Reader 00 00";
/// Another of the same model without a serial number.
const TWIN: &str = "Reader 01 00";
/// How all cards answer to reset.
const ATR: [u8; 3] = [0x3b, 0x65, 0x00];
/// A card service looks at its readers so often.
const LOOK: Duration = Duration::from_millis(20);
/// Questions on their way.
const ASKS_MAX: usize = 4;

/// What lies in the reader.
#[derive(Clone)]
struct Slot {
    is_plugged: bool,
    changes: u32,
    card: Option<(Who, Fault)>,
    is_unknown: bool,
    is_kept: bool,
    has_twin: bool,
    unanswered: u32,
}

pub(super) struct Program {
    hub: Hub,
    slot: Arc<watch::Sender<Slot>>,
    lives: Arc<AtomicU32>,
    _dir: tempfile::TempDir,
}

impl Program {
    /// Whether the card service knows what lies in the reader.
    pub(super) fn knows(&self, knows: bool) {
        self.slot.send_modify(|slot| slot.is_unknown = !knows);
    }

    /// Whether another program keeps the card for itself.
    pub(super) fn keeps(&self, keeps: bool) {
        self.slot.send_modify(|slot| slot.is_kept = keeps);
    }

    /// Plugs another one in that only its number tells from the reader, or takes it away.
    pub(super) fn has_twin(&self, has_twin: bool) {
        self.slot.send_modify(|slot| slot.has_twin = has_twin);
    }

    /// How often the program was started.
    pub(super) fn lives(&self) -> u32 {
        self.lives.load(Ordering::Relaxed)
    }

    fn change(&self, card: Option<(Who, Fault)>) {
        self.slot.send_modify(|slot| {
            slot.changes += u32::from(slot.card.is_some()) + u32::from(card.is_some());
            slot.card = card;
        });
    }
}

impl card::Far for Program {
    const DRIVER: Driver = Driver {
        id: "conformance-pcsc-reader",
        en: "what every card reader must do: PC/SC",
        zh: "读卡器一致性：PC/SC",
    };
    const MEDIUM: Medium = Medium::SocialCard;
    const OTHER_MEDIUM: Medium = Medium::ResidentId;
    const IS_WATCHED: bool = true;
    const COMMANDS: u32 = 13;
    const SEEN_AT: u32 = 1;
    const GARBAGE: &'static [(u32, Garbage)] = &[
        (1, Garbage::Bytes(&[0x00])),
        (2, Garbage::Bytes(&[0xff; 200])),
        (3, Garbage::Bytes(&[0x01, 0x10, 0x90, 0x00])),
        (3, Garbage::Bytes(&[0x61, 0x00])),
        (
            7,
            Garbage::Bytes(b"\x07\x09\xff\xff\xff\xff\xff\xff\xff\xff\xff\x90\x00"),
        ),
        (9, Garbage::Bytes(b"\x08\x12110101190001011008\x90\x00")),
        (10, Garbage::Bytes(b"\x09\x02\x81\x20\x90\x00")),
    ];
    const MUTE: &'static [u32] = &[1, 5, 13];

    async fn plugged() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let program = dir.path().join("yibao-card");
        let script = format!(
            "#!/bin/bash\nexec 3<>/dev/tcp/127.0.0.1/{port} 4<&0\ncat <&4 >&3 &\nexec cat <&3\n"
        );
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        let slot = Arc::new(watch::Sender::new(Slot {
            is_plugged: true,
            changes: 0,
            card: None,
            is_unknown: false,
            is_kept: false,
            has_twin: false,
            unanswered: 0,
        }));
        let lives = Arc::new(AtomicU32::new(0));
        tokio::spawn(accept(listener, Arc::clone(&slot), Arc::clone(&lives)));
        let config = DeviceConfig {
            name: card::NAME.into(),
            role: ROLE_CARD.into(),
            kind: Kind::PcscReader {
                reader: Some(READER.into()),
                keypad: None,
            },
            model: None,
        };
        let events = Arc::new(EventLog::new());
        let board = Arc::new(Board::new(config, Arc::clone(&events)));
        let reader = start_with(program, Some(READER.into()), None, Arc::clone(&board));
        Self {
            hub: Hub::of_card(ROLE_CARD, reader, board, events),
            slot,
            lives,
            _dir: dir,
        }
    }

    fn hub(&self) -> &Hub {
        &self.hub
    }

    fn insert(&self, who: Who, fault: Fault) {
        self.change(Some((who, fault)));
    }

    fn pull(&self) {
        self.change(None);
    }

    fn unanswered(&self) -> u32 {
        self.slot.borrow().unanswered
    }

    fn unplug(&mut self) {
        self.slot.send_modify(|slot| {
            slot.is_plugged = false;
            slot.card = None;
        });
    }

    fn plug(&mut self) {
        self.slot.send_modify(|slot| slot.is_plugged = true);
    }
}

async fn accept(listener: TcpListener, slot: Arc<watch::Sender<Slot>>, lives: Arc<AtomicU32>) {
    while let Ok((stream, _)) = listener.accept().await {
        lives.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(serve(stream, Arc::clone(&slot)));
    }
}

/// One life of the program.
async fn serve(stream: TcpStream, slot: Arc<watch::Sender<Slot>>) {
    stream.set_nodelay(true).unwrap();
    let (from, mut to) = stream.into_split();
    let (heard, mut asks) = mpsc::channel(ASKS_MAX);
    tokio::spawn(hear(from, heard));
    let mut changed = slot.subscribe();
    let mut in_use = InUse::default();
    say(&mut to, &Told::Hello { version: VERSION }).await;
    let seen = seen(&changed.borrow_and_update());
    say(&mut to, &seen).await;
    loop {
        tokio::select! {
            ask = asks.recv() => {
                let Some(ask) = ask else { return };
                match in_use.answer(ask, &slot) {
                    Some(told) => say(&mut to, &told).await,
                    // As in the real one, where the call hangs: nothing more is answered.
                    None => {
                        in_use.hangs = true;
                        slot.send_if_modified(|slot| {
                            slot.unanswered += 1;
                            false
                        });
                    }
                }
            }
            news = changed.changed() => {
                if news.is_err() {
                    return;
                }
                // Commands overtake the look at the readers.
                sleep(LOOK).await;
                let seen = self::seen(&changed.borrow_and_update());
                say(&mut to, &seen).await;
            }
        }
    }
}

async fn hear(mut from: OwnedReadHalf, heard: mpsc::Sender<Ask>) {
    let mut head = [0; 4];
    while from.read_exact(&mut head).await.is_ok() {
        let mut body = vec![0; frame::announced(head).unwrap()];
        from.read_exact(&mut body).await.unwrap();
        if heard.send(frame::decode(&body).unwrap()).await.is_err() {
            return;
        }
    }
}

/// Nobody listens any more: the next question does not come.
async fn say(to: &mut OwnedWriteHalf, told: &Told) {
    to.write_all(&frame::encode(told).unwrap()).await.ok();
}

fn seen(slot: &Slot) -> Told {
    let reader = Seen {
        name: READER.into(),
        changes: slot.changes,
        atr: slot.card.map(|_| Bytes::new(ATR)),
        is_mute: false,
        is_unknown: slot.is_unknown,
    };
    let twin = Seen {
        name: TWIN.into(),
        changes: 0,
        atr: None,
        is_mute: false,
        is_unknown: false,
    };
    let readers = slot.is_plugged.then_some(reader).into_iter();
    Told::Readers {
        readers: readers.chain(slot.has_twin.then_some(twin)).collect(),
    }
}

/// The card that is used by nobody else.
#[derive(Default)]
struct InUse {
    card: Option<(Card, Fault, u32)>,
    at: u32,
    hangs: bool,
}

impl InUse {
    fn answer(&mut self, ask: Ask, slot: &watch::Sender<Slot>) -> Option<Told> {
        match ask {
            _ if self.hangs => None,
            Ask::Begin { .. } if slot.borrow().is_kept => None,
            Ask::Begin { id, reader } => {
                assert_eq!(reader, READER);
                let (card, changes) = (slot.borrow().card, slot.borrow().changes);
                let Some((who, fault)) = card else {
                    let fault = Trouble::NoCard;
                    return Some(Told::Failed { id, fault });
                };
                (self.card, self.at) = (Some((of(who), fault, changes)), 0);
                Some(Told::Begun { id })
            }
            Ask::Pin { id, .. } => Some(Told::Failed {
                id,
                fault: Trouble::NoKeypad,
            }),
            Ask::Apdu { id, command } => self.apdu(id, command.expose(), slot),
            Ask::End { id } => {
                self.card = None;
                Some(Told::Ended { id })
            }
        }
    }

    fn apdu(&mut self, id: u64, command: &[u8], slot: &watch::Sender<Slot>) -> Option<Told> {
        self.at += 1;
        let removed = Told::Failed {
            id,
            fault: Trouble::Removed,
        };
        let Some((card, fault, changes)) = &mut self.card else {
            return Some(removed);
        };
        if slot.borrow().changes != *changes {
            self.card = None;
            return Some(removed);
        }
        let reply = match *fault {
            Fault::PulledAt(at) if at == self.at => {
                slot.send_modify(|slot| {
                    slot.card = None;
                    slot.changes += 1;
                });
                self.card = None;
                return Some(removed);
            }
            Fault::SwappedAt(at, other) if at == self.at => {
                slot.send_if_modified(|slot| {
                    slot.card = Some((other, Fault::Nothing));
                    false
                });
                *card = of(other).in_place_of(card);
                card.answer(command)
            }
            Fault::MuteFrom(at) if at <= self.at => return None,
            Fault::GarbageFrom(at, garbage) if at <= self.at => {
                let Garbage::Bytes(bytes) = garbage else {
                    panic!("a card has no {garbage:?}");
                };
                bytes.to_vec()
            }
            Fault::Nothing
            | Fault::PulledAt(_)
            | Fault::SwappedAt(..)
            | Fault::MuteFrom(_)
            | Fault::GarbageFrom(..) => card.answer(command),
        };
        let reply = Bytes::new(reply);
        Some(Told::Reply { id, reply })
    }
}

fn of(who: Who) -> Card {
    Card::of(who.name(), who.certno(), who.card_no())
}
