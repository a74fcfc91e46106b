//! `PrintService`: unpack, call, pack.

use futures_util::StreamExt as _;
use futures_util::stream::{BoxStream, select_all};
use tonic::{Request, Response, Status};

use super::deadline;
use super::gate::Gate;
use super::handle::Handle;
use super::settlement::refused;
use crate::api as wire;
use crate::api::print_service_server::PrintService;
use crate::ipc::access::Operation;
use crate::ipc::convert::{print, print_batch, print_list};
use crate::operation::{ReprintRights, answered_within};

/// The service over a handle.
pub(super) struct Prints<H> {
    pub(super) handle: H,
    pub(super) gate: Gate,
}

#[tonic::async_trait]
impl<H: Handle> PrintService for Prints<H> {
    type WatchJobStream = BoxStream<'static, Result<wire::WatchJobResponse, Status>>;
    type WatchBatchStream = BoxStream<'static, Result<wire::WatchBatchResponse, Status>>;

    async fn print(
        &self,
        request: Request<wire::PrintRequest>,
    ) -> Result<Response<wire::PrintResponse>, Status> {
        let operation = match &request.get_ref().content {
            Some(wire::print_request::Content::Raw(_)) => Operation::PrintRaw,
            Some(
                wire::print_request::Content::Document(_)
                | wire::print_request::Content::Pdf(_)
                | wire::print_request::Content::StoredDocument(_)
                | wire::print_request::Content::SettlementSheet(_),
            )
            | None => Operation::Print,
        };
        let (caller, _pass) = self.gate.admit(&request, operation)?;
        let deadline = deadline::of(request.metadata());
        let mut wish = print::print(request.into_inner()).map_err(refused)?;
        if let Some(deadline) = deadline {
            wish.answer_wait = wish.answer_wait.min(answered_within(deadline));
        }
        let told = self.handle.print(caller, wish).await.map_err(refused)?;
        let job = Some(print::job(&told));
        Ok(Response::new(wire::PrintResponse { job }))
    }

    async fn put_document(
        &self,
        request: Request<wire::PutDocumentRequest>,
    ) -> Result<Response<wire::PutDocumentResponse>, Status> {
        let (caller, _pass) = self.gate.admit(&request, Operation::Print)?;
        let wish = print::put_document(request.into_inner()).map_err(refused)?;
        let told = self.handle.put_document(caller, wish).await;
        Ok(Response::new(print::put(told.map_err(refused)?)))
    }

    async fn get_job(
        &self,
        request: Request<wire::GetJobRequest>,
    ) -> Result<Response<wire::GetJobResponse>, Status> {
        use wire::get_job_request::Key;
        let (caller, _pass) = self.gate.admit(&request, Operation::GetJob)?;
        let key = match request.into_inner().key {
            Some(Key::JobId(id)) => print::by_id(id),
            Some(Key::RequestId(id)) => print::by_request_id(id),
            Some(Key::DocumentId(id)) => print::by_document_id(id),
            None => print::no_key(),
        };
        let key = key.map_err(refused)?;
        let told = self.handle.job(caller, key).await.map_err(refused)?;
        let job = Some(print::job(&told));
        Ok(Response::new(wire::GetJobResponse { job }))
    }

    async fn list_jobs(
        &self,
        request: Request<wire::ListJobsRequest>,
    ) -> Result<Response<wire::ListJobsResponse>, Status> {
        let operation = match request.get_ref().all_callers {
            true => Operation::ListAnyJobs,
            false => Operation::ListJobs,
        };
        let (caller, _pass) = self.gate.admit(&request, operation)?;
        let filter = print_list::filter(request.into_inner()).map_err(refused)?;
        let limit = filter.limit;
        let rows = self.handle.jobs(caller, filter).await.map_err(refused)?;
        Ok(Response::new(print_list::page(rows, limit)))
    }

    async fn watch_job(
        &self,
        request: Request<wire::WatchJobRequest>,
    ) -> Result<Response<Self::WatchJobStream>, Status> {
        use wire::watch_job_request::Key;
        let (caller, followed) = self.gate.follow(&request, Operation::GetJob)?;
        let key = match request.into_inner().key {
            Some(Key::JobId(id)) => print::by_id(id),
            Some(Key::RequestId(id)) => print::by_request_id(id),
            None => print::no_key(),
        };
        let key = key.map_err(refused)?;
        let told = self.handle.watch_job(caller, key).await.map_err(refused)?;
        let told = told.map(|told| {
            let job = Some(print::job(&told));
            Ok(wire::WatchJobResponse { job })
        });
        Ok(Response::new(followed.over(told)))
    }

