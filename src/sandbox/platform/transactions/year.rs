//! 5206: what a person's care came to, out of the books. Refunds take away; what 2601 undid never was.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::rows;
use crate::sandbox::platform::envelope::{Call, Refusal};
use crate::sandbox::platform::ledger::Settlement;
use crate::sandbox::platform::money::Fen;
use crate::sandbox::platform::world::World;

/// Codes that the platform counts with: C visits, F total fee, D a fund, `_BIZ` and the kind of care behind it.
const VISITS: &str = "C0000";
const TOTAL: &str = "F0000";
const CIVIL: &str = "D320101";
const ACCOUNT: &str = "D310201";
/// A visit counts one, as `1.00`.
const ONE: Fen = Fen(100);

/// 险种, 年度.
type Year = (String, String);

/// Without cum_ym each year to its last month; with it that year, to that month.
pub(super) fn cumulated(world: &mut World, call: &Call<'_>) -> Result<Value, Refusal> {
    let (psn_no, cum_ym) = (call.data("psn_no"), call.data("cum_ym"));
    if !matches!(cum_ym.len(), 0 | 4 | 6) || !cum_ym.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Refusal::new("累计年月格式不正确[cum_ym]"));
    }
    if world.person_of(psn_no).is_none() {
        return Err(Refusal::new("该参保人的基本信息为空[psn_no]"));
    }
    let mut years: BTreeMap<Year, (String, BTreeMap<String, Fen>)> = BTreeMap::new();
    for row in (world.ledger.settlements.iter()).filter(|row| !row.reversed) {
        let month = month_of(row);
        let is_in = month[..4] == cum_ym[..cum_ym.len().min(4)] || cum_ym.is_empty();
        if !is_in || (cum_ym.len() == 6 && month.as_str() > cum_ym) {
            continue;
        }
        for (insutype, code, cum) in counted(row, psn_no) {
            let year = (insutype, month[..4].to_owned());
            let (last, sums) = years.entry(year).or_default();
            *sums.entry(code).or_default() += cum;
            *last = month.clone().max(std::mem::take(last));
        }
    }
    let rows = years.iter().flat_map(|((insutype, year), (last, sums))| {
        sums.iter().map(move |(code, cum)| {
            json!({
                "insutype": insutype,
                "year": year,
                "cum_ym": last,
                "cum_type_code": code,
                "cum": cum.to_json(),
            })
        })
    });
    Ok(json!({ "cuminfo": rows.collect::<Vec<Value>>() }))
}

/// What a row of money adds to this person: as the patient, or as the one whose account paid.
fn counted(row: &Settlement, psn_no: &str) -> Vec<(String, String, Fen)> {
    let (amounts, kind) = (&row.amounts, &row.med_type);
    let mut added = Vec::new();
    if row.psn_no == psn_no {
        let visit = if row.refund_of.is_some() { -ONE } else { ONE };
        let pooled = rows::pool_of(row).0;
        for (code, cum) in [
            (format!("{VISITS}_BIZ{kind}"), visit),
            (format!("{TOTAL}_BIZ{kind}"), amounts.total),
            (format!("D{pooled}_BIZ{kind}"), amounts.pooled),
            (CIVIL.to_owned(), amounts.civil),
        ] {
            added.push((row.insutype.clone(), code, cum));
        }
    }
    let own = (row.psn_no.clone(), row.insutype.clone());
    let (payer, insutype) = row.account_of.clone().unwrap_or(own);
    if payer == psn_no {
        added.push((insutype, ACCOUNT.to_owned(), amounts.account));
    }
    added
}

/// `yyyyMM` of a row of money.
fn month_of(row: &Settlement) -> String {
    let digits = row.setl_time.chars().filter(char::is_ascii_digit);
    digits.take(6).collect()
}
