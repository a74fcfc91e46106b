//! What only a person can resolve, and what a person states of it.

use super::error::entry_of_settlement;
use super::fields::Fields;
use super::order::request_id;
use super::settlement::{ID_LENGTH_MAX, money};
use super::time::rfc3339;
use crate::api as wire;
use crate::book::Code;
use crate::operation::{Failure, SettlementKey, Stated};
use crate::settlement::answer::Reason;
use crate::settlement::event::Verdict;
use crate::settlement::resolve::REASON_CHARS_MAX;
use crate::settlement::state::Resolution;
use crate::settlement::stuck::{End, Item, Subject, Tried, Trouble, Truth};
use crate::settlement::{handout, refund};

/// Characters of a platform's number.
const NUMBER_LENGTH_MAX: usize = 30;
/// Shortest id of a settlement that a person may name, characters.
const NUMBER_LENGTH_MIN: usize = 6;
/// Rows of a hand-out.
const LINES_MAX: usize = 100;

/// The list.
#[must_use]
pub fn list(items: Vec<Item>) -> wire::ListStuckResponse {
    let items = items.into_iter().map(item).collect();
    wire::ListStuckResponse { items }
}

fn item(item: Item) -> wire::StuckItem {
    let texts = texts(item.trouble);
    let reason = Reason {
        code: item.code,
        text: String::new(),
    };
    wire::StuckItem {
        id: item.id,
        subject: match item.subject {
            Subject::Settlement => wire::StuckSubject::Settlement,
            Subject::Refund => wire::StuckSubject::Refund,
            Subject::Dispense => wire::StuckSubject::Dispense,
            Subject::Other => wire::StuckSubject::Unspecified,
        }
        .into(),
        request_id: item.request_id,
        caller: item.caller,
        accepted_at: rfc3339(item.accepted_at_ms),
        stuck_at: rfc3339(item.stuck_at_ms),
        error: Some(entry_of_settlement(&reason, item.money)),
        money: money(item.money).into(),
        amount_fen: item.amount.0,
        operator_id: item.operator_id,
        operator_name: item.operator_name,
        office_id: item.office_id,
        office_name: item.office_name,
        masked_name: item.psn_name_masked,
        psn_no: item.psn_no,
        mdtrt_id: item.mdtrt_id,
        chrg_bchno: item.chrg_bchno,
        setl_id: item.setl_id,
        msgid: item.msgid,
        infno: item.infno,
        tried: item.tried.into_iter().map(tried).collect(),
        look_up_zh: texts.look_up.0.to_owned(),
        look_up_en: texts.look_up.1.to_owned(),
        action_zh: texts.action.0.to_owned(),
        action_en: texts.action.1.to_owned(),
        may_state: item
            .may_state
            .into_iter()
            .map(|truth| word(truth).into())
            .collect(),
        rtal_docno: item.rtal_docno,
        sel_retn_time: item.sel_retn_time,
    }
}

fn tried(tried: Tried) -> wire::TriedStep {
    let end = match tried.end {
        End::Done => wire::TriedEnd::Done,
        End::Refused => wire::TriedEnd::Refused,
        End::NotSent => wire::TriedEnd::NotSent,
        End::Unknown => wire::TriedEnd::Unknown,
        End::Found => wire::TriedEnd::Found,
        End::GivenBack => wire::TriedEnd::GivenBack,
        End::NothingThere => wire::TriedEnd::NothingThere,
        End::Unclear => wire::TriedEnd::Unclear,
    };
    wire::TriedStep {
        infno: tried.infno,
        times: tried.times,
        last_at: rfc3339(tried.last_at_ms),
        end: end.into(),
        code: tried
            .code
            .map(|code| code.id().to_owned())
            .unwrap_or_default(),
        infcode: tried.infcode,
    }
}

/// What to look up and what to do, each in Chinese and English.
struct Texts {
    look_up: (&'static str, &'static str),
    action: (&'static str, &'static str),
}

