//! The drivers of HID scanners and keyboards replay a recording each: everything but finding the device is theirs.

use rustix::net::{SendFlags, send};
use tokio::sync::watch;
use tokio::time::Instant;

use super::opened::Desk;
use super::{Asker, ScannerLease, Wire};
use crate::config::devices::Framing;
use crate::device::ROLE_SCANNER;
use crate::device::far_end::PATIENCE;
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
    let desk = Desk::new(Wire::Hid, Framing::default());
    let far = desk.plug_hid(&about.expect("a descriptor"));
    let mut lease = claim(&desk, &tape).await;
    let mut codes = Vec::new();
    for report in tape.came() {
        lease.arm(soon()).await.unwrap();
        send(&far, report, SendFlags::empty()).unwrap();
        codes.push(lease.read(soon()).await.unwrap().bytes.to_vec());
    }
    let number = [b"]C0", &NOBODYS_NUMBER[..]].concat();
    assert_eq!(codes, [b"]Q14240000000000000000000000000".to_vec(), number]);
}

#[tokio::test]
async fn a_keyboard_scanner() {
    let tape = Tape::parse(include_str!("recordings/keyboard.txt"));
    let desk = Desk::new(Wire::Keyboard, Framing::default());
    let typing = desk.plug_keyboard();
    let mut lease = claim(&desk, &tape).await;
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

async fn claim(desk: &Desk, tape: &Tape) -> ScannerLease {
    assert_eq!(desk.hub.list()[0].kind, tape.kind);
    let asker = Asker {
        stream: "replay".into(),
        what: "test".into(),
        by: String::new(),
    };
    let place = watch::Sender::new(0);
    let claimed = desk
        .hub
        .claim_scanner(ROLE_SCANNER, asker, soon(), place)
        .await;
    claimed.unwrap()
}

fn soon() -> Instant {
    Instant::now() + PATIENCE
}
