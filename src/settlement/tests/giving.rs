//! Carries a refund as the runner does – next, do, write, fold – in the same worlds as a settlement: answers that
//! are lost, clocks that are set back, and a daemon that may end anywhere.

use super::desk::Ended;
use super::ledger::Message;
use super::model::REFUND_MSGID;
use super::tape::Tape;
use super::world::{Seen, World, not_sent, refused};
use crate::book::Code;
use crate::settlement::call::{Found, Outcome};
use crate::settlement::errand::{Ask, Errand};
use crate::settlement::refund::{self, End, Event, Money, Refund};
use crate::settlement::rules::Rules;
use crate::settlement::story::{Act, Got, Sent, Story};

/// Acts of one refund, however bad the world is.
const ACTS_MAX: u32 = 4_000;
/// The longest single wait.
const WAIT_MS_MAX: i64 = 600_000;

type Going = Result<(), Ended>;

pub(super) struct Giving {
    pub(super) world: World,
    pub(super) tape: Tape,
    pub(super) refund: Refund,
    rules: Rules,
    /// On disk.
    disk: Vec<(Event, i64)>,
    /// Folded, not on disk.
    pending: Vec<(Event, i64)>,
    /// The clock of the running daemon minus the world's.
    clock_ms: i64,
    msgids: u32,
    /// When the last 2208 was given up, while nothing has said what became of it.
    doubtful_since_ms: Option<i64>,
    pub(super) restarts: u32,
}

impl Giving {
    pub(super) fn begin(id: &str, first: Event, rules: Rules, world: World, tape: Tape) -> Self {
        let mut giving = Self {
            world,
            tape,
            refund: Refund::new(id),
            rules,
            disk: Vec::new(),
            pending: Vec::new(),
            clock_ms: 0,
            msgids: 0,
            doubtful_since_ms: None,
            restarts: 0,
        };
        giving.record(first);
        giving.write();
        giving
    }

    /// To the end.
    pub(super) fn carry(&mut self) {
        for _ in 0..ACTS_MAX {
            match self.once() {
                Ok(true) => return self.write(),
                Ok(false) => {}
                Err(Ended) => self.restart(),
            }
        }
        panic!("no end: {:?}{}", self.refund.phase, self.story());
    }

    /// What was recorded, for a failed assertion.
    pub(super) fn story(&self) -> String {
        let began_ms = self.disk.first().map_or(0, |(_, at_ms)| *at_ms);
        let rows = self.disk.iter().map(|(event, at_ms)| {
            let row = serde_json::to_string(event).unwrap();
            format!("\n{:>9} {row:.150}", at_ms - began_ms)
        });
        rows.collect()
    }

    /// The next thing; whether it was the last.
    fn once(&mut self) -> Result<bool, Ended> {
        if self.tape.trouble(4) == 1 {
            return Err(Ended);
        }
        let now_ms = self.now_ms();
        match self.refund.next(now_ms, &self.rules) {
            Act::Record(event) => self.record(event),
            Act::Finished => return Ok(true),
            Act::Wait { until_ms } => {
                assert!(until_ms > now_ms, "a wait that is over already");
                assert!(until_ms - now_ms <= WAIT_MS_MAX, "a wait without end");
                self.flush()?;
                let span_ms = until_ms - now_ms;
                let is_woken = self.tape.one_of(8) == 3;
                let passes_ms = if is_woken { span_ms / 2 + 1 } else { span_ms };
                self.world.pass(passes_ms);
            }
            Act::Ask(errand) => self.ask(&errand)?,
        }
        Ok(false)
    }

    fn now_ms(&self) -> i64 {
        self.world.now_ms + self.clock_ms
    }

    fn record(&mut self, event: Event) {
        let at_ms = self.now_ms();
        self.refund.apply(&event, at_ms);
        self.pending.push((event, at_ms));
    }

