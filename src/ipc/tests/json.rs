//! JSON by the Connect protocol: the same answers and refusals as gRPC gives.

use hyper_util::rt::TokioIo;
use prost::Message as _;
use serde_json::{Value, json};
use tokio::net::UnixStream;
use tonic::transport::Endpoint;
use tonic_types::StatusExt as _;

use super::hand::PAGE;
use super::*;
use crate::api::settlement_service_client::SettlementServiceClient;
use crate::config::access::Access;
use crate::ipc::access::Operation;
use crate::ipc::convert::order;
use crate::ipc::grpc::tests::played::{Asked, Desk};
use crate::ipc::json::{all, print};

const PAY: &str = "SettlementService/ScanAndPay";
const WATCH: &str = "SettlementService/WatchSettlement";

/// The order of these tests as JSON.
fn order_json() -> Value {
    let path = format!("/yibao.v1.{PAY}");
    let input = all().unwrap()[&path].input.clone();
    let text = print(&order::tests::request().encode_to_vec(), input).unwrap();
    serde_json::from_str(&text).unwrap()
}

async fn grpc(doors: &Doors) -> SettlementServiceClient<tonic::transport::Channel> {
    let path = doors.socket.clone();
    let connector = tower::service_fn(move |_: http::Uri| {
        let path = path.clone();
        async move { UnixStream::connect(path).await.map(TokioIo::new) }
    });
    let endpoint = Endpoint::from_static("http://localhost");
    SettlementServiceClient::new(endpoint.connect_with_connector(connector).await.unwrap())
}

#[tokio::test]
async fn json_gives_the_answer_and_the_refusal_that_grpc_gives() {
    let (desk, mut asked) = Desk::new();
    let doors = Doors::open(&desk, &Access::default(), None);
    let mut client = grpc(&doors).await;
    let by_grpc = client.scan_and_pay(order::tests::request()).await.unwrap();
    let path = format!("/yibao.v1.{PAY}");
    let output = all().unwrap()[&path].output.clone();
    let by_grpc = print(&by_grpc.into_inner().encode_to_vec(), output).unwrap();
    let body = order_json().to_string();
    let wait = [("connect-timeout-ms", "90000")];
    let got = doors.by_socket(post(PAY, body, &wait)).await;
    assert_eq!(got.status, 200);
    assert!(got.body.is_ascii(), "other characters are escaped");
    assert_eq!(got.json(), serde_json::from_str::<Value>(&by_grpc).unwrap());
    for by_json in [false, true] {
        let Some(Asked::ScanAndPay {
            order, deadline, ..
        }) = asked.recv().await
        else {
            panic!("an order")
        };
        assert_eq!(order.request_id, "HIS-2024.0001");
        assert_eq!(deadline.is_some(), by_json);
    }
    let mut wrong = order::tests::request();
    wrong.bills[0].lines[0].pric = "1.1234567".into();
    let status = client.scan_and_pay(wrong).await.unwrap_err();
    let mut wrong = order_json();
    wrong["bills"][0]["lines"][0]["pric"] = json!("1.1234567");
    let got = doors.by_socket(post(PAY, wrong.to_string(), &[])).await;
    assert_eq!(got.status, 400);
    let told = got.json();
    assert_eq!(told["code"], "invalid_argument");
    assert_eq!(told["message"], status.message());
    let info = status.get_details_error_info().unwrap();
    assert_eq!(
        told["details"][0]["debug"]["metadata"],
        json!(info.metadata)
    );
    doors.close().await;
}

