//! Gives a report to its print queue once, and follows it there to its end.
//!
//! The queue's job is made empty and its number written down before the document leaves. So a process that ends before
//! the number is on disk has printed nothing, and one that ends behind it knows whom to ask. What has no document is
//! cancelled, and only when the queue says that it never began is the report sent anew.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::print::Carrier;
use crate::book::Code;
use crate::device::{JobBegan, JobSeen, JobStage, PdfUpload, Refusal, ReportQueue};
use crate::document::job::{End, Event, Reprint};
use crate::document::{Content, Pdf};
use crate::journal::documents::Kept;
use crate::settlement::answer::Proof;

/// How often a job is looked at: at first, and after so many looks.
const LOOK_MS: u64 = 300;
const LOOKS_AT_FIRST: u32 = 30;
const LOOK_LATER_MS: u64 = 1_000;
/// However little it is waited for: a queue that has a job may take so long to begin it.
const BEGIN_MS_MAX: i64 = 30_000;
/// A job that has begun and shows nothing new is given up after this, or when it need not be waited for any more,
/// whichever is later.
const STALL_MS_MAX: i64 = 1_800_000;
/// How long a queue is asked to cancel a job.
const CANCEL_MS_MAX: i64 = 600_000;
/// The same of a job whose document it said no to.
const REFUSED_CANCEL_MS_MAX: i64 = 5_000;
/// The same of a queue that does not answer.
const AWAY_MS_MAX: i64 = 600_000;

/// A job as its print queue tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueView {
    /// Its number there.
    pub job: i32,
    /// Whether it has begun to be printed.
    pub begun: bool,
    /// What is in its way.
    pub trouble: Option<Code>,
    /// Sheets, or pages, that came out, as far as the printer tells.
    pub sheets: u32,
}

impl Carrier {
    /// The document, once.
    pub(super) async fn submit(&mut self, until_ms: i64) {
        let parts = Arc::clone(&self.prints.parts);
        let pdf = self.job.private.as_ref().map(|private| &private.content);
        let Some(Content::Pdf(pdf)) = pdf.cloned() else {
            return self.over(End::NotPrinted(Code::PrintGone));
        };
        let Some(queue) = parts.hub.report_queue(&self.job.order.role) else {
            return self.over(End::NotPrinted(Code::PrinterNotConfigured));
        };
        if !parts.documents.has(&pdf.file).await {
            return self.over(End::NotPrinted(Code::PrintGone));
        }
        if let Some(code) = self.outdated().await {
            return self.over(End::NotPrinted(code));
        }
        let names = self.names_in_queue();
        let name = &names[0];
        let is_again = self.job.intents > 0;
        self.record(Event::Intent);
        self.flush().await;
        let _hold = queue.hold(self.job_of());
        if is_again {
            self.hearing(sweep(&queue, &names)).await;
        }
        let job = match self.hearing(queue.create(name)).await {
            Ok(job) => job,
            Err(refusal) => return self.not_taken(&refusal),
        };
        match self.hearing(queue.job(job, &names)).await {
            Ok(Some(_)) => {}
            // Followed it must be: a queue that hides our own jobs from us is of no use.
            Ok(None) => {
                drop(queue.cancel(job).await);
                return self.over(End::NotPrinted(Code::QueueUnsuitable));
            }
            Err(refusal) => return self.not_taken(&refusal),
        }
        self.record(Event::Created { job });
        self.flush().await;
        let pieces = parts.documents.read(kept(&pdf));
        let bytes = pdf.bytes;
        let sending = queue.send(job, name, PdfUpload { bytes, pieces });
        let sent = self.hearing(sending).await;
        if let Err(refusal) = &sent {
            let error = refusal.error();
            tracing::warn!(stream = self.job.id, %error, "the queue did not take the document");
        }
        self.chase(&queue, job, until_ms, Sent::of(&sent)).await;
    }

    /// What became of a job that the queue has, after a restart.
    pub(super) async fn follow(&mut self, job: i32, until_ms: i64) {
        self.flush().await;
        let parts = Arc::clone(&self.prints.parts);
        let Some(queue) = parts.hub.report_queue(&self.job.order.role) else {
            // The configuration has it no more: nobody can be asked.
            return self.over(End::Unknown(Code::QueueLost));
        };
        let _hold = queue.hold(self.job_of());
        self.chase(&queue, job, until_ms, Sent::LOST).await;
    }

