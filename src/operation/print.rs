//! Print, CancelJob, Preview: papers for any caller, on disk before they are accepted.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedMutexGuard, watch};
use tokio::time::Instant;

use super::ask::{CallerId, Failure, SettlementKey};
use super::errand::same;
use super::jobs::{JobKey, JobTold};
use super::operations::Operations;
use super::report::{file_of, is_of_request, report_of, uses};
use super::settle::{not_taken, running, taken_by, unreadable};
use super::sheet::{MadeSheet, Ready, SheetOf};
use crate::book::Code;
use crate::device::PaperPreview;
use crate::document::job::{self, Event, Job, Order, Phase, Private};
use crate::document::sheet::Paper;
use crate::document::{Content, Document};
use crate::runner::{JobFollow, JobView, Slot};
use crate::settlement::order::Operator;

/// A withdrawal that the printer has not decided by then is told to be too late.
const CANCEL_WAIT_MS: u64 = 2_000;
/// A withdrawal is on disk by then, or the caller is told that it is not known to be.
const CANCEL_NOTED_MS_MAX: u64 = 30_000;
/// Jobs that wait or print, of one printer and of one caller.
const JOBS_OF_PRINTER_MAX: usize = 512;
const JOBS_OF_CALLER_MAX: usize = 256;
/// Changes that wait for a slow watcher.
const BACKLOG_MAX: usize = 16;

/// A checked Print.
#[derive(Clone, Debug)]
pub struct PrintWish {
    /// The caller's id.
    pub request_id: String,
    /// Of which printer.
    pub role: String,
    /// What the paper is.
    pub title: String,
    /// What stands on it.
    pub paper: PrintPaper,
    /// The caller's id of the document: it is printed once, whatever request asks for it.
    pub document_id: Option<String>,
    /// How long the printer is waited for.
    pub wait_ms: i64,
    /// How long the end is waited for.
    pub answer_wait: Duration,
}

/// What shall be printed.
#[derive(Clone, Debug)]
pub enum PrintPaper {
    /// For a receipt printer.
    Content(Content),
    /// A PDF.
    Pdf(Bytes),
    /// A PDF that was put before, by the caller's id for it.
    Upload(String),
    /// The settlement sheet of this settlement.
    Sheet(SettlementKey, Paper),
    /// The same, made.
    Made(Box<MadeSheet>),
}

/// A checked Reprint.
#[derive(Clone, Debug)]
pub struct ReprintWish {
    /// The caller's id.
    pub request_id: String,
    /// Of what.
    pub of: ReprintOf,
    /// Who asks.
    pub operator: Operator,
    /// Why.
    pub reason: String,
    /// How long the printer is waited for.
    pub wait_ms: i64,
    /// How long the end is waited for.
    pub answer_wait: Duration,
    /// What the caller may.
    pub rights: ReprintRights,
}

/// Whose papers, and which, a caller may print once more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReprintRights {
    /// Also another caller's.
    pub any: bool,
    /// Also bytes for the printer.
    pub raw: bool,
}

/// What is printed once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReprintOf {
    /// A job.
    Job(JobKey),
    /// The receipt of a settlement.
    Settlement(SettlementKey),
}

/// What became of the wish to call a job off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobCancel {
    /// It is called off.
    Cancelled,
    /// It is with the printer.
    Printing,
    /// It was over.
    Over,
}

/// Whose turn it is to print a document.
enum Turn {
    /// This request's; nothing is held for what has no id.
    Ours(Option<OwnedMutexGuard<()>>),
    /// A job has it.
    Known(Box<Result<JobFollow, Job>>),
}

/// What is to be printed, before it is written down.
pub(super) struct Paperwork {
    pub(super) order: Order,
    pub(super) private: Private,
}

