//! Looking at card readers: what `CheckHealth` says of the reader itself, not of its line.

use yibaod::api::{
    CheckHealthRequest, CheckHealthResponse, DeviceState, HealthCheck, HealthVerdict,
};
use yibaod::sandbox::devices::card::{Fault, Mood};

use super::{CardDesk, LONG_MS, devices, read, resident, until};
use crate::desk::{Desk, eventually};

async fn look(desk: &Desk, name: &str) -> CheckHealthResponse {
    let device = name.to_owned();
    let mut client = devices(desk).await;
    let looked = client.check_health(CheckHealthRequest { device });
    looked.await.expect("it is configured").into_inner()
}

/// What is said of the reader itself.
async fn reader(desk: &Desk, name: &str) -> HealthCheck {
    let looked = look(desk, name).await;
    let of_reader = looked.checks.iter().find(|check| check.name == "reader");
    of_reader.unwrap_or_else(|| panic!("{looked:?}")).clone()
}

/// Waits until that is so.
async fn until_reader(desk: &Desk, name: &str, is: impl Fn(&HealthCheck) -> bool) -> HealthCheck {
    let seen = eventually(async || Some(reader(desk, name).await).filter(|it| is(it))).await;
    match seen {
        Some(seen) => seen,
        None => panic!("{:?}", reader(desk, name).await),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_pcscd_says_of_a_reader_is_evidence() {
    let mut card_desk = CardDesk::start().await;
    until(&card_desk.desk, "cards", |it| {
        it.state() == DeviceState::Ready
    })
    .await;
    let looked = look(&card_desk.desk, "cards").await;
    assert!(looked.healthy, "{looked:?}");
    let names: Vec<&str> = looked.checks.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["line", "reader"]);
    let empty = reader(&card_desk.desk, "cards").await;
    assert_eq!(empty.verdict(), HealthVerdict::Fine);
    assert!(
        empty.evidence_en.contains("Virtual PCD 00 00: no card"),
        "{empty:?}"
    );
    card_desk.insert("employee", Fault::None);
    let card = until_reader(&card_desk.desk, "cards", |it| {
        it.evidence_en.contains(": a card (")
    })
    .await;
    assert!(card.evidence_zh.contains("有卡"), "{card:?}");
    // While it waits for another card it is looked at all the same.
    let waits = read(&card_desk.desk, LONG_MS);
    assert!(waits.await.is_ok());
    card_desk.pcscd.kill();
    let gone = until_reader(&card_desk.desk, "cards", |it| {
        it.verdict() == HealthVerdict::Bad
    })
    .await;
    assert!(gone.evidence_zh.contains("pcscd"), "{gone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_documents_is_asked_itself() {
    let (desk, plate, _dir) = resident::start_as("id-card").await;
    until(&desk, "ids", |it| it.state() == DeviceState::Ready).await;
    let bytes = async || {
        let counters = until(&desk, "ids", |_| true).await.counters;
        counters.expect("counters").bytes_out
    };
    let before = bytes().await;
    let looked = look(&desk, "ids").await;
    assert!(looked.healthy, "{looked:?}");
    let names: Vec<&str> = looked.checks.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["path", "permission", "holder", "line", "reader"]);
    assert!(bytes().await > before, "it is asked");
    let idle = reader(&desk, "ids").await;
    assert!(idle.evidence_en.contains("answered a question"), "{idle:?}");

    // In use it is not asked in between, and the document is read all the same.
    let person = desk.platform.person("employee").expect("a person");
    let (card, ()) = tokio::join!(read(&desk, LONG_MS), async {
        until(&desk, "ids", |it| !it.held_by.is_empty()).await;
        let at_work = |it: &HealthCheck| it.evidence_en.contains("waits for what is shown");
        let at_work = until_reader(&desk, "ids", at_work).await;
        assert_eq!(at_work.verdict(), HealthVerdict::Fine);
        plate.lay(&person);
    });
    assert_eq!(card.expect("a document").certno, person.idno);

    plate.lift();
    plate.set_mood(Mood::Hung);
    let hung = until_reader(&desk, "ids", |it| it.verdict() == HealthVerdict::Bad).await;
    assert!(hung.evidence_zh.contains("应答"), "{hung:?}");
    plate.set_mood(Mood::Fine);
    until_reader(&desk, "ids", |it| it.verdict() == HealthVerdict::Fine).await;
}
