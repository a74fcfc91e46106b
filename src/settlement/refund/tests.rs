//! Refunds told as stories: what the platform does to each message, and where it ends.

use std::collections::VecDeque;

use super::*;
use crate::book::Code;
use crate::settlement::amounts::Amounts;
use crate::settlement::answer::Reason;
use crate::settlement::bill::Fen;
use crate::settlement::call::{Enquiry, Found, Looked, Outcome, Settled};
use crate::settlement::errand::{Ask, Numbers};
use crate::settlement::order::{Operator, OperatorKind};
use crate::settlement::story::{Act, Got, Sent, Story};
use crate::settlement::tests::sample;

/// Acts of one refund.
const ACTS_MAX: usize = 200;
const OURS: &str = "H43010099901";

/// A refund, and a platform that does what it is told.
struct Teller {
    refund: Refund,
    events: Vec<(Event, i64)>,
    /// What becomes of each 2208 and 5203; after the last, all goes well.
    sends: VecDeque<&'static str>,
    asks: VecDeque<&'static str>,
    /// What the platform holds.
    is_refunded: bool,
    now_ms: i64,
    told: Vec<String>,
    messages: u32,
}

fn charged() -> Amounts {
    sample::amounts(Fen(10_000))
}

fn negative() -> Amounts {
    sample::negative(&charged())
}

fn looked(is_refunded: bool, fixmedins_code: &str, amounts: Amounts) -> Outcome {
    let settled = Settled {
        setl_id: "S1".to_owned(),
        mdtrt_id: "V1".to_owned(),
        medins_setl_id: "G1".to_owned(),
        setl_time: "2026-01-01 08:00:00".to_owned(),
        insutype: "310".to_owned(),
        clr_type: "11".to_owned(),
        clr_way: String::new(),
        clr_optins: String::new(),
        amounts,
        setlinfo: String::new(),
        setldetail: String::new(),
    };
    done(Found::Looked(Looked {
        settled,
        is_refunded,
        fixmedins_code: fixmedins_code.to_owned(),
    }))
}

fn done(found: Found) -> Outcome {
    Outcome::Done { found: Some(found) }
}

fn accepted(charged: Option<Amounts>, expected: Option<Fen>) -> Event {
    let order = Order {
        request_id: "RF-1".to_owned(),
        operator: Operator {
            id: "0001".to_owned(),
            name: "收费员".to_owned(),
            kind: OperatorKind::Staff,
        },
        reason: String::new(),
        key: Key::SettlementId("settlement-1".to_owned()),
        expected,
    };
    Event::Accepted {
        request_id: "RF-1".to_owned(),
        caller: "uid:1000".to_owned(),
        settlement_id: String::new(),
        numbers: Numbers {
            psn_no: "P1".to_owned(),
            mdtrt_id: "V1".to_owned(),
            setl_id: "S1".to_owned(),
            ..Numbers::default()
        },
        insuplc_admdvs: String::new(),
        fixmedins_code: OURS.to_owned(),
        account_in_funds: false,
        charged,
        expected,
        order: Some(Box::new(order)),
    }
}

impl Teller {
    fn begin(first: Event, sends: &[&'static str], asks: &[&'static str]) -> Self {
        let mut teller = Self {
            refund: Refund::begin("refund-1"),
            events: Vec::new(),
            sends: sends.iter().copied().collect(),
            asks: asks.iter().copied().collect(),
            is_refunded: false,
            now_ms: 1_000_000,
            told: Vec::new(),
            messages: 0,
        };
        teller.record(first);
        teller
    }

    fn record(&mut self, event: Event) {
        self.refund.apply(&event, self.now_ms);
        self.events.push((event, self.now_ms));
    }

    fn carry(&mut self) {
        let rules = sample::rules();
        for _ in 0..ACTS_MAX {
            match self.refund.next(self.now_ms, &rules) {
                Act::Record(event) => self.record(event),
                Act::Finished => return,
                Act::Wait { until_ms } => {
                    assert!(until_ms > self.now_ms, "a wait that is over already");
                    if until_ms - self.now_ms >= rules.settle_quiet_ms / 2 {
                        self.told.push("…".to_owned());
                    }
                    self.now_ms = until_ms;
                }
                Act::Ask(errand) => self.ask(&errand.ask),
            }
        }
        panic!("no end: {}", self.told.join(" "));
    }

