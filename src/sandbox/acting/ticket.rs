//! The ticket of a registration, 挂号凭条: where and when the patient is expected. Its words are the HIS's; the daemon puts
//! them on the paper of the receipt printer.

use super::{Scene, Trouble, Who};
use crate::api::print_block::Block;
use crate::api::print_request::Content;
use crate::api::print_service_client::PrintServiceClient;
use crate::api::{
    PrintAlign, PrintBlock, PrintCut, PrintDocument, PrintJobState, PrintRequest, PrintStyle,
    PrintText,
};
use crate::sandbox::devices::printer::Paper;
use crate::sandbox::his::{Registered, When};

/// How long the kiosk waits for the paper, milliseconds.
const ANSWER_WAIT_MS: u32 = 30_000;

impl Scene<'_> {
    /// Prints it. That it does not come out is said and takes nothing back: the booking stands.
    pub(super) async fn ticket(&self, registered: &Registered) -> Result<Vec<Paper>, Trouble> {
        let before = self.room.receipts.papers().len();
        let request = PrintRequest {
            request_id: self.new_id("ticket"),
            content: Some(Content::Document(document(registered))),
            answer_wait_ms: ANSWER_WAIT_MS,
            ..PrintRequest::default()
        };
        let mut client = PrintServiceClient::new(self.door.clone());
        let job = match client.print(request).await {
            Ok(answer) => answer.into_inner().job.unwrap_or_default(),
            Err(status) => {
                self.refused(status)?;
                return Ok(Vec::new());
            }
        };
        if job.state() == PrintJobState::Printed {
            self.line(Who::His, "打印挂号凭条。", "Has the ticket printed.");
            return Ok(self.take_receipts(before).await);
        }
        if let Some(error) = &job.error {
            self.error(error);
        }
        Ok(Vec::new())
    }
}

fn document(registered: &Registered) -> PrintDocument {
    let slot = &registered.slot;
    let title = match slot.when {
        When::Today => "挂号凭条",
        When::Appointment => "预约挂号凭条",
    };
    let rows = [
        format!("单号 {}", registered.number),
        format!("病人号 {}", registered.his_id),
        format!("科室 {}", slot.department.name),
        format!("医师 {}", slot.doctor),
        format!("就诊日期 {}", slot.day),
        format!("就诊时段 {}", slot.period),
        format!("就诊序号 {}号", registered.place.0),
        format!("结算ID {}", registered.setl_id),
    ];
    let head = PrintText {
        text: title.to_owned(),
        style: Some(PrintStyle {
            bold: true,
            ..PrintStyle::default()
        }),
        align: PrintAlign::Center.into(),
    };
    let row = |text| PrintText {
        text,
        ..PrintText::default()
    };
    let texts = std::iter::once(head).chain(rows.map(row));
    let blocks = texts.map(Block::Text);
    let blocks = blocks.chain([Block::Cut(PrintCut {})]);
    PrintDocument {
        title: title.to_owned(),
        blocks: blocks
            .map(|block| PrintBlock { block: Some(block) })
            .collect(),
    }
}
