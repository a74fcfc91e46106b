//! The interfaces that every object on a bus has: Peer, Introspectable, Properties, and ObjectManager of the devices.

use std::collections::BTreeMap;

use zbus::ObjectPath;
use zbus::message::{Header, Message};

use super::catalogue::{Catalogue, ROOT, ROOT_PATH};
use super::desk::{DEVICE, DEVICES_PATH, Snapshot, Values, fields};
use super::error::Refusal;
use super::introspect;
use super::request::not_these_arguments;
use super::serve::broken;
use super::shape::Fields;
use crate::book::Code;
use crate::ipc::access::Operation;

const PEER: &str = "org.freedesktop.DBus.Peer";
const INTROSPECTABLE: &str = "org.freedesktop.DBus.Introspectable";
/// Also where `PropertiesChanged` comes from.
pub(super) const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
/// Also where `InterfacesAdded` and `InterfacesRemoved` come from.
pub(super) const OBJECTS: &str = "org.freedesktop.DBus.ObjectManager";

/// The methods, for the log: no other word of a caller's stands there.
pub(super) fn method(member: &str) -> Option<&'static str> {
    let known = [
        "Ping",
        "GetMachineId",
        "Introspect",
        "GetManagedObjects",
        "Get",
        "GetAll",
        "Set",
    ];
    known.into_iter().find(|name| *name == member)
}

/// The operation that tells the same as this method: who may not do that may not see this. `None`: it tells nothing of
/// the desk.
pub(super) fn operation(member: &str, path: &str) -> Option<Operation> {
    match member {
        "Get" | "GetAll" if path == ROOT_PATH => Some(Operation::GetStatus),
        "Get" | "GetAll" | "GetManagedObjects" => Some(Operation::ListDevices),
        _ => None,
    }
}

/// Answers a call that is no method of ours.
pub(super) fn answer(
    desk: &Snapshot,
    header: &Header<'_>,
    call: &Message,
) -> Result<Message, Refusal> {
    let path = header.path().map_or("", |path| path.as_str());
    let interface = header.interface().map(|name| name.as_str());
    let member = header.member().map_or("", |name| name.as_str());
    let is = |name: &str| interface.is_none_or(|interface| interface == name);
    let reply = Message::method_return(header);
    let built = match member {
        "Ping" if is(PEER) => reply.build(&()),
        "GetMachineId" if is(PEER) => {
            let id = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
            reply.build(&id.trim())
        }
        "Introspect" if is(INTROSPECTABLE) => reply.build(&document(desk, path)?),
        "GetManagedObjects" if is(OBJECTS) && path == ROOT_PATH => reply.build(&objects(desk)?),
        "Get" if is(PROPERTIES) => {
            let body = call.body();
            let asked: Result<(&str, &str), _> = body.deserialize();
            let (of, name) = asked.map_err(|_| not_these_arguments("ss"))?;
            let values = values(desk, path, of)?;
            let value = values.and_then(|values| values.get(name));
            let value = value.ok_or_else(|| no_property(name))?.try_clone();
            reply.build(&value.map_err(|error| broken(&error))?)
        }
        "GetAll" if is(PROPERTIES) => {
            let body = call.body();
            let asked: Result<&str, _> = body.deserialize();
            let of = asked.map_err(|_| not_these_arguments("s"))?;
            let values = values(desk, path, of)?.map(fields).transpose();
            let values = values.map_err(|error| broken(&error))?;
            reply.build(&values.unwrap_or_default())
        }
        "Set" if is(PROPERTIES) => {
            let what = "no property can be set";
            return Err(Refusal::named(
                "PropertyReadOnly",
                Code::RequestInvalid,
                what,
            ));
        }
        _ => return Err(unknown(desk, path, interface, member)),
    };
    built.map_err(|error| broken(&error))
}

/// The values of an interface of an object; nothing: it has none.
fn values<'d>(
    desk: &'d Snapshot,
    path: &str,
    interface: &str,
) -> Result<Option<&'d Values>, Refusal> {
    if let Some(values) = desk.values(path, interface) {
        return Ok(Some(values));
    }
    let has_none = path == ROOT_PATH && Catalogue::get().interface(interface).is_some()
        || [PEER, INTROSPECTABLE, PROPERTIES, OBJECTS].contains(&interface);
    match has_none {
        true => Ok(None),
        false => Err(unknown(desk, path, Some(interface), "")),
    }
}

fn no_property(name: &str) -> Refusal {
    let what = format!("there is no property {name}");
    Refusal::named("UnknownProperty", Code::NotFound, what).quoting()
}

/// The devices, each with its interface and values.
fn objects(desk: &Snapshot) -> Result<Managed, Refusal> {
    let mut objects = Managed::new();
    for (path, values) in &desk.devices {
        let path = ObjectPath::try_from(path.clone()).map_err(|error| broken(&error))?;
        let values = fields(values).map_err(|error| broken(&error))?;
        objects.insert(path, BTreeMap::from([(DEVICE, values)]));
    }
    Ok(objects)
}

type Managed = BTreeMap<ObjectPath<'static>, BTreeMap<&'static str, Fields>>;

fn document(desk: &Snapshot, path: &str) -> Result<String, Refusal> {
    match path {
        "/" => Ok(introspect::passage(&["org"])),
        "/org" => Ok(introspect::passage(&["yibaod"])),
        "/org/yibaod" => Ok(introspect::passage(&["Bridge1"])),
        ROOT_PATH => Ok(introspect::root(!desk.devices.is_empty())),
        DEVICES_PATH => Ok(introspect::passage(&desk.device_names())),
        path if desk.devices.contains_key(path) => Ok(introspect::device()),
        path => Err(no_object(path)),
    }
}

fn no_object(path: &str) -> Refusal {
    let what = format!("there is no object {path}");
    Refusal::named("UnknownObject", Code::NotFound, what).quoting()
}

fn unknown(desk: &Snapshot, path: &str, interface: Option<&str>, member: &str) -> Refusal {
    if path != ROOT_PATH && !desk.devices.contains_key(path) && document(desk, path).is_err() {
        return no_object(path);
    }
    let known = |name: &str| {
        [PEER, INTROSPECTABLE, PROPERTIES, OBJECTS, ROOT, DEVICE].contains(&name)
            || Catalogue::get().interface(name).is_some()
    };
    let (name, what) = match interface {
        Some(interface) if !known(interface) => (
            "UnknownInterface",
            format!("there is no interface {interface}"),
        ),
        Some(_) | None if member.is_empty() => {
            let what = "the object has no such interface";
            ("UnknownInterface", what.to_owned())
        }
        Some(_) | None => ("UnknownMethod", format!("there is no method {member}")),
    };
    Refusal::named(name, Code::MethodUnknown, what)
}