    /// Looks at the job until it is over, or the process ends.
    async fn chase(&mut self, queue: &ReportQueue, job: i32, until_ms: i64, sent: Sent) {
        let parts = Arc::clone(&self.prints.parts);
        let names = self.names_in_queue();
        let mut chase = Chase::new(parts.clock.now_ms(), until_ms, sent);
        let mut looks = 0_u32;
        while !parts.is_stopping() {
            let now_ms = parts.clock.now_ms();
            self.note_wish().await;
            chase.wish.clone_from(&self.job.cancel_by);
            // What the journal does not tell is asked again at the next look.
            chase.is_outdated = self.outdated().await == Some(Code::PaperOutdated);
            let next = match self.hearing(queue.job(job, &names)).await {
                Ok(None) => Move::End(End::Unknown(Code::QueueLost)),
                Ok(Some(seen)) => {
                    let trouble = self.hearing(trouble(queue, &seen)).await;
                    self.show(job, &chase, Some(&seen), trouble);
                    chase.next(&seen, trouble, now_ms)
                }
                Err(refusal) => {
                    let code = refusal.error().code;
                    self.show(job, &chase, None, Some(code));
                    chase.away(code, now_ms)
                }
            };
            match next {
                Move::Wait => {}
                // Whether that could be done is seen at the next look.
                Move::Cancel => drop(self.hearing(queue.cancel(job)).await),
                Move::End(end) => {
                    if matches!(end, End::Printed(_)) {
                        queue.finished();
                    }
                    return self.over(end);
                }
                Move::Cancelled(by) => return self.record(Event::Cancelled { by }),
                Move::NeverHad(code) => {
                    self.view.send_modify(|view| view.queue = None);
                    return self.not_begun(code);
                }
            }
            looks = looks.saturating_add(1);
            self.between_looks(looks).await;
        }
    }

    async fn between_looks(&self, looks: u32) {
        let pause_ms = if looks < LOOKS_AT_FIRST {
            LOOK_MS
        } else {
            LOOK_LATER_MS
        };
        let again = Instant::now() + Duration::from_millis(pause_ms);
        let mut wish = self.wish.clone();
        if self.job.cancel_by.is_some() {
            wish.mark_unchanged();
        }
        tokio::select! {
            _ = wish.changed() => {}
            () = self.prints.parts.stopped() => {}
            () = tokio::time::sleep_until(again) => {}
        }
    }

    /// Tells watchers what the queue says. It is no outcome: it is written down nowhere.
    fn show(&self, job: i32, chase: &Chase, seen: Option<&JobSeen>, trouble: Option<Code>) {
        let now = QueueView {
            job,
            begun: chase.has_begun || seen.is_some_and(has_begun),
            trouble,
            sheets: seen.map_or(chase.sheets, |seen| seen.sheets),
        };
        self.view.send_if_modified(|view| {
            let is_news = view.queue != Some(now);
            view.queue = Some(now);
            is_news
        });
    }

    /// The queue has nothing that it could print.
    fn not_taken(&mut self, refusal: &Refusal) {
        let error = refusal.error();
        tracing::warn!(stream = self.job.id, %error, "the queue took no job");
        self.not_begun(error.code);
    }

    fn not_begun(&mut self, code: Code) {
        match is_for_good(code) {
            true => self.over(End::NotPrinted(code)),
            false => self.record(Event::NotStarted { code }),
        }
    }

    fn over(&mut self, end: End) {
        self.record(Event::Ended { end });
    }

    /// What the queue's job is called.
    fn names_in_queue(&self) -> Vec<String> {
        queue_names(&self.job.id, self.job.order.reprint.as_ref())
    }
}

/// A queue's job is found again by our id. That it is a copy is seen nowhere else: a caller's PDF is not written into.
/// The first name is given; a copy that was made before copies said so bears the other one.
fn queue_names(id: &str, copy: Option<&Reprint>) -> Vec<String> {
    let plain = format!("yibaod {id}");
    let as_copy = copy.map(|copy| format!("{plain} copy {}", copy.count));
    as_copy.into_iter().chain([plain]).collect()
}

fn kept(pdf: &Pdf) -> Kept {
    Kept {
        file: pdf.file.clone(),
        key: pdf.key.clone(),
        digest: pdf.digest.clone(),
        bytes: pdf.bytes,
    }
}

/// Empty jobs of earlier tries whose numbers were lost. They print nothing: nobody gives them a document.
async fn sweep(queue: &ReportQueue, names: &[String]) {
    let Ok(jobs) = queue.empty_jobs(names).await else {
        return;
    };
    for job in jobs {
        drop(queue.cancel(job).await);
    }
}

/// What is in the way of a job that is not over.
async fn trouble(queue: &ReportQueue, seen: &JobSeen) -> Option<Code> {
    if seen.stage.is_over() {
        return None;
    }
    let printer = match queue.look().await {
        Ok(state) => state.trouble(),
        Err(error) => Some(error.code),
    };
    match seen.stage {
        JobStage::Held => Some(Code::QueueHeld),
        JobStage::Stopped => Some(printer.unwrap_or(Code::QueueStopped)),
        JobStage::Pending
        | JobStage::Processing
        | JobStage::Cancelled
        | JobStage::Aborted
        | JobStage::Completed => printer,
    }
}

