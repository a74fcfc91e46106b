//! Random worlds, and what must hold in each of them whatever happens.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::desk::Desk;
use super::journal::through_json;
use super::sample::{self, QUIET_MS};
use super::tape::Tape;
use super::world::World;
use crate::settlement::answer::Money;
use crate::settlement::next::next;
use crate::settlement::order::{OrderKind, PrintWish};
use crate::settlement::state::{Phase, State};
use crate::settlement::tell;

/// Worlds of an ordinary run, and of one with `YIBAO_LONG=1`.
const CASES: u32 = 20_000;
const CASES_LONG: u32 = 2_000_000;
/// Every so many, the rows go through JSON too: in memory they are the same, and it takes its time.
const JSON_EVERY: u32 = 16;
/// The longest story, in bytes of chance.
const TAPE_BYTES_MAX: usize = 400;
/// A settlement is over by then: some days, with outages of an hour at each restart.
const SPAN_MS_MAX: i64 = 10 * 86_400_000;

/// Carries the settlement of a tape to its end and holds it against the platform's ledger.
pub(super) fn run(bytes: &[u8], through_disk: bool) -> Desk {
    run_kind(OrderKind::Outpatient, bytes, through_disk)
}

fn run_kind(kind: OrderKind, bytes: &[u8], through_disk: bool) -> Desk {
    let mut tape = Tape::new(bytes);
    let mut order = sample::order();
    order.kind = kind;
    let mut rules = sample::rules();
    let switches = tape.one_of(64);
    let on = |bit: u8| switches & (1 << bit) != 0;
    order.confirm_person = on(0);
    order.confirm_amounts = on(1);
    order.fresh_code = on(2);
    rules.settle_is_reversible = !on(3);
    rules.pharmacy_is_reversible = !on(3);
    let is_clear = !on(4);
    if on(5) && kind != OrderKind::Pharmacy {
        order.visit.mdtrt_id = "HIS".to_owned();
    }
    order.print = sample::wish(tape.one_of(3));
    if tape.one_of(4) == 3 {
        order.patient.certno = crate::person::IdNo::default();
    }
    let mut desk = Desk::new(order, rules, World::new(is_clear), tape);
    desk.carry();
    hold(&mut desk);
    if through_disk {
        read_back(&desk);
    }
    desk
}

/// The answer against the truth.
fn hold(desk: &mut Desk) {
    let began_ms = World::new(true).now_ms;
    assert!(desk.world.now_ms - began_ms < SPAN_MS_MAX, "it took days");
    // All that is late has come by then.
    desk.world.pass(2 * QUIET_MS);
    let state = &desk.state;
    let ledger = &desk.world.ledger;
    let standing = ledger.standing();
    assert!(
        desk.world.settles_sent <= 1,
        "2207 was sent twice:{}",
        desk.story()
    );
    assert!(ledger.charges.iter().all(|charge| charge.given_back <= 1));
    let answer = tell::answer(state);
    match answer.money {
        Money::Settled => assert_eq!(standing, 1, "SETTLED:{}", desk.story()),
        Money::Refused | Money::Cancelled => {
            assert!(
                ledger.charges.is_empty(),
                "{:?}:{}",
                answer.money,
                desk.story()
            );
        }
        Money::Reversed => assert_eq!(standing, 0, "REVERSED:{}", desk.story()),
        Money::Unknown => assert_eq!(state.phase, Phase::Stuck(None), "UNKNOWN:{}", desk.story()),
        Money::Pending => panic!("it ended PENDING"),
    }
    assert_eq!(answer.stuck, matches!(state.phase, Phase::Stuck(_)));
    assert_eq!(answer.money.is_final(), state.ended_at_ms.is_some());
    if answer.money == Money::Settled {
        let charge = &ledger.charges[0];
        assert_eq!(answer.amounts.as_ref(), Some(&charge.amounts));
        assert_eq!(answer.self_pay, charge.amounts.psn_cash_pay);
        assert_eq!(answer.msgid, charge.msgid);
    } else {
        assert_eq!(answer.self_pay.0, 0, "nothing is to be taken");
        if state.is_pharmacy() {
            let made = ledger.visits.iter().any(|visit| visit.ours) || ledger.lines.is_some();
            assert!(
                !made,
                "a pharmacy registers and uploads nothing:{}",
                desk.story()
            );
        }
        let left = ledger.visits.iter().any(|visit| visit.ours && visit.open);
        let is_clean = ledger.lines.is_none() && !left;
        let maybe_left = desk.world.may_leave || answer.stuck || visit_not_found(state);
        assert!(is_clean || maybe_left, "left behind:{}", desk.story());
    }
}

