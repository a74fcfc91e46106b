//! 2204 门诊费用明细信息上传 and 2205 its undoing.

use super::envelope;
use super::json::{Node, Object, Unreadable};
use super::person::psn_no;
use super::request::{Expect, Missing, need};
use super::visit::{begntime, mdtrt_id, or};
use crate::book::Code;
use crate::config::Profile;
use crate::settlement::bill::{Bill, Count, LINE_EXTRAS, Line};
use crate::settlement::call::{Call, LineSplit, Outcome};
use crate::settlement::order::Order;

/// The one number among the extras.
const PRD_DAYS: &str = "prd_days";
/// The extension field among the extras.
const EXTENSION: &str = "exp_content";
/// 收费批次号 that 2205 takes for *everything not settled yet*: never ours to say.
const ALL_BATCHES: &str = "0000";

/// The lines of the batch that are not uploaded yet, in the order of the bills: all of them in one call, or,
/// where the site takes a batch in parts, as many as fit.
pub(super) fn input(profile: &Profile, call: &Call<'_>) -> Result<Object, Missing> {
    let rows = part(profile, call)?;
    let rows = rows.into_iter().map(|(_, row)| row).collect();
    Ok(Object::new().list("feedetail", rows))
}

/// 费用明细流水号 of the lines that [`input`] writes.
pub(super) fn numbers(profile: &Profile, call: &Call<'_>) -> Vec<String> {
    let rows = part(profile, call).unwrap_or_default();
    rows.into_iter().map(|(number, _)| number).collect()
}

/// The next rows, each with its number.
fn part(profile: &Profile, call: &Call<'_>) -> Result<Vec<(String, Object)>, Missing> {
    let known = call.known;
    let visit_no = mdtrt_id(known)?;
    let person_no = psn_no(known)?;
    let lines = call
        .order
        .bills
        .iter()
        .flat_map(|bill| bill.lines.iter().map(move |line| (bill, line)));
    let mut room = Room::new(profile);
    let mut rows = Vec::new();
    for (index, (bill, line)) in lines.enumerate().skip(known.lines.len()) {
        let number = known.ids.feedetl_sn.get(index);
        let number = need(number, "feedetl_sn of every line")?;
        let row = Row {
            feedetl_sn: number,
            mdtrt_id: visit_no,
            psn_no: person_no,
            chrg_bchno: &known.ids.chrg_bchno,
            begntime: begntime(call),
        };
        let row = row.write(profile, call.order, bill, line)?;
        // A first row that does not fit is written all the same, and refused as too large.
        if !room.takes(profile, &row) && profile.lines.split_upload && !rows.is_empty() {
            break;
        }
        rows.push((number.clone(), row));
    }
    Ok(rows)
}

/// What one upload still takes.
pub(super) struct Room {
    lines: usize,
    chars: usize,
}

impl Room {
    /// Of an upload without lines.
    pub(super) fn new(profile: &Profile) -> Self {
        // The list around the rows.
        let around = Object::new().list("feedetail", Vec::new());
        Self {
            lines: usize::try_from(profile.lines.lines_max).unwrap_or(usize::MAX),
            chars: limit_of_chars(profile).saturating_sub(envelope::input_chars(profile, &around)),
        }
    }

    /// So many characters are for something else.
    pub(super) fn keeps(&mut self, chars: usize) {
        self.chars = self.chars.saturating_sub(chars);
    }

    /// Whether this row fits too; a row that does not fit leaves no room behind it.
    pub(super) fn takes(&mut self, profile: &Profile, row: &Object) -> bool {
        let chars = envelope::input_chars(profile, row) + 1;
        let fits = self.lines > 0 && chars <= self.chars;
        self.lines = if fits { self.lines - 1 } else { 0 };
        self.chars = self.chars.saturating_sub(chars);
        fits
    }
}

/// Whether the platform takes an upload of this size.
pub(super) fn fits(profile: &Profile, input: &Object) -> Result<(), Box<Outcome>> {
    let chars = envelope::input_chars(profile, input);
    if chars <= limit_of_chars(profile) {
        return Ok(());
    }
    // A refusal and not *not sent*: it would be as large the next time.
    Err(Box::new(Outcome::Refused {
        code: Code::TooManyLines,
        infcode: String::new(),
        text: format!("{chars} characters of input"),
    }))
}

pub(super) fn limit_of_chars(profile: &Profile) -> usize {
    usize::try_from(profile.lines.input_chars_max).unwrap_or(usize::MAX)
}

/// What all lines of a batch share, and the line's own number.
pub(super) struct Row<'a> {
    pub(super) feedetl_sn: &'a str,
    pub(super) mdtrt_id: &'a str,
    pub(super) psn_no: &'a str,
    pub(super) chrg_bchno: &'a str,
    pub(super) begntime: &'a str,
}

