//! `pay`: one ScanAndPay, with WatchSettlement beside it for the person at the terminal.

use std::path::Path;
use std::time::Duration;

use tokio::sync::mpsc;
use tonic::Request;
use yibaod::api::settlement_event::Shown;
use yibaod::api::{
    CancelSettlementRequest, ConfirmPoint, ConfirmSettlementRequest, ScanAndPayRequest, Settlement,
    SettlementEvent, WatchSettlementRequest,
};

use crate::args::Pay;
use crate::connect::Door;
use crate::draw::progress::{Drawn, Progress};
use crate::draw::{receipt, words};
use crate::exit::Exit;
use crate::out::Out;
use crate::trouble::Trouble;
use crate::{ask, json};

/// A bill is at most what the daemon takes in one message.
const BILL_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Events not drawn yet.
const EVENTS_MAX: usize = 64;
/// How long the last events may come after the answer.
const LAST_EVENTS_WAIT_MS_MAX: u64 = 500;

/// Runs it.
pub(crate) async fn run(socket: &Path, pay: &Pay, out: &mut Out) -> Result<Exit, Trouble> {
    let bill = read_bill(pay, out)?;
    if !bill.confirm.is_empty() && !pay.yes && !ask::is_possible() {
        let why = "the bill asks for confirmations and there is no terminal to ask at: give --yes, \
            or confirm from elsewhere by `yibaoctl confirm`";
        return Err(Trouble::Usage(why.to_owned()));
    }
    let door = Door::open(socket).await?;
    let request_id = bill.request_id.clone();
    if !out.is_json() {
        out.notes(&[format!("  请求编号 request_id  {request_id}")]);
    }
    let settlement = Running::start(door, pay, &bill, out).finish(bill).await?;
    told(&settlement, out);
    if settlement.money() == yibaod::api::Money::Pending && !out.is_json() {
        out.notes(&[format!(
            "  继续跟踪 / follow it:  yibaoctl watch {request_id}"
        )]);
    }
    Ok(Exit::of_money(settlement.money()))
}

/// Prints a settlement: drawn, or as the one JSON object.
pub(crate) fn told(settlement: &Settlement, out: &Out) {
    if out.is_json() {
        out.object(&json::text(settlement));
    } else {
        out.lines(&receipt::settlement(settlement, out.paint(), out.width()));
    }
}

/// An id that nobody used.
pub(crate) fn new_request_id() -> String {
    format!("ctl-{}", uuid::Uuid::now_v7())
}

/// A file's text; `-` is stdin.
pub(crate) fn read(path: &Path, out: &Out) -> Result<String, Trouble> {
    use std::io::Read as _;
    let name = path.display();
    let failed = |error: std::io::Error| Trouble::Usage(format!("{name}: {error}"));
    let mut bytes = Vec::new();
    let reader: Box<dyn std::io::Read> = match path.as_os_str() == "-" {
        true => Box::new(std::io::stdin().lock()),
        false => Box::new(std::fs::File::open(path).map_err(failed)?),
    };
    reader
        .take(BILL_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() > usize::try_from(BILL_BYTES_MAX).unwrap_or(usize::MAX) {
        return Err(Trouble::Usage(format!(
            "{name} is larger than {BILL_BYTES_MAX} bytes"
        )));
    }
    out.charset()
        .decode(&bytes)
        .map_err(|error| Trouble::Usage(format!("{name}: {error} (--charset gb18030|gbk|utf-8)")))
}

fn read_bill(pay: &Pay, out: &Out) -> Result<ScanAndPayRequest, Trouble> {
    let mut bill = json::bill(&read(&pay.bill, out)?)?;
    if let Some(request_id) = &pay.request_id {
        bill.request_id.clone_from(request_id);
    } else if bill.request_id.is_empty() {
        bill.request_id = new_request_id();
    }
    Ok(bill)
}

/// A call under way, and what is needed to follow it.
struct Running<'a> {
    door: Door,
    pay: &'a Pay,
    out: &'a Out,
    request_id: String,
    screen: Screen<'a>,
    events: mpsc::Receiver<SettlementEvent>,
    /// What was asked about, so that an event that repeats it does not ask again.
    asked: String,
}

impl<'a> Running<'a> {
    fn start(door: Door, pay: &'a Pay, bill: &ScanAndPayRequest, out: &'a Out) -> Self {
        let (sender, events) = mpsc::channel(EVENTS_MAX);
        let request_id = bill.request_id.clone();
        tokio::spawn(follow(door.clone(), request_id.clone(), sender));
        Self {
            door,
            pay,
            out,
            request_id,
            screen: Screen::new(out),
            events,
            asked: String::new(),
        }
    }

