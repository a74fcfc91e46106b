//! Claims: held while their holder lives, and not a moment longer.

use std::time::{Duration, Instant};

use tonic::transport::Endpoint;
use yibaod::api::claim_response::Update;
use yibaod::api::daemon_service_client::DaemonServiceClient;
use yibaod::api::device_service_client::DeviceServiceClient;
use yibaod::api::watch_devices_response::Update as Seen;
use yibaod::api::{
    CheckHealthRequest, ClaimEnd, ClaimGranted, ClaimRequest, DeviceState, ExplainDeviceRequest,
    GetStatusRequest, HealthVerdict, ListDevicesRequest, ReleaseClaimRequest, RenewClaimRequest,
    ScanRequest, WatchDevicesRequest,
};
use yibaod::sandbox::devices::scanner::Terminator;

use super::{device, devices, holder, until_held, until_state};
use crate::desk::{Desk, Setup, Stalls, bill, eventually, refusal};
use crate::doors::{TOKEN, tcp};

/// The bar is 50 ms; a busy machine gets ten times that, and what it stood still itself.
const FREE_MS_MAX: u64 = 500;
/// A lease that a busy machine has the time to renew.
const LEASE_MS: u32 = 4_000;

pub(super) type News = tonic::Streaming<yibaod::api::ClaimResponse>;

pub(super) async fn claim(desk: &Desk, request: ClaimRequest) -> (News, ClaimGranted) {
    let mut client = devices(desk).await;
    let mut news = client.claim(request).await.expect("a stream").into_inner();
    loop {
        match next(&mut news).await {
            Update::Granted(granted) => return (news, granted),
            Update::Waiting(_) => {}
            Update::Code(_) | Update::Presence(_) | Update::Ended(_) => {
                panic!("before it is granted")
            }
        }
    }
}

pub(super) async fn next(news: &mut News) -> Update {
    let message = tokio::time::timeout(Duration::from_secs(20), news.message()).await;
    let message = message.expect("news in time").expect("no error");
    message
        .and_then(|it| it.update)
        .expect("the stream goes on")
}

