//! The patient shown is the patient billed.

use yibaod::api::settlement_event::Shown;
use yibaod::api::{
    ConfirmPoint, ConfirmSettlementRequest, Money, Patient, ScanAndPayRequest, Stage,
};
use yibaod::book::Code;

use super::quiet;
use crate::desk::{Desk, Setup, Shows, bill, wait_for};
use crate::told::{asked, check_ended, check_not_begun};

/// The employee's bill, naming the patient so.
fn naming(desk: &Desk, request_id: &str, certno: &str, name: &str) -> ScanAndPayRequest {
    let mut request = bill(desk, request_id);
    let (certno, name) = (certno.to_owned(), name.to_owned());
    request.patient = Some(Patient {
        certno,
        name,
        his_id: "P1".to_owned(),
    });
    request
}

/// Pays, and says yes to the person that is shown.
async fn pay_and_confirm_person(
    desk: &Desk,
    request: ScanAndPayRequest,
) -> yibaod::api::Settlement {
    let request_id = request.request_id.clone();
    let mut events = desk.watch(&request_id).await;
    let yes = async {
        let event = wait_for(&mut events, Stage::WaitingPerson).await;
        let Some(Shown::Person(shown)) = event.shown else {
            panic!("no person: {event:?}")
        };
        let shown = shown.shown;
        let point = ConfirmPoint::Person.into();
        let yes = ConfirmSettlementRequest {
            request_id,
            point,
            shown,
        };
        desk.settlements()
            .await
            .confirm_settlement(yes)
            .await
            .expect("it is taken");
    };
    let shows = [Shows::fresh("employee")];
    let (answer, ()) = tokio::join!(desk.pay(quiet(request), &shows), yes);
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_that_names_nobody_is_refused() {
    let desk = Desk::start(Setup::default()).await;
    let nobody = naming(&desk, "nobody", "", " ");
    check_not_begun(&desk, nobody, Code::BillNamesNobody, "patient.certno").await;
    let mut absent = bill(&desk, "absent");
    absent.patient = None;
    check_not_begun(&desk, absent, Code::BillNamesNobody, "patient.certno").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_that_names_nobody_is_confirmed_where_it_is_allowed() {
    let uid = rustix::process::getuid().as_raw();
    let config_more = format!("[access]\nunnamed_bill = [\"uid:{uid}\"]\n");
    let desk = Desk::start(Setup {
        config_more,
        ..Setup::default()
    })
    .await;
    let mut request = bill(&desk, "unnamed");
    request.patient = None;
    let answer = pay_and_confirm_person(&desk, request).await;
    assert_eq!(answer.money(), Money::Settled, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_alone_asks_for_a_look() {
    let desk = Desk::start(Setup::default()).await;
    let person = desk
        .platform
        .person("employee")
        .expect("a person of the sandbox");
    let request = naming(&desk, "name-only", "", &person.name);
    let answer = pay_and_confirm_person(&desk, request).await;
    assert_eq!(answer.money(), Money::Settled, "{answer:?}");
}

/// The employee shows a code; the bill is somebody else's.
async fn check_mismatch(desk: &Desk, request: ScanAndPayRequest) {
    let answer = desk.pay(request, &[Shows::fresh("employee")]).await;
    check_ended(desk, &answer, Money::Refused, Code::PersonMismatch).await;
    assert!(
        desk.platform.ledger(|ledger| ledger.visits().is_empty()),
        "nothing was registered"
    );
    assert_eq!((asked(desk, "2201"), asked(desk, "2207")), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_code_pays_nothing() {
    let desk = Desk::start(Setup::default()).await;
    let other = desk
        .platform
        .person("resident")
        .expect("a person of the sandbox");
    let employee = desk
        .platform
        .person("employee")
        .expect("a person of the sandbox");
    check_mismatch(
        &desk,
        naming(&desk, "other-number", &other.idno, &other.name),
    )
    .await;
    check_mismatch(&desk, naming(&desk, "other-name", "", &other.name)).await;
    // The right name does not help a wrong number.
    check_mismatch(
        &desk,
        naming(&desk, "namesake", &other.idno, &employee.name),
    )
    .await;
    assert_eq!(asked(&desk, "1101"), 0, "it is known from the code alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_compared_as_people_write_them() {
    let desk = Desk::start(Setup::default()).await;
    let person = desk
        .platform
        .person("employee")
        .expect("a person of the sandbox");
    let number = format!(" {} ", person.idno.to_lowercase());
    let request = quiet(naming(&desk, "spaced", &number, "另一种写法"));
    let answer = desk.pay(request, &[Shows::fresh("employee")]).await;
    assert_eq!(answer.money(), Money::Settled, "{answer:?}");
}