    /// Which transaction it is, and what becomes of it.
    fn coming(&mut self, ask: &Ask) -> (&'static str, &'static str) {
        match ask {
            Ask::Refund(_) => ("2208", self.sends.pop_front().unwrap_or_default()),
            Ask::Enquiry(_) | Ask::Look(_) => ("5203", self.asks.pop_front().unwrap_or_default()),
            Ask::HandOut(_)
            | Ask::TakeBack(_)
            | Ask::Compare(_)
            | Ask::Totals(_)
            | Ask::Upload { .. }
            | Ask::Details { .. }
            | Ask::Download { .. }
            | Ask::YearToDate { .. } => panic!("a refund asks for one settlement"),
        }
    }

    fn ask(&mut self, ask: &Ask) {
        let (infno, what) = self.coming(ask);
        if what == "not sent" {
            self.told.push(format!("({infno})"));
            return self.answered(Outcome::NotSent {
                code: Code::PlatformUnreachable,
                why: "no line".to_owned(),
            });
        }
        self.messages += 1;
        self.told.push(infno.to_owned());
        self.record(Refund::intent(Sent {
            infno: infno.to_owned(),
            msgid: format!("G{}", self.messages),
            request: "{}".to_owned(),
        }));
        self.now_ms += 100;
        let is_refund = infno == "2208";
        let was_refunded = self.is_refunded;
        if is_refund && matches!(what, "lost done" | "killed done" | "" | "odd") {
            self.is_refunded = true;
        }
        match what {
            "killed" | "killed done" => {
                self.told.push("|".to_owned());
                self.record(Refund::restarted());
            }
            "lost" | "lost done" => self.answered(Outcome::Unknown {
                code: Code::PlatformNoAnswer,
                why: "nothing".to_owned(),
            }),
            "refused" => self.answered(Outcome::Refused {
                code: Code::UndoFailed,
                infcode: "-1".to_owned(),
                text: "不可退".to_owned(),
            }),
            "signed out" => {
                self.record(Refund::answered(Got {
                    outcome: Outcome::Refused {
                        code: Code::SignInFailed,
                        infcode: "-1".to_owned(),
                        text: String::new(),
                    },
                    sign_in_expired: true,
                    answer: None,
                }));
            }
            "unclear" => self.answered(done(Found::Enquiry(Enquiry::Unclear))),
            "nothing" => self.answered(done(Found::Enquiry(Enquiry::NothingThere))),
            "elsewhere" => self.answered(looked(false, "H99999999999", charged())),
            "a refund itself" => self.answered(looked(true, OURS, negative())),
            "already" => self.answered(done(Found::Nothing)),
            _ if is_refund && was_refunded => self.answered(done(Found::Nothing)),
            _ if is_refund => {
                let mut amounts = negative();
                if what == "odd" {
                    amounts.psn_cash_pay.0 += 1;
                }
                self.answered(done(Found::Refunded {
                    setl_id: "S2".to_owned(),
                    setl_time: "2026-01-02 08:00:00".to_owned(),
                    amounts,
                }));
            }
            _ => self.answered(looked(self.is_refunded, OURS, charged())),
        }
    }

    fn answered(&mut self, outcome: Outcome) {
        self.record(Refund::answered(Got {
            outcome,
            sign_in_expired: false,
            answer: None,
        }));
    }

    /// What went out, and how it ended.
    fn end(&self) -> String {
        let answer = answer(&self.refund);
        let code = answer.reason.as_ref();
        let code = code.map_or(String::new(), |reason| format!(" {}", reason.code.name()));
        let stuck = if answer.stuck { " stuck" } else { "" };
        format!("{} = {:?}{code}{stuck}", self.told.join(" "), answer.money)
    }

    /// Folded anew from its rows, with or without the sealed halves.
    fn replayed(&self, with_key: bool) -> Refund {
        let mut refund = Refund::begin("refund-1");
        for (event, at_ms) in &self.events {
            let mut read: Event =
                serde_json::from_str(&serde_json::to_string(event).unwrap()).unwrap();
            if with_key && let Some(plain) = Refund::private(event) {
                read = Refund::with_private(read, &plain).unwrap();
            }
            refund.apply(&read, *at_ms);
        }
        refund
    }
}