    async fn print_batch(
        &self,
        request: Request<wire::PrintBatchRequest>,
    ) -> Result<Response<wire::PrintBatchResponse>, Status> {
        let (caller, _pass) = self.gate.admit(&request, Operation::Print)?;
        let deadline = deadline::of(request.metadata());
        let mut wish = print_batch::batch(request.into_inner()).map_err(refused)?;
        if let Some(deadline) = deadline {
            wish.answer_wait = wish.answer_wait.min(answered_within(deadline));
        }
        let told = self.handle.print_batch(caller, wish).await;
        Ok(Response::new(print_batch::told(&told)))
    }

    async fn watch_batch(
        &self,
        request: Request<wire::WatchBatchRequest>,
    ) -> Result<Response<Self::WatchBatchStream>, Status> {
        let (caller, followed) = self.gate.follow(&request, Operation::GetJob)?;
        let keys = print_batch::watched(request.into_inner()).map_err(refused)?;
        let mut jobs = Vec::with_capacity(keys.len());
        for key in keys {
            let told = self.handle.watch_job(caller.clone(), key).await;
            jobs.push(told.map_err(refused)?);
        }
        let told = select_all(jobs).map(|told| {
            let job = Some(print::job(&told));
            Ok(wire::WatchBatchResponse { job })
        });
        Ok(Response::new(followed.over(told)))
    }

    async fn get_settlement_sheet(
        &self,
        request: Request<wire::GetSettlementSheetRequest>,
    ) -> Result<Response<wire::GetSettlementSheetResponse>, Status> {
        let (caller, _pass) = self.gate.admit(&request, Operation::GetSettlementSheet)?;
        let wish = print_batch::get_sheet(request.into_inner()).map_err(refused)?;
        let told = self.handle.sheet(caller, wish).await.map_err(refused)?;
        Ok(Response::new(print_batch::sheet(told)))
    }

    async fn reprint(
        &self,
        request: Request<wire::ReprintRequest>,
    ) -> Result<Response<wire::ReprintResponse>, Status> {
        let (caller, _pass) = self.gate.admit(&request, Operation::Reprint)?;
        let rights = ReprintRights {
            any: self.gate.may(&request, Operation::ReprintAnyJob),
            raw: self.gate.may(&request, Operation::PrintRaw),
        };
        let deadline = deadline::of(request.metadata());
        let mut wish = print::reprint(request.into_inner(), rights).map_err(refused)?;
        if let Some(deadline) = deadline {
            wish.answer_wait = wish.answer_wait.min(answered_within(deadline));
        }
        let told = self.handle.reprint(caller, wish).await.map_err(refused)?;
        let job = Some(print::job(&told));
        Ok(Response::new(wire::ReprintResponse { job }))
    }

    async fn cancel_job(
        &self,
        request: Request<wire::CancelJobRequest>,
    ) -> Result<Response<wire::CancelJobResponse>, Status> {
        use wire::cancel_job_request::Key;
        let (caller, _pass) = self.gate.admit(&request, Operation::CancelJob)?;
        let any = self.gate.may(&request, Operation::CancelAnyJob);
        let key = match request.into_inner().key {
            Some(Key::JobId(id)) => print::by_id(id),
            Some(Key::RequestId(id)) => print::by_request_id(id),
            None => print::no_key(),
        };
        let key = key.map_err(refused)?;
        let cancelled = self.handle.cancel_job(caller, key, any).await;
        let (verdict, told) = cancelled.map_err(refused)?;
        Ok(Response::new(wire::CancelJobResponse {
            verdict: print::verdict(verdict).into(),
            job: Some(print::job(&told)),
        }))
    }

    async fn preview(
        &self,
        request: Request<wire::PreviewRequest>,
    ) -> Result<Response<wire::PreviewResponse>, Status> {
        let (_caller, _pass) = self.gate.admit(&request, Operation::PreviewPrint)?;
        let (role, document) = print::preview(request.into_inner()).map_err(refused)?;
        let preview = self.handle.preview(role, document).await.map_err(refused)?;
        Ok(Response::new(print::previewed(preview)))
    }
}
