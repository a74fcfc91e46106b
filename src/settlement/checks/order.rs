//! Whether an order may be taken: asked before anything is scanned or sent.

use crate::book::Code;
use crate::settlement::bill::{Bill, Fen, Line, line_amount};
use crate::settlement::order::{AccountUse, Order, OrderKind};
use crate::settlement::rules::Rules;

/// Why an order is not taken, and the field that says so by its wire path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The book's code.
    pub code: Code,
    /// `bills[0].lines[2].pric`.
    pub field: String,
    /// What is wrong with it. No value of a person.
    pub detail: String,
}

fn fault(code: Code, field: impl Into<String>, detail: impl Into<String>) -> Fault {
    Fault {
        code,
        field: field.into(),
        detail: detail.into(),
    }
}

/// Checks the order. Gives the sum of its lines.
///
/// # Errors
/// All faults found.
pub fn check(order: &Order, may_bill_unnamed: bool, rules: &Rules) -> Result<Fen, Vec<Fault>> {
    let mut faults = Vec::new();
    if !request_id_is_valid(&order.request_id) {
        let detail = "1–64 of A–Z a–z 0–9 . _ -";
        faults.push(fault(Code::RequestIdInvalid, "request_id", detail));
    }
    let named = !order.patient.certno.is_empty() || !order.patient.name.is_empty();
    if !named && !may_bill_unnamed {
        faults.push(fault(
            Code::BillNamesNobody,
            "patient.certno",
            "empty, and so is the name",
        ));
    }
    if order.credentials.is_empty() == order.identity_ref.is_empty() {
        let detail = "either these or identity_ref";
        faults.push(fault(Code::RequestInvalid, "credentials", detail));
    }
    let wants_fresh = order.fresh_code || rules.fresh_code || !rules.identity_pays;
    if !order.identity_ref.is_empty() && wants_fresh {
        let detail = "this site, or the order, asks for a fresh credential";
        faults.push(fault(Code::IdentityNotFresh, "identity_ref", detail));
    }
    if order.account_use == AccountUse::Shared && !rules.shared_account {
        let detail = "voucher.shared_account is off in the site profile";
        faults.push(fault(Code::AccountNotShared, "account_use", detail));
    }
    let is_pharmacy = order.kind == OrderKind::Pharmacy;
    if order.visit.diagnoses.is_empty() && !is_pharmacy {
        faults.push(fault(Code::RequestInvalid, "visit.diagnoses", "empty"));
    }
    mergeable(&order.bills, &mut faults);
    for (b, bill) in order.bills.iter().enumerate() {
        for (l, line) in bill.lines.iter().enumerate() {
            check_line(line, &format!("bills[{b}].lines[{l}]"), rules, &mut faults);
        }
    }
    bills_are_single(&order.bills, &mut faults);
    numbers_are_single(order, &mut faults);
    packages_are_single(order, &mut faults);
    let total = Fen::sum(
        order
            .bills
            .iter()
            .flat_map(|bill| &bill.lines)
            .map(|line| line.det_item_fee_sumamt),
    );
    match total {
        Some(total) if faults.is_empty() => Ok(total),
        Some(_) => Err(faults),
        None => {
            faults.push(fault(
                Code::SumTooLarge,
                "bills",
                "the sum leaves num(16,2)",
            ));
            Err(faults)
        }
    }
}

