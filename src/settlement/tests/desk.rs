//! Carries a settlement as the runner does – next, do, write, fold – with a person, a scanner and a printer that
//! may do anything, and a daemon that may end anywhere.

use std::collections::BTreeMap;

use super::ledger::Message;
use super::sample::{self, TOTAL};
use super::tape::Tape;
use super::world::{Seen, World, not_sent, refused};
use crate::book::Code;
use crate::settlement::answer::{Money, Paper, Point, Proof};
use crate::settlement::bill::Fen;
use crate::settlement::call::{Outcome, Step};
use crate::settlement::event::Event;
use crate::settlement::known::Ids;
use crate::settlement::next::{Effect, next};
use crate::settlement::order::Order;
use crate::settlement::rules::Rules;
use crate::settlement::state::{Phase, PointKey, State};
use crate::settlement::tell;

/// Effects of one settlement, however bad the world is.
const EFFECTS_MAX: u32 = 4_000;
/// The longest single wait.
const WAIT_MS_MAX: i64 = 600_000;
/// So many messages of one kind are never sent within [`BURST_MS`].
const BURST: usize = 8;
const BURST_MS: i64 = 4_000;

/// The process ended: what was not on disk is gone.
pub(super) struct Ended;
type Going = Result<(), Ended>;

pub(super) struct Desk {
    pub(super) world: World,
    pub(super) tape: Tape,
    pub(super) state: State,
    pub(super) rules: Rules,
    /// What this person was settled with last time.
    pub(super) remembered: String,
    /// On disk.
    pub(super) disk: Vec<(Event, i64)>,
    /// Folded, not on disk.
    pending: Vec<(Event, i64)>,
    /// When it began, by the world's clock.
    pub(super) began_ms: i64,
    /// The clock of the running daemon minus the world's.
    clock_ms: i64,
    /// The code in hand: whose, and its number. A restart forgets it.
    code: Option<(&'static str, u32)>,
    waiting: u32,
    told_pending: bool,
    msgids: u32,
    final_money: Option<Money>,
    /// By what was sent, and for which part of the lines.
    sent_at_ms: BTreeMap<(&'static str, usize), Vec<i64>>,
    effects: u32,
}

impl Desk {
    pub(super) fn new(order: Order, rules: Rules, world: World, tape: Tape) -> Self {
        Self::begin(
            "settlement-1",
            (order, sample::ids(), TOTAL),
            rules,
            world,
            tape,
        )
    }

    pub(super) fn begin(
        id: &str,
        (order, ids, total): (Order, Ids, Fen),
        rules: Rules,
        world: World,
        tape: Tape,
    ) -> Self {
        let mut desk = Self {
            began_ms: world.now_ms,
            world,
            tape,
            state: State::new(id),
            rules,
            remembered: String::new(),
            disk: Vec::new(),
            pending: Vec::new(),
            clock_ms: 0,
            code: None,
            waiting: 1,
            told_pending: false,
            msgids: 0,
            final_money: None,
            sent_at_ms: BTreeMap::new(),
            effects: 0,
        };
        desk.record(Event::Accepted {
            request_id: order.request_id.clone(),
            caller: "uid:1000".to_owned(),
            kind: order.kind,
            total,
            ids,
            mdtrt_id: order.visit.mdtrt_id.clone(),
            order: Some(Box::new(order)),
        });
        desk.write();
        desk
    }

    /// To the end.
    pub(super) fn carry(&mut self) {
        loop {
            self.effects += 1;
            assert!(self.effects < EFFECTS_MAX, "no end: {:?}", self.state.phase);
            match self.once() {
                Ok(true) => break,
                Ok(false) => {}
                Err(Ended) => self.restart(),
            }
        }
        self.write();
    }

    /// What was recorded, for a failed assertion.
    pub(super) fn story(&self) -> String {
        let began_ms = self.disk.first().map_or(0, |(_, at_ms)| *at_ms);
        let mut story = String::new();
        for (event, at_ms) in &self.disk {
            let row = serde_json::to_string(event).unwrap();
            story.push_str(&format!("\n{:>9} {:.150}", at_ms - began_ms, row));
        }
        story
    }

    /// The next thing; whether it was the last.
    fn once(&mut self) -> Result<bool, Ended> {
        self.happen()?;
        self.notice_presence();
        let now_ms = self.now_ms();
        match next(&self.state, now_ms, &self.rules) {
            Effect::Record(event) => self.record(event),
            Effect::Finished => return Ok(true),
            Effect::Wait { until_ms } => self.wait(until_ms)?,
            Effect::Read { wait_ms } => self.read(wait_ms)?,
            Effect::Call(step) => self.call(step)?,
            Effect::RecallInsurance => {
                let insutype = self.remembered.clone();
                self.record(Event::InsuranceRecalled { insutype });
            }
            Effect::LookAtPrinter { until_ms } => self.look_at_printer(until_ms)?,
            Effect::Print => self.print()?,
        }
        Ok(false)
    }

    fn now_ms(&self) -> i64 {
        self.world.now_ms + self.clock_ms
    }

    fn record(&mut self, event: Event) {
        let at_ms = self.now_ms();
        self.state.apply(&event, at_ms);
        self.pending.push((event, at_ms));
    }

    /// To disk; then everybody sees it.
    fn write(&mut self) {
        self.disk.append(&mut self.pending);
        let money = tell::money(&self.state);
        if let Some(final_money) = self.final_money {
            assert_eq!(money, final_money, "what was final changed");
        }
        self.final_money = Some(money).filter(|money| money.is_final());
    }

    fn flush(&mut self) -> Going {
        self.may_end()?;
        self.write();
        self.may_end()
    }

    fn may_end(&mut self) -> Going {
        if self.tape.trouble(40) == 7 {
            Err(Ended)
        } else {
            Ok(())
        }
    }

    /// The state of a new process is what the disk says.
    fn restart(&mut self) {
        let mut replayed = State::new(self.state.settlement_id.clone());
        for (event, at_ms) in &self.disk {
            replayed.apply(event, *at_ms);
        }
        if self.pending.is_empty() {
            assert_eq!(replayed, self.state, "replay differs");
        }
        self.pending.clear();
        self.state = replayed;
        if self.state.is_over() {
            return;
        }
        self.world
            .pass([0, 5_000, 3_600_000][usize::from(self.tape.one_of(3))]);
        self.clock_ms += [0, 86_400_000, -86_400_000][usize::from(self.tape.one_of(3))];
        (self.code, self.waiting, self.told_pending) = (None, 0, false);
        self.record(Event::Restarted);
        self.write();
    }

    /// What others do at any moment.
    fn happen(&mut self) -> Going {
        match self.tape.trouble(12) {
            1 => self.cancel(),
            2 | 3 => self.waiting = 0,
            4 | 5 => self.waiting = 1,
            6 => (self.waiting, self.told_pending) = (0, true),
            7 => return Err(Ended),
            _ => {}
        }
        Ok(())
    }

    fn is_gone(&self) -> bool {
        self.waiting == 0 && !self.told_pending
    }

    fn notice_presence(&mut self) {
        if self.state.phase != Phase::Forward || self.state.is_past_no_return() {
            return;
        }
        let alone = self.state.trail.alone_since_ms.is_some();
        if alone && self.waiting > 0 {
            self.record(Event::Joined);
        } else if !alone && self.is_gone() {
            self.record(Event::CallerGone);
        }
    }

    fn cancel(&mut self) {
        let may = !self.state.is_past_no_return() && self.state.phase != Phase::Standing;
        if may && !self.state.trail.cancel_asked && !self.state.is_over() {
            self.record(Event::CancelAsked {
                by: "uid:1000".to_owned(),
            });
            self.write();
        }
    }

    fn wait(&mut self, until_ms: i64) -> Going {
        let now_ms = self.now_ms();
        assert!(until_ms > now_ms, "a wait that is over already");
        assert!(until_ms - now_ms <= WAIT_MS_MAX, "a wait without end");
        self.flush()?;
        let span_ms = until_ms - now_ms;
        let is_alone = self.state.trail.alone_since_ms.is_some();
        if self.state.phase == Phase::Forward && is_alone && self.tape.one_of(3) != 1 {
            // The same request comes again in time.
            self.world.pass(span_ms / 2);
            self.waiting = 1;
            return Ok(());
        }
        let part = self.tape.one_of(8);
        let asked = [Point::Person, Point::Amounts].into_iter().find(|point| {
            let shown = self.state.trail.shown.contains_key(&PointKey::from(*point));
            shown && !self.state.trail.confirmed.contains(point)
        });
        match asked {
            Some(point) if self.state.phase == Phase::Forward && part != 1 => {
                self.world.pass(span_ms / 3);
                self.confirm(point, part == 2);
            }
            Some(_) | None if part == 3 => self.world.pass(span_ms / 2 + 1),
            Some(_) | None => self.world.pass(span_ms),
        }
        Ok(())
    }

    fn confirm(&mut self, point: Point, stale: bool) {
        let Some((token, _)) = self.state.trail.shown.get(&PointKey::from(point)) else {
            return;
        };
        assert!(!token.is_empty());
        // Whoever confirms something else than what is shown confirms nothing.
        if !stale {
            self.record(Event::Confirmed { point });
            self.write();
        }
    }

    fn read(&mut self, wait_ms: i64) -> Going {
        self.flush()?;
        self.world.pass(self.tape.part_of(wait_ms.min(8_000)));
        self.happen()?;
        if self.state.trail.cancel_asked || self.is_gone() {
            return Ok(());
        }
        self.msgids += 1;
        let event = match self.tape.trouble(6) {
            1 => Event::CodeRejected {
                code: Code::PaymentCodeShown,
            },
            2 => Event::ReadFailed {
                code: Code::ScannerUnplugged,
            },
            3 => {
                self.world.pass(wait_ms);
                Event::ReadFailed {
                    code: Code::NobodyScanned,
                }
            }
            4 => Event::CodeRejected {
                code: Code::SameCodeAgain,
            },
            5 => {
                self.code = Some((sample::OTHER_CERTNO, self.msgids));
                Event::CodeRead
            }
            _ => {
                self.code = Some((sample::OUR_CERTNO, self.msgids));
                Event::CodeRead
            }
        };
        self.record(event);
        Ok(())
    }

    fn call(&mut self, step: Step) -> Going {
        if step == Step::Settle {
            self.tape.release();
        }
        match self.tape.trouble(20) {
            1 => return self.answered(step, not_sent().into()),
            2 => return self.answered(step, refused(Code::SignInFailed).into()),
            _ => {}
        }
        if step == Step::Decode && self.code.is_none() {
            return self.answered(step, not_sent().into());
        }
        self.happen()?;
        self.notice_presence();
        if self.is_called_off(step) {
            return Ok(());
        }
        self.no_burst(tell::step_name(step));
        self.msgids += 1;
        let msgid = format!("G{}-{}", self.state.settlement_id, self.msgids);
        self.record(Event::Intent {
            step,
            infno: tell::step_name(step).to_owned(),
            msgid: Some(msgid.clone()),
            request: Some("{}".to_owned()),
        });
        self.flush()?;
        let differs = if step == Step::PreSettle {
            u8::from(self.tape.trouble(3) == 1)
        } else if step == Step::Settle {
            self.tape.trouble(4) % 3
        } else {
            0
        };
        let message = Message::of(step, msgid, &self.state, differs);
        if self.tape.trouble(20) == 9 {
            self.world.abandon(message, &mut self.tape);
            return Err(Ended);
        }
        let whose = self.code.map_or("", |(certno, _)| certno);
        let seen = self.world.send(message, whose, &mut self.tape);
        if self.tape.trouble(12) == 1 {
            self.cancel();
        }
        self.may_end()?;
        self.answered(step, seen)
    }

    fn is_called_off(&self, step: Step) -> bool {
        let trail = &self.state.trail;
        let stopped = trail.cancel_asked || trail.alone_since_ms.is_some();
        self.state.phase == Phase::Forward
            && stopped
            && self.state.known.settled.is_none()
            && step.row().undo.is_some()
    }

    fn no_burst(&mut self, what: &'static str) {
        let now_ms = self.world.now_ms;
        let part = self.state.known.lines.len();
        let sent = self.sent_at_ms.entry((what, part)).or_default();
        sent.push(now_ms);
        if let [first, .., last] = sent[sent.len().saturating_sub(BURST)..]
            && sent.len() >= BURST
        {
            assert!(last - first > BURST_MS, "{what} again and again");
        }
    }

    fn answered(&mut self, step: Step, seen: Seen) -> Going {
        if step == Step::Decode && !matches!(seen.outcome, Outcome::NotSent { .. }) {
            self.code = None;
        }
        self.record(Event::Answered {
            step,
            result: seen.outcome,
            sign_in_expired: seen.sign_in_expired,
            skew_ms: None,
            answer: None,
        });
        self.may_end()
    }

    fn look_at_printer(&mut self, until_ms: i64) -> Going {
        self.flush()?;
        let fault = match self.tape.trouble(3) {
            1 => {
                self.world.pass(until_ms - self.now_ms());
                Some(Code::PaperOut)
            }
            2 => {
                self.world.pass((until_ms - self.now_ms()) / 2);
                None
            }
            _ => None,
        };
        self.record(Event::PrinterLooked { fault });
        self.may_end()
    }

    fn print(&mut self) -> Going {
        self.no_burst("print");
        self.record(Event::PrintIntent {
            job: format!("{}-{}", self.state.settlement_id, self.state.events),
        });
        self.flush()?;
        if self.world.now_ms < self.world.printer_dead_until_ms {
            self.record(Event::PrinterLooked {
                fault: Some(Code::PrinterError),
            });
            return self.may_end();
        }
        let paper = match self.tape.trouble(2) {
            1 => {
                let dead_ms = self.tape.part_of(1_200_000);
                self.world.printer_dead_until_ms = self.world.now_ms + dead_ms;
                self.record(Event::PrinterLooked {
                    fault: Some(Code::PaperOut),
                });
                return self.may_end();
            }
            2 => Paper::Unknown(Code::PrintNotProven),
            _ => Paper::Printed(Proof::ProcessId),
        };
        self.may_end()?;
        self.record(Event::PrintEnded { paper });
        self.may_end()
    }
}
