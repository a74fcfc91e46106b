//! Flow 3, 检验报告打印: log in, tick reports, 立即打印, wait, take the paper. Each comes out once.

use futures_util::future::try_join_all;
use tokio::time::{Duration, Instant};

use super::orders::kiosk;
use super::{PAPER_WAIT_MS_MAX, Patient, Scene, Told, Trouble, Who};
use crate::api::print_request::Content;
use crate::api::print_service_client::PrintServiceClient;
use crate::api::watch_job_request::Key;
use crate::api::{
    Identification, IdentifyFlow, PrintJob, PrintJobState, PrintRequest, WatchJobRequest,
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
    /// What came out of the report printer.
    pub papers: Vec<Vec<u8>>,
}

impl Scene<'_> {
    /// Acts it; the button is pressed `presses` times for each report. `between` happens after each paper.
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
        self.line(Who::Patient, "点击“立即打印”。", "Presses “print now”.");
        self.screen(
            "正在打印，请稍候，请勿重复点击。",
            "Printing; please wait and do not press again.",
        );
        for report in acted.ticked.clone() {
            let before = self.room.reports.papers().len();
            let job = self.prints(&report, presses).await?;
            if job.state() == PrintJobState::Printed {
                // Only what is on paper is marked as printed.
                self.his().printed(&report.number);
                acted
                    .papers
                    .extend(self.take_reports(&report, before).await);
            } else if let Some(error) = &job.error {
                self.error(error);
            }
            between(self, &job);
            acted.jobs.push(job);
        }
        let out = acted.papers.len();
        self.screen(
            format!("已打印 {out} 份，请取走您的报告。"),
            format!("{out} are printed; please take your reports."),
        );
        Ok(acted)
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

    /// Asks for it as often as the button is pressed, and follows the one job that comes of it.
    async fn prints(&self, report: &Report, presses: usize) -> Result<PrintJob, Trouble> {
        let client = PrintServiceClient::new(self.door.clone());
        let pdf = report.page().pdf();
        let calls = (0..presses.max(1)).map(|_| {
            let request = PrintRequest {
                request_id: self.new_id("print"),
                content: Some(Content::Pdf(pdf.clone())),
                document_id: report.number.clone(),
                title: report.title.to_owned(),
                ..PrintRequest::default()
            };
            let mut client = client.clone();
            async move { client.print(request).await }
        });
        let answers = try_join_all(calls).await?;
        let jobs: Vec<PrintJob> = answers
            .into_iter()
            .filter_map(|answer| answer.into_inner().job)
            .collect();
        let first = jobs.first().cloned().unwrap_or_default();
        if jobs.iter().any(|job| job.job_id != first.job_id) {
            return Err("the button was pressed often, and several jobs came of it".into());
        }
        self.follows(report, first.job_id).await
    }

    async fn follows(&self, report: &Report, job_id: String) -> Result<PrintJob, Trouble> {
        let mut client = PrintServiceClient::new(self.door.clone());
        let key = Some(Key::JobId(job_id));
        let mut events = client
            .watch_job(WatchJobRequest { key })
            .await?
            .into_inner();
        let mut job = PrintJob::default();
        let mut waits_for = String::new();
        while let Some(message) = events.message().await? {
            job = message.job.unwrap_or_default();
            let is_over = !job.ended_at.is_empty();
            if let Some(error) = job.error.as_ref().filter(|_| !is_over)
                && error.name != waits_for
            {
                waits_for.clone_from(&error.name);
                self.error(error);
            }
        }
        if job.state() == PrintJobState::Printed {
            self.screen(format!("{} 已打印。", report.title), "A report is printed.");
        }
        Ok(job)
    }

    async fn take_reports(&self, report: &Report, before: usize) -> Vec<Vec<u8>> {
        let until = Instant::now() + Duration::from_millis(PAPER_WAIT_MS_MAX);
        let printer = self.room.reports;
        let mut papers = printer.wait_papers(before + 1, until).await;
        let papers = papers.split_off(before.min(papers.len()));
        for paper in &papers {
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