/// Whether this may be a `request_id`: 1–64 of `A–Z a–z 0–9 . _ -`.
#[must_use]
pub fn request_id_is_valid(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// Bills are merged into one batch: one disease code.
fn mergeable(bills: &[Bill], faults: &mut Vec<Fault>) {
    if bills.is_empty() {
        faults.push(fault(Code::EmptyBill, "bills", "empty"));
    }
    for (b, bill) in bills.iter().enumerate() {
        if bill.lines.is_empty() {
            faults.push(fault(Code::EmptyBill, format!("bills[{b}].lines"), "empty"));
        }
    }
    let mut groups: Vec<&str> = bills.iter().map(|bill| bill.dise_codg.as_str()).collect();
    groups.sort_unstable();
    groups.dedup();
    if groups.len() > 1 {
        let detail = format!(
            "one batch has one disease code; here: {}",
            groups.join(", ")
        );
        faults.push(fault(Code::BillsCannotMerge, "bills[].dise_codg", detail));
    }
}

fn check_line(line: &Line, path: &str, rules: &Rules, faults: &mut Vec<Fault>) {
    if line.med_list_codg.is_empty() {
        faults.push(fault(
            Code::NationalCodeMissing,
            format!("{path}.med_list_codg"),
            "empty",
        ));
    }
    if line.medins_list_codg.is_empty() {
        faults.push(fault(
            Code::RequestInvalid,
            format!("{path}.medins_list_codg"),
            "empty",
        ));
    }
    let positive = [
        ("pric", line.pric.is_positive()),
        ("cnt", line.cnt.is_positive()),
        ("amount_fen", line.det_item_fee_sumamt > Fen::ZERO),
    ];
    for (field, is_positive) in positive {
        if !is_positive {
            let path = format!("{path}.{field}");
            faults.push(fault(
                Code::AmountNotPositive,
                path,
                "must be greater than zero",
            ));
        }
    }
    match line_amount(line.pric, line.cnt) {
        None => faults.push(fault(
            Code::SumTooLarge,
            path,
            "price × count leaves num(16,2)",
        )),
        Some(amount) => {
            if amount.distance(line.det_item_fee_sumamt) > rules.line_tolerance.0 {
                let sent = line.det_item_fee_sumamt;
                let detail = format!("price × count is {amount}, the line says {sent}");
                faults.push(fault(
                    Code::LineAmountMismatch,
                    format!("{path}.amount_fen"),
                    detail,
                ));
            }
        }
    }
}

/// The same bill ticked twice would be charged twice.
fn bills_are_single(bills: &[Bill], faults: &mut Vec<Fault>) {
    let mut seen = std::collections::BTreeSet::new();
    for (b, bill) in bills.iter().enumerate() {
        if !bill.bill_no.is_empty() && !seen.insert(bill.bill_no.as_str()) {
            let detail = format!("{} stands twice", bill.bill_no);
            faults.push(fault(
                Code::RequestInvalid,
                format!("bills[{b}].bill_no"),
                detail,
            ));
        }
    }
}

/// `feedetl_sn` is unique within the visit.
fn numbers_are_single(order: &Order, faults: &mut Vec<Fault>) {
    let mut numbers: Vec<&str> = order
        .bills
        .iter()
        .flat_map(|bill| &bill.lines)
        .map(|line| line.feedetl_sn.as_str())
        .filter(|number| !number.is_empty())
        .collect();
    numbers.sort_unstable();
    if let Some(twice) = numbers.windows(2).find(|pair| pair[0] == pair[1]) {
        let detail = format!("{} stands twice", twice[0]);
        faults.push(fault(
            Code::RequestInvalid,
            "bills[].lines[].feedetl_sn",
            detail,
        ));
    }
}

/// A package is sold once; one that is sold by the piece may be sold again. Only a pharmacy's settling call
/// takes trace codes.
fn packages_are_single(order: &Order, faults: &mut Vec<Fault>) {
    let mut seen = std::collections::BTreeSet::new();
    for (b, bill) in order.bills.iter().enumerate() {
        for (l, line) in bill.lines.iter().enumerate() {
            let path = || format!("bills[{b}].lines[{l}].trace_codes");
            if !line.trace_codes.is_empty() && order.kind != OrderKind::Pharmacy {
                let detail = "are taken with a pharmacy's order only; else hand them in by HandOut";
                faults.push(fault(Code::RequestInvalid, path(), detail));
            }
            let whole = line.trace_codes.iter().filter(|code| !code.by_piece);
            for code in whole {
                if !seen.insert(code.drug_trac_codg.as_str()) {
                    let detail = format!("{} stands twice", code.drug_trac_codg);
                    faults.push(fault(Code::RequestInvalid, path(), detail));
                }
            }
        }
    }
}
