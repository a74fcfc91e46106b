//! Whom each flow identifies, by which business type and prompt, and how much is told.

use yibaod::api::{Credential, CredentialPays, IdentifyFlow, IdentifyState, Stage};

use super::{asking, by_code, identify, moved_no_money, received};
use crate::desk::{Desk, Setup, Shows};

const FLOWS: [(IdentifyFlow, &str, &str); 5] = [
    (IdentifyFlow::Registration, "01101", "挂号"),
    (IdentifyFlow::Payment, "01301", "缴费"),
    (IdentifyFlow::Report, "01303", "报告"),
    (IdentifyFlow::Desk, "01301", "就诊"),
    (IdentifyFlow::Pharmacy, "01302", "取药"),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_flow_has_its_prompt_and_business_type() {
    let desk = Desk::start(Setup::default()).await;
    let person = desk.platform.person("employee").expect("a person");
    for (n, (flow, business_type, word)) in FLOWS.into_iter().enumerate() {
        let request = asking(&format!("who-{n}"), flow);
        let (answer, events) = identify(&desk, request, &[Shows::fresh("employee")]).await;
        assert_eq!(answer.state(), IdentifyState::Identified, "{answer:?}");
        assert!(answer.prompt_zh.contains(word), "{}", answer.prompt_zh);
        assert!(answer.prompt_zh.contains("刷新您的医保电子凭证"));
        // The prompt comes at once, before anything is shown.
        assert_eq!(events[0].prompt_zh, answer.prompt_zh);
        let stages: Vec<Stage> = events.iter().map(|event| event.stage()).collect();
        assert!(stages.contains(&Stage::WaitingScan), "{stages:?}");
        assert_eq!(stages.last(), Some(&Stage::Ended));
        let told = events.last().and_then(|event| event.identification.clone());
        let told = told.expect("the last event has it");
        assert_eq!((told.identity_ref.as_str(), told.unmasked), ("", false));
        let asked = desk.platform.ledger(|ledger| ledger.received("ec.query"));
        let data = &asked.last().expect("it was asked").body["data"];
        assert_eq!(data["businessType"], business_type);
        assert_eq!(data["deviceType"], "SelfService");
        assert_eq!(answer.business_type, business_type);
        assert_eq!(answer.psn_no, person.psn_no);
        assert_eq!(answer.insurances.len(), 1, "{:?}", answer.insurances);
        assert_eq!(answer.insurances[0].insutype, "310");
        assert_eq!(answer.insurances[0].insuplc_admdvs, "430100");
        assert!(answer.remarks.is_empty() && answer.error.is_none());
    }
    let people = desk.platform.ledger(|ledger| ledger.received("1101"));
    assert_eq!(people.len(), FLOWS.len());
    assert!(people.iter().all(|row| row.msgid.len() == 30));
    moved_no_money(&desk);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_it_is_is_masked_and_the_credential_pays_when_shown_again() {
    let desk = Desk::start(Setup::default()).await;
    let person = desk.platform.person("employee").expect("a person");
    let answer = by_code(&desk, "masked", IdentifyFlow::Payment, "employee").await;
    assert!(!answer.unmasked);
    assert!(answer.name.contains('*') && answer.name != person.name);
    assert!(answer.certno.contains('*') && answer.certno.ends_with(&person.idno[14..]));
    let credential = answer.credential.expect("something was shown");
    assert_eq!(credential.kind(), Credential::EVoucher);
    assert_eq!(credential.pays(), CredentialPays::ShownAgain);
    assert!(credential.token_reusable, "the sandbox's profile says so");
    assert!((0..60_000).contains(&credential.age_ms) && !credential.decoded_at.is_empty());
    assert!(!answer.identity_ref.is_empty() && !answer.identity_ref_until.is_empty());
    let status = desk.status().await;
    assert_eq!(status.open_settlements, 0, "it is no settlement");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_business_type_is_told_as_given() {
    let desk = Desk::start(Setup::default()).await;
    let mut request = asking("call-in", IdentifyFlow::Desk);
    request.business_type = "01201".to_owned();
    let (answer, _) = identify(&desk, request, &[Shows::fresh("resident")]).await;
    assert_eq!(answer.business_type, "01201");
    let asked = desk.platform.ledger(|ledger| ledger.received("ec.query"));
    assert_eq!(asked[0].body["data"]["businessType"], "01201");
}

/// A report's printing has a business type of its own: a site that wants a code for each print asks with it before it.
#[tokio::test(flavor = "multi_thread")]
async fn printing_a_report_can_be_asked_for_by_itself() {
    let desk = Desk::start(Setup::default()).await;
    let to_see = by_code(&desk, "to-see", IdentifyFlow::Report, "employee").await;
    assert_eq!(to_see.business_type, "01303");
    let mut request = asking("to-print", IdentifyFlow::Report);
    request.business_type = "01304".to_owned();
    let (to_print, _) = identify(&desk, request, &[Shows::fresh("employee")]).await;
    assert_eq!(to_print.state(), IdentifyState::Identified, "{to_print:?}");
    assert_eq!(to_print.business_type, "01304");
    assert_eq!(to_print.psn_no, to_see.psn_no);
    assert!(
        to_print.prompt_zh.contains("打印"),
        "{}",
        to_print.prompt_zh
    );
    let asked = desk.platform.ledger(|ledger| ledger.received("ec.query"));
    let told = asked
        .iter()
        .map(|it| it.body["data"]["businessType"].as_str());
    let told: Vec<Option<&str>> = told.collect();
    assert_eq!(told, [Some("01303"), Some("01304")]);
    moved_no_money(&desk);
}

/// Several in force, none in force, unknown: the person is known all the same, and what is wrong is said.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_said_of_the_insurance_is_said() {
    let desk = Desk::start(Setup::default()).await;
    let several = by_code(&desk, "several", IdentifyFlow::Payment, "two_insurances").await;
    let kinds: Vec<&str> = several
        .insurances
        .iter()
        .map(|row| row.insutype.as_str())
        .collect();
    assert_eq!(kinds, ["310", "390"]);
    assert_eq!(several.remarks[0].name, "SEVERAL_INSURANCES");
    assert_eq!(
        several.remarks[0].detail,
        "310 职工基本医疗保险, 390 城乡居民基本医疗保险"
    );
    let paused = by_code(&desk, "paused", IdentifyFlow::Payment, "paused").await;
    assert!(paused.insurances.is_empty());
    assert_eq!(paused.remarks[0].name, "INSURANCE_NOT_IN_FORCE");
    let credential = paused.credential.expect("something was shown");
    assert_eq!(credential.pays(), CredentialPays::Not);

    // Nobody is identified without 1101 but for a report.
    let shows = [Shows::fresh("stranger")];
    let request = asking("stranger", IdentifyFlow::Payment);
    let (unknown, _) = identify(&desk, request, &shows).await;
    assert_eq!(unknown.state(), IdentifyState::Refused, "{unknown:?}");
    assert_eq!(super::error(&unknown), "PERSON_UNKNOWN");
    assert_eq!(
        (unknown.name.as_str(), unknown.identity_ref.as_str()),
        ("", "")
    );
    let report = by_code(&desk, "report", IdentifyFlow::Report, "stranger").await;
    assert_eq!(report.remarks[0].name, "PERSON_UNKNOWN");
    assert!(!report.name.is_empty() && report.psn_no.is_empty());
    assert_eq!(received(&desk, "1101"), 4);
    moved_no_money(&desk);
}
