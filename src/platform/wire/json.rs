//! JSON objects written field by field in order, and read without turning numbers into floats.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde_json::value::RawValue;

/// Characters of a number, code or time in an answer. The platform's own fields of that kind have at most 50.
const SHORT_CHARS_MAX: usize = 64;
/// Characters of a name in an answer; the platform's own fields have at most 200.
const NAME_CHARS_MAX: usize = 256;
/// Characters of a token in an answer.
const TOKEN_CHARS_MAX: usize = 1_024;

/// An object being written. Fields keep the order in which they are put.
#[derive(Default)]
pub(super) struct Object(String);

impl Object {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// A text; empty stays `""`, as the specification wants it.
    pub(super) fn text(self, key: &str, value: &str) -> Self {
        self.raw(key, &quoted(value))
    }

    /// A number, written as its `Display` gives it: `4.52` stays `4.52`.
    pub(super) fn number(self, key: &str, value: impl Display) -> Self {
        self.raw(key, &value.to_string())
    }

    pub(super) fn object(self, key: &str, value: Object) -> Self {
        self.raw(key, &value.finish())
    }

    /// JSON that is written already.
    pub(super) fn json(self, key: &str, json: &str) -> Self {
        self.raw(key, json)
    }

    pub(super) fn list(self, key: &str, values: Vec<Object>) -> Self {
        let values: Vec<String> = values.into_iter().map(Object::finish).collect();
        self.raw(key, &format!("[{}]", values.join(",")))
    }

    /// A list of whole numbers: the bytes of a file.
    pub(super) fn numbers(self, key: &str, values: impl Iterator<Item = i16>) -> Self {
        let values: Vec<String> = values.map(|value| value.to_string()).collect();
        self.raw(key, &format!("[{}]", values.join(",")))
    }

    fn raw(mut self, key: &str, json: &str) -> Self {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push_str(&quoted(key));
        self.0.push(':');
        self.0.push_str(json);
        self
    }

    /// The finished JSON.
    pub(super) fn finish(self) -> String {
        self.written()
    }

    /// The JSON as far as it is written, closed.
    pub(super) fn written(&self) -> String {
        let open = if self.0.is_empty() { "{" } else { &self.0 };
        format!("{open}}}")
    }
}

/// A text as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text is always JSON")
}

/// Why an answer cannot be read: where, never what stood there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unreadable(pub(super) String);

impl Unreadable {
    pub(super) fn at(key: &str, what: &str) -> Self {
        Self(format!("{key} {what}"))
    }
}

/// An object as received: keys and the raw text of their values.
#[derive(Clone, Debug)]
pub(super) struct Node(BTreeMap<String, Box<RawValue>>);

impl Node {
    /// Reads an object.
    pub(super) fn parse(json: &str) -> Option<Self> {
        serde_json::from_str(json).ok().map(Self)
    }

    /// The raw JSON of a field; absent, `null` and the text `"null"` are `None`.
    pub(super) fn raw(&self, key: &str) -> Option<&str> {
        let raw = self.0.get(key)?.get();
        (!matches!(raw, "null" | "\"null\"")).then_some(raw)
    }

    /// A text, or a number or flag as it is written; absent is empty. Objects and lists are no text.
    pub(super) fn text(&self, key: &str) -> Result<String, Unreadable> {
        let Some(raw) = self.raw(key) else {
            return Ok(String::new());
        };
        if raw.starts_with('"') {
            let text: Result<String, _> = serde_json::from_str(raw);
            return text
                .map(|text| text.trim().to_owned())
                .map_err(|_| Unreadable::at(key, "is no text"));
        }
        if raw.starts_with(['{', '[']) {
            return Err(Unreadable::at(key, "is no text"));
        }
        Ok(raw.to_owned())
    }

    /// A number, code or time: kept and sent again, so it is as short as the platform's own.
    pub(super) fn short(&self, key: &str) -> Result<String, Unreadable> {
        self.limited(key, SHORT_CHARS_MAX)
    }

    /// A number, code or time that must be there.
    pub(super) fn short_required(&self, key: &str) -> Result<String, Unreadable> {
        there(key, self.short(key)?)
    }

    /// A name of a person or a thing.
    pub(super) fn name(&self, key: &str) -> Result<String, Unreadable> {
        self.limited(key, NAME_CHARS_MAX)
    }

    /// A name that must be there.
    pub(super) fn name_required(&self, key: &str) -> Result<String, Unreadable> {
        there(key, self.name(key)?)
    }

    /// A token that must be there.
    pub(super) fn token_required(&self, key: &str) -> Result<String, Unreadable> {
        there(key, self.limited(key, TOKEN_CHARS_MAX)?)
    }

    fn limited(&self, key: &str, chars_max: usize) -> Result<String, Unreadable> {
        let text = self.text(key)?;
        if text.chars().nth(chars_max).is_some() {
            return Err(Unreadable::at(key, "is too long"));
        }
        Ok(text)
    }

    /// An object, also one that comes as JSON text or as a list of one.
    pub(super) fn object(&self, key: &str) -> Result<Option<Node>, Unreadable> {
        let mut rows = self.rows(key)?;
        if rows.len() > 1 {
            return Err(Unreadable::at(key, "has several rows"));
        }
        Ok(rows.pop())
    }

    /// The rows of a list, or the one object; also as JSON text. Absent, `null`, `""` and `{}` are no rows.
    pub(super) fn rows(&self, key: &str) -> Result<Vec<Node>, Unreadable> {
        let Some(raw) = self.raw(key) else {
            return Ok(Vec::new());
        };
        rows_of(raw).ok_or_else(|| Unreadable::at(key, "is neither object nor list"))
    }

    /// Whether it has no field at all.
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn there(key: &str, text: String) -> Result<String, Unreadable> {
    if text.is_empty() {
        Err(Unreadable::at(key, "is missing"))
    } else {
        Ok(text)
    }
}

fn rows_of(raw: &str) -> Option<Vec<Node>> {
    let unwrapped: String;
    let json = if raw.starts_with('"') {
        unwrapped = serde_json::from_str(raw).ok()?;
        unwrapped.trim()
    } else {
        raw
    };
    if json.is_empty() || json == "null" {
        return Some(Vec::new());
    }
    let mut rows: Vec<Node> = if json.starts_with('[') {
        let list: Vec<BTreeMap<String, Box<RawValue>>> = serde_json::from_str(json).ok()?;
        list.into_iter().map(Node).collect()
    } else {
        vec![Node::parse(json)?]
    };
    rows.retain(|row| !row.is_empty());
    Some(rows)
}
