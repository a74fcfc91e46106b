//! kill -9 everywhere: every outside call × every boundary, and once more while it recovers.
//!
//! The places come from outside the shipped binary. A tracer kills it in the middle of a write of the journal
//! and at each sync; the simulated platform at first byte, last byte, before and after the answer of each
//! call; the scanner and the printer while a code or a receipt is half through. After the restart the
//! settlement must come to an end that agrees with the platform's books to the fen, or be on the stuck list.
//!
//! Settlements are one matrix, all other calls that ask something of the platform another: refunds, a
//! pharmacy's sales, hand-outs and take-backs, reconciliations.
//!
//! A single cell: `YIBAO_CELL='2207-lost/5203#1.FirstByte/gone' cargo test --test it proof::kill`.

mod cell;
mod place;
mod points;
mod verdict;
mod ways;

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};

use super::asked::{Asked, Told};
use super::record::{Found, Proof, is_long};
use cell::{Cell, Outcome, Second};
pub(super) use place::{Aim, Killer};
use place::{Code, EDGES, Place};
use ways::{ERRANDS, WAYS, Way};

/// Cells that run at once: most of the time each waits.
const AT_ONCE: usize = 8;
/// Recoveries that are killed too, in the short form.
const SEEDS: u64 = 150;
const ERRAND_SEEDS: u64 = 60;
/// Syncs of a recovery that are tried.
const RECOVERY_SYNCS: usize = 6;
/// Places that may lie behind the end in this run, of a hundred: no two runs have quite the same syncs, and
/// a recovery is not the same twice.
const UNREACHED_MAX_OF_100: usize = 5;
const UNREACHED_TWICE_MAX_OF_100: usize = 25;
/// The paper ends after so many bytes: at once, in the head, in the middle, in the tail.
const PAPER_BYTES: [u64; 4] = [1, 60, 500, 900];

