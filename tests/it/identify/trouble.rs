//! What goes wrong before somebody is known: told clearly, sent nowhere it must not go, and the way back is open.

use yibaod::api::{IdentifyFlow, IdentifyState, Patient, Stage};
use yibaod::book::Code;
use yibaod::sandbox::platform::CodeKind;

use super::{asking, error, identify, moved_no_money, received};
use crate::desk::{Desk, Setup, Shows};

/// What is shown at the login prompt, and what is said of it.
const BAD: [(&str, CodeKind, Code, bool); 6] = [
    ("wechat", CodeKind::Wechat, Code::PaymentCodeShown, false),
    ("alipay", CodeKind::Alipay, Code::PaymentCodeShown, false),
    ("idno", CodeKind::IdNumber, Code::IdNumberShown, false),
    ("half", CodeKind::Half, Code::CodeIncomplete, false),
    ("expired", CodeKind::Expired, Code::CodeExpired, true),
    ("used", CodeKind::Used, Code::CodeExpired, true),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_good_is_told_and_a_good_code_identifies() {
    let desk = Desk::start(Setup::default()).await;
    for (name, kind, code, must_ask) in BAD {
        let before = received(&desk, "ec.query");
        let shows = [Shows::Code("employee", kind), Shows::fresh("employee")];
        let request = asking(name, IdentifyFlow::Payment);
        let (answer, events) = identify(&desk, request, &shows).await;
        assert_eq!(answer.state(), IdentifyState::Identified, "{name}");
        let waiting = events
            .iter()
            .filter(|event| event.stage() == Stage::WaitingScan);
        let told: Vec<_> = waiting.filter_map(|event| event.error.clone()).collect();
        assert_eq!(told.len(), 1, "{name}: {told:?}");
        assert_eq!(told[0].code, code.id(), "{name}");
        assert_eq!(told[0].action_zh, code.entry().action_zh);
        let asked = received(&desk, "ec.query") - before;
        assert_eq!(asked, if must_ask { 2 } else { 1 }, "{name}");
    }
    moved_no_money(&desk);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_bad_codes_end_it() {
    let desk = Desk::start(Setup::default()).await;
    let bad = Shows::Code("employee", CodeKind::Wechat);
    let request = asking("three", IdentifyFlow::Payment);
    let (answer, _) = identify(&desk, request, &[bad.clone(), bad.clone(), bad]).await;
    assert_eq!(answer.state(), IdentifyState::Refused, "{answer:?}");
    assert_eq!(error(&answer), "PAYMENT_CODE_SHOWN");
    assert_eq!(
        (received(&desk, "ec.query"), answer.identity_ref.as_str()),
        (0, "")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_identified_before_must_be_refreshed() {
    let desk = Desk::start(Setup::default()).await;
    let code = desk.platform.fresh_code("employee").expect("a code");
    let same = Shows::Bytes(code.into_bytes());
    let request = asking("first", IdentifyFlow::Payment);
    let (first, _) = identify(&desk, request, std::slice::from_ref(&same)).await;
    assert_eq!(first.state(), IdentifyState::Identified);
    let request = asking("again", IdentifyFlow::Payment);
    let (again, events) = identify(&desk, request, &[same, Shows::fresh("employee")]).await;
    assert_eq!(again.state(), IdentifyState::Identified);
    let waiting = events
        .iter()
        .filter(|event| event.stage() == Stage::WaitingScan);
    let told = waiting.filter_map(|event| event.error.as_ref());
    let told: Vec<&str> = told.map(|error| error.name.as_str()).collect();
    assert_eq!(told, ["SAME_CODE_AGAIN"]);
    assert_eq!(
        received(&desk, "ec.query"),
        2,
        "the old code was sent nowhere"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_else_is_refused_where_it_is_said_who_it_must_be() {
    let desk = Desk::start(Setup::default()).await;
    let patient = desk.platform.person("employee").expect("a person");
    let mut request = asking("other", IdentifyFlow::Desk);
    request.patient = Some(Patient {
        certno: patient.idno.clone(),
        ..Patient::default()
    });
    let (answer, _) = identify(&desk, request.clone(), &[Shows::fresh("resident")]).await;
    assert_eq!(answer.state(), IdentifyState::Refused);
    assert_eq!(error(&answer), "PERSON_MISMATCH");
    assert_eq!((answer.name.as_str(), answer.psn_no.as_str()), ("", ""));
    assert_eq!(
        received(&desk, "1101"),
        0,
        "nothing is asked of the other one"
    );
    request.request_id = "own".to_owned();
    let (answer, _) = identify(&desk, request, &[Shows::fresh("employee")]).await;
    assert_eq!(answer.state(), IdentifyState::Identified);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_scans() {
    let desk = Desk::start(Setup::default()).await;
    let mut request = asking("nobody", IdentifyFlow::Payment);
    request.wait_ms = 300;
    let (answer, _) = identify(&desk, request, &[]).await;
    assert_eq!(answer.state(), IdentifyState::Cancelled);
    assert_eq!(error(&answer), "NOBODY_SCANNED");
    // The scanner is free for who comes next.
    super::by_code(&desk, "next", IdentifyFlow::Payment, "employee").await;
}

/// A platform that is down, or gives no answer, ends it with its reason; a report needs none.
#[tokio::test(flavor = "multi_thread")]
async fn a_platform_without_an_answer_is_told() {
    let desk = Desk::start(Setup::default()).await;
    desk.platform.arm("F4@1101!").expect("a fault");
    let shows = [Shows::fresh("employee")];
    let request = asking("down", IdentifyFlow::Payment);
    let (answer, _) = identify(&desk, request, &shows).await;
    assert_eq!(answer.state(), IdentifyState::Refused, "{answer:?}");
    assert!(error(&answer).starts_with("PLATFORM_"), "{answer:?}");
    assert_eq!(
        received(&desk, "1101"),
        3,
        "it only reads: it is asked again"
    );
    let request = asking("report", IdentifyFlow::Report);
    let (answer, _) = identify(&desk, request, &shows).await;
    assert_eq!(answer.state(), IdentifyState::Identified, "{answer:?}");
    assert!(answer.remarks[0].name.starts_with("PLATFORM_"));
    moved_no_money(&desk);
}
