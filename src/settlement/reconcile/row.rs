//! What a journal, the platform and the HIS say of one settlement, and sums over many.

use super::plus;
use crate::settlement::bill::Fen;

/// How a settlement stands in its journal.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Charged, and it stands.
    Settled,
    /// Charged, and given back since.
    Refunded,
    /// The giving back itself: amounts are negative.
    Refund,
    /// A money call went out and what became of it is not known.
    Open,
    /// A money call went out, and surely nothing is charged: refused, reversed, never arrived.
    Gone,
}

impl Standing {
    /// All, in order.
    pub const ALL: [Standing; 5] = [
        Standing::Settled,
        Standing::Refunded,
        Standing::Refund,
        Standing::Open,
        Standing::Gone,
    ];

    /// Its word in exports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Standing::Settled => "settled",
            Standing::Refunded => "refunded",
            Standing::Refund => "refund",
            Standing::Open => "open",
            Standing::Gone => "gone",
        }
    }

    /// Whether the platform should have it.
    #[must_use]
    pub fn counts(self) -> bool {
        match self {
            Standing::Settled | Standing::Refunded | Standing::Refund => true,
            Standing::Open | Standing::Gone => false,
        }
    }

    /// 退费结算标志: on the original once refunded, and on the refund itself.
    #[must_use]
    pub fn is_flagged_refunded(self) -> bool {
        matches!(self, Standing::Refunded | Standing::Refund)
    }
}

/// What a journal says of one money call. It names no person.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Row {
    /// Number of the desk whose journal it is, 0–999.
    pub desk: u16,
    /// How it stands.
    pub standing: Standing,
    /// The stream it comes from.
    pub settlement_id: String,
    /// 人员编号.
    pub psn_no: String,
    /// 就诊ID.
    pub mdtrt_id: String,
    /// 结算ID, empty when it was never learned.
    pub setl_id: String,
    /// The msgid of the money call, empty when it was never learned.
    pub msgid: String,
    /// On a refund: the 结算ID it takes back.
    pub refund_of: String,
    /// 结算时间, the platform's; of open and gone ones the time of the money call. Civil +08:00.
    pub setl_time: String,
    /// 险种类型.
    pub insutype: String,
    /// 清算类别.
    pub clr_type: String,
    /// 清算经办机构, may be empty.
    pub clr_optins: String,
    /// 参保地医保区划, may be empty.
    pub insuplc_admdvs: String,
    /// 医疗费总额.
    pub total: Fen,
    /// 基金支付总额, as the platform gave it.
    pub fund: Fen,
    /// 个人账户支出.
    pub account: Fen,
    /// 个人现金支出.
    pub cash: Fen,
    /// Who pays what, as the platform answered it, did not make up its total: such parts are no amounts that
    /// anything could be settled or compared by.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub parts_are_broken: bool,
}

impl Row {
    /// What one 3201 call is about.
    #[must_use]
    pub fn group(&self) -> Group {
        Group {
            insutype: self.insutype.clone(),
            clr_type: self.clr_type.clone(),
            setl_optins: self.clr_optins.clone(),
        }
    }
}

/// What one 3201 call is about.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct Group {
    /// 险种.
    pub insutype: String,
    /// 清算类别.
    pub clr_type: String,
    /// 结算经办机构: the clr_optins of its settlements.
    pub setl_optins: String,
}

/// What the platform's 5203 says of one settlement.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct There {
    /// 结算ID.
    pub setl_id: String,
    /// 医药机构结算ID: the msgid of the money call, may be empty.
    pub msgid: String,
    /// 结算时间.
    pub setl_time: String,
    /// 退费结算标志.
    pub refunded: bool,
    /// 医疗费总额.
    pub total: Fen,
    /// 基金支付总额.
    pub fund: Fen,
    /// 个人账户支出.
    pub account: Fen,
    /// 现金支付金额.
    pub cash: Fen,
}

/// What 5203 says when it is asked for one settlement.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Looked {
    /// This.
    There(There),
    /// Nothing of that number.
    Nothing,
    /// It cannot be told.
    Unclear,
}

/// A row of the platform's 3202 result.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct StatementRow {
    /// 人员编号.
    pub psn_no: String,
    /// 就诊ID, empty where the centre has several that match.
    pub mdtrt_id: String,
    /// 结算ID, empty where the centre has several that match.
    pub setl_id: String,
    /// 发送方报文ID.
    pub msgid: String,
    /// 对账结果.
    pub stmt_rslt: String,
    /// 退费结算标志.
    pub refunded: bool,
    /// 备注.
    pub memo: String,
    /// 医疗费总额.
    pub total: Fen,
    /// 基金支付总额.
    pub fund: Fen,
    /// 个人账户支付金额.
    pub account: Fen,
}

/// What 3202 is told of one settlement.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DetailRow {
    /// 结算ID, empty when not known.
    pub setl_id: String,
    /// 就诊ID.
    pub mdtrt_id: String,
    /// 人员编号.
    pub psn_no: String,
    /// 医疗费总额.
    pub total: Fen,
    /// 基金支付总额.
    pub fund: Fen,
    /// 个人账户支付金额.
    pub account: Fen,
    /// 退费结算标志.
    pub refunded: bool,
}

impl From<&Row> for DetailRow {
    fn from(row: &Row) -> Self {
        DetailRow {
            setl_id: row.setl_id.clone(),
            mdtrt_id: row.mdtrt_id.clone(),
            psn_no: row.psn_no.clone(),
            total: row.total,
            fund: row.fund,
            account: row.account,
            refunded: row.standing.is_flagged_refunded(),
        }
    }
}

/// How refunds count in the number of settlements of a statement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundCount {
    /// Each is one more, as it is one more line of the details.
    #[default]
    Add,
    /// They do not count.
    Skip,
    /// Each is one less.
    Subtract,
}

/// Sums over rows. Refunds are negative, so they take away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Totals {
    /// Settlements, those refunded since included.
    pub settlements: u32,
    /// Refunds.
    pub refunds: u32,
    /// 医疗费总额.
    pub total: Fen,
    /// 基金支付总额.
    pub fund: Fen,
    /// 个人账户支出.
    pub account: Fen,
    /// 个人现金支出.
    pub cash: Fen,
}

impl Totals {
    /// Over what the platform should have.
    pub fn of<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Self {
        let mut totals = Totals::default();
        for row in rows.into_iter().filter(|row| row.standing.counts()) {
            match row.standing {
                Standing::Refund => totals.refunds += 1,
                Standing::Settled | Standing::Refunded | Standing::Open | Standing::Gone => {
                    totals.settlements += 1;
                }
            }
            totals.total = plus(totals.total, row.total);
            totals.fund = plus(totals.fund, row.fund);
            totals.account = plus(totals.account, row.account);
            totals.cash = plus(totals.cash, row.cash);
        }
        totals
    }

    /// 定点医药机构结算笔数 in this site's reading.
    #[must_use]
    pub fn count(&self, refunds: RefundCount) -> i64 {
        let (settlements, back) = (i64::from(self.settlements), i64::from(self.refunds));
        match refunds {
            RefundCount::Add => settlements + back,
            RefundCount::Skip => settlements,
            RefundCount::Subtract => settlements - back,
        }
    }
}