fn each() -> ClaimRequest {
    ClaimRequest {
        codes: true,
        purpose: "sorting".into(),
        ..ClaimRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_code_comes_to_the_holder_in_order() {
    let desk = Desk::start(Setup::default()).await;
    let (mut news, _granted) = claim(&desk, each()).await;
    // What was shown before the claim was granted is nobody's; what is shown upon that word is heard.
    desk.scanner
        .scan(b"0", Terminator::Cr)
        .await
        .expect("a line");
    let Update::Code(code) = next(&mut news).await else {
        panic!("a code")
    };
    assert_eq!((code.text.as_str(), code.seq), ("0", 1));
    let mut wanted = Vec::new();
    for number in 1..=2_000_u32 {
        wanted.push(number.to_string());
    }
    let shown = async {
        for text in &wanted {
            desk.scanner
                .scan(text.as_bytes(), Terminator::CrLf)
                .await
                .expect("a line");
        }
    };
    let heard = async {
        let mut heard = Vec::new();
        while heard.len() < wanted.len() {
            let Update::Code(code) = next(&mut news).await else {
                panic!("a code after {} of them", heard.len())
            };
            heard.push(code.text);
        }
        heard
    };
    let ((), heard) = tokio::join!(shown, heard);
    assert_eq!(heard, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_holder_frees_the_scanner() {
    let desk = Desk::start(Setup::default()).await;
    let ctl = env!("CARGO_BIN_EXE_yibaoctl");
    let mut holder_process = tokio::process::Command::new(ctl)
        .arg("--socket")
        .arg(desk.socket())
        .args(["device", "scan", "--each"])
        .stderr(std::process::Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("yibaoctl starts");
    let (_, what) = until_held(&desk).await;
    assert_eq!(what, "yibaoctl device scan");
    let uid = rustix::process::geteuid().as_raw();
    let pid = holder_process.id().expect("it runs");
    let by = device(&desk, "scanner").await.held_by_caller;
    assert_eq!(by, format!("uid:{uid} pid {pid}"));
    let second = tokio::spawn({
        let mut client = devices(&desk).await;
        async move {
            let mut news = client
                .claim(ClaimRequest::default())
                .await
                .expect("a stream")
                .into_inner();
            let waiting = next(&mut news).await;
            assert_eq!(
                waiting,
                Update::Waiting(yibaod::api::ClaimWaiting { ahead: 1 })
            );
            let granted = next(&mut news).await;
            (Instant::now(), granted)
        }
    });
    let queued = async || {
        let all = devices(&desk)
            .await
            .list_devices(yibaod::api::ListDevicesRequest {})
            .await;
        let all = all.expect("a list").into_inner().devices;
        all.iter().any(|device| device.waiting == 1).then_some(())
    };
    eventually(queued).await.expect("the second waits");
    let (killed, stalls) = (Instant::now(), Stalls::watch());
    holder_process.start_kill().expect("it runs");
    let (granted_at, granted) = second.await.expect("the second holder");
    assert!(matches!(granted, Update::Granted(_)), "{granted:?}");
    let took = granted_at.duration_since(killed);
    let most = Duration::from_millis(FREE_MS_MAX) + stalls.lost();
    assert!(took <= most, "free after {took:?}, not {most:?}");
    holder_process.wait().await.expect("it is dead");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_holder_loses_its_claim_and_a_renewing_one_keeps_it() {
    let desk = Desk::start(Setup::default()).await;
    let short = ClaimRequest {
        lease_ms: LEASE_MS,
        ..ClaimRequest::default()
    };
    let (mut news, granted) = claim(&desk, short).await;
    assert_eq!(granted.lease_ms, LEASE_MS);
    let mut client = devices(&desk).await;
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis((LEASE_MS + LEASE_MS / 2).into()) {
        let claim_id = granted.claim_id.clone();
        let renewed = client.renew_claim(RenewClaimRequest { claim_id }).await;
        assert_eq!(renewed.expect("it is held").into_inner().lease_ms, LEASE_MS);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(holder(&desk).await.0, granted.claim_id);
    let Update::Ended(ended) = next(&mut news).await else {
        panic!("it ends")
    };
    assert_eq!(ended.why(), ClaimEnd::LeaseOver);
    assert_eq!(holder(&desk).await.0, "");
    let claim_id = granted.claim_id;
    let status = client.renew_claim(RenewClaimRequest { claim_id }).await;
    assert_eq!(
        refusal(&status.expect_err("it is over")).name,
        "CLAIM_UNKNOWN"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_under_a_claim_and_the_settlement_behind_it() {
    let desk = Desk::start(Setup::default()).await;
    let (mut news, granted) = claim(&desk, ClaimRequest::default()).await;
    let mut client = devices(&desk).await;
    let request = ScanRequest {
        claim_id: granted.claim_id.clone(),
        ..ScanRequest::default()
    };
    let call = tokio::spawn(async move { client.scan(request).await });
    let heard = async || {
        desk.scanner.scan(b"AB-12", Terminator::Cr).await.ok()?;
        call.is_finished().then_some(())
    };
    eventually(heard).await.expect("the code is heard");
    let code = call
        .await
        .expect("a task")
        .expect("a code")
        .into_inner()
        .code;
    assert_eq!(code.expect("a code").text, "AB-12");
    // A settlement waits behind the claim, and is served when it is given back.
    let mut events = desk.watch("behind").await;
    let call = crate::callers::calling(&desk, bill(&desk, "behind")).await;
    loop {
        let event = crate::callers::next(&mut events).await.expect("it runs");
        if event.queue_place == 1 {
            break;
        }
    }
    let claim_id = granted.claim_id;
    let mut client = devices(&desk).await;
    client
        .release_claim(ReleaseClaimRequest { claim_id })
        .await
        .expect("ours");
    let Update::Ended(ended) = next(&mut news).await else {
        panic!("it ends")
    };
    assert_eq!(ended.why(), ClaimEnd::Released);
    crate::callers::show_when_asked(&desk, &mut events, "employee").await;
    desk.assert_charged_once(&crate::callers::answer_of(call).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_lives_through_a_replug() {
    let desk = Desk::start(Setup::default()).await;
    let (mut news, _granted) = claim(&desk, each()).await;
    for cycle in 0..20 {
        desk.scanner.unplug();
        let Update::Presence(gone) = next(&mut news).await else {
            panic!("it went away")
        };
        assert!(!gone.present);
        desk.scanner.replug().expect("a pty");
        let Update::Presence(back) = next(&mut news).await else {
            panic!("it came back")
        };
        assert!(back.present);
        // Upon that word it listens: what is shown right then is heard.
        let text = format!("again-{cycle}");
        desk.scanner
            .scan(text.as_bytes(), Terminator::Cr)
            .await
            .expect("a line");
        let Update::Code(code) = next(&mut news).await else {
            panic!("a code")
        };
        assert_eq!(code.text, text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn which_caller_holds_a_device_is_told_to_some_only() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (config_more, address) = tcp(dir.path(), "kiosk");
    let desk = Desk::start(Setup {
        config_more,
        ..Setup::default()
    })
    .await;
    let address = Endpoint::from_shared(format!("http://{address}")).expect("an address");
    let hall = address.connect().await.expect("it listens");
    let mut kiosk = DeviceServiceClient::new(hall.clone());
    let news = kiosk.claim(signed(each())).await.expect("a stream");
    let (held_by, _) = until_held(&desk).await;
    let seen = device(&desk, "scanner").await;
    assert!(seen.held_by_caller.starts_with("token:hall"), "{seen:?}");
    let listed = kiosk.list_devices(signed(ListDevicesRequest {})).await;
    let listed = listed.expect("it may").into_inner().devices;
    let checked = kiosk.check_health(signed(CheckHealthRequest {
        device: "scanner".into(),
    }));
    let checked = checked.await.expect("it may").into_inner().device;
    let explained = kiosk.explain_device(signed(ExplainDeviceRequest {
        device: "scanner".into(),
    }));
    let explained = explained.await.expect("it may").into_inner().device;
    let watched = kiosk.watch_devices(signed(WatchDevicesRequest::default()));
    let mut watched = watched.await.expect("it may").into_inner();
    let first = watched.message().await.expect("no error").expect("a word");
    let Some(Seen::Snapshot(snapshot)) = first.update else {
        panic!("the state first: {first:?}")
    };
    let status = DaemonServiceClient::new(hall)
        .get_status(signed(GetStatusRequest {}))
        .await;
    let status = status.expect("it may").into_inner().devices;
    let all = [listed, snapshot.devices, status].concat().into_iter();
    let all = all.chain(checked).chain(explained);
    let scanners: Vec<_> = all.filter(|device| device.role == "scanner").collect();
    assert_eq!(scanners.len(), 5);
    for scanner in scanners {
        assert_eq!(scanner.held_by, held_by);
        assert_eq!(scanner.held_by_caller, "", "a kiosk is not told");
    }
    drop(news);
}

fn signed<T>(message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    let bearer = format!("Bearer {TOKEN}").parse().expect("a token");
    request.metadata_mut().insert("authorization", bearer);
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn health_says_what_was_seen() {
    let mut desk = Desk::start(Setup::default()).await;
    until_state(&desk, "scanner", DeviceState::Ready).await;
    let mut client = devices(&desk).await;
    let check = |device: &str| CheckHealthRequest {
        device: device.to_owned(),
    };
    let fine = client
        .check_health(check("scanner"))
        .await
        .expect("a look")
        .into_inner();
    assert!(fine.healthy, "{fine:?}");
    let names: Vec<&str> = fine
        .checks
        .iter()
        .map(|check| check.name.as_str())
        .collect();
    assert_eq!(names, ["path", "permission", "holder", "line"]);
    let printer = client
        .check_health(check("receipt"))
        .await
        .expect("a look")
        .into_inner();
    assert!(printer.healthy, "{printer:?}");
    let names: Vec<&str> = printer
        .checks
        .iter()
        .map(|check| check.name.as_str())
        .collect();
    assert_eq!(names, ["line", "answer", "paper"]);
    desk.scanner.unplug();
    let gone = async || {
        let gone = devices(&desk)
            .await
            .check_health(check("scanner"))
            .await
            .ok()?
            .into_inner();
        (!gone.healthy).then_some(gone)
    };
    let gone = eventually(gone).await.expect("it is seen");
    assert_eq!(gone.checks[0].verdict(), HealthVerdict::Bad);
    let status = client
        .check_health(check("toaster"))
        .await
        .expect_err("none");
    assert_eq!(refusal(&status).name, "DEVICE_UNKNOWN");
    desk.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_code_keeps_its_claim() {
    let desk = Desk::start(Setup::default()).await;
    let short = ClaimRequest {
        lease_ms: LEASE_MS,
        ..ClaimRequest::default()
    };
    let (_news, granted) = claim(&desk, short).await;
    let mut client = devices(&desk).await;
    let request = ScanRequest {
        claim_id: granted.claim_id.clone(),
        wait_ms: LEASE_MS + LEASE_MS / 2,
        ..ScanRequest::default()
    };
    let status = client.scan(request).await.expect_err("nobody scans");
    assert_eq!(refusal(&status).name, "NOBODY_SCANNED");
    assert_eq!(holder(&desk).await.0, granted.claim_id);
}