/// A hand-out or take-back in doubt.
const DISPENSE: (Both, Both) = (
    (
        "在医保平台的商品销售明细中，按定点医药机构编号、零售单据号和销售时间查找，看各行是否已有商品销售流水号。",
        "Among the platform's sales of goods, look by provider, number of the sale document and time \
         whether the rows have a number.",
    ),
    (
        "各行均已记录：认定 recorded；只记录了部分行：认定 recorded 并列出这些行次（--lines）；均未记录：认定 \
         not-recorded。未记录的行换新请求编号重新上报，已记录的不要重报。",
        "All rows there: state recorded. Some there: recorded, with the places of those rows (--lines). None \
         there: not-recorded. What is not there is handed in under a new request_id, what is there never again.",
    ),
);

/// A record that cannot be read.
const UNREADABLE: (Both, Both) = (
    (
        "本机记录无法读取；在医保平台的医药机构门户中按所列编号和日期查找。",
        "The record at this desk cannot be read; look in the platform's portal by the numbers and the day \
         listed.",
    ),
    (
        "由信息科先执行 yibaoctl journal verify，并查看日志；程序版本较旧的请升级。修复前不要重新结算。",
        "Run yibaoctl journal verify first and read the log; upgrade an older program. Do not settle again \
         before it is mended.",
    ),
);

/// Chinese and English.
type Both = (&'static str, &'static str);

fn texts(trouble: Trouble) -> Texts {
    let (look_up, action) = match trouble {
        Trouble::ChargeUnknown => (
            (
                "在医保平台的医药机构门户“结算查询”（或次日的对账明细）中，按人员编号、就诊 ID 和受理日期查找；\
                 医药机构结算 ID（medins_setl_id）等于下列报文 ID 的那一条就是本笔。",
                "In the platform's portal for providers, under settlement query (or next day's reconciliation \
                 details), look by person number, visit id and day; the row whose medins_setl_id is the msgid \
                 below is this one.",
            ),
            (
                "查到且未退费：认定 settled（并填结算 ID）；查到已退费：认定 reversed；次日仍查不到：认定 \
                 not-charged。认定之前不要重新结算，也不要收自费。",
                "There and not refunded: state settled, with its setl_id. There and refunded: reversed. Still not \
                 there next day: not-charged. Until then do not settle again and take no money.",
            ),
        ),
        Trouble::ChargeStands => (
            (
                "在医保平台的医药机构门户“结算查询”中按结算 ID 查看：是否已有退费记录（退费结算标志为 1）。",
                "In the platform's portal for providers, under settlement query, look by setl_id whether a refund \
                 is there (refd_setl_flag 1).",
            ),
            (
                "未退费的，在门户中撤销该笔结算，再认定 reversed；医保办决定保留该笔的，按平台金额向患者结清后\
                 认定 settled。",
                "Not refunded: undo it in the portal, then state reversed. If the insurance office lets it stand, \
                 settle up with the patient by the platform's amounts and state settled.",
            ),
        ),
        Trouble::LeftOpen => (
            (
                "资金结果已明确。在医保平台的医药机构门户“就诊登记”中按就诊 ID 查看：登记和收费批次的明细是否\
                 仍在。",
                "The money is clear. In the platform's portal for providers, under visits, look by mdtrt_id \
                 whether the registration and the lines of the batch are still there.",
            ),
            (
                "仍在的，在门户中撤销该批次明细和就诊登记，然后按所列结果认定，使其离开清单。",
                "Take the lines and the registration back in the portal if they are there, then state the listed \
                 outcome so that it leaves the list.",
            ),
        ),
        Trouble::RefundUnknown => (
            (
                "在医保平台的医药机构门户“结算查询”中按结算 ID 查看：是否已有退费记录（退费结算标志为 1）。",
                "In the platform's portal for providers, under settlement query, look by setl_id whether a refund \
                 is there (refd_setl_flag 1).",
            ),
            (
                "已退费：认定 refunded，并把自付部分退还患者；未退费：认定 not-refunded，然后用新的请求编号重新退费。",
                "Refunded: state refunded and hand the self-paid part back. Not refunded: state not-refunded, then \
                 refund again with a new request id.",
            ),
        ),
        Trouble::DispenseUnknown => DISPENSE,
        Trouble::Unreadable => UNREADABLE,
    };
    Texts { look_up, action }
}

