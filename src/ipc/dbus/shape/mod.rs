//! Messages as dictionaries: `a{sv}` ↔ a message of the descriptors. PURE but for descriptors of files.
//!
//! | proto | D-Bus |
//! |---|---|
//! | message | `a{sv}`, the keys are the field's names in proto |
//! | string, bool | `s`, `b` |
//! | int32, int64, uint32, uint64 | `i`, `x`, `u`, `t`; in requests any integer that fits |
//! | enum | `s`, the value's name |
//! | bytes | `ay`; a picture or a PDF in an answer is a file (`h`), in requests both |
//! | repeated | an array of these; `av` too in requests |
//! | map of texts | `a{ss}`; `a{sv}` too in requests |
//!
//! In answers a plain field is always there; what may be absent – a message, an `optional`, one of a `oneof`, an enum
//! that is UNSPECIFIED, a picture, a PDF – is absent when it is. In requests every field may be left out. A key that the
//! message does not have, or a value of another type, is refused with its path.

mod file;
mod give;
mod take;

use std::collections::BTreeMap;

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use zbus::Variant;

pub(super) use give::{give, property};
pub(super) use take::{Wrong, bare, integer, take, text};

/// Bytes fields that are files in answers: no pictures and no PDF over the bus.
const FILES: [&str; 3] = ["pdf", "photo", "png"];

/// A dictionary of the bus (`a{sv}`), outermost; those within are [`zbus::Dict`].
pub(super) type Fields = BTreeMap<String, Variant<'static>>;

/// What a value of a field is, be it single or one of many.
pub(super) enum Slot {
    /// `b`.
    Bool,
    /// `i`.
    I32,
    /// `x`.
    I64,
    /// `u`.
    U32,
    /// `t`.
    U64,
    /// `s`.
    Text,
    /// `ay`.
    Bytes,
    /// `h`.
    File,
    /// `s`.
    Enum(EnumDescriptor),
    /// `a{sv}`.
    Message(MessageDescriptor),
}

impl Slot {
    /// Of this field.
    pub(super) fn of(field: &FieldDescriptor) -> Self {
        match field.kind() {
            Kind::Bool => Slot::Bool,
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Slot::I32,
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Slot::I64,
            Kind::Uint32 | Kind::Fixed32 => Slot::U32,
            Kind::Uint64 | Kind::Fixed64 => Slot::U64,
            Kind::String => Slot::Text,
            Kind::Bytes if FILES.contains(&field.name()) => Slot::File,
            Kind::Bytes => Slot::Bytes,
            Kind::Enum(of) => Slot::Enum(of),
            Kind::Message(of) => Slot::Message(of),
            Kind::Double | Kind::Float => unreachable!("no message of ours has a float"),
        }
    }

    /// The signature of one value.
    pub(super) fn signature(&self) -> &'static str {
        match self {
            Slot::Bool => "b",
            Slot::I32 => "i",
            Slot::I64 => "x",
            Slot::U32 => "u",
            Slot::U64 => "t",
            Slot::Text | Slot::Enum(_) => "s",
            Slot::Bytes => "ay",
            Slot::File => "h",
            Slot::Message(_) => "a{sv}",
        }
    }

    /// The name of its type, where it is one of ours.
    pub(super) fn type_name(&self) -> Option<&str> {
        match self {
            Slot::Message(of) => Some(of.name()),
            Slot::Enum(of) => Some(of.name()),
            Slot::Bool
            | Slot::I32
            | Slot::I64
            | Slot::U32
            | Slot::U64
            | Slot::Text
            | Slot::Bytes
            | Slot::File => None,
        }
    }
}

/// The signature of a field's value in answers.
pub(super) fn signature(field: &FieldDescriptor) -> String {
    if field.is_map() {
        "a{ss}".to_owned()
    } else if field.is_list() {
        format!("a{}", Slot::of(field).signature())
    } else {
        Slot::of(field).signature().to_owned()
    }
}

/// A place in a request: `bills[0].lines[2].pric`.
#[derive(Clone, Default)]
pub(super) struct Path(String);

impl Path {
    fn is_top(&self) -> bool {
        self.0.is_empty()
    }

    fn key(&self, key: &str) -> Self {
        match self.0.as_str() {
            "" => Self(key.to_owned()),
            above => Self(format!("{above}.{key}")),
        }
    }

    fn at(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }
}

#[cfg(test)]
mod tests;
