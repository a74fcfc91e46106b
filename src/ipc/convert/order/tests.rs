//! Requests that are whole, lack something, or say something that cannot be. They know nothing of what follows.

use super::*;

#[test]
fn a_whole_request_becomes_an_order() {
    let order = order(request()).unwrap();
    assert_eq!(order.request_id, "HIS-2024.0001");
    assert_eq!(order.kind, OrderKind::Outpatient);
    assert_eq!(order.operator.kind, OperatorKind::Staff);
    assert_eq!(order.patient.certno.expose(), "110101190001011009");
    assert_eq!(order.visit.diagnoses[0].diag_type, "1");
    let line = &order.bills[0].lines[0];
    assert_eq!(
        (line.pric.to_string(), line.cnt.to_string()),
        ("12.5".into(), "2".into())
    );
    assert_eq!(line.det_item_fee_sumamt.0, 2_500);
    assert_eq!(
        (line.rx_circ_flag.as_str(), line.hosp_appr_flag.as_str()),
        ("0", "0")
    );
    assert_eq!(line.more["memo"], "饭后");
    assert_eq!(order.extension["OTP_ER_REFL_FLAG"], "0");
    assert!(order.confirm_amounts && !order.confirm_person && order.fresh_code);
    assert_eq!(order.scan_wait_ms, 30_000);
}

#[test]
fn what_is_left_out_has_its_default() {
    let order = order(request()).unwrap();
    assert_eq!(order.account_use, AccountUse::Own);
    assert_eq!(order.credentials, [CredentialKind::EVoucher]);
    assert_eq!(order.print, PrintWish::Receipt);
}

