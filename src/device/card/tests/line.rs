//! A 居民身份证 reader on a terminal line that survives the cable, and the document that lies on it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::config::devices::{At, DeviceConfig, Kind};
use crate::device::card::Medium;
use crate::device::card::sam::tests::{document_of, framed};
use crate::device::card::sam::{Answer, HEAD};
use crate::device::conformance::Driver;
use crate::device::conformance::card::{self, Fault, Garbage, Who};
use crate::device::far_end::Pty;
use crate::device::{Hub, ROLE_CARD};

/// How often the line is listened to.
const GLANCE: Duration = Duration::from_millis(2);
/// Length of every question.
pub(super) const QUESTION_BYTES: usize = 10;
/// The questions about a document, in their order.
const FIND: u32 = 1;
const SELECT: u32 = 2;
const READ: u32 = 3;

#[derive(Default)]
pub(super) struct Surface {
    document: Option<(Who, Fault)>,
    /// A document that was read is not found again until it was lifted.
    was_read: bool,
    unanswered: u32,
}

pub(super) struct Line {
    hub: Hub,
    surface: Arc<Mutex<Surface>>,
    link_path: PathBuf,
    off: Arc<AtomicBool>,
    _dir: tempfile::TempDir,
}

impl card::Far for Line {
    const DRIVER: Driver = Driver {
        id: "conformance-id-card-serial",
        en: "what every card reader must do: 居民身份证, serial",
        zh: "读卡器一致性：居民身份证，串口",
    };
    const MEDIUM: Medium = Medium::ResidentId;
    const OTHER_MEDIUM: Medium = Medium::SocialCard;
    const IS_WATCHED: bool = false;
    const COMMANDS: u32 = READ;
    const SEEN_AT: u32 = SELECT;
    const GARBAGE: &'static [(u32, Garbage)] = &[
        (FIND, Garbage::Bytes(&[0xa5; 40])),
        (READ, Garbage::WrongCheck),
        (FIND, Garbage::Half),
        (FIND, Garbage::WrongCheck),
        (SELECT, Garbage::WrongCheck),
    ];
    const MUTE: &'static [u32] = &[FIND, SELECT, READ];

    async fn plugged() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let link_path = dir.path().join("id-card");
        let surface: Arc<Mutex<Surface>> = Arc::default();
        let off = play(&link_path, &surface);
        let config = DeviceConfig {
            name: card::NAME.into(),
            role: ROLE_CARD.into(),
            kind: Kind::IdCardSerial {
                at: At::Path(link_path.clone()),
                baud: 115_200,
            },
            model: None,
        };
        Self {
            hub: Hub::start(vec![config]),
            surface,
            link_path,
            off,
            _dir: dir,
        }
    }

    fn hub(&self) -> &Hub {
        &self.hub
    }

    fn insert(&self, who: Who, fault: Fault) {
        self.surface.lock().unwrap().lay_down(who, fault);
    }

    fn pull(&self) {
        self.surface.lock().unwrap().document = None;
    }

    fn unanswered(&self) -> u32 {
        self.surface.lock().unwrap().unanswered
    }

    fn unplug(&mut self) {
        std::fs::remove_file(&self.link_path).unwrap();
        self.off.store(true, Ordering::Release);
    }

    fn plug(&mut self) {
        self.off = play(&self.link_path, &self.surface);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.off.store(true, Ordering::Release);
    }
}

/// Plugs a reader in; it goes when what is given back says so.
fn play(link_path: &PathBuf, surface: &Arc<Mutex<Surface>>) -> Arc<AtomicBool> {
    let mut line = Pty::open();
    std::os::unix::fs::symlink(line.path(), link_path).unwrap();
    let off = Arc::new(AtomicBool::new(false));
    let (surface, stop) = (Arc::clone(surface), Arc::clone(&off));
    std::thread::spawn(move || {
        let mut heard = Vec::new();
        let mut chunk = [0; 64];
        while !stop.load(Ordering::Acquire) {
            let count = line.hear(&mut chunk);
            heard.extend_from_slice(&chunk[..count]);
            while let Some(at) = heard.windows(HEAD.len()).position(|it| it == HEAD) {
                if heard.len() < at + QUESTION_BYTES {
                    break;
                }
                let question: Vec<u8> = heard.drain(..at + QUESTION_BYTES).skip(at).collect();
                let answer = surface.lock().unwrap().answer(&question);
                line.send(&answer);
            }
            if count == 0 {
                std::thread::sleep(GLANCE);
            }
        }
    });
    off
}

impl Surface {
    pub(super) fn lay_down(&mut self, who: Who, fault: Fault) {
        *self = Self {
            document: Some((who, fault)),
            ..Self::default()
        };
    }

    pub(super) fn answer(&mut self, question: &[u8]) -> Vec<u8> {
        let check = question[HEAD.len()..]
            .iter()
            .fold(0, |sum, byte| sum ^ byte);
        assert_eq!(check, 0, "the check of a question");
        let at = match question[7..9] {
            [0x11, 0xff] => return framed(&[0, 0, Answer::DONE]),
            [0x20, 0x01] => FIND,
            [0x20, 0x02] => SELECT,
            [0x30, 0x01] => READ,
            _ => panic!("no question of a reader"),
        };
        match self.document {
            Some((_, Fault::PulledAt(pulled))) if pulled == at => self.document = None,
            Some((_, Fault::SwappedAt(swapped, other))) if swapped == at => {
                self.document = Some((other, Fault::Nothing));
            }
            Some(_) | None => {}
        }
        let absent = [
            0,
            Answer::NONE_FOUND,
            Answer::NOT_SELECTED,
            Answer::NOT_READ,
        ];
        let absent = [0, 0, absent[usize::try_from(at).unwrap()]];
        let Some((who, fault)) = self.document.filter(|_| !self.was_read) else {
            return framed(&absent);
        };
        let whole = self.whole(at, who);
        match fault {
            Fault::MuteFrom(from) if from <= at => {
                self.unanswered += 1;
                Vec::new()
            }
            Fault::GarbageFrom(from, garbage) if from <= at => spoilt(whole, garbage),
            Fault::Nothing
            | Fault::PulledAt(_)
            | Fault::SwappedAt(..)
            | Fault::MuteFrom(_)
            | Fault::GarbageFrom(..) => {
                self.was_read = at == READ;
                whole
            }
        }
    }

    fn whole(&self, at: u32, who: Who) -> Vec<u8> {
        match at {
            FIND => framed(&[0, 0, Answer::FOUND, 0, 0, 0, 0]),
            SELECT => framed(&[0, 0, Answer::DONE, 0, 0, 0, 0, 0, 0, 0, 0]),
            _ => {
                let document = document_of(who.name(), who.certno());
                framed(&[&[0, 0, Answer::DONE], document.as_slice()].concat())
            }
        }
    }
}

fn spoilt(mut whole: Vec<u8>, garbage: Garbage) -> Vec<u8> {
    match garbage {
        Garbage::Bytes(bytes) => return bytes.to_vec(),
        Garbage::WrongCheck => *whole.last_mut().unwrap() ^= 0x5a,
        Garbage::Half => whole.truncate(whole.len() / 2),
    }
    whole
}
