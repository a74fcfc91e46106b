//! Who stands there: the shipped daemon identifies by what is shown, moves no money, and forgets with its process.

mod calls;
#[cfg(feature = "card")]
mod card;
mod pick_up;
mod refs;
pub(crate) mod rights;
mod trouble;
mod who;

use std::time::Duration;

use tonic::transport::Channel;
use yibaod::api::identity_service_client::IdentityServiceClient;
use yibaod::api::{
    Identification, IdentifyFlow, IdentifyRequest, IdentifyState, Office, Operator, OperatorKind,
    Stage, WatchIdentificationRequest, WatchIdentificationResponse,
};

use crate::desk::{Desk, Shows, channel};

/// Longest time for one call of a test.
const CALL_S_MAX: u64 = 60;
/// What moves money, or leads to it.
const MONEY: [&str; 8] = [
    "2201", "2203A", "2204", "2206", "2207", "2101", "2102", "3505A",
];

async fn client(desk: &Desk) -> IdentityServiceClient<Channel> {
    IdentityServiceClient::new(channel(&desk.socket()).await.expect("its door is open"))
}

fn asking(request_id: &str, flow: IdentifyFlow) -> IdentifyRequest {
    IdentifyRequest {
        request_id: request_id.to_owned(),
        flow: flow.into(),
        operator: Some(Operator {
            id: "K01".to_owned(),
            name: "自助机1".to_owned(),
            kind: OperatorKind::Kiosk.into(),
        }),
        office: Some(Office {
            id: "A03".to_owned(),
            name: "门诊".to_owned(),
        }),
        wait_ms: 15_000,
        ..IdentifyRequest::default()
    }
}

/// The bare call.
async fn call(desk: &Desk, request: IdentifyRequest) -> Result<Identification, tonic::Status> {
    let mut client = client(desk).await;
    let answer = tokio::time::timeout(Duration::from_secs(CALL_S_MAX), client.identify(request));
    let answer = answer.await.expect("an answer in time")?.into_inner();
    Ok(answer.identification.expect("an answer has it"))
}

async fn watch(desk: &Desk, request_id: &str) -> tonic::Streaming<WatchIdentificationResponse> {
    let request = WatchIdentificationRequest {
        request_id: request_id.to_owned(),
    };
    let watched = client(desk).await.watch_identification(request).await;
    watched.expect("it can be watched").into_inner()
}

/// One call, and a person who shows these one after the other when asked; what was told on the way.
async fn identify(
    desk: &Desk,
    request: IdentifyRequest,
    shows: &[Shows],
) -> (Identification, Vec<WatchIdentificationResponse>) {
    let mut events = watch(desk, &request.request_id).await;
    let person = async {
        let mut shows = shows.iter();
        let mut seen = Vec::new();
        while let Ok(Some(event)) = events.message().await {
            if event.stage() == Stage::WaitingScan
                && let Some(show) = shows.next()
            {
                desk.show(show).await;
            }
            seen.push(event);
        }
        seen
    };
    let (answer, seen) = tokio::join!(call(desk, request), person);
    (answer.expect("the call is taken"), seen)
}

/// Identifies this person by a fresh code.
async fn by_code(
    desk: &Desk,
    request_id: &str,
    flow: IdentifyFlow,
    person: &'static str,
) -> Identification {
    let shows = [Shows::fresh(person)];
    let (answer, _) = identify(desk, asking(request_id, flow), &shows).await;
    assert_eq!(answer.state(), IdentifyState::Identified, "{answer:?}");
    answer
}

/// The first event at this stage.
async fn until(
    events: &mut tonic::Streaming<WatchIdentificationResponse>,
    stage: Stage,
) -> WatchIdentificationResponse {
    let waited = tokio::time::timeout(Duration::from_secs(CALL_S_MAX), async {
        loop {
            let event = events.message().await.expect("the stream goes on");
            let event = event.expect("it did not end before");
            if event.stage() == stage {
                return event;
            }
        }
    });
    waited.await.expect("it comes in time")
}

fn received(desk: &Desk, infno: &str) -> usize {
    desk.platform.ledger(|ledger| ledger.received(infno).len())
}

fn moved_no_money(desk: &Desk) {
    for infno in MONEY {
        assert_eq!(received(desk, infno), 0, "{infno}");
    }
}

fn error(answer: &Identification) -> &str {
    answer.error.as_ref().map_or("", |error| &error.name)
}