impl Operations {
    /// Takes a paper to be printed, joins who does, or repeats what is true.
    ///
    /// # Errors
    /// Nothing is printed.
    pub async fn print(&self, caller: CallerId, wish: PrintWish) -> Result<JobTold, Failure> {
        let (request_id, wait) = (wish.request_id.clone(), wish.answer_wait);
        let wish = match self.with_sheet(&caller, wish).await? {
            Ready::Wish(wish) => *wish,
            Ready::Known(found) => return Ok(self.told_in_time(&caller, *found, wait).await),
        };
        let turn = match self.turn_of(&caller, &wish).await? {
            Turn::Ours(turn) => turn,
            Turn::Known(found) => return Ok(self.told_in_time(&caller, *found, wait).await),
        };
        let upload = match &wish.paper {
            PrintPaper::Upload(id) => Some(id.clone()),
            PrintPaper::Pdf(_)
            | PrintPaper::Made(_)
            | PrintPaper::Content(_)
            | PrintPaper::Sheet(..) => None,
        };
        let content = match self.content_of(&caller, wish.paper).await {
            Ok(content) => content,
            // A document that was put is dropped after a while; its job is still known.
            Err(failure) if failure.code == Code::DocumentUnknown => {
                drop(turn);
                let known = self.job_id(&caller, &JobKey::RequestId(request_id)).await;
                let found = self.running_or_ended(&known.map_err(|_| failure)?).await?;
                is_of_request(&found, &wish.role, &wish.title, wish.document_id.as_deref())?;
                return Ok(self.told_in_time(&caller, found, wait).await);
            }
            Err(failure) => return Err(failure),
        };
        let order = Order {
            role: wish.role,
            wait_ms: wish.wait_ms,
            reprint: None,
            report: report_of(&content, wish.document_id),
        };
        let private = Private {
            title: wish.title,
            content,
            operator_name: String::new(),
            reason: String::new(),
            at: String::new(),
        };
        let file = file_of(&private.content).map(str::to_owned);
        let paperwork = Paperwork { order, private };
        let begun = self.begun(&caller, request_id, paperwork, turn).await;
        match (file, upload) {
            (Some(file), Some(upload)) if !uses(&begun, &file) => {
                self.put_for_later(&caller.id, &upload);
            }
            (Some(file), None) => self.remove_unless_used(&file, &begun).await,
            (Some(_) | None, Some(_)) | (None, None) => {}
        }
        Ok(self.told_in_time(&caller, begun?, wait).await)
    }

    /// The turn of a document that is to be printed once, given back once its job is in the journal, where the next
    /// one finds it; or the job that has it.
    async fn turn_of(&self, caller: &CallerId, wish: &PrintWish) -> Result<Turn, Failure> {
        let Some(document_id) = &wish.document_id else {
            return Ok(Turn::Ours(None));
        };
        let is_ours = SheetOf::parse(document_id).is_some();
        let turn = Arc::clone(&self.inner.document_turn).lock_owned().await;
        let first = self.job_of_document(caller, document_id).await?;
        // What we made anew differs from what we made before; it is the same paper.
        let first = first.filter(|(_, by)| *by != wish.request_id || is_ours);
        let Some((id, _)) = first else {
            return Ok(Turn::Ours(Some(turn)));
        };
        drop(turn);
        if !is_ours {
            self.is_the_same(caller, &id, &wish.paper).await?;
        }
        let found = self.running_or_ended(&id).await?;
        Ok(Turn::Known(Box::new(found)))
    }

    /// One job as it is now.
    ///
    /// # Errors
    /// `NOT_FOUND`, `JOURNAL_ROLLED_BACK`.
    pub async fn job(&self, caller: CallerId, key: JobKey) -> Result<JobTold, Failure> {
        let id = self.job_id(&caller, &key).await?;
        self.told_by_id(&caller, &id).await
    }

    /// A job as it is, then each change, to its end.
    ///
    /// # Errors
    /// `NOT_FOUND`, `JOURNAL_ROLLED_BACK`.
    pub async fn watch_job(
        &self,
        caller: CallerId,
        key: JobKey,
    ) -> Result<tokio_stream::wrappers::ReceiverStream<JobTold>, Failure> {
        let id = self.job_id(&caller, &key).await?;
        let (sender, receiver) = tokio::sync::mpsc::channel(BACKLOG_MAX);
        match self.inner.prints.registry().by_id(&id) {
            None => {
                let told = self.told_by_id(&caller, &id).await?;
                // The channel is empty and somebody holds its other end.
                drop(sender.try_send(told));
            }
            Some(follow) => {
                let mut view = follow.view();
                tokio::spawn(async move {
                    loop {
                        let now = view.borrow_and_update().clone();
                        let over = now.job.ended().is_some();
                        if sender.send(told(&caller, now)).await.is_err() || over {
                            return;
                        }
                        tokio::select! {
                            changed = view.changed() => if changed.is_err() { return },
                            () = sender.closed() => return,
                        }
                    }
                });
            }
        }
        Ok(tokio_stream::wrappers::ReceiverStream::new(receiver))
    }

