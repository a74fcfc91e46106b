//! Looking: lists of settlements, the devices, the status.

use std::time::Duration;

use tokio::time::timeout;
use yibaod::api::watch_devices_response::Update;
use yibaod::api::{
    DeviceChange, DeviceState, ListSettlementsRequest, ListSettlementsResponse, Money, Stage,
    WatchDevicesRequest, WatchDevicesResponse,
};

use super::{answer_of, calling, show, until_stage};
use crate::desk::{Desk, Setup, Shows, bill, bill_for, eventually, refusal};
use crate::device::{device, devices, until_state};

async fn list(desk: &Desk, request: ListSettlementsRequest) -> ListSettlementsResponse {
    let answer = desk.settlements().await.list_settlements(request).await;
    answer.expect("a list").into_inner()
}

fn ids(page: &ListSettlementsResponse) -> Vec<&str> {
    page.settlements
        .iter()
        .map(|row| row.request_id.as_str())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_filtered_and_paged() {
    let desk = Desk::start(Setup::default()).await;
    let mut paid = Vec::new();
    for (person, request_id) in [
        ("employee", "a"),
        ("resident", "b"),
        ("civil_servant", "c"),
        ("employee_no_account", "d"),
    ] {
        let request = bill_for(&desk.platform, person, request_id);
        paid.push(desk.pay(request, &[Shows::fresh(person)]).await);
    }
    desk.until_idle().await;
    let mut events = desk.watch("open").await;
    let call = calling(&desk, bill(&desk, "open")).await;
    until_stage(&mut events, Stage::WaitingScan).await;

    let all = list(&desk, ListSettlementsRequest::default()).await;
    assert_eq!(ids(&all), ["open", "d", "c", "b", "a"], "newest first");
    assert_eq!(all.next, "");
    let row = &all.settlements[4];
    assert_eq!((row.money(), row.total_fen), (Money::Settled, 19_020));
    assert_eq!(row.setl_id, paid[0].setl_id);
    assert_eq!(
        row.self_pay_fen,
        paid[0].self_pay.as_ref().expect("settled").amount_fen
    );
    assert_eq!(
        row.caller,
        format!("uid:{}", rustix::process::geteuid().as_raw())
    );

    lists_are_paged(&desk).await;
    lists_are_filtered(&desk, &paid[2].accepted_at).await;
    wrong_lists_are_refused(&desk).await;
    show(&desk, "employee").await;
    desk.assert_charged_once(&answer_of(call).await);
}

async fn lists_are_paged(desk: &Desk) {
    let mut seen = Vec::new();
    let mut before = String::new();
    loop {
        let page = list(
            desk,
            ListSettlementsRequest {
                limit: 2,
                before,
                ..Default::default()
            },
        );
        let page = page.await;
        assert!(page.settlements.len() <= 2);
        seen.extend(page.settlements.iter().map(|row| row.request_id.clone()));
        if page.next.is_empty() {
            break;
        }
        before = page.next;
    }
    assert_eq!(seen, ["open", "d", "c", "b", "a"]);
}

/// `third` is when the third of them was accepted.
async fn lists_are_filtered(desk: &Desk, third: &str) {
    let open = ListSettlementsRequest {
        open_only: true,
        ..Default::default()
    };
    assert_eq!(ids(&list(desk, open).await), ["open"]);
    let stuck = ListSettlementsRequest {
        stuck_only: true,
        ..Default::default()
    };
    assert_eq!(ids(&list(desk, stuck).await), Vec::<&str>::new());
    let from = ListSettlementsRequest {
        from: third.to_owned(),
        ..Default::default()
    };
    assert_eq!(ids(&list(desk, from).await), ["open", "d", "c"]);
    let to = ListSettlementsRequest {
        to: third.to_owned(),
        ..Default::default()
    };
    assert_eq!(ids(&list(desk, to).await), ["b", "a"]);
}

async fn wrong_lists_are_refused(desk: &Desk) {
    let wrong = [
        (
            ListSettlementsRequest {
                limit: 501,
                ..Default::default()
            },
            "REQUEST_INVALID",
        ),
        (
            ListSettlementsRequest {
                from: "yesterday".to_owned(),
                ..Default::default()
            },
            "REQUEST_INVALID",
        ),
        (
            ListSettlementsRequest {
                before: "no-such-id".to_owned(),
                ..Default::default()
            },
            "NOT_FOUND",
        ),
    ];
    for (request, name) in wrong {
        let status = desk
            .settlements()
            .await
            .list_settlements(request)
            .await
            .expect_err(name);
        assert_eq!(refusal(&status).name, name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_show_who_holds_them_and_what_is_wrong() {
    let desk = Desk::start(Setup::default()).await;
    let scanner = until_state(&desk, "scanner", DeviceState::Ready).await;
    assert_eq!(
        (scanner.kind.as_str(), scanner.held_by.as_str()),
        ("serial-scanner", "")
    );
    let mut events = desk.watch("first").await;
    let first = calling(&desk, bill(&desk, "first")).await;
    until_stage(&mut events, Stage::WaitingScan).await;
    let second = calling(&desk, bill_for(&desk.platform, "resident", "second")).await;
    let waiting = eventually(async || {
        Some(device(&desk, "scanner").await).filter(|scanner| scanner.waiting == 1)
    });
    let held = waiting.await.expect("one waits");
    assert_eq!(
        held.held_by,
        desk.get("first").await.expect("it runs").settlement_id
    );

    desk.scanner.unplug();
    let first = answer_of(first).await;
    assert_eq!(crate::desk::error_name(&first), "SCANNER_UNPLUGGED");
    let missing = until_state(&desk, "scanner", DeviceState::Missing).await;
    assert!(
        missing.problem.is_some() && missing.last_error.is_some(),
        "{missing:?}"
    );
    desk.scanner.replug().expect("a pty");
    until_state(&desk, "scanner", DeviceState::Ready).await;
    second.abort();

    desk.printer.open_cover();
    let request = bill_for(&desk.platform, "civil_servant", "third");
    let mut request = request;
    request.print = yibaod::api::PrintWish::Required.into();
    let refused = desk.scan_and_pay(request).await.expect("taken");
    assert_eq!(crate::desk::error_name(&refused), "COVER_OPEN");
    let printer = until_state(&desk, "receipt", DeviceState::CoverOpen).await;
    assert_eq!(
        printer.problem.map(|problem| problem.name).as_deref(),
        Some("COVER_OPEN")
    );
}

async fn change(
    events: &mut tonic::Streaming<WatchDevicesResponse>,
    device: &str,
    wanted: DeviceChange,
) -> yibaod::api::DeviceEvent {
    let mut seen = Vec::new();
    loop {
        let next = timeout(Duration::from_secs(20), events.message()).await;
        let next = next.unwrap_or_else(|_| panic!("no {wanted:?} of {device}: {seen:?}"));
        let update = next.expect("the stream holds").expect("it goes on").update;
        match update.expect("an update") {
            Update::Event(event) if event.device == device && event.change() == wanted => {
                return event;
            }
            Update::Event(event) => seen.push((event.device, event.change)),
            Update::Snapshot(_) => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn watching_the_devices() {
    let desk = Desk::start(Setup::default()).await;
    until_state(&desk, "scanner", DeviceState::Ready).await;
    let watch = devices(&desk)
        .await
        .watch_devices(WatchDevicesRequest { from_seq: 0 })
        .await;
    let mut events = watch.expect("they can be watched").into_inner();
    let first = events
        .message()
        .await
        .expect("the stream holds")
        .expect("a snapshot");
    let Some(Update::Snapshot(snapshot)) = first.update else {
        panic!("{first:?}")
    };
    let names: Vec<_> = snapshot
        .devices
        .iter()
        .map(|device| device.name.as_str())
        .collect();
    assert_eq!(names, ["scanner", "printer"]);

    // A code that nobody asked for is told, not kept.
    show(&desk, "employee").await;
    change(&mut events, "scanner", DeviceChange::CodeIgnored).await;
    let answer = desk
        .pay(bill(&desk, "watched"), &[Shows::fresh("employee")])
        .await;
    let claimed = change(&mut events, "scanner", DeviceChange::Claimed).await;
    assert_eq!(claimed.held_by, answer.settlement_id);
    let released = change(&mut events, "scanner", DeviceChange::Released).await;
    assert!(released.seq > claimed.seq);
    change(&mut events, "printer", DeviceChange::Busy).await;
    desk.scanner.unplug();
    change(&mut events, "scanner", DeviceChange::Unplugged).await;
    desk.scanner.replug().expect("a pty");
    change(&mut events, "scanner", DeviceChange::Ready).await;
    desk.printer.open_cover();
    change(&mut events, "printer", DeviceChange::CoverOpen).await;
    desk.printer.close_cover();
    change(&mut events, "printer", DeviceChange::CoverClosed).await;
    desk.printer.paper_out_after(0);
    change(&mut events, "printer", DeviceChange::PaperOut).await;
    desk.assert_charged_once(&answer);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_tells_how_the_desk_is() {
    let desk = Desk::start(Setup::default()).await;
    let fresh = desk.status().await;
    let of_desk = fresh.desk.clone().expect("which desk");
    assert_eq!(
        (of_desk.name.as_str(), of_desk.number.as_str()),
        ("测试窗口", "007")
    );
    assert!(
        of_desk.adopted && fresh.accepting && fresh.not_accepting.is_none(),
        "{fresh:?}"
    );
    assert_eq!((fresh.open_settlements, fresh.stuck_settlements), (0, 0));
    assert_eq!(
        fresh.platform.clone().expect("the platform").last_answer_at,
        ""
    );

    let mut events = desk.watch("status").await;
    let call = calling(&desk, bill(&desk, "status")).await;
    until_stage(&mut events, Stage::WaitingScan).await;
    assert_eq!(desk.status().await.open_settlements, 1);
    show(&desk, "employee").await;
    desk.assert_charged_once(&answer_of(call).await);
    desk.until_idle().await;
    let after = desk.status().await;
    let platform = after.platform.expect("the platform");
    assert!(!platform.last_answer_at.is_empty());
    assert!(
        platform
            .clock_skew_ms
            .is_some_and(|skew| skew.abs() < 60_000),
        "{platform:?}"
    );
    let (before, after_journal) = (
        fresh.journal.expect("the journal"),
        after.journal.expect("the journal"),
    );
    assert!(after_journal.events > before.events && after_journal.syncs > before.syncs);
    assert_eq!(after.devices.len(), 2);
}
