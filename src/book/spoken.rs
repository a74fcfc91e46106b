//! Errors whose words in the book are for the staff, as a screen says them to the patient who stands before it.

use super::Code;

/// What is wrong, what to do. Where the book's own words will do the text is empty.
const SPOKEN: [(Code, &str, &str); 37] = [
    (
        Code::NobodyScanned,
        "",
        "请您先打开医保码，再重新操作一次。",
    ),
    (Code::OtherPersonShown, "", "请您刷新并出示本人的医保码。"),
    (
        Code::PersonMismatch,
        "您出示的凭证与账单不是同一人，医保只可由本人使用。",
        "请您出示本人的医保码或证件；不能替他人支付，账单有误请到窗口更正。",
    ),
    (
        Code::PersonUnknown,
        "没有查到您的参保信息。",
        "请您向参保地医保部门核实，或改为自费。",
    ),
    (
        Code::InsuranceNotInForce,
        "您没有参加所需的险种，或该险种已暂停、终止。",
        "请您向参保单位或医保部门核实，或改为自费。",
    ),
    (
        Code::InsuranceNotOfPerson,
        "所选险种您没有参加，或已暂停、终止。",
        "请改选您的有效险种后再办理。",
    ),
    (
        Code::SeveralInsurances,
        "您有多个有效险种，需要选定用哪一个。",
        "请您选定险种后再办理。",
    ),
    (
        Code::IdentifyInterrupted,
        "刚才的识别没有完成。",
        "请您刷新医保码，再出示一次。",
    ),
    (
        Code::PickUpOtherPerson,
        "您出示的凭证与处方不是同一人，不能发药。",
        "请处方本人出示凭证取药；处方有误请联系医生。",
    ),
    (
        Code::DispenseUnknown,
        "药品的医保登记还没有得到确认。",
        "请您稍候，由工作人员核实后办理。",
    ),
    (
        Code::RowsRefused,
        "有药品未能完成医保登记。",
        "请您稍候，由工作人员核对后再取走或退回这些药品。",
    ),
    (
        Code::AccountNotShared,
        "",
        "请您改用本人的个人账户，或不使用个人账户。",
    ),
    (
        Code::NobodyShowedCard,
        "",
        "请您准备好卡片或证件，再重新操作一次。",
    ),
    (Code::CardOfOtherKind, "", "请您出示要求的卡片或证件。"),
    (
        Code::PlatformUnreachable,
        "暂时连接不上医保平台，未扣费。",
        "请您稍后再试；急需时可先自费。",
    ),
    (Code::PlatformNoAnswer, "", WAIT),
    (Code::PlatformUnreadable, IN_DOUBT, WAIT),
    (Code::SettleRefused, "", "请联系工作人员，或改为自费。"),
    (Code::SettleUnknown, IN_DOUBT, WAIT),
    (
        Code::ReversedAfterLostAnswer,
        "这次结算没有完成，已退回，医保未扣费。",
        "您可以重新缴费。",
    ),
    (
        Code::ReversedAmountsDiffer,
        "",
        "请您重新操作；反复出现请联系工作人员。",
    ),
    (Code::Stuck, IN_DOUBT, ASK_STAFF),
    (Code::UndoFailed, IN_DOUBT, ASK_STAFF),
    (
        Code::NothingCharged,
        "已查明这次没有结算成功，未扣费。",
        "您可以重新缴费。",
    ),
    (
        Code::BillSettledBefore,
        "这些费用已经结算过，或结果还在查证，本次未扣费。",
        ASK_STAFF,
    ),
    (
        Code::CancelledByCaller,
        "结算已取消，未扣费。",
        "如需继续，请重新操作。",
    ),
    (
        Code::CallerGone,
        "结算已取消，未扣费。",
        "如需继续，请重新操作。",
    ),
    (Code::ConfirmTimeout, "", "请重新操作，并在提示后及时确认。"),
    (Code::TooLateBeingSettled, "正在结算，不能再取消。", WAIT),
    (Code::Pending, "", WAIT),
    (Code::DeadlineOver, IN_DOUBT, WAIT),
    (Code::Internal, IN_DOUBT, ASK_STAFF),
    (Code::RefundOfUnknown, REFUND_IN_DOUBT, REFUND_WAIT),
    (Code::RefundUnknown, REFUND_IN_DOUBT, REFUND_WAIT),
    (Code::RefundPending, REFUND_IN_DOUBT, REFUND_WAIT),
    (Code::RefundStuck, REFUND_IN_DOUBT, REFUND_WAIT),
    (
        Code::JournalRolledBack,
        "暂时无法办理。",
        "请联系工作人员。",
    ),
];
/// Of money that may have been given back.
const REFUND_IN_DOUBT: &str = "退费结果尚不明确，正在查证。";
const REFUND_WAIT: &str = "请您稍候，并联系工作人员。";
/// Of money that nobody knows of yet.
pub(super) const IN_DOUBT: &str = "结果尚不明确，正在查证。";
pub(super) const WAIT: &str = "请您稍候，不要重复缴费。";
pub(super) const ASK_STAFF: &str = "请您不要重复缴费，并联系工作人员。";

/// What is said of it, where that is not what the book says: what is wrong, what to do.
pub(super) fn of(code: Code) -> Option<(&'static str, &'static str)> {
    let row = SPOKEN.iter().find(|(of, _, _)| *of == code);
    row.map(|(_, meaning, action)| (*meaning, *action))
}