impl Row<'_> {
    pub(super) fn write(
        &self,
        profile: &Profile,
        order: &Order,
        bill: &Bill,
        line: &Line,
    ) -> Result<Object, Missing> {
        let visit = &order.visit;
        let row = Object::new()
            .text("feedetl_sn", self.feedetl_sn)
            .text("mdtrt_id", self.mdtrt_id)
            .text("psn_no", self.psn_no)
            .text("chrg_bchno", self.chrg_bchno)
            .text("dise_codg", &bill.dise_codg)
            .text("rxno", &line.rxno)
            .text("rx_circ_flag", or(&line.rx_circ_flag, "0"))
            .text("fee_ocur_time", or(&line.fee_ocur_time, self.begntime))
            .text("med_list_codg", &line.med_list_codg)
            .text("medins_list_codg", &line.medins_list_codg)
            .number("det_item_fee_sumamt", line.det_item_fee_sumamt)
            .number("cnt", line.cnt)
            .number("pric", line.pric);
        let row = extras(row, line, &LINE_EXTRAS[..2]);
        let row = row.number(PRD_DAYS, prd_days(line)?);
        let row = extras(row, line, &LINE_EXTRAS[3..4])
            .text("bilg_dept_codg", or(&line.bilg_dept_codg, &visit.dept_code))
            .text("bilg_dept_name", or(&line.bilg_dept_name, &visit.dept_name))
            .text("bilg_dr_codg", or(&line.bilg_dr_codg, &visit.atddr_no))
            .text("bilg_dr_name", or(&line.bilg_dr_name, &visit.dr_name));
        let row = extras(row, line, &LINE_EXTRAS[4..8])
            .text("hosp_appr_flag", or(&line.hosp_appr_flag, "0"));
        let row = extras(row, line, &LINE_EXTRAS[8..15]);
        let extension = &profile.envelope.extension_field;
        // The callers' name for it; the site's is the profile's.
        let given = line.more.get(EXTENSION).map_or("", |value| value);
        Ok(row.text(extension, given))
    }
}

/// These fields, empty where the line has none.
pub(super) fn extras(row: Object, line: &Line, keys: &[&str]) -> Object {
    keys.iter().fold(row, |row, key| {
        row.text(key, line.more.get(*key).map_or("", |value| value))
    })
}

/// 周期天数, `0` where none is given.
pub(super) fn prd_days(line: &Line) -> Result<String, Missing> {
    let text = line.more.get(PRD_DAYS).map_or("0", |text| or(text, "0"));
    let days: Count = text.parse().map_err(|_| Missing("prd_days is no number"))?;
    Ok(days.to_string())
}

/// Takes this settlement's own batch back, never everything.
pub(super) fn undo(profile: &Profile, call: &Call<'_>) -> Result<Object, Missing> {
    let batch = &call.known.ids.chrg_bchno;
    if batch.is_empty() || batch == ALL_BATCHES {
        return Err(Missing("a chrg_bchno of our own"));
    }
    let data = Object::new()
        .text("mdtrt_id", mdtrt_id(call.known)?)
        .text("chrg_bchno", batch)
        .text("psn_no", psn_no(call.known)?)
        .text(&profile.envelope.extension_field, "");
    Ok(Object::new().object("data", data))
}

/// The lines as they were split. Each line sent must be there, and no other.
pub(super) fn read(output: &Node, expect: &Expect) -> Result<Vec<LineSplit>, Unreadable> {
    let rows = output.rows("result")?;
    let lines: Result<Vec<LineSplit>, Unreadable> = rows.iter().map(line).collect();
    let lines = lines?;
    are_those_sent("result", &lines, expect)?;
    Ok(lines)
}

/// Whether these are the lines that were sent, each once.
pub(super) fn are_those_sent(
    key: &str,
    lines: &[LineSplit],
    expect: &Expect,
) -> Result<(), Unreadable> {
    let mut seen: Vec<&str> = lines.iter().map(|l| l.feedetl_sn.as_str()).collect();
    let mut sent: Vec<&str> = expect.feedetl_sn.iter().map(String::as_str).collect();
    seen.sort_unstable();
    sent.sort_unstable();
    if seen == sent {
        Ok(())
    } else {
        Err(Unreadable::at(key, "does not have the lines sent"))
    }
}

/// A line as it was split.
pub(super) fn line(row: &Node) -> Result<LineSplit, Unreadable> {
    Ok(LineSplit {
        feedetl_sn: row.short_required("feedetl_sn")?,
        chrgitm_lv: row.short("chrgitm_lv")?,
        det_item_fee_sumamt: row.fen_required("det_item_fee_sumamt")?,
        fulamt_ownpay_amt: row.fen("fulamt_ownpay_amt")?,
        overlmt_amt: row.fen("overlmt_amt")?,
        preselfpay_amt: row.fen("preselfpay_amt")?,
        inscp_scp_amt: row.fen("inscp_scp_amt")?,
    })
}
