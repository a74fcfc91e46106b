//! The network matrix: every call to the platform under every fault of the wire.
//!
//! A cell is one settlement by the shipped daemon with one fault at one call. However it ends, the answer and
//! the platform's ledger must agree to the fen, nobody is charged twice, the end is final or on the stuck
//! list, and no money call was repeated without an enquiry in between. A further call is a row of [`CALLS`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use yibaod::api::{Money, PrintWish, Settlement};
use yibaod::sandbox::http::Delivery;
use yibaod::sandbox::platform::{Ledger, Options, Outcome, Platform, Received};

use super::record::{Found, Proof, is_long};
use crate::desk::{Desk, Setup, Shows, bill};

/// Cells that run at once: most of them wait most of the time.
const CELLS_AT_ONCE: usize = 16;
/// Time-outs of a call, scaled down with all that hangs on them.
const CALL_MS: u32 = 1_000;
/// Longer than any time-out: an answer that comes then is late.
const LATE_MS: u32 = CALL_MS + 400;
/// The quiet time after a lost settling call, scaled down: longer than a late commit.
const QUIET_S: u32 = 2;
/// How long nothing listens: the first try meets it, a later one does not.
const SHUT_MS: u32 = 800;
/// Codes that a patient shows when asked again and again.
const CODES: usize = 4;
/// Further faults tried with each cell in the long form.
const PAIRS_PER_CELL: u64 = 3;
/// Where the seeds of the long form begin.
const SEED_FIRST: u64 = 1;

/// Seen on a message that the relay delivered, not the daemon.
const SECOND_DELIVERY: &str = "F23 second delivery";
/// What moves money and is never repeated without an enquiry.
const MONEY_CALLS: [&str; 4] = ["2207", "2208", "2102", "2103"];
/// What counts as an enquiry.
const ENQUIRIES: [&str; 2] = ["5203", "2601"];
const BY_PERSON: &str = "[enquiry]\npharmacy_by_person = true\n";
const NO_ENQUIRY: &str = "[enquiry]\nwithout_setl_id = false\n";

/// A call, and what makes a settlement come to it.
struct Row {
    /// 交易编号, or `ec.query`.
    infno: &'static str,
    /// The call before it: what befalls connections is armed at its answer.
    before: &'static str,
    /// Faults that lead there.
    arranged: &'static [&'static str],
    profile: &'static str,
    /// The quiet time lies between the call before and this one.
    after_quiet: bool,
    /// A pharmacy's sale comes to it.
    is_sale: bool,
}

const CALLS: [Row; 18] = [
    plain("ec.query", "now"),
    plain("9001", "ec.query"),
    plain("1101", "9001"),
    plain("2201", "1101"),
    plain("2203A", "2201"),
    plain("2204", "2203A"),
    plain("2206", "2204"),
    plain("2207", "2206"),
    after("5203", "2207", &["F1@2207"]),
    Row {
        profile: NO_ENQUIRY,
        after_quiet: true,
        ..after("2601", "2207", &["F1@2207"])
    },
    after("2208", "2207", &["F12@2207"]),
    // What became of the refund is asked by the same transaction as what became of the charge.
    Row {
        after_quiet: true,
        ..after("5203", "2208", &["F12@2207", "F1@2208"])
    },
    after("2205", "2206", &["F21@2206"]),
    after("2202", "2205", &["F21@2206"]),
    after("5201", "2201", &["F1@2201"]),
    sale_to("2101", "1101", &[]),
    sale_to("2102", "2101", &[]),
    sale_to("2103", "2102", &["F12@2102"]),
];

/// A pharmacy's sale at a site where a lost one may be asked for by the person.
const fn sale_to(
    infno: &'static str,
    before: &'static str,
    arranged: &'static [&'static str],
) -> Row {
    Row {
        profile: BY_PERSON,
        is_sale: true,
        ..after(infno, before, arranged)
    }
}

const fn plain(infno: &'static str, before: &'static str) -> Row {
    after(infno, before, &[])
}

