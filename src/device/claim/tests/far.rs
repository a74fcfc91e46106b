//! The far ends that schedules of chance play: a scanner, and a card reader. Each shows something every now and then,
//! and goes away sometimes.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

use super::super::Sort;
use super::Chance;
use crate::book::Code;
use crate::device::board::Board;
use crate::device::card::{self, Bench, CardReader};
use crate::device::error::DeviceError;
use crate::device::owned::Family;
use crate::device::scanner::owner::{Arm, Sink};
use crate::device::scanner::{Scan, Scanner};
use crate::device::{Hub, Medium, ROLE_CARD, ROLE_SCANNER, ShownCard};
use crate::person::{CardNo, IdNo, Name};

/// Why a claim of one of them may not begin.
pub(super) const WHY_NOT: [Code; 5] = [
    Code::ScannerBusy,
    Code::ScannerMissing,
    Code::CardReaderBusy,
    Code::CardReaderMissing,
    Code::CardReaderUnplugged,
];

/// Nothing is shown twice.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// What was shown → who held the device then.
pub(super) type Shown = Arc<Mutex<BTreeMap<Vec<u8>, String>>>;

/// A hub of one device, and its far end.
pub(super) struct Far {
    hub: Hub,
    device: Device,
    /// Its successor has come: it ends with its last user.
    is_old: bool,
}

enum Device {
    Scanner(Arc<Board>, mpsc::Receiver<Arm>),
    CardReader(Bench, mpsc::Receiver<card::Order>),
}

/// Who is armed there.
enum Armed {
    Nobody,
    Scanner(Sink),
    CardReader(card::Order),
}

impl Far {
    pub(super) fn scanner() -> Self {
        let (hub, board, inbox) = Hub::of_far_scanner(ROLE_SCANNER);
        let device = Device::Scanner(board, inbox);
        let is_old = false;
        Self {
            hub,
            device,
            is_old,
        }
    }

    pub(super) fn card_reader() -> Self {
        let (hub, bench, inbox) = Hub::of_far_card_reader(ROLE_CARD);
        let device = Device::CardReader(bench, inbox);
        let is_old = false;
        Self {
            hub,
            device,
            is_old,
        }
    }

    pub(super) fn hub(&self) -> &Hub {
        &self.hub
    }

    pub(super) fn sort(&self) -> Sort {
        match self.device {
            Device::Scanner(..) => Sort::Scanner,
            Device::CardReader(..) => Sort::CardReader,
        }
    }

    pub(super) fn comes(&self) {
        match &self.device {
            Device::Scanner(board, _) => board.ready(),
            Device::CardReader(bench, _) => bench.is_there(),
        }
    }

    fn goes(&self) {
        match &self.device {
            Device::Scanner(board, _) => board.unplugged(),
            Device::CardReader(bench, _) => {
                bench.is_gone(&DeviceError::new(Code::CardReaderUnplugged, "pulled"));
            }
        }
    }

    /// The configuration changes. Gives what was there before: its users go on with it.
    fn exchanged(&mut self) -> Self {
        let mut comes = None;
        let is_scanner = matches!(self.device, Device::Scanner(..));
        self.hub.exchange(|board, queue| {
            if is_scanner {
                let (scanner, inbox) = Scanner::over(Arc::clone(&board), queue);
                comes = Some(Device::Scanner(board, inbox));
                return Family::Scanner(scanner);
            }
            let (reader, bench, inbox) = CardReader::new(board, &[Medium::SocialCard], queue);
            comes = Some(Device::CardReader(bench, inbox));
            Family::Card(reader)
        });
        let comes = comes.expect("it was made");
        Self {
            hub: self.hub.clone(),
            device: std::mem::replace(&mut self.device, comes),
            is_old: true,
        }
    }

