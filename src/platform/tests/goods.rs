//! 3505A, 3506A and 2208 outside of a scan-and-pay: what a no to them means, and which system is asked.

use super::answers::{code, no};
use super::fixtures::{Case, desk, profile, stamp};
use crate::book::Code;
use crate::config::Profile;
use crate::person::{IdNo, Name};
use crate::platform::wire::answer::Body;
use crate::platform::wire::errand;
use crate::settlement::errand::{Ask, Errand, Numbers};
use crate::settlement::handout::{Goods, Payer, Pharmacist, Prescriber, Row};

fn goods() -> Goods {
    Goods {
        payer: Payer::Nobody,
        setl_id: String::new(),
        mdtrt_sn: "M1".to_owned(),
        psn_no: String::new(),
        insuplc_admdvs: String::new(),
        insutype: String::new(),
        psn_cert_type: String::new(),
        certno: IdNo::new(String::new()),
        psn_name: Name::new(String::new()),
        prescriber: Prescriber::default(),
        pharmacist: Pharmacist::default(),
        rtal_docno: "LS1".to_owned(),
        stoout_no: String::new(),
        sel_retn_time: "2026-01-02 03:04:05".to_owned(),
        opter_name: "药房".to_owned(),
        rows: vec![Row {
            med_list_codg: "XJ01".to_owned(),
            fixmedins_hilist_id: "M1".to_owned(),
            fixmedins_hilist_name: "药".to_owned(),
            fixmedins_bchno: "B1".to_owned(),
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
            sel_retn_cnt: "1".parse().unwrap(),
            memo: String::new(),
            trace_codes: vec!["8101".to_owned()],
        }],
    }
}

pub(super) fn asked(insutype: &str) -> [Ask; 4] {
    let mut goods = goods();
    goods.insutype = insutype.to_owned();
    let numbers = Numbers {
        psn_no: "P1".to_owned(),
        mdtrt_id: "M1".to_owned(),
        setl_id: "S1".to_owned(),
        insutype: insutype.to_owned(),
        ..Numbers::default()
    };
    [
        Ask::HandOut(Box::new(goods.clone())),
        Ask::TakeBack(Box::new(goods)),
        Ask::Refund(numbers.clone()),
        Ask::Enquiry(numbers),
    ]
}

pub(super) fn errand(ask: Ask) -> Errand {
    Errand {
        operator: Case::new().order.operator,
        insuplc_admdvs: String::new(),
        ask,
    }
}

fn said(profile: &Profile, ask: &Ask, text: &str) -> ((&'static str, Option<Code>), bool) {
    let message = errand::build(&desk(profile, ""), &errand(ask.clone()), &stamp());
    let expect = message.unwrap().expect;
    let body = Body { status: 200, text };
    let (outcome, again) = errand::read(profile, ask, &expect, &body);
    (code(&outcome), again)
}

#[test]
fn a_no_to_goods_counts_by_a_known_text_only() {
    let site = profile(|_| ());
    let bare = profile(|p| {
        p.answers.refusals.remove("3505A");
        p.answers.refusals.remove("3506A");
    });
    let [out, back, ..] = asked("");
    for ask in [out, back] {
        let refused = ("refused", Some(Code::PlatformRefused));
        let in_doubt = ("unknown", Some(Code::DispenseUnknown));
        let relayed = ("unknown", Some(Code::PlatformNoAnswer));
        let known = no("处方号不能为空[rxno]");
        assert_eq!(said(&site, &ask, &known), (refused, false));
        // Committed, and yet a no: nothing of it says that nothing was recorded.
        assert_eq!(said(&site, &ask, &no("系统异常")), (in_doubt, false));
        assert_eq!(said(&site, &ask, &no("报文ID重复")), (relayed, false));
        assert_eq!(said(&bare, &ask, &known), (in_doubt, false));
        // That the sign-in is over counts where the site lists it for goods.
        let over = no("签到编号已失效");
        let signed_out = ("refused", Some(Code::SignInFailed));
        assert_eq!(said(&site, &ask, &over), (signed_out, true));
        assert_eq!(said(&bare, &ask, &over), (in_doubt, false));
    }
}

#[test]
fn what_is_about_a_settlement_goes_to_the_system_of_its_insurance() {
    let site = profile(|p| {
        let of = ("390".to_owned(), "JMXT".to_owned());
        p.envelope.recer_sys_code_of = [of].into();
    });
    for (insutype, receiver) in [("390", "JMXT"), ("310", "MBS_LOCAL"), ("", "MBS_LOCAL")] {
        for ask in asked(insutype) {
            let built = errand::build(&desk(&site, ""), &errand(ask), &stamp());
            let body = built.unwrap().body;
            let wanted = format!(r#""recer_sys_code":"{receiver}""#);
            assert!(body.contains(&wanted), "{insutype}: {}", *body);
        }
    }
}
