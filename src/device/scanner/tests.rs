//! A scanner on a real pty, and those who wait for it.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};

use super::{Asker, Scan};
use crate::book::Code;
use crate::config::devices::{At, DeviceConfig, Framing, Kind};
use crate::device::conformance::Driver;
use crate::device::conformance::scanner::{self, Far as _};
use crate::device::event::{Watched, Watcher, What};
use crate::device::far_end::{PATIENCE, Pty, until};
use crate::device::queue::WAITING_MAX;
use crate::device::{
    ClaimNews, ClaimWish, DeviceError, DeviceState, Hub, ROLE_SCANNER, ScannerLease, Verdict,
};

/// A claim that was granted and gets each code.
pub(super) async fn granted(hub: &Hub) -> mpsc::Receiver<ClaimNews> {
    let wish = ClaimWish {
        role: ROLE_SCANNER.to_owned(),
        wait: PATIENCE,
        lease: PATIENCE,
        codes: true,
        purpose: "test".to_owned(),
    };
    let mut news = hub.claim("me", wish, std::future::pending());
    assert!(matches!(news.recv().await, Some(ClaimNews::Granted { .. })));
    news
}

#[tokio::test]
async fn a_serial_scanner_conforms() {
    scanner::all_hold::<Desk>().await;
}

#[tokio::test]
async fn too_long_a_code_is_missing_in_the_numbers_of_a_claim() {
    let mut desk = Desk::new(Framing::default());
    let mut watcher = desk.hub.watch(None);
    let mut news = granted(&desk.hub).await;
    // The first that it is given says that it listens.
    let first = loop {
        desk.finish(b"first");
        if let Ok(Some(first)) = timeout(Duration::from_millis(200), news.recv()).await {
            break first;
        }
    };
    let ClaimNews::Code { seq: 1, .. } = first else {
        panic!("{first:?}");
    };
    let before = desk.hub.list()[0].counters;
    desk.finish("7".repeat(513).as_bytes());
    desk.finish(b"good");
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
    let (ignored, _) = told_ignored(&mut watcher, after.codes_ignored).await;
    assert_eq!(ignored, after.codes_ignored);
}

/// How many codes are told as ignored, in how many events, until so many are.
async fn told_ignored(watcher: &mut Watcher, all: u64) -> (u64, u64) {
    let (mut ignored, mut events) = (0, 0);
    while ignored < all {
        let told = timeout(PATIENCE, watcher.next()).await;
        let Ok(Watched::Event(event)) = told else {
            panic!("nothing is missed: {told:?} after {ignored}");
        };
        if let What::CodeIgnored { count } = event.what {
            (ignored, events) = (ignored + count, events + 1);
        }
    }
    (ignored, events)
}

#[tokio::test]
async fn a_noisy_scanner_leaves_the_history_to_others() {
    // More than the history keeps.
    const NOISE: u64 = 1_500;
    let mut desk = Desk::new(Framing::default());
    until(&desk.hub, "gun", |gun| gun.state == DeviceState::Ready).await;
    let mut watcher = desk.hub.watch(None);
    let began = Instant::now();
    for _ in 0..NOISE {
        desk.finish(b"noise");
    }
    until(&desk.hub, "gun", |gun| gun.counters.codes_ignored == NOISE).await;
    // A slow watcher: nothing of what it did not look at yet is gone.
    let (ignored, events) = told_ignored(&mut watcher, NOISE).await;
    assert_eq!(ignored, NOISE);
    let most = began.elapsed().as_secs() + 2;
    assert!(events <= most, "{events} events, not {most}");
}

#[tokio::test]
async fn a_scanner_that_was_never_configured() {
    let hub = Hub::start(Vec::new());
    let claimed = hub
        .claim_scanner(ROLE_SCANNER, asker("first"), soon(), watch::Sender::new(0))
        .await;
    assert_eq!(claimed.err().unwrap().code, Code::ScannerNotConfigured);
}

