//! Callers come, repeat, go, cancel and stand in line; the money is the same whatever they do.

mod cancel;
mod gone;
mod look;
mod repeat;
mod scanner;
mod stop;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;
use yibaod::api::settlement_service_client::SettlementServiceClient;
use yibaod::api::{ScanAndPayRequest, Settlement, SettlementEvent, Stage, WatchSettlementResponse};
use yibaod::sandbox::devices::scanner::Terminator;

use crate::desk::{Desk, Setup, channel};

/// Longest wait for one event.
const EVENT_S_MAX: u64 = 20;

/// Time enough to come back, also on a busy machine.
fn patient_desk() -> Setup {
    Setup {
        rejoin_s: 20,
        ..Setup::default()
    }
}

/// A call on a connection of its own; aborting it is a caller that goes away.
pub async fn calling(
    desk: &Desk,
    request: ScanAndPayRequest,
) -> JoinHandle<Result<Settlement, tonic::Status>> {
    let channel = channel(&desk.socket()).await.expect("its door is open");
    tokio::spawn(async move {
        let mut client = SettlementServiceClient::new(channel);
        let answer = client.scan_and_pay(request).await?.into_inner();
        Ok(answer.settlement.expect("an answer has its settlement"))
    })
}

/// The end of a call.
pub async fn answer_of(call: JoinHandle<Result<Settlement, tonic::Status>>) -> Settlement {
    let answer = timeout(Duration::from_secs(60), call)
        .await
        .expect("an answer in time");
    answer.expect("it was not aborted").expect("it was taken")
}

/// The caller is gone: nothing of it is left.
async fn hang_up(call: JoinHandle<Result<Settlement, tonic::Status>>) {
    call.abort();
    assert!(call.await.is_err_and(|error| error.is_cancelled()));
}

/// The next event.
pub async fn next(
    events: &mut tonic::Streaming<WatchSettlementResponse>,
) -> Option<SettlementEvent> {
    let event = timeout(Duration::from_secs(EVENT_S_MAX), events.message()).await;
    let event = event
        .expect("an event in time")
        .expect("the stream holds")?;
    Some(event.event.expect("an event"))
}

/// The first event of this stage.
async fn until_stage(
    events: &mut tonic::Streaming<WatchSettlementResponse>,
    stage: Stage,
) -> SettlementEvent {
    let mut seen = Vec::new();
    while let Some(event) = next(events).await {
        if event.stage() == stage {
            return event;
        }
        seen.push(event.stage());
    }
    panic!("it ended without {stage:?}: {seen:?}");
}

/// Waits until the scanner listens for this settlement, then shows a fresh code of this person.
pub async fn show_when_asked(
    desk: &Desk,
    events: &mut tonic::Streaming<WatchSettlementResponse>,
    person: &str,
) {
    until_stage(events, Stage::WaitingScan).await;
    show(desk, person).await;
}

pub async fn show(desk: &Desk, person: &str) {
    let code = Arc::clone(&desk.platform)
        .fresh_code(person)
        .expect("a person of the sandbox");
    desk.scanner
        .scan(code.as_bytes(), Terminator::Cr)
        .await
        .expect("the pty takes it");
}
