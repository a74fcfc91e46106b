//! The seeded search: histories of chance, with faults and kills.
//!
//! A seed is a history: `YIBAO_SEED=n cargo test --lib search` runs that one alone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use super::history::{Seen, run};
use super::record::{self, Found, Proof};

/// Settlements of an ordinary run, and of a long one.
const SETTLEMENTS: u64 = 100_000;
const SETTLEMENTS_LONG: u64 = 1_000_000;
/// The first seed.
const SEED_FIRST: u64 = 1;
/// The longest story, in bytes of chance.
const TAPE_BYTES_MAX: u64 = 1_200;
/// Every so many, the rows go through JSON too: in memory they are the same, and it takes its time.
const JSON_EVERY: u64 = 16;
/// Threads that search.
const SEARCHERS: u64 = 2;
/// Worlds that are run to make a failing one shorter.
const SHRINK_MAX: usize = 2_000;

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
        sum.add(&seen);
        seed += SEARCHERS;
    }
    Ok(seed)
}

/// The seed that `YIBAO_SEED` asks for.
fn asked_seed() -> Option<u64> {
    std::env::var("YIBAO_SEED").ok()?.parse().ok()
}

#[test]
fn each_bill_of_chance_is_charged_and_given_back_at_most_once() {
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
        "Seeded search: settlements, with their refunds, against a model platform",
        "随机搜索：对模型平台的结算及其退费",
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

/// The histories are what they are meant to be.
fn reaches_what_it_is_for(found: &[(Result<u64, u64>, Seen)]) {
    let mut seen = Seen::default();
    for (_, part) in found {
        seen.add(part);
    }
    for (what, count, of_each) in [
        ("of a pharmacy", seen.pharmacy, 10),
        ("tried again", seen.tried_again, 100),
        ("settled after that", seen.settled_after_retry, 100),
        ("settled after a refund", seen.settled_after_refund, 100),
        ("in parts", seen.in_parts, 100),
        ("with what was remembered", seen.remembered, 100),
        ("refunds", seen.refunds, 5),
        ("refunded", seen.refunded, 20),
        ("refunded by 2103", seen.pharmacy_refunded, 100),
        ("refunded after a restart", seen.refunded_after_restart, 100),
        ("refunded after a loss", seen.refunded_after_loss, 200),
        ("refunds by the platform's numbers", seen.named, 20),
        ("refunded before", seen.refunded_before, 100),
        ("refunds refused", seen.refund_refused, 50),
        ("refunds stuck", seen.refund_stuck, 2_000),
    ] {
        println!("{what}: {count} beside {}", seen.settlements);
        assert!(
            count * of_each >= seen.settlements,
            "{what}: {count} beside {}",
            seen.settlements
        );
    }
}
