//! `reconcile`: whether the journals and the platform agree, with what differs, why, and what to do.

use std::path::Path;

use yibaod::api::reconcile_response::Told;
use yibaod::api::{
    Difference, ErrorEntry, Operator, OperatorKind, ReconcileProgress, ReconcileRequest,
    Reconciliation, StatementGroup,
};

use crate::args::Reconcile;
use crate::connect::Door;
use crate::draw::table::{Column, Table};
use crate::draw::{Paint, clean, wrapped, yuan};
use crate::exit::Exit;
use crate::json;
use crate::out::Out;
use crate::trouble::Trouble;

/// Bytes of all files together; the daemon takes no more in one call.
const FILES_BYTES_MAX: usize = 4_000_000;
/// Columns before wrapped text.
const INDENT: &str = "    ";

/// Runs it. Progress goes to stderr.
pub(crate) async fn run(door: &mut Door, wanted: &Reconcile, out: &Out) -> Result<Exit, Trouble> {
    let request = request(wanted)?;
    if wanted.request_id.is_none() {
        out.notes(&[format!("  request_id {}", request.request_id)]);
    }
    let stream = door.settlements.reconcile(request).await;
    let mut stream = stream.map_err(Trouble::of_status)?.into_inner();
    let mut drawn = Drawn::default();
    loop {
        let message = tokio::select! {
            message = stream.message() => message.map_err(Trouble::of_status)?,
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Open),
        };
        match message.and_then(|message| message.told) {
            Some(Told::Progress(progress)) => drawn.progress(&progress, out),
            Some(Told::Reconciliation(table)) => {
                drawn.end(out);
                return Ok(told(&table, out));
            }
            None => return Ok(Exit::Open),
        }
    }
}

fn request(wanted: &Reconcile) -> Result<ReconcileRequest, Trouble> {
    let mut room = FILES_BYTES_MAX;
    let mut exports = Vec::new();
    for path in &wanted.exports {
        exports.push(read(path, &mut room)?);
    }
    let his_list = match &wanted.his {
        // Without text the daemon takes it that there is no list; an empty file is one that cannot be read.
        Some(path) => match read(path, &mut room)? {
            text if text.is_empty() => "\n".to_owned(),
            text => text,
        },
        None => String::new(),
    };
    let besides: Result<Vec<StatementGroup>, Trouble> =
        wanted.besides.iter().map(|text| group(text)).collect();
    Ok(ReconcileRequest {
        request_id: wanted
            .request_id
            .clone()
            .unwrap_or_else(|| format!("ctl-{}", uuid::Uuid::now_v7())),
        operator: Some(Operator {
            id: wanted.operator.clone(),
            name: wanted.operator_name.clone(),
            kind: OperatorKind::Staff.into(),
        }),
        from: wanted.date.clone(),
        to: wanted.to.clone(),
        whole_hospital: wanted.whole_hospital,
        desks: wanted.desks.clone(),
        exports,
        his_list,
        besides: besides?,
    })
}

fn read(path: &Path, room: &mut usize) -> Result<String, Trouble> {
    let wrong = |what: String| Trouble::Usage(format!("{}: {what}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    *room = room.checked_sub(bytes.len()).ok_or_else(|| {
        wrong(format!(
            "all files together have more than {FILES_BYTES_MAX} bytes"
        ))
    })?;
    String::from_utf8(bytes).map_err(|_| wrong("it is no UTF-8 text".to_owned()))
}

fn group(text: &str) -> Result<StatementGroup, Trouble> {
    let parts: Vec<&str> = text.split('/').collect();
    let [insutype, clr_type, setl_optins] = parts.as_slice() else {
        let what = format!("--besides {text:?}: insurance/clearing/office is wanted");
        return Err(Trouble::Usage(what));
    };
    Ok(StatementGroup {
        insutype: (*insutype).to_owned(),
        clr_type: (*clr_type).to_owned(),
        setl_optins: (*setl_optins).to_owned(),
    })
}

/// One line that is drawn over where the terminal can do that.
#[derive(Default)]
struct Drawn {
    open: bool,
}

impl Drawn {
    fn progress(&mut self, progress: &ReconcileProgress, out: &Out) {
        let line = format!(
            "  {} {}/{}  差异 differences {}",
            progress.infno, progress.done, progress.of, progress.differences
        );
        if out.is_live() {
            out.note_raw(&format!("\r{line}\x1b[K"));
            self.open = true;
        } else {
            out.notes(&[line]);
        }
    }

    fn end(&mut self, out: &Out) {
        if std::mem::take(&mut self.open) {
            out.note_raw("\r\x1b[K");
        }
    }
}

fn told(table: &Reconciliation, out: &Out) -> Exit {
    if out.is_json() {
        out.object(&json::text(table));
    } else {
        out.lines(&drawn(table, out.paint(), out.width_of_table()));
    }
    match (
        table.differences.is_empty(),
        &table.error,
        table.ended_at.is_empty(),
    ) {
        (_, _, true) => Exit::Open,
        (true, None, false) => Exit::Fine,
        (_, _, false) => Exit::Failed,
    }
}

fn drawn(table: &Reconciliation, paint: Paint, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    if !table.differences.is_empty() {
        lines.extend(rows(table, paint, width));
        for entry in &table.explanations {
            lines.push(String::new());
            lines.extend(explained(entry, paint, width));
        }
        lines.push(String::new());
    }
    if table.further_differences > 0 {
        let count = table.further_differences;
        lines.push(paint.care(&format!(
            "  另有 {count} 条差异未列出，请缩短日期  {count} more: take fewer days"
        )));
    }
    if let Some(error) = &table.error {
        lines.extend(explained(error, paint, width));
    }
    lines.push(sum(table, paint));
    lines
}

