//! Many callers who wait at once: none gets another's news, and each costs a bounded memory.

use std::collections::BTreeMap;
use std::time::Duration;

use yibaod::api::WatchSettlementRequest;
use yibaod::api::settlement_service_client::SettlementServiceClient;

use super::rss_anon_kib;
use crate::desk::{Desk, Setup, Shows, bill, channel};
use crate::proof::figure;
use crate::proof::record::{Found, Proof, is_long};

/// Callers on one connection.
const ON_ONE_CONNECTION: usize = 250;
/// Of the callers, so many have something to be told.
const SETTLED: usize = 4;
/// Memory of one waiting caller, KiB.
const EACH_KIB_MAX: u64 = 64;

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_waits_in_bounded_memory_and_hears_only_its_own() {
    let many = if is_long() { 10_000 } else { 2_000 };
    let mut proof = Proof::begin(
        "crowd",
        "callers waiting at once, memory bounded, no mixed answers",
        "同时等待的调用方：内存有界，结果不串",
    );
    let setup = Setup {
        calls_per_caller: 20_000,
        ..Setup::default()
    };
    let desk = Desk::start(setup).await;
    let idle_kib = rss_anon_kib(desk.pid());
    let began = std::time::Instant::now();
    let mut waiting = Vec::new();
    for first in (0..many).step_by(ON_ONE_CONNECTION) {
        let line = channel(&desk.socket()).await.expect("its door is open");
        let client = SettlementServiceClient::new(line);
        for n in first..many.min(first + ON_ONE_CONNECTION) {
            let mut client = client.clone();
            let request_id = format!("CROWD-{n}");
            let told = client
                .watch_settlement(WatchSettlementRequest { request_id })
                .await;
            waiting.push((n, told.expect("it waits").into_inner()));
        }
    }
    let each_kib = rss_anon_kib(desk.pid()).saturating_sub(idle_kib) / u64::try_from(many).unwrap();
    let mut ids = BTreeMap::new();
    for n in (0..many).step_by(many / SETTLED) {
        let order = bill(&desk, &format!("CROWD-{n}"));
        let settlement = desk.pay(order, &[Shows::fresh("employee")]).await;
        ids.insert(n, settlement.settlement_id);
    }
    let mut wrong = 0;
    for (n, events) in &mut waiting {
        if let Some(id) = ids.get(n) {
            let mut heard = 0;
            while let Some(told) = events.message().await.expect("it goes on") {
                heard += 1;
                wrong += u64::from(told.event.expect("an event").settlement_id != *id);
            }
            assert!(heard > 0, "caller {n} heard nothing");
        } else {
            // What is not there after all settlements ended was not sent to it.
            let silent = tokio::time::timeout(Duration::from_millis(1), events.message());
            wrong += u64::from(silent.await.is_ok());
        }
    }
    drop(waiting);
    let end = format!("{each_kib} KiB each, {idle_kib} KiB before");
    proof.cell("waiting", &end, "–", began.elapsed());
    let told = format!("memory of {many} waiting callers (RssAnon): {end}");
    figure::leave("crowd", &told);
    let count = u64::try_from(many).unwrap();
    proof.end(&Found {
        count,
        failures: wrong,
        seeds: None,
    });
    assert_eq!(wrong, 0, "answers of others");
    assert!(each_kib <= EACH_KIB_MAX, "{end}");
}
