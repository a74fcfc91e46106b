//! One cell: a call whose daemon is killed at one place, or at two, and what it came to.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::timeout;
use yibaod::api::Stage;
use yibaod::sandbox::platform::{Options, Platform};

use super::place::{Aim, Code, Killer, Place};
use super::verdict::{self, Verdict};
use super::ways::Way;
use crate::desk::{Desk, Setup, bill, wait_for};
use crate::proof::asked::{Before, Look, REQUEST};

/// Longest time for a daemon to reach the place where it is killed, and to end there.
const REACH_S_MAX: u64 = 60;
/// A place behind the answer is reached within this time, or not at all.
const BEHIND_S_MAX: u64 = 3;
/// How long a caller may take to come back.
const REJOIN_S: u32 = 20;
/// A receipt that does not come is waited for so long.
const PRINT_WAIT_MS: u32 = 300;
/// One cell of the matrix.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    pub(super) way: &'static Way,
    pub(super) place: Place,
    /// The caller repeats its request after each restart; otherwise it asks when all is over.
    pub(super) back: bool,
    /// Where the next daemon is killed too.
    pub(super) second: Option<Second>,
}

/// Where a recovery is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Second {
    /// At this moment of the platform since the restart.
    Moment(usize),
    /// At this sync since the restart.
    Sync(usize),
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let back = if self.back { "back" } else { "gone" };
        write!(f, "{}/{}/{back}", self.way.name, self.place)?;
        match self.second {
            None => Ok(()),
            Some(Second::Moment(n)) => write!(f, "/moment#{n}"),
            Some(Second::Sync(n)) => write!(f, "/sync#{n}"),
        }
    }
}

/// What a cell came to.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Whether each kill met its daemon alive.
    pub(super) reached: bool,
    /// Moments of the platform while it recovered.
    pub(super) moments: usize,
    pub(super) verdict: Verdict,
    pub(super) took: Duration,
}

/// Runs the cell. Panics with what is wrong.
pub(super) async fn run(cell: Cell) -> Outcome {
    let began = Instant::now();
    let (mut desk, killer, before) = prepare(cell).await;
    let mut reached = first(cell, &mut desk, &killer, &before).await;
    assert!(desk.daemon_ended().is_none(), "a dead daemon is forgotten");

    if let Some(second) = cell.second {
        let began = match second {
            Second::Moment(_) => {
                desk.start_daemon().await;
                true
            }
            Second::Sync(n) => {
                let tracer = Place::Sync(n).tracer();
                desk.try_start_daemon_under(&words(&tracer)).await
            }
        };
        if began {
            if let Second::Moment(n) = second {
                killer.aim(Aim::Moment(n), desk.pid());
            }
            recover(cell, &desk, &before).await;
        }
        // A place that it did not come to is behind its end.
        reached &= ended(&mut desk, !began).await;
    }
    desk.start_daemon().await;
    killer.aim(Aim::Nothing, desk.pid());
    recover(cell, &desk, &before).await;
    if !cell.way.asked.can_be_seen() {
        // Nobody sees how it goes on but who asks again.
        call(cell, &desk, &before).await;
    }
    let moments = killer.moments();
    let verdict = verdict::of(cell, &desk, &before, &killer.killed_at()).await;
    nothing_hangs(&mut desk);
    Outcome {
        reached,
        moments,
        verdict,
        took: began.elapsed(),
    }
}

/// A desk without a daemon, before a platform of its own, and what was done there before.
pub(super) async fn prepare(cell: Cell) -> (Desk, Arc<Killer>, Before) {
    let platform = Platform::start(Options::default()).await;
    let platform = Arc::new(platform.expect("a free port"));
    for switch in cell.way.switches {
        let on = serde_json::json!({ *switch: true });
        platform.switch(&on).expect("a switch of the sandbox");
    }
    let is_paper = matches!(cell.place, Place::Paper(_));
    let setup = Setup {
        settle_quiet_s: 1,
        rejoin_s: if cell.back { REJOIN_S } else { 0 },
        money_call_ms: 10_000,
        print_wait_ms: if is_paper { PRINT_WAIT_MS } else { 8_000 },
        profile_more: [cell.way.asked.profile(), cell.way.profile].concat(),
        ..Setup::default()
    };
    let mut desk = Desk::prepare(Arc::clone(&platform), setup);
    let before = cell.way.asked.before(&mut desk).await;
    let killer = Killer::new(&platform);
    for fault in cell.way.faults {
        platform.arm(fault).expect("a fault of the sandbox");
    }
    if let Place::Paper(bytes) = cell.place {
        desk.printer.paper_out_after(bytes);
    }
    (desk, killer, before)
}

