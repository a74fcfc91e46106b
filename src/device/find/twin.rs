//! Which of several that fit one rule a device was: a twin that is plugged in beside it never takes its place by
//! itself.
//!
//! ```text
//! certain ── another fits while it is open: told ─► in doubt ── it is the only one again, or none is there ─► certain
//!                                                     └── only the other is there: not opened, told
//! ```

use std::convert::Infallible;
use std::path::Path;
use std::time::Duration;

use tokio::time::sleep;

use super::{Candidate, Class, SYS, conflict, fitting};
use crate::book::Code;
use crate::config::devices::{At, UsbRule};
use crate::device::board::Board;
use crate::device::error::DeviceError;
use crate::device::hint::Hint;

/// A device comes in many words: it is looked for after so long a pause.
const SETTLE: Duration = Duration::from_millis(50);

/// What is known of the device that a rule means.
pub(crate) struct Known {
    rule: Option<UsbRule>,
    class: Class,
    /// The one that was open last.
    one: Option<Candidate>,
    /// Another one fitted while it was open.
    in_doubt: bool,
    /// None of the others had its serial number.
    is_numbered: bool,
}

impl Known {
    pub(crate) fn new(at: &At, class: Class) -> Self {
        let rule = match at {
            At::Usb(rule) => Some(rule.clone()),
            At::Path(_) => None,
        };
        Self {
            rule,
            class,
            one: None,
            in_doubt: false,
            is_numbered: false,
        }
    }

    /// Whether what fits may be opened.
    ///
    /// # Errors
    /// `DEVICE_AMBIGUOUS`: it is another one than was open, and was plugged in beside that.
    pub(crate) async fn may_open(&mut self) -> Result<(), DeviceError> {
        if !self.in_doubt {
            return Ok(());
        }
        match self.look().await {
            Some(fitting) => self.decide(&fitting),
            None => Ok(()),
        }
    }

    /// Looks for others at each hint, as long as the device is open.
    pub(crate) async fn watch(&mut self, mut hint: Hint, board: &Board) -> Infallible {
        loop {
            if let Some(fitting) = self.look().await
                && let Some(error) = self.beside(&fitting)
            {
                board.failed(&error);
            }
            hint.heard().await;
            sleep(SETTLE).await;
        }
    }

    /// What fits by now; `None`: a path means itself.
    async fn look(&self) -> Option<Vec<Candidate>> {
        let (rule, class) = (self.rule.clone()?, self.class);
        let looking = tokio::task::spawn_blocking(move || fitting(Path::new(SYS), &rule, class));
        looking.await.ok()
    }

    /// What is to be told of those that fit while one of them is open.
    pub(super) fn beside(&mut self, fitting: &[Candidate]) -> Option<DeviceError> {
        match fitting {
            [] => None,
            [only] => {
                if !self.in_doubt || self.is_the_one(only) {
                    self.is_certainly(only);
                }
                None
            }
            several => {
                let number = self.one.as_ref().map(|one| one.serial_number.as_str());
                let of_number = several
                    .iter()
                    .filter(|it| Some(it.serial_number.as_str()) == number);
                self.is_numbered = of_number.count() == 1 && number != Some("");
                let is_news = !std::mem::replace(&mut self.in_doubt, true);
                let rule = self.rule.as_ref().filter(|_| is_news)?;
                Some(conflict(rule, several))
            }
        }
    }

    pub(super) fn decide(&mut self, fitting: &[Candidate]) -> Result<(), DeviceError> {
        match (fitting, &self.rule, &self.one) {
            _ if !self.in_doubt => Ok(()),
            // Whatever comes next was not plugged in beside another.
            ([], _, _) => {
                self.in_doubt = false;
                Ok(())
            }
            ([only], _, _) if self.is_the_one(only) => {
                self.is_certainly(only);
                Ok(())
            }
            ([only], Some(rule), Some(one)) => {
                let detail = format!(
                    "{rule}: the one at {} is gone; the one at {} was plugged in beside it and is not taken for it: \
                     unplug it once, or name its port or serial_number",
                    one.port, only.port
                );
                Err(DeviceError::new(Code::DeviceAmbiguous, detail))
            }
            // Opening tells of several.
            _ => Ok(()),
        }
    }

    fn is_certainly(&mut self, only: &Candidate) {
        self.one = Some(only.clone());
        self.in_doubt = false;
    }

    fn is_the_one(&self, it: &Candidate) -> bool {
        self.one.as_ref().is_some_and(|one| {
            let is_same = one.serial_number == it.serial_number && one.interface == it.interface;
            is_same && (self.is_numbered || one.port == it.port)
        })
    }
}
