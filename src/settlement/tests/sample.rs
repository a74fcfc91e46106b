//! An invented order, person, rules and amounts.

use std::collections::BTreeMap;

use crate::person::{EcToken, IdNo, Name};
use crate::settlement::amounts::{Amounts, FundPart};
use crate::settlement::bill::{Bill, Fen, Line};
use crate::settlement::known::{Ids, Insurance, Person, Voucher};
use crate::settlement::order::{
    AccountUse, CredentialKind, Diagnosis, Office, Operator, OperatorKind, Order, OrderKind,
    Patient, PrintWish, Visit,
};
use crate::settlement::rules::{FundReading, Rules};

pub(in crate::settlement) const OUR_CERTNO: &str = "110101190001011009";
pub(in crate::settlement) const OTHER_CERTNO: &str = "11010119000101100X";
pub(in crate::settlement) const QUIET_MS: i64 = 180_000;

pub(in crate::settlement) fn rules() -> Rules {
    Rules {
        accept_difference: Fen::ZERO,
        line_tolerance: Fen::ZERO,
        fund_reading: FundReading::FundsOnly,
        hifdm_beside_oth: true,
        hardened: Vec::new(),
        fresh_code: false,
        identity_pays: false,
        identity_ref_ms: 120_000,
        shared_account: false,
        settle_is_reversible: true,
        pharmacy_is_reversible: true,
        dispense_is_enabled: true,
        dispense_repeat_is_harmless: false,
        settle_quiet_ms: QUIET_MS,
        scan_wait_ms: 60_000,
        confirm_wait_ms: 120_000,
        rejoin_ms: 15_000,
        print_give_up_ms: 600_000,
        year_to_date: Default::default(),
    }
}

pub(crate) fn line(pric: &str, cnt: &str, fen: i64) -> Line {
    Line {
        feedetl_sn: String::new(),
        name: "诊查费".to_owned(),
        med_list_codg: "001102000010000-110200001".to_owned(),
        medins_list_codg: "F001".to_owned(),
        pric: pric.parse().unwrap(),
        cnt: cnt.parse().unwrap(),
        det_item_fee_sumamt: Fen(fen),
        fee_ocur_time: String::new(),
        rxno: String::new(),
        rx_circ_flag: "0".to_owned(),
        bilg_dept_codg: String::new(),
        bilg_dept_name: String::new(),
        bilg_dr_codg: String::new(),
        bilg_dr_name: String::new(),
        hosp_appr_flag: "0".to_owned(),
        more: BTreeMap::new(),
        trace_codes: Vec::new(),
    }
}

pub(crate) fn bill(lines: Vec<Line>) -> Bill {
    Bill {
        bill_no: String::new(),
        dise_codg: String::new(),
        dise_name: String::new(),
        lines,
    }
}

pub(crate) fn order() -> Order {
    Order {
        request_id: "R-1".to_owned(),
        kind: OrderKind::Outpatient,
        operator: Operator {
            id: "0001".to_owned(),
            name: "收费员".to_owned(),
            kind: OperatorKind::Staff,
        },
        office: Office {
            id: "K1".to_owned(),
            name: "门诊收费处".to_owned(),
        },
        patient: Patient {
            certno: IdNo::new(OUR_CERTNO),
            name: Name::new("测试甲"),
            his_id: String::new(),
        },
        visit: visit(),
        bills: vec![bill(vec![line("50", "2", 10_000)])],
        insutype: String::new(),
        account_use: AccountUse::Own,
        credentials: vec![CredentialKind::EVoucher],
        fresh_code: false,
        confirm_person: false,
        confirm_amounts: false,
        print: PrintWish::No,
        scan_wait_ms: 0,
        extension: BTreeMap::new(),
        identity_ref: String::new(),
        business_type: String::new(),
    }
}

fn visit() -> Visit {
    Visit {
        ipt_otp_no: String::new(),
        mdtrt_id: String::new(),
        med_type: "11".to_owned(),
        begntime: String::new(),
        dept_code: "A03".to_owned(),
        dept_name: "内科".to_owned(),
        caty: "A03".to_owned(),
        atddr_no: "D110000000001".to_owned(),
        dr_name: "测试医".to_owned(),
        main_cond_dscr: String::new(),
        diagnoses: vec![Diagnosis {
            diag_type: "1".to_owned(),
            diag_code: "J00.x00".to_owned(),
            diag_name: "急性鼻咽炎".to_owned(),
            diag_time: String::new(),
        }],
    }
}

