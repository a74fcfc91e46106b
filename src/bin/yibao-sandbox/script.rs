//! Carries out a scenario: a line after the other, against the real daemon. The settlement runs beside the lines.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use yibaod::api::get_settlement_request::Key;
use yibaod::api::settlement_service_client::SettlementServiceClient;
use yibaod::api::{
    CancelSettlementRequest, GetSettlementRequest, Money, PaperState, Settlement,
    WatchSettlementRequest,
};
use yibaod::sandbox::platform::CodeKind;
use yibaod::sandbox::scenario::{Act, Expect, Line, Scenario};

use crate::Trouble;
use crate::daemon::Daemon;
use crate::desk::Desk;
use crate::draw::Say;
use crate::patient::Asked;
use crate::pay;

/// How long a code may be waited for, or something told.
const MEANWHILE_WAIT_MS_MAX: u64 = 30_000;
/// How long an end may be waited for.
const END_WAIT_MS_MAX: u64 = 120_000;
/// How often a settlement whose caller is gone is looked at.
const LOOK_MS: u64 = 200;
/// How often the ledger is looked at for a request that is to come.
const ARRIVED_LOOK_MS: u64 = 10;

/// Runs the file. `false`: something expected did not come true.
pub(crate) async fn run(
    path: &Path,
    say: &Say,
    desk: &Arc<Desk>,
    daemon: &mut Daemon,
) -> Result<bool, Trouble> {
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let scenario = Scenario::parse(&text).map_err(|what| format!("{}: {what}", path.display()))?;
    say.section(&path.display().to_string(), "脚本");
    let mut stage = Stage {
        desk: Arc::clone(desk),
        running: None,
    };
    let mut all_true = true;
    for line in &scenario.lines {
        let done = stage.perform(line, daemon).await;
        match &done {
            Ok(told) => say.check(true, &format!("{}  {}", line.text, say.dim(told))),
            Err(trouble) => {
                say.check(
                    false,
                    &format!(
                        "{}  line {}: {}",
                        line.text,
                        line.number,
                        say.bad(&trouble.to_string())
                    ),
                );
                all_true = false;
                // What is expected may fail and the next still be looked at; an act that fails ends the story.
                if !matches!(line.act, Act::Expect(_)) {
                    return Ok(false);
                }
            }
        }
    }
    Ok(all_true)
}

/// What has been seen of the settlement meanwhile.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// Codes asked for.
    asks: u32,
    /// Codes of errors, in order.
    told: Vec<String>,
}

struct Running {
    request_id: String,
    answer: JoinHandle<Result<Settlement, tonic::Status>>,
    seen: watch::Receiver<Seen>,
    scans: u32,
    is_answered: bool,
    ended: Option<Settlement>,
}

struct Stage {
    desk: Arc<Desk>,
    running: Option<Running>,
}

impl Stage {
    /// What is said beside the line when it is done.
    async fn perform(&mut self, line: &Line, daemon: &mut Daemon) -> Result<String, Trouble> {
        let desk = Arc::clone(&self.desk);
        match &line.act {
            Act::Person(name) => {
                desk.platform
                    .person(name)
                    .ok_or_else(|| format!("nobody is {name}"))?;
                desk.choose(name);
            }
            Act::Switch(key, value) => {
                let mut change = serde_json::Map::new();
                change.insert(key.clone(), value.clone());
                desk.platform.switch(&serde_json::Value::Object(change))?;
            }
            Act::Fault(fault) => desk.platform.arm(fault)?,
            Act::Heal => desk.platform.disarm(),
            Act::Device(line) => return Ok(desk.devices.run(line).await?),
            Act::Pay(_) => return self.pay().await,
            Act::Scan(kind) => self.scan(*kind).await?,
            Act::Cancel => return self.cancel().await,
            Act::Kill => daemon.kill().await?,
            Act::Start => daemon.begin().await?,
            Act::Expect(expect) => return self.expect(expect).await,
        }
        Ok(String::new())
    }

    async fn pay(&mut self) -> Result<String, Trouble> {
        let request_id = pay::new_request_id();
        let bill = pay::bill(&self.desk, &self.desk.person(), &request_id)?;
        let mut door = SettlementServiceClient::new(self.desk.door().await?);
        let watched = WatchSettlementRequest {
            request_id: request_id.clone(),
        };
        let mut events = door.watch_settlement(watched).await?.into_inner();
        let (sender, seen) = watch::channel(Seen::default());
        tokio::spawn(async move {
            let mut asked = Asked::default();
            // The stream ends with the settlement, or with the daemon.
            while let Ok(Some(message)) = events.message().await {
                let event = message.event.unwrap_or_default();
                let wants_code = asked.wants_code(&event);
                sender.send_modify(|seen| {
                    seen.asks += u32::from(wants_code);
                    seen.told.extend(event.error.map(|error| error.code));
                });
            }
        });
        let answer = tokio::spawn(async move {
            let answer = door.scan_and_pay(bill).await?.into_inner();
            Ok(answer.settlement.unwrap_or_default())
        });
        let told = request_id.clone();
        self.running = Some(Running {
            request_id,
            answer,
            seen,
            scans: 0,
            is_answered: false,
            ended: None,
        });
        Ok(told)
    }

