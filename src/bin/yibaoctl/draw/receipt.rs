//! A settlement, its amounts and its errors, drawn.

use yibaod::api::{
    Amounts, ErrorEntry, Money, Paper, PaperState, RefundBrief, RefundMoney, Resolution, Settlement,
};
use yibaod::settlement::insurance;

use super::{Paint, clean, columns, cut, day_and_time, left, right, words, wrapped, yuan};

/// Columns of a label in Chinese and English.
const LABEL_COLUMNS: usize = 30;
/// A value gets as much, however narrow the terminal is.
const VALUE_COLUMNS_MIN: usize = 20;
/// Columns of an amount.
const AMOUNT_COLUMNS: usize = 14;

/// All that is true of a settlement.
pub(crate) fn settlement(it: &Settlement, paint: Paint, width: usize) -> Vec<String> {
    let mut lines = head(it, paint, width);
    lines.extend(facts(it, paint, width));
    if let Some(amounts) = &it.amounts {
        lines.push(String::new());
        match it.money() {
            Money::Settled => {}
            Money::Reversed => {
                lines.push(paint.dim("  金额仅供核对，没有成立的扣费 / no charge stands:"))
            }
            Money::Refused
            | Money::Cancelled
            | Money::Unknown
            | Money::Pending
            | Money::Unspecified => lines.push(paint.dim("  预结算金额 / previewed:")),
        }
        lines.extend(self::amounts(amounts, paint));
    }
    // What was given back is not collected any more; nor what may have been.
    if let (Some(self_pay), false) = (&it.self_pay, may_be_refunded(it)) {
        let due = format!("¥ {}", yuan(self_pay.amount_fen));
        let label = left("  请向患者收取 / to be collected", LABEL_COLUMNS + 4);
        lines.push(format!(
            "{}{}",
            paint.bold(&label),
            paint.bold(&right(&due, AMOUNT_COLUMNS))
        ));
    }
    if let Some(error) = &it.error {
        lines.push(String::new());
        lines.extend(self::error(error, paint, width));
    }
    lines
}

/// The money in one word, framed.
fn head(it: &Settlement, paint: Paint, width: usize) -> Vec<String> {
    let (zh, en) = words::money(it.money());
    let sign = match it.money() {
        Money::Settled => "✓",
        Money::Refused | Money::Cancelled | Money::Reversed => "✗",
        Money::Unknown | Money::Pending | Money::Unspecified => "?",
    };
    let stuck = if it.stuck {
        "  须人工处理 STUCK"
    } else {
        ""
    };
    let refund = match refund_of(it) {
        RefundMoney::Refunded => "  已退费 REFUNDED",
        RefundMoney::Unknown | RefundMoney::Pending => "  退费未明 REFUND NOT CLEAR",
        RefundMoney::Refused | RefundMoney::Unspecified => "",
    };
    let title = format!(" {sign} {zh}  {en}{refund}{stuck} ");
    let painted = match it.money() {
        Money::Settled if may_be_refunded(it) => paint.care(&title),
        Money::Settled => paint.good(&title),
        Money::Refused | Money::Cancelled | Money::Reversed => paint.bad(&title),
        Money::Unknown | Money::Pending | Money::Unspecified => paint.care(&title),
    };
    framed(&[(title, painted)], width)
}

/// What became of its refund.
fn refund_of(it: &Settlement) -> RefundMoney {
    it.refund
        .as_ref()
        .map_or(RefundMoney::Unspecified, RefundBrief::money)
}

fn may_be_refunded(it: &Settlement) -> bool {
    match refund_of(it) {
        RefundMoney::Refunded | RefundMoney::Unknown | RefundMoney::Pending => true,
        RefundMoney::Refused | RefundMoney::Unspecified => false,
    }
}

