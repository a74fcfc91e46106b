//! Errors that speak to the cashier in the book, as a screen says them to the patient who stands before it.

/// Name, what is wrong, what to do. Where the book's own words will do the text is empty.
const SPOKEN: [(&str, &str, &str); 30] = [
    ("NOBODY_SCANNED", "", "请您先打开医保码，再重新操作一次。"),
    ("OTHER_PERSON_SHOWN", "", "请您刷新并出示本人的医保码。"),
    (
        "PERSON_MISMATCH",
        "您出示的凭证与账单不是同一人，医保只可由本人使用。",
        "请您出示本人的医保码或证件；不能替他人支付，账单有误请到窗口更正。",
    ),
    (
        "PERSON_UNKNOWN",
        "没有查到您的参保信息。",
        "请您向参保地医保部门核实，或改为自费。",
    ),
    (
        "INSURANCE_NOT_IN_FORCE",
        "您没有参加所需的险种，或该险种已暂停、终止。",
        "请您向参保单位或医保部门核实，或改为自费。",
    ),
    (
        "INSURANCE_NOT_OF_PERSON",
        "所选险种您没有参加，或已暂停、终止。",
        "请改选您的有效险种后再办理。",
    ),
    (
        "SEVERAL_INSURANCES",
        "您有多个有效险种，需要选定用哪一个。",
        "请您选定险种后再办理。",
    ),
    (
        "IDENTIFY_INTERRUPTED",
        "刚才的识别没有完成。",
        "请您刷新医保码，再出示一次。",
    ),
    (
        "PICK_UP_OTHER_PERSON",
        "您出示的凭证与处方不是同一人，不能发药。",
        "请处方本人出示凭证取药；处方有误请联系医生。",
    ),
    (
        "ACCOUNT_NOT_SHARED",
        "",
        "请您改用本人的个人账户，或不使用个人账户。",
    ),
    (
        "NOBODY_SHOWED_CARD",
        "",
        "请您准备好卡片或证件，再重新操作一次。",
    ),
    ("CARD_OF_OTHER_KIND", "", "请您出示要求的卡片或证件。"),
    (
        "PLATFORM_UNREACHABLE",
        "暂时连接不上医保平台，未扣费。",
        "请您稍后再试；急需时可先自费。",
    ),
    ("PLATFORM_NO_ANSWER", "", WAIT),
    ("PLATFORM_UNREADABLE", IN_DOUBT, WAIT),
    ("SETTLE_REFUSED", "", "请联系工作人员，或改为自费。"),
    ("SETTLE_UNKNOWN", IN_DOUBT, WAIT),
    (
        "REVERSED_AFTER_LOST_ANSWER",
        "这次结算没有完成，已冲正，医保未扣费。",
        "您可以重新缴费。",
    ),
    (
        "REVERSED_AMOUNTS_DIFFER",
        "",
        "请您重新操作并再次核对金额；反复出现请联系工作人员。",
    ),
    ("STUCK", IN_DOUBT, ASK_STAFF),
    ("UNDO_FAILED", IN_DOUBT, ASK_STAFF),
    (
        "NOTHING_CHARGED",
        "已查明这次没有结算成功，未扣费。",
        "您可以重新缴费。",
    ),
    (
        "BILL_SETTLED_BEFORE",
        "这些费用已经结算过，或结果还在查证，本次未扣费。",
        ASK_STAFF,
    ),
    (
        "CANCELLED_BY_CALLER",
        "结算已取消，未扣费。",
        "如需继续，请重新操作。",
    ),
    (
        "CALLER_GONE",
        "结算已取消，未扣费。",
        "如需继续，请重新操作。",
    ),
    ("CONFIRM_TIMEOUT", "", "请重新操作，并在提示后及时确认。"),
    ("TOO_LATE_BEING_SETTLED", "正在结算，不能再取消。", WAIT),
    ("PENDING", "", WAIT),
    ("DEADLINE_OVER", IN_DOUBT, WAIT),
    ("INTERNAL", IN_DOUBT, ASK_STAFF),
];
/// Of money that nobody knows of yet.
const IN_DOUBT: &str = "结果尚不明确，正在查证。";
const WAIT: &str = "请您稍候，不要重复缴费。";
const ASK_STAFF: &str = "请您不要重复缴费，并联系工作人员。";

/// What is said of it, where that is not what the book says.
pub(super) fn of(name: &str) -> Option<(&'static str, &'static str)> {
    let row = SPOKEN.iter().find(|(of, _, _)| *of == name);
    row.map(|(_, meaning, action)| (*meaning, *action))
}

/// Names of the errors that are said otherwise than in the book.
pub fn names() -> impl Iterator<Item = &'static str> {
    SPOKEN.iter().map(|(name, _, _)| *name)
}
