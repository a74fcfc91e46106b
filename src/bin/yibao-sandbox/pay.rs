//! One ScanAndPay through the gRPC door, told as it goes: what the daemon says, what the platform receives.

use std::time::Duration;

use prost_reflect::{DescriptorPool, DynamicMessage};
use tokio::time::Instant;
use tonic::{Status, Streaming};
use yibaod::api::settlement_service_client::SettlementServiceClient;
use yibaod::api::{
    PrintWish, ScanAndPayRequest, Settlement, SettlementEvent, Stage, WatchSettlementRequest,
    WatchSettlementResponse, descriptors,
};
use yibaod::sandbox::bills;
use yibaod::sandbox::http::Moment;
use yibaod::sandbox::platform::{CodeKind, Outcome};

use crate::Trouble;
use crate::desk::{Desk, is_answered, is_received};
use crate::draw::{Say, framed, left, right};
use crate::infno;
use crate::patient::{Asked, is_wrong};

/// How long the last events may come after the answer.
const LAST_EVENTS_WAIT_MS_MAX: u64 = 300;

/// Who shows codes by himself during this call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shows<'a> {
    /// By the sandbox's names.
    pub(crate) person: &'a str,
    /// How long the phone is looked for.
    pub(crate) delay: Duration,
}

/// The realistic bill of this person, under this id.
pub(crate) fn bill(
    desk: &Desk,
    person: &str,
    request_id: &str,
) -> Result<ScanAndPayRequest, Trouble> {
    let person = desk
        .platform
        .person(person)
        .ok_or_else(|| format!("nobody is {person}"))?;
    let pool = DescriptorPool::decode(descriptors().as_slice())?;
    let name = "yibao.v1.ScanAndPayRequest";
    let descriptor = pool.get_message_by_name(name).ok_or(name)?;
    let message = DynamicMessage::deserialize(descriptor, &bills::outpatient(&person))?;
    let mut request: ScanAndPayRequest = message.transcode_to()?;
    request.request_id = request_id.to_owned();
    // Each is a bill of its own: one that was settled is not settled again.
    for bill in &mut request.bills {
        request_id.clone_into(&mut bill.bill_no);
    }
    request.print = PrintWish::Receipt.into();
    Ok(request)
}

/// A request_id that was not used before.
pub(crate) fn new_request_id() -> String {
    format!("sandbox-{}", uuid::Uuid::now_v7().simple())
}

