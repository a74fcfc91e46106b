//! One daemon ends, the next begins – a new version, a new configuration – while callers have something open. They see
//! one gap in which a repeated call waits, and then the truth. Nothing is charged twice, no paper is lost.

use yibaod::api::settlement_service_client::SettlementServiceClient;
use yibaod::api::{Money, ScanAndPayRequest, Settlement, Stage};
use yibaod::sandbox::platform::{Options, Platform};

use super::Held;
use crate::callers::{answer_of, calling, next};
use crate::desk::{Desk, Setup, Shows, bill, channel};
use crate::print;

async fn held_desk(setup: Setup) -> (Desk, Held) {
    let platform = Platform::start(Options::default())
        .await
        .expect("a free port");
    let mut desk = Desk::prepare(std::sync::Arc::new(platform), setup);
    let held = Held::of(&desk);
    assert!(
        desk.try_start_daemon_by(held.command(&desk)).await,
        "{}",
        desk.log()
    );
    (desk, held)
}

fn patient_setup() -> Setup {
    Setup {
        rejoin_s: 30,
        money_call_ms: 10_000,
        ..Setup::default()
    }
}

/// What a HIS does when its line ends: the same call again, before there is a daemon.
fn again(desk: &Desk, request: ScanAndPayRequest) -> tokio::task::JoinHandle<Settlement> {
    let socket = desk.socket();
    tokio::spawn(async move {
        let line = channel(&socket).await.expect("the queue takes it");
        let answer = SettlementServiceClient::new(line)
            .scan_and_pay(request)
            .await;
        let answer = answer.expect("it is taken").into_inner();
        answer.settlement.expect("an answer has its settlement")
    })
}

/// Stops the daemon while the settlement stands at this stage, repeats the call into the gap, starts the next one.
async fn replaced_at(stage: Stage, fault: Option<&str>) {
    let (mut desk, held) = held_desk(patient_setup()).await;
    if let Some(fault) = fault {
        desk.platform.arm(fault).expect("a fault");
    }
    let mut events = desk.watch("open").await;
    let call = calling(&desk, bill(&desk, "open")).await;
    loop {
        let event = next(&mut events).await.expect("it runs");
        if event.stage() == stage {
            break;
        }
        if event.stage() == Stage::WaitingScan {
            desk.show(&Shows::fresh("employee")).await;
        }
    }
    desk.stop().await;
    let told = answer_of(call).await;
    assert!(
        matches!(told.money(), Money::Pending | Money::Settled),
        "its caller is told what is true, at {stage:?}: {told:?}"
    );
    let repeated = again(&desk, bill(&desk, "open"));
    assert!(
        desk.try_start_daemon_by(held.command(&desk)).await,
        "{}",
        desk.log()
    );
    let patient = desk.patient("open", &[Shows::fresh("employee")]).await;
    let answer = repeated.await.expect("no panic");
    patient.abort();
    desk.assert_charged_once(&answer);
    assert_eq!(desk.received("2207"), 1, "at {stage:?}");
    assert_eq!(desk.papers_in_the_end().await.len(), 1, "at {stage:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn replaced_while_a_code_is_awaited() {
    replaced_at(Stage::WaitingScan, None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replaced_after_the_visit_is_registered() {
    replaced_at(Stage::Visit, Some("F3@2203:1000")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replaced_while_it_is_settled() {
    replaced_at(Stage::Settling, Some("F3@2207:2000")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replaced_while_a_paper_waits_for_its_printer() {
    let (mut desk, held) = held_desk(Setup::default()).await;
    desk.printer.paper_out_after(0);
    let job = print::print(&desk, print::hasty("paper", &["不能丢的一张"])).await;
    assert_eq!(
        job.expect("it is taken").state(),
        yibaod::api::PrintJobState::Waiting
    );
    desk.stop().await;
    assert!(
        desk.try_start_daemon_by(held.command(&desk)).await,
        "{}",
        desk.log()
    );
    desk.printer.refill();
    print::until_state(&desk, "paper", yibaod::api::PrintJobState::Printed).await;
    let papers = desk.papers_in_the_end().await;
    assert_eq!(papers.len(), 1);
    assert!(papers[0].text().contains("不能丢的一张") && !papers[0].text().contains("补打"));
}