/// A frame around lines: each as plain text for its width, and as it is shown.
pub(crate) fn framed(content: &[(String, String)], width: usize) -> Vec<String> {
    let widest = content
        .iter()
        .map(|(plain, _)| columns(plain))
        .max()
        .unwrap_or(0);
    let inner = widest.max(44).min(width.saturating_sub(4).max(widest));
    let mut lines = vec![format!("╭{}╮", "─".repeat(inner))];
    for (plain, shown) in content {
        let fill = " ".repeat(inner.saturating_sub(columns(plain)));
        lines.push(format!("│{shown}{fill}│"));
    }
    lines.push(format!("╰{}╯", "─".repeat(inner)));
    lines
}

fn facts(it: &Settlement, paint: Paint, width: usize) -> Vec<String> {
    let (stage_zh, stage_en) = words::stage(it.stage());
    let person = [&it.masked_name, &it.masked_certno];
    let person = person.map(|text| clean(text)).join(" ");
    let mut facts = vec![
        ("请求编号 request_id", it.request_id.clone()),
        ("结算编号 settlement_id", it.settlement_id.clone()),
        ("患者 patient", person.trim().to_owned()),
        ("险种 insutype", insurance::shown(&it.insutype)),
        ("就诊 mdtrt_id", it.mdtrt_id.clone()),
        ("平台结算 ID setl_id", it.setl_id.clone()),
        ("报文 ID msgid", it.msgid.clone()),
        ("结算时间 setl_time", it.setl_time.clone()),
        ("受理 accepted", day_and_time(&it.accepted_at)),
        ("结束 ended", day_and_time(&it.ended_at)),
        ("环节 stage", format!("{stage_zh} {stage_en}")),
        (
            "票据 paper",
            it.paper.as_ref().map_or_else(String::new, paper),
        ),
        ("提示 warnings", it.warnings.join(" ")),
        (
            "人工认定 resolved",
            it.resolved.as_ref().map_or_else(String::new, resolved),
        ),
        (
            "退费 refund",
            it.refund.as_ref().map_or_else(String::new, refund_brief),
        ),
    ];
    facts.retain(|(_, value)| !value.is_empty());
    let rows = facts.iter().map(|(label, value)| {
        let label = left(label, LABEL_COLUMNS);
        labelled((&label, value), paint, width)
    });
    rows.flatten().collect()
}

/// A label of its whole width and its value, which goes on below itself where the terminal is too narrow for it.
pub(super) fn labelled((label, value): (&str, &str), paint: Paint, width: usize) -> Vec<String> {
    let before = columns(label) + 2;
    let values = wrapped(
        &clean(value),
        width.saturating_sub(before).max(VALUE_COLUMNS_MIN),
    );
    let rows = values.into_iter().enumerate().map(|(at, value)| match at {
        0 => format!("  {}{value}", paint.dim(label)),
        _ => format!("{}{value}", " ".repeat(before)),
    });
    rows.collect()
}

/// The refund of a settlement, in a line.
fn refund_brief(it: &RefundBrief) -> String {
    let (zh, en) = words::refund(it.money());
    format!("{zh} {en} {} {}", it.refund_setl_id, it.refund_time)
}

