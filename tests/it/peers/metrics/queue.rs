//! What runs and who waits, while it runs and waits.

use yibaod::api::{Money, PrintJobState};

use super::Page;
use crate::callers::{answer_of, calling, show_when_asked};
use crate::desk::{Desk, Setup, bill, eventually};
use crate::print::{hasty, print, until_state};

const OPEN: &str = "yibaod_open";
const WAITING: &str = "yibaod_device_waiting";

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_and_who_waits_is_told_and_gone_afterwards() {
    let desk = Desk::start(Setup::default()).await;
    let idle = Page::of(&desk).await;
    for kind in [
        "settlement",
        "refund",
        "hand_out",
        "reconciliation",
        "print_job",
    ] {
        assert_eq!(idle.number(OPEN, &[("kind", kind)]), 0.0, "{kind}");
    }
    for device in ["scanner", "printer"] {
        assert_eq!(idle.number(WAITING, &[("device", device)]), 0.0, "{device}");
    }

    // One has the scanner, two stand behind it.
    let mut events = Vec::new();
    let mut calls = Vec::new();
    for request_id in ["queue-1", "queue-2", "queue-3"] {
        events.push(desk.watch(request_id).await);
        calls.push(calling(&desk, bill(&desk, request_id)).await);
        let so_many = calls.len();
        settlements_are(&desk, so_many).await;
    }
    let page = until(&desk, WAITING, &[("device", "scanner")], 2.0).await;
    assert_eq!(page.number(OPEN, &[("kind", "settlement")]), 3.0);
    let running = page.number("yibaod_calls_open", &[]);
    assert_eq!(running, 7.0, "three pay, three watch, one asks");

    for (events, call) in events.iter_mut().zip(calls) {
        show_when_asked(&desk, events, "employee").await;
        assert_eq!(answer_of(call).await.money(), Money::Settled);
    }
    drop(events);
    desk.until_idle().await;
    let page = until(&desk, "yibaod_calls_open", &[], 1.0).await;
    assert_eq!(page.number(OPEN, &[("kind", "settlement")]), 0.0);
    assert_eq!(page.number(WAITING, &[("device", "scanner")]), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn papers_that_cannot_come_out_are_open() {
    let desk = Desk::start(Setup::default()).await;
    desk.printer.open_cover();
    for request_id in ["paper-1", "paper-2"] {
        print(&desk, hasty(request_id, &["取药凭条"]))
            .await
            .expect("it is taken");
    }
    let papers = [("kind", "print_job")];
    until(&desk, OPEN, &papers, 2.0).await;
    desk.printer.close_cover();
    for request_id in ["paper-1", "paper-2"] {
        until_state(&desk, request_id, PrintJobState::Printed).await;
    }
    until(&desk, OPEN, &papers, 0.0).await;
}

async fn settlements_are(desk: &Desk, so_many: usize) {
    let open = async || {
        let open = desk.status().await.open_settlements;
        (usize::try_from(open) == Ok(so_many)).then_some(())
    };
    eventually(open).await.expect("it runs");
}

/// The first page that says so.
async fn until(desk: &Desk, name: &str, labels: &[(&str, &str)], value: f64) -> Page {
    let says = async || {
        let page = Page::of(desk).await;
        (page.number(name, labels) == value).then_some(page)
    };
    match eventually(says).await {
        Some(page) => page,
        None => panic!("{name} {labels:?}: {}", desk.metrics().await),
    }
}
