//! A question that breaks off in the middle, since its asker goes away while the line takes no more: the next one
//! stands behind the whole of it.

use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::line::{QUESTION_BYTES, Surface};
use crate::config::devices::{At, DeviceConfig, Kind};
use crate::device::card::sam::HEAD;
use crate::device::card::{CardLease, Medium};
use crate::device::conformance::card::{Fault, NAME, Who};
use crate::device::far_end::{PATIENCE, Pty, until};
use crate::device::{Asker, DeviceState, Hub, ROLE_CARD};

/// What fills the line; no frame has it.
const FILLING: u8 = 0x55;
/// Room that is left for a question: less than one takes.
const ROOM_BYTES: usize = 4;
/// The kernel takes and frees its room in pieces: a question may find more of it, or none.
const TRIES_MAX: usize = 50;
/// Longest wait for a part of a question.
const PART: Duration = Duration::from_millis(200);
/// How long a full line stays full before it is taken for that.
const FULL: Duration = Duration::from_millis(20);
const GLANCE: Duration = Duration::from_millis(1);
const WANTED: [Medium; 1] = [Medium::ResidentId];

#[tokio::test]
async fn a_question_that_broke_off_is_whole_before_the_next() {
    let mut far = Far::plugged();
    let hub = Hub::start(vec![far.config()]);
    far.serve(until(&hub, NAME, |it| it.state == DeviceState::Ready))
        .await;
    far.tear(&hub).await;
    far.surface.lay_down(Who::Other, Fault::Nothing);
    let mut lease = claim(&hub).await;
    let reading = async {
        lease.arm(&WANTED, soon()).await.unwrap();
        lease.read().await
    };
    let shown = far.serve(timeout(PATIENCE, reading)).await;
    let shown = shown.expect("in time").expect("a document");
    assert_eq!(shown.certno.expose(), Who::Other.certno());
}

/// A reader at the far end of a line that can be full.
struct Far {
    line: Pty,
    /// A second way in, to fill it; open before the line is taken by one alone.
    filler: OwnedFd,
    surface: Surface,
    heard: Vec<u8>,
}

impl Far {
    fn plugged() -> Self {
        let line = Pty::open();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK;
        let filler = rustix::fs::open(line.path(), flags, Mode::empty()).unwrap();
        Self {
            line,
            filler,
            surface: Surface::default(),
            heard: Vec::new(),
        }
    }

    fn config(&self) -> DeviceConfig {
        DeviceConfig {
            name: NAME.into(),
            role: ROLE_CARD.into(),
            kind: Kind::IdCardSerial {
                at: At::Path(self.line.path().into()),
                baud: 115_200,
            },
            model: None,
        }
    }

    /// Answers what is asked until something else is over. What is no whole question ends the test.
    async fn serve<T>(&mut self, other: impl Future<Output = T>) -> T {
        let play = async {
            let mut chunk = [0; 256];
            loop {
                let count = self.line.hear(&mut chunk);
                self.heard.extend_from_slice(&chunk[..count]);
                while self.heard.len() >= QUESTION_BYTES {
                    let question: Vec<u8> = self.heard.drain(..QUESTION_BYTES).collect();
                    assert_eq!(question[..HEAD.len()], HEAD, "{question:02x?}");
                    self.line.send(&self.surface.answer(&question));
                }
                sleep(GLANCE).await;
            }
        };
        tokio::select! {
            done = other => done,
            () = play => unreachable!("it plays for ever"),
        }
    }

    /// Somebody asks for a document on a full line and goes away when part of a question is on it.
    async fn tear(&mut self, hub: &Hub) {
        for _ in 0..TRIES_MAX {
            let mut lease = claim(hub).await;
            let whole = self.fill(usize::MAX).await;
            self.drain(whole).await;
            let filled = self.fill(whole - ROOM_BYTES).await;
            let before = bytes_out(hub);
            lease.arm(&WANTED, soon()).await.unwrap();
            let begun = async {
                while bytes_out(hub) == before {
                    sleep(GLANCE).await;
                }
            };
            let has_begun = timeout(PART, begun).await.is_ok();
            let part = usize::try_from(bytes_out(hub) - before).unwrap();
            drop(lease);
            // Its asker is gone, and known to be: another has the reader.
            drop(claim(hub).await);
            self.drain(filled).await;
            if has_begun && part < QUESTION_BYTES {
                return;
            }
        }
        panic!("no question broke off in {TRIES_MAX} tries");
    }

    /// Fills the line with so much, or until it takes no more; how much that was.
    async fn fill(&self, most: usize) -> usize {
        let (mut count, mut full_since) = (0, None);
        while count < most {
            match rustix::io::write(&self.filler, &[FILLING]) {
                Ok(written) => (count, full_since) = (count + written, None),
                Err(_) => {
                    let since = *full_since.get_or_insert_with(Instant::now);
                    if since.elapsed() > FULL {
                        break;
                    }
                    sleep(GLANCE).await;
                }
            }
        }
        count
    }

    /// Takes what it was filled with off the line; what is behind that stays heard.
    async fn drain(&mut self, filled: usize) {
        let (mut left, latest) = (filled, Instant::now() + PATIENCE);
        let mut chunk = [0; 256];
        while left > 0 {
            let count = self.line.hear(&mut chunk);
            let filling = chunk[..count].iter().filter(|byte| **byte == FILLING);
            left -= filling.count();
            let others = chunk[..count].iter().filter(|byte| **byte != FILLING);
            self.heard.extend(others);
            assert!(Instant::now() < latest, "in vain");
            tokio::task::yield_now().await;
        }
    }
}

fn bytes_out(hub: &Hub) -> u64 {
    hub.list()[0].counters.bytes_out
}

async fn claim(hub: &Hub) -> CardLease {
    let asker = Asker {
        stream: "torn".into(),
        what: "test".into(),
        by: String::new(),
    };
    let place = watch::Sender::new(0);
    let claimed = hub.claim_card(Some(ROLE_CARD), &WANTED, asker, soon(), place);
    claimed.await.unwrap()
}

fn soon() -> Instant {
    Instant::now() + PATIENCE
}
