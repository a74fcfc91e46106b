//! Each way in which an order cannot be taken, with its code and the field that says so.

use crate::book::Code;
use crate::person::{IdNo, Name};
use crate::settlement::bill::{Bill, FEN_MAX, Fen, TraceCode};
use crate::settlement::checks::order::check as check_order;
use crate::settlement::order::{Order, OrderKind};
use crate::settlement::tests::sample;

/// The faults of the sample order with one thing changed, as `CODE field`.
#[track_caller]
fn check(change: impl FnOnce(&mut Order), expected: &[(Code, &str)]) {
    let mut order = sample::order();
    change(&mut order);
    let found = check_order(&order, false, &sample::rules());
    let found: Vec<(Code, String)> = match found {
        Ok(_) => Vec::new(),
        Err(faults) => faults.into_iter().map(|it| (it.code, it.field)).collect(),
    };
    let expected: Vec<(Code, String)> = expected
        .iter()
        .map(|(code, field)| (*code, (*field).to_owned()))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn a_right_order_gives_its_sum() {
    let mut order = sample::order();
    order
        .bills
        .push(sample::bill(vec![sample::line("0.5", "3", 150)]));
    let sum = check_order(&order, false, &sample::rules());
    assert_eq!(sum, Ok(Fen(10_150)));
}

#[test]
fn request_ids() {
    let longest = "a".repeat(64);
    for id in ["a", "Z9._-", longest.as_str()] {
        check(|order| order.request_id = id.to_owned(), &[]);
    }
    let too_long = "a".repeat(65);
    for id in ["", "a b", "a/b", "编号", "a\n", too_long.as_str()] {
        check(
            |order| order.request_id = id.to_owned(),
            &[(Code::RequestIdInvalid, "request_id")],
        );
    }
}

#[test]
fn a_bill_names_somebody_or_the_caller_may_bill_nobody() {
    let nobody = |order: &mut Order| {
        order.patient.certno = IdNo::default();
        order.patient.name = Name::default();
    };
    check(nobody, &[(Code::BillNamesNobody, "patient.certno")]);
    check(|order| order.patient.certno = IdNo::default(), &[]);
    check(|order| order.patient.name = Name::default(), &[]);
    let mut order = sample::order();
    nobody(&mut order);
    assert!(check_order(&order, true, &sample::rules()).is_ok());
}

#[test]
fn what_must_be_there() {
    check(
        |order| order.credentials.clear(),
        &[(Code::RequestInvalid, "credentials")],
    );
    check(
        |order| order.visit.diagnoses.clear(),
        &[(Code::RequestInvalid, "visit.diagnoses")],
    );
    check(|order| order.bills.clear(), &[(Code::EmptyBill, "bills")]);
    check(
        |order| order.bills[0].lines.clear(),
        &[(Code::EmptyBill, "bills[0].lines")],
    );
    check(
        |order| order.bills.push(sample::bill(Vec::new())),
        &[(Code::EmptyBill, "bills[1].lines")],
    );
    check(
        |order| order.bills[0].lines[0].med_list_codg.clear(),
        &[(Code::NationalCodeMissing, "bills[0].lines[0].med_list_codg")],
    );
    check(
        |order| order.bills[0].lines[0].medins_list_codg.clear(),
        &[(Code::RequestInvalid, "bills[0].lines[0].medins_list_codg")],
    );
}

#[test]
fn amounts_of_lines() {
    let line = |pric: &'static str, cnt: &'static str, fen: i64| {
        move |order: &mut Order| order.bills[0].lines[0] = sample::line(pric, cnt, fen)
    };
    const PRIC: &str = "bills[0].lines[0].pric";
    const CNT: &str = "bills[0].lines[0].cnt";
    const AMOUNT: &str = "bills[0].lines[0].amount_fen";
    check(line("0.005", "1", 1), &[]);
    check(line("0.0049", "1", 0), &[(Code::AmountNotPositive, AMOUNT)]);
    check(
        line("0", "1", 0),
        &[
            (Code::AmountNotPositive, PRIC),
            (Code::AmountNotPositive, AMOUNT),
        ],
    );
    check(
        line("1", "0", 0),
        &[
            (Code::AmountNotPositive, CNT),
            (Code::AmountNotPositive, AMOUNT),
        ],
    );
    check(
        line("-1", "1", -100),
        &[
            (Code::AmountNotPositive, PRIC),
            (Code::AmountNotPositive, AMOUNT),
        ],
    );
    check(
        line("-1", "-1", 100),
        &[
            (Code::AmountNotPositive, PRIC),
            (Code::AmountNotPositive, CNT),
        ],
    );
    for fen in [9_999, 10_001] {
        check(line("50", "2", fen), &[(Code::LineAmountMismatch, AMOUNT)]);
    }
    check(
        line("9999999999", "999999999999", 1),
        &[(Code::SumTooLarge, "bills[0].lines[0]")],
    );
}

#[test]
fn a_tolerance_is_kept_to_the_fen() {
    let mut rules = sample::rules();
    rules.line_tolerance = Fen(2);
    for (fen, holds) in [
        (9_997, false),
        (9_998, true),
        (10_002, true),
        (10_003, false),
    ] {
        let mut order = sample::order();
        order.bills[0].lines[0] = sample::line("50", "2", fen);
        assert_eq!(check_order(&order, false, &rules).is_ok(), holds, "{fen}");
    }
}

#[test]
fn a_sum_stays_within_the_field() {
    let half = sample::line("9999999999", "5000", 4_999_999_999_500_000);
    let over = |order: &mut Order| {
        order.bills[0].lines = vec![half.clone(), half.clone(), half.clone()];
    };
    check(over, &[(Code::SumTooLarge, "bills")]);
    let within = |order: &mut Order| order.bills[0].lines = vec![half.clone(), half.clone()];
    check(within, &[]);
    const { assert!(2 * 4_999_999_999_500_000 <= FEN_MAX) };
}

#[test]
fn bills_merge_or_the_groups_are_told() {
    let other = |bill: &Bill| Bill {
        bill_no: "B2".to_owned(),
        ..bill.clone()
    };
    check(|order| order.bills.push(other(&order.bills[0])), &[]);
    let mut order = sample::order();
    order.bills.push(other(&order.bills[0]));
    order.bills[1].dise_codg = "M03900".to_owned();
    let faults = check_order(&order, false, &sample::rules()).unwrap_err();
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].code, Code::BillsCannotMerge);
    assert!(faults[0].detail.contains("M03900"), "{}", faults[0].detail);
}

