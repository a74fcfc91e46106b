//! Looking at settlements: one, or a list.

use super::ask::{CallerId, Failure, ListFilter, SettlementKey};
use super::operations::Operations;
use super::settle::{SETTLEMENT, seen, unreadable};
use crate::book::Code;
use crate::journal::{Filter, Hindrance, StreamRow};
use crate::runner::{Handle, state_of};
use crate::settlement::answer::{Answer, Money, Reason, Summary};
use crate::settlement::state::{Resolution, State};
use crate::settlement::tell;

/// Most rows of one list.
const LIST_MAX: usize = 500;
/// Settlements whose summary holds a number that are looked at.
const CANDIDATES_MAX: u32 = 16;

/// Where a settlement is.
pub(super) enum Found {
    /// It is being carried.
    Running(Handle),
    /// It is in the journal only: ended, or for a person to resolve.
    Stored(String),
    /// Nobody asked for it yet.
    Nothing,
}

impl Operations {
    /// One settlement as it is now.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub async fn get(&self, caller: CallerId, key: SettlementKey) -> Result<Answer, Failure> {
        let answer = self.get_as_it_was(caller, key).await?;
        let refund = match answer.money {
            Money::Settled => self.refund_of(&answer.setl_id).await?,
            Money::Refused
            | Money::Cancelled
            | Money::Reversed
            | Money::Unknown
            | Money::Pending => None,
        };
        Ok(self.with_wait(Answer { refund, ..answer }))
    }

    async fn get_as_it_was(&self, caller: CallerId, key: SettlementKey) -> Result<Answer, Failure> {
        match &key {
            SettlementKey::SettlementId(id) => self.get_by_id(&caller, id).await,
            SettlementKey::RequestId(id) => self.get_by_request(&caller, id).await,
            SettlementKey::SetlId(_) | SettlementKey::Msgid(_) => {
                let id = self.stream_of(&caller, &key, Scope::Own).await?;
                self.get_by_id(&caller, &id).await
            }
        }
    }

    async fn get_by_id(&self, caller: &CallerId, settlement_id: &str) -> Result<Answer, Failure> {
        if let Some(handle) = self.parts().registry.by_id(settlement_id) {
            return Ok(for_caller(caller, &seen(&handle.view()).state));
        }
        let stored = self.parts().journal.load(settlement_id).await;
        let stored = stored.map_err(|error| unreadable(&error))?;
        let row = self.parts().journal.find(settlement_id).await;
        let row = row.map_err(|error| unreadable(&error))?;
        if row.is_none_or(|row| row.kind != SETTLEMENT) {
            return Err(self.not_found("no settlement has this id"));
        }
        let state = state_of(settlement_id, &stored)
            .map_err(|error| Failure::new(Code::Internal, error.to_string()))?;
        Ok(for_caller(caller, &state))
    }

    pub(super) async fn get_by_request(
        &self,
        caller: &CallerId,
        request_id: &str,
    ) -> Result<Answer, Failure> {
        match self.find(caller, request_id).await? {
            Found::Running(handle) => Ok(tell::answer(&seen(&handle.view()).state)),
            Found::Stored(settlement_id) => self.get_by_id(caller, &settlement_id).await,
            Found::Nothing => Err(self.not_found("no settlement has this request_id")),
        }
    }

    /// That nothing is there, unless records are missing: then nobody can say so.
    pub(super) fn not_found(&self, what: &str) -> Failure {
        match self.parts().journal.health().why {
            Some(why @ Hindrance::RolledBack { .. }) => super::operations::hindrance(Some(why), 0),
            Some(
                Hindrance::DiskLow { .. }
                | Hindrance::BallastSpent
                | Hindrance::NotAdopted
                | Hindrance::Closed,
            )
            | None => Failure::new(Code::NotFound, what),
        }
    }

    /// Where the settlement of this request is. One that begins just now is in the journal before it runs:
    /// it is looked for among the running once more.
    pub(super) async fn find(&self, caller: &CallerId, request_id: &str) -> Result<Found, Failure> {
        let registry = &self.parts().registry;
        if let Some(handle) = registry.by_request(&caller.id, request_id).await {
            return Ok(Found::Running(handle));
        }
        let found = self
            .parts()
            .journal
            .find_request(&caller.id, request_id)
            .await;
        let Some(row) = found.map_err(|error| unreadable(&error))? else {
            return Ok(Found::Nothing);
        };
        if row.kind != SETTLEMENT {
            return Ok(Found::Nothing);
        }
        if row.open
            && let Some(handle) = registry.by_request(&caller.id, request_id).await
        {
            return Ok(Found::Running(handle));
        }
        Ok(Found::Stored(row.stream))
    }

    /// The stream that this key names. It may not be there for a settlement id, which is taken as it is.
    ///
    /// # Errors
    /// `NOT_FOUND`; `REQUEST_INVALID` where several callers used the request_id.
    pub(super) async fn stream_of(
        &self,
        caller: &CallerId,
        key: &SettlementKey,
        scope: Scope,
    ) -> Result<String, Failure> {
        let (filter, what): (Filter, &str) = match key {
            SettlementKey::SettlementId(id) => return Ok(id.clone()),
            SettlementKey::RequestId(id) => {
                let own = self.parts().journal.find_request(&caller.id, id).await;
                if let Some(own) = own.map_err(|error| unreadable(&error))? {
                    return Ok(own.stream);
                }
                (
                    Filter {
                        request_id: Some(id.clone()),
                        ..settlements()
                    },
                    "request_id",
                )
            }
            SettlementKey::SetlId(id) => (holding("setl_id", id), "setl_id"),
            SettlementKey::Msgid(id) => (holding("msgid", id), "msgid"),
        };
        let is_it = |row: &&StreamRow| match key {
            SettlementKey::SettlementId(_) => true,
            SettlementKey::RequestId(_) => scope == Scope::All,
            SettlementKey::SetlId(id) => has(row, id, |summary| &summary.setl_id),
            SettlementKey::Msgid(id) => has(row, id, |summary| &summary.msgid),
        };
        let rows = self.parts().journal.list(filter).await;
        let rows = rows.map_err(|error| unreadable(&error))?;
        let hits: Vec<&StreamRow> = rows.iter().filter(is_it).collect();
        match hits.as_slice() {
            [] => Err(self.not_found(&format!("no settlement has this {what}"))),
            [first, ..] if hits.len() == 1 || what != "request_id" => Ok(first.stream.clone()),
            several => {
                let ids: Vec<&str> = several.iter().map(|row| row.stream.as_str()).collect();
                let detail = format!("several callers used it: {}", ids.join(", "));
                Err(Failure::new(Code::RequestInvalid, detail))
            }
        }
    }

    /// Settlements, newest first.
    ///
    /// # Errors
    /// `NOT_FOUND` for an unknown `before`.
    pub async fn list(
        &self,
        _caller: CallerId,
        filter: ListFilter,
    ) -> Result<Vec<Summary>, Failure> {
        let before_seq = match &filter.before {
            None => None,
            Some(id) => {
                let found = self.parts().journal.find(id).await;
                let row = found.map_err(|error| unreadable(&error))?;
                let Some(row) = row else {
                    return Err(Failure::new(
                        Code::NotFound,
                        "no settlement has the id in before",
                    ));
                };
                Some(row.first_seq)
            }
        };
        let limit = filter.limit.clamp(1, LIST_MAX);
        let rows = self.parts().journal.list(Filter {
            limit: u32::try_from(limit).unwrap_or(u32::MAX),
            before_seq,
            from_utc_ms: filter.from_ms,
            to_utc_ms: filter.to_ms,
            open_only: filter.open_only,
            stuck_only: filter.stuck_only,
            ..settlements()
        });
        let rows = rows.await.map_err(|error| unreadable(&error))?;
        let mut summaries: Vec<Summary> = (rows.iter())
            .filter_map(|row| summary(&row.summary))
            .collect();
        for row in &mut summaries {
            if row.money == Money::Settled {
                let refund = self.refund_of(&row.setl_id).await?;
                row.refund = refund.map(|refund| refund.money);
            }
        }
        Ok(summaries)
    }
}

