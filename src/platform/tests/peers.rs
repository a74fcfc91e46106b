//! What a real peer can do to a connection, and that each message reaches it exactly once.

use std::net::{SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::fixtures::{Case, Peer, STEPS, platform, profile_at, stamp, whole};
use crate::book::Code;
use crate::config::Profile;
use crate::platform::Received;
use crate::settlement::call::{Outcome, Step};

/// Waits of the tests: long enough for a loaded machine, and short where a time-out is what is tested.
fn timeouts(profile: &mut Profile, call_ms: u32) {
    profile.timeouts.connect_ms = 5_000;
    profile.timeouts.voucher_ms = call_ms;
    profile.timeouts.call_ms = call_ms;
    profile.timeouts.money_call_ms = call_ms;
}

async fn send_within(addr: &str, step: Step, call_ms: u32) -> Received {
    let platform = platform(profile_at(addr, |p| timeouts(p, call_ms)));
    let case = Case::new();
    let prepared = platform.prepare(case.call(step), &stamp()).await.unwrap();
    platform.send(prepared).await
}

async fn send(addr: &str, step: Step) -> Received {
    send_within(addr, step, 30_000).await
}

fn not_sent(received: &Received) -> bool {
    matches!(
        received.outcome,
        Outcome::NotSent {
            code: Code::PlatformUnreachable,
            ..
        }
    )
}

fn unknown(received: &Received) -> Option<Code> {
    match received.outcome {
        Outcome::Unknown { code, .. } => Some(code),
        Outcome::Done { .. } | Outcome::Refused { .. } | Outcome::NotSent { .. } => None,
    }
}

#[tokio::test]
async fn a_refused_port_means_that_nothing_left() {
    // Bound, so that nobody else takes it, and deaf.
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    rustix::net::bind(&socket, &any).unwrap();
    let addr = StdListener::from(socket.try_clone().unwrap())
        .local_addr()
        .unwrap()
        .to_string();
    for step in STEPS {
        let received = send(&addr, step).await;
        assert!(not_sent(&received), "{step:?} {received:?}");
        assert_eq!(received.answer, None);
    }
}

#[tokio::test]
async fn a_connection_that_does_not_come_about_in_time_means_that_nothing_left() {
    // A queue of one that is full: further connections hang.
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    rustix::net::bind(&socket, &any).unwrap();
    rustix::net::listen(&socket, 0).unwrap();
    let listener = StdListener::from(socket);
    let addr = listener.local_addr().unwrap();
    let mut held = Vec::new();
    while let Ok(stream) = StdStream::connect_timeout(&addr, Duration::from_millis(200)) {
        held.push(stream);
        assert!(held.len() < 16, "the queue never fills");
    }
    let platform = platform(profile_at(&addr.to_string(), |p| {
        timeouts(p, 30_000);
        p.timeouts.connect_ms = 300;
    }));
    let case = Case::new();
    let prepared = platform.prepare(case.call(Step::Settle), &stamp()).await;
    let received = platform.send(prepared.unwrap()).await;
    assert!(not_sent(&received), "{received:?}");
}

#[tokio::test]
async fn a_gateway_that_never_ends_its_handshake_gets_nothing() {
    let peer = Peer::start(|mut stream, _| async move {
        let mut rest = Vec::new();
        drop(stream.read_to_end(&mut rest).await);
    })
    .await;
    let platform = platform(profile_at(&peer.addr(), |p| {
        timeouts(p, 30_000);
        p.timeouts.connect_ms = 300;
        p.url.base = p.url.base.replace("http://", "https://");
        p.url.ca_path = Some(super::tls::here("authority.pem"));
    }));
    let case = Case::new();
    let prepared = platform.prepare(case.call(Step::Settle), &stamp()).await;
    let received = platform.send(prepared.unwrap()).await;
    assert!(not_sent(&received), "{received:?}");
    assert_eq!(peer.requests(), 1);
}

#[tokio::test]
async fn a_peer_that_closes_before_reading_leaves_it_unknown() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap().to_string();
    let count = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        drop(stream);
        // A second connection would be a second try.
        let more = tokio::time::timeout(Duration::from_millis(300), listener.accept()).await;
        more.is_err()
    });
    let received = send(&addr, Step::Settle).await;
    assert_eq!(
        unknown(&received),
        Some(Code::PlatformNoAnswer),
        "{received:?}"
    );
    assert!(count.await.unwrap(), "it was tried again");
}

