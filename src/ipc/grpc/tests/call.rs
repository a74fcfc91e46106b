//! Calls within the process: what a door without gRPC gets is what a gRPC caller gets.

use futures_util::StreamExt as _;
use prost::Message as _;

use super::*;
use crate::ipc::access::Caller;
use crate::ipc::call::Calls;

const SCAN_AND_PAY: &str = "/yibao.v1.SettlementService/ScanAndPay";
const WATCH: &str = "/yibao.v1.DeviceService/WatchDevices";
/// The desk of these tests never tells anything there.
const SILENT: &str = "/yibao.v1.IdentityService/WatchIdentification";

#[tokio::test]
async fn an_inner_call_gives_the_same_answer_and_refusal_as_grpc() {
    let (desk, mut asked) = Desk::new();
    let (calls, _dir) = calls(&desk);
    let good = order::tests::request();
    let door = TestDoor::open(desk);
    let outer = door.settlements().await.scan_and_pay(good.clone()).await;
    let inner = calls
        .unary(
            caller(),
            SCAN_AND_PAY,
            good.encode_to_vec().into(),
            Some(WAIT),
        )
        .await;
    let inner = wire::ScanAndPayResponse::decode(inner.unwrap()).unwrap();
    assert_eq!(inner, outer.unwrap().into_inner());
    for deadline in [None, Some(WAIT)] {
        let Some(Asked::ScanAndPay {
            caller,
            deadline: told,
            ..
        }) = asked.recv().await
        else {
            panic!("an order")
        };
        assert_eq!(caller.id, format!("uid:{}", own_uid()));
        assert_eq!(told.is_some(), deadline.is_some());
    }
    let mut bad = good;
    bad.bills[0].lines[0].pric = "1.1234567".into();
    let outer = door.settlements().await.scan_and_pay(bad.clone()).await;
    let bad = bad.encode_to_vec().into();
    let inner = calls.unary(caller(), SCAN_AND_PAY, bad, None).await;
    let (outer, inner) = (outer.unwrap_err(), inner.unwrap_err());
    assert_eq!(
        (outer.code(), outer.message()),
        (inner.code(), inner.message())
    );
    let metadata = |status: &tonic::Status| status.get_details_error_info().unwrap().metadata;
    assert_eq!(metadata(&outer), metadata(&inner));
    door.close().await;
}

#[tokio::test]
async fn an_inner_call_is_counted_refused_and_given_up() {
    let (mut desk, _asked) = Desk::new();
    let (gone, is_gone) = oneshot::channel();
    desk.hang = Some(Arc::new(Mutex::new(Some(gone))));
    let (calls, _dir) = calls(&desk);
    let order: bytes::Bytes = order::tests::request().encode_to_vec().into();
    let soon = Some(Duration::from_millis(50));
    let late = calls
        .unary(caller(), SCAN_AND_PAY, order.clone(), soon)
        .await;
    assert_eq!(late.unwrap_err().code(), tonic::Code::DeadlineExceeded);
    assert!(tokio::time::timeout(WAIT, is_gone).await.unwrap().is_err());
    let stranger = Caller::Token {
        name: "nobody".into(),
        uid: Some(0),
        shown: None,
    };
    let refused = calls.unary(stranger, SCAN_AND_PAY, order, None).await;
    assert_eq!(refused.unwrap_err().code(), tonic::Code::Unauthenticated);
    let unknown = calls.unary(caller(), "/yibao.v1.None/No", vec![].into(), None);
    assert_eq!(
        unknown.await.unwrap_err().code(),
        tonic::Code::Unimplemented
    );
    let request = wire::WatchIdentificationRequest {
        request_id: "r-1".into(),
    };
    let request: bytes::Bytes = request.encode_to_vec().into();
    let mut held = Vec::new();
    for _ in 0..CALLS_MAX {
        let silent = calls.stream(caller(), SILENT, request.clone(), None).await;
        held.push(silent.unwrap());
    }
    let full = calls.stream(caller(), SILENT, request.clone(), None).await;
    assert_eq!(full.err().unwrap().code(), tonic::Code::ResourceExhausted);
    drop(held);
    let mut telling = calls
        .stream(caller(), WATCH, vec![].into(), None)
        .await
        .unwrap();
    assert!(telling.next().await.unwrap().is_ok(), "the snapshot");
    let watch = calls.stream(caller(), SILENT, request, soon);
    let mut silent = watch.await.unwrap();
    let over = silent.next().await.unwrap().unwrap_err();
    assert_eq!(over.code(), tonic::Code::DeadlineExceeded);
    assert!(silent.next().await.is_none());
}

/// The calls of a door that nobody serves.
fn calls(desk: &Desk) -> (Calls, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let door = open(&dir.path().join("inner.sock"), None, desk.clone()).unwrap();
    (door.calls(), dir)
}

fn caller() -> Caller {
    Caller::Uid {
        uid: own_uid(),
        gid: own_uid(),
        groups: None,
        pid: None,
    }
}
