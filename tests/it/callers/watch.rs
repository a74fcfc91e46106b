//! WatchSettlement opened before, during and after.

use yibaod::api::{Money, PaperState, Stage};

use super::{answer_of, calling, next, show, until_stage};
use crate::desk::{Desk, Setup, Shows, bill, paper_of};

/// What every outpatient settlement passes, in this order.
const STAGES: [Stage; 5] = [
    Stage::WaitingScan,
    Stage::Decoding,
    Stage::Registering,
    Stage::Settling,
    Stage::Ended,
];

#[tokio::test(flavor = "multi_thread")]
async fn opened_before() {
    let desk = Desk::start(Setup::default()).await;
    let mut events = desk.watch("before").await;
    let call = calling(&desk, bill(&desk, "before")).await;
    let mut seen = Vec::new();
    while let Some(event) = next(&mut events).await {
        if event.stage() == Stage::WaitingScan {
            assert!(
                event.prompt_zh.contains('码') && !event.prompt_en.is_empty(),
                "{event:?}"
            );
            show(&desk, "employee").await;
        }
        seen.push(event);
    }
    let answer = answer_of(call).await;
    desk.assert_charged_once(&answer);
    let numbers: Vec<u64> = seen.iter().map(|event| event.seq).collect();
    assert_eq!(
        numbers,
        (1..=u64::try_from(seen.len()).expect("few")).collect::<Vec<_>>()
    );
    let mut stages = seen.iter().map(yibaod::api::SettlementEvent::stage);
    for stage in STAGES {
        assert!(
            stages.any(|seen| seen == stage),
            "{stage:?} in its order: {seen:?}"
        );
    }
    // The platform's ids are carried before the money moves.
    let sent = seen
        .iter()
        .find(|event| event.stage() == Stage::Settling && !event.msgid.is_empty());
    let sent = sent.expect("the money call is told");
    assert_eq!(
        (&sent.msgid, &sent.mdtrt_id),
        (&answer.msgid, &answer.mdtrt_id)
    );
    assert_eq!(sent.chrg_bchno, answer.chrg_bchno);
    let last = seen.last().and_then(|event| event.settlement.as_ref());
    assert_eq!(last, Some(&answer), "the last event has the whole answer");
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn opened_while_it_runs() {
    let desk = Desk::start(Setup::default()).await;
    let mut early = desk.watch("during").await;
    let call = calling(&desk, bill(&desk, "during")).await;
    until_stage(&mut early, Stage::WaitingScan).await;
    let mut late = desk.watch("during").await;
    let first = next(&mut late).await.expect("what is now");
    assert_eq!((first.seq, first.stage()), (1, Stage::WaitingScan));
    show(&desk, "employee").await;
    let ended = until_stage(&mut late, Stage::Ended)
        .await
        .settlement
        .expect("the whole answer");
    assert_eq!(next(&mut late).await, None);
    assert_eq!(answer_of(call).await, ended);
    assert_eq!(
        until_stage(&mut early, Stage::Ended).await.settlement,
        Some(ended)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn opened_afterwards_also_by_another_process() {
    let mut desk = Desk::start(Setup::default()).await;
    let answer = desk
        .pay(bill(&desk, "after"), &[Shows::fresh("employee")])
        .await;
    desk.until_idle().await;
    for _ in 0..2 {
        let mut events = desk.watch("after").await;
        let only = next(&mut events).await.expect("how it ended");
        assert_eq!((only.seq, only.stage()), (1, Stage::Ended));
        assert_eq!(only.settlement.as_ref(), Some(&answer));
        assert_eq!(next(&mut events).await, None);
        desk.kill();
        desk.start_daemon().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn follows_the_paper_to_its_end() {
    let desk = Desk::start(Setup {
        print_wait_ms: 200,
        ..Setup::default()
    })
    .await;
    desk.printer.paper_out_after(0);
    let mut events = desk.watch("paper").await;
    let answer = desk
        .pay(bill(&desk, "paper"), &[Shows::fresh("employee")])
        .await;
    assert_eq!(
        (answer.money(), answer.stage()),
        (Money::Settled, Stage::Printing)
    );
    until_stage(&mut events, Stage::Printing).await;
    desk.printer.refill();
    let ended = until_stage(&mut events, Stage::Ended)
        .await
        .settlement
        .expect("the whole answer");
    assert_eq!(paper_of(&ended).0, PaperState::Printed);
    assert_eq!(desk.papers_in_the_end().await.len(), 1);
}
