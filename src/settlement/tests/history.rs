//! A person's history at one bureau: bills of an outpatient desk and of a pharmacy, tried again, given back by our
//! record or by the platform's numbers, asked for twice, and settled anew.
//!
//! The HIS settles a bill, under a new request_id, whenever it was told that nothing stays charged; messages of an
//! earlier try may still come late. Another desk, or this one after its journal was lost, gives back what the
//! platform's books show. Whatever happens a bill is charged at most once and a charge is given back at most once;
//! each answer is what the ledger says, and their sums agree.

use std::collections::BTreeSet;

use super::desk::Desk;
use super::giving::Giving;
use super::ledger::{Charge, Ledger};
use super::model::{self, Attempt};
use super::sample;
use super::tape::Tape;
use super::world::World;
use crate::book::Code;
use crate::settlement::answer::Money;
use crate::settlement::bill::Fen;
use crate::settlement::errand::Numbers;
use crate::settlement::known::Ids;
use crate::settlement::order::{Order, OrderKind};
use crate::settlement::refund::{self, End, Event, Key, Named, Phase};
use crate::settlement::rules::Rules;
use crate::settlement::tell;

/// Things done in one history.
const ACTS_MAX: usize = 8;
/// How often one bill is tried.
const ATTEMPTS_MAX: usize = 4;
/// Most bills of a person.
const BILLS_MAX: u8 = 3;
/// Most lines of a bill.
const LINES_MAX: u8 = 12;
/// A refund is over by then.
const REFUND_SPAN_MS_MAX: i64 = 10 * 86_400_000;

/// What one history showed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) settlements: u64,
    pub(super) pharmacy: u64,
    /// Of these, the last of a bill that was tried before.
    pub(super) tried_again: u64,
    pub(super) settled_after_retry: u64,
    pub(super) settled_after_refund: u64,
    pub(super) in_parts: u64,
    pub(super) remembered: u64,
    pub(super) refunds: u64,
    pub(super) refunded: u64,
    pub(super) pharmacy_refunded: u64,
    pub(super) refunded_after_restart: u64,
    /// Of these, some 2208 had no answer.
    pub(super) refunded_after_loss: u64,
    /// By the platform's numbers.
    pub(super) named: u64,
    pub(super) refunded_before: u64,
    pub(super) refund_refused: u64,
    pub(super) refund_stuck: u64,
}

impl Seen {
    pub(super) fn add(&mut self, other: &Self) {
        for (sum, more) in [
            (&mut self.settlements, other.settlements),
            (&mut self.pharmacy, other.pharmacy),
            (&mut self.tried_again, other.tried_again),
            (&mut self.settled_after_retry, other.settled_after_retry),
            (&mut self.settled_after_refund, other.settled_after_refund),
            (&mut self.in_parts, other.in_parts),
            (&mut self.remembered, other.remembered),
            (&mut self.refunds, other.refunds),
            (&mut self.refunded, other.refunded),
            (&mut self.pharmacy_refunded, other.pharmacy_refunded),
            (
                &mut self.refunded_after_restart,
                other.refunded_after_restart,
            ),
            (&mut self.refunded_after_loss, other.refunded_after_loss),
            (&mut self.named, other.named),
            (&mut self.refunded_before, other.refunded_before),
            (&mut self.refund_refused, other.refund_refused),
            (&mut self.refund_stuck, other.refund_stuck),
        ] {
            *sum += more;
        }
    }
}

/// Carries a history to its end and holds every answer against the ledger.
pub(super) fn run(bytes: &[u8], through_disk: bool) -> Seen {
    let (mut history, mut world, mut tape) = History::begin(Tape::new(bytes), through_disk);
    for _ in 0..ACTS_MAX {
        (world, tape) = history.act(world, tape);
        if tape.one_of(6) == 0 {
            break;
        }
    }
    world.all_late_comes();
    history.hold(&world.ledger);
    history.seen
}

