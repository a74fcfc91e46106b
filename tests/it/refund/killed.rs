//! kill -9 at every edge of the messages of a refund: after the restart it ends as the platform's ledger says.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use yibaod::api::RefundMoney;
use yibaod::sandbox::http::Edge;

use super::{assert_truth, by_numbers, ended, of_request, refund, settled};
use crate::desk::{Desk, Setup};

const EDGES: [Edge; 4] = [
    Edge::FirstByte,
    Edge::LastByte,
    Edge::BeforeAnswer,
    Edge::AfterAnswer,
];

/// Killed at these edges of the first such message, under these faults; by the platform's numbers or by our own.
async fn killed_at(infno: &'static str, faults: &[&str], by_platform: bool) {
    for edge in EDGES {
        let (first, settlement) = settled(Setup::default(), "bill-1").await;
        let (mut desk, request) = if by_platform {
            // At another desk all that is known are the numbers on the paper.
            let setup = Setup {
                desk_number: 8,
                ..Setup::default()
            };
            let second = Desk::start_at(Arc::clone(&first.platform), setup).await;
            (second, by_numbers("back-1", &settlement))
        } else {
            (first, of_request("back-1", "bill-1"))
        };
        for fault in faults {
            desk.platform.arm(fault).expect("a fault of the sandbox");
        }
        let fired = desk.kill_at(infno, edge);
        let gone = refund(&desk, request.clone()).await;
        assert!(gone.is_err(), "{infno} {edge:?}: {gone:?}");
        assert!(
            fired.load(Ordering::SeqCst),
            "{infno} {edge:?}: never reached"
        );
        assert!(desk.wait_until_ended(Duration::from_secs(5)).await);
        desk.start_daemon().await;
        // It was carried on by itself; the same request joins it or is told.
        let refund = ended(&desk, request).await;
        assert_eq!(
            refund.money(),
            RefundMoney::Refunded,
            "{infno} {edge:?}: {refund:?}"
        );
        assert_truth(&desk, &settlement, &refund);
        let sent = desk.received("2208");
        assert!(sent <= 2, "{infno} {edge:?}: {sent}");
        let duplicates = desk
            .platform
            .ledger(yibaod::sandbox::platform::Ledger::duplicates);
        assert_eq!(duplicates.msgids, Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_giving_back() {
    killed_at("2208", &[], false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_giving_back_by_the_platforms_numbers() {
    killed_at("2208", &[], true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_looking_first() {
    killed_at("5203", &[], true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_asking_what_became_of_it() {
    killed_at("5203", &["F1@2208"], false).await;
    killed_at("5203", &["F2@2208"], false).await;
}
