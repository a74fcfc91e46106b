//! A scanner that reports codes by HID POS, over the kernel's hidraw: nothing is typed anywhere, and it says which
//! symbology it read.
//!
//! The kernel gives each report to everyone who has the file open, so a lock on it says who the one owner is: after a
//! reload the successor waits until the last user of its predecessor is through.
//!
//! The kernel keeps 63 reports for us. What comes when nobody reads for longer than that is dropped by it, and it does
//! not say so: so many in a row are taken for a loss.

mod descriptor;
mod redact;
mod report;

use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;
use zeroize::Zeroizing;

use super::source::{End, Got, Missing, Spot, node_of, not_opened};
use crate::book::Code;
use crate::config::devices::At;
use crate::device::error::DeviceError;
use crate::device::find::{self, Class};
use crate::device::readable::watched;
use crate::device::record::{Tap, Tapped};
use descriptor::Layout;
#[cfg(test)]
pub(super) use descriptor::tests::FLAGGED;
pub(crate) use redact::Reports;

/// Longest report that is taken whole.
pub(super) const REPORT_BYTES_MAX: usize = 4_096;

/// Reports that waited in a row from which on some between them may be missing: a few less than the kernel keeps.
const WAITED_MAX: usize = 60;

/// An open scanner.
pub(super) struct HidLine {
    file: AsyncFd<File>,
    layouts: Vec<Layout>,
    report: Zeroizing<Vec<u8>>,
    tapped: Tapped,
    /// The code that is coming has begun in an earlier report.
    goes_on: bool,
    /// Reports that were there without a wait between them.
    in_row: usize,
}

/// A scanner that was found and opened, before the runtime watches it.
pub(super) struct Opened {
    file: File,
    descriptor: Vec<u8>,
    layouts: Vec<Layout>,
}

impl Opened {
    /// Finds and opens it. Waits in the kernel: not for the threads that carry tasks.
    pub(super) fn open(at: &At) -> Result<Self, DeviceError> {
        let path = find::find(at, Class::Hidraw, Code::ScannerMissing)?;
        let wrong = |what: &str| {
            let detail = format!("{}: {what}", path.display());
            DeviceError::new(Code::ScannerMissing, detail)
        };
        let name = node_of(&path, "hidraw")?;
        let listed = Path::new("/sys/class/hidraw").join(name);
        let descriptor = std::fs::read(listed.join("device/report_descriptor"))
            .map_err(|error| wrong(&error.to_string()))?;
        let layouts = descriptor::layouts(&descriptor);
        if layouts.is_empty() {
            return Err(wrong("reports no codes (is it set to HID POS?)"));
        }
        let nonblocking = rustix::fs::OFlags::NONBLOCK.bits();
        let file = File::options()
            .read(true)
            .custom_flags(i32::try_from(nonblocking).unwrap_or_default())
            .open(&path)
            .map_err(|error| not_opened(&path, &error))?;
        take_alone(&file).map_err(|error| not_opened(&path, &error))?;
        Ok(Self {
            file,
            descriptor,
            layouts,
        })
    }

    /// One that is open already.
    #[cfg(test)]
    pub(super) fn of(file: File, descriptor: Vec<u8>) -> Self {
        Self {
            file,
            layouts: descriptor::layouts(&descriptor),
            descriptor,
        }
    }

    /// Must be called in a runtime.
    pub(super) fn watched(self, tap: &Arc<Tap>) -> io::Result<HidLine> {
        Ok(HidLine {
            file: watched(self.file)?,
            tapped: Tapped::open(tap, &self.descriptor),
            layouts: self.layouts,
            report: Zeroizing::new(vec![0; REPORT_BYTES_MAX]),
            goes_on: false,
            in_row: 0,
        })
    }
}

/// Locks an open file until it is closed. Another lock, of this process too, is told as a busy device.
fn take_alone(file: &File) -> io::Result<()> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => Err(Errno::BUSY.into()),
        locked => Ok(locked?),
    }
}

impl HidLine {
    /// Waits for a report. Dropping the future loses nothing.
    pub(super) async fn read(&mut self, into: &mut Vec<u8>) -> io::Result<Got> {
        loop {
            let mut ready = self.file.readable().await?;
            let report = &mut self.report;
            match ready.try_io(|file| file.get_ref().read(report)) {
                Ok(Ok(count)) => return Ok(self.take(count, into)),
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(Err(error)) => return Err(error),
                Err(_would_block) => self.in_row = 0,
            }
        }
    }

    /// What is there already; `None`: nothing.
    pub(super) fn read_now(&mut self, into: &mut Vec<u8>) -> io::Result<Option<Got>> {
        match self.file.get_ref().read(&mut self.report) {
            Ok(count) => Ok(Some(self.take(count, into))),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.in_row = 0;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn take(&mut self, count: usize, into: &mut Vec<u8>) -> Got {
        if count == 0 {
            return Got::Gone;
        }
        self.tapped.came(&self.report[..count]);
        let mut end = End::Framing;
        if let Some(part) = report::read(&self.layouts, &self.report[..count]) {
            if part.has_symbology && !self.goes_on && !part.data.is_empty() {
                into.extend(part.symbology);
            }
            into.extend(part.data);
            end = part.end;
            self.goes_on = end != End::Here;
        }
        self.report[..count].fill(0);
        self.in_row += 1;
        let what = match self.in_row.cmp(&WAITED_MAX) {
            Ordering::Less => return Got::Bytes(end),
            Ordering::Equal => Missing::Dropped,
            Ordering::Greater => Missing::MoreDropped,
        };
        // Where the missing ones stood nobody knows: none of these is whole for certain, nor what comes next.
        Got::Spoilt(vec![Spot { at: 0, what }])
    }

    /// The open code ended by a silence.
    pub(super) fn gap(&mut self) {
        self.goes_on = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_owners_the_second_waits_for_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hidraw0");
        std::fs::write(&path, "").unwrap();
        let open = || {
            let file = File::open(&path).unwrap();
            take_alone(&file).map(|()| file)
        };
        let first = open().unwrap();
        let refused = open().unwrap_err();
        assert_eq!(not_opened(&path, &refused).code, Code::DeviceHeldElsewhere);
        drop(first);
        open().unwrap();
    }
}
