//! What a settlement asks the person in front to do or to wait for, ready to show: one text for each stage, and for each
//! thing that may be shown where one is asked for.

use crate::settlement::answer::Stage;
use crate::settlement::identify::ask;
use crate::settlement::order::CredentialKind;

/// Chinese and English; empty when there is nothing to do.
pub(super) fn prompt(stage: Stage, asks: &[CredentialKind]) -> (String, String) {
    let (zh, en) = match stage {
        Stage::WaitingScan => return asking(asks, ask),
        Stage::WaitingFreshScan => return asking(asks, fresh),
        Stage::Queued => (
            "请稍候，正在排队等候扫码器。",
            "Please wait for the scanner.",
        ),
        Stage::WaitingPerson => (
            "请核对患者姓名和证件号码。",
            "Please check name and id number.",
        ),
        Stage::WaitingAmounts => ("请核对结算金额。", "Please check the amounts."),
        Stage::Decoding
        | Stage::Person
        | Stage::Registering
        | Stage::VisitInfo
        | Stage::Fees
        | Stage::PreSettling => ("请稍候，正在办理。", "Please wait."),
        Stage::Settling => ("正在医保结算，请勿离开。", "Settling. Please do not leave."),
        Stage::FindingOut => (
            "正在查证结算结果，请稍候，不要重新结算。",
            "Finding out the result. Do not settle again.",
        ),
        Stage::Undoing => ("正在撤销，请稍候。", "Taking it back. Please wait."),
        Stage::Printing => (
            "正在打印小票，请取走。",
            "Printing. Please take the receipt.",
        ),
        Stage::WaitingCaller => (
            "收费程序已断开，等待其重新连接。",
            "The calling program went away; waiting for it.",
        ),
        Stage::Stuck => (
            "需要人工处理，请联系医保办，不要重新结算。",
            "A person must act. Do not settle again; call the insurance office.",
        ),
        Stage::Ended => ("", ""),
    };
    (zh.to_owned(), en.to_owned())
}

/// Any of these; the code where it is not known what.
fn asking(
    asks: &[CredentialKind],
    words: fn(CredentialKind) -> (&'static str, &'static str),
) -> (String, String) {
    let asks: &[CredentialKind] = match asks {
        [] => &[CredentialKind::EVoucher],
        asks => asks,
    };
    let zh: Vec<&str> = asks.iter().map(|kind| words(*kind).0).collect();
    let en: Vec<&str> = asks.iter().map(|kind| words(*kind).1).collect();
    (
        format!("请{}。", zh.join("，或")),
        format!("Please {}.", en.join(", or ")),
    )
}

fn fresh(kind: CredentialKind) -> (&'static str, &'static str) {
    match kind {
        CredentialKind::EVoucher => (
            "刷新您的医保电子凭证后再扫一次",
            "refresh your medical insurance code and show it again",
        ),
        CredentialKind::SocialCard => (
            "重新插入您的社保卡",
            "take the social security card out and insert it again",
        ),
        CredentialKind::ResidentId => (
            "拿起您的身份证后重新放在读卡区",
            "lift the resident id card and lay it on the reader again",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_shown_is_asked_for() {
        let (code, card, id) = (
            CredentialKind::EVoucher,
            CredentialKind::SocialCard,
            CredentialKind::ResidentId,
        );
        for (stage, asks, zh) in [
            (
                Stage::WaitingScan,
                &[][..],
                "请刷新您的医保电子凭证，对准扫码口。",
            ),
            (
                Stage::WaitingScan,
                &[code],
                "请刷新您的医保电子凭证，对准扫码口。",
            ),
            (Stage::WaitingScan, &[id], "请将您的身份证放在读卡区。"),
            (
                Stage::WaitingScan,
                &[code, card],
                "请刷新您的医保电子凭证，对准扫码口，或插入您的社保卡。",
            ),
            (
                Stage::WaitingFreshScan,
                &[code],
                "请刷新您的医保电子凭证后再扫一次。",
            ),
            (
                Stage::WaitingFreshScan,
                &[id],
                "请拿起您的身份证后重新放在读卡区。",
            ),
            (Stage::WaitingPerson, &[id], "请核对患者姓名和证件号码。"),
            (Stage::Ended, &[code], ""),
        ] {
            let (told, en) = prompt(stage, asks);
            assert_eq!((told.as_str(), en.is_empty()), (zh, zh.is_empty()));
        }
    }
}
