//! What a screen may say to the patient of an error: plain Chinese. What only a technician or a cashier can use stays
//! with the staff. Whatever is known of the money stands above what the code alone can say.

use super::spoken::{self, ASK_STAFF, IN_DOUBT, WAIT};
use super::{Code, MoneyState};

/// Words of technicians: a sentence with one of them is none for a patient.
const TECHNICAL: [&str; 27] = [
    "信息科",
    "管理员",
    "日志",
    "配置",
    "守护",
    "接口",
    "请求",
    "队列",
    "令牌",
    "调用",
    "证书",
    "密钥",
    "端口",
    "字段",
    "参数",
    "报文",
    "数据",
    "模板",
    "字体",
    "排版",
    "程序",
    "进程",
    "编号",
    "签名",
    "异常",
    "属组",
    "驱动",
];
/// Words of the staff: what has one of them speaks of the patient, or names a cause in a program's words.
const STAFF: [&str; 17] = [
    "此人",
    "患者",
    "所列",
    "重新发起",
    "经办人",
    "退还现金",
    "另行退费",
    "登记",
    "认定",
    "波特率",
    "串口",
    "插拔",
    "连线",
    "占用",
    "医保办",
    "错误:",
    "错误：",
];
/// Longest reason of the platform's that a screen repeats.
const REASON_CHARACTERS_MAX: usize = 60;
/// More digits in a row may be the number of a person.
const DIGITS_MAX: usize = 5;
/// What platforms write before the cause.
const CAUSES: [&str; 3] = ["错误原因：", "异常信息：", "失败原因："];
/// Where the book has nothing for a patient.
const MEANING: &str = "暂时无法办理。";
const MEANING_FREE: &str = "暂时无法办理，未扣费。";
const FREE: &str = "未扣费";
const LATER: &str = "请您稍后再试，或联系工作人员。";
const ACTION: &str = "请联系工作人员。";

impl Code {
    /// What is wrong, why where the platform said it in words for people, and what to do. `detail`: what is special to
    /// the case. `known`: what is known of the money by now.
    #[must_use]
    pub fn to_patient(self, detail: &str, known: MoneyState) -> String {
        let entry = self.entry();
        let (meaning, action) = match of_money(entry.money, known) {
            Some((meaning, action)) => (meaning.to_owned(), action.to_owned()),
            // What is wrong with a request is for who wrote the program.
            None if self.id().starts_with("E1") && spoken::of(self).is_none() => {
                let is_free = known == MoneyState::NotCharged && entry.meaning_zh.contains(FREE);
                let meaning = if is_free { MEANING_FREE } else { MEANING };
                (meaning.to_owned(), ACTION.to_owned())
            }
            None => {
                let (meaning, action) = spoken::of(self).unwrap_or_default();
                let meaning = said(meaning, entry.meaning_zh, MEANING);
                let action = said(action, entry.action_zh, ACTION);
                match known == MoneyState::NotConcerned && speaks_of_money(&meaning, &action) {
                    true => (MEANING.to_owned(), LATER.to_owned()),
                    false => (meaning, action),
                }
            }
        };
        match plain_reason(detail) {
            Some(reason) => format!("{meaning}（{reason}） {action}"),
            None => format!("{meaning} {action}"),
        }
    }
}

/// Of a settlement that this case is not: who gives money back or fetches medicines may have paid.
fn speaks_of_money(meaning: &str, action: &str) -> bool {
    [meaning, action].iter().any(|it| it.contains(FREE))
}

/// Where it is known better than by the code: the sentences of the code would say otherwise.
fn of_money(by_code: MoneyState, known: MoneyState) -> Option<(&'static str, &'static str)> {
    match (by_code, known) {
        (MoneyState::Unknown, MoneyState::NotCharged) => {
            Some(("这次没有办理成功，医保未扣费。", "您可以重新办理。"))
        }
        (MoneyState::Unknown, MoneyState::NotConcerned) => Some((MEANING, LATER)),
        (MoneyState::Unknown | MoneyState::NotCharged, MoneyState::Charged) => {
            Some(("医保已结算成功。", "请您不要重复缴费。"))
        }
        (MoneyState::NotCharged, MoneyState::Unknown) => Some((IN_DOUBT, WAIT)),
        (MoneyState::Charged, MoneyState::Unknown | MoneyState::NotCharged) => {
            Some((IN_DOUBT, ASK_STAFF))
        }
        (MoneyState::Charged | MoneyState::NotConcerned, _)
        | (MoneyState::NotCharged, MoneyState::NotCharged | MoneyState::NotConcerned)
        | (MoneyState::Unknown, MoneyState::Unknown) => None,
    }
}

/// The words for this error, or the book's as far as they are for everybody, or what is always true.
fn said(spoken: &str, of_book: &str, otherwise: &str) -> String {
    if !spoken.is_empty() {
        return spoken.to_owned();
    }
    let plain = plain_sentences(&of_book.replace("请患者", "请您"));
    match plain.is_empty() {
        true => otherwise.to_owned(),
        false => plain,
    }
}

