//! `card --each`: holds a reader and shows each card that is put in. A card is read once until it is taken out.

use tonic::transport::Channel;
use yibaod::api::claim_response::Update;
use yibaod::api::device_service_client::DeviceServiceClient;
use yibaod::api::watch_devices_response::Update as Seen;
use yibaod::api::{
    ClaimGranted, ClaimRequest, ClaimResponse, Device, DeviceChange, ListDevicesRequest,
    ReadCardRequest, RenewClaimRequest, WatchDevicesRequest,
};
use yibaod::book::Code;

use crate::args::Card;
use crate::connect::Door;
use crate::draw::{clean, words};
use crate::exit::Exit;
use crate::out::Out;
use crate::renewal::Renewal;
use crate::trouble::Trouble;

/// What others at the desk see.
const PURPOSE: &str = "yibaoctl card";
/// The readers that patients show cards to.
const ROLES: [&str; 2] = ["card", "id-card"];
/// One wait for a card; it is waited for again and again.
const WAIT_MS: u32 = 300_000;

type Devices = DeviceServiceClient<Channel>;
type News = tonic::Streaming<ClaimResponse>;

/// Runs it until Ctrl-C or the end of the claim.
pub(super) async fn run(door: &mut Door, wanted: &Card, out: &Out) -> Result<Exit, Trouble> {
    tokio::select! {
        end = hold(&mut door.devices, wanted, out) => end,
        _ = tokio::signal::ctrl_c() => Ok(Exit::Fine),
    }
}

async fn hold(devices: &mut Devices, wanted: &Card, out: &Out) -> Result<Exit, Trouble> {
    let request = ClaimRequest {
        role: role(devices, wanted).await?,
        wait_ms: wanted.wait_s.saturating_mul(1_000),
        lease_ms: 0,
        codes: false,
        purpose: PURPOSE.into(),
    };
    let news = devices.claim(request).await;
    let mut news = news.map_err(Trouble::of_status)?.into_inner();
    let Some(granted) = told(&mut news, out).await? else {
        return Ok(Exit::Failed);
    };
    let ours = format!(
        "已占用 {0}，请放卡，Ctrl-C 结束  {0} is ours",
        clean(&granted.device)
    );
    note(out, &ours);
    let reading = read_each(devices, &granted, wanted, out);
    tokio::select! {
        // What ended the claim is told before what came of a reading under it.
        biased;
        over = told(&mut news, out) => over.map(|_| Exit::Failed),
        read = reading => read,
    }
}

/// The reader that is named, or the first that patients show cards to.
async fn role(devices: &mut Devices, wanted: &Card) -> Result<String, Trouble> {
    if let Some(role) = &wanted.role {
        return Ok(role.clone());
    }
    let listed = devices.list_devices(ListDevicesRequest {}).await;
    let listed = listed.map_err(Trouble::of_status)?.into_inner().devices;
    let mut roles = listed.into_iter().map(|device| device.role);
    let first = roles.find(|role| ROLES.contains(&role.as_str()));
    Ok(first.unwrap_or_else(|| ROLES[0].to_owned()))
}

/// Tells what happens to the claim until it is granted; `None`: it is over.
async fn told(news: &mut News, out: &Out) -> Result<Option<ClaimGranted>, Trouble> {
    loop {
        let message = news.message().await.map_err(Trouble::of_status)?;
        match message.and_then(|message| message.update) {
            Some(Update::Waiting(waiting)) => note(
                out,
                &format!("前面还有 {0} 个等候  {0} are before us", waiting.ahead),
            ),
            Some(Update::Granted(granted)) => return Ok(Some(granted)),
            Some(Update::Presence(presence)) if presence.present => {
                note(out, "读卡器已恢复  the reader is back");
            }
            Some(Update::Presence(_)) => note(out, "读卡器断开  the reader went away"),
            // A claim of a card reader has none.
            Some(Update::Code(_)) => {}
            Some(Update::Ended(ended)) => {
                let (zh, en) = words::claim_end(ended.why());
                note(out, &format!("{zh}  {en}"));
                return Ok(None);
            }
            None => return Ok(None),
        }
    }
}

async fn read_each(
    devices: &Devices,
    granted: &ClaimGranted,
    wanted: &Card,
    out: &Out,
) -> Result<Exit, Trouble> {
    let (mut devices, mut last_trouble) = (devices.clone(), None);
    loop {
        let request = ReadCardRequest {
            wait_ms: WAIT_MS,
            claim_id: granted.claim_id.clone(),
            ..super::request(wanted)
        };
        match devices.read_card(request).await {
            Ok(answer) => {
                last_trouble = None;
                super::show(answer.into_inner(), wanted, out);
            }
            Err(status) => {
                let trouble = Trouble::of_status(status);
                match told_code(&trouble) {
                    Some(Code::NobodyShowedCard) => continue,
                    Some(code) if is_of_card(code) => {
                        // A reader that stays away says so every other second.
                        if last_trouble.replace(code) != Some(code) {
                            out.trouble(&trouble);
                        }
                    }
                    Some(_) | None => return Err(trouble),
                }
            }
        }
        until_out(&mut devices, granted).await?;
    }
}

fn told_code(trouble: &Trouble) -> Option<Code> {
    if let Trouble::Told { code, .. } = trouble {
        return Some(*code);
    }
    None
}

/// Whether another card, or the reader when it is back, may do better.
fn is_of_card(code: Code) -> bool {
    code.name().starts_with("CARD_") && code != Code::CardReaderNotConfigured
}

/// Waits until no card lies in the reader, renewing the lease meanwhile.
async fn until_out(devices: &mut Devices, granted: &ClaimGranted) -> Result<(), Trouble> {
    let mut renewal = Renewal::new();
    renewal.begin(granted.claim_id.clone(), granted.lease_ms);
    let watch = devices.watch_devices(WatchDevicesRequest { from_seq: 0 });
    let mut seen = watch.await.map_err(Trouble::of_status)?.into_inner();
    let lies_there = |device: &Device| device.name == granted.device && device.has_card;
    loop {
        let message = tokio::select! {
            message = seen.message() => message.map_err(Trouble::of_status)?,
            claim_id = renewal.due() => {
                let renewed = devices.renew_claim(RenewClaimRequest { claim_id }).await;
                renewed.map_err(Trouble::of_status)?;
                continue;
            }
        };
        let is_out = match message.and_then(|message| message.update) {
            Some(Seen::Snapshot(all)) => !all.devices.iter().any(lies_there),
            Some(Seen::Event(event)) => {
                event.device == granted.device && event.change() == DeviceChange::CardOut
            }
            None => true,
        };
        if is_out {
            return Ok(());
        }
    }
}

fn note(out: &Out, line: &str) {
    out.notes(&[format!("  {line}")]);
}
