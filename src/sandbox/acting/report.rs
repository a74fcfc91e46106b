//! Flow 3, 检验报告打印: log in, tick reports, 立即打印, wait, take the paper. Each comes out once.

use futures_util::future::try_join_all;
use jiff::Timestamp;
use tokio::time::{Duration, Instant};

use super::orders::kiosk;
use super::{PAPER_WAIT_MS_MAX, Patient, Scene, Told, Trouble, Who};
use crate::api::print_batch_document::Content;
use crate::api::print_service_client::PrintServiceClient;
use crate::api::{
    Identification, IdentifyFlow, PrintBatchDocument, PrintBatchRequest, PrintJob, PrintJobState,
    WatchBatchRequest,
};
use crate::sandbox::his::Report;

/// How long the kiosk waits for a code, milliseconds.
const LOGIN_WAIT_MS: u32 = 30_000;

/// What became of the reports.
#[derive(Clone, Debug, Default)]
pub struct Reports {
    /// Who logged in.
    pub identification: Identification,
    /// What was ticked: released and not printed.
    pub ticked: Vec<Report>,
    /// What became of each, in the same order.
    pub jobs: Vec<PrintJob>,
    /// Of these, those that were printed before this button was pressed: no paper comes out for them.
    pub printed_before: usize,
    /// What came out of the report printer.
    pub papers: Vec<Vec<u8>>,
}

