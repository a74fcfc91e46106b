//! The settlement sheet at the doctor's desk: shown on the screen, printed, taken. Where it cannot be typeset the
//! receipt is what the patient takes along, and the screen says so.

use tokio::time::{Duration, Instant};

use super::{PAPER_WAIT_MS_MAX, Scene, Told, Trouble, Who, refusal};
use crate::api::print_request::Content;
use crate::api::print_service_client::PrintServiceClient;
use crate::api::settlement_sheet::Key;
use crate::api::{
    ErrorEntry, GetSettlementSheetRequest, PrintJob, PrintJobState, PrintRequest, Settlement,
    SettlementSheet, SheetPaper,
};

/// How long the desk waits for the paper, milliseconds.
const ANSWER_WAIT_MS: u32 = 30_000;

/// What became of the sheet.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    /// What is shown; empty when there is none.
    pub pdf: Vec<u8>,
    /// Why there is none.
    pub error: Option<ErrorEntry>,
    /// Its print job.
    pub job: Option<PrintJob>,
    /// What came out of the report printer.
    pub papers: Vec<Vec<u8>>,
}

impl Scene<'_> {
    /// Shows the sheet and prints it.
    pub(super) async fn sheet(&self, settlement: &Settlement) -> Result<Sheet, Trouble> {
        let mut acted = Sheet::default();
        let mut client = PrintServiceClient::new(self.door.clone());
        let request = GetSettlementSheetRequest {
            sheet: Some(sheet_of(settlement)),
        };
        match client.get_settlement_sheet(request).await {
            Ok(answer) => acted.pdf = answer.into_inner().pdf,
            Err(status) => {
                let error = refusal(status)?;
                self.staff_error(&error);
                acted.error = Some(error);
                self.screen(
                    "结算完成，结算单未能生成，请以小票为准。",
                    "Settled; there is no sheet, the receipt stands for it.",
                );
                return Ok(acted);
            }
        }
        self.screen("结算完成，结算单已显示。", "Settled; the sheet is shown.");
        (self.listener)(Told::Sheet(settlement, &acted.pdf));
        self.prints_sheet(settlement, &mut acted).await?;
        Ok(acted)
    }

    async fn prints_sheet(
        &self,
        settlement: &Settlement,
        acted: &mut Sheet,
    ) -> Result<(), Trouble> {
        let before = self.room.reports.papers().len();
        let request = PrintRequest {
            request_id: self.new_id("sheet"),
            content: Some(Content::SettlementSheet(sheet_of(settlement))),
            answer_wait_ms: ANSWER_WAIT_MS,
            ..PrintRequest::default()
        };
        let mut client = PrintServiceClient::new(self.door.clone());
        let job = match client.print(request).await {
            Ok(answer) => answer.into_inner().job.unwrap_or_default(),
            Err(status) => {
                acted.error = Some(self.refused(status)?);
                return Ok(());
            }
        };
        if job.state() == PrintJobState::Printed {
            let until = Instant::now() + Duration::from_millis(PAPER_WAIT_MS_MAX);
            let mut papers = self.room.reports.wait_papers(before + 1, until).await;
            acted.papers = papers.split_off(before.min(papers.len()));
            self.screen(
                "结算单已打印，请取走。",
                "The sheet is printed; please take it.",
            );
            self.line(Who::Paper, "结算单。", "The sheet comes out.");
        } else if let Some(error) = &job.error {
            self.error(error);
        }
        acted.job = Some(job);
        Ok(())
    }
}

fn sheet_of(settlement: &Settlement) -> SettlementSheet {
    SettlementSheet {
        key: Some(Key::SettlementId(settlement.settlement_id.clone())),
        paper: SheetPaper::A4.into(),
    }
}