/// What is stated.
///
/// # Errors
/// `REQUEST_INVALID` and others, naming the fields.
pub fn stated(request: wire::ResolveSettlementRequest) -> Result<Stated, Failure> {
    use wire::resolve_settlement_request::Key;
    let mut fields = Fields::default();
    let key = match request.key {
        Some(Key::RequestId(id)) => SettlementKey::RequestId(request_id(id)?),
        Some(Key::SettlementId(id)) => {
            SettlementKey::SettlementId(fields.required("settlement_id", id, ID_LENGTH_MAX))
        }
        Some(Key::SetlId(id)) => {
            SettlementKey::SetlId(fields.required("setl_id", id, ID_LENGTH_MAX))
        }
        Some(Key::Msgid(id)) => SettlementKey::Msgid(fields.required("msgid", id, ID_LENGTH_MAX)),
        None => {
            let why = "one of settlement_id, request_id, setl_id, msgid is required";
            fields.wrong(Code::RequestInvalid, "key", why);
            SettlementKey::SettlementId(String::new())
        }
    };
    let verdict = fields.known("as", request.r#as, None, |wire| match wire {
        wire::ResolvedAs::Unspecified => None,
        wire::ResolvedAs::Settled => Some(Truth::Settlement(Verdict::Settled)),
        wire::ResolvedAs::NotCharged => Some(Truth::Settlement(Verdict::NotCharged)),
        wire::ResolvedAs::Reversed => Some(Truth::Settlement(Verdict::Reversed)),
        wire::ResolvedAs::Refunded => Some(Truth::Refund(refund::End::Refunded)),
        wire::ResolvedAs::NotRefunded => Some(Truth::Refund(refund::End::Refused)),
        wire::ResolvedAs::Recorded => Some(Truth::Dispense(handout::Ending::Recorded)),
        wire::ResolvedAs::NotRecorded => Some(Truth::Dispense(handout::Ending::Refused)),
    });
    let reason = fields.required("reason", request.reason, REASON_CHARS_MAX);
    let setl_id = fields.optional("stated_setl_id", request.stated_setl_id, NUMBER_LENGTH_MAX);
    if !setl_id.is_empty() && !looks_like_number(&setl_id) {
        let why =
            "is no id of a settlement: 6–30 letters, digits, - and _, as the platform shows it";
        fields.wrong(Code::RequestInvalid, "stated_setl_id", why);
    }
    let lines = request.recorded_lines;
    let speaks_of_rows = match verdict {
        Some(Truth::Dispense(handout::Ending::Recorded)) | None => true,
        Some(Truth::Dispense(_) | Truth::Settlement(_) | Truth::Refund(_)) => false,
    };
    if !lines.is_empty() && !speaks_of_rows {
        let why = "is for a hand-out or take-back that is stated as recorded";
        fields.wrong(Code::RequestInvalid, "recorded_lines", why);
    }
    if lines.len() > LINES_MAX {
        let why = format!("has more than {LINES_MAX} rows");
        fields.wrong(Code::RequestInvalid, "recorded_lines", why);
    }
    fields.finish(Stated {
        key,
        // What could not be read was noted, so its stand-in leaves in an error only.
        verdict: verdict.unwrap_or(Truth::Settlement(Verdict::Reversed)),
        reason,
        setl_id,
        lines,
    })
}

