//! What clients are told, in one form: an answer as canonical proto JSON, a refusal as the book's words.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost_reflect::{DescriptorPool, DynamicMessage, Kind, MessageDescriptor, MethodDescriptor};
use serde_json::Value;

use super::table::Client;

/// The words of a status, by its number.
const CODES: [&str; 17] = [
    "ok",
    "cancelled",
    "unknown",
    "invalid_argument",
    "deadline_exceeded",
    "not_found",
    "already_exists",
    "permission_denied",
    "resource_exhausted",
    "failed_precondition",
    "aborted",
    "out_of_range",
    "unimplemented",
    "internal",
    "unavailable",
    "data_loss",
    "unauthenticated",
];

/// What is said beside the words of the book: not the same where polkit was asked, too.
const DETAIL: &str = "detail";

/// What one call came to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Told {
    /// One message, or the list of a stream's.
    Answer(Value),
    Refused(Refusal),
}

/// As much of a refusal as the client shows: busctl shows the text alone.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refusal {
    /// All of it as people read it on the bus.
    text: String,
    /// Of the status.
    code: Option<String>,
    /// In the book.
    name: Option<String>,
    details: Option<BTreeMap<String, String>>,
}

impl Told {
    pub(super) fn answer(method: &MethodDescriptor, told: &Value) -> Self {
        Told::Answer(canonical(method.output(), told))
    }

    pub(super) fn answers(method: &MethodDescriptor, told: &Value) -> Self {
        let all = told.as_array().expect("a list");
        let all = all.iter().map(|one| canonical(method.output(), one));
        Told::Answer(all.collect())
    }

    /// In the words of gRPC, Connect or the bus.
    pub(super) fn refused(told: &Value) -> Self {
        Told::Refused(match told.get("text") {
            Some(text) => on_bus(text, told),
            None => with_status(told),
        })
    }

    /// Without the fields that differ from one settlement to the next, and without the client's own names.
    pub(super) fn without(&self, fields: &[String], client: &Client) -> Told {
        let replaced = |text: &str| {
            let text = text.replace(&client.id(), "$ID");
            let text = text.replace(&client.cashier(), "$CASHIER");
            text.replace(&client.monitor(), "$MONITOR")
        };
        match self {
            Told::Answer(answer) => {
                let text = replaced(&answer.to_string());
                let mut answer = serde_json::from_str(&text).expect("no name has quotes");
                strip(&mut answer, fields);
                Told::Answer(answer)
            }
            Told::Refused(refusal) => {
                let differs = |key: &str| fields.iter().any(|field| field == key);
                let details = refusal.details.as_ref().map(|details| {
                    let details = details.iter().filter(|(key, _)| !differs(key));
                    details
                        .map(|(key, text)| (key.clone(), replaced(text)))
                        .collect()
                });
                let text = match differs(DETAIL) {
                    true => refusal.without_detail(),
                    false => refusal.text.clone(),
                };
                Told::Refused(Refusal {
                    text: replaced(&text),
                    details,
                    ..refusal.clone()
                })
            }
        }
    }

    /// Whether this is what another client was told, as far as this one shows it.
    pub(super) fn is_as(&self, wanted: &Told) -> Result<(), String> {
        let differs = match (self, wanted) {
            (Told::Answer(this), Told::Answer(wanted)) => this != wanted,
            (Told::Refused(this), Told::Refused(wanted)) => {
                this.text != wanted.text
                    || (this.code.is_some() && this.code != wanted.code)
                    || (this.name.is_some() && this.name != wanted.name)
                    || (this.details.is_some() && this.details != wanted.details)
            }
            (Told::Answer(_), Told::Refused(_)) | (Told::Refused(_), Told::Answer(_)) => true,
        };
        match differs {
            true => Err(format!("\n{wanted}\n{self}")),
            false => Ok(()),
        }
    }
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Told::Answer(answer) => write!(f, "{answer}"),
            Told::Refused(refusal) => write!(f, "{refusal:?}"),
        }
    }
}

impl Refusal {
    /// The text with the code and its name alone in the first line.
    fn without_detail(&self) -> String {
        let (first, rest) = self.text.split_once('\n').expect("lines");
        let (code, _) = first.split_once(": ").unwrap_or((first, ""));
        format!("{code}\n{rest}")
    }

    /// Whether it is this code of the book.
    pub(super) fn is(&self, name: &str) -> bool {
        let code = yibaod::book::Code::ALL
            .iter()
            .find(|code| code.name() == name);
        let code = code.unwrap_or_else(|| panic!("the book has no {name}"));
        self.text.contains(code.id()) && self.name.as_ref().is_none_or(|own| own == name)
    }
}

