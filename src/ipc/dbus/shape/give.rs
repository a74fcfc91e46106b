//! A message as a dictionary.

use prost_reflect::{DynamicMessage, FieldDescriptor, MapKey, ReflectMessage as _, Value};
use zbus::{Array, Dict, Fd, Signature, Variant};

use super::{Fields, Slot, file, signature};

/// The whole message.
///
/// # Errors
/// No file could be made for a picture.
pub(in crate::ipc::dbus) fn give(message: &DynamicMessage) -> Result<Fields, zbus::Error> {
    let mut given = Fields::new();
    for field in message.descriptor().fields() {
        if let Some(value) = property(message, &field)? {
            given.insert(field.name().to_owned(), value);
        }
    }
    Ok(given)
}

/// One field, unless it is absent.
///
/// # Errors
/// No file could be made for a picture.
pub(in crate::ipc::dbus) fn property(
    message: &DynamicMessage,
    field: &FieldDescriptor,
) -> Result<Option<Variant<'static>>, zbus::Error> {
    if field.supports_presence() && !message.has_field(field) {
        return Ok(None);
    }
    let value = message.get_field(field);
    match value.as_ref() {
        Value::List(values) => list(field, values).map(Some),
        Value::Map(entries) => {
            let mut dict = Dict::new(&Signature::Str, &Signature::Str);
            // In the order of their keys: the dictionary sorts them.
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by(|(a, _), (b, _)| map_key(a).cmp(map_key(b)));
            for (key, value) in entries {
                dict.append(text(map_key(key)), text(value.as_str().unwrap_or_default()))?;
            }
            Ok(Some(Variant::Dict(dict)))
        }
        single @ (Value::Bool(_)
        | Value::I32(_)
        | Value::I64(_)
        | Value::U32(_)
        | Value::U64(_)
        | Value::F32(_)
        | Value::F64(_)
        | Value::String(_)
        | Value::Bytes(_)
        | Value::EnumNumber(_)
        | Value::Message(_)) => one(&Slot::of(field), single),
    }
}

fn list(field: &FieldDescriptor, values: &[Value]) -> Result<Variant<'static>, zbus::Error> {
    let slot = Slot::of(field);
    let element = signature(field)[1..].try_into();
    let element: Signature = element.map_err(|_| zbus::Error::InvalidField)?;
    let mut array = Array::new(&element);
    for value in values {
        if let Some(value) = one(&slot, value)? {
            array.append(value)?;
        }
    }
    Ok(Variant::Array(array))
}

fn one(slot: &Slot, value: &Value) -> Result<Option<Variant<'static>>, zbus::Error> {
    let given = match (slot, value) {
        (Slot::File, Value::Bytes(bytes)) if bytes.is_empty() => return Ok(None),
        (Slot::File, Value::Bytes(bytes)) => {
            let file =
                file::write(bytes).map_err(|error| zbus::Error::InputOutput(error.into()))?;
            Variant::Fd(Fd::Owned(file))
        }
        (Slot::Enum(_), Value::EnumNumber(0)) => return Ok(None),
        (Slot::Enum(of), Value::EnumNumber(number)) => match of.get_value(*number) {
            Some(value) => text(value.name()),
            None => text(&number.to_string()),
        },
        (_, Value::Message(message)) => Variant::Dict(give(message)?.into()),
        (_, Value::Bytes(bytes)) => Variant::Array(Array::from(bytes.as_ref())),
        (_, Value::String(value)) => text(value),
        (_, Value::Bool(value)) => Variant::Bool(*value),
        (_, Value::I32(value) | Value::EnumNumber(value)) => Variant::I32(*value),
        (_, Value::I64(value)) => Variant::I64(*value),
        (_, Value::U32(value)) => Variant::U32(*value),
        (_, Value::U64(value)) => Variant::U64(*value),
        (_, Value::F32(_) | Value::F64(_) | Value::List(_) | Value::Map(_)) => return Ok(None),
    };
    Ok(Some(given))
}

/// A text of the bus holds no zero byte; ours hold none but what a device may have read.
fn text(text: &str) -> Variant<'static> {
    Variant::Str(text.replace('\0', "\u{fffd}").into())
}

fn map_key(key: &MapKey) -> &str {
    key.as_str().unwrap_or_default()
}