/// A bill, and what differs between one try of it and the next.
struct Bill {
    number: usize,
    order: Order,
    prices: Vec<Fen>,
    in_force: Vec<&'static str>,
    remembered: String,
    attempts: Vec<Attempt>,
    /// What the caller knows of it.
    stands: Stands,
}

/// What the caller was told of a bill.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// Nothing stays charged.
    Free,
    Settled,
    /// It was settled and given back.
    Refunded,
    /// Only a person can say.
    Doubtful,
}

impl Bill {
    fn of(number: usize, rules: &mut Rules, tape: &mut Tape) -> (Self, bool) {
        let mut order = sample::order();
        if tape.one_of(4) == 3 {
            order.kind = OrderKind::Pharmacy;
        }
        let is_clear = model::switched(&mut order, rules, tape);
        let count = 1 + tape.one_of(LINES_MAX);
        let prices: Vec<Fen> = (0..count)
            .map(|_| Fen(1 + i64::from(tape.one_of(250)) * i64::from(1 + tape.one_of(200))))
            .collect();
        let lines = prices.iter().map(|price| sample::line("1", "1", price.0));
        order.bills = vec![sample::bill(lines.collect())];
        let (mut in_force, mut remembered) = (vec!["310"], "");
        match tape.one_of(6) {
            4 => in_force = vec!["310", "390"],
            5 => (in_force, remembered) = (vec!["310", "390"], "390"),
            3 => {
                in_force = vec!["310", "390"];
                order.insutype = "310".to_owned();
            }
            _ => {}
        }
        let bill = Self {
            number,
            order,
            prices,
            in_force,
            remembered: remembered.to_owned(),
            attempts: Vec::new(),
            stands: Stands::Free,
        };
        (bill, is_clear)
    }

    /// Its next try: its own request_id, visit, batch and lines.
    fn next(&self, world: &mut World) -> (String, (Order, Ids, Fen)) {
        let id = format!("{}-{}", self.number, self.attempts.len() + 1);
        let mut order = self.order.clone();
        order.request_id = format!("R-{id}");
        let number = |line: usize| format!("F{id}-{line}");
        let ids = Ids {
            ipt_otp_no: format!("V{id}"),
            chrg_bchno: format!("C{id}"),
            feedetl_sn: (0..self.prices.len()).map(number).collect(),
            accepted: "2026-01-01 08:00:00".to_owned(),
        };
        let priced = ids.feedetl_sn.iter().cloned().zip(self.prices.clone());
        world.ledger.prices.extend(priced);
        world.in_force.clone_from(&self.in_force);
        let total = Fen(self.prices.iter().map(|price| price.0).sum());
        (format!("settlement-{id}"), (order, ids, total))
    }

    /// The batches of all its tries.
    fn batches(&self) -> BTreeSet<&str> {
        let attempts = self.attempts.iter();
        attempts
            .map(|attempt| attempt.state.known.ids.chrg_bchno.as_str())
            .collect()
    }

    /// What the platform has charged for it, in the order of the tries.
    fn charges<'a>(&'a self, ledger: &'a Ledger) -> impl Iterator<Item = &'a Charge> {
        let batches = self.batches();
        let of_bill = move |charge: &&Charge| batches.contains(charge.chrg_bchno.as_str());
        ledger.charges.iter().filter(of_bill)
    }
}

/// A refund at its end.
struct Ended {
    giving: Giving,
    /// Which bill, where it is of one.
    bill: Option<usize>,
}

struct History {
    rules: Rules,
    bills: Vec<Bill>,
    refunds: Vec<Ended>,
    through_disk: bool,
    seen: Seen,
}

