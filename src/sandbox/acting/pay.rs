//! One ScanAndPay, with the people around it: prompts, codes and documents, the person and the amounts that are shown and agreed to.

use std::time::Duration;

use tokio::pin;
use tokio::time::Instant;

use super::patient::Reply;
use super::{At, Patient, SEEN_MS_MAX, Scene, Trouble, Who, choice, insurance, known, yuan};
use crate::api::settlement_event::Shown;
use crate::api::settlement_service_client::SettlementServiceClient;
use crate::api::{
    Amounts, CancelSettlementRequest, ConfirmPoint, ConfirmSettlementRequest, Credential,
    ErrorEntry, Money, PaperState, PrintWish, ScanAndPayRequest, Settlement, SettlementEvent,
    Stage, WatchSettlementRequest,
};
use crate::sandbox::devices::printer::Paper;

/// What became of one payment.
#[derive(Clone, Debug)]
pub struct Paying {
    /// As the daemon said it; `None`: it was refused before it began.
    pub settlement: Option<Settlement>,
    /// Why it was refused before it began.
    pub refused: Option<ErrorEntry>,
    /// What came out of the receipt printer.
    pub receipts: Vec<Paper>,
}

impl Paying {
    /// What became of the money.
    #[must_use]
    pub fn money(&self) -> Money {
        let settlement = self.settlement.as_ref();
        settlement.map_or(Money::Refused, Settlement::money)
    }

    /// The settlement, when the insurance charged.
    #[must_use]
    pub fn settled(&self) -> Option<&Settlement> {
        let settlement = self.settlement.as_ref();
        settlement.filter(|it| it.money() == Money::Settled)
    }

    /// The name of what was wrong, empty when nothing was.
    #[must_use]
    pub fn error(&self) -> &str {
        let settlement = self.settlement.as_ref();
        let error = settlement.and_then(|it| it.error.as_ref());
        let error = error.or(self.refused.as_ref());
        error.map_or("", |error| &error.name)
    }
}

