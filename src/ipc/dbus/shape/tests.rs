//! What is given can be taken, whatever the message; what is wrong is named by its place.

use std::os::fd::OwnedFd;

use proptest::prelude::*;
use prost_reflect::{DynamicMessage, FieldDescriptor, MapKey, MessageDescriptor, Value};
use zbus::message::Message;
use zbus::{Dict, OwnedVariant, Signature, Variant};

use super::*;
use crate::ipc::dbus::catalogue::Catalogue;

#[test]
fn every_message_of_a_method_can_be_given() {
    for interface in &Catalogue::get().interfaces {
        for method in &interface.methods {
            for of in [&method.input, &method.output] {
                let empty = given(&DynamicMessage::new(of.clone()));
                let back = take(of, &over_the_bus(&empty), &[]).unwrap();
                assert_eq!(bytes(&back), Vec::<u8>::new(), "{}", of.name());
            }
            for beside in ["deadline_ms", "subscription", "error_details"] {
                assert!(
                    method.input.get_field_by_name(beside).is_none(),
                    "{beside} is the door's"
                );
            }
        }
    }
}

#[test]
fn what_is_there_by_itself_is_given_and_what_may_be_absent_is_not() {
    let keys = |name: &str| {
        let given = give(&DynamicMessage::new(message(name))).unwrap();
        given.into_keys().collect::<Vec<_>>()
    };
    // `accepting`, counts, texts and lists are there; messages are not.
    let status = keys("GetStatusResponse");
    assert!(status.contains(&"accepting".to_owned()) && status.contains(&"devices".to_owned()));
    assert!(!status.contains(&"desk".to_owned()));
    assert!(
        !keys("Device").contains(&"state".to_owned()),
        "UNSPECIFIED is never given"
    );
    assert!(
        !keys("PreviewResponse").contains(&"png".to_owned()),
        "no picture"
    );
}

#[test]
fn what_is_wrong_is_named_by_its_place() {
    let request = message("ScanAndPayRequest");
    let line = |key: &str, value: Variant<'static>| {
        let lines = array(
            "a{sv}",
            vec![Variant::Dict(dict(&[])), Variant::Dict(pair(key, value))],
        );
        let bills = array("a{sv}", vec![Variant::Dict(pair("lines", lines))]);
        refused(&request, pair("bills", bills))
    };
    let wrong = line("amount_fen", Variant::Str("3".into()));
    assert_eq!(
        (wrong.path.as_str(), wrong.unknown),
        ("bills[0].lines[1].amount_fen", false)
    );
    assert!(wrong.what.contains("must be x"), "{wrong:?}");
    let wrong = line("amount_yuan", Variant::I64(3));
    assert_eq!(
        (wrong.path.as_str(), wrong.unknown),
        ("bills[0].lines[1].amount_yuan", true)
    );
    for (key, value, at) in [
        ("kind", Variant::Str("ORDER_KIND_NEW".into()), "kind"),
        ("kind", Variant::I32(1), "kind"),
        ("patient", Variant::Str("".into()), "patient"),
        ("bills", Variant::Dict(dict(&[])), "bills"),
        (
            "bills",
            array("s", vec![Variant::Str("".into())]),
            "bills[0]",
        ),
        ("extension", pair_value("a", Variant::I32(1)), "extension"),
        ("request_id", Variant::Bool(true), "request_id"),
        ("", Variant::Bool(true), ""),
    ] {
        let wrong = refused(&request, pair(key, value));
        assert_eq!(wrong.path, at, "{key}");
    }
    let both = dict(&[("job_id", "a"), ("request_id", "b")]);
    assert!(
        refused(&message("GetJobRequest"), both)
            .what
            .contains("only one")
    );
}

#[test]
fn integers_of_other_sizes_and_variants_in_variants_are_taken() {
    let request = message("PrintRequest");
    let taken = |value: Variant<'static>| {
        let dict = over_the_bus(&pair("wait_ms", value));
        take(&request, &dict, &[])
            .map(|message| message.get_field_by_name("wait_ms").unwrap().as_u32())
    };
    for fits in [
        Variant::U8(7),
        Variant::I16(7),
        Variant::U16(7),
        Variant::I32(7),
        Variant::U32(7),
        Variant::I64(7),
        Variant::U64(7),
        Variant::Variant(Box::new(Variant::Variant(Box::new(Variant::I64(7))))),
    ] {
        assert_eq!(taken(fits).unwrap(), Some(7));
    }
    for wrong in [
        Variant::I32(-1),
        Variant::U64(1 << 40),
        Variant::F64(7.0),
        Variant::Str("7".into()),
    ] {
        assert_eq!(taken(wrong).unwrap_err().path, "wait_ms");
    }
    let status = message("ScanAndPayRequest");
    let bills = array(
        "v",
        vec![Variant::Variant(Box::new(Variant::Dict(dict(&[]))))],
    );
    assert!(
        take(&status, &over_the_bus(&pair("bills", bills)), &[]).is_ok(),
        "av will do"
    );
}

