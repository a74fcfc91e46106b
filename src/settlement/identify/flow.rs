//! What somebody is identified for: the business type that the e-voucher service is told, and the one prompt.

use crate::settlement::order::{CredentialKind, OrderKind};

/// What for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    /// 自助挂号.
    Registration,
    /// 门诊缴费.
    Payment,
    /// 取报告: who it is suffices.
    Report,
    /// 诊间.
    Desk,
    /// 取药.
    Pharmacy,
}

/// A text that is ready to be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prompt {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// 用码业务类型 of the e-voucher service.
pub const BUSINESS_TYPES: [&str; 18] = [
    "01101", "01102", "01103", "01104", "01201", "01202", "01203", "01204", "01301", "01302",
    "01303", "01304", "01305", "02121", "02122", "03131", "03132", "05101",
];

impl Flow {
    /// 用码业务类型, unless the caller says otherwise.
    #[must_use]
    pub fn business_type(self) -> &'static str {
        match self {
            Flow::Registration => OrderKind::Registration.business_type(),
            Flow::Payment => OrderKind::Outpatient.business_type(),
            Flow::Desk => OrderKind::DoctorDesk.business_type(),
            Flow::Pharmacy => "01302",
            Flow::Report => "01303",
        }
    }

    /// 用码业务类型 that a caller may say otherwise: what the patient reads is what the code is used for.
    #[must_use]
    pub fn business_types(self) -> &'static [&'static str] {
        match self {
            Flow::Registration => &["01101", "01102", "01103"],
            Flow::Payment => &["01301", "01104"],
            Flow::Report => &["01303", "01304", "01305"],
            Flow::Desk => &["01301", "01201", "01202", "01203", "01204"],
            Flow::Pharmacy => &["01302", "02121", "02122"],
        }
    }

    /// Whether nobody is identified without an answer of 1101.
    #[must_use]
    pub fn needs_insurance(self) -> bool {
        match self {
            Flow::Registration | Flow::Payment | Flow::Desk | Flow::Pharmacy => true,
            Flow::Report => false,
        }
    }

    /// The one text to show.
    #[must_use]
    pub fn prompt(self, credentials: &[CredentialKind]) -> Prompt {
        let (what_zh, what_en) = match self {
            Flow::Registration => ("办理挂号", "to register"),
            Flow::Payment => ("查询待缴费用", "to see what is to be paid"),
            Flow::Report => ("打印检查检验报告", "to print your reports"),
            Flow::Desk => ("核对就诊身份", "so that the doctor can go on"),
            Flow::Pharmacy => ("取药", "to pick up your medicines"),
        };
        let zh: Vec<&str> = credentials.iter().map(|kind| ask(*kind).0).collect();
        let en: Vec<&str> = credentials.iter().map(|kind| ask(*kind).1).collect();
        Prompt {
            zh: format!("请{}，{what_zh}。", zh.join("，或")),
            en: format!("Please {}, {what_en}.", en.join(", or ")),
        }
    }
}

/// What is done with each, behind 请 or "please": the same words at the log-in and at the payment. A code is always
/// refreshed first: one that was shown before is refused.
#[must_use]
pub fn ask(kind: CredentialKind) -> (&'static str, &'static str) {
    match kind {
        CredentialKind::EVoucher => (
            "刷新您的医保电子凭证，对准扫码口",
            "refresh your medical insurance code and hold it before the scanner",
        ),
        CredentialKind::SocialCard => ("插入您的社保卡", "insert your social security card"),
        CredentialKind::ResidentId => (
            "将您的身份证放在读卡区",
            "lay your resident id card on the reader",
        ),
    }
}
