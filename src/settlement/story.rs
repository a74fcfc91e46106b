//! A stream that only talks to the platform: a refund, a hand-out, a reconciliation.
//!
//! ```text
//!  accepted ─► next(now) ─► Act ─┬ Record(event) ───────────────┐
//!                  ▲             ├ Ask(errand): intent, message, │
//!                  │             │              answered ────────┤
//!                  │             ├ Wait until                    │
//!                  │             └ Finished                      │
//!                  └───────────────── apply(event) ◄─────────────┘
//! ```
//!
//! A story decides and folds; it is pure. The loop that carries it is the runner's, the same for all.
//! Recovery is the same loop on a replayed story, told of the restart by [`Story::restarted`].

use zeroize::Zeroizing;

use super::call::Outcome;
use super::errand::Errand;
use super::rules::Rules;
use crate::book::Code;
use crate::person::IdNo;

/// The one thing to do.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time; a box would stand between the words"
)]
pub enum Act<E> {
    /// Write this down and ask again.
    Record(E),
    /// Ask the platform: [`Story::intent`], the message, [`Story::answered`].
    Ask(Errand),
    /// Nothing before then.
    Wait {
        /// When to ask again.
        until_ms: i64,
    },
    /// Nothing more, ever.
    Finished,
}

/// A message that is about to leave.
#[derive(Clone, PartialEq, Eq)]
pub struct Sent {
    /// Its transaction number.
    pub infno: String,
    /// Its msgid.
    pub msgid: String,
    /// The message whole. It names persons: for the sealed half.
    pub request: String,
}

/// What became of a message. Without an intent before it, it never left.
#[derive(Clone, PartialEq, Eq)]
pub struct Got {
    /// What became of it.
    pub outcome: Outcome,
    /// The sign-in had expired: it may be asked again.
    pub sign_in_expired: bool,
    /// The answer whole. It names persons: for the sealed half.
    pub answer: Option<String>,
}

/// What the journal's index shows of a story.
#[derive(Clone)]
pub struct Head {
    /// The caller's id for it.
    pub request_id: String,
    /// Who asked.
    pub caller: String,
    /// The checked request as its digest is made of, without what may differ between repetitions. It may
    /// name persons.
    pub request: Zeroizing<Vec<u8>>,
    /// Only a person can go on.
    pub stuck: bool,
    /// What it works on.
    pub subject: Option<String>,
    /// Others of this kind may work on it at once; else no two open ones do.
    pub subject_is_shared: bool,
    /// While it is stuck no other stream of this kind may work on its subject.
    pub blocks_when_stuck: bool,
    /// Whom it is about.
    pub person: Option<IdNo>,
    /// Readable JSON for lists, without personal data.
    pub summary: String,
}

/// A fold of events that knows what comes next.
pub trait Story: Clone + Send + Sync + 'static {
    /// What happened. Variants are only added.
    type Event: Clone + Send + Sync + serde::Serialize + serde::de::DeserializeOwned + 'static;

    /// The `kind` of its streams in the journal.
    const KIND: &'static str;
    /// The version of its events that is written.
    const VERSION: u16;

    /// Before any event.
    fn new(id: &str) -> Self;
    /// Its own id.
    fn id(&self) -> &str;
    /// What comes next.
    fn next(&self, now_ms: i64, rules: &Rules) -> Act<Self::Event>;
    /// Folds what happened. Applying cannot fail.
    fn apply(&mut self, event: &Self::Event, at_ms: i64);
    /// Whether nothing more happens by itself.
    fn is_over(&self) -> bool;
    /// Whether it is worth telling to who waits: final, or only a person can go on.
    fn is_answered(&self) -> bool;
    /// What the index shows.
    fn head(&self) -> Head;
    /// How it ended in one word, for counting; `open` before that.
    fn outcome(&self) -> &'static str;

    /// A message is about to leave.
    fn intent(sent: Sent) -> Self::Event;
    /// What became of it.
    fn answered(got: Got) -> Self::Event;
    /// The daemon started anew with this open. A message that was out is lost.
    fn restarted() -> Self::Event;
    /// Only a person can go on.
    fn stuck(code: Code) -> Self::Event;

    /// The word for the row's `kind` column.
    fn kind(event: &Self::Event) -> &'static str;
    /// The sealed half, JSON: what names a person, or holds a whole message.
    fn private(event: &Self::Event) -> Option<Zeroizing<Vec<u8>>>;
    /// Puts the sealed half back.
    ///
    /// # Errors
    /// It is not what [`Story::private`] gave.
    fn with_private(event: Self::Event, plain: &[u8]) -> Result<Self::Event, serde_json::Error>;
}
