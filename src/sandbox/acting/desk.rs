//! Flow 4, 诊间结算: the doctor chooses the kind of credential, reads who it is, chooses the insurance once, signs orders
//! of which fees are made, presses 代缴费, ticks the fees, and settles with the patient's fresh code or with the document laid down again; person and amounts are
//! shown before the money moves, the sheet is shown and printed after it.

use super::orders::{bills, doctor, payment};
use super::{Patient, Paying, Scene, Sheet, Tick, Trouble, Who, yuan};
use crate::api::{ConfirmPoint, Identification, IdentifyFlow, OrderKind};
use crate::sandbox::his::Fee;

/// How long the desk waits for a code, milliseconds.
const LOGIN_WAIT_MS: u32 = 30_000;

/// What became of a consultation.
#[derive(Clone, Debug, Default)]
pub struct Consultation {
    /// Who was read.
    pub identification: Identification,
    /// What was ticked.
    pub ticked: Vec<Fee>,
    /// The payment.
    pub paying: Option<Paying>,
    /// The settlement sheet, once it is settled.
    pub sheet: Option<Sheet>,
}

impl Scene<'_> {
    /// Acts it. `insutype` is what the doctor chooses; empty: as it was chosen the last time, and the first that is in
    /// force at the first time.
    ///
    /// # Errors
    /// It could not be acted.
    pub async fn consultation(
        &self,
        patient: &Patient,
        insutype: &str,
    ) -> Result<Consultation, Trouble> {
        let mut acted = Consultation::default();
        let (operator, office) = doctor();
        self.chooses(patient);
        let flow = IdentifyFlow::Desk;
        let (identification, who) = self
            .log_in(flow, &operator, &office, patient, LOGIN_WAIT_MS)
            .await?;
        acted.identification = identification;
        let Some(who) = who else {
            return Ok(acted);
        };
        let chosen = self.chooses_insurance(&who, insutype);
        self.signs(&who.file.his_id);
        self.line(
            Who::Staff,
            "点击“代缴费”。",
            "Presses “pay for the patient”.",
        );
        acted.ticked = self.ticks(Who::Staff, &who.file.his_id, Tick::All);
        self.line(
            Who::Staff,
            "点击“统筹支付”。",
            "Presses “pay by insurance”.",
        );
        let mut request = payment(
            self.new_id("desk"),
            OrderKind::DoctorDesk,
            (operator, office),
            &who.file,
            bills(&acted.ticked),
        );
        request.insutype = chosen.clone();
        request.credentials = vec![patient.chosen().into()];
        request.confirm = vec![ConfirmPoint::Person.into(), ConfirmPoint::Amounts.into()];
        let paying = self.pay(request, patient).await?;
        if let Some(settlement) = paying.settled() {
            self.paid(&acted.ticked, settlement);
            self.remembers(&who.file.his_id, &chosen);
            acted.sheet = Some(self.sheet(settlement).await?);
        }
        acted.paying = Some(paying);
        Ok(acted)
    }

    /// The orders of this visit; nothing is made twice of what is not paid for yet.
    fn signs(&self, his_id: &str) {
        self.line(Who::Staff, "医嘱签名。", "Signs the orders.");
        let fees = self.his().sign(his_id);
        let total: i64 = fees.iter().map(|fee| fee.total().0).sum();
        self.line(
            Who::His,
            format!("费用已生成：{} 张，合计 {} 元。", fees.len(), yuan(total)),
            format!("Fees are made: {} yuan.", yuan(total)),
        );
    }
}
