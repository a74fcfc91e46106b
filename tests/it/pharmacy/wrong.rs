//! Sales that are refused before anything is scanned, each with its code and its field.

use yibaod::api::{Line, Money, ScanAndPayRequest, TraceCode};
use yibaod::book::Code;

use super::{pay, received, sale};
use crate::desk::{Desk, Setup, bill, refusal};
use crate::told::check_not_begun;

type Case = (Code, &'static str, fn(&mut ScanAndPayRequest));

fn line(request: &mut ScanAndPayRequest) -> &mut Line {
    &mut request.bills[0].lines[0]
}

fn code(text: &str) -> TraceCode {
    TraceCode {
        drug_trac_codg: text.to_owned(),
        by_piece: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_without_a_pharmacy_refuses_before_any_scan() {
    let setup = Setup {
        profile_more: "[transactions]\npharmacy = false\n".to_owned(),
        ..Setup::default()
    };
    let desk = Desk::start(setup).await;
    let status = desk.scan_and_pay(sale(&desk, "off")).await;
    let told = refusal(&status.expect_err("it is refused"));
    let name = Code::PharmacyNotEnabled.name();
    assert_eq!((told.name.as_str(), told.fields.as_str()), (name, "kind"));
    assert_eq!(received(&desk, "ec.query"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_sale_is_named() {
    const CODES: &str = "bills[0].lines[0].trace_codes";
    const FIRST: &str = "bills[0].lines[0].trace_codes[0].drug_trac_codg";
    let cases: [Case; 14] = [
        (Code::RequestInvalid, "visit.med_type", |r| {
            r.visit.as_mut().expect("a visit").med_type.clear();
        }),
        (Code::RequestInvalid, "visit.mdtrt_id", |r| {
            r.visit.as_mut().expect("a visit").mdtrt_id = "M1".to_owned();
        }),
        (Code::RequestInvalid, "visit.med_type", |r| r.visit = None),
        (Code::EmptyBill, "bills", |r| r.bills.clear()),
        (
            Code::LineAmountMismatch,
            "bills[0].lines[0].amount_fen",
            |r| {
                line(r).amount_fen += 1;
            },
        ),
        (
            Code::RequestInvalid,
            "bills[0].lines[0].hosp_appr_flag",
            |r| {
                line(r).hosp_appr_flag = "1".to_owned();
            },
        ),
        (
            Code::RequestInvalid,
            "bills[0].lines[0].bilg_dept_codg",
            |r| {
                line(r).bilg_dept_codg = "0301".to_owned();
            },
        ),
        (Code::RequestInvalid, "bills[0].lines[0].more.memo", |r| {
            line(r).more.insert("memo".to_owned(), "x".to_owned());
        }),
        (Code::UnknownField, "bills[0].lines[0].more.nothing", |r| {
            line(r).more.insert("nothing".to_owned(), "x".to_owned());
        }),
        (Code::RequestInvalid, CODES, |r| {
            line(r).trace_codes = vec![code("8101"), code("8101")];
        }),
        (Code::RequestInvalid, CODES, |r| {
            line(r).trace_codes = vec![code("8101"); 201];
        }),
        (Code::RequestInvalid, FIRST, |r| {
            line(r).trace_codes = vec![code("")];
        }),
        (Code::TextTooLong, FIRST, |r| {
            line(r).trace_codes = vec![code(&"8".repeat(101))];
        }),
        (Code::RequestInvalid, FIRST, |r| {
            line(r).trace_codes = vec![code("81\u{1b}01")];
        }),
    ];
    let desk = Desk::start(Setup::default()).await;
    for (n, (code, field, spoil)) in cases.into_iter().enumerate() {
        let mut request = sale(&desk, &format!("wrong-{n}"));
        spoil(&mut request);
        check_not_begun(&desk, request, code, field).await;
    }
    let mut outpatient = bill(&desk, "traced");
    line(&mut outpatient).trace_codes = vec![code("8101")];
    check_not_begun(&desk, outpatient, Code::RequestInvalid, CODES).await;
    assert_eq!(received(&desk, "ec.query"), 0);
    assert_eq!(pay(&desk, "right").await.money(), Money::Settled);
}
