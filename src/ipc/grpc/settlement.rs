//! `SettlementService`: unpack, call, pack.

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use tonic::{Request, Response, Status};

use super::deadline;
use super::gate::Gate;
use super::handle::Handle;
use crate::api as wire;
use crate::api::settlement_service_server::SettlementService;
use crate::book::Code;
use crate::ipc::access::Operation;
use crate::ipc::convert::{error, order, reconcile, refund, settlement, stuck};
use crate::operation::{CallerId, Failure, SettlementKey};

/// The service over a handle.
pub(super) struct Settlements<H> {
    pub(super) handle: H,
    pub(super) gate: Gate,
}

#[tonic::async_trait]
impl<H: Handle> SettlementService for Settlements<H> {
    type WatchSettlementStream = BoxStream<'static, Result<wire::WatchSettlementResponse, Status>>;
    type ReconcileStream = BoxStream<'static, Result<wire::ReconcileResponse, Status>>;

    async fn scan_and_pay(
        &self,
        request: Request<wire::ScanAndPayRequest>,
    ) -> Result<Response<wire::ScanAndPayResponse>, Status> {
        let operation = match request.get_ref().kind() {
            wire::OrderKind::Pharmacy => Operation::ScanAndPayPharmacy,
            wire::OrderKind::Unspecified
            | wire::OrderKind::Registration
            | wire::OrderKind::Outpatient
            | wire::OrderKind::DoctorDesk => Operation::ScanAndPay,
        };
        let (caller, _pass) = self.gate.admit(&request, operation)?;
        let deadline = deadline::of(request.metadata());
        let request = request.into_inner();
        let request_id = request.request_id.clone();
        let order = match order::order(request) {
            Ok(order) => order,
            Err(failure) => return Err(self.malformed(caller, request_id, failure).await),
        };
        let answer = self
            .handle
            .scan_and_pay(caller, order, deadline)
            .await
            .map_err(|failure| error::status_of_order(&failure))?;
        let settlement = Some(settlement::settlement(answer));
        Ok(Response::new(wire::ScanAndPayResponse { settlement }))
    }

    async fn watch_settlement(
        &self,
        request: Request<wire::WatchSettlementRequest>,
    ) -> Result<Response<Self::WatchSettlementStream>, Status> {
        let (caller, followed) = self.gate.follow(&request, Operation::WatchSettlement)?;
        let request_id = order::request_id(request.into_inner().request_id).map_err(refused)?;
        let steps = self.handle.watch_settlement(caller, request_id);
        let events = steps.map(|progress| {
            Ok(wire::WatchSettlementResponse {
                event: Some(settlement::event(progress)),
            })
        });
        Ok(Response::new(followed.over(events)))
    }

    async fn confirm_settlement(
        &self,
        request: Request<wire::ConfirmSettlementRequest>,
    ) -> Result<Response<wire::ConfirmSettlementResponse>, Status> {
        let (caller, _pass) = self.gate.admit(&request, Operation::ConfirmSettlement)?;
        let confirmation = settlement::confirmation(request.into_inner());
        let (request_id, point, shown) = confirmation.map_err(refused)?;
        self.handle
            .confirm(caller, request_id, point, shown)
            .await
            .map_err(refused)?;
        Ok(Response::new(wire::ConfirmSettlementResponse {}))
    }

    async fn cancel_settlement(
        &self,
        request: Request<wire::CancelSettlementRequest>,
    ) -> Result<Response<wire::CancelSettlementResponse>, Status> {
        let (caller, _pass) = self.gate.admit(&request, Operation::CancelSettlement)?;
        let deadline = deadline::of(request.metadata());
        let request_id = order::request_id(request.into_inner().request_id).map_err(refused)?;
        let (verdict, answer) = self
            .handle
            .cancel(caller, request_id, deadline)
            .await
            .map_err(refused)?;
        Ok(Response::new(settlement::cancelled(verdict, answer)))
    }

    async fn get_settlement(
        &self,
        request: Request<wire::GetSettlementRequest>,
    ) -> Result<Response<wire::GetSettlementResponse>, Status> {
        use wire::get_settlement_request::Key;
        let operation = match &request.get_ref().key {
            Some(Key::RequestId(_)) | None => Operation::GetSettlement,
            Some(Key::SettlementId(_) | Key::SetlId(_) | Key::Msgid(_)) => {
                Operation::GetAnySettlement
            }
        };
        let (caller, _pass) = self.gate.admit(&request, operation)?;
        let key = settlement::key(request.into_inner()).map_err(refused)?;
        let answer = self.handle.get(caller, key).await.map_err(refused)?;
        let settlement = Some(settlement::settlement(answer));
        Ok(Response::new(wire::GetSettlementResponse { settlement }))
    }