    /// Calls a job off if no byte of it left; `any`: also another caller's.
    ///
    /// # Errors
    /// `NOT_FOUND`, `NOT_ALLOWED`, `JOURNAL_ROLLED_BACK`.
    pub async fn cancel_job(
        &self,
        caller: CallerId,
        key: JobKey,
        any: bool,
    ) -> Result<(JobCancel, JobTold), Failure> {
        let id = self.job_id(&caller, &key).await?;
        let stored = self.told_by_id(&caller, &id).await?;
        if !stored.is_own && !any {
            let detail = "it is another caller's job";
            return Err(Failure::new(Code::NotAllowed, detail));
        }
        let Some(follow) = self.inner.prints.registry().by_id(&id) else {
            let now = self.told_by_id(&caller, &id).await?;
            let verdict = match now.job.phase {
                Phase::Over(job::End::Cancelled) => JobCancel::Cancelled,
                Phase::Over(_)
                | Phase::Waiting
                | Phase::Printing
                | Phase::Lost
                | Phase::Queued(_) => JobCancel::Over,
            };
            return Ok((verdict, now));
        };
        follow.cancel(caller.id.clone());
        let mut view = follow.view();
        let over = |view: &JobView| view.job.ended().is_some() || view.parked;
        let wait = Duration::from_millis(CANCEL_WAIT_MS);
        // At the end of the wait: what is there by now is the answer.
        drop(tokio::time::timeout(wait, view.wait_for(over)).await);
        // A wish that is not on disk would be lost with the process.
        let noted = |view: &JobView| view.job.ended().is_some() || view.job.cancel_by.is_some();
        let wait = Duration::from_millis(CANCEL_NOTED_MS_MAX);
        let is_noted = matches!(
            tokio::time::timeout(wait, view.wait_for(noted)).await,
            Ok(Ok(_))
        );
        if !is_noted {
            let detail = "the withdrawal is not on disk yet";
            return Err(Failure::new(Code::JournalRefuses, detail));
        }
        let now = view.borrow().clone();
        let verdict = match now.job.phase {
            Phase::Over(job::End::Cancelled) => JobCancel::Cancelled,
            Phase::Over(_) => JobCancel::Over,
            Phase::Waiting | Phase::Printing | Phase::Lost | Phase::Queued(_) => {
                JobCancel::Printing
            }
        };
        Ok((verdict, told(&caller, now)))
    }

    /// What the printer of a role would show.
    ///
    /// # Errors
    /// `DEVICE_UNKNOWN`.
    pub async fn preview(&self, role: String, document: Document) -> Result<PaperPreview, Failure> {
        // Drawing a long paper takes a core for some time: one at once, beside the work.
        let _one = self.inner.preview_turn.lock().await;
        let (hub, drawn_for) = (self.parts().hub.clone(), role.clone());
        let drawing = tokio::task::spawn_blocking(move || hub.preview(&drawn_for, &document));
        let preview = drawing.await.expect("nobody calls a drawing off");
        preview.ok_or_else(|| no_printer(&role))
    }

    /// Running, or ended. `held` is let go of once a new one is on disk.
    pub(super) async fn begun(
        &self,
        caller: &CallerId,
        request_id: String,
        paperwork: Paperwork,
        held: Option<OwnedMutexGuard<()>>,
    ) -> Result<Result<JobFollow, Job>, Failure> {
        let Paperwork { order, private } = paperwork;
        let prints = &self.inner.prints;
        let asked = job::asked(&order, &private);
        loop {
            match prints.reserve(&caller.id, &request_id) {
                Slot::Taken(taken) => {
                    // The one who had it did not begin: it may be ours then.
                    let Some(follow) = running(taken).await else {
                        continue;
                    };
                    same(&follow.view().borrow().job.asked(), &asked)?;
                    return Ok(Ok(follow));
                }
                Slot::Yours(reservation) => {
                    if let Some(ended) = self.ended_job(caller, &request_id, &asked).await? {
                        return Ok(Err(ended));
                    }
                    self.is_for(&order)?;
                    self.has_room(&order.role, &caller.id)?;
                    // Neither the platform nor its clock matters to paper.
                    if self.is_stopping() {
                        return Err(Failure::new(Code::ShuttingDown, "the daemon is stopping"));
                    }
                    if let Some(refuses) = self.journal_refuses() {
                        return Err(refuses);
                    }
                    let first = Event::Accepted {
                        request_id,
                        caller: caller.id.clone(),
                        order,
                        private: Some(Arc::new(private)),
                    };
                    let id = self.inner.runner.new_id();
                    let begun = prints.accept(reservation, id, first, held).await;
                    return Ok(Ok(begun.map_err(|error| not_taken(&error))?));
                }
            }
        }
    }

