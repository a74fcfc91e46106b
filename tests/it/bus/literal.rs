//! A message as clients write it, made from proto JSON without the daemon's own translation: written twice on purpose.

use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, ReflectMessage as _, Value,
};
use serde_json::json;

/// A value of the bus.
#[derive(Clone)]
pub(crate) enum Literal {
    Bool(bool),
    Number(&'static str, String),
    Text(String),
    Bytes(Vec<u8>),
    /// Signature of one, then all.
    Array(String, Vec<Literal>),
    Texts(Vec<(String, String)>),
    Dict(Vec<(String, Literal)>),
}

impl Literal {
    /// A request, from its proto JSON.
    pub(crate) fn request(message: &str, json: &serde_json::Value) -> Self {
        let message = DynamicMessage::deserialize(descriptor(message), json);
        Self::dict(&message.expect("the shape of the proto"), false)
    }

    /// An answer as the door gives it: plain fields stand there even when they are empty.
    pub(super) fn answer(message: &str, bytes: &[u8]) -> Self {
        let message = DynamicMessage::decode(descriptor(message), bytes);
        Self::dict(&message.expect("our own bytes"), true)
    }

    /// One more key, outermost.
    pub(super) fn and(self, key: &str, value: Literal) -> Self {
        let Literal::Dict(mut entries) = self else {
            panic!("a request is a dictionary");
        };
        entries.push((key.to_owned(), value));
        Literal::Dict(entries)
    }

    /// The same with another value of this key, outermost.
    pub(super) fn with(self, key: &str, value: Literal) -> Self {
        let Literal::Dict(mut entries) = self else {
            panic!("a request is a dictionary");
        };
        entries.retain(|(name, _)| name != key);
        Literal::Dict(entries).and(key, value)
    }

    fn dict(message: &DynamicMessage, whole: bool) -> Self {
        let mut entries = Vec::new();
        for field in message.descriptor().fields() {
            let is_there = match field.supports_presence() {
                true => message.has_field(&field),
                false => whole || message.has_field(&field),
            };
            if is_there && let Some(value) = of(&field, &message.get_field(&field), whole) {
                entries.push((field.name().to_owned(), value));
            }
        }
        Literal::Dict(entries)
    }

    fn signature(&self) -> String {
        match self {
            Literal::Bool(_) => "b".to_owned(),
            Literal::Number(signature, _) => (*signature).to_owned(),
            Literal::Text(_) => "s".to_owned(),
            Literal::Bytes(_) => "ay".to_owned(),
            Literal::Array(of, _) => format!("a{of}"),
            Literal::Texts(_) => "a{ss}".to_owned(),
            Literal::Dict(_) => "a{sv}".to_owned(),
        }
    }

    /// The words of busctl, with the signature before them.
    pub(crate) fn words(&self) -> Vec<String> {
        let mut words = vec![self.signature()];
        self.put(&mut words);
        words
    }

    fn put(&self, words: &mut Vec<String>) {
        match self {
            Literal::Bool(value) => words.push(value.to_string()),
            Literal::Number(_, value) => words.push(value.clone()),
            Literal::Text(value) => words.push(value.clone()),
            Literal::Bytes(bytes) => {
                words.push(bytes.len().to_string());
                words.extend(bytes.iter().map(u8::to_string));
            }
            Literal::Array(_, values) => {
                words.push(values.len().to_string());
                values.iter().for_each(|value| value.put(words));
            }
            Literal::Texts(entries) => {
                words.push(entries.len().to_string());
                words.extend(
                    entries
                        .iter()
                        .flat_map(|(key, value)| [key.clone(), value.clone()]),
                );
            }
            Literal::Dict(entries) => {
                words.push(entries.len().to_string());
                for (key, value) in entries {
                    words.push(key.clone());
                    words.push(value.signature());
                    value.put(words);
                }
            }
        }
    }

    /// The text form of GLib, which gdbus takes.
    pub(crate) fn gvariant(&self) -> String {
        match self {
            Literal::Bool(value) => value.to_string(),
            Literal::Number(signature, value) => format!("@{signature} {value}"),
            Literal::Text(value) => quoted(value),
            Literal::Bytes(bytes) => format!("@ay {bytes:?}"),
            Literal::Array(of, values) => {
                let values: Vec<_> = values.iter().map(Literal::gvariant).collect();
                format!("@a{of} [{}]", values.join(", "))
            }
            Literal::Texts(entries) => {
                let entries: Vec<_> = (entries.iter())
                    .map(|(key, value)| format!("{}: {}", quoted(key), quoted(value)))
                    .collect();
                format!("@a{{ss}} {{{}}}", entries.join(", "))
            }
            Literal::Dict(entries) => {
                let entries: Vec<_> = (entries.iter())
                    .map(|(key, value)| format!("{}: <{}>", quoted(key), value.gvariant()))
                    .collect();
                format!("@a{{sv}} {{{}}}", entries.join(", "))
            }
        }
    }

