//! The list of what only a person can resolve, with every fact that the person needs.

use super::ask::{CallerId, Failure};
use super::look::summary;
use super::operations::Operations;
use super::settle::{SETTLEMENT, unreadable};
use crate::journal::{Filter, StreamRow};
use crate::runner::rows_of;
use crate::settlement::event::Event;
use crate::settlement::handout::Dispense;
use crate::settlement::refund::{self, Refund};
use crate::settlement::state::State;
use crate::settlement::story::Story;
use crate::settlement::stuck::{self, Item, Subject};

/// Rows of the list. Whoever has more has other worries.
const ITEMS_MAX: u32 = 500;

impl Operations {
    /// Everything that waits for a person, oldest first.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub async fn stuck(&self, _caller: CallerId) -> Result<Vec<Item>, Failure> {
        let journal = &self.parts().journal;
        let filter = Filter {
            limit: ITEMS_MAX,
            stuck_only: true,
            ..Filter::default()
        };
        let mut rows = journal.list(filter).await.map_err(|e| unreadable(&e))?;
        for stream in self.parts().unreadable() {
            let row = journal.find(&stream).await.map_err(|e| unreadable(&e))?;
            rows.extend(row.filter(|row| !rows.iter().any(|other| other.stream == row.stream)));
        }
        rows.sort_by_key(|row| row.first_seq);
        let mut items = Vec::new();
        for row in &rows {
            items.push(self.item(row).await);
        }
        Ok(items)
    }

    async fn item(&self, row: &StreamRow) -> Item {
        let kept = summary(&row.summary);
        let subject = match row.kind.as_str() {
            SETTLEMENT => Subject::Settlement,
            Refund::KIND => Subject::Refund,
            Dispense::KIND => Subject::Dispense,
            _ => Subject::Other,
        };
        if subject == Subject::Refund
            && let Ok(refund) = self.inner.refunds.load(&row.stream).await
        {
            return refund::stuck(&refund);
        }
        if subject == Subject::Dispense
            && let Ok(story) = self.inner.hand_outs.load(&row.stream).await
        {
            return stuck::dispense(&story);
        }
        let readable = match self.parts().journal.load(&row.stream).await {
            Ok(stored) => rows_of(&stored).ok(),
            Err(_) => None,
        };
        let Some(rows) = readable.filter(|_| subject == Subject::Settlement) else {
            let at_ms = row.changed_utc_ms;
            return stuck::unreadable(&row.stream, subject, at_ms, kept.as_ref());
        };
        let mut state = State::new(row.stream.clone());
        let mut events: Vec<(Event, i64)> = Vec::new();
        for row in rows {
            state.apply(&row.event, row.at_ms);
            events.push((row.event, row.at_ms));
        }
        stuck::settlement(&state, &events, kept.as_ref())
    }
}
