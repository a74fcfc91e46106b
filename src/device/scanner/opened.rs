//! HID scanners and keyboards on lines that are open already: everything but finding the device is the driver's own.

use std::fs::File;
use std::sync::Arc;

use rustix::fd::OwnedFd;
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, send, socketpair};
use tokio::sync::mpsc;

use super::owner::{Line, listen_to};
use super::source::Source;
use super::tests::granted;
use super::{Scanner, Wire, hid, keyboard};
use crate::config::devices::{At, DeviceConfig, Framing, Kind, Terminator};
use crate::device::board::Board;
use crate::device::conformance::scanner::Far as _;
use crate::device::conformance::{Driver, scanner};
use crate::device::event::EventLog;
use crate::device::far_end::until;
use crate::device::hint::Hint;
use crate::device::queue::Queue;
use crate::device::{ClaimNews, Hub, ROLE_SCANNER};

/// Lines that wait to be taken over; there is one at a time.
const SOURCES_MAX: usize = 1;
/// Reads that wait to be taken; a recording has fewer.
const READS_MAX: usize = 1_024;
/// Bytes of a code that one report has room for.
const ROOM: usize = 56;
/// Where the flag stands that says whether a code goes on, in a report.
const FLAG_AT: usize = 61;

#[tokio::test]
async fn a_hid_scanner_conforms() {
    scanner::all_hold::<HidGun>().await;
}

#[tokio::test]
async fn a_keyboard_scanner_conforms() {
    scanner::all_hold::<KeyGun>().await;
}

#[tokio::test]
async fn keys_that_the_kernel_dropped_are_counted_and_spoil_one_code() {
    let mut gun = KeyGun::plugged(Framing::default()).await;
    let mut news = granted(&gun.desk.hub).await;
    gun.begin(b"half");
    gun.send(keyboard::Played::dropped());
    gun.finish(b"rest");
    gun.finish(b"good");
    let Some(ClaimNews::Code { scan, .. }) = news.recv().await else {
        panic!("no code");
    };
    assert_eq!(*scan.bytes, b"good");
    let counters = gun.desk.hub.list()[0].counters;
    assert_eq!((counters.losses, counters.codes_ignored), (1, 1));
    let (_, checks) = gun.desk.hub.check(scanner::NAME).await.unwrap();
    assert!(checks.iter().any(|check| check.name == "losses"));
}

#[tokio::test]
async fn what_is_missing_in_a_read_spoils_its_own_code_only() {
    let gun = KeyGun::plugged(Framing::default()).await;
    let mut news = granted(&gun.desk.hub).await;
    let keys = keyboard::Played::keys_of;
    let unreadable = keyboard::Played::unreadable;
    gun.send(
        [
            keys(b"first\rspoilt"),
            unreadable(),
            unreadable(),
            keys(b"rest\rsecond\r"),
            unreadable(),
            keys(b"rest\rlost"),
            keyboard::Played::dropped(),
            keys(b"rest\rthird\r"),
        ]
        .concat(),
    );
    for wanted in ["first", "second", "third"] {
        let Some(ClaimNews::Code { scan, .. }) = news.recv().await else {
            panic!("no code");
        };
        assert_eq!(*scan.bytes, wanted.as_bytes());
    }
    let counters = gun.desk.hub.list()[0].counters;
    assert_eq!(
        (counters.codes, counters.codes_ignored, counters.losses),
        (3, 3, 1)
    );
}

/// The kernel keeps 63 reports and says nothing of those that it drops.
#[tokio::test]
async fn a_scanner_that_was_not_read_for_long_counts_as_a_loss() {
    let framing = Framing {
        terminator: Terminator::None,
        ..Framing::default()
    };
    let gun = HidGun::plugged(framing).await;
    let mut news = granted(&gun.desk.hub).await;
    // Nothing else runs meanwhile: all of them wait. The last that is kept has lost its second half.
    for number in 0..62 {
        gun.report(format!("{number:02}").as_bytes(), false);
    }
    gun.report(b"first half", true);
    for number in 0..59 {
        let Some(ClaimNews::Code { scan, .. }) = news.recv().await else {
            panic!("no code");
        };
        assert_eq!(*scan.bytes, format!("{number:02}").as_bytes());
    }
    until(&gun.desk.hub, scanner::NAME, |it| it.counters.losses == 1).await;
    gun.report(b"second half of another", false);
    until(&gun.desk.hub, scanner::NAME, |it| {
        it.counters.codes_ignored == 1
    })
    .await;
    gun.report(b"good", false);
    let Some(ClaimNews::Code { scan, .. }) = news.recv().await else {
        panic!("no code");
    };
    assert_eq!(*scan.bytes, b"good");
    assert_eq!(gun.desk.hub.list()[0].counters.losses, 1);
}

/// A desk with one scanner whose lines are given to it open.
pub(super) struct Desk {
    pub(super) hub: Hub,
    board: Arc<Board>,
    sources: mpsc::Sender<Source>,
}

