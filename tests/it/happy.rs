//! One call in, a paid and printed settlement out.

use std::time::Duration;

use tokio::time::Instant;
use yibaod::api::{Money, PaperProof, PaperState};

use crate::desk::{Desk, Setup, Shows, bill};

#[tokio::test(flavor = "multi_thread")]
async fn one_call_pays_and_prints() {
    let desk = Desk::start(Setup::default()).await;
    let answer = desk
        .pay(bill(&desk, "happy-1"), &[Shows::fresh("employee")])
        .await;

    assert_eq!(answer.money(), Money::Settled, "{answer:?}");
    let paper = answer.paper.clone().expect("the answer speaks of paper");
    assert_eq!(paper.state(), PaperState::Printed);
    assert_eq!(paper.proof(), PaperProof::ProcessId);

    let person = desk
        .platform
        .person("employee")
        .expect("a person of the sandbox");
    let charges = desk
        .platform
        .ledger(|ledger| ledger.charges_of(&person.psn_no));
    assert_eq!(charges.len(), 1);
    assert_eq!(charges[0].setl_id, answer.setl_id);
    assert_eq!(charges[0].medins_setl_id, answer.msgid);
    let amounts = answer
        .amounts
        .clone()
        .expect("a settled answer has amounts");
    assert_eq!(amounts.medfee_sumamt_fen, 19_020);
    let paid = amounts.fund_pay_sumamt_fen + amounts.acct_pay_fen + amounts.psn_cash_pay_fen;
    assert_eq!(paid, amounts.medfee_sumamt_fen);
    assert_eq!(
        answer.self_pay.expect("settled").amount_fen,
        amounts.psn_cash_pay_fen
    );

    let papers = desk
        .printer
        .wait_papers(1, Instant::now() + Duration::from_secs(5))
        .await;
    let text = papers[0].text();
    assert!(text.contains("门诊缴费医保结算凭条"), "{text}");
    assert!(text.contains(&answer.setl_id), "{text}");
    assert!(text.contains("仅供核对，不作报销凭证"), "{text}");
    assert!(
        !text.contains(&person.name) && !text.contains(&person.idno),
        "masked: {text}"
    );
    assert_eq!(
        desk.printer.errors(),
        vec![],
        "the printer understood every byte"
    );
}

/// One sync for each message that leaves, and one more before the receipt: outcome and next intent share theirs.
#[tokio::test(flavor = "multi_thread")]
async fn one_sync_a_message() {
    let desk = Desk::start(Setup::default()).await;
    // The first settlement signs in, which is no step of it.
    desk.pay(bill(&desk, "first"), &[Shows::fresh("employee")])
        .await;
    desk.until_idle().await;
    let before = desk.status().await.journal.expect("status has it").syncs;
    let messages_before = desk.platform.ledger(|ledger| ledger.received_count());
    desk.pay(bill(&desk, "second"), &[Shows::fresh("employee")])
        .await;
    desk.until_idle().await;
    let commits = desk.status().await.journal.expect("status has it").syncs - before;
    let messages = desk.platform.ledger(|ledger| ledger.received_count()) - messages_before;
    let outside = u64::try_from(messages).expect("a few") + 1;
    println!("{messages} messages and a receipt: {commits} syncs");
    // Accepted, and the end of the paper, are the two that stand beside the outside calls.
    assert!(
        commits <= outside + 3,
        "{commits} syncs for {outside} outside calls"
    );
}