#[test]
fn a_picture_is_a_file_and_a_file_is_taken_for_bytes() {
    let mut answer = DynamicMessage::new(message("PreviewResponse"));
    answer.set_field_by_name("png", Value::Bytes(b"\x89PNG".as_slice().into()));
    let given = given(&answer);
    assert!(
        given
            .iter()
            .any(|(_, value)| value.value_signature() == &Signature::Variant)
    );
    let back = take(&message("PreviewResponse"), &given, &[]).unwrap();
    assert_eq!(bytes(&back), bytes(&answer));
    let (reader, _writer) = std::io::pipe().unwrap();
    let pipe = Variant::Fd(OwnedFd::from(reader).into());
    let wrong = take(&message("PrintRequest"), &pair("pdf", pipe), &[]).unwrap_err();
    assert_eq!(wrong.path, "pdf");
}

#[test]
fn keys_of_the_door_stand_beside_the_outermost_message_only() {
    let request = message("ScanAndPayRequest");
    let outer = dict(&[("request_id", "a"), ("deadline_ms", "1")]);
    assert!(take(&request, &outer, &["deadline_ms"]).is_ok());
    let inner = pair("patient", Variant::Dict(dict(&[("deadline_ms", "1")])));
    let wrong = take(&request, &inner, &["deadline_ms"]).unwrap_err();
    assert_eq!(wrong.path, "patient.deadline_ms");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_is_given_is_taken_again(seed in proptest::collection::vec(any::<u8>(), 0..400), which in 0_usize..1_000) {
        let messages = all();
        let of = &messages[which % messages.len()];
        let made = Maker { seed: &seed, at: 0 }.message(of, 0);
        let dict = given(&made);
        let carried = match has_file(&made) {
            true => dict,
            false => over_the_bus(&dict),
        };
        let back = take(of, &carried, &[]).unwrap();
        prop_assert_eq!(bytes(&back), bytes(&made));
    }

    #[test]
    fn no_dictionary_upsets_it(seed in proptest::collection::vec(any::<u8>(), 0..400), which in 0_usize..1_000) {
        let messages = all();
        let of = &messages[which % messages.len()];
        let dict = Maker { seed: &seed, at: 0 }.wild(of, 0);
        if let Err(wrong) = take(of, &over_the_bus(&dict), &[]) {
            prop_assert!(!wrong.what.is_empty());
        }
    }
}

/// Makes messages and dictionaries of what a seed says.
struct Maker<'s> {
    seed: &'s [u8],
    at: usize,
}

impl Maker<'_> {
    fn byte(&mut self) -> u8 {
        self.at += 1;
        self.seed.get(self.at - 1).copied().unwrap_or(0)
    }

    fn number(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    fn text(&mut self) -> String {
        let words = ["", "a", "王", "x=\"1\"", "bills[0]", "\u{10ffff}"];
        words[usize::from(self.byte()) % words.len()].to_owned()
    }

    fn message(&mut self, of: &MessageDescriptor, depth: usize) -> DynamicMessage {
        let mut made = DynamicMessage::new(of.clone());
        for field in of.fields() {
            if self.byte().is_multiple_of(2) || depth > 4 {
                continue;
            }
            let value = self.field(&field, depth);
            made.set_field(&field, value);
        }
        made
    }

    fn field(&mut self, field: &FieldDescriptor, depth: usize) -> Value {
        if field.is_map() {
            let key = MapKey::String(self.text());
            return Value::Map([(key, Value::String(self.text()))].into());
        }
        let slot = Slot::of(field);
        match field.is_list() {
            true => {
                let many = self.byte() % 3;
                Value::List((0..many).map(|_| self.value(&slot, depth, true)).collect())
            }
            false => self.value(&slot, depth, false),
        }
    }

    fn value(&mut self, slot: &Slot, depth: usize, in_list: bool) -> Value {
        let number = self.number().to_le_bytes();
        let [a, b, c, d, ..] = number;
        match slot {
            Slot::Bool => Value::Bool(a % 2 == 1),
            Slot::I32 => Value::I32(i32::from_le_bytes([a, b, c, d])),
            Slot::I64 => Value::I64(i64::from_le_bytes(number)),
            Slot::U32 => Value::U32(u32::from_le_bytes([a, b, c, d])),
            Slot::U64 => Value::U64(u64::from_le_bytes(number)),
            Slot::Text => Value::String(self.text()),
            Slot::Bytes => Value::Bytes(number.to_vec().into()),
            Slot::File => Value::Bytes(number.to_vec().into()),
            Slot::Enum(of) => {
                // UNSPECIFIED is never in a list and is not given where it stands alone.
                let values: Vec<_> = of.values().skip(usize::from(in_list)).collect();
                Value::EnumNumber(values[usize::from(a) % values.len()].number())
            }
            Slot::Message(of) => Value::Message(self.message(of, depth + 1)),
        }
    }

    /// Keys that fit and some that do not, values that fit rarely.
    fn wild(&mut self, of: &MessageDescriptor, depth: usize) -> Dict<'static, 'static> {
        let mut dict = dict(&[]);
        for field in of.fields() {
            let value = match self.byte() % 12 {
                0 => Variant::I64(i64::from(self.byte()) - 100),
                1 => Variant::Str(self.text().into()),
                2 => Variant::Bool(true),
                3 => array("ay", vec![array("y", vec![Variant::U8(1)])]),
                4 => array("y", vec![Variant::U8(self.byte())]),
                5 => match (field.kind().as_message(), depth < 4) {
                    (Some(inner), true) => Variant::Dict(self.wild(inner, depth + 1)),
                    (_, _) => Variant::F64(0.5),
                },
                6 => match (field.kind().as_message(), depth < 4) {
                    (Some(inner), true) => {
                        array("a{sv}", vec![Variant::Dict(self.wild(inner, depth + 1))])
                    }
                    (_, _) => array("s", vec![Variant::Str("a".into())]),
                },
                _ => continue,
            };
            append(&mut dict, field.name(), value);
        }
        dict
    }
}

