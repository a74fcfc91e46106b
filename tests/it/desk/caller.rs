//! The caller's side: bills, calls, and the patient who shows codes.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::Value;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint, Uri};
use yibaod::api::settlement_service_client::SettlementServiceClient;
use yibaod::api::{ScanAndPayRequest, Settlement, SettlementEvent, Stage, WatchSettlementRequest};
use yibaod::sandbox::bills;
use yibaod::sandbox::devices::scanner::{Scanner, Terminator};
use yibaod::sandbox::platform::{CodeKind, Platform};

use super::Desk;

/// Longest time for one call of a test.
const CALL_S_MAX: u64 = 60;

/// A connection to a daemon's door.
pub async fn channel(socket: &Path) -> Result<Channel, tonic::transport::Error> {
    let socket = socket.to_owned();
    let connect = tower::service_fn(move |_: Uri| {
        let socket = socket.clone();
        async move { UnixStream::connect(socket).await.map(TokioIo::new) }
    });
    Endpoint::from_static("http://desk")
        .connect_with_connector(connect)
        .await
}

/// The proto JSON of a request as its message. Unknown fields fail the test.
pub fn request_from(json: &Value) -> ScanAndPayRequest {
    let pool =
        DescriptorPool::decode(yibaod::api::descriptors().as_slice()).expect("our own descriptors");
    let message = pool
        .get_message_by_name("yibao.v1.ScanAndPayRequest")
        .expect("our message");
    DynamicMessage::deserialize(message, json)
        .expect("the bill has the shape of the proto")
        .transcode_to()
        .expect("the same message")
}

/// The realistic bill of the employee.
pub fn bill(desk: &Desk, request_id: &str) -> ScanAndPayRequest {
    bill_for(&desk.platform, "employee", request_id)
}

/// Longest number of a bill.
const BILL_NO_MAX: usize = 50;

/// The realistic bill of this person, with a receipt.
pub fn bill_for(platform: &Platform, person: &str, request_id: &str) -> ScanAndPayRequest {
    let person = platform.person(person).expect("a person of the sandbox");
    let mut request = request_from(&bills::outpatient(&person));
    request.request_id = request_id.to_owned();
    // Each is a bill of its own: one that was settled is not settled again.
    request.bills[0].bill_no = request_id.chars().take(BILL_NO_MAX).collect();
    request.print = yibaod::api::PrintWish::Receipt.into();
    request.account_use = yibaod::api::AccountUse::Own.into();
    request.credentials = vec![yibaod::api::Credential::EVoucher.into()];
    request
}

/// What a patient does when asked for a code.
#[derive(Clone, Debug)]
pub enum Shows {
    /// A code of this person and kind.
    Code(&'static str, CodeKind),
    /// These bytes.
    Bytes(Vec<u8>),
}

impl Shows {
    /// A fresh code of this person.
    pub const fn fresh(person: &'static str) -> Self {
        Shows::Code(person, CodeKind::Fresh)
    }

    /// Holds it before the scanner; what was shown is kept for the look at the log.
    async fn to(&self, scanner: &Scanner, platform: &Platform, shown: &Mutex<Vec<Vec<u8>>>) {
        let bytes = self.bytes(platform);
        shown
            .lock()
            .expect("no test panics while it holds it")
            .push(bytes.clone());
        scanner
            .scan(&bytes, Terminator::Cr)
            .await
            .expect("the pty takes it");
    }

    fn bytes(&self, platform: &Platform) -> Vec<u8> {
        match self {
            Shows::Code(person, kind) => platform
                .code(person, *kind)
                .expect("a person of the sandbox")
                .into_bytes(),
            Shows::Bytes(bytes) => bytes.clone(),
        }
    }
}

impl Desk {
    /// One call, and a patient who shows these codes one after the other as the scanner asks for them.
    pub async fn pay(&self, request: ScanAndPayRequest, shows: &[Shows]) -> Settlement {
        let patient = self.patient(&request.request_id, shows).await;
        let settlement = self.scan_and_pay(request).await.expect("the call is taken");
        patient.abort();
        settlement
    }

