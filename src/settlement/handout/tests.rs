//! The story by hand: what comes next after each answer, how it stands in the journal, and what may come back.

use super::*;
use crate::book::Code;
use crate::person::{IdNo, Name};
use crate::settlement::bill::Count;
use crate::settlement::call::{Found, Outcome};
use crate::settlement::rules::Rules;
use crate::settlement::story::{Act, Got, Sent, Story as _};
use crate::settlement::tests::sample;

mod own;

fn count(text: &str) -> Count {
    text.parse().unwrap()
}

fn goods() -> Goods {
    let row = |bchno: &str, cnt: &str, codes: &[&str]| Row {
        med_list_codg: "XJ01".to_owned(),
        fixmedins_hilist_id: "M1".to_owned(),
        fixmedins_hilist_name: "药".to_owned(),
        fixmedins_bchno: bchno.to_owned(),
        manu_lotnum: "L1".to_owned(),
        manu_date: "2024-01-01".to_owned(),
        expy_end: String::new(),
        is_prescription_drug: true,
        by_piece: false,
        finl_trns_pric: "1".parse().unwrap(),
        rxno: "RX".to_owned(),
        rx_circ_flag: "0".to_owned(),
        bchno: String::new(),
        drug_prod_barc: "69".to_owned(),
        shelf_posi: String::new(),
        sel_retn_cnt: count(cnt),
        memo: String::new(),
        trace_codes: codes.iter().map(|code| (*code).to_owned()).collect(),
    };
    Goods {
        payer: Payer::Local,
        setl_id: "S1".to_owned(),
        mdtrt_sn: "M1".to_owned(),
        psn_no: "P1".to_owned(),
        insuplc_admdvs: "430100".to_owned(),
        insutype: String::new(),
        psn_cert_type: "01".to_owned(),
        certno: IdNo::new(sample::OUR_CERTNO),
        psn_name: Name::new("测试甲"),
        prescriber: Prescriber {
            no: "D1".to_owned(),
            ..Prescriber::default()
        },
        pharmacist: Pharmacist {
            no: "Y1".to_owned(),
            ..Pharmacist::default()
        },
        rtal_docno: "LS1".to_owned(),
        stoout_no: String::new(),
        sel_retn_time: "2026-01-01 08:00:00".to_owned(),
        opter_name: "药房".to_owned(),
        rows: vec![
            row("B1", "2", &["8101", "8102"]),
            row("B2", "1.5", &["8201"]),
        ],
    }
}

fn begun(what: What, of: &str) -> Dispense {
    let order = Order {
        operator: sample::order().operator,
        goods: goods(),
        asked: "{}".to_owned(),
    };
    let mut story = Dispense::new("D-1");
    let accepted = Event::Accepted {
        request_id: "R-1".to_owned(),
        caller: "uid:1000".to_owned(),
        what,
        of: of.to_owned(),
        lines: vec![(1, count("2")), (2, count("1.5"))],
        order: Some(Box::new(order)),
    };
    story.apply(&accepted, 1_000);
    story
}

fn said(outcome: Outcome) -> Event {
    Dispense::answered(Got {
        outcome,
        sign_in_expired: false,
        answer: None,
    })
}

fn rows(taken: &[bool]) -> Event {
    let row = |is_taken: &bool| RowResult {
        is_taken: *is_taken,
        medins_prod_sel_no: "G1".to_owned(),
        message: "因故".to_owned(),
    };
    said(Outcome::Done {
        found: Some(Found::Dispensed(taken.iter().map(row).collect())),
    })
}

fn lost() -> Event {
    said(Outcome::Unknown {
        code: Code::PlatformNoAnswer,
        why: String::new(),
    })
}

fn refused() -> Event {
    said(Outcome::Refused {
        code: Code::PlatformRefused,
        infcode: "-1".to_owned(),
        text: "不行".to_owned(),
    })
}

fn not_sent() -> Event {
    said(Outcome::NotSent {
        code: Code::PlatformUnreachable,
        why: String::new(),
    })
}

fn rules(harmless: bool) -> Rules {
    Rules {
        dispense_repeat_is_harmless: harmless,
        ..sample::rules()
    }
}

