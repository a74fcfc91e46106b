//! The drivers of HID scanners and keyboards replay a recording each: everything but finding the device is theirs.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::owner::{Line, listen_to};
use super::source::Source;
use super::{Asker, Scanner, Wire, hid, keyboard};
use crate::config::devices::{At, DeviceConfig, Framing, Kind};
use crate::device::board::Board;
use crate::device::event::EventLog;
use crate::device::far_end::PATIENCE;
use crate::device::hint::Hint;
use crate::device::record::redact::Told;
use crate::device::record::text::NOBODYS_NUMBER;
use crate::device::replay::Tape;

#[tokio::test]
async fn a_hid_scanner() {
    let tape = Tape::parse(include_str!("recordings/hid.txt"));
    let about = tape.records.iter().find_map(|record| match record {
        Told::About(about) => Some(about.clone()),
        Told::Opened | Told::Closed | Told::Failed(_) | Told::Bytes(..) => None,
    });
    // A report stays one, as hidraw gives it.
    let (near, far) = std::os::unix::net::UnixDatagram::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    let opened = hid::Opened::of(OwnedFd::from(near).into(), about.expect("a descriptor"));
    let desk = Desk::new();
    let source = Source::Hid(opened.watched(desk.board.tap()).unwrap());
    let mut lease = desk.listen(source, Wire::Hid).await;
    let mut codes = Vec::new();
    for report in tape.came() {
        lease.arm(soon()).await.unwrap();
        far.send(report).unwrap();
        codes.push(lease.read(soon()).await.unwrap().bytes.to_vec());
    }
    let number = [b"]C0", &NOBODYS_NUMBER[..]].concat();
    assert_eq!(codes, [b"]Q14240000000000000000000000000".to_vec(), number]);
}

#[tokio::test]
async fn a_keyboard_scanner() {
    let tape = Tape::parse(include_str!("recordings/keyboard.txt"));
    let desk = Desk::new();
    let (typing, keys) = mpsc::channel(1_024);
    let source = Source::Played(keyboard::Played::new(keys, desk.board.tap()));
    let mut lease = desk.listen(source, Wire::Keyboard).await;
    let mut keys = tape.came();
    let mut codes = Vec::new();
    for _ in 0..2 {
        lease.arm(soon()).await.unwrap();
        let enter = [0, 28, 0];
        for key in keys.by_ref() {
            typing.send(key.to_vec()).await.unwrap();
            if key == enter {
                break;
            }
        }
        codes.push(lease.read(soon()).await.unwrap().bytes.to_vec());
    }
    assert_eq!(keys.next(), None);
    assert_eq!(
        codes,
        [
            b"opcAa00000000000000000000000".to_vec(),
            NOBODYS_NUMBER.to_vec()
        ]
    );
}

struct Desk {
    board: Arc<Board>,
}

impl Desk {
    fn new() -> Self {
        let config = DeviceConfig {
            name: "played".into(),
            role: "scanner".into(),
            kind: Kind::HidScanner {
                at: nowhere(),
                framing: Framing::default(),
            },
            model: None,
        };
        let board = Arc::new(Board::new(config, Arc::new(EventLog::new())));
        Self { board }
    }

    /// The owner of this source listens; its lease.
    async fn listen(&self, source: Source, wire: Wire) -> super::ScannerLease {
        let (scanner, orders) = Scanner::over(Arc::clone(&self.board), 4);
        let line = Line {
            at: nowhere(),
            wire,
            framing: Framing::default(),
            hint: Hint::start(),
        };
        tokio::spawn(listen_to(source, line, Arc::clone(&self.board), orders));
        let asker = Asker {
            stream: "replay".into(),
            what: "test".into(),
        };
        let claimed = scanner.claim(asker, soon(), watch::Sender::new(0)).await;
        claimed.unwrap()
    }
}

fn nowhere() -> At {
    At::Path("/dev/nowhere".into())
}

fn soon() -> Instant {
    Instant::now() + PATIENCE
}
