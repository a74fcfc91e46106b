//! A bill is settled once, under whatever request_id it comes again: an HIS that was restarted knows no old one.

use yibaod::api::{Money, RefundMoney, ResolvedAs, ScanAndPayRequest, Settlement};
use yibaod::book::Code;

use super::quiet;
use crate::desk::{Desk, Setup, Shows, bill_for, error_name};
use crate::refund;
use crate::resolve;
use crate::told::check_ended;

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
    let detail = again.error.expect("it says why").detail;
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

/// Both are identified and shown their amounts before either is charged.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_at_once_one_is_charged() {
    let desk = Desk::start(Setup {
        money_call_ms: 9_000,
        ..Setup::default()
    })
    .await;
    desk.platform
        .arm("F3@2207:6000")
        .expect("a fault of the sandbox");
    let (one, two) = tokio::join!(pay(&desk, "one", "F-1"), pay(&desk, "two", "F-1"));
    let (sent, kept) = match one.money() == Money::Settled {
        true => (one, two),
        false => (two, one),
    };
    assert_eq!(sent.money(), Money::Settled, "{sent:?}");
    assert_eq!(
        (kept.money(), error_name(&kept)),
        (Money::Refused, "BILL_SETTLED_BEFORE")
    );
    assert_eq!(charged(&desk), 1);
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
