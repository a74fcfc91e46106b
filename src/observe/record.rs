//! One event as the journal shall keep it: the text for people, and each value as a field of its own.

use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// Longest text and longest value, bytes; more says nothing that a log is for.
const TEXT_BYTES_MAX: usize = 4_096;
/// Fields of one event with its spans.
const FIELDS_MAX: usize = 32;

/// An event with what its spans knew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) level: Level,
    pub(super) target: String,
    pub(super) module: Option<&'static str>,
    pub(super) file: Option<&'static str>,
    pub(super) line: Option<u32>,
    /// The text with all values behind it, as on standard error.
    pub(super) text: String,
    /// `settlement`, `device`, `caller`, `code` and whatever else stands in the event.
    pub(super) fields: Vec<(&'static str, String)>,
}

/// The values of one event or span.
#[derive(Debug, Default)]
pub(super) struct Values {
    message: String,
    fields: Vec<(&'static str, String)>,
}

impl Values {
    fn put(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = Bounded(String::new());
        if write!(text, "{value:?}").is_err() {
            // It is cut; what came before is kept.
            text.0.truncate(TEXT_BYTES_MAX);
        }
        match field.name() {
            "message" => self.message = text.0,
            // What the bridge from the log crate says of where it was.
            name if name.starts_with("log.") => {}
            name if self.fields.len() < FIELDS_MAX => self.fields.push((name, text.0)),
            _ => {}
        }
    }
}

impl Visit for Values {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, &format_args!("{value}"));
    }
}

/// A text that takes no more than so many bytes.
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let room = TEXT_BYTES_MAX - self.0.len();
        let end = part.floor_char_boundary(room);
        self.0.push_str(&part[..end]);
        if end < part.len() {
            Err(fmt::Error)
        } else {
            Ok(())
        }
    }
}

/// The event as it is kept.
pub(super) fn of<S>(event: &Event<'_>, context: &Context<'_, S>) -> Record
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let mut values = Values::default();
    event.record(&mut values);
    let spans = context.event_scope(event).into_iter().flatten();
    for span in spans {
        if let Some(of_span) = span.extensions().get::<Values>() {
            let room = FIELDS_MAX.saturating_sub(values.fields.len());
            values
                .fields
                .extend(of_span.fields.iter().take(room).cloned());
        }
    }
    let mut text = Bounded(values.message);
    for (name, value) in &values.fields {
        if write!(text, " {name}={value}").is_err() {
            break;
        }
    }
    let meta = event.metadata();
    Record {
        level: *meta.level(),
        target: meta.target().to_owned(),
        module: meta.module_path(),
        file: meta.file(),
        line: meta.line(),
        text: text.0,
        fields: values.fields,
    }
}