const fn after(
    infno: &'static str,
    before: &'static str,
    arranged: &'static [&'static str],
) -> Row {
    Row {
        infno,
        before,
        arranged,
        profile: "",
        after_quiet: false,
        is_sale: false,
    }
}

/// A fault of the wire.
struct Column {
    name: &'static str,
    /// The sandbox's name for it.
    fault: &'static str,
    value: Option<u32>,
    /// Armed at the call before, for the connections that come next.
    at_connection: bool,
    /// Needs a gateway that speaks TLS.
    tls: bool,
}

const FAULTS: [Column; 20] = [
    Column {
        value: Some(SHUT_MS),
        ..connection("refused", "N1")
    },
    connection("dropped before anything is read", "N2"),
    call("cut after part of the request", "N3", None),
    call("lost, nothing is done", "F2", None),
    call("done, reset before the answer", "N4", None),
    call("done, closed without an answer", "F1", None),
    call("half an answer, reset", "N5", None),
    call("half an answer, as if whole", "F5", None),
    call("garbage with 200, done", "N6", None),
    call("garbage with 200, not done", "N6", Some(0)),
    call("HTML 502, not done", "N7", None),
    call("HTML 504, done", "N7", Some(504)),
    call("answer after the deadline", "N8", Some(LATE_MS)),
    call("done after the deadline", "F20", Some(LATE_MS)),
    call("delivered twice", "N9", None),
    call("delivered twice, the second answers", "N9", Some(2)),
    call("answer of another msgid", "N10", None),
    call("a byte at a time, in time", "N11", Some(0)),
    call("a byte at a time, too late", "N11", Some(20)),
    call("clock skew refused", "N14", None),
];

const TLS_FAULTS: [Column; 2] = [
    Column {
        tls: true,
        ..connection("TLS handshake broken", "N12")
    },
    Column {
        tls: true,
        ..connection("TLS certificate of a stranger", "N13")
    },
];

const fn call(name: &'static str, fault: &'static str, value: Option<u32>) -> Column {
    Column {
        name,
        fault,
        value,
        at_connection: false,
        tls: false,
    }
}

const fn connection(name: &'static str, fault: &'static str) -> Column {
    Column {
        at_connection: true,
        ..call(name, fault, None)
    }
}

/// One settlement under faults.
struct Cell {
    name: String,
    /// The call that is struck.
    infno: &'static str,
    profile: String,
    arm: Vec<String>,
    tls: bool,
    is_sale: bool,
    /// Two faults at once: a person may be needed in the end, and one may keep the settlement from where
    /// the other waits.
    is_pair: bool,
}

