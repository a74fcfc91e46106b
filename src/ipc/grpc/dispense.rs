//! `DispenseService`: unpack, call, pack.

use tonic::{Request, Response, Status};

use super::deadline;
use super::gate::Gate;
use super::handle::Handle;
use super::settlement::refused;
use crate::api as wire;
use crate::api::dispense_service_server::DispenseService;
use crate::ipc::access::Operation;
use crate::ipc::convert::dispense;

/// The service over a handle.
pub(super) struct Dispenses<H> {
    pub(super) handle: H,
    pub(super) gate: Gate,
}

#[tonic::async_trait]
impl<H: Handle> DispenseService for Dispenses<H> {
    async fn hand_out(
        &self,
        request: Request<wire::HandOutRequest>,
    ) -> Result<Response<wire::HandOutResponse>, Status> {
        let (caller, _pass) = self.gate.admit(&request, Operation::HandOut)?;
        let deadline = deadline::of(request.metadata());
        let wish = dispense::hand_out(request.into_inner()).map_err(refused)?;
        let story = self.handle.hand_out(caller, wish, deadline).await;
        let story = story.map_err(refused)?;
        let told = Some(dispense::dispensed(&story));
        Ok(Response::new(wire::HandOutResponse { dispense: told }))
    }

    async fn take_back(
        &self,
        request: Request<wire::TakeBackRequest>,
    ) -> Result<Response<wire::TakeBackResponse>, Status> {
        let (caller, _pass) = self.gate.admit(&request, Operation::TakeBack)?;
        let deadline = deadline::of(request.metadata());
        let wish = dispense::take_back(request.into_inner()).map_err(refused)?;
        let story = self.handle.take_back(caller, wish, deadline).await;
        let story = story.map_err(refused)?;
        let told = Some(dispense::dispensed(&story));
        Ok(Response::new(wire::TakeBackResponse { dispense: told }))
    }

    async fn get_dispense(
        &self,
        request: Request<wire::GetDispenseRequest>,
    ) -> Result<Response<wire::GetDispenseResponse>, Status> {
        let (caller, _pass) = self.gate.admit(&request, Operation::GetDispense)?;
        let key = dispense::key(request.into_inner()).map_err(refused)?;
        let story = self.handle.dispense(caller, key).await.map_err(refused)?;
        let told = Some(dispense::dispense(&story));
        Ok(Response::new(wire::GetDispenseResponse { dispense: told }))
    }
}
