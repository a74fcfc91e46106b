//! 2101, 2102 and 2103: their messages byte for byte, what they answer, what the site takes.

use super::answers::{SETLINFO, code, no, yes};
use super::fixtures::{Case, MSGID, desk, profile, stamp};
use crate::book::Code;
use crate::config::Profile;
use crate::platform::wire::answer::{self, Body};
use crate::platform::wire::{LineFault, check_lines, request};
use crate::settlement::bill::{Fen, TraceCode};
use crate::settlement::call::{Enquiry, Found, Outcome, Step};
use crate::settlement::order::OrderKind;

/// The fixture as a pharmacy's sale.
fn sale() -> Case {
    let mut case = Case::new();
    case.order.kind = OrderKind::Pharmacy;
    case.order.visit.med_type = "41".to_owned();
    case.order.visit.diagnoses.clear();
    let lines = &mut case.order.bills[0].lines;
    for line in lines.iter_mut() {
        line.hosp_appr_flag.clear();
        line.more.clear();
    }
    let drug = &mut lines[0];
    (drug.rxno, drug.rx_circ_flag) = ("RX1".to_owned(), "1".to_owned());
    for (key, value) in [
        ("sin_dos_dscr", "500mg"),
        ("prd_days", "3"),
        ("exp_content", "x"),
    ] {
        drug.more.insert(key.to_owned(), value.to_owned());
    }
    let code = |text: &str, by_piece| TraceCode {
        drug_trac_codg: text.to_owned(),
        by_piece,
    };
    drug.trace_codes = vec![
        code("81000010000000000101", false),
        code("81000010000000000102", true),
    ];
    case.known.settle_infno = Some("2102".to_owned());
    case
}

fn written(profile: &Profile, case: &Case, step: Step) -> request::Message {
    match request::build(&desk(profile, "SIGN1"), &case.call(step), &stamp()) {
        Ok(message) => message,
        Err(outcome) => panic!("{step:?}: {outcome:?}"),
    }
}

