//! Flow 2, 门诊缴费: log in, tick unpaid fees, 立即缴费, a fresh code, 缴费成功.

use super::orders::{bills, kiosk, payment};
use super::{Patient, Paying, Scene, Trouble, Who, yuan};
use crate::api::{Identification, IdentifyFlow, OrderKind, Settlement};
use crate::sandbox::his::{Fee, Paid, Refused};

/// What is ticked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tick {
    /// The whole list.
    All,
    /// The first of the list.
    First,
}

/// What became of a payment at the kiosk.
#[derive(Clone, Debug, Default)]
pub struct Payment {
    /// Who logged in.
    pub identification: Identification,
    /// What was ticked.
    pub ticked: Vec<Fee>,
    /// The HIS's no, before anything was asked of the daemon.
    pub refused: Option<Refused>,
    /// The payment.
    pub paying: Option<Paying>,
}

impl Scene<'_> {
    /// Acts it; each code is waited for at most so long. `meanwhile` happens between ticking and paying, as others
    /// would do it.
    ///
    /// # Errors
    /// It could not be acted.
    pub async fn payment(
        &self,
        patient: &Patient,
        tick: Tick,
        wait_ms: u32,
        meanwhile: impl FnOnce(&Self, &[Fee]),
    ) -> Result<Payment, Trouble> {
        let mut acted = Payment::default();
        self.line(Who::Patient, "点击“门诊缴费”。", "Presses “pay fees”.");
        let (operator, office) = kiosk();
        let flow = IdentifyFlow::Payment;
        let (identification, who) = self
            .log_in(flow, &operator, &office, patient, wait_ms)
            .await?;
        acted.identification = identification;
        let Some(who) = who else {
            return Ok(acted);
        };
        let insutype = self.asks_insurance(&who);
        acted.ticked = self.ticks(Who::Patient, &who.file.his_id, tick);
        if acted.ticked.is_empty() {
            return Ok(acted);
        }
        meanwhile(self, &acted.ticked);
        self.line(
            Who::Patient,
            "点击“立即缴费”，选择“电子医保凭证”。",
            "Presses “pay now”, chooses the insurance code.",
        );
        let locked = self.his().lock(&acted.ticked);
        if let Err(refused) = locked {
            self.his_refuses(&refused);
            acted.refused = Some(refused);
            return Ok(acted);
        }
        let mut request = payment(
            self.new_id("pay"),
            OrderKind::Outpatient,
            (operator, office),
            &who.file,
            bills(&acted.ticked),
        );
        request.insutype = insutype;
        request.scan_wait_ms = wait_ms;
        let paying = self.pay(request, patient).await?;
        if let Some(settlement) = paying.settled() {
            self.paid(&acted.ticked, settlement);
            self.screen("缴费成功，请取走小票。", "Paid; please take the receipt.");
        }
        acted.paying = Some(paying);
        Ok(acted)
    }

    /// The list is shown and ticked, by the patient or by the doctor.
    pub(super) fn ticks(&self, who: Who, his_id: &str, tick: Tick) -> Vec<Fee> {
        let mut fees = self.his().unpaid(his_id);
        if fees.is_empty() {
            self.screen("您没有待缴费用。", "There is nothing to pay.");
            return fees;
        }
        for fee in &fees {
            let total = yuan(fee.total().0);
            self.screen(
                format!("待缴费 {} {} {total} 元", fee.number, fee.kind.zh()),
                format!("To be paid: {total} yuan."),
            );
        }
        if tick == Tick::First {
            fees.truncate(1);
        }
        let total: i64 = fees.iter().map(|fee| fee.total().0).sum();
        self.line(
            who,
            format!("勾选 {} 张，合计 {} 元。", fees.len(), yuan(total)),
            format!("Ticks {}: {} yuan.", fees.len(), yuan(total)),
        );
        fees
    }

    /// The HIS notes what was paid.
    pub(super) fn paid(&self, fees: &[Fee], settlement: &Settlement) {
        let paid = Paid {
            setl_id: settlement.setl_id.clone(),
            mdtrt_id: settlement.mdtrt_id.clone(),
            psn_no: settlement.psn_no.clone(),
        };
        self.his().pay(fees, &paid);
        self.line(
            Who::His,
            format!("记为已缴，结算ID {}。", settlement.setl_id),
            "Noted as paid.",
        );
    }
}
