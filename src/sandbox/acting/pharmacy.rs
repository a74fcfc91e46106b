//! Flow 5, 取药: the pharmacist chooses the kind of credential, reads who it is, sees the medicines that are paid for,
//! scans the packages, hands them out, and the patient gets a ticket.

use super::orders::{hand_out, pharmacist, take_back};
use super::{Patient, Scene, Trouble, Who};
use crate::api::dispense_service_client::DispenseServiceClient;
use crate::api::{Dispense, DispenseState, ErrorEntry, Identification, IdentifyFlow, PaperState};
use crate::sandbox::devices::printer::Paper;
use crate::sandbox::his::Prescription;

/// How long the counter waits for a code, milliseconds.
const LOGIN_WAIT_MS: u32 = 30_000;

/// What became of a pick-up.
#[derive(Clone, Debug, Default)]
pub struct PickUp {
    /// Who was read.
    pub identification: Identification,
    /// What waited.
    pub prescriptions: Vec<Prescription>,
    /// What the platform recorded.
    pub dispensed: Vec<Dispense>,
    /// Why a hand-out did not begin.
    pub refused: Option<ErrorEntry>,
    /// What came out of the receipt printer.
    pub tickets: Vec<Paper>,
}

/// What became of medicines that were brought back.
#[derive(Clone, Debug, Default)]
pub struct BroughtBack {
    /// What the platform recorded.
    pub dispense: Option<Dispense>,
    /// Why it did not begin.
    pub refused: Option<ErrorEntry>,
    /// What came out of the receipt printer.
    pub tickets: Vec<Paper>,
}

impl Scene<'_> {
    /// The patient brings packages of a line of this hand-out back, 退药.
    ///
    /// # Errors
    /// It could not be acted.
    pub async fn bring_back(
        &self,
        handed_out: &Dispense,
        line: u32,
        trace_codes: &[String],
    ) -> Result<BroughtBack, Trouble> {
        let mut acted = BroughtBack::default();
        self.line(
            Who::Patient,
            format!("退回 {} 盒未拆封的药品。", trace_codes.len()),
            format!(
                "Brings {} back, sealed.",
                packages(&trace_codes.len().to_string())
            ),
        );
        self.line(
            Who::Staff,
            format!("扫描追溯码 {}，点击“退药”。", trace_codes.join("、")),
            "Scans the codes of the packages, presses “take back”.",
        );
        let before = self.room.receipts.papers().len();
        let id = &handed_out.dispense_id;
        let request = take_back(self.new_id("back"), id, line, trace_codes);
        let mut client = DispenseServiceClient::new(self.door.clone());
        let dispense = match client.take_back(request).await {
            Ok(answer) => answer.into_inner().dispense.unwrap_or_default(),
            Err(status) => {
                acted.refused = Some(self.refused(status)?);
                return Ok(acted);
            }
        };
        let ticket = dispense.ticket.clone().unwrap_or_default();
        if dispense.state() == DispenseState::Recorded {
            self.his().taken_back(trace_codes);
            self.screen(
                "退药已登记，请取走凭条，到收费窗口办理退费：原单整单退回，其余药品重新结算。",
                "Taken back. Please take the ticket to the cashier: the bill is given back whole, the rest settled anew.",
            );
            self.line(
                Who::His,
                "退药已登记；退费须整单退回，其余重新结算。",
                "Notes what came back. Money goes back for the whole bill; the rest is settled anew.",
            );
        } else if let Some(error) = &dispense.error {
            self.error(error);
        }
        if ticket.state() == PaperState::Printed {
            acted.tickets = self.take_receipts(before).await;
        }
        acted.dispense = Some(dispense);
        Ok(acted)
    }

    /// Acts it.
    ///
    /// # Errors
    /// It could not be acted.
    pub async fn pick_up(&self, patient: &Patient) -> Result<PickUp, Trouble> {
        let mut acted = PickUp::default();
        let (operator, office) = pharmacist();
        self.chooses(patient);
        loop {
            let flow = IdentifyFlow::Pharmacy;
            let (identification, who) = self
                .log_in(flow, &operator, &office, patient, LOGIN_WAIT_MS)
                .await?;
            acted.identification = identification;
            let Some(who) = who else {
                return Ok(acted);
            };
            let waiting = self.his().to_hand_out(&who.file.his_id);
            let Some(prescription) = waiting.into_iter().next() else {
                if acted.prescriptions.is_empty() {
                    self.screen("没有待取的药品。", "There is nothing to pick up.");
                }
                return Ok(acted);
            };
            self.shows(&prescription);
            acted.prescriptions.push(prescription.clone());
            let before = self.room.receipts.papers().len();
            let request = hand_out(self.new_id("out"), &who, &prescription);
            let mut client = DispenseServiceClient::new(self.door.clone());
            let dispense = match client.hand_out(request).await {
                Ok(answer) => answer.into_inner().dispense.unwrap_or_default(),
                Err(status) => {
                    acted.refused = Some(self.refused(status)?);
                    return Ok(acted);
                }
            };
            let is_recorded = dispense.state() == DispenseState::Recorded;
            let ticket = dispense.ticket.clone().unwrap_or_default();
            if is_recorded {
                self.his().given(&prescription.number);
                self.screen(
                    "取药完成，追溯码已上报。",
                    "Handed out; the codes are recorded.",
                );
            } else if let Some(error) = &dispense.error {
                self.error(error);
            }
            if ticket.state() == PaperState::Printed {
                acted.tickets.extend(self.take_receipts(before).await);
            }
            acted.dispensed.push(dispense);
            // One identification is good for one hand-out: for a further prescription the code is read again.
            if !is_recorded || self.his().to_hand_out(&who.file.his_id).is_empty() {
                return Ok(acted);
            }
        }
    }

    fn shows(&self, prescription: &Prescription) {
        for medicine in &prescription.medicines {
            self.screen(
                format!("{} × {}", medicine.name, medicine.count),
                format!("A medicine, {}.", packages(&medicine.count.to_string())),
            );
            self.line(
                Who::Staff,
                format!("扫描追溯码 {}。", medicine.trace_codes.join("、")),
                "Scans the codes of the packages.",
            );
        }
        self.line(
            Who::Staff,
            "核对无误，点击“取药”。",
            "Checked; presses “hand out”.",
        );
    }
}

/// As English counts them.
fn packages(count: &str) -> String {
    match count {
        "1" => "1 package".to_owned(),
        count => format!("{count} packages"),
    }
}
