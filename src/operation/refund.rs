//! Giving a settled bill back: by our own record, or by the platform's numbers.

use std::sync::Mutex;
use std::time::Duration;

use super::ask::{CallerId, Failure, RefundKey, SettlementKey};
use super::errand::{Wanted, answered};
use super::look::{Scope, summary};
use super::operations::Operations;
use super::settle::{SETTLEMENT, seen, unreadable};
use crate::book::Code;
use crate::journal::Filter;
use crate::runner::{refund_of, state_of};
use crate::settlement::answer::{Money, Reason};
use crate::settlement::errand::Numbers;
use crate::settlement::refund::{self, Answer, Event, Key, Named, Order, Refund};
use crate::settlement::rules::FundReading;
use crate::settlement::state::State;
use crate::settlement::story::Story;
use crate::settlement::tell;

/// Refunds of one 结算ID that are looked at, newest first.
const EARLIER_MAX: u32 = 32;
/// A pharmacy's settling call.
const PHARMACY_SETTLES: &str = "2102";

/// What is known of a settlement that is to be given back.
struct Facts {
    settlement_id: String,
    numbers: Numbers,
    insuplc_admdvs: String,
    charged: Option<crate::settlement::amounts::Amounts>,
}

impl Operations {
    /// Gives the settlement back, whole. The same request again has the same answer; another request for a
    /// settlement that was given back, or is being, is told of that refund.
    ///
    /// # Errors
    /// Nothing was begun.
    pub async fn refund(
        &self,
        caller: CallerId,
        order: Order,
        deadline: Option<Duration>,
    ) -> Result<Answer, Failure> {
        let request = serde_json::to_vec(&order).expect("an order has a JSON form");
        let wanted = Wanted {
            caller: &caller,
            request_id: &order.request_id,
            request: &request,
            deadline,
        };
        let setl_id = Mutex::new(String::new());
        let first = async {
            let event = self.first_event(&caller, &order, &setl_id).await?;
            Ok((event, ()))
        };
        let failure = match self.story(&self.inner.refunds, wanted, first).await {
            Ok(story) => return Ok(refund::answer(&story)),
            Err(failure) => failure,
        };
        // Somebody was first, just now or long ago.
        let is_taken = matches!(failure.code, Code::RefundBusy | Code::VisitBusy);
        let setl_id = setl_id.into_inner().unwrap_or_default();
        match self.earlier(&setl_id).await? {
            Some(stream) if is_taken => self.tell_earlier(&caller, &stream, deadline).await,
            Some(_) | None if failure.code == Code::VisitBusy => {
                Err(Failure::new(Code::RefundBusy, failure.detail))
            }
            Some(_) | None => Err(failure),
        }
    }

    async fn tell_earlier(
        &self,
        caller: &CallerId,
        stream: &str,
        deadline: Option<Duration>,
    ) -> Result<Answer, Failure> {
        let refunds = &self.inner.refunds;
        if let Some(follow) = refunds.registry().by_id(stream) {
            let story = answered(follow.view(), self.answer_by(deadline)).await;
            return Ok(told_again(caller, &story));
        }
        let story = refunds.load(stream).await;
        let story = story.map_err(|error| Failure::new(Code::Internal, error.to_string()))?;
        Ok(told_again(caller, &story))
    }

    /// One refund as it is now.
    ///
    /// # Errors
    /// `NOT_FOUND`, `JOURNAL_ROLLED_BACK`.
    pub async fn get_refund(&self, caller: CallerId, key: RefundKey) -> Result<Answer, Failure> {
        let journal = &self.parts().journal;
        let row = match &key {
            RefundKey::Id(id) => journal.find(id).await.map_err(|e| unreadable(&e))?,
            RefundKey::RequestId(id) => {
                let found = journal.find_request(&caller.id, id).await;
                found.map_err(|e| unreadable(&e))?
            }
            RefundKey::SetlId(id) => {
                let filter = Filter {
                    limit: EARLIER_MAX,
                    kind: Some(Refund::KIND.to_owned()),
                    text: Some(id.clone()),
                    ..Filter::default()
                };
                let rows = journal.list(filter).await.map_err(|e| unreadable(&e))?;
                let is_it = |summary: refund::Summary| summary.refund_setl_id == *id;
                rows.into_iter()
                    .find(|row| serde_json::from_str(&row.summary).is_ok_and(is_it))
            }
        };
        let Some(row) = row.filter(|row| row.kind == Refund::KIND) else {
            return Err(self.not_found("no refund has this id"));
        };
        if let Some(follow) = self.inner.refunds.registry().by_id(&row.stream) {
            return Ok(told(&caller, &follow.view().borrow().story));
        }
        let story = self.inner.refunds.load(&row.stream).await;
        let story = story.map_err(|error| Failure::new(Code::Internal, error.to_string()))?;
        Ok(told(&caller, &story))
    }

