//! The seeded search: bills of chance, persons, faults and kills, and a HIS that tries again.
//!
//! A world is one bill at one bureau. The HIS settles it anew, under a new request_id, whenever it was told
//! that nothing stays charged; messages of an earlier try may still come late. Whatever happens the bill is
//! charged at most once, and each answer is what the bureau's ledger says.
//!
//! A seed is a world: `YIBAO_SEED=n cargo test --lib search` runs that one alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use super::desk::Desk;
use super::model::{self, Attempt};
use super::record::{self, Found, Proof};
use super::sample;
use super::tape::Tape;
use super::world::World;
use crate::settlement::answer::Money;
use crate::settlement::bill::Fen;
use crate::settlement::known::Ids;
use crate::settlement::order::Order;
use crate::settlement::rules::Rules;
use crate::settlement::tell;

/// Settlements of an ordinary run, and of a long one.
const SETTLEMENTS: u64 = 100_000;
const SETTLEMENTS_LONG: u64 = 1_000_000;
/// The first seed.
const SEED_FIRST: u64 = 1;
/// The longest story, in bytes of chance.
const TAPE_BYTES_MAX: u64 = 600;
/// How often one bill is tried.
const ATTEMPTS_MAX: usize = 4;
/// Most lines of a bill.
const LINES_MAX: u8 = 12;
/// Every so many, the rows go through JSON too: in memory they are the same, and it takes its time.
const JSON_EVERY: u64 = 16;
/// Threads that search.
const SEARCHERS: u64 = 2;
/// Worlds that are run to make a failing one shorter.
const SHRINK_MAX: usize = 2_000;

/// What one world showed.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    settlements: u64,
    /// Of these, the last of a bill that was tried before.
    tried_again: u64,
    settled_after_retry: u64,
    in_parts: u64,
    remembered: u64,
}

