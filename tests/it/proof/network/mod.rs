//! The network matrix: every call to the platform under every fault of the wire.
//!
//! A cell is one call of the shipped daemon with one fault at one message. However it ends, the answer and
//! the platform's ledger must agree to the fen, nobody is charged twice, the end is final or on the stuck
//! list, and no money call was repeated without an enquiry in between.
//!
//! Some cells, by the beginning of their names: `YIBAO_CELL='refund: 2208' cargo test --test it proof::network`.

mod books;
mod calls;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use yibaod::api::{Money, PrintWish};
use yibaod::sandbox::platform::{Ledger, Options, Platform};

use super::asked::{Asked, Before, Told};
use super::record::{Found, Proof, is_long};
use crate::desk::{Desk, Setup, Shows, bill, eventually};
use books::{differences, is_ours, rules_broken};
use calls::{CALLS, Column, FAULTS, Row, TLS_FAULTS, armed};

/// Cells that run at once: most of them wait most of the time.
const CELLS_AT_ONCE: usize = 16;
/// Time-outs of a call, scaled down with all that hangs on them.
const CALL_MS: u32 = 1_000;
/// The quiet time after a lost settling call, scaled down: longer than a late commit.
const QUIET_S: u32 = 2;
/// Codes that a patient shows when asked again and again.
const CODES: usize = 4;
/// Further faults tried with each cell in the long form.
const PAIRS_PER_CELL: u64 = 3;
/// Where the seeds of the long form begin.
const SEED_FIRST: u64 = 1;

/// One call under faults.
struct Cell {
    name: String,
    /// The call that is struck.
    infno: &'static str,
    profile: String,
    arm: Vec<String>,
    tls: bool,
    asked: Asked,
    /// Two faults at once: a person may be needed in the end, and one may keep the settlement from where
    /// the other waits.
    is_pair: bool,
}

impl Cell {
    fn of(row: &Row, column: &Column) -> Self {
        let mut arm: Vec<String> = row.arranged.iter().map(|&fault| fault.to_owned()).collect();
        arm.push(armed(row, column));
        Self {
            name: row.named(column),
            infno: row.infno,
            profile: [row.asked.profile(), row.profile].concat(),
            arm,
            tls: column.tls,
            asked: row.asked,
            is_pair: false,
        }
    }

    /// This cell with one more fault at another call.
    fn with(row: &Row, column: &Column, other: &Row, second: &Column) -> Self {
        let mut cell = Self::of(row, column);
        cell.name
            .push_str(&format!(" + {} × {}", other.infno, second.name));
        cell.arm.push(armed(other, second));
        cell.tls |= second.tls;
        cell.is_pair = true;
        cell
    }
}