#[tokio::test]
async fn a_program_that_writes_gb18030_is_answered_in_it() {
    let (desk, mut asked) = Desk::new();
    let doors = Doors::open(&desk, &Access::default(), None);
    let gb = [("content-type", "application/json; charset=gb18030")];
    let text = order_json().to_string();
    let (body, _, _) = encoding_rs::GB18030.encode(&text);
    let got = doors.by_socket(post(PAY, body.to_vec(), &gb)).await;
    assert_eq!(got.status, 200);
    assert_eq!(got.headers["content-type"], gb[0].1);
    let (read, _, wrong) = encoding_rs::GB18030.decode(&got.body);
    assert!(!wrong && serde_json::from_str::<Value>(&read).is_ok());
    let Some(Asked::ScanAndPay { order, .. }) = asked.recv().await else {
        panic!("an order")
    };
    let sent = order::order(order::tests::request()).unwrap();
    assert_eq!(order.patient, sent.patient, "the names came whole");
    let got = doors
        .by_socket(post(PAY, &b"{\"requestId\":\"\xff\"}"[..], &gb))
        .await;
    let (read, _, _) = encoding_rs::GB18030.decode(&got.body);
    assert_eq!(got.status, 400);
    assert!(read.contains("the byte at offset 14"), "{read}");
    doors.close().await;
}

#[tokio::test]
async fn a_stream_comes_in_envelopes_and_says_how_it_ended() {
    let (desk, _asked) = Desk::new();
    let doors = Doors::open(&desk, &Access::default(), None);
    let kind = [("content-type", "application/connect+json")];
    let envelope = |message: &str| {
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        [&[0], &length[..], message.as_bytes()].concat()
    };
    let got = doors
        .by_socket(post(WATCH, envelope("{\"requestId\":\"r\"}"), &kind))
        .await;
    assert_eq!(
        (got.status.as_u16(), got.headers["content-type"].as_bytes()),
        (200, kind[0].1.as_bytes())
    );
    let told = envelopes(&got.body);
    let stages = told
        .iter()
        .map(|(_, message)| message["event"]["stage"].as_str());
    let stages: Vec<_> = stages.collect();
    assert_eq!(stages.len(), 4);
    assert_eq!(stages[0], Some("STAGE_WAITING_SCAN"), "{told:?}");
    assert_eq!(told[3], (2, json!({})));
    let got = doors
        .by_socket(post(WATCH, envelope("{\"requestId\":\"张 三\"}"), &kind))
        .await;
    let told = envelopes(&got.body);
    assert_eq!((got.status.as_u16(), told.len(), told[0].0), (200, 1, 2));
    assert_eq!(told[0].1["error"]["code"], "invalid_argument");
    doors.close().await;
}

#[tokio::test]
async fn what_is_compressed_is_told_what_is_accepted_in_the_words_of_the_protocol() {
    let (desk, mut asked) = Desk::new();
    let doors = Doors::open(&desk, &Access::default(), None);
    let got = doors
        .by_socket(post(PAY, "{}", &[("content-encoding", "gzip")]))
        .await;
    assert_eq!(
        (got.status.as_u16(), &got.json()["code"]),
        (501, &json!("unimplemented"))
    );
    assert_eq!(got.headers["accept-encoding"], "identity");
    let told = got.json()["message"].to_string();
    assert!(told.contains("accepted encodings: identity"), "{told}");
    let kind = ("content-type", "application/connect+json");
    for (header, code) in [
        (("connect-content-encoding", "gzip"), "unimplemented"),
        (("connect-protocol-version", "2"), "invalid_argument"),
    ] {
        let got = doors
            .by_socket(post(WATCH, &b"\x01\0\0\0\0"[..], &[kind, header]))
            .await;
        assert_eq!(got.status, 200, "{header:?}");
        assert_eq!(got.headers["content-type"], kind.1);
        let told = envelopes(&got.body);
        assert_eq!((told.len(), told[0].0), (1, 2), "{told:?}");
        assert_eq!(told[0].1["error"]["code"], code);
        let accepted = got.headers.get("connect-accept-encoding");
        assert_eq!(accepted.is_some(), code == "unimplemented");
    }
    assert!(asked.try_recv().is_err(), "nothing got through");
    doors.close().await;
}