/// A 2201 without an answer that 5201 could not tell of: an orphan visit is allowed.
fn visit_not_found(state: &State) -> bool {
    state.known.mdtrt_id.is_none()
}

/// What is read back from the rows is what was told.
fn read_back(desk: &Desk) {
    let id = &desk.state.settlement_id;
    let replayed = through_json(id, &desk.disk, true);
    assert_eq!(replayed, desk.state);
    assert_eq!(tell::answer(&replayed), tell::answer(&desk.state));
    let now_ms = desk.world.now_ms;
    assert_eq!(
        next(&replayed, now_ms, &desk.rules),
        next(&desk.state, now_ms, &desk.rules)
    );
    // When the key is gone the money is still told as it was. What a yes was said to is forgotten too.
    if !desk.world.answered_amiss {
        let forgotten = through_json(id, &desk.disk, false);
        let money = tell::money(&forgotten);
        assert_eq!(money, tell::money(&desk.state), "{}", desk.story());
        assert_eq!(forgotten.phase, desk.state.phase);
    }
    // Every beginning of it can be read, and knows what comes next.
    for length in (1..desk.disk.len()).step_by(7) {
        let begun = through_json(id, &desk.disk[..length], true);
        drop(next(&begun, now_ms, &desk.rules));
    }
}

#[test]
fn in_any_world_the_answer_is_what_the_ledger_says() {
    by_chance(OrderKind::Outpatient, 1);
}

#[test]
fn in_any_world_a_pharmacys_answer_is_what_the_ledger_says() {
    by_chance(OrderKind::Pharmacy, 4);
}

fn by_chance(kind: OrderKind, cases_divided_by: u32) {
    let long = std::env::var_os("YIBAO_LONG").is_some_and(|value| value == "1");
    let config = Config {
        cases: if long { CASES_LONG } else { CASES } / cases_divided_by,
        failure_persistence: None,
        max_shrink_iters: 50_000,
        ..Config::default()
    };
    let tapes = proptest::collection::vec(any::<u8>(), 0..TAPE_BYTES_MAX);
    let count = std::cell::Cell::new(0_u32);
    // The runner prints the shortest tape that fails: put it into `fixtures`.
    TestRunner::new(config)
        .run(&tapes, |tape| {
            count.set(count.get() + 1);
            run_kind(kind, &tape, count.get().is_multiple_of(JSON_EVERY));
            Ok(())
        })
        .unwrap();
}

/// The worlds are what they are meant to be: each ending is reached, and often.
#[test]
fn the_worlds_reach_every_ending() {
    let mut seen = std::collections::BTreeMap::<String, u32>::new();
    let mut chance = 1_u64;
    for _ in 0..2_000 {
        let mut tape = vec![0_u8; 200];
        for byte in &mut tape {
            chance = chance
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = chance.to_be_bytes()[0];
        }
        let desk = run(&tape, false);
        let answer = tell::answer(&desk.state);
        *seen.entry(format!("{:?}", answer.money)).or_default() += 1;
        let restarts = u32::from(desk.state.trail.restarts > 0);
        *seen.entry("restarted".to_owned()).or_default() += restarts;
        let printed = u32::from(answer.paper != crate::settlement::answer::Paper::NotAsked);
        *seen.entry("paper".to_owned()).or_default() += printed;
        assert!(
            desk.state
                .order
                .as_ref()
                .is_some_and(|order| order.print != PrintWish::No)
                || printed == 0
        );
    }
    for ending in [
        "Settled",
        "Refused",
        "Cancelled",
        "Reversed",
        "Unknown",
        "restarted",
        "paper",
    ] {
        let count = seen.get(ending).copied().unwrap_or(0);
        assert!(count >= 20, "{ending}: {count} of {seen:?}");
    }
}
