//! A settlement is given back while its receipt waits, or before a copy: no paper comes out that does not say so.

use yibaod::api::reprint_request::Of;
use yibaod::api::{PaperState, PrintJobState as State, RefundMoney, ReprintRequest};

use super::{impatient, pay};
use crate::desk::{Desk, Setup};
use crate::print::copy::reprint;
use crate::print::{client, until_state, why};
use crate::refund::{ended, of_request};

/// The number of the refund.
async fn given_back(desk: &Desk, settlement: &str) -> String {
    let request = of_request(&format!("back-{settlement}"), settlement);
    let refund = ended(desk, request).await;
    assert_eq!(refund.money(), RefundMoney::Refunded, "{refund:?}");
    refund.refund_setl_id
}

fn receipt_of(settlement: &str) -> Of {
    Of::SettlementRequestId(settlement.to_owned())
}

/// Settled without paper, given back, then there is paper again.
async fn printed_late(restarted: bool) {
    let mut desk = Desk::start(impatient()).await;
    desk.printer.paper_out_after(0);
    pay(&desk, "late").await;
    desk.until_paper("late", PaperState::Queued).await;
    let refund = given_back(&desk, "late").await;
    if restarted {
        desk.kill();
        desk.start_daemon().await;
    }
    assert_eq!(desk.printer.papers().len(), 0);
    desk.printer.refill();
    desk.until_paper("late", PaperState::Printed).await;
    let copy = reprint(&desk, "copy", receipt_of("late")).await;
    assert_eq!(copy.expect("taken").state(), State::Printed);
    let papers = desk.papers_in_the_end().await;
    assert_eq!(papers.len(), 2);
    for paper in &papers {
        let text = paper.text();
        assert!(text.contains("已退费") && text.contains(&refund), "{text}");
    }
    assert!(papers[1].text().contains("第1次补打"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_waited_for_paper_says_that_it_was_given_back() {
    printed_late(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_does_one_that_the_next_process_prints() {
    printed_late(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nobody_knows_of_the_refund_the_copy_says_so() {
    let setup = Setup {
        settle_quiet_s: 1,
        ..Setup::default()
    };
    let desk = Desk::start(setup).await;
    pay(&desk, "paid").await;
    desk.platform.arm("F1@2208").expect("a fault");
    // Refused in words that tell nothing.
    desk.platform.arm("F13@5203!").expect("a fault");
    let refund = ended(&desk, of_request("back", "paid")).await;
    assert!(refund.stuck, "{refund:?}");
    let copy = reprint(&desk, "copy", receipt_of("paid")).await;
    assert_eq!(copy.expect("taken").state(), State::Printed);
    let papers = desk.papers_in_the_end().await;
    let (first, copy) = (papers[0].text(), papers[1].text());
    assert!(!first.contains("退费"), "{first}");
    assert!(
        copy.contains("退费处理中") && copy.contains("结果待查"),
        "{copy}"
    );
    assert!(!copy.contains("已退费"), "{copy}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_waited_while_it_was_given_back_is_not_printed() {
    let desk = Desk::start(Setup::default()).await;
    pay(&desk, "paid").await;
    desk.papers_in_the_end().await;
    desk.printer.paper_out_after(0);
    let wish = ReprintRequest {
        answer_wait_ms: 0,
        ..crate::print::copy::wish("copy", receipt_of("paid"), None)
    };
    let copy = client(&desk).await.reprint(wish).await.expect("taken");
    let copy = copy.into_inner().job.expect("what is true");
    let refund = given_back(&desk, "paid").await;
    desk.printer.refill();
    let told = until_state(&desk, "copy", State::NotPrinted).await;
    assert_eq!((why(&told), &told.job_id), ("PAPER_OUTDATED", &copy.job_id));
    // A copy of that copy is made anew.
    let again = reprint(&desk, "again", Of::JobId(copy.job_id)).await;
    let again = again.expect("taken");
    assert_eq!((again.state(), again.copy), (State::Printed, 1));
    let papers = desk.papers_in_the_end().await;
    assert_eq!(papers.len(), 2);
    let text = papers[1].text();
    for said in ["已退费", &refund, "第1次补打"] {
        assert!(text.contains(said), "no {said} in {text}");
    }
}
