//! The pharmacy's side of a paid prescription: packages with their trace codes.

use super::fees::{Fee, FeeKind, Paid};

/// One medicine of a prescription, as it stands on the shelf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Medicine {
    /// National code.
    pub code: &'static str,
    /// The hospital's own code.
    pub own_code: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Price of one, decimal text.
    pub price: &'static str,
    /// How many.
    pub count: u32,
    /// One for each package; empty where packages have none.
    pub trace_codes: Vec<String>,
}

/// A paid prescription that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prescription {
    /// Its number, which is the fee's.
    pub number: String,
    /// By what it was paid.
    pub paid: Paid,
    /// What is in it.
    pub medicines: Vec<Medicine>,
}

/// Of a prescription's number, in the codes of its packages.
const SERIAL_DIGITS: usize = 8;

/// `None`: there is nothing to hand out.
pub(super) fn prescription(fee: &Fee) -> Option<Prescription> {
    let paid = fee.paid.clone()?;
    if fee.kind != FeeKind::Medicines || fee.is_given {
        return None;
    }
    // A package goes out once: its code has the end of the prescription's number in it.
    let digits: String = fee.number.chars().filter(char::is_ascii_digit).collect();
    let serial = &digits[digits.len().saturating_sub(SERIAL_DIGITS)..];
    let medicines = fee.lines.iter().zip(1_u32..).map(|(line, at)| Medicine {
        code: line.code,
        own_code: line.own_code,
        name: line.name,
        price: line.price,
        count: line.count,
        trace_codes: (1..=line.count)
            .map(|package| format!("8100{at:02}{serial:0>8}{package:06}"))
            .collect(),
    });
    Some(Prescription {
        number: fee.number.clone(),
        paid,
        medicines: medicines.collect(),
    })
}