/// What came of a cell.
struct Ended {
    name: String,
    end: String,
    sends: String,
    took: Duration,
    amiss: Vec<String>,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_under_every_fault_of_the_wire() {
    let mut proof = Proof::begin(
        "network",
        "Network: every call × every fault",
        "网络故障矩阵",
    );
    let columns = || FAULTS.iter().chain(&TLS_FAULTS);
    let mut cells: Vec<Cell> = Vec::new();
    for row in &CALLS {
        cells.extend(columns().map(|column| Cell::of(row, column)));
    }
    let mut seeds = None;
    if is_long() {
        let pairs = pairs(&columns().collect::<Vec<_>>());
        let last = SEED_FIRST + u64::try_from(pairs.len()).expect("few") - 1;
        seeds = Some((SEED_FIRST, last));
        cells.extend(pairs);
    }
    if let Ok(wanted) = std::env::var("YIBAO_CELL") {
        cells.retain(|cell| cell.name.starts_with(&wanted));
        assert!(!cells.is_empty(), "no cell has a name like {wanted}");
    }
    let ended = run_all(cells).await;
    let mut amiss = Vec::new();
    for cell in &ended {
        proof.cell(&cell.name, &cell.end, &cell.sends, cell.took);
        if !cell.amiss.is_empty() {
            amiss.push(format!(
                "{} ({}): {}",
                cell.name,
                cell.end,
                cell.amiss.join("; ")
            ));
        }
    }
    proof.end(&Found {
        count: u64::try_from(ended.len()).expect("few"),
        failures: u64::try_from(amiss.len()).expect("few"),
        seeds,
    });
    assert!(amiss.is_empty(), "{}", amiss.join("\n"));
}

/// Each cell with some further faults at other calls, by seed.
fn pairs(columns: &[&Column]) -> Vec<Cell> {
    let mut seed = SEED_FIRST;
    let mut cells = Vec::new();
    for row in &CALLS {
        for column in columns {
            for _ in 0..PAIRS_PER_CELL {
                let drawn = mixed(seed);
                let pick = |n: u64, len: usize| {
                    let len = u64::try_from(len).expect("few");
                    usize::try_from(n % len).expect("smaller than a length")
                };
                let other = &CALLS[pick(drawn, CALLS.len())];
                let second = columns[pick(drawn >> 32, columns.len())];
                let mut cell = Cell::with(row, column, other, second);
                cell.name.push_str(&format!(" (seed {seed})"));
                cells.push(cell);
                seed += 1;
            }
        }
    }
    cells
}

/// SplitMix64: the bits of a seed, well mixed.
pub(super) fn mixed(seed: u64) -> u64 {
    let mut z = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

async fn run_all(cells: Vec<Cell>) -> Vec<Ended> {
    let turn = Arc::new(Semaphore::new(CELLS_AT_ONCE));
    let mut running = JoinSet::new();
    for (place, cell) in cells.into_iter().enumerate() {
        let turn = Arc::clone(&turn);
        running.spawn(async move {
            let _turn = turn.acquire().await.expect("it is never closed");
            let name = cell.name.clone();
            // A cell that panics is a cell that failed, and the others go on.
            let runtime = tokio::runtime::Handle::current();
            let ended = tokio::task::spawn_blocking(move || runtime.block_on(run(cell))).await;
            let ended = ended.unwrap_or_else(|error| Ended {
                name,
                end: "the test gave up".to_owned(),
                sends: "–".to_owned(),
                took: Duration::ZERO,
                amiss: vec![error.to_string()],
            });
            (place, ended)
        });
    }
    let mut ended = running.join_all().await;
    ended.sort_by_key(|(place, _)| *place);
    ended.into_iter().map(|(_, ended)| ended).collect()
}

async fn run(cell: Cell) -> Ended {
    let options = Options {
        tls: cell.tls,
        ..Options::default()
    };
    let platform = Platform::start(options).await.expect("a free port");
    let mut desk = Desk::prepare(Arc::new(platform), setup(&cell));
    let before = cell.asked.before(&mut desk).await;
    desk.start_daemon().await;
    let began = Instant::now();
    for fault in &cell.arm {
        desk.platform.arm(fault).expect("a fault of the sandbox");
    }
    let (ended, mut amiss) = match cell.asked {
        Asked::Visit | Asked::Sale => settled(&cell, &desk).await,
        Asked::Refund(_)
        | Asked::RefundElsewhere
        | Asked::HandOut
        | Asked::TakeBack
        | Asked::ReconcileAlone
        | Asked::ReconcileAll => carried(&cell, &desk, &before).await,
    };
    let took = began.elapsed();
    let armed = desk.platform.armed();
    if !armed.is_empty() && !cell.is_pair {
        amiss.push(format!("never struck: {}", armed.join(" ")));
    }
    let sends = |ledger: &Ledger| sends(ledger, cell.infno, before.received);
    Ended {
        name: cell.name,
        end: ended.end(),
        sends: desk.platform.ledger(sends),
        took,
        amiss,
    }
}

fn is_turning_away(fault: &str) -> bool {
    fault.starts_with("N14@")
}

/// A settlement to its end, and what is wrong with it.
async fn settled(cell: &Cell, desk: &Desk) -> (Told, Vec<String>) {
    let mut request = if cell.asked == Asked::Sale {
        crate::pharmacy::sale(desk, "cell")
    } else {
        bill(desk, "cell")
    };
    request.print = PrintWish::No.into();
    let shows = vec![Shows::fresh("employee"); CODES];
    let answer = desk.pay(request, &shows).await;
    let ended = desk.ended("cell").await.expect("it was accepted");
    desk.until_idle().await;
    let mut amiss = desk.platform.ledger(|ledger| differences(ledger, &ended));
    let first = answer.money();
    if !matches!(first, Money::Pending | Money::Unknown) && first != ended.money() {
        let (first, last) = (first.as_str_name(), ended.money().as_str_name());
        amiss.push(format!("first it was {first}, then {last}"));
    }
    if ended.stuck && !cell.is_pair {
        amiss.push("a person is needed".to_owned());
    }
    (Told::Settlement(Box::new(ended)), amiss)
}

/// Another stream to its end, and what is wrong with it.
async fn carried(cell: &Cell, desk: &Desk, before: &Before) -> (Told, Vec<String>) {
    let first = cell.asked.ask(desk, before).await.expect("it is taken");
    let over = eventually(async || {
        let told = cell.asked.ask(desk, before).await.expect("it is taken");
        told.is_over().then_some(told)
    });
    let ended = over.await.expect("it comes to an end");
    let received = before.received;
    let mut amiss = (desk.platform).ledger(|ledger| rules_broken(ledger, received));
    cell.asked.check(desk, before, &ended).await;
    if first.is_over() && first != ended {
        amiss.push(format!(
            "first it was {}, then {}",
            first.end(),
            ended.end()
        ));
    }
    // Nobody can be asked what became of goods that were told: a person looks.
    let goods = matches!(cell.asked, Asked::HandOut | Asked::TakeBack);
    // A gateway that turns a question away has said so: it is not asked again.
    let turned_away =
        matches!(ended, Told::Table(_)) && cell.arm.iter().any(|it| is_turning_away(it));
    if !(ended.is_whole() || cell.is_pair || goods || turned_away) {
        amiss.push("a person is needed".to_owned());
    }
    (ended, amiss)
}

fn setup(cell: &Cell) -> Setup {
    let mut profile = format!(
        "[timeouts]\nconnect_ms = {connect}\ncall_ms = {CALL_MS}\nvoucher_ms = {CALL_MS}\n{}",
        cell.profile,
        connect = CALL_MS / 2,
    );
    if cell.tls {
        let authority = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/src/sandbox/http/tls/authority.pem"
        );
        profile.push_str(&format!("[url]\nca_path = \"{authority}\"\n"));
    }
    Setup {
        settle_quiet_s: QUIET_S,
        money_call_ms: CALL_MS,
        profile_more: profile,
        no_printer: true,
        ..Setup::default()
    }
}

/// How often the call went out, and all money calls.
fn sends(ledger: &Ledger, infno: &str, since: usize) -> String {
    let rows = &ledger.requests()[since..];
    let count = |infno: &str| {
        let ours = rows.iter().filter(|row| row.infno == infno && is_ours(row));
        ours.count()
    };
    let told = |infno: &str| format!("{infno} {}", count(infno));
    let mut words = vec![told(infno)];
    let others = ["2207", "2102", "2208", "2103", "2601", "5203"];
    let others = others.iter().filter(|it| **it != infno && count(it) > 0);
    words.extend(others.map(|infno| told(infno)));
    words.join(", ")
}
