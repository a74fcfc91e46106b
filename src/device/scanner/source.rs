//! Where the bytes of codes come from: a serial line, HID reports or keys. Above this all scanners are one.

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::hid::{self, HidLine};
use super::keyboard::{self, KeyLine};
use crate::book::Code;
use crate::config::devices::{At, Flow};
use crate::device::error::DeviceError;
use crate::device::find::Class;
use crate::device::link::Link;
use crate::device::opening::aside;
use crate::device::record::Tap;

/// Longest wait for a device file to open.
const OPEN_WAIT_MAX: Duration = Duration::from_millis(2_000);
/// Read at once from a serial line, in bytes.
const CHUNK_BYTES: usize = 256;

/// What a scanner is plugged into us as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// A serial line or USB-CDC.
    Serial { baud: u32 },
    /// Reports by HID POS.
    Hid,
    /// A keyboard.
    Keyboard,
}

/// How what was read ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By terminator or gap, as configured.
    Framing,
    /// The code ends here.
    Here,
    /// The scanner says that more of this code comes.
    More,
}

/// What one read came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Got {
    /// Bytes, or none, of a code.
    Bytes(End),
    /// Bytes of which some are not known: at each spot, in their order, the code that is open is spoilt.
    Spoilt(Vec<Spot>),
    /// The scanner is gone.
    Gone,
}

/// Where something is missing from what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    /// How many bytes of the read came before it.
    pub(super) at: usize,
    pub(super) what: Missing,
}

/// What is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// The kernel had no room for all that came, or may have had none.
    Dropped,
    /// The same goes on.
    MoreDropped,
    /// A key that stands for we cannot know what.
    Unreadable,
}

/// An open scanner.
pub(super) enum Source {
    Serial(Box<Link>, Zeroizing<[u8; CHUNK_BYTES]>),
    Hid(HidLine),
    Keyboard(KeyLine),
    #[cfg(test)]
    Played(keyboard::Played),
}

impl Wire {
    /// Which list such scanners stand in.
    pub(super) fn class(self) -> Class {
        match self {
            Self::Serial { .. } => Class::Tty,
            Self::Hid => Class::Hidraw,
            Self::Keyboard => Class::Input,
        }
    }
}

impl Source {
    pub(super) async fn open(at: &At, wire: Wire, tap: &Arc<Tap>) -> Result<Self, DeviceError> {
        let watched = |error: io::Error| {
            DeviceError::new(Code::ScannerMissing, format!("{at}: not watched: {error}"))
        };
        match wire {
            Wire::Serial { baud } => {
                let link = Link::serial(at, baud, Flow::None, Code::ScannerMissing).await?;
                Ok(Self::Serial(
                    Box::new(link.tapped(tap)),
                    Zeroizing::new([0; CHUNK_BYTES]),
                ))
            }
            Wire::Hid => {
                let opened =
                    aside(at, OPEN_WAIT_MAX, Code::ScannerMissing, hid::Opened::open).await?;
                opened.watched(tap).map(Self::Hid).map_err(watched)
            }
            Wire::Keyboard => {
                let opened = aside(
                    at,
                    OPEN_WAIT_MAX,
                    Code::ScannerMissing,
                    keyboard::Opened::open,
                )
                .await?;
                opened.watched(tap).map(Self::Keyboard).map_err(watched)
            }
        }
    }

    /// Waits for bytes and adds them. Dropping the future loses nothing.
    pub(super) async fn read(&mut self, into: &mut Vec<u8>) -> io::Result<Got> {
        match self {
            Self::Serial(link, chunk) => {
                let count = link.read(chunk.as_mut_slice()).await?;
                Ok(of_line(&chunk[..count], into))
            }
            Self::Hid(line) => line.read(into).await,
            Self::Keyboard(line) => line.read(into).await,
            #[cfg(test)]
            Self::Played(keys) => keys.read(into).await,
        }
    }

    /// What is there already; `None`: nothing.
    pub(super) fn read_now(&mut self, into: &mut Vec<u8>) -> io::Result<Option<Got>> {
        match self {
            Self::Serial(link, chunk) => {
                let count = link.read_now(chunk.as_mut_slice())?;
                Ok(count.map(|count| of_line(&chunk[..count], into)))
            }
            Self::Hid(line) => line.read_now(into),
            Self::Keyboard(line) => line.read_now(into),
            #[cfg(test)]
            Self::Played(keys) => keys.read_now(into),
        }
    }

    /// A silence ended the open code.
    pub(super) fn gap(&mut self) {
        match self {
            Self::Hid(line) => line.gap(),
            Self::Serial(..) | Self::Keyboard(_) => {}
            #[cfg(test)]
            Self::Played(_) => {}
        }
    }
}

fn of_line(bytes: &[u8], into: &mut Vec<u8>) -> Got {
    into.extend(bytes);
    if bytes.is_empty() {
        Got::Gone
    } else {
        Got::Bytes(End::Framing)
    }
}

/// The kernel's name of a device file, which must be one of a class.
pub(super) fn node_of(path: &Path, begins: &str) -> Result<String, DeviceError> {
    let wrong = |what: &dyn Display| {
        DeviceError::new(Code::ScannerMissing, format!("{}: {what}", path.display()))
    };
    let real = path.canonicalize().map_err(|error| wrong(&error))?;
    let name = real.file_name().and_then(|name| name.to_str());
    let number = name.and_then(|name| name.strip_prefix(begins));
    match (name, number) {
        (Some(name), Some(number))
            if real.starts_with("/dev") && number.bytes().all(|b| b.is_ascii_digit()) =>
        {
            Ok(name.to_owned())
        }
        _ => Err(wrong(&format_args!("is no /dev/…/{begins} file"))),
    }
}

/// No permission and another owner are not the same as nothing there.
pub(super) fn not_opened(path: &Path, error: &io::Error) -> DeviceError {
    let kind = error.kind();
    let code = if kind == io::ErrorKind::PermissionDenied {
        Code::DevicePermission
    } else if kind == io::ErrorKind::ResourceBusy {
        Code::DeviceHeldElsewhere
    } else {
        Code::ScannerMissing
    };
    DeviceError::new(code, format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_device_files_of_the_class_are_taken() {
        for (path, begins) in [
            ("/dev/null", "hidraw"),
            ("/nowhere/hidraw0", "hidraw"),
            ("/", "event"),
        ] {
            let refused = node_of(Path::new(path), begins).unwrap_err();
            assert_eq!(refused.code, Code::ScannerMissing, "{path}");
        }
        let dir = tempfile::tempdir().unwrap();
        let false_node = dir.path().join("event3");
        std::fs::write(&false_node, "").unwrap();
        assert!(node_of(&false_node, "event").is_err());
    }

    #[test]
    fn why_a_file_does_not_open_is_told_apart() {
        for (kind, code) in [
            (io::ErrorKind::PermissionDenied, Code::DevicePermission),
            (io::ErrorKind::ResourceBusy, Code::DeviceHeldElsewhere),
            (io::ErrorKind::NotFound, Code::ScannerMissing),
        ] {
            assert_eq!(not_opened(Path::new("/dev/x"), &kind.into()).code, code);
        }
    }
}