/// Folds these, then carries on to the end; gives it and how often the platform would have been asked.
fn ended(events: &[Event], rules: &Rules) -> (Dispense, u32) {
    let mut story = begun(What::HandOut, "");
    let mut now_ms = 1_000;
    let mut coming = events.iter();
    let mut asked = 0;
    loop {
        assert!(asked < 20, "no end");
        match story.next(now_ms, rules) {
            Act::Record(event) => story.apply(&event, now_ms),
            Act::Wait { until_ms } => now_ms = until_ms,
            Act::Finished => return (story, asked),
            Act::Ask(_) => {
                asked += 1;
                let sent = Dispense::intent(Sent {
                    infno: "3505A".to_owned(),
                    msgid: "G".to_owned(),
                    request: String::new(),
                });
                story.apply(&sent, now_ms);
                let answer = coming.next().cloned().unwrap_or_else(not_sent);
                story.apply(&answer, now_ms);
            }
        }
    }
}

#[test]
fn each_answer_has_its_end() {
    let strict = rules(false);
    let (story, asked) = ended(&[rows(&[true, true])], &strict);
    assert_eq!((story.phase, asked), (Phase::Ended(Ending::Recorded), 1));
    assert_eq!(story.reason, None);
    let (story, _) = ended(&[rows(&[true, false])], &strict);
    assert_eq!(story.phase, Phase::Ended(Ending::Recorded));
    assert_eq!(story.reason.unwrap().code, Code::RowsRefused);
    let (story, _) = ended(&[rows(&[false, false])], &strict);
    assert_eq!(story.phase, Phase::Ended(Ending::Refused));
    let (story, asked) = ended(&[refused()], &strict);
    assert_eq!((story.phase, asked), (Phase::Ended(Ending::Refused), 1));
    // Never sent: tried a few times, then surely nothing was recorded.
    let (story, asked) = ended(&[], &strict);
    assert_eq!((story.phase, asked), (Phase::Ended(Ending::Refused), 3));
    assert_eq!(story.reason.unwrap().code, Code::PlatformUnreachable);
    let (story, asked) = ended(&[not_sent(), rows(&[true, true])], &strict);
    assert_eq!((story.phase, asked), (Phase::Ended(Ending::Recorded), 2));
}

#[test]
fn a_lost_answer_is_told_again_only_where_that_is_harmless() {
    let (story, asked) = ended(&[lost()], &rules(false));
    assert_eq!((story.phase, asked), (Phase::Stuck, 1));
    assert!(story.head().stuck);
    let (story, asked) = ended(&[lost(), rows(&[true, true])], &rules(true));
    assert_eq!((story.phase, asked), (Phase::Ended(Ending::Recorded), 2));
    // What the first one did may be why the second is refused.
    let (story, asked) = ended(&[lost(), refused()], &rules(true));
    assert_eq!((story.phase, asked), (Phase::Stuck, 2));
    let (story, asked) = ended(&[lost(), rows(&[false, false])], &rules(true));
    assert_eq!((story.phase, asked), (Phase::Stuck, 2));
    let (story, _) = ended(&[lost()], &rules(true));
    assert_eq!(story.phase, Phase::Stuck, "never reached again");
}

#[test]
fn a_restart_with_the_message_out_is_a_lost_answer() {
    let mut story = begun(What::HandOut, "");
    story.apply(&Event::Restarted, 2_000);
    assert!(
        matches!(story.next(2_000, &rules(false)), Act::Ask(_)),
        "nothing was sent"
    );
    let sent = Dispense::intent(Sent {
        infno: "3505A".to_owned(),
        msgid: "G".to_owned(),
        request: "{}".to_owned(),
    });
    story.apply(&sent, 2_000);
    story.apply(&Event::Restarted, 3_000);
    assert_eq!(story.phase, Phase::InDoubt);
    let next = story.next(3_000, &rules(false));
    assert_eq!(
        next,
        Act::Record(Event::Stuck {
            code: Code::DispenseUnknown
        })
    );
}