/// Of our own record: what was charged is known.
fn ours(sends: &[&'static str], asks: &[&'static str]) -> Teller {
    carried(Teller::begin(accepted(Some(charged()), None), sends, asks))
}

/// By the platform's numbers.
fn theirs(sends: &[&'static str], asks: &[&'static str]) -> Teller {
    carried(Teller::begin(accepted(None, None), sends, asks))
}

fn carried(mut teller: Teller) -> Teller {
    teller.carry();
    let answer = answer(&teller.refund);
    match answer.money {
        Money::Refunded => {}
        Money::Refused => assert!(!teller.is_refunded, "{}", teller.end()),
        Money::Unknown => assert!(answer.stuck, "{}", teller.end()),
        Money::Pending => panic!("no end: {}", teller.end()),
    }
    // Between two 2208 stands an enquiry, unless the first surely did nothing.
    assert_eq!(teller.replayed(true), teller.refund);
    teller
}

#[test]
fn a_settlement_of_ours_is_given_back_by_one_message() {
    let teller = ours(&[], &[]);
    assert_eq!(teller.end(), "2208 = Refunded");
    let answer = answer(&teller.refund);
    let given = answer.given_back.unwrap();
    let it = charged();
    assert_eq!(given.total, it.medfee_sumamt);
    assert_eq!(given.to_patient, it.psn_cash_pay);
    assert_eq!(given.to_account, it.acct_pay);
    assert_eq!(given.to_funds, it.fund_pay_sumamt);
    assert_eq!(answer.amounts.unwrap().medfee_sumamt, Fen(-10_000));
    assert_eq!(
        (answer.refund_setl_id.as_str(), answer.setl_id.as_str()),
        ("S2", "S1")
    );
}

#[test]
fn by_the_platforms_numbers_it_is_looked_at_first() {
    for (asks, end) in [
        (&[][..], "5203 2208 = Refunded"),
        (&["lost"], "5203 5203 2208 = Refunded"),
        (&["not sent"], "(5203) 5203 2208 = Refunded"),
        (&["killed"], "5203 | 5203 2208 = Refunded"),
        (&["nothing"], "5203 = Refused REFUND_NOT_FOUND"),
        (&["unclear"], "5203 = Refused REFUND_NOT_FOUND"),
        (&["elsewhere"], "5203 = Refused REFUND_ELSEWHERE"),
        (&["a refund itself"], "5203 = Refused REFUND_NOT_FOUND"),
        (&["lost"; 3], "5203 5203 5203 = Refused PLATFORM_NO_ANSWER"),
        (
            &["not sent"; 3],
            "(5203) (5203) (5203) = Refused PLATFORM_UNREACHABLE",
        ),
    ] {
        assert_eq!(theirs(&[], asks).end(), end, "{asks:?}");
    }
    let mut before = Teller::begin(accepted(None, None), &[], &[]);
    before.is_refunded = true;
    before.carry();
    assert_eq!(before.end(), "5203 = Refunded REFUNDED_BEFORE");
    assert_eq!(
        given_back(&before.refund).unwrap().to_patient,
        charged().psn_cash_pay
    );
}

#[test]
fn a_lost_2208_is_asked_after_before_another_goes_out() {
    for (sends, asks, end) in [
        (&["lost done"][..], &[][..], "2208 … 5203 = Refunded"),
        (&["lost"], &[], "2208 … 5203 2208 = Refunded"),
        (&["killed done"], &[], "2208 | … 5203 = Refunded"),
        (&["killed"], &[], "2208 | … 5203 2208 = Refunded"),
        (&["lost done"], &["lost"], "2208 … 5203 5203 = Refunded"),
        (
            &["lost done"],
            &["killed"],
            "2208 … 5203 | … 5203 = Refunded",
        ),
        (
            &["lost done"],
            &["unclear"],
            "2208 … 5203 … 5203 = Refunded",
        ),
        (
            &["lost done"],
            &["nothing"],
            "2208 … 5203 … 5203 = Refunded",
        ),
        (
            &["lost", "refused"],
            &[],
            "2208 … 5203 2208 … 5203 = Refused REFUND_REFUSED",
        ),
        (
            &["lost", "lost done"],
            &[],
            "2208 … 5203 2208 … 5203 = Refunded",
        ),
    ] {
        assert_eq!(ours(sends, asks).end(), end, "{sends:?} {asks:?}");
    }
}

