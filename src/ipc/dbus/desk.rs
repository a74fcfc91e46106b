//! The desk and its devices as objects with properties. What is broadcast names no person and no settlement; the bus
//! gives it to whom the policy file lets call.
//!
//! The desk is looked at when a device changes and, cheaply, once a second; only what differs is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use prost_reflect::{DynamicMessage, FieldDescriptor};
use zbus::{Dict, Signature, Variant};

use super::catalogue::{Catalogue, ROOT_PATH};
use super::shape::{self, Fields};
use crate::api as wire;

/// The interface of a device's object.
pub(super) const DEVICE: &str = "org.yibaod.Bridge1.DeviceState";
/// Below which the devices are.
pub(super) const DEVICES_PATH: &str = "/org/yibaod/Bridge1/devices";
/// Of a device, what everybody on the bus may see: not who holds it, and nothing that counts up with each byte.
const DEVICE_FIELDS: [&str; 10] = [
    "name",
    "role",
    "kind",
    "state",
    "model",
    "address",
    "problem",
    "waiting",
    "paper_low",
    "has_card",
];

/// A property.
pub(super) struct Property {
    /// `PaperLow`.
    pub(super) name: String,
    /// `b`.
    pub(super) signature: String,
}

/// What the desk's object tells, each with its words.
const ROOT_PROPERTIES: [(&str, &str, &str); 7] = [
    ("Version", "s", "Version of the daemon. 守护进程版本。"),
    ("DeskName", "s", "The desk's name. 窗口名称。"),
    ("DeskNumber", "s", "The desk's number, 000–999. 窗口编号。"),
    (
        "Accepting",
        "b",
        "Whether a new settlement would be accepted now. 现在是否受理新的结算。",
    ),
    (
        "NotAccepting",
        "s",
        "Why not, a code such as E7002; empty when accepting. 不受理的原因编号。",
    ),
    (
        "OpenSettlements",
        "u",
        "Settlements that run. 进行中的结算数。",
    ),
    (
        "StuckSettlements",
        "u",
        "Settlements that only a person can resolve. 只有人工才能处理的结算数。",
    ),
];

/// What the desk's object tells.
pub(super) fn root_properties() -> Vec<(Property, &'static str)> {
    let properties = ROOT_PROPERTIES.iter().map(|(name, signature, words)| {
        let property = Property {
            name: (*name).to_owned(),
            signature: (*signature).to_owned(),
        };
        (property, *words)
    });
    properties.collect()
}

/// What a device's object tells: some fields of `Device`, named as properties are.
pub(super) fn device_properties() -> Vec<(Property, FieldDescriptor)> {
    let device = Catalogue::get().message("Device");
    let fields = DEVICE_FIELDS
        .iter()
        .filter_map(|name| device.as_ref()?.get_field_by_name(name));
    let properties = fields.map(|field| {
        let property = Property {
            name: property_name(field.name()),
            signature: shape::signature(&field),
        };
        (property, field)
    });
    properties.collect()
}

/// `paper_low` → `PaperLow`.
fn property_name(field: &str) -> String {
    let words = field.split('_').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    words.collect()
}

/// Some values of one object.
pub(super) type Values = BTreeMap<String, Arc<Variant<'static>>>;

/// How everything is at one moment.
#[derive(Clone, Default, PartialEq)]
pub(super) struct Snapshot {
    /// Of the desk itself.
    pub(super) root: Values,
    /// Of each device, by its object's path.
    pub(super) devices: BTreeMap<String, Values>,
}

impl Snapshot {
    /// From the answer of `GetStatus`.
    pub(super) fn of(status: wire::GetStatusResponse) -> Self {
        let desk = status.desk.unwrap_or_default();
        let why_not = status.not_accepting.unwrap_or_default();
        let root = [
            ("Version", text_value(&status.version)),
            ("DeskName", text_value(&desk.name)),
            ("DeskNumber", text_value(&desk.number)),
            ("Accepting", Variant::Bool(status.accepting)),
            ("NotAccepting", text_value(&why_not.code)),
            ("OpenSettlements", Variant::U32(status.open_settlements)),
            ("StuckSettlements", Variant::U32(status.stuck_settlements)),
        ];
        let root = root.map(|(name, value)| (name.to_owned(), Arc::new(value)));
        Self {
            root: root.into(),
            devices: status.devices.into_iter().filter_map(device).collect(),
        }
    }

    /// The values of one object, by its path and interface.
    pub(super) fn values(&self, path: &str, interface: &str) -> Option<&Values> {
        match interface {
            DEVICE => self.devices.get(path),
            super::catalogue::ROOT if path == ROOT_PATH => Some(&self.root),
            _ => None,
        }
    }

    /// The names of the devices' objects below theirs.
    pub(super) fn device_names(&self) -> Vec<&str> {
        let names = self.devices.keys();
        names.filter_map(|path| path.rsplit('/').next()).collect()
    }
}

/// What differs from one moment to the next.
#[derive(Default)]
pub(super) struct Changes {
    /// Values of objects that stay, by path.
    pub(super) changed: Vec<(String, Values)>,
    /// New objects.
    pub(super) added: Vec<(String, Values)>,
    /// Objects that are no more.
    pub(super) removed: Vec<String>,
}