    async fn scan(&mut self, kind: CodeKind) -> Result<(), Trouble> {
        let person = self.desk.person();
        let running = self.running.as_mut().ok_or("nothing is being paid")?;
        let wanted = running.scans + 1;
        meanwhile(&mut running.seen, "no code is wanted", |seen| {
            seen.asks >= wanted
        })
        .await?;
        running.scans = wanted;
        self.desk.show(&person, kind).await?;
        Ok(())
    }

    async fn cancel(&mut self) -> Result<String, Trouble> {
        let running = self.running.as_ref().ok_or("nothing is being paid")?;
        let mut door = SettlementServiceClient::new(self.desk.door().await?);
        let request = CancelSettlementRequest {
            request_id: running.request_id.clone(),
        };
        let answer = door.cancel_settlement(request).await?.into_inner();
        Ok(answer.verdict().as_str_name().to_owned())
    }

    async fn expect(&mut self, expect: &Expect) -> Result<String, Trouble> {
        match expect {
            Expect::Money(money) => {
                let enough = if is_final(money) {
                    has_final_money
                } else {
                    is_answered
                };
                let found = self.end(enough).await?.money().as_str_name();
                same(&format!("MONEY_{money}"), found)
            }
            Expect::Paper(paper) => {
                let paper_now = self.end(is_over).await?.paper.unwrap_or_default();
                same(
                    &format!("PAPER_STATE_{paper}"),
                    paper_now.state().as_str_name(),
                )
            }
            Expect::Error(code) => same(
                code,
                &self.end(is_over).await?.error.unwrap_or_default().code,
            ),
            Expect::Told(code) => {
                let running = self.running.as_mut().ok_or("nothing is being paid")?;
                meanwhile(&mut running.seen, "it is not told", |seen| {
                    seen.told.contains(code)
                })
                .await?;
                Ok(String::new())
            }
            Expect::Charged(count) => {
                let rows = self.desk.platform.ledger(|ledger| ledger.settlements());
                let live = rows.iter().filter(|row| row.is_live()).count();
                same(&count.to_string(), &live.to_string())
            }
            Expect::Received(infno, count) => {
                let got = received(&self.desk, infno, *count).await;
                same(&count.to_string(), &got.to_string())
            }
        }
    }

    /// The settlement as answered, or as it is once that is enough.
    async fn end(&mut self, enough: fn(&Settlement) -> bool) -> Result<Settlement, Trouble> {
        let running = self.running.as_mut().ok_or("nothing is being paid")?;
        let wait = Duration::from_millis(END_WAIT_MS_MAX);
        if !running.is_answered {
            let answer = tokio::time::timeout(wait, &mut running.answer).await;
            // A lost answer is asked for below.
            running.ended = answer.map_err(|_| "no answer")??.ok();
            running.is_answered = true;
        }
        let until = tokio::time::Instant::now() + wait;
        loop {
            if let Some(ended) = running.ended.as_ref().filter(|it| enough(it)) {
                return Ok(ended.clone());
            }
            if tokio::time::Instant::now() > until {
                return Err("no end".into());
            }
            tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
            running.ended = look(&self.desk, &running.request_id).await?;
        }
    }
}

/// Requests of a transaction, waiting until there are so many.
async fn received(desk: &Desk, infno: &str, count: usize) -> usize {
    let until = tokio::time::Instant::now() + Duration::from_millis(MEANWHILE_WAIT_MS_MAX);
    loop {
        let got = desk.platform.ledger(|ledger| ledger.received(infno).len());
        if got >= count || tokio::time::Instant::now() > until {
            return got;
        }
        tokio::time::sleep(Duration::from_millis(ARRIVED_LOOK_MS)).await;
    }
}

async fn look(desk: &Desk, request_id: &str) -> Result<Option<Settlement>, Trouble> {
    let mut door = SettlementServiceClient::new(desk.door().await?);
    let request = GetSettlementRequest {
        key: Some(Key::RequestId(request_id.to_owned())),
    };
    Ok(door.get_settlement(request).await?.into_inner().settlement)
}

async fn meanwhile(
    seen: &mut watch::Receiver<Seen>,
    otherwise: &str,
    is: impl FnMut(&Seen) -> bool,
) -> Result<(), Trouble> {
    let wait = Duration::from_millis(MEANWHILE_WAIT_MS_MAX);
    match tokio::time::timeout(wait, seen.wait_for(is)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(_)) => Err(format!("{otherwise}; the settlement is over").into()),
        Err(_) => Err(format!("{otherwise} within {} s", wait.as_secs()).into()),
    }
}

/// Whether this outcome, as a scenario writes it, is one that stays.
fn is_final(money: &str) -> bool {
    !matches!(money, "UNKNOWN" | "PENDING")
}

fn is_answered(_: &Settlement) -> bool {
    true
}

fn has_final_money(it: &Settlement) -> bool {
    let money = matches!(
        it.money(),
        Money::Settled | Money::Refused | Money::Cancelled | Money::Reversed
    );
    money || it.stuck
}

/// The money is final and the paper no longer under way.
fn is_over(it: &Settlement) -> bool {
    let paper = it.paper.as_ref().map(|paper| paper.state());
    has_final_money(it) && (paper != Some(PaperState::Queued) || it.stuck)
}

fn same(expected: &str, found: &str) -> Result<String, Trouble> {
    match expected == found {
        true => Ok(found.to_owned()),
        false => Err(format!("it is {found}").into()),
    }
}
