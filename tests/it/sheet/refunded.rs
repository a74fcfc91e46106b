//! Sheets of settlements that were given back, or perhaps were: shown, copied, and overtaken while they wait for paper.

use yibaod::api::{PrintJobState as State, RefundMoney, SheetPaper};

use super::paper::{copy, desk, get, printing, settled};
use super::text_of;
use crate::desk::{Desk, Setup};
use crate::print::{print, until_state, why};
use crate::refund::{ended, of_request};

async fn given_back(desk: &Desk) -> String {
    let refund = ended(desk, of_request("back", "paid")).await;
    assert_eq!(refund.money(), RefundMoney::Refunded, "{refund:?}");
    refund.refund_setl_id
}

#[tokio::test(flavor = "multi_thread")]
async fn sheet_and_copy_say_how_the_refund_stands() {
    let (desk, reports) = desk(Setup {
        settle_quiet_s: 1,
        ..Setup::default()
    })
    .await;
    settled(&desk, "paid").await;
    let first = print(&desk, printing("press", SheetPaper::A4)).await;
    let first = first.expect("it is printed");
    assert!(!text_of(&reports.papers()[0]).contains("退费"));
    // Nobody knows what became of it.
    desk.platform.arm("F1@2208").expect("a fault");
    desk.platform.arm("F13@5203!").expect("a fault");
    let refund = ended(&desk, of_request("back", "paid")).await;
    assert!(refund.stuck, "{refund:?}");
    let shown = get(&desk, "paid").await.expect("a sheet");
    assert_eq!(
        copy(&desk, "copy", &first.job_id).await.state(),
        State::Printed
    );
    for pdf in [&shown.pdf, &reports.papers()[1]] {
        let text = text_of(pdf);
        assert!(text.contains("退费处理中（结果待查）"), "{text}");
        assert!(!text.contains("已退费"), "{text}");
    }
    let stated = crate::resolve::state(&desk, &refund.refund_id, yibaod::api::ResolvedAs::Refunded);
    stated.await.expect("a person found out");
    let shown = get(&desk, "paid").await.expect("a sheet");
    let text = text_of(&shown.pdf);
    assert!(
        text.contains("已退费") && !text.contains("处理中"),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sheet_that_waited_while_it_was_given_back_is_not_printed() {
    for restarted in [false, true] {
        let (mut desk, reports) = desk(Setup::default()).await;
        settled(&desk, "paid").await;
        reports.paper_out_after(0);
        let mut hasty = printing("press", SheetPaper::A4);
        hasty.answer_wait_ms = 0;
        print(&desk, hasty).await.expect("it is taken");
        if restarted {
            desk.kill();
            desk.start_daemon().await;
        }
        let refund = given_back(&desk).await;
        reports.refill();
        let told = until_state(&desk, "press", State::NotPrinted).await;
        assert_eq!(why(&told), "PAPER_OUTDATED", "{told:?}");
        // Wanted all the same, it says what became of it.
        let anew = print(&desk, printing("anew", SheetPaper::A4)).await;
        assert_eq!(anew.expect("taken").state(), State::Printed);
        let papers = reports.papers();
        assert_eq!(papers.len(), 1);
        let text = text_of(&papers[0]);
        assert!(text.contains("已退费") && text.contains(&refund), "{text}");
    }
}
