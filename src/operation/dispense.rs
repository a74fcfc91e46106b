//! HandOut and TakeBack: what was given over the counter is told to the platform, once.

use std::sync::Arc;
use std::time::Duration;

use super::ask::{CallerId, Failure, SettlementKey};
use super::errand::Wanted;
use super::operations::Operations;
use super::settle::{faulty, unreadable};
use crate::book::Code;
use crate::journal::Filter;
use crate::runner::{civil, state_of, wall_ms};
use crate::settlement::handout::{
    Dispense, Event, Fault, Goods, Order, Returned, What, check, subject_of, take_back,
};
use crate::settlement::order::Operator;
use crate::settlement::story::Story as _;

/// Take-backs of one hand-out that are looked at; it has no more, or nothing further is taken back.
const TAKE_BACKS_MAX: u32 = 400;

/// A checked HandOut.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct HandOut {
    /// The caller's id.
    #[serde(skip)]
    pub request_id: String,
    /// Who works the counter.
    pub operator: Operator,
    /// What was handed out.
    pub goods: Goods,
}

/// A checked TakeBack.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct TakeBack {
    /// The caller's id.
    #[serde(skip)]
    pub request_id: String,
    /// Who works the counter.
    pub operator: Operator,
    /// Of which hand-out.
    pub of: HandedOut,
    /// What comes back of it; empty when the goods are given.
    pub lines: Vec<Returned>,
    /// 零售单据号, empty: the hand-out's.
    pub rtal_docno: String,
    /// 销售/退货时间, empty: when it was accepted.
    pub sel_retn_time: String,
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HandedOut {
    /// Of this hand-out of ours.
    Id(String),
    /// Of the hand-out of the same caller's request.
    RequestId(String),
    /// Goods that this desk does not know.
    Goods(Box<Goods>),
}

/// Which hand-out or take-back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DispenseKey {
    /// By its own id.
    Id(String),
    /// By the caller's id, scoped to the caller.
    RequestId(String),
}

impl Operations {
    /// Tells the platform what was handed out, joins who does, or repeats the answer.
    ///
    /// # Errors
    /// Nothing was begun.
    pub async fn hand_out(
        &self,
        caller: CallerId,
        wish: HandOut,
        deadline: Option<Duration>,
    ) -> Result<Arc<Dispense>, Failure> {
        let asked = serde_json::to_string(&wish).expect("it has text keys");
        let wanted = Wanted {
            caller: &caller,
            request_id: &wish.request_id,
            request: asked.as_bytes(),
            deadline,
        };
        let first = async {
            self.dispense_is_on()?;
            let mut goods = wish.goods.clone();
            goods.insuplc_admdvs = self.area_of(&caller, &goods, "goods").await?;
            check(&goods, "goods").map_err(|faults| faulty(&faults))?;
            let lines = (1..).zip(&goods.rows);
            let lines = lines.map(|(line, row)| (line, row.sel_retn_cnt)).collect();
            let operator = wish.operator.clone();
            Ok(accepted(
                &caller,
                &wish.request_id,
                What::HandOut,
                "",
                lines,
                order(operator, goods, &asked),
            ))
        };
        self.story(&self.inner.hand_outs, wanted, first).await
    }

    /// Tells the platform what came back of a hand-out. One take-back of a desk is begun at a time: each counts
    /// what the ones before it brought back.
    ///
    /// # Errors
    /// Nothing was begun: among others because more would come back than went out.
    pub async fn take_back(
        &self,
        caller: CallerId,
        wish: TakeBack,
        deadline: Option<Duration>,
    ) -> Result<Arc<Dispense>, Failure> {
        let asked = serde_json::to_string(&wish).expect("it has text keys");
        let wanted = Wanted {
            caller: &caller,
            request_id: &wish.request_id,
            request: asked.as_bytes(),
            deadline,
        };
        // Held until this one is in the journal.
        let mut turn = None;
        let first = async {
            self.dispense_is_on()?;
            turn = Some(self.inner.take_back_turn.lock().await);
            let (of, mut goods) = self.coming_back(&caller, &wish).await?;
            if !wish.rtal_docno.is_empty() {
                goods.rtal_docno.clone_from(&wish.rtal_docno);
            }
            goods.sel_retn_time.clone_from(&wish.sel_retn_time);
            let places: Vec<u32> = if wish.lines.is_empty() {
                (1..).zip(&goods.rows).map(|(line, _)| line).collect()
            } else {
                wish.lines.iter().map(|returned| returned.line).collect()
            };
            let rows = places.into_iter().zip(&goods.rows);
            let lines = rows.map(|(line, row)| (line, row.sel_retn_cnt)).collect();
            let operator = wish.operator.clone();
            Ok(accepted(
                &caller,
                &wish.request_id,
                What::TakeBack,
                &of,
                lines,
                order(operator, goods, &asked),
            ))
        };
        let told = self.story(&self.inner.hand_outs, wanted, first).await;
        drop(turn);
        told
    }

