//! Listening to what a device and its driver say to each other, and telling it without the persons in it.
//!
//! A driver says everything that comes and goes on an open line to its device's [`Tap`]. While nobody records that is
//! one look at a flag. While somebody does, the bytes are passed to a task that takes the persons out of them
//! ([`redact`], with a [`redact::Shape`] of each family) and only then gives them away: nothing that leaves the daemon
//! was not redacted before. A listener that is too slow loses the recording and is told; the device never waits.
//!
//! What is replaced keeps its length and its shape, so that a replay leads the driver the same way: digits by `0`,
//! letters by `A` and `a`, characters by 某, numbers with a check by one number that is nobody's, photos by zeros; check
//! sums are right again. Where the shape is not known everything is blank.
//!
//! ```text
//! driver ── Tapped ─► Tap ─► recorder (redact) ─► who listens
//! ```
//!
//! It must not know who listens, nor keep anything.

pub(crate) mod recorder;
pub(crate) mod redact;
pub(crate) mod text;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::card::{CardTalk, Frames};
use super::printer::escpos::Receipt;
use super::printer::ipp::QueueTalk;
use super::scanner::{Codes, hid, keyboard};
use crate::book::Code;
use crate::config::devices::Kind;
use redact::Shape;

pub use recorder::{Recorded, RecordedWhat, Recording, RecordingEnd};

/// What may wait to be redacted.
const SAID_MAX: usize = 1_024;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The device said it.
    FromDevice,
    /// The driver said it.
    ToDevice,
}

/// Bytes as they were on the line.
pub(crate) type Raw = Zeroizing<Vec<u8>>;

/// Where the persons are in what a device of this kind says.
pub(crate) fn shape_of(kind: &Kind) -> Shape {
    match kind {
        Kind::SerialScanner { .. } => Shape::Stream(Box::new(Codes)),
        Kind::HidScanner { .. } => Shape::Messages(Box::<hid::Reports>::default()),
        Kind::KeyboardScanner { .. } => Shape::Stream(Box::<keyboard::Keys>::default()),
        Kind::EscPosTcp { .. } | Kind::EscPosSerial { .. } | Kind::EscPosUsb { .. } => {
            Shape::Stream(Box::<Receipt>::default())
        }
        Kind::Queue(_) => Shape::Messages(Box::<QueueTalk>::default()),
        Kind::IdCardSerial { .. } | Kind::IdCardUsb { .. } => Shape::Stream(Box::new(Frames)),
        Kind::PcscReader { .. } => Shape::Messages(Box::<CardTalk>::default()),
    }
}

/// One thing on a line.
pub(crate) enum Said {
    /// It was opened.
    Opened,
    /// It was closed, or went away.
    Closed,
    /// The driver met this trouble.
    Failed(Code),
    /// What must be known of the line to make sense of what follows: a descriptor, what was told last.
    About(Raw),
    /// Bytes.
    Bytes(Way, Raw),
}

/// What is said, and when.
type Heard = mpsc::Receiver<(Instant, Said)>;

/// Where one device's lines can be listened to.
#[derive(Default)]
pub(crate) struct Tap {
    is_on: AtomicBool,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    is_open: bool,
    about: Raw,
    listener: Option<mpsc::Sender<(Instant, Said)>>,
}

impl Tap {
    /// The driver met a trouble.
    pub(crate) fn failed(&self, code: Code) {
        if self.is_on() {
            self.lock().say(Said::Failed(code), &self.is_on);
        }
    }

    /// Listens: what is so already, and what is said from here on. `None`: somebody else listens.
    fn listen(&self) -> Option<(Vec<Said>, Heard)> {
        let mut inside = self.lock();
        let listener = inside.listener.as_ref();
        if listener.is_some_and(|listener| !listener.is_closed()) {
            return None;
        }
        let (sender, heard) = mpsc::channel(SAID_MAX);
        inside.listener = Some(sender);
        self.is_on.store(true, Ordering::Release);
        let mut already = Vec::new();
        if inside.is_open {
            already.push(Said::Opened);
            if !inside.about.is_empty() {
                already.push(Said::About(inside.about.clone()));
            }
        }
        Some((already, heard))
    }

    fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Acquire)
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    /// A listener that is behind loses its recording: it finds the channel closed.
    fn say(&mut self, said: Said, is_on: &AtomicBool) {
        let Some(listener) = &self.listener else {
            return;
        };
        if listener.try_send((Instant::now(), said)).is_err() {
            self.listener = None;
            is_on.store(false, Ordering::Release);
        }
    }
}

/// One open line of a device. Dropping it says that the line was closed.
pub(crate) struct Tapped {
    tap: Arc<Tap>,
}

impl Tapped {
    /// A line was opened; `about` is what must be known of it.
    pub(crate) fn open(tap: &Arc<Tap>, about: &[u8]) -> Self {
        let mut inside = tap.lock();
        inside.is_open = true;
        inside.say(Said::Opened, &tap.is_on);
        drop(inside);
        let tapped = Self {
            tap: Arc::clone(tap),
        };
        if !about.is_empty() {
            tapped.about(about);
            tapped.say(|| Said::About(Zeroizing::new(about.to_vec())));
        }
        tapped
    }

    /// What must be known from here on, for who begins to listen later.
    pub(crate) fn about(&self, about: &[u8]) {
        self.tap.lock().about = Zeroizing::new(about.to_vec());
    }

    /// Whether anybody listens.
    pub(crate) fn is_on(&self) -> bool {
        self.tap.is_on()
    }

    /// These bytes came.
    pub(crate) fn came(&self, bytes: &[u8]) {
        self.bytes(Way::FromDevice, bytes);
    }

    /// These bytes left.
    pub(crate) fn left(&self, bytes: &[u8]) {
        self.bytes(Way::ToDevice, bytes);
    }

    fn bytes(&self, way: Way, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.say(|| Said::Bytes(way, Zeroizing::new(bytes.to_vec())));
        }
    }

    fn say(&self, said: impl FnOnce() -> Said) {
        if self.is_on() {
            self.tap.lock().say(said(), &self.tap.is_on);
        }
    }
}

impl Drop for Tapped {
    fn drop(&mut self) {
        let mut inside = self.tap.lock();
        inside.is_open = false;
        inside.about = Raw::default();
        inside.say(Said::Closed, &self.tap.is_on);
    }
}

#[cfg(test)]
mod tap_tests {
    use super::*;

    #[test]
    fn a_listener_hears_what_is_so_and_what_comes() {
        let tap = Arc::new(Tap::default());
        let line = Tapped::open(&tap, b"layout");
        line.came(b"unheard");
        let (already, mut heard) = tap.listen().unwrap();
        assert!(matches!(&already[..], [Said::Opened, Said::About(about)] if **about == b"layout"));
        assert!(tap.listen().is_none(), "one at a time");
        line.came(b"in");
        line.left(b"out");
        drop(line);
        let mut next = || heard.try_recv().unwrap().1;
        assert!(matches!(next(), Said::Bytes(Way::FromDevice, bytes) if *bytes == b"in"));
        assert!(matches!(next(), Said::Bytes(Way::ToDevice, bytes) if *bytes == b"out"));
        assert!(matches!(next(), Said::Closed));
        drop(heard);
        let (already, _heard) = tap.listen().expect("the first one went away");
        assert!(already.is_empty(), "the line is closed");
    }

    #[test]
    fn who_is_too_slow_loses_the_recording_and_the_line_goes_on() {
        let tap = Arc::new(Tap::default());
        let line = Tapped::open(&tap, &[]);
        let (_, mut heard) = tap.listen().unwrap();
        for _ in 0..=SAID_MAX {
            line.came(b"x");
        }
        assert!(!line.is_on());
        let mut count = 0;
        while heard.try_recv().is_ok() {
            count += 1;
        }
        assert_eq!(count, SAID_MAX);
        assert!(heard.is_closed());
        assert!(tap.listen().is_some());
    }
}
