//! The clock is wrong, or is set back.

use serde_json::json;
use yibaod::sandbox::platform::Ledger;

use crate::desk::{Desk, Setup, Shows, bill, refusal};

const DAY_S: i64 = 86_400;
const FAKETIME: &str = "LD_PRELOAD=/usr/$LIB/faketime/libfaketime.so.1";
/// What Debian's `faketime` does, without its process in between: signals go to the daemon.
const A_DAY_EARLIER: [&str; 4] = [
    "env",
    FAKETIME,
    "FAKETIME=-1d",
    "FAKETIME_DONT_FAKE_MONOTONIC=1",
];

#[tokio::test(flavor = "multi_thread")]
async fn set_back_a_day_no_number_is_used_twice() {
    let mut desk = Desk::start(Setup::default()).await;
    let mut msgids = Vec::new();
    for n in 0..3 {
        let answer = desk
            .pay(
                bill(&desk, &format!("today-{n}")),
                &[Shows::fresh("employee")],
            )
            .await;
        desk.assert_charged_once(&answer);
        msgids.push(answer.msgid);
    }
    desk.stop().await;

    // The whole hospital goes back a day: machine and platform agree about the time.
    desk.platform
        .switch(&json!({ "clock_shift_s": -DAY_S }))
        .expect("a switch");
    desk.start_daemon_under(&A_DAY_EARLIER).await;
    for n in 0..3 {
        let request_id = format!("yesterday-{n}");
        let answer = desk
            .pay(bill(&desk, &request_id), &[Shows::fresh("employee")])
            .await;
        desk.assert_charged_once(&answer);
        assert!(
            msgids.iter().all(|used| *used < answer.msgid),
            "{msgids:?} {}",
            answer.msgid
        );
        msgids.push(answer.msgid);
    }
    let duplicates = desk.platform.ledger(Ledger::duplicates);
    assert_eq!(duplicates, yibaod::sandbox::platform::Duplicates::default());
    // What was settled before is repeated as it was.
    let old = desk
        .scan_and_pay(bill(&desk, "today-0"))
        .await
        .expect("repeated");
    assert_eq!(old.msgid, msgids[0]);
    assert_eq!(desk.received("2207"), 6);
    assert_eq!(desk.papers_in_the_end().await.len(), 6);
    desk.stop().await;

    // And forward again.
    desk.platform
        .switch(&json!({ "clock_shift_s": 0 }))
        .expect("a switch");
    desk.start_daemon().await;
    let answer = desk
        .pay(bill(&desk, "today-again"), &[Shows::fresh("employee")])
        .await;
    desk.assert_charged_once(&answer);
    assert!(msgids.iter().all(|used| *used < answer.msgid));
}

/// With the platform's clock so far off, the first settlement shows it, the next is refused.
async fn refused_when_off_by(shift_s: i64) {
    let desk = Desk::start(Setup::default()).await;
    desk.platform
        .switch(&json!({ "clock_shift_s": shift_s, "check_headers": false }))
        .expect("a switch");
    let first = desk
        .pay(bill(&desk, "first"), &[Shows::fresh("employee")])
        .await;
    desk.truth("first").await;
    let refused = refusal(
        &desk
            .scan_and_pay(bill(&desk, "second"))
            .await
            .expect_err("skewed"),
    );
    assert_eq!(refused.name, "CLOCK_SKEW", "{first:?}");
    let status = desk.status().await;
    assert_eq!(
        status.not_accepting.map(|why| why.name).as_deref(),
        Some("CLOCK_SKEW")
    );
    let skew_ms = status
        .platform
        .expect("the platform")
        .clock_skew_ms
        .expect("it was measured");
    assert!((skew_ms - shift_s * 1_000).abs() < 30_000, "{skew_ms}");
    // What was settled is still told.
    assert_eq!(
        desk.scan_and_pay(bill(&desk, "first"))
            .await
            .expect("repeated"),
        first
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_ten_minutes_ahead_stops_new_settlements() {
    refused_when_off_by(600).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_ten_minutes_behind_stops_new_settlements() {
    refused_when_off_by(-600).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_minute_and_a_half_is_shown_and_no_more() {
    let desk = Desk::start(Setup::default()).await;
    desk.platform
        .switch(&json!({ "clock_shift_s": 90 }))
        .expect("a switch");
    for request_id in ["first", "second"] {
        let answer = desk
            .pay(bill(&desk, request_id), &[Shows::fresh("employee")])
            .await;
        desk.assert_charged_once(&answer);
    }
    let status = desk.status().await;
    assert!(status.accepting);
    let skew_ms = status
        .platform
        .expect("the platform")
        .clock_skew_ms
        .expect("it was measured");
    assert!((60_000..120_000).contains(&skew_ms), "{skew_ms}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_set_right_is_noticed_without_a_restart() {
    let platform = super::platform().await;
    let mut desk = Desk::prepare(platform, Setup::default());
    let clock = desk.dir().join("clock");
    std::fs::write(&clock, "-600s\n").expect("its folder");
    let file = format!("FAKETIME_TIMESTAMP_FILE={}", clock.display());
    let words = [
        "env",
        FAKETIME,
        &file,
        "FAKETIME_NO_CACHE=1",
        "FAKETIME_DONT_FAKE_MONOTONIC=1",
    ];
    desk.start_daemon_under(&words).await;
    desk.platform
        .switch(&json!({ "check_headers": false }))
        .expect("a switch");
    desk.pay(bill(&desk, "first"), &[Shows::fresh("employee")])
        .await;
    let refused = desk
        .scan_and_pay(bill(&desk, "second"))
        .await
        .expect_err("skewed");
    assert_eq!(refusal(&refused).name, "CLOCK_SKEW");
    std::fs::write(&clock, "+0s\n").expect("its folder");
    let answer = desk
        .pay(bill(&desk, "second"), &[Shows::fresh("employee")])
        .await;
    desk.assert_charged_once(&answer);
    assert!(desk.status().await.accepting);
}
