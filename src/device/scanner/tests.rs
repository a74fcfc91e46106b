//! Scanners on real ptys.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::{Asker, Scan};
use crate::book::Code;
use crate::config::devices::{DeviceConfig, Framing, Kind};
use crate::device::event::{Watched, What};
use crate::device::far_end::{PATIENCE, Pty, until};
use crate::device::queue::WAITING_MAX;
use crate::device::{
    ClaimNews, ClaimWish, DeviceError, DeviceState, Hub, ROLE_SCANNER, ScannerLease,
};

#[tokio::test]
async fn a_code_before_arming_is_refused() {
    let mut desk = Desk::new();
    let mut lease = desk.claim("first").await.unwrap();
    desk.send("early\r");
    until(&desk.hub, "gun", |gun| gun.counters.codes_ignored == 1).await;
    lease.arm(soon()).await.unwrap();
    desk.send("good\r");
    assert_eq!(text(lease.read(soon()).await), "good");
}

#[tokio::test]
async fn a_code_that_began_before_arming_is_refused_whole() {
    let mut desk = Desk::new();
    let mut lease = desk.claim("first").await.unwrap();
    desk.send("ear");
    until(&desk.hub, "gun", |gun| gun.counters.bytes_in == 3).await;
    lease.arm(soon()).await.unwrap();
    desk.send("ly\r\ngood\r\n");
    assert_eq!(text(lease.read(soon()).await), "good");
    until(&desk.hub, "gun", |gun| gun.counters.codes_ignored == 1).await;
}

