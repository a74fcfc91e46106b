//! The lines as 2101 splits them, against the bill and against the amounts beside them.
//!
//! Source: the field table of `detlcutinfo`; that its parts add up is consistent with published answers and said
//! nowhere, so a site decides whether it stops anything.

use crate::book::Code;
use crate::settlement::amounts::Amounts;
use crate::settlement::bill::{Fen, Line};
use crate::settlement::call::LineSplit;
use crate::settlement::order::Order;
use crate::settlement::rules::Rules;

/// What is noted, or stops a settlement where the site hardened it.
const SPLIT: &str = "E8";

/// Whether the split is that of these lines (`numbers` in their order). Gives `E8` where parts do not add up.
///
/// # Errors
/// [`Code::AmountsImbalanced`]: a line has another amount than the bill's, or the site hardened E8.
pub fn split(
    order: &Order,
    numbers: &[String],
    split: &[LineSplit],
    header: &Amounts,
    rules: &Rules,
) -> Result<Vec<String>, Code> {
    if split.is_empty() {
        return Ok(Vec::new());
    }
    let lines = order.bills.iter().flat_map(|bill| &bill.lines);
    let as_sent = numbers.iter().zip(lines).all(|(number, line)| {
        let part = split.iter().find(|part| part.feedetl_sn == *number);
        part.is_some_and(|part| is_of(part, line))
    });
    if !as_sent {
        return Err(Code::AmountsImbalanced);
    }
    if adds_up(split, header) {
        return Ok(Vec::new());
    }
    if rules.hardened.iter().any(|name| name == SPLIT) {
        return Err(Code::AmountsImbalanced);
    }
    Ok(vec![SPLIT.to_owned()])
}

fn is_of(part: &LineSplit, line: &Line) -> bool {
    part.det_item_fee_sumamt == line.det_item_fee_sumamt
}

/// Each line is the sum of its parts, and each part of the whole is the sum of the lines'.
fn adds_up(split: &[LineSplit], header: &Amounts) -> bool {
    let each = split.iter().all(|part| {
        let parts = Fen::sum([
            part.fulamt_ownpay_amt,
            part.overlmt_amt,
            part.preselfpay_amt,
            part.inscp_scp_amt,
        ]);
        parts == Some(part.det_item_fee_sumamt)
    });
    let sum = |of: fn(&LineSplit) -> Fen| Fen::sum(split.iter().map(of));
    each && sum(|part| part.fulamt_ownpay_amt) == Some(header.fulamt_ownpay_amt)
        && sum(|part| part.overlmt_amt) == Some(header.overlmt_selfpay)
        && sum(|part| part.preselfpay_amt) == Some(header.preselfpay_amt)
        && sum(|part| part.inscp_scp_amt) == Some(header.inscp_scp_amt)
}