    /// One hand-out or take-back as it is now.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub async fn dispense(
        &self,
        caller: CallerId,
        key: DispenseKey,
    ) -> Result<Arc<Dispense>, Failure> {
        let id = match key {
            DispenseKey::Id(id) => id,
            DispenseKey::RequestId(request_id) => self.dispense_id(&caller, &request_id).await?,
        };
        self.stored_dispense(&id).await.map(Arc::new)
    }

    async fn dispense_id(&self, caller: &CallerId, request_id: &str) -> Result<String, Failure> {
        let found = self
            .parts()
            .journal
            .find_request(&caller.id, request_id)
            .await;
        let row = found.map_err(|error| unreadable(&error))?;
        let row = row.filter(|row| row.kind == Dispense::KIND);
        row.map(|row| row.stream).ok_or_else(unknown)
    }

    async fn stored_dispense(&self, id: &str) -> Result<Dispense, Failure> {
        let found = self.parts().journal.find(id).await;
        let row = found.map_err(|error| unreadable(&error))?;
        if row.is_none_or(|row| row.kind != Dispense::KIND) {
            return Err(unknown());
        }
        let story = self.inner.hand_outs.load(id).await;
        story.map_err(|error| Failure::new(Code::Internal, error.to_string()))
    }

    fn dispense_is_on(&self) -> Result<(), Failure> {
        if self.parts().rules.dispense_is_enabled {
            Ok(())
        } else {
            let detail = "dispense.enabled is off in the site profile";
            Err(Failure::new(Code::DispenseNotEnabled, detail))
        }
    }

    /// The hand-out that it is a part of, and the goods as they go to the platform.
    async fn coming_back(
        &self,
        caller: &CallerId,
        wish: &TakeBack,
    ) -> Result<(String, Goods), Failure> {
        let id = match &wish.of {
            HandedOut::Id(id) => id.clone(),
            HandedOut::RequestId(request_id) => self.dispense_id(caller, request_id).await?,
            HandedOut::Goods(goods) => {
                let mut goods = (**goods).clone();
                goods.insuplc_admdvs = self.area_of(caller, &goods, "goods").await?;
                check(&goods, "goods").map_err(|faults| faulty(&faults))?;
                return Ok((String::new(), goods));
            }
        };
        let hand_out = self.stored_dispense(&id).await?;
        let filter = Filter {
            kind: Some(Dispense::KIND.to_owned()),
            visit: Some(subject_of(&id)),
            limit: TAKE_BACKS_MAX,
            ..Filter::default()
        };
        let rows = self.parts().journal.list(filter).await;
        let rows = rows.map_err(|error| unreadable(&error))?;
        if u32::try_from(rows.len()).is_ok_and(|found| found >= TAKE_BACKS_MAX) {
            let what = format!("it was taken back {TAKE_BACKS_MAX} times");
            return Err(faulty(&[fault(Code::TakenBackTooMuch, "lines", what)]));
        }
        let mut before = Vec::new();
        for row in rows {
            before.push(self.stored_dispense(&row.stream).await?);
        }
        let goods = take_back(&hand_out, &before, &wish.lines).map_err(|f| faulty(&f))?;
        Ok((id, goods))
    }

    /// 参保地医保区划: the caller's, else as this desk settled it. Where a 人员编号 is sent the platform wants it.
    async fn area_of(&self, caller: &CallerId, goods: &Goods, at: &str) -> Result<String, Failure> {
        if goods.psn_no.is_empty() || !goods.insuplc_admdvs.is_empty() {
            return Ok(goods.insuplc_admdvs.clone());
        }
        let area = if goods.setl_id.is_empty() {
            None
        } else {
            let key = SettlementKey::SetlId(goods.setl_id.clone());
            self.insured_area(caller, key).await
        };
        area.ok_or_else(|| {
            let field = format!("{at}.insuplc_admdvs");
            let what = "is required with a psn_no: this desk did not settle setl_id";
            faulty(&[fault(Code::RequestInvalid, field, what)])
        })
    }
}

impl Operations {
    /// Where the person of a settlement of this desk is insured.
    async fn insured_area(&self, caller: &CallerId, key: SettlementKey) -> Option<String> {
        let answer = self.get(caller.clone(), key).await.ok()?;
        let stored = self
            .parts()
            .journal
            .load(&answer.settlement_id)
            .await
            .ok()?;
        let state = state_of(&answer.settlement_id, &stored).ok()?;
        let insurance = state.known.insurance?;
        (!insurance.insuplc_admdvs.is_empty()).then_some(insurance.insuplc_admdvs)
    }
}

fn accepted(
    caller: &CallerId,
    request_id: &str,
    what: What,
    of: &str,
    lines: Vec<(u32, crate::settlement::bill::Count)>,
    order: Order,
) -> Event {
    Event::Accepted {
        request_id: request_id.to_owned(),
        caller: caller.id.clone(),
        what,
        of: of.to_owned(),
        lines,
        order: Some(Box::new(order)),
    }
}

/// What is told, with its time: a repeated message says the same one.
fn order(operator: Operator, mut goods: Goods, asked: &str) -> Order {
    if goods.sel_retn_time.is_empty() {
        goods.sel_retn_time = civil(wall_ms());
    }
    goods.opter_name.clone_from(&operator.name);
    Order {
        operator,
        goods,
        asked: asked.to_owned(),
    }
}

fn fault(code: Code, field: impl Into<String>, detail: impl Into<String>) -> Fault {
    Fault {
        code,
        field: field.into(),
        detail: detail.into(),
    }
}

fn unknown() -> Failure {
    Failure::new(Code::NotFound, "no hand-out or take-back has this id")
}