#[tokio::test]
async fn a_silence_ends_half_a_code() {
    let mut desk = Desk::new();
    let mut lease = desk.claim("first").await.unwrap();
    lease.arm(soon()).await.unwrap();
    let start = Instant::now();
    desk.send("2812");
    assert_eq!(text(lease.read(soon()).await), "2812");
    assert!(start.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn of_two_codes_at_once_the_first_counts() {
    let mut desk = Desk::new();
    let mut lease = desk.claim("first").await.unwrap();
    lease.arm(soon()).await.unwrap();
    desk.send("one\rtwo\r");
    assert_eq!(text(lease.read(soon()).await), "one");
    until(&desk.hub, "gun", |gun| gun.counters.codes_ignored == 1).await;
    let nobody = lease.read(Instant::now() + Duration::from_millis(50)).await;
    assert_eq!(nobody.unwrap_err().code, Code::NobodyScanned);
    lease.arm(soon()).await.unwrap();
    desk.send("three\r");
    assert_eq!(text(lease.read(soon()).await), "three");
}

#[tokio::test]
async fn who_stops_waiting_is_not_armed() {
    let mut desk = Desk::new();
    let mut lease = desk.claim("first").await.unwrap();
    lease.arm(soon()).await.unwrap();
    assert!(
        timeout(Duration::from_millis(20), lease.read(soon()))
            .await
            .is_err()
    );
    desk.send("late\r");
    until(&desk.hub, "gun", |gun| gun.counters.codes_ignored == 1).await;
}

#[tokio::test]
async fn too_long_a_code_is_an_error() {
    let mut desk = Desk::new();
    let mut lease = desk.claim("first").await.unwrap();
    lease.arm(soon()).await.unwrap();
    desk.send(&format!("{}\r", "7".repeat(513)));
    assert_eq!(
        lease.read(soon()).await.unwrap_err().code,
        Code::CodeUnknownKind
    );
    until(&desk.hub, "gun", |gun| gun.counters.codes_ignored == 1).await;
    assert_eq!(desk.hub.list()[0].counters.codes, 0);
}

#[tokio::test]
async fn too_long_a_code_is_missing_in_the_numbers_of_a_claim() {
    let mut desk = Desk::new();
    let mut watcher = desk.hub.watch(None);
    let wish = ClaimWish {
        role: ROLE_SCANNER.to_owned(),
        wait: PATIENCE,
        lease: PATIENCE,
        codes: true,
        purpose: "test".to_owned(),
    };
    let mut news = desk.hub.claim("me", wish, std::future::pending());
    assert!(matches!(news.recv().await, Some(ClaimNews::Granted { .. })));
    // The first that it is given says that it listens.
    let first = loop {
        desk.send("first\r");
        if let Ok(Some(first)) = timeout(Duration::from_millis(200), news.recv()).await {
            break first;
        }
    };
    let ClaimNews::Code { seq: 1, .. } = first else {
        panic!("{first:?}");
    };
    let before = desk.hub.list()[0].counters;
    desk.send(&format!("{}\rgood\r", "7".repeat(513)));
    let last = loop {
        let Some(ClaimNews::Code { scan, seq }) = news.recv().await else {
            panic!("no code");
        };
        if *scan.bytes == b"good" {
            break seq;
        }
    };
    // What was given, and the one that was not.
    until(&desk.hub, "gun", |gun| gun.counters.codes + 1 == last).await;
    let after = desk.hub.list()[0].counters;
    assert_eq!(after.codes_ignored, before.codes_ignored + 1);
    let mut ignored = 0;
    while let Some(Watched::Event(event)) = watcher.try_next() {
        ignored += u64::from(event.what == What::CodeIgnored);
    }
    assert_eq!(ignored, after.codes_ignored);
}

#[tokio::test]
async fn unplugged_while_armed_and_back_again() {
    let mut desk = Desk::new();
    let mut lease = desk.claim("first").await.unwrap();
    for round in 0..3 {
        lease.arm(soon()).await.unwrap();
        let start = Instant::now();
        desk.unplug();
        assert_eq!(
            lease.read(soon()).await.unwrap_err().code,
            Code::ScannerUnplugged
        );
        // The goal is 100 ms.
        assert!(start.elapsed() < Duration::from_secs(1));
        until(&desk.hub, "gun", |gun| gun.state == DeviceState::Missing).await;
        desk.plug();
        until(&desk.hub, "gun", |gun| gun.state == DeviceState::Ready).await;
        lease.arm(soon()).await.unwrap();
        desk.send(&format!("round {round}\r"));
        assert_eq!(text(lease.read(soon()).await), format!("round {round}"));
    }
    assert_eq!(desk.hub.list()[0].counters.opened, 4);
}

#[tokio::test]
async fn a_scanner_that_is_not_there() {
    let mut desk = Desk::new();
    desk.unplug();
    until(&desk.hub, "gun", |gun| gun.state == DeviceState::Missing).await;
    let claimed = desk
        .claim_until("first", Instant::now() + Duration::from_millis(50))
        .await;
    assert_eq!(claimed.err().unwrap().code, Code::ScannerMissing);
    assert_eq!(desk.hub.list()[0].holder, None);
    let hub = Hub::start(Vec::new());
    let claimed = hub
        .claim_scanner(ROLE_SCANNER, asker("first"), soon(), watch::Sender::new(0))
        .await;
    assert_eq!(claimed.err().unwrap().code, Code::ScannerMissing);
}

#[tokio::test]
async fn askers_are_served_in_order_and_see_their_place() {
    let desk = Desk::new();
    let mut watcher = desk.hub.watch(None);
    let first = desk.claim("first").await.unwrap();
    let (mut places, mut waiting) = (Vec::new(), Vec::new());
    for name in ["second", "third", "fourth"] {
        let (sender, mut place) = watch::channel(usize::MAX);
        let hub = desk.hub.clone();
        waiting.push(tokio::spawn(async move {
            hub.claim_scanner(ROLE_SCANNER, asker(name), soon(), sender)
                .await
        }));
        place.wait_for(|place| *place != usize::MAX).await.unwrap();
        places.push(place);
    }
    assert_eq!(
        places
            .iter()
            .map(|place| *place.borrow())
            .collect::<Vec<_>>(),
        [1, 2, 3]
    );
    let gun = desk.hub.list().remove(0);
    assert_eq!(
        (gun.holder.unwrap().stream.as_str(), gun.waiting),
        ("first", 3)
    );

    waiting.remove(1).abort();
    places.remove(1);
    places[1].wait_for(|place| *place == 2).await.unwrap();
    drop(first);
    let start = Instant::now();
    let second = waiting.remove(0).await.unwrap().unwrap();
    // The goal is 50 ms.
    assert!(start.elapsed() < Duration::from_millis(500));
    places[1].wait_for(|place| *place == 1).await.unwrap();
    drop(second);
    drop(waiting.remove(0).await.unwrap().unwrap());
    assert_eq!(desk.hub.list()[0].holder, None);

    let mut claims = Vec::new();
    while let Some(Watched::Event(event)) = watcher.try_next() {
        if let What::Claimed { by } = event.what {
            claims.push(by);
        }
    }
    assert_eq!(claims, ["first", "second", "fourth"]);
}

#[tokio::test]
async fn a_queue_has_an_end() {
    let desk = Desk::new();
    let lease = desk.claim("first").await.unwrap();
    let late = desk
        .claim_until("second", Instant::now() + Duration::from_millis(20))
        .await;
    assert_eq!(late.err().unwrap().code, Code::ScannerBusy);
    let waiting: Vec<_> = (1..WAITING_MAX)
        .map(|_| {
            let hub = desk.hub.clone();
            tokio::spawn(async move {
                let _lease = hub
                    .claim_scanner(ROLE_SCANNER, asker("next"), soon(), watch::Sender::new(0))
                    .await;
            })
        })
        .collect();
    until(&desk.hub, "gun", |gun| gun.waiting == WAITING_MAX - 1).await;
    assert_eq!(
        desk.claim("last").await.err().unwrap().code,
        Code::ScannerBusy
    );
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
    until(&desk.hub, "gun", |gun| gun.waiting == 0).await;
    drop(lease);
}

#[test]
fn a_scan_shows_its_length_only() {
    let scan = Scan {
        bytes: b"secret".to_vec().into(),
    };
    assert_eq!(format!("{scan:?}"), "Scan(6 bytes)");
}

/// A hub with one scanner on a link that survives the cable.
struct Desk {
    hub: Hub,
    line: Option<Pty>,
    link_path: PathBuf,
    _dir: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let link_path = dir.path().join("gun");
        let framing = Framing::default();
        let config = DeviceConfig {
            name: "gun".into(),
            role: "scanner".into(),
            kind: Kind::SerialScanner {
                at: crate::config::devices::At::Path(link_path.clone()),
                baud: 9_600,
                framing,
            },
            model: None,
        };
        let line = Pty::open();
        std::os::unix::fs::symlink(line.path(), &link_path).unwrap();
        Self {
            hub: Hub::start(vec![config]),
            line: Some(line),
            link_path,
            _dir: dir,
        }
    }

    fn unplug(&mut self) {
        self.line = None;
        std::fs::remove_file(&self.link_path).unwrap();
    }

    fn plug(&mut self) {
        let line = Pty::open();
        std::os::unix::fs::symlink(line.path(), &self.link_path).unwrap();
        self.line = Some(line);
    }

    fn send(&mut self, bytes: &str) {
        self.line.as_mut().unwrap().send(bytes.as_bytes());
    }

    async fn claim(&self, stream: &str) -> Result<ScannerLease, DeviceError> {
        self.claim_until(stream, soon()).await
    }

    async fn claim_until(
        &self,
        stream: &str,
        deadline: Instant,
    ) -> Result<ScannerLease, DeviceError> {
        self.hub
            .claim_scanner(ROLE_SCANNER, asker(stream), deadline, watch::Sender::new(0))
            .await
    }
}

fn asker(stream: &str) -> Asker {
    Asker {
        stream: stream.into(),
        what: "test".into(),
    }
}

fn soon() -> Instant {
    Instant::now() + PATIENCE
}

fn text(scan: Result<Scan, DeviceError>) -> String {
    String::from_utf8(scan.unwrap().bytes.to_vec()).unwrap()
}
