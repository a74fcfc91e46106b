//! `stuck`: what only a person can resolve, with every fact that the person needs.

use yibaod::api::{ListStuckRequest, ListStuckResponse, ResolvedAs, StuckItem, TriedStep};

use crate::connect::Door;
use crate::draw::table::{Column, Table};
use crate::draw::{Paint, clean, day_and_time, left, words, wrapped, yuan};
use crate::exit::Exit;
use crate::json;
use crate::out::Out;
use crate::trouble::Trouble;

/// Columns of a fact's name.
const LABEL_COLUMNS: usize = 24;

/// Runs it.
pub(crate) async fn run(door: &mut Door, out: &Out) -> Result<Exit, Trouble> {
    let answer = door.settlements.list_stuck(ListStuckRequest {}).await;
    let list = answer.map_err(Trouble::of_status)?.into_inner();
    if out.is_json() {
        out.object(&json::text(&list));
    } else {
        out.lines(&drawn(&list, out.paint(), out.width()));
    }
    Ok(match list.items.is_empty() {
        true => Exit::Fine,
        false => Exit::Failed,
    })
}

/// A table of all, then each with its facts.
fn drawn(list: &ListStuckResponse, paint: Paint, width: usize) -> Vec<String> {
    if list.items.is_empty() {
        return vec!["  没有须人工处理的业务  nothing waits for a person".to_owned()];
    }
    let mut table = Table::new(vec![
        Column::number("自"),
        Column::text("种类", 4),
        Column::text("请求编号", 8),
        Column::number("总额"),
        Column::text("资金", 8),
        Column::text("经办人", 6),
        Column::text("错误", 5),
    ]);
    for item in &list.items {
        table.row(cells(item));
    }
    let mut lines = table.lines(width, paint);
    for (at, item) in list.items.iter().enumerate() {
        lines.push(String::new());
        let title = format!("  [{}] {}", at + 1, clean(&item.id));
        lines.push(paint.care(&title));
        lines.extend(facts(item, paint, width));
    }
    lines
}

fn cells(item: &StuckItem) -> Vec<String> {
    let error = item.error.as_ref();
    let error = error.map_or_else(String::new, |error| {
        format!("{} {}", error.code, error.name)
    });
    vec![
        day_and_time(&item.stuck_at),
        words::subject(item.subject()).0.to_owned(),
        clean(&item.request_id),
        yuan(item.amount_fen),
        words::money(item.money()).0.to_owned(),
        clean(&item.operator_id),
        error,
    ]
}

fn facts(item: &StuckItem, paint: Paint, width: usize) -> Vec<String> {
    let pair = |one: &str, other: &str| format!("{one} {other}").trim().to_owned();
    let error = item.error.as_ref();
    let why = error.map_or_else(String::new, |error| {
        format!("{} {} {}", error.code, error.meaning_zh, error.meaning_en)
    });
    let mut facts = vec![
        ("受理 accepted", day_and_time(&item.accepted_at)),
        ("请求编号 request_id", item.request_id.clone()),
        ("调用方 caller", item.caller.clone()),
        (
            "经办人 operator",
            pair(&item.operator_id, &item.operator_name),
        ),
        ("科室 office", pair(&item.office_id, &item.office_name)),
        ("患者 patient", item.masked_name.clone()),
        ("人员编号 psn_no", item.psn_no.clone()),
        ("就诊 mdtrt_id", item.mdtrt_id.clone()),
        ("批次 chrg_bchno", item.chrg_bchno.clone()),
        ("结算 setl_id", item.setl_id.clone()),
        ("单据 rtal_docno", item.rtal_docno.clone()),
        ("销售/退货 sel_retn_time", item.sel_retn_time.clone()),
        ("报文 msgid", pair(&item.msgid, &in_brackets(&item.infno))),
        ("原因 why", why),
    ];
    for tried in &item.tried {
        facts.push(("已尝试 tried", self::tried(tried)));
    }
    facts.push(("查什么 look up", item.look_up_zh.clone()));
    facts.push(("", item.look_up_en.clone()));
    facts.push(("怎么办 do", item.action_zh.clone()));
    facts.push(("", item.action_en.clone()));
    for (at, command) in commands(item).into_iter().enumerate() {
        let label = if at == 0 { "命令 command" } else { "" };
        facts.push((label, command));
    }
    facts.retain(|(_, value)| !value.is_empty());
    let room = width.saturating_sub(LABEL_COLUMNS + 4).max(20);
    let mut lines = Vec::new();
    for (label, value) in facts {
        for (at, line) in wrapped(&clean(&value), room).into_iter().enumerate() {
            let label = if at == 0 { label } else { "" };
            lines.push(format!(
                "    {}{line}",
                paint.dim(&left(label, LABEL_COLUMNS))
            ));
        }
    }
    lines
}

