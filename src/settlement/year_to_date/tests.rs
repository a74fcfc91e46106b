//! What is printed of which rows, and the stream with what may become of its one question.

use std::collections::BTreeMap;

use super::figures::{CumRow, CumYm, FIGURES, Meant, Months, VISITS, YearRules, cum_ym, figures};
use super::story::{About, CALLER, Ending, Event, YearToDate, request_id};
use crate::book::Code;
use crate::settlement::bill::{FEN_MAX, Fen};
use crate::settlement::call::{Found, Outcome};
use crate::settlement::errand::Ask;
use crate::settlement::order::{Operator, OperatorKind};
use crate::settlement::rules::Rules;
use crate::settlement::story::{Act, Got, Sent, Story};
use crate::settlement::tests::sample;

const MEANT: Meant<'static> = Meant {
    insutype: "310",
    year: "2026",
};

fn row(insutype: &str, cum_ym: &str, code: &str, fen: impl Into<Option<i64>>) -> CumRow {
    CumRow {
        insutype: insutype.to_owned(),
        year: cum_ym.get(..4).unwrap_or("2026").to_owned(),
        cum_ym: cum_ym.to_owned(),
        cum_type_code: code.to_owned(),
        cum: fen.into().map(Fen),
    }
}

fn rules(months: Months, codes: &[(&str, &[&str])]) -> YearRules {
    let owned = |codes: &[&str]| codes.iter().map(|&code| code.to_owned()).collect();
    YearRules {
        is_enabled: true,
        wait_ms: 3_000,
        cum_ym: CumYm::Month,
        months,
        codes: (codes.iter())
            .map(|(name, codes)| ((*name).to_owned(), owned(codes)))
            .collect(),
    }
}

fn check(rows: &[CumRow], months: Months, codes: &[&str], expected: Option<&str>) {
    let money = rules(months, &[("hifp_pay", codes)]);
    let told = figures(rows, MEANT, &money);
    assert_eq!(told.get("hifp_pay").map(String::as_str), expected);
}

#[test]
fn only_the_insurance_and_the_year_of_the_settlement_count() {
    let rows = [
        row("310", "202611", "D1", 12_345),
        row("390", "202611", "D1", 100),
        row("310", "202512", "D1", 1_000),
        row("310", "202611", "D2", 1),
        row("310", "202611", "D3", 70_000),
    ];
    check(&rows, Months::Latest, &["D1"], Some("123.45"));
    check(&rows, Months::Latest, &["D1", "D2"], Some("123.46"));
    // What is not there adds nothing; what is not there at all is not known.
    check(&rows, Months::Latest, &["D2", "D9"], Some("0.01"));
    check(&rows, Months::Latest, &["D9"], None);
    check(&[], Months::Sum, &["D1"], None);
}

#[test]
fn rows_of_several_months_are_read_as_the_site_says() {
    let rows = [
        row("310", "202609", "D1", 100),
        row("310", "202611", "D1", 350),
        row("310", "202610", "D1", -50),
    ];
    check(&rows, Months::Latest, &["D1"], Some("3.50"));
    check(&rows, Months::Sum, &["D1"], Some("4.00"));
    // Of two of one month nobody can say which is meant.
    let twice = [rows[1].clone(), rows[1].clone()];
    check(&twice, Months::Latest, &["D1"], None);
    check(&twice, Months::Sum, &["D1"], Some("7.00"));
}

#[test]
fn what_is_no_number_or_too_large_is_left_out() {
    let rows = [
        row("310", "202611", "D1", None),
        row("310", "202611", "D2", FEN_MAX),
        row("310", "202611", "D3", 1),
    ];
    check(&rows, Months::Latest, &["D1"], None);
    check(&rows, Months::Sum, &["D1", "D3"], None);
    check(&rows, Months::Latest, &["D2"], Some("99999999999999.99"));
    check(&rows, Months::Latest, &["D2", "D3"], None);
}

#[test]
fn visits_are_whole() {
    let count = |fen| {
        let rows = [row("310", "202611", "C0000", fen)];
        let told = figures(
            &rows,
            MEANT,
            &rules(Months::Latest, &[(VISITS, &["C0000"])]),
        );
        told.get(VISITS).cloned()
    };
    assert_eq!(count(1_200).as_deref(), Some("12"));
    assert_eq!(count(0).as_deref(), Some("0"));
    assert_eq!((count(1_250), count(-100)), (None, None));
}

