//! What the HIS knows, as requests.

use super::identify::LoggedIn;
use crate::api::{
    AccountUse, Bill, Credential, Diagnosis, DispensePayer, DispensedGoods, DispensedLine,
    HandOutRequest, Line, Office, Operator, OperatorKind, OrderKind, Patient, Pharmacist,
    Prescriber, PrintWish, ReturnedLine, ScanAndPayRequest, TakeBackRequest, Visit,
    take_back_request,
};
use crate::sandbox::his::{Department, Fee, FeeLine, File, Prescription};

/// The doctor of the small HIS who sees everybody.
const DOCTOR: &str = "虞问溪";
const DOCTOR_CODE: &str = "D430100099001";

pub(super) fn kiosk() -> (Operator, Office) {
    let operator = operator("K01", "自助机一号", OperatorKind::Kiosk);
    (operator, office("Z01", "门诊大厅"))
}

pub(super) fn doctor() -> (Operator, Office) {
    let operator = operator("0107", DOCTOR, OperatorKind::Staff);
    (operator, office("0301", "内科门诊"))
}

pub(super) fn pharmacist() -> (Operator, Office) {
    let operator = operator("0207", "简闻笙", OperatorKind::Staff);
    (operator, office("Y02", "门诊药房"))
}

fn operator(id: &str, name: &str, kind: OperatorKind) -> Operator {
    Operator {
        id: id.to_owned(),
        name: name.to_owned(),
        kind: kind.into(),
    }
}

fn office(id: &str, name: &str) -> Office {
    Office {
        id: id.to_owned(),
        name: name.to_owned(),
    }
}

/// A payment by insurance code, with a receipt.
pub(super) fn payment(
    request_id: String,
    kind: OrderKind,
    (operator, office): (Operator, Office),
    file: &File,
    bills: Vec<Bill>,
) -> ScanAndPayRequest {
    let internal = Department {
        code: "0301",
        name: "内科门诊",
        caty: "A03",
    };
    ScanAndPayRequest {
        request_id,
        kind: kind.into(),
        operator: Some(operator),
        office: Some(office),
        patient: Some(Patient {
            certno: file.certno.clone(),
            name: file.name.clone(),
            his_id: file.his_id.clone(),
        }),
        visit: Some(visit(
            internal,
            DOCTOR,
            DOCTOR_CODE,
            ("J03.900", "急性扁桃体炎"),
        )),
        bills,
        account_use: AccountUse::Own.into(),
        credentials: vec![Credential::EVoucher.into()],
        print: PrintWish::Receipt.into(),
        ..ScanAndPayRequest::default()
    }
}

pub(super) fn visit(
    department: Department,
    doctor: &str,
    doctor_code: &str,
    (code, name): (&str, &str),
) -> Visit {
    Visit {
        med_type: "11".to_owned(),
        dept_code: department.code.to_owned(),
        dept_name: department.name.to_owned(),
        caty: department.caty.to_owned(),
        atddr_no: doctor_code.to_owned(),
        dr_name: doctor.to_owned(),
        main_cond_dscr: name.to_owned(),
        diagnoses: vec![Diagnosis {
            diag_type: "1".to_owned(),
            diag_code: code.to_owned(),
            diag_name: name.to_owned(),
            ..Diagnosis::default()
        }],
        ..Visit::default()
    }
}

pub(super) fn bill(number: &str, lines: &[FeeLine]) -> Bill {
    let line = |line: &FeeLine| Line {
        name: line.name.to_owned(),
        med_list_codg: line.code.to_owned(),
        medins_list_codg: line.own_code.to_owned(),
        pric: line.price.to_owned(),
        cnt: line.count.to_string(),
        amount_fen: line.amount.0,
        ..Line::default()
    };
    Bill {
        bill_no: number.to_owned(),
        lines: lines.iter().map(line).collect(),
        ..Bill::default()
    }
}

pub(super) fn bills(fees: &[Fee]) -> Vec<Bill> {
    let bills = fees.iter();
    bills.map(|fee| bill(&fee.number, &fee.lines)).collect()
}

/// The medicines of a paid prescription, with the codes of their packages and a ticket.
pub(super) fn hand_out(
    request_id: String,
    who: &LoggedIn,
    prescription: &Prescription,
) -> HandOutRequest {
    let (operator, _) = pharmacist();
    let lines = prescription.medicines.iter().zip(1..).map(|(it, at)| {
        let line: u32 = at;
        DispensedLine {
            med_list_codg: it.code.to_owned(),
            fixmedins_hilist_id: it.own_code.to_owned(),
            fixmedins_hilist_name: it.name.to_owned(),
            fixmedins_bchno: format!("PC{line:04}"),
            manu_lotnum: "L260101".to_owned(),
            manu_date: "2026-01-01".to_owned(),
            expy_end: "2028-12-31".to_owned(),
            is_prescription_drug: true,
            finl_trns_pric: it.price.to_owned(),
            rxno: prescription.number.clone(),
            drug_prod_barc: format!("69000000000{line:02}"),
            sel_retn_cnt: it.count.to_string(),
            trace_codes: it.trace_codes.clone(),
            ..DispensedLine::default()
        }
    });
    HandOutRequest {
        request_id,
        operator: Some(operator),
        goods: Some(DispensedGoods {
            payer: DispensePayer::Local.into(),
            setl_id: prescription.paid.setl_id.clone(),
            mdtrt_sn: prescription.paid.mdtrt_id.clone(),
            psn_no: prescription.paid.psn_no.clone(),
            prescriber: Some(Prescriber {
                name: DOCTOR.to_owned(),
                no: DOCTOR_CODE.to_owned(),
                ..Prescriber::default()
            }),
            pharmacist: Some(Pharmacist {
                name: "简闻笙".to_owned(),
                prac_cert_no: "430100990001".to_owned(),
                no: "P430100099001".to_owned(),
                ..Pharmacist::default()
            }),
            rtal_docno: prescription.number.clone(),
            lines: lines.collect(),
            ..DispensedGoods::default()
        }),
        identity_ref: who.identification.identity_ref.clone(),
        print: PrintWish::Receipt.into(),
    }
}

/// These packages of a hand-out's line, brought back, and a ticket for them.
pub(super) fn take_back(
    request_id: String,
    dispense_id: &str,
    line: u32,
    trace_codes: &[String],
) -> TakeBackRequest {
    let (operator, _) = pharmacist();
    TakeBackRequest {
        request_id,
        operator: Some(operator),
        of: Some(take_back_request::Of::DispenseId(dispense_id.to_owned())),
        lines: vec![ReturnedLine {
            line,
            sel_retn_cnt: trace_codes.len().to_string(),
            trace_codes: trace_codes.to_vec(),
            ..ReturnedLine::default()
        }],
        print: PrintWish::Receipt.into(),
        ..TakeBackRequest::default()
    }
}
