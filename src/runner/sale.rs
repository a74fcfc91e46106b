//! A pharmacy's sale waits for nobody: it is refused while another charge of the same person has no known end.
//!
//! A sale has no visit that is open once only, so the person stands for it. Who it is is known for certain once 1101
//! has answered, whatever the order names: it is looked at then, and again right before 2102, under a lock that is
//! held until the intent is on disk. Of two sales to one person at the same moment one is sent; the other ends
//! REFUSED, with nothing charged, and may be asked for anew once the first has its end. It is not made to wait: most
//! such pairs are one sale that was begun twice.

use std::sync::Arc;

use tokio::sync::MutexGuard;

use super::carry::Carrier;
use super::rows::STREAM_KIND;
use super::start::Parts;
use crate::book::Code;
use crate::journal::{Filter, PersonKeyInput};
use crate::person::IdNo;
use crate::settlement::answer::{Money, Summary};
use crate::settlement::call::Step;
use crate::settlement::event::{Ending, Event};

/// Which other settlements of a person stand in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    /// Those whose answer was lost.
    Lost,
    /// Those whose answer is still to come, too.
    NotAnswered,
}

impl Carrier {
    /// 1101's person is accepted: `chosen` is recorded, unless something of this person is in doubt. It is looked
    /// at here so that nobody confirms anything first.
    pub(super) async fn person_is_known(&mut self, chosen: Event) {
        let parts = Arc::clone(&self.parts);
        let event = match self.in_the_way(&parts, Doubt::Lost).await {
            Some(given_up) => given_up,
            None => chosen,
        };
        self.record(event);
    }

    /// The turn of this settlement to write the intent of its 2102; kept until that is on disk. Other steps need
    /// none.
    ///
    /// # Errors
    /// Another one is in the way: what to record.
    pub(super) async fn sale_turn<'a>(
        &self,
        parts: &'a Parts,
        step: Step,
    ) -> Result<Option<MutexGuard<'a, ()>>, Event> {
        if step != Step::Settle || !self.state.is_pharmacy() {
            return Ok(None);
        }
        let turn = parts.sale_turn.lock().await;
        match self.in_the_way(parts, Doubt::NotAnswered).await {
            Some(given_up) => Err(given_up),
            None => Ok(Some(turn)),
        }
    }

    /// Why this sale ends, if another settlement of its person is in the way.
    async fn in_the_way(&self, parts: &Parts, doubt: Doubt) -> Option<Event> {
        let person = self.state.known.person.as_ref()?;
        if !self.state.is_pharmacy() {
            return None;
        }
        let found = other_of(parts, &person.certno, &self.state.settlement_id, doubt).await;
        let (code, text) = match found {
            Ok(None) => return None,
            Ok(Some(first)) => (Code::SaleInDoubt, format!("settlement {first}")),
            Err(error) => {
                tracing::error!(%error, "other sales cannot be looked up");
                (Code::JournalRefuses, String::new())
            }
        };
        Some(Event::GivenUp {
            code,
            ending: Ending::Refused,
            text,
        })
    }
}

/// Another settlement of this person whose charge has no known end.
async fn other_of(
    parts: &Parts,
    certno: &IdNo,
    own: &str,
    doubt: Doubt,
) -> Result<Option<String>, crate::journal::Error> {
    if certno.is_empty() {
        return Ok(None);
    }
    // What has no known end is open.
    let filter = Filter {
        kind: Some(STREAM_KIND.to_owned()),
        person: Some(PersonKeyInput::new(certno.expose())),
        open_only: true,
        ..Filter::default()
    };
    let rows = parts.journal.list(filter).await?;
    let mut others = rows.into_iter().filter(|row| row.stream != own);
    let first = others.find(|row| has_no_known_end(&row.summary, doubt));
    Ok(first.map(|row| row.stream))
}

/// By what the index shows of an open settlement. What cannot be read may have been charged.
fn has_no_known_end(summary: &str, doubt: Doubt) -> bool {
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
    use crate::settlement::state::State;
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