/// Makes the call and tells its story.
pub(crate) async fn told(
    say: &Say,
    desk: &Desk,
    request: ScanAndPayRequest,
    shows: Option<Shows<'_>>,
) -> Result<Settlement, Trouble> {
    let channel = desk.door().await?;
    let mut door = SettlementServiceClient::new(channel.clone());
    let mut watcher = SettlementServiceClient::new(channel);
    let request_id = request.request_id.clone();
    let mut moments = desk.moments();
    let watch = WatchSettlementRequest {
        request_id: request_id.clone(),
    };
    let mut events = watcher.watch_settlement(watch).await?.into_inner();
    let mut story = Story::begin(*say, &request_id);
    let mut asked = Asked::default();
    let mut shown_at = None;
    // An ended stream is ready for ever: it is not asked again.
    let mut is_watching = true;
    let call = door.scan_and_pay(request);
    tokio::pin!(call);
    let answer = loop {
        tokio::select! {
            answer = &mut call => break answer?,
            event = events.message(), if is_watching => {
                let event = event?.and_then(|message| message.event);
                let Some(event) = event else {
                    is_watching = false;
                    continue;
                };
                story.event(&event);
                if shows.is_some() && asked.wants_code(&event) {
                    shown_at = shows.map(|shows| Instant::now() + shows.delay);
                }
            }
            Ok(moment) = moments.recv() => story.moment(desk, &moment),
            () = until(shown_at) => {
                shown_at = None;
                if let Some(shows) = shows {
                    let code = desk.show(shows.person, CodeKind::Fresh).await?;
                    story.code(&code);
                }
            }
        }
    };
    rest(&mut story, &mut events, desk, &mut moments).await;
    story.end();
    Ok(answer.into_inner().settlement.unwrap_or_default())
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// What still comes after the answer.
async fn rest(
    story: &mut Story,
    events: &mut Streaming<WatchSettlementResponse>,
    desk: &Desk,
    moments: &mut tokio::sync::broadcast::Receiver<Moment>,
) {
    while let Ok(moment) = moments.try_recv() {
        story.moment(desk, &moment);
    }
    let wait = Duration::from_millis(LAST_EVENTS_WAIT_MS_MAX);
    let all = async {
        while let Some(message) = events.message().await? {
            story.event(&message.event.unwrap_or_default());
        }
        Ok::<(), Status>(())
    };
    // Late or lost events are dropped: the answer says all.
    drop(tokio::time::timeout(wait, all).await);
}

/// The story so far.
struct Story {
    say: Say,
    begun: Instant,
    prompt: String,
    stage: Stage,
    received: Option<(String, Instant)>,
}

impl Story {
    fn begin(say: Say, request_id: &str) -> Self {
        let story = Self {
            say,
            begun: Instant::now(),
            prompt: String::new(),
            stage: Stage::Unspecified,
            received: None,
        };
        story.line("HIS", "yibaod", &format!("ScanAndPay {request_id}"));
        story
    }

    fn line(&self, from: &str, to: &str, what: &str) {
        let ms = self.begun.elapsed().as_millis();
        let at = right(&format!("{}.{:03} s", ms / 1_000, ms % 1_000), 10);
        let who = format!("{} ─▶ {}", right(from, 7), left(to, 7));
        self.say
            .line(&format!("  {} {who} {what}", self.say.dim(&at)));
    }

    fn event(&mut self, event: &SettlementEvent) {
        if event.stage() == Stage::Printing && self.stage != Stage::Printing {
            self.line("yibaod", "打印机", "打印小票  prints the receipt");
        }
        self.stage = event.stage();
        if let Some(error) = event.error.as_ref().filter(|_| is_wrong(event)) {
            let what = format!("{} {}", error.code, error.meaning_zh);
            self.line("yibaod", "窗口", &self.say.bad(&what));
        }
        if self.prompt == event.prompt_zh {
            return;
        }
        self.prompt.clone_from(&event.prompt_zh);
        if !self.prompt.is_empty() {
            self.line("yibaod", "窗口", "提示  tells the window:");
            let zh = format!("   {}   ", event.prompt_zh);
            let en = format!("   {}   ", event.prompt_en);
            let content = [
                (zh.clone(), self.say.bold(&zh)),
                (en.clone(), self.say.dim(&en)),
            ];
            for line in framed(&content) {
                self.say.line(&format!("                     {line}"));
            }
        }
    }

    fn code(&self, code: &str) {
        let begin = code.get(..6).unwrap_or(code);
        let what = format!("出示医保码  shows a code {begin}… ({} digits)", code.len());
        self.line("患者", "扫码器", &what);
    }

    /// A whole request, or its answer.
    fn moment(&mut self, desk: &Desk, moment: &Moment) {
        if is_received(moment) {
            self.received = Some((moment.infno.clone(), Instant::now()));
        }
        if !is_answered(moment) {
            return;
        }
        let received = self
            .received
            .take()
            .filter(|(infno, _)| *infno == moment.infno);
        let took = received.map_or_else(String::new, |(_, at)| {
            format!("{} ms", at.elapsed().as_millis())
        });
        let (zh, en) = infno::name(&moment.infno);
        let outcome = outcome(desk, moment);
        let sign = match outcome.is_empty() {
            true => self.say.good("✓"),
            false => self.say.bad(&format!("✗ {outcome}")),
        };
        let name = left(&moment.infno, 9);
        let words = left(&format!("{} {en}", left(zh, 14)), 40);
        let line = format!(
            "{}{words} {sign} {}",
            self.say.bold(&name),
            self.say.dim(&took)
        );
        self.line("yibaod", "平台", &line);
    }

    fn end(&self) {
        self.line("yibaod", "HIS", &self.say.bold("一个回答  one answer"));
    }
}

/// How the platform's core ended the request; empty: done.
fn outcome(desk: &Desk, moment: &Moment) -> String {
    desk.platform.ledger(|ledger| {
        let rows = ledger.received(&moment.infno);
        let row = rows.iter().rev().find(|row| row.msgid == moment.msgid);
        let Some(row) = row else {
            return String::new();
        };
        let faults = row.faults.join(" ");
        match &row.outcome {
            Outcome::Done | Outcome::Open => faults,
            Outcome::Refused(text) => text.clone(),
            Outcome::TurnedAway(status) => format!("HTTP {status} {faults}"),
            Outcome::Lost => format!("lost {faults}"),
        }
    })
}