impl Scene<'_> {
    /// Pays, and tells how it ended.
    pub(super) async fn pay(
        &self,
        request: ScanAndPayRequest,
        patient: &Patient,
    ) -> Result<Paying, Trouble> {
        let before = self.room.receipts.papers().len();
        let with_paper = request.print() != PrintWish::No;
        let request_id = request.request_id.clone();
        let called = self.called(request, patient).await;
        let settlement = match called.inspect_err(|_| self.lost(&request_id))? {
            Ok(settlement) => settlement,
            Err(refused) => {
                return Ok(Paying {
                    settlement: None,
                    refused: Some(refused),
                    receipts: Vec::new(),
                });
            }
        };
        self.ended(&settlement);
        let state = settlement.paper.clone().unwrap_or_default().state();
        let receipts = match with_paper && state == PaperState::Printed {
            true => self.take_receipts(before).await,
            false => Vec::new(),
        };
        self.takes_cash(&settlement);
        Ok(Paying {
            settlement: Some(settlement),
            refused: None,
            receipts,
        })
    }

    /// The daemon is gone in the middle: nobody here knows what became of the money.
    fn lost(&self, request_id: &str) {
        self.screen(
            "结果尚不明确，正在查证。 请您稍候，不要重复缴费。",
            "The result is not known yet. Please wait and do not pay again.",
        );
        self.line(
            Who::StaffScreen,
            format!("与 yibaod 的连接中断；恢复后用同一 request_id {request_id} 再次调用，即可得知结果。"),
            "The connection to yibaod went away; once it is back, the same request_id tells the end.",
        );
    }

    async fn called(
        &self,
        request: ScanAndPayRequest,
        patient: &Patient,
    ) -> Result<Result<Settlement, ErrorEntry>, Trouble> {
        let mut client = SettlementServiceClient::new(self.door.clone());
        let mut watcher = client.clone();
        let request_id = request.request_id.clone();
        let asked = choice::of_payment(&request);
        let watch = WatchSettlementRequest {
            request_id: request_id.clone(),
        };
        let mut events = watcher.watch_settlement(watch).await?.into_inner();
        let call = client.scan_and_pay(request);
        pin!(call);
        let mut is_watching = true;
        let mut prompt = String::new();
        let mut ended = None;
        let mut until = Instant::now();
        loop {
            tokio::select! {
                answer = &mut call, if ended.is_none() => {
                    let settlement = match answer {
                        Ok(answer) => answer.into_inner().settlement.unwrap_or_default(),
                        Err(status) => return Ok(Err(self.refused(status)?)),
                    };
                    if !is_watching || !matches!(settlement.money(), Money::Settled | Money::Cancelled | Money::Refused) {
                        return Ok(Ok(settlement));
                    }
                    ended = Some(settlement);
                    until = Instant::now() + Duration::from_millis(SEEN_MS_MAX);
                }
                () = tokio::time::sleep_until(until), if ended.is_some() => {
                    return Ok(Ok(ended.unwrap_or_default()));
                }
                event = events.message(), if is_watching => match known(event, &ended)? {
                    Some(message) => {
                        let event = message.event.unwrap_or_default();
                        self.step(&request_id, &event, (patient, asked), &mut prompt).await?;
                    }
                    None => match ended {
                        Some(settlement) => return Ok(Ok(settlement)),
                        None => is_watching = false,
                    },
                },
            }
        }
    }

    async fn step(
        &self,
        request_id: &str,
        event: &SettlementEvent,
        (patient, asked): (&Patient, Credential),
        prompt: &mut String,
    ) -> Result<(), Trouble> {
        let waits = matches!(event.stage(), Stage::WaitingScan | Stage::WaitingFreshScan);
        if waits && let Some(error) = &event.error {
            self.error(error);
        }
        // That it queues behind nobody is over before anybody can read it.
        let is_prompt = event.stage() != Stage::Queued || event.queue_place > 0;
        let is_new = *prompt != event.prompt_zh || event.error.is_some();
        if is_prompt && is_new && !event.prompt_zh.is_empty() {
            prompt.clone_from(&event.prompt_zh);
            self.screen(&event.prompt_zh, &event.prompt_en);
        }
        if waits {
            return patient.show(self, asked).await;
        }
        let (at, point, shown) = match (&event.shown, event.stage()) {
            (Some(Shown::Person(person)), Stage::WaitingPerson) => {
                let (name, certno) = (&person.masked_name, &person.masked_certno);
                let balance = yuan(person.balance_fen);
                let insurance = insurance::name(&person.insutype);
                self.screen(
                    format!("{name} {certno} {insurance} 账户余额 {balance}"),
                    "The patient is shown: name, number, insurance, balance.",
                );
                (At::Person, ConfirmPoint::Person, person.shown.clone())
            }
            (Some(Shown::Amounts(shown)), Stage::WaitingAmounts) => {
                let amounts = shown.amounts.clone().unwrap_or_default();
                self.screen(
                    format!("预结算：{}", shares(&amounts)),
                    "The previewed amounts are shown.",
                );
                (At::Amounts, ConfirmPoint::Amounts, shown.shown.clone())
            }
            _ => return Ok(()),
        };
        self.reply(request_id, patient.reply(at), point, shown)
            .await
    }

    async fn reply(
        &self,
        request_id: &str,
        reply: Reply,
        point: ConfirmPoint,
        shown: String,
    ) -> Result<(), Trouble> {
        let mut client = SettlementServiceClient::new(self.door.clone());
        let request_id = request_id.to_owned();
        match reply {
            Reply::Yes => {
                self.line(
                    Who::Staff,
                    "核对无误，点击“继续”。",
                    "Checked; presses “go on”.",
                );
                let yes = ConfirmSettlementRequest {
                    request_id,
                    point: point.into(),
                    shown,
                };
                client.confirm_settlement(yes).await?;
            }
            Reply::No => {
                self.line(Who::Staff, "不对，点击“取消”。", "Wrong; presses “cancel”.");
                let no = CancelSettlementRequest { request_id };
                client.cancel_settlement(no).await?;
            }
            Reply::Silence => {
                self.line(Who::Patient, "离开了。", "Walks away.");
            }
        }
        Ok(())
    }

    /// What the insurance left is paid before anything counts as paid.
    fn takes_cash(&self, settlement: &Settlement) {
        let due = due(settlement);
        if due <= 0 {
            return;
        }
        self.line(
            Who::Patient,
            format!("支付自费部分 {} 元。", yuan(due)),
            format!("Pays the {} yuan that are left.", yuan(due)),
        );
        self.line(
            Who::His,
            format!("已收自费部分 {} 元。", yuan(due)),
            "Has received them.",
        );
    }

    fn ended(&self, settlement: &Settlement) {
        if let Some(error) = &settlement.error {
            self.error(error);
        }
        let (zh, en) = match settlement.money() {
            Money::Settled => ("医保结算成功。", "Settled."),
            Money::Refused => ("未扣费：医保结算未成功。", "Nothing was charged: refused."),
            Money::Cancelled => ("未扣费：已取消。", "Nothing was charged: cancelled."),
            Money::Reversed => (
                "未扣费：已全部退回。",
                "Nothing is charged: all of it was given back.",
            ),
            Money::Unknown => (
                "结果尚不明确，请勿重复缴费。",
                "Not known yet; do not pay again.",
            ),
            Money::Unspecified | Money::Pending => ("仍在办理，请稍候。", "It runs on."),
        };
        self.screen(zh, en);
        if settlement.money() != Money::Settled {
            return;
        }
        let amounts = settlement.amounts.clone().unwrap_or_default();
        self.screen(shares(&amounts), "The amounts are shown.");
        let due = due(settlement);
        if due > 0 {
            self.screen(
                format!("请另付现金 {} 元。", yuan(due)),
                format!("{} yuan are left to pay in cash.", yuan(due)),
            );
        }
        let paper = settlement.paper.clone().unwrap_or_default();
        if let Some(reason) = paper.reason {
            self.error(&reason);
        }
    }
}

/// What the patient still owes of what is settled.
fn due(settlement: &Settlement) -> i64 {
    let self_pay = settlement.self_pay.unwrap_or_default();
    match settlement.money() {
        Money::Settled => self_pay.amount_fen,
        Money::Unspecified
        | Money::Pending
        | Money::Refused
        | Money::Cancelled
        | Money::Reversed
        | Money::Unknown => 0,
    }
}

/// Who pays what, and why it is not more.
fn shares(amounts: &Amounts) -> String {
    let mut text = format!(
        "总额 {} 元，基金支付 {}，个人账户支付 {}，个人现金 {}",
        yuan(amounts.medfee_sumamt_fen),
        yuan(amounts.fund_pay_sumamt_fen),
        yuan(amounts.acct_pay_fen),
        yuan(amounts.psn_cash_pay_fen)
    );
    let parts = [
        ("起付线", amounts.act_pay_dedc_fen),
        ("全自费", amounts.fulamt_ownpay_amt_fen),
        ("超限价自费", amounts.overlmt_selfpay_fen),
        ("先行自付", amounts.preselfpay_amt_fen),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(_, fen)| *fen != 0)
        .map(|(name, fen)| format!("{name} {}", yuan(fen)))
        .collect();
    if !parts.is_empty() {
        text.push_str(&format!("；其中{}", parts.join("，")));
    }
    text
}