fn all() -> Vec<MessageDescriptor> {
    let methods = Catalogue::get()
        .interfaces
        .iter()
        .flat_map(|interface| &interface.methods);
    methods
        .flat_map(|method| [method.input.clone(), method.output.clone()])
        .collect()
}

/// Files are another file after they were carried; the others go through the bus's own form.
fn has_file(message: &DynamicMessage) -> bool {
    message
        .fields()
        .any(|(field, value)| has_file_in(&field, value))
}

fn has_file_in(field: &FieldDescriptor, value: &Value) -> bool {
    if let Value::List(values) = value {
        return values.iter().any(|value| has_file_in(field, value));
    }
    match (value, field.is_map()) {
        (Value::Message(message), _) => has_file(message),
        (Value::Bytes(_), _) => matches!(Slot::of(field), Slot::File),
        (_, _) => false,
    }
}

fn over_the_bus(dict: &Dict<'_, '_>) -> Dict<'static, 'static> {
    let fields = dict.iter().map(|(key, value)| {
        let Variant::Str(key) = key else {
            panic!("keys are texts");
        };
        (key.as_str(), bare(value))
    });
    let fields: BTreeMap<&str, &Variant<'_>> = fields.collect();
    let message = Message::method_call("/", "Ask").build(&fields).unwrap();
    let body = message.body();
    let fields: BTreeMap<String, OwnedVariant> = body.deserialize().unwrap();
    let fields = fields
        .into_iter()
        .map(|(key, value)| (key, Variant::from(value)));
    Dict::from(fields.collect::<BTreeMap<_, _>>())
}

fn given(message: &DynamicMessage) -> Dict<'static, 'static> {
    give(message).unwrap().into()
}

fn refused(of: &MessageDescriptor, dict: Dict<'static, 'static>) -> Wrong {
    take(of, &over_the_bus(&dict), &[]).unwrap_err()
}

fn message(name: &str) -> MessageDescriptor {
    Catalogue::get().message(name).unwrap()
}

fn bytes(message: &DynamicMessage) -> Vec<u8> {
    prost::Message::encode_to_vec(message)
}

fn dict(texts: &[(&str, &str)]) -> Dict<'static, 'static> {
    let mut dict = Dict::new(&Signature::Str, &Signature::Variant);
    for (key, value) in texts {
        append(&mut dict, key, Variant::Str((*value).to_owned().into()));
    }
    dict
}

fn pair(key: &str, value: Variant<'static>) -> Dict<'static, 'static> {
    let mut dict = dict(&[]);
    append(&mut dict, key, value);
    dict
}

fn pair_value(key: &str, value: Variant<'static>) -> Variant<'static> {
    Variant::Dict(pair(key, value))
}

fn append(dict: &mut Dict<'static, 'static>, key: &str, value: Variant<'static>) {
    let key = Variant::Str(key.to_owned().into());
    dict.append(key, Variant::Variant(Box::new(value))).unwrap();
}

fn array(element: &str, values: Vec<Variant<'static>>) -> Variant<'static> {
    let mut array = zbus::Array::new(&element.try_into().unwrap());
    for value in values {
        array.append(value).unwrap();
    }
    Variant::Array(array)
}
