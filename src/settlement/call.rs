//! What is asked of the outside and what it may answer: the words between the settlement and the platform.
//!
//! The platform's client turns a [`Call`] into a message and the answer into an [`Outcome`]. It decides by
//! what was *received*, never by what is likely.

use super::amounts::Amounts;
use super::handout::RowResult;
use super::known::{Known, Person, Voucher};
use super::order::Order;
use crate::book::Code;

/// A step of the story that asks the outside. The table with their undo and enquiry is [`super::steps`].
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The e-voucher service: whose code is this (`ec.query`).
    Decode,
    /// 1101 人员信息获取.
    Person,
    /// 2201 门诊挂号.
    Register,
    /// 2203 or 2203A 门诊就诊信息上传.
    VisitInfo,
    /// 2204 门诊费用明细信息上传.
    Fees,
    /// 2206 or 2206A 门诊预结算; 2101 of a pharmacy.
    PreSettle,
    /// 2207 or 2207A 门诊结算, 2102 of a pharmacy: the money call.
    Settle,
    /// 2208 门诊结算撤销, 2103 of a pharmacy: a money call.
    UndoSettle,
    /// 2205 门诊费用明细信息撤销.
    UndoFees,
    /// 2202 门诊挂号撤销.
    UndoRegister,
    /// 2601 冲正交易 of a settling call whose answer was lost.
    Reverse,
    /// 5201 就诊信息查询: what became of a 2201.
    FindVisit,
    /// 5203 结算信息查询: what became of a 2207 or 2208.
    FindSettlement,
}

/// One question to the outside: the step and all that may go into its message.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Which one.
    pub step: Step,
    /// The checked request.
    pub order: &'a Order,
    /// What is known by now.
    pub known: &'a Known,
    /// The text of the code that was scanned, for [`Step::Decode`] only.
    pub code: Option<&'a crate::person::ScannedCode>,
}

/// What became of a call, by what was received.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
#[expect(
    clippy::large_enum_variant,
    reason = "a few at a time; boxes would stand between the words"
)]
pub enum Outcome {
    /// Processed, and this is what it said.
    Done {
        /// The answer in our words. Personal parts are in the sealed half.
        #[serde(skip)]
        found: Option<Found>,
    },
    /// Surely not processed: the platform, or its gateway, said no.
    Refused {
        /// Why, for the desk.
        code: Code,
        /// The answer's own code (`-1`, `401`, `500159`).
        infcode: String,
        /// The answer's own words, shortened to 200 characters. They may name a person: sealed with the
        /// answer; the readable half has none.
        #[serde(skip)]
        text: String,
    },
    /// Surely not sent: no byte of it left this machine.
    NotSent {
        /// Why, for the desk.
        code: Code,
        /// Where it failed, for the log: no content.
        why: String,
    },
    /// Sent, or perhaps sent, and nothing that counts came back.
    Unknown {
        /// Why, for the desk.
        code: Code,
        /// What was seen instead of an answer, for the log: no content.
        why: String,
    },
}

impl std::fmt::Debug for Outcome {
    /// The readable half: what was found, and what was said, is not shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&serde_json::to_string(self).unwrap_or_default())
    }
}

