//! The patient: shows a code whenever the daemon asks for one.
//!
//! Learns of it through the door, as any program could: a device event says which settlement took the scanner, its
//! watch says when a code is waited for. Nothing is polled.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tonic::transport::Channel;
use yibaod::api::device_service_client::DeviceServiceClient;
use yibaod::api::get_settlement_request::Key;
use yibaod::api::settlement_service_client::SettlementServiceClient;
use yibaod::api::watch_devices_response::Update;
use yibaod::api::{
    DeviceChange, GetSettlementRequest, SettlementEvent, Stage, WatchDevicesRequest,
    WatchSettlementRequest,
};
use yibaod::book::Code;
use yibaod::sandbox::platform::CodeKind;

use crate::Trouble;
use crate::args::Args;
use crate::desk::Desk;
use crate::draw::Say;

/// Codes shown to one settlement before the patient gives up.
const CODES_MAX: u32 = 5;
/// Settlements followed at once.
const FOLLOWED_MAX: usize = 64;
/// How long to wait before the door is tried again.
const RETRY_MS: u64 = 500;

/// Follows the desk until it is dropped.
pub(crate) struct Patient {
    _tasks: JoinSet<()>,
}

/// Who shows codes, and how quickly.
#[derive(Clone)]
struct Who {
    desk: Arc<Desk>,
    delay: Duration,
    say: Say,
    /// Others settle at the installed service, whose requests cannot be watched from here.
    is_service: bool,
}

impl Patient {
    /// Begins to follow.
    pub(crate) fn start(desk: &Arc<Desk>, args: &Args, say: Say) -> Self {
        let delay = Duration::from_millis(args.patient_delay_ms);
        let who = Who {
            desk: Arc::clone(desk),
            delay,
            say,
            is_service: args.service,
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            loop {
                // The daemon may be away for a while: it can be killed and started again here.
                follow(&who).await.ok();
                if who.is_service {
                    who.desk.free_line();
                }
                tokio::time::sleep(Duration::from_millis(RETRY_MS)).await;
            }
        });
        Self { _tasks: tasks }
    }
}

async fn follow(who: &Who) -> Result<(), Trouble> {
    let mut devices = DeviceServiceClient::new(who.desk.door().await?);
    let mut events = devices
        .watch_devices(WatchDevicesRequest { from_seq: 0 })
        .await?
        .into_inner();
    let mut followed = JoinSet::new();
    while let Some(message) = events.message().await? {
        let claimed: Vec<String> = match message.update {
            Some(Update::Snapshot(snapshot)) => {
                let held = snapshot
                    .devices
                    .into_iter()
                    .filter(|device| device.role == "scanner");
                held.map(|device| device.held_by).collect()
            }
            Some(Update::Event(event)) if event.change() == DeviceChange::Claimed => {
                vec![event.held_by]
            }
            Some(Update::Event(_)) | None => Vec::new(),
        };
        while followed.try_join_next().is_some() {}
        for settlement_id in claimed.into_iter().filter(|id| !id.is_empty()) {
            if followed.len() < FOLLOWED_MAX {
                let who = who.clone();
                followed.spawn(async move {
                    if let Err(trouble) = attend(&who, settlement_id).await {
                        let why = crate::in_words(&trouble);
                        who.say
                            .line(&who.say.dim(&format!("  患者 patient: {why}")));
                    }
                });
            }
        }
    }
    Ok(())
}

/// Shows codes to one settlement until it needs none; one code to whatever else asks.
async fn attend(who: &Who, settlement_id: String) -> Result<(), Trouble> {
    if who.is_service {
        return show_once(who).await;
    }
    let mut door = SettlementServiceClient::new(who.desk.door().await?);
    let key = Some(Key::SettlementId(settlement_id));
    let found = match door.get_settlement(GetSettlementRequest { key }).await {
        Ok(found) => found.into_inner(),
        // Somebody is identified, or a code is asked for: no settlement is followed by it.
        Err(status) if status.code() == tonic::Code::NotFound => return show_once(who).await,
        Err(status) => return Err(status.into()),
    };
    let request_id = found.settlement.unwrap_or_default().request_id;
    // Of a caller by a token, or of another user: the same id is not found as ours, and cannot be watched from here.
    let key = Some(Key::RequestId(request_id.clone()));
    match door.get_settlement(GetSettlementRequest { key }).await {
        Ok(_) => {}
        Err(status) if status.code() == tonic::Code::NotFound => return show_once(who).await,
        Err(status) => return Err(status.into()),
    }
    if !who.desk.attend(&request_id) {
        return Ok(());
    }
    let attended = show_codes(who, &mut door, &request_id).await;
    who.desk.leave(&request_id);
    attended
}