impl Cell {
    fn of(row: &Row, column: &Column) -> Self {
        let mut arm: Vec<String> = row.arranged.iter().map(|&fault| fault.to_owned()).collect();
        arm.push(armed(row, column));
        Self {
            name: format!("{} after {} × {}", row.infno, row.before, column.name),
            infno: row.infno,
            profile: row.profile.to_owned(),
            arm,
            tls: column.tls,
            is_sale: row.is_sale,
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

fn armed(row: &Row, column: &Column) -> String {
    let target = if column.at_connection {
        row.before
    } else {
        row.infno
    };
    let value = match column.value {
        Some(value) if column.at_connection && row.after_quiet => Some(value + QUIET_S * 1_000),
        value => value,
    };
    match value {
        Some(value) => format!("{}@{target}:{value}", column.fault),
        None => format!("{}@{target}", column.fault),
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
    let desk = Desk::start_at(Arc::new(platform), setup(&cell)).await;
    let began = Instant::now();
    for fault in &cell.arm {
        desk.platform.arm(fault).expect("a fault of the sandbox");
    }
    let mut request = if cell.is_sale {
        crate::pharmacy::sale(&desk, "cell")
    } else {
        bill(&desk, "cell")
    };
    request.print = PrintWish::No.into();
    let answer = desk
        .pay(request, &vec![Shows::fresh("employee"); CODES])
        .await;
    let ended = desk.ended("cell").await.expect("it was accepted");
    let took = began.elapsed();
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
    let armed = desk.platform.armed();
    if !armed.is_empty() && !cell.is_pair {
        amiss.push(format!("never struck: {}", armed.join(" ")));
    }
    Ended {
        name: cell.name,
        end: told(&ended),
        sends: desk.platform.ledger(|ledger| sends(ledger, cell.infno)),
        took,
        amiss,
    }
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

fn told(ended: &Settlement) -> String {
    let money = ended.money().as_str_name();
    let money = money.strip_prefix("MONEY_").unwrap_or(money);
    let why = ended.error.as_ref().map_or("", |error| error.name.as_str());
    let stuck = if ended.stuck { " stuck" } else { "" };
    format!("{money}{stuck} {why}").trim_end().to_owned()
}

/// How often the call went out, and all money calls.
fn sends(ledger: &Ledger, infno: &str) -> String {
    let count = |infno: &str| {
        let rows = ledger.received(infno);
        rows.iter().filter(|row| is_ours(row)).count()
    };
    format!(
        "{infno} {}, 2207 {}, 2208 {}, 2601 {}, 5203 {}",
        count(infno),
        count("2207"),
        count("2208"),
        count("2601"),
        count("5203")
    )
}

fn is_ours(row: &Received) -> bool {
    row.faults.iter().all(|fault| fault != SECOND_DELIVERY)
}

/// In what the answer and the ledger differ, and what the daemon did that it must never do.
fn differences(ledger: &Ledger, ended: &Settlement) -> Vec<String> {
    let mut amiss = Vec::new();
    let rows = ledger.settlements();
    let live: Vec<_> = rows.iter().filter(|row| row.is_live()).collect();
    if live.len() > 1 {
        amiss.push(format!("charged {} times", live.len()));
    }
    match ended.money() {
        Money::Settled => match live.as_slice() {
            [row] => {
                let said = ended.amounts.clone().unwrap_or_default();
                let told = [
                    said.medfee_sumamt_fen,
                    said.fund_pay_sumamt_fen,
                    said.acct_pay_fen,
                    said.psn_cash_pay_fen,
                ];
                let booked = [
                    row.amounts.total.0,
                    row.amounts.fund().0,
                    row.amounts.account.0,
                    row.amounts.cash.0,
                ];
                if told != booked || row.setl_id != ended.setl_id {
                    amiss.push(format!("told {told:?}, booked {booked:?}"));
                }
            }
            _ => amiss.push(format!("SETTLED, {} rows stand", live.len())),
        },
        Money::Refused | Money::Cancelled | Money::Reversed => {
            if !live.is_empty() {
                amiss.push("charged for nothing".to_owned());
            }
            let open = ledger.visits_open().len();
            if open > 0 && !ended.stuck {
                amiss.push(format!("{open} visits are left open"));
            }
        }
        Money::Unknown if ended.stuck => {}
        Money::Unknown | Money::Pending | Money::Unspecified => amiss.push("no end".to_owned()),
    }
    let duplicates = ledger.duplicates();
    if !duplicates.msgids.is_empty() || !duplicates.batches.is_empty() {
        amiss.push(format!("{duplicates:?}"));
    }
    let twice = MONEY_CALLS
        .iter()
        .filter(|infno| repeated(ledger.requests(), infno));
    amiss.extend(twice.map(|infno| format!("{infno} was repeated without an enquiry")));
    amiss
}

/// Whether this call went out again before it was asked what became of the one before. One that was surely
/// refused, and whose refusal arrived, needs no enquiry.
fn repeated(requests: &[Received], infno: &str) -> bool {
    let mut open = false;
    for row in requests.iter().filter(|row| is_ours(row)) {
        if ENQUIRIES.contains(&row.infno.as_str()) {
            open = false;
        } else if row.infno.trim_end_matches('A') == infno {
            if open {
                return true;
            }
            let refused = matches!(row.outcome, Outcome::Refused(_) | Outcome::TurnedAway(_));
            open = !(refused && row.delivery == Some(Delivery::Sent));
        }
    }
    false
}
