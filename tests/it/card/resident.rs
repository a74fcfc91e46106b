//! 居民身份证 on a reader at a terminal line.

use std::time::{Duration, Instant};

use yibaod::api::{CardMedium, DeviceState};
use yibaod::sandbox::devices::card::{IdCardReader, Mood};

use super::{LATE, LONG_MS, read, until};
use crate::desk::{Desk, Setup, Stalls};

/// A desk with such a reader, and the folder of its line.
async fn start() -> (Desk, IdCardReader, tempfile::TempDir) {
    start_as("id-card").await
}

/// With this role.
pub(super) async fn start_as(role: &str) -> (Desk, IdCardReader, tempfile::TempDir) {
    start_with(role, "").await
}

/// With this role, and these lines at the end of the configuration.
pub(super) async fn start_with(role: &str, more: &str) -> (Desk, IdCardReader, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("a folder");
    let reader = IdCardReader::start(dir.path()).expect("a pty");
    let path = reader.path().display();
    let setup = Setup {
        config_more: format!(
            "[[device]]\nname = \"ids\"\nrole = \"{role}\"\nkind = \"id-card-serial\"\npath = \"{path}\"\n{more}"
        ),
        ..Setup::default()
    };
    (Desk::start(setup).await, reader, dir)
}

async fn refuses(desk: &Desk, wait_ms: u32) -> String {
    let (began, stalls) = (Instant::now(), Stalls::watch());
    let refused = read(desk, wait_ms).await.expect_err("no document is read");
    let took = began.elapsed();
    assert!(
        took <= Duration::from_millis(wait_ms.into()) + LATE + stalls.lost(),
        "{refused} after {took:?}"
    );
    refused
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_read_whole() {
    let (desk, reader, _dir) = start().await;
    let person = desk.platform.person("civil_servant").unwrap();
    let (card, ()) = tokio::join!(read(&desk, LONG_MS), async {
        until(&desk, "ids", |device| !device.held_by.is_empty()).await;
        reader.lay(&person);
    });
    let card = card.unwrap();
    assert_eq!(card.medium(), CardMedium::ResidentId);
    assert_eq!((&card.name, &card.certno), (&person.name, &person.idno));
    assert_eq!(
        (card.valid_from.as_str(), card.valid_until.as_str()),
        ("2019-06-01", "2039-06-01")
    );
    let resident = card.resident.unwrap();
    assert_eq!(
        (&resident.birth, resident.sex.as_str()),
        (&person.born, person.gend)
    );
    assert_eq!(
        (resident.photo.len(), &resident.photo[..4]),
        (1_024, b"WLf~".as_slice())
    );
    // It is not found again before it was lifted.
    assert_eq!(refuses(&desk, 800).await, "NOBODY_SHOWED_CARD");
}

/// Without a role all readers for patients' cards are waited at, and one that cannot be used holds up nobody.
#[tokio::test(flavor = "multi_thread")]
async fn a_document_on_the_second_reader_is_read_too() {
    let dir = tempfile::tempdir().expect("a folder");
    let first = IdCardReader::start(dir.path()).expect("a pty");
    let more = format!(
        "[[device]]\nname = \"first\"\nrole = \"card\"\nkind = \"id-card-serial\"\npath = \"{}\"\n",
        first.path().display()
    );
    let (desk, reader, _dir) = start_with("id-card", &more).await;
    let person = desk.platform.person("civil_servant").unwrap();
    until(&desk, "first", |device| {
        device.state() == DeviceState::Ready
    })
    .await;
    let (card, ()) = tokio::join!(read(&desk, LONG_MS), async {
        until(&desk, "first", |device| !device.held_by.is_empty()).await;
        until(&desk, "ids", |device| !device.held_by.is_empty()).await;
        reader.lay(&person);
    });
    assert_eq!(card.unwrap().certno, person.idno);
    for name in ["first", "ids"] {
        until(&desk, name, |device| device.held_by.is_empty()).await;
    }
    assert_eq!(refuses(&desk, 800).await, "NOBODY_SHOWED_CARD");
    drop(first);
    until(&desk, "first", |device| {
        device.state() == DeviceState::Missing
    })
    .await;
    let other = desk.platform.person("employee").unwrap();
    let (card, ()) = tokio::join!(read(&desk, LONG_MS), async {
        until(&desk, "ids", |device| !device.held_by.is_empty()).await;
        reader.lay(&other);
    });
    assert_eq!(card.unwrap().certno, other.idno);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_in_a_mood_is_told_and_well_again() {
    let (desk, reader, _dir) = start().await;
    let person = desk.platform.person("employee").unwrap();
    for (mood, name) in [
        (Mood::WrongCheck, "CARD_UNREADABLE"),
        (Mood::Garbage, "CARD_UNREADABLE"),
        (Mood::Half, "CARD_UNREADABLE"),
        (Mood::Lifted, "CARD_PULLED"),
        (Mood::Mute, "CARD_READER_SILENT"),
    ] {
        until(&desk, "ids", |device| device.state() == DeviceState::Ready).await;
        reader.set_mood(mood);
        reader.lay(&person);
        assert_eq!(refuses(&desk, 4_000).await, name, "{mood:?}");
        reader.set_mood(Mood::Fine);
        reader.lay(&person);
        let card = read(&desk, LONG_MS).await.unwrap();
        assert_eq!(card.certno, person.idno);
    }
    let (gone, ()) = tokio::join!(read(&desk, LONG_MS), async {
        reader.lift();
        until(&desk, "ids", |device| !device.held_by.is_empty()).await;
        reader.unplug();
    });
    assert_eq!(gone.unwrap_err(), "CARD_READER_UNPLUGGED");
    assert_eq!(refuses(&desk, 3_000).await, "CARD_READER_MISSING");
    reader.replug().unwrap();
    reader.lay(&person);
    assert!(read(&desk, LONG_MS).await.is_ok());
}

/// Nobody asks for a document; that one lies there is told as long as it does.
#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_lifted_while_nobody_asks_is_told_of() {
    let (desk, reader, _dir) = start().await;
    let person = desk.platform.person("employee").unwrap();
    reader.lay_slowly(&person, u32::MAX);
    refuses(&desk, LONG_MS).await;
    until(&desk, "ids", |device| device.has_card).await;
    // As long as it lies, it is seen: the reader is asked, not guessed at.
    let asked = until(&desk, "ids", |_| true)
        .await
        .counters
        .unwrap()
        .bytes_out;
    let still = until(&desk, "ids", |device| {
        device
            .counters
            .as_ref()
            .is_some_and(|it| it.bytes_out > asked)
    });
    assert!(still.await.has_card);
    reader.lift();
    until(&desk, "ids", |device| !device.has_card).await;
}