#[tokio::test]
async fn a_mark_of_byte_order_before_the_json_is_passed_over() {
    let (desk, mut asked) = Desk::new();
    let doors = Doors::open(&desk, &Access::default(), None);
    let text = format!("\u{feff}{}", order_json());
    let gb = [("content-type", "application/json; charset=gb18030")];
    let (in_gb, _, _) = encoding_rs::GB18030.encode(&text);
    for request in [
        post(PAY, text.clone(), &[("connect-protocol-version", "1")]),
        post(PAY, in_gb.to_vec(), &gb),
    ] {
        let got = doors.by_socket(request).await;
        assert_eq!(got.status, 200);
        assert!(matches!(asked.recv().await, Some(Asked::ScanAndPay { .. })));
    }
    let twice = doors
        .by_socket(post(PAY, format!("\u{feff}{text}"), &[]))
        .await;
    assert_eq!(twice.code(), "E1001");
    doors.close().await;
}

#[test]
fn every_method_that_moves_something_is_called_as_its_operation() {
    let methods = all().unwrap();
    for operation in Operation::ALL {
        // Two rights, one method.
        let is_method = *operation != Operation::ScanAndPayPharmacy;
        if operation.moves() && is_method {
            let end = format!("/{}", operation.name());
            assert!(methods.keys().any(|path| path.ends_with(&end)), "{end}");
        }
    }
}

#[tokio::test]
async fn a_deadline_that_is_over_says_nothing_of_money_where_none_moves() {
    let (desk, _asked) = Desk::new();
    let doors = Doors::open(&desk, &Access::default(), None);
    let said = |told: &Value| told["details"][0]["debug"]["metadata"].clone();
    let kind = ("content-type", "application/connect+json");
    let soon = ("connect-timeout-ms", "100");
    let body = b"\0\0\0\0\x11{\"requestId\":\"r\"}";
    let watch = "IdentityService/WatchIdentification";
    let got = doors.by_socket(post(watch, &body[..], &[kind, soon])).await;
    let told = envelopes(&got.body);
    let watched = said(&told.last().unwrap().1["error"]);
    assert_eq!(watched["code"], "E6009", "{told:?}");
    assert_eq!(
        (&watched["money"], &watched["repeat"]),
        (&json!("NOT_CONCERNED"), &json!("SAME_ID"))
    );
    let patient = watched["patient_zh"].to_string();
    for word in ["缴费", "扣费", "结果", "医保"] {
        assert!(!patient.contains(word), "{patient}");
    }
    doors.close().await;
}

fn envelopes(mut body: &[u8]) -> Vec<(u8, Value)> {
    let mut told = Vec::new();
    while let Some(([flags, length @ ..], rest)) = body.split_first_chunk::<5>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap();
        let (message, rest) = rest.split_at(length);
        told.push((*flags, serde_json::from_slice(message).unwrap()));
        body = rest;
    }
    assert!(body.is_empty());
    told
}

#[tokio::test]
async fn what_is_no_call_is_refused_in_the_words_of_http() {
    let (desk, mut asked) = Desk::new();
    let doors = Doors::open(&desk, &Access::default(), None);
    let stream = [("content-type", "application/connect+json")];
    let late = [("connect-timeout-ms", "soon")];
    for (request, status, code) in [
        (post("SettlementService/Steal", "{}", &[]), 501, "E7013"),
        (post(PAY, "{}", &stream), 415, "E7014"),
        (post(WATCH, "{}", &[]), 415, "E7014"),
        (
            post(PAY, "{}", &[("content-type", "text/plain")]),
            415,
            "E7014",
        ),
        (
            post(PAY, "{}", &[("content-encoding", "gzip")]),
            501,
            "E7014",
        ),
        (
            post(PAY, "{}", &[("connect-protocol-version", "2")]),
            400,
            "E1001",
        ),
        (post(PAY, "{", &[]), 400, "E1001"),
        (post(PAY, "", &[]), 400, "E1001"),
        (post(PAY, "{}", &late), 400, "E1001"),
        (post(PAY, "{}", &[("host", "evil.example")]), 403, "E7016"),
        (
            post(PAY, "{}", &[("origin", "https://evil.example")]),
            403,
            "E7016",
        ),
        (post(PAY, vec![b' '; 5 * 1_024 * 1_024], &[]), 400, "E1001"),
    ] {
        let told = format!("{:?} {:?}", request.uri(), request.headers());
        let got = doors.by_socket(request).await;
        assert_eq!(got.status, status, "{told}");
        assert_eq!(got.code(), code, "{told}");
    }
    let mut get = post(PAY, "", &[]);
    *get.method_mut() = http::Method::GET;
    let got = doors.by_socket(get).await;
    assert_eq!((got.status.as_u16(), got.code().as_str()), (405, "E7015"));
    assert!(asked.try_recv().is_err(), "nothing got through");
    let unknown = doors
        .by_socket(post(PAY, "{\"requestID\":\"r\"}", &[]))
        .await;
    assert_eq!(unknown.code(), "E1007");
    doors.close().await;
}