    async fn list_settlements(
        &self,
        request: Request<wire::ListSettlementsRequest>,
    ) -> Result<Response<wire::ListSettlementsResponse>, Status> {
        let (caller, _pass) = self.gate.admit(&request, Operation::ListSettlements)?;
        let filter = settlement::list_filter(request.into_inner()).map_err(refused)?;
        let limit = filter.limit;
        let rows = self.handle.list(caller, filter).await.map_err(refused)?;
        Ok(Response::new(settlement::page(rows, limit)))
    }

    async fn list_stuck(
        &self,
        request: Request<wire::ListStuckRequest>,
    ) -> Result<Response<wire::ListStuckResponse>, Status> {
        let (caller, _pass) = self.gate.admit(&request, Operation::ListStuck)?;
        let items = self.handle.stuck(caller).await.map_err(refused)?;
        Ok(Response::new(stuck::list(items)))
    }

    async fn resolve_settlement(
        &self,
        request: Request<wire::ResolveSettlementRequest>,
    ) -> Result<Response<wire::ResolveSettlementResponse>, Status> {
        let (caller, _pass) = self.gate.admit(&request, Operation::ResolveSettlement)?;
        let stated = stuck::stated(request.into_inner()).map_err(refused)?;
        let resolved = self.handle.resolve(caller, stated).await.map_err(refused)?;
        Ok(Response::new(refund::resolved(resolved)))
    }

    async fn refund_settlement(
        &self,
        request: Request<wire::RefundSettlementRequest>,
    ) -> Result<Response<wire::RefundSettlementResponse>, Status> {
        let (caller, _pass) = self.gate.admit(&request, Operation::RefundSettlement)?;
        let deadline = deadline::of(request.metadata());
        let order = refund::order(request.into_inner()).map_err(refused)?;
        let answer = self.handle.refund(caller, order, deadline).await;
        let refund = Some(refund::refund(answer.map_err(refused)?));
        Ok(Response::new(wire::RefundSettlementResponse { refund }))
    }

    async fn get_refund(
        &self,
        request: Request<wire::GetRefundRequest>,
    ) -> Result<Response<wire::GetRefundResponse>, Status> {
        let (caller, _pass) = self.gate.admit(&request, Operation::GetRefund)?;
        let key = refund::key(request.into_inner()).map_err(refused)?;
        let answer = self.handle.get_refund(caller, key).await;
        let refund = Some(refund::refund(answer.map_err(refused)?));
        Ok(Response::new(wire::GetRefundResponse { refund }))
    }

    async fn reconcile(
        &self,
        request: Request<wire::ReconcileRequest>,
    ) -> Result<Response<Self::ReconcileStream>, Status> {
        let operation = match request.get_ref().whole_hospital {
            true => Operation::ReconcileHospital,
            false => Operation::Reconcile,
        };
        let (caller, followed) = self.gate.follow(&request, operation)?;
        let wanted = reconcile::wanted(request.into_inner()).map_err(refused)?;
        let steps = self.handle.reconcile(caller, wanted).await;
        let told = steps.map_err(refused)?;
        let told = told.map(|step| Ok(reconcile::told(step)));
        Ok(Response::new(followed.over(told)))
    }
}

impl<H: Handle> Settlements<H> {
    /// An order that cannot be read. Whoever repeats a settled one so must not hear that nothing was charged.
    async fn malformed(&self, caller: CallerId, request_id: String, failure: Failure) -> Status {
        let key = SettlementKey::RequestId(request_id);
        match self.handle.get(caller, key).await {
            Ok(_) => {
                let code = Code::RequestIdOtherBody;
                error::status(&Failure { code, ..failure })
            }
            Err(none) if none.code == Code::NotFound => error::status_of_order(&failure),
            Err(_) => error::status(&failure),
        }
    }
}

/// A call that started nothing.
#[expect(
    clippy::needless_pass_by_value,
    reason = "it is what map_err hands over"
)]
pub(super) fn refused(failure: Failure) -> Status {
    error::status(&failure)
}
