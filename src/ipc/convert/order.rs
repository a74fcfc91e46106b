//! `ScanAndPayRequest` → [`Order`]. Lengths are those of the platform's fields (transactions 2201, 2203, 2204, 2102
//! and the e-voucher service), in characters.

use super::fields::Fields;
use crate::api as wire;
use crate::book::Code;
use crate::operation::Failure;
use crate::person::{IdNo, Name};
use crate::settlement::bill::{Bill, Count, LINE_EXTRAS, Line, Price, TraceCode};
use crate::settlement::checks::order::request_id_is_valid;
use crate::settlement::order::{
    AccountUse, CredentialKind, Diagnosis, Office, Operator, OperatorKind, Order, OrderKind,
    Patient, PrintWish, Visit,
};

/// Bills in one request.
const BILLS_MAX: usize = 50;
/// Lines in one request, over all its bills.
const LINES_MAX: usize = 1_000;
/// Diagnoses of a visit: `diag_srt_no` has two digits.
const DIAGNOSES_MAX: usize = 99;
/// Extra fields of the settling call.
const EXTENSION_MAX: usize = 64;
/// Characters of one extra field: all of them share an `exp_content` of 4 000.
const EXTENSION_VALUE_LENGTH_MAX: usize = 1_000;
/// Characters of one further field of a line: `exp_content` is the longest.
const MORE_VALUE_LENGTH_MAX: usize = 4_000;
/// Trace codes of one line.
const TRACE_CODES_MAX: usize = 200;
/// Characters of one trace code.
const TRACE_CODE_LENGTH_MAX: usize = 100;
/// Characters of an identity_ref.
pub(super) const IDENTITY_REF_LENGTH_MAX: usize = 100;
/// Longest wait for a code that a caller may ask for, milliseconds.
pub(super) const SCAN_WAIT_MS_MAX: u32 = 600_000;

/// The checked request, as far as its form goes.
///
/// # Errors
/// Everything that is wrong with the form, each field by its wire path; the code is the first problem's.
pub fn order(request: wire::ScanAndPayRequest) -> Result<Order, Failure> {
    let mut fields = Fields::default();
    let f = &mut fields;
    request_id_into(f, &request.request_id);
    let kind = f.known("kind", request.kind, None, order_kind);
    let operator = operator(f, request.operator.unwrap_or_default());
    let office = office(f, request.office.unwrap_or_default());
    let patient = patient(f, request.patient.unwrap_or_default());
    let visit = visit(
        f,
        request.visit.unwrap_or_default(),
        kind == Some(OrderKind::Pharmacy),
    );
    let bills = bills(f, request.bills);
    let insutype = f.optional("insutype", request.insutype, 6);
    let account_use = f.known(
        "account_use",
        request.account_use,
        Some(AccountUse::Own),
        account_use,
    );
    let identity_ref = f.optional(
        "identity_ref",
        request.identity_ref,
        IDENTITY_REF_LENGTH_MAX,
    );
    let credentials = match request.credentials.as_slice() {
        [] if !identity_ref.is_empty() => Vec::new(),
        given => credentials(f, given),
    };
    let confirm = confirm_points(f, &request.confirm);
    let print = f.known("print", request.print, Some(PrintWish::Receipt), print_wish);
    if request.scan_wait_ms > SCAN_WAIT_MS_MAX {
        let why = format!("is more than {SCAN_WAIT_MS_MAX}");
        f.wrong(Code::RequestInvalid, "scan_wait_ms", why);
    }
    if request.extension.len() > EXTENSION_MAX {
        let why = format!("has more than {EXTENSION_MAX} fields");
        f.wrong(Code::RequestInvalid, "extension", why);
    }
    let extension = f.map(
        "extension",
        request.extension,
        EXTENSION_VALUE_LENGTH_MAX,
        |_| true,
    );
    // A value that could not be read was noted above, so its stand-in leaves this function in an error only.
    let order = Order {
        request_id: request.request_id,
        kind: kind.unwrap_or(OrderKind::Outpatient),
        operator,
        office,
        patient,
        visit,
        bills,
        insutype,
        account_use: account_use.unwrap_or(AccountUse::No),
        credentials,
        fresh_code: request.fresh_code,
        confirm_person: confirm.contains(&wire::ConfirmPoint::Person),
        confirm_amounts: confirm.contains(&wire::ConfirmPoint::Amounts),
        print: print.unwrap_or(PrintWish::No),
        scan_wait_ms: request.scan_wait_ms,
        extension,
        identity_ref,
        business_type: String::new(),
    };
    fields.finish(order)
}

