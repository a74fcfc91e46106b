//! Scanner and card reader side by side in one settlement: what is wrong with one does not hold up the other.

use std::time::{Duration, Instant};

use yibaod::api::{
    Credential, Device, DeviceState, Money, ReadCardRequest, ScanAndPayRequest, Stage,
};
use yibaod::sandbox::devices::card::Mood;

use super::resident::start_as;
use super::{LONG_MS, devices, read, until};
use crate::desk::{Desk, Shows, bill, refusal, wait_for};

/// Reading failures that once ended a settlement.
const FAILURES: u64 = 4;
/// A missing device is waited for two seconds where there is no other one.
const ARRIVAL: Duration = Duration::from_millis(2_000);

/// The employee's bill, to be paid by code or document.
fn by_either(desk: &Desk, request_id: &str) -> ScanAndPayRequest {
    let mut request = bill(desk, request_id);
    request.credentials = vec![Credential::EVoucher.into(), Credential::ResidentId.into()];
    request
}

fn failures(device: &Device) -> u64 {
    device.counters.map_or(0, |counters| counters.cards_failed)
}

fn asked_bytes(device: &Device) -> u64 {
    device.counters.map_or(0, |counters| counters.bytes_out)
}

/// The `mdtrt_cert_type` of what was charged.
fn shown_by(desk: &Desk) -> Vec<String> {
    let person = desk
        .platform
        .person("employee")
        .expect("a person of the sandbox");
    desk.platform.ledger(|ledger| {
        let charges = ledger.charges_of(&person.psn_no).into_iter();
        charges
            .map(|charge| charge.mdtrt_cert_type.clone())
            .collect()
    })
}