#[test]
fn the_month_asked_for_is_one_of_the_year() {
    let asked = |of| cum_ym(of, "2026", "2026-11-23 00:10:00");
    assert_eq!(
        (asked(CumYm::Empty), asked(CumYm::Year), asked(CumYm::Month)),
        (String::new(), "2026".to_owned(), "202611".to_owned())
    );
    assert_eq!(
        cum_ym(CumYm::Month, "2026", "2027-01-02 08:00:00"),
        "202612"
    );
}

/// Whatever one kind of row there is, every figure comes of its own codes.
#[test]
fn every_figure_has_its_own_codes() {
    let codes: Vec<String> = FIGURES.iter().map(|name| format!("X_{name}")).collect();
    let rows = codes
        .iter()
        .zip(1..)
        .map(|(code, n)| row("310", "", code, n * 100));
    let rows: Vec<CumRow> = rows.collect();
    let mapped = FIGURES.iter().zip(&codes);
    let mapped = mapped.map(|(name, code)| ((*name).to_owned(), vec![code.clone()]));
    let site = YearRules {
        codes: mapped.collect(),
        ..rules(Months::Sum, &[])
    };
    let told = figures(&rows, MEANT, &site);
    for (place, name) in FIGURES.iter().enumerate() {
        let expected = match *name {
            VISITS => "1".to_owned(),
            _ => format!("{}.00", place + 1),
        };
        assert_eq!(told[*name], expected);
    }
}

fn site() -> Rules {
    Rules {
        year_to_date: rules(Months::Latest, &[("medfee_sumamt", &["F"])]),
        ..sample::rules()
    }
}

fn about() -> About {
    About {
        operator: Operator {
            id: "007".to_owned(),
            name: "收费员甲".to_owned(),
            kind: OperatorKind::Staff,
        },
        psn_no: "P1".to_owned(),
        insuplc_admdvs: "430100".to_owned(),
        insutype: "310".to_owned(),
        year: "2026".to_owned(),
        cum_ym: "202611".to_owned(),
    }
}

fn begun() -> Event {
    Event::Begun {
        settlement_id: "s-1".to_owned(),
        about: Some(Box::new(about())),
    }
}

fn answered(outcome: Outcome) -> Event {
    YearToDate::answered(Got {
        outcome,
        sign_in_expired: false,
        answer: Some("{}".to_owned()),
    })
}

fn found(fen: i64) -> Outcome {
    Outcome::Done {
        found: Some(Found::YearToDate(vec![row("310", "202611", "F", fen)])),
    }
}

/// Carries it with this answer to its one question; all its events.
fn told(outcome: &Outcome) -> (YearToDate, Vec<Event>) {
    let mut story = YearToDate::new("y-1");
    let mut events = vec![begun()];
    story.apply(&begun(), 1_000);
    for now_ms in (2_000..).step_by(1_000).take(10) {
        let event = match story.next(now_ms, &site()) {
            Act::Finished => return (story, events),
            Act::Record(event) => event,
            Act::Ask(errand) => {
                assert_eq!(errand.insuplc_admdvs, "430100");
                let asked = Ask::YearToDate {
                    psn_no: "P1".to_owned(),
                    cum_ym: "202611".to_owned(),
                    insutype: "310".to_owned(),
                    wait_ms: 3_000,
                };
                assert_eq!(errand.ask, asked);
                let sent = YearToDate::intent(Sent {
                    infno: "5206".to_owned(),
                    msgid: "M1".to_owned(),
                    request: "{}".to_owned(),
                });
                story.apply(&sent, now_ms);
                events.push(sent);
                answered(outcome.clone())
            }
            Act::Wait { .. } => panic!("it waits for nothing"),
        };
        story.apply(&event, now_ms);
        events.push(event);
    }
    panic!("it has no end");
}

