//! A second, fresh code right before the money moves: another one, of the same person.

use yibaod::api::{ErrorMoney, Money, ScanAndPayRequest, Stage};
use yibaod::book::Code;
use yibaod::sandbox::platform::CodeKind;

use super::{rejections, watched};
use crate::bills::quiet;
use crate::desk::{Desk, Setup, Shows, bill};
use crate::told::{asked, check_ended, check_entry};

fn asking(desk: &Desk, request_id: &str) -> ScanAndPayRequest {
    ScanAndPayRequest {
        fresh_code: true,
        ..quiet(bill(desk, request_id))
    }
}

/// The second code is this one; then a right one is shown and settles.
async fn check(desk: &Desk, name: &str, first: Shows, second: Shows, code: Code) {
    let settled = asked(desk, "2207");
    let shows = [first, second, Shows::fresh("employee")];
    let (answer, events) = watched(desk, asking(desk, name), &shows).await;
    let told = rejections(&events, Stage::WaitingFreshScan);
    assert_eq!(told.len(), 1, "{name}: {told:?}");
    check_entry(&told[0], code.entry());
    assert_eq!(told[0].money(), ErrorMoney::NotCharged, "{name}");
    assert_eq!(answer.money(), Money::Settled, "{name}: {answer:?}");
    assert_eq!(asked(desk, "2207"), settled + 1, "{name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_code_is_asked_before_the_money_moves() {
    let desk = Desk::start(Setup::default()).await;
    let shows = [Shows::fresh("employee"), Shows::fresh("employee")];
    let (answer, events) = watched(&desk, asking(&desk, "fresh"), &shows).await;
    assert_eq!(answer.money(), Money::Settled, "{answer:?}");
    let asked_for = events
        .iter()
        .find(|event| event.stage() == Stage::WaitingFreshScan);
    let prompt = &asked_for.expect("a fresh code is asked for").prompt_zh;
    assert!(prompt.contains("刷新"), "{prompt}");
    let queries = desk.platform.ledger(|ledger| ledger.received("ec.query"));
    let (previews, settles) = desk
        .platform
        .ledger(|ledger| (ledger.received("2206"), ledger.received("2207")));
    assert_eq!((queries.len(), previews.len(), settles.len()), (2, 1, 1));
    assert!(previews[0].at <= queries[1].at && queries[1].at <= settles[0].at);
    let token = |body: &serde_json::Value| body["input"]["data"]["mdtrt_cert_no"].clone();
    assert_ne!(
        token(&previews[0].body),
        token(&settles[0].body),
        "the fresh token settles"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_site_may_ask_for_it_too() {
    let profile_more = "[voucher]\nfresh_code = true\n".to_owned();
    let desk = Desk::start(Setup {
        profile_more,
        ..Setup::default()
    })
    .await;
    let shows = [Shows::fresh("employee"), Shows::fresh("employee")];
    let (answer, _) = watched(&desk, quiet(bill(&desk, "site")), &shows).await;
    assert_eq!(
        (answer.money(), asked(&desk, "ec.query")),
        (Money::Settled, 2)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_code_or_another_person_is_told() {
    let desk = Desk::start(Setup::default()).await;
    let code = desk
        .platform
        .fresh_code("employee")
        .expect("a code")
        .into_bytes();
    let same = Shows::Bytes(code);
    check(&desk, "same", same.clone(), same, Code::SameCodeAgain).await;
    assert_eq!(
        asked(&desk, "ec.query"),
        2,
        "the same code was not sent again"
    );
    let (first, other) = (Shows::fresh("employee"), Shows::fresh("resident"));
    check(&desk, "other", first, other, Code::OtherPersonShown).await;
    let (first, wechat) = (
        Shows::fresh("employee"),
        Shows::Code("employee", CodeKind::Wechat),
    );
    check(&desk, "wechat", first, wechat, Code::PaymentCodeShown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_strangers_end_it_and_what_was_done_is_taken_back() {
    let desk = Desk::start(Setup::default()).await;
    let other = || Shows::fresh("resident");
    let shows = [
        Shows::fresh("employee"),
        other(),
        other(),
        other(),
        Shows::fresh("employee"),
    ];
    let (answer, _) = watched(&desk, asking(&desk, "strangers"), &shows).await;
    check_ended(&desk, &answer, Money::Refused, Code::OtherPersonShown).await;
    assert_eq!(
        (
            asked(&desk, "2205"),
            asked(&desk, "2202"),
            asked(&desk, "2207")
        ),
        (1, 1, 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_shows_the_second_code() {
    let desk = Desk::start(Setup::default()).await;
    let mut request = asking(&desk, "nobody");
    request.scan_wait_ms = 3_000;
    let (answer, _) = watched(&desk, request, &[Shows::fresh("employee")]).await;
    check_ended(&desk, &answer, Money::Cancelled, Code::NobodyScanned).await;
    assert_eq!(
        (
            asked(&desk, "2205"),
            asked(&desk, "2202"),
            asked(&desk, "2207")
        ),
        (1, 1, 0)
    );
}
