//! Flow 1, 自助挂号: today or by appointment, log in, choose department, doctor and time, check the order, pay, 挂号成功.
//!
//! An appointment is registered and paid for on the day on which it is made: the platform's 开始时间 is the time of the
//! registration, and no document knows another 医疗类别 for it. Its own day stands in the HIS's books and on the ticket.

use super::orders::{bill, kiosk, payment, visit};
use super::{Patient, Paying, Scene, Trouble, Who, yuan};
use crate::api::settlement_service_client::SettlementServiceClient;
use crate::api::{
    Identification, IdentifyFlow, OrderKind, Refund, RefundMoney, RefundSettlementRequest,
    Settlement, refund_settlement_request,
};
use crate::sandbox::devices::printer::Paper;
use crate::sandbox::his::{Order, Registered, When};

/// How long the kiosk waits for a code, milliseconds.
const LOGIN_WAIT_MS: u32 = 30_000;

/// What became of a registration.
#[derive(Clone, Debug, Default)]
pub struct Registration {
    /// Who logged in.
    pub identification: Identification,
    /// What was chosen and paid for.
    pub order: Option<Order>,
    /// The payment.
    pub paying: Option<Paying>,
    /// What the HIS booked; `None`: not registered.
    pub registered: Option<Registered>,
    /// What the patient takes along to the doctor.
    pub tickets: Vec<Paper>,
    /// The money going back, when the time was lost after it was taken.
    pub refund: Option<Refund>,
}

impl Scene<'_> {
    /// Acts it, for a time of this day or of a later one. `meanwhile` happens between paying and booking, as others
    /// would do it.
    ///
    /// # Errors
    /// It could not be acted.
    pub async fn registration(
        &self,
        patient: &Patient,
        when: When,
        meanwhile: impl FnOnce(&Self, &Order),
    ) -> Result<Registration, Trouble> {
        let mut acted = Registration::default();
        self.line(
            Who::Patient,
            format!("点击“自助挂号”→“{}”。", when.zh()),
            format!("Presses “register”, “{}”.", when.en()),
        );
        let (operator, office) = kiosk();
        let flow = IdentifyFlow::Registration;
        let (identification, who) = self
            .log_in(flow, &operator, &office, patient, LOGIN_WAIT_MS)
            .await?;
        acted.identification = identification;
        let Some(who) = who else {
            return Ok(acted);
        };
        let insutype = self.asks_insurance(&who);
        let Some(order) = self.chooses_a_time(when, &who.file.his_id) else {
            return Ok(acted);
        };
        acted.order = Some(order.clone());
        let mut request = payment(
            self.new_id("register"),
            OrderKind::Registration,
            (operator, office),
            &who.file,
            vec![bill(&order.number, &order.lines)],
        );
        request.insutype = insutype;
        let slot = &order.slot;
        let reason = ("Z00.000", "一般性医学检查");
        request.visit = Some(visit(
            slot.department,
            slot.doctor,
            slot.doctor_code,
            reason,
        ));
        let paying = self.pay(request, patient).await?;
        meanwhile(self, &order);
        match paying.settled() {
            Some(settlement) => self.books(&order, settlement, &mut acted).await?,
            None => {
                self.his().lose(&order);
                self.line(Who::His, "号源已释放。", "The time is free for others.");
            }
        }
        acted.paying = Some(paying);
        Ok(acted)
    }

    /// What was paid for is booked and goes on a ticket; if it was lost meanwhile, the money goes back.
    async fn books(
        &self,
        order: &Order,
        settlement: &Settlement,
        acted: &mut Registration,
    ) -> Result<(), Trouble> {
        let booked = self.his().book(order, &settlement.setl_id);
        match booked {
            Ok(registered) => {
                let place = registered.place.0;
                let (zh, en) = match registered.slot.when {
                    When::Today => (
                        format!("支付成功，挂号成功：{place}号。"),
                        format!("Paid and registered: number {place}."),
                    ),
                    When::Appointment => (
                        format!(
                            "支付成功，预约挂号成功：{} {place}号，请当日持凭条就诊。",
                            registered.slot.day
                        ),
                        format!("Paid and registered for a later day: number {place}."),
                    ),
                };
                self.screen(zh, en);
                acted.tickets = self.ticket(&registered).await?;
                acted.registered = Some(registered);
            }
            Err(refused) => {
                self.his_refuses(&refused);
                acted.refund = Some(self.gives_back(settlement).await?);
            }
        }
        Ok(())
    }

    fn chooses_a_time(&self, when: When, his_id: &str) -> Option<Order> {
        let (names, slot) = {
            let his = self.his();
            let names = his.schedule().departments(when);
            let names: Vec<&str> = names.iter().map(|it| it.name).collect();
            let slot = his.schedule().free(when).next().cloned();
            (names.join("、"), slot)
        };
        self.screen(
            format!("请选择科室：{names}"),
            "Departments are shown; please choose.",
        );
        let Some(slot) = slot else {
            self.screen("号源已满。", "Nothing is free on that day.");
            return None;
        };
        let (department, doctor) = (slot.department.name, slot.doctor);
        let (day, period) = (&slot.day, slot.period);
        self.line(
            Who::Patient,
            format!("选择{department}，{doctor}医师，{day} {period}。"),
            "Chooses department, doctor and time.",
        );
        let held = self.his().hold(slot.id, his_id);
        match held {
            Ok(order) => {
                let total = yuan(order.total().0);
                self.screen(
                    format!(
                        "请核对订单 {}：{department} {doctor} {day} {period}，{total} 元。",
                        order.number
                    ),
                    format!("The order is shown: {total} yuan."),
                );
                self.line(
                    Who::Patient,
                    "提交订单，选择“医保电子凭证”支付。",
                    "Submits it, chooses the insurance code to pay.",
                );
                Some(order)
            }
            Err(refused) => {
                self.his_refuses(&refused);
                None
            }
        }
    }

    /// The money of what the HIS could not keep goes back, whole.
    async fn gives_back(&self, settlement: &Settlement) -> Result<Refund, Trouble> {
        let (operator, _) = kiosk();
        let key = settlement.settlement_id.clone();
        let request = RefundSettlementRequest {
            request_id: self.new_id("back"),
            operator: Some(operator),
            reason: "号源已被占用".to_owned(),
            key: Some(refund_settlement_request::Key::SettlementId(key)),
            ..RefundSettlementRequest::default()
        };
        let mut client = SettlementServiceClient::new(self.door.clone());
        let answer = client.refund_settlement(request).await?.into_inner();
        let refund = answer.refund.unwrap_or_default();
        match refund.money() {
            RefundMoney::Refunded => {
                let given = refund.given_back.unwrap_or_default();
                self.screen(
                    format!(
                        "费用已全部退回，共 {} 元，请重新挂号。",
                        yuan(given.total_fen)
                    ),
                    format!("All {} yuan went back.", yuan(given.total_fen)),
                );
            }
            RefundMoney::Unspecified
            | RefundMoney::Refused
            | RefundMoney::Unknown
            | RefundMoney::Pending => {
                if let Some(error) = &refund.error {
                    self.error(error);
                }
                self.screen(
                    "退费未完成，请到窗口办理。",
                    "It did not go back; please ask at the counter.",
                );
            }
        }
        Ok(refund)
    }
}