/// Reads a card by the reader with this role.
async fn read_by(desk: &Desk, role: &str, wait_ms: u32) -> Result<String, String> {
    let request = ReadCardRequest {
        role: role.to_owned(),
        wait_ms,
        ..ReadCardRequest::default()
    };
    match devices(desk).await.read_card(request).await {
        Ok(answer) => Ok(answer.into_inner().card.expect("a card").certno),
        Err(status) => Err(refusal(&status).name),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_card_reader_leaves_the_scanner_alone() {
    let (desk, reader, _dir) = start_as("id-card").await;
    reader.set_mood(Mood::Mute);
    reader.lay(&desk.platform.person("employee").unwrap());
    let (answer, ()) = tokio::join!(desk.pay(by_either(&desk, "silent"), &[]), async {
        until(&desk, "ids", |device| failures(device) >= FAILURES).await;
        desk.show(&Shows::fresh("employee")).await;
    });
    assert_eq!(answer.money(), Money::Settled, "{answer:?}");
    assert_eq!(shown_by(&desk), ["01"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_another_role_is_left_alone() {
    let (desk, reader, _dir) = start_as("id-card-x").await;
    let mut events = desk.watch("other-role").await;
    let (answer, ()) = tokio::join!(desk.pay(by_either(&desk, "other-role"), &[]), async {
        wait_for(&mut events, Stage::WaitingScan).await;
        let ids = until(&desk, "ids", |device| device.state() == DeviceState::Ready).await;
        assert_eq!(ids.held_by, "");
        // It reads for others meanwhile.
        let person = desk.platform.person("resident").unwrap();
        reader.lay(&person);
        assert_eq!(
            read_by(&desk, "id-card-x", LONG_MS).await,
            Ok(person.idno.clone())
        );
        desk.show(&Shows::fresh("employee")).await;
    });
    assert_eq!(answer.money(), Money::Settled, "{answer:?}");
    assert_eq!(
        read(&desk, LONG_MS).await.unwrap_err(),
        "CARD_READER_NOT_CONFIGURED"
    );
    for (role, name) in [
        ("card-9", "DEVICE_UNKNOWN"),
        ("scanner", "DEVICE_UNKNOWN"),
        ("id-card", "CARD_READER_NOT_CONFIGURED"),
    ] {
        assert_eq!(
            read_by(&desk, role, LONG_MS).await.unwrap_err(),
            name,
            "{role}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_card_reader_joins_when_it_is_free() {
    let (desk, reader, _dir) = start_as("id-card").await;
    let desk = &desk;
    let held = |device: &Device| !device.held_by.is_empty();
    // Paid by code while another call has the reader all the time.
    let reading = read_by(desk, "id-card", LONG_MS);
    let paying = async {
        until(desk, "ids", held).await;
        desk.pay(by_either(desk, "by-code"), &[Shows::fresh("employee")])
            .await
    };
    let answer = tokio::select! {
        read = reading => panic!("it reads to the end of the test: {read:?}"),
        answer = paying => answer,
    };
    assert_eq!(answer.money(), Money::Settled, "{answer:?}");
    until(desk, "ids", |device| !held(device)).await;
    // The other call ends while the scanner listens already.
    let mut events = desk.watch("by-document").await;
    let mut reading = Box::pin(read_by(desk, "id-card", LONG_MS));
    let other = tokio::select! {
        read = &mut reading => panic!("nothing was shown: {read:?}"),
        other = until(desk, "ids", held) => other.held_by,
    };
    let (answer, ()) = tokio::join!(desk.pay(by_either(desk, "by-document"), &[]), async {
        wait_for(&mut events, Stage::WaitingScan).await;
        drop(reading);
        until(desk, "ids", |device| {
            held(device) && device.held_by != other
        })
        .await;
        reader.lay(&desk.platform.person("employee").unwrap());
    });
    assert_eq!(answer.money(), Money::Settled, "{answer:?}");
    assert_eq!(shown_by(desk), ["01", "02"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unplugged_card_reader_holds_nothing_up_and_joins() {
    let (desk, reader, _dir) = start_as("id-card").await;
    let person = desk.platform.person("employee").unwrap();
    reader.unplug();
    until(&desk, "ids", |device| device.state() != DeviceState::Ready).await;
    let mut events = desk.watch("unplugged").await;
    let began = Instant::now();
    let (answer, ()) = tokio::join!(desk.pay(by_either(&desk, "unplugged"), &[]), async {
        wait_for(&mut events, Stage::WaitingScan).await;
        assert!(
            began.elapsed() < ARRIVAL,
            "asked {:?} later",
            began.elapsed()
        );
        reader.replug().unwrap();
        reader.lay(&person);
    });
    assert_eq!(answer.money(), Money::Settled, "{answer:?}");
    assert_eq!(shown_by(&desk), ["02"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_may_be_laid_down_slowly() {
    let (desk, reader, _dir) = start_as("id-card").await;
    let person = desk.platform.person("employee").unwrap();
    let mut told = Vec::new();
    // A machine that stands still between two looks makes it too slow.
    for n in 0..3 {
        reader.lay_slowly(&person, 2);
        let answer = desk
            .pay(by_either(&desk, &format!("slowly-{n}")), &[])
            .await;
        assert_eq!(answer.money(), Money::Settled, "{answer:?}");
        told.push(failures(&until(&desk, "ids", |_| true).await));
        reader.lift();
        until(&desk, "ids", |device| !device.has_card).await;
    }
    let is_untold = |at: usize| told[at] == if at == 0 { 0 } else { told[at - 1] };
    assert!((0..3).any(is_untold), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_cannot_be_read_is_tried_once_until_it_is_lifted() {
    let (desk, reader, _dir) = start_as("id-card").await;
    let person = desk.platform.person("employee").unwrap();
    reader.lay_slowly(&person, u32::MAX);
    let (answer, ()) = tokio::join!(desk.pay(by_either(&desk, "lies"), &[]), async {
        let failed = until(&desk, "ids", |device| failures(device) > 0).await;
        // Ten questions later it was not told of again.
        let looked = asked_bytes(&failed) + 100;
        let still = until(&desk, "ids", |device| asked_bytes(device) >= looked).await;
        assert_eq!(failures(&still), 1);
        reader.lift();
        until(&desk, "ids", |device| !device.has_card).await;
        reader.lay(&person);
    });
    assert_eq!(answer.money(), Money::Settled, "{answer:?}");
    assert_eq!(shown_by(&desk), ["02"]);
}
