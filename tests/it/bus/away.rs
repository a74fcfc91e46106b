//! Callers that go, a bus that goes, a bus that was never there.

use std::time::Duration;

use tokio::time::Instant;
use yibaod::api::BusState;

use super::world::{OWNER, answer, said};
use super::{CASHIER, Literal, World};
use crate::desk::{Setup, Stalls, eventually};

/// A caller that left counts as gone so soon.
const GONE_MS_MAX: u64 = 5_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_leaves_the_bus_gives_the_scanner_back() {
    let setup = Setup {
        rejoin_s: 0,
        ..Setup::default()
    };
    let world = World::start_with(setup).await;
    let request = super::pay::bill("gone-1").typed().to_string();
    let mut command = world.python(CASHIER);
    command.args(["leave", &request]);
    let mut caller = command.spawn().expect("it is installed");
    held(&world, true).await;
    caller.kill().expect("its child");
    let (since, stalls) = (Instant::now(), Stalls::watch());
    caller.wait().expect("its child");
    held(&world, false).await;
    assert!(
        since.elapsed() < Duration::from_millis(GONE_MS_MAX) + stalls.lost(),
        "{:?}",
        since.elapsed()
    );
    let key = Literal::Dict(vec![("request_id".into(), Literal::Text("gone-1".into()))]);
    let told = answer(
        &world
            .call(CASHIER, "Settlement", "GetSettlement", &key.words())
            .await,
    );
    assert_eq!(told["settlement"]["money"], "MONEY_CANCELLED", "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_ends_with_its_caller_and_by_its_word() {
    let world = World::start().await;
    // busctl leaves the bus when it has its reply: the claim goes with it.
    let wish = Literal::Dict(vec![("role".into(), Literal::Text("scanner".into()))]);
    let told = world.call(CASHIER, "Device", "Claim", &wish.words()).await;
    assert!(said(&told).contains("watch-"), "{}", said(&told));
    held(&world, false).await;
    let stop = world
        .call(
            CASHIER,
            "Device",
            "StopWatching",
            &["s".into(), "watch-1".into()],
        )
        .await;
    assert!(
        said(&stop).contains("E"),
        "another's, or gone: {}",
        said(&stop)
    );
    assert!(!stop.status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_goes_is_found_again_and_harms_nobody() {
    let mut world = World::start().await;
    let before = world.call(CASHIER, "Daemon", "GetStatus", &[]).await;
    assert_eq!(answer(&before)["accepting"], true);
    bus_becomes(&world, BusState::On).await;
    world.stop_bus();
    bus_becomes(&world, BusState::Away).await;
    let status = world.desk.status().await;
    assert!(status.accepting, "the socket does not care");
    world.start_bus().await;
    world.on_bus().await;
    let after = world.call(CASHIER, "Daemon", "GetStatus", &[]).await;
    assert_eq!(answer(&after)["accepting"], true);
    assert_eq!(answer(&after)["version"], answer(&before)["version"]);
    assert!(
        world.desk.log().contains("the system bus went away"),
        "it is said"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_bus_the_daemon_runs_and_joins_when_one_comes() {
    let mut world = World::prepare(Setup::default()).await;
    world.start_daemon().await;
    assert!(world.desk.status().await.accepting);
    let said = eventually(async || {
        world
            .desk
            .log()
            .contains("not on the system bus")
            .then_some(())
    });
    said.await.expect("the log says so");
    bus_becomes(&world, BusState::Away).await;
    world.start_bus().await;
    world.on_bus().await;
    bus_becomes(&world, BusState::On).await;
    let status = world.call(OWNER, "Daemon", "GetStatus", &[]).await;
    assert_eq!(answer(&status)["accepting"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_stops_lets_go_of_its_name_first() {
    let mut world = World::start().await;
    world.desk.stop().await;
    let told = said(&world.call(0, "Daemon", "GetStatus", &[]).await);
    assert!(
        told.contains("not provided") || told.contains("unknown") || told.contains("activatable"),
        "{told}"
    );
    world.start_daemon().await;
    world.on_bus().await;
    let told = world.call(0, "Daemon", "GetStatus", &[]).await;
    assert_eq!(answer(&told)["accepting"], true);
}

/// Until the status says so of the bus.
async fn bus_becomes(world: &World, state: BusState) {
    let says_so = async || (world.desk.status().await.bus() == state).then_some(());
    let says_so = eventually(says_so).await;
    assert!(says_so.is_some(), "not {state:?}: {}", world.desk.log());
}

/// Until somebody has the scanner, or nobody.
async fn held(world: &World, is_held: bool) {
    let found = eventually(async || {
        let devices = world.desk.status().await.devices;
        let scanner = devices.iter().find(|device| device.role == "scanner")?;
        (scanner.held_by.is_empty() != is_held).then_some(())
    });
    found
        .await
        .unwrap_or_else(|| panic!("held: {is_held}: {}", world.desk.log()));
}