impl History {
    fn begin(mut tape: Tape, through_disk: bool) -> (Self, World, Tape) {
        let mut rules = sample::rules();
        let (bill, is_clear) = Bill::of(1, &mut rules, &mut tape);
        let mut bills = vec![bill];
        for number in 2..=1 + usize::from(tape.one_of(BILLS_MAX)) {
            // The site is what it was.
            bills.push(Bill::of(number, &mut rules.clone(), &mut tape).0);
        }
        let mut world = World::new(is_clear);
        let habits = tape.one_of(4);
        world.delivers_twice = habits & 1 != 0;
        world.ledger.is_forgetful = habits & 2 != 0;
        if tape.one_of(3) == 2 {
            world.ledger.part = 1 + usize::from(tape.one_of(LINES_MAX));
        }
        let thousand = |byte: u8| i64::from(byte) * 4;
        world.ledger.split = (thousand(tape.one_of(251)), thousand(tape.one_of(251)));
        let history = Self {
            rules,
            bills,
            refunds: Vec::new(),
            through_disk,
            seen: Seen::default(),
        };
        (history, world, tape)
    }

    /// One thing that somebody does with one of the bills.
    fn act(&mut self, world: World, mut tape: Tape) -> (World, Tape) {
        let count = u8::try_from(self.bills.len()).expect("a few");
        let at = usize::from(tape.one_of(count));
        let wish = tape.one_of(8);
        match (self.bills[at].stands, wish) {
            (Stands::Free, 0..=6) | (Stands::Refunded, 0..=3) => self.settle(at, world, tape),
            (Stands::Settled, 0..=4) => self.refund_ours(at, world, tape),
            (Stands::Free | Stands::Settled | Stands::Refunded | Stands::Doubtful, _) => {
                self.refund_named(at, world, tape)
            }
        }
    }

    fn settle(&mut self, at: usize, mut world: World, tape: Tape) -> (World, Tape) {
        let bill = &mut self.bills[at];
        if bill.attempts.len() == ATTEMPTS_MAX {
            return (world, tape);
        }
        let was_refunded = bill.stands == Stands::Refunded;
        world.begin_attempt();
        let (id, asked) = bill.next(&mut world);
        let mut desk = Desk::begin(&id, asked, self.rules.clone(), world, tape);
        desk.remembered.clone_from(&bill.remembered);
        desk.carry();
        if self.through_disk {
            model::read_back(&desk);
        }
        bill.attempts.push(Attempt::of(&desk));
        let money = tell::money(&desk.state);
        bill.stands = match money {
            Money::Settled => Stands::Settled,
            Money::Refused | Money::Cancelled | Money::Reversed => Stands::Free,
            Money::Unknown | Money::Pending => Stands::Doubtful,
        };
        let is_settled = u64::from(money == Money::Settled);
        let seen = &mut self.seen;
        seen.settlements += 1;
        seen.pharmacy += u64::from(desk.state.is_pharmacy());
        seen.in_parts += u64::from(desk.world.ledger.part < bill.prices.len());
        seen.remembered += u64::from(desk.state.trail.recalled.as_deref() == Some("390"));
        if was_refunded {
            seen.settled_after_refund += is_settled;
        } else if bill.attempts.len() > 1 {
            seen.tried_again += 1;
            seen.settled_after_retry += is_settled;
        }
        (desk.world, desk.tape)
    }

