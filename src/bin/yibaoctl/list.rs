//! `list`: settlements of this desk in a table that fits the terminal.

use yibaod::api::{
    ListSettlementsRequest, ListSettlementsResponse, Money, RefundMoney, SettlementSummary,
};

use crate::args::List;
use crate::connect::Door;
use crate::draw::table::{Column, Table, legend};
use crate::draw::words::Words;
use crate::draw::{Paint, clean, day_and_time, words, yuan};
use crate::exit::Exit;
use crate::json;
use crate::out::Out;
use crate::trouble::Trouble;

/// The titles in English.
const TITLES: &str = "accepted, request_id, result, total, self-paid, paper, error";

/// Runs it.
pub(crate) async fn run(door: &mut Door, list: &List, out: &Out) -> Result<Exit, Trouble> {
    let request = ListSettlementsRequest {
        open_only: list.open,
        stuck_only: list.stuck,
        limit: list.limit,
        before: list.before.clone(),
        ..ListSettlementsRequest::default()
    };
    let answer = door.settlements.list_settlements(request).await;
    let page = answer.map_err(Trouble::of_status)?.into_inner();
    if out.is_json() {
        out.object(&json::text(&page));
    } else {
        out.lines(&drawn(&page, out.paint(), out.width_of_table()));
    }
    Ok(Exit::Fine)
}

fn drawn(page: &ListSettlementsResponse, paint: Paint, width: usize) -> Vec<String> {
    if page.settlements.is_empty() {
        return vec!["  没有结算  no settlements".to_owned()];
    }
    let mut table = Table::new(vec![
        Column::number("受理时间"),
        Column::whole("请求编号"),
        Column::text("结果", 6),
        Column::number("总额"),
        Column::number("自付"),
        Column::text("票据", 6),
        Column::text("错误", 5),
    ]);
    for row in &page.settlements {
        table.row(cells(row));
    }
    let mut lines = table.lines(width, paint);
    let results = page.settlements.iter().map(result);
    let papers = page.settlements.iter().map(|row| words::paper(row.paper()));
    lines.extend(legend(TITLES, results.chain(papers), paint, width));
    if !page.next.is_empty() {
        lines.push(paint.dim(&format!(
            "  更多 / more:  yibaoctl list --before {}",
            page.next
        )));
    }
    lines
}

fn cells(row: &SettlementSummary) -> Vec<String> {
    let error = row
        .error
        .as_ref()
        .map_or_else(String::new, |error| error.code.clone());
    vec![
        day_and_time(&row.accepted_at),
        clean(&row.request_id),
        result(row).0.to_owned(),
        yuan(row.total_fen),
        yuan(row.self_pay_fen),
        words::paper(row.paper()).0.to_owned(),
        error,
    ]
}

/// What became of it, in as few characters as a table has room for.
fn result(row: &SettlementSummary) -> Words {
    match (row.stuck, row.refund(), row.money()) {
        (true, _, _) => ("须人工处理", "stuck: a person has to look"),
        (false, RefundMoney::Refunded, _) => ("已退费", "refunded"),
        (false, RefundMoney::Unknown | RefundMoney::Pending, _) => {
            ("退费未明", "whether it was refunded is not known")
        }
        (false, _, Money::Pending) => words::stage(row.stage()),
        (false, _, money) => {
            let (zh, en) = words::money(money);
            (zh.split('（').next().unwrap_or_default(), en)
        }
    }
}

#[cfg(test)]
mod tests {
    use yibaod::api::{PaperState, Stage};

    use super::*;
    use crate::draw::columns;

    #[test]
    fn a_page_fits_eighty_columns() {
        let row = SettlementSummary {
            request_id: "OP-20261122-000017".into(),
            money: Money::Cancelled.into(),
            paper: PaperState::NotAsked.into(),
            stage: Stage::WaitingFreshScan.into(),
            total_fen: 1_234_567_890,
            self_pay_fen: 100,
            accepted_at: "2026-11-22T08:00:01.250+08:00".into(),
            error: Some(crate::trouble::of_book(yibaod::book::Code::NobodyScanned)),
            ..SettlementSummary::default()
        };
        let page = ListSettlementsResponse {
            settlements: vec![row],
            next: "c1".into(),
        };
        let lines = drawn(&page, Paint::new(false), 80);
        assert!(lines.iter().all(|line| columns(line) <= 80), "{lines:#?}");
        assert!(lines[2].starts_with("11-22 08:00:01") && lines[2].contains("12345678.90"));
        assert!(lines[2].contains("OP-20261122-000017") && lines[2].ends_with("E2008"));
        let below = lines[3..].join(" ");
        assert!(below.contains("--before c1"), "{below}");
        for words in [
            "request_id, result",
            "已取消 CANCELLED",
            "无须打印 not asked",
        ] {
            assert!(below.contains(words), "{words}: {below}");
        }
    }

    #[test]
    fn a_long_id_is_never_cut() {
        let row = SettlementSummary {
            request_id: "R".repeat(64),
            ..SettlementSummary::default()
        };
        let page = ListSettlementsResponse {
            settlements: vec![row],
            next: String::new(),
        };
        let lines = drawn(&page, Paint::new(false), 80);
        assert!(lines[2].contains(&"R".repeat(64)));
    }

    #[test]
    fn an_empty_page_says_so() {
        let lines = drawn(&ListSettlementsResponse::default(), Paint::new(false), 80);
        assert_eq!(lines, ["  没有结算  no settlements"]);
    }
}