/// Whether the platform may have given this number. Its form is not published; what a person types by mistake – a
/// word, a sum, a name – is kept out.
fn looks_like_number(setl_id: &str) -> bool {
    setl_id.len() >= NUMBER_LENGTH_MIN
        && setl_id.bytes().any(|b| b.is_ascii_digit())
        && (setl_id.bytes()).all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// What was stated.
#[must_use]
pub fn resolution(resolution: Resolution) -> wire::Resolution {
    wire::Resolution {
        by: resolution.by,
        at: rfc3339(resolution.at_ms),
        reason: resolution.reason,
        r#as: word(Truth::Settlement(resolution.verdict)).into(),
    }
}

/// What was stated of a refund.
#[must_use]
pub fn refund_resolution(resolution: refund::Resolution) -> wire::Resolution {
    wire::Resolution {
        by: resolution.by,
        at: rfc3339(resolution.at_ms),
        reason: resolution.reason,
        r#as: word(Truth::Refund(resolution.end)).into(),
    }
}

/// What was stated of a hand-out or take-back.
#[must_use]
pub fn dispense_resolution(resolution: &handout::Resolution) -> wire::Resolution {
    wire::Resolution {
        by: resolution.by.clone(),
        at: rfc3339(resolution.at_ms),
        reason: resolution.reason.clone(),
        r#as: word(Truth::Dispense(resolution.ending)).into(),
    }
}

fn word(truth: Truth) -> wire::ResolvedAs {
    match truth {
        Truth::Settlement(Verdict::Settled) => wire::ResolvedAs::Settled,
        Truth::Settlement(Verdict::NotCharged) => wire::ResolvedAs::NotCharged,
        Truth::Settlement(Verdict::Reversed) => wire::ResolvedAs::Reversed,
        Truth::Refund(refund::End::Refunded) => wire::ResolvedAs::Refunded,
        Truth::Refund(refund::End::Refused) => wire::ResolvedAs::NotRefunded,
        Truth::Dispense(handout::Ending::Recorded) => wire::ResolvedAs::Recorded,
        Truth::Dispense(handout::Ending::Refused) => wire::ResolvedAs::NotRecorded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TROUBLES: [Trouble; 6] = [
        Trouble::ChargeUnknown,
        Trouble::ChargeStands,
        Trouble::LeftOpen,
        Trouble::RefundUnknown,
        Trouble::DispenseUnknown,
        Trouble::Unreadable,
    ];

    #[test]
    fn every_trouble_says_what_to_look_up_and_what_to_do() {
        let mut seen = std::collections::BTreeSet::new();
        for trouble in TROUBLES {
            let texts = texts(trouble);
            for (zh, en) in [texts.look_up, texts.action] {
                assert!(zh.ends_with('。') && en.ends_with('.'), "{trouble:?}");
                assert!(en.is_ascii(), "{trouble:?}: {en}");
                assert!(
                    !en.contains("  ") && !zh.contains("  "),
                    "{trouble:?}: {zh} {en}"
                );
            }
            assert!(seen.insert(texts.action.0), "{trouble:?}");
        }
    }

    #[test]
    fn a_statement_needs_key_verdict_and_reason() {
        let whole = wire::ResolveSettlementRequest {
            key: Some(wire::resolve_settlement_request::Key::SetlId("S1".into())),
            r#as: wire::ResolvedAs::Settled.into(),
            reason: " 门户已查到 ".into(),
            stated_setl_id: "S00001".into(),
            ..wire::ResolveSettlementRequest::default()
        };
        let read = stated(whole.clone()).unwrap();
        assert_eq!(
            (read.key, read.verdict, read.reason.as_str()),
            (
                SettlementKey::SetlId("S1".into()),
                Truth::Settlement(Verdict::Settled),
                "门户已查到"
            )
        );
        let nothing = wire::ResolveSettlementRequest::default();
        assert_eq!(stated(nothing).unwrap_err().fields, ["key", "as", "reason"]);
        let rows = wire::ResolveSettlementRequest {
            recorded_lines: vec![1],
            ..whole.clone()
        };
        assert_eq!(stated(rows.clone()).unwrap_err().fields, ["recorded_lines"]);
        let rows = wire::ResolveSettlementRequest {
            r#as: wire::ResolvedAs::Recorded.into(),
            ..rows
        };
        assert_eq!(stated(rows).unwrap().lines, [1]);
        let long = wire::ResolveSettlementRequest {
            reason: "长".repeat(REASON_CHARS_MAX + 1),
            ..whole.clone()
        };
        assert_eq!(stated(long).unwrap_err().code, Code::TextTooLong);
        let lines = wire::ResolveSettlementRequest {
            reason: "a\nb".into(),
            ..whole
        };
        assert_eq!(stated(lines).unwrap_err().fields, ["reason"]);
    }
}
