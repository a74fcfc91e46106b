//! Asking for a stream that only talks to the platform: join it, repeat its answer, or begin it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::ask::{CallerId, Failure};
use super::operations::Operations;
use super::settle::{not_taken, running, taken_by, unreadable};
use crate::book::Code;
use crate::runner::{Errands, Seen, Slot};
use crate::settlement::story::Story;

/// What is asked for, and by whom.
pub(super) struct Wanted<'a> {
    /// Who asks.
    pub(super) caller: &'a CallerId,
    /// The caller's id for it.
    pub(super) request_id: &'a str,
    /// The checked request, as [`crate::settlement::story::Head::request`] has it.
    pub(super) request: &'a [u8],
    /// How long the caller waits.
    pub(super) deadline: Option<Duration>,
}

impl Operations {
    /// The story of this request once it is answered, or at the deadline as it is by then. `first` makes its
    /// first event, and what is held until that is in the journal; it is asked only when nothing has this
    /// request yet.
    ///
    /// # Errors
    /// Nothing was begun.
    pub(super) async fn story<S: Story, G: Send + 'static>(
        &self,
        errands: &Errands<S>,
        wanted: Wanted<'_>,
        first: impl Future<Output = Result<(S::Event, G), Failure>> + Send,
    ) -> Result<Arc<S>, Failure> {
        let answer_by = self.answer_by(wanted.deadline);
        let (caller, request_id) = (&wanted.caller.id, wanted.request_id);
        loop {
            let follow = match errands.reserve(caller, request_id) {
                Slot::Taken(taken) => {
                    // The one who had it did not begin: now it may be ours.
                    let Some(follow) = running(taken).await else {
                        continue;
                    };
                    same(&follow.view().borrow().story.head().request, wanted.request)?;
                    follow
                }
                Slot::Yours(reservation) => {
                    if let Some(ended) = self.ended_story(errands, &wanted).await? {
                        return Ok(Arc::new(ended));
                    }
                    if let Some(refusing) = self.refusing() {
                        return Err(refusing);
                    }
                    let (first, held) = first.await?;
                    let id = self.inner.runner.new_id();
                    let begun = errands.accept(reservation, id, first, held).await;
                    begun.map_err(|error| not_taken(&error))?
                }
            };
            return Ok(answered(follow.view(), answer_by).await);
        }
    }

    async fn ended_story<S: Story>(
        &self,
        errands: &Errands<S>,
        wanted: &Wanted<'_>,
    ) -> Result<Option<S>, Failure> {
        let journal = &self.parts().journal;
        let found = journal
            .find_request(&wanted.caller.id, wanted.request_id)
            .await;
        let Some(row) = found.map_err(|error| unreadable(&error))? else {
            return Ok(None);
        };
        if row.kind != S::KIND {
            return Err(taken_by(&row.kind));
        }
        let story = errands.load(&row.stream).await;
        let story = story.map_err(|error| Failure::new(Code::Internal, error.to_string()))?;
        if journal.request_digest(wanted.request) != row.body_digest {
            same(&story.head().request, wanted.request)?;
            let detail = "it was used with another body; which fields is no longer known";
            return Err(Failure::new(Code::RequestIdOtherBody, detail));
        }
        Ok(Some(story))
    }
}

/// Waits for the answer, at most until then.
pub(super) async fn answered<S: Story>(
    mut view: watch::Receiver<Seen<S>>,
    answer_by: tokio::time::Instant,
) -> Arc<S> {
    let is_told = |seen: &Seen<S>| seen.story.is_answered() || seen.parked;
    // At the deadline, or when it ended: what is there by now is the answer.
    drop(tokio::time::timeout_at(answer_by, view.wait_for(is_told)).await);
    Arc::clone(&view.borrow().story)
}

/// Refuses another body under the same id, naming the fields.
pub(super) fn same(first: &[u8], second: &[u8]) -> Result<(), Failure> {
    if first == second {
        return Ok(());
    }
    let fields = differing(first, second);
    if fields.is_empty() {
        return Ok(());
    }
    Err(Failure {
        code: Code::RequestIdOtherBody,
        detail: format!("differs in {}", fields.join(", ")),
        fields,
    })
}

/// The first path elements in which two JSON objects differ.
fn differing(first: &[u8], second: &[u8]) -> Vec<String> {
    let object = |json: &[u8]| {
        serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(json)
            .unwrap_or_default()
    };
    let (first, second) = (object(first), object(second));
    let keys = first.keys().chain(second.keys());
    let mut fields: Vec<String> = keys
        .filter(|key| first.get(*key) != second.get(*key))
        .cloned()
        .collect();
    fields.sort();
    fields.dedup();
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_body_is_refused_by_its_fields() {
        let one = br#"{"a":1,"b":{"c":2},"d":[]}"#;
        assert!(same(one, one).is_ok());
        assert!(same(one, br#"{"b":{"c":2},"d":[],"a":1}"#).is_ok());
        let failure = same(one, br#"{"a":1,"b":{"c":3},"e":0,"d":[]}"#).unwrap_err();
        assert_eq!(failure.code, Code::RequestIdOtherBody);
        assert_eq!(failure.fields, ["b", "e"]);
    }
}