    /// What is known when it begins. Leaves the settlement's number where the caller finds it.
    async fn first_event(
        &self,
        caller: &CallerId,
        order: &Order,
        setl_id: &Mutex<String>,
    ) -> Result<Event, Failure> {
        let facts = self.facts(caller, order).await?;
        if let Ok(mut place) = setl_id.lock() {
            place.clone_from(&facts.numbers.setl_id);
        }
        if let Some(stream) = self.earlier(&facts.numbers.setl_id).await? {
            return Err(Failure::new(Code::RefundBusy, format!("refund {stream}")));
        }
        let ways = self.parts().ways();
        let insuplc_admdvs = match facts.insuplc_admdvs.as_str() {
            "" => ways.platform.mdtrtarea_admvs().to_owned(),
            area => area.to_owned(),
        };
        Ok(Event::Accepted {
            request_id: order.request_id.clone(),
            caller: caller.id.clone(),
            settlement_id: facts.settlement_id,
            numbers: facts.numbers,
            insuplc_admdvs,
            fixmedins_code: ways.platform.fixmedins_code().to_owned(),
            account_in_funds: ways.rules.fund_reading == FundReading::WithAccount,
            charged: facts.charged,
            expected: order.expected,
            order: Some(Box::new(order.clone())),
        })
    }

    /// The refund of this settlement that counts: given back, being given back, or for a person to resolve.
    async fn earlier(&self, setl_id: &str) -> Result<Option<String>, Failure> {
        let refund = self.refund_of(setl_id).await?;
        Ok(refund.map(|refund| refund.refund_id))
    }

    pub(super) async fn refund_of(
        &self,
        setl_id: &str,
    ) -> Result<Option<refund::Summary>, Failure> {
        let refund = refund_of(&self.parts().journal, setl_id).await;
        refund.map_err(|error| unreadable(&error))
    }

    async fn facts(&self, caller: &CallerId, order: &Order) -> Result<Facts, Failure> {
        let named = match &order.key {
            Key::SettlementId(id) => {
                let key = SettlementKey::SettlementId(id.clone());
                return complete(self.facts_of(caller, &key, order).await?);
            }
            Key::RequestId(id) => {
                let key = SettlementKey::RequestId(id.clone());
                return complete(self.facts_of(caller, &key, order).await?);
            }
            Key::Named(named) => named,
        };
        self.refuse_if_in_doubt(named).await?;
        let key = SettlementKey::SetlId(named.setl_id.clone());
        match self.facts_of(caller, &key, order).await {
            // Where the settlement is this desk's, its own record decides.
            Ok(mut facts) => {
                // What it never learned is given; 5203 looks first where the amounts are not known.
                let numbers = &mut facts.numbers;
                for (ours, given) in [
                    (&mut numbers.psn_no, &named.psn_no),
                    (&mut numbers.mdtrt_id, &named.mdtrt_id),
                    (&mut numbers.insutype, &named.insutype),
                ] {
                    if ours.is_empty() {
                        ours.clone_from(given);
                    }
                }
                complete(same_numbers(facts, named)?)
            }
            Err(failure) if failure.code == Code::NotFound => Ok(Facts {
                settlement_id: String::new(),
                numbers: Numbers {
                    psn_no: named.psn_no.clone(),
                    mdtrt_id: named.mdtrt_id.clone(),
                    setl_id: named.setl_id.clone(),
                    settle_msgid: String::new(),
                    is_pharmacy: named.is_pharmacy,
                    insutype: named.insutype.clone(),
                },
                insuplc_admdvs: named.insuplc_admdvs.clone(),
                charged: None,
            }),
            Err(failure) => Err(failure),
        }
    }

    /// A charge of this visit whose number this desk has not learned may be the one that is named.
    async fn refuse_if_in_doubt(&self, named: &Named) -> Result<(), Failure> {
        // What is in doubt is open.
        let open = Filter {
            kind: Some(SETTLEMENT.to_owned()),
            open_only: true,
            ..Filter::default()
        };
        let rows = self.parts().journal.list(open).await;
        let rows = rows.map_err(|error| unreadable(&error))?;
        let mut summaries = rows.iter().filter_map(|row| summary(&row.summary));
        let doubtful = summaries.find(|row| {
            let open = match row.money {
                Money::Unknown => true,
                Money::Pending => !row.msgid.is_empty(),
                Money::Settled | Money::Refused | Money::Cancelled | Money::Reversed => false,
            };
            // A lost 2102 leaves no mdtrt_id: then the person is all there is.
            let same_visit = row.mdtrt_id == named.mdtrt_id
                || (row.mdtrt_id.is_empty() && row.psn_no == named.psn_no);
            open && same_visit
        });
        match doubtful {
            Some(row) => {
                let detail = format!("settlement {} of this visit", row.settlement_id);
                Err(Failure::new(Code::RefundOfUnknown, detail))
            }
            None => Ok(()),
        }
    }