#[test]
fn every_message_is_the_golden_one() {
    let (profile, case) = (profile(|_| ()), sale());
    for (step, golden) in [
        (Step::PreSettle, include_str!("golden/2101.json")),
        (Step::Settle, include_str!("golden/2102.json")),
        (Step::UndoSettle, include_str!("golden/2103.json")),
    ] {
        let golden: String = golden.lines().map(str::trim).collect();
        assert_eq!(written(&profile, &case, step).body.as_str(), golden);
    }
    let reversal = written(&profile, &case, Step::Reverse);
    assert!(reversal.body.contains(r#""oinfno":"2102""#));
    let voucher = written(&profile, &case, Step::Decode).wire_body.unwrap();
    assert!(voucher.contains(r#""businessType":"02121""#));
}

#[test]
fn a_site_spells_and_asks_as_its_profile_says() {
    let site = profile(|p| {
        p.transactions.trace_node = "drug_trac_info".to_owned();
        p.envelope.identity_fields = true;
        p.envelope.extension_field = "expContent".to_owned();
    });
    let message = written(&site, &sale(), Step::Settle).body;
    assert!(message.contains(r#""drug_trac_info":[{"feedetl_sn":"1001""#));
    assert!(message.contains(r#""certno":"110101190001011009","psn_type":"11""#));
    assert!(message.contains("expContent") && !message.contains("exp_content"));
}

#[test]
fn a_lost_2102_is_asked_for_by_person_only_where_the_site_can() {
    let mut case = sale();
    (case.known.settled, case.known.mdtrt_id) = (None, None);
    let build = |profile: &Profile, case: &Case| {
        request::build(
            &desk(profile, ""),
            &case.call(Step::FindSettlement),
            &stamp(),
        )
    };
    let unclear = Outcome::Done {
        found: Some(Found::Enquiry(Enquiry::Unclear)),
    };
    // That an outpatient visit can be asked about says nothing of a sale.
    let cannot = profile(|p| p.enquiry.without_setl_id = true);
    assert_eq!(build(&cannot, &case).err(), Some(Box::new(unclear)));
    let can = profile(|p| p.enquiry.pharmacy_by_person = true);
    let body = build(&can, &case).ok().unwrap().body;
    assert!(body.contains(r#""setl_id":"","mdtrt_id":"""#), "{}", *body);
    // Once it is settled its numbers are known, and any site can be asked.
    let body = build(&cannot, &sale()).ok().unwrap().body;
    assert!(body.contains(r#""setl_id":"S1","mdtrt_id":"M1""#));
}

/// Rows of others of a visit may mean that nothing is there; rows of others of a person never do.
#[test]
fn other_rows_of_a_person_say_nothing_of_a_lost_2102() {
    let site = profile(|p| {
        p.enquiry.pharmacy_by_person = true;
        p.enquiry.other_rows = crate::config::profile::Reading::Nothing;
    });
    let mut case = sale();
    (case.known.settled, case.known.mdtrt_id) = (None, None);
    let message = written(&site, &case, Step::FindSettlement);
    let text = yes(&format!(r#"{{"setlinfo":{SETLINFO}}}"#));
    let text = text.replace(r#""medins_setl_id":""#, r#""medins_setl_id":"X"#);
    let body = Body {
        status: 200,
        text: &text,
    };
    let outcome = answer::read(&site, Step::FindSettlement, &message.expect, &body).0;
    let unclear = Outcome::Done {
        found: Some(Found::Enquiry(Enquiry::Unclear)),
    };
    assert_eq!(outcome, unclear);
}

fn read(step: Step, text: &str) -> Outcome {
    let profile = profile(|_| ());
    let mut case = sale();
    if step == Step::Settle {
        case.known.mdtrt_id = None;
    }
    let message = written(&profile, &case, step);
    let body = Body { status: 200, text };
    answer::read(&profile, step, &message.expect, &body).0
}

const CUT: &str = r#"[{"feedetl_sn":"1001","det_item_fee_sumamt":9.04,"preselfpay_amt":"0.45",
    "inscp_scp_amt":8.59,"chrgitm_lv":"02"},{"feedetl_sn":"1002","det_item_fee_sumamt":"10.00",
    "inscp_scp_amt":10,"chrgitm_lv":"01","memo":null}]"#;

#[test]
fn the_preview_has_the_split_of_the_lines_sent() {
    let output = |cut: &str| yes(&format!(r#"{{"setlinfo":{SETLINFO},"detlcutinfo":{cut}}}"#));
    let Outcome::Done {
        found: Some(Found::DrugPreview { amounts, lines }),
    } = read(Step::PreSettle, &output(CUT))
    else {
        panic!("no preview");
    };
    assert_eq!(amounts.medfee_sumamt, Fen(1904));
    assert_eq!((lines.len(), lines[0].inscp_scp_amt), (2, Fen(859)));
    for none in ["null", "[]", "\"\""] {
        assert_eq!(
            code(&read(Step::PreSettle, &output(none))).0,
            "done",
            "{none}"
        );
    }
    for other in [CUT.replace("1002", "1003"), CUT.replace("1002", "1001")] {
        let unreadable = ("unknown", Some(Code::PlatformUnreadable));
        assert_eq!(code(&read(Step::PreSettle, &output(&other))), unreadable);
    }
}

#[test]
fn what_2102_charged_counts_whatever_it_says_of_the_lines() {
    for cut in ["null", "[]", CUT, "\"nonsense\"", "7"] {
        let text = yes(&format!(r#"{{"setlinfo":{SETLINFO},"detlcutinfo":{cut}}}"#));
        let Outcome::Done {
            found: Some(Found::Settled(settled)),
        } = read(Step::Settle, &text)
        else {
            panic!("not settled: {cut}");
        };
        assert_eq!(
            (settled.setl_id.as_str(), settled.mdtrt_id.as_str()),
            ("S1", "M1")
        );
    }
    let stranger = SETLINFO.replace(MSGID, "H43010099901202601020304050999");
    let text = yes(&format!(r#"{{"setlinfo":{stranger}}}"#));
    assert_eq!(code(&read(Step::Settle, &text)).0, "unknown");
}

#[test]
fn a_no_counts_by_the_texts_of_its_own_number() {
    let unknown = ("unknown", Some(Code::SettleUnknown));
    let text = no("未建立个人账户共济关系");
    let refused = ("refused", Some(Code::SettleRefused));
    assert_eq!(code(&read(Step::Settle, &text)), refused);
    assert_eq!(code(&read(Step::UndoSettle, &text)), unknown);
    // A text of 2207 that 2102 does not list.
    assert_eq!(
        code(&read(Step::Settle, &no("未上传门诊就诊信息"))),
        unknown
    );
    let gone = read(Step::UndoSettle, &no("结算信息不存在"));
    assert_eq!(code(&gone), ("refused", Some(Code::UndoFailed)));
    let before = read(Step::UndoSettle, &no("该结算已退费，不允许重复退费"));
    assert_eq!(code(&before).0, "done");
}

#[test]
fn what_has_no_place_in_a_sale_is_refused_before_anything_is_sent() {
    let site = profile(|_| ());
    assert_eq!(check_lines(&site, &sale().order), Ok(()));
    let off = profile(|p| p.transactions.pharmacy = false);
    let fault = check_lines(&off, &sale().order).unwrap_err();
    assert_eq!(
        (fault.code(), fault.field()),
        (Code::PharmacyNotEnabled, "kind")
    );
    assert_eq!(check_lines(&off, &Case::new().order), Ok(()));
    type Spoil = fn(&mut crate::settlement::bill::Line);
    let spoilt: [(&str, Spoil); 5] = [
        ("more.memo", |l| {
            drop(l.more.insert("memo".into(), "x".into()))
        }),
        ("hosp_appr_flag", |l| l.hosp_appr_flag = "1".into()),
        ("bilg_dept_codg", |l| l.bilg_dept_codg = "0301".into()),
        ("bilg_dept_name", |l| l.bilg_dept_name = "内科".into()),
        ("more.prd_days", |l| {
            drop(l.more.insert("prd_days".into(), "x".into()))
        }),
    ];
    for (field, spoil) in spoilt {
        let mut case = sale();
        spoil(&mut case.order.bills[0].lines[1]);
        let fault = check_lines(&site, &case.order).unwrap_err();
        assert_eq!(fault.code(), Code::RequestInvalid, "{field}");
        assert_eq!(fault.field(), format!("bills[0].lines[1].{field}"));
    }
    let mut many = sale();
    let line = many.order.bills[0].lines[0].clone();
    many.order.bills[0].lines = vec![line; 100];
    let Err(LineFault::TooMany { given: 100, fit }) = check_lines(&site, &many.order) else {
        panic!("they fit");
    };
    many.order.bills[0].lines.truncate(fit);
    many.known.ids.feedetl_sn = (0..fit).map(|n| format!("{n:030}")).collect();
    // What fits by the count fits on the wire, with its trace codes.
    let message = written(&site, &many, Step::Settle);
    assert!(message.body.chars().count() < 40_000 + 1_000);
}