/// `{"code", "message", "details": [ErrorInfo]}`; in Connect's JSON the ErrorInfo is `debug`, beside its bytes.
fn with_status(told: &Value) -> Refusal {
    let number = told["code"].as_u64();
    let code = match number.and_then(|number| usize::try_from(number).ok()) {
        Some(number) => CODES[number].to_owned(),
        None => told["code"].as_str().expect("a word").to_owned(),
    };
    assert!(CODES.contains(&code.as_str()), "{told}");
    let info = &told["details"][0];
    let info = info.get("debug").unwrap_or(info);
    assert_eq!(info["domain"], "yibaod", "{told}");
    let metadata = info["metadata"]
        .as_object()
        .expect("it is in every status of ours");
    let details: BTreeMap<_, _> = (metadata.iter())
        .map(|(key, text)| (key.clone(), text.as_str().expect("texts").to_owned()))
        .filter(|(_, text)| !text.is_empty())
        .collect();
    let of = |key: &str| details.get(key).map_or("", String::as_str);
    let text = format!(
        "{}\n{}{}\n{} {}\nmoney={} repeat={} fields={}",
        told["message"].as_str().expect("a text"),
        of("meaning_zh"),
        of("action_zh"),
        of("meaning_en"),
        of("action_en"),
        of("money"),
        of("repeat"),
        of("fields"),
    );
    let name = info["reason"].as_str().map(str::to_owned);
    Refusal {
        text,
        code: Some(code),
        name,
        details: Some(details),
    }
}

/// `{"text", "name", "details": {…}}`, as far as the client shows them.
fn on_bus(text: &Value, told: &Value) -> Refusal {
    let details = told.get("details").and_then(Value::as_object).map(|told| {
        let told = told.iter().filter(|(key, _)| *key != "name");
        let told = told.map(|(key, value)| {
            let text = match value.as_array() {
                Some(fields) => {
                    let fields: Vec<_> = fields.iter().filter_map(Value::as_str).collect();
                    fields.join(",")
                }
                None => value.as_str().expect("a text").to_owned(),
            };
            (key.clone(), text)
        });
        told.filter(|(_, text)| !text.is_empty()).collect()
    });
    Refusal {
        text: text.as_str().expect("a text").to_owned(),
        code: None,
        name: told.get("name").and_then(Value::as_str).map(str::to_owned),
        details,
    }
}

/// The method of `Service/Method`.
pub(super) fn method(path: &str) -> MethodDescriptor {
    let pool =
        DescriptorPool::decode(yibaod::api::descriptors().as_slice()).expect("our own descriptors");
    let (service, name) = path.split_once('/').expect("Service/Method");
    let service = pool.get_service_by_name(&format!("yibao.v1.{service}"));
    let service = service.unwrap_or_else(|| panic!("no service of {path}"));
    let mut methods = service.methods();
    methods
        .find(|method| method.name() == name)
        .unwrap_or_else(|| panic!("no method {path}"))
}

/// As proto JSON has it, whatever form the client prints: unknown fields are refused.
fn canonical(message: MessageDescriptor, told: &Value) -> Value {
    let name = message.full_name().to_owned();
    let mut told = told.clone();
    bytes_as_text(&message, &mut told);
    let message = DynamicMessage::deserialize(message, &told);
    let message = message.unwrap_or_else(|error| panic!("{name}: {error}: {told}"));
    serde_json::to_value(message).expect("a message is JSON")
}

/// Bytes are numbers on the bus, and base64 in proto JSON.
fn bytes_as_text(message: &MessageDescriptor, told: &mut Value) {
    let Some(entries) = told.as_object_mut() else {
        return;
    };
    for (key, value) in entries {
        let field = message.get_field_by_name(key);
        let Some(field) = field.or_else(|| message.get_field_by_json_name(key)) else {
            continue;
        };
        match field.kind() {
            Kind::Bytes => {
                let numbers: Option<Vec<u8>> = serde_json::from_value(value.clone()).ok();
                if let Some(bytes) = numbers {
                    *value = STANDARD.encode(bytes).into();
                }
            }
            Kind::Message(of) => {
                let one = std::slice::from_mut(value);
                let all = match one {
                    [Value::Array(all)] => all.as_mut_slice(),
                    one => one,
                };
                all.iter_mut().for_each(|one| bytes_as_text(&of, one));
            }
            Kind::Double
            | Kind::Float
            | Kind::Int32
            | Kind::Int64
            | Kind::Uint32
            | Kind::Uint64
            | Kind::Sint32
            | Kind::Sint64
            | Kind::Fixed32
            | Kind::Fixed64
            | Kind::Sfixed32
            | Kind::Sfixed64
            | Kind::Bool
            | Kind::String
            | Kind::Enum(_) => {}
        }
    }
}

fn strip(value: &mut Value, fields: &[String]) {
    match value {
        Value::Object(entries) => {
            entries.retain(|key, _| !fields.contains(key));
            entries.values_mut().for_each(|value| strip(value, fields));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| strip(value, fields)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What the suite wants, for this client.
pub(super) fn of_id(wanted: &Value, client: &str) -> Value {
    match wanted.as_str() {
        Some(text) => text.replacen("$ID", &super::table::id(client), 1).into(),
        None => wanted.clone(),
    }
}