/// The sentences that are for everybody, each with its end.
fn plain_sentences(text: &str) -> String {
    let sentences = text.split_inclusive(['。', '；']);
    let mut plain: String = sentences.filter(|sentence| is_plain(sentence)).collect();
    if plain.ends_with('；') {
        plain.pop();
        plain.push('。');
    }
    plain
}

/// What the platform said, if that is a sentence of Chinese for people. Platforms write a trace behind it, a field's
/// name, and before it which of their programs failed.
fn plain_reason(text: &str) -> Option<&str> {
    let mut text = text.trim();
    for (open, close) in [('(', ')'), ('[', ']')] {
        if let Some(inside) = text.strip_suffix(close) {
            let (before, _) = inside.rsplit_once(open)?;
            text = before.trim_end();
        }
    }
    let text = text.trim_end_matches("null");
    let cause = CAUSES
        .iter()
        .filter_map(|word| text.rfind(word).map(|at| at + word.len()));
    let text = cause
        .max()
        .map_or(text, |at| text.get(at..).unwrap_or(text))
        .trim();
    let is_chinese = text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
    let is_short = text.chars().count() <= REASON_CHARACTERS_MAX;
    let mut digits = text.split(|c: char| !c.is_ascii_digit());
    let has_number = digits.any(|run| run.len() > DIGITS_MAX);
    (is_chinese && is_short && !has_number && is_plain(text)).then_some(text)
}

fn is_plain(text: &str) -> bool {
    let has_letters = text.chars().any(|c| c.is_ascii_alphabetic());
    let mut words = TECHNICAL.iter().chain(&STAFF);
    !has_letters && !words.any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_for_people_is_shown_and_one_of_machines_is_not() {
        let refused = Code::SettleRefused;
        let without = refused.to_patient("", MoneyState::NotCharged);
        let (meaning, action) = without.split_once(' ').expect("two sentences");
        let with_reason = format!("{meaning}（该人员医保待遇已暂停） {action}");
        let shown = |detail: &str| refused.to_patient(detail, MoneyState::NotCharged);
        for said in [
            "该人员医保待遇已暂停",
            "该人员医保待遇已暂停(0000000000000a1c@127.0.0.1)",
            "该人员医保待遇已暂停[psn_no](0000000000000a1c@10.0.0.1)",
            "MBS-1.HygeiaException: 请求失败,错误原因：该人员医保待遇已暂停null",
        ] {
            assert_eq!(shown(said), with_reason, "{said}");
        }
        for machine in [
            "",
            ")",
            "请求失败,错误原因：调用就诊凭证返回异常，异常信息：无效token(0000000000000a1c@127.0.0.1)",
            "无效token",
            "请求失败,错误原因：本地查询错误:该参保人的基本信息为空null(0000000000000a1c@127.0.0.1)",
            "java.lang.NullPointerException",
            "接口调用失败，错误信息为空",
            "人员110101199003070118待遇暂停",
            "ORA-00942: 表或视图不存在",
            "500",
        ] {
            assert_eq!(shown(machine), without, "{machine}");
        }
        let long = "很".repeat(REASON_CHARACTERS_MAX + 1);
        assert_eq!(shown(&long), without);
    }

    #[test]
    fn only_sentences_for_everybody_are_left() {
        let left = |text: &str| said("", text, MEANING);
        assert_eq!(left("请装好纸；持续出现请信息科查看日志。"), "请装好纸。");
        assert_eq!(left("打印服务 CUPS 没有运行。"), MEANING);
        let of_staff = "请按所列字段改正；请患者刷新医保码。";
        assert_eq!(left(of_staff), "请您刷新医保码。");
    }

    #[test]
    fn what_is_known_of_the_money_is_never_contradicted() {
        for code in Code::ALL {
            for known in [
                MoneyState::NotCharged,
                MoneyState::Charged,
                MoneyState::Unknown,
                MoneyState::NotConcerned,
            ] {
                let told = code.to_patient("", known);
                let by_code = code.entry().money;
                let says_not = told.contains("未扣费");
                let says_doubt = told.contains("尚不明确");
                if known == MoneyState::Unknown || known == MoneyState::Charged {
                    assert!(
                        !says_not || by_code == MoneyState::NotConcerned,
                        "{code:?} {known:?}: {told}"
                    );
                }
                if known == MoneyState::NotCharged || known == MoneyState::Charged {
                    assert!(
                        !says_doubt || by_code == MoneyState::Charged,
                        "{code:?} {known:?}: {told}"
                    );
                }
                if known == MoneyState::NotConcerned {
                    assert!(!says_not, "{code:?}: {told}");
                    assert!(
                        !told.contains("重复缴费") || by_code != MoneyState::Unknown,
                        "{code:?}: {told}"
                    );
                }
            }
        }
    }
}
