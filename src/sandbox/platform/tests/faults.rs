//! Every fault, seen from the caller's side of the wire and in the books.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::desk::{Desk, done, refused};
use crate::sandbox::http::{Delivery, Edge};
use crate::sandbox::platform::{Fen, Outcome};

/// Longest wait for something to show in the books.
const BOOKED_WITHIN: Duration = Duration::from_secs(10);

/// A visit ready for 2207, and the request.
async fn ready() -> (Desk, Value) {
    let desk = Desk::with_fees("employee").await;
    let trial = desk.call("2206", desk.trial()).await;
    let request = desk.envelope("2207", desk.settlement(&trial));
    (desk, request)
}

fn charged(desk: &Desk) -> usize {
    desk.platform
        .ledger(|ledger| ledger.charges_of(&desk.person.psn_no).len())
}

fn last(desk: &Desk, infno: &str) -> (Outcome, Option<Delivery>) {
    let row = desk
        .platform
        .ledger(|ledger| ledger.received(infno))
        .pop()
        .unwrap();
    (row.outcome, row.delivery)
}

#[tokio::test]
async fn f1_done_but_not_told() {
    let (desk, request) = ready().await;
    desk.platform.arm("F1@2207").unwrap();
    assert_eq!(desk.send_raw(&request).await, None);
    assert_eq!(charged(&desk), 1);
    assert_eq!(
        last(&desk, "2207"),
        (Outcome::Done, Some(Delivery::Withheld))
    );
    assert!(desk.platform.armed().is_empty());
}

#[tokio::test]
async fn f2_never_arrived() {
    let (desk, request) = ready().await;
    desk.platform.arm("F2@2207!").unwrap();
    assert_eq!(desk.send_raw(&request).await, None);
    assert_eq!(desk.send_raw(&request).await, None);
    assert_eq!((charged(&desk), last(&desk, "2207").0), (0, Outcome::Lost));
    desk.platform.disarm();
    // The msgid was not used up: the core never saw it.
    done(&desk.send(&request).await);
}

