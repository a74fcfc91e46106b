//! Bad bills: refused before anything begins, each with its code, its field, and what to do. And bills that
//! look odd but are right.

mod confirm;
mod family;
mod insurance;
mod once;
mod parts;
mod whom;

use yibaod::api::{Bill, Line, Money, PrintWish, ScanAndPayRequest};
use yibaod::book::Code;

use crate::desk::{Desk, Setup, Shows, bill};
use crate::told::{asked, check_not_begun};

/// What is done to a right bill, which code says so, and the field that is named.
type Case = (Code, &'static str, fn(&mut ScanAndPayRequest));

/// A name, what it comes to in fen, and what is done to a right bill.
type Odd = (&'static str, i64, fn(&mut ScanAndPayRequest));

/// The first line of the first bill.
fn line(request: &mut ScanAndPayRequest) -> &mut Line {
    &mut request.bills[0].lines[0]
}

/// Each case at the same desk, and a right bill still settles there.
async fn check_all(name: &str, setup: Setup, cases: &[Case]) {
    let desk = Desk::start(setup).await;
    for (n, (code, field, spoil)) in cases.iter().enumerate() {
        let mut request = bill(&desk, &format!("{name}-{n}"));
        spoil(&mut request);
        check_not_begun(&desk, request, *code, field).await;
    }
    assert_eq!(asked(&desk, "ec.query"), 0);
    let answer = desk
        .pay(quiet(bill(&desk, name)), &[Shows::fresh("employee")])
        .await;
    assert_eq!(answer.money(), Money::Settled, "{answer:?}");
}

/// Without paper.
pub(crate) fn quiet(mut request: ScanAndPayRequest) -> ScanAndPayRequest {
    request.print = PrintWish::No.into();
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_bill_is_refused() {
    let cases: [Case; 4] = [
        (Code::EmptyBill, "bills", |r| r.bills.clear()),
        (Code::EmptyBill, "bills[0].lines", |r| {
            r.bills[0].lines.clear()
        }),
        (Code::EmptyBill, "bills[1].lines", |r| {
            r.bills.push(Bill::default())
        }),
        (
            Code::NationalCodeMissing,
            "bills[0].lines[0].med_list_codg",
            |r| {
                line(r).med_list_codg.clear();
            },
        ),
    ];
    check_all("empty", Setup::default(), &cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_amounts_are_refused() {
    const AMOUNT: &str = "bills[0].lines[0].amount_fen";
    const PRICE: &str = "bills[0].lines[0].pric";
    const COUNT: &str = "bills[0].lines[0].cnt";
    let cases: [Case; 18] = [
        (Code::LineAmountMismatch, AMOUNT, |r| {
            line(r).amount_fen += 1
        }),
        (Code::LineAmountMismatch, AMOUNT, |r| {
            line(r).cnt = "1.005".to_owned()
        }),
        (Code::LineAmountMismatch, AMOUNT, |r| {
            line(r).pric = "1.009999".to_owned()
        }),
        (Code::AmountNotPositive, AMOUNT, |r| line(r).amount_fen = 0),
        (Code::AmountNotPositive, AMOUNT, |r| {
            line(r).amount_fen = -100
        }),
        (Code::AmountNotPositive, PRICE, |r| {
            line(r).pric = "0".to_owned()
        }),
        (Code::AmountNotPositive, PRICE, |r| {
            line(r).pric = "-1.00".to_owned()
        }),
        (Code::AmountNotPositive, COUNT, |r| {
            line(r).cnt = "0.0000".to_owned()
        }),
        (Code::AmountNotPositive, COUNT, |r| {
            line(r).cnt = "-1".to_owned()
        }),
        (Code::TooManyDecimals, PRICE, |r| {
            line(r).pric = "1.0000001".to_owned()
        }),
        (Code::TooManyDecimals, COUNT, |r| {
            line(r).cnt = "1.00001".to_owned()
        }),
        (Code::SumTooLarge, AMOUNT, |r| line(r).amount_fen = i64::MAX),
        (Code::SumTooLarge, PRICE, |r| {
            line(r).pric = "10000000000".to_owned()
        }),
        (Code::SumTooLarge, COUNT, |r| line(r).cnt = "9".repeat(40)),
        (Code::SumTooLarge, "bills[0].lines[0]", |r| {
            line(r).pric = "9999999999".to_owned();
            line(r).cnt = "999999999999".to_owned();
        }),
        // Each line fits num(16,2), their sum does not.
        (Code::SumTooLarge, "bills", |r| {
            let dear = Line {
                pric: "9999999999".to_owned(),
                cnt: "10000".to_owned(),
                amount_fen: 9_999_999_999_000_000,
                ..line(r).clone()
            };
            r.bills[0].lines = vec![dear.clone(), dear];
        }),
        (Code::RequestInvalid, PRICE, |r| {
            line(r).pric = "1e2".to_owned()
        }),
        (Code::RequestInvalid, COUNT, |r| {
            line(r).cnt = "１".to_owned()
        }),
    ];
    check_all("amounts", Setup::default(), &cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_and_missing_fields_are_refused() {
    let cases: [Case; 18] = [
        (Code::RequestInvalid, "kind", |r| r.kind = 0),
        (Code::RequestInvalid, "kind", |r| r.kind = 99),
        (Code::RequestInvalid, "print", |r| r.print = 99),
        (Code::RequestInvalid, "account_use", |r| r.account_use = -1),
        (Code::RequestInvalid, "credentials[0]", |r| {
            r.credentials = vec![0]
        }),
        (Code::RequestInvalid, "credentials[1]", |r| {
            r.credentials = vec![1, 7]
        }),
        (Code::RequestInvalid, "confirm[0]", |r| r.confirm = vec![9]),
        (Code::RequestInvalid, "operator.id", |r| r.operator = None),
        (Code::RequestInvalid, "operator.kind", |r| {
            r.operator.as_mut().expect("set").kind = 9
        }),
        (Code::RequestInvalid, "office.id", |r| r.office = None),
        (Code::RequestInvalid, "visit.med_type", |r| r.visit = None),
        (Code::RequestInvalid, "visit.diagnoses", |r| {
            r.visit.as_mut().expect("set").diagnoses.clear();
        }),
        (Code::RequestInvalid, "visit.begntime", |r| {
            r.visit.as_mut().expect("set").begntime = "2026-02-30 08:00:00".to_owned();
        }),
        (Code::RequestInvalid, "bills[0].lines[0].name", |r| {
            line(r).name = "  ".to_owned()
        }),
        (Code::RequestInvalid, "bills[0].lines[0].pric", |r| {
            line(r).pric.clear()
        }),
        (Code::UnknownField, "bills[0].lines[0].more.psn_no", |r| {
            line(r).more.insert("psn_no".to_owned(), "1".to_owned());
        }),
        (Code::UnknownField, "extension.?", |r| {
            r.extension.insert("药品 名".to_owned(), "1".to_owned());
        }),
        (Code::RequestInvalid, "scan_wait_ms", |r| {
            r.scan_wait_ms = u32::MAX
        }),
    ];
    check_all("fields", Setup::default(), &cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_too_long_or_unprintable_are_refused() {
    let cases: [Case; 7] = [
        (Code::TextTooLong, "patient.name", |r| {
            r.patient.as_mut().expect("set").name = "沈".repeat(51);
        }),
        (Code::TextTooLong, "patient.certno", |r| {
            r.patient.as_mut().expect("set").certno = "4".repeat(51);
        }),
        (Code::TextTooLong, "operator.id", |r| {
            r.operator.as_mut().expect("set").id = "0".repeat(21);
        }),
        (Code::TextTooLong, "visit.main_cond_dscr", |r| {
            r.visit.as_mut().expect("set").main_cond_dscr = "咳".repeat(1_001);
        }),
        (Code::TextTooLong, "bills[0].lines[0].med_list_codg", |r| {
            line(r).med_list_codg = "X".repeat(51);
        }),
        (Code::TextTooLong, "extension.memo", |r| {
            r.extension.insert("memo".to_owned(), "长".repeat(1_001));
        }),
        (Code::RequestInvalid, "office.name", |r| {
            r.office.as_mut().expect("set").name = "内\u{7}科".to_owned();
        }),
    ];
    check_all("texts", Setup::default(), &cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_request_id_is_refused() {
    let desk = Desk::start(Setup::default()).await;
    for bad in ["", "a b", "单据1", "a/b", "a\n", &"x".repeat(65)] {
        let request = bill(&desk, bad);
        check_not_begun(&desk, request, Code::RequestIdInvalid, "request_id").await;
    }
    let longest = format!("A.z_9-{}", "x".repeat(58));
    let answer = desk
        .pay(quiet(bill(&desk, &longest)), &[Shows::fresh("employee")])
        .await;
    assert_eq!(
        (answer.money(), answer.request_id),
        (Money::Settled, longest)
    );
}

/// The same again under a number of its own.
fn another(bill: &Bill, n: usize) -> Bill {
    Bill {
        bill_no: format!("{}-{n}", bill.bill_no),
        ..bill.clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_one_batch_is_refused() {
    let setup = Setup {
        profile_more: "[lines]\nlines_max = 12\n".to_owned(),
        ..Setup::default()
    };
    let cases: [Case; 6] = [
        (Code::BillsCannotMerge, "bills[].dise_codg", |r| {
            let other = Bill {
                dise_codg: "M03900".to_owned(),
                ..another(&r.bills[0], 1)
            };
            r.bills.push(other);
        }),
        // Ticked twice, it would be charged twice.
        (Code::RequestInvalid, "bills[1].bill_no", |r| {
            r.bills.push(r.bills[0].clone());
        }),
        (Code::TooManyLines, "bills", |r| {
            let more = vec![line(r).clone(); 7];
            r.bills[0].lines.extend(more);
        }),
        (Code::TooManyLines, "bills", |r| {
            let others = [another(&r.bills[0], 1), another(&r.bills[0], 2)];
            r.bills.extend(others);
        }),
        // Few lines, but more characters than one message holds.
        (Code::TooManyLines, "bills", |r| {
            line(r)
                .more
                .insert("exp_content".to_owned(), "长".repeat(4_000));
            let long = line(r).clone();
            r.bills[0].lines = vec![long; 11];
        }),
        (Code::RequestInvalid, "bills", |r| {
            for line in &mut r.bills[0].lines {
                line.feedetl_sn = "1".to_owned();
            }
        }),
    ];
    check_all("batch", setup, &cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_refusal_says_how_to_divide() {
    let setup = Setup {
        profile_more: "[lines]\nlines_max = 12\n".to_owned(),
        ..Setup::default()
    };
    let desk = Desk::start(setup).await;
    let mut groups = bill(&desk, "groups");
    groups.bills[0].dise_codg = "M01600".to_owned();
    groups.bills.push(Bill {
        dise_codg: "M03900".to_owned(),
        ..another(&groups.bills[0], 1)
    });
    let status = desk.scan_and_pay(groups).await.expect_err("two diseases");
    assert!(
        ["M01600", "M03900"]
            .iter()
            .all(|code| status.message().contains(code)),
        "{status}"
    );

    let mut many = bill(&desk, "many");
    let others = [another(&many.bills[0], 1), another(&many.bills[0], 2)];
    many.bills.extend(others);
    let status = desk.scan_and_pay(many).await.expect_err("too many lines");
    assert!(
        status.message().contains("12"),
        "the number that fits: {status}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_bills_that_are_right_settle() {
    let desk = Desk::start(Setup::default()).await;
    let cases: [Odd; 4] = [
        // Rounded half up, once a line.
        ("rounded", 1_000, |r| {
            *line(r) = Line {
                pric: "3.333333".into(),
                cnt: "3".into(),
                amount_fen: 1_000,
                ..line(r).clone()
            };
            r.bills[0].lines.truncate(1);
        }),
        ("half-a-fen", 1, |r| {
            *line(r) = Line {
                pric: "0.01".into(),
                cnt: "0.5".into(),
                amount_fen: 1,
                ..line(r).clone()
            };
            r.bills[0].lines.truncate(1);
        }),
        ("zeros-behind", 100, |r| {
            *line(r) = Line {
                pric: " 1.00000000 ".into(),
                cnt: "1.0000000".into(),
                ..line(r).clone()
            };
            r.bills[0].lines.truncate(1);
        }),
        ("two-bills-one-batch", 38_040, |r| {
            let other = another(&r.bills[0], 1);
            r.bills.push(other);
        }),
    ];
    for (name, total, change) in cases {
        let mut request = quiet(bill(&desk, name));
        change(&mut request);
        let answer = desk.pay(request, &[Shows::fresh("employee")]).await;
        assert_eq!(answer.money(), Money::Settled, "{name}: {answer:?}");
        let amounts = answer.amounts.expect("what settled has amounts");
        assert_eq!(amounts.medfee_sumamt_fen, total, "{name}");
    }
    let batches = desk.platform.ledger(|ledger| ledger.settlements().len());
    assert_eq!(
        (batches, asked(&desk, "2207")),
        (4, 4),
        "one batch, one settling call each"
    );
}