#[test]
fn a_bill_stands_once() {
    let twice = |order: &mut Order| {
        order.bills[0].bill_no = "B1".to_owned();
        order.bills.push(order.bills[0].clone());
    };
    check(twice, &[(Code::RequestInvalid, "bills[1].bill_no")]);
    check(|order| order.bills.push(order.bills[0].clone()), &[]);
}

#[test]
fn lines_have_single_numbers() {
    let lines = |count: usize| {
        move |order: &mut Order| order.bills[0].lines = vec![sample::line("50", "2", 10_000); count]
    };
    check(
        |order| {
            lines(3)(order);
            order.bills[0].lines[0].feedetl_sn = "1".to_owned();
            order.bills[0].lines[2].feedetl_sn = "1".to_owned();
        },
        &[(Code::RequestInvalid, "bills[].lines[].feedetl_sn")],
    );
}

#[test]
fn all_faults_are_told_at_once() {
    check(
        |order| {
            order.request_id.clear();
            order.credentials.clear();
            order.bills[0].lines[0].med_list_codg.clear();
        },
        &[
            (Code::RequestIdInvalid, "request_id"),
            (Code::RequestInvalid, "credentials"),
            (Code::NationalCodeMissing, "bills[0].lines[0].med_list_codg"),
        ],
    );
}

#[test]
fn no_fault_names_a_person() {
    let mut order = sample::order();
    order.bills.clear();
    let faults = format!("{:?}", check_order(&order, false, &sample::rules()));
    assert!(!faults.contains(sample::OUR_CERTNO) && !faults.contains("测试甲"));
}

#[test]
fn a_pharmacy_needs_no_diagnosis_and_sells_a_package_once() {
    let code = |text: &str, by_piece| TraceCode {
        drug_trac_codg: text.to_owned(),
        by_piece,
    };
    let with = |codes: Vec<TraceCode>| {
        move |order: &mut Order| {
            order.kind = OrderKind::Pharmacy;
            order.visit.diagnoses.clear();
            let mut second = sample::line("1", "1", 100);
            second.trace_codes = vec![code("8100", false)];
            order.bills[0].lines.push(second);
            order.bills[0].lines[0].trace_codes = codes;
        }
    };
    check(with(Vec::new()), &[]);
    check(with(vec![code("8101", false), code("8102", false)]), &[]);
    check(with(vec![code("8101", true), code("8101", true)]), &[]);
    check(with(vec![code("8100", true)]), &[]);
    const FIRST: &str = "bills[0].lines[0].trace_codes";
    const SECOND: &str = "bills[0].lines[1].trace_codes";
    let twice = vec![code("8101", false), code("8101", false)];
    check(with(twice), &[(Code::RequestInvalid, FIRST)]);
    check(
        with(vec![code("8100", false)]),
        &[(Code::RequestInvalid, SECOND)],
    );
    check(
        |order| order.bills[0].lines[0].trace_codes = vec![code("8101", false)],
        &[(Code::RequestInvalid, FIRST)],
    );
}
