//! One recording: hears a device, redacts, tells who listens, ends in time.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::redact::{Redactor, Shape, Told};
use super::{Said, Tap, Way};
use crate::book::Code;
use crate::device::error::DeviceError;

/// Records that may wait for who listens.
const RECORDS_MAX: usize = 512;
/// Silence after which half a unit will not become whole.
const QUIET_MS: u64 = 500;

/// A running recording. Dropping it ends it.
pub struct Recording {
    /// What it is of.
    pub device: String,
    /// Its family.
    pub kind: &'static str,
    /// The row of the table of models that it uses.
    pub model: String,
    /// What is heard, redacted.
    pub records: mpsc::Receiver<Recorded>,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// Something on the line.
    Line {
        /// Since the recording began.
        after: Duration,
        /// What.
        what: RecordedWhat,
    },
    /// The recording is over. Nothing comes after it.
    Ended(RecordingEnd),
}

/// What happened on the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordedWhat {
    /// It was opened, or is open already.
    Opened,
    /// It was closed, or went away.
    Closed,
    /// The driver met this trouble.
    Failed(Code),
    /// What must be known of the line.
    About(Vec<u8>),
    /// Bytes, redacted.
    Bytes(Way, Vec<u8>),
}

/// Why a recording ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingEnd {
    /// Its time was over.
    TimeOver,
    /// Who listens was too slow: what came after is not in it.
    TooSlow,
    /// The daemon stops.
    Stopping,
}

/// Begins a recording that ends by itself after `length`, or when `stop` resolves. `None`: somebody records already.
pub(crate) fn start(
    tap: &Tap,
    shape: Shape,
    length: Duration,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Option<mpsc::Receiver<Recorded>> {
    let (already, heard) = tap.listen()?;
    // The last place is for how it ended.
    let (records, listener) = mpsc::channel(RECORDS_MAX + 1);
    let ending = records.clone().try_reserve_owned().ok()?;
    let mut recorder = Recorder {
        began: Instant::now(),
        redactor: Redactor::new(shape),
        records,
    };
    tokio::spawn(async move {
        if let Some(end) = recorder.run(already, heard, length, stop).await {
            ending.send(Recorded::Ended(end));
        }
    });
    Some(listener)
}

pub(crate) fn busy(device: &str) -> DeviceError {
    DeviceError::new(
        Code::TooManyCalls,
        format!("{device} is being recorded already"),
    )
}

struct Recorder {
    began: Instant,
    redactor: Redactor,
    records: mpsc::Sender<Recorded>,
}

impl Recorder {
    /// Why it ended; `None`: nobody listens any more.
    async fn run(
        &mut self,
        already: Vec<Said>,
        mut heard: mpsc::Receiver<(Instant, Said)>,
        length: Duration,
        stop: impl Future<Output = ()> + Send,
    ) -> Option<RecordingEnd> {
        let until = self.began + length;
        for said in already {
            let told = self.redactor.take(self.began, said);
            self.tell(told)?;
        }
        tokio::pin!(stop);
        let end = loop {
            let quiet = Duration::from_millis(QUIET_MS);
            let told = tokio::select! {
                biased;
                () = &mut stop => break RecordingEnd::Stopping,
                () = sleep_until(until) => break RecordingEnd::TimeOver,
                () = self.records.closed() => return None,
                next = timeout(quiet, heard.recv()) => match next {
                    Ok(Some((at, said))) => self.redactor.take(at, said),
                    Ok(None) => return Some(RecordingEnd::TooSlow),
                    Err(_) => self.redactor.rest(),
                },
            };
            if self.tell(told).is_none() {
                return Some(RecordingEnd::TooSlow);
            }
        };
        let rest = self.redactor.rest();
        if self.tell(rest).is_none() {
            return Some(RecordingEnd::TooSlow);
        }
        Some(end)
    }

    /// `None`: there is no room for it.
    fn tell(&mut self, told: Vec<(Instant, Told)>) -> Option<()> {
        for (at, told) in told {
            let what = match told {
                Told::Opened => RecordedWhat::Opened,
                Told::Closed => RecordedWhat::Closed,
                Told::Failed(code) => RecordedWhat::Failed(code),
                Told::About(about) => RecordedWhat::About(about),
                Told::Bytes(way, bytes) => RecordedWhat::Bytes(way, bytes),
            };
            let after = at.saturating_duration_since(self.began);
            self.records.try_send(Recorded::Line { after, what }).ok()?;
        }
        Some(())
    }
}
