//! Who floods, on gRPC, in JSON or on the bus, and who takes nothing or sends half, beside one that works: its p99 is
//! at most twice what it is alone.

mod beside;
mod flood;
mod neighbour;
mod processor;
mod stalled;

use std::os::unix::fs::PermissionsExt;

use super::tcp;
use crate::bus::world::{OWNER, World};
use crate::desk::{Desk, Setup};
use beside::{Honest, Words, beside};

/// Calls of one caller, as shipped.
const CALLS_PER_CALLER: u32 = 32;
/// Connections of the greedy one, each with a call: more than it may have calls, fewer than it may have connections.
const GREEDY: usize = 60;
/// Calls of the greedy one on the bus at once, and on one of its connections.
const GREEDY_ON_BUS: usize = 64;
const ON_ONE_CONNECTION: usize = 4;
/// Connections of each kind that send and take nothing, or send half of something.
const STALLED: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_greedy_caller_leaves_others_alone() {
    let _alone = beside::alone().await;
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (config_more, address) = tcp(dir.path(), "monitor");
    let desk = Desk::start(shipped(config_more)).await;
    let words = Words {
        id: "greedy",
        en: "p99 of a caller beside one that has twice the calls open that it may",
        zh: "有调用方同时发起两倍于限额的调用时其他调用方的 p99",
    };
    let greedy = flood::over_tcp(address, GREEDY);
    beside(words, &desk, Honest::Socket(desk.socket()), greedy).await;
    let page = desk.metrics().await;
    assert!(
        !page.contains("yibaod_calls_refused_total{code=\"E7005\"} 0\n"),
        "it asks for more than it may: {page}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_just_below_its_limit_leaves_others_alone() {
    let _alone = beside::alone().await;
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (config_more, address) = tcp(dir.path(), "monitor");
    let desk = Desk::start(shipped(config_more)).await;
    let words = Words {
        id: "greedy-legal",
        en: "p99 of a caller beside one with 31 calls open all the time, one below its limit",
        zh: "有调用方一直占用 31 个调用（比限额少一个）时其他调用方的 p99",
    };
    let lines = usize::try_from(CALLS_PER_CALLER - 1).expect("small");
    let greedy = flood::at_socket(desk.socket(), lines);
    beside(words, &desk, Honest::Tcp(address), greedy).await;
    let page = desk.metrics().await;
    assert!(
        page.contains("yibaod_calls_refused_total{code=\"E7005\"} 0\n"),
        "it keeps to its limit: {page}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_that_take_nothing_or_send_half_leave_others_alone() {
    let _alone = beside::alone().await;
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (config_more, address) = tcp(dir.path(), "monitor");
    let desk = Desk::start(shipped(config_more)).await;
    let words = Words {
        id: "stalled",
        en: "p99 of a caller beside one that reads no answer and one that sends half of a frame, a head, a body",
        zh: "有调用方不读应答、另有调用方只发半个帧、报头、报文时其他调用方的 p99",
    };
    let stalled = stalled::over_tcp(address, STALLED);
    beside(words, &desk, Honest::Socket(desk.socket()), stalled).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_greedy_caller_on_the_bus_leaves_others_alone() {
    let _alone = beside::alone().await;
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (config_more, address) = tcp(dir.path(), "monitor");
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).expect("its mode");
    let token = dir.path().join("hall.token");
    std::os::unix::fs::chown(&token, Some(OWNER), None).expect("root may");
    let world = World::start_with(shipped(config_more)).await;
    let words = Words {
        id: "greedy-bus",
        en: "p99 of a caller beside one that floods the system bus",
        zh: "有调用方在系统总线上泛滥时其他调用方的 p99",
    };
    let lines = GREEDY_ON_BUS / ON_ONE_CONNECTION;
    let greedy = flood::on_the_bus(world.address(), lines, ON_ONE_CONNECTION);
    beside(words, &world.desk, Honest::Tcp(address), greedy).await;
}

fn shipped(config_more: String) -> Setup {
    Setup {
        calls_per_caller: CALLS_PER_CALLER,
        config_more,
        ..Setup::default()
    }
}
