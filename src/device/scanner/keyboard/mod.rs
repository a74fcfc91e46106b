//! A scanner that is a keyboard. It is taken for ourselves alone before its first key is read, so that no code lands
//! in whatever window has the focus.
//!
//! The kernel forgets the grab with the cable; opening grabs anew. What is typed between plugging in and grabbing goes
//! elsewhere; a udev rule that keeps the desktop from opening the device closes that gap (`udev/`).

mod keys;
mod redact;

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::Arc;

use evdev::raw_stream::RawDevice;
use evdev::{EventType, InputEvent, KeyCode, SynchronizationCode};
use tokio::io::unix::AsyncFd;
use zeroize::Zeroizing;

use super::source::{End, Got, Missing, Spot, node_of, not_opened};
use crate::book::Code;
use crate::config::devices::At;
use crate::device::error::DeviceError;
use crate::device::find::{self, Class};
use crate::device::readable::watched;
use crate::device::record::{Tap, Tapped};
use keys::{Said, Typist};
pub(crate) use redact::Keys;

/// An open keyboard that types for nobody else.
pub(super) struct KeyLine {
    device: AsyncFd<RawDevice>,
    typist: Typist,
    tapped: Tapped,
}

/// A keyboard that was found, opened and grabbed, before the runtime watches it.
pub(super) struct Opened {
    device: RawDevice,
}

impl Opened {
    /// Finds, opens and grabs it. Waits in the kernel: not for the threads that carry tasks.
    pub(super) fn open(at: &At) -> Result<Self, DeviceError> {
        let path = find::find(at, Class::Input, Code::ScannerMissing)?;
        node_of(&path, "event")?;
        let fails = |error: &io::Error| not_opened(&path, error);
        let nonblocking = rustix::fs::OFlags::NONBLOCK.bits();
        let file = File::options()
            .read(true)
            .custom_flags(i32::try_from(nonblocking).unwrap_or_default())
            .open(&path)
            .map_err(|error| fails(&error))?;
        let mut device = RawDevice::from_fd(file.into()).map_err(|error| fails(&error))?;
        let types = device
            .supported_keys()
            .is_some_and(|keys| keys.contains(KeyCode::KEY_1) && keys.contains(KeyCode::KEY_ENTER));
        if !types {
            let detail = format!("{}: types no digits", path.display());
            return Err(DeviceError::new(Code::ScannerMissing, detail));
        }
        device.grab().map_err(|error| fails(&error))?;
        Ok(Self { device })
    }

    /// Must be called in a runtime.
    pub(super) fn watched(self, tap: &Arc<Tap>) -> io::Result<KeyLine> {
        let held = self.device.get_key_state()?;
        Ok(KeyLine {
            typist: Typist::holding(held.iter()),
            device: watched(self.device)?,
            tapped: Tapped::open(tap, &[]),
        })
    }
}

impl KeyLine {
    /// Waits for keys. Dropping the future loses nothing.
    pub(super) async fn read(&mut self, into: &mut Vec<u8>) -> io::Result<Got> {
        loop {
            let (typist, tapped) = (&mut self.typist, &self.tapped);
            let mut ready = self.device.readable_mut().await?;
            match ready.try_io(|device| heard(device.get_mut(), typist, tapped, into)) {
                Ok(Ok(got)) => return Ok(got),
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(Err(error)) => return Err(error),
                Err(_would_block) => {}
            }
        }
    }