    /// By this desk's own record of what was settled.
    fn refund_ours(&mut self, at: usize, world: World, mut tape: Tape) -> (World, Tape) {
        let bill = &self.bills[at];
        let state = &bill.attempts.last().expect("it was settled").state;
        let summary = tell::summary(state);
        let is_earlier = |ended: &&Ended| ended.giving.refund.numbers.setl_id == summary.setl_id;
        let mut refunds = self.refunds.iter().filter(is_earlier);
        if refunds.any(|ended| ended.giving.money() != refund::Money::Refused) {
            // Whoever asks for it again is told of that one.
            return (world, tape);
        }
        let amounts = (state.known.settled.as_ref()).map(|settled| settled.amounts.clone());
        let amounts = amounts.expect("it is settled");
        let wrong = i64::from(tape.one_of(8) == 7);
        let expected = Some(Fen(amounts.medfee_sumamt.0 + wrong));
        let numbers = Numbers {
            insutype: String::new(),
            psn_no: summary.psn_no,
            mdtrt_id: summary.mdtrt_id,
            setl_id: summary.setl_id,
            settle_msgid: summary.msgid,
            is_pharmacy: state.is_pharmacy(),
        };
        let mut first = self.accepted(Key::SettlementId(summary.settlement_id), numbers);
        if let Event::Accepted {
            charged,
            expected: place,
            ..
        } = &mut first
        {
            (*charged, *place) = (Some(amounts), expected.filter(|_| tape.one_of(2) == 1));
        }
        self.refund(Some(at), first, world, tape)
    }

    /// By the platform's numbers of a charge of this bill, of a refund, or of nothing: another desk does it, or the
    /// journal is lost.
    fn refund_named(&mut self, at: usize, world: World, mut tape: Tape) -> (World, Tape) {
        let charge = self.bills[at].charges(&world.ledger).last().cloned();
        let row = world.ledger.given_back.last();
        let (setl_id, bill) = match (charge.as_ref(), row, tape.one_of(8)) {
            (_, Some(row), 7) => (row.setl_id(), None),
            (Some(charge), _, 0..=5 | 7) => (charge.setl_id(), Some(at)),
            (_, _, _) => ("S-nothing".to_owned(), None),
        };
        let named = Named {
            insutype: String::new(),
            psn_no: "P1".to_owned(),
            mdtrt_id: charge.as_ref().map_or("M1", |it| &it.mdtrt_id).to_owned(),
            setl_id,
            insuplc_admdvs: String::new(),
            is_pharmacy: charge.is_some_and(|charge| charge.is_pharmacy),
        };
        let numbers = Numbers {
            insutype: String::new(),
            psn_no: named.psn_no.clone(),
            mdtrt_id: named.mdtrt_id.clone(),
            setl_id: named.setl_id.clone(),
            settle_msgid: String::new(),
            is_pharmacy: named.is_pharmacy,
        };
        self.seen.named += 1;
        let first = self.accepted(Key::Named(named), numbers);
        self.refund(bill, first, world, tape)
    }

    fn accepted(&self, key: Key, numbers: Numbers) -> Event {
        let request_id = format!("RF-{}", self.refunds.len() + 1);
        let order = refund::Order {
            request_id: request_id.clone(),
            operator: sample::order().operator,
            reason: String::new(),
            key,
            expected: None,
        };
        Event::Accepted {
            request_id,
            caller: "uid:1000".to_owned(),
            settlement_id: String::new(),
            numbers,
            insuplc_admdvs: "430100".to_owned(),
            fixmedins_code: "H43010099901".to_owned(),
            account_in_funds: false,
            charged: None,
            expected: None,
            order: Some(Box::new(order)),
        }
    }

    fn refund(
        &mut self,
        bill: Option<usize>,
        first: Event,
        world: World,
        tape: Tape,
    ) -> (World, Tape) {
        let began_ms = world.now_ms;
        let id = format!("refund-{}", self.refunds.len() + 1);
        let mut giving = Giving::begin(&id, first, self.rules.clone(), world, tape);
        giving.carry();
        let took_ms = giving.world.now_ms - began_ms;
        assert!(took_ms < REFUND_SPAN_MS_MAX, "it took days");
        if self.through_disk {
            giving.read_back();
        }
        let money = giving.money();
        let is_before = is_before(&giving);
        let seen = &mut self.seen;
        seen.refunds += 1;
        let is_done = money == refund::Money::Refunded && !is_before;
        seen.refunded += u64::from(is_done);
        let is_pharmacy = giving.refund.numbers.is_pharmacy;
        seen.pharmacy_refunded += u64::from(is_done && is_pharmacy);
        seen.refunded_after_restart += u64::from(is_done && giving.restarts > 0);
        seen.refunded_after_loss += u64::from(is_done && giving.refund.was_maybe);
        seen.refunded_before += u64::from(is_before);
        seen.refund_refused += u64::from(money == refund::Money::Refused);
        seen.refund_stuck += u64::from(giving.refund.phase == Phase::Stuck);
        if let Some(bill) = bill.map(|at| &mut self.bills[at])
            && bill.stands == Stands::Settled
        {
            bill.stands = match money {
                refund::Money::Refunded => Stands::Refunded,
                refund::Money::Refused => Stands::Settled,
                refund::Money::Unknown | refund::Money::Pending => Stands::Doubtful,
            };
        }
        let (world, tape) = (giving.world.clone(), giving.tape.clone());
        self.refunds.push(Ended { giving, bill });
        (world, tape)
    }