/// A `request_id` that is well-formed.
///
/// # Errors
/// `REQUEST_ID_INVALID`.
pub fn request_id(text: String) -> Result<String, Failure> {
    let mut fields = Fields::default();
    request_id_into(&mut fields, &text);
    fields.finish(text)
}

pub(super) fn request_id_into(f: &mut Fields, text: &str) {
    if !request_id_is_valid(text) {
        f.wrong(
            Code::RequestIdInvalid,
            "request_id",
            "must be 1-64 of A-Z a-z 0-9 . _ -",
        );
    }
}

pub(super) fn operator(f: &mut Fields, operator: wire::Operator) -> Operator {
    let kind = f.known("operator.kind", operator.kind, None, operator_kind);
    Operator {
        id: f.required("operator.id", operator.id, 20),
        name: f.required("operator.name", operator.name, 30),
        kind: kind.unwrap_or(OperatorKind::Staff),
    }
}

pub(super) fn office(f: &mut Fields, office: wire::Office) -> Office {
    Office {
        id: f.required("office.id", office.id, 20),
        name: f.required("office.name", office.name, 30),
    }
}

pub(super) fn patient(f: &mut Fields, patient: wire::Patient) -> Patient {
    Patient {
        certno: IdNo::new(f.optional("patient.certno", patient.certno, 50)),
        name: Name::new(f.optional("patient.name", patient.name, 50)),
        his_id: f.optional("patient.his_id", patient.his_id, 50),
    }
}

/// A pharmacy sells without a visit: of it only `med_type` is required, and there is none to name.
fn visit(f: &mut Fields, visit: wire::Visit, is_pharmacy: bool) -> Visit {
    if is_pharmacy && !visit.mdtrt_id.trim().is_empty() {
        let why = "is not brought with a pharmacy's order: 2102 makes it";
        f.wrong(Code::RequestInvalid, "visit.mdtrt_id", why);
    }
    if visit.diagnoses.is_empty() && !is_pharmacy {
        f.wrong(Code::RequestInvalid, "visit.diagnoses", "is required");
    }
    if visit.diagnoses.len() > DIAGNOSES_MAX {
        let why = format!("has more than {DIAGNOSES_MAX} rows");
        f.wrong(Code::RequestInvalid, "visit.diagnoses", why);
    }
    let diagnoses = visit
        .diagnoses
        .into_iter()
        .take(DIAGNOSES_MAX)
        .enumerate()
        .map(|(i, d)| diagnosis(f, i, d));
    let diagnoses = diagnoses.collect();
    let need = if is_pharmacy {
        Fields::optional
    } else {
        Fields::required
    };
    Visit {
        ipt_otp_no: f.optional("visit.ipt_otp_no", visit.ipt_otp_no, 30),
        mdtrt_id: f.optional("visit.mdtrt_id", visit.mdtrt_id, 30),
        med_type: f.required("visit.med_type", visit.med_type, 6),
        begntime: f.civil("visit.begntime", visit.begntime),
        dept_code: need(f, "visit.dept_code", visit.dept_code, 30),
        dept_name: need(f, "visit.dept_name", visit.dept_name, 100),
        caty: need(f, "visit.caty", visit.caty, 10),
        atddr_no: need(f, "visit.atddr_no", visit.atddr_no, 30),
        dr_name: need(f, "visit.dr_name", visit.dr_name, 50),
        main_cond_dscr: f.prose("visit.main_cond_dscr", &visit.main_cond_dscr, 1_000),
        diagnoses,
    }
}

fn diagnosis(f: &mut Fields, index: usize, diagnosis: wire::Diagnosis) -> Diagnosis {
    let path = |field: &str| format!("visit.diagnoses[{index}].{field}");
    Diagnosis {
        diag_type: f.one_of(&path("diag_type"), diagnosis.diag_type, &["1", "2", "3"]),
        diag_code: f.required(&path("diag_code"), diagnosis.diag_code, 20),
        diag_name: f.required(&path("diag_name"), diagnosis.diag_name, 100),
        diag_time: f.civil(&path("diag_time"), diagnosis.diag_time),
    }
}