impl Changes {
    /// Between these two.
    pub(super) fn between(before: &Snapshot, after: &Snapshot) -> Self {
        let mut changes = Self::default();
        changes.compare(ROOT_PATH, &before.root, &after.root);
        for (path, values) in &after.devices {
            match before.devices.get(path) {
                Some(was) => changes.compare(path, was, values),
                None => changes.added.push((path.clone(), values.clone())),
            }
        }
        let gone = before
            .devices
            .keys()
            .filter(|path| !after.devices.contains_key(*path));
        changes.removed.extend(gone.cloned());
        changes
    }

    fn compare(&mut self, path: &str, before: &Values, after: &Values) {
        let other = after
            .iter()
            .filter(|(name, value)| before.get(*name) != Some(*value));
        let other: Values = other
            .map(|(name, value)| (name.clone(), Arc::clone(value)))
            .collect();
        if !other.is_empty() {
            self.changed.push((path.to_owned(), other));
        }
    }
}

/// As they go out.
pub(super) fn fields(values: &Values) -> zbus::Result<Fields> {
    let fields = values
        .iter()
        .map(|(name, value)| Ok((name.clone(), value.try_clone()?)));
    fields.collect()
}

fn device(mut of: wire::Device) -> Option<(String, Values)> {
    if let Some(problem) = &mut of.problem {
        // A device's own words may name somebody.
        problem.detail.clear();
    }
    let mut shown = DynamicMessage::new(Catalogue::get().message("Device")?);
    shown.transcode_from(&of).ok()?;
    let mut values = Values::new();
    for (property, field) in device_properties() {
        let given = shape::property(&shown, &field).ok().flatten();
        let absent = || match property.signature.as_str() {
            "s" => text_value(""),
            _ => Variant::Dict(Dict::new(&Signature::Str, &Signature::Variant)),
        };
        values.insert(property.name, Arc::new(given.unwrap_or_else(absent)));
    }
    Some((format!("{DEVICES_PATH}/{}", path_element(&of.name)), values))
}

/// A path of the bus has letters and digits; another character is `_` and its two hexadecimal digits, as systemd
/// writes them.
fn path_element(name: &str) -> String {
    let mut element = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => element.push(char::from(byte)),
            byte => element.push_str(&format!("_{byte:02x}")),
        }
    }
    element
}

fn text_value(text: &str) -> Variant<'static> {
    Variant::Str(text.replace('\0', "\u{fffd}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_where_it_is() {
        let mut status = status();
        let before = snapshot(&status);
        assert_eq!(before.device_names(), ["front_2dscanner_2e1"]);
        status.open_settlements = 1;
        status.devices[0].state = wire::DeviceState::Missing.into();
        let after = snapshot(&status);
        let changes = Changes::between(&before, &after);
        let told: Vec<_> = (changes.changed.iter())
            .map(|(path, values)| {
                (
                    path.as_str(),
                    values.keys().map(String::as_str).collect::<Vec<_>>(),
                )
            })
            .collect();
        let path = "/org/yibaod/Bridge1/devices/front_2dscanner_2e1";
        assert_eq!(
            told,
            [(ROOT_PATH, vec!["OpenSettlements"]), (path, vec!["State"])]
        );
        assert!(changes.added.is_empty() && changes.removed.is_empty());
        status.devices[0].name = "other".to_owned();
        let changes = Changes::between(&after, &snapshot(&status));
        assert_eq!(changes.added[0].0, "/org/yibaod/Bridge1/devices/other");
        assert_eq!(changes.removed, [path]);
        assert!(changes.changed.is_empty());
    }

    #[test]
    fn what_everybody_sees_names_no_holder_and_no_device_words() {
        let snapshot = snapshot(&status());
        let shown = format!("{:?}", snapshot.devices);
        assert!(
            shown.contains("E3001") && shown.contains("Problem"),
            "{shown}"
        );
        assert!(!shown.contains("planted"), "{shown}");
    }

    #[test]
    fn every_property_has_a_value_of_its_type() {
        let snapshot = snapshot(&status());
        for (property, _) in root_properties() {
            let value = &snapshot.root[&property.name];
            assert_eq!(
                value.value_signature().to_string(),
                property.signature,
                "{}",
                property.name
            );
        }
        let device = snapshot.devices.values().next().unwrap();
        assert_eq!(device.len(), DEVICE_FIELDS.len());
        for (property, _) in device_properties() {
            let value = &device[&property.name];
            assert_eq!(
                value.value_signature().to_string(),
                property.signature,
                "{}",
                property.name
            );
        }
        assert!(snapshot.values(ROOT_PATH, DEVICE).is_none());
    }

    fn status() -> wire::GetStatusResponse {
        wire::GetStatusResponse {
            version: "0.1.0".to_owned(),
            devices: vec![wire::Device {
                name: "front-scanner.1".to_owned(),
                state: wire::DeviceState::Ready.into(),
                held_by: "planted".to_owned(),
                held_for: "planted".to_owned(),
                problem: Some(wire::ErrorEntry {
                    code: "E3001".to_owned(),
                    detail: "planted".to_owned(),
                    ..wire::ErrorEntry::default()
                }),
                ..wire::Device::default()
            }],
            ..wire::GetStatusResponse::default()
        }
    }

    fn snapshot(status: &wire::GetStatusResponse) -> Snapshot {
        Snapshot::of(status.clone())
    }
}