/// Whether what a queue turned away will be turned away again.
fn is_for_good(code: Code) -> bool {
    matches!(
        code,
        Code::QueueUnsuitable | Code::QueueForbidden | Code::QueueOverLimit | Code::QueueRefused
    )
}

/// What is known of a document that was sent. PURE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sent {
    /// What is said if it never arrived.
    why: Code,
    /// The queue said that it never takes it: nothing is printed of this job. An error of a server, or of what stands
    /// before it, says less: the document may be there.
    is_refused: bool,
}

impl Sent {
    /// Whoever sent it knows no more.
    const LOST: Self = Self {
        why: Code::QueueBrokeOff,
        is_refused: false,
    };

    fn of(sent: &Result<(), Refusal>) -> Self {
        match sent {
            Ok(()) => Self::LOST,
            Err(Refusal::NoAnswer(error)) => Self {
                why: error.code,
                is_refused: false,
            },
            Err(Refusal::Refused(error)) => Self {
                why: error.code,
                is_refused: is_for_good(error.code),
            },
        }
    }
}

/// What to do about a job after a look. PURE.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Move {
    Wait,
    Cancel,
    End(End),
    /// Called off by whom; nothing of it was printed.
    Cancelled(String),
    /// The queue never had the document and never will print it.
    NeverHad(Code),
}

/// What was seen of a job so far. PURE.
struct Chase {
    since_ms: i64,
    until_ms: i64,
    sent: Sent,
    /// Who wants it called off.
    wish: Option<String>,
    /// It says of a refund what is not true any more.
    is_outdated: bool,
    /// Why it is being cancelled, when not by wish.
    ending: Option<Ending>,
    /// Since when it is being cancelled.
    ending_since_ms: Option<i64>,
    has_begun: bool,
    began: Option<i32>,
    stage: Option<JobStage>,
    sheets: u32,
    news_ms: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    TooLong(Code),
    BegunAgain,
    NoDocument,
    Outdated,
}

impl Chase {
    fn new(now_ms: i64, until_ms: i64, sent: Sent) -> Self {
        Self {
            since_ms: now_ms,
            until_ms,
            sent,
            wish: None,
            is_outdated: false,
            ending: None,
            ending_since_ms: None,
            has_begun: false,
            began: None,
            stage: None,
            sheets: 0,
            news_ms: now_ms,
        }
    }

    fn next(&mut self, seen: &JobSeen, trouble: Option<Code>, now_ms: i64) -> Move {
        if seen.stage.is_over() {
            return self.end(seen);
        }
        let is_anew = self.is_anew(seen);
        if self.stage != Some(seen.stage) || self.sheets != seen.sheets {
            self.news_ms = now_ms;
        }
        self.has_begun |= has_begun(seen);
        (self.stage, self.sheets) = (Some(seen.stage), seen.sheets);
        if let JobBegan::At(at) = seen.began {
            self.began = Some(at);
        }
        if is_anew {
            self.ending = Some(Ending::BegunAgain);
        } else if seen.awaits_document || self.was_refused() {
            self.ending = Some(Ending::NoDocument);
        } else if self.ending.is_none() && self.is_outdated && self.prints_nothing_yet(trouble) {
            self.ending = Some(Ending::Outdated);
        } else if self.ending.is_none() && now_ms >= self.latest_ms() {
            let code = trouble.unwrap_or(Code::PrinterError);
            self.ending = Some(Ending::TooLong(code));
        }
        if self.ending.is_none() && self.wish.is_none() {
            return Move::Wait;
        }
        let since_ms = *self.ending_since_ms.get_or_insert(now_ms);
        // A job that can never have a document prints nothing, also when the queue does not let it be cancelled.
        if self.never_had(seen) && now_ms >= since_ms.saturating_add(REFUSED_CANCEL_MS_MAX) {
            return Move::NeverHad(self.sent.why);
        }
        // Asked again at each look, for an answer may have been lost; but not for ever: a queue that does not let it
        // be cancelled would keep all later reports back.
        if now_ms >= since_ms.saturating_add(CANCEL_MS_MAX) {
            return Move::End(End::Unknown(self.ending_code(trouble)));
        }
        Move::Cancel
    }

    /// It has not begun, or stands before its first sheet.
    fn prints_nothing_yet(&self, trouble: Option<Code>) -> bool {
        !self.has_begun || (self.sheets == 0 && trouble.is_some())
    }

    /// The queue said no to the document and did not begin all the same.
    fn was_refused(&self) -> bool {
        self.sent.is_refused && !self.has_begun
    }