fn bills(f: &mut Fields, bills: Vec<wire::Bill>) -> Vec<Bill> {
    if bills.is_empty() {
        f.wrong(Code::EmptyBill, "bills", "is required");
    }
    if bills.len() > BILLS_MAX {
        f.wrong(
            Code::RequestInvalid,
            "bills",
            format!("has more than {BILLS_MAX} bills"),
        );
        return Vec::new();
    }
    let lines: usize = bills.iter().map(|bill| bill.lines.len()).sum();
    if lines > LINES_MAX {
        f.wrong(
            Code::TooManyLines,
            "bills",
            format!("{lines} lines; a settlement has at most {LINES_MAX}, fewer where one upload takes fewer"),
        );
        return Vec::new();
    }
    serial_numbers(f, &bills);
    bills
        .into_iter()
        .enumerate()
        .map(|(i, b)| bill(f, i, b))
        .collect()
}

/// Serial numbers are given for all lines or for none, and none of them twice.
fn serial_numbers(f: &mut Fields, bills: &[wire::Bill]) {
    let lines = || bills.iter().flat_map(|bill| &bill.lines);
    let given: std::collections::BTreeSet<&str> = lines()
        .map(|line| line.feedetl_sn.trim())
        .filter(|sn| !sn.is_empty())
        .collect();
    if !given.is_empty() && given.len() != lines().count() {
        let why = "feedetl_sn must be given for all lines, each once, or for none";
        f.wrong(Code::RequestInvalid, "bills", why);
    }
}

fn bill(f: &mut Fields, index: usize, bill: wire::Bill) -> Bill {
    let path = |field: &str| format!("bills[{index}].{field}");
    if bill.lines.is_empty() {
        f.wrong(Code::EmptyBill, path("lines"), "is required");
    }
    let bill_no = f.optional(&path("bill_no"), bill.bill_no, 50);
    let dise_codg = f.optional(&path("dise_codg"), bill.dise_codg, 30);
    let dise_name = f.optional(&path("dise_name"), bill.dise_name, 500);
    let lines = bill.lines.into_iter().enumerate();
    let lines = lines
        .filter_map(|(i, l)| line(f, &path(&format!("lines[{i}]")), l))
        .collect();
    Bill {
        bill_no,
        dise_codg,
        dise_name,
        lines,
    }
}

/// Absent when price or count could not be read, which is noted then.
fn line(f: &mut Fields, at: &str, line: wire::Line) -> Option<Line> {
    let path = |field: &str| format!("{at}.{field}");
    let feedetl_sn = f.optional(&path("feedetl_sn"), line.feedetl_sn, 30);
    if !feedetl_sn.bytes().all(|b| b.is_ascii_digit()) {
        f.wrong(Code::RequestInvalid, path("feedetl_sn"), "must be digits");
    }
    let name = f.required(&path("name"), line.name, 100);
    let national = path("med_list_codg");
    let med_list_codg = f.required_or(Code::NationalCodeMissing, &national, line.med_list_codg, 50);
    let medins_list_codg = f.required(&path("medins_list_codg"), line.medins_list_codg, 150);
    let pric = f.number(&path("pric"), &line.pric, Price::is_positive);
    let cnt = f.number(&path("cnt"), &line.cnt, Count::is_positive);
    let det_item_fee_sumamt = f.fen(&path("amount_fen"), line.amount_fen);
    let fee_ocur_time = f.civil(&path("fee_ocur_time"), line.fee_ocur_time);
    let rxno = f.optional(&path("rxno"), line.rxno, 30);
    let rx_circ_flag = f.one_of(&path("rx_circ_flag"), line.rx_circ_flag, &["0", "1"]);
    let bilg_dept_codg = f.optional(&path("bilg_dept_codg"), line.bilg_dept_codg, 30);
    let bilg_dept_name = f.optional(&path("bilg_dept_name"), line.bilg_dept_name, 100);
    let bilg_dr_codg = f.optional(&path("bilg_dr_codg"), line.bilg_dr_codg, 30);
    let bilg_dr_name = f.optional(&path("bilg_dr_name"), line.bilg_dr_name, 50);
    let hosp_appr_flag = f.one_of(
        &path("hosp_appr_flag"),
        line.hosp_appr_flag,
        &["0", "1", "2"],
    );
    let is_known = |name: &str| LINE_EXTRAS.contains(&name);
    let more = f.map(&path("more"), line.more, MORE_VALUE_LENGTH_MAX, is_known);
    let trace_codes = trace_codes(f, &path("trace_codes"), line.trace_codes);
    Some(Line {
        feedetl_sn,
        name,
        med_list_codg,
        medins_list_codg,
        pric: pric?,
        cnt: cnt?,
        det_item_fee_sumamt,
        fee_ocur_time,
        rxno,
        rx_circ_flag,
        bilg_dept_codg,
        bilg_dept_name,
        bilg_dr_codg,
        bilg_dr_name,
        hosp_appr_flag,
        more,
        trace_codes,
    })
}

