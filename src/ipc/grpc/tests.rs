//! The door over a real socket with a real client; behind it a desk that plays back what a test gave it.

use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::Request;
use tonic::transport::{Channel, Endpoint};
use tonic_types::StatusExt as _;

mod call;
pub(in crate::ipc) mod played;
mod reflection;
mod socket;

use super::*;
use crate::api as wire;
use crate::api::daemon_service_client::DaemonServiceClient;
use crate::api::device_service_client::DeviceServiceClient;
use crate::api::settlement_service_client::SettlementServiceClient;
use crate::book::Code;
use crate::config::access::Access;
use crate::ipc::access::{Accounts, Policy};
use crate::ipc::convert::order;
use crate::operation::{Failure, SettlementKey};
use crate::settlement::answer::Point;
use crate::settlement::event::Verdict;
use crate::settlement::refund;
use crate::settlement::stuck::Truth;
use played::{Asked, Desk};

/// Calls of one caller at this door.
const CALLS_MAX: u32 = 4;
/// A wait longer than this is a failed test.
const WAIT: Duration = Duration::from_secs(10);

#[tokio::test]
async fn one_call_gives_one_answer() {
    let (desk, mut asked) = Desk::new();
    let door = TestDoor::open(desk);
    let mut request = Request::new(order::tests::request());
    request.set_timeout(Duration::from_secs(90));
    let answer = door
        .settlements()
        .await
        .scan_and_pay(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.settlement.unwrap().setl_id, "S1");
    let Some(Asked::ScanAndPay {
        caller,
        order,
        deadline,
    }) = asked.recv().await
    else {
        panic!("an order")
    };
    assert_eq!(caller.id, format!("uid:{}", own_uid()));
    assert_eq!(order.request_id, "HIS-2024.0001");
    let deadline = deadline.unwrap();
    assert!(deadline <= Duration::from_secs(90) && deadline > Duration::from_secs(80));
    door.close().await;
}

#[tokio::test]
async fn a_wrong_request_reaches_nobody_and_says_why() {
    let (desk, mut asked) = Desk::new();
    let door = TestDoor::open(desk);
    let mut request = order::tests::request();
    request.bills[0].lines[0].pric = "1.1234567".into();
    let status = door
        .settlements()
        .await
        .scan_and_pay(request)
        .await
        .unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    assert!(
        status
            .message()
            .starts_with("E1005 TOO_MANY_DECIMALS: bills[0].lines[0].pric")
    );
    let info = status.get_details_error_info().unwrap();
    assert_eq!(
        (info.reason.as_str(), info.domain.as_str()),
        ("TOO_MANY_DECIMALS", "yibaod")
    );
    assert_eq!(info.metadata["fields"], "bills[0].lines[0].pric");
    assert!(info.metadata["action_zh"].contains("小数"));
    assert!(asked.try_recv().is_err());
    door.close().await;
}

#[tokio::test]
async fn a_failure_of_the_operation_is_a_status() {
    let (mut desk, _asked) = Desk::new();
    desk.fail_with = Some(Failure::new(Code::JournalRefuses, "no space left"));
    let door = TestDoor::open(desk);
    let mut client = door.settlements().await;
    let status = client
        .scan_and_pay(order::tests::request())
        .await
        .unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unavailable);
    assert_eq!(
        status.get_details_error_info().unwrap().metadata["repeat"],
        "SAME_ID"
    );
    let key = wire::get_settlement_request::Key::RequestId("r".into());
    let got = client
        .get_settlement(wire::GetSettlementRequest { key: Some(key) })
        .await;
    assert_eq!(
        got.unwrap_err().message(),
        "E7001 JOURNAL_REFUSES: no space left"
    );
    door.close().await;
}

#[tokio::test]
async fn a_caller_that_goes_away_is_noticed() {
    let (mut desk, mut asked) = Desk::new();
    let (gone, is_gone) = oneshot::channel();
    desk.hang = Some(Arc::new(Mutex::new(Some(gone))));
    let door = TestDoor::open(desk);
    let mut client = door.settlements().await;
    let call = tokio::spawn(async move { client.scan_and_pay(order::tests::request()).await });
    assert!(matches!(asked.recv().await, Some(Asked::ScanAndPay { .. })));
    call.abort();
    let dropped = tokio::time::timeout(WAIT, is_gone).await.unwrap();
    assert!(
        dropped.is_err(),
        "the sender is dropped with the operation's future"
    );
    door.close().await;
}

#[tokio::test]
async fn what_is_stated_reaches_the_desk_whole() {
    let (desk, mut asked) = Desk::new();
    let door = TestDoor::open(desk);
    let request = wire::ResolveSettlementRequest {
        key: Some(wire::resolve_settlement_request::Key::Msgid("M1".into())),
        r#as: wire::ResolvedAs::NotCharged.into(),
        reason: "门户查无此笔".into(),
        stated_setl_id: String::new(),
        ..wire::ResolveSettlementRequest::default()
    };
    let mut client = door.settlements().await;
    client.resolve_settlement(request).await.unwrap();
    let Some(Asked::Resolve(stated)) = asked.recv().await else {
        panic!("a statement")
    };
    assert_eq!(stated.key, SettlementKey::Msgid("M1".into()));
    assert_eq!(stated.verdict, Truth::Settlement(Verdict::NotCharged));
    assert_eq!(stated.reason, "门户查无此笔");
    door.close().await;
}

