//! Messages that no honest client sends, by a seed: each is answered, nothing grows, nobody else waits.
//!
//! All of them are well-formed: the bus itself throws out who sends what is not, so that no such byte comes to the daemon.
//! What it lets pass are other types than wanted, other byte order, whatever is deep, long, unasked or no file.

mod odd;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use zbus::connection::Builder;
use zbus::{Array, Variant};

use super::world::{CASHIER, PATH, World, answer};
use crate::desk::Stalls;
use crate::doors::hostile::dice::Dice;
use crate::doors::hostile::{SEED, grown};
use crate::doors::rss_anon_kib;
use crate::proof::record::{Found, Proof, is_long};

/// How long it goes on.
const SHORT_S: u64 = 10;
const LONG_S: u64 = 600;
/// What the daemon may hold more at the end than at any moment of the first half, KiB. A message of 1 MiB is held as
/// bytes, as values and as the request, and in ten seconds the allocator has not yet kept a piece of each; then it has.
const GROWTH_SHORT_KIB_MAX: u64 = 8 * 1_024;
const GROWTH_LONG_KIB_MAX: u64 = 4 * 1_024;
/// How often the daemon's memory is looked at.
const LOOKS: u32 = 10;
/// Calls, however slow the machine is.
const CALLS_MIN: u64 = 1_000;
const NAME: &str = "org.yibaod.Bridge1";

#[tokio::test(flavor = "multi_thread")]
async fn whatever_comes_is_answered_and_nothing_grows() {
    let mut proof = Proof::begin(
        "hostile-dbus",
        "wrong, deep, long and unasked messages on the system bus",
        "系统总线上类型不符、过深、过长、无端的消息",
    );
    let world = World::start().await;
    let length = Duration::from_secs(if is_long() { LONG_S } else { SHORT_S });
    let bus = Builder::address(world.address().as_str())
        .method_timeout(Duration::from_secs(30))
        .build()
        .await
        .expect("a bus");
    let (began, mut seed) = (Instant::now(), SEED);
    let (mut wrong, mut answers, mut sizes_kib) = (Vec::new(), BTreeMap::new(), Vec::new());
    while began.elapsed() < length || seed < SEED + CALLS_MIN {
        match odd::send(&bus, &mut Dice(seed)).await {
            Ok(answer) => *answers.entry(answer).or_insert(0_u64) += 1,
            Err(error) => wrong.push(format!("seed {seed}: {error}")),
        }
        seed += 1;
        let looks = u32::try_from(sizes_kib.len()).expect("few");
        if began.elapsed() > length / LOOKS * looks {
            sizes_kib.push(rss_anon_kib(world.desk.pid()));
        }
    }
    let grown_kib = grown(&sizes_kib);
    let told = format!("grown by {grown_kib} KiB ({sizes_kib:?}), answers {answers:?}");
    println!("{} messages, {told}", seed - SEED);
    proof.cell("messages", &told, "–", began.elapsed());
    let has_grown = match is_long() {
        true => grown_kib > GROWTH_LONG_KIB_MAX,
        false => grown_kib > GROWTH_SHORT_KIB_MAX,
    };
    let failures = wrong.len() + usize::from(has_grown);
    proof.end(&Found {
        count: seed - SEED,
        failures: u64::try_from(failures).expect("few"),
        seeds: Some((SEED, seed - 1)),
    });
    assert_eq!(failures, 0, "{told}\n{wrong:#?}");
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