#[tokio::test]
async fn every_way_to_lose_an_answer_is_unknown_and_sent_once() {
    let full = r#"{"infcode":0,"output":null}"#;
    let half = format!("HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n{full}");
    let chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"inf".to_owned();
    let redirect = "HTTP/1.1 307 X\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n".to_owned();
    for (name, answer, expected, part) in [
        (
            "closes at once",
            String::new(),
            Code::PlatformNoAnswer,
            false,
        ),
        (
            "half a head",
            "HTTP/1.1 200 OK\r\nConte".to_owned(),
            Code::PlatformNoAnswer,
            false,
        ),
        (
            "garbage",
            "\u{0}\u{1}garbage\r\n\r\n".to_owned(),
            Code::PlatformNoAnswer,
            false,
        ),
        ("a body cut short", half, Code::PlatformNoAnswer, true),
        ("a chunk cut short", chunk, Code::PlatformNoAnswer, true),
        ("html", whole(502, "<html>"), Code::PlatformUnreadable, true),
        (
            "unavailable",
            whole(503, ""),
            Code::PlatformUnreadable,
            true,
        ),
        (
            "half a JSON",
            whole(200, &full[..12]),
            Code::PlatformUnreadable,
            true,
        ),
        ("a redirect", redirect, Code::PlatformUnreadable, true),
    ] {
        for step in [Step::Settle, Step::UndoSettle, Step::Person, Step::Decode] {
            let answer = answer.clone();
            let peer = Peer::start(move |mut stream, _| {
                let answer = answer.clone();
                async move { stream.write_all(answer.as_bytes()).await.unwrap() }
            })
            .await;
            let received = send(&peer.addr(), step).await;
            assert_eq!(
                unknown(&received),
                Some(expected),
                "{name} {step:?} {received:?}"
            );
            assert_eq!(received.answer.is_some(), part, "{name} {step:?}");
            assert_eq!(peer.requests(), 1, "{name} {step:?}");
        }
    }
}

