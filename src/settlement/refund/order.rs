//! The checked request of a refund.

use crate::settlement::bill::Fen;
use crate::settlement::order::Operator;

/// Longest reason, characters.
pub const REASON_CHARS_MAX: usize = 200;

/// What is to be given back, by whom.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Order {
    /// 1–64 of `A–Z a–z 0–9 . _ -`, the caller's key for repeating safely.
    pub request_id: String,
    /// Who works the terminal.
    pub operator: Operator,
    /// Why, for the record; may be empty.
    pub reason: String,
    /// Which settlement.
    pub key: Key,
    /// 医疗费总额 that the caller expects; absent: not compared.
    pub expected: Option<Fen>,
}

impl std::fmt::Debug for Order {
    /// Without the reason: people write names.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Order")
            .field("request_id", &self.request_id)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// Which settlement.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// By our id.
    SettlementId(String),
    /// By the caller's id of its ScanAndPay.
    RequestId(String),
    /// By the platform's numbers: another desk's, or the journal is lost.
    Named(Named),
}

/// The platform's numbers of a settlement, as the caller has them.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Named {
    /// 人员编号.
    pub psn_no: String,
    /// 就诊ID.
    pub mdtrt_id: String,
    /// 结算ID.
    pub setl_id: String,
    /// 参保地医保区划, may be empty.
    pub insuplc_admdvs: String,
    /// Settled by a pharmacy (2102).
    pub is_pharmacy: bool,
    /// 险种类型 it was settled with, may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub insutype: String,
}