    async fn finish(mut self, bill: ScanAndPayRequest) -> Result<Settlement, Trouble> {
        let mut request = Request::new(bill);
        if let Some(wait_s) = self.pay.wait_s {
            request.set_timeout(Duration::from_secs(wait_s));
        }
        let mut client = self.door.settlements.clone();
        let call = client.scan_and_pay(request);
        tokio::pin!(call);
        let mut cancelled = false;
        let answer = loop {
            tokio::select! {
                answer = &mut call => break answer,
                Some(event) = self.events.recv() => {
                    let question = self.question(&event);
                    self.screen.event(&event);
                    if let Some((point, shown)) = question {
                        self.ask(point, shown);
                    }
                }
                pressed = tokio::signal::ctrl_c() => {
                    pressed.map_err(|error| Trouble::Failed(error.to_string()))?;
                    if cancelled {
                        // The second time: leave. The daemon goes on with what it must.
                        return Err(Trouble::Lost {
                            request_id: self.request_id,
                            why: "interrupted twice; the daemon goes on".to_owned(),
                        });
                    }
                    cancelled = true;
                    self.cancel().await?;
                }
            }
        };
        self.screen.rest(&mut self.events).await;
        let answer = answer.map_err(|status| Trouble::of_pay(status, &self.request_id))?;
        answer.into_inner().settlement.ok_or_else(|| Trouble::Lost {
            request_id: self.request_id,
            why: "the answer was empty".to_owned(),
        })
    }

    /// What this event asks for the first time.
    fn question(&mut self, event: &SettlementEvent) -> Option<(ConfirmPoint, String)> {
        let (point, shown) = token(event)?;
        if self.asked == shown {
            return None;
        }
        self.asked.clone_from(&shown);
        Some((point, shown))
    }

    /// Asks and confirms in the background: a cancel and the daemon's time limit go on meanwhile.
    fn ask(&mut self, point: ConfirmPoint, shown: String) {
        let (mut door, request_id) = (self.door.clone(), self.request_id.clone());
        let (unasked, charset, is_json) = (self.pay.yes, self.out.charset(), self.out.is_json());
        if !unasked {
            self.screen.ask(question(point));
        }
        tokio::spawn(async move {
            let out = Out::new(charset, is_json);
            let sure = unasked || ask::yes().await;
            let told = match sure {
                true => confirm(&mut door, &request_id, point, shown).await.err(),
                false => withdraw(&mut door, &request_id).await.err(),
            };
            if let Some(trouble) = told {
                out.notes(&receipt::error(
                    &trouble.entry(),
                    out.paint_notes(),
                    out.width_notes(),
                ));
            }
        });
    }

    async fn cancel(&mut self) -> Result<(), Trouble> {
        let request = CancelSettlementRequest {
            request_id: self.request_id.clone(),
        };
        // The terminal's own ^C stands on this line.
        self.screen.note("");
        self.screen
            .note("  正在取消…  cancelling (Ctrl-C again leaves)");
        let answer = self.door.settlements.cancel_settlement(request).await;
        match answer {
            Ok(answer) => {
                let (zh, en) = words::verdict(answer.into_inner().verdict());
                self.screen
                    .note(&format!("  取消结果 / cancel: {zh}  {en}"));
                Ok(())
            }
            Err(status) => {
                let trouble = Trouble::of_pay(status, &self.request_id);
                // There was nothing to cancel yet, or no more; the call's own answer decides.
                if !matches!(trouble, Trouble::Told { .. }) {
                    return Err(trouble);
                }
                self.screen
                    .note(&format!("  {}", trouble.entry().meaning_zh));
                Ok(())
            }
        }
    }
}

/// Sends the events of a settlement until it ends; without them the answer still comes.
async fn follow(mut door: Door, request_id: String, events: mpsc::Sender<SettlementEvent>) {
    let Ok(stream) = door
        .settlements
        .watch_settlement(WatchSettlementRequest { request_id })
        .await
    else {
        return;
    };
    let mut stream = stream.into_inner();
    while let Ok(Some(message)) = stream.message().await {
        if let Some(event) = message.event
            && events.send(event).await.is_err()
        {
            return;
        }
    }
}

