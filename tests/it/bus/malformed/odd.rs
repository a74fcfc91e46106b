//! One odd message and what came of it.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::OnceLock;

use zbus::message::{Flags, Message};
use zbus::wire::Endian;
use zbus::{Array, Connection, Dict, Signature, Variant};

use super::super::interface;
use super::super::world::PATH;
use super::NAME;
use crate::doors::hostile::dice::Dice;

/// Levels of variants. The bus lets 64 of everything pass.
const DEPTH_MAX: usize = 60;
const METHODS: [(&str, &str); 10] = [
    ("Settlement", "ScanAndPay"),
    ("Settlement", "WatchSettlement"),
    ("Settlement", "GetSettlement"),
    ("Device", "Claim"),
    ("Device", "ListDevices"),
    ("Print", "Print"),
    ("Print", "PutDocument"),
    ("Print", "Preview"),
    ("Identity", "Identify"),
    ("Daemon", "GetStatus"),
];
const KEYS: [&str; 14] = [
    "request_id",
    "bills",
    "patient",
    "deadline_ms",
    "subscription",
    "extension",
    "confirm",
    "document",
    "raw",
    "pdf",
    "wait_ms",
    "credentials",
    "",
    "没有",
];
/// Whoever says so is not there, or did not answer: that is no answer of the daemon's.
const NO_ANSWERS: [&str; 5] = [
    "NoReply",
    "Timeout",
    "ServiceUnknown",
    "NameHasNoOwner",
    "Disconnected",
];

type Body = BTreeMap<&'static str, Variant<'static>>;

/// The name of the answer; an error: there was none.
pub(super) async fn send(bus: &Connection, dice: &mut Dice) -> Result<String, String> {
    let (service, method) = METHODS[dice.below(METHODS.len())];
    let interface = interface(service);
    let told = match dice.below(12) {
        0 => call(bus, &interface, method, &(7_u64, "x")).await,
        1 => call(bus, &interface, method, &vec![value(dice, 0)]).await,
        2 => call(bus, &interface, method, &hasty(deep(dice))).await,
        3 => call(bus, &interface, method, &hasty(long(dice))).await,
        4..=6 => {
            let (method, key) =
                *dice.of(&[("Print", "pdf"), ("Print", "raw"), ("PutDocument", "data")]);
            call(
                bus,
                &super::super::interface("Print"),
                method,
                &hasty(no_file(dice, key)),
            )
            .await
        }
        7 => return unanswered(bus, &interface, method, dice).await,
        8 => {
            let body = (interface.as_str(), "Accepting", value(dice, 0));
            call(bus, "org.freedesktop.DBus.Properties", "Set", &body).await
        }
        9 => {
            call(
                bus,
                &interface,
                "StopWatching",
                &"王".repeat(dice.below(2_000)),
            )
            .await
        }
        _ => {
            let mut body = Body::new();
            for _ in 0..dice.below(5) {
                body.insert(KEYS[dice.below(KEYS.len())], value(dice, 0));
            }
            call(bus, &interface, method, &hasty(body)).await
        }
    };
    let name = match told {
        Ok(_) => return Ok("answer".to_owned()),
        Err(zbus::Error::MethodError(name, ..)) => name.to_string(),
        // The standard's own, by whoever says so.
        Err(zbus::Error::FDO(error)) => {
            let text = error.to_string();
            text.split(':').next().unwrap_or_default().to_owned()
        }
        Err(error) => return Err(format!("{service}.{method}: {error}")),
    };
    match NO_ANSWERS.iter().any(|none| name.ends_with(none)) {
        true => Err(format!("{service}.{method}: {name}")),
        false => Ok(name),
    }
}

/// A settlement that waits would hold the loop up.
fn hasty(mut body: Body) -> Body {
    body.insert("deadline_ms", Variant::U32(1));
    body
}

async fn call<B>(bus: &Connection, interface: &str, method: &str, body: &B) -> zbus::Result<Message>
where
    B: serde::Serialize + zbus::DynamicType,
{
    bus.call_method(Some(NAME), PATH, Some(interface), method, body)
        .await
}

/// Messages that want no answer: calls in the other byte order, signals of the bus's own that are not the bus's. The
/// answer to an honest call behind them says that they were taken.
async fn unanswered(
    bus: &Connection,
    interface: &str,
    method: &str,
    dice: &mut Dice,
) -> Result<String, String> {
    let body = hasty(deep(dice));
    let said = |error: zbus::Error| error.to_string();
    let me = bus.unique_name().expect("the bus named us").to_string();
    let message = match dice.below(3) {
        0 => Message::method_call(PATH, method)
            .destination(NAME)
            .interface(interface)
            .endian(Endian::Big)
            .with_flags(Flags::NO_REPLY_EXPECTED)
            .build(&body),
        1 => Message::signal(
            "/org/freedesktop/DBus",
            "org.freedesktop.DBus",
            "NameOwnerChanged",
        )
        .destination(NAME)
        .build(&(me.as_str(), me.as_str(), "")),
        _ => Message::signal(PATH, interface, "Progress")
            .destination(NAME)
            .endian(Endian::Big)
            .build(&body),
    };
    bus.send(&message.map_err(said)?).await.map_err(said)?;
    let peer = "org.freedesktop.DBus.Peer";
    let told = bus.call_method(Some(NAME), PATH, Some(peer), "Ping", &());
    told.await.map_err(said)?;
    Ok("none".to_owned())
}

