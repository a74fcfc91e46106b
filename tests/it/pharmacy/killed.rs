//! kill -9 at every edge of 2101, 2102 and 2103, and of what finds out about a lost 2102.

use std::sync::atomic::Ordering;
use std::time::Duration;

use yibaod::api::Money;
use yibaod::sandbox::http::Edge;

use super::{by_person, received, sale};
use crate::desk::{Desk, Setup, Shows};

const EDGES: [Edge; 4] = [
    Edge::FirstByte,
    Edge::LastByte,
    Edge::BeforeAnswer,
    Edge::AfterAnswer,
];

/// The daemon is killed at each edge of one call, restarted, and must tell the truth.
async fn killed_at(infno: &'static str, setup: Setup, faults: &[&str]) {
    for edge in EDGES {
        let mut desk = Desk::start(setup.clone()).await;
        let by_person = serde_json::json!({ "query_by_person": true });
        desk.platform.switch(&by_person).expect("a switch");
        for fault in faults {
            desk.platform.arm(fault).expect("a fault of the sandbox");
        }
        let fired = desk.kill_at(infno, edge);
        let request_id = format!("kill-{infno}-{edge:?}");
        let patient = desk.patient(&request_id, &[Shows::fresh("employee")]).await;
        let gone = desk.scan_and_pay(sale(&desk, &request_id)).await;
        assert!(gone.is_err(), "{infno} {edge:?}: {gone:?}");
        assert!(fired.load(Ordering::SeqCst), "{infno} {edge:?}: never");
        drop(patient.await);
        assert!(desk.wait_until_ended(Duration::from_secs(5)).await);

        desk.start_daemon().await;
        let settlement = desk.truth(&request_id).await.expect("it was accepted");
        let sent = received(&desk, "2102");
        assert!(sent <= 1, "{infno} {edge:?}: {sent} settling calls");
        if infno == "2101" {
            assert_eq!(
                (sent, settlement.money()),
                (0, Money::Cancelled),
                "{edge:?}"
            );
        } else {
            assert!(
                settlement.money != i32::from(Money::Unknown),
                "{edge:?}: {settlement:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_previewing() {
    killed_at("2101", Setup::default(), &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_settling() {
    killed_at("2102", Setup::default(), &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_settling_where_it_can_be_found() {
    killed_at("2102", by_person(), &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_giving_back() {
    killed_at("2103", Setup::default(), &["F12@2102"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_reversing() {
    killed_at("2601", Setup::default(), &["F1@2102"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_asking_what_became_of_it() {
    killed_at("5203", by_person(), &["F1@2102"]).await;
}
