//! What is shown to the scanner and is no good: told at once, sent nowhere it must not go, and the scanner
//! waits on for a good one.

mod fresh;
mod persons;

use yibaod::api::{ErrorMoney, Money, Settlement, SettlementEvent, Stage};
use yibaod::book::Code;
use yibaod::sandbox::platform::CodeKind;

use crate::bills::quiet;
use crate::desk::{Desk, Setup, Shows, bill, wait_for};
use crate::told::{asked, check_ended, check_entry, received};

/// 医保码 in GBK, as a scanner in a wrong mode sends a name.
const GBK: [u8; 6] = [0xd2, 0xbd, 0xb1, 0xa3, 0xc2, 0xeb];

/// What is shown, what is said of it, and whether the e-voucher service has to be asked to know.
type Case = (&'static str, Shows, Code, bool);

/// Pays with these; gives the answer and what a watcher saw until the end.
async fn watched(
    desk: &Desk,
    request: yibaod::api::ScanAndPayRequest,
    shows: &[Shows],
) -> (Settlement, Vec<SettlementEvent>) {
    let patient = desk.patient(&request.request_id, shows).await;
    let answer = desk.scan_and_pay(request).await.expect("the call is taken");
    (answer, patient.await.expect("the watcher saw the end"))
}

/// What was said to be wrong while a code was awaited.
fn rejections(events: &[SettlementEvent], stage: Stage) -> Vec<yibaod::api::ErrorEntry> {
    let waiting = events.iter().filter(|event| event.stage() == stage);
    let errors = waiting.filter_map(|event| event.error.clone());
    errors
        .filter(|error| error.name != Code::Pending.name())
        .collect()
}

/// Each bad code at the same desk, and a good one after it: the bad one is told, the good one settles.
async fn check_all(cases: Vec<Case>) {
    let desk = Desk::start(Setup::default()).await;
    for (name, bad, code, must_ask) in cases {
        let queries = asked(&desk, "ec.query");
        let request = quiet(bill(&desk, name));
        let (answer, events) = watched(&desk, request, &[bad, Shows::fresh("employee")]).await;
        let told = rejections(&events, Stage::WaitingScan);
        assert_eq!(told.len(), 1, "{name}: {told:?}");
        check_entry(&told[0], code.entry());
        assert_eq!(told[0].money(), ErrorMoney::NotCharged, "{name}");
        let prompts: Vec<&str> = events
            .iter()
            .map(|event| event.prompt_zh.as_str())
            .collect();
        assert!(
            prompts
                .iter()
                .any(|prompt| prompt.contains("刷新您的医保电子凭证")),
            "{name}: {prompts:?}"
        );
        assert_eq!(answer.money(), Money::Settled, "{name}: {answer:?}");
        let queries = asked(&desk, "ec.query") - queries;
        assert_eq!(queries, if must_ask { 2 } else { 1 }, "{name}: codes sent");
    }
}

/// These bytes were sent to nobody.
fn check_sent_nowhere(desk: &Desk, secret: &str) {
    let bodies: Vec<String> = received(desk)
        .iter()
        .map(|row| row.body.to_string())
        .collect();
    assert!(!bodies.is_empty() && bodies.iter().all(|body| !body.contains(secret)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_kind_of_code_is_told_and_a_good_one_settles() {
    check_all(vec![
        (
            "wechat",
            Shows::Code("employee", CodeKind::Wechat),
            Code::PaymentCodeShown,
            false,
        ),
        (
            "alipay",
            Shows::Code("employee", CodeKind::Alipay),
            Code::PaymentCodeShown,
            false,
        ),
        (
            "unionpay",
            Shows::Bytes(b"6212345678901234567".to_vec()),
            Code::PaymentCodeShown,
            false,
        ),
        (
            "idno",
            Shows::Code("employee", CodeKind::IdNumber),
            Code::IdNumberShown,
            false,
        ),
        (
            "digits",
            Shows::Bytes(b"6901234567892".to_vec()),
            Code::CodeUnknownKind,
            false,
        ),
        (
            "link",
            Shows::Bytes(b"https://example.invalid/q".to_vec()),
            Code::CodeUnknownKind,
            false,
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_or_stale_code_is_told_and_a_good_one_settles() {
    check_all(vec![
        (
            "half",
            Shows::Code("employee", CodeKind::Half),
            Code::CodeIncomplete,
            false,
        ),
        (
            "glued",
            Shows::Code("employee", CodeKind::Glued),
            Code::CodesGlued,
            false,
        ),
        ("gbk", Shows::Bytes(GBK.to_vec()), Code::CodeEncoding, false),
        (
            "utf8",
            Shows::Bytes("医保码".as_bytes().to_vec()),
            Code::CodeEncoding,
            false,
        ),
        (
            "expired",
            Shows::Code("employee", CodeKind::Expired),
            Code::CodeExpired,
            true,
        ),
        (
            "used",
            Shows::Code("employee", CodeKind::Used),
            Code::CodeExpired,
            true,
        ),
        // The right form, and no centre knows it.
        (
            "nobodys",
            Shows::Bytes(format!("424{}0000", "5".repeat(21)).into_bytes()),
            Code::CodeUnknownKind,
            true,
        ),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_code_or_id_number_goes_nowhere() {
    let desk = Desk::start(Setup::default()).await;
    let resident = desk
        .platform
        .person("resident")
        .expect("a person of the sandbox");
    let payment = desk
        .platform
        .code("resident", CodeKind::Wechat)
        .expect("a code");
    let shows = [
        Shows::Bytes(payment.clone().into_bytes()),
        Shows::Code("resident", CodeKind::IdNumber),
        Shows::fresh("employee"),
    ];
    let (answer, events) = watched(&desk, quiet(bill(&desk, "nowhere")), &shows).await;
    assert_eq!(answer.money(), Money::Settled, "{answer:?}");
    let told = rejections(&events, Stage::WaitingScan);
    let names: Vec<&str> = told.iter().map(|error| error.name.as_str()).collect();
    assert_eq!(
        names,
        ["PAYMENT_CODE_SHOWN", "ID_NUMBER_SHOWN"],
        "each is told"
    );
    for secret in [&payment, &resident.idno] {
        check_sent_nowhere(&desk, secret);
        let seen = format!("{events:?}{answer:?}");
        assert!(
            !seen.contains(secret.as_str()),
            "nor is it told back to anybody"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_bad_codes_end_it_with_the_last_ones_reason() {
    let desk = Desk::start(Setup::default()).await;
    let (wechat, half, used) = (CodeKind::Wechat, CodeKind::Half, CodeKind::Used);
    let last_is_half = [wechat, CodeKind::IdNumber, half, CodeKind::Fresh];
    let last_is_used = [half, wechat, used, CodeKind::Fresh];
    for (request_id, kinds, code) in [
        ("three-1", last_is_half, Code::CodeIncomplete),
        ("three-2", last_is_used, Code::CodeExpired),
    ] {
        let shows = kinds.map(|kind| Shows::Code("employee", kind));
        let (answer, _) = watched(&desk, bill(&desk, request_id), &shows).await;
        check_ended(&desk, &answer, Money::Refused, code).await;
    }
    assert_eq!(
        (
            asked(&desk, "ec.query"),
            asked(&desk, "1101"),
            asked(&desk, "2207")
        ),
        (1, 0, 0)
    );
    let answer = desk
        .pay(quiet(bill(&desk, "after")), &[Shows::fresh("employee")])
        .await;
    assert_eq!(
        answer.money(),
        Money::Settled,
        "the desk is as good as before: {answer:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_scans_before_the_deadline() {
    let desk = Desk::start(Setup::default()).await;
    let wechat = Shows::Code("employee", CodeKind::Wechat);
    for (request_id, shows) in [("nobody", vec![]), ("only-a-bad-one", vec![wechat])] {
        let mut request = bill(&desk, request_id);
        request.scan_wait_ms = 300;
        let (answer, _) = watched(&desk, request, &shows).await;
        check_ended(&desk, &answer, Money::Cancelled, Code::NobodyScanned).await;
    }
    assert_eq!(received(&desk).len(), 0, "the platform was never asked");
}

/// The token dies at this transaction: another code is asked for, and that one settles.
async fn check_token_dies_at(desk: &Desk, infno: &str) {
    desk.platform
        .arm(&format!("F11@{infno}"))
        .expect("a fault of the sandbox");
    let settled = asked(desk, "2207");
    let shows = [Shows::fresh("employee"), Shows::fresh("employee")];
    let (answer, events) =
        watched(desk, quiet(bill(desk, &format!("dies-at-{infno}"))), &shows).await;
    let told = rejections(&events, Stage::WaitingScan);
    assert_eq!(told.len(), 1, "{infno}: {told:?}");
    check_entry(&told[0], Code::CodeExpired.entry());
    assert_eq!(answer.money(), Money::Settled, "{infno}: {answer:?}");
    assert_eq!(asked(desk, "2207"), settled + 1, "{infno}");
    let open = desk
        .platform
        .ledger(|ledger| (ledger.visits_open().len(), ledger.lines_open().len()));
    assert_eq!(open, (0, 0), "{infno}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_expires_on_the_way_is_shown_anew() {
    let desk = Desk::start(Setup::default()).await;
    for infno in ["1101", "2201", "2206"] {
        check_token_dies_at(&desk, infno).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_expires_at_the_money_call_charges_nothing() {
    let desk = Desk::start(Setup::default()).await;
    desk.platform
        .arm("F11@2207")
        .expect("a fault of the sandbox");
    let request = bill(&desk, "dies-at-2207");
    let (answer, _) = watched(&desk, request, &[Shows::fresh("employee")]).await;
    check_ended(&desk, &answer, Money::Refused, Code::CodeExpired).await;
    assert_eq!(
        (
            asked(&desk, "2207"),
            asked(&desk, "2205"),
            asked(&desk, "2202")
        ),
        (1, 1, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_nobody_asked_for_is_not_used() {
    let desk = Desk::start(Setup::default()).await;
    desk.show(&Shows::fresh("employee")).await;
    let mut request = bill(&desk, "before");
    request.scan_wait_ms = 500;
    let (answer, _) = watched(&desk, request, &[]).await;
    check_ended(&desk, &answer, Money::Cancelled, Code::NobodyScanned).await;
    assert_eq!(asked(&desk, "ec.query"), 0);

    // Two in a row where one is asked for: the second is not kept for the fresh code.
    let mut request = bill(&desk, "two-in-a-row");
    (request.scan_wait_ms, request.fresh_code) = (4_000, true);
    let mut events = desk.watch(&request.request_id).await;
    let two = async {
        wait_for(&mut events, Stage::WaitingScan).await;
        desk.show(&Shows::fresh("employee")).await;
        desk.show(&Shows::fresh("employee")).await;
    };
    let (answer, ()) = tokio::join!(desk.scan_and_pay(request), two);
    let answer = answer.expect("the call is taken");
    check_ended(&desk, &answer, Money::Cancelled, Code::NobodyScanned).await;
    assert_eq!((asked(&desk, "ec.query"), asked(&desk, "2207")), (1, 0));
}
