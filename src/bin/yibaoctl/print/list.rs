//! `print list`: jobs in a table that fits the terminal.

use yibaod::api::{ListJobsRequest, ListJobsResponse, PrintJobSummary};

use crate::args::PrintList;
use crate::connect::Door;
use crate::draw::table::{Column, Table, legend};
use crate::draw::{Paint, clean, day_and_time, words};
use crate::exit::Exit;
use crate::json;
use crate::out::Out;
use crate::trouble::Trouble;

/// Runs it.
pub(super) async fn run(door: &mut Door, list: &PrintList, out: &Out) -> Result<Exit, Trouble> {
    let request = ListJobsRequest {
        role: list.role.clone(),
        open_only: list.open,
        all_callers: list.all,
        limit: list.limit,
        before: list.before.clone(),
    };
    let answer = door.prints.list_jobs(request).await;
    let page = answer.map_err(Trouble::of_status)?.into_inner();
    if out.is_json() {
        out.object(&json::text(&page));
    } else {
        out.lines(&drawn(&page, list.all, out.paint(), out.width_of_table()));
    }
    Ok(Exit::Fine)
}

fn drawn(page: &ListJobsResponse, with_callers: bool, paint: Paint, width: usize) -> Vec<String> {
    if page.jobs.is_empty() {
        return vec!["  没有打印任务  no print jobs".to_owned()];
    }
    let mut columns = vec![
        Column::number("受理时间"),
        Column::whole("请求编号"),
        Column::text("打印机", 6),
        Column::text("状态", 6),
        Column::text("错误", 5),
    ];
    if with_callers {
        columns.insert(2, Column::text("调用方", 6));
    }
    let mut table = Table::new(columns);
    for row in &page.jobs {
        table.row(cells(row, with_callers));
    }
    let mut lines = table.lines(width, paint);
    let titles = match with_callers {
        true => "accepted, request_id, caller, printer, state, error",
        false => "accepted, request_id, printer, state, error",
    };
    let states = page.jobs.iter().map(|row| words::job(row.state()));
    let is_copy = page.jobs.iter().any(|row| !row.copy_of.is_empty());
    let copies = is_copy.then_some(("补打", "a copy"));
    lines.extend(legend(titles, states.chain(copies), paint, width));
    if !page.next.is_empty() {
        lines.push(paint.dim(&format!(
            "  更多 / more:  yibaoctl print list --before {}",
            page.next
        )));
    }
    lines
}

fn cells(row: &PrintJobSummary, with_caller: bool) -> Vec<String> {
    let error = row.error.as_ref();
    let state = words::job(row.state()).0;
    let state = match row.copy_of.is_empty() {
        true => state.to_owned(),
        false => format!("{state}（补打）"),
    };
    let mut cells = vec![
        day_and_time(&row.accepted_at),
        clean(&row.request_id),
        clean(&row.role),
        state,
        error.map_or_else(String::new, |error| error.code.clone()),
    ];
    if with_caller {
        cells.insert(2, clean(&row.caller));
    }
    cells
}

#[cfg(test)]
mod tests {
    use yibaod::api::PrintJobState;

    use super::*;
    use crate::draw::columns;

    #[test]
    fn a_page_fits_eighty_columns() {
        let row = PrintJobSummary {
            request_id: "RECEIPT-20261122-000017".into(),
            caller: "certificate:his.hospital".into(),
            role: "receipt".into(),
            state: PrintJobState::Unknown.into(),
            copy_of: "0192".into(),
            accepted_at: "2026-11-22T08:00:01.250+08:00".into(),
            error: Some(crate::trouble::of_book(yibaod::book::Code::PaperOut)),
            ..PrintJobSummary::default()
        };
        let page = ListJobsResponse {
            jobs: vec![row],
            next: "c1".into(),
        };
        for with_callers in [false, true] {
            let lines = drawn(&page, with_callers, Paint::new(false), 80);
            assert!(lines.iter().all(|line| columns(line) <= 80), "{lines:#?}");
            assert!(lines[2].contains("RECEIPT-20261122-000017"), "{lines:#?}");
            assert_eq!(lines[2].contains("certifi"), with_callers, "{lines:#?}");
            let below = lines[3..].join(" ");
            assert!(below.contains("print list --before c1"), "{below}");
            for words in ["request_id, ", "不清楚是否打出 unknown", "补打 a copy"] {
                assert!(below.contains(words), "{words}: {below}");
            }
        }
        let whole = drawn(&page, false, Paint::new(false), 80);
        assert!(whole[2].contains("不清楚是否打出（补打）"), "{whole:#?}");
    }

    #[test]
    fn an_empty_page_says_so() {
        let lines = drawn(&ListJobsResponse::default(), false, Paint::new(false), 80);
        assert_eq!(lines, ["  没有打印任务  no print jobs"]);
    }
}
