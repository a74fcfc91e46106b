//! Cards, from the caller's side: the shipped daemon and `yibao-card`, the real pcscd with a virtual reader, and
//! a 居民身份证 reader at the far end of a terminal line.

mod broken;
mod claim;
mod joined;
mod look;
mod paid;
pub(crate) mod pcscd;
mod record;
mod resident;
mod social;
mod vicc;

use std::time::Duration;

use tokio::time::Instant;
use tonic::transport::Channel;
use yibaod::api::device_service_client::DeviceServiceClient;
use yibaod::api::{Device, DeviceState, ListDevicesRequest, ReadCardRequest, ShownCard};
use yibaod::sandbox::devices::card::{CardSlot, Fault, SocialCard};
use yibaod::sandbox::persons::Person;

use crate::desk::{Desk, Setup, Stalls, channel, eventually, refusal};
use pcscd::Pcscd;

/// What an answer may be late after its deadline.
const LATE: Duration = Duration::from_millis(1_000);
/// How long a card is waited for when it will come.
const LONG_MS: u32 = 15_000;

/// A desk with a card reader.
pub(crate) struct CardDesk {
    pub(crate) desk: Desk,
    pcscd: Pcscd,
    slot: CardSlot,
}

impl CardDesk {
    pub(crate) async fn start() -> Self {
        Self::start_with("reader = \"Virtual PCD 00 00\"").await
    }

    /// With these lines in the reader's table.
    async fn start_with(lines: &str) -> Self {
        let pcscd = Pcscd::start();
        let slot = CardSlot::at(pcscd.port());
        let device = "[[device]]\nname = \"cards\"\nrole = \"card\"\nkind = \"pcsc-reader\"\n";
        let setup = Setup {
            config_more: format!("{device}{lines}\n"),
            env: vec![pcscd.env()],
            ..Setup::default()
        };
        let desk = Desk::start(setup).await;
        Self { desk, pcscd, slot }
    }

    /// Puts the card of this person in.
    pub(crate) fn insert(&self, person: &str, fault: Fault) {
        self.slot
            .insert(SocialCard::of(&self.person(person)), fault);
    }

    /// Takes out what is there, and puts the card of this person in once that was seen: pcscd looks at a virtual
    /// reader a few times a second, and takes two cards within one look for one.
    pub(crate) async fn replace(&self, person: &str, fault: Fault) {
        self.replace_by(SocialCard::of(&self.person(person)), fault)
            .await;
    }

    async fn replace_by(&self, card: SocialCard, fault: Fault) {
        self.slot.pull();
        // While the card program begins anew no card is known of either: pcscd may not have looked yet.
        let is_out = |device: &Device| device.state() == DeviceState::Ready && !device.has_card;
        until(&self.desk, "cards", is_out).await;
        self.slot.insert(card, fault);
    }

    pub(crate) fn person(&self, key: &str) -> Person {
        self.desk
            .platform
            .person(key)
            .expect("a person of the sandbox")
    }

    async fn read(&self, wait_ms: u32) -> Result<ShownCard, String> {
        read(&self.desk, wait_ms).await
    }

    /// Reads the card of this person, in time.
    async fn reads(&self, person: &str) {
        let person = self.person(person);
        let card = self
            .read(LONG_MS)
            .await
            .unwrap_or_else(|name| panic!("{name}"));
        assert!(is_of(&card, &person), "another person's card");
    }

    /// The error that a reading gives; it comes by the deadline and a second.
    async fn refuses(&self, wait_ms: u32) -> String {
        let (began, stalls) = (Instant::now(), Stalls::watch());
        let refused = self.read(wait_ms).await.expect_err("no card is read");
        let took = began.elapsed();
        let latest = Duration::from_millis(u64::from(wait_ms)) + LATE + stalls.lost();
        assert!(took <= latest, "{refused} after {took:?}, not {latest:?}");
        refused
    }
}

/// Reads a card; the book's name of the error.
async fn read(desk: &Desk, wait_ms: u32) -> Result<ShownCard, String> {
    let request = ReadCardRequest {
        wait_ms,
        ..ReadCardRequest::default()
    };
    let answer = devices(desk).await.read_card(request).await;
    match answer {
        Ok(answer) => Ok(answer.into_inner().card.expect("a card")),
        Err(status) => Err(refusal(&status).name),
    }
}

async fn devices(desk: &Desk) -> DeviceServiceClient<Channel> {
    DeviceServiceClient::new(channel(&desk.socket()).await.expect("its door is open"))
}

/// The device of this name, once it is as wanted.
pub(crate) async fn until(desk: &Desk, name: &str, wanted: impl Fn(&Device) -> bool) -> Device {
    let mut client = devices(desk).await;
    let seen = eventually(async || {
        let listed = client.list_devices(ListDevicesRequest {}).await;
        let mut listed = listed
            .expect("it may be listed")
            .into_inner()
            .devices
            .into_iter();
        listed
            .find(|device| device.name == name)
            .filter(|device| wanted(device))
    });
    seen.await
        .unwrap_or_else(|| panic!("{name} does not become so"))
}

/// Whether every field of a 社保卡 is this person's.
fn is_of(card: &ShownCard, person: &Person) -> bool {
    card.name == person.name
        && card.certno == person.idno
        && card.card_no == person.card_no
        && card.card_sn == person.card_sn
}
