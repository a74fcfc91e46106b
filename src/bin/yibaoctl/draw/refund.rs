//! A refund, drawn.

use yibaod::api::{Refund, RefundMoney};
use yibaod::book::Code;

use super::receipt::{error, framed, labelled, resolved};
use super::{Paint, day_and_time, left, right, words, yuan};

/// Columns of a label in Chinese and English.
const LABEL_COLUMNS: usize = 34;
/// Columns of an amount.
const AMOUNT_COLUMNS: usize = 14;

/// All that is true of a refund.
pub(crate) fn refund(it: &Refund, paint: Paint, width: usize) -> Vec<String> {
    let mut lines = head(it, paint, width);
    lines.extend(facts(it, paint, width));
    if let Some(given) = &it.given_back {
        lines.push(String::new());
        let rows = [
            ("总额 total", given.total_fen),
            ("退回基金 to the funds", given.to_funds_fen),
            ("退回个人账户 to the account", given.to_account_fen),
            ("医院负担 borne by the hospital", given.by_hospital_fen),
        ];
        for (label, fen) in rows {
            lines.push(amount(label, &yuan(fen)));
        }
        let due = format!("¥ {}", yuan(given.to_patient_fen));
        lines.push(if was_before(it) {
            amount("此前应退患者 was due before", &due)
        } else {
            paint.bold(&amount("请退还患者 hand to the patient", &due))
        });
    }
    if let Some(entry) = &it.error {
        lines.push(String::new());
        lines.extend(error(entry, paint, width));
    }
    lines
}

/// Whether the money went back in another refund than the one that was asked for.
fn was_before(it: &Refund) -> bool {
    let error = it.error.as_ref();
    error.is_some_and(|error| error.code == Code::RefundedBefore.id())
}

fn amount(label: &str, text: &str) -> String {
    let label = left(&format!("  {label}"), LABEL_COLUMNS);
    format!("{label}{}", right(text, AMOUNT_COLUMNS))
}

fn head(it: &Refund, paint: Paint, width: usize) -> Vec<String> {
    let (zh, en) = words::refund(it.money());
    let (sign, painted): (&str, fn(Paint, &str) -> String) = match it.money() {
        RefundMoney::Refunded => ("✓", Paint::good),
        RefundMoney::Refused => ("✗", Paint::bad),
        RefundMoney::Unknown | RefundMoney::Pending | RefundMoney::Unspecified => {
            ("?", Paint::care)
        }
    };
    let stuck = match it.stuck {
        true => "  须人工处理 STUCK",
        false => "",
    };
    let title = format!(" {sign} {zh}  {en}{stuck} ");
    let shown = painted(paint, &title);
    framed(&[(title, shown)], width)
}

fn facts(it: &Refund, paint: Paint, width: usize) -> Vec<String> {
    let mut facts = vec![
        ("请求编号 request_id", it.request_id.clone()),
        ("退费编号 refund_id", it.refund_id.clone()),
        ("结算编号 settlement_id", it.settlement_id.clone()),
        ("人员编号 psn_no", it.psn_no.clone()),
        ("就诊 mdtrt_id", it.mdtrt_id.clone()),
        ("原结算 setl_id", it.setl_id.clone()),
        ("退费结算 refund_setl_id", it.refund_setl_id.clone()),
        ("退费时间 refund_time", it.refund_time.clone()),
        ("报文 ID msgid", it.msgid.clone()),
        ("结束 ended", day_and_time(&it.ended_at)),
        (
            "人工认定 resolved",
            it.resolved.as_ref().map_or_else(String::new, resolved),
        ),
    ];
    facts.retain(|(_, value)| !value.is_empty());
    let rows = facts.iter().map(|(label, value)| {
        let label = left(label, LABEL_COLUMNS - 2);
        labelled((&label, value), paint, width)
    });
    rows.flatten().collect()
}

#[cfg(test)]
mod tests {
    use yibaod::api::GivenBack;

    use super::*;

    #[test]
    fn it_says_what_to_hand_back() {
        let it = Refund {
            refund_id: "r-1".into(),
            money: RefundMoney::Refunded.into(),
            given_back: Some(GivenBack {
                total_fen: 19_020,
                to_patient_fen: 5_020,
                to_account_fen: 6_000,
                to_funds_fen: 8_000,
                by_hospital_fen: 0,
            }),
            ..Refund::default()
        };
        let drawn = refund(&it, Paint::new(false), 80).join("\n");
        assert!(drawn.contains("✓ 已退费  REFUNDED"), "{drawn}");
        assert!(
            drawn.contains("请退还患者") && drawn.contains("¥ 50.20"),
            "{drawn}"
        );
        let before = Refund {
            error: Some(crate::trouble::of_book(Code::RefundedBefore)),
            ..it
        };
        let drawn = refund(&before, Paint::new(false), 80).join("\n");
        assert!(!drawn.contains("请退还患者"), "{drawn}");
        assert!(drawn.contains("避免重复退现金"), "{drawn}");
    }
}