    /// That the role has a printer, and one for this kind of content.
    fn is_for(&self, order: &Order) -> Result<(), Failure> {
        let hub = &self.parts().hub;
        let is_queue = hub.report_queue(&order.role).is_some();
        if !is_queue && hub.printer_profile(&order.role).is_none() {
            return Err(no_printer(&order.role));
        }
        if is_queue != order.report.is_some() {
            let detail = format!("the role {:?}", order.role);
            return Err(Failure::new(Code::PrinterOtherKind, detail));
        }
        Ok(())
    }

    /// That neither the printer nor the caller has too many jobs that are not over. What is known already is joined
    /// before.
    fn has_room(&self, role: &str, caller: &str) -> Result<(), Failure> {
        let (of_printer, of_caller) = self.inner.prints.waiting(role, caller);
        // Its own reservation is among them.
        if of_printer < JOBS_OF_PRINTER_MAX && of_caller <= JOBS_OF_CALLER_MAX {
            return Ok(());
        }
        let detail = format!("{of_printer} wait for this printer, {of_caller} of this caller");
        Err(Failure::new(Code::TooManyCalls, detail))
    }

    async fn ended_job(
        &self,
        caller: &CallerId,
        request_id: &str,
        asked: &[u8],
    ) -> Result<Option<Job>, Failure> {
        let journal = &self.parts().journal;
        let found = journal.find_request(&caller.id, request_id).await;
        let Some(row) = found.map_err(|error| unreadable(&error))? else {
            return Ok(None);
        };
        if row.kind != job::KIND {
            return Err(taken_by(&row.kind));
        }
        let job = self.loaded(&row.stream).await?;
        if journal.request_digest(asked) != row.body_digest {
            same(&job.asked(), asked)?;
            let detail = "it was used with another body; which fields is no longer known";
            return Err(Failure::new(Code::RequestIdOtherBody, detail));
        }
        Ok(Some(job))
    }

    pub(super) async fn told_in_time(
        &self,
        caller: &CallerId,
        begun: Result<JobFollow, Job>,
        wait: Duration,
    ) -> JobTold {
        let follow = match begun {
            Ok(follow) => follow,
            Err(job) => return told(caller, ended_view(job)),
        };
        let mut view: watch::Receiver<JobView> = follow.view();
        let over = |view: &JobView| view.job.ended().is_some() || view.parked;
        let until = Instant::now() + wait;
        drop(tokio::time::timeout_at(until, view.wait_for(over)).await);
        let now = view.borrow().clone();
        told(caller, now)
    }

    pub(super) async fn told_by_id(&self, caller: &CallerId, id: &str) -> Result<JobTold, Failure> {
        if let Some(follow) = self.inner.prints.registry().by_id(id) {
            let now = follow.view().borrow().clone();
            return Ok(told(caller, now));
        }
        Ok(told(caller, ended_view(self.loaded(id).await?)))
    }

    pub(super) async fn job_id(&self, caller: &CallerId, key: &JobKey) -> Result<String, Failure> {
        let journal = &self.parts().journal;
        let found = match key {
            JobKey::Id(id) => journal.find(id).await,
            JobKey::RequestId(id) => {
                // One that is just being written down is waited for.
                let running = self.inner.prints.registry().by_request(&caller.id, id);
                drop(running.await);
                journal.find_request(&caller.id, id).await
            }
            JobKey::DocumentId(id) => return self.id_of_document(caller, id).await,
        };
        let row = found.map_err(|error| unreadable(&error))?;
        let row = row.filter(|row| row.kind == job::KIND);
        row.map(|row| row.stream)
            .ok_or_else(|| self.not_found("no print job has this id; it may be a settlement's"))
    }

    pub(super) async fn loaded(&self, id: &str) -> Result<Job, Failure> {
        let job = self.inner.prints.load(id).await;
        job.map_err(|error| Failure::new(Code::StreamUnreadable, error.to_string()))
    }
}

fn ended_view(job: Job) -> JobView {
    JobView {
        job: Arc::new(job),
        before: 0,
        parked: false,
        queue: None,
        stopped_for: None,
    }
}

fn told(caller: &CallerId, view: JobView) -> JobTold {
    JobTold {
        is_own: view.job.caller == caller.id,
        before: view.before,
        queue: view.queue,
        stopped_for: view.stopped_for,
        job: view.job,
    }
}

fn no_printer(role: &str) -> Failure {
    let detail = format!("no printer has the role {role:?}");
    Failure::new(Code::DeviceUnknown, detail)
}