/// A required field, the code that its absence has, and how to empty it.
type Required = (&'static str, Code, fn(&mut wire::ScanAndPayRequest));

/// Every required field.
const REQUIRED: [Required; 24] = [
    ("request_id", Code::RequestIdInvalid, |r| {
        r.request_id.clear()
    }),
    ("kind", Code::RequestInvalid, |r| r.kind = 0),
    ("operator.id", Code::RequestInvalid, |r| {
        operator_of(r).id.clear()
    }),
    ("operator.name", Code::RequestInvalid, |r| {
        operator_of(r).name.clear()
    }),
    ("operator.kind", Code::RequestInvalid, |r| {
        operator_of(r).kind = 0
    }),
    ("office.id", Code::RequestInvalid, |r| {
        r.office.as_mut().unwrap().id.clear()
    }),
    ("office.name", Code::RequestInvalid, |r| {
        r.office.as_mut().unwrap().name.clear()
    }),
    ("visit.med_type", Code::RequestInvalid, |r| {
        visit_of(r).med_type.clear()
    }),
    ("visit.dept_code", Code::RequestInvalid, |r| {
        visit_of(r).dept_code.clear()
    }),
    ("visit.dept_name", Code::RequestInvalid, |r| {
        visit_of(r).dept_name.clear()
    }),
    ("visit.caty", Code::RequestInvalid, |r| {
        visit_of(r).caty.clear()
    }),
    ("visit.atddr_no", Code::RequestInvalid, |r| {
        visit_of(r).atddr_no.clear()
    }),
    ("visit.dr_name", Code::RequestInvalid, |r| {
        visit_of(r).dr_name.clear()
    }),
    ("visit.diagnoses", Code::RequestInvalid, |r| {
        visit_of(r).diagnoses.clear()
    }),
    ("visit.diagnoses[0].diag_code", Code::RequestInvalid, |r| {
        visit_of(r).diagnoses[0].diag_code.clear();
    }),
    ("visit.diagnoses[0].diag_name", Code::RequestInvalid, |r| {
        visit_of(r).diagnoses[0].diag_name.clear();
    }),
    ("bills", Code::EmptyBill, |r| r.bills.clear()),
    ("bills[0].lines", Code::EmptyBill, |r| {
        r.bills[0].lines.clear()
    }),
    ("bills[0].lines[0].name", Code::RequestInvalid, |r| {
        line_of(r).name.clear()
    }),
    (
        "bills[0].lines[0].med_list_codg",
        Code::NationalCodeMissing,
        |r| {
            line_of(r).med_list_codg.clear();
        },
    ),
    (
        "bills[0].lines[0].medins_list_codg",
        Code::RequestInvalid,
        |r| {
            line_of(r).medins_list_codg.clear();
        },
    ),
    ("bills[0].lines[0].pric", Code::RequestInvalid, |r| {
        line_of(r).pric.clear()
    }),
    ("bills[0].lines[0].cnt", Code::RequestInvalid, |r| {
        line_of(r).cnt.clear()
    }),
    (
        "bills[0].lines[0].amount_fen",
        Code::AmountNotPositive,
        |r| line_of(r).amount_fen = 0,
    ),
];

#[test]
fn every_required_field_is_named_when_it_is_missing() {
    for (field, code, empty) in REQUIRED {
        let mut request = request();
        empty(&mut request);
        let failure = order(request).unwrap_err();
        assert_eq!(
            (failure.code, failure.fields.as_slice()),
            (code, [field.to_owned()].as_slice())
        );
        assert!(
            failure.detail.starts_with(&format!("{field}: ")),
            "{}",
            failure.detail
        );
    }
}

#[test]
fn an_empty_request_names_all_that_it_lacks() {
    let failure = order(wire::ScanAndPayRequest::default()).unwrap_err();
    assert_eq!(failure.code, Code::RequestIdInvalid);
    for field in [
        "kind",
        "operator.kind",
        "office.name",
        "visit.caty",
        "bills",
    ] {
        assert!(
            failure.fields.iter().any(|f| f == field),
            "{field} in {:?}",
            failure.fields
        );
    }
}

#[test]
fn what_is_wrong_gets_its_own_code() {
    type Spoil = fn(&mut wire::ScanAndPayRequest);
    let cases: [(&str, Code, Spoil); 20] = [
        ("request_id", Code::RequestIdInvalid, |r| {
            r.request_id = "挂号1".into()
        }),
        ("request_id", Code::RequestIdInvalid, |r| {
            r.request_id = "x".repeat(65)
        }),
        ("kind", Code::RequestInvalid, |r| r.kind = 77),
        ("print", Code::RequestInvalid, |r| r.print = -1),
        ("confirm[1]", Code::RequestInvalid, |r| {
            r.confirm = vec![1, 0]
        }),
        ("credentials[0]", Code::RequestInvalid, |r| {
            r.credentials = vec![9]
        }),
        ("scan_wait_ms", Code::RequestInvalid, |r| {
            r.scan_wait_ms = 600_001
        }),
        ("operator.id", Code::TextTooLong, |r| {
            operator_of(r).id = "9".repeat(21)
        }),
        ("patient.name", Code::TextTooLong, |r| {
            r.patient.as_mut().unwrap().name = "某".repeat(51);
        }),
        ("visit.dept_name", Code::RequestInvalid, |r| {
            visit_of(r).dept_name = "内\u{1b}@科".into()
        }),
        ("visit.begntime", Code::RequestInvalid, |r| {
            visit_of(r).begntime = "2024-13-01".into()
        }),
        ("visit.diagnoses[0].diag_type", Code::RequestInvalid, |r| {
            visit_of(r).diagnoses[0].diag_type = "9".into();
        }),
        ("bills[0].lines[0].pric", Code::TooManyDecimals, |r| {
            line_of(r).pric = "0.1234567".into()
        }),
        ("bills[0].lines[0].cnt", Code::RequestInvalid, |r| {
            line_of(r).cnt = "1e3".into()
        }),
        ("bills[0].lines[0].cnt", Code::AmountNotPositive, |r| {
            line_of(r).cnt = "-1".into()
        }),
        ("bills[0].lines[0].pric", Code::SumTooLarge, |r| {
            line_of(r).pric = "99999999999".into()
        }),
        ("bills[0].lines[0].amount_fen", Code::SumTooLarge, |r| {
            line_of(r).amount_fen = i64::MAX
        }),
        ("bills[0].lines[0].feedetl_sn", Code::RequestInvalid, |r| {
            line_of(r).feedetl_sn = "A1".into();
        }),
        ("bills[0].lines[0].more.colour", Code::UnknownField, |r| {
            line_of(r).more.insert("colour".into(), "red".into());
        }),
        ("bills[0].lines[0].more.?", Code::UnknownField, |r| {
            line_of(r).more.insert("张 某".into(), "x".into());
        }),
    ];
    for (field, code, spoil) in cases {
        let mut request = request();
        spoil(&mut request);
        let failure = order(request).unwrap_err();
        assert_eq!(
            (failure.code, failure.fields.as_slice()),
            (code, [field.to_owned()].as_slice())
        );
    }
}

#[test]
fn serial_numbers_are_given_for_all_lines_or_none() {
    let given = |numbers: [&str; 2]| {
        let mut request = request();
        let second = request.bills[0].lines[0].clone();
        request.bills[0].lines.push(second);
        for (line, number) in request.bills[0].lines.iter_mut().zip(numbers) {
            line.feedetl_sn = number.into();
        }
        order(request)
    };
    assert!(given(["", ""]).is_ok());
    assert!(given(["1", "2"]).is_ok());
    assert_eq!(given(["1", ""]).unwrap_err().fields, ["bills"]);
    assert_eq!(given(["1", "1"]).unwrap_err().fields, ["bills"]);
}

#[test]
fn blanks_of_fixed_width_columns_are_taken_off_and_limits_hold() {
    let mut padded = request();
    visit_of(&mut padded).dept_code = "0301      ".into();
    line_of(&mut padded).pric = " 12.50 ".into();
    assert_eq!(order(padded).unwrap(), order(request()).unwrap());

    let mut many = request();
    many.bills = vec![many.bills[0].clone(); BILLS_MAX + 1];
    assert_eq!(order(many).unwrap_err().fields, ["bills"]);
    let mut many = request();
    many.bills[0].lines = vec![many.bills[0].lines[0].clone(); LINES_MAX + 1];
    assert_eq!(order(many).unwrap_err().code, Code::TooManyLines);
    let mut bad = request();
    line_of(&mut bad).name.clear();
    bad.bills[0].lines = vec![bad.bills[0].lines[0].clone(); LINES_MAX];
    let failure = order(bad).unwrap_err();
    assert_eq!(failure.fields.len(), 20);
    assert!(
        failure.detail.ends_with("and 980 more"),
        "{}",
        failure.detail
    );
}

#[test]
fn a_failure_holds_no_value_of_a_person() {
    let mut request = request();
    request.patient.as_mut().unwrap().certno = "110101190001011009".repeat(4);
    request.patient.as_mut().unwrap().name = "某\u{7}甲".into();
    let failure = order(request).unwrap_err();
    assert_eq!(failure.fields, ["patient.certno", "patient.name"]);
    assert!(!failure.detail.contains("1101") && !failure.detail.contains('某'));
}

fn operator_of(request: &mut wire::ScanAndPayRequest) -> &mut wire::Operator {
    request.operator.as_mut().unwrap()
}

fn visit_of(request: &mut wire::ScanAndPayRequest) -> &mut wire::Visit {
    request.visit.as_mut().unwrap()
}

fn line_of(request: &mut wire::ScanAndPayRequest) -> &mut wire::Line {
    &mut request.bills[0].lines[0]
}

/// A request as a HIS would send it. The person is invented.
pub(crate) fn request() -> wire::ScanAndPayRequest {
    let diagnosis = wire::Diagnosis {
        diag_code: "J06.900".into(),
        diag_name: "急性上呼吸道感染".into(),
        ..Default::default()
    };
    let visit = wire::Visit {
        med_type: "11".into(),
        dept_code: "0301".into(),
        dept_name: "内科".into(),
        caty: "A03".into(),
        atddr_no: "D430100000001".into(),
        dr_name: "医某".into(),
        diagnoses: vec![diagnosis],
        ..Default::default()
    };
    let line = wire::Line {
        name: "阿莫西林胶囊".into(),
        med_list_codg: "XJ01CAA040E001010100001".into(),
        medins_list_codg: "H0001".into(),
        pric: "12.5".into(),
        cnt: "2".into(),
        amount_fen: 2_500,
        more: [("memo".to_owned(), "饭后".to_owned())].into(),
        ..Default::default()
    };
    wire::ScanAndPayRequest {
        request_id: "HIS-2024.0001".into(),
        kind: wire::OrderKind::Outpatient.into(),
        operator: Some(wire::Operator {
            id: "0001".into(),
            name: "收费员".into(),
            kind: wire::OperatorKind::Staff.into(),
        }),
        office: Some(wire::Office {
            id: "0301".into(),
            name: "内科".into(),
        }),
        patient: Some(wire::Patient {
            certno: "110101190001011009".into(),
            name: "某甲".into(),
            his_id: "P1".into(),
        }),
        visit: Some(visit),
        bills: vec![wire::Bill {
            bill_no: "B1".into(),
            lines: vec![line],
            ..Default::default()
        }],
        confirm: vec![wire::ConfirmPoint::Amounts.into()],
        fresh_code: true,
        scan_wait_ms: 30_000,
        extension: [("OTP_ER_REFL_FLAG".to_owned(), "0".to_owned())].into(),
        ..Default::default()
    }
}