#[tokio::test]
async fn a_caller_that_waits_too_long_is_told_and_freed() {
    let (mut desk, mut asked) = Desk::new();
    let (gone, is_gone) = tokio::sync::oneshot::channel();
    desk.hang = Some(std::sync::Arc::new(std::sync::Mutex::new(Some(gone))));
    let doors = Doors::open(&desk, &Access::default(), None);
    let soon = [("connect-timeout-ms", "100")];
    let got = doors
        .by_socket(post(PAY, order_json().to_string(), &soon))
        .await;
    assert_eq!(
        (got.status.as_u16(), &got.json()["code"]),
        (504, &json!("deadline_exceeded"))
    );
    let said = &got.json()["details"][0]["debug"]["metadata"];
    assert_eq!(said["money"], "UNKNOWN", "it may have moved");
    assert!(is_gone.await.is_err(), "the operation was given up");
    assert!(asked.recv().await.is_some());
    doors.close().await;
}

#[tokio::test]
async fn a_named_page_may_call_and_read_the_answer() {
    let (desk, _asked) = Desk::new();
    let doors = Doors::open(&desk, &Access::default(), None);
    let mut asks = post(
        PAY,
        "",
        &[("origin", PAGE), ("access-control-request-method", "POST")],
    );
    *asks.method_mut() = http::Method::OPTIONS;
    let told = doors.by_tcp(asks.clone()).await;
    assert_eq!(told.status, 204);
    assert_eq!(told.headers["access-control-allow-origin"], PAGE);
    let headers = told.headers["access-control-allow-headers"]
        .to_str()
        .unwrap();
    assert!(headers.contains("authorization"));
    // It reads refusals too: that it has no token, that its call is wrong, that there is no such method.
    let bearer = format!("Bearer {TOKEN}");
    let token = ("authorization", bearer.as_str());
    for (method, headers, code) in [
        (PAY, &[("origin", PAGE)][..], "E7012"),
        (PAY, &[("origin", PAGE), token][..], "E1001"),
        ("DaemonService/No", &[("origin", PAGE), token][..], "E7013"),
    ] {
        let told = doors.by_tcp(post(method, "{", headers)).await;
        assert_eq!(told.code(), code, "{method}");
        assert_eq!(told.headers["access-control-allow-origin"], PAGE);
        let origins = told.headers.get_all("access-control-allow-origin");
        assert_eq!(origins.iter().count(), 1, "{method}");
    }
    asks.headers_mut()
        .insert("origin", "https://evil.example".parse().unwrap());
    let refused = doors.by_tcp(asks).await;
    assert_eq!(refused.status, 403);
    assert!(!refused.headers.contains_key("access-control-allow-origin"));
    let called = post("DaemonService/GetStatus", "{}", &[("origin", PAGE)]);
    let told = doors.by_socket(called).await;
    assert_eq!(told.status, 200);
    assert_eq!(told.headers["access-control-allow-origin"], PAGE);
    assert!(told.json()["desk"]["number"] == "007");
    doors.close().await;
}
