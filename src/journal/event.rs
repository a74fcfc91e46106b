//! What is put into the journal and what comes back.

use std::fmt;

use zeroize::Zeroizing;

/// Who this desk is. The number is unique among the desks that share a `fixmedins_code`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desk {
    /// Its name, for people.
    pub name: String,
    /// 0–999.
    pub number: u16,
    /// `/etc/machine-id` as read; the journal keeps only a keyed digest of it.
    pub machine_id: String,
}

/// One event of a stream, to be written.
#[derive(Clone)]
pub struct NewEvent {
    /// Its kind, a short name. Kinds are added, never changed in meaning.
    pub kind: String,
    /// Version of the body's form, from 1.
    pub version: u16,
    /// When it happened, ms since 1970-01-01 UTC.
    pub at_utc_ms: i64,
    /// Who did it, when it was not the stream's own caller (a cashier who confirms at another
    /// desk's screen, an operator who resolves).
    pub by: Option<String>,
    /// JSON, readable by everybody who can read the journal: no personal data.
    pub body: String,
    /// Personal data and whole messages, in the clear here; the journal seals them.
    pub sealed: Option<Zeroizing<Vec<u8>>>,
}

impl NewEvent {
    /// An event by the stream's caller, with nothing sealed.
    #[must_use]
    pub fn new(kind: impl Into<String>, version: u16, at_utc_ms: i64, body: String) -> NewEvent {
        NewEvent {
            kind: kind.into(),
            version,
            at_utc_ms,
            by: None,
            body,
            sealed: None,
        }
    }

    /// The same event with something to be sealed.
    #[must_use]
    pub fn sealing(self, plain: Zeroizing<Vec<u8>>) -> NewEvent {
        NewEvent {
            sealed: Some(plain),
            ..self
        }
    }
}

impl fmt::Debug for NewEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewEvent")
            .field("kind", &self.kind)
            .field("version", &self.version)
            .field("at_utc_ms", &self.at_utc_ms)
            .field(
                "sealed_bytes",
                &self.sealed.as_ref().map(|plain| plain.len()),
            )
            .finish_non_exhaustive()
    }
}

/// A person's id number, on its way to becoming a keyed hash. Shows nothing.
#[derive(Clone)]
pub struct PersonKeyInput(Zeroizing<String>);

impl PersonKeyInput {
    /// Takes an id number; blanks around it and the case of a final `x` do not matter.
    #[must_use]
    pub fn new(id_number: &str) -> PersonKeyInput {
        PersonKeyInput(Zeroizing::new(id_number.to_owned()))
    }

    pub(super) fn id_number(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PersonKeyInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonKeyInput(..)")
    }
}

/// What the index keeps of a stream, as it stands after an append.
///
/// `kind`, `request_id`, `caller` and `body_digest` are taken from the stream's first append; later
/// ones are not looked at, so that no disagreement about them can keep an outcome off the disk.
/// A `visit` or `person` once given stays when later appends bring none.
#[derive(Debug, Clone)]
pub struct StreamHead {
    /// What the stream is: `settlement`, `print_job`, …
    pub kind: String,
    /// The caller's name for it; one caller uses it once.
    pub request_id: Option<String>,
    /// Who asked.
    pub caller: String,
    /// Digest of the checked request, to tell a repeat from another request.
    pub body_digest: String,
    /// Is there still something to do? Open streams are what a start reads.
    pub open: bool,
    /// Can only a person resolve it?
    pub stuck: bool,
    /// The visit it works on. A *new* stream is refused while another open stream of the same kind
    /// works on the same visit, unless it is shared.
    pub visit: Option<String>,
    /// Whether streams of this kind may work on one visit at once.
    pub visit_is_shared: bool,
    /// Whom it is about.
    pub person: Option<PersonKeyInput>,
    /// Small readable JSON for lists (state of the money, amounts, ids): no personal data.
    pub summary: String,
}

impl StreamHead {
    /// Of a stream in which nothing is ever to do and which is about nobody: a book of what was done.
    #[must_use]
    pub fn closed(kind: &str, caller: &str) -> StreamHead {
        StreamHead {
            kind: kind.to_owned(),
            request_id: None,
            caller: caller.to_owned(),
            body_digest: String::new(),
            open: false,
            stuck: false,
            visit: None,
            visit_is_shared: false,
            person: None,
            summary: "{}".to_owned(),
        }
    }
}