#[tokio::test(flavor = "multi_thread")]
async fn killed_once_and_twice() {
    let points = dry_runs(&WAYS).await;
    let (_, _, well) = &points[0];
    assert_eq!(well.end(), "SETTLED");
    let once = (
        "kill-once",
        "Kill -9 at every edge of every call of a settlement",
        "结算每次调用的每个断点处强杀",
    );
    let twice = (
        "kill-twice",
        "And once more while it recovers",
        "恢复过程中再次强杀",
    );
    once_and_twice(points, once, twice, SEEDS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errands_killed_once_and_twice() {
    let points = dry_runs(&ERRANDS).await;
    let once = (
        "kill-errand-once",
        "Kill -9 at every edge of every call of a refund, a sale, a hand-out, a reconciliation",
        "退费、药店购药、发退药、对账每次调用的每个断点处强杀",
    );
    let twice = (
        "kill-errand-twice",
        "And once more while they recover",
        "其恢复过程中再次强杀",
    );
    once_and_twice(points, once, twice, ERRAND_SEEDS).await;
}

type Points = Vec<(&'static Way, Vec<Place>, Told)>;
/// Of a row in the table: id, English, Chinese.
type Words = (&'static str, &'static str, &'static str);

/// Both matrices; or the one cell that is wanted.
async fn once_and_twice(points: Points, once: Words, twice: Words, seeds_count: u64) {
    let firsts: Vec<Cell> = points
        .iter()
        .flat_map(|(way, places, _)| cells(way, places))
        .collect();
    if let Ok(wanted) = std::env::var("YIBAO_CELL") {
        return alone(&firsts, &wanted).await;
    }
    let begin = |(id, en, zh): Words| Proof::begin(id, en, zh);
    let outcomes = matrix(begin(once), firsts, None).await;
    let (seconds, seeds) = seconds(&outcomes, seeds_count);
    matrix(begin(twice), seconds, seeds).await;
}

/// Every way once without a kill: it goes where it should, and no call of it is missing from the tables.
async fn dry_runs(ways: &'static [Way]) -> Points {
    let mut runs = JoinSet::new();
    for way in ways {
        let handle = Handle::current();
        runs.spawn_blocking(move || (way, handle.block_on(points::of(way))));
    }
    let mut runs = runs.join_all().await;
    runs.sort_by_key(|(way, _)| ways.iter().position(|it| it.name == way.name));
    let known = |infno: &str| {
        let all = WAYS.iter().chain(&ERRANDS);
        let mut calls = all.flat_map(|way| way.calls);
        calls.any(|(listed, _)| *listed == infno)
    };
    for (way, points) in &runs {
        println!("{}: {} {:?}", way.name, points.told.end(), points.calls);
        for infno in &points.calls {
            assert!(
                known(infno),
                "{}: {infno} is in no row of the table",
                way.name
            );
        }
        for (infno, nth) in way.calls {
            let count = points.calls.iter().filter(|call| call == infno).count();
            assert!(count >= *nth, "{}: {infno} came {count} times", way.name);
        }
        assert!(!points.places.is_empty(), "{}: no sync", way.name);
    }
    let runs = runs.into_iter();
    runs.map(|(way, points)| (way, points.places, points.told))
        .collect()
}

/// All cells of a way.
fn cells(way: &'static Way, journal: &[Place]) -> Vec<Cell> {
    let mut places = Vec::new();
    for (infno, nth) in way.calls {
        places.extend(EDGES.map(|edge| Place::Call(infno, *nth, edge)));
    }
    let calls = places.len();
    places.extend_from_slice(journal);
    let syncs = calls..places.len();
    if way.has_devices() {
        places.extend([Code::None, Code::Half, Code::Unended, Code::Whole].map(Place::Scan));
        places.extend(PAPER_BYTES.map(Place::Paper));
        places.push(Place::Cut);
    }
    let both = places.into_iter().enumerate().flat_map(|(at, place)| {
        // In the short form callers of errands come back by turns: most go on without them all the same.
        let by_turns = way.asked != Asked::Visit && syncs.contains(&at) && !is_long();
        let backs = [false, true].into_iter();
        let backs = backs.filter(move |back| !by_turns || *back == at.is_multiple_of(2));
        backs.map(move |back| Cell {
            way,
            place,
            back,
            second: None,
        })
    });
    both.collect()
}

/// A kill of the recovery for each seed; in the long form every one there is.
fn seconds(outcomes: &[(Cell, Outcome)], count: u64) -> (Vec<Cell>, Option<(u64, u64)>) {
    let every = |(cell, outcome): &(Cell, Outcome)| {
        let moments = (1..=outcome.moments).map(Second::Moment);
        let all = moments.chain((1..=RECOVERY_SYNCS).map(Second::Sync));
        let cell = *cell;
        let all = all.map(move |second| Cell {
            second: Some(second),
            ..cell
        });
        all.collect::<Vec<_>>()
    };
    if is_long() {
        return (outcomes.iter().flat_map(every).collect(), None);
    }
    let pick = |seed: u64| {
        let mut chance = Chance(seed);
        let all = every(&outcomes[chance.below(outcomes.len())]);
        all[chance.below(all.len())]
    };
    ((1..=count).map(pick).collect(), Some((1, count)))
}

/// Runs these cells and writes their row; then fails if anything was wrong.
async fn matrix(
    mut proof: Proof,
    cells: Vec<Cell>,
    seeds: Option<(u64, u64)>,
) -> Vec<(Cell, Outcome)> {
    let wanted = cells.len();
    let is_twice = cells.iter().any(|cell| cell.second.is_some());
    let ended = ends(cells).await;
    let (mut outcomes, mut amiss, mut unreached) = (Vec::new(), Vec::new(), Vec::new());
    for (number, cell, outcome) in ended {
        match outcome {
            Ok(outcome) => {
                let reached = if outcome.reached {
                    ""
                } else {
                    " (not reached)"
                };
                let end = format!("{}{reached}", outcome.verdict.end);
                proof.cell(
                    &cell.to_string(),
                    &end,
                    &outcome.verdict.received,
                    outcome.took,
                );
                if outcome.reached {
                    outcomes.push((cell, outcome));
                } else {
                    unreached.push(cell.to_string());
                }
            }
            Err(error) => {
                let seed = if seeds.is_some() {
                    format!("seed {}: ", number + 1)
                } else {
                    String::new()
                };
                amiss.push(format!("{seed}{}", failure(&cell, error)));
            }
        }
    }
    let count = |count: usize| u64::try_from(count).expect("few");
    proof.end(&Found {
        count: count(outcomes.len() + amiss.len()),
        failures: count(amiss.len()),
        seeds,
    });
    println!(
        "{} of {wanted} places were reached; not: {unreached:?}",
        outcomes.len() + amiss.len()
    );
    assert!(
        amiss.is_empty(),
        "{} cells:\n{}",
        amiss.len(),
        amiss.join("\n")
    );
    let allowed = if is_twice {
        UNREACHED_TWICE_MAX_OF_100
    } else {
        UNREACHED_MAX_OF_100
    };
    assert!(unreached.len() * 100 <= wanted * allowed, "{unreached:?}");
    outcomes
}

/// Runs these cells, a few at a time; in their order.
async fn ends(cells: Vec<Cell>) -> Vec<(usize, Cell, Result<Outcome, JoinError>)> {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for (number, cell) in cells.into_iter().enumerate() {
        let room = Arc::clone(&room);
        running.spawn(async move {
            let _place = room.acquire_owned().await.expect("nobody closes it");
            // A thread of its own: a panic is this cell's finding, not the end of the matrix.
            let handle = Handle::current();
            let cell_run = move || handle.block_on(cell::run(cell));
            (number, cell, tokio::task::spawn_blocking(cell_run).await)
        });
    }
    let mut ended = running.join_all().await;
    ended.sort_by_key(|(number, _, _)| *number);
    ended
}

fn failure(cell: &Cell, error: JoinError) -> String {
    let panic = error.into_panic();
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    let text = text.unwrap_or_default();
    format!("YIBAO_CELL='{cell}' cargo test --test it proof::kill\n    {text}")
}

/// The one cell of this name.
async fn alone(firsts: &[Cell], wanted: &str) {
    let with_second = |cell: &Cell| {
        let rest = wanted.strip_prefix(&cell.to_string())?;
        let (what, n) = rest.strip_prefix('/')?.split_once('#')?;
        let n = n.parse().ok()?;
        let second = match what {
            "moment" => Second::Moment(n),
            "sync" => Second::Sync(n),
            _ => return None,
        };
        Some(Cell {
            second: Some(second),
            ..*cell
        })
    };
    let first = firsts.iter().find(|cell| cell.to_string() == wanted);
    let cell = first
        .copied()
        .or_else(|| firsts.iter().find_map(with_second));
    let Some(cell) = cell else {
        // It may be one of the other matrix.
        let is = |way: &Way| wanted.split('/').next() == Some(way.name);
        let ours = firsts.iter().any(|cell| is(cell.way));
        let known = WAYS.iter().chain(&ERRANDS).any(is);
        assert!(known && !ours, "no cell has the name {wanted}");
        return;
    };
    println!("{cell}: {:?}", cell::run(cell).await);
}

/// Numbers by chance from a seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let limit = u64::try_from(limit).expect("few");
        usize::try_from((mixed ^ (mixed >> 31)) % limit).expect("below a usize")
    }
}
