//! `DaemonService`: unpack, call, pack.

use std::time::{SystemTime, UNIX_EPOCH};

use tonic::{Request, Response, Status};

use super::gate::Gate;
use super::handle::Handle;
use crate::api as wire;
use crate::api::daemon_service_server::DaemonService;
use crate::ipc::access::Operation;
use crate::ipc::convert::{device, error, status};
use crate::observe::openmetrics::CONTENT_TYPE;

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
        let sees = self.gate.may(&request, Operation::SeeHolders);
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let now_ms = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        let mut status = self.handle.status().await;
        let devices = std::mem::take(&mut status.devices).into_iter();
        status.devices = devices.map(|it| device::told_to(sees, it)).collect();
        Ok(Response::new(status::status(status, now_ms)))
    }

    async fn reload(
        &self,
        request: Request<wire::ReloadRequest>,
    ) -> Result<Response<wire::ReloadResponse>, Status> {
        let (caller, _pass) = self.gate.admit(&request, Operation::Reload)?;
        let changes = self.handle.reload(caller).await;
        let changes = changes.map_err(|failure| error::status(&failure))?;
        Ok(Response::new(wire::ReloadResponse {
            changes: changes.into_iter().map(status::change).collect(),
        }))
    }

    async fn set_log_level(
        &self,
        request: Request<wire::SetLogLevelRequest>,
    ) -> Result<Response<wire::SetLogLevelResponse>, Status> {
        let (caller, _pass) = self.gate.admit(&request, Operation::SetLogLevel)?;
        let wire::SetLogLevelRequest { level, target } = request.into_inner();
        let target = (!target.is_empty()).then_some(target);
        let set = self.handle.set_log_level(caller, level, target).await;
        let filter = set.map_err(|failure| error::status(&failure))?;
        Ok(Response::new(wire::SetLogLevelResponse { filter }))
    }

    async fn get_metrics(
        &self,
        request: Request<wire::GetMetricsRequest>,
    ) -> Result<Response<wire::GetMetricsResponse>, Status> {
        let (_caller, _pass) = self.gate.admit(&request, Operation::GetMetrics)?;
        Ok(Response::new(wire::GetMetricsResponse {
            text: self.handle.metrics().await,
            content_type: CONTENT_TYPE.to_owned(),
        }))
    }
}