    /// The same, and the queue does not contradict it. A printer that typesets while the document comes may say no in
    /// its middle, with a page out: only one that says that it never began, or has no document, has none of it; or whose
    /// no was to the size.
    fn never_had(&self, seen: &JobSeen) -> bool {
        let is_without = seen.awaits_document || self.sent.why == Code::QueueOverLimit;
        let says_so =
            seen.began == JobBegan::Never || (is_without && seen.stage != JobStage::Completed);
        self.was_refused() && !has_begun(seen) && says_so
    }

    fn ending_code(&self, trouble: Option<Code>) -> Code {
        match self.ending {
            Some(Ending::TooLong(code)) => code,
            Some(Ending::BegunAgain) => Code::QueueBegunAgain,
            Some(Ending::NoDocument) => self.sent.why,
            Some(Ending::Outdated) => Code::PaperOutdated,
            None => trouble.unwrap_or(Code::QueueForbidden),
        }
    }

    fn latest_ms(&self) -> i64 {
        let least = if self.has_begun {
            self.news_ms.saturating_add(STALL_MS_MAX)
        } else {
            self.since_ms.saturating_add(BEGIN_MS_MAX)
        };
        self.until_ms.max(least)
    }

    /// The queue does not answer.
    fn away(&self, code: Code, now_ms: i64) -> Move {
        let latest_ms = self.until_ms.max(self.news_ms.saturating_add(AWAY_MS_MAX));
        if now_ms >= latest_ms {
            Move::End(End::Unknown(code))
        } else {
            Move::Wait
        }
    }

    /// Whether what had begun is to begin, or began, from its start: a part of the paper may be out already. A queue
    /// says by the second when it began: what begins again within the same one is not noticed.
    fn is_anew(&self, seen: &JobSeen) -> bool {
        let begins = match (self.began, seen.began) {
            (Some(before), JobBegan::At(at)) => before != at,
            (Some(_), JobBegan::Never) => true,
            (None, _) | (Some(_), JobBegan::Untold) => false,
        };
        begins || self.has_begun && seen.stage == JobStage::Pending
    }

    fn end(&self, seen: &JobSeen) -> Move {
        let is_anew = self.is_anew(seen);
        if self.never_had(seen) && self.wish.is_none() {
            return Move::NeverHad(self.sent.why);
        }
        // It said no and says that it is done.
        if self.was_refused() && !has_begun(seen) && seen.stage == JobStage::Completed {
            return Move::End(End::Unknown(Code::QueueLost));
        }
        // Where the queue does not say that it never began, it may have.
        let may_have_begun = self.has_begun || seen.began != JobBegan::Never || seen.sheets > 0;
        let by_queue = match seen.stage {
            JobStage::Aborted => Code::QueueAborted,
            JobStage::Pending
            | JobStage::Held
            | JobStage::Processing
            | JobStage::Stopped
            | JobStage::Cancelled
            | JobStage::Completed => Code::QueueCancelled,
        };
        if seen.stage == JobStage::Completed {
            return match (is_anew, seen.awaits_document, seen.began) {
                (true, _, _) => Move::End(End::Unknown(Code::QueueBegunAgain)),
                (false, true, JobBegan::Never) if !may_have_begun => Move::NeverHad(self.sent.why),
                (false, true, JobBegan::Untold) if !self.has_begun => {
                    Move::End(End::Unknown(Code::QueueLost))
                }
                // CUPS that keeps no files of finished jobs says of them that they have no document.
                (false, _, _) => Move::End(End::Printed(Proof::QueueFinished)),
            };
        }
        match (may_have_begun, self.ending, &self.wish) {
            (true, Some(Ending::BegunAgain), _) => Move::End(End::Unknown(Code::QueueBegunAgain)),
            (true, Some(Ending::TooLong(code)), _) => Move::End(End::Unknown(code)),
            (true, Some(Ending::Outdated), _) => Move::End(End::Unknown(Code::PaperOutdated)),
            (true, Some(Ending::NoDocument) | None, _) => Move::End(End::Unknown(by_queue)),
            (false, _, Some(by)) => Move::Cancelled(by.clone()),
            (false, Some(Ending::NoDocument), None) => Move::NeverHad(self.sent.why),
            (false, Some(Ending::TooLong(code)), None) => Move::End(End::NotPrinted(code)),
            (false, Some(Ending::Outdated), None) => {
                Move::End(End::NotPrinted(Code::PaperOutdated))
            }
            (false, Some(Ending::BegunAgain) | None, None) => Move::End(End::NotPrinted(by_queue)),
        }
    }
}

fn has_begun(seen: &JobSeen) -> bool {
    matches!(seen.began, JobBegan::At(_))
        || matches!(seen.stage, JobStage::Processing | JobStage::Stopped)
        || seen.sheets > 0
}

#[cfg(test)]
mod tests;
