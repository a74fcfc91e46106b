//! 参保费别: which insurance pays when several are in force. Chosen once, remembered, corrected by the caller.

use yibaod::api::{Money, RefundMoney, Settlement};
use yibaod::book::Code;

use super::quiet;
use crate::desk::{Desk, Setup, Shows, bill_for};
use crate::refund;
use crate::told::check_ended;

const PERSON: &str = "two_insurances";

/// The person settles; an empty insurance is left to the daemon.
async fn settle(desk: &Desk, request_id: &str, insutype: &str) -> Settlement {
    let mut request = quiet(bill_for(&desk.platform, PERSON, request_id));
    request.insutype = insutype.to_owned();
    desk.pay(request, &[Shows::fresh(PERSON)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_chosen_once_is_remembered_until_it_is_corrected() {
    let mut desk = Desk::start(Setup::default()).await;
    let first = settle(&desk, "first", "").await;
    check_ended(&desk, &first, Money::Refused, Code::SeveralInsurances).await;

    let mut n = 0;
    for (given, paid) in [("390", "390"), ("", "390"), ("310", "310"), ("", "310")] {
        n += 1;
        let answer = settle(&desk, &format!("choice-{n}"), given).await;
        assert_eq!(answer.money(), Money::Settled, "{given}: {answer:?}");
        assert_eq!(answer.insutype, paid, "{n}: {given:?}");
        assert_eq!(answer.insutype_is_remembered, given.is_empty(), "{n}");
    }

    desk.stop().await;
    desk.start_daemon().await;
    let answer = settle(&desk, "after-a-restart", "").await;
    assert_eq!((answer.money(), &*answer.insutype), (Money::Settled, "310"));
}

/// Only what settled is remembered: a choice that came to nothing binds nobody.
#[tokio::test(flavor = "multi_thread")]
async fn a_choice_that_did_not_settle_is_not_remembered() {
    let desk = Desk::start(Setup::default()).await;
    desk.platform
        .arm("F11@2207")
        .expect("a fault of the sandbox");
    let refused = settle(&desk, "refused", "390").await;
    assert_eq!(refused.money(), Money::Refused, "{refused:?}");
    let next = settle(&desk, "next", "").await;
    check_ended(&desk, &next, Money::Refused, Code::SeveralInsurances).await;
}

/// A settlement by the wrong insurance that was given back is no choice.
#[tokio::test(flavor = "multi_thread")]
async fn a_choice_that_was_given_back_is_forgotten() {
    let desk = Desk::start(Setup::default()).await;
    assert_eq!(settle(&desk, "right", "310").await.money(), Money::Settled);
    let wrong = settle(&desk, "wrong", "390").await;
    assert_eq!(wrong.money(), Money::Settled, "{wrong:?}");
    let refunded = refund::ended(&desk, refund::by_numbers("back", &wrong)).await;
    assert_eq!(refunded.money(), RefundMoney::Refunded, "{refunded:?}");
    let next = settle(&desk, "next", "").await;
    assert_eq!((next.money(), &*next.insutype), (Money::Settled, "310"));
}

/// The memory is the person's own: another person's choice says nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_choice_of_one_person_is_not_anothers() {
    let desk = Desk::start(Setup::default()).await;
    let request = quiet(bill_for(&desk.platform, "employee", "somebody"));
    let answer = desk.pay(request, &[Shows::fresh("employee")]).await;
    assert_eq!(answer.money(), Money::Settled);
    let next = settle(&desk, "own", "").await;
    check_ended(&desk, &next, Money::Refused, Code::SeveralInsurances).await;
}