    /// Every answer against the truth, once all that was late has come; then their sums.
    fn hold(&mut self, ledger: &Ledger) {
        for bill in &self.bills {
            for attempt in &bill.attempts {
                model::hold(attempt, ledger);
            }
            let standing = bill.charges(ledger).filter(|it| it.stands).count();
            assert!(standing <= 1, "the bill is charged {standing} times");
        }
        for charge in &ledger.charges {
            assert!(charge.given_back <= 1, "given back twice: {}", charge.msgid);
        }
        for ended in &mut self.refunds {
            hold_refund(&ended.giving, ledger);
            if ended.giving.refund.phase == Phase::Stuck {
                ended.giving.resolve(truth(&ended.giving, ledger));
                hold_refund(&ended.giving, ledger);
            }
        }
        self.told_once(ledger);
        self.sums_agree(ledger);
    }

    /// No two refunds say of the same charge that they gave it back.
    fn told_once(&self, ledger: &Ledger) {
        for charge in &ledger.charges {
            let refunds = self.refunds.iter().map(|ended| &ended.giving);
            let told = refunds.filter(|giving| {
                giving.refund.numbers.setl_id == charge.setl_id()
                    && giving.money() == refund::Money::Refunded
                    && giving.refund.resolved.is_none()
                    && !is_before(giving)
            });
            let stories: Vec<String> = told.map(Giving::story).collect();
            assert!(stories.len() <= 1, "told twice:{}", stories.join("\n"));
        }
    }

    /// What the answers come to, settled less given back, is what the bureau's books come to, per bill.
    fn sums_agree(&self, ledger: &Ledger) {
        for (at, bill) in self.bills.iter().enumerate() {
            let states = bill.attempts.iter().map(|attempt| &attempt.state);
            let answers: Vec<_> = states.map(tell::answer).collect();
            if answers.iter().any(|answer| answer.money == Money::Unknown) {
                continue;
            }
            let mut ours = [0_i64; 4];
            let settled = answers.iter().filter(|it| it.money == Money::Settled);
            for amounts in settled.filter_map(|answer| answer.amounts.as_ref()) {
                ours[0] += amounts.medfee_sumamt.0;
                ours[1] += amounts.psn_cash_pay.0;
                ours[2] += amounts.acct_pay.0;
                ours[3] += amounts.fund_pay_sumamt.0;
            }
            let refunds = self.refunds.iter().filter(|ended| ended.bill == Some(at));
            let mut counted = BTreeSet::new();
            for refund in refunds.map(|ended| &ended.giving.refund) {
                // A charge that was never told of as settled is taken back by a word of another desk only.
                let setl_id = &refund.numbers.setl_id;
                let is_settled = (answers.iter())
                    .any(|answer| answer.money == Money::Settled && answer.setl_id == *setl_id);
                let Some(given) = refund::given_back(refund).filter(|_| is_settled) else {
                    continue;
                };
                // Told again as given back before.
                if counted.insert(setl_id) {
                    ours[0] -= given.total.0;
                    ours[1] -= given.to_patient.0;
                    ours[2] -= given.to_account.0;
                    ours[3] -= given.to_funds.0;
                }
            }
            let mut theirs = [0_i64; 4];
            for charge in bill.charges(ledger) {
                let setl_id = charge.setl_id();
                let rows = ledger.given_back.iter().filter(|row| row.of == setl_id);
                let reversed = charge.given_back > 0 && rows.clone().next().is_none();
                let charged = Some(&charge.amounts).filter(|_| !reversed);
                for amounts in charged.into_iter().chain(rows.map(|row| &row.amounts)) {
                    theirs[0] += amounts.medfee_sumamt.0;
                    theirs[1] += amounts.psn_cash_pay.0;
                    theirs[2] += amounts.acct_pay.0;
                    theirs[3] += amounts.fund_pay_sumamt.0;
                }
            }
            assert_eq!(ours, theirs, "bill {}", bill.number);
        }
    }
}

