//! Codes for callers: the next one; and the scanners and card readers that a caller holds.

use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;

use super::ask::{CallerId, Failure};
use super::audit::Given;
use super::operations::Operations;
use crate::book::Code;
use crate::device::{Asker, ClaimEnd, ClaimNews, ClaimWish, Claimant, DeviceError, Scan};
use crate::settlement::code_kind::{self, Sorted};

/// What a caller of `Scan` wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanWish {
    /// Which scanner.
    pub role: String,
    /// Longest wait for the queue and the code together.
    pub wait: Duration,
    /// Under this claim of the caller's.
    pub claim_id: Option<String>,
    /// What for.
    pub purpose: String,
}

/// A code that was read.
#[derive(Debug)]
pub struct CodeRead {
    /// The code.
    pub code: Sorted,
    /// By which scanner.
    pub device: String,
    /// Its number under the claim, from 1.
    pub seq: u64,
}

/// What the holder of a claim is told.
#[derive(Debug)]
pub enum ClaimTold {
    /// So many are before it.
    Waiting(usize),
    /// It holds the device.
    Granted {
        /// The claim's id.
        claim_id: String,
        /// The desk's name for the device.
        device: String,
        /// The lease in force.
        lease: Duration,
    },
    /// A code.
    Code(CodeRead),
    /// The device went away, or came back.
    Present(bool),
    /// It is over.
    Ended(ClaimEnd),
    /// It never began.
    Failed(Failure),
}

impl Operations {
    /// The next code. Dropping the future frees the scanner.
    ///
    /// # Errors
    /// What the scanner says; `CLAIM_UNKNOWN` for a claim that is not the caller's or is over.
    pub async fn scan(&self, caller: CallerId, wish: ScanWish) -> Result<CodeRead, Failure> {
        if self.is_stopping() {
            return Err(Failure::new(Code::ShuttingDown, "the daemon is stopping"));
        }
        let deadline = Instant::now() + wish.wait;
        let hub = &self.parts().hub;
        if let Some(claim_id) = &wish.claim_id {
            let read = hub.scan_claimed(&caller.id, claim_id, deadline).await;
            let read = read.map_err(under_claim)?;
            return Ok(self.code_read(&caller, &read.scan, read.device, read.seq, true));
        }
        let asker = Asker {
            stream: hub.new_holder_id(),
            what: wish.purpose,
            by: caller.shown.clone(),
        };
        let place = watch::Sender::new(0);
        let mut lease = hub
            .claim_scanner(&wish.role, asker, deadline, place)
            .await?;
        lease.holds_until(deadline);
        let scan = lease.read(deadline).await?;
        let device = lease.device().to_owned();
        Ok(self.code_read(&caller, &scan, device, 1, false))
    }

    /// Waits for the device and holds it until the stream is dropped, the lease runs out or it is given back.
    pub fn claim(
        &self,
        caller: CallerId,
        wish: ClaimWish,
    ) -> impl Stream<Item = ClaimTold> + Send + 'static {
        let operations = self.clone();
        let stop = async move { operations.parts().stopped().await };
        let claimant = Claimant {
            id: caller.id.clone(),
            shown: caller.shown.clone(),
        };
        let news = self.parts().hub.claim(claimant, wish, stop);
        let operations = self.clone();
        let mut scanner = String::new();
        ReceiverStream::new(news).map(move |news| operations.told(&caller, news, &mut scanner))
    }

    fn told(&self, caller: &CallerId, news: ClaimNews, scanner: &mut String) -> ClaimTold {
        match news {
            ClaimNews::Waiting(ahead) => ClaimTold::Waiting(ahead),
            ClaimNews::Granted {
                claim_id,
                device,
                lease,
            } => {
                scanner.clone_from(&device);
                ClaimTold::Granted {
                    claim_id,
                    device,
                    lease,
                }
            }
            ClaimNews::Code { scan, seq } => {
                ClaimTold::Code(self.code_read(caller, &scan, scanner.clone(), seq, true))
            }
            ClaimNews::Present(present) => ClaimTold::Present(present),
            ClaimNews::Ended(end) => ClaimTold::Ended(end),
            ClaimNews::Failed(error) => ClaimTold::Failed(error.into()),
            ClaimNews::Wrong { field, why } => ClaimTold::Failed(Failure {
                fields: vec![field.to_owned()],
                ..Failure::new(Code::RequestInvalid, why)
            }),
        }
    }

    /// The lease begins anew. Gives the lease in force.
    ///
    /// # Errors
    /// `CLAIM_UNKNOWN`.
    pub async fn renew_claim(
        &self,
        caller: CallerId,
        claim_id: String,
    ) -> Result<Duration, Failure> {
        Ok(self.parts().hub.renew_claim(&caller.id, &claim_id).await?)
    }

    /// Ends a claim; `any`: also another caller's. When this returns the next in the queue has the device.
    ///
    /// # Errors
    /// `CLAIM_UNKNOWN`.
    pub async fn release_claim(
        &self,
        caller: CallerId,
        claim_id: String,
        any: bool,
    ) -> Result<(), Failure> {
        let hub = &self.parts().hub;
        Ok(hub.release_claim(&caller.id, &claim_id, any).await?)
    }

    /// Sorts it, and notes who has it.
    fn code_read(
        &self,
        caller: &CallerId,
        scan: &Scan,
        device: String,
        seq: u64,
        claimed: bool,
    ) -> CodeRead {
        let code = code_kind::sorted(&scan.bytes, &self.inner.patterns.load());
        self.inner.audit.given(Given {
            at_ms: self.parts().clock.now_ms(),
            caller: caller.id.clone(),
            door: caller.door,
            device: device.clone(),
            kind: code.kind.clone(),
            claimed,
        });
        CodeRead { code, device, seq }
    }
}

/// Why there is nothing under a claim. A request that is wrong names another kind of claim.
pub(super) fn under_claim(error: DeviceError) -> Failure {
    let mut failure = Failure::from(error);
    if failure.code == Code::RequestInvalid {
        failure.fields.push("claim_id".to_owned());
    }
    failure
}