/// As deep as the bus lets pass.
fn deep(dice: &mut Dice) -> Body {
    let mut value = Variant::Bool(true);
    for _ in 0..dice.below(DEPTH_MAX) {
        value = match dice.below(8) {
            0 => {
                let mut dict = Dict::new(&Signature::Str, &Signature::Variant);
                let key = KEYS[dice.below(KEYS.len())];
                let inner = Variant::Variant(Box::new(value));
                dict.append(Variant::Str(key.into()), inner)
                    .expect("its types");
                return Body::from([(KEYS[dice.below(KEYS.len())], Variant::Dict(dict))]);
            }
            _ => Variant::Variant(Box::new(value)),
        };
    }
    Body::from([(KEYS[dice.below(KEYS.len())], value)])
}

/// As long as is taken, and a little longer.
fn long(dice: &mut Dice) -> Body {
    let key = KEYS[dice.below(KEYS.len())];
    let value = match dice.below(4) {
        0 => Variant::Array(Array::from(vec![7_u8; 900_000 + dice.below(300_000)])),
        1 => Variant::Array(Array::from(vec!["王"; dice.below(50_000)])),
        2 => Variant::Str("\u{1f9fe}".repeat(dice.below(250_000)).into()),
        _ => {
            let mut array = Array::new(&Signature::Variant);
            for _ in 0..dice.below(10_000) {
                let one = Variant::Variant(Box::new(Variant::U8(1)));
                array.append(one).expect("a variant");
            }
            Variant::Array(array)
        }
    };
    Body::from([(key, value)])
}

/// Descriptors that are no file to be read to its end.
fn no_file(dice: &mut Dice, key: &'static str) -> Body {
    let fd: OwnedFd = match dice.below(8) {
        // Whoever reads it waits as long as the other end is there.
        0 => endless(),
        1 => std::io::pipe().expect("a pipe").1.into(),
        2 => std::os::unix::net::UnixStream::pair()
            .expect("a pair")
            .0
            .into(),
        3 => open("/dev/zero"),
        4 => open("/dev/null"),
        5 => open("/"),
        6 => open("/proc/self/status"),
        // Long, and nothing in it.
        _ => {
            let file = tempfile::tempfile().expect("room");
            file.set_len(1 << 40).expect("a file with a hole");
            file.into()
        }
    };
    Body::from([
        ("request_id", Variant::Str("odd".into())),
        (key, Variant::Fd(fd.into())),
    ])
}

/// A pipe that never ends and never says anything.
fn endless() -> OwnedFd {
    static PIPE: OnceLock<(std::io::PipeReader, std::io::PipeWriter)> = OnceLock::new();
    let (reader, _writer) = PIPE.get_or_init(|| std::io::pipe().expect("a pipe"));
    reader.try_clone().expect("a descriptor").into()
}

fn open(path: &str) -> OwnedFd {
    File::open(path).expect("Linux has it").into()
}

fn value(dice: &mut Dice, depth: usize) -> Variant<'static> {
    match dice.below(9) {
        0 => Variant::U8(7),
        1 => Variant::I64(i64::MIN),
        2 => Variant::Str("王".repeat(dice.below(200)).into()),
        3 => Variant::F64(0.5),
        4 => Variant::Signature(Signature::Variant),
        5 if depth < 20 => Variant::Variant(Box::new(value(dice, depth + 1))),
        6 if depth < 8 => {
            let mut array = Array::new(&Signature::Variant);
            for _ in 0..dice.below(4) {
                let value = Variant::Variant(Box::new(value(dice, depth + 1)));
                array.append(value).expect("a variant");
            }
            Variant::Array(array)
        }
        7 if depth < 8 => {
            let mut dict = Dict::new(&Signature::Str, &Signature::Variant);
            for _ in 0..dice.below(4) {
                let value = Variant::Variant(Box::new(value(dice, depth + 1)));
                let key = KEYS[dice.below(KEYS.len())];
                dict.append(Variant::Str(key.into()), value)
                    .expect("a text and a variant");
            }
            Variant::Dict(dict)
        }
        _ => Variant::Bool(true),
    }
}
