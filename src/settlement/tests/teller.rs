//! Carries one scripted settlement and tells it as text.

use super::ledger::{Ledger, Message};
use super::sample::{self, TOTAL};
use super::world::{not_sent, refused, unknown};
use crate::book::Code;
use crate::person::IdNo;
use crate::settlement::answer::{Answer, Money, Paper, Point, Proof};
use crate::settlement::call::{Enquiry, Found, Outcome, Reversal, Step};
use crate::settlement::event::Event;
use crate::settlement::next::{Effect, next};
use crate::settlement::order::{Order, PrintWish};
use crate::settlement::rules::Rules;
use crate::settlement::state::{Phase, State};
use crate::settlement::tell;

/// Effects of one story.
const EFFECTS_MAX: usize = 500;
/// A wait that is told.
const WAIT_TOLD_MS: i64 = 1_000;

/// What goes wrong where: `2207#2 lost`.
struct Trouble {
    place: String,
    /// Which ones, the first is 1; absent: each.
    nth: Option<(usize, usize)>,
    what: String,
}

pub(super) struct Teller {
    troubles: Vec<Trouble>,
    /// How often each place was reached.
    reached: Vec<String>,
    pub(super) state: State,
    pub(super) rules: Rules,
    pub(super) ledger: Ledger,
    now_ms: i64,
    /// Processed only then.
    late: Vec<(i64, Message)>,
    told: Vec<String>,
    messages: u32,
    /// How far each restart sets the clock back.
    pub(super) set_back_ms: i64,
    /// A late message is processed so long after it was given up.
    pub(super) late_ms: i64,
    pub(super) events: Vec<(Event, i64)>,
}

/// The story of these troubles.
pub(super) fn tell_story(troubles: &str) -> String {
    let mut teller = Teller::begin(troubles);
    teller.carry();
    teller.end()
}

impl Teller {
    pub(super) fn begin(troubles: &str) -> Self {
        let (mut order, mut rules) = (sample::order(), sample::rules());
        let mut parsed = Vec::new();
        for part in troubles
            .split(';')
            .map(str::trim)
            .filter(|it| !it.is_empty())
        {
            match part.split_once(' ') {
                Some((place, what)) => parsed.push(trouble(place, what)),
                None => switch(part, &mut order, &mut rules),
            }
        }
        let mut teller = Self {
            troubles: parsed,
            reached: Vec::new(),
            state: State::new("settlement-1"),
            rules,
            ledger: Ledger::new(),
            now_ms: 1_000_000,
            late: Vec::new(),
            told: Vec::new(),
            messages: 0,
            set_back_ms: 0,
            late_ms: sample::QUIET_MS / 2,
            events: Vec::new(),
        };
        teller.record(Event::Accepted {
            request_id: order.request_id.clone(),
            caller: "uid:1000".to_owned(),
            kind: order.kind,
            total: TOTAL,
            ids: sample::ids(),
            mdtrt_id: order.visit.mdtrt_id.clone(),
            order: Some(Box::new(order)),
        });
        teller
    }

    fn record(&mut self, event: Event) {
        self.state.apply(&event, self.now_ms);
        self.events.push((event, self.now_ms));
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.now_ms
    }

    pub(super) fn carry(&mut self) {
        self.carry_within(EFFECTS_MAX);
    }

    pub(super) fn carry_within(&mut self, effects_max: usize) {
        for _ in 0..effects_max {
            if self.state.trail.alone_since_ms.is_some() && self.what("caller") != "stays away" {
                self.record(Event::Joined);
            }
            self.process_late();
            match next(&self.state, self.now_ms, &self.rules) {
                Effect::Record(event) => self.record(event),
                Effect::Finished => return,
                Effect::Wait { until_ms } => self.wait(until_ms),
                Effect::Read { wait_ms: _ } => self.read(),
                Effect::Call(step) => self.call(step),
                Effect::RecallInsurance => self.record(Event::InsuranceRecalled {
                    insutype: String::new(),
                }),
                Effect::LookAtPrinter { until_ms } => self.look(until_ms),
                Effect::Print => self.print(),
            }
        }
        panic!("no end: {}", counted(&self.told).join(" "));
    }

    fn process_late(&mut self) {
        let now_ms = self.now_ms;
        for (_, message) in self.late.extract_if(.., |(due_ms, _)| *due_ms <= now_ms) {
            drop(self.ledger.commit(&message));
        }
    }

    /// What the script says of this place, now that it is reached once more; empty: nothing.
    fn what(&mut self, place: &str) -> String {
        self.reached.push(place.to_owned());
        let nth = self.reached.iter().filter(|it| *it == place).count();
        let mut troubles = self.troubles.iter();
        troubles
            .find(|it| {
                it.place == place && it.nth.is_none_or(|(from, to)| (from..=to).contains(&nth))
            })
            .map(|it| it.what.clone())
            .unwrap_or_default()
    }

