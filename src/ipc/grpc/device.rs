//! `DeviceService`: unpack, call, pack.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use tonic::{Request, Response, Status};

use super::deadline;
use super::gate::Gate;
use super::handle::Handle;
use super::settlement::refused;
use crate::api as wire;
use crate::api::device_service_server::DeviceService;
use crate::ipc::access::Operation;
use crate::ipc::convert::{card, claim, device, record};
use crate::operation::Watched;

/// An answer that says that nobody scanned needs so long to reach the caller.
const ANSWER_MS: u64 = 50;

/// The service over a handle.
pub(super) struct Devices<H> {
    pub(super) handle: H,
    pub(super) gate: Gate,
}

#[tonic::async_trait]
impl<H: Handle> DeviceService for Devices<H> {
    type ClaimStream = BoxStream<'static, Result<wire::ClaimResponse, Status>>;
    type RecordDeviceStream = BoxStream<'static, Result<wire::RecordDeviceResponse, Status>>;
    type WatchDevicesStream = BoxStream<'static, Result<wire::WatchDevicesResponse, Status>>;

    async fn list_devices(
        &self,
        request: Request<wire::ListDevicesRequest>,
    ) -> Result<Response<wire::ListDevicesResponse>, Status> {
        let (_caller, _pass) = self.gate.admit(&request, Operation::ListDevices)?;
        let sees = self.gate.may(&request, Operation::SeeHolders);
        let devices = self.handle.devices().into_iter();
        let devices = devices
            .map(|info| device::device(device::told_to(sees, info)))
            .collect();
        Ok(Response::new(wire::ListDevicesResponse { devices }))
    }

    async fn read_card(
        &self,
        request: Request<wire::ReadCardRequest>,
    ) -> Result<Response<wire::ReadCardResponse>, Status> {
        let (caller, _pass) = self.gate.admit(&request, Operation::ReadCard)?;
        let deadline = deadline::of(request.metadata());
        let wish = card::wish(request.into_inner()).map_err(refused)?;
        let shown = self.handle.read_card(caller, wish, deadline).await;
        let card = Some(card::shown(&shown.map_err(refused)?));
        Ok(Response::new(wire::ReadCardResponse { card }))
    }

    async fn watch_devices(
        &self,
        request: Request<wire::WatchDevicesRequest>,
    ) -> Result<Response<Self::WatchDevicesStream>, Status> {
        let (_caller, followed) = self.gate.follow(&request, Operation::WatchDevices)?;
        let sees = self.gate.asking(&request, Operation::SeeHolders);
        let from_seq = Some(request.into_inner().from_seq).filter(|seq| *seq > 0);
        // Events first, snapshot second: what happens between the two is told twice rather than not at all.
        let (point, events) = self.handle.watch_devices(from_seq);
        let first = device::snapshot(sees(), self.handle.devices(), point);
        let handle = self.handle.clone();
        let events = events.map(move |watched| {
            Ok(match watched {
                Watched::Event(event) => device::event(event),
                Watched::Lagged(point) => device::snapshot(sees(), handle.devices(), point),
            })
        });
        let told = stream::once(async { Ok(first) }).chain(events);
        Ok(Response::new(followed.over(told)))
    }

    async fn scan(
        &self,
        request: Request<wire::ScanRequest>,
    ) -> Result<Response<wire::ScanResponse>, Status> {
        let (caller, _pass) = self.gate.admit(&request, Operation::Scan)?;
        let deadline = deadline::of(request.metadata());
        let mut wish = claim::scan(request.into_inner()).map_err(refused)?;
        // The answer must be there before the caller gives up.
        let margin = Duration::from_millis(ANSWER_MS);
        let latest = deadline.map(|deadline| deadline.saturating_sub(margin));
        wish.wait = latest.map_or(wish.wait, |latest| latest.min(wish.wait));
        let read = self.handle.scan(caller, wish).await.map_err(refused)?;
        let code = Some(claim::code(read));
        Ok(Response::new(wire::ScanResponse { code }))
    }

    async fn claim(
        &self,
        request: Request<wire::ClaimRequest>,
    ) -> Result<Response<Self::ClaimStream>, Status> {
        let (caller, followed) = self.gate.follow(&request, Operation::Claim)?;
        let wish = claim::claim(request.into_inner()).map_err(refused)?;
        let news = self.handle.claim(caller, wish);
        let news = news.map(|news| claim::news(news).map_err(refused));
        Ok(Response::new(followed.over(news)))
    }

    async fn renew_claim(
        &self,
        request: Request<wire::RenewClaimRequest>,
    ) -> Result<Response<wire::RenewClaimResponse>, Status> {
        let (caller, _pass) = self.gate.admit(&request, Operation::RenewClaim)?;
        let claim_id = request.into_inner().claim_id;
        let lease = self.handle.renew_claim(caller, claim_id).await;
        let lease_ms = claim::lease_ms(lease.map_err(refused)?);
        Ok(Response::new(wire::RenewClaimResponse { lease_ms }))
    }

    async fn release_claim(
        &self,
        request: Request<wire::ReleaseClaimRequest>,
    ) -> Result<Response<wire::ReleaseClaimResponse>, Status> {
        let (caller, _pass) = self.gate.admit(&request, Operation::ReleaseClaim)?;
        let any = self.gate.may(&request, Operation::ReleaseAnyClaim);
        let claim_id = request.into_inner().claim_id;
        let released = self.handle.release_claim(caller, claim_id, any).await;
        released.map_err(refused)?;
        Ok(Response::new(wire::ReleaseClaimResponse {}))
    }

    async fn check_health(
        &self,
        request: Request<wire::CheckHealthRequest>,
    ) -> Result<Response<wire::CheckHealthResponse>, Status> {
        let (_caller, _pass) = self.gate.admit(&request, Operation::CheckHealth)?;
        let sees = self.gate.may(&request, Operation::SeeHolders);
        let device = request.into_inner().device;
        let (info, checks) = self.handle.check_health(device).await.map_err(refused)?;
        let info = device::told_to(sees, info);
        Ok(Response::new(claim::health(info, checks)))
    }

    async fn record_device(
        &self,
        request: Request<wire::RecordDeviceRequest>,
    ) -> Result<Response<Self::RecordDeviceStream>, Status> {
        let (caller, followed) = self.gate.follow(&request, Operation::RecordDevice)?;
        let (name, length) = record::wish(request.into_inner()).map_err(refused)?;
        let recording = self.handle.record_device(caller, name, length).await;
        let mut recording = recording.map_err(refused)?;
        let head = record::head(&recording);
        let records = stream::poll_fn(move |cx| recording.records.poll_recv(cx));
        let records = records.map(|recorded| Ok(record::record(recorded)));
        let told = stream::once(async { Ok(head) }).chain(records);
        Ok(Response::new(followed.over(told)))
    }

    async fn explain_device(
        &self,
        request: Request<wire::ExplainDeviceRequest>,
    ) -> Result<Response<wire::ExplainDeviceResponse>, Status> {
        let (_caller, _pass) = self.gate.admit(&request, Operation::ExplainDevice)?;
        let sees = self.gate.may(&request, Operation::SeeHolders);
        let name = request.into_inner().device;
        let (info, why) = self.handle.explain_device(name).await.map_err(refused)?;
        let info = device::told_to(sees, info);
        Ok(Response::new(device::why(info, why)))
    }
}
