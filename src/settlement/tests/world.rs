//! The outside with its faults: a message may be lost before or after it was processed, processed late, refused,
//! never sent, or answered by something else.

use super::ledger::{Ledger, Message, Said};
use super::sample::{self, QUIET_MS};
use super::tape::Tape;
use crate::book::Code;
use crate::settlement::call::{Enquiry, Found, Outcome, Reversal, Step};

/// The longest time without the platform.
const OUTAGE_MS_MAX: i64 = 7_200_000;
/// The longest time in which a site does not say clearly what became of a message.
const UNCLEAR_MS_MAX: i64 = 8 * QUIET_MS;
/// How long a lost answer is waited for.
const CALL_WAIT_MS: i64 = 60_000;

#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) now_ms: i64,
    pub(super) ledger: Ledger,
    /// Processed only then.
    late: Vec<(i64, Message)>,
    /// 2207 that were, or for all that the client saw may have been, processed.
    pub(super) settles_sent: u32,
    /// Something of this settlement came late, or was refused to be taken back though it was there.
    pub(super) may_leave: bool,
    pub(super) messages: u32,
    /// Something was answered by a yes to another question.
    pub(super) answered_amiss: bool,
    /// Whether the site says clearly what 5203 and 2601 mean, or only after a while.
    pub(super) is_clear: bool,
    /// Whether a relay may deliver a message twice.
    pub(super) delivers_twice: bool,
    unclear_until_ms: Option<i64>,
    /// 险种类型 that are in force.
    pub(super) in_force: Vec<&'static str>,
    /// Nothing can be sent until then.
    outage_until_ms: i64,
    /// The printer says that it is ready and takes nothing until then.
    pub(super) printer_dead_until_ms: i64,
}

/// What became of a message, as the client sees it.
pub(super) struct Seen {
    pub(super) outcome: Outcome,
    pub(super) sign_in_expired: bool,
}

impl From<Outcome> for Seen {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            sign_in_expired: false,
        }
    }
}

fn done(found: Found) -> Outcome {
    Outcome::Done { found: Some(found) }
}

pub(super) fn refused(code: Code) -> Outcome {
    Outcome::Refused {
        code,
        infcode: "-1".to_owned(),
        text: "因故不办".to_owned(),
    }
}

pub(super) fn not_sent() -> Outcome {
    Outcome::NotSent {
        code: Code::PlatformUnreachable,
        why: "no connection".to_owned(),
    }
}

pub(super) fn unknown() -> Outcome {
    Outcome::Unknown {
        code: Code::PlatformNoAnswer,
        why: "no answer".to_owned(),
    }
}

impl World {
    pub(super) fn new(is_clear: bool) -> Self {
        Self {
            now_ms: 1_000_000_000,
            ledger: Ledger::new(),
            late: Vec::new(),
            settles_sent: 0,
            may_leave: false,
            messages: 0,
            answered_amiss: false,
            is_clear,
            delivers_twice: false,
            unclear_until_ms: None,
            in_force: vec!["310"],
            outage_until_ms: 0,
            printer_dead_until_ms: 0,
        }
    }

    /// Nothing is late any more.
    pub(super) fn all_late_comes(&mut self) {
        self.pass(2 * QUIET_MS);
    }

    /// The same bureau for another settlement: what is late still comes.
    pub(super) fn begin_attempt(&mut self) {
        (self.settles_sent, self.may_leave, self.answered_amiss) = (0, false, false);
    }

