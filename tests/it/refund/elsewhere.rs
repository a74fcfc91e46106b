//! Another desk's bill, and one that this journal lost: the platform's numbers are enough.

use std::sync::Arc;

use yibaod::api::RefundMoney;

use super::{assert_told_of, assert_truth, by_numbers, code_of, refund, settled};
use crate::desk::{Desk, Setup, eventually, refusal};

/// So far the msgids of a desk that settles one bill may be ahead of its clock.
const MARKS_LOST_S: u64 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn another_desk_gives_it_back() {
    let (first, settlement) = settled(Setup::default(), "bill-1").await;
    let setup = Setup {
        desk_number: 8,
        ..Setup::default()
    };
    let second = Desk::start_at(Arc::clone(&first.platform), setup).await;
    let given = refund(&second, by_numbers("back-1", &settlement)).await;
    let given = given.expect("it is taken");
    assert_eq!(given.money(), RefundMoney::Refunded, "{given:?}");
    assert_eq!(given.settlement_id, "", "it is not this desk's");
    assert_truth(&second, &settlement, &given);
    // The first desk did not hear of it: the platform says so, and nothing more goes back.
    let told = refund(&first, by_numbers("back-2", &settlement)).await;
    let told = told.expect("it is taken");
    assert_eq!(told.money(), RefundMoney::Refunded);
    assert_eq!(code_of(&told), "REFUNDED_BEFORE");
    assert_truth(&first, &settlement, &told);
    // A third request at the second desk is told of its own refund.
    let again = refund(&second, by_numbers("back-3", &settlement)).await;
    assert_told_of(&again.expect("it is told"), &given);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_journal_needs_the_platforms_numbers_only() {
    let (mut desk, settlement) = settled(Setup::default(), "bill-1").await;
    desk.stop().await;
    std::fs::remove_dir_all(desk.state_dir().join("journal")).expect("it was there");
    // The whole disk is gone; where the mark beside it is left, a person must look first.
    std::fs::remove_file(desk.state_dir().join("journal.high-water")).expect("it was there");
    // Its marks are lost too: the seconds of its last msgids must be over.
    let stopped = std::time::Instant::now();
    let over = async || (stopped.elapsed().as_secs() >= MARKS_LOST_S).then_some(());
    eventually(over).await.expect("time passes");
    desk.start_daemon().await;
    let status = refund(&desk, super::of_request("back-1", "bill-1")).await;
    assert_eq!(
        refusal(&status.expect_err("unknown here")).name,
        "NOT_FOUND"
    );
    let wrong = yibaod::api::RefundSettlementRequest {
        expected_amount_fen: 1,
        ..by_numbers("back-2", &settlement)
    };
    let refused = refund(&desk, wrong).await.expect("it is taken");
    assert_eq!(refused.money(), RefundMoney::Refused);
    assert_eq!(code_of(&refused), "REFUND_AMOUNT_DIFFERS");
    assert_truth(&desk, &settlement, &refused);
    let given = refund(&desk, by_numbers("back-3", &settlement)).await;
    let given = given.expect("it is taken");
    assert_truth(&desk, &settlement, &given);
    assert_eq!(
        (given.money(), code_of(&given)),
        (RefundMoney::Refunded, "")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_that_name_nothing_or_something_else_give_nothing_back() {
    let (desk, settlement) = settled(Setup::default(), "bill-1").await;
    let unknown = yibaod::api::Settlement {
        setl_id: "999999999".to_owned(),
        ..settlement.clone()
    };
    let refused = refund(&desk, by_numbers("back-1", &unknown)).await;
    let refused = refused.expect("it is taken");
    assert_eq!(refused.money(), RefundMoney::Refused, "{refused:?}");
    assert_eq!(code_of(&refused), "REFUND_NOT_FOUND");
    // Where the settlement is this desk's, numbers that are not its own are a slip.
    let mixed = yibaod::api::Settlement {
        psn_no: "P999".to_owned(),
        ..settlement.clone()
    };
    let status = refund(&desk, by_numbers("back-2", &mixed)).await;
    let slip = refusal(&status.expect_err("a slip"));
    assert_eq!(
        (slip.name.as_str(), slip.fields.as_str()),
        ("REQUEST_INVALID", "platform.psn_no")
    );
    // The number of a refund is no settlement.
    let given = refund(&desk, by_numbers("back-3", &settlement)).await;
    let given = given.expect("it is taken");
    let itself = yibaod::api::Settlement {
        setl_id: given.refund_setl_id.clone(),
        ..settlement.clone()
    };
    let refused = refund(&desk, by_numbers("back-4", &itself)).await;
    let refused = refused.expect("it is taken");
    assert_eq!(refused.money(), RefundMoney::Refused, "{refused:?}");
    assert_eq!(desk.received("2208"), 1);
}