pub(in crate::settlement) const TOTAL: Fen = Fen(10_000);

pub(in crate::settlement) fn ids() -> Ids {
    Ids {
        ipt_otp_no: "O1".to_owned(),
        chrg_bchno: "C1".to_owned(),
        feedetl_sn: vec!["F1".to_owned()],
        accepted: "2026-01-01 08:00:00".to_owned(),
    }
}

pub(in crate::settlement) fn voucher(certno: &str, code: u32) -> Voucher {
    Voucher {
        ec_token: EcToken::new(format!("token-{code}")),
        certno: IdNo::new(certno),
        name: Name::new("测试甲"),
        cert_type: "01".to_owned(),
        insu_org: String::new(),
        document: None,
    }
}

pub(in crate::settlement) fn insurance(insutype: &str, stas: &str) -> Insurance {
    Insurance {
        insutype: insutype.to_owned(),
        psn_type: "11".to_owned(),
        psn_insu_stas: stas.to_owned(),
        insuplc_admdvs: "430100".to_owned(),
        balc: Fen(50_000),
    }
}

pub(in crate::settlement) fn person(certno: &str, insuinfo: Vec<Insurance>) -> Person {
    Person {
        psn_no: "P1".to_owned(),
        psn_cert_type: "01".to_owned(),
        certno: IdNo::new(certno),
        psn_name: Name::new("测试甲"),
        gend: "1".to_owned(),
        age: "40".to_owned(),
        insuinfo,
    }
}

/// Funds pay a half; of the rest the account pays a half.
pub(in crate::settlement) fn amounts(total: Fen) -> Amounts {
    split_amounts(total, (500, 500))
}

/// Of 1 000: what the funds pay, and of the rest what the account pays.
pub(in crate::settlement) fn split_amounts(total: Fen, split: (i64, i64)) -> Amounts {
    let fund = total.0 * split.0 / 1_000;
    let account = (total.0 - fund) * split.1 / 1_000;
    Amounts {
        medfee_sumamt: total,
        inscp_scp_amt: total,
        hifp_pay: Fen(fund),
        fund_pay_sumamt: Fen(fund),
        psn_part_amt: Fen(total.0 - fund),
        acct_pay: Fen(account),
        psn_cash_pay: Fen(total.0 - fund - account),
        balc: Fen(50_000 - account),
        setldetail: vec![FundPart {
            fund_pay_type: "310100".to_owned(),
            fund_pay_type_name: String::new(),
            fund_payamt: Fen(fund),
        }],
        ..Amounts::default()
    }
}

/// What gives this back.
pub(in crate::settlement) fn negative(charged: &Amounts) -> Amounts {
    let minus = |fen: Fen| Fen(-fen.0);
    Amounts {
        medfee_sumamt: minus(charged.medfee_sumamt),
        inscp_scp_amt: minus(charged.inscp_scp_amt),
        hifp_pay: minus(charged.hifp_pay),
        fund_pay_sumamt: minus(charged.fund_pay_sumamt),
        psn_part_amt: minus(charged.psn_part_amt),
        acct_pay: minus(charged.acct_pay),
        psn_cash_pay: minus(charged.psn_cash_pay),
        ..Amounts::default()
    }
}

/// One fen more from the funds and one less in cash: balanced, and not what was shown.
pub(in crate::settlement) fn one_fen_apart(mut amounts: Amounts) -> Amounts {
    amounts.hifp_pay.0 += 1;
    amounts.fund_pay_sumamt.0 += 1;
    amounts.psn_part_amt.0 -= 1;
    amounts.psn_cash_pay.0 -= 1;
    amounts
}

pub(in crate::settlement) fn wish(index: u8) -> PrintWish {
    match index {
        0 => PrintWish::No,
        1 => PrintWish::Receipt,
        _ => PrintWish::Required,
    }
}