/// What an event wants confirmed, and its token.
pub(crate) fn token(event: &SettlementEvent) -> Option<(ConfirmPoint, String)> {
    match event.shown.as_ref()? {
        Shown::Person(person) => Some((ConfirmPoint::Person, person.shown.clone())),
        Shown::Amounts(amounts) => Some((ConfirmPoint::Amounts, amounts.shown.clone())),
    }
}

/// What is asked at the terminal.
pub(crate) fn question(point: ConfirmPoint) -> &'static str {
    match point {
        ConfirmPoint::Person => "  是此人吗？Is this the person? [y/N] ",
        ConfirmPoint::Amounts => "  按此金额结算？Settle these amounts? [y/N] ",
        ConfirmPoint::Unspecified => "  确认？Confirm? [y/N] ",
    }
}

/// Confirms what was shown.
pub(crate) async fn confirm(
    door: &mut Door,
    request_id: &str,
    point: ConfirmPoint,
    shown: String,
) -> Result<(), Trouble> {
    let request = ConfirmSettlementRequest {
        request_id: request_id.to_owned(),
        point: point.into(),
        shown,
    };
    let answer = door.settlements.confirm_settlement(request).await;
    answer.map(|_| ()).map_err(Trouble::of_status)
}

async fn withdraw(door: &mut Door, request_id: &str) -> Result<(), Trouble> {
    let request = CancelSettlementRequest {
        request_id: request_id.to_owned(),
    };
    let answer = door.settlements.cancel_settlement(request).await;
    answer.map(|_| ()).map_err(Trouble::of_status)
}

/// `cancel`: the verdict and what is true now.
pub(crate) async fn cancel(door: &mut Door, request_id: &str, out: &Out) -> Result<Exit, Trouble> {
    let request = CancelSettlementRequest {
        request_id: request_id.to_owned(),
    };
    let answer = door.settlements.cancel_settlement(request).await;
    let answer = answer.map_err(Trouble::of_status)?.into_inner();
    let verdict = answer.verdict();
    if out.is_json() {
        out.object(&json::text(&answer));
    } else {
        let (zh, en) = words::verdict(verdict);
        out.lines(&[format!("  {}", out.paint().bold(&format!("{zh}  {en}")))]);
        if let Some(settlement) = &answer.settlement {
            told(settlement, out);
        }
    }
    Ok(Exit::of_verdict(verdict))
}

/// Progress on stderr: redrawn on a terminal, else only what stays.
pub(crate) struct Screen<'a> {
    out: &'a Out,
    progress: Progress,
    /// Lines of the block that is redrawn.
    drawn: usize,
    last: Vec<String>,
}

impl<'a> Screen<'a> {
    pub(crate) fn new(out: &'a Out) -> Self {
        let progress = Progress::new(out.paint_notes(), out.width_notes(), out.is_live());
        Self {
            out,
            progress,
            drawn: 0,
            last: Vec::new(),
        }
    }

    /// Draws an event.
    pub(crate) fn event(&mut self, event: &SettlementEvent) {
        let drawn = self.progress.event(event);
        self.put(drawn);
    }

    /// Draws what still comes, briefly.
    async fn rest(&mut self, events: &mut mpsc::Receiver<SettlementEvent>) {
        let wait = Duration::from_millis(LAST_EVENTS_WAIT_MS_MAX);
        let all = async {
            while let Some(event) = events.recv().await {
                self.event(&event);
            }
        };
        // Late events are dropped: the answer says all.
        tokio::time::timeout(wait, all).await.ok();
        self.put(Drawn::default());
    }

    /// A line that stays.
    fn note(&mut self, line: &str) {
        let current = std::mem::take(&mut self.last);
        self.put(Drawn {
            done: vec![line.to_owned()],
            current,
        });
    }

    /// A question; the answer is typed behind it.
    fn ask(&mut self, question: &str) {
        self.out.note_raw(question);
        // What the person types ends this line: the block above it stays as it is.
        self.drawn = 0;
    }

    fn put(&mut self, drawn: Drawn) {
        let is_live = self.out.is_live();
        if is_live && self.drawn > 0 {
            // Up to the block's first line, and all below it cleared.
            self.out.note_raw(&format!("\x1b[{}A\x1b[0J", self.drawn));
        }
        self.out.notes(&drawn.done);
        self.drawn = 0;
        // Without redrawing, what stands below is printed when it changes.
        if is_live || drawn.current != self.last {
            self.out.notes(&drawn.current);
            self.drawn = drawn.current.len();
        }
        self.last = drawn.current;
    }
}