    /// [`Desk::pay`] over this connection.
    pub async fn pay_over(
        &self,
        mut client: SettlementServiceClient<Channel>,
        request: ScanAndPayRequest,
        shows: &[Shows],
    ) -> Settlement {
        let watch = WatchSettlementRequest {
            request_id: request.request_id.clone(),
        };
        let events = client
            .watch_settlement(watch)
            .await
            .expect("it can be watched")
            .into_inner();
        let patient = self.follow(events, shows);
        let answer = client
            .scan_and_pay(request)
            .await
            .expect("the call is taken")
            .into_inner();
        patient.abort();
        answer.settlement.expect("an answer has its settlement")
    }

    /// The bare call.
    pub async fn scan_and_pay(
        &self,
        request: ScanAndPayRequest,
    ) -> Result<Settlement, tonic::Status> {
        let mut client = self.try_settlements().await?;
        let call = client.scan_and_pay(request);
        let answer = tokio::time::timeout(Duration::from_secs(CALL_S_MAX), call).await;
        let answer = answer.expect("an answer in time")?.into_inner();
        Ok(answer.settlement.expect("an answer has its settlement"))
    }

    /// Follows the settlement and shows a code each time the scanner asks for one.
    pub async fn patient(
        &self,
        request_id: &str,
        shows: &[Shows],
    ) -> tokio::task::JoinHandle<Vec<SettlementEvent>> {
        let events = self.watch(request_id).await;
        self.follow(events, shows)
    }

    /// [`Desk::patient`] before a daemon that may end at any moment; `None`: it has.
    pub async fn try_patient(
        &self,
        request_id: &str,
        shows: &[Shows],
    ) -> Option<tokio::task::JoinHandle<Vec<SettlementEvent>>> {
        let request = WatchSettlementRequest {
            request_id: request_id.to_owned(),
        };
        let mut client = self.try_settlements().await.ok()?;
        let events = client.watch_settlement(request).await.ok()?;
        Some(self.follow(events.into_inner(), shows))
    }

    fn follow(
        &self,
        mut events: tonic::Streaming<yibaod::api::WatchSettlementResponse>,
        shows: &[Shows],
    ) -> tokio::task::JoinHandle<Vec<SettlementEvent>> {
        let (platform, scanner) = (Arc::clone(&self.platform), Arc::clone(&self.scanner));
        let shown = Arc::clone(&self.shown);
        let mut shows = Vec::from(shows).into_iter();
        tokio::spawn(async move {
            let mut seen = Vec::new();
            while let Ok(Some(event)) = events.message().await {
                let event = event.event.expect("an event");
                if asks_for_a_code(&event)
                    && let Some(show) = shows.next()
                {
                    show.to(&scanner, &platform, &shown).await;
                }
                seen.push(event);
            }
            seen
        })
    }

    /// Shows a code now, asked for or not.
    pub(crate) async fn show(&self, show: &Shows) {
        show.to(&self.scanner, &self.platform, &self.shown).await;
    }

    /// Follows a settlement.
    pub async fn watch(
        &self,
        request_id: &str,
    ) -> tonic::Streaming<yibaod::api::WatchSettlementResponse> {
        let request = WatchSettlementRequest {
            request_id: request_id.to_owned(),
        };
        let mut client = self.settlements().await;
        client
            .watch_settlement(request)
            .await
            .expect("it can be watched")
            .into_inner()
    }
}

/// The settlement's first event at this stage.
pub(crate) async fn wait_for(
    events: &mut tonic::Streaming<yibaod::api::WatchSettlementResponse>,
    stage: Stage,
) -> SettlementEvent {
    let mut seen = Vec::new();
    while let Some(event) = events.message().await.expect("the stream goes on") {
        let event = event.event.expect("an event");
        if event.stage() == stage {
            return event;
        }
        seen.push(event.stage());
    }
    panic!("it ended before {stage:?}: {seen:?}");
}

fn asks_for_a_code(event: &SettlementEvent) -> bool {
    matches!(event.stage(), Stage::WaitingScan | Stage::WaitingFreshScan)
}
