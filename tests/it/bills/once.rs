//! A bill is settled once, under whatever request_id it comes again: an HIS that was restarted knows no old one.

use futures_util::future::join_all;
use yibaod::api::settlement_event::Shown;
use yibaod::api::{
    AccountUse, ConfirmPoint, ConfirmSettlementRequest, Money, RefundMoney, Repeat, ResolvedAs,
    ScanAndPayRequest, Settlement, Stage,
};
use yibaod::book::Code;

use super::quiet;
use crate::callers::{answer_of, calling};
use crate::desk::{Desk, Setup, Shows, bill_for, error_name, wait_for};
use crate::refund;
use crate::resolve;
use crate::told::check_ended;

/// Pairs that are told to go on at the same moment.
const ROUNDS: usize = 6;

/// This person's bill with this number.
fn numbered(desk: &Desk, person: &str, request_id: &str, bill_no: &str) -> ScanAndPayRequest {
    let mut request = quiet(bill_for(&desk.platform, person, request_id));
    bill_no.clone_into(&mut request.bills[0].bill_no);
    request
}

async fn pay(desk: &Desk, request_id: &str, bill_no: &str) -> Settlement {
    let request = numbered(desk, "employee", request_id, bill_no);
    desk.pay(request, &[Shows::fresh("employee")]).await
}

fn charged(desk: &Desk) -> usize {
    desk.platform.ledger(|ledger| ledger.received("2207").len())
}

fn registered(desk: &Desk) -> usize {
    desk.platform.ledger(|ledger| ledger.received("2201").len())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settled_bill_is_refused_under_another_id_until_it_is_given_back() {
    let mut desk = Desk::start(Setup::default()).await;
    let first = pay(&desk, "first", "F-1").await;
    assert_eq!(first.money(), Money::Settled);
    desk.stop().await;
    desk.start_daemon().await;
    let again = pay(&desk, "again", "F-1").await;
    check_ended(&desk, &again, Money::Refused, Code::BillSettledBefore).await;
    let error = again.error.expect("it says why");
    assert_eq!(error.repeat(), Repeat::AskOnly, "no new id helps");
    let detail = error.detail;
    assert!(
        detail.contains("F-1") && detail.contains(&first.settlement_id),
        "{detail}"
    );
    assert_eq!((registered(&desk), charged(&desk)), (1, 1));
    // Another bill, another person, no number at all: nothing is known of them.
    assert_eq!(
        pay(&desk, "other-bill", "F-2").await.money(),
        Money::Settled
    );
    let other = numbered(&desk, "resident", "other-person", "F-1");
    let other = desk.pay(other, &[Shows::fresh("resident")]).await;
    assert_eq!(other.money(), Money::Settled, "{other:?}");
    for unnumbered in ["bare", "bare-again"] {
        assert_eq!(pay(&desk, unnumbered, "").await.money(), Money::Settled);
    }
    let back = refund::ended(&desk, refund::by_numbers("back", &first)).await;
    assert_eq!(back.money(), RefundMoney::Refunded);
    assert_eq!(pay(&desk, "anew", "F-1").await.money(), Money::Settled);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_bills_is_enough() {
    let desk = Desk::start(Setup::default()).await;
    assert_eq!(pay(&desk, "first", "F-1").await.money(), Money::Settled);
    let mut both = numbered(&desk, "employee", "both", "F-2");
    let mut second = both.bills[0].clone();
    "F-1".clone_into(&mut second.bill_no);
    both.bills.push(second);
    let both = desk.pay(both, &[Shows::fresh("employee")]).await;
    assert_eq!(error_name(&both), "BILL_SETTLED_BEFORE");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_doubt_is_not_settled_anew() {
    // A platform that can neither be asked after a settlement nor made to reverse it.
    let mute = "[transactions]\nreversible = []\n[enquiry]\nwithout_setl_id = false\n";
    let desk = Desk::start(Setup {
        settle_quiet_s: 1,
        profile_more: mute.to_owned(),
        ..Setup::default()
    })
    .await;
    desk.platform
        .arm("F2@2207")
        .expect("a fault of the sandbox");
    let first = pay(&desk, "first", "F-1").await;
    assert_eq!((first.money(), first.stuck), (Money::Unknown, true));
    let again = pay(&desk, "again", "F-1").await;
    assert_eq!(
        (again.money(), error_name(&again)),
        (Money::Refused, "BILL_SETTLED_BEFORE")
    );
    assert_eq!(charged(&desk), 1);
    // Nothing was charged, a person states: then it can be.
    let stated = resolve::state(&desk, &first.settlement_id, ResolvedAs::NotCharged).await;
    stated.expect("it may be stated");
    assert_eq!(pay(&desk, "anew", "F-1").await.money(), Money::Settled);
}

/// Both have been shown their amounts when both are told to go on, again and again: one is charged.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_at_once_one_is_charged() {
    let desk = Desk::start(Setup::default()).await;
    for round in 0..ROUNDS {
        let bill_no = format!("F-{round}");
        let ids = [format!("one-{round}"), format!("two-{round}")];
        let mut calls = Vec::new();
        let mut shown = Vec::new();
        for id in &ids {
            let mut request = numbered(&desk, "employee", id, &bill_no);
            request.account_use = AccountUse::No.into();
            request.confirm = vec![ConfirmPoint::Amounts.into()];
            let mut events = desk.watch(id).await;
            calls.push(calling(&desk, request).await);
            wait_for(&mut events, Stage::WaitingScan).await;
            desk.show(&Shows::fresh("employee")).await;
            let event = wait_for(&mut events, Stage::WaitingAmounts).await;
            let Some(Shown::Amounts(amounts)) = event.shown else {
                panic!("no amounts: {event:?}")
            };
            shown.push(amounts.shown);
        }
        let yes = ids
            .iter()
            .zip(&shown)
            .map(|(id, shown)| says_yes(&desk, id, shown));
        join_all(yes).await;
        let mut answers = Vec::new();
        for call in calls {
            answers.push(answer_of(call).await);
        }
        answers.sort_by_key(|answer| answer.money() != Money::Settled);
        assert_eq!(answers[0].money(), Money::Settled, "{answers:?}");
        let kept = (answers[1].money(), error_name(&answers[1]));
        assert_eq!(kept, (Money::Refused, "BILL_SETTLED_BEFORE"));
        assert_eq!(charged(&desk), round + 1);
    }
}

async fn says_yes(desk: &Desk, request_id: &str, shown: &str) {
    let yes = ConfirmSettlementRequest {
        request_id: request_id.to_owned(),
        point: ConfirmPoint::Amounts.into(),
        shown: shown.to_owned(),
    };
    let mut client = desk.settlements().await;
    client
        .confirm_settlement(yes)
        .await
        .expect("it waits for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_may_leave_it_to_its_his() {
    let desk = Desk::start(Setup {
        bill_once_days: 0,
        ..Setup::default()
    })
    .await;
    for request_id in ["first", "again"] {
        assert_eq!(pay(&desk, request_id, "F-1").await.money(), Money::Settled);
    }
}
