//! `DaemonService`: unpack, call, pack.

use std::time::{SystemTime, UNIX_EPOCH};

use tonic::{Request, Response, Status};

use super::gate::Gate;
use super::handle::Handle;
use crate::api as wire;
use crate::api::daemon_service_server::DaemonService;
use crate::ipc::access::Operation;
use crate::ipc::convert::status;

/// The service over a handle.
pub(super) struct Daemon<H> {
    pub(super) handle: H,
    pub(super) gate: Gate,
}

#[tonic::async_trait]
impl<H: Handle> DaemonService for Daemon<H> {
    async fn get_status(
        &self,
        request: Request<wire::GetStatusRequest>,
    ) -> Result<Response<wire::GetStatusResponse>, Status> {
        let (_caller, _pass) = self.gate.admit(&request, Operation::GetStatus)?;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let now_ms = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        Ok(Response::new(status::status(
            self.handle.status().await,
            now_ms,
        )))
    }
}