#[test]
fn no_person_stands_in_the_readable_half_and_all_is_read_back() {
    let story = begun(What::HandOut, "");
    let accepted = Event::Accepted {
        request_id: "R-1".to_owned(),
        caller: "uid:1000".to_owned(),
        what: What::HandOut,
        of: String::new(),
        lines: vec![(1, count("2"))],
        order: story.order.as_deref().map(|order| Box::new(order.clone())),
    };
    for event in [
        accepted,
        rows(&[true, false]),
        refused(),
        lost(),
        not_sent(),
        Event::Resolved {
            by: "uid:0".to_owned(),
            ending: Ending::Refused,
            lines: Vec::new(),
            reason: "测试甲说的".to_owned(),
        },
    ] {
        let readable = serde_json::to_string(&event).unwrap();
        for secret in [sample::OUR_CERTNO, "测试甲", "不行", "因故"] {
            assert!(!readable.contains(secret), "{readable}");
            assert!(!format!("{event:?}").contains(secret));
        }
        let bare: Event = serde_json::from_str(&readable).unwrap();
        let sealed = Dispense::private(&event).unwrap();
        assert_eq!(Dispense::with_private(bare, &sealed).unwrap(), event);
    }
    assert!(!story.head().summary.contains(sample::OUR_CERTNO));
    // When the key is gone it is still known which rows were taken.
    let mut forgotten = begun(What::HandOut, "");
    let readable = serde_json::to_string(&rows(&[true, false])).unwrap();
    forgotten.apply(&serde_json::from_str(&readable).unwrap(), 2_000);
    let taken: Vec<bool> = forgotten.rows.iter().map(|row| row.is_taken).collect();
    assert_eq!(taken, [true, false]);
}

