//! Messages that no honest client sends, by a seed: each is answered, nothing grows, nobody else waits.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use zbus::connection::Builder;
use zbus::message::Message;
use zbus::{Array, Connection, Dict, Signature, Variant};

use super::world::{CASHIER, PATH, World, answer};
use crate::desk::Stalls;

/// How long it goes on.
const SEEDED_S: u64 = 10;
const SEEDED_LONG_S: u64 = 120;
/// What the daemon may hold more afterwards.
const GROWTH_KB_MAX: u64 = 24 * 1_024;
/// Half of them warm it up.
const CALLS_MIN: u64 = 1_000;
const NAME: &str = "org.yibaod.Bridge1";
const METHODS: [(&str, &str); 8] = [
    ("Settlement", "ScanAndPay"),
    ("Settlement", "WatchSettlement"),
    ("Settlement", "GetSettlement"),
    ("Device", "Claim"),
    ("Device", "ListDevices"),
    ("Print", "Print"),
    ("Identity", "Identify"),
    ("Daemon", "GetStatus"),
];
const KEYS: [&str; 12] = [
    "request_id",
    "bills",
    "patient",
    "deadline_ms",
    "subscription",
    "extension",
    "confirm",
    "pdf",
    "wait_ms",
    "credentials",
    "",
    "没有",
];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_comes_is_answered_and_nothing_grows() {
    let world = World::start().await;
    let seconds = match std::env::var_os("YIBAO_LONG") {
        Some(_) => SEEDED_LONG_S,
        None => SEEDED_S,
    };
    let bus = Builder::address(world.address().as_str())
        .method_timeout(Duration::from_secs(30))
        .build()
        .await
        .expect("a bus");
    let mut seed = Seed(0x9e37_79b9_7f4a_7c15);
    let (until, mut calls) = (Instant::now() + Duration::from_secs(seconds), 0_u64);
    let mut before = None;
    while Instant::now() < until || calls < CALLS_MIN {
        call(&bus, &mut seed).await;
        calls += 1;
        if calls == CALLS_MIN / 2 {
            before = Some(resident_kb(world.desk.pid()));
        }
    }
    let after = resident_kb(world.desk.pid());
    let before = before.expect("more calls than that");
    println!("{calls} calls, RssAnon {before} → {after} kB");
    assert!(
        after < before + GROWTH_KB_MAX,
        "{before} → {after} kB after {calls} calls"
    );
    let (since, stalls) = (Instant::now(), Stalls::watch());
    let status = world.call(CASHIER, "Daemon", "GetStatus", &[]).await;
    assert_eq!(answer(&status)["open_settlements"], 0);
    assert!(
        since.elapsed() < Duration::from_secs(5) + stalls.lost(),
        "others wait: {:?}",
        since.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_too_large_and_a_flood_are_refused() {
    let world = World::start().await;
    let bus = Builder::address(world.address().as_str())
        .build()
        .await
        .expect("a bus");
    let large: Vec<u8> = vec![b'x'; 2 * 1_024 * 1_024];
    let body = BTreeMap::from([("pdf", Variant::Array(Array::from(large)))]);
    let print = "org.yibaod.Bridge1.Print";
    let told = bus
        .call_method(Some(NAME), PATH, Some(print), "Print", &body)
        .await;
    assert!(format!("{told:?}").contains("REQUEST_INVALID"), "{told:?}");
    // Identify waits for a card or a code: so many of one caller are too many, and the others are not touched.
    let interface = "org.yibaod.Bridge1.Device";
    let waiting = (0..300).map(|_| {
        let body = BTreeMap::from([
            ("role", Variant::Str("scanner".into())),
            ("deadline_ms", Variant::U32(3_000)),
        ]);
        let bus = bus.clone();
        async move {
            bus.call_method(Some(NAME), PATH, Some(interface), "Scan", &body)
                .await
        }
    });
    let flood = futures_util::future::join_all(waiting);
    let (told, other) = tokio::join!(flood, world.call(CASHIER, "Daemon", "GetStatus", &[]));
    assert_eq!(answer(&other)["accepting"], true);
    let refused = told
        .iter()
        .filter(|told| {
            let told = format!("{told:?}");
            // By us, or by the bus itself, which holds so many replies of a connection and no more.
            told.contains("TOO_MANY_CALLS") || told.contains("LimitsExceeded")
        })
        .count();
    assert!(
        refused >= 300 - 128,
        "{refused} of 300 were refused: {:?}",
        told.first()
    );
    assert!(told.iter().all(Result::is_err), "nobody scanned");
}

/// One message and its answer, whatever that is; none at all fails.
async fn call(bus: &Connection, seed: &mut Seed) {
    let (service, method) = METHODS[seed.below(METHODS.len())];
    let interface = super::interface(service);
    let told = match seed.below(4) {
        0 => ask(bus, &interface, method, &(seed.next(), "x")).await,
        1 => ask(bus, &interface, method, &vec![seed.value(0)]).await,
        _ => {
            let mut body = BTreeMap::new();
            for _ in 0..seed.below(5) {
                body.insert(KEYS[seed.below(KEYS.len())], seed.value(0));
            }
            // A settlement that waits would hold the loop up.
            body.insert("deadline_ms", Variant::U32(1));
            ask(bus, &interface, method, &body).await
        }
    };
    match told {
        Ok(_) | Err(zbus::Error::MethodError(..) | zbus::Error::FDO(_)) => {}
        Err(error) => panic!("{service}.{method}: {error}"),
    }
}

async fn ask<B>(bus: &Connection, interface: &str, method: &str, body: &B) -> zbus::Result<Message>
where
    B: serde::Serialize + zbus::DynamicType,
{
    bus.call_method(Some(NAME), PATH, Some(interface), method, body)
        .await
}

struct Seed(u64);

impl Seed {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(n).expect("small")).expect("small")
    }

    fn value(&mut self, depth: usize) -> Variant<'static> {
        match self.below(9) {
            0 => Variant::U8(7),
            1 => Variant::I64(i64::MIN),
            2 => Variant::Str("王".repeat(self.below(200)).into()),
            3 => Variant::F64(0.5),
            4 => Variant::Signature(Signature::Variant),
            5 if depth < 20 => Variant::Variant(Box::new(self.value(depth + 1))),
            6 if depth < 8 => {
                let mut array = Array::new(&Signature::Variant);
                for _ in 0..self.below(4) {
                    let value = Variant::Variant(Box::new(self.value(depth + 1)));
                    array.append(value).expect("a variant");
                }
                Variant::Array(array)
            }
            7 if depth < 8 => {
                let mut dict = Dict::new(&Signature::Str, &Signature::Variant);
                for _ in 0..self.below(4) {
                    let value = Variant::Variant(Box::new(self.value(depth + 1)));
                    let key = KEYS[self.below(KEYS.len())];
                    dict.append(Variant::Str(key.into()), value)
                        .expect("a text and a variant");
                }
                Variant::Dict(dict)
            }
            _ => Variant::Bool(true),
        }
    }
}

fn resident_kb(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status
        .lines()
        .find(|line| line.starts_with("RssAnon:"))
        .expect("Linux says it");
    line.split_whitespace()
        .nth(1)
        .and_then(|kb| kb.parse().ok())
        .expect("a number")
}
