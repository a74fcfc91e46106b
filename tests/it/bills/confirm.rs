//! Confirmations: what is shown carries a token, and only that token says yes.

use tonic::Status;
use yibaod::api::settlement_event::Shown;
use yibaod::api::{ConfirmPoint, ConfirmSettlementRequest, Money, ScanAndPayRequest, Stage};
use yibaod::book::Code;

use super::quiet;
use crate::desk::{Desk, Setup, Shows, bill, wait_for};
use crate::told::{asked, check_ended, check_status};

fn asking(desk: &Desk, request_id: &str, points: &[ConfirmPoint]) -> ScanAndPayRequest {
    let mut request = quiet(bill(desk, request_id));
    request.confirm = points.iter().map(|point| (*point).into()).collect();
    request
}

async fn confirm(
    desk: &Desk,
    request_id: &str,
    point: ConfirmPoint,
    shown: &str,
) -> Result<(), Status> {
    let (request_id, shown) = (request_id.to_owned(), shown.to_owned());
    let yes = ConfirmSettlementRequest {
        request_id,
        point: point.into(),
        shown,
    };
    desk.settlements()
        .await
        .confirm_settlement(yes)
        .await
        .map(drop)
}

/// Saying yes so is refused with this code.
async fn check_refused(desk: &Desk, point: ConfirmPoint, shown: &str, code: Code) {
    let refused = confirm(desk, "both", point, shown)
        .await
        .expect_err("it must not be taken");
    check_status(&refused, code);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_point_takes_its_own_token_once() {
    use ConfirmPoint::{Amounts, Person};
    let desk = Desk::start(Setup::default()).await;
    check_refused(&desk, Person, "0011223344556677", Code::NotFound).await;
    let mut events = desk.watch("both").await;
    let story = async {
        let event = wait_for(&mut events, Stage::WaitingScan).await;
        assert!(event.shown.is_none());
        check_refused(&desk, Person, "0011223344556677", Code::NotConfirmable).await;
        desk.show(&Shows::fresh("employee")).await;

        let event = wait_for(&mut events, Stage::WaitingPerson).await;
        let Some(Shown::Person(person)) = event.shown else {
            panic!("no person: {event:?}")
        };
        let whole = desk
            .platform
            .person("employee")
            .expect("a person of the sandbox");
        assert!(person.masked_name.starts_with('沈') && person.masked_name != whole.name);
        assert!(person.masked_certno.contains('*') && person.masked_certno != whole.idno);
        assert_eq!(
            (person.insutype.as_str(), person.balance_fen),
            ("310", 321_846)
        );
        check_refused(&desk, Person, "0011223344556677", Code::ConfirmStale).await;
        check_refused(&desk, Amounts, &person.shown, Code::NotConfirmable).await;
        assert_eq!(
            asked(&desk, "2201"),
            0,
            "nobody is registered before the yes"
        );
        confirm(&desk, "both", Person, &person.shown)
            .await
            .expect("it is taken");
        check_refused(&desk, Person, &person.shown, Code::NotConfirmable).await;

        let event = wait_for(&mut events, Stage::WaitingAmounts).await;
        let Some(Shown::Amounts(amounts)) = event.shown else {
            panic!("no amounts: {event:?}")
        };
        let preview = amounts.amounts.clone().expect("amounts are shown");
        assert_eq!(preview.medfee_sumamt_fen, 19_020);
        check_refused(&desk, Amounts, &person.shown, Code::ConfirmStale).await;
        assert_eq!(asked(&desk, "2207"), 0, "no money moves before the yes");
        confirm(&desk, "both", Amounts, &amounts.shown)
            .await
            .expect("it is taken");
        (amounts.shown, preview)
    };
    let request = asking(&desk, "both", &[Person, Amounts]);
    let (answer, (token, preview)) = tokio::join!(desk.scan_and_pay(request), story);
    let answer = answer.expect("the call is taken");
    assert_eq!(answer.money(), Money::Settled, "{answer:?}");
    let charged = answer.amounts.expect("what settled has amounts");
    assert_eq!(
        charged.psn_cash_pay_fen, preview.psn_cash_pay_fen,
        "as it was shown"
    );
    check_refused(&desk, Amounts, &token, Code::NotConfirmable).await;
}

/// Nobody says yes to this point: it ends in time, and what was done is taken back.
async fn check_nobody_confirms(point: ConfirmPoint) -> Desk {
    let desk = Desk::start(Setup {
        confirm_wait_s: 1,
        ..Setup::default()
    })
    .await;
    let request = asking(&desk, "alone", &[point]);
    let answer = desk.pay(request, &[Shows::fresh("employee")]).await;
    check_ended(&desk, &answer, Money::Cancelled, Code::ConfirmTimeout).await;
    assert_eq!(asked(&desk, "2207"), 0);
    desk
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_confirms_the_person() {
    let desk = check_nobody_confirms(ConfirmPoint::Person).await;
    assert_eq!(asked(&desk, "2201"), 0, "nobody was registered");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_confirms_the_amounts() {
    let desk = check_nobody_confirms(ConfirmPoint::Amounts).await;
    assert_eq!(
        (asked(&desk, "2205"), asked(&desk, "2202")),
        (1, 1),
        "each taken back once"
    );
}