/// The bytes of a seed.
fn tape_of(seed: u64) -> Vec<u8> {
    let mut chance = seed;
    // SplitMix64: neighbouring seeds have nothing in common.
    let mut next = move || {
        chance = chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = chance;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    let length = next() % TAPE_BYTES_MAX;
    (0..length).map(|_| next().to_be_bytes()[0]).collect()
}

/// The bill, its world, and what differs between one try of it and the next.
struct Story {
    order: Order,
    rules: Rules,
    prices: Vec<Fen>,
    remembered: String,
}

impl Story {
    fn of(tape: &mut Tape) -> (Self, World) {
        let (mut order, mut rules) = (sample::order(), sample::rules());
        let is_clear = model::switched(&mut order, &mut rules, tape);
        let mut world = World::new(is_clear);
        let count = 1 + tape.one_of(LINES_MAX);
        let prices: Vec<Fen> = (0..count)
            .map(|_| Fen(1 + i64::from(tape.one_of(250)) * i64::from(1 + tape.one_of(200))))
            .collect();
        let lines = prices.iter().map(|price| sample::line("1", "1", price.0));
        order.bills = vec![sample::bill(lines.collect())];
        if tape.one_of(3) == 2 {
            world.ledger.part = 1 + usize::from(tape.one_of(LINES_MAX));
        }
        let thousand = |byte: u8| i64::from(byte) * 4;
        world.ledger.split = (thousand(tape.one_of(251)), thousand(tape.one_of(251)));
        let mut remembered = "";
        match tape.one_of(6) {
            4 => world.in_force = vec!["310", "390"],
            5 => (world.in_force, remembered) = (vec!["310", "390"], "390"),
            3 => {
                world.in_force = vec!["310", "390"];
                order.insutype = "310".to_owned();
            }
            _ => {}
        }
        let story = Self {
            order,
            rules,
            prices,
            remembered: remembered.to_owned(),
        };
        (story, world)
    }

    /// The try with this number: its own request_id, visit, batch and lines.
    fn attempt(&self, n: usize, world: &mut World) -> (Order, Ids, Fen) {
        let mut order = self.order.clone();
        order.request_id = format!("R-{n}");
        let number = |line: usize| format!("F{n}-{line}");
        let ids = Ids {
            ipt_otp_no: format!("V{n}"),
            chrg_bchno: format!("C{n}"),
            feedetl_sn: (0..self.prices.len()).map(number).collect(),
            accepted: "2026-01-01 08:00:00".to_owned(),
        };
        let priced = ids.feedetl_sn.iter().cloned().zip(self.prices.clone());
        world.ledger.prices.extend(priced);
        let total = Fen(self.prices.iter().map(|price| price.0).sum());
        (order, ids, total)
    }
}

/// Carries one bill to its end and holds every answer against the ledger.
fn run(bytes: &[u8], through_disk: bool) -> Seen {
    let mut tape = Tape::new(bytes);
    let (story, mut world) = Story::of(&mut tape);
    let mut attempts: Vec<Attempt> = Vec::new();
    let mut seen = Seen::default();
    for n in 1..=ATTEMPTS_MAX {
        world.begin_attempt();
        let id = format!("settlement-{n}");
        let asked = story.attempt(n, &mut world);
        let mut desk = Desk::begin(&id, asked, story.rules.clone(), world, tape);
        desk.remembered.clone_from(&story.remembered);
        desk.carry();
        if through_disk {
            model::read_back(&desk);
        }
        seen.settlements += 1;
        seen.in_parts += u64::from(desk.world.ledger.part < story.prices.len());
        seen.remembered += u64::from(desk.state.trail.recalled.as_deref() == Some("390"));
        attempts.push(Attempt::of(&desk));
        let money = tell::money(&desk.state);
        (world, tape) = (desk.world, desk.tape);
        let may_try_again = matches!(money, Money::Refused | Money::Cancelled | Money::Reversed);
        if n > 1 {
            seen.tried_again += 1;
            seen.settled_after_retry += u64::from(money == Money::Settled);
        }
        if !may_try_again || tape.one_of(4) == 0 {
            break;
        }
    }
    world.all_late_comes();
    for attempt in &attempts {
        model::hold(attempt, &world.ledger);
    }
    let standing = world.ledger.standing();
    assert!(standing <= 1, "the bill is charged {standing} times");
    seen
}

/// Whether the story of this tape does not hold.
fn fails(bytes: &[u8]) -> bool {
    catch_unwind(AssertUnwindSafe(|| run(bytes, true))).is_err()
}

/// A shorter, calmer tape that fails too.
fn shrink(mut tape: Vec<u8>) -> Vec<u8> {
    let mut left = SHRINK_MAX;
    let mut is_shorter = true;
    while is_shorter && left > 0 {
        is_shorter = false;
        let mut candidates: Vec<Vec<u8>> = Vec::new();
        for keep in [tape.len() / 2, tape.len().saturating_sub(1)] {
            candidates.push(tape[..keep].to_vec());
        }
        for at in 0..tape.len() {
            if tape[at] != 0 {
                let mut calmer = tape.clone();
                calmer[at] = 0;
                candidates.push(calmer);
            }
        }
        for candidate in candidates {
            left = left.saturating_sub(1);
            if candidate != tape && left > 0 && fails(&candidate) {
                (tape, is_shorter) = (candidate, true);
                break;
            }
        }
    }
    tape
}

/// One searcher's part: seeds from its own first on, until enough settlements were carried by all together.
fn search(first: u64, wanted: u64, carried: &AtomicU64, sum: &mut Seen) -> Result<u64, u64> {
    let mut seed = first;
    while carried.load(Ordering::Relaxed) < wanted {
        let tape = tape_of(seed);
        let through_disk = seed.is_multiple_of(JSON_EVERY);
        let Ok(seen) = catch_unwind(AssertUnwindSafe(|| run(&tape, through_disk))) else {
            return Err(seed);
        };
        carried.fetch_add(seen.settlements, Ordering::Relaxed);
        sum.settlements += seen.settlements;
        sum.tried_again += seen.tried_again;
        sum.settled_after_retry += seen.settled_after_retry;
        sum.in_parts += seen.in_parts;
        sum.remembered += seen.remembered;
        seed += SEARCHERS;
    }
    Ok(seed)
}

/// The seed that `YIBAO_SEED` asks for.
fn asked_seed() -> Option<u64> {
    std::env::var("YIBAO_SEED").ok()?.parse().ok()
}

#[test]
fn each_bill_of_chance_is_charged_at_most_once_and_told_as_it_is() {
    if let Some(seed) = asked_seed() {
        run(&tape_of(seed), true);
        return;
    }
    let wanted = if record::is_long() {
        SETTLEMENTS_LONG
    } else {
        SETTLEMENTS
    };
    let proof = Proof::begin(
        "search",
        "Seeded search: settlements against a model platform",
        "随机搜索：对模型平台的结算",
    );
    let carried = AtomicU64::new(0);
    let found: Vec<(Result<u64, u64>, Seen)> = std::thread::scope(|scope| {
        let searchers: Vec<_> = (0..SEARCHERS)
            .map(|n| {
                let carried = &carried;
                scope.spawn(move || {
                    let mut sum = Seen::default();
                    let end = search(SEED_FIRST + n, wanted, carried, &mut sum);
                    (end, sum)
                })
            })
            .collect();
        let ends = searchers.into_iter();
        ends.map(|searcher| searcher.join().expect("a searcher catches panics"))
            .collect()
    });
    let failed: Vec<u64> = found.iter().filter_map(|(end, _)| end.err()).collect();
    let last = found
        .iter()
        .map(|(end, _)| end.unwrap_or_else(|seed| seed))
        .max();
    proof.end(&Found {
        count: found.iter().map(|(_, seen)| seen.settlements).sum(),
        failures: u64::try_from(failed.len()).expect("a few"),
        seeds: Some((SEED_FIRST, last.unwrap_or(SEED_FIRST))),
    });
    if let Some(seed) = failed.first() {
        let tell = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let tape = shrink(tape_of(*seed));
        std::panic::set_hook(tell);
        // Shows what went wrong in the shortest of them.
        eprintln!("seed {seed}; again: YIBAO_SEED={seed} cargo test --lib search");
        eprintln!("the shortest tape found, for `fixtures`: {tape:?}");
        run(&tape, true);
        panic!("seed {seed} failed once and not again");
    }
    reaches_what_it_is_for(&found);
}

/// The worlds are what they are meant to be.
fn reaches_what_it_is_for(found: &[(Result<u64, u64>, Seen)]) {
    let sum = |of: fn(&Seen) -> u64| -> u64 { found.iter().map(|(_, seen)| of(seen)).sum() };
    let settlements = sum(|seen| seen.settlements);
    for (what, count) in [
        ("tried again", sum(|seen| seen.tried_again)),
        ("settled after that", sum(|seen| seen.settled_after_retry)),
        ("in parts", sum(|seen| seen.in_parts)),
        ("with what was remembered", sum(|seen| seen.remembered)),
    ] {
        println!("{what}: {count} of {settlements}");
        assert!(
            count * 100 >= settlements,
            "{what}: {count} of {settlements}"
        );
    }
}
