//! 9001 and 9002: once per operator and day, again when it is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc;

use super::fixtures::{Case, Peer, platform, profile_at, stamp, whole};
use super::goods;
use crate::book::Code;
use crate::platform::{Platform, Stamp};
use crate::settlement::call::{Outcome, Step};
use crate::settlement::errand::Ask;

/// A platform that signs in, refuses the sign_no that is told to be over, and says what it was asked.
async fn signing_peer(over: &'static str) -> (Peer, mpsc::Receiver<String>) {
    let (tell, told) = mpsc::channel(256);
    let given = Arc::new(AtomicU32::new(0));
    let peer = Peer::start(move |mut stream, request| {
        let (tell, given) = (tell.clone(), Arc::clone(&given));
        async move {
            let body = if request.contains(r#""infno":"9001""#) {
                let n = given.fetch_add(1, Ordering::SeqCst) + 1;
                format!(r#"{{"infcode":0,"output":{{"signinoutb":{{"sign_time":"x","sign_no":"SN{n}"}}}}}}"#)
            } else if request.contains(&format!(r#""sign_no":"{over}""#)) {
                r#"{"infcode":-1,"err_msg":"签到编号已失效，请重新签到[sign_no]"}"#.to_owned()
            } else {
                r#"{"infcode":0,"output":null}"#.to_owned()
            };
            tell.send(request).await.unwrap();
            stream.write_all(whole(200, &body).as_bytes()).await.unwrap();
        }
    })
    .await;
    (peer, told)
}

fn signing_platform(addr: &str) -> Platform {
    platform(profile_at(addr, |p| p.sign_in.wanted = true))
}

fn asked(told: &mut mpsc::Receiver<String>) -> Vec<String> {
    let mut all = Vec::new();
    while let Ok(request) = told.try_recv() {
        let at = request.find(r#""infno":""#).unwrap() + 9;
        let infno = request[at..].split('"').next().unwrap();
        all.push(infno.to_owned());
    }
    all
}

async fn sign_no_of(platform: &Platform, case: &Case, stamp: &Stamp) -> String {
    let prepared = platform
        .prepare(case.call(Step::VisitInfo), stamp)
        .await
        .unwrap();
    let at = prepared.body.find(r#""sign_no":""#).unwrap() + 11;
    prepared.body[at..].split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn an_operator_signs_in_once_a_day() {
    let (peer, mut told) = signing_peer("-").await;
    let platform = signing_platform(&peer.addr());
    let mut case = Case::new();
    assert_eq!(sign_no_of(&platform, &case, &stamp()).await, "SN1");
    assert_eq!(sign_no_of(&platform, &case, &stamp()).await, "SN1");
    let tomorrow = Stamp {
        inf_time: "2026-01-03 00:00:01".to_owned(),
        ..stamp()
    };
    assert_eq!(sign_no_of(&platform, &case, &tomorrow).await, "SN2");
    case.order.operator.id = "0043".to_owned();
    assert_eq!(sign_no_of(&platform, &case, &tomorrow).await, "SN3");
    assert_eq!(asked(&mut told), ["9001", "9001", "9001"]);
}

#[tokio::test]
async fn many_at_once_share_one_sign_in() {
    let (peer, mut told) = signing_peer("-").await;
    let platform = signing_platform(&peer.addr());
    let case = Case::new();
    let stamp = stamp();
    let all = (0..20).map(|_| sign_no_of(&platform, &case, &stamp));
    let all = futures_util::future::join_all(all).await;
    assert!(all.iter().all(|sign_no| sign_no == "SN1"), "{all:?}");
    assert_eq!(asked(&mut told), ["9001"]);
}

#[tokio::test]
async fn the_voucher_service_needs_no_sign_in() {
    let (peer, mut told) = signing_peer("-").await;
    let platform = signing_platform(&peer.addr());
    let case = Case::new();
    let prepared = platform
        .prepare(case.call(Step::Decode), &stamp())
        .await
        .unwrap();
    assert_eq!(prepared.msgid, None);
    assert_eq!(asked(&mut told), Vec::<String>::new());
}

#[tokio::test]
async fn a_sign_in_that_is_over_is_renewed_by_the_next_prepare() {
    let (peer, mut told) = signing_peer("SN1").await;
    let platform = signing_platform(&peer.addr());
    let case = Case::new();
    let first = platform
        .prepare(case.call(Step::VisitInfo), &stamp())
        .await
        .unwrap();
    let late = platform
        .prepare(case.call(Step::VisitInfo), &stamp())
        .await
        .unwrap();
    let received = platform.send(first).await;
    assert!(received.sign_in_expired, "{received:?}");
    let code = Code::SignInFailed;
    assert!(matches!(received.outcome, Outcome::Refused { code: c, .. } if c == code));
    assert_eq!(sign_no_of(&platform, &case, &stamp()).await, "SN2");
    // A message that was prepared before must not throw the new sign-in away.
    assert!(platform.send(late).await.sign_in_expired);
    assert_eq!(sign_no_of(&platform, &case, &stamp()).await, "SN2");
    assert_eq!(asked(&mut told), ["9001", "2203A", "9001", "2203A"]);
}

/// A no to these that no list of the site has is no certain no, but the sign-in is over all the same.
#[tokio::test]
async fn a_sign_in_that_is_over_is_renewed_whatever_became_of_the_call() {
    let case = Case::new();
    for at in 0..5 {
        let (peer, _told) = signing_peer("SN1").await;
        let platform = platform(profile_at(&peer.addr(), |p| {
            p.sign_in.wanted = true;
            p.answers.refusals.clear();
        }));
        let prepared = match goods::asked("").into_iter().nth(at) {
            // 5203 says no for certain.
            Some(Ask::Enquiry(_)) | None => {
                let call = case.call([Step::Settle, Step::UndoSettle][at - 3]);
                platform.prepare(call, &stamp()).await.unwrap()
            }
            Some(ask) => {
                let mut errand = goods::errand(ask);
                errand.operator = case.order.operator.clone();
                platform.prepare_errand(&errand, &stamp()).await.unwrap()
            }
        };
        let infno = prepared.infno.clone();
        let received = platform.send(prepared).await;
        let unknown = matches!(received.outcome, Outcome::Unknown { .. });
        assert!(
            unknown && !received.sign_in_expired,
            "{infno}: {received:?}"
        );
        assert_eq!(
            sign_no_of(&platform, &case, &stamp()).await,
            "SN2",
            "{infno}"
        );
    }
}

#[tokio::test]
async fn a_failed_sign_in_sends_nothing_of_the_call() {
    for (body, refused) in [
        (r#"{"infcode":-1,"err_msg":"操作员不存在"}"#, true),
        (r#"{"infcode":0,"output":null}"#, false),
        ("<html>", false),
    ] {
        let peer = Peer::saying(body).await;
        let platform = signing_platform(&peer.addr());
        let case = Case::new();
        let outcome = platform
            .prepare(case.call(Step::Settle), &stamp())
            .await
            .err();
        match outcome {
            Some(Outcome::Refused { code, .. }) => assert!(refused && code == Code::SignInFailed),
            Some(Outcome::NotSent { code, .. }) => assert!(!refused && code == Code::SignInFailed),
            other => panic!("{other:?}"),
        }
        assert_eq!(peer.requests(), 1);
    }
}

#[tokio::test]
async fn at_the_end_everybody_is_signed_out() {
    let (peer, mut told) = signing_peer("-").await;
    let platform = signing_platform(&peer.addr());
    let mut case = Case::new();
    drop(sign_no_of(&platform, &case, &stamp()).await);
    case.order.operator.id = "0043".to_owned();
    drop(sign_no_of(&platform, &case, &stamp()).await);
    platform.clone().sign_out_all().await;
    assert_eq!(asked(&mut told), ["9001", "9001", "9002", "9002"]);
    platform.sign_out_all().await;
    assert_eq!(asked(&mut told), Vec::<String>::new());
}
