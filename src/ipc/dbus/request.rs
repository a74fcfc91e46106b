//! What stands in a call: its message, and what the caller wants besides.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use zbus::message::Message;
use zbus::{Dict, Variant};

use super::catalogue::Method;
use super::error::Refusal;
use super::{repeated, shape};
use crate::book::Code;
use crate::operation::Failure;

/// A longer wait is a mistake.
const DEADLINE_MS_MAX: u32 = 600_000;
/// Keys of a request that are the door's, not the message's.
const DEADLINE_KEY: &str = "deadline_ms";
pub(super) const SUBSCRIPTION_KEY: &str = "subscription";
const DETAILS_KEY: &str = "error_details";
const RESERVED: [&str; 3] = [DEADLINE_KEY, SUBSCRIPTION_KEY, DETAILS_KEY];

/// What a caller wants besides its message.
pub(super) struct Wants {
    /// How long it waits.
    pub(super) deadline: Option<Duration>,
    /// The name of the stream that it begins.
    pub(super) subscription: Option<String>,
}

/// The message in protobuf, and what stands beside it.
pub(super) fn read(call: &Message, method: &Method) -> Result<(Bytes, Wants), Refusal> {
    let body = call.body();
    let fields = match body.signature().to_string().as_str() {
        "" => BTreeMap::new(),
        _ => {
            let fields: Result<BTreeMap<&str, Variant<'_>>, _> = body.deserialize();
            fields.map_err(|_| not_these_arguments("a{sv}"))?
        }
    };
    let known = method.input.parent_pool();
    let is_field = |key: &str| {
        let mut messages = known.all_messages();
        messages.any(|message| message.get_field_by_name(key).is_some())
    };
    if let Some(path) = repeated::find(&body, is_field) {
        let path = if path.is_empty() { "arguments" } else { &path };
        return Err(of_key(path, "it stands there twice"));
    }
    let dict = Dict::from(fields);
    let wants = wants(&dict)?;
    let message = shape::take(&method.input, &dict, &RESERVED)?;
    Ok((message.encode_to_vec().into(), wants))
}

fn wants(dict: &Dict<'_, '_>) -> Result<Wants, Refusal> {
    let mut wants = Wants {
        deadline: None,
        subscription: None,
    };
    for (key, value) in dict.iter() {
        let Variant::Str(key) = key else {
            continue;
        };
        let value = shape::bare(value);
        if key.as_str() == DEADLINE_KEY {
            let ms: Option<u32> =
                shape::integer(value).filter(|ms| (1..=DEADLINE_MS_MAX).contains(ms));
            let ms =
                ms.ok_or_else(|| of_key(DEADLINE_KEY, &format!("must be 1 to {DEADLINE_MS_MAX}")))?;
            wants.deadline = Some(Duration::from_millis(ms.into()));
        } else if key.as_str() == SUBSCRIPTION_KEY {
            let name = shape::text(value).filter(|name| is_name(name));
            let wrong = "must be 1 to 64 of A-Z a-z 0-9 . _ -";
            let name = name.ok_or_else(|| of_key(SUBSCRIPTION_KEY, wrong))?;
            wants.subscription = Some(name.to_owned());
        }
    }
    Ok(wants)
}

/// Whether an error may have more arguments than GLib shows.
pub(super) fn wants_details(call: &Message) -> bool {
    let body = call.body();
    let fields: Result<BTreeMap<&str, Variant<'_>>, _> = body.deserialize();
    fields.is_ok_and(|fields| fields.get(DETAILS_KEY) == Some(&Variant::Bool(true)))
}

fn is_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    (1..=64).contains(&name.len()) && name.bytes().all(fits)
}

/// The one argument of a method that is no operation.
pub(super) fn argument<T>(call: &Message) -> Result<T, Refusal>
where
    T: serde::de::DeserializeOwned + zbus::Type,
{
    call.body()
        .deserialize()
        .map_err(|_| not_these_arguments(&T::SIGNATURE.to_string()))
}

pub(super) fn not_these_arguments(signature: &str) -> Refusal {
    let what = format!("the arguments must be ({signature})");
    Refusal::named("InvalidArgs", Code::RequestInvalid, what)
}

pub(super) fn of_key(key: &str, what: &str) -> Refusal {
    let failure = Failure {
        fields: vec![key.to_owned()],
        ..Failure::new(Code::RequestInvalid, format!("{key}: {what}"))
    };
    failure.into()
}

impl From<shape::Wrong> for Refusal {
    fn from(wrong: shape::Wrong) -> Self {
        let code = match wrong.unknown {
            true => Code::UnknownField,
            false => Code::RequestInvalid,
        };
        let failure = Failure {
            detail: format!("{}: {}", wrong.path, wrong.what),
            fields: vec![wrong.path],
            code,
        };
        failure.into()
    }
}
