//! What the daemon and a print service say to each other is recorded without whose report it is.

use yibaod::api::{DeviceState, PrintJobState as State};

use super::{Cups, pdf, print, report, until_device};
use crate::desk::{Desk, Setup};
use crate::device::record::{Recording, innocent};

/// `job-state` and that it is completed, in hex.
const COMPLETED: &str = "6a 6f 62 2d 73 74 61 74 65 00 04 00 00 00 09";

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_of_cups_is_recorded_without_its_documents() {
    recorded("cups-queue", Cups::device).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_printer_that_speaks_ipp_is_recorded_without_its_documents() {
    recorded("ipp-printer", Cups::printer_device).await;
}

async fn recorded(kind: &str, device: fn(&Cups) -> String) {
    let cups = Cups::start();
    let setup = Setup {
        config_more: device(&cups),
        ..Setup::default()
    };
    let desk = Desk::start(setup).await;
    until_device(&desk, DeviceState::Ready).await;
    let person = desk.platform.person("employee").expect("a person");
    let mut recording = Recording::begin(&desk, "reports", kind).await;
    let paper = pdf(1, &format!("Report of {}", person.idno), 0);
    let told = print(&desk, report("recorded", &paper)).await;
    let told = told.expect("it is taken");
    assert_eq!(told.state(), State::Printed, "{told:?}");
    recording.until(|line| line.contains(COMPLETED)).await;
    let recording = recording.end().await;
    innocent(&recording, &person, &[]);
    assert!(
        recording.contains(&format!("\nkind {kind}\n")),
        "{recording}"
    );
    // The document by its length only, between the request that brings it and the answer.
    let document = format!("document of {} bytes", paper.len());
    assert_eq!(recording.matches(&document).count(), 1, "{recording}");
    assert!(!recording.contains("%PDF"), "{recording}");
    // Whose session it is, and where the queue is.
    let all = recording.replace(' ', "");
    for secret in ["cups.sock", "/printers/report", "/ipp/print"] {
        assert!(!all.contains(&hex::encode(secret)), "{secret}");
    }
}
