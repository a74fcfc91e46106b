//! Before a charge: nothing of the same person stands in its way, neither a sale in doubt ([`super::sale`]) nor the same
//! bill ([`super::same_bill`]).
//!
//! Who it is is known for certain once 1101 has answered, whatever the order names: it is looked at then, so that nobody
//! confirms anything first, and again right before the money call, under a lock that is held until the intent is on
//! disk. Of two at the same moment one is sent; the other ends REFUSED, with nothing charged.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use tokio::sync::{Mutex, MutexGuard};

use super::carry::Carrier;
use super::start::Parts;
use super::{sale, same_bill};
use crate::book::Code;
use crate::journal::Error;
use crate::person::IdNo;
use crate::settlement::answer::{Money, Summary};
use crate::settlement::call::Step;
use crate::settlement::event::{Ending, Event};
use crate::settlement::state::State;

/// So many that two persons at their money call at the same moment seldom wait for each other.
const TURNS: usize = 64;

/// Which other settlements of a person stand in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Those whose answer was lost.
    Lost,
    /// Those whose answer is still to come, too.
    NotAnswered,
}

/// What stands in the way, and which.
pub(super) type InTheWay = Option<(Code, String)>;

impl Carrier {
    /// 1101's person is accepted: `chosen` is recorded, unless something of this person is in the way.
    pub(super) async fn person_is_known(&mut self, chosen: Event) {
        let parts = Arc::clone(&self.parts);
        let event = match self.in_the_way(&parts, Doubt::Lost).await {
            Some(given_up) => given_up,
            None => chosen,
        };
        self.record(event);
    }

    /// The turn of this settlement to write the intent of its money call; kept until that is on disk. Other steps need
    /// none.
    ///
    /// # Errors
    /// Another one is in the way: what to record.
    pub(super) async fn charge_turn<'a>(
        &self,
        parts: &'a Parts,
        step: Step,
    ) -> Result<Option<MutexGuard<'a, ()>>, Event> {
        if step != Step::Settle || !(self.state.is_pharmacy() || self.has_numbered_bills()) {
            return Ok(None);
        }
        let turn = parts.charge_turns.of(certno(&self.state)).await;
        match self.in_the_way(parts, Doubt::NotAnswered).await {
            Some(given_up) => Err(given_up),
            None => Ok(Some(turn)),
        }
    }

    fn has_numbered_bills(&self) -> bool {
        let order = self.state.order.as_deref();
        let mut bills = order.iter().flat_map(|order| &order.bills);
        self.ways.bill_once_ms > 0 && bills.any(|bill| !bill.bill_no.is_empty())
    }

    /// Why this settlement ends, if another one of its person is in the way.
    async fn in_the_way(&self, parts: &Parts, doubt: Doubt) -> Option<Event> {
        let found = self.looked_up(parts, doubt).await;
        let (code, text) = match found {
            Ok(found) => found?,
            Err(error) => {
                tracing::error!(%error, "other settlements of the person cannot be looked up");
                (Code::JournalRefuses, String::new())
            }
        };
        Some(Event::GivenUp {
            code,
            ending: Ending::Refused,
            text,
        })
    }

    async fn looked_up(&self, parts: &Parts, doubt: Doubt) -> Result<InTheWay, Error> {
        let (Some(certno), Some(order)) = (certno(&self.state), &self.state.order) else {
            return Ok(None);
        };
        let own = self.state.settlement_id.as_str();
        if self.has_numbered_bills() {
            let since_ms = parts.clock.now_ms() - self.ways.bill_once_ms;
            let mine = (own, order.as_ref());
            let found = same_bill::standing(parts, certno, mine, since_ms, doubt).await?;
            if found.is_some() {
                return Ok(found);
            }
        }
        match self.state.is_pharmacy() {
            true => sale::in_doubt(parts, certno, own, doubt).await,
            false => Ok(None),
        }
    }
}

/// Whose settlement it is: as 1101 said, else as the order names.
pub(super) fn certno(state: &State) -> Option<&IdNo> {
    let known = state.known.person.as_ref().map(|person| &person.certno);
    let named = state.order.as_ref().map(|order| &order.patient.certno);
    known
        .filter(|certno| !certno.is_empty())
        .or(named)
        .filter(|certno| !certno.is_empty())
}

/// One turn for each person, nearly: some share one, since there are fewer turns than persons.
#[derive(Debug)]
pub(super) struct ChargeTurns {
    turns: [Mutex<()>; TURNS],
    places: RandomState,
}

impl Default for ChargeTurns {
    fn default() -> Self {
        Self {
            turns: std::array::from_fn(|_| Mutex::default()),
            places: RandomState::new(),
        }
    }
}

impl ChargeTurns {
    async fn of(&self, certno: Option<&IdNo>) -> MutexGuard<'_, ()> {
        let number = certno.map(|certno| certno.expose().to_ascii_uppercase());
        let place = self.places.hash_one(number) % TURNS as u64;
        let place = usize::try_from(place).unwrap_or_default();
        self.turns[place].lock().await
    }
}

/// By what the index shows of an open settlement. What cannot be read may have been charged.
pub(super) fn has_no_known_end(summary: &str, doubt: Doubt) -> bool {
    let Ok(other) = serde_json::from_str::<Summary>(summary) else {
        return true;
    };
    match other.money {
        Money::Unknown => true,
        // Its money call is recorded.
        Money::Pending => doubt == Doubt::NotAnswered && !other.msgid.is_empty(),
        Money::Settled | Money::Refused | Money::Cancelled | Money::Reversed => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settlement::tell;

    #[test]
    fn what_cannot_be_read_is_in_the_way() {
        for doubt in [Doubt::Lost, Doubt::NotAnswered] {
            for unreadable in ["", "{}", r#"{"money":"of a later version"}"#] {
                assert!(has_no_known_end(unreadable, doubt), "{unreadable}");
            }
        }
        let summary = |money: Money, msgid: &str| {
            let mut summary = tell::summary(&State::new("S-1"));
            summary.money = money;
            summary.msgid = msgid.to_owned();
            serde_json::to_string(&summary).expect("it has text keys")
        };
        for (money, msgid, lost, not_answered) in [
            (Money::Unknown, "G", true, true),
            (Money::Pending, "G", false, true),
            (Money::Pending, "", false, false),
            (Money::Settled, "G", false, false),
            (Money::Refused, "G", false, false),
        ] {
            let summary = summary(money, msgid);
            assert_eq!(has_no_known_end(&summary, Doubt::Lost), lost, "{money:?}");
            let waits = has_no_known_end(&summary, Doubt::NotAnswered);
            assert_eq!(waits, not_answered, "{money:?}");
        }
    }
}