fn rows(table: &Reconciliation, paint: Paint, width: usize) -> Vec<String> {
    let mut drawn = Table::new(vec![
        Column::text("差异", 14),
        Column::number("窗口"),
        Column::text("结算 ID", 12),
        Column::text("就诊 ID", 12),
        Column::number("结算时间"),
        Column::text("金额项", 8),
        Column::number("流水"),
        Column::number("对方"),
        Column::text("说明", 8),
    ]);
    for difference in &table.differences {
        drawn.row(cells(difference));
    }
    drawn.lines(width, paint)
}

fn cells(difference: &Difference) -> Vec<String> {
    let amount = |fen: Option<i64>| fen.map_or_else(|| "—".to_owned(), yuan);
    let desk = difference.desk;
    vec![
        format!("{} {}", difference.code, difference.name),
        desk.map_or_else(String::new, |desk| format!("{desk:03}")),
        clean(&difference.setl_id),
        clean(&difference.mdtrt_id),
        clean(&difference.setl_time),
        clean(&difference.field),
        amount(difference.here_fen),
        amount(difference.there_fen),
        clean(&difference.note),
    ]
}

/// Cause and what to do, in both languages.
fn explained(entry: &ErrorEntry, paint: Paint, width: usize) -> Vec<String> {
    let mut lines = vec![paint.care(&format!("  {} {}", entry.code, entry.name))];
    for text in [
        &entry.meaning_zh,
        &entry.meaning_en,
        &entry.action_zh,
        &entry.action_en,
    ] {
        let room = width.min(120).saturating_sub(INDENT.len());
        let wrapped = wrapped(text, room).into_iter();
        lines.extend(wrapped.map(|line| format!("{INDENT}{line}")));
    }
    lines
}

/// How many, and how much; the one line when nothing differs.
fn sum(table: &Reconciliation, paint: Paint) -> String {
    let days = match table.from == table.to {
        true => table.from.clone(),
        false => format!("{} – {}", table.from, table.to),
    };
    let counts = format!(
        "{days}  结算 settlements {}  退费 refunds {}  总额 total {}  基金 funds {}  账户 account {}  现金 cash {}",
        table.settlements,
        table.refunds,
        yuan(table.medfee_sumamt_fen),
        yuan(table.fund_pay_sumamt_fen),
        yuan(table.acct_pay_fen),
        yuan(table.psn_cash_pay_fen),
    );
    let count = table.differences.len();
    let is_empty = table.settlements == 0 && table.refunds == 0;
    match (count, &table.error) {
        // Not "all agrees": nothing was compared.
        (0, None) if is_empty && table.asked == 0 => paint.care(&format!(
            "  没有可核对的结算，未询问医保平台 nothing to compare, the platform was not asked  {counts}"
        )),
        (0, None) => paint.good(&format!("  ✓ 一致 all agrees  {counts}")),
        (0, Some(_)) => paint.care(&format!("  未能全部核对 not all was compared  {counts}")),
        (_, _) => paint.bad(&format!("  ✗ 差异 {count} 条 {count} differ  {counts}")),
    }
}

#[cfg(test)]
mod tests {
    use yibaod::book::Code;

    use super::*;

    fn table() -> Reconciliation {
        Reconciliation {
            from: "2026-03-01".into(),
            to: "2026-03-01".into(),
            settlements: 12,
            refunds: 1,
            asked: 1,
            medfee_sumamt_fen: 1_234_567,
            ended_at: "2026-03-02T08:00:00.000+08:00".into(),
            ..Reconciliation::default()
        }
    }

    #[test]
    fn a_day_of_which_nothing_was_compared_is_not_called_right() {
        let nothing = Reconciliation {
            settlements: 0,
            refunds: 0,
            asked: 0,
            ..table()
        };
        let lines = drawn(&nothing, Paint::new(false), 100).join("\n");
        assert!(lines.contains("the platform was not asked"), "{lines}");
        assert!(!lines.contains("agrees"), "{lines}");
    }

    #[test]
    fn no_difference_is_one_line() {
        let lines = drawn(&table(), Paint::new(false), 100);
        assert_eq!(lines.len(), 1, "{lines:#?}");
        for part in ["一致", "settlements 12", "refunds 1", "12345.67"] {
            assert!(lines[0].contains(part), "{part}: {lines:?}");
        }
    }

    #[test]
    fn each_difference_has_its_cause_and_what_to_do_in_both_languages() {
        let code = Code::NotAtPlatform;
        let mut table = table();
        table.differences.push(Difference {
            code: code.id().into(),
            name: code.name().into(),
            desk: Some(7),
            setl_id: "4320260301000001".into(),
            here_fen: Some(4_520),
            ..Difference::default()
        });
        table.explanations.push(crate::trouble::of_book(code));
        let text = drawn(&table, Paint::new(false), 400).join("\n");
        let entry = code.entry();
        for part in [
            "E8201 NOT_AT_PLATFORM",
            "007",
            "45.20",
            "—",
            entry.meaning_zh,
            entry.action_zh,
            "1 differ",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(
            text.replace(['\n', ' '], "")
                .contains(&entry.action_en.replace(' ', ""))
        );
    }

    #[test]
    fn a_group_is_three_parts() {
        let group = group("390/11/430100").unwrap();
        assert_eq!(group.insutype, "390");
        assert!(super::group("390/11").is_err());
    }
}
