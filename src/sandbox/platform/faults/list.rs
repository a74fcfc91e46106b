//! Every fault with its name, for those who arm one.

use super::Kind;

/// How many characters the places of the printed list take.
const NAME_WIDTH: usize = 4;

/// What a name does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Means {
    /// It is armed at a transaction.
    Kind(Kind),
    /// It is a person or a switch.
    Elsewhere,
}

/// One row of the list.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// `F1`, `N1`.
    pub name: &'static str,
    pub(super) means: Means,
    /// What it does, Chinese.
    pub zh: &'static str,
    /// What it does, English.
    pub en: &'static str,
}

/// All names. A kind that has several is called by the first.
pub const LIST: [Entry; 39] = [
    armed(
        "F1",
        Kind::AnswerLost,
        "已处理，应答丢失",
        "done, the answer is lost",
    ),
    armed(
        "F2",
        Kind::RequestLost,
        "请求丢失，未处理",
        "the request is lost, nothing is done",
    ),
    armed(
        "F3",
        Kind::Slow,
        "已处理，迟 :毫秒 才应答",
        "done at once, answered :ms later (5000)",
    ),
    armed(
        "F4",
        Kind::Html,
        "网关返回 HTML 502，未处理；:504 则已处理",
        "an HTML page: 502 and not done, with :504 done",
    ),
    armed(
        "F5",
        Kind::Cut,
        "已处理，JSON 只有一半；:1 则传到一半断开",
        "done, the JSON is cut in half; with :1 the connection ends in the middle",
    ),
    armed("F6", Kind::InfcodeText, "infcode 为文本", "infcode is text"),
    armed(
        "F7",
        Kind::OutputText,
        "output 为 JSON 文本",
        "output is JSON text",
    ),
    armed(
        "F8",
        Kind::AmountsText,
        "金额为文本，2208 另有 null",
        "amounts are text, on 2208 also nulls",
    ),
    armed(
        "F9",
        Kind::FundWithAccount,
        "fund_pay_sumamt 含个人账户",
        "fund_pay_sumamt contains the account",
    ),
    armed(
        "F10",
        Kind::Gateway,
        "网关 401：签名时间戳超时",
        "the gateway says 401, nothing is done",
    ),
    armed(
        "F11",
        Kind::TokenInvalid,
        "ecToken（ec.query 处为医保码）过期",
        "the token (at ec.query the code) is expired",
    ),
    armed(
        "F12",
        Kind::OneFenOff,
        "2207 与 2206 相差一分",
        "2207 charges one fen otherwise than 2206 said",
    ),
    armed(
        "F13",
        Kind::MsgidRepeated,
        "称报文ID重复",
        "the msgid is claimed to be a repeated one",
    ),
    armed(
        "F14",
        Kind::SignExpired,
        "签到失效",
        "the sign-in ends at this moment",
    ),
    armed(
        "F15",
        Kind::QueryWithoutSetlId,
        "5203 无结算ID：:0 拒绝，:1 允许",
        "5203 without setl_id: refused, with :1 allowed",
    ),
    armed(
        "F16",
        Kind::ReverseUnknown,
        "2601 未知原报文：:1 成功，:0 拒绝",
        "2601 for an unknown omsgid: success, with :0 refused",
    ),
    armed(
        "F17",
        Kind::ClrOptinsNull,
        "clr_optins 为 null",
        "clr_optins is null",
    ),
    elsewhere(
        "F18",
        "两条参保或暂停参保：人员 two_insurances、paused",
        "two rows of insuinfo, or paused: the persons two_insurances, paused",
    ),
    elsewhere(
        "F19",
        "异地参保缺 insuplc_admdvs 一律拒绝：人员 other_area",
        "without insuplc_admdvs the person other_area is refused, always",
    ),
    armed(
        "F20",
        Kind::CommitLate,
        "等对方放弃（至多 :毫秒）后才处理",
        "done after the caller gave up, or after :ms (30000)",
    ),
    armed(
        "F21",
        Kind::RefusedThoughDone,
        "已处理却答 -1",
        "infcode -1 though done",
    ),
    armed(
        "F22",
        Kind::OtherAnswer,
        "答的是别的报文",
        "the answer speaks of another message",
    ),
    armed(
        "F23",
        Kind::DeliveredTwice,
        "中间层投递两次；:2 则以第二次应答",
        "a relay delivers it twice; with :2 the second one answers",
    ),
    armed(
        "F24",
        Kind::AnswerLost,
        "2601 已冲正，应答丢失（即 F1@2601）",
        "2601 done, its answer lost: F1@2601",
    ),
    armed(
        "F30",
        Kind::FileBent,
        "9102 的文件损坏：:0 截断 :1 行内截断 :2 列不符 :3 解压过大",
        "the file of 9102 is bent: :0 cut, :1 cut in a line, :2 other columns, :3 a bomb",
    ),
    armed(
        "N1",
        Kind::NothingListens,
        "此交易应答后 :毫秒 内拒绝连接；now 立即",
        "once it is answered (now: at once) nothing listens for :ms (2000)",
    ),
    armed(
        "N2",
        Kind::ConnectionReset,
        "此交易应答后 :个 连接一接即断；now 立即",
        "once it is answered (now: at once) the next :n (1) connections are reset",
    ),
    armed(
        "N3",
        Kind::RequestCut,
        "请求读到一半断开，未处理",
        "reset after part of the request was read, nothing is done",
    ),
    armed(
        "N4",
        Kind::AnswerReset,
        "已处理，应答首字节前断开",
        "done, reset before the first byte of the answer",
    ),
    armed(
        "N5",
        Kind::AnswerHalf,
        "已处理，应答一半后断开",
        "done, reset after half of the answer",
    ),
    armed(
        "N6",
        Kind::Garbage,
        "200 但内容是乱码；:0 则未处理",
        "200 and garbage; done, with :0 not",
    ),
    armed("N7", Kind::Html, "同 F4", "the same as F4"),
    armed(
        "N8",
        Kind::Slow,
        "同 F3：超时后才应答",
        "the same as F3: the answer after the deadline",
    ),
    armed("N9", Kind::DeliveredTwice, "同 F23", "the same as F23"),
    armed("N10", Kind::OtherAnswer, "同 F22", "the same as F22"),
    armed(
        "N11",
        Kind::Drip,
        "已处理，应答每 :毫秒 一字节",
        "done, the answer comes a byte each :ms (1000)",
    ),
    armed(
        "N12",
        Kind::HandshakeBroken,
        "此交易应答后 :次 TLS 握手失败；now 立即",
        "once it is answered (now: at once) the next :n (1) TLS handshakes are broken",
    ),
    armed(
        "N13",
        Kind::CertificateStrange,
        "此交易应答后 :次 出示不可信证书；now 立即",
        "once it is answered (now: at once) the next :n (1) certificates are a stranger's",
    ),
    armed(
        "N14",
        Kind::Gateway,
        "同 F10：时钟偏差被拒",
        "the same as F10: refused for the clock",
    ),
];

