//! What a patient's screen says of an error: plain Chinese, spoken to the patient. What only a technician or a cashier
//! can use stays with the staff.

use super::spoken;
use crate::api::ErrorEntry;

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
const STAFF: [&str; 7] = [
    "此人",
    "患者",
    "所列",
    "重新发起",
    "经办人",
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
const ACTION: &str = "请联系工作人员。";

/// What is wrong, why where the platform said it in words for people, and what to do.
#[must_use]
pub fn for_patient(error: &ErrorEntry) -> String {
    let (meaning, action) = spoken::of(&error.name).unwrap_or_default();
    let meaning = said(meaning, &error.meaning_zh, MEANING);
    let action = said(action, &error.action_zh, ACTION);
    match plain_reason(&error.detail) {
        Some(reason) => format!("{meaning}（{reason}） {action}"),
        None => format!("{meaning} {action}"),
    }
}

/// All of it, for the staff.
pub(super) fn for_staff(error: &ErrorEntry) -> String {
    let detail = match error.detail.is_empty() {
        true => String::new(),
        false => format!("（{}）", error.detail),
    };
    let ErrorEntry {
        code,
        name,
        meaning_zh,
        action_zh,
        ..
    } = error;
    format!("{code} {name} {meaning_zh}{detail} {action_zh}")
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

    fn error(meaning: &str, detail: &str, action: &str) -> ErrorEntry {
        ErrorEntry {
            meaning_zh: meaning.to_owned(),
            detail: detail.to_owned(),
            action_zh: action.to_owned(),
            ..ErrorEntry::default()
        }
    }

    #[test]
    fn a_reason_for_people_is_shown_and_one_of_machines_is_not() {
        let shown = |detail: &str| for_patient(&error("平台拒绝。", detail, "请到窗口办理。"));
        let with_reason = "平台拒绝。（该人员医保待遇已暂停） 请到窗口办理。";
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
            assert_eq!(shown(machine), "平台拒绝。 请到窗口办理。", "{machine}");
        }
        let long = "很".repeat(REASON_CHARACTERS_MAX + 1);
        assert_eq!(shown(&long), "平台拒绝。 请到窗口办理。");
    }

    #[test]
    fn only_sentences_for_everybody_are_left() {
        let both = error("打印机缺纸。", "", "请装好纸；持续出现请信息科查看日志。");
        assert_eq!(for_patient(&both), "打印机缺纸。 请装好纸。");
        let neither = error("打印服务 CUPS 没有运行。", "", "请信息科启动 CUPS。");
        assert_eq!(for_patient(&neither), "暂时无法办理。 请联系工作人员。");
        let of_staff = error("此人有误。", "", "请按所列字段改正；请患者刷新医保码。");
        assert_eq!(for_patient(&of_staff), "暂时无法办理。 请您刷新医保码。");
    }

    #[test]
    fn a_cashiers_error_is_spoken_to_the_patient() {
        let paused = ErrorEntry {
            name: "INSURANCE_NOT_IN_FORCE".to_owned(),
            ..error("此人没有参加所需的险种。", "", "请患者向参保单位核实。")
        };
        assert_eq!(
            for_patient(&paused),
            "您没有参加所需的险种，或该险种已暂停、终止。 请您向参保单位或医保部门核实，或改为自费。"
        );
    }
}
