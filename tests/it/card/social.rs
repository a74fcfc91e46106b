//! 社保卡 that are read, and those that cannot be.

use yibaod::api::watch_devices_response::Update;
use yibaod::api::{CardMedium, DeviceChange, DeviceState, ReadCardRequest, WatchDevicesRequest};
use yibaod::sandbox::devices::card::{Fault, SocialCard};

use super::{CardDesk, LONG_MS, devices, is_of, until};
use crate::desk::refusal;

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_read_and_who_read_it_is_recorded() {
    let card_desk = CardDesk::start().await;
    card_desk.insert("employee", Fault::None);
    let card = card_desk.read(LONG_MS).await.unwrap();
    assert!(is_of(&card, &card_desk.person("employee")));
    assert_eq!(card.medium(), CardMedium::SocialCard);
    assert_eq!(
        (card.kind.as_str(), card.version.as_str()),
        ("contact", "2.00")
    );
    assert_eq!(
        (card.valid_from.as_str(), card.valid_until.as_str()),
        ("2021-03-15", "2031-03-14")
    );
    assert_eq!(card.region, "430100");
    assert!(card.atr.starts_with("3b65") && card.resident.is_none());
    // The card that lies there is read again for the next one who asks.
    card_desk.reads("employee").await;
    let seen = until(&card_desk.desk, "cards", |device| device.has_card).await;
    assert_eq!(seen.state(), DeviceState::Ready);
    assert_eq!(seen.counters.unwrap().cards, 2);
    assert_eq!(recorded(&card_desk), 2);
    // Every command but the first was one of this card.
    assert!(card_desk.slot.commands() > 20);
}

/// Readings in the journal.
fn recorded(card_desk: &CardDesk) -> i64 {
    let journal = card_desk.desk.state_dir().join("journal/journal.sqlite");
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let journal = rusqlite::Connection::open_with_flags(journal, flags).expect("it opens");
    let counted = "SELECT count(*) FROM event WHERE kind = 'card_read' AND sealed IS NOT NULL";
    journal
        .query_row(counted, [], |row| row.get(0))
        .expect("a count")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_waited_for_and_watched() {
    let card_desk = CardDesk::start().await;
    until(&card_desk.desk, "cards", |device| {
        device.state() == DeviceState::Ready
    })
    .await;
    assert_eq!(card_desk.refuses(300).await, "NOBODY_SHOWED_CARD");
    let watch = WatchDevicesRequest::default();
    let watching = devices(&card_desk.desk).await.watch_devices(watch).await;
    let mut watching = watching.unwrap().into_inner();
    let (read, ()) = tokio::join!(card_desk.read(LONG_MS), async {
        until(&card_desk.desk, "cards", |device| {
            !device.held_by.is_empty()
        })
        .await;
        card_desk.insert("resident", Fault::None);
    });
    assert!(is_of(&read.unwrap(), &card_desk.person("resident")));
    card_desk.slot.pull();
    let mut changes = Vec::new();
    while changes.last() != Some(&DeviceChange::CardOut) {
        let message = watching.message().await.unwrap().expect("it goes on");
        if let Some(Update::Event(event)) = message.update {
            changes.push(event.change());
        }
    }
    let cards = [DeviceChange::CardIn, DeviceChange::CardOut];
    changes.retain(|change| cards.contains(change));
    assert_eq!(changes, cards);
}

#[tokio::test(flavor = "multi_thread")]
async fn cards_that_do_not_serve_are_named() {
    let card_desk = CardDesk::start().await;
    let card = SocialCard::of(&card_desk.person("employee"));
    card_desk.slot.insert(card.clone().bank_card(), Fault::None);
    assert_eq!(card_desk.refuses(LONG_MS).await, "CARD_UNKNOWN_KIND");
    card_desk.replace_by(card.locked(), Fault::None).await;
    assert_eq!(card_desk.refuses(LONG_MS).await, "CARD_WANTS_PIN");
    let mut client = devices(&card_desk.desk).await;
    let request = |media: CardMedium, role: &str| ReadCardRequest {
        media: vec![media.into()],
        role: role.into(),
        wait_ms: 500,
        claim_id: String::new(),
    };
    for (media, role, name) in [
        (CardMedium::ResidentId, "", "CARD_READER_NOT_CONFIGURED"),
        (
            CardMedium::SocialCard,
            "id-card",
            "CARD_READER_NOT_CONFIGURED",
        ),
        (CardMedium::SocialCard, "scanner", "DEVICE_UNKNOWN"),
    ] {
        let refused = client.read_card(request(media, role)).await.unwrap_err();
        assert_eq!(refusal(&refused).name, name, "{media:?} {role}");
    }
    card_desk.replace("employee", Fault::None).await;
    card_desk.reads("employee").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_readers_that_fit_are_not_guessed_between() {
    let card_desk = CardDesk::start_with("").await;
    card_desk.insert("employee", Fault::None);
    assert_eq!(card_desk.refuses(5_000).await, "CARD_READERS_ALIKE");
    let seen = until(&card_desk.desk, "cards", |device| device.problem.is_some()).await;
    assert_eq!(seen.problem.unwrap().name, "CARD_READERS_ALIKE");
}
