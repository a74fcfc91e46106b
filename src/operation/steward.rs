//! What is asked of the daemon itself: reading its configuration again, logging more or less. For admins, and written
//! down in the journal before it is done.

use tokio::sync::{mpsc, oneshot};

use super::ask::{CallerId, Failure};
use super::operations::Operations;
use crate::book::Code;
use crate::journal::{Append, NewEvent, StreamHead};
use crate::observe;
use crate::runner::{civil, wall_ms};

/// The `kind` of the stream of a day.
const STREAM_KIND: &str = "acts";
/// Version of its rows.
const VERSION: u16 = 1;
/// Callers that wait for one reading; more are told to come again.
const WAITING_MAX: usize = 4;

/// One key of the configuration that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigChange {
    /// Dotted.
    pub key: String,
    /// As it was written; empty: it was not.
    pub before: String,
    /// As it is written; empty: it is not.
    pub after: String,
    /// Whether it is in force; else it wants a new start.
    pub in_force: bool,
}

/// Somebody wants the configuration read again.
#[derive(Debug)]
pub struct ReloadAsked {
    /// Where the answer goes.
    pub reply: oneshot::Sender<Result<Vec<ConfigChange>, Failure>>,
}

impl Operations {
    /// Where the daemon hears of it. Once.
    #[must_use]
    pub fn hear_reloads(&self) -> mpsc::Receiver<ReloadAsked> {
        let (asked, hear) = mpsc::channel(WAITING_MAX);
        // A second ear would hear nothing: the first one is the daemon's.
        drop(self.inner.asked.set(asked));
        hear
    }

    /// Reads the configuration again.
    ///
    /// # Errors
    /// `CONFIG_WRONG`: nothing was changed. `SHUTTING_DOWN` or `TOO_MANY_CALLS`: nobody reads it now.
    pub async fn reload(&self, caller: &CallerId) -> Result<Vec<ConfigChange>, Failure> {
        self.note_of(caller, "reload", serde_json::json!({})).await;
        let (reply, told) = oneshot::channel();
        let asked = self.inner.asked.get();
        let asked = asked.ok_or_else(|| Failure::new(Code::Internal, "nobody reads it"))?;
        (asked.try_send(ReloadAsked { reply }))
            .map_err(|_| Failure::new(Code::TooManyCalls, "it is being read"))?;
        told.await
            .unwrap_or_else(|_| Err(Failure::new(Code::ShuttingDown, "the daemon is stopping")))
    }

    /// Logs this level of a part, or of everything, until the next start. Gives the whole filter.
    ///
    /// # Errors
    /// `REQUEST_INVALID` for what is no level or part.
    pub async fn set_log_level(
        &self,
        caller: &CallerId,
        level: &str,
        target: Option<&str>,
    ) -> Result<String, Failure> {
        let invalid = |error: observe::LevelError| {
            let field = match error {
                observe::LevelError::Target(_) | observe::LevelError::TooMany(_) => "target",
                observe::LevelError::Level(_) | observe::LevelError::NoLog => "level",
            };
            Failure {
                fields: vec![field.to_owned()],
                ..Failure::new(Code::RequestInvalid, error.to_string())
            }
        };
        observe::check_level(level, target).map_err(invalid)?;
        let body = serde_json::json!({ "level": level, "target": target });
        self.note_of(caller, "log_level", body).await;
        let filter = observe::set_level(level, target).map_err(invalid)?;
        tracing::info!(
            filter,
            caller = caller.id,
            "the log is kept like that until the next start"
        );
        Ok(filter)
    }

    /// Somebody on the bus may do once what the table of rights does not allow it, by polkit's word. To be said before
    /// it is done.
    pub async fn note_grant(&self, caller: &str, bus_name: &str, action: &str, method: &str) {
        let body = serde_json::json!({
            "door": "bus",
            "by": "polkit",
            "action": action,
            "method": method,
            "bus_name": bus_name,
        });
        self.note(caller, "granted", body).await;
    }

    /// Who did it, and how it came, in the journal.
    async fn note_of(&self, caller: &CallerId, act: &str, mut body: serde_json::Value) {
        body["door"] = caller.door.into();
        if let Some(uid) = caller.uid {
            body["token_uid"] = uid.into();
        }
        self.note(&caller.id, act, body).await;
    }

    /// While the journal takes nothing – a foreign one, a full disk – the log has to do: an admin who mends the desk
    /// needs these calls then most.
    async fn note(&self, caller: &str, act: &str, body: serde_json::Value) {
        let at_ms = wall_ms();
        let day: String = civil(at_ms).chars().take(10).collect();
        let row = NewEvent {
            by: Some(caller.to_owned()),
            ..NewEvent::new(act, VERSION, at_ms, body.to_string())
        };
        let append = Append {
            stream: format!("acts-{day}"),
            after: None,
            events: vec![row],
            head: StreamHead::closed(STREAM_KIND, "desk"),
            marks: Vec::new(),
        };
        if let Err(error) = self.parts().journal.append(append).await {
            tracing::warn!(%error, act, caller, "an act of an admin is not in the journal");
        }
    }
}