async fn show_once(who: &Who) -> Result<(), Trouble> {
    tokio::time::sleep(who.delay).await;
    let person = who.desk.person();
    who.desk.show(&person, CodeKind::Fresh).await?;
    let line = format!("  {person} shows a code  出示医保码");
    who.say.line(&line);
    Ok(())
}

async fn show_codes(
    who: &Who,
    door: &mut SettlementServiceClient<Channel>,
    request_id: &str,
) -> Result<(), Trouble> {
    let request = WatchSettlementRequest {
        request_id: request_id.to_owned(),
    };
    let mut events = door.watch_settlement(request).await?.into_inner();
    let mut asked = Asked::default();
    while let Some(message) = events.message().await? {
        let event = message.event.unwrap_or_default();
        if asked.wants_code(&event) {
            tokio::time::sleep(who.delay).await;
            let person = who.desk.person();
            who.desk.show(&person, CodeKind::Fresh).await?;
            who.say.line(&format!(
                "  {} shows a code for {request_id}  出示医保码",
                person
            ));
        }
        if let Some(settlement) = &event.settlement {
            let money = settlement.money().as_str_name();
            let paper = settlement
                .paper
                .clone()
                .unwrap_or_default()
                .state()
                .as_str_name();
            who.say.line(&format!("  {request_id}: {money}, {paper}"));
        }
    }
    Ok(())
}

/// When an event asks for a code that was not shown yet.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    stage: Option<Stage>,
    shown: u32,
}

impl Asked {
    /// Once when it begins to wait, and again after each code that was wrong.
    pub(crate) fn wants_code(&mut self, event: &SettlementEvent) -> bool {
        let stage = event.stage();
        let waits = matches!(stage, Stage::WaitingScan | Stage::WaitingFreshScan);
        let is_new = self.stage != Some(stage) || is_wrong(event);
        self.stage = Some(stage);
        let wants = waits && is_new && self.shown < CODES_MAX;
        self.shown += u32::from(wants);
        wants
    }
}

/// That it still runs is nothing wrong.
pub(crate) fn is_wrong(event: &SettlementEvent) -> bool {
    event
        .error
        .as_ref()
        .is_some_and(|error| error.code != Code::Pending.id())
}

#[cfg(test)]
mod tests {
    use yibaod::api::ErrorEntry;

    use super::*;

    fn event(stage: Stage, is_wrong: bool) -> SettlementEvent {
        SettlementEvent {
            stage: stage.into(),
            error: is_wrong.then(ErrorEntry::default),
            ..SettlementEvent::default()
        }
    }

    #[test]
    fn a_code_is_shown_once_and_again_after_a_wrong_one() {
        let mut asked = Asked::default();
        assert!(!asked.wants_code(&event(Stage::Queued, false)));
        assert!(asked.wants_code(&event(Stage::WaitingScan, false)));
        assert!(!asked.wants_code(&event(Stage::WaitingScan, false)));
        assert!(asked.wants_code(&event(Stage::WaitingScan, true)));
        assert!(!asked.wants_code(&event(Stage::Decoding, true)));
        assert!(asked.wants_code(&event(Stage::WaitingFreshScan, false)));
    }

    #[test]
    fn a_patient_gives_up() {
        let mut asked = Asked::default();
        let shown = (0..20)
            .filter(|_| asked.wants_code(&event(Stage::WaitingScan, true)))
            .count();
        assert_eq!(shown, 5);
    }
}