#[tokio::test]
async fn a_refund_reaches_the_desk_and_its_failure_the_caller() {
    let (desk, mut asked) = Desk::new();
    let door = TestDoor::open(desk);
    let request = wire::RefundSettlementRequest {
        request_id: "RF-1".into(),
        operator: order::tests::request().operator,
        key: Some(wire::refund_settlement_request::Key::SettlementId(
            "stl-1".into(),
        )),
        expected_amount_fen: 2_500,
        ..wire::RefundSettlementRequest::default()
    };
    let mut client = door.settlements().await;
    let status = client.refund_settlement(request).await.unwrap_err();
    assert!(status.message().starts_with("E8011 REFUND_NOT_SETTLED"));
    let Some(Asked::Refund(order)) = asked.recv().await else {
        panic!("an order")
    };
    assert_eq!(order.key, refund::Key::SettlementId("stl-1".into()));
    assert_eq!(order.expected, Some(crate::settlement::bill::Fen(2_500)));
    door.close().await;
}

#[tokio::test]
async fn a_watch_streams_to_its_end() {
    let (desk, mut asked) = Desk::new();
    let door = TestDoor::open(desk);
    let request = wire::WatchSettlementRequest {
        request_id: "HIS-1".into(),
    };
    let mut client = door.settlements().await;
    let mut events = client.watch_settlement(request).await.unwrap().into_inner();
    let mut stages = Vec::new();
    let mut last = None;
    while let Some(response) = events.message().await.unwrap() {
        let event = response.event.unwrap();
        stages.push(event.stage());
        last = event.settlement;
    }
    assert_eq!(
        stages,
        [
            wire::Stage::WaitingScan,
            wire::Stage::Settling,
            wire::Stage::Ended
        ]
    );
    assert_eq!(last.unwrap().settlement_id, "stl-1");
    let Some(Asked::Watch(request_id)) = asked.recv().await else {
        panic!("a watch")
    };
    assert_eq!(request_id, "HIS-1");
    let odd = wire::WatchSettlementRequest {
        request_id: "两".into(),
    };
    let status = client.watch_settlement(odd).await.unwrap_err();
    assert_eq!(
        status.get_details_error_info().unwrap().metadata["code"],
        "E1010"
    );
    door.close().await;
}

#[tokio::test]
async fn the_small_calls_arrive() {
    let (desk, mut asked) = Desk::new();
    let door = TestDoor::open(desk);
    let mut client = door.settlements().await;
    let confirm = wire::ConfirmSettlementRequest {
        request_id: "r".into(),
        point: wire::ConfirmPoint::Amounts.into(),
        shown: "token".into(),
    };
    client.confirm_settlement(confirm).await.unwrap();
    let Some(Asked::Confirm(point, shown)) = asked.recv().await else {
        panic!("a confirmation")
    };
    assert_eq!((point, shown.as_str()), (Point::Amounts, "token"));

    let cancel = wire::CancelSettlementRequest {
        request_id: "r".into(),
    };
    let cancelled = client.cancel_settlement(cancel).await.unwrap().into_inner();
    assert_eq!(cancelled.verdict(), wire::CancelVerdict::TooLateSettled);
    assert_eq!(cancelled.settlement.unwrap().settlement_id, "stl-1");

    let listed = client
        .list_settlements(wire::ListSettlementsRequest::default())
        .await;
    assert!(listed.unwrap().into_inner().settlements.is_empty());
    let key = wire::get_settlement_request::Key::SetlId("S1".into());
    let got = client
        .get_settlement(wire::GetSettlementRequest { key: Some(key) })
        .await;
    assert_eq!(
        got.unwrap().into_inner().settlement.unwrap().request_id,
        "HIS-2024.0001"
    );
    door.close().await;
}