/// What a person stated, in a line.
pub(super) fn resolved(it: &Resolution) -> String {
    let (zh, en) = words::resolved(it.r#as());
    format!(
        "{zh} {en}（{} {}：{}）",
        it.by,
        day_and_time(&it.at),
        it.reason
    )
}

/// The paper in a line.
pub(crate) fn paper(paper: &Paper) -> String {
    let (zh, en) = words::paper(paper.state());
    let mut line = format!("{zh} {en}");
    if paper.state() == PaperState::Printed {
        let (zh, en) = words::proof(paper.proof());
        line.push_str(&format!("（证据 proof: {zh} {en}）"));
    }
    if let Some(reason) = &paper.reason {
        line.push_str(&format!(
            "：{} {} {}",
            reason.code, reason.meaning_zh, reason.action_zh
        ));
    }
    line
}

/// The amounts: what everybody asks for always, the rest where it is not zero.
pub(crate) fn amounts(it: &Amounts, paint: Paint) -> Vec<String> {
    let rows = [
        ("医疗费总额", "total", it.medfee_sumamt_fen, true),
        (
            "全自费",
            "wholly self-paid",
            it.fulamt_ownpay_amt_fen,
            false,
        ),
        (
            "超限价自费",
            "over the limit",
            it.overlmt_selfpay_fen,
            false,
        ),
        ("先行自付", "paid first", it.preselfpay_amt_fen, false),
        ("符合政策范围", "within scope", it.inscp_scp_amt_fen, false),
        ("起付线", "deductible", it.act_pay_dedc_fen, false),
        ("基本统筹基金", "pooled fund", it.hifp_pay_fen, false),
        ("公务员补助", "civil servants", it.cvlserv_pay_fen, false),
        ("企业补充", "enterprise", it.hifes_pay_fen, false),
        ("居民大病", "serious illness", it.hifmi_pay_fen, false),
        ("职工大额", "large amounts", it.hifob_pay_fen, false),
        ("医疗救助", "medical aid", it.maf_pay_fen, false),
        ("伤残人员保障", "veterans", it.hifdm_pay_fen, false),
        ("其他基金", "other funds", it.oth_pay_fen, false),
        ("基金支付总额", "all funds", it.fund_pay_sumamt_fen, true),
        ("个人负担", "person's part", it.psn_part_amt_fen, false),
        ("医院负担", "hospital's part", it.hosp_part_amt_fen, false),
        ("个人账户支出", "account", it.acct_pay_fen, true),
        ("　其中共济", "shared", it.acct_mulaid_pay_fen, false),
        ("个人现金支出", "cash", it.psn_cash_pay_fen, true),
        ("账户余额", "account balance", it.balc_fen, false),
    ];
    let mut lines = vec![rule(paint)];
    for (zh, en, fen, always) in rows {
        if always || fen != 0 {
            let label = left(&format!("  {} {en}", left(zh, 14)), LABEL_COLUMNS + 4);
            let amount = right(&yuan(fen), AMOUNT_COLUMNS);
            let line = format!("{label}{amount}");
            lines.push(if always { paint.bold(&line) } else { line });
        }
    }
    for part in &it.setldetail {
        let name = match part.fund_pay_type_name.as_str() {
            "" => &part.fund_pay_type,
            name => name,
        };
        let label = cut(&format!("    · {}", clean(name)), LABEL_COLUMNS + 4);
        let amount = right(&yuan(part.fund_payamt_fen), AMOUNT_COLUMNS);
        lines.push(paint.dim(&format!("{}{amount}", left(&label, LABEL_COLUMNS + 4))));
    }
    lines.push(rule(paint));
    lines
}

fn rule(paint: Paint) -> String {
    paint.dim(&format!(
        "  {}",
        "─".repeat(LABEL_COLUMNS + AMOUNT_COLUMNS + 2)
    ))
}

/// An error: what happened, what to do now, the state of the money, whether to repeat; both languages.
pub(crate) fn error(entry: &ErrorEntry, paint: Paint, width: usize) -> Vec<String> {
    let mut lines = trouble(entry, paint, width);
    if let Some(money) = words::error_money(entry.money()) {
        lines.extend(in_both("¥", money, paint, width));
    }
    lines.extend(in_both("↻", words::repeat(entry.repeat()), paint, width));
    lines
}

/// Trouble on the way: what happened and what to do now. The call goes on, so that its end is not told here.
pub(crate) fn trouble(entry: &ErrorEntry, paint: Paint, width: usize) -> Vec<String> {
    let code = format!("{} {}", entry.code, entry.name);
    let mut lines = vec![format!("  {} {}", paint.bad("✗"), paint.bad(code.trim()))];
    let meaning = (entry.meaning_zh.as_str(), entry.meaning_en.as_str());
    lines.extend(in_both(" ", meaning, paint, width));
    if !entry.detail.is_empty() {
        lines.extend(marked("·", &clean(&entry.detail), width));
    }
    let action = (entry.action_zh.as_str(), entry.action_en.as_str());
    lines.extend(in_both("→", action, paint, width));
    lines
}

/// A sentence in Chinese, and dim in English.
fn in_both(mark: &str, (zh, en): (&str, &str), paint: Paint, width: usize) -> Vec<String> {
    let mut lines = marked(mark, &clean(zh), width);
    let english = marked(mark, &clean(en), width);
    lines.extend(english.iter().map(|line| paint.dim(line)));
    lines
}

/// A text behind a mark, wrapped.
fn marked(mark: &str, text: &str, width: usize) -> Vec<String> {
    let room = width.saturating_sub(6).max(20);
    let lines = wrapped(text, room).into_iter().enumerate();
    lines
        .map(|(at, line)| {
            let mark = if at == 0 { mark } else { " " };
            format!("    {mark} {line}")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use yibaod::api::{SelfPay, TakenBy};
    use yibaod::book::Code;

    use super::*;

    const PLAIN: Paint = Paint { on: false };

    fn settled() -> Settlement {
        Settlement {
            request_id: "DEMO-1".into(),
            money: Money::Settled.into(),
            amounts: Some(Amounts {
                medfee_sumamt_fen: 19_020,
                fund_pay_sumamt_fen: 8_000,
                acct_pay_fen: 6_000,
                psn_cash_pay_fen: 5_020,
                ..Amounts::default()
            }),
            self_pay: Some(SelfPay {
                amount_fen: 5_020,
                taken_by: TakenBy::Caller.into(),
            }),
            masked_name: "沈\x1b[31m**".into(),
            ..Settlement::default()
        }
    }

    #[test]
    fn amounts_stand_under_each_other() {
        let lines = amounts(&settled().amounts.unwrap(), PLAIN);
        assert_eq!(lines.len(), 6, "{lines:#?}");
        let ends: Vec<usize> = lines.iter().map(|line| columns(line)).collect();
        assert!(ends.iter().all(|end| *end == ends[0]), "{lines:#?}");
        assert!(lines[1].contains("医疗费总额") && lines[1].ends_with("190.20"));
    }

    #[test]
    fn a_settlement_tells_money_and_what_is_to_be_collected() {
        let drawn = settlement(&settled(), PLAIN, 80).join("\n");
        assert!(drawn.contains("✓ 已结算  SETTLED"), "{drawn}");
        assert!(
            drawn.contains("请向患者收取") && drawn.contains("¥ 50.20"),
            "{drawn}"
        );
        assert!(!drawn.contains('\x1b'), "{drawn}");
    }

    #[test]
    fn a_preview_is_not_called_charged() {
        let pending = Settlement {
            money: Money::Pending.into(),
            self_pay: None,
            ..settled()
        };
        let drawn = settlement(&pending, PLAIN, 80).join("\n");
        assert!(
            drawn.contains("预结算金额") && !drawn.contains("已结算"),
            "{drawn}"
        );
    }

    #[test]
    fn what_was_given_back_is_not_collected() {
        let with = |money: RefundMoney| Settlement {
            refund: Some(RefundBrief {
                money: money.into(),
                ..RefundBrief::default()
            }),
            ..settled()
        };
        let collects = |it: &Settlement| {
            let drawn = settlement(it, PLAIN, 80).join("\n");
            drawn.contains("请向患者收取")
        };
        assert!(collects(&settled()));
        assert!(collects(&with(RefundMoney::Refused)));
        for back in [
            RefundMoney::Refunded,
            RefundMoney::Unknown,
            RefundMoney::Pending,
        ] {
            assert!(!collects(&with(back)), "{back:?}");
        }
    }

    #[test]
    fn an_error_says_what_to_do_in_both_languages() {
        let entry = crate::trouble::of_book(Code::PaymentCodeShown);
        let lines = error(&entry, PLAIN, 60);
        assert!(lines.iter().all(|line| columns(line) <= 60), "{lines:#?}");
        assert!(lines[0].contains("E2001 PAYMENT_CODE_SHOWN"));
        assert_eq!(lines.iter().filter(|line| line.contains("→")).count(), 2);
    }

    #[test]
    fn frames_close_around_chinese() {
        let text = " 请患者出示医保码 ".to_owned();
        let lines = framed(&[(text.clone(), text)], 60);
        assert_eq!(columns(&lines[0]), columns(&lines[1]));
        assert_eq!(columns(&lines[1]), columns(&lines[2]));
    }
}