    fn wait(&mut self, until_ms: i64) {
        assert!(until_ms > self.now_ms, "a wait that is over already");
        if let Some(point) = self.asked() {
            let what = self.what(if point == Point::Person {
                "person"
            } else {
                "amounts"
            });
            match what.as_str() {
                "" => return self.record(Event::Confirmed { point }),
                "cancels" => {
                    return self.record(Event::CancelAsked {
                        by: "uid:1000".to_owned(),
                    });
                }
                _ => {}
            }
        }
        let is_told = until_ms - self.now_ms >= WAIT_TOLD_MS;
        if is_told && self.told.last().is_some_and(|it| it != "…") {
            self.told.push("…".to_owned());
        }
        self.now_ms = until_ms;
    }

    fn asked(&self) -> Option<Point> {
        match tell::progress(&self.state, 1, None, true).shown? {
            crate::settlement::answer::Shown::Person { .. } => Some(Point::Person),
            crate::settlement::answer::Shown::Amounts { .. } => Some(Point::Amounts),
        }
    }

    fn read(&mut self) {
        let what = self.what("scan");
        self.told.push("scan".to_owned());
        let rejected = |code| Event::CodeRejected { code };
        self.record(match what.as_str() {
            "payment" => rejected(Code::PaymentCodeShown),
            "same" => rejected(Code::SameCodeAgain),
            "half" => rejected(Code::CodeIncomplete),
            "nobody" => Event::ReadFailed {
                code: Code::NobodyScanned,
            },
            "unplugged" => Event::ReadFailed {
                code: Code::ScannerUnplugged,
            },
            "cancels" => Event::CancelAsked {
                by: "uid:1000".to_owned(),
            },
            "gone" => Event::CallerGone,
            _ => Event::CodeRead,
        });
    }

    fn restart(&mut self) {
        self.told.push("|".to_owned());
        self.now_ms -= self.set_back_ms;
        self.record(Event::Restarted);
    }

    fn call(&mut self, step: Step) {
        let name = tell::step_name(step);
        let what = self.what(name);
        self.messages += 1;
        if what == "cancelled before" {
            return self.record(Event::CancelAsked {
                by: "uid:1000".to_owned(),
            });
        }
        if what == "killed before" {
            return self.restart();
        }
        let msgid = format!("G{}", self.messages);
        self.told.push(name.to_owned());
        self.record(Event::Intent {
            step,
            infno: name.to_owned(),
            msgid: Some(msgid.clone()),
            request: None,
        });
        let differs = u8::from(what == "differs");
        let message = Message::of(step, msgid, &self.state, differs);
        self.now_ms += 100;
        let outcome = match what.as_str() {
            "killed" => return self.restart(),
            "killed late" | "lost late" => {
                self.late.push((self.now_ms + self.late_ms, message));
                if what == "killed late" {
                    return self.restart();
                }
                unknown()
            }
            "killed done" => {
                drop(self.ledger.commit(&message));
                return self.restart();
            }
            "lost" => unknown(),
            "lost done" => {
                drop(self.ledger.commit(&message));
                unknown()
            }
            "refused" | "signed out" => refused(Code::PlatformRefused),
            "gateway" => refused(Code::GatewayRefused),
            "expired" => refused(Code::CodeExpired),
            "not sent" => not_sent(),
            "twice" | "twice second" => self.process_twice(&message, &what),
            _ => self.process(&message, &what),
        };
        let killed_after = what == "killed after";
        self.record(Event::Answered {
            step,
            result: outcome,
            sign_in_expired: what == "signed out",
            skew_ms: None,
            answer: None,
        });
        if killed_after {
            self.restart();
        }
    }

    /// A relay delivers it twice; the first answer is heard, or the second.
    fn process_twice(&mut self, message: &Message, what: &str) -> Outcome {
        let first = self.process(message, what);
        let second = self.process(message, what);
        // No site lists a repeated msgid among its refusals of a money call.
        let is_doubt = message.step.moves_money() && matches!(second, Outcome::Refused { .. });
        match what {
            "twice" => first,
            _ if is_doubt => unknown(),
            _ => second,
        }
    }

