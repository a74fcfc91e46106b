//! The table itself: a row a code.
//!
//! `name = number, stable name, money, repeat, meaning (zh, en), what to do (zh, en)`

use super::{Entry, MoneyState, Repeat};

macro_rules! codes {
    ($($variant:ident = $id:literal, $name:literal, $money:ident, $repeat:ident,
        $meaning_zh:literal, $meaning_en:literal, $action_zh:literal, $action_en:literal;)*) => {
        /// Everything that can be said to be wrong. The number's first digit names the family.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum Code {
            $(
                #[doc = concat!($id, " ", $name, ": ", $meaning_en)]
                #[serde(rename = $id)]
                $variant,
            )*
        }

        impl Code {
            /// All codes, in the order of their numbers.
            pub const ALL: &'static [Code] = &[$(Code::$variant),*];

            /// The stable number, such as `E2001`.
            #[must_use]
            pub fn id(self) -> &'static str {
                match self { $(Code::$variant => $id,)* }
            }

            /// The stable name, such as `PAYMENT_CODE_SHOWN`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Code::$variant => $name,)* }
            }

            /// The row of the book.
            #[must_use]
            pub fn entry(self) -> Entry {
                match self { $(Code::$variant => Entry {
                    code: self,
                    money: MoneyState::$money,
                    repeat: Repeat::$repeat,
                    meaning_zh: $meaning_zh,
                    meaning_en: $meaning_en,
                    action_zh: $action_zh,
                    action_en: $action_en,
                },)* }
            }
        }
    };
}