    /// The facts from this desk's own record.
    async fn facts_of(
        &self,
        caller: &CallerId,
        key: &SettlementKey,
        order: &Order,
    ) -> Result<Facts, Failure> {
        let stream = self.stream_of(caller, key, Scope::Own).await?;
        let journal = &self.parts().journal;
        let row = journal.find(&stream).await.map_err(|e| unreadable(&e))?;
        let Some(row) = row.filter(|row| row.kind == SETTLEMENT) else {
            return Err(Failure::new(Code::NotFound, "no settlement has this id"));
        };
        let state = match self.parts().registry.by_id(&stream) {
            Some(handle) => State::clone(&seen(&handle.view()).state),
            None => {
                let stored = journal.load(&stream).await.map_err(|e| unreadable(&e))?;
                state_of(&stream, &stored)
                    .map_err(|error| Failure::new(Code::StreamUnreadable, error.to_string()))?
            }
        };
        let facts = facts(&state, summary(&row.summary))?;
        if let (Some(expected), Some(charged)) = (order.expected, &facts.charged)
            && expected != charged.medfee_sumamt
        {
            return Err(Failure {
                code: Code::RefundAmountDiffers,
                detail: format!("{} fen were settled", charged.medfee_sumamt.0),
                fields: vec!["expected_amount_fen".to_owned()],
            });
        }
        Ok(facts)
    }
}

/// The answer as this caller may see it: what the platform said of a person goes to who refunded only, what a person
/// stated it by to that person too.
pub(super) fn told(caller: &CallerId, story: &Refund) -> Answer {
    let mut answer = refund::answer(story);
    if caller.id != story.caller
        && let Some(reason) = &mut answer.reason
    {
        reason.text.clear();
    }
    if caller.id != story.caller
        && let Some(resolved) = &mut answer.resolved
        && caller.id != resolved.by
    {
        resolved.reason.clear();
    }
    answer
}

/// An earlier refund, told to a request that wanted another one: nothing is to be handed to the patient again.
fn told_again(caller: &CallerId, story: &Refund) -> Answer {
    let mut answer = told(caller, story);
    if answer.money == refund::Money::Refunded && answer.reason.is_none() {
        answer.reason = Some(Reason {
            code: Code::RefundedBefore,
            text: String::new(),
        });
    }
    answer
}

/// What a settlement's own record says, if it stands.
fn facts(
    state: &State,
    kept: Option<crate::settlement::answer::Summary>,
) -> Result<Facts, Failure> {
    let id = &state.settlement_id;
    match tell::money(state) {
        Money::Settled => {}
        Money::Refused | Money::Cancelled | Money::Reversed => {
            let detail = format!("settlement {id} does not stand");
            return Err(Failure::new(Code::RefundNotSettled, detail));
        }
        Money::Unknown | Money::Pending => {
            let detail = format!("settlement {id} has no end yet");
            return Err(Failure::new(Code::RefundOfUnknown, detail));
        }
    }
    // What the rows forgot, the index kept.
    let summary = tell::summary(state).remembering(kept.as_ref());
    let known = &state.known;
    let numbers = Numbers {
        psn_no: summary.psn_no,
        mdtrt_id: summary.mdtrt_id,
        setl_id: summary.setl_id,
        settle_msgid: summary.msgid,
        is_pharmacy: (known.settle_infno.as_deref())
            .is_some_and(|infno| infno.starts_with(PHARMACY_SETTLES)),
        insutype: summary.insutype,
    };
    Ok(Facts {
        settlement_id: state.settlement_id.clone(),
        numbers,
        insuplc_admdvs: (known.insurance.as_ref())
            .map(|insurance| insurance.insuplc_admdvs.clone())
            .unwrap_or_default(),
        charged: known
            .settled
            .as_ref()
            .map(|settled| settled.amounts.clone()),
    })
}

/// With all numbers that 2208 names.
fn complete(facts: Facts) -> Result<Facts, Failure> {
    let numbers = &facts.numbers;
    if numbers.psn_no.is_empty() || numbers.mdtrt_id.is_empty() || numbers.setl_id.is_empty() {
        let detail = "its numbers at the platform are not known here; give them";
        return Err(Failure {
            code: Code::RequestInvalid,
            detail: detail.to_owned(),
            fields: vec!["platform".to_owned()],
        });
    }
    Ok(facts)
}

fn same_numbers(facts: Facts, named: &Named) -> Result<Facts, Failure> {
    let wrong: Vec<String> = [
        ("platform.psn_no", facts.numbers.psn_no != named.psn_no),
        (
            "platform.mdtrt_id",
            facts.numbers.mdtrt_id != named.mdtrt_id,
        ),
    ]
    .into_iter()
    .filter(|(_, differs)| *differs)
    .map(|(name, _)| name.to_owned())
    .collect();
    if wrong.is_empty() {
        return Ok(facts);
    }
    Err(Failure {
        code: Code::RequestInvalid,
        detail: format!("not those of settlement {}", facts.settlement_id),
        fields: wrong,
    })
}
