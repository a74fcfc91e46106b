//! A 社保卡 is put into the reader, and taken back once it is known whose it is.

use std::time::Duration;

use tokio::time::Instant;

use super::{Scene, Trouble, Who};
use crate::api::device_service_client::DeviceServiceClient;
use crate::api::{Device, ListDevicesRequest};
use crate::sandbox::devices::card::{Fault, SocialCard};
use crate::sandbox::persons::Person;

/// The reader, by what callers call it.
const ROLE_CARD: &str = "card";
/// Longest wait until the desk sees that a card is out, and how often it is asked.
const OUT_MS_MAX: u64 = 10_000;
const LOOK_MS: u64 = 20;

impl Scene<'_> {
    /// A reader takes two cards for one that change places while it does not look: the next one waits until the first is
    /// seen to be out.
    pub(super) async fn puts_card_in(
        &self,
        person: &Person,
        (zh, en): (&str, &str),
    ) -> Result<(), Trouble> {
        let slot = self.room.social_cards.ok_or("here is no card reader")?;
        slot.pull();
        self.sees_no_card().await?;
        self.line(Who::Patient, zh, en);
        slot.insert(SocialCard::of(person), Fault::None);
        Ok(())
    }

    /// Who it is is known: paying asks for the card again.
    pub(super) async fn takes_card_out(&self) -> Result<(), Trouble> {
        let slot = self.room.social_cards.ok_or("here is no card reader")?;
        self.line(Who::Patient, "取回社会保障卡。", "Takes the card back.");
        slot.pull();
        self.sees_no_card().await
    }

    async fn sees_no_card(&self) -> Result<(), Trouble> {
        let mut devices = DeviceServiceClient::new(self.door.clone());
        let until = Instant::now() + Duration::from_millis(OUT_MS_MAX);
        loop {
            let listed = devices.list_devices(ListDevicesRequest {}).await?;
            let has_card = |it: &Device| it.role == ROLE_CARD && it.has_card;
            if !listed.into_inner().devices.iter().any(has_card) {
                return Ok(());
            }
            if Instant::now() > until {
                return Err("the desk does not see that the card is out".into());
            }
            tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
        }
    }
}