impl Desk {
    pub(super) fn new(wire: Wire, framing: Framing) -> Self {
        let at = At::Path("/dev/nowhere".into());
        let kind = match wire {
            Wire::Keyboard => Kind::KeyboardScanner {
                at: at.clone(),
                framing,
            },
            Wire::Hid | Wire::Serial { .. } => Kind::HidScanner {
                at: at.clone(),
                framing,
            },
        };
        let config = DeviceConfig {
            name: scanner::NAME.into(),
            role: ROLE_SCANNER.into(),
            kind,
            model: None,
        };
        let events = Arc::new(EventLog::new());
        let board = Arc::new(Board::new(config, Arc::clone(&events)));
        let (scanner, orders) =
            Scanner::over(Arc::clone(&board), Queue::new(Arc::clone(&board), 4));
        let line = Line {
            at,
            wire,
            framing,
            hint: Hint::start(),
        };
        let (sources, opened) = mpsc::channel(SOURCES_MAX);
        tokio::spawn(listen_to(opened, line, Arc::clone(&board), orders));
        let hub = Hub::of_scanner(ROLE_SCANNER, scanner, events);
        Self {
            hub,
            board,
            sources,
        }
    }

    /// A HID scanner is plugged in; reports are sent to what is given back. Dropping that pulls the cable.
    pub(super) fn plug_hid(&self, descriptor: &[u8]) -> OwnedFd {
        // A report stays one and its end is seen, as hidraw gives them.
        let (family, kind) = (AddressFamily::UNIX, SocketType::SEQPACKET);
        let (near, far) = socketpair(family, kind, SocketFlags::CLOEXEC, None).unwrap();
        rustix::io::ioctl_fionbio(&near, true).unwrap();
        let opened = hid::Opened::of(File::from(near), descriptor.to_vec());
        let line = opened.watched(self.board.tap()).unwrap();
        self.sources.try_send(Source::Hid(line)).ok().unwrap();
        far
    }

    /// A keyboard is plugged in, as [`Desk::plug_hid`].
    pub(super) fn plug_keyboard(&self) -> mpsc::Sender<Vec<u8>> {
        let (typing, keys) = mpsc::channel(READS_MAX);
        let played = keyboard::Played::new(keys, self.board.tap());
        self.sources.try_send(Source::Played(played)).ok().unwrap();
        typing
    }
}

/// A scanner by HID POS.
struct HidGun {
    desk: Desk,
    far: Option<OwnedFd>,
}

impl HidGun {
    fn report(&self, bytes: &[u8], goes_on: bool) {
        let mut report = vec![2, u8::try_from(bytes.len()).unwrap(), 0, 0, 0];
        report.extend(bytes);
        report.resize(FLAG_AT, 0);
        report.push(u8::from(goes_on));
        self.send(&report);
    }

    fn send(&self, report: &[u8]) {
        let far = self.far.as_ref().expect("it is plugged in");
        send(far, report, SendFlags::empty()).unwrap();
    }
}

impl scanner::Far for HidGun {
    const DRIVER: Driver = Driver {
        id: "conformance-hid-scanner",
        en: "what every scanner must do: HID POS",
        zh: "扫码枪一致性：HID POS",
    };

    async fn plugged(framing: Framing) -> Self {
        let desk = Desk::new(Wire::Hid, framing);
        let mut gun = Self { desk, far: None };
        gun.plug();
        gun
    }

    fn hub(&self) -> &Hub {
        &self.desk.hub
    }

    fn begin(&mut self, bytes: &[u8]) {
        for room in bytes.chunks(ROOM) {
            self.report(room, true);
        }
    }

    fn finish(&mut self, bytes: &[u8]) {
        let last = bytes.len().saturating_sub(1) / ROOM * ROOM;
        self.begin(&bytes[..last]);
        self.report(&bytes[last..], false);
    }

    /// Another report, and one that is torn.
    fn noise(&mut self) {
        self.send(&[3, 1, 0, 0, 0, b'x']);
        self.send(&[2, 1, 0, 0, 0, b'x']);
    }

    fn unplug(&mut self) {
        self.far = None;
    }

    fn plug(&mut self) {
        self.far = Some(self.desk.plug_hid(hid::FLAGGED));
    }
}

/// A scanner that types.
struct KeyGun {
    desk: Desk,
    typing: Option<mpsc::Sender<Vec<u8>>>,
}

impl KeyGun {
    fn send(&self, keys: Vec<u8>) {
        let typing = self.typing.as_ref().expect("it is plugged in");
        typing.try_send(keys).unwrap();
    }
}

impl scanner::Far for KeyGun {
    const DRIVER: Driver = Driver {
        id: "conformance-keyboard-scanner",
        en: "what every scanner must do: keyboard",
        zh: "扫码枪一致性：键盘",
    };

    async fn plugged(framing: Framing) -> Self {
        let desk = Desk::new(Wire::Keyboard, framing);
        let mut gun = Self { desk, typing: None };
        gun.plug();
        gun
    }

    fn hub(&self) -> &Hub {
        &self.desk.hub
    }

    fn begin(&mut self, bytes: &[u8]) {
        self.send(keyboard::Played::keys_of(bytes));
    }

    fn finish(&mut self, bytes: &[u8]) {
        self.send(keyboard::Played::keys_of(&[bytes, b"\r"].concat()));
    }

    fn noise(&mut self) {
        self.send(keyboard::Played::idle_keys());
    }

    fn unplug(&mut self) {
        self.typing = None;
    }

    fn plug(&mut self) {
        self.typing = Some(self.desk.plug_keyboard());
    }
}
