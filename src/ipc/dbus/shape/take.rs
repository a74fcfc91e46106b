//! A dictionary as a message.

use std::cell::Cell;

use prost_reflect::{
    DynamicMessage, EnumDescriptor, FieldDescriptor, MapKey, MessageDescriptor, Value,
};
use zbus::{Dict, Variant};

use super::{Path, Slot, file};

/// Bytes of all files of one request: as much as a request of any other door may have.
const FILES_BYTES_MAX: u64 = 4 * 1_024 * 1_024;

/// What is wrong in a request, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ipc::dbus) struct Wrong {
    /// `bills[0].lines[2].pric`.
    pub(in crate::ipc::dbus) path: String,
    /// No key of this message: else its value is wrong.
    pub(in crate::ipc::dbus) unknown: bool,
    /// In words, without the value.
    pub(in crate::ipc::dbus) what: String,
}

/// Makes the message, without the keys that are the door's. Files that it names are read, so this may wait for a disk when there are any.
///
/// # Errors
/// The first thing that is wrong.
pub(in crate::ipc::dbus) fn take(
    of: &MessageDescriptor,
    dict: &Dict<'_, '_>,
    beside: &[&str],
) -> Result<DynamicMessage, Wrong> {
    let taking = Taking {
        beside,
        files_left: Cell::new(FILES_BYTES_MAX),
    };
    taking.message(of, dict, &Path::default())
}

/// One request that is being taken.
struct Taking<'t> {
    beside: &'t [&'t str],
    /// Bytes of files that it may still bring. One file may be named many times.
    files_left: Cell<u64>,
}

impl Taking<'_> {
    fn message(
        &self,
        of: &MessageDescriptor,
        dict: &Dict<'_, '_>,
        path: &Path,
    ) -> Result<DynamicMessage, Wrong> {
        let mut made = DynamicMessage::new(of.clone());
        for (key, value) in dict.iter() {
            let Variant::Str(key) = key else {
                return Err(wrong(path, "must be a dictionary of texts (a{sv})"));
            };
            if path.is_top() && self.beside.contains(&key.as_str()) {
                continue;
            }
            let path = path.key(key.as_str());
            let Some(field) = of.get_field_by_name(key.as_str()) else {
                return Err(Wrong {
                    unknown: true,
                    ..wrong(&path, &format!("is no field of {}", of.name()))
                });
            };
            if let Some(other) = chosen(&made, &field) {
                let what = format!("stands beside {other}: only one of them may be given");
                return Err(wrong(&path, &what));
            }
            let value = self.many(&field, bare(value), &path)?;
            made.set_field(&field, value);
        }
        Ok(made)
    }

    fn many(
        &self,
        field: &FieldDescriptor,
        value: &Variant<'_>,
        path: &Path,
    ) -> Result<Value, Wrong> {
        if field.is_map() {
            let Variant::Dict(dict) = value else {
                return Err(wrong(path, "must be a dictionary of texts (a{ss})"));
            };
            let entries = dict.iter().map(|(key, value)| {
                let (key, value) = (text(key)?.to_owned(), text(bare(value))?.to_owned());
                Some((MapKey::String(key), Value::String(value)))
            });
            let entries = entries.collect::<Option<_>>().map(Value::Map);
            return entries.ok_or_else(|| wrong(path, "must be a dictionary of texts (a{ss})"));
        }
        let slot = Slot::of(field);
        if !field.is_list() {
            return self.one(&slot, value, path);
        }
        let Variant::Array(array) = value else {
            return Err(wrong(
                path,
                &format!("must be an array (a{})", slot.signature()),
            ));
        };
        let values = array.iter().enumerate();
        let values = values.map(|(index, value)| self.one(&slot, bare(value), &path.at(index)));
        values.collect::<Result<_, _>>().map(Value::List)
    }

    fn one(&self, slot: &Slot, value: &Variant<'_>, path: &Path) -> Result<Value, Wrong> {
        let taken = match slot {
            Slot::Bool => bool::try_from(value).ok().map(Value::Bool),
            Slot::I32 => integer(value).map(Value::I32),
            Slot::I64 => integer(value).map(Value::I64),
            Slot::U32 => integer(value).map(Value::U32),
            Slot::U64 => integer(value).map(Value::U64),
            Slot::Text => text(value).map(|text| Value::String(text.to_owned())),
            Slot::Bytes | Slot::File => self.bytes(value, path)?,
            Slot::Enum(of) => text(value)
                .map(|name| enum_value(of, name, path))
                .transpose()?,
            Slot::Message(of) => {
                let Variant::Dict(dict) = value else {
                    return Err(wrong(path, "must be a{sv}"));
                };
                Some(Value::Message(self.message(of, dict, path)?))
            }
        };
        taken.ok_or_else(|| {
            let also = match slot {
                Slot::Bytes => " or a file (h)",
                Slot::File => " or bytes (ay)",
                Slot::Enum(_) => ", the name of a value",
                Slot::I32 | Slot::I64 | Slot::U32 | Slot::U64 => ", or another integer that fits",
                Slot::Bool | Slot::Text | Slot::Message(_) => "",
            };
            wrong(path, &format!("must be {}{also}", slot.signature()))
        })
    }

    fn bytes(&self, value: &Variant<'_>, path: &Path) -> Result<Option<Value>, Wrong> {
        if let Variant::Fd(fd) = value {
            let left = self.files_left.get();
            let bytes = file::read(fd, left).map_err(|what| wrong(path, &what))?;
            let read = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            self.files_left.set(left.saturating_sub(read));
            return Ok(Some(Value::Bytes(bytes.into())));
        }
        let Variant::Array(array) = value else {
            return Ok(None);
        };
        let bytes = array.iter().map(|byte| u8::try_from(byte).ok());
        let bytes: Option<Vec<u8>> = bytes.collect();
        Ok(bytes.map(|bytes| Value::Bytes(bytes.into())))
    }
}