#[tokio::test]
async fn after_a_reload_the_successor_waits_until_the_last_user_is_through() {
    let mut desk = Desk::new(Framing::default());
    let mut lease = desk.claim("first").await.unwrap();
    let mut other = desk.config.clone();
    other.kind = Kind::SerialScanner {
        at: At::Path(desk.link_path.clone()),
        baud: 9_600,
        framing: Framing {
            gap_ms: 90,
            ..Framing::default()
        },
    };
    let mut watcher = desk.hub.watch(None);
    desk.hub.change_devices(vec![other]);
    // Who has it is named, and no other program is blamed.
    let busy = Some(Code::ScannerBusy);
    until(&desk.hub, "gun", |gun| {
        gun.last_error.map(|it| it.0) == busy
    })
    .await;
    let (_, checks) = desk.hub.check("gun").await.unwrap();
    let wrong: Vec<_> = (checks.iter())
        .filter(|it| it.verdict == Verdict::Bad)
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    lease.arm(soon()).await.unwrap();
    desk.finish(b"to the old one");
    assert_eq!(*lease.read(soon()).await.unwrap().bytes, b"to the old one");
    let gun = desk.hub.list().remove(0);
    assert_eq!((gun.state, gun.counters.opened), (DeviceState::Missing, 0));
    assert_eq!(gun.holder.unwrap().stream, "first");
    let refused = desk.claim_until("second", Instant::now() + Duration::from_millis(20));
    assert_eq!(refused.await.err().unwrap().code, Code::ScannerBusy);
    drop(lease);
    until(&desk.hub, "gun", |gun| gun.state == DeviceState::Ready).await;
    for wanted in [
        What::Removed,
        What::Added,
        What::Unplugged,
        What::Arrived,
        What::Ready,
    ] {
        loop {
            let Watched::Event(event) = watcher.next().await else {
                panic!("nothing is missed");
            };
            assert_ne!(event.what, What::HeldElsewhere);
            if event.what == wanted {
                break;
            }
        }
    }
    let mut lease = desk.claim("second").await.unwrap();
    lease.arm(soon()).await.unwrap();
    desk.finish(b"to the new one");
    assert_eq!(*lease.read(soon()).await.unwrap().bytes, b"to the new one");
}

#[tokio::test]
async fn what_is_taken_out_is_listed_until_its_last_user_is_through() {
    let desk = Desk::new(Framing::default());
    let lease = desk.claim("first").await.unwrap();
    desk.hub.change_devices(Vec::new());
    let left = desk.hub.list();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].holder.as_ref().unwrap().stream, "first");
    // Back in the configuration before that one is through, under another name.
    let mut other = desk.config.clone();
    other.name = "other".to_owned();
    desk.hub.change_devices(vec![other]);
    let left = desk.hub.list();
    assert_eq!((left.len(), left[0].name.as_str()), (1, "other"));
    assert_eq!(left[0].holder.as_ref().unwrap().stream, "first");
    drop(lease);
    until(&desk.hub, "other", |it| it.state == DeviceState::Ready).await;
    assert_eq!(desk.hub.list()[0].holder, None);
    desk.hub.change_devices(Vec::new());
    assert_eq!(desk.hub.list(), []);
}

#[tokio::test]
async fn askers_are_served_in_order_and_see_their_place() {
    let desk = Desk::new(Framing::default());
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
    let desk = Desk::new(Framing::default());
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
    config: DeviceConfig,
    line: Option<Pty>,
    link_path: PathBuf,
    _dir: tempfile::TempDir,
}

impl scanner::Far for Desk {
    const DRIVER: Driver = Driver {
        id: "conformance-serial-scanner",
        en: "what every scanner must do: serial",
        zh: "扫码枪一致性：串口",
    };

    async fn plugged(framing: Framing) -> Self {
        Self::new(framing)
    }

    fn hub(&self) -> &Hub {
        &self.hub
    }

    fn begin(&mut self, bytes: &[u8]) {
        self.line.as_mut().unwrap().send(bytes);
    }

    fn finish(&mut self, bytes: &[u8]) {
        self.begin(&[bytes, b"\r"].concat());
    }

    /// Ends of codes that never began.
    fn noise(&mut self) {
        self.begin(b"\r\n\r\n");
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
}

impl Desk {
    fn new(framing: Framing) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let link_path = dir.path().join(scanner::NAME);
        let config = DeviceConfig {
            name: scanner::NAME.into(),
            role: ROLE_SCANNER.into(),
            kind: Kind::SerialScanner {
                at: At::Path(link_path.clone()),
                baud: 9_600,
                framing,
            },
            model: None,
        };
        let line = Pty::open();
        std::os::unix::fs::symlink(line.path(), &link_path).unwrap();
        Self {
            hub: Hub::start(vec![config.clone()]),
            config,
            line: Some(line),
            link_path,
            _dir: dir,
        }
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
        by: String::new(),
    }
}

fn soon() -> Instant {
    Instant::now() + PATIENCE
}