/// The rows of a journal out there: a line here is never changed, only added.
#[test]
fn each_event_stands_in_the_journal_like_this() {
    let check = |event: &Event, json: &str| {
        assert_eq!(serde_json::to_string(event).unwrap(), json);
    };
    check(
        &Event::Accepted {
            request_id: "R-1".to_owned(),
            caller: "uid:1000".to_owned(),
            what: What::TakeBack,
            of: "D-1".to_owned(),
            lines: vec![(2, count("1.5"))],
            order: None,
        },
        r#"{"event":"accepted","request_id":"R-1","caller":"uid:1000","what":"take_back","of":"D-1","lines":[[2,"1.5"]]}"#,
    );
    check(
        &rows(&[true]),
        r#"{"event":"answered","result":{"outcome":"done"},"sign_in_expired":false,"rows":[{"is_taken":true,"medins_prod_sel_no":"G1","message":""}]}"#,
    );
    check(&Event::Restarted, r#"{"event":"restarted"}"#);
    check(&Event::GivenUp, r#"{"event":"given_up"}"#);
    check(
        &Event::Stuck {
            code: Code::DispenseUnknown,
        },
        r#"{"event":"stuck","code":"E1034"}"#,
    );
    check(
        &Event::Resolved {
            by: "uid:0".to_owned(),
            ending: Ending::Recorded,
            lines: vec![1, 2],
            reason: "门户已核对".to_owned(),
        },
        r#"{"event":"resolved","by":"uid:0","ending":"recorded","lines":[1,2]}"#,
    );
}

#[test]
fn no_more_comes_back_than_went_out() {
    let mut out = begun(What::HandOut, "");
    out.apply(&rows(&[true, true]), 2_000);
    let wish = |line: u32, cnt: &str, codes: &[&str]| Returned {
        line,
        sel_retn_cnt: count(cnt),
        trace_codes: codes.iter().map(|code| (*code).to_owned()).collect(),
        memo: String::new(),
    };
    let back = |phase: &[Event]| {
        let mut story = begun(What::TakeBack, "D-1");
        phase.iter().for_each(|event| story.apply(event, 3_000));
        story
    };
    let all = [wish(1, "2", &[]), wish(2, "1.5", &[])];
    assert_eq!(take_back(&out, &[], &all, "lines").unwrap().rows.len(), 2);
    let part = take_back(&out, &[], &[wish(1, "1", &["8102"])], "lines").unwrap();
    assert_eq!(part.rows[0].trace_codes, ["8102"]);
    let codes = |before: &[Dispense]| -> Vec<Code> {
        let faults = take_back(&out, before, &all, "lines")
            .err()
            .unwrap_or_default();
        faults.into_iter().map(|fault| fault.code).collect()
    };
    let much = Code::TakenBackTooMuch;
    // What is on its way back, or in doubt, or stuck, counts as back; what was refused does not.
    for (before, expected) in [
        (back(&[]), vec![much, much]),
        (back(&[lost()]), vec![much, much]),
        (
            back(&[lost(), Event::Stuck { code: Code::Stuck }]),
            vec![much, much],
        ),
        (back(&[rows(&[true, false])]), vec![much]),
        (back(&[rows(&[false, false])]), vec![]),
        (back(&[refused()]), vec![]),
    ] {
        assert_eq!(codes(&[before]), expected);
    }
    // A package comes back once, in one request and over several.
    let mut first = begun(What::TakeBack, "D-1");
    first.lines = vec![(1, count("1"))];
    let mut order = (*first.order.clone().unwrap()).clone();
    order.goods.rows.truncate(1);
    order.goods.rows[0].trace_codes = vec!["8101".to_owned()];
    first.order = Some(order.into());
    first.apply(&rows(&[true]), 3_000);
    let packages = |before: &[Dispense], codes: &[&str]| {
        let cnt = codes.len().to_string();
        take_back(&out, before, &[wish(1, &cnt, codes)], "lines").is_ok()
    };
    assert!(packages(std::slice::from_ref(&first), &["8102"]));
    assert!(!packages(std::slice::from_ref(&first), &["8101"]));
    assert!(!packages(&[], &["8101", "8101"]));
    assert!(packages(&[], &["8101", "8102"]));
    let stuck = back(&[lost()]);
    assert!(
        take_back(&stuck, &[], &all, "lines").is_err(),
        "it is no hand-out"
    );
    assert!(
        take_back(&begun(What::HandOut, ""), &[], &all, "lines").is_err(),
        "it is not over"
    );
}

#[test]
fn what_an_insurance_paid_for_is_whole() {
    assert_eq!(check(&goods(), "goods"), Ok(()));
    let fields = |spoil: fn(&mut Goods)| -> Vec<String> {
        let mut spoilt = goods();
        spoil(&mut spoilt);
        let faults = check(&spoilt, "goods").err().unwrap_or_default();
        faults.into_iter().map(|fault| fault.field).collect()
    };
    assert_eq!(fields(|g| g.setl_id.clear()), ["goods.setl_id"]);
    assert_eq!(fields(|g| g.prescriber.no.clear()), ["goods.prescriber.no"]);
    assert_eq!(fields(|g| g.pharmacist.no.clear()), ["goods.pharmacist.no"]);
    assert_eq!(fields(|g| g.rows[1].rxno.clear()), ["goods.lines[1].rxno"]);
    let no_code = fields(|g| g.rows[0].med_list_codg.clear());
    assert_eq!(no_code, ["goods.lines[0].no_national_code"]);
    let twice = |g: &mut Goods| g.rows[1].trace_codes.push("8101".to_owned());
    assert_eq!(fields(twice), ["goods.lines[1].trace_codes"]);
    let free = fields(|g| {
        g.payer = Payer::Nobody;
        g.setl_id.clear();
        g.rows[0].rxno.clear();
        g.rows[0].med_list_codg.clear();
    });
    assert_eq!(free, Vec::<String>::new());
}

fn stuck(what: What, of: &str) -> Dispense {
    let mut story = begun(what, of);
    story.apply(&lost(), 2_000);
    story.apply(&Dispense::stuck(Code::DispenseUnknown), 2_000);
    story
}

/// States this of it and folds it, as it is read back from the journal.
fn state(story: &mut Dispense, ending: Ending, lines: &[u32]) -> Result<bool, Code> {
    let statement = Statement {
        ending,
        lines: lines.to_vec(),
    };
    let Some(event) = check_stated(story, "uid:0", &statement, "门户已核对")? else {
        return Ok(false);
    };
    let readable = serde_json::to_string(&event).unwrap();
    let sealed = Dispense::private(&event).unwrap();
    let bare = serde_json::from_str(&readable).unwrap();
    story.apply(&Dispense::with_private(bare, &sealed).unwrap(), 4_000);
    Ok(true)
}

#[test]
fn a_person_states_what_the_platform_recorded() {
    let mut story = stuck(What::HandOut, "");
    assert_eq!(state(&mut story, Ending::Recorded, &[2]), Ok(true));
    assert_eq!(story.phase, Phase::Ended(Ending::Recorded));
    assert!(!story.head().stuck && story.is_over());
    let taken: Vec<bool> = story.rows.iter().map(|row| row.is_taken).collect();
    assert_eq!(taken, [false, true]);
    let stated = story.resolved.clone().unwrap();
    assert_eq!(
        (stated.by.as_str(), stated.reason.as_str(), stated.at_ms),
        ("uid:0", "门户已核对", 4_000)
    );
    // Once: the same again changes nothing, another is refused.
    assert_eq!(state(&mut story, Ending::Recorded, &[2]), Ok(false));
    for (ending, lines) in [
        (Ending::Recorded, vec![]),
        (Ending::Recorded, vec![1]),
        (Ending::Refused, vec![]),
    ] {
        let again = state(&mut story, ending, &lines);
        assert_eq!(again, Err(Code::ResolvedOtherwise));
    }
    let mut whole = stuck(What::HandOut, "");
    assert_eq!(state(&mut whole, Ending::Recorded, &[]), Ok(true));
    assert_eq!(state(&mut whole, Ending::Recorded, &[2, 1]), Ok(false));
    let mut none = stuck(What::HandOut, "");
    for (ending, lines) in [(Ending::Refused, vec![1]), (Ending::Recorded, vec![3])] {
        let wrong = state(&mut none, ending, &lines);
        assert_eq!(wrong, Err(Code::ResolveContradicts));
    }
    assert_eq!(state(&mut none, Ending::Refused, &[]), Ok(true));
    assert_eq!(none.phase, Phase::Ended(Ending::Refused));
    for mut story in [
        begun(What::HandOut, ""),
        ended(&[refused()], &rules(false)).0,
    ] {
        let early = state(&mut story, Ending::Refused, &[]);
        assert_eq!(early, Err(Code::NotStuck));
    }
}

#[test]
fn what_is_stated_counts_against_what_went_out() {
    let wish = |line: u32, cnt: &str| Returned {
        line,
        sel_retn_cnt: count(cnt),
        trace_codes: Vec::new(),
        memo: String::new(),
    };
    // Of a hand-out: only rows that the platform has can come back.
    let mut out = stuck(What::HandOut, "");
    assert!(take_back(&out, &[], &[wish(2, "1.5")], "lines").is_err());
    state(&mut out, Ending::Recorded, &[2]).unwrap();
    assert!(take_back(&out, &[], &[wish(1, "2")], "lines").is_err());
    assert!(take_back(&out, &[], &[wish(2, "1.5")], "lines").is_ok());
    let mut nothing = stuck(What::HandOut, "");
    state(&mut nothing, Ending::Refused, &[]).unwrap();
    assert!(take_back(&nothing, &[], &[wish(2, "1.5")], "lines").is_err());
    // Of a take-back: what it did not bring back may come back yet, what it did may not.
    let back = |ending, lines: &[u32]| {
        let mut back = stuck(What::TakeBack, "D-1");
        state(&mut back, ending, lines).unwrap();
        [back]
    };
    let may = |before: &[Dispense]| take_back(&out, before, &[wish(2, "1.5")], "lines").is_ok();
    assert!(!may(&[stuck(What::TakeBack, "D-1")]));
    assert!(!may(&back(Ending::Recorded, &[])));
    assert!(may(&back(Ending::Recorded, &[1])));
    assert!(may(&back(Ending::Refused, &[])));
}

#[test]
fn nobody_is_shown() {
    let mut goods = goods();
    goods.prescriber.name = "测试乙".to_owned();
    goods.pharmacist.name = "测试丙".to_owned();
    goods.opter_name = "测试丁".to_owned();
    let order = Order {
        operator: sample::order().operator,
        asked: format!("{{\"certno\":\"{}\"}}", sample::OUR_CERTNO),
        goods: goods.clone(),
    };
    let row = RowResult {
        message: "测试甲".to_owned(),
        ..RowResult::default()
    };
    let mut dispense = Dispense::before("d-1");
    dispense.order = Some(std::sync::Arc::new(order.clone()));
    dispense.rows.push(row);
    let people = (&goods.prescriber, &goods.pharmacist);
    let shown = format!("{order:?} {goods:?} {dispense:?} {people:?}");
    for hidden in ["测试", sample::OUR_CERTNO, &order.operator.name] {
        assert!(!shown.contains(hidden), "{shown}");
    }
    assert!(shown.contains("LS1"), "{shown}");
}
