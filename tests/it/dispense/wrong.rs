//! What is refused before anything is sent, each with its field.

use yibaod::api::{DispensePayer, DispensedGoods, DispensedLine, HandOutRequest};

use super::{back, goods, hand_out, received, take_back};
use crate::desk::{Desk, Setup, refusal};

type Case = (&'static str, fn(&mut HandOutRequest));

fn of(request: &mut HandOutRequest) -> &mut DispensedGoods {
    request.goods.as_mut().expect("goods")
}

fn line(request: &mut HandOutRequest) -> &mut DispensedLine {
    &mut of(request).lines[0]
}

const CASES: [Case; 27] = [
    ("request_id", |r| r.request_id = "a b".to_owned()),
    ("operator.id", |r| r.operator = None),
    ("goods.payer", |r| of(r).payer = 0),
    ("goods.mdtrt_sn", |r| of(r).mdtrt_sn.clear()),
    ("goods.rtal_docno", |r| of(r).rtal_docno = "1".repeat(41)),
    ("goods.prescriber.name", |r| of(r).prescriber = None),
    ("goods.pharmacist.prac_cert_no", |r| of(r).pharmacist = None),
    ("goods.sel_retn_time", |r| {
        of(r).sel_retn_time = "today".to_owned()
    }),
    ("goods.lines", |r| of(r).lines.clear()),
    ("goods.lines[0].med_list_codg", |r| {
        line(r).med_list_codg.clear()
    }),
    ("goods.lines[0].med_list_codg", |r| {
        line(r).no_national_code = true
    }),
    ("goods.lines[0].drug_prod_barc", |r| {
        line(r).drug_prod_barc.clear()
    }),
    ("goods.lines[0].fixmedins_hilist_id", |r| {
        line(r).fixmedins_hilist_id.clear()
    }),
    ("goods.lines[0].fixmedins_hilist_name", |r| {
        line(r).fixmedins_hilist_name.clear()
    }),
    ("goods.lines[0].fixmedins_bchno", |r| {
        line(r).fixmedins_bchno.clear()
    }),
    ("goods.lines[0].manu_lotnum", |r| {
        line(r).manu_lotnum.clear()
    }),
    ("goods.lines[0].manu_date", |r| {
        line(r).manu_date = "2024-02-30".to_owned()
    }),
    ("goods.lines[0].expy_end", |r| {
        line(r).expy_end = "20271231".to_owned()
    }),
    ("goods.lines[0].finl_trns_pric", |r| {
        line(r).finl_trns_pric = "0".to_owned()
    }),
    ("goods.lines[0].sel_retn_cnt", |r| {
        line(r).sel_retn_cnt = "-1".to_owned()
    }),
    ("goods.lines[0].trace_codes", |r| {
        line(r).trace_codes.clear()
    }),
    ("goods.lines[0].trace_codes[0]", |r| {
        line(r).trace_codes[0] = "8".repeat(31)
    }),
    ("goods.lines[0].trace_codes", |r| {
        let first = line(r).trace_codes[0].clone();
        line(r).trace_codes.push(first);
    }),
    ("goods.setl_id", |r| {
        of(r).payer = DispensePayer::Local.into()
    }),
    ("goods.lines[1].no_national_code", |r| {
        of(r).payer = DispensePayer::Local.into()
    }),
    ("goods.insuplc_admdvs", |r| of(r).psn_no = "P1".to_owned()),
    ("goods.insuplc_admdvs", |r| {
        of(r).insuplc_admdvs = "4301".to_owned()
    }),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_hand_out_is_named() {
    let desk = Desk::start(Setup::default()).await;
    for (n, (field, spoil)) in CASES.into_iter().enumerate() {
        let mut request = goods(&format!("wrong-{n}"));
        spoil(&mut request);
        let told = refusal(&hand_out(&desk, request).await.expect_err(field));
        let fields: Vec<&str> = told.fields.split(',').collect();
        assert!(fields.contains(&field), "{field}: {told:?}");
    }
    assert_eq!(received(&desk, "3505A"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_take_back_is_named() {
    let desk = Desk::start(Setup::default()).await;
    hand_out(&desk, goods("out")).await.expect("it is taken");
    let first = super::FIRST;
    type Wrong<'a> = (&'a str, &'a [(u32, &'a str, &'a [&'a str])]);
    let wrong: [Wrong<'_>; 8] = [
        ("lines", &[]),
        ("lines[0].line", &[(0, "1", &[])]),
        ("lines[0].line", &[(3, "1", &[])]),
        ("lines[1].line", &[(2, "1", &[]), (2, "1", &[])]),
        ("lines[0].sel_retn_cnt", &[(1, "0", &[first])]),
        ("lines[0].sel_retn_cnt", &[(1, "2.0001", &[first])]),
        ("lines[0].trace_codes", &[(1, "1", &[])]),
        ("lines[0].trace_codes", &[(1, "1", &["8100"])]),
    ];
    for (n, (field, lines)) in wrong.into_iter().enumerate() {
        let request = back(&format!("wrong-{n}"), "out", lines);
        let told = refusal(&take_back(&desk, request).await.expect_err(field));
        let fields: Vec<&str> = told.fields.split(',').collect();
        assert!(fields.contains(&field), "{field}: {told:?}");
    }
    let stranger = back("stranger", "nothing", &[(1, "2", &[])]);
    let told = refusal(&take_back(&desk, stranger).await.expect_err("it is unknown"));
    assert_eq!(told.name, "NOT_FOUND");
    assert_eq!(received(&desk, "3506A"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_does_not_want_it_is_told_nothing() {
    let off = "[dispense]\nenabled = false\n".to_owned();
    let desk = Desk::start(Setup {
        profile_more: off,
        ..Setup::default()
    })
    .await;
    let told = refusal(&hand_out(&desk, goods("off")).await.expect_err("it is off"));
    assert_eq!(told.name, "DISPENSE_NOT_ENABLED");
    assert_eq!(received(&desk, "3505A"), 0);
}