/// The call, up to the first kill; whether the daemon was met alive there. It is gone after this.
async fn first(cell: Cell, desk: &mut Desk, killer: &Killer, before: &Before) -> bool {
    let tracer = cell.place.tracer();
    if !desk.try_start_daemon_under(&words(&tracer)).await {
        return ended(desk, true).await;
    }
    if let Place::Call(infno, nth, edge) = cell.place {
        killer.aim(Aim::Call(infno, nth, edge), desk.pid());
    }
    if let Place::Scan(part) = cell.place {
        return scanned(part, desk).await;
    }
    call(cell, desk, before).await;
    match cell.place {
        Place::Call(..) | Place::Write(_) | Place::Sync(_) => {
            if cell.way.stops && desk.daemon_ended().is_none() {
                desk.ask_to_stop();
            }
            ended(desk, false).await
        }
        Place::Paper(_) | Place::Cut => {
            let until = tokio::time::Instant::now() + Duration::from_secs(REACH_S_MAX);
            let is_cut = cell.place == Place::Cut;
            let reached = desk.printer.wait_until(until, |printer| {
                if is_cut {
                    !printer.papers().is_empty()
                } else {
                    printer.held_bytes() > 0
                }
            });
            let reached = reached.await;
            desk.kill();
            desk.printer.refill();
            reached
        }
        Place::Scan(_) => unreachable!("killed above"),
    }
}

/// The call, whatever becomes of it.
async fn call(cell: Cell, desk: &Desk, before: &Before) {
    let call = cell.way.asked.ask(desk, before);
    let answered = timeout(Duration::from_secs(REACH_S_MAX), call).await;
    assert!(answered.is_ok(), "no answer and no end: {}", desk.log());
}

/// Kills while a code is on its way.
async fn scanned(part: Code, desk: &mut Desk) -> bool {
    let mut events = desk.watch(REQUEST).await;
    let code = desk.platform.fresh_code("employee").expect("a person");
    let code = [code.as_bytes(), b"\r"].concat();
    let (sent, rest) = code.split_at(match part {
        Code::None => 0,
        Code::Half => code.len() / 2,
        Code::Unended => code.len() - 1,
        Code::Whole => code.len(),
    });
    let calling = desk.scan_and_pay(bill(desk, REQUEST));
    let showing = async {
        wait_for(&mut events, Stage::WaitingScan).await;
        desk.scanner.scan_raw(sent).await.expect("the pty takes it");
    };
    tokio::select! {
        answer = calling => panic!("answered without a code: {answer:?}"),
        () = showing => {}
    }
    desk.kill();
    // The scanner knows nothing of that: nobody listens to the rest.
    let sent = desk.scanner.scan_raw(rest).await;
    sent.expect("the pty takes it");
    true
}

/// The caller comes back, or asks only when all is over.
async fn recover(cell: Cell, desk: &Desk, before: &Before) {
    if cell.back {
        call(cell, desk, before).await;
    }
    let until = Instant::now() + Duration::from_secs(REACH_S_MAX);
    while Instant::now() < until {
        match cell.way.asked.look(desk).await {
            // It was killed again.
            Err(_) => return,
            Ok(Look::Nothing | Look::Over | Look::None) => return,
            Ok(Look::Runs) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    panic!("no end: {}", desk.log());
}

/// No stream is open in the journal but for a person.
fn nothing_hangs(desk: &mut Desk) {
    desk.kill();
    let path = desk.state_dir().join("journal/journal.sqlite");
    let journal = rusqlite::Connection::open(path).expect("the journal");
    let open = "SELECT kind || ' ' || summary FROM stream_state WHERE open AND NOT stuck";
    let mut open = journal.prepare(open).expect("its index");
    let open = open.query_map([], |row| row.get::<_, String>(0));
    let open: Vec<_> = open.expect("its index").map(Result::unwrap).collect();
    assert_eq!(open, Vec::<String>::new(), "nobody carries them");
}

/// Waits for a daemon that was killed, and kills it where the place did not come.
async fn ended(desk: &mut Desk, is_dead: bool) -> bool {
    let wait_s = if is_dead { REACH_S_MAX } else { BEHIND_S_MAX };
    let reached = desk.wait_until_ended(Duration::from_secs(wait_s)).await;
    desk.kill();
    reached
}

fn words(tracer: &[String]) -> Vec<&str> {
    tracer.iter().map(String::as_str).collect()
}
