//! `IdentityService`: unpack, call, pack.

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use tonic::{Request, Response, Status};

use super::deadline;
use super::gate::Gate;
use super::handle::Handle;
use super::settlement::refused;
use crate::api as wire;
use crate::api::identity_service_server::IdentityService;
use crate::ipc::access::Operation;
use crate::ipc::convert::{identity, order};

/// The service over a handle.
pub(super) struct Identities<H> {
    pub(super) handle: H,
    pub(super) gate: Gate,
}

#[tonic::async_trait]
impl<H: Handle> IdentityService for Identities<H> {
    type WatchIdentificationStream =
        BoxStream<'static, Result<wire::WatchIdentificationResponse, Status>>;

    async fn identify(
        &self,
        request: Request<wire::IdentifyRequest>,
    ) -> Result<Response<wire::IdentifyResponse>, Status> {
        let (caller, _pass) = self.gate.admit(&request, Operation::Identify)?;
        let deadline = deadline::of(request.metadata());
        let wish = identity::wish(request.into_inner()).map_err(refused)?;
        let told = self.handle.identify(caller, wish, deadline).await;
        let identification = Some(identity::identification(&told.map_err(refused)?));
        Ok(Response::new(wire::IdentifyResponse { identification }))
    }

    async fn watch_identification(
        &self,
        request: Request<wire::WatchIdentificationRequest>,
    ) -> Result<Response<Self::WatchIdentificationStream>, Status> {
        let admitted = self.gate.follow(&request, Operation::WatchIdentification);
        let (caller, followed) = admitted?;
        let request_id = order::request_id(request.into_inner().request_id).map_err(refused)?;
        let events = self.handle.watch_identification(caller, request_id);
        let events = events.map(|(progress, told)| Ok(identity::event(progress, &told)));
        Ok(Response::new(followed.over(events)))
    }

    async fn cancel_identify(
        &self,
        request: Request<wire::CancelIdentifyRequest>,
    ) -> Result<Response<wire::CancelIdentifyResponse>, Status> {
        let (caller, _pass) = self.gate.admit(&request, Operation::CancelIdentify)?;
        let request_id = order::request_id(request.into_inner().request_id).map_err(refused)?;
        let stopped = self.handle.cancel_identify(caller, request_id).await;
        let (cancelled, told) = stopped.map_err(refused)?;
        Ok(Response::new(wire::CancelIdentifyResponse {
            cancelled,
            identification: Some(identity::identification(&told)),
        }))
    }
}