const fn armed(name: &'static str, kind: Kind, zh: &'static str, en: &'static str) -> Entry {
    let means = Means::Kind(kind);
    Entry {
        name,
        means,
        zh,
        en,
    }
}

const fn elsewhere(name: &'static str, zh: &'static str, en: &'static str) -> Entry {
    let means = Means::Elsewhere;
    Entry {
        name,
        means,
        zh,
        en,
    }
}

/// The row of this name.
pub(super) fn entry(name: &str) -> Option<&'static Entry> {
    LIST.iter().find(|row| row.name == name)
}

/// What this kind is called.
pub(super) fn name(kind: Kind) -> &'static str {
    let row = LIST.iter().find(|row| row.means == Means::Kind(kind));
    row.map_or("F?", |row| row.name)
}

/// The whole list, a fault a line, and how one is armed.
#[must_use]
pub fn listed() -> String {
    let mut text = "NAME@TRANSACTION[:VALUE][!]   ! 一直有效 for good; * 任一 any; \
        ec.query 医保码解码 decoding; now 立即 at once\n"
        .to_owned();
    for Entry { name, zh, en, .. } in &LIST {
        text.push_str(&format!(
            "{name:<NAME_WIDTH$} {zh}\n{:NAME_WIDTH$} {en}\n",
            ""
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_stands_once_and_says_what_it_does() {
        let names: Vec<&str> = LIST.iter().map(|row| row.name).collect();
        let expected: Vec<String> = (1..=24)
            .map(|n| format!("F{n}"))
            .chain(["F30".to_owned()])
            .chain((1..=14).map(|n| format!("N{n}")))
            .collect();
        assert_eq!(names, expected);
        let text = listed();
        for row in &LIST {
            assert!(text.contains(row.zh) && text.contains(row.en), "{row:?}");
            assert!(!row.zh.is_ascii() && row.en.is_ascii(), "{row:?}");
        }
    }
}