#[tokio::test]
async fn a_slow_peer_is_waited_for_as_long_as_the_profile_says() {
    let peer = Peer::start(|mut stream, _| async move {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{")
            .await
            .unwrap();
        // Until the client hangs up.
        let mut rest = Vec::new();
        drop(stream.read_to_end(&mut rest).await);
    })
    .await;
    let received = send_within(&peer.addr(), Step::Settle, 300).await;
    assert_eq!(unknown(&received), Some(Code::PlatformNoAnswer));
    assert_eq!(received.answer.as_deref(), Some("{"));
    assert_eq!(peer.requests(), 1);
}

#[tokio::test]
async fn an_endless_answer_ends_at_the_limit() {
    let peer = Peer::start(|mut stream, _| async move {
        drop(stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await);
        let block = vec![b' '; 65_536];
        while stream.write_all(&block).await.is_ok() {}
    })
    .await;
    let received = send(&peer.addr(), Step::Settle).await;
    assert_eq!(
        unknown(&received),
        Some(Code::PlatformNoAnswer),
        "{received:?}"
    );
    assert!(
        received
            .answer
            .is_some_and(|answer| answer.len() <= 4 * 1024 * 1024)
    );
    assert_eq!(peer.requests(), 1);
}

#[tokio::test]
async fn bytes_that_are_no_utf8_are_unknown_and_recorded() {
    let peer = Peer::start(|mut stream, _| async move {
        let body = b"{\"infcode\":-1,\"err_msg\":\"\xd2\xbd\xb1\xa3\"}";
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
    })
    .await;
    let received = send(&peer.addr(), Step::Person).await;
    assert_eq!(unknown(&received), Some(Code::PlatformUnreadable));
    assert!(received.answer.unwrap().starts_with("{\"infcode\":-1"));
}

#[tokio::test]
async fn a_request_is_one_post_with_the_gateways_headers() {
    let (tell, mut told) = tokio::sync::mpsc::channel(4);
    let peer = Peer::start(move |mut stream, request| {
        let tell = tell.clone();
        async move {
            tell.send(request).await.unwrap();
            let body = whole(200, r#"{"infcode":0,"output":null}"#);
            stream.write_all(body.as_bytes()).await.unwrap();
        }
    })
    .await;
    for (step, path, signed) in [
        (
            Step::Settle,
            "/fsi/api/outpatientSettleService/saveSettletment",
            true,
        ),
        (Step::Decode, "/localcfc/api/hsecfc/localQrCodeQuery", false),
    ] {
        drop(send(&peer.addr(), step).await);
        let request = told.recv().await.unwrap();
        let first = request.lines().next().unwrap();
        assert_eq!(first, format!("POST {path} HTTP/1.1"));
        let head = request
            .split("\r\n\r\n")
            .next()
            .unwrap()
            .to_ascii_lowercase();
        assert!(head.contains("content-type: application/json"));
        assert_eq!(head.contains("x-tif-paasid: sandbox_his"), signed);
        assert_eq!(head.contains("x-tif-signature: "), signed);
    }
    assert_eq!(peer.requests(), 2);
}

#[tokio::test]
async fn a_code_that_is_said_back_is_not_recorded() {
    let code = super::fixtures::CODE;
    let peer = Peer::saying(format!(
        r#"{{"code":500163,"message":"x","data":{{"ecQrCode":"{code}"}}}}"#
    ))
    .await;
    let received = send(&peer.addr(), Step::Decode).await;
    let answer = received.answer.unwrap();
    assert!(!answer.contains(code) && answer.contains("***"), "{answer}");
}

#[tokio::test]
async fn the_platforms_clock_is_compared_with_ours() {
    let now = jiff::Timestamp::now();
    let zone = jiff::tz::TimeZone::fixed(jiff::tz::Offset::constant(8));
    let ahead = now + jiff::SignedDuration::from_secs(400);
    let ahead = ahead.to_zoned(zone).strftime("%Y%m%d%H%M%S").to_string();
    let slack_ms = 30_000;
    for (field, body) in [
        (
            "refmsg_time",
            format!(r#"{{"infcode":-1,"refmsg_time":"{ahead}123"}}"#),
        ),
        (
            "respond_time",
            format!(r#"{{"infcode":-1,"refmsg_time":null,"respond_time":"{ahead}"}}"#),
        ),
    ] {
        let peer = Peer::saying(body).await;
        let skew_ms = send(&peer.addr(), Step::Person).await.skew_ms.unwrap();
        assert!((skew_ms - 400_000).abs() < slack_ms, "{field}: {skew_ms}");
    }
    let peer = Peer::start(|mut stream, _| async move {
        let answer =
            "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 2\r\n\r\n{}";
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    let skew_ms = send(&peer.addr(), Step::Person).await.skew_ms.unwrap();
    assert!(skew_ms < -900_000_000_000, "{skew_ms}");
    let peer = Peer::saying("{}").await;
    assert_eq!(send(&peer.addr(), Step::Person).await.skew_ms, None);
}

#[tokio::test]
async fn nothing_that_is_shown_for_debugging_names_the_person() {
    let peer = Peer::saying(r#"{"infcode":-1,"err_msg":"测试甲 110101190001011009"}"#).await;
    let platform = platform(profile_at(&peer.addr(), |p| timeouts(p, 30_000)));
    let case = Case::new();
    let prepared = platform
        .prepare(case.call(Step::PreSettle), &stamp())
        .await
        .unwrap();
    let mut shown = format!("{platform:?} {prepared:?}");
    let received = platform.send(prepared).await;
    shown.push_str(&format!("{received:?}"));
    for secret in ["测试甲", "110101190001011009", "430000ec", "sandbox-secret"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(received.answer.unwrap().contains("测试甲"));
}
