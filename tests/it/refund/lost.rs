//! Lost and odd answers of a refund: found by enquiry, sent anew only when surely not done, or left to a person.

use yibaod::api::RefundMoney;

use super::{assert_truth, by_numbers, code_of, ended, of_request, settled};
use crate::desk::{Setup, eventually};

/// One refund under these faults; how often 2208 came in and what is told besides.
async fn under(faults: &[&str], sends: usize, code: &str) {
    let setup = Setup {
        settle_quiet_s: 3,
        money_call_ms: 1_200,
        ..Setup::default()
    };
    let (desk, settlement) = settled(setup, "bill-1").await;
    for fault in faults {
        desk.platform.arm(fault).expect("a fault of the sandbox");
    }
    let refund = ended(&desk, of_request("back-1", "bill-1")).await;
    assert_eq!(
        refund.money(),
        RefundMoney::Refunded,
        "{faults:?}: {refund:?}"
    );
    assert_eq!(code_of(&refund), code, "{faults:?}");
    assert_eq!(desk.received("2208"), sends, "{faults:?}");
    assert_truth(&desk, &settlement, &refund);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_found() {
    for fault in [
        "F1@2208",
        "F4@2208:504",
        "F5@2208",
        "F5@2208:1",
        "F21@2208",
        "F22@2208",
    ] {
        under(&[fault], 1, "").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_commits_after_we_gave_up_is_found() {
    under(&["F20@2208:2000"], 1, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_never_arrived_is_sent_anew() {
    for fault in ["F2@2208", "F4@2208"] {
        under(&[fault], 2, "").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_a_relay_delivers_twice_gives_back_once() {
    under(&["F23@2208"], 2, "").await;
    // Answered by the second, which the platform refuses for its msgid: that says nothing of the first.
    under(&["F23@2208:2"], 2, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_enquiry_is_asked_again() {
    under(&["F1@2208", "F1@5203", "F4@5203"], 1, "").await;
    under(&["F2@2208", "F5@5203"], 2, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_leaves_the_settlement_as_it_was() {
    let setup = Setup::default();
    let (desk, settlement) = settled(setup, "bill-1").await;
    // The sign-in ends for good at this call: surely not processed, also when it is asked again.
    desk.platform.arm("F14@2208!").expect("a fault");
    let refund = ended(&desk, of_request("back-1", "bill-1")).await;
    assert_eq!(refund.money(), RefundMoney::Refused, "{refund:?}");
    assert_truth(&desk, &settlement, &refund);
    desk.platform.disarm();
    let refund = ended(&desk, of_request("back-2", "bill-1")).await;
    assert_eq!(
        refund.money(),
        RefundMoney::Refunded,
        "a new request may try"
    );
    assert_truth(&desk, &settlement, &refund);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_found_out_is_unknown_until_a_person_states_it() {
    let setup = Setup {
        settle_quiet_s: 1,
        ..Setup::default()
    };
    let (desk, settlement) = settled(setup, "bill-1").await;
    desk.platform.arm("F1@2208").expect("a fault");
    // Refused in words that tell nothing.
    desk.platform.arm("F13@5203!").expect("a fault");
    let request = of_request("back-1", "bill-1");
    let refund = ended(&desk, request.clone()).await;
    assert!(refund.stuck, "{refund:?}");
    assert_eq!(
        (refund.money(), code_of(&refund)),
        (RefundMoney::Unknown, "REFUND_STUCK")
    );
    let again = super::refund(&desk, by_numbers("back-2", &settlement)).await;
    assert_eq!(
        again.expect("it is told"),
        refund,
        "no second refund meanwhile"
    );

    let item = eventually(async || crate::resolve::stuck(&desk).await.into_iter().next());
    let item = item.await.expect("it is listed");
    assert_eq!(item.id, refund.refund_id);
    assert_eq!(
        (&item.setl_id, &item.psn_no),
        (&settlement.setl_id, &settlement.psn_no)
    );
    assert_eq!(item.operator_id, "T0001");
    let stated = crate::resolve::state(&desk, &item.id, yibaod::api::ResolvedAs::Settled).await;
    let refused = crate::desk::refusal(&stated.expect_err("it is a refund"));
    assert_eq!(refused.name, "RESOLVE_CONTRADICTS");
    let stated = crate::resolve::state(&desk, &item.id, yibaod::api::ResolvedAs::Refunded).await;
    let stated = stated.expect("it is taken").refund.expect("a refund");
    assert_eq!(stated.money(), RefundMoney::Refunded);
    assert_eq!(
        stated.resolved.as_ref().expect("it is marked").reason,
        "门户已核对"
    );
    assert_truth(&desk, &settlement, &stated);
    assert_eq!(super::refund(&desk, request).await.expect("told"), stated);
    assert_eq!(crate::resolve::stuck(&desk).await, []);
    assert_eq!(desk.received("2208"), 1);
}