/// One write: all of it is on disk when it is answered, or none of it ever will be.
#[derive(Debug, Clone)]
pub struct Append {
    /// The stream; it comes into being with its first event.
    pub stream: String,
    /// The `stream_seq` the writer believes is the last (0: the stream is new). `None`: not
    /// checked.
    pub after: Option<i64>,
    /// In order. May be empty when only the head or a mark changes.
    pub events: Vec<NewEvent>,
    /// The index entry after these events.
    pub head: StreamHead,
    /// Counters that only rise: the larger of the stored and the given value is kept.
    pub marks: Vec<(String, i64)>,
}

/// Where an append came to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// `seq` of its first event; with no events, that of the stream's last one.
    pub first_seq: i64,
    /// `seq` of its last event.
    pub last_seq: i64,
    /// The stream's last `stream_seq`, to be given as [`Append::after`] next time.
    pub last_stream_seq: i64,
}

/// The sealed part of a stored event.
#[derive(Clone)]
pub enum Sealed {
    /// Nothing was sealed.
    None,
    /// Opened.
    Open(Zeroizing<Vec<u8>>),
    /// Its day's key was deleted; nobody can open it any more.
    Forgotten,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Sealed::None => "None",
            Sealed::Open(_) => "Open(..)",
            Sealed::Forgotten => "Forgotten",
        })
    }
}

/// An event as it stands in the journal, checked against its link.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Place in the journal, from 1, without gaps.
    pub seq: i64,
    /// Place in its stream, from 1, without gaps.
    pub stream_seq: i64,
    /// See [`NewEvent::kind`].
    pub kind: String,
    /// See [`NewEvent::version`].
    pub version: u16,
    /// See [`NewEvent::at_utc_ms`].
    pub at_utc_ms: i64,
    /// Who did it.
    pub caller: String,
    /// JSON.
    pub body: String,
    /// Personal data and whole messages.
    pub sealed: Sealed,
}

/// A stream's entry in the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamRow {
    /// The stream.
    pub stream: String,
    /// See [`StreamHead::kind`].
    pub kind: String,
    /// See [`StreamHead::request_id`].
    pub request_id: Option<String>,
    /// See [`StreamHead::caller`].
    pub caller: String,
    /// See [`StreamHead::body_digest`].
    pub body_digest: String,
    /// See [`StreamHead::open`].
    pub open: bool,
    /// See [`StreamHead::stuck`].
    pub stuck: bool,
    /// See [`StreamHead::visit`].
    pub visit: Option<String>,
    /// See [`StreamHead::summary`].
    pub summary: String,
    /// `seq` of its first event: the order of lists, and [`Filter::before_seq`] of the next page.
    pub first_seq: i64,
    /// `seq` of its last event.
    pub last_seq: i64,
    /// Number of its events.
    pub last_stream_seq: i64,
    /// Time of its first event.
    pub started_utc_ms: i64,
    /// Time of its last event.
    pub changed_utc_ms: i64,
}

/// Which streams to list, newest first. All conditions must hold.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// At most so many; 0 and more than [`super::LIST_MAX`] mean [`super::LIST_MAX`].
    pub limit: u32,
    /// Only streams that began before this `seq`: the `first_seq` of the last row of the page
    /// before.
    pub before_seq: Option<i64>,
    /// Began at or after.
    pub from_utc_ms: Option<i64>,
    /// Began before.
    pub to_utc_ms: Option<i64>,
    /// Of this kind.
    pub kind: Option<String>,
    /// Asked by this caller.
    pub caller: Option<String>,
    /// With this `request_id`, of any caller unless `caller` says which.
    pub request_id: Option<String>,
    /// On this visit.
    pub visit: Option<String>,
    /// About this person.
    pub person: Option<PersonKeyInput>,
    /// Still open.
    pub open_only: bool,
    /// Waiting for a person to resolve them.
    pub stuck_only: bool,
    /// Whose summary contains this text.
    pub text: Option<String>,
}
