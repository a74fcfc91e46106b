//! Questions to the platform outside of a scan-and-pay: what each one needs, whoever asks.
//!
//! The platform's client turns an [`Errand`] into a message and the answer into an
//! [`Outcome`](super::call::Outcome), as it does for the steps of a settlement.

use super::order::Operator;

/// One question, and on whose behalf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errand {
    /// Who works the terminal.
    pub operator: Operator,
    /// 参保地医保区划 of whom it is about; empty when nobody, or not known.
    pub insuplc_admdvs: String,
    /// What is asked.
    pub ask: Ask,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// 2208 门诊结算撤销, or 2103 药店结算撤销: a money call.
    Refund(Numbers),
    /// 5203 结算信息查询 of one settlement.
    Enquiry(Numbers),
}

/// The platform's numbers of one settlement.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Numbers {
    /// 人员编号.
    pub psn_no: String,
    /// 就诊ID.
    pub mdtrt_id: String,
    /// 结算ID.
    pub setl_id: String,
    /// The msgid of the settling call, empty when it is not known: then the 结算ID alone decides.
    #[serde(default)]
    pub settle_msgid: String,
    /// Settled by 2102: it is taken back by 2103.
    #[serde(default)]
    pub is_pharmacy: bool,
}

impl Ask {
    /// Whether it moves money: its outcome is on disk before anything else is begun.
    #[must_use]
    pub fn moves_money(&self) -> bool {
        match self {
            Ask::Refund(_) => true,
            Ask::Enquiry(_) => false,
        }
    }
}
