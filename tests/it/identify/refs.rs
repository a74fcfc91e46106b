//! What an identification is still good for: one call, its caller, its purpose, a while, this process.

use yibaod::api::{
    Credential, CredentialPays, IdentifyFlow, IdentifyState, Money, ScanAndPayRequest,
};
use yibaod::book::Code;

use super::{asking, by_code, call, received};
use crate::desk::{Desk, Setup, Shows, bill, error_name, eventually, refusal};

/// A site where who was identified pays.
async fn paying_desk(more: &str) -> Desk {
    let profile_more = format!("[voucher]\nidentity_pays = true\n{more}\n");
    Desk::start(Setup {
        profile_more,
        ..Setup::default()
    })
    .await
}

fn by_ref(desk: &Desk, request_id: &str, reference: &str) -> ScanAndPayRequest {
    let mut request = bill(desk, request_id);
    request.credentials.clear();
    request.identity_ref = reference.to_owned();
    request
}

/// The call starts nothing, for this reason.
async fn check_refused(desk: &Desk, request: ScanAndPayRequest, code: Code) {
    let case = request.request_id.clone();
    let status = desk.scan_and_pay(request).await.expect_err(&case);
    let told = refusal(&status);
    assert_eq!(told.name, code.name(), "{case}: {told:?}");
    assert_eq!(told.fields, "identity_ref", "{case}");
    assert!(desk.get(&case).await.is_none(), "{case}: it was begun");
}

#[tokio::test(flavor = "multi_thread")]
async fn paying_asks_for_a_fresh_code_unless_the_site_says_otherwise() {
    let desk = Desk::start(Setup::default()).await;
    let who = by_code(&desk, "who", IdentifyFlow::Payment, "employee").await;
    let request = by_ref(&desk, "default", &who.identity_ref);
    check_refused(&desk, request, Code::IdentityNotFresh).await;
    let desk = paying_desk("").await;
    let who = by_code(&desk, "who", IdentifyFlow::Payment, "employee").await;
    let mut request = by_ref(&desk, "wish", &who.identity_ref);
    request.fresh_code = true;
    check_refused(&desk, request, Code::IdentityNotFresh).await;
    let mut both = by_ref(&desk, "both", &who.identity_ref);
    both.credentials = vec![Credential::EVoucher.into()];
    let status = desk.scan_and_pay(both).await.expect_err("either or");
    assert_eq!(refusal(&status).name, "REQUEST_INVALID");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_identified_pays_once_without_showing_anything_again() {
    let desk = paying_desk("").await;
    let shows = [Shows::fresh("employee")];
    let (who, seen) = super::identify(&desk, asking("who", IdentifyFlow::Payment), &shows).await;
    // Who watches is told the same, without the reference.
    let told = seen.last().and_then(|event| event.identification.clone());
    let told = told.expect("the last event has it");
    assert_eq!(told.identity_ref, "");
    for credential in [&who.credential, &told.credential] {
        let credential = credential.as_ref().expect("something was shown");
        assert_eq!(credential.pays(), CredentialPays::ByRef);
    }
    let request = by_ref(&desk, "paid", &who.identity_ref);
    let answer = desk.scan_and_pay(request.clone()).await.expect("taken");
    desk.assert_charged_once(&answer);
    assert_eq!(received(&desk, "ec.query"), 1, "nothing was read again");
    let again = desk.scan_and_pay(request).await.expect("it is repeated");
    assert_eq!(
        (again.money(), again.setl_id),
        (Money::Settled, answer.setl_id)
    );
    let request = by_ref(&desk, "twice", &who.identity_ref);
    check_refused(&desk, request, Code::IdentityUsed).await;
    assert_eq!(received(&desk, "2207"), 1);
    // The identification says so from here on.
    let who = call(&desk, asking("who", IdentifyFlow::Payment)).await;
    assert_eq!(who.expect("it is repeated").identity_ref, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_person_identified_is_the_person_billed() {
    let desk = paying_desk("").await;
    let who = by_code(&desk, "who", IdentifyFlow::Payment, "resident").await;
    let request = by_ref(&desk, "other", &who.identity_ref);
    let answer = desk.scan_and_pay(request).await.expect("it is taken");
    assert_eq!(answer.money(), Money::Refused, "{answer:?}");
    assert_eq!(error_name(&answer), "PERSON_MISMATCH");
    let error = answer.error.expect("it says why");
    assert!(error.meaning_zh.contains("本人"), "{}", error.meaning_zh);
    assert_eq!((received(&desk, "2201"), received(&desk, "2207")), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_purpose_time_or_process_does_not_take_it() {
    let mut desk = paying_desk("identity_ref_s = 5").await;
    let report = by_code(&desk, "report", IdentifyFlow::Report, "employee").await;
    let request = by_ref(&desk, "purpose", &report.identity_ref);
    check_refused(&desk, request, Code::IdentityOtherPurpose).await;
    let request = by_ref(&desk, "made-up", "id-1.00ff");
    check_refused(&desk, request, Code::IdentityUnknown).await;

    let who = by_code(&desk, "who", IdentifyFlow::Payment, "employee").await;
    let gone = eventually(async || {
        let told = call(&desk, asking("who", IdentifyFlow::Payment)).await;
        let told = told.expect("it is repeated");
        told.identity_ref.is_empty().then_some(told)
    });
    let late = gone.await.expect("its time is over");
    assert_eq!(
        late.state(),
        IdentifyState::Identified,
        "the person stays known"
    );
    let request = by_ref(&desk, "late", &who.identity_ref);
    check_refused(&desk, request, Code::IdentityExpired).await;

    let before = by_code(&desk, "before", IdentifyFlow::Payment, "employee").await;
    desk.kill();
    desk.start_daemon().await;
    let request = by_ref(&desk, "restarted", &before.identity_ref);
    check_refused(&desk, request, Code::IdentityGone).await;
}

/// 诊间: identified by a code, asked to pay by a fresh one; the old one does not do, nor another person's.
#[tokio::test(flavor = "multi_thread")]
async fn the_code_of_the_login_does_not_pay() {
    let desk = Desk::start(Setup::default()).await;
    let code = desk.platform.fresh_code("employee").expect("a code");
    let same = Shows::Bytes(code.into_bytes());
    let request = asking("who", IdentifyFlow::Desk);
    let (who, _) = super::identify(&desk, request, std::slice::from_ref(&same)).await;
    assert_eq!(who.state(), IdentifyState::Identified);
    let patient = desk.patient("pay", &[same, Shows::fresh("employee")]).await;
    let answer = desk.scan_and_pay(bill(&desk, "pay")).await.expect("taken");
    desk.assert_charged_once(&answer);
    let seen = patient.await.expect("it saw the end");
    let told = seen.iter().filter_map(|event| event.error.as_ref());
    let told: Vec<&str> = told.map(|error| error.name.as_str()).collect();
    assert!(told.contains(&"SAME_CODE_AGAIN"), "{told:?}");
    assert_eq!(
        received(&desk, "ec.query"),
        2,
        "the old code was sent nowhere"
    );
}
