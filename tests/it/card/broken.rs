//! Everything on the way to a card breaks once: the card, its reader, pcscd, `yibao-card`. Each gives a clear error
//! in time, and is well again by itself.

use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use yibaod::api::watch_devices_response::Update;
use yibaod::api::{DeviceChange, DeviceState, WatchDevicesRequest};
use yibaod::device::card::frame::{self, Ask, Told};
use yibaod::sandbox::devices::card::{Fault, SocialCard};

use super::{CardDesk, LONG_MS, is_of, until};
use crate::desk::eventually;

/// Longest wait for news that will come.
const NEWS: Duration = Duration::from_secs(20);
/// Commands of one reading; a fault behind the last one harms nothing.
const COMMANDS: u32 = 13;

#[tokio::test(flavor = "multi_thread")]
async fn a_card_pulled_at_any_command_is_told() {
    let card_desk = CardDesk::start().await;
    for at in 1..=COMMANDS {
        card_desk.replace("employee", Fault::PulledAt(at)).await;
        let mut told = card_desk.refuses(LONG_MS).await;
        if told == "NOBODY_SHOWED_CARD" {
            // pcscd's virtual reader may lose a card that is put in right behind another: it is put in once more.
            card_desk.replace("employee", Fault::PulledAt(at)).await;
            told = card_desk.refuses(LONG_MS).await;
        }
        assert_eq!(told, "CARD_PULLED", "at {at}");
    }
    card_desk.replace("employee", Fault::None).await;
    card_desk.reads("employee").await;
    assert_eq!(
        card_desk.slot.commands(),
        COMMANDS,
        "the faults above met every command"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_cards_are_never_read_as_one() {
    let card_desk = CardDesk::start().await;
    let [one, other] = ["employee", "resident"].map(|key| card_desk.person(key));
    let mut refused = 0;
    for at in 1..=COMMANDS {
        let next = SocialCard::of(&other).forward();
        let swapped = Fault::SwappedAt(at, Box::new(next));
        card_desk.replace("employee", swapped).await;
        match card_desk.read(LONG_MS).await {
            Ok(card) => assert!(is_of(&card, &one) || is_of(&card, &other), "at {at}"),
            Err(name) => {
                let named = ["CARD_PULLED", "CARD_UNREADABLE", "CARD_UNKNOWN_KIND"];
                assert!(named.contains(&name.as_str()), "at {at}: {name}");
                refused += 1;
            }
        }
        // The other one is read whole, once pcscd has seen it: its virtual reader may lose a card that came in the
        // middle of a command, and then it is put in once more.
        let seen = eventually(async || match card_desk.read(2_000).await {
            Ok(card) => Some(card),
            Err(name) => {
                if name == "NOBODY_SHOWED_CARD" {
                    card_desk.insert("resident", Fault::None);
                }
                None
            }
        });
        assert!(is_of(&seen.await.expect("it is read"), &other), "at {at}");
    }
    assert!(refused > 0, "no swap was met in the middle of a reading");
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_told_and_forgotten() {
    let card_desk = CardDesk::start().await;
    for (at, garbage) in [
        (1, vec![0x00]),
        (2, vec![0xff; 200]),
        (3, vec![0x01, 0x10, 0x90, 0x00]),
        (3, vec![0x61, 0x00]),
        (
            7,
            b"\x07\x09\xff\xff\xff\xff\xff\xff\xff\xff\xff\x90\x00".to_vec(),
        ),
        (9, b"\x08\x12110101190001011008\x90\x00".to_vec()),
        (10, b"\x09\x02\x81\x20\x90\x00".to_vec()),
    ] {
        let what = format!("{garbage:02x?} from {at}");
        card_desk
            .replace("employee", Fault::GarbageFrom(at, garbage))
            .await;
        assert_eq!(
            card_desk.refuses(LONG_MS).await,
            "CARD_UNREADABLE",
            "{what}"
        );
        card_desk.replace("employee", Fault::None).await;
        card_desk.reads("employee").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mute_card_costs_its_deadline_only() {
    let card_desk = CardDesk::start().await;
    for (at, wait_ms) in [(1, 1_000), (5, 2_000)] {
        card_desk.replace("employee", Fault::MuteFrom(at)).await;
        until(&card_desk.desk, "cards", |device| device.has_card).await;
        assert_eq!(
            card_desk.refuses(wait_ms).await,
            "CARD_READER_SILENT",
            "from {at}"
        );
        card_desk.replace("employee", Fault::None).await;
        card_desk.reads("employee").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pcscd_is_killed_and_comes_back() {
    let mut card_desk = CardDesk::start().await;
    card_desk.insert("employee", Fault::None);
    card_desk.reads("employee").await;
    card_desk.slot.pull();
    until(&card_desk.desk, "cards", |device| !device.has_card).await;
    let desk = &card_desk.desk;
    let (read, ()) = tokio::join!(super::read(desk, LONG_MS), async {
        until(desk, "cards", |device| !device.held_by.is_empty()).await;
        card_desk.pcscd.kill();
    });
    assert_eq!(read.unwrap_err(), "CARD_SERVICE_MISSING");
    // It is told at once to those who ask while it is away, and shown.
    assert_eq!(card_desk.refuses(3_000).await, "CARD_SERVICE_MISSING");
    let seen = until(&card_desk.desk, "cards", |device| device.problem.is_some()).await;
    assert_eq!(seen.problem.unwrap().name, "CARD_SERVICE_MISSING");
    card_desk.pcscd.restart();
    card_desk.insert("resident", Fault::None);
    until(&card_desk.desk, "cards", |device| {
        device.state() == DeviceState::Ready
    })
    .await;
    card_desk.reads("resident").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_is_killed_and_comes_back() {
    let card_desk = CardDesk::start().await;
    let desk = &card_desk.desk;
    for round in 0..3 {
        until(desk, "cards", |device| device.state() == DeviceState::Ready).await;
        let (read, ()) = tokio::join!(super::read(desk, LONG_MS), async {
            until(desk, "cards", |device| !device.held_by.is_empty()).await;
            kill_program_of(desk.pid());
        });
        assert_eq!(read.unwrap_err(), "CARD_HOST_FAILED", "{round}");
        card_desk.insert("employee", Fault::None);
        card_desk.reads("employee").await;
        card_desk.slot.pull();
        until(desk, "cards", |device| !device.has_card).await;
    }
}

/// kill -9 to the `yibao-card` that this daemon started.
pub(super) fn kill_program_of(daemon: u32) {
    let children = format!("/proc/{daemon}/task");
    let mut killed = 0;
    for thread in std::fs::read_dir(children).expect("it runs") {
        let list = thread.expect("a thread").path().join("children");
        let list = std::fs::read_to_string(list).unwrap_or_default();
        for child in list.split_whitespace() {
            let name = std::fs::read_to_string(format!("/proc/{child}/comm")).unwrap_or_default();
            if name.trim() == "yibao-card" {
                let pid = rustix::process::Pid::from_raw(child.parse().expect("a pid"));
                let kill = rustix::process::Signal::KILL;
                rustix::process::kill_process(pid.expect("a pid is not 0"), kill).expect("it runs");
                killed += 1;
            }
        }
    }
    assert_eq!(killed, 1, "one program a reader");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_program_that_keeps_the_card_is_told_of() {
    let card_desk = CardDesk::start().await;
    card_desk.insert("employee", Fault::None);
    until(&card_desk.desk, "cards", |device| device.has_card).await;
    let mut other = Command::new(env!("CARGO_BIN_EXE_yibao-card"))
        .envs([card_desk.pcscd.env()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let (mut ask, mut told) = (other.stdin.take().unwrap(), other.stdout.take().unwrap());
    let begin = Ask::Begin {
        id: 1,
        reader: "Virtual PCD 00 00".into(),
    };
    frame::write(&mut ask, &begin).unwrap();
    while frame::read::<Told>(&mut told).unwrap().unwrap() != (Told::Begun { id: 1 }) {}
    let watch = WatchDevicesRequest::default();
    let events = super::devices(&card_desk.desk)
        .await
        .watch_devices(watch)
        .await;
    let mut events = events.expect("a stream").into_inner();
    assert_eq!(card_desk.refuses(1_500).await, "DEVICE_HELD_ELSEWHERE");
    // The program ends when nobody talks to it any more, and lets go.
    drop(ask);
    told.read_to_end(&mut Vec::new()).unwrap();
    assert!(other.wait().unwrap().success());
    card_desk.reads("employee").await;
    let [claimed, released] = [DeviceChange::Claimed, DeviceChange::Released];
    let wanted = [
        claimed,
        DeviceChange::HeldElsewhere,
        released,
        claimed,
        released,
    ];
    let mut told = Vec::new();
    while told.iter().filter(|change| **change == released).count() < 2 {
        let news = tokio::time::timeout(NEWS, events.message()).await;
        let news = news.expect("in time").expect("no error").expect("it runs");
        if let Some(Update::Event(event)) = news.update
            && event.device == "cards"
        {
            told.push(event.change());
        }
    }
    assert_eq!(told, wanted, "no card was taken out, no reader unplugged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_resets_the_card_under_nobody() {
    let card_desk = CardDesk::start().await;
    card_desk.insert("employee", Fault::None);
    for _ in 0..3 {
        card_desk.reads("employee").await;
    }
    assert_eq!(card_desk.slot.resets(), 0);
}