    fn process(&mut self, message: &Message, what: &str) -> Outcome {
        let done = |found| Outcome::Done { found: Some(found) };
        let certno = if what == "other" {
            sample::OTHER_CERTNO
        } else {
            sample::OUR_CERTNO
        };
        let insuinfo = |stas: &str| vec![sample::insurance("310", stas)];
        match (message.step, what) {
            (Step::Decode, _) => done(Found::Voucher(sample::voucher(certno, self.messages))),
            (Step::Person, "paused") => done(Found::Person(sample::person(certno, insuinfo("2")))),
            (Step::Person, _) => done(Found::Person(sample::person(certno, insuinfo("1")))),
            (Step::FindSettlement, "unclear") => done(Found::Enquiry(Enquiry::Unclear)),
            (Step::Reverse, "unclear") => done(Found::Reversal(Reversal::Unclear)),
            (_, _) => match self.ledger.commit(message) {
                Ok(found) => done(found),
                Err(_) => refused(Code::PlatformRefused),
            },
        }
    }

    fn look(&mut self, until_ms: i64) {
        let what = self.what("printer");
        self.told.push("printer".to_owned());
        let fault = (what == "out").then_some(Code::PaperOut);
        if fault.is_some() {
            self.now_ms = self.now_ms.max(until_ms);
        }
        self.record(Event::PrinterLooked { fault });
    }

    fn print(&mut self) {
        let what = self.what("paper");
        self.told.push("paper".to_owned());
        self.record(Event::PrintIntent {
            job: "job".to_owned(),
        });
        self.record(match what.as_str() {
            "killed" => return self.restart(),
            "nothing" => Event::PrinterLooked {
                fault: Some(Code::PaperOut),
            },
            "doubt" => Event::PrintEnded {
                paper: Paper::Unknown(Code::PrintNotProven),
            },
            _ => Event::PrintEnded {
                paper: Paper::Printed(Proof::ProcessId),
            },
        });
    }

    /// The answer's words; and it must be so.
    pub(super) fn end(self) -> String {
        let answer = tell::answer(&self.state);
        let standing = self.ledger.standing();
        match answer.money {
            Money::Settled => assert_eq!(standing, 1),
            Money::Refused | Money::Cancelled | Money::Reversed => assert_eq!(standing, 0),
            Money::Unknown => assert_eq!(self.state.phase, Phase::Stuck(None)),
            Money::Pending => panic!("it ended PENDING"),
        }
        let mut story = counted(&self.told);
        story.push(format!("= {}", words(&answer)));
        story.join(" ")
    }
}

/// The same again and again, waits between or not, as `5203 ×9`.
fn counted(told: &[String]) -> Vec<String> {
    let mut counted: Vec<(String, usize)> = Vec::new();
    for (at, word) in told.iter().enumerate() {
        match counted.last_mut() {
            Some((last, count)) if last == word => *count += 1,
            Some((last, _)) if word == "…" && told.get(at + 1) == Some(last) => {}
            Some(_) | None => counted.push((word.clone(), 1)),
        }
    }
    let words = counted.into_iter().map(|(word, count)| match count {
        1 => word,
        _ => format!("{word} ×{count}"),
    });
    words.collect()
}

fn words(answer: &Answer) -> String {
    let mut words = format!("{:?}", answer.money).to_uppercase();
    if let Some(reason) = &answer.reason {
        words.push(' ');
        words.push_str(reason.code.name());
    }
    if answer.stuck {
        words.push_str(" stuck");
    }
    match answer.paper {
        Paper::NotAsked => {}
        Paper::Printed(_) => words.push_str(" printed"),
        Paper::NotPrinted(_) => words.push_str(" not printed"),
        Paper::Unknown(_) => words.push_str(" perhaps printed"),
        Paper::Queued => words.push_str(" queued"),
    }
    words
}

fn trouble(place: &str, what: &str) -> Trouble {
    let (place, nth) = match place.split_once('#') {
        Some((place, nth)) => {
            let (from, to) = nth.split_once('-').unwrap_or((nth, nth));
            (place, Some((from.parse().unwrap(), to.parse().unwrap())))
        }
        None => match place.strip_suffix('*') {
            Some(place) => (place, None),
            None => (place, Some((1, 1))),
        },
    };
    Trouble {
        place: place.to_owned(),
        nth,
        what: what.to_owned(),
    }
}

fn switch(word: &str, order: &mut Order, rules: &mut Rules) {
    match word {
        "print" => order.print = PrintWish::Receipt,
        "print-required" => order.print = PrintWish::Required,
        "confirm" => (order.confirm_person, order.confirm_amounts) = (true, true),
        "fresh" => order.fresh_code = true,
        "unnamed" => order.patient.certno = IdNo::default(),
        "registered" => order.visit.mdtrt_id = "HIS".to_owned(),
        "no-2601" => rules.settle_is_reversible = false,
        "other-bill" => order.patient.certno = IdNo::new(sample::OTHER_CERTNO),
        _ => panic!("unknown switch {word}"),
    }
}