#[tokio::test]
async fn f3_is_slow() {
    let (desk, request) = ready().await;
    desk.platform.arm("F3@2207:150").unwrap();
    let begun = Instant::now();
    done(&desk.send(&request).await);
    assert!(begun.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn f4_answers_html() {
    let (desk, request) = ready().await;
    desk.platform.arm("F4@2207").unwrap();
    let (status, text) = desk.send_raw(&request).await.unwrap();
    assert_eq!((status, charged(&desk)), (502, 0));
    assert!(text.starts_with("<html>"));
    desk.platform.arm("F4@2207:504").unwrap();
    assert_eq!(desk.send_raw(&request).await.unwrap().0, 504);
    assert_eq!(charged(&desk), 1);
}

#[tokio::test]
async fn f5_is_cut() {
    for name in ["F5@2207", "F5@2207:1"] {
        let (desk, request) = ready().await;
        desk.platform.arm(name).unwrap();
        let (status, text) = desk.send_raw(&request).await.unwrap();
        assert_eq!((status, charged(&desk)), (200, 1), "{name}");
        assert!(serde_json::from_str::<Value>(&text).is_err(), "{name}");
    }
}

#[tokio::test]
async fn f6_f7_f8_f9_f17_bend_the_form() {
    let desk = Desk::with_fees("employee").await;
    desk.platform.arm("F6@2206").unwrap();
    assert_eq!(desk.call("2206", desk.trial()).await["infcode"], "0");
    desk.platform.arm("F7@2206").unwrap();
    let answer = desk.call("2206", desk.trial()).await;
    let output: Value = serde_json::from_str(answer["output"].as_str().unwrap()).unwrap();
    assert!(output["setlinfo"]["medfee_sumamt"].is_number());
    desk.platform.arm("F8@2206").unwrap();
    let answer = desk.call("2206", desk.trial()).await;
    assert_eq!(answer["output"]["setlinfo"]["fund_pay_sumamt"], "45.01");
    assert_eq!(answer["output"]["setldetail"][0]["fund_payamt"], "45.01");
    desk.platform.arm("F9@2206").unwrap();
    let answer = desk.call("2206", desk.trial()).await;
    assert_eq!(
        answer["output"]["setlinfo"]["fund_pay_sumamt"].to_string(),
        "92.0"
    );
    let mut desk = desk;
    desk.platform.arm("F17@2207").unwrap();
    let settled = desk.settle().await;
    assert!(settled["output"]["setlinfo"]["clr_optins"].is_null());
    desk.platform.arm("F8@2208").unwrap();
    let refunded = desk.call("2208", desk.refund(&settled)).await;
    let info = &refunded["output"]["setlinfo"];
    assert!(info["psn_part_amt"].is_null() && info["hosp_part_amt"].is_null());
    assert_eq!(info["psn_cash_pay"], "-50.00");
}

#[tokio::test]
async fn f10_f11_f13_f14_refuse() {
    let (mut desk, request) = ready().await;
    desk.platform.arm("F10@2207").unwrap();
    let (status, text) = desk.send_raw(&request).await.unwrap();
    assert_eq!(status, 401);
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["code"], 401);
    desk.platform.arm("F13@2207").unwrap();
    refused(&desk.send(&request).await, "报文ID重复");
    desk.platform.arm("F11@2207").unwrap();
    refused(&desk.send(&request).await, "无效token");
    desk.platform.arm("F14@2207").unwrap();
    refused(
        &desk.call("2207", request["input"].clone()).await,
        "签到编号已失效",
    );
    refused(
        &desk.call("2207", request["input"].clone()).await,
        "签到编号已失效",
    );
    assert_eq!(charged(&desk), 0);
    let signed = desk.call("9001", super::desk::sign_in()).await;
    desk.sign_no = signed["output"]["signinoutb"]["sign_no"]
        .as_str()
        .unwrap()
        .to_owned();
    done(&desk.call("2207", request["input"].clone()).await);
    desk.platform.arm("F11@ec.query").unwrap();
    assert_eq!(desk.decode().await["code"], 500_161);
}

#[tokio::test]
async fn f12_settles_one_fen_off() {
    let (desk, request) = ready().await;
    desk.platform.arm("F12@2207").unwrap();
    let info = desk.send(&request).await["output"]["setlinfo"].clone();
    assert_eq!(info["fund_pay_sumamt"].to_string(), "45.0");
    assert_eq!(info["psn_cash_pay"].to_string(), "50.01");
    let net = desk
        .platform
        .ledger(|ledger| ledger.net_charged(&desk.person.psn_no));
    assert_eq!(net, (Fen(4_500), Fen(4_699)));
}

#[tokio::test]
async fn f15_f16_change_what_enquiries_say() {
    let mut desk = Desk::with_fees("employee").await;
    done(&desk.settle().await);
    done(&desk.call("5203", desk.query("")).await);
    desk.platform.arm("F15@5203").unwrap();
    refused(&desk.call("5203", desk.query("")).await, "结算ID不能为空");
    desk.platform
        .switch(&json!({ "query_without_setl_id": false }))
        .unwrap();
    refused(&desk.call("5203", desk.query("")).await, "结算ID不能为空");
    desk.platform.arm("F15@5203:1").unwrap();
    done(&desk.call("5203", desk.query("")).await);

    let unknown = "H4301009990120250101000000".to_owned() + "0000";
    refused(
        &desk.call("2601", desk.reversal(&unknown)).await,
        "未找到原交易",
    );
    desk.platform.arm("F16@2601").unwrap();
    done(&desk.call("2601", desk.reversal(&unknown)).await);
    desk.platform
        .switch(&json!({ "reverse_unknown_succeeds": true }))
        .unwrap();
    done(&desk.call("2601", desk.reversal(&unknown)).await);
    desk.platform.arm("F16@2601:0").unwrap();
    refused(
        &desk.call("2601", desk.reversal(&unknown)).await,
        "未找到原交易",
    );
    assert_eq!(charged(&desk), 1);
}

#[tokio::test]
async fn f20_is_done_after_the_caller_went() {
    let (desk, request) = ready().await;
    desk.platform.arm("F20@2207:60000").unwrap();
    let body = request.to_string();
    let mut stream = TcpStream::connect(desk.platform.addr()).await.unwrap();
    let head = format!(
        "POST /fsi/api/2207 HTTP/1.1\r\nHost: s\r\nContent-Length: {}\r\n{}\r\n",
        body.len(),
        desk.headers()
    );
    stream.write_all((head + &body).as_bytes()).await.unwrap();
    until(|| {
        !desk
            .platform
            .ledger(|ledger| ledger.received("2207"))
            .is_empty()
    })
    .await;
    assert_eq!((charged(&desk), last(&desk, "2207").0), (0, Outcome::Open));
    // An enquiry at this moment sees nothing, and the money moves later all the same.
    refused(&desk.call("5203", desk.query("")).await, "未查询到结算信息");
    drop(stream);
    until(|| last(&desk, "2207").1.is_some()).await;
    assert_eq!(charged(&desk), 1);
    assert_eq!(
        last(&desk, "2207"),
        (Outcome::Done, Some(Delivery::PeerGone))
    );
}

#[tokio::test]
async fn f21_says_no_and_has_done_it() {
    let (desk, request) = ready().await;
    desk.platform.arm("F21@2207").unwrap();
    refused(&desk.send(&request).await, "系统异常");
    assert_eq!(charged(&desk), 1);
}

#[tokio::test]
async fn f22_speaks_of_another_message() {
    let (desk, request) = ready().await;
    desk.platform.arm("F22@2207").unwrap();
    let answer = desk.send(&request).await;
    done(&answer);
    let info = &answer["output"]["setlinfo"];
    assert_ne!(info["medins_setl_id"], request["msgid"]);
    assert_ne!(info["mdtrt_id"], json!(desk.mdtrt_id));
    assert_ne!(info["psn_no"], json!(desk.person.psn_no));
    assert_eq!(charged(&desk), 1);
}

#[tokio::test]
async fn f23_comes_twice() {
    for (name, said) in [("F23@2207", "0"), ("F23@2207:2", "-1")] {
        let (desk, request) = ready().await;
        desk.platform.arm(name).unwrap();
        assert_eq!(
            desk.send(&request).await["infcode"].to_string(),
            said,
            "{name}"
        );
        assert_eq!(
            (
                charged(&desk),
                desk.platform.ledger(|l| l.received("2207").len())
            ),
            (1, 2)
        );
    }
}

#[tokio::test]
async fn f24_reversed_but_not_told() {
    let (desk, request) = ready().await;
    done(&desk.send(&request).await);
    desk.platform.arm("F24").unwrap();
    let msgid = request["msgid"].as_str().unwrap();
    assert_eq!(desk.call_raw("2601", desk.reversal(msgid)).await, None);
    assert_eq!(charged(&desk), 0);
    done(&desk.call("2601", desk.reversal(msgid)).await);
}

#[tokio::test]
async fn moments_are_told_in_order() {
    let (desk, request) = ready().await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&seen);
    desk.platform
        .on_moment(move |moment| into.lock().unwrap().push(moment.clone()));
    done(&desk.send(&request).await);
    let single = desk.envelope("2601", desk.reversal(request["msgid"].as_str().unwrap()));
    assert_eq!(
        desk.post("/fsi/api", &single, &desk.headers())
            .await
            .unwrap()
            .0,
        200
    );
    until(|| seen.lock().unwrap().len() == 8).await;
    let seen = seen.lock().unwrap().clone();
    let edges = [
        Edge::FirstByte,
        Edge::LastByte,
        Edge::BeforeAnswer,
        Edge::AfterAnswer,
    ];
    for (moment, edge) in seen.iter().zip(edges.iter().cycle()) {
        assert_eq!(moment.edge, *edge);
        let known = if *edge == Edge::FirstByte {
            json!("")
        } else {
            request["msgid"].clone()
        };
        if moment.infno == "2207" {
            assert_eq!(json!(moment.msgid), known);
        } else {
            assert_eq!(moment.infno, "2601");
        }
    }
}

/// Waits for a condition, with a deadline.
async fn until(mut met: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !met() {
        assert!(begun.elapsed() < BOOKED_WITHIN, "not met in time");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