#[test]
fn what_cannot_be_found_out_is_for_a_person() {
    for asks in [["unclear"; 9], ["lost"; 9], ["nothing"; 9]] {
        let teller = ours(&["lost done"], &asks);
        assert!(
            teller.end().ends_with("= Unknown REFUND_STUCK stuck"),
            "{}",
            teller.end()
        );
    }
    let teller = ours(&["lost"; 9], &[]);
    assert!(teller.end().ends_with("stuck"), "{}", teller.end());
    assert_eq!(teller.told.iter().filter(|it| *it == "2208").count(), 6);
    let item = stuck(&teller.refund);
    assert_eq!(
        (item.tried[0].infno.as_str(), item.tried[0].times),
        ("2208", 6)
    );
    assert_eq!(item.operator_id, "0001");
    assert_eq!(item.amount, Fen(10_000));
}

#[test]
fn given_back_before_is_given_back_and_said_so() {
    let mut teller = Teller::begin(accepted(Some(charged()), None), &[], &[]);
    teller.is_refunded = true;
    teller.carry();
    assert_eq!(teller.end(), "2208 5203 = Refunded REFUNDED_BEFORE");
    for asks in [["unclear"; 3], ["lost"; 3], ["not sent"; 3]] {
        let mut teller = Teller::begin(accepted(Some(charged()), None), &["already"], &asks);
        teller.carry();
        assert!(
            teller.end().ends_with("= Refunded REFUNDED_BEFORE"),
            "{}",
            teller.end()
        );
    }
    // One says so, the other says the contrary.
    let teller = ours(&["already"], &[]);
    assert_eq!(teller.end(), "2208 5203 = Unknown REFUND_STUCK stuck");
}

#[test]
fn a_sure_no_leaves_the_settlement_as_it_was() {
    for (sends, end) in [
        (&["refused"][..], "2208 = Refused REFUND_REFUSED"),
        (
            &["not sent"; 3],
            "(2208) (2208) (2208) = Refused PLATFORM_UNREACHABLE",
        ),
        (&["not sent", "not sent"], "(2208) (2208) 2208 = Refunded"),
        (&["signed out"], "2208 2208 = Refunded"),
        (
            &["signed out"; 3],
            "2208 2208 2208 = Refused SIGN_IN_FAILED",
        ),
    ] {
        assert_eq!(ours(sends, &[]).end(), end, "{sends:?}");
    }
    let teller = ours(&["refused"], &[]);
    let reason = answer(&teller.refund).reason;
    assert_eq!(
        reason,
        Some(Reason {
            code: Code::RefundRefused,
            text: "不可退".to_owned()
        })
    );
}

#[test]
fn amounts_that_do_not_mirror_are_told_loudly_and_never_called_failed() {
    let teller = ours(&["odd"], &[]);
    assert_eq!(teller.end(), "2208 = Refunded REFUND_COMPARE");
    let given = given_back(&teller.refund).unwrap();
    assert_eq!(
        given.to_patient.0,
        charged().psn_cash_pay.0 - 1,
        "by what 2208 said"
    );
}

#[test]
fn another_total_than_expected_sends_nothing() {
    let first = accepted(None, Some(Fen(9_999)));
    let teller = carried(Teller::begin(first, &[], &[]));
    assert_eq!(teller.end(), "5203 = Refused REFUND_AMOUNT_DIFFERS");
    let first = accepted(None, Some(Fen(10_000)));
    assert_eq!(
        carried(Teller::begin(first, &[], &[])).end(),
        "5203 2208 = Refunded"
    );
}