/// Another field of the same `oneof` that was given.
fn chosen(made: &DynamicMessage, field: &FieldDescriptor) -> Option<String> {
    let oneof = field.containing_oneof()?;
    let mut others = oneof.fields();
    others
        .find(|other| other != field && made.has_field(other))
        .map(|other| other.name().to_owned())
}

fn enum_value(of: &EnumDescriptor, name: &str, path: &Path) -> Result<Value, Wrong> {
    match of.get_value_by_name(name) {
        Some(value) => Ok(Value::EnumNumber(value.number())),
        None => Err(wrong(path, &format!("is no value of {}", of.name()))),
    }
}

/// A text.
pub(in crate::ipc::dbus) fn text<'v>(value: &'v Variant<'v>) -> Option<&'v str> {
    let Variant::Str(text) = value else {
        return None;
    };
    Some(text.as_str())
}

/// Any integer that fits: a caller's language may know only one size.
pub(in crate::ipc::dbus) fn integer<T: TryFrom<i128>>(value: &Variant<'_>) -> Option<T> {
    let wide: i128 = if let Ok(n) = i64::try_from(value) {
        n.into()
    } else if let Ok(n) = i32::try_from(value) {
        n.into()
    } else if let Ok(n) = u32::try_from(value) {
        n.into()
    } else if let Ok(n) = u64::try_from(value) {
        n.into()
    } else if let Ok(n) = i16::try_from(value) {
        n.into()
    } else if let Ok(n) = u16::try_from(value) {
        n.into()
    } else {
        u8::try_from(value).ok()?.into()
    };
    wide.try_into().ok()
}

/// A variant in a variant is what it holds.
pub(in crate::ipc::dbus) fn bare<'v>(value: &'v Variant<'v>) -> &'v Variant<'v> {
    let mut value = value;
    while let Variant::Variant(inner) = value {
        value = inner;
    }
    value
}

fn wrong(path: &Path, what: &str) -> Wrong {
    Wrong {
        path: path.0.clone(),
        unknown: false,
        what: what.to_owned(),
    }
}
