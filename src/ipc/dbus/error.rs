//! Errors on the bus: a name to branch on, a text for people, a dictionary for programs.
//!
//! `org.yibaod.Error.NOBODY_SCANNED`, or what the bus itself has a name for under that, with one argument, the text: GLib shows no text of an error that has more. Its last
//! line is for programs. A caller that asks for `error_details` gets the dictionary as a second argument.

use tonic::Status;
use tonic_types::StatusExt as _;
use zbus::message::{Header, Message};
use zbus::{Array, Variant};

use super::shape::Fields;

use crate::book::Code;
use crate::ipc::convert::error;
use crate::operation::Failure;

/// Before the symbolic name of one of the book's codes.
const OWN: &str = "org.yibaod.Error.";
/// Before the names that the bus has for what is not about us.
const STANDARD: &str = "org.freedesktop.DBus.Error.";

/// An error as it goes out.
pub(super) struct Refusal {
    /// `org.yibaod.Error.NOBODY_SCANNED`.
    pub(super) name: String,
    /// What people read.
    pub(super) text: String,
    /// What programs read.
    pub(super) details: Fields,
    /// Why, while the log was not told of it.
    pub(super) untold: Option<Box<Failure>>,
}

impl Refusal {
    /// One that the bus has a name for and the book no row.
    fn standard(name: &str, text: impl Into<String>) -> Self {
        Self {
            name: format!("{STANDARD}{name}"),
            text: text.into(),
            details: Fields::new(),
            untold: None,
        }
    }

    /// One that the bus has a name for and the book a row.
    pub(super) fn named(name: &str, code: Code, text: impl Into<String>) -> Self {
        Self {
            name: format!("{STANDARD}{name}"),
            ..Failure::new(code, text).into()
        }
    }

    /// One of which the log was told.
    pub(super) fn told(failure: &Failure) -> Self {
        (&error::status(failure)).into()
    }

    /// The same, and the log is not told its words: they repeat the caller's own.
    pub(super) fn quoting(mut self) -> Self {
        if let Some(failure) = &mut self.untold {
            failure.detail.clear();
        }
        self
    }

    /// The reply to this call.
    pub(super) fn reply(&self, call: &Header<'_>, with_details: bool) -> zbus::Result<Message> {
        let reply = Message::error(call, self.name.as_str());
        match with_details {
            true => reply.build(&(&self.text, &self.details)),
            false => reply.build(&self.text),
        }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self {
            untold: Some(Box::new(failure.clone())),
            ..(&error::status(&failure)).into()
        }
    }
}

impl From<&Status> for Refusal {
    /// What a gRPC caller is told, in the words of the bus.
    fn from(status: &Status) -> Self {
        let Some(info) = status.get_details_error_info() else {
            return Self::standard(standard_name(status.code()), status.message());
        };
        let of = |key: &str| info.metadata.get(key).map_or("", String::as_str);
        let mut details = Fields::new();
        put(&mut details, "name", &info.reason);
        for key in [
            "code",
            "money",
            "repeat",
            "meaning_zh",
            "meaning_en",
            "action_zh",
            "action_en",
            "detail",
            "patient_zh",
        ] {
            put(&mut details, key, of(key));
        }
        let fields: Vec<&str> = of("fields").split(',').filter(|f| !f.is_empty()).collect();
        details.insert("fields".to_owned(), Variant::Array(texts(&fields)));
        let text = format!(
            "{}\n{}{}\n{} {}\nmoney={} repeat={} fields={}",
            status.message(),
            of("meaning_zh"),
            of("action_zh"),
            of("meaning_en"),
            of("action_en"),
            of("money"),
            of("repeat"),
            of("fields"),
        );
        Self {
            name: format!("{OWN}{}", info.reason),
            text,
            details,
            untold: None,
        }
    }
}

/// Whether this says that the caller has not the right.
pub(super) fn is_not_allowed(status: &Status) -> bool {
    let info = status.get_details_error_info();
    info.is_some_and(|info| info.reason == Code::NotAllowed.name())
}

fn texts(texts: &[&str]) -> Array<'static> {
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    Array::from(texts)
}

fn put(details: &mut Fields, key: &str, text: &str) {
    let text = text.replace('\0', "\u{fffd}");
    details.insert(key.to_owned(), Variant::Str(text.into()));
}

/// For what the book has no code of: no such method, no room, too late.
fn standard_name(code: tonic::Code) -> &'static str {
    match code {
        tonic::Code::Unimplemented => "UnknownMethod",
        tonic::Code::InvalidArgument | tonic::Code::OutOfRange => "InvalidArgs",
        tonic::Code::DeadlineExceeded => "Timeout",
        tonic::Code::ResourceExhausted => "LimitsExceeded",
        tonic::Code::PermissionDenied | tonic::Code::Unauthenticated => "AccessDenied",
        tonic::Code::Ok
        | tonic::Code::Cancelled
        | tonic::Code::Unknown
        | tonic::Code::NotFound
        | tonic::Code::AlreadyExists
        | tonic::Code::FailedPrecondition
        | tonic::Code::Aborted
        | tonic::Code::Internal
        | tonic::Code::Unavailable
        | tonic::Code::DataLoss => "Failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_name_that_the_bus_takes() {
        let call = Message::method_call("/", "Ask")
            .sender(":1.7")
            .build(&())
            .unwrap();
        for code in Code::ALL {
            let refusal = Refusal::from(Failure::new(*code, "bills[0]"));
            assert_eq!(refusal.name, format!("org.yibaod.Error.{}", code.name()));
            assert!(refusal.text.contains(code.id()) && refusal.text.contains("bills[0]"));
            assert!(refusal.text.contains(code.entry().meaning_zh));
            for (with_details, signature) in [(false, "s"), (true, "sa{sv}")] {
                let reply = refusal.reply(&call.header(), with_details).unwrap();
                assert_eq!(reply.body().signature().to_string_no_parens(), signature);
            }
        }
    }

    #[test]
    fn the_fields_are_a_list() {
        let failure = Failure {
            fields: vec!["a".into(), "b[0].c".into()],
            ..Failure::new(Code::RequestInvalid, "two")
        };
        let details = Refusal::from(failure).details;
        let fields = Array::from(vec!["a".to_owned(), "b[0].c".to_owned()]);
        assert_eq!(details["fields"], Variant::Array(fields));
        assert_eq!(details["money"], Variant::Str("NOT_CONCERNED".into()));
    }

    #[test]
    fn a_name_of_the_bus_stands_before_the_row_of_the_book() {
        let refusal = Refusal::named("UnknownMethod", Code::MethodUnknown, "there is no method X");
        assert_eq!(refusal.name, "org.freedesktop.DBus.Error.UnknownMethod");
        assert!(
            refusal
                .text
                .starts_with("E7013 METHOD_UNKNOWN: there is no method X\n"),
            "{}",
            refusal.text
        );
        assert_eq!(refusal.details["code"], Variant::Str("E7013".into()));
    }

    #[test]
    fn what_the_book_does_not_know_has_a_name_of_the_bus() {
        let refusal = Refusal::from(&Status::unimplemented("no such method"));
        assert_eq!(refusal.name, "org.freedesktop.DBus.Error.UnknownMethod");
        assert!(!is_not_allowed(&Status::permission_denied("")));
        let failure = Failure::new(Code::NotAllowed, "");
        assert!(is_not_allowed(&error::status(&failure)));
    }
}