#[test]
fn a_forgotten_order_sends_nothing() {
    // Before anything left: surely not given back. After that a person must look.
    for (events, expected) in [(1, Money::Refused), (2, Money::Unknown)] {
        let teller = ours(&["lost done"], &[]);
        let mut refund = Refund::begin("refund-1");
        for (event, at_ms) in teller.events.iter().take(events) {
            let json = serde_json::to_string(event).unwrap();
            refund.apply(&serde_json::from_str(&json).unwrap(), *at_ms);
        }
        refund.apply(&Event::Restarted, 2_000_000);
        let Act::Record(event) = refund.next(2_000_000, &sample::rules()) else {
            panic!("nothing may be sent in its name");
        };
        refund.apply(&event, 2_000_000);
        assert_eq!(answer(&refund).money, expected);
    }
    let forgotten = ours(&[], &[]).replayed(false);
    assert_eq!(answer(&forgotten).money, Money::Refunded);
    assert_eq!(
        given_back(&forgotten).unwrap().to_patient,
        charged().psn_cash_pay
    );
}

#[test]
fn a_person_states_what_is_true_once() {
    let teller = ours(&["lost done"], &["unclear"; 9]);
    for (end, money) in [
        (End::Refunded, Money::Refunded),
        (End::Refused, Money::Refused),
    ] {
        let event = check_stated(&teller.refund, "uid:0", end, "S9", "门户已核对");
        let event = event.unwrap().unwrap();
        let mut refund = teller.refund.clone();
        refund.apply(&event, teller.now_ms);
        let told = answer(&refund);
        assert_eq!((told.money, told.refund_setl_id.as_str()), (money, "S9"));
        assert_eq!(told.resolved.unwrap().reason, "门户已核对");
        assert_eq!(refund.next(i64::MAX / 4, &sample::rules()), Act::Finished);
        assert_eq!(check_stated(&refund, "uid:0", end, "", "x"), Ok(None));
        let other = match end {
            End::Refunded => End::Refused,
            End::Refused => End::Refunded,
        };
        let refused = check_stated(&refund, "uid:0", other, "", "x");
        assert_eq!(refused, Err(Code::ResolvedOtherwise));
    }
    let whole = ours(&[], &[]);
    let refused = check_stated(&whole.refund, "uid:0", End::Refunded, "", "x");
    assert_eq!(refused, Err(Code::NotStuck));
}

/// Journals out there have these rows: a line is never changed, only added.
#[test]
fn events_stand_in_the_journal_like_this() {
    let check = |event: Event, json: &str| {
        assert_eq!(serde_json::to_string(&event).unwrap(), json);
    };
    check(
        accepted(None, Some(Fen(5))),
        r#"{"event":"accepted","request_id":"RF-1","caller":"uid:1000","settlement_id":"","numbers":{"psn_no":"P1","mdtrt_id":"V1","setl_id":"S1","settle_msgid":"","is_pharmacy":false},"insuplc_admdvs":"","fixmedins_code":"H43010099901","account_in_funds":false,"charged":null,"expected":5}"#,
    );
    check(Event::Restarted, r#"{"event":"restarted"}"#);
    let sent = Sent {
        infno: "2208".to_owned(),
        msgid: "G1".to_owned(),
        request: "sealed".to_owned(),
    };
    check(
        Refund::intent(sent),
        r#"{"event":"intent","infno":"2208","msgid":"G1"}"#,
    );
    let got = Got {
        outcome: Outcome::Done { found: None },
        sign_in_expired: false,
        answer: Some("sealed".to_owned()),
    };
    check(
        Refund::answered(got),
        r#"{"event":"answered","result":{"outcome":"done"},"sign_in_expired":false}"#,
    );
    for (end, word) in [(End::Refunded, "refunded"), (End::Refused, "refused")] {
        let event = Event::Ended {
            end,
            code: Some(Code::RefundCompare),
            text: "sealed".to_owned(),
        };
        let json = format!(r#"{{"event":"ended","end":"{word}","code":"E8019"}}"#);
        check(event, &json);
    }
    check(
        <Refund as Story>::stuck(Code::Stuck),
        r#"{"event":"stuck","code":"E8020"}"#,
    );
    let event = Event::Resolved {
        by: "uid:0".to_owned(),
        end: End::Refunded,
        setl_id: "S9".to_owned(),
        reason: "sealed".to_owned(),
    };
    check(
        event,
        r#"{"event":"resolved","by":"uid:0","end":"refunded","setl_id":"S9"}"#,
    );
}
