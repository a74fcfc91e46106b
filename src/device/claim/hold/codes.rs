//! Every code of a claimed scanner, one after the other. Arming takes time and may fail; it goes on beside whatever
//! else the claim hears.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::book::Code;
use crate::device::claim::lease::Lease;
use crate::device::error::DeviceError;
use crate::device::scanner::Scan;

/// How long arming may take once the scanner is there.
const ARM_MS_MAX: u64 = 2_500;
/// A scanner that is there and could not be armed is armed again after this.
const RETRY: Duration = Duration::from_millis(250);

type Read = Result<Scan, DeviceError>;
type Arming = Pin<Box<dyn Future<Output = Result<mpsc::Receiver<Read>, DeviceError>> + Send>>;

/// The codes of one claim.
pub(super) struct Codes {
    are_wanted: bool,
    arming: Option<Arming>,
    each: Option<mpsc::Receiver<Read>>,
    again_at: Instant,
}

impl Codes {
    pub(super) fn new(are_wanted: bool) -> Self {
        Self {
            are_wanted,
            arming: None,
            each: None,
            again_at: Instant::now(),
        }
    }

    /// Begins to arm a scanner that is there, when that is due. What an ended channel still holds comes first.
    pub(super) fn arm(&mut self, lease: &mut Lease, is_here: bool) {
        let is_due = self.is_idle(is_here) && self.again_at <= Instant::now();
        // Of what is no scanner no codes are wanted.
        if let Lease::Scanner(scanner) = lease
            && is_due
        {
            let latest = Instant::now() + Duration::from_millis(ARM_MS_MAX);
            self.arming = Some(Box::pin(scanner.listen(latest)));
        }
    }

    /// Whether the scanner is being armed.
    pub(super) fn are_being_armed(&self) -> bool {
        self.arming.is_some()
    }

    /// Whether a code that is shown is heard.
    pub(super) fn are_heard(&self) -> bool {
        self.each.as_ref().is_some_and(|each| !each.is_closed())
    }

    /// There is news of the scanner: what failed is tried at once.
    pub(super) fn try_again(&mut self) {
        self.again_at = Instant::now();
    }

    /// The next code, if one may be taken; `None`: it is armed, or to be armed. Dropping the future loses nothing.
    pub(super) async fn next(&mut self, is_here: bool, may_take: bool) -> Option<Read> {
        if let Some(arming) = &mut self.arming {
            let armed = arming.await;
            self.arming = None;
            self.again_at = Instant::now() + RETRY;
            self.each = armed.ok();
            return None;
        }
        if self.is_idle(is_here) {
            sleep_until(self.again_at).await;
            return None;
        }
        match &mut self.each {
            Some(each) if may_take => match each.recv().await {
                Some(Err(error)) if error.code == Code::ScannerUnplugged => {
                    self.over();
                    None
                }
                None => {
                    self.over();
                    None
                }
                read => read,
            },
            Some(_) | None => std::future::pending().await,
        }
    }

    fn over(&mut self) {
        self.each = None;
        self.again_at = Instant::now();
    }

    fn is_idle(&self, is_here: bool) -> bool {
        self.are_wanted && is_here && self.arming.is_none() && self.each.is_none()
    }
}