with_devices! { {
    // The request.
    RequestInvalid = "E1001", "REQUEST_INVALID", NotConcerned, SameId,
        "请求内容有误，未受理。",
        "The request is not valid; nothing was started.",
        "请按所列字段改正后用原编号重新发起；反复出现请联系 HIS 厂商。",
        "Correct the named fields and call again with the same id; if it keeps happening, call the HIS vendor.";
    EmptyBill = "E1002", "EMPTY_BILL", NotCharged, NewId,
        "账单中没有收费明细。",
        "The bill has no lines.",
        "请确认患者有待缴费用，并在 HIS 中重新生成账单。",
        "Check that the patient has something to pay and make the bill again in the HIS.";
    LineAmountMismatch = "E1003", "LINE_AMOUNT_MISMATCH", NotCharged, NewId,
        "有一条明细的单价乘数量不等于金额。",
        "Price times count of a line does not give its amount.",
        "请在 HIS 中核对所列明细的单价、数量和金额后重新发起。",
        "Check price, count and amount of the named line in the HIS and call again.";
    AmountNotPositive = "E1004", "AMOUNT_NOT_POSITIVE", NotCharged, NewId,
        "有一条明细的金额、单价或数量为零或负数。",
        "An amount, price or count of a line is zero or negative.",
        "请删除或改正所列明细；退费请走退费流程，不要开负数账单。",
        "Remove or correct the named line; give money back by a refund, not by a negative line.";
    TooManyDecimals = "E1005", "TOO_MANY_DECIMALS", NotCharged, NewId,
        "单价、数量或金额的小数位数超出医保平台的规定。",
        "A price, count or amount has more decimals than the platform takes.",
        "单价至多 6 位小数，数量至多 4 位，金额精确到分；请改正后重新发起。",
        "Price has at most 6 decimals, count 4, amounts whole fen; correct it and call again.";
    SumTooLarge = "E1006", "SUM_TOO_LARGE", NotCharged, NewId,
        "金额、单价或数量超出医保平台的字段长度。",
        "An amount, price or count is longer than the platform's field.",
        "请核对是否录入错误；确属大额的请拆成几张账单分次结算。",
        "Check for a typing error; if it is right, settle it in several smaller bills.";
    UnknownField = "E1007", "UNKNOWN_FIELD", NotConcerned, SameId,
        "请求中有不认识的字段。",
        "The request has a field that is not known.",
        "请删除或改正所列字段名；反复出现请联系 HIS 厂商。",
        "Remove or correct the named field; if it keeps happening, call the HIS vendor.";
    NationalCodeMissing = "E1008", "NATIONAL_CODE_MISSING", NotCharged, NewId,
        "有一条明细没有医保目录编码（国家码）。",
        "A line has no national catalogue code.",
        "请医保办为所列项目完成目录对照，再重新发起。",
        "Have the insurance office map the named item to the national catalogue, then call again.";
    BillNamesNobody = "E1009", "BILL_NAMES_NOBODY", NotCharged, NewId,
        "账单没有写明患者，不能确认是为谁结算。",
        "The bill names no patient.",
        "请在 HIS 中填写患者的证件号码和姓名后重新发起。",
        "Enter the patient's id number and name in the HIS and call again.";
    RequestIdInvalid = "E1010", "REQUEST_ID_INVALID", NotConcerned, SameId,
        "请求编号格式不对：应为 1 至 64 位字母、数字或 . _ - 符号。",
        "The request_id must be 1 to 64 letters, digits, dots, underscores or hyphens.",
        "此单若可能已用相近的编号发起过，请先按那个编号查询，不要另行结算；编号由 HIS 厂商改正。",
        "If the bill may have been sent under a like id, look that up first; the HIS vendor corrects the ids.";
    RequestIdOtherBody = "E1011", "REQUEST_ID_OTHER_BODY", NotConcerned, AskOnly,
        "同一请求编号以前用于另一份内容不同的请求。",
        "This request_id was used before for a different request.",
        "请先用此编号查询原来那笔的结果；确认它没有办成，或这确属另一笔，再换新编号发起。",
        "Look up the first one by this id; only if it came to nothing, or this is another matter, use a new id.";
    BillsCannotMerge = "E1012", "BILLS_CANNOT_MERGE", NotCharged, NewId,
        "这些账单的病种编码不一致，不能合并成一次结算。",
        "The bills do not agree in disease code and cannot be settled together.",
        "请按所列分组分别发起结算。",
        "Settle the listed groups one after another.";
    TooManyLines = "E1013", "TOO_MANY_LINES", NotCharged, NewId,
        "明细条数超过一次上传的上限。",
        "There are more lines than one upload takes.",
        "请按提示的条数拆成几张账单分次结算。",
        "Split the bill by the number that is given and settle the parts one after another.";
    VisitBusy = "E1014", "VISIT_BUSY", NotCharged, NewId,
        "本窗口已有同一次就诊的结算尚未结束。",
        "A settlement of the same visit is still open at this desk.",
        "请先等所列的那笔结算结束或将其取消，再重新发起。",
        "Wait until the named settlement has ended or cancel it, then call again.";
    TextTooLong = "E1015", "TEXT_TOO_LONG", NotCharged, NewId,
        "有字段的内容超过医保平台规定的长度。",
        "A text is longer than the platform's field.",
        "请缩短所列字段的内容后重新发起。",
        "Shorten the named field and call again.";
    PharmacyNotEnabled = "E1030", "PHARMACY_NOT_ENABLED", NotCharged, NewId,
        "本站点没有开通药店购药结算。",
        "This site does not settle a pharmacy's orders.",
        "请改用门诊缴费结算；确需开通请信息科在站点配置中设置 transactions.pharmacy。",
        "Settle it as an outpatient bill; to switch it on, set transactions.pharmacy in the site profile.";
    TakenBackTooMuch = "E1031", "TAKEN_BACK_TOO_MUCH", NotConcerned, NewId,
        "退回的药品数量超过了发出的数量。",
        "More comes back than was handed out.",
        "请核对所列行的发出与已退数量，改正后换新编号重新上报。",
        "Compare what went out and came back on the named line, correct it and call with a new id.";
    DispenseNotEnabled = "E1032", "DISPENSE_NOT_ENABLED", NotConcerned, NewId,
        "本站点没有开通发药与退药上报。",
        "This site does not tell hand-outs to the platform.",
        "确需开通请信息科在站点配置中设置 dispense.enabled。",
        "To switch it on, set dispense.enabled in the site profile.";
    RowsRefused = "E1033", "ROWS_REFUSED", NotConcerned, NewId,
        "平台没有接受其中的一行或几行药品。",
        "The platform did not take every row.",
        "请按逐行说明改正未接受的行，换新编号只上报这些行。",
        "Correct the rows that were not taken and hand in only those with a new id.";
    DispenseUnknown = "E1034", "DISPENSE_UNKNOWN", NotConcerned, AskOnly,
        "发药或退药的上报结果不明，平台可能已经记录。",
        "It is not known whether the platform recorded the hand-out or take-back.",
        "不要重复上报，请向医保经办机构核实后由管理员处理。",
        "Do not hand it in again; ask the insurance office what was recorded, then have it resolved.";
    SaleInDoubt = "E1035", "SALE_IN_DOUBT", NotCharged, NewId,
        "该参保人在本窗口还有一笔结算没有结果，本次购药未扣费。",
        "Another settlement of this person at this desk has no known end; nothing was charged for this sale.",
        "请先等那一笔有结果（结果不明的由人工处理）；确认不是同一次购药，再换新编号重新发起。",
        "Wait for the end of that one (in doubt: have it resolved); if it is not the same sale, call with a new id.";
    SettlementNotStanding = "E1036", "SETTLEMENT_NOT_STANDING", NotConcerned, NewId,
        "所依据的结算没有成功，或已经退费、正在退费，不能按它发药，未上报。",
        "The settlement came to nothing, was given back or is being: no goods go out by it; nothing was recorded.",
        "请核对结算编号；确需发药请重新结算，再用新编号发药。",
        "Check the settlement's number; settle anew, then hand out with a new id.";
    BillSettledBefore = "E1037", "BILL_SETTLED_BEFORE", NotCharged, AskOnly,
        "这张账单在本窗口已用另一编号结算过，或正在结算、结果不明，本次未扣费。",
        "This bill was settled here before under another id, or may have been; nothing was charged this time.",
        "请按 details 所列请求编号（如 yibaoctl show）查询那一笔的结果，不要重复收费；确须重新结算请先退费。",
        "Ask for the settlement that is named and take no money twice; give it back first if it must be settled anew.";

    // What was shown to the scanner.
    PaymentCodeShown = "E2001", "PAYMENT_CODE_SHOWN", NotCharged, NewId,
        "出示的是微信、支付宝等付款码，不是医保码，未作任何扣款。",
        "A payment code was shown, not an insurance code; it was sent nowhere.",
        "请患者打开医保码（国家医保服务平台、微信或支付宝中均可）后重新扫码。",
        "Ask the patient to open the insurance code (NHSA app, WeChat or Alipay) and scan it.";
    IdNumberShown = "E2002", "ID_NUMBER_SHOWN", NotCharged, NewId,
        "扫到的是证件号码，不是医保码。",
        "An id number was scanned, not an insurance code.",
        "请患者打开手机上的医保码后重新扫码。",
        "Ask the patient to open the insurance code on the phone and scan it.";
    CodeIncomplete = "E2003", "CODE_INCOMPLETE", NotCharged, NewId,
        "扫到的码不完整。",
        "Only a part of a code was read.",
        "请调亮手机屏幕，把医保码放稳后重新扫码；每次都如此请检查扫码器的波特率和结束符设置。",
        "Make the phone's screen brighter, hold the code still and scan again; if it is so each time, check the scanner's speed (baud) and terminator.";
    CodesGlued = "E2004", "CODES_GLUED", NotCharged, NewId,
        "一次扫到了两个连在一起的码。",
        "Two codes came in one reading.",
        "请只出示一个医保码，重新扫码一次。",
        "Show one insurance code only and scan once more.";
    CodeEncoding = "E2005", "CODE_ENCODING", NotCharged, NewId,
        "扫码器传来的内容含有异常字符，无法识别。",
        "The scanner sent characters that no insurance code has.",
        "请重新扫码；反复出现请检查扫码器的串口与字符设置。",
        "Scan again; if it keeps happening, check the scanner's line and character settings.";
    CodeExpired = "E2006", "CODE_EXPIRED", NotCharged, NewId,
        "医保码已过期或已经用过。",
        "The insurance code has expired or was used before.",
        "请患者刷新医保码后重新扫码。",
        "Ask the patient to refresh the code and scan again.";
    CodeUnknownKind = "E2007", "CODE_UNKNOWN_KIND", NotCharged, NewId,
        "扫到的不是医保码。",
        "What was scanned is no insurance code.",
        "请患者打开医保码后重新扫码。",
        "Ask the patient to open the insurance code and scan it.";
    NobodyScanned = "E2008", "NOBODY_SCANNED", NotCharged, NewId,
        "在规定时间内没有人扫码。",
        "Nobody scanned a code in time.",
        "请准备好要扫的码（医保码请患者提前打开），然后重新发起。",
        "Have the code ready (an insurance code: opened by the patient), then start again.";
    SameCodeAgain = "E2009", "SAME_CODE_AGAIN", NotCharged, NewId,
        "再次出示的仍是刚才那个码。",
        "The same code was shown a second time.",
        "请患者刷新医保码，待新码出现后再扫。",
        "Ask the patient to refresh the code and scan the new one.";
    OtherPersonShown = "E2010", "OTHER_PERSON_SHOWN", NotCharged, NewId,
        "第二次出示的医保码属于另一个人。",
        "The second code belongs to another person.",
        "请由同一位患者刷新并出示本人的医保码。",
        "The same patient must refresh and show the code.";
    PersonMismatch = "E2011", "PERSON_MISMATCH", NotCharged, NewId,
        "出示凭证的人与账单上的患者不是同一人，医保只可由本人使用。",
        "Who showed the credential is not the patient on the bill; only the own insurance pays.",
        "请账单上的患者出示本人的医保码或证件；不能替他人支付，账单有误请到窗口更正。",
        "The patient on the bill must show the own credential; nobody can pay for another person.";
    PersonUnknown = "E2012", "PERSON_UNKNOWN", NotCharged, NewId,
        "医保平台查不到此人的参保信息。",
        "The insurance platform does not know this person.",
        "请患者向参保地医保部门核实，或改为自费结算。",
        "The patient may ask the insurance office of the home area, or pay without insurance.";
    InsuranceNotInForce = "E2013", "INSURANCE_NOT_IN_FORCE", NotCharged, NewId,
        "此人没有参加所需的险种，或该险种已暂停、终止。",
        "The person has no such insurance, or it is paused or ended.",
        "请患者向参保单位或医保部门核实，或改为自费结算。",
        "The patient may ask the employer or the insurance office, or pay without insurance.";
    SeveralInsurances = "E2014", "SEVERAL_INSURANCES", NotCharged, NewId,
        "此人有多个有效险种，需要指定用哪一个。",
        "Several insurances are in force; one must be chosen.",
        "请按所列险种询问患者，选定险种后重新发起。",
        "Ask the patient which of the listed ones to use, set it and start again.";
    InsuranceNotOfPerson = "E2015", "INSURANCE_NOT_OF_PERSON", NotCharged, NewId,
        "所选险种此人没有参加，或已暂停、终止；此人另有有效险种。",
        "The insurance chosen is not in force for this person; another one is.",
        "请改选所列的有效险种后重新发起；患者认为有误的，请其向医保部门核实。",
        "Choose one of those listed as in force and start again; if the patient disagrees, ask the insurance office.";
    IdentityUnknown = "E2021", "IDENTITY_UNKNOWN", NotCharged, NewId,
        "没有这次身份识别，或它属于另一个调用方。",
        "There is no such identification, or it is another caller's.",
        "请重新识别身份后再办理；identity_ref 只可由识别时的调用方使用。",
        "Identify the person anew; an identity_ref is good for the caller that got it only.";
    IdentityUsed = "E2022", "IDENTITY_USED", NotCharged, NewId,
        "这次身份识别已经用过，一次识别只可办理一笔业务。",
        "This identification was used before; it is good for one call.",
        "请患者重新出示凭证，识别后再办理。",
        "Have the patient show the credential again, then go on.";
    IdentityExpired = "E2023", "IDENTITY_EXPIRED", NotCharged, NewId,
        "这次身份识别已超过有效时间。",
        "The time of this identification is over.",
        "请患者重新出示凭证，识别后再办理。",
        "Have the patient show the credential again, then go on at once.";
    IdentityGone = "E2024", "IDENTITY_GONE", NotCharged, NewId,
        "本机程序重启过，之前的身份识别已失效。",
        "The daemon was restarted; what was identified before is gone.",
        "请患者重新出示凭证，识别后再办理。",
        "Have the patient show the credential again, then start anew.";
    IdentityOtherPurpose = "E2025", "IDENTITY_OTHER_PURPOSE", NotCharged, NewId,
        "身份识别时的业务类型与现在办理的业务不符。",
        "The person was identified for another business type.",
        "请按现在的业务类型重新识别身份后再办理。",
        "Identify the person for the business at hand, then go on.";
    IdentityNotFresh = "E2026", "IDENTITY_NOT_FRESH", NotCharged, NewId,
        "本地规定结算时须重新出示凭证，不能沿用之前的身份识别。",
        "At this site paying asks for the credential afresh; an identification does not pay.",
        "请不带 identity_ref 重新发起结算，由患者刷新医保码后再扫。",
        "Start the settlement without identity_ref and have the patient refresh and show the code.";
    IdentifyInterrupted = "E2027", "IDENTIFY_INTERRUPTED", NotCharged, NewId,
        "识别过程中本机程序重启，未能完成。",
        "The daemon was restarted while somebody was being identified.",
        "请重新发起，由患者再次出示凭证；医保码须先刷新。",
        "Start again and have the patient show the credential; a code must be refreshed before.";
    PickUpOtherPerson = "E2028", "PICK_UP_OTHER_PERSON", NotCharged, NewId,
        "出示凭证的人不是这张处方的患者，不能发药。",
        "Who was identified is not the patient of these goods; nothing was recorded as handed out.",
        "请由处方上的患者本人出示凭证取药；处方有误请在 HIS 中改正。",
        "The patient of the prescription must show the own credential; else mend it in the HIS.";
    AccountNotShared = "E2029", "ACCOUNT_NOT_SHARED", NotCharged, NewId,
        "本地未开通家庭共济账户支付，不能使用他人的个人账户。",
        "A family member's account cannot pay at this site.",
        "请改用患者本人的个人账户，或不使用个人账户后重新发起。",
        "Use the patient's own account, or none, and start again.";
} {
    // The platform.
    PlatformUnreachable = "E4001", "PLATFORM_UNREACHABLE", NotCharged, NewId,
        "连接不上医保平台，请求没有发出。",
        "The insurance platform cannot be reached; nothing was sent.",
        "请检查医保专线网络，恢复后重新发起；急需时可先自费结算。",
        "Check the line to the platform and start again; if urgent, settle without insurance.";
    PlatformNoAnswer = "E4002", "PLATFORM_NO_ANSWER", Unknown, AskOnly,
        "医保平台在规定时间内没有应答。",
        "The insurance platform did not answer in time.",
        "请用同一编号查询结果；显示未扣费之前不要重新结算。",
        "Ask with the same id; do not settle again before it says that nothing was charged.";
    PlatformRefused = "E4003", "PLATFORM_REFUSED", NotCharged, NewId,
        "医保平台拒绝了此次业务。",
        "The insurance platform refused.",
        "请按平台所给原因处理后重新发起；原因不明请联系医保办。",
        "Act on the platform's own reason and start again; if unclear, ask the insurance office.";
    GatewayRefused = "E4004", "GATEWAY_REFUSED", NotCharged, NewId,
        "医保平台网关拒绝访问，接入账号、密钥或地址可能有误。",
        "The platform's gateway refused access; account, key or address may be wrong.",
        "请通知信息科检查接入配置，修复后重新发起。",
        "Have the IT department check the access settings, then start again.";
    PlatformUnreadable = "E4005", "PLATFORM_UNREADABLE", Unknown, AskOnly,
        "医保平台返回的内容无法识别，或答的不是本次请求。",
        "The platform's answer cannot be read, or it answers another request.",
        "请用同一编号查询结果；显示未扣费之前不要重新结算，并通知信息科。",
        "Ask with the same id; do not settle again before it is clear. Tell the IT department.";
    AmountsImbalanced = "E4006", "AMOUNTS_IMBALANCED", NotCharged, NewId,
        "医保平台预结算的金额前后不平，已停止，未扣费。",
        "The previewed amounts do not add up; it was stopped before any money moved.",
        "请稍后重试；仍不平请联系医保办，附上本次结算编号。",
        "Try again later; if it persists, give the settlement id to the insurance office.";
    SignInFailed = "E4007", "SIGN_IN_FAILED", NotCharged, NewId,
        "经办人在医保平台签到失败。",
        "The operator's sign-in at the platform failed.",
        "请核对经办人编号是否已在医保平台登记，再重新发起。",
        "Check that the operator is registered at the platform, then start again.";
    ClockSkew = "E4008", "CLOCK_SKEW", NotCharged, SameId,
        "本机时间与医保平台相差过大，暂停受理新结算。",
        "This machine's clock is too far from the platform's; no new settlement is taken.",
        "请通知信息科校准本机时间，校准后再发起。",
        "Have the clock of this machine set right, then call again.";

    // The money.
    SettleRefused = "E5001", "SETTLE_REFUSED", NotCharged, NewId,
        "医保平台拒绝结算，未扣费。",
        "The platform refused to settle; nothing was charged.",
        "请按平台所给原因处理后重新发起，或改为自费结算。",
        "Act on the platform's own reason and start again, or settle without insurance.";
    SettleUnknown = "E5002", "SETTLE_UNKNOWN", Unknown, AskOnly,
        "结算请求已发出，但结果不明，系统正在查证。",
        "The settling call went out and its result is not known; it is being found out.",
        "请患者稍候，用同一编号查询；查明之前不要重新结算，也不要收自费。",
        "Ask with the same id; before it is clear do not settle again and take no money.";
    ReversedAfterLostAnswer = "E5003", "REVERSED_AFTER_LOST_ANSWER", NotCharged, NewId,
        "结算结果丢失，已冲正，医保未扣费。",
        "The answer was lost and the settlement was reversed; nothing stays charged.",
        "可以用新的请求编号重新结算。",
        "Settle again with a new request id.";
    ReversedAmountsDiffer = "E5004", "REVERSED_AMOUNTS_DIFFER", NotCharged, NewId,
        "实际结算金额与预结算不一致，已撤销结算，医保未扣费。",
        "What was charged differs from what was previewed; the settlement was undone.",
        "请重新发起并核对金额；反复出现请联系医保办。",
        "Start again and check the amounts; if it persists, ask the insurance office.";
    Stuck = "E5005", "STUCK", Unknown, AskOnly,
        "系统无法自行查明结算结果，需要人工处理。",
        "The outcome cannot be found out without a person.",
        "请勿重新结算；把结算编号交医保办，在医保平台核对后处理。",
        "Do not settle again; give the settlement id to the insurance office to check and resolve.";
    UndoFailed = "E5006", "UNDO_FAILED", Unknown, AskOnly,
        "撤销已做的步骤时失败，需要人工处理。",
        "Taking back what was done failed; a person must act.",
        "请勿重新结算；把结算编号交医保办，在医保平台上人工撤销。",
        "Do not settle again; the insurance office must undo it at the platform.";
    NothingCharged = "E5007", "NOTHING_CHARGED", NotCharged, NewId,
        "已查明：医保平台没有收到此次结算，未扣费。",
        "It was found out that the platform has no such settlement; nothing was charged.",
        "可以用新的请求编号重新结算。",
        "Settle again with a new request id.";

    // The caller.
    CancelledByCaller = "E6001", "CANCELLED_BY_CALLER", NotCharged, NewId,
        "结算已按要求取消，未扣费。",
        "It was cancelled as asked; nothing was charged.",
        "如需继续，请用新的请求编号重新发起。",
        "To go on, start again with a new request id.";
    CallerGone = "E6002", "CALLER_GONE", NotCharged, NewId,
        "发起结算的程序已断开，结算已取消，未扣费。",
        "The calling program went away; the settlement was cancelled, nothing was charged.",
        "请确认 HIS 客户端正常，再用新的请求编号发起。",
        "Check that the HIS client runs, then start again with a new request id.";
    ConfirmTimeout = "E6003", "CONFIRM_TIMEOUT", NotCharged, NewId,
        "在规定时间内没有确认，结算已取消，未扣费。",
        "Nobody confirmed in time; it was cancelled, nothing was charged.",
        "请重新发起，并在提示后及时确认。",
        "Start again and confirm when asked.";
    ConfirmStale = "E6004", "CONFIRM_STALE", NotConcerned, SameId,
        "确认的内容已经变化，本次确认无效。",
        "What was confirmed has changed since; the confirmation does not count.",
        "请核对屏幕上最新的内容后再确认。",
        "Check what is shown at present and confirm that.";
    TooLateSettled = "E6005", "TOO_LATE_SETTLED", Charged, SameId,
        "已经结算成功，不能再取消。",
        "It is settled already and cannot be cancelled.",
        "如需退费，请走医保退费流程。",
        "To give the money back, make a refund.";
    TooLateBeingSettled = "E6006", "TOO_LATE_BEING_SETTLED", Unknown, AskOnly,
        "结算请求已发往医保平台，不能再取消。",
        "The settling call is out and cannot be called back.",
        "请稍候，用同一编号查询最终结果。",
        "Wait and ask with the same id for the end of it.";
    Pending = "E6007", "PENDING", Unknown, SameId,
        "结算仍在进行，尚无最终结果。",
        "The settlement still runs.",
        "请稍候，用同一编号再次调用或查询；不要换编号重新结算。",
        "Call or ask again with the same id; do not start another settlement.";
    NotConfirmable = "E6008", "NOT_CONFIRMABLE", NotConcerned, SameId,
        "此结算当前没有等待确认的内容。",
        "The settlement waits for no such confirmation.",
        "请查看结算进展，按当前提示操作。",
        "Look where the settlement stands and follow its prompt.";
    DeadlineOver = "E6009", "DEADLINE_OVER", Unknown, SameId,
        "调用方等待的时间已到，没有等到结果；所请求的事可能已经做了。",
        "The caller's time was over before there was an answer; what was asked may have been done.",
        "请用同一编号再次调用或查询，不要换编号重做；必要时加长等待时间。",
        "Call or ask again with the same id, never with another; allow more time if need be.";

    // The daemon.
    JournalRefuses = "E7001", "JOURNAL_REFUSES", NotCharged, SameId,
        "本机磁盘已满或无法写入，暂停受理新结算。",
        "The disk is full or cannot be written; no new settlement is taken.",
        "请通知信息科清理磁盘，恢复后再发起。",
        "Have the IT department make room on the disk, then call again.";
    DeskNotAdopted = "E7002", "DESK_NOT_ADOPTED", NotCharged, SameId,
        "流水日志属于另一台机器或另一个窗口编号，暂停受理结算。",
        "The journal belongs to another machine or desk number; nothing is settled.",
        "请信息科核实后执行 yibaoctl desk adopt，再重新发起。",
        "After checking, an administrator runs: yibaoctl desk adopt.";
    NotFound = "E7003", "NOT_FOUND", NotConcerned, SameId,
        "没有找到这个编号。",
        "Nothing has this id.",
        "请核对编号；编号按调用方区分，只在发起它的窗口有效。",
        "Check the id; ids belong to their caller and to the desk where they were used.";
    NotAllowed = "E7004", "NOT_ALLOWED", NotConcerned, SameId,
        "当前调用方没有权限执行此操作。",
        "This caller may not do that.",
        "请信息科用 yibaoctl may 查看缺少哪项权限，再在配置的 [access] 或 [tcp] 中授权。",
        "Have an administrator look with yibaoctl may what is lacking, and grant it in [access] or [tcp].";
    TooManyCalls = "E7005", "TOO_MANY_CALLS", NotConcerned, SameId,
        "同时进行的调用过多，本次未受理。",
        "Too many calls at once; this one was not taken.",
        "请稍候再试；反复出现请联系 HIS 厂商。",
        "Try again in a moment; if it keeps happening, call the HIS vendor.";
    ShuttingDown = "E7006", "SHUTTING_DOWN", NotConcerned, SameId,
        "结算服务正在重启，暂不受理。",
        "The settlement service is restarting.",
        "请几秒后用同一编号重试。",
        "Try again with the same id in some seconds.";
    Internal = "E7007", "INTERNAL", Unknown, AskOnly,
        "结算服务内部出错。",
        "The settlement service has an internal error.",
        "请用同一编号查询结果，不要重新结算，并通知信息科查看日志。",
        "Ask with the same id, do not settle again, and have the log looked at.";
    JournalRolledBack = "E7011", "JOURNAL_ROLLED_BACK", Unknown, AskOnly,
        "流水日志缺少本机曾写入的记录（曾被还原，或磁盘丢失），暂停受理；缺失的结算可能已扣费。",
        "The journal lacks records it held: a copy was put back, or the disk lost them. What is missing may be charged.",
        "不要重新结算。请信息科先与医保平台逐笔核对缺失时段，再执行 yibaoctl desk adopt。",
        "Do not settle again. Compare the missing time with the platform, then run: yibaoctl desk adopt.";
    TokenRefused = "E7012", "TOKEN_REFUSED", NotConcerned, SameId,
        "访问令牌缺失、不符或已作废，未受理。",
        "The token is missing, wrong or taken back; nothing was started.",
        "请信息科执行 yibaoctl token list 查看原因；重新生成须先 token remove，再 token create。",
        "Have an administrator look with yibaoctl token list; another is made by token remove, then token create.";
    MethodUnknown = "E7013", "METHOD_UNKNOWN", NotConcerned, SameId,
        "没有这个方法，或本机服务的版本还不支持。",
        "There is no such method, or this version of the daemon does not know it.",
        "请核对服务名与方法名，以及 yibaod --version 与接口说明的版本。",
        "Check the names of service and method, and yibaod --version against the description used.";
    ContentTypeUnknown = "E7014", "CONTENT_TYPE_UNKNOWN", NotConcerned, SameId,
        "HTTP 请求的 Content-Type 不对，或正文被压缩，未受理。",
        "The content type of the HTTP request is not one that is read, or its body is compressed; nothing was started.",
        "请 HIS 厂商改用 application/json（流式方法用 application/connect+json），字符集 utf-8、gb18030 或 gbk，不压缩。",
        "Send application/json (for streams application/connect+json) in utf-8, gb18030 or gbk, and do not compress it.";
    HttpMethodWrong = "E7015", "HTTP_METHOD_WRONG", NotConcerned, SameId,
        "HTTP 方法不对，未受理。",
        "The HTTP method is not the one for this address; nothing was started.",
        "请 HIS 厂商改正：调用用 POST，/metrics 用 GET。",
        "Use POST for a call and GET for /metrics.";
    PageNotAllowed = "E7016", "PAGE_NOT_ALLOWED", NotConcerned, SameId,
        "网页的来源（Origin）或请求的 Host 不在允许之列，未受理。",
        "The page's Origin or the request's Host is not one that may call; nothing was started.",
        "本机调用请用 localhost 或 127.0.0.1；网页调用请信息科核对配置 [json] origins。",
        "Call localhost or 127.0.0.1; for a page have an administrator check [json] origins.";

    // The site's files.
    ProfileWrong = "E7101", "PROFILE_WRONG", NotConcerned, SameId,
        "站点配置有误，服务不会启动。",
        "The site profile is wrong; the daemon does not start with it.",
        "请信息科按所列各键改正，再执行 yibaoctl profile check。",
        "Correct the named keys, then run: yibaoctl profile check.";
    SecretWrong = "E7102", "SECRET_WRONG", NotConcerned, SameId,
        "接入密钥或签名私钥不能使用，服务不会启动。",
        "A gateway secret or signing key cannot be used; the daemon does not start with it.",
        "请信息科核对密钥文件的内容、权限和位置。",
        "Check the key file's content, mode and place.";
    ConfigWrong = "E7103", "CONFIG_WRONG", NotConcerned, SameId,
        "配置有误，未作任何更改；守护进程继续使用原配置。",
        "The configuration is wrong; nothing was changed, the daemon goes on with the old one.",
        "请按所列文件与键改正（可先运行 yibaod --check），然后重新执行 yibaoctl reload。",
        "Correct the named files and keys (yibaod --check lists them), then yibaoctl reload again.";
    // What a person states, and giving back.
    NotStuck = "E8001", "NOT_STUCK", NotConcerned, SameId,
        "此笔并不需要人工处理，不能人工认定。",
        "This one does not need a person; there is nothing to resolve.",
        "请查看其当前状态；仍在进行的请等待，已有结果的以结果为准。",
        "Look at where it stands: wait while it runs; once it has an end, that end counts.";
    ResolvedOtherwise = "E8002", "RESOLVED_OTHERWISE", NotConcerned, AskOnly,
        "此笔已由人工认定为另一种结果，不再更改。",
        "A person has stated something else of this one; that is not changed.",
        "请查看已有的认定（何人、何时、理由）；确有错误请与医保办核对并留存书面记录。",
        "Look at what was stated, by whom and why; if it is wrong, settle it with the insurance office on paper.";
    ResolveContradicts = "E8003", "RESOLVE_CONTRADICTS", NotConcerned, AskOnly,
        "所作认定与系统已查明的事实相矛盾。",
        "What was stated contradicts what is known for certain.",
        "请重新在医保平台核对；可作的认定见人工处理清单。",
        "Look it up at the platform once more; the stuck list says what can be stated.";
    ResolvedByPerson = "E8004", "RESOLVED_BY_PERSON", NotConcerned, SameId,
        "此笔结果由人工核对后认定，不是系统自动得出。",
        "A person looked it up and stated what became of it; the daemon did not find out.",
        "金额以医保平台上查到的为准；认定人、时间和理由见记录。",
        "Take the amounts from the platform's portal; who stated it, when and why is recorded.";
    StreamUnreadable = "E8005", "STREAM_UNREADABLE", Unknown, AskOnly,
        "本机的这条记录无法读取，系统不能继续处理。",
        "The record of this one cannot be read; the daemon cannot go on with it.",
        "请勿重新结算；由信息科执行 yibaoctl journal verify 或升级程序，并在医保平台核对结果。",
        "Do not settle again; run yibaoctl journal verify or upgrade, and look it up at the platform.";
    ResolveNumberMissing = "E8006", "RESOLVE_NUMBER_MISSING", NotConcerned, SameId,
        "认定为已结算须写明在医保平台查到的结算编号。",
        "To state that it is settled, its setl_id as found at the platform is needed.",
        "请在医保平台查到该笔的结算编号（setl_id），连同认定一并提交；查不到的不能认定为已结算。",
        "Look its setl_id up at the platform and give it; what is not found there cannot be stated as settled.";
    RefundNotSettled = "E8011", "REFUND_NOT_SETTLED", NotConcerned, NewId,
        "这笔结算没有成立，没有可退的费用。",
        "That settlement does not stand; there is nothing to give back.",
        "请查看该结算的状态；患者以自费支付的，由收费系统自行退还。",
        "Look at that settlement; what the patient paid without insurance is given back by the HIS.";
    RefundOfUnknown = "E8012", "REFUND_OF_UNKNOWN", Unknown, AskOnly,
        "这笔结算的结果尚未明确，不能退费。",
        "What became of that settlement is not known yet; it cannot be refunded.",
        "请等待其结果；须人工处理的，先由有权限者认定（yibaoctl stuck），再退费。",
        "Wait for its end; one that needs a person is resolved first (yibaoctl stuck), then refunded.";
    RefundAmountDiffers = "E8013", "REFUND_AMOUNT_DIFFERS", NotConcerned, NewId,
        "这笔结算的总额与要退的金额不一致，未退费。",
        "That settlement's total is not the amount expected; nothing was given back.",
        "请核对是否选错了结算；医保退费只能整笔退。",
        "Check whether it is the right settlement; insurance refunds are whole only.";
    RefundNotFound = "E8014", "REFUND_NOT_FOUND", NotConcerned, NewId,
        "医保平台查不到可退的这笔结算，未退费。",
        "The platform shows no such settlement that could be given back; nothing was.",
        "请核对人员编号、就诊编号和结算编号后重试。",
        "Check person number, visit id and settlement id and try again.";
    RefundElsewhere = "E8015", "REFUND_ELSEWHERE", NotConcerned, NewId,
        "这笔结算属于另一家医药机构，本院不能退费。",
        "That settlement is another institution's; it cannot be refunded here.",
        "请患者到原结算的医药机构办理退费。",
        "The patient must go to the institution that settled it.";
    RefundRefused = "E8016", "REFUND_REFUSED", NotConcerned, NewId,
        "医保平台拒绝退费，原结算仍然成立。",
        "The platform refused the refund; the settlement stands as it was.",
        "请按平台所给原因处理后用新的请求编号重新退费；原因不明请联系医保办。",
        "Act on the platform's own reason and refund again with a new request id; if unclear, ask the insurance office.";
    RefundUnknown = "E8017", "REFUND_UNKNOWN", Unknown, AskOnly,
        "退费请求已发出，但结果不明，系统正在查证。",
        "The refund went out and its result is not known; it is being found out.",
        "请稍候，用同一编号查询；查明之前不要退还现金，也不要另行退费。",
        "Ask with the same id; before it is clear hand nothing back and make no other refund.";
    RefundPending = "E8018", "REFUND_PENDING", Unknown, SameId,
        "退费仍在进行，尚无最终结果。",
        "The refund still runs.",
        "请稍候，用同一编号再次调用或查询。",
        "Call or ask again with the same id.";
    RefundCompare = "E8019", "REFUND_COMPARE", NotConcerned, SameId,
        "已退费，但平台退回的金额与原结算不是正好相反，须人工核对。",
        "It was refunded, but the amounts are not the exact negative of the settlement; a person must compare.",
        "请把退费结算与原结算逐项核对，按平台的退费金额与患者结清，并报医保办。",
        "Compare the refund with the settlement item by item, settle up by the refund's amounts, tell the insurance office.";
    RefundStuck = "E8020", "REFUND_STUCK", Unknown, AskOnly,
        "系统无法自行查明是否已退费，需要人工处理。",
        "Whether it was given back cannot be found out without a person.",
        "请勿退还现金或另行退费；在医保平台核对后由有权限者认定（yibaoctl resolve）。",
        "Hand nothing back and make no other refund; look it up at the platform and resolve it (yibaoctl resolve).";
    RefundedBefore = "E8021", "REFUNDED_BEFORE", NotConcerned, SameId,
        "这笔结算此前已经退费，本次没有再退。",
        "That settlement had been given back before; nothing more was.",
        "请查对此前的退费记录，确认自付部分是否已退还患者，避免重复退现金。",
        "Look for the earlier refund and whether the self-paid part was handed back then; do not hand it back twice.";
    RefundBusy = "E8022", "REFUND_BUSY", NotConcerned, SameId,
        "同一笔结算的退费正在办理。",
        "A refund of the same settlement is under way.",
        "请稍候再查询，不要另行退费。",
        "Ask again in a moment; make no other refund.";
} }