#[test]
fn the_question_is_asked_once_whatever_becomes_of_it() {
    let (story, _) = told(&found(123));
    let figures = BTreeMap::from([("medfee_sumamt".to_owned(), "1.23".to_owned())]);
    let (ending, year, at_ms) = story.ending().unwrap();
    assert_eq!((ending, year), (&Ending::Had(figures.into()), "2026"));
    assert_eq!((at_ms, story.outcome()), (2_000, "had"));
    let code = Code::PlatformNoAnswer;
    let why = String::new();
    for outcome in [
        Outcome::Refused {
            code: Code::PlatformRefused,
            infcode: "-1".to_owned(),
            text: "张三无权查询".to_owned(),
        },
        Outcome::NotSent {
            code,
            why: why.clone(),
        },
        Outcome::Unknown { code, why },
        Outcome::Done { found: None },
    ] {
        let (story, events) = told(&outcome);
        let (ending, _, _) = story.ending().unwrap();
        assert!(matches!(ending, Ending::Missing(_)), "{ending:?}");
        assert_eq!(story.outcome(), "missing");
        assert!(story.is_over() && !story.head().stuck);
        let asked = events.iter().filter(|it| YearToDate::kind(it) == "intent");
        assert_eq!(asked.count(), 1);
    }
}

#[test]
fn an_answer_without_the_site_s_codes_leaves_nothing_known() {
    let rows = vec![row("390", "202611", "F", 1)];
    let (story, _) = told(&Outcome::Done {
        found: Some(Found::YearToDate(rows)),
    });
    let (ending, _, _) = story.ending().unwrap();
    assert_eq!(ending, &Ending::Had(BTreeMap::new().into()));
}

/// No sheet was made before it was over: a restart asks anew, or judges what is there.
#[test]
fn a_restart_at_any_event_comes_to_an_end() {
    let (whole, events) = told(&found(123));
    for cut in 1..=events.len() {
        let mut story = YearToDate::new("y-1");
        for event in &events[..cut] {
            story.apply(event, 2_000);
        }
        if story.is_over() {
            assert_eq!(story.ending(), whole.ending());
            continue;
        }
        story.apply(&YearToDate::restarted(), 3_000);
        assert!(matches!(
            story.next(3_000, &site()),
            Act::Ask(_) | Act::Record(Event::Had { .. })
        ));
        // Twice the end of the process: no person is called for a sheet.
        story.apply(&YearToDate::stuck(Code::Stuck), 4_000);
        assert!(story.is_over() && !story.head().stuck);
    }
}

#[test]
fn what_is_a_person_s_is_sealed_and_comes_back() {
    let no = Outcome::Refused {
        code: Code::PlatformRefused,
        infcode: "-1".to_owned(),
        text: "张三无权查询".to_owned(),
    };
    for outcome in [found(123), no] {
        let (_, events) = told(&outcome);
        for event in events {
            let readable = serde_json::to_string(&event).unwrap();
            for secret in ["收费员甲", "1.23", "张三", "123"] {
                assert!(!readable.contains(secret), "{readable}");
                assert!(!format!("{event:?}").contains(secret));
            }
            let bare: Event = serde_json::from_str(&readable).unwrap();
            let whole = match YearToDate::private(&event) {
                Some(sealed) => YearToDate::with_private(bare, &sealed).unwrap(),
                None => bare,
            };
            assert_eq!(whole, event);
        }
    }
    let head = told(&found(123)).0.head();
    assert_eq!(
        (head.caller.as_str(), head.request_id),
        (CALLER, request_id("s-1"))
    );
    assert!(!head.summary.contains("1.23"));
}

/// Their form is on disks.
#[test]
fn events_are_written_as_they_always_were() {
    let (_, events) = told(&found(123));
    let written: Vec<String> = (events.iter())
        .map(|event| serde_json::to_string(event).unwrap())
        .collect();
    assert_eq!(
        written,
        [
            r#"{"event":"begun","settlement_id":"s-1"}"#,
            r#"{"event":"intent","infno":"5206","msgid":"M1"}"#,
            r#"{"event":"answered","result":{"outcome":"done"},"sign_in_expired":false}"#,
            r#"{"event":"had"}"#,
        ]
    );
    let more = [
        YearToDate::restarted(),
        Event::Missing {
            code: Code::PlatformNoAnswer,
        },
    ];
    let written = more.map(|event| serde_json::to_string(&event).unwrap());
    assert_eq!(written[0], r#"{"event":"restarted"}"#);
    assert!(
        written[1].starts_with(r#"{"event":"missing","code":"#),
        "{}",
        written[1]
    );
    let sealed = YearToDate::private(&events[3]).unwrap();
    assert_eq!(&**sealed, br#"{"figures":{"medfee_sumamt":"1.23"}}"#);
}