/// 追溯码 of the packages, as 2102 takes them.
fn trace_codes(f: &mut Fields, at: &str, codes: Vec<wire::TraceCode>) -> Vec<TraceCode> {
    if codes.len() > TRACE_CODES_MAX {
        let why = format!("has more than {TRACE_CODES_MAX} rows");
        f.wrong(Code::RequestInvalid, at, why);
        return Vec::new();
    }
    let codes = codes.into_iter().enumerate();
    codes
        .map(|(i, code)| TraceCode {
            drug_trac_codg: f.required(
                &format!("{at}[{i}].drug_trac_codg"),
                code.drug_trac_codg,
                TRACE_CODE_LENGTH_MAX,
            ),
            by_piece: code.by_piece,
        })
        .collect()
}

pub(super) fn credentials(f: &mut Fields, wire: &[i32]) -> Vec<CredentialKind> {
    if wire.is_empty() {
        return vec![CredentialKind::EVoucher];
    }
    let kinds = wire.iter().enumerate();
    let mut kinds: Vec<_> = kinds
        .filter_map(|(i, kind)| f.known(&format!("credentials[{i}]"), *kind, None, credential))
        .collect();
    kinds.dedup();
    kinds
}

fn confirm_points(f: &mut Fields, wire: &[i32]) -> Vec<wire::ConfirmPoint> {
    let given = |point| (point != wire::ConfirmPoint::Unspecified).then_some(point);
    let points = wire.iter().enumerate();
    points
        .filter_map(|(i, p)| f.known(&format!("confirm[{i}]"), *p, None, given))
        .collect()
}

fn order_kind(kind: wire::OrderKind) -> Option<OrderKind> {
    match kind {
        wire::OrderKind::Unspecified => None,
        wire::OrderKind::Registration => Some(OrderKind::Registration),
        wire::OrderKind::Outpatient => Some(OrderKind::Outpatient),
        wire::OrderKind::DoctorDesk => Some(OrderKind::DoctorDesk),
        wire::OrderKind::Pharmacy => Some(OrderKind::Pharmacy),
    }
}

fn operator_kind(kind: wire::OperatorKind) -> Option<OperatorKind> {
    match kind {
        wire::OperatorKind::Unspecified => None,
        wire::OperatorKind::Staff => Some(OperatorKind::Staff),
        wire::OperatorKind::Kiosk => Some(OperatorKind::Kiosk),
        wire::OperatorKind::Mobile => Some(OperatorKind::Mobile),
    }
}

fn account_use(account_use: wire::AccountUse) -> Option<AccountUse> {
    match account_use {
        wire::AccountUse::Unspecified => None,
        wire::AccountUse::No => Some(AccountUse::No),
        wire::AccountUse::Own => Some(AccountUse::Own),
        wire::AccountUse::Shared => Some(AccountUse::Shared),
    }
}

/// What a person shows, on the wire.
pub(super) fn credential_of(kind: CredentialKind) -> wire::Credential {
    match kind {
        CredentialKind::EVoucher => wire::Credential::EVoucher,
        CredentialKind::SocialCard => wire::Credential::SocialCard,
        CredentialKind::ResidentId => wire::Credential::ResidentId,
    }
}

fn credential(kind: wire::Credential) -> Option<CredentialKind> {
    match kind {
        wire::Credential::Unspecified => None,
        wire::Credential::EVoucher => Some(CredentialKind::EVoucher),
        wire::Credential::SocialCard => Some(CredentialKind::SocialCard),
        wire::Credential::ResidentId => Some(CredentialKind::ResidentId),
    }
}

pub(super) fn print_wish(print: wire::PrintWish) -> Option<PrintWish> {
    match print {
        wire::PrintWish::Unspecified => None,
        wire::PrintWish::No => Some(PrintWish::No),
        wire::PrintWish::Receipt => Some(PrintWish::Receipt),
        wire::PrintWish::Required => Some(PrintWish::Required),
    }
}

#[cfg(test)]
pub(crate) mod tests;
