//! What must hold before a hand-out or a take-back is taken: nothing was sent then.
//!
//! What is required when insured: the platform's own rules for 3505A.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::goods::{Goods, Row};
use super::state::{Dispense, Phase, What};
use crate::book::Code;
use crate::settlement::bill::Count;

/// Why it is not taken, and the field that says so by its wire path.
pub use crate::settlement::checks::order::Fault;

fn fault(code: Code, field: impl Into<String>, detail: impl Into<String>) -> Fault {
    Fault {
        code,
        field: field.into(),
        detail: detail.into(),
    }
}

/// Checks goods. `at` is their wire path.
///
/// # Errors
/// All faults found.
pub fn check(goods: &Goods, at: &str) -> Result<(), Vec<Fault>> {
    let mut faults = Vec::new();
    let insured = goods.payer.is_insured();
    let of_goods = [
        ("setl_id", goods.setl_id.is_empty()),
        ("prescriber.no", goods.prescriber.no.is_empty()),
        ("pharmacist.no", goods.pharmacist.no.is_empty()),
    ];
    for (name, is_missing) in of_goods {
        if insured && is_missing {
            let field = format!("{at}.{name}");
            faults.push(fault(
                Code::RequestInvalid,
                field,
                "is required when insured",
            ));
        }
    }
    let mut seen = BTreeSet::new();
    for (r, row) in goods.rows.iter().enumerate() {
        let path = |field: &str| format!("{at}.lines[{r}].{field}");
        if insured && row.rxno.is_empty() {
            let what = "is required when insured";
            faults.push(fault(Code::RequestInvalid, path("rxno"), what));
        }
        if insured && row.med_list_codg.is_empty() {
            let what = "what an insurance paid for has a national code";
            faults.push(fault(
                Code::NationalCodeMissing,
                path("no_national_code"),
                what,
            ));
        }
        if let Some(twice) = twice(row, &mut seen) {
            let detail = format!("{twice} stands twice and is not given by the piece");
            faults.push(fault(Code::RequestInvalid, path("trace_codes"), detail));
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

/// The first package of this row that stands in the request already.
fn twice<'a>(row: &'a Row, seen: &mut BTreeSet<&'a str>) -> Option<&'a str> {
    if row.by_piece {
        return None;
    }
    let mut codes = row.trace_codes.iter();
    codes.find_map(|code| (!seen.insert(code)).then_some(code.as_str()))
}

/// A line of a hand-out that comes back, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Returned {
    /// Its place in the hand-out, from 1.
    pub line: u32,
    /// How much comes back.
    pub sel_retn_cnt: Count,
    /// Which packages; empty: all of the line.
    pub trace_codes: Vec<String>,
    /// 备注; empty: the hand-out's.
    pub memo: String,
}

/// The goods that come back of a hand-out, after what was taken back of it before. `at` is the wire path of the
/// lines.
///
/// # Errors
/// All faults found: among them that more would come back than went out.
pub fn take_back<'a>(
    hand_out: &Dispense,
    before: &'a [Dispense],
    lines: &'a [Returned],
    at: &str,
) -> Result<Goods, Vec<Fault>> {
    let Some(order) = hand_out.order.as_deref() else {
        let what = "what was handed out is no longer known here: give the goods";
        return Err(vec![fault(Code::RequestInvalid, "dispense_id", what)]);
    };
    let is_hand_out = hand_out.what == What::HandOut && matches!(hand_out.phase, Phase::Ended(_));
    if !is_hand_out {
        let what = "is no hand-out that the platform has recorded";
        return Err(vec![fault(Code::RequestInvalid, "dispense_id", what)]);
    }
    let mut faults = Vec::new();
    let mut rows = Vec::new();
    let mut seen = BTreeSet::new();
    for (l, returned) in lines.iter().enumerate() {
        let path = |field: &str| format!("{at}[{l}].{field}");
        let index = usize::try_from(returned.line)
            .ok()
            .and_then(|n| n.checked_sub(1));
        let handed = index.and_then(|i| Some((order.goods.rows.get(i)?, hand_out.rows.get(i)?)));
        let Some((row, _)) = handed.filter(|(_, result)| result.is_taken) else {
            let what = "is no line that the platform has recorded";
            faults.push(fault(Code::RequestInvalid, path("line"), what));
            continue;
        };
        if !seen.insert(returned.line) {
            faults.push(fault(Code::RequestInvalid, path("line"), "stands twice"));
            continue;
        }
        let back: Decimal = before.iter().map(|story| back(story, returned.line)).sum();
        let left = row.sel_retn_cnt.decimal() - back;
        if returned.sel_retn_cnt.decimal() > left {
            let detail = format!("{} went out, {back} came back before", row.sel_retn_cnt);
            faults.push(fault(Code::TakenBackTooMuch, path("sel_retn_cnt"), detail));
        }
        let gone = before
            .iter()
            .flat_map(|story| packages_back(story, returned.line));
        match packages(row, returned, gone.collect()) {
            Ok(trace_codes) => rows.push(Row {
                sel_retn_cnt: returned.sel_retn_cnt,
                trace_codes,
                memo: pick(&returned.memo, &row.memo),
                ..row.clone()
            }),
            Err(what) => faults.push(fault(Code::RequestInvalid, path("trace_codes"), what)),
        }
    }
    if lines.is_empty() {
        faults.push(fault(Code::RequestInvalid, at, "is required"));
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(Goods {
        rows,
        ..order.goods.clone()
    })
}

fn pick(first: &str, second: &str) -> String {
    if first.is_empty() { second } else { first }.to_owned()
}

/// How much of a line a take-back brought, or may have brought, back.
fn back(take_back: &Dispense, line: u32) -> Decimal {
    let rows = take_back.lines.iter().enumerate();
    let counts = rows.filter(|(i, (of, _))| *of == line && may_be_back(take_back, *i));
    counts.map(|(_, (_, count))| count.decimal()).sum()
}

/// Whether this row of a take-back is back, for all that is known.
fn may_be_back(take_back: &Dispense, row: usize) -> bool {
    match take_back.phase {
        Phase::Ended(_) => take_back.rows.get(row).is_some_and(|row| row.is_taken),
        Phase::Telling | Phase::InDoubt | Phase::Stuck => true,
    }
}

/// The packages of a line that a take-back brought, or may have brought, back.
fn packages_back(take_back: &Dispense, line: u32) -> Vec<&str> {
    let Some(order) = take_back.order.as_deref() else {
        return Vec::new();
    };
    let rows = take_back.lines.iter().zip(&order.goods.rows).enumerate();
    rows.filter(|(i, ((of, _), _))| *of == line && may_be_back(take_back, *i))
        .flat_map(|(_, (_, row))| row.trace_codes.iter().map(String::as_str))
        .collect()
}

fn packages<'a>(
    row: &Row,
    returned: &'a Returned,
    mut gone: BTreeSet<&'a str>,
) -> Result<Vec<String>, &'static str> {
    let mut codes = returned.trace_codes.iter();
    if !row.by_piece && !codes.all(|code| gone.insert(code)) {
        return Err("has a package that came back before, or stands twice");
    }
    if returned.trace_codes.is_empty() {
        return if returned.sel_retn_cnt == row.sel_retn_cnt {
            Ok(row.trace_codes.clone())
        } else {
            Err("is required when a part of the line comes back")
        };
    }
    if returned
        .trace_codes
        .iter()
        .all(|code| row.trace_codes.contains(code))
    {
        Ok(returned.trace_codes.clone())
    } else {
        Err("has a code that was not handed out on this line")
    }
}
