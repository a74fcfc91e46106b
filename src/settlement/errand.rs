//! Questions to the platform outside of a scan-and-pay: what each one needs, whoever asks.
//!
//! The platform's client turns an [`Errand`] into a message and the answer into an
//! [`Outcome`](super::call::Outcome), as it does for the steps of a settlement.

use std::sync::Arc;

use super::handout::Goods;
use super::order::Operator;
use super::reconcile::row::{DetailRow, Group, Totals};
use super::reconcile::span::Span;

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
    /// The same, for what it says of the settlement itself, given back or not.
    Look(Numbers),
    /// 3505A 商品销售 of goods handed out.
    HandOut(Box<Goods>),
    /// 3506A 商品销售退货 of goods taken back.
    TakeBack(Box<Goods>),
    /// 5203 结算信息查询 of one settlement, for what it says and not for whether it is ours. Without a 结算ID
    /// the msgid decides which row is meant.
    Compare(Numbers),
    /// 3201 对总账.
    Totals(Box<Statement>),
    /// 9101 文件上传 of the details of a statement.
    Upload {
        /// What the file shall be called, without its ending.
        name: String,
        /// What it holds.
        rows: Arc<Vec<DetailRow>>,
    },
    /// 3202 对明细账.
    Details {
        /// Whose details.
        statement: Box<Statement>,
        /// What 9101 answered.
        file_qury_no: String,
    },
    /// 9102 文件下载 of the result of a 3202.
    Download {
        /// What 3202 answered.
        file_qury_no: String,
        /// The same.
        filename: String,
    },
    /// 5206 人员累计信息查询, for the settlement sheet.
    YearToDate {
        /// 人员编号.
        psn_no: String,
        /// 累计年月, may be empty.
        cum_ym: String,
        /// 险种类型 of the settlement.
        insutype: String,
        /// Longest wait, signing in included.
        wait_ms: u32,
    },
}

/// What one 3201, and its 3202, is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Insurance, clearing and office.
    pub group: Group,
    /// The days.
    pub span: Span,
    /// What the journals come to.
    pub totals: Totals,
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
    /// 险种类型 that it was settled with, may be empty: it decides which system of the platform is asked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub insutype: String,
}

impl Ask {
    /// Whether it moves money: its outcome is on disk before anything else is begun.
    #[must_use]
    pub fn moves_money(&self) -> bool {
        match self {
            Ask::Refund(_) => true,
            Ask::Enquiry(_)
            | Ask::Look(_)
            | Ask::HandOut(_)
            | Ask::TakeBack(_)
            | Ask::Compare(_)
            | Ask::Totals(_)
            | Ask::Upload { .. }
            | Ask::Details { .. }
            | Ask::Download { .. }
            | Ask::YearToDate { .. } => false,
        }
    }

    /// How long it is waited for at most, milliseconds, where that is not as long as the site's other answers.
    #[must_use]
    pub fn wait_ms(&self) -> Option<u32> {
        match self {
            Ask::YearToDate { wait_ms, .. } => Some(*wait_ms),
            Ask::Refund(_)
            | Ask::Enquiry(_)
            | Ask::Look(_)
            | Ask::HandOut(_)
            | Ask::TakeBack(_)
            | Ask::Compare(_)
            | Ask::Totals(_)
            | Ask::Upload { .. }
            | Ask::Details { .. }
            | Ask::Download { .. } => None,
        }
    }

    /// 险种类型 of the settlement that it is about, empty when it is about none, or it is not known.
    #[must_use]
    pub fn insutype(&self) -> &str {
        match self {
            Ask::Refund(numbers)
            | Ask::Enquiry(numbers)
            | Ask::Look(numbers)
            | Ask::Compare(numbers) => &numbers.insutype,
            Ask::HandOut(goods) | Ask::TakeBack(goods) => &goods.insutype,
            Ask::YearToDate { insutype, .. } => insutype,
            Ask::Totals(_) | Ask::Upload { .. } | Ask::Details { .. } | Ask::Download { .. } => "",
        }
    }
}