    /// The next order: who is armed by it. `None`: nobody holds a handle any more.
    async fn ordered(&mut self) -> Option<Armed> {
        match &mut self.device {
            Device::Scanner(_, inbox) => {
                let Arm { sink, ready } = inbox.recv().await?;
                let listens = ready.send(()).is_ok();
                Some(if listens {
                    Armed::Scanner(sink)
                } else {
                    Armed::Nobody
                })
            }
            Device::CardReader(_, inbox) => {
                let mut order = inbox.recv().await?;
                let (nobody, _) = tokio::sync::oneshot::channel();
                let ready = std::mem::replace(&mut order.ready, nobody);
                let reads = ready.send(()).is_ok();
                Some(if reads {
                    Armed::CardReader(order)
                } else {
                    Armed::Nobody
                })
            }
        }
    }

    /// Plays it until nobody holds a handle any more.
    pub(super) async fn play(self, chance: Chance, shown: Shown) {
        self.play_on(chance, shown, Armed::Nobody).await;
    }

    /// It may go on beside its successor.
    fn play_on(
        mut self,
        mut chance: Chance,
        shown: Shown,
        mut armed: Armed,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            loop {
                let pause = chance.ms(4);
                tokio::select! {
                    biased;
                    ordered = self.ordered() => match ordered {
                        Some(by) => armed = by,
                        None => return,
                    },
                    () = sleep(pause) => {
                        if chance.below(20) == 0 {
                            armed = Armed::Nobody;
                            self.goes();
                            sleep(chance.ms(6)).await;
                            self.comes();
                        }
                        if !self.is_old && chance.below(40) == 0 {
                            let before = std::mem::replace(&mut armed, Armed::Nobody);
                            let old = self.exchanged();
                            self.comes();
                            let chance = Chance(chance.below(u64::MAX));
                            tokio::spawn(old.play_on(chance, Arc::clone(&shown), before));
                        }
                        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
                        let holder = self.hub.list()[0].holder.clone();
                        if let Some(holder) = holder {
                            let note = |bytes: &[u8]| {
                                shown.lock().unwrap().insert(bytes.to_vec(), holder.stream);
                            };
                            armed = armed.shown(number, note);
                        } else {
                            armed = Armed::Nobody;
                        }
                    }
                }
            }
        })
    }
}

impl Armed {
    /// Shows something, and who is armed then. It is noted before anybody has it.
    fn shown(self, number: u64, note: impl FnOnce(&[u8])) -> Self {
        let bytes = number.to_string().into_bytes();
        match self {
            Self::Nobody => Self::Nobody,
            Self::Scanner(sink) => {
                note(&bytes);
                let bytes = Zeroizing::new(bytes);
                let goes_on = sink.give(Ok(Scan { bytes })).1;
                goes_on.map_or(Self::Nobody, Self::Scanner)
            }
            Self::CardReader(order) => {
                note(&bytes);
                // Whoever is gone gets none.
                drop(order.answer.send(Ok(card(&number.to_string()))));
                Self::Nobody
            }
        }
    }
}

/// The role that such a device has.
pub(super) fn role(sort: Sort) -> &'static str {
    match sort {
        Sort::Scanner => ROLE_SCANNER,
        Sort::CardReader => ROLE_CARD,
        Sort::Printer => panic!("it is not claimed"),
    }
}

/// What is read under a claim.
pub(super) async fn read(
    hub: &Hub,
    sort: Sort,
    me: &str,
    claim_id: &str,
    deadline: Instant,
) -> Option<Vec<u8>> {
    if sort == Sort::Scanner {
        let read = hub.scan_claimed(me, claim_id, deadline).await.ok()?;
        return Some(read.scan.bytes.to_vec());
    }
    let media = [Medium::SocialCard];
    let read = hub.read_card_claimed(me, claim_id, &media, deadline).await;
    Some(read.ok()?.card_no.expose().as_bytes().to_vec())
}

/// A card with this number and nothing else.
pub(super) fn card(number: &str) -> ShownCard {
    ShownCard {
        medium: Medium::SocialCard,
        kind: "contact",
        name: Name::new(""),
        certno: IdNo::new(""),
        card_no: CardNo::new(number),
        card_sn: CardNo::new(""),
        region: String::new(),
        version: String::new(),
        valid_from: String::new(),
        valid_until: String::new(),
        resident: None,
        atr: Vec::new(),
    }
}