    /// Lets time pass; what is late comes.
    pub(super) fn pass(&mut self, ms: i64) {
        self.now_ms += ms.max(0);
        let now_ms = self.now_ms;
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.late)
            .into_iter()
            .partition(|(due_ms, _)| *due_ms <= now_ms);
        self.late = later;
        for (_, message) in due {
            // Whatever it says, nobody hears it.
            drop(self.ledger.commit(&message));
        }
    }

    fn commit(&mut self, message: &Message) -> Said {
        self.settles_sent += u32::from(message.step == Step::Settle);
        self.ledger.commit(message)
    }

    fn commit_late(&mut self, message: Message, tape: &mut Tape) {
        self.settles_sent += u32::from(message.step == Step::Settle);
        self.may_leave |= matches!(message.step, Step::Register | Step::Fees | Step::UndoFees);
        let due_ms = self.now_ms + tape.part_of(QUIET_MS);
        self.late.push((due_ms, message));
    }

    /// The daemon ends while the message is out.
    pub(super) fn abandon(&mut self, message: Message, tape: &mut Tape) {
        match tape.one_of(3) {
            0 => drop(self.commit(&message)),
            1 => self.commit_late(message, tape),
            _ => self.settles_sent += u32::from(message.step == Step::Settle),
        }
    }

    /// One message, with what may become of it. `shown` is whose code is being asked about.
    pub(super) fn send(&mut self, message: Message, shown: &str, tape: &mut Tape) -> Seen {
        self.messages += 1;
        if self.now_ms < self.outage_until_ms {
            self.pass(1);
            return not_sent().into();
        }
        let trouble = tape.trouble(if self.delivers_twice { 10 } else { 8 });
        self.pass(1 + tape.part_of(4_000));
        let undo = matches!(message.step, Step::UndoFees | Step::UndoRegister);
        self.may_leave |= undo && matches!(trouble, 4 | 7);
        match trouble {
            0 => self.process(&message, shown, tape).into(),
            1 => {
                drop(self.process(&message, shown, tape));
                self.give_up()
            }
            2 => {
                self.settles_sent += u32::from(message.step == Step::Settle);
                self.give_up()
            }
            3 => {
                let seen = self.give_up();
                self.commit_late(message, tape);
                seen
            }
            4 => refused(Code::PlatformRefused).into(),
            5 => {
                self.outage_until_ms = self.now_ms + tape.part_of(OUTAGE_MS_MAX);
                not_sent().into()
            }
            6 => Seen {
                outcome: refused(Code::SignInFailed),
                sign_in_expired: true,
            },
            7 => refused(Code::CodeExpired).into(),
            9 => {
                let outcome = self.process(&message, shown, tape);
                drop(self.deliver_again(&message));
                outcome.into()
            }
            10 => {
                drop(self.process(&message, shown, tape));
                self.deliver_again(&message).into()
            }
            _ => {
                // A bridge that says yes to another question.
                self.answered_amiss = true;
                drop(self.process(&message, shown, tape));
                done(if message.step == Step::Decode {
                    Found::Nothing
                } else {
                    Found::Voucher(sample::voucher(sample::OUR_CERTNO, 0))
                })
                .into()
            }
        }
    }

    /// The same message once more: a repeated msgid, which no site lists among its refusals of a money call.
    fn deliver_again(&mut self, message: &Message) -> Outcome {
        let writes = [
            Step::Register,
            Step::Fees,
            Step::UndoFees,
            Step::UndoRegister,
        ];
        self.may_leave |= writes.contains(&message.step);
        match message.step {
            Step::Reverse => match self.ledger.commit(message) {
                Ok(found) => done(found),
                Err(_) => unknown(),
            },
            Step::Settle | Step::UndoSettle => {
                let again = self.ledger.commit(message);
                assert!(again.is_err(), "a msgid was taken twice");
                unknown()
            }
            Step::Decode
            | Step::Person
            | Step::Register
            | Step::VisitInfo
            | Step::Fees
            | Step::PreSettle
            | Step::UndoFees
            | Step::UndoRegister
            | Step::FindVisit
            | Step::FindSettlement => refused(Code::PlatformRefused),
        }
    }

    fn give_up(&mut self) -> Seen {
        self.pass(CALL_WAIT_MS);
        unknown().into()
    }

    fn process(&mut self, message: &Message, shown: &str, tape: &mut Tape) -> Outcome {
        if message.step == Step::Decode {
            return done(Found::Voucher(sample::voucher(shown, self.messages)));
        }
        if message.step == Step::Person {
            return done(Found::Person(self.person(tape)));
        }
        match self.commit(message) {
            Ok(found) => done(self.as_the_site_says(found, tape)),
            // How a site words it decides how it is understood.
            Err("already refunded") if tape.one_of(2) == 0 => done(Found::Nothing),
            Err(_) if message.step == Step::Settle => {
                self.settles_sent -= 1;
                refused(Code::SettleRefused)
            }
            Err(_) => refused(Code::PlatformRefused),
        }
    }

    fn person(&self, tape: &mut Tape) -> crate::settlement::known::Person {
        let (certno, insuinfo) = match tape.trouble(4) {
            1 => (sample::OTHER_CERTNO, vec![sample::insurance("310", "1")]),
            2 => (sample::OUR_CERTNO, vec![sample::insurance("310", "2")]),
            3 => (sample::OUR_CERTNO, Vec::new()),
            _ => {
                let in_force = self.in_force.iter();
                let rows = in_force.map(|kind| sample::insurance(kind, "1"));
                (sample::OUR_CERTNO, rows.collect())
            }
        };
        sample::person(certno, insuinfo)
    }

    /// A site may be unclear about what it says; it never says what is not so.
    fn as_the_site_says(&mut self, found: Found, tape: &mut Tape) -> Found {
        let asked = matches!(
            found,
            Found::Enquiry(_) | Found::Looked(_) | Found::Reversal(_)
        );
        if asked && !self.is_clear && self.unclear_until_ms.is_none() {
            self.unclear_until_ms = Some(self.now_ms + tape.part_of(UNCLEAR_MS_MAX));
        }
        let unclear_until_ms = self.unclear_until_ms.unwrap_or(self.now_ms);
        let unclear = self.now_ms < unclear_until_ms || tape.trouble(4) == 1;
        match found {
            Found::Enquiry(_) | Found::Looked(_) if unclear => Found::Enquiry(Enquiry::Unclear),
            Found::Reversal(_) if unclear => Found::Reversal(Reversal::Unclear),
            Found::Nothing
            | Found::Voucher(_)
            | Found::Person(_)
            | Found::Registered { .. }
            | Found::Lines(_)
            | Found::Preview(_)
            | Found::DrugPreview { .. }
            | Found::Dispensed(_)
            | Found::Settled(_)
            | Found::Refunded { .. }
            | Found::Reversal(_)
            | Found::Visits(_)
            | Found::Enquiry(_)
            | Found::Looked(_)
            | Found::Compared(_)
            | Found::Totals { .. }
            | Found::File { .. }
            | Found::Statement(_)
            | Found::YearToDate(_) => found,
        }
    }
}
