//! Calls that weigh, without an end and without anybody waiting for an answer: many files each, or a large body.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use yibaod::api::GetStatusRequest;
use yibaod::api::daemon_service_client::DaemonServiceClient;
use zbus::Variant;
use zbus::message::{Flags, Message};

use super::interface;
use super::world::{MONITOR, PATH, World};
use crate::desk::{Desk, Setup, channel};

/// What a bus lets a message have.
const FILES: usize = 16;
/// Far more than a request may have, in bytes.
const BODY_BYTES: usize = 8 * 1_024 * 1_024;
const CONNECTIONS: usize = 8;
const FLOOD_MS: u64 = 3_000;
/// Descriptors besides those of such calls: devices, doors, the journal.
const OTHERS_MAX: usize = 200;
/// What the unit allows is 8 192: such calls may have about half of it.
const BROUGHT_MAX: usize = 4_300;
/// What the unit allows is 1 GiB.
const GROWN_MIB_MAX: u64 = 256;
/// Nobody else waits longer than that, also in a build without optimisation: the watchdog would end it.
const ANSWER_MS_MAX: u128 = 2_000;

fn with_files() -> Message {
    let null = File::open("/dev/null").expect("it is there");
    let file = || OwnedFd::from(null.try_clone().expect("a copy"));
    let files: Vec<zbus::OwnedFd> = (0..FILES).map(|_| file().into()).collect();
    call().build(&files).expect("a message")
}

fn large() -> Message {
    let text = "0".repeat(BODY_BYTES);
    let body = BTreeMap::from([("request_id", Variant::from(text.as_str()))]);
    call().build(&body).expect("a message")
}

fn call() -> zbus::message::Builder<'static> {
    Message::method_call(PATH, "ListDevices")
        .destination("org.yibaod.Bridge1")
        .interface(interface("Device"))
        .with_flags(Flags::NO_REPLY_EXPECTED)
}

async fn flood(address: String, until: Instant, make: fn() -> Message) -> u64 {
    let bus = zbus::connection::Builder::address(address.as_str());
    let bus = bus.build().await.expect("a bus");
    let (call, mut sent) = (make(), 0);
    while Instant::now() < until && bus.send(&call).await.is_ok() {
        sent += 1;
    }
    sent
}

/// What was seen of the daemon meanwhile.
#[derive(Debug, Default)]
struct Seen {
    sent: u64,
    descriptors: usize,
    resident_mib: u64,
    answers: u32,
    longest: Duration,
}

async fn beside_a_flood(world: &World, make: fn() -> Message) -> Seen {
    let until = Instant::now() + Duration::from_millis(FLOOD_MS);
    let floods: Vec<_> = (0..CONNECTIONS)
        .map(|_| tokio::spawn(flood(world.address(), until, make)))
        .collect();
    let line = channel(&world.desk.socket()).await.expect("it is open");
    let mut client = DaemonServiceClient::new(line);
    let mut seen = Seen::default();
    while Instant::now() < until {
        seen.descriptors = seen.descriptors.max(descriptors(&world.desk));
        seen.resident_mib = seen.resident_mib.max(resident_mib(&world.desk));
        let asked = Instant::now();
        let told = client.get_status(GetStatusRequest {}).await;
        told.expect("the other doors go on");
        seen.longest = seen.longest.max(asked.elapsed());
        seen.answers += 1;
    }
    for flood in floods {
        seen.sent += flood.await.expect("it ends");
    }
    println!("{seen:?}");
    let told = world.call(MONITOR, "Device", "ListDevices", &[]).await;
    assert!(told.status.success(), "it answers on the bus: {told:?}");
    let lost = world.desk.log().matches("the system bus went away").count();
    assert_eq!(lost, 0, "it stayed on the bus");
    assert!(seen.longest.as_millis() <= ANSWER_MS_MAX, "{seen:?}");
    seen
}

fn descriptors(desk: &Desk) -> usize {
    let open = std::fs::read_dir(format!("/proc/{}/fd", desk.pid()));
    open.expect("it runs").count()
}

fn resident_mib(desk: &Desk) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", desk.pid()));
    let status = status.expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.expect("it is told") / 1_024
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_nobody_wants_shut_no_door() {
    let world = World::start_with(Setup::default()).await;
    let seen = beside_a_flood(&world, with_files).await;
    assert!(seen.sent > 1_000, "it was a flood: {seen:?}");
    assert!(seen.descriptors <= BROUGHT_MAX + OTHERS_MAX, "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_that_nobody_wants_hold_nobody_up() {
    let world = World::start_with(Setup::default()).await;
    let before = resident_mib(&world.desk);
    let seen = beside_a_flood(&world, large).await;
    assert!(seen.sent > 20, "it was a flood: {seen:?}");
    assert!(
        seen.resident_mib <= before + GROWN_MIB_MAX,
        "{before} MiB before, {seen:?}"
    );
}