#[tokio::test]
async fn devices_and_status_are_told() {
    let (desk, _asked) = Desk::new();
    let door = TestDoor::open(desk);
    let mut client = DeviceServiceClient::new(door.channel().await);
    let listed = client
        .list_devices(wire::ListDevicesRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(listed.devices[0].role, "receipt");
    let request = wire::WatchDevicesRequest { from_seq: 8 };
    let mut updates = client.watch_devices(request).await.unwrap().into_inner();
    let mut next = async || updates.message().await.unwrap().unwrap().update.unwrap();
    use wire::watch_devices_response::Update;
    let Update::Snapshot(first) = next().await else {
        panic!("a snapshot")
    };
    assert!(!first.missed && first.devices.len() == 1);
    assert_eq!((first.next_seq, first.first_seq), (8, 5));
    let Update::Event(event) = next().await else {
        panic!("an event")
    };
    assert_eq!(
        (event.seq, event.change()),
        (8, wire::DeviceChange::PaperOut)
    );
    let Update::Snapshot(again) = next().await else {
        panic!("a snapshot")
    };
    assert!(again.missed);
    assert_eq!((again.next_seq, again.first_seq), (99, 5));

    let mut client = DaemonServiceClient::new(door.channel().await);
    let status = client
        .get_status(wire::GetStatusRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(status.desk.unwrap().number, "007");
    door.close().await;
}

#[tokio::test]
async fn too_many_calls_of_one_caller_are_refused() {
    let (mut desk, mut asked) = Desk::new();
    let (gone, _is_gone) = oneshot::channel();
    desk.hang = Some(Arc::new(Mutex::new(Some(gone))));
    let door = TestDoor::open(desk);
    let client = door.settlements().await;
    let calls: Vec<_> = (0..CALLS_MAX)
        .map(|_| {
            let mut client = client.clone();
            tokio::spawn(async move { client.scan_and_pay(order::tests::request()).await })
        })
        .collect();
    for _ in 0..CALLS_MAX {
        assert!(asked.recv().await.is_some());
    }
    let status = client
        .clone()
        .scan_and_pay(order::tests::request())
        .await
        .unwrap_err();
    assert_eq!(status.code(), tonic::Code::ResourceExhausted);
    assert_eq!(
        status.get_details_error_info().unwrap().metadata["code"],
        "E7005"
    );
    calls.iter().for_each(JoinHandle::abort);
    // The places are free again as soon as the server has seen the callers go.
    let deadline = tokio::time::Instant::now() + WAIT;
    let mut client = DaemonServiceClient::new(door.channel().await);
    while client.get_status(wire::GetStatusRequest {}).await.is_err() {
        assert!(
            tokio::time::Instant::now() < deadline,
            "the places stay taken"
        );
        tokio::task::yield_now().await;
    }
    door.close().await;
}

#[tokio::test]
async fn a_huge_request_is_refused() {
    let (desk, _asked) = Desk::new();
    let door = TestDoor::open(desk);
    let mut request = order::tests::request();
    request.insutype = "3".repeat(5 * 1_024 * 1_024);
    let status = door
        .settlements()
        .await
        .scan_and_pay(request)
        .await
        .unwrap_err();
    refused_by_the_book(&status, "E1001");
    door.close().await;
}

/// gRPC refuses these before any method of ours runs; who calls is told as of any other refusal.
#[tokio::test]
async fn what_is_no_message_and_no_method_is_refused_by_the_book() {
    let (desk, _asked) = Desk::new();
    let door = TestDoor::open(desk);
    let mut grpc = tonic::client::Grpc::new(door.channel().await);
    for (method, code) in [("ScanAndPay", "E1001"), ("ScanAndPays", "E7013")] {
        // Its second field is a text, that of an order a number.
        let other = prost_types::Any {
            type_url: "HIS-1".into(),
            value: b"two".to_vec(),
        };
        let path = format!("/yibao.v1.SettlementService/{method}");
        let codec = tonic_prost::ProstCodec::<_, wire::ScanAndPayResponse>::default();
        grpc.ready().await.unwrap();
        let request = tonic::Request::new(other);
        let told = grpc.unary(request, path.parse().unwrap(), codec).await;
        refused_by_the_book(&told.unwrap_err(), code);
    }
    door.close().await;
}

#[track_caller]
fn refused_by_the_book(status: &tonic::Status, code: &str) {
    let info = status.get_details_error_info().expect("a row of the book");
    let of = |key: &str| info.metadata[key].as_str();
    assert_eq!(
        (of("code"), of("money"), of("repeat")),
        (code, "NOT_CONCERNED", "SAME_ID"),
        "{status}"
    );
}

fn open(path: &Path, gid: Option<u32>, desk: Desk) -> Result<Door, DoorError> {
    let policy = Policy::new(&Access::default(), own_uid(), &Accounts::default()).unwrap();
    Door::open(path, gid, Said::new(policy, CALLS_MAX), &desk)
}

fn own_uid() -> u32 {
    std::fs::metadata("/proc/self").unwrap().uid()
}

/// An open door and the way to close it.
struct TestDoor {
    _dir: tempfile::TempDir,
    path: PathBuf,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), ServeError>>,
}

impl TestDoor {
    fn open(desk: Desk) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("yibaod.sock");
        let door = open(&path, None, desk).unwrap();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(door.serve(stopped.map(|_| ())));
        Self {
            _dir: dir,
            path,
            stop,
            served,
        }
    }

    async fn channel(&self) -> Channel {
        let path = self.path.clone();
        let connector = tower::service_fn(move |_: http::Uri| {
            let path = path.clone();
            async move { UnixStream::connect(path).await.map(TokioIo::new) }
        });
        let endpoint = Endpoint::from_static("http://localhost");
        endpoint.connect_with_connector(connector).await.unwrap()
    }

    async fn settlements(&self) -> SettlementServiceClient<Channel> {
        SettlementServiceClient::new(self.channel().await)
    }

    async fn close(self) {
        self.stop.send(()).unwrap();
        tokio::time::timeout(WAIT, self.served)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        assert!(!self.path.exists(), "the socket's file goes with the door");
    }
}
