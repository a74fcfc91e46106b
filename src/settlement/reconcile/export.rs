//! The text form in which a desk gives its rows to another: readable, without names and id numbers, and
//! with a digest at its end so that a cut or changed file is noticed. The digest is no signature: it tells
//! accidents, not forgers.
//!
//! ```text
//! yibaod-journal-export 1
//! fixmedins_code=H…  (and desk, desk_name is not told, from, to)
//! standing<TAB>settlement_id<TAB>…          the heading; a column parts at its end where some row needs it
//! settled<TAB>0190…<TAB>…                   a row a line
//! end<TAB>rows=3<TAB>sm3=…
//! ```

use sm3::{Digest as _, Sm3};

use super::row::{Row, Standing};
use super::span::Span;
use super::{Fault, ROWS_MAX};
use crate::book::Code;
use crate::settlement::bill::Fen;

const FIRST_LINE: &str = "yibaod-journal-export 1";
const COLUMNS: [&str; 16] = [
    "standing",
    "settlement_id",
    "psn_no",
    "mdtrt_id",
    "setl_id",
    "msgid",
    "refund_of",
    "setl_time",
    "insutype",
    "clr_type",
    "clr_optins",
    "insuplc_admdvs",
    "medfee_sumamt",
    "fund_pay_sumamt",
    "acct_pay",
    "psn_cash_pay",
];

/// A further column, where some row has no sound parts: `broken` in such a row.
const PARTS: &str = "parts";
const BROKEN: &str = "broken";

/// What one desk gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// 定点医药机构编号.
    pub fixmedins_code: String,
    /// The desk's number, 0–999.
    pub desk: u16,
    /// Which days.
    pub span: Span,
    /// Settlements whose day's key was deleted: they stand in the journal, their details do not.
    pub forgotten: u32,
    /// Its rows.
    pub rows: Vec<Row>,
}

impl Export {
    /// As text.
    #[must_use]
    pub fn text(&self) -> String {
        let has_parts = self.rows.iter().any(|row| row.parts_are_broken);
        let mut text = format!(
            "{FIRST_LINE}\nfixmedins_code={}\ndesk={}\nfrom={}\nto={}\nforgotten={}\n{}\n",
            self.fixmedins_code,
            self.desk,
            self.span.from(),
            self.span.to(),
            self.forgotten,
            heading(has_parts),
        );
        for row in &self.rows {
            text.push_str(&line(row, has_parts));
            text.push('\n');
        }
        let end = format!("end\trows={}\tsm3={}\n", self.rows.len(), digest(&text));
        text.push_str(&end);
        text
    }

    /// Reads the text.
    ///
    /// # Errors
    /// It is cut, changed, or no export.
    pub fn parse(text: &str) -> Result<Self, Fault> {
        // An editor or a mail programme may have turned the line ends: the content is the same.
        let text = text.replace("\r\n", "\n");
        let damaged = |what: &str| Fault::new(Code::ExportDamaged, what);
        if !text.starts_with(FIRST_LINE) {
            return Err(damaged("it does not begin as an export of a journal does"));
        }
        let Some((body, end)) = text.trim_end().rsplit_once('\n') else {
            return Err(damaged("it ends after its first line"));
        };
        let body = format!("{body}\n");
        let (count, sum) = end_line(end).ok_or_else(|| damaged("its last line is missing"))?;
        if digest(&body) != sum {
            return Err(damaged(
                "its digest does not fit: a line was changed or lost",
            ));
        }
        let mut lines = body.lines().skip(1);
        let mut head = |name: &str| {
            let value = lines.next().and_then(|line| line.strip_prefix(name));
            let value = value.and_then(|rest| rest.strip_prefix('='));
            value
                .map(str::to_owned)
                .ok_or_else(|| damaged("its head is not complete"))
        };
        let fixmedins_code = head("fixmedins_code")?;
        let desk = head("desk")?.parse().ok().filter(|desk| *desk <= 999);
        let (from, to) = (head("from")?, head("to")?);
        let forgotten = head("forgotten")?.parse().ok();
        let (Some(desk), Some(forgotten)) = (desk, forgotten) else {
            return Err(damaged("its head holds no numbers"));
        };
        let span = Span::parse(&from, &to).map_err(|fault| damaged(&fault.detail))?;
        let columns = lines.next();
        let has_parts = columns == Some(heading(true).as_str());
        if !has_parts && columns != Some(heading(false).as_str()) {
            return Err(damaged("its columns are not those of this version"));
        }
        let rows: Option<Vec<Row>> = lines.map(|line| row(line, desk, has_parts)).collect();
        let rows = rows.ok_or_else(|| damaged("a row cannot be read"))?;
        if rows.len() != count || count > ROWS_MAX {
            return Err(damaged("its number of rows does not fit"));
        }
        Ok(Export {
            fixmedins_code,
            desk,
            span,
            forgotten,
            rows,
        })
    }
}

fn heading(has_parts: bool) -> String {
    let mut columns = COLUMNS.to_vec();
    columns.extend(has_parts.then_some(PARTS));
    columns.join("\t")
}

fn line(row: &Row, has_parts: bool) -> String {
    let amounts = [row.total, row.fund, row.account, row.cash].map(|fen| fen.to_string());
    let texts = [
        row.standing.word(),
        &row.settlement_id,
        &row.psn_no,
        &row.mdtrt_id,
        &row.setl_id,
        &row.msgid,
        &row.refund_of,
        &row.setl_time,
        &row.insutype,
        &row.clr_type,
        &row.clr_optins,
        &row.insuplc_admdvs,
        &amounts[0],
        &amounts[1],
        &amounts[2],
        &amounts[3],
    ];
    // What the platform gave is shown as it is, but for what would break the line.
    let mut plain = texts
        .map(|text| text.replace(|c: char| c.is_control(), " "))
        .to_vec();
    let parts = if row.parts_are_broken { BROKEN } else { "" };
    plain.extend(has_parts.then(|| parts.to_owned()));
    plain.join("\t")
}

fn row(line: &str, desk: u16, has_parts: bool) -> Option<Row> {
    let mut fields: Vec<&str> = line.split('\t').collect();
    let parts_are_broken = match has_parts.then(|| fields.pop()) {
        None | Some(Some("")) => false,
        Some(Some(BROKEN)) => true,
        Some(_) => return None,
    };
    let fields: &[&str; COLUMNS.len()] = fields.as_slice().try_into().ok()?;
    let text = |at: usize| fields[at].to_owned();
    let fen = |at: usize| fields[at].parse::<Fen>().ok();
    let standing = Standing::ALL
        .into_iter()
        .find(|standing| standing.word() == fields[0])?;
    Some(Row {
        desk,
        standing,
        settlement_id: text(1),
        psn_no: text(2),
        mdtrt_id: text(3),
        setl_id: text(4),
        msgid: text(5),
        refund_of: text(6),
        setl_time: text(7),
        insutype: text(8),
        clr_type: text(9),
        clr_optins: text(10),
        insuplc_admdvs: text(11),
        total: fen(12)?,
        fund: fen(13)?,
        account: fen(14)?,
        cash: fen(15)?,
        parts_are_broken,
    })
}

fn end_line(line: &str) -> Option<(usize, &str)> {
    let mut fields = line.split('\t');
    let is_end = fields.next()? == "end";
    let count = fields.next()?.strip_prefix("rows=")?.parse().ok()?;
    let sum = fields.next()?.strip_prefix("sm3=")?;
    (is_end && fields.next().is_none()).then_some((count, sum))
}

fn digest(text: &str) -> String {
    hex::encode(Sm3::digest(text.as_bytes()))
}