    /// What was typed already; `None`: nothing.
    pub(super) fn read_now(&mut self, into: &mut Vec<u8>) -> io::Result<Option<Got>> {
        let typist = &mut self.typist;
        match heard(self.device.get_mut(), typist, &self.tapped, into) {
            Ok(got) => Ok(Some(got)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn heard(
    device: &mut RawDevice,
    typist: &mut Typist,
    tapped: &Tapped,
    into: &mut Vec<u8>,
) -> io::Result<Got> {
    let (got, was_dropped) = typed(device.fetch_events()?, typist, tapped, into);
    if was_dropped {
        *typist = Typist::holding(device.get_key_state()?.iter());
    }
    Ok(got)
}

/// What these keys are; and whether the kernel had no room for all.
fn typed(
    events: impl Iterator<Item = InputEvent>,
    typist: &mut Typist,
    tapped: &Tapped,
    into: &mut Vec<u8>,
) -> (Got, bool) {
    let mut spots: Vec<Spot> = Vec::new();
    let mut spoil = |at: usize, what: Missing| {
        let spot = Spot { at, what };
        // Several in a row spoil one code.
        if spots.last() != Some(&spot) {
            spots.push(spot);
        }
    };
    let mut was_dropped = false;
    let mut keys = Zeroizing::new(Vec::new());
    for event in events {
        if tapped.is_on() {
            keys.extend(recorded(event));
        }
        match said(typist, event) {
            Some(Said::Nothing) => {}
            Some(Said::Byte(byte)) => into.push(byte),
            Some(Said::Pair(pair)) => into.extend(pair),
            Some(Said::Unreadable) => spoil(into.len(), Missing::Unreadable),
            None => {
                spoil(into.len(), Missing::Dropped);
                was_dropped = true;
            }
        }
    }
    tapped.came(&keys);
    let got = if spots.is_empty() {
        Got::Bytes(End::Framing)
    } else {
        Got::Spoilt(spots)
    };
    (got, was_dropped)
}

/// What a recording has of it.
fn recorded(event: InputEvent) -> Vec<u8> {
    match (event.event_type(), event.code()) {
        (EventType::KEY, code) => redact::key_bytes(code, event.value()).to_vec(),
        (EventType::SYNCHRONIZATION, code) if code == SynchronizationCode::SYN_DROPPED.0 => {
            redact::DROPPED.to_vec()
        }
        _ => Vec::new(),
    }
}

/// `None`: the kernel had no room for all that was typed.
fn said(typist: &mut Typist, event: InputEvent) -> Option<Said> {
    let (kind, code) = (event.event_type(), event.code());
    match event.value() {
        1 if kind == EventType::KEY => Some(typist.take(KeyCode(code), true)),
        0 if kind == EventType::KEY => Some(typist.take(KeyCode(code), false)),
        _ if kind == EventType::SYNCHRONIZATION && code == SynchronizationCode::SYN_DROPPED.0 => {
            None
        }
        _ => Some(Said::Nothing),
    }
}

/// Keys of a recording, for the driver's own tests.
#[cfg(test)]
pub(super) struct Played {
    keys: tokio::sync::mpsc::Receiver<Vec<u8>>,
    typist: Typist,
    tapped: Tapped,
}

#[cfg(test)]
impl Played {
    pub(super) fn new(keys: tokio::sync::mpsc::Receiver<Vec<u8>>, tap: &Arc<Tap>) -> Self {
        Self {
            keys,
            typist: Typist::default(),
            tapped: Tapped::open(tap, &[]),
        }
    }

    pub(super) async fn read(&mut self, into: &mut Vec<u8>) -> io::Result<Got> {
        match self.keys.recv().await {
            Some(keys) => Ok(self.take(&keys, into)),
            None => Ok(Got::Gone),
        }
    }

    pub(super) fn read_now(&mut self, into: &mut Vec<u8>) -> io::Result<Option<Got>> {
        let keys = self.keys.try_recv().ok();
        Ok(keys.map(|keys| self.take(&keys, into)))
    }

    /// The keys that type these letters and digits, and CR.
    pub(super) fn keys_of(text: &[u8]) -> Vec<u8> {
        let mut keys = Vec::new();
        for byte in text {
            let key = match byte {
                b'\r' => KeyCode::KEY_ENTER,
                byte => keys::key_of(*byte).expect("a letter or a digit"),
            };
            let shift = byte.is_ascii_uppercase().then_some(KeyCode::KEY_LEFTSHIFT);
            let downs = shift.into_iter().chain([key]).map(|key| (key, 1));
            let ups = [key].into_iter().chain(shift).map(|key| (key, 0));
            keys.extend(
                downs
                    .chain(ups)
                    .flat_map(|(key, value)| redact::key_bytes(key.0, value)),
            );
        }
        keys
    }

    /// What stands for keys that the kernel had no room for.
    pub(super) fn dropped() -> Vec<u8> {
        redact::DROPPED.to_vec()
    }

    /// A key that types what depends on its layout.
    pub(super) fn unreadable() -> Vec<u8> {
        let downs_and_ups = [1, 0].map(|value| redact::key_bytes(KeyCode::KEY_102ND.0, value));
        downs_and_ups.concat()
    }

    /// A key that types nothing, and shift alone.
    pub(super) fn idle_keys() -> Vec<u8> {
        let pressed = [KeyCode::KEY_F8, KeyCode::KEY_LEFTSHIFT];
        let pressed = pressed.iter().flat_map(|key| [(key, 1), (key, 0)]);
        let keys = pressed.flat_map(|(key, value)| redact::key_bytes(key.0, value));
        keys.collect()
    }

    fn take(&mut self, keys: &[u8], into: &mut Vec<u8>) -> Got {
        let events = keys.chunks_exact(redact::KEY_BYTES).map(|key| {
            if key == redact::DROPPED {
                let (kind, code) = (EventType::SYNCHRONIZATION, SynchronizationCode::SYN_DROPPED);
                return InputEvent::new(kind.0, code.0, 0);
            }
            let code = u16::from_be_bytes([key[0], key[1]]);
            InputEvent::new(EventType::KEY.0, code, i32::from(key[2]))
        });
        typed(events, &mut self.typist, &self.tapped, into).0
    }
}