/// The answer as this caller may see it: what the platform said of a person goes to who settled only, what a person
/// stated it by to that person too.
pub(super) fn for_caller(caller: &CallerId, state: &State) -> Answer {
    let answer = tell::answer(state);
    if caller.id == state.caller {
        return answer;
    }
    let reason = answer.reason.map(|reason| Reason {
        text: String::new(),
        ..reason
    });
    let resolved = answer.resolved.map(|resolved| Resolution {
        reason: if resolved.by == caller.id {
            resolved.reason
        } else {
            String::new()
        },
        ..resolved
    });
    Answer {
        setlinfo: String::new(),
        setldetail: String::new(),
        reason,
        resolved,
        ..answer
    }
}

/// Whose settlements a request_id is looked for among.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The caller's own.
    Own,
    /// Everybody's, after the caller's own.
    All,
}

/// Settlements whose summary has this number in this field.
fn holding(field: &str, number: &str) -> Filter {
    Filter {
        limit: CANDIDATES_MAX,
        text: Some(field_text(field, number)),
        ..settlements()
    }
}

fn has(row: &StreamRow, number: &str, field: fn(&Summary) -> &String) -> bool {
    !number.is_empty() && summary(&row.summary).is_some_and(|summary| field(&summary) == number)
}

fn settlements() -> Filter {
    Filter {
        kind: Some(SETTLEMENT.to_owned()),
        ..Filter::default()
    }
}

/// A field as it stands in a summary. The bare number would be found in others that only contain it.
pub(super) fn field_text(field: &str, number: &str) -> String {
    let number = serde_json::Value::from(number);
    format!("\"{field}\":{number}")
}

pub(super) fn summary(json: &str) -> Option<Summary> {
    serde_json::from_str(json).ok()
}