/// What can be stated, whole: who says that it is settled, where nobody here knows under which number, says that too.
fn commands(item: &StuckItem) -> Vec<String> {
    let wants_number =
        |verdict: ResolvedAs| verdict == ResolvedAs::Settled && item.setl_id.is_empty();
    let (with_number, others): (Vec<ResolvedAs>, Vec<ResolvedAs>) =
        item.may_state().partition(|verdict| wants_number(*verdict));
    let mut commands = Vec::new();
    for (verdicts, number) in [(with_number, " --setl-id SETL_ID"), (others, "")] {
        let stated: Vec<&str> = verdicts.iter().map(|it| words::resolved(*it).1).collect();
        if !stated.is_empty() {
            let stated = stated.join("|");
            let id = &item.id;
            commands.push(format!(
                "yibaoctl resolve {id} --as {stated}{number} --reason REASON"
            ));
        }
    }
    commands
}

fn in_brackets(infno: &str) -> String {
    match infno {
        "" => String::new(),
        infno => format!("({infno})"),
    }
}

fn tried(it: &TriedStep) -> String {
    let (zh, en) = words::tried(it.end());
    let mut line = format!("{} ×{}  {zh} {en}", it.infno, it.times);
    for (name, value) in [("infcode", &it.infcode), ("", &it.code)] {
        if !value.is_empty() {
            line.push_str(&format!("  {name} {value}"));
        }
    }
    format!("{line}  {}", day_and_time(&it.last_at))
}

#[cfg(test)]
mod tests {
    use yibaod::api::{Money, StuckSubject, TriedEnd};
    use yibaod::book::Code;

    use super::*;
    use crate::draw::columns;

    fn item() -> StuckItem {
        StuckItem {
            id: "0199aa00-0000-7000-8000-000000000001".into(),
            subject: StuckSubject::Settlement.into(),
            request_id: "OP-20261122-000000000000000017".into(),
            caller: "uid:1000".into(),
            accepted_at: "2026-11-22T08:00:01.250+08:00".into(),
            stuck_at: "2026-11-22T08:30:01.250+08:00".into(),
            error: Some(crate::trouble::of_book(Code::Stuck)),
            money: Money::Unknown.into(),
            amount_fen: 19_020,
            operator_id: "0001".into(),
            office_id: "K1".into(),
            office_name: "门诊收费处".into(),
            psn_no: "P1".into(),
            msgid: "H43010200001202611220800010071".into(),
            infno: "2207A".into(),
            tried: vec![TriedStep {
                infno: "5203".into(),
                times: 12,
                end: TriedEnd::Unclear.into(),
                infcode: "-1".into(),
                ..TriedStep::default()
            }],
            look_up_zh: "在医保平台的医药机构门户按人员编号和就诊编号查找。".repeat(3),
            look_up_en: "Look in the portal by person number and visit. ".repeat(3),
            may_state: vec![ResolvedAs::Settled.into(), ResolvedAs::NotCharged.into()],
            ..StuckItem::default()
        }
    }

    #[test]
    fn every_fact_is_there_and_fits_the_terminal() {
        let list = ListStuckResponse {
            items: vec![item()],
        };
        for width in [80, 100, 160] {
            let lines = drawn(&list, Paint::new(false), width);
            assert!(
                lines.iter().all(|line| columns(line) <= width),
                "{lines:#?}"
            );
            let all = lines.join("\n");
            for fact in [
                "190.20",
                "uid:1000",
                "0001",
                "门诊收费处",
                "P1",
                "H43010200001202611220800010071 (2207A)",
                "E5005",
                "5203 ×12",
                "infcode -1",
            ] {
                assert!(all.contains(fact), "{fact} not in {all}");
            }
        }
        let wide = drawn(&list, Paint::new(false), 160).join("\n");
        assert!(
            wide.contains("--as settled --setl-id SETL_ID --reason REASON"),
            "{wide}"
        );
        assert!(wide.contains("--as not-charged --reason REASON"), "{wide}");
        let known = StuckItem {
            setl_id: "S00001".into(),
            ..item()
        };
        let id = known.id.clone();
        assert_eq!(
            commands(&known),
            [format!(
                "yibaoctl resolve {id} --as settled|not-charged --reason REASON"
            )]
        );
    }

    #[test]
    fn an_empty_list_says_so() {
        let lines = drawn(&ListStuckResponse::default(), Paint::new(false), 80);
        assert_eq!(lines.len(), 1);
    }
}
