//! Whether the lines of an order can be uploaded at a site: asked before anything is scanned or sent.

use super::fees::{Room, Row};
use super::json::Object;
use super::pharmacy;
use super::request::Missing;
use crate::book::Code;
use crate::config::Profile;
use crate::settlement::bill::{Bill, DRUG_EXTRAS, LINE_EXTRAS, Line};
use crate::settlement::checks::order::Fault;
use crate::settlement::order::{Order, OrderKind};

/// A place-holder as long as the platform's longest number, for counting before there is one.
const LONGEST_NO: &str = "000000000000000000000000000000";

/// What `druginfo` takes around a pharmacy's lines, with every field at its longest but the extension.
const DRUGINFO_CHARS: usize = 1_600;

/// Why the lines cannot be uploaded here. Turns into a [`Fault`] for the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    /// They are more than one upload takes, by number or by characters.
    #[error("{given} lines; {fit} of them fit")]
    TooMany {
        /// Lines of the order.
        given: usize,
        /// How many fit: in one upload from the first, or each by itself where a batch goes in parts.
        fit: usize,
    },
    /// The site wants digits that are not all 0.
    #[error("must be digits and not 0 at this site")]
    SerialNotDigits {
        /// Wire path.
        field: String,
    },
    /// The site wants a shorter one.
    #[error("has more than {max} characters")]
    SerialTooLong {
        /// Wire path.
        field: String,
        /// Characters that the site takes.
        max: usize,
    },
    /// A further field that the platform does not have.
    #[error("has a field that is not known")]
    UnknownField {
        /// Wire path.
        field: String,
    },
    /// The site does not settle a pharmacy's orders.
    #[error("orders of this kind are not settled at this site")]
    NotEnabled,
    /// A field that a pharmacy's line does not have.
    #[error("has no place in a pharmacy's line")]
    NoPlace {
        /// Wire path.
        field: String,
    },
    /// `prd_days`, the one number among the further fields, is none.
    #[error("is no number")]
    NotANumber {
        /// Wire path.
        field: String,
    },
}

impl LineFault {
    /// The book's code.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            LineFault::TooMany { .. } => Code::TooManyLines,
            LineFault::NotEnabled => Code::PharmacyNotEnabled,
            LineFault::UnknownField { .. } => Code::UnknownField,
            LineFault::NoPlace { .. }
            | LineFault::SerialNotDigits { .. }
            | LineFault::SerialTooLong { .. }
            | LineFault::NotANumber { .. } => Code::RequestInvalid,
        }
    }

    /// The field by its wire path: `bills[0].lines[2].feedetl_sn`.
    #[must_use]
    pub fn field(&self) -> &str {
        match self {
            LineFault::TooMany { .. } => "bills",
            LineFault::NotEnabled => "kind",
            LineFault::NoPlace { field }
            | LineFault::SerialNotDigits { field }
            | LineFault::SerialTooLong { field, .. }
            | LineFault::UnknownField { field }
            | LineFault::NotANumber { field } => field,
        }
    }
}

impl From<LineFault> for Fault {
    fn from(fault: LineFault) -> Self {
        Fault {
            code: fault.code(),
            field: fault.field().to_owned(),
            detail: fault.to_string(),
        }
    }
}

/// Whether this order's kind is settled at this site and all its lines can be uploaded there. Numbers that are not known yet are counted
/// with the platform's longest.
///
/// # Errors
/// The first fault.
pub fn check_lines(profile: &Profile, order: &Order) -> Result<(), LineFault> {
    let is_pharmacy = order.kind == OrderKind::Pharmacy;
    if is_pharmacy && !profile.transactions.pharmacy {
        return Err(LineFault::NotEnabled);
    }
    // A sale is one call: its lines are never sent in parts.
    let in_parts = profile.lines.split_upload && !is_pharmacy;
    let mut room = Room::new(profile);
    if is_pharmacy {
        let extension: usize = order.extension.iter().map(|(k, v)| k.len() + v.len()).sum();
        room.keeps(DRUGINFO_CHARS + 2 * extension);
    }
    let (mut given, mut fit) = (0, 0);
    for (b, bill) in order.bills.iter().enumerate() {
        for (l, line) in bill.lines.iter().enumerate() {
            let path = |field: &str| format!("bills[{b}].lines[{l}].{field}");
            serial(profile, line, || path("feedetl_sn"))?;
            if !line.more.keys().all(|k| LINE_EXTRAS.contains(&k.as_str())) {
                let field = path("more");
                return Err(LineFault::UnknownField { field });
            }
            if is_pharmacy && let Some(field) = without_place(line) {
                return Err(LineFault::NoPlace {
                    field: path(&field),
                });
            }
            let written = longest(profile, order, bill, line);
            let written = written.map_err(|_| LineFault::NotANumber {
                field: path("more.prd_days"),
            })?;
            if in_parts {
                // Each upload begins anew: only a line that is too large by itself fits nowhere.
                room = Room::new(profile);
            }
            fit += usize::from(room.takes(profile, &written));
            given += 1;
        }
    }
    if fit < given {
        Err(LineFault::TooMany { given, fit })
    } else {
        Ok(())
    }
}

/// The row with the longest numbers that it can have.
fn longest(profile: &Profile, order: &Order, bill: &Bill, line: &Line) -> Result<Object, Missing> {
    let begntime = "2025-01-01 00:00:00";
    if order.kind == OrderKind::Pharmacy {
        let row = pharmacy::Row {
            feedetl_sn: LONGEST_NO,
            begntime,
            is_settling: true,
        };
        return row.write(profile, order, line);
    }
    let row = Row {
        feedetl_sn: LONGEST_NO,
        mdtrt_id: LONGEST_NO,
        psn_no: LONGEST_NO,
        chrg_bchno: LONGEST_NO,
        begntime,
    };
    row.write(profile, order, bill, line)
}

/// What 2101 has no field for: dropped in silence it would be another bill than the caller's.
fn without_place(line: &Line) -> Option<String> {
    let has = |key: &&String| !DRUG_EXTRAS.contains(&key.as_str());
    if let Some(key) = line.more.keys().find(has) {
        return Some(format!("more.{key}"));
    }
    let approved = !matches!(line.hosp_appr_flag.as_str(), "" | "0");
    [
        ("hosp_appr_flag", approved),
        ("bilg_dept_codg", !line.bilg_dept_codg.is_empty()),
        ("bilg_dept_name", !line.bilg_dept_name.is_empty()),
    ]
    .into_iter()
    .find_map(|(name, is_given)| is_given.then(|| name.to_owned()))
}

/// The caller's own number; without one the daemon makes one that fits every site.
fn serial(profile: &Profile, line: &Line, field: impl FnOnce() -> String) -> Result<(), LineFault> {
    let (rules, number) = (&profile.lines, &line.feedetl_sn);
    let max = usize::try_from(rules.feedetl_sn_len_max).unwrap_or(usize::MAX);
    let is_digits = number.bytes().all(|b| b.is_ascii_digit());
    if number.is_empty() {
        Ok(())
    } else if number.chars().count() > max {
        let field = field();
        Err(LineFault::SerialTooLong { field, max })
    } else if rules.feedetl_sn_digits && (!is_digits || number.bytes().all(|b| b == b'0')) {
        let field = field();
        Err(LineFault::SerialNotDigits { field })
    } else {
        Ok(())
    }
}
