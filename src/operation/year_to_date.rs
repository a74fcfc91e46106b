//! What the settlement sheet says of the year: asked once for each settlement, when its first sheet is wanted, and said
//! by every later one as it was written down then.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::ask::Failure;
use super::errand::answered;
use super::operations::Operations;
use super::settle::{not_taken, running, unreadable};
use crate::book::Code;
use crate::document::sheet::Year;
use crate::runner::{Slot, civil, wall_ms};
use crate::settlement::state::State;
use crate::settlement::story::Story as _;
use crate::settlement::year_to_date::story::{
    About, CALLER, Ending, Event, YearToDate, request_id,
};

/// How much longer than for the answer a sheet waits until what came of it is written down.
const WRITE_MS_MAX: u64 = 5_000;

impl Operations {
    /// What a sheet of this settlement says of the year; nothing where the site does not want it.
    ///
    /// # Errors
    /// It cannot be written down: paper must not say it.
    pub(super) async fn year_to_date(&self, state: &State) -> Result<Option<Year>, Failure> {
        let ways = self.parts().ways();
        let rules = &ways.rules.year_to_date;
        if !rules.is_enabled {
            return Ok(None);
        }
        let about = About::of(state, &civil(wall_ms()), rules);
        let Some(story) = self.year_story(&state.settlement_id, about).await? else {
            return Ok(None);
        };
        let Some((ending, year, at_ms)) = story.ending() else {
            let code = match self.is_stopping() {
                true => Code::ShuttingDown,
                false => Code::JournalRefuses,
            };
            return Err(Failure::new(
                code,
                "the year to date is not written down yet",
            ));
        };
        let settlement = &state.settlement_id;
        match ending {
            Ending::Missing(code) => {
                let code = code.name();
                tracing::info!(settlement, code, "a sheet without the year to date");
            }
            Ending::Had(figures) if figures.is_empty() => {
                tracing::info!(settlement, "no row of 5206 has a code that is printed");
            }
            Ending::Had(_) => {}
        }
        Ok(Some(said(ending, year, at_ms)))
    }

    /// What a paper of this settlement said whose stream begins there.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) async fn year_of_first(
        &self,
        state: &State,
        first_seq: i64,
    ) -> Result<Option<Year>, Failure> {
        let known = self.known_year(&request_id(&state.settlement_id)).await?;
        // What was asked later, when the site had switched it on, did not stand on it.
        let known = known.filter(|(_, last_seq)| *last_seq < first_seq);
        let ending = known.as_ref().and_then(|(known, _)| known.ending());
        Ok(ending.map(|(ending, year, at_ms)| said(ending, year, at_ms)))
    }

    /// What a sheet that is only looked at says where nothing can be written down.
    pub(super) fn year_unknown(&self, state: &State) -> Option<Year> {
        let rules = &self.parts().ways().rules.year_to_date;
        let at = civil(wall_ms());
        let about = About::of(state, &at, rules).filter(|_| rules.is_enabled)?;
        let (year, figures) = (about.year, Arc::new(BTreeMap::new()));
        Some(Year { year, at, figures })
    }

    /// The story that is known, or one begun with this, once it is over; nothing when there is neither.
    async fn year_story(
        &self,
        settlement_id: &str,
        about: Option<About>,
    ) -> Result<Option<Arc<YearToDate>>, Failure> {
        let (stories, request_id) = (&self.inner.years, request_id(settlement_id));
        loop {
            let follow = match stories.reserve(CALLER, &request_id) {
                Slot::Taken(taken) => {
                    // The one who had it did not begin: now it may be ours.
                    let Some(follow) = running(taken).await else {
                        continue;
                    };
                    follow
                }
                Slot::Yours(reservation) => {
                    if let Some((known, _)) = self.known_year(&request_id).await? {
                        return Ok(Some(Arc::new(known)));
                    }
                    let Some(about) = about else {
                        return Ok(None);
                    };
                    if self.is_stopping() {
                        return Err(Failure::new(Code::ShuttingDown, "the daemon is stopping"));
                    }
                    if let Some(refuses) = self.journal_refuses() {
                        return Err(refuses);
                    }
                    let begun = Event::Begun {
                        settlement_id: settlement_id.to_owned(),
                        about: Some(Box::new(about)),
                    };
                    let id = self.inner.runner.new_id();
                    let begun = stories.accept(reservation, id, begun, ()).await;
                    begun.map_err(|error| not_taken(&error))?
                }
            };
            let wait_ms = self.parts().ways().rules.year_to_date.wait_ms;
            let answer_by =
                Instant::now() + Duration::from_millis(u64::from(wait_ms) + WRITE_MS_MAX);
            return Ok(Some(answered(follow.view(), answer_by).await));
        }
    }

    /// The story that is written down, and the `seq` of its last event.
    async fn known_year(&self, request_id: &str) -> Result<Option<(YearToDate, i64)>, Failure> {
        let found = self.parts().journal.find_request(CALLER, request_id).await;
        let row = found.map_err(|error| unreadable(&error))?;
        let Some(row) = row.filter(|row| row.kind == YearToDate::KIND) else {
            return Ok(None);
        };
        let known = self.inner.years.load(&row.stream).await;
        let known =
            known.map_err(|error| Failure::new(Code::StreamUnreadable, error.to_string()))?;
        Ok(Some((known, row.last_seq)))
    }
}

fn said(ending: &Ending, year: &str, at_ms: i64) -> Year {
    let figures = match ending {
        Ending::Had(figures) => Arc::clone(figures),
        Ending::Missing(_) => Arc::default(),
    };
    Year {
        year: year.to_owned(),
        at: civil(at_ms),
        figures,
    }
}
