//! Unplugged and plugged in again, many times: the scanner comes back, and nothing grows.

use std::time::Duration;

use yibaod::api::ClaimRequest;
use yibaod::api::claim_response::Update;

use super::devices;
use crate::desk::{Desk, Setup};
use crate::proof::record::{Found, Proof, is_long};

const CYCLES: u32 = 300;
const CYCLES_LONG: u32 = 10_000;
/// Cycles after which everything that grows once has grown.
const WARM: u32 = 50;
/// Memory that may come and go with the allocator, KiB. The bar is 1 MiB.
const GROWTH_KIB_MAX: u64 = 1_024;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_grows_while_a_scanner_comes_and_goes() {
    let proof = Proof::begin(
        "replug",
        "Unplug and replug, no descriptor, thread or memory growth",
        "反复拔插，句柄、线程与内存不增长",
    );
    let cycles = if is_long() { CYCLES_LONG } else { CYCLES };
    let desk = Desk::start(Setup::default()).await;
    let mut client = devices(&desk).await;
    let request = ClaimRequest {
        lease_ms: 600_000,
        ..ClaimRequest::default()
    };
    let mut news = client.claim(request).await.expect("a stream").into_inner();
    let mut next = async || {
        let message = tokio::time::timeout(Duration::from_secs(20), news.message()).await;
        message
            .expect("in time")
            .expect("no error")
            .and_then(|it| it.update)
    };
    assert!(matches!(next().await, Some(Update::Granted(_))));
    let mut failures = 0;
    let mut warm = Held::of(desk.pid());
    for cycle in 0..cycles {
        desk.scanner.unplug();
        let gone = next().await;
        desk.scanner.replug().expect("a pty");
        let back = next().await;
        let told = |update: &Option<Update>| match update {
            Some(Update::Presence(presence)) => Some(presence.present),
            Some(Update::Waiting(_) | Update::Granted(_) | Update::Code(_) | Update::Ended(_))
            | None => None,
        };
        failures += u64::from((told(&gone), told(&back)) != (Some(false), Some(true)));
        if cycle == WARM {
            warm = Held::of(desk.pid());
        }
    }
    let now = Held::of(desk.pid());
    let grown = now.descriptors > warm.descriptors
        || now.threads > warm.threads
        || now.anonymous_kib > warm.anonymous_kib + GROWTH_KIB_MAX;
    failures += u64::from(grown);
    let count = u64::from(cycles);
    proof.end(&Found {
        count,
        failures,
        seeds: None,
    });
    assert_eq!(failures, 0, "{warm:?} became {now:?}");
}

/// What a process holds.
#[derive(Debug)]
struct Held {
    descriptors: usize,
    threads: usize,
    anonymous_kib: u64,
}

impl Held {
    fn of(pid: u32) -> Self {
        let count = |folder: &str| {
            std::fs::read_dir(format!("/proc/{pid}/{folder}"))
                .expect("it runs")
                .count()
        };
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
        let anonymous = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"));
        let anonymous = anonymous.and_then(|kib| kib.split_whitespace().next()?.parse().ok());
        Self {
            descriptors: count("fd"),
            threads: count("task"),
            anonymous_kib: anonymous.expect("the kernel says"),
        }
    }
}
