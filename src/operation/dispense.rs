//! HandOut and TakeBack: what was given over the counter is told to the platform, once.

use std::sync::Arc;
use std::time::Duration;

use super::ask::{CallerId, Failure, SettlementKey};
use super::errand::Wanted;
use super::operations::Operations;
use super::pick_up::Dispensed;
use super::settle::{faulty, unreadable};
use crate::book::Code;
use crate::runner::{civil, state_of, wall_ms};
use crate::settlement::handout::{Dispense, Event, Fault, Goods, Order, Returned, What, check};
use crate::settlement::order::Operator;
use crate::settlement::story::Story as _;

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
    /// Of the identification of who picks it up; empty: the caller looked.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub identity_ref: String,
    /// Whether a ticket is printed.
    #[serde(skip)]
    pub ticket: bool,
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
    /// Whether a ticket is printed.
    #[serde(skip)]
    pub ticket: bool,
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
    ) -> Result<Dispensed, Failure> {
        let answer_by = self.answer_by(deadline);
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
            self.complete(&caller, &mut goods).await?;
            check(&goods, "goods").map_err(|faults| faulty(&faults))?;
            let settled = self.standing_here(&caller, &goods.setl_id).await?;
            let settled = settled.as_ref();
            // Given back once this one is in the journal, where the next one of the same goods finds it.
            let turn = Arc::clone(&self.inner.dispense_turn).lock_owned().await;
            self.not_given_back(&goods.setl_id).await?;
            self.none_in_doubt(&goods).await?;
            // Last of all: from here on the identification is used up.
            let name = self
                .picks_up(&caller, &wish.identity_ref, &goods, settled)
                .await?;
            if goods.psn_name.is_empty() {
                goods.psn_name = name;
            }
            let lines = (1..).zip(&goods.rows);
            let lines = lines.map(|(line, row)| (line, row.sel_retn_cnt)).collect();
            let operator = wish.operator.clone();
            let order = order(operator, goods, &asked);
            let request_id = &wish.request_id;
            let event = accepted(&caller, request_id, What::HandOut, "", lines, order);
            Ok((event, turn))
        };
        let story = self.story(&self.inner.hand_outs, wanted, first).await?;
        Ok(self
            .with_ticket(&caller, story, wish.ticket, answer_by)
            .await)
    }

    /// Tells the platform what came back of a hand-out. One take-back of a desk is begun at a time, until it is in
    /// the journal: each counts what the ones before it brought back, or are bringing back.
    ///
    /// # Errors
    /// Nothing was begun: among others because more would come back than went out.
    pub async fn take_back(
        &self,
        caller: CallerId,
        wish: TakeBack,
        deadline: Option<Duration>,
    ) -> Result<Dispensed, Failure> {
        let answer_by = self.answer_by(deadline);
        let asked = serde_json::to_string(&wish).expect("it has text keys");
        let wanted = Wanted {
            caller: &caller,
            request_id: &wish.request_id,
            request: asked.as_bytes(),
            deadline,
        };
        let first = async {
            self.dispense_is_on()?;
            // Given back once this one is in the journal, where the next one counts it: by the task that writes
            // it down, for the caller may go first.
            let turn = Arc::clone(&self.inner.dispense_turn).lock_owned().await;
            let coming_back = self.coming_back(&caller, &wish).await?;
            let (of, mut goods) = (coming_back.of, coming_back.goods);
            if !wish.rtal_docno.is_empty() {
                goods.rtal_docno.clone_from(&wish.rtal_docno);
            }
            goods.sel_retn_time.clone_from(&wish.sel_retn_time);
            let rows = coming_back.places.into_iter().zip(&goods.rows);
            let lines = rows.map(|(line, row)| (line, row.sel_retn_cnt)).collect();
            let operator = wish.operator.clone();
            let order = order(operator, goods, &asked);
            let request_id = &wish.request_id;
            let event = accepted(&caller, request_id, What::TakeBack, &of, lines, order);
            Ok((event, turn))
        };
        let story = self.story(&self.inner.hand_outs, wanted, first).await?;
        Ok(self
            .with_ticket(&caller, story, wish.ticket, answer_by)
            .await)
    }

    /// One hand-out or take-back as it is now. What the platform said of a person goes to who asked for it only.
    ///
    /// # Errors
    /// `NOT_FOUND`, `JOURNAL_ROLLED_BACK`.
    pub async fn dispense(
        &self,
        caller: CallerId,
        key: DispenseKey,
    ) -> Result<Arc<Dispense>, Failure> {
        let id = match key {
            DispenseKey::Id(id) => id,
            DispenseKey::RequestId(request_id) => self.dispense_id(&caller, &request_id).await?,
        };
        let story = self.stored_dispense(&id).await?;
        Ok(Arc::new(for_caller(&caller, story)))
    }

    pub(super) async fn dispense_id(
        &self,
        caller: &CallerId,
        request_id: &str,
    ) -> Result<String, Failure> {
        let found = self
            .parts()
            .journal
            .find_request(&caller.id, request_id)
            .await;
        let row = found.map_err(|error| unreadable(&error))?;
        let row = row.filter(|row| row.kind == Dispense::KIND);
        row.map(|row| row.stream).ok_or_else(|| self.no_dispense())
    }

    pub(super) async fn stored_dispense(&self, id: &str) -> Result<Dispense, Failure> {
        let found = self.parts().journal.find(id).await;
        let row = found.map_err(|error| unreadable(&error))?;
        if row.is_none_or(|row| row.kind != Dispense::KIND) {
            return Err(self.no_dispense());
        }
        let story = self.inner.hand_outs.load(id).await;
        story.map_err(|error| Failure::new(Code::Internal, error.to_string()))
    }

    fn no_dispense(&self) -> Failure {
        self.not_found("no hand-out or take-back has this id")
    }

    fn dispense_is_on(&self) -> Result<(), Failure> {
        if self.parts().ways().rules.dispense_is_enabled {
            Ok(())
        } else {
            let detail = "dispense.enabled is off in the site profile";
            Err(Failure::new(Code::DispenseNotEnabled, detail))
        }
    }

    /// 参保地医保区划 and 险种类型: the caller's, else as this desk settled it. Where a 人员编号 is sent the platform
    /// wants the first.
    pub(super) async fn complete(
        &self,
        caller: &CallerId,
        goods: &mut Goods,
    ) -> Result<(), Failure> {
        let area_is_missing = !goods.psn_no.is_empty() && goods.insuplc_admdvs.is_empty();
        if !goods.setl_id.is_empty() && (area_is_missing || goods.insutype.is_empty()) {
            let insured = self.insured(caller, &goods.setl_id).await;
            let (area, insutype) = insured.unwrap_or_default();
            if area_is_missing {
                goods.insuplc_admdvs = area;
            }
            if goods.insutype.is_empty() {
                goods.insutype = insutype;
            }
        }
        if area_is_missing && goods.insuplc_admdvs.is_empty() {
            let what = "is required with a psn_no: this desk did not settle setl_id";
            let wrong = fault(Code::RequestInvalid, "goods.insuplc_admdvs", what);
            return Err(faulty(&[wrong]));
        }
        Ok(())
    }

    /// Where, and how, the person of a settlement of this desk is insured.
    async fn insured(&self, caller: &CallerId, setl_id: &str) -> Option<(String, String)> {
        let key = SettlementKey::SetlId(setl_id.to_owned());
        let answer = self.get(caller.clone(), key).await.ok()?;
        let stored = self.parts().journal.load(&answer.settlement_id).await;
        let state = state_of(&answer.settlement_id, &stored.ok()?).ok()?;
        let insurance = state.known.insurance?;
        Some((insurance.insuplc_admdvs, insurance.insutype))
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

pub(super) fn fault(code: Code, field: impl Into<String>, detail: impl Into<String>) -> Fault {
    Fault {
        code,
        field: field.into(),
        detail: detail.into(),
    }
}

/// The story as this caller may see it. What a person stated it by is seen by that person too.
fn for_caller(caller: &CallerId, mut story: Dispense) -> Dispense {
    if caller.id != story.caller {
        for row in &mut story.rows {
            row.message.clear();
        }
        if let Some(reason) = &mut story.reason {
            reason.text.clear();
        }
        if let Some(resolved) = &mut story.resolved
            && caller.id != resolved.by
        {
            resolved.reason.clear();
        }
    }
    story
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settlement::answer::Reason;
    use crate::settlement::handout::{Ending, Resolution, RowResult};

    #[test]
    fn what_the_platform_said_goes_to_who_asked() {
        let mut story = Dispense::new("D-1");
        story.caller = "uid:1000".to_owned();
        story.rows = vec![RowResult {
            is_taken: true,
            medins_prod_sel_no: "G1".to_owned(),
            message: "因故".to_owned(),
        }];
        story.reason = Some(Reason {
            code: Code::RowsRefused,
            text: "不行".to_owned(),
        });
        story.resolved = Some(Resolution {
            by: "uid:0".to_owned(),
            at_ms: 1,
            ending: Ending::Recorded,
            reason: "测试甲说的".to_owned(),
        });
        let caller = |id: &str| CallerId {
            id: id.to_owned(),
            shown: id.to_owned(),
            door: "socket",
            may_bill_unnamed: false,
            may_see_persons: false,
            uid: None,
        };
        assert_eq!(for_caller(&caller("uid:1000"), story.clone()), story);
        let person = for_caller(&caller("uid:0"), story.clone());
        assert_eq!(person.resolved, story.resolved);
        assert_eq!(person.rows[0].message, "");
        let other = for_caller(&caller("uid:1001"), story);
        let resolved = other.resolved.clone().expect("who and what");
        assert_eq!(
            (resolved.by.as_str(), resolved.reason.as_str()),
            ("uid:0", "")
        );
        assert_eq!(
            (other.rows[0].message.as_str(), other.rows[0].is_taken),
            ("", true)
        );
        let reason = other.reason.expect("its code");
        assert_eq!((reason.code, reason.text.as_str()), (Code::RowsRefused, ""));
    }
}
