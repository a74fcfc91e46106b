//! What is asked of the platform, in which order, and what the answers come to.
//!
//! ```text
//!  this journal   5203 for each row ─────────────────────────────────────────► compared to the fen
//!  whole hospital 3201 for each group ─┬ balanced ───────────────────────────► next group
//!                                      └ not ─► 9101 ─► 3202 ─► 9102 ─► lines ─► 5203 for each of ours
//! ```
//!
//! Of a whole hospital, rows whose group is not known – a person stated them – are asked for with 5203 first.
//!
//! 3201 is about one insurance, 3202 about all insurances of one kind of clearing at one office: it is asked for
//! once, whichever of its groups does not balance.
//!
//! A question without an answer is asked three times, with pauses; then its row or group counts as not
//! compared. When three in a row came to nothing the platform is taken for down and the rest is left. Every
//! question only reads, so that one which was out when the daemon ended is simply asked again.

pub mod event;
mod fold;
mod next;
mod tell;
mod told;
mod unbalanced;
mod unplaced;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::row::{Group, Row, StatementRow, Totals};
use super::span::Span;
use crate::book::Code;
use crate::settlement::rules::Rules;
use crate::settlement::story::{Act, Got, Head, Sent, Story};

pub use event::{Event, Plan};
pub use tell::{Progress, Table};
use told::Told;
use unbalanced::Unbalanced;

/// A reconciliation by now.
#[derive(Clone, Debug, PartialEq)]
pub struct Reconciliation {
    id: String,
    request_id: String,
    caller: String,
    span: Option<Span>,
    whole_hospital: bool,
    desks: Vec<u16>,
    digest: String,
    plan: Option<Arc<Plan>>,
    /// Places in the plan's rows that are asked for one by one.
    todo: Arc<Vec<usize>>,
    groups: Arc<Vec<Group>>,
    /// Groups whose 3202 was asked for.
    detailed: Vec<Group>,
    at: At,
    /// Rows of ours that a statement listed, and its line.
    listed: Arc<Vec<(usize, StatementRow)>>,
    /// Rows of a whole hospital whose group is not known and of which nothing is said yet; true: 5203 has none.
    unplaced: Arc<BTreeMap<usize, bool>>,
    tries: u32,
    /// Nothing is asked before then.
    not_before_ms: i64,
    /// Questions in a row that came to nothing.
    failures: u32,
    totals: Totals,
    unbalanced: Unbalanced,
    told: Arc<Told>,
    asked: u32,
    incomplete: Option<Code>,
    accepted_at_ms: i64,
    at_ms: i64,
    ended_at_ms: Option<i64>,
}

/// Which question is next.
#[derive(Clone, Debug, PartialEq)]
enum At {
    /// This place of `todo`.
    Row(usize),
    /// This group.
    Group(usize, GroupStep),
    /// This place of `listed`, of this group.
    Listed(usize, usize),
    /// None.
    Over,
}

/// Which question of a group.
#[derive(Clone, Debug, PartialEq)]
enum GroupStep {
    Totals,
    Upload,
    Details {
        file_qury_no: String,
    },
    Download {
        file_qury_no: String,
        filename: String,
    },
}

impl Reconciliation {
    fn row(&self, place: usize) -> Option<&Row> {
        self.plan.as_ref()?.rows.get(place)
    }

    /// Rows of a group that the platform should have.
    fn rows_of<'a>(&'a self, group: &'a Group) -> impl Iterator<Item = &'a Row> {
        let rows = self.plan.iter().flat_map(|plan| plan.rows.iter());
        rows.filter(move |row| row.standing.counts() && row.group() == *group)
    }

    /// Rows of the 3202 that a group belongs to: it names no insurance.
    fn rows_in_detail<'a>(&'a self, group: &'a Group) -> impl Iterator<Item = &'a Row> {
        let rows = self.plan.iter().flat_map(|plan| plan.rows.iter());
        rows.filter(move |row| row.standing.counts() && is_in_detail(&row.group(), group))
    }

    /// The digest of what was asked for, to tell a repeat from another request.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

/// Whether one 3202 is about both.
fn is_in_detail(one: &Group, other: &Group) -> bool {
    one.clr_type == other.clr_type && one.setl_optins == other.setl_optins
}

impl Story for Reconciliation {
    type Event = Event;

    const KIND: &'static str = "reconciliation";
    const VERSION: u16 = event::VERSION;

    fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            request_id: String::new(),
            caller: String::new(),
            span: None,
            whole_hospital: false,
            desks: Vec::new(),
            digest: String::new(),
            plan: None,
            todo: Arc::default(),
            groups: Arc::default(),
            detailed: Vec::new(),
            at: At::Over,
            listed: Arc::default(),
            unplaced: Arc::default(),
            tries: 0,
            not_before_ms: 0,
            failures: 0,
            totals: Totals::default(),
            unbalanced: Unbalanced::default(),
            told: Arc::default(),
            asked: 0,
            incomplete: None,
            accepted_at_ms: 0,
            at_ms: 0,
            ended_at_ms: None,
        }
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn next(&self, now_ms: i64, _rules: &Rules) -> Act<Event> {
        self.next_act(now_ms)
    }

    fn apply(&mut self, event: &Event, at_ms: i64) {
        self.fold(event, at_ms);
    }

    fn is_over(&self) -> bool {
        self.at == At::Over
    }

    fn is_answered(&self) -> bool {
        self.at == At::Over
    }

    fn head(&self) -> Head {
        Head {
            request_id: self.request_id.clone(),
            caller: self.caller.clone(),
            request: zeroize::Zeroizing::new(self.digest.clone().into_bytes()),
            stuck: false,
            subject: None,
            subject_is_shared: false,
            blocks_when_stuck: false,
            person: None,
            summary: self.summary(),
        }
    }

    fn outcome(&self) -> &'static str {
        match (self.is_over(), self.incomplete) {
            (false, _) => "open",
            (true, None) => "compared",
            (true, Some(_)) => "incomplete",
        }
    }

    fn intent(sent: Sent) -> Event {
        Event::Intent {
            infno: sent.infno,
            msgid: sent.msgid,
            request: Some(sent.request),
        }
    }

    fn answered(got: Got) -> Event {
        Event::Answered {
            result: got.outcome,
            sign_in_expired: got.sign_in_expired,
            answer: got.answer,
        }
    }

    fn restarted() -> Event {
        Event::Restarted
    }

    fn stuck(code: Code) -> Event {
        Event::Stuck { code }
    }

    fn kind(event: &Event) -> &'static str {
        event.kind()
    }

    fn private(event: &Event) -> Option<zeroize::Zeroizing<Vec<u8>>> {
        event.private()
    }

    fn with_private(event: Event, plain: &[u8]) -> Result<Event, serde_json::Error> {
        event.with_private(plain)
    }
}