    /// To disk; then everybody sees it.
    fn write(&mut self) {
        self.disk.append(&mut self.pending);
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

    /// The refund of a new process is what the disk says.
    fn restart(&mut self) {
        let mut replayed = Refund::new(self.refund.id());
        for (event, at_ms) in &self.disk {
            replayed.apply(event, *at_ms);
        }
        if self.pending.is_empty() {
            assert_eq!(replayed, self.refund, "replay differs");
        }
        self.pending.clear();
        self.refund = replayed;
        if self.refund.is_over() {
            return;
        }
        self.restarts += 1;
        self.world
            .pass([0, 5_000, 3_600_000][usize::from(self.tape.one_of(3))]);
        self.clock_ms += [0, 86_400_000, -86_400_000][usize::from(self.tape.one_of(3))];
        self.record(Refund::restarted());
        self.write();
    }

    fn ask(&mut self, errand: &Errand) -> Going {
        match self.tape.trouble(20) {
            1 => return self.answered(not_sent().into()),
            2 => return self.answered(refused(Code::SignInFailed).into()),
            _ => {}
        }
        self.msgids += 1;
        let msgid = format!("{REFUND_MSGID}{}-{}", self.refund.id(), self.msgids);
        let message = Message::of_refund(&errand.ask, msgid.clone());
        self.record(Refund::intent(Sent {
            infno: infno(&errand.ask).to_owned(),
            msgid,
            request: "{}".to_owned(),
        }));
        self.flush()?;
        if errand.ask.moves_money() {
            let story = || format!("2208 while one is in doubt{}", self.story());
            assert!(self.doubtful_since_ms.is_none(), "{}", story());
            // Until its answer is read, it is.
            self.doubtful_since_ms = Some(self.world.now_ms);
        }
        if self.tape.trouble(20) == 9 {
            self.world.abandon(message, &mut self.tape);
            return Err(Ended);
        }
        let seen = self.world.send(message, "", &mut self.tape);
        self.is_answered(&errand.ask, &seen.outcome);
        self.may_end()?;
        self.answered(seen)?;
        if errand.ask.moves_money() {
            self.flush()?;
        }
        Ok(())
    }

    /// What an answer says of a 2208 before: only the platform's books, read after the quiet time, say that it did
    /// not happen.
    fn is_answered(&mut self, ask: &Ask, outcome: &Outcome) {
        match (ask, outcome) {
            (Ask::Refund(_), Outcome::Refused { .. } | Outcome::NotSent { .. }) => {
                self.doubtful_since_ms = None;
            }
            (Ask::Refund(_), _) => self.doubtful_since_ms = Some(self.world.now_ms),
            (
                _,
                Outcome::Done {
                    found: Some(Found::Looked(looked)),
                },
            ) if !looked.is_refunded => {
                let quiet_ms = self.rules.settle_quiet_ms;
                (self.doubtful_since_ms)
                    .take_if(|since_ms| self.world.now_ms - *since_ms >= quiet_ms);
            }
            (_, _) => {}
        }
    }

    fn answered(&mut self, seen: Seen) -> Going {
        self.record(Refund::answered(Got {
            outcome: seen.outcome,
            sign_in_expired: seen.sign_in_expired,
            answer: None,
        }));
        self.may_end()
    }

    /// A person states what is true of it.
    pub(super) fn resolve(&mut self, truth: End) {
        let stated = refund::check_stated(&self.refund, "uid:0", truth, "", "");
        self.record(stated.unwrap().expect("it was not stated before"));
        self.write();
        assert_eq!(
            refund::check_stated(&self.refund, "uid:0", truth, "", ""),
            Ok(None)
        );
    }

    /// What is read back from the rows is what was told; without the key of its day the money is.
    pub(super) fn read_back(&self) {
        assert_eq!(self.through_json(true), self.refund);
        if !self.world.answered_amiss {
            let forgotten = refund::answer(&self.through_json(false));
            let told = refund::answer(&self.refund);
            assert_eq!(forgotten.money, told.money, "{}", self.story());
            assert_eq!(forgotten.stuck, told.stuck);
        }
    }

    fn through_json(&self, with_key: bool) -> Refund {
        let mut refund = Refund::new(self.refund.id());
        for (event, at_ms) in &self.disk {
            let sealed = Refund::private(event);
            let readable = serde_json::to_string(event).unwrap();
            let mut read: Event = serde_json::from_str(&readable).unwrap();
            if let Some(sealed) = sealed.filter(|_| with_key) {
                read = Refund::with_private(read, &sealed).unwrap();
            }
            refund.apply(&read, *at_ms);
        }
        refund
    }

    pub(super) fn money(&self) -> Money {
        refund::answer(&self.refund).money
    }
}

fn infno(ask: &Ask) -> &'static str {
    match ask {
        Ask::Refund(numbers) if numbers.is_pharmacy => "2103",
        Ask::Refund(_) => "2208",
        Ask::Look(_)
        | Ask::Enquiry(_)
        | Ask::HandOut(_)
        | Ask::TakeBack(_)
        | Ask::Compare(_)
        | Ask::Totals(_)
        | Ask::Upload { .. }
        | Ask::Details { .. }
        | Ask::Download { .. }
        | Ask::YearToDate { .. } => "5203",
    }
}
