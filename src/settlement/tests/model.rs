//! One settlement in a world of chance, and what must hold whatever happens.

use super::desk::Desk;
use super::journal::through_json;
use super::ledger::{Charge, Ledger, Visit};
use super::sample;
use super::tape::Tape;
use super::world::World;
use crate::settlement::answer::Money;
use crate::settlement::next::next;
use crate::settlement::order::{Order, OrderKind, PrintWish};
use crate::settlement::rules::Rules;
use crate::settlement::state::{Phase, State};
use crate::settlement::tell;

/// A settlement is over by then: some days, with outages of an hour at each restart.
const SPAN_MS_MAX: i64 = 10 * 86_400_000;
/// A pharmacy's sales of an ordinary run, and of one with `YIBAO_LONG=1`.
const SALES: usize = 5_000;
const SALES_LONG: usize = 500_000;
/// The longest story of a sale, in bytes of chance.
const TAPE_BYTES_MAX: usize = 400;
/// What the msgid of a refund's message begins with.
pub(super) const REFUND_MSGID: &str = "Grefund";

/// Carries the settlement of a tape to its end and holds it against the platform's ledger.
pub(super) fn run(bytes: &[u8], through_disk: bool) -> Desk {
    run_kind(OrderKind::Outpatient, bytes, through_disk)
}

fn run_kind(kind: OrderKind, bytes: &[u8], through_disk: bool) -> Desk {
    let mut tape = Tape::new(bytes);
    let mut order = sample::order();
    order.kind = kind;
    let mut rules = sample::rules();
    let is_clear = switched(&mut order, &mut rules, &mut tape);
    let mut desk = Desk::new(order, rules, World::new(is_clear), tape);
    desk.carry();
    desk.world.all_late_comes();
    hold(&Attempt::of(&desk), &desk.world.ledger);
    if through_disk {
        read_back(&desk);
    }
    desk
}

/// What the caller wants and the site is like; whether the site says clearly what became of a message.
pub(super) fn switched(order: &mut Order, rules: &mut Rules, tape: &mut Tape) -> bool {
    let switches = tape.one_of(64);
    let on = |bit: u8| switches & (1 << bit) != 0;
    order.confirm_person = on(0);
    order.confirm_amounts = on(1);
    order.fresh_code = on(2);
    rules.settle_is_reversible = !on(3);
    rules.pharmacy_is_reversible = !on(3);
    if on(5) && order.kind != OrderKind::Pharmacy {
        order.visit.mdtrt_id = "HIS".to_owned();
    }
    order.print = sample::wish(tape.one_of(3));
    if tape.one_of(4) == 3 {
        order.patient.certno = crate::person::IdNo::default();
    }
    !on(4)
}

/// One settlement at its end.
pub(super) struct Attempt {
    pub(super) state: State,
    story: String,
    settles_sent: u32,
    may_leave: bool,
    took_ms: i64,
}

impl Attempt {
    pub(super) fn of(desk: &Desk) -> Self {
        Self {
            state: desk.state.clone(),
            story: desk.story(),
            settles_sent: desk.world.settles_sent,
            may_leave: desk.world.may_leave,
            took_ms: desk.world.now_ms - desk.began_ms,
        }
    }
}

/// The answer against the truth, once all that was late has come.
pub(super) fn hold(attempt: &Attempt, ledger: &Ledger) {
    let Attempt { state, story, .. } = attempt;
    assert!(attempt.took_ms < SPAN_MS_MAX, "it took days");
    let batch = &state.known.ids.chrg_bchno;
    let charges: Vec<&Charge> = ledger.charges_of(batch).collect();
    let standing = charges.iter().filter(|charge| charge.stands).count();
    // A refund of its own is another story.
    let by_refund = |charge: &Charge| {
        let mut rows = ledger.given_back.iter();
        rows.any(|row| row.of == charge.setl_id() && row.msgid.starts_with(REFUND_MSGID))
    };
    let refunded = charges.iter().filter(|charge| by_refund(charge)).count();
    assert!(attempt.settles_sent <= 1, "2207 was sent twice:{story}");
    assert!(charges.iter().all(|charge| charge.given_back <= 1));
    let answer = tell::answer(state);
    match answer.money {
        Money::Settled => {
            assert_eq!(charges.len(), 1, "SETTLED:{story}");
            assert_eq!(standing + refunded, 1, "SETTLED:{story}");
        }
        Money::Refused | Money::Cancelled => {
            assert!(charges.is_empty(), "{:?}:{story}", answer.money);
        }
        Money::Reversed => assert_eq!(standing, 0, "REVERSED:{story}"),
        Money::Unknown => assert_eq!(state.phase, Phase::Stuck(None), "UNKNOWN:{story}"),
        Money::Pending => panic!("it ended PENDING"),
    }
    assert_eq!(answer.stuck, matches!(state.phase, Phase::Stuck(_)));
    assert_eq!(answer.money.is_final(), state.ended_at_ms.is_some());
    if answer.money == Money::Settled {
        let charge = charges[0];
        assert_eq!(answer.amounts.as_ref(), Some(&charge.amounts), "{story}");
        assert_eq!(answer.self_pay, charge.amounts.psn_cash_pay);
        assert_eq!(charge.amounts.medfee_sumamt, state.total, "{story}");
        assert_eq!(answer.msgid, charge.msgid);
    } else {
        assert_eq!(answer.self_pay.0, 0, "nothing is to be taken");
        let ours = &state.known.ids.ipt_otp_no;
        let is_ours = |visit: &Visit| visit.ours && visit.ipt_otp_no == *ours;
        let has_lines = ledger.lines.iter().any(|line| line.chrg_bchno == *batch);
        if state.is_pharmacy() {
            let made = ledger.visits.iter().any(is_ours) || has_lines;
            assert!(!made, "a pharmacy registers and uploads nothing:{story}");
        }
        let is_left = |visit: &Visit| is_ours(visit) && visit.open;
        let is_clean = !has_lines && !ledger.visits.iter().any(is_left);
        let maybe_left = attempt.may_leave || answer.stuck || visit_not_found(state);
        assert!(is_clean || maybe_left, "left behind:{story}");
    }
}

/// A 2201 without an answer that 5201 could not tell of: an orphan visit is allowed.
fn visit_not_found(state: &State) -> bool {
    state.known.mdtrt_id.is_none()
}

/// What is read back from the rows is what was told.
pub(super) fn read_back(desk: &Desk) {
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

/// A pharmacy's sales under the same worlds.
#[test]
fn in_any_world_a_pharmacys_answer_is_what_the_ledger_says() {
    let long = std::env::var_os("YIBAO_LONG").is_some_and(|value| value == "1");
    let count = if long { SALES_LONG } else { SALES };
    let mut chance = 7_u64;
    for n in 0..count {
        let mut tape = vec![0_u8; 1 + n % TAPE_BYTES_MAX];
        for byte in &mut tape {
            chance = chance
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = chance.to_be_bytes()[0];
        }
        run_kind(OrderKind::Pharmacy, &tape, n.is_multiple_of(16));
    }
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