    /// `[signature, value]`, in which the Python client is told what to send.
    pub(crate) fn typed(&self) -> serde_json::Value {
        json!([self.signature(), self.inner()])
    }

    fn inner(&self) -> serde_json::Value {
        match self {
            Literal::Bool(value) => json!(value),
            Literal::Number(_, value) => serde_json::from_str(value).expect("a number"),
            Literal::Text(value) => json!(value),
            Literal::Bytes(bytes) => json!(bytes),
            Literal::Array(_, values) => values.iter().map(Literal::inner).collect(),
            Literal::Texts(entries) => {
                let entries = entries
                    .iter()
                    .map(|(key, value)| (key.clone(), json!(value)));
                serde_json::Value::Object(entries.collect())
            }
            Literal::Dict(entries) => {
                let entries = entries
                    .iter()
                    .map(|(key, value)| (key.clone(), value.typed()));
                serde_json::Value::Object(entries.collect())
            }
        }
    }

    /// As an answer is seen once the signatures are taken off.
    pub(super) fn plain(&self) -> serde_json::Value {
        match self {
            Literal::Dict(entries) => {
                let entries = entries
                    .iter()
                    .map(|(key, value)| (key.clone(), value.plain()));
                serde_json::Value::Object(entries.collect())
            }
            Literal::Array(_, values) => values.iter().map(Literal::plain).collect(),
            Literal::Bool(_)
            | Literal::Number(..)
            | Literal::Text(_)
            | Literal::Bytes(_)
            | Literal::Texts(_) => self.inner(),
        }
    }
}

fn of(field: &FieldDescriptor, value: &Value, whole: bool) -> Option<Literal> {
    match value {
        Value::List(values) => {
            let element = match field.kind() {
                Kind::Message(_) => "a{sv}",
                Kind::Enum(_) | Kind::String => "s",
                Kind::Uint32 => "u",
                Kind::Int64 => "x",
                Kind::Double
                | Kind::Float
                | Kind::Int32
                | Kind::Uint64
                | Kind::Sint32
                | Kind::Sint64
                | Kind::Fixed32
                | Kind::Fixed64
                | Kind::Sfixed32
                | Kind::Sfixed64
                | Kind::Bool
                | Kind::Bytes => {
                    panic!("no list of ours is of {:?}", field.kind())
                }
            };
            let values = values.iter().filter_map(|value| one(field, value, whole));
            Some(Literal::Array(element.to_owned(), values.collect()))
        }
        Value::Map(entries) => {
            let mut texts: Vec<_> = (entries.iter())
                .map(|(key, value)| {
                    let key = key.as_str().expect("maps of texts").to_owned();
                    (key, value.as_str().expect("maps of texts").to_owned())
                })
                .collect();
            texts.sort();
            Some(Literal::Texts(texts))
        }
        Value::Bool(_)
        | Value::I32(_)
        | Value::I64(_)
        | Value::U32(_)
        | Value::U64(_)
        | Value::F32(_)
        | Value::F64(_)
        | Value::String(_)
        | Value::Bytes(_)
        | Value::EnumNumber(_)
        | Value::Message(_) => one(field, value, whole),
    }
}

fn one(field: &FieldDescriptor, value: &Value, whole: bool) -> Option<Literal> {
    Some(match value {
        Value::Bool(value) => Literal::Bool(*value),
        Value::I32(n) => Literal::Number("i", n.to_string()),
        Value::I64(n) => Literal::Number("x", n.to_string()),
        Value::U32(n) => Literal::Number("u", n.to_string()),
        Value::U64(n) => Literal::Number("t", n.to_string()),
        Value::String(text) => Literal::Text(text.clone()),
        Value::Bytes(bytes) => Literal::Bytes(bytes.to_vec()),
        Value::EnumNumber(0) => return None,
        Value::EnumNumber(number) => {
            let Kind::Enum(of) = field.kind() else {
                panic!("an enum's number");
            };
            Literal::Text(
                of.get_value(*number)
                    .expect("a value of it")
                    .name()
                    .to_owned(),
            )
        }
        Value::Message(message) => Literal::dict(message, whole),
        Value::F32(_) | Value::F64(_) | Value::List(_) | Value::Map(_) => {
            panic!("no field of ours is {value:?}")
        }
    })
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn descriptor(name: &str) -> prost_reflect::MessageDescriptor {
    let pool =
        DescriptorPool::decode(yibaod::api::descriptors().as_slice()).expect("our own descriptors");
    pool.get_message_by_name(&format!("yibao.v1.{name}"))
        .expect("our message")
}
