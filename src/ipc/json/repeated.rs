//! Whether a field stands twice in a JSON text: of two amounts no reader knows which one was meant, and the last would
//! win. Both spellings of a field's name are one field.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use prost_reflect::{FieldDescriptor, MessageDescriptor};
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

/// The path of a field that stands twice: `bills[0].lines[2].amount_fen`; of a map only the map's, whose keys are the
/// caller's own words. None too where the text is no JSON: whoever reads it says so.
pub(super) fn find(text: &str, kind: &MessageDescriptor) -> Option<String> {
    let found = RefCell::new(None);
    let walk = Walk {
        what: What::Message(kind.clone()),
        found: &found,
    };
    let mut json = serde_json::Deserializer::from_str(text);
    // It ends early by what was found, or by what is no JSON.
    drop(walk.deserialize(&mut json));
    found.into_inner()
}

/// What an object is.
#[derive(Clone)]
enum What {
    Message(MessageDescriptor),
    Map(Box<What>),
    /// Nothing that is known here.
    Other,
}

/// A place in the text.
struct Walk<'f> {
    what: What,
    found: &'f RefCell<Option<String>>,
}

/// A key of an object: by what it is known, how it is told, what its value is.
struct Key {
    known: String,
    told: String,
    value: What,
}

impl What {
    fn of(field: &FieldDescriptor) -> Self {
        match (field.is_map(), field.kind().as_message()) {
            (true, Some(entry)) => {
                let value = entry.map_entry_value_field().kind();
                What::Map(Box::new(What::message(value.as_message())))
            }
            (_, message) => What::message(message),
        }
    }

    fn message(message: Option<&MessageDescriptor>) -> Self {
        message.map_or(What::Other, |message| What::Message(message.clone()))
    }

    fn key(&self, key: String) -> Option<Key> {
        match self {
            What::Message(message) => {
                let field = message.get_field_by_json_name(&key);
                let field = field.or_else(|| message.get_field_by_name(&key))?;
                Some(Key {
                    known: field.name().to_owned(),
                    told: field.name().to_owned(),
                    value: What::of(&field),
                })
            }
            What::Map(value) => Some(Key {
                known: key,
                told: String::new(),
                value: (**value).clone(),
            }),
            What::Other => None,
        }
    }
}

impl Walk<'_> {
    fn within(&self, what: What) -> Self {
        Walk {
            what,
            found: self.found,
        }
    }

    /// What was found within this stands there.
    fn stands_in(&self, at: &str) {
        if let Some(path) = &mut *self.found.borrow_mut() {
            let joint = match path.is_empty() || path.starts_with('[') || at.is_empty() {
                true => "",
                false => ".",
            };
            *path = format!("{at}{joint}{path}");
        }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(key) = map.next_key()? {
            let Some(key) = self.what.key(key) else {
                map.next_value_seed(self.within(What::Other))?;
                continue;
            };
            if !seen.insert(key.known) {
                self.found.replace(Some(key.told));
                return Err(A::Error::custom("twice"));
            }
            let walked = map.next_value_seed(self.within(key.value));
            walked.inspect_err(|_| self.stands_in(&key.told))?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        for at in 0_usize.. {
            let walked = list.next_element_seed(self.within(self.what.clone()));
            let walked = walked.inspect_err(|_| self.stands_in(&format!("[{at}]")))?;
            if walked.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::methods;
    use super::*;

    const ORDER: &str = r#"{"requestId":"r-1","patient":{"hisId":"x","name":"y"},"extension":{"a":"1","b":"2"},
        "bills":[{"billNo":"1"},{"billNo":"2","lines":[{"pric":"1"},{"amountFen":"120","pric":"1.20"}]}]}"#;

    fn order() -> MessageDescriptor {
        let path = "/yibao.v1.SettlementService/ScanAndPay";
        methods::all().unwrap()[path].input.clone()
    }

    #[test]
    fn what_stands_twice_is_told_by_its_path() {
        for (text, path) in [
            (r#"{"requestId":"a","requestId":"a"}"#, Some("request_id")),
            (r#"{"requestId":"a","request_id":"b"}"#, Some("request_id")),
            (
                r#"{"requestId":"a","request\u0049d":"b"}"#,
                Some("request_id"),
            ),
            (
                r#"{"bills":[{},{"lines":[{"amountFen":"1","amount_fen":2}]}]}"#,
                Some("bills[1].lines[0].amount_fen"),
            ),
            (r#"{"bills":[],"bills":[]}"#, Some("bills")),
            (r#"{"request_id":null,"requestId":"a"}"#, Some("request_id")),
            (
                r#"{"extension":{"张三":"1","张三":"2"}}"#,
                Some("extension"),
            ),
            (ORDER, None),
            // Whoever reads it says what is wrong.
            (r#"{"noSuch":1,"noSuch":{"a":1,"a":2}}"#, None),
            (r#"{"requestId":"a","#, None),
            ("", None),
        ] {
            assert_eq!(find(text, &order()).as_deref(), path, "{text}");
        }
    }

    #[test]
    fn whatever_key_of_whatever_object_is_repeated_it_is_found() {
        let order_json: Value = serde_json::from_str(ORDER).unwrap();
        let mut once = String::new();
        let keys = write(&order_json, &mut usize::MAX.clone(), &mut once);
        assert_eq!(find(&once, &order()), None);
        assert!(keys > 12, "{keys}");
        for repeated in 0..keys {
            let (mut left, mut text) = (repeated, String::new());
            write(&order_json, &mut left, &mut text);
            assert!(find(&text, &order()).is_some(), "{text}");
        }
    }

    /// Writes it with the key of that number twice; gives how many keys there are.
    fn write(value: &Value, left: &mut usize, text: &mut String) -> usize {
        let mut keys = 0;
        match value {
            Value::Object(fields) => {
                text.push('{');
                for (key, value) in fields {
                    keys += 1;
                    let times = if *left == 0 { 2 } else { 1 };
                    *left = left.wrapping_sub(1);
                    let mut inner = String::new();
                    keys += write(value, left, &mut inner);
                    for _ in 0..times {
                        text.push_str(&format!("{key:?}:{inner},"));
                    }
                }
                if text.ends_with(',') {
                    text.pop();
                }
                text.push('}');
            }
            Value::Array(values) => {
                text.push('[');
                for (at, value) in values.iter().enumerate() {
                    text.push_str(if at == 0 { "" } else { "," });
                    keys += write(value, left, text);
                }
                text.push(']');
            }
            plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                text.push_str(&plain.to_string());
            }
        }
        keys
    }
}