/// What a processed call said.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// Nothing but success (2203, 2205, 2202).
    Nothing,
    /// Whose code it was.
    Voucher(Voucher),
    /// Who it is and how insured.
    Person(Person),
    /// 2201 made this visit.
    Registered {
        /// 就诊ID.
        mdtrt_id: String,
    },
    /// 2204 took the lines and split them.
    Lines(Vec<LineSplit>),
    /// 2206 previews these amounts.
    Preview(Amounts),
    /// 2207 charged this.
    Settled(Settled),
    /// 2208 gave this back; amounts are negative.
    Refunded {
        /// 结算ID of the refund.
        setl_id: String,
        /// 结算时间.
        setl_time: String,
        /// Negative amounts.
        amounts: Amounts,
    },
    /// What 2601 says, read by the profile's table.
    Reversal(Reversal),
    /// 5201's visits.
    Visits(Vec<FoundVisit>),
    /// What 5203 says, read by the profile's table.
    Enquiry(Enquiry),
    /// 2101 previews these amounts and splits the lines; no lines where the site does not say.
    DrugPreview {
        /// What 2102 would charge.
        amounts: Amounts,
        /// `detlcutinfo`.
        lines: Vec<LineSplit>,
    },
    /// What 3505A or 3506A says of each row.
    Dispensed(Vec<RowResult>),
    /// The settlement that 5203 was asked for by its number.
    Looked(Looked),
    /// What 5203 says of one settlement, as it stands there.
    Compared(super::reconcile::row::Looked),
    /// 3201's result.
    Totals {
        /// 对账结果.
        stmt_rslt: String,
        /// 对账结果说明, may be empty.
        dscr: String,
    },
    /// A file is there: 9101 took it, or 3202 made it.
    File {
        /// 文件查询号.
        file_qury_no: String,
        /// 文件名称, may be empty.
        filename: String,
    },
    /// The lines of a 3202 result.
    Statement(Vec<super::reconcile::row::StatementRow>),
    /// 5206's rows.
    YearToDate(Vec<super::year_to_date::figures::CumRow>),
}

/// A settlement as 5203 shows it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Looked {
    /// What was charged.
    pub settled: Settled,
    /// 退费结算标志: it was given back.
    pub is_refunded: bool,
    /// 定点医药机构编号, empty when the answer does not name it.
    pub fixmedins_code: String,
}

/// A line as 2204 or 2101 split it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LineSplit {
    /// 费用明细流水号.
    pub feedetl_sn: String,
    /// 收费项目等级: 01 甲类, 02 乙类, 03 丙类.
    pub chrgitm_lv: String,
    /// 明细项目费用总额.
    pub det_item_fee_sumamt: super::bill::Fen,
    /// 全自费金额.
    pub fulamt_ownpay_amt: super::bill::Fen,
    /// 超限价金额.
    pub overlmt_amt: super::bill::Fen,
    /// 先行自付金额.
    pub preselfpay_amt: super::bill::Fen,
    /// 符合政策范围金额.
    pub inscp_scp_amt: super::bill::Fen,
}

/// What 2207 (or 5203 for it) says was charged.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Settled {
    /// 结算ID.
    pub setl_id: String,
    /// 就诊ID as the answer names it; empty when it does not.
    pub mdtrt_id: String,
    /// 医药机构结算ID: the msgid of the settling call, as the answer names it; empty when it does not.
    pub medins_setl_id: String,
    /// 结算时间, the platform's, civil +08:00.
    pub setl_time: String,
    /// 险种类型.
    pub insutype: String,
    /// 清算类别.
    pub clr_type: String,
    /// 清算方式, may be empty.
    pub clr_way: String,
    /// 清算经办机构, may be empty.
    pub clr_optins: String,
    /// What was charged.
    pub amounts: Amounts,
    /// `setlinfo` as received, JSON. It names the person: sealed.
    pub setlinfo: String,
    /// `setldetail` as received, JSON.
    pub setldetail: String,
}

impl std::fmt::Debug for Settled {
    /// Its numbers: the rest names a person.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settled")
            .field("setl_id", &self.setl_id)
            .field("medins_setl_id", &self.medins_setl_id)
            .field("setl_time", &self.setl_time)
            .finish_non_exhaustive()
    }
}

/// What 2601 says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reversal {
    /// The settling call's effect is gone.
    Reversed,
    /// There was nothing to reverse.
    NothingThere,
    /// It cannot be told.
    Unclear,
}

/// What 5203 says of a settling call.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "a few at a time; boxes would stand between the words"
)]
pub enum Enquiry {
    /// It stands: our msgid was seen, not refunded.
    Found(Settled),
    /// Our msgid was seen, and it was given back.
    Refunded,
    /// Nothing of ours is there.
    NothingThere,
    /// It cannot be told.
    Unclear,
}

/// A visit of 5201.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FoundVisit {
    /// 就诊ID.
    pub mdtrt_id: String,
    /// 门诊号; may be empty.
    pub ipt_otp_no: String,
}