impl Scene<'_> {
    /// Acts it; the button is pressed `presses` times. `between` happens at the end of each report.
    ///
    /// # Errors
    /// It could not be acted.
    pub async fn reports(
        &self,
        patient: &Patient,
        presses: usize,
        between: impl Fn(&Self, &PrintJob),
    ) -> Result<Reports, Trouble> {
        let mut acted = Reports::default();
        self.line(
            Who::Patient,
            "点击“检验报告打印”。",
            "Presses “print reports”.",
        );
        let (operator, office) = kiosk();
        let flow = IdentifyFlow::Report;
        let (identification, who) = self
            .log_in(flow, &operator, &office, patient, LOGIN_WAIT_MS)
            .await?;
        acted.identification = identification;
        let Some(who) = who else {
            return Ok(acted);
        };
        acted.ticked = self.ticks_reports(&who.file.his_id);
        if acted.ticked.is_empty() {
            self.screen("没有可打印的报告。", "There is nothing to print.");
            return Ok(acted);
        }
        let before = self.room.reports.papers().len();
        self.line(Who::Patient, "点击“立即打印”。", "Presses “print now”.");
        self.screen(
            "正在打印，请稍候，请勿重复点击。",
            "Printing; please wait and do not press again.",
        );
        let pressed_at = Timestamp::now();
        let ids = self.presses(&acted.ticked, presses).await?;
        let watched = (ids.as_slice(), pressed_at);
        acted.jobs = self.follows(&acted.ticked, watched, between).await?;
        for (report, job) in acted.ticked.iter().zip(&acted.jobs) {
            if job.state() == PrintJobState::Printed {
                // Only what is on paper is marked as printed.
                self.his().printed(&report.number);
            } else if let Some(error) = &job.error {
                self.error(error);
            }
        }
        let printed = acted.ticked.iter().zip(&acted.jobs);
        let printed = printed.filter(|(_, job)| job.state() == PrintJobState::Printed);
        let (earlier, anew): (Vec<_>, Vec<_>) =
            printed.partition(|(_, job)| is_before(job, pressed_at));
        acted.printed_before = earlier.len();
        let anew: Vec<&Report> = anew.into_iter().map(|(report, _)| report).collect();
        acted.papers = self.take_reports(&anew, before).await;
        self.tells_taken(acted.papers.len(), acted.printed_before);
        Ok(acted)
    }

    fn tells_taken(&self, out: usize, earlier: usize) {
        if out > 0 || earlier == 0 {
            self.screen(
                format!("已打印 {out} 份，请取走您的报告。"),
                format!("Printed: {out}; please take your reports."),
            );
        }
        if earlier > 0 {
            self.screen(
                format!("{earlier} 份报告此前已经打印，本次没有再打印；确需再打请联系工作人员。"),
                format!(
                    "{earlier} were printed before and not again; ask the staff for another paper."
                ),
            );
        }
    }

    fn ticks_reports(&self, his_id: &str) -> Vec<Report> {
        let mut reports = self.his().reports(his_id);
        for report in &reports {
            let (state, state_en) = match (&report.released, report.is_printed) {
                (None, _) => ("未出结果", "not released"),
                (Some(_), true) => ("已打印", "printed"),
                (Some(_), false) => ("可打印", "ready"),
            };
            self.screen(
                format!("{} {} {state}", report.number, report.title),
                format!("A report: {state_en}."),
            );
        }
        reports.retain(|report| report.released.is_some() && !report.is_printed);
        self.line(
            Who::Patient,
            format!("勾选 {} 份。", reports.len()),
            format!("Ticks {}.", reports.len()),
        );
        reports
    }

    /// Asks for all of them as often as the button is pressed: the same jobs come of each press.
    async fn presses(&self, reports: &[Report], presses: usize) -> Result<Vec<String>, Trouble> {
        let client = PrintServiceClient::new(self.door.clone());
        let documents: Vec<PrintBatchDocument> = reports.iter().map(document).collect();
        let calls = (0..presses.max(1)).map(|_| {
            let request = PrintBatchRequest {
                request_id: self.new_id("print"),
                documents: documents.clone(),
                ..PrintBatchRequest::default()
            };
            let mut client = client.clone();
            async move { client.print_batch(request).await }
        });
        let mut ids: Option<Vec<String>> = None;
        for answer in try_join_all(calls).await? {
            let jobs = answer.into_inner().items.into_iter();
            let these: Vec<String> = jobs
                .map(|item| item.job.unwrap_or_default().job_id)
                .collect();
            if ids.as_ref().is_some_and(|ids| *ids != these) {
                return Err("the button was pressed often, and other jobs came of it".into());
            }
            ids = Some(these);
        }
        Ok(ids.unwrap_or_default())
    }

    /// Each change of any, to the end of all. `between` happens at the end of each.
    async fn follows(
        &self,
        reports: &[Report],
        (ids, pressed_at): (&[String], Timestamp),
        between: impl Fn(&Self, &PrintJob),
    ) -> Result<Vec<PrintJob>, Trouble> {
        let mut client = PrintServiceClient::new(self.door.clone());
        let request = WatchBatchRequest {
            job_ids: ids.to_vec(),
        };
        let mut events = client.watch_batch(request).await?.into_inner();
        let mut jobs = vec![PrintJob::default(); ids.len()];
        let mut waits_for = String::new();
        while let Some(message) = events.message().await? {
            let job = message.job.unwrap_or_default();
            let Some(place) = ids.iter().position(|id| *id == job.job_id) else {
                return Err("a job that nobody watches".into());
            };
            let is_over = !job.ended_at.is_empty();
            if let Some(error) = job.error.as_ref().filter(|_| !is_over)
                && error.name != waits_for
            {
                waits_for.clone_from(&error.name);
                self.error(error);
            }
            if is_over && jobs[place].ended_at.is_empty() {
                if job.state() == PrintJobState::Printed && !is_before(&job, pressed_at) {
                    let title = reports.get(place).map_or("", |report| report.title);
                    self.screen(format!("{title} 已打印。"), "A report is printed.");
                }
                between(self, &job);
            }
            jobs[place] = job;
        }
        Ok(jobs)
    }

    /// What came out after the first `before`: the printed ones, in their order.
    async fn take_reports(&self, printed: &[&Report], before: usize) -> Vec<Vec<u8>> {
        let until = Instant::now() + Duration::from_millis(PAPER_WAIT_MS_MAX);
        let printer = self.room.reports;
        let mut papers = printer.wait_papers(before + printed.len(), until).await;
        let papers = papers.split_off(before.min(papers.len()));
        for (report, paper) in printed.iter().zip(&papers) {
            self.line(
                Who::Paper,
                format!("{}报告单。", report.title),
                "A report comes out.",
            );
            (self.listener)(Told::Report(report, paper));
        }
        papers
    }
}

fn document(report: &Report) -> PrintBatchDocument {
    PrintBatchDocument {
        content: Some(Content::Pdf(report.page().pdf())),
        document_id: report.number.clone(),
        title: report.title.to_owned(),
    }
}

/// The same document was asked for earlier: the daemon prints it once and tells of that paper.
fn is_before(job: &PrintJob, pressed_at: Timestamp) -> bool {
    let accepted = job.accepted_at.parse::<Timestamp>();
    accepted.is_ok_and(|accepted| accepted < pressed_at)
}
