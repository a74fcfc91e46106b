//! 5206 人员累计信息查询.

use std::collections::BTreeSet;

use super::json::{Node, Object, Unreadable};
use super::request::{Missing, need};
use crate::config::Profile;
use crate::settlement::year_to_date::figures::CumRow;

/// Most rows of an answer: some sixty codes for each month and insurance.
const ROWS_MAX: usize = 8_192;

/// What has this person's care come to?
pub(super) fn input(psn_no: &str, cum_ym: &str) -> Result<Object, Missing> {
    let psn_no = (!psn_no.is_empty()).then_some(psn_no);
    let data = Object::new()
        .text("psn_no", need(psn_no, "psn_no")?)
        .text("cum_ym", cum_ym);
    Ok(Object::new().object("data", data))
}

/// The rows of the codes that the site prints, as they came; what they mean is the site's.
pub(super) fn read(profile: &Profile, output: &Node) -> Result<Vec<CumRow>, Unreadable> {
    let printed: BTreeSet<&String> = profile.year_to_date.codes.values().flatten().collect();
    let rows = output.rows("cuminfo")?;
    if rows.len() > ROWS_MAX {
        return Err(Unreadable::at("cuminfo", "has too many rows"));
    }
    let read = |row: &Node| {
        Ok(CumRow {
            insutype: row.short("insutype")?,
            year: row.short("year")?,
            cum_ym: row.short("cum_ym")?,
            cum_type_code: row.short("cum_type_code")?,
            // Rates stand among the amounts; a code that is printed is no rate.
            cum: row.fen_option("cum").unwrap_or(None),
        })
    };
    let rows: Vec<CumRow> = rows.iter().map(read).collect::<Result<_, _>>()?;
    let is_printed = |row: &CumRow| printed.contains(&row.cum_type_code);
    Ok(rows.into_iter().filter(is_printed).collect())
}
