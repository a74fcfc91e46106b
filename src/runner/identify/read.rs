//! What is shown for an identification: whatever may be shown is armed at once, and until one moment only.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::Carrier;
use crate::book::Code;
use crate::device::{Asker, DeviceError};
use crate::runner::readers::{self, Readers, Shown};
use crate::settlement::call::Found;
use crate::settlement::credential;
use crate::settlement::identify::Event;
use crate::settlement::order::CredentialKind;

impl Carrier {
    /// Arms whatever may be shown and takes the first that is complete.
    pub(super) async fn read(&mut self, wait_ms: i64) {
        self.flush().await;
        if self.read_until <= Instant::now() {
            let code = self.nobody().code;
            return self.record(Event::ReadFailed { code });
        }
        let wait = Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0));
        let (place, places) = watch::channel(0);
        let mut readers = match self.readers.take() {
            Some(readers) => readers.telling(place),
            None => self.new_readers(place),
        };
        let shown = self.shown(&mut readers, places, wait).await;
        self.view.send_modify(|view| view.armed = false);
        readers.rest();
        self.readers = Some(readers);
        match shown {
            Some(Ok(Shown::Code(bytes))) => self.take_code(&bytes),
            Some(Ok(Shown::Card(card))) => {
                let (credential, voucher) = readers::voucher(*card);
                self.record(Event::DocumentRead {
                    credential,
                    found: Some(Found::Voucher(voucher)),
                });
            }
            Some(Ok(Shown::Unread(code))) => self.record(Event::CodeRejected { code }),
            Some(Err(error)) => {
                tracing::info!(identification = %self.state.id, %error, "nothing was read");
                self.record(Event::ReadFailed { code: error.code });
            }
            // Who interrupted it is asked next.
            None => {}
        }
    }

    fn new_readers(&self, place: watch::Sender<usize>) -> Readers {
        let wish = self.state.wish.as_ref();
        let wanted = wish.map_or_else(Vec::new, |wish| wish.credentials.clone());
        let asker = Asker {
            stream: self.state.id.clone(),
            what: "identify".to_owned(),
            by: self.state.caller.clone(),
        };
        Readers::new(self.all.parts.hub.clone(), &wanted, asker, place)
    }

    async fn shown(
        &mut self,
        readers: &mut Readers,
        places: watch::Receiver<usize>,
        wait: Duration,
    ) -> Option<Result<Shown, DeviceError>> {
        let arming = timeout_at(self.read_until, readers.arm(wait));
        let armed = self.unless_interrupted(arming, Some(places)).await?;
        let deadline = match armed {
            Ok(Ok(deadline)) => deadline,
            Ok(Err(error)) => return Some(Err(error)),
            Err(_) => return Some(Err(readers.none_listened())),
        };
        self.view.send_modify(|view| {
            view.armed = true;
            view.queue_place = None;
        });
        let reading = timeout_at(self.read_until, readers.read(deadline));
        let read = self.unless_interrupted(reading, None).await?;
        Some(read.unwrap_or_else(|_| Err(self.nobody())))
    }

    /// Nobody showed anything while something listened.
    fn nobody(&self) -> DeviceError {
        let wish = self.state.wish.as_deref();
        let is_scanned =
            wish.is_none_or(|wish| wish.credentials.contains(&CredentialKind::EVoucher));
        let code = if is_scanned {
            Code::NobodyScanned
        } else {
            Code::NobodyShowedCard
        };
        DeviceError::new(code, "its time is over")
    }

    fn take_code(&mut self, bytes: &[u8]) {
        let event = match credential::evoucher(bytes) {
            Ok(code) if self.all.parts.identities.knows_code(&code) => Event::CodeRejected {
                code: Code::SameCodeAgain,
            },
            Ok(code) => {
                self.code = Some(code);
                Event::CodeRead
            }
            Err(code) => Event::CodeRejected { code },
        };
        self.record(event);
    }
}