fn is_before(giving: &Giving) -> bool {
    let reason = refund::answer(&giving.refund).reason;
    reason.is_some_and(|reason| reason.code == Code::RefundedBefore)
}

fn charge_of<'a>(giving: &Giving, ledger: &'a Ledger) -> Option<&'a Charge> {
    let setl_id = &giving.refund.numbers.setl_id;
    let mut charges = ledger.charges.iter();
    charges.find(|charge| charge.setl_id() == *setl_id)
}

/// What a person finds in the bureau's books.
fn truth(giving: &Giving, ledger: &Ledger) -> End {
    match charge_of(giving, ledger) {
        Some(charge) if !charge.stands => End::Refunded,
        Some(_) | None => End::Refused,
    }
}

/// A refund's answer against the truth.
fn hold_refund(giving: &Giving, ledger: &Ledger) {
    let (answer, story) = (refund::answer(&giving.refund), giving.story());
    let charge = charge_of(giving, ledger);
    let mut rows = ledger.given_back.iter();
    let prefix = format!("{}{}-", model::REFUND_MSGID, answer.refund_id);
    let row = rows.find(|row| row.msgid.starts_with(&prefix));
    assert!(row.is_none_or(|row| row.of == answer.setl_id), "{story}");
    assert_eq!(answer.stuck, giving.refund.phase == Phase::Stuck);
    let is_over = matches!(giving.refund.phase, Phase::Over(_));
    assert_eq!(is_over, giving.refund.ended_at_ms.is_some());
    match answer.money {
        refund::Money::Refunded => {
            let charge = charge.unwrap_or_else(|| panic!("REFUNDED:{story}"));
            assert!(!charge.stands, "REFUNDED:{story}");
            let told = answer.given_back.expect("it is known what was charged");
            assert_eq!(told.total, charge.amounts.medfee_sumamt, "{story}");
            assert_eq!(told.to_patient, charge.amounts.psn_cash_pay, "{story}");
            assert_eq!(told.to_account, charge.amounts.acct_pay, "{story}");
            assert_eq!(told.to_funds, charge.amounts.fund_pay_sumamt, "{story}");
            if let Some(amounts) = &answer.amounts {
                let row = row.unwrap_or_else(|| panic!("given back by no message:{story}"));
                assert_eq!(row.amounts, *amounts, "{story}");
                assert_eq!(row.setl_id(), answer.refund_setl_id, "{story}");
            }
            let reason = answer.reason.map(|reason| reason.code);
            assert_ne!(reason, Some(Code::RefundCompare), "{story}");
        }
        refund::Money::Refused => {
            assert!(row.is_none(), "REFUSED:{story}");
            assert_eq!(answer.given_back, None, "nothing is to be handed back");
        }
        refund::Money::Unknown => assert!(answer.stuck, "UNKNOWN:{story}"),
        refund::Money::Pending => panic!("it ended PENDING:{story}"),
    }
}
